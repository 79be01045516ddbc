//! Triggers: programs that the controller runs upon an event.

use crate::msg::Codec;
use crate::number::Number;
use crate::shape::Limit;
use crate::wire_struct;

/// What a trigger is about, in [`Trigger::resource`].
pub mod trigger_resource {
    /// A job.
    pub const JOB: u16 = 1;
    /// Nodes.
    pub const NODE: u16 = 2;
    /// The controller.
    pub const SLURMCTLD: u16 = 3;
    /// slurmdbd.
    pub const SLURMDBD: u16 = 4;
    /// slurmdbd's database.
    pub const DATABASE: u16 = 5;
    /// Anything else.
    pub const OTHER: u16 = 7;
}

/// The events, in [`Trigger::event`]. Source: slurm.h, the same in all six releases but for the last.
pub mod trigger_event {
    /// A node came up.
    pub const UP: u32 = 1 << 0;
    /// A node went down.
    pub const DOWN: u32 = 1 << 1;
    /// A node is failing.
    pub const FAIL: u32 = 1 << 2;
    /// A job's end is near.
    pub const TIME: u32 = 1 << 3;
    /// A job ended.
    pub const FINI: u32 = 1 << 4;
    /// The configuration changed.
    pub const RECONFIG: u32 = 1 << 5;
    /// A node is idle for long.
    pub const IDLE: u32 = 1 << 7;
    /// A node is drained.
    pub const DRAINED: u32 = 1 << 8;
    /// The primary controller failed.
    pub const PRIMARY_CTLD_FAIL: u32 = 1 << 9;
    /// It resumed operation.
    pub const PRIMARY_CTLD_RESUMED: u32 = 1 << 10;
    /// It resumed control.
    pub const PRIMARY_CTLD_CONTROL: u32 = 1 << 11;
    /// Its queue to slurmdbd is full.
    pub const PRIMARY_CTLD_ACCT_FULL: u32 = 1 << 12;
    /// A backup controller failed.
    pub const BACKUP_CTLD_FAIL: u32 = 1 << 13;
    /// It resumed operation.
    pub const BACKUP_CTLD_RESUMED: u32 = 1 << 14;
    /// It took control.
    pub const BACKUP_CTLD_CONTROL: u32 = 1 << 15;
    /// slurmdbd failed.
    pub const DBD_FAIL: u32 = 1 << 16;
    /// It resumed operation.
    pub const DBD_RESUMED: u32 = 1 << 17;
    /// The database failed.
    pub const DB_FAIL: u32 = 1 << 18;
    /// It resumed operation.
    pub const DB_RESUMED: u32 = 1 << 19;
    /// A burst buffer is in error.
    pub const BURST_BUFFER: u32 = 1 << 20;
    /// A node drains.
    pub const DRAINING: u32 = 1 << 21;
    /// A node resumed.
    pub const RESUME: u32 = 1 << 22;
}

/// Bit of [`Trigger::flags`]: stays after the event.
pub const TRIGGER_PERMANENT: u16 = 1 << 0;

wire_struct! {
    /// A trigger.
    pub struct Trigger {
        /// See [`TRIGGER_PERMANENT`].
        pub flags: u16,
        /// Its number, which the controller gives.
        pub id: u32,
        /// See [`trigger_resource`].
        pub resource: u16,
        /// The job, or the nodes as a host expression; `*` is all.
        pub resource_id: Option<String>,
        /// See [`trigger_event`].
        pub event: u32,
        /// Index of the controller that it is about.
        pub control_index: u32,
        /// Seconds before (below 0x8000) or after (above) the event, plus 0x8000.
        pub offset: u16,
        /// Whose it is; strigger leaves it out when it sets one.
        pub user_id: Limit<u32>,
        /// What to run.
        pub program: Option<String>,
    }
}

wire_struct! {
    /// The body of all five trigger messages.
    ///
    /// strigger sets, gets and clears them; the answer to a get has the same form, a return code answers
    /// the rest. slurmdbd and backup controllers pull one to fire it.
    pub struct Triggers {
        /// The triggers.
        pub triggers: Vec<Trigger>,
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<Triggers>(Number::REQUEST_TRIGGER_SET),
    Codec::of::<Triggers>(Number::REQUEST_TRIGGER_GET),
    Codec::of::<Triggers>(Number::REQUEST_TRIGGER_CLEAR),
    Codec::of::<Triggers>(Number::RESPONSE_TRIGGER_GET),
    Codec::of::<Triggers>(Number::REQUEST_TRIGGER_PULL),
];
