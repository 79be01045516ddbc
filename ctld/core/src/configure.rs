//! What slurm.conf says meets what the store kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Address, Availability, Change, Config, Counters, Node, NodeFlags, NodeId, Origin, Partition,
};

use crate::effect::Effect;
use crate::event::Answer;
use crate::node;
use crate::power;
use crate::reject::Reject;
use crate::trigger;
use crate::turn::Turn;

/// slurm.conf, as read.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// What decisions depend on.
    pub config: Arc<Config>,
    /// The nodes, in the file's order; their `id` is not used.
    pub nodes: Vec<Node>,
    /// The partitions; their `nodes` are not used.
    pub partitions: Vec<(Partition, Vec<Arc<str>>)>,
    /// What of the remembered state is taken over.
    pub recover: Recover,
}

/// What of the remembered state is taken over at a start (slurmctld's `-c`, none, `-R`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recover {
    /// Jobs, and which nodes are down or drained and why; the rest from slurm.conf.
    NodeStates,
    /// Whatever was altered at run time too.
    All,
    /// slurm.conf was read again in the middle of things.
    Reload,
}

/// slurm.conf was read: new nodes are added, known ones keep their state, those that the file no
/// longer names go, and their jobs with them.
pub(crate) fn configured(turn: &mut Turn<'_>, c: Configuration) -> Result<Answer, Reject> {
    let first = c.config.first_job_id.max(1);
    let mut config = c.config;
    let was_saving = turn.config().power.is_some();
    if c.recover == Recover::Reload && config.suspend_except.keep {
        let kept = turn.config().suspend_except.clone();
        Arc::make_mut(&mut config).suspend_except = kept;
    }
    turn.record(Change::Config(config));
    let counters = turn.cluster().counters();
    if counters.next_job == 0 {
        turn.record(Change::Counters(Counters {
            next_job: first,
            next_priority: TOP_PRIORITY,
            ..counters
        }));
    }
    let named: BTreeSet<Arc<str>> = c.nodes.iter().map(|node| Arc::clone(&node.name)).collect();
    for node in c.nodes {
        configured_node(turn, node, c.recover);
    }
    let gone: Vec<NodeId> = turn
        .cluster()
        .nodes()
        .filter(|node| node.origin == Origin::Configured && !named.contains(&node.name))
        .map(|node| node.id)
        .collect();
    for id in gone {
        node::removed(turn, id);
    }
    configured_partitions(turn, c.partitions, c.recover);
    power::configured(turn, was_saving || c.recover != Recover::Reload);
    turn.emit(Effect::Schedule);
    if c.recover != Recover::Reload {
        trigger::started(turn);
    } else {
        trigger::reconfigured(turn);
        turn.emit(Effect::Reconfigure);
    }
    Ok(Answer::Done)
}

/// What priority/basic gives the first job; each one after it gets one less.
const TOP_PRIORITY: u32 = 0xffff_0000;

fn configured_node(turn: &mut Turn<'_>, mut node: Node, recover: Recover) {
    let Some(known) = turn.cluster().node_named(&node.name).cloned() else {
        node.id = turn.cluster().free_node_id();
        turn.record(Change::Node(Arc::new(node)));
        return;
    };
    node.id = known.id;
    node.origin = Origin::Configured;
    node.registration.clone_from(&known.registration);
    node.last_response = known.last_response;
    node.last_busy = known.last_busy;
    node.cpu_load = known.cpu_load;
    node.free_memory_mib = known.free_memory_mib;
    node.address.seen = known.address.seen;
    node.resume_after = known.resume_after;
    node.power = known.power;
    if node.flags.cloud && known.flags.cloud {
        // Where a machine of a cloud is, and what it is, only it has told.
        node.address = Address { port: node.address.port, ..known.address.clone() };
        node.instance_id.clone_from(&known.instance_id);
        node.instance_type.clone_from(&known.instance_type);
    }
    let was_future = known.availability == Availability::Future;
    if node.availability != Availability::Future && !was_future {
        node.availability = known.availability;
        node.flags = NodeFlags { cloud: node.flags.cloud, ..known.flags };
        node.reason.clone_from(&known.reason);
        if turn.cluster().config().power.is_none() {
            power::abandoned(&mut node);
        }
    }
    if recover != Recover::NodeStates {
        node.comment = known.comment.clone().or(node.comment);
        node.extra = known.extra.clone().or(node.extra);
    }
    if recover == Recover::All {
        node.features_available = Arc::clone(&known.features_available);
        node.features_active = Arc::clone(&known.features_active);
        node.weight = known.weight;
        node.hardware.gres = Arc::clone(&known.hardware.gres);
        node.hardware.gres_text.clone_from(&known.hardware.gres_text);
    }
    if node != *known {
        turn.record(Change::Node(Arc::new(node)));
    }
}

fn configured_partitions(
    turn: &mut Turn<'_>,
    partitions: Vec<(Partition, Vec<Arc<str>>)>,
    recover: Recover,
) {
    let named: BTreeSet<Arc<str>> = partitions.iter().map(|(p, _)| Arc::clone(&p.name)).collect();
    let known: Vec<_> = turn.cluster().partitions().cloned().collect();
    if recover != Recover::All {
        for partition in known.iter().filter(|partition| !named.contains(&partition.name)) {
            turn.record(Change::PartitionGone(Arc::clone(&partition.name)));
        }
    }
    for (mut partition, node_names) in partitions {
        let kept = known.iter().find(|p| p.name == partition.name);
        if let (Some(kept), Recover::All) = (kept, recover) {
            turn.record(Change::Partition(Arc::clone(kept)));
            continue;
        }
        partition.nodes = node_ids(turn, &partition, &node_names);
        turn.record(Change::Partition(Arc::new(partition)));
    }
}

/// The nodes that the file names, and those dynamic ones that the partition takes.
fn node_ids(turn: &Turn<'_>, partition: &Partition, names: &[Arc<str>]) -> Arc<[NodeId]> {
    let named = names.iter().filter_map(|name| turn.cluster().node_named(name));
    let dynamic = turn.cluster().nodes().filter(|node| {
        node.origin == Origin::Dynamic && node::takes(partition, &node.features_available)
    });
    let mut ids: Vec<NodeId> = named.chain(dynamic).map(|node| node.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into()
}
