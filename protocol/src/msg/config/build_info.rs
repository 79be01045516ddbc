use crate::msg::config::{JobDefault, KeyPair, PluginParameters, Programs};
use crate::shape::{Limit, NullOr, Timestamp};
use crate::version::Version::*;
use crate::wire_struct;

wire_struct! {
    /// `RESPONSE_BUILD_INFO`: slurm.conf as the controller has it.
    ///
    /// The controller's answer to `REQUEST_BUILD_INFO`; `scontrol show config` prints it. The fields
    /// are named after the keys. Strings are NULL where the key is not set.
    pub struct BuildInfo {
        /// When this was read.
        pub last_update: Timestamp,
        /// `AccountingStorageEnforce`.
        pub accounting_storage_enforce: u16,
        /// `AccountingStorageBackupHost`.
        pub accounting_storage_backup_host: Option<String>,
        /// `AccountingStorageHost`.
        pub accounting_storage_host: Option<String>,
        /// `AccountingStorageExternalHost`.
        pub accounting_storage_external_host: Option<String>,
        /// `AccountingStorageParameters`.
        pub accounting_storage_parameters: Option<String>,
        /// `AccountingStoragePort`.
        pub accounting_storage_port: u16,
        /// `AccountingStorageTRES`.
        pub accounting_storage_tres: Option<String>,
        /// `AccountingStorageType`.
        pub accounting_storage_type: Option<String>,
        /// `AccountingStorageUser`: NULL in releases that no longer have it.
        pub accounting_storage_user: Option<String> [..=V25_05],
        /// The lines of acct_gather.conf.
        pub acct_gather_conf: NullOr<KeyPair>,
        /// `AcctGatherEnergyType`.
        pub acct_gather_energy_type: Option<String>,
        /// `AcctGatherFilesystemType`.
        pub acct_gather_filesystem_type: Option<String>,
        /// `AcctGatherInterconnectType`.
        pub acct_gather_interconnect_type: Option<String>,
        /// `AcctGatherNodeFreq`, seconds.
        pub acct_gather_node_freq: u16,
        /// `AcctGatherProfileType`.
        pub acct_gather_profile_type: Option<String>,
        /// `AuthAltTypes`.
        pub auth_alt_types: Option<String>,
        /// `AuthAltParameters`.
        pub auth_alt_parameters: Option<String>,
        /// `AuthInfo`.
        pub auth_info: Option<String>,
        /// `AuthType`.
        pub auth_type: Option<String>,
        /// `BatchStartTimeout`, seconds.
        pub batch_start_timeout: u16,
        /// When the controller started.
        pub boot_time: Timestamp,
        /// `BurstBufferType`.
        pub burst_buffer_type: Option<String>,
        /// `BcastExclude`.
        pub bcast_exclude: Option<String>,
        /// `BcastParameters`.
        pub bcast_parameters: Option<String>,
        /// `CertmgrParameters`.
        pub certmgr_parameters: Option<String> [V25_05..],
        /// `CertmgrType`.
        pub certmgr_type: Option<String> [V25_05..],
        /// The lines of cgroup.conf.
        pub cgroup_conf: NullOr<KeyPair>,
        /// `CliFilterParameters`.
        pub cli_filter_parameters: Option<String> [V25_11..],
        /// `CliFilterPlugins`.
        pub cli_filter_plugins: Option<String>,
        /// `ClusterName`.
        pub cluster_name: Option<String>,
        /// `CommunicationParameters`.
        pub communication_parameters: Option<String>,
        /// `CompleteWait`, seconds.
        pub complete_wait: u16,
        /// See [`conf_flags`](crate::msg::conf_flags).
        pub conf_flags: u32,
        /// Addresses of `SlurmctldHost`.
        pub slurmctld_addrs: Vec<Option<String>>,
        /// Names of `SlurmctldHost`.
        pub slurmctld_hosts: Vec<Option<String>>,
        /// `CoreSpecPlugin`.
        pub core_spec_plugin: Option<String> [..=V23_11],
        /// `CpuFreqDef`.
        pub cpu_freq_def: Limit<u32>,
        /// `CpuFreqGovernors`.
        pub cpu_freq_governors: Limit<u32>,
        /// `CredType`.
        pub cred_type: Option<String>,
        /// `DataParserParameters`.
        pub data_parser_parameters: Option<String> [V24_11..],
        /// `DefMemPerCPU` with bit 63 set, or `DefMemPerNode`; MB, 0 unlimited.
        pub def_mem_per_cpu: u64,
        /// `DebugFlags`, bits.
        pub debug_flags: u64,
        /// `DependencyParameters`.
        pub dependency_parameters: Option<String>,
        /// `EioTimeout`, seconds.
        pub eio_timeout: u16,
        /// `EnforcePartLimits`.
        pub enforce_part_limits: u16,
        /// `Epilog`.
        pub epilog: Programs,
        /// `EpilogMsgTime`, microseconds.
        pub epilog_msg_time: u32,
        /// `EpilogSlurmctld`.
        pub epilog_slurmctld: Programs,
        /// The lines of ext_sensors.conf.
        pub ext_sensors_conf: NullOr<KeyPair> [..=V23_11],
        /// `ExtSensorsType`.
        pub ext_sensors_type: Option<String> [..=V23_11],
        /// `ExtSensorsFreq`, seconds.
        pub ext_sensors_freq: u16 [..=V23_11],
        /// `EpilogTimeout`, seconds.
        pub epilog_timeout: Limit<u16> [V25_05..],
        /// `FederationParameters`.
        pub federation_parameters: Option<String>,
        /// `FirstJobId`.
        pub first_job_id: u32,
        /// `FairShareDampeningFactor`.
        pub fair_share_dampening_factor: u16,
        /// `GetEnvTimeout`, seconds.
        pub get_env_timeout: u16 [..=V24_11],
        /// `GresTypes`.
        pub gres_types: Option<String>,
        /// `GroupUpdateTime`, seconds.
        pub group_update_time: u16,
        /// `GroupUpdateForce`.
        pub group_update_force: u16,
        /// `GpuFreqDef`.
        pub gpu_freq_def: Option<String>,
        /// `HashPlugin`.
        pub hash_plugin: Option<String> [V24_05..],
        /// Hash of slurm.conf; `NO_VAL` when it is not to be compared.
        pub hash_value: u32,
        /// `HealthCheckInterval`, seconds.
        pub health_check_interval: u16,
        /// `HealthCheckNodeState`.
        pub health_check_node_state: u16,
        /// `HealthCheckProgram`.
        pub health_check_program: Option<String>,
        /// `HealthCheckTimeout`, seconds.
        pub health_check_timeout: u16 [V26_05..],
        /// `HttpParserType`.
        pub http_parser_type: Option<String> [V25_11..],
        /// `InactiveLimit`, seconds.
        pub inactive_limit: u16,
        /// `InteractiveStepOptions`.
        pub interactive_step_options: Option<String>,
        /// `JobAcctGatherFrequency`.
        pub job_acct_gather_frequency: Option<String>,
        /// `JobAcctGatherType`.
        pub job_acct_gather_type: Option<String>,
        /// `JobAcctGatherParams`.
        pub job_acct_gather_params: Option<String>,
        /// `JobCompHost`.
        pub job_comp_host: Option<String>,
        /// `JobCompLoc`.
        pub job_comp_loc: Option<String>,
        /// `JobCompParams`.
        pub job_comp_params: Option<String>,
        /// `JobCompPort`.
        pub job_comp_port: Limit<u32>,
        /// `JobCompType`.
        pub job_comp_type: Option<String>,
        /// `JobCompUser`.
        pub job_comp_user: Option<String>,
        /// `NamespaceType`, which is `JobContainerType` up to 25.05.
        pub namespace_type: Option<String>,
        /// `JobDefaults`.
        pub job_defaults: NullOr<JobDefault>,
        /// `JobFileAppend`.
        pub job_file_append: u16,
        /// `JobRequeue`.
        pub job_requeue: u16,
        /// `JobSubmitPlugins`.
        pub job_submit_plugins: Option<String>,
        /// `KillOnBadExit`.
        pub kill_on_bad_exit: u16,
        /// `KillWait`, seconds.
        pub kill_wait: u16,
        /// `LaunchParameters`.
        pub launch_parameters: Option<String>,
        /// `LicenseParameters`.
        pub license_parameters: Option<String> [V26_05..],
        /// `Licenses`.
        pub licenses: Option<String>,
        /// `LogTimeFormat`, as a number.
        pub log_time_format: u16,
        /// `MaxArraySize`.
        pub max_array_size: u32,
        /// `MaxBatchRequeue`.
        pub max_batch_requeue: u32,
        /// `MaxDBDMsgs`.
        pub max_dbd_msgs: u32,
        /// `MailDomain`.
        pub mail_domain: Option<String>,
        /// `MailProg`.
        pub mail_prog: Option<String>,
        /// `MaxJobCount`.
        pub max_job_count: u32,
        /// `MaxJobId`.
        pub max_job_id: u32,
        /// `MaxMemPerCPU` with bit 63 set, or `MaxMemPerNode`; MB, 0 unlimited.
        pub max_mem_per_cpu: u64,
        /// `MaxNodeCount`.
        pub max_node_count: Limit<u32>,
        /// `MaxStepCount`.
        pub max_step_count: u32,
        /// `MaxTasksPerNode`.
        pub max_tasks_per_node: u16,
        /// `MCSPlugin`.
        pub mcs_plugin: Option<String>,
        /// `MCSParameters`.
        pub mcs_parameters: Option<String>,
        /// `MetricsAuthUsers`.
        pub metrics_auth_users: Option<String> [V26_05..],
        /// `MetricsParameters`.
        pub metrics_parameters: Option<String> [V26_05..],
        /// `MetricsType`.
        pub metrics_type: Option<String> [V25_11..],
        /// `MinJobAge`, seconds.
        pub min_job_age: u32,
        /// The lines of mpi.conf.
        pub mpi_conf: NullOr<KeyPair>,
        /// `MpiDefault`.
        pub mpi_default: Option<String>,
        /// `MpiParams`.
        pub mpi_params: Option<String>,
        /// `MessageTimeout`, seconds.
        pub message_timeout: u16,
        /// The next job id.
        pub next_job_id: u32,
        /// The lines of the node features plugins.
        pub node_features_conf: NullOr<PluginParameters>,
        /// `NodeFeaturesPlugins`.
        pub node_features_plugins: Option<String>,
        /// `NodePrefix`: NULL in releases that no longer have it.
        pub node_prefix: Option<String> [..=V24_11],
        /// `OverTimeLimit`, minutes.
        pub over_time_limit: Limit<u16>,
        /// `PluginDir`.
        pub plugin_dir: Option<String>,
        /// `PlugStackConfig`.
        pub plugstack_config: Option<String>,
        /// `PowerParameters`.
        pub power_parameters: Option<String> [..=V23_11],
        /// `PowerPlugin`.
        pub power_plugin: Option<String> [..=V23_11],
        /// `PreemptMode`.
        pub preempt_mode: u16,
        /// `PreemptParameters`.
        pub preempt_parameters: Option<String>,
        /// `PreemptType`.
        pub preempt_type: Option<String>,
        /// `PreemptExemptTime`, seconds.
        pub preempt_exempt_time: Limit<u32>,
        /// `PrEpParameters`.
        pub prep_parameters: Option<String>,
        /// `PrEpPlugins`.
        pub prep_plugins: Option<String>,
        /// `PriorityDecayHalfLife`, seconds.
        pub priority_decay_half_life: u32,
        /// `PriorityCalcPeriod`, seconds.
        pub priority_calc_period: u32,
        /// `PriorityFavorSmall`.
        pub priority_favor_small: u16,
        /// `PriorityFlags`.
        pub priority_flags: u16,
        /// `PriorityMaxAge`, seconds.
        pub priority_max_age: u32,
        /// `PriorityParameters`.
        pub priority_parameters: Option<String>,
        /// `PriorityUsageResetPeriod`.
        pub priority_usage_reset_period: u16,
        /// `PriorityType`.
        pub priority_type: Option<String>,
        /// `PriorityWeightAge`.
        pub priority_weight_age: u32,
        /// `PriorityWeightAssoc`.
        pub priority_weight_assoc: u32,
        /// `PriorityWeightFairShare`.
        pub priority_weight_fair_share: u32,
        /// `PriorityWeightJobSize`.
        pub priority_weight_job_size: u32,
        /// `PriorityWeightPartition`.
        pub priority_weight_partition: u32,
        /// `PriorityWeightQOS`.
        pub priority_weight_qos: u32,
        /// `PriorityWeightTRES`.
        pub priority_weight_tres: Option<String>,
        /// `PrivateData`.
        pub private_data: u16,
        /// `ProctrackType`.
        pub proctrack_type: Option<String>,
        /// `Prolog`.
        pub prolog: Programs,
        /// `PrologEpilogTimeout`, seconds.
        pub prolog_epilog_timeout: Limit<u16> [..=V24_11],
        /// `PrologSlurmctld`.
        pub prolog_slurmctld: Programs,
        /// `PrologTimeout`, seconds.
        pub prolog_timeout: Limit<u16> [V25_05..],
        /// `PrologFlags`.
        pub prolog_flags: u16,
        /// `PropagatePrioProcess`.
        pub propagate_prio_process: u16,
        /// `PropagateResourceLimits`.
        pub propagate_resource_limits: Option<String>,
        /// `PropagateResourceLimitsExcept`.
        pub propagate_resource_limits_except: Option<String>,
        /// `RebootProgram`.
        pub reboot_program: Option<String>,
        /// `ReconfigFlags`.
        pub reconfig_flags: u16,
        /// `RequeueExit`.
        pub requeue_exit: Option<String>,
        /// `RequeueExitHold`.
        pub requeue_exit_hold: Option<String>,
        /// `ResumeFailProgram`.
        pub resume_fail_program: Option<String>,
        /// `ResumeProgram`.
        pub resume_program: Option<String>,
        /// `ResumeRate`.
        pub resume_rate: u16,
        /// `ResumeTimeout`, seconds.
        pub resume_timeout: Limit<u16>,
        /// `ResvEpilog`.
        pub resv_epilog: Option<String>,
        /// `ResvOverRun`, minutes.
        pub resv_over_run: Limit<u16>,
        /// `ResvProlog`.
        pub resv_prolog: Option<String>,
        /// `ReturnToService`.
        pub return_to_service: u16,
        /// `SchedulerParameters`.
        pub scheduler_parameters: Option<String>,
        /// `SlurmSchedLogFile`.
        pub slurm_sched_log_file: Option<String>,
        /// `SlurmSchedLogLevel`.
        pub slurm_sched_log_level: u16,
        /// `SchedulerTimeSlice`, seconds.
        pub scheduler_time_slice: u16,
        /// `SchedulerType`.
        pub scheduler_type: Option<String>,
        /// `ScronParameters`.
        pub scron_parameters: Option<String>,
        /// `SelectType`.
        pub select_type: Option<String>,
        /// What the select plugin adds.
        pub select_conf: NullOr<KeyPair>,
        /// `SelectTypeParameters`.
        pub select_type_parameters: u16,
        /// Path of slurm.conf.
        pub slurm_conf: Option<String>,
        /// `SlurmUser`, user id.
        pub slurm_user_id: u32,
        /// `SlurmUser`, name.
        pub slurm_user_name: Option<String>,
        /// `SlurmdUser`, user id.
        pub slurmd_user_id: u32,
        /// `SlurmdUser`, name.
        pub slurmd_user_name: Option<String>,
        /// `SlurmctldAddr`.
        pub slurmctld_addr: Option<String>,
        /// `SlurmctldDebug`.
        pub slurmctld_debug: u16,
        /// `SlurmctldHttpAuthParameters`.
        pub slurmctld_http_auth_parameters: Option<String> [V26_05..],
        /// `SlurmctldLogFile`.
        pub slurmctld_log_file: Option<String>,
        /// `SlurmctldParameters`.
        pub slurmctld_parameters: Option<String>,
        /// `SlurmctldPidFile`.
        pub slurmctld_pid_file: Option<String>,
        /// `SlurmctldPort`.
        pub slurmctld_port: u32,
        /// How many ports `SlurmctldPort` names.
        pub slurmctld_port_count: u16,
        /// `SlurmctldPrimaryOffProg`.
        pub slurmctld_primary_off_prog: Option<String>,
        /// `SlurmctldPrimaryOnProg`.
        pub slurmctld_primary_on_prog: Option<String>,
        /// `SlurmctldSyslogDebug`.
        pub slurmctld_syslog_debug: u16,
        /// `SlurmctldTimeout`, seconds.
        pub slurmctld_timeout: u16,
        /// `SlurmdDebug`.
        pub slurmd_debug: u16,
        /// `SlurmdHttpAuthParameters`.
        pub slurmd_http_auth_parameters: Option<String> [V26_05..],
        /// `SlurmdLogFile`.
        pub slurmd_log_file: Option<String>,
        /// `SlurmdParameters`.
        pub slurmd_parameters: Option<String>,
        /// `SlurmdPidFile`.
        pub slurmd_pid_file: Option<String>,
        /// `SlurmdPort`.
        pub slurmd_port: u32,
        /// `SlurmdSpoolDir`.
        pub slurmd_spool_dir: Option<String>,
        /// `SlurmdSyslogDebug`.
        pub slurmd_syslog_debug: u16,
        /// `SlurmdTimeout`, seconds.
        pub slurmd_timeout: u16,
        /// `SrunEpilog`.
        pub srun_epilog: Option<String>,
        /// First port of `SrunPortRange`.
        pub srun_port_first: u16,
        /// Last port of `SrunPortRange`.
        pub srun_port_last: u16,
        /// `SrunProlog`.
        pub srun_prolog: Option<String>,
        /// `StateSaveLocation`.
        pub state_save_location: Option<String>,
        /// `SuspendExcNodes`.
        pub suspend_exc_nodes: Option<String>,
        /// `SuspendExcParts`.
        pub suspend_exc_parts: Option<String>,
        /// `SuspendExcStates`.
        pub suspend_exc_states: Option<String>,
        /// `SuspendProgram`.
        pub suspend_program: Option<String>,
        /// `SuspendRate`.
        pub suspend_rate: u16,
        /// `SuspendTime`, seconds.
        pub suspend_time: Limit<u32>,
        /// `SuspendTimeout`, seconds.
        pub suspend_timeout: Limit<u16>,
        /// `SwitchParameters`.
        pub switch_parameters: Option<String>,
        /// `SwitchType`.
        pub switch_type: Option<String>,
        /// `TaskEpilog`.
        pub task_epilog: Option<String>,
        /// `TaskProlog`.
        pub task_prolog: Option<String>,
        /// `TaskPlugin`.
        pub task_plugin: Option<String>,
        /// `TaskPluginParam`.
        pub task_plugin_param: u32,
        /// `TCPTimeout`, seconds.
        pub tcp_timeout: u16,
        /// `TLSParameters`.
        pub tls_parameters: Option<String> [V25_05..],
        /// `TLSType`.
        pub tls_type: Option<String> [V24_05..],
        /// `TmpFS`.
        pub tmp_fs: Option<String>,
        /// `TopologyParam`.
        pub topology_param: Option<String>,
        /// `TopologyPlugin`.
        pub topology_plugin: Option<String>,
        /// `TreeWidth`.
        pub tree_width: u16,
        /// `UnkillableStepProgram`.
        pub unkillable_step_program: Option<String>,
        /// `UnkillableStepTimeout`, seconds.
        pub unkillable_step_timeout: u16,
        /// `UrlParserType`.
        pub url_parser_type: Option<String> [V25_11..],
        /// The release of the controller, such as `24.11.5`.
        pub version: Option<String>,
        /// `VSizeFactor`.
        pub vsize_factor: u16,
        /// `WaitTime`, seconds.
        pub wait_time: u16,
        /// `X11Parameters`.
        pub x11_parameters: Option<String>,
    }
}
