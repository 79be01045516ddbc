use crate::msg::accounting::{Association, Present, UsageRecord};
use crate::shape::{Limit, NullOr};
use crate::version::Version::*;
use crate::wire_struct;

wire_struct! {
    /// An account that a user coordinates.
    pub struct Coordinator {
        /// The account.
        pub name: Option<String>,
        /// 1 when of this very account, 0 when of one above.
        pub direct: u16,
    }
}

wire_struct! {
    /// A workload characterization key.
    pub struct Wckey {
        /// Usage by period.
        pub accounting_list: NullOr<UsageRecord>,
        /// The cluster.
        pub cluster: Option<String>,
        /// `SLURMDB_WCKEY_FLAG_*`.
        pub flags: u32,
        /// Its number.
        pub id: Limit<u32>,
        /// Whether it is the user's default.
        pub is_def: u16,
        /// Its name.
        pub name: Option<String>,
        /// The user's id.
        pub uid: u32,
        /// The user.
        pub user: Option<String>,
    }
}

/// How much a user may do with accounts.
pub mod admin_level {
    /// Not known.
    pub const NOTSET: u16 = 0;
    /// A plain user.
    pub const NONE: u16 = 1;
    /// `AdminLevel=Operator`.
    pub const OPERATOR: u16 = 2;
    /// `AdminLevel=Administrator`.
    pub const ADMINISTRATOR: u16 = 3;
}

wire_struct! {
    /// A user, as slurmdbd knows one.
    pub struct UserRecord {
        /// Leads the record from 25.11 on.
        pub reserved_present: Present [V25_11..],
        /// See [`admin_level`].
        pub admin_level: u16,
        /// The user's associations.
        pub associations: NullOr<Association>,
        /// Accounts that the user coordinates.
        pub coordinates: NullOr<Coordinator>,
        /// Default QOS, by number.
        pub def_qos_id: Limit<u32> [V25_11..],
        /// Default account.
        pub default_account: Option<String>,
        /// Default wckey.
        pub default_wckey: Option<String>,
        /// `SLURMDB_USER_FLAG_*`.
        pub flags: u32,
        /// Login name.
        pub name: Option<String>,
        /// Former login name, when it changes.
        pub old_name: Option<String>,
        /// User id; `NO_VAL` when the name has none here.
        pub uid: u32,
        /// The user's wckeys.
        pub wckeys: NullOr<Wckey>,
    }
}
