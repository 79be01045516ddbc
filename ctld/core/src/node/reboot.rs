//! `scontrol reboot`: a node is told to boot once it is free, and waited for.

use std::sync::Arc;

use model::{Availability, Node, NodeId};

use crate::access;
use crate::effect::{Effect, NodeMessage};
use crate::event::{AfterReboot, Answer, Reboot};
use crate::node::health::{self, reason_at};
use crate::reject::Reject;
use crate::turn::Turn;

/// Somebody wants nodes to boot. Those that cannot be asked are skipped, and named in the answer.
pub(crate) fn requested(turn: &mut Turn<'_>, reboot: &Reboot) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), reboot.caller)?;
    let nodes: Vec<Arc<Node>> = match &reboot.names {
        None => turn.cluster().nodes().cloned().collect(),
        Some(names) => {
            let find = |name: &Arc<str>| {
                let node = turn.cluster().node_named(name).cloned();
                node.ok_or_else(|| Reject::NoSuchNode(Arc::clone(name)))
            };
            names.iter().map(find).collect::<Result<_, _>>()?
        }
    };
    let mut skipped = Vec::new();
    for node in nodes {
        if can_boot(&node) {
            request(turn, node.id, reboot);
        } else {
            skipped.push(Arc::clone(&node.name));
        }
    }
    Ok(if skipped.is_empty() { Answer::Done } else { Answer::Skipped(skipped) })
}

fn can_boot(node: &Node) -> bool {
    let f = node.flags;
    node.availability != Availability::Future
        && !(f.reboot_requested || f.reboot_issued)
        && !(f.power_down_requested || f.powered_down || f.powering_down)
}

fn request(turn: &mut Turn<'_>, id: NodeId, reboot: &Reboot) {
    let by = reboot.caller.uid;
    let given = reboot.reason.as_ref().map(|text| reason_at(turn, text, by));
    let default = reason_at(turn, if reboot.asap { "Reboot ASAP" } else { "reboot requested" }, by);
    turn.edit_node(id, |node| {
        node.flags.reboot_requested = true;
        node.flags.reboot_resumes = reboot.then == AfterReboot::Resume;
        node.flags.reboot_downs = reboot.then == AfterReboot::Down;
        if reboot.asap {
            node.flags.reboot_drained = !node.flags.drain;
            node.flags.drain = true;
        }
        node.reason = given.or(node.reason.take()).or(Some(default));
    });
}

/// Tells nodes to boot whose time has come: nothing runs there any more.
pub(crate) fn issue(turn: &mut Turn<'_>) {
    let free: Vec<NodeId> = turn
        .cluster()
        .nodes()
        .filter(|node| node.flags.reboot_requested && node.is_reachable())
        .filter(|node| {
            let usage = turn.cluster().usage(node.id);
            let idle = node.availability == Availability::Up && !node.flags.not_responding;
            let free = node.availability == Availability::Down || usage.running == 0 && idle;
            free && usage.completing == 0 && usage.suspended == 0
        })
        .map(|node| node.id)
        .collect();
    let now = turn.now;
    for id in free {
        let by = turn.config().slurm_user;
        let issued = reason_at(turn, "reboot issued", by);
        let node = turn.edit_node(id, |node| {
            node.flags.reboot_requested = false;
            node.flags.reboot_issued = true;
            node.availability = Availability::Down;
            // From here it has ResumeTimeout to come back.
            node.last_response = Some(now);
            node.reason = Some(health::said_too(node.reason.take(), issued));
        });
        let reason = node.reason.as_ref().map(|reason| Arc::clone(&reason.text));
        turn.emit(Effect::ToNode { node: id, message: NodeMessage::Reboot { reason } });
    }
}

/// Gives up on nodes that did not come back from a reboot within ResumeTimeout.
pub(crate) fn timed_out(turn: &mut Turn<'_>) {
    let limit_s = u64::from(turn.config().resume_timeout_s);
    let issued: Vec<Arc<Node>> =
        turn.cluster().nodes().filter(|node| node.flags.reboot_issued).cloned().collect();
    let now = turn.now;
    for node in issued {
        match node.last_response {
            Some(at) if now.since(at) <= limit_s => {}
            Some(_) => {
                turn.edit_node(node.id, |node| node.flags.reboot_issued = false);
                health::down(turn, node.id, "reboot timed out");
            }
            // When it was told is not kept over a restart of the controller: it has its time again.
            None => drop(turn.edit_node(node.id, |node| node.last_response = Some(now))),
        }
    }
}
