//! A job ends, and its nodes clean up after it.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Availability, Completing, Exit, Hold, Job, JobId, Launch, NodeId, Outcome, Phase, WaitReason,
};

use crate::access::{self, Caller};
use crate::effect::{Effect, NodeMessage};
use crate::event::{Answer, BatchDone};
use crate::hook::Hook;
use crate::job::client::tell_client;
use crate::job::{depend, het, launch, requeue};
use crate::mail;
use crate::node;
use crate::reject::Reject;
use crate::step;
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
    if node.is_none() || node != host {
        return Ok(Answer::Done);
    }
    if !job.is_active() {
        late_status(turn, &job, done.status);
        return Ok(Answer::Done);
    }
    if let (true, Some(node)) = (done.node_at_fault, node) {
        node::drain(turn, node, "batch job complete failure");
    }
    // Its node could not run it: another one is to try. The drained node does not get it again.
    let may_requeue = het::may_requeue(turn, &job);
    if done.slurm_code != 0 && done.node_at_fault && done.status != 0 && may_requeue {
        mail::lost_its_node(turn, &job);
        requeue::launch_failed(turn, &job, Hold::None, None);
        return Ok(Answer::Done);
    }
    let config = turn.config();
    if let Some(hold) = requeue::wanted_by_exit_code(&config, &job, done.status)
        && may_requeue
    {
        let text = hold.is_held().then(|| "job requeued in special exit state".into());
        requeue::requeue(turn, &job, hold, text);
        return Ok(Answer::Done);
    }
    let (outcome, reason) = outcome_of(turn, &job, done.status, done.caller);
    end(turn, &job, outcome, reason, |job| NodeMessage::Terminate { job });
    Ok(Answer::Done)
}

/// The script of a job that was ended (cancelled, out of time) has died of it: only now is its exit
/// status known. One that is known already stays.
fn late_status(turn: &mut Turn<'_>, job: &Arc<Job>, status: u32) {
    let ended = match &job.phase {
        Phase::Completing(completing) => !completing.requeue,
        Phase::Ended => true,
        Phase::Pending | Phase::Running(_) | Phase::Suspended => false,
    };
    let unknown = job
        .outcome
        .as_ref()
        .is_some_and(|outcome| outcome.status == 0 && outcome.exit != Exit::Completed);
    if ended && unknown && status != 0 && status != GAVE_UP {
        turn.edit_job(job, |job| {
            if let Some(outcome) = &mut job.outcome {
                outcome.status = status;
            }
        });
    }
}

/// What slurmstepd puts into the low byte of a wait status when the kernel ran out of the job's
/// memory (`SIG_OOM`).
const SIG_OOM: u32 = 253;
/// The status of a client that gave up (`NO_VAL`): the job counts as cancelled.
const GAVE_UP: u32 = 0xffff_fffe;

/// How a job ended whose script or command has this wait status; of one past its limit that ends
/// by itself, its time is said to be up.
fn outcome_of(turn: &Turn<'_>, job: &Job, status: u32, caller: Caller) -> (Outcome, WaitReason) {
    let (exit, reason) = if job.preempted.is_some() {
        // How it took the news is nobody's business.
        return (Outcome { exit: Exit::Preempted, status: 0, derived_status: 0 }, WaitReason::None);
    } else if status == GAVE_UP {
        (Exit::Cancelled { by: caller.uid }, WaitReason::None)
    } else if status & 0xff == SIG_OOM {
        (Exit::OutOfMemory, WaitReason::OutOfMemory)
    } else if status & 0x7f != 0 {
        (Exit::Failed, WaitReason::RaisedSignal)
    } else if status & 0xff00 != 0 {
        (Exit::Failed, WaitReason::NonZeroExitCode)
    } else if job.time_limit_min.is_some() && job.ended.is_some_and(|end| end < turn.now) {
        (Exit::Timeout, WaitReason::TimeLimit)
    } else {
        (Exit::Completed, WaitReason::None)
    };
    let status = if status == GAVE_UP { 0 } else { status };
    (Outcome { exit, status, derived_status: 0 }, reason)
}

/// The client of an interactive allocation is done with it.
pub(crate) fn allocation_done(
    turn: &mut Turn<'_>,
    caller: Caller,
    id: JobId,
    status: u32,
) -> Result<Answer, Reject> {
    let job = turn.job(id)?;
    access::require_owner(turn.cluster().config(), caller, &job)
        .map_err(|_| Reject::NotYoursToAlter(id))?;
    match &job.phase {
        Phase::Running(_) | Phase::Suspended => {
            let (outcome, reason) = outcome_of(turn, &job, status, caller);
            end(turn, &job, outcome, reason, |job| NodeMessage::Terminate { job });
            Ok(Answer::Done)
        }
        // A duplicate of an earlier end, which has sent the job back.
        Phase::Pending if job.batch => Ok(Answer::Done),
        Phase::Pending => {
            let exit = Exit::Cancelled { by: caller.uid };
            let outcome = Outcome { exit, status: 0, derived_status: 0 };
            end_waiting(turn, &job, outcome, job.wait.clone());
            Ok(Answer::Done)
        }
        Phase::Completing(completing) if completing.requeue => Ok(Answer::Done),
        Phase::Completing(_) | Phase::Ended => Err(Reject::JobFinished(id)),
    }
}

/// Ends an active job: from now on its outcome is known, and its nodes clean up. The leader of a
/// heterogeneous job takes the other components with it.
pub(crate) fn end(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    outcome: Outcome,
    reason: WaitReason,
    message: impl Fn(Arc<Job>) -> NodeMessage,
) {
    let followers = het::followers(turn, job);
    end_one(turn, job, outcome.clone(), reason.clone(), &message);
    for id in followers {
        let other = turn.cluster().job(id).filter(|job| job.is_active()).cloned();
        if let Some(other) = other {
            end_one(turn, &other, outcome.clone(), reason.clone(), &message);
        }
    }
    launch::prepared(turn, job);
}

fn end_one(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    outcome: Outcome,
    reason: WaitReason,
    message: impl Fn(Arc<Job>) -> NodeMessage,
) {
    let job = turn.edit_job(job, |job| {
        job.state_text = match reason {
            WaitReason::RaisedSignal => Some(raised_signal(outcome.status)),
            _ => None,
        };
        let derived_status = job.derived_status.max(outcome.derived_status);
        job.outcome = Some(Outcome { derived_status, ..outcome });
        job.wait = reason;
    });
    leave_nodes(turn, &job, false, message);
}

/// As `squeue` shows it: `RaisedSignal:15(Terminated)`, with the words of strsignal(3).
fn raised_signal(status: u32) -> Arc<str> {
    const WORDS: [&str; 31] = [
        "Hangup",
        "Interrupt",
        "Quit",
        "Illegal instruction",
        "Trace/breakpoint trap",
        "Aborted",
        "Bus error",
        "Floating point exception",
        "Killed",
        "User defined signal 1",
        "Segmentation fault",
        "User defined signal 2",
        "Broken pipe",
        "Alarm clock",
        "Terminated",
        "Stack fault",
        "Child exited",
        "Continued",
        "Stopped (signal)",
        "Stopped",
        "Stopped (tty input)",
        "Stopped (tty output)",
        "Urgent I/O condition",
        "CPU time limit exceeded",
        "File size limit exceeded",
        "Virtual timer expired",
        "Profiling timer expired",
        "Window changed",
        "I/O possible",
        "Power failure",
        "Bad system call",
    ];
    let signal = status & 0x7f;
    let word = usize::try_from(signal).ok().and_then(|n| WORDS.get(n.checked_sub(1)?));
    match word {
        Some(word) => format!("RaisedSignal:{signal}({word})").into(),
        None => format!("RaisedSignal:{signal}(Unknown signal {signal})").into(),
    }
}

/// Tells the nodes of an active job to clean up, before it ends or is queued anew.
pub(super) fn leave_nodes(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    requeue: bool,
    message: impl Fn(Arc<Job>) -> NodeMessage,
) {
    let now = turn.now;
    let epilog = turn.config().epilog_slurmctld;
    let configuring =
        matches!(job.phase, Phase::Running(Launch::Configuring { .. } | Launch::Waking { .. }));
    // Its nodes never heard of a job whose PrologSlurmctld was not done or that waited for some to
    // start, and are to run no epilog.
    let holds = job.held_shares().filter(|_| !configuring).map(|share| share.node);
    let waiting_on: BTreeSet<NodeId> = holds.filter(|id| is_there(turn, *id)).collect();
    if configuring {
        turn.emit(Effect::StopHook { job: job.id, hook: Hook::Prolog });
    }
    step::drop_all(turn, job.id);
    tell_client(turn, job);
    let told = waiting_on.clone();
    let done = waiting_on.is_empty() && !epilog;
    let job = turn.edit_job(job, |job| {
        if job.phase == Phase::Suspended {
            job.ended = job.suspended;
        } else {
            job.ended = Some(now);
        }
        job.prologs = None;
        job.phase = if done {
            // Released below, by `cleaned`: nothing is held from here on.
            Phase::Ended
        } else {
            Phase::Completing(Completing { waiting_on, since: now, told: now, requeue, epilog })
        };
    });
    if turn.cluster().config().power.is_some() {
        let shares = job.allocation.iter().flat_map(|allocation| &allocation.shares);
        for node in shares.map(|share| share.node).filter(|node| !told.contains(node)) {
            node::left(turn, node);
        }
    }
    for node in told {
        turn.emit(Effect::ToNode { node, message: message(Arc::clone(&job)) });
    }
    if epilog {
        turn.emit(Effect::RunHook { job: Arc::clone(&job), hook: Hook::Epilog });
    }
    turn.emit(Effect::WriteDown { job: Arc::clone(&job), resized: false });
    if requeue {
        mail::requeued(turn, &job);
    } else {
        mail::ended(turn, &job);
    }
    if done {
        cleaned(turn, &job, requeue);
    }
}

/// A node that is down cleans up nothing; it is told about its jobs when it comes back.
fn is_there(turn: &Turn<'_>, id: NodeId) -> bool {
    let node = turn.cluster().node(id);
    node.is_some_and(|node| {
        let is_there = node.is_reachable() && !node.flags.powering_up;
        node.availability != Availability::Down && is_there
    })
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
    // A node that the table has lost holds nothing any more.
    let Some(node) = turn.cluster().node_named(node_name).map(|node| node.id) else {
        return Ok(Answer::Done);
    };
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
    let last = completing.waiting_on.len() == 1 && !completing.epilog;
    let requeue = completing.requeue;
    let job = turn.edit_job(job, |job| {
        if last {
            job.phase = Phase::Ended;
        } else if let Phase::Completing(completing) = &mut job.phase {
            completing.waiting_on.remove(&node);
        }
    });
    node::left(turn, node);
    turn.emit(Effect::Schedule);
    if last {
        cleaned(turn, &job, requeue);
    }
}

/// EpilogSlurmctld has ended.
pub(crate) fn epilog_slurmctld_done(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let Phase::Completing(completing) = &job.phase else {
        return;
    };
    if !completing.epilog {
        return;
    }
    let (last, requeue) = (completing.waiting_on.is_empty(), completing.requeue);
    let job = turn.edit_job(job, |job| {
        if last {
            job.phase = Phase::Ended;
        } else if let Phase::Completing(completing) = &mut job.phase {
            completing.epilog = false;
        }
    });
    if last {
        cleaned(turn, &job, requeue);
    }
}

/// The last node of a job is clean: the job is over, or waits anew.
fn cleaned(turn: &mut Turn<'_>, job: &Arc<Job>, requeue: bool) {
    let cancelled = |outcome: &Outcome| matches!(outcome.exit, Exit::Cancelled { .. });
    if requeue {
        requeue::queued_anew(turn, job);
    } else if job.cron.is_some() && !job.outcome.as_ref().is_some_and(cancelled) {
        requeue::queued_for_next_run(turn, job);
    } else {
        over(turn, job);
    }
    turn.emit(Effect::Schedule);
}

/// Ends a job that waits, and whatever would have started together with it.
pub(crate) fn end_waiting(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    outcome: Outcome,
    reason: WaitReason,
) {
    end_waiting_one(turn, job, outcome.clone(), reason);
    for id in het::components(turn, job).iter().map(|job| job.id) {
        let Some(other) = turn.cluster().job(id).cloned() else { continue };
        match &other.phase {
            Phase::Pending => {
                let reason = other.wait.clone();
                end_waiting_one(turn, &other, outcome.clone(), reason);
            }
            Phase::Completing(completing) if completing.requeue => {
                stays_away(turn, &other, outcome.clone());
            }
            Phase::Completing(_) | Phase::Running(_) | Phase::Suspended | Phase::Ended => {}
        }
    }
}

/// A job on its way back to the queue is over instead, once its nodes are clean.
pub(crate) fn stays_away(turn: &mut Turn<'_>, job: &Arc<Job>, outcome: Outcome) {
    turn.edit_job(job, |job| {
        job.outcome = Some(outcome);
        if let Phase::Completing(completing) = &mut job.phase {
            completing.requeue = false;
        }
    });
}

fn end_waiting_one(turn: &mut Turn<'_>, job: &Arc<Job>, outcome: Outcome, reason: WaitReason) {
    let now = turn.now;
    let job = turn.edit_job(job, |job| {
        job.phase = Phase::Ended;
        job.outcome = Some(outcome);
        job.wait = reason;
        job.started = Some(now);
        job.ended = Some(now);
    });
    if job.client_listens {
        turn.emit(Effect::TellClient { job: Arc::clone(&job) });
        tell_client(turn, &job);
    }
    turn.emit(Effect::WriteDown { job: Arc::clone(&job), resized: false });
    mail::ended(turn, &job);
    over(turn, &job);
}

fn over(turn: &mut Turn<'_>, job: &Arc<Job>) {
    depend::dependents_of(turn, job);
}
