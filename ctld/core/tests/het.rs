//! Heterogeneous jobs: all components start together, and what ends one ends the rest or does not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ctld_core::{Answer, Event, JobEdit, JobPart, JobSelection, NewJob, Reject, StepRequest};
use model::{Config, Exit, Hold, JobId, Launch, Phase, Plan, PriorityType, StepNumber, WaitReason};

use world::{ANN, ROOT, World, batch, sent, whole, with};

fn submit(world: &mut World, components: Vec<NewJob>) -> JobId {
    match world.accepted(Event::SubmitHet(components)).answer.unwrap() {
        Answer::Submitted { job } => job,
        other => panic!("{other:?}"),
    }
}

fn two(world: &mut World) -> (JobId, JobId) {
    let leader = submit(world, vec![batch(ANN), batch(ANN)]);
    (leader, JobId(leader.0 + 1))
}

/// The leader on the first node, the other on the second.
fn plan(world: &World, jobs: &[JobId]) -> Plan {
    let starts =
        jobs.iter().zip(1..).flat_map(|(job, node)| world.plan(*job, None, &[node]).starts);
    Plan { together: vec![starts.collect()], complete: true, ..Plan::default() }
}

fn running(world: &mut World) -> (JobId, JobId) {
    let (leader, other) = two(world);
    let plan = plan(world, &[leader, other]);
    world.accepted(Event::Planned(plan));
    world.launched(leader);
    (leader, other)
}

fn component(job: JobId, offset: u32) -> JobSelection {
    JobSelection { job, part: JobPart::Component(offset) }
}

fn exit(world: &World, job: JobId) -> Option<Exit> {
    world.job(job).outcome.as_ref().map(|outcome| outcome.exit)
}

#[test]
fn components_have_numbers_in_a_row_and_know_each_other() {
    let mut world = World::new();
    let (leader, other) = two(&mut world);
    let role = world.job(other).het.clone().unwrap();
    assert_eq!((role.leader(), role.offset()), (leader, 1));
    assert_eq!(role.members(), [leader, other]);
    assert!(world.job(leader).has_script() && !world.job(other).has_script());
    assert!(world.job(leader).priority > world.job(other).priority);
}

#[test]
fn one_component_that_is_refused_refuses_all() {
    let mut world = World::new();
    let bad = with(ANN, |new| new.spec.partitions = vec!["none".into()]);
    let refused = world.refused(Event::SubmitHet(vec![batch(ANN), bad]));
    assert_eq!(refused, Reject::NoSuchPartition("none".into()));
    assert_eq!(world.cluster().job_records(), 0);
}

#[test]
fn an_array_is_no_component_and_the_table_has_room_for_all_or_none() {
    let mut world = World::with(Config { max_job_count: 1, ..Config::default() });
    let refused = world.refused(Event::SubmitHet(vec![batch(ANN), batch(ANN)]));
    assert_eq!(refused, Reject::TooManyJobs { max: 1 });
    let mut world = World::new();
    let refused = world.refused(Event::SubmitHet(vec![batch(ANN), world::array(ANN, 0..3, 0)]));
    assert_eq!(refused, Reject::InvalidArray);
}

#[test]
fn all_components_start_or_none() {
    let mut world = World::new();
    let (leader, other) = two(&mut world);
    // A start of one alone, of all on one node, and of fewer than all.
    let alone = world.plan(leader, None, &[1]);
    world.accepted(Event::Planned(alone));
    let mut crowded = plan(&world, &[leader, other]);
    crowded.together[0][1].allocation = crowded.together[0][0].allocation.clone();
    world.accepted(Event::Planned(crowded));
    let fewer = plan(&world, &[leader]);
    world.accepted(Event::Planned(fewer));
    assert!(world.job(leader).is_pending() && world.job(other).is_pending());

    let plan = plan(&world, &[leader, other]);
    let turned = world.accepted(Event::Planned(plan));
    assert_eq!(sent(&turned), [(1, "launch")], "the leader alone has a script");
    assert!(world.job(leader).is_active() && world.job(other).is_active());
    assert_eq!(world.job(other).phase, Phase::Running(Launch::Done));
}

#[test]
fn the_script_waits_for_the_prologs_of_all_components() {
    let mut world = World::with(Config {
        prolog_alloc: true,
        prolog_defer_batch: true,
        slurmd_timeout_s: 0,
        priority_type: PriorityType::Basic,
        ..Config::default()
    });
    let (leader, other) = two(&mut world);
    let plan = plan(&world, &[leader, other]);
    let turned = world.accepted(Event::Planned(plan));
    assert_eq!(sent(&turned), [(1, "prolog"), (2, "prolog")]);
    let done = |job: JobId, node: &str| Event::PrologDone {
        caller: ROOT,
        job,
        node_name: node.into(),
        status: 0,
    };
    let turned = world.accepted(done(leader, "n1"));
    assert_eq!(sent(&turned), []);
    assert_eq!(world.job(leader).phase, Phase::Running(Launch::Preparing));
    let turned = world.accepted(done(other, "n2"));
    assert_eq!(sent(&turned), [(1, "launch")]);
    world.launched(leader);
}

#[test]
fn a_component_that_ends_in_its_prolog_is_not_waited_for() {
    let mut world =
        World::with(Config { prolog_alloc: true, prolog_defer_batch: true, ..Config::default() });
    let (leader, other) = two(&mut world);
    let plan = plan(&world, &[leader, other]);
    world.accepted(Event::Planned(plan));
    world.accepted(Event::PrologDone {
        caller: ROOT,
        job: leader,
        node_name: "n1".into(),
        status: 0,
    });
    let turned = world.kill(ANN, component(leader, 1));
    assert_eq!(sent(&turned), [(2, "terminate"), (1, "launch")]);
}

#[test]
fn the_end_of_the_script_is_the_end_of_all() {
    let mut world = World::new();
    let (leader, other) = running(&mut world);
    let turned = world.batch_done(leader, 3 << 8);
    assert_eq!(sent(&turned), [(1, "terminate"), (2, "terminate")]);
    assert_eq!(
        (exit(&world, leader), exit(&world, other)),
        (Some(Exit::Failed), Some(Exit::Failed))
    );
    world.epilog(leader, 1);
    world.epilog(other, 2);
    assert_eq!(world.job(leader).phase, Phase::Ended);
    assert_eq!(world.job(other).phase, Phase::Ended);
    // They are forgotten together.
    world.wait(u64::from(world.cluster().config().min_job_age_s) + 1);
    assert_eq!(world.cluster().job_records(), 0);
}

#[test]
fn a_cancellation_of_what_waits_is_for_the_whole() {
    let mut world = World::new();
    let (leader, other) = two(&mut world);
    assert_eq!(world.kill(ANN, component(leader, 1)).answer, Err(Reject::NotWholeHetJob(other)));
    assert_eq!(world.kill(ANN, whole(other)).answer, Err(Reject::NotWholeHetJob(other)));
    assert_eq!(world.kill(ANN, component(leader, 2)).answer, Err(Reject::NoSuchJob(leader)));
    assert!(world.job(leader).is_pending());
    assert_eq!(world.kill(ANN, whole(leader)).answer, Ok(Answer::Done));
    let cancelled = Some(Exit::Cancelled { by: ANN.uid });
    assert_eq!((exit(&world, leader), exit(&world, other)), (cancelled, cancelled));
}

#[test]
fn a_component_that_runs_is_cancelled_alone_unless_it_leads() {
    let mut world = World::new();
    let (leader, other) = running(&mut world);
    assert_eq!(world.kill(ANN, component(leader, 1)).answer, Ok(Answer::Done));
    assert!(world.job(leader).is_active() && world.job(other).is_finished());
    let (leader, other) = running(&mut World::new());
    assert_eq!((leader, other), (JobId(1), JobId(2)));

    let mut world = World::new();
    let (leader, other) = running(&mut world);
    assert_eq!(world.kill(ANN, component(leader, 0)).answer, Ok(Answer::Done));
    assert!(world.job(leader).is_finished() && world.job(other).is_finished());

    let mut world = World::with(Config { whole_hetjob: true, ..Config::default() });
    let (leader, other) = running(&mut world);
    assert_eq!(world.kill(ANN, component(leader, 1)).answer, Ok(Answer::Done));
    assert!(world.job(leader).is_finished() && world.job(other).is_finished());
}

#[test]
fn a_plain_job_has_no_components() {
    let mut world = World::new();
    let job = world.submit(batch(ANN));
    assert_eq!(world.kill(ANN, component(job, 0)).answer, Err(Reject::NotHetJob(job)));
    assert_eq!(world.kill(ANN, component(job, 1)).answer, Err(Reject::NoSuchJob(job)));
}

#[test]
fn what_is_requeued_is_requeued_as_a_whole_through_its_leader() {
    let mut world = World::new();
    let (leader, other) = running(&mut world);
    let refused = world.requeue(ANN, other, Hold::None).answer;
    assert_eq!(refused, Err(Reject::NotHetJobLeader(other)));
    // One that has ended by itself comes back too.
    world.kill(ANN, component(leader, 1));
    world.epilog(other, 2);
    assert_eq!(world.requeue(ANN, leader, Hold::None).answer, Ok(Answer::Done));
    world.epilog(leader, 1);
    assert!(world.job(leader).is_pending() && world.job(other).is_pending());
    assert_eq!((world.job(leader).restarts, world.job(other).restarts), (1, 1));
    assert_eq!(exit(&world, other), None);
}

#[test]
fn a_node_that_goes_takes_all_components_back_to_the_queue_or_ends_them() {
    let mut world = World::new();
    let (leader, other) = running(&mut world);
    lose_second_node(&mut world);
    world.epilog(leader, 1);
    assert!(world.job(leader).is_pending() && world.job(other).is_pending());

    let mut world = World::new();
    let for_once = || with(ANN, |new| new.spec.requeue = false);
    let leader = submit(&mut world, vec![for_once(), for_once()]);
    let other = JobId(leader.0 + 1);
    let plan = plan(&world, &[leader, other]);
    world.accepted(Event::Planned(plan));
    world.launched(leader);
    lose_second_node(&mut world);
    let failed = Some(Exit::NodeFail);
    assert_eq!((exit(&world, leader), exit(&world, other)), (failed, failed));
}

fn lose_second_node(world: &mut World) {
    let update = ctld_core::NodeUpdate {
        state: Some(ctld_core::NodeUpdateState::Down),
        reason: Some("broken".into()),
        ..ctld_core::NodeUpdate::of(ROOT, vec!["n2".into()])
    };
    world.accepted(Event::UpdateNodes(Box::new(update)));
}

#[test]
fn a_hold_is_of_the_component_named_or_of_all() {
    let hold = || JobEdit::Priority { priority: Some(0), as_owner: false };
    let update = |world: &mut World, selection: JobSelection| {
        let edits = vec![hold()];
        let update = ctld_core::UpdateJob { caller: ANN, selection, edits };
        world.accepted(Event::UpdateJob(Box::new(update)));
    };
    let mut world = World::new();
    let (leader, other) = two(&mut world);
    update(&mut world, component(leader, 1));
    assert_eq!((world.job(leader).hold, world.job(other).hold), (Hold::None, Hold::User));
    assert_eq!(world.job(other).wait, WaitReason::HeldUser);
    update(&mut world, whole(leader));
    assert_eq!(world.job(leader).hold, Hold::User);

    let mut world = World::with(Config { whole_hetjob: true, ..Config::default() });
    let (leader, other) = two(&mut world);
    update(&mut world, whole(other));
    assert_eq!((world.job(leader).hold, world.job(other).hold), (Hold::User, Hold::User));
}

#[test]
fn a_component_whose_time_is_up_ends_alone_and_the_leader_takes_all_along() {
    let mut world = World::new();
    let limited = |minutes: u32| with(ANN, |new| new.spec.time_limit_min = Some(minutes));
    let leader = submit(&mut world, vec![limited(10), limited(5)]);
    let other = JobId(leader.0 + 1);
    let plan = plan(&world, &[leader, other]);
    world.accepted(Event::Planned(plan));
    world.launched(leader);
    world.wait(301);
    assert_eq!((exit(&world, leader), exit(&world, other)), (None, Some(Exit::Timeout)));
    world.wait(300);
    assert_eq!(exit(&world, leader), Some(Exit::Timeout));
}

#[test]
fn components_are_stopped_and_go_on_together() {
    let mut world = World::new();
    let (leader, other) = running(&mut world);
    let suspend =
        |job: JobId, resume: bool| Event::Suspend { caller: ROOT, selection: whole(job), resume };
    assert_eq!(world.refused(suspend(other, false)), Reject::NotHetJobLeader(other));
    let turned = world.accepted(suspend(leader, false));
    assert_eq!(sent(&turned), [(1, "suspend"), (2, "suspend")]);
    world.accepted(suspend(leader, true));
    assert!(matches!(world.job(other).phase, Phase::Running(_)));
}

#[test]
fn a_component_that_can_never_start_ends_all() {
    let mut world = World::new();
    let failing = world.running(batch(ANN));
    let never = with(ANN, |new| {
        new.spec.dependencies = world::after(model::DependencyKind::AfterOk, failing);
        new.spec.carried.set_number(model::NumberOption::KillOnInvalidDependency, Some(1));
    });
    let leader = submit(&mut world, vec![batch(ANN), never]);
    world.ends(failing, 1 << 8);
    let other = JobId(leader.0 + 1);
    assert!(world.job(leader).is_finished() && world.job(other).is_finished());
    assert_eq!(world.job(other).wait, WaitReason::DependencyNeverSatisfied);
}

/// `srun --het-group`: a step of several components has one number, and steps of one component none
/// that a later one of several would find taken.
#[test]
fn steps_of_components_are_numbered_by_the_leader() {
    let mut world = World::new();
    let (leader, other) = running(&mut world);
    let mut ask = |job: JobId, number: Option<u32>| {
        let request = StepRequest { number, ..srun(job) };
        match world.accepted(Event::StepAsked(Box::new(request))).answer {
            Ok(Answer::Step { step: StepNumber::Normal(number), .. }) => number,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((ask(leader, None), ask(other, Some(0))), (0, 0));
    assert_eq!(ask(other, None), 1);
    assert_eq!(ask(leader, None), 2);
    assert_eq!((ask(leader, None), ask(other, Some(3))), (3, 3));
}

fn srun(job: JobId) -> StepRequest {
    StepRequest { overlaps: true, name: None, client: None, ..world::srun(job, 1) }
}
