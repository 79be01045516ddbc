//! Queries about steps, and the update of one.

use crate::msg::job::order::job_number;
use crate::msg::{JobOrStepId, JobState, Minutes, ShowFlags, StepId};
use crate::shape::{Bitmap, Limit, NullOr, Timestamp};
use crate::version::RawVersion;
use crate::version::Version::*;
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_JOB_STEP_INFO`: the steps of all jobs, of one, or one step. From `squeue -s`,
    /// `scontrol show step`, scancel; answered by `RESPONSE_JOB_STEP_INFO`.
    pub struct StepInfoRequest {
        /// What the client has: if nothing changed since, it is told so. 0 asks for all.
        pub last_update: Timestamp,
        /// The job or step; `NO_VAL` for all.
        pub step_id: StepId,
        /// What to show.
        pub show_flags: ShowFlags,
    }
}

/// `RESPONSE_JOB_STEP_INFO`: steps. From the controller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepInfoResponse {
    /// When steps last changed.
    pub last_update: Timestamp,
    /// The steps.
    pub steps: Vec<StepInfo>,
    /// Jobs whose steps are managed on their nodes and to be asked for there, 24.05+.
    pub stepmgr_jobs: NullOr<StepmgrJob>,
}

impl Wire for StepInfoResponse {
    fn encode(&self, w: &mut Writer) {
        w.count(self.steps.len());
        self.last_update.encode(w);
        for step in &self.steps {
            step.encode(w);
        }
        if w.version() >= V24_05 {
            self.stepmgr_jobs.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u32::decode(r)?;
        let last_update = Timestamp::decode(r)?;
        let count = r.bounded(count)?;
        let steps = r.items(count).map_err(|e| e.within("steps"))?;
        let stepmgr_jobs =
            if r.version() >= V24_05 { NullOr::decode(r)? } else { NullOr::default() };
        Ok(Self { last_update, steps, stepmgr_jobs })
    }
}

wire_struct! {
    /// One step of `RESPONSE_JOB_STEP_INFO`.
    pub struct StepInfo {
        /// The array that its job belongs to, or 0.
        pub array_job_id: u32,
        /// The job's index in the array.
        pub array_task_id: Limit<u32>,
        /// The step.
        pub step_id: StepId,
        /// User.
        pub user_id: u32,
        /// CPUs.
        pub num_cpus: u32,
        /// Lowest CPU frequency.
        pub cpu_freq_min: Limit<u32>,
        /// Highest CPU frequency.
        pub cpu_freq_max: Limit<u32>,
        /// CPU frequency governors, one bit each.
        pub cpu_freq_gov: Limit<u32>,
        /// Tasks.
        pub num_tasks: u32,
        /// Task distribution, `enum task_dist_states`.
        pub task_dist: u32,
        /// Time limit.
        pub time_limit: Minutes,
        /// State.
        pub state: JobState,
        /// Process id of its srun.
        pub srun_pid: u32,
        /// When it started.
        pub start_time: Timestamp,
        /// Seconds it has run, without suspension.
        pub run_time: i64,
        /// The cluster.
        pub cluster: Option<String>,
        /// OCI bundle path.
        pub container: Option<String>,
        /// OCI container id.
        pub container_id: Option<String>,
        /// Container plugin.
        pub container_type: Option<String> [V26_05..],
        /// Partition.
        pub partition: Option<String>,
        /// Host of its srun.
        pub srun_host: Option<String>,
        /// Reserved MPI ports.
        pub resv_ports: Option<String>,
        /// Nodes.
        pub nodes: Option<String>,
        /// Name.
        pub name: Option<String>,
        /// Network requirements.
        pub network: Option<String>,
        /// The nodes as a set of node indexes.
        pub node_bitmap: Option<Bitmap>,
        /// TRES allocated, as text with names.
        pub tres_alloc_str: Option<String>,
        /// Release of the oldest slurmd of the step.
        pub start_protocol_ver: RawVersion,
        /// CPUs for each TRES.
        pub cpus_per_tres: Option<String>,
        /// Memory for each TRES.
        pub mem_per_tres: Option<String>,
        /// Name of the job.
        pub job_name: Option<String> [V25_05..],
        /// Working directory.
        pub cwd: Option<String> [V25_05..],
        /// Standard error path pattern.
        pub std_err: Option<String> [V25_05..],
        /// Standard input path pattern.
        pub std_in: Option<String> [V25_05..],
        /// Standard output path pattern.
        pub std_out: Option<String> [V25_05..],
        /// The command line that asked.
        pub submit_line: Option<String>,
        /// Binding of tasks to TRES.
        pub tres_bind: Option<String>,
        /// Frequencies of TRES.
        pub tres_freq: Option<String>,
        /// TRES of the step.
        pub tres_per_step: Option<String>,
        /// TRES of each node.
        pub tres_per_node: Option<String>,
        /// TRES of each socket.
        pub tres_per_socket: Option<String>,
        /// TRES of each task.
        pub tres_per_task: Option<String>,
    }
}

wire_struct! {
    /// A job whose steps are managed on its first node.
    pub struct StepmgrJob {
        /// The job.
        pub job: JobOrStepId,
        /// The node.
        pub stepmgr: Option<String>,
    }
}

wire_struct! {
    /// `REQUEST_UPDATE_JOB_STEP`: changes the time limit of a step. From `scontrol update step`,
    /// answered by a return code.
    pub struct StepUpdate {
        /// The step.
        pub step: JobAndStep,
        /// The new limit.
        pub time_limit: Minutes,
    }
}

/// A step as its job and its number, which became a [`StepId`] in 25.11.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobAndStep(pub StepId);

impl Wire for JobAndStep {
    fn encode(&self, w: &mut Writer) {
        if w.version() >= V25_11 {
            self.0.encode(w);
        } else {
            job_number::encode(&self.0, w);
            self.0.step_id.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.version() >= V25_11 {
            StepId::decode(r).map(Self)
        } else {
            Ok(Self(StepId::step(u32::decode(r)?, u32::decode(r)?)))
        }
    }
}

wire_struct! {
    /// `REQUEST_STEP_BY_CONTAINER_ID`: which steps run a container. From scontrol and others,
    /// answered by `RESPONSE_STEP_BY_CONTAINER_ID`.
    pub struct ContainerQuery {
        /// What to show.
        pub show_flags: ShowFlags,
        /// The container.
        pub container_id: Option<String>,
        /// The user; 99 (nobody) for any.
        pub uid: u32,
    }
}

wire_struct! {
    /// `RESPONSE_STEP_BY_CONTAINER_ID`: the steps. From the controller.
    pub struct ContainerSteps {
        /// The steps.
        pub steps: NullOr<StepId>,
    }
}
