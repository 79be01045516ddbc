//! Which records a request means: a job, an array, some tasks of one.

use std::sync::Arc;

use model::{IndexSet, Job, JobId};

use crate::event::{Answer, JobPart, JobSelection, TaskResult};
use crate::job::array;
use crate::reject::Reject;
use crate::turn::Turn;

/// The records that a selection names. An array's number names all of its records.
pub(super) fn records(turn: &Turn<'_>, selection: &JobSelection) -> Result<Vec<Arc<Job>>, Reject> {
    let records: Vec<Arc<Job>> = match &selection.part {
        JobPart::Whole => {
            let job = turn.cluster().job(selection.job);
            match job {
                // So does a component's; that of the leader means all.
                Some(job) if job.het.as_ref().is_some_and(|role| !role.is_leader()) => {
                    vec![Arc::clone(job)]
                }
                Some(job) if job.het.is_some() => turn.cluster().components(job).cloned().collect(),
                // The number of a split task means that task alone; the array's own, all of it.
                Some(job) if job.array_job() != job.id => vec![Arc::clone(job)],
                _ => turn.cluster().array_records(selection.job).cloned().collect(),
            }
        }
        JobPart::Component(offset) => component(turn, selection.job, *offset).into_iter().collect(),
        JobPart::Tasks(tasks) => turn
            .cluster()
            .array_records(selection.job)
            .filter(|job| match &job.array {
                Some(role) => tasks.iter().any(|index| role.has(index)),
                None => false,
            })
            .cloned()
            .collect(),
    };
    if records.is_empty() { Err(Reject::NoSuchJob(selection.job)) } else { Ok(records) }
}

/// A component by the number of the leader; a job's own number goes with its own place too.
fn component(turn: &Turn<'_>, id: JobId, offset: u32) -> Option<Arc<Job>> {
    let job = turn.cluster().job(id)?;
    let own = job.het.as_ref().map_or(0, |role| role.offset());
    if own == offset { Some(job) } else { turn.cluster().component(id, offset) }.cloned()
}

/// Does something to each record of a selection, tasks split off where only some are meant; `check`
/// refuses before anything is done.
///
/// If all are refused alike, that is the answer; if all are done, so is the request; otherwise each
/// record has its own, and so has a task that the array does not have.
pub(super) fn each(
    turn: &mut Turn<'_>,
    selection: &JobSelection,
    records: &[Arc<Job>],
    act: impl FnMut(&mut Turn<'_>, &Arc<Job>),
    check: impl Fn(&Turn<'_>, &Arc<Job>) -> Result<(), Reject>,
) -> Result<Answer, Reject> {
    each_or_gone(turn, selection, records, act, check, |_, _| false)
}

/// The same, where tasks of some records (`goes`) leave no record of their own behind when they are
/// meant without the rest of it: they are just no longer there.
pub(super) fn each_or_gone(
    turn: &mut Turn<'_>,
    selection: &JobSelection,
    records: &[Arc<Job>],
    mut act: impl FnMut(&mut Turn<'_>, &Arc<Job>),
    check: impl Fn(&Turn<'_>, &Arc<Job>) -> Result<(), Reject>,
    goes: impl Fn(&Turn<'_>, &Arc<Job>) -> bool,
) -> Result<Answer, Reject> {
    let verdicts: Vec<Result<(), Reject>> =
        records.iter().map(|record| check(turn, record)).collect();
    if let Some(Err(first)) = verdicts.first()
        && verdicts.iter().all(|verdict| verdict.is_err())
        && (verdicts.len() == 1 || verdicts.iter().all(|verdict| verdict.as_ref() == Err(first)))
    {
        return Err(first.clone());
    }
    let mut results = missing(selection, records);
    for (record, verdict) in records.iter().zip(verdicts) {
        let tasks = tasks_of(record, selection);
        let goes = goes(turn, record);
        let result = verdict.and_then(|()| on_record(turn, selection, record, goes, &mut act));
        results.push(TaskResult { array_job: record.array_job(), tasks, result });
    }
    if results.iter().all(|result| result.result.is_ok()) {
        return Ok(Answer::Done);
    }
    Ok(Answer::Tasks(results))
}

/// The tasks that were asked for and that no record stands for.
fn missing(selection: &JobSelection, records: &[Arc<Job>]) -> Vec<TaskResult> {
    let has = |index: u32| {
        let roles = records.iter().filter_map(|record| record.array.as_ref());
        roles.into_iter().any(|role| role.has(index))
    };
    let tasks: IndexSet = match selection.tasks() {
        Some(tasks) => tasks.iter().filter(|index| !has(*index)).collect(),
        None => IndexSet::default(),
    };
    if tasks.is_empty() {
        return Vec::new();
    }
    let result = Err(Reject::NoSuchJob(selection.job));
    vec![TaskResult { array_job: selection.job, tasks, result }]
}

fn on_record(
    turn: &mut Turn<'_>,
    selection: &JobSelection,
    record: &Arc<Job>,
    goes: bool,
    act: &mut impl FnMut(&mut Turn<'_>, &Arc<Job>),
) -> Result<(), Reject> {
    let meant: Vec<u32> = match (&record.array, selection.tasks()) {
        (Some(role), Some(wanted)) => wanted.iter().filter(|index| role.has(*index)).collect(),
        _ => Vec::new(),
    };
    let whole = record.array.as_ref().is_none_or(|role| role.len() as usize == meant.len());
    if selection.tasks().is_none() || whole {
        // What was done to other records may have come to this one too: a dependency on them.
        if let Some(record) = turn.cluster().job(record.id).cloned() {
            act(turn, &record);
        }
        return Ok(());
    }
    if goes {
        array::leave(turn, record, &meant);
        return Ok(());
    }
    let mut record: JobId = record.id;
    for index in meant {
        let Some(whole) = turn.cluster().job(record).cloned() else {
            break;
        };
        let task = array::split(turn, &whole, index)?;
        act(turn, &task);
        record = whole.id;
    }
    Ok(())
}

fn tasks_of(record: &Job, selection: &JobSelection) -> IndexSet {
    let wanted = |index: &u32| selection.tasks().is_none_or(|tasks| tasks.contains(*index));
    match &record.array {
        None => IndexSet::default(),
        Some(role) => match &role.tasks {
            model::PendingTasks::One(index) => [*index].into_iter().collect(),
            model::PendingTasks::Several(set) => set.iter().filter(wanted).collect(),
        },
    }
}
