//! `scontrol update job`, `hold`, `release`.

mod edits;

use ctld_core::{Answer, Caller, Event, JobPart, JobSelection, UpdateJob};
use model::{Beyond, Cluster, Gid, Job, Uid};
use protocol::msg::JobDesc;
use protocol::{Errno, Number};

use super::{Failure, Privilege, Reply, Request, Row, array_reply, job_id, submit};
use crate::view::View;

pub(super) const ROWS: &[Row] =
    &[Row::write(Number::REQUEST_UPDATE_JOB, Privilege::Anybody, update, updated)];

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

/// How it went. It has been altered also if it wants more CPUs now than its partition has, but its owner
/// is warned (24.11, 26.05).
fn updated(view: &View, request: &Request<'_>, answer: Answer) -> Reply {
    let job = match (&answer, request.decode::<JobDesc>()) {
        (Answer::Done, Ok(desc)) => {
            job_id::named(view, request, desc.job_id_str.as_deref(), desc.step_id)
                .ok()
                .and_then(|selection| meant(view, &selection))
        }
        _ => None,
    };
    if job.is_some_and(|job| job.is_pending() && lacks_cpus(&view.cluster, job)) {
        return request.return_code(Errno::ESLURM_REQUESTED_PART_CONFIG_UNAVAILABLE);
    }
    array_reply::by_task(view, request, answer)
}

fn lacks_cpus(cluster: &Cluster, job: &Job) -> bool {
    cluster.partition(&job.partition).is_some_and(|partition| {
        let beyond = Beyond::of(partition, &job.spec, None, || partition.cpus(cluster));
        matches!(beyond, Some(Beyond::Cpus(_)))
    })
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
