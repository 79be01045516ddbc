//! Jobs go back to the queue, stand still, or move up in it: `scontrol requeue`, `suspend`, `top`.

use ctld_core::{Event, Requeue};
use model::Hold;
use protocol::msg::{JobState, RequeueRequest, SuspendRequest, TopJobRequest};
use protocol::{Errno, Number};

use super::{Failure, Privilege, Request, Row, array_reply, job_id};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_JOB_REQUEUE, Privilege::Anybody, requeue, array_reply::by_task),
    Row::write(Number::REQUEST_SUSPEND, Privilege::Anybody, suspend, array_reply::by_task),
    Row::write(Number::REQUEST_TOP_JOB, Privilege::Anybody, top, array_reply::by_task),
];

/// `REQUEST_JOB_REQUEUE`, of people and of a slurmd that could not start a job.
fn requeue(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: RequeueRequest = request.decode()?;
    let config = view.cluster.config();
    let text = message.job_id_str.as_deref();
    let selection = job_id::named(view, request, text, message.job.0)?;
    let flags = message.flags;
    let (hold, state_text) = if flags.has(JobState::SPECIAL_EXIT) {
        (Hold::SpecialExit, Some("job requeued in special exit state"))
    } else if flags.has(JobState::REQUEUE_HOLD) {
        (Hold::Requeued, Some("job requeued in held state"))
    } else if flags.has(JobState::GETENV_FAILED) {
        (Hold::Requeued, Some("user env retrieval failed requeued held"))
    } else if flags.has(JobState::LAUNCH_FAILED) && !config.nohold_on_prolog_fail {
        (Hold::Requeued, Some("launch failed requeued held"))
    } else {
        (Hold::None, None)
    };
    Ok(Event::Requeue(Requeue {
        caller: request.caller,
        selection,
        hold,
        started_only: flags.base() == JobState::RUNNING,
        state_text: state_text.map(Into::into),
        launch_failed: flags.has(JobState::LAUNCH_FAILED),
    }))
}

/// `REQUEST_SUSPEND`.
fn suspend(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: SuspendRequest = request.decode()?;
    let text = message.job_id_str.as_deref();
    let selection = job_id::named(view, request, text, message.step_id)?;
    let resume = match message.op {
        SuspendRequest::SUSPEND => false,
        SuspendRequest::RESUME => true,
        _ => return Err(Failure::Code(Errno::ESLURM_NOT_SUPPORTED)),
    };
    Ok(Event::Suspend { caller: request.caller, selection, resume })
}

/// `REQUEST_TOP_JOB`.
fn top(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: TopJobRequest = request.decode()?;
    let text = message.job_id_str.unwrap_or_default();
    let names = text.split(',').filter(|name| !name.is_empty());
    let jobs = names.map(|name| job_id::selected(view, name)).collect::<Result<_, _>>()?;
    Ok(Event::Top { caller: request.caller, jobs })
}
