//! Which nodes of its job a step gets.

use std::collections::{BTreeMap, BTreeSet};

use model::{Allocation, Cluster, Job, NodeId};

use super::layout::Distribution;
use super::request::StepRequest;
use super::room::{Room, Rooms};
use super::threads;
use crate::reject::{Reject, StepReject};

/// The nodes that were chosen, in the job's order, and what follows for the step.
pub(super) struct Chosen<'r, 'a> {
    pub(super) rooms: Vec<&'r Room<'a>>,
    pub(super) tasks: u32,
    /// CPUs that it asks for, or that its tasks will have.
    pub(super) cpus: u32,
    /// Where in the node table the next step begins to look.
    pub(super) next_node: u32,
}

/// Chooses the nodes of a step: those that it names, then idle ones, then those that other steps
/// leave room on, each from the one after the last step's on (24.11; 26.05 goes by the ranks that its
/// topology gives nodes).
pub(super) fn choose<'r, 'a>(
    cluster: &Cluster,
    job: &Job,
    allocation: &Allocation,
    request: &StepRequest,
    rooms: &'r Rooms<'a>,
    cpus_per_task: u16,
) -> Result<Chosen<'r, 'a>, Reject> {
    let all = u32::try_from(allocation.shares.len()).unwrap_or(u32::MAX);
    let max = if request.max_nodes == 0 { all } else { request.max_nodes };
    // A node without a task is none of the step.
    let useful = request.tasks.unwrap_or(max).max(request.min_nodes.unwrap_or(0));
    let max = max.min(useful);
    let mut search = Search {
        job,
        rooms,
        min: request.min_nodes.unwrap_or(0),
        max,
        cpus: if request.overcommit { 0 } else { request.cpus },
        tasks: request.tasks,
        cpus_per_task,
        open: rooms.rooms.iter().collect(),
        picked: Vec::new(),
        relative: request.relative.is_some(),
    };
    if request.min_nodes.is_none() {
        return search.all_nodes(request);
    }
    if search.max < search.min {
        return Err(Reject::InvalidNodeCount);
    }
    search.named(cluster, allocation, request)?;
    search.skip_first(allocation, request)?;
    search.count_tasks(request)?;
    search.count_nodes(cluster, allocation, request)?;
    search.pick_least()?;
    search.pick_more()?;
    let last = search.picked.iter().map(|room| room.share.node.0).max().unwrap_or(0);
    search.finish(last.saturating_add(1))
}

struct Search<'s, 'r, 'a> {
    job: &'s Job,
    rooms: &'r Rooms<'a>,
    min: u32,
    max: u32,
    cpus: u32,
    tasks: Option<u32>,
    cpus_per_task: u16,
    /// What can still be picked, in the job's order.
    open: Vec<&'r Room<'a>>,
    picked: Vec<&'r Room<'a>>,
    /// Idle nodes are not preferred.
    relative: bool,
}

impl<'r, 'a> Search<'_, 'r, 'a> {
    fn all_nodes(mut self, request: &StepRequest) -> Result<Chosen<'r, 'a>, Reject> {
        if self.open.is_empty() {
            let busy = self.rooms.full_nodes > 0;
            return Err(if busy { Reject::Step(StepReject::Busy) } else { Reject::NothingFits });
        }
        if self.tasks.is_none() {
            self.fill(&self.open.clone(), request)?;
        }
        self.picked = std::mem::take(&mut self.open);
        self.finish(0)
    }

    fn finish(mut self, next_node: u32) -> Result<Chosen<'r, 'a>, Reject> {
        self.picked.sort_by_key(|room| room.share.node);
        let tasks = self.tasks.unwrap_or(1);
        Ok(Chosen { rooms: self.picked, tasks, cpus: self.cpus, next_node })
    }

    /// Nodes that the step names, unless they are those that its job has named: srun hands those on.
    fn named(
        &mut self,
        cluster: &Cluster,
        allocation: &Allocation,
        request: &StepRequest,
    ) -> Result<(), Reject> {
        let named = request.nodes.as_deref();
        let Some(text) =
            named.filter(|text| Some(*text) != self.job.spec.required_nodes.as_deref())
        else {
            return Ok(());
        };
        let named = model::named_nodes(cluster, text).map_err(|_| Reject::NothingFits)?;
        let named: BTreeSet<NodeId> = named.into_iter().collect();
        let held: BTreeSet<NodeId> = allocation.shares.iter().map(|share| share.node).collect();
        if !named.is_subset(&held) {
            return Err(Reject::NothingFits);
        }
        let (picked, others): (Vec<_>, Vec<_>) =
            self.open.iter().copied().partition(|room| named.contains(&room.share.node));
        if picked.len() < named.len() {
            let waits = self.rooms.full_nodes > 0 || self.rooms.short_nodes > 0;
            return Err(if waits { Reject::Step(StepReject::Busy) } else { Reject::TooMuchMemory });
        }
        let count = u32::try_from(named.len()).unwrap_or(u32::MAX);
        if request.distribution.is_none() {
            self.min = count;
        }
        if count > self.max {
            return Err(Reject::NothingFits);
        }
        if self.min > 0 && count > self.min {
            self.open = picked;
        } else {
            (self.picked, self.open) = (picked, others);
        }
        Ok(())
    }

    fn skip_first(&mut self, allocation: &Allocation, request: &StepRequest) -> Result<(), Reject> {
        let first = usize::from(request.relative.unwrap_or(0));
        if first > allocation.shares.len() {
            return Err(Reject::NothingFits);
        }
        let skipped: Vec<NodeId> =
            allocation.shares.iter().take(first).map(|share| share.node).collect();
        self.open.retain(|room| !skipped.contains(&room.share.node));
        Ok(())
    }

    /// As many tasks as there is room for, where it is not said how many.
    fn count_tasks(&mut self, request: &StepRequest) -> Result<(), Reject> {
        if self.tasks.is_some() {
            return Ok(());
        }
        let pool: Vec<&'r Room<'a>> = match request.overlaps {
            true => self.open.clone(),
            false => self.idle(),
        };
        let count = u32::try_from(pool.len()).unwrap_or(u32::MAX);
        if count < self.min {
            return Err(Reject::Step(StepReject::Busy));
        }
        self.fill(&pool, request)
    }

    fn fill(&mut self, pool: &[&'r Room<'a>], request: &StepRequest) -> Result<(), Reject> {
        let used = threads::asked(self.job, request.threads_per_core);
        let cpus = |room: &&Room<'_>| match used {
            None => room.share.cpus,
            Some(used) => {
                room.share.cpus.div_ceil(room.node.hardware.cpus_per_core()) * u32::from(used)
            }
        };
        let mut cpus: Vec<u32> = pool.iter().map(cpus).collect();
        cpus.sort_unstable_by_key(|cpus| std::cmp::Reverse(*cpus));
        let need = u32::from(self.cpus_per_task.max(1));
        let nodes = usize::try_from(self.max).unwrap_or(usize::MAX);
        let tasks: u32 = cpus.into_iter().take(nodes).map(|cpus| cpus / need).sum();
        if tasks == 0 {
            return Err(Reject::TooManyCpus);
        }
        self.tasks = Some(tasks);
        self.cpus = tasks.saturating_mul(need);
        Ok(())
    }

    /// A count of CPUs is a count of nodes where all nodes of the job are alike.
    fn count_nodes(
        &mut self,
        cluster: &Cluster,
        allocation: &Allocation,
        request: &StepRequest,
    ) -> Result<(), Reject> {
        let same = allocation.shares.windows(2).all(|pair| pair[0].cpus == pair[1].cpus);
        let first = allocation.shares.first().and_then(|share| cluster.node(share.node));
        let (Some(first), true) = (first, same && self.cpus > 0) else {
            return Ok(());
        };
        let of_core = u16::try_from(first.hardware.cpus_per_core()).unwrap_or(u16::MAX);
        let held = threads::held(self.job);
        let cpus = match threads::asked(self.job, request.threads_per_core) {
            Some(used) if used < held && used > of_core => {
                return Err(Reject::Step(StepReject::TooManyThreads));
            }
            Some(used) if used < held && used < of_core => {
                self.cpus.div_ceil(used.into()).saturating_mul(of_core.into())
            }
            _ => self.cpus,
        };
        let each = allocation.shares.first().map_or(1, |share| share.cpus.max(1));
        self.min = self.min.max(cpus.div_ceil(each));
        if request.distribution == Some(Distribution::Block { packed: true }) {
            self.max = self.min;
        }
        if self.max < self.min { Err(Reject::TooManyCpus) } else { Ok(()) }
    }

    fn idle(&self) -> Vec<&'r Room<'a>> {
        let open = self.open.iter().copied();
        if self.relative { Vec::new() } else { open.filter(|room| room.is_idle).collect() }
    }

    /// Nodes up to the least count: idle ones if there are enough, else any.
    fn pick_least(&mut self) -> Result<(), Reject> {
        let count = |nodes: usize| u32::try_from(nodes).unwrap_or(u32::MAX);
        let picked = count(self.picked.len());
        if self.min == 0 {
            return Ok(());
        }
        if count(self.open.len()).saturating_add(picked) < self.min {
            return Err(Reject::Step(StepReject::Busy));
        }
        let mut needed = self.min.saturating_sub(picked);
        for pool in [self.idle(), self.open.clone()] {
            let there = count(pool.len());
            if needed == 0 || there < needed {
                continue;
            }
            needed = self.max.max(self.min).saturating_sub(picked).min(there);
            let have: u32 = self.picked.iter().map(|room| room.cpus).sum();
            let cpus = self.cpus.saturating_sub(have);
            if let Some(more) = pick(&pool, needed, cpus, self.job.next_step_node) {
                let ids: BTreeSet<NodeId> = more.iter().map(|room| room.share.node).collect();
                self.open.retain(|room| !ids.contains(&room.share.node));
                self.picked.extend(more);
                return Ok(());
            }
        }
        if needed == 0 { Ok(()) } else { Err(self.why_not(self.open.len() + self.picked.len())) }
    }

    /// More nodes while they bring CPUs that are missing.
    fn pick_more(&mut self) -> Result<(), Reject> {
        let mut cpus: u32 = self.picked.iter().map(|room| room.cpus).sum();
        let mut nodes = u32::try_from(self.picked.len()).unwrap_or(u32::MAX);
        let mut open = std::mem::take(&mut self.open).into_iter().filter(|room| room.cpus > 0);
        while self.cpus > cpus && nodes < self.max {
            let Some(room) = open.next() else { break };
            cpus += room.cpus;
            nodes += 1;
            self.picked.push(room);
        }
        if self.cpus <= cpus {
            return Ok(());
        }
        let taken = self.rooms.used_cpus.saturating_add(self.rooms.short_cpus);
        let waits = self.cpus <= cpus.saturating_add(taken);
        Err(if waits { Reject::Step(StepReject::Busy) } else { Reject::NothingFits })
    }

    /// Why there is no place now: it would be there without other steps, or never.
    fn why_not(&self, nodes: usize) -> Reject {
        let Rooms { full_nodes, used_cpus, short_nodes, short_cpus, .. } = *self.rooms;
        let holds = |count: u32, nodes: usize| u32::try_from(nodes).is_ok_and(|n| count <= n);
        if holds(self.max, nodes) && used_cpus == 0 && short_cpus == 0 {
            Reject::TooManyCpus
        } else if short_cpus > 0 || holds(self.min, nodes + short_nodes + full_nodes) {
            Reject::Step(StepReject::Busy)
        } else {
            Reject::NothingFits
        }
    }
}

/// So many nodes with so many CPUs together, from a place in the node table on and round: first
/// those that have their part of the CPUs, then the largest of the others.
fn pick<'r, 'a>(
    pool: &[&'r Room<'a>],
    nodes: u32,
    cpus: u32,
    from: u32,
) -> Option<Vec<&'r Room<'a>>> {
    let mut order = pool.to_vec();
    let first = order.iter().position(|room| room.share.node.0 >= from).unwrap_or(0);
    order.rotate_left(first);
    let nodes_max = usize::try_from(nodes).unwrap_or(usize::MAX);
    if cpus <= nodes {
        order.truncate(nodes_max);
        return Some(order);
    }
    let part = cpus.div_ceil(nodes.max(1));
    let (mut picked, smaller): (Vec<_>, Vec<_>) =
        order.into_iter().partition(|room| room.cpus >= part);
    picked.truncate(nodes_max);
    let mut sizes: Vec<u32> = smaller.iter().map(|room| room.cpus).collect();
    sizes.sort_unstable_by_key(|cpus| std::cmp::Reverse(*cpus));
    let mut quota: BTreeMap<u32, u32> = BTreeMap::new();
    for size in sizes.into_iter().take(nodes_max - picked.len()) {
        *quota.entry(size).or_default() += 1;
    }
    for room in smaller {
        if let Some(left) = quota.get_mut(&room.cpus).filter(|left| **left > 0) {
            *left -= 1;
            picked.push(room);
        }
    }
    let enough = picked.iter().map(|room| room.cpus).sum::<u32>() >= cpus;
    (enough && picked.len() == nodes_max).then_some(picked)
}
