//! Partitions made, altered and taken away at run time.

use std::sync::Arc;

use model::{Change, NodeId, Partition};

use crate::access::{self, Caller};
use crate::effect::Effect;
use crate::event::Answer;
use crate::reject::Reject;
use crate::turn::Turn;

/// `scontrol create partition` and `update partition`.
#[derive(Clone)]
pub struct PartitionUpdate {
    /// Who.
    pub caller: Caller,
    /// Its name.
    pub name: Arc<str>,
    /// What is done to it: to the partition as it is, or to a fresh one.
    pub apply: Arc<dyn Fn(&mut Partition) + Send + Sync>,
    /// Its nodes, if they are set.
    pub nodes: Option<PartitionNodes>,
}

/// What becomes of a partition's nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionNodes {
    /// They are these.
    Are {
        /// `Nodes=` as it was written.
        text: Arc<str>,
        /// Their names.
        names: Vec<Arc<str>>,
        /// What nodes that come later it takes: see [`Partition::node_sets`].
        grows: Option<Arc<str>>,
    },
    /// Some are added, some taken away.
    Change {
        /// The names of those that are added.
        added: Vec<Arc<str>>,
        /// The names of those that are taken away.
        taken: Vec<Arc<str>>,
    },
}

impl std::fmt::Debug for PartitionUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartitionUpdate").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Somebody makes a partition.
pub(crate) fn created(turn: &mut Turn<'_>, update: &PartitionUpdate) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), update.caller)?;
    if turn.cluster().partition(&update.name).is_some() {
        return Err(Reject::PartitionExists(Arc::clone(&update.name)));
    }
    put(turn, update, Partition::named(Arc::clone(&update.name)))
}

/// Somebody alters a partition.
pub(crate) fn updated(turn: &mut Turn<'_>, update: &PartitionUpdate) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), update.caller)?;
    let partition = turn
        .cluster()
        .partition(&update.name)
        .ok_or_else(|| Reject::NoSuchPartition(Arc::clone(&update.name)))?;
    let partition = Partition::clone(partition);
    put(turn, update, partition)
}

/// Somebody takes a partition away: refused while jobs run or wait in it.
pub(crate) fn deleted(
    turn: &mut Turn<'_>,
    caller: Caller,
    name: &Arc<str>,
) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), caller)?;
    if turn.cluster().partition(name).is_none() {
        return Err(Reject::NoSuchPartition(Arc::clone(name)));
    }
    let in_use = |job: &Arc<model::Job>| !job.is_finished() && job.partition == *name;
    if turn.cluster().jobs().any(in_use) {
        return Err(Reject::PartitionBusy(Arc::clone(name)));
    }
    turn.record(Change::PartitionGone(Arc::clone(name)));
    Ok(Answer::Done)
}

fn put(
    turn: &mut Turn<'_>,
    update: &PartitionUpdate,
    mut partition: Partition,
) -> Result<Answer, Reject> {
    let was_default = partition.is_default;
    (update.apply)(&mut partition);
    if let Some(nodes) = &update.nodes {
        set_nodes(turn, &mut partition, nodes)?;
    }
    if partition.is_default && !was_default {
        let others: Vec<_> =
            turn.cluster().partitions().filter(|p| p.is_default).cloned().collect();
        for other in others.into_iter().filter(|other| other.name != partition.name) {
            let mut other = Partition::clone(&other);
            other.is_default = false;
            turn.record(Change::Partition(Arc::new(other)));
        }
    }
    turn.record(Change::Partition(Arc::new(partition)));
    turn.emit(Effect::Schedule);
    Ok(Answer::Done)
}

fn set_nodes(
    turn: &Turn<'_>,
    partition: &mut Partition,
    nodes: &PartitionNodes,
) -> Result<(), Reject> {
    match nodes {
        PartitionNodes::Are { text, names, grows } => {
            partition.nodes = ids(turn, names)?;
            partition.nodes_text = (!text.is_empty()).then(|| Arc::clone(text));
            partition.node_sets.clone_from(grows);
        }
        PartitionNodes::Change { added, taken } => {
            let (added, taken) = (ids(turn, added)?, ids(turn, taken)?);
            let mut nodes: Vec<NodeId> =
                partition.nodes.iter().chain(added.iter()).copied().collect();
            nodes.retain(|node| !taken.contains(node));
            nodes.sort_unstable();
            nodes.dedup();
            // What stands there now is these nodes and no set of others.
            partition.nodes_text = Some(model::node_list(turn.cluster(), &nodes));
            partition.node_sets = None;
            partition.nodes = nodes.into();
        }
    }
    Ok(())
}

fn ids(turn: &Turn<'_>, names: &[Arc<str>]) -> Result<Arc<[NodeId]>, Reject> {
    let find = |name: &Arc<str>| {
        let node = turn.cluster().node_named(name);
        node.map(|node| node.id).ok_or_else(|| Reject::NoSuchNode(Arc::clone(name)))
    };
    let mut ids = names.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids.into())
}
