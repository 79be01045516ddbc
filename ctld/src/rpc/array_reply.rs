//! How a request about a job or an array went: one return code, or one for each group of tasks.

use ctld_core::{Answer, TaskResult};
use protocol::msg::{ArrayOutcome, JobArrayErrors};
use protocol::{Errno, Number};

use super::{Reply, Request, errno, job_id};
use crate::view::View;

/// A return code if all fared alike, and `RESPONSE_JOB_ARRAY_ERRORS` otherwise. The components of a
/// heterogeneous job, which are no tasks, have one code: that of the last.
pub(super) fn by_task(_: &View, request: &Request<'_>, answer: Answer) -> Reply {
    match answer {
        Answer::Tasks(results) if results.iter().all(|result| result.tasks.is_empty()) => {
            request.return_code(results.last().map_or(Errno::SLURM_SUCCESS, code))
        }
        Answer::Tasks(results) => {
            let body = JobArrayErrors { outcomes: outcomes(&results) };
            request.reply(Number::RESPONSE_JOB_ARRAY_ERRORS, &body)
        }
        Answer::Done
        | Answer::Crontab { .. }
        | Answer::Each(_)
        | Answer::Skipped(_)
        | Answer::NodesRefused(_)
        | Answer::Submitted { .. }
        | Answer::Failed { .. }
        | Answer::Step { .. }
        | Answer::ReservationMade { .. }
        | Answer::Registered { .. } => request.return_code(Errno::SLURM_SUCCESS),
    }
}

/// The worst that became of any: for requests that are answered with one code.
pub(super) fn worst(_: &View, request: &Request<'_>, answer: Answer) -> Reply {
    let codes = match answer {
        Answer::Tasks(results) => results.iter().map(code).collect(),
        Answer::Done
        | Answer::Crontab { .. }
        | Answer::Each(_)
        | Answer::Skipped(_)
        | Answer::NodesRefused(_)
        | Answer::Submitted { .. }
        | Answer::Failed { .. }
        | Answer::Step { .. }
        | Answer::ReservationMade { .. }
        | Answer::Registered { .. } => Vec::new(),
    };
    let worst = codes.into_iter().max_by_key(|code| code.0).unwrap_or(Errno::SLURM_SUCCESS);
    request.return_code(worst)
}

fn code(result: &TaskResult) -> Errno {
    result.result.as_ref().map_or_else(errno, |()| Errno::SLURM_SUCCESS)
}

/// The tasks of each outcome together, those with the lowest task first.
fn outcomes(results: &[TaskResult]) -> Vec<ArrayOutcome> {
    let mut groups: Vec<TaskResult> = Vec::new();
    for result in results {
        let same = |group: &&mut TaskResult| {
            code(group) == code(result) && group.array_job == result.array_job
        };
        match groups.iter_mut().find(same) {
            Some(group) => result.tasks.iter().for_each(|task| group.tasks.insert(task)),
            None => groups.push(result.clone()),
        }
    }
    groups.sort_by_key(|group| group.tasks.first());
    groups
        .iter()
        .map(|group| ArrayOutcome {
            code: code(group),
            job_array_id: Some(job_id::tasks_text(group.array_job, &group.tasks)),
            message: None,
        })
        .collect()
}
