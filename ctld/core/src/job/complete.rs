//! A job ends, and its nodes clean up after it.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Availability, Change, Completing, Exit, Hold, Job, JobId, NodeId, Outcome, Phase, StepNumber,
    WaitReason,
};

use crate::access::{self, Caller};
use crate::effect::{Effect, MailEvent, NodeMessage};
use crate::event::{Answer, BatchDone};
use crate::job::{depend, requeue};
use crate::node;
use crate::reject::Reject;
use crate::turn::Turn;

/// A batch script has ended, or could not be started.
///
/// A report from a node that is not the job's, or of a job that has ended, is accepted in silence:
/// slurmd repeats what is not answered with success.
pub(crate) fn batch_done(turn: &mut Turn<'_>, done: &BatchDone) -> Result<Answer, Reject> {
    access::require_daemon(turn.cluster().config(), done.caller)?;
    let job = turn.job(done.job)?;
    let host = job.allocation.as_ref().map(|allocation| allocation.batch_host());
    let node = turn.cluster().node_named(&done.node_name).map(|node| node.id);
    if node.is_none() || node != host || !job.is_active() {
        return Ok(Answer::Done);
    }
    if let (true, Some(node)) = (done.node_at_fault, node) {
        node::drain(turn, node, "batch job complete failure");
    }
    if done.slurm_code != 0 && job.spec.requeue && done.node_at_fault {
        let hold = if turn.config().nohold_on_prolog_fail { Hold::None } else { Hold::Requeued };
        requeue::requeue(turn, &job, hold);
        return Ok(Answer::Done);
    }
    let outcome = outcome_of(done);
    let reason = match outcome.exit {
        Exit::Completed => WaitReason::None,
        Exit::OutOfMemory => WaitReason::OutOfMemory,
        _ if done.slurm_code != 0 => WaitReason::JobLaunchFailure,
        _ => WaitReason::NonZeroExitCode,
    };
    if let Some(hold) = requeue::wanted_by_exit_code(&turn.config(), &job, outcome.status) {
        requeue::requeue(turn, &job, hold);
    } else {
        end(turn, &job, outcome, reason, |job| NodeMessage::Terminate { job });
    }
    Ok(Answer::Done)
}

/// SIGKILL of the kernel's memory cgroup, as slurmstepd reports it (`SIG_OOM`).
const SIG_OOM: u32 = 253;

fn outcome_of(done: &BatchDone) -> Outcome {
    let exit = if done.status & 0x7f == SIG_OOM & 0x7f && done.status & 0xff == SIG_OOM {
        Exit::OutOfMemory
    } else if done.status == 0 && done.slurm_code == 0 {
        Exit::Completed
    } else {
        Exit::Failed
    };
    let status = if done.status == 0 && done.slurm_code != 0 { 1 << 8 } else { done.status };
    Outcome { exit, status, derived_status: 0 }
}

/// The client of an interactive allocation is done with it.
pub(crate) fn allocation_done(
    turn: &mut Turn<'_>,
    caller: Caller,
    id: JobId,
    status: u32,
) -> Result<Answer, Reject> {
    let job = turn.job(id)?;
    access::require_owner(turn.cluster().config(), caller, &job)?;
    let exit = if status == 0 { Exit::Completed } else { Exit::Failed };
    let outcome = Outcome { exit, status, derived_status: 0 };
    match job.phase {
        Phase::Running(_) | Phase::Suspended => {
            let reason = if status == 0 { WaitReason::None } else { WaitReason::NonZeroExitCode };
            end(turn, &job, outcome, reason, |job| NodeMessage::Terminate { job });
            Ok(Answer::Done)
        }
        Phase::Pending => {
            let by = caller.uid;
            let outcome = Outcome { exit: Exit::Cancelled { by }, status, derived_status: 0 };
            end_waiting(turn, &job, outcome, WaitReason::None);
            Ok(Answer::Done)
        }
        Phase::Completing(_) | Phase::Ended => Err(Reject::JobFinished(id)),
    }
}

/// Ends an active job: from now on its outcome is known, and its nodes clean up.
pub(crate) fn end(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    outcome: Outcome,
    reason: WaitReason,
    message: impl Fn(Arc<Job>) -> NodeMessage,
) {
    let job = turn.edit_job(job, |job| {
        job.outcome = Some(outcome);
        job.wait = reason;
    });
    leave_nodes(turn, &job, false, message);
}

/// Tells the nodes of an active job to clean up, before it ends or is queued anew.
pub(super) fn leave_nodes(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    requeue: bool,
    message: impl Fn(Arc<Job>) -> NodeMessage,
) {
    let now = turn.now;
    let waiting_on: BTreeSet<NodeId> =
        job.held_shares().map(|share| share.node).filter(|id| is_there(turn, *id)).collect();
    drop_steps(turn, job.id);
    let told = waiting_on.clone();
    let done = waiting_on.is_empty();
    let job = turn.edit_job(job, |job| {
        if job.phase == Phase::Suspended {
            job.ended = job.suspended;
        } else {
            job.ended = Some(now);
        }
        job.phase = if done {
            // Released below, by `cleaned`: nothing is held from here on.
            Phase::Ended
        } else {
            Phase::Completing(Completing { waiting_on, since: now, told: now, requeue })
        };
    });
    for node in told {
        turn.emit(Effect::ToNode { node, message: message(Arc::clone(&job)) });
    }
    if done {
        cleaned(turn, &job, requeue);
    } else if !requeue {
        turn.emit(Effect::Mail { job, event: MailEvent::Ended });
    }
}

/// A node that is down cleans up nothing; it is told about its jobs when it comes back.
fn is_there(turn: &Turn<'_>, id: NodeId) -> bool {
    let node = turn.cluster().node(id);
    node.is_some_and(|node| node.availability != Availability::Down && node.is_reachable())
}

fn drop_steps(turn: &mut Turn<'_>, id: JobId) {
    let steps: Vec<StepNumber> = turn.cluster().steps_of(id).map(|step| step.number).collect();
    for step in steps {
        turn.record(Change::StepGone(id, step));
    }
}

/// A node has nothing left of a job, says its slurmd.
///
/// Repeats are normal: the controller asks again until the node has reported.
pub(crate) fn epilog_done(
    turn: &mut Turn<'_>,
    caller: Caller,
    id: JobId,
    node_name: &Arc<str>,
    status: u32,
) -> Result<Answer, Reject> {
    access::require_daemon(turn.cluster().config(), caller)?;
    let node = turn.cluster().node_named(node_name).map(|node| node.id);
    let node = node.ok_or_else(|| Reject::NoSuchNode(Arc::clone(node_name)))?;
    if status != 0 {
        node::drain(turn, node, "Epilog error");
    }
    nothing_left(turn, id, node)
}

/// A node that was told to end a job has nothing of it.
pub(crate) fn nothing_left(turn: &mut Turn<'_>, id: JobId, node: NodeId) -> Result<Answer, Reject> {
    if let Some(job) = turn.cluster().job(id).cloned() {
        clean_on(turn, &job, node);
    }
    Ok(Answer::Done)
}

/// Stops waiting for a node's clean-up.
pub(crate) fn clean_on(turn: &mut Turn<'_>, job: &Arc<Job>, node: NodeId) {
    let Phase::Completing(completing) = &job.phase else {
        return;
    };
    if !completing.waiting_on.contains(&node) {
        return;
    }
    let (last, requeue) = (completing.waiting_on.len() == 1, completing.requeue);
    let job = turn.edit_job(job, |job| {
        if last {
            job.phase = Phase::Ended;
        } else if let Phase::Completing(completing) = &mut job.phase {
            completing.waiting_on.remove(&node);
        }
    });
    turn.emit(Effect::Schedule);
    if last {
        cleaned(turn, &job, requeue);
    }
}

/// The last node of a job is clean: the job is over, or waits anew.
fn cleaned(turn: &mut Turn<'_>, job: &Arc<Job>, requeue: bool) {
    if requeue {
        requeue::queued_anew(turn, job);
    } else {
        over(turn, job);
    }
    turn.emit(Effect::Schedule);
}

/// Ends a job that waits.
pub(crate) fn end_waiting(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    outcome: Outcome,
    reason: WaitReason,
) {
    let now = turn.now;
    let job = turn.edit_job(job, |job| {
        job.phase = Phase::Ended;
        job.outcome = Some(outcome);
        job.wait = reason;
        job.started = Some(now);
        job.ended = Some(now);
    });
    if !job.batch {
        turn.emit(Effect::TellClient { job: Arc::clone(&job) });
    }
    turn.emit(Effect::Mail { job: Arc::clone(&job), event: MailEvent::Ended });
    over(turn, &job);
}

fn over(turn: &mut Turn<'_>, job: &Arc<Job>) {
    depend::dependents_of(turn, job);
}
