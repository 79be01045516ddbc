//! A job that has its nodes is brought to run there.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Allocation, Change, Config, Exit, Hold, Job, JobId, Launch, NodeId, Outcome, Phase, Step,
    StepNumber, Timestamp, WaitReason,
};

use crate::access::{self, Caller};
use crate::effect::{Effect, NodeMessage};
use crate::event::{Answer, LaunchResult};
use crate::hook::Hook;
use crate::job::{complete, het, requeue};
use crate::node;
use crate::reject::Reject;
use crate::turn::Turn;

/// What nodes and clients have to be told of a job as it is now. Asked for at its start, again when
/// no answer came, and again after a restart: each may be told twice.
pub(crate) fn outstanding(job: &Arc<Job>) -> Vec<Effect> {
    let to = |node: NodeId, message: NodeMessage| Effect::ToNode { node, message };
    let run = |hook: Hook| Effect::RunHook { job: Arc::clone(job), hook };
    match &job.phase {
        Phase::Running(Launch::Configuring { .. }) => vec![run(Hook::Prolog)],
        Phase::Running(Launch::Prolog { waiting_on, .. }) => waiting_on
            .iter()
            .map(|node| to(*node, NodeMessage::LaunchProlog { job: Arc::clone(job) }))
            .collect(),
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
        Phase::Running(Launch::Done | Launch::Peers)
        | Phase::Pending
        | Phase::Suspended
        | Phase::Ended => Vec::new(),
    }
}

/// PrologSlurmctld first; then the prolog where nodes are to run it before anything else; then the
/// script. An interactive job is there as soon as it has its nodes.
pub(super) fn first_phase(
    config: &Config,
    job: &Job,
    allocation: &Allocation,
    now: Timestamp,
) -> Launch {
    if config.prolog_slurmctld {
        return Launch::Configuring { since: now };
    }
    on_nodes(config, job, allocation, now)
}

fn on_nodes(config: &Config, job: &Job, allocation: &Allocation, now: Timestamp) -> Launch {
    if config.prolog_alloc {
        let waiting_on = allocation.shares.iter().map(|share| share.node).collect();
        return Launch::Prolog { waiting_on, since: now };
    }
    prepared(job, now)
}

/// What follows the prologs of a job: its script, once those of all components are done.
fn prepared(job: &Job, now: Timestamp) -> Launch {
    match (job.has_script(), &job.het) {
        (false, _) => Launch::Done,
        (true, None) => Launch::Sending { since: now },
        (true, Some(_)) => Launch::Peers,
    }
}

/// PrologSlurmctld is done: the job's nodes hear of it.
pub(crate) fn configured(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let Some(allocation) = job.allocation.clone() else {
        return;
    };
    let next = on_nodes(turn.cluster().config(), job, &allocation, turn.now);
    let job = turn.edit_job(job, |job| job.phase = Phase::Running(next));
    for effect in outstanding(&job) {
        turn.emit(effect);
    }
    het::prepared(turn, &job);
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
        let cpus = allocation.shares.first().map_or(0, |share| share.cpus);
        steps.push((StepNumber::Batch, "batch", vec![host], name, cpus));
    }
    for (number, name, nodes, node_list, cpus) in steps {
        let tasks = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        let step = Step {
            job: job.id,
            number,
            name: name.into(),
            nodes,
            node_list,
            tasks,
            cpus,
            started: turn.now,
            protocol: job.protocol,
            launch: None,
        };
        turn.record(Change::Step(Arc::new(step)));
    }
}

/// A node has run the prolog of a job, or the job waits for others.
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
    let Phase::Running(Launch::Prolog { waiting_on, since }) = &job.phase else {
        return Ok(Answer::Done);
    };
    let mut waiting_on: BTreeSet<NodeId> = waiting_on.clone();
    if !waiting_on.remove(&node) {
        return Ok(Answer::Done);
    }
    let since = *since;
    let next = if !waiting_on.is_empty() {
        Launch::Prolog { waiting_on, since }
    } else {
        prepared(&job, turn.now)
    };
    let goes_on = !matches!(next, Launch::Prolog { .. });
    let job = turn.edit_job(&job, |job| job.phase = Phase::Running(next));
    if goes_on {
        for effect in outstanding(&job) {
            turn.emit(effect);
        }
        het::prepared(turn, &job);
    }
    Ok(Answer::Done)
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
    id: JobId,
    restarts: u16,
    result: &LaunchResult,
) -> Result<Answer, Reject> {
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
