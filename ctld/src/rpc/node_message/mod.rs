//! Messages to nodes: an effect becomes bytes in the node's release, and what the node answers
//! becomes an event.

mod answer;
mod batch;
mod environment;
mod het;
mod job;
#[cfg(test)]
mod tests;

use ctld_core::NodeMessage;
use model::{Availability, Node, Script, StepNumber, Timestamp};
use protocol::msg::{
    self, JobOrStepId, KillFlags, NodeHealth, RebootNodes, SignalTasks, StepId, SuspendOnNode,
    SuspendRequest,
};
use protocol::shape::{Limit, Sentinel};
use protocol::wire::{Wire, to_bytes};
use protocol::{Number, Version};

use super::sluid;
use crate::view::View;

pub use super::credential::Signer;
pub use answer::{Sent, outcome, unanswered};

/// A message, ready to be framed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Which.
    pub number: Number,
    /// The release that it is written in: the header's.
    pub version: Version,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether the node answers; it closes the connection without a word otherwise.
    pub answered: bool,
}

/// The release that a node is spoken to in: the one that it registered with. Before that 24.11, which
/// slurmds of 24.11 to 26.05 accept; older ones are asked again in words of theirs.
pub fn version(node: &Node) -> Version {
    let registered = node.registration.as_ref().map(|registration| registration.protocol);
    match registered {
        None => Version::V24_11,
        Some(raw) if raw > Version::NEWEST.to_wire() => Version::NEWEST,
        Some(raw) => Version::from_wire(raw).unwrap_or(Version::V24_11),
    }
}

/// The message that an effect asks for. `None` if there is nothing left to tell: the job holds
/// nothing any more, or a node of it is gone. A batch launch needs the script.
pub fn message(
    view: &View,
    node: &Node,
    message: &NodeMessage,
    script: Option<Script>,
    signer: &Signer<'_>,
) -> Option<Made> {
    let version = version(node);
    let now = Timestamp(signer.now.0);
    Some(match message {
        NodeMessage::Ping => made(Number::REQUEST_PING, version, &()),
        NodeMessage::HealthCheck => health_check(view, node, version),
        NodeMessage::Register => made(Number::REQUEST_NODE_REGISTRATION_STATUS, version, &()),
        NodeMessage::LaunchProlog { job } => {
            let launch = job::prolog(view, job, version, signer)?;
            made(Number::REQUEST_LAUNCH_PROLOG, version, &launch)
        }
        NodeMessage::LaunchBatch { job } => {
            let launch = batch::launch(view, job, script?, version, signer)?;
            made(Number::REQUEST_BATCH_JOB_LAUNCH, version, &launch)
        }
        NodeMessage::Terminate { job } => {
            let kill = job::kill(view, job, version, signer);
            made(Number::REQUEST_TERMINATE_JOB, version, &kill)
        }
        NodeMessage::KillTimeLimit { job } | NodeMessage::KillPreempted { job } => {
            let preempts = matches!(message, NodeMessage::KillPreempted { .. });
            made(job::why_killed(preempts), version, &job::kill(view, job, version, signer))
        }
        NodeMessage::StepTimeLimit { job, step } => {
            let kill = job::kill_step(view, job, *step, version, signer);
            made(Number::REQUEST_KILL_TIMELIMIT, version, &kill)
        }
        NodeMessage::Abort { job, .. } => {
            let kill = job::abort(*job, node, now);
            made(Number::REQUEST_ABORT_JOB, version, &kill)
        }
        NodeMessage::Signal { job, step, signal, flags } => {
            let signal = signal_tasks(view, job.0, *step, *signal, *flags);
            made(Number::REQUEST_SIGNAL_TASKS, version, &signal)
        }
        NodeMessage::Suspend { job, resume } => {
            let op = if *resume { SuspendRequest::RESUME } else { SuspendRequest::SUSPEND };
            let step_id = JobOrStepId(sluid::named(view, StepId::job(job.0)));
            let suspend = SuspendOnNode { step_id, op };
            made(Number::REQUEST_SUSPEND_INT, version, &suspend)
        }
        NodeMessage::Notify { job, text } => {
            let message = Some(text.to_string());
            let step_id = sluid::named(view, StepId::job(job.0));
            let notify = msg::NotifyRequest { step_id, message };
            unanswered_by(made(Number::REQUEST_JOB_NOTIFY, version, &notify))
        }
        NodeMessage::Shutdown => {
            let shutdown = msg::Shutdown { options: msg::shutdown::ALL };
            unanswered_by(made(Number::REQUEST_SHUTDOWN, version, &shutdown))
        }
        NodeMessage::Reboot { reason } => {
            let reboot = RebootNodes {
                next_state: Limit::Unset,
                node_list: Some(node.name.to_string()),
                reason: reason.as_deref().map(str::to_owned),
                ..RebootNodes::default()
            };
            unanswered_by(made(Number::REQUEST_REBOOT_NODES, version, &reboot))
        }
    })
}

/// Has a node run HealthCheckProgram. slurmds of 26.05 pass on to it whether the node is in service,
/// where the cluster says so: those before 26.05.2 know nothing of it.
fn health_check(view: &View, node: &Node, version: Version) -> Made {
    let reports = view.conf.settings.slurmctld.has("health_check_report");
    if !reports || version < Version::V26_05 {
        return made(Number::REQUEST_HEALTH_CHECK, version, &());
    }
    let is_out = node.availability == Availability::Down || node.flags.drain || node.flags.fail;
    made(Number::REQUEST_NODE_HEALTH_CHECK, version, &NodeHealth { healthy: !is_out })
}

/// REQUEST_NODE_REGISTRATION_STATUS of a node that is not known yet and hung up on 24.11: slurmds of
/// 23.11 and 24.05 know nothing newer than themselves.
pub fn register_older() -> Made {
    made(Number::REQUEST_NODE_REGISTRATION_STATUS, Version::V23_11, &())
}

/// REQUEST_RECONFIGURE: have a node read its configuration again, and register.
pub fn reconfigure(node: &Node) -> Made {
    unanswered_by(made(Number::REQUEST_RECONFIGURE, version(node), &()))
}

fn made<T: Wire>(number: Number, version: Version, body: &T) -> Made {
    Made { number, version, body: to_bytes(body, version), answered: true }
}

fn unanswered_by(made: Made) -> Made {
    Made { answered: false, ..made }
}

/// A signal to one step, or to those that the flags choose: then the step's number is one that no
/// step has, so that a slurmd which overlooks the flags hits nothing.
fn signal_tasks(
    view: &View,
    job: u32,
    step: Option<StepNumber>,
    signal: u16,
    flags: u16,
) -> SignalTasks {
    let flags = KillFlags(flags);
    let chosen =
        KillFlags(flags.0 & (KillFlags::FULL_JOB | KillFlags::JOB_BATCH | KillFlags::STEPS_ONLY).0);
    let named = |id| sluid::named(view, id);
    match step {
        Some(step) => SignalTasks { step_id: named(step_id(job, step)), flags: flags.0, signal },
        None => {
            let nobody = view.conf.keys.max_step_count.saturating_add(1);
            let flags = if chosen == KillFlags::NONE { KillFlags::STEPS_ONLY } else { flags };
            SignalTasks { step_id: named(StepId::step(job, nobody)), flags: flags.0, signal }
        }
    }
}

/// A step on the wire, by its number alone.
pub fn step_id(job: u32, step: StepNumber) -> StepId {
    match step {
        StepNumber::Normal(number) => StepId::step(job, number),
        StepNumber::Interactive => StepId::step(job, StepId::INTERACTIVE),
        StepNumber::Batch => StepId::step(job, StepId::BATCH),
        StepNumber::Extern => StepId::step(job, StepId::EXTERN),
        StepNumber::Component { step, component } => {
            StepId { step_het_comp: component, ..StepId::step(job, step) }
        }
    }
}

/// What an id on the wire names; `None` is the whole job.
pub fn step_number(id: StepId) -> Option<StepNumber> {
    match id.step_id {
        StepId::INTERACTIVE => Some(StepNumber::Interactive),
        StepId::BATCH => Some(StepNumber::Batch),
        StepId::EXTERN => Some(StepNumber::Extern),
        // NO_VAL, INFINITE and the step of a job that has not started.
        0xffff_fffd.. => None,
        step if id.step_het_comp != u32::NO_VAL => {
            Some(StepNumber::Component { step, component: id.step_het_comp })
        }
        number => Some(StepNumber::Normal(number)),
    }
}
