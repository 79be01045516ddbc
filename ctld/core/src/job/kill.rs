//! Jobs are ended, signalled, stopped.

use std::ops::RangeInclusive;
use std::sync::Arc;

use model::{Exit, Job, JobId, Launch, NodeId, Outcome, Phase, StepNumber, WaitReason};

use crate::access::{self, Caller};
use crate::cron;
use crate::effect::{ClientMessage, Effect, NodeMessage};
use crate::event::{Answer, JobPart, JobSelection, Kill};
use crate::job::{client, complete, het, select, submit};
use crate::reject::Reject;
use crate::step;
use crate::turn::Turn;

const SIGKILL: u16 = 9;
/// The highest signal that there is.
const SIGNAL_MAX: u16 = 64;
/// What slurmstepd does with tasks beside sending signals, such as SIGTERM first and SIGKILL later
/// (`SIG_TERM_KILL` to `SIG_FAILURE` of slurm.h).
const SLURM_SIGNALS: RangeInclusive<u16> = 991..=999;

/// `scancel`: SIGKILL ends a job, another signal is sent to what runs of it.
pub(crate) fn killed(turn: &mut Turn<'_>, kill: &Kill) -> Result<Answer, Reject> {
    let is_slurms = kill.step.is_some() && SLURM_SIGNALS.contains(&kill.signal);
    if kill.signal > SIGNAL_MAX && !is_slurms {
        return Err(Reject::InvalidSignal);
    }
    let config = turn.config();
    let check = |turn: &Turn<'_>, job: &Arc<Job>| {
        access::require_owner(&config, kill.caller, job).map_err(|reject| match kill.step {
            Some(_) => Reject::NotYourStep(job.id),
            None => reject,
        })?;
        check_kill(turn, job, kill)
    };
    let act = |turn: &mut Turn<'_>, job: &Arc<Job>| kill_one(turn, job, kill);
    let records = records(turn, kill)?;
    // An array is cancelled with whatever of it is left: tasks that have ended do not count.
    let some_left = records.iter().any(|job| !job.is_finished());
    // A waiting task that nobody waits for is not remembered, as in slurmctld: not even its number
    // was there. One that others wait for has to tell them that it did not end well.
    let goes = |turn: &Turn<'_>, job: &Arc<Job>| {
        let kills = kill.signal == SIGKILL && kill.step.is_none();
        kills && job.is_pending() && turn.cluster().dependents(job.array_job()).next().is_none()
    };
    match select::each_or_gone(turn, &kill.selection, &records, act, check, goes)? {
        Answer::Tasks(mut results) if some_left && kill.selection.part == JobPart::Whole => {
            results.retain(|r| !matches!(r.result, Ok(()) | Err(Reject::JobFinished(_))));
            Ok(if results.is_empty() { Answer::Done } else { Answer::Tasks(results) })
        }
        answer => Ok(answer),
    }
}

/// `scancel --ctld`: what becomes of one has nothing to do with the others.
pub(crate) fn killed_each(turn: &mut Turn<'_>, kills: &[Kill]) -> Answer {
    let worst = |answer| match answer {
        Answer::Tasks(results) => {
            results.into_iter().map(|one| one.result).find(Result::is_err).unwrap_or(Ok(()))
        }
        Answer::Done
        | Answer::Crontab { .. }
        | Answer::Each(_)
        | Answer::Skipped(_)
        | Answer::NodesRefused(_)
        | Answer::Step { .. }
        | Answer::Submitted { .. }
        | Answer::ReservationMade { .. }
        | Answer::Failed { .. }
        | Answer::Registered { .. } => Ok(()),
    };
    let one = |kill: &Kill| (kill.selection.clone(), killed(turn, kill).and_then(worst));
    Answer::Each(kills.iter().map(one).collect())
}

/// KILL_ARRAY_TASK makes the number of an array mean the record of that number alone.
fn records(turn: &Turn<'_>, kill: &Kill) -> Result<Vec<Arc<Job>>, Reject> {
    let named = if kill.flags & KILL_ARRAY_TASK != 0 && kill.selection.part == JobPart::Whole {
        vec![turn.job(kill.selection.job)?]
    } else {
        select::records(turn, &kill.selection)?
    };
    het::meant_by_kill(turn, kill, named)
}

/// Whether SIGKILL is to end the job, and not a part of it.
fn ends(kill: &Kill) -> bool {
    let part = KILL_JOB_BATCH | KILL_STEPS_ONLY;
    kill.signal == SIGKILL && kill.step.is_none() && kill.flags & part == 0
}

/// Whether the job or a part of it is to be killed, not a step alone.
fn kills(kill: &Kill) -> bool {
    kill.signal == SIGKILL && kill.step.is_none()
}

/// Whether nothing of the job runs yet, and its script waits for prologs: what kills a part of it kills it whole.
fn is_early(launch: &Launch) -> bool {
    match launch {
        Launch::Configuring { .. } | Launch::Waking { .. } | Launch::Preparing => true,
        Launch::Sending { .. } | Launch::Done => false,
    }
}

fn check_kill(turn: &Turn<'_>, job: &Arc<Job>, kill: &Kill) -> Result<(), Reject> {
    let spared = turn.cluster().config().explicit_scancel && kill.flags & KILL_CRON == 0;
    if spared && kills(kill) && job.cron.is_some() && !job.is_finished() {
        return Err(Reject::CronJobNotMeant(job.id));
    }
    let kills = kills(kill);
    match &job.phase {
        Phase::Ended => Err(Reject::JobFinished(job.id)),
        Phase::Completing(completing) if !completing.requeue => Err(Reject::JobFinished(job.id)),
        // What has not begun to run is cancelled whole, whatever part was meant.
        Phase::Pending | Phase::Completing(_) if kills => Ok(()),
        Phase::Running(launch) if kills && is_early(launch) => Ok(()),
        Phase::Suspended if ends(kill) => Ok(()),
        Phase::Pending | Phase::Completing(_) | Phase::Suspended => {
            Err(Reject::NotSignalable(job.id))
        }
        // Its node may not have the script yet that could hear it; scancel asks again.
        Phase::Running(Launch::Sending { .. }) if !kills => Err(Reject::NotSignalable(job.id)),
        // slurmd refuses one while a prolog runs, and slurmctld keeps it back meanwhile.
        Phase::Running(_) if kill.signal != SIGKILL && job.waits_for_prologs() => {
            Err(Reject::NotSignalable(job.id))
        }
        Phase::Running(_) => match kill.step {
            Some(step) if turn.cluster().steps_numbered(job.id, step).next().is_none() => {
                Err(Reject::NoSuchJob(job.id))
            }
            None if kill.flags & KILL_JOB_BATCH != 0 && !job.has_script() => {
                Err(Reject::NoScript(job.id))
            }
            Some(_) | None => Ok(()),
        },
    }
}

fn kill_one(turn: &mut Turn<'_>, job: &Arc<Job>, kill: &Kill) {
    let by = kill.caller.uid;
    let exit = if kill.flags & KILL_FAIL_JOB != 0 { Exit::Failed } else { Exit::Cancelled { by } };
    let outcome = |status: u32| Outcome { exit, status, derived_status: 0 };
    let job = &if kills(kill) { cron::cancelled(turn, job) } else { Arc::clone(job) };
    match &job.phase {
        // What it waited for stays to be read.
        Phase::Pending => complete::end_waiting(turn, job, outcome(0), job.wait.clone()),
        // On its way back to the queue, and cancelled there.
        Phase::Completing(completing) if completing.requeue => {
            complete::stays_away(turn, job, outcome(0));
        }
        Phase::Completing(_) | Phase::Ended => {}
        Phase::Running(launch) if !(ends(kill) || kills(kill) && is_early(launch)) => {
            if let Some(killed) = kill.step.filter(|_| kill.signal == SIGKILL) {
                step::killed(turn, job.id, killed);
            }
            let stops = kill.signal == SIGSTOP;
            if (stops || kill.signal == SIGCONT) && job.stopped != stops {
                turn.edit_job(job, |job| job.stopped = stops);
            }
            signal(turn, job, kill.signal, kill.flags, kill.step);
        }
        Phase::Running(_) | Phase::Suspended => {
            let message = |job| NodeMessage::Terminate { job };
            // What its script dies of, its node will tell.
            complete::end(turn, job, outcome(0), WaitReason::None, message);
        }
    }
}

/// Sends a signal to a job's nodes, or to those of one step; to the batch host where only the script
/// is meant.
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
    let batch_only = flags & KILL_JOB_BATCH != 0;
    let step = if batch_only { Some(StepNumber::Batch) } else { step };
    let named = step.into_iter().flat_map(|step| turn.cluster().steps_numbered(job.id, step));
    let mut targets: Vec<(NodeId, Option<StepNumber>)> =
        named.flat_map(|s| s.nodes.iter().map(|node| (*node, Some(s.number)))).collect();
    if targets.is_empty() {
        let nodes = match batch_only {
            true => vec![allocation.batch_host()],
            false => allocation.shares.iter().map(|share| share.node).collect(),
        };
        targets = nodes.into_iter().map(|node| (node, step)).collect();
    }
    for (node, step) in targets {
        let message = NodeMessage::Signal { job: job.id, step, signal, flags };
        turn.emit(Effect::ToNode { node, message });
    }
}

const SIGCONT: u16 = 18;
const SIGSTOP: u16 = 19;
/// Only the batch script (`KILL_JOB_BATCH` of slurm.h).
const KILL_JOB_BATCH: u16 = 0x0001;
/// A single task of an array, even if its record has the array's number (`KILL_ARRAY_TASK`).
const KILL_ARRAY_TASK: u16 = 0x0002;
/// Only the steps, not the batch script (`KILL_STEPS_ONLY`).
const KILL_STEPS_ONLY: u16 = 0x0004;
/// Jobs of crontabs are meant too (`KILL_CRON`, 24.05).
const KILL_CRON: u16 = 0x1000;
/// The job is to count as failed (`KILL_FAIL_JOB`, 25.05).
const KILL_FAIL_JOB: u16 = 0x2000;

/// `scontrol notify`: the client of the job tells its user; the node of a script puts the text into
/// its output.
pub(crate) fn notified(
    turn: &mut Turn<'_>,
    caller: Caller,
    id: JobId,
    text: &Arc<str>,
) -> Result<Answer, Reject> {
    let job = turn.job(id)?;
    access::require_owner(turn.cluster().config(), caller, &job)
        .map_err(|_| Reject::NotYoursToAlter(id))?;
    if !matches!(job.phase, Phase::Pending | Phase::Running(_)) {
        return Err(Reject::JobFinished(id));
    }
    if client::say(turn, &job, ClientMessage::Said { job: id, text: Arc::clone(text) }) {
        return Ok(Answer::Done);
    }
    let host = job.allocation.as_ref().map(|allocation| allocation.batch_host());
    let node =
        host.filter(|_| job.has_script() && !job.is_pending()).ok_or(Reject::NobodyListens(id))?;
    let message = NodeMessage::Notify { job: id, text: Arc::clone(text) };
    turn.emit(Effect::ToNode { node, message });
    Ok(Answer::Done)
}

/// `scontrol suspend`, `resume`: for administrators. Stopped jobs give up their cores and keep their
/// memory; going on, they have their cores again, whoever else has them by then.
pub(crate) fn suspended(
    turn: &mut Turn<'_>,
    caller: Caller,
    selection: &JobSelection,
    resume: bool,
) -> Result<Answer, Reject> {
    let config = turn.config();
    access::require_admin(&config, caller)?;
    let check = |_: &Turn<'_>, job: &Arc<Job>| match (&job.phase, resume) {
        (Phase::Running(Launch::Done) | Phase::Suspended, false) | (Phase::Suspended, true) => {
            Ok(())
        }
        (Phase::Running(_), false) => Err(Reject::NotSignalable(job.id)),
        (Phase::Running(_), true) => Err(Reject::JobNotSuspended(job.id)),
        (Phase::Pending, _) => Err(Reject::JobPending(job.id)),
        (Phase::Completing(completing), _) if completing.requeue => Err(Reject::JobPending(job.id)),
        (Phase::Completing(_) | Phase::Ended, _) => Err(Reject::JobFinished(job.id)),
    };
    let act = |turn: &mut Turn<'_>, job: &Arc<Job>| {
        for job in het::components(turn, job) {
            // A stopped job that is stopped again stays so.
            if job.is_active() && resume == (job.phase == Phase::Suspended) {
                suspend_one(turn, &job, resume);
            }
        }
    };
    let records = het::as_a_whole(select::records(turn, selection)?)?;
    select::each(turn, selection, &records, act, check)
}

fn suspend_one(turn: &mut Turn<'_>, job: &Arc<Job>, resume: bool) {
    let now = turn.now;
    let fresh = submit::fresh_priority(turn, job);
    let job = turn.edit_job(job, |job| {
        let since = job.suspended.or(job.started).unwrap_or(now);
        if resume {
            // The time that it stood still is added to its limit.
            job.ended = job.ended.map(|end| end.plus_s(now.since(since)));
            job.phase = Phase::Running(Launch::Done);
            job.priority = job.spec.fixed_priority.unwrap_or(fresh);
        } else {
            // The queue's word for "not before somebody says so"; clients are shown it.
            job.priority = 0;
            job.ran_before_suspend_s += now.since(since);
            job.phase = Phase::Suspended;
        }
        job.suspended = Some(now);
    });
    client::say(turn, &job, ClientMessage::Suspended { job: job.id, resume });
    for share in job.held_shares() {
        let message = NodeMessage::Suspend { job: job.id, resume };
        turn.emit(Effect::ToNode { node: share.node, message });
    }
    if !resume {
        turn.emit(Effect::Schedule);
    }
}
