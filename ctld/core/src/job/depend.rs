//! What a job waits for beside resources: other jobs, and the clock.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Cluster, Dependencies, Dependency, DependencyKind, DependencyState, Exit, Job, JobId, Outcome,
    Phase, Timestamp, WaitReason,
};

use crate::effect::Effect;
use crate::job::{array, complete};
use crate::mail;
use crate::turn::Turn;

/// The job with its conditions looked at anew, its reason and the time from which it could run; and
/// whether it can.
pub(super) fn evaluated(cluster: &Cluster, now: Timestamp, mut job: Job) -> (bool, Job) {
    if !job.spec.dependencies.conditions.is_empty() {
        let mut dependencies = job.spec.dependencies.clone();
        for condition in &mut dependencies.conditions {
            if condition.state != DependencyState::Unfulfilled {
                continue;
            }
            condition.state = state_of(cluster, condition, &job);
            if condition.state == DependencyState::Fulfilled {
                wait_after(cluster, now, condition, &mut job);
            }
        }
        if dependencies != job.spec.dependencies {
            Arc::make_mut(&mut job.spec).dependencies = dependencies;
        }
    }
    let dependencies = &job.spec.dependencies;
    let wait = if job.hold.is_held() {
        job.hold.wait_reason()
    } else if dependencies.are_fulfilled() {
        match job.begin.is_some_and(|begin| begin > now) && job.eligible.is_none() {
            true => WaitReason::BeginTime,
            false => WaitReason::None,
        }
    } else if dependencies.have_failed() {
        WaitReason::DependencyNeverSatisfied
    } else {
        WaitReason::Dependency
    };
    let fulfilled = wait == WaitReason::None;
    if fulfilled && job.eligible.is_none() {
        job.eligible = Some(now);
    }
    let explained = matches!(
        job.wait,
        WaitReason::Dependency | WaitReason::DependencyNeverSatisfied | WaitReason::BeginTime
    );
    if !fulfilled || explained {
        job.wait = wait;
    }
    (fulfilled, job)
}

/// `after:12+5`: once job 12 has started, the waiting is for the clock.
fn wait_after(cluster: &Cluster, now: Timestamp, condition: &Dependency, job: &mut Job) {
    let delay_s = u64::from(condition.delay_min) * 60;
    let started = condition.job.and_then(|id| cluster.job(id)).and_then(|job| job.started);
    let Some(due) = started.map(|at| at.plus_s(delay_s)).filter(|at| delay_s > 0 && *at > now)
    else {
        return;
    };
    job.begin = Some(job.begin.map_or(due, |begin| begin.max(due)));
    job.eligible = None;
}

/// Where one condition stands. With no record left, the awaited job was forgotten, and nobody waits
/// for it any more.
fn state_of(cluster: &Cluster, condition: &Dependency, waiting: &Job) -> DependencyState {
    let Some(awaited) = condition.job else {
        return singleton(cluster, waiting);
    };
    let corresponding = match condition.kind {
        DependencyKind::AfterCorr => waiting.task_index(),
        _ => None,
    };
    let own = corresponding.and_then(|index| cluster.array_task(awaited, index));
    let records: Vec<&Arc<Job>> = match (own, condition.task) {
        (Some(record), _) => vec![record],
        (None, Some(index)) => cluster.array_task(awaited, index).into_iter().collect(),
        (None, None) => match cluster.job(awaited) {
            // The number of a task that was split off means that task alone.
            Some(record) if record.array_job() != awaited => vec![record],
            _ => cluster.array_records(awaited).collect(),
        },
    };
    state_after(condition, &records)
}

/// A job counts as a whole, all records of an array together.
fn state_after(condition: &Dependency, awaited: &[&Arc<Job>]) -> DependencyState {
    let ended = awaited.iter().all(|job| job.phase == Phase::Ended);
    let exit = |job: &Job| job.outcome.as_ref().map(|outcome| outcome.exit);
    let well = awaited.iter().all(|job| exit(job) == Some(Exit::Completed));
    let when = |holds: bool| match (ended, holds) {
        (false, _) => DependencyState::Unfulfilled,
        (true, true) => DependencyState::Fulfilled,
        (true, false) => DependencyState::Failed,
    };
    match condition.kind {
        _ if awaited.is_empty() => DependencyState::Fulfilled,
        DependencyKind::After => {
            let begun = awaited.iter().all(|job| job.is_active() || job.is_finished());
            if begun { DependencyState::Fulfilled } else { DependencyState::Unfulfilled }
        }
        DependencyKind::AfterAny | DependencyKind::AfterBurstBuffer => when(true),
        DependencyKind::AfterOk | DependencyKind::AfterCorr => when(well),
        DependencyKind::AfterNotOk => when(!well),
        DependencyKind::Expand => {
            if awaited.iter().any(|job| job.is_active()) {
                DependencyState::Fulfilled
            } else {
                when(false)
            }
        }
        DependencyKind::Singleton => DependencyState::Fulfilled,
    }
}

/// No other job of this name and user runs, or waits since before.
fn singleton(cluster: &Cluster, waiting: &Job) -> DependencyState {
    let other = cluster.jobs_of(waiting.owner).any(|job| {
        job.het_job() != waiting.het_job()
            && job.id != waiting.id
            && job.spec.name == waiting.spec.name
            && !(job.is_finished() && job.phase == Phase::Ended)
            && (job.is_active() || matches!(job.phase, Phase::Completing(_)) || job.id < waiting.id)
    });
    if other { DependencyState::Unfulfilled } else { DependencyState::Fulfilled }
}

/// A job has started or ended: those that wait for it are looked at anew.
pub(super) fn dependents_of(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let mut waiting: Vec<JobId> = turn.cluster().dependents(job.id).map(|job| job.id).collect();
    if job.array_job() != job.id {
        waiting.extend(turn.cluster().dependents(job.array_job()).map(|job| job.id));
    }
    if job.phase == Phase::Ended {
        waiting.extend(singletons_behind(turn.cluster(), job));
    }
    for id in waiting {
        let Some(waiting) = turn.cluster().job(id).filter(|job| job.is_pending()).cloned() else {
            continue;
        };
        let corresponding = corresponding_task(turn, &waiting, job);
        look_again(turn, &corresponding);
        // What the task was split off from may have waited for nothing else.
        let rest = turn.cluster().job(id).filter(|_| corresponding.id != id).cloned();
        if let Some(rest) = rest {
            look_again(turn, &rest);
        }
    }
}

/// `aftercorr`: the task of the same index is treated apart from the array that it waits with.
fn corresponding_task(turn: &mut Turn<'_>, waiting: &Arc<Job>, ended: &Arc<Job>) -> Arc<Job> {
    let waits =
        |c: &Dependency| c.kind == DependencyKind::AfterCorr && c.job == Some(ended.array_job());
    let Some(index) = ended.task_index().filter(|_| ended.phase == Phase::Ended) else {
        return Arc::clone(waiting);
    };
    let has = waiting.array.as_ref().is_some_and(|role| role.has(index));
    if !has || !waiting.spec.dependencies.conditions.iter().any(waits) {
        return Arc::clone(waiting);
    }
    // Without a number left for it, the task waits with the rest until all have ended.
    array::split(turn, waiting, index).unwrap_or_else(|_| Arc::clone(waiting))
}

fn singletons_behind(cluster: &Cluster, ended: &Job) -> Vec<JobId> {
    let waiting = cluster.singletons_of(ended.owner);
    waiting.filter(|job| job.spec.name == ended.spec.name).map(|job| job.id).collect()
}

/// Looks at what a waiting job waits for, and ends one that can never start if it asked for that.
pub(super) fn look_again(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let (fulfilled, evaluated) = evaluated(turn.cluster(), turn.now, Job::clone(job));
    let never = evaluated.wait == WaitReason::DependencyNeverSatisfied;
    if evaluated == **job {
        return;
    }
    let news = job.wait != evaluated.wait;
    let job = turn.edit_job(job, |job| *job = evaluated);
    if never && news {
        mail::depends_in_vain(turn, &job);
    }
    let kills = job.spec.carried.number(model::NumberOption::KillOnInvalidDependency) == Some(1);
    if never && kills {
        let by = turn.config().slurm_user;
        let outcome = Outcome { exit: Exit::Cancelled { by }, status: 0, derived_status: 0 };
        complete::end_waiting(turn, &job, outcome, WaitReason::DependencyNeverSatisfied);
    } else if fulfilled {
        turn.emit(Effect::Schedule);
    }
}

/// A job's begin time has come.
pub(crate) fn became_eligible(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let job = turn.edit_job(job, |job| job.begin = None);
    look_again(turn, &job);
}

/// Whether a job that waits for these would wait for itself, be it through others.
pub(super) fn is_circular(cluster: &Cluster, job: &Job, dependencies: &Dependencies) -> bool {
    let mut seen: BTreeSet<JobId> = BTreeSet::new();
    let mut next: Vec<JobId> = dependencies.conditions.iter().filter_map(|c| c.job).collect();
    while let Some(id) = next.pop() {
        if id == job.id || id == job.array_job() {
            return true;
        }
        if !seen.insert(id) {
            continue;
        }
        let awaited = cluster.job(id).filter(|awaited| awaited.is_pending());
        let conditions = awaited.map(|job| &job.spec.dependencies.conditions);
        next.extend(conditions.into_iter().flatten().filter_map(|c| c.job));
    }
    false
}
