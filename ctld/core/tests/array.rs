//! Job arrays: tasks leave the record that they share, and are treated apart.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ctld_core::{Answer, Event, JobEdit, Kill, Reject};
use model::{
    Change, Config, DependencyKind, Exit, Hold, IndexSet, JobId, PendingTasks, Phase, WaitReason,
};
use world::{ANN, ROOT, World, array, tasks, whole};

fn set(of: &[u32]) -> IndexSet {
    of.iter().copied().collect()
}

#[test]
fn tasks_split_off_as_they_start_and_the_last_keeps_the_number() {
    let mut world = World::new();
    let job = world.submit(array(ANN, 1..=3, 0));
    assert_eq!(world.cluster().job_count(), 3);
    world.start(job, Some(1), &[1]);
    let first = world.cluster().array_task(job, 1).unwrap().clone();
    assert_ne!(first.id, job);
    assert_eq!((first.array_job(), first.task_index()), (job, Some(1)));
    let role = world.job(job).array.clone().unwrap();
    assert_eq!((role.tasks, role.size), (PendingTasks::Several(set(&[2, 3])), 3));
    world.start(job, Some(2), &[2]);
    world.start(job, Some(3), &[3]);
    assert_eq!(world.job(job).task_index(), Some(3), "the last one keeps the array's number");
    assert_eq!(world.cluster().array_records(job).count(), 3);
    assert_eq!(world.cluster().job_count(), 3);
}

#[test]
fn no_more_tasks_run_than_the_limit_lets() {
    let mut world = World::new();
    let job = world.submit(array(ANN, 1..=4, 1));
    world.start(job, Some(1), &[1]);
    let second = world.plan(job, Some(2), &[2]);
    world.accepted(Event::Planned(second));
    assert!(world.cluster().array_task(job, 2).unwrap().is_pending());
    world.update(ANN, job, JobEdit::ArrayThrottle(2)).answer.unwrap();
    let first = world.cluster().array_task(job, 1).unwrap();
    assert_eq!(first.array.as_ref().unwrap().running_max, 2, "all records know of it");
    world.start(job, Some(2), &[2]);
    assert!(world.cluster().array_task(job, 2).unwrap().is_active());
}

#[test]
fn tasks_that_are_cancelled_before_they_start_leave_no_record() {
    let mut world = World::new();
    let job = world.submit(array(ANN, 1..=4, 0));
    world.kill(ANN, tasks(job, &[2, 3])).answer.unwrap();
    assert_eq!(world.job(job).array.as_ref().unwrap().tasks, PendingTasks::Several(set(&[1, 4])));
    assert!(world.cluster().array_task(job, 2).is_none());
    let next = world.submit(array(ANN, 1..=1, 0));
    assert_eq!(next.0, job.0 + 1, "they took no number");
}

#[test]
fn some_tasks_are_cancelled_and_the_others_go_on() {
    let mut world = World::new();
    let job = world.submit(array(ANN, 1..=4, 0));
    // Somebody waits for one of them, and learns what has become of it.
    world.submit(world::with(ANN, |new| {
        new.spec.dependencies = world::after(DependencyKind::AfterOk, job);
    }));
    world.kill(ANN, tasks(job, &[2, 3])).answer.unwrap();
    assert_eq!(world.job(job).array.as_ref().unwrap().tasks, PendingTasks::Several(set(&[1, 4])));
    for task in [2, 3] {
        let record = world.cluster().array_task(job, task).unwrap();
        let exit = record.outcome.as_ref().unwrap().exit;
        assert_eq!((record.phase.clone(), exit), (Phase::Ended, Exit::Cancelled { by: ANN.uid }));
    }
    let mixed = world.kill(ANN, tasks(job, &[1, 2, 9])).answer.unwrap();
    let Answer::Tasks(results) = mixed else { panic!("{mixed:?}") };
    let of = |task: u32| results.iter().find(|r| r.tasks.contains(task)).unwrap().result.clone();
    assert_eq!(of(1), Ok(()));
    assert!(matches!(of(2), Err(Reject::JobFinished(_))));
    assert_eq!(of(9), Err(Reject::NoSuchJob(job)));
}

#[test]
fn a_whole_array_is_cancelled_with_what_is_left_of_it() {
    let mut world = World::new();
    let job = world.submit(array(ANN, 1..=3, 0));
    world.start(job, Some(1), &[1]);
    let first = world.cluster().array_task(job, 1).unwrap().id;
    world.launched(first);
    world.ends(first, 0);
    world.start(job, Some(2), &[1]);
    assert_eq!(world.kill(ANN, whole(job)).answer, Ok(Answer::Done));
    assert!(world.cluster().array_records(job).all(|record| record.is_finished()));
    let again = world.kill(ANN, whole(job)).answer;
    assert!(matches!(again, Err(Reject::JobFinished(_))) || matches!(again, Ok(Answer::Tasks(_))));
}

#[test]
fn the_number_of_an_array_means_one_record_if_the_request_says_so() {
    let mut world = World::new();
    let job = world.submit(array(ANN, 1..=2, 0));
    world.start(job, Some(1), &[1]);
    let alone = Kill { caller: ANN, selection: whole(job), step: None, signal: 9, flags: 2 };
    world.accepted(Event::Kill(alone));
    assert!(world.job(job).is_finished());
    assert!(world.cluster().array_task(job, 1).unwrap().is_active());
}

#[test]
fn held_and_released_by_task() {
    let mut world = World::new();
    let job = world.submit(array(ANN, 1..=3, 0));
    let edits = vec![JobEdit::Priority { priority: Some(0), as_owner: false }];
    let update = ctld_core::UpdateJob { caller: ROOT, selection: tasks(job, &[2]), edits };
    world.accepted(Event::UpdateJob(Box::new(update)));
    let held = world.cluster().array_task(job, 2).unwrap();
    assert_eq!((held.hold, held.wait.clone()), (Hold::Admin, WaitReason::HeldAdmin));
    assert!(!world.job(job).hold.is_held());
}

#[test]
fn the_number_of_a_split_task_means_that_task() {
    let mut world = World::new();
    let job = world.submit(array(ANN, 1..=3, 0));
    world.start(job, Some(1), &[1]);
    let first = world.cluster().array_task(job, 1).unwrap().id;
    world.kill(ANN, whole(first)).answer.unwrap();
    assert!(world.job(job).is_pending());
}

#[test]
fn a_requeued_task_waits_by_itself() {
    let mut world = World::new();
    let job = world.submit(array(ANN, 1..=2, 0));
    world.start(job, Some(1), &[1]);
    let first = world.cluster().array_task(job, 1).unwrap().id;
    world.launched(first);
    world.requeue(ANN, first, Hold::None).answer.unwrap();
    world.epilog(first, 1);
    assert!(world.job(first).is_pending());
    assert_eq!(world.job(first).task_index(), Some(1));
}

#[test]
fn arrays_are_bounded_and_count_as_their_tasks() {
    let config = Config { max_array_size: 11, max_job_count: 10, ..Config::default() };
    let mut world = World::with(config);
    let high = world.refused(Event::Submit(Box::new(array(ANN, [11], 0))));
    assert_eq!(high, Reject::InvalidArray);
    let many = world.refused(Event::Submit(Box::new(array(ANN, 0..11, 0))));
    assert_eq!(many, Reject::TooManyJobs { max: 10 });
    world.submit(array(ANN, 0..10, 0));
    let full = world.refused(Event::Submit(Box::new(array(ANN, [1], 0))));
    assert_eq!(full, Reject::TooManyJobs { max: 10 });
}

#[test]
fn the_first_record_stays_as_long_as_another_of_the_array() {
    let mut world = World::new();
    let job = world.submit(array(ANN, 1..=2, 0));
    world.start(job, Some(1), &[2]);
    world.kill(ANN, tasks(job, &[2])).answer.unwrap();
    world.wait(400);
    assert!(world.cluster().job(job).is_some(), "its script is the running task's too");
    let first = world.cluster().array_task(job, 1).unwrap().id;
    world.kill(ANN, whole(first)).answer.unwrap();
    world.epilog(first, 2);
    let mut gone: Vec<JobId> = Vec::new();
    for _ in 0..3 {
        for change in world.wait(400).changes {
            if let Change::JobGone(id) = change {
                gone.push(id);
            }
        }
    }
    gone.sort_unstable();
    assert_eq!(gone, [job, first]);
}
