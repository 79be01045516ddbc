//! Puts many waiting jobs into the saved state of a controller, faster than it would take them.
//!
//! A few jobs are submitted, the controller is ended, and what it has saved of them is multiplied: the same jobs under
//! further numbers. Nothing of it will ever start, so there are no further scripts.

use std::path::PathBuf;

use tokio::task;

use super::waiting::submission;
use super::{Ground, RoundError, saved};

/// Fills the saved state; the controller has ended when this returns. The numbers of the jobs.
pub(super) async fn fill(ground: &mut Ground, jobs: u64) -> Result<Vec<u32>, RoundError> {
    ground.start().await?;
    let templates = jobs.min(u64::from(ground.plan.size.users));
    let order = submission(ground, templates);
    let submitted = order.run(ground.speaker.clone(), std::future::pending()).await;
    if submitted.failed > 0 {
        return Err(RoundError::Refused { failed: submitted.failed, jobs: templates });
    }
    ground.stop().await?;
    let mut ids = submitted.jobs;
    ids.sort_unstable();
    let (folder, is_ours) = (ground.state_folder(), ground.plan.ctld.is_some());
    task::spawn_blocking(move || multiply(folder, is_ours, ids, jobs))
        .await
        .expect("what multiplies does not panic")
}

fn multiply(
    folder: PathBuf,
    is_ours: bool,
    ids: Vec<u32>,
    jobs: u64,
) -> Result<Vec<u32>, RoundError> {
    let first = ids.first().copied().unwrap_or(1);
    let count = u32::try_from(jobs).map_err(|_| RoundError::Saved("too many jobs"))?;
    let all: Vec<u32> = (first..first + count).collect();
    if !all.starts_with(&ids) {
        return Err(RoundError::Saved("the numbers of the first jobs are not consecutive"));
    }
    if is_ours {
        saved::ours(&folder.join("ctld"), &ids, &all)?;
    } else {
        saved::stock(&folder, &ids, &all)?;
    }
    // Neither controller is to wait at its start for what was written here.
    rustix::fs::sync();
    Ok(all)
}
