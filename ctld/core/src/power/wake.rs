//! Nodes are started, for jobs or because somebody wants them up, and come up or not.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Node, NodeId, PowerRequest, PowerSaving};

use crate::effect::Effect;
use crate::node;
use crate::power::times::AllTimes;
use crate::power::{PowerAction, PowerClock, order};
use crate::turn::Turn;

/// Why a node is down that did not come up.
const RESUME_TIMEOUT: &str = "ResumeTimeout reached";

/// Starts the nodes that jobs wait for and those that somebody wants up, as many as the rate lets;
/// gives whether some are left.
pub(super) fn woken(turn: &mut Turn<'_>, clock: &mut PowerClock) -> bool {
    let cluster = turn.cluster();
    let jobs: Vec<_> = clock.waking(cluster).into_iter().cloned().collect();
    let is_off = |id: &NodeId| cluster.node(*id).is_some_and(|node| node.flags.powered_down);
    let for_jobs = jobs.iter().flat_map(|job| job.held_shares().map(|share| share.node));
    let wanted = |node: &&Arc<Node>| node.flags.power_up_requested && node.flags.powered_down;
    let asked_for = cluster.nodes().filter(wanted).map(|node| node.id);
    let mut nodes = BTreeSet::new();
    let mut is_left = false;
    for id in for_jobs.filter(is_off).chain(asked_for) {
        if nodes.contains(&id) {
            continue;
        }
        if !clock.resumes.take() {
            is_left = true;
            break;
        }
        nodes.insert(id);
    }
    if nodes.is_empty() {
        return is_left;
    }
    let now = turn.now;
    for id in &nodes {
        turn.edit_node(*id, |node| {
            node.flags.power_up_requested = false;
            node.flags.powered_down = false;
            node.flags.powering_up = true;
            node.flags.not_responding = true;
            node.power = Some(PowerRequest { at: now, taken: false });
        });
    }
    let jobs: Vec<_> = jobs.iter().collect();
    let nodes = nodes.into_iter().collect();
    let order = order(turn.cluster(), PowerAction::Resume, now, nodes, &jobs);
    turn.emit(Effect::Power(order));
    is_left
}

/// Sets nodes down that did not come up in time; their jobs are requeued or end.
pub(super) fn never_came_up(turn: &mut Turn<'_>, power: &PowerSaving, times: &AllTimes) {
    let now = turn.now;
    let is_late = |node: &&Arc<Node>| {
        let limit_s = times.node(node.id).resume_timeout_s;
        let waits = node.flags.powering_up && node.flags.not_responding;
        waits && node.power.is_none_or(|request| now.since(request.at) > limit_s.into())
    };
    let late: Vec<NodeId> = turn.cluster().nodes().filter(is_late).map(|node| node.id).collect();
    if late.is_empty() {
        return;
    }
    for &id in &late {
        turn.edit_node(id, |node| {
            node.flags.drain = false;
            node.flags.power_down_requested = false;
            node.flags.powering_up = false;
            node.flags.not_responding = false;
            node.flags.powered_down = true;
            node.power = None;
            node.last_busy = None;
            super::sleep::forget_machine(node);
        });
        node::down(turn, id, RESUME_TIMEOUT);
        // Nothing of a job can be left on a machine that never ran.
        turn.edit_node(id, |node| {
            node.flags.unclean = false;
            node.last_busy = None;
        });
    }
    if power.tells_failures {
        let order = order(turn.cluster(), PowerAction::GiveUp, now, late, &[]);
        turn.emit(Effect::Power(order));
    }
    turn.emit(Effect::Schedule);
}
