//! `scontrol update job`, `hold`, `release`.

use std::sync::Arc;

use model::{Config, Hold, Job, JobSpec, Phase, TextOption, Timestamp, WaitReason};

use crate::access;
use crate::effect::Effect;
use crate::event::{Alterable, Answer, JobEdit, UpdateJob};
use crate::job::{appraise, depend, het, remain, select, submit};
use crate::reject::Reject;
use crate::turn::Turn;

/// Somebody alters a job: all of the edits or none.
pub(crate) fn updated(turn: &mut Turn<'_>, update: &UpdateJob) -> Result<Answer, Reject> {
    let config = turn.config();
    let admin = access::is_admin(&config, update.caller);
    let check = |turn: &Turn<'_>, job: &Arc<Job>| {
        if job.cron.is_some() {
            return Err(Reject::CronJob(job.id));
        }
        access::require_owner(&config, update.caller, job)
            .map_err(|_| Reject::NotYoursToAlter(job.id))?;
        check_all(turn, &config, admin, job, &update.edits)
    };
    let act = |turn: &mut Turn<'_>, job: &Arc<Job>| {
        if job.is_finished() && !only_throttles(&update.edits) {
            return;
        }
        let mut job = Arc::clone(job);
        for edit in &update.edits {
            job = apply(turn, &job, admin, edit);
        }
        let job = appraise::altered(turn, &job);
        if job.is_pending() {
            depend::look_again(turn, &job);
        }
    };
    let records = select::records(turn, &update.selection)?;
    let records = het::meant_by_update(turn, &update.edits, records);
    let answer = select::each(turn, &update.selection, &records, act, check)?;
    turn.emit(Effect::Schedule);
    Ok(answer)
}

/// The throttle of an array may be altered through any record of it, ended ones too.
fn only_throttles(edits: &[JobEdit]) -> bool {
    edits.iter().all(|edit| matches!(edit, JobEdit::ArrayThrottle(_)))
}

fn check_all(
    turn: &Turn<'_>,
    config: &Config,
    admin: bool,
    job: &Arc<Job>,
    edits: &[JobEdit],
) -> Result<(), Reject> {
    if job.is_finished() && !only_throttles(edits) {
        return Err(Reject::JobOver(job.id));
    }
    // What later edits see is what earlier ones leave.
    let mut spec = JobSpec::clone(&job.spec);
    for edit in edits {
        check_edit(turn, config, admin, job, edit)?;
        if let JobEdit::Spec(edit) = edit {
            (edit.apply)(&mut spec)?;
        }
    }
    check_spec(&spec)
}

/// What must hold of a spec after all edits.
fn check_spec(spec: &JobSpec) -> Result<(), Reject> {
    if spec.min_nodes == 0 || spec.max_nodes.is_some_and(|max| max < spec.min_nodes) {
        return Err(Reject::InvalidNodeCount);
    }
    if spec.max_cpus.is_some_and(|max| max < spec.min_cpus) {
        return Err(Reject::InvalidCpuCount);
    }
    if spec.tasks.is_some_and(|tasks| tasks > 0 && tasks < spec.min_nodes) {
        return Err(Reject::InvalidTaskCount);
    }
    Ok(())
}

fn check_edit(
    turn: &Turn<'_>,
    config: &Config,
    admin: bool,
    job: &Job,
    edit: &JobEdit,
) -> Result<(), Reject> {
    let waits = |job: &Job| {
        if job.is_pending() { Ok(()) } else { Err(Reject::JobNotPending(job.id)) }
    };
    let by_admin = || if admin { Ok(()) } else { Err(Reject::AccessDenied) };
    match edit {
        JobEdit::Priority { priority, .. } => check_priority(job, admin, *priority),
        JobEdit::TimeLimit(limit) => check_time_limit(turn, job, admin, *limit),
        JobEdit::EndTime(at) => check_end_time(turn, job, admin, *at),
        JobEdit::Partitions(names) => {
            waits(job)?;
            for name in names {
                let partition = turn.cluster().partition(name);
                let partition =
                    partition.ok_or_else(|| Reject::NoSuchPartition(Arc::clone(name)))?;
                if !partition.state.takes_jobs() {
                    return Err(Reject::PartitionTakesNoJobs(Arc::clone(name)));
                }
            }
            if names.is_empty() { Err(Reject::NoSuchPartition("".into())) } else { Ok(()) }
        }
        JobEdit::Nice(nice) if *nice < 0 && *nice != job.spec.nice => by_admin(),
        JobEdit::Nice(_) => Ok(()),
        JobEdit::Begin(_) => waits(job),
        JobEdit::Dependencies(dependencies) => {
            waits(job)?;
            submit::check_awaited(turn, dependencies)?;
            if depend::is_circular(turn.cluster(), job, dependencies) {
                return Err(Reject::CircularDependency);
            }
            Ok(())
        }
        JobEdit::Reservation(name) => {
            waits(job).or_else(|reject| if job.is_active() { Ok(()) } else { Err(reject) })?;
            check_reservation(turn, job, name.as_ref())
        }
        JobEdit::Keep(kept) => remain::check(turn, job, kept),
        JobEdit::ArrayThrottle(_) if job.array.is_none() => {
            Err(Reject::NotSupported("a throttle of what is no array"))
        }
        JobEdit::ArrayThrottle(_) => Ok(()),
        JobEdit::Spec(edit) => match edit.of {
            Alterable::Waiting => waits(job),
            Alterable::WaitingByAdmin => waits(job).and_then(|()| by_admin()),
            Alterable::Unfinished => Ok(()),
            Alterable::UnfinishedByAdmin => by_admin(),
        },
    }
    .map_err(|reject| match reject {
        // The controller's own requeue is under way: a moment later it will do.
        Reject::JobNotPending(id) if matches!(job.phase, Phase::Completing(_)) => {
            Reject::JobCompleting(id)
        }
        other => other,
    })
    .and_then(|()| check_owner_limits(config, edit))
}

/// A job goes where it may; and not out of all reservations where its partition wants one.
fn check_reservation(turn: &Turn<'_>, job: &Job, name: Option<&Arc<str>>) -> Result<(), Reject> {
    let account = job.spec.carried.text(TextOption::Account);
    match name {
        Some(name) if job.reservation() == Some(name) => Ok(()),
        Some(name) => {
            submit::reservations_open(turn, name, job.owner, account, Some(&job.partition))
        }
        None => match turn.cluster().partition(&job.partition) {
            Some(partition) if partition.req_resv => Err(Reject::AccessDenied),
            _ => Ok(()),
        },
    }
}

/// Limits that hold for everybody.
fn check_owner_limits(config: &Config, edit: &JobEdit) -> Result<(), Reject> {
    match edit {
        JobEdit::ArrayThrottle(max) if *max > config.max_array_size => {
            Err(Reject::InvalidTaskCount)
        }
        _ => Ok(()),
    }
}

/// Owners may hold, lower, and let go of what they hold themselves.
fn check_priority(job: &Job, admin: bool, priority: Option<u32>) -> Result<(), Reject> {
    let held = job.hold.is_held();
    match priority {
        None if held && job.hold == Hold::Admin && !admin => Err(Reject::HeldByAdmin(job.id)),
        None | Some(0) => Ok(()),
        Some(_) if held => Err(Reject::JobHeld(job.id)),
        Some(_) if admin => Ok(()),
        Some(new) if new < job.priority => Err(Reject::PriorityNotKept),
        Some(_) => Err(Reject::AccessDenied),
    }
}

/// Users may shorten; more time is given by an administrator, and to a waiting job up to what its
/// partition allows.
fn check_time_limit(
    turn: &Turn<'_>,
    job: &Job,
    admin: bool,
    limit: Option<u32>,
) -> Result<(), Reject> {
    if job.preempted.is_some() {
        return Err(Reject::JobOver(job.id));
    }
    if let (Some(limit), Some(least)) = (limit, job.spec.time_min_min)
        && limit < least
    {
        return Err(Reject::InvalidTimeMin);
    }
    let (old, unlimited) = match job.is_pending() {
        true => (job.spec.time_limit_min, job.spec.time_unlimited),
        false => (job.time_limit_min, job.time_limit_min.is_none()),
    };
    let raises = match (limit, old) {
        _ if unlimited => false,
        (None, _) => true,
        (Some(new), Some(old)) => new > old,
        (Some(_), None) => true,
    };
    let max = turn.cluster().partition(&job.partition).map(|partition| partition.max_time_min);
    let allowed = match (max, limit) {
        (Some(None), _) => true,
        (Some(Some(max)), Some(limit)) => limit <= max,
        (Some(Some(_)), None) | (None, _) => false,
    };
    if !raises || admin || (job.is_pending() && allowed) {
        Ok(())
    } else {
        Err(Reject::AccessDenied)
    }
}

fn check_end_time(turn: &Turn<'_>, job: &Job, admin: bool, at: Timestamp) -> Result<(), Reject> {
    if !matches!(job.phase, Phase::Running(_)) || job.preempted.is_some() {
        return Err(Reject::JobNotRunning(job.id));
    }
    if at < turn.now {
        return Err(Reject::InvalidTime);
    }
    let shortens = job.ended.is_none_or(|end| at < end);
    if shortens || admin { Ok(()) } else { Err(Reject::AccessDenied) }
}

fn apply(turn: &mut Turn<'_>, job: &Arc<Job>, admin: bool, edit: &JobEdit) -> Arc<Job> {
    if let JobEdit::Keep(kept) = edit {
        return remain::keeps(turn, job, kept);
    }
    let now = turn.now;
    let fresh = submit::fresh_priority(turn, job);
    let reniced = match edit {
        JobEdit::Nice(nice) => submit::reniced_priority(turn, job, *nice),
        _ => job.priority,
    };
    turn.edit_job(job, |job| match edit {
        JobEdit::Priority { priority: Some(0), as_owner } => hold(job, admin && !as_owner, now),
        JobEdit::Priority { priority: None, .. } => release(job, fresh, now),
        JobEdit::Priority { priority: Some(priority), .. } => {
            job.priority = *priority;
            let spec = Arc::make_mut(&mut job.spec);
            spec.fixed_priority = Some(*priority);
            spec.nice = 0;
        }
        JobEdit::TimeLimit(limit) => set_time_limit(job, *limit, now),
        JobEdit::EndTime(at) => {
            let delta = job.ended.map_or(0, |end| (at.0 - end.0 + 30).div_euclid(60));
            let minutes = job.time_limit_min.map(|old| i64::from(old).saturating_add(delta));
            let from_start = i64::try_from(at.since(job.started.unwrap_or(now)).div_ceil(60));
            let minutes = minutes.unwrap_or(from_start.unwrap_or(i64::MAX)).max(0);
            job.time_limit_min = Some(u32::try_from(minutes).unwrap_or(u32::MAX));
            job.ended = Some(*at);
        }
        JobEdit::Begin(at) => begin(job, *at, now),
        JobEdit::Partitions(names) => {
            Arc::make_mut(&mut job.spec).partitions.clone_from(names);
            if let Some(name) = names.first() {
                job.partition = Arc::clone(name);
            }
        }
        JobEdit::Nice(nice) => {
            let fixed = job.spec.fixed_priority.is_some() && job.priority != 0;
            if fixed {
                return;
            }
            Arc::make_mut(&mut job.spec).nice = *nice;
            if job.priority > 0 {
                job.priority = reniced;
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
        JobEdit::Reservation(name) => set_reservation(job, name.as_ref()),
        JobEdit::Keep(_) => {}
        JobEdit::Spec(edit) => {
            // Checked on a copy of this very spec.
            let mut spec = JobSpec::clone(&job.spec);
            if (edit.apply)(&mut spec).is_ok() {
                job.spec = Arc::new(spec);
            }
        }
    })
}

fn hold(job: &mut Job, by_admin: bool, now: Timestamp) {
    job.hold = if by_admin { Hold::Admin } else { Hold::User };
    job.priority = 0;
    job.state_text = None;
    if job.is_pending() {
        job.wait = job.hold.wait_reason();
        job.eligible = None;
        // No plan is made for it any more.
        job.started = None;
        job.expected_nodes = None;
    }
    if job.begin.is_some_and(|begin| begin < now) {
        job.begin = None;
    }
}

/// A job that is not held keeps its place: its priority is not computed anew but where an
/// administrator had given it one.
fn release(job: &mut Job, fresh: u32, now: Timestamp) {
    let fixed = job.spec.fixed_priority.is_some();
    if fixed {
        Arc::make_mut(&mut job.spec).fixed_priority = None;
    }
    if !job.hold.is_held() && job.priority > 0 && !fixed {
        return;
    }
    job.hold = Hold::None;
    job.priority = fresh;
    job.state_text = None;
    if job.is_pending() {
        job.wait = WaitReason::None;
    }
    if job.begin.is_some_and(|begin| begin < now) {
        job.begin = None;
    }
}

/// A running job's end moves by as much as its limit does, so that time spent suspended stays
/// given.
fn set_time_limit(job: &mut Job, limit: Option<u32>, now: Timestamp) {
    let (old, started) = (job.time_limit_min, job.started);
    job.time_limit_min = limit;
    if job.is_active() {
        let from = match (old, job.ended) {
            (Some(old), Some(end)) => Some(Timestamp(end.0 - i64::from(old) * 60)),
            _ => started,
        };
        let end = limit.and_then(|minutes| Some(from?.plus_s(u64::from(minutes) * 60)));
        job.ended = end.map(|end| end.max(now));
    } else {
        let spec = Arc::make_mut(&mut job.spec);
        spec.time_limit_min = limit;
        spec.time_unlimited = limit.is_none();
    }
}

/// A running job is in it from now on, wherever its nodes are.
fn set_reservation(job: &mut Job, name: Option<&Arc<str>>) {
    let carried = &mut Arc::make_mut(&mut job.spec).carried;
    carried.set_text(TextOption::Reservation, name.cloned());
    let runs = job.is_active();
    if let Some(allocation) = job.allocation.as_mut().filter(|_| runs) {
        Arc::make_mut(allocation).reservation = name.cloned();
    }
}

fn begin(job: &mut Job, at: Timestamp, now: Timestamp) {
    Arc::make_mut(&mut job.spec).begin = Some(at);
    job.begin = (at > now).then_some(at);
    job.eligible = None;
}
