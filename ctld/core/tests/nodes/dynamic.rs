//! Nodes that come and go.

use ctld_core::{Answer, Configuration, Dynamic, Event, NodeUpdateState, Recover, Reject};
use model::{Availability, Config, Origin, ReturnToService};

use crate::world::{World, config, configuration, node, report, root};

#[test]
fn a_dynamic_node_comes_and_goes() {
    let mut world = World::up(ReturnToService::Never);
    let mut r = report("d1", -1000);
    r.dynamic = Dynamic::New(Box::new(node("d1")));
    world.ok(5, Event::Registered(Box::new(r)));
    let id = world.node("d1").id;
    assert_eq!(world.node("d1").origin, Origin::Dynamic);
    assert!(world.node("d1").is_schedulable());
    let main = |world: &World| world.core.cluster().partition("main").unwrap().nodes.to_vec();
    assert!(main(&world).contains(&id));
    // slurm.conf is read again and does not name it.
    let again =
        Configuration { recover: Recover::Reload, ..configuration(config(ReturnToService::Never)) };
    world.ok(6, Event::Configured(Box::new(again)));
    assert!(main(&world).contains(&id), "a partition of all nodes keeps those that came later");
    let delete = |name: &str| Event::DeleteNodes { caller: root(), names: vec![name.into()] };
    world.ok(7, delete("d1"));
    assert!(world.core.cluster().node_named("d1").is_none());
    assert!(!main(&world).contains(&id));
    let refused = world.turn(8, delete("n1")).answer;
    let stays = ("n1".into(), Reject::NodeIsConfigured("n1".into()));
    assert_eq!(refused, Ok(Answer::NodesRefused(vec![stays])));
}

#[test]
fn a_full_table_takes_no_dynamic_node() {
    let mut world = World::new(ReturnToService::Never);
    let full = Config { max_node_count: 3, ..config(ReturnToService::Never) };
    world.ok(1, Event::Configured(Box::new(configuration(full))));
    let mut r = report("d1", -1000);
    r.dynamic = Dynamic::New(Box::new(node("d1")));
    let refused = world.turn(2, Event::Registered(Box::new(r))).answer;
    assert_eq!(refused, Err(Reject::TooManyNodes { max: 3, name: "d1".into() }));
}

#[test]
fn a_node_to_come_takes_a_place_and_keeps_it() {
    let mut world = World::up(ReturnToService::Never);
    world.update(5, "n3", NodeUpdateState::Future).answer.unwrap();
    assert_eq!(world.node("n3").availability, Availability::Future);
    let mut r = report("host7", -1000);
    r.dynamic = Dynamic::Future { feature: None };
    let place = world.node("n3").id;
    let placed = Ok(Answer::Registered { node: place, name: "n3".into() });
    assert_eq!(world.turn(6, Event::Registered(Box::new(r.clone()))).answer, placed);
    // It registers by its new name, and if it forgets that, by its host's.
    let mut by_name = r.clone();
    by_name.node_name = "n3".into();
    world.ok(7, Event::Registered(Box::new(by_name)));
    assert!(world.node("n3").is_schedulable());
    assert_eq!(world.turn(8, Event::Registered(Box::new(r.clone()))).answer, placed);
    r.host_name = "host8".into();
    r.node_name = "host8".into();
    let refused = world.turn(9, Event::Registered(Box::new(r))).answer;
    assert_eq!(refused, Err(Reject::NoSuchNode("host8".into())), "there is no other place");
}
