//! The controller's decisions: an event becomes changes and effects. Pure.
//!
//! ```text
//! Core::turn(now, event) → answer or reject, changes (durable before anything leaves), effects
//! ```
//!
//! Invariants, each held by a test:
//!
//! 1. Only [`model::Cluster::apply`] mutates; a refused event leaves no change.
//! 2. An effect may be lost or carried out twice. The cluster remembers the intent (a job's
//!    [`model::Launch`], the nodes that a [`model::Completing`] job waits for), [`Core::resume`]
//!    derives from it all that is outstanding, [`Core::turn`] of a [`Event::Tick`] asks again, and
//!    every handler of an outcome is idempotent.
//! 3. A plan is advice: each start is checked again.
//!
//! Functions are named for what happened. To add an event: a variant in `event.rs`, a handler in the
//! file of its noun, an arm in `core.rs`; to refuse something new: a variant in `reject.rs`, and its
//! errno in `ctld/src/rpc/errno.rs`.

mod access;
mod answer;
mod configure;
mod core;
mod cron;
mod effect;
mod event;
mod hook;
mod job;
mod mail;
mod node;
mod partition;
mod power;
mod reject;
mod reservation;
mod selection;
mod step;
mod tick;
mod trigger;
mod turn;

pub use access::Caller;
pub use configure::{Configuration, Recover};
pub use core::{Core, Turned};
pub use cron::{CronRefusal, NewCrontab};
pub use effect::{ClientMessage, Effect, MailEvent, NodeMessage};
pub use event::{
    AfterReboot, Alterable, Answer, ArrayRequest, BatchDone, Dynamic, Event, JobEdit, JobPart,
    JobSelection, Kill, LaunchResult, NewJob, NodeTarget, NodeUpdate, NodeUpdateState, Reboot,
    Registered, Requeue, SpecEdit, StepDone, TaskResult, UpdateJob,
};
pub use hook::{Hook, HookResult};
pub use job::KeptNodes;
pub use mail::is_of_array;
pub use partition::{PartitionNodes, PartitionUpdate};
pub use power::{PowerAction, PowerOrder, PowerResult};
pub use reject::{Reject, ReservationReject, Shortage, StepReject};
pub use reservation::{LicensesAsked, NameEdit, NodesAsked, Picked, ReservationRequest, Sign};
pub use step::{Distribution, SocketOrder, StepGres, StepKind, StepRequest, StepUpdate};
pub use trigger::{NewTrigger, TriggerSelection};
