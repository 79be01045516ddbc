//! The planner's own copy of what is left: it is written on as starts are planned, so that no two
//! of them get the same cores.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Allocation, Availability, Cluster, Exclusive, Job, JobId, Node, NodeId, NodeShare, Partition,
    Phase, PowerSaving, Timestamp, Usage,
};

use crate::bounds::AllBounds;
use crate::demand::{Demand, Grain, Tenure, tenure};
use crate::room::Room;

/// What is left of the cluster, in a plan.
pub(crate) struct Ledger<'a> {
    pub cluster: &'a Cluster,
    /// The nodes that there are, by place: a node's rank is its index here.
    pub nodes: Vec<&'a Arc<Node>>,
    /// What is left of each.
    pub rooms: Vec<Room>,
    /// Ranks whose room or availability has changed, in the order in which it did.
    pub touched: Vec<u32>,
    /// Nodes that are kept for jobs further ahead.
    pub kept: Vec<bool>,
    /// Starts planned so far.
    pub planned: Vec<Planned>,
    planned_on: BTreeMap<u32, Vec<usize>>,
    licenses: BTreeMap<Arc<str>, u32>,
    tasks_running: BTreeMap<JobId, u32>,
    /// Looks at a node that may still be taken.
    pub checks_left: u64,
    /// The time of the plan.
    pub now: Timestamp,
    /// Where jobs may be.
    pub bounds: AllBounds,
    /// Jobs that are thought away for the moment.
    pub gone: BTreeSet<JobId>,
    /// How many nodes may still be started (max_powered_nodes).
    pub power_left: Option<u32>,
    /// Whether labels of MCS keep jobs off nodes.
    pub heeds_labels: bool,
}

/// A start that was planned, or a job that runs.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub job: Arc<Job>,
    pub partition: Arc<str>,
    pub allocation: Arc<Allocation>,
    /// When its time is up, if ever.
    pub ends: Option<Timestamp>,
}

/// A job beside another on a node, as far as that matters.
struct Neighbour<'j> {
    job: &'j Job,
    partition: &'j str,
    ends: Option<Timestamp>,
    /// Whether it has cores there.
    is_there: bool,
}

impl<'a> Ledger<'a> {
    pub fn new(cluster: &'a Cluster, checks: u64) -> Self {
        let nodes: Vec<&Arc<Node>> = cluster.nodes().collect();
        let idle = Usage::default();
        let room = |node: &&Arc<Node>| {
            let usage = cluster.usage(node.id);
            if *usage == idle { Room::unused(node) } else { Room::beside(node, &usage) }
        };
        let rooms: Vec<Room> = nodes.iter().map(room).collect();
        Self::over(cluster, nodes, rooms, checks)
    }

    /// The same, at a time.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// As if there were these nodes only, and no jobs on them.
    pub fn idle(cluster: &'a Cluster, nodes: Vec<&'a Arc<Node>>) -> Self {
        let rooms = nodes.iter().map(|node| Room::whole(&node.hardware)).collect();
        Self::over(cluster, nodes, rooms, u64::MAX)
    }

    fn over(
        cluster: &'a Cluster,
        nodes: Vec<&'a Arc<Node>>,
        rooms: Vec<Room>,
        checks: u64,
    ) -> Self {
        let pools = cluster.config().licenses.iter();
        let left = |total: u32, name: &str| total.saturating_sub(cluster.licenses_held(name));
        Self {
            cluster,
            kept: vec![false; nodes.len()],
            nodes,
            rooms,
            touched: Vec::new(),
            planned: Vec::new(),
            planned_on: BTreeMap::new(),
            licenses: pools.map(|p| (Arc::clone(&p.name), left(p.total, &p.name))).collect(),
            tasks_running: BTreeMap::new(),
            checks_left: checks,
            now: Timestamp::default(),
            bounds: AllBounds::default(),
            gone: BTreeSet::new(),
            power_left: power_left(cluster),
            heeds_labels: true,
        }
    }

    /// The rank of a node: its place in the node table, if nothing before that is left out.
    pub fn rank(&self, node: NodeId) -> Option<u32> {
        let is_there = |other: &&Arc<Node>| other.id == node;
        if self.nodes.get(node.0 as usize).is_some_and(is_there) {
            return Some(node.0);
        }
        let rank = self.nodes.binary_search_by_key(&node, |other| other.id).ok()?;
        u32::try_from(rank).ok()
    }

    /// The ranks of those of some nodes, ascending, that are here.
    ///
    /// Of few nodes each is looked for among the many, not the other way round: whether a job can ever run is asked of
    /// two nodes of a partition of ten thousand, at each submission.
    pub fn ranks_of(&self, ids: &[NodeId]) -> Vec<u32> {
        if self.nodes.len() >= ids.len() {
            return ids.iter().filter_map(|id| self.rank(*id)).collect();
        }
        let mine = (0..).zip(&self.nodes);
        mine.filter(|(_, node)| ids.binary_search(&node.id).is_ok()).map(|(rank, _)| rank).collect()
    }

    /// Shares, each with the rank of its node.
    pub fn ranked(&self, shares: &[NodeShare]) -> Vec<(u32, NodeShare)> {
        let ranked = |share: &NodeShare| Some((self.rank(share.node)?, share.clone()));
        shares.iter().filter_map(ranked).collect()
    }

    pub fn node(&self, rank: u32) -> &'a Arc<Node> {
        self.nodes[rank as usize]
    }

    /// Whether a job may be placed on the node now.
    pub fn is_open(&self, rank: u32) -> bool {
        let node = self.node(rank);
        !self.kept[rank as usize]
            && node.is_schedulable()
            && (node.is_steady() || {
                let is_in_use = || self.cluster.usage(node.id).running > 0;
                PowerSaving::gives(self.cluster.config().power.as_ref(), node, is_in_use)
            })
    }

    /// Whether more nodes would have to be started than may be.
    pub fn is_short_of_power(&self, shares: &[NodeShare]) -> bool {
        self.power_left.is_some_and(|left| self.to_start(shares) > left)
    }

    /// How many of some nodes are off, and no start planned so far has them started.
    fn to_start(&self, shares: &[NodeShare]) -> u32 {
        let is_off = |share: &&NodeShare| {
            let rank = self.rank(share.node);
            rank.is_some_and(|rank| {
                self.node(rank).flags.powered_down && !self.planned_on.contains_key(&rank)
            })
        };
        u32::try_from(shares.iter().filter(is_off).count()).unwrap_or(u32::MAX)
    }

    /// Keeps a node from all but the jobs further ahead; tells whether it was not kept before.
    pub fn keep(&mut self, rank: u32) -> bool {
        let is_new = !std::mem::replace(&mut self.kept[rank as usize], true);
        if is_new {
            self.touched.push(rank);
        }
        is_new
    }

    /// Gives back nodes that were kept for a moment.
    pub fn keep_no_more(&mut self, ranks: impl IntoIterator<Item = u32>) {
        for rank in ranks {
            self.kept[rank as usize] = false;
            self.touched.push(rank);
        }
    }

    /// Gives back all nodes that were kept.
    pub fn keep_none(&mut self) {
        for (rank, kept) in (0..).zip(&mut self.kept) {
            if std::mem::take(kept) {
                self.touched.push(rank);
            }
        }
    }

    /// Writes down a start.
    pub fn start(&mut self, start: Planned) {
        let at = self.planned.len();
        if let Some(left) = self.power_left {
            let more = self.to_start(&start.allocation.shares);
            self.power_left = Some(left.saturating_sub(more));
        }
        for share in &start.allocation.shares {
            let rank =
                self.rank(share.node).expect("an allocation is made of nodes that are there");
            let hardware = &self.nodes[rank as usize].hardware;
            self.rooms[rank as usize].take(hardware, share, start.allocation.exclusive);
            self.planned_on.entry(rank).or_default().push(at);
            self.touched.push(rank);
        }
        for (name, count) in &start.allocation.licenses {
            let left = self.licenses.get_mut(name).expect("licenses were there to be taken");
            *left = left.saturating_sub(*count);
        }
        if let Some(role) = &start.job.array {
            *self.tasks_running_mut(role.array_job) += 1;
        }
        self.planned.push(start);
    }

    /// What is left of each license.
    pub fn licenses(&self) -> &BTreeMap<Arc<str>, u32> {
        &self.licenses
    }

    /// Whether there are licenses for a job, beside so many of each that are reserved.
    pub fn has_licenses(&self, wanted: &[(Arc<str>, u32)], reserved: impl Fn(&str) -> u32) -> bool {
        let mut sums: BTreeMap<&str, u32> = BTreeMap::new();
        for (name, count) in wanted {
            let sum = sums.entry(name).or_default();
            *sum = sum.saturating_add(*count);
        }
        let is_there = |(name, sum): (&&str, &u32)| {
            let left = self.licenses.get(*name);
            left.is_some_and(|left| *left >= sum.saturating_add(reserved(name)))
        };
        sums.iter().all(is_there)
    }

    /// Whether the array that a job is of runs as many tasks as it may.
    pub fn is_array_full(&mut self, job: &Job) -> bool {
        match &job.array {
            Some(role) if role.running_max > 0 => {
                *self.tasks_running_mut(role.array_job) >= role.running_max
            }
            _ => false,
        }
    }

    /// One more task of an array will run.
    pub fn count_task(&mut self, array_job: JobId) {
        *self.tasks_running_mut(array_job) += 1;
    }

    fn tasks_running_mut(&mut self, array_job: JobId) -> &mut u32 {
        let cluster = self.cluster;
        self.tasks_running.entry(array_job).or_insert_with(|| {
            let running = cluster.array_records(array_job).filter(|job| job.is_active()).count();
            u32::try_from(running).unwrap_or(u32::MAX)
        })
    }

    /// Jobs that have cores of a node: those that are suspended have none.
    fn running_on(&self, node: NodeId) -> impl Iterator<Item = &'a Arc<Job>> {
        self.holders_of(node).filter(|job| job.phase != Phase::Suspended)
    }

    /// Jobs that hold something of a node.
    fn holders_of(&self, node: NodeId) -> impl Iterator<Item = &'a Arc<Job>> {
        self.cluster.jobs_on(node).filter(|job| !self.gone.contains(&job.id))
    }

    /// CPUs that jobs of a partition have on a node at a time.
    pub fn partition_cpus(&self, rank: u32, partition: &str, at: Timestamp) -> u32 {
        let node = self.node(rank).id;
        let of = |allocation: &Allocation| {
            let here = allocation.shares.iter().filter(|share| share.node == node);
            here.map(|share| share.cpus).sum::<u32>()
        };
        let later = |ends: Option<Timestamp>| ends.is_none_or(|ends| ends > at);
        let running = self.running_on(node).filter(|job| later(job.ended));
        let running = running.filter(|job| *job.partition == *partition);
        let running: u32 = running.filter_map(|job| job.allocation.as_deref()).map(of).sum();
        let planned = self.planned_on.get(&rank).into_iter().flatten().map(|at| &self.planned[*at]);
        let planned = planned.filter(|start| later(start.ends) && *start.partition == *partition);
        running + planned.map(|start| of(&start.allocation)).sum::<u32>()
    }

    /// Whether a job may live beside those that are on a node at a time.
    pub fn may_join(&self, rank: u32, at: Timestamp, demand: &Demand, job: &Job) -> bool {
        if self.rooms[rank as usize].jobs == 0 {
            return true;
        }
        let running = self.holders_of(self.node(rank).id).map(|job| {
            // What ended keeps the node's label until it is cleaned up.
            let leaves = at <= self.now && matches!(job.phase, Phase::Completing(_));
            Neighbour {
                job,
                partition: &job.partition,
                ends: job.ended.filter(|_| !leaves),
                is_there: !leaves && job.phase != Phase::Suspended,
            }
        });
        let planned = self.planned_on.get(&rank).into_iter().flatten().map(|index| {
            let start = &self.planned[*index];
            let (job, partition) = (&start.job, &start.partition);
            Neighbour { job, partition, ends: start.ends, is_there: true }
        });
        running
            .chain(planned)
            .filter(|other| other.ends.is_none_or(|ends| ends > at))
            .all(|other| self.is_bearable(&other, demand, job))
    }

    fn is_bearable(&self, other: &Neighbour<'_>, demand: &Demand, job: &Job) -> bool {
        let mcs = &self.cluster.config().mcs;
        if self.heeds_labels && !mcs.may_join(demand.label.as_ref(), other.job) {
            return false;
        }
        if !other.is_there {
            return true;
        }
        let Some(partition) = self.cluster.partition(other.partition) else {
            return true;
        };
        let choosy = other.job.spec.exclusive == Exclusive::User || partition.exclusive_user;
        if other.job.owner != job.owner && (choosy || demand.beside.is_some()) {
            return false;
        }
        let (theirs, rows) = tenure(partition, &other.job.spec, demand.grain);
        match (demand.tenure, theirs) {
            (Tenure::Shared, Tenure::Shared) => true,
            (Tenure::Shared, _) => false,
            // Cores of a job that shares them may be given away by its own partition only.
            (_, Tenure::Shared) => rows < 2 || *other.partition == *demand.partition,
            _ => true,
        }
    }
}

/// How many nodes may be started, if that is limited.
fn power_left(cluster: &Cluster) -> Option<u32> {
    let most = cluster.config().power.as_ref()?.powered_max?;
    let is_up = |node: &&Arc<Node>| {
        let f = node.flags;
        let is_there = node.availability != Availability::Future;
        is_there && !(f.powered_down || f.powering_down)
    };
    let up = u32::try_from(cluster.nodes().filter(is_up).count()).unwrap_or(u32::MAX);
    Some(most.saturating_sub(up))
}

/// Memory that jobs can have of the first node of a partition.
pub(crate) fn first_node_memory_mib(cluster: &Cluster, partition: &Partition) -> u64 {
    let first = partition.nodes.first().and_then(|id| cluster.node(*id));
    first.map_or(0, |node| node.hardware.job_memory_mib())
}

/// CPUs that are kept on each node to come for a job that must have several.
pub(crate) fn grain_cpus(demand: &Demand, node: &Node) -> u32 {
    let (_, usable) = crate::offer::cpus_per_core(demand, &node.hardware);
    match demand.grain {
        Grain::Socket => usable * u32::from(node.hardware.cores_per_socket),
        Grain::Cpu | Grain::Core | Grain::Node => usable,
    }
}
