use std::net::IpAddr;
use std::sync::Arc;

use protocol::auth::{self, Context, Expected};
use protocol::frame::{Auth, Frame, Returned};
use protocol::msg::{
    BatchJobLaunch, EnergyReadings, KillJob, LaunchProlog, LaunchTasks, PingReply, ReturnCode,
    SignalTasks, StepId,
};
use protocol::shape::{Limit, Sentinel};
use protocol::wire::{self, Wire};
use protocol::{Errno, Hostlist, Number, Version};

use super::Hollow;
use super::job::{Deed, script_time};
use super::node::Node;
use super::step::Part;
use crate::call;

/// Wait status of a process that this signal ended.
const SIGKILL: u32 = 9;
const SIGTERM: u32 = 15;

/// What a node does with a message: the body of its answer, and what it does afterwards.
struct Answer {
    number: Number,
    body: Vec<u8>,
    deed: Option<Deed>,
}

/// What comes of a frame.
pub(super) struct Handled {
    /// The answer's bytes.
    pub(super) reply: Vec<u8>,
    /// What is done when it has been sent, and where.
    pub(super) deeds: Vec<(Arc<Node>, Deed)>,
}

/// The answer to a frame, for the node that it came to and those that it is to be forwarded to; `None` when it is not
/// understood, and the connection is closed as slurmd closes it.
pub(super) fn to_frame(
    hollow: &Arc<Hollow>,
    node: &Arc<Node>,
    bytes: &[u8],
    from: IpAddr,
) -> Option<Handled> {
    let frame = Frame::from_bytes(bytes).ok()?;
    if hollow.plan.verify && !is_authentic(hollow, &frame) {
        return None;
    }
    let version = frame.header.version;
    let mut deeds = Vec::new();
    let answer = answer(hollow, node, &frame, from)?;
    deeds.extend(answer.deed.map(|deed| (Arc::clone(node), deed)));
    let mut reply = Frame::reply(version, answer.number, answer.body);
    for name in forwarded(&frame) {
        let Some(other) = hollow.nodes.get(&name).filter(|other| !other.has_shut_down()) else {
            reply.header.returned.push(failed(name));
            continue;
        };
        let answer = self::answer(hollow, other, &frame, from)?;
        deeds.extend(answer.deed.map(|deed| (Arc::clone(other), deed)));
        let (number, body) = (answer.number, answer.body);
        reply.header.returned.push(Returned { error: 0, number, node_name: Some(name), body });
    }
    Some(Handled { reply: reply.to_bytes(), deeds })
}

/// The nodes that a frame is to be passed on to.
fn forwarded(frame: &Frame) -> Vec<String> {
    let list = frame.header.forward.nodes.as_deref().unwrap_or_default();
    Hostlist::parse(list).map(|list| list.names()).unwrap_or_default()
}

fn failed(name: String) -> Returned {
    Returned {
        error: 0,
        number: Number::RESPONSE_FORWARD_FAILED,
        node_name: Some(name),
        body: Vec::new(),
    }
}

fn is_authentic(hollow: &Hollow, frame: &Frame) -> bool {
    let Some(Auth::Slurm { token: Some(token) }) = &frame.auth else { return false };
    let expected = Expected { number: frame.header.number, body: &frame.body };
    auth::authenticate(token, hollow.speaker.keys(), call::now(), 0, expected).is_ok()
}

fn answer(hollow: &Arc<Hollow>, node: &Node, frame: &Frame, from: IpAddr) -> Option<Answer> {
    let version = frame.header.version;
    Some(match frame.header.number {
        Number::REQUEST_PING => {
            hollow.tally.ping();
            let reply = PingReply {
                cpu_load: Limit::Value(1),
                free_mem: Limit::Value(hollow.plan.memory_mib),
                node_name: Some(node.name.clone()),
            };
            with_body(Number::RESPONSE_PING_SLURMD, &reply, version)
        }
        Number::REQUEST_NODE_REGISTRATION_STATUS
        | Number::REQUEST_RECONFIGURE
        | Number::REQUEST_RECONFIGURE_WITH_CONFIG => code(Errno(0), version).then(Deed::Register),
        Number::REQUEST_HEALTH_CHECK | Number::REQUEST_NODE_HEALTH_CHECK => code(Errno(0), version),
        Number::REQUEST_ACCT_GATHER_UPDATE => {
            let reply =
                EnergyReadings { node_name: Some(node.name.clone()), ..EnergyReadings::default() };
            with_body(Number::RESPONSE_ACCT_GATHER_UPDATE, &reply, version)
        }
        Number::REQUEST_SHUTDOWN => {
            node.shut_down();
            code(Errno(0), version)
        }
        Number::REQUEST_BATCH_JOB_LAUNCH => launch(hollow, node, frame)?,
        Number::REQUEST_LAUNCH_TASKS => launch_tasks(hollow, node, &read(frame)?, from, version),
        Number::REQUEST_LAUNCH_PROLOG => {
            let message: LaunchProlog = read(frame)?;
            let job = match message.credential.body(version) {
                Ok(credential) => credential.step_id.job_id,
                Err(_) => return Some(code(Errno::ESLURMD_INVALID_JOB_CREDENTIAL, version)),
            };
            code(Errno(0), version).then(Deed::Prolog { job })
        }
        Number::REQUEST_TERMINATE_JOB => terminate(hollow, node, &read(frame)?, version),
        Number::REQUEST_ABORT_JOB => {
            let message: KillJob = read(frame)?;
            let job = message.step_id.job_id;
            node.kill(job, SIGKILL);
            code(Errno(0), version).then(Deed::Epilog { job })
        }
        Number::REQUEST_KILL_TIMELIMIT | Number::REQUEST_KILL_PREEMPTED => {
            let message: KillJob = read(frame)?;
            node.kill(message.step_id.job_id, SIGTERM);
            code(Errno(0), version)
        }
        Number::REQUEST_SIGNAL_TASKS | Number::REQUEST_TERMINATE_TASKS => {
            signal(node, &read(frame)?, version)
        }
        _ => code(Errno::EINVAL, version),
    })
}

fn launch(hollow: &Arc<Hollow>, node: &Node, frame: &Frame) -> Option<Answer> {
    let version = frame.header.version;
    let message: BatchJobLaunch = read(frame)?;
    let Ok(credential) = message.credential.body(version) else {
        return Some(code(Errno::ESLURMD_INVALID_JOB_CREDENTIAL, version));
    };
    if hollow.plan.verify && !may_launch(hollow, &message) {
        return Some(code(Errno::ESLURMD_INVALID_JOB_CREDENTIAL, version));
    }
    if hollow.dice.refuses() {
        return Some(code(Errno::ESLURMD_CREATE_BATCH_DIR_ERROR, version));
    }
    let job = credential.step_id.job_id;
    let run = script_time(message.script.as_deref().unwrap_or_default());
    let Some(killed) = node.begin((job, StepId::BATCH)) else {
        // A launch that comes twice is acknowledged twice and runs once.
        return Some(code(Errno(0), version));
    };
    hollow.tally.launch();
    let run = run.unwrap_or(hollow.plan.run);
    Some(code(Errno(0), version).then(Deed::Run { job, run, killed }))
}

fn may_launch(hollow: &Hollow, message: &BatchJobLaunch) -> bool {
    let auth::Signed::Token(token) = &message.credential.credential else { return false };
    auth::verify(token, hollow.speaker.keys(), call::now(), 0)
        .is_ok_and(|claims| claims.context == Context::Launch)
}

/// Where nothing of the job is left and there is no epilog, slurmd says so at once and reports nothing later.
fn terminate(hollow: &Hollow, node: &Node, message: &KillJob, version: Version) -> Answer {
    hollow.tally.termination();
    let job = message.step_id.job_id;
    let ran = node.kill(job, SIGTERM);
    if ran || hollow.plan.epilog.is_some() {
        code(Errno(0), version).then(Deed::Epilog { job })
    } else {
        code(Errno::ESLURMD_KILL_JOB_ALREADY_COMPLETE, version)
    }
}

fn launch_tasks(
    hollow: &Hollow,
    node: &Node,
    message: &LaunchTasks,
    from: IpAddr,
    version: Version,
) -> Answer {
    if hollow.dice.refuses() {
        return code(Errno::ESLURMD_INVALID_JOB_CREDENTIAL, version);
    }
    let part = match Part::of(message, &node.name, from, version, hollow.plan.run) {
        Ok(part) => Box::new(part),
        Err(why) => return code(why, version),
    };
    match node.begin(part.key()) {
        Some(killed) => code(Errno(0), version).then(Deed::Step { part, killed }),
        None => code(Errno(0), version),
    }
}

/// A signal that ends processes ends the step, or all of the job.
fn signal(node: &Node, message: &SignalTasks, version: Version) -> Answer {
    let (job, step) = (message.step_id.job_id, message.step_id.step_id);
    let signal = u32::from(message.signal);
    let known =
        node.steps().iter().any(|key| key.0 == job && (step == u32::NO_VAL || key.1 == step));
    if known && (signal == SIGKILL || signal == SIGTERM) {
        if step == u32::NO_VAL {
            node.kill(job, signal);
        } else {
            node.kill_step((job, step), signal);
        }
    }
    code(if known { Errno(0) } else { Errno::ESLURM_INVALID_JOB_ID }, version)
}

fn read<T: Wire>(frame: &Frame) -> Option<T> {
    wire::from_bytes(&frame.body, frame.header.version).ok()
}

fn code(code: Errno, version: Version) -> Answer {
    with_body(Number::RESPONSE_SLURM_RC, &ReturnCode { code }, version)
}

fn with_body(number: Number, body: &impl Wire, version: Version) -> Answer {
    Answer { number, body: wire::to_bytes(body, version), deed: None }
}

impl Answer {
    fn then(mut self, deed: Deed) -> Self {
        self.deed = Some(deed);
        self
    }
}
