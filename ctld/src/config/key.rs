//! Every key of slurm.conf, in one table.
//!
//! A row names the key as Slurm writes it, the field that holds it, its kind, the value when it is
//! not given, the releases that know it, and who acts on it. To add a key, add a row.
//!
//! Facts: `slurm_conf_options` and the defaults of `read_config.c` and `read_config.h` in 23.11.11,
//! 24.05.8, 24.11.5, 25.05.8, 25.11.7 and 26.05.3. A file is accepted with the keys of any of these
//! releases, since the clients and nodes of a cluster may be of several.

use super::{
    problem::Cause,
    value::{Kind, NO_VALUE_16, NO_VALUE_32, Setting, Text},
};

/// A release of Slurm, by the year and month in its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// 23.11.
    R23_11,
    /// 24.05.
    R24_05,
    /// 24.11.
    R24_11,
    /// 25.05.
    R25_05,
    /// 25.11.
    R25_11,
    /// 26.05.
    R26_05,
}

use Release::{R23_11, R24_05, R24_11, R25_05, R25_11, R26_05};

impl Release {
    const fn on(self) -> Span {
        Span { first: self, last: R26_05 }
    }

    const fn until(self, last: Release) -> Span {
        Span { first: self, last }
    }
}

/// The releases that know a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first of them, 23.11 for all that are older.
    pub first: Release,
    /// The last of them, 26.05 for all that are newer.
    pub last: Release,
}

const ALL: Span = R23_11.on();

/// Who acts on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// ctld does.
    Here,
    /// slurmd, slurmstepd or a client does; ctld passes the file on and shows the value.
    Elsewhere,
    /// slurmctld does and ctld will; the text says what is lacking. Warned about when it asks for
    /// something.
    NotYet(&'static str),
    /// Nobody does any longer; slurmctld says so and goes on.
    Defunct,
    /// Nobody does any longer; slurmctld refuses the file. The text says what to do.
    Removed(&'static str),
}

use Effect::{Defunct, Elsewhere, Here, NotYet, Removed};

/// What is known of a key beside its value.
pub struct Fact {
    /// The key as Slurm writes it; a file may write it in any case.
    pub name: &'static str,
    /// The kind of its value.
    pub kind: Kind,
    /// The releases that know it.
    pub span: Span,
    /// Who acts on it.
    pub effect: Effect,
    pub(super) read: fn(&mut Keys, &'static str, &str) -> Result<(), Cause>,
    pub(super) is_idle: fn(&Keys) -> bool,
    show: fn(&Keys) -> String,
}

impl Fact {
    /// The fact about a key, written in any case.
    pub fn of(key: &str) -> Option<&'static Fact> {
        FACTS.iter().find(|fact| fact.name.eq_ignore_ascii_case(key))
    }

    /// The key's effective value in words.
    pub fn show(&self, keys: &Keys) -> String {
        (self.show)(keys)
    }
}

/// Keys that begin a line with keys of its own; each has a module that knows them.
pub(super) const LINE_KEYS: [&str; 7] = [
    "DownNodes",
    "FrontendName",
    "NodeName",
    "NodeSet",
    "PartitionName",
    "PowerAction",
    "SlurmctldHost",
];

// What several keys lack.
const SLURMDBD: &str = "accounting through slurmdbd";
const JOB_COMPLETION: &str = "job completion records but jobcomp/filetxt";
const SITE_FACTOR: &str = "site factor plugins";
const BACKUP: &str = "a backup controller";
const GANG: &str = "gang scheduling";

fn text(default: &str) -> Text {
    Some(default.to_owned())
}

macro_rules! keys {
    ($($name:ident, $field:ident: $ty:ty = $default:expr, $span:expr, $effect:expr;)*) => {
        /// The value of every key that stands alone on its line, after defaults.
        ///
        /// Numbers are as Slurm holds them: `UNLIMITED` is the largest number of the type, "not
        /// set" the one below. Lists and times are text here; `SlurmConf` holds them taken apart.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Keys {
            $(#[doc = concat!("`", stringify!($name), "`.")] pub $field: $ty,)*
        }

        impl Default for Keys {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// Every key that stands alone on its line, in the order of the alphabet.
        pub static FACTS: &[Fact] = &[$(Fact {
            name: stringify!($name),
            kind: <$ty as Setting>::KIND,
            span: $span,
            effect: $effect,
            read: |keys, key, value| keys.$field.read(key, value),
            is_idle: |keys| keys.$field.is_idle(),
            show: |keys| keys.$field.show(),
        },)*];
    };
}

keys! {
    AccountingStorageBackupHost, accounting_storage_backup_host: Text = None, ALL, NotYet(SLURMDBD);
    AccountingStorageEnforce, accounting_storage_enforce: Text = None, ALL, NotYet(SLURMDBD);
    AccountingStorageExternalHost, accounting_storage_external_host: Text = None, ALL, NotYet(SLURMDBD);
    AccountingStorageHost, accounting_storage_host: Text = text("localhost"), ALL, NotYet(SLURMDBD);
    AccountingStorageLoc, accounting_storage_loc: Text = None, R23_11.until(R25_05), Removed("It is safe to remove from your configuration.");
    AccountingStorageParameters, accounting_storage_parameters: Text = None, ALL, NotYet(SLURMDBD);
    AccountingStoragePass, accounting_storage_pass: Text = None, ALL, NotYet(SLURMDBD);
    AccountingStoragePort, accounting_storage_port: u16 = 0, ALL, NotYet(SLURMDBD);
    AccountingStorageTRES, accounting_storage_tres: Text = text("cpu,mem,energy,node,billing,fs/disk,vmem,pages"), ALL, NotYet(SLURMDBD);
    AccountingStorageType, accounting_storage_type: Text = None, ALL, NotYet(SLURMDBD);
    AccountingStorageUser, accounting_storage_user: Text = text("root"), ALL, NotYet(SLURMDBD);
    AccountingStoreFlags, accounting_store_flags: Text = None, ALL, NotYet(SLURMDBD);
    AccountingStoreJobComment, accounting_store_job_comment: bool = false, ALL, Removed("Use AccountingStoreFlags=job_comment.");
    AcctGatherEnergyType, acct_gather_energy_type: Text = None, ALL, Elsewhere;
    AcctGatherFilesystemType, acct_gather_filesystem_type: Text = None, ALL, Elsewhere;
    AcctGatherInfinibandType, acct_gather_infiniband_type: Text = None, ALL, Elsewhere;
    AcctGatherInterconnectType, acct_gather_interconnect_type: Text = None, ALL, Elsewhere;
    AcctGatherNodeFreq, acct_gather_node_freq: u16 = 0, ALL, Elsewhere;
    AcctGatherProfileType, acct_gather_profile_type: Text = None, ALL, Elsewhere;
    AllowSpecResourcesUsage, allow_spec_resources_usage: bool = false, ALL, Elsewhere;
    AuthAltParameters, auth_alt_parameters: Text = None, ALL, Here;
    AuthAltTypes, auth_alt_types: Text = None, ALL, Here;
    AuthInfo, auth_info: Text = None, ALL, Here;
    AuthType, auth_type: Text = text("auth/munge"), ALL, Here;
    BackupAddr, backup_addr: Text = None, ALL, NotYet(BACKUP);
    BackupController, backup_controller: Text = None, ALL, NotYet(BACKUP);
    BatchStartTimeout, batch_start_timeout: u16 = 10, ALL, Here;
    BcastExclude, bcast_exclude: Text = text("/lib,/usr/lib,/lib64,/usr/lib64"), ALL, Elsewhere;
    BcastParameters, bcast_parameters: Text = None, ALL, Elsewhere;
    BurstBufferParameters, burst_buffer_parameters: Text = None, ALL, NotYet("burst buffers");
    BurstBufferType, burst_buffer_type: Text = None, ALL, NotYet("burst buffers");
    CertgenParameters, certgen_parameters: Text = None, R25_05.on(), NotYet("TLS");
    CertgenType, certgen_type: Text = None, R25_05.on(), NotYet("TLS");
    CertmgrParameters, certmgr_parameters: Text = None, R24_11.on(), NotYet("TLS");
    CertmgrType, certmgr_type: Text = None, R24_11.on(), NotYet("TLS");
    CliFilterParameters, cli_filter_parameters: Text = None, R25_11.on(), Elsewhere;
    CliFilterPlugins, cli_filter_plugins: Text = None, ALL, Elsewhere;
    ClusterName, cluster_name: Text = None, ALL, Here;
    CommunicationParameters, communication_parameters: Text = None, ALL, Here;
    CompleteWait, complete_wait: u16 = 0, ALL, Here;
    ControlAddr, control_addr: Text = None, ALL, Here;
    ControlMachine, control_machine: Text = None, ALL, Here;
    CoreSpecPlugin, core_spec_plugin: Text = None, ALL, Defunct;
    CpuFreqDef, cpu_freq_def: Text = None, ALL, Elsewhere;
    CpuFreqGovernors, cpu_freq_governors: Text = None, ALL, Elsewhere;
    CredType, cred_type: Text = text("cred/munge"), ALL, Here;
    CryptoType, crypto_type: Text = None, ALL, Here;
    DataParserParameters, data_parser_parameters: Text = None, R24_11.on(), Elsewhere;
    DebugFlags, debug_flags: Text = None, ALL, Here;
    DefCPUPerGPU, def_cpu_per_gpu: u64 = 0, ALL, Here;
    DefMemPerCPU, def_mem_per_cpu: u64 = 0, ALL, Here;
    DefMemPerGPU, def_mem_per_gpu: u64 = 0, ALL, Here;
    DefMemPerNode, def_mem_per_node: u64 = 0, ALL, Here;
    DependencyParameters, dependency_parameters: Text = None, ALL, Here;
    DisableRootJobs, disable_root_jobs: bool = false, ALL, Here;
    EioTimeout, eio_timeout: u16 = 60, ALL, Elsewhere;
    EnforcePartLimits, enforce_part_limits: Text = None, ALL, Here;
    Epilog, epilog: Vec<String> = Vec::new(), ALL, Elsewhere;
    EpilogMsgTime, epilog_msg_time: u32 = 2000, ALL, Elsewhere;
    EpilogSlurmctld, epilog_slurmctld: Vec<String> = Vec::new(), ALL, Here;
    EpilogTimeout, epilog_timeout: u16 = NO_VALUE_16, R25_05.on(), Elsewhere;
    ExtSensorsFreq, ext_sensors_freq: u16 = 0, ALL, Defunct;
    ExtSensorsType, ext_sensors_type: Text = None, ALL, Defunct;
    FairShareDampeningFactor, fair_share_dampening_factor: u16 = 1, ALL, NotYet(SLURMDBD);
    FastSchedule, fast_schedule: u16 = 0, ALL, Here;
    FederationParameters, federation_parameters: Text = None, ALL, NotYet("federation");
    FirstJobId, first_job_id: u32 = 1, ALL, Here;
    GetEnvTimeout, get_env_timeout: u16 = 2, ALL, Elsewhere;
    GpuFreqDef, gpu_freq_def: Text = None, ALL, Elsewhere;
    GresTypes, gres_types: Text = None, ALL, Here;
    GroupUpdateForce, group_update_force: u16 = 1, ALL, Here;
    GroupUpdateTime, group_update_time: u16 = 600, ALL, Here;
    HashPlugin, hash_plugin: Text = text("hash/k12"), R24_05.on(), Here;
    HealthCheckInterval, health_check_interval: u16 = 0, ALL, Here;
    HealthCheckNodeState, health_check_node_state: Text = None, ALL, Here;
    HealthCheckProgram, health_check_program: Text = None, ALL, Here;
    HealthCheckTimeout, health_check_timeout: u16 = 0, R26_05.on(), Elsewhere;
    HttpParserType, http_parser_type: Text = None, R25_11.on(), Elsewhere;
    InactiveLimit, inactive_limit: u16 = 0, ALL, Here;
    InteractiveStepOptions, interactive_step_options: Text = text("--interactive --preserve-env --pty $SHELL"), ALL, Elsewhere;
    JobAcctGatherFrequency, job_acct_gather_frequency: Text = text("30"), ALL, Elsewhere;
    JobAcctGatherParams, job_acct_gather_params: Text = None, ALL, Elsewhere;
    JobAcctGatherType, job_acct_gather_type: Text = None, ALL, Elsewhere;
    JobCompHost, job_comp_host: Text = text("localhost"), ALL, NotYet(JOB_COMPLETION);
    JobCompLoc, job_comp_loc: Text = None, ALL, Here;
    JobCompParams, job_comp_params: Text = None, ALL, NotYet(JOB_COMPLETION);
    JobCompPass, job_comp_pass: Text = None, ALL, NotYet(JOB_COMPLETION);
    JobCompPassScript, job_comp_pass_script: Text = None, R25_11.on(), NotYet(JOB_COMPLETION);
    JobCompPort, job_comp_port: u32 = 0, ALL, NotYet(JOB_COMPLETION);
    JobCompType, job_comp_type: Text = None, ALL, Here;
    JobCompUser, job_comp_user: Text = text("root"), ALL, NotYet(JOB_COMPLETION);
    JobContainerType, job_container_type: Text = None, ALL, Elsewhere;
    JobCredentialPrivateKey, job_credential_private_key: Text = None, ALL, Defunct;
    JobCredentialPublicCertificate, job_credential_public_certificate: Text = None, ALL, Defunct;
    JobFileAppend, job_file_append: u16 = 0, ALL, Elsewhere;
    JobRequeue, job_requeue: u16 = 1, ALL, Here;
    JobSubmitPlugins, job_submit_plugins: Text = None, ALL, NotYet("job submit plugins");
    KeepAliveTime, keep_alive_time: u32 = NO_VALUE_32, ALL, Here;
    KillOnBadExit, kill_on_bad_exit: u16 = 0, ALL, Elsewhere;
    KillWait, kill_wait: u16 = 30, ALL, Here;
    LaunchParameters, launch_parameters: Text = None, ALL, Elsewhere;
    LaunchType, launch_type: Text = None, ALL, Elsewhere;
    LicenseParameters, license_parameters: Text = None, R26_05.on(), NotYet("licenses");
    Licenses, licenses: Text = None, ALL, Here;
    LogTimeFormat, log_time_format: Text = None, ALL, Elsewhere;
    MailDomain, mail_domain: Text = None, ALL, Here;
    MailProg, mail_prog: Text = text("/bin/mail"), ALL, Here;
    MaxArraySize, max_array_size: u32 = 1001, ALL, Here;
    MaxBatchRequeue, max_batch_requeue: u32 = 5, ALL, Here;
    MaxDBDMsgs, max_dbd_msgs: u32 = 0, ALL, NotYet(SLURMDBD);
    MaxJobCount, max_job_count: u32 = 10_000, ALL, Here;
    MaxJobId, max_job_id: u32 = 0x03ff_0000, ALL, Here;
    MaxMemPerCPU, max_mem_per_cpu: u64 = 0, ALL, Here;
    MaxMemPerNode, max_mem_per_node: u64 = 0, ALL, Here;
    MaxNodeCount, max_node_count: u32 = NO_VALUE_32, ALL, Here;
    MaxStepCount, max_step_count: u32 = 40_000, ALL, Here;
    MaxTasksPerNode, max_tasks_per_node: u16 = 512, ALL, Elsewhere;
    MCSParameters, mcs_parameters: Text = None, ALL, Here;
    MCSPlugin, mcs_plugin: Text = None, ALL, Here;
    MessageTimeout, message_timeout: u16 = 10, ALL, Here;
    MetricsAuthUsers, metrics_auth_users: Text = None, R26_05.on(), NotYet("metrics");
    MetricsParameters, metrics_parameters: Text = None, R26_05.on(), NotYet("metrics");
    MetricsType, metrics_type: Text = None, R25_11.on(), NotYet("metrics");
    MinJobAge, min_job_age: u32 = 300, ALL, Here;
    MpiDefault, mpi_default: Text = None, ALL, Elsewhere;
    MpiParams, mpi_params: Text = None, ALL, Elsewhere;
    NamespaceType, namespace_type: Text = None, R25_11.on(), Elsewhere;
    NodeFeaturesPlugins, node_features_plugins: Text = None, ALL, NotYet("node features plugins");
    OverTimeLimit, over_time_limit: u16 = 0, ALL, Here;
    PluginDir, plugin_dir: Text = text("/usr/lib/slurm"), ALL, Elsewhere;
    PlugStackConfig, plug_stack_config: Text = None, ALL, Elsewhere;
    PowerParameters, power_parameters: Text = None, ALL, Defunct;
    PowerPlugin, power_plugin: Text = None, ALL, Defunct;
    PreemptExemptTime, preempt_exempt_time: Text = None, ALL, Here;
    PreemptMode, preempt_mode: Text = None, ALL, Here;
    PreemptParameters, preempt_parameters: Text = None, ALL, Here;
    PreemptType, preempt_type: Text = None, ALL, Here;
    PrEpParameters, prep_parameters: Text = None, ALL, Elsewhere;
    PrEpPlugins, prep_plugins: Text = text("prep/script"), ALL, Elsewhere;
    PriorityCalcPeriod, priority_calc_period: Text = None, ALL, Here;
    PriorityDecayHalfLife, priority_decay_half_life: Text = None, ALL, NotYet(SLURMDBD);
    PriorityFavorSmall, priority_favor_small: bool = false, ALL, Here;
    PriorityFlags, priority_flags: Text = None, ALL, Here;
    PriorityMaxAge, priority_max_age: Text = None, ALL, NotYet(SLURMDBD);
    PriorityParameters, priority_parameters: Text = None, ALL, Here;
    PrioritySiteFactorParameters, priority_site_factor_parameters: Text = None, ALL, NotYet(SITE_FACTOR);
    PrioritySiteFactorPlugin, priority_site_factor_plugin: Text = None, ALL, NotYet(SITE_FACTOR);
    PriorityType, priority_type: Text = text("priority/multifactor"), ALL, Here;
    PriorityUsageResetPeriod, priority_usage_reset_period: Text = None, ALL, NotYet(SLURMDBD);
    PriorityWeightAge, priority_weight_age: u32 = 0, ALL, NotYet(SLURMDBD);
    PriorityWeightAssoc, priority_weight_assoc: u32 = 0, ALL, NotYet(SLURMDBD);
    PriorityWeightFairshare, priority_weight_fairshare: u32 = 0, ALL, NotYet(SLURMDBD);
    PriorityWeightJobSize, priority_weight_job_size: u32 = 0, ALL, Here;
    PriorityWeightPartition, priority_weight_partition: u32 = 0, ALL, Here;
    PriorityWeightQOS, priority_weight_qos: u32 = 0, ALL, NotYet(SLURMDBD);
    PriorityWeightTRES, priority_weight_tres: Text = None, ALL, Here;
    PrivateData, private_data: Text = None, ALL, Here;
    ProctrackType, proctrack_type: Text = text("proctrack/cgroup"), ALL, Elsewhere;
    Prolog, prolog: Vec<String> = Vec::new(), ALL, Elsewhere;
    PrologEpilogTimeout, prolog_epilog_timeout: u16 = NO_VALUE_16, ALL, Elsewhere;
    PrologFlags, prolog_flags: Text = None, ALL, Here;
    PrologSlurmctld, prolog_slurmctld: Vec<String> = Vec::new(), ALL, Here;
    PrologTimeout, prolog_timeout: u16 = NO_VALUE_16, R25_05.on(), Elsewhere;
    PropagatePrioProcess, propagate_prio_process: u16 = 0, ALL, Elsewhere;
    PropagateResourceLimits, propagate_resource_limits: Text = text("ALL"), ALL, Elsewhere;
    PropagateResourceLimitsExcept, propagate_resource_limits_except: Text = None, ALL, Elsewhere;
    RebootProgram, reboot_program: Text = None, ALL, Elsewhere;
    ReconfigFlags, reconfig_flags: Text = None, ALL, Here;
    RequeueExit, requeue_exit: Text = None, ALL, Here;
    RequeueExitHold, requeue_exit_hold: Text = None, ALL, Here;
    ResumeFailProgram, resume_fail_program: Text = None, ALL, Here;
    ResumeProgram, resume_program: Text = None, ALL, Here;
    ResumeRate, resume_rate: u16 = 300, ALL, Here;
    ResumeTimeout, resume_timeout: u16 = 60, ALL, Here;
    ResvEpilog, resv_epilog: Text = None, ALL, Here;
    ResvOverRun, resv_over_run: u16 = 0, ALL, Here;
    ResvProlog, resv_prolog: Text = None, ALL, Here;
    ReturnToService, return_to_service: u16 = 0, ALL, Here;
    RoutePlugin, route_plugin: Text = None, ALL, NotYet("topology");
    SallocDefaultCommand, salloc_default_command: Text = None, ALL, Removed("Use LaunchParameters=use_interactive_step.");
    SbcastParameters, sbcast_parameters: Text = None, ALL, Elsewhere;
    SchedulerAuth, scheduler_auth: Text = None, R23_11.until(R23_11), Defunct;
    SchedulerParameters, scheduler_parameters: Text = None, ALL, Here;
    SchedulerTimeSlice, scheduler_time_slice: u16 = 30, ALL, NotYet(GANG);
    SchedulerType, scheduler_type: Text = text("sched/backfill"), ALL, Here;
    ScronParameters, scron_parameters: Text = None, ALL, Here;
    SelectType, select_type: Text = text("select/cons_tres"), ALL, Here;
    SelectTypeParameters, select_type_parameters: Text = None, ALL, Here;
    SlurmctldAddr, slurmctld_addr: Text = None, ALL, Here;
    SlurmctldDebug, slurmctld_debug: Text = None, ALL, Here;
    SlurmctldHttpAuthParameters, slurmctld_http_auth_parameters: Text = None, R26_05.on(), NotYet("metrics");
    SlurmctldLogFile, slurmctld_log_file: Text = None, ALL, Here;
    SlurmctldParameters, slurmctld_parameters: Text = None, ALL, Here;
    SlurmctldPidFile, slurmctld_pid_file: Text = text("/run/slurmctld.pid"), ALL, Here;
    SlurmctldPort, slurmctld_port: Text = None, ALL, Here;
    SlurmctldPrimaryOffProg, slurmctld_primary_off_prog: Text = None, ALL, NotYet(BACKUP);
    SlurmctldPrimaryOnProg, slurmctld_primary_on_prog: Text = None, ALL, NotYet(BACKUP);
    SlurmctldSyslogDebug, slurmctld_syslog_debug: Text = None, ALL, NotYet("logging to syslog");
    SlurmctldTimeout, slurmctld_timeout: u16 = 120, ALL, NotYet(BACKUP);
    SlurmdDebug, slurmd_debug: Text = None, ALL, Elsewhere;
    SlurmdHttpAuthParameters, slurmd_http_auth_parameters: Text = None, R26_05.on(), Elsewhere;
    SlurmdLogFile, slurmd_log_file: Text = None, ALL, Elsewhere;
    SlurmdParameters, slurmd_parameters: Text = None, ALL, Elsewhere;
    SlurmdPidFile, slurmd_pid_file: Text = text("/run/slurmd.pid"), ALL, Elsewhere;
    SlurmdPort, slurmd_port: u32 = 6818, ALL, Here;
    SlurmdSpoolDir, slurmd_spool_dir: Text = text("/var/spool/slurmd"), ALL, Elsewhere;
    SlurmdSyslogDebug, slurmd_syslog_debug: Text = None, ALL, Elsewhere;
    SlurmdTimeout, slurmd_timeout: u16 = 300, ALL, Here;
    SlurmdUser, slurmd_user: Text = text("root"), ALL, Elsewhere;
    SlurmSchedLogFile, slurm_sched_log_file: Text = None, ALL, NotYet("the scheduler's own log");
    SlurmSchedLogLevel, slurm_sched_log_level: u16 = 0, ALL, NotYet("the scheduler's own log");
    SlurmUser, slurm_user: Text = text("root"), ALL, Here;
    SrunEpilog, srun_epilog: Text = None, ALL, Elsewhere;
    SrunPortRange, srun_port_range: Text = None, ALL, Elsewhere;
    SrunProlog, srun_prolog: Text = None, ALL, Elsewhere;
    StateSaveLocation, state_save_location: Text = text("/var/spool"), ALL, Here;
    SuspendExcNodes, suspend_exc_nodes: Text = None, ALL, Here;
    SuspendExcParts, suspend_exc_parts: Text = None, ALL, Here;
    SuspendExcStates, suspend_exc_states: Text = None, ALL, Here;
    SuspendProgram, suspend_program: Text = None, ALL, Here;
    SuspendRate, suspend_rate: u16 = 60, ALL, Here;
    SuspendTime, suspend_time: Text = None, ALL, Here;
    SuspendTimeout, suspend_timeout: u16 = 30, ALL, Here;
    SwitchParameters, switch_parameters: Text = None, ALL, Elsewhere;
    SwitchType, switch_type: Text = None, ALL, Here;
    TaskEpilog, task_epilog: Text = None, ALL, Elsewhere;
    TaskPlugin, task_plugin: Text = None, ALL, Elsewhere;
    TaskPluginParam, task_plugin_param: Text = None, ALL, Elsewhere;
    TaskProlog, task_prolog: Text = None, ALL, Elsewhere;
    TCPTimeout, tcp_timeout: u16 = 2, ALL, Here;
    TLSParameters, tls_parameters: Text = None, R24_05.on(), NotYet("TLS");
    TLSType, tls_type: Text = text("tls/none"), R24_05.on(), NotYet("TLS");
    TmpFS, tmp_fs: Text = text("/tmp"), ALL, Elsewhere;
    TopologyParam, topology_param: Text = None, ALL, NotYet("topology");
    TopologyPlugin, topology_plugin: Text = text("topology/flat"), ALL, NotYet("topology");
    TrackWCKey, track_wckey: bool = false, ALL, NotYet(SLURMDBD);
    TreeWidth, tree_width: u16 = 16, ALL, Here;
    UnkillableStepProgram, unkillable_step_program: Text = None, ALL, Elsewhere;
    UnkillableStepTimeout, unkillable_step_timeout: u16 = 60, ALL, Elsewhere;
    UrlParserType, url_parser_type: Text = None, R25_11.on(), Elsewhere;
    UsePAM, use_pam: bool = false, ALL, Elsewhere;
    VSizeFactor, vsize_factor: u16 = 0, ALL, NotYet("limits on virtual memory");
    WaitTime, wait_time: u16 = 0, ALL, Elsewhere;
    X11Parameters, x11_parameters: Text = None, ALL, Elsewhere;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_sorted_and_found_in_any_case() {
        let mut names: Vec<String> = FACTS.iter().map(|f| f.name.to_ascii_lowercase()).collect();
        assert!(names.is_sorted(), "{names:?}");
        names.dedup();
        assert_eq!(names.len(), FACTS.len());
        assert_eq!(Fact::of("slurmctldPORT").map(|f| f.name), Some("SlurmctldPort"));
        assert!(Fact::of("NoSuchKey").is_none());
    }

    /// The counts of `slurm_conf_options` in the sources, without the keys that begin a line.
    #[test]
    fn every_release_has_as_many_keys_as_its_table() {
        let counts = [(R23_11, 228 - 6), (R24_05, 230 - 6), (R24_11, 233 - 6), (R25_05, 236 - 5)];
        let newer = [(R25_11, 241 - 5), (R26_05, 248 - 6)];
        for (release, count) in counts.into_iter().chain(newer) {
            let known = FACTS.iter().filter(|f| f.span.first <= release && release <= f.span.last);
            assert_eq!(known.count(), count, "{release:?}");
        }
    }
}
