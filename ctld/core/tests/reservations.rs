//! Reservations: made and altered by people, begun, ended and moved on by time; what becomes of jobs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::sync::Arc;

use ctld_core::{
    Answer, Core, Effect, Event, Hook, JobEdit, JobSelection, NameEdit, NewJob, NodeUpdate,
    NodeUpdateState, NodesAsked, PartitionNodes, PartitionUpdate, Picked, Reject,
    ReservationReject, ReservationRequest, Sign, Turned,
};
use model::{
    Change, Cluster, Config, Exit, Hold, JobId, NodeId, Phase, Reservation, ReservationFlags as F,
    TextOption, Timestamp, Uid, WaitReason,
};
use world::{ANN, BOB, ROOT, World, batch, with};

/// A reservation of some nodes for ann, from now for a minute.
fn request(name: &str, nodes: &str) -> ReservationRequest {
    let ann = NameEdit { sign: Sign::None, name: "ann".into(), user: Some(ANN.uid) };
    ReservationRequest {
        name: (!name.is_empty()).then(|| name.into()),
        duration_min: Some(1),
        nodes: Some(NodesAsked::Are(nodes.into())),
        users: Some(vec![ann]),
        ..ReservationRequest::of(ROOT)
    }
}

fn flagged(name: &str, nodes: &str, flags: u64) -> ReservationRequest {
    ReservationRequest { flags: Some(flags), ..request(name, nodes) }
}

fn create(world: &mut World, request: ReservationRequest) -> Arc<str> {
    let event = Event::CreateReservation(Box::new(request));
    match world.accepted(event).answer.unwrap() {
        Answer::ReservationMade { name } => name,
        other => panic!("{other:?}"),
    }
}

fn refused(world: &mut World, request: ReservationRequest) -> Reject {
    world.refused(Event::CreateReservation(Box::new(request)))
}

fn delete(name: &str) -> Event {
    Event::DeleteReservation { caller: ROOT, name: name.into() }
}

fn one<'w>(world: &'w World, name: &str) -> &'w Reservation {
    world.cluster().reservation(name).unwrap()
}

/// A waiting job of ann's that asks for reservations.
fn job_for(world: &mut World, names: &str) -> JobId {
    let mut new = batch(ANN);
    new.spec.carried.set_text(TextOption::Reservation, Some(names.into()));
    world.submit(new)
}

/// Starts a job on a node in a reservation.
fn start_in(world: &mut World, job: JobId, node: u32, name: &str) {
    let mut plan = world.plan(job, None, &[node]);
    plan.starts[0].allocation.reservation = Some(name.into());
    world.accepted(Event::Planned(plan));
    world.launched(job);
}

#[test]
fn names_follow_the_first_account_or_user_and_a_number() {
    let mut world = World::new();
    assert_eq!(&*create(&mut world, request("", "n1")), "ann_1");
    assert_eq!(&*create(&mut world, request("mine", "n2")), "mine");
    assert_eq!(&*create(&mut world, request("", "n3")), "ann_3");
    let taken = refused(&mut world, request("mine", "n4"));
    assert_eq!(taken, ReservationReject::NameTaken("mine".into()).into());
    let by_bob = ReservationRequest { caller: BOB, ..request("his", "n4") };
    assert_eq!(refused(&mut world, by_bob), ReservationReject::NotYours.into());
}

#[test]
fn a_reservation_begins_and_is_gone_when_its_time_is_over() {
    let mut world = World::new();
    let start = Some(Timestamp(world.now.0 + 10));
    create(&mut world, ReservationRequest { start, ..request("r", "n1") });
    assert!(!one(&world, "r").is_active());
    let began = world.wait(10);
    assert!(one(&world, "r").is_active() && began.effects.contains(&Effect::Schedule));
    world.wait(60);
    assert!(!one(&world, "r").is_active(), "its nodes are free at once");
    world.wait(1);
    assert!(world.cluster().reservation("r").is_none());
}

#[test]
fn nodes_are_reserved_once_at_a_time_and_not_over_running_jobs() {
    let mut world = World::new();
    let job = world.submit(batch(ANN));
    world.start(job, None, &[2]);
    create(&mut world, request("r", "n1"));
    assert_eq!(refused(&mut world, request("s", "n1")), ReservationReject::Overlaps.into());
    assert_eq!(refused(&mut world, request("s", "n2")), ReservationReject::NodesBusy.into());
    create(&mut world, flagged("s", "n[1-2]", F::OVERLAP | F::IGNORE_JOBS));
    let later = Some(Timestamp(world.now.0 + 60));
    create(&mut world, ReservationRequest { start: later, ..request("t", "n1") });
    let nobody = ReservationRequest { users: None, ..request("u", "n3") };
    assert_eq!(refused(&mut world, nobody), ReservationReject::NobodyNamed.into());
}

#[test]
fn one_that_comes_again_moves_on_and_may_be_skipped() {
    let mut world = World::new();
    create(&mut world, flagged("r", "n1", F::HOURLY));
    let first = one(&world, "r").clone();
    world.wait(61);
    let second = one(&world, "r").clone();
    assert_eq!((second.start.0 - first.start.0, second.end.0 - first.end.0), (3600, 3600));
    assert!(second.id > first.id && !second.is_active());
    // A controller that was away for long finds the next time that has not passed.
    world.wait(5 * 3600);
    let later = one(&world, "r").clone();
    assert!(later.end > world.now && later.end.0 - world.now.0 <= 3600);
    const SKIP: u64 = 1 << 34;
    let skip = ReservationRequest {
        flags: Some(SKIP),
        nodes: None,
        users: None,
        duration_min: None,
        ..request("r", "")
    };
    world.accepted(Event::UpdateReservation(Box::new(skip)));
    assert_eq!(one(&world, "r").start.0 - later.start.0, 3600);
}

#[test]
fn programs_run_as_it_begins_and_ends() {
    let hooks = |turned: &Turned| -> Vec<Hook> {
        let hook = |effect: &Effect| match effect {
            Effect::RunReservation { hook, .. } => Some(*hook),
            _ => None,
        };
        turned.effects.iter().filter_map(hook).collect()
    };
    let mut world = World::new();
    let later = ReservationRequest { start: Some(world.now.plus_s(60)), ..request("r", "n1") };
    let made = world.accepted(Event::CreateReservation(Box::new(later)));
    assert!(hooks(&made).is_empty());
    assert!(hooks(&world.wait(59)).is_empty());
    assert_eq!(hooks(&world.wait(1)), [Hook::Prolog]);
    assert!(hooks(&world.wait(59)).is_empty(), "each runs once");
    assert_eq!(hooks(&world.wait(2)), [Hook::Epilog]);

    let now = world.accepted(Event::CreateReservation(Box::new(request("s", "n1"))));
    assert_eq!(hooks(&now), [Hook::Prolog]);
    assert!(hooks(&world.accepted(delete("s"))).is_empty(), "it was deleted, not over");
}

#[test]
fn a_job_starts_where_it_asked_to_and_nowhere_else() {
    let mut world = World::new();
    create(&mut world, request("r", "n1"));
    let inside = job_for(&mut world, "r");
    let outside = world.submit(batch(ANN));
    let waits = |world: &World, id| world.job(id).phase == Phase::Pending;
    // A plan may be of yesterday: each start is checked again.
    let mut wrong = world.plan(inside, None, &[2]);
    wrong.starts[0].allocation.reservation = Some("r".into());
    world.accepted(Event::Planned(wrong));
    let unnamed = world.plan(inside, None, &[1]);
    world.accepted(Event::Planned(unnamed));
    let intruder = world.plan(outside, None, &[1]);
    world.accepted(Event::Planned(intruder));
    assert!(waits(&world, inside) && waits(&world, outside));
    start_in(&mut world, inside, 1, "r");
    world.start(outside, None, &[2]);
    assert!(!waits(&world, inside) && !waits(&world, outside));
    assert_eq!(world.refused(delete("r")), ReservationReject::InUse.into());
}

#[test]
fn who_may_not_use_it_is_refused_at_the_door() {
    let mut world = World::new();
    create(&mut world, request("r", "n1"));
    let ask = |caller, name: &str| {
        let mut new = batch(caller);
        new.spec.carried.set_text(TextOption::Reservation, Some(name.into()));
        Event::Submit(Box::new(new))
    };
    assert_eq!(world.refused(ask(BOB, "r")), ReservationReject::NoAccess.into());
    assert_eq!(world.refused(ask(ANN, "none")), ReservationReject::Invalid.into());
    let job = world.submit(batch(ANN));
    let edit = |name: &str| JobEdit::Reservation(Some(name.into()));
    let none = world.update(ANN, job, edit("none")).answer;
    assert_eq!(none.unwrap_err(), ReservationReject::Invalid.into());
    assert!(world.update(ANN, job, edit("r")).answer.is_ok());
    assert_eq!(world.job(job).reservation().map(|name| &**name), Some("r"));
    let lost = ReservationRequest {
        nodes: None,
        duration_min: None,
        users: Some(vec![NameEdit { sign: Sign::None, name: "bob".into(), user: Some(Uid(1001)) }]),
        ..request("r", "")
    };
    let lost = world.refused(Event::UpdateReservation(Box::new(lost)));
    assert_eq!(lost, ReservationReject::LosesJob(job).into());
}

#[test]
fn what_still_waits_for_it_at_its_end_is_held_and_may_be_let_go() {
    let mut world = World::new();
    create(&mut world, request("r", "n1"));
    create(&mut world, ReservationRequest { duration_min: Some(60), ..request("s", "n2") });
    create(&mut world, flagged("soft", "n3", F::NO_HOLD_JOBS));
    let (held, other) = (job_for(&mut world, "r"), job_for(&mut world, "r,s"));
    let free = job_for(&mut world, "soft");
    assert_eq!(world.refused(delete("r")), ReservationReject::InUse.into());
    world.wait(61);
    let job = world.job(held).clone();
    assert_eq!((job.hold, &job.wait), (Hold::ReservationDeleted, &WaitReason::ReservationDeleted));
    assert_eq!(job.state_text.as_deref(), Some("Reservation r was deleted"));
    assert_eq!(world.job(other).reservation().map(|name| &**name), Some("s"));
    assert_eq!((world.job(other).hold, world.job(free).hold), (Hold::None, Hold::None));
    let release = JobEdit::Priority { priority: None, as_owner: false };
    assert!(world.update(ANN, held, release).answer.is_ok());
    assert_eq!(world.job(held).hold, Hold::None);
}

#[test]
fn jobs_end_with_their_reservation_and_the_minutes_beyond_it() {
    for (over_run_min, lasts_s) in [(0, 61), (2, 181)] {
        let mut world =
            World::with(Config { resv_over_run_min: over_run_min, ..Config::default() });
        create(&mut world, request("r", "n1"));
        let job = job_for(&mut world, "r");
        start_in(&mut world, job, 1, "r");
        world.wait(lasts_s - 1);
        assert!(world.job(job).is_active());
        world.wait(1);
        assert_eq!(world.job(job).outcome.as_ref().unwrap().exit, Exit::Timeout);
        world.wait(1);
        assert!(world.cluster().reservation("r").is_none(), "the last job has left it");
    }
}

#[test]
fn one_without_jobs_ends_early_if_it_is_to() {
    let mut world = World::new();
    let request = ReservationRequest {
        purge_comp_s: Some(20),
        duration_min: Some(60),
        ..flagged("r", "n1", F::PURGE_COMP)
    };
    create(&mut world, request);
    let job = job_for(&mut world, "r");
    world.wait(30);
    assert!(world.cluster().reservation("r").is_some(), "a job waits for it");
    start_in(&mut world, job, 1, "r");
    world.batch_done(job, 0);
    world.epilog(job, 1);
    world.wait(1);
    world.wait(19);
    assert!(world.cluster().reservation("r").is_some());
    world.wait(1);
    assert!(world.cluster().reservation("r").is_none());
}

/// A job of somebody else that would start on the first node now, for so many minutes.
fn starts_beside(world: &mut World, minutes: u32, edit: impl FnOnce(&mut NewJob)) -> bool {
    let job = world.submit(with(BOB, |new| {
        new.spec.time_limit_min = Some(minutes);
        edit(new);
    }));
    let plan = world.plan(job, None, &[1]);
    world.turn(Event::Planned(plan));
    let starts = world.job(job).is_active();
    if !starts {
        world.kill(BOB, JobSelection::whole(job));
    }
    starts
}

#[test]
fn one_that_comes_again_keeps_others_off_in_the_second_in_which_it_ends() {
    let mut world = World::new();
    create(&mut world, flagged("r", "n1", F::HOURLY));
    world.wait(60);
    assert!(!starts_beside(&mut world, 90, |_| {}), "its next time is not told yet");
    world.wait(1);
    assert!(!starts_beside(&mut world, 90, |_| {}));
    assert!(starts_beside(&mut world, 30, |_| {}));
}

#[test]
fn a_job_that_can_do_with_less_is_over_when_its_partition_ends_it() {
    let mut world = World::new();
    let start = Some(Timestamp(world.now.0 + 601 * 60));
    create(&mut world, ReservationRequest { start, ..request("r", "n1") });
    assert!(!starts_beside(&mut world, 602, |_| {}));
    assert!(starts_beside(&mut world, 700, |new| new.spec.time_min_min = Some(10)));
}

#[test]
fn nodes_that_were_found_and_are_gone_since_are_not_reserved() {
    let mut world = World::new();
    let picked = Picked { nodes: vec![NodeId(77)], cores: None };
    let counted = ReservationRequest {
        nodes: None,
        node_count: Some(1),
        picked: Some(Ok(picked.clone())),
        ..request("r", "")
    };
    assert_eq!(refused(&mut world, counted), ReservationReject::NodesBusy.into());
    create(&mut world, request("s", "n1"));
    let more = ReservationRequest {
        name: Some("s".into()),
        node_count: Some(2),
        picked: Some(Ok(picked)),
        ..ReservationRequest::of(ROOT)
    };
    let more = world.refused(Event::UpdateReservation(Box::new(more)));
    assert_eq!(more, ReservationReject::NodesBusy.into());
}

#[test]
fn one_of_a_whole_partition_has_the_nodes_that_this_has_later() {
    let mut world = World::new();
    let all = ReservationRequest {
        nodes: Some(NodesAsked::All),
        partition: Some("main".into()),
        ..flagged("r", "", F::PART_NODES)
    };
    create(&mut world, all);
    assert_eq!(one(&world, "r").nodes.len(), 4);
    world.accepted(Event::UpdatePartition(Box::new(PartitionUpdate {
        caller: ROOT,
        name: "main".into(),
        apply: Arc::new(|_| {}),
        nodes: Some(PartitionNodes::Change { added: Vec::new(), taken: vec!["n4".into()] }),
    })));
    world.wait(1);
    assert_eq!(one(&world, "r").nodes.len(), 3);
}

#[test]
fn nodes_that_fail_or_are_taken_are_replaced() {
    let mut world = World::new();
    let picked = |nodes: &[u32]| {
        let nodes = nodes.iter().map(|node| NodeId(node - 1)).collect();
        Some(Ok(Picked { nodes, cores: None }))
    };
    let counted = |name: &str, nodes: &[u32], flags| ReservationRequest {
        nodes: None,
        node_count: u32::try_from(nodes.len()).ok(),
        picked: picked(nodes),
        duration_min: Some(60),
        ..flagged(name, "", flags)
    };
    create(&mut world, counted("any", &[1], 0));
    create(&mut world, counted("fresh", &[2], F::REPLACE));
    create(&mut world, flagged("named", "n4", 0));
    let nodes = |world: &World, name: &str| one(world, name).nodes.to_vec();
    let drain = |node: &str| {
        let mut update = NodeUpdate::of(ROOT, vec![node.into()]);
        (update.state, update.reason) = (Some(NodeUpdateState::Drain), Some("r".into()));
        Event::UpdateNodes(Box::new(update))
    };
    world.accepted(drain("n1"));
    world.accepted(drain("n4"));
    world.wait(1);
    assert_eq!(nodes(&world, "any"), [NodeId(2)], "n3, the only one that is left");
    assert_eq!(nodes(&world, "named"), [NodeId(3)]);
    world.accepted(delete("any"));
    let job = job_for(&mut world, "fresh");
    start_in(&mut world, job, 2, "fresh");
    world.wait(1);
    assert_eq!(nodes(&world, "fresh"), [NodeId(2)]);
    assert!(world.job(job).is_active());
}

#[test]
fn a_restart_knows_all_reservations() {
    let mut world = World::new();
    let mut changes: Vec<Change> = Vec::new();
    let event = Event::CreateReservation(Box::new(flagged("r", "n[1-2]", F::DAILY)));
    changes.extend(world.accepted(event).changes);
    changes.extend(world.wait(61).changes);
    let mut kept = Cluster::default();
    kept.apply(&Change::Config(Arc::clone(world.cluster().config())));
    for node in world.cluster().nodes() {
        kept.apply(&Change::Node(Arc::clone(node)));
    }
    changes.iter().for_each(|change| kept.apply(change));
    let core = Core::new(kept);
    assert_eq!(core.cluster().reservation("r").unwrap().as_ref(), one(&world, "r"));
    assert_eq!(core.cluster().counters().last_reservation, 2);
    assert_eq!(&*one(&world, "r").nodes, [NodeId(0), NodeId(1)]);
}
