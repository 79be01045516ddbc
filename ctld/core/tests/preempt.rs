//! Jobs make room for others: at once or after a while, for good or until they can run again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::sync::Arc;

use ctld_core::{Answer, Event, JobEdit, PartitionNodes, PartitionUpdate, Reject};
use model::{
    Config, Exit, JobId, Partition, Phase, Plan, PreemptMode, PreemptRules, Preemption,
    PriorityType, WaitReason,
};

use world::{ANN, BOB, ROOT, World, batch, sent, with};

fn rules(mode: PreemptMode) -> PreemptRules {
    PreemptRules {
        mode,
        by_priority: false,
        exempt_s: 0,
        exempt_priority: None,
        reorder_count: 1,
        strict_order: false,
        youngest_first: false,
        for_licenses: false,
        user_signal: false,
    }
}

/// A cluster in which jobs of the partition `high` push aside those of `main`.
fn world(rules: PreemptRules) -> World {
    let mut world = World::with(Config {
        cred_expire_s: 120,
        slurmd_timeout_s: 0,
        priority_type: PriorityType::Basic,
        preemption: Some(rules),
        ..Config::default()
    });
    alter(&mut world, true, "high", |partition| partition.priority_tier = 9);
    world
}

fn alter(
    world: &mut World,
    is_new: bool,
    name: &str,
    apply: impl Fn(&mut Partition) + Send + Sync + 'static,
) {
    let nodes = is_new.then(|| PartitionNodes::Are {
        text: "n[1-4]".into(),
        names: (1..=4).map(|node| format!("n{node}").into()).collect(),
        grows: None,
    });
    let (caller, name, apply) = (ROOT, name.into(), Arc::new(apply));
    let update = PartitionUpdate { caller, name, apply, nodes };
    world.accepted(if is_new {
        Event::CreatePartition(Box::new(update))
    } else {
        Event::UpdatePartition(Box::new(update))
    });
}

fn urgent(world: &mut World) -> JobId {
    world.submit(with(BOB, |new| new.spec.partitions = vec!["high".into()]))
}

/// A job gets the place of another.
fn plan(world: &World, job: JobId, victim: JobId) -> Plan {
    let mut start = world.plan(job, None, &[2]).starts.remove(0);
    start.partition = "high".into();
    start.allocation = model::Allocation::clone(world.job(victim).allocation.as_ref().unwrap());
    let preemptions = vec![Preemption { starts: vec![start], victims: vec![victim] }];
    Plan { preemptions, complete: true, ..Plan::default() }
}

fn pushed(world: &mut World, job: JobId, victim: JobId) -> ctld_core::Turned {
    let plan = plan(world, job, victim);
    world.accepted(Event::Planned(plan))
}

fn exit(world: &World, job: JobId) -> Option<Exit> {
    world.job(job).outcome.as_ref().map(|outcome| outcome.exit)
}

#[test]
fn a_job_that_makes_room_is_ended_and_its_place_is_the_others() {
    let mut world = world(rules(PreemptMode::Cancel));
    let victim = world.running(batch(ANN));
    let job = urgent(&mut world);
    let turned = pushed(&mut world, job, victim);
    assert_eq!(sent(&turned), [(1, "preempted")]);
    assert_eq!(exit(&world, victim), Some(Exit::Preempted));
    assert_eq!(world.job(victim).preempted, Some(world.now));
    assert!(pushed(&mut world, job, victim).changes.is_empty(), "nobody is told twice");
    world.batch_done(victim, 15);
    world.epilog(victim, 1);
    assert_eq!(world.job(victim).phase, Phase::Ended);
    assert_eq!(world.job(victim).outcome.as_ref().unwrap().status, 15);
}

#[test]
fn a_job_that_may_waits_anew_and_one_that_may_not_is_ended() {
    let mut world = world(rules(PreemptMode::Requeue));
    let victim = world.running(batch(ANN));
    let job = urgent(&mut world);
    let turned = pushed(&mut world, job, victim);
    assert_eq!(sent(&turned), [(1, "preempted")]);
    world.epilog(victim, 1);
    let back = world.job(victim);
    assert!(back.is_pending() && back.preempted.is_none());
    assert_eq!((back.restarts, &back.wait), (1, &WaitReason::BeginTime));

    let stubborn = world.running(with(ANN, |new| new.spec.requeue = false));
    pushed(&mut world, job, stubborn);
    assert_eq!(exit(&world, stubborn), Some(Exit::Preempted));
}

#[test]
fn with_a_grace_time_a_job_is_told_first() {
    let mut world = world(rules(PreemptMode::Requeue));
    alter(&mut world, false, "main", |partition| partition.grace_time_s = 20);
    let victim = world.running(with(ANN, |new| new.spec.time_unlimited = true));
    assert_eq!(world.job(victim).time_limit_min, None);
    let job = urgent(&mut world);
    let turned = pushed(&mut world, job, victim);
    assert_eq!(sent(&turned), [(1, "signal"), (1, "signal")], "SIGCONT, SIGTERM");
    assert_eq!(world.job(victim).ended, Some(world.now.plus_s(20)));
    let edit = JobEdit::TimeLimit(Some(5));
    assert_eq!(world.update(ROOT, victim, edit).answer, Err(Reject::JobOver(victim)));
    assert!(sent(&world.wait(19)).is_empty());
    assert_eq!(sent(&world.wait(1)), [(1, "preempted")]);
    world.epilog(victim, 1);
    assert!(world.job(victim).is_pending());
}

#[test]
fn a_job_that_ends_in_its_grace_counts_as_pushed_aside() {
    let mut world = world(rules(PreemptMode::Requeue));
    alter(&mut world, false, "main", |partition| partition.grace_time_s = 20);
    let victim = world.running(batch(ANN));
    let job = urgent(&mut world);
    pushed(&mut world, job, victim);
    world.batch_done(victim, 15);
    assert_eq!(exit(&world, victim), Some(Exit::Preempted));
    assert_eq!(world.job(victim).wait, WaitReason::None);
}

#[test]
fn the_signal_that_a_job_asked_for_can_take_the_place_of_sigterm() {
    let mut world = world(PreemptRules { user_signal: true, ..rules(PreemptMode::Cancel) });
    alter(&mut world, false, "main", |partition| partition.grace_time_s = 20);
    let victim = world.running(with(ANN, |new| {
        (new.spec.warn_signal, new.spec.warn_time_s) = (10, 5);
    }));
    let job = urgent(&mut world);
    let turned = pushed(&mut world, job, victim);
    let signals: Vec<u16> = turned
        .effects
        .iter()
        .filter_map(|effect| match effect {
            ctld_core::Effect::ToNode {
                message: ctld_core::NodeMessage::Signal { signal, .. },
                ..
            } => Some(*signal),
            _ => None,
        })
        .collect();
    assert_eq!(signals, [18, 10]);
    assert!(world.job(victim).warned);
    assert_eq!(sent(&world.wait(20)), [(1, "preempted")], "it is not sent twice");
}

#[test]
fn nobody_goes_for_a_job_that_would_not_fit_then() {
    let mut world = world(rules(PreemptMode::Cancel));
    let victim = world.running(batch(ANN));
    let job = urgent(&mut world);
    // Its cores are another's, who is not to go.
    let beside = world.submit(batch(ANN));
    world.start(beside, None, &[1]);
    let mut plan_ = plan(&world, job, victim);
    plan_.preemptions[0].starts[0].allocation =
        model::Allocation::clone(world.job(beside).allocation.as_ref().unwrap());
    let turned = world.accepted(Event::Planned(plan_));
    assert!(turned.changes.is_empty() && sent(&turned).is_empty());
    // The job was held meanwhile.
    let late = plan(&world, job, victim);
    world.update(ROOT, job, JobEdit::Priority { priority: Some(0), as_owner: false });
    assert!(world.accepted(Event::Planned(late)).changes.is_empty());
    assert!(world.job(victim).is_active());
}

#[test]
fn who_is_exempt_is_left_alone() {
    let exempt = PreemptRules { exempt_s: 60, ..rules(PreemptMode::Cancel) };
    let mut world = world(exempt);
    let victim = world.running(batch(ANN));
    let job = urgent(&mut world);
    assert!(pushed(&mut world, job, victim).changes.is_empty());
    world.wait(60);
    alter(&mut world, false, "main", |partition| {
        partition.preempt_mode = Some(PreemptMode::Off);
    });
    assert!(pushed(&mut world, job, victim).changes.is_empty());
    alter(&mut world, false, "main", |partition| {
        (partition.preempt_mode, partition.priority_tier) = (None, 9);
    });
    assert!(pushed(&mut world, job, victim).changes.is_empty());
    alter(&mut world, false, "main", |partition| partition.priority_tier = 1);
    pushed(&mut world, job, victim);
    assert_eq!(exit(&world, victim), Some(Exit::Preempted));
}

#[test]
fn a_heterogeneous_job_goes_as_a_whole() {
    for (mode, comes_back) in [(PreemptMode::Cancel, false), (PreemptMode::Requeue, true)] {
        let mut world = world(rules(mode));
        let submitted = world.accepted(Event::SubmitHet(vec![batch(ANN), batch(ANN)]));
        let Ok(Answer::Submitted { job: leader }) = submitted.answer else { panic!() };
        let other = JobId(leader.0 + 1);
        let starts = [(leader, 1), (other, 2)];
        let starts = starts.map(|(job, node)| world.plan(job, None, &[node]).starts.remove(0));
        let together = vec![starts.to_vec()];
        world.accepted(Event::Planned(Plan { together, complete: true, ..Plan::default() }));
        world.launched(leader);
        let job = urgent(&mut world);
        let turned = pushed(&mut world, job, leader);
        assert_eq!(sent(&turned), [(1, "preempted"), (2, "preempted")]);
        world.epilog(leader, 1);
        world.epilog(other, 2);
        for job in [leader, other] {
            assert_eq!(world.job(job).is_pending(), comes_back, "{mode:?}");
            let end = (!comes_back).then_some(Exit::Preempted);
            assert_eq!(exit(&world, job), end);
        }
    }
}
