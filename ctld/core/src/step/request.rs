use std::sync::Arc;

use model::{CpuFrequency, GresCount, JobId, MemoryRequest, StepClient, StepTexts};

use super::cores::SocketOrder;
use super::layout::Distribution;
use crate::access::Caller;

/// A step that a client asks for: `srun` within an allocation.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRequest {
    /// Who.
    pub caller: Caller,
    /// The job, or the array.
    pub job: JobId,
    /// The task of the array.
    pub task: Option<u32>,
    /// The number that it is to have; otherwise the next one.
    pub number: Option<u32>,
    /// Which component of that step it is to be, if several commands make it together.
    pub component: Option<u32>,
    /// What kind of step it is to be.
    pub kind: StepKind,
    /// Nodes: at least; `None` is all of the job's.
    pub min_nodes: Option<u32>,
    /// Nodes: at most; 0 is as many as the job has.
    pub max_nodes: u32,
    /// CPUs in all; 0 is what its tasks need.
    pub cpus: u32,
    /// Tasks; `None` is as many as there is room for.
    pub tasks: Option<u32>,
    /// CPUs of a task, if they were given (`--tres-per-task=cpu:N`).
    pub cpus_per_task: Option<u16>,
    /// Most tasks of a node.
    pub tasks_per_node: Option<u16>,
    /// Threads used of each core.
    pub threads_per_core: Option<u16>,
    /// Tasks that a core may have: below its threads, whole cores go to a task.
    pub tasks_per_core: Option<u16>,
    /// Generic resources; `None` is what the job asked for.
    pub gres: Option<StepGres>,
    /// CPUs that come with each generic resource (`--cpus-per-gpu`).
    pub cpus_of_gres: Vec<GresCount>,
    /// Memory that comes with each, MiB (`--mem-per-gpu`).
    pub memory_of_gres_mib: Vec<GresCount>,
    /// Ports that it wants reserved for its MPI; `None` is what its tasks need, if the cluster has
    /// such ports.
    pub ports: Option<u16>,
    /// Memory; `None` is all that the job has.
    pub memory: Option<MemoryRequest>,
    /// Time limit, minutes.
    pub time_limit_min: Option<u32>,
    /// The first node of the job that it may have, counted from 0.
    pub relative: Option<u16>,
    /// How its tasks are distributed; `None` is by its list of nodes, a task for each name.
    pub distribution: Option<Distribution>,
    /// In which order it takes the cores of a node.
    pub sockets: SocketOrder,
    /// Both in Slurm's bits, as nodes and clients are told.
    pub distribution_bits: u32,
    /// It takes all that the job has of its nodes, and no other step beside it.
    pub whole: bool,
    /// It shares CPUs with other steps.
    pub overlaps: bool,
    /// More tasks than CPUs are fine.
    pub overcommit: bool,
    /// A task that a signal ended does not count as failed.
    pub ignores_signals: bool,
    /// Nodes that it must have, as a host expression.
    pub nodes: Option<Arc<str>>,
    /// A name for each task, in order, if its tasks are distributed by its list of nodes.
    pub hosts: Vec<Arc<str>>,
    /// Nodes that it must not have.
    pub excluded_nodes: Option<Arc<str>>,
    /// A feature that its nodes must have.
    pub feature: Option<Arc<str>>,
    /// Its name; the job's if it has none.
    pub name: Option<Arc<str>>,
    /// Who asks, and listens for news.
    pub client: Option<StepClient>,
    /// What is kept of it to be shown.
    pub texts: StepTexts,
    /// CPU frequency, kept to be shown too.
    pub cpu_frequency: CpuFrequency,
    /// The command line.
    pub submit_line: Option<Arc<str>>,
    /// The protocol release of the client, as in headers.
    pub protocol: u16,
}

impl StepRequest {
    /// `srun` without options within a job, of somebody who speaks a release (as it stands in headers).
    pub fn of(caller: Caller, job: JobId, protocol: u16) -> Self {
        Self {
            caller,
            job,
            task: None,
            number: None,
            component: None,
            kind: StepKind::Normal,
            min_nodes: None,
            max_nodes: 0,
            cpus: 0,
            tasks: None,
            cpus_per_task: None,
            tasks_per_node: None,
            threads_per_core: None,
            tasks_per_core: None,
            gres: None,
            cpus_of_gres: Vec::new(),
            memory_of_gres_mib: Vec::new(),
            ports: None,
            memory: None,
            time_limit_min: None,
            relative: None,
            distribution: Some(Distribution::default()),
            sockets: SocketOrder::default(),
            distribution_bits: 2,
            whole: false,
            overlaps: false,
            overcommit: false,
            ignores_signals: false,
            nodes: None,
            hosts: Vec::new(),
            excluded_nodes: None,
            feature: None,
            name: None,
            client: None,
            texts: StepTexts::default(),
            cpu_frequency: CpuFrequency::default(),
            submit_line: None,
            protocol,
        }
    }
}

/// Generic resources that a step asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepGres {
    /// In all.
    pub per_step: Vec<GresCount>,
    /// Of each node.
    pub per_node: Vec<GresCount>,
    /// All that there is of each node, which is to be so many at least: what was asked for of each
    /// socket, which stock does not look at for steps (24.11).
    pub all: Vec<GresCount>,
    /// For each task.
    pub per_task: Vec<GresCount>,
    /// CPUs that come with each one.
    pub cpus_each: Vec<GresCount>,
    /// Memory that comes with each one, MiB.
    pub memory_each_mib: Vec<GresCount>,
}

/// Kinds of steps that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// A step of its own.
    Normal,
    /// What salloc runs on the first node (LaunchParameters=use_interactive_step).
    Interactive,
    /// The daemons of another launcher, beside everything else.
    External,
}
