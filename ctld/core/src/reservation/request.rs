//! What somebody asks of a reservation.

use std::sync::Arc;

use model::{CoreSet, NodeId, Timestamp, Uid};

use crate::access::Caller;
use crate::reject::Reject;

/// `scontrol create reservation` and `update reservation`: only what was said is set.
#[derive(Clone, Debug)]
pub struct ReservationRequest {
    /// Who.
    pub caller: Caller,
    /// Its name; a new one without gets one.
    pub name: Option<Arc<str>>,
    /// When it starts.
    pub start: Option<Timestamp>,
    /// When it ends.
    pub end: Option<Timestamp>,
    /// How long it lasts, minutes; `u32::MAX` is without end.
    pub duration_min: Option<u32>,
    /// `RESERVE_FLAG_*` of slurm.h, those that clear others among them.
    pub flags: Option<u64>,
    /// How many nodes.
    pub node_count: Option<u32>,
    /// How many cores.
    pub core_count: Option<u32>,
    /// Which nodes.
    pub nodes: Option<NodesAsked>,
    /// Features that its nodes must have; an empty text takes them away.
    pub features: Option<Arc<str>>,
    /// Licenses.
    pub licenses: Option<LicensesAsked>,
    /// Seconds that a job from outside may be in its way.
    pub max_start_delay_s: Option<u32>,
    /// Its partition; an empty name takes it away.
    pub partition: Option<Arc<str>>,
    /// Seconds without jobs after which it ends.
    pub purge_comp_s: Option<u32>,
    /// Users.
    pub users: Option<Vec<NameEdit>>,
    /// Accounts.
    pub accounts: Option<Vec<NameEdit>>,
    /// Partitions whose jobs may use it.
    pub partitions: Option<Vec<NameEdit>>,
    /// Groups as written, and the users in them; an empty text takes them away.
    pub groups: Option<(Arc<str>, Arc<[Uid]>)>,
    /// Burst buffers.
    pub burst_buffer: Option<Arc<str>>,
    /// A text for people.
    pub comment: Option<Arc<str>>,
    /// Nodes and cores that would do, looked for on the published cluster, where only a count or
    /// features were given.
    pub picked: Option<Result<Picked, Reject>>,
}

impl ReservationRequest {
    /// One of somebody who has said nothing yet.
    pub fn of(caller: Caller) -> Self {
        Self {
            caller,
            name: None,
            start: None,
            end: None,
            duration_min: None,
            flags: None,
            node_count: None,
            core_count: None,
            nodes: None,
            features: None,
            licenses: None,
            max_start_delay_s: None,
            partition: None,
            purge_comp_s: None,
            users: None,
            accounts: None,
            partitions: None,
            groups: None,
            burst_buffer: None,
            comment: None,
            picked: None,
        }
    }
}

/// `Licenses=`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicensesAsked {
    /// As written.
    pub text: Arc<str>,
    /// What that means: name and count.
    pub counts: Vec<(Arc<str>, u32)>,
}

/// `Nodes=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodesAsked {
    /// All of the cluster, or of the partition.
    All,
    /// None by name: so many as there were.
    Unnamed,
    /// These.
    Are(Arc<str>),
    /// More, or fewer: by sign.
    Change(Vec<(Sign, Arc<str>)>),
}

/// Nodes, and their cores where not all of each is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picked {
    /// Nodes, ascending.
    pub nodes: Vec<NodeId>,
    /// Cores, by node.
    pub cores: Option<Vec<(NodeId, CoreSet)>>,
}

/// A name in a list, with what is to become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameEdit {
    /// The sign before it.
    pub sign: Sign,
    /// The name.
    pub name: Arc<str>,
    /// The user, of a list of users, if there is one of that name.
    pub user: Option<Uid>,
}

/// The sign before a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// None: it is in the list that takes the place of the old one.
    None,
    /// It comes in.
    Plus,
    /// It goes out; or is one of those that may not.
    Minus,
}
