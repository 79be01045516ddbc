//! Words of a job that are computed where a message needs them: its state, how it shares.

use model::{Exclusive, Exit, Hold, Job, Launch, Partition, Phase, Sharing};
use protocol::msg::{JobState, exclusive, oversubscribe, shared};
use protocol::shape::Limit;

/// Slurm's state word: a base, and flags for what goes on beside it. A job whose nodes run their
/// prologs runs, with that for a reason.
pub fn job_state(job: &Job) -> JobState {
    let ended = job.outcome.as_ref().map_or(JobState::FAILED, |outcome| ended_as(outcome.exit));
    match &job.phase {
        Phase::Pending => match job.hold {
            Hold::SpecialExit => JobState::PENDING | JobState::SPECIAL_EXIT,
            Hold::ReservationDeleted => JobState::PENDING | JobState::RESV_DEL_HOLD,
            Hold::LaunchLimit => JobState::PENDING | JobState::REQUEUE_HOLD,
            Hold::None | Hold::User | Hold::Admin | Hold::Requeued => JobState::PENDING,
        },
        Phase::Running(Launch::Configuring { .. }) => JobState::RUNNING | JobState::CONFIGURING,
        Phase::Running(Launch::Waking { .. }) => {
            JobState::RUNNING | JobState::CONFIGURING | JobState::POWER_UP_NODE
        }
        Phase::Running(_) if job.stopped => JobState::RUNNING | JobState::STOPPED,
        Phase::Running(_) => JobState::RUNNING,
        Phase::Suspended => JobState::SUSPENDED,
        Phase::Completing(completing) if completing.requeue => {
            JobState::PENDING | JobState::COMPLETING
        }
        Phase::Completing(_) => ended | JobState::COMPLETING,
        Phase::Ended => ended,
    }
}

fn ended_as(exit: Exit) -> JobState {
    match exit {
        Exit::Completed => JobState::COMPLETE,
        Exit::Cancelled { .. } => JobState::CANCELLED,
        Exit::Failed => JobState::FAILED,
        Exit::Timeout => JobState::TIMEOUT,
        Exit::NodeFail => JobState::NODE_FAIL,
        Exit::Preempted => JobState::PREEMPTED,
        Exit::BootFail => JobState::BOOT_FAIL,
        Exit::Deadline => JobState::DEADLINE,
        Exit::OutOfMemory => JobState::OOM,
    }
}

/// `OverSubscribe` of a job up to 25.11, which is its exclusiveness too. `Unset` is "the partition
/// lets it, if it wants" as well as "the partition does not".
pub fn shared_value(job: &Job, partition: Option<&Partition>) -> Limit<u16> {
    if job.spec.share {
        return Limit::Value(shared::OK);
    }
    let own = match job.spec.exclusive {
        Exclusive::Node => Some(shared::NONE),
        Exclusive::User => Some(shared::USER),
        Exclusive::Mcs => Some(shared::MCS),
        Exclusive::Topology => Some(shared::TOPO),
        Exclusive::Unset | Exclusive::No => None,
    };
    let of_partition = |partition: &Partition| match partition.sharing {
        _ if partition.exclusive_topo => Some(shared::TOPO),
        _ if partition.exclusive_user => Some(shared::USER),
        Sharing::Force(jobs) if jobs > 1 => Some(shared::OK),
        Sharing::Exclusive => Some(shared::NONE),
        Sharing::No | Sharing::Yes(_) | Sharing::Force(_) => None,
    };
    Limit::from_option(own.or_else(|| partition.and_then(of_partition)))
}

/// `OverSubscribe` of a job from 26.05 on.
pub fn oversubscribe_value(job: &Job, partition: Option<&Partition>) -> u16 {
    let asked_for_none = job.spec.exclusive == Exclusive::Node;
    match partition.map(|partition| partition.sharing) {
        _ if job.spec.share => oversubscribe::YES,
        _ if asked_for_none => oversubscribe::NO,
        Some(Sharing::Force(_)) => oversubscribe::OK,
        Some(Sharing::Yes(jobs)) if jobs > 1 => oversubscribe::OK,
        _ => oversubscribe::NO,
    }
}

/// Whether a job has its nodes for itself, from 26.05 on.
pub fn exclusive_value(job: &Job, partition: Option<&Partition>) -> u16 {
    let whole_nodes = partition.is_some_and(|partition| partition.sharing == Sharing::Exclusive);
    let of_topology = partition.is_some_and(|partition| partition.exclusive_topo);
    let of_user = partition.is_some_and(|partition| partition.exclusive_user);
    match job.spec.exclusive {
        _ if job.spec.share => exclusive::NONE,
        Exclusive::Topology => exclusive::TOPO,
        Exclusive::Node if of_topology => exclusive::TOPO,
        Exclusive::Node => exclusive::NODE,
        Exclusive::User => exclusive::USER,
        Exclusive::Mcs => exclusive::MCS,
        Exclusive::Unset | Exclusive::No => match (of_topology, of_user, whole_nodes) {
            (true, ..) => exclusive::TOPO,
            (_, true, _) => exclusive::USER,
            (.., true) => exclusive::NODE,
            _ => exclusive::NONE,
        },
    }
}

/// `OverSubscribe` from 26.05 on, in words.
pub fn oversubscribe_word(value: u16) -> &'static str {
    match value {
        oversubscribe::YES => "YES",
        oversubscribe::OK => "OK",
        _ => "NO",
    }
}

/// Whether a job has its nodes for itself, in words.
pub fn exclusive_word(value: u16) -> &'static str {
    match value {
        exclusive::NODE => "NODE",
        exclusive::USER => "USER",
        exclusive::MCS => "MCS",
        exclusive::TOPO => "TOPO",
        _ => "NO",
    }
}

/// `OverSubscribe` up to 25.11, in words (`job_share_string()`).
pub fn shared_word(value: Limit<u16>) -> &'static str {
    match value.value() {
        Some(shared::NONE) => "NO",
        Some(shared::OK) => "YES",
        Some(shared::USER) => "USER",
        Some(shared::MCS) => "MCS",
        Some(shared::TOPO) => "TOPO",
        _ => "OK",
    }
}

/// The base of a job's state, in words (`job_state_string()`).
pub fn base_state_word(job: &Job) -> &'static str {
    let exit = job.outcome.as_ref().map(|outcome| outcome.exit);
    match (&job.phase, exit) {
        (Phase::Pending, _) => "PENDING",
        (Phase::Running(_), _) => "RUNNING",
        (Phase::Suspended, _) => "SUSPENDED",
        (Phase::Completing(completing), _) if completing.requeue => "PENDING",
        (Phase::Completing(_) | Phase::Ended, exit) => match exit.unwrap_or(Exit::Failed) {
            Exit::Completed => "COMPLETED",
            Exit::Cancelled { .. } => "CANCELLED",
            Exit::Failed => "FAILED",
            Exit::Timeout => "TIMEOUT",
            Exit::NodeFail => "NODE_FAIL",
            Exit::Preempted => "PREEMPTED",
            Exit::BootFail => "BOOT_FAIL",
            Exit::Deadline => "DEADLINE",
            Exit::OutOfMemory => "OUT_OF_MEMORY",
        },
    }
}
