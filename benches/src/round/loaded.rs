use std::time::Duration;

use conformance::ground::say;
use tokio::sync::oneshot;
use tokio::time;

use super::hollows::Hollows;
use super::running::{drained, no_op};
use super::waiting::{at_rest, report, to_f64};
use super::{Figures, Ground, Plan, RoundError, SETTLE, Scenario, fill};
use crate::load::{Poll, Polled, Question};

/// Clients that poll while jobs run. Of a list of a million jobs a controller that makes each answer anew would need
/// 600 MB a client.
const POLLERS: usize = 50;
const POLLERS_OF_MANY: usize = 8;
const MANY: u64 = 300_000;

/// For how long all jobs are asked for at rest, at least once.
const REST: Duration = Duration::from_secs(3);

const OF: &str = "jobs in memory";

/// Scenarios e, d and c with so many jobs in the saved state, and jobs that run under polls beside them.
pub(super) async fn measure(ground: &mut Ground, jobs: u64) -> Result<(), RoundError> {
    let figures = &Figures::at(OF, to_f64(jobs));
    let ids = fill::fill(ground, jobs).await?;
    say(&format!("    {jobs} jobs are in the saved state"));
    let started = ground.start().await?;
    if started.listed != jobs {
        let missing = usize::try_from(jobs.saturating_sub(started.listed)).unwrap_or(usize::MAX);
        return Err(RoundError::Unlisted { missing, jobs: ids.len() });
    }
    if ground.plan.has(Scenario::E) {
        figures.cost("e", "start, to the first ping", "s", started.ping.as_secs_f64());
        figures.cost("e", "start, to the first list of all jobs", "s", started.jobs.as_secs_f64());
        let cpu_s = ground.used()?.cpu_s;
        figures.cost("e", "controller CPU of start and list", "s", cpu_s);
    }
    if ground.plan.has(Scenario::D) {
        let kib = to_f64(ground.used()?.resident_kib) / to_f64(jobs);
        figures.cost("d", "resident memory a job, after start and list", "KiB", kib);
    }
    if ground.plan.has(Scenario::C) {
        let storm = (1, REST);
        let name = "squeue of all at rest";
        at_rest(ground, Question::Squeue, storm, 0, name, figures).await?;
        if jobs <= ground.plan.size.stormed {
            let mut hollows = Hollows::start(ground)?;
            ground.wait_idle().await?;
            time::sleep(SETTLE).await;
            for rate in [vec![0.0], ground.plan.size.rates.clone()].concat() {
                flow_under_polls(ground, &mut hollows, rate, &ids, figures).await?;
            }
        }
    }
    ground.stop().await
}

/// Jobs flow through while clients poll; both end after a fixed time, and what has completed by then counts.
async fn flow_under_polls(
    ground: &mut Ground,
    hollows: &mut Hollows,
    rate: f64,
    ids: &[u32],
    figures: &Figures,
) -> Result<(), RoundError> {
    let time = Duration::from_secs(ground.plan.size.storm_s);
    say(&format!("    jobs run under {rate} polls/s for {time:?}"));
    let before = (ground.used()?.cpu_s, hollows.count().completions);
    let (stop, stopped) = oneshot::channel();
    let storm = (rate > 0.0).then(|| {
        let poll = polls(ground, rate, ids);
        tokio::spawn(poll.run_until(ground.speaker.clone(), stopped))
    });
    let order = no_op(ground, u64::MAX, 0.0);
    let submitting = tokio::spawn(order.run(ground.speaker.clone(), time::sleep(time)));
    time::sleep(time).await;
    let after = (ground.used()?.cpu_s, hollows.count().completions);
    // Without polls nobody listens.
    let _ = stop.send(());
    if let Some(storm) = storm {
        let polled = storm.await.expect("a storm does not panic");
        tell(figures, rate, &polled);
    }
    let completed = to_f64(after.1 - before.1);
    let under = format!("under {rate} polls/s");
    let what = format!("completed {under}");
    figures.gain("c-jobs", what, "jobs/s", completed / time.as_secs_f64());
    let busy = (after.0 - before.0) / time.as_secs_f64();
    figures.cost("c-jobs", format!("controller, busy {under}"), "processors", busy);
    let submitted = submitting.await.expect("a submission does not panic");
    figures.cost("c-jobs", format!("submission p99 {under}"), "ms", submitted.latency.p99);
    drained(ground, hollows, before.1, &submitted).await?;
    Ok(())
}

fn polls(ground: &Ground, rate: f64, ids: &[u32]) -> Poll {
    let is_many = to_f64(ids.len() as u64) > to_f64(MANY);
    Poll {
        controller: Plan::controller(),
        questions: Question::MIX.to_vec(),
        jobs: ids.to_vec(),
        users: ground.plan.users(),
        pollers: if is_many { POLLERS_OF_MANY } else { POLLERS },
        rate: Some(rate),
        time: Duration::from_secs(3600),
    }
}

fn tell(figures: &Figures, rate: f64, polled: &Polled) {
    let asked = |(count, missing): (u64, u64), a: &crate::load::Answers| {
        (count + a.latency.count, missing + a.failed + a.unanswered)
    };
    let (due, missing) = polled.answers.iter().fold((0, 0), asked);
    let answered = to_f64(due.saturating_sub(missing)) / polled.seconds;
    figures.gain("c-jobs", format!("answered of {rate} polls/s"), "1/s", answered);
    for answers in &polled.answers {
        let name = format!("{} under {rate} polls/s", answers.question.name());
        report(figures, "c-jobs", &name, answers);
    }
}
