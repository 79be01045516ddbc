//! Crontabs: jobs that run again and again.
//!
//! A line of a crontab is a job that waits for its time, and for its next time once it has ended
//! (scrontab(1)). A new crontab takes the place of the old one, with all of its jobs or not at all.

use std::sync::Arc;

use model::{
    Change, CronLine, Crontab, Exit, Gid, Job, JobId, NumberOption, Outcome, Phase, Timestamp, Uid,
};

use crate::access::{self, Caller};
use crate::event::{Answer, NewJob};
use crate::job;
use crate::reject::Reject;
use crate::turn::Turn;

/// The bit of a job's flags that says that it comes from a crontab (`CRON_JOB` of slurm.h).
const CRON_JOB: u64 = 1 << 22;

/// A crontab as it is handed in.
#[derive(Clone, Debug)]
pub struct NewCrontab {
    /// Who hands it in.
    pub caller: Caller,
    /// Whose it is to be.
    pub owner: Uid,
    /// The group that its jobs are to run as.
    pub group: Gid,
    /// Its text; without one the user is to have none.
    pub text: Option<Arc<str>>,
    /// Its lines that run something.
    pub jobs: Vec<(CronLine, NewJob)>,
}

/// Why a crontab was not taken; the old one stays.
#[derive(Clone, Debug, PartialEq)]
pub struct CronRefusal {
    /// The first and the last line of the job that is at fault.
    pub lines: Option<(u32, u32)>,
    /// What is wrong.
    pub why: Reject,
}

/// Somebody hands in a crontab.
pub(crate) fn set(turn: &mut Turn<'_>, new: NewCrontab) -> Result<Answer, Reject> {
    let config = turn.config();
    if !config.crontabs {
        return Err(Reject::CrontabsDisabled);
    }
    let refused = |refusal| Ok(Answer::Crontab { jobs: Vec::new(), refused: Some(refusal) });
    let is_own = (new.owner, new.group) == (new.caller.uid, new.caller.gid);
    if !is_own && !access::is_admin(&config, new.caller) {
        return refused(CronRefusal { lines: None, why: Reject::NotYourself });
    }
    let is_old = |job: &&Arc<Job>| job.cron.is_some();
    let old: Vec<_> = turn.cluster().jobs_of(new.owner).filter(is_old).cloned().collect();
    let mut jobs = Vec::new();
    for (line, job) in new.jobs {
        match submitted(turn, line, job) {
            Ok(id) => jobs.push(id),
            Err(refusal) => {
                for id in jobs {
                    turn.record(Change::JobGone(id));
                }
                return refused(refusal);
            }
        }
    }
    for job in old {
        replaced(turn, &job);
    }
    match new.text {
        Some(text) => {
            let crontab = Crontab { owner: new.owner, text, disabled: Vec::new() };
            turn.record(Change::Crontab(Arc::new(crontab)));
        }
        None if turn.cluster().crontab(new.owner).is_some() => {
            turn.record(Change::CrontabGone(new.owner));
        }
        None => {}
    }
    Ok(Answer::Crontab { jobs, refused: None })
}

fn submitted(turn: &mut Turn<'_>, line: CronLine, mut new: NewJob) -> Result<JobId, CronRefusal> {
    let lines = Some((line.line_start, line.line_end));
    let next = line.next(turn.now, &turn.config().zone).filter(|_| line.runs_at_all());
    // slurmctld does not say of which line it could make nothing.
    let next = next.ok_or(CronRefusal { lines: None, why: Reject::InvalidCronLine })?;
    new.spec.begin = Some(next);
    // So that `scontrol requeue` is of use.
    new.spec.requeue = true;
    let carried = &mut new.spec.carried;
    let flags = carried.number(NumberOption::Bitflags).unwrap_or(0);
    carried.set_number(NumberOption::Bitflags, Some(flags | CRON_JOB));
    carried.set_text(model::TextOption::Cronspec, Some(line.spec().into()));
    let refused = |why| CronRefusal { lines, why };
    match job::submitted(turn, new).map_err(refused)? {
        Answer::Submitted { job } => {
            let record = turn.job(job).map_err(refused)?;
            turn.edit_job(&record, |job| job.cron = Some(Arc::new(line)));
            Ok(job)
        }
        other => unreachable!("a submission is answered with {other:?}"),
    }
}

/// A job of the old crontab: it ends if it waits, and does not run again if it runs.
fn replaced(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let job = taken_out(turn, job);
    let exit = Exit::Cancelled { by: job.owner };
    let outcome = Outcome { exit, status: 1, derived_status: 0 };
    match &job.phase {
        Phase::Pending => job::end_waiting(turn, &job, outcome, job.wait.clone()),
        Phase::Completing(completing) if completing.requeue => {
            job::stays_away(turn, &job, outcome);
        }
        Phase::Running(_) | Phase::Suspended | Phase::Completing(_) | Phase::Ended => {}
    }
}

/// The job as one that belongs to no crontab any more.
fn taken_out(turn: &mut Turn<'_>, job: &Arc<Job>) -> Arc<Job> {
    turn.edit_job(job, |job| {
        job.cron = None;
        let carried = &mut Arc::make_mut(&mut job.spec).carried;
        let flags = carried.number(NumberOption::Bitflags).unwrap_or(0) & !CRON_JOB;
        carried.set_number(NumberOption::Bitflags, Some(flags).filter(|flags| *flags != 0));
    })
}

/// A job of a crontab is cancelled: its lines count as disabled.
pub(crate) fn cancelled(turn: &mut Turn<'_>, job: &Arc<Job>) -> Arc<Job> {
    let Some(line) = job.cron.clone() else {
        return Arc::clone(job);
    };
    if let Some(crontab) = turn.cluster().crontab(job.owner).cloned() {
        let mut crontab = Crontab::clone(&crontab);
        crontab.disabled.push((line.line_start, line.line_end));
        turn.record(Change::Crontab(Arc::new(crontab)));
    }
    taken_out(turn, job)
}

/// When a job of a crontab that was sent back is to run, which may be no earlier than in the minute
/// of `earliest`.
pub(crate) fn next_run(turn: &Turn<'_>, line: &CronLine, earliest: Timestamp) -> Option<Timestamp> {
    line.next(Timestamp(earliest.0 - 60), &turn.cluster().config().zone)
}
