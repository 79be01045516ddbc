use crate::msg::accounting::{Association, Qos, QosInUse, TresRecord, UserRecord, Wckey};
use crate::msg::federation::Federation;
use crate::shape::{Limit, NullOr, Sentinel, Timestamp};
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `ACCOUNTING_UPDATE_MSG`: what changed in slurmdbd after a sacctmgr command.
    ///
    /// slurmdbd sends it to the controller; a return code answers.
    pub struct AccountingUpdate {
        /// The changes, in order.
        pub changes: Vec<AccountingChange>,
    }
}

wire_struct! {
    /// What a cluster may use of a resource.
    pub struct ClusterResource {
        /// The cluster.
        pub cluster: Option<String>,
        /// How much: percent, or a count if the resource is counted so.
        pub allowed: Limit<u32>,
    }
}

/// A record that a `u32` leads: `NO_VAL` when it is not there, else 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptionalClusterResource(pub Option<ClusterResource>);

impl Wire for OptionalClusterResource {
    fn encode(&self, w: &mut Writer) {
        match &self.0 {
            None => u32::NO_VAL.encode(w),
            Some(resource) => {
                0u32.encode(w);
                resource.encode(w);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(match u32::decode(r)? {
            u32::NO_VAL => None,
            0 => Some(Wire::decode(r)?),
            other => {
                let what = Malformed::Unknown { what: "presence of a record", got: other.into() };
                return Err(r.error(what));
            }
        }))
    }
}

wire_struct! {
    /// A resource of the site that clusters share, such as licenses.
    pub struct ResourceRecord {
        /// What each cluster may use.
        pub cluster_resources: NullOr<ClusterResource>,
        /// What this cluster may use.
        pub cluster_resource: OptionalClusterResource,
        /// How many there are.
        pub count: Limit<u32>,
        /// Free text.
        pub description: Option<String>,
        /// `SLURMDB_RES_FLAG_*`.
        pub flags: u32,
        /// Its number.
        pub id: Limit<u32>,
        /// The kind of license server.
        pub manager: Option<String>,
        /// Its name.
        pub name: Option<String>,
        /// How much of it is given to clusters.
        pub allocated: u32,
        /// How many the license server last said were in use.
        pub last_consumed: u32,
        /// The license server.
        pub server: Option<String>,
        /// 1: license.
        pub kind: u32,
        /// When `last_consumed` was set.
        pub last_update: Timestamp,
    }
}

/// What became of the records of an [`AccountingChange`]. Source: `slurmdb_update_type_t`, the same
/// in all six releases.
pub mod change_kind {
    /// Users came.
    pub const ADD_USER: u16 = 1;
    /// Associations came.
    pub const ADD_ASSOC: u16 = 2;
    /// Users became coordinators.
    pub const ADD_COORD: u16 = 3;
    /// Users changed.
    pub const MODIFY_USER: u16 = 4;
    /// Associations changed.
    pub const MODIFY_ASSOC: u16 = 5;
    /// Users went.
    pub const REMOVE_USER: u16 = 6;
    /// Associations went.
    pub const REMOVE_ASSOC: u16 = 7;
    /// Users ceased to be coordinators.
    pub const REMOVE_COORD: u16 = 8;
    /// QOS came.
    pub const ADD_QOS: u16 = 9;
    /// QOS went.
    pub const REMOVE_QOS: u16 = 10;
    /// QOS changed.
    pub const MODIFY_QOS: u16 = 11;
    /// Wckeys came.
    pub const ADD_WCKEY: u16 = 12;
    /// Wckeys went.
    pub const REMOVE_WCKEY: u16 = 13;
    /// Wckeys changed.
    pub const MODIFY_WCKEY: u16 = 14;
    /// A cluster came.
    pub const ADD_CLUSTER: u16 = 15;
    /// A cluster went.
    pub const REMOVE_CLUSTER: u16 = 16;
    /// The usage of associations is reset.
    pub const REMOVE_ASSOC_USAGE: u16 = 17;
    /// Resources came.
    pub const ADD_RES: u16 = 18;
    /// Resources went.
    pub const REMOVE_RES: u16 = 19;
    /// Resources changed.
    pub const MODIFY_RES: u16 = 20;
    /// The usage of QOS is set.
    pub const UPDATE_QOS_USAGE: u16 = 21;
    /// TRES came.
    pub const ADD_TRES: u16 = 22;
    /// The federations changed.
    pub const UPDATE_FEDS: u16 = 23;
}

/// One change, of several records of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountingChange {
    /// See [`change_kind`].
    pub kind: u16,
    /// The records; their type follows from the kind.
    pub records: AccountingRecords,
}

/// The records of an [`AccountingChange`].
#[derive(Clone, Debug, PartialEq)]
pub enum AccountingRecords {
    /// None: the clusters of slurmdbd changed, and this controller asks anew.
    None,
    /// Users, and coordinators.
    Users(NullOr<UserRecord>),
    /// Associations.
    Associations(NullOr<Association>),
    /// QOS.
    Qos(NullOr<Qos>),
    /// QOS with their usage.
    QosUsage(NullOr<QosInUse>),
    /// Wckeys.
    Wckeys(NullOr<Wckey>),
    /// Resources.
    Resources(NullOr<ResourceRecord>),
    /// TRES.
    Tres(NullOr<TresRecord>),
    /// Federations.
    Federations(NullOr<PresentFederation>),
}

wire_struct! {
    /// A federation in a list: led by a truth value that is always true.
    pub struct PresentFederation {
        /// The truth value.
        pub reserved_present: crate::msg::accounting::Present,
        /// The federation.
        pub federation: Federation,
    }
}

impl Wire for AccountingChange {
    fn encode(&self, w: &mut Writer) {
        self.kind.encode(w);
        match &self.records {
            AccountingRecords::None => {}
            AccountingRecords::Users(records) => records.encode(w),
            AccountingRecords::Associations(records) => records.encode(w),
            AccountingRecords::Qos(records) => records.encode(w),
            AccountingRecords::QosUsage(records) => records.encode(w),
            AccountingRecords::Wckeys(records) => records.encode(w),
            AccountingRecords::Resources(records) => records.encode(w),
            AccountingRecords::Tres(records) => records.encode(w),
            AccountingRecords::Federations(records) => records.encode(w),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        use change_kind::*;
        let kind = u16::decode(r)?;
        let records = match kind {
            ADD_USER | MODIFY_USER | REMOVE_USER | ADD_COORD | REMOVE_COORD => {
                AccountingRecords::Users(Wire::decode(r)?)
            }
            ADD_ASSOC | MODIFY_ASSOC | REMOVE_ASSOC | REMOVE_ASSOC_USAGE => {
                AccountingRecords::Associations(Wire::decode(r)?)
            }
            ADD_QOS | MODIFY_QOS | REMOVE_QOS => AccountingRecords::Qos(Wire::decode(r)?),
            UPDATE_QOS_USAGE => AccountingRecords::QosUsage(Wire::decode(r)?),
            ADD_WCKEY | MODIFY_WCKEY | REMOVE_WCKEY => AccountingRecords::Wckeys(Wire::decode(r)?),
            ADD_CLUSTER | REMOVE_CLUSTER => AccountingRecords::None,
            ADD_RES | MODIFY_RES | REMOVE_RES => AccountingRecords::Resources(Wire::decode(r)?),
            ADD_TRES => AccountingRecords::Tres(Wire::decode(r)?),
            UPDATE_FEDS => AccountingRecords::Federations(Wire::decode(r)?),
            other => {
                let what = Malformed::Unknown { what: "accounting change", got: other.into() };
                return Err(r.error(what));
            }
        };
        Ok(Self { kind, records })
    }
}
