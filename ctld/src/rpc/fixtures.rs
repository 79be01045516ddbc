//! Small clusters for the tests beside the code.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ctld_core::{Caller, Core, Event, Recover};
use model::{
    Allocation, Carried, Change, Cluster, Gid, Hold, Job, JobId, JobSpec, Phase, Registration,
    Timestamp, Uid, WaitReason,
};
use protocol::wire::{Wire, to_bytes};
use protocol::{Number, Version};

use super::Request;
use crate::config::SlurmConf;
use crate::settings;
use crate::users::Users;
use crate::view::{Changed, View};

/// When all of it happens.
pub const NOW: Timestamp = Timestamp(1_800_000_000);

/// Keys without which no file is good.
const HEAD: &str = "ClusterName=golden\nSlurmctldHost=ctl\nAuthType=auth/slurm\n";

/// The slurm.conf of the captures, its head and what does not show in replies left out.
pub const GOLDEN: &str = "SlurmUser=root\nCredType=cred/slurm\nSelectType=select/cons_tres\n\
    SelectTypeParameters=CR_Core_Memory\nGresTypes=widget\nLicenses=fea:10\n\
    ReturnToService=2\nSlurmdParameters=config_overrides\n\
    NodeName=n[1-3] NodeHostname=vm NodeAddr=127.0.0.1 Port=[7001-7003] Sockets=2 \
    CoresPerSocket=4 ThreadsPerCore=1 RealMemory=8000 Gres=widget:4 Feature=fast,big Weight=5\n\
    PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n\
    PartitionName=short Nodes=n[1-2] MaxTime=60 State=UP PriorityTier=10\n";

/// What readers see of the cluster of the captures, before anything has happened.
pub fn golden() -> View {
    view(GOLDEN, &[])
}

/// A node that is up and has nothing.
pub fn node(id: u32, name: &str) -> model::Node {
    let view = view(&format!("NodeName={name}\n"), &[]);
    let mut node = (**view.cluster.node_named(name).expect("the node is configured")).clone();
    node.id = model::NodeId(id);
    node.availability = model::Availability::Up;
    node
}

/// What a slurmd of a release says of itself.
pub fn registered(version: Version) -> Registration {
    Registration {
        protocol: version.to_wire(),
        version: "24.11.5".into(),
        booted: Timestamp(1),
        slurmd_started: Timestamp(2),
        arch: "x86_64".into(),
        os: "Linux".into(),
        cpus: 8,
        boards: 1,
        sockets: 2,
        cores_per_socket: 4,
        threads_per_core: 1,
        memory_mib: 8000,
        tmp_disk_mib: 0,
        gres: Box::default(),
        parameters: None,
    }
}

/// A slurm.conf, its head left out.
pub fn conf(text: &str) -> SlurmConf {
    let path = "/etc/slurm/slurm.conf";
    let files: BTreeMap<PathBuf, String> =
        [(path.into(), format!("{HEAD}{text}"))].into_iter().collect();
    SlurmConf::load(&files, Path::new(path)).expect("the file of a test is good")
}

/// A core that has read a slurm.conf.
pub fn core(text: &str) -> Core {
    let configured =
        settings::configuration(&conf(text), Recover::NodeStates, &Users::default(), NOW);
    let configured = configured.expect("the file of a test is good");
    let mut core = Core::new(Cluster::default());
    let turned = core.turn(NOW, Event::Configured(Box::new(configured)));
    turned.answer.expect("a configuration is always taken");
    core
}

/// What readers see of a cluster that has read a slurm.conf and changed since.
pub fn view(text: &str, changes: &[Change]) -> View {
    let mut cluster = core(text).cluster().clone();
    for change in changes {
        cluster.apply(change);
    }
    view_of(text, cluster)
}

/// What readers see of a cluster.
pub fn view_of(text: &str, cluster: Cluster) -> View {
    View {
        cluster,
        changed: Changed::default(),
        conf: Arc::new(conf(text)),
        booted: NOW,
        altered: Arc::default(),
        encoded: Arc::default(),
        counters: Arc::default(),
        users: Arc::default(),
        tuning: Arc::default(),
    }
}

/// A waiting job of root's, of one task, in the partition `main`.
pub fn job(id: u32) -> Job {
    let partition: Arc<str> = "main".into();
    let spec = JobSpec {
        name: "job".into(),
        partitions: vec![Arc::clone(&partition)],
        min_nodes: 1,
        min_cpus: 1,
        carried: Carried::default(),
        ..JobSpec::default()
    };
    Job {
        id: JobId(id),
        array: None,
        het: None,
        owner: Uid::ROOT,
        group: Gid(0),
        spec: Arc::new(spec),
        partition,
        phase: Phase::Pending,
        prologs: None,
        hold: Hold::None,
        wait: WaitReason::None,
        state_text: None,
        priority: 1,
        allocation: None::<Arc<Allocation>>,
        outcome: None,
        submitted: NOW,
        eligible: Some(NOW),
        begin: None,
        started: None,
        ended: None,
        suspended: None,
        ran_before_suspend_s: 0,
        last_evaluated: None,
        restarts: 0,
        time_limit_min: None,
        failed_node: None,
        next_step: 0,
        next_step_node: 0,
        batch: true,
        protocol: Version::NEWEST.to_wire(),
        warned: false,
        derived_status: 0,
        client_listens: false,
        launch_failures: 0,
        stopped: false,
        mailed_percent: 0,
        preempted: None,
        cron: None,
        expected_nodes: None,
    }
}

/// A request of root's; `body` is its encoding.
pub fn request(number: Number, version: Version, body: &[u8]) -> Request<'_> {
    Request {
        number,
        version,
        caller: Caller { uid: Uid::ROOT, gid: Gid(0) },
        peer: SocketAddr::from(([10, 0, 0, 7], 40_000)),
        host: "login",
        body,
        now: NOW,
    }
}

/// The encoding of a message.
pub fn bytes<T: Wire>(message: &T, version: Version) -> Vec<u8> {
    to_bytes(message, version)
}

/// The captured frames of a number, of all releases.
pub fn captured(number: Number) -> Vec<protocol::frame::Frame> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/testdata");
    let mut frames = Vec::new();
    for release in ["23.11", "24.11", "25.05", "26.05"] {
        let file = root.join(release).join("frames.jsonl");
        let text = std::fs::read_to_string(file).expect("captures lie beside the codec");
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
            if value["kind"].as_u64() != Some(number.0.into()) {
                continue;
            }
            let hex = value["hex"].as_str().expect("a frame is hex");
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
            let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            // Nodes that have not registered are addressed in a release before ours.
            frames.extend(protocol::frame::Frame::from_bytes(&bytes));
        }
    }
    frames
}

/// What stock programs wrote is what we write; otherwise the lines that differ.
#[track_caller]
pub fn assert_same<T: std::fmt::Debug + PartialEq>(stock: &T, ours: &T, version: Version) {
    if stock == ours {
        return;
    }
    let (stock, ours) = (format!("{stock:#?}"), format!("{ours:#?}"));
    let pairs = stock.lines().zip(ours.lines()).enumerate().filter(|(_, (a, b))| a != b);
    let differences: Vec<String> =
        pairs.take(20).map(|(line, (a, b))| format!("{line}: stock{a}, ours{b}")).collect();
    panic!("{version}, line by line:\n{}\n{ours}", differences.join("\n"));
}
