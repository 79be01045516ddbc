//! What one node has for a job: how many CPUs, and which cores these may be.

use model::{CoreSet, Devices, GresWish, Hardware, Node, SharedDevices};

use crate::demand::{Demand, Grain, Memory, Tenure};
use crate::room::{Room, all_cores, last_cores};

/// How many CPUs of a node a job could use at once; 0 if the node is of no use to it.
///
/// `partition_cpus` is what jobs of the partition have there already, for MaxCPUsPerNode.
pub(crate) fn offer(demand: &Demand, node: &Node, room: &Room, partition_cpus: u32) -> u32 {
    Survey::of(demand, node, room, partition_cpus).map_or(0, |survey| survey.cpus)
}

/// The cores from which those of the job are to be taken.
pub(crate) fn core_choice(demand: &Demand, node: &Node, room: &Room) -> CoreSet {
    if demand.whole {
        return whole_cores(demand, &node.hardware, room);
    }
    let Some(mut survey) = Survey::of(demand, node, room, 0) else {
        return CoreSet::default();
    };
    survey.collect_cores(demand, &node.hardware)
}

/// CPUs that a core of the node stands for, and how many of them the job can use.
pub(crate) fn cpus_per_core(demand: &Demand, hardware: &Hardware) -> (u32, u32) {
    let cpus = hardware.cpus_per_core();
    (cpus, demand.usable_cpus_per_core(cpus).unwrap_or(0))
}

/// A node, looked at for a job.
struct Survey {
    /// Cores that are free, or shared by few enough.
    cores: CoreSet,
    /// Of each socket, how many of them the job may have.
    sockets: Vec<u32>,
    /// CPUs of a core that the job can use.
    usable: u32,
    /// CPUs that the tasks which fit can use, before memory is looked at.
    for_tasks: u32,
    /// CPUs that the job could use here.
    cpus: u32,
}

impl Survey {
    fn of(demand: &Demand, node: &Node, room: &Room, partition_cpus: u32) -> Option<Self> {
        let hardware = &node.hardware;
        if !takes_guests(demand, room) || !has_gres(demand, node, room) {
            return None;
        }
        let (per_core, usable) = cpus_per_core(demand, hardware);
        if usable == 0 {
            return None;
        }
        let cores = if demand.whole {
            whole_cores(demand, hardware, room)
        } else {
            room.cores_for(hardware, demand.rows)
        };
        let mut survey = Self { cores, sockets: Vec::new(), usable, for_tasks: 0, cpus: 0 };
        let limit = survey.count_sockets(demand, hardware, per_core, partition_cpus)?;
        survey.count_tasks(demand)?;
        let by_gres = match demand.overcommit {
            true => u32::MAX,
            false => gres_tasks(demand, node, room).saturating_mul(demand.cpus_per_task),
        };
        survey.cpus = survey.fill(demand).min(limit).min(by_gres);
        if survey.cpus < demand.tasks_of_a_node_min().saturating_mul(demand.cpus_per_task) {
            return None;
        }
        survey.heed_memory(demand, room, per_core, hardware)?;
        Some(survey)
    }

    /// Sockets that the job may use, and CPUs that its partition may still have here.
    fn count_sockets(
        &mut self,
        demand: &Demand,
        hardware: &Hardware,
        per_core: u32,
        partition_cpus: u32,
    ) -> Option<u32> {
        let size = u32::from(hardware.cores_per_socket);
        let least = demand.cores_per_socket.max(1);
        let mut usable_sockets = 0;
        for socket in 0..u32::from(hardware.sockets) {
            let mut free = count_between(&self.cores, socket * size, (socket + 1) * size);
            if demand.grain == Grain::Socket && free < size && !demand.whole {
                free = 0;
            }
            if let Some(most) = demand.partition_cpus_per_socket {
                let used = (size - free).saturating_mul(per_core);
                free = if used >= most { 0 } else { free.min(most / per_core) };
            }
            if free >= least {
                usable_sockets += 1;
            } else {
                free = 0;
            }
            self.sockets.push(free);
        }
        let free: u32 = self.sockets.iter().sum();
        if usable_sockets < demand.sockets_per_node.max(1)
            || free * self.usable < demand.node_cpus_min
        {
            return None;
        }
        let Some(most) = demand.partition_cpus_per_node else {
            return Some(u32::MAX);
        };
        if (free * per_core).saturating_add(partition_cpus) <= most {
            return Some(u32::MAX);
        }
        let left = most.saturating_sub(partition_cpus);
        (left > 0 && !demand.whole).then_some(left)
    }

    /// Tasks that fit, and the CPUs that these can use.
    fn count_tasks(&mut self, demand: &Demand) -> Option<()> {
        let most = if demand.tasks_per_socket == 0 { u32::MAX } else { demand.tasks_per_socket };
        let cpus: u32 = self.sockets.iter().map(|free| free * self.usable).sum();
        let mut tasks: u32 = self.sockets.iter().map(|free| (free * self.usable).min(most)).sum();
        if demand.tasks_per_node > 0 && !demand.whole {
            tasks = tasks.min(demand.tasks_per_node);
        }
        let per_task = demand.cpus_per_task;
        let mut for_tasks = if per_task < 2 {
            tasks
        } else if self.is_task_over_cores(demand) {
            let cores = per_task.div_ceil(self.usable);
            cpus / (cores * self.usable) * per_task
        } else {
            tasks = tasks.min(cpus / per_task);
            tasks * per_task
        };
        if demand.node_cpus_raised {
            for_tasks = for_tasks.max(demand.node_cpus_min);
        }
        let too_few_tasks = tasks < demand.tasks_per_node && !demand.overcommit;
        if too_few_tasks || for_tasks < demand.node_cpus_min {
            return None;
        }
        self.for_tasks = for_tasks;
        Some(())
    }

    /// Whether each task has several cores and none of them with another task.
    fn is_task_over_cores(&self, demand: &Demand) -> bool {
        demand.tasks_per_core == 1 && demand.cpus_per_task > self.usable
    }

    /// CPUs of the cores that are taken for the tasks.
    fn fill(&self, demand: &Demand) -> u32 {
        let per_socket = cores_of_a_socket(demand, self.usable);
        let cores: u32 = self.sockets.iter().map(|free| (*free).min(per_socket)).sum();
        let cpus = if self.is_task_over_cores(demand) {
            cores / demand.cpus_per_task.div_ceil(self.usable) * demand.cpus_per_task
        } else {
            cores * self.usable
        };
        cpus.min(self.for_tasks)
    }

    /// The cores that [`Survey::fill`] counted.
    fn collect_cores(&mut self, demand: &Demand, hardware: &Hardware) -> CoreSet {
        let size = u32::from(hardware.cores_per_socket);
        let per_socket = cores_of_a_socket(demand, self.usable);
        let cores_of_a_task = demand.cpus_per_task.div_ceil(self.usable);
        let mut left = if self.is_task_over_cores(demand) {
            self.for_tasks / demand.cpus_per_task * cores_of_a_task
        } else {
            self.for_tasks.div_ceil(self.usable)
        };
        let mut chosen = CoreSet::default();
        for (socket, free) in (0_u32..).zip(&self.sockets) {
            let some = (*free).min(per_socket).min(left);
            let range = socket * size..(socket + 1) * size;
            let here = range.filter(|core| self.cores.contains(*core)).take(some as usize);
            here.for_each(|core| chosen.insert(core));
            left -= some;
        }
        chosen
    }

    /// Fewer CPUs if there is not memory for all of them, and none if it does not do.
    fn heed_memory(
        &mut self,
        demand: &Demand,
        room: &Room,
        per_core: u32,
        hardware: &Hardware,
    ) -> Option<()> {
        if !demand.memory_counts {
            return Some(());
        }
        match demand.memory {
            Memory::All => (room.memory_mib == hardware.job_memory_mib()).then_some(()),
            Memory::PerNode(mib) => (mib <= room.memory_mib).then_some(()),
            Memory::PerGres => (least_of_gres_mib(demand) <= room.memory_mib).then_some(()),
            Memory::PerCpu(mib) if demand.whole => {
                let counted = self.sockets.iter().sum::<u32>() * counted_per_core(demand, per_core);
                (mib.saturating_mul(counted.into()) <= room.memory_mib).then_some(())
            }
            Memory::PerCpu(mib) => {
                self.shrink_to_memory(demand, room.memory_mib / mib.max(1), per_core, hardware)
            }
        }
    }

    fn shrink_to_memory(
        &mut self,
        demand: &Demand,
        cpus_with_memory: u64,
        per_core: u32,
        hardware: &Hardware,
    ) -> Option<()> {
        let counted = counted_per_core(demand, per_core);
        let cores_of_unit = match demand.grain {
            Grain::Cpu => 0,
            Grain::Core => 1,
            Grain::Socket | Grain::Node => u32::from(hardware.cores_per_socket).max(1),
        };
        let fits = |cpus: u32| {
            let cost = match cores_of_unit {
                0 => cpus,
                cores => cpus.div_ceil(self.usable).div_ceil(cores) * cores * counted,
            };
            u64::from(cost) <= cpus_with_memory
        };
        let step = if cores_of_unit == 0 { 1 } else { cores_of_unit * self.usable };
        let mut cpus = self.cpus;
        while cpus > 0 && !fits(cpus) {
            cpus = cpus.saturating_sub(step);
        }
        cpus -= cpus % demand.cpus_per_task;
        let least = demand.tasks_of_a_node_min().saturating_mul(demand.cpus_per_task);
        let enough = cpus > 0 && (demand.overcommit || cpus >= least);
        self.cpus = cpus;
        (enough && cpus >= demand.node_cpus_min).then_some(())
    }
}

/// CPUs of a core that memory for each CPU is counted for: those that the job said it uses.
pub(crate) fn counted_per_core(demand: &Demand, per_core: u32) -> u32 {
    demand.threads_per_core.map_or(per_core, |threads| threads.min(per_core))
}

/// Cores of a socket that the tasks which may be there need.
fn cores_of_a_socket(demand: &Demand, usable: u32) -> u32 {
    match demand.tasks_per_socket {
        0 => u32::MAX,
        tasks => tasks.saturating_mul(demand.cpus_per_task).div_ceil(usable),
    }
}

fn takes_guests(demand: &Demand, room: &Room) -> bool {
    let alone = demand.whole || demand.tenure == Tenure::Reserved;
    room.exclusive == 0 && !(alone && room.jobs > 0)
}

/// All cores of a node that nobody is on, but for those that the job leaves to the system.
fn whole_cores(demand: &Demand, hardware: &Hardware, room: &Room) -> CoreSet {
    let Some(spec) = demand.core_spec else {
        return room.free.clone();
    };
    let all = all_cores(hardware);
    let mut cores = if spec == 0 { all.clone() } else { room.free.clone() };
    let more = spec.saturating_sub(all.len() - cores.len());
    let left_out = last_cores(hardware, &cores, more);
    cores.remove(&left_out);
    cores
}

fn has_gres(demand: &Demand, node: &Node, room: &Room) -> bool {
    if demand.whole {
        let untouched = |(left, gres): (&u64, &model::GresCount)| *left == gres.count;
        if !room.gres.iter().zip(&*node.hardware.gres).all(untouched) {
            return false;
        }
    }
    let sockets = u64::from(demand.sockets_per_node.max(1));
    let tasks = u64::from(demand.tasks_of_a_node_min().max(1));
    demand.gres.iter().all(|wish| {
        let least = match wish.per_job {
            0 => wish.on_node(sockets, tasks),
            count if demand.max_nodes == 1 => count,
            // Each node of a job has one of those that it has in all.
            count => count.min(1),
        };
        gres_left(demand, wish, node, room) >= least
    })
}

/// How many of what is wished for are left of a node.
pub(crate) fn gres_left(demand: &Demand, wish: &GresWish, node: &Node, room: &Room) -> u64 {
    let shared = SharedDevices::of(node, &wish.name);
    if !shared.is_empty() {
        return shared.left(wish, room.taken.as_ref(), demand.parts);
    }
    let kinds = node.hardware.gres.iter().zip(&room.gres);
    let left = kinds.filter(|(has, _)| wish.is_for(&has.name, has.kind.as_deref()));
    let left: u64 = left.map(|(_, left)| *left).sum();
    let left = left.saturating_sub(in_parts(wish, node, room));
    left.saturating_sub(out_of_reach(demand, wish, node, room))
}

/// How many free devices of what is wished for are near no core that the job could have, if that matters.
fn out_of_reach(demand: &Demand, wish: &GresWish, node: &Node, room: &Room) -> u64 {
    let Some(taken) = room.taken.as_ref().filter(|_| demand.enforce_binding) else {
        return 0;
    };
    let devices = Devices::of(node, &wish.name);
    let mut far = devices.out_of_reach(&room.cores_for(&node.hardware, demand.rows));
    far.remove(&taken.closed(&wish.name));
    let kinds = devices.kinds();
    let mine = kinds.iter().filter(|(kind, _)| wish.kind.is_none() || *kind == wish.kind.as_ref());
    mine.map(|(_, all)| all.iter().filter(|one| far.contains(*one)).count() as u64).sum()
}

/// How many devices of what is wished for cannot be had whole, since others have parts of them.
fn in_parts(wish: &GresWish, node: &Node, room: &Room) -> u64 {
    let in_parts = room.taken.as_ref().map(|taken| taken.in_parts(&wish.name));
    let Some(in_parts) = in_parts.filter(|devices| !devices.is_empty()) else {
        return 0;
    };
    let kinds = Devices::of(node, &wish.name).kinds();
    let mine = kinds.iter().filter(|(kind, _)| wish.kind.is_none() || *kind == wish.kind.as_ref());
    mine.map(|(_, all)| all.iter().filter(|one| in_parts.contains(*one)).count() as u64).sum()
}

/// Memory that comes with the generic resources which each node gives at least, MiB.
fn least_of_gres_mib(demand: &Demand) -> u64 {
    let sockets = u64::from(demand.sockets_per_node.max(1));
    let least = |wish: &GresWish| {
        wish.on_node(sockets, demand.tasks_of_a_node_min().into()).max(wish.per_job.min(1))
    };
    demand.gres.iter().map(|wish| least(wish).saturating_mul(wish.memory_each_mib)).sum()
}

/// How many tasks find their generic resources on a node.
pub(crate) fn gres_tasks(demand: &Demand, node: &Node, room: &Room) -> u32 {
    let for_tasks = demand.gres.iter().filter(|wish| wish.per_task > 0);
    let tasks = for_tasks.map(|wish| gres_left(demand, wish, node, room) / wish.per_task).min();
    tasks.map_or(u32::MAX, |tasks| u32::try_from(tasks).unwrap_or(u32::MAX))
}

/// How many cores of a set lie in `from..to`.
pub(crate) fn count_between(cores: &CoreSet, from: u32, to: u32) -> u32 {
    let mut count = 0;
    for (index, word) in (0_u32..).zip(cores.words()) {
        let start = index * 64;
        if start >= to || start + 64 <= from {
            continue;
        }
        let mut word = *word;
        if from > start {
            word &= u64::MAX << (from - start);
        }
        if to < start + 64 {
            word &= (1_u64 << (to - start)) - 1;
        }
        count += word.count_ones();
    }
    count
}
