//! The numbers that launches carry: flags and kinds of binding and distribution.
//!
//! Source: `slurm.h` and `slurm_protocol_defs.h` of the six releases, which agree except where a
//! line says otherwise.

/// Flags of `LaunchTasks`.
pub mod launch_flags {
    /// A debugger holds the tasks.
    pub const PARALLEL_DEBUG: u32 = 1;
    /// The command is a file that lists programs (`--multi-prog`).
    pub const MULTI_PROG: u32 = 1 << 1;
    /// Task 0 gets a terminal.
    pub const PTY: u32 = 1 << 2;
    /// Output is passed on line by line.
    pub const BUFFERED_IO: u32 = 1 << 3;
    /// Lines of output begin with the task number.
    pub const LABEL_IO: u32 = 1 << 4;
    /// The step is one of another launcher (mpirun).
    pub const EXT_LAUNCHER: u32 = 1 << 5;
    /// There is no allocation (`--no-allocate`).
    pub const NO_ALLOC: u32 = 1 << 6;
    /// More tasks than CPUs.
    pub const OVERCOMMIT: u32 = 1 << 7;
    /// The step does not fail when a task ends by a signal.
    pub const NO_SIG_FAIL: u32 = 1 << 8;
    /// Tasks may use each other's GRES.
    pub const GRES_ALLOW_TASK_SHARING: u32 = 1 << 9;
    /// A task ends when its children have (25.05 and later).
    pub const WAIT_FOR_CHILDREN: u32 = 1 << 10;
    /// The step is killed when a task fails (25.05 and later).
    pub const KILL_ON_BAD_EXIT: u32 = 1 << 11;
    /// Output goes to local files (26.05).
    pub const LOCAL_IO: u32 = 1 << 12;
}

/// Flags of `StepCreate` (`step_spec_flags_t`).
pub mod step_flags {
    /// CPUs are not shared with other steps.
    pub const EXCLUSIVE: u32 = 1;
    /// The step goes on when a node fails.
    pub const NO_KILL: u32 = 1 << 1;
    /// More tasks than CPUs.
    pub const OVERCOMMIT: u32 = 1 << 2;
    /// Whole nodes of the job.
    pub const WHOLE: u32 = 1 << 3;
    /// The interactive step of salloc.
    pub const INTERACTIVE: u32 = 1 << 4;
    /// `--mem=0`: all memory, and none of it counted.
    pub const MEM_ZERO: u32 = 1 << 5;
    /// Shares everything with all other steps (`--overlap`).
    pub const OVERLAP_FORCE: u32 = 1 << 6;
    /// Does not fail when a task ends by a signal.
    pub const NO_SIG_FAIL: u32 = 1 << 7;
    /// The step of another launcher.
    pub const EXT_LAUNCHER: u32 = 1 << 8;
    /// Tasks may use each other's GRES.
    pub const GRES_ALLOW_TASK_SHARING: u32 = 1 << 9;
    /// A task ends when its children have (25.05 and later).
    pub const WAIT_FOR_CHILDREN: u32 = 1 << 10;
    /// The step is killed when a task fails (25.05 and later).
    pub const KILL_ON_BAD_EXIT: u32 = 1 << 11;
    /// Queued and launched without an srun that waits (26.05).
    pub const ASYNC: u32 = 1 << 12;
}

/// Kinds of CPU binding (`cpu_bind_type_t`): one kind and any flags.
pub mod cpu_bind {
    /// Flag: tell what was bound.
    pub const VERBOSE: u32 = 0x0001;
    /// To threads.
    pub const TO_THREADS: u32 = 0x0002;
    /// To cores.
    pub const TO_CORES: u32 = 0x0004;
    /// To sockets.
    pub const TO_SOCKETS: u32 = 0x0008;
    /// To locality domains.
    pub const TO_LDOMS: u32 = 0x0010;
    /// Not at all.
    pub const NONE: u32 = 0x0020;
    /// By task rank; up to 24.05.
    pub const RANK: u32 = 0x0040;
    /// By a list of CPUs.
    pub const MAP: u32 = 0x0080;
    /// By a list of CPU masks.
    pub const MASK: u32 = 0x0100;
    /// To the locality domain of the rank.
    pub const LDRANK: u32 = 0x0200;
    /// By a list of locality domains.
    pub const LDMAP: u32 = 0x0400;
    /// By a list of masks of locality domains.
    pub const LDMASK: u32 = 0x0800;
    /// Flag: one thread of each core.
    pub const ONE_THREAD_PER_CORE: u32 = 0x2000;
    /// Default if nothing else fits: to threads.
    pub const AUTO_TO_THREADS: u32 = 0x0_4000;
    /// Default if nothing else fits: to cores.
    pub const AUTO_TO_CORES: u32 = 0x1_0000;
    /// Default if nothing else fits: to sockets.
    pub const AUTO_TO_SOCKETS: u32 = 0x2_0000;
    /// TaskPluginParam: slurmd off specialised cores.
    pub const SLURMD_OFF_SPEC: u32 = 0x4_0000;
    /// TaskPluginParam: no binding.
    pub const OFF: u32 = 0x8_0000;
    /// TaskPluginParam: kill the step when out of memory.
    pub const OOM_KILL_STEP: u32 = 0x10_0000;
    /// TaskPluginParam: specialised cores are overridden.
    pub const SLURMD_SPEC_OVERRIDE: u32 = 0x20_0000;
}

/// Kinds of memory binding (`mem_bind_type_t`).
pub mod mem_bind {
    /// Flag: tell what was bound.
    pub const VERBOSE: u16 = 0x01;
    /// Not at all.
    pub const NONE: u16 = 0x02;
    /// By task rank.
    pub const RANK: u16 = 0x04;
    /// By a list of NUMA nodes.
    pub const MAP: u16 = 0x08;
    /// By a list of masks.
    pub const MASK: u16 = 0x10;
    /// To where the task runs.
    pub const LOCAL: u16 = 0x20;
    /// Flag: sort free cache pages.
    pub const SORT: u16 = 0x40;
    /// Flag: prefer, do not force.
    pub const PREFER: u16 = 0x80;
}

/// Binding to accelerators (`accel_bind_type_t`).
pub mod accel_bind {
    /// Flag: tell what was bound.
    pub const VERBOSE: u16 = 0x01;
    /// To the GPU that is closest to the CPU.
    pub const CLOSEST_GPU: u16 = 0x02;
    /// To the network card that is closest to the CPU.
    pub const CLOSEST_NIC: u16 = 0x08;
}

/// Distribution of tasks (`task_dist_states`): over nodes in the low four bits, over sockets in the
/// next four, over cores in the next four, then flags.
pub mod task_dist {
    /// Round robin over nodes.
    pub const CYCLIC: u32 = 0x0001;
    /// Node after node.
    pub const BLOCK: u32 = 0x0002;
    /// By the host list, in its order.
    pub const ARBITRARY: u32 = 0x0003;
    /// Blocks of `plane_size` round robin.
    pub const PLANE: u32 = 0x0004;
    /// The bits that speak of nodes.
    pub const NODE_MASK: u32 = 0xF00F;
    /// Round robin over sockets.
    pub const SOCKET_CYCLIC: u32 = 0x0010;
    /// Socket after socket.
    pub const SOCKET_BLOCK: u32 = 0x0020;
    /// Each CPU of a task round robin over sockets.
    pub const SOCKET_CYCLIC_FULL: u32 = 0x0030;
    /// The bits that speak of sockets.
    pub const SOCKET_MASK: u32 = 0xF0F0;
    /// Round robin over cores.
    pub const CORE_CYCLIC: u32 = 0x0100;
    /// Core after core.
    pub const CORE_BLOCK: u32 = 0x0200;
    /// Each CPU of a task round robin over cores.
    pub const CORE_CYCLIC_FULL: u32 = 0x0300;
    /// The bits that speak of cores.
    pub const CORE_MASK: u32 = 0xFF00;
    /// Not said.
    pub const UNKNOWN: u32 = 0x2000;
    /// Flag: as few nodes as possible.
    pub const PACK_NODES: u32 = 0x80_0000;
    /// Flag: spread over nodes.
    pub const NO_PACK_NODES: u32 = 0x40_0000;
    /// The bits that are a distribution and not a flag.
    pub const BASE_MASK: u32 = 0x00_FFFF;
}
