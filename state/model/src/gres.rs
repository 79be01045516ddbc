//! Generic resources one by one: which devices a node has, and which of them somebody holds.

use std::sync::Arc;

use crate::node::{Hardware, Node};
use crate::resource::{CoreSet, GresCount};
use crate::taken::SHARED_FROM;

/// A node has at most so many devices of a name; what is beyond is left out (`MAX_GRES_BITMAP` of
/// Slurm's gres.h).
const DEVICES_MAX: u64 = 1024;

/// What a job asks for of one name and type. 0 is nothing that was asked for in that way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GresWish {
    /// The name: `gpu`.
    pub name: Arc<str>,
    /// The type; `None` is any.
    pub kind: Option<Arc<str>>,
    /// Of each node (`--gres`, `--gpus-per-node`).
    pub per_node: u64,
    /// Of each socket (`--gpus-per-socket`).
    pub per_socket: u64,
    /// For each task (`--gpus-per-task`).
    pub per_task: u64,
    /// In all (`--gpus`).
    pub per_job: u64,
    /// CPUs for each one (`--cpus-per-gpu`).
    pub cpus_each: u16,
    /// Memory for each one, MiB (`--mem-per-gpu`).
    pub memory_each_mib: u64,
}

impl GresWish {
    /// Nothing yet.
    pub fn of(name: Arc<str>, kind: Option<Arc<str>>) -> Self {
        Self {
            name,
            kind,
            per_node: 0,
            per_socket: 0,
            per_task: 0,
            per_job: 0,
            cpus_each: 0,
            memory_each_mib: 0,
        }
    }

    /// How many in all, when there are so many nodes, of each so many sockets, and so many tasks.
    /// Of several ways in which they were asked for the first one counts.
    pub fn total(&self, nodes: u64, sockets: u64, tasks: u64) -> u64 {
        match self {
            Self { per_job: count @ 1.., .. } => *count,
            Self { per_node: count @ 1.., .. } => count.saturating_mul(nodes),
            Self { per_socket: count @ 1.., .. } => {
                count.saturating_mul(nodes).saturating_mul(sockets)
            }
            Self { per_task, .. } => per_task.saturating_mul(tasks),
        }
    }

    /// How many of one node, when it has so many tasks; 0 where only the sum over all nodes is known.
    pub fn on_node(&self, sockets: u64, tasks: u64) -> u64 {
        match self {
            Self { per_node: count @ 1.., .. } => *count,
            Self { per_socket: count @ 1.., .. } => count.saturating_mul(sockets),
            Self { per_task, .. } => per_task.saturating_mul(tasks),
        }
    }

    /// Whether a resource is what is wished for.
    pub fn is_for(&self, name: &str, kind: Option<&str>) -> bool {
        *self.name == *name && (self.kind.is_none() || self.kind.as_deref() == kind)
    }
}

/// What a job or a step holds of one kind of generic resource of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GresHeld {
    /// The name: `gpu`.
    pub name: Arc<str>,
    /// The type, if it has one: `a100`.
    pub kind: Option<Arc<str>>,
    /// How many.
    pub count: u64,
    /// Which of the node's devices of that name, numbered from 0; empty if it has no devices but
    /// only a count.
    pub devices: CoreSet,
    /// How much of each of these devices, ascending; empty if it has them whole.
    pub parts: Vec<(u32, u64)>,
    /// Whether there is as much left as before (`no_consume`); then it counts for nothing.
    pub endless: bool,
}

impl GresHeld {
    /// So many, and no devices, or none yet.
    pub fn counted(of: GresCount) -> Self {
        let GresCount { name, kind, count } = of;
        Self { name, kind, count, devices: CoreSet::default(), parts: Vec::new(), endless: false }
    }

    /// How many, whichever they are; 0 of what is not used up.
    pub fn count(&self) -> GresCount {
        let count = if self.endless { 0 } else { self.count };
        GresCount { name: Arc::clone(&self.name), kind: self.kind.clone(), count }
    }
}

/// A line of gres.conf, as a node's slurmd found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GresLine {
    /// The name: `gpu`.
    pub name: Arc<str>,
    /// The type, if it has one: `a100`.
    pub kind: Option<Arc<str>>,
    /// How many.
    pub count: u64,
    /// The cores that are near it; `None` if all are alike.
    pub cores: Option<CoreSet>,
    /// How jobs have it.
    pub used: GresUse,
}

/// How jobs have what a line of gres.conf stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GresUse {
    /// It is only counted.
    #[default]
    Counted,
    /// Each is a device of its own, that one job has at a time.
    Device,
    /// They are parts of one device, that several jobs have some of.
    Shared,
    /// The same, and only one of the node's devices is shared at a time (`one_sharing`).
    SharedOne,
}

impl GresUse {
    /// Whether several jobs have parts of one device.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Shared | Self::SharedOne)
    }
}

/// The devices of one name that a node has, in the order of their numbers.
///
/// A node of which gres.conf was not heard yet, or has no files for the name, has none.
#[derive(Clone, Debug, Default)]
pub struct Devices<'a> {
    lines: Vec<&'a GresLine>,
    sockets: u32,
    cores_per_socket: u32,
    /// Whether some of the node's are given away in parts.
    shared: bool,
}

impl<'a> Devices<'a> {
    /// What a node has of a name. It has no more devices than slurm.conf says.
    pub fn of(node: &'a Node, name: &str) -> Self {
        let Some(registration) = node.registration.as_deref() else {
            return Self::default();
        };
        let Hardware { sockets, cores_per_socket, ref gres, .. } = node.hardware;
        let configured: u64 = gres.iter().filter(|g| *g.name == *name).map(|g| g.count).sum();
        let most = usize::try_from(configured.min(DEVICES_MAX)).unwrap_or(usize::MAX);
        let lines = registration
            .gres
            .iter()
            .filter(|line| *line.name == *name && line.used == GresUse::Device);
        // A line stands for at most as many devices as there may be in all.
        let each = |line: &'a GresLine| (0..line.count.min(DEVICES_MAX)).map(move |_| line);
        Self {
            lines: lines.flat_map(each).take(most).collect(),
            sockets: sockets.into(),
            cores_per_socket: cores_per_socket.into(),
            shared: name == SHARED_FROM && registration.gres.iter().any(|l| l.used.is_shared()),
        }
    }

    /// How many there are.
    pub fn len(&self) -> u32 {
        u32::try_from(self.lines.len()).expect("there are at most 1,024")
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The types, each with its devices, as slurmd reported them.
    pub fn kinds(&self) -> Vec<(Option<&'a Arc<str>>, CoreSet)> {
        let mut kinds: Vec<(Option<&Arc<str>>, CoreSet)> = Vec::new();
        for (index, line) in self.numbered() {
            let kind = line.kind.as_ref();
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, devices)) => devices.insert(index),
                None => kinds.push((kind, CoreSet::from_iter([index]))),
            }
        }
        kinds
    }

    /// The sockets that some of the devices are near, ascending; none if all are alike to them.
    pub fn sockets_near(&self, devices: &CoreSet) -> Vec<u32> {
        let cores: Vec<&CoreSet> = self
            .numbered()
            .filter(|(index, _)| devices.contains(*index))
            .filter_map(|(_, line)| line.cores.as_ref())
            .collect();
        let is_near = |socket: &u32| {
            let first = socket * self.cores_per_socket;
            let here = first..first + self.cores_per_socket;
            cores.iter().any(|cores| here.clone().any(|core| cores.contains(core)))
        };
        (0..self.sockets).filter(is_near).collect()
    }

    /// Devices that are near sockets on which none of these cores is.
    pub fn out_of_reach(&self, cores: &CoreSet) -> CoreSet {
        let of_socket = |socket: u32| {
            (socket * self.cores_per_socket..(socket + 1) * self.cores_per_socket).collect()
        };
        let sockets = (0..self.sockets).map(of_socket);
        let closed: Vec<CoreSet> =
            sockets.filter(|socket: &CoreSet| !socket.intersects(cores)).collect();
        let open = |near: &CoreSet| {
            let mut left = near.clone();
            closed.iter().for_each(|socket| left.remove(socket));
            !left.is_empty()
        };
        let is_far = |line: &GresLine| line.cores.as_ref().is_some_and(|near| !open(near));
        self.numbered().filter(|(_, line)| is_far(line)).map(|(index, _)| index).collect()
    }

    /// Whether parts of them are given away under another name.
    pub fn are_shared(&self) -> bool {
        self.shared && !self.is_empty()
    }

    /// Whether a type or cores tell the devices apart, or they may be had in parts.
    pub fn differ(&self) -> bool {
        self.are_shared()
            || self.lines.iter().any(|line| line.kind.is_some() || line.cores.is_some())
    }

    /// Devices for a job that has some cores of the node: near these as far as there are such,
    /// from each socket as many as is its part of the cores, the lowest numbers first
    /// (select/cons_tres).
    pub fn for_job(&self, held: &GresHeld, taken: &CoreSet, cores: &CoreSet) -> CoreSet {
        let mut choice = Choice::new(self.of_kind(held), taken, held.count);
        let of_socket = |socket: u32| -> CoreSet {
            let first = socket * self.cores_per_socket;
            cores.iter().filter(|c| (first..first + self.cores_per_socket).contains(c)).collect()
        };
        let sockets: Vec<CoreSet> = (0..self.sockets).map(of_socket).collect();
        let all = u64::from(cores.len().max(1));
        for socket in &sockets {
            let part = u64::from(socket.len()) * held.count / all;
            choice.take(part, |line| is_near(line, socket));
        }
        choice.take(u64::MAX, |line| line.cores.is_none());
        for socket in &sockets {
            choice.take(u64::MAX, |line| is_near(line, socket));
        }
        choice.take(u64::MAX, |_| true);
        choice.chosen
    }

    /// The cores of the sockets that a job should be on to be near so many free devices: of as few
    /// sockets as will do, those with the most of them first. `None` if devices are alike to all
    /// cores, or not enough of them are free.
    pub(crate) fn cores_near(&self, wanted: &GresHeld, taken: &CoreSet) -> Option<CoreSet> {
        let free: Vec<&GresLine> = self
            .of_kind(wanted)
            .into_iter()
            .filter(|(index, _)| !taken.contains(*index))
            .map(|(_, line)| line)
            .collect();
        if free.iter().any(|line| line.cores.is_none()) {
            return None;
        }
        let of_socket = |socket: u32| -> CoreSet {
            (socket * self.cores_per_socket..(socket + 1) * self.cores_per_socket).collect()
        };
        let mut sockets: Vec<(CoreSet, u64)> = (0..self.sockets)
            .map(|socket| {
                let cores = of_socket(socket);
                let count = free.iter().filter(|line| is_near(line, &cores)).count();
                (cores, count as u64)
            })
            .collect();
        sockets.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let (mut near, mut missing) = (CoreSet::default(), wanted.count);
        for (cores, count) in sockets {
            if missing == 0 {
                break;
            }
            near.add(&cores);
            missing = missing.saturating_sub(count);
            if count == 0 {
                return None;
            }
        }
        (missing == 0 && wanted.count > 0).then_some(near)
    }

    /// Devices for a step, of those that its job holds: near its cores as far as there are such,
    /// the lowest numbers first.
    pub fn for_step(
        &self,
        held: &GresHeld,
        taken: &CoreSet,
        cores: &CoreSet,
        count: u64,
    ) -> CoreSet {
        let of_job = self.numbered().filter(|(index, _)| held.devices.contains(*index)).collect();
        let mut choice = Choice::new(of_job, taken, count);
        choice.take(u64::MAX, |line| line.cores.is_none() || is_near(line, cores));
        choice.take(u64::MAX, |_| true);
        choice.chosen
    }

    fn numbered(&self) -> impl Iterator<Item = (u32, &'a GresLine)> + '_ {
        (0u32..).zip(self.lines.iter().copied())
    }

    /// Those of a type; all if none of it is known here.
    fn of_kind(&self, held: &GresHeld) -> Vec<(u32, &'a GresLine)> {
        let is_of_kind = |(_, line): &(u32, &GresLine)| line.kind == held.kind;
        match held.kind.is_some() && self.numbered().any(|one| is_of_kind(&one)) {
            true => self.numbered().filter(is_of_kind).collect(),
            false => self.numbered().collect(),
        }
    }
}

fn is_near(line: &GresLine, cores: &CoreSet) -> bool {
    line.cores.as_ref().is_some_and(|near| near.intersects(cores))
}

/// Devices being chosen.
struct Choice<'a> {
    free: Vec<(u32, &'a GresLine)>,
    missing: u64,
    chosen: CoreSet,
}

impl<'a> Choice<'a> {
    fn new(mut free: Vec<(u32, &'a GresLine)>, taken: &CoreSet, missing: u64) -> Self {
        free.retain(|(index, _)| !taken.contains(*index));
        Self { free, missing, chosen: CoreSet::default() }
    }

    /// Takes the first of those that will do, so many at most.
    fn take(&mut self, most: u64, will_do: impl Fn(&GresLine) -> bool) {
        let mut left = most.min(self.missing);
        self.missing -= left;
        let (chosen, rest) = (&mut self.chosen, &mut left);
        self.free.retain(|(index, line)| {
            let takes = *rest > 0 && will_do(line);
            if takes {
                chosen.insert(*index);
                *rest -= 1;
            }
            !takes
        });
        self.missing += left;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::{Devices, GresHeld, GresLine, GresUse};
    use crate::node::{Address, Hardware, Node, Registration};
    use crate::{CoreSet, GresCount, NodeId, Timestamp};

    fn line(kind: Option<&str>, count: u64, cores: Option<std::ops::Range<u32>>) -> GresLine {
        let (name, kind) = ("gpu".into(), kind.map(Into::into));
        GresLine { name, kind, count, cores: cores.map(CoreSet::from_iter), used: GresUse::Device }
    }

    /// Two sockets of four cores.
    pub(crate) fn node(lines: &[GresLine]) -> Node {
        let mut hardware = Hardware::of(2, 4, 1, 1000);
        let count = lines.iter().map(|line| line.count).sum();
        hardware.gres = [GresCount { name: "gpu".into(), kind: None, count }].into();
        let mut node = Node::unknown(NodeId(0), "n1".into(), Address::named("n1"), hardware);
        node.registration = Some(Arc::new(Registration {
            protocol: 0x2a00,
            version: "24.11.5".into(),
            booted: Timestamp(0),
            slurmd_started: Timestamp(0),
            arch: "x86_64".into(),
            os: "Linux".into(),
            cpus: 8,
            boards: 1,
            sockets: 2,
            cores_per_socket: 4,
            threads_per_core: 1,
            memory_mib: 1000,
            tmp_disk_mib: 0,
            gres: lines.into(),
            parameters: None,
        }));
        node
    }

    fn gpus(kind: Option<&str>, count: u64, devices: &[u32]) -> GresHeld {
        let devices = devices.iter().copied().collect();
        GresHeld {
            name: "gpu".into(),
            kind: kind.map(Into::into),
            count,
            devices,
            parts: Vec::new(),
            endless: false,
        }
    }

    fn for_job(node: &Node, held: &GresHeld, taken: &[u32], cores: &[u32]) -> Vec<u32> {
        let taken = taken.iter().copied().collect();
        let cores = cores.iter().copied().collect();
        Devices::of(node, "gpu").for_job(held, &taken, &cores).iter().collect()
    }

    #[test]
    fn devices_without_cores_are_taken_from_the_lowest() {
        let node = node(&[line(None, 4, None)]);
        assert_eq!(for_job(&node, &gpus(None, 2, &[]), &[0, 2], &[0]), [1, 3]);
        assert_eq!(for_job(&node, &gpus(None, 3, &[]), &[], &[7]), [0, 1, 2]);
    }

    #[test]
    fn devices_near_the_cores_come_first() {
        let node = node(&[line(None, 2, Some(0..4)), line(None, 2, Some(4..8))]);
        assert_eq!(for_job(&node, &gpus(None, 1, &[]), &[], &[5]), [2]);
        assert_eq!(for_job(&node, &gpus(None, 2, &[]), &[], &[0, 4]), [0, 2]);
        assert_eq!(for_job(&node, &gpus(None, 3, &[]), &[], &[5]), [0, 2, 3]);
    }

    #[test]
    fn cores_near_enough_devices_are_those_of_few_sockets() {
        let node = node(&[line(None, 2, Some(0..4)), line(None, 2, Some(4..8))]);
        let near = |count, taken: &[u32]| {
            let taken = taken.iter().copied().collect();
            let cores = Devices::of(&node, "gpu").cores_near(&gpus(None, count, &[]), &taken);
            cores.map(|cores| cores.iter().collect::<Vec<_>>())
        };
        assert_eq!(near(1, &[]), Some(vec![0, 1, 2, 3]));
        assert_eq!(near(1, &[0]), Some(vec![4, 5, 6, 7]), "two are free there");
        assert_eq!(near(3, &[]), Some((0..8).collect()));
        assert_eq!(near(3, &[1, 2]), None, "there are two");
        let far = Devices::of(&node, "gpu").out_of_reach(&[5, 6].into_iter().collect());
        assert_eq!(far.iter().collect::<Vec<_>>(), [0, 1]);
        let alike = self::node(&[line(None, 4, None)]);
        let cores = Devices::of(&alike, "gpu").cores_near(&gpus(None, 1, &[]), &CoreSet::default());
        assert_eq!(cores, None);
    }

    #[test]
    fn a_type_has_devices_of_its_own() {
        let node = node(&[line(Some("a"), 2, None), line(Some("b"), 2, None)]);
        assert_eq!(for_job(&node, &gpus(Some("b"), 1, &[]), &[2], &[0]), [3]);
        assert_eq!(for_job(&node, &gpus(None, 3, &[]), &[], &[0]), [0, 1, 2]);
        let kinds = Devices::of(&node, "gpu").kinds().len();
        assert_eq!(kinds, 2);
    }

    #[test]
    fn a_step_takes_of_what_its_job_holds() {
        let node = node(&[line(None, 2, Some(0..4)), line(None, 2, Some(4..8))]);
        let devices = Devices::of(&node, "gpu");
        let held = gpus(None, 3, &[1, 2, 3]);
        let step = |taken: &[u32], core: u32, count| {
            let taken = taken.iter().copied().collect();
            let chosen = devices.for_step(&held, &taken, &CoreSet::from_iter([core]), count);
            chosen.iter().collect::<Vec<_>>()
        };
        assert_eq!(step(&[], 6, 1), [2]);
        assert_eq!(step(&[2], 6, 2), [1, 3]);
        assert_eq!(step(&[1, 2, 3], 0, 1), [0; 0]);
    }

    #[test]
    fn more_devices_than_configured_are_left_out() {
        let mut node = node(&[line(None, 4, None)]);
        node.hardware.gres = [GresCount { name: "gpu".into(), kind: None, count: 3 }].into();
        assert_eq!(Devices::of(&node, "gpu").len(), 3);
        assert!(Devices::of(&node, "nic").is_empty());
    }
}
