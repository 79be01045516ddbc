//! The nodes of a job, and what its other steps leave of them.

use std::sync::Arc;

use model::{
    Allocation, Availability, Cluster, CoreSet, GresHeld, Job, MemoryRequest, Node, NodeId,
    NodeShare, Step, StepNumber,
};

use super::gres;
use super::request::{StepGres, StepKind, StepRequest};
use crate::reject::{Reject, StepReject};

/// A node that a step may have some of.
pub(super) struct Room<'a> {
    pub(super) node: &'a Arc<Node>,
    pub(super) share: &'a NodeShare,
    /// CPUs that the step could have now.
    pub(super) cpus: u32,
    /// What other steps have of it.
    pub(super) used: Used,
    /// Whether no other step runs there.
    pub(super) is_idle: bool,
}

/// The nodes that a step may have some of, in the job's order, and what of the job it cannot have
/// because other steps have it: whether it is worth waiting.
pub(super) struct Rooms<'a> {
    pub(super) rooms: Vec<Room<'a>>,
    /// Nodes whose CPUs are all in use.
    pub(super) full_nodes: usize,
    /// CPUs in use.
    pub(super) used_cpus: u32,
    /// Nodes without enough memory or generic resources for a task.
    pub(super) short_nodes: usize,
    /// CPUs that lack memory or generic resources now, and would have them without other steps.
    pub(super) short_cpus: u32,
}

/// What the steps of a job have of one node.
#[derive(Default)]
pub(super) struct Used {
    pub(super) cores: CoreSet,
    pub(super) cpus: u32,
    pub(super) memory_mib: u64,
    pub(super) gres: Vec<GresHeld>,
}

impl Used {
    fn of(steps: &[&Arc<Step>], node: &Node) -> Self {
        let mut used = Self::default();
        for step in steps {
            used.add(step, node);
        }
        used
    }

    fn add(&mut self, step: &Step, node: &Node) {
        let Some(launch) = step.launch.as_deref().filter(|launch| !launch.overlaps) else {
            return;
        };
        let Some(place) = step.nodes.iter().position(|id| *id == node.id) else {
            return;
        };
        // What has ended on this node is free again, though other nodes are not through.
        let ended = u32::try_from(place).is_ok_and(|place| launch.ended_on.contains(&place));
        let Some(share) = launch.shares.get(place).filter(|_| !ended) else {
            return;
        };
        let of_core = node.hardware.cpus_per_core();
        self.cores.add(&share.cores);
        // A step that has a part of a core has all of it.
        self.cpus += share.cpus.next_multiple_of(of_core);
        self.memory_mib += if launch.counts_memory { share.memory_mib } else { 0 };
        self.gres.extend(share.gres.iter().cloned());
    }
}

/// Looks at the nodes of a job for a step with CPUs of this number for each task.
pub(super) fn rooms<'a>(
    cluster: &'a Cluster,
    job: &Job,
    allocation: &'a Allocation,
    request: &StepRequest,
    wish: &StepGres,
    cpus_per_task: u16,
) -> Result<Rooms<'a>, Reject> {
    let excluded = excluded(cluster, request)?;
    check_feature(cluster, job, request)?;
    let steps: Vec<&Arc<Step>> = cluster.steps_of(job.id).collect();
    let mut found =
        Rooms { rooms: Vec::new(), full_nodes: 0, used_cpus: 0, short_nodes: 0, short_cpus: 0 };
    let mut without_gres = 0;
    for share in &allocation.shares {
        let Some(node) = cluster.node(share.node) else { continue };
        // What does not answer may answer soon: the client asks again.
        if job.next_step == 0 && (!node.is_reachable() || node.flags.not_responding) {
            return Err(Reject::Step(StepReject::Busy));
        }
        if excluded.contains(&share.node)
            || node.availability == Availability::Down
            || !has_feature(node, job, request)
        {
            continue;
        }
        let used = if ignores_others(request) { Used::default() } else { Used::of(&steps, node) };
        let is_idle = !steps.iter().any(|step| is_busy(step, node.id));
        let mut room = Room { node, share, cpus: share.cpus, used, is_idle };
        found.used_cpus += room.used.cpus;
        room.cpus = match room.used.cpus {
            0 => room.cpus,
            _ if request.whole => 0,
            used => room.cpus.saturating_sub(used),
        };
        if room.cpus == 0 {
            found.full_nodes += 1;
            continue;
        }
        without_gres += usize::from(
            !wish.is_empty() && gres_cpus(&room, request, wish, cpus_per_task, true) == 0,
        );
        if found.enough(&mut room, cluster, request, wish, cpus_per_task, allocation)? {
            found.rooms.push(room);
        }
    }
    let spare = request.min_nodes.and_then(|min| {
        allocation.shares.len().checked_sub(usize::try_from(min).unwrap_or(usize::MAX))
    });
    if spare.is_some_and(|spare| without_gres > spare) {
        return Err(Reject::InvalidGres);
    }
    Ok(found)
}

impl Rooms<'_> {
    /// Narrows a room to the CPUs that memory and generic resources are there for. `false` if not a
    /// task finds enough of them, which ends the search where all nodes are needed.
    fn enough(
        &mut self,
        room: &mut Room<'_>,
        cluster: &Cluster,
        request: &StepRequest,
        wish: &StepGres,
        cpus_per_task: u16,
        allocation: &Allocation,
    ) -> Result<bool, Reject> {
        let memory = if cluster.config().consumable.memory { request.memory } else { None };
        let of_memory = |held_mib| memory_cpus(memory, held_mib);
        let left_mib = room.share.memory_mib.saturating_sub(room.used.memory_mib);
        let (by_memory, memory_ever) = (of_memory(left_mib), of_memory(room.share.memory_mib));
        let (by_gres, gres_ever) = (
            gres_cpus(room, request, wish, cpus_per_task, false),
            gres_cpus(room, request, wish, cpus_per_task, true),
        );
        let ever = room.cpus.min(memory_ever).min(gres_ever);
        let cause = if by_gres < room.cpus.min(by_memory) {
            Reject::InvalidGres
        } else {
            Reject::TooMuchMemory
        };
        room.cpus = room.cpus.min(by_memory).min(by_gres);
        let need = u32::from(cpus_per_task.max(1));
        self.short_cpus += ever - room.cpus;
        if room.cpus / need > 0 || memory.is_none() && wish.is_empty() {
            return Ok(true);
        }
        let all = u32::try_from(allocation.shares.len()).ok();
        if request.min_nodes.is_none() || request.min_nodes == all {
            // CPUs that other steps have now are there later.
            let cpus = if room.is_idle { ever } else { room.share.cpus };
            let never = cpus.min(memory_ever).min(gres_ever) / need == 0;
            return Err(if never { cause } else { Reject::Step(StepReject::Busy) });
        }
        self.short_nodes += 1;
        Ok(false)
    }
}

/// CPUs that memory is there for.
pub(super) fn memory_cpus(memory: Option<MemoryRequest>, held_mib: u64) -> u32 {
    match memory {
        Some(MemoryRequest::PerCpu(mib)) if mib > 0 => {
            u32::try_from(held_mib / mib).unwrap_or(u32::MAX)
        }
        Some(MemoryRequest::PerNode(mib)) if mib > held_mib => 0,
        Some(_) | None => u32::MAX,
    }
}

/// CPUs that generic resources are there for, without other steps if they run for `ever`.
pub(super) fn gres_cpus(
    room: &Room<'_>,
    request: &StepRequest,
    wish: &StepGres,
    cpus_per_task: u16,
    ever: bool,
) -> u32 {
    if wish.is_empty() {
        return u32::MAX;
    }
    let nodes_max = if request.max_nodes == 0 { u32::MAX } else { request.max_nodes };
    let there = match ever {
        true => gres::left(&room.share.gres, &[]),
        false => gres::left(&room.share.gres, &room.used.gres),
    };
    wish.cpus(&there, cpus_per_task, nodes_max)
}

/// Whether a step has what it has beside all others.
pub(super) fn ignores_others(request: &StepRequest) -> bool {
    request.overlaps || request.kind == StepKind::External
}

/// Whether a step of its own runs on a node, as long as any node of it runs.
fn is_busy(step: &Step, node: NodeId) -> bool {
    let is_own = match step.number {
        StepNumber::Normal(_) | StepNumber::Component { .. } => true,
        StepNumber::Interactive | StepNumber::Batch | StepNumber::Extern => false,
    };
    is_own && step.nodes.contains(&node)
}

fn excluded(cluster: &Cluster, request: &StepRequest) -> Result<Vec<NodeId>, Reject> {
    let Some(text) = request.excluded_nodes.as_deref() else {
        return Ok(Vec::new());
    };
    let excluded = model::named_nodes(cluster, text)
        .map_err(|unknown| Reject::NoSuchNode(Arc::clone(&unknown.name)))?;
    let required = request.nodes.as_deref().unwrap_or_default();
    let required = model::named_nodes(cluster, required).map_err(|_| Reject::NothingFits)?;
    match required.iter().any(|id| excluded.contains(id)) {
        true => Err(Reject::NothingFits),
        false => Ok(excluded),
    }
}

/// The feature that the step asks for beyond what its job has asked for.
fn feature<'r>(job: &Job, request: &'r StepRequest) -> Option<&'r Arc<str>> {
    request.feature.as_ref().filter(|feature| Some(*feature) != job.spec.features.as_ref())
}

fn check_feature(cluster: &Cluster, job: &Job, request: &StepRequest) -> Result<(), Reject> {
    let Some(feature) = feature(job, request) else {
        return Ok(());
    };
    let known = cluster.nodes().any(|node| node.features_active.contains(feature));
    if known { Ok(()) } else { Err(Reject::InvalidFeature(Arc::clone(feature))) }
}

fn has_feature(node: &Node, job: &Job, request: &StepRequest) -> bool {
    feature(job, request).is_none_or(|feature| node.features_active.contains(feature))
}
