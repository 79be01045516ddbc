//! A batch job from its submission until it is forgotten, and what may come in between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ctld_core::{Answer, Effect, Event, JobSelection, Kill, LaunchResult, Reject, StepDone};
use model::{
    Change, Config, Exit, Hold, JobId, Launch, NodeId, NumberOption, Phase, StepNumber, TextOption,
    Timestamp, WaitReason,
};
use world::{ANN, BOB, ROOT, World, batch, done_on, sent, whole, with};

#[test]
fn a_batch_job_runs_ends_and_is_forgotten() {
    let mut world = World::new();
    let job = world.submit(batch(ANN));
    assert_eq!(world.job(job).time_limit_min, Some(30), "the partition's default is filled in");
    assert_eq!(world.job(job).spec.partitions, ["main".into()]);

    let started = world.start(job, None, &[1, 2]);
    assert_eq!(sent(&started), [(1, "launch")]);
    assert_eq!(world.job(job).ended, Some(Timestamp(1_000 + 30 * 60)));
    world.launched(job);
    assert_eq!(world.job(job).phase, Phase::Running(Launch::Done));
    assert!(world.cluster().step(job, StepNumber::Batch).is_some());

    let done = world.batch_done(job, 0);
    assert_eq!(sent(&done), [(1, "terminate"), (2, "terminate")]);
    assert_eq!(world.job(job).outcome.as_ref().unwrap().exit, Exit::Completed);
    assert_eq!(world.cluster().usage(NodeId(0)).completing, 1, "it still holds its nodes");
    world.epilog(job, 2);
    assert_eq!(world.cluster().usage(NodeId(1)).cpus, 0);
    let last = world.epilog(job, 1);
    assert!(last.effects.contains(&Effect::Schedule));
    assert_eq!(world.job(job).phase, Phase::Ended);
    assert!(world.epilog(job, 1).changes.is_empty(), "a repeat changes nothing");

    world.wait(299);
    assert!(world.cluster().job(job).is_some());
    let gone = world.wait(1);
    assert!(gone.changes.contains(&Change::JobGone(job)));
}

#[test]
fn how_a_script_ends_is_how_its_job_ends() {
    let cases = [
        (0, Exit::Completed, WaitReason::None, None),
        (3 << 8, Exit::Failed, WaitReason::NonZeroExitCode, None),
        (15, Exit::Failed, WaitReason::RaisedSignal, Some("RaisedSignal:15(Terminated)")),
        (253, Exit::OutOfMemory, WaitReason::OutOfMemory, None),
    ];
    for (status, exit, reason, text) in cases {
        let mut world = World::new();
        let job = world.running(batch(ANN));
        world.batch_done(job, status);
        let job = world.job(job);
        let outcome = job.outcome.as_ref().unwrap();
        assert_eq!((outcome.exit, outcome.status), (exit, status));
        assert_eq!((job.wait.clone(), job.state_text.as_deref()), (reason, text));
    }
}

#[test]
fn a_report_from_another_node_or_of_an_ended_job_changes_nothing() {
    let mut world = World::new();
    let job = world.running(batch(ANN));
    let other = world.accepted(Event::BatchDone(done_on(job, "n2", 0)));
    assert!(other.changes.is_empty());
    world.ends(job, 0);
    assert!(world.batch_done(job, 256).changes.is_empty());
    let unknown = Event::BatchDone(done_on(JobId(99), "n1", 0));
    assert_eq!(world.refused(unknown), Reject::NoSuchJob(JobId(99)));
    let mut by_user = done_on(job, "n1", 0);
    by_user.caller = ANN;
    assert_eq!(world.refused(Event::BatchDone(by_user)), Reject::AccessDenied);
}

#[test]
fn a_job_is_cancelled_in_every_phase() {
    let mut world = World::new();
    let waiting = world.submit(batch(ANN));
    world.kill(ANN, whole(waiting)).answer.unwrap();
    assert_eq!(world.job(waiting).phase, Phase::Ended);

    let sending = world.submit(batch(ANN));
    world.start(sending, None, &[1]);
    assert_eq!(sent(&world.kill(ANN, whole(sending))), [(1, "terminate")]);
    world.launched_late(sending);
    assert!(matches!(world.job(sending).phase, Phase::Completing(_)));
    world.epilog(sending, 1);

    let running = world.running(batch(ANN));
    assert_eq!(world.kill(BOB, whole(running)).answer.unwrap_err(), Reject::NotYourJob);
    world.kill(ROOT, whole(running)).answer.unwrap();
    let by = ROOT.uid;
    assert_eq!(world.job(running).outcome.as_ref().unwrap().exit, Exit::Cancelled { by });
    let again = world.kill(ANN, whole(running)).answer.unwrap_err();
    assert_eq!(again, Reject::JobFinished(running));
    world.batch_done(running, 15);
    world.batch_done(running, 9);
    assert_eq!(world.job(running).outcome.as_ref().unwrap().status, 15, "what its script died of");
    world.epilog(running, 1);

    let back = world.running(batch(ANN));
    world.requeue(ANN, back, Hold::None).answer.unwrap();
    world.kill(ANN, whole(back)).answer.unwrap();
    world.epilog(back, 1);
    assert_eq!(world.job(back).phase, Phase::Ended, "cancelled on its way back to the queue");

    let none = world.kill(ROOT, whole(JobId(999))).answer.unwrap_err();
    assert_eq!(none, Reject::NoSuchJob(JobId(999)));
}

impl World {
    /// The answer of a launch that was overtaken.
    fn launched_late(&mut self, job: JobId) {
        let result = LaunchResult::Delivered;
        let late = self.accepted(Event::BatchLaunched { job, restarts: 0, result });
        assert!(late.changes.is_empty());
    }
}

#[test]
fn a_signal_goes_to_what_runs_and_nowhere_else() {
    let mut world = World::new();
    let kill = |selection: JobSelection, flags, step| {
        Event::Kill(Kill { caller: ANN, selection, step, signal: 10, flags })
    };
    let job = world.submit(batch(ANN));
    let waiting = world.refused(kill(whole(job), 0, None));
    assert_eq!(waiting, Reject::NotSignalable(job));
    world.start(job, None, &[1, 2]);
    let sending = world.refused(kill(whole(job), 0, None));
    assert_eq!(sending, Reject::NotSignalable(job), "its node may have no script yet");
    world.launched(job);
    let all = world.accepted(kill(whole(job), 0, None));
    assert_eq!(sent(&all), [(1, "signal"), (2, "signal")]);
    let script = world.accepted(kill(whole(job), 1, None));
    assert_eq!(sent(&script), [(1, "signal")]);
    let step = kill(whole(job), 0, Some(StepNumber::Normal(7)));
    assert_eq!(world.refused(step), Reject::NoSuchJob(job));
    let steps_only =
        Event::Kill(Kill { caller: ANN, selection: whole(job), step: None, signal: 9, flags: 4 });
    assert_eq!(sent(&world.accepted(steps_only)), [(1, "signal"), (2, "signal")]);
    assert!(world.job(job).is_active(), "only its steps were to end");
}

#[test]
fn a_requeued_job_waits_for_its_clean_up_and_for_its_credentials() {
    let mut world = World::new();
    let job = world.running(batch(ANN));
    let back = world.requeue(ANN, job, Hold::None);
    assert_eq!(sent(&back), [(1, "terminate")]);
    assert!(!world.job(job).is_finished());
    let twice = world.requeue(ANN, job, Hold::None).answer.unwrap_err();
    assert_eq!(twice, Reject::JobPending(job));
    world.now = Timestamp(1_010);
    world.epilog(job, 1);
    let waiting = world.job(job);
    assert!(waiting.is_pending() && waiting.allocation.is_none());
    assert_eq!((waiting.restarts, waiting.begin), (1, Some(Timestamp(1_131))));
    assert_eq!(waiting.wait, WaitReason::BeginTime);

    let early = world.plan(job, None, &[1]);
    world.accepted(Event::Planned(early));
    assert!(world.job(job).is_pending(), "its credentials are still good");
    world.wait(121);
    assert_eq!(world.job(job).eligible, Some(world.now));
    world.start(job, None, &[2]);
    let stale =
        world.accepted(Event::BatchLaunched { job, restarts: 0, result: LaunchResult::NoAnswer });
    assert!(stale.changes.is_empty(), "that was the start before");
}

#[test]
fn an_ended_job_is_requeued_and_held() {
    let mut world = World::new();
    let job = world.running(batch(ANN));
    world.ends(job, 256);
    world.requeue(ANN, job, Hold::Requeued).answer.unwrap();
    let held = world.job(job);
    assert_eq!((held.priority, held.wait.clone()), (0, WaitReason::HeldUser));
    assert_eq!(held.outcome, None);

    let fixed = world.submit(with(ANN, |new| new.spec.requeue = false));
    let refused = world.requeue(ANN, fixed, Hold::None).answer.unwrap_err();
    assert_eq!(refused, Reject::NotRequeueable(fixed));
    let interactive = world.submit(with(ANN, |new| new.script = None));
    let refused = world.requeue(ANN, interactive, Hold::None).answer.unwrap_err();
    assert_eq!(refused, Reject::NotBatch(interactive));
}

#[test]
fn a_job_being_cleaned_up_goes_back_when_it_is_clean() {
    let mut world = World::new();
    let job = world.running(batch(ANN));
    world.batch_done(job, 256);
    world.requeue(ANN, job, Hold::None).answer.unwrap();
    world.epilog(job, 1);
    assert!(world.job(job).is_pending());
}

#[test]
fn exit_codes_of_the_configuration_send_a_job_back() {
    let mut world = World::with(Config {
        requeue_exit: [7].into(),
        requeue_exit_hold: [8].into(),
        ..Config::default()
    });
    let job = world.running(batch(ANN));
    world.batch_done(job, 7 << 8);
    world.epilog(job, 1);
    assert!(world.job(job).is_pending() && !world.job(job).hold.is_held());
    let held = world.running(batch(ANN));
    world.batch_done(held, 8 << 8);
    world.epilog(held, 1);
    assert_eq!(world.job(held).hold, Hold::SpecialExit);
    let text = world.job(held).state_text.as_deref();
    assert_eq!(text, Some("job requeued in special exit state"));
}

#[test]
fn time_runs_out_after_a_warning() {
    let mut world = World::new();
    let job = world.running(with(ANN, |new| {
        new.spec.time_limit_min = Some(2);
        (new.spec.warn_signal, new.spec.warn_time_s) = (10, 60);
    }));
    assert_eq!(sent(&world.wait(59)), []);
    assert_eq!(sent(&world.wait(1)), [(1, "signal")]);
    assert_eq!(sent(&world.wait(1)), [], "once");
    let up = world.wait(59);
    assert_eq!(sent(&up), [(1, "time limit")]);
    assert_eq!(world.job(job).outcome.as_ref().unwrap().exit, Exit::Timeout);
}

#[test]
fn without_a_limit_time_does_not_run_out() {
    let mut world = World::new();
    let job = world.submit(with(ROOT, |new| new.spec.time_unlimited = true));
    assert_eq!(world.job(job).time_limit_min, None, "and the partition's default is not taken");
    world.start(job, None, &[1]);
    world.launched(job);
    assert_eq!(world.job(job).ended, None);
    world.wait(10_000_000);
    assert!(world.job(job).is_active());
}

#[test]
fn a_lost_node_sends_a_job_back_or_ends_it() {
    let mut world = World::with(Config { slurmd_timeout_s: 300, ..Config::default() });
    let back = world.running(batch(ANN));
    let lost = world.submit(with(ANN, |new| new.spec.requeue = false));
    world.start(lost, None, &[1, 2]);
    world.launched(lost);
    for node in 1..4 {
        let seen = model::Seen { at: Timestamp(1_290), load: None };
        world.accepted(Event::Answered { node: NodeId(node), seen });
    }
    let seen = model::Seen { at: world.now, load: None };
    world.accepted(Event::Answered { node: NodeId(0), seen });
    world.accepted(Event::Unreachable { node: NodeId(0) });
    world.wait(301);
    assert!(world.job(back).is_pending(), "nothing of it is left anywhere");
    let ended = world.job(lost);
    assert_eq!(ended.outcome.as_ref().unwrap().exit, Exit::NodeFail);
    assert_eq!(ended.failed_node.as_deref(), Some("n1"));
    world.epilog(lost, 2);
    assert_eq!(world.job(lost).phase, Phase::Ended);
}

#[test]
fn what_is_not_answered_is_asked_for_again_and_after_a_restart() {
    let mut world = World::new();
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    assert_eq!(sent(&world.wait(60)), [(1, "other")], "asked what it runs");
    world.launched(job);
    world.batch_done(job, 0);
    assert_eq!(sent(&world.wait(60)), [(1, "terminate")]);
    let mut restarted = ctld_core::Core::new(world.cluster().clone());
    let effects = restarted.resume();
    let again = |effect: &Effect| {
        matches!(
            effect,
            Effect::ToNode { node: NodeId(0), message: ctld_core::NodeMessage::Terminate { .. } }
        )
    };
    assert!(effects.iter().any(again));
}

#[test]
fn a_plan_that_no_longer_fits_is_dropped() {
    let mut world = World::new();
    let job = world.submit(batch(ANN));
    let plan = world.plan(job, None, &[1]);
    world.kill(ANN, whole(job)).answer.unwrap();
    let turned = world.accepted(Event::Planned(plan));
    assert!(turned.changes.is_empty());
    assert_eq!(turned.effects, [Effect::Schedule], "the next plan sees the cluster as it is");
}

#[test]
fn a_job_that_must_start_at_once_or_not_at_all_ends_when_it_is_passed() {
    let mut world = World::new();
    let job = world.submit(with(ANN, |new| {
        new.script = None;
        new.spec.immediate = true;
    }));
    world.accepted(Event::ClientListens { job });
    let passed =
        model::Passed { job, wait: WaitReason::Resources, expected: None, expected_nodes: None };
    let plan = model::Plan { passed: vec![passed], complete: true, ..model::Plan::default() };
    let turned = world.accepted(Event::Planned(plan));
    assert_eq!(world.job(job).phase, Phase::Ended);
    assert!(turned.effects.iter().any(|effect| matches!(effect, Effect::TellClient { .. })));
}

#[test]
fn an_interactive_job_runs_until_its_client_is_done() {
    let mut world = World::new();
    let job = world.submit(with(ANN, |new| new.script = None));
    world.accepted(Event::ClientListens { job });
    let started = world.start(job, None, &[1]);
    assert!(started.effects.iter().any(|effect| matches!(effect, Effect::TellClient { .. })));
    let done = |caller| Event::AllocationDone { caller, job, status: 0 };
    assert_eq!(world.refused(done(BOB)), Reject::NotYoursToAlter(job));
    assert_eq!(sent(&world.accepted(done(ANN))), [(1, "terminate")]);
    assert_eq!(world.refused(done(ANN)), Reject::JobFinished(job));

    let waiting = world.submit(with(ANN, |new| new.script = None));
    world.accepted(Event::AllocationDone { caller: ANN, job: waiting, status: 256 });
    let by = ANN.uid;
    assert_eq!(world.job(waiting).outcome.as_ref().unwrap().exit, Exit::Cancelled { by });
}

#[test]
fn a_stopped_job_gets_the_time_that_it_stood_still() {
    let mut world = World::new();
    let job = world.running(batch(ANN));
    let suspend = |caller, resume| Event::Suspend { caller, selection: whole(job), resume };
    assert_eq!(world.refused(suspend(ANN, false)), Reject::AccessDenied);
    world.now = Timestamp(1_100);
    assert_eq!(sent(&world.accepted(suspend(ROOT, false))), [(1, "suspend")]);
    assert_eq!((world.job(job).priority, world.job(job).ran_before_suspend_s), (0, 100));
    assert_eq!(sent(&world.accepted(suspend(ROOT, false))), [], "it stands already");
    let usage = world.cluster().usage(world.cluster().node_named("n1").unwrap().id).clone();
    assert_eq!(
        (usage.cpus, usage.running, usage.suspended),
        (0, 0, 1),
        "others may have its cores"
    );
    assert!(usage.memory_mib > 0, "it keeps its memory");
    world.now = Timestamp(1_600);
    assert_eq!(sent(&world.accepted(suspend(ROOT, true))), [(1, "suspend")]);
    assert_eq!(world.job(job).ended, Some(Timestamp(1_000 + 1_800 + 500)));
    assert_eq!(world.refused(suspend(ROOT, true)), Reject::JobNotSuspended(job));
}

/// The script goes out with the order for the prologs, and slurmd runs it after its own; with
/// DeferBatch it waits for all of them.
#[test]
fn the_script_waits_for_the_prologs_of_all_nodes_only_if_it_is_deferred() {
    for deferred in [false, true] {
        let config = Config {
            prolog_alloc: true,
            prolog_contain: true,
            prolog_defer_batch: deferred,
            ..Config::default()
        };
        let mut world = World::with(config);
        let job = world.submit(batch(ANN));
        let started = world.start(job, None, &[1, 2]);
        let prologs = [(1, "prolog"), (2, "prolog")];
        let launch = [(1, "launch")];
        let all: Vec<_> = prologs.iter().chain(&launch).copied().collect();
        assert_eq!(sent(&started), if deferred { &prologs } else { &all[..] });
        let prolog =
            |node: &str| Event::PrologDone { caller: ROOT, job, node_name: node.into(), status: 0 };
        assert_eq!(sent(&world.accepted(prolog("n2"))), []);
        assert!(world.job(job).waits_for_prologs());
        let last = world.accepted(prolog("n1"));
        assert_eq!(sent(&last), if deferred { &launch[..] } else { &[] });
        assert!(!world.job(job).waits_for_prologs());
        world.launched(job);
        assert_eq!(world.job(job).phase, Phase::Running(Launch::Done));
    }
}

/// slurmd reports no prolog that went well then.
#[test]
fn with_no_hold_a_prolog_is_over_when_its_node_has_the_order() {
    let config = Config { prolog_alloc: true, prolog_no_hold: true, ..Config::default() };
    let mut world = World::with(config);
    let job = world.submit(batch(ANN));
    let started = world.start(job, None, &[1, 2]);
    assert_eq!(sent(&started), [(1, "prolog"), (2, "prolog"), (1, "launch")]);
    assert!(!world.job(job).waits_for_prologs());
    for node in [NodeId(0), NodeId(1)] {
        world.accepted(Event::PrologAsked { job, restarts: 0, node });
    }
    assert_eq!(world.job(job).prologs, None);
}

#[test]
fn a_failed_prolog_sends_the_job_back_held() {
    let mut world =
        World::with(Config { prolog_alloc: true, prolog_contain: true, ..Config::default() });
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    let prolog = |status| Event::PrologDone { caller: ROOT, job, node_name: "n1".into(), status };
    world.accepted(prolog(0));
    assert!(world.cluster().step(job, StepNumber::Extern).is_some());
    world.launched(job);
    let ended = Event::StepDone(StepDone {
        caller: ROOT,
        job,
        step: StepNumber::Extern,
        range: (0, 1),
        status: 0,
    });
    world.accepted(ended.clone());
    assert_eq!(world.refused(ended), Reject::NoSuchJob(job), "it has ended before");

    let unlucky = world.submit(batch(ANN));
    world.start(unlucky, None, &[3]);
    let failed =
        Event::PrologDone { caller: ROOT, job: unlucky, node_name: "n3".into(), status: 256 };
    world.accepted(failed);
    world.epilog(unlucky, 3);
    let held = world.job(unlucky);
    assert_eq!((held.hold, held.wait.clone()), (Hold::Requeued, WaitReason::HeldUser));
    assert_eq!(held.state_text.as_deref(), Some("launch failed requeued held"));
    assert!(world.cluster().node_named("n3").unwrap().flags.drain);
}

#[test]
fn a_node_that_cannot_run_a_script_is_drained_and_the_job_tries_another() {
    let mut world = World::new();
    let job = world.running(batch(ANN));
    let mut report = done_on(job, "n1", 256);
    (report.slurm_code, report.node_at_fault) = (4010, true);
    world.accepted(Event::BatchDone(report));
    assert!(world.cluster().node_named("n1").unwrap().flags.drain);
    world.epilog(job, 1);
    assert!(world.job(job).is_pending() && !world.job(job).hold.is_held());
}

/// As stock does: the number is the client's only way to know which allocation was revoked.
#[test]
fn a_job_that_no_nodes_can_run_fails_under_a_number_if_its_client_listens() {
    let mut world = World::new();
    let unfit = |port: Option<u64>| {
        with(ANN, |new| {
            new.script = None;
            new.feasible = Err(Reject::NothingFits);
            new.spec.carried.set_text(TextOption::RespHost, Some("login".into()));
            new.spec.carried.set_number(NumberOption::OtherPort, port);
        })
    };
    let turned = world.accepted(Event::Submit(Box::new(unfit(Some(7777)))));
    let Ok(Answer::Failed { job, why: Reject::NothingFits }) = turned.answer else {
        panic!("{:?}", turned.answer);
    };
    assert_eq!(
        (&world.job(job).phase, &world.job(job).wait),
        (&Phase::Ended, &WaitReason::BadConstraints)
    );
    let told =
        |effect: &Effect| matches!(effect, Effect::ToClient { client, .. } if client.port == 7777);
    assert!(turned.effects.iter().any(told), "{:?}", turned.effects);
    let refused = world.turn(Event::Submit(Box::new(unfit(None))));
    assert_eq!((refused.answer, refused.changes), (Err(Reject::NothingFits), Vec::new()));
}
