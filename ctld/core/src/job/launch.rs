//! A job that has its nodes is brought to run there.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Allocation, Change, Config, Exit, Hold, Job, JobId, Launch, NodeId, Outcome, Phase, Prologs,
    Step, StepNumber, Timestamp, WaitReason,
};

use crate::access::{self, Caller};
use crate::effect::{Effect, NodeMessage};
use crate::event::{Answer, LaunchResult};
use crate::hook::Hook;
use crate::job::doubt::{self, Doubts};
use crate::job::{complete, het, requeue};
use crate::mail;
use crate::node;
use crate::reject::Reject;
use crate::step;
use crate::turn::Turn;

/// What nodes and clients have to be told of a job as it is now. Asked for at its start, again when
/// no answer came, and again after a restart: each may be told twice.
pub(crate) fn outstanding(job: &Arc<Job>) -> Vec<Effect> {
    let mut effects = prologs_outstanding(job);
    effects.extend(phase_outstanding(job));
    effects
}

/// The nodes of a job that have not acknowledged that they are to run its prolog.
pub(crate) fn prologs_outstanding(job: &Arc<Job>) -> Vec<Effect> {
    let unasked = job.prologs.iter().filter(|_| job.is_active()).flat_map(|p| &p.unasked);
    let message = || NodeMessage::LaunchProlog { job: Arc::clone(job) };
    unasked.map(|node| Effect::ToNode { node: *node, message: message() }).collect()
}

fn phase_outstanding(job: &Arc<Job>) -> Vec<Effect> {
    let to = |node: NodeId, message: NodeMessage| Effect::ToNode { node, message };
    let run = |hook: Hook| Effect::RunHook { job: Arc::clone(job), hook };
    match &job.phase {
        Phase::Running(Launch::Configuring { .. }) => vec![run(Hook::Prolog)],
        Phase::Running(Launch::Waking { prolog }) => {
            let tell = job.client_listens.then(|| Effect::TellClient { job: Arc::clone(job) });
            prolog.map(|_| run(Hook::Prolog)).into_iter().chain(tell).collect()
        }
        Phase::Running(Launch::Sending { .. }) => batch_host(job)
            .map(|node| to(node, NodeMessage::LaunchBatch { job: Arc::clone(job) }))
            .into_iter()
            .collect(),
        Phase::Completing(completing) => completing
            .waiting_on
            .iter()
            .map(|node| to(*node, NodeMessage::Terminate { job: Arc::clone(job) }))
            .chain(completing.epilog.then(|| run(Hook::Epilog)))
            .collect(),
        Phase::Running(Launch::Done) if job.client_listens => {
            vec![Effect::TellClient { job: Arc::clone(job) }]
        }
        Phase::Running(Launch::Done | Launch::Preparing)
        | Phase::Pending
        | Phase::Suspended
        | Phase::Ended => Vec::new(),
    }
}

/// How a job begins: PrologSlurmctld first; then its nodes hear of it.
pub(super) fn begin(config: &Config, job: &mut Job, allocation: &Allocation, now: Timestamp) {
    job.phase = if config.prolog_slurmctld {
        Phase::Running(Launch::Configuring { since: now })
    } else {
        on_nodes(config, job, allocation, now)
    };
}

/// The nodes run their prologs, if they are to run them before anything else. The script goes out at
/// the same time: slurmd runs it when its own prolog is done. Only DeferBatch has it wait for the
/// prologs of all nodes. An interactive job is there as soon as it has its nodes.
pub(super) fn on_nodes(
    config: &Config,
    job: &mut Job,
    allocation: &Allocation,
    now: Timestamp,
) -> Phase {
    job.prologs = config.prolog_alloc.then(|| {
        Box::new(Prologs {
            unasked: allocation.shares.iter().map(|share| share.node).collect(),
            running: BTreeSet::new(),
            holds: !config.prolog_no_hold,
            since: now,
        })
    });
    let holds = job.prologs.as_ref().is_some_and(|prologs| prologs.holds);
    let deferred = config.prolog_defer_batch && holds;
    Phase::Running(match job.has_script() {
        false => Launch::Done,
        true if deferred || job.het.is_some() => Launch::Preparing,
        true => Launch::Sending { since: now },
    })
}

/// Something that the script of a job waited for is done, or will not be: its own prologs, or those of
/// another component, which may have ended. If it waits for nothing else, it is sent.
pub(super) fn prepared(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let leader = het::leader(turn, job);
    let deferred = turn.config().prolog_defer_batch;
    let preparing = |job: &Arc<Job>| {
        matches!(job.phase, Phase::Running(Launch::Configuring { .. } | Launch::Waking { .. }))
            || deferred && job.waits_for_prologs()
    };
    if leader.phase != Phase::Running(Launch::Preparing)
        || turn.cluster().components(&leader).any(preparing)
    {
        return;
    }
    let since = turn.now;
    let leader =
        turn.edit_job(&leader, |job| job.phase = Phase::Running(Launch::Sending { since }));
    for effect in outstanding(&leader) {
        turn.emit(effect);
    }
    turn.emit(Effect::Schedule);
}

/// PrologSlurmctld is done: the job's nodes hear of it.
pub(crate) fn configured(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let Some(allocation) = job.allocation.clone() else {
        return;
    };
    let (config, now) = (turn.config(), turn.now);
    let job = turn.edit_job(job, |job| job.phase = on_nodes(&config, job, &allocation, now));
    for effect in outstanding(&job) {
        turn.emit(effect);
    }
    prepared(turn, &job);
}

pub(super) fn batch_host(job: &Job) -> Option<NodeId> {
    job.allocation.as_ref().map(|allocation| allocation.batch_host())
}

/// The steps that a job has from its start: the script, and the container around everything.
pub(super) fn record_steps(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let Some(allocation) = job.allocation.clone() else {
        return;
    };
    let host = allocation.batch_host();
    let host_name = turn.cluster().node(host).map(|node| Arc::clone(&node.name));
    let mut steps = Vec::new();
    if turn.config().prolog_contain {
        let nodes: Vec<NodeId> = allocation.shares.iter().map(|share| share.node).collect();
        let node_list = Arc::clone(&allocation.node_list);
        steps.push((StepNumber::Extern, "extern", nodes, node_list, allocation.cpus()));
    }
    if let (true, Some(name)) = (job.has_script(), host_name) {
        let cpus = allocation.batch_share().cpus;
        steps.push((StepNumber::Batch, "batch", vec![host], name, cpus));
    }
    for (number, name, nodes, node_list, cpus) in steps {
        let tasks = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        // Only slurmds have a part in these.
        let protocol = step::protocol_of(turn, &nodes).unwrap_or(job.protocol);
        let step = Step {
            job: job.id,
            number,
            name: name.into(),
            nodes,
            node_list,
            tasks,
            cpus,
            started: turn.now,
            protocol,
            launch: None,
        };
        turn.record(Change::Step(Arc::new(step)));
    }
}

/// A node has acknowledged that it is to run the prolog of a job. What concerns an earlier start of
/// the job is ignored.
pub(crate) fn prolog_asked(
    turn: &mut Turn<'_>,
    id: JobId,
    restarts: u16,
    node: NodeId,
) -> Result<Answer, Reject> {
    let Some(job) = turn.cluster().job(id).filter(|job| job.restarts == restarts).cloned() else {
        return Ok(Answer::Done);
    };
    if job.prologs.as_ref().is_some_and(|prologs| prologs.unasked.contains(&node)) {
        edit_prologs(turn, &job, |prologs| {
            prologs.unasked.remove(&node);
            if prologs.holds {
                prologs.running.insert(node);
            }
        });
    }
    Ok(Answer::Done)
}

/// A node has run the prolog of a job.
pub(crate) fn prolog_done(
    turn: &mut Turn<'_>,
    caller: Caller,
    id: JobId,
    node_name: &Arc<str>,
    status: u32,
) -> Result<Answer, Reject> {
    access::require_daemon(turn.cluster().config(), caller)?;
    let job = turn.job(id)?;
    let node = turn.cluster().node_named(node_name).map(|node| node.id);
    let node = node.ok_or_else(|| Reject::NoSuchNode(Arc::clone(node_name)))?;
    if status != 0 {
        node::drain(turn, node, "Prolog error");
        prolog_failed(turn, &job);
        return Ok(Answer::Done);
    }
    let is_new =
        |prologs: &Prologs| prologs.unasked.contains(&node) || prologs.running.contains(&node);
    if job.prologs.as_deref().is_some_and(is_new) {
        let job = edit_prologs(turn, &job, |prologs| {
            prologs.unasked.remove(&node);
            prologs.running.remove(&node);
        });
        prepared(turn, &job);
    }
    Ok(Answer::Done)
}

/// A slurmd was started anew: a prolog that it ran when it ended is reported by nobody.
pub(crate) fn slurmd_restarted(turn: &mut Turn<'_>, node: NodeId) {
    let runs = |job: &&Arc<Job>| {
        job.is_active() && job.prologs.as_ref().is_some_and(|p| p.running.contains(&node))
    };
    let jobs: Vec<Arc<Job>> = turn.cluster().jobs_on(node).filter(runs).cloned().collect();
    for job in jobs {
        let job = edit_prologs(turn, &job, |prologs| {
            prologs.running.remove(&node);
            prologs.unasked.insert(node);
        });
        turn.emit(Effect::ToNode { node, message: NodeMessage::LaunchProlog { job } });
    }
}

/// A node is not a job's any more: its prolog is waited for no longer.
pub(super) fn prolog_needless(turn: &mut Turn<'_>, job: &Arc<Job>, node: NodeId) -> Arc<Job> {
    let awaits = |p: &Prologs| p.unasked.contains(&node) || p.running.contains(&node);
    if !job.prologs.as_deref().is_some_and(awaits) {
        return Arc::clone(job);
    }
    edit_prologs(turn, job, |prologs| {
        prologs.unasked.remove(&node);
        prologs.running.remove(&node);
    })
}

/// Records the prologs of a job as `edit` leaves them, and none once there is nothing to wait for.
fn edit_prologs(turn: &mut Turn<'_>, job: &Arc<Job>, edit: impl FnOnce(&mut Prologs)) -> Arc<Job> {
    turn.edit_job(job, |job| {
        job.prologs = job.prologs.take().and_then(|mut prologs| {
            edit(&mut prologs);
            let is_over = prologs.unasked.is_empty() && prologs.running.is_empty();
            (!is_over).then_some(prologs)
        });
    })
}

/// A failed prolog sends a batch job back to the queue, held unless the configuration says not to;
/// another ends.
fn prolog_failed(turn: &mut Turn<'_>, job: &Arc<Job>) {
    if !matches!(job.phase, Phase::Running(_)) {
        return;
    }
    let hold = if turn.config().nohold_on_prolog_fail { Hold::None } else { Hold::Requeued };
    let forced = turn.config().requeue_on_prolog_fail
        && turn.cluster().components(job).all(|job| job.batch && job.is_active());
    if forced || het::may_requeue(turn, job) {
        requeue::launch_failed(turn, job, hold, Some("launch failed requeued held".into()));
    } else {
        let outcome = Outcome { exit: Exit::Failed, status: 1 << 8, derived_status: 0 };
        let message = |job| NodeMessage::Terminate { job };
        let job = het::leader(turn, job);
        complete::end(turn, &job, outcome, WaitReason::JobLaunchFailure, message);
    }
}

/// A batch launch was answered, or not. What concerns an earlier start of the job is ignored.
pub(crate) fn batch_launched(
    turn: &mut Turn<'_>,
    doubts: &mut Doubts,
    (id, restarts): (JobId, u16),
    result: &LaunchResult,
) -> Result<Answer, Reject> {
    if *result == LaunchResult::Delivered {
        doubt::delivered(doubts, id, restarts);
    }
    let Some(job) = turn.cluster().job(id).cloned() else {
        return Ok(Answer::Done);
    };
    let sending = matches!(job.phase, Phase::Running(Launch::Sending { .. }));
    if !sending || job.restarts != restarts {
        return Ok(Answer::Done);
    }
    match result {
        LaunchResult::Delivered => {
            turn.edit_job(&job, |job| job.phase = Phase::Running(Launch::Done));
        }
        LaunchResult::Refused { node_at_fault, .. } => {
            if let (true, Some(host)) = (node_at_fault, batch_host(&job)) {
                node::drain(turn, host, "batch job complete failure");
                prolog_failed(turn, &job);
            } else {
                launch_failed(turn, &job);
            }
        }
        LaunchResult::ScriptMissing => launch_failed(turn, &job),
        LaunchResult::NoAnswer if het::may_requeue(turn, &job) => {
            mail::lost_its_node(turn, &job);
            requeue::launch_failed(turn, &job, Hold::None, None);
        }
        LaunchResult::NoAnswer => launch_failed(turn, &job),
    }
    Ok(Answer::Done)
}

fn launch_failed(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let outcome = Outcome { exit: Exit::Failed, status: 1 << 8, derived_status: 0 };
    let message = |job| NodeMessage::Terminate { job };
    complete::end(turn, job, outcome, WaitReason::JobLaunchFailure, message);
}
