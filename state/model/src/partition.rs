use std::sync::Arc;

use crate::config::MemoryDefault;
use crate::id::NodeId;

/// A queue: a set of nodes, limits, and who may use it. Field names follow slurm.conf.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are slurm.conf(5)'s keys, with their meaning there")]
pub struct Partition {
    pub name: Arc<str>,
    pub state: PartitionState,
    /// The nodes, ascending.
    pub nodes: Arc<[NodeId]>,
    /// `Nodes=` as it was written: nodes and node sets.
    pub nodes_text: Option<Arc<str>>,
    /// The nodes that it takes when they come later: `ALL`, and the features of its node sets.
    pub node_sets: Option<Arc<str>>,
    pub is_default: bool,
    pub hidden: bool,
    pub root_only: bool,
    pub disable_root_jobs: bool,
    pub exclusive_user: bool,
    pub exclusive_topo: bool,
    pub lln: bool,
    pub req_resv: bool,
    pub power_down_on_idle: bool,
    pub allow_accounts: Option<Arc<str>>,
    pub deny_accounts: Option<Arc<str>>,
    pub allow_groups: Option<Arc<str>>,
    pub allow_alloc_nodes: Option<Arc<str>>,
    pub allow_qos: Option<Arc<str>>,
    pub deny_qos: Option<Arc<str>>,
    pub qos: Option<Arc<str>>,
    pub alternate: Option<Arc<str>>,
    /// Minutes.
    pub default_time_min: Option<u32>,
    /// Minutes; `None` is without limit.
    pub max_time_min: Option<u32>,
    pub min_nodes: u32,
    /// `None` is without limit.
    pub max_nodes: Option<u32>,
    pub max_cpus_per_node: Option<u32>,
    pub max_cpus_per_socket: Option<u32>,
    pub def_memory: Option<MemoryDefault>,
    pub max_memory: Option<MemoryDefault>,
    pub grace_time_s: u32,
    /// Minutes past the limit that a job may run; `None` takes the cluster's.
    pub over_time_limit_min: Option<u16>,
    pub preempt_mode: Option<PreemptMode>,
    pub priority_job_factor: u16,
    pub priority_tier: u16,
    pub sharing: Sharing,
    /// SelectTypeParameters as the wire's bits; 0 takes the cluster's.
    pub select_bits: u16,
    pub cpu_bind: u32,
    pub resume_timeout_s: Option<u16>,
    pub suspend_timeout_s: Option<u16>,
    pub suspend_time_s: Option<u32>,
    pub billing_weights: Option<Arc<str>>,
    pub job_defaults: Option<Arc<str>>,
    pub topology: Option<Arc<str>>,
}

impl Partition {
    /// A partition as `scontrol create partition` starts from: slurm.conf(5)'s defaults, no nodes, and
    /// at least one node a job.
    pub fn named(name: Arc<str>) -> Self {
        Self {
            name,
            state: PartitionState::Up,
            nodes: Arc::default(),
            nodes_text: None,
            node_sets: None,
            is_default: false,
            hidden: false,
            root_only: false,
            disable_root_jobs: false,
            exclusive_user: false,
            exclusive_topo: false,
            lln: false,
            req_resv: false,
            power_down_on_idle: false,
            allow_accounts: None,
            deny_accounts: None,
            allow_groups: None,
            allow_alloc_nodes: None,
            allow_qos: None,
            deny_qos: None,
            qos: None,
            alternate: None,
            default_time_min: None,
            max_time_min: None,
            min_nodes: 1,
            max_nodes: None,
            max_cpus_per_node: None,
            max_cpus_per_socket: None,
            def_memory: None,
            max_memory: None,
            grace_time_s: 0,
            over_time_limit_min: None,
            preempt_mode: None,
            priority_job_factor: 1,
            priority_tier: 1,
            sharing: Sharing::No,
            select_bits: 0,
            cpu_bind: 0,
            resume_timeout_s: None,
            suspend_timeout_s: None,
            suspend_time_s: None,
            billing_weights: None,
            job_defaults: None,
            topology: None,
        }
    }
}

/// Whether jobs may be queued to a partition and started in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionState {
    /// Queued and started.
    Up,
    /// Queued, not started.
    Down,
    /// Started, not queued.
    Drain,
    /// Neither.
    Inactive,
}

impl PartitionState {
    /// Whether new jobs are taken.
    pub fn takes_jobs(self) -> bool {
        matches!(self, Self::Up | Self::Down)
    }

    /// Whether waiting jobs are started.
    pub fn starts_jobs(self) -> bool {
        matches!(self, Self::Up | Self::Drain)
    }
}

/// OverSubscribe: how many jobs may share a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Whole nodes for each job.
    Exclusive,
    /// No sharing, and none can be asked for.
    No,
    /// Up to so many jobs a core where the job asks for it.
    Yes(u16),
    /// Up to so many jobs a core, asked for or not.
    Force(u16),
}

/// What is done to jobs that others push aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "slurm.conf(5) PreemptMode")]
pub enum PreemptMode {
    Off,
    Cancel,
    Gang,
    Requeue,
    Suspend,
    SuspendGang,
    Within,
}
