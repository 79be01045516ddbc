//! A job that goes on when a node of it is gone (`--no-kill`).

use std::sync::Arc;

use model::{Allocation, Job, Launch, NodeId, Phase, node_list};

use crate::effect::Effect;
use crate::job::{client, launch};
use crate::step;
use crate::turn::Turn;

/// Takes a node that is gone from a job that is to go on without it; gives whether it does. A script
/// goes with its node, and its job with it; a heterogeneous job is as a whole or not at all.
pub(crate) fn goes_on_without(turn: &mut Turn<'_>, job: &Arc<Job>, node: NodeId) -> bool {
    let Some(allocation) = job.allocation.clone().filter(|_| !job.spec.kill_on_node_fail) else {
        return false;
    };
    let runs = matches!(job.phase, Phase::Running(Launch::Done));
    let has_lost_its_script = job.batch && launch::batch_host(job) == Some(node);
    if !runs || has_lost_its_script || job.het.is_some() || allocation.shares.len() < 2 {
        return false;
    }
    let name = turn.cluster().node(node).map_or_else(Arc::default, |node| Arc::clone(&node.name));
    client::node_lost(turn, job, node, &name);
    step::part_lost(turn, job, node);
    let shares: Vec<_> =
        allocation.shares.iter().filter(|share| share.node != node).cloned().collect();
    let nodes: Vec<NodeId> = shares.iter().map(|share| share.node).collect();
    let rest = Allocation {
        node_list: node_list(turn.cluster(), &nodes),
        tasks: shares.iter().map(|share| share.tasks).sum(),
        shares,
        ..Allocation::clone(&allocation)
    };
    turn.edit_job(job, |job| job.allocation = Some(Arc::new(rest)));
    turn.emit(Effect::Schedule);
    true
}
