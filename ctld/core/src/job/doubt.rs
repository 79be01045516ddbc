//! Launches of which nobody knows whether they were delivered.
//!
//! A script must not run twice for one start of its job. So a launch that may have been delivered,
//! because the process that sent it is gone or its answer never came, is not sent again before its
//! node has told what it runs: it has the script, or lost it when it booted since, or never got it.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Job, JobId, Launch, NodeId, Phase, StepNumber, Timestamp};

use crate::effect::{Effect, NodeMessage};
use crate::job::launch;
use crate::node;
use crate::turn::Turn;

/// The doubtful launches: jobs and their restart counts. Not kept over a restart, which makes every
/// launch that is under way a doubtful one.
#[derive(Debug, Default)]
pub(crate) struct Doubts(BTreeSet<(JobId, u16)>);

impl Doubts {
    /// Notes a job if its script is on its way.
    pub(crate) fn note(&mut self, job: &Job) {
        if sent_at(job).is_some() {
            self.0.insert((job.id, job.restarts));
        }
    }
}

/// When the script of a job was sent, if it is on its way.
pub(crate) fn sent_at(job: &Job) -> Option<Timestamp> {
    match job.phase {
        Phase::Running(Launch::Sending { since }) => Some(since),
        _ => None,
    }
}

/// A launch has not been answered for long: its node is asked what it runs.
pub(crate) fn unanswered(turn: &mut Turn<'_>, doubts: &mut Doubts, job: &Job) {
    doubts.note(job);
    if let Some(node) = launch::batch_host(job) {
        turn.emit(Effect::ToNode { node, message: NodeMessage::Register });
    }
}

/// A node has told what it runs, and when it booted.
pub(crate) fn settled(
    turn: &mut Turn<'_>,
    doubts: &mut Doubts,
    id: NodeId,
    booted: Timestamp,
    steps: &[(JobId, StepNumber)],
) {
    if doubts.0.is_empty() {
        return;
    }
    let doubtful: Vec<(Arc<Job>, Timestamp)> = turn
        .cluster()
        .jobs_on(id)
        .filter(|job| launch::batch_host(job) == Some(id))
        .filter_map(|job| Some((Arc::clone(job), sent_at(job)?)))
        .collect();
    for (job, sent) in doubtful {
        if !doubts.0.remove(&(job.id, job.restarts)) {
            continue;
        }
        if steps.contains(&(job.id, StepNumber::Batch)) {
            turn.edit_job(&job, |job| job.phase = Phase::Running(Launch::Done));
        } else if booted > sent {
            node::batch_lost(turn, &job, id);
        } else {
            let since = turn.now;
            let job =
                turn.edit_job(&job, |job| job.phase = Phase::Running(Launch::Sending { since }));
            for effect in launch::outstanding(&job) {
                turn.emit(effect);
            }
        }
    }
}
