//! Who may push whom aside (PreemptType=preempt/partition_prio of slurm.conf(5)).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::fit::{self, Misfit};
use crate::id::{JobId, Timestamp};
use crate::job::{Job, Phase};
use crate::partition::{Partition, PreemptMode};
use crate::plan::{Preemption, Start};
use crate::{Change, reservation};

/// How jobs push others aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreemptRules {
    /// PreemptMode, for partitions that do not say otherwise.
    pub mode: PreemptMode,
    /// PreemptMode has PRIORITY (25.05): nobody is pushed aside by a job of lower priority.
    pub by_priority: bool,
    /// PreemptExemptTime: for so long a job that has started is left alone, seconds.
    pub exempt_s: u32,
    /// `min_exempt_priority`: jobs of a higher priority are left alone.
    pub exempt_priority: Option<u32>,
    /// `reorder_count`: how often fewer or smaller jobs are looked for that would do as well.
    pub reorder_count: u16,
    /// `strict_order`: reordering moves one job to the front and keeps the order of the others.
    pub strict_order: bool,
    /// `youngest_first`: whoever started last goes first.
    pub youngest_first: bool,
    /// `reclaim_licenses`: jobs are pushed aside for their licenses, too.
    pub for_licenses: bool,
    /// `send_user_signal`: jobs get the signal that they asked for (`--signal`) and not SIGTERM.
    pub user_signal: bool,
}

impl Cluster {
    /// What is done to a job that is pushed aside, with all that it started together with.
    pub fn preempt_mode(&self, job: &Job) -> PreemptMode {
        if self.config().preemption.is_none() {
            return PreemptMode::Off;
        }
        let members = job.het.iter().flat_map(|role| role.members());
        let others = members.filter_map(|id| self.job(*id)).map(|job| &**job);
        let alone = job.het.is_none().then_some(job);
        let modes: Vec<PreemptMode> =
            others.chain(alone).map(|job| self.preempt_mode_of_one(job)).collect();
        let preferred = [PreemptMode::Suspend, PreemptMode::Requeue];
        let found = preferred.into_iter().find(|mode| modes.contains(mode));
        found.or_else(|| modes.first().copied()).unwrap_or(PreemptMode::Off)
    }

    fn preempt_mode_of_one(&self, job: &Job) -> PreemptMode {
        let Some(rules) = &self.config().preemption else {
            return PreemptMode::Off;
        };
        let of_partition = self.partition(&job.partition).and_then(|p| p.preempt_mode);
        let mode = match of_partition.unwrap_or(rules.mode) {
            PreemptMode::Gang => PreemptMode::Off,
            PreemptMode::SuspendGang => PreemptMode::Suspend,
            mode => mode,
        };
        let gives_way = job.spec.warn_flags & reservation::GIVES_WAY != 0;
        if gives_way && mode != PreemptMode::Requeue { PreemptMode::Cancel } else { mode }
    }

    /// From when on a job that has started may be pushed aside, if it ever may.
    pub fn preemptable_from(&self, job: &Job) -> Option<Timestamp> {
        let rules = self.config().preemption.as_ref()?;
        let started = job.started.filter(|_| self.preempt_mode(job) != PreemptMode::Off)?;
        Some(started.plus_s(rules.exempt_s.into()))
    }

    /// Whether a job that is to start in a partition may push another aside, of which nothing has ended
    /// and that was not told to go yet. Of a heterogeneous job the leader stands for all components.
    pub fn may_preempt(
        &self,
        now: Timestamp,
        job: &Job,
        partition: &Partition,
        victim: &Arc<Job>,
    ) -> bool {
        let Some(rules) = &self.config().preemption else {
            return false;
        };
        if victim.het_job() != victim.id || victim.preempted.is_some() {
            return false;
        }
        let spared = |one: &Arc<Job>| {
            let theirs = self.partition(&one.partition);
            let below = theirs.is_some_and(|p| p.priority_tier < partition.priority_tier);
            let exempt = one.started.is_none_or(|at| at.plus_s(rules.exempt_s.into()) > now);
            !below
                || !one.is_active()
                || exempt
                || theirs.is_some_and(|p| p.preempt_mode == Some(PreemptMode::Off))
                || rules.exempt_priority.is_some_and(|most| one.priority > most)
                || rules.by_priority && job.priority < one.priority
                || self.config().explicit_scancel && one.cron.is_some()
        };
        !self.components(victim).any(spared)
            && matches!(self.preempt_mode(victim), PreemptMode::Cancel | PreemptMode::Requeue)
    }

    /// Jobs that hold something and are about to give it back: they were told to go, or their nodes clean
    /// up after them and have not been at it for too long.
    pub fn on_their_way(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Job>> {
        let config = self.config();
        let soon_s = u64::from(config.kill_wait_s) + u64::from(config.message_timeout_s);
        let cleans_up = move |job: &&Arc<Job>| match &job.phase {
            Phase::Completing(completing) => now.since(completing.since) <= soon_s,
            _ => false,
        };
        let told = |job: &&Arc<Job>| job.preempted.is_some();
        self.active().filter(told).chain(self.completing().filter(cleans_up))
    }
}

/// Checks a preemption again, on the cluster as it is when it is to be carried out: whoever is to go may
/// be made to, and when all are gone that are on their way, the starts hold.
///
/// # Errors
///
/// The first thing that does not hold.
pub fn fits_then(cluster: &Cluster, now: Timestamp, one: &Preemption) -> Result<(), Misfit> {
    let mut then = cluster.clone();
    let mut gone: BTreeSet<JobId> = cluster.on_their_way(now).map(|job| job.id).collect();
    for id in &one.victims {
        let Some(victim) = cluster.job(*id).filter(|job| job.is_active()) else {
            continue;
        };
        for start in &one.starts {
            let job = cluster.job(start.job).ok_or(Misfit::JobGone(start.job))?;
            let partition = cluster.partition(&start.partition);
            let partition =
                partition.ok_or_else(|| Misfit::PartitionClosed(Arc::clone(&start.partition)))?;
            if victim.preempted.is_none() && !cluster.may_preempt(now, job, partition, victim) {
                return Err(Misfit::NotPreemptable(*id));
            }
        }
        gone.extend(cluster.components(victim).map(|job| job.id));
    }
    for id in gone {
        if let Some(job) = cluster.job(id) {
            let ended = Job { phase: Phase::Ended, ended: Some(now), ..Job::clone(job) };
            then.apply(&Change::Job(Arc::new(ended)));
        }
    }
    match &one.starts[..] {
        [Start { job, .. }] if cluster.job(*job).is_some_and(|job| job.het.is_none()) => {
            fit::fits(&then, now, &one.starts[0])
        }
        starts => fit::fits_together(&then, now, starts),
    }
}
