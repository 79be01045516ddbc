use std::time::Duration;

use tokio::time;

use super::hollows::Hollows;
use super::{Figures, Ground, Plan, RoundError, SETTLE, Scenario, programs};
use crate::load::{Answers, Poll, Question, Submission, Submitted};

/// Scenarios b, d, c, e and i: jobs that wait, in one cluster from its first start.
pub(super) async fn measure(ground: &mut Ground) -> Result<(), RoundError> {
    let figures = &Figures::default();
    ground.start().await?;
    let hollows = Hollows::start(ground)?;
    ground.wait_idle().await?;
    time::sleep(SETTLE).await;

    let submitted = fill(ground, figures).await?;
    // Figures of a controller that forgets jobs while all is well would be worth nothing.
    let (missing, jobs) = (missing(ground, &submitted).await?, submitted.jobs.len());
    if missing > 0 {
        return Err(RoundError::Unlisted { missing, jobs });
    }
    if ground.plan.has(Scenario::C) {
        let job = submitted.jobs.first().copied().unwrap_or_default();
        queries(ground, job, figures).await?;
        programs::measure(ground, job, figures).await?;
    }
    if ground.plan.has(Scenario::E) {
        ground.stop().await?;
        let started = ground.start().await?;
        let waiting = ground.plan.size.waiting;
        let what = |to| format!("start with {waiting} jobs that were submitted, to the first {to}");
        figures.cost("e", what("ping"), "s", started.ping.as_secs_f64());
        figures.cost("e", what("list of all jobs"), "s", started.jobs.as_secs_f64());
        ground.wait_idle().await?;
    }
    if ground.plan.has(Scenario::I) {
        power_cut(ground, figures).await?;
    }
    ground.stop().await?;
    drop(hollows);
    Ok(())
}

/// A submission of jobs that cannot start.
pub(super) fn submission(ground: &Ground, jobs: u64) -> Submission {
    Submission {
        controller: Plan::controller(),
        jobs,
        clients: ground.plan.size.submitters,
        users: ground.plan.users(),
        partition: Some("wait".to_owned()),
        node: None,
        sleep_s: 0.0,
    }
}

/// b and d: fills the queue; how fast, and how much memory it takes.
async fn fill(ground: &mut Ground, figures: &Figures) -> Result<Submitted, RoundError> {
    let jobs = ground.plan.size.waiting;
    let before = ground.used()?;
    let order = submission(ground, jobs);
    let submitted = order.run(ground.speaker.clone(), std::future::pending()).await;
    if submitted.failed > 0 {
        return Err(RoundError::Refused { failed: submitted.failed, jobs });
    }
    time::sleep(SETTLE).await;
    let after = ground.used()?;
    let count = to_f64(jobs);
    if ground.plan.has(Scenario::B) {
        let clients = ground.plan.size.submitters;
        let what = |of: &str| format!("submission by {clients} clients, {of}");
        let latency = submitted.latency;
        figures.gain("b", what("accepted"), "jobs/s", count / submitted.seconds);
        figures.cost("b", what("p50"), "ms", latency.p50);
        figures.cost("b", what("p99"), "ms", latency.p99);
        figures.cost("b", what("p99.9"), "ms", latency.p999);
        let cpu_ms = (after.cpu_s - before.cpu_s) * 1000.0;
        figures.cost("b", "controller CPU a submission", "ms", cpu_ms / count);
    }
    if ground.plan.has(Scenario::D) {
        let grown = to_f64(after.resident_kib.saturating_sub(before.resident_kib));
        figures.cost("d", format!("memory a waiting job, of {jobs}"), "KiB", grown / count);
        let resident_mib = to_f64(before.resident_kib) / 1024.0;
        figures.cost("d", "memory without jobs", "MiB", resident_mib);
    }
    Ok(submitted)
}

/// c: how long queries take, and what they cost, while nothing else happens.
async fn queries(ground: &mut Ground, job: u32, figures: &Figures) -> Result<(), RoundError> {
    let time = Duration::from_secs(ground.plan.size.poll_s);
    for question in [Question::Squeue, Question::Job, Question::Sinfo, Question::Ping] {
        for &pollers in &ground.plan.size.pollers.clone() {
            let name = format!("{}, {pollers} pollers", question.name());
            at_rest(ground, question, (pollers, time), job, &name, figures).await?;
        }
    }
    Ok(())
}

/// c: a storm of one question, each asked as soon as the one before is answered, while nothing else happens.
pub(super) async fn at_rest(
    ground: &mut Ground,
    question: Question,
    (pollers, time): (usize, Duration),
    job: u32,
    name: &str,
    figures: &Figures,
) -> Result<(), RoundError> {
    let poll = Poll {
        controller: Plan::controller(),
        questions: vec![(question, 1)],
        jobs: vec![job],
        users: ground.plan.users(),
        pollers,
        rate: None,
        time,
    };
    let before = ground.used()?;
    let polled = poll.run(ground.speaker.clone()).await;
    let cpu_ms = (ground.used()?.cpu_s - before.cpu_s) * 1000.0;
    for answers in &polled.answers {
        let latency = answers.latency;
        let rate = to_f64(latency.count) / polled.seconds;
        figures.gain("c", format!("{name}, answers"), "1/s", rate);
        report(figures, "c", name, answers);
        let what = format!("{name}, controller CPU an answer");
        figures.cost("c", what, "ms", cpu_ms / to_f64(latency.count.max(1)));
    }
    Ok(())
}

/// The figures of the questions of one kind.
pub(super) fn report(figures: &Figures, scenario: &str, name: &str, answers: &Answers) {
    figures.cost(scenario, format!("{name}, p50"), "ms", answers.latency.p50);
    figures.cost(scenario, format!("{name}, p99"), "ms", answers.latency.p99);
    if answers.failed + answers.unanswered > 0 {
        let missing = to_f64(answers.failed + answers.unanswered);
        let due = to_f64(answers.latency.count + answers.failed);
        figures.cost(scenario, format!("{name}, without an answer"), "%", 100.0 * missing / due);
    }
}

/// i: kills the controller while jobs are being submitted; which of the acknowledged are there afterwards?
async fn power_cut(ground: &mut Ground, figures: &Figures) -> Result<(), RoundError> {
    /// In the midst of submission.
    const KILL_AFTER: Duration = Duration::from_secs(2);
    let order = submission(ground, u64::MAX);
    let speaker = ground.speaker.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let submitting = tokio::spawn(order.run(speaker, async {
        // The sender is kept until the controller has gone; its drop would be the same.
        let _ = stopped.await;
    }));
    time::sleep(KILL_AFTER).await;
    ground.kill().await?;
    // Nobody heard of the order to stop only if the submission has ended by itself.
    let _ = stop.send(());
    let submitted = submitting.await.expect("a submission does not panic");
    ground.start().await?;
    let lost = missing(ground, &submitted).await?;
    figures.gain("i", "acknowledged before kill -9", "jobs", to_f64(submitted.jobs.len() as u64));
    figures.cost("i", "acknowledged jobs lost at kill -9", "jobs", to_f64(lost as u64));
    Ok(())
}

/// How many of the acknowledged jobs the controller does not list.
async fn missing(ground: &Ground, submitted: &Submitted) -> Result<usize, RoundError> {
    let jobs = ground.jobs().await?;
    let mut known: Vec<u32> = jobs.iter().map(|job| job.step_id.job_id).collect();
    known.sort_unstable();
    Ok(submitted.jobs.iter().filter(|job| known.binary_search(job).is_err()).count())
}

/// Counts of a round are far below 2^53.
pub(super) fn to_f64(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of a round are far below 2^53")]
    let value = count as f64;
    value
}
