use std::collections::BTreeSet;
use std::sync::Arc;

use crate::gres::GresHeld;
use crate::id::{JobId, NodeId, StepNumber, Timestamp};
use crate::resource::CoreSet;

/// A part of a job that runs as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The job.
    pub job: JobId,
    /// Which of its steps.
    pub number: StepNumber,
    /// Its name: `batch` for the script.
    pub name: Arc<str>,
    /// Its nodes, in the order of the list.
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
    /// What was given to it, if a client asked for it; the script and the container around
    /// everything have all that the job has.
    pub launch: Option<Arc<StepLaunch>>,
}

/// What was given to a step that a client asked for, and how far it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLaunch {
    /// How its tasks are distributed, in Slurm's bits (`task_dist_states_t` of slurm.h).
    pub distribution: u32,
    /// What it has of each of its nodes, in their order.
    pub shares: Vec<StepShare>,
    /// Whether it runs beside other steps, on CPUs that they may have too.
    pub overlaps: bool,
    /// Whether its memory is taken from what later steps may have: not if it asked for none.
    pub counts_memory: bool,
    /// CPUs of a task; 0 if they do not follow from what was asked for.
    pub cpus_per_task: u16,
    /// Who launched it and listens for news of it.
    pub client: Option<StepClient>,
    /// Time limit, minutes; `None` is the job's.
    pub time_limit_min: Option<u32>,
    /// Whether a task that a signal ended does not count as failed.
    pub ignores_signals: bool,
    /// The command line of its client.
    pub submit_line: Option<Arc<str>>,
    /// Where it has ended: places among its nodes.
    pub ended_on: BTreeSet<u32>,
    /// Highest wait status heard of.
    pub status: u32,
    /// Ports of its nodes that are reserved for its MPI, ascending (MpiParams=ports=).
    pub ports: Vec<u16>,
    /// What was asked for as text, to be shown.
    pub texts: StepTexts,
    /// CPU frequency asked for, to be shown: its nodes hear of it from its client.
    pub cpu_frequency: CpuFrequency,
}

/// A CPU frequency (`--cpu-freq`), each part in kHz or one of slurm.h's `CPU_FREQ_*` numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what they are named")]
pub struct CpuFrequency {
    pub min: Option<u32>,
    pub max: Option<u32>,
    pub governor: Option<u32>,
}

/// Options of a step that are kept and shown, and that no decision depends on.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are srun(1)'s options, as its requests name them")]
pub struct StepTexts {
    pub tres_per_step: Option<Arc<str>>,
    pub tres_per_node: Option<Arc<str>>,
    pub tres_per_socket: Option<Arc<str>>,
    pub tres_per_task: Option<Arc<str>>,
    pub cpus_per_tres: Option<Arc<str>>,
    pub mem_per_tres: Option<Arc<str>>,
    pub tres_bind: Option<Arc<str>>,
    pub tres_freq: Option<Arc<str>>,
    pub network: Option<Arc<str>>,
    pub container: Option<Arc<str>>,
    pub container_id: Option<Arc<str>>,
    pub container_type: Option<Arc<str>>,
    pub cwd: Option<Arc<str>>,
    pub std_in: Option<Arc<str>>,
    pub std_out: Option<Arc<str>>,
    pub std_err: Option<Arc<str>>,
    /// What `srun`'s machine calls itself.
    pub host: Option<Arc<str>>,
}

/// What a step has of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepShare {
    /// The tasks there, ascending.
    pub tasks: Vec<u32>,
    /// Cores of the node, all of them the job's.
    pub cores: CoreSet,
    /// CPUs that these count for.
    pub cpus: u32,
    /// Memory, MiB; 0 where memory is not counted.
    pub memory_mib: u64,
    /// Generic resources, part of the job's.
    pub gres: Vec<GresHeld>,
}

/// Where the client of a step listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepClient {
    /// Host, as it named it or as the network knows it.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// Its process there.
    pub pid: u32,
}
