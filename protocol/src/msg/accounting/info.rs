use crate::msg::accounting::{AssociationInUse, QosInUse, UserRecord};
use crate::shape::NullOr;
use crate::wire_struct;

/// What `scontrol show assoc_mgr` asks for.
pub mod accounts_flags {
    /// Associations.
    pub const ASSOCIATIONS: u32 = 1 << 0;
    /// Users.
    pub const USERS: u32 = 1 << 1;
    /// QOS.
    pub const QOS: u32 = 1 << 2;
}

wire_struct! {
    /// `REQUEST_ASSOC_MGR_INFO`: what the controller holds of associations, QOS and users.
    ///
    /// scontrol sends it; [`AccountsInfo`] answers. NULL lists select all.
    pub struct AccountsRequest {
        /// Only these accounts.
        pub accounts: NullOr<Option<String>>,
        /// See [`accounts_flags`].
        pub flags: u32,
        /// Only these QOS.
        pub qos: NullOr<Option<String>>,
        /// Only these users.
        pub users: NullOr<Option<String>>,
    }
}

wire_struct! {
    /// `RESPONSE_ASSOC_MGR_INFO`: the answer to [`AccountsRequest`].
    pub struct AccountsInfo {
        /// Names of the TRES; all arrays by TRES go by this order.
        pub tres_names: Vec<Option<String>>,
        /// Associations.
        pub associations: Vec<AssociationInUse>,
        /// QOS.
        pub qos: Vec<QosInUse>,
        /// Users.
        pub users: Vec<UserRecord>,
    }
}
