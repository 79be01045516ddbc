//! Priorities are computed anew (priority/multifactor).
//!
//! They depend on the configuration, on partitions and on nodes, not on the time of day. So it is looked now and
//! then whether any of that is different (PriorityCalcPeriod), and only then the waiting jobs are gone through, a
//! bounded number a second.

use std::sync::Arc;

use model::{Appraiser, Job, JobId, PriorityRules, PriorityType, Scale, Timestamp};

use crate::effect::Effect;
use crate::turn::Turn;

/// How many jobs are looked at in one turn, and how many of them may change.
const LOOKS_MAX: usize = 20_000;
const CHANGES_MAX: usize = 2_000;

/// How far priorities are those of today. Not kept over a restart: then all are looked at once.
#[derive(Debug, Default)]
pub(crate) struct Appraisal {
    /// What they were last computed by.
    by: Option<(PriorityRules, Option<Scale>)>,
    /// When it was last looked whether that has changed.
    looked: Option<Timestamp>,
    /// Where the jobs that are left begin.
    next: Option<JobId>,
}

impl Appraisal {
    /// The configuration is another one: it is looked at once.
    pub(crate) fn outdated(&mut self) {
        self.looked = None;
    }
}

/// A second has gone by.
pub(crate) fn appraise(turn: &mut Turn<'_>, appraisal: &mut Appraisal) {
    let config = turn.config();
    if config.priority_type != PriorityType::Multifactor {
        return;
    }
    let period_s = u64::from(config.priority.period_s);
    if appraisal.next.is_none() {
        if appraisal.looked.is_some_and(|at| turn.now.since(at) < period_s) {
            return;
        }
        appraisal.looked = Some(turn.now);
        let scale = config.priority.weigh().then(|| Scale::of(turn.cluster()));
        let by = Some((config.priority.clone(), scale));
        if appraisal.by == by {
            return;
        }
        appraisal.by = by;
        appraisal.next = Some(JobId(0));
    }
    let first = appraisal.next.unwrap_or(JobId(0));
    let (changed, next) = changed(turn, first);
    appraisal.next = next;
    if !changed.is_empty() {
        turn.emit(Effect::Schedule);
    }
    for (job, priority) in changed {
        turn.edit_job(&job, |job| job.priority = priority);
    }
}

/// Jobs from a number on whose priority is another one now, and where the rest begins.
fn changed(turn: &Turn<'_>, first: JobId) -> (Vec<(Arc<Job>, u32)>, Option<JobId>) {
    let cluster = turn.cluster();
    let rules = &cluster.config().priority;
    let mut appraiser = Appraiser::new(cluster);
    let mut changed = Vec::new();
    for (looks, (id, job)) in cluster.jobs_numbered(first.0..=u32::MAX).enumerate() {
        if looks >= LOOKS_MAX || changed.len() >= CHANGES_MAX {
            return (changed, Some(id));
        }
        if !is_appraised(job, rules) {
            continue;
        }
        let priority = appraiser.priority(job);
        if priority > job.priority || priority < job.priority && !rules.increases_only {
            changed.push((Arc::clone(job), priority));
        }
    }
    (changed, None)
}

/// Whether the priority of a job is computed: nobody holds it, nobody gave it one.
fn is_appraised(job: &Job, rules: &PriorityRules) -> bool {
    let counts = job.is_pending() || rules.running && job.is_active();
    counts && job.priority > 0 && job.spec.fixed_priority.is_none()
}

/// Something about a job was altered: its priority follows. Gives the job as it is then.
pub(super) fn altered(turn: &mut Turn<'_>, job: &Arc<Job>) -> Arc<Job> {
    let config = turn.config();
    let is_weighed = config.priority.weigh()
        || job.spec.carried.number(model::NumberOption::SiteFactor).is_some();
    let computed = config.priority_type == PriorityType::Multifactor
        && is_weighed
        && job.priority > 0
        && job.spec.fixed_priority.is_none()
        && !job.is_finished();
    if !computed {
        return Arc::clone(job);
    }
    let priority = Appraiser::new(turn.cluster()).priority(job);
    if priority == job.priority {
        return Arc::clone(job);
    }
    turn.edit_job(job, |job| job.priority = priority)
}
