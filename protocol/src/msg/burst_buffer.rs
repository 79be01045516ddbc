//! Burst buffers.

use crate::msg::Codec;
use crate::number::Number;
use crate::shape::{Limit, Timestamp};
use crate::version::Version::*;
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_BURST_BUFFER_STATUS`: from `scontrol show bbstat`; [`BurstBufferStatus`] answers.
    pub struct BurstBufferStatusRequest {
        /// The words after `bbstat`.
        pub argv: Vec<Option<String>>,
    }
}

wire_struct! {
    /// `RESPONSE_BURST_BUFFER_STATUS`: the answer to [`BurstBufferStatusRequest`].
    pub struct BurstBufferStatus {
        /// Text for the user.
        pub status: Option<String>,
    }
}

wire_struct! {
    /// A pool of a burst buffer, bytes.
    pub struct BurstBufferPool {
        /// Its name.
        pub name: Option<String>,
        /// All of it.
        pub total_space: u64,
        /// What an allocation is rounded up to.
        pub granularity: u64,
        /// What cannot be given out.
        pub unfree_space: u64,
        /// What is given out.
        pub used_space: u64,
    }
}

wire_struct! {
    /// A buffer in a burst buffer.
    pub struct BurstBufferAllocation {
        /// Account.
        pub account: Option<String>,
        /// Array job, or 0.
        pub array_job_id: u32,
        /// Task of the array.
        pub array_task_id: Limit<u32>,
        /// When it was made.
        pub create_time: Timestamp,
        /// The job, or 0.
        pub job_id: u32,
        /// Name of a persistent one.
        pub name: Option<String>,
        /// Partition.
        pub partition: Option<String>,
        /// Pool.
        pub pool: Option<String>,
        /// QOS.
        pub qos: Option<String>,
        /// Bytes.
        pub size: u64,
        /// `BB_STATE_*`.
        pub state: u16,
        /// User.
        pub user_id: u32,
    }
}

wire_struct! {
    /// What a user has of a burst buffer.
    pub struct BurstBufferUse {
        /// Bytes.
        pub used: u64,
        /// User.
        pub user_id: u32,
    }
}

wire_struct! {
    /// A burst buffer plugin's configuration and what is in it.
    pub struct BurstBufferInfo {
        /// The plugin.
        pub name: Option<String>,
        /// `AllowUsers`.
        pub allow_users: Option<String>,
        /// `CreateBuffer`.
        pub create_buffer: Option<String>,
        /// `DefaultPool`.
        pub default_pool: Option<String>,
        /// `DenyUsers`.
        pub deny_users: Option<String>,
        /// `DestroyBuffer`.
        pub destroy_buffer: Option<String>,
        /// `Flags`, bits.
        pub flags: u32,
        /// `GetSysState`.
        pub get_sys_state: Option<String>,
        /// `GetSysStatus`.
        pub get_sys_status: Option<String>,
        /// What an allocation is rounded up to, bytes.
        pub granularity: u64,
        /// Further pools.
        pub pools: Vec<BurstBufferPool>,
        /// `PollInterval`, seconds.
        pub poll_interval: u32 [V24_05..],
        /// `OtherTimeout`, seconds.
        pub other_timeout: u32,
        /// `StartStageIn`.
        pub start_stage_in: Option<String>,
        /// `StartStageOut`.
        pub start_stage_out: Option<String>,
        /// `StopStageIn`.
        pub stop_stage_in: Option<String>,
        /// `StopStageOut`.
        pub stop_stage_out: Option<String>,
        /// `StageInTimeout`, seconds.
        pub stage_in_timeout: u32,
        /// `StageOutTimeout`, seconds.
        pub stage_out_timeout: u32,
        /// All of the default pool, bytes.
        pub total_space: u64,
        /// What cannot be given out, bytes.
        pub unfree_space: u64,
        /// What is given out, bytes.
        pub used_space: u64,
        /// `ValidateTimeout`, seconds.
        pub validate_timeout: u32,
        /// The buffers.
        pub buffers: Vec<BurstBufferAllocation>,
        /// By user.
        pub uses: Vec<BurstBufferUse>,
    }
}

wire_struct! {
    /// `RESPONSE_BURST_BUFFER_INFO`: the answer to `REQUEST_BURST_BUFFER_INFO` of scontrol.
    pub struct BurstBuffersInfo {
        /// One a plugin.
        pub plugins: Vec<BurstBufferInfo>,
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<()>(Number::REQUEST_BURST_BUFFER_INFO),
    Codec::of::<BurstBuffersInfo>(Number::RESPONSE_BURST_BUFFER_INFO),
    Codec::of::<BurstBufferStatusRequest>(Number::REQUEST_BURST_BUFFER_STATUS),
    Codec::of::<BurstBufferStatus>(Number::RESPONSE_BURST_BUFFER_STATUS),
];
