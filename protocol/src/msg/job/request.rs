//! Requests that act on jobs: end, signal, suspend, requeue, move up, notify, complete.

use crate::Errno;
use crate::msg::job::order::{job_number, wire_in_order, wire_order};
use crate::msg::{JobOrStepId, JobState, KillFlags, SelectedStep, StepId};
use crate::shape::Limit;
use crate::version::Version::*;
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_KILL_JOB` and `REQUEST_CANCEL_JOB_STEP`: ends or signals a job or a step. From
    /// scancel, srun and others, answered by a return code or rerouted.
    pub struct KillRequest {
        /// The job or step.
        pub step_id: StepId,
        /// The job as text (`12_[1-3]`, `12+1`); counts if given.
        pub job_id_str: Option<String>,
        /// The cluster whose sibling job is meant.
        pub sibling: Option<String>,
        /// The signal; 9 ends.
        pub signal: u16,
        /// Flags.
        pub flags: KillFlags,
    }
}

wire_struct! {
    /// `REQUEST_KILL_JOBS`: ends or signals all jobs that match. From `scancel --ctld`, answered by
    /// `RESPONSE_KILL_JOBS`.
    pub struct KillJobsRequest {
        /// Account.
        pub account: Option<String>,
        /// Comment to put on the jobs.
        pub admin_comment: Option<String> [V25_11..],
        /// Flags.
        pub flags: KillFlags,
        /// Job name.
        pub job_name: Option<String>,
        /// Jobs and steps as text.
        pub jobs: Vec<Option<String>>,
        /// Partition.
        pub partition: Option<String>,
        /// QOS.
        pub qos: Option<String>,
        /// Reservation.
        pub reservation: Option<String>,
        /// The signal; 9 ends.
        pub signal: u16,
        /// State; [`JobState::END`] for any.
        pub state: JobState,
        /// The user whose name follows; scancel leaves it 0 if none does.
        pub user_id: u32,
        /// User name.
        pub user_name: Option<String>,
        /// Workload key.
        pub wckey: Option<String>,
        /// Nodes that it must run on.
        pub nodelist: Option<String>,
    }
}

wire_struct! {
    /// `RESPONSE_KILL_JOBS`: how it went, job by job. From the controller.
    pub struct KillJobsResponse {
        /// The jobs that failed, or all with `JOBS_VERBOSE`.
        pub jobs: Vec<KilledJob>,
    }
}

wire_struct! {
    /// How one job of `REQUEST_KILL_JOBS` went.
    pub struct KilledJob {
        /// 0, or why not.
        pub code: Errno,
        /// The same in words.
        pub message: Option<String>,
        /// The job as it was named.
        pub id: SelectedStep,
        /// Its own number; unset if there is no such job.
        pub real_job_id: Limit<u32>,
        /// The sibling cluster that was asked.
        pub sibling_name: Option<String>,
    }
}

wire_struct! {
    /// `RESPONSE_JOB_ARRAY_ERRORS`: how a request about an array went, by outcome. From the
    /// controller, to updates, requeues, suspensions and the like.
    pub struct JobArrayErrors {
        /// The outcomes.
        pub outcomes: Vec<ArrayOutcome>,
    }
}

wire_struct! {
    /// One outcome, and the tasks that had it.
    pub struct ArrayOutcome {
        /// 0, or why not.
        pub code: Errno,
        /// The tasks as text: `12_[1-3]`.
        pub job_array_id: Option<String>,
        /// The outcome in words, if it has its own.
        pub message: Option<String>,
    }
}

wire_struct! {
    /// `REQUEST_JOB_REQUEUE`: requeues a batch job. From `scontrol requeue`, answered by a return
    /// code or `RESPONSE_JOB_ARRAY_ERRORS`.
    pub struct RequeueRequest {
        /// The job.
        pub job: JobOrStepId,
        /// The job as text; counts if given.
        pub job_id_str: Option<String>,
        /// What to become, flags of [`JobState`]: `REQUEUE_HOLD`, `SPECIAL_EXIT`; `RUNNING` for
        /// started jobs only.
        pub flags: JobState,
    }
}

/// `REQUEST_SUSPEND`: suspends or resumes a job. From `scontrol suspend`, answered by a return code
/// or `RESPONSE_JOB_ARRAY_ERRORS`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SuspendRequest {
    /// The job. Up to 25.05 only the job number is on the wire.
    pub step_id: StepId,
    /// What to do: [`SUSPEND`](Self::SUSPEND) or [`RESUME`](Self::RESUME).
    pub op: u16,
    /// The job as text; counts if given.
    pub job_id_str: Option<String>,
}

impl SuspendRequest {
    /// Suspend.
    pub const SUSPEND: u16 = 0;
    /// Resume.
    pub const RESUME: u16 = 1;
}

wire_in_order!(SuspendRequest, SuspendOrder);

wire_order! {
    SuspendOrder of SuspendRequest {
        step_id [V25_11..], op, (step_id as job_number) [..V25_11], job_id_str,
    }
}

wire_struct! {
    /// `REQUEST_TOP_JOB`: moves jobs to the top of their user's queue. From `scontrol top`, answered
    /// by a return code or `RESPONSE_JOB_ARRAY_ERRORS`.
    pub struct TopJobRequest {
        /// Unused.
        pub op: u16,
        /// Unused.
        pub job_id: u32 [..V25_11],
        /// The jobs as text, comma separated.
        pub job_id_str: Option<String>,
    }
}

wire_struct! {
    /// `REQUEST_JOB_NOTIFY`: shows a message to the user of a job. From `scontrol notify` to the
    /// controller, which sends it on to the batch node; answered by a return code.
    pub struct NotifyRequest {
        /// The job or step.
        pub step_id: StepId,
        /// The message.
        pub message: Option<String>,
    }
}

wire_struct! {
    /// `REQUEST_COMPLETE_JOB_ALLOCATION`: an allocation is no longer needed. From salloc and srun,
    /// answered by a return code.
    pub struct CompleteAllocationRequest {
        /// The job.
        pub job: JobOrStepId,
        /// The exit code, a wait status.
        pub job_rc: u32,
    }
}
