use std::net::SocketAddr;
use std::sync::Arc;

use crate::gres::GresLine;
use crate::id::{NodeId, Timestamp, Uid};
use crate::power::PowerRequest;
use crate::resource::GresCount;

/// A machine that runs jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its place in the table.
    pub id: NodeId,
    /// NodeName.
    pub name: Arc<str>,
    /// Where its slurmd listens.
    pub address: Address,
    /// What it has, as configured or as a dynamic node reported.
    pub hardware: Hardware,
    /// Whether jobs can be placed here.
    pub availability: Availability,
    /// What else is true of it.
    pub flags: NodeFlags,
    /// Why it is down or drained.
    pub reason: Option<NodeReason>,
    /// What its slurmd last said of itself; `None` before it has registered.
    pub registration: Option<Arc<Registration>>,
    /// When a message of its slurmd last came.
    pub last_response: Option<Timestamp>,
    /// When a job last left it, or it came up: what SuspendTime counts from.
    pub last_busy: Option<Timestamp>,
    /// CPU load times 100; `None` before it was told.
    pub cpu_load: Option<u32>,
    /// Free memory, MiB; `None` before it was told.
    pub free_memory_mib: Option<u64>,
    /// Features that it could have.
    pub features_available: Arc<[Arc<str>]>,
    /// Features that it has.
    pub features_active: Arc<[Arc<str>]>,
    /// Nodes of the lowest weight are taken first.
    pub weight: u32,
    /// Free text of the administrator.
    pub comment: Option<Arc<str>>,
    /// Free text that sites put labels in.
    pub extra: Option<Arc<str>>,
    /// The cloud's name of the machine.
    pub instance_id: Option<Arc<str>>,
    /// The cloud's name of the machine's kind.
    pub instance_type: Option<Arc<str>>,
    /// How it came to be in the table.
    pub origin: Origin,
    /// When a node that was set down or drained for a time is to be resumed.
    pub resume_after: Option<Timestamp>,
    /// That it is to be started or stopped, while it is.
    pub power: Option<PowerRequest>,
}

/// Where a node's slurmd listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// NodeAddr: a name or an address, to be looked up.
    pub host: Arc<str>,
    /// NodeHostName: what `hostname -s` says there.
    pub host_name: Arc<str>,
    /// Port.
    pub port: u16,
    /// The peer address of its last registration, for nodes whose address nobody configured.
    pub seen: Option<SocketAddr>,
}

impl Address {
    /// Where a node is that has nothing but a name in slurm.conf: its name is its address, and
    /// slurmd has its default port, 6818.
    pub fn named(name: &str) -> Self {
        let host: Arc<str> = name.into();
        Self { host_name: Arc::clone(&host), host, port: 6818, seen: None }
    }
}

/// What a node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Boards.
    pub boards: u16,
    /// Sockets over all boards.
    pub sockets: u16,
    /// Cores of a socket.
    pub cores_per_socket: u16,
    /// Hardware threads of a core.
    pub threads_per_core: u16,
    /// CPUs that jobs can be given: threads, or cores where the configuration says so.
    pub cpus: u16,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Temporary disk, MiB.
    pub tmp_disk_mib: u32,
    /// Cores kept for the system.
    pub spec_cores: u16,
    /// Which CPUs are kept for the system, as text.
    pub spec_cpu_list: Option<Arc<str>>,
    /// Memory kept for the system, MiB.
    pub spec_memory_mib: u64,
    /// Generic resources.
    pub gres: Arc<[GresCount]>,
    /// The same as configured, for people; it also says of which there is enough for everybody.
    pub gres_text: Option<Arc<str>>,
    /// Default binding of tasks (CpuBind).
    pub cpu_bind: u32,
}

impl Hardware {
    /// One board of so many sockets, cores and threads, each thread a CPU; nothing is kept for the
    /// system, and there are no generic resources. Memory in MiB.
    pub fn of(sockets: u16, cores_per_socket: u16, threads_per_core: u16, memory_mib: u64) -> Self {
        Self {
            boards: 1,
            sockets,
            cores_per_socket,
            threads_per_core,
            cpus: sockets.saturating_mul(cores_per_socket).saturating_mul(threads_per_core),
            memory_mib,
            tmp_disk_mib: 0,
            spec_cores: 0,
            spec_cpu_list: None,
            spec_memory_mib: 0,
            gres: Arc::default(),
            gres_text: None,
            cpu_bind: 0,
        }
    }

    /// Whether jobs use up a generic resource; not if it is configured with `no_consume`.
    pub fn uses_up(&self, name: &str) -> bool {
        const ENOUGH: &str = "no_consume";
        let text = self.gres_text.as_deref().unwrap_or_default();
        let says = |word: &str| {
            let mut parts = word.trim().split(':');
            parts.next() == Some(name) && parts.any(|part| part.eq_ignore_ascii_case(ENOUGH))
        };
        !text.split(',').any(says)
    }

    /// Cores in all.
    pub fn cores(&self) -> u32 {
        u32::from(self.sockets) * u32::from(self.cores_per_socket)
    }

    /// CPUs that one core stands for: its threads, or 1 where CPUs are configured as cores.
    pub fn cpus_per_core(&self) -> u32 {
        if u32::from(self.cpus) > self.cores() {
            u32::from(self.threads_per_core).max(1)
        } else {
            1
        }
    }

    /// CPUs that jobs can be given when the system's cores are set aside.
    pub fn effective_cpus(&self) -> u32 {
        u32::from(self.cpus).saturating_sub(u32::from(self.spec_cores) * self.cpus_per_core())
    }

    /// Memory that jobs can be given, MiB.
    pub fn job_memory_mib(&self) -> u64 {
        self.memory_mib.saturating_sub(self.spec_memory_mib)
    }
}

/// Whether a node can be used: the base of Slurm's node state. Idle, mixed and allocated are not
/// here, since they follow from what jobs hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It has not been heard of since the controller started for the first time.
    Unknown,
    /// It has registered and is in use.
    Up,
    /// It is out of use until somebody or its slurmd brings it back.
    Down,
    /// It is planned, and exists when a slurmd takes its place.
    Future,
}

/// What is true of a node beside its [`Availability`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeFlags {
    /// No new job is to be placed here.
    pub drain: bool,
    /// It is about to fail, says an administrator.
    pub fail: bool,
    /// It has not answered for a while.
    pub not_responding: bool,
    /// Its registration does not fit its configuration.
    pub invalid: bool,
    /// A reboot was asked for.
    pub reboot_requested: bool,
    /// A reboot was sent and has not come back.
    pub reboot_issued: bool,
    /// It was drained for the reboot that was asked for, and for nothing else.
    pub reboot_drained: bool,
    /// After the reboot it is to be resumed, whatever it was drained for.
    pub reboot_resumes: bool,
    /// After the reboot it is to stay down.
    pub reboot_downs: bool,
    /// It is being started.
    pub powering_up: bool,
    /// It is being stopped.
    pub powering_down: bool,
    /// It is off.
    pub powered_down: bool,
    /// It is to be stopped when it is free.
    pub power_down_requested: bool,
    /// It is made and unmade by a cloud.
    pub cloud: bool,
    /// It is to be started though no job waits for it.
    pub power_up_requested: bool,
    /// A job was given up here without its clean-up, so that processes of it may be left.
    pub unclean: bool,
}

/// Why a node is out of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeReason {
    /// The text.
    pub text: Arc<str>,
    /// Who set it.
    pub by: Uid,
    /// When.
    pub at: Timestamp,
}

/// How a node came to be in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// slurm.conf names it.
    Configured,
    /// `scontrol create node` or `slurmd -Z` made it; it can be deleted.
    Dynamic,
}

/// What a slurmd says of itself and its machine when it registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its protocol release, as it stands in headers (0x2a00 = 24.11).
    pub protocol: u16,
    /// Its release, as text: `24.11.5`.
    pub version: Arc<str>,
    /// When the machine booted.
    pub booted: Timestamp,
    /// When slurmd started.
    pub slurmd_started: Timestamp,
    /// Architecture.
    pub arch: Arc<str>,
    /// Operating system.
    pub os: Arc<str>,
    /// What it found in its machine.
    pub cpus: u16,
    /// Boards found.
    pub boards: u16,
    /// Sockets found.
    pub sockets: u16,
    /// Cores of a socket found.
    pub cores_per_socket: u16,
    /// Threads of a core found.
    pub threads_per_core: u16,
    /// Memory found, MiB.
    pub memory_mib: u64,
    /// Temporary disk found, MiB.
    pub tmp_disk_mib: u32,
    /// The lines of its gres.conf.
    pub gres: Box<[GresLine]>,
    /// `Parameters` of the node, or slurmd's `--parameters` (25.11+).
    pub parameters: Option<Arc<str>>,
}

impl Node {
    /// A node that nothing is known of but what it has and where it is.
    pub fn unknown(id: NodeId, name: Arc<str>, address: Address, hardware: Hardware) -> Self {
        Self {
            id,
            name,
            address,
            hardware,
            availability: Availability::Unknown,
            flags: NodeFlags::default(),
            reason: None,
            registration: None,
            last_response: None,
            last_busy: None,
            cpu_load: None,
            free_memory_mib: None,
            features_available: Arc::default(),
            features_active: Arc::default(),
            weight: 1,
            comment: None,
            extra: None,
            instance_id: None,
            instance_type: None,
            origin: Origin::Configured,
            resume_after: None,
            power: None,
        }
    }

    /// Whether a job may be placed here now, resources and [`crate::PowerSaving::gives`] aside.
    pub fn is_schedulable(&self) -> bool {
        let f = self.flags;
        self.availability == Availability::Up
            && !(f.drain || f.fail || f.invalid || f.unclean)
            && !(f.reboot_issued || f.powering_down)
            && (!f.not_responding || f.powering_up || f.powered_down)
    }

    /// Whether power saving has no say in whether jobs may be placed here.
    pub fn is_steady(&self) -> bool {
        let f = self.flags;
        !(f.powered_down || f.powering_up || f.power_down_requested)
    }

    /// Whether its machine is up, as far as anybody knows.
    pub fn is_powered(&self) -> bool {
        let f = self.flags;
        !(f.powering_up || f.powering_down || f.powered_down)
    }

    /// Whether its slurmd can be spoken to.
    pub fn is_reachable(&self) -> bool {
        self.availability != Availability::Future && !self.flags.powered_down
    }
}
