//! Whether nodes are there, and what happens to their jobs when they are not.

use std::sync::Arc;

use model::{
    Availability, Change, Cluster, Exit, HealthCheck, Job, Node, NodeId, NodeReason, Outcome,
    Phase, Seen, Uid, WaitReason,
};

use crate::effect::{Effect, NodeMessage};
use crate::event::Answer;
use crate::job;
use crate::mail;
use crate::node::leftover;
use crate::reject::Reject;
use crate::reservation;
use crate::turn::Turn;

/// A node gave a sign of life.
pub(crate) fn answered(turn: &mut Turn<'_>, id: NodeId, seen: Seen) -> Result<Answer, Reject> {
    let Some(node) = turn.cluster().node(id) else {
        return Ok(Answer::Done);
    };
    let is_gone = node.availability == Availability::Future || !node.is_powered();
    if node.flags.reboot_issued || is_gone {
        // It speaks for the last time before its boot or its stop, or has no place any more.
        return Ok(Answer::Done);
    }
    let was_silent = node.flags.not_responding;
    turn.record(Change::Seen(id, seen));
    if was_silent {
        let now = turn.now;
        turn.edit_node(id, |node| {
            node.flags.not_responding = false;
            if node.flags.unclean {
                node.last_busy = Some(now);
            }
        });
        turn.emit(Effect::Schedule);
    }
    Ok(Answer::Done)
}

/// A node could not be reached. It is given SlurmdTimeout to come back, see [`fallen_silent`].
pub(crate) fn unreachable(turn: &mut Turn<'_>, id: NodeId) -> Result<Answer, Reject> {
    match turn.cluster().node(id) {
        Some(node) if !node.flags.not_responding && node.is_reachable() && node.is_powered() => {
            let now = turn.now;
            turn.edit_node(id, |node| {
                node.flags.not_responding = true;
                // The time to come back starts now for a node that was never heard of.
                node.last_response = node.last_response.or(Some(now));
            });
        }
        _ => {}
    }
    Ok(Answer::Done)
}

/// Sets nodes down that have not responded for SlurmdTimeout.
pub(crate) fn fallen_silent(turn: &mut Turn<'_>) {
    let timeout_s = u64::from(turn.config().slurmd_timeout_s);
    if timeout_s == 0 {
        return;
    }
    let silent: Vec<NodeId> = turn
        .cluster()
        .nodes()
        .filter(|node| node.flags.not_responding && node.is_powered())
        .filter(|node| matches!(node.availability, Availability::Up | Availability::Unknown))
        .filter(|node| node.last_response.is_none_or(|at| turn.now.since(at) > timeout_s))
        .map(|node| node.id)
        .collect();
    for id in silent {
        down(turn, id, NOT_RESPONDING);
    }
}

/// The reason that ReturnToService=1 forgives.
pub(crate) const NOT_RESPONDING: &str = "Not responding";

/// Sets a node down and ends what runs there.
pub(crate) fn down(turn: &mut Turn<'_>, id: NodeId, reason: &str) {
    let by = turn.config().slurm_user;
    let reason = reason_at(turn, reason, by);
    turn.edit_node(id, |node| {
        let was_out = node.flags.drain || node.flags.fail;
        let old = node.reason.take().filter(|_| was_out || node.availability == Availability::Down);
        node.availability = Availability::Down;
        node.reason = Some(said_too(old, reason));
    });
    lose_jobs(turn, id);
}

/// A reason beside the one that is there already, as slurmctld joins them.
pub(crate) fn said_too(old: Option<NodeReason>, new: NodeReason) -> NodeReason {
    match old {
        Some(old) if old.text.contains(&*new.text) => NodeReason { text: old.text, ..new },
        Some(old) => NodeReason { text: format!("{} : {}", old.text, new.text).into(), ..new },
        None => new,
    }
}

/// Ends or requeues what runs on a node that is gone, and stops waiting for its clean-up. It is told
/// nevertheless, if it can be: a node that was set down by hand is there.
pub(crate) fn lose_jobs(turn: &mut Turn<'_>, id: NodeId) {
    let name = turn.cluster().node(id).map(|node| Arc::clone(&node.name));
    let jobs: Vec<Arc<Job>> = turn.cluster().jobs_on(id).cloned().collect();
    let hears =
        turn.cluster().node(id).is_some_and(|n| n.is_reachable() && !n.flags.not_responding);
    if !jobs.is_empty() {
        leftover::left_behind(turn, id, &jobs);
    }
    for job in jobs {
        let job = match job.phase {
            Phase::Running(_) | Phase::Suspended => {
                if !job::goes_on_without(turn, &job, id) {
                    lose_job(turn, &job, id, name.clone());
                }
                turn.cluster().job(job.id).cloned()
            }
            _ => Some(job),
        };
        if let Some(job) = job {
            job::clean_on(turn, &job, id);
            if hears {
                // Of a job that goes on, nothing there is to report an end any more.
                let message = match job.is_active() {
                    true => NodeMessage::Abort { job: job.id, step: None },
                    false => NodeMessage::Terminate { job },
                };
                turn.emit(Effect::ToNode { node: id, message });
            }
        }
    }
}

/// A node of a job is gone: a batch job that may be requeued starts anew, another ends.
fn lose_job(turn: &mut Turn<'_>, job: &Arc<Job>, node: NodeId, node_name: Option<Arc<str>>) {
    if let Some(name) = &node_name {
        job::node_lost(turn, job, node, name);
    }
    let job = turn.edit_job(job, |job| job.failed_node = node_name);
    if job::may_requeue(turn, &job) {
        mail::lost_its_node(turn, &job);
        job::requeue(turn, &job, model::Hold::None, None);
    } else {
        let outcome = Outcome { exit: Exit::NodeFail, status: 1, derived_status: 0 };
        let message = |job| NodeMessage::Terminate { job };
        let job = job::leader(turn, &job);
        job::end(turn, &job, outcome, WaitReason::NodeFailed, message);
    }
}

/// Takes a node out of the table that slurm.conf no longer names, or that was deleted.
pub(crate) fn removed(turn: &mut Turn<'_>, id: NodeId) {
    lose_jobs(turn, id);
    let partitions: Vec<_> =
        turn.cluster().partitions().filter(|p| p.nodes.contains(&id)).cloned().collect();
    for partition in partitions {
        let mut partition = model::Partition::clone(&partition);
        partition.nodes = partition.nodes.iter().copied().filter(|node| *node != id).collect();
        turn.record(Change::Partition(Arc::new(partition)));
    }
    reservation::node_removed(turn, id);
    turn.record(Change::NodeGone(id));
}

/// Keeps new jobs from a node, of the controller's own accord.
pub(crate) fn drain(turn: &mut Turn<'_>, id: NodeId, reason: &str) {
    let by = turn.config().slurm_user;
    let reason = reason_at(turn, reason, by);
    turn.edit_node(id, |node| {
        if !node.flags.drain {
            node.flags.drain = true;
            let told = node.reason.take().filter(|old| !old.text.starts_with(NOT_RESPONDING));
            node.reason = told.or(Some(reason));
        }
    });
}

/// Brings back nodes whose ResumeAfter has come.
pub(crate) fn resumed_by_time(turn: &mut Turn<'_>) {
    let due: Vec<NodeId> = turn
        .cluster()
        .nodes()
        .filter(|node| node.resume_after.is_some_and(|at| at <= turn.now))
        .map(|node| node.id)
        .collect();
    for id in due {
        super::update::resume(turn, id);
    }
}

/// Whether a node may be asked anything: nothing says that it cannot answer.
pub(crate) fn may_be_asked(node: &Node) -> bool {
    let f = node.flags;
    node.is_reachable() && !(f.powering_up || f.powering_down || f.invalid || f.reboot_issued)
}

/// Whether a node has been given up. It is asked to register when its turn comes, so that it comes
/// back when the network does, and not pinged: waiting for it would hold up the others.
pub(crate) fn is_given_up(node: &Node) -> bool {
    node.flags.not_responding && node.availability == Availability::Down
}

/// Whether a node is one that HealthCheckNodeState names: by the CPUs that jobs have of it, in
/// slurmctld as here.
pub(crate) fn is_checked(cluster: &Cluster, check: HealthCheck, node: &Node) -> bool {
    if !may_be_asked(node) || node.flags.not_responding {
        return false;
    }
    if check.idle && check.alloc && check.mixed && check.nondrained_idle {
        return true;
    }
    let used = cluster.usage(node.id).cpus;
    if used == 0 {
        let is_idle = node.availability == Availability::Up;
        return is_idle && (check.idle || check.nondrained_idle && !node.flags.drain);
    }
    if used < u32::from(node.hardware.cpus) { check.mixed } else { check.alloc }
}

/// What a node is told when the controller starts: to register.
pub(crate) fn introduction(node: &Arc<Node>) -> Option<Effect> {
    may_be_asked(node).then(|| Effect::ToNode { node: node.id, message: NodeMessage::Register })
}

pub(crate) fn reason_at(turn: &Turn<'_>, text: &str, by: Uid) -> NodeReason {
    NodeReason { text: text.into(), by, at: turn.now }
}
