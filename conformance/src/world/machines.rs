//! The namespaces, machines and roots that a world is made of.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::{CONTROLLER, Machine, Root, World, WorldError, chain, io_error};
use crate::config::{self, Node, NodeKind, PEOPLE, SLURM_UID};
use crate::ground;
use crate::stock::{self, Release, StockError};
use crate::subject;

impl World {
    /// Runs one of the world's scripts in the namespaces of its first process.
    pub(super) fn script(
        &self,
        name: &'static str,
        text: &str,
        args: &[&str],
    ) -> Result<(), WorldError> {
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
    pub(super) fn furnish(
        &self,
        extra: &[String],
        files: &[(String, String)],
    ) -> Result<(), WorldError> {
        let doing = || "writing the world's configuration";
        let share = self.outside(&self.share());
        let text = config::slurm_conf(&self.nodes_now(), extra);
        let mut all = vec![
            ("passwd", config::passwd(), 0o644),
            ("group", config::group(), 0o644),
            ("shadow", config::shadow(), 0o600),
            ("hosts", "127.0.0.1 localhost\n".to_owned(), 0o644),
            ("slurm/slurm.conf", text, 0o644),
            ("slurm/cgroup.conf", config::cgroup_conf(&self.release.series()).to_owned(), 0o644),
            ("cgroup/disabled", config::CGROUPS_DISABLED.to_owned(), 0o644),
            ("cgroup/unnamed", config::CGROUPS_UNNAMED.to_owned(), 0o644),
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
        let is_roots = extra.iter().any(|line| line == "SlurmUser=root");
        let owner = if is_roots { 0 } else { SLURM_UID };
        put(&share.join("slurm/slurm.key"), &key, 0o600, owner).map_err(io_error(doing()))?;
        for (name, uid) in PEOPLE {
            let home = share.join("home").join(name);
            fs::create_dir(&home).map_err(io_error(doing()))?;
            chown(&home, Some(uid), Some(uid)).map_err(io_error(doing()))?;
        }
        Ok(())
    }

    /// `etc` is what it has as /etc/slurm; without it, an empty folder of its own.
    pub(super) fn add_machine(&self, name: &str, etc: Option<&Path>) -> Result<(), WorldError> {
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

    pub(super) fn add_root(&self, machine: &str, root: Root) -> Result<(), WorldError> {
        let machines = self.lock_machines();
        let found =
            machines.get(machine).expect("roots are added to machines that were added before");
        if found.roots.contains(&root) {
            return Ok(());
        }
        let etc = found.etc.display().to_string();
        drop(machines);
        let (below, cgroup) = match root {
            Root::Stock(release) => {
                let is_mpi = self.has_mpi && release == Release::R24_11;
                let stock = if is_mpi { stock::fetch_with_mpi() } else { stock::fetch(release) }?;
                (stock.root.display().to_string(), config::cgroup_conf(stock.series()))
            }
            Root::Host => ("/".to_owned(), config::cgroup_conf(&self.release.series())),
        };
        let cgroup = if cgroup.is_empty() { "unnamed" } else { "disabled" };
        let program = match (&self.ctld, root) {
            (Some(path), Root::Host) => path.display().to_string(),
            _ => String::new(),
        };
        let folder = self.folder.display().to_string();
        let args = [&folder, machine, root.name(), &below, &etc, &program, cgroup];
        self.script("root.sh", include_str!("root.sh"), &args)?;
        if let Some(found) = self.lock_machines().get_mut(machine) {
            found.roots.push(root);
        }
        Ok(())
    }

    pub(super) fn add_node_machine(&self, node: &Node) -> Result<(), WorldError> {
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
    pub(super) fn copy_key(&self, machine: &str) {
        let key = fs::read(self.path(CONTROLLER, "/etc/slurm/slurm.key")).unwrap_or_default();
        let copy = self.path(machine, "/etc/slurm/slurm.key");
        if let Err(why) = put(&copy, &key, 0o600, SLURM_UID) {
            self.fail(&format!("giving {machine} the key: {why}"));
        }
    }

    pub(super) fn cable(&self, machine: &str, state: &str) {
        let Some(number) = self.lock_machines().get(machine).map(|found| found.number) else {
            panic!("the world has no machine {machine}");
        };
        let name = format!("cable{number}");
        if let Err(why) = self.script("cable", "ip link set \"$1\" \"$2\"", &[&name, state]) {
            self.fail(&chain(&why));
        }
    }
}

/// Starts the first process of a world: the folder of its tmpfs, the process, and the pipe that keeps it alive.
pub(super) fn begin() -> Result<(PathBuf, Child, ChildStdin), WorldError> {
    ground::install_tools().map_err(StockError::from)?;
    // One folder serves all worlds: each sees its own tmpfs there, in its own mount namespace.
    let folder = subject::target_folder().join("world");
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
    Err(WorldError::Script { script: "init.sh", stderr })
}

pub(super) fn put(path: &Path, bytes: &[u8], mode: u32, uid: u32) -> io::Result<()> {
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    chown(path, Some(uid), Some(uid))
}
