//! Whether a job may start at all, before anybody looks at nodes.

use model::{Beyond, Cluster, Hold, Job, Partition, PartitionState, Timestamp, WaitReason};

/// What keeps a job from being started anywhere.
pub(crate) fn hindrance(job: &Job, now: Timestamp) -> Option<WaitReason> {
    if job.hold.is_held() || job.priority == 0 {
        return Some(held(job));
    }
    let dependencies = &job.spec.dependencies;
    if dependencies.have_failed() {
        return Some(WaitReason::DependencyNeverSatisfied);
    }
    if !dependencies.are_fulfilled() {
        return Some(WaitReason::Dependency);
    }
    if job.begin.is_some_and(|begin| begin > now) {
        return Some(WaitReason::BeginTime);
    }
    if job.spec.deadline.is_some_and(|deadline| deadline <= now) {
        return Some(WaitReason::DeadLine);
    }
    None
}

/// A held job keeps the reason that it was held for.
fn held(job: &Job) -> WaitReason {
    match (&job.wait, job.hold) {
        (
            kept @ (WaitReason::HeldAdmin
            | WaitReason::HeldUser
            | WaitReason::BadConstraints
            | WaitReason::JobHoldMaxRequeue),
            _,
        ) => kept.clone(),
        (_, Hold::LaunchLimit) => WaitReason::JobHoldMaxRequeue,
        (_, Hold::ReservationDeleted) => WaitReason::ReservationDeleted,
        (_, Hold::User) => WaitReason::HeldUser,
        (_, Hold::None | Hold::Admin | Hold::SpecialExit | Hold::Requeued) => WaitReason::HeldAdmin,
    }
}

/// What keeps a job from being started in a partition. `cpus` tells how many CPUs its nodes have.
pub(crate) fn partition_hindrance(
    job: &Job,
    partition: &Partition,
    cpus: impl FnOnce() -> u64,
) -> Option<WaitReason> {
    let time = Beyond::least_time(&job.spec, job.time_limit_min);
    if let Some(beyond) = Beyond::of(partition, &job.spec, time, cpus) {
        return Some(beyond.into());
    }
    match partition.state {
        PartitionState::Up | PartitionState::Drain => None,
        PartitionState::Down => Some(WaitReason::PartitionDown),
        PartitionState::Inactive => Some(WaitReason::PartitionInactive),
    }
}

/// The partitions that a job may run in, in the order in which they are tried: by tier, then as the
/// job named them.
pub(crate) fn partitions<'a>(
    cluster: &'a Cluster,
    job: &Job,
) -> impl Iterator<Item = &'a std::sync::Arc<Partition>> {
    let own = std::slice::from_ref(&job.partition);
    let names = if job.spec.partitions.len() > 1 { &*job.spec.partitions } else { own };
    let mut partitions: Vec<_> = names.iter().filter_map(|name| cluster.partition(name)).collect();
    partitions.sort_by_key(|partition| std::cmp::Reverse(partition.priority_tier));
    partitions.into_iter()
}

/// When a job that starts at a time has to be over, if ever.
pub(crate) fn end_of(job: &Job, partition: &Partition, start: Timestamp) -> Option<Timestamp> {
    Some(start.plus_s(u64::from(job.longest_min(partition)?) * 60))
}
