//! Nodes of a reservation that cannot be used give way to others, and with REPLACE those that its
//! jobs have taken (scontrol(1)): unless its nodes were named, or are to stay.

use std::sync::Arc;

use model::{Change, Job, Node, NodeId, PowerSaving, Reservation, ReservationFlags as F};

use crate::effect::Effect;
use crate::turn::Turn;

/// A job has started: with REPLACE its nodes are not its reservation's any more.
pub(crate) fn job_started(turn: &mut Turn<'_>, job: &Job) {
    let one = turn.cluster().reservation_of(job).cloned();
    if let Some(one) = one.filter(|one| one.flags.has(F::REPLACE)) {
        replaced(turn, &one);
    }
}

/// Gives a reservation other nodes for those that are of no use to it, as far as there are some.
pub(super) fn replaced(turn: &mut Turn<'_>, one: &Reservation) {
    let stays = one.flags.has(F::SPEC_NODES | F::STATIC | F::MAINT);
    if stays || !one.has_whole_nodes() {
        return;
    }
    let takes_new = one.flags.has(F::REPLACE);
    let is_good = |id: &&NodeId| {
        let is_up = turn.cluster().node(**id).is_some_and(|node| node.is_schedulable());
        is_up && (!takes_new || turn.cluster().usage(**id).is_idle())
    };
    let (good, bad): (Vec<NodeId>, Vec<NodeId>) =
        one.nodes.iter().copied().partition(|id| is_good(&id));
    if bad.is_empty() {
        return;
    }
    let spare = spare(turn, one, &bad);
    if spare.is_empty() {
        return;
    }
    let left = bad.into_iter().skip(spare.len());
    let mut nodes: Vec<NodeId> = good.into_iter().chain(left).chain(spare).collect();
    nodes.sort_unstable();
    let one = Reservation { nodes: nodes.into(), ..one.clone() };
    turn.record(Change::Reservation(Arc::new(one)));
    turn.emit(Effect::Schedule);
}

/// Idle nodes of its partition that no other reservation has at its time, the lightest first; with
/// the features of those that they are for, if it asked for some.
fn spare(turn: &Turn<'_>, one: &Reservation, bad: &[NodeId]) -> Vec<NodeId> {
    let cluster = turn.cluster();
    let partition = match &one.partition {
        Some(name) => cluster.partition(name),
        None => cluster.default_partition(),
    };
    let Some(partition) = partition else {
        return Vec::new();
    };
    let zone = &cluster.config().zone;
    let met: Vec<&Arc<Reservation>> = cluster
        .reservations()
        .filter(|other| other.name != one.name && other.meets(one, turn.now, zone))
        .collect();
    let model = bad.first().and_then(|id| cluster.node(*id)).filter(|_| one.features.is_some());
    let serves = |node: &&Arc<Node>| {
        !one.has_node(node.id)
            && node.is_schedulable()
            && PowerSaving::gives(cluster.config().power.as_ref(), node, || false)
            && cluster.usage(node.id).is_idle()
            && !met.iter().any(|other| other.has_node(node.id))
            && model.is_none_or(|model| model.features_active == node.features_active)
    };
    let nodes = partition.nodes.iter().filter_map(|id| cluster.node(*id));
    let mut nodes: Vec<&Arc<Node>> = nodes.filter(serves).collect();
    nodes.sort_by_key(|node| (node.flags.powered_down, node.weight, node.id));
    nodes.into_iter().take(bad.len()).map(|node| node.id).collect()
}
