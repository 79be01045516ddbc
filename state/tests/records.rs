//! Any change is loaded as it was committed.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, helpers and all")]

mod model;

use std::sync::Arc;

use ::model::{Change, Counters, Job, JobId, NodeId, PendingTasks, Seen, StepNumber, Timestamp};
use proptest::prelude::*;
use state::{Memory, Store};

use crate::model::Draw;

fn loaded(store: &impl Store) -> Vec<Change> {
    let mut changes = Vec::new();
    store.load(&mut |change| changes.push(change)).unwrap();
    changes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_change_is_loaded_as_it_was_committed(
        bytes in prop::collection::vec(any::<u8>(), 0..900),
    ) {
        let change = Draw::new(bytes).change();
        let store = Memory::new();
        store.commit(std::slice::from_ref(&change)).unwrap();
        if let Change::Script(job, script) = &change {
            let found = store.script(*job).unwrap();
            prop_assert_eq!(found.as_ref(), Some(&**script));
        } else {
            prop_assert_eq!(loaded(&store), [change]);
        }
    }
}

fn job(bytes: &[u8]) -> Job {
    Draw::new(bytes.to_vec()).job()
}

#[test]
fn what_is_gone_is_not_loaded_and_what_is_not_kept_neither() {
    let store = Memory::new();
    let step = (JobId(0), StepNumber::Normal(0));
    let seen = Seen { at: Timestamp(1), load: None };
    store
        .commit(&[
            Change::Job(Arc::new(job(&[]))),
            Change::Step(Arc::new(::model::Step {
                job: step.0,
                number: step.1,
                name: "batch".into(),
                nodes: vec![NodeId(1)],
                node_list: "n1".into(),
                tasks: 1,
                cpus: 1,
                started: Timestamp(5),
                protocol: 0,
                launch: None,
            })),
            Change::Counters(Counters {
                next_job: 2,
                next_priority: 3,
                last_trigger: 0,
                last_reservation: 0,
            }),
            Change::Seen(NodeId(1), seen),
            Change::Config(Arc::default()),
        ])
        .unwrap();
    assert_eq!(loaded(&store).len(), 3);
    store.commit(&[Change::JobGone(JobId(0)), Change::StepGone(step.0, step.1)]).unwrap();
    let left = Change::Counters(Counters {
        next_job: 2,
        next_priority: 3,
        last_trigger: 0,
        last_reservation: 0,
    });
    assert_eq!(loaded(&store), [left]);
}

#[test]
fn equal_specs_of_an_array_are_one() {
    let mut task = job(&[0, 1, 1, 1, 9]);
    let role = task.array.clone().unwrap();
    let store = Memory::new();
    let mut tasks = Vec::new();
    for index in 0..5 {
        task.id = JobId(index);
        task.array = Some(::model::ArrayRole { tasks: PendingTasks::One(index), ..role.clone() });
        if index == 4 {
            Arc::make_mut(&mut task.spec).nice = 7;
        }
        tasks.push(Change::Job(Arc::new(task.clone())));
    }
    store.commit(&tasks).unwrap();
    let mut specs = Vec::new();
    let report = store
        .load(&mut |change| {
            if let Change::Job(job) = change {
                specs.push(Arc::clone(&job.spec));
            }
        })
        .unwrap();
    assert!(Arc::ptr_eq(&specs[0], &specs[3]));
    assert_eq!(specs[4].nice, 7);
    assert_eq!((report.jobs, report.shared_specs), (5, 3));
}
