//! `scontrol update job`, `hold`, `release`.

use std::sync::Arc;

use model::{Config, Hold, Job, Phase, Timestamp, WaitReason};

use crate::access::{self, Caller};
use crate::effect::Effect;
use crate::event::{Answer, JobEdit, UpdateJob};
use crate::job::{depend, select, submit};
use crate::reject::Reject;
use crate::turn::Turn;

/// Somebody alters a job: all of the edits or none.
pub(crate) fn updated(turn: &mut Turn<'_>, update: &UpdateJob) -> Result<Answer, Reject> {
    let config = turn.config();
    let check = |turn: &Turn<'_>, job: &Arc<Job>| {
        access::require_owner(&config, update.caller, job)?;
        if job.is_finished() {
            return Err(Reject::JobFinished(job.id));
        }
        update.edits.iter().try_for_each(|edit| check_edit(turn, &config, update.caller, job, edit))
    };
    let act = |turn: &mut Turn<'_>, job: &Arc<Job>| {
        let mut job = Arc::clone(job);
        for edit in &update.edits {
            job = apply(turn, &job, update.caller, edit);
        }
        if job.is_pending() {
            depend::look_again(turn, &job);
        }
        Ok(())
    };
    let answer = select::each(turn, &update.selection, act, check)?;
    turn.emit(Effect::Schedule);
    Ok(answer)
}

fn check_edit(
    turn: &Turn<'_>,
    config: &Config,
    caller: Caller,
    job: &Job,
    edit: &JobEdit,
) -> Result<(), Reject> {
    let admin = access::is_admin(config, caller);
    let pending = job.is_pending();
    match edit {
        JobEdit::Priority(None) if job.hold == Hold::Admin && !admin => {
            Err(Reject::HeldByAdmin(job.id))
        }
        JobEdit::Priority(None | Some(0)) | JobEdit::UserHold if pending => Ok(()),
        JobEdit::Priority(Some(_)) if pending && admin => Ok(()),
        JobEdit::Priority(Some(_)) if pending => Err(Reject::AccessDenied),
        JobEdit::Priority(_) | JobEdit::UserHold => Err(Reject::JobNotPending(job.id)),
        JobEdit::TimeLimit(limit) => check_time_limit(job, admin, *limit),
        JobEdit::EndTime(_) if !admin => Err(Reject::AccessDenied),
        JobEdit::EndTime(_) if job.is_active() => Ok(()),
        JobEdit::EndTime(_) => Err(Reject::JobPending(job.id)),
        JobEdit::Partitions(names) => {
            let unknown = names.iter().find(|name| turn.cluster().partition(name).is_none());
            match unknown {
                Some(name) => Err(Reject::NoSuchPartition(Arc::clone(name))),
                None if pending => Ok(()),
                None => Err(Reject::JobNotPending(job.id)),
            }
        }
        JobEdit::Nice(nice) if *nice < 0 && !admin => Err(Reject::AccessDenied),
        JobEdit::Begin(_) | JobEdit::Nice(_) | JobEdit::Dependencies(_) | JobEdit::Waiting(_) => {
            if pending {
                Ok(())
            } else {
                Err(Reject::JobNotPending(job.id))
            }
        }
        JobEdit::ArrayThrottle(_) if job.array.is_none() => Err(Reject::NotChangeable("throttle")),
        JobEdit::ArrayThrottle(_) | JobEdit::Requeue(_) | JobEdit::Anytime(_) => Ok(()),
    }
}

/// Users may shorten; only an administrator gives more time.
fn check_time_limit(job: &Job, admin: bool, limit: Option<u32>) -> Result<(), Reject> {
    let raises = match (limit, job.time_limit_min) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(new), Some(old)) => new > old,
    };
    if raises && !admin { Err(Reject::AccessDenied) } else { Ok(()) }
}

fn apply(turn: &mut Turn<'_>, job: &Arc<Job>, caller: Caller, edit: &JobEdit) -> Arc<Job> {
    let now = turn.now;
    let fresh = submit::fresh_priority(turn, job.spec.nice);
    let first_partition = match edit {
        JobEdit::Partitions(names) => names.first().cloned(),
        _ => None,
    };
    turn.edit_job(job, |job| match edit {
        JobEdit::Priority(Some(0)) => hold(job, caller),
        JobEdit::UserHold => {
            job.hold = Hold::User;
            job.priority = 0;
            job.wait = WaitReason::HeldUser;
        }
        JobEdit::Priority(None) => release(job, fresh),
        JobEdit::Priority(Some(priority)) => {
            release(job, *priority);
            job.priority = *priority;
            Arc::make_mut(&mut job.spec).fixed_priority = Some(*priority);
        }
        JobEdit::TimeLimit(limit) => {
            Arc::make_mut(&mut job.spec).time_limit_min = *limit;
            set_time_limit(job, *limit);
        }
        JobEdit::EndTime(at) => {
            let start = job.started.unwrap_or(now);
            let minutes = u32::try_from(at.since(start).div_ceil(60)).unwrap_or(u32::MAX);
            set_time_limit(job, Some(minutes));
            job.ended = Some(*at);
        }
        JobEdit::Begin(at) => begin(job, *at, now),
        JobEdit::Partitions(names) => {
            Arc::make_mut(&mut job.spec).partitions.clone_from(names);
            if let Some(name) = first_partition {
                job.partition = name;
            }
        }
        JobEdit::Nice(nice) => {
            let delta = i64::from(job.spec.nice) - i64::from(*nice);
            Arc::make_mut(&mut job.spec).nice = *nice;
            if job.priority > 0 {
                let priority = (i64::from(job.priority) + delta).max(1);
                job.priority = u32::try_from(priority).unwrap_or(u32::MAX);
            }
        }
        JobEdit::ArrayThrottle(max) => {
            if let Some(role) = &mut job.array {
                role.running_max = *max;
            }
        }
        JobEdit::Dependencies(dependencies) => {
            Arc::make_mut(&mut job.spec).dependencies.clone_from(dependencies);
            job.eligible = None;
        }
        JobEdit::Requeue(requeue) => Arc::make_mut(&mut job.spec).requeue = *requeue,
        JobEdit::Waiting(edit) | JobEdit::Anytime(edit) => {
            (edit.apply)(Arc::make_mut(&mut job.spec));
        }
    })
}

fn hold(job: &mut Job, caller: Caller) {
    let by_owner = caller.uid == job.owner;
    job.hold = if by_owner { Hold::User } else { Hold::Admin };
    job.wait = if by_owner { WaitReason::HeldUser } else { WaitReason::HeldAdmin };
    job.priority = 0;
}

fn release(job: &mut Job, priority: u32) {
    if !job.hold.is_held() && job.priority > 0 {
        return;
    }
    job.hold = Hold::None;
    job.priority = job.spec.fixed_priority.unwrap_or(priority);
    job.wait = WaitReason::None;
    job.state_text = None;
}

fn set_time_limit(job: &mut Job, limit: Option<u32>) {
    job.time_limit_min = limit;
    if let (Phase::Running(_) | Phase::Suspended, Some(started)) = (&job.phase, job.started) {
        job.ended = limit.map(|minutes| started.plus_s(u64::from(minutes) * 60));
    }
}

fn begin(job: &mut Job, at: Timestamp, now: Timestamp) {
    Arc::make_mut(&mut job.spec).begin = Some(at);
    job.begin = (at > now).then_some(at);
    job.eligible = None;
    if at <= now && job.wait == WaitReason::BeginTime {
        job.wait = WaitReason::None;
    }
}
