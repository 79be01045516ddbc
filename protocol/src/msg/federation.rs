//! Clusters, federations of them, and the start of a persistent connection between daemons.

use crate::errno::Errno;
use crate::msg::Codec;
use crate::msg::accounting::{Association, ClusterUsage, Present};
use crate::number::Number;
use crate::shape::{Limit, NullOr};
use crate::version::RawVersion;
use crate::version::Version::*;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// A cluster, as slurmdbd knows it and as clients that work with another cluster need it.
    pub struct ClusterRecord {
        /// Leads the record from 24.11 on.
        pub reserved_present: Present [V24_11..],
        /// Usage by period; only in slurmdbd's own answers.
        pub accounting_list: NullOr<ClusterUsage>,
        /// Kind of machine, bits of `slurmdb_classification_type_t`.
        pub classification: u16,
        /// Host of the controller.
        pub control_host: Option<String>,
        /// Port of the controller.
        pub control_port: u32,
        /// Dimensions of the node names.
        pub dimensions: u16,
        /// Features that jobs may ask of a federation's cluster.
        pub fed_features: NullOr<Option<String>>,
        /// The federation.
        pub fed_name: Option<String>,
        /// Number of the cluster in the federation, 1..=63; 0 in none.
        pub fed_id: u32,
        /// State in the federation, see [`fed_state`].
        pub fed_state: u32,
        /// Whether the sibling's jobs have come in since it connected.
        pub fed_sync_received: u8,
        /// Whether ours have been sent.
        pub fed_sync_sent: u8,
        /// `CLUSTER_FLAG_*` of slurmdb.h.
        pub flags: Limit<u32>,
        /// Number that slurmdbd gave the cluster.
        pub id: u16 [V24_11..],
        /// Name of the cluster.
        pub name: Option<String>,
        /// Its nodes, as a host expression.
        pub nodes: Option<String>,
        /// Number of its select plugin.
        pub select_plugin_id: Limit<u32> [..V24_05],
        /// The association at the root of its tree.
        pub root_assoc: Association,
        /// The release that its controller speaks.
        pub rpc_version: RawVersion,
        /// Whether the sender holds a connection on which the cluster sends.
        pub receiving: u8,
        /// Whether the sender holds a connection to the cluster.
        pub sending: u8,
        /// TRES of the cluster, `id=count,…`.
        pub tres: Option<String>,
    }
}

/// Where a cluster stands in its federation. Source: slurmdb.h of all six releases.
pub mod fed_state {
    /// In no federation.
    pub const NONE: u32 = 0;
    /// Takes jobs.
    pub const ACTIVE: u32 = 1;
    /// Takes none.
    pub const INACTIVE: u32 = 2;
    /// The bits of the base state.
    pub const BASE: u32 = 0x000f;
    /// Flag: finishes its jobs and takes no new ones.
    pub const DRAIN: u32 = 0x0010;
    /// Flag: leaves the federation once drained.
    pub const REMOVE: u32 = 0x0020;
}

/// The cluster that a client should go on with, or none: a `u8` that tells, then the record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkingCluster(pub Option<Box<ClusterRecord>>);

impl Wire for WorkingCluster {
    fn encode(&self, w: &mut Writer) {
        self.0.is_some().encode(w);
        if let Some(cluster) = &self.0 {
            cluster.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(if bool::decode(r)? { Some(Wire::decode(r)?) } else { None }))
    }
}

wire_struct! {
    /// A federation.
    pub struct Federation {
        /// Its name.
        pub name: Option<String>,
        /// `FEDERATION_FLAG_*` of slurmdb.h.
        pub flags: u32,
        /// Its clusters.
        pub clusters: NullOr<ClusterRecord>,
    }
}

/// `RESPONSE_FED_INFO`: the federation that the controller is in, or none.
///
/// The controller's answer to a client's `REQUEST_FED_INFO`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FederationInfo(pub Option<Federation>);

impl Wire for FederationInfo {
    fn encode(&self, w: &mut Writer) {
        self.0.is_some().encode(w);
        if let Some(federation) = &self.0 {
            federation.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(if bool::decode(r)? { Some(Wire::decode(r)?) } else { None }))
    }
}

/// What a persistent connection is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u16)]
pub enum PersistKind {
    /// Nothing; refused.
    #[default]
    None = 0,
    /// To slurmdbd.
    Accounting = 1,
    /// Between the controllers of a federation.
    Federation = 2,
    /// Between controllers of one cluster.
    ControllerFailover = 3,
    /// Between two slurmdbds.
    AccountingFailover = 4,
    /// From slurmdbd, for changed associations.
    AccountingUpdate = 5,
}

impl Wire for PersistKind {
    fn encode(&self, w: &mut Writer) {
        (*self as u16).encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match u16::decode(r)? {
            0 => Self::None,
            1 => Self::Accounting,
            2 => Self::Federation,
            3 => Self::ControllerFailover,
            4 => Self::AccountingFailover,
            5 => Self::AccountingUpdate,
            other => {
                let what = Malformed::Unknown { what: "persistent connection", got: other.into() };
                return Err(r.error(what));
            }
        })
    }
}

wire_struct! {
    /// `REQUEST_PERSIST_INIT`: makes the connection a persistent one.
    ///
    /// A daemon sends it as the first message to another; `PERSIST_RC` answers it. 24.05 and 24.11
    /// know it under a second number after which TLS starts.
    pub struct PersistInit {
        /// The sender's own release, whatever the header says.
        pub version: RawVersion,
        /// The sender's cluster.
        pub cluster_name: Option<String>,
        /// What for.
        pub kind: PersistKind,
        /// The sender's own listening port.
        pub port: u16,
    }
}

wire_struct! {
    /// `PERSIST_RC`: the answer to any request on a persistent connection that has none of its own.
    pub struct PersistReturnCode {
        /// Text for a log.
        pub comment: Option<String>,
        /// See [`persist_flags`].
        pub flags: u16,
        /// 0, or why not.
        pub code: Errno,
        /// What was answered: to `PersistInit` the release to go on in, else a message number.
        pub about: u16,
    }
}

/// What the accepting side tells of itself in `PERSIST_RC`. Source: persist_conn.h.
pub mod persist_flags {
    /// The sender is slurmdbd.
    pub const DBD: u16 = 1 << 0;
    /// User names are case sensitive (`Parameters=PreserveCaseUser`).
    pub const USER_CASE: u16 = 1 << 3;
    /// The other side is an external slurmdbd.
    pub const EXTERNAL_DBD: u16 = 1 << 5;
    /// slurmdbd keeps the cluster's address as it is.
    pub const DONT_UPDATE_CLUSTER: u16 = 1 << 6;
    /// Resource names are case sensitive (26.05).
    pub const RESOURCE_CASE: u16 = 1 << 7;
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<()>(Number::REQUEST_FED_INFO),
    Codec::of::<FederationInfo>(Number::RESPONSE_FED_INFO),
    Codec::of::<PersistInit>(Number::REQUEST_PERSIST_INIT),
    Codec::of::<PersistInit>(Number::REQUEST_PERSIST_INIT_TLS),
    Codec::of::<PersistReturnCode>(Number::PERSIST_RC),
];
