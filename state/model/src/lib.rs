//! The cluster as a value. Pure.
//!
//! | noun | what it is |
//! |---|---|
//! | [`Cluster`] | everything that the controller knows, cheap to clone |
//! | [`Job`] | what somebody asked to run ([`JobSpec`]) and where it stands ([`Phase`]) |
//! | [`Step`] | a part of a job that runs as one: the batch script, a parallel launch |
//! | [`Node`] | a machine: what it has ([`Hardware`]), whether it can be used ([`Availability`]) |
//! | [`Partition`] | a queue: nodes, limits, who may use it |
//! | [`Allocation`] | which cores and memory of which nodes a job holds |
//! | [`Trigger`] | a program that runs when something happens |
//! | [`Crontab`] | what a user wants run again and again |
//! | [`Reservation`] | nodes, cores or licenses that are kept for some for a time |
//! | [`Change`] | the only thing that [`Cluster::apply`] takes, and the only way to alter a cluster |
//! | [`Plan`] | what a scheduler proposes: starts, and for each job left the reason |
//! | [`Config`] | what slurm.conf decides |
//!
//! A cluster has *records* (jobs, steps, nodes, partitions, triggers, crontabs, counters), which the store keeps, and
//! *indexes* (who waits in which order, what each node has left), which are a function of the
//! records and are kept up by `apply`; [`check()`] computes them anew and compares.
//!
//! This crate does not know what a byte on the wire or on a disk looks like, what time it is, or
//! who is on the other end of a socket.

mod array;
mod bind;
mod change;
mod check;
mod cluster;
mod config;
mod cron;
mod dependency;
mod fit;
mod gres;
mod het;
mod id;
mod index;
mod job;
mod limit;
mod mcs;
mod node;
mod node_list;
mod partition;
mod parts;
mod plan;
mod power;
mod preempt;
mod priority;
mod recurrence;
mod reservation;
mod resource;
mod step;
mod taken;
mod tres;
mod trigger;

pub use array::{ArrayRole, IndexSet, PendingTasks};
pub use bind::{bound, cores_near};
pub use change::{Change, Script, Seen, Waits};
pub use check::{Violation, check};
pub use cluster::{Cluster, Counters, QueueKey};
pub use config::{
    Config, Consumable, HealthCheck, LicensePool, MemoryDefault, PriorityType, Private,
    ReturnToService, Unit,
};
pub use cron::{CronLine, Crontab, Zone};
pub use dependency::{Dependencies, Dependency, DependencyKind, DependencyState, Join};
pub use fit::{Misfit, fits, fits_together};
pub use gres::{Devices, GresHeld, GresLine, GresUse, GresWish};
pub use het::{HetPlace, HetRole};
pub use id::{Gid, JobId, NodeId, StepNumber, Timestamp, Uid};
pub use job::{
    Allocation, Carried, Completing, Exclusive, Exit, Hold, Job, JobSpec, Launch, MemoryRequest,
    NodeShare, NumberOption, Outcome, Phase, Prologs, Resized, TextOption, WaitReason,
};
pub use limit::{Beyond, PartLimits};
pub use mcs::{BadLabel, Groups, Mcs, McsPlugin, McsSelect};
pub use node::{
    Address, Availability, Hardware, Node, NodeFlags, NodeReason, Origin, Registration,
};
pub use node_list::{UnknownNode, named_nodes, node_list};
pub use partition::{Partition, PartitionState, PreemptMode, Sharing};
pub use parts::{PartRules, PartsWanted, SharedDevices};
pub use plan::{Passed, Plan, Preemption, Start};
pub use power::{PowerRequest, PowerSaving, SparedNodes, SparedState, SuspendExceptions};
pub use preempt::{PreemptRules, fits_then};
pub use priority::{Appraiser, Factors, PriorityRules, Scale};
pub use reservation::{Applicant, Member, Reservation, ReservationFlags, Roster, YEAR_S};
pub use resource::{CoreSet, GresCount, Usage};
pub use step::{CpuFrequency, Step, StepClient, StepLaunch, StepShare, StepTexts};
pub use taken::Taken;
pub use tres::{BillingRule, Tres, weight_of};
pub use trigger::{Cause, Pulled, Trigger, Watched};
