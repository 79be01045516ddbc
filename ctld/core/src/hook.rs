//! Programs of the controller's own host around a job: PrologSlurmctld, EpilogSlurmctld.
//!
//! The cluster remembers that one is to run ([`Launch::Configuring`], `Completing::epilog`). A
//! controller that dies while one runs starts it again, as slurmctld does; so these programs, like
//! slurmctld's, have to bear to be run twice for one start of a job.

use std::sync::Arc;

use model::{Exit, Hold, Job, JobId, Launch, Outcome, Phase, WaitReason};

use crate::effect::{ClientMessage, Effect, NodeMessage};
use crate::event::Answer;
use crate::job;
use crate::reject::Reject;
use crate::turn::Turn;

/// When a program of the controller's host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Before the job's nodes hear of it: PrologSlurmctld.
    Prolog,
    /// When the job has ended, beside the clean-up of its nodes: EpilogSlurmctld.
    Epilog,
}

/// How the programs of a hook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookResult {
    /// Well; or they could not be started, or were stopped on request, which slurmctld does not hold
    /// against the job either.
    Done,
    /// One of them with an exit code other than 0, or not within its time.
    Failed,
}

/// The programs of a hook have ended. What concerns an earlier start of the job is ignored.
pub(crate) fn done(
    turn: &mut Turn<'_>,
    id: JobId,
    restarts: u16,
    hook: Hook,
    result: HookResult,
) -> Result<Answer, Reject> {
    let Some(job) = turn.cluster().job(id).cloned() else {
        return Ok(Answer::Done);
    };
    match hook {
        Hook::Prolog => {
            let wakes = matches!(job.phase, Phase::Running(Launch::Waking { prolog: Some(_) }));
            let waits = matches!(job.phase, Phase::Running(Launch::Configuring { .. }));
            if (waits || wakes) && job.restarts == restarts {
                match result {
                    HookResult::Done if wakes => {
                        let waking = Phase::Running(Launch::Waking { prolog: None });
                        turn.edit_job(&job, |job| job.phase = waking);
                    }
                    HookResult::Done => job::configured(turn, &job),
                    HookResult::Failed => prolog_failed(turn, &job),
                }
            }
        }
        // However it ended, the job is over; slurmctld only logs it.
        Hook::Epilog => job::epilog_slurmctld_done(turn, &job),
    }
    Ok(Answer::Done)
}

/// A job whose PrologSlurmctld failed waits anew; one that cannot is killed, and its client is told.
fn prolog_failed(turn: &mut Turn<'_>, job: &Arc<Job>) {
    if job::may_requeue(turn, job) {
        job::requeue(turn, job, Hold::None, None);
        return;
    }
    let text = "PrologSlurmctld failed, job killed";
    if let Some(client) = job::client_of(job) {
        let message = ClientMessage::Said { job: job.id, text: text.into() };
        turn.emit(Effect::ToClient { client, protocol: job.protocol, message });
    }
    let exit = Exit::Cancelled { by: model::Uid::ROOT };
    let outcome = Outcome { exit, status: 0, derived_status: 0 };
    let job = job::leader(turn, job);
    job::end(turn, &job, outcome, WaitReason::None, |job| NodeMessage::Terminate { job });
}
