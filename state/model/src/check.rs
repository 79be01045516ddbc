use std::fmt;
use std::sync::Arc;

use crate::change::Change;
use crate::cluster::Cluster;
use crate::het::HetRole;
use crate::id::{JobId, NodeId};
use crate::job::{Job, Phase, WaitReason};

/// Something that must never be true of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// An index is not what the records make it.
    IndexIsStale,
    /// A job that is active or being cleaned up has no allocation.
    JobWithoutAllocation(JobId),
    /// A job is being cleaned up and waits for no node and no epilog.
    CleanUpWithoutEnd(JobId),
    /// A finished job does not say how it ended.
    EndWithoutOutcome(JobId),
    /// A held job gives another reason for waiting.
    HoldWithoutReason(JobId),
    /// A node's memory is given away twice.
    MemoryOvercommitted(NodeId),
    /// A job that wants its nodes for itself has a neighbour.
    ExclusiveNodeShared(NodeId),
    /// A component of a heterogeneous job misses another, or they disagree about who there is.
    ComponentMissing(JobId),
    /// A component of a heterogeneous job runs and another waits.
    ComponentsApart(JobId),
    /// A step is left of a job that is gone.
    StepWithoutJob(JobId),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What is wrong with a cluster; nothing, unless there is a bug.
pub fn check(cluster: &Cluster) -> Vec<Violation> {
    let mut found = Vec::new();
    if rebuilt(cluster).trimmed_index() != cluster.trimmed_index() {
        found.push(Violation::IndexIsStale);
    }
    for job in cluster.jobs() {
        let has_nodes =
            matches!(job.phase, Phase::Running(_) | Phase::Suspended | Phase::Completing(_));
        if has_nodes && job.allocation.is_none() {
            found.push(Violation::JobWithoutAllocation(job.id));
        }
        if let Phase::Completing(completing) = &job.phase
            && completing.waiting_on.is_empty()
            && !completing.epilog
        {
            found.push(Violation::CleanUpWithoutEnd(job.id));
        }
        if job.is_finished() && job.outcome.is_none() {
            found.push(Violation::EndWithoutOutcome(job.id));
        }
        if job.is_pending() && job.hold.is_held() && job.wait == WaitReason::None {
            found.push(Violation::HoldWithoutReason(job.id));
        }
    }
    found.extend(cluster.jobs().filter_map(|job| component_violation(cluster, job)));
    for node in cluster.nodes() {
        let usage = cluster.usage(node.id);
        if cluster.config().consumable.memory && usage.memory_mib > node.hardware.memory_mib {
            found.push(Violation::MemoryOvercommitted(node.id));
        }
        // A job that was suspended comes back beside whoever has its cores by then.
        let came_back = || cluster.jobs_on(node.id).any(|job| job.suspended.is_some());
        if usage.exclusive > 0 && usage.running + usage.completing > 1 && !came_back() {
            found.push(Violation::ExclusiveNodeShared(node.id));
        }
    }
    for step in cluster.steps() {
        if cluster.job(step.job).is_none() {
            found.push(Violation::StepWithoutJob(step.job));
        }
    }
    found
}

/// What is wrong with a component of a heterogeneous job, seen from it.
fn component_violation(cluster: &Cluster, job: &Arc<Job>) -> Option<Violation> {
    let role = job.het.as_ref()?;
    let agrees = |(offset, id): (u32, &JobId)| {
        let role = HetRole::new(role.members().into(), offset);
        cluster.job(*id).is_some_and(|other| other.het == role && other.array.is_none())
    };
    if !(0..).zip(role.members()).all(agrees) || role.members().get(at(role)) != Some(&job.id) {
        return Some(Violation::ComponentMissing(job.id));
    }
    let apart = job.is_pending() && cluster.components(job).any(|other| other.is_active());
    apart.then_some(Violation::ComponentsApart(job.id))
}

fn at(role: &HetRole) -> usize {
    usize::try_from(role.offset()).unwrap_or(usize::MAX)
}

/// The same records, applied to an empty cluster.
fn rebuilt(cluster: &Cluster) -> Cluster {
    let mut fresh = Cluster::default();
    fresh.apply(&Change::Config(cluster.config().clone()));
    for node in cluster.nodes() {
        fresh.apply(&Change::Node(node.clone()));
    }
    for partition in cluster.partitions() {
        fresh.apply(&Change::Partition(partition.clone()));
    }
    for job in cluster.jobs() {
        fresh.apply(&Change::Job(job.clone()));
    }
    fresh
}
