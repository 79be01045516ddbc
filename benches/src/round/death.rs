use std::time::{Duration, Instant};

use protocol::msg::JobState;
use tokio::time;

use super::hollows::Hollows;
use super::{Figures, Ground, Plan, RoundError};
use crate::load::Submission;

/// SlurmdTimeout of this scenario: what a site that wants to know soon would have.
const SLURMD_TIMEOUT_S: u32 = 10;

/// How long the job may take to start, and the controller to give its node up.
const START_LIMIT: Duration = Duration::from_secs(60);
const REQUEUE_LIMIT: Duration = Duration::from_secs(120);

const POLL: Duration = Duration::from_millis(50);

/// Scenario h: the slurmd of a node dies while a job runs there; how long until the job is back in the queue?
pub(super) async fn measure(ground: &mut Ground) -> Result<(), RoundError> {
    ground.configure(SLURMD_TIMEOUT_S)?;
    ground.start().await?;
    let mut victim = Hollows::some(ground, 1, 1)?;
    let others = match ground.plan.leg.nodes() {
        0 | 1 => None,
        last => Some(Hollows::some(ground, 2, last)?),
    };
    ground.wait_idle().await?;
    let order = Submission {
        controller: Plan::controller(),
        jobs: 1,
        clients: 1,
        users: ground.plan.users(),
        partition: None,
        node: Some("h1".to_owned()),
        sleep_s: 3600.0,
    };
    let submitted = order.run(ground.speaker.clone(), std::future::pending()).await;
    let &[job] = &submitted.jobs[..] else {
        return Err(RoundError::Refused { failed: submitted.failed, jobs: 1 });
    };
    if victim.wait(START_LIMIT, |count| count.launches == 1).await.is_none() {
        return Err(ground.late("the start of a job", START_LIMIT));
    }
    drop(victim);
    let death = Instant::now();
    while !is_back(ground, job).await? {
        if death.elapsed() > REQUEUE_LIMIT {
            return Err(ground.late("the requeue of a dead node's job", REQUEUE_LIMIT));
        }
        time::sleep(POLL).await;
    }
    let what = format!("death of a slurmd to requeue, SlurmdTimeout={SLURMD_TIMEOUT_S}");
    Figures::default().cost("h", what, "s", death.elapsed().as_secs_f64());
    ground.stop().await?;
    drop(others);
    Ok(())
}

async fn is_back(ground: &Ground, job: u32) -> Result<bool, RoundError> {
    let jobs = ground.jobs().await?;
    let job = jobs.iter().find(|info| info.step_id.job_id == job);
    Ok(job.is_some_and(|info| info.restart_cnt > 0 || info.job_state.base() == JobState::PENDING))
}
