//! Why a job that found no nodes waits.

use std::sync::Arc;

use model::{Availability, Node, NodeId, Timestamp, WaitReason, node_list};

use crate::demand::Demand;
use crate::ledger::Ledger;
use crate::shape::{Hopeless, Shape, Shapes};

/// Why jobs of a demand wait that found nothing now.
///
/// What stock (24.11) asks in this order: are nodes that it named out of use; would it fit if
/// nobody else were there; would it fit if moreover no node were out of use.
pub(crate) fn verdict(
    shapes: &mut Shapes,
    ledger: &mut Ledger<'_>,
    kept: u32,
    number: usize,
    demand: &Demand,
) -> WaitReason {
    if let Some((then, reason)) = &shapes.entry(number).verdict
        && *then == kept
    {
        return reason.clone();
    }
    let reason = if demand.max_nodes < demand.min_nodes {
        WaitReason::PartitionNodeLimit
    } else {
        match shapes.shape(ledger, number, demand) {
            Err(
                Hopeless::RequiredNode
                | Hopeless::ExcludedNode
                | Hopeless::Features
                | Hopeless::TooManyRequired,
            ) => WaitReason::BadConstraints,
            Ok(shape) => {
                let cost = 2 * shape.candidates.len() as u64;
                let reason = of_shape(shape, ledger, demand);
                ledger.checks_left = ledger.checks_left.saturating_sub(cost);
                reason
            }
        }
    };
    shapes.entry(number).verdict = Some((kept, reason.clone()));
    reason
}

fn of_shape(shape: &Shape, ledger: &Ledger<'_>, demand: &Demand) -> WaitReason {
    let rank = |at: &usize| shape.candidates[*at].rank;
    if shape.required.iter().any(|at| !shape.is_open(ledger, rank(at))) {
        return not_available(shape, ledger, demand);
    }
    if shape.is_short_of_power(ledger) {
        return WaitReason::MaxPoweredNodes;
    }
    if shape.serves_when_idle(ledger, |rank| shape.is_open(ledger, rank)) {
        return WaitReason::Resources;
    }
    if !shape.serves_when_idle(ledger, |_| true) {
        return WaitReason::BadConstraints;
    }
    let is_taken = |rank: u32| {
        let room = &ledger.rooms[rank as usize];
        shape.is_open(ledger, rank) && (room.exclusive > 0 || demand.whole && room.jobs > 0)
    };
    if shape.candidates.iter().any(|candidate| is_taken(candidate.rank)) {
        return WaitReason::Resources;
    }
    not_available(shape, ledger, demand)
}

/// The text names nodes that are down, not those that are drained: stock tells the two apart here.
fn not_available(shape: &Shape, ledger: &Ledger<'_>, demand: &Demand) -> WaitReason {
    if shape.bounds.as_ref().is_some_and(|bounds| bounds.maintenance) {
        return WaitReason::ReqNodeNotAvail("ReqNodeNotAvail, Reserved for maintenance".into());
    }
    let named: Vec<NodeId> =
        shape.required.iter().map(|at| ledger.node(shape.candidates[*at].rank).id).collect();
    let cluster = ledger.cluster;
    let partition = cluster.partition(&demand.partition);
    let down: Vec<NodeId> = partition
        .iter()
        .flat_map(|partition| partition.nodes.iter().copied())
        .filter(|id| named.is_empty() || named.contains(id))
        .filter(|id| cluster.node(*id).is_some_and(|node| is_down(node)))
        .collect();
    let text: Arc<str> = if down.is_empty() {
        "ReqNodeNotAvail, May be reserved for other job".into()
    } else {
        format!("ReqNodeNotAvail, UnavailableNodes:{}", node_list(cluster, &down)).into()
    };
    WaitReason::ReqNodeNotAvail(text)
}

fn is_down(node: &Node) -> bool {
    match node.availability {
        Availability::Down | Availability::Unknown => true,
        Availability::Up => node.flags.not_responding,
        Availability::Future => false,
    }
}

/// The end of time, for jobs that never end.
pub(crate) const NEVER: Timestamp = Timestamp(i64::MAX);
