//! What is left of a node.

use std::collections::BTreeMap;

use model::{CoreSet, GresLine, Hardware, Node, NodeShare, Taken, Usage};

/// What is left of a node, now or at a later time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Room {
    /// Cores that nobody has, the system's aside.
    pub free: CoreSet,
    /// How many jobs beyond the first hold each core that has several.
    pub oversubscribed: BTreeMap<u32, u32>,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Of each of the node's generic resources, in its order.
    pub gres: Vec<u64>,
    /// Devices that others have, of nodes where it matters which ones they are ([`binds_devices`]).
    /// `None` if nobody is looked at: what a job could have at best.
    pub taken: Option<Taken>,
    /// Jobs that have something here.
    pub jobs: u32,
    /// Jobs among them that want no other beside them.
    pub exclusive: u32,
}

impl Room {
    /// A node without jobs, as if it could have none.
    pub fn whole(hardware: &Hardware) -> Self {
        Self {
            free: job_cores(hardware),
            oversubscribed: BTreeMap::new(),
            memory_mib: hardware.job_memory_mib(),
            gres: hardware.gres.iter().map(|gres| gres.count).collect(),
            taken: None,
            jobs: 0,
            exclusive: 0,
        }
    }

    /// A node without jobs, whose devices are bound to those that come.
    pub fn unused(node: &Node) -> Self {
        Self { taken: binds_devices(node).then(Taken::default), ..Self::whole(&node.hardware) }
    }

    /// A node beside what jobs hold of it.
    pub fn beside(node: &Node, usage: &Usage) -> Self {
        let mut room = Self::whole(&node.hardware);
        room.free.remove(&usage.cores);
        room.oversubscribed.clone_from(&usage.oversubscribed);
        room.memory_mib = room.memory_mib.saturating_sub(usage.memory_mib);
        for (left, gres) in room.gres.iter_mut().zip(&*node.hardware.gres) {
            let held = usage.gres.get(&(gres.name.clone(), gres.kind.clone()));
            *left = left.saturating_sub(held.copied().unwrap_or(0));
        }
        if binds_devices(node) {
            room.taken = Some(usage.taken.clone());
        }
        room.jobs = usage.running + usage.completing;
        room.exclusive = usage.exclusive;
        room
    }

    /// Gives a job its share.
    pub fn take(&mut self, hardware: &Hardware, share: &NodeShare, exclusive: bool) {
        for core in share.cores.iter().filter(|core| !self.free.contains(*core)) {
            *self.oversubscribed.entry(core).or_insert(0) += 1;
        }
        self.free.remove(&share.cores);
        self.memory_mib = self.memory_mib.saturating_sub(share.memory_mib);
        for (left, gres) in self.gres.iter_mut().zip(&*hardware.gres) {
            *left = left.saturating_sub(held(share, gres));
        }
        if let Some(taken) = &mut self.taken {
            share.gres.iter().for_each(|held| taken.add(held));
        }
        self.jobs += 1;
        self.exclusive += u32::from(exclusive);
    }

    /// Takes a job's share back.
    pub fn give_back(&mut self, hardware: &Hardware, share: &NodeShare, exclusive: bool) {
        for core in share.cores.iter() {
            match self.oversubscribed.get_mut(&core) {
                None => self.free.insert(core),
                Some(1) => drop(self.oversubscribed.remove(&core)),
                Some(more) => *more -= 1,
            }
        }
        self.memory_mib = (self.memory_mib + share.memory_mib).min(hardware.job_memory_mib());
        for (left, gres) in self.gres.iter_mut().zip(&*hardware.gres) {
            *left = (*left + held(share, gres)).min(gres.count);
        }
        if let Some(taken) = &mut self.taken {
            share.gres.iter().for_each(|held| taken.remove(held));
        }
        self.jobs = self.jobs.saturating_sub(1);
        self.exclusive = self.exclusive.saturating_sub(u32::from(exclusive));
    }

    /// What is left both here and there.
    pub fn narrow(&mut self, other: &Self) {
        let mut gone = self.free.clone();
        gone.remove(&other.free);
        self.free.remove(&gone);
        for (core, more) in &other.oversubscribed {
            let mine = self.oversubscribed.entry(*core).or_insert(0);
            *mine = (*mine).max(*more);
        }
        self.memory_mib = self.memory_mib.min(other.memory_mib);
        for (left, there) in self.gres.iter_mut().zip(&other.gres) {
            *left = (*left).min(*there);
        }
        if let (Some(taken), Some(there)) = (&mut self.taken, &other.taken) {
            taken.merge(there);
        }
        self.jobs = self.jobs.max(other.jobs);
        self.exclusive = self.exclusive.max(other.exclusive);
    }

    /// The same, where a job may have only some of the cores.
    pub fn within(&self, hardware: &Hardware, cores: &CoreSet) -> Self {
        let mut room = self.clone();
        for core in (0..hardware.cores()).filter(|core| !cores.contains(*core)) {
            // More than any partition lets share it.
            room.oversubscribed.insert(core, u32::from(u16::MAX));
        }
        let mut gone = room.free.clone();
        gone.remove(cores);
        room.free.remove(&gone);
        room
    }

    /// The cores that a job may be given where `rows` jobs may hold one.
    pub fn cores_for(&self, hardware: &Hardware, rows: u32) -> CoreSet {
        if rows <= 1 {
            return self.free.clone();
        }
        let mut cores = job_cores(hardware);
        let full = |core: &u32| {
            !self.free.contains(*core)
                && 1 + self.oversubscribed.get(core).copied().unwrap_or(0) >= rows
        };
        let full: CoreSet = cores.iter().filter(full).collect();
        cores.remove(&full);
        cores
    }
}

/// Whether it matters which devices of a node a job gets: they are nearer to some of its cores than to
/// others, or given away in parts.
pub(crate) fn binds_devices(node: &Node) -> bool {
    let matters = |line: &GresLine| line.cores.is_some() || line.used.is_shared();
    node.registration.as_ref().is_some_and(|r| r.gres.iter().any(matters))
}

fn held(share: &NodeShare, of: &model::GresCount) -> u64 {
    let same =
        |gres: &&model::GresHeld| gres.name == of.name && gres.kind == of.kind && !gres.endless;
    share.gres.iter().filter(same).map(|gres| gres.count).sum()
}

/// The cores that the node's own configuration keeps for the system (CpuSpecList, CoreSpecCount).
///
/// Those that are only counted are taken from the end, from each socket in turn, as stock does
/// unless SchedulerParameters has spec_cores_first.
fn system_cores(hardware: &Hardware) -> CoreSet {
    match &hardware.spec_cpu_list {
        Some(list) => listed(list, hardware),
        None => last_cores(hardware, &all_cores(hardware), hardware.spec_cores.into()),
    }
}

/// The cores that jobs can have.
fn job_cores(hardware: &Hardware) -> CoreSet {
    let mut cores = all_cores(hardware);
    if hardware.spec_cores > 0 || hardware.spec_cpu_list.is_some() {
        cores.remove(&system_cores(hardware));
    }
    cores
}

/// All cores, a word at a time: this is done for each node in each plan.
pub(crate) fn all_cores(hardware: &Hardware) -> CoreSet {
    let cores = hardware.cores();
    let mut words = vec![u64::MAX; (cores / 64) as usize];
    if !cores.is_multiple_of(64) {
        words.push((1 << (cores % 64)) - 1);
    }
    CoreSet::from_words(words)
}

/// The last `count` of some cores, from each socket in turn.
pub(crate) fn last_cores(hardware: &Hardware, of: &CoreSet, count: u32) -> CoreSet {
    if count == 0 {
        return CoreSet::default();
    }
    let (sockets, cores) = (u32::from(hardware.sockets), u32::from(hardware.cores_per_socket));
    (0..cores)
        .rev()
        .flat_map(|core| (0..sockets).rev().map(move |socket| socket * cores + core))
        .filter(|core| of.contains(*core))
        .take(count as usize)
        .collect()
}

/// The cores of CPUs in a list such as `0-3,8`.
fn listed(list: &str, hardware: &Hardware) -> CoreSet {
    let last = hardware.cores().saturating_mul(hardware.cpus_per_core());
    let mut cores = CoreSet::default();
    for range in list.split(',') {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let (Ok(low), Ok(high)) = (low.trim().parse::<u32>(), high.trim().parse::<u32>()) else {
            continue;
        };
        for cpu in low..=high.min(last.saturating_sub(1)) {
            cores.insert(cpu / hardware.cpus_per_core());
        }
    }
    cores
}
