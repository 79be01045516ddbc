use std::sync::Arc;

use crate::id::{JobId, Timestamp};
use crate::job::{Allocation, WaitReason};

/// What a scheduler proposes. It is advice: the core checks each start again on the cluster as it is
/// then, and a start that no longer fits is dropped and counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Jobs to be started, in this order.
    pub starts: Vec<Start>,
    /// Heterogeneous jobs to be started: all components of each, by offset, on nodes that no two of
    /// them have; or none of it.
    pub together: Vec<Vec<Start>>,
    /// Jobs to be pushed aside, in this order, so that others can start when they are gone.
    pub preemptions: Vec<Preemption>,
    /// Jobs that were looked at and are left waiting.
    pub passed: Vec<Passed>,
    /// How many of the starts, the last ones, are out of order (backfill).
    pub out_of_order: u32,
    /// Jobs that were looked at.
    pub examined: u32,
    /// Whether the whole queue was looked at.
    pub complete: bool,
}

/// A job to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The job; for an array, the record that holds its waiting tasks.
    pub job: JobId,
    /// The task of the array.
    pub task: Option<u32>,
    /// The partition to run it in.
    pub partition: Arc<str>,
    /// Where.
    pub allocation: Allocation,
}

/// Jobs to be pushed aside for one that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Preemption {
    /// Where the job is thought to start then, or each component of it: a plan of that time says.
    pub starts: Vec<Start>,
    /// The jobs that are to go; of heterogeneous ones, the leaders.
    pub victims: Vec<JobId>,
}

/// A job that is left waiting.
#[derive(Clone, Debug, PartialEq)]
pub struct Passed {
    /// The job.
    pub job: JobId,
    /// Why.
    pub wait: WaitReason,
    /// When it is expected to start.
    pub expected: Option<Timestamp>,
    /// The nodes that it is expected to start on then, as a host expression.
    pub expected_nodes: Option<Arc<str>>,
}
