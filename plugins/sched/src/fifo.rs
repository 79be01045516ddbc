//! The first pass over the queue: jobs are started in order, and a job that waits for resources
//! holds back all later ones of its partition.
//!
//! As the main scheduler of stock does (24.11, `schedule()`): a partition that is held back keeps
//! its nodes from partitions that come later, and a job that waits for nodes it named keeps only
//! these.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Allocation, Job, NodeId, NodeShare, Partition, QueueKey, TextOption, WaitReason, node_list,
};

use crate::bounds::{Lease, is_anywhere, lease_hindrance};
use crate::demand::Demand;
use crate::eligible::{end_of, hindrance, partitions};
use crate::features::Features;
use crate::ledger::{Planned, first_node_memory_mib};
use crate::planner::{Planner, Waiting};
use crate::preempt::Sought;
use crate::verdict::verdict;

/// What came of an attempt.
pub(crate) enum Attempt {
    Started,
    /// It cannot start, and what holds it up will not go away while others run.
    Hindered(WaitReason),
    /// Others make room for it, or are at it already, and nodes are kept for it.
    Expected(WaitReason),
    /// It waits for others, so it may be started out of order or have nodes booked.
    Blocked(WaitReason, Option<Keep>),
}

/// What is kept for a job that waits.
pub(crate) enum Keep {
    /// All nodes of its partition, and the partition starts no other job.
    Partition(Arc<str>),
    /// These nodes, by rank.
    Nodes(Vec<u32>),
    /// The nodes of a reservation, and no other job is started in it.
    Lease(Arc<model::Reservation>),
}

/// What was tried for a job.
#[derive(Default)]
struct Tried<'a> {
    /// Why it waits: outside of reservations, or in the first that was tried.
    reason: Option<WaitReason>,
    blocked: bool,
    kept: Vec<Keep>,
    /// Where it would fit if others made room.
    sought: Vec<Sought<'a>>,
}

impl<'a> Planner<'a> {
    /// Looks at the queue in order.
    pub(crate) fn first_pass(&mut self) {
        let cluster = self.cluster;
        let mut leaders = self.leaders_elsewhere().into_iter().peekable();
        for job in cluster.queue() {
            while let Some((_, leader)) =
                leaders.next_if(|(place, _)| *place < cluster.queue_key(job))
            {
                if !self.look_at(leader) {
                    return;
                }
            }
            let is_elsewhere = job.het.is_some() && cluster.config().het_place.is_some();
            if !is_elsewhere && !self.look_at(job) {
                return;
            }
        }
        for (_, leader) in leaders {
            if !self.look_at(leader) {
                return;
            }
        }
    }

    /// Heterogeneous jobs that stand elsewhere in the queue than their first components, in order.
    fn leaders_elsewhere(&self) -> Vec<(QueueKey, &'a Arc<Job>)> {
        let cluster = self.cluster;
        let Some(place) = cluster.config().het_place else {
            return Vec::new();
        };
        let keyed = cluster.waiting_leaders().map(|leader| (place.key(cluster, leader), leader));
        let mut leaders: Vec<_> = keyed.collect();
        leaders.sort_unstable_by_key(|(place, _)| *place);
        leaders
    }

    /// Looks at a job; whether the budget lets it.
    fn look_at(&mut self, job: &'a Arc<Job>) -> bool {
        if self.examined >= self.budget.jobs || self.ledger.checks_left == 0 {
            self.complete = false;
            return false;
        }
        if let Some(reason) = self.out_of_the_question(job) {
            // Most of a long queue may be so, over and over: it must not use up the jobs that
            // are to be looked at, nor cost more than a glance.
            self.ledger.checks_left = self.ledger.checks_left.saturating_sub(1);
            if job.wait != reason {
                self.pass(job, reason);
            }
            return true;
        }
        self.examined += 1;
        self.examine(job);
        true
    }

    /// What keeps a job from being started, whatever nodes there are. Heterogeneous jobs are looked
    /// at as a whole, elsewhere.
    fn out_of_the_question(&mut self, job: &Job) -> Option<WaitReason> {
        if job.het.is_some() {
            return None;
        }
        if let Some(reason) = hindrance(job, self.now) {
            return Some(reason);
        }
        let mut last = None;
        for partition in partitions(self.cluster, job) {
            last = Some(self.partition_hindrance(job, partition)?);
        }
        Some(last.unwrap_or(WaitReason::PartitionInactive))
    }

    fn examine(&mut self, job: &'a Arc<Job>) {
        if let Some(role) = &job.het {
            if role.is_leader() {
                self.examine_together(job);
            }
            return;
        }
        let mut started = 0;
        let mut expected = None;
        for task in tasks(job, 0) {
            match self.attempt(job, task) {
                Attempt::Started => started += 1,
                Attempt::Expected(reason) => drop(expected.get_or_insert(reason)),
                Attempt::Hindered(_) | Attempt::Blocked(..) if expected.is_some() => break,
                Attempt::Hindered(reason) => {
                    self.pass(job, reason);
                    return;
                }
                Attempt::Blocked(reason, _) => {
                    let passed = self.pass(job, reason);
                    let others = Vec::new();
                    self.waiting.push(Waiting { job, passed, tasks_started: started, others });
                    return;
                }
            }
        }
        // Not looked at a second time: its place is kept.
        if let Some(reason) = expected {
            self.pass(job, reason);
        }
    }

    /// Tries the reservations that a job may start in, and the partitions of each, in order. The
    /// reason given is that of the last partition, as in stock (24.11), in the first reservation.
    fn attempt(&mut self, job: &Arc<Job>, task: Option<u32>) -> Attempt {
        let mut tried = Tried::default();
        if !self.leased && job.reservation().is_none() {
            if self.attempt_under(job, task, None, &mut tried) {
                return Attempt::Started;
            }
        } else {
            let leases = match self.leases(job) {
                Ok(leases) => leases,
                Err(reason) => return Attempt::Hindered(reason),
            };
            for lease in leases {
                if self.attempt_under(job, task, lease, &mut tried) {
                    return Attempt::Started;
                }
            }
        }
        let reason = tried.reason.take().unwrap_or(WaitReason::PartitionInactive);
        for room in &tried.sought {
            if let Some(keep) = self.push_aside(job, task, room, &BTreeSet::new()) {
                self.keep(keep);
                return Attempt::Expected(reason);
            }
        }
        // Nothing is kept for a job that another of its partitions has started.
        tried.kept.into_iter().for_each(|keep| self.keep(keep));
        if tried.blocked { Attempt::Blocked(reason, None) } else { Attempt::Hindered(reason) }
    }

    fn attempt_under(
        &mut self,
        job: &Arc<Job>,
        task: Option<u32>,
        lease: Lease<'a>,
        tried: &mut Tried<'a>,
    ) -> bool {
        let mut last = None;
        for partition in partitions(self.cluster, job) {
            let reason = match self.attempt_in(job, task, partition, lease, &mut tried.sought) {
                Attempt::Started => return true,
                Attempt::Hindered(reason) | Attempt::Expected(reason) => reason,
                Attempt::Blocked(reason, keep) => {
                    // Any partition in which it waits for others makes it worth a second look.
                    tried.blocked = true;
                    tried.kept.extend(keep);
                    reason
                }
            };
            // That one will never do is no reason while another may.
            match (&last, reason) {
                (Some(_), WaitReason::BadConstraints) => {}
                (_, reason) => last = Some(reason),
            }
        }
        // That a reservation which pulls it in has nothing for it is no reason to wait.
        let outside = lease.is_none() && job.reservation().is_none();
        if outside || tried.reason.is_none() {
            tried.reason = last;
        }
        false
    }

    fn attempt_in(
        &mut self,
        job: &Arc<Job>,
        task: Option<u32>,
        partition: &'a Arc<Partition>,
        lease: Lease<'a>,
        sought: &mut Vec<Sought<'a>>,
    ) -> Attempt {
        if let Some(reason) = self.partition_hindrance(job, partition) {
            return Attempt::Hindered(reason);
        }
        if self.ledger.is_array_full(job) {
            return Attempt::Hindered(WaitReason::ArrayTaskLimit);
        }
        let is_blocked = match lease {
            None => self.blocked.contains(&partition.name),
            Some(lease) => self.blocked_leases.contains(&lease.name),
        };
        if is_blocked {
            return Attempt::Blocked(WaitReason::Priority, None);
        }
        if let Some((reason, early)) = lease.and_then(|lease| lease_hindrance(lease, self.now)) {
            // It is expected to start when the reservation does.
            return if early { Attempt::Blocked(reason, None) } else { Attempt::Hindered(reason) };
        }
        let demand = match self.demand(job, partition, lease) {
            Ok(demand) => demand,
            Err(reason) => return Attempt::Hindered(reason),
        };
        // Of nodes that are kept for one more may be had for another, if a third makes room.
        let all_kept = self.outlook.is_none() && lease.is_none();
        if all_kept && self.open_nodes(partition) < demand.min_nodes {
            let keep = Keep::Partition(Arc::clone(&partition.name));
            return Attempt::Blocked(WaitReason::NodesDownOrReserved, Some(keep));
        }
        let number = self.shapes.number(&demand);
        if !self.shapes.entry(number).failed {
            if !self.has_licenses(job, partition, lease) {
                if self.reclaims_licenses() {
                    sought.push(Sought { partition, lease, demand, number });
                }
                return Attempt::Hindered(WaitReason::Licenses);
            }
            if let Some(shares) = self.place_now(job, &demand, number) {
                let allocation = self.allocation(job, &demand, shares);
                self.start(job, task, partition, allocation);
                return Attempt::Started;
            }
        }
        let judged = match lease {
            None => self.judge(partition, &demand, number),
            Some(lease) => self.judge_in(lease, partition, &demand, number),
        };
        if self.cluster.config().preemption.is_some() && matches!(judged, Attempt::Blocked(..)) {
            sought.push(Sought { partition, lease, demand, number });
        }
        judged
    }

    /// Why a job that found no nodes in its reservation waits. It holds back those of the same
    /// reservation.
    fn judge_in(
        &mut self,
        lease: &Arc<model::Reservation>,
        partition: &Arc<Partition>,
        demand: &Demand,
        number: usize,
    ) -> Attempt {
        match self.judge(partition, demand, number) {
            Attempt::Blocked(reason, _) => {
                Attempt::Blocked(reason, Some(Keep::Lease(Arc::clone(lease))))
            }
            // More than the reservation has: it may have more some day.
            Attempt::Hindered(WaitReason::BadConstraints) if demand.required.is_some() => {
                Attempt::Hindered(WaitReason::Reservation)
            }
            Attempt::Hindered(WaitReason::BadConstraints) => {
                Attempt::Hindered(WaitReason::Resources)
            }
            other => other,
        }
    }

    fn place_now(&mut self, job: &Job, demand: &Demand, number: usize) -> Option<Vec<NodeShare>> {
        // Cores that nobody has come before cores that may be shared.
        if let Some(alone) = demand.unshared() {
            let number = self.shapes.number(&alone);
            if !self.shapes.entry(number).failed {
                let shares = self.place_now(job, &alone, number);
                if shares.is_some() {
                    return shares;
                }
                self.shapes.entry(number).failed = true;
            }
        }
        let now = self.now;
        let shape = self.shapes.shape(&self.ledger, number, demand).ok()?;
        shape.refresh(&mut self.ledger, now);
        let ledger = &self.ledger;
        let room = |rank: u32| &ledger.rooms[rank as usize];
        shape.place(ledger, job, now, Cow::Borrowed(shape.cpus()), room)
    }

    /// Why a job that found no nodes waits, and what is kept for it.
    fn judge(&mut self, partition: &Arc<Partition>, demand: &Demand, number: usize) -> Attempt {
        let reason = verdict(&mut self.shapes, &mut self.ledger, self.kept, number, demand);
        self.shapes.entry(number).failed = true;
        if self.kept > 0 && matches!(reason, WaitReason::ReqNodeNotAvail(_)) {
            // What is kept now may be free for as long as it runs.
            return Attempt::Blocked(reason, None);
        }
        if reason != WaitReason::Resources {
            // What others have reserved will be free again: that may be told when.
            let reserved = demand.bounds != 0 && matches!(reason, WaitReason::ReqNodeNotAvail(_));
            return match reserved {
                true => Attempt::Blocked(reason, None),
                false => Attempt::Hindered(reason),
            };
        }
        let named: Vec<u32> = match self.shapes.shape(&self.ledger, number, demand) {
            Ok(shape) => shape.required.iter().map(|at| shape.candidates[*at].rank).collect(),
            Err(_) => Vec::new(),
        };
        let keep = if named.len() >= demand.min_nodes as usize {
            Keep::Nodes(named)
        } else {
            Keep::Partition(Arc::clone(&partition.name))
        };
        Attempt::Blocked(reason, Some(keep))
    }

    pub(crate) fn demand(
        &mut self,
        job: &Job,
        partition: &Partition,
        lease: Lease<'_>,
    ) -> Result<Demand, WaitReason> {
        let first_node = || first_node_memory_mib(self.cluster, partition);
        let config = self.cluster.config();
        let mut demand = Demand::of(config, partition, &job.spec, job.owner, first_node)?;
        demand.bounds = self.bounds(job, partition, lease);
        Ok(demand)
    }

    pub(crate) fn allocation(
        &self,
        job: &Job,
        demand: &Demand,
        shares: Vec<NodeShare>,
    ) -> Allocation {
        let nodes: Vec<_> = shares.iter().map(|share| share.node).collect();
        let tasks = shares.iter().map(|share| share.tasks).sum();
        Allocation {
            batch_at: self.batch_at(job, &nodes),
            node_list: node_list(self.cluster, &nodes),
            exclusive: demand.whole,
            tasks: demand.tasks.unwrap_or(tasks),
            licenses: job.spec.licenses.clone(),
            shares,
            resized: None,
            reservation: self.lease_name(demand),
        }
    }

    fn lease_name(&self, demand: &Demand) -> Option<Arc<str>> {
        let bounds = self.ledger.bounds.get(demand.bounds)?;
        bounds.lease.as_ref().map(|lease| Arc::clone(&lease.name))
    }

    /// The first node that has the features which the script wants (`--batch`), if one has.
    fn batch_at(&self, job: &Job, nodes: &[NodeId]) -> u32 {
        let wanted = job.spec.carried.text(TextOption::BatchFeatures);
        let Some(wanted) = wanted.and_then(|text| Features::parse(text).ok()) else {
            return 0;
        };
        let has = |(_, id): &(u32, &NodeId)| {
            self.cluster.node(**id).is_some_and(|node| wanted.accepts(0, &node.features_active))
        };
        (0u32..).zip(nodes).find(has).map_or(0, |(at, _)| at)
    }

    pub(crate) fn start(
        &mut self,
        job: &Arc<Job>,
        task: Option<u32>,
        partition: &Arc<Partition>,
        allocation: Allocation,
    ) {
        if let Some(outlook) = &mut self.outlook {
            outlook.give(&self.ledger, &allocation);
        }
        self.ledger.start(Planned {
            job: Arc::clone(job),
            partition: Arc::clone(&partition.name),
            allocation: Arc::new(allocation.clone()),
            ends: end_of(job, partition, self.now),
        });
        self.starts.push(model::Start {
            job: job.id,
            task,
            partition: Arc::clone(&partition.name),
            allocation,
        });
    }

    pub(crate) fn keep(&mut self, keep: Keep) {
        let ranks = match keep {
            Keep::Nodes(ranks) => ranks,
            Keep::Partition(name) => {
                let partition = self.cluster.partition(&name);
                let nodes = partition.iter().flat_map(|partition| partition.nodes.iter());
                // Nodes that others have reserved now are not kept from these.
                let reserved = |id: &&NodeId| {
                    let mut active = self.cluster.reservations().filter(|one| one.is_active());
                    self.leased && active.any(|one| one.has_whole_nodes() && one.has_node(**id))
                };
                let ranks = nodes.filter(|id| !reserved(id));
                let ranks: Vec<u32> = ranks.filter_map(|id| self.ledger.rank(*id)).collect();
                self.blocked.insert(name);
                self.outlook.iter_mut().for_each(|outlook| outlook.close(&ranks));
                ranks
            }
            Keep::Lease(lease) => {
                let name = Arc::clone(&lease.name);
                self.blocked_leases.insert(name);
                let whole = lease.has_whole_nodes() && !is_anywhere(&lease);
                let nodes = lease.nodes.iter().filter(|_| whole);
                nodes.filter_map(|id| self.ledger.rank(*id)).collect()
            }
        };
        for rank in ranks {
            if !self.ledger.kept[rank as usize] {
                self.kept += 1;
                self.ledger.keep(rank);
            }
        }
    }

    fn open_nodes(&mut self, partition: &Partition) -> u32 {
        if let Some((kept, open)) = self.open.get(&partition.name)
            && *kept == self.kept
        {
            return *open;
        }
        let ledger = &self.ledger;
        let ranks = partition.nodes.iter().filter_map(|id| ledger.rank(*id));
        let open = ranks.filter(|rank| ledger.is_open(*rank)).count();
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        self.open.insert(Arc::clone(&partition.name), (self.kept, open));
        open
    }
}

/// What of a job can be started: its waiting tasks but the first few, or itself.
pub(crate) fn tasks(job: &Job, skip: usize) -> impl Iterator<Item = Option<u32>> + '_ {
    let several = job.array.as_ref().map(|role| match &role.tasks {
        model::PendingTasks::One(index) => Tasks::One(std::iter::once(*index)),
        model::PendingTasks::Several(set) => Tasks::Several(set.iter()),
    });
    let alone = several.is_none().then_some(None);
    several.into_iter().flatten().map(Some).chain(alone).skip(skip)
}

enum Tasks<A, B> {
    One(A),
    Several(B),
}

impl<A: Iterator<Item = u32>, B: Iterator<Item = u32>> Iterator for Tasks<A, B> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        match self {
            Self::One(one) => one.next(),
            Self::Several(several) => several.next(),
        }
    }
}
