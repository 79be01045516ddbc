//! What slurmdbd and the controller tell of accounts: associations, QOS, users, TRES, fair share.

mod association;
mod info;
mod qos;
mod share;
mod update;
mod user;

pub use association::*;
pub use info::*;
pub use qos::*;
pub use share::*;
pub use update::*;
pub use user::*;

use crate::msg::Codec;
use crate::number::Number;
use crate::shape::Timestamp;
use crate::version::Version::*;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

/// The truth value that leads a record which could be NULL. No message carries a NULL one where
/// this stands, so that one is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present;

impl Wire for Present {
    fn encode(&self, w: &mut Writer) {
        true.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match bool::decode(r)? {
            true => Ok(Self),
            false => Err(r.error(Malformed::Unknown { what: "NULL record", got: 0 })),
        }
    }
}

wire_struct! {
    /// A trackable resource and how much there is of it.
    pub struct TresRecord {
        /// Seconds allocated.
        pub alloc_secs: u64,
        /// How much there is.
        pub count: u64,
        /// 1 cpu, 2 mem, 3 energy, 4 node, 5 billing, 6 fs/disk, 7 vmem, 8 pages; from 1001 on what
        /// the site defines.
        pub id: u32,
        /// Name within the type: the `gpu` of `gres/gpu`.
        pub name: Option<String>,
        /// The type.
        pub kind: Option<String>,
    }
}

wire_struct! {
    /// Usage of an association or wckey in one period.
    pub struct UsageRecord {
        /// Seconds allocated.
        pub alloc_secs: u64,
        /// Of what.
        pub tres: TresRecord,
        /// Association or wckey.
        pub id: u32,
        /// A second id, for usage by QOS.
        pub id_alt: u32 [V24_11..],
        /// Start of the period.
        pub period_start: Timestamp,
    }
}

wire_struct! {
    /// Usage of a cluster in one period, seconds.
    pub struct ClusterUsage {
        /// Allocated.
        pub alloc_secs: u64,
        /// Of what.
        pub tres: TresRecord,
        /// Down.
        pub down_secs: u64,
        /// Idle.
        pub idle_secs: u64,
        /// Overcommitted.
        pub over_secs: u64,
        /// Down as planned.
        pub planned_down_secs: u64,
        /// Start of the period.
        pub period_start: Timestamp,
        /// Planned for a job.
        pub plan_secs: u64,
    }
}

wire_struct! {
    /// `RESPONSE_NODE_REGISTRATION`: the controller's answer to a slurmd that registers and asked
    /// for one.
    pub struct NodeRegistrationReply {
        /// The TRES that the node's plugins count.
        pub tres: crate::shape::NullOr<TresRecord>,
        /// The name that the node has here, for a slurmd that was started without one.
        pub node_name: Option<String>,
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<NodeRegistrationReply>(Number::RESPONSE_NODE_REGISTRATION),
    Codec::of::<AccountsRequest>(Number::REQUEST_ASSOC_MGR_INFO),
    Codec::of::<AccountsInfo>(Number::RESPONSE_ASSOC_MGR_INFO),
    Codec::of::<SharesRequest>(Number::REQUEST_SHARE_INFO),
    Codec::of::<SharesInfo>(Number::RESPONSE_SHARE_INFO),
    Codec::of::<AccountingUpdate>(Number::ACCOUNTING_UPDATE_MSG),
    Codec::of::<()>(Number::ACCOUNTING_FIRST_REG),
    Codec::of::<()>(Number::ACCOUNTING_REGISTER_CTLD),
];
