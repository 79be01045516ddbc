//! What mail a job is to cause: `--mail-type` meets what happens.

use std::sync::Arc;

use model::{Exit, Job, NumberOption, Outcome, Phase};

use crate::effect::{Effect, MailEvent};
use crate::turn::Turn;

/// `--mail-type` as bits (`MAIL_*` of slurm.h).
mod wanted {
    pub(super) const BEGIN: u64 = 1 << 0;
    pub(super) const END: u64 = 1 << 1;
    pub(super) const FAIL: u64 = 1 << 2;
    pub(super) const REQUEUE: u64 = 1 << 3;
    pub(super) const TIME_100: u64 = 1 << 4;
    pub(super) const TIME_90: u64 = 1 << 5;
    pub(super) const TIME_80: u64 = 1 << 6;
    pub(super) const TIME_50: u64 = 1 << 7;
    pub(super) const ARRAY_TASKS: u64 = 1 << 9;
    pub(super) const INVALID_DEPEND: u64 = 1 << 10;
}

/// The marks of a time limit that mail may be asked for, the last first: percent and bit.
const MARKS: [(u8, u64); 4] =
    [(100, wanted::TIME_100), (90, wanted::TIME_90), (80, wanted::TIME_80), (50, wanted::TIME_50)];

fn wants(job: &Job, bits: u64) -> bool {
    job.spec.carried.number(NumberOption::MailType).unwrap_or(0) & bits != 0
}

/// Of a heterogeneous job only the leader is told of.
fn send(turn: &mut Turn<'_>, job: &Arc<Job>, event: MailEvent) {
    if job.het.as_ref().is_some_and(|role| role.offset() != 0) {
        return;
    }
    turn.emit(Effect::Mail { job: Arc::clone(job), event });
}

/// Whether mail about an array is about the array as a whole.
pub fn is_of_array(job: &Job) -> bool {
    job.array.is_some() && !wants(job, wanted::ARRAY_TASKS)
}

/// A job has its nodes. Of an array only the first task counts, unless each was asked for.
pub(crate) fn began(turn: &mut Turn<'_>, job: &Arc<Job>) {
    if !wants(job, wanted::BEGIN) {
        return;
    }
    let begun = |other: &Arc<Job>| other.id != job.id && !other.is_pending();
    if !is_of_array(job) || !turn.cluster().array_records(job.array_job()).any(begun) {
        send(turn, job, MailEvent::Began);
    }
}

/// A job has ended; its outcome is known. Of an array the last task counts, for all of them.
pub(crate) fn ended(turn: &mut Turn<'_>, job: &Arc<Job>) {
    if !wants(job, wanted::END | wanted::FAIL | wanted::REQUEUE) {
        return;
    }
    if is_of_array(job) {
        return array_ended(turn, job);
    }
    let failed = job.outcome.as_ref().is_some_and(|outcome| outcome.exit.is_failure());
    if failed && wants(job, wanted::FAIL) {
        send(turn, job, MailEvent::Failed);
    } else if wants(job, wanted::END) {
        send(turn, job, MailEvent::Ended);
    }
}

fn array_ended(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let records: Vec<_> = turn.cluster().array_records(job.array_job()).cloned().collect();
    if !records.iter().all(|job| job.is_finished()) {
        return;
    }
    let status = |job: &Arc<Job>| job.outcome.as_ref().map_or(0, |outcome| outcome.status);
    let worst = records.iter().map(status).max().unwrap_or(0);
    let failed = worst & 0x7f == 0 && worst != 0;
    let array = turn.cluster().job(job.array_job()).cloned();
    let array = array.unwrap_or_else(|| Arc::clone(job));
    if records.iter().any(|job| job.restarts > 0) && wants(job, wanted::REQUEUE) {
        send(turn, &array, MailEvent::Requeued);
    }
    if failed && wants(job, wanted::FAIL) {
        send(turn, &array, MailEvent::Failed);
    } else if wants(job, wanted::END) {
        send(turn, &array, MailEvent::Ended);
    }
}

/// A job goes back to the queue. Of an array this is told when it has ended.
pub(crate) fn requeued(turn: &mut Turn<'_>, job: &Arc<Job>) {
    if wants(job, wanted::REQUEUE) && !is_of_array(job) {
        send(turn, job, MailEvent::Requeued);
    }
}

/// A job is about to go back to the queue because a node failed under it, or lost its script. It is
/// told of as if it had ended so, too.
pub(crate) fn lost_its_node(turn: &mut Turn<'_>, job: &Arc<Job>) {
    if is_of_array(job) || !wants(job, wanted::END | wanted::FAIL) {
        return;
    }
    let outcome = Outcome { exit: Exit::NodeFail, status: 1, derived_status: 0 };
    let as_ended = Job {
        phase: Phase::Ended,
        ended: Some(turn.now),
        outcome: Some(outcome),
        ..Job::clone(job)
    };
    ended(turn, &Arc::new(as_ended));
}

/// A job is about to go back to the queue because another needed its room: that is an end, too, though not a
/// failure.
pub(crate) fn made_room(turn: &mut Turn<'_>, job: &Arc<Job>) {
    if is_of_array(job) || !wants(job, wanted::END) {
        return;
    }
    let outcome = Outcome { exit: Exit::Preempted, status: 0, derived_status: 0 };
    let (phase, ended) = (Phase::Ended, Some(turn.now));
    let as_ended = Job { phase, ended, outcome: Some(outcome), ..Job::clone(job) };
    send(turn, &Arc::new(as_ended), MailEvent::Ended);
}

/// A job waits for what will never come.
pub(crate) fn depends_in_vain(turn: &mut Turn<'_>, job: &Arc<Job>) {
    if wants(job, wanted::INVALID_DEPEND) {
        send(turn, job, MailEvent::DependencyNeverSatisfied);
    }
}

/// Tells of the parts of their time that running jobs have used up, each once.
pub(crate) fn time_goes_by(turn: &mut Turn<'_>) {
    let any = MARKS.iter().fold(0, |bits, (_, bit)| bits | bit);
    let due: Vec<(Arc<Job>, u8)> = turn
        .cluster()
        .active()
        .filter(|job| wants(job, any) && job.phase != Phase::Suspended)
        .filter_map(|job| {
            let end = job.ended?;
            let limit_s = i64::from(job.time_limit_min?) * 60;
            let left_s = end.0 - turn.now.0;
            let passed = |percent: u8| left_s * 100 <= limit_s * i64::from(100 - percent);
            let (percent, _) = MARKS.iter().find(|(percent, _)| passed(*percent))?;
            (*percent > job.mailed_percent).then(|| (Arc::clone(job), *percent))
        })
        .collect();
    for (job, percent) in due {
        let before = job.mailed_percent;
        let job = turn.edit_job(&job, |job| job.mailed_percent = percent);
        for (mark, bit) in MARKS {
            if mark > before && mark <= percent && wants(&job, bit) {
                send(turn, &job, MailEvent::TimePassed { percent: mark });
            }
        }
    }
}
