use std::sync::Arc;

use crate::cluster::Counters;
use crate::config::Config;
use crate::cron::Crontab;
use crate::id::{JobId, NodeId, StepNumber, Timestamp, Uid};
use crate::job::{Job, WaitReason};
use crate::node::Node;
use crate::partition::Partition;
use crate::reservation::Reservation;
use crate::step::Step;
use crate::trigger::Trigger;

/// The only thing that alters a cluster: a record as it is from now on, or gone.
///
/// The store keeps the last record of each key, so a restart is `apply` over what it kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A job, new or altered.
    Job(Arc<Job>),
    /// A job is forgotten, and its script with it.
    JobGone(JobId),
    /// The script and environment of a batch job. The store alone keeps it.
    Script(JobId, Arc<Script>),
    /// A step, new or altered.
    Step(Arc<Step>),
    /// A step has ended.
    StepGone(JobId, StepNumber),
    /// A node, new or altered.
    Node(Arc<Node>),
    /// A node is out of the table.
    NodeGone(NodeId),
    /// A node was heard of. Not kept over a restart.
    Seen(NodeId, Seen),
    /// A partition, new or altered.
    Partition(Arc<Partition>),
    /// A partition is gone.
    PartitionGone(Arc<str>),
    /// A scheduler looked at a waiting job and left it. Not kept over a restart: the next look
    /// tells again.
    Waits(JobId, Waits),
    /// A trigger, new or altered.
    Trigger(Arc<Trigger>),
    /// A trigger is gone.
    TriggerGone(u32),
    /// A crontab, new or altered.
    Crontab(Arc<Crontab>),
    /// A user has no crontab any more.
    CrontabGone(Uid),
    /// A reservation, new or altered.
    Reservation(Arc<Reservation>),
    /// A reservation is gone.
    ReservationGone(Arc<str>),
    /// Numbers that only grow.
    Counters(Counters),
    /// slurm.conf was read. Not kept over a restart: the file is.
    Config(Arc<Config>),
}

/// What a scheduler says of a job that it leaves waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// When it looked.
    pub at: Timestamp,
    /// Why the job waits.
    pub wait: WaitReason,
    /// When the job is expected to start.
    pub expected: Option<Timestamp>,
    /// The nodes that it is expected to start on then, as a host expression.
    pub expected_nodes: Option<Arc<str>>,
}

/// What a sign of life says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// CPU load times 100 and free memory in MiB, if it told.
    pub load: Option<(u32, u64)>,
}

/// What a batch job runs, and with what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The script.
    pub script: String,
    /// The environment, `NAME=value`.
    pub environment: Vec<String>,
    /// The arguments; the first is the script's name.
    pub arguments: Vec<String>,
    /// Environment for prolog and epilog that SPANK plugins set.
    pub spank_environment: Vec<String>,
}
