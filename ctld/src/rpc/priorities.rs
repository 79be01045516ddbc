//! `sprio`: what the priorities of jobs are made of.

use std::cmp::Reverse;
use std::sync::Arc;

use model::{Appraiser, Factors, Job, PriorityType, TextOption};
use protocol::Number;
use protocol::msg::{JobPriority, Nice, PriorityFactors, PriorityFactorsResponse};
use protocol::shape::{Fixed, NullOr};

use super::visible::Sight;
use super::{Failure, Reply, Request, Row, sluid};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[Row::read(Number::REQUEST_PRIORITY_FACTORS, priorities)];

/// Jobs that could start and are not held, in each of their partitions; with CALCULATE_RUNNING those that run, too.
fn priorities(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let config = view.cluster.config();
    let sight = Sight::new(view, request, 0);
    let counts = |job: &&Arc<Job>| {
        let since = match config.priority.accrues_always {
            true => Some(job.submitted),
            false => job.eligible,
        };
        let waits = job.is_pending() || config.priority.running && job.is_active();
        waits && job.priority > 0 && since.is_some_and(|since| since <= request.now)
    };
    let mut appraiser = Appraiser::new(&view.cluster);
    let mut jobs = Vec::new();
    if config.priority_type == PriorityType::Multifactor {
        for job in view.cluster.jobs().filter(counts).filter(|job| sight.owner(job)) {
            for partition in partitions(view, job) {
                jobs.push(priority(view, &mut appraiser, job, &partition));
            }
        }
    }
    let body = PriorityFactorsResponse { jobs: NullOr::list(jobs) };
    Ok(request.reply(Number::RESPONSE_PRIORITY_FACTORS, &body))
}

/// The partitions that a job may start in, those of the highest tier first.
fn partitions(view: &View, job: &Job) -> Vec<Arc<str>> {
    if job.spec.partitions.len() < 2 || !job.is_pending() {
        return vec![Arc::clone(&job.partition)];
    }
    let mut names = job.spec.partitions.clone();
    let tier = |name: &Arc<str>| view.cluster.partition(name).map_or(0, |p| p.priority_tier);
    names.sort_by_key(|name| Reverse(tier(name)));
    names
}

fn priority(
    view: &View,
    appraiser: &mut Appraiser<'_>,
    job: &Job,
    partition: &Arc<str>,
) -> JobPriority {
    let text = |option| job.spec.carried.text(option).map(ToString::to_string);
    let direct = job.spec.fixed_priority.map_or(0, |_| job.priority);
    JobPriority {
        account: text(TextOption::Account),
        step_id: sluid::job(view, job),
        partition: Some(partition.to_string()),
        direct_prio: Fixed::new(direct.into()),
        factors: told(view, appraiser.factors(job, partition)),
        qos: text(TextOption::Qos),
        user_id: job.owner.0,
    }
}

fn told(view: &View, factors: Factors) -> PriorityFactors {
    let weights = &view.cluster.config().priority.tres;
    let fixed = |number: f64| Fixed::new(number);
    let site = i32::try_from(factors.site).unwrap_or(i32::MAX);
    PriorityFactors {
        job_size: fixed(factors.job_size),
        partition: fixed(factors.partition),
        site: Nice::new(site),
        tres: factors.tres.into_iter().map(fixed).collect(),
        tres_names: weights.iter().map(|(name, _)| Some(name.to_string())).collect(),
        tres_weights: weights.iter().map(|(_, weight)| fixed(*weight)).collect(),
        nice: Nice::new(factors.nice),
        ..PriorityFactors::default()
    }
}

#[cfg(test)]
mod tests {
    use model::{Change, Hold, PriorityRules, Timestamp};
    use protocol::Version;
    use protocol::wire::from_bytes;

    use super::*;
    use crate::rpc::fixtures::{self, NOW};

    fn asked(view: &View) -> Vec<JobPriority> {
        let body = fixtures::bytes(&(), Version::NEWEST);
        let number = Number::REQUEST_PRIORITY_FACTORS;
        let reply = priorities(view, &fixtures::request(number, Version::NEWEST, &body)).unwrap();
        let reply: PriorityFactorsResponse = from_bytes(&reply.body, Version::NEWEST).unwrap();
        reply.jobs.items().to_vec()
    }

    #[test]
    fn jobs_that_could_start_have_priorities_and_those_that_were_given_one_have_no_factors() {
        let mut view = fixtures::golden();
        for (id, eligible, held) in
            [(101, NOW, false), (102, NOW.plus_s(9), false), (103, NOW, true)]
        {
            let mut job = fixtures::job(id);
            (job.eligible, job.submitted) = (Some(eligible), Timestamp(NOW.0 - 5));
            job.priority = 700;
            if held {
                (job.hold, job.priority) = (Hold::User, 0);
            }
            view.cluster.apply(&Change::Job(Arc::new(job)));
        }
        let mut given = fixtures::job(104);
        (given.eligible, given.priority) = (Some(NOW), 55);
        Arc::make_mut(&mut given.spec).fixed_priority = Some(55);
        view.cluster.apply(&Change::Job(Arc::new(given)));
        let mut config = (**view.cluster.config()).clone();
        config.priority = PriorityRules {
            partition: 1000,
            tres: [("cpu".into(), 10.0)].into(),
            ..PriorityRules::default()
        };
        view.cluster.apply(&Change::Config(Arc::new(config.clone())));
        let ids = |found: &[JobPriority]| -> Vec<u32> {
            found.iter().map(|job| job.step_id.job_id).filter(|id| *id > 100).collect()
        };
        let found = asked(&view);
        assert_eq!(ids(&found), [101, 104]);
        let of = |id: u32| found.iter().find(|job| job.step_id.job_id == id).unwrap();
        assert!((of(104).direct_prio.get() - 55.0).abs() < 1e-9);
        assert!((of(101).factors.partition.get() - 1000.0).abs() < 1e-9);
        assert_eq!(of(101).factors.tres_names, [Some("cpu".to_owned())]);

        config.priority.accrues_always = true;
        view.cluster.apply(&Change::Config(Arc::new(config.clone())));
        assert_eq!(ids(&asked(&view)), [101, 102, 104]);
        config.priority_type = PriorityType::Basic;
        view.cluster.apply(&Change::Config(Arc::new(config)));
        assert!(asked(&view).is_empty());
    }
}
