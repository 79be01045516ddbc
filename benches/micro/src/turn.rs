//! Turns of the core, and publication of what they leave.

use ctld_core::{BatchDone, Caller, Event, LaunchResult};
use model::{Gid, Uid};

use crate::clusters::{core, starts, submissions, submit as submitted, turn};
use crate::measured;

const NODES: u32 = 500;
const WAITING: u32 = 4_000;
const TURNS: u32 = 100;
const ROOT: Caller = Caller { uid: Uid(0), gid: Gid(0) };

pub(crate) fn submit() {
    let mut core = core(NODES);
    submitted(&mut core, WAITING);
    let events = submissions(TURNS);
    measured(|| {
        for event in events {
            turn(&mut core, event);
        }
    });
}

pub(crate) fn start() {
    let mut core = core(NODES);
    let jobs = submitted(&mut core, WAITING);
    let plan = starts(&jobs[..TURNS as usize]);
    let turned = measured(|| turn(&mut core, Event::Planned(plan)));
    assert_eq!(core.cluster().active().count(), TURNS as usize);
    assert!(!turned.effects.is_empty());
}

pub(crate) fn end() {
    let mut core = core(NODES);
    let jobs = submitted(&mut core, WAITING);
    let jobs = &jobs[..TURNS as usize];
    turn(&mut core, Event::Planned(starts(jobs)));
    for &job in jobs {
        let result = LaunchResult::Delivered;
        turn(&mut core, Event::BatchLaunched { job, restarts: 0, result });
    }
    let mut events = Vec::new();
    for (number, &job) in jobs.iter().enumerate() {
        let node_name: std::sync::Arc<str> = format!("n{}", number / 64).into();
        events.push(Event::BatchDone(BatchDone {
            caller: ROOT,
            job,
            node_name: std::sync::Arc::clone(&node_name),
            status: 0,
            slurm_code: 0,
            node_at_fault: false,
        }));
        events.push(Event::EpilogDone { caller: ROOT, job, node_name, status: 0 });
    }
    measured(|| {
        for event in events {
            turn(&mut core, event);
        }
    });
    assert_eq!(core.cluster().active().count() + core.cluster().completing().count(), 0);
}

pub(crate) fn publish() {
    let mut core = core(NODES);
    submitted(&mut core, WAITING);
    let events = submissions(TURNS);
    let changes: Vec<_> =
        events.into_iter().flat_map(|event| turn(&mut core, event).changes).collect();
    let mut cluster = core.cluster().clone();
    let mut published = cluster.clone();
    measured(|| {
        for change in &changes {
            cluster.apply(change);
            published = cluster.clone();
        }
    });
    assert_eq!(published.job_records(), core.cluster().job_records());
}
