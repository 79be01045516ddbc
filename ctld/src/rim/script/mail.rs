//! Mail about a job: who gets it, what its subject says, what MailProg is told.
//!
//! Source: `mail_job_info()` of slurmctld, the same from 23.11 to 26.05. There is no body.

use ctld_core::MailEvent;
use model::{Job, TextOption, Timestamp};
use protocol::duration::seconds_text;
use protocol::shape::Limit;

use super::environment;
use crate::rpc::environment::set;
use crate::rpc::job_word;
use crate::view::View;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mail {
    /// Who gets it.
    pub(super) user: String,
    /// What it says.
    pub(super) subject: String,
    /// The environment of MailProg.
    pub(super) environment: Vec<String>,
}

/// The mail about an event of a job; about its array as a whole, unless mail about each task was
/// asked for.
pub(super) fn of(view: &View, job: &Job, event: MailEvent, now: Timestamp) -> Mail {
    let of_array = ctld_core::is_of_array(job);
    let array = view.cluster.job(job.array_job()).filter(|_| of_array).cloned();
    let job = array.as_deref().unwrap_or(job);
    let ended = matches!(event, MailEvent::Ended | MailEvent::Failed);
    let mut environment = environment::common(view, job, None, ended);
    let mut set = |name: &str, value: &str| set(&mut environment, name, &value);
    set("SLURM_JOB_STATE", job_word::base_state_word(job));
    set("SLURM_JOB_MAIL_TYPE", word(event));
    let time = time(job, event, now).map_or_else(String::new, |(label, variable, time)| {
        set(variable, &time);
        format!(", {label} {time}")
    });
    let how = match (ended, of_array) {
        (false, _) => String::new(),
        (true, false) => how_it_ended(job, &mut set),
        (true, true) => how_array_ended(view, job, &mut set),
    };
    let (id, name, word) = (job.id, &job.spec.name, word(event));
    let array_job = job.array_job();
    let subject = match job.task_index() {
        _ if of_array => {
            format!("Slurm Array Summary Job_id={array_job}_* ({id}) Name={name} {word}{how}")
        }
        Some(index) => format!(
            "Slurm Array Task Job_id={array_job}_{index} ({id}) Name={name} {word}{time}{how}"
        ),
        None => format!("Slurm Job_id={id} Name={name} {word}{time}{how}"),
    };
    let user = job.spec.carried.text(TextOption::MailUser);
    let user = user.cloned().unwrap_or_else(|| view.users.name(job.owner));
    Mail { user: user.to_string(), subject, environment }
}

fn word(event: MailEvent) -> &'static str {
    match event {
        MailEvent::Began => "Began",
        MailEvent::Ended => "Ended",
        MailEvent::Failed => "Failed",
        MailEvent::Requeued => "Requeued",
        MailEvent::TimePassed { percent: 50 } => "Reached 50% of time limit",
        MailEvent::TimePassed { percent: 80 } => "Reached 80% of time limit",
        MailEvent::TimePassed { percent: 90 } => "Reached 90% of time limit",
        MailEvent::TimePassed { .. } => "Reached time limit",
        MailEvent::DependencyNeverSatisfied => "Invalid dependency",
    }
}

/// How long the job waited or ran: label, variable and text.
fn time(
    job: &Job,
    event: MailEvent,
    now: Timestamp,
) -> Option<(&'static str, &'static str, String)> {
    let started = job.started?;
    let text =
        |seconds: u64| seconds_text(Limit::Value(u32::try_from(seconds).unwrap_or(u32::MAX)));
    let ran = |until: Timestamp| match job.suspended {
        Some(since) => until.since(since) + job.ran_before_suspend_s,
        None => until.since(started),
    };
    let run_time = |seconds| ("Run time", "SLURM_JOB_RUN_TIME", text(seconds));
    match event {
        MailEvent::Began => {
            Some(("Queued time", "SLURM_JOB_QUEUED_TIME", text(started.since(job.submitted))))
        }
        MailEvent::Ended | MailEvent::Failed | MailEvent::Requeued => {
            Some(run_time(ran(job.ended?)))
        }
        MailEvent::TimePassed { .. } => Some(run_time(ran(now))),
        MailEvent::DependencyNeverSatisfied => None,
    }
}

fn how_it_ended(job: &Job, set: &mut impl FnMut(&str, &str)) -> String {
    let status = job.outcome.as_ref().map_or(0, |outcome| outcome.status);
    let state = job_word::base_state_word(job);
    match exit_code(status) {
        Some(code) => {
            set("SLURM_JOB_EXIT_CODE_MAX", &code.to_string());
            format!(", {state}, ExitCode {code}")
        }
        None => {
            set("SLURM_JOB_EXIT_CODE_MAX", "0");
            format!(", {state}")
        }
    }
}

/// Of tasks that were forgotten before the last one ended, nothing is known any more.
fn how_array_ended(view: &View, job: &Job, set: &mut impl FnMut(&str, &str)) -> String {
    let records: Vec<_> = view.cluster.array_records(job.array_job()).collect();
    let statuses = || records.iter().map(|job| job.outcome.as_ref().map_or(0, |o| o.status));
    let (min, max) = (statuses().min().unwrap_or(0), statuses().max().unwrap_or(0));
    let mut text = match (exit_code(min), exit_code(max)) {
        (Some(min), Some(max)) => {
            let mixed = min == 0 && max > 0;
            let state = if mixed { "Mixed" } else { job_word::base_state_word(job) };
            set("SLURM_JOB_EXIT_CODE_MIN", &min.to_string());
            set("SLURM_JOB_EXIT_CODE_MAX", &max.to_string());
            format!(", {state}, ExitCode [{min}-{max}]")
        }
        (_, None) => {
            let signal = max & 0x7f;
            set("SLURM_JOB_TERM_SIGNAL_MAX", &signal.to_string());
            format!(", Mixed, MaxSignal [{signal}]")
        }
        (None, Some(max)) => {
            set("SLURM_JOB_EXIT_CODE_MAX", &max.to_string());
            format!(", Mixed, MaxExitCode [{max}]")
        }
    };
    if records.iter().any(|job| job.restarts > 0) {
        text.push_str(", with requeued tasks");
    }
    text
}

/// The exit code in a wait status, unless a signal is in it.
fn exit_code(status: u32) -> Option<u32> {
    (status & 0x7f == 0).then_some((status >> 8) & 0xff)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ctld_core::MailEvent;
    use model::{
        ArrayRole, Change, Exit, Job, JobId, NumberOption, Outcome, PendingTasks, Phase, Timestamp,
    };

    use super::of;
    use crate::rpc::fixtures;

    const NOW: Timestamp = fixtures::NOW;

    fn ended(id: u32, status: u32) -> Job {
        let exit = if status == 0 { Exit::Completed } else { Exit::Failed };
        Job {
            phase: Phase::Ended,
            submitted: Timestamp(NOW.0 - 200),
            started: Some(Timestamp(NOW.0 - 100)),
            ended: Some(NOW),
            outcome: Some(Outcome { exit, status, derived_status: 0 }),
            ..fixtures::job(id)
        }
    }

    #[test]
    fn subjects_are_those_of_slurmctld() {
        let view = fixtures::golden();
        let subject = |job: &Job, event| of(&view, job, event, NOW).subject;
        let job = ended(71, 0);
        assert_eq!(
            subject(&job, MailEvent::Began),
            "Slurm Job_id=71 Name=job Began, Queued time 00:01:40"
        );
        assert_eq!(
            subject(&job, MailEvent::Ended),
            "Slurm Job_id=71 Name=job Ended, Run time 00:01:40, COMPLETED, ExitCode 0"
        );
        assert_eq!(
            subject(&ended(71, 3 << 8), MailEvent::Failed),
            "Slurm Job_id=71 Name=job Failed, Run time 00:01:40, FAILED, ExitCode 3"
        );
        assert_eq!(
            subject(&ended(71, 9), MailEvent::Failed),
            "Slurm Job_id=71 Name=job Failed, Run time 00:01:40, FAILED"
        );
        assert_eq!(
            subject(&job, MailEvent::TimePassed { percent: 80 }),
            "Slurm Job_id=71 Name=job Reached 80% of time limit, Run time 00:01:40"
        );
        assert_eq!(
            subject(&job, MailEvent::DependencyNeverSatisfied),
            "Slurm Job_id=71 Name=job Invalid dependency"
        );
    }

    #[test]
    fn an_array_is_summed_up_unless_each_task_was_asked_for() {
        let mut view = fixtures::golden();
        let task = |id: u32, index: u32, status: u32| {
            let role = ArrayRole {
                array_job: JobId(80),
                tasks: PendingTasks::One(index),
                running_max: 0,
                size: 2,
            };
            Job { array: Some(role), ..ended(id, status) }
        };
        for job in [task(80, 1, 0), task(81, 0, 1 << 8)] {
            view.cluster.apply(&Change::Job(Arc::new(job)));
        }
        assert_eq!(
            of(&view, &task(81, 0, 1 << 8), MailEvent::Failed, NOW).subject,
            "Slurm Array Summary Job_id=80_* (80) Name=job Failed, Mixed, ExitCode [0-1]"
        );
        let mut each = task(81, 0, 1 << 8);
        Arc::make_mut(&mut each.spec).carried.set_number(NumberOption::MailType, Some(1 << 9));
        assert_eq!(
            of(&view, &each, MailEvent::Failed, NOW).subject,
            "Slurm Array Task Job_id=80_0 (81) Name=job Failed, Run time 00:01:40, FAILED, ExitCode 1"
        );
    }

    #[test]
    fn mail_prog_is_told_about_the_job() {
        let view = fixtures::golden();
        let mail = of(&view, &ended(71, 3 << 8), MailEvent::Ended, NOW);
        for entry in [
            "SLURM_JOB_STATE=FAILED",
            "SLURM_JOB_MAIL_TYPE=Ended",
            "SLURM_JOB_EXIT_CODE=768",
            "SLURM_JOB_EXIT_CODE2=3:0",
            "SLURM_JOB_EXIT_CODE_MAX=3",
            "SLURM_JOB_RUN_TIME=00:01:40",
            "SLURM_JOB_ID=71",
            "SLURM_JOB_USER=root",
        ] {
            assert!(mail.environment.iter().any(|e| e == entry), "{entry}: {:?}", mail.environment);
        }
        assert_eq!(mail.user, "root");
    }
}
