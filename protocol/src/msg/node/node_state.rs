//! The state word of a node: a base state in the low four bits, flags above.
//!
//! The numbers are the same in all six releases, but for [`EXTERNAL`] and [`BLOCKED`]. Source:
//! slurm.h. An update sends one of the values of [`update`](mod@update) where a record holds a state.

/// The bits of the base state.
pub const BASE: u32 = 0x0000_000f;
/// The bits of the flags.
pub const FLAGS: u32 = !BASE;

/// Base: nothing is known of it yet.
pub const UNKNOWN: u32 = 0;
/// Base: cannot be used.
pub const DOWN: u32 = 1;
/// Base: free.
pub const IDLE: u32 = 2;
/// Base: all of it is allocated to jobs.
pub const ALLOCATED: u32 = 3;
/// Base: in error; used by no release of the six.
pub const ERROR: u32 = 4;
/// Base: a part of it is allocated. Set in replies only; the controller keeps `ALLOCATED`.
pub const MIXED: u32 = 5;
/// Base: a place kept for a node to come (`State=FUTURE`).
pub const FUTURE: u32 = 6;

/// Flag: runs no slurmd (25.05+); in 23.11 the bit is that of a Cray network test.
pub const EXTERNAL: u32 = 1 << 4;
/// Flag: in a reservation that is active.
pub const RES: u32 = 1 << 5;
/// Only in updates: clears [`DRAIN`].
pub const UNDRAIN: u32 = 1 << 6;
/// Flag: made in a cloud (`State=CLOUD`).
pub const CLOUD: u32 = 1 << 7;
/// Only in updates: back to service.
pub const RESUME: u32 = 1 << 8;
/// Flag: takes no new jobs. With a job on it clients print DRAINING, else DRAINED.
pub const DRAIN: u32 = 1 << 9;
/// Flag: jobs on it are ending; their epilogs are not done.
pub const COMPLETING: u32 = 1 << 10;
/// Flag: does not answer.
pub const NO_RESPOND: u32 = 1 << 11;
/// Flag: powered down, ready to be powered up for a job.
pub const POWERED_DOWN: u32 = 1 << 12;
/// Flag: expected to fail; takes no new jobs.
pub const FAIL: u32 = 1 << 13;
/// Flag: being powered up (ResumeProgram has run, no registration yet).
pub const POWERING_UP: u32 = 1 << 14;
/// Flag: in an active maintenance reservation.
pub const MAINT: u32 = 1 << 15;
/// Flag: reboots once its jobs are done.
pub const REBOOT_REQUESTED: u32 = 1 << 16;
/// Only in updates: takes a requested reboot back.
pub const REBOOT_CANCEL: u32 = 1 << 17;
/// Flag: being powered down (SuspendProgram has run).
pub const POWERING_DOWN: u32 = 1 << 18;
/// Flag: a place for a dynamic node that a slurmd has taken (`slurmd -F`).
pub const DYNAMIC_FUTURE: u32 = 1 << 19;
/// Flag: told to reboot, has not come back.
pub const REBOOT_ISSUED: u32 = 1 << 20;
/// Flag: kept for a job that starts later.
pub const PLANNED: u32 = 1 << 21;
/// Flag: what it registered with does not fit its configuration; it is not pinged.
pub const INVALID_REG: u32 = 1 << 22;
/// Flag: to be powered down when its jobs are done.
pub const POWER_DOWN: u32 = 1 << 23;
/// Flag: to be powered up.
pub const POWER_UP: u32 = 1 << 24;
/// Flag: drains until it is powered down.
pub const POWER_DRAIN: u32 = 1 << 25;
/// Flag: a dynamic node (`slurmd -Z`, `scontrol create node`).
pub const DYNAMIC_NORM: u32 = 1 << 26;
/// Flag: blocked by a job that has its part of the topology for itself (24.05+).
pub const BLOCKED: u32 = 1 << 27;

/// The values that `scontrol update nodename=… state=…` sends. Source: scontrol and its man page.
pub mod update {
    /// `CANCEL_REBOOT`.
    pub const CANCEL_REBOOT: u32 = super::REBOOT_CANCEL;
    /// `DOWN`; needs a reason.
    pub const DOWN: u32 = super::DOWN;
    /// `DRAIN`; needs a reason.
    pub const DRAIN: u32 = super::DRAIN;
    /// `FAIL`; needs a reason.
    pub const FAIL: u32 = super::FAIL;
    /// `FUTURE`.
    pub const FUTURE: u32 = super::FUTURE;
    /// `IDLE`.
    pub const IDLE: u32 = super::IDLE;
    /// `NORESP`.
    pub const NO_RESPOND: u32 = super::NO_RESPOND;
    /// `RESUME`.
    pub const RESUME: u32 = super::RESUME;
    /// `UNDRAIN`.
    pub const UNDRAIN: u32 = super::UNDRAIN;
    /// `POWER_UP`.
    pub const POWER_UP: u32 = super::POWER_UP;
    /// `POWER_DOWN`: once its jobs are done.
    pub const POWER_DOWN: u32 = super::POWER_DOWN;
    /// `POWER_DOWN_ASAP`: drained first.
    pub const POWER_DOWN_ASAP: u32 = super::POWER_DOWN | super::POWER_DRAIN;
    /// `POWER_DOWN_FORCE`: at once, its jobs requeued.
    pub const POWER_DOWN_FORCE: u32 = super::POWER_DOWN | super::POWERED_DOWN;
}
