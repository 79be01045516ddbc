//! A cluster in namespaces of its own.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::config::{CONTROLLER, Node, NodeKind, PEOPLE, SLURM_UID};
use crate::ground::{self, say};
use crate::shell::Shell;
use crate::stock::{Release, StockError};
use crate::subject::{self, Subject};

mod builder;
mod daemons;
mod jobs;
mod machines;

pub use builder::Builder;
pub use jobs::field;

/// How long a world may take to come up, seconds. Two cores that others use too are slow at times.
const START_LIMIT_S: u64 = 60;

/// The controller's machine is the first one on the hub.
const CONTROLLER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 1);

/// SlurmctldPort's default.
const CONTROLLER_PORT: u16 = 6817;

/// How long the processes of a world may take to go when it ends, seconds.
const END_LIMIT_S: u64 = 10;

/// Pause between two looks at something that is waited for.
const POLL: Duration = Duration::from_millis(100);

/// A root file system of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Root {
    /// A fetched Debian with stock Slurm.
    Stock(Release),
    /// The host's own system, which the host's cargo built `ctld` for.
    Host,
}

impl Root {
    fn name(self) -> &'static str {
        match self {
            Self::Stock(release) => release.suite(),
            Self::Host => "host",
        }
    }
}

/// A world could not be made.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// No stock programs.
    #[error("no stock Slurm")]
    Stock(#[from] StockError),
    /// No ctld.
    #[error("no ctld")]
    Build(#[from] subject::BuildError),
    /// A program or file of this machine failed.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// One of the world's scripts failed.
    #[error("{script} failed: {stderr}")]
    Script {
        /// Which one.
        script: &'static str,
        /// What it printed.
        stderr: String,
    },
}

fn io_error(doing: impl Into<String>) -> impl FnOnce(io::Error) -> WorldError {
    let doing = doing.into();
    move |source| WorldError::Io { doing, source }
}

/// All causes of an error, the outermost first.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// A machine of a world.
#[derive(Clone, Debug)]
struct Machine {
    /// Which cable of the hub is its own.
    number: u32,
    /// The folder that it sees as /etc/slurm, as a path in the world.
    etc: PathBuf,
    /// Its roots, the first one first.
    roots: Vec<Root>,
}

/// A running cluster. All of it ends when this drops.
#[derive(Debug)]
pub struct World {
    subject: Subject,
    release: Release,
    nodes: Mutex<Vec<Node>>,
    detached: bool,
    has_mpi: bool,
    ctld: Option<PathBuf>,
    /// Where the tmpfs is mounted, in the world's mount namespace only.
    folder: PathBuf,
    /// `unshare`, which is in all of the world's namespaces but the PID one, of which its child is the first process.
    init: Child,
    /// The pipe whose end ends the world.
    leash: Option<ChildStdin>,
    machines: Mutex<BTreeMap<String, Machine>>,
}

impl World {
    /// Who controls it.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// Commands as root on the controller's machine, with clients of the chosen release.
    pub fn shell(&self) -> Shell<'_> {
        Shell::new(self, self.release)
    }

    /// Commands as this user, in their home, on the controller's machine.
    pub fn user(&self, name: &str) -> Shell<'_> {
        self.shell().user(name)
    }

    /// Commands on this machine, in its first root, as root.
    pub fn on(&self, machine: &str) -> Shell<'_> {
        self.shell().on(machine)
    }

    /// What a file of a machine holds; an empty text when it is not there.
    pub fn read(&self, machine: &str, path: &str) -> String {
        let bytes = fs::read(self.path(machine, path)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Writes a file of a machine, readable and executable by all, owned by `user`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, machine: &str, path: &str, text: &str, user: &str) {
        let uid = match user {
            "slurm" => SLURM_UID,
            name => PEOPLE.iter().find(|(person, _)| *person == name).map_or(0, |(_, id)| *id),
        };
        let file = self.path(machine, path);
        if let Err(why) = machines::put(&file, text.as_bytes(), 0o755, uid) {
            self.fail(&format!("writing {path} on {machine}: {why}"));
        }
    }

    /// Replaces a piece of slurm.conf, which all but configless machines share.
    ///
    /// # Panics
    /// When slurm.conf does not hold `from`.
    pub fn edit_conf(&self, from: &str, to: &str) {
        let text = self.read(CONTROLLER, "/etc/slurm/slurm.conf");
        if !text.contains(from) {
            self.fail(&format!("slurm.conf does not hold {from:?}"));
        }
        self.write(CONTROLLER, "/etc/slurm/slurm.conf", &text.replace(from, to), "root");
    }

    /// Adds a machine that is no node, with an /etc/slurm of its own that holds the cluster's key only: a login machine.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn add_login(&self, name: &str, release: Release) {
        let made =
            self.add_machine(name, None).and_then(|()| self.add_root(name, Root::Stock(release)));
        if let Err(why) = made {
            self.fail(&format!("adding {name}: {}", chain(&why)));
        }
        self.copy_key(name);
    }

    /// Adds a node's machine to the running world; its slurmd is not started yet.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn add_node(&self, name: &str, release: Release, kind: NodeKind) {
        let node = Node { name: name.to_owned(), release, kind };
        if let Err(why) = self.add_node_machine(&node) {
            self.fail(&format!("adding {name}: {}", chain(&why)));
        }
        self.lock_nodes().push(node);
    }

    /// A TCP connection from this machine to the controller's port, for bytes that no stock program sends.
    ///
    /// # Errors
    /// When the controller does not take it.
    ///
    /// # Panics
    /// When the world has no such machine.
    pub fn connect(&self, machine: &str) -> io::Result<TcpStream> {
        let namespace =
            fs::File::open(self.outside(&self.folder.join(format!("ns/net-{machine}"))))
                .unwrap_or_else(|why| panic!("the world has no machine {machine}: {why}"));
        // A thread of its own goes there and ends; the socket stays where it was made.
        let call = move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            TcpStream::connect((CONTROLLER_ADDRESS, CONTROLLER_PORT))
        };
        thread::spawn(call).join().expect("connecting does not panic")
    }

    /// The resident memory of the controller's process, KiB; 0 when none runs.
    pub fn controller_memory_kib(&self) -> u64 {
        let pid = self.pid(CONTROLLER, "controller").unwrap_or_default();
        let status = fs::read_to_string(self.outside(format!("/proc/{pid}/status").as_ref()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }

    /// Pulls a machine's network cable: what is sent to it is lost without an answer.
    pub fn cut(&self, machine: &str) {
        self.cable(machine, "down");
    }

    /// Puts the cable in again.
    pub fn mend(&self, machine: &str) {
        self.cable(machine, "up");
    }

    /// Looks again and again until `probe` gives something.
    ///
    /// # Panics
    /// When `limit_s` seconds have passed; the message has `what` and the daemons' logs.
    #[track_caller]
    pub fn until<T>(&self, what: &str, limit_s: u64, mut probe: impl FnMut() -> Option<T>) -> T {
        self.until_ok(limit_s, || probe().ok_or_else(|| what.to_owned()))
    }

    /// As [`World::until`], for a probe that says itself what is still missing.
    ///
    /// # Panics
    /// When `limit_s` seconds have passed; the message has what the probe said last.
    #[track_caller]
    pub fn until_ok<T>(&self, limit_s: u64, mut probe: impl FnMut() -> Result<T, String>) -> T {
        let deadline = Instant::now() + Duration::from_secs(limit_s);
        loop {
            match probe() {
                Ok(found) => return found,
                Err(missing) if Instant::now() >= deadline => {
                    self.fail(&format!("not after {limit_s} s: {missing}"));
                }
                Err(_) => thread::sleep(POLL),
            }
        }
    }

    /// Ends the test with this message and the last lines of the daemons' logs.
    ///
    /// # Panics
    /// Always: that is what it is for.
    #[track_caller]
    pub fn fail(&self, message: &str) -> ! {
        panic!("{message}\n{}", self.logs(30))
    }

    /// The PID namespace that all processes of this world are in, as `/proc/PID/ns/pid` of each of them names it.
    pub fn namespace(&self) -> String {
        let link = fs::read_link(format!("/proc/{}/ns/pid_for_children", self.init.id()));
        link.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The last lines of each daemon's log and output.
    pub fn logs(&self, lines: usize) -> String {
        let mut text = format!("controller: {}\n", self.subject);
        let names: Vec<String> = self.lock_machines().keys().cloned().collect();
        for name in names {
            for file in ["slurmctld.log", "slurmd.log", "controller.out", "slurmd.out", "sackd.out"]
            {
                let log = self.read(&name, &format!("/var/log/slurm/{file}"));
                if !log.is_empty() {
                    text.push_str(&format!("--- {name}: {file}\n{}\n", ground::tail(&log, lines)));
                }
            }
        }
        text
    }

    fn share(&self) -> PathBuf {
        self.folder.join("share")
    }

    /// The world's own folder as this process sees it.
    fn outside(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix("/").expect("paths in a world are absolute");
        PathBuf::from(format!("/proc/{}/root", self.init.id())).join(inside)
    }

    /// A file of a machine as this process sees it.
    fn path(&self, machine: &str, path: &str) -> PathBuf {
        // The folders that a machine's roots share are mounted in each, so that any root shows them.
        let root = self.first_root(machine);
        self.outside(&self.root_folder(machine, root)).join(path.trim_start_matches('/'))
    }

    fn root_folder(&self, machine: &str, root: Root) -> PathBuf {
        self.folder.join("root").join(machine).join(root.name())
    }

    pub(crate) fn first_root(&self, machine: &str) -> Root {
        match self.lock_machines().get(machine).and_then(|found| found.roots.first()) {
            Some(root) => *root,
            None => panic!("the world has no machine {machine}"),
        }
    }

    fn lock_machines(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Machine>> {
        // A test that panicked while it held the lock left the map whole: it is only ever inserted into.
        self.machines.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn lock_nodes(&self) -> std::sync::MutexGuard<'_, Vec<Node>> {
        self.nodes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn nodes_now(&self) -> Vec<Node> {
        self.lock_nodes().clone()
    }

    /// `nsenter` into a root of a machine, to which a program is to be added.
    pub(crate) fn enter(&self, machine: &str, root: Root) -> Command {
        let init = self.init.id();
        let namespace = |kind: &str| {
            self.outside(&self.folder.join(format!("ns/{kind}-{machine}"))).display().to_string()
        };
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--mount=/proc/{init}/ns/mnt"))
            .arg(format!("--ipc=/proc/{init}/ns/ipc"))
            .arg(format!("--pid=/proc/{init}/ns/pid_for_children"))
            .arg(format!("--net={}", namespace("net")))
            .arg(format!("--uts={}", namespace("uts")))
            .arg(format!("--root={}", self.outside(&self.root_folder(machine, root)).display()));
        command
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if thread::panicking() && env::var_os("CONFORMANCE_LOGS").is_some() {
            say(&self.logs(usize::MAX));
        }
        drop(self.leash.take());
        // The first process leaves at the end of the pipe, and unshare after the last process of the namespace has gone.
        let deadline = Instant::now() + Duration::from_secs(END_LIMIT_S);
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.init.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.init.kill();
        let _ = self.init.wait();
    }
}
