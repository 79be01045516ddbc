//! People: they submit, cancel, hold, requeue, alter jobs, nodes and partitions, all day long.

use std::sync::Arc;

use ctld_core::{
    ArrayRequest, Caller, Event, JobEdit, JobPart, JobSelection, Kill, NewCrontab, NewJob,
    NodeUpdate, NodeUpdateState, PartitionUpdate, Requeue, UpdateJob,
};
use model::{
    Availability, Cluster, CronLine, Dependencies, Dependency, DependencyKind, DependencyState,
    Gid, GresWish, Hold, IndexSet, JobId, JobSpec, Join, Node, NumberOption, PartitionState,
    ReturnToService, Script, Timestamp, Uid,
};

use crate::rng::Rng;
use crate::setup::{DEFAULT_PARTITION, SMALL_PARTITION};

/// Root.
pub const ROOT: Caller = Caller { uid: Uid::ROOT, gid: Gid(0) };

/// What somebody does next, knowing the cluster as it was published.
pub fn act(cluster: &Cluster, now: Timestamp, rng: &mut Rng) -> Event {
    match rng.between(0, 99) {
        0..=54 => submit(cluster, now, rng),
        55..=66 => kill(cluster, rng),
        67..=71 => hold(cluster, rng),
        72..=76 => requeue(cluster, rng),
        77..=82 => update(cluster, now, rng),
        83..=86 => suspend(cluster, rng),
        87..=94 => node(cluster, rng),
        _ => partition(rng),
    }
}

/// What an administrator does when all is quiet: everything back to service.
pub fn tidy_up(cluster: &Cluster) -> Vec<Event> {
    let mut events = Vec::new();
    let returns = cluster.config().return_to_service != ReturnToService::Never;
    let by_itself = |node: &Node| {
        let silent = node.reason.as_ref().is_some_and(|reason| &*reason.text == "Not responding");
        let waits = !(node.flags.drain || node.flags.fail || node.flags.powered_down);
        waits && (node.availability != Availability::Down || returns && silent)
    };
    let tended = |node: &&Arc<Node>| !node.is_schedulable() && !by_itself(node);
    for node in cluster.nodes().filter(tended) {
        events.push(update_node(&node.name, NodeUpdateState::Resume));
    }
    for name in [DEFAULT_PARTITION, SMALL_PARTITION] {
        if cluster.partition(name).is_some_and(|p| p.state != PartitionState::Up) {
            events.push(set_partition(name, PartitionState::Up));
        }
    }
    for job in cluster.active().filter(|job| job.phase == model::Phase::Suspended) {
        events.push(Event::Suspend { caller: ROOT, selection: whole(job.id), resume: true });
    }
    for owner in OWNERS.map(Uid).filter(|owner| cluster.crontab(*owner).is_some()) {
        events.push(crontab(Caller { uid: owner, gid: Gid(100) }, Vec::new()));
    }
    events
}

/// The people who submit jobs.
pub const OWNERS: std::ops::RangeInclusive<u32> = 1000..=1003;

fn submit(cluster: &Cluster, now: Timestamp, rng: &mut Rng) -> Event {
    let owner = Uid(rng.small(*OWNERS.start(), *OWNERS.end()));
    let nodes = if rng.chance(250) { rng.small(2, 3) } else { 1 };
    let dependencies = dependencies(cluster, rng);
    let mut spec = JobSpec {
        name: format!("work{}", rng.between(0, 3)).into(),
        partitions: if rng.chance(300) { vec![SMALL_PARTITION.into()] } else { Vec::new() },
        min_nodes: nodes,
        min_cpus: nodes * rng.small(1, 3),
        time_limit_min: Some(rng.small(1, 6)),
        begin: rng.chance(100).then(|| now.plus_s(rng.between(5, 120))),
        requeue: rng.chance(800),
        dependencies,
        ..JobSpec::default()
    };
    // Told by the name, so that the draws of a seed stay as they are.
    let wish = |name: &str, per_node| GresWish { per_node, ..GresWish::of(name.into(), None) };
    match &*spec.name {
        "work3" => spec.gres = vec![wish("gpu", 1)],
        "work2" => spec.gres = vec![wish("shard", 3)],
        "work1" => spec.gres = vec![wish("shard", 1)],
        _ => {}
    }
    if rng.chance(200) {
        spec.carried.set_number(NumberOption::KillOnInvalidDependency, Some(1));
    }
    if rng.chance(50) {
        spec.deadline = Some(now.plus_s(600 + rng.between(0, 300)));
    }
    if rng.chance(50) {
        (spec.warn_signal, spec.warn_time_s) = (10, 30);
    }
    let batch = rng.chance(900);
    let array = (batch && rng.chance(250)).then(|| ArrayRequest {
        tasks: (0..rng.small(1, 6)).map(|index| index * rng.small(1, 2)).collect(),
        running_max: rng.small(0, 2),
    });
    Event::Submit(Box::new(NewJob {
        caller: Caller { uid: owner, gid: Gid(100) },
        owner,
        group: Gid(100),
        spec,
        script: batch.then(|| {
            Arc::new(Script { script: "#!/bin/sh\nwork\n".to_owned(), ..Script::default() })
        }),
        hold: if rng.chance(50) { Hold::User } else { Hold::None },
        array,
        protocol: 0x2a00,
        groups: Arc::default(),
        feasible: Ok(()),
    }))
}

/// Sometimes a job is made the only line of its owner's crontab, for every minute.
pub fn as_crontab(event: Event, rng: &mut Rng) -> Event {
    match event {
        Event::Submit(new) if new.array.is_none() && new.script.is_some() && rng.chance(40) => {
            let mut new = *new;
            new.hold = Hold::None;
            new.spec.dependencies = Dependencies::default();
            crontab(new.caller, vec![(CronLine::default(), new)])
        }
        event => event,
    }
}

fn crontab(caller: Caller, jobs: Vec<(CronLine, NewJob)>) -> Event {
    let text = (!jobs.is_empty()).then(|| "* * * * * work".into());
    let (owner, group) = (caller.uid, caller.gid);
    Event::SetCrontab(Box::new(NewCrontab { caller, owner, group, text, jobs }))
}

/// Sometimes a job is submitted with more components, each a little different.
pub fn with_components(event: Event, rng: &mut Rng) -> Event {
    match event {
        Event::Submit(new) if new.array.is_none() && rng.chance(350) => {
            let mut components = vec![(*new).clone()];
            for _ in 0..rng.between(1, 2) {
                let mut other = (*new).clone();
                other.spec.min_nodes = 1;
                other.spec.min_cpus = rng.small(1, 3);
                other.spec.time_limit_min = Some(rng.small(1, 6));
                other.hold = if rng.chance(50) { Hold::User } else { new.hold };
                components.push(other);
            }
            Event::SubmitHet(components)
        }
        other => other,
    }
}

/// A job of so many nodes that asks for nothing else; one without a script has a client.
pub fn plain_job(nodes: u32, batch: bool) -> Event {
    let time_limit_min = Some(1);
    let spec = JobSpec {
        min_nodes: nodes,
        min_cpus: nodes,
        time_limit_min,
        requeue: true,
        ..JobSpec::default()
    };
    let script =
        || Arc::new(Script { script: "#!/bin/sh\nwork\n".to_owned(), ..Script::default() });
    Event::Submit(Box::new(NewJob {
        caller: ROOT,
        owner: Uid(1000),
        group: Gid(100),
        spec,
        script: batch.then(script),
        hold: Hold::None,
        array: None,
        protocol: 0x2a00,
        groups: Arc::default(),
        feasible: Ok(()),
    }))
}

fn dependencies(cluster: &Cluster, rng: &mut Rng) -> Dependencies {
    let kinds = [
        DependencyKind::After,
        DependencyKind::AfterAny,
        DependencyKind::AfterOk,
        DependencyKind::AfterNotOk,
        DependencyKind::AfterCorr,
        DependencyKind::Singleton,
    ];
    let mut conditions = Vec::new();
    if rng.chance(200) {
        for _ in 0..rng.between(1, 2) {
            let kind = *rng.pick(&kinds).expect("there are some");
            let job = any_job(cluster, rng).filter(|_| kind != DependencyKind::Singleton);
            if job.is_some() || kind == DependencyKind::Singleton {
                let state = DependencyState::Unfulfilled;
                conditions.push(Dependency { kind, job, task: None, delay_min: 0, state });
            }
        }
    }
    Dependencies { conditions, join: if rng.chance(300) { Join::Any } else { Join::All } }
}

/// A job or array, by the number that its owner was told.
fn any_job(cluster: &Cluster, rng: &mut Rng) -> Option<JobId> {
    let ids: Vec<JobId> = cluster.jobs().map(|job| job.array_job()).collect();
    rng.pick(&ids).copied()
}

fn selection(cluster: &Cluster, rng: &mut Rng) -> JobSelection {
    let ids: Vec<JobId> =
        cluster.jobs().filter(|job| !job.is_finished()).map(|job| job.id).collect();
    let Some(id) = rng.pick(&ids).copied().filter(|_| rng.chance(900)) else {
        return whole(any_job(cluster, rng).unwrap_or(JobId(1)));
    };
    let role = cluster.job(id).and_then(|job| job.array.as_ref());
    match role {
        Some(role) if rng.chance(500) => {
            let tasks: IndexSet = (0..3).map(|more| role.first() + more).collect();
            JobSelection { job: role.array_job, part: JobPart::Tasks(tasks) }
        }
        Some(role) if rng.chance(500) => whole(role.array_job),
        _ => whole(id),
    }
}

fn whole(job: JobId) -> JobSelection {
    JobSelection::whole(job)
}

fn kill(cluster: &Cluster, rng: &mut Rng) -> Event {
    Event::Kill(Kill {
        caller: ROOT,
        selection: selection(cluster, rng),
        step: None,
        signal: if rng.chance(800) { 9 } else { 15 },
        // KILL_JOB_BATCH: only the script.
        flags: u16::from(rng.chance(100)),
    })
}

fn hold(cluster: &Cluster, rng: &mut Rng) -> Event {
    let priority = rng.chance(500).then_some(0);
    let edit = JobEdit::Priority { priority, as_owner: rng.chance(500) };
    edited(selection(cluster, rng), edit)
}

fn requeue(cluster: &Cluster, rng: &mut Rng) -> Event {
    Event::Requeue(Requeue {
        caller: ROOT,
        selection: selection(cluster, rng),
        hold: if rng.chance(200) { Hold::Admin } else { Hold::None },
        started_only: rng.chance(100),
        state_text: None,
        launch_failed: false,
    })
}

fn update(cluster: &Cluster, now: Timestamp, rng: &mut Rng) -> Event {
    let edit = match rng.between(0, 6) {
        0 => JobEdit::TimeLimit(Some(rng.small(1, 5))),
        1 => JobEdit::Begin(now.plus_s(rng.between(0, 60))),
        2 => JobEdit::ArrayThrottle(rng.small(0, 3)),
        3 => JobEdit::Nice(100),
        4 => JobEdit::Partitions(vec![SMALL_PARTITION.into()]),
        5 => JobEdit::Dependencies(dependencies(cluster, rng)),
        _ => JobEdit::EndTime(now.plus_s(rng.between(1, 100))),
    };
    edited(selection(cluster, rng), edit)
}

fn edited(selection: JobSelection, edit: JobEdit) -> Event {
    Event::UpdateJob(Box::new(UpdateJob { caller: ROOT, selection, edits: vec![edit] }))
}

fn suspend(cluster: &Cluster, rng: &mut Rng) -> Event {
    Event::Suspend { caller: ROOT, selection: selection(cluster, rng), resume: rng.chance(500) }
}

fn node(cluster: &Cluster, rng: &mut Rng) -> Event {
    let names: Vec<Arc<str>> = cluster.nodes().map(|node| Arc::clone(&node.name)).collect();
    let name = rng.pick(&names).cloned().unwrap_or_else(|| "n1".into());
    let state = match rng.between(0, 9) {
        0 => NodeUpdateState::Down,
        1..=3 => NodeUpdateState::Drain,
        4 => NodeUpdateState::NoResp,
        5 => NodeUpdateState::Undrain,
        _ => NodeUpdateState::Resume,
    };
    update_node(&name, state)
}

/// `scontrol update nodename=… state=…`.
pub fn update_node(name: &Arc<str>, state: NodeUpdateState) -> Event {
    let resume = matches!(state, NodeUpdateState::Resume | NodeUpdateState::Undrain);
    Event::UpdateNodes(Box::new(NodeUpdate {
        state: Some(state),
        reason: (!resume).then(|| "maintenance".into()),
        ..NodeUpdate::of(ROOT, vec![Arc::clone(name)])
    }))
}

fn partition(rng: &mut Rng) -> Event {
    let name = if rng.chance(500) { DEFAULT_PARTITION } else { SMALL_PARTITION };
    let states = [PartitionState::Down, PartitionState::Drain, PartitionState::Inactive];
    let state = rng.pick(&states).copied().filter(|_| rng.chance(300));
    set_partition(name, state.unwrap_or(PartitionState::Up))
}

fn set_partition(name: &str, state: PartitionState) -> Event {
    Event::UpdatePartition(Box::new(PartitionUpdate {
        caller: ROOT,
        name: name.into(),
        apply: Arc::new(move |partition| partition.state = state),
        nodes: None,
    }))
}
