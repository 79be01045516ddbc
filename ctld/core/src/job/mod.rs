//! Jobs: from submission to the last clean-up.

mod appraise;
mod array;
mod client;
mod complete;
mod depend;
mod devices;
mod doubt;
mod het;
mod inactive;
mod kill;
mod launch;
mod place;
mod preempt;
mod remain;
mod requeue;
mod select;
mod submit;
mod top;
mod update;
mod waking;

pub(crate) use appraise::{Appraisal, appraise};
pub(crate) use client::{client_listens, client_of, client_told, node_lost, warn_client};
pub(crate) use complete::{
    allocation_done, batch_done, clean_on, end, end_waiting, epilog_done, epilog_slurmctld_done,
    nothing_left, stays_away,
};
pub(crate) use depend::became_eligible;
pub(crate) use doubt::{Doubts, Told, sent_at, settled, unanswered};
pub(crate) use het::{leader, may_requeue, submitted as submitted_het};
pub(crate) use inactive::{Clients, ask_clients};
pub(crate) use kill::{killed, killed_each, notified, signal, suspended};
pub(crate) use launch::{
    batch_launched, configured, outstanding, prolog_asked, prolog_done, prologs_outstanding,
    slurmd_restarted,
};
pub(crate) use place::planned;
pub(crate) use preempt::{is_due, made_to_go};
pub use remain::KeptNodes;
pub(crate) use remain::goes_on_without;
pub(crate) use requeue::{launch_failed, requeue, requeued};
pub(crate) use submit::submitted;
pub(crate) use top::topped;
pub(crate) use update::updated;
pub(crate) use waking::{awake, node_came_up, nodes_are_up};
