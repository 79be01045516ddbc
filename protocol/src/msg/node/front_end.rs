use crate::shape::{Limit, Timestamp};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_FRONT_END_INFO` (up to 24.11): front-end nodes; [`FrontEndsInfo`] answers.
    pub struct FrontEndInfoRequest {
        /// What the client already has; 0 is nothing.
        pub last_update: Timestamp,
    }
}

wire_struct! {
    /// A front-end node. A controller not built for them has none.
    pub struct FrontEnd {
        /// Groups that may use it.
        pub allow_groups: Option<String>,
        /// Users that may use it.
        pub allow_users: Option<String>,
        /// When it booted.
        pub boot_time: Timestamp,
        /// Groups that may not.
        pub deny_groups: Option<String>,
        /// Users that may not.
        pub deny_users: Option<String>,
        /// Its name.
        pub name: Option<String>,
        /// See [`node_state`](crate::msg::node_state).
        pub node_state: u32,
        /// Release of slurmd.
        pub version: Option<String>,
        /// Why it is down or drains.
        pub reason: Option<String>,
        /// When that was set.
        pub reason_time: Timestamp,
        /// Who set it.
        pub reason_uid: u32,
        /// When slurmd started.
        pub slurmd_start_time: Timestamp,
    }
}

/// `RESPONSE_FRONT_END_INFO` (up to 24.11): the answer to [`FrontEndInfoRequest`].
pub type FrontEndsInfo = crate::msg::Dated<FrontEnd>;

wire_struct! {
    /// `REQUEST_UPDATE_FRONT_END` (up to 24.11): from scontrol; a return code answers.
    pub struct UpdateFrontEnd {
        /// The front end.
        pub name: Option<String>,
        /// Its new state.
        pub node_state: Limit<u32>,
        /// Why.
        pub reason: Option<String>,
    }
}
