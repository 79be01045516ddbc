//! Launches of which nobody knows whether they were delivered.
//!
//! A script must not run twice for one start of its job. So a launch that may have been delivered,
//! because the process that sent it is gone or its answer never came, is not sent again before its
//! node has told what it runs: it has the script, or lost it when it booted since, or never got it.
//!
//! The first copy of a launch may lie in a slurmd all the same, and slurmd refuses the second one in a
//! misleading way: before it answers, it asks to have the job, which runs, requeued as one that could
//! not be launched. So what it says of a launch that was repeated is not believed before it has told
//! what it runs either.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Hold, Job, JobId, Launch, NodeId, Phase, StepNumber, Timestamp};

use crate::access;
use crate::effect::{Effect, NodeMessage};
use crate::event::Requeue;
use crate::job::{launch, requeue};
use crate::node;
use crate::turn::Turn;

/// One start of a job: its number and its restart count.
type Start = (JobId, u16);

/// The doubtful launches. Not kept over a restart, which makes every launch that is under way a
/// doubtful one.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// Launches that may have been delivered.
    open: BTreeSet<Start>,
    /// Launches that were sent twice, of jobs that run; what their slurmd said of them meanwhile.
    repeated: BTreeMap<Start, Option<Claim>>,
}

/// How a slurmd wants a job to be requeued of which it says that it could not be launched.
#[derive(Debug)]
struct Claim {
    hold: Hold,
    text: Option<Arc<str>>,
}

impl Doubts {
    /// Notes a job if its script is on its way.
    pub(crate) fn note(&mut self, job: &Job) {
        if sent_at(job).is_some() {
            self.open.insert(start(job));
        }
    }
}

fn start(job: &Job) -> Start {
    (job.id, job.restarts)
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
    if doubts.open.is_empty() && doubts.repeated.is_empty() {
        return;
    }
    let here: Vec<Arc<Job>> = turn
        .cluster()
        .jobs_on(id)
        .filter(|job| launch::batch_host(job) == Some(id))
        .filter(|job| matches!(job.phase, Phase::Running(_)))
        .cloned()
        .collect();
    for job in here {
        let is_open = doubts.open.remove(&start(&job));
        let claim = doubts.repeated.get_mut(&start(&job)).and_then(Option::take);
        let sent = sent_at(&job);
        let runs = steps.contains(&(job.id, StepNumber::Batch));
        if !runs && let Some(Claim { hold, text }) = claim {
            requeue::launch_failed(turn, &job, hold, text);
            continue;
        }
        let Some(sent) = sent.filter(|_| is_open || runs) else {
            continue;
        };
        if runs {
            turn.edit_job(&job, |job| job.phase = Phase::Running(Launch::Done));
        } else if booted > sent {
            node::batch_lost(turn, &job, id);
        } else {
            let cluster = turn.cluster();
            doubts.repeated.retain(|(id, restarts), _| {
                cluster.job(*id).is_some_and(|job| job.is_active() && job.restarts == *restarts)
            });
            doubts.repeated.insert(start(&job), None);
            let since = turn.now;
            let job =
                turn.edit_job(&job, |job| job.phase = Phase::Running(Launch::Sending { since }));
            for effect in launch::outstanding(&job) {
                turn.emit(effect);
            }
        }
    }
}

/// A slurmd says that a job could not be launched. Gives whether that is to be looked into first.
pub(crate) fn is_disputed(turn: &mut Turn<'_>, doubts: &mut Doubts, request: &Requeue) -> bool {
    let Some(job) = turn.cluster().job(request.selection.job).cloned() else {
        return false;
    };
    let is_daemon = access::require_daemon(&turn.config(), request.caller).is_ok();
    let host = launch::batch_host(&job).filter(|_| is_daemon && job.is_active());
    let (Some(claim), Some(node)) = (doubts.repeated.get_mut(&start(&job)), host) else {
        return false;
    };
    *claim = Some(Claim { hold: request.hold, text: request.state_text.clone() });
    turn.emit(Effect::ToNode { node, message: NodeMessage::Register });
    true
}
