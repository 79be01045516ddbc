//! Which nodes, cores, memory and generic resources of its job a step gets.

use std::collections::BTreeMap;

use model::{Allocation, Cluster, CoreSet, GresCount, Job, MemoryRequest, NodeId, StepShare};

use super::choose::{self, Chosen};
use super::cores;
use super::gres;
use super::layout::{self, Distribution};
use super::request::{StepGres, StepKind, StepRequest};
use super::room::{self, Room};
use super::threads;
use crate::reject::{Reject, StepReject};

/// What a step gets: nodes in its order, and what it has of each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) nodes: Vec<NodeId>,
    pub(super) shares: Vec<StepShare>,
    pub(super) cpus_per_task: u16,
    /// Where in the node table the next step begins to look.
    pub(super) next_node: u32,
}

/// Finds a place for a step in its job.
pub(super) fn place(cluster: &Cluster, job: &Job, request: &StepRequest) -> Result<Placed, Reject> {
    let allocation = job.allocation.as_deref().ok_or(Reject::JobNotRunning(job.id))?;
    if request.kind == StepKind::Interactive {
        return Ok(interactive(job, allocation));
    }
    let launcher;
    let request = match request.kind {
        StepKind::External => {
            launcher = of_launcher(request);
            &launcher
        }
        StepKind::Normal | StepKind::Interactive => request,
    };
    if request.threads_per_core.is_some_and(|wanted| wanted > threads::held(job)) {
        return Err(Reject::Step(StepReject::TooManyThreads));
    }
    let cpus_per_task = cpus_per_task(request, allocation)?;
    check_memory(job, request)?;
    let wish = gres::asked(job, request);
    let rooms = room::rooms(cluster, job, allocation, request, &wish, cpus_per_task)?;
    let mut chosen = choose::choose(cluster, job, allocation, request, &rooms, cpus_per_task)?;
    let max = cluster.config().max_tasks_per_node.max(1);
    let nodes = u32::try_from(chosen.rooms.len()).unwrap_or(u32::MAX);
    if request.kind == StepKind::External {
        chosen.tasks = nodes;
    }
    if chosen.tasks > nodes.saturating_mul(max) || chosen.tasks < nodes {
        return Err(Reject::InvalidTaskCount);
    }
    let needs = Needs { job, request, wish: &wish, cpus_per_task };
    let (order, task_ids) = needs.lay_out(&chosen)?;
    let shares = needs.shares(allocation, chosen.cpus, &order, task_ids)?;
    let nodes = order.iter().map(|room| room.node.id).collect();
    Ok(Placed { nodes, shares, cpus_per_task, next_node: chosen.next_node })
}

/// All of the job on its batch host, beside everything else.
fn interactive(job: &Job, allocation: &Allocation) -> Placed {
    let of_job = allocation.batch_share();
    let share = StepShare {
        tasks: vec![0],
        cores: of_job.cores.clone(),
        cpus: of_job.cpus,
        memory_mib: 0,
        gres: Vec::new(),
    };
    let next_node = job.next_step_node;
    Placed { nodes: vec![of_job.node], shares: vec![share], cpus_per_task: 0, next_node }
}

/// The daemons of another launcher, one on each node: all that the request says of amounts is about
/// what they will start.
fn of_launcher(request: &StepRequest) -> StepRequest {
    StepRequest {
        cpus: 0,
        tasks: Some(1),
        cpus_per_task: None,
        tasks_per_node: None,
        tasks_per_core: None,
        threads_per_core: None,
        memory: None,
        gres: Some(StepGres::default()),
        cpus_of_gres: Vec::new(),
        memory_of_gres_mib: Vec::new(),
        ..request.clone()
    }
}

/// CPUs of a task as the client must have meant them: it sends their product with the tasks. 0 if
/// there is no such number, or if not all tasks would find room with it.
fn cpus_per_task(request: &StepRequest, allocation: &Allocation) -> Result<u16, Reject> {
    if request.tasks == Some(0) {
        return Err(Reject::InvalidTaskCount);
    }
    if let Some(given) = request.cpus_per_task {
        return Ok(given);
    }
    let Some(tasks) = request.tasks else {
        return Ok(0);
    };
    if request.overcommit || request.cpus == 0 || !request.cpus.is_multiple_of(tasks) {
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

/// The nodes of a step in its order, and the tasks of each.
type Order<'r, 'a> = (Vec<&'r Room<'a>>, Vec<Vec<u32>>);

/// What a step needs of whatever node it gets.
struct Needs<'s> {
    job: &'s Job,
    request: &'s StepRequest,
    wish: &'s StepGres,
    cpus_per_task: u16,
}

impl Needs<'_> {
    fn lay_out<'r, 'a>(&self, chosen: &Chosen<'r, 'a>) -> Result<Order<'r, 'a>, Reject> {
        match self.request.distribution {
            Some(how) => {
                let task_room: Vec<u32> =
                    chosen.rooms.iter().map(|room| self.task_room(room)).collect();
                let task_ids = layout::lay_out(how, chosen.tasks, &task_room);
                Ok((chosen.rooms.clone(), task_ids))
            }
            None => arbitrary(&chosen.rooms, self.request, chosen.tasks),
        }
    }

    /// How many tasks a node has room for.
    fn task_room(&self, room: &Room<'_>) -> u32 {
        let hardware = &room.node.hardware;
        let (mut cpus, mut used) = (room.share.cpus, room.used.cpus);
        let mut need = u32::from(self.cpus_per_task);
        if threads::is_single(self.job, self.request.threads_per_core) {
            let threads = u32::from(hardware.threads_per_core.max(1));
            (cpus, used) = (cpus / threads, used / threads);
        } else if self.request.tasks_per_core == Some(1) {
            let asked = threads::asked(self.job, self.request.threads_per_core);
            need = need.max(asked.unwrap_or(hardware.threads_per_core).into());
        }
        let left_mib = room.share.memory_mib.saturating_sub(room.used.memory_mib);
        let by_memory = match self.request.memory {
            Some(MemoryRequest::PerCpu(_)) => room::memory_cpus(self.request.memory, left_mib),
            Some(MemoryRequest::PerNode(_)) | None => u32::MAX,
        };
        let by_gres = room::gres_cpus(room, self.request, self.wish, self.cpus_per_task, false);
        let cpus = cpus.saturating_sub(used).min(by_memory).min(by_gres);
        let tasks = (cpus / need.max(1)).max(1);
        // Slurm takes the most tasks of a node times the CPUs of a task here, and so do we.
        let most = self.request.tasks_per_node.filter(|most| *most > 0);
        most.map_or(tasks, |most| tasks.min(u32::from(most).saturating_mul(need.max(1))))
    }

    /// What the step has of each of its nodes.
    fn shares(
        &self,
        allocation: &Allocation,
        cpus: u32,
        order: &[&Room<'_>],
        task_ids: Vec<Vec<u32>>,
    ) -> Result<Vec<StepShare>, Reject> {
        let of_job = allocation.cpus();
        let all = !self.request.overcommit
            && cpus == of_job
            && self
                .request
                .tasks_per_core
                .is_none_or(|n| Some(n) == self.job.spec.threads_per_core);
        let mut owed = self.wish.per_step.clone();
        let mut left = order.len() as u64;
        let mut shares = Vec::with_capacity(order.len());
        for (room, tasks) in order.iter().zip(task_ids) {
            let taken = self.gres(room, tasks.len(), left, &mut owed)?;
            left -= 1;
            let share = self.share(room, tasks, all, &taken)?;
            let of_job = (&*room.share.gres, &*room.used.gres);
            let gres = gres::with_devices(room.node, &share.cores, of_job, taken);
            shares.push(StepShare { gres, ..share });
        }
        if owed.iter().any(|owed| owed.count > 0) {
            return Err(Reject::Step(StepReject::Busy));
        }
        Ok(shares)
    }

    fn gres(
        &self,
        room: &Room<'_>,
        tasks: usize,
        nodes_left: u64,
        owed: &mut [GresCount],
    ) -> Result<Vec<GresCount>, Reject> {
        let there = gres::left(&room.share.gres, &room.used.gres);
        let tasks = u32::try_from(tasks).unwrap_or(u32::MAX);
        let share = self.wish.share(&there, tasks, nodes_left, owed);
        share.ok_or(Reject::Step(StepReject::Busy))
    }

    /// Cores, CPUs and memory on one node; all of the job's cores if the step uses all of its CPUs.
    fn share(
        &self,
        room: &Room<'_>,
        tasks: Vec<u32>,
        all: bool,
        gres: &[GresCount],
    ) -> Result<StepShare, Reject> {
        let count = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
        let hardware = &room.node.hardware;
        let of_core = u16::try_from(hardware.cpus_per_core()).unwrap_or(u16::MAX);
        let asked = threads::asked(self.job, self.request.threads_per_core);
        let mut each = self.whole_cores(asked.unwrap_or(of_core));
        if let Some(cpus) = self.wish.cpus_with(gres).filter(|cpus| *cpus > 0) {
            each = (cpus / count.max(1)).max(1);
        }
        let whole = self.request.whole || self.request.kind == StepKind::External;
        let used = if whole { room.share.cpus } else { count.saturating_mul(each) };
        let cpus = match asked {
            Some(asked) if !whole && asked < of_core => {
                used.div_ceil(asked.into()).saturating_mul(of_core.into())
            }
            _ => used,
        };
        let cores = match all || self.request.kind == StepKind::External {
            true => room.share.cores.clone(),
            false => self.cores(room, count, each)?,
        };
        let memory_mib = match self.request.memory {
            _ if room.share.memory_mib == 0 => 0,
            None if !self.wish.memory_each_mib.is_empty() => self.wish.memory_with_mib(gres),
            None | Some(MemoryRequest::PerNode(0) | MemoryRequest::PerCpu(0)) => {
                room.share.memory_mib
            }
            Some(MemoryRequest::PerNode(mib)) => mib,
            Some(MemoryRequest::PerCpu(mib)) => mib.saturating_mul(used.into()),
        };
        Ok(StepShare { tasks, cores, cpus, memory_mib, gres: Vec::new() })
    }

    /// CPUs of a task, rounded up to cores that tasks do not share.
    fn whole_cores(&self, threads: u16) -> u32 {
        let each = u32::from(self.cpus_per_task);
        match self.request.tasks_per_core {
            Some(tasks) if tasks > 0 && threads / tasks > 1 => {
                each.next_multiple_of(u32::from(threads / tasks))
            }
            Some(_) | None => each,
        }
    }

    /// Free cores; with overcommitment others too, once none is free.
    fn cores(&self, room: &Room<'_>, tasks: u32, each: u32) -> Result<CoreSet, Reject> {
        let request = self.request;
        let hardware = &room.node.hardware;
        let of_core = if threads::is_single(self.job, request.threads_per_core)
            || hardware.cpus_per_core() == 1
        {
            1
        } else {
            let asked = threads::asked(self.job, request.threads_per_core);
            u32::from(asked.unwrap_or(hardware.threads_per_core).max(1))
        };
        let held = room.share.cpus.div_ceil(of_core);
        let fitting =
            hardware.cores().saturating_mul(request.tasks_per_core.map_or(of_core, u32::from));
        let takes_all = (request.whole || tasks == hardware.cores())
            && (tasks <= fitting || request.overcommit);
        let wanted = match each {
            _ if takes_all => held,
            0 => tasks,
            each => tasks.saturating_mul(each).div_ceil(of_core),
        };
        if wanted > held && !takes_all && !request.overcommit {
            return Err(Reject::TooManyCpus);
        }
        let is_held = |core: u32| room.share.cores.contains(core);
        let is_free = |core: u32| is_held(core) && (takes_all || !room.used.cores.contains(core));
        let of_task = wanted.div_ceil(tasks.max(1));
        let mut cores = cores::take(request.sockets, hardware, wanted, of_task, is_free);
        if cores.len() < wanted && !takes_all {
            if !request.overcommit {
                return Err(Reject::Step(StepReject::Busy));
            }
            let is_other = |core: u32| is_held(core) && !cores.contains(core);
            let missing = wanted - cores.len();
            let more = cores::take(request.sockets, hardware, missing, of_task, is_other);
            cores.add(&more);
        }
        Ok(cores)
    }
}

/// Nodes in the order of the list, and a task for each time that one is named.
fn arbitrary<'r, 'a>(
    chosen: &[&'r Room<'a>],
    request: &StepRequest,
    tasks: u32,
) -> Result<Order<'r, 'a>, Reject> {
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

/// How tasks are distributed unless the request says more: node after node.
impl Default for Distribution {
    fn default() -> Self {
        Self::Block { packed: false }
    }
}
