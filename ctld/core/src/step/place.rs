//! Which nodes, cores and memory of its job a step gets.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Allocation, Cluster, CoreSet, Job, MemoryRequest, Node, NodeId, NodeShare, Step, StepShare,
};

use super::layout::{self, Distribution};
use super::request::{StepKind, StepRequest};
use crate::reject::{Reject, StepReject};

/// What a step gets: nodes in its order, and what it has of each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) nodes: Vec<NodeId>,
    pub(super) shares: Vec<StepShare>,
    pub(super) cpus_per_task: u16,
}

/// A node of the job, and what other steps leave of it.
struct Room<'a> {
    node: &'a Arc<Node>,
    share: &'a NodeShare,
    /// CPUs that the step could have now.
    cpus: u32,
    /// CPUs that it could have if no other step ran.
    cpus_ever: u32,
    cores_used: CoreSet,
    memory_left_mib: u64,
    is_idle: bool,
}

impl Room<'_> {
    fn cpus_per_core(&self) -> u32 {
        self.share.cpus.div_ceil(self.share.cores.len().max(1)).max(1)
    }
}

/// Finds a place for a step in its job.
pub(super) fn place(cluster: &Cluster, job: &Job, request: &StepRequest) -> Result<Placed, Reject> {
    let allocation = job.allocation.as_deref().ok_or(Reject::JobNotRunning(job.id))?;
    if request.kind == StepKind::Interactive {
        return Ok(interactive(allocation));
    }
    let cpus_per_task = cpus_per_task(request, allocation)?;
    check_memory(job, request)?;
    let rooms = rooms(cluster, job, allocation, request)?;
    let chosen = choose(&rooms, allocation, request, cpus_per_task)?;
    let tasks = request.tasks.unwrap_or_else(|| {
        chosen.iter().map(|room| room.cpus / u32::from(cpus_per_task.max(1))).sum::<u32>().max(1)
    });
    let max = cluster.config().max_tasks_per_node.max(1);
    let most = u32::try_from(chosen.len()).unwrap_or(u32::MAX).saturating_mul(max);
    if tasks > most {
        return Err(Reject::InvalidTaskCount);
    }
    if (tasks as usize) < chosen.len() {
        return Err(Reject::InvalidTaskCount);
    }
    let (order, task_ids) = match request.distribution {
        Some(how) => {
            let task_room = |room: &&Room<'_>| {
                let room = (room.cpus / u32::from(cpus_per_task.max(1))).max(1);
                request.tasks_per_node.map_or(room, |most| room.min(u32::from(most).max(1)))
            };
            let task_room: Vec<u32> = chosen.iter().map(task_room).collect();
            let task_ids = layout::lay_out(how, tasks, &task_room);
            (chosen, task_ids)
        }
        None => arbitrary(&chosen, request, tasks)?,
    };
    let shares = order.iter().zip(task_ids);
    let shares: Result<Vec<StepShare>, Reject> =
        shares.map(|(room, tasks)| share(room, request, cpus_per_task, tasks)).collect();
    let nodes = order.iter().map(|room| room.node.id).collect();
    Ok(Placed { nodes, shares: shares?, cpus_per_task })
}

/// All of the job on its first node, beside everything else.
fn interactive(allocation: &Allocation) -> Placed {
    let host = allocation.batch_host();
    let shares = allocation.shares.iter().take(1);
    let shares = shares.map(|share| StepShare {
        tasks: vec![0],
        cores: share.cores.clone(),
        cpus: share.cpus,
        memory_mib: 0,
    });
    Placed { nodes: vec![host], shares: shares.collect(), cpus_per_task: 0 }
}

/// CPUs of a task as the client must have meant them: it sends their product with the tasks. 0 if
/// there is no such number, or if not all tasks would find room with it.
fn cpus_per_task(request: &StepRequest, allocation: &Allocation) -> Result<u16, Reject> {
    if let Some(given) = request.cpus_per_task {
        return Ok(given);
    }
    let Some(tasks) = request.tasks else {
        return Ok(0);
    };
    if tasks == 0 {
        return Err(Reject::InvalidTaskCount);
    }
    if request.cpus == 0 || !request.cpus.is_multiple_of(tasks) {
        return Ok(0);
    }
    let each = request.cpus / tasks;
    let fits = allocation.shares.iter().all(|share| share.cpus >= each);
    let room: u32 = allocation.shares.iter().map(|share| share.cpus / each).sum();
    Ok(if fits && room >= tasks { u16::try_from(each).unwrap_or(0) } else { 0 })
}

fn check_memory(job: &Job, request: &StepRequest) -> Result<(), Reject> {
    match (request.memory, job.spec.memory) {
        (Some(MemoryRequest::PerNode(wanted)), Some(MemoryRequest::PerNode(held)))
            if held > 0 && wanted > held =>
        {
            Err(Reject::TooMuchMemory)
        }
        _ => Ok(()),
    }
}

/// The nodes of the job that the step may have, in the job's order.
fn rooms<'a>(
    cluster: &'a Cluster,
    job: &Job,
    allocation: &'a Allocation,
    request: &StepRequest,
) -> Result<Vec<Room<'a>>, Reject> {
    let named = |text: &Option<Arc<str>>| -> Result<Vec<NodeId>, Reject> {
        let text = text.as_deref().unwrap_or_default();
        model::named_nodes(cluster, text)
            .map_err(|unknown| Reject::NoSuchNode(Arc::clone(&unknown.name)))
    };
    let (required, excluded) = (named(&request.nodes)?, named(&request.excluded_nodes)?);
    let of_job = |id: &NodeId| allocation.shares.iter().any(|share| share.node == *id);
    if !required.iter().all(of_job) || required.iter().any(|id| excluded.contains(id)) {
        return Err(Reject::NothingFits);
    }
    let steps: Vec<&Arc<Step>> = cluster.steps_of(job.id).collect();
    let mut rooms = Vec::new();
    for share in allocation.shares.iter().skip(request.relative.into()) {
        let Some(node) = cluster.node(share.node) else { continue };
        // What does not answer may answer soon: the client asks again.
        if !node.is_reachable() && job.next_step == 0 {
            return Err(Reject::Step(StepReject::Busy));
        }
        let has_feature =
            |feature: &Arc<str>| node.features_active.iter().any(|active| active == feature);
        if excluded.contains(&share.node)
            || node.availability == model::Availability::Down
            || !request.feature.as_ref().is_none_or(has_feature)
        {
            continue;
        }
        rooms.push(room(node, share, &steps, request));
    }
    if rooms.is_empty() {
        return Err(Reject::NothingFits);
    }
    if !required.is_empty() {
        if request.max_nodes > 0 && required.len() > request.max_nodes as usize {
            return Err(Reject::NothingFits);
        }
        rooms.retain(|room| required.contains(&room.share.node));
    }
    Ok(rooms)
}

fn room<'a>(
    node: &'a Arc<Node>,
    share: &'a NodeShare,
    steps: &[&Arc<Step>],
    request: &StepRequest,
) -> Room<'a> {
    let mut used = Used::default();
    for step in steps {
        used.add(step, share.node);
    }
    let overlaps = request.overlaps || request.kind == StepKind::External;
    if overlaps {
        used = Used { steps: used.steps, ..Used::default() };
    }
    let cpus =
        if request.whole && used.cpus > 0 { 0 } else { share.cpus.saturating_sub(used.cpus) };
    let memory_left_mib = share.memory_mib.saturating_sub(used.memory_mib);
    let by_memory = |held_mib: u64| match request.memory {
        Some(MemoryRequest::PerCpu(mib)) if mib > 0 && share.memory_mib > 0 => {
            u32::try_from(held_mib / mib).unwrap_or(u32::MAX)
        }
        Some(MemoryRequest::PerNode(mib)) if share.memory_mib > 0 && mib > held_mib => 0,
        _ => u32::MAX,
    };
    Room {
        node,
        share,
        cpus: cpus.min(by_memory(memory_left_mib)),
        cpus_ever: share.cpus.min(by_memory(share.memory_mib)),
        cores_used: used.cores,
        memory_left_mib,
        is_idle: used.steps == 0,
    }
}

/// What the steps of a job have of one node.
#[derive(Default)]
struct Used {
    cores: CoreSet,
    cpus: u32,
    memory_mib: u64,
    steps: u32,
}

impl Used {
    fn add(&mut self, step: &Step, node: NodeId) {
        let Some(launch) = step.launch.as_deref().filter(|launch| !launch.overlaps) else {
            return;
        };
        let place = step.nodes.iter().position(|id| *id == node);
        let Some(share) = place.and_then(|place| launch.shares.get(place)) else {
            return;
        };
        // What has ended on this node is free again, though other nodes are not through.
        if place
            .and_then(|place| u32::try_from(place).ok())
            .is_some_and(|p| launch.ended_on.contains(&p))
        {
            return;
        }
        self.cores.add(&share.cores);
        self.cpus += share.cpus;
        self.memory_mib += if launch.counts_memory { share.memory_mib } else { 0 };
        self.steps += 1;
    }
}

/// The nodes of the step: idle ones first, as few as the request allows, more if it needs their
/// CPUs.
fn choose<'r, 'a>(
    rooms: &'r [Room<'a>],
    allocation: &Allocation,
    request: &StepRequest,
    cpus_per_task: u16,
) -> Result<Vec<&'r Room<'a>>, Reject> {
    let cpus = if request.overcommit { 0 } else { request.cpus };
    let (min, max) = node_counts(rooms, allocation, request, cpus)?;
    let need = u32::from(cpus_per_task.max(1));
    let usable = |room: &&Room<'_>| room.cpus >= need || request.overcommit && room.cpus > 0;
    let mut free: Vec<&Room<'_>> = rooms.iter().filter(usable).collect();
    // Sorting keeps the job's order within each half.
    free.sort_by_key(|room| !room.is_idle);
    let count = |rooms: &[&Room<'_>]| rooms.iter().map(|room| room.cpus).sum::<u32>();
    if free.len() < min {
        return Err(why_not(rooms, need, min, cpus));
    }
    let mut chosen: Vec<&Room<'_>> = free[..min].to_vec();
    if count(&chosen) < cpus && min == max {
        free.sort_by_key(|room| std::cmp::Reverse(room.cpus));
        chosen = free[..min].to_vec();
    } else {
        for room in &free[min..] {
            if count(&chosen) >= cpus || chosen.len() >= max {
                break;
            }
            chosen.push(room);
        }
    }
    if count(&chosen) < cpus {
        return Err(why_not(rooms, need, min, cpus));
    }
    chosen.sort_by_key(|room| room.share.node);
    Ok(chosen)
}

/// How many nodes at least and at most.
fn node_counts(
    rooms: &[Room<'_>],
    allocation: &Allocation,
    request: &StepRequest,
    cpus: u32,
) -> Result<(usize, usize), Reject> {
    let job_nodes = u32::try_from(allocation.shares.len()).unwrap_or(u32::MAX);
    let usable = u32::try_from(rooms.len()).unwrap_or(u32::MAX);
    let max = if request.max_nodes == 0 { job_nodes } else { request.max_nodes.min(job_nodes) };
    let mut min = request.min_nodes.unwrap_or(job_nodes);
    if request.max_nodes > 0 && min > request.max_nodes {
        return Err(Reject::InvalidNodeCount);
    }
    if min > job_nodes {
        return Err(Reject::NothingFits);
    }
    if request.min_nodes.is_none() && request.nodes.is_none() {
        min = min.min(usable);
    }
    let same = allocation.shares.windows(2).all(|pair| pair[0].cpus == pair[1].cpus);
    let each = allocation.shares.first().map_or(1, |share| share.cpus.max(1));
    if same && cpus > 0 {
        min = min.max(cpus.div_ceil(each));
        if min > max {
            return Err(Reject::TooManyCpus);
        }
    }
    if request.nodes.is_some() {
        min = min.max(usable.min(max));
    }
    if let Some(tasks) = request.tasks {
        // A node without a task is none of the step.
        min = min.min(tasks.max(1));
    }
    let min = usize::try_from(min.max(1)).unwrap_or(usize::MAX);
    Ok((min, usize::try_from(max.max(1)).unwrap_or(usize::MAX).max(min)))
}

/// Why there is no place now: it would be there without other steps, or never.
fn why_not(rooms: &[Room<'_>], need: u32, min: usize, cpus: u32) -> Reject {
    let ever: u32 = rooms.iter().map(|room| room.cpus_ever).sum();
    let holds = |room: &&Room<'_>| room.cpus_ever >= need.min(room.share.cpus);
    let lacks_memory = |room: &Room<'_>| room.cpus_ever < need && room.share.cpus >= need;
    if rooms.iter().filter(holds).count() >= min {
        if ever < cpus { Reject::TooManyCpus } else { Reject::Step(StepReject::Busy) }
    } else if rooms.iter().any(lacks_memory) {
        Reject::TooMuchMemory
    } else {
        Reject::NothingFits
    }
}

/// Nodes in the order of the list, and a task for each time that one is named.
fn arbitrary<'r, 'a>(
    chosen: &[&'r Room<'a>],
    request: &StepRequest,
    tasks: u32,
) -> Result<(Vec<&'r Room<'a>>, Vec<Vec<u32>>), Reject> {
    let by_name: BTreeMap<&str, &'r Room<'a>> =
        chosen.iter().map(|room| (&*room.node.name, *room)).collect();
    let mut order: Vec<&Room<'_>> = Vec::new();
    let mut ids: Vec<Vec<u32>> = Vec::new();
    for (task, name) in (0..tasks).zip(&request.hosts) {
        let room = by_name.get(&**name).ok_or(Reject::NothingFits)?;
        match order.iter().position(|known| known.share.node == room.share.node) {
            Some(place) => ids[place].push(task),
            None => {
                order.push(room);
                ids.push(vec![task]);
            }
        }
    }
    let matches = u32::try_from(request.hosts.len()).is_ok_and(|count| count == tasks);
    if matches { Ok((order, ids)) } else { Err(Reject::InvalidTaskCount) }
}

/// Cores and memory on one node.
fn share(
    room: &Room<'_>,
    request: &StepRequest,
    cpus_per_task: u16,
    tasks: Vec<u32>,
) -> Result<StepShare, Reject> {
    let count = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
    let (cores, cpus) = if request.whole || request.kind == StepKind::External {
        (room.share.cores.clone(), room.share.cpus)
    } else {
        let cpus = count.saturating_mul(u32::from(cpus_per_task.max(1)));
        let wanted = if cpus_per_task == 0 { count } else { cpus.div_ceil(room.cpus_per_core()) };
        (cores(room, wanted, request)?, cpus)
    };
    let memory_mib = match request.memory {
        _ if room.share.memory_mib == 0 => 0,
        None | Some(MemoryRequest::PerNode(0) | MemoryRequest::PerCpu(0)) => room.share.memory_mib,
        Some(MemoryRequest::PerNode(mib)) => mib.min(room.share.memory_mib),
        Some(MemoryRequest::PerCpu(mib)) => {
            let wanted = mib.saturating_mul(cpus.into());
            if wanted > room.memory_left_mib && !request.overcommit && !request.whole {
                return Err(Reject::Step(StepReject::Busy));
            }
            wanted.min(room.share.memory_mib)
        }
    };
    Ok(StepShare { tasks, cores, cpus, memory_mib })
}

/// The lowest free cores; with overcommitment others too, once none is free.
fn cores(room: &Room<'_>, wanted: u32, request: &StepRequest) -> Result<CoreSet, Reject> {
    let wanted = wanted as usize;
    let is_free = |core: &u32| !room.cores_used.contains(*core);
    let free: Vec<u32> = room.share.cores.iter().filter(is_free).take(wanted).collect();
    if free.len() < wanted && !request.overcommit {
        let ever = room.share.cores.len() as usize >= wanted;
        return Err(if ever { Reject::Step(StepReject::Busy) } else { Reject::TooManyCpus });
    }
    let used = room.share.cores.iter().filter(|core| !is_free(core));
    let missing = wanted - free.len();
    Ok(free.into_iter().chain(used.take(missing)).collect())
}

/// How tasks are distributed unless the request says more: node after node.
impl Default for Distribution {
    fn default() -> Self {
        Self::Block { packed: false }
    }
}
