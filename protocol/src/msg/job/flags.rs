//! The flag words of jobs, and the small numbers that fields of jobs hold.

use crate::shape::Sentinel;
use crate::wire::{DecodeError, Reader, Wire, Writer};

macro_rules! flags {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($int:ty);
        $( $(#[$flag_meta:meta])* $flag:ident = $bit:literal; )*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            /// No flag.
            pub const NONE: Self = Self(0);
            $( $(#[$flag_meta])* pub const $flag: Self = Self(1 << $bit); )*

            /// Whether all of these flags are set.
            pub fn has(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }

            /// These flags as well.
            #[must_use]
            pub fn with(self, flags: Self) -> Self {
                Self(self.0 | flags.0)
            }

            /// Without these flags.
            #[must_use]
            pub fn without(self, flags: Self) -> Self {
                Self(self.0 & !flags.0)
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl Wire for $name {
            fn encode(&self, w: &mut Writer) {
                self.0.encode(w);
            }

            fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                <$int>::decode(r).map(Self)
            }
        }
    };
}

flags! {
    /// `bitflags` of a job description and of a job (`slurm.h`).
    ///
    /// Some are the controller's own notes and only seen in replies.
    pub struct JobFlags(u64);
    /// End the job when a dependency can never be met.
    KILL_INV_DEP = 0;
    /// Do not end the job when a dependency can never be met.
    NO_KILL_INV_DEP = 1;
    /// It has a state directory (controller's note).
    HAS_STATE_DIR = 2;
    /// A backfill test is going on (controller's note).
    BACKFILL_TEST = 3;
    /// Enforce the binding of CPUs to gres.
    GRES_ENFORCE_BIND = 4;
    /// Test whether it can start now (`--test-only` with immediate).
    TEST_NOW_ONLY = 5;
    /// Send the environment to slurmdbd.
    SEND_ENV = 6;
    /// Signalled, waiting for preemption to complete (24.05+).
    GRACE_PREEMPT = 7;
    /// Spread over as many nodes as possible (`--spread-job`).
    SPREAD_JOB = 8;
    /// Prefer the minimum node count (`--use-min-nodes`).
    USE_MIN_NODES = 9;
    /// Ended without staging out.
    KILL_HURRY = 10;
    /// TRES texts are not computed at the end of the job (controller's note).
    TRES_STR_CALC = 11;
    /// Do not send completion to the origin cluster.
    SIB_JOB_FLUSH = 12;
    /// A component of a heterogeneous job.
    HET_JOB = 13;
    /// `--ntasks` was given.
    NTASKS_SET = 14;
    /// `--cpus-per-task` was given.
    CPUS_SET = 15;
    /// Backfill tests whole nodes (controller's note).
    BF_WHOLE_NODE_TEST = 16;
    /// Temporarily the first of its user's jobs (`scontrol top`).
    TOP_PRIO_TMP = 17;
    /// Its accrual count was cleared (controller's note).
    ACCRUE_OVER = 18;
    /// Do not bind CPUs to gres (`--gres-flags=disable-binding`).
    GRES_DISABLE_BIND = 19;
    /// It was running before the controller restarted.
    WAS_RUNNING = 20;
    /// Reset the time from which its age counts.
    RESET_ACCRUE_TIME = 21;
    /// Submitted by scrontab.
    CRON_JOB = 22;
    /// The memory limit was given by the job.
    MEM_SET = 23;
    /// An external job: no batch script, no environment (25.05+).
    EXTERNAL_JOB = 24;
    /// Submitted to the default account.
    USE_DEFAULT_ACCT = 25;
    /// Submitted to the default partition.
    USE_DEFAULT_PART = 26;
    /// Submitted with the default QOS.
    USE_DEFAULT_QOS = 27;
    /// Submitted with the default wckey.
    USE_DEFAULT_WCKEY = 28;
    /// Has an unmet or invalid dependency.
    DEPENDENT = 29;
    /// Tries to run in a magnetic reservation.
    MAGNETIC = 30;
    /// Did not ask for a partition.
    PART_ASSIGNED = 31;
    /// Was considered by the backfill scheduler.
    BACKFILL_SCHED = 32;
    /// Was considered in the last backfill cycle.
    BACKFILL_LAST = 33;
    /// Its task count was changed.
    TASKS_CHANGED = 34;
    /// Send the script to slurmdbd.
    SEND_SCRIPT = 35;
    /// Licences are to be counted again per task.
    RESET_LIC_TASK = 36;
    /// Licences are to be counted again per job.
    RESET_LIC_JOB = 37;
    /// Tasks do not share a sharing gres (`--gres-flags=one-task-per-sharing`).
    GRES_ONE_TASK_PER_SHARING = 38;
    /// Tasks may share a sharing gres.
    GRES_MULT_TASKS_PER_SHARING = 39;
    /// Tasks may share gres (`--gres-flags=allow-task-sharing`).
    GRES_ALLOW_TASK_SHARING = 40;
    /// Steps are managed on the job's first node (24.05+).
    STEPMGR_ENABLED = 41;
    /// The component is to be forgotten (25.05+).
    HETJOB_PURGE = 42;
    /// Spread segments over blocks (25.11+).
    SPREAD_SEGMENTS = 43;
    /// Keep segments together (25.11+).
    CONSOLIDATE_SEGMENTS = 44;
    /// Asked for an expedited requeue (25.11+).
    EXPEDITED_REQUEUE = 45;
    /// Protected from preemption for its features (25.11+).
    NEED_MORE_FEATURES = 46;
    /// The maximum node count was not given by the user (26.05+).
    IMPLICIT_MAX_NODES = 47;
    /// Backfill has not updated it (26.05+).
    BF_CURRENT_JOB_NOT_UPDATED = 51;
}

flags! {
    /// `show_flags` of queries: what to show beyond the usual.
    pub struct ShowFlags(u16);
    /// Hidden partitions too.
    ALL = 0;
    /// Detailed resources (`scontrol -d`).
    DETAIL = 1;
    /// Set the state MIXED of nodes.
    MIXED = 3;
    /// This cluster only, even in a federation.
    LOCAL = 4;
    /// Sibling jobs of the federation.
    SIBLING = 5;
    /// The state of the federation.
    FEDERATION = 6;
    /// Future nodes too.
    FUTURE = 7;
}

flags! {
    /// `flags` of requests that end or signal, and `warn_flags` of a job.
    pub struct KillFlags(u16);
    /// Signal the batch shell alone.
    JOB_BATCH = 0;
    /// End a single task of an array.
    ARRAY_TASK = 1;
    /// Do not signal the batch script.
    STEPS_ONLY = 2;
    /// Signal all steps, the batch step too.
    FULL_JOB = 3;
    /// Mark the job as requeued by the federation.
    FED_REQUEUE = 4;
    /// Skip staging out.
    HURRY = 5;
    /// Ended out of memory.
    OOM = 6;
    /// Leave sibling jobs alone.
    NO_SIBS = 7;
    /// `warn_flags`: the job lets go of nodes in a reservation that begins (`--signal=R:`).
    JOB_RESV = 8;
    /// Leave cron jobs alone (up to 25.05).
    NO_CRON = 9;
    /// The signal does not make the job a failed one (steps).
    NO_SIG_FAIL = 10;
    /// `REQUEST_KILL_JOBS`: answer also for jobs without an error.
    JOBS_VERBOSE = 11;
    /// Cron jobs too (24.05+).
    CRON = 12;
    /// End the job as a failed one (25.05+).
    FAIL_JOB = 13;
    /// The warning was sent (controller's note).
    WARN_SENT = 15;
}

flags! {
    /// When to send mail about a job.
    pub struct MailTypes(u16);
    /// It begins.
    BEGIN = 0;
    /// It ends.
    END = 1;
    /// It fails.
    FAIL = 2;
    /// It is requeued.
    REQUEUE = 3;
    /// It reached its time limit.
    TIME_100 = 4;
    /// It reached 90 % of its time limit.
    TIME_90 = 5;
    /// It reached 80 % of its time limit.
    TIME_80 = 6;
    /// It reached 50 % of its time limit.
    TIME_50 = 7;
    /// Staging out is done.
    STAGE_OUT = 8;
    /// For each task of an array.
    ARRAY_TASKS = 9;
    /// A dependency can never be met.
    INVALID_DEPEND = 10;
}

impl Sentinel for MailTypes {
    const NO_VAL: Self = Self(u16::NO_VAL);
    const INFINITE: Self = Self(u16::INFINITE);
}

flags! {
    /// The answer of `RESPONSE_JOB_READY`; all three set means that the job can be used.
    pub struct Ready(u32);
    /// All nodes are up.
    NODES = 0;
    /// The job is there and runs.
    JOB = 1;
    /// PrologSlurmctld is done.
    PROLOG = 2;
}

flags! {
    /// `flags` of a crontab line: which of its five parts are `*`.
    pub struct CronFlags(u32);
    /// Any minute.
    WILD_MINUTE = 1;
    /// Any hour.
    WILD_HOUR = 2;
    /// Any day of the month.
    WILD_DAY_OF_MONTH = 3;
    /// Any month.
    WILD_MONTH = 4;
    /// Any day of the week.
    WILD_DAY_OF_WEEK = 5;
}

/// A signed number that is on the wire as `NICE_OFFSET` more: `nice` and `site_factor` of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nice(pub u32);

impl Nice {
    /// What is added on the wire.
    pub const OFFSET: u32 = 0x8000_0000;
    /// `NO_VAL`: not given.
    pub const UNSET: Self = Self(u32::NO_VAL);
    /// No change of the priority.
    pub const ZERO: Self = Self(Self::OFFSET);

    /// From the number; one that does not fit is clamped.
    pub fn new(value: i32) -> Self {
        let biased = i64::from(value) + i64::from(Self::OFFSET);
        Self(u32::try_from(biased).expect("an i32 plus 2^31 is a u32").min(u32::NO_VAL - 1))
    }

    /// The number, if it is given.
    pub fn value(self) -> Option<i32> {
        if self == Self::UNSET {
            return None;
        }
        i32::try_from(i64::from(self.0) - i64::from(Self::OFFSET)).ok()
    }
}

impl Default for Nice {
    fn default() -> Self {
        Self::UNSET
    }
}

impl Wire for Nice {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u32::decode(r).map(Self)
    }
}

/// Set in `pn_min_memory` when the number is MiB for each CPU and not for each node.
pub const MEM_PER_CPU: u64 = 1 << 63;

/// Set in `core_spec` when the number counts threads and not cores.
pub const CORE_SPEC_THREAD: u16 = 0x8000;

/// Values of `alloc_sid` in an update that holds a job.
pub mod alloc_sid {
    /// Held by an administrator: the user cannot release it.
    pub const ADMIN_HOLD: u32 = 1;
    /// Held by its user.
    pub const USER_HOLD: u32 = 2;
}

/// Values of `shared` of a job description and of a job.
pub mod shared {
    /// Description: whole nodes for the job (`--exclusive`). Job: no sharing asked for.
    pub const NONE: u16 = 0;
    /// The job shares its resources (`--oversubscribe`).
    pub const OK: u16 = 1;
    /// Nodes are shared with jobs of the same user (`--exclusive=user`).
    pub const USER: u16 = 2;
    /// Nodes are shared with jobs of the same MCS label (`--exclusive=mcs`).
    pub const MCS: u16 = 3;
    /// The topology segment is not shared (`--exclusive=topo`, 24.05+).
    pub const TOPO: u16 = 4;
}

/// Values of `exclusive` of a job, 26.05+.
pub mod exclusive {
    /// Not exclusive.
    pub const NONE: u16 = 0;
    /// Whole nodes.
    pub const NODE: u16 = 1;
    /// Nodes of one user.
    pub const USER: u16 = 2;
    /// Nodes of one MCS label.
    pub const MCS: u16 = 3;
    /// Topology segments.
    pub const TOPO: u16 = 4;
}

/// Values of `oversubscribe` of a job, 26.05+.
pub mod oversubscribe {
    /// Not shared.
    pub const NO: u16 = 0;
    /// Shared.
    pub const YES: u16 = 1;
    /// May be shared.
    pub const OK: u16 = 2;
}

/// Values of `open_mode`.
pub mod open_mode {
    /// As the cluster is configured.
    pub const DEFAULT: u8 = 0;
    /// Append to the output files.
    pub const APPEND: u8 = 1;
    /// Truncate the output files.
    pub const TRUNCATE: u8 = 2;
}

#[cfg(test)]
mod tests {
    use super::{KillFlags, Nice};

    #[test]
    fn nice_is_biased_and_never_reads_as_a_sentinel() {
        assert_eq!(Nice::new(0), Nice::ZERO);
        assert_eq!(Nice::new(-100).value(), Some(-100));
        assert_eq!(Nice::default().value(), None);
        assert!(Nice::new(i32::MAX).value().is_some());
    }

    #[test]
    fn flags_combine() {
        let flags = KillFlags::FULL_JOB | KillFlags::HURRY;
        assert!(flags.has(KillFlags::HURRY));
        assert_eq!(flags.without(KillFlags::FULL_JOB), KillFlags::HURRY);
    }
}
