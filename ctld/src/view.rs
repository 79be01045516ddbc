//! The published cluster: what readers, the scheduler and the rim see.

use std::sync::Arc;

use model::{Change, Cluster, JobId, Node, Timestamp, Waits};

use crate::altered::{Altered, altered_job};
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
    /// Which jobs changed last.
    pub altered: Arc<Altered>,
    /// Tables encoded for replies.
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
    /// Reservations.
    pub reservations: Timestamp,
    /// slurm.conf.
    pub config: Timestamp,
    /// How often, since times are too coarse to tell two values apart.
    pub revision: Revision,
}

/// How often tables were changed since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// Jobs.
    pub jobs: u64,
    /// Nodes, and what jobs hold of them.
    pub nodes: u64,
    /// Settings, partitions, which nodes there are and what they have: what hardly ever changes and
    /// shows in the records of all tables.
    pub structure: u64,
}

/// Whether a node is another one, for whoever does not look at its state.
fn is_altered(old: &Node, new: &Node) -> bool {
    (&old.name, &old.address, &old.hardware) != (&new.name, &new.address, &new.hardware)
}

/// Whether other nodes are planned for a waiting job than before.
fn is_planned_elsewhere(old: &Cluster, job: JobId, waits: &Waits) -> bool {
    let before = old.job(job).filter(|job| job.is_pending());
    before.and_then(|job| job.expected_nodes.as_ref()) != waits.expected_nodes.as_ref()
}

impl Changed {
    /// All of them at once: what a start is to clients.
    pub fn at(now: Timestamp) -> Self {
        let revision = Revision::default();
        Self {
            jobs: now,
            steps: now,
            nodes: now,
            partitions: now,
            reservations: now,
            config: now,
            revision,
        }
    }

    /// Takes note of a change, made since the cluster was `old`.
    pub fn note(&mut self, change: &Change, now: Timestamp, old: &Cluster) {
        self.revise(change, old);
        match change {
            Change::Job(_) | Change::JobGone(_) | Change::Waits(..) => self.jobs = now,
            Change::Step(_) | Change::StepGone(..) => self.steps = now,
            Change::Node(_) | Change::NodeGone(_) | Change::Seen(..) => self.nodes = now,
            Change::Partition(_) | Change::PartitionGone(_) => self.partitions = now,
            Change::Reservation(_) | Change::ReservationGone(_) => {
                // Their nodes show that they are reserved.
                (self.reservations, self.nodes) = (now, now);
            }
            Change::Config(_) => self.config = now,
            Change::Script(..)
            | Change::Trigger(_)
            | Change::TriggerGone(_)
            | Change::Crontab(_)
            | Change::CrontabGone(_)
            | Change::Counters(_) => {}
        }
        // What jobs hold, and what is planned for them, shows in the states of nodes.
        let shows = match change {
            Change::Job(_) | Change::JobGone(_) => true,
            Change::Waits(id, waits) => is_planned_elsewhere(old, *id, waits),
            _ => false,
        };
        if shows {
            self.nodes = now;
        }
    }

    fn revise(&mut self, change: &Change, old: &Cluster) {
        let revision = &mut self.revision;
        revision.jobs += u64::from(altered_job(change).is_some());
        match change {
            Change::Waits(id, waits) => {
                revision.nodes += u64::from(is_planned_elsewhere(old, *id, waits));
            }
            Change::Job(_) | Change::JobGone(_) => revision.nodes += 1,
            Change::Node(node) => {
                revision.nodes += 1;
                if old.node(node.id).is_none_or(|old| is_altered(old, node)) {
                    revision.structure += 1;
                }
            }
            Change::Seen(..) => revision.nodes += 1,
            Change::NodeGone(_)
            | Change::Partition(_)
            | Change::PartitionGone(_)
            | Change::Reservation(_)
            | Change::ReservationGone(_)
            | Change::Config(_) => {
                revision.nodes += 1;
                revision.structure += 1;
            }
            Change::Step(_)
            | Change::StepGone(..)
            | Change::Script(..)
            | Change::Counters(_)
            | Change::Trigger(_)
            | Change::TriggerGone(_)
            | Change::Crontab(_)
            | Change::CrontabGone(_) => {}
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
