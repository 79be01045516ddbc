use std::sync::Arc;

use crate::cron::Zone;
use crate::het::HetPlace;
use crate::id::Uid;
use crate::limit::PartLimits;
use crate::mcs::Mcs;
use crate::parts::PartRules;
use crate::power::{PowerSaving, SuspendExceptions};
use crate::preempt::PreemptRules;
use crate::priority::PriorityRules;

/// What slurm.conf decides, as far as decisions depend on it. Names and defaults are the file's.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are slurm.conf(5)'s keys, with their meaning there")]
pub struct Config {
    pub cluster_name: Arc<str>,
    pub slurm_user: Uid,
    pub slurmd_user: Uid,
    pub first_job_id: u32,
    pub max_job_id: u32,
    pub max_job_count: u32,
    /// One more than the highest array index.
    pub max_array_size: u32,
    pub max_node_count: u32,
    pub max_tasks_per_node: u32,
    /// Steps of one job.
    pub max_step_count: u32,
    pub min_job_age_s: u32,
    pub kill_wait_s: u16,
    pub message_timeout_s: u16,
    pub slurmd_timeout_s: u16,
    pub inactive_limit_s: u16,
    pub batch_start_timeout_s: u16,
    pub max_batch_requeue: u32,
    pub resume_timeout_s: u16,
    pub complete_wait_s: u16,
    pub over_time_limit_min: u16,
    pub return_to_service: ReturnToService,
    pub consumable: Consumable,
    /// CR_ONE_TASK_PER_CORE.
    pub one_task_per_core: bool,
    /// CR_LLN.
    pub least_loaded: bool,
    /// CR_PACK_NODES.
    pub pack_nodes: bool,
    /// MULTIPLE_SHARING_GRES_PJ, LL_SHARED_GRES and ONE_TASK_PER_SHARING_GRES.
    pub part_rules: PartRules,
    pub def_memory: Option<MemoryDefault>,
    pub max_memory: Option<MemoryDefault>,
    pub enforce_part_limits: PartLimits,
    pub disable_root_jobs: bool,
    /// JobRequeue: whether jobs may be requeued unless they say otherwise.
    pub job_requeue: bool,
    /// PrologFlags has Alloc, or a flag that implies it.
    pub prolog_alloc: bool,
    /// PrologFlags has NoHold.
    pub prolog_no_hold: bool,
    /// PrologFlags has DeferBatch.
    pub prolog_defer_batch: bool,
    /// PrologFlags has Contain.
    pub prolog_contain: bool,
    /// PrologFlags has ForceRequeueOnFail.
    pub requeue_on_prolog_fail: bool,
    /// Whether there is a PrologSlurmctld.
    pub prolog_slurmctld: bool,
    /// Whether there is an EpilogSlurmctld.
    pub epilog_slurmctld: bool,
    /// Whether users may have triggers of their own (SlurmctldParameters=allow_user_triggers).
    pub user_triggers: bool,
    /// Whether nobody may have triggers (SlurmctldParameters=disable_triggers).
    pub no_triggers: bool,
    /// Whether there are crontabs (ScronParameters=enable).
    pub crontabs: bool,
    /// Whether only who says `--cron` cancels jobs of crontabs (ScronParameters=explicit_scancel).
    pub explicit_scancel: bool,
    /// The controller's local time, which crontabs mean.
    pub zone: Zone,
    /// SlurmdParameters has config_overrides: what a node reports does not matter.
    pub config_overrides: bool,
    /// PrivateData.
    pub private: Private,
    /// SchedulerParameters has enable_user_top.
    pub user_top: bool,
    /// ResvOverRun, minutes; 0xffff is without limit.
    pub resv_over_run_min: u16,
    /// SlurmctldParameters has user_resv_delete.
    pub user_resv_delete: bool,
    /// SchedulerParameters has nohold_on_prolog_fail.
    pub nohold_on_prolog_fail: bool,
    /// `AuthInfo=cred_expire=`: how long a launch credential is good for, seconds.
    pub cred_expire_s: u32,
    /// Exit codes whose jobs are requeued (RequeueExit).
    pub requeue_exit: Arc<[u16]>,
    /// Exit codes whose jobs are requeued and held (RequeueExitHold).
    pub requeue_exit_hold: Arc<[u16]>,
    pub licenses: Arc<[LicensePool]>,
    pub tree_width: u16,
    /// Ports of nodes set aside for MPI (MpiParams=ports=FIRST-LAST).
    pub mpi_ports: Option<(u16, u16)>,
    /// How often nodes run HealthCheckProgram, if there is one.
    pub health_check: Option<HealthCheck>,
    /// Names of the generic resources (GresTypes).
    pub gres_types: Arc<[Arc<str>]>,
    /// SchedulerParameters' whole_hetjob: who cancels, holds or releases one component of a heterogeneous
    /// job means all.
    pub whole_hetjob: bool,
    /// SchedulerParameters' bf_hetjob_prio: where in the queue a heterogeneous job stands; without it,
    /// where its first component does.
    pub het_place: Option<HetPlace>,
    /// SchedulerParameters' default_queue_depth: jobs looked at in a quick pass.
    pub default_queue_depth: u32,
    pub priority_type: PriorityType,
    /// What priorities are made of, with priority/multifactor.
    pub priority: PriorityRules,
    /// PreemptType=preempt/partition_prio, unless PreemptMode has it do nothing.
    pub preemption: Option<PreemptRules>,
    /// Power saving, if it is configured.
    pub power: Option<Arc<PowerSaving>>,
    /// Which nodes are not stopped for having been idle.
    pub suspend_except: SuspendExceptions,
    /// MCSPlugin and MCSParameters.
    pub mcs: Mcs,
}

impl Default for Config {
    /// The defaults of slurm.conf(5), 24.11.
    fn default() -> Self {
        Self {
            cluster_name: "cluster".into(),
            slurm_user: Uid::ROOT,
            slurmd_user: Uid::ROOT,
            first_job_id: 1,
            max_job_id: 0x03ff_0000,
            max_job_count: 10_000,
            max_array_size: 1001,
            max_node_count: u32::MAX,
            max_tasks_per_node: 512,
            max_step_count: 40_000,
            min_job_age_s: 300,
            kill_wait_s: 30,
            message_timeout_s: 10,
            slurmd_timeout_s: 300,
            inactive_limit_s: 0,
            batch_start_timeout_s: 10,
            max_batch_requeue: 5,
            resume_timeout_s: 60,
            complete_wait_s: 0,
            over_time_limit_min: 0,
            return_to_service: ReturnToService::Never,
            consumable: Consumable::CORE_MEMORY,
            one_task_per_core: false,
            least_loaded: false,
            pack_nodes: false,
            part_rules: PartRules::default(),
            def_memory: None,
            max_memory: None,
            enforce_part_limits: PartLimits::No,
            disable_root_jobs: false,
            job_requeue: true,
            prolog_alloc: false,
            prolog_no_hold: false,
            prolog_defer_batch: false,
            prolog_contain: false,
            requeue_on_prolog_fail: false,
            prolog_slurmctld: false,
            epilog_slurmctld: false,
            user_triggers: false,
            no_triggers: false,
            crontabs: false,
            explicit_scancel: false,
            zone: Zone::default(),
            config_overrides: false,
            private: Private::default(),
            user_top: false,
            resv_over_run_min: 0,
            user_resv_delete: false,
            nohold_on_prolog_fail: false,
            cred_expire_s: 120,
            requeue_exit: Arc::default(),
            requeue_exit_hold: Arc::default(),
            licenses: Arc::default(),
            tree_width: 16,
            mpi_ports: None,
            health_check: None,
            gres_types: Arc::default(),
            whole_hetjob: false,
            het_place: None,
            default_queue_depth: 100,
            priority_type: PriorityType::Multifactor,
            priority: PriorityRules::default(),
            preemption: None,
            power: None,
            suspend_except: SuspendExceptions::default(),
            mcs: Mcs::default(),
        }
    }
}

/// PrivateData: what is shown to those only whose it is, and to administrators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of PrivateData")]
pub struct Private {
    pub jobs: bool,
    pub nodes: bool,
    pub partitions: bool,
    pub reservations: bool,
}

/// HealthCheckInterval and HealthCheckNodeState, where there is a HealthCheckProgram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the words of HealthCheckNodeState")]
pub struct HealthCheck {
    pub interval_s: u16,
    pub idle: bool,
    pub alloc: bool,
    pub mixed: bool,
    pub nondrained_idle: bool,
    /// CYCLE: the nodes one after the other, spread over the interval, and not all at once.
    pub cycle: bool,
}

/// What SelectTypeParameters makes a thing that runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumable {
    /// The smallest part of a node that a job gets.
    pub unit: Unit,
    /// Whether memory is counted.
    pub memory: bool,
}

/// The smallest part of a node that a job gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// CR_CPU: a hardware thread, where the node's CPUs are threads.
    Cpu,
    /// CR_Core.
    Core,
    /// CR_Socket.
    Socket,
    /// select/linear: the whole node.
    Node,
}

impl Consumable {
    /// CR_Core_Memory, the default of cons_tres.
    pub const CORE_MEMORY: Self = Self { unit: Unit::Core, memory: true };
}

/// PriorityType: what a job's priority is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorityType {
    /// priority/basic: each job gets one less than the one before it.
    Basic,
    /// priority/multifactor, whose weights are all 0 unless they are set: jobs are equal, but for
    /// their nice values.
    Multifactor,
}

/// DefMemPerCPU, DefMemPerNode and their Max twins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryDefault {
    /// MiB for each CPU.
    PerCpu(u64),
    /// MiB for each node.
    PerNode(u64),
}

/// ReturnToService: what brings a node that is down back when it registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnToService {
    /// 0: only an administrator.
    Never,
    /// 1: if it was down for not responding.
    IfNotResponding,
    /// 2: whatever it was down for.
    Always,
}

/// Licenses that a cluster has by itself (Licenses=).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicensePool {
    /// The name.
    pub name: Arc<str>,
    /// How many.
    pub total: u32,
}
