//! Rare requests about jobs and steps.

use ctld_core::Event;
use protocol::Number;
use protocol::msg::{NotifyRequest, StepUpdate};

use super::node_message::step_number;
use super::{Failure, Privilege, Request, Row, done, sluid};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_JOB_NOTIFY, Privilege::Anybody, notify, done),
    Row::write(Number::REQUEST_UPDATE_JOB_STEP, Privilege::Anybody, step, done),
];

/// `REQUEST_JOB_NOTIFY`.
fn notify(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: NotifyRequest = request.decode()?;
    Ok(Event::Notify {
        caller: request.caller,
        job: sluid::meant(view, request.version, message.step_id),
        text: message.message.unwrap_or_default().into(),
    })
}

/// `REQUEST_UPDATE_JOB_STEP`: another time limit for a step, or for all steps of a job.
fn step(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: StepUpdate = request.decode()?;
    let id = message.step.0;
    Ok(Event::UpdateStep(ctld_core::StepUpdate {
        caller: request.caller,
        job: sluid::meant(view, request.version, id),
        step: step_number(id),
        time_limit_min: message.time_limit.value(),
    }))
}
