//! The chosen nodes in detail: how many tasks and CPUs on each, which cores, how much memory.

use model::{
    CoreSet, Devices, GresCount, GresHeld, GresWish, Hardware, Node, NodeShare, SharedDevices,
    Taken,
};

use crate::demand::{CoreOrder, Demand, Grain, Memory};
use crate::offer::{core_choice, counted_per_core, cpus_per_core, gres_left, gres_tasks};
use crate::room::Room;

/// A chosen node.
pub(crate) struct Site<'a> {
    pub node: &'a Node,
    pub room: &'a Room,
    /// CPUs that the job may have of it.
    pub cpus: u32,
}

/// What the job gets of each node; `None` if its tasks do not fit on them after all.
pub(crate) fn lay_out(demand: &Demand, sites: &[Site<'_>]) -> Option<Vec<NodeShare>> {
    let counts = if demand.whole {
        whole_counts(demand, sites)?
    } else {
        Tasks::new(demand, sites).spread()?
    };
    let mut owed: Vec<u64> = demand.gres.iter().map(|wish| wish.per_job).collect();
    let mut shares = Vec::with_capacity(sites.len());
    for ((site, count), after) in sites.iter().zip(counts).zip((0..sites.len() as u64).rev()) {
        let gres = gres(demand, site, count.tasks, after, &mut owed)?;
        shares.push(share(demand, site, count, gres)?);
    }
    // Whole nodes give all that they have, be it enough or not.
    (demand.whole || owed.iter().all(|owed| *owed == 0)).then_some(shares)
}

/// Tasks and CPUs of one node.
#[derive(Clone, Copy, Debug)]
struct Count {
    tasks: u32,
    cpus: u32,
}

/// How many tasks the job starts on these nodes.
fn tasks_of(demand: &Demand, sites: &[Site<'_>]) -> u32 {
    let nodes = u32::try_from(sites.len()).unwrap_or(u32::MAX);
    if let Some(tasks) = demand.tasks {
        return tasks;
    }
    if demand.tasks_per_node > 0 {
        return demand.tasks_per_node.saturating_mul(nodes);
    }
    let cpus = nodes.max(demand.min_cpus).max(nodes.saturating_mul(demand.node_cpus_min));
    (cpus / demand.cpus_per_task).max(1)
}

/// Whole nodes: tasks are dealt out one at a time, and CPUs need no counting.
fn whole_counts(demand: &Demand, sites: &[Site<'_>]) -> Option<Vec<Count>> {
    let most = tasks_of(demand, sites);
    let mut left: Vec<u32> = sites.iter().map(|site| site.cpus).collect();
    let mut counts: Vec<Count> = Vec::new();
    for cpus in &mut left {
        *cpus = cpus.saturating_sub(demand.cpus_per_task);
        counts.push(Count { tasks: 1, cpus: 0 });
    }
    let mut placed = u32::try_from(sites.len()).unwrap_or(u32::MAX);
    while placed < most && !demand.overcommit {
        let before = placed;
        for (count, cpus) in counts.iter_mut().zip(&mut left) {
            if placed < most && *cpus >= demand.cpus_per_task {
                *cpus -= demand.cpus_per_task;
                count.tasks += 1;
                placed += 1;
            }
        }
        if placed == before {
            return None;
        }
    }
    Some(counts)
}

/// Tasks being dealt out to nodes: one for each, then the cores that these have begun are filled,
/// then a core's worth at a time to each node in turn.
struct Tasks<'a> {
    demand: &'a Demand,
    left: u32,
    nodes: Vec<Place>,
}

/// A node that is given tasks.
struct Place {
    count: Count,
    /// CPUs that the job may have.
    cpus_max: u32,
    /// Tasks that find their generic resources there.
    tasks_max: u32,
    per_core: u32,
}

impl<'a> Tasks<'a> {
    fn new(demand: &'a Demand, sites: &[Site<'_>]) -> Self {
        let place = |site: &Site<'_>| Place {
            count: Count { tasks: 0, cpus: 0 },
            cpus_max: site.cpus,
            tasks_max: gres_tasks(demand, site.node, site.room),
            per_core: site.node.hardware.cpus_per_core(),
        };
        let nodes = sites.iter().map(place).collect();
        Self { demand, left: tasks_of(demand, sites), nodes }
    }

    fn spread(mut self) -> Option<Vec<Count>> {
        if self.demand.plane > 0 && !self.demand.overcommit {
            self.deal(|tasks, _| tasks.demand.plane)?;
            return Some(self.finish());
        }
        // Each node has a task, even if there are fewer tasks than nodes.
        (0..self.nodes.len()).for_each(|at| self.give(at));
        if self.demand.overcommit {
            return Some(self.finish());
        }
        for at in 0..self.nodes.len() {
            let begun = self.nodes[at].count.cpus % self.nodes[at].per_core;
            for _ in 0..begun / self.demand.cpus_per_task {
                if self.left > 0 && self.has_place(at) {
                    self.give(at);
                }
            }
        }
        self.deal(|tasks, at| (tasks.nodes[at].per_core / tasks.demand.cpus_per_task).max(1))?;
        Some(self.finish())
    }

    /// Deals out the tasks that are left, so many at a time.
    fn deal(&mut self, at_a_time: impl Fn(&Self, usize) -> u32) -> Option<()> {
        while self.left > 0 {
            let before = self.left;
            for at in 0..self.nodes.len() {
                for _ in 0..at_a_time(self, at) {
                    if self.left == 0 || !self.has_place(at) {
                        break;
                    }
                    self.give(at);
                }
            }
            if self.left == before {
                return None;
            }
        }
        Some(())
    }

    fn has_place(&self, at: usize) -> bool {
        let place = &self.nodes[at];
        let under =
            self.demand.tasks_per_node == 0 || place.count.tasks < self.demand.tasks_per_node;
        let has_gres = place.count.tasks < place.tasks_max;
        under && has_gres && place.cpus_max - place.count.cpus >= self.demand.cpus_per_task
    }

    fn give(&mut self, at: usize) {
        let place = &mut self.nodes[at];
        place.count.tasks += 1;
        place.count.cpus = (place.count.cpus + self.demand.cpus_per_task).min(place.cpus_max);
        self.left = self.left.saturating_sub(1);
    }

    /// CPUs that a node was to have at least (`--mincpus`) need not be given (24.11).
    fn finish(self) -> Vec<Count> {
        self.nodes.into_iter().map(|place| place.count).collect()
    }
}

fn share(
    demand: &Demand,
    site: &Site<'_>,
    mut count: Count,
    mut gres: Vec<GresHeld>,
) -> Option<NodeShare> {
    let hardware = &site.node.hardware;
    let for_gres = sum_of_gres(demand, &gres, |wish| wish.cpus_each.into());
    count.cpus = count.cpus.max(u32::try_from(for_gres).unwrap_or(u32::MAX).min(site.cpus));
    let (per_core, usable) = cpus_per_core(demand, hardware);
    let mut choice = core_choice(demand, site.node, site.room);
    let taken = site.room.taken.as_ref().map(|taken| within_reach(demand, site, taken, &choice));
    if let Some(taken) = &taken {
        let needed = count.cpus.div_ceil(usable.max(1));
        choice = near_devices(demand, site, (&gres, taken), choice, needed);
        if demand.enforce_binding && !demand.whole {
            // A core of each socket that the devices are near.
            let near = model::cores_near(site.node, &demand.gres, &gres, taken);
            let size = u32::from(hardware.cores_per_socket).max(1);
            let sockets = near.map_or(0, |near| near.len() / size);
            count.cpus = count.cpus.max(sockets.min(choice.len()).saturating_mul(usable));
        }
    }
    let mut picker = Picker::new(demand, hardware, choice, usable);
    let cores = if demand.whole {
        picker.choice
    } else {
        match (demand.order, demand.grain) {
            (CoreOrder::Block, _) | (_, Grain::Cpu) => picker.block(count.cpus)?,
            (CoreOrder::Cyclic, _) => picker.cyclic(demand, count.cpus)?,
        }
    };
    let cpus = match demand.grain {
        Grain::Cpu if !demand.whole => count.cpus,
        _ => cores.len() * per_core,
    };
    let counted = match demand.grain {
        Grain::Cpu if !demand.whole => cpus,
        _ => cores.len() * counted_per_core(demand, per_core),
    };
    let memory_mib = memory(demand, site, counted, &gres)?;
    if let Some(taken) = taken.filter(|_| !gres.is_empty()) {
        gres = model::bound(site.node, &demand.gres, &gres, &cores, taken, demand.parts)?;
    }
    Some(NodeShare { node: site.node.id, cores, cpus, memory_mib, tasks: count.tasks, gres })
}

/// What of a node's devices is out of the question: what others have, and for a job whose devices are to
/// be near its cores, what is near none that it could have.
fn within_reach(demand: &Demand, site: &Site<'_>, taken: &Taken, cores: &CoreSet) -> Taken {
    let mut taken = taken.clone();
    for wish in demand.gres.iter().filter(|_| demand.enforce_binding && !demand.whole) {
        let devices = Devices::of(site.node, &wish.name).out_of_reach(cores);
        let of = GresCount { name: wish.name.clone(), kind: None, count: devices.len().into() };
        taken.add(&GresHeld { devices, ..GresHeld::counted(of) });
    }
    taken
}

/// Of the cores that a job may have those that are near its devices, if these are enough.
fn near_devices(
    demand: &Demand,
    site: &Site<'_>,
    (gres, taken): (&[GresHeld], &Taken),
    choice: CoreSet,
    needed: u32,
) -> CoreSet {
    if demand.whole || demand.tasks_per_socket > 0 || demand.sockets_per_node > 1 {
        return choice;
    }
    let near = model::cores_near(site.node, &demand.gres, gres, taken);
    let Some(near) = near else {
        return choice;
    };
    let both: CoreSet = choice.iter().filter(|core| near.contains(*core)).collect();
    if both.len() >= needed { both } else { choice }
}

/// The sum of what comes with each generic resource that is given.
fn sum_of_gres(demand: &Demand, given: &[GresHeld], each: impl Fn(&GresWish) -> u64) -> u64 {
    let of_one = |held: &GresHeld| {
        let wishes = demand.gres.iter();
        let mut wishes = wishes.filter(|wish| wish.is_for(&held.name, held.kind.as_deref()));
        wishes.next().map_or(0, |wish| each(wish).saturating_mul(held.count))
    };
    given.iter().map(of_one).sum()
}

fn memory(demand: &Demand, site: &Site<'_>, cpus: u32, gres: &[GresHeld]) -> Option<u64> {
    if !demand.memory_counts {
        return Some(0);
    }
    let mib = match demand.memory {
        Memory::All => site.node.hardware.job_memory_mib(),
        Memory::PerNode(mib) => mib,
        Memory::PerCpu(mib) => mib.saturating_mul(cpus.into()),
        Memory::PerGres => sum_of_gres(demand, gres, |wish| wish.memory_each_mib),
    };
    (mib <= site.room.memory_mib).then_some(mib)
}

/// What was asked for; all that there is for a job that has the node for itself. Of what is `owed` in
/// all, this node gives what it has, but for one for each of the nodes that come `after`.
///
/// Which devices these are is settled when the job starts.
fn gres(
    demand: &Demand,
    site: &Site<'_>,
    tasks: u32,
    after: u64,
    owed: &mut [u64],
) -> Option<Vec<GresHeld>> {
    let kinds = &site.node.hardware.gres;
    if demand.whole {
        return Some(all_gres(demand, site.node));
    }
    let mut left = site.room.gres.clone();
    let mut given: Vec<GresHeld> = Vec::new();
    let sockets = u64::from(demand.sockets_per_node.max(1));
    for (wish, owed) in demand.gres.iter().zip(owed) {
        let mut missing = match wish.per_job {
            0 => wish.on_node(sockets, tasks.into()),
            _ => {
                let here = gres_left(demand, wish, site.node, site.room);
                let part = here.min(owed.saturating_sub(after).max(1)).min(*owed);
                *owed -= part;
                part
            }
        };
        if missing > 0 && !SharedDevices::of(site.node, &wish.name).is_empty() {
            if missing > gres_left(demand, wish, site.node, site.room) {
                return None;
            }
            let (name, kind) = (wish.name.clone(), wish.kind.clone());
            given.push(GresHeld::counted(GresCount { name, kind, count: missing }));
            continue;
        }
        for (has, left) in kinds.iter().zip(&mut left) {
            let fits = wish.is_for(&has.name, has.kind.as_deref());
            let some = if fits { missing.min(*left) } else { 0 };
            if some > 0 {
                *left -= some;
                missing -= some;
                let endless = !site.node.hardware.uses_up(&has.name);
                let has = GresHeld::counted(GresCount { count: some, ..has.clone() });
                given.push(GresHeld { endless, ..has });
            }
        }
        if missing > 0 {
            return None;
        }
    }
    Some(given)
}

/// All that a node has. Of devices and their parts, the parts if the job asks for some, else the devices.
fn all_gres(demand: &Demand, node: &Node) -> Vec<GresHeld> {
    let asks = |name: &str| demand.gres.iter().any(|wish| *wish.name == *name);
    let is_shared = |name: &str| !SharedDevices::of(node, name).is_empty();
    let kinds = &node.hardware.gres;
    let parted = kinds.iter().any(|gres| asks(&gres.name) && is_shared(&gres.name));
    let has = |gres: &&GresCount| {
        let comes = match is_shared(&gres.name) {
            true => asks(&gres.name),
            false => !(parted && Devices::of(node, &gres.name).are_shared()),
        };
        gres.count > 0 && comes
    };
    let held = |gres: &GresCount| GresHeld {
        endless: !node.hardware.uses_up(&gres.name),
        ..GresHeld::counted(gres.clone())
    };
    kinds.iter().filter(has).map(held).collect()
}

/// Takes cores of one node.
struct Picker {
    sockets: Vec<Vec<u32>>,
    choice: CoreSet,
    usable: u32,
    whole_sockets: bool,
    size: u32,
}

impl Picker {
    fn new(demand: &Demand, hardware: &Hardware, choice: CoreSet, usable: u32) -> Self {
        let size = u32::from(hardware.cores_per_socket);
        let mut sockets = vec![Vec::new(); usize::from(hardware.sockets)];
        for core in choice.iter() {
            if let Some(socket) = sockets.get_mut((core / size.max(1)) as usize) {
                socket.push(core);
            }
        }
        Self { sockets, choice, usable, whole_sockets: demand.grain == Grain::Socket, size }
    }

    /// From each socket in turn. CPUs of one task are first looked for on one socket.
    fn cyclic(&mut self, demand: &Demand, cpus: u32) -> Option<CoreSet> {
        let mut taken: Vec<usize> = vec![0; self.sockets.len()];
        let mut left = cpus;
        let mut avoided = vec![false; self.sockets.len()];
        if demand.tasks_per_socket > 0 {
            avoided = self.avoided(cpus);
        } else if demand.cpus_per_task > 1 {
            for (socket, taken) in self.sockets.iter().zip(&mut taken) {
                let here = u32::try_from(socket.len()).unwrap_or(u32::MAX) * self.usable;
                let mut for_tasks = here - here % demand.cpus_per_task;
                while for_tasks > 0 && left > 0 && *taken < socket.len() {
                    *taken += 1;
                    for_tasks = for_tasks.saturating_sub(self.usable);
                    left = left.saturating_sub(self.usable);
                }
            }
        }
        while left > 0 {
            let before = left;
            for (at, socket) in self.sockets.iter().enumerate() {
                if left > 0 && !avoided[at] && taken[at] < socket.len() {
                    taken[at] += 1;
                    left = left.saturating_sub(self.usable);
                }
            }
            if left == before {
                if !avoided.contains(&true) {
                    return None;
                }
                avoided.fill(false);
            }
        }
        Some(self.collect(&taken))
    }

    /// Sockets that the job can do without, the first ones first.
    fn avoided(&self, cpus: u32) -> Vec<bool> {
        let sizes: Vec<u32> = self
            .sockets
            .iter()
            .map(|socket| u32::try_from(socket.len()).unwrap_or(u32::MAX) * self.usable)
            .collect();
        let mut total: u32 = sizes.iter().sum();
        let without = |size: &u32| {
            let spare = total > cpus && total - size >= cpus;
            if spare {
                total -= size;
            }
            spare
        };
        sizes.iter().map(without).collect()
    }

    /// Socket by socket: the one that is just large enough, else the one with the most.
    fn block(&mut self, cpus: u32) -> Option<CoreSet> {
        let needed = cpus.div_ceil(self.usable) as usize;
        let mut taken = vec![0; self.sockets.len()];
        let mut left = needed;
        while left > 0 {
            let free = |at: &usize| self.sockets[*at].len() - taken[*at];
            let all = 0..self.sockets.len();
            let enough = all.clone().filter(|at| free(at) >= left).min_by_key(|at| (free(at), *at));
            let most = || all.max_by_key(|at| (free(at), std::cmp::Reverse(*at)));
            let at = enough.or_else(most).filter(|at| free(at) > 0)?;
            let some = free(&at).min(left);
            taken[at] += some;
            left -= some;
        }
        Some(self.collect(&taken))
    }

    fn collect(&self, taken: &[usize]) -> CoreSet {
        let mut cores = CoreSet::default();
        for ((socket, taken), first) in
            self.sockets.iter().zip(taken).zip((0..).step_by(self.size.max(1) as usize))
        {
            if self.whole_sockets && *taken > 0 {
                (first..first + self.size).for_each(|core| cores.insert(core));
            } else {
                socket[..*taken].iter().for_each(|core| cores.insert(*core));
            }
        }
        cores
    }
}
