//! `scontrol update node state=power_up` and its like.

use std::sync::Arc;

use model::{Availability, NodeId};

use crate::event::NodeUpdateState;
use crate::node::health;
use crate::power::POWER_DOWN_ASAP;
use crate::turn::Turn;

/// `power_down`: when its jobs have ended; `power_down_asap`: and it gets no others; `power_down_force`:
/// they end now.
pub(super) fn down(turn: &mut Turn<'_>, id: NodeId, state: NodeUpdateState) {
    cancel_reboot(turn, id);
    if turn.cluster().node(id).is_none_or(|node| node.flags.powering_down) {
        return;
    }
    match state {
        NodeUpdateState::PowerDownForce => {
            health::lose_jobs(turn, id);
            turn.edit_node(id, |node| {
                node.flags.powering_up = false;
                node.power = None;
            });
        }
        NodeUpdateState::PowerDownAsap => health::drain(turn, id, POWER_DOWN_ASAP),
        _ => {}
    }
    turn.edit_node(id, |node| {
        if node.availability == Availability::Down && node.flags.powering_up {
            node.flags.powering_up = false;
            node.power = None;
        }
        node.flags.power_down_requested = true;
    });
}

/// A node that is to be stopped need not boot before.
fn cancel_reboot(turn: &mut Turn<'_>, id: NodeId) {
    let boots = |flags: model::NodeFlags| flags.reboot_requested || flags.reboot_issued;
    if !turn.cluster().node(id).is_some_and(|node| boots(node.flags)) {
        return;
    }
    turn.edit_node(id, |node| {
        if node.flags.reboot_issued && node.availability == Availability::Down {
            node.availability = Availability::Up;
        }
        node.flags.reboot_issued = false;
        super::update::forget_reboot(node);
        node.reason = None;
    });
}

/// `power_up`: a node that is off is started; one that is being started is started again.
pub(super) fn up(turn: &mut Turn<'_>, id: NodeId) {
    let flags = turn.cluster().node(id).map(|node| node.flags).unwrap_or_default();
    if !(flags.powered_down || flags.powering_up) {
        return;
    }
    turn.edit_node(id, |node| {
        node.flags.powered_down = true;
        node.flags.power_up_requested = true;
    });
}

/// A node that is being started for jobs is not to be used: they look for another.
pub(super) fn not_to_be_used(turn: &mut Turn<'_>, id: NodeId) {
    let node = turn.cluster().node(id).map(Arc::clone);
    let starts = node.is_some_and(|node| node.flags.powered_down || node.flags.powering_up);
    if starts && turn.cluster().usage(id).running > 0 {
        health::lose_jobs(turn, id);
    }
}
