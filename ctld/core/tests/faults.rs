//! What goes wrong on nodes under a job: launches that fail, nodes that vanish, reports that come twice,
//! late and in the wrong order.

mod world;

use ctld_core::{
    ClientMessage, Effect, Event, JobEdit, KeptNodes, LaunchResult, NodeMessage, Reject, Turned,
};
use model::{
    Config, Exit, HealthCheck, Hold, JobId, Launch, NodeId, Phase, Seen, Step, StepNumber,
    Timestamp, Usage, WaitReason,
};
use world::{ANN, ROOT, World, batch, done_on, sent, with};

/// Lets the second of four nodes fall silent for good.
fn second_node_vanishes(world: &mut World) -> Turned {
    for node in [0, 2, 3] {
        let seen = Seen { at: world.now.plus_s(300), load: None };
        world.accepted(Event::Answered { node: NodeId(node), seen });
    }
    let seen = Seen { at: world.now, load: None };
    world.accepted(Event::Answered { node: NodeId(1), seen });
    world.accepted(Event::Unreachable { node: NodeId(1) });
    world.wait(301)
}

fn with_timeout() -> World {
    World::with(Config { slurmd_timeout_s: 300, ..Config::default() })
}

#[test]
fn a_job_that_nodes_can_make_nothing_of_is_held_at_the_limit_of_its_requeues() {
    let mut world = World::with(Config { max_batch_requeue: 2, ..Config::default() });
    let job = world.submit(batch(ANN));
    let fails = |world: &mut World| {
        world.start(job, None, &[1]);
        let restarts = world.job(job).restarts;
        let result = LaunchResult::NoAnswer;
        world.accepted(Event::BatchLaunched { job, restarts, result });
        world.epilog(job, 1);
        world.wait(200);
    };
    fails(&mut world);
    assert_eq!((world.job(job).hold, world.job(job).launch_failures), (Hold::None, 1));
    fails(&mut world);
    let held = world.job(job);
    assert_eq!((held.hold, held.wait.clone()), (Hold::LaunchLimit, WaitReason::JobHoldMaxRequeue));
    let text = "launch failure limit exceeded requeued held";
    assert_eq!((held.state_text.as_deref(), held.launch_failures), (Some(text), 0));
}

#[test]
fn a_job_that_is_not_to_be_killed_goes_on_without_a_node_that_vanished() {
    let mut world = with_timeout();
    let stays = with(ANN, |new| new.spec.kill_on_node_fail = false);
    let job = world.submit(stays.clone());
    world.start(job, None, &[1, 2, 3]);
    world.launched(job);
    // Its script was on the node that vanishes.
    let other = world.submit(stays);
    world.start(other, None, &[2, 3]);
    world.launched(other);
    second_node_vanishes(&mut world);
    let allocation = world.job(job).allocation.clone().unwrap();
    assert_eq!((&*allocation.node_list, allocation.shares.len()), ("n[1,3]", 2));
    let left = world.job(other).allocation.clone().unwrap();
    assert_eq!(
        (&*left.node_list, left.batch_host(), left.resized.map(|resized| resized.at)),
        ("n3", NodeId(1), Some(world.now))
    );
    for job in [job, other] {
        let job = world.job(job);
        assert_eq!((&job.phase, job.restarts), (&Phase::Running(Launch::Done), 0));
    }
    assert_eq!(*world.cluster().usage(NodeId(1)), Usage::default());
    world.batch_done(job, 0);
    world.epilog(job, 3);
    world.epilog(job, 1);
    assert_eq!(world.job(job).phase, Phase::Ended);
}

/// Its record would have had no node left, and the store would not have opened any more.
#[test]
fn a_job_whose_script_is_gone_with_its_node_gives_back_others_all_the_same() {
    let mut world = with_timeout();
    let job = world.submit(with(ANN, |new| new.spec.kill_on_node_fail = false));
    world.start(job, None, &[2, 3, 4]);
    world.launched(job);
    second_node_vanishes(&mut world);
    let nodes = |world: &World| -> Vec<u32> {
        let allocation = world.job(job).allocation.clone().unwrap();
        allocation.shares.iter().map(|share| share.node.0 + 1).collect()
    };
    assert_eq!(nodes(&world), [3, 4]);
    for (count, left) in [(2, &[3, 4][..]), (1, &[3])] {
        let kept = world.update(ANN, job, JobEdit::Keep(KeptNodes::Count(count)));
        assert!(kept.answer.is_ok(), "{:?}", kept.answer);
        assert_eq!(nodes(&world), left);
    }
}

#[test]
fn a_prolog_on_a_node_that_is_gone_is_waited_for_no_longer() {
    let prologs = Config { prolog_alloc: true, slurmd_timeout_s: 300, ..Config::default() };
    let mut world = World::with(prologs);
    let mut stays = with(ANN, |new| new.spec.kill_on_node_fail = false);
    stays.script = None;
    let job = world.submit(stays);
    world.start(job, None, &[1, 2]);
    assert!(world.job(job).waits_for_prologs());
    second_node_vanishes(&mut world);
    let job = world.job(job);
    assert!(job.phase == Phase::Running(Launch::Done), "{:?}", job.phase);
    let awaited = job.prologs.as_deref().is_some_and(|prologs| {
        prologs.unasked.contains(&NodeId(1)) || prologs.running.contains(&NodeId(1))
    });
    assert!(!awaited, "{:?}", job.prologs);
}

#[test]
fn steps_on_a_node_that_vanished_end_on_the_others_and_their_clients_hear_of_it() {
    let mut world = with_timeout();
    let job = world.submit(with(ANN, |new| new.spec.kill_on_node_fail = false));
    world.start(job, None, &[1, 2]);
    world.launched(job);
    let step = world::srun(job, 2);
    world.accepted(Event::StepAsked(Box::new(step)));
    let step_of = |world: &World| -> Option<Step> {
        world.cluster().step(job, StepNumber::Normal(0)).map(|step| Step::clone(step))
    };
    assert_eq!(step_of(&world).unwrap().nodes.len(), 2);
    let turned = second_node_vanishes(&mut world);
    let told = |effect: &Effect| {
        matches!(
            effect,
            Effect::ToClient { message: ClientMessage::NodeLost { step: Some(_), .. }, .. }
        )
    };
    assert!(turned.effects.iter().any(told), "{:?}", turned.effects);
    assert_eq!(sent(&turned).iter().filter(|(_, what)| *what == "signal").count(), 1);
    assert!(step_of(&world).is_some(), "the first node has not reported");
    let done = ctld_core::StepDone {
        caller: ROOT,
        job,
        step: StepNumber::Normal(0),
        range: (0, 0),
        status: 9,
    };
    world.accepted(Event::StepDone(done));
    assert_eq!(step_of(&world), None);
}

#[test]
fn a_running_job_gives_nodes_back_and_its_steps_go_on_with_the_rest() {
    let keep = |kept| JobEdit::Keep(kept);
    let mut world = World::new();
    let waits = world.submit(batch(ANN));
    let refused =
        |world: &mut World, job, kept| world.update(ANN, job, keep(kept)).answer.unwrap_err();
    assert_eq!(refused(&mut world, waits, KeptNodes::Count(1)), Reject::JobNotRunning(waits));
    let job = world.submit(with(ANN, |new| new.spec.tasks = Some(3)));
    world.start(job, None, &[1, 2, 3]);
    world.launched(job);
    world.accepted(Event::StepAsked(Box::new(world::srun(job, 3))));
    assert_eq!(refused(&mut world, job, KeptNodes::Count(0)), Reject::InvalidNodeCount);
    let more = refused(&mut world, job, KeptNodes::Count(4));
    assert!(matches!(more, Reject::NotSupported(_)));
    // The script is on the first.
    for wrong in ["n[2-3]", "n[1-4]", "nosuch", ""] {
        let named = KeptNodes::Named(wrong.into());
        assert_eq!(refused(&mut world, job, named), Reject::NoSuchNode(wrong.into()), "{wrong}");
    }
    let turned = world.update(ANN, job, keep(KeptNodes::Named("n[1,3]".into())));
    assert_eq!(sent(&turned), [(2, "abort")], "the rest of the step is left alone");
    assert_eq!(&*world.job(job).allocation.as_ref().unwrap().node_list, "n[1,3]");
    assert_eq!(*world.cluster().usage(NodeId(1)), Usage::default());
    world.epilog(job, 2);
    assert_eq!(sent(&world.update(ANN, job, keep(KeptNodes::Count(2)))), [], "nothing to give");
    assert_eq!(sent(&world.update(ANN, job, keep(KeptNodes::Count(1)))), [(3, "abort")]);
    assert_eq!(world.job(job).phase, Phase::Running(Launch::Done));
    assert!(world.cluster().step(job, StepNumber::Normal(0)).is_some());
    world.batch_done(job, 0);
    world.epilog(job, 1);
    assert_eq!(world.job(job).phase, Phase::Ended);
}

/// All reports of the end of a job of two nodes, in every order, and then all of them again: it ends
/// once, and holds nothing.
#[test]
fn reports_in_any_order_and_twice_end_a_job_once() {
    let epilog = |job, node: &str| Event::EpilogDone {
        caller: ROOT,
        job,
        node_name: node.into(),
        status: 0,
    };
    let reports = |job: JobId| {
        [
            Event::BatchLaunched { job, restarts: 0, result: LaunchResult::Delivered },
            Event::BatchDone(done_on(job, "n1", 3 << 8)),
            epilog(job, "n1"),
            epilog(job, "n2"),
            Event::NothingLeft { job, node: NodeId(1) },
            Event::BatchLaunched { job, restarts: 0, result: LaunchResult::NoAnswer },
        ]
    };
    let mut orders = vec![Vec::new()];
    for _ in 0..6 {
        let longer = |order: Vec<usize>| {
            let left = (0..6).filter(|next| !order.contains(next)).collect::<Vec<_>>();
            left.into_iter().map(move |next| [order.clone(), vec![next]].concat())
        };
        orders = orders.into_iter().flat_map(longer).collect();
    }
    assert_eq!(orders.len(), 720);
    for order in orders {
        // The answer of a launch that is said to have none comes once: before it, or not at all.
        let place = |report| order.iter().position(|next| *next == report);
        if place(5) < place(0) {
            continue;
        }
        let mut world = World::new();
        let job = world.submit(batch(ANN));
        world.start(job, None, &[1, 2]);
        let mut ends = 0;
        for next in order.iter().chain(&order) {
            let was_over = world.job(job).is_finished();
            let event = reports(job)[*next].clone();
            let _ = world.turn(event);
            ends += u32::from(!was_over && world.job(job).is_finished());
        }
        let over = world.job(job);
        assert_eq!((ends, &over.phase, over.restarts), (1, &Phase::Ended, 0), "{order:?}");
        let outcome = over.outcome.as_ref().unwrap();
        assert_eq!((outcome.exit, outcome.status), (Exit::Failed, 3 << 8), "{order:?}");
        for node in [0, 1] {
            assert_eq!(*world.cluster().usage(NodeId(node)), Usage::default(), "{order:?}");
        }
    }
}

#[test]
fn nodes_check_themselves_as_often_as_they_are_to_and_in_the_states_that_are_named() {
    let checked = |turned: &Turned| -> Vec<u32> {
        let asked = |effect: &Effect| match effect {
            Effect::ToNode { node, message: NodeMessage::HealthCheck } => Some(node.0 + 1),
            _ => None,
        };
        turned.effects.iter().filter_map(asked).collect()
    };
    let all = HealthCheck {
        interval_s: 10,
        idle: true,
        alloc: true,
        mixed: true,
        nondrained_idle: true,
        cycle: false,
    };
    let config =
        |check| Config { slurmd_timeout_s: 0, health_check: Some(check), ..Config::default() };
    let mut world = World::with(config(all));
    assert_eq!(checked(&world.wait(1)), [0; 0], "the interval begins");
    assert_eq!(checked(&world.wait(9)), [0; 0]);
    assert_eq!(checked(&world.wait(1)), [1, 2, 3, 4]);
    assert_eq!(checked(&world.wait(9)), [0; 0]);

    let mixed = HealthCheck { idle: false, alloc: false, nondrained_idle: false, ..all };
    let mut world = World::with(config(mixed));
    world.running(batch(ANN));
    world.wait(1);
    assert_eq!(checked(&world.wait(10)), [1], "one core of four is given to a job");

    let mut world = World::with(config(HealthCheck { interval_s: 4, cycle: true, ..all }));
    let each: Vec<Vec<u32>> = (0..5).map(|_| checked(&world.wait(1))).collect();
    assert_eq!(each, [vec![1], vec![2], vec![3], vec![4], vec![1]]);
    assert_eq!(world.now, Timestamp(1_005));
}
