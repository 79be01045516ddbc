//! What clients are told at their ports: an effect becomes a message in the client's release.

use std::sync::Arc;

use ctld_core::ClientMessage;
use model::{Job, StepNumber};
use protocol::msg::{
    self, JobOrStepId, KillRequest, SrunMessage, SrunNodes, SrunTimeout, StepId, SuspendRequest,
};
use protocol::shape::{ShortArray, Timestamp};
use protocol::wire::to_bytes;
use protocol::{Errno, Number, Version};

use super::node_message::step_id;
use super::{sluid, submit};
use crate::view::View;

/// A message to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// `RESPONSE_RESOURCE_ALLOCATION`.
    Started(Box<msg::Allocation>),
    /// `RESPONSE_HET_JOB_ALLOCATION`.
    StartedTogether(ShortArray<msg::Allocation>),
    /// `SRUN_JOB_COMPLETE`.
    Complete(StepId),
    /// `SRUN_STEP_SIGNAL`, without a signal.
    AskAgain(KillRequest),
    /// `SRUN_TIMEOUT`.
    Timeout(SrunTimeout),
    /// `SRUN_USER_MSG`.
    Said(SrunMessage),
    /// `SRUN_NODE_FAIL`.
    NodeLost(SrunNodes),
    /// `SRUN_PING`.
    Ping,
    /// `SRUN_REQUEST_SUSPEND`.
    Suspended(SuspendRequest),
}

impl Told {
    /// Which message it is.
    pub fn number(&self) -> Number {
        match self {
            Self::Started(_) => Number::RESPONSE_RESOURCE_ALLOCATION,
            Self::StartedTogether(_) => Number::RESPONSE_HET_JOB_ALLOCATION,
            Self::Complete(_) => Number::SRUN_JOB_COMPLETE,
            Self::AskAgain(_) => Number::SRUN_STEP_SIGNAL,
            Self::Timeout(_) => Number::SRUN_TIMEOUT,
            Self::Said(_) => Number::SRUN_USER_MSG,
            Self::NodeLost(_) => Number::SRUN_NODE_FAIL,
            Self::Ping => Number::SRUN_PING,
            Self::Suspended(_) => Number::SRUN_REQUEST_SUSPEND,
        }
    }

    /// Its body.
    pub fn body(&self, version: Version) -> Vec<u8> {
        match self {
            Self::Started(allocation) => to_bytes(&**allocation, version),
            Self::StartedTogether(allocations) => to_bytes(allocations, version),
            Self::Complete(id) => to_bytes(id, version),
            Self::AskAgain(signal) => to_bytes(signal, version),
            Self::Timeout(timeout) => to_bytes(timeout, version),
            Self::Said(message) => to_bytes(message, version),
            Self::NodeLost(nodes) => to_bytes(nodes, version),
            Self::Ping => to_bytes(&(), version),
            Self::Suspended(suspend) => to_bytes(suspend, version),
        }
    }
}

/// A job has started: what its client is told that was told before that it waits.
pub fn started(view: &View, job: &Arc<Job>) -> Told {
    if job.het.is_some() {
        return Told::StartedTogether(submit::allocations_of(view, job, job.protocol));
    }
    let allocation = submit::allocation_of(view, job, job.protocol, Errno::SLURM_SUCCESS);
    Told::Started(Box::new(allocation))
}

/// Everything else.
pub fn of(view: &View, message: ClientMessage) -> Told {
    let named = |id| sluid::named(view, id);
    let id = |job: u32, step: Option<StepNumber>| match step {
        Some(step) => named(step_id(job, step)),
        None => named(StepId::job(job)),
    };
    match message {
        ClientMessage::Complete { job, step } => Told::Complete(id(job.0, step)),
        ClientMessage::AskAgain { job } => Told::AskAgain(KillRequest {
            step_id: named(StepId::step(job.0, StepId::PENDING)),
            ..KillRequest::default()
        }),
        ClientMessage::Timeout { job, step, at } => {
            Told::Timeout(SrunTimeout { step_id: id(job.0, step), timeout: Timestamp(at.0) })
        }
        ClientMessage::Said { job, text } => {
            let step_id = JobOrStepId(id(job.0, None));
            Told::Said(SrunMessage { step_id, message: Some(text.to_string()) })
        }
        ClientMessage::NodeLost { job, step, nodes } => Told::NodeLost(SrunNodes {
            step_id: id(job.0, step),
            nodelist: Some(nodes.to_string()),
        }),
        ClientMessage::Ping { .. } => Told::Ping,
        ClientMessage::Suspended { job, resume } => Told::Suspended(SuspendRequest {
            op: if resume { SuspendRequest::RESUME } else { SuspendRequest::SUSPEND },
            step_id: id(job.0, None),
            ..SuspendRequest::default()
        }),
    }
}
