use crate::shape::{Fixed, Limit, LongDouble, NullOr};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_SHARE_INFO`: fair shares, from sshare; [`SharesInfo`] answers. NULL lists select all.
    pub struct SharesRequest {
        /// Only these accounts.
        pub accounts: NullOr<Option<String>>,
        /// Only these users.
        pub users: NullOr<Option<String>>,
    }
}

wire_struct! {
    /// The fair share of an association.
    pub struct Share {
        /// The association.
        pub assoc_id: u32,
        /// Its cluster.
        pub cluster: Option<String>,
        /// The user, or the account.
        pub name: Option<String>,
        /// The account above.
        pub parent: Option<String>,
        /// The partition, if it is for one.
        pub partition: Option<String>,
        /// Shares as a fraction of the level.
        pub shares_norm: Fixed,
        /// Shares among siblings; `Infinite` where it uses its parent's.
        pub shares_raw: Limit<u32>,
        /// TRES seconds that running jobs may yet use.
        pub tres_run_secs: Vec<u64>,
        /// `GrpTRESMins`.
        pub tres_grp_mins: Vec<Limit<u64>>,
        /// Effective usage, fraction.
        pub usage_efctv: Fixed,
        /// Usage as a fraction of the cluster's.
        pub usage_norm: Fixed,
        /// Usage, weighted TRES seconds.
        pub usage_raw: u64,
        /// Usage of each TRES, seconds.
        pub usage_tres_raw: Vec<LongDouble>,
        /// Fair-share factor, 0 to 1.
        pub fs_factor: Fixed,
        /// Fair share within the level.
        pub level_fs: Fixed,
        /// 1 of a user, 0 of an account.
        pub user: u16,
    }
}

wire_struct! {
    /// `RESPONSE_SHARE_INFO`: the answer to [`SharesRequest`].
    pub struct SharesInfo {
        /// Names of the TRES; all arrays by TRES go by this order.
        pub tres_names: Vec<Option<String>>,
        /// The shares, parents before children; NULL when there is none.
        pub shares: NullOr<Share>,
        /// All shares of the cluster.
        pub total_shares: u64,
    }
}
