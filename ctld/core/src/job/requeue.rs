//! A job goes back to the queue.

use std::sync::Arc;

use model::{Config, Hold, Job, Launch, Phase, WaitReason};

use crate::access;
use crate::effect::{Effect, MailEvent, NodeMessage};
use crate::event::{Answer, Requeue};
use crate::job::{complete, depend, select, submit};
use crate::reject::Reject;
use crate::turn::Turn;

/// `scontrol requeue`, `requeuehold`.
pub(crate) fn requeued(turn: &mut Turn<'_>, request: &Requeue) -> Result<Answer, Reject> {
    let config = turn.config();
    let check = |_: &Turn<'_>, job: &Arc<Job>| {
        access::require_owner(&config, request.caller, job)?;
        check_requeue(job)
    };
    let act = |turn: &mut Turn<'_>, job: &Arc<Job>| {
        again(turn, job, request.hold);
        Ok(())
    };
    select::each(turn, &request.selection, act, check)
}

fn check_requeue(job: &Job) -> Result<(), Reject> {
    if !job.batch {
        return Err(Reject::NoScript(job.id));
    }
    if !job.spec.requeue {
        return Err(Reject::NotRequeueable(job.id));
    }
    match &job.phase {
        Phase::Pending => Err(Reject::JobPending(job.id)),
        Phase::Completing(_) => Err(Reject::JobCompleting(job.id)),
        Phase::Running(_) | Phase::Suspended | Phase::Ended => Ok(()),
    }
}

fn again(turn: &mut Turn<'_>, job: &Arc<Job>, hold: Hold) {
    if job.phase == Phase::Ended {
        let job = turn.edit_job(job, |job| back(job, hold));
        queued_anew(turn, &job);
    } else {
        requeue(turn, job, hold);
    }
}

/// Sends an active job back to the queue: its nodes clean up first.
pub(crate) fn requeue(turn: &mut Turn<'_>, job: &Arc<Job>, hold: Hold) {
    let job = turn.edit_job(job, |job| back(job, hold));
    turn.emit(Effect::Mail { job: Arc::clone(&job), event: MailEvent::Requeued });
    complete::leave_nodes(turn, &job, true, |job| NodeMessage::Terminate { job });
}

fn back(job: &mut Job, hold: Hold) {
    job.restarts = job.restarts.saturating_add(1);
    job.outcome = None;
    job.wait = WaitReason::None;
    if hold.is_held() {
        job.hold = hold;
    }
}

/// The nodes of a requeued job are clean: it waits, and not before the credentials of its last run
/// have expired, since a node refuses a second run under the first one's.
pub(super) fn queued_anew(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let now = turn.now;
    let earliest = now.plus_s(u64::from(turn.config().cred_expire_s) + 1);
    let priority = submit::fresh_priority(turn, job.spec.nice);
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
        job.begin = Some(earliest.max(job.spec.begin.unwrap_or(earliest)));
        job.time_limit_min = job.spec.time_limit_min;
        job.warned = false;
        job.next_step = 0;
        if job.hold.is_held() {
            job.priority = 0;
            job.wait = match job.hold {
                Hold::User => WaitReason::HeldUser,
                Hold::Requeued => WaitReason::LaunchFailedRequeuedHeld,
                Hold::None | Hold::Admin | Hold::SpecialExit => WaitReason::HeldAdmin,
            };
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
