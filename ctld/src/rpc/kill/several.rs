//! `scancel --ctld`: the controller itself finds the jobs that match.

use std::collections::BTreeSet;

use ctld_core::{Answer, Event, JobPart, JobSelection, Kill};
use model::{HetRole, Job, JobId, Phase, StepNumber, TextOption, named_nodes};
use protocol::msg::{
    JobState, KillFlags, KillJobsRequest, KillJobsResponse, KilledJob, SelectedStep, StepId,
};
use protocol::shape::{Bitmap, Limit};
use protocol::{Errno, Number};

use crate::rpc::{Failure, Reply, Request, errno, job_id, sluid};
use crate::view::View;

/// "Any user" in the filter.
const NOBODY: u32 = 99;

/// `REQUEST_KILL_JOBS`: the jobs and steps that are named, or all that the rest of the message
/// describes.
pub(super) fn kill(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: KillJobsRequest = request.decode()?;
    let meant = if message.jobs.is_empty() {
        if !has_filter(&message) {
            return Err(Failure::Code(Errno::ESLURM_SIGNAL_JOBS_INVALID));
        }
        described(view, &message)
    } else {
        named(view, &message)?
    };
    let kill = |(selection, step, alone): (JobSelection, Option<StepNumber>, bool)| {
        let flags = message.flags.without(KillFlags::JOBS_VERBOSE);
        let alone = if alone { KillFlags::ARRAY_TASK } else { KillFlags::NONE };
        let (caller, signal) = (request.caller, message.signal);
        Kill { caller, selection, step, signal, flags: flags.with(alone).0 }
    };
    Ok(Event::KillJobs(meant.into_iter().map(kill).collect()))
}

fn has_filter(message: &KillJobsRequest) -> bool {
    let texts = [
        &message.account,
        &message.job_name,
        &message.partition,
        &message.qos,
        &message.reservation,
        &message.user_name,
        &message.wckey,
        &message.nodelist,
    ];
    texts.into_iter().any(Option::is_some) || message.state != JobState::END
}

type Meant = (JobSelection, Option<StepNumber>, bool);

fn named(view: &View, message: &KillJobsRequest) -> Result<Vec<Meant>, Failure> {
    let mut meant = Vec::new();
    for text in message.jobs.iter().flatten() {
        let (job, step) = match text.split_once('.') {
            Some((job, step)) => (job, Some(step_named(step)?)),
            None => (text.as_str(), None),
        };
        let selection = job_id::selected(view, job)?;
        let known =
            view.cluster.array_records(selection.job).chain(view.cluster.job(selection.job));
        let mut known = known.peekable();
        // What does not match the rest of the message is left out; what is not there is an error.
        if known.peek().is_none() || known.any(|job| matches(view, message, job)) {
            meant.push((selection, step, false));
        }
    }
    Ok(meant)
}

fn step_named(text: &str) -> Result<StepNumber, Failure> {
    match text {
        "batch" => Ok(StepNumber::Batch),
        "extern" => Ok(StepNumber::Extern),
        "interactive" => Ok(StepNumber::Interactive),
        number => match number.parse() {
            Ok(number) => Ok(StepNumber::Normal(number)),
            Err(_) => Err(Failure::Code(Errno::ESLURM_INVALID_STEP_ID_NON_NUMERIC)),
        },
    }
}

/// Records that match, those that wait first, so that none of an array starts while the rest of it
/// is being ended.
fn described(view: &View, message: &KillJobsRequest) -> Vec<Meant> {
    let mut found: Vec<&Job> = view
        .cluster
        .jobs()
        .map(|job| &**job)
        .filter(|job| !job.is_finished() && matches(view, message, job))
        .collect();
    // Its leader takes a component along, and without it none that waits is ended.
    let leaders: BTreeSet<JobId> =
        found.iter().filter(|job| job.het.is_some()).map(|job| job.id).collect();
    let whole = view.cluster.config().whole_hetjob;
    found.retain(|job| {
        let follows = |role: &HetRole| {
            !role.is_leader() && (leaders.contains(&role.leader()) || whole || job.is_pending())
        };
        !job.het.as_ref().is_some_and(follows)
    });
    found.sort_by_key(|job| (!job.is_pending(), job.id));
    found.into_iter().map(|job| (JobSelection::whole(job.id), None, true)).collect()
}

fn matches(view: &View, message: &KillJobsRequest, job: &Job) -> bool {
    let is = |wanted: &Option<String>, has: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| has == Some(wanted))
    };
    let carried = |option| job.spec.carried.text(option).map(|text| &**text);
    is(&message.account, carried(TextOption::Account))
        && is(&message.job_name, Some(&job.spec.name))
        && is(&message.partition, Some(&job.partition))
        && is(&message.qos, carried(TextOption::Qos))
        && is(&message.reservation, job.reservation().map(|name| &**name))
        && is(&message.wckey, carried(TextOption::Wckey))
        && message.user_name.as_deref().is_none_or(|name| is_owner(view, message, name, job))
        && (message.state == JobState::END || message.state.base() == base(job))
        && is_on(view, message.nodelist.as_deref(), job)
}

/// The number stands beside the name and means nothing without it: scancel leaves it 0 then, which is
/// root's.
fn is_owner(view: &View, message: &KillJobsRequest, name: &str, job: &Job) -> bool {
    match message.user_id {
        NOBODY => view.users.uid(name) == Some(job.owner),
        uid => uid == job.owner.0,
    }
}

fn base(job: &Job) -> JobState {
    match &job.phase {
        Phase::Pending => JobState::PENDING,
        Phase::Running(_) => JobState::RUNNING,
        Phase::Suspended => JobState::SUSPENDED,
        Phase::Completing(completing) if completing.requeue => JobState::PENDING,
        // What has ended is not signalled, whichever way it did.
        Phase::Completing(_) | Phase::Ended => JobState::END,
    }
}

fn is_on(view: &View, nodes: Option<&str>, job: &Job) -> bool {
    let Some(nodes) = nodes else {
        return true;
    };
    let nodes = named_nodes(&view.cluster, nodes).unwrap_or_default();
    job.held_shares().any(|share| nodes.contains(&share.node))
}

/// `RESPONSE_KILL_JOBS`: what failed; with `JOBS_VERBOSE` all of it.
pub(super) fn killed(view: &View, request: &Request<'_>, answer: Answer) -> Reply {
    let Answer::Each(results) = answer else {
        return request.return_code(Errno::SLURM_SUCCESS);
    };
    let message: Result<KillJobsRequest, Failure> = request.decode();
    let verbose = message.is_ok_and(|message| message.flags.has(KillFlags::JOBS_VERBOSE));
    let jobs = results
        .into_iter()
        .filter(|(_, result)| verbose || result.is_err())
        .map(|(selection, result)| {
            let code = result.as_ref().map_or_else(errno, |()| Errno::SLURM_SUCCESS);
            killed_job(view, &selection, code)
        })
        .collect();
    request.reply(Number::RESPONSE_KILL_JOBS, &KillJobsResponse { jobs })
}

fn killed_job(view: &View, selection: &JobSelection, code: Errno) -> KilledJob {
    let record = match &selection.part {
        JobPart::Component(offset) => view.cluster.component(selection.job, *offset),
        JobPart::Whole | JobPart::Tasks(_) => view.cluster.job(selection.job),
    };
    let array = record.and_then(|job| job.array.as_ref());
    let task = array.and_then(|role| role.index());
    let component = record.and_then(|job| job.het.as_ref()).filter(|role| !role.is_leader());
    let (number, task) = match selection.tasks() {
        Some(tasks) if tasks.len() == 1 => (selection.job, tasks.first()),
        Some(_) => (selection.job, None),
        None => {
            let leader = component.map_or(selection.job, HetRole::leader);
            (array.map_or(leader, |role| role.array_job), task)
        }
    };
    let several = selection.tasks().filter(|tasks| tasks.len() > 1);
    let bitmap = several.and_then(|tasks| {
        let size = tasks.last()?.checked_add(1)?;
        Some(Bitmap::with(size, tasks.iter()))
    });
    let real = match (selection.tasks(), task) {
        (Some(_), Some(task)) => view.cluster.array_task(number, task),
        _ => record,
    };
    let sluid = real.map_or(0, |job| sluid::of(view, job));
    KilledJob {
        code,
        message: code.text().map(str::to_owned),
        id: SelectedStep {
            step_id: StepId { sluid, ..StepId::job(number.0) },
            array_task_id: Limit::from_option(task),
            het_job_offset: Limit::from_option(component.map(HetRole::offset)),
            array_bitmap: bitmap,
        },
        real_job_id: Limit::from_option(real.map(|job| job.id.0)),
        sibling_name: None,
    }
}
