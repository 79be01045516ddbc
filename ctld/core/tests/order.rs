//! What waiting jobs wait for: holds, the clock, other jobs, a place in the queue; and how that is
//! altered.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::sync::Arc;

use ctld_core::{Event, JobEdit, PartitionUpdate, Reject};
use model::{
    Config, Dependencies, DependencyKind, Exit, Hold, JobId, Join, MemoryDefault, MemoryRequest,
    NumberOption, PartitionState, Passed, Phase, Plan, PriorityType, Timestamp, WaitReason,
};
use world::{ANN, BOB, ROOT, World, after, array, batch, condition, dependent, tasks, whole, with};

fn hold(as_owner: bool) -> JobEdit {
    JobEdit::Priority { priority: Some(0), as_owner }
}

fn release() -> JobEdit {
    JobEdit::Priority { priority: None, as_owner: false }
}

/// As in stock (24.11), which takes them out of the job's list.
#[test]
fn a_job_does_not_wait_for_partitions_that_take_no_jobs() {
    let mut world = World::new();
    world.accepted(Event::CreatePartition(Box::new(PartitionUpdate {
        caller: ROOT,
        name: "shut".into(),
        apply: Arc::new(|partition| partition.state = PartitionState::Inactive),
        nodes: None,
    })));
    let both = || vec!["shut".into(), "main".into()];
    let job = world.submit(with(ANN, |new| new.spec.partitions = both()));
    assert_eq!(world.job(job).spec.partitions, ["main".into()]);
    let alone = with(ANN, |new| new.spec.partitions = vec!["shut".into()]);
    let refused = world.refused(Event::Submit(Box::new(alone)));
    assert_eq!(refused, Reject::PartitionTakesNoJobs("shut".into()));
}

#[test]
fn a_held_job_waits_until_whoever_may_lets_it_go() {
    let mut world = World::new();
    let job = world.submit(with(ANN, |new| new.hold = Hold::User));
    assert_eq!((world.job(job).priority, world.job(job).wait.clone()), (0, WaitReason::HeldUser));
    world.update(ANN, job, release()).answer.unwrap();
    assert!(world.job(job).priority > 0 && world.job(job).wait == WaitReason::None);

    world.update(ROOT, job, hold(false)).answer.unwrap();
    assert_eq!(world.job(job).wait, WaitReason::HeldAdmin);
    let refused = world.update(ANN, job, release()).answer.unwrap_err();
    assert_eq!(refused, Reject::HeldByAdmin(job));
    let start = world.plan(job, None, &[1]);
    world.accepted(Event::Planned(start));
    assert!(world.job(job).is_pending(), "no plan starts it");

    world.update(ROOT, job, hold(true)).answer.unwrap();
    assert_eq!(world.job(job).wait, WaitReason::HeldUser, "uhold is the owner's to let go");
    world.update(ANN, job, release()).answer.unwrap();
    world.update(ANN, job, hold(true)).answer.unwrap();
    world.kill(ANN, whole(job)).answer.unwrap();
    assert_eq!(world.job(job).wait, WaitReason::HeldUser, "what it waited for can still be read");
    let job = world.submit(batch(ANN));
    let other = world.update(BOB, job, hold(false)).answer.unwrap_err();
    assert_eq!(other, Reject::NotYoursToAlter(job));
}

/// No plan looks at a held job, so none would take back what the last one expected of it.
#[test]
fn a_job_that_is_held_is_expected_nowhere() {
    let mut world = World::new();
    let job = world.submit(batch(ANN));
    let passed = Passed {
        job,
        wait: WaitReason::Resources,
        expected: Some(world.now.plus_s(60)),
        expected_nodes: Some("n1".into()),
    };
    world.accepted(Event::Planned(Plan { passed: vec![passed], ..Plan::default() }));
    assert_eq!(world.cluster().planned_nodes().len(), 1);
    world.update(ANN, job, hold(true)).answer.unwrap();
    assert_eq!((world.job(job).started, world.job(job).expected_nodes.clone()), (None, None));
    assert!(world.cluster().planned_nodes().is_empty());
}

#[test]
fn without_weights_jobs_are_equal_but_for_their_nice_values() {
    let mut world = World::with(Config::default());
    let [first, second] = [(); 2].map(|()| world.submit(batch(ANN)));
    let preferred = world.submit(with(ROOT, |new| new.spec.nice = -10));
    let priorities = |world: &World| [first, second, preferred].map(|id| world.job(id).priority);
    assert_eq!(priorities(&world), [1, 1, 10]);
    world.update(ANN, first, JobEdit::Nice(5)).answer.unwrap();
    world.update(ROOT, second, JobEdit::Nice(-3)).answer.unwrap();
    assert_eq!(priorities(&world), [1, 3, 10]);
}

#[test]
fn what_a_job_does_not_say_its_partition_and_slurm_conf_do() {
    let per_cpu = Some(MemoryDefault::PerCpu(100));
    let mut world = World::with(Config { def_memory: per_cpu, ..Config::default() });
    let job = world.submit(batch(ANN));
    assert_eq!(world.job(job).spec.memory, Some(MemoryRequest::PerCpu(100)));
    assert_eq!((world.job(job).time_limit_min, world.job(job).spec.time_min_min), (Some(30), None));
    let late = Some(Timestamp(1_000_000));
    let job = world.submit(with(ANN, |new| new.spec.deadline = late));
    assert_eq!(world.job(job).spec.time_min_min, Some(1), "any time before the deadline will do");
}

#[test]
fn priorities_are_given_by_administrators() {
    let mut world = World::new();
    let job = world.submit(batch(ANN));
    let set = |priority| JobEdit::Priority { priority: Some(priority), as_owner: false };
    let before = world.job(job).priority;
    let refused = world.update(ANN, job, set(before + 1)).answer.unwrap_err();
    assert_eq!(refused, Reject::AccessDenied);
    assert_eq!(world.update(ANN, job, set(5)).answer.unwrap_err(), Reject::PriorityNotKept);
    world.update(ROOT, job, set(77)).answer.unwrap();
    assert_eq!(world.job(job).priority, 77);
    world.update(ROOT, job, hold(false)).answer.unwrap();
    assert_eq!(world.update(ROOT, job, set(5)).answer.unwrap_err(), Reject::JobHeld(job));

    let nice = world.submit(batch(ANN));
    let before = world.job(nice).priority;
    world.update(ANN, nice, JobEdit::Nice(100)).answer.unwrap();
    assert_eq!(world.job(nice).priority, before - 100);
    assert_eq!(
        world.update(ANN, nice, JobEdit::Nice(-1)).answer.unwrap_err(),
        Reject::AccessDenied
    );
}

#[test]
fn time_limits_go_down_for_everybody_and_up_for_some() {
    let mut world = World::new();
    let job = world.submit(batch(ANN));
    let limit = |minutes| JobEdit::TimeLimit(Some(minutes));
    world.update(ANN, job, limit(600)).answer.unwrap();
    assert_eq!(world.update(ANN, job, limit(601)).answer.unwrap_err(), Reject::AccessDenied);
    assert_eq!(
        world.update(ANN, job, JobEdit::TimeLimit(None)).answer.unwrap_err(),
        Reject::AccessDenied
    );
    world.start(job, None, &[1]);
    world.launched(job);
    assert_eq!(world.update(ANN, job, limit(601)).answer.unwrap_err(), Reject::AccessDenied);
    world.update(ANN, job, limit(60)).answer.unwrap();
    assert_eq!(world.job(job).ended, Some(Timestamp(1_000 + 3_600)));
    world.update(ROOT, job, JobEdit::TimeLimit(None)).answer.unwrap();
    assert_eq!(world.job(job).ended, None);
    world.update(ANN, job, limit(20)).answer.unwrap();
    assert_eq!(world.job(job).ended, Some(Timestamp(1_000 + 1_200)));

    let at = Timestamp(1_000 + 600);
    world.update(ANN, job, JobEdit::EndTime(at)).answer.unwrap();
    assert_eq!((world.job(job).ended, world.job(job).time_limit_min), (Some(at), Some(10)));
    world.ends(job, 0);
    assert_eq!(world.update(ANN, job, limit(5)).answer.unwrap_err(), Reject::JobOver(job));
}

#[test]
fn a_begin_time_is_waited_for_and_can_be_moved() {
    let mut world = World::new();
    let job = world.submit(with(ANN, |new| new.spec.begin = Some(Timestamp(1_050))));
    assert_eq!(world.job(job).wait, WaitReason::BeginTime);
    assert!(world.core.watched().contains(&job));
    world.update(ANN, job, JobEdit::Begin(Timestamp(1_020))).answer.unwrap();
    world.wait(19);
    assert_eq!(world.job(job).eligible, None);
    world.wait(1);
    assert_eq!(
        (world.job(job).eligible, world.job(job).wait.clone()),
        (Some(Timestamp(1_020)), WaitReason::None)
    );
}

#[test]
fn a_deadline_that_passes_ends_a_waiting_job() {
    let mut world = World::new();
    let late = with(ANN, |new| new.spec.deadline = Some(Timestamp(1_100)));
    assert_eq!(world.refused(Event::Submit(Box::new(late))), Reject::DeadlineCannotBeMet);
    let job = world.submit(with(ANN, |new| {
        new.spec.deadline = Some(Timestamp(1_100));
        new.spec.time_limit_min = Some(1);
    }));
    world.wait(100);
    assert_eq!(world.job(job).outcome.as_ref().unwrap().exit, Exit::Deadline);
}

#[test]
fn a_job_runs_no_longer_than_to_its_deadline() {
    let mut world = World::new();
    let starts = |world: &mut World, limit, unlimited, left_s: i64| {
        let deadline = Some(Timestamp(world.now.0 + left_s));
        let job = world.submit(with(ANN, |new| {
            new.spec.deadline = deadline;
            new.spec.time_limit_min = limit;
            new.spec.time_unlimited = unlimited;
        }));
        world.start(job, None, &[1]);
        let (limit, ended) = (world.job(job).time_limit_min, world.job(job).ended);
        assert!(ended <= deadline, "{ended:?} {deadline:?}");
        limit
    };
    assert_eq!(starts(&mut world, None, true, 600), Some(10));
    assert_eq!(starts(&mut world, None, true, 659), Some(10));
    assert_eq!(starts(&mut world, Some(3), false, 600), Some(3));
}

#[test]
fn every_kind_of_dependency_holds_or_fails_with_what_it_waits_for() {
    use DependencyKind::{After, AfterAny, AfterCorr, AfterNotOk, AfterOk};
    // Whether it may start once the other one has started, ended well, ended badly.
    let cases = [
        (After, true, true, true),
        (AfterAny, false, true, true),
        (AfterOk, false, true, false),
        (AfterNotOk, false, false, true),
        (AfterCorr, false, true, false),
    ];
    for (kind, when_started, when_well, when_badly) in cases {
        for (status, holds) in [(0, when_well), (256, when_badly)] {
            let mut world = World::new();
            let awaited = world.submit(batch(ANN));
            let job = world.submit(dependent(ANN, after(kind, awaited)));
            assert_eq!(world.job(job).wait, WaitReason::Dependency);
            world.start(awaited, None, &[1]);
            world.launched(awaited);
            assert_eq!(world.job(job).eligible.is_some(), when_started, "{kind:?}");
            world.batch_done(awaited, status);
            assert_eq!(world.job(job).eligible.is_some(), when_started, "not while cleaning up");
            world.epilog(awaited, 1);
            assert_eq!(world.job(job).eligible.is_some(), holds, "{kind:?} {status}");
            let wait = if holds { WaitReason::None } else { WaitReason::DependencyNeverSatisfied };
            assert_eq!(world.job(job).wait, wait, "{kind:?} {status}");
        }
    }
}

#[test]
fn a_delay_counts_from_the_start() {
    let mut world = World::new();
    let awaited = world.submit(batch(ANN));
    let mut dependencies = after(DependencyKind::After, awaited);
    dependencies.conditions[0].delay_min = 5;
    let job = world.submit(dependent(ANN, dependencies));
    world.start(awaited, None, &[1]);
    assert_eq!(world.job(job).wait, WaitReason::BeginTime);
    world.wait(299);
    assert_eq!(world.job(job).eligible, None);
    world.wait(1);
    assert!(world.job(job).eligible.is_some());
}

#[test]
fn one_of_several_conditions_is_enough_where_the_text_says_so() {
    let mut world = World::new();
    let (a, b) = (world.running(batch(ANN)), world.submit(batch(ANN)));
    let conditions = vec![
        condition(DependencyKind::AfterOk, Some(a)),
        condition(DependencyKind::AfterOk, Some(b)),
    ];
    let any = world.submit(dependent(ANN, Dependencies { conditions, join: Join::Any }));
    world.ends(a, 256);
    assert_eq!(world.job(any).wait, WaitReason::Dependency, "the other may still come");
    world.start(b, None, &[1]);
    world.launched(b);
    world.ends(b, 0);
    assert_eq!(world.job(any).wait, WaitReason::None);
}

#[test]
fn a_job_that_can_never_start_ends_if_it_asked_for_that() {
    let mut world = World::new();
    let awaited = world.running(batch(ANN));
    let job = world.submit(with(ANN, |new| {
        new.spec.dependencies = after(DependencyKind::AfterOk, awaited);
        new.spec.carried.set_number(NumberOption::KillOnInvalidDependency, Some(1));
    }));
    world.ends(awaited, 256);
    assert_eq!(world.job(job).phase, Phase::Ended);
    assert_eq!(world.job(job).wait, WaitReason::DependencyNeverSatisfied);
}

#[test]
fn singletons_run_one_after_the_other() {
    let mut world = World::new();
    let singleton = || {
        let conditions = vec![condition(DependencyKind::Singleton, None)];
        dependent(ANN, Dependencies { conditions, join: Join::All })
    };
    let (first, second) = (world.submit(singleton()), world.submit(singleton()));
    assert_eq!(world.job(first).wait, WaitReason::None);
    assert_eq!(world.job(second).wait, WaitReason::Dependency);
    world.start(first, None, &[1]);
    world.launched(first);
    world.ends(first, 0);
    assert_eq!(world.job(second).wait, WaitReason::None);
}

#[test]
fn dependencies_on_nothing_on_itself_and_in_circles_are_refused() {
    let mut world = World::new();
    let unknown = dependent(ANN, after(DependencyKind::AfterOk, JobId(99)));
    assert_eq!(world.refused(Event::Submit(Box::new(unknown))), Reject::InvalidDependency);
    let forgotten = world.submit(dependent(ANN, after(DependencyKind::AfterAny, JobId(99))));
    assert_eq!(world.job(forgotten).wait, WaitReason::None, "what is gone has ended");

    let a = world.submit(batch(ANN));
    let b = world.submit(dependent(ANN, after(DependencyKind::AfterOk, a)));
    let circle = JobEdit::Dependencies(after(DependencyKind::AfterAny, b));
    assert_eq!(world.update(ANN, a, circle).answer.unwrap_err(), Reject::CircularDependency);
    let own = JobEdit::Dependencies(after(DependencyKind::AfterAny, a));
    assert_eq!(world.update(ANN, a, own).answer.unwrap_err(), Reject::CircularDependency);
    let none = JobEdit::Dependencies(Dependencies::default());
    world.update(ANN, b, none).answer.unwrap();
    assert_eq!(world.job(b).wait, WaitReason::None);
}

#[test]
fn an_array_is_waited_for_as_a_whole_and_task_by_task() {
    let mut world = World::new();
    let awaited = world.submit(array(ANN, 1..=2, 0));
    let all = world.submit(dependent(ANN, after(DependencyKind::AfterOk, awaited)));
    let mut corresponding = array(ANN, 1..=2, 0);
    corresponding.spec.dependencies = after(DependencyKind::AfterCorr, awaited);
    let corresponding = world.submit(corresponding);

    world.start(awaited, Some(2), &[1]);
    let second = world.cluster().array_task(awaited, 2).unwrap().id;
    world.launched(second);
    world.ends(second, 0);
    assert_eq!(world.job(all).wait, WaitReason::Dependency);
    let own = world.cluster().array_task(corresponding, 2).unwrap();
    assert_eq!((own.wait.clone(), own.task_index()), (WaitReason::None, Some(2)));
    assert_eq!(world.job(corresponding).wait, WaitReason::Dependency);

    world.start(awaited, Some(1), &[1]);
    world.launched(awaited);
    world.ends(awaited, 0);
    assert_eq!(world.job(all).wait, WaitReason::None);
    assert_eq!(world.job(corresponding).wait, WaitReason::None);
}

#[test]
fn a_users_jobs_change_places_among_themselves() {
    let mut world = World::with(Config {
        user_top: true,
        priority_type: PriorityType::Basic,
        ..Config::default()
    });
    let (a, b, c) = (world.submit(batch(ANN)), world.submit(batch(ANN)), world.submit(batch(ANN)));
    let other = world.submit(batch(BOB));
    let before = world.job(other).priority;
    let top = Event::Top { caller: ANN, jobs: vec![whole(c)] };
    world.accepted(top);
    let order: Vec<JobId> = world.cluster().queue().map(|job| job.id).collect();
    assert_eq!(order, [c, a, b, other]);
    assert_eq!(world.job(other).priority, before);
    let refused = world.refused(Event::Top { caller: BOB, jobs: vec![whole(a)] });
    assert_eq!(refused, Reject::NotYourJob);
}

#[test]
fn partitions_of_a_waiting_job_are_altered_if_they_are_there() {
    let mut world = World::new();
    let job = world.submit(batch(ANN));
    let unknown = JobEdit::Partitions(vec!["nosuch".into()]);
    let refused = world.update(ANN, job, unknown).answer.unwrap_err();
    assert_eq!(refused, Reject::NoSuchPartition("nosuch".into()));
    world.start(job, None, &[1]);
    let running = world.update(ANN, job, JobEdit::Partitions(vec!["main".into()]));
    assert_eq!(running.answer.unwrap_err(), Reject::JobNotPending(job));
    assert_eq!(
        world.kill(ANN, tasks(job, &[1])).answer.unwrap_err(),
        Reject::NoSuchJob(job),
        "it is no array"
    );
}
