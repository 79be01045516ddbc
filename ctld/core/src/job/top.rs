//! `scontrol top`: a user's jobs change places among themselves.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Job, JobId};

use crate::access::{self, Caller};
use crate::effect::Effect;
use crate::event::{Answer, JobPart, JobSelection};
use crate::job::select;
use crate::reject::Reject;
use crate::turn::Turn;

/// Puts waiting jobs before all others of the same owner in the same partition. Nobody else's place
/// changes: the jobs have the priorities between them that they had before, dealt out anew, and the
/// difference is taken into their nice values, so that it lasts.
pub(crate) fn topped(
    turn: &mut Turn<'_>,
    caller: Caller,
    selections: &[JobSelection],
) -> Result<Answer, Reject> {
    let config = turn.config();
    let admin = access::is_admin(&config, caller);
    if !admin && !config.user_top {
        return Err(Reject::AccessDenied);
    }
    let (top, skipped) = wanted(turn, caller, admin, selections)?;
    let Some(first) = top.first() else {
        return Err(skipped.unwrap_or(Reject::NothingFits));
    };
    let chosen: BTreeSet<JobId> = top.iter().map(|job| job.id).collect();
    let (owner, partition) = (first.owner, Arc::clone(&first.partition));
    let mut rest: Vec<Arc<Job>> = turn
        .cluster()
        .jobs_of(owner)
        .filter(|job| job.is_pending() && job.priority > 1 && !chosen.contains(&job.id))
        .filter(|job| job.partition == partition && job.spec.partitions.len() <= 1)
        .cloned()
        .collect();
    rest.sort_by_key(|job| (Reverse(job.priority), job.id));
    let order: Vec<Arc<Job>> = top.into_iter().chain(rest).collect();
    let mut priorities: Vec<u32> = order.iter().map(|job| job.priority).collect();
    priorities.sort_unstable_by_key(|priority| Reverse(*priority));
    let mut last = u32::MAX;
    for (job, priority) in order.iter().zip(priorities) {
        // Lower than the one before it, and never held by it.
        let priority = priority.min(last.saturating_sub(1)).max(1);
        last = priority;
        place(turn, job, priority);
    }
    turn.emit(Effect::Schedule);
    Ok(Answer::Done)
}

/// The jobs to be moved, each once; and why one of them was left out.
fn wanted(
    turn: &Turn<'_>,
    caller: Caller,
    admin: bool,
    selections: &[JobSelection],
) -> Result<(Vec<Arc<Job>>, Option<Reject>), Reject> {
    let (mut top, mut skipped) = (Vec::<Arc<Job>>::new(), None);
    for selection in selections {
        let record = match selection.part {
            JobPart::Whole => turn.job(selection.job),
            JobPart::Tasks(_) | JobPart::Component(_) => {
                select::records(turn, selection).map(|records| Arc::clone(&records[0]))
            }
        };
        let job = record?;
        if job.owner != caller.uid && !admin {
            return Err(Reject::NotYourJob);
        }
        if !job.is_pending() {
            skipped = Some(Reject::JobNotPending(job.id));
        } else if job.spec.partitions.len() > 1 {
            return Err(Reject::SeveralPartitions(job.id));
        } else if job.priority == 0 {
            skipped = Some(Reject::JobHeld(job.id));
        } else if top.iter().all(|known| known.id != job.id) {
            top.push(job);
        }
    }
    Ok((top, skipped))
}

fn place(turn: &mut Turn<'_>, job: &Arc<Job>, priority: u32) {
    if job.priority == priority {
        return;
    }
    turn.edit_job(job, |job| {
        let higher = i64::from(priority) - i64::from(job.priority);
        let nice = i64::from(job.spec.nice).saturating_sub(higher);
        let nice = nice.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
        Arc::make_mut(&mut job.spec).nice =
            i32::try_from(nice).expect("it was clamped to what fits");
        job.priority = priority;
    });
}
