//! Messages between srun and slurmd about the tasks of a step; the controller sends signals.

use crate::auth::VersionedCredential;
use crate::msg::launch::NoStepmgr;
use crate::msg::{StepId, X11};
use crate::shape::{Address, BareRuns, CountedTwice, Limit, NullOr, ShortArray};
use crate::version::Version::*;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_LAUNCH_TASKS`: start the tasks of a step.
    ///
    /// srun → slurmd, forwarded through the tree; answered with `ReturnCodeMessage`, then each node
    /// sends `LaunchTasksResponse` to a port of srun.
    pub struct LaunchTasks {
        /// The step.
        pub step_id: StepId,
        /// Groups of the user.
        pub gids: Vec<u32>,
        /// The part of a heterogeneous job that this is.
        pub het: HetLaunch,
        /// MPI plugin, by number.
        pub mpi_plugin_id: u32,
        /// Tasks of the step.
        pub ntasks: u32,
        /// Tasks of a board.
        pub ntasks_per_board: Limit<u16>,
        /// Tasks of a core.
        pub ntasks_per_core: Limit<u16>,
        /// Tasks of a GPU.
        pub ntasks_per_tres: Limit<u16>,
        /// Tasks of a socket.
        pub ntasks_per_socket: Limit<u16>,
        /// Memory of the job, MiB a node, or a CPU if bit 63 is set; 0 is no limit.
        pub job_mem_lim: u64,
        /// Memory of the step, likewise.
        pub step_mem_lim: u64,
        /// Which tasks run on which nodes, and with what proof.
        pub placement: TaskPlacement,
        /// Ports of srun for messages.
        pub resp_port: ShortArray<u16>,
        /// Whence the message came, for I/O.
        pub orig_addr: Address,
        /// The environment, `NAME=value` each.
        pub env: Vec<Option<String>>,
        /// Environment of SPANK plugins.
        pub spank_job_env: Vec<Option<String>>,
        /// Path of an OCI bundle.
        pub container: Option<String>,
        /// Working directory.
        pub cwd: Option<String>,
        /// [`cpu_bind`](crate::msg::cpu_bind), low 16 bits.
        pub cpu_bind_type: u16,
        /// Map or masks of it.
        pub cpu_bind: Option<String>,
        /// [`mem_bind`](crate::msg::mem_bind).
        pub mem_bind_type: u16,
        /// Map or masks of it.
        pub mem_bind: Option<String>,
        /// The command.
        pub argv: Vec<Option<String>>,
        /// [`launch_flags`](crate::msg::launch_flags).
        pub flags: u32,
        /// Standard output of tasks, patterns not expanded.
        pub ofname: Option<String>,
        /// Standard error of tasks.
        pub efname: Option<String>,
        /// Standard input of tasks.
        pub ifname: Option<String>,
        /// Ports of srun for I/O.
        pub io_port: ShortArray<u16>,
        /// Certificate of srun; NULL without TLS.
        pub alloc_tls_cert: Option<String> [V25_05..],
        /// What to profile.
        pub profile: u32,
        /// Run before each task.
        pub task_prolog: Option<String>,
        /// Run after each task.
        pub task_epilog: Option<String>,
        /// Log level of slurmstepd.
        pub slurmd_debug: u16,
        /// Options of plugins, and what a switch plugin says.
        pub options: TaskOptions,
        /// Formerly a list of node addresses; always NULL.
        pub reserved_alias_list: Option<String> [..=V24_11],
        /// Nodes of the step, as a host expression.
        pub complete_nodelist: Option<String>,
        /// How output files are opened: [`open_mode`](crate::msg::open_mode)(crate::msg::open_mode).
        pub open_mode: u8,
        /// Accounting intervals.
        pub acctg_freq: Option<String>,
        /// Lowest CPU frequency, kHz or one of Slurm's named ones.
        pub cpu_freq_min: Limit<u32>,
        /// Highest CPU frequency.
        pub cpu_freq_max: Limit<u32>,
        /// CPU frequency governor.
        pub cpu_freq_gov: Limit<u32>,
        /// Binding of tasks to TRES.
        pub tres_bind: Option<String>,
        /// Frequencies of TRES.
        pub tres_freq: Option<String>,
        /// X11 forwarding, in the extern step only.
        pub x11: X11,
        /// Host of the step manager.
        pub stepmgr: Option<String> [V24_05..],
        /// Whether the step is killed as a whole when one process runs out of memory.
        pub oom_kill_step: bool [V24_11..],
        /// Never here; see the type.
        pub stepmgr_records: NoStepmgr [V24_05..],
    }
}

wire_struct! {
    /// The part of a heterogeneous job or step that a launch is; for a plain one all unset.
    pub struct HetLaunch {
        /// Where its nodes begin among all nodes.
        pub node_offset: Limit<u32>,
        /// The leader.
        pub job_id: Limit<u32>,
        /// Task ids on each node of the whole; NULL for a plain job.
        pub task_ids: NullOr<Vec<u32>>,
        /// Which component each task belongs to; NULL for a plain job.
        pub task_components: NullOr<u32>,
        /// Which component this is, and how large all are.
        pub component: HetComponent,
        /// Where its tasks begin among all tasks.
        pub task_offset: Limit<u32>,
        /// Nodes of the whole, as a host expression.
        pub node_list: Option<String>,
    }
}

/// Which component of a heterogeneous job a launch is, and how large all are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HetComponent {
    /// Its place among the components.
    pub offset: Limit<u32>,
    /// How many steps the whole has.
    pub step_count: u32,
    /// Tasks of each of them. On the wire from 25.05 on, and only if there is an offset.
    pub step_task_counts: Vec<u32>,
}

impl HetComponent {
    fn has_counts(&self, version: crate::Version) -> bool {
        version >= V25_05 && self.offset.value().is_some() && self.step_count > 0
    }
}

impl Wire for HetComponent {
    fn encode(&self, w: &mut Writer) {
        self.offset.encode(w);
        self.step_count.encode(w);
        if self.has_counts(w.version()) {
            self.step_task_counts.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut component = Self {
            offset: Wire::decode(r)?,
            step_count: Wire::decode(r)?,
            step_task_counts: Vec::new(),
        };
        if component.has_counts(r.version()) {
            component.step_task_counts = Wire::decode(r)?;
        }
        Ok(component)
    }
}

/// Which tasks run on which nodes.
///
/// On the wire the number of nodes stands first, the terms follow, and then come the nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskPlacement {
    /// What holds for all nodes.
    pub terms: TaskTerms,
    /// The task ids of each node of the step, in node order.
    pub task_ids: Vec<Vec<u32>>,
}

wire_struct! {
    /// What a launch says of all nodes alike.
    pub struct TaskTerms {
        /// CPUs of a task.
        pub cpus_per_task: Limit<u16>,
        /// CPUs of a task on each node, where they differ.
        pub cpus_per_task_by_node: BareRuns<u16>,
        /// TRES of a task.
        pub tres_per_task: Option<String>,
        /// Threads of a core that are used.
        pub threads_per_core: Limit<u16>,
        /// [`task_dist`](crate::msg::task_dist).
        pub task_dist: u32,
        /// CPUs of a node.
        pub node_cpus: u16,
        /// Cores set aside for the system.
        pub job_core_spec: Limit<u16>,
        /// [`accel_bind`](crate::msg::accel_bind).
        pub accel_bind_type: u16,
        /// Proves that the step may be started.
        pub credential: VersionedCredential,
    }
}

/// The `u16` in front of a node's task ids; it wraps where the array's own count does not.
fn short_count(task_ids: &[u32]) -> u16 {
    u16::try_from(task_ids.len() & 0xFFFF).expect("16 bits are left")
}

impl Wire for TaskPlacement {
    fn encode(&self, w: &mut Writer) {
        w.count(self.task_ids.len());
        self.terms.encode(w);
        for task_ids in &self.task_ids {
            short_count(task_ids).encode(w);
            task_ids.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let node_count = r.count()?;
        let mut placement = Self { terms: Wire::decode(r)?, task_ids: Vec::new() };
        for index in 0..node_count {
            let place = r.clone();
            let counted = u16::decode(r)?;
            let task_ids = Vec::decode(r).map_err(|e| e.within_item(index).within("task_ids"))?;
            if counted != short_count(&task_ids) {
                let (counted, found) = (counted.into(), task_ids.len());
                return Err(place.error(Malformed::Counts { counted, found }));
            }
            placement.task_ids.push(task_ids);
        }
        Ok(placement)
    }
}

/// Options of plugins, and up to 24.05 what a switch plugin says of the step.
///
/// The switch data have no length and are not there at all without a switch plugin; what ends them
/// is the text `job_options`, with which the options begin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskOptions {
    /// The switch plugin's number and data; empty without such a plugin, not written after 24.05.
    pub switch_step: Vec<u8>,
    /// The options.
    pub options: Vec<TaskOption>,
}

wire_struct! {
    /// An option of srun that a plugin has defined.
    pub struct TaskOption {
        /// Kind of plugin; 0 is SPANK.
        pub kind: u32,
        /// `name:plugin`.
        pub option: Option<String>,
        /// Its argument.
        pub argument: Option<String>,
    }
}

const OPTIONS_TAG: &str = "job_options";

impl Wire for TaskOptions {
    fn encode(&self, w: &mut Writer) {
        if w.version() <= V24_05 {
            w.raw(&self.switch_step);
        }
        OPTIONS_TAG.to_owned().encode(w);
        self.options.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let switch_step = match r.version() <= V24_05 {
            true => switch_before_tag(r)?,
            false => Vec::new(),
        };
        let place = r.clone();
        let tag = String::decode(r)?;
        if tag != OPTIONS_TAG {
            return Err(place.error(Malformed::Text { what: OPTIONS_TAG, got: tag }));
        }
        Ok(Self { switch_step, options: Wire::decode(r)? })
    }
}

fn switch_before_tag(r: &mut Reader<'_>) -> Result<Vec<u8>, DecodeError> {
    const TAG_BYTES: &[u8] = b"\0\0\0\x0cjob_options\0";
    let rest = r.clone().rest();
    match rest.windows(TAG_BYTES.len()).position(|window| window == TAG_BYTES) {
        Some(length) => r.take(length).map(<[u8]>::to_vec),
        None => Err(r.error(Malformed::Text { what: OPTIONS_TAG, got: String::new() })),
    }
}

wire_struct! {
    /// `RESPONSE_LAUNCH_TASKS`: the tasks of a node run, or why not.
    ///
    /// slurmstepd → a port of srun; answered with `ReturnCode`.
    pub struct LaunchTasksResponse {
        /// The step.
        pub step_id: StepId,
        /// 0, or why not.
        pub return_code: u32,
        /// The node.
        pub node_name: Option<String>,
        /// Processes of the tasks.
        pub local_pids: CountedTwice<u32>,
        /// The tasks, in the same order.
        pub task_ids: Vec<u32>,
    }
}

wire_struct! {
    /// `MESSAGE_TASK_EXIT`: tasks have ended, all with the same status.
    ///
    /// slurmstepd → a port of srun; answered with `ReturnCode`.
    pub struct TaskExit {
        /// Wait status.
        pub return_code: u32,
        /// The tasks.
        pub task_ids: CountedTwice<u32>,
        /// The step.
        pub step_id: StepId,
    }
}

wire_struct! {
    /// `REQUEST_REATTACH_TASKS`: send the I/O of a running step here too.
    ///
    /// sattach → slurmd; answered with `ReattachTasksResponse`.
    pub struct ReattachTasks {
        /// Certificate of sattach; NULL without TLS.
        pub tls_cert: Option<String> [V25_05..],
        /// The step.
        pub step_id: StepId,
        /// Key of the I/O connection.
        pub io_key: Option<String>,
        /// Ports for messages.
        pub resp_port: ShortArray<u16>,
        /// Ports for I/O.
        pub io_port: ShortArray<u16>,
    }
}

/// `RESPONSE_REATTACH_TASKS`: the tasks of a node that I/O will come from.
///
/// slurmd → sattach.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReattachTasksResponse {
    /// The node.
    pub node_name: Option<String>,
    /// 0, or why not.
    pub return_code: u32,
    /// The tasks.
    pub tasks: Vec<AttachedTask>,
}

/// A task that was attached to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttachedTask {
    /// Its number in the step.
    pub task_id: u32,
    /// Its process.
    pub pid: u32,
    /// Its program.
    pub executable: Option<String>,
}

/// One count, then two arrays with counts of their own and one without.
impl Wire for ReattachTasksResponse {
    fn encode(&self, w: &mut Writer) {
        self.node_name.encode(w);
        self.return_code.encode(w);
        w.count(self.tasks.len());
        self.tasks.iter().map(|task| task.task_id).collect::<Vec<_>>().encode(w);
        self.tasks.iter().map(|task| task.pid).collect::<Vec<_>>().encode(w);
        for task in &self.tasks {
            task.executable.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let node_name = Wire::decode(r)?;
        let return_code = u32::decode(r)?;
        let place = r.clone();
        let counted = r.count()?;
        let task_ids = Vec::<u32>::decode(r)?;
        let pids = Vec::<u32>::decode(r)?;
        for found in [task_ids.len(), pids.len()] {
            if found != counted {
                return Err(place.error(Malformed::Counts { counted, found }));
            }
        }
        let mut tasks = Vec::new();
        for (task_id, pid) in task_ids.into_iter().zip(pids) {
            tasks.push(AttachedTask { task_id, pid, executable: Wire::decode(r)? });
        }
        Ok(Self { node_name, return_code, tasks })
    }
}

wire_struct! {
    /// `REQUEST_SIGNAL_TASKS`, `REQUEST_TERMINATE_TASKS`: send a signal to the tasks of a step, or
    /// end the step.
    ///
    /// ctld or srun → slurmd; answered with `ReturnCode`.
    pub struct SignalTasks {
        /// The step, or all steps of the job when the step number is `NO_VAL`.
        pub step_id: StepId,
        /// `KILL_*` flags of scancel.
        pub flags: u16,
        /// The signal, or one of Slurm's own numbers above 900.
        pub signal: u16,
    }
}
