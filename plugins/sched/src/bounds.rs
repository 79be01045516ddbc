//! Where jobs may be, as far as reservations say: some are kept off nodes and cores, others are
//! to stay on those of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    CoreSet, Job, Node, Partition, Reservation, ReservationFlags as F, Timestamp, WaitReason,
};

use crate::demand::takes_whole_nodes;
use crate::eligible::end_of;
use crate::ledger::Ledger;
use crate::planner::Planner;
use crate::room::Room;
use crate::verdict::NEVER;

/// Bounds of the jobs of a plan: in a cluster without reservations none has any.
#[derive(Debug, Default)]
pub(crate) struct AllBounds {
    known: BTreeMap<Key, u32>,
    all: Vec<Arc<Bounds>>,
}

/// What the bounds of a job depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    lease: Option<Arc<str>>,
    /// The numbers of the reservations that it is kept off.
    closing: Vec<u32>,
    partition: Arc<str>,
    /// Whether it wants nodes for itself.
    alone: bool,
}

/// Where a job may be.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// The reservation that it is to run in.
    pub lease: Option<Arc<Reservation>>,
    /// What holds of all nodes that are not named.
    others: Access,
    /// What holds of some, by rank.
    nodes: BTreeMap<u32, Access>,
    /// Whether its partition is closed for maintenance.
    pub maintenance: bool,
}

/// Whether a job may be on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Open,
    /// Not while others have it reserved.
    Closed,
    /// Never: it is no node of its reservation.
    Outside,
    /// On these of its cores.
    Cores(CoreSet),
}

/// A reservation that a job may try to start in; `None` is outside of all.
pub(crate) type Lease<'l> = Option<&'l Arc<Reservation>>;

impl AllBounds {
    /// The bounds of a number; 0 is none.
    pub fn get(&self, number: u32) -> Option<&Arc<Bounds>> {
        self.all.get(number.checked_sub(1)? as usize)
    }
}

impl Bounds {
    pub fn of(&self, rank: u32) -> &Access {
        self.nodes.get(&rank).unwrap_or(&self.others)
    }

    /// What is left of a node within the bounds, if that is less than there is.
    pub fn masked(&self, rank: u32, node: &Node, room: &Room) -> Option<Room> {
        match self.of(rank) {
            Access::Cores(cores) => Some(room.within(&node.hardware, cores)),
            Access::Open | Access::Closed | Access::Outside => None,
        }
    }

    fn new(
        ledger: &Ledger<'_>,
        lease: Lease<'_>,
        closing: &[&Arc<Reservation>],
        key: &Key,
    ) -> Self {
        let mut bounds = Self {
            lease: lease.cloned(),
            others: Access::Open,
            nodes: BTreeMap::new(),
            maintenance: false,
        };
        if let Some(lease) = lease.filter(|lease| !is_anywhere(lease)) {
            bounds.others = Access::Outside;
            for node in lease.nodes.iter() {
                let Some(rank) = ledger.rank(*node) else { continue };
                let cores = lease.cores_of(*node).cloned();
                bounds.nodes.insert(rank, cores.map_or(Access::Open, Access::Cores));
            }
        }
        for other in closing {
            for node in other.nodes.iter() {
                let Some(rank) = ledger.rank(*node) else { continue };
                let cores = other.cores_of(*node).filter(|_| !key.alone);
                bounds.close(rank, ledger.node(rank), cores);
            }
        }
        let partition = ledger.cluster.partition(&key.partition);
        bounds.maintenance = lease.is_none()
            && partition.is_some_and(|p| closing.iter().any(|other| other.closes_partition(p)));
        if lease.is_some() {
            // Whatever else has all of its nodes is told as maintenance (24.11).
            let mut own = bounds.nodes.values();
            let closed = own.all(|access| *access == Access::Closed);
            bounds.maintenance = closed && bounds.others == Access::Outside;
        } else if bounds.maintenance {
            (bounds.others, bounds.nodes) = (Access::Closed, BTreeMap::new());
        }
        bounds
    }

    fn close(&mut self, rank: u32, node: &Node, cores: Option<&CoreSet>) {
        let before = self.of(rank).clone();
        let access = match (before, cores) {
            (Access::Outside, _) => return,
            (Access::Closed, _) | (_, None) => Access::Closed,
            (Access::Open, Some(cores)) => {
                let mut left = CoreSet::first(node.hardware.cores());
                left.remove(cores);
                Access::Cores(left)
            }
            (Access::Cores(mut left), Some(cores)) => {
                left.remove(cores);
                Access::Cores(left)
            }
        };
        self.nodes.insert(rank, access);
    }
}

/// Whether jobs of a reservation may be on other nodes too.
pub(crate) fn is_anywhere(lease: &Reservation) -> bool {
    lease.flags.has(F::FLEX) || lease.flags.has(F::ANY_NODES) && lease.nodes.is_empty()
}

/// Takes away what reservations keep from a job that would run from `from` to `to`, with nodes for
/// itself if it is `alone`.
pub(crate) fn close<'r>(
    ledger: &Ledger<'_>,
    job: &Job,
    (lease, alone): (Lease<'_>, bool),
    (from, to): (Timestamp, Timestamp),
    narrowed: &mut BTreeMap<u32, Room>,
    room: impl Fn(u32) -> &'r Room,
) {
    let (cluster, now) = (ledger.cluster, ledger.now);
    let own = lease.map(|lease| &**lease);
    for other in cluster.reservations().filter(|r| r.closes_to(job, own, (from, to), now)) {
        for node in other.nodes.iter() {
            let Some(rank) = ledger.rank(*node) else { continue };
            let here = narrowed.entry(rank).or_insert_with(|| room(rank).clone());
            match other.cores_of(*node).filter(|_| !alone) {
                Some(cores) => {
                    let mut left = CoreSet::first(ledger.node(rank).hardware.cores());
                    left.remove(cores);
                    *here = here.within(&ledger.node(rank).hardware, &left);
                }
                None => here.exclusive += 1,
            }
        }
    }
}

impl<'a> Planner<'a> {
    /// The reservations that a job may start in, in the order in which they are tried: those that it
    /// asked for, or the magnetic ones and then none.
    pub(crate) fn leases(
        &self,
        job: &Job,
    ) -> Result<Vec<Option<&'a Arc<Reservation>>>, WaitReason> {
        let config = self.cluster.config();
        let leases: Vec<Option<&'a Arc<Reservation>>> =
            match self.cluster.reservations_asked_for(job) {
                Some(asked) => {
                    asked.into_iter().filter(|one| one.admits(config, job)).map(Some).collect()
                }
                None => {
                    let all = self.cluster.reservations();
                    let pulls = |one: &&Arc<Reservation>| {
                        one.flags.has(F::MAGNETIC) && one.admits(config, job)
                    };
                    all.filter(pulls).map(Some).chain([None]).collect()
                }
            };
        if leases.is_empty() { Err(WaitReason::Reservation) } else { Ok(leases) }
    }

    /// The number of the bounds of a job that starts now.
    pub(crate) fn bounds(&mut self, job: &Job, partition: &Partition, lease: Lease<'_>) -> u32 {
        if !self.leased {
            return 0;
        }
        let ends = end_of(job, partition, self.now).unwrap_or(NEVER);
        self.bounds_until(job, partition, lease, Some(ends))
    }

    /// The number of the bounds of a job that starts some time: those that hold at any time.
    pub(crate) fn bounds_some_time(
        &mut self,
        job: &Job,
        partition: &Partition,
        lease: Lease<'_>,
    ) -> u32 {
        self.bounds_until(job, partition, lease, None)
    }

    fn bounds_until(
        &mut self,
        job: &Job,
        partition: &Partition,
        lease: Lease<'_>,
        ends: Option<Timestamp>,
    ) -> u32 {
        if !self.leased {
            return 0;
        }
        let own = lease.map(|lease| &**lease);
        let closes = |one: &&Arc<Reservation>| {
            ends.is_some_and(|ends| one.closes_to(job, own, (self.now, ends), self.now))
        };
        let closing: Vec<&Arc<Reservation>> = self.cluster.reservations().filter(closes).collect();
        if lease.is_none() && closing.is_empty() {
            return 0;
        }
        let key = Key {
            lease: lease.map(|lease| Arc::clone(&lease.name)),
            closing: closing.iter().map(|one| one.id).collect(),
            partition: Arc::clone(&partition.name),
            alone: takes_whole_nodes(self.cluster.config(), partition, &job.spec),
        };
        if let Some(number) = self.ledger.bounds.known.get(&key) {
            return *number;
        }
        let bounds = Bounds::new(&self.ledger, lease, &closing, &key);
        let all = &mut self.ledger.bounds;
        all.all.push(Arc::new(bounds));
        let number = u32::try_from(all.all.len()).expect("reservations and partitions are few");
        all.known.insert(key, number);
        number
    }

    /// Whether there are licenses for a job beside those that reservations keep from it.
    pub(crate) fn has_licenses(&self, job: &Job, partition: &Partition, lease: Lease<'_>) -> bool {
        let wanted = &job.spec.licenses;
        if !self.leased || wanted.is_empty() {
            return self.ledger.has_licenses(wanted, |_| 0);
        }
        let reserved = self.licenses_reserved(job, partition, lease);
        self.ledger.has_licenses(wanted, |name| reserved.get(name).copied().unwrap_or(0))
    }

    /// How many of the licenses that a job wants are reserved for others while it runs.
    pub(crate) fn licenses_reserved(
        &self,
        job: &Job,
        partition: &Partition,
        lease: Lease<'_>,
    ) -> BTreeMap<Arc<str>, u32> {
        if !self.leased {
            return BTreeMap::new();
        }
        let time = (self.now, end_of(job, partition, self.now).unwrap_or(NEVER));
        let own = lease.map(|lease| &**lease);
        let reserved = |name: &str| self.cluster.licenses_reserved(name, own, time, self.now);
        let wanted = job.spec.licenses.iter();
        wanted.map(|(name, _)| (Arc::clone(name), reserved(name))).collect()
    }
}

/// What keeps a job from starting in a reservation now, whatever nodes there are; and whether it is
/// only early.
pub(crate) fn lease_hindrance(lease: &Reservation, now: Timestamp) -> Option<(WaitReason, bool)> {
    if lease.flags.has(F::FLEX) {
        return None;
    }
    let empty = lease.nodes.is_empty() && !lease.flags.has(F::ANY_NODES);
    let early = now < lease.start;
    (early || now >= lease.end || empty).then_some((WaitReason::Reservation, early))
}
