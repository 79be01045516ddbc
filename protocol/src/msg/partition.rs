//! Partitions: their records, and how they are made, changed and deleted.

use crate::msg::{Codec, Dated, JobDefault, Minutes};
use crate::number::Number;
use crate::shape::{Bitmap, Limit, NullOr, Timestamp};
use crate::version::Version::*;
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

/// `PART_FLAG_*`: a `u16` in 23.11, a `u32` later; 23.11 has none of the high bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionFlags(pub u32);

impl PartitionFlags {
    /// `Default`.
    pub const DEFAULT: u32 = 1 << 0;
    /// `Hidden`.
    pub const HIDDEN: u32 = 1 << 1;
    /// `DisableRootJobs`.
    pub const NO_ROOT: u32 = 1 << 2;
    /// `RootOnly`.
    pub const ROOT_ONLY: u32 = 1 << 3;
    /// `ReqResv`.
    pub const REQ_RESV: u32 = 1 << 4;
    /// `LLN`.
    pub const LLN: u32 = 1 << 5;
    /// `ExclusiveUser`.
    pub const EXCLUSIVE_USER: u32 = 1 << 6;
    /// `PowerDownOnIdle`.
    pub const POWER_DOWN_ON_IDLE: u32 = 1 << 7;
    /// Updates only: clears `Default`.
    pub const DEFAULT_CLEAR: u32 = 1 << 8;
    /// Updates only: clears `Hidden`.
    pub const HIDDEN_CLEAR: u32 = 1 << 9;
    /// Updates only: clears `DisableRootJobs`.
    pub const NO_ROOT_CLEAR: u32 = 1 << 10;
    /// Updates only: clears `RootOnly`.
    pub const ROOT_ONLY_CLEAR: u32 = 1 << 11;
    /// Updates only: clears `ReqResv`.
    pub const REQ_RESV_CLEAR: u32 = 1 << 12;
    /// Updates only: clears `LLN`.
    pub const LLN_CLEAR: u32 = 1 << 13;
    /// Updates only: clears `ExclusiveUser`.
    pub const EXCLUSIVE_USER_CLEAR: u32 = 1 << 14;
    /// Updates only: clears `PowerDownOnIdle`.
    pub const POWER_DOWN_ON_IDLE_CLEAR: u32 = 1 << 15;
    /// `ExclusiveTopo` (24.05+).
    pub const EXCLUSIVE_TOPO: u32 = 1 << 16;
    /// Updates only: clears `ExclusiveTopo` (24.05+).
    pub const EXCLUSIVE_TOPO_CLEAR: u32 = 1 << 17;

    /// Whether all bits of `flag` are set.
    pub fn has(self, flag: u32) -> bool {
        self.0 & flag == flag
    }
}

impl Wire for PartitionFlags {
    fn encode(&self, w: &mut Writer) {
        if w.version() >= V24_05 {
            self.0.encode(w);
        } else {
            // 23.11 knows none of the bits that are cut off.
            ((self.0 & 0xffff) as u16).encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.version() >= V24_05 {
            u32::decode(r).map(Self)
        } else {
            u16::decode(r).map(|flags| Self(flags.into()))
        }
    }
}

/// `State` of a partition: whether jobs are taken, and whether they are started.
pub mod partition_state {
    /// Bit: jobs are taken.
    pub const SUBMIT: u16 = 1 << 0;
    /// Bit: jobs are started.
    pub const SCHEDULE: u16 = 1 << 1;
    /// `UP`.
    pub const UP: u16 = SUBMIT | SCHEDULE;
    /// `DOWN`.
    pub const DOWN: u16 = SUBMIT;
    /// `DRAIN`.
    pub const DRAIN: u16 = SCHEDULE;
    /// `INACTIVE`.
    pub const INACTIVE: u16 = 0;
}

/// `PreemptMode`, of the cluster, a partition or a QOS.
pub mod preempt_mode {
    /// `OFF`.
    pub const OFF: u16 = 0;
    /// `SUSPEND`.
    pub const SUSPEND: u16 = 1 << 0;
    /// `REQUEUE`.
    pub const REQUEUE: u16 = 1 << 1;
    /// `CANCEL`.
    pub const CANCEL: u16 = 1 << 3;
    /// `OFF` in the list of a QOS.
    pub const COND_OFF: u16 = 1 << 4;
    /// `PRIORITY`: only for a job of higher priority (24.05+).
    pub const PRIORITY: u16 = 1 << 13;
    /// `WITHIN`: also within a QOS.
    pub const WITHIN: u16 = 1 << 14;
    /// `GANG`.
    pub const GANG: u16 = 1 << 15;
}

/// Bit of `OverSubscribe` beside the count of jobs: `FORCE`.
pub const OVERSUBSCRIBE_FORCE: u16 = 0x8000;

wire_struct! {
    /// `REQUEST_PARTITION_INFO`: all partitions; [`PartitionsInfo`] answers, or
    /// `SLURM_NO_CHANGE_IN_DATA`.
    pub struct PartitionInfoRequest {
        /// What the client already has; 0 is nothing.
        pub last_update: Timestamp,
        /// See [`show`](crate::msg::show).
        pub show_flags: u16,
    }
}

wire_struct! {
    /// A partition, as clients are told of it.
    pub struct PartitionInfo {
        /// Its name.
        pub name: Option<String>,
        /// `CpuBind`.
        pub cpu_bind: u32,
        /// `GraceTime`, seconds.
        pub grace_time: Limit<u32>,
        /// `MaxTime`, minutes.
        pub max_time: Minutes,
        /// `DefaultTime`, minutes.
        pub default_time: Minutes,
        /// `MaxNodes`.
        pub max_nodes: Limit<u32>,
        /// `MinNodes`.
        pub min_nodes: u32,
        /// How many nodes it has.
        pub total_nodes: u32,
        /// How many CPUs they have.
        pub total_cpus: u32,
        /// `DefMemPerCPU` with bit 63 set, or `DefMemPerNode`; MB, 0 unlimited.
        pub def_mem_per_cpu: u64,
        /// `MaxCPUsPerNode`.
        pub max_cpus_per_node: Limit<u32>,
        /// `MaxCPUsPerSocket`.
        pub max_cpus_per_socket: Limit<u32>,
        /// `MaxMemPerCPU` with bit 63 set, or `MaxMemPerNode`; MB, 0 unlimited.
        pub max_mem_per_cpu: u64,
        /// Yes-or-no keys.
        pub flags: PartitionFlags,
        /// `OverSubscribe`: jobs on a resource, and [`OVERSUBSCRIBE_FORCE`]; 0 is `EXCLUSIVE`.
        pub max_share: u16,
        /// `OverTimeLimit`, minutes.
        pub over_time_limit: Limit<u16>,
        /// `PreemptMode`, see [`preempt_mode`]; `Unset` is the cluster's.
        pub preempt_mode: Limit<u16>,
        /// `PriorityJobFactor`.
        pub priority_job_factor: u16,
        /// `PriorityTier`.
        pub priority_tier: u16,
        /// See [`partition_state`].
        pub state_up: u16,
        /// `SelectTypeParameters`, bits.
        pub cr_type: u16,
        /// `ResumeTimeout`, seconds.
        pub resume_timeout: Limit<u16>,
        /// `SuspendTimeout`, seconds.
        pub suspend_timeout: Limit<u16>,
        /// `SuspendTime`, seconds.
        pub suspend_time: Limit<u32>,
        /// `AllowAccounts`.
        pub allow_accounts: Option<String>,
        /// `AllowGroups`.
        pub allow_groups: Option<String>,
        /// `AllocNodes`.
        pub allow_alloc_nodes: Option<String>,
        /// `AllowQos`.
        pub allow_qos: Option<String>,
        /// `QOS`.
        pub qos: Option<String>,
        /// `Alternate`.
        pub alternate: Option<String>,
        /// `DenyAccounts`.
        pub deny_accounts: Option<String>,
        /// `DenyQos`.
        pub deny_qos: Option<String>,
        /// Its nodes, as a host expression.
        pub nodes: Option<String>,
        /// `Nodes` as it was written: node sets.
        pub nodesets: Option<String>,
        /// Its nodes, by index.
        pub node_bitmap: Option<Bitmap>,
        /// `TRESBillingWeights`.
        pub billing_weights: Option<String>,
        /// `Topology`.
        pub topology_name: Option<String> [V25_05..],
        /// TRES of its nodes, `cpu=8,mem=8000M,…`.
        pub tres: Option<String>,
        /// `JobDefaults`.
        pub job_defaults: NullOr<JobDefault>,
    }
}

/// `RESPONSE_PARTITION_INFO`: the answer to [`PartitionInfoRequest`].
///
/// [`dated_head`](crate::msg::dated_head) begins it before partitions already encoded.
pub type PartitionsInfo = Dated<PartitionInfo>;

wire_struct! {
    /// `REQUEST_CREATE_PARTITION` and `REQUEST_UPDATE_PARTITION`: from scontrol; a return code answers.
    ///
    /// NULL and `Unset` leave a field as it is, or give it its default.
    pub struct UpdatePartition {
        /// `AllowAccounts`.
        pub allow_accounts: Option<String>,
        /// `AllocNodes`.
        pub allow_alloc_nodes: Option<String>,
        /// `AllowGroups`.
        pub allow_groups: Option<String>,
        /// `AllowQos`.
        pub allow_qos: Option<String>,
        /// `Alternate`.
        pub alternate: Option<String>,
        /// `TRESBillingWeights`.
        pub billing_weights: Option<String>,
        /// `CpuBind`; 0 leaves it.
        pub cpu_bind: u32,
        /// `DefMemPerCPU` with bit 63 set, or `DefMemPerNode`; MB.
        pub def_mem_per_cpu: Limit<u64>,
        /// `DefaultTime`, minutes.
        pub default_time: Minutes,
        /// `DenyAccounts`.
        pub deny_accounts: Option<String>,
        /// `DenyQos`.
        pub deny_qos: Option<String>,
        /// Yes-or-no keys to set and to clear.
        pub flags: PartitionFlags,
        /// `JobDefaults`.
        pub job_defaults: Option<String>,
        /// `GraceTime`, seconds.
        pub grace_time: Limit<u32>,
        /// `MaxCPUsPerNode`.
        pub max_cpus_per_node: Limit<u32>,
        /// `MaxCPUsPerSocket`.
        pub max_cpus_per_socket: Limit<u32>,
        /// `MaxMemPerCPU` with bit 63 set, or `MaxMemPerNode`; MB.
        pub max_mem_per_cpu: Limit<u64>,
        /// `MaxNodes`.
        pub max_nodes: Limit<u32>,
        /// `OverSubscribe`.
        pub max_share: Limit<u16>,
        /// `MaxTime`, minutes.
        pub max_time: Minutes,
        /// `MinNodes`.
        pub min_nodes: Limit<u32>,
        /// The partition.
        pub name: Option<String>,
        /// `Nodes`.
        pub nodes: Option<String>,
        /// `OverTimeLimit`, minutes.
        pub over_time_limit: Limit<u16>,
        /// `PreemptMode`.
        pub preempt_mode: Limit<u16>,
        /// `PriorityJobFactor`.
        pub priority_job_factor: Limit<u16>,
        /// `PriorityTier`.
        pub priority_tier: Limit<u16>,
        /// `QOS`.
        pub qos: Option<String>,
        /// See [`partition_state`].
        pub state_up: Limit<u16>,
        /// `Topology`.
        pub topology_name: Option<String> [V25_05..],
    }
}

wire_struct! {
    /// `REQUEST_DELETE_PARTITION`: from scontrol; a return code answers.
    pub struct DeletePartition {
        /// The partition.
        pub name: Option<String>,
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<PartitionInfoRequest>(Number::REQUEST_PARTITION_INFO),
    Codec::of::<PartitionsInfo>(Number::RESPONSE_PARTITION_INFO),
    Codec::of::<UpdatePartition>(Number::REQUEST_CREATE_PARTITION),
    Codec::of::<UpdatePartition>(Number::REQUEST_UPDATE_PARTITION),
    Codec::of::<DeletePartition>(Number::REQUEST_DELETE_PARTITION),
];
