use std::sync::Arc;

use model::{
    Allocation, ArrayRole, Completing, CoreSet, Exit, Gid, HetRole, IndexSet, Job, JobId, JobSpec,
    Launch, NodeId, NodeShare, Outcome, PendingTasks, Phase, Prologs, Resized, Timestamp, Uid,
    WaitReason,
};
use prost::Message as _;

use super::paired::Paired as _;
use super::proto::{self, launch::Launch as LaunchKind, phase::Phase as PhaseKind};
use super::{
    cron, narrow, needed, node_numbers, node_set, read_held, read_licenses, seconds, shared, spec,
    text, time, write_held, write_licenses,
};
use crate::error::RecordError;

/// More tasks than any array has: MaxArraySize is at most 4,000,001 (slurm.conf(5)). A damaged
/// range must not make a set of four thousand million.
const ARRAY_TASKS_MAX: u64 = 4_000_001;

pub(crate) fn write(job: &Job) -> proto::Job {
    let Job {
        id,
        array,
        het,
        owner,
        group,
        spec,
        partition,
        phase,
        prologs,
        hold,
        wait,
        state_text,
        priority,
        allocation,
        outcome,
        submitted,
        eligible,
        begin,
        started,
        expected_nodes,
        ended,
        suspended,
        ran_before_suspend_s,
        last_evaluated,
        restarts,
        time_limit_min,
        failed_node,
        next_step,
        next_step_node,
        batch,
        protocol,
        warned,
        derived_status,
        client_listens,
        launch_failures,
        stopped,
        mailed_percent,
        preempted,
        cron,
    } = job;
    let (wait, wait_text) = write_wait(wait);
    proto::Job {
        id: id.0,
        array: array.as_ref().map(write_array),
        het: het.as_ref().map(write_het),
        owner: owner.0,
        group: group.0,
        spec: spec::write(spec).encode_to_vec(),
        partition: partition.to_string(),
        phase: Some(write_phase(phase)),
        prologs: prologs.as_deref().map(write_prologs),
        hold: hold.number(),
        wait: wait.into(),
        wait_text,
        state_text: text(state_text),
        priority: *priority,
        allocation: allocation.as_deref().map(write_allocation),
        outcome: outcome.as_ref().map(write_outcome),
        submitted: submitted.0,
        eligible: seconds(*eligible),
        begin: seconds(*begin),
        started: seconds(*started),
        expected_nodes: text(expected_nodes),
        ended: seconds(*ended),
        suspended: seconds(*suspended),
        ran_before_suspend_s: *ran_before_suspend_s,
        last_evaluated: seconds(*last_evaluated),
        restarts: (*restarts).into(),
        time_limit_min: *time_limit_min,
        failed_node: text(failed_node),
        next_step: *next_step,
        next_step_node: *next_step_node,
        batch: *batch,
        protocol: (*protocol).into(),
        warned: *warned,
        derived_status: *derived_status,
        client_listens: *client_listens,
        launch_failures: u32::from(*launch_failures),
        stopped: *stopped,
        mailed_percent: (*mailed_percent).into(),
        preempted: seconds(*preempted),
        cron: cron.as_deref().map(cron::write_line),
    }
}

/// A job from its record; whoever reads many gives the spec and the partition's name, so that equal
/// ones are kept once.
pub(crate) fn read(
    record: proto::Job,
    spec: Arc<JobSpec>,
    partition: Arc<str>,
) -> Result<Job, RecordError> {
    Ok(Job {
        id: JobId(record.id),
        array: record.array.map(read_array).transpose()?,
        het: record.het.map(read_het).transpose()?,
        owner: Uid(record.owner),
        group: Gid(record.group),
        spec,
        partition,
        phase: read_phase(needed("phase", record.phase)?)?,
        prologs: record.prologs.as_ref().map(read_prologs).map(Box::new),
        hold: model::Hold::numbered("hold", record.hold)?,
        wait: read_wait(record.wait, record.wait_text),
        state_text: shared(record.state_text),
        priority: record.priority,
        allocation: record.allocation.map(read_allocation).transpose()?.map(Arc::new),
        outcome: record.outcome.map(read_outcome).transpose()?,
        submitted: Timestamp(record.submitted),
        eligible: time(record.eligible),
        begin: time(record.begin),
        started: time(record.started),
        expected_nodes: shared(record.expected_nodes),
        ended: time(record.ended),
        suspended: time(record.suspended),
        ran_before_suspend_s: record.ran_before_suspend_s,
        last_evaluated: time(record.last_evaluated),
        restarts: narrow("restarts", record.restarts)?,
        time_limit_min: record.time_limit_min,
        failed_node: shared(record.failed_node),
        next_step: record.next_step,
        next_step_node: record.next_step_node,
        batch: record.batch,
        protocol: narrow("protocol", record.protocol)?,
        warned: record.warned,
        derived_status: record.derived_status,
        client_listens: record.client_listens,
        launch_failures: narrow("launch_failures", record.launch_failures)?,
        stopped: record.stopped,
        mailed_percent: narrow("mailed_percent", record.mailed_percent)?,
        preempted: time(record.preempted),
        cron: record.cron.map(cron::read_line).map(Arc::new),
    })
}

fn write_array(role: &ArrayRole) -> proto::ArrayRole {
    use proto::array_role::Tasks;

    let ArrayRole { array_job, tasks, running_max, size } = role;
    let tasks = match tasks {
        PendingTasks::One(index) => Tasks::One(*index),
        PendingTasks::Several(set) => Tasks::Several(proto::IndexSet {
            bounds: set.ranges().iter().flat_map(|&(first, last)| [first, last]).collect(),
        }),
    };
    proto::ArrayRole {
        array_job: array_job.0,
        tasks: Some(tasks),
        running_max: *running_max,
        size: *size,
    }
}

fn read_array(record: proto::ArrayRole) -> Result<ArrayRole, RecordError> {
    use proto::array_role::Tasks;

    let tasks = match needed("array.tasks", record.tasks)? {
        Tasks::One(index) => PendingTasks::One(index),
        Tasks::Several(set) => PendingTasks::Several(read_indexes(&set.bounds)?),
    };
    Ok(ArrayRole {
        array_job: JobId(record.array_job),
        tasks,
        running_max: record.running_max,
        size: record.size,
    })
}

fn write_het(role: &HetRole) -> proto::HetRole {
    let members = role.members().iter().map(|id| id.0).collect();
    proto::HetRole { members, offset: role.offset() }
}

fn read_het(record: proto::HetRole) -> Result<HetRole, RecordError> {
    let members = record.members.into_iter().map(JobId).collect();
    let none = RecordError::OutOfRange { field: "het.offset", value: record.offset.into() };
    HetRole::new(members, record.offset).ok_or(none)
}

fn read_indexes(bounds: &[u32]) -> Result<IndexSet, RecordError> {
    let field = "array.tasks";
    let (ranges, rest) = bounds.as_chunks::<2>();
    if ranges.is_empty() || !rest.is_empty() {
        return Err(RecordError::Missing { field });
    }
    let mut count = 0;
    for &[first, last] in ranges {
        count += u64::from(
            last.checked_sub(first).ok_or(RecordError::OutOfRange { field, value: last.into() })?,
        ) + 1;
        if count > ARRAY_TASKS_MAX {
            return Err(RecordError::OutOfRange { field, value: count });
        }
    }
    Ok(ranges.iter().flat_map(|&[first, last]| first..=last).collect())
}

fn write_phase(phase: &Phase) -> proto::Phase {
    let phase = match phase {
        Phase::Pending => PhaseKind::Pending(proto::Empty {}),
        Phase::Running(launch) => PhaseKind::Running(write_launch(launch)),
        Phase::Suspended => PhaseKind::Suspended(proto::Empty {}),
        Phase::Completing(Completing { waiting_on, since, told, requeue, epilog }) => {
            PhaseKind::Completing(proto::Completing {
                waiting_on: node_numbers(waiting_on),
                since: since.0,
                told: told.0,
                requeue: *requeue,
                epilog: *epilog,
            })
        }
        Phase::Ended => PhaseKind::Ended(proto::Empty {}),
    };
    proto::Phase { phase: Some(phase) }
}

fn read_phase(record: proto::Phase) -> Result<Phase, RecordError> {
    Ok(match needed("phase", record.phase)? {
        PhaseKind::Pending(_) => Phase::Pending,
        PhaseKind::Running(launch) => Phase::Running(read_launch(launch)?),
        PhaseKind::Suspended(_) => Phase::Suspended,
        PhaseKind::Completing(completing) => Phase::Completing(Completing {
            waiting_on: node_set(&completing.waiting_on),
            since: Timestamp(completing.since),
            told: Timestamp(completing.told),
            requeue: completing.requeue,
            epilog: completing.epilog,
        }),
        PhaseKind::Ended(_) => Phase::Ended,
    })
}

fn write_launch(launch: &Launch) -> proto::Launch {
    let launch = match launch {
        Launch::Configuring { since } => LaunchKind::Configuring(since.0),
        Launch::Sending { since } => LaunchKind::Sending(since.0),
        Launch::Preparing => LaunchKind::Preparing(proto::Empty {}),
        Launch::Waking { prolog } => LaunchKind::Waking(proto::Waking { prolog: seconds(*prolog) }),
        Launch::Done => LaunchKind::Done(proto::Empty {}),
    };
    proto::Launch { launch: Some(launch) }
}

fn read_launch(record: proto::Launch) -> Result<Launch, RecordError> {
    Ok(match needed("phase.running", record.launch)? {
        LaunchKind::Configuring(since) => Launch::Configuring { since: Timestamp(since) },
        LaunchKind::Sending(since) => Launch::Sending { since: Timestamp(since) },
        LaunchKind::Preparing(_) => Launch::Preparing,
        LaunchKind::Waking(proto::Waking { prolog }) => Launch::Waking { prolog: time(prolog) },
        LaunchKind::Done(_) => Launch::Done,
    })
}

fn write_prologs(prologs: &Prologs) -> proto::Prologs {
    let Prologs { unasked, running, holds, since } = prologs;
    proto::Prologs {
        unasked: node_numbers(unasked),
        running: node_numbers(running),
        holds: *holds,
        since: since.0,
    }
}

fn read_prologs(record: &proto::Prologs) -> Prologs {
    Prologs {
        unasked: node_set(&record.unasked),
        running: node_set(&record.running),
        holds: record.holds,
        since: Timestamp(record.since),
    }
}

fn write_outcome(outcome: &Outcome) -> proto::Outcome {
    let Outcome { exit, status, derived_status } = outcome;
    let (exit, cancelled_by) = match exit {
        Exit::Completed => (proto::Exit::Completed, 0),
        Exit::Cancelled { by } => (proto::Exit::Cancelled, by.0),
        Exit::Failed => (proto::Exit::Failed, 0),
        Exit::Timeout => (proto::Exit::Timeout, 0),
        Exit::NodeFail => (proto::Exit::NodeFail, 0),
        Exit::Preempted => (proto::Exit::Preempted, 0),
        Exit::BootFail => (proto::Exit::BootFail, 0),
        Exit::Deadline => (proto::Exit::Deadline, 0),
        Exit::OutOfMemory => (proto::Exit::OutOfMemory, 0),
    };
    proto::Outcome {
        exit: exit.into(),
        cancelled_by,
        status: *status,
        derived_status: *derived_status,
    }
}

fn read_outcome(record: proto::Outcome) -> Result<Outcome, RecordError> {
    let unknown = RecordError::Unknown { field: "outcome.exit", number: record.exit };
    let exit = match proto::Exit::try_from(record.exit) {
        Err(_) | Ok(proto::Exit::Unspecified) => return Err(unknown),
        Ok(proto::Exit::Completed) => Exit::Completed,
        Ok(proto::Exit::Cancelled) => Exit::Cancelled { by: Uid(record.cancelled_by) },
        Ok(proto::Exit::Failed) => Exit::Failed,
        Ok(proto::Exit::Timeout) => Exit::Timeout,
        Ok(proto::Exit::NodeFail) => Exit::NodeFail,
        Ok(proto::Exit::Preempted) => Exit::Preempted,
        Ok(proto::Exit::BootFail) => Exit::BootFail,
        Ok(proto::Exit::Deadline) => Exit::Deadline,
        Ok(proto::Exit::OutOfMemory) => Exit::OutOfMemory,
    };
    Ok(Outcome { exit, status: record.status, derived_status: record.derived_status })
}

fn write_allocation(allocation: &Allocation) -> proto::Allocation {
    let Allocation {
        shares,
        batch_at,
        node_list,
        exclusive,
        tasks,
        licenses,
        resized,
        reservation,
    } = allocation;
    proto::Allocation {
        shares: shares.iter().map(write_share).collect(),
        batch_at: *batch_at,
        node_list: node_list.to_string(),
        exclusive: *exclusive,
        tasks: *tasks,
        licenses: write_licenses(licenses),
        resized: resized.map(|resized| proto::Resized {
            at: resized.at.0,
            script_on: resized.script_on.map(|node| node.0),
        }),
        reservation: text(reservation),
    }
}

fn write_share(share: &NodeShare) -> proto::NodeShare {
    let NodeShare { node, cores, cpus, memory_mib, tasks, gres } = share;
    proto::NodeShare {
        node: node.0,
        cores: cores.words().to_vec(),
        cpus: *cpus,
        memory_mib: *memory_mib,
        tasks: *tasks,
        gres: gres.iter().map(write_held).collect(),
    }
}

fn read_allocation(record: proto::Allocation) -> Result<Allocation, RecordError> {
    if record.shares.is_empty() {
        return Err(RecordError::Missing { field: "allocation.shares" });
    }
    Ok(Allocation {
        shares: record.shares.into_iter().map(read_share).collect(),
        batch_at: record.batch_at,
        node_list: record.node_list.into(),
        exclusive: record.exclusive,
        tasks: record.tasks,
        licenses: read_licenses(record.licenses),
        resized: record.resized.map(|resized| Resized {
            at: Timestamp(resized.at),
            script_on: resized.script_on.map(NodeId),
        }),
        reservation: shared(record.reservation),
    })
}

fn read_share(record: proto::NodeShare) -> NodeShare {
    NodeShare {
        node: NodeId(record.node),
        cores: CoreSet::from_words(record.cores),
        cpus: record.cpus,
        memory_mib: record.memory_mib,
        tasks: record.tasks,
        gres: record.gres.into_iter().map(read_held).collect(),
    }
}

macro_rules! wait_reasons {
    ($($variant:ident),* $(,)?) => {
        fn write_wait(wait: &WaitReason) -> (proto::Wait, Option<String>) {
            match wait {
                $(WaitReason::$variant => (proto::Wait::$variant, None),)*
                WaitReason::ReqNodeNotAvail(text) => {
                    (proto::Wait::ReqNodeNotAvail, Some(text.to_string()))
                }
            }
        }

        /// A reason that a newer release gave and this one does not know is looked for anew by the
        /// next pass of the scheduler.
        fn read_wait(number: i32, text: Option<String>) -> WaitReason {
            match proto::Wait::try_from(number) {
                Err(_) => WaitReason::None,
                $(Ok(proto::Wait::$variant) => WaitReason::$variant,)*
                Ok(proto::Wait::ReqNodeNotAvail) => {
                    WaitReason::ReqNodeNotAvail(text.unwrap_or_default().into())
                }
            }
        }
    };
}

wait_reasons![
    None,
    Priority,
    Dependency,
    DependencyNeverSatisfied,
    Resources,
    PartitionConfig,
    PartitionNodeLimit,
    PartitionTimeLimit,
    PartitionDown,
    PartitionInactive,
    HeldAdmin,
    HeldUser,
    BeginTime,
    Licenses,
    ArrayTaskLimit,
    Reservation,
    ReservationDeleted,
    NodeDown,
    BadConstraints,
    JobHoldMaxRequeue,
    Cleaning,
    Prolog,
    MaxMemPerLimit,
    NodesDownOrReserved,
    DeadLine,
    InvalidQos,
    InvalidAccount,
    NonZeroExitCode,
    RaisedSignal,
    TimeLimit,
    NodeFailed,
    JobLaunchFailure,
    OutOfMemory,
    SystemFailure,
    Preempted,
    InactiveLimit,
    MaxPoweredNodes,
];

#[cfg(test)]
mod tests {
    use super::read_indexes;

    #[test]
    fn a_damaged_range_makes_no_set() {
        assert_eq!(read_indexes(&[1, 3, 7, 7]).unwrap().iter().collect::<Vec<_>>(), [1, 2, 3, 7]);
        for bad in [&[][..], &[1], &[3, 1], &[0, u32::MAX], &[0, 4_000_000, 0, 9]] {
            assert!(read_indexes(bad).is_err(), "{bad:?}");
        }
    }
}
