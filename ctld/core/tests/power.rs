//! Nodes that are stopped when nobody needs them, and started when somebody does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::sync::Arc;

use ctld_core::{
    Configuration, Core, Dynamic, Effect, Event, Hook, HookResult, NodeMessage, NodeUpdate,
    NodeUpdateState, PowerAction, PowerOrder, PowerResult, Recover, Registered, Reject, Turned,
};
use model::{
    Availability, Cluster, Config, JobId, Launch, Node, NodeId, Partition, Phase, PowerRequest,
    PowerSaving, PriorityType, Registration, SparedNodes, SparedState, Timestamp,
};
use world::{ANN, ROOT, World, batch, node};

const SUSPEND_TIME_S: u32 = 100;

fn saving() -> PowerSaving {
    PowerSaving {
        suspend_time_s: Some(SUSPEND_TIME_S),
        suspend_timeout_s: 30,
        resume_timeout_s: 60,
        interval_s: 0,
        tells_failures: true,
        ..PowerSaving::default()
    }
}

fn config(power: PowerSaving) -> Config {
    Config {
        slurmd_timeout_s: 0,
        priority_type: PriorityType::Basic,
        power: Some(Arc::new(power)),
        ..Config::default()
    }
}

fn world(power: PowerSaving) -> World {
    let mut world = World::with(config(power));
    world.now = Timestamp(10_000);
    for place in 1..=4 {
        register(&mut world, place, 0);
        set(&mut world, &format!("n{place}"), NodeUpdateState::Idle).answer.unwrap();
    }
    world
}

fn register(world: &mut World, place: u32, booted: i64) -> Turned {
    let node = world.cluster().node(NodeId(place - 1)).unwrap();
    let hardware = &node.hardware;
    let event = Event::Registered(Box::new(Registered {
        caller: ROOT,
        node_name: Arc::clone(&node.name),
        host_name: "machine7".into(),
        peer: "10.1.2.3:40000".parse().unwrap(),
        registration: Registration {
            protocol: 0x2a00,
            version: "24.11.5".into(),
            booted: Timestamp(booted),
            slurmd_started: Timestamp(booted),
            arch: "x86_64".into(),
            os: "Linux".into(),
            cpus: hardware.cpus,
            boards: 1,
            sockets: hardware.sockets,
            cores_per_socket: hardware.cores_per_socket,
            threads_per_core: hardware.threads_per_core,
            memory_mib: hardware.memory_mib,
            tmp_disk_mib: 0,
            gres: Box::default(),
            parameters: None,
        },
        load: (0, 0),
        trouble: None,
        steps: Vec::new(),
        gres: None,
        features_available: None,
        features_active: None,
        instance: (Some("i-1".into()), None),
        extra: None,
        dynamic: Dynamic::No,
    }));
    world.accepted(event)
}

fn at(world: &World, place: u32) -> &Node {
    world.cluster().node(NodeId(place - 1)).unwrap()
}

fn orders(turned: &Turned) -> Vec<&PowerOrder> {
    turned
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Power(order) => Some(order),
            _ => None,
        })
        .collect()
}

fn take(world: &mut World, order: &PowerOrder) {
    let order = Box::new(order.clone());
    world.accepted(Event::PowerTold { order, result: PowerResult::Taken });
}

/// All nodes idle for so long that they are off.
fn asleep(power: PowerSaving) -> World {
    let mut world = world(power);
    let turned = world.wait(u64::from(SUSPEND_TIME_S) + 1);
    let order = orders(&turned)[0].clone();
    take(&mut world, &order);
    world.wait(31);
    assert!((1..=4).all(|place| at(&world, place).flags.powered_down));
    world
}

fn set(world: &mut World, name: &str, state: NodeUpdateState) -> Turned {
    let update = NodeUpdate { state: Some(state), ..NodeUpdate::of(ROOT, vec![name.into()]) };
    world.turn(Event::UpdateNodes(Box::new(update)))
}

fn launches(turned: &Turned) -> usize {
    let is_launch = |effect: &&Effect| {
        matches!(effect, Effect::ToNode { message: NodeMessage::LaunchBatch { .. }, .. })
    };
    turned.effects.iter().filter(is_launch).count()
}

#[test]
fn idle_nodes_are_stopped_in_one_go_and_are_off_after_suspend_timeout() {
    let mut world = world(saving());
    assert!(orders(&world.wait(u64::from(SUSPEND_TIME_S))).is_empty(), "not yet");
    let turned = world.wait(1);
    let [order] = orders(&turned)[..] else { panic!("{turned:?}") };
    assert_eq!((order.action, &*order.list), (PowerAction::Suspend, "n[1-4]"));
    let node = at(&world, 1);
    assert!(node.flags.powering_down && !node.is_schedulable());
    assert_eq!(node.power, Some(PowerRequest { at: world.now, taken: false }));
    world.wait(30);
    assert!(at(&world, 1).flags.powering_down);
    world.wait(1);
    let node = at(&world, 1);
    assert!(node.flags.powered_down && !node.flags.powering_down && node.is_schedulable());
    assert_eq!((node.power, node.last_busy, &node.instance_id), (None, None, &None));
}

#[test]
fn a_node_is_idle_from_the_end_of_its_last_job() {
    let mut world = world(saving());
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    world.launched(job);
    world.wait(500);
    assert!(at(&world, 2).flags.powered_down || at(&world, 2).flags.powering_down);
    assert!(at(&world, 1).is_powered(), "it has a job");
    world.ends(job, 0);
    world.wait(u64::from(SUSPEND_TIME_S));
    assert!(at(&world, 1).is_powered());
    world.wait(1);
    assert!(at(&world, 1).flags.powering_down);
}

#[test]
fn a_job_on_nodes_that_are_off_waits_for_them_and_its_time_begins_then() {
    let mut world = asleep(saving());
    let job = world.submit(batch(ANN));
    let turned = world.start(job, None, &[1, 2]);
    assert_eq!(launches(&turned), 0);
    assert_eq!(world.job(job).phase, Phase::Running(Launch::Waking { prolog: None }));
    let turned = world.wait(1);
    let [order] = orders(&turned)[..] else { panic!("{turned:?}") };
    assert_eq!((order.action, &*order.list), (PowerAction::Resume, "n[1-2]"));
    assert_eq!((order.jobs[0].0.id, &*order.jobs[0].1), (job, "n[1-2]"));
    let node = at(&world, 1);
    assert!(node.flags.powering_up && node.flags.not_responding && !node.flags.powered_down);
    // The machine as it was before speaks once more.
    let asked = world.now.0;
    assert_eq!(launches(&register(&mut world, 1, asked - 5)), 0);
    assert!(at(&world, 1).flags.powering_up);
    world.wait(20);
    let now = world.now.0;
    let turned = register(&mut world, 2, now);
    assert_eq!(launches(&turned), 0, "the script's own node is not up");
    world.wait(20);
    let now = world.now;
    let turned = register(&mut world, 1, now.0);
    assert_eq!(launches(&turned), 1);
    let job = world.job(job);
    assert_eq!((job.started, job.ended), (Some(now), Some(now.plus_s(30 * 60))));
    let node = at(&world, 1);
    assert!(node.is_powered() && !node.flags.not_responding && node.power.is_none());
    assert_eq!(node.instance_id.as_deref(), Some("i-1"));
}

#[test]
fn the_limit_of_a_job_does_not_run_while_its_nodes_start() {
    let mut world = asleep(PowerSaving { resume_timeout_s: 10_000, ..saving() });
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    world.wait(31 * 60);
    assert!(matches!(world.job(job).phase, Phase::Running(Launch::Waking { .. })));
}

#[test]
fn a_node_that_does_not_come_up_is_down_and_its_job_waits_anew() {
    let mut world = asleep(saving());
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1, 2]);
    world.wait(1);
    let now = world.now.0;
    register(&mut world, 2, now);
    world.wait(60);
    assert!(at(&world, 1).flags.powering_up);
    let turned = world.wait(1);
    let [order] = orders(&turned)[..] else { panic!("{turned:?}") };
    assert_eq!((order.action, &*order.list), (PowerAction::GiveUp, "n1"));
    let node = at(&world, 1);
    assert_eq!(node.availability, Availability::Down);
    assert!(node.flags.powered_down && !node.flags.powering_up && !node.flags.unclean);
    assert_eq!(node.reason.as_ref().map(|reason| &*reason.text), Some("ResumeTimeout reached"));
    assert!(world.job(job).is_pending() && world.job(job).restarts == 1);
    assert!(at(&world, 2).is_schedulable() && world.cluster().usage(NodeId(1)).is_idle());
    // Too late: somebody has to bring it back.
    let now = world.now.0;
    register(&mut world, 1, now);
    assert_eq!(at(&world, 1).availability, Availability::Down);
}

#[test]
fn an_order_is_asked_for_again_until_it_is_taken_and_after_a_restart() {
    let mut world = asleep(saving());
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    let first = orders(&world.wait(1))[0].clone();
    let told = Event::PowerTold { order: Box::new(first.clone()), result: PowerResult::NotTaken };
    world.accepted(told);
    assert_eq!(orders(&world.wait(11)), [&first]);
    let restart = |cluster: &Cluster| {
        let effects = Core::new(cluster.clone()).resume();
        let order = |effect| match effect {
            Effect::Power(order) => Some(order),
            _ => None,
        };
        effects.into_iter().filter_map(order).collect::<Vec<_>>()
    };
    assert_eq!(restart(world.cluster()), std::slice::from_ref(&first));
    take(&mut world, &first);
    assert_eq!(restart(world.cluster()), []);
    assert!(at(&world, 1).flags.powering_up, "a node that is being started stays so");
    // The controller has started anew: the job still waits, and goes on when the node is up.
    world.core = Core::new(world.cluster().clone());
    assert!(orders(&world.wait(11)).is_empty());
    let now = world.now.0;
    assert_eq!(launches(&register(&mut world, 1, now)), 1);
}

#[test]
fn no_more_nodes_are_started_at_a_time_than_the_rate_lets() {
    let mut world = asleep(PowerSaving { resume_rate: 60, interval_s: 2, ..saving() });
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1, 2, 3, 4]);
    let lists: Vec<String> = (0..5)
        .flat_map(|_| {
            let turned = world.wait(1);
            orders(&turned).iter().map(|order| order.list.to_string()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(lists, ["n[1-2]", "n3", "n4"]);
}

#[test]
fn administrators_start_and_stop_nodes() {
    let mut world = world(saving());
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    world.launched(job);
    for name in ["n1", "n2", "n3"] {
        let state = match name {
            "n3" => NodeUpdateState::PowerDownAsap,
            _ => NodeUpdateState::PowerDown,
        };
        set(&mut world, name, state).answer.unwrap();
    }
    assert!(at(&world, 3).flags.drain);
    let turned = world.wait(1);
    assert_eq!(&*orders(&turned)[0].list, "n[2-3]", "a job is on the first");
    let drained = at(&world, 3);
    assert!(!drained.flags.drain && drained.reason.is_none() && drained.flags.powering_down);
    set(&mut world, "n1", NodeUpdateState::PowerDownForce).answer.unwrap();
    assert!(world.job(job).is_pending(), "{:?}", world.job(job).phase);
    let turned = world.wait(1);
    assert_eq!(&*orders(&turned)[0].list, "n1");
    world.wait(31);
    set(&mut world, "n2", NodeUpdateState::PowerUp).answer.unwrap();
    set(&mut world, "n4", NodeUpdateState::PowerUp).answer.unwrap();
    let turned = world.wait(1);
    assert_eq!((orders(&turned)[0].action, &*orders(&turned)[0].list), (PowerAction::Resume, "n2"));
    set(&mut world, "n3", NodeUpdateState::Resume).answer.unwrap_err();
}

#[test]
fn without_power_saving_nobody_can_ask_for_it_and_cloud_nodes_get_no_jobs() {
    let mut world = World::new();
    let refused = set(&mut world, "n1", NodeUpdateState::PowerDown).answer;
    assert_eq!(refused, Err(Reject::NoPowerSaving));
    let mut cloud = node(1);
    cloud.availability = Availability::Up;
    cloud.flags.cloud = true;
    cloud.flags.powered_down = true;
    assert!(!PowerSaving::gives(None, &cloud, || false));
    assert!(PowerSaving::gives(Some(&Arc::new(saving())), &cloud, || false));
}

#[test]
fn nodes_partitions_and_states_are_spared() {
    let mut world = world(saving());
    let mut config = config(saving());
    config.suspend_except.nodes = [
        SparedNodes { list: "n[1-2]".into(), count: Some(1) },
        SparedNodes { list: "n4".into(), count: None },
    ]
    .into();
    config.suspend_except.states = [SparedState::Drain].into();
    set(&mut world, "n3", NodeUpdateState::Drain).answer.unwrap();
    reconfigured(&mut world, config, Partition::named("main".into()));
    let turned = world.wait(u64::from(SUSPEND_TIME_S) + 1);
    assert_eq!(&*orders(&turned)[0].list, "n2", "one of the first two stays");
}

fn reconfigured(world: &mut World, config: Config, partition: Partition) {
    let nodes: Vec<Node> = (1..=4).map(node).collect();
    let names = nodes.iter().map(|node| Arc::clone(&node.name)).collect();
    world.accepted(Event::Configured(Box::new(Configuration {
        config: Arc::new(config),
        nodes,
        partitions: vec![(partition, names)],
        recover: Recover::Reload,
    })));
}

#[test]
fn a_partition_has_times_of_its_own_and_stops_nodes_that_are_idle() {
    let mut world = world(saving());
    let partition = Partition {
        is_default: true,
        suspend_time_s: Some(u32::MAX),
        power_down_on_idle: true,
        ..Partition::named("main".into())
    };
    reconfigured(&mut world, config(saving()), partition);
    assert!(orders(&world.wait(5000)).is_empty(), "for ever");
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    world.launched(job);
    assert!(orders(&world.wait(20)).is_empty());
    world.ends(job, 0);
    assert_eq!(&*orders(&world.wait(1))[0].list, "n1");
}

#[test]
fn the_prolog_of_the_controller_runs_while_nodes_start() {
    let mut world = asleep(saving());
    let prologs = Config { prolog_slurmctld: true, ..config(saving()) };
    reconfigured(
        &mut world,
        prologs,
        Partition { is_default: true, ..Partition::named("main".into()) },
    );
    let done = |job: JobId| Event::HookDone {
        job,
        restarts: 0,
        hook: Hook::Prolog,
        result: HookResult::Done,
    };
    // Whichever is done first, the script goes out when both are.
    for (place, prolog_first) in [(1, true), (2, false)] {
        let job = world.submit(batch(ANN));
        let turned = world.start(job, None, &[place]);
        assert!(turned.effects.iter().any(|effect| matches!(effect, Effect::RunHook { .. })));
        world.wait(1);
        let now = world.now.0;
        if prolog_first {
            assert_eq!(launches(&world.accepted(done(job))), 0);
            assert_eq!(launches(&register(&mut world, place, now)), 1);
        } else {
            assert_eq!(launches(&register(&mut world, place, now)), 0);
            assert_eq!(launches(&world.accepted(done(job))), 1);
        }
    }
}

#[test]
fn power_saving_that_is_taken_away_leaves_no_job_waiting() {
    let mut world = asleep(saving());
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    world.wait(1);
    let off = Config { power: None, ..config(saving()) };
    reconfigured(
        &mut world,
        off,
        Partition { is_default: true, ..Partition::named("main".into()) },
    );
    assert!(!matches!(world.job(job).phase, Phase::Running(Launch::Waking { .. })));
    assert!(at(&world, 1).power.is_none() && at(&world, 1).is_powered());
}
