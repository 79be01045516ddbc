//! What people do to nodes.

use std::sync::Arc;

use ctld_core::{Caller, Effect, Event, NodeMessage, NodeUpdate, NodeUpdateState, Reject};
use model::{Gid, ReturnToService, Uid};

use crate::world::{World, batch, to_node, update};

#[test]
fn a_drained_node_finishes_its_jobs_and_takes_no_others_until_it_is_resumed() {
    let mut world = World::up(ReturnToService::Never);
    world.run_job(batch(1, false));
    world.update(5, "n1", NodeUpdateState::Drain).answer.unwrap();
    assert!(!world.node("n1").is_schedulable() && world.job(1).is_active());
    world.register(6, "n1", -1000);
    assert!(world.node("n1").flags.drain, "to register is not to be resumed");
    let turned = world.update(7, "n1", NodeUpdateState::Resume);
    assert!(turned.effects.contains(&Effect::Schedule));
    assert_eq!(to_node(&turned.effects, 0), [&NodeMessage::Register]);
    let node = world.node("n1");
    assert!(node.is_schedulable() && node.reason.is_none());
    let again = world.update(8, "n1", NodeUpdateState::Resume).answer;
    assert_eq!(again, Err(Reject::InvalidNodeState), "there is nothing to resume");
}

#[test]
fn drain_and_fail_take_each_others_place_and_undrain_takes_a_drain_away() {
    let mut world = World::up(ReturnToService::Never);
    world.update(5, "n1", NodeUpdateState::Fail).answer.unwrap();
    assert!(world.node("n1").flags.fail && !world.node("n1").is_schedulable());
    world.update(6, "n1", NodeUpdateState::Drain).answer.unwrap();
    assert!(world.node("n1").flags.drain && !world.node("n1").flags.fail);
    world.update(7, "n1", NodeUpdateState::Undrain).answer.unwrap();
    assert!(world.node("n1").is_schedulable() && world.node("n1").reason.is_none());
}

#[test]
fn a_node_set_down_loses_its_jobs_at_once() {
    let mut world = World::up(ReturnToService::Never);
    world.run_job(batch(1, true));
    world.update(5, "n1", NodeUpdateState::Down).answer.unwrap();
    assert!(world.job(1).is_pending());
    assert_eq!(world.job(1).restarts, 1);
    world.update(6, "n1", NodeUpdateState::Resume).answer.unwrap();
    assert!(!world.node("n1").is_schedulable(), "something of the job may be left");
    world.register(40, "n1", -1000);
    assert!(world.node("n1").is_schedulable());
}

#[test]
fn a_node_that_is_resumed_later_comes_back_by_the_clock() {
    let mut world = World::up(ReturnToService::Never);
    let down =
        NodeUpdate { resume_after_s: Some(Some(60)), ..update("n1", Some(NodeUpdateState::Drain)) };
    world.ok(10, Event::UpdateNodes(Box::new(down)));
    world.ok(69, Event::Tick);
    assert!(world.node("n1").flags.drain);
    world.ok(70, Event::Tick);
    assert!(world.node("n1").is_schedulable() && world.node("n1").resume_after.is_none());
}

#[test]
fn states_that_a_node_cannot_go_to_are_refused_and_change_nothing() {
    let mut world = World::up(ReturnToService::Never);
    let cases = [
        (NodeUpdateState::PowerDown, Reject::NoPowerSaving),
        (NodeUpdateState::CancelReboot, Reject::InvalidNodeState),
    ];
    for (state, why) in cases {
        let turned = world.update(5, "n1", state);
        assert_eq!(turned.answer, Err(why), "{state:?}");
        assert!(turned.changes.is_empty());
    }
    let unknown = world.update(5, "n9", NodeUpdateState::Drain).answer;
    assert_eq!(unknown, Err(Reject::NoSuchNode("n9".into())));
    let mut by_user = update("n1", Some(NodeUpdateState::Drain));
    by_user.caller = Caller { uid: Uid(1000), gid: Gid(1000) };
    let refused = world.turn(5, Event::UpdateNodes(Box::new(by_user))).answer;
    assert_eq!(refused, Err(Reject::AccessDenied));
}

#[test]
fn active_features_are_among_the_available_ones() {
    let mut world = World::up(ReturnToService::Never);
    let features = |names: &[&str]| Some(names.iter().map(|n| Arc::from(*n)).collect());
    let both = NodeUpdate { features_available: features(&["a", "b"]), ..update("n1", None) };
    world.ok(5, Event::UpdateNodes(Box::new(both)));
    assert_eq!(world.node("n1").features_active.len(), 2);
    let one = NodeUpdate { features_active: features(&["b"]), ..update("n1", None) };
    world.ok(6, Event::UpdateNodes(Box::new(one)));
    assert_eq!(world.node("n1").features_active.len(), 1);
    let wrong = NodeUpdate { features_active: features(&["c"]), ..update("n1", None) };
    // Without the one that is active it must be said which are to be.
    let without = NodeUpdate { features_available: features(&["a"]), ..update("n1", None) };
    for update in [wrong, without] {
        let refused = world.turn(7, Event::UpdateNodes(Box::new(update))).answer;
        assert_eq!(refused, Err(Reject::ActiveFeatureNotAvailable("n1".into())));
    }
}
