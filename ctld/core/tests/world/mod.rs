//! A cluster of four nodes with four cores each, and hand-made plans. After every turn the cluster
//! is checked, and a refused event must have left nothing.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use ctld_core::{
    Answer, ArrayRequest, BatchDone, Caller, Configuration, Core, Effect, Event, JobEdit, JobPart,
    JobSelection, Kill, LaunchResult, NewJob, NodeMessage, Recover, Reject, Requeue, StepRequest,
    Turned, UpdateJob,
};
use model::{
    Address, Allocation, Availability, Cluster, Config, CoreSet, Dependencies, Dependency,
    DependencyKind, DependencyState, Gid, Hardware, Hold, IndexSet, Job, JobId, JobSpec, Join,
    Node, NodeId, NodeShare, Partition, Phase, Plan, PriorityType, Script, Start, StepClient,
    Timestamp, Uid, node_list,
};

pub const ROOT: Caller = Caller { uid: Uid(0), gid: Gid(0) };
pub const ANN: Caller = Caller { uid: Uid(1000), gid: Gid(1000) };
pub const BOB: Caller = Caller { uid: Uid(1001), gid: Gid(1001) };

pub struct World {
    pub core: Core,
    pub now: Timestamp,
}

impl World {
    pub fn new() -> Self {
        Self::with(Config {
            cred_expire_s: 120,
            slurmd_timeout_s: 0,
            priority_type: PriorityType::Basic,
            ..Config::default()
        })
    }

    pub fn with(config: Config) -> Self {
        let nodes: Vec<Node> = (1..=4).map(node).collect();
        let names = nodes.iter().map(|node| Arc::clone(&node.name)).collect();
        let partition = Partition {
            is_default: true,
            default_time_min: Some(30),
            max_time_min: Some(600),
            ..Partition::named("main".into())
        };
        let mut world = Self { core: Core::default(), now: Timestamp(1_000) };
        world.turn(Event::Configured(Box::new(Configuration {
            config: Arc::new(config),
            nodes,
            partitions: vec![(partition, names)],
            recover: Recover::NodeStates,
        })));
        world
    }

    pub fn cluster(&self) -> &Cluster {
        self.core.cluster()
    }

    pub fn turn(&mut self, event: Event) -> Turned {
        let before = self.cluster().clone();
        let turned = self.core.turn(self.now, event);
        assert_eq!(model::check(self.cluster()), [], "the cluster is sound after every turn");
        if turned.answer.is_err() {
            assert_eq!(*self.cluster(), before, "what is refused leaves nothing");
            assert!(turned.changes.is_empty() && turned.effects.is_empty());
        }
        turned
    }

    pub fn accepted(&mut self, event: Event) -> Turned {
        let turned = self.turn(event);
        assert!(turned.answer.is_ok(), "{:?}", turned.answer);
        turned
    }

    pub fn refused(&mut self, event: Event) -> Reject {
        self.turn(event).answer.unwrap_err()
    }

    /// Lets the clock go on, a tick at the end.
    pub fn wait(&mut self, seconds: u64) -> Turned {
        self.now = self.now.plus_s(seconds);
        self.accepted(Event::Tick)
    }

    pub fn job(&self, id: JobId) -> &Job {
        self.cluster().job(id).unwrap()
    }

    pub fn submit(&mut self, new: NewJob) -> JobId {
        match self.accepted(Event::Submit(Box::new(new))).answer.unwrap() {
            Answer::Submitted { job } => job,
            other => panic!("{other:?}"),
        }
    }

    /// Starts a job, or a task of an array, on one core of each of some nodes.
    pub fn start(&mut self, job: JobId, task: Option<u32>, nodes: &[u32]) -> Turned {
        let plan = self.plan(job, task, nodes);
        self.accepted(Event::Planned(plan))
    }

    pub fn plan(&self, job: JobId, task: Option<u32>, nodes: &[u32]) -> Plan {
        let ids: Vec<NodeId> = nodes.iter().map(|node| NodeId(node - 1)).collect();
        let share = |id: &NodeId| {
            let usage = self.cluster().usage(*id);
            let core = (0..4).find(|core| !usage.cores.contains(*core)).unwrap();
            NodeShare {
                node: *id,
                cores: [core].into_iter().collect::<CoreSet>(),
                cpus: 1,
                memory_mib: 100,
                tasks: 1,
                gres: Vec::new(),
            }
        };
        let allocation = Allocation {
            batch_at: 0,
            shares: ids.iter().map(share).collect(),
            node_list: node_list(self.cluster(), &ids),
            exclusive: false,
            tasks: 1,
            licenses: self.job(job).spec.licenses.clone(),
            resized: None,
            reservation: None,
        };
        let start = Start { job, task, partition: "main".into(), allocation };
        Plan { starts: vec![start], complete: true, ..Plan::default() }
    }

    pub fn launched(&mut self, job: JobId) {
        let restarts = self.job(job).restarts;
        let result = LaunchResult::Delivered;
        self.accepted(Event::BatchLaunched { job, restarts, result });
    }

    /// Started on the first node, and its script too.
    pub fn running(&mut self, new: NewJob) -> JobId {
        let job = self.submit(new);
        self.start(job, None, &[1]);
        self.launched(job);
        job
    }

    pub fn batch_done(&mut self, job: JobId, status: u32) -> Turned {
        self.accepted(Event::BatchDone(done_on(job, "n1", status)))
    }

    pub fn epilog(&mut self, job: JobId, node: u32) -> Turned {
        let node_name = format!("n{node}").into();
        self.accepted(Event::EpilogDone { caller: ROOT, job, node_name, status: 0 })
    }

    /// From running to over.
    pub fn ends(&mut self, job: JobId, status: u32) {
        self.batch_done(job, status);
        self.epilog(job, 1);
        assert_eq!(self.job(job).phase, Phase::Ended);
    }

    pub fn kill(&mut self, caller: Caller, selection: JobSelection) -> Turned {
        self.turn(Event::Kill(Kill { caller, selection, step: None, signal: 9, flags: 0 }))
    }

    pub fn update(&mut self, caller: Caller, job: JobId, edit: JobEdit) -> Turned {
        let selection = whole(job);
        self.turn(Event::UpdateJob(Box::new(UpdateJob { caller, selection, edits: vec![edit] })))
    }

    pub fn requeue(&mut self, caller: Caller, job: JobId, hold: Hold) -> Turned {
        let selection = whole(job);
        let requeue = Requeue {
            caller,
            selection,
            hold,
            started_only: false,
            state_text: None,
            launch_failed: false,
        };
        self.turn(Event::Requeue(requeue))
    }
}

pub fn done_on(job: JobId, node: &str, status: u32) -> BatchDone {
    BatchDone {
        caller: ROOT,
        job,
        node_name: node.into(),
        status,
        slurm_code: 0,
        node_at_fault: false,
    }
}

pub fn whole(job: JobId) -> JobSelection {
    JobSelection::whole(job)
}

pub fn tasks(job: JobId, tasks: &[u32]) -> JobSelection {
    JobSelection { job, part: JobPart::Tasks(tasks.iter().copied().collect()) }
}

/// A batch job of a user.
pub fn batch(caller: Caller) -> NewJob {
    let spec = JobSpec {
        name: "job".into(),
        min_nodes: 1,
        min_cpus: 1,
        requeue: true,
        kill_on_node_fail: true,
        ..JobSpec::default()
    };
    NewJob {
        caller,
        owner: caller.uid,
        group: caller.gid,
        spec,
        script: Some(Arc::new(Script { script: "#!/bin/sh\n".into(), ..Script::default() })),
        hold: Hold::None,
        array: None,
        protocol: 0x2a00,
        groups: Arc::default(),
        feasible: Ok(()),
    }
}

pub fn with(caller: Caller, edit: impl FnOnce(&mut NewJob)) -> NewJob {
    let mut new = batch(caller);
    edit(&mut new);
    new
}

pub fn array(caller: Caller, tasks: impl IntoIterator<Item = u32>, running_max: u32) -> NewJob {
    let tasks: IndexSet = tasks.into_iter().collect();
    with(caller, |new| new.array = Some(ArrayRequest { tasks, running_max }))
}

pub fn after(kind: DependencyKind, job: JobId) -> Dependencies {
    Dependencies { conditions: vec![condition(kind, Some(job))], join: Join::All }
}

pub fn condition(kind: DependencyKind, job: Option<JobId>) -> Dependency {
    Dependency { kind, job, task: None, delay_min: 0, state: DependencyState::Unfulfilled }
}

pub fn dependent(caller: Caller, dependencies: Dependencies) -> NewJob {
    with(caller, |new| new.spec.dependencies = dependencies)
}

/// The kinds of messages that a turn sends, and to which nodes.
pub fn sent(turned: &Turned) -> Vec<(u32, &'static str)> {
    let name = |message: &NodeMessage| match message {
        NodeMessage::LaunchBatch { .. } => "launch",
        NodeMessage::LaunchProlog { .. } => "prolog",
        NodeMessage::Terminate { .. } => "terminate",
        NodeMessage::KillTimeLimit { .. } => "time limit",
        NodeMessage::KillPreempted { .. } => "preempted",
        NodeMessage::StepTimeLimit { .. } => "step time limit",
        NodeMessage::Signal { .. } => "signal",
        NodeMessage::Suspend { .. } => "suspend",
        NodeMessage::Abort { .. } => "abort",
        _ => "other",
    };
    let to = |effect: &Effect| match effect {
        Effect::ToNode { node, message } => Some((node.0 + 1, name(message))),
        _ => None,
    };
    turned.effects.iter().filter_map(to).collect()
}

pub fn node(number: u32) -> Node {
    let (id, name) = (NodeId(number - 1), format!("n{number}"));
    let hardware = Hardware::of(1, 4, 1, 1_000);
    let unknown = Node::unknown(id, name.as_str().into(), Address::named(&name), hardware);
    Node { availability: Availability::Up, ..unknown }
}

/// `srun -n TASKS` within a job.
pub fn srun(job: JobId, tasks: u32) -> StepRequest {
    StepRequest {
        min_nodes: Some(1),
        cpus: tasks,
        tasks: Some(tasks),
        name: Some("hostname".into()),
        client: Some(StepClient { host: "login".into(), port: 4_000, pid: 7 }),
        ..StepRequest::of(ANN, job, 0x2c00)
    }
}
