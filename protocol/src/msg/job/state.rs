//! The state word of a job.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use crate::wire::{DecodeError, Reader, Wire, Writer};

/// A job's state: a base in the low byte and flags above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobState(pub u32);

/// The base states.
impl JobState {
    /// Queued, waiting to start.
    pub const PENDING: Self = Self(0);
    /// Resources allocated, executing.
    pub const RUNNING: Self = Self(1);
    /// Resources allocated, execution suspended.
    pub const SUSPENDED: Self = Self(2);
    /// Ended, exit code 0.
    pub const COMPLETE: Self = Self(3);
    /// Cancelled by a user.
    pub const CANCELLED: Self = Self(4);
    /// Ended, exit code not 0.
    pub const FAILED: Self = Self(5);
    /// Ended at its time limit.
    pub const TIMEOUT: Self = Self(6);
    /// Ended because a node failed.
    pub const NODE_FAIL: Self = Self(7);
    /// Ended by preemption.
    pub const PREEMPTED: Self = Self(8);
    /// Ended because a node did not boot.
    pub const BOOT_FAIL: Self = Self(9);
    /// Ended at its deadline.
    pub const DEADLINE: Self = Self(10);
    /// Ended out of memory.
    pub const OOM: Self = Self(11);
    /// No state: one past the last base, the filter "any" of `REQUEST_KILL_JOBS`.
    pub const END: Self = Self(12);
}

/// The flags.
impl JobState {
    /// The launch failed.
    pub const LAUNCH_FAILED: Self = Self(1 << 8);
    /// `--get-user-env` failed (24.11+; "update the database" before that, never on the wire).
    pub const GETENV_FAILED: Self = Self(1 << 9);
    /// Will be requeued when it has completed.
    pub const REQUEUE: Self = Self(1 << 10);
    /// Will be requeued and held.
    pub const REQUEUE_HOLD: Self = Self(1 << 11);
    /// Requeued and held with the exit state kept.
    pub const SPECIAL_EXIT: Self = Self(1 << 12);
    /// Its size is being changed.
    pub const RESIZING: Self = Self(1 << 13);
    /// Allocated nodes are booting.
    pub const CONFIGURING: Self = Self(1 << 14);
    /// Waiting for the epilog of its nodes.
    pub const COMPLETING: Self = Self(1 << 15);
    /// Stopped by SIGSTOP; resources are kept.
    pub const STOPPED: Self = Self(1 << 16);
    /// The nodes could not be configured for it.
    pub const RECONFIG_FAIL: Self = Self(1 << 17);
    /// Was given powered-down nodes; they are being made.
    pub const POWER_UP_NODE: Self = Self(1 << 18);
    /// Revoked: a sibling cluster runs it.
    pub const REVOKED: Self = Self(1 << 19);
    /// Being requeued by the federation.
    pub const REQUEUE_FED: Self = Self(1 << 20);
    /// Held because its reservation was deleted.
    pub const RESV_DEL_HOLD: Self = Self(1 << 21);
    /// A signal is on its way.
    pub const SIGNALING: Self = Self(1 << 22);
    /// Staging out of a burst buffer.
    pub const STAGE_OUT: Self = Self(1 << 23);
    /// Being checked for an expedited requeue (25.11+).
    pub const EXPEDITING: Self = Self(1 << 24);

    /// The base state, without flags.
    pub fn base(self) -> Self {
        Self(self.0 & 0xff)
    }

    /// The flags, without the base state.
    pub fn flags(self) -> Self {
        Self(self.0 & !0xff)
    }

    /// Whether all of these flags are set.
    pub fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// The base state's name as `squeue -O State` prints it, if it is one.
    pub fn base_name(self) -> Option<&'static str> {
        const NAMES: [&str; 12] = [
            "PENDING",
            "RUNNING",
            "SUSPENDED",
            "COMPLETED",
            "CANCELLED",
            "FAILED",
            "TIMEOUT",
            "NODE_FAIL",
            "PREEMPTED",
            "BOOT_FAIL",
            "DEADLINE",
            "OUT_OF_MEMORY",
        ];
        NAMES.get(usize::try_from(self.base().0).ok()?).copied()
    }
}

impl BitOr for JobState {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for JobState {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// The base name, and the flags in hex if there are any.
impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base_name() {
            Some(name) => f.write_str(name)?,
            None => write!(f, "{}", self.base().0)?,
        }
        match self.flags().0 {
            0 => Ok(()),
            flags => write!(f, "+{flags:#x}"),
        }
    }
}

impl Wire for JobState {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u32::decode(r).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::JobState;

    #[test]
    fn base_and_flags_come_apart() {
        let state = JobState::FAILED | JobState::COMPLETING;
        assert_eq!(state.base(), JobState::FAILED);
        assert!(state.has(JobState::COMPLETING));
        assert_eq!(state.to_string(), "FAILED+0x8000");
    }
}
