//! The line of a job in the file of `jobcomp/filetxt`.
//!
//! Source: the plugin of that name of 23.11 to 26.05, which all write the same.

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;
use model::{Job, TextOption, Timestamp};

use super::Departure;
use crate::rpc::{job_word, tres};
use crate::view::View;

/// What is said of a job.
pub(super) struct Line<'a> {
    job: &'a Job,
    id: String,
    user: Arc<str>,
    group: Arc<str>,
    state: &'static str,
    limit: String,
    start: String,
    end: String,
    tres: String,
}

impl<'a> Line<'a> {
    pub(super) fn of(view: &View, departure: &'a Departure) -> Self {
        let job = &*departure.job;
        let text = |option| job.spec.carried.text(option).cloned();
        let user = text(TextOption::UserName).unwrap_or_else(|| view.users.name(job.owner));
        let group = text(TextOption::GroupName).or_else(|| view.users.group_name(job.group));
        let of_partition = || view.cluster.partition(&job.partition)?.max_time_min;
        let limit = match job.spec.time_unlimited {
            true => None,
            false => job.time_limit_min.or_else(of_partition),
        };
        let resized = job.allocation.as_ref().and_then(|allocation| allocation.resized.as_ref());
        let start = resized.map(|resized| resized.at).or(job.started);
        let end = if departure.resized { Some(departure.at) } else { job.ended };
        let start = start.filter(|start| end.is_none_or(|end| *start <= end));
        Self {
            job,
            id: job.id.to_string(),
            user,
            group: group.unwrap_or_else(|| job.group.0.to_string().into()),
            state: state(job, departure.resized),
            limit: limit.map_or_else(|| "UNLIMITED".to_owned(), |minutes| minutes.to_string()),
            start: time(start),
            end: time(end.or(Some(departure.at))),
            tres: tres::asked_text(view, job).unwrap_or_default(),
        }
    }

    pub(super) fn job(&self) -> &str {
        &self.id
    }

    pub(super) fn end(&self) -> &str {
        &self.end
    }
}

/// The state that a job ended in; one that goes back to the queue waits, unless it was its nodes or another job
/// that sent it there.
fn state(job: &Job, resized: bool) -> &'static str {
    match job_word::base_state_word(job) {
        _ if resized => "RESIZING",
        "PENDING" if job.preempted.is_some() => "PREEMPTED",
        "PENDING" if job.failed_node.is_some() => "NODE_FAIL",
        word => word,
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, id, user, group, state, limit, start, end, tres } = self;
        let text = |option| job.spec.carried.text(option).map_or("", |text| text);
        let allocation = job.allocation.as_deref();
        let nodes = allocation.map_or("(null)", |allocation| &*allocation.node_list);
        let (count, cpus) = allocation.map_or((0, 0), |held| (held.shares.len(), held.cpus()));
        write!(
            f,
            "JobId={id} UserId={user}({}) GroupId={group}({}) Name={} JobState={state} Partition={} \
             TimeLimit={limit} StartTime={start} EndTime={end} NodeList={nodes} NodeCnt={count} ProcCnt={cpus} \
             WorkDir={} ReservationName={} Tres={tres} Account={} QOS= WcKey={} Cluster=unknown \
             SubmitTime={} EligibleTime={}",
            job.owner.0,
            job.group.0,
            job.spec.name,
            job.partition,
            job.spec.carried.text(TextOption::WorkDir).map_or("unknown", |folder| folder),
            job.reservation().map_or("", |name| name),
            text(TextOption::Account),
            text(TextOption::Wckey),
            time(Some(job.submitted)),
            time(job.eligible.or(job.begin)),
        )?;
        if let Some(index) = job.task_index() {
            write!(f, " ArrayJobId={} ArrayTaskId={index}", job.array_job())?;
        }
        if let Some(role) = &job.het {
            write!(f, " HetJobId={} HetJobOffset={}", role.leader(), role.offset())?;
        }
        let outcome = job.outcome.as_ref();
        let of_steps = outcome.map_or(0, |outcome| outcome.derived_status);
        let derived = code(job.derived_status.max(of_steps));
        // The blank at the end is the plugin's.
        writeln!(
            f,
            " DerivedExitCode={derived} ExitCode={} ",
            code(outcome.map_or(0, |o| o.status))
        )
    }
}

/// A wait status as exit code and signal.
fn code(status: u32) -> String {
    match status & 0x7f {
        0 => format!("{}:0", (status >> 8) & 0xff),
        signal => format!("0:{signal}"),
    }
}

/// A time of this host's clock.
fn time(at: Option<Timestamp>) -> String {
    let at = at.and_then(|at| jiff::Timestamp::from_second(at.0).ok());
    let Some(at) = at else { return "Unknown".to_owned() };
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// The number and the end that a line tells.
pub(super) fn job_and_end(line: &str) -> Option<(&str, &str)> {
    let id = line.strip_prefix("JobId=")?.split(' ').next()?;
    // After the name and before the folder, which may say anything.
    let (_, rest) = line.split_once(" EndTime=")?;
    Some((id, rest.split(' ').next()?))
}
