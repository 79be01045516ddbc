//! Steps within a job: what they get, what they wait for, how they end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::sync::Arc;

use ctld_core::{
    Answer, ClientMessage, Core, Effect, Event, Kill, Reject, StepDone, StepReject, StepRequest,
    StepUpdate, Turned,
};
use model::{
    Change, Config, CoreSet, GresCount, GresHeld, GresWish, JobId, MemoryRequest, Node, NodeId,
    NumberOption, Phase, Step, StepClient, StepNumber, TextOption, Timestamp, WaitReason,
};
use world::{ANN, BOB, ROOT, World, batch, done_on, srun, with};

fn asked(request: StepRequest) -> Event {
    Event::StepAsked(Box::new(request))
}

fn done(job: JobId, step: u32, range: (u32, u32), status: u32) -> Event {
    Event::StepDone(StepDone { caller: ROOT, job, step: StepNumber::Normal(step), range, status })
}

fn step(world: &World, job: JobId, number: u32) -> Arc<Step> {
    Arc::clone(world.cluster().step(job, StepNumber::Normal(number)).unwrap())
}

/// A job of two whole nodes of four cores each, running.
fn running(world: &mut World) -> JobId {
    let job = world.submit(with(ANN, |new| new.spec.min_nodes = 2));
    world.start(job, None, &[1, 2]);
    world.launched(job);
    job
}

fn told(turned: &Turned) -> Vec<ClientMessage> {
    let message = |effect: &Effect| match effect {
        Effect::ToClient { message, .. } => Some(message.clone()),
        _ => None,
    };
    turned.effects.iter().filter_map(message).collect()
}

/// The cores that one node of the test's jobs gives: as many as the world's plans take.
fn cores_of_job(world: &World, job: JobId) -> u32 {
    world.job(job).allocation.as_ref().unwrap().shares[0].cpus
}

#[test]
fn a_step_gets_tasks_cores_and_the_next_number() {
    let mut world = World::new();
    let job = running(&mut world);
    let each = cores_of_job(&world, job);
    let all = 2 * each;
    let turned = world.accepted(asked(srun(job, all)));
    assert_eq!(turned.answer, Ok(Answer::Step { job, step: StepNumber::Normal(0) }));
    let first = step(&world, job, 0);
    assert_eq!((&*first.node_list, first.tasks, first.cpus), ("n[1-2]", all, all));
    let launch = first.launch.as_ref().unwrap();
    let tasks: Vec<u32> = launch.shares.iter().flat_map(|share| share.tasks.clone()).collect();
    assert_eq!(tasks, (0..all).collect::<Vec<_>>());
    assert!(launch.shares.iter().all(|share| share.cores.len() == each));
    assert_eq!(world.job(job).next_step, 1);
    assert_eq!(
        world.refused(asked(StepRequest { caller: BOB, ..srun(job, 1) })),
        Reject::NotYourJob
    );
    let too_many = StepRequest { cpus: all + 1, ..srun(job, all + 1) };
    assert_eq!(world.refused(asked(too_many)), Reject::TooManyCpus);
}

#[test]
fn a_step_that_finds_its_cores_taken_waits_and_is_woken() {
    let mut world = World::new();
    let job = running(&mut world);
    let all = 2 * cores_of_job(&world, job);
    world.accepted(asked(srun(job, all)));
    assert_eq!(world.refused(asked(srun(job, 1))), Reject::Step(StepReject::Busy));
    let beside = StepRequest { overlaps: true, ..srun(job, all) };
    world.accepted(asked(beside));
    let ended = world.accepted(done(job, 0, (0, 1), 0));
    assert_eq!(told(&ended), [], "the client that overlaps was answered, and waits no more");

    world.accepted(asked(srun(job, all)));
    let other = StepClient { host: "login".into(), port: 4_001, pid: 8 };
    let late = StepRequest { client: Some(other), ..srun(job, 1) };
    assert_eq!(world.refused(asked(late.clone())), Reject::Step(StepReject::Busy));
    let ended = world.accepted(done(job, 2, (0, 1), 0));
    assert_eq!(told(&ended), [ClientMessage::AskAgain { job }]);
    world.accepted(asked(late));
}

#[test]
fn a_step_whose_tasks_are_larger_than_what_others_leave_waits() {
    let mut world = World::new();
    let job = world.submit(batch(ANN));
    let mut plan = world.plan(job, None, &[1]);
    let share = &mut plan.starts[0].allocation.shares[0];
    (share.cores, share.cpus) = ((0..3).collect(), 3);
    world.accepted(Event::Planned(plan));
    world.launched(job);
    world.accepted(asked(srun(job, 2)));
    let wide = StepRequest {
        cpus: 2,
        cpus_per_task: Some(2),
        min_nodes: None,
        memory: Some(MemoryRequest::PerNode(0)),
        ..srun(job, 1)
    };
    assert_eq!(world.refused(asked(wide.clone())), Reject::Step(StepReject::Busy));
    world.accepted(done(job, 0, (0, 0), 0));
    world.accepted(asked(wide));
}

#[test]
fn a_step_for_itself_waits_for_its_nodes_to_be_free() {
    let mut world = World::new();
    let job = running(&mut world);
    let whole = StepRequest { whole: true, ..srun(job, 1) };
    world.accepted(asked(whole.clone()));
    world.accepted(asked(whole.clone()));
    let places = [step(&world, job, 0), step(&world, job, 1)].map(|step| step.node_list.clone());
    assert_eq!(places, ["n1".into(), "n2".into()], "idle nodes come first");
    assert_eq!(world.refused(asked(whole.clone())), Reject::Step(StepReject::Busy));
    world.accepted(done(job, 0, (0, 0), 0));
    world.accepted(asked(whole));
}

#[test]
fn a_step_ends_when_all_of_its_nodes_are_through_in_any_order_and_repeatedly() {
    let mut world = World::new();
    let job = running(&mut world);
    let all = 2 * cores_of_job(&world, job);
    world.accepted(asked(srun(job, all)));
    world.accepted(done(job, 0, (1, 1), 3 << 8));
    world.accepted(done(job, 0, (1, 1), 3 << 8));
    assert!(world.refused(done(job, 0, (0, 2), 0)) == Reject::InvalidValue("range of nodes"));
    assert_eq!(step(&world, job, 0).launch.as_ref().unwrap().status, 3 << 8);
    world.accepted(done(job, 0, (0, 0), 0));
    assert!(world.cluster().step(job, StepNumber::Normal(0)).is_none());
    assert_eq!(world.refused(done(job, 0, (0, 0), 0)), Reject::NoSuchJob(job));
    world.accepted(Event::BatchDone(done_on(job, "n1", 0)));
    assert_eq!(world.job(job).outcome.as_ref().unwrap().derived_status, 3 << 8);
}

#[test]
fn a_step_that_is_heard_of_after_its_batch_script_counts_for_the_job() {
    let mut world = World::new();
    let job = running(&mut world);
    world.accepted(asked(srun(job, 1)));
    world.accepted(Event::BatchDone(done_on(job, "n1", 0)));
    world.accepted(done(job, 0, (0, 0), 7 << 8));
    world.accepted(done(job, 0, (0, 0), 0));
    assert_eq!(world.job(job).outcome.as_ref().unwrap().derived_status, 7 << 8);
    assert_eq!(world.refused(done(job, 1, (0, 0), 9 << 8)), Reject::NoSuchJob(job));
}

#[test]
fn the_end_of_a_job_ends_its_steps_and_their_clients_are_told() {
    let mut world = World::new();
    let job = running(&mut world);
    world.accepted(asked(srun(job, 1)));
    let mut again = Core::new(world.cluster().clone());
    assert!(again.cluster().step(job, StepNumber::Normal(0)).is_some(), "a restart keeps it");
    again.turn(Timestamp(1_100), done(job, 0, (0, 0), 0)).answer.unwrap();

    let ended = world.accepted(Event::BatchDone(done_on(job, "n1", 0)));
    let step = Some(StepNumber::Normal(0));
    assert_eq!(told(&ended), [ClientMessage::Complete { job, step }]);
    assert!(world.cluster().steps_of(job).next().is_none());
    assert_eq!(world.refused(asked(srun(job, 1))), Reject::JobFinished(job));
    let waiting = world.submit(batch(ANN));
    assert_eq!(world.refused(asked(srun(waiting, 1))), Reject::JobPending(waiting));
}

#[test]
fn nodes_that_are_named_or_counted_off_are_the_ones() {
    let mut world = World::new();
    let job = running(&mut world);
    let named = |name: &str| StepRequest { nodes: Some(name.into()), ..srun(job, 1) };
    world.accepted(asked(named("n2")));
    assert_eq!(&*step(&world, job, 0).node_list, "n2");
    world.accepted(asked(StepRequest { relative: Some(1), overlaps: true, ..srun(job, 1) }));
    assert_eq!(&*step(&world, job, 1).node_list, "n2");
    assert_eq!(world.refused(asked(named("n3"))), Reject::NothingFits);
    assert_eq!(world.refused(asked(named("nowhere"))), Reject::NothingFits);
    let without = StepRequest { excluded_nodes: Some("nowhere".into()), ..srun(job, 1) };
    assert_eq!(world.refused(asked(without)), Reject::NoSuchNode("nowhere".into()));
    let hosts = vec!["n2".into(), "n1".into(), "n2".into()];
    let arbitrary = StepRequest {
        min_nodes: Some(2),
        nodes: Some("n2,n1,n2".into()),
        hosts,
        distribution: None,
        overlaps: true,
        overcommit: true,
        ..srun(job, 3)
    };
    world.accepted(asked(arbitrary));
    let placed = step(&world, job, 2);
    let tasks: Vec<_> = placed.launch.as_ref().unwrap().shares.iter().map(|s| &s.tasks).collect();
    assert_eq!((&*placed.node_list, tasks), ("n2,n1", vec![&vec![0, 2], &vec![1]]));
}

#[test]
fn memory_beyond_the_jobs_is_refused() {
    let mut world = World::new();
    let job = world.submit(with(ANN, |new| {
        new.spec.memory = Some(MemoryRequest::PerNode(100));
    }));
    world.start(job, None, &[1]);
    world.launched(job);
    let greedy = StepRequest { memory: Some(MemoryRequest::PerNode(200)), ..srun(job, 1) };
    assert_eq!(world.refused(asked(greedy)), Reject::TooMuchMemory);
}

#[test]
fn nobody_uses_an_allocation_whose_client_has_gone() {
    let mut world = World::new();
    let job = world.submit(with(ANN, |new| new.script = None));
    world.accepted(Event::ClientListens { job });
    let started = world.start(job, None, &[1]);
    assert!(started.effects.iter().any(|effect| matches!(effect, Effect::TellClient { .. })));
    world.accepted(Event::ClientTold { job, reached: true });
    world.accepted(Event::ClientTold { job, reached: false });
    assert!(world.job(job).is_active(), "it was told, and is told no second time");

    let gone = world.submit(with(ANN, |new| new.script = None));
    world.accepted(Event::ClientListens { job: gone });
    world.start(gone, None, &[2]);
    world.accepted(Event::ClientTold { job: gone, reached: false });
    assert!(matches!(world.job(gone).phase, Phase::Completing(_)));
}

#[test]
fn a_step_has_a_time_limit_of_its_own() {
    let mut world = World::new();
    let job = running(&mut world);
    world.accepted(asked(StepRequest { time_limit_min: Some(1), ..srun(job, 1) }));
    world.now = Timestamp(world.now.0 + 60);
    assert_eq!(world::sent(&world.accepted(Event::Tick)), [(1, "step time limit")]);
    world.now = Timestamp(world.now.0 + 1);
    assert_eq!(world::sent(&world.accepted(Event::Tick)), [], "its node does the rest");
    world.now = Timestamp(world.now.0 + 60);
    assert_eq!(world::sent(&world.accepted(Event::Tick)), [(1, "step time limit")], "still there");
    world.accepted(done(job, 0, (0, 0), 15));
    world.now = Timestamp(world.now.0 + 120);
    assert_eq!(world::sent(&world.accepted(Event::Tick)), []);
}

#[test]
fn the_limits_of_steps_are_altered_while_they_run() {
    let mut world = World::new();
    let job = running(&mut world);
    world.accepted(asked(StepRequest { time_limit_min: Some(5), ..srun(job, 1) }));
    world.accepted(asked(srun(job, 1)));
    let limit = |caller, step: Option<u32>, minutes| {
        Event::UpdateStep(StepUpdate {
            caller,
            job,
            step: step.map(StepNumber::Normal),
            time_limit_min: minutes,
        })
    };
    assert_eq!(world.refused(limit(BOB, None, Some(1))), Reject::NotYoursToAlter(job));
    assert_eq!(world.refused(limit(ANN, Some(7), Some(1))), Reject::NoSuchJob(job));
    let limits =
        |world: &World| [0, 1].map(|n| step(world, job, n).launch.as_ref().unwrap().time_limit_min);
    world.accepted(limit(ANN, None, Some(1)));
    assert_eq!(limits(&world), [Some(1), Some(1)], "all steps of the job");
    world.accepted(limit(ANN, Some(1), Some(0)));
    assert_eq!(limits(&world), [Some(1), Some(1)], "no minutes change nothing");
    world.accepted(limit(ANN, Some(1), None));
    assert_eq!(limits(&world), [Some(1), None]);
    world.now = Timestamp(world.now.0 + 60);
    assert_eq!(world::sent(&world.accepted(Event::Tick)), [(1, "step time limit")]);
}

#[test]
fn the_limit_of_a_step_outlives_a_restart() {
    let mut world = World::new();
    let job = running(&mut world);
    world.accepted(asked(StepRequest { time_limit_min: Some(1), ..srun(job, 1) }));
    let mut core = Core::new(world.cluster().clone());
    let at = |core: &mut Core, after: i64| {
        world::sent(&core.turn(Timestamp(world.now.0 + after), Event::Tick))
    };
    assert_eq!(at(&mut core, 59), []);
    assert_eq!(at(&mut core, 60), [(1, "step time limit")]);
}

#[test]
fn the_next_step_begins_after_the_nodes_of_the_last() {
    let mut world = World::new();
    let job = running(&mut world);
    for (number, node) in [(0, "n1"), (1, "n2"), (2, "n1")] {
        world.accepted(asked(StepRequest { max_nodes: 1, ..srun(job, 1) }));
        assert_eq!(&*step(&world, job, number).node_list, node);
        world.accepted(done(job, number, (0, 0), 0));
    }
}

#[test]
fn a_step_is_ended_by_a_signal_of_slurms_own() {
    let mut world = World::new();
    let job = running(&mut world);
    world.accepted(asked(srun(job, 1)));
    let kill = |step: Option<StepNumber>, signal| {
        Event::Kill(Kill { caller: ANN, selection: world::whole(job), step, signal, flags: 0 })
    };
    let first = Some(StepNumber::Normal(0));
    assert_eq!(world::sent(&world.accepted(kill(first, 991))), [(1, "signal")]);
    assert_eq!(world.refused(kill(first, 500)), Reject::InvalidSignal);
    assert_eq!(world.refused(kill(None, 991)), Reject::InvalidSignal);
}

/// `srun a : b` in a plain job: each component is asked for by itself, under the number of the first.
#[test]
fn components_of_a_step_have_one_number_and_end_one_by_one() {
    let mut world = World::new();
    let job = world.running(with(ANN, |new| new.spec.tasks = Some(1)));
    let component = |component: u32, number: Option<u32>| StepRequest {
        component: Some(component),
        number,
        overlaps: true,
        ..srun(job, 1)
    };
    let named = |step: u32, component: u32| StepNumber::Component { step, component };
    let answer = world.accepted(asked(component(0, None))).answer;
    assert_eq!(answer, Ok(Answer::Step { job, step: named(0, 0) }));
    let answer = world.accepted(asked(component(1, Some(0)))).answer;
    assert_eq!(answer, Ok(Answer::Step { job, step: named(0, 1) }));
    let again = world.refused(asked(component(1, Some(0))));
    assert_eq!(again, Reject::Step(StepReject::Exists(job)));
    // The next step has the next number.
    let answer = world.accepted(asked(StepRequest { overlaps: true, ..srun(job, 1) })).answer;
    assert_eq!(answer, Ok(Answer::Step { job, step: StepNumber::Normal(1) }));

    let kill = |step: StepNumber| {
        let selection = world::whole(job);
        Event::Kill(Kill { caller: ANN, selection, step: Some(step), signal: 9, flags: 0 })
    };
    let signals = |turned: &Turned| world::sent(turned).len();
    assert_eq!(signals(&world.accepted(kill(StepNumber::Normal(0)))), 2, "the number means all");
    assert_eq!(signals(&world.accepted(kill(named(0, 1)))), 1);
    let ended = StepDone { caller: ROOT, job, step: named(0, 0), range: (0, 0), status: 0 };
    world.accepted(Event::StepDone(ended));
    let left: Vec<StepNumber> = world
        .cluster()
        .steps_numbered(job, StepNumber::Normal(0))
        .map(|step| step.number)
        .collect();
    assert_eq!(left, [named(0, 1)]);
}

/// A job of one node whose client listens for news.
fn with_client(world: &mut World) -> JobId {
    let job = world.submit(with(ANN, |new| {
        new.script = None;
        new.spec.time_limit_min = Some(10);
        new.spec.carried.set_text(TextOption::RespHost, Some("login".into()));
        new.spec.carried.set_number(NumberOption::OtherPort, Some(4_100));
    }));
    world.start(job, None, &[1]);
    job
}

#[test]
fn clients_are_told_that_their_time_is_up_soon() {
    let mut world = World::new();
    let job = with_client(&mut world);
    world.accepted(asked(srun(job, 1)));
    let at = world.job(job).ended.unwrap();
    assert_eq!(told(&world.wait(500)), []);
    let warned = told(&world.wait(60));
    let step = Some(StepNumber::Normal(0));
    let both =
        [ClientMessage::Timeout { job, step, at }, ClientMessage::Timeout { job, step: None, at }];
    assert_eq!(warned, both);
    assert_eq!(told(&world.wait(10)), [], "twice a minute");
}

#[test]
fn the_allocation_of_a_lost_client_is_reclaimed() {
    let mut world = World::with(Config { inactive_limit_s: 30, ..Config::default() });
    let (lost, alive) = (with_client(&mut world), with_client(&mut world));
    let batch = world.running(batch(ANN));
    let asked = told(&world.wait(1));
    assert_eq!(asked, [lost, alive].map(|job| ClientMessage::Ping { job }));
    for _ in 0..6 {
        world.wait(10);
        world.accepted(Event::ClientAnswered { job: alive });
    }
    assert!(matches!(world.job(lost).phase, Phase::Completing(_)));
    assert_eq!(world.job(lost).wait, WaitReason::InactiveLimit);
    assert!(world.job(alive).is_active() && world.job(batch).is_active());
}

#[test]
fn of_many_that_wait_a_few_are_woken_at_a_time() {
    let mut world = World::new();
    let job = running(&mut world);
    let all = 2 * cores_of_job(&world, job);
    world.accepted(asked(srun(job, all)));
    for port in 0..20 {
        let client = Some(StepClient { host: "login".into(), port: 5_000 + port, pid: 9 });
        let late = StepRequest { client, ..srun(job, 1) };
        assert_eq!(world.refused(asked(late)), Reject::Step(StepReject::Busy));
    }
    assert_eq!(told(&world.accepted(done(job, 0, (0, 1), 0))).len(), 8);
    world.accepted(asked(srun(job, all)));
    world.now = world.now.plus_s(60);
    assert_eq!(told(&world.accepted(done(job, 1, (0, 1), 0))).len(), 12, "patience has an end");
}

#[test]
fn ports_for_mpi_are_reserved_on_the_nodes_of_a_step() {
    let mut world = World::with(Config { mpi_ports: Some((12_000, 12_003)), ..Config::default() });
    let job = running(&mut world);
    let ports =
        |world: &World, number| step(world, job, number).launch.as_ref().unwrap().ports.clone();
    let one =
        StepRequest { overlaps: true, max_nodes: 1, nodes: Some("n1".into()), ..srun(job, 1) };
    world.accepted(asked(one.clone()));
    world.accepted(asked(one.clone()));
    assert_eq!((ports(&world, 0), ports(&world, 1)), (vec![12_001, 12_002], vec![12_000, 12_003]));
    assert_eq!(world.refused(asked(one.clone())), Reject::Step(StepReject::PortsBusy));
    let elsewhere = StepRequest { nodes: Some("n2".into()), ..one.clone() };
    world.accepted(asked(elsewhere));
    assert_eq!(ports(&world, 2).len(), 2);
    let many = StepRequest { ports: Some(5), ..one.clone() };
    assert_eq!(world.refused(asked(many)), Reject::Step(StepReject::TooManyPorts));
    let none = StepRequest { ports: Some(0), ..one };
    world.accepted(asked(none));
    assert_eq!(ports(&world, 3), []);
}

/// srun of 23.11 says how many CPUs it wants in all and not of a task, as do all for `--cpus-per-gpu`.
#[test]
fn tasks_with_gpus_and_several_cpus_each_find_their_place() {
    let mut world = World::new();
    let gpus = |count| GresCount { name: "gpu".into(), kind: None, count };
    let node = world.cluster().node(NodeId(0)).unwrap();
    let mut node = Node::clone(node);
    node.hardware.gres = [gpus(2)].into();
    let mut cluster = world.cluster().clone();
    cluster.apply(&Change::Node(Arc::new(node)));
    world.core = Core::new(cluster);
    let wish = GresWish { per_task: 1, ..GresWish::of("gpu".into(), None) };
    let job = world.submit(with(ANN, |new| new.spec.gres = vec![wish.clone()]));
    let mut plan = world.plan(job, None, &[1]);
    let share = &mut plan.starts[0].allocation.shares[0];
    (share.cores, share.cpus, share.gres) =
        (CoreSet::first(4), 4, vec![GresHeld::counted(gpus(2))]);
    world.accepted(Event::Planned(plan));
    world.launched(job);
    let turned = world.accepted(asked(StepRequest { cpus: 4, ..srun(job, 2) }));
    assert_eq!(turned.answer, Ok(Answer::Step { job, step: StepNumber::Normal(0) }));
    assert_eq!(step(&world, job, 0).cpus, 4);
}
