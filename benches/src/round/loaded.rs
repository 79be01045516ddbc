use std::time::Duration;

use conformance::ground::say;
use tokio::sync::oneshot;
use tokio::time;

use super::hollows::Hollows;
use super::running::{drained, no_op};
use super::waiting::{at_rest, report, to_f64};
use super::{Figures, Ground, Plan, RoundError, SETTLE, Scenario, fill};
use crate::load::{Poll, Polled, Question, Replay};

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
        let kib = |resident_kib| to_f64(resident_kib) / to_f64(jobs);
        figures.cost("d", "resident memory a job, after start", "KiB", kib(started.resident_kib));
        let listed = kib(ground.used()?.resident_kib);
        figures.cost("d", "resident memory a job, after start and list", "KiB", listed);
    }
    if ground.plan.has(Scenario::C) {
        let storm = (1, REST);
        let name = "squeue of all at rest";
        at_rest(ground, Question::Squeue, storm, 0, name, figures).await?;
        if jobs <= ground.plan.size.stormed {
            let mut hollows = Hollows::start(ground)?;
            ground.wait_idle().await?;
            time::sleep(SETTLE).await;
            flow_under_polls(ground, &mut hollows, None, figures).await?;
            for rate in ground.plan.size.rates.clone() {
                let storm = (rate, polls(ground, rate, &ids));
                flow_under_polls(ground, &mut hollows, Some(storm), figures).await?;
            }
            if let Some(rate) = ground.plan.size.rates.last().copied() {
                let poll = polls(ground, rate, &ids);
                flow_beside_replay(ground, &mut hollows, (rate, poll), figures).await?;
            }
        }
    }
    ground.stop().await
}

/// Jobs flow through while clients poll so often a second, or without polls.
async fn flow_under_polls(
    ground: &mut Ground,
    hollows: &mut Hollows,
    storm: Option<(f64, Poll)>,
    figures: &Figures,
) -> Result<(), RoundError> {
    let rate = storm.as_ref().map_or(0.0, |(rate, _)| *rate);
    let under = format!("under {rate} polls/s");
    say(&format!("    jobs run {under} for {:?}", Duration::from_secs(ground.plan.size.storm_s)));
    let flow = flow(ground, hollows, storm.map(|(_, poll)| poll)).await?;
    if let Some(polled) = &flow.polled {
        tell(figures, rate, polled);
    }
    figures.gain("c-jobs", format!("completed {under}"), "jobs/s", flow.completed);
    figures.cost("c-jobs", format!("controller, busy {under}"), "processors", flow.busy);
    figures.cost("c-jobs", format!("submission p99 {under}"), "ms", flow.submission_p99);
    Ok(())
}

/// The same polls, answered by a server to which an answer is no work: what of the processors they take from the jobs
/// whatever a controller does.
async fn flow_beside_replay(
    ground: &mut Ground,
    hollows: &mut Hollows,
    (rate, poll): (f64, Poll),
    figures: &Figures,
) -> Result<(), RoundError> {
    let replay = Replay::of(&poll, &ground.speaker).await?;
    let poll = Poll { controller: replay.address(), ..poll };
    say(&format!("    jobs run while answers to {rate} polls/s are replayed"));
    let flow = flow(ground, hollows, Some(poll)).await?;
    let name = format!("completed beside {rate} polls/s with replayed answers");
    figures.gain("c-jobs", name, "jobs/s", flow.completed);
    Ok(())
}

/// What came of a flow of jobs.
struct Flow {
    /// Jobs a second.
    completed: f64,
    /// Processors that the controller kept busy.
    busy: f64,
    /// Milliseconds.
    submission_p99: f64,
    polled: Option<Polled>,
}

/// Jobs flow through while clients poll; both end after a fixed time, and what has completed by then counts.
async fn flow(
    ground: &mut Ground,
    hollows: &mut Hollows,
    storm: Option<Poll>,
) -> Result<Flow, RoundError> {
    let time = Duration::from_secs(ground.plan.size.storm_s);
    let before = (ground.used()?.cpu_s, hollows.count().completions);
    let (stop, stopped) = oneshot::channel();
    let storm = storm.map(|poll| tokio::spawn(poll.run_until(ground.speaker.clone(), stopped)));
    let order = no_op(ground, u64::MAX, 0.0);
    let submitting = tokio::spawn(order.run(ground.speaker.clone(), time::sleep(time)));
    time::sleep(time).await;
    let after = (ground.used()?.cpu_s, hollows.count().completions);
    // Without polls nobody listens.
    let _ = stop.send(());
    let polled = match storm {
        Some(storm) => Some(storm.await.expect("a storm does not panic")),
        None => None,
    };
    let submitted = submitting.await.expect("a submission does not panic");
    drained(ground, hollows, before.1, &submitted).await?;
    Ok(Flow {
        completed: to_f64(after.1 - before.1) / time.as_secs_f64(),
        busy: (after.0 - before.0) / time.as_secs_f64(),
        submission_p99: submitted.latency.p99,
        polled,
    })
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
