//! What a priority is made of (priority/multifactor of slurm.conf(5), 24.11).
//!
//! Without accounting there are no ages, shares, associations and QOS: stock ignores their weights then. What is
//! left does not change by time alone, but by what partitions and nodes there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::job::{Job, NumberOption};
use crate::partition::Partition;
use crate::tres::{BillingRule, Tres, amount};

/// PriorityWeight*, PriorityFlags and PriorityFavorSmall, as far as they have a say without accounting.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorityRules {
    /// PriorityWeightJobSize.
    pub job_size: u32,
    /// PriorityWeightPartition.
    pub partition: u32,
    /// PriorityWeightTRES, by name in lower case, in the order in which Slurm numbers them, with all
    /// that are tracked; or nothing.
    pub tres: Arc<[(Arc<str>, f64)]>,
    /// PriorityFavorSmall.
    pub favor_small: bool,
    /// SMALL_RELATIVE_TO_TIME: a job's size is that for each minute of its limit.
    pub relative_to_time: bool,
    /// NO_NORMAL_PART: the partition's PriorityJobFactor as it is, and not as a part of the highest.
    pub absolute_partition: bool,
    /// NO_NORMAL_TRES: the same for TRES.
    pub absolute_tres: bool,
    /// CALCULATE_RUNNING: jobs that run are reckoned with, too.
    pub running: bool,
    /// INCR_ONLY: a priority that was given is not taken back.
    pub increases_only: bool,
    /// ACCRUE_ALWAYS: a job counts from its submission.
    pub accrues_always: bool,
    /// MAX_TRES and MAX_TRES_GRES.
    pub billing: BillingRule,
    /// PriorityCalcPeriod: how often it is looked whether priorities have changed.
    pub period_s: u32,
}

impl Default for PriorityRules {
    /// The defaults of slurm.conf(5): nothing has a weight.
    fn default() -> Self {
        Self {
            job_size: 0,
            partition: 0,
            tres: Arc::default(),
            favor_small: false,
            relative_to_time: false,
            absolute_partition: false,
            absolute_tres: false,
            running: false,
            increases_only: false,
            accrues_always: false,
            billing: BillingRule::Sum,
            period_s: 300,
        }
    }
}

impl PriorityRules {
    /// Whether anything but nice values and site factors counts.
    pub fn weigh(&self) -> bool {
        self.job_size > 0 || self.partition > 0 || !self.tres.is_empty()
    }
}

/// What sizes are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    nodes: u32,
    cpus: u64,
    /// PriorityJobFactor of all partitions.
    partitions: Vec<(Arc<str>, u16)>,
}

impl Scale {
    /// That of a cluster as it is.
    pub fn of(cluster: &Cluster) -> Self {
        let cpus = cluster.nodes().map(|node| u64::from(node.hardware.effective_cpus()));
        let factor = |one: &Arc<Partition>| (Arc::clone(&one.name), one.priority_job_factor);
        Self {
            nodes: u32::try_from(cluster.nodes().count()).unwrap_or(u32::MAX),
            cpus: cpus.sum(),
            partitions: cluster.partitions().map(factor).collect(),
        }
    }

    fn highest(&self) -> u16 {
        self.partitions.iter().map(|(_, factor)| *factor).max().unwrap_or(0)
    }
}

/// The parts of a priority, each multiplied by its weight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Factors {
    /// For the size of the job.
    pub job_size: f64,
    /// For its partition.
    pub partition: f64,
    /// For each of the TRES that have weights, in their order.
    pub tres: Vec<f64>,
    /// The site's own.
    pub site: i64,
    /// What is taken away.
    pub nice: i32,
}

impl Factors {
    /// The sum: at least 1, since 0 is for jobs that are held.
    pub fn priority(&self) -> u32 {
        let sum = self.job_size + self.partition + self.tres.iter().sum::<f64>();
        let least = |all: f64| if all < 1.0 { 1.0 } else { all };
        whole(least(sum + amount_of(self.site) - f64::from(self.nice)))
    }
}

/// Computes priorities. What it has to add up of the cluster it adds up once.
#[derive(Debug)]
pub struct Appraiser<'c> {
    cluster: &'c Cluster,
    scale: Option<Scale>,
    partitions: BTreeMap<Arc<str>, Tres>,
}

impl<'c> Appraiser<'c> {
    /// Of the jobs of a cluster.
    pub fn new(cluster: &'c Cluster) -> Self {
        Self { cluster, scale: None, partitions: BTreeMap::new() }
    }

    /// The priority of a job that nobody gave one.
    pub fn priority(&mut self, job: &Job) -> u32 {
        self.factors(job, &job.partition).priority()
    }

    /// What the priority of a job is made of in a partition.
    pub fn factors(&mut self, job: &Job, partition: &str) -> Factors {
        let rules = &self.cluster.config().priority;
        let site = job.spec.carried.number(NumberOption::SiteFactor);
        let site = site.and_then(|number| i64::try_from(number).ok());
        let mut factors = Factors {
            site: site.map_or(0, |number| number - SITE_OFFSET),
            nice: job.spec.nice,
            ..Factors::default()
        };
        if !rules.weigh() {
            return factors;
        }
        let Some(partition) = self.cluster.partition(partition) else {
            return factors;
        };
        let scale = self.scale.get_or_insert_with(|| Scale::of(self.cluster));
        if rules.job_size > 0 && scale.nodes > 0 && scale.cpus > 0 {
            let size = size(job, partition, scale, rules).clamp(0.0, 1.0);
            factors.job_size = size * f64::from(rules.job_size);
        }
        let highest = scale.highest();
        if rules.partition > 0 && highest > 0 {
            let of = if rules.absolute_partition { 1.0 } else { f64::from(highest) };
            let factor = f64::from(partition.priority_job_factor) / of;
            factors.partition = factor * f64::from(rules.partition);
        }
        if !rules.tres.is_empty() {
            factors.tres = self.tres(job, partition);
        }
        factors
    }

    fn tres(&mut self, job: &Job, partition: &Partition) -> Vec<f64> {
        let cluster = self.cluster;
        let config = cluster.config();
        let all = self.partitions.entry(Arc::clone(&partition.name));
        let all = all.or_insert_with(|| Tres::of_partition(cluster, partition));
        let mine = Tres::given(job).unwrap_or_else(|| Tres::asked_for(cluster, job));
        let weights = partition.billing_weights.as_deref();
        let count = |tres: &Tres, name: &str| match name {
            "billing" => tres.billing(config.priority.billing, weights).trunc(),
            _ => tres.count(name),
        };
        let part = |(name, weight): &(Arc<str>, f64)| {
            let (wanted, there) = (count(&mine, name), count(all, name));
            match config.priority.absolute_tres {
                true => wanted * weight,
                false if there > 0.0 => wanted / there * weight,
                false => 0.0,
            }
        };
        config.priority.tres.iter().map(part).collect()
    }
}

/// What is added to a site factor where it is carried as clients send it (`NICE_OFFSET` of slurm.h).
const SITE_OFFSET: i64 = 0x8000_0000;

/// How large a job is, from 0 to 1: by its nodes and CPUs among all.
fn size(job: &Job, partition: &Partition, scale: &Scale, rules: &PriorityRules) -> f64 {
    let spec = &job.spec;
    let given = job.allocation.as_ref().filter(|_| !job.is_pending());
    let cpus = given.map_or(spec.max_cpus.unwrap_or(spec.min_cpus), |given| given.cpus());
    let (cpus, nodes) = (f64::from(cpus), f64::from(spec.min_nodes));
    let (all_cpus, all_nodes) = (amount(scale.cpus), f64::from(scale.nodes));
    if rules.relative_to_time {
        let limit = job.time_limit_min.or(partition.max_time_min).unwrap_or(u32::MAX);
        let share = cpus.max(nodes * all_cpus / all_nodes) / f64::from(limit.max(1)) / all_cpus;
        return if rules.favor_small { 1.0 - share } else { share };
    }
    let of_nodes = match rules.favor_small {
        true => (all_nodes - nodes).max(0.0) / all_nodes,
        false => nodes / all_nodes,
    };
    if cpus == 0.0 {
        return of_nodes;
    }
    let of_cpus = match rules.favor_small {
        true => (all_cpus - cpus) / all_cpus,
        false => cpus / all_cpus,
    };
    f64::midpoint(of_nodes, of_cpus)
}

#[expect(clippy::cast_precision_loss, reason = "priorities are sums of doubles in Slurm too")]
fn amount_of(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was clamped")]
fn whole(priority: f64) -> u32 {
    priority.clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::Factors;

    #[test]
    fn a_priority_is_the_sum_of_its_parts_and_never_0() {
        let factors = Factors {
            job_size: 312.5,
            partition: 200.0,
            tres: vec![125.0, 100.0],
            site: 0,
            nice: 0,
        };
        assert_eq!(factors.priority(), 737, "what stock has of this");
        assert_eq!(Factors { nice: 7, ..factors.clone() }.priority(), 730);
        assert_eq!(Factors { nice: 5000, ..factors.clone() }.priority(), 1);
        assert_eq!(Factors { site: 0x7fff_ffff, job_size: 4e9, ..factors }.priority(), u32::MAX);
    }
}
