//! The second pass: jobs that wait have nodes booked for when others end, and later jobs are started
//! out of order where that delays no booking.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Job, NodeShare, Partition, Timestamp, Uid, WaitReason};

use crate::bounds::{Lease, is_anywhere, lease_hindrance};
use crate::demand::{Demand, Tenure};
use crate::eligible::{end_of, partitions};
use crate::fifo::tasks;
use crate::future::{Found, Future};
use crate::ledger::Ledger;
use crate::planner::{Planner, Waiting};
use crate::preempt::{Outlook, Sought};
use crate::room::Room;
use crate::shape::Shape;
use crate::verdict::{NEVER, verdict};

/// Bookings of a plan. Jobs beyond them may be delayed by later ones.
const BOOKINGS_MAX: usize = 64;

/// Nodes that a waiting job is expected to get.
pub(crate) struct Booking {
    pub from: Timestamp,
    /// When it would have to be over.
    pub to: Timestamp,
    pub shares: Vec<(u32, NodeShare)>,
    pub exclusive: bool,
    guest: Guest,
    /// What would be left of its nodes when it starts, so what those that still run then may have.
    left: BTreeMap<u32, Room>,
}

/// A job, as far as others may not bear it on the same node.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    owner: Uid,
    /// Whether it is beside jobs of its owner only.
    choosy: bool,
    /// Whether it shares its cores.
    shares: bool,
    /// The label under which it has its nodes.
    label: Option<Arc<str>>,
}

impl Guest {
    pub fn of(job: &Job, demand: &Demand) -> Self {
        Self {
            owner: job.owner,
            choosy: demand.beside.is_some(),
            shares: demand.tenure == Tenure::Shared,
            label: demand.label.clone(),
        }
    }

    fn bears(&self, other: &Self) -> bool {
        let strangers = self.owner != other.owner && (self.choosy || other.choosy);
        !strangers && self.shares == other.shares && self.label == other.label
    }
}

/// The bookings of a plan, in the order of the jobs.
#[derive(Default)]
pub(crate) struct Bookings(pub Vec<Booking>);

impl Bookings {
    /// What a job may have that runs from `from` to `to`, of nodes that are booked for a time
    /// after it starts and before it ends.
    pub fn narrowed<'r>(
        &self,
        guest: &Guest,
        from: Timestamp,
        to: Timestamp,
        room: impl Fn(u32) -> &'r Room,
    ) -> BTreeMap<u32, Room> {
        let mut narrowed: BTreeMap<u32, Room> = BTreeMap::new();
        let later = self.0.iter().filter(|booking| from < booking.from && booking.from < to);
        for booking in later {
            for (rank, left) in &booking.left {
                let here = narrowed.entry(*rank).or_insert_with(|| room(*rank).clone());
                here.narrow(left);
                here.exclusive += u32::from(!booking.guest.bears(guest));
            }
        }
        narrowed
    }

    /// Nodes that are booked from before a time.
    pub fn before(&self, ends: Timestamp) -> BTreeSet<u32> {
        let booked = self.0.iter().filter(|booking| booking.from < ends);
        booked.flat_map(|booking| booking.left.keys().copied()).collect()
    }

    /// Whether so many more may be made.
    pub fn have_room_for(&self, more: usize) -> bool {
        self.0.len() + more <= BOOKINGS_MAX
    }

    /// Leaves less to bookings that begin while a job runs.
    fn use_up(&mut self, ledger: &Ledger<'_>, by: &Use<'_>) {
        let during = self.0.iter_mut().filter(|b| by.from < b.from && b.from < by.to);
        for booking in during {
            for (rank, share) in by.shares {
                if let Some(left) = booking.left.get_mut(rank) {
                    left.take(&ledger.node(*rank).hardware, share, by.exclusive);
                }
            }
        }
    }

    pub fn add(&mut self, ledger: &Ledger<'_>, found: Found, to: Timestamp, who: (Guest, bool)) {
        let (guest, exclusive) = who;
        let by = Use { from: found.at, to, shares: &found.shares, exclusive };
        self.use_up(ledger, &by);
        let mut left = BTreeMap::new();
        for (rank, share) in &found.shares {
            let mut room = found.rooms[*rank as usize].clone();
            room.take(&ledger.node(*rank).hardware, share, exclusive);
            left.insert(*rank, room);
        }
        self.0.push(Booking { from: found.at, to, shares: found.shares, exclusive, guest, left });
    }
}

/// Who has what, and how long.
struct Use<'s> {
    from: Timestamp,
    to: Timestamp,
    shares: &'s [(u32, NodeShare)],
    exclusive: bool,
}

/// What came of a job in the second pass.
enum Second {
    Started,
    /// It is expected to start then and there, if that is known.
    Waits(Option<(Timestamp, Arc<str>)>),
    Hindered(WaitReason),
}

impl<'a> Planner<'a> {
    /// Looks again at the jobs that wait for others.
    pub(crate) fn second_pass(&mut self) {
        if self.waiting.is_empty() || self.budget.backfill_jobs == 0 {
            return;
        }
        self.ledger.keep_none();
        self.kept = 0;
        let claimed: Vec<u32> = self.outlook.iter().flat_map(Outlook::claimed).collect();
        for rank in claimed {
            self.kept += u32::from(self.ledger.keep(rank));
        }
        self.shapes.forgive();
        let mut future = Future::new(&self.ledger, self.now);
        let mut bookings = Bookings::default();
        let waiting = std::mem::take(&mut self.waiting);
        for waiting in waiting.iter().take(self.budget.backfill_jobs as usize) {
            if self.ledger.checks_left == 0 {
                self.complete = false;
                return;
            }
            if waiting.job.het.is_some() {
                self.look_again_together(waiting, &mut future, &mut bookings);
            } else {
                self.look_again(waiting, &mut future, &mut bookings);
            }
        }
    }

    fn look_again(&mut self, waiting: &Waiting<'a>, future: &mut Future, bookings: &mut Bookings) {
        for task in tasks(waiting.job, waiting.tasks_started) {
            let second = self.second_attempt(waiting.job, task, future, bookings);
            let passed = &mut self.passed[waiting.passed];
            match (second, passed) {
                (Second::Started, _) => continue,
                (Second::Waits(expected), Some(passed)) => {
                    (passed.expected, passed.expected_nodes) = expected.unzip();
                }
                (Second::Hindered(reason), Some(passed)) => passed.wait = reason,
                (Second::Waits(_) | Second::Hindered(_), None) => {}
            }
            return;
        }
        self.passed[waiting.passed] = None;
    }

    fn second_attempt(
        &mut self,
        job: &'a Arc<Job>,
        task: Option<u32>,
        future: &mut Future,
        bookings: &mut Bookings,
    ) -> Second {
        if self.ledger.is_array_full(job) {
            return Second::Hindered(WaitReason::ArrayTaskLimit);
        }
        let found;
        let leases: &[Lease<'_>] = if !self.leased && job.reservation().is_none() {
            &[None]
        } else {
            found = match self.leases(job) {
                Ok(leases) => leases,
                Err(reason) => return Second::Hindered(reason),
            };
            &found
        };
        let mut first = None;
        for &lease in leases {
            let early = lease.and_then(|lease| lease_hindrance(lease, self.now));
            if early.as_ref().is_some_and(|(_, early)| !early) {
                continue;
            }
            for partition in partitions(self.cluster, job) {
                if self.partition_hindrance(job, partition).is_some() {
                    continue;
                }
                if !self.has_licenses(job, partition, lease) {
                    return Second::Hindered(WaitReason::Licenses);
                }
                let Ok(demand) = self.demand(job, partition, lease) else { continue };
                let number = self.shapes.number(&demand);
                let ends = end_of(job, partition, self.now).unwrap_or(NEVER);
                if early.is_none()
                    && let Some(shares) = self.gap(job, &demand, number, ends, bookings)
                {
                    let allocation = self.allocation(job, &demand, shares);
                    self.start(job, task, partition, allocation);
                    self.write_down(self.ledger.planned.len() - 1, future, bookings);
                    return Second::Started;
                }
                first.get_or_insert((partition, demand, number, lease));
            }
        }
        let Some((partition, mut demand, mut number, lease)) = first else {
            return Second::Waits(None);
        };
        if self.cluster.config().preemption.is_some() {
            let room = Sought { partition, lease, demand: demand.clone(), number };
            let ends = end_of(job, partition, self.now).unwrap_or(NEVER);
            if let Some(keep) = self.push_aside(job, task, &room, &bookings.before(ends)) {
                self.keep(keep);
                return Second::Waits(None);
            }
        }
        let bounds = self.bounds_some_time(job, partition, lease);
        if bounds != demand.bounds {
            demand.bounds = bounds;
            number = self.shapes.number(&demand);
        }
        self.book(job, partition, &demand, number, (future, bookings))
    }

    /// Nodes that are free now and that no booking needs before the job is over.
    fn gap(
        &mut self,
        job: &Job,
        demand: &Demand,
        number: usize,
        ends: Timestamp,
        bookings: &Bookings,
    ) -> Option<Vec<NodeShare>> {
        if let Some(alone) = demand.unshared() {
            let number = self.shapes.number(&alone);
            let shares = self.gap(job, &alone, number, ends, bookings);
            if shares.is_some() {
                return shares;
            }
        }
        let entry = self.shapes.entry(number);
        let longer = entry.failed_until.is_some_and(|failed| failed <= ends);
        if entry.failed || longer {
            return None;
        }
        let now = self.now;
        let shape = self.shapes.shape(&self.ledger, number, demand).ok()?;
        shape.refresh(&mut self.ledger, now);
        let (placed, narrowed) = {
            let ledger = &self.ledger;
            let room = |rank: u32| &ledger.rooms[rank as usize];
            let narrowed = bookings.narrowed(&Guest::of(job, demand), now, ends, room);
            let placed =
                place_in(shape, ledger, job, (now, Cow::Borrowed(shape.cpus())), &narrowed, room);
            (placed, narrowed.len())
        };
        self.ledger.checks_left = self.ledger.checks_left.saturating_sub(1 + narrowed as u64);
        if placed.is_none() {
            let entry = self.shapes.entry(number);
            if narrowed == 0 {
                entry.failed = true;
            } else {
                entry.failed_until = Some(ends);
            }
        }
        placed
    }

    /// Works a start that was just made into the future and the bookings.
    pub(crate) fn write_down(&self, at: usize, future: &mut Future, bookings: &mut Bookings) {
        let planned = &self.ledger.planned[at];
        let shares = self.ledger.ranked(&planned.allocation.shares);
        let to = planned.ends.unwrap_or(NEVER);
        let exclusive = planned.allocation.exclusive;
        bookings.use_up(&self.ledger, &Use { from: self.now, to, shares: &shares, exclusive });
        future.add(&self.ledger, planned);
    }

    fn book(
        &mut self,
        job: &Job,
        partition: &Partition,
        demand: &Demand,
        number: usize,
        (future, bookings): (&Future, &mut Bookings),
    ) -> Second {
        if bookings.0.len() >= BOOKINGS_MAX || self.shapes.entry(number).booked {
            return Second::Waits(None);
        }
        self.shapes.entry(number).booked = true;
        let now = self.now;
        let found = match self.shapes.shape(&self.ledger, number, demand) {
            Err(_) => None,
            Ok(shape) => {
                shape.refresh(&mut self.ledger, now);
                let lasts = |start: Timestamp| end_of(job, partition, start).unwrap_or(NEVER);
                let lease = shape.bounds.as_ref().and_then(|bounds| bounds.lease.clone());
                let opens = lease.filter(|lease| !is_anywhere(lease)).map(|lease| lease.start);
                let first = now.plus_s(1).max(opens.unwrap_or(now));
                let wanted = (&*bookings, &lasts as &dyn Fn(Timestamp) -> Timestamp);
                future.earliest_from(&mut self.ledger, shape, job, first, wanted)
            }
        };
        let Some(found) = found else {
            let reason = verdict(&mut self.shapes, &mut self.ledger, self.kept, number, demand);
            return match reason {
                WaitReason::Resources => Second::Waits(None),
                other => Second::Hindered(other),
            };
        };
        let at = found.at;
        let to = end_of(job, partition, at).unwrap_or(NEVER);
        let nodes: Vec<_> = found.shares.iter().map(|(_, share)| share.node).collect();
        let nodes = model::node_list(self.cluster, &nodes);
        bookings.add(&self.ledger, found, to, (Guest::of(job, demand), demand.whole));
        Second::Waits(Some((at, nodes)))
    }
}

/// Places a job where some nodes have less room than they seem to.
pub(crate) fn place_in<'r>(
    shape: &Shape,
    ledger: &Ledger<'_>,
    job: &Job,
    (when, mut cpus): (Timestamp, Cow<'_, [u32]>),
    narrowed: &'r BTreeMap<u32, Room>,
    room: impl Fn(u32) -> &'r Room,
) -> Option<Vec<NodeShare>> {
    for (rank, narrow) in narrowed {
        if let Some(at) = shape.at(*rank).filter(|at| cpus[*at] > 0) {
            cpus.to_mut()[at] = shape.offer_of(ledger, at, narrow, when);
        }
    }
    shape.place(ledger, job, when, cpus, |rank| narrowed.get(&rank).unwrap_or_else(|| room(rank)))
}
