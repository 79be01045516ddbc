//! Steps: asking for one, where its tasks run, what lets a client write to its nodes.

mod layout;
mod params;

pub use layout::*;
pub use params::*;

use crate::auth::{Credential, SbcastCredential, Signed};
use crate::msg::{Codec, JobAndStep, StepId, WorkingCluster};
use crate::number::Number;
use crate::shape::Limit;
use crate::version::{RawVersion, Version::*};
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_JOB_STEP_CREATE`: resources of a job for a step.
    ///
    /// srun → ctld; answered with `StepCreateResponse`, or with an error: on "busy" srun waits for
    /// `SRUN_STEP_SIGNAL` at its port and asks again.
    pub struct StepCreate {
        /// The job; the step number is `NO_VAL` unless srun asks for a particular one.
        pub step_id: StepId,
        /// The task of the job array.
        pub array_task_id: Limit<u32>,
        /// The user, 0 or `NO_VAL` from some clients: the credential of the request counts.
        pub user_id: u32,
        /// Fewest nodes, 0 for any.
        pub min_nodes: Limit<u32>,
        /// Most nodes, 0 for any.
        pub max_nodes: Limit<u32>,
        /// Path of an OCI bundle.
        pub container: Option<String>,
        /// Name of the container.
        pub container_id: Option<String>,
        /// Kind of container.
        pub container_type: Option<String> [V26_05..],
        /// CPUs of the step, 0 for as many as the tasks need.
        pub cpu_count: Limit<u32>,
        /// Lowest CPU frequency, kHz or one of Slurm's named ones.
        pub cpu_freq_min: Limit<u32>,
        /// Highest CPU frequency.
        pub cpu_freq_max: Limit<u32>,
        /// CPU frequency governor.
        pub cpu_freq_gov: Limit<u32>,
        /// Tasks.
        pub num_tasks: Limit<u32>,
        /// Memory, MiB a node, or a CPU if bit 63 is set; 0 is the job's.
        pub pn_min_memory: Limit<u64>,
        /// Time limit, minutes.
        pub time_limit: Limit<u32>,
        /// Threads of a core that are used.
        pub threads_per_core: Limit<u16>,
        /// Tasks of a core.
        pub ntasks_per_core: Limit<u16>,
        /// The first node of the job to use, counted from 0.
        pub relative: Limit<u16>,
        /// [`task_dist`](crate::msg::task_dist).
        pub task_dist: u32,
        /// Size of a plane, for the plane distribution.
        pub plane_size: Limit<u16>,
        /// Port of srun for messages.
        pub port: u16,
        /// Seconds that srun waits (`--immediate`), 0 for ever.
        pub immediate: u16,
        /// Ports to reserve for MPI.
        pub resv_port_cnt: Limit<u16>,
        /// Process of srun.
        pub srun_pid: u32,
        /// [`step_flags`](crate::msg::step_flags).
        pub flags: u32,
        /// Host of srun.
        pub host: Option<String>,
        /// Name of the step.
        pub name: Option<String>,
        /// What it wants of the switch.
        pub network: Option<String>,
        /// Nodes that must be in it, as a host expression.
        pub node_list: Option<String>,
        /// Nodes that must not.
        pub exc_nodes: Option<String>,
        /// Features that its nodes must have.
        pub features: Option<String>,
        /// Components of a heterogeneous step in a plain job.
        pub step_het_comp_cnt: Limit<u32>,
        /// Components of a heterogeneous job that the step uses.
        pub step_het_grps: Option<String>,
        /// CPUs for each of a TRES.
        pub cpus_per_tres: Option<String>,
        /// Memory for each of a TRES.
        pub mem_per_tres: Option<String>,
        /// Tasks for each of a TRES.
        pub ntasks_per_tres: Limit<u16>,
        /// Working directory.
        pub cwd: Option<String> [V25_05..],
        /// Standard error.
        pub std_err: Option<String> [V25_05..],
        /// Standard input.
        pub std_in: Option<String> [V25_05..],
        /// Standard output.
        pub std_out: Option<String> [V25_05..],
        /// The command line of srun.
        pub submit_line: Option<String>,
        /// Binding of tasks to TRES.
        pub tres_bind: Option<String>,
        /// Frequencies of TRES.
        pub tres_freq: Option<String>,
        /// TRES of the step.
        pub tres_per_step: Option<String>,
        /// TRES of a node.
        pub tres_per_node: Option<String>,
        /// TRES of a socket.
        pub tres_per_socket: Option<String>,
        /// TRES of a task.
        pub tres_per_task: Option<String>,
        /// All that is needed to launch the step without srun; only for queued steps.
        pub launch_params: Option<LaunchParams> [V26_05..],
    }
}

wire_struct! {
    /// `RESPONSE_JOB_STEP_CREATE`: the step and where it runs.
    ///
    /// ctld → srun, in the version of the *step* (the lowest of srun and its nodes), which the
    /// header says; srun launches in that version.
    pub struct StepCreateResponse {
        /// [`cpu_bind`](crate::msg::cpu_bind) where srun said nothing.
        pub def_cpu_bind_type: u32,
        /// Ports reserved for MPI.
        pub resv_ports: Option<String>,
        /// The step.
        pub step_id: JobAndStep,
        /// Where its tasks run.
        pub step_layout: Option<StepLayout>,
        /// Host of the step manager.
        pub stepmgr: Option<String> [V24_05..],
        /// Proves to the nodes that the step may be started.
        pub credential: StepCredential,
        /// What a switch plugin says of the step.
        pub switch_step: TrailingSwitch [..=V24_05],
        /// The version of the step, once more.
        pub use_protocol_ver: RawVersion [..=V25_05],
        /// State of the step: a queued one (`--async`) may be pending.
        pub state: u32 [V26_05..],
    }
}

/// The credential of a new step. Only in 26.05 can it be missing, when the step is queued; earlier
/// versions must have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepCredential(pub Option<Signed<Credential>>);

impl StepCredential {
    /// A token.
    pub fn token(token: String) -> Self {
        Self(Some(Signed::Token(token)))
    }
}

impl Wire for StepCredential {
    fn encode(&self, w: &mut Writer) {
        match &self.0 {
            optional if w.version() >= V26_05 => optional.encode(w),
            Some(credential) => credential.encode(w),
            None => Signed::<Credential>::default().encode(w),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.version() >= V26_05 {
            return Wire::decode(r).map(Self);
        }
        Signed::decode(r).map(|credential| Self(Some(credential)))
    }
}

/// What a switch plugin says of a step, up to 24.05: its number and its data, without a length, and
/// nothing at all without such a plugin. The `u16` version that ends the message stands behind it,
/// so it is all but the last two bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailingSwitch(pub Vec<u8>);

/// `SWITCH_PLUGIN_*` of slurm.h: from 100 on, six of them in all releases.
const SWITCH_PLUGINS: std::ops::RangeInclusive<u32> = 100..=105;

impl Wire for TrailingSwitch {
    fn encode(&self, w: &mut Writer) {
        w.raw(&self.0);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let length = r.left().saturating_sub(2);
        if length == 0 {
            return Ok(Self::default());
        }
        let mut probe = r.clone();
        match u32::decode(&mut probe)? {
            plugin if SWITCH_PLUGINS.contains(&plugin) => {
                r.take(length).map(|data| Self(data.to_vec()))
            }
            got => Err(r.error(Malformed::Unknown { what: "switch plugin", got: got.into() })),
        }
    }
}

wire_struct! {
    /// `RESPONSE_JOB_SBCAST_CRED`: a credential to write a file to the nodes of a job.
    ///
    /// ctld → sbcast; answers `REQUEST_JOB_SBCAST_CRED`.
    pub struct SbcastCredentialResponse {
        /// The job; 0 from newer controllers.
        pub job_id: u32 [..=V25_05],
        /// Its nodes, as a host expression.
        pub node_list: Option<String>,
        /// Formerly the number of nodes; always 0.
        pub reserved_node_count: u32 [..=V25_05],
        /// The credential.
        pub credential: Signed<SbcastCredential>,
    }
}

wire_struct! {
    /// `REQUEST_FILE_BCAST`: a piece of a file that is copied to the nodes of a job.
    ///
    /// sbcast, or srun --bcast → slurmd, which answers with `ReturnCode`; with the credential of
    /// [`SbcastCredentialResponse`].
    pub struct FileBroadcast {
        /// Which piece; the first one is 1.
        pub block: u32,
        /// How the piece is compressed: 0 not, 2 LZ4.
        pub compression: u16,
        /// `FILE_BCAST_FORCE` and the like: 1 overwrite, 2 the last piece, 4 a shared object, 8 an
        /// executable.
        pub flags: u16,
        /// Permissions of the file.
        pub mode: u16,
        /// Its owner.
        pub user_id: u32,
        /// The owner's name.
        pub user_name: Option<String>,
        /// Its group.
        pub group_id: u32,
        /// When it was last read, seconds of Unix time; 0 if that is not kept.
        pub accessed: u64,
        /// When it was last written, likewise.
        pub modified: u64,
        /// Where it goes.
        pub path: Option<String>,
        /// The executable that a shared object belongs to.
        pub executable: Option<String> [V24_05..],
        /// How long the piece is, bytes.
        pub length: u32,
        /// How long it is when it is not compressed, bytes.
        pub plain_length: u32,
        /// Where in the file it begins, bytes.
        pub offset: u64,
        /// How long the file is, bytes.
        pub file_length: u64,
        /// The piece.
        pub content: Vec<u8>,
        /// The permission to write it.
        pub credential: Signed<SbcastCredential>,
    }
}

wire_struct! {
    /// `RESPONSE_SLURM_REROUTE_MSG`: ask someone else.
    ///
    /// ctld → client: another cluster of the federation, or the step manager of the job.
    pub struct Reroute {
        /// The cluster to ask.
        pub cluster: WorkingCluster,
        /// Host of the step manager.
        pub stepmgr: Option<String> [V24_05..],
    }
}

wire_struct! {
    /// `REQUEST_STEPMGR_RESIZE_KILL_STEPS`: a job has lost nodes, end the steps there.
    ///
    /// ctld → the step manager of the job, 26.05 only; answered with `ReturnCode`.
    pub struct ResizeKillSteps {
        /// The nodes that the job still has, as a host expression.
        pub nodelist: Option<String>,
        /// The job.
        pub step_id: StepId,
    }
}

wire_struct! {
    /// `REQUEST_STEPS_DRAINED_SUBSCRIBE`: tell me when a job has no step any more.
    ///
    /// srun or salloc → ctld, 26.05 only; answered with `ReturnCode`, later with
    /// `SRUN_STEPS_DRAINED` to the port.
    pub struct StepsDrainedSubscribe {
        /// Host to tell.
        pub host: Option<String>,
        /// Its port.
        pub port: u16,
        /// The job.
        pub step_id: StepId,
        /// Certificate of the port; NULL without TLS.
        pub tls_cert: Option<String>,
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<StepCreate>(Number::REQUEST_JOB_STEP_CREATE),
    Codec::of::<StepCreateResponse>(Number::RESPONSE_JOB_STEP_CREATE),
    Codec::of::<Option<StepLayout>>(Number::RESPONSE_STEP_LAYOUT),
    Codec::of::<SbcastCredentialResponse>(Number::RESPONSE_JOB_SBCAST_CRED),
    Codec::of::<FileBroadcast>(Number::REQUEST_FILE_BCAST),
    Codec::of::<Reroute>(Number::RESPONSE_SLURM_REROUTE_MSG),
    Codec::of::<ResizeKillSteps>(Number::REQUEST_STEPMGR_RESIZE_KILL_STEPS),
    Codec::of::<StepsDrainedSubscribe>(Number::REQUEST_STEPS_DRAINED_SUBSCRIBE),
    Codec::of::<()>(Number::RESPONSE_FORWARD_FAILED),
];
