//! Which nodes are not stopped for having been idle: SuspendExcNodes, SuspendExcParts and
//! SuspendExcStates.

use std::collections::BTreeSet;

use model::{Availability, Cluster, Node, NodeId, Origin, SparedNodes, SparedState, named_nodes};

use crate::power::sleep::can_stop;

/// The nodes that are spared now.
pub(super) struct Spared<'a> {
    nodes: BTreeSet<NodeId>,
    states: &'a [SparedState],
    /// Nodes that waiting jobs are expected on, and nodes of reservations that are on, as far as a state
    /// asks for them.
    planned: BTreeSet<NodeId>,
    reserved: BTreeSet<NodeId>,
    maintained: BTreeSet<NodeId>,
}

impl<'a> Spared<'a> {
    pub(super) fn of(cluster: &'a Cluster) -> Self {
        let except = &cluster.config().suspend_except;
        let mut nodes: BTreeSet<NodeId> =
            except.nodes.iter().flat_map(|term| picked(cluster, term)).collect();
        let names = except.partitions.as_deref().unwrap_or_default().split(',');
        for partition in names.filter_map(|name| cluster.partition(name)) {
            nodes.extend(partition.nodes.iter());
        }
        let asks = |state| except.states.contains(&state);
        let mut spared = Self {
            nodes,
            states: &except.states,
            planned: BTreeSet::new(),
            reserved: BTreeSet::new(),
            maintained: BTreeSet::new(),
        };
        if asks(SparedState::Planned) {
            spared.planned = cluster.planned_nodes();
        }
        if asks(SparedState::Reserved) || asks(SparedState::Maintenance) {
            for reservation in cluster.reservations().filter(|one| one.is_active()) {
                let maintains = reservation.flags.has(model::ReservationFlags::MAINT);
                let set = if maintains { &mut spared.maintained } else { &mut spared.reserved };
                set.extend(reservation.nodes.iter());
            }
        }
        spared
    }

    pub(super) fn spares(&self, node: &Node) -> bool {
        self.nodes.contains(&node.id) || self.states.iter().any(|state| self.is_in(node, *state))
    }

    fn is_in(&self, node: &Node, state: SparedState) -> bool {
        let f = node.flags;
        match state {
            SparedState::Cloud => f.cloud,
            SparedState::Down => node.availability == Availability::Down,
            SparedState::Drain => f.drain,
            // A node that took a place of the file is one of the file here.
            SparedState::DynamicFuture => false,
            SparedState::DynamicNorm => node.origin == Origin::Dynamic,
            SparedState::Fail => f.fail,
            SparedState::InvalidReg => f.invalid,
            SparedState::NotResponding => f.not_responding,
            SparedState::Planned => self.planned.contains(&node.id),
            SparedState::Reserved => self.reserved.contains(&node.id),
            SparedState::Maintenance => self.maintained.contains(&node.id),
        }
    }
}

/// The nodes of a term that stay up: all of them, or as many idle ones as are wanting when those in use
/// are counted. Names that no node has are left out.
fn picked(cluster: &Cluster, term: &SparedNodes) -> Vec<NodeId> {
    let named = named_nodes(cluster, &term.list).unwrap_or_default();
    let count = match term.count {
        Some(count) if (count as usize) < named.len() => count as usize,
        _ => return named,
    };
    let (mut in_use, mut idle) = (0, Vec::new());
    for node in named.iter().filter_map(|id| cluster.node(*id)) {
        let usage = cluster.usage(node.id);
        let is_up = node.availability == Availability::Up && node.is_powered();
        if can_stop(node, Some(&usage)) && !node.flags.powered_down {
            idle.push(node.id);
        } else if is_up && !node.flags.drain && usage.suspended == 0 {
            in_use += 1;
        }
    }
    idle.truncate(count.saturating_sub(in_use));
    idle
}
