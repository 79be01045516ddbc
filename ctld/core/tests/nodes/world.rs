//! A small cluster and what happens to it.

use std::net::SocketAddr;
use std::sync::Arc;

use ctld_core::{
    Caller, Configuration, Core, Dynamic, Effect, Event, NodeMessage, NodeUpdate, NodeUpdateState,
    Recover, Registered, Turned,
};
use model::{
    Address, Allocation, Change, Cluster, Config, CoreSet, Gid, Hardware, Hold, Job, JobId,
    JobSpec, Launch, Node, NodeId, NodeShare, Partition, Phase, Registration, ReturnToService,
    Seen, Timestamp, Uid, WaitReason, check,
};

const START: i64 = 1_800_000_000;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp(START + seconds)
}

pub fn hardware() -> Hardware {
    Hardware::of(1, 4, 1, 1000)
}

pub fn node(name: &str) -> Node {
    Node::unknown(NodeId(0), name.into(), Address::named(name), hardware())
}

pub fn configuration(config: Config) -> Configuration {
    let names = ["n1", "n2", "n3"];
    let main = Partition {
        is_default: true,
        nodes_text: Some("ALL".into()),
        node_sets: Some("ALL".into()),
        ..Partition::named("main".into())
    };
    Configuration {
        config: Arc::new(config),
        nodes: names.iter().map(|name| node(name)).collect(),
        partitions: vec![(main, names.iter().map(|name| (*name).into()).collect())],
        recover: Recover::All,
    }
}

pub fn config(returns: ReturnToService) -> Config {
    Config {
        return_to_service: returns,
        max_node_count: 10,
        // Jobs that ended are to be looked at.
        min_job_age_s: 0,
        ..Config::default()
    }
}

pub struct World {
    pub core: Core,
}

impl World {
    pub fn new(returns: ReturnToService) -> Self {
        let mut world = Self { core: Core::new(Cluster::default()) };
        world.ok(0, Event::Configured(Box::new(configuration(config(returns)))));
        world
    }

    /// All nodes registered, booted long ago.
    pub fn up(returns: ReturnToService) -> Self {
        let mut world = Self::new(returns);
        for name in ["n1", "n2", "n3"] {
            world.register(1, name, -1000);
        }
        world
    }

    pub fn turn(&mut self, seconds: i64, event: Event) -> Turned {
        let turned = self.core.turn(at(seconds), event);
        assert_eq!(check(self.core.cluster()), []);
        turned
    }

    pub fn ok(&mut self, seconds: i64, event: Event) -> Vec<Effect> {
        let turned = self.turn(seconds, event);
        assert!(turned.answer.is_ok(), "{:?}", turned.answer);
        turned.effects
    }

    pub fn node(&self, name: &str) -> &Node {
        self.core.cluster().node_named(name).expect("the node of the test is there")
    }

    pub fn job(&self, id: u32) -> &Job {
        self.core.cluster().job(JobId(id)).expect("the job of the test is there")
    }

    pub fn register(&mut self, seconds: i64, name: &str, booted: i64) -> Vec<Effect> {
        self.ok(seconds, Event::Registered(Box::new(report(name, booted))))
    }

    pub fn update(&mut self, seconds: i64, name: &str, state: NodeUpdateState) -> Turned {
        self.turn(seconds, Event::UpdateNodes(Box::new(update(name, Some(state)))))
    }

    /// Nobody answers for n1 from `from` on; time goes by until `to`.
    pub fn silence(&mut self, from: i64, to: i64) {
        let id = self.node("n1").id;
        for second in from..=to {
            for effect in self.ok(second, Event::Tick) {
                if let Effect::ToNode { node, .. } = effect {
                    let event = if node == id {
                        Event::Unreachable { node }
                    } else {
                        Event::Answered { node, seen: Seen { at: at(second), load: None } }
                    };
                    self.ok(second, event);
                }
            }
        }
    }

    pub fn run_job(&mut self, job: Job) {
        let mut cluster = self.core.cluster().clone();
        cluster.apply(&Change::Job(Arc::new(job)));
        self.core = Core::new(cluster);
    }
}

pub fn root() -> Caller {
    Caller { uid: Uid::ROOT, gid: Gid(0) }
}

pub fn report(name: &str, booted: i64) -> Registered {
    Registered {
        caller: root(),
        node_name: name.into(),
        host_name: name.into(),
        peer: SocketAddr::from(([10, 0, 0, 1], 5000)),
        registration: Registration {
            protocol: 0x2a00,
            version: "24.11.5".into(),
            booted: at(booted),
            slurmd_started: at(booted),
            arch: "x86_64".into(),
            os: "Linux".into(),
            cpus: 4,
            boards: 1,
            sockets: 1,
            cores_per_socket: 4,
            threads_per_core: 1,
            memory_mib: 1000,
            tmp_disk_mib: 0,
            gres: Box::default(),
            parameters: None,
        },
        load: (0, 500),
        trouble: None,
        steps: Vec::new(),
        gres: None,
        features_available: None,
        features_active: None,
        instance: (None, None),
        extra: None,
        dynamic: Dynamic::No,
    }
}

pub fn update(name: &str, state: Option<NodeUpdateState>) -> NodeUpdate {
    NodeUpdate { state, reason: Some("test".into()), ..NodeUpdate::of(root(), vec![name.into()]) }
}

/// A batch job that runs on n1.
pub fn batch(id: u32, requeue: bool) -> Job {
    let spec = JobSpec { partitions: vec!["main".into()], requeue, ..JobSpec::default() };
    let share = NodeShare {
        node: NodeId(0),
        cores: CoreSet::first(1),
        cpus: 1,
        memory_mib: 100,
        tasks: 1,
        gres: Vec::new(),
    };
    Job {
        id: JobId(id),
        array: None,
        het: None,
        owner: Uid(1000),
        group: Gid(1000),
        spec: Arc::new(spec),
        partition: "main".into(),
        phase: Phase::Running(Launch::Done),
        prologs: None,
        hold: Hold::None,
        wait: WaitReason::None,
        state_text: None,
        priority: 100,
        allocation: Some(Arc::new(Allocation {
            batch_at: 0,
            shares: vec![share],
            node_list: "n1".into(),
            exclusive: false,
            tasks: 1,
            licenses: Vec::new(),
            resized: None,
            reservation: None,
        })),
        outcome: None,
        submitted: at(0),
        eligible: Some(at(0)),
        begin: None,
        started: Some(at(2)),
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
        protocol: 0x2a00,
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

pub fn to_node(effects: &[Effect], id: u32) -> Vec<&NodeMessage> {
    let of = |effect| match effect {
        &Effect::ToNode { node: NodeId(node), ref message } if node == id => Some(message),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}
