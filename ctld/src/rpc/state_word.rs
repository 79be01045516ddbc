//! The state word of a node, and the number of a job's reason.

use model::{Availability, Exit, Hold, Job, Node, Origin, Usage, WaitReason};
use protocol::msg::{JobReason, node_state};

/// Slurm's state word of a node. A node of which a part is given to jobs is "allocated" here:
/// clients make "mixed" of it by its CPUs.
pub(super) fn node_state_word(node: &Node, usage: &Usage) -> u32 {
    let base = match node.availability {
        Availability::Unknown => node_state::UNKNOWN,
        Availability::Up if usage.running > 0 => node_state::ALLOCATED,
        Availability::Up => node_state::IDLE,
        Availability::Down => node_state::DOWN,
        Availability::Future => node_state::FUTURE,
    };
    let flags = node.flags;
    let words = [
        (flags.drain, node_state::DRAIN),
        (flags.fail, node_state::FAIL),
        (flags.not_responding, node_state::NO_RESPOND),
        (flags.invalid, node_state::INVALID_REG),
        (flags.reboot_requested, node_state::REBOOT_REQUESTED),
        (flags.reboot_issued, node_state::REBOOT_ISSUED),
        (flags.powering_up, node_state::POWERING_UP),
        (flags.powering_down, node_state::POWERING_DOWN),
        (flags.powered_down, node_state::POWERED_DOWN),
        (flags.power_down_requested, node_state::POWER_DOWN),
        (flags.power_up_requested, node_state::POWER_UP),
        (flags.cloud, node_state::CLOUD),
        (usage.completing > 0 || node.flags.unclean, node_state::COMPLETING),
        (node.origin == Origin::Dynamic, node_state::DYNAMIC_NORM),
    ];
    words.iter().filter(|(holds, _)| *holds).fold(base, |word, (_, bit)| word | bit)
}

/// The number of a job's reason: why it waits, or why it ended badly.
pub(super) fn job_reason(job: &Job) -> JobReason {
    if job.is_pending() {
        return wait_reason(job);
    }
    match job.outcome.as_ref().filter(|_| job.is_finished()).map(|outcome| outcome.exit) {
        None if job.waits_for_prologs() => JobReason::WAIT_PROLOG,
        None if job.is_active() => JobReason::WAIT_NO_REASON,
        None | Some(Exit::Completed | Exit::Cancelled { .. }) => wait_reason(job),
        Some(exit) if job.wait == WaitReason::None => ended_reason(exit),
        Some(_) => wait_reason(job),
    }
}

fn ended_reason(exit: Exit) -> JobReason {
    match exit {
        Exit::Completed | Exit::Cancelled { .. } | Exit::Preempted => JobReason::WAIT_NO_REASON,
        Exit::Failed => JobReason::FAIL_EXIT_CODE,
        Exit::Timeout => JobReason::FAIL_TIMEOUT,
        // A script that is missing from its node ends its job without a reason.
        Exit::NodeFail => JobReason::WAIT_NO_REASON,
        Exit::BootFail => JobReason::FAIL_DOWN_NODE,
        Exit::Deadline => JobReason::FAIL_DEADLINE,
        Exit::OutOfMemory => JobReason::FAIL_OOM,
    }
}

fn wait_reason(job: &Job) -> JobReason {
    match &job.wait {
        WaitReason::None | WaitReason::Preempted => held_reason(job),
        WaitReason::Priority => JobReason::WAIT_PRIORITY,
        WaitReason::Dependency => JobReason::WAIT_DEPENDENCY,
        WaitReason::DependencyNeverSatisfied => JobReason::WAIT_DEP_INVALID,
        WaitReason::Resources => JobReason::WAIT_RESOURCES,
        WaitReason::PartitionConfig => JobReason::WAIT_PART_CONFIG,
        WaitReason::PartitionNodeLimit => JobReason::WAIT_PART_NODE_LIMIT,
        WaitReason::PartitionTimeLimit => JobReason::WAIT_PART_TIME_LIMIT,
        WaitReason::PartitionDown => JobReason::WAIT_PART_DOWN,
        WaitReason::PartitionInactive => JobReason::WAIT_PART_INACTIVE,
        WaitReason::HeldAdmin => JobReason::WAIT_HELD,
        WaitReason::HeldUser => JobReason::WAIT_HELD_USER,
        WaitReason::BeginTime => JobReason::WAIT_TIME,
        WaitReason::Licenses => JobReason::WAIT_LICENSES,
        WaitReason::ArrayTaskLimit => JobReason::WAIT_ARRAY_TASK_LIMIT,
        WaitReason::Reservation => JobReason::WAIT_RESERVATION,
        WaitReason::ReservationDeleted => JobReason::WAIT_RESV_DELETED,
        WaitReason::NodeDown | WaitReason::NodeFailed => JobReason::FAIL_DOWN_NODE,
        WaitReason::BadConstraints => JobReason::FAIL_BAD_CONSTRAINTS,
        WaitReason::ReqNodeNotAvail(_) | WaitReason::NodesDownOrReserved => {
            JobReason::WAIT_NODE_NOT_AVAIL
        }
        WaitReason::JobHoldMaxRequeue => JobReason::WAIT_MAX_REQUEUE,
        WaitReason::Cleaning => JobReason::WAIT_CLEANING,
        WaitReason::Prolog => JobReason::WAIT_PROLOG,
        WaitReason::MaxMemPerLimit => JobReason::WAIT_PN_MEM_LIMIT,
        WaitReason::DeadLine => JobReason::FAIL_DEADLINE,
        WaitReason::InvalidQos => JobReason::FAIL_QOS,
        WaitReason::InvalidAccount => JobReason::FAIL_ACCOUNT,
        WaitReason::NonZeroExitCode => JobReason::FAIL_EXIT_CODE,
        WaitReason::TimeLimit => JobReason::FAIL_TIMEOUT,
        WaitReason::JobLaunchFailure => JobReason::FAIL_LAUNCH,
        WaitReason::OutOfMemory => JobReason::FAIL_OOM,
        WaitReason::SystemFailure => JobReason::FAIL_SYSTEM,
        WaitReason::RaisedSignal => JobReason::FAIL_SIGNAL,
        WaitReason::MaxPoweredNodes => JobReason::WAIT_MAX_POWERED_NODES,
        WaitReason::InactiveLimit => JobReason::FAIL_INACTIVE_LIMIT,
    }
}

fn held_reason(job: &Job) -> JobReason {
    match job.hold {
        Hold::None => JobReason::WAIT_NO_REASON,
        Hold::User | Hold::SpecialExit | Hold::Requeued => JobReason::WAIT_HELD_USER,
        Hold::Admin => JobReason::WAIT_HELD,
        Hold::LaunchLimit => JobReason::WAIT_MAX_REQUEUE,
        Hold::ReservationDeleted => JobReason::WAIT_RESV_DELETED,
    }
}

/// The words that squeue and scontrol show beside a reason that alone says too little.
pub(super) fn reason_text(job: &Job) -> Option<String> {
    if let Some(text) = &job.state_text {
        return Some(text.to_string());
    }
    match &job.wait {
        WaitReason::ReqNodeNotAvail(text) => Some(text.to_string()),
        WaitReason::NodesDownOrReserved => Some(
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority \
             partitions"
                .to_owned(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use model::{Availability, Usage};
    use protocol::msg::node_state;

    use super::node_state_word;
    use crate::rpc::fixtures;

    #[test]
    fn a_node_is_allocated_while_jobs_run_and_completing_while_they_end() {
        let mut node = fixtures::node(0, "n1");
        let usage = |running, completing| Usage { running, completing, ..Usage::default() };
        assert_eq!(node_state_word(&node, &usage(0, 0)), node_state::IDLE);
        assert_eq!(node_state_word(&node, &usage(2, 0)), node_state::ALLOCATED);
        assert_eq!(node_state_word(&node, &usage(0, 1)), node_state::IDLE | node_state::COMPLETING);
        node.availability = Availability::Down;
        node.flags.not_responding = true;
        assert_eq!(node_state_word(&node, &usage(1, 0)), node_state::DOWN | node_state::NO_RESPOND);
    }
}
