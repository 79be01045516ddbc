//! Rare requests about jobs, among them those that this controller answers with what it does not do.

use ctld_core::Event;
use protocol::msg::{NotifyRequest, StepUpdate};
use protocol::{Errno, Number};

use super::node_message::step_number;
use super::{Failure, Privilege, Reply, Request, Row, done};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_JOB_NOTIFY, Privilege::Anybody, notify, done),
    Row::read(Number::REQUEST_UPDATE_JOB_STEP, step),
];

/// `REQUEST_JOB_NOTIFY`.
fn notify(_: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: NotifyRequest = request.decode()?;
    Ok(Event::Notify {
        caller: request.caller,
        job: model::JobId(message.step_id.job_id),
        text: message.message.unwrap_or_default().into(),
    })
}

/// `REQUEST_UPDATE_JOB_STEP`: steps have no time limit of their own.
fn step(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let message: StepUpdate = request.decode()?;
    let id = message.step.0;
    let job = model::JobId(id.job_id);
    let known = match step_number(id) {
        Some(step) => view.cluster.step(job, step).is_some(),
        None => view.cluster.job(job).is_some(),
    };
    let code = if known { Errno::ESLURM_NOT_SUPPORTED } else { Errno::ESLURM_INVALID_JOB_ID };
    Err(Failure::Code(code))
}
