use std::sync::Arc;

use crate::id::{JobId, NodeId, StepNumber, Timestamp};

/// A part of a job that runs as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The job.
    pub job: JobId,
    /// Which of its steps.
    pub number: StepNumber,
    /// Its name: `batch` for the script.
    pub name: Arc<str>,
    /// Its nodes, ascending.
    pub nodes: Vec<NodeId>,
    /// Their names as a host expression.
    pub node_list: Arc<str>,
    /// Tasks.
    pub tasks: u32,
    /// CPUs.
    pub cpus: u32,
    /// When it started.
    pub started: Timestamp,
    /// The protocol release that its nodes and its launcher have in common, as in headers.
    pub protocol: u16,
}
