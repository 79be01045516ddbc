//! What a job waits for beside resources: other jobs, and the clock.

use std::sync::Arc;

use model::{
    Cluster, Dependency, DependencyKind, DependencyState, Exit, Job, JobId, Outcome, Phase,
    WaitReason,
};

use crate::effect::Effect;
use crate::job::complete;
use crate::turn::Turn;

/// The job with its conditions looked at anew, its reason and the time from which it could run; and
/// whether it can.
pub(super) fn evaluated(cluster: &Cluster, mut job: Job) -> (bool, Job) {
    if !job.spec.dependencies.conditions.is_empty() {
        let mut dependencies = job.spec.dependencies.clone();
        for condition in &mut dependencies.conditions {
            if condition.state == DependencyState::Unfulfilled {
                condition.state = state_of(cluster, condition, &job);
            }
        }
        if dependencies != job.spec.dependencies {
            Arc::make_mut(&mut job.spec).dependencies = dependencies;
        }
    }
    let dependencies = &job.spec.dependencies;
    let wait = if job.hold.is_held() {
        job.wait.clone()
    } else if dependencies.have_failed() {
        WaitReason::DependencyNeverSatisfied
    } else if !dependencies.are_fulfilled() {
        WaitReason::Dependency
    } else if job.begin.is_some_and(|begin| begin > job.submitted) && job.eligible.is_none() {
        WaitReason::BeginTime
    } else {
        WaitReason::None
    };
    if wait == WaitReason::None && job.eligible.is_none() {
        job.eligible = Some(job.submitted);
    }
    let fulfilled = wait == WaitReason::None;
    let explained = matches!(
        job.wait,
        WaitReason::Dependency | WaitReason::DependencyNeverSatisfied | WaitReason::BeginTime
    );
    if wait != WaitReason::None || explained {
        job.wait = wait;
    }
    (fulfilled, job)
}

/// Where one condition stands.
fn state_of(cluster: &Cluster, condition: &Dependency, waiting: &Job) -> DependencyState {
    let Some(awaited) = condition.job else {
        return singleton(cluster, waiting);
    };
    let task = match condition.kind {
        DependencyKind::AfterCorr => waiting.task_index(),
        _ => condition.task,
    };
    let records: Vec<&Arc<Job>> = match task {
        Some(index) => cluster.array_task(awaited, index).into_iter().collect(),
        None => {
            let of_array: Vec<_> = cluster.array_records(awaited).collect();
            if of_array.is_empty() { cluster.job(awaited).into_iter().collect() } else { of_array }
        }
    };
    let states = records.into_iter().map(|job| state_after(condition, job));
    // All tasks of an array must have come to it; one that cannot any more fails them all. With no
    // record left, the awaited job was forgotten after it had fulfilled or failed everything.
    states.fold(DependencyState::Fulfilled, |all, one| match (all, one) {
        (DependencyState::Failed, _) | (_, DependencyState::Failed) => DependencyState::Failed,
        (DependencyState::Fulfilled, DependencyState::Fulfilled) => DependencyState::Fulfilled,
        _ => DependencyState::Unfulfilled,
    })
}

fn state_after(condition: &Dependency, awaited: &Job) -> DependencyState {
    let ended = awaited.is_finished() && awaited.phase == Phase::Ended;
    let exit = awaited.outcome.as_ref().map(|outcome| outcome.exit);
    let when = |holds: bool| match (ended, holds) {
        (false, _) => DependencyState::Unfulfilled,
        (true, true) => DependencyState::Fulfilled,
        (true, false) => DependencyState::Failed,
    };
    match condition.kind {
        DependencyKind::After => {
            let begun = awaited.is_active() || awaited.is_finished();
            if begun { DependencyState::Fulfilled } else { DependencyState::Unfulfilled }
        }
        DependencyKind::AfterAny | DependencyKind::AfterBurstBuffer => when(true),
        DependencyKind::AfterOk | DependencyKind::AfterCorr => when(exit == Some(Exit::Completed)),
        DependencyKind::AfterNotOk => when(exit != Some(Exit::Completed)),
        DependencyKind::Expand => {
            if awaited.is_active() {
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
        job.id != waiting.id
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
        look_again(turn, &waiting);
    }
}

fn singletons_behind(cluster: &Cluster, ended: &Job) -> Vec<JobId> {
    let waits = |job: &&Arc<Job>| {
        let conditions = &job.spec.dependencies.conditions;
        job.is_pending()
            && job.spec.name == ended.spec.name
            && conditions.iter().any(|c| c.kind == DependencyKind::Singleton)
    };
    // Most jobs wait for nothing of the kind: only users who have such jobs pay for the walk.
    cluster.jobs_of(ended.owner).filter(waits).map(|job| job.id).collect()
}

/// Looks at what a waiting job waits for, and ends one that can never start if it asked for that.
pub(super) fn look_again(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let (fulfilled, evaluated) = evaluated(turn.cluster(), Job::clone(job));
    let never = evaluated.wait == WaitReason::DependencyNeverSatisfied;
    if evaluated == **job {
        return;
    }
    let mut evaluated = evaluated;
    if fulfilled && job.eligible.is_none() {
        evaluated.eligible = Some(turn.now);
    }
    let job = turn.edit_job(job, |job| *job = evaluated);
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
    let now = turn.now;
    let job = turn.edit_job(job, |job| {
        job.begin = None;
        if job.wait == WaitReason::BeginTime {
            job.wait = WaitReason::None;
        }
        if job.spec.dependencies.are_fulfilled() && !job.hold.is_held() {
            job.eligible = Some(now);
        }
    });
    if !job.spec.dependencies.are_fulfilled() {
        look_again(turn, &job);
    }
}
