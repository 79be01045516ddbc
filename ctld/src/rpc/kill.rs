//! Jobs and steps are ended or signalled: `scancel`, and srun's own steps.

mod several;

use ctld_core::{Event, JobSelection, Kill};
use protocol::msg::{KillFlags, KillRequest};
use protocol::{Number, Version};

use super::node_message::step_number;
use super::{Failure, Privilege, Request, Row, array_reply, job_id, sluid};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_KILL_JOB, Privilege::Anybody, job, array_reply::worst),
    Row::write(Number::REQUEST_CANCEL_JOB_STEP, Privilege::Anybody, step, array_reply::worst),
    Row::write(Number::REQUEST_KILL_JOBS, Privilege::Anybody, several::kill, several::killed),
];

/// `REQUEST_KILL_JOB`: a job, an array or some of its tasks.
fn job(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let kill: KillRequest = request.decode()?;
    let selection = job_id::named(view, request, kill.job_id_str.as_deref(), kill.step_id)?;
    Ok(Event::Kill(Kill {
        caller: request.caller,
        selection,
        step: None,
        signal: kill.signal,
        flags: flags(request, kill.flags),
    }))
}

/// 23.11 says that jobs of crontabs are not meant; all later releases say that they are.
fn flags(request: &Request<'_>, flags: KillFlags) -> u16 {
    let old = request.version < Version::V24_05;
    if old && !flags.has(KillFlags::NO_CRON) { (flags | KillFlags::CRON).0 } else { flags.0 }
}

/// `REQUEST_CANCEL_JOB_STEP`: one step; a job that names no step is meant whole.
fn step(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let kill: KillRequest = request.decode()?;
    Ok(Event::Kill(Kill {
        caller: request.caller,
        selection: JobSelection::whole(sluid::meant(view, request.version, kill.step_id)),
        step: step_number(kill.step_id),
        signal: kill.signal,
        flags: kill.flags.0,
    }))
}
