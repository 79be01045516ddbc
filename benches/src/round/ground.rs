use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use conformance::ground::tail;
use protocol::Number;
use protocol::auth::KeySet;
use protocol::msg::{
    JobInfo, JobInfoRequest, JobInfoResponse, NodeInfoRequest, NodesInfo, node_state,
};
use protocol::wire::Wire;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time;

use super::{Plan, RoundError, io_error};
use crate::call::{self, CallError, Reply, Speaker};
use crate::machine::{self, Used};

/// The first user that jobs belong to; the others follow.
pub const FIRST_USER: u32 = 10_001;

/// The port of the first hollow node.
pub const FIRST_PORT: u16 = 20_001;

/// What served stock best of the tunings that were tried, after Slurm's high-throughput guide.
pub const TUNING: &str = "defer,sched_min_interval=100000,sched_interval=1,sched_max_job_start=0,default_queue_depth=10000,bf_interval=300";

/// How long a controller may take to answer, to come up, and to end.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// Pause between two looks at something that is waited for.
const POLL: Duration = Duration::from_millis(100);

/// Pause between two attempts to reach a controller that is starting.
const KNOCK: Duration = Duration::from_millis(2);

/// Bytes of a fresh slurm.key.
const KEY_BYTES: usize = 1024;

/// The controller of a round, and what it stands on.
#[derive(Debug)]
pub struct Ground {
    /// What the round is.
    pub(super) plan: Plan,
    /// root, with the round's key.
    pub(super) speaker: Speaker,
    controller: Option<Child>,
}

/// How long a start took, from exec.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started {
    /// To the first answer to a ping.
    pub(super) ping: Duration,
    /// To the first complete list of jobs.
    pub(super) jobs: Duration,
    /// How many it listed.
    pub(super) listed: u64,
    /// Memory at that ping, before anything was listed, KiB.
    pub(super) resident_kib: u64,
}

impl Ground {
    /// Makes the controller's root, its configuration and its key.
    pub(super) async fn prepare(plan: Plan) -> Result<Self, RoundError> {
        let version = plan.version()?;
        let program = plan.ctld.as_deref().unwrap_or(Path::new(""));
        let status = Command::new("bash")
            .args(["-c", include_str!("ground.sh"), "ground.sh"])
            .args([&plan.folder, &plan.system, &plan.clients])
            .arg(program)
            .status()
            .await
            .map_err(io_error("running ground.sh"))?;
        if !status.success() {
            return Err(RoundError::Ground);
        }
        let mut key = vec![0; KEY_BYTES];
        let random = fs::File::open("/dev/urandom");
        random
            .and_then(|mut random| std::io::Read::read_exact(&mut random, &mut key))
            .map_err(io_error("reading random bytes"))?;
        let keys = KeySet::from_key_file(&key).expect("a key of 1024 bytes is one");
        let ground =
            Self { speaker: Speaker::root(Arc::new(keys), version), plan, controller: None };
        ground.put("etc/slurm/slurm.key", &key, 0o600)?;
        ground.configure(0)?;
        ground.put("etc/slurm/cgroup.conf", b"CgroupPlugin=disabled\n", 0o644)?;
        let (passwd, group) = people(&ground.plan);
        ground.put("etc/passwd", passwd.as_bytes(), 0o644)?;
        ground.put("etc/group", group.as_bytes(), 0o644)?;
        Ok(ground)
    }

    /// Writes slurm.conf; nodes that are silent for `timeout_s` seconds are down, 0 is never.
    pub(super) fn configure(&self, timeout_s: u32) -> Result<(), RoundError> {
        let text = slurm_conf(&self.plan, timeout_s);
        self.put("etc/slurm/slurm.conf", text.as_bytes(), 0o644)
    }

    /// The key file that hollow nodes sign with.
    pub(super) fn key_file(&self) -> PathBuf {
        self.path("etc/slurm/slurm.key")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.plan.folder.join("tmp/root").join(name)
    }

    fn put(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), RoundError> {
        let path = self.path(name);
        fs::write(&path, bytes)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
            .map_err(io_error(format!("writing {}", path.display())))
    }

    /// Starts the controller and waits until it lists its jobs.
    pub(super) async fn start(&mut self) -> Result<Started, RoundError> {
        let output = fs::File::options()
            .create(true)
            .append(true)
            .open(self.output_path())
            .map_err(io_error("opening the controller's output"))?;
        let errors = output.try_clone().map_err(io_error("opening the controller's output"))?;
        let program =
            if self.plan.ctld.is_some() { "/usr/sbin/ctld" } else { "/usr/sbin/slurmctld" };
        let begin = Instant::now();
        let child = Command::new("chroot")
            .arg(self.path(""))
            .args([program, "-D", "-f", "/etc/slurm/slurm.conf"])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(io_error(format!("starting {program}")))?;
        self.controller = Some(child);
        loop {
            match self.ask(Number::REQUEST_PING, &()).await {
                Ok(_) => break,
                Err(_) if begin.elapsed() < START_LIMIT => time::sleep(KNOCK).await,
                Err(why) => {
                    return Err(self.late(format!("an answer to a ping ({why})"), START_LIMIT));
                }
            }
            self.check_alive()?;
        }
        let ping = begin.elapsed();
        let resident_kib = self.used()?.resident_kib;
        let listed = self.listed().await?;
        Ok(Started { ping, jobs: begin.elapsed(), listed, resident_kib })
    }

    /// How many jobs the controller lists.
    pub(super) async fn listed(&self) -> Result<u64, CallError> {
        let body = JobInfoRequest::default();
        let frame = self.speaker.user_frame(0, Number::REQUEST_JOB_INFO, &body);
        let mut buffer = vec![0; 1 << 20];
        let list = call::glance(Plan::controller(), None, &frame, ANSWER_LIMIT, &mut buffer);
        let list = list.await?;
        if list.number != Number::RESPONSE_JOB_INFO {
            return Err(CallError::Unexpected { number: list.number, code: None });
        }
        Ok(list.count.into())
    }

    /// Where the controller keeps its state, outside of its root.
    pub(super) fn state_folder(&self) -> PathBuf {
        self.plan.folder.join("state")
    }

    /// Ends the controller as an administrator does, and waits until it has gone.
    pub(super) async fn stop(&mut self) -> Result<(), RoundError> {
        let Some(child) = &mut self.controller else { return Ok(()) };
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).map_err(|why| RoundError::Io {
                doing: "ending the controller".to_owned(),
                source: why.into(),
            })?;
        }
        if time::timeout(STOP_LIMIT, child.wait()).await.is_err() {
            return Err(self.late("the controller's end", STOP_LIMIT));
        }
        self.controller = None;
        Ok(())
    }

    /// Ends the controller as a power cut does.
    pub(super) async fn kill(&mut self) -> Result<(), RoundError> {
        if let Some(mut child) = self.controller.take() {
            child.kill().await.map_err(io_error("killing the controller"))?;
        }
        Ok(())
    }

    /// What the controller has used so far.
    pub(super) fn used(&mut self) -> Result<Used, RoundError> {
        self.check_alive()?;
        let pid = self.controller.as_ref().and_then(Child::id);
        Ok(pid.and_then(machine::used).unwrap_or_default())
    }

    /// Asks the controller as root.
    pub(super) async fn ask(&self, number: Number, body: &impl Wire) -> Result<Reply, CallError> {
        let frame = self.speaker.user_frame(0, number, body);
        let version = self.speaker.version();
        call::exchange(Plan::controller(), None, &frame, version, ANSWER_LIMIT).await
    }

    /// All jobs that the controller knows.
    pub(super) async fn jobs(&self) -> Result<Vec<JobInfo>, RoundError> {
        let reply = self.ask(Number::REQUEST_JOB_INFO, &JobInfoRequest::default()).await?;
        let answer: JobInfoResponse = reply.expect(Number::RESPONSE_JOB_INFO)?;
        Ok(answer.jobs)
    }

    /// Waits until all nodes are idle.
    pub(super) async fn wait_idle(&mut self) -> Result<(), RoundError> {
        let begin = Instant::now();
        loop {
            let reply = self.ask(Number::REQUEST_NODE_INFO, &NodeInfoRequest::default()).await?;
            let answer: NodesInfo = reply.expect(Number::RESPONSE_NODE_INFO)?;
            let idle =
                answer.nodes.iter().filter(|node| node.node_state == node_state::IDLE).count();
            if idle == usize::from(self.plan.leg.nodes()) {
                return Ok(());
            }
            if begin.elapsed() > START_LIMIT {
                let what = format!("idle nodes, {idle} of {}", self.plan.leg.nodes());
                return Err(self.late(what, START_LIMIT));
            }
            self.check_alive()?;
            time::sleep(POLL).await;
        }
    }

    /// That the controller still runs.
    pub(super) fn check_alive(&mut self) -> Result<(), RoundError> {
        let Some(child) = &mut self.controller else { return Ok(()) };
        match child.try_wait().map_err(io_error("looking at the controller"))? {
            None => Ok(()),
            Some(status) => {
                Err(RoundError::Ended { status: status.to_string(), output: self.output() })
            }
        }
    }

    /// An error: this did not happen in time.
    pub(super) fn late(&self, what: impl Into<String>, limit: Duration) -> RoundError {
        RoundError::Late { what: what.into(), limit, output: self.output() }
    }

    fn output_path(&self) -> PathBuf {
        self.plan.folder.join("controller.out")
    }

    fn output(&self) -> String {
        let bytes = fs::read(self.output_path()).unwrap_or_default();
        tail(&String::from_utf8_lossy(&bytes), 12)
    }
}

/// slurm.conf of a round: nothing that runs programs, no accounting.
///
/// Jobs of partition `main` start at once, those of `wait` never: it is DOWN.
fn slurm_conf(plan: &Plan, timeout_s: u32) -> String {
    let nodes = plan.leg.nodes();
    let last = u32::from(FIRST_PORT) + u32::from(nodes) - 1;
    let tuning = &plan.size.tuning;
    let more = plan.size.conf.join("\n");
    format!(
        "\
ClusterName=bench
SlurmctldHost=ctl(127.0.0.1)
SlurmUser=root
AuthType=auth/slurm
CredType=cred/slurm
SlurmctldPort=6817
StateSaveLocation=/var/spool/bench
SlurmctldPidFile=/run/slurmctld/slurmctld.pid
SlurmctldDebug=error
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PriorityType=priority/basic
SchedulerType=sched/backfill
SlurmdTimeout={timeout_s}
SlurmctldTimeout=300
InactiveLimit=0
MessageTimeout=60
TCPTimeout=30
MaxJobCount=2000000
MinJobAge=2
ReturnToService=2
TreeWidth=50
MailProg=/bin/true
SlurmdParameters=config_overrides
SchedulerParameters={tuning}
{more}
NodeName=h[1-{nodes}] NodeHostname=h[1-{nodes}] NodeAddr=127.0.0.1 Port=[{FIRST_PORT}-{last}] CPUs=64 Sockets=2 CoresPerSocket=32 ThreadsPerCore=1 RealMemory=256000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=wait Nodes=ALL MaxTime=INFINITE State=DOWN
"
    )
}

/// /etc/passwd and /etc/group: root and the users that jobs belong to.
fn people(plan: &Plan) -> (String, String) {
    let mut passwd = String::from("root:x:0:0:root:/root:/bin/sh\n");
    let mut group = String::from("root:x:0:\n");
    for uid in plan.users() {
        writeln!(passwd, "u{uid}:x:{uid}:{uid}::/tmp:/bin/sh")
            .expect("writing to a String cannot fail");
        writeln!(group, "u{uid}:x:{uid}:").expect("writing to a String cannot fail");
    }
    (passwd, group)
}
