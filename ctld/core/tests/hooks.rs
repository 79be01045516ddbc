//! Programs of the controller's host around a job, and mail about it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ctld_core::{ClientMessage, Effect, Event, Hook, HookResult, Kill, MailEvent, Reject, Turned};
use model::{
    Config, Exit, Hold, JobId, NumberOption, Phase, PriorityType, StepClient, TextOption,
    WaitReason,
};
use world::{ANN, ROOT, World, array, batch, sent, whole, with};

fn hooked(prolog: bool, epilog: bool) -> World {
    World::with(Config {
        cred_expire_s: 120,
        slurmd_timeout_s: 0,
        priority_type: PriorityType::Basic,
        prolog_slurmctld: prolog,
        epilog_slurmctld: epilog,
        ..Config::default()
    })
}

fn hooks(effects: &[Effect]) -> Vec<(JobId, Hook)> {
    let hook = |effect: &Effect| match effect {
        Effect::RunHook { job, hook } => Some((job.id, *hook)),
        _ => None,
    };
    effects.iter().filter_map(hook).collect()
}

fn hook_done(world: &mut World, job: JobId, hook: Hook, result: HookResult) -> Turned {
    let restarts = world.job(job).restarts;
    world.accepted(Event::HookDone { job, restarts, hook, result })
}

#[test]
fn nodes_hear_of_a_job_when_its_prolog_is_done() {
    let mut world = hooked(true, false);
    let job = world.submit(batch(ANN));
    let started = world.start(job, None, &[1]);
    assert_eq!((sent(&started), hooks(&started.effects)), (vec![], vec![(job, Hook::Prolog)]));
    assert_eq!(hooks(&world.core.resume()), [(job, Hook::Prolog)], "asked for after a restart");
    let stale = Event::HookDone { job, restarts: 7, hook: Hook::Prolog, result: HookResult::Done };
    assert!(world.accepted(stale).changes.is_empty(), "of another start");
    let done = hook_done(&mut world, job, Hook::Prolog, HookResult::Done);
    assert_eq!(sent(&done), [(1, "launch")]);
    let repeat = hook_done(&mut world, job, Hook::Prolog, HookResult::Failed);
    assert!(repeat.changes.is_empty(), "it is done");
}

#[test]
fn the_prologs_of_nodes_come_after_that_of_the_controller() {
    let config = Config { prolog_alloc: true, prolog_slurmctld: true, ..Config::default() };
    let mut world = World::with(config);
    let job = world.submit(batch(ANN));
    assert_eq!(sent(&world.start(job, None, &[1, 2])), []);
    let done = hook_done(&mut world, job, Hook::Prolog, HookResult::Done);
    assert_eq!(sent(&done), [(1, "prolog"), (2, "prolog"), (1, "launch")]);
}

#[test]
fn a_failed_prolog_of_a_node_sends_every_batch_job_back_if_that_is_forced() {
    for (forced, phase) in [(true, Phase::Pending), (false, Phase::Ended)] {
        let mut world = World::with(Config {
            prolog_alloc: true,
            requeue_on_prolog_fail: forced,
            ..Config::default()
        });
        let job = world.submit(with(ANN, |new| new.spec.requeue = false));
        world.start(job, None, &[1]);
        let node_name = "n1".into();
        world.accepted(Event::PrologDone { caller: ROOT, job, node_name, status: 1 });
        world.epilog(job, 1);
        assert_eq!(world.job(job).phase, phase, "{forced}");
    }
}

#[test]
fn a_failed_prolog_sends_a_batch_job_back_and_kills_another() {
    let mut world = hooked(true, false);
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    let failed = hook_done(&mut world, job, Hook::Prolog, HookResult::Failed);
    assert_eq!(sent(&failed), [], "its nodes have heard nothing of it");
    let back = world.job(job);
    assert_eq!((back.phase.clone(), back.restarts, back.hold), (Phase::Pending, 1, Hold::None));
    assert_eq!(back.wait, WaitReason::BeginTime);

    let interactive = with(ANN, |new| {
        new.script = None;
        new.spec.carried.set_text(TextOption::RespHost, Some("login".into()));
        new.spec.carried.set_number(NumberOption::OtherPort, Some(4000));
    });
    let job = world.submit(interactive);
    world.start(job, None, &[1]);
    let failed = hook_done(&mut world, job, Hook::Prolog, HookResult::Failed);
    let text = "PrologSlurmctld failed, job killed";
    let told = Effect::ToClient {
        client: StepClient { host: "login".into(), port: 4000, pid: 0 },
        protocol: 0x2a00,
        message: ClientMessage::Said { job, text: text.into() },
    };
    assert!(failed.effects.contains(&told), "{:?}", failed.effects);
    assert_eq!(world.job(job).phase, Phase::Ended);
    let exit = world.job(job).outcome.as_ref().unwrap().exit;
    assert_eq!(exit, Exit::Cancelled { by: ROOT.uid });
}

#[test]
fn a_job_that_is_cancelled_while_its_prolog_runs_is_over_at_once() {
    let mut world = hooked(true, true);
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    let killed = world.kill(ANN, whole(job));
    assert!(killed.effects.contains(&Effect::StopHook { job, hook: Hook::Prolog }));
    assert_eq!((sent(&killed), hooks(&killed.effects)), (vec![], vec![(job, Hook::Epilog)]));
    assert_eq!(world.cluster().usage(model::NodeId(0)).cpus, 0, "its nodes are free");
    let late = hook_done(&mut world, job, Hook::Prolog, HookResult::Done);
    assert!(late.changes.is_empty());
    hook_done(&mut world, job, Hook::Epilog, HookResult::Done);
    assert_eq!(world.job(job).phase, Phase::Ended);
}

#[test]
fn a_signal_for_a_job_whose_nodes_run_prologs_does_not_end_it() {
    let mut world = World::with(Config { prolog_alloc: true, ..Config::default() });
    let job = world.submit(batch(ANN));
    world.start(job, None, &[1]);
    let signal = || {
        Event::Kill(Kill { caller: ANN, selection: whole(job), step: None, signal: 10, flags: 0 })
    };
    assert_eq!(world.refused(signal()), Reject::NotSignalable(job), "asked again later");
    world.launched(job);
    assert_eq!(world.refused(signal()), Reject::NotSignalable(job), "the script waits there");
    assert!(world.job(job).is_active());
    world.accepted(Event::PrologDone { caller: ROOT, job, node_name: "n1".into(), status: 0 });
    assert_eq!(sent(&world.accepted(signal())), [(1, "signal")]);
}

#[test]
fn a_job_is_over_when_its_nodes_and_the_controllers_epilog_are_done() {
    for epilog_first in [false, true] {
        let mut world = hooked(false, true);
        let job = world.running(batch(ANN));
        let done = world.batch_done(job, 0);
        assert_eq!(hooks(&done.effects), [(job, Hook::Epilog)]);
        assert_eq!(hooks(&world.core.resume()), [(job, Hook::Epilog)]);
        if epilog_first {
            hook_done(&mut world, job, Hook::Epilog, HookResult::Failed);
        } else {
            world.epilog(job, 1);
            assert_eq!(world.cluster().usage(model::NodeId(0)).cpus, 0, "its node is free");
        }
        assert!(matches!(world.job(job).phase, Phase::Completing(_)));
        if epilog_first {
            world.epilog(job, 1);
        } else {
            hook_done(&mut world, job, Hook::Epilog, HookResult::Done);
        }
        assert_eq!(world.job(job).phase, Phase::Ended);
    }
}

fn mails(turned: &Turned) -> Vec<(JobId, MailEvent)> {
    let mail = |effect: &Effect| match effect {
        Effect::Mail { job, event } => Some((job.id, *event)),
        _ => None,
    };
    turned.effects.iter().filter_map(mail).collect()
}

fn mailing(types: u64) -> ctld_core::NewJob {
    with(ANN, |new| new.spec.carried.set_number(NumberOption::MailType, Some(types)))
}

const BEGIN: u64 = 1;
const END: u64 = 2;
const FAIL: u64 = 4;
const REQUEUE: u64 = 8;
const TIMES: u64 = 0xf0;

#[test]
fn mail_is_sent_for_what_was_asked_for() {
    let all = BEGIN | END | FAIL | REQUEUE;
    for (types, status, began, ended) in [
        (0, 0, vec![], vec![]),
        (all, 0, vec![MailEvent::Began], vec![MailEvent::Ended]),
        (all, 256, vec![MailEvent::Began], vec![MailEvent::Failed]),
        (END, 256, vec![], vec![MailEvent::Ended]),
        (FAIL, 0, vec![], vec![]),
    ] {
        let mut world = World::new();
        let job = world.submit(mailing(types));
        let about = |events: Vec<MailEvent>| -> Vec<_> {
            events.into_iter().map(|event| (job, event)).collect()
        };
        assert_eq!(mails(&world.start(job, None, &[1])), about(began));
        world.launched(job);
        assert_eq!(mails(&world.batch_done(job, status)), about(ended));
    }
    let mut world = World::new();
    let job = world.running(mailing(all));
    let requeued = world.requeue(ANN, job, Hold::None);
    assert_eq!(mails(&requeued), [(job, MailEvent::Requeued)]);
    let ended = |effect: &Effect| matches!(effect, Effect::Mail { job, .. } if job.ended.is_some());
    assert!(requeued.effects.iter().any(ended), "its run time can be told");
}

#[test]
fn of_an_array_the_first_start_and_the_last_end_are_told() {
    let mut world = World::new();
    let mut new = array(ANN, [0, 1], 0);
    new.spec.carried.set_number(NumberOption::MailType, Some(BEGIN | END | FAIL));
    let id = world.submit(new);
    let first = world.start(id, Some(0), &[1]);
    let one = world.cluster().array_task(id, 0).unwrap().id;
    assert_eq!(mails(&first), [(one, MailEvent::Began)]);
    world.launched(one);
    assert_eq!(mails(&world.start(id, Some(1), &[1])), []);
    let two = world.cluster().array_task(id, 1).unwrap().id;
    world.launched(two);
    assert_eq!(mails(&world.batch_done(one, 256)), []);
    assert_eq!(mails(&world.batch_done(two, 0)), [(id, MailEvent::Failed)], "one of them failed");
}

#[test]
fn each_mark_of_the_time_limit_is_told_once() {
    let mut world = World::new();
    let mut new = mailing(TIMES);
    new.spec.time_limit_min = Some(10);
    let job = world.running(new);
    let mark = |percent| (job, MailEvent::TimePassed { percent });
    assert_eq!(mails(&world.wait(299)), []);
    assert_eq!(mails(&world.wait(1)), [mark(50)]);
    assert_eq!(mails(&world.wait(1)), []);
    assert_eq!(mails(&world.wait(250)), [mark(90), mark(80)], "a controller that was away");
    assert_eq!(mails(&world.wait(49)), [mark(100)]);
    assert!(matches!(world.job(job).phase, Phase::Completing(_)));
}
