//! A cluster in namespaces of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio, id};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::{self, CONTROLLER, Node, NodeKind, PEOPLE, SLURM_UID};
use crate::ground::{self, say};
use crate::shell::Shell;
use crate::stock::{self, Release, StockError};
use crate::subject::{self, Subject};

mod daemons;
mod jobs;

/// How long a world may take to come up, seconds. Two cores that others use too are slow at times.
const START_LIMIT_S: u64 = 60;

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

/// What a world is to be.
#[derive(Clone, Debug)]
pub struct Builder {
    subject: Subject,
    release: Release,
    nodes: Vec<Node>,
    extra: Vec<String>,
    clients: BTreeSet<Release>,
    files: Vec<(String, String)>,
    detached: bool,
}

impl Builder {
    /// With this controller instead of the chosen one.
    pub fn subject(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// A controller of this release when the stock one is tested; ours speaks to all.
    pub fn stock_of(mut self, release: Release) -> Self {
        if let Subject::Stock(_) = self.subject {
            self.subject = Subject::Stock(release);
        }
        self
    }

    /// Clients and later slurmds of this release.
    pub fn release(mut self, release: Release) -> Self {
        self.release = release;
        self.clients.insert(release);
        self
    }

    /// Also clients of this release, by [`Shell::release`].
    pub fn clients(mut self, release: Release) -> Self {
        self.clients.insert(release);
        self
    }

    /// A slurmd that has its line in slurm.conf.
    pub fn node(self, name: &str) -> Self {
        let release = self.release;
        self.node_of(name, release, NodeKind::Listed)
    }

    /// A slurmd of this release and kind.
    pub fn node_of(mut self, name: &str, release: Release, kind: NodeKind) -> Self {
        self.nodes.push(Node { name: name.to_owned(), release, kind });
        self
    }

    /// A further line of slurm.conf; one of the base with the same key gives way.
    pub fn conf(mut self, line: &str) -> Self {
        self.extra.push(line.to_owned());
        self
    }

    /// A further file in /etc/slurm, readable and executable by all.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// The controller is started without `-D`, so that it detaches.
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// Makes the world and waits until the controller answers and the listed nodes are idle.
    ///
    /// # Panics
    /// When it does not come up: the reason and the daemons' logs are in the message.
    #[track_caller]
    pub fn start(self) -> World {
        let listed: Vec<String> = self
            .nodes
            .iter()
            .filter(|node| node.kind != NodeKind::Dynamic)
            .map(|node| node.name.clone())
            .collect();
        let nodes: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let world = match self.make() {
            Ok(world) => world,
            Err(why) => panic!("cannot make a world: {}", chain(&why)),
        };
        world.start_controller();
        for node in &nodes {
            world.start_slurmd(node);
        }
        for node in &listed {
            world.wait_node(node, "idle");
        }
        world
    }

    /// Makes the world's machines; no daemon runs yet.
    ///
    /// # Errors
    /// When stock Slurm or ctld are not to be had, or the system refuses something.
    pub fn make(self) -> Result<World, WorldError> {
        let ctld = match self.subject {
            Subject::Ours => Some(subject::ctld()?),
            Subject::Stock(_) => None,
        };
        let (folder, init, leash) = begin()?;
        let mut world = World {
            subject: self.subject,
            release: self.release,
            nodes: Mutex::new(self.nodes),
            detached: self.detached,
            ctld,
            folder,
            init,
            leash: Some(leash),
            machines: Mutex::new(BTreeMap::new()),
        };
        world.furnish(&self.extra, &self.files)?;
        world.add_machine(CONTROLLER, Some(&world.share().join("slurm")))?;
        match self.subject {
            Subject::Ours => world.add_root(CONTROLLER, Root::Host)?,
            Subject::Stock(release) => world.add_root(CONTROLLER, Root::Stock(release))?,
        }
        for release in self.clients {
            world.add_root(CONTROLLER, Root::Stock(release))?;
        }
        for node in world.nodes_now() {
            world.add_node_machine(&node)?;
        }
        Ok(world)
    }
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
    /// A world with the chosen subject; `None`, after one line that says why, where none can be made.
    ///
    /// # Panics
    /// Instead of `None` when `CI=true`: a suite that skips everything must not look like one that passes.
    pub fn builder() -> Option<Builder> {
        if let Err(why) = ground::check_rights() {
            if env::var("CI").as_deref() == Ok("true") {
                panic!("{why}");
            }
            say(&format!("skipped: {why}"));
            return None;
        }
        let release = Release::chosen();
        Some(Builder {
            subject: Subject::chosen(),
            release,
            nodes: Vec::new(),
            extra: Vec::new(),
            clients: BTreeSet::from([release]),
            files: Vec::new(),
            detached: false,
        })
    }

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
        if let Err(why) = put(&file, text.as_bytes(), 0o755, uid) {
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

    /// Runs one of the world's scripts in the namespaces of its first process.
    fn script(&self, name: &'static str, text: &str, args: &[&str]) -> Result<(), WorldError> {
        let init = self.init.id();
        let output = Command::new("nsenter")
            .arg(format!("--mount=/proc/{init}/ns/mnt"))
            .arg(format!("--net=/proc/{init}/ns/net"))
            .arg(format!("--pid=/proc/{init}/ns/pid_for_children"))
            .args(["bash", "-c", text, name])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .map_err(io_error(format!("running {name}")))?;
        if output.status.success() {
            return Ok(());
        }
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(WorldError::Script { script: name, stderr })
    }

    /// Writes what all machines share.
    fn furnish(&mut self, extra: &[String], files: &[(String, String)]) -> Result<(), WorldError> {
        let doing = || "writing the world's configuration";
        let share = self.outside(&self.share());
        let text = config::slurm_conf(&self.nodes_now(), extra);
        let mut all = vec![
            ("passwd", config::passwd(), 0o644),
            ("group", config::group(), 0o644),
            ("hosts", "127.0.0.1 localhost\n".to_owned(), 0o644),
            ("slurm/slurm.conf", text, 0o644),
            ("slurm/cgroup.conf", "CgroupPlugin=disabled\n".to_owned(), 0o644),
        ];
        let named: Vec<String> = files.iter().map(|(name, _)| format!("slurm/{name}")).collect();
        all.extend(
            named.iter().zip(files).map(|(path, (_, text))| (path.as_str(), text.clone(), 0o755)),
        );
        for (path, text, mode) in all {
            put(&share.join(path), text.as_bytes(), mode, 0).map_err(io_error(doing()))?;
        }
        let mut key = [0; 1024];
        fs::File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut key))
            .map_err(io_error(doing()))?;
        put(&share.join("slurm/slurm.key"), &key, 0o600, SLURM_UID).map_err(io_error(doing()))?;
        for (name, uid) in PEOPLE {
            let home = share.join("home").join(name);
            fs::create_dir(&home).map_err(io_error(doing()))?;
            chown(&home, Some(uid), Some(uid)).map_err(io_error(doing()))?;
        }
        Ok(())
    }

    /// `etc` is what it has as /etc/slurm; without it, an empty folder of its own.
    fn add_machine(&self, name: &str, etc: Option<&Path>) -> Result<(), WorldError> {
        let number =
            u32::try_from(self.lock_machines().len() + 1).expect("a world has few machines");
        let folder = self.folder.display().to_string();
        self.script(
            "machine.sh",
            include_str!("machine.sh"),
            &[&folder, name, &number.to_string()],
        )?;
        let own = self.folder.join("machine").join(name).join("slurm");
        let etc = etc.map_or(own, Path::to_owned);
        let machine = Machine { number, etc, roots: Vec::new() };
        self.lock_machines().insert(name.to_owned(), machine);
        Ok(())
    }

    fn add_root(&self, machine: &str, root: Root) -> Result<(), WorldError> {
        let machines = self.lock_machines();
        let found =
            machines.get(machine).expect("roots are added to machines that were added before");
        if found.roots.contains(&root) {
            return Ok(());
        }
        let etc = found.etc.display().to_string();
        drop(machines);
        let below = match root {
            Root::Stock(release) => stock::fetch(release)?.root.display().to_string(),
            Root::Host => "/".to_owned(),
        };
        let program = match (&self.ctld, root) {
            (Some(path), Root::Host) => path.display().to_string(),
            _ => String::new(),
        };
        let folder = self.folder.display().to_string();
        let args = [&folder, machine, root.name(), &below, &etc, &program];
        self.script("root.sh", include_str!("root.sh"), &args)?;
        if let Some(found) = self.lock_machines().get_mut(machine) {
            found.roots.push(root);
        }
        Ok(())
    }

    fn add_node_machine(&self, node: &Node) -> Result<(), WorldError> {
        let shared = self.share().join("slurm");
        let etc = (node.kind == NodeKind::Listed).then_some(shared.as_path());
        self.add_machine(&node.name, etc)?;
        self.add_root(&node.name, Root::Stock(node.release))?;
        if etc.is_none() {
            self.copy_key(&node.name);
        }
        Ok(())
    }

    /// A machine that gets its configuration from the controller has the key all the same.
    fn copy_key(&self, machine: &str) {
        let key = fs::read(self.path(CONTROLLER, "/etc/slurm/slurm.key")).unwrap_or_default();
        let copy = self.path(machine, "/etc/slurm/slurm.key");
        if let Err(why) = put(&copy, &key, 0o600, SLURM_UID) {
            self.fail(&format!("giving {machine} the key: {why}"));
        }
    }

    fn cable(&self, machine: &str, state: &str) {
        let Some(number) = self.lock_machines().get(machine).map(|found| found.number) else {
            panic!("the world has no machine {machine}");
        };
        let name = format!("cable{number}");
        if let Err(why) = self.script("cable", "ip link set \"$1\" \"$2\"", &[&name, state]) {
            self.fail(&chain(&why));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if thread::panicking() && env::var_os("CONFORMANCE_LOGS").is_some() {
            say(&self.logs(usize::MAX));
        }
        drop(self.leash.take());
        // The leash has ended the world already, or is about to; killing unshare takes its child with it.
        let _ = self.init.kill();
        let _ = self.init.wait();
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Starts the first process of a world: the folder of its tmpfs, the process, and the pipe that keeps it.
fn begin() -> Result<(PathBuf, Child, ChildStdin), WorldError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    ground::install_tools().map_err(StockError::from)?;
    let worlds = subject::target_folder().join("worlds");
    let folder = worlds.join(format!("{}-{number}", id()));
    fs::create_dir_all(&folder).map_err(io_error(format!("creating {}", folder.display())))?;
    let mut init = Command::new("unshare")
        .args([
            "--pid",
            "--fork",
            "--kill-child",
            "--mount",
            "--mount-proc",
            "--net",
            "--uts",
            "--ipc",
        ])
        .args(["bash", "-c", include_str!("init.sh"), "init.sh"])
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(io_error("starting unshare"))?;
    let leash = init.stdin.take().expect("stdin was asked to be a pipe");
    let stdout = init.stdout.take().expect("stdout was asked to be a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).map_err(io_error("reading from init.sh"))?;
    if line.trim() == "ready" {
        return Ok((folder, init, leash));
    }
    drop(leash);
    let mut stderr = String::new();
    if let Some(mut pipe) = init.stderr.take() {
        pipe.read_to_string(&mut stderr).map_err(io_error("reading from init.sh"))?;
    }
    init.wait().map_err(io_error("waiting for init.sh"))?;
    fs::remove_dir(&folder).map_err(io_error(format!("removing {}", folder.display())))?;
    Err(WorldError::Script { script: "init.sh", stderr })
}

fn put(path: &Path, bytes: &[u8], mode: u32, uid: u32) -> io::Result<()> {
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    chown(path, Some(uid), Some(uid))
}
