//! The published cluster: what readers, the scheduler and the rim see.

use std::sync::Arc;

use model::{Change, Cluster, Timestamp};

use crate::config::SlurmConf;
use crate::counters::Counters;
use crate::rpc::cache::Encoded;
use crate::users::Users;

/// The cluster as it was after some turn, with what a reply needs beside it. Cheap to clone, never
/// altered: a reader keeps the one that it began with.
#[derive(Clone, Debug)]
pub struct View {
    /// The cluster.
    pub cluster: Cluster,
    /// When tables last changed: what clients compare with to be told that nothing did.
    pub changed: Changed,
    /// slurm.conf, as last read.
    pub conf: Arc<SlurmConf>,
    /// When the controller started.
    pub booted: Timestamp,
    /// Records encoded for replies.
    pub encoded: Arc<Encoded>,
    /// What sdiag shows.
    pub counters: Arc<Counters>,
    /// Users and groups of this machine.
    pub users: Arc<Users>,
    /// Settings that are altered at run time and not kept: log levels and the like.
    pub tuning: Arc<Tuning>,
}

/// When tables last changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Jobs.
    pub jobs: Timestamp,
    /// Steps.
    pub steps: Timestamp,
    /// Nodes.
    pub nodes: Timestamp,
    /// Partitions.
    pub partitions: Timestamp,
    /// slurm.conf.
    pub config: Timestamp,
}

impl Changed {
    /// Takes note of a change.
    pub fn note(&mut self, change: &Change, now: Timestamp) {
        match change {
            Change::Job(_) | Change::JobGone(_) | Change::Waits(..) => self.jobs = now,
            Change::Step(_) | Change::StepGone(..) => self.steps = now,
            Change::Node(_) | Change::NodeGone(_) | Change::Seen(..) => self.nodes = now,
            Change::Partition(_) | Change::PartitionGone(_) => self.partitions = now,
            Change::Config(_) => self.config = now,
            Change::Script(..)
            | Change::Trigger(_)
            | Change::TriggerGone(_)
            | Change::Crontab(_)
            | Change::CrontabGone(_)
            | Change::Counters(_) => {}
        }
        // What jobs hold shows in the states of nodes.
        if matches!(change, Change::Job(_) | Change::JobGone(_)) {
            self.nodes = now;
        }
    }
}

/// Settings that people alter while the controller runs; a restart forgets them, as slurmctld does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// SlurmctldDebug, 0 (quiet) to 9 (debug5).
    pub debug_level: u16,
    /// DebugFlags.
    pub debug_flags: u64,
    /// SlurmSchedLogLevel.
    pub sched_log_level: u16,
    /// FairShareDampeningFactor.
    pub fs_dampening_factor: u16,
}
