//! A job goes back to the queue.

use std::sync::Arc;

use model::{Config, Hold, Job, Launch, Phase, Timestamp, WaitReason};

use crate::access;
use crate::cron;
use crate::effect::NodeMessage;
use crate::event::{Answer, JobPart, Requeue};
use crate::job::doubt::{self, Doubts};
use crate::job::{complete, depend, het, select, submit};
use crate::reject::Reject;
use crate::turn::Turn;

/// `scontrol requeue`, `requeuehold`, and slurmds that could make nothing of a job.
pub(crate) fn requeued(
    turn: &mut Turn<'_>,
    doubts: &mut Doubts,
    request: &Requeue,
) -> Result<Answer, Reject> {
    let config = turn.config();
    if request.launch_failed && doubt::is_disputed(turn, doubts, request) {
        return Ok(Answer::Done);
    }
    let left_alone = |job: &Job| request.started_only && !job.is_active();
    let check = |turn: &Turn<'_>, job: &Arc<Job>| {
        access::require_owner(&config, request.caller, job)?;
        if left_alone(job) {
            return Ok(());
        }
        let forced = request.launch_failed && config.requeue_on_prolog_fail;
        turn.cluster().components(job).try_for_each(|job| check_requeue(job, forced))
    };
    let act = |turn: &mut Turn<'_>, job: &Arc<Job>| {
        if request.launch_failed && job.is_active() {
            launch_failed(turn, job, request.hold, request.state_text.clone());
        } else if !left_alone(job) {
            het::all_back(turn, job, request.hold, request.state_text.as_ref());
        }
    };
    if let JobPart::Component(_) = request.selection.part {
        return Err(Reject::NoSuchJob(request.selection.job));
    }
    let records = het::as_a_whole(select::records(turn, &request.selection)?)?;
    select::each(turn, &request.selection, &records, act, check)
}

fn check_requeue(job: &Job, forced: bool) -> Result<(), Reject> {
    if !(job.spec.requeue || forced) {
        return Err(Reject::NotRequeueable(job.id));
    }
    if !job.batch {
        return Err(Reject::NotBatch(job.id));
    }
    match &job.phase {
        Phase::Pending => Err(Reject::JobPending(job.id)),
        Phase::Completing(completing) if completing.requeue => Err(Reject::JobPending(job.id)),
        Phase::Running(_) | Phase::Suspended | Phase::Completing(_) | Phase::Ended => Ok(()),
    }
}

/// Sends an active job, and all that started with it, back to the queue: its nodes clean up first.
/// `text` explains a hold.
pub(crate) fn requeue(turn: &mut Turn<'_>, job: &Arc<Job>, hold: Hold, text: Option<Arc<str>>) {
    het::all_back(turn, job, hold, text.as_ref());
}

/// Sends a job back to the queue, or one component of a heterogeneous job.
pub(super) fn one_back(turn: &mut Turn<'_>, job: &Arc<Job>, hold: Hold, text: Option<Arc<str>>) {
    match &job.phase {
        Phase::Pending => {}
        Phase::Running(_) | Phase::Suspended => {
            leaves(turn, job, hold, text, |job| NodeMessage::Terminate { job });
        }
        Phase::Completing(completing) if completing.requeue => {}
        // It has ended, and its nodes are still at it: it goes back once they are clean.
        Phase::Completing(_) => {
            turn.edit_job(job, |job| {
                back(job, hold, text);
                if let Phase::Completing(completing) = &mut job.phase {
                    completing.requeue = true;
                }
            });
        }
        Phase::Ended => {
            let job = turn.edit_job(job, |job| back(job, hold, text));
            queued_anew(turn, &job);
        }
    }
}

/// Takes an active job from its nodes, which get a message, so that it waits again.
pub(super) fn leaves(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    hold: Hold,
    text: Option<Arc<str>>,
    message: impl Fn(Arc<Job>) -> NodeMessage,
) {
    let job = turn.edit_job(job, |job| back(job, hold, text));
    complete::leave_nodes(turn, &job, true, message);
}

/// Sends an active job back of which a node could make nothing. One that has come back so often is
/// held, whatever else was meant.
pub(crate) fn launch_failed(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    hold: Hold,
    text: Option<Arc<str>>,
) {
    let failures = job.launch_failures.saturating_add(1);
    let is_last = u32::from(failures) >= turn.config().max_batch_requeue;
    let job = turn.edit_job(job, |job| job.launch_failures = if is_last { 0 } else { failures });
    if is_last {
        let text = "launch failure limit exceeded requeued held".into();
        requeue(turn, &job, Hold::LaunchLimit, Some(text));
    } else {
        requeue(turn, &job, hold, text);
    }
}

fn back(job: &mut Job, hold: Hold, text: Option<Arc<str>>) {
    job.restarts = job.restarts.saturating_add(1);
    job.outcome = None;
    job.wait = WaitReason::None;
    job.state_text = None;
    if hold.is_held() {
        job.hold = hold;
        job.state_text = text;
    }
}

/// The nodes of a requeued job are clean: it waits, and not before the credentials of its last run
/// have expired, since a node refuses a second run under the first one's.
pub(super) fn queued_anew(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let earliest = turn.now.plus_s(u64::from(turn.config().cred_expire_s) + 1);
    let begin = match &job.cron {
        Some(line) => cron::next_run(turn, line, earliest).unwrap_or(earliest),
        None => earliest.max(job.spec.begin.unwrap_or(earliest)),
    };
    queued(turn, job, begin);
}

/// A job of a crontab has run: it waits for its next time.
pub(super) fn queued_for_next_run(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let zone = &turn.cluster().config().zone;
    let next = job.cron.as_ref().and_then(|line| line.next(turn.now, zone));
    let job = turn.edit_job(job, |job| back(job, Hold::None, None));
    queued(turn, &job, next.unwrap_or(turn.now));
}

fn queued(turn: &mut Turn<'_>, job: &Arc<Job>, begin: Timestamp) {
    let now = turn.now;
    let priority = submit::fresh_priority(turn, job);
    let job = turn.edit_job(job, |job| {
        job.phase = Phase::Pending;
        job.outcome = None;
        job.allocation = None;
        job.submitted = now;
        job.started = None;
        job.ended = None;
        job.suspended = None;
        job.ran_before_suspend_s = 0;
        job.eligible = None;
        job.failed_node = None;
        job.preempted = None;
        job.last_evaluated = None;
        job.begin = Some(begin);
        job.time_limit_min = job.spec.time_limit_min;
        job.warned = false;
        job.stopped = false;
        job.next_step = 0;
        if job.hold.is_held() {
            job.priority = 0;
            job.wait = job.hold.wait_reason();
        } else {
            job.priority = job.spec.fixed_priority.unwrap_or(priority);
            job.wait = WaitReason::BeginTime;
        }
    });
    depend::look_again(turn, &job);
}

/// Whether the exit code of a job is one that RequeueExit or RequeueExitHold names, and how it is
/// then queued.
pub(super) fn wanted_by_exit_code(config: &Config, job: &Job, status: u32) -> Option<Hold> {
    let code = u16::try_from(status >> 8).ok()?;
    if !job.spec.requeue || !matches!(job.phase, Phase::Running(Launch::Done)) {
        return None;
    }
    if config.requeue_exit_hold.contains(&code) {
        Some(Hold::SpecialExit)
    } else if config.requeue_exit.contains(&code) {
        Some(Hold::None)
    } else {
        None
    }
}
