use crate::shape::{Bitmap, Fixed, Limit, LongDouble, NullOr};
use crate::wire_struct;

/// Flags of a QOS. Source: slurmdb.h; the high ones are the controller's own.
pub mod qos_flags {
    /// A job need not ask for the partition's minimum of nodes.
    pub const PART_MIN_NODE: u32 = 1 << 0;
    /// A job may ask for more than the partition's maximum of nodes.
    pub const PART_MAX_NODE: u32 = 1 << 1;
    /// A job may run longer than the partition's limit.
    pub const PART_TIME_LIMIT: u32 = 1 << 2;
    /// `UsageThreshold` is enforced.
    pub const ENFORCE_USAGE_THRES: u32 = 1 << 3;
    /// Backfill makes no reservation for its jobs.
    pub const NO_RESERVE: u32 = 1 << 4;
    /// Its jobs must ask for a reservation.
    pub const REQ_RESV: u32 = 1 << 5;
    /// A job past its limits is refused at submission.
    pub const DENY_LIMIT: u32 = 1 << 6;
    /// The job's QOS overrides the partition's.
    pub const OVER_PART_QOS: u32 = 1 << 7;
    /// Its usage does not decay.
    pub const NO_DECAY: u32 = 1 << 8;
    /// Limits are checked after `UsageFactor` is applied.
    pub const USAGE_FACTOR_SAFE: u32 = 1 << 9;
    /// Its TRES limits are percentages of the cluster.
    pub const RELATIVE: u32 = 1 << 10;
    /// Nothing was set.
    pub const NOTSET: u32 = 1 << 28;
}

wire_struct! {
    /// A quality of service.
    pub struct Qos {
        /// Free text.
        pub description: Option<String>,
        /// Its number.
        pub id: u32,
        /// See [`qos_flags`].
        pub flags: u32,
        /// Seconds that a preempted job has left.
        pub grace_time: Limit<u32>,
        /// `GrpTRESMins`, `id=count,…`.
        pub grp_tres_mins: Option<String>,
        /// `GrpTRESRunMins`.
        pub grp_tres_run_mins: Option<String>,
        /// `GrpTRES`.
        pub grp_tres: Option<String>,
        /// `GrpJobs`.
        pub grp_jobs: Limit<u32>,
        /// `GrpJobsAccrue`.
        pub grp_jobs_accrue: Limit<u32>,
        /// `GrpSubmitJobs`.
        pub grp_submit_jobs: Limit<u32>,
        /// `GrpWall`, minutes.
        pub grp_wall: Limit<u32>,
        /// `MaxTRESMinsPerJob`.
        pub max_tres_mins_pj: Option<String>,
        /// `MaxTRESRunMinsPerAccount`.
        pub max_tres_run_mins_pa: Option<String>,
        /// `MaxTRESRunMinsPerUser`.
        pub max_tres_run_mins_pu: Option<String>,
        /// `MaxTRESPerAccount`.
        pub max_tres_pa: Option<String>,
        /// `MaxTRESPerJob`.
        pub max_tres_pj: Option<String>,
        /// `MaxTRESPerNode`.
        pub max_tres_pn: Option<String>,
        /// `MaxTRESPerUser`.
        pub max_tres_pu: Option<String>,
        /// `MaxJobsPerAccount`.
        pub max_jobs_pa: Limit<u32>,
        /// `MaxJobsPerUser`.
        pub max_jobs_pu: Limit<u32>,
        /// `MaxJobsAccruePerAccount`.
        pub max_jobs_accrue_pa: Limit<u32>,
        /// `MaxJobsAccruePerUser`.
        pub max_jobs_accrue_pu: Limit<u32>,
        /// `MinPrioThreshold`.
        pub min_prio_thresh: Limit<u32>,
        /// `MaxSubmitJobsPerAccount`.
        pub max_submit_jobs_pa: Limit<u32>,
        /// `MaxSubmitJobsPerUser`.
        pub max_submit_jobs_pu: Limit<u32>,
        /// `MaxWallDurationPerJob`, minutes.
        pub max_wall_pj: Limit<u32>,
        /// `MinTRESPerJob`.
        pub min_tres_pj: Option<String>,
        /// Its name.
        pub name: Option<String>,
        /// The QOS whose jobs it may preempt, by number.
        pub preempt: Option<Bitmap>,
        /// The same as text.
        pub preempt_list: NullOr<Option<String>>,
        /// How it preempts: bits of `PreemptMode`.
        pub preempt_mode: u16,
        /// Seconds that a job runs before it may be preempted.
        pub preempt_exempt_time: Limit<u32>,
        /// Priority.
        pub priority: u32,
        /// Factor on the usage of its jobs.
        pub usage_factor: Fixed,
        /// Fair-share factor that an association must have.
        pub usage_thres: Fixed,
        /// Factor on the limits of associations.
        pub limit_factor: Fixed,
    }
}

wire_struct! {
    /// What a user or an account has used of a QOS.
    pub struct UsedLimits {
        /// Pending jobs that accrue age.
        pub accrue_cnt: u32,
        /// The account, if it is about one.
        pub account: Option<String>,
        /// Running jobs.
        pub jobs: u32,
        /// Jobs submitted and not ended.
        pub submit_jobs: u32,
        /// TRES in use, by place in the list of TRES.
        pub tres: Vec<u64>,
        /// What running jobs may yet use of each TRES: minutes in 23.11, seconds later.
        pub tres_run: Vec<u64>,
        /// The user, if it is about one.
        pub uid: u32,
    }
}

wire_struct! {
    /// What a QOS has used.
    pub struct QosUsage {
        /// Pending jobs that accrue age.
        pub accrue_cnt: u32,
        /// Running jobs.
        pub grp_used_jobs: u32,
        /// Jobs submitted and not ended.
        pub grp_used_submit_jobs: u32,
        /// TRES in use, by place in the list of TRES.
        pub grp_used_tres: Vec<u64>,
        /// TRES seconds that running jobs may yet use.
        pub grp_used_tres_run_secs: Vec<u64>,
        /// Wall time used, seconds, decayed.
        pub grp_used_wall: Fixed,
        /// Priority as a fraction of the highest.
        pub norm_priority: Fixed,
        /// Usage, weighted TRES seconds.
        pub usage_raw: LongDouble,
        /// Usage of each TRES, seconds.
        pub usage_tres_raw: Vec<LongDouble>,
        /// By user.
        pub user_limits: NullOr<UsedLimits>,
        /// By account.
        pub account_limits: NullOr<UsedLimits>,
    }
}

wire_struct! {
    /// A QOS with its limits as arrays, by place in the list of TRES, and its usage.
    pub struct QosInUse {
        /// The QOS.
        pub qos: Qos,
        /// `GrpTRESMins`.
        pub grp_tres_mins_ctld: Vec<Limit<u64>>,
        /// `GrpTRESRunMins`.
        pub grp_tres_run_mins_ctld: Vec<Limit<u64>>,
        /// `GrpTRES`.
        pub grp_tres_ctld: Vec<Limit<u64>>,
        /// `MaxTRESMinsPerJob`.
        pub max_tres_mins_pj_ctld: Vec<Limit<u64>>,
        /// `MaxTRESRunMinsPerAccount`.
        pub max_tres_run_mins_pa_ctld: Vec<Limit<u64>>,
        /// `MaxTRESRunMinsPerUser`.
        pub max_tres_run_mins_pu_ctld: Vec<Limit<u64>>,
        /// `MaxTRESPerAccount`.
        pub max_tres_pa_ctld: Vec<Limit<u64>>,
        /// `MaxTRESPerJob`.
        pub max_tres_pj_ctld: Vec<Limit<u64>>,
        /// `MaxTRESPerNode`.
        pub max_tres_pn_ctld: Vec<Limit<u64>>,
        /// `MaxTRESPerUser`.
        pub max_tres_pu_ctld: Vec<Limit<u64>>,
        /// `MinTRESPerJob`.
        pub min_tres_pj_ctld: Vec<Limit<u64>>,
        /// What it has used.
        pub usage: QosUsage,
    }
}
