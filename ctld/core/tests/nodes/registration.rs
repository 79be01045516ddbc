//! Registrations: what does not fit, and what runs there against what should.

use ctld_core::{Answer, Caller, Event, NodeMessage, NodeUpdateState, Reject};
use model::{
    Completing, Exit, Gid, Job, JobId, NodeId, Outcome, Phase, ReturnToService, StepNumber, Uid,
};

use crate::world::{World, at, batch, report, to_node};

#[test]
fn a_node_that_does_not_fit_is_drained_with_all_reasons_and_cannot_be_resumed() {
    let mut world = World::new(ReturnToService::Never);
    let mut small = report("n1", -1000);
    small.registration.cpus = 2;
    small.registration.cores_per_socket = 2;
    small.registration.memory_mib = 900;
    let answer = world.turn(1, Event::Registered(Box::new(small))).answer;
    assert!(matches!(answer, Ok(Answer::Registered { .. })), "{answer:?}");
    let node = world.node("n1");
    assert!(node.flags.invalid && node.flags.drain);
    assert_eq!(
        node.reason.as_ref().map(|r| &*r.text),
        Some(
            "Low socket*core*thread count, Low CPUs, \
             Low RealMemory (reported:900 < 100.00% of configured:1000)"
        )
    );
    let refused = world.update(2, "n1", NodeUpdateState::Resume).answer;
    assert_eq!(refused, Err(Reject::InvalidNodeState));
    world.register(3, "n1", -1000);
    assert!(!world.node("n1").flags.invalid && world.node("n1").flags.drain);
    world.update(4, "n1", NodeUpdateState::Resume).answer.unwrap();
    assert!(world.node("n1").is_schedulable());
}

#[test]
fn a_failed_prolog_drains_and_is_no_misfit() {
    let mut world = World::up(ReturnToService::Never);
    let mut r = report("n1", -1000);
    r.trouble = Some("Prolog error".into());
    world.ok(5, Event::Registered(Box::new(r)));
    let node = world.node("n1");
    assert!(node.flags.drain && !node.flags.invalid);
    assert_eq!(node.reason.as_ref().map(|r| &*r.text), Some("Prolog error"));
}

#[test]
fn jobs_that_nobody_knows_are_aborted_once_each() {
    let mut world = World::up(ReturnToService::Never);
    let mut r = report("n1", -1000);
    r.steps = vec![(JobId(77), StepNumber::Batch), (JobId(77), StepNumber::Normal(0))];
    let effects = world.ok(5, Event::Registered(Box::new(r)));
    let abort = NodeMessage::Abort { job: JobId(77), step: Some(StepNumber::Batch) };
    assert_eq!(to_node(&effects, 0), [&abort]);
}

#[test]
fn what_is_left_of_an_ended_job_is_ended_and_what_just_ended_is_left_alone() {
    let ended = |at_s: i64| Job {
        phase: Phase::Ended,
        ended: Some(at(at_s)),
        outcome: Some(Outcome { exit: Exit::Completed, status: 0, derived_status: 0 }),
        ..batch(1, false)
    };
    for (ended_at, told) in [(10, true), (99, false)] {
        let mut world = World::up(ReturnToService::Never);
        world.run_job(ended(ended_at));
        let mut r = report("n1", -1000);
        r.steps = vec![(JobId(1), StepNumber::Batch)];
        let effects = world.ok(100, Event::Registered(Box::new(r)));
        let messages = to_node(&effects, 0);
        let is_terminate = |m: &&&NodeMessage| matches!(m, NodeMessage::Terminate { .. });
        assert_eq!(messages.iter().any(|m| is_terminate(&m)), told, "{messages:?}");
    }
}

#[test]
fn a_job_of_another_node_is_aborted_here() {
    let mut world = World::up(ReturnToService::Never);
    world.run_job(batch(1, false));
    let mut r = report("n2", -1000);
    r.steps = vec![(JobId(1), StepNumber::Batch)];
    let effects = world.ok(5, Event::Registered(Box::new(r)));
    assert!(matches!(to_node(&effects, 1)[..], [NodeMessage::Abort { job: JobId(1), .. }]));
    assert!(world.job(1).is_active());
}

#[test]
fn a_batch_job_that_its_node_does_not_have_is_lost_once_it_had_time_to_start() {
    for requeue in [true, false] {
        let mut world = World::up(ReturnToService::Never);
        world.run_job(batch(1, requeue));
        world.register(10, "n1", -1000);
        assert!(world.job(1).is_active(), "it may be on its way");
        world.register(500, "n1", -1000);
        let job = world.job(1);
        assert_eq!(job.failed_node.as_deref(), Some("n1"));
        if requeue {
            assert_eq!(job.restarts, 1);
            assert!(!job.is_finished());
        } else {
            assert_eq!(job.outcome.as_ref().map(|o| o.exit), Some(Exit::NodeFail));
        }
    }
}

#[test]
fn a_boot_cleans_up_what_was_being_cleaned_up() {
    let mut world = World::up(ReturnToService::Always);
    world.run_job(Job {
        phase: Phase::Completing(Completing {
            waiting_on: [NodeId(0)].into_iter().collect(),
            since: at(3),
            told: at(3),
            requeue: false,
            epilog: false,
        }),
        outcome: Some(Outcome { exit: Exit::Completed, status: 0, derived_status: 0 }),
        ended: Some(at(3)),
        ..batch(1, false)
    });
    world.register(100, "n1", 60);
    assert_eq!(world.job(1).phase, Phase::Ended);
    assert!(world.core.cluster().usage(NodeId(0)).is_idle());
}

#[test]
fn only_daemons_register() {
    let mut world = World::new(ReturnToService::Never);
    let mut r = report("n1", -1000);
    r.caller = Caller { uid: Uid(1000), gid: Gid(1000) };
    let refused = world.turn(1, Event::Registered(Box::new(r))).answer;
    assert_eq!(refused, Err(Reject::AccessDenied));
}
