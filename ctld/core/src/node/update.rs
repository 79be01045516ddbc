//! Nodes altered, made and deleted by people.

use std::sync::Arc;

use model::{Availability, Change, Node, NodeId, Origin};

use crate::access::{self, Caller};
use crate::effect::{Effect, NodeMessage};
use crate::event::{Answer, NodeUpdate, NodeUpdateState};
use crate::node::health::{self, reason_at};
use crate::reject::Reject;
use crate::turn::Turn;

/// `scontrol update node`.
pub(crate) fn updated(turn: &mut Turn<'_>, update: &NodeUpdate) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), update.caller)?;
    let mut ids = Vec::new();
    for name in &update.target.names {
        let node = turn.cluster().node_named(name);
        let node = node.ok_or_else(|| Reject::NoSuchNode(Arc::clone(name)))?;
        check_transition(node, update)?;
        ids.push(node.id);
    }
    let lists = [&update.address, &update.host_name];
    if lists.into_iter().flatten().any(|list| list.len() != ids.len()) {
        return Err(Reject::InvalidValue("number of addresses"));
    }
    for (place, &id) in ids.iter().enumerate() {
        set_fields(turn, id, place, update);
        if let Some(state) = update.state {
            set_state(turn, id, state, update);
        }
    }
    turn.emit(Effect::Schedule);
    Ok(Answer::Done)
}

/// Refuses what a node cannot go to from where it is.
fn check_transition(node: &Node, update: &NodeUpdate) -> Result<(), Reject> {
    use NodeUpdateState as S;
    let down = node.availability == Availability::Down;
    let unknown = node.availability == Availability::Unknown;
    let in_use = !matches!(node.availability, Availability::Future);
    let allowed = match update.state {
        None | Some(S::Down | S::Drain | S::Undrain | S::Fail | S::NoResp) => true,
        Some(S::Future) => true,
        Some(S::Idle) => in_use && (down || unknown || node.availability == Availability::Up),
        Some(S::Resume) => {
            let f = node.flags;
            down || f.drain || f.fail || f.reboot_requested || f.reboot_issued || f.powered_down
        }
        Some(S::PowerDown | S::PowerUp) => in_use,
        Some(S::CancelReboot) => node.flags.reboot_requested,
    };
    let needs_reason = matches!(update.state, Some(S::Down | S::Drain | S::Fail));
    if needs_reason && update.reason.is_none() && node.reason.is_none() {
        return Err(Reject::ReasonMissing);
    }
    if allowed { Ok(()) } else { Err(Reject::InvalidNodeState) }
}

fn set_fields(turn: &mut Turn<'_>, id: NodeId, place: usize, update: &NodeUpdate) {
    let by = update.reason_by.unwrap_or(update.caller.uid);
    let reason = update.reason.as_ref().map(|text| reason_at(turn, text, by));
    let resume_after = update.resume_after_s.map(|after| turn.now.plus_s(after.into()));
    turn.edit_node(id, |node| {
        if let Some(reason) = reason {
            node.reason = (!reason.text.is_empty()).then_some(reason);
        }
        if let Some(weight) = update.weight {
            node.weight = weight;
        }
        if let Some(features) = &update.features_available {
            node.features_available = Arc::clone(features);
            node.features_active = Arc::clone(features);
        }
        if let Some(features) = &update.features_active {
            node.features_active = Arc::clone(features);
        }
        set_text(&mut node.comment, update.comment.as_ref());
        set_text(&mut node.extra, update.extra.as_ref());
        set_text(&mut node.instance_id, update.instance_id.as_ref());
        set_text(&mut node.instance_type, update.instance_type.as_ref());
        if let Some(addresses) = &update.address {
            node.address.host = Arc::clone(&addresses[place]);
        }
        if let Some(names) = &update.host_name {
            node.address.host_name = Arc::clone(&names[place]);
        }
        if let Some((text, gres)) = &update.gres {
            node.hardware.gres_text = Some(Arc::clone(text));
            node.hardware.gres = Arc::clone(gres);
        }
        if let Some(cpu_bind) = update.cpu_bind {
            node.hardware.cpu_bind = cpu_bind;
        }
        if resume_after.is_some() {
            node.resume_after = resume_after;
        }
    });
}

/// An empty text takes a text away.
fn set_text(text: &mut Option<Arc<str>>, update: Option<&Arc<str>>) {
    if let Some(update) = update {
        *text = (!update.is_empty()).then(|| Arc::clone(update));
    }
}

fn set_state(turn: &mut Turn<'_>, id: NodeId, state: NodeUpdateState, update: &NodeUpdate) {
    use NodeUpdateState as S;
    match state {
        S::Down => {
            turn.edit_node(id, |node| node.availability = Availability::Down);
            health::lose_jobs(turn, id);
        }
        S::Drain => drop(turn.edit_node(id, |node| node.flags.drain = true)),
        S::Undrain => drop(turn.edit_node(id, |node| {
            node.flags.drain = false;
            clear_reason(node, update);
        })),
        S::Fail => drop(turn.edit_node(id, |node| node.flags.fail = true)),
        S::NoResp => drop(turn.edit_node(id, |node| node.flags.not_responding = true)),
        S::Future => {
            health::lose_jobs(turn, id);
            turn.edit_node(id, |node| {
                node.availability = Availability::Future;
                node.registration = None;
            });
        }
        S::Idle => drop(turn.edit_node(id, |node| {
            node.availability = Availability::Up;
            clear_reason(node, update);
        })),
        S::Resume => resume(turn, id, update),
        S::PowerDown => drop(turn.edit_node(id, |node| node.flags.power_down_requested = true)),
        S::PowerUp => drop(turn.edit_node(id, |node| node.flags.power_down_requested = false)),
        S::CancelReboot => drop(turn.edit_node(id, |node| node.flags.reboot_requested = false)),
    }
}

/// Back to service. A node that is silent comes back when it answers.
fn resume(turn: &mut Turn<'_>, id: NodeId, update: &NodeUpdate) {
    let now = turn.now;
    let node = turn.edit_node(id, |node| {
        node.flags.drain = false;
        node.flags.fail = false;
        node.flags.invalid = false;
        node.flags.reboot_requested = false;
        node.flags.reboot_issued = false;
        node.resume_after = None;
        if node.availability == Availability::Down {
            node.availability = Availability::Up;
            node.flags.not_responding |= node.registration.is_none();
            node.last_response = Some(now);
        }
        clear_reason(node, update);
    });
    turn.emit(Effect::ToNode { node: node.id, message: NodeMessage::Register });
}

fn clear_reason(node: &mut Node, update: &NodeUpdate) {
    if update.reason.is_none() && !node.flags.drain && !node.flags.fail {
        node.reason = None;
    }
}

/// `scontrol create node`.
pub(crate) fn created(
    turn: &mut Turn<'_>,
    caller: Caller,
    nodes: Vec<Node>,
) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), caller)?;
    for node in &nodes {
        if turn.cluster().node_named(&node.name).is_some() {
            return Err(Reject::NodeExists(Arc::clone(&node.name)));
        }
    }
    check_room(turn, nodes.len())?;
    for node in nodes {
        add(turn, node)?;
    }
    turn.emit(Effect::Schedule);
    Ok(Answer::Done)
}

fn check_room(turn: &Turn<'_>, more: usize) -> Result<(), Reject> {
    let max = turn.cluster().config().max_node_count;
    let room = u64::from(max).saturating_sub(turn.cluster().node_count() as u64);
    if more as u64 > room { Err(Reject::TooManyNodes { max }) } else { Ok(()) }
}

/// Gives a dynamic node a place in the table, and in the partitions that take all nodes.
pub(crate) fn add(turn: &mut Turn<'_>, mut node: Node) -> Result<NodeId, Reject> {
    check_room(turn, 1)?;
    let id = turn.cluster().free_node_id();
    node.id = id;
    node.origin = Origin::Dynamic;
    let features = Arc::clone(&node.features_available);
    turn.record(Change::Node(Arc::new(node)));
    let partitions: Vec<_> = turn
        .cluster()
        .partitions()
        .filter(|partition| takes(partition, &features))
        .cloned()
        .collect();
    for partition in partitions {
        let mut partition = model::Partition::clone(&partition);
        let mut nodes: Vec<NodeId> = partition.nodes.to_vec();
        nodes.push(id);
        nodes.sort_unstable();
        nodes.dedup();
        partition.nodes = nodes.into();
        turn.record(Change::Partition(Arc::new(partition)));
    }
    Ok(id)
}

/// Whether a partition takes nodes that come later: `Nodes=ALL`, or a node set of a feature.
fn takes(partition: &model::Partition, features: &[Arc<str>]) -> bool {
    let Some(sets) = &partition.node_sets else {
        return false;
    };
    sets.split(',').any(|set| set == "ALL" || features.iter().any(|feature| **feature == *set))
}

/// `scontrol delete node`.
pub(crate) fn deleted(
    turn: &mut Turn<'_>,
    caller: Caller,
    names: &[Arc<str>],
) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), caller)?;
    let mut ids = Vec::new();
    for name in names {
        let node = turn.cluster().node_named(name);
        let node = node.ok_or_else(|| Reject::NoSuchNode(Arc::clone(name)))?;
        if node.origin == Origin::Configured {
            return Err(Reject::NodeIsConfigured(Arc::clone(name)));
        }
        if turn.cluster().jobs_on(node.id).next().is_some() {
            return Err(Reject::NodeBusy(Arc::clone(name)));
        }
        ids.push(node.id);
    }
    for id in ids {
        health::removed(turn, id);
    }
    Ok(Answer::Done)
}
