//! A job that goes on without some of its nodes: they are gone (`--no-kill`), or it gives them back
//! (`scontrol update job NumNodes=`, `NodeList=`).

use std::sync::Arc;

use model::{Allocation, Job, Launch, NodeId, Phase, Resized, named_nodes, node_list};

use crate::effect::{Effect, NodeMessage};
use crate::job::{client, launch};
use crate::node;
use crate::reject::{Reject, StepReject};
use crate::step;
use crate::turn::Turn;

/// Takes a node that is gone from a job that is to go on without it; gives whether it does. It does so
/// without its script, if that was there (24.11, 26.05); a heterogeneous job is as a whole or not at all.
pub(crate) fn goes_on_without(turn: &mut Turn<'_>, job: &Arc<Job>, node: NodeId) -> bool {
    let Some(allocation) = job.allocation.clone().filter(|_| !job.spec.kill_on_node_fail) else {
        return false;
    };
    let runs = matches!(job.phase, Phase::Running(Launch::Done) | Phase::Suspended);
    if !runs || job.het.is_some() || allocation.shares.len() < 2 {
        return false;
    }
    let name = turn.cluster().node(node).map_or_else(Arc::default, |node| Arc::clone(&node.name));
    client::node_lost(turn, job, node, &name);
    step::part_lost(turn, job, node);
    let job = &launch::prolog_needless(turn, job, node);
    let nodes = allocation.shares.iter().map(|share| share.node).filter(|id| *id != node);
    let rest = part(turn, job, &allocation, &nodes.collect::<Vec<_>>());
    turn.edit_job(job, |job| job.allocation = Some(Arc::new(rest)));
    turn.emit(Effect::Schedule);
    true
}

/// What a job is to keep of its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptNodes {
    /// So many, the first of them.
    Count(u32),
    /// Those that are named, as a host expression.
    Named(Arc<str>),
}

/// Whether a job can give back nodes so that it has left what it is to keep.
pub(super) fn check(turn: &Turn<'_>, job: &Job, kept: &KeptNodes) -> Result<(), Reject> {
    if job.het.is_some() {
        return Err(Reject::NotSupported("another size of a heterogeneous job"));
    }
    match &job.phase {
        Phase::Running(Launch::Done) | Phase::Suspended => nodes(turn, job, kept).map(|_| ()),
        Phase::Running(_) => Err(StepReject::PrologRunning(job.id).into()),
        Phase::Pending | Phase::Completing(_) | Phase::Ended => Err(Reject::JobNotRunning(job.id)),
    }
}

/// The nodes that are kept. A script stays where it is.
fn nodes(turn: &Turn<'_>, job: &Job, kept: &KeptNodes) -> Result<Vec<NodeId>, Reject> {
    let allocation = job.allocation.as_deref().ok_or(Reject::JobNotRunning(job.id))?;
    let has: Vec<NodeId> = allocation.shares.iter().map(|share| share.node).collect();
    let host = job.batch.then(|| allocation.batch_host());
    match kept {
        KeptNodes::Count(count) => match usize::try_from(*count) {
            Ok(0) => Err(Reject::InvalidNodeCount),
            // A script that is gone with its node keeps none.
            Ok(count) if count <= has.len() => {
                Ok(first(&has, count, host.filter(|host| has.contains(host))))
            }
            _ => Err(Reject::NotSupported("more nodes for a job that runs")),
        },
        KeptNodes::Named(text) => {
            let unknown = || Reject::NoSuchNode(Arc::clone(text));
            let named = named_nodes(turn.cluster(), text).map_err(|_| unknown())?;
            if named.is_empty() || host.is_some_and(|host| !named.contains(&host)) {
                return Err(unknown());
            }
            let is_its = named.iter().all(|id| has.contains(id));
            let rest = has.into_iter().filter(|id| named.contains(id));
            if is_its { Ok(rest.collect()) } else { Err(unknown()) }
        }
    }
}

/// So many nodes: the first ones, but always the one of the script.
fn first(nodes: &[NodeId], count: usize, host: Option<NodeId>) -> Vec<NodeId> {
    let mut first = nodes[..count].to_vec();
    if let (Some(last), Some(host)) = (first.last_mut(), host)
        && !nodes[..count].contains(&host)
    {
        *last = host;
    }
    first
}

/// A job gives back all nodes but those that it keeps, and asks for no more than it has from now on.
/// What runs of it on the others is ended.
pub(super) fn keeps(turn: &mut Turn<'_>, job: &Arc<Job>, kept: &KeptNodes) -> Arc<Job> {
    let (Ok(kept), Some(allocation)) = (nodes(turn, job, kept), job.allocation.clone()) else {
        return Arc::clone(job);
    };
    let given: Vec<NodeId> =
        allocation.shares.iter().map(|share| share.node).filter(|id| !kept.contains(id)).collect();
    if given.is_empty() {
        return Arc::clone(job);
    }
    turn.emit(Effect::WriteDown { job: Arc::clone(job), resized: true });
    let mut job = Arc::clone(job);
    for node in given {
        step::part_given_back(turn, &job, node);
        job = launch::prolog_needless(turn, &job, node);
        let message = NodeMessage::Abort { job: job.id, step: None };
        turn.emit(Effect::ToNode { node, message });
    }
    let rest = part(turn, &job, &allocation, &kept);
    let (count, cpus) = (u32::try_from(kept.len()).unwrap_or(u32::MAX), rest.cpus());
    turn.emit(Effect::Schedule);
    let job = turn.edit_job(&job, |job| {
        let spec = Arc::make_mut(&mut job.spec);
        let tasks = cpus / u32::from(spec.cpus_per_task.unwrap_or(1)).max(1);
        spec.tasks = spec.tasks.map(|asked| asked.min(tasks));
        spec.min_cpus = spec.min_cpus.min(cpus);
        spec.min_nodes = spec.min_nodes.min(count);
        spec.max_nodes = spec.max_nodes.map(|most| most.min(count));
        job.allocation = Some(Arc::new(rest));
    });
    for share in allocation.shares.iter().filter(|share| !kept.contains(&share.node)) {
        node::left(turn, share.node);
    }
    job
}

/// The part of an allocation on some of its nodes.
fn part(turn: &Turn<'_>, job: &Job, allocation: &Allocation, nodes: &[NodeId]) -> Allocation {
    let shares: Vec<_> =
        allocation.shares.iter().filter(|share| nodes.contains(&share.node)).cloned().collect();
    let host = allocation.batch_host();
    let batch_at = (0u32..).zip(&shares).find(|(_, share)| share.node == host);
    Allocation {
        batch_at: batch_at.map_or(0, |(at, _)| at),
        node_list: node_list(turn.cluster(), nodes),
        tasks: shares.iter().map(|share| share.tasks).sum(),
        shares,
        resized: Some(Resized {
            at: turn.now,
            script_on: job.batch.then(|| allocation.batch_host()),
        }),
        ..Allocation::clone(allocation)
    }
}
