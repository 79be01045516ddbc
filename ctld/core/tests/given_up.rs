//! What the simulation (`ctld/tests/sim`) found, as short stories.

mod world;

use std::sync::Arc;

use ctld_core::{
    Answer, Core, Dynamic, Effect, Event, JobSelection, LaunchResult, NodeMessage, NodeUpdate,
    NodeUpdateState, Registered, Requeue, Turned,
};
use model::{
    Config, DependencyKind, DependencyState, Hold, JobId, Launch, NodeId, Phase, Registration,
    ReturnToService, StepNumber, Timestamp, WaitReason,
};
use world::{ANN, ROOT, World, after, array, batch, dependent, sent};

fn registered(node: u32, steps: &[(JobId, StepNumber)]) -> Event {
    let name: Arc<str> = format!("n{node}").into();
    Event::Registered(Box::new(Registered {
        caller: ROOT,
        node_name: Arc::clone(&name),
        host_name: name,
        peer: ([127, 0, 0, 1], 6818).into(),
        registration: Registration {
            protocol: 0x2a00,
            version: "24.11.5".into(),
            booted: Timestamp(10),
            slurmd_started: Timestamp(20),
            arch: "x86_64".into(),
            os: "Linux".into(),
            cpus: 4,
            boards: 1,
            sockets: 1,
            cores_per_socket: 4,
            threads_per_core: 1,
            memory_mib: 1_000,
            tmp_disk_mib: 0,
            gres: Box::default(),
            parameters: None,
        },
        load: (0, 0),
        trouble: None,
        steps: steps.to_vec(),
        gres: None,
        features_available: None,
        features_active: None,
        instance: (None, None),
        extra: None,
        dynamic: Dynamic::No,
    }))
}

fn set_down(node: &str) -> NodeUpdate {
    NodeUpdate {
        state: Some(NodeUpdateState::Down),
        reason: Some("maintenance".into()),
        ..NodeUpdate::of(ROOT, vec![node.into()])
    }
}

fn asked_to_register(turned: &Turned) -> Vec<NodeId> {
    let register = |effect: &Effect| match effect {
        Effect::ToNode { node, message: NodeMessage::Register } => Some(*node),
        _ => None,
    };
    turned.effects.iter().filter_map(register).collect()
}

fn silent_after(slurmd_timeout_s: u16) -> World {
    World::with(Config {
        slurmd_timeout_s,
        return_to_service: ReturnToService::Always,
        ..Config::default()
    })
}

/// A world whose first node has fallen silent with a job on it, which was then given up there.
fn given_up() -> (World, JobId) {
    let mut world = silent_after(60);
    world.accepted(registered(1, &[]));
    let job = world.running(batch(ANN));
    world.accepted(Event::Unreachable { node: NodeId(0) });
    world.wait(61);
    assert!(world.job(job).is_pending(), "it waits to be started elsewhere");
    (world, job)
}

/// The node was cut off and its script runs on. It gets no other job before it is rid of that one.
#[test]
fn a_node_takes_no_job_before_it_is_rid_of_one_that_was_given_up() {
    let (mut world, job) = given_up();
    let takes_jobs = |world: &World| world.cluster().node(NodeId(0)).unwrap().is_schedulable();

    let back = world.accepted(registered(1, &[(job, StepNumber::Batch)]));
    let abort = NodeMessage::Abort { job, step: Some(StepNumber::Batch) };
    assert!(back.effects.contains(&Effect::ToNode { node: NodeId(0), message: abort }));
    assert!(!takes_jobs(&world), "the script still runs there");

    let asked = asked_to_register(&world.wait(10));
    assert_eq!(asked, [NodeId(0)]);
    world.accepted(registered(1, &[]));
    assert!(!takes_jobs(&world), "what had hung may begin only now");
    world.wait(11);
    let clean = world.accepted(registered(1, &[]));
    assert!(takes_jobs(&world));
    assert!(clean.effects.contains(&Effect::Schedule));
}

/// Nothing else brings a node back that was cut off: its slurmd has no reason to register.
#[test]
fn a_node_that_was_given_up_is_asked_to_register_now_and_then() {
    let (mut world, _) = given_up();
    let asked = (0..5).any(|_| asked_to_register(&world.wait(20)).contains(&NodeId(0)));
    assert!(asked);
}

/// An administrator sets the node down; its slurmd is there and is to end the job.
#[test]
fn a_node_that_is_set_down_is_told_to_end_its_jobs() {
    let mut world = silent_after(60);
    world.accepted(registered(1, &[]));
    world.running(batch(ANN));
    let told = world.accepted(Event::UpdateNodes(Box::new(set_down("n1"))));
    assert!(sent(&told).contains(&(1, "terminate")), "{:?}", sent(&told));
    assert!(world.cluster().node(NodeId(0)).unwrap().flags.unclean);
}

/// The order to run a prolog may be lost like any other.
#[test]
fn a_prolog_that_nobody_reports_is_asked_for_again() {
    let mut world = World::with(Config { prolog_alloc: true, ..Config::default() });
    let job = world.submit(batch(ANN));
    assert!(sent(&world.start(job, None, &[1, 2])).contains(&(1, "prolog")));
    world.accepted(Event::PrologAsked { job, restarts: 0, node: NodeId(1) });
    let later = world.wait(15);
    assert!(sent(&later).contains(&(1, "prolog")), "{:?}", sent(&later));
    assert!(!sent(&later).contains(&(2, "prolog")), "that one runs it");
    assert!(world.job(job).waits_for_prologs());
}

/// What slurmd reports of prologs it reports once.
#[test]
fn a_prolog_that_ended_with_its_slurmd_is_asked_for_again() {
    let mut world = World::with(Config { prolog_alloc: true, ..Config::default() });
    world.accepted(registered(1, &[]));
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    let node = NodeId(0);
    world.accepted(Event::PrologAsked { job, restarts: 0, node });
    assert!(!sent(&world.wait(30)).contains(&(1, "prolog")), "it has it");
    assert!(!sent(&world.accepted(registered(1, &[]))).contains(&(1, "prolog")), "it runs it");
    let Event::Registered(mut anew) = registered(1, &[]) else { unreachable!("made so") };
    anew.registration.slurmd_started = Timestamp(21);
    let told = world.accepted(Event::Registered(anew));
    assert!(sent(&told).contains(&(1, "prolog")), "{:?}", sent(&told));
    assert!(world.job(job).prologs.as_ref().unwrap().unasked.contains(&node));
}

/// The task with a counterpart is treated apart; what is left of the array has none and waits for
/// the end of all, which has just come.
#[test]
fn the_rest_of_an_array_goes_on_when_aftercorr_splits_a_task_off() {
    let mut world = World::new();
    let first = world.submit(array(ANN, [1], 0));
    let mut new = dependent(ANN, after(DependencyKind::AfterCorr, first));
    new.array = array(ANN, [1, 2, 3], 0).array;
    let second = world.submit(new);
    assert_eq!(world.job(second).wait, WaitReason::Dependency);

    world.start(first, Some(1), &[1]);
    world.launched(first);
    world.ends(first, 0);

    for record in world.cluster().array_records(second) {
        assert!(record.spec.dependencies.are_fulfilled(), "{:?}", record.array);
    }
}

/// A task that failed long ago still fails those that wait for the whole array to end well.
#[test]
fn a_failed_task_is_remembered_as_long_as_somebody_waits_for_its_array() {
    let mut world = World::new();
    let job = world.submit(array(ANN, [1, 2], 0));
    let waiting = world.submit(dependent(ANN, after(DependencyKind::AfterOk, job)));
    world.start(job, Some(1), &[1]);
    let failed = world.cluster().array_task(job, 1).unwrap().id;
    world.launched(failed);
    world.ends(failed, 1 << 8);
    world.wait(1_000);

    world.start(job, Some(2), &[1]);
    world.launched(job);
    world.ends(job, 0);

    let condition = &world.job(waiting).spec.dependencies.conditions[0];
    assert_eq!(condition.state, DependencyState::Failed);
}

fn launched(effects: &[Effect]) -> bool {
    let is_launch = |effect: &Effect| {
        matches!(effect, Effect::ToNode { message: NodeMessage::LaunchBatch { .. }, .. })
    };
    effects.iter().any(is_launch)
}

/// A script is on its way.
fn on_its_way() -> (World, JobId) {
    let mut world = silent_after(60);
    world.accepted(registered(1, &[]));
    let job = world.submit(batch(ANN));
    assert!(launched(&world.start(job, None, &[1]).effects));
    (world, job)
}

/// The controller that comes after one that was killed.
fn next(world: &World) -> Core {
    let mut core = Core::new(world.cluster().clone());
    let effects = core.resume();
    assert!(!launched(&effects), "it may be there");
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::ToNode { node: NodeId(0), message: NodeMessage::Register }
    )));
    core
}

/// A slurmd says that a job could not be launched.
fn could_not(job: JobId) -> Event {
    Event::Requeue(Requeue {
        caller: ROOT,
        selection: JobSelection::whole(job),
        hold: Hold::Requeued,
        started_only: false,
        state_text: Some("launch failed requeued held".into()),
        launch_failed: true,
    })
}

/// The controller was killed while a script was on its way. Whether the node has it, the node says.
#[test]
fn a_launch_in_doubt_is_not_repeated_before_the_node_has_told_what_it_runs() {
    let (world, job) = on_its_way();
    let later = world.now.plus_s(20);
    let mut core = next(&world);
    core.turn(later, registered(1, &[(job, StepNumber::Batch)])).answer.unwrap();
    assert_eq!(core.cluster().job(job).unwrap().phase, Phase::Running(Launch::Done));

    let mut core = next(&world);
    let turned = core.turn(later, registered(1, &[]));
    assert!(launched(&turned.effects), "the node is well and never got it");

    let mut core = next(&world);
    let Event::Registered(mut booted) = registered(1, &[]) else { unreachable!("made so") };
    booted.registration.booted = world.now.plus_s(10);
    let turned = core.turn(later, Event::Registered(booted));
    assert!(!launched(&turned.effects), "it may have run before the boot");
    assert_eq!(core.cluster().job(job).unwrap().restarts, 1);
}

/// The first copy comes late, and slurmd refuses the second as if the job could not be launched.
#[test]
fn what_is_said_of_a_repeated_launch_is_looked_into() {
    let (world, job) = on_its_way();
    let later = world.now.plus_s(20);
    let mut core = next(&world);
    core.turn(later, registered(1, &[])).answer.unwrap();
    let turned = core.turn(later, could_not(job));
    assert_eq!((turned.answer.clone(), asked_to_register(&turned).len()), (Ok(Answer::Done), 1));
    assert!(turned.changes.is_empty(), "it is looked into first");
    core.turn(later, registered(1, &[(job, StepNumber::Batch)])).answer.unwrap();
    let kept = core.cluster().job(job).unwrap();
    assert_eq!((&kept.phase, kept.restarts), (&Phase::Running(Launch::Done), 0));
    core.turn(later, could_not(job)).answer.unwrap();
    core.turn(later, registered(1, &[])).answer.unwrap();
    let held = core.cluster().job(job).unwrap();
    assert_eq!((held.hold, held.restarts), (Hold::Requeued, 1), "this time it is true");
}

/// It says so before it answers that it has the first copy, whose slurmstepd is not up yet.
#[test]
fn what_is_said_of_a_repeated_launch_is_void_once_it_is_answered() {
    let (world, job) = on_its_way();
    let later = world.now.plus_s(20);
    let mut core = next(&world);
    core.turn(later, registered(1, &[])).answer.unwrap();
    core.turn(later, could_not(job)).answer.unwrap();
    let early = core.turn(later, registered(1, &[]));
    assert!(!launched(&early.effects), "its answer is to come");
    assert_eq!(core.cluster().job(job).unwrap().restarts, 0);
    let has = Event::BatchLaunched { job, restarts: 0, result: LaunchResult::Delivered };
    core.turn(later, has).answer.unwrap();
    core.turn(later, registered(1, &[])).answer.unwrap();
    let kept = core.cluster().job(job).unwrap();
    assert_eq!((&kept.phase, kept.restarts), (&Phase::Running(Launch::Done), 0));
}

/// A slurmd that found nobody to answer has given the launch up; a prolog that failed is another matter.
#[test]
fn a_launch_that_nobody_was_there_to_hear_of_is_repeated() {
    let (world, job) = on_its_way();
    let later = world.now.plus_s(20);
    for (trouble, restarts) in [(None, 0), (Some("Prolog error"), 1)] {
        let mut core = next(&world);
        let said = core.turn(later, could_not(job));
        assert!(said.changes.is_empty() && asked_to_register(&said).is_empty());
        let Event::Registered(mut why) = registered(1, &[]) else { unreachable!("made so") };
        why.trouble = trouble.map(Arc::from);
        let turned = core.turn(later, Event::Registered(why));
        assert_eq!(launched(&turned.effects), trouble.is_none());
        assert_eq!(core.cluster().job(job).unwrap().restarts, restarts);
    }
}
