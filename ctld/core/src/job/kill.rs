//! Jobs are ended, signalled, stopped.

use std::sync::Arc;

use model::{Exit, Job, Launch, Outcome, Phase, StepNumber, WaitReason};

use crate::access::{self, Caller};
use crate::effect::{Effect, NodeMessage};
use crate::event::{Answer, JobSelection, Kill};
use crate::job::{complete, select};
use crate::reject::Reject;
use crate::turn::Turn;

const SIGKILL: u16 = 9;
/// The highest signal that there is.
const SIGNAL_MAX: u16 = 64;

/// `scancel`: SIGKILL ends a job, another signal is sent to what runs of it.
pub(crate) fn killed(turn: &mut Turn<'_>, kill: &Kill) -> Result<Answer, Reject> {
    if kill.signal > SIGNAL_MAX {
        return Err(Reject::InvalidSignal);
    }
    let config = turn.config();
    let check = |_: &Turn<'_>, job: &Arc<Job>| {
        access::require_owner(&config, kill.caller, job)?;
        if job.is_finished() {
            return Err(Reject::JobFinished(job.id));
        }
        Ok(())
    };
    let act = |turn: &mut Turn<'_>, job: &Arc<Job>| kill_one(turn, job, kill);
    // An array is cancelled with whatever of it is left: tasks that have ended do not count.
    let some_left = select::records(turn, &kill.selection)?.iter().any(|job| !job.is_finished());
    match select::each(turn, &kill.selection, act, check)? {
        Answer::Tasks(mut results) if some_left && kill.selection.tasks.is_none() => {
            results.retain(|r| !matches!(r.result, Ok(()) | Err(Reject::JobFinished(_))));
            Ok(if results.is_empty() { Answer::Done } else { Answer::Tasks(results) })
        }
        answer => Ok(answer),
    }
}

fn kill_one(turn: &mut Turn<'_>, job: &Arc<Job>, kill: &Kill) -> Result<(), Reject> {
    let ends = kill.signal == SIGKILL && kill.step.is_none() && !kill.batch_only;
    let by = kill.caller.uid;
    match &job.phase {
        Phase::Pending if ends => {
            let outcome = Outcome { exit: Exit::Cancelled { by }, status: 0, derived_status: 0 };
            complete::end_waiting(turn, job, outcome, WaitReason::None);
            Ok(())
        }
        // A signal to what does not run yet goes nowhere, and nobody is told so by stock either.
        Phase::Pending => Err(Reject::JobPending(job.id)),
        // Back to the queue, and cancelled on the way.
        Phase::Completing(completing) if completing.requeue && ends => {
            turn.edit_job(job, |job| {
                job.outcome =
                    Some(Outcome { exit: Exit::Cancelled { by }, status: 0, derived_status: 0 });
                if let Phase::Completing(completing) = &mut job.phase {
                    completing.requeue = false;
                }
            });
            Ok(())
        }
        Phase::Completing(_) | Phase::Ended => Err(Reject::JobFinished(job.id)),
        Phase::Running(_) | Phase::Suspended if ends => {
            let status = if job.batch { 0 } else { u32::from(SIGKILL) };
            let outcome = Outcome { exit: Exit::Cancelled { by }, status, derived_status: 0 };
            let message = |job| NodeMessage::Terminate { job };
            complete::end(turn, job, outcome, WaitReason::None, message);
            Ok(())
        }
        Phase::Running(_) | Phase::Suspended => {
            let step = if kill.batch_only { Some(StepNumber::Batch) } else { kill.step };
            signal(turn, job, kill.signal, kill.flags, step);
            Ok(())
        }
    }
}

/// Sends a signal to a job's nodes: to the batch script alone where only that is meant.
pub(crate) fn signal(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    signal: u16,
    flags: u16,
    step: Option<StepNumber>,
) {
    let Some(allocation) = job.allocation.clone() else {
        return;
    };
    let batch_only = step == Some(StepNumber::Batch) || flags & KILL_JOB_BATCH != 0;
    let shares = if batch_only { &allocation.shares[..1] } else { &allocation.shares[..] };
    for share in shares {
        let step = if batch_only { Some(StepNumber::Batch) } else { step };
        let message = NodeMessage::Signal { job: job.id, step, signal, flags };
        turn.emit(Effect::ToNode { node: share.node, message });
    }
}

/// `KILL_JOB_BATCH`: only the batch script.
const KILL_JOB_BATCH: u16 = 0x0001;

/// `scontrol suspend`, `resume`: for administrators, since stopped jobs keep their cores.
pub(crate) fn suspended(
    turn: &mut Turn<'_>,
    caller: Caller,
    selection: &JobSelection,
    resume: bool,
) -> Result<Answer, Reject> {
    let config = turn.config();
    access::require_admin(&config, caller)?;
    let check = |_: &Turn<'_>, job: &Arc<Job>| match (&job.phase, resume) {
        (Phase::Running(Launch::Done), false) | (Phase::Suspended, true) => Ok(()),
        (Phase::Pending, _) => Err(Reject::JobPending(job.id)),
        (Phase::Running(_), _) => Err(Reject::NotChangeable("state")),
        (Phase::Suspended, _) => Err(Reject::NotChangeable("state")),
        (Phase::Completing(_) | Phase::Ended, _) => Err(Reject::JobFinished(job.id)),
    };
    let act = |turn: &mut Turn<'_>, job: &Arc<Job>| {
        suspend_one(turn, job, resume);
        Ok(())
    };
    select::each(turn, selection, act, check)
}

fn suspend_one(turn: &mut Turn<'_>, job: &Arc<Job>, resume: bool) {
    let now = turn.now;
    let job = turn.edit_job(job, |job| {
        let since = job.suspended.or(job.started).unwrap_or(now);
        if resume {
            // The time that it stood still is added to its limit.
            job.ended = job.ended.map(|end| end.plus_s(now.since(since)));
            job.phase = Phase::Running(Launch::Done);
        } else {
            job.ran_before_suspend_s += now.since(since);
            job.phase = Phase::Suspended;
        }
        job.suspended = Some(now);
    });
    for share in job.held_shares() {
        let message = NodeMessage::Suspend { job: job.id, resume };
        turn.emit(Effect::ToNode { node: share.node, message });
    }
}
