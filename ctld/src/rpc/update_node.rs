//! Nodes altered, made, deleted and booted by people.

use std::sync::Arc;

use ctld_core::{
    AfterReboot, Answer, Event, NodeTarget, NodeUpdate, NodeUpdateState, Reboot, Reject,
};
use model::Node;
use protocol::msg::{RebootNodes, UpdateNode, node_state, reboot_flags};
use protocol::shape::Limit;
use protocol::{Errno, Hostlist, Number};

use super::registration::features;
use super::{Failure, Privilege, Reply, Request, Row, done, errno};
use crate::config::{NodeLine, NodeState};
use crate::settings;
use crate::view::View;

/// `CPU_BIND_OFF`: takes a default binding back.
const CPU_BIND_OFF: u32 = 0x8_0000;
/// Slurm's -1: an error without a number of its own.
const SLURM_ERROR: Errno = Errno(u32::MAX);

/// REQUEST_UPDATE_NODE.
fn update(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: UpdateNode = request.decode()?;
    let names = named(view, message.node_names.as_deref())?;
    Ok(Event::UpdateNodes(Box::new(NodeUpdate {
        caller: request.caller,
        target: NodeTarget { names },
        state: message.node_state.value().map(state).transpose()?,
        reason: text(&message.reason),
        reason_by: Some(request.caller.uid),
        weight: message.weight.value(),
        features_available: message.features.as_deref().map(features),
        features_active: message.features_active.as_deref().map(features),
        comment: text(&message.comment),
        extra: text(&message.extra),
        instance_id: text(&message.instance_id),
        instance_type: text(&message.instance_type),
        address: addresses(message.node_addr.as_deref())?,
        host_name: addresses(message.node_hostname.as_deref())?,
        gres: message.gres.as_deref().map(|text| (text.into(), settings::gres_counts(text))),
        cpu_bind: match message.cpu_bind {
            0 => None,
            CPU_BIND_OFF => Some(0),
            bind => Some(bind),
        },
        resume_after_s: match message.resume_after {
            Limit::Unset => None,
            Limit::Infinite => Some(None),
            Limit::Value(seconds) => Some(Some(seconds)),
        },
    })))
}

fn text(text: &Option<String>) -> Option<Arc<str>> {
    text.as_deref().map(Arc::from)
}

/// The nodes that an expression names, in its order: names, node sets and `ALL`.
pub(super) fn named(view: &View, expression: Option<&str>) -> Result<Vec<Arc<str>>, Failure> {
    let no_node = Failure::Code(Errno::ESLURM_INVALID_NODE_NAME);
    let list = Hostlist::parse(expression.unwrap_or_default()).map_err(|_| no_node.clone())?;
    let mut names: Vec<Arc<str>> = Vec::new();
    for word in list.names() {
        let set: Vec<_> = view.conf.node_sets.iter().filter(|set| set.name == word).collect();
        if word.eq_ignore_ascii_case("ALL") {
            names.extend(view.cluster.nodes().map(|node| Arc::clone(&node.name)));
        } else if set.is_empty() {
            names.push(word.into());
        } else {
            let has = |node: &Node| {
                set.iter().any(|set| {
                    let feature = set.feature.as_deref();
                    set.nodes.iter().any(|name| **name == *node.name)
                        || node.features_available.iter().any(|f| Some(&**f) == feature)
                })
            };
            let nodes = view.cluster.nodes().filter(|node| has(node));
            names.extend(nodes.map(|node| Arc::clone(&node.name)));
        }
    }
    if names.is_empty() { Err(no_node) } else { Ok(names) }
}

fn addresses(expression: Option<&str>) -> Result<Option<Vec<Arc<str>>>, Failure> {
    let Some(expression) = expression else {
        return Ok(None);
    };
    let list = Hostlist::parse(expression);
    let list = list.map_err(|_| Failure::Code(Errno::ESLURM_INVALID_NODE_NAME))?;
    Ok(Some(list.names().into_iter().map(Arc::from).collect()))
}

fn state(state: u32) -> Result<NodeUpdateState, Failure> {
    use node_state::update as s;
    Ok(match state {
        s::CANCEL_REBOOT => NodeUpdateState::CancelReboot,
        s::DOWN => NodeUpdateState::Down,
        s::DRAIN => NodeUpdateState::Drain,
        s::FAIL => NodeUpdateState::Fail,
        s::FUTURE => NodeUpdateState::Future,
        s::IDLE => NodeUpdateState::Idle,
        s::NO_RESPOND => NodeUpdateState::NoResp,
        s::RESUME => NodeUpdateState::Resume,
        s::UNDRAIN => NodeUpdateState::Undrain,
        s::POWER_UP => NodeUpdateState::PowerUp,
        s::POWER_DOWN => NodeUpdateState::PowerDown,
        s::POWER_DOWN_ASAP => NodeUpdateState::PowerDownAsap,
        s::POWER_DOWN_FORCE => NodeUpdateState::PowerDownForce,
        _ => return Err(Failure::Rejected(Reject::InvalidNodeState)),
    })
}

/// REQUEST_CREATE_NODE: a NodeName line in `extra`.
fn create(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: UpdateNode = request.decode()?;
    let text = message.extra.unwrap_or_default();
    let line = NodeLine::parse(&text).map_err(|_| {
        let why = format!("Failed to parse nodeline '{text}'");
        Failure::CodeWithText(SLURM_ERROR, why)
    })?;
    if let Some(set) =
        view.conf.node_sets.iter().find(|s| line.nodes.iter().any(|n| n.name == s.name))
    {
        let why = format!("Node name {} is the name of a node set", set.name);
        return Err(Failure::CodeWithText(Errno::ESLURM_INVALID_NODE_NAME, why));
    }
    if !matches!(line.state, NodeState::Future | NodeState::Cloud) {
        let why = "Only State=FUTURE and State=CLOUD allowed for nodes created by scontrol";
        return Err(Failure::CodeWithText(Errno::ESLURM_INVALID_NODE_STATE, why.to_owned()));
    }
    let port = view.conf.slurmd_port;
    let nodes = line.nodes.iter();
    let nodes = nodes.map(|names| settings::node(&line, names, port)).collect();
    Ok(Event::CreateNodes { caller: request.caller, nodes })
}

/// REQUEST_DELETE_NODE.
fn delete(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: UpdateNode = request.decode()?;
    let names = named(view, message.node_names.as_deref())?;
    Ok(Event::DeleteNodes { caller: request.caller, names })
}

/// REQUEST_REBOOT_NODES.
fn reboot(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: RebootNodes = request.decode()?;
    let names = match message.node_list.as_deref() {
        None => None,
        Some(list) if list.eq_ignore_ascii_case("ALL") => None,
        list => Some(named(view, list)?),
    };
    let then = match message.next_state.value() {
        Some(node_state::RESUME) => AfterReboot::Resume,
        Some(node_state::DOWN) => AfterReboot::Down,
        _ => AfterReboot::AsBefore,
    };
    Ok(Event::RebootNodes(Reboot {
        caller: request.caller,
        names,
        asap: message.flags & reboot_flags::ASAP != 0,
        then,
        reason: text(&message.reason).filter(|reason| !reason.is_empty()),
    }))
}

/// The nodes that were skipped are named, in a message that is no error.
fn rebooting(_: &View, request: &Request<'_>, answer: Answer) -> Reply {
    let Answer::Skipped(names) = answer else {
        return request.return_code(Errno::SLURM_SUCCESS);
    };
    let list = ranged(&names);
    let text = format!("Skipping reboot of nodes {list} due to current node state.");
    request.explained(Errno::SLURM_SUCCESS, text)
}

/// `n[1-3]`, in the order they were named.
pub(super) fn ranged(names: &[Arc<str>]) -> String {
    let text = names.join(",");
    Hostlist::parse(&text).map_or(text, |list| list.ranged())
}

/// The nodes that stay are named, with the first one's reason.
fn deleted(_: &View, request: &Request<'_>, answer: Answer) -> Reply {
    let Answer::NodesRefused(refused) = answer else {
        return request.return_code(Errno::SLURM_SUCCESS);
    };
    let code = refused.first().map_or(Errno::SLURM_SUCCESS, |(_, why)| errno(why));
    let names: Vec<_> = refused.into_iter().map(|(name, _)| name).collect();
    request.explained(code, format!("failed to delete nodes {}", ranged(&names)))
}

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_UPDATE_NODE, Privilege::Admin, update, done),
    Row::write(Number::REQUEST_CREATE_NODE, Privilege::Admin, create, done),
    Row::write(Number::REQUEST_DELETE_NODE, Privilege::Admin, delete, deleted),
    Row::write(Number::REQUEST_REBOOT_NODES, Privilege::Admin, reboot, rebooting),
];

#[cfg(test)]
mod tests;
