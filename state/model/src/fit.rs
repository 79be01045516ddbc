//! Whether a proposed start still holds on the cluster as it is now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::bind;
use crate::cluster::Cluster;
use crate::config::Unit;
use crate::gres::{Devices, GresHeld};
use crate::id::{JobId, NodeId, Timestamp, Uid};
use crate::job::{Allocation, Exclusive, Job, NodeShare, Phase};
use crate::node::Node;
use crate::partition::{Partition, Sharing};
use crate::parts::{PartRules, SharedDevices};
use crate::plan::Start;
use crate::power::PowerSaving;
use crate::reservation::{Reservation, ReservationFlags};
use crate::resource::Usage;

/// Why a start no longer holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The job is forgotten.
    #[error("job {0} is gone")]
    JobGone(JobId),
    /// The job has been started or has ended.
    #[error("job {0} does not wait any more")]
    NotPending(JobId),
    /// The job is held, or its priority says so.
    #[error("job {0} is held")]
    Held(JobId),
    /// The task of the array does not wait any more, or the start names none.
    #[error("job {0} has no waiting task {1:?}")]
    TaskGone(JobId, Option<u32>),
    /// As many tasks of the array run as may.
    #[error("array of job {0} runs as many tasks as it may")]
    ArrayLimit(JobId),
    /// The jobs that it waits for have not come so far.
    #[error("job {0} waits for another")]
    Dependency(JobId),
    /// Its begin time has not come.
    #[error("job {0} is not to start yet")]
    NotYet(JobId),
    /// The partition is gone or starts no jobs.
    #[error("partition {0} starts no jobs")]
    PartitionClosed(Arc<str>),
    /// The job did not ask for this partition.
    #[error("job {0} did not ask for partition {1}")]
    OtherPartition(JobId, Arc<str>),
    /// The allocation has no node, or one twice.
    #[error("the allocation of job {0} is not a list of nodes")]
    BadAllocation(JobId),
    /// The node is gone or not in the partition.
    #[error("node {0:?} is not in the partition")]
    NodeGone(NodeId),
    /// No job is to be placed on the node.
    #[error("node {0:?} takes no jobs")]
    NodeClosed(NodeId),
    /// A core is held by another job, is the system's, or does not exist.
    #[error("cores of node {0:?} are taken")]
    CoresTaken(NodeId),
    /// Less memory is left.
    #[error("memory of node {0:?} is taken")]
    MemoryTaken(NodeId),
    /// The reservation is gone, is not now, or is not for this job; or the job asked for one.
    #[error("job {0} may not start in or outside of a reservation")]
    ReservationClosed(JobId),
    /// The node, or cores of it, are reserved for others.
    #[error("node {0:?} is reserved")]
    Reserved(NodeId),
    /// Fewer generic resources are left.
    #[error("{1} of node {0:?} is taken")]
    GresTaken(NodeId, Arc<str>),
    /// The node is another job's alone, or the job wants it for itself and has neighbours there.
    #[error("node {0:?} cannot be shared")]
    NotShared(NodeId),
    /// The job is a component of a heterogeneous job, whose components start together.
    #[error("job {0} does not start without the other components")]
    NotAlone(JobId),
    /// A job that was to be pushed aside may not be.
    #[error("job {0} is not to be pushed aside")]
    NotPreemptable(JobId),
    /// Fewer licenses are left.
    #[error("license {0} is taken")]
    LicenseTaken(Arc<str>),
}

/// Checks a start again, on the cluster as it is when it is to be carried out.
///
/// What the job asked for is not looked at again: that the allocation serves it is the planner's
/// word, and only what may have changed since it looked is checked.
///
/// # Errors
///
/// The first thing that does not hold.
pub fn fits(cluster: &Cluster, now: Timestamp, start: &Start) -> Result<(), Misfit> {
    if cluster.job(start.job).is_some_and(|job| job.het.is_some()) {
        return Err(Misfit::NotAlone(start.job));
    }
    is_startable(cluster, now, start)
}

fn is_startable(cluster: &Cluster, now: Timestamp, start: &Start) -> Result<(), Misfit> {
    let job = cluster.job(start.job).ok_or(Misfit::JobGone(start.job))?;
    is_eligible(cluster, now, job, start)?;
    let partition = cluster
        .partition(&start.partition)
        .filter(|partition| partition.state.starts_jobs())
        .ok_or_else(|| Misfit::PartitionClosed(Arc::clone(&start.partition)))?;
    if job.partition != start.partition && !job.spec.partitions.contains(&start.partition) {
        return Err(Misfit::OtherPartition(job.id, Arc::clone(&start.partition)));
    }
    let ascending = start.allocation.shares.is_sorted_by(|a, b| a.node < b.node);
    if start.allocation.shares.is_empty() || !ascending {
        return Err(Misfit::BadAllocation(job.id));
    }
    for share in &start.allocation.shares {
        node_fits(cluster, job, partition, &start.allocation, share)?;
    }
    if cluster.has_reservations() || job.reservation().is_some() {
        reservations_fit(cluster, now, job, partition, &start.allocation)?;
    }
    licenses_fit(cluster, &start.allocation)
}

/// Whether a job may start where it is to as far as reservations say: in its own, and off others.
fn reservations_fit(
    cluster: &Cluster,
    now: Timestamp,
    job: &Job,
    partition: &Partition,
    allocation: &Allocation,
) -> Result<(), Misfit> {
    let own = own_reservation(cluster, now, job, allocation)?.map(|own| &**own);
    let minutes = job.longest_min(partition);
    let ends = minutes.map_or(Timestamp(i64::MAX), |minutes| now.plus_s(u64::from(minutes) * 60));
    let closes = |other: &&Arc<Reservation>| other.closes_to(job, own, (now, ends), now);
    for other in cluster.reservations().filter(closes) {
        let clashes = |share: &&NodeShare| match other.cores_of(share.node) {
            Some(cores) => allocation.exclusive || cores.intersects(&share.cores),
            None => other.has_node(share.node),
        };
        if let Some(share) = allocation.shares.iter().find(clashes) {
            return Err(Misfit::Reserved(share.node));
        }
    }
    for (name, count) in &allocation.licenses {
        let pool = cluster.config().licenses.iter().find(|pool| pool.name == *name);
        let reserved = cluster.licenses_reserved(name, own, (now, ends), now);
        let held = cluster.licenses_held(name).saturating_add(reserved);
        if count.saturating_add(held) > pool.map_or(0, |pool| pool.total) {
            return Err(Misfit::LicenseTaken(Arc::clone(name)));
        }
    }
    Ok(())
}

/// The reservation that a job is to start in, if it may and is to stay on its nodes and cores.
fn own_reservation<'c>(
    cluster: &'c Cluster,
    now: Timestamp,
    job: &Job,
    allocation: &Allocation,
) -> Result<Option<&'c Arc<Reservation>>, Misfit> {
    let closed = Misfit::ReservationClosed(job.id);
    let asked = cluster.reservations_asked_for(job);
    let Some(name) = &allocation.reservation else {
        return if asked.is_none() { Ok(None) } else { Err(closed) };
    };
    let own = cluster.reservation(name).ok_or(closed.clone())?;
    let is_meant = match asked {
        Some(asked) => asked.iter().any(|one| one.name == own.name),
        None => own.flags.has(ReservationFlags::MAGNETIC),
    };
    let flexible = own.flags.has(ReservationFlags::FLEX);
    let is_now = flexible || own.start <= now && now < own.end;
    if !is_meant || !is_now || !own.admits(cluster.config(), job) {
        return Err(closed);
    }
    if flexible || own.nodes.is_empty() {
        return Ok(Some(own));
    }
    let is_outside = |share: &&NodeShare| match own.cores_of(share.node) {
        Some(cores) => !share.cores.iter().all(|core| cores.contains(core)),
        None => !own.has_node(share.node),
    };
    match allocation.shares.iter().find(is_outside) {
        Some(share) => Err(Misfit::Reserved(share.node)),
        None => Ok(Some(own)),
    }
}

/// Checks the start of a heterogeneous job again: of all its components, or of none.
///
/// # Errors
///
/// The first thing that does not hold.
pub fn fits_together(cluster: &Cluster, now: Timestamp, starts: &[Start]) -> Result<(), Misfit> {
    let mut nodes = BTreeSet::new();
    for start in starts {
        let job = cluster.job(start.job).ok_or(Misfit::JobGone(start.job))?;
        let members = job.het.as_ref().map_or(&[][..], |role| role.members());
        if !members.iter().eq(starts.iter().map(|start| &start.job)) {
            return Err(Misfit::NotAlone(job.id));
        }
        is_startable(cluster, now, start)?;
        // Nothing is taken twice, since no two have a node in common; licenses are the leader's.
        for share in &start.allocation.shares {
            if !nodes.insert(share.node) {
                return Err(Misfit::NotShared(share.node));
            }
        }
        if start.job != members[0] && !start.allocation.licenses.is_empty() {
            return Err(Misfit::BadAllocation(job.id));
        }
    }
    Ok(())
}

fn is_eligible(cluster: &Cluster, now: Timestamp, job: &Job, start: &Start) -> Result<(), Misfit> {
    if !job.is_pending() {
        return Err(Misfit::NotPending(job.id));
    }
    if job.hold.is_held() || job.priority == 0 {
        return Err(Misfit::Held(job.id));
    }
    match (&job.array, start.task) {
        (None, None) => {}
        (Some(role), Some(task)) if role.has(task) => {
            if role.running_max > 0 && tasks_running(cluster, job) >= role.running_max {
                return Err(Misfit::ArrayLimit(role.array_job));
            }
        }
        (_, task) => return Err(Misfit::TaskGone(job.id, task)),
    }
    if !job.spec.dependencies.are_fulfilled() {
        return Err(Misfit::Dependency(job.id));
    }
    if job.begin.is_some_and(|begin| begin > now) {
        return Err(Misfit::NotYet(job.id));
    }
    Ok(())
}

/// How many tasks of the job's array run or are suspended.
fn tasks_running(cluster: &Cluster, job: &Job) -> u32 {
    let running = cluster.array_records(job.array_job()).filter(|task| task.is_active()).count();
    u32::try_from(running).unwrap_or(u32::MAX)
}

fn node_fits(
    cluster: &Cluster,
    job: &Job,
    partition: &Partition,
    allocation: &Allocation,
    share: &NodeShare,
) -> Result<(), Misfit> {
    let member = partition.nodes.binary_search(&share.node).is_ok();
    let node = cluster.node(share.node).filter(|_| member).ok_or(Misfit::NodeGone(share.node))?;
    let usage = cluster.usage(node.id);
    let is_in_use = || usage.running > 0;
    let has_power = PowerSaving::gives(cluster.config().power.as_ref(), node, is_in_use);
    if !node.is_schedulable() || !has_power {
        return Err(Misfit::NodeClosed(node.id));
    }
    if usage.exclusive > 0 || allocation.exclusive && !usage.is_idle() {
        return Err(Misfit::NotShared(node.id));
    }
    neighbours_fit(cluster, job, node)?;
    let rows = rows(cluster, partition, job);
    let taken = |core| {
        core >= node.hardware.cores()
            || usage.cores.contains(core)
                && 1 + usage.oversubscribed.get(&core).copied().unwrap_or(0) >= rows
    };
    if share.cores.iter().any(taken) {
        return Err(Misfit::CoresTaken(node.id));
    }
    let free = node.hardware.job_memory_mib().saturating_sub(usage.memory_mib);
    if cluster.config().consumable.memory && share.memory_mib > free {
        return Err(Misfit::MemoryTaken(node.id));
    }
    gres_fits(node, &usage, share)?;
    devices_fit(cluster, job, node, &usage, share)
}

/// Devices whose parts others have are nobody's as a whole, and the other way round.
fn devices_fit(
    cluster: &Cluster,
    job: &Job,
    node: &Node,
    usage: &Usage,
    share: &NodeShare,
) -> Result<(), Misfit> {
    for held in &share.gres {
        let in_parts = u64::from(usage.taken.in_parts(&held.name).len());
        let total = u64::from(Devices::of(node, &held.name).len());
        let had = u64::from(usage.taken.closed(&held.name).len());
        if in_parts > 0 && held.count > total.saturating_sub(had) {
            return Err(Misfit::GresTaken(node.id, Arc::clone(&held.name)));
        }
    }
    let is_shared = |held: &&GresHeld| !SharedDevices::of(node, &held.name).is_empty();
    let Some(first) = share.gres.iter().find(is_shared) else {
        return Ok(());
    };
    let rules = PartRules::of(cluster.config(), &job.spec);
    let taken = usage.taken.clone();
    // All that it gets: a device that it has whole is not there in parts, for itself either.
    match bind::bound(node, &job.spec.gres, &share.gres, &share.cores, taken, rules) {
        Some(_) => Ok(()),
        None => Err(Misfit::GresTaken(node.id, Arc::clone(&first.name))),
    }
}

/// How many jobs may hold a core of the partition at a time, if this job is one of them.
fn rows(cluster: &Cluster, partition: &Partition, job: &Job) -> u32 {
    match partition.sharing {
        Sharing::Exclusive | Sharing::No => 1,
        Sharing::Yes(_) if cluster.config().consumable.unit == Unit::Node => 1,
        Sharing::Yes(rows) if job.spec.share => u32::from(rows).max(1),
        Sharing::Yes(_) => 1,
        Sharing::Force(rows) => u32::from(rows).max(1),
    }
}

/// Jobs that share a node with nobody but jobs of their owner (`--exclusive=user`), or of their label.
fn neighbours_fit(cluster: &Cluster, job: &Job, node: &Node) -> Result<(), Misfit> {
    let mine = owner_alone(cluster, job);
    let clash = |other: &Arc<Job>| {
        other.owner != job.owner && (mine.is_some() || owner_alone(cluster, other).is_some())
    };
    let mcs = &cluster.config().mcs;
    let label = mcs.closes(&job.spec);
    let clash = |other: &Arc<Job>| {
        !mcs.may_join(label, other) || other.phase != Phase::Suspended && clash(other)
    };
    if cluster.jobs_on(node.id).any(clash) {
        return Err(Misfit::NotShared(node.id));
    }
    Ok(())
}

/// Whose jobs alone may be beside this one, if it is so choosy.
fn owner_alone(cluster: &Cluster, job: &Job) -> Option<Uid> {
    let by_partition = || cluster.partition(&job.partition).is_some_and(|p| p.exclusive_user);
    (job.spec.exclusive == Exclusive::User || by_partition()).then_some(job.owner)
}

fn gres_fits(node: &Node, usage: &Usage, share: &NodeShare) -> Result<(), Misfit> {
    let mut wanted: BTreeMap<(&str, Option<&str>), u64> = BTreeMap::new();
    let counted = share.gres.iter().filter(|g| SharedDevices::of(node, &g.name).is_empty());
    for gres in counted {
        *wanted.entry((&gres.name, gres.kind.as_deref())).or_default() += gres.count;
    }
    for ((name, kind), count) in wanted {
        let same = |n: &str, k: Option<&str>| n == name && k == kind;
        let total: u64 = node
            .hardware
            .gres
            .iter()
            .filter(|g| same(&g.name, g.kind.as_deref()))
            .map(|g| g.count)
            .sum();
        let held: u64 = usage
            .gres
            .iter()
            .filter(|((n, k), _)| same(n, k.as_deref()))
            .map(|(_, count)| *count)
            .sum();
        if count > total.saturating_sub(held) {
            return Err(Misfit::GresTaken(node.id, name.into()));
        }
    }
    Ok(())
}

fn licenses_fit(cluster: &Cluster, allocation: &Allocation) -> Result<(), Misfit> {
    let mut wanted: BTreeMap<&Arc<str>, u32> = BTreeMap::new();
    for (name, count) in &allocation.licenses {
        let sum = wanted.entry(name).or_default();
        *sum = sum.saturating_add(*count);
    }
    for (name, count) in wanted {
        let pool = cluster.config().licenses.iter().find(|pool| pool.name == *name);
        let total = pool.map_or(0, |pool| pool.total);
        if count > total.saturating_sub(cluster.licenses_held(name)) {
            return Err(Misfit::LicenseTaken(Arc::clone(name)));
        }
    }
    Ok(())
}
