//! Heterogeneous jobs: what concerns all components of one. They start together (`place.rs`); the end
//! of the leader is the end of all, and so is the loss of a node of any. A component that is not the
//! leader may end alone.

use std::sync::Arc;

use model::{Hold, Job, JobId, Phase};

use crate::event::{Answer, JobEdit, JobPart, Kill, NewJob};
use crate::job::{requeue, submit};
use crate::reject::Reject;
use crate::turn::Turn;

/// A heterogeneous job is submitted: all components or none.
pub(crate) fn submitted(turn: &mut Turn<'_>, components: Vec<NewJob>) -> Result<Answer, Reject> {
    submit::submitted_together(turn, components)
}

/// The components of the heterogeneous job that a job is one of, as they are now; a plain job alone.
pub(crate) fn components(turn: &Turn<'_>, job: &Arc<Job>) -> Vec<Arc<Job>> {
    turn.cluster().components(job).cloned().collect()
}

/// The leader of the heterogeneous job that a job is one of, as it is now; of a plain job, the job.
pub(crate) fn leader(turn: &Turn<'_>, job: &Arc<Job>) -> Arc<Job> {
    turn.cluster().job(job.het_job()).cloned().unwrap_or_else(|| Arc::clone(job))
}

/// What ends with a job: the other active components, if it leads any.
pub(super) fn followers(turn: &Turn<'_>, job: &Arc<Job>) -> Vec<JobId> {
    let leads = job.het.as_ref().is_some_and(|role| role.is_leader());
    let active = turn.cluster().components(job).filter(|other| leads && other.is_active());
    active.map(|other| other.id).filter(|id| *id != job.id).collect()
}

/// Whether an active job may be started anew of the controller's own accord, with all that it starts
/// together with: nobody wants a component back that was cancelled.
pub(crate) fn may_requeue(turn: &Turn<'_>, job: &Arc<Job>) -> bool {
    turn.cluster().components(job).all(|job| job.batch && job.spec.requeue && job.is_active())
}

/// What is requeued, stopped or continued as a whole, through its leader.
pub(super) fn as_a_whole(records: Vec<Arc<Job>>) -> Result<Vec<Arc<Job>>, Reject> {
    match records.first().and_then(|job| job.het.as_ref().map(|role| (job.id, role.is_leader()))) {
        None => Ok(records),
        Some((_, true)) => Ok(records.into_iter().take(1).collect()),
        Some((id, false)) => Err(Reject::NotHetJobLeader(id)),
    }
}

/// What of a heterogeneous job a cancellation or signal is for, whose text or number names `named`.
/// What has not started is ended as a whole.
pub(super) fn meant_by_kill(
    turn: &Turn<'_>,
    kill: &Kill,
    named: Vec<Arc<Job>>,
) -> Result<Vec<Arc<Job>>, Reject> {
    let Some(first) = named.first() else {
        return Ok(named);
    };
    let Some(role) = &first.het else {
        return match kill.selection.part {
            JobPart::Component(_) => Err(Reject::NotHetJob(first.id)),
            JobPart::Whole | JobPart::Tasks(_) => Ok(named),
        };
    };
    if let Some(step) = kill.step {
        // Of a step that spans components, each has a part.
        let has = |job: &Arc<Job>| turn.cluster().steps_numbered(job.id, step).next().is_some();
        let with_it: Vec<Arc<Job>> = named.iter().filter(|job| has(job)).cloned().collect();
        return Ok(if with_it.is_empty() { named[..1].to_vec() } else { with_it });
    }
    if role.is_leader() || turn.config().whole_hetjob {
        return Ok(components(turn, first));
    }
    let waits = match &first.phase {
        Phase::Pending => true,
        Phase::Completing(completing) => completing.requeue,
        Phase::Running(_) | Phase::Suspended | Phase::Ended => false,
    };
    if waits { Err(Reject::NotWholeHetJob(first.id)) } else { Ok(named) }
}

/// What of a heterogeneous job an alteration is for: with SchedulerParameters=whole_hetjob, whoever
/// holds or releases one component means all.
pub(super) fn meant_by_update(
    turn: &Turn<'_>,
    edits: &[JobEdit],
    named: Vec<Arc<Job>>,
) -> Vec<Arc<Job>> {
    let holds = |edit: &JobEdit| matches!(edit, JobEdit::Priority { priority: None | Some(0), .. });
    match named.first() {
        Some(job) if turn.config().whole_hetjob && edits.iter().all(holds) => components(turn, job),
        _ => named,
    }
}

/// Sends all of a heterogeneous job back to the queue, whatever of it has ended by itself; or a plain
/// job.
pub(super) fn all_back(turn: &mut Turn<'_>, job: &Arc<Job>, hold: Hold, text: Option<&Arc<str>>) {
    for id in components(turn, job).iter().map(|job| job.id) {
        if let Some(job) = turn.cluster().job(id).cloned() {
            requeue::one_back(turn, &job, hold, text.cloned());
        }
    }
}
