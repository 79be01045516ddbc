//! A plan in the making.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Cluster, Job, Partition, Passed, Plan, Preemption, Start, Timestamp, WaitReason};

use crate::Budget;
use crate::eligible::partition_hindrance;
use crate::ledger::Ledger;
use crate::preempt::Outlook;
use crate::shape::Shapes;

/// A plan in the making.
pub(crate) struct Planner<'a> {
    pub cluster: &'a Cluster,
    pub now: Timestamp,
    pub budget: Budget,
    pub ledger: Ledger<'a>,
    pub shapes: Shapes,
    /// Partitions in which a job waits for resources.
    pub blocked: BTreeSet<Arc<str>>,
    /// Reservations in which a job waits for resources.
    pub blocked_leases: BTreeSet<Arc<str>>,
    /// Whether there are reservations.
    pub leased: bool,
    /// How many nodes are kept for jobs further ahead.
    pub kept: u32,
    /// Open nodes of partitions, and how many nodes were kept when they were counted.
    pub open: BTreeMap<Arc<str>, (u32, u32)>,
    /// CPUs that the nodes of partitions have, as far as somebody asked.
    pub cpus: BTreeMap<Arc<str>, u64>,
    /// What is left when those that are on their way have gone, as soon as somebody asks.
    pub outlook: Option<Outlook<'a>>,
    pub preemptions: Vec<Preemption>,
    /// Jobs that wait for others.
    pub waiting: Vec<Waiting<'a>>,
    pub starts: Vec<Start>,
    /// Heterogeneous jobs to be started, the components of each.
    pub together: Vec<Vec<Start>>,
    pub passed: Vec<Option<Passed>>,
    /// Starts of the first pass.
    pub in_order: usize,
    pub examined: u32,
    pub complete: bool,
}

/// A job that waits for others.
pub(crate) struct Waiting<'a> {
    pub job: &'a Arc<Job>,
    /// Its place among those passed.
    pub passed: usize,
    /// Of an array, how many of its tasks have been started.
    pub tasks_started: usize,
    /// The places of the other components of the heterogeneous job that it leads.
    pub others: Vec<usize>,
}

impl Waiting<'_> {
    /// The places of the job, and of all that starts together with it, among those passed.
    pub fn all_passed(&self) -> impl Iterator<Item = usize> + '_ {
        std::iter::once(self.passed).chain(self.others.iter().copied())
    }
}

impl<'a> Planner<'a> {
    pub fn new(cluster: &'a Cluster, now: Timestamp, budget: Budget) -> Self {
        Self {
            cluster,
            now,
            budget,
            ledger: Ledger::new(cluster, budget.node_checks).at(now),
            shapes: Shapes::default(),
            blocked: BTreeSet::new(),
            blocked_leases: BTreeSet::new(),
            leased: cluster.has_reservations(),
            kept: 0,
            open: BTreeMap::new(),
            cpus: BTreeMap::new(),
            outlook: None,
            preemptions: Vec::new(),
            waiting: Vec::new(),
            starts: Vec::new(),
            together: Vec::new(),
            passed: Vec::new(),
            in_order: 0,
            examined: 0,
            complete: true,
        }
    }

    /// What keeps a job from being started in a partition, whatever else runs there.
    pub fn partition_hindrance(&mut self, job: &Job, partition: &Partition) -> Option<WaitReason> {
        partition_hindrance(job, partition, || {
            if let Some(cpus) = self.cpus.get(&partition.name) {
                return *cpus;
            }
            let cpus = partition.cpus(self.cluster);
            self.cpus.insert(Arc::clone(&partition.name), cpus);
            cpus
        })
    }

    /// Leaves a job waiting; gives its place among those passed.
    pub fn pass(&mut self, job: &Job, wait: WaitReason) -> usize {
        self.passed.push(Some(Passed { job: job.id, wait, expected: None, expected_nodes: None }));
        self.passed.len() - 1
    }

    /// The plan. Of a job whose record says already what there is to say, nothing is said.
    pub fn finish(self) -> Plan {
        let cluster = self.cluster;
        // A plan that has looked at all of them knows which are not expected anywhere any more.
        let all_again = self.complete && self.budget.backfill_jobs > 0;
        let is_news = |passed: &Passed| {
            cluster.job(passed.job).is_none_or(|job| {
                job.wait != passed.wait
                    || all_again && passed.expected.is_none() && job.expected_nodes.is_some()
                    || passed.expected.is_some()
                        && (passed.expected, &passed.expected_nodes)
                            != (job.started, &job.expected_nodes)
            })
        };
        Plan {
            out_of_order: u32::try_from(self.starts.len() - self.in_order).unwrap_or(u32::MAX),
            starts: self.starts,
            together: self.together,
            preemptions: self.preemptions,
            passed: self.passed.into_iter().flatten().filter(is_news).collect(),
            examined: self.examined,
            complete: self.complete,
        }
    }
}
