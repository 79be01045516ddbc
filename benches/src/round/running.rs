use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time;

use super::hollows::Hollows;
use super::waiting::{report, to_f64};
use super::{Figures, Ground, Plan, RoundError, SETTLE};
use crate::load::{Poll, Question, Submission};

/// How long nothing may happen before a run is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Scenarios a and f: jobs that do nothing, from submission to completion; perhaps once more under questions.
pub(super) async fn measure(ground: &mut Ground, figures: &mut Figures) -> Result<(), RoundError> {
    ground.forget()?;
    ground.start().await?;
    let mut hollows = Hollows::start(ground)?;
    ground.wait_idle().await?;
    time::sleep(SETTLE).await;
    run(ground, &mut hollows, "", figures).await?;

    let rate = ground.plan.size.polls_during;
    if rate > 0.0 {
        ground.wait_idle().await?;
        let poll = Poll {
            controller: Plan::controller(),
            question: Question::Squeue,
            job: 0,
            pollers: 50,
            rate: Some(rate),
            time: Duration::from_secs(3600),
        };
        let suffix = format!(" under {rate} squeue/s");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let storm = tokio::spawn(poll.run_until(ground.speaker.clone(), stopped));
        run(ground, &mut hollows, &suffix, figures).await?;
        // It listens until it is told, or until an hour has passed.
        let _ = stop.send(());
        let polled = storm.await.expect("a storm does not panic");
        report(figures, &format!("squeue of all at {rate}/s while jobs run"), &polled);
    }
    ground.stop().await
}

async fn run(
    ground: &mut Ground,
    hollows: &mut Hollows,
    suffix: &str,
    figures: &mut Figures,
) -> Result<(), RoundError> {
    let jobs = ground.plan.size.jobs;
    let order = Submission {
        controller: Plan::controller(),
        jobs,
        clients: ground.plan.size.submitters,
        users: ground.plan.users(),
        partition: None,
        node: None,
        sleep_s: 0.0,
    };
    let already = hollows.count().completions;
    let before = ground.used()?;
    let begin_ms = now_ms();
    let submitted = order.run(ground.speaker.clone(), std::future::pending()).await;
    if submitted.failed > 0 {
        return Err(RoundError::Refused { failed: submitted.failed, jobs });
    }
    let reached = hollows.wait(PATIENCE, |count| count.completions >= already + jobs).await;
    let Some(count) = reached else {
        let done = hollows.count().completions - already;
        return Err(ground.late(format!("completed jobs, {done} of {jobs}"), PATIENCE));
    };
    time::sleep(SETTLE).await;
    let after = ground.used()?;
    let seconds = Duration::from_millis(count.last_completion_ms.saturating_sub(begin_ms));
    let what = |of: &str| format!("{of}{suffix}");
    figures.gain("a", what("completed"), "jobs/s", to_f64(jobs) / seconds.as_secs_f64());
    figures.cost("a", what("submission p50"), "ms", submitted.latency.p50);
    figures.cost("a", what("submission p99"), "ms", submitted.latency.p99);
    let cpu_s = (after.cpu_s - before.cpu_s) * 1000.0 / to_f64(jobs);
    figures.cost("f", what("controller CPU a thousand jobs"), "s", cpu_s);
    Ok(())
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
