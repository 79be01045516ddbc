//! Clusters for tests, and what the core does with a plan.

#![allow(dead_code, reason = "each test binary uses some of it")]

use std::sync::Arc;

use model::{
    Address, Allocation, Availability, Change, Cluster, Config, Gid, Hardware, Hold, Job, JobId,
    JobSpec, Launch, Node, NodeId, Partition, PendingTasks, Phase, Plan, Start, Timestamp, Uid,
    WaitReason, fits, fits_together,
};

pub const NOW: Timestamp = Timestamp(1_000_000);

pub fn hardware(sockets: u16, cores_per_socket: u16, threads_per_core: u16) -> Hardware {
    Hardware::of(sockets, cores_per_socket, threads_per_core, 10_000)
}

pub fn node(id: u32, name: &str, hardware: Hardware) -> Node {
    let unknown = Node::unknown(NodeId(id), name.into(), Address::named(name), hardware);
    Node { availability: Availability::Up, ..unknown }
}

pub fn partition(name: &str, nodes: Vec<NodeId>) -> Partition {
    Partition { nodes: nodes.into(), ..Partition::named(name.into()) }
}

pub fn job(id: u32, spec: JobSpec) -> Job {
    Job {
        id: JobId(id),
        array: None,
        het: None,
        owner: Uid(1000),
        group: Gid(1000),
        partition: spec.partitions.first().cloned().unwrap_or_else(|| "p".into()),
        time_limit_min: spec.time_limit_min,
        begin: spec.begin,
        spec: Arc::new(spec),
        phase: Phase::Pending,
        prologs: None,
        hold: Hold::None,
        wait: WaitReason::None,
        state_text: None,
        priority: 1000,
        allocation: None,
        outcome: None,
        submitted: NOW,
        eligible: None,
        started: None,
        ended: None,
        suspended: None,
        ran_before_suspend_s: 0,
        last_evaluated: None,
        restarts: 0,
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

/// A job that has its nodes.
pub fn running(mut job: Job, allocation: Allocation, from: Timestamp) -> Job {
    job.phase = Phase::Running(Launch::Done);
    job.allocation = Some(Arc::new(allocation));
    job.wait = WaitReason::None;
    job.started = Some(from);
    job.ended = job.time_limit_min.map(|minutes| from.plus_s(u64::from(minutes) * 60));
    job
}

pub fn put(cluster: &mut Cluster, job: Job) {
    cluster.apply(&Change::Job(Arc::new(job)));
}

pub fn configure(cluster: &mut Cluster, change: impl FnOnce(&mut Config)) {
    let mut config = Config::clone(cluster.config());
    change(&mut config);
    cluster.apply(&Change::Config(Arc::new(config)));
}

/// Carries a plan out, as the core does: each start is checked again first.
pub fn carry_out(cluster: &mut Cluster, plan: &Plan) {
    for start in &plan.starts {
        fits(cluster, NOW, start).unwrap_or_else(|misfit| panic!("{start:?}: {misfit}"));
        carry_out_start(cluster, start);
        assert_eq!(model::check(cluster), [], "after {start:?}");
    }
    for starts in &plan.together {
        fits_together(cluster, NOW, starts).unwrap_or_else(|misfit| panic!("{starts:?}: {misfit}"));
        starts.iter().for_each(|start| carry_out_start(cluster, start));
        assert_eq!(model::check(cluster), [], "after {starts:?}");
    }
    for passed in &plan.passed {
        let mut job = Job::clone(cluster.job(passed.job).unwrap());
        job.wait = passed.wait.clone();
        job.started = passed.expected;
        job.expected_nodes.clone_from(&passed.expected_nodes);
        put(cluster, job);
    }
}

fn carry_out_start(cluster: &mut Cluster, start: &Start) {
    let waiting = Job::clone(cluster.job(start.job).unwrap());
    let mut task = waiting.clone();
    if let (Some(role), Some(index)) = (&waiting.array, start.task)
        && let PendingTasks::Several(set) = &role.tasks
        && set.len() > 1
    {
        let mut rest = waiting.clone();
        let mut others = set.clone();
        others.remove(index);
        rest.array.as_mut().unwrap().tasks = PendingTasks::Several(others);
        put(cluster, rest);
        task.id = JobId(cluster.jobs().map(|job| job.id.0).max().unwrap() + 1);
    }
    if let (Some(role), Some(index)) = (&mut task.array, start.task) {
        role.tasks = PendingTasks::One(index);
    }
    task.partition = Arc::clone(&start.partition);
    let partition = cluster.partition(&start.partition).unwrap();
    task.time_limit_min =
        task.time_limit_min.or(partition.default_time_min).or(partition.max_time_min);
    put(cluster, running(task, start.allocation.clone(), NOW));
}
