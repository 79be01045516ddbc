//! Devices that several jobs have parts of: `shard` and `mps` of a GPU.

use std::sync::Arc;

use crate::config::Config;
use crate::gres::{GresHeld, GresLine, GresUse, GresWish};
use crate::job::{JobSpec, NumberOption};
use crate::node::{Hardware, Node};
use crate::resource::CoreSet;
use crate::taken::Taken;

/// `GRES_ONE_TASK_PER_SHARING` of the job flags (slurm.h).
const ONE_TASK_PER_SHARING: u64 = 1 << 38;
/// `GRES_MULT_TASKS_PER_SHARING` of the job flags (slurm.h).
const MULT_TASKS_PER_SHARING: u64 = 1 << 39;

/// How a job gets parts of devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartRules {
    /// Whether it may have parts of several devices of a node (MULTIPLE_SHARING_GRES_PJ).
    pub several: bool,
    /// Whether the device with the most left comes first (LL_SHARED_GRES).
    pub least_loaded: bool,
    /// Whether each task has a device that no other task of the job has a part of.
    pub one_task_each: bool,
}

impl PartRules {
    /// Those of the configuration and of a job (`--gres-flags`).
    pub fn of(config: &Config, spec: &JobSpec) -> Self {
        let flags = spec.carried.number(NumberOption::Bitflags).unwrap_or(0);
        let by_default = config.part_rules.one_task_each && flags & MULT_TASKS_PER_SHARING == 0;
        Self { one_task_each: by_default || flags & ONE_TASK_PER_SHARING != 0, ..config.part_rules }
    }
}

/// Parts of devices that are looked for.
#[derive(Clone, Copy, Debug)]
pub struct PartsWanted<'a> {
    /// The type of the devices; `None` is any.
    pub kind: Option<&'a str>,
    /// How many parts in all.
    pub count: u64,
    /// How many of them each task needs on one device; 0 if tasks do not matter.
    pub per_task: u64,
}

/// The devices of a node that are given away in parts of one name, in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct SharedDevices<'a> {
    lines: Vec<&'a GresLine>,
    sockets: u32,
    cores_per_socket: u32,
}

impl<'a> SharedDevices<'a> {
    /// What a node has of a name: slurmd reports a line for each device.
    pub fn of(node: &'a Node, name: &str) -> Self {
        let Some(registration) = node.registration.as_deref() else {
            return Self::default();
        };
        let Hardware { sockets, cores_per_socket, .. } = node.hardware;
        let is_it = |line: &&GresLine| *line.name == *name && line.used.is_shared();
        Self {
            lines: registration.gres.iter().filter(is_it).collect(),
            sockets: sockets.into(),
            cores_per_socket: cores_per_socket.into(),
        }
    }

    /// How many devices there are.
    pub fn len(&self) -> u32 {
        u32::try_from(self.lines.len()).expect("a registration has at most 65,535 lines")
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many parts each device has, by number.
    pub fn sizes(&self) -> Vec<u64> {
        self.lines.iter().map(|line| line.count).collect()
    }

    /// The types, each with its devices, in the order of their numbers.
    pub fn kinds(&self) -> Vec<(Option<&'a Arc<str>>, CoreSet)> {
        let mut kinds: Vec<(Option<&Arc<str>>, CoreSet)> = Vec::new();
        for (device, line) in (0u32..).zip(&self.lines) {
            match kinds.iter_mut().find(|(kind, _)| *kind == line.kind.as_ref()) {
                Some((_, devices)) => devices.insert(device),
                None => kinds.push((line.kind.as_ref(), CoreSet::from_iter([device]))),
            }
        }
        kinds
    }

    /// The sockets that some of the devices are near, ascending; none if all are alike to them.
    pub fn sockets_near(&self, devices: &CoreSet) -> Vec<u32> {
        let near = |socket: &u32| {
            let cores = self.cores_of(*socket);
            devices.iter().any(|device| self.is_near(device, &cores))
        };
        (0..self.sockets).filter(near).collect()
    }

    /// How many parts a job could have now, by the rules; of all devices together if nobody is looked
    /// at, as stock does when it asks whether a job could ever run (24.11).
    pub fn left(&self, wish: &GresWish, taken: Option<&Taken>, rules: PartRules) -> u64 {
        let kind = wish.kind.as_deref();
        let Some(taken) = taken else {
            let mine = self.lines.iter().filter(|line| is_of_kind(line, kind));
            return mine.map(|line| line.count).fold(0, u64::saturating_add);
        };
        let free = self.free(&wish.name, kind, taken);
        let whole_tasks = |left: u64| match wish.per_task {
            0 => left,
            each => left - left % each,
        };
        match rules.several {
            true => free.iter().map(|(_, left)| whole_tasks(*left)).fold(0, u64::saturating_add),
            false => free.iter().map(|(_, left)| *left).max().unwrap_or(0),
        }
    }

    /// The parts that a job gets which has these cores of the node: of one device if one has enough,
    /// one near its cores first (select/cons_tres). `None` if there are not so many.
    pub fn for_job(
        &self,
        name: &str,
        wanted: PartsWanted<'_>,
        taken: &Taken,
        cores: &CoreSet,
        rules: PartRules,
    ) -> Option<Vec<(u32, u64)>> {
        let mut free = self.free(name, wanted.kind, taken);
        let all = free.iter().map(|(_, left)| *left).fold(0, u64::saturating_add);
        if wanted.count > all {
            return None;
        }
        self.sort(&mut free, taken, cores, rules);
        if rules.several && wanted.per_task > 0 {
            return for_tasks(free, wanted, rules);
        }
        if let Some((device, _)) = free.iter().find(|(_, left)| *left >= wanted.count) {
            return Some(vec![(*device, wanted.count)]);
        }
        rules.several.then(|| take(&mut free, wanted.count))
    }

    /// The parts that a step gets of what its job holds: of devices near its cores first.
    pub fn for_step(
        &self,
        of_job: &GresHeld,
        used: &Taken,
        cores: &CoreSet,
        count: u64,
    ) -> Vec<(u32, u64)> {
        let left = |(device, parts): &(u32, u64)| {
            (*device, parts.saturating_sub(used.of_device(&of_job.name, *device)))
        };
        let mut free: Vec<(u32, u64)> = of_job.parts.iter().map(left).collect();
        free.sort_by_key(|(device, _)| {
            !(self.is_anywhere(*device) || self.is_near(*device, cores))
        });
        take(&mut free, count)
    }

    /// The cores of the sockets that a job should be on to be near its parts; `None` if devices are
    /// alike to all cores.
    pub(crate) fn cores_near(
        &self,
        name: &str,
        kind: Option<&str>,
        count: u64,
        taken: &Taken,
    ) -> Option<CoreSet> {
        let free = self.free(name, kind, taken);
        if free.iter().any(|(device, _)| self.is_anywhere(*device)) {
            return None;
        }
        let of_socket = |socket: u32| {
            let cores = self.cores_of(socket);
            let near = free.iter().filter(|(device, _)| self.is_near(*device, &cores));
            let left = near.map(|(_, left)| *left).fold(0, u64::saturating_add);
            (cores, left)
        };
        let mut sockets: Vec<(CoreSet, u64)> = (0..self.sockets).map(of_socket).collect();
        sockets.sort_by_key(|(_, left)| std::cmp::Reverse(*left));
        let first = sockets.into_iter().next().filter(|(_, left)| *left >= count && count > 0);
        first.map(|(cores, _)| cores)
    }

    /// The devices that parts can be had of, and how many.
    fn free(&self, name: &str, kind: Option<&str>, taken: &Taken) -> Vec<(u32, u64)> {
        let closed = taken.closed_to_parts();
        // Of devices that are shared one at a time, the one that is shared already.
        let one = self.lines.iter().any(|line| line.used == GresUse::SharedOne);
        let one = one && taken.has_parts(name);
        let left = |(device, line): (u32, &&GresLine)| {
            let had = taken.of_device(name, device);
            let shuts = closed.contains(device) || one && had == 0;
            let left = line.count.saturating_sub(had);
            (!shuts && is_of_kind(line, kind) && left > 0).then_some((device, left))
        };
        (0u32..).zip(&self.lines).filter_map(left).collect()
    }

    /// Devices near some cores first, socket after socket, then those that are alike to all.
    fn sort(&self, free: &mut [(u32, u64)], taken: &Taken, cores: &CoreSet, rules: PartRules) {
        if rules.least_loaded {
            let load = |(device, left): &(u32, u64)| {
                let size = self.lines.get(*device as usize).map_or(1, |line| line.count).max(1);
                let all: u128 = self.lines.iter().map(|line| u128::from(line.count)).sum();
                std::cmp::Reverse(u128::from(*left) * all / u128::from(size))
            };
            free.sort_by_key(load);
        }
        let sockets: Vec<CoreSet> = (0..self.sockets).map(|socket| self.cores_of(socket)).collect();
        let place = |device: u32| {
            if self.is_anywhere(device) {
                return self.sockets;
            }
            let near = |mine: bool| {
                let sockets = (0u32..).zip(&sockets);
                let mut sockets = sockets.filter(|(_, all)| all.intersects(cores) == mine);
                sockets.find(|(_, all)| self.is_near(device, all)).map(|(socket, _)| socket)
            };
            near(true).unwrap_or_else(|| self.sockets + 1 + near(false).unwrap_or(self.sockets))
        };
        debug_assert!(free.iter().all(|(device, _)| !taken.closed_to_parts().contains(*device)));
        free.sort_by_key(|(device, _)| place(*device));
    }

    fn cores_of(&self, socket: u32) -> CoreSet {
        (socket * self.cores_per_socket..(socket + 1) * self.cores_per_socket).collect()
    }

    fn is_near(&self, device: u32, cores: &CoreSet) -> bool {
        let line = self.lines.get(device as usize);
        line.and_then(|line| line.cores.as_ref()).is_some_and(|near| near.intersects(cores))
    }

    fn is_anywhere(&self, device: u32) -> bool {
        self.lines.get(device as usize).is_none_or(|line| line.cores.is_none())
    }
}

fn is_of_kind(line: &GresLine, kind: Option<&str>) -> bool {
    kind.is_none() || line.kind.as_deref() == kind
}

/// From each device what it has, until there are so many.
fn take(free: &mut [(u32, u64)], count: u64) -> Vec<(u32, u64)> {
    let mut missing = count;
    let mut parts: Vec<(u32, u64)> = Vec::new();
    for (device, left) in free {
        let some = missing.min(*left);
        missing -= some;
        if some > 0 {
            parts.push((*device, some));
        }
    }
    parts.sort_unstable();
    parts
}

/// Each task's parts are of one device, of another than those of other tasks if that is wanted.
fn for_tasks(
    mut free: Vec<(u32, u64)>,
    wanted: PartsWanted<'_>,
    rules: PartRules,
) -> Option<Vec<(u32, u64)>> {
    let each = wanted.per_task;
    let mut parts: std::collections::BTreeMap<u32, u64> = std::collections::BTreeMap::new();
    for _ in 0..wanted.count / each {
        let had = |device: &u32| rules.one_task_each && parts.contains_key(device);
        let (device, left) = free.iter_mut().find(|(d, left)| *left >= each && !had(d))?;
        *left -= each;
        *parts.entry(*device).or_insert(0) += each;
    }
    Some(parts.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{PartRules, PartsWanted, SharedDevices};
    use crate::gres::{GresHeld, GresLine, GresUse, GresWish, tests};
    use crate::node::Node;
    use crate::taken::Taken;
    use crate::{CoreSet, GresCount};

    /// Two sockets of four cores, a device of ten parts near each.
    fn node(used: GresUse) -> Node {
        let line = |kind: &str, first: u32| GresLine {
            name: "shard".into(),
            kind: Some(kind.into()),
            count: 10,
            cores: Some((first..first + 4).collect()),
            used,
        };
        tests::node(&[line("a", 0), line("b", 4)])
    }

    fn held(device: u32, count: u64) -> GresHeld {
        let of = GresCount { name: "shard".into(), kind: None, count };
        let devices = CoreSet::from_iter([device]);
        GresHeld { devices, parts: vec![(device, count)], ..GresHeld::counted(of) }
    }

    fn taken(held: &[GresHeld]) -> Taken {
        let mut taken = Taken::default();
        held.iter().for_each(|held| taken.add(held));
        taken
    }

    fn parts(
        node: &Node,
        count: u64,
        per_task: u64,
        taken: &Taken,
        rules: PartRules,
    ) -> Option<Vec<(u32, u64)>> {
        let wanted = PartsWanted { kind: None, count, per_task };
        let cores = CoreSet::from_iter([5]);
        SharedDevices::of(node, "shard").for_job("shard", wanted, taken, &cores, rules)
    }

    const ONE: PartRules = PartRules { several: false, least_loaded: false, one_task_each: false };
    const SEVERAL: PartRules = PartRules { several: true, ..ONE };

    #[test]
    fn parts_are_of_one_device_near_the_cores() {
        let node = node(GresUse::Shared);
        assert_eq!(parts(&node, 4, 0, &taken(&[]), ONE), Some(vec![(1, 4)]));
        let had = taken(&[held(1, 8)]);
        assert_eq!(parts(&node, 4, 0, &had, ONE), Some(vec![(0, 4)]));
        assert_eq!(parts(&node, 11, 0, &had, ONE), None);
        assert_eq!(parts(&node, 11, 0, &had, SEVERAL), Some(vec![(0, 9), (1, 2)]));
        assert_eq!(parts(&node, 13, 0, &had, SEVERAL), None);
    }

    #[test]
    fn a_device_that_somebody_has_is_not_shared() {
        let node = node(GresUse::Shared);
        let of = GresCount { name: "gpu".into(), kind: None, count: 1 };
        let gpu = GresHeld { devices: CoreSet::from_iter([1]), ..GresHeld::counted(of) };
        let had = taken(&[gpu]);
        assert_eq!(parts(&node, 4, 0, &had, ONE), Some(vec![(0, 4)]));
        let wish = GresWish::of("shard".into(), None);
        assert_eq!(SharedDevices::of(&node, "shard").left(&wish, Some(&had), SEVERAL), 10);
        assert_eq!(SharedDevices::of(&node, "shard").left(&wish, None, ONE), 20);
    }

    #[test]
    fn one_device_at_a_time_is_shared_if_it_is_said() {
        let node = node(GresUse::SharedOne);
        assert_eq!(parts(&node, 4, 0, &taken(&[held(0, 1)]), ONE), Some(vec![(0, 4)]));
        assert_eq!(parts(&node, 10, 0, &taken(&[held(0, 1)]), ONE), None);
    }

    #[test]
    fn each_task_has_its_parts_of_one_device() {
        let node = node(GresUse::Shared);
        assert_eq!(parts(&node, 12, 4, &taken(&[]), SEVERAL), Some(vec![(0, 4), (1, 8)]));
        let alone = PartRules { one_task_each: true, ..SEVERAL };
        assert_eq!(parts(&node, 8, 4, &taken(&[]), alone), Some(vec![(0, 4), (1, 4)]));
        assert_eq!(parts(&node, 12, 4, &taken(&[]), alone), None);
    }

    #[test]
    fn the_least_loaded_device_comes_first() {
        let mut node = node(GresUse::Shared);
        let registration = Arc::make_mut(node.registration.as_mut().unwrap());
        registration.gres.iter_mut().for_each(|line| line.cores = None);
        let rules = PartRules { least_loaded: true, ..ONE };
        assert_eq!(parts(&node, 2, 0, &taken(&[held(0, 1)]), rules), Some(vec![(1, 2)]));
        assert_eq!(parts(&node, 2, 0, &taken(&[held(0, 1)]), ONE), Some(vec![(0, 2)]));
    }

    #[test]
    fn a_step_takes_of_the_parts_of_its_job() {
        let node = node(GresUse::Shared);
        let of_job = GresHeld { parts: vec![(0, 4), (1, 2)], ..held(0, 6) };
        let step = |used: &[GresHeld], core: u32, count| {
            let cores = CoreSet::from_iter([core]);
            let shared = SharedDevices::of(&node, "shard");
            shared.for_step(&of_job, &taken(used), &cores, count)
        };
        assert_eq!(step(&[], 0, 3), [(0, 3)]);
        assert_eq!(step(&[], 7, 3), [(0, 1), (1, 2)]);
        assert_eq!(step(&[held(0, 3)], 0, 3), [(0, 1), (1, 2)]);
    }
}
