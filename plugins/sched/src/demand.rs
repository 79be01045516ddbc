//! What a job wants of nodes: its spec, with the defaults and limits of partition and slurm.conf
//! worked in. Two jobs with equal demands fit on the same nodes, which is what makes it worth while
//! to remember an answer.

use std::sync::Arc;

use model::{
    Config, Exclusive, GresWish, JobSpec, MemoryDefault, MemoryRequest, NumberOption, PartRules,
    Partition, Sharing, Uid, Unit, WaitReason,
};

/// No job gets more nodes than this, as in stock (24.11), whose counts would overflow otherwise.
const NODES_MAX: u32 = 500_000;

/// `USE_MIN_NODES` of the job flags: the lowest number of a node range will do.
const USE_MIN_NODES: u64 = 1 << 9;

/// `GRES_ENFORCE_BIND` of the job flags.
const GRES_ENFORCE_BIND: u64 = 1 << 4;

/// What a job wants of nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Demand {
    pub partition: Arc<str>,
    pub grain: Grain,
    /// Whether memory is counted here.
    pub memory_counts: bool,
    pub memory: Memory,
    pub min_nodes: u32,
    pub max_nodes: u32,
    /// The count that is tried first.
    pub wanted_nodes: u32,
    pub min_cpus: u32,
    pub max_cpus: Option<u32>,
    pub tasks: Option<u32>,
    pub cpus_per_task: u32,
    /// 0 is any number, here and below.
    pub tasks_per_node: u32,
    pub tasks_per_socket: u32,
    pub tasks_per_core: u32,
    pub sockets_per_node: u32,
    pub cores_per_socket: u32,
    pub threads_per_core: Option<u32>,
    /// CPUs of a node: at least.
    pub node_cpus_min: u32,
    /// Whether a memory limit made that more than was asked for.
    pub node_cpus_raised: bool,
    pub partition_cpus_per_node: Option<u32>,
    pub partition_cpus_per_socket: Option<u32>,
    pub tmp_disk_mib: u32,
    /// Whole nodes.
    pub whole: bool,
    pub tenure: Tenure,
    /// How many jobs may hold a core at a time.
    pub rows: u32,
    /// Beside jobs of this user only.
    pub beside: Option<Uid>,
    /// Beside jobs that have their nodes under this label only; beside none that has one, if it has not.
    pub label: Option<Arc<str>>,
    pub overcommit: bool,
    pub contiguous: bool,
    pub least_loaded: bool,
    /// Cores left to the system; the node's own do not add to them.
    pub core_spec: Option<u32>,
    pub required: Option<Arc<str>>,
    pub excluded: Option<Arc<str>>,
    pub features: Option<Arc<str>>,
    pub gres: Vec<GresWish>,
    /// How parts of devices are given.
    pub parts: PartRules,
    /// Whether it has devices of no other sockets than those of its cores (`--gres-flags=enforce-binding`).
    pub enforce_binding: bool,
    pub order: CoreOrder,
    /// Tasks put on a node at a time (`plane`).
    pub plane: u32,
    /// The number of the bounds that reservations set; 0 is none.
    pub bounds: u32,
}

/// The smallest part of a node that is given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grain {
    Cpu,
    Core,
    Socket,
    Node,
}

/// Memory of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Memory {
    /// All that jobs can have of it, and nobody else any.
    All,
    PerNode(u64),
    PerCpu(u64),
    /// As much as comes with each generic resource.
    PerGres,
}

/// How a job lives beside others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tenure {
    /// Its partition gives away whole nodes.
    Reserved,
    /// Its cores are its own.
    Own,
    /// Others may have its cores too.
    Shared,
}

/// In which order the cores of a node are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CoreOrder {
    /// From each socket in turn.
    Cyclic,
    /// Socket by socket, the tightest fit first.
    Block,
}

impl Demand {
    /// What a job of this spec wants of the nodes of a partition.
    pub fn of(
        config: &Config,
        partition: &Partition,
        spec: &JobSpec,
        owner: Uid,
        first_node_memory_mib: impl FnOnce() -> u64,
    ) -> Result<Self, WaitReason> {
        let mut demand = Self::without_limit(config, partition, spec, owner);
        demand.obey_memory_limit(config, partition, first_node_memory_mib)?;
        Ok(demand)
    }

    /// The same, were there no limit on memory.
    pub fn without_limit(
        config: &Config,
        partition: &Partition,
        spec: &JobSpec,
        owner: Uid,
    ) -> Self {
        let (grain, memory_counts) = grain(config, partition);
        let shares = tenure(partition, spec, grain);
        let min_nodes = spec.min_nodes.max(partition.min_nodes).max(1);
        let max_nodes =
            spec.max_nodes.unwrap_or(NODES_MAX).min(partition.max_nodes.unwrap_or(NODES_MAX));
        let flags = spec.carried.number(NumberOption::Bitflags).unwrap_or(0);
        let use_min = flags & USE_MIN_NODES != 0;
        let one_per_core = u32::from(config.one_task_per_core);
        let (order, plane) = distribution(spec);
        let mut demand = Self {
            partition: Arc::clone(&partition.name),
            grain,
            memory_counts,
            memory: memory(config, partition, spec),
            min_nodes,
            max_nodes,
            wanted_nodes: if spec.max_nodes.is_some() && !use_min { max_nodes } else { min_nodes },
            min_cpus: 0,
            max_cpus: spec.max_cpus,
            tasks: spec.tasks.filter(|tasks| *tasks > 0),
            cpus_per_task: u32::from(spec.cpus_per_task.unwrap_or(1)).max(1),
            tasks_per_node: count(spec.tasks_per_node),
            tasks_per_socket: count(spec.tasks_per_socket),
            tasks_per_core: spec.tasks_per_core.map_or(one_per_core, u32::from),
            sockets_per_node: count(spec.sockets_per_node),
            cores_per_socket: count(spec.cores_per_socket),
            threads_per_core: spec.threads_per_core.map(u32::from).filter(|threads| *threads > 0),
            node_cpus_min: u32::from(spec.min_cpus_per_node).max(1),
            node_cpus_raised: false,
            partition_cpus_per_node: partition.max_cpus_per_node,
            partition_cpus_per_socket: partition.max_cpus_per_socket,
            tmp_disk_mib: spec.tmp_disk_mib,
            whole: is_whole(partition, spec, grain),
            tenure: shares.0,
            rows: shares.1,
            beside: (spec.exclusive == Exclusive::User || partition.exclusive_user)
                .then_some(owner),
            label: config.mcs.closes(spec).cloned(),
            overcommit: spec.overcommit,
            contiguous: spec.contiguous,
            least_loaded: config.least_loaded || partition.lln,
            core_spec: spec.core_spec.map(|cores| u32::from(cores & 0x7fff)),
            required: spec.required_nodes.clone(),
            excluded: spec.excluded_nodes.clone(),
            features: spec.features.clone(),
            gres: gres(spec),
            parts: PartRules::of(config, spec),
            enforce_binding: flags & GRES_ENFORCE_BIND != 0,
            order,
            plane,
            bounds: 0,
        };
        demand.count_cpus(spec);
        demand
    }

    /// The same, but for cores that others have: `None` if none may be had anyway.
    pub fn unshared(&self) -> Option<Self> {
        (self.rows > 1).then(|| Self { rows: 1, ..self.clone() })
    }

    fn count_cpus(&mut self, spec: &JobSpec) {
        let of_node = self.tasks_per_node.max(1);
        let tasks = self.tasks.unwrap_or(of_node.saturating_mul(self.min_nodes));
        self.min_cpus = spec.least_cpus(self.min_nodes);
        if !self.overcommit && self.tasks != Some(1) {
            let of_tasks = self.tasks_per_node.saturating_mul(self.cpus_per_task);
            self.node_cpus_min = self.node_cpus_min.max(of_tasks);
        }
        if let (Some(tasks), true) = (self.tasks, self.tasks_per_node > 0) {
            self.min_nodes = self.min_nodes.max(tasks.div_ceil(self.tasks_per_node));
        }
        let tasks = tasks.max(self.min_nodes);
        let (nodes, sockets) = (u64::from(self.min_nodes), u64::from(self.sockets_per_node.max(1)));
        for wish in self.gres.iter().filter(|wish| wish.cpus_each > 0) {
            let each = u64::from(wish.cpus_each);
            let on_node = wish.on_node(sockets, self.tasks_per_node.into()).max(1);
            let in_all = wish.total(nodes, sockets, tasks.into());
            self.node_cpus_min = self.node_cpus_min.max(saturated(each.saturating_mul(on_node)));
            self.min_cpus = self.min_cpus.max(saturated(each.saturating_mul(in_all)));
        }
    }

    /// MaxMemPerCPU and MaxMemPerNode: a job over the former gets more CPUs, and one over the
    /// latter waits until the limit is raised. As `sbatch` is told in slurm.conf(5); 24.11.
    fn obey_memory_limit(
        &mut self,
        config: &Config,
        partition: &Partition,
        first_node_memory_mib: impl FnOnce() -> u64,
    ) -> Result<(), WaitReason> {
        let limit = partition.max_memory.or(config.max_memory);
        let on_node = match self.memory {
            Memory::PerNode(mib) => mib,
            Memory::PerGres => return Ok(()),
            Memory::All => first_node_memory_mib(),
            Memory::PerCpu(mib) => {
                return match limit {
                    Some(MemoryDefault::PerCpu(most)) if most > 0 && mib > most => {
                        self.spread_over_cpus(mib, most);
                        Ok(())
                    }
                    Some(MemoryDefault::PerNode(most)) if most > 0 => {
                        let cpus = u64::from(self.cpus_of_a_node());
                        within(mib.saturating_mul(cpus), most)
                    }
                    _ => Ok(()),
                };
            }
        };
        match limit {
            Some(MemoryDefault::PerNode(most)) if most > 0 => within(on_node, most),
            Some(MemoryDefault::PerCpu(most)) if most > 0 && !self.whole => {
                self.add_cpus_for_memory(on_node, most);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Memory for each CPU over the limit: more CPUs for each task, and less memory for each.
    fn spread_over_cpus(&mut self, mib: u64, most: u64) {
        let times = mib.div_ceil(most);
        self.memory = Memory::PerCpu(mib.div_ceil(times));
        self.cpus_per_task = self.cpus_per_task.saturating_mul(saturated(times));
        match self.tasks {
            Some(tasks) => {
                self.min_cpus = tasks.saturating_mul(self.cpus_per_task);
                self.max_cpus = self.max_cpus.map(|cpus| cpus.max(self.min_cpus));
            }
            None => self.node_cpus_min = self.node_cpus_min.max(self.cpus_per_task),
        }
    }

    /// Memory of a node that takes the memory of more CPUs than were asked for.
    fn add_cpus_for_memory(&mut self, on_node: u64, most: u64) {
        let needed = saturated(on_node.div_ceil(most));
        if self.node_cpus_min >= needed {
            return;
        }
        self.node_cpus_raised = true;
        self.node_cpus_min = needed;
        self.min_cpus = self.min_cpus.max(needed);
        match (self.tasks, self.tasks_per_node) {
            (_, per_node @ 1..) => {
                self.cpus_per_task = needed.div_ceil(per_node);
                self.node_cpus_min = needed.max(self.cpus_per_task.saturating_mul(per_node));
            }
            (Some(tasks), 0) => {
                self.cpus_per_task = needed.saturating_mul(self.min_nodes).div_ceil(tasks);
                let all = self.cpus_per_task.saturating_mul(tasks);
                self.node_cpus_min = all / self.min_nodes;
                self.min_cpus = self.min_cpus.max(all);
            }
            (None, 0) => self.cpus_per_task = self.cpus_per_task.max(needed),
        }
        self.max_cpus = self.max_cpus.map(|cpus| cpus.max(self.min_cpus));
    }

    /// CPUs that the job has on a node, as far as its request tells.
    fn cpus_of_a_node(&self) -> u32 {
        let spread = match self.tasks {
            Some(tasks) if self.max_nodes < NODES_MAX => tasks.div_ceil(self.max_nodes.max(1)),
            _ => 1,
        };
        let tasks = self.tasks_per_node.max(spread).max(1);
        tasks.saturating_mul(self.cpus_per_task).max(self.node_cpus_min)
    }

    /// How many of the CPUs of a core the job can use, when the core has `cpus`; `None` if it wants
    /// more threads than that.
    pub fn usable_cpus_per_core(&self, cpus: u32) -> Option<u32> {
        let by_tasks = match self.tasks_per_core {
            0 => u32::MAX,
            tasks => tasks.saturating_mul(self.cpus_per_task).min(cpus),
        };
        let usable = by_tasks.min(self.threads_per_core.unwrap_or(u32::MAX));
        match usable {
            u32::MAX => Some(cpus),
            _ => (usable <= cpus).then_some(usable),
        }
    }

    /// Tasks that a node must take to be of use.
    pub fn tasks_of_a_node_min(&self) -> u32 {
        if self.tasks_per_node > 0 {
            return self.tasks_per_node;
        }
        if self.overcommit {
            return 1;
        }
        let all_on_one = self.tasks.filter(|_| self.max_nodes == 1).unwrap_or(1);
        self.tasks_per_socket.max(self.tasks_per_core).max(all_on_one)
    }
}

fn count(asked: Option<u16>) -> u32 {
    asked.map_or(0, u32::from)
}

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn within(mib: u64, most: u64) -> Result<(), WaitReason> {
    if mib <= most { Ok(()) } else { Err(WaitReason::MaxMemPerLimit) }
}

/// SelectTypeParameters of the cluster, or of the partition where it has its own (slurm.h `CR_*`).
fn grain(config: &Config, partition: &Partition) -> (Grain, bool) {
    const SOCKET: u16 = 0x2;
    const CORE: u16 = 0x4;
    const MEMORY: u16 = 0x10;
    let bits = partition.select_bits;
    let unit = config.consumable.unit;
    let may_differ = matches!(unit, Unit::Core | Unit::Socket);
    if may_differ && bits & (SOCKET | CORE) != 0 {
        let grain = if bits & SOCKET != 0 { Grain::Socket } else { Grain::Core };
        return (grain, bits & MEMORY != 0);
    }
    let grain = match unit {
        Unit::Cpu => Grain::Cpu,
        Unit::Core => Grain::Core,
        Unit::Socket => Grain::Socket,
        Unit::Node => Grain::Node,
    };
    (grain, config.consumable.memory)
}

fn memory(config: &Config, partition: &Partition, spec: &JobSpec) -> Memory {
    let by_default = || match partition.def_memory.or(config.def_memory)? {
        MemoryDefault::PerCpu(mib) => Some(MemoryRequest::PerCpu(mib)),
        MemoryDefault::PerNode(mib) => Some(MemoryRequest::PerNode(mib)),
    };
    if spec.memory.is_none() && spec.gres.iter().any(|wish| wish.memory_each_mib > 0) {
        return Memory::PerGres;
    }
    match spec.memory.or_else(by_default) {
        None | Some(MemoryRequest::PerNode(0) | MemoryRequest::PerCpu(0)) => Memory::All,
        Some(MemoryRequest::PerNode(mib)) => Memory::PerNode(mib),
        Some(MemoryRequest::PerCpu(mib)) => Memory::PerCpu(mib),
    }
}

/// OverSubscribe, as far as it lets jobs share cores, and how many may.
pub(crate) fn tenure(partition: &Partition, spec: &JobSpec, grain: Grain) -> (Tenure, u32) {
    match partition.sharing {
        Sharing::Exclusive => (Tenure::Reserved, 1),
        _ if grain == Grain::Node => (Tenure::Own, 1),
        Sharing::Force(rows) => (Tenure::Shared, u32::from(rows).max(1)),
        Sharing::Yes(rows) if rows > 1 && spec.share => (Tenure::Shared, u32::from(rows)),
        Sharing::Yes(_) | Sharing::No => (Tenure::Own, 1),
    }
}

/// Whether a job has its nodes for itself.
pub(crate) fn takes_whole_nodes(config: &Config, partition: &Partition, spec: &JobSpec) -> bool {
    is_whole(partition, spec, grain(config, partition).0)
}

fn is_whole(partition: &Partition, spec: &JobSpec, grain: Grain) -> bool {
    let asked = matches!(spec.exclusive, Exclusive::Node | Exclusive::Topology);
    let forced = matches!(partition.sharing, Sharing::Force(rows) if rows > 1);
    partition.sharing == Sharing::Exclusive
        || grain == Grain::Node
        || spec.core_spec.is_some()
        || asked && !forced
}

fn gres(spec: &JobSpec) -> Vec<GresWish> {
    let mut gres = spec.gres.clone();
    // Those of a kind come first, so that those of any kind do not take theirs.
    gres.sort_by(|a, b| {
        (&a.name, a.kind.is_none(), &a.kind).cmp(&(&b.name, b.kind.is_none(), &b.kind))
    });
    gres
}

/// `--distribution`, in slurm.h's `SLURM_DIST_*` numbers: the low half byte is the nodes', the next
/// the sockets'. Cores are taken cyclically unless the sockets' word is `block` or tasks go in planes.
fn distribution(spec: &JobSpec) -> (CoreOrder, u32) {
    const PLANE: u64 = 0x4;
    const SOCKETS_BLOCK: u64 = 0x20;
    let dist = spec.carried.number(NumberOption::TaskDist).unwrap_or(0) & 0xffff;
    if dist == PLANE {
        let size = spec.carried.number(NumberOption::PlaneSize).unwrap_or(1).max(1);
        return (CoreOrder::Block, saturated(size));
    }
    let order = if dist & 0xf0 == SOCKETS_BLOCK { CoreOrder::Block } else { CoreOrder::Cyclic };
    (order, 0)
}
