//! A task leaves the record that it shared with the waiting ones.

use std::sync::Arc;

use model::{ArrayRole, Change, IndexSet, Job, PendingTasks};

use crate::job::submit;
use crate::reject::Reject;
use crate::turn::Turn;

/// A record for one task alone. The last task of a record keeps it; for another, the record goes on
/// without the task, under its own number, and the task gets the next one.
pub(super) fn split(turn: &mut Turn<'_>, job: &Arc<Job>, index: u32) -> Result<Arc<Job>, Reject> {
    let Some(role) = &job.array else {
        return Ok(Arc::clone(job));
    };
    let PendingTasks::Several(tasks) = &role.tasks else {
        return Ok(Arc::clone(job));
    };
    let mut rest = tasks.clone();
    if !rest.remove(index) {
        return Err(Reject::NoSuchJob(role.array_job));
    }
    let config = turn.config();
    let id = submit::next_id(turn, &config)?;
    let role = ArrayRole { tasks: PendingTasks::One(index), ..role.clone() };
    let task = Arc::new(Job { id, array: Some(role), ..Job::clone(job) });
    keep(turn, job, rest);
    turn.record(Change::Job(Arc::clone(&task)));
    Ok(task)
}

/// Tasks leave a record that stands for more than these, and are no longer there.
pub(super) fn leave(turn: &mut Turn<'_>, job: &Arc<Job>, indexes: &[u32]) {
    let tasks = job.array.as_ref().map(|role| &role.tasks);
    if let Some(PendingTasks::Several(tasks)) = tasks {
        let mut rest = tasks.clone();
        for index in indexes {
            rest.remove(*index);
        }
        keep(turn, job, rest);
    }
}

/// The record stands for these tasks from now on.
fn keep(turn: &mut Turn<'_>, job: &Arc<Job>, rest: IndexSet) {
    let rest = match (rest.len(), rest.first()) {
        (1, Some(only)) => PendingTasks::One(only),
        _ => PendingTasks::Several(rest),
    };
    turn.edit_job(job, |job| {
        if let Some(role) = &mut job.array {
            role.tasks = rest;
        }
    });
}
