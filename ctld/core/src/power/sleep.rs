//! Nodes are stopped: those that were idle for long, and those that somebody wants off.

use std::sync::Arc;

use model::{Address, Availability, Node, NodeId, PowerRequest, PowerSaving, Usage};

use crate::effect::Effect;
use crate::power::spared::Spared;
use crate::power::times::AllTimes;
use crate::power::{PowerAction, PowerClock, order};
use crate::turn::Turn;

/// The reason of a node that is drained to be stopped.
pub(crate) const POWER_DOWN_ASAP: &str = "POWER_DOWN_ASAP";

/// Stops nodes, as many as the rate lets; gives whether some are left.
pub(super) fn sent_to_sleep(
    turn: &mut Turn<'_>,
    clock: &mut PowerClock,
    power: &PowerSaving,
    times: &AllTimes,
) -> bool {
    let (now, cluster) = (turn.now, turn.cluster());
    let mut spared = None;
    let mut nodes = Vec::new();
    let mut is_left = false;
    for (node, usage) in cluster.used_nodes() {
        if !can_stop(node, usage.map(|usage| &**usage)) {
            continue;
        }
        let idle_s = times.node(node.id).suspend_time_s;
        let is_idle = !node.flags.powered_down
            && idle_s != u32::MAX
            && node.last_busy.is_some_and(|at| now.since(at) > idle_s.into());
        let is_meant = node.flags.power_down_requested
            || is_idle && !spared.get_or_insert_with(|| Spared::of(cluster)).spares(node);
        if !is_meant {
            continue;
        }
        if !clock.suspends.take() {
            is_left = true;
            break;
        }
        nodes.push(node.id);
    }
    if nodes.is_empty() {
        return is_left;
    }
    for &id in &nodes {
        turn.edit_node(id, |node| {
            if node.flags.power_down_requested && node.flags.drain {
                node.flags.drain = false;
                node.reason = node.reason.take().filter(|reason| *reason.text != *POWER_DOWN_ASAP);
            }
            node.flags.powering_down = true;
            node.flags.power_down_requested = false;
            node.flags.powered_down = false;
            node.flags.not_responding = false;
            node.power = Some(PowerRequest { at: now, taken: false });
            if power.idle_on_suspend {
                node.availability = Availability::Up;
                node.flags.drain = false;
                node.flags.fail = false;
            }
        });
    }
    let order = order(turn.cluster(), PowerAction::Suspend, now, nodes, &[]);
    turn.emit(Effect::Power(order));
    is_left
}

/// Whether a node can be stopped at all.
pub(super) fn can_stop(node: &Node, usage: Option<&Usage>) -> bool {
    let f = node.flags;
    matches!(node.availability, Availability::Up | Availability::Down)
        && !(f.powering_up || f.powering_down || f.reboot_issued || f.reboot_requested)
        && usage.is_none_or(|usage| usage.is_idle() && usage.suspended == 0)
}

/// Nodes whose SuspendTimeout is over are off: they may be started again.
pub(super) fn asleep(turn: &mut Turn<'_>, times: &AllTimes) {
    let now = turn.now;
    let is_off = |node: &&Arc<Node>| {
        let limit_s = times.node(node.id).suspend_timeout_s;
        node.flags.powering_down
            && node.power.is_none_or(|request| now.since(request.at) > limit_s.into())
    };
    let off: Vec<NodeId> = turn.cluster().nodes().filter(is_off).map(|node| node.id).collect();
    if off.is_empty() {
        return;
    }
    for id in off {
        turn.edit_node(id, self::off);
    }
    turn.emit(Effect::Schedule);
}

/// A node is off from now on, and nothing is known of the machine that it will be.
pub(crate) fn off(node: &mut Node) {
    node.flags.invalid = false;
    node.flags.powering_down = false;
    node.flags.powered_down = true;
    // Nothing runs on a machine that is off.
    node.flags.unclean = false;
    node.power = None;
    node.last_busy = None;
    if node.flags.cloud {
        let Address { host, host_name, seen, .. } = &mut node.address;
        *host = Arc::clone(&node.name);
        *host_name = Arc::clone(&node.name);
        *seen = None;
    }
    forget_machine(node);
}

/// What was told of the machine that is gone.
pub(super) fn forget_machine(node: &mut Node) {
    node.instance_id = None;
    node.instance_type = None;
    node.cpu_load = None;
    node.free_memory_mib = None;
}

/// A job has left a node: if it was the last one, the node is idle from now on.
pub(crate) fn left(turn: &mut Turn<'_>, id: NodeId) {
    if turn.cluster().config().power.is_none() {
        return;
    }
    let now = turn.now;
    let is_idle = turn.cluster().usage(id).is_idle();
    let node = turn.cluster().node(id);
    let is_news = node.is_some_and(|node| node.is_powered() && node.last_busy != Some(now));
    if is_idle && is_news {
        turn.edit_node(id, |node| node.last_busy = Some(now));
    }
}

/// Power saving is not configured any more: what was being started or stopped is as it is, and only
/// nodes of a cloud are known to be off.
pub(crate) fn abandoned(node: &mut Node) {
    node.flags.power_up_requested = false;
    node.flags.power_down_requested = false;
    node.flags.powered_down &= node.flags.cloud;
    if node.flags.cloud {
        node.flags.powered_down |= node.flags.powering_down || node.flags.powering_up;
    }
    node.flags.powering_up = false;
    node.flags.powering_down = false;
    node.power = None;
}
