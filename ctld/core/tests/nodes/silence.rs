//! Nodes that fall silent, come back, or have booted meanwhile.

use std::sync::Arc;

use ctld_core::{Core, Effect, Event, NodeMessage, NodeUpdateState};
use model::{Availability, Change, Exit, JobId, Node, ReturnToService, StepNumber};

use crate::world::{World, batch, report, to_node};

#[test]
fn a_node_is_unknown_until_it_registers() {
    let mut world = World::new(ReturnToService::Never);
    assert_eq!(world.node("n1").availability, Availability::Unknown);
    let effects = world.register(1, "n1", -1000);
    assert!(world.node("n1").is_schedulable());
    assert!(effects.contains(&Effect::Schedule));
}

#[test]
fn a_silent_node_goes_down_after_the_timeout_and_its_jobs_with_it() {
    let mut world = World::up(ReturnToService::IfNotResponding);
    world.run_job(batch(1, true));
    world.run_job(batch(2, false));
    world.silence(2, 200);
    assert!(world.node("n1").flags.not_responding, "it is marked at the first ping");
    assert_eq!(world.node("n1").availability, Availability::Up);
    world.silence(201, 700);
    let node = world.node("n1");
    assert_eq!(node.availability, Availability::Down);
    assert_eq!(node.reason.as_ref().map(|r| &*r.text), Some("Not responding"));
    assert!(world.job(1).is_pending(), "{:?}", world.job(1).phase);
    assert_eq!(world.job(2).outcome.as_ref().map(|o| o.exit), Some(Exit::NodeFail));
    assert_eq!(world.node("n2").availability, Availability::Up);
}

#[test]
fn a_node_that_was_given_up_is_still_asked_to_register() {
    let mut world = World::up(ReturnToService::IfNotResponding);
    world.silence(2, 700);
    let asked = (701..1000).any(|second| {
        let effects = world.ok(second, Event::Tick);
        to_node(&effects, 0).contains(&&NodeMessage::Register)
    });
    assert!(asked, "a node must come back when the network does");
}

#[test]
fn what_brings_a_silent_node_back_is_return_to_service() {
    for (returns, comes_back) in [
        (ReturnToService::Never, false),
        (ReturnToService::IfNotResponding, true),
        (ReturnToService::Always, true),
    ] {
        let mut world = World::up(returns);
        world.silence(2, 700);
        world.register(701, "n1", -1000);
        let node = world.node("n1");
        assert_eq!(node.availability == Availability::Up, comes_back, "{returns:?}");
        assert_eq!(node.is_schedulable(), comes_back, "{returns:?}");
        assert_eq!(node.reason.is_none(), comes_back, "{returns:?}");
    }
}

#[test]
fn a_silent_node_that_booted_was_more_than_silent() {
    for (returns, comes_back) in
        [(ReturnToService::IfNotResponding, false), (ReturnToService::Always, true)]
    {
        let mut world = World::up(returns);
        world.silence(2, 700);
        world.register(801, "n1", 750);
        let node = world.node("n1");
        assert_eq!(node.is_schedulable(), comes_back, "{returns:?}");
        if !comes_back {
            let text = node.reason.as_ref().map(|r| &*r.text);
            assert_eq!(text, Some("Node unexpectedly rebooted"));
        }
    }
}

#[test]
fn a_node_that_somebody_set_down_stays_down_unless_all_return() {
    for (returns, comes_back) in
        [(ReturnToService::IfNotResponding, false), (ReturnToService::Always, true)]
    {
        let mut world = World::up(returns);
        world.update(5, "n1", NodeUpdateState::Down).answer.unwrap();
        world.register(6, "n1", -1000);
        assert_eq!(world.node("n1").is_schedulable(), comes_back, "{returns:?}");
    }
}

#[test]
fn a_boot_that_nobody_asked_for_takes_the_node_and_its_jobs_down() {
    let mut world = World::up(ReturnToService::IfNotResponding);
    world.run_job(batch(1, false));
    world.register(100, "n1", 60);
    assert_eq!(world.node("n1").availability, Availability::Down);
    assert_eq!(world.job(1).outcome.as_ref().map(|o| o.exit), Some(Exit::NodeFail));
}

#[test]
fn reports_of_one_boot_that_differ_by_a_second_are_no_boot() {
    let mut world = World::up(ReturnToService::Never);
    world.run_job(batch(1, false));
    let mut r = report("n1", -999);
    r.steps = vec![(JobId(1), StepNumber::Batch)];
    world.ok(50, Event::Registered(Box::new(r)));
    assert!(world.node("n1").is_schedulable());
    assert!(world.job(1).is_active());
}

#[test]
fn a_boot_while_the_controller_was_away_is_seen() {
    let mut world = World::up(ReturnToService::Never);
    world.run_job(batch(1, false));
    // A restart does not know when nodes were heard of.
    let mut cluster = world.core.cluster().clone();
    let forgetful = Node { last_response: None, ..Node::clone(world.node("n1")) };
    cluster.apply(&Change::Node(Arc::new(forgetful)));
    world.core = Core::new(cluster);
    world.register(5000, "n1", 4000);
    assert_eq!(world.node("n1").availability, Availability::Down);
    assert!(world.job(1).outcome.is_some());
}
