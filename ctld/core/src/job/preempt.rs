//! Jobs make room for others (PreemptType of slurm.conf(5)).
//!
//! Which ones is the plan's to say. A job whose partition has a GraceTime is told first, and goes when that
//! is over; then it is sent back to the queue or ended, as PreemptMode has it.

use std::sync::Arc;

use model::{
    Exit, Hold, Job, JobId, Outcome, Phase, PreemptMode, Preemption, Timestamp, WaitReason,
};

use crate::cron;
use crate::effect::NodeMessage;
use crate::job::{complete, het, kill, requeue};
use crate::mail;
use crate::turn::Turn;

const SIGTERM: u16 = 15;
const SIGCONT: u16 = 18;

/// A plan has jobs make room for another, if that still helps.
pub(super) fn planned(turn: &mut Turn<'_>, one: &Preemption) {
    if model::fits_then(turn.cluster(), turn.now, one).is_err() {
        return;
    }
    for id in &one.victims {
        told(turn, *id);
    }
}

/// A job, with all that it started together with, is to make room.
fn told(turn: &mut Turn<'_>, id: JobId) {
    let Some(job) = turn.job(id).ok().filter(|job| job.is_active() && job.preempted.is_none())
    else {
        return;
    };
    let members = het::components(turn, &job);
    let grace = |job: &Arc<Job>| turn.cluster().partition(&job.partition).map(|p| p.grace_time_s);
    let grace_s = members.iter().filter_map(grace).max().unwrap_or(0);
    let now = turn.now;
    let until = now.plus_s(grace_s.into());
    for member in members.iter().filter(|member| member.is_active()) {
        let member = turn.edit_job(member, |job| {
            job.preempted = Some(now);
            job.ended = Some(job.ended.map_or(until, |end| end.min(until)));
        });
        if grace_s > 0 {
            warn(turn, &member);
        }
    }
    if grace_s == 0 {
        made_to_go(turn, id);
    }
}

/// What is sent to a job that has a while left.
fn warn(turn: &mut Turn<'_>, job: &Arc<Job>) {
    if !matches!(job.phase, Phase::Running(_)) || own_signal(turn, job) {
        return;
    }
    for signal in [SIGCONT, SIGTERM] {
        kill::signal(turn, job, signal, 0, None);
    }
}

/// Sends a job the signal that it asked for before its end, if it is to have that
/// (`PreemptParameters=send_user_signal`).
fn own_signal(turn: &mut Turn<'_>, job: &Arc<Job>) -> bool {
    let wanted = turn.config().preemption.as_ref().is_some_and(|rules| rules.user_signal);
    if !wanted || job.spec.warn_signal == 0 || job.warned {
        return false;
    }
    let job = turn.edit_job(job, |job| job.warned = true);
    for signal in [SIGCONT, job.spec.warn_signal] {
        kill::signal(turn, &job, signal, job.spec.warn_flags, None);
    }
    true
}

/// The grace of a job is over, or it has none.
pub(crate) fn made_to_go(turn: &mut Turn<'_>, id: JobId) {
    let Some(job) = turn.job(id).ok().filter(|job| job.is_active()) else {
        return;
    };
    let job = het::leader(turn, &job);
    let now = turn.now;
    for member in het::components(turn, &job) {
        if member.is_active() {
            own_signal(turn, &member);
            let member = turn.job(member.id).unwrap_or(member);
            turn.edit_job(&member, |job| job.preempted = Some(now));
        }
    }
    let mode = turn.cluster().preempt_mode(&job);
    let Ok(job) = turn.job(job.id) else { return };
    if mode == PreemptMode::Requeue && het::may_requeue(turn, &job) {
        for member in het::components(turn, &job) {
            mail::made_room(turn, &member);
            requeue::leaves(turn, &member, Hold::None, None, |job| NodeMessage::KillPreempted {
                job,
            });
        }
        return;
    }
    let job = cron::cancelled(turn, &job);
    let outcome = Outcome { exit: Exit::Preempted, status: 0, derived_status: 0 };
    let message = |job| NodeMessage::KillPreempted { job };
    complete::end(turn, &job, outcome, WaitReason::None, message);
}

/// Whether a job that runs was told to make room, and its time for that is over.
pub(crate) fn is_due(job: &Job, now: Timestamp) -> bool {
    job.preempted.is_some() && job.ended.is_none_or(|end| end <= now)
}
