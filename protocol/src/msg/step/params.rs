use crate::shape::{BareRuns, Limit};
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// What srun would need to launch a step, for a step that is queued and launched without it
    /// (26.05). Most fields are those of `LaunchTasks`.
    pub struct LaunchParams {
        /// The command.
        pub argv: Vec<Option<String>>,
        /// The environment, `NAME=value` each.
        pub env: Vec<Option<String>>,
        /// Path of an OCI bundle.
        pub container: Option<String>,
        /// Working directory.
        pub cwd: Option<String>,
        /// Seconds to wait for a node's answer.
        pub msg_timeout: u32,
        /// Tasks of a board.
        pub ntasks_per_board: Limit<u16>,
        /// Tasks of a core.
        pub ntasks_per_core: Limit<u16>,
        /// Tasks of a GPU.
        pub ntasks_per_tres: Limit<u16>,
        /// Tasks of a socket.
        pub ntasks_per_socket: Limit<u16>,
        /// Output is passed on line by line.
        pub buffered_stdio: bool,
        /// Lines of output begin with the task number.
        pub labelio: bool,
        /// Standard output of tasks.
        pub output_filename: Option<String>,
        /// Standard error of tasks.
        pub error_filename: Option<String>,
        /// Standard input of tasks.
        pub input_filename: Option<String>,
        /// The command is a file that lists programs.
        pub multi_prog: bool,
        /// There is no allocation.
        pub no_alloc: bool,
        /// Log level of slurmstepd.
        pub slurmd_debug: u32,
        /// Where the component's nodes begin among all nodes.
        pub het_job_node_offset: Limit<u32>,
        /// The leader of the heterogeneous job.
        pub het_job_id: Limit<u32>,
        /// Nodes of the whole.
        pub het_job_nnodes: Limit<u32>,
        /// Tasks of the whole.
        pub het_job_ntasks: Limit<u32>,
        /// Steps of the whole.
        pub het_job_step_cnt: Limit<u32>,
        /// Place among the components.
        pub het_job_offset: Limit<u32>,
        /// Where the component's tasks begin among all tasks.
        pub het_job_task_offset: Limit<u32>,
        /// Nodes of the whole, as a host expression.
        pub het_job_node_list: Option<String>,
        /// A debugger holds the tasks.
        pub parallel_debug: bool,
        /// What to profile.
        pub profile: u32,
        /// Run before each task.
        pub task_prolog: Option<String>,
        /// Run after each task.
        pub task_epilog: Option<String>,
        /// [`cpu_bind`](crate::msg::cpu_bind), low 16 bits.
        pub cpu_bind_type: u16,
        /// Map or masks of it.
        pub cpu_bind: Option<String>,
        /// Lowest CPU frequency.
        pub cpu_freq_min: Limit<u32>,
        /// Highest CPU frequency.
        pub cpu_freq_max: Limit<u32>,
        /// CPU frequency governor.
        pub cpu_freq_gov: Limit<u32>,
        /// [`mem_bind`](crate::msg::mem_bind).
        pub mem_bind_type: u16,
        /// Map or masks of it.
        pub mem_bind: Option<String>,
        /// [`accel_bind`](crate::msg::accel_bind).
        pub accel_bind_type: u16,
        /// Most sockets of a node.
        pub max_sockets: Limit<u16>,
        /// Most cores of a node.
        pub max_cores: Limit<u16>,
        /// Most threads of a node.
        pub max_threads: Limit<u16>,
        /// CPUs of a task.
        pub cpus_per_task: Limit<u16>,
        /// CPUs of a task on each node, where they differ.
        pub cpus_per_task_by_node: BareRuns<u16>,
        /// Threads of a core that are used.
        pub threads_per_core: Limit<u16>,
        /// [`task_dist`](crate::msg::task_dist).
        pub task_dist: u32,
        /// Children of a node in the message tree.
        pub tree_width: Limit<u16>,
        /// The environment is passed on as it is.
        pub preserve_env: bool,
        /// MPI plugin, by name.
        pub mpi_plugin_name: Option<String>,
        /// How output files are opened: [`open_mode`](crate::msg::open_mode).
        pub open_mode: u8,
        /// Accounting intervals.
        pub acctg_freq: Option<String>,
        /// Task 0 gets a terminal.
        pub pty: bool,
        /// Environment of SPANK plugins.
        pub spank_job_env: Vec<Option<String>>,
        /// Binding of tasks to TRES.
        pub tres_bind: Option<String>,
        /// Frequencies of TRES.
        pub tres_freq: Option<String>,
        /// Whether the step is killed as a whole when out of memory.
        pub oom_kill_step: Limit<u16>,
    }
}

/// `u8` 1 and the parameters, or `u8` 0: a step that srun launches itself.
impl Wire for Option<LaunchParams> {
    fn encode(&self, w: &mut Writer) {
        self.is_some().encode(w);
        if let Some(params) = self {
            params.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if bool::decode(r)? { LaunchParams::decode(r).map(Some) } else { Ok(None) }
    }
}
