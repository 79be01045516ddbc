//! Nodes altered, made and deleted by people.

use std::sync::Arc;

use model::{Availability, Change, Node, NodeId, Origin, Unit};

use crate::access::{self, Caller};
use crate::effect::{Effect, NodeMessage};
use crate::event::{Answer, NodeUpdate, NodeUpdateState};
use crate::node::health::{self, reason_at};
use crate::reject::Reject;
use crate::turn::Turn;

/// `scontrol update node`. All of it is done, or nothing.
pub(crate) fn updated(turn: &mut Turn<'_>, update: &NodeUpdate) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), update.caller)?;
    let mut ids = Vec::new();
    for name in &update.target.names {
        let node = turn.cluster().node_named(name);
        let node = node.ok_or_else(|| Reject::NoSuchNode(Arc::clone(name)))?;
        check_features(node, update)?;
        check_transition(turn, node, update)?;
        ids.push(node.id);
    }
    let lists = [&update.address, &update.host_name];
    if lists.into_iter().flatten().any(|list| list.len() != ids.len()) {
        return Err(Reject::AddressCount);
    }
    for (place, &id) in ids.iter().enumerate() {
        set_fields(turn, id, place, update);
        if let Some(state) = update.state {
            set_state(turn, id, state);
        }
    }
    turn.emit(Effect::Schedule);
    Ok(Answer::Done)
}

/// Refuses active features that the node could not have.
fn check_features(node: &Node, update: &NodeUpdate) -> Result<(), Reject> {
    let available = update.features_available.as_ref().unwrap_or(&node.features_available);
    if update.features_active.is_none() && update.features_available.is_none() {
        return Ok(());
    }
    let active = update.features_active.as_ref().unwrap_or(&node.features_active);
    match active.iter().all(|feature| available.contains(feature)) {
        true => Ok(()),
        false => Err(Reject::ActiveFeatureNotAvailable(Arc::clone(&node.name))),
    }
}

/// Refuses what a node cannot go to from where it is.
fn check_transition(turn: &Turn<'_>, node: &Node, update: &NodeUpdate) -> Result<(), Reject> {
    use NodeUpdateState as S;
    let Some(state) = update.state else {
        return Ok(());
    };
    let f = node.flags;
    let down = node.availability == Availability::Down;
    let future = node.availability == Availability::Future;
    let idle = node.availability == Availability::Up && turn.cluster().usage(node.id).running == 0;
    let allowed = match state {
        S::Down | S::Drain | S::Fail | S::NoResp => true,
        S::Undrain => !f.invalid,
        S::Future => down || idle,
        S::Idle => !f.invalid && (down || idle),
        S::Resume if f.powering_down => true,
        S::Resume => !f.invalid && (down || future || f.drain || f.fail || f.reboot_requested),
        S::PowerDown | S::PowerDownAsap | S::PowerDownForce | S::PowerUp => {
            match turn.cluster().config().power {
                Some(_) => true,
                None => return Err(Reject::NoPowerSaving),
            }
        }
        S::CancelReboot if f.reboot_issued => return Err(Reject::RebootInProgress),
        S::CancelReboot => f.reboot_requested,
    };
    if allowed { Ok(()) } else { Err(Reject::InvalidNodeState) }
}

fn set_fields(turn: &mut Turn<'_>, id: NodeId, place: usize, update: &NodeUpdate) {
    let by = update.reason_by.unwrap_or(update.caller.uid);
    let reason = update.reason.as_ref().filter(|text| !text.is_empty());
    let reason = reason.map(|text| reason_at(turn, text, by));
    let now = turn.now;
    turn.edit_node(id, |node| {
        if reason.is_some() {
            node.reason = reason;
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
            // What was seen is not where it is any more.
            node.address.seen = None;
        }
        if let Some(names) = &update.host_name {
            node.address.host_name = Arc::clone(&names[place]);
        }
        if let Some((text, gres)) = &update.gres {
            node.hardware.gres_text = (!text.is_empty()).then(|| Arc::clone(text));
            node.hardware.gres = Arc::clone(gres);
        }
        if let Some(cpu_bind) = update.cpu_bind {
            node.hardware.cpu_bind = cpu_bind;
        }
        let out = matches!(update.state, Some(NodeUpdateState::Down | NodeUpdateState::Drain));
        match update.resume_after_s {
            Some(after) if out => node.resume_after = after.map(|s| now.plus_s(s.into())),
            _ if update.state.is_some() => node.resume_after = None,
            _ => {}
        }
    });
}

/// An empty text takes a text away.
pub(super) fn set_text(text: &mut Option<Arc<str>>, update: Option<&Arc<str>>) {
    if let Some(update) = update {
        *text = (!update.is_empty()).then(|| Arc::clone(update));
    }
}

fn set_state(turn: &mut Turn<'_>, id: NodeId, state: NodeUpdateState) {
    use NodeUpdateState as S;
    let now = turn.now;
    match state {
        S::Down => {
            turn.edit_node(id, |node| node.availability = Availability::Down);
            health::lose_jobs(turn, id);
        }
        S::Future => {
            health::lose_jobs(turn, id);
            turn.edit_node(id, |node| {
                node.availability = Availability::Future;
                node.flags = model::NodeFlags::default();
                node.registration = None;
                node.last_response = None;
            });
        }
        S::Drain => {
            super::power::not_to_be_used(turn, id);
            turn.edit_node(id, |node| {
                node.flags.drain = true;
                node.flags.fail = false;
                node.flags.reboot_drained = false;
            });
        }
        S::Fail => {
            super::power::not_to_be_used(turn, id);
            turn.edit_node(id, |node| {
                node.flags.fail = true;
                node.flags.drain = false;
            });
        }
        S::Undrain => {
            let node = turn.edit_node(id, |node| {
                node.flags.drain = false;
                clear_reason(node);
            });
            introduce(turn, &node);
        }
        S::NoResp => {
            let node = turn.edit_node(id, |node| {
                node.flags.not_responding = true;
                node.last_response = node.last_response.or(Some(now));
            });
            // If it is there after all, it says so.
            introduce(turn, &node);
        }
        S::Idle => drop(turn.edit_node(id, |node| {
            node.availability = Availability::Up;
            node.flags.drain = false;
            node.flags.fail = false;
            node.last_busy = Some(now).filter(|_| !node.flags.powered_down);
            clear_reason(node);
        })),
        S::Resume => resume(turn, id),
        S::CancelReboot => drop(turn.edit_node(id, |node| {
            if node.flags.reboot_drained {
                node.flags.drain = false;
            }
            forget_reboot(node);
            clear_reason(node);
        })),
        S::PowerDown | S::PowerDownAsap | S::PowerDownForce => super::power::down(turn, id, state),
        S::PowerUp => super::power::up(turn, id),
    }
}

/// Back to service. A node that is silent comes back when it answers.
pub(super) fn resume(turn: &mut Turn<'_>, id: NodeId) {
    let now = turn.now;
    let node = turn.edit_node(id, |node| {
        node.flags.drain = false;
        node.flags.fail = false;
        forget_reboot(node);
        node.flags.reboot_issued = false;
        if node.flags.powering_down {
            crate::power::off(node);
        }
        node.resume_after = None;
        match node.availability {
            Availability::Down => {
                node.availability = Availability::Up;
                node.flags.not_responding |= node.registration.is_none();
                // It has SlurmdTimeout from now to show itself.
                node.last_response = Some(now);
            }
            Availability::Future => {
                node.availability = Availability::Unknown;
                node.last_response = Some(now);
            }
            Availability::Up | Availability::Unknown => {}
        }
        clear_reason(node);
    });
    introduce(turn, &node);
    turn.emit(Effect::Schedule);
}

/// Has a node tell anew what it is.
fn introduce(turn: &mut Turn<'_>, node: &Node) {
    if node.is_reachable() {
        turn.emit(Effect::ToNode { node: node.id, message: NodeMessage::Register });
    }
}

pub(super) fn forget_reboot(node: &mut Node) {
    node.flags.reboot_requested = false;
    node.flags.reboot_drained = false;
    node.flags.reboot_resumes = false;
    node.flags.reboot_downs = false;
}

/// A node in service has no reason to be out of it.
fn clear_reason(node: &mut Node) {
    let out = node.availability == Availability::Down;
    if !(out || node.flags.drain || node.flags.fail) {
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
    require_cons_tres(turn)?;
    for node in &nodes {
        if turn.cluster().node_named(&node.name).is_some() {
            return Err(Reject::NodeExists(Arc::clone(&node.name)));
        }
    }
    let names: Vec<_> = nodes.iter().map(|node| Arc::clone(&node.name)).collect();
    check_room(turn, &names)?;
    for node in nodes {
        add(turn, node)?;
    }
    turn.emit(Effect::Schedule);
    Ok(Answer::Done)
}

/// Nodes that come and go need a scheduler of single cores.
fn require_cons_tres(turn: &Turn<'_>) -> Result<(), Reject> {
    match turn.cluster().config().consumable.unit {
        Unit::Node => Err(Reject::AccessDenied),
        Unit::Cpu | Unit::Core | Unit::Socket => Ok(()),
    }
}

fn check_room(turn: &Turn<'_>, more: &[Arc<str>]) -> Result<(), Reject> {
    let max = turn.cluster().config().max_node_count;
    let room = (max as usize).saturating_sub(turn.cluster().node_count());
    match more.get(room) {
        Some(name) => Err(Reject::TooManyNodes { max, name: Arc::clone(name) }),
        None => Ok(()),
    }
}

/// Gives a dynamic node a place in the table, and in the partitions that take all nodes.
pub(crate) fn add(turn: &mut Turn<'_>, mut node: Node) -> Result<NodeId, Reject> {
    check_room(turn, &[Arc::clone(&node.name)])?;
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
pub(crate) fn takes(partition: &model::Partition, features: &[Arc<str>]) -> bool {
    let Some(sets) = &partition.node_sets else {
        return false;
    };
    sets.split(',').any(|set| set == "ALL" || features.iter().any(|feature| **feature == *set))
}

/// `scontrol delete node`: those that can go do; the others are named in the answer.
pub(crate) fn deleted(
    turn: &mut Turn<'_>,
    caller: Caller,
    names: &[Arc<str>],
) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), caller)?;
    require_cons_tres(turn)?;
    let mut refused = Vec::new();
    for name in names {
        match deletable(turn, name) {
            Ok(id) => health::removed(turn, id),
            Err(reject) => refused.push((Arc::clone(name), reject)),
        }
    }
    Ok(if refused.is_empty() { Answer::Done } else { Answer::NodesRefused(refused) })
}

fn deletable(turn: &Turn<'_>, name: &Arc<str>) -> Result<NodeId, Reject> {
    let node = turn.cluster().node_named(name);
    let node = node.ok_or_else(|| Reject::NoSuchNode(Arc::clone(name)))?;
    if node.origin == Origin::Configured {
        return Err(Reject::NodeIsConfigured(Arc::clone(name)));
    }
    if turn.cluster().jobs_on(node.id).next().is_some() {
        return Err(Reject::NodeBusy(Arc::clone(name)));
    }
    Ok(node.id)
}
