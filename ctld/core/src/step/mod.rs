//! Steps: clients ask for them within a job, their nodes report their end.

mod choose;
mod cores;
mod gres;
mod layout;
mod limits;
mod place;
mod ports;
mod request;
mod room;
mod threads;
mod waiting;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Change, Job, JobId, Launch, NodeId, Phase, Step, StepLaunch, StepNumber, StepTexts, TextOption,
    Timestamp, node_list,
};

pub use cores::SocketOrder;
pub use layout::Distribution;
pub use limits::StepUpdate;
pub(crate) use limits::{StepLimits, limited, times_up};
pub(crate) use ports::PortCursor;
pub use request::{StepGres, StepKind, StepRequest};
pub(crate) use waiting::WaitingSteps;

use crate::access::{self, Caller};
use crate::effect::{ClientMessage, Effect, NodeMessage};
use crate::event::{Answer, StepDone};
use crate::reject::{Reject, StepReject};
use crate::turn::Turn;

/// A client asks for a step.
///
/// Where what it needs is there but other steps have it, it is told so and asks again.
pub(crate) fn asked(
    turn: &mut Turn<'_>,
    cursor: &mut PortCursor,
    request: &StepRequest,
) -> Result<Answer, Reject> {
    let job = job_of(turn, request)?;
    if request.caller.uid != job.owner {
        return Err(Reject::NotYourJob);
    }
    check_phase(turn, &job)?;
    let number = number(turn, &job, request)?;
    let placed = place::place(turn.cluster(), &job, request)?;
    let nodes = placed.nodes;
    let ports = match request.kind {
        StepKind::Normal => cursor.reserve(turn.cluster(), request, &nodes, &placed.shares)?,
        StepKind::Interactive | StepKind::External => Vec::new(),
    };
    let protocol = protocol(turn, &nodes, request.protocol);
    let step = Step {
        job: job.id,
        number,
        name: name(&job, request),
        node_list: list(turn, &nodes, request),
        tasks: placed.shares.iter().map(|share| count(share.tasks.len())).sum(),
        cpus: placed.shares.iter().map(|share| share.cpus).sum(),
        nodes,
        started: turn.now,
        protocol,
        launch: Some(Arc::new(StepLaunch {
            distribution: request.distribution_bits,
            shares: placed.shares,
            overlaps: request.overlaps || request.kind != StepKind::Normal,
            counts_memory: request.memory.is_some() || !request.memory_of_gres_mib.is_empty(),
            cpus_per_task: placed.cpus_per_task,
            client: request.client.clone(),
            time_limit_min: request.time_limit_min,
            ignores_signals: request.ignores_signals,
            submit_line: request.submit_line.clone(),
            ended_on: BTreeSet::new(),
            status: 0,
            ports,
            texts: texts(&job, request),
            cpu_frequency: request.cpu_frequency,
        })),
    };
    count_on(turn, &job, request, number, placed.next_node);
    turn.record(Change::Step(Arc::new(step)));
    Ok(Answer::Step { job: job.id, step: number })
}

fn job_of(turn: &Turn<'_>, request: &StepRequest) -> Result<Arc<Job>, Reject> {
    match request.task {
        None => turn.job(request.job),
        Some(task) => {
            let found = turn.cluster().array_task(request.job, task).cloned();
            found.ok_or(Reject::NoSuchJob(request.job))
        }
    }
}

/// A job takes steps from the end of PrologSlurmctld to its own end. Those that come before the end
/// of its nodes' prologs wait in slurmd.
fn check_phase(turn: &Turn<'_>, job: &Job) -> Result<(), Reject> {
    match &job.phase {
        Phase::Pending => Err(Reject::JobPending(job.id)),
        Phase::Running(Launch::Configuring { .. } | Launch::Waking { .. }) => {
            Err(Reject::Step(StepReject::PrologRunning(job.id)))
        }
        Phase::Running(Launch::Sending { .. } | Launch::Preparing | Launch::Done) => {
            let partition = turn.cluster().partition(&job.partition);
            let over = partition.and_then(|partition| partition.over_time_limit_min);
            let over = u64::from(over.unwrap_or(turn.config().over_time_limit_min));
            let ends = job.time_limit_min.and(job.ended).map(|end| end.plus_s(over * 60));
            match ends {
                Some(ends) if ends <= turn.now => Err(Reject::JobFinished(job.id)),
                _ => Ok(()),
            }
        }
        Phase::Suspended => Err(Reject::Step(StepReject::JobSuspended(job.id))),
        Phase::Completing(completing) if completing.requeue => Err(Reject::JobPending(job.id)),
        Phase::Completing(_) | Phase::Ended => Err(Reject::JobFinished(job.id)),
    }
}

fn number(turn: &Turn<'_>, job: &Job, request: &StepRequest) -> Result<StepNumber, Reject> {
    let number = match request.kind {
        StepKind::Interactive => StepNumber::Interactive,
        StepKind::Normal | StepKind::External => {
            let number = request.number.unwrap_or_else(|| next_number(turn, job));
            if number >= turn.config().max_step_count {
                return Err(Reject::Step(StepReject::TooMany(job.id)));
            }
            match request.component {
                None => StepNumber::Normal(number),
                Some(component) => StepNumber::Component { step: number, component },
            }
        }
    };
    if let StepNumber::Component { step, .. } = number
        && turn.cluster().step(job.id, StepNumber::Normal(step)).is_some()
    {
        return Err(Reject::Step(StepReject::Exists(job.id)));
    }
    match turn.cluster().step(job.id, number) {
        Some(_) => Err(Reject::Step(StepReject::Exists(job.id))),
        None => Ok(number),
    }
}

/// The components of a heterogeneous job have the numbers of their steps from its leader, so that one
/// number is free in all of them.
fn next_number(turn: &Turn<'_>, job: &Job) -> u32 {
    let leader = turn.cluster().job(job.het_job());
    leader.map_or(job.next_step, |leader| leader.next_step.max(job.next_step))
}

/// The numbers that later steps get, and where in the node table they begin to look.
fn count_on(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    request: &StepRequest,
    number: StepNumber,
    next_node: u32,
) {
    let number = match number {
        StepNumber::Normal(number) => number,
        StepNumber::Component { step, .. } => step,
        StepNumber::Interactive | StepNumber::Batch | StepNumber::Extern => return,
    };
    let taken = |job: &mut Job| job.next_step = job.next_step.max(number.saturating_add(1));
    turn.edit_job(job, |job| {
        taken(job);
        job.next_step_node = next_node;
    });
    let leader = turn.cluster().job(job.het_job()).filter(|leader| leader.id != job.id).cloned();
    if let Some(leader) = leader.filter(|_| request.number.is_none()) {
        turn.edit_job(&leader, taken);
    }
}

/// The lowest release among the client and the nodes: all of them read what the others write.
fn protocol(turn: &Turn<'_>, nodes: &[NodeId], client: u16) -> u16 {
    protocol_of(turn, nodes).map_or(client, |lowest| lowest.min(client))
}

/// The lowest release of some nodes.
pub(crate) fn protocol_of(turn: &Turn<'_>, nodes: &[NodeId]) -> Option<u16> {
    let of_node = |id: &NodeId| {
        let registration = turn.cluster().node(*id)?.registration.clone();
        registration.map(|registration| registration.protocol)
    };
    nodes.iter().filter_map(of_node).min()
}

/// What is shown of a step's request: of generic resources the job's, where it names none.
fn texts(job: &Job, request: &StepRequest) -> StepTexts {
    let mut texts = request.texts.clone();
    if request.gres.is_none() && request.kind == StepKind::Normal {
        let of_job = |option| job.spec.carried.text(option).cloned();
        texts.tres_per_step = of_job(TextOption::TresPerJob);
        texts.tres_per_node = of_job(TextOption::TresPerNode);
        texts.tres_per_socket = of_job(TextOption::TresPerSocket);
        texts.tres_per_task = of_job(TextOption::TresPerTask);
    }
    texts
}

fn name(job: &Job, request: &StepRequest) -> Arc<str> {
    let given = request.name.clone().filter(|name| !name.is_empty());
    match request.kind {
        StepKind::Interactive => "interactive".into(),
        StepKind::Normal | StepKind::External => {
            given.unwrap_or_else(|| Arc::clone(&job.spec.name))
        }
    }
}

/// Names that the client gave an order keep it.
fn list(turn: &Turn<'_>, nodes: &[NodeId], request: &StepRequest) -> Arc<str> {
    if request.distribution.is_some() {
        return node_list(turn.cluster(), nodes);
    }
    let names: Vec<&str> =
        nodes.iter().filter_map(|id| turn.cluster().node(*id)).map(|node| &*node.name).collect();
    names.join(",").into()
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// A step has ended on some of its nodes, says its slurmstepd, or its srun.
///
/// A step that is not there has ended before: so slurmctld answers, and nobody asks again.
pub(crate) fn done(turn: &mut Turn<'_>, done: &StepDone) -> Result<Answer, Reject> {
    let StepDone { caller, job: id, step: number, range: (first, last), status } = *done;
    let job = turn.job(id)?;
    if job.is_pending() {
        return Err(Reject::JobPending(id));
    }
    require_reporter(turn, caller, &job)?;
    let Some(step) = turn.cluster().step(id, number).cloned() else {
        return late(turn, &job, number, status);
    };
    let nodes = count(step.nodes.len());
    if last < first || number == StepNumber::Batch {
        return Err(Reject::InvalidValue("range of nodes"));
    }
    let Some(launch) = step.launch.as_deref() else {
        if first == 0 && last.saturating_add(1) >= nodes {
            turn.record(Change::StepGone(id, number));
        }
        return Ok(Answer::Done);
    };
    if last >= nodes {
        return Err(Reject::InvalidValue("range of nodes"));
    }
    let mut launch = StepLaunch::clone(launch);
    launch.ended_on.extend(first..=last);
    let by_signal = status & 0x7f != 0;
    if !(launch.ignores_signals && by_signal) {
        launch.status = launch.status.max(status);
    }
    if count(launch.ended_on.len()) == nodes {
        over(turn, &job, &step, launch.status);
    } else {
        let step = Step { launch: Some(Arc::new(launch)), ..Step::clone(&step) };
        turn.record(Change::Step(Arc::new(step)));
    }
    Ok(Answer::Done)
}

/// The batch script can be heard of before the last of its steps: while the job's nodes clean up, the
/// status of a step still counts for the job.
fn late(
    turn: &mut Turn<'_>,
    job: &Arc<Job>,
    number: StepNumber,
    status: u32,
) -> Result<Answer, Reject> {
    let was_made = matches!(number, StepNumber::Normal(number) if number < job.next_step);
    if !was_made || !matches!(job.phase, Phase::Completing(_)) {
        return Err(Reject::NoSuchJob(job.id));
    }
    if status != NO_STATUS && status > job.derived_status {
        turn.edit_job(job, |job| {
            job.derived_status = status;
            if let Some(outcome) = &mut job.outcome {
                outcome.derived_status = outcome.derived_status.max(status);
            }
        });
    }
    Ok(Answer::Done)
}

fn require_reporter(turn: &Turn<'_>, caller: Caller, job: &Job) -> Result<(), Reject> {
    let config = turn.config();
    access::require_owner(&config, caller, job)
        .or_else(|_| access::require_daemon(&config, caller))
        .map_err(|_| Reject::NotYoursToAlter(job.id))
}

/// A status that says that nothing is known: of a step that was to be ended.
const NO_STATUS: u32 = 0xffff_fffe;

fn over(turn: &mut Turn<'_>, job: &Arc<Job>, step: &Step, status: u32) {
    let status = if status == NO_STATUS { 0 } else { status };
    if status > job.derived_status && step.number != StepNumber::Interactive {
        turn.edit_job(job, |job| job.derived_status = status);
    }
    turn.record(Change::StepGone(job.id, step.number));
}

/// The job ends: so do its steps, and their clients are told.
pub(crate) fn drop_all(turn: &mut Turn<'_>, id: JobId) {
    let steps: Vec<Arc<Step>> = turn.cluster().steps_of(id).cloned().collect();
    for step in steps {
        turn.record(Change::StepGone(id, step.number));
        tell(turn, &step, ClientMessage::Complete { job: id, step: Some(step.number) });
    }
}

/// A node of the job is lost: the clients of its steps are told, those of steps on the node.
pub(crate) fn node_lost(turn: &mut Turn<'_>, job: JobId, node: NodeId, name: &Arc<str>) {
    let there: Vec<Arc<Step>> =
        turn.cluster().steps_of(job).filter(|step| step.nodes.contains(&node)).cloned().collect();
    for step in there {
        let message =
            ClientMessage::NodeLost { job, step: Some(step.number), nodes: Arc::clone(name) };
        tell(turn, &step, message);
    }
}

/// The time of a job is up soon: the clients of its steps are told.
pub(crate) fn warn_all(turn: &mut Turn<'_>, job: JobId, at: Timestamp) {
    let steps: Vec<Arc<Step>> = turn.cluster().steps_of(job).cloned().collect();
    for step in steps {
        tell(turn, &step, ClientMessage::Timeout { job, step: Some(step.number), at });
    }
}

/// A step was killed by somebody: its client is told, and does not wait for long.
pub(crate) fn killed(turn: &mut Turn<'_>, job: JobId, number: StepNumber) {
    let steps: Vec<Arc<Step>> = turn.cluster().steps_numbered(job, number).cloned().collect();
    for step in steps {
        tell(turn, &step, ClientMessage::Complete { job, step: Some(step.number) });
    }
}

/// A node is gone, and the job goes on: steps that had a part there end on their other nodes too.
pub(crate) fn part_lost(turn: &mut Turn<'_>, job: &Arc<Job>, node: NodeId) {
    without_part(turn, job, node, true);
}

/// A job gives a node back: steps that had a part there go on without it.
pub(crate) fn part_given_back(turn: &mut Turn<'_>, job: &Arc<Job>, node: NodeId) {
    without_part(turn, job, node, false);
}

fn without_part(turn: &mut Turn<'_>, job: &Arc<Job>, node: NodeId, ends_all: bool) {
    let has_part = |step: &&Arc<Step>| step.nodes.contains(&node);
    let steps: Vec<Arc<Step>> = turn.cluster().steps_of(job.id).filter(has_part).cloned().collect();
    for step in steps {
        let place =
            step.nodes.iter().position(|id| *id == node).and_then(|p| u32::try_from(p).ok());
        let launch = step.launch.as_deref().cloned().zip(place);
        match launch {
            Some((mut launch, place)) if step.nodes.len() > 1 => {
                launch.ended_on.insert(place);
                if count(launch.ended_on.len()) == count(step.nodes.len()) {
                    turn.record(Change::StepGone(job.id, step.number));
                    continue;
                }
                let rest = Step { launch: Some(Arc::new(launch)), ..Step::clone(&step) };
                turn.record(Change::Step(Arc::new(rest)));
                for other in step.nodes.iter().copied().filter(|id| ends_all && *id != node) {
                    let (job, step) = (job.id, Some(step.number));
                    let signal = SIGKILL;
                    let message = NodeMessage::Signal { job, step, signal, flags: 0 };
                    turn.emit(Effect::ToNode { node: other, message });
                }
            }
            None if step.nodes.len() > 1 => {
                let nodes: Vec<NodeId> =
                    step.nodes.iter().copied().filter(|id| *id != node).collect();
                let node_list = node_list(turn.cluster(), &nodes);
                let rest = Step { nodes, node_list, ..Step::clone(&step) };
                turn.record(Change::Step(Arc::new(rest)));
            }
            Some(_) | None => turn.record(Change::StepGone(job.id, step.number)),
        }
    }
}

/// Tells the client of a step something, if it has one that listens.
fn tell(turn: &mut Turn<'_>, step: &Step, message: ClientMessage) {
    let client = step.launch.as_ref().and_then(|launch| launch.client.clone());
    if let Some(client) = client.filter(|client| client.port != 0) {
        let protocol = step.protocol;
        turn.emit(Effect::ToClient { client, protocol, message });
    }
}

const SIGKILL: u16 = 9;
