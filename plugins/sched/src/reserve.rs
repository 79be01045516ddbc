//! Nodes and cores for a reservation that did not name them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Cluster, CoreSet, Exclusive, GresWish, Hardware, Job, JobSpec, MemoryRequest, Node, NodeId,
    NumberOption, Partition, Phase, Reservation, ReservationFlags as F, Timestamp, Uid,
};

use crate::demand::Demand;
use crate::ledger::Ledger;
use crate::room::Room;
use crate::shape::{Hopeless, Shape};

/// Tasks that fill a node before the next is begun (`SLURM_DIST_BLOCK` of slurm.h).
const BLOCK: u64 = 2;

/// What a reservation wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReservationWish {
    /// How many nodes.
    pub nodes: Option<u32>,
    /// How many cores; without it whole nodes are wanted.
    pub cores: Option<u32>,
    /// The only nodes that come into question, by name.
    pub named: Option<Arc<str>>,
    /// Nodes that it has already.
    pub besides: Vec<NodeId>,
    /// Generic resources that its nodes must have.
    pub gres: Vec<GresWish>,
}

/// Nodes, and the cores of each where not all are wanted.
pub type Reserved = (Vec<NodeId>, Option<Vec<(NodeId, CoreSet)>>);

/// Why nothing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReserved {
    /// Its features cannot be read (ESLURM_INVALID_FEATURE).
    #[error("the features cannot be read")]
    Features,
    /// A node that was named is none of the partition's (ESLURM_INVALID_NODE_NAME).
    #[error("a node is not in the partition")]
    Nodes,
    /// Too few nodes have the features (ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE).
    #[error("too few nodes have the features")]
    Config,
    /// There are not enough, or others have them (ESLURM_NODES_BUSY).
    #[error("not enough nodes or cores are left")]
    Busy,
}

/// Looks for what a reservation wants among the nodes of a partition: first those that neither jobs
/// nor other reservations have at its time, then, where it does not care, the others (24.11).
///
/// # Errors
///
/// Why nothing was found.
pub fn reserve(
    cluster: &Cluster,
    now: Timestamp,
    one: &Reservation,
    partition: &Partition,
    wish: &ReservationWish,
) -> Result<Reserved, NotReserved> {
    let spec = spec(one, wish);
    let demand = Demand::of(cluster.config(), partition, &spec, Uid::ROOT, || 0)
        .map_err(|_| NotReserved::Busy)?;
    let ignores_jobs = one.flags.has(F::IGNORE_JOBS);
    let ignores_others = one.flags.has(F::OVERLAP | F::MAINT);
    let mut found = Err(NotReserved::Busy);
    for (beside_jobs, beside_others) in
        [(false, false), (ignores_jobs, false), (ignores_jobs, ignores_others)]
    {
        let scene = Scene { cluster, now, one, partition, wish, beside_jobs, beside_others };
        found = scene.place(&demand);
        if !matches!(found, Err(NotReserved::Busy)) {
            return found;
        }
    }
    let nodes = partition.nodes.iter().filter_map(|id| cluster.node(*id)).collect();
    let able = Shape::new(&Ledger::idle(cluster, nodes), demand);
    let able = able.map_or(0, |shape| shape.candidates.len());
    let wanted = wish.nodes.and_then(|nodes| usize::try_from(nodes).ok()).unwrap_or(0);
    if one.features.is_some() && able < wanted { Err(NotReserved::Config) } else { found }
}

/// The request as a job's.
fn spec(one: &Reservation, wish: &ReservationWish) -> JobSpec {
    let mut spec = JobSpec {
        min_nodes: wish.nodes.unwrap_or(1).max(1),
        max_nodes: wish.nodes,
        features: one.features.clone(),
        required_nodes: wish.named.clone(),
        gres: wish.gres.clone(),
        memory: Some(MemoryRequest::PerNode(1)),
        ..JobSpec::default()
    };
    spec.carried.set_number(NumberOption::TaskDist, Some(BLOCK));
    match wish.cores {
        None => spec.exclusive = Exclusive::Node,
        Some(cores) => {
            spec.tasks = Some(cores);
            spec.min_cpus = cores;
            spec.threads_per_core = Some(1);
            spec.tasks_per_core = Some(1);
        }
    }
    spec
}

/// What may be taken into account, and what not.
struct Scene<'a> {
    cluster: &'a Cluster,
    now: Timestamp,
    one: &'a Reservation,
    partition: &'a Partition,
    wish: &'a ReservationWish,
    beside_jobs: bool,
    beside_others: bool,
}

impl Scene<'_> {
    fn place(&self, demand: &Demand) -> Result<Reserved, NotReserved> {
        let (nodes, rooms) = self.nodes();
        let mut ledger = Ledger::idle(self.cluster, nodes);
        ledger.rooms = rooms;
        let shape = Shape::new(&ledger, demand.clone());
        let mut shape = shape.map_err(|why| match why {
            Hopeless::Features => NotReserved::Features,
            Hopeless::RequiredNode if !self.has_named() => NotReserved::Nodes,
            Hopeless::RequiredNode | Hopeless::ExcludedNode | Hopeless::TooManyRequired => {
                NotReserved::Busy
            }
        })?;
        shape.refresh(&mut ledger, self.now);
        let room = |rank: u32| &ledger.rooms[rank as usize];
        let chosen = shape.select(&ledger, Cow::Borrowed(shape.cpus()), &room);
        let shares = chosen.ok_or(NotReserved::Busy)?;
        let nodes = shares.iter().map(|share| share.node).collect();
        let cores = self
            .wish
            .cores
            .map(|_| shares.into_iter().map(|share| (share.node, share.cores)).collect());
        Ok((nodes, cores))
    }

    /// Whether all nodes that were named are in the partition.
    fn has_named(&self) -> bool {
        let named = self.wish.named.as_ref().map(|text| model::named_nodes(self.cluster, text));
        named.is_none_or(|named| {
            let is_here = |node: &NodeId| self.partition.nodes.binary_search(node).is_ok();
            named.is_ok_and(|nodes| nodes.iter().all(is_here))
        })
    }

    /// The nodes that come into question, and what is left of each.
    fn nodes(&self) -> (Vec<&Arc<Node>>, Vec<Room>) {
        let maintains = self.one.flags.has(F::MAINT);
        let others: Vec<&Arc<Reservation>> =
            self.cluster.reservations().filter(|other| self.is_in_the_way(other)).collect();
        let jobs: Vec<&Arc<Job>> =
            self.cluster.active().filter(|job| self.is_job_in_the_way(job)).collect();
        let mut taken: BTreeSet<NodeId> = self.wish.besides.iter().copied().collect();
        if self.wish.cores.is_none() {
            let shares = jobs.iter().flat_map(|job| job.held_shares());
            taken.extend(shares.map(|share| share.node));
        }
        for other in &others {
            if other.has_whole_nodes() || self.wish.cores.is_none() {
                taken.extend(other.nodes.iter());
            }
        }
        let nodes = self.partition.nodes.iter().filter(|id| !taken.contains(id));
        let nodes = nodes.filter_map(|id| self.cluster.node(*id));
        let nodes: Vec<&Arc<Node>> =
            nodes.filter(|node| maintains || node.is_schedulable()).collect();
        let rooms = nodes.iter().map(|node| self.room(node, &jobs, &others)).collect();
        (nodes, rooms)
    }

    fn room(&self, node: &Node, jobs: &[&Arc<Job>], others: &[&Arc<Reservation>]) -> Room {
        let hardware: &Hardware = &node.hardware;
        let mut room = Room::whole(hardware);
        for share in jobs.iter().flat_map(|job| job.held_shares()) {
            if share.node == node.id {
                room.free.remove(&share.cores);
            }
        }
        for cores in others.iter().filter_map(|other| other.cores_of(node.id)) {
            room.free.remove(cores);
        }
        room
    }

    fn is_in_the_way(&self, other: &Reservation) -> bool {
        let zone = &self.cluster.config().zone;
        !self.beside_others && other.name != self.one.name && self.one.meets(other, self.now, zone)
    }

    fn is_job_in_the_way(&self, job: &Job) -> bool {
        let (start, _) = self.one.window(self.now);
        let runs = matches!(job.phase, Phase::Running(_) | Phase::Suspended);
        let ends = job.time_limit_min.and(job.ended);
        !self.beside_jobs && runs && ends.is_none_or(|end| end >= start)
    }
}
