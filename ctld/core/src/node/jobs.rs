//! What runs on a node against what should.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Exit, Hold, Job, JobId, Launch, Node, NodeId, Outcome, Phase, StepNumber, WaitReason};

use crate::effect::{Effect, NodeMessage};
use crate::job;
use crate::mail;
use crate::node::leftover;
use crate::turn::Turn;

/// What of MessageTimeout slurmctld adds to BatchStartTimeout at most, seconds (24.11).
const MESSAGE_TIMEOUT_MAX_S: u16 = 10;

/// Compares the steps that a node reports with the jobs that it should have: what should not be
/// there is ended, a batch job that is not there any more is lost.
pub(super) fn compare(
    turn: &mut Turn<'_>,
    (before, node): (&Node, &Arc<Node>),
    rebooted: bool,
    steps: &[(JobId, StepNumber)],
) {
    let mut seen = BTreeSet::new();
    for &(id, step) in steps {
        if !seen.insert(id) {
            continue;
        }
        if let Some(message) = end_of_stray(turn, node.id, id, step) {
            turn.emit(Effect::ToNode { node: node.id, message });
        }
    }
    let is_own = |id: &JobId| {
        let job = turn.cluster().job(*id);
        job.is_some_and(|job| job.held_shares().any(|share| share.node == node.id))
    };
    let has_strangers = !seen.iter().all(is_own);
    leftover::inspected(turn, before, has_strangers);
    let config = turn.config();
    let message_s = config.message_timeout_s.min(MESSAGE_TIMEOUT_MAX_S);
    let grace_s = u64::from(config.batch_start_timeout_s) + u64::from(message_s);
    let lost: Vec<Arc<Job>> = turn
        .cluster()
        .jobs_on(node.id)
        .filter(|job| job.has_script() && job.phase == Phase::Running(Launch::Done))
        .filter(|job| job.allocation.as_ref().is_some_and(|a| a.batch_host() == node.id))
        .filter(|job| !steps.contains(&(job.id, StepNumber::Batch)))
        .filter(|job| {
            rebooted || job.started.is_none_or(|started| turn.now.since(started) > grace_s)
        })
        .cloned()
        .collect();
    for job in lost {
        batch_lost(turn, &job, node.id);
    }
    if rebooted {
        cleaned_by_boot(turn, node.id);
    }
}

/// What a node is told of a job that it reports and that should not run there.
fn end_of_stray(turn: &Turn<'_>, node: NodeId, id: JobId, step: StepNumber) -> Option<NodeMessage> {
    let abort = NodeMessage::Abort { job: id, step: Some(step) };
    let Some(job) = turn.cluster().job(id) else {
        return Some(abort);
    };
    let has_share = job.held_shares().any(|share| share.node == node);
    match &job.phase {
        Phase::Running(_) | Phase::Suspended if has_share => None,
        Phase::Completing(_) if has_share => Some(NodeMessage::Terminate { job: Arc::clone(job) }),
        // It started anew elsewhere, or will: what is here is of an earlier start.
        Phase::Pending | Phase::Running(_) | Phase::Suspended => Some(abort),
        Phase::Completing(completing) if completing.requeue => Some(abort),
        Phase::Completing(_) | Phase::Ended => {
            let message_s = u64::from(turn.config().message_timeout_s);
            // Its end and this report may have crossed.
            let just_ended = job.ended.is_some_and(|ended| turn.now.since(ended) < message_s);
            (!just_ended).then(|| NodeMessage::Terminate { job: Arc::clone(job) })
        }
    }
}

/// The batch host is there and does not know the script: it ended unseen, or never began.
pub(crate) fn batch_lost(turn: &mut Turn<'_>, job: &Arc<Job>, node: NodeId) {
    let name = turn.cluster().node(node).map(|node| Arc::clone(&node.name));
    let job = turn.edit_job(job, |job| job.failed_node = name);
    if job::may_requeue(turn, &job) {
        mail::lost_its_node(turn, &job);
        job::launch_failed(turn, &job, Hold::None, None);
    } else {
        let outcome = Outcome { exit: Exit::NodeFail, status: 1, derived_status: 0 };
        let message = |job| NodeMessage::Terminate { job };
        job::end(turn, &job, outcome, WaitReason::None, message);
    }
}

/// A boot leaves nothing of what was being cleaned up.
fn cleaned_by_boot(turn: &mut Turn<'_>, node: NodeId) {
    let cleaned: Vec<Arc<Job>> = turn
        .cluster()
        .jobs_on(node)
        .filter(|job| matches!(job.phase, Phase::Completing(_)))
        .cloned()
        .collect();
    for job in cleaned {
        job::clean_on(turn, &job, node);
    }
}
