//! Clusters that cases begin with, made as the controller makes them: by events.

use std::sync::Arc;

use ctld_core::{Answer, Caller, Configuration, Core, Event, NewJob, Recover, Turned};
use model::{
    Address, Allocation, Availability, Config, Consumable, CoreSet, Gid, Hardware, Hold, JobId,
    JobSpec, Node, NodeId, NodeShare, Partition, Plan, PriorityType, Script, Start, Timestamp, Uid,
    Unit,
};

pub(crate) const NOW: Timestamp = Timestamp(1_000_000);
const CORES: u32 = 64;

/// A core with so many nodes of 64 cores.
pub(crate) fn core(nodes: u32) -> Core {
    let nodes: Vec<Node> = (0..nodes).map(node).collect();
    let names = nodes.iter().map(|node| Arc::clone(&node.name)).collect();
    let partition =
        Partition { is_default: true, max_time_min: Some(600), ..Partition::named("main".into()) };
    let mut core = Core::default();
    let config = Config {
        priority_type: PriorityType::Basic,
        slurmd_timeout_s: 0,
        max_job_count: 1_000_000,
        default_queue_depth: 10_000,
        consumable: Consumable { unit: Unit::Core, memory: false },
        ..Config::default()
    };
    turn(
        &mut core,
        Event::Configured(Box::new(Configuration {
            config: Arc::new(config),
            nodes,
            partitions: vec![(partition, names)],
            recover: Recover::NodeStates,
        })),
    );
    core
}

fn node(id: u32) -> Node {
    let name = format!("n{id}");
    let hardware = Hardware::of(2, 32, 1, 256_000);
    let unknown = Node::unknown(NodeId(id), name.as_str().into(), Address::named(&name), hardware);
    Node { availability: Availability::Up, ..unknown }
}

/// A job as sbatch submits it, with 60 variables.
pub(crate) fn new_job(number: u32) -> NewJob {
    let caller = Caller { uid: Uid(1000 + number % 50), gid: Gid(1000) };
    let spec = JobSpec {
        name: "job".into(),
        min_nodes: 1,
        min_cpus: 1,
        requeue: true,
        kill_on_node_fail: true,
        ..JobSpec::default()
    };
    let script = Script {
        script: "#!/bin/sh\nsleep 1\n".into(),
        environment: (0..60).map(|n| format!("VARIABLE_{n}=a value of usual length")).collect(),
        ..Script::default()
    };
    NewJob {
        caller,
        owner: caller.uid,
        group: caller.gid,
        spec,
        script: Some(Arc::new(script)),
        hold: Hold::None,
        array: None,
        protocol: 0x2a00,
        groups: Arc::default(),
        feasible: Ok(()),
    }
}

pub(crate) fn submissions(count: u32) -> Vec<Event> {
    (0..count).map(|number| Event::Submit(Box::new(new_job(number)))).collect()
}

/// Submits so many jobs; their numbers.
pub(crate) fn submit(core: &mut Core, count: u32) -> Vec<JobId> {
    let submitted = submissions(count).into_iter().map(|event| match turn(core, event).answer {
        Ok(Answer::Submitted { job }) => job,
        other => panic!("a submission was answered with {other:?}"),
    });
    submitted.collect()
}

pub(crate) fn turn(core: &mut Core, event: Event) -> Turned {
    let turned = core.turn(NOW, event);
    assert!(turned.answer.is_ok(), "a case's event is refused: {:?}", turned.answer);
    turned
}

/// A start of each job on a core of its own, node after node.
pub(crate) fn starts(jobs: &[JobId]) -> Plan {
    let start = |(number, job): (u32, &JobId)| {
        let node = number / CORES;
        let share = NodeShare {
            node: NodeId(node),
            cores: CoreSet::from_iter([number % CORES]),
            cpus: 1,
            memory_mib: 100,
            tasks: 1,
            gres: Vec::new(),
        };
        let allocation = Allocation {
            batch_at: 0,
            shares: vec![share],
            node_list: format!("n{node}").into(),
            exclusive: false,
            tasks: 1,
            licenses: Vec::new(),
            resized: None,
            reservation: None,
        };
        Start { job: *job, task: None, partition: "main".into(), allocation }
    };
    let starts = (0..).zip(jobs).map(start).collect();
    Plan { starts, complete: true, ..Plan::default() }
}
