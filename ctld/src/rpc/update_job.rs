//! `scontrol update job`, `hold`, `release`.

mod edits;

use ctld_core::{Caller, Event, JobPart, JobSelection, UpdateJob};
use model::{Gid, Job, Uid};
use protocol::msg::JobDesc;
use protocol::{Errno, Number};

use super::{Failure, Privilege, Request, Row, array_reply, job_id, submit};
use crate::view::View;

pub(super) const ROWS: &[Row] =
    &[Row::write(Number::REQUEST_UPDATE_JOB, Privilege::Anybody, update, array_reply::by_task)];

/// "Not given", where a user number stands.
const NOBODY: u32 = 99;

/// `REQUEST_UPDATE_JOB`. An administrator may do it in the name of another user.
fn update(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let desc: JobDesc = request.decode()?;
    let mut caller = request.caller;
    if desc.user_id != NOBODY {
        if !submit::is_admin(view, caller) {
            return Err(Failure::Code(Errno::ESLURM_USER_ID_MISSING));
        }
        caller = Caller { uid: Uid(desc.user_id), gid: Gid(request.caller.gid.0) };
    }
    let selection = job_id::named(view, request, desc.job_id_str.as_deref(), desc.step_id)?;
    let record = view.cluster.job(selection.job);
    let is_array = record.is_some_and(|job| job.array_job() == job.id && job.array.is_some())
        || record.is_none();
    if desc.array_inx.is_some() && (selection.part != JobPart::Whole || !is_array) {
        let text = "Update of ArrayTaskThrottle is only allowed on ArrayJobId".to_owned();
        return Err(Failure::CodeWithText(Errno::ESLURM_NOT_SUPPORTED, text));
    }
    submit::lengths(view, &desc)?;
    let edits = edits::edits(view, &desc, meant(view, &selection))?;
    Ok(Event::UpdateJob(Box::new(UpdateJob { caller, selection, edits })))
}

/// The record that is looked at to know what the request means: what there is of the job, or of the
/// one task that is named.
fn meant<'a>(view: &'a View, selection: &JobSelection) -> Option<&'a Job> {
    let task = selection.tasks().filter(|tasks| tasks.len() == 1).and_then(|tasks| tasks.first());
    let job = match task {
        Some(task) => view.cluster.array_task(selection.job, task),
        None => view.cluster.job(selection.job),
    };
    job.map(|job| &**job)
}
