//! Processes of jobs that were given up.
//!
//! A job goes on, or ends, without the clean-up of a node that is down. The node may be well all the
//! same, cut off or set down by hand, and still run the job. It gets no other until it has registered
//! with nothing that is not its own. A prolog that runs is not in a registration, but what comes after
//! it is; so a node that had just been sent a job, or was silent and may find orders when it wakes, is
//! given a while before its word counts.

use std::sync::Arc;

use model::{Job, Node, NodeId};

use crate::effect::{Effect, NodeMessage};
use crate::node::health;
use crate::turn::Turn;

/// Jobs are given up on a node.
pub(crate) fn left_behind(turn: &mut Turn<'_>, id: NodeId, jobs: &[Arc<Job>]) {
    let (now, grace_s) = (turn.now, grace_s(turn));
    let is_new = |job: &Arc<Job>| job.started.is_some_and(|at| now.since(at) < grace_s);
    let has_new = jobs.iter().any(is_new);
    turn.edit_node(id, |node| {
        node.flags.unclean = true;
        if has_new {
            node.last_busy = Some(now);
        }
    });
}

/// How long a node may take to show what it was sent.
fn grace_s(turn: &Turn<'_>) -> u64 {
    let config = turn.config();
    u64::from(config.batch_start_timeout_s) + u64::from(config.message_timeout_s)
}

/// A node has told all that runs there.
pub(crate) fn inspected(turn: &mut Turn<'_>, before: &Node, has_strangers: bool) {
    let (now, grace_s) = (turn.now, grace_s(turn));
    let silent = before.flags.not_responding;
    let is_settled = before.last_busy.is_none_or(|at| now.since(at) >= grace_s);
    if has_strangers || before.flags.unclean && silent {
        turn.edit_node(before.id, |node| {
            node.flags.unclean = true;
            if silent {
                node.last_busy = Some(now);
            }
        });
    } else if before.flags.unclean && is_settled {
        turn.edit_node(before.id, |node| node.flags.unclean = false);
        turn.emit(Effect::Schedule);
    }
}

/// Asks nodes that are not clean what still runs there: orders to end it went out when they last
/// told.
pub(crate) fn ask_again(turn: &mut Turn<'_>) {
    let asked: Vec<NodeId> = turn
        .cluster()
        .nodes()
        .filter(|node| node.flags.unclean)
        .filter(|node| health::may_be_asked(node) && !health::is_given_up(node))
        .map(|node| node.id)
        .collect();
    for node in asked {
        turn.emit(Effect::ToNode { node, message: NodeMessage::Register });
    }
}
