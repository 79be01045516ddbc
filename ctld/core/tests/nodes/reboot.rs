//! Boots that somebody asked for.

use ctld_core::{AfterReboot, Event, NodeMessage, NodeUpdateState, Reboot, Reject};
use model::{Availability, Exit, Job, Outcome, Phase, ReturnToService};

use crate::world::{World, at, batch, root, to_node};

fn reboot(then: AfterReboot) -> Event {
    Event::RebootNodes(Reboot {
        caller: root(),
        names: Some(vec!["n1".into()]),
        asap: true,
        then,
        reason: None,
    })
}

#[test]
fn a_reboot_waits_for_the_jobs_and_the_node_comes_back_as_it_was() {
    let mut world = World::up(ReturnToService::Never);
    world.run_job(batch(1, false));
    world.ok(5, reboot(AfterReboot::AsBefore));
    assert!(!world.node("n1").is_schedulable(), "asap drains");
    let effects = world.ok(6, Event::Tick);
    let is_reboot = |m: &&NodeMessage| matches!(m, NodeMessage::Reboot { .. });
    assert!(!to_node(&effects, 0).iter().any(is_reboot), "the job still runs");
    let job = Job {
        phase: Phase::Ended,
        ended: Some(at(7)),
        outcome: Some(Outcome { exit: Exit::Completed, status: 0, derived_status: 0 }),
        ..batch(1, false)
    };
    world.run_job(job);
    let effects = world.ok(8, Event::Tick);
    assert!(to_node(&effects, 0).iter().any(is_reboot), "{effects:?}");
    let node = world.node("n1");
    assert!(node.flags.reboot_issued && node.availability == Availability::Down);
    world.register(9, "n1", -1000);
    assert!(world.node("n1").flags.reboot_issued, "the last words before the boot do not count");
    world.register(40, "n1", 30);
    let node = world.node("n1");
    assert!(node.is_schedulable() && node.reason.is_none(), "{node:?}");
}

#[test]
fn a_reboot_that_takes_too_long_leaves_the_node_down() {
    let mut world = World::up(ReturnToService::Never);
    world.ok(5, reboot(AfterReboot::AsBefore));
    world.ok(6, Event::Tick);
    world.ok(66, Event::Tick);
    assert!(world.node("n1").flags.reboot_issued);
    world.ok(67, Event::Tick);
    let node = world.node("n1");
    assert!(!node.flags.reboot_issued && node.availability == Availability::Down);
    assert!(node.reason.as_ref().is_some_and(|r| r.text.ends_with("reboot timed out")));
}

#[test]
fn a_reboot_may_end_down_and_may_be_taken_back_before_it_is_issued() {
    let mut world = World::up(ReturnToService::Never);
    world.ok(5, reboot(AfterReboot::Down));
    world.ok(6, Event::Tick);
    let taken_back = world.update(7, "n1", NodeUpdateState::CancelReboot).answer;
    assert_eq!(taken_back, Err(Reject::RebootInProgress));
    world.register(40, "n1", 30);
    let node = world.node("n1");
    assert_eq!(node.availability, Availability::Down);
    assert!(node.reason.as_ref().is_some_and(|r| r.text.ends_with("reboot complete")));

    let mut world = World::up(ReturnToService::Never);
    world.run_job(batch(1, false));
    world.ok(5, reboot(AfterReboot::AsBefore));
    world.update(6, "n1", NodeUpdateState::CancelReboot).answer.unwrap();
    assert!(world.node("n1").is_schedulable());
}
