//! Nodes: their records, registration, updates, reboots, and what slurmd tells of their state.

mod front_end;
mod info;
pub mod node_state;
mod registration;
mod update;

pub use front_end::*;
pub use info::*;
pub use registration::*;
pub use update::*;

use crate::msg::Codec;
use crate::number::Number;

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<()>(Number::REQUEST_NODE_REGISTRATION_STATUS),
    Codec::of::<NodeRegistration>(Number::MESSAGE_NODE_REGISTRATION_STATUS),
    Codec::of::<PingReply>(Number::RESPONSE_PING_SLURMD),
    Codec::of::<()>(Number::REQUEST_HEALTH_CHECK),
    Codec::of::<NodeHealth>(Number::REQUEST_NODE_HEALTH_CHECK),
    Codec::of::<()>(Number::REQUEST_ACCT_GATHER_UPDATE),
    Codec::of::<EnergyReadings>(Number::RESPONSE_ACCT_GATHER_UPDATE),
    Codec::of::<EnergyRequest>(Number::REQUEST_ACCT_GATHER_ENERGY),
    Codec::of::<EnergyReadings>(Number::RESPONSE_ACCT_GATHER_ENERGY),
    Codec::of::<NodeInfoRequest>(Number::REQUEST_NODE_INFO),
    Codec::of::<NodeInfoSingleRequest>(Number::REQUEST_NODE_INFO_SINGLE),
    Codec::of::<NodesInfo>(Number::RESPONSE_NODE_INFO),
    Codec::of::<FrontEndInfoRequest>(Number::REQUEST_FRONT_END_INFO),
    Codec::of::<FrontEndsInfo>(Number::RESPONSE_FRONT_END_INFO),
    Codec::of::<UpdateFrontEnd>(Number::REQUEST_UPDATE_FRONT_END),
    Codec::of::<UpdateNode>(Number::REQUEST_UPDATE_NODE),
    Codec::of::<UpdateNode>(Number::REQUEST_CREATE_NODE),
    Codec::of::<UpdateNode>(Number::REQUEST_DELETE_NODE),
    Codec::of::<RebootNodes>(Number::REQUEST_REBOOT_NODES),
    Codec::of::<PowerAction>(Number::REQUEST_RUN_POWER_ACTION),
    Codec::of::<HostlistText>(Number::REQUEST_HOSTLIST_EXPANSION),
    Codec::of::<HostlistText>(Number::RESPONSE_HOSTLIST_EXPANSION),
    Codec::of::<NodeAddresses>(Number::REQUEST_NODE_ALIAS_ADDRS),
    Codec::of::<NodeAddressesReply>(Number::RESPONSE_NODE_ALIAS_ADDRS),
];
