use crate::msg::accounting::UsageRecord;
use crate::shape::{Bitmap, Fixed, Limit, LongDouble, NullOr};
use crate::version::Version::*;
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

/// `ASSOC_FLAG_*`: a `u16` in 23.11 and a `u32` later; 23.11 has none of the high bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssociationFlags(pub u32);

impl AssociationFlags {
    /// The association is deleted but still used.
    pub const DELETED: u32 = 1 << 0;
    /// No update to it is to be sent.
    pub const NO_UPDATE: u32 = 1 << 1;
    /// A look-up must not fall back to an association without partition.
    pub const EXACT: u32 = 1 << 2;
    /// Clears [`Self::USER_COORD`] in an update (24.05+).
    pub const USER_COORD_NO: u32 = 1 << 3;
    /// Users of the account coordinate it (24.05+).
    pub const USER_COORD: u32 = 1 << 16;
}

impl Wire for AssociationFlags {
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

wire_struct! {
    /// An association: a user in an account on a cluster (and perhaps a partition), with its limits.
    ///
    /// The default value is what Slurm sends where it has no association.
    pub struct Association {
        /// Usage by period.
        pub accounting_list: NullOr<UsageRecord>,
        /// The account.
        pub account: Option<String>,
        /// The cluster.
        pub cluster: Option<String>,
        /// Free text.
        pub comment: Option<String>,
        /// QOS that jobs get which ask for none.
        pub def_qos_id: Limit<u32>,
        /// See [`AssociationFlags`].
        pub flags: AssociationFlags,
        /// Fair-share: shares among siblings.
        pub shares_raw: Limit<u32>,
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
        /// Its number.
        pub id: u32,
        /// Whether it is the user's default.
        pub is_def: u16,
        /// Path from the root: `/root/account/0-user/`.
        pub lineage: Option<String>,
        /// `MaxTRESMins` of a job.
        pub max_tres_mins_pj: Option<String>,
        /// `MaxTRESRunMins`.
        pub max_tres_run_mins: Option<String>,
        /// `MaxTRES` of a job.
        pub max_tres_pj: Option<String>,
        /// `MaxTRESPerNode`.
        pub max_tres_pn: Option<String>,
        /// `MaxJobs`.
        pub max_jobs: Limit<u32>,
        /// `MaxJobsAccrue`.
        pub max_jobs_accrue: Limit<u32>,
        /// `MinPrioThreshold`.
        pub min_prio_thresh: Limit<u32>,
        /// `MaxSubmitJobs`.
        pub max_submit_jobs: Limit<u32>,
        /// `MaxWall` of a job, minutes.
        pub max_wall_pj: Limit<u32>,
        /// The account above.
        pub parent_account: Option<String>,
        /// The association above.
        pub parent_id: u32,
        /// The partition, if it is for one.
        pub partition: Option<String>,
        /// Priority that its jobs get.
        pub priority: u32,
        /// Its QOS, by number.
        pub qos_list: NullOr<Option<String>>,
        /// The user's id; `NO_VAL` of an account.
        pub uid: u32,
        /// The user; none of an account.
        pub user: Option<String>,
    }
}

wire_struct! {
    /// What an association has used, as the controller counts it.
    pub struct AssociationUsage {
        /// Pending jobs that accrue age.
        pub accrue_cnt: u32,
        /// TRES in use, by place in the list of TRES.
        pub grp_used_tres: Vec<u64>,
        /// TRES seconds that running jobs may yet use.
        pub grp_used_tres_run_secs: Vec<u64>,
        /// Wall time used, seconds, decayed.
        pub grp_used_wall: Fixed,
        /// Fair-share factor, 0 to 1.
        pub fs_factor: Fixed,
        /// Shares of all siblings.
        pub level_shares: u32,
        /// Shares as a fraction of the level.
        pub shares_norm: Fixed,
        /// Effective usage, fraction.
        pub usage_efctv: LongDouble,
        /// Usage as a fraction of the cluster's.
        pub usage_norm: LongDouble,
        /// Usage, weighted TRES seconds.
        pub usage_raw: LongDouble,
        /// Usage of each TRES, seconds.
        pub usage_tres_raw: Vec<LongDouble>,
        /// Running jobs.
        pub used_jobs: u32,
        /// Jobs submitted and not ended.
        pub used_submit_jobs: u32,
        /// Fair share within the level.
        pub level_fs: LongDouble,
        /// The QOS that it may use, by number.
        pub valid_qos: Option<Bitmap>,
    }
}

wire_struct! {
    /// An association with its usage and its limits as arrays, by place in the list of TRES.
    pub struct AssociationInUse {
        /// The association.
        pub association: Association,
        /// What it has used.
        pub usage: AssociationUsage,
        /// `GrpTRESMins`.
        pub grp_tres_mins_ctld: Vec<Limit<u64>>,
        /// `GrpTRESRunMins`.
        pub grp_tres_run_mins_ctld: Vec<Limit<u64>>,
        /// `GrpTRES`.
        pub grp_tres_ctld: Vec<Limit<u64>>,
        /// `MaxTRESMins`.
        pub max_tres_mins_ctld: Vec<Limit<u64>>,
        /// `MaxTRESRunMins`.
        pub max_tres_run_mins_ctld: Vec<Limit<u64>>,
        /// `MaxTRES`.
        pub max_tres_ctld: Vec<Limit<u64>>,
        /// `MaxTRESPerNode`.
        pub max_tres_pn_ctld: Vec<Limit<u64>>,
    }
}
