//! Ending jobs and steps: what the controller asks of nodes, and what they report.

use crate::auth::{Credential, Signed};
use crate::msg::{Codec, GresPreps, JobOrStepId, StepId, TresRecord};
use crate::number::Number;
use crate::shape::{Limit, NullOr, Timestamp};
use crate::version::Version::*;
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_TERMINATE_JOB`, `REQUEST_KILL_TIMELIMIT`, `REQUEST_KILL_PREEMPTED`,
    /// `REQUEST_ABORT_JOB`: end a job or step on a node and clean up after it.
    ///
    /// ctld → slurmd, perhaps forwarded; answered with `ReturnCode`: 0, or
    /// `ESLURMD_KILL_JOB_ALREADY_COMPLETE` which counts as cleaned up. After the epilog the node
    /// sends `EpilogComplete`. An abort runs no epilog of a job that is unknown to the node.
    pub struct KillJob {
        /// Lets a node that has never seen the job run its epilog.
        pub credential: Option<Signed<Credential>>,
        /// Why, for the node's log.
        pub details: Option<String>,
        /// Highest exit code of the job's steps.
        pub derived_ec: u32,
        /// Wait status of the job.
        pub exit_code: u32,
        /// GRES for the epilog's environment.
        pub job_gres_prep: GresPreps,
        /// The job; the step number is `NO_VAL` unless only a step is meant.
        pub step_id: StepId,
        /// The leader of the heterogeneous job, 0 for a plain one.
        pub het_job_id: u32,
        /// Slurm's job state and flags; PENDING when the job is requeued.
        pub job_state: u32,
        /// The job's user.
        pub job_uid: u32,
        /// The job's group.
        pub job_gid: u32,
        /// Nodes of the job, as a host expression.
        pub nodes: Option<String>,
        /// Environment of SPANK plugins, for the epilog.
        pub spank_job_env: Vec<Option<String>>,
        /// When the job started: a node tells by it a job from its requeued self.
        pub start_time: Timestamp,
        /// When the controller asked. Credentials of the job made before are refused from now on.
        pub time: Timestamp,
        /// Working directory.
        pub work_dir: Option<String>,
    }
}

wire_struct! {
    /// `MESSAGE_EPILOG_COMPLETE`: a node has cleaned up after a job.
    ///
    /// slurmd → ctld; answered with `ReturnCode` from 24.05 on and not at all in 23.11.
    pub struct EpilogComplete {
        /// The job.
        pub step_id: JobOrStepId,
        /// Wait status of the epilog; 0 is success, another one drains the node.
        pub return_code: u32,
        /// The node.
        pub node_name: Option<String>,
    }
}

wire_struct! {
    /// `REQUEST_COMPLETE_PROLOG`: a node has run the prolog of a job.
    ///
    /// slurmd → ctld; answered with `ReturnCode`.
    pub struct CompleteProlog {
        /// The job.
        pub step_id: JobOrStepId,
        /// The node.
        pub node_name: Option<String>,
        /// Wait status of the prolog; 0 is success, another one drains the node.
        pub prolog_rc: u32,
    }
}

/// `REQUEST_COMPLETE_BATCH_SCRIPT`: the script of a batch job has ended.
///
/// slurmstepd of the batch host → ctld; answered with `ReturnCode`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompleteBatchScript {
    /// What the batch step used.
    pub accounting: Option<StepUsage>,
    /// The job; from 25.11 on with the number of the batch step.
    pub step_id: StepId,
    /// Wait status of the script.
    pub job_rc: u32,
    /// 0, or the error of slurmd that kept the script from running.
    pub slurm_rc: u32,
    /// Who reports: the user of slurmstepd.
    pub user_id: u32,
    /// The node.
    pub node_name: Option<String>,
}

/// The job's number stood before the two statuses; the step id that took its place in 25.11 stands
/// after them.
impl Wire for CompleteBatchScript {
    fn encode(&self, w: &mut Writer) {
        self.accounting.encode(w);
        if w.version() <= V25_05 {
            self.step_id.job_id.encode(w);
        }
        self.job_rc.encode(w);
        self.slurm_rc.encode(w);
        if w.version() >= V25_11 {
            self.step_id.encode(w);
        }
        self.user_id.encode(w);
        self.node_name.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut report = Self { accounting: Wire::decode(r)?, ..Self::default() };
        if r.version() <= V25_05 {
            report.step_id = StepId::job(Wire::decode(r)?);
        }
        report.job_rc = Wire::decode(r)?;
        report.slurm_rc = Wire::decode(r)?;
        if r.version() >= V25_11 {
            report.step_id = Wire::decode(r)?;
        }
        report.user_id = Wire::decode(r)?;
        report.node_name = Wire::decode(r)?;
        Ok(report)
    }
}

wire_struct! {
    /// `REQUEST_STEP_COMPLETE`: a step has ended on a range of its nodes.
    ///
    /// slurmstepd at the root of the step's tree → ctld, perhaps more than once for ranges that
    /// came late; answered with `ReturnCode`. The step has ended when all its nodes are in.
    pub struct StepComplete {
        /// The step.
        pub step_id: StepId,
        /// The first node, counted from 0 within the step.
        pub range_first: u32,
        /// The last node.
        pub range_last: u32,
        /// Wait status: the highest of the tasks.
        pub step_rc: u32,
        /// What the step used there.
        pub accounting: Option<StepUsage>,
        /// Meant for the step manager, not for the controller.
        pub send_to_stepmgr: bool [V24_05..],
    }
}

wire_struct! {
    /// What tasks have used (`jobacctinfo`). The arrays run along `tres_ids`; a value of all ones
    /// is "not measured".
    pub struct StepUsage {
        /// User time, whole seconds.
        pub user_cpu_sec: u64,
        /// User time, the rest in microseconds.
        pub user_cpu_usec: u32,
        /// System time, whole seconds.
        pub sys_cpu_sec: u64,
        /// System time, the rest in microseconds.
        pub sys_cpu_usec: u32,
        /// Average CPU frequency, kHz.
        pub act_cpufreq: u32,
        /// Energy, joules.
        pub consumed_energy: Limit<u64>,
        /// The TRES that the arrays are about.
        pub tres_ids: Vec<u32>,
        /// The same with names; NULL from slurmstepd.
        pub tres_list: NullOr<TresRecord>,
        /// Most that one task used.
        pub tres_usage_in_max: Vec<u64>,
        /// The node of that task, counted within the step.
        pub tres_usage_in_max_nodeid: Vec<u64>,
        /// That task.
        pub tres_usage_in_max_taskid: Vec<u64>,
        /// Least that one task used.
        pub tres_usage_in_min: Vec<u64>,
        /// The node of that task.
        pub tres_usage_in_min_nodeid: Vec<u64>,
        /// That task.
        pub tres_usage_in_min_taskid: Vec<u64>,
        /// What all tasks used together.
        pub tres_usage_in_tot: Vec<u64>,
        /// Most that one task wrote.
        pub tres_usage_out_max: Vec<u64>,
        /// The node of that task.
        pub tres_usage_out_max_nodeid: Vec<u64>,
        /// That task.
        pub tres_usage_out_max_taskid: Vec<u64>,
        /// Least that one task wrote.
        pub tres_usage_out_min: Vec<u64>,
        /// The node of that task.
        pub tres_usage_out_min_nodeid: Vec<u64>,
        /// That task.
        pub tres_usage_out_min_taskid: Vec<u64>,
        /// What all tasks wrote together.
        pub tres_usage_out_tot: Vec<u64>,
    }
}

/// `u8` 1 and the usage, or `u8` 0: with JobAcctGatherType unset nothing is measured.
impl Wire for Option<StepUsage> {
    fn encode(&self, w: &mut Writer) {
        self.is_some().encode(w);
        if let Some(usage) = self {
            usage.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if bool::decode(r)? { StepUsage::decode(r).map(Some) } else { Ok(None) }
    }
}

wire_struct! {
    /// `REQUEST_SUSPEND_INT`: stop or continue a job on a node.
    ///
    /// ctld → slurmd; answered with `ReturnCode`.
    pub struct SuspendOnNode {
        /// The job.
        pub step_id: JobOrStepId,
        /// [`SuspendRequest::SUSPEND`](crate::msg::SuspendRequest::SUSPEND) or `RESUME`.
        pub op: u16,
    }
}

wire_struct! {
    /// `REQUEST_UPDATE_JOB_MEM`: the memory of a running job has changed.
    ///
    /// ctld → slurmd, 26.05 only; answered with `UpdateJobMemoryResponse`.
    pub struct UpdateJobMemory {
        /// The job.
        pub step_id: StepId,
        /// Memory on each node, MiB.
        pub job_mem_per_node: u64,
        /// Whether the node should report to the controller when it has followed.
        pub notify_ctld: bool,
    }
}

wire_struct! {
    /// `RESPONSE_UPDATE_JOB_MEM`: a node has followed a change of memory, or not.
    ///
    /// slurmd → ctld, 26.05 only.
    pub struct UpdateJobMemoryResponse {
        /// The job.
        pub step_id: StepId,
        /// The node.
        pub node_name: Option<String>,
        /// Memory on the node now, MiB.
        pub job_mem_per_node: u64,
        /// Whether it speaks for all nodes of the job.
        pub all_nodes: bool,
        /// 0, or why not.
        pub return_code: u32,
    }
}

wire_struct! {
    /// `RESPONSE_JOB_MEM_USAGE`: how much memory a job uses on a node.
    ///
    /// slurmd → ctld, 26.05 only; answers `REQUEST_JOB_MEM_USAGE`, whose body is the job's
    /// [`StepId`].
    pub struct JobMemoryUsage {
        /// The job.
        pub step_id: StepId,
        /// Memory used, MiB.
        pub mem_usage: u64,
    }
}

wire_struct! {
    /// `RESPONSE_JOB_STEP_PIDS`: the processes of a step on a node.
    ///
    /// slurmd → sstat; answers `REQUEST_JOB_STEP_PIDS`, whose body is the [`StepId`].
    pub struct StepPids {
        /// The node.
        pub node_name: Option<String>,
        /// The processes.
        pub pids: Vec<u32>,
    }
}

wire_struct! {
    /// `RESPONSE_JOB_STEP_STAT`: what a step uses on a node right now.
    ///
    /// slurmd → sstat; answers `REQUEST_JOB_STEP_STAT`, whose body is the [`StepId`].
    pub struct StepStat {
        /// 0, or why not.
        pub return_code: u32,
        /// How many tasks the figures are of.
        pub num_tasks: u32,
        /// What they use.
        pub accounting: Option<StepUsage>,
        /// The processes.
        pub pids: StepPids,
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<KillJob>(Number::REQUEST_TERMINATE_JOB),
    Codec::of::<KillJob>(Number::REQUEST_KILL_TIMELIMIT),
    Codec::of::<KillJob>(Number::REQUEST_KILL_PREEMPTED),
    Codec::of::<KillJob>(Number::REQUEST_ABORT_JOB),
    Codec::of::<EpilogComplete>(Number::MESSAGE_EPILOG_COMPLETE),
    Codec::of::<CompleteProlog>(Number::REQUEST_COMPLETE_PROLOG),
    Codec::of::<CompleteBatchScript>(Number::REQUEST_COMPLETE_BATCH_SCRIPT),
    Codec::of::<StepComplete>(Number::REQUEST_STEP_COMPLETE),
    Codec::of::<SuspendOnNode>(Number::REQUEST_SUSPEND_INT),
    Codec::of::<UpdateJobMemory>(Number::REQUEST_UPDATE_JOB_MEM),
    Codec::of::<UpdateJobMemoryResponse>(Number::RESPONSE_UPDATE_JOB_MEM),
    Codec::of::<StepId>(Number::REQUEST_JOB_MEM_USAGE),
    Codec::of::<JobMemoryUsage>(Number::RESPONSE_JOB_MEM_USAGE),
    Codec::of::<StepId>(Number::REQUEST_JOB_STEP_PIDS),
    Codec::of::<StepPids>(Number::RESPONSE_JOB_STEP_PIDS),
    Codec::of::<StepId>(Number::REQUEST_JOB_STEP_STAT),
    Codec::of::<StepStat>(Number::RESPONSE_JOB_STEP_STAT),
];
