use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conformance::ground::say;
use tokio::time;

use super::hollows::Hollows;
use super::waiting::to_f64;
use super::{Figures, Ground, Plan, RoundError, SETTLE};
use crate::load::{Submission, Submitted};
use crate::machine;

/// How long nothing may happen before a run is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Scenarios a and f: jobs that do nothing, from submission to completion.
pub(super) async fn measure(ground: &mut Ground) -> Result<(), RoundError> {
    ground.start().await?;
    let mut hollows = Hollows::start(ground)?;
    ground.wait_idle().await?;
    time::sleep(SETTLE).await;
    let nodes = ground.plan.leg.nodes();
    let figures = Figures::at("nodes", f64::from(nodes));
    let (jobs, most) = (ground.plan.size.jobs, Duration::from_secs(ground.plan.size.flow_s));
    say(&format!("    {nodes} nodes are idle; up to {jobs} jobs in {most:?}"));

    let before = (ground.used()?.cpu_s, hollows.cpu_s(), own_cpu_s());
    let begin_ms = now_ms();
    let order = no_op(ground, jobs, 0.0);
    let submitted = order.run(ground.speaker.clone(), time::sleep(most)).await;
    let jobs = drained(ground, &mut hollows, 0, &submitted).await?;
    let last_ms = hollows.count().last_completion_ms;
    time::sleep(SETTLE).await;
    let after = (ground.used()?.cpu_s, hollows.cpu_s(), own_cpu_s());

    let seconds = Duration::from_millis(last_ms.saturating_sub(begin_ms)).as_secs_f64();
    figures.gain("a", "completed", "jobs/s", to_f64(jobs) / seconds);
    figures.gain("a", "jobs of this run", "jobs", to_f64(jobs));
    figures.cost("a", "submission p50", "ms", submitted.latency.p50);
    figures.cost("a", "submission p99", "ms", submitted.latency.p99);
    let each = |seconds: f64| seconds * 1000.0 / to_f64(jobs);
    figures.cost("f", "controller CPU a thousand jobs", "s", each(after.0 - before.0));
    figures.cost("load", "hollow nodes' CPU a thousand jobs", "s", each(after.1 - before.1));
    figures.cost("load", "clients' CPU a thousand jobs", "s", each(after.2 - before.2));
    ground.stop().await
}

/// Batch jobs that sleep for so long, on any node.
pub(super) fn no_op(ground: &Ground, jobs: u64, sleep_s: f64) -> Submission {
    Submission {
        controller: Plan::controller(),
        jobs,
        clients: ground.plan.size.submitters,
        users: ground.plan.users(),
        partition: None,
        node: None,
        sleep_s,
    }
}

/// Waits until all submitted jobs have completed; how many they are.
pub(super) async fn drained(
    ground: &Ground,
    hollows: &mut Hollows,
    already: u64,
    submitted: &Submitted,
) -> Result<u64, RoundError> {
    let jobs = u64::try_from(submitted.jobs.len()).unwrap_or(u64::MAX);
    if submitted.failed > 0 || jobs == 0 {
        return Err(RoundError::Refused { failed: submitted.failed, jobs });
    }
    let done = hollows.wait(PATIENCE, |count| count.completions >= already + jobs).await;
    if done.is_none() {
        let done = hollows.count().completions - already;
        return Err(ground.late(format!("completed jobs, {done} of {jobs}"), PATIENCE));
    }
    Ok(jobs)
}

/// Processor time of this process, in which the clients are, seconds.
fn own_cpu_s() -> f64 {
    machine::used(std::process::id()).unwrap_or_default().cpu_s
}

/// The time of day, milliseconds.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
