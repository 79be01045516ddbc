//! What nodes and clients report of jobs that end.

use ctld_core::{BatchDone, Event, StepDone};
use protocol::msg::{
    CompleteAllocationRequest, CompleteBatchScript, CompleteProlog, EpilogComplete, StepComplete,
};
use protocol::{Errno, Number, Version};

use super::node_message::step_number;
use super::{Failure, Privilege, Request, Row, done, sluid};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_COMPLETE_BATCH_SCRIPT, Privilege::Anybody, batch_script, done),
    Row::write(Number::REQUEST_STEP_COMPLETE, Privilege::Anybody, step, done),
    Row::write(Number::REQUEST_COMPLETE_JOB_ALLOCATION, Privilege::Anybody, allocation, done),
    Row::write(Number::REQUEST_COMPLETE_PROLOG, Privilege::Anybody, prolog, done),
    // A slurmd of 23.11 does not wait for an answer.
    Row::write(Number::MESSAGE_EPILOG_COMPLETE, Privilege::Anybody, epilog, done)
        .answered_from(Version::V24_05),
];

/// Stock controllers leave those without an answer that speak for a node and are not its slurmd.
fn of_node(view: &View, request: &Request<'_>) -> Result<(), Failure> {
    let config = view.cluster.config();
    let uid = request.caller.uid;
    let daemon = uid == model::Uid::ROOT || uid == config.slurm_user || uid == config.slurmd_user;
    if daemon { Ok(()) } else { Err(Failure::Silent) }
}

/// `REQUEST_COMPLETE_BATCH_SCRIPT`.
fn batch_script(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    of_node(view, request)?;
    let report: CompleteBatchScript = request.decode()?;
    let trouble = Trouble::of(Errno(report.slurm_rc));
    Ok(Event::BatchDone(BatchDone {
        caller: request.caller,
        job: sluid::meant(view, request.version, report.step_id),
        node_name: report.node_name.unwrap_or_default().into(),
        status: report.job_rc,
        slurm_code: if trouble == Trouble::None { 0 } else { report.slurm_rc },
        node_at_fault: trouble == Trouble::OfNode,
    }))
}

/// Whose fault it is that a script did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// None, or the job ended while it was being started.
    None,
    /// The job's, or the network's.
    OfJob,
    /// The node's: it is drained.
    OfNode,
}

impl Trouble {
    fn of(code: Errno) -> Self {
        match code {
            Errno::SLURM_SUCCESS
            | Errno::ESLURMD_JOB_NOTRUNNING
            | Errno::ESLURM_ALREADY_DONE
            | Errno::ESLURMD_CREDENTIAL_REVOKED => Self::None,
            Errno::SLURM_COMMUNICATIONS_SEND_ERROR
            | Errno::ESLURM_USER_ID_MISSING
            | Errno::ESLURMD_INVALID_ACCT_FREQ
            | Errno::ESPANK_JOB_FAILURE => Self::OfJob,
            _ => Self::OfNode,
        }
    }
}

/// `REQUEST_STEP_COMPLETE`.
fn step(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let report: StepComplete = request.decode()?;
    let step = step_number(report.step_id);
    let step = step.ok_or(Failure::Code(Errno::ESLURM_INVALID_JOB_ID))?;
    Ok(Event::StepDone(StepDone {
        caller: request.caller,
        job: sluid::meant(view, request.version, report.step_id),
        step,
        range: (report.range_first, report.range_last),
        status: report.step_rc,
    }))
}

/// `REQUEST_COMPLETE_JOB_ALLOCATION`.
fn allocation(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let report: CompleteAllocationRequest = request.decode()?;
    Ok(Event::AllocationDone {
        caller: request.caller,
        job: sluid::meant(view, request.version, report.job.0),
        status: report.job_rc,
    })
}

/// `REQUEST_COMPLETE_PROLOG`.
fn prolog(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    of_node(view, request)?;
    let report: CompleteProlog = request.decode()?;
    Ok(Event::PrologDone {
        caller: request.caller,
        job: sluid::meant(view, request.version, report.step_id.0),
        node_name: report.node_name.unwrap_or_default().into(),
        status: report.prolog_rc,
    })
}

/// `MESSAGE_EPILOG_COMPLETE`.
fn epilog(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    of_node(view, request)?;
    let report: EpilogComplete = request.decode()?;
    Ok(Event::EpilogDone {
        caller: request.caller,
        job: sluid::meant(view, request.version, report.step_id.0),
        node_name: report.node_name.unwrap_or_default().into(),
        status: report.return_code,
    })
}
