//! Jobs that have to make room for others (PreemptType=preempt/partition_prio).
//!
//! A job that found nothing free is looked for a place that is free once those are gone that are on
//! their way already; if there is none, jobs of partitions of a lower tier are thought away, one after the
//! other, until it fits. The place is kept for it from then on, so that nobody is pushed aside in vain
//! and none is told to go for two. Each plan finds the same place again while they clean up.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Allocation, Job, JobId, NodeShare, Partition, Preemption, Start, Timestamp};

use crate::bounds::Lease;
use crate::demand::Demand;
use crate::fifo::Keep;
use crate::ledger::Ledger;
use crate::planner::Planner;
use crate::room::Room;
use crate::shape::Shape;

/// What is left of the cluster when those that are on their way have gone.
#[derive(Clone)]
pub(crate) struct Outlook<'a> {
    /// Of each node, what nobody has claimed.
    rooms: Vec<Room>,
    licenses: BTreeMap<Arc<str>, u32>,
    /// Jobs that are on their way, or are to be told to go.
    gone: BTreeSet<JobId>,
    /// Nodes that are kept for who claimed something of them.
    claimed: BTreeSet<u32>,
    /// Jobs that hold something, as they may be made to go.
    guests: Vec<Guest<'a>>,
    /// The lowest tier among them.
    lowest: u16,
    /// Demands, by number, that nothing was found for.
    hopeless: BTreeSet<usize>,
}

/// A job that holds something, with all that it started together with.
#[derive(Clone)]
struct Guest<'a> {
    /// The leader of a heterogeneous job.
    job: &'a Arc<Job>,
    tier: u16,
    started: Option<Timestamp>,
    /// What it holds of which node, and whether it has that alone.
    shares: Vec<(u32, NodeShare, bool)>,
    nodes: usize,
    licenses: Vec<(Arc<str>, u32)>,
}

/// Where a job found nothing free, and might if others made room.
pub(crate) struct Sought<'a> {
    pub partition: &'a Arc<Partition>,
    pub lease: Lease<'a>,
    pub demand: Demand,
    /// Its demand's number.
    pub number: usize,
}

/// A job that wants room.
struct Wanting<'w> {
    job: &'w Arc<Job>,
    partition: &'w Arc<Partition>,
    demand: &'w Demand,
    number: usize,
    /// Nodes that others of the same heterogeneous job have, or jobs ahead are to get.
    taken: &'w BTreeSet<u32>,
    /// Of each license that it wants, how many are reserved for others.
    reserved: BTreeMap<Arc<str>, u32>,
}

/// Room that a job will have.
struct Claim {
    shares: Vec<NodeShare>,
    ranks: Vec<u32>,
    /// Who has to go before, beside those who do anyway.
    victims: Vec<JobId>,
}

/// What is left as guests are thought away.
struct Scene<'s> {
    shape: &'s Shape,
    rooms: &'s [Room],
    altered: BTreeMap<u32, Room>,
    cpus: Vec<u32>,
    open: Vec<bool>,
    licenses: BTreeMap<Arc<str>, u32>,
}

impl<'a> Outlook<'a> {
    fn new(ledger: &Ledger<'a>, now: Timestamp) -> Self {
        let cluster = ledger.cluster;
        let mut outlook = Self {
            rooms: ledger.rooms.clone(),
            licenses: ledger.licenses().clone(),
            gone: BTreeSet::new(),
            claimed: BTreeSet::new(),
            guests: Vec::new(),
            lowest: u16::MAX,
            hopeless: BTreeSet::new(),
        };
        for job in cluster.on_their_way(now) {
            outlook.gone.insert(job.id);
            let guest = Guest::of(ledger, job, std::iter::once(job));
            outlook.leave(ledger, &guest);
        }
        let leaders = cluster.active().filter(|job| job.het_job() == job.id);
        outlook.guests = leaders
            .filter(|job| !outlook.gone.contains(&job.id))
            .map(|job| Guest::of(ledger, job, cluster.components(job)))
            .collect();
        outlook.lowest = outlook.guests.iter().map(|guest| guest.tier).min().unwrap_or(u16::MAX);
        outlook
    }

    /// A guest is gone.
    fn leave(&mut self, ledger: &Ledger<'_>, guest: &Guest<'_>) {
        for (rank, share, exclusive) in &guest.shares {
            let hardware = &ledger.node(*rank).hardware;
            self.rooms[*rank as usize].give_back(hardware, share, *exclusive);
        }
        give_back(&mut self.licenses, &guest.licenses);
    }

    /// A job gets its nodes now.
    pub fn give(&mut self, ledger: &Ledger<'_>, allocation: &Allocation) {
        for share in &allocation.shares {
            self.take(ledger, share, allocation.exclusive);
        }
        self.take_licenses(&allocation.licenses);
    }

    fn take(&mut self, ledger: &Ledger<'_>, share: &NodeShare, exclusive: bool) {
        if let Some(rank) = ledger.rank(share.node) {
            let hardware = &ledger.node(rank).hardware;
            self.rooms[rank as usize].take(hardware, share, exclusive);
        }
    }

    fn take_licenses(&mut self, licenses: &[(Arc<str>, u32)]) {
        for (name, count) in licenses {
            if let Some(left) = self.licenses.get_mut(name) {
                *left = left.saturating_sub(*count);
            }
        }
    }

    /// Nodes that are kept for who claimed something of them.
    pub fn claimed(&self) -> impl Iterator<Item = u32> + '_ {
        self.claimed.iter().copied()
    }

    /// Nodes that are kept for somebody who claimed nothing are closed to who might.
    pub fn close(&mut self, ranks: &[u32]) {
        self.claimed.retain(|rank| !ranks.contains(rank));
    }

    /// Room for a job, if it can have some.
    fn claim(
        &mut self,
        ledger: &mut Ledger<'a>,
        shape: &Shape,
        who: &Wanting<'_>,
    ) -> Option<Claim> {
        // Most who ask are of the lowest tier: with nobody on the way, nobody leaves for them.
        let nobody = self.gone.is_empty() && self.lowest >= who.partition.priority_tier;
        if nobody || self.hopeless.contains(&who.number) || ledger.checks_left == 0 {
            return None;
        }
        ledger.gone.clone_from(&self.gone);
        let found = self.search(ledger, shape, who);
        ledger.gone.clear();
        let Some((shares, victims)) = found else {
            // One of a heterogeneous job may have found others in its way.
            if who.taken.is_empty() {
                self.hopeless.insert(who.number);
            }
            return None;
        };
        for at in &victims {
            let guest = self.guests[*at].clone();
            let members = ledger.cluster.components(guest.job).map(|job| job.id);
            self.gone.extend(members);
            self.leave(ledger, &guest);
        }
        for share in &shares {
            self.take(ledger, share, who.demand.whole);
        }
        self.take_licenses(&who.job.spec.licenses);
        let ranks: Vec<u32> = shares.iter().filter_map(|share| ledger.rank(share.node)).collect();
        self.claimed.extend(&ranks);
        let victims = victims.iter().map(|at| self.guests[*at].job.id).collect();
        Some(Claim { shares, ranks, victims })
    }

    /// A place, and which guests have to go for it.
    fn search(
        &self,
        ledger: &mut Ledger<'a>,
        shape: &Shape,
        who: &Wanting<'_>,
    ) -> Option<(Vec<NodeShare>, Vec<usize>)> {
        if let Some(shares) = self.scene(ledger, shape, who).place(ledger, who) {
            return Some((shares, Vec::new()));
        }
        let mut order = self.order(ledger, shape, who);
        let cluster = ledger.cluster;
        let rules = cluster.config().preemption.as_ref()?;
        let mut all = self.scene(ledger, shape, who);
        order.iter().for_each(|at| all.think_away(ledger, &self.guests[*at]));
        all.place(ledger, who)?;
        // As stock (24.11, cons_tres): whoever made the difference goes first the next time, then
        // those who are on most of the nodes, in the hope that fewer will do.
        let (mut passes, mut last) = (0, None);
        loop {
            ledger.gone.clone_from(&self.gone);
            let Some((end, shares)) = self.first_to_do(ledger, shape, who, &order) else { break };
            let chosen: Vec<usize> = order[..=end]
                .iter()
                .copied()
                .filter(|at| self.guests[*at].is_in_the_way(ledger, &shares, who))
                .collect();
            let ranks: BTreeSet<u32> = shares.iter().filter_map(|s| ledger.rank(s.node)).collect();
            last = Some((shares, chosen));
            passes += 1;
            if passes > usize::from(rules.reorder_count) + 1 || order.len() <= passes {
                break;
            }
            if rules.strict_order {
                order[..=end].rotate_right(1);
            } else {
                let on = |at: usize| {
                    let shares = self.guests[at].shares.iter();
                    shares.filter(|(rank, _, _)| ranks.contains(rank)).count()
                };
                let mut first: Vec<usize> = order.drain(..end).collect();
                first.sort_by_key(|at| Reverse(on(*at)));
                // Those behind are of no use; the one that made the difference leads.
                let rest = order.split_off(1);
                order.extend(first.into_iter().chain(rest));
            }
        }
        last
    }

    /// Who may be made to go for a job, in the order in which they are thought away: those of the lowest tier
    /// and on the fewest nodes first, or those that started last.
    fn order(&self, ledger: &Ledger<'a>, shape: &Shape, who: &Wanting<'_>) -> Vec<usize> {
        let cluster = ledger.cluster;
        let may_go = |at: &usize| {
            let guest = &self.guests[*at];
            let helps = guest.shares.iter().any(|(rank, _, _)| shape.at(*rank).is_some())
                || guest.has_wanted_licenses(ledger, who);
            guest.tier < who.partition.priority_tier
                && !self.gone.contains(&guest.job.id)
                && helps
                && cluster.may_preempt(ledger.now, who.job, who.partition, guest.job)
        };
        let mut order: Vec<usize> = (0..self.guests.len()).filter(may_go).collect();
        let youngest = cluster.config().preemption.as_ref().is_some_and(|r| r.youngest_first);
        if youngest {
            order.sort_by_key(|at| Reverse(self.guests[*at].started));
        } else {
            order.sort_by_key(|at| (self.guests[*at].tier, self.guests[*at].nodes));
        }
        order
    }

    /// How many of the guests have to be thought away, in order, and what the job then gets.
    fn first_to_do(
        &self,
        ledger: &mut Ledger<'a>,
        shape: &Shape,
        who: &Wanting<'_>,
        order: &[usize],
    ) -> Option<(usize, Vec<NodeShare>)> {
        let mut scene = self.scene(ledger, shape, who);
        for (place, at) in order.iter().enumerate() {
            scene.think_away(ledger, &self.guests[*at]);
            if let Some(shares) = scene.place(ledger, who) {
                return Some((place, shares));
            }
        }
        None
    }

    fn scene<'s>(
        &'s self,
        ledger: &mut Ledger<'a>,
        shape: &'s Shape,
        who: &Wanting<'_>,
    ) -> Scene<'s> {
        let is_open = |rank: u32| {
            let kept = ledger.kept[rank as usize] && !self.claimed.contains(&rank);
            !kept && ledger.node(rank).is_schedulable() && !who.taken.contains(&rank)
        };
        let open: Vec<bool> = shape
            .candidates
            .iter()
            .map(|one| is_open(one.rank) && shape.is_admitted(one.rank))
            .collect();
        let offer = |(at, open): (usize, &bool)| match open {
            true => {
                let rank = shape.candidates[at].rank;
                shape.offer_of(ledger, at, &self.rooms[rank as usize], ledger.now)
            }
            false => 0,
        };
        let cpus = open.iter().enumerate().map(offer).collect();
        ledger.checks_left = ledger.checks_left.saturating_sub(open.len() as u64);
        let altered = BTreeMap::new();
        let licenses = self.licenses.clone();
        Scene { shape, rooms: &self.rooms, altered, cpus, open, licenses }
    }
}

impl<'a> Planner<'a> {
    /// Whether jobs of lower tiers may be told to make room for licenses.
    pub(crate) fn reclaims_licenses(&self) -> bool {
        reclaims_licenses(&self.ledger)
    }

    /// Has others make room for a job, if that helps, on nodes that are not taken; tells which nodes it will get.
    pub(crate) fn push_aside(
        &mut self,
        job: &Arc<Job>,
        task: Option<u32>,
        room: &Sought<'a>,
        taken: &BTreeSet<u32>,
    ) -> Option<Keep> {
        // One that starts at once or not at all does not wait until they are gone.
        if job.spec.immediate {
            return None;
        }
        let claim = self.claim(job, room, taken)?;
        let start = self.start_then(job, task, room, claim.shares);
        if let Some(role) = &job.array {
            self.ledger.count_task(role.array_job);
        }
        if !claim.victims.is_empty() {
            self.preemptions.push(Preemption { starts: vec![start], victims: claim.victims });
        }
        Some(Keep::Nodes(claim.ranks))
    }

    /// The same for all components of a heterogeneous job, each with the places that it may have in the order
    /// in which they are tried.
    pub(crate) fn push_aside_together(
        &mut self,
        components: &[(&'a Arc<Job>, Vec<Sought<'a>>)],
    ) -> Option<Keep> {
        let before = self.outlook.clone();
        let (mut starts, mut victims, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (job, rooms) in components {
            let found = rooms
                .iter()
                .find_map(|room| self.claim(job, room, &taken).map(|claim| (room, claim)));
            let Some((room, claim)) = found else {
                self.outlook = before;
                return None;
            };
            taken.extend(claim.ranks);
            victims.extend(claim.victims);
            starts.push(self.start_then(job, None, room, claim.shares));
        }
        if !victims.is_empty() {
            self.preemptions.push(Preemption { starts, victims });
        }
        Some(Keep::Nodes(taken.into_iter().collect()))
    }

    fn claim(&mut self, job: &Arc<Job>, room: &Sought<'a>, taken: &BTreeSet<u32>) -> Option<Claim> {
        self.cluster.config().preemption.as_ref()?;
        let Sought { partition, lease, demand, number } = room;
        let reserved = self.licenses_reserved(job, partition, *lease);
        let now = self.now;
        let mut outlook = self.outlook.take().unwrap_or_else(|| Outlook::new(&self.ledger, now));
        let shape = self.shapes.shape(&self.ledger, *number, demand).ok();
        let who = Wanting { job, partition, demand, number: *number, taken, reserved };
        let claim = shape.and_then(|shape| outlook.claim(&mut self.ledger, shape, &who));
        self.outlook = Some(outlook);
        claim
    }

    fn start_then(
        &self,
        job: &Arc<Job>,
        task: Option<u32>,
        room: &Sought<'a>,
        shares: Vec<NodeShare>,
    ) -> Start {
        Start {
            job: job.id,
            task,
            partition: Arc::clone(&room.partition.name),
            allocation: self.allocation(job, &room.demand, shares),
        }
    }
}

impl<'a> Guest<'a> {
    fn of(
        ledger: &Ledger<'a>,
        job: &'a Arc<Job>,
        members: impl Iterator<Item = &'a Arc<Job>>,
    ) -> Self {
        let (mut shares, mut licenses) = (Vec::new(), Vec::new());
        for member in members {
            let Some(allocation) = &member.allocation else { continue };
            if member.is_active() {
                licenses.extend(allocation.licenses.iter().cloned());
            }
            let held = member.held_shares();
            shares.extend(held.filter_map(|share| {
                Some((ledger.rank(share.node)?, share.clone(), allocation.exclusive))
            }));
        }
        let tier = ledger.cluster.partition(&job.partition).map_or(0, |p| p.priority_tier);
        let nodes = job.allocation.as_ref().map_or(0, |allocation| allocation.shares.len());
        Self { job, tier, started: job.started, shares, nodes, licenses }
    }

    fn has_wanted_licenses(&self, ledger: &Ledger<'_>, who: &Wanting<'_>) -> bool {
        let wanted = |name: &Arc<str>| who.job.spec.licenses.iter().any(|(own, _)| own == name);
        reclaims_licenses(ledger) && self.licenses.iter().any(|(name, _)| wanted(name))
    }

    fn is_in_the_way(&self, ledger: &Ledger<'_>, shares: &[NodeShare], who: &Wanting<'_>) -> bool {
        let chosen = |rank: u32| shares.iter().any(|share| ledger.rank(share.node) == Some(rank));
        let is_there = self.shares.iter().any(|(rank, _, _)| chosen(*rank));
        is_there || self.has_wanted_licenses(ledger, who)
    }
}

fn reclaims_licenses(ledger: &Ledger<'_>) -> bool {
    ledger.cluster.config().preemption.as_ref().is_some_and(|rules| rules.for_licenses)
}

impl Scene<'_> {
    fn think_away(&mut self, ledger: &mut Ledger<'_>, guest: &Guest<'_>) {
        let members = ledger.cluster.components(guest.job).map(|job| job.id);
        ledger.gone.extend(members);
        give_back(&mut self.licenses, &guest.licenses);
        for (rank, share, exclusive) in &guest.shares {
            let rooms = self.rooms;
            let room = self.altered.entry(*rank).or_insert_with(|| rooms[*rank as usize].clone());
            room.give_back(&ledger.node(*rank).hardware, share, *exclusive);
            if let Some(at) = self.shape.at(*rank).filter(|at| self.open[*at]) {
                self.cpus[at] = self.shape.offer_of(ledger, at, room, ledger.now);
            }
        }
        ledger.checks_left = ledger.checks_left.saturating_sub(guest.shares.len() as u64);
    }

    fn place(&self, ledger: &mut Ledger<'_>, who: &Wanting<'_>) -> Option<Vec<NodeShare>> {
        let demand = who.demand;
        let useful = self.cpus.iter().filter(|cpus| **cpus > 0);
        let enough = useful.clone().count() >= demand.min_nodes as usize
            && useful.map(|cpus| u64::from(*cpus)).sum::<u64>() >= u64::from(demand.min_cpus);
        ledger.checks_left = ledger.checks_left.saturating_sub(1);
        if !enough || !self.has_licenses(who) {
            return None;
        }
        let room = |rank: u32| self.altered.get(&rank).unwrap_or(&self.rooms[rank as usize]);
        self.shape.place(ledger, who.job, ledger.now, Cow::Borrowed(&self.cpus), room)
    }

    fn has_licenses(&self, who: &Wanting<'_>) -> bool {
        let mut wanted: BTreeMap<&Arc<str>, u32> = BTreeMap::new();
        for (name, count) in &who.job.spec.licenses {
            let sum = wanted.entry(name).or_default();
            *sum = sum.saturating_add(*count);
        }
        wanted.into_iter().all(|(name, count)| {
            let reserved = who.reserved.get(name).copied().unwrap_or(0);
            let left = self.licenses.get(name).copied().unwrap_or(0);
            left >= count.saturating_add(reserved)
        })
    }
}

fn give_back(left: &mut BTreeMap<Arc<str>, u32>, licenses: &[(Arc<str>, u32)]) {
    for (name, count) in licenses {
        if let Some(left) = left.get_mut(name) {
            *left = left.saturating_add(*count);
        }
    }
}
