//! Whether a job can ever run, and when it could: what is asked when it is submitted.

use std::sync::Arc;

use model::{
    Allocation, Beyond, Cluster, Job, JobSpec, NodeId, PartLimits, Partition, PartitionState,
    Timestamp, Uid, UnknownNode, named_nodes,
};

use crate::Budget;
use crate::backfill::Bookings;
use crate::bounds::{Lease, is_anywhere};
use crate::demand::Demand;
use crate::eligible::{end_of, partitions};
use crate::features::Features;
use crate::future::Future;
use crate::ledger::{Ledger, first_node_memory_mib};
use crate::planner::Planner;
use crate::shape::Shape;
use crate::verdict::NEVER;

/// Why a job can never run in a partition. Slurm's error numbers are given to these in `ctld/src/rpc`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Infeasible {
    /// A node that it named is not there (ESLURM_INVALID_NODE_NAME).
    #[error(transparent)]
    UnknownNode(#[from] UnknownNode),
    /// A node that it must have is not in the partition (ESLURM_REQUESTED_NODES_NOT_IN_PARTITION).
    #[error("node {0:?} is not in partition {1}")]
    NodeNotInPartition(NodeId, Arc<str>),
    /// Its features cannot be read or no node has them (ESLURM_INVALID_FEATURE).
    #[error("features {0} cannot be had")]
    Features(Arc<str>),
    /// Fewer or more nodes than the partition gives to a job, or has (ESLURM_INVALID_NODE_COUNT).
    /// Rejected only where EnforcePartLimits says so.
    #[error("{0} nodes are too few or too many for partition {1}")]
    NodeCount(u32, Arc<str>),
    /// More CPUs than the partition has (ESLURM_TOO_MANY_REQUESTED_CPUS).
    /// Rejected only where EnforcePartLimits says so.
    #[error("{0} CPUs are too many for partition {1}")]
    TooManyCpus(u32, Arc<str>),
    /// A longer time than the partition gives (ESLURM_INVALID_TIME_LIMIT).
    /// Rejected only where EnforcePartLimits says so.
    #[error("{0} minutes are too long for partition {1}")]
    TimeLimit(u32, Arc<str>),
    /// More memory than MaxMemPerCPU or MaxMemPerNode allow (ESLURM_INVALID_TASK_MEMORY).
    #[error("partition {0} gives no job so much memory")]
    Memory(Arc<str>),
    /// No nodes of the partition could serve it (ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE).
    #[error("no nodes of partition {0} could serve")]
    NodeConfig(Arc<str>),
}

/// Whether a job could ever run in a partition, all of its nodes being up and idle.
///
/// Limits of the partition count only where EnforcePartLimits is set: elsewhere such a job is
/// queued and waits with the limit as its reason, as in stock of all releases but 24.11, which
/// refuses what has more nodes or CPUs than there are. A partition that is down takes all jobs.
///
/// # Errors
///
/// Why not.
pub fn feasible(
    cluster: &Cluster,
    partition: &Partition,
    spec: &JobSpec,
    owner: Uid,
) -> Result<(), Infeasible> {
    let name = || Arc::clone(&partition.name);
    let required = match &spec.required_nodes {
        Some(text) => named_nodes(cluster, text)?,
        None => Vec::new(),
    };
    let outside = required.iter().find(|id| partition.nodes.binary_search(id).is_err()).copied();
    if let Some(text) = &spec.excluded_nodes {
        named_nodes(cluster, text)?;
    }
    if let Some(text) = spec.features.as_ref().filter(|text| !text.is_empty())
        && !features_exist(cluster, text)
    {
        return Err(Infeasible::Features(Arc::clone(text)));
    }
    let config = cluster.config();
    let enforced = config.enforce_part_limits != PartLimits::No;
    let time = match enforced {
        // Stock (24.11, 26.05) goes by the whole time then, though less would do.
        true if spec.time_unlimited => Some(u32::MAX),
        true => spec.time_limit_min,
        false => Beyond::least_time(spec, spec.time_limit_min),
    };
    let beyond = Beyond::of(partition, spec, time, || partition.cpus(cluster));
    match beyond {
        Some(beyond) if enforced => return Err(Infeasible::beyond(beyond, name())),
        // It waits for the limit to change; what nodes it wants is looked at then.
        Some(Beyond::Cpus(_) | Beyond::Nodes(_)) => return Ok(()),
        Some(Beyond::Time(_)) | None => {}
    }
    if enforced && let Some(outside) = outside {
        return Err(Infeasible::NodeNotInPartition(outside, name()));
    }
    if partition.state == PartitionState::Down {
        return Ok(());
    }
    if let Some(outside) = outside {
        return Err(Infeasible::NodeNotInPartition(outside, name()));
    }
    let first_node = || first_node_memory_mib(cluster, partition);
    let demand = match Demand::of(config, partition, spec, owner, first_node) {
        Ok(demand) => demand,
        Err(_) if enforced => return Err(Infeasible::Memory(name())),
        Err(_) => Demand::without_limit(config, partition, spec, owner),
    };
    if serves(cluster, partition, &demand, &required) {
        Ok(())
    } else {
        Err(Infeasible::NodeConfig(name()))
    }
}

/// Whether the nodes of the partition could serve, if all were up and idle.
///
/// A job that the first few of them can serve need not look at the others, and most are such: this
/// is asked at each submission.
fn serves(cluster: &Cluster, partition: &Partition, demand: &Demand, required: &[NodeId]) -> bool {
    let all = partition.nodes.len();
    // Which nodes are neighbours is told by all of them.
    let mut count = if demand.contiguous { all } else { FEW_NODES.max(demand.min_nodes as usize) };
    loop {
        let mut ids: Vec<NodeId> = partition.nodes.iter().take(count).copied().collect();
        ids.extend(required);
        ids.sort_unstable();
        ids.dedup();
        let nodes = if demand.contiguous {
            cluster.nodes().collect()
        } else {
            ids.iter().filter_map(|id| cluster.node(*id)).collect()
        };
        let ledger = Ledger::idle(cluster, nodes);
        let shape = Shape::new(&ledger, demand.clone());
        if shape.is_ok_and(|shape| shape.serves_when_idle(&ledger, |_| true)) {
            return true;
        }
        if count >= all {
            return false;
        }
        count *= 8;
    }
}

/// Nodes that are looked at before more are.
const FEW_NODES: usize = 2;

/// Whether a `--constraint` can be read, and each feature in it is available on some node.
pub fn features_exist(cluster: &Cluster, text: &str) -> bool {
    let known = |name: &str| {
        cluster.nodes().any(|node| node.features_available.iter().any(|has| **has == *name))
    };
    Features::parse(text).is_ok_and(|features| features.names().into_iter().all(known))
}

/// When and where a job could start that nobody else is queued before: `sbatch --test-only`.
///
/// Running jobs are taken to end when their time is up; labels of MCS are not looked at. `None` if the job can
/// never run, or only after a job without a time limit. The job need not be in the cluster.
pub fn will_run(cluster: &Cluster, now: Timestamp, job: &Job) -> Option<(Timestamp, Allocation)> {
    let from = job.begin.map_or(now, |begin| begin.max(now));
    let mut best: Option<(Timestamp, Allocation)> = None;
    let leases = Planner::new(cluster, now, Budget::FULL).leases(job).ok()?;
    for (lease, partition) in
        leases.iter().flat_map(|lease| partitions(cluster, job).map(move |p| (*lease, p)))
    {
        let found = will_run_in(cluster, (now, from), job, partition, lease);
        if let Some(found) = found
            && best.as_ref().is_none_or(|best| found.0 < best.0)
        {
            best = Some(found);
        }
    }
    best
}

fn will_run_in(
    cluster: &Cluster,
    (now, from): (Timestamp, Timestamp),
    job: &Job,
    partition: &Partition,
    lease: Lease<'_>,
) -> Option<(Timestamp, Allocation)> {
    let mut planner = Planner::new(cluster, now, Budget::FULL);
    // As in stock (24.11, 26.05).
    planner.ledger.heeds_labels = false;
    let mut demand = planner.demand(job, partition, lease).ok()?;
    demand.bounds = planner.bounds_some_time(job, partition, lease);
    let opens = lease.filter(|lease| !is_anywhere(lease)).map(|lease| lease.start);
    let from = from.max(opens.unwrap_or(from));
    let mut shape = Shape::new(&planner.ledger, demand.clone()).ok()?;
    shape.refresh(&mut planner.ledger, now);
    let future = Future::new(&planner.ledger, now);
    let none = Bookings::default();
    let lasts = |start: Timestamp| end_of(job, partition, start).unwrap_or(NEVER);
    let found = future.earliest_from(&mut planner.ledger, &shape, job, from, (&none, &lasts))?;
    let shares = found.shares.into_iter().map(|(_, share)| share).collect();
    Some((found.at, planner.allocation(job, &demand, shares)))
}

impl Infeasible {
    fn beyond(beyond: Beyond, partition: Arc<str>) -> Self {
        match beyond {
            Beyond::Cpus(cpus) => Self::TooManyCpus(cpus, partition),
            Beyond::Nodes(nodes) => Self::NodeCount(nodes, partition),
            Beyond::Time(minutes) => Self::TimeLimit(minutes, partition),
        }
    }

    /// Whether another limit of the partition would change it: what EnforcePartLimits=ALL has no
    /// partition break.
    pub fn is_limit(&self) -> bool {
        match self {
            Self::NodeNotInPartition(..)
            | Self::NodeCount(..)
            | Self::TooManyCpus(..)
            | Self::TimeLimit(..)
            | Self::Memory(_) => true,
            Self::UnknownNode(_) | Self::Features(_) | Self::NodeConfig(_) => false,
        }
    }
}
