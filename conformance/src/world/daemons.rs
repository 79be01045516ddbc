//! Starting, stopping and killing the daemons of a world.

use std::fs;
use std::thread;

use super::{CONTROLLER, NodeKind, POLL, Root, START_LIMIT_S, Subject, World};
use crate::shell::Outcome;

/// How long a daemon may take to end after a signal, seconds.
const STOP_LIMIT_S: u64 = 20;

/// Port 6817 in the state LISTEN, as the kernel's tables of TCP sockets have it.
const LISTENING: &str = ":1AA1 [0-9A-F]+:0000 0A";

impl World {
    /// Starts the controller and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn start_controller(&self) {
        self.start_controller_with(&[]);
    }

    /// Starts the controller with further flags, such as `-c`, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn start_controller_with(&self, flags: &[&str]) {
        self.launch_controller(flags);
        // A client that is refused tries again only after seconds, so none asks before the port is open.
        self.until("the controller listens", START_LIMIT_S, || {
            if !self.detached && !self.controller_runs() {
                self.fail("the controller ended at once");
            }
            let open = ["grep", "-qE", LISTENING, "/proc/net/tcp", "/proc/net/tcp6"];
            (self.on(CONTROLLER).run(open).code == 0).then_some(())
        });
        self.until("scontrol ping says UP", START_LIMIT_S, || {
            self.shell().run(["scontrol", "ping"]).stdout.contains("is UP").then_some(())
        });
    }

    /// Starts the controller and waits for nothing.
    ///
    /// # Panics
    /// When it cannot be started at all.
    #[track_caller]
    pub fn launch_controller(&self, flags: &[&str]) {
        let mut args = vec![self.controller_program()];
        if !self.detached {
            args.push("-D");
        }
        args.extend(["-f", "/etc/slurm/slurm.conf"]);
        args.extend(flags);
        self.spawn(CONTROLLER, self.controller_root(), "controller", &args);
    }

    /// Ends the controller with SIGTERM and waits until it has gone.
    ///
    /// # Panics
    /// When it does not go.
    #[track_caller]
    pub fn stop_controller(&self) {
        self.signal(CONTROLLER, "controller", "TERM");
        self.wait_gone(CONTROLLER, "controller");
    }

    /// Kills the controller with SIGKILL, at once.
    ///
    /// # Panics
    /// When it does not go.
    #[track_caller]
    pub fn kill_controller(&self) {
        self.signal(CONTROLLER, "controller", "KILL");
        self.wait_gone(CONTROLLER, "controller");
    }

    /// Sends the controller a signal, such as `HUP`.
    ///
    /// # Panics
    /// When there is no controller to send it to.
    #[track_caller]
    pub fn signal_controller(&self, signal: &str) {
        self.signal(CONTROLLER, "controller", signal);
    }

    /// Whether the controller's process is there.
    pub fn controller_runs(&self) -> bool {
        self.pid(CONTROLLER, "controller").is_some_and(|pid| self.alive(pid))
    }

    /// Starts a node's slurmd and waits for nothing.
    ///
    /// # Panics
    /// When the world has no such node.
    #[track_caller]
    pub fn start_slurmd(&self, node: &str) {
        self.start_slurmd_with(node, &[]);
    }

    /// Starts a node's slurmd with further flags, such as `-b`, and waits for nothing.
    ///
    /// # Panics
    /// When the world has no such node, or it cannot be run.
    #[track_caller]
    pub fn start_slurmd_with(&self, node: &str, flags: &[&str]) {
        let kind = match self.lock_nodes().iter().find(|found| found.name == node) {
            Some(found) => found.kind,
            None => panic!("the world has no node {node}"),
        };
        let mut args = vec!["/usr/sbin/slurmd", "-D"];
        args.extend(flags);
        match kind {
            NodeKind::Listed => {}
            NodeKind::Configless => args.extend(["--conf-server", "ctl:6817"]),
            NodeKind::Dynamic => {
                args.extend([
                    "-Z",
                    "--conf-server",
                    "ctl:6817",
                    "--conf",
                    "CPUs=4 RealMemory=2000",
                ]);
            }
        }
        self.spawn(node, self.first_root(node), "slurmd", &args);
    }

    /// Ends a node's slurmd with SIGTERM and waits until it has gone. Its jobs go on.
    ///
    /// # Panics
    /// When it does not go.
    #[track_caller]
    pub fn stop_slurmd(&self, node: &str) {
        self.signal(node, "slurmd", "TERM");
        self.wait_gone(node, "slurmd");
    }

    /// Kills a node's slurmd with SIGKILL. Its jobs go on.
    ///
    /// # Panics
    /// When it does not go.
    #[track_caller]
    pub fn kill_slurmd(&self, node: &str) {
        self.signal_slurmd(node, "KILL");
        self.wait_gone(node, "slurmd");
    }

    /// Sends a node's slurmd a signal, such as `STOP`: then it takes connections and answers none.
    ///
    /// # Panics
    /// When there is no slurmd to send it to.
    #[track_caller]
    pub fn signal_slurmd(&self, node: &str, signal: &str) {
        self.signal(node, "slurmd", signal);
    }

    /// Starts sackd on a login machine, which asks the controller for its configuration.
    ///
    /// # Panics
    /// When it cannot be started, or has no socket after a while.
    #[track_caller]
    pub fn start_sackd(&self, machine: &str) {
        let args = ["/usr/sbin/sackd", "-D", "--conf-server", "ctl:6817"];
        self.spawn(machine, self.first_root(machine), "sackd", &args);
        let socket = self.path(machine, "/run/slurm/sack.socket");
        self.until("sackd has made its socket", START_LIMIT_S, || socket.exists().then_some(()));
    }

    /// Runs the controller's program with these flags, to its end, on the controller's machine.
    pub fn run_controller(&self, flags: &[&str]) -> Outcome {
        let mut args = vec![self.controller_program()];
        args.extend(flags);
        self.on(CONTROLLER).root(self.controller_root()).folder("/").run(args)
    }

    /// The user that the running controller runs as; `None` when none runs.
    pub fn controller_user(&self) -> Option<String> {
        let pid = self.pid(CONTROLLER, "controller")?.to_string();
        let outcome = self.shell().run(["stat", "-c", "%U", &format!("/proc/{pid}")]);
        (outcome.code == 0).then(|| outcome.stdout.trim().to_owned())
    }

    fn controller_program(&self) -> &'static str {
        match self.subject {
            Subject::Ours => "/usr/sbin/ctld",
            Subject::Stock(_) => "/usr/sbin/slurmctld",
        }
    }

    fn controller_root(&self) -> Root {
        match self.subject {
            Subject::Ours => Root::Host,
            Subject::Stock(release) => Root::Stock(release),
        }
    }

    /// Starts a daemon in the background of the world; its process id goes to `/run/NAME.started`.
    #[track_caller]
    fn spawn(&self, machine: &str, root: Root, name: &str, args: &[&str]) {
        const START: &str = "name=$1; shift; \
            setsid \"$@\" </dev/null >>/var/log/slurm/$name.out 2>&1 & echo $! > /run/$name.started";
        let mut all = vec!["sh", "-c", START, "sh", name];
        all.extend(args);
        let outcome = self.on(machine).root(root).folder("/").run(all);
        if outcome.code != 0 {
            self.fail(&format!("starting {} on {machine}: {outcome}", args.join(" ")));
        }
    }

    /// The process id, in the world, of a daemon that was started; a controller that detached wrote its own.
    pub(super) fn pid(&self, machine: &str, name: &str) -> Option<u32> {
        let file = if name == "controller" && self.detached {
            "/run/slurmctld/slurmctld.pid".to_owned()
        } else {
            format!("/run/{name}.started")
        };
        self.read(machine, &file).trim().parse().ok()
    }

    #[track_caller]
    fn signal(&self, machine: &str, name: &str, signal: &str) {
        let Some(pid) = self.pid(machine, name) else {
            self.fail(&format!("{name} was never started on {machine}"));
        };
        self.on(machine).ok(["kill", "-s", signal, &pid.to_string()]);
    }

    #[track_caller]
    fn wait_gone(&self, machine: &str, name: &str) {
        let Some(pid) = self.pid(machine, name) else { return };
        self.until(&format!("{name} on {machine} has gone"), STOP_LIMIT_S, || {
            (!self.alive(pid)).then_some(())
        });
        // The port of a killed process is free when the kernel has closed it, a moment after it has gone.
        thread::sleep(POLL);
    }

    fn alive(&self, pid: u32) -> bool {
        let path = self.outside(format!("/proc/{pid}/stat").as_ref());
        let stat = fs::read_to_string(path).unwrap_or_default();
        // The state letter follows the name, which is in brackets and may hold anything.
        let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
        state.is_some_and(|letter| letter != "Z")
    }
}
