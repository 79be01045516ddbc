//! Hundreds of dead nodes, and what of it the others notice.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic anywhere")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::call::{self, Speaker};
use benches::hollow::{Hollow, Mishaps, Plan};
use protocol::auth::KeySet;
use protocol::msg::{
    JobDesc, JobState, KillJobsRequest, NodeInfoRequest, NodesInfo, SubmitResponse, node_state,
};
use protocol::shape::Limit;
use protocol::{Number, Version};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::time;

/// Nodes that take connections and do not answer: more than there are places for messages to nodes
/// that answer.
const MUTE: u16 = 300;
/// Nodes that do not even take connections.
const SILENT: u16 = 100;
const LIVE: u16 = 300;
const ALL: u16 = MUTE + SILENT + LIVE;
/// Where all nodes are, at ports from here on: the dead first, since they are served first.
const NODES: Ipv4Addr = Ipv4Addr::new(127, 0, 77, 1);
const FIRST_PORT: u16 = 20_001;
/// How long a message to a mute node takes. What waits for one of them is late.
const MESSAGE_TIMEOUT_S: u64 = 12;
const SLURMD_TIMEOUT_S: u64 = 15;
const LIMIT: Duration = Duration::from_secs(60);
const KEY: &[u8] = b"a key of the test";

/// ctld in a mount namespace of its own, where /run is empty.
struct Controller {
    folder: PathBuf,
    child: Child,
    at: SocketAddr,
    speaker: Speaker,
}

impl Controller {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("dead-nodes-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let at = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let conf = folder.join("slurm.conf");
        fs::write(&conf, slurm_conf(&folder.display().to_string(), at.port())).unwrap();
        let key = folder.join("slurm.key");
        fs::write(&key, KEY).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let alone = "mount -t tmpfs tmpfs /run && exec \"$0\" -D -f \"$1\"";
        let child = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", alone])
            .args([&conformance::subject::ctld().unwrap(), &conf])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("output")).unwrap())
            .spawn()
            .unwrap();
        let keys = Arc::new(KeySet::from_key_file(KEY).unwrap());
        Self { folder, child, at, speaker: Speaker::root(keys, Version::V24_11) }
    }

    async fn listens(&self) {
        let begin = Instant::now();
        while TcpStream::connect(self.at).await.is_err() {
            let told = fs::read_to_string(self.folder.join("output")).unwrap();
            assert!(begin.elapsed() < LIMIT, "{told}");
            time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ask(&self, number: Number, body: &impl protocol::wire::Wire) -> call::Reply {
        let frame = self.speaker.user_frame(0, number, body);
        call::exchange(self.at, None, &frame, self.speaker.version(), LIMIT).await.unwrap()
    }

    /// The states of the nodes, the dead ones first.
    async fn states(&self) -> Vec<u32> {
        let reply = self.ask(Number::REQUEST_NODE_INFO, &NodeInfoRequest::default()).await;
        let answer: NodesInfo = reply.expect(Number::RESPONSE_NODE_INFO).unwrap();
        answer.nodes.iter().map(|node| node.node_state).collect()
    }

    /// Waits until all of these nodes are in a state; how long that took.
    async fn wait(&self, nodes: &str, is_so: impl Fn(&[u32]) -> bool) -> Duration {
        let begin = Instant::now();
        loop {
            let states = self.states().await;
            if is_so(&states) {
                return begin.elapsed();
            }
            let told = fs::read_to_string(self.folder.join("output")).unwrap();
            assert!(begin.elapsed() < LIMIT, "{nodes}: {states:x?}\n{told}");
            time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Submits as many jobs of a whole node each.
    async fn submit(&self, jobs: u16, script: &str) {
        for _ in 0..jobs {
            let job = JobDesc {
                name: Some("job".to_owned()),
                script: Some(format!("#!/bin/sh\n{script}\n")),
                work_dir: Some("/tmp".to_owned()),
                environment: vec!["PATH=/usr/bin:/bin".to_owned()],
                min_nodes: Limit::Value(1),
                min_cpus: Limit::Value(4),
                num_tasks: Limit::Value(1),
                ..JobDesc::default()
            };
            let reply = self.ask(Number::REQUEST_SUBMIT_BATCH_JOB, &job).await;
            let _: SubmitResponse = reply.expect(Number::RESPONSE_SUBMIT_BATCH_JOB).unwrap();
        }
    }

    async fn cancel_all(&self) {
        let all = KillJobsRequest {
            partition: Some("main".to_owned()),
            signal: 9,
            state: JobState::END,
            user_id: 99,
            ..KillJobsRequest::default()
        };
        self.ask(Number::REQUEST_KILL_JOBS, &all).await.is(Number::RESPONSE_KILL_JOBS).unwrap();
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // What cannot be cleaned up is in a folder for such things.
        let _ = self.child.kill().and_then(|()| self.child.wait());
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn slurm_conf(folder: &str, port: u16) -> String {
    let last_dead = MUTE + SILENT;
    let (first_live, last) = (FIRST_PORT + last_dead, FIRST_PORT + ALL - 1);
    let before = first_live - 1;
    format!(
        "ClusterName=dead
SlurmctldHost=ctl(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/slurm
CredType=cred/slurm
StateSaveLocation={folder}
SlurmctldPidFile={folder}/pid
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdTimeout={SLURMD_TIMEOUT_S}
MessageTimeout={MESSAGE_TIMEOUT_S}
SlurmdParameters=config_overrides
NodeName=d[1-{last_dead}] NodeHostname=d[1-{last_dead}] NodeAddr={NODES} Port=[{FIRST_PORT}-{before}] CPUs=4
NodeName=h[1-{LIVE}] NodeHostname=h[1-{LIVE}] NodeAddr={NODES} Port=[{first_live}-{last}] CPUs=4
PartitionName=main Nodes=ALL Default=YES State=UP
"
    )
}

/// Nodes of these names, at ports from one on.
async fn hollow(controller: &Controller, letter: char, count: u16, port: u16) {
    let plan = Plan {
        controller: controller.at,
        names: (1..=count).map(|number| format!("{letter}{number}")).collect(),
        first: SocketAddrV4::new(NODES, port),
        own_addresses: false,
        cpus: 4,
        memory_mib: 1,
        run: Duration::ZERO,
        prolog: Duration::ZERO,
        epilog: None,
        configless: false,
        verify: false,
        mishaps: Mishaps::default(),
    };
    Hollow::start(plan, controller.speaker.clone()).await.unwrap();
}

/// Sockets in the place of dead nodes.
struct Dead {
    _listeners: Vec<TcpListener>,
    _filling: Vec<TcpStream>,
}

/// Nobody accepts what comes here. What comes after the backlog is full is dropped.
async fn dead() -> Dead {
    let (mut listeners, mut filling) = (Vec::new(), Vec::new());
    for number in 0..MUTE + SILENT {
        let at = SocketAddr::from((NODES, FIRST_PORT + number));
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(at).unwrap();
        let is_mute = number < MUTE;
        listeners.push(socket.listen(if is_mute { 1024 } else { 1 }).unwrap());
        let pause = Duration::from_millis(50);
        while let Ok(stream) = time::timeout(pause, TcpStream::connect(at)).await {
            filling.push(stream.unwrap());
            if is_mute {
                break;
            }
        }
    }
    Dead { _listeners: listeners, _filling: filling }
}

#[test]
fn hundreds_of_dead_nodes_hold_up_nobody() {
    if let Err(why) = conformance::ground::check_rights() {
        assert!(std::env::var_os("CI").is_none(), "{why}");
        conformance::ground::say(&format!("skipped: {why}"));
        return;
    }
    let controller = Controller::start();
    let (doomed, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let base = |state: &u32| state & node_state::BASE;
    other.block_on(async {
        controller.listens().await;
        hollow(&controller, 'h', LIVE, FIRST_PORT + MUTE + SILENT).await;
    });
    doomed.block_on(hollow(&controller, 'd', MUTE + SILENT, FIRST_PORT));
    other.block_on(async {
        let are = |wanted: u32| move |all: &[u32]| all.iter().all(|state| *state == wanted);
        controller.wait("all idle", are(node_state::IDLE)).await;
        controller.submit(ALL, "sleep 600").await;
        controller.wait("all busy", are(node_state::ALLOCATED)).await;
    });
    doomed.shutdown_timeout(LIMIT);
    other.block_on(async {
        let _dead = dead().await;
        let first_live = usize::from(MUTE + SILENT);
        controller.cancel_all().await;
        let live_idle = |all: &[u32]| all[first_live..].iter().all(|s| *s == node_state::IDLE);
        let took = controller.wait("the living cleaned up", live_idle).await;
        assert!(took.as_secs() < MESSAGE_TIMEOUT_S, "they waited for the dead: {took:?}");

        // Dead nodes are out of service, and no living one ever was.
        let outcome = |all: &[u32]| {
            assert!(all[first_live..].iter().all(|s| base(s) != node_state::DOWN), "{all:x?}");
            all[..first_live].iter().all(|state| base(state) == node_state::DOWN)
        };
        controller.wait("the dead are down", outcome).await;
        controller.submit(LIVE, "sleep 600").await;
        let busy = |all: &[u32]| all[first_live..].iter().all(|s| *s == node_state::ALLOCATED);
        let took = controller.wait("the living have work", busy).await;
        assert!(took.as_secs() < MESSAGE_TIMEOUT_S, "they waited for the dead: {took:?}");
    });
}
