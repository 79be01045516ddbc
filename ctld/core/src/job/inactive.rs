//! Interactive clients that are gone, and their allocations (InactiveLimit).

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Exit, Job, JobId, Outcome, Phase, Timestamp, WaitReason};

use crate::effect::{ClientMessage, NodeMessage};
use crate::job::{client, complete};
use crate::turn::Turn;

/// When the clients of interactive jobs were last heard of. Over a restart that is forgotten, and
/// counts from then.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    heard: BTreeMap<JobId, Timestamp>,
    asked: Option<Timestamp>,
}

impl Clients {
    /// The client of a job gave a sign of life.
    pub(crate) fn heard(&mut self, job: JobId, now: Timestamp) {
        if let Some(at) = self.heard.get_mut(&job) {
            *at = now;
        }
    }
}

/// Three times in InactiveLimit: asks clients that have been silent whether they are there, and ends
/// the jobs of those that have not been heard of for a third longer than it, and the time that an
/// answer may take (24.11).
pub(crate) fn ask_clients(turn: &mut Turn<'_>, clients: &mut Clients) {
    let config = turn.config();
    let limit_s = u64::from(config.inactive_limit_s);
    if limit_s == 0 {
        clients.heard.clear();
        return;
    }
    let every_s = (limit_s / 3).max(1);
    if clients.asked.is_some_and(|at| turn.now.since(at) < every_s) {
        return;
    }
    clients.asked = Some(turn.now);
    let jobs: Vec<Arc<Job>> =
        turn.cluster().active().filter(|job| is_watched(turn, job)).cloned().collect();
    let answer_s = u64::from(config.message_timeout_s) + 1;
    let mut heard = BTreeMap::new();
    for job in jobs {
        let last = clients.heard.get(&job.id).copied().unwrap_or(turn.now);
        if turn.now.since(last) >= limit_s * 4 / 3 + answer_s {
            let outcome = Outcome { exit: Exit::Timeout, status: 0, derived_status: 0 };
            let message = |job| NodeMessage::KillTimeLimit { job };
            complete::end(turn, &job, outcome, WaitReason::InactiveLimit, message);
            continue;
        }
        heard.insert(job.id, last);
        client::say(turn, &job, ClientMessage::Ping { job: job.id });
    }
    clients.heard = heard;
}

/// Whether a running job has a client that must be there. One with `--no-shell` names no port; in a
/// partition for root alone jobs are started by daemons.
fn is_watched(turn: &Turn<'_>, job: &Job) -> bool {
    let partition = turn.cluster().partition(&job.partition);
    matches!(job.phase, Phase::Running(_))
        && client::client_of(job).is_some()
        && partition.is_none_or(|partition| !partition.root_only)
}
