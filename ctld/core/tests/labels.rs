//! Labels of MCS: who has which, and beside whom a job may start.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ctld_core::{Caller, Event, NewJob, Reject};
use model::{Config, Exclusive, Gid, JobId, Mcs, McsPlugin, TextOption};
use world::{ANN, BOB, ROOT, World, whole, with};

/// In a cluster whose labels are groups: of `staff` are all, of `math` is nobody.
fn world() -> World {
    let groups = [(Gid(71), "math".into()), (Gid(72), "staff".into())];
    let plugin = Some(McsPlugin::Group);
    let mcs = Mcs { plugin, groups: groups.into(), ..Mcs::default() };
    World::with(Config { mcs, ..Config::default() })
}

fn labelled(caller: Caller, label: Option<&str>) -> NewJob {
    with(caller, |new| {
        new.spec.exclusive = Exclusive::Mcs;
        new.spec.carried.set_text(TextOption::McsLabel, label.map(Into::into));
        new.groups = ["staff".into()].into();
    })
}

fn label(world: &World, job: JobId) -> Option<&str> {
    world.job(job).spec.carried.text(TextOption::McsLabel).map(|label| &**label)
}

fn starts(world: &mut World, job: JobId, node: u32) -> bool {
    world.start(job, None, &[node]);
    !world.job(job).is_pending()
}

#[test]
fn a_job_has_the_label_that_it_may_have_or_is_refused() {
    let mut world = world();
    let own = world.submit(labelled(ANN, None));
    assert_eq!(label(&world, own), Some("staff"));
    let none = world.submit(with(ANN, |_| {}));
    assert_eq!(label(&world, none), None);
    let before = world.cluster().clone();
    let refused = world.turn(Event::Submit(Box::new(labelled(ANN, Some("math"))))).answer;
    assert_eq!(refused.unwrap_err(), Reject::InvalidMcsLabel);
    assert_eq!(*world.cluster(), before);
}

#[test]
fn a_start_beside_another_label_is_refused_until_the_node_is_free_of_it() {
    let mut world = world();
    let first = world.running(labelled(ANN, None));
    let (same, plain) = (world.submit(labelled(BOB, None)), world.submit(with(BOB, |_| {})));
    assert!(!starts(&mut world, plain, 1), "no label beside one");
    assert!(starts(&mut world, same, 1), "of the same label, of another user");
    world.kill(ROOT, whole(same));
    world.epilog(same, 1);

    world.batch_done(first, 0);
    assert!(!starts(&mut world, plain, 1), "the node is still being cleaned up");
    world.epilog(first, 1);
    assert!(starts(&mut world, plain, 1));
    let late = world.submit(labelled(ANN, None));
    assert!(!starts(&mut world, late, 1), "a label beside none");
    assert!(starts(&mut world, late, 2));
}

#[test]
fn a_node_whose_jobs_are_stopped_keeps_its_label() {
    let mut world = world();
    let (first, plain) = (world.running(labelled(ANN, None)), world.submit(with(BOB, |_| {})));
    world.accepted(Event::Suspend { caller: ROOT, selection: whole(first), resume: false });
    assert!(!starts(&mut world, plain, 1));
    let same = world.submit(labelled(BOB, None));
    assert!(starts(&mut world, same, 1));
}
