//! Starting jobs and tasks on nodes.

mod options;
mod tasks;

pub use options::*;
pub use tasks::*;

use crate::auth::{Credential, Signed, VersionedCredential};
use crate::msg::{Codec, GresPreps, ReturnCode};
use crate::number::Number;
use crate::shape::{CountedTwice, Limit, Runs};
use crate::version::Version::*;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_BATCH_JOB_LAUNCH`: start the script of a batch job.
    ///
    /// ctld → slurmd of the batch host; answered with `ReturnCode`. The job's end comes as
    /// `CompleteBatchScript`.
    pub struct BatchJobLaunch {
        /// The job; later versions take it from the credential.
        pub job_id: u32 [..=V25_05],
        /// The leader of the heterogeneous job, 0 for a plain one.
        pub het_job_id: u32,
        /// Groups of the user, beside those in the credential.
        pub gids: Vec<u32>,
        /// The partition.
        pub partition: Option<String>,
        /// How many tasks the job has.
        pub ntasks: u32,
        /// Memory asked for, MiB a node, or a CPU if bit 63 is set; 0 is no limit.
        pub pn_min_memory: u64,
        /// How output files are opened: [`open_mode`](crate::msg::open_mode).
        pub open_mode: u8,
        /// 1 with `--overcommit`.
        pub overcommit: u8,
        /// The array that the job belongs to, 0 if none.
        pub array_job_id: u32,
        /// Its index there.
        pub array_task_id: Limit<u32>,
        /// Accounting intervals.
        pub acctg_freq: Option<String>,
        /// Path of an OCI bundle.
        pub container: Option<String>,
        /// [`cpu_bind`] of the batch step.
        pub cpu_bind_type: u16,
        /// CPUs of a task.
        pub cpus_per_task: Limit<u16>,
        /// How many times the job was requeued.
        pub restart_cnt: u16,
        /// Cores set aside for the system.
        pub job_core_spec: Limit<u16>,
        /// CPUs allocated on each node of the job.
        pub cpus_per_node: Runs<u16>,
        /// Formerly a list of node addresses; always NULL.
        pub reserved_alias_list: Option<String> [..=V24_05],
        /// Map or masks of `cpu_bind_type`.
        pub cpu_bind: Option<String>,
        /// Nodes of the job, as a host expression.
        pub nodes: Option<String>,
        /// The script itself.
        pub script: Option<String>,
        /// Working directory.
        pub work_dir: Option<String>,
        /// Standard error, patterns not expanded; NULL is the same as standard output.
        pub std_err: Option<String>,
        /// Standard input.
        pub std_in: Option<String>,
        /// Standard output.
        pub std_out: Option<String>,
        /// The script's name and arguments.
        pub argv: CountedTwice<Option<String>>,
        /// Environment of SPANK plugins, for prolog and epilog.
        pub spank_job_env: Vec<Option<String>>,
        /// The environment, `NAME=value` each.
        pub environment: CountedTwice<Option<String>>,
        /// Memory limit of the job on this node, MiB; 0 is none.
        pub job_mem: u64,
        /// Proves that the step may be started.
        pub credential: VersionedCredential,
        /// The account.
        pub account: Option<String>,
        /// The QOS.
        pub qos: Option<String>,
        /// The reservation.
        pub resv_name: Option<String>,
        /// What to profile (`--profile`).
        pub profile: u32,
        /// Binding of tasks to TRES.
        pub tres_bind: Option<String>,
        /// Frequencies of TRES.
        pub tres_freq: Option<String>,
        /// TRES of a task.
        pub tres_per_task: Option<String> [V25_05..],
        /// Lowest CPU frequency, kHz or one of Slurm's named ones.
        pub cpu_freq_min: Limit<u32> [V24_11..],
        /// Highest CPU frequency.
        pub cpu_freq_max: Limit<u32> [V24_11..],
        /// CPU frequency governor.
        pub cpu_freq_gov: Limit<u32> [V24_11..],
        /// Whether the step is killed as a whole when one process runs out of memory.
        pub oom_kill_step: bool [V24_11..],
    }
}

wire_struct! {
    /// `REQUEST_LAUNCH_PROLOG`: run the prolog of a job, and with PrologFlags=Contain start its
    /// extern step.
    ///
    /// ctld → slurmd of each node, with PrologFlags=Alloc; answered at once with `ReturnCode`, and
    /// by `CompleteProlog` when the prolog has ended.
    pub struct LaunchProlog {
        /// Certificate of whoever waits for the allocation; NULL without TLS.
        pub alloc_tls_cert: Option<String> [V25_05..],
        /// GRES for the prolog's environment.
        pub job_gres_prep: GresPreps,
        /// The job; later versions take it from the credential.
        pub job_id: u32 [..=V25_05],
        /// The leader of the heterogeneous job, 0 for a plain one.
        pub het_job_id: u32,
        /// The job's user.
        pub uid: u32,
        /// The job's group.
        pub gid: u32,
        /// Formerly a list of node addresses; always NULL.
        pub reserved_alias_list: Option<String> [..=V24_11],
        /// Nodes of the job, as a host expression.
        pub nodes: Option<String>,
        /// Working directory.
        pub work_dir: Option<String>,
        /// X11 forwarding.
        pub x11: X11,
        /// Environment of SPANK plugins.
        pub spank_job_env: Vec<Option<String>>,
        /// Proves that the extern step may be started.
        pub credential: Signed<Credential>,
        /// Never here; see the type.
        pub stepmgr_records: NoStepmgr [V24_05..],
    }
}

wire_struct! {
    /// X11 forwarding of a job: where the display is and how to reach it. Only the extern step
    /// needs it; all zero without `--x11`.
    pub struct X11 {
        /// Flags of `--x11`.
        pub flags: u16,
        /// Host to go through.
        pub alloc_host: Option<String>,
        /// Its port.
        pub alloc_port: u16,
        /// The display's cookie.
        pub magic_cookie: Option<String>,
        /// Host of the display, or a Unix socket.
        pub target: Option<String>,
        /// Port of the display.
        pub target_port: u16,
    }
}

/// Whether the records of a step manager follow: always "no".
///
/// With `enable_stepmgr` a stock controller appends its own job, node and partition records here, in
/// the format of its state files, so that the extern step can manage the job's steps. That format
/// belongs to the state of one release of slurmctld and is no part of the protocol between
/// programs: we never offer a step manager, and a message that has one is refused as not understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoStepmgr;

impl Wire for NoStepmgr {
    fn encode(&self, w: &mut Writer) {
        false.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if bool::decode(r)? {
            return Err(r.error(Malformed::Unknown { what: "stepmgr job record", got: 1 }));
        }
        Ok(Self)
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<BatchJobLaunch>(Number::REQUEST_BATCH_JOB_LAUNCH),
    Codec::of::<LaunchProlog>(Number::REQUEST_LAUNCH_PROLOG),
    Codec::of::<ReturnCode>(Number::RESPONSE_PROLOG_EXECUTING),
    Codec::of::<LaunchTasks>(Number::REQUEST_LAUNCH_TASKS),
    Codec::of::<LaunchTasksResponse>(Number::RESPONSE_LAUNCH_TASKS),
    Codec::of::<TaskExit>(Number::MESSAGE_TASK_EXIT),
    Codec::of::<ReattachTasks>(Number::REQUEST_REATTACH_TASKS),
    Codec::of::<ReattachTasksResponse>(Number::RESPONSE_REATTACH_TASKS),
    Codec::of::<SignalTasks>(Number::REQUEST_SIGNAL_TASKS),
    Codec::of::<SignalTasks>(Number::REQUEST_TERMINATE_TASKS),
];
