//! Launches of which nobody knows whether they were delivered.
//!
//! A script must not run twice for one start of its job. So a launch that may have been delivered,
//! because the process that sent it is gone or its answer never came, is not sent again before its
//! node has told what it runs: it has the script, or lost it when it booted since, or never got it.
//!
//! The first copy of a launch may lie in a slurmd all the same, and slurmd refuses the second one in a
//! misleading way: before it answers that it has the job, it asks to have it requeued as one that could
//! not be launched. So what it says of a launch that was repeated is not believed before the answer, which
//! makes it void, nor before it has told what it runs.
//!
//! A slurmd that finds nobody to take its answer gives the launch up, and says the same of it. That is
//! told from a prolog that failed by the registration that it sends right after (24.11 to 26.05).

use std::collections::BTreeMap;
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
    /// Launches that may have been delivered; what their slurmd said of them meanwhile.
    open: BTreeMap<Start, Option<Claim>>,
    /// The same for launches that were sent twice, of jobs that run.
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
            self.open.entry(start(job)).or_default();
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

/// A slurmd has answered that it has a script, now or already: what it said of it before is void.
pub(crate) fn delivered(doubts: &mut Doubts, id: JobId, restarts: u16) {
    doubts.open.remove(&(id, restarts));
    if let Some(claim) = doubts.repeated.get_mut(&(id, restarts)) {
        *claim = None;
    }
}

/// A launch has not been answered for long: its node is asked what it runs.
pub(crate) fn unanswered(turn: &mut Turn<'_>, doubts: &mut Doubts, job: &Job) {
    doubts.note(job);
    if let Some(node) = launch::batch_host(job) {
        turn.emit(Effect::ToNode { node, message: NodeMessage::Register });
    }
}

/// What a node has told of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    /// When it booted.
    pub(crate) booted: Timestamp,
    /// What it runs.
    pub(crate) steps: &'a [(JobId, StepNumber)],
    /// Whether something failed there, as a prolog.
    pub(crate) failed: bool,
}

/// A node has told what it runs, and when it booted.
pub(crate) fn settled(turn: &mut Turn<'_>, doubts: &mut Doubts, id: NodeId, told: Told<'_>) {
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
        let sent = sent_at(&job);
        let runs = told.steps.contains(&(job.id, StepNumber::Batch));
        let open = doubts.open.remove(&start(&job));
        let is_open = open.is_some();
        let claim = match open.flatten() {
            claim @ Some(_) => claim.filter(|_| told.failed),
            // Its answer is still to come.
            None if sent.is_some() && !runs => None,
            None => doubts.repeated.get_mut(&start(&job)).and_then(Option::take),
        };
        if !runs && let Some(Claim { hold, text }) = claim {
            requeue::launch_failed(turn, &job, hold, text);
            continue;
        }
        let Some(sent) = sent.filter(|_| is_open || runs) else {
            continue;
        };
        if runs {
            turn.edit_job(&job, |job| job.phase = Phase::Running(Launch::Done));
        } else if told.booted > sent {
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
    let Some(node) = host else {
        return false;
    };
    let said = Some(Claim { hold: request.hold, text: request.state_text.clone() });
    if let Some(claim) = doubts.repeated.get_mut(&start(&job)) {
        *claim = said;
        turn.emit(Effect::ToNode { node, message: NodeMessage::Register });
    } else if let Some(claim) = doubts.open.get_mut(&start(&job)) {
        // Its own registration says why.
        *claim = said;
    } else {
        return false;
    }
    true
}
