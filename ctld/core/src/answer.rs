//! What an accepted event is answered with.

use std::sync::Arc;

use model::{IndexSet, JobId, NodeId, StepNumber};

use crate::cron::CronRefusal;
use crate::event::JobSelection;
use crate::reject::Reject;

/// What an accepted event is answered with.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Done.
    Done,
    /// The job has this number.
    Submitted {
        /// Its number.
        job: JobId,
    },
    /// The reservation is made.
    ReservationMade {
        /// Its name.
        name: Arc<str>,
    },
    /// The job has this number, and has failed at once: its client, which listens, is told of both.
    Failed {
        /// Its number.
        job: JobId,
        /// Why.
        why: Reject,
    },
    /// Several requests in one, in their order: what each was about, and how it went.
    Each(Vec<(JobSelection, Result<(), Reject>)>),
    /// Done, but for these nodes, whose state does not allow it.
    Skipped(Vec<Arc<str>>),
    /// Done, but for these nodes, each of which was refused.
    NodesRefused(Vec<(Arc<str>, Reject)>),
    /// The step has this number.
    Step {
        /// The job.
        job: JobId,
        /// Its number.
        step: StepNumber,
    },
    /// The crontab is taken, or not.
    Crontab {
        /// The jobs of its lines.
        jobs: Vec<JobId>,
        /// Why not.
        refused: Option<CronRefusal>,
    },
    /// The tasks of an array fared differently.
    Tasks(Vec<TaskResult>),
    /// The node registered under this name.
    Registered {
        /// The node.
        node: NodeId,
        /// The name that the table has it under.
        name: Arc<str>,
    },
}

/// How one record of an array fared.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskResult {
    /// The array.
    pub array_job: JobId,
    /// The tasks.
    pub tasks: IndexSet,
    /// How it went.
    pub result: Result<(), Reject>,
}
