//! A scheduler's proposal is checked and carried out.

use std::sync::Arc;

use model::{Change, Exit, Job, Outcome, Partition, Plan, Start, Timestamp, WaitReason, Waits};

use crate::effect::Effect;
use crate::event::Answer;
use crate::job::{array, complete, depend, devices, launch, preempt, waking};
use crate::mail;
use crate::power;
use crate::reject::Reject;
use crate::reservation;
use crate::turn::Turn;

/// A scheduler has a proposal: each start that still fits is carried out, each job left gets its
/// reason. A start that no longer fits is dropped; the next plan sees the cluster as it is.
pub(crate) fn planned(turn: &mut Turn<'_>, plan: Plan) -> Result<Answer, Reject> {
    let mut stale = false;
    for start in plan.starts {
        if model::fits(turn.cluster(), turn.now, &start).is_ok() {
            started(turn, start)?;
        } else {
            stale = true;
        }
    }
    for starts in plan.together {
        if model::fits_together(turn.cluster(), turn.now, &starts).is_ok() {
            let first = starts.first().map(|start| start.job);
            starts.into_iter().try_for_each(|start| started(turn, start))?;
            if let Some(leader) = first.and_then(|id| turn.cluster().job(id)).cloned() {
                launch::prepared(turn, &leader);
            }
        } else {
            stale = true;
        }
    }
    for preemption in &plan.preemptions {
        preempt::planned(turn, preemption);
    }
    for passed in plan.passed {
        let Some(job) = turn.cluster().job(passed.job) else {
            continue;
        };
        let told = job.wait == passed.wait
            && job.started == passed.expected
            && job.expected_nodes == passed.expected_nodes;
        if !job.is_pending() || job.hold.is_held() {
            continue;
        }
        if job.spec.immediate {
            let job = Arc::clone(job);
            not_at_once(turn, &job);
            continue;
        }
        if told {
            continue;
        }
        let waits = Waits {
            at: turn.now,
            wait: passed.wait,
            expected: passed.expected,
            expected_nodes: passed.expected_nodes,
        };
        turn.record(Change::Waits(passed.job, waits));
    }
    if stale || !plan.complete {
        turn.emit(Effect::Schedule);
    }
    Ok(Answer::Done)
}

/// A job that was to start at once or not at all does not start.
fn not_at_once(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let outcome = Outcome { exit: Exit::Failed, status: 1, derived_status: 0 };
    complete::end_waiting(turn, job, outcome, WaitReason::BadConstraints);
}

/// A job gets its nodes.
fn started(turn: &mut Turn<'_>, start: Start) -> Result<(), Reject> {
    let job = turn.job(start.job)?;
    let job = match start.task {
        Some(index) => array::split(turn, &job, index)?,
        None => job,
    };
    let partition = turn.cluster().partition(&start.partition).cloned();
    let allocation = Arc::new(devices::chosen(turn.cluster(), &job, start.allocation));
    let now = turn.now;
    let config = turn.config();
    let is_up = config.power.is_none() || {
        let job = Job { allocation: Some(Arc::clone(&allocation)), ..Job::clone(&job) };
        waking::nodes_are_up(turn.cluster(), &job)
    };
    let job = turn.edit_job(&job, |job| {
        job.partition = Arc::clone(&start.partition);
        job.time_limit_min = time_limit(job, partition.as_deref(), now);
        job.started = Some(now);
        job.expected_nodes = None;
        job.ended = job.time_limit_min.map(|minutes| now.plus_s(u64::from(minutes) * 60));
        job.eligible = job.eligible.or(Some(now));
        job.last_evaluated = Some(now);
        job.wait = WaitReason::None;
        job.state_text = None;
        job.warned = false;
        job.derived_status = 0;
        job.allocation = Some(Arc::clone(&allocation));
        launch::begin(&config, job, &allocation, now);
        if !is_up {
            job.phase = waking::begin(&config, now);
            job.prologs = None;
        }
    });
    for effect in launch::outstanding(&job) {
        turn.emit(effect);
    }
    if is_up {
        launch::record_steps(turn, &job);
    }
    power::job_started(turn, &job);
    reservation::job_started(turn, &job);
    mail::began(turn, &job);
    depend::dependents_of(turn, &job);
    Ok(())
}

/// The limit that a job runs under: as long as it may run in its partition, and not past its
/// deadline.
fn time_limit(job: &Job, partition: Option<&Partition>, now: Timestamp) -> Option<u32> {
    let longest = match partition {
        Some(partition) => job.longest_min(partition),
        None => job.time_limit_min,
    };
    let left = job.spec.deadline.map(|deadline| deadline.since(now) / 60);
    // One that is met by less than a minute is still a limit.
    let left = left.map(|minutes| u32::try_from(minutes.max(1)).unwrap_or(u32::MAX));
    [longest, left].into_iter().flatten().min()
}
