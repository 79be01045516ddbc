//! Heterogeneous jobs: all components start at once, each on nodes of its own, or none does.
//!
//! The whole is looked at where its leader stands in the queue. As with the backfill scheduler of
//! stock (24.11), which alone starts such jobs there, a component that cannot start holds back the
//! others, and no two components have a node in common.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Job, Node, NodeShare, Partition, Start, Timestamp, WaitReason};

use crate::backfill::{Bookings, Guest, place_in};
use crate::bounds::{Lease, lease_hindrance};
use crate::demand::Demand;
use crate::eligible::{end_of, hindrance, partitions};
use crate::fifo::Keep;
use crate::future::{Found, Future};
use crate::planner::{Planner, Waiting};
use crate::preempt::Sought;
use crate::verdict::{NEVER, verdict};

/// How often a common start is looked for further in the future before the job goes without a
/// booking.
const ROUNDS: u32 = 4;
/// In how many orders the components choose their nodes before the job is said to find none.
const ORDERS: u32 = 4;

/// A partition that a component may start in, and what it wants there.
struct Choice<'a> {
    partition: &'a Arc<Partition>,
    demand: Demand,
    /// Its demand's number.
    number: usize,
}

/// A component that nothing hinders.
struct Component<'a> {
    job: &'a Arc<Job>,
    lease: Lease<'a>,
    /// At least one, in the order in which they are tried.
    choices: Vec<Choice<'a>>,
}

impl<'a> Component<'a> {
    fn sought(&self) -> Vec<Sought<'a>> {
        let sought = |choice: &Choice<'a>| Sought {
            partition: choice.partition,
            lease: self.lease,
            demand: choice.demand.clone(),
            number: choice.number,
        };
        self.choices.iter().map(sought).collect()
    }
}

/// Where a component may start now.
struct Place {
    /// Which of its choices.
    choice: usize,
    shares: Vec<NodeShare>,
}

impl<'a> Planner<'a> {
    /// Looks at a heterogeneous job for the first time.
    pub(crate) fn examine_together(&mut self, leader: &'a Arc<Job>) {
        let members: Vec<&'a Arc<Job>> = self.cluster.components(leader).collect();
        let components = match self.unhindered(&members) {
            Ok(components) => components,
            Err(reasons) => {
                self.pass_all(&members, &reasons);
                return;
            }
        };
        let is_blocked = |choice: &Choice<'_>| self.blocked.contains(&choice.partition.name);
        if components.iter().any(|component| component.choices.iter().all(is_blocked)) {
            self.wait_together(&members, &vec![WaitReason::Priority; members.len()]);
            return;
        }
        if let Some(places) = self.places(&components, self.now, &Bookings::default()) {
            self.start_together(&components, places);
            return;
        }
        if self.cluster.config().preemption.is_some() {
            let sought = components.iter().map(|one| (one.job, one.sought())).collect::<Vec<_>>();
            if let Some(keep) = self.push_aside_together(&sought) {
                self.keep(keep);
                self.pass_all(&members, &vec![WaitReason::Resources; members.len()]);
                return;
            }
        }
        let reasons: Vec<WaitReason> =
            if self.fit_when_idle(&components, |node| node.is_schedulable()) {
                components.iter().map(|component| self.reason(component)).collect()
            } else if self.fit_when_idle(&components, |_| true) {
                vec![WaitReason::NodesDownOrReserved; members.len()]
            } else {
                vec![WaitReason::BadConstraints; members.len()]
            };
        if reasons.iter().any(|reason| *reason != WaitReason::Resources) {
            self.pass_all(&members, &reasons);
            return;
        }
        for component in &components {
            self.keep(Keep::Partition(Arc::clone(&component.choices[0].partition.name)));
        }
        self.wait_together(&members, &reasons);
    }

    /// Looks again at one that waits for others: starts it where that delays nobody, or books nodes
    /// for a time at which all components can start.
    pub(crate) fn look_again_together(
        &mut self,
        waiting: &Waiting<'a>,
        future: &mut Future,
        bookings: &mut Bookings,
    ) {
        let members: Vec<&'a Arc<Job>> = self.cluster.components(waiting.job).collect();
        let Ok(components) = self.unhindered(&members) else { return };
        let longest = |component: &Component<'_>| {
            let choices = component.choices.iter();
            let ends = choices.map(|c| end_of(component.job, c.partition, self.now));
            ends.map(|end| end.unwrap_or(NEVER)).max()
        };
        let ends = components.iter().filter_map(longest).max().unwrap_or(NEVER);
        if let Some(places) = self.places(&components, ends, bookings) {
            let before = self.ledger.planned.len();
            self.start_together(&components, places);
            for at in before..self.ledger.planned.len() {
                self.write_down(at, future, bookings);
            }
            for at in waiting.all_passed() {
                self.passed[at] = None;
            }
            return;
        }
        for (at, expected) in
            waiting.all_passed().zip(self.book_together(&components, future, bookings))
        {
            if let Some(passed) = &mut self.passed[at] {
                (passed.expected, passed.expected_nodes) = (Some(expected.0), Some(expected.1));
            }
        }
    }

    /// The components with their choices; or why each waits, if one of them may not start.
    fn unhindered(
        &mut self,
        members: &[&'a Arc<Job>],
    ) -> Result<Vec<Component<'a>>, Vec<WaitReason>> {
        let mut components = Vec::new();
        let mut reasons = Vec::new();
        for job in members {
            match self.component(job) {
                Ok(component) => {
                    components.push(component);
                    reasons.push(WaitReason::Resources);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        if components.len() == members.len() { Ok(components) } else { Err(reasons) }
    }

    fn component(&mut self, job: &'a Arc<Job>) -> Result<Component<'a>, WaitReason> {
        if !job.is_pending() {
            return Err(WaitReason::Cleaning);
        }
        if let Some(reason) = hindrance(job, self.now) {
            return Err(reason);
        }
        // Components do not go where a reservation pulls, and each runs in the first that it asked for.
        let lease = match job.reservation() {
            None => None,
            Some(_) => self.leases(job)?.first().copied().flatten(),
        };
        if let Some((reason, _)) = lease.and_then(|lease| lease_hindrance(lease, self.now)) {
            return Err(reason);
        }
        let mut choices = Vec::new();
        let mut first = None;
        for partition in partitions(self.cluster, job) {
            let demand = match self.partition_hindrance(job, partition) {
                None if !self.has_licenses(job, partition, lease) => Err(WaitReason::Licenses),
                None => self.demand(job, partition, lease),
                Some(reason) => Err(reason),
            };
            match demand {
                Ok(demand) => {
                    let number = self.shapes.number(&demand);
                    choices.push(Choice { partition, demand, number });
                }
                Err(reason) => drop(first.get_or_insert(reason)),
            }
        }
        match choices.is_empty() {
            true => Err(first.unwrap_or(WaitReason::PartitionInactive)),
            false => Ok(Component { job, lease, choices }),
        }
    }

    /// Nodes for each component, now and until `ends`, if there are some for all.
    fn places(
        &mut self,
        components: &[Component<'a>],
        ends: Timestamp,
        bookings: &Bookings,
    ) -> Option<Vec<Place>> {
        self.in_some_order(components, |planner, component, _| {
            let place = planner.place_one(component, ends, bookings)?;
            let ranks = planner.ledger.ranked(&place.shares).into_iter().map(|(rank, _)| rank);
            Some((ranks.collect(), place))
        })
    }

    /// Gives each component something on nodes of its own, if all can have it.
    ///
    /// Those that can be on the fewest nodes choose first. One that finds nothing left chooses before
    /// the others next time, unless it was the first already.
    fn in_some_order<T>(
        &mut self,
        components: &[Component<'a>],
        mut choose: impl FnMut(&mut Self, &Component<'a>, &BTreeSet<u32>) -> Option<(Vec<u32>, T)>,
    ) -> Option<Vec<T>> {
        let mut order: Vec<usize> = (0..components.len()).collect();
        order.sort_by_cached_key(|at| self.candidates(&components[*at].choices[0]));
        for _ in 0..ORDERS {
            let mut chosen: Vec<Option<T>> = components.iter().map(|_| None).collect();
            let (mut taken, mut kept) = (BTreeSet::new(), Vec::new());
            let failed = order.iter().position(|at| match choose(self, &components[*at], &taken) {
                None => true,
                Some((ranks, choice)) => {
                    // Kept for others already are only nodes that are thought idle.
                    kept.extend(ranks.iter().copied().filter(|rank| self.ledger.keep(*rank)));
                    taken.extend(ranks);
                    chosen[*at] = Some(choice);
                    false
                }
            });
            self.ledger.keep_no_more(kept);
            match failed {
                None => return chosen.into_iter().collect(),
                Some(0) => return None,
                Some(place) => order[..=place].rotate_right(1),
            }
        }
        None
    }

    fn candidates(&mut self, choice: &Choice<'_>) -> usize {
        let shape = self.shapes.shape(&self.ledger, choice.number, &choice.demand);
        shape.map_or(0, |shape| shape.candidates.len())
    }

    fn place_one(
        &mut self,
        component: &Component<'a>,
        ends: Timestamp,
        bookings: &Bookings,
    ) -> Option<Place> {
        (0..).zip(&component.choices).find_map(|(choice, Choice { demand, number, .. })| {
            let alone = demand.unshared().and_then(|alone| {
                let number = self.shapes.number(&alone);
                self.place_in_choice(component.job, &alone, number, ends, bookings)
            });
            let shares = alone
                .or_else(|| self.place_in_choice(component.job, demand, *number, ends, bookings))?;
            Some(Place { choice, shares })
        })
    }

    fn place_in_choice(
        &mut self,
        job: &Job,
        demand: &Demand,
        number: usize,
        ends: Timestamp,
        bookings: &Bookings,
    ) -> Option<Vec<NodeShare>> {
        let now = self.now;
        let shape = self.shapes.shape(&self.ledger, number, demand).ok()?;
        shape.refresh(&mut self.ledger, now);
        let ledger = &self.ledger;
        let room = |rank: u32| &ledger.rooms[rank as usize];
        let narrowed = bookings.narrowed(&Guest::of(job, demand), now, ends, room);
        let cpus = Cow::Borrowed(shape.cpus());
        let placed = place_in(shape, ledger, job, (now, cpus), &narrowed, room);
        self.ledger.checks_left = self.ledger.checks_left.saturating_sub(1 + narrowed.len() as u64);
        placed
    }

    fn start_together(&mut self, components: &[Component<'a>], places: Vec<Place>) {
        let first = self.starts.len();
        for (component, place) in components.iter().zip(places) {
            let choice = &component.choices[place.choice];
            let allocation = self.allocation(component.job, &choice.demand, place.shares);
            self.start(component.job, None, choice.partition, allocation);
        }
        let starts: Vec<Start> = self.starts.drain(first..).collect();
        self.together.push(starts);
    }

    /// Whether the components would find nodes among those for which `open` holds, if nobody else were
    /// there; if not, waiting for others does not help.
    fn fit_when_idle(&mut self, components: &[Component<'a>], open: fn(&Node) -> bool) -> bool {
        let found = self.in_some_order(components, |planner, component, taken| {
            component.choices.iter().find_map(|Choice { demand, number, .. }| {
                let ledger = &mut planner.ledger;
                let shape = planner.shapes.shape(ledger, *number, demand).ok()?;
                let cost = shape.candidates.len() as u64;
                ledger.checks_left = ledger.checks_left.saturating_sub(cost);
                let is_open = |rank: u32| !taken.contains(&rank) && open(ledger.node(rank));
                let shares = shape.place_when_idle(ledger, is_open)?;
                Some((ledger.ranked(&shares).into_iter().map(|(rank, _)| rank).collect(), ()))
            })
        });
        found.is_some()
    }

    /// Why a component of a job for which there were no nodes waits.
    fn reason(&mut self, component: &Component<'_>) -> WaitReason {
        let Choice { demand, number, .. } = &component.choices[0];
        verdict(&mut self.shapes, &mut self.ledger, self.kept, *number, demand)
    }

    fn pass_all(&mut self, members: &[&Arc<Job>], reasons: &[WaitReason]) -> Vec<usize> {
        let waiting = members.iter().zip(reasons).filter(|(job, _)| job.is_pending());
        waiting.map(|(job, reason)| self.pass(job, reason.clone())).collect()
    }

    fn wait_together(&mut self, members: &[&'a Arc<Job>], reasons: &[WaitReason]) {
        let passed = self.pass_all(members, reasons);
        if let ([leader, ..], [first, others @ ..]) = (members, &*passed) {
            self.waiting.push(Waiting {
                job: leader,
                passed: *first,
                tasks_started: 0,
                others: others.to_vec(),
            });
        }
    }

    /// Books nodes for all components from the first moment at which there are some for each; gives
    /// that moment and the nodes of each.
    fn book_together(
        &mut self,
        components: &[Component<'a>],
        future: &Future,
        bookings: &mut Bookings,
    ) -> Vec<(Timestamp, Arc<str>)> {
        if !bookings.have_room_for(components.len()) {
            return Vec::new();
        }
        let mut first = self.now.plus_s(1);
        for _ in 0..ROUNDS {
            let found = match self.found_from(components, first, future, bookings) {
                Ok(found) => found,
                Err(Some(later)) => {
                    first = later;
                    continue;
                }
                Err(None) => return Vec::new(),
            };
            let mut expected = Vec::new();
            for (component, found) in components.iter().zip(found) {
                let Choice { partition, demand, .. } = &component.choices[0];
                let nodes: Vec<_> = found.shares.iter().map(|(_, share)| share.node).collect();
                expected.push((found.at, model::node_list(self.cluster, &nodes)));
                let to = end_of(component.job, partition, found.at).unwrap_or(NEVER);
                let guest = (Guest::of(component.job, demand), demand.whole);
                bookings.add(&self.ledger, found, to, guest);
            }
            return expected;
        }
        Vec::new()
    }

    /// Nodes for each component from a moment on; or the moment from which one that has none then
    /// could have some, if there is one.
    fn found_from(
        &mut self,
        components: &[Component<'a>],
        first: Timestamp,
        future: &Future,
        bookings: &Bookings,
    ) -> Result<Vec<Found>, Option<Timestamp>> {
        let mut later: Option<Timestamp> = None;
        let found = self.in_some_order(components, |planner, component, _| {
            let Choice { partition, demand, number } = &component.choices[0];
            let now = planner.now;
            // Each look goes over all nodes.
            let ledger = &mut planner.ledger;
            ledger.checks_left = ledger.checks_left.saturating_sub(ledger.nodes.len() as u64);
            let shape = planner.shapes.shape(ledger, *number, demand).ok()?;
            shape.refresh(ledger, now);
            let lasts = |start| end_of(component.job, partition, start).unwrap_or(NEVER);
            let wanted = (bookings, &lasts as &dyn Fn(Timestamp) -> Timestamp);
            let found = future.earliest_from(ledger, shape, component.job, first, wanted)?;
            if found.at > first {
                later = Some(later.map_or(found.at, |later| later.min(found.at)));
                return None;
            }
            Some((found.shares.iter().map(|(rank, _)| *rank).collect(), found))
        });
        found.ok_or(later)
    }
}
