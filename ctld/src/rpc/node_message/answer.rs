//! What nodes answer, as events.

use std::sync::Arc;

use ctld_core::{Caller, Event, LaunchResult, NodeMessage};
use model::{Job, Node};
use protocol::msg::{PingReply, ReturnCode, ReturnCodeMessage};
use protocol::wire::from_bytes;
use protocol::{Errno, Number, Version};

/// What came of a message.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// CPU load times 100 and free memory in MiB, if the answer told.
    pub load: Option<(u32, u64)>,
    /// What the core is to know beside that the node is there.
    pub event: Option<Event>,
}

impl Sent {
    /// There was nothing to send, or nothing to be answered.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The script of a job is not in the store any more.
    pub fn script_missing(job: &Job) -> Self {
        launched(job, LaunchResult::ScriptMissing).into()
    }
}

impl From<Event> for Sent {
    fn from(event: Event) -> Self {
        Self { load: None, event: Some(event) }
    }
}

/// What an answer says. One that cannot be read is as good as a sign of life, and no more: what it
/// answered is asked again when nothing comes of it.
pub fn outcome(
    node: &Node,
    message: &NodeMessage,
    number: Number,
    version: Version,
    body: &[u8],
) -> Sent {
    if number == Number::RESPONSE_PING_SLURMD {
        let reply = from_bytes::<PingReply>(body, version).unwrap_or_default();
        return Sent { load: reply.cpu_load.value().zip(reply.free_mem.value()), event: None };
    }
    let Some(code) = code(number, version, body) else {
        return Sent::nothing();
    };
    match message {
        NodeMessage::LaunchBatch { job } => launched(job, launch_result(code)).into(),
        NodeMessage::Terminate { job }
        | NodeMessage::KillTimeLimit { job }
        | NodeMessage::KillPreempted { job }
            if code == Errno::ESLURMD_KILL_JOB_ALREADY_COMPLETE =>
        {
            Event::NothingLeft { job: job.id, node: node.id }.into()
        }
        NodeMessage::LaunchProlog { job } if code == Errno::SLURM_SUCCESS => {
            Event::PrologAsked { job: job.id, restarts: job.restarts, node: node.id }.into()
        }
        // The node refused before it began: nothing else will be heard of this prolog.
        NodeMessage::LaunchProlog { job } => Event::PrologDone {
            caller: Caller::CONTROLLER,
            job: job.id,
            node_name: Arc::clone(&node.name),
            status: code.0,
        }
        .into(),
        _ => Sent::nothing(),
    }
}

/// What is to be done about a message that was not answered, beside noting that the node is silent.
pub fn unanswered(message: &NodeMessage) -> Option<Event> {
    match message {
        NodeMessage::LaunchBatch { job } => Some(launched(job, LaunchResult::NoAnswer)),
        _ => None,
    }
}

fn code(number: Number, version: Version, body: &[u8]) -> Option<Errno> {
    match number {
        Number::RESPONSE_SLURM_RC => {
            from_bytes::<ReturnCode>(body, version).ok().map(|reply| reply.code)
        }
        Number::RESPONSE_SLURM_RC_MSG => {
            from_bytes::<ReturnCodeMessage>(body, version).ok().map(|reply| reply.code)
        }
        _ => None,
    }
}

fn launched(job: &Job, result: LaunchResult) -> Event {
    Event::BatchLaunched { job: job.id, restarts: job.restarts, result }
}

/// A launch may be sent twice, so a node that has the job already has got it.
fn launch_result(code: Errno) -> LaunchResult {
    match code {
        Errno::SLURM_SUCCESS | Errno::ESLURM_DUPLICATE_JOB_ID => LaunchResult::Delivered,
        code => LaunchResult::Refused {
            code: code.0,
            node_at_fault: code == Errno::ESLURMD_PROLOG_FAILED,
        },
    }
}
