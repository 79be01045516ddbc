use std::collections::BTreeSet;
use std::sync::Arc;

use crate::id::{NodeId, Timestamp, Uid};

/// Where a job stands. Slurm's state word is computed from it and the job's [`Outcome`].
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// It waits to be started.
    Pending,
    /// It has its nodes.
    Running(Launch),
    /// It has its nodes and its processes are stopped.
    Suspended,
    /// It has ended or is to start anew, and some of its nodes have not cleaned up yet.
    Completing(Completing),
    /// It is over.
    Ended,
}

/// How far the start of a running job has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Launch {
    /// PrologSlurmctld runs on the controller's host; its nodes have heard nothing of it yet.
    Configuring {
        /// When it was started, or started again.
        since: Timestamp,
    },
    /// Some of its nodes are being started; none has heard of it yet.
    Waking {
        /// When PrologSlurmctld, which runs meanwhile, was started, or started again.
        prolog: Option<Timestamp>,
    },
    /// Its script waits: for PrologSlurmctld of the other components of the heterogeneous job that it
    /// leads, or with PrologFlags=DeferBatch for the prologs of all nodes.
    Preparing,
    /// The batch script is on its way to the batch host, which has not answered.
    Sending {
        /// When it was sent last.
        since: Timestamp,
    },
    /// It runs.
    Done,
}

/// The prologs that a job's nodes run at its start (PrologFlags=Alloc), until all are done. The script
/// does not wait for them here, but in its node's slurmd, which runs it when its own prolog is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Prologs {
    /// Nodes that have not acknowledged that they are to run it.
    pub unasked: BTreeSet<NodeId>,
    /// Nodes that have, and have not reported how it ended. With PrologFlags=NoHold nodes report only
    /// failures, so none is waited for.
    pub running: BTreeSet<NodeId>,
    /// Whether clients of the job, and its script if it is deferred, wait for their end: without NoHold.
    pub holds: bool,
    /// When the unasked were asked last.
    pub since: Timestamp,
}

/// What is left to do for a job that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Completing {
    /// Nodes that have not cleaned up.
    pub waiting_on: BTreeSet<NodeId>,
    /// When they were told.
    pub since: Timestamp,
    /// When they were told last.
    pub told: Timestamp,
    /// Whether the job waits again afterwards instead of ending.
    pub requeue: bool,
    /// Whether EpilogSlurmctld runs on the controller's host.
    pub epilog: bool,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How.
    pub exit: Exit,
    /// Wait status of the batch script or the command: exit code in the high byte, signal below.
    pub status: u32,
    /// Highest wait status of its steps.
    pub derived_status: u32,
}

/// The ways in which a job ends; Slurm's base states from 3 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With status 0.
    Completed,
    /// Somebody ended it.
    Cancelled {
        /// Who.
        by: Uid,
    },
    /// With another status.
    Failed,
    /// Its time was up.
    Timeout,
    /// A node of it went away.
    NodeFail,
    /// Another job pushed it aside.
    Preempted,
    /// A node of it did not come up.
    BootFail,
    /// It could not have ended in time.
    Deadline,
    /// It ran out of memory.
    OutOfMemory,
}

impl Exit {
    /// Whether it counts as a failure: every end but a good one and a cancellation.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Completed | Self::Cancelled { .. } => false,
            Self::Failed
            | Self::Timeout
            | Self::NodeFail
            | Self::Preempted
            | Self::BootFail
            | Self::Deadline
            | Self::OutOfMemory => true,
        }
    }
}

/// Whether a job is to wait, and who may let it go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// It may start.
    #[default]
    None,
    /// Its owner holds it, and may let it go.
    User,
    /// An administrator holds it, and only one may let it go.
    Admin,
    /// It was requeued and held after an end that asks for a look (SPECIAL_EXIT).
    SpecialExit,
    /// It may not start again since it was requeued with hold.
    Requeued,
    /// Nodes could make nothing of it MaxBatchRequeue times.
    LaunchLimit,
    /// The reservation that it was to run in is gone; its owner may let it go.
    ReservationDeleted,
}

impl Hold {
    /// Whether the job may not start.
    pub fn is_held(self) -> bool {
        self != Self::None
    }

    /// Why a job that is held so waits: whoever may let it go stands for who holds it.
    pub fn wait_reason(self) -> WaitReason {
        match self {
            Self::None => WaitReason::None,
            Self::Admin => WaitReason::HeldAdmin,
            Self::LaunchLimit => WaitReason::JobHoldMaxRequeue,
            Self::ReservationDeleted => WaitReason::ReservationDeleted,
            Self::User | Self::SpecialExit | Self::Requeued => WaitReason::HeldUser,
        }
    }
}

/// Why a job waits. Slurm's numbers and names are given to these in `ctld/src/rpc`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Slurm's, squeue(1) JOB REASON CODES")]
pub enum WaitReason {
    /// It was not looked at yet.
    #[default]
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
    /// The nodes named are down, drained or reserved; the text is what people read of it.
    ReqNodeNotAvail(Arc<str>),
    JobHoldMaxRequeue,
    Cleaning,
    Prolog,
    MaxMemPerLimit,
    NodesDownOrReserved,
    DeadLine,
    InvalidQos,
    InvalidAccount,
    /// It has ended: why, for `squeue --state=all`.
    NonZeroExitCode,
    RaisedSignal,
    TimeLimit,
    NodeFailed,
    JobLaunchFailure,
    OutOfMemory,
    SystemFailure,
    Preempted,
    InactiveLimit,
    /// As many nodes are up as max_powered_nodes lets.
    MaxPoweredNodes,
}
