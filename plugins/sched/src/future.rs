//! When running jobs end, and so when a job that waits can start.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Allocation, Job, NodeShare, Phase, Timestamp};

use crate::backfill::{Bookings, Guest, place_in};
use crate::bounds;
use crate::ledger::{Ledger, Planned};
use crate::room::Room;
use crate::shape::Shape;
use crate::verdict::NEVER;

/// What is given back, and when.
pub(crate) struct Future {
    now: Timestamp,
    /// By when; the number keeps apart what happens at one time.
    releases: BTreeMap<(Timestamp, usize), Release>,
    /// When reservations end.
    reopens: Vec<Timestamp>,
}

/// Shares that a job gives back.
struct Release {
    shares: Vec<(u32, NodeShare)>,
    exclusive: bool,
}

/// A start that is possible later.
pub(crate) struct Found {
    pub at: Timestamp,
    pub shares: Vec<(u32, NodeShare)>,
    /// What is left of all nodes just before it.
    pub rooms: Vec<Room>,
}

/// What happens to a node at a time.
enum Event<'f> {
    Return(&'f [(u32, NodeShare)], bool),
    Take(&'f [(u32, NodeShare)], bool),
    /// A reservation ends: what it kept from others is theirs.
    Reopen,
}

impl Future {
    /// Running jobs end when their time is up, and jobs that are being cleaned up when the time is
    /// that processes have to end in (KillWait).
    pub fn new(ledger: &Ledger<'_>, now: Timestamp) -> Self {
        let cluster = ledger.cluster;
        let reopens = cluster.reservations().map(|one| one.window(now).1);
        let reopens = reopens.filter(|end| *end > now).collect();
        let mut future = Self { now, releases: BTreeMap::new(), reopens };
        for job in cluster.active().chain(cluster.completing()) {
            // A suspended job has no cores to give back, and nobody knows when it goes on.
            let Some(allocation) =
                job.allocation.as_ref().filter(|_| job.phase != Phase::Suspended)
            else {
                continue;
            };
            let ends = match job.phase {
                Phase::Completing(_) => Some(now.plus_s(cluster.config().kill_wait_s.into())),
                Phase::Pending | Phase::Running(_) | Phase::Suspended | Phase::Ended => {
                    job.time_limit_min.and(job.ended)
                }
            };
            let held: Vec<NodeShare> = job.held_shares().cloned().collect();
            future.release(ends, ledger.ranked(&held), allocation);
        }
        for planned in &ledger.planned {
            future.add(ledger, planned);
        }
        future
    }

    /// Adds a start that was planned.
    pub fn add(&mut self, ledger: &Ledger<'_>, planned: &Planned) {
        let shares = ledger.ranked(&planned.allocation.shares);
        self.release(planned.ends, shares, &planned.allocation);
    }

    fn release(
        &mut self,
        ends: Option<Timestamp>,
        shares: Vec<(u32, NodeShare)>,
        allocation: &Arc<Allocation>,
    ) {
        let Some(ends) = ends else { return };
        // A job past its time is about to end: not now, since it still has its nodes.
        let ends = ends.max(self.now.plus_s(1));
        let key = (ends, self.releases.len());
        self.releases.insert(key, Release { shares, exclusive: allocation.exclusive });
    }

    /// The earliest start of a job, not before a time.
    pub fn earliest_from(
        &self,
        ledger: &mut Ledger<'_>,
        shape: &Shape,
        job: &Job,
        first: Timestamp,
        (bookings, ends): (&Bookings, &dyn Fn(Timestamp) -> Timestamp),
    ) -> Option<Found> {
        let mut sight = Sight::new(ledger, shape);
        let events = self.events(bookings);
        let before = events.partition_point(|(at, _)| *at <= first);
        let (past, mut left) = events.split_at(before);
        sight.pass(ledger, past, first);
        let (mut at, mut more) = (first, true);
        loop {
            if ledger.checks_left == 0 {
                return None;
            }
            if more
                && sight.may_do()
                && let Some(shares) = sight.place(ledger, job, (at, ends(at)), bookings)
            {
                return Some(Found { at, shares: ledger.ranked(&shares), rooms: sight.rooms });
            }
            at = left.first()?.0;
            let here = left.partition_point(|(when, _)| *when <= at);
            more = sight.pass(ledger, &left[..here], at);
            left = &left[here..];
        }
    }

    fn events<'f>(&'f self, bookings: &'f Bookings) -> Vec<(Timestamp, Event<'f>)> {
        let returns = self
            .releases
            .iter()
            .map(|((at, _), release)| (*at, Event::Return(&release.shares, release.exclusive)));
        let booked = bookings.0.iter().flat_map(|booking| {
            let (shares, exclusive) = (&*booking.shares, booking.exclusive);
            let begin = (booking.from, Event::Take(shares, exclusive));
            [begin, (booking.to, Event::Return(shares, exclusive))]
        });
        let reopens = self.reopens.iter().map(|at| (*at, Event::Reopen));
        let mut events: Vec<_> =
            returns.chain(booked).chain(reopens).filter(|(at, _)| *at < NEVER).collect();
        // What is given back at a time can be taken at that time.
        events.sort_by_key(|(at, event)| (*at, matches!(event, Event::Take(..))));
        events
    }
}

/// What is left of the nodes as time goes by, and what that has for a job.
struct Sight<'s> {
    shape: &'s Shape,
    rooms: Vec<Room>,
    cpus: Vec<u32>,
    nodes_useful: u32,
    cpus_useful: u64,
}

impl<'s> Sight<'s> {
    fn new(ledger: &Ledger<'_>, shape: &'s Shape) -> Self {
        let cpus = shape.cpus().to_vec();
        Self {
            shape,
            rooms: ledger.rooms.clone(),
            nodes_useful: u32::try_from(cpus.iter().filter(|c| **c > 0).count())
                .unwrap_or(u32::MAX),
            cpus_useful: cpus.iter().map(|c| u64::from(*c)).sum(),
            cpus,
        }
    }

    /// Works in what happens at a time; tells whether that may help.
    fn pass(
        &mut self,
        ledger: &mut Ledger<'_>,
        events: &[(Timestamp, Event<'_>)],
        at: Timestamp,
    ) -> bool {
        let mut more = false;
        for (_, event) in events {
            let (shares, exclusive) = match event {
                Event::Reopen => {
                    more = true;
                    continue;
                }
                Event::Return(shares, exclusive) | Event::Take(shares, exclusive) => {
                    (*shares, *exclusive)
                }
            };
            for (rank, share) in shares {
                let hardware = &ledger.node(*rank).hardware;
                let room = &mut self.rooms[*rank as usize];
                match event {
                    Event::Return(..) => room.give_back(hardware, share, exclusive),
                    Event::Take(..) => room.take(hardware, share, exclusive),
                    Event::Reopen => {}
                }
                more |= self.see(ledger, *rank, at);
            }
            ledger.checks_left = ledger.checks_left.saturating_sub(shares.len() as u64);
        }
        more
    }

    fn see(&mut self, ledger: &Ledger<'_>, rank: u32, when: Timestamp) -> bool {
        let Some(at) = self.shape.at(rank).filter(|_| ledger.is_open(rank)) else {
            return false;
        };
        let now = self.shape.offer_of(ledger, at, &self.rooms[rank as usize], when);
        let before = std::mem::replace(&mut self.cpus[at], now);
        self.nodes_useful += u32::from(now > 0);
        self.nodes_useful -= u32::from(before > 0);
        self.cpus_useful += u64::from(now);
        self.cpus_useful -= u64::from(before);
        now > before
    }

    fn place(
        &self,
        ledger: &mut Ledger<'_>,
        job: &Job,
        (from, to): (Timestamp, Timestamp),
        bookings: &Bookings,
    ) -> Option<Vec<NodeShare>> {
        let room = |rank: u32| &self.rooms[rank as usize];
        let mut narrowed = bookings.narrowed(&Guest::of(job, &self.shape.demand), from, to, room);
        if ledger.cluster.has_reservations() {
            let lease = self.shape.bounds.as_ref().and_then(|bounds| bounds.lease.as_ref());
            let lease = (lease, self.shape.demand.whole);
            bounds::close(ledger, job, lease, (from, to), &mut narrowed, room);
        }
        ledger.checks_left = ledger.checks_left.saturating_sub(1 + narrowed.len() as u64);
        place_in(self.shape, ledger, job, (from, Cow::Borrowed(&*self.cpus)), &narrowed, room)
    }

    /// Whether there may be enough: a look at the sums spares most looks at the nodes.
    fn may_do(&self) -> bool {
        self.nodes_useful >= self.shape.demand.min_nodes
            && self.cpus_useful >= u64::from(self.shape.demand.min_cpus)
    }
}
