//! The published cluster: what readers, the scheduler and the rim see.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Change, Cluster, JobId, Node, Timestamp, Waits};

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

/// The job whose record a change alters.
fn altered_job(change: &Change) -> Option<JobId> {
    match change {
        Change::Job(job) => Some(job.id),
        Change::JobGone(id) | Change::Waits(id, _) => Some(*id),
        _ => None,
    }
}

/// How many changes are remembered. Whoever looks at the table less often looks at all of it.
const ALTERED_MAX: usize = 1 << 16;

/// Which jobs changed last, so that whoever encodes their table need not look at all of them. One
/// for all views: it knows of every change that a view has, and perhaps of some that came after.
#[derive(Debug, Default)]
pub struct Altered {
    log: Mutex<AlterationLog>,
}

#[derive(Debug, Default)]
struct AlterationLog {
    /// How many changes are forgotten.
    forgotten: u64,
    /// One for each revision since.
    jobs: VecDeque<JobId>,
}

impl Altered {
    /// Takes note of changes, before the view that has them is published.
    pub fn note(&self, changes: &[Change]) {
        let mut log = self.log();
        log.jobs.extend(changes.iter().filter_map(altered_job));
        let old = log.jobs.len().saturating_sub(ALTERED_MAX);
        log.jobs.drain(..old);
        log.forgotten += old as u64;
    }

    /// The places of jobs that changed since a revision of their table; `None` if that is too long
    /// ago.
    pub fn since(&self, revision: u64) -> Option<Vec<u32>> {
        let log = self.log();
        let known = usize::try_from(revision.checked_sub(log.forgotten)?).ok()?;
        let changes = log.jobs.len().checked_sub(known)?;
        Some(log.jobs.iter().rev().take(changes).map(|id| id.0).collect())
    }

    fn log(&self) -> MutexGuard<'_, AlterationLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use model::{Change, JobId};

    use super::{ALTERED_MAX, Altered};

    #[test]
    fn changes_are_remembered_by_revision_until_there_are_too_many() {
        let altered = Altered::default();
        assert_eq!(altered.since(0), Some(vec![]));
        let gone = |id| Change::JobGone(JobId(id));
        altered.note(&[gone(7), Change::Counters(model::Counters::default()), gone(8)]);
        altered.note(&[gone(9)]);
        assert_eq!(altered.since(0), Some(vec![9, 8, 7]));
        assert_eq!(altered.since(2), Some(vec![9]));
        assert_eq!(altered.since(3), Some(vec![]));
        assert_eq!(altered.since(4), None);
        (0..ALTERED_MAX).for_each(|_| altered.note(&[gone(5)]));
        assert_eq!(altered.since(2), None);
        assert_eq!(altered.since(3).map(|all| all.len()), Some(ALTERED_MAX));
    }
}
