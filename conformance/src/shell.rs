//! Commands in a world, as a person types them.

use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::config::{CONTROLLER, PEOPLE, SLURM_UID};
use crate::stock::Release;
use crate::world::{Root, World};

/// A command that hangs is ended after this time, seconds.
const LIMIT_S: u32 = 40;

/// Where, as whom and how the next commands run. Made by [`World::shell`], changed by its methods, used any number of times.
#[derive(Clone, Debug)]
pub struct Shell<'w> {
    world: &'w World,
    machine: String,
    root: Root,
    user: String,
    folder: String,
    environment: Vec<(String, String)>,
    stdin: String,
    limit_s: u32,
}

/// What a command left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code; 124 when the time limit ended it, 128 and the signal's number when a signal did.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.stdout, self.stderr)?;
        if self.code != 0 {
            writeln!(f, "[exit {}]", self.code)?;
        }
        Ok(())
    }
}

impl<'w> Shell<'w> {
    pub(crate) fn new(world: &'w World, release: Release) -> Self {
        Self {
            world,
            machine: CONTROLLER.to_owned(),
            root: Root::Stock(release),
            user: "root".to_owned(),
            folder: "/root".to_owned(),
            environment: Vec::new(),
            stdin: String::new(),
            limit_s: LIMIT_S,
        }
    }

    /// As this user, in their home.
    pub fn user(mut self, name: &str) -> Self {
        self.folder = home(name);
        name.clone_into(&mut self.user);
        self
    }

    /// On this machine.
    ///
    /// # Panics
    /// When the world has no such machine.
    pub fn on(mut self, machine: &str) -> Self {
        self.root = self.world.first_root(machine);
        machine.clone_into(&mut self.machine);
        self
    }

    /// With the programs of this release; the machine must have a root of it.
    pub fn release(mut self, release: Release) -> Self {
        self.root = Root::Stock(release);
        self
    }

    pub(crate) fn root(mut self, root: Root) -> Self {
        self.root = root;
        self
    }

    /// In this folder.
    pub fn folder(mut self, path: &str) -> Self {
        path.clone_into(&mut self.folder);
        self
    }

    /// With this variable besides the few that a login gives.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// With this text as standard input.
    pub fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    /// With another time limit.
    pub fn limit_s(mut self, seconds: u32) -> Self {
        self.limit_s = seconds;
        self
    }

    /// Runs a command and gives what it left, good or bad.
    ///
    /// # Panics
    /// When nsenter itself cannot be run.
    pub fn run<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> Outcome {
        let args: Vec<String> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let mut command = self.command(&args);
        let mut child = command.spawn().expect("nsenter was run before and cannot have gone");
        let mut pipe = child.stdin.take().expect("stdin was asked to be a pipe");
        // A command that does not read its input closes the pipe, which is no fault.
        let _ = pipe.write_all(self.stdin.as_bytes());
        drop(pipe);
        let output = child.wait_with_output().expect("the child is ours to wait for");
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed, and gives its standard output.
    ///
    /// # Panics
    /// When its exit code is not 0.
    #[track_caller]
    pub fn ok<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> String {
        let (args, outcome) = self.kept(args);
        if outcome.code != 0 {
            self.world.fail(&format!("$ {args}\n{outcome}should have succeeded"));
        }
        outcome.stdout
    }

    /// Runs a command that must fail, and gives its standard error.
    ///
    /// # Panics
    /// When its exit code is 0, or when the time limit ended it.
    #[track_caller]
    pub fn fails<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> String {
        let (args, outcome) = self.kept(args);
        if outcome.code == 0 || outcome.code == 124 {
            self.world.fail(&format!("$ {args}\n{outcome}should have failed"));
        }
        outcome.stderr
    }

    /// Submits a batch job with these options and gives its id.
    ///
    /// # Panics
    /// When sbatch fails.
    #[track_caller]
    pub fn sbatch<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> u32 {
        let mut all = vec!["sbatch".to_owned(), "--parsable".to_owned()];
        all.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        let text = self.ok(&all);
        match text.trim().parse() {
            Ok(id) => id,
            Err(_) => self.world.fail(&format!("sbatch --parsable printed {text:?}")),
        }
    }

    fn kept<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> (String, Outcome) {
        let args: Vec<String> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let outcome = self.run(&args);
        (args.join(" "), outcome)
    }

    fn command(&self, args: &[String]) -> Command {
        let id = match self.user.as_str() {
            "root" => 0,
            "slurm" => SLURM_UID,
            other => {
                PEOPLE
                    .iter()
                    .find(|(name, _)| *name == other)
                    .unwrap_or_else(|| panic!("no person is called {other} here"))
                    .1
            }
        };
        let mut command = self.world.enter(&self.machine, self.root);
        command.args(["/usr/bin/env", "-i", "-C", &self.folder]);
        command.args([
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL=C",
            "TZ=UTC",
            "SHELL=/bin/bash",
        ]);
        command.arg(format!("USER={}", self.user)).arg(format!("LOGNAME={}", self.user));
        command.arg(format!("HOME={}", home(&self.user)));
        command.args(self.environment.iter().map(|(key, value)| format!("{key}={value}")));
        command.args(["timeout", "-k", "2", &self.limit_s.to_string()]);
        if id != 0 {
            let id = id.to_string();
            command.args(["setpriv", "--reuid", &id, "--regid", &id, "--init-groups"]);
        }
        command.args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn home(user: &str) -> String {
    match user {
        "root" => "/root".to_owned(),
        "slurm" => "/".to_owned(),
        other => format!("/home/{other}"),
    }
}
