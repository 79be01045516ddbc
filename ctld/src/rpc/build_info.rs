//! slurm.conf as the controller has it: `scontrol show config`.

use std::sync::Arc;

use model::Uid;
use protocol::msg::{BuildInfo, BuildInfoRequest, JobDefault, Programs, job_default};
use protocol::shape::{self, Limit, NullOr};
use protocol::{Number, Version};

use super::field::unless_known;
use super::{Failure, Reply, Request, Row};
use crate::config::{Keys, Memory, NO_VALUE_32};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[Row::read(Number::REQUEST_BUILD_INFO, build_info)];

/// `DebugFlags=NO_CONF_HASH`: nodes may have another slurm.conf.
const NO_CONF_HASH: u64 = 1 << 5;
/// A level of the syslog that was not given: one past debug5.
const NO_LEVEL: u16 = 10;
/// HealthCheckNodeState=ANY up to 25.05, and from 25.11 on, where there are more states.
const ANY_STATE: u16 = 0x000f;
const ANY_STATE_25_11: u16 = 0x00ff;

/// Texts that are told as the file has them.
macro_rules! texts {
    ($keys:ident, $info:ident: $($field:ident $(= $key:ident)?),*) => {
        $( $info.$field = texts!(@ $keys $field $($key)?).clone(); )*
    };
    (@ $keys:ident $field:ident) => { $keys.$field };
    (@ $keys:ident $field:ident $key:ident) => { $keys.$key };
}

/// Numbers that are told as they are.
macro_rules! numbers {
    ($keys:ident, $info:ident: $($field:ident $(= $key:ident)?),*) => {
        $( $info.$field = texts!(@ $keys $field $($key)?); )*
    };
}

/// Numbers of which two stand for "not set" and "without limit".
macro_rules! limits {
    ($keys:ident, $info:ident: $($field:ident $(= $key:ident)?),*) => {
        $( $info.$field = Limit::from_raw(texts!(@ $keys $field $($key)?)); )*
    };
}

fn build_info(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: BuildInfoRequest = request.decode()?;
    unless_known(asked.last_update, view.changed.config)?;
    let mut info = BuildInfo {
        last_update: shape::Timestamp(request.now.0),
        boot_time: shape::Timestamp(view.booted.0),
        // Three numbers, as scripts take them apart; ctld has no patch of Slurm's.
        version: Some(format!("{}.0", request.version)),
        next_job_id: view.cluster.counters().next_job.max(view.conf.keys.first_job_id),
        // Its plugins are read by the nodes; no line of it is the controller's.
        acct_gather_conf: NullOr(Some(Vec::new())),
        ..BuildInfo::default()
    };
    let keys = &view.conf.keys;
    tell_a_to_i(keys, &mut info);
    tell_j_to_p(keys, &mut info);
    tell_r_to_z(keys, &mut info);
    tell_programs(keys, &mut info);
    tell_hosts(view, &mut info);
    tell_words(view, &mut info);
    tell_priorities(view, &mut info);
    tell_tuning(view, &mut info);
    if request.version >= Version::V25_11 && info.health_check_node_state & ANY_STATE == ANY_STATE {
        info.health_check_node_state |= ANY_STATE_25_11;
    }
    // 25.11 alone names the parsers that it is built with; 26.05 says what the file says.
    if request.version == Version::V25_11 {
        info.http_parser_type.get_or_insert_with(|| "http_parser/libhttp_parser".to_owned());
        info.url_parser_type.get_or_insert_with(|| "url_parser/libhttp_parser".to_owned());
    }
    // 25.05 gave the plugin another name.
    if request.version < Version::V25_05 && info.topology_plugin.as_deref() == Some("topology/flat")
    {
        info.topology_plugin = Some("topology/default".to_owned());
    }
    Ok(request.reply(Number::RESPONSE_BUILD_INFO, &info))
}

/// Keys from A to I that are told as they are.
fn tell_a_to_i(keys: &Keys, info: &mut BuildInfo) {
    texts!(keys, info:
        accounting_storage_backup_host, accounting_storage_host,
        accounting_storage_external_host, accounting_storage_parameters, accounting_storage_tres,
        accounting_storage_type, accounting_storage_user, acct_gather_energy_type,
        acct_gather_filesystem_type, acct_gather_interconnect_type, acct_gather_profile_type,
        auth_alt_types, auth_alt_parameters, auth_info, auth_type, burst_buffer_type,
        bcast_exclude, bcast_parameters, certmgr_parameters, certmgr_type, cli_filter_parameters,
        cli_filter_plugins, cluster_name, communication_parameters, core_spec_plugin, cred_type,
        data_parser_parameters, dependency_parameters, ext_sensors_type, federation_parameters,
        gres_types, gpu_freq_def, hash_plugin, health_check_program, http_parser_type,
        interactive_step_options
    );
    numbers!(keys, info:
        accounting_storage_port, acct_gather_node_freq, batch_start_timeout, complete_wait,
        eio_timeout, epilog_msg_time, ext_sensors_freq, first_job_id, get_env_timeout,
        group_update_time, group_update_force, health_check_interval, health_check_timeout,
        inactive_limit
    );
    limits!(keys, info:
        epilog_timeout
    );
}

/// Keys from J to P.
fn tell_j_to_p(keys: &Keys, info: &mut BuildInfo) {
    texts!(keys, info:
        job_acct_gather_frequency, job_acct_gather_type, job_acct_gather_params, job_comp_host,
        job_comp_loc, job_comp_params, job_comp_type, job_comp_user, job_submit_plugins,
        launch_parameters, license_parameters, licenses, mail_domain, mail_prog, mcs_plugin,
        mcs_parameters, metrics_auth_users, metrics_parameters, metrics_type, mpi_default,
        mpi_params, node_features_plugins, plugin_dir, plugstack_config = plug_stack_config,
        power_parameters, power_plugin, preempt_parameters, preempt_type, prep_parameters,
        prep_plugins, priority_parameters, priority_type, priority_weight_tres, proctrack_type,
        propagate_resource_limits, propagate_resource_limits_except
    );
    numbers!(keys, info:
        job_file_append, job_requeue, kill_on_bad_exit, kill_wait, max_array_size,
        max_batch_requeue, max_dbd_msgs, max_job_count, max_job_id, max_step_count,
        max_tasks_per_node, min_job_age, message_timeout, priority_weight_age,
        priority_weight_assoc, priority_weight_fair_share = priority_weight_fairshare,
        priority_weight_job_size, priority_weight_partition, priority_weight_qos,
        propagate_prio_process
    );
    limits!(keys, info:
        job_comp_port, over_time_limit, prolog_epilog_timeout, prolog_timeout
    );
}

/// Keys from R to Z.
fn tell_r_to_z(keys: &Keys, info: &mut BuildInfo) {
    texts!(keys, info:
        reboot_program, requeue_exit, requeue_exit_hold, resume_fail_program, resume_program,
        resv_epilog, resv_prolog, scheduler_parameters, slurm_sched_log_file, scheduler_type,
        scron_parameters, select_type, slurmctld_addr, slurmctld_http_auth_parameters,
        slurmctld_log_file, slurmctld_parameters, slurmctld_pid_file, slurmctld_primary_off_prog,
        slurmctld_primary_on_prog, slurmd_http_auth_parameters, slurmd_log_file,
        slurmd_parameters, slurmd_pid_file, slurmd_spool_dir, srun_epilog, srun_prolog,
        state_save_location,
        suspend_program, switch_parameters, switch_type, task_epilog, task_prolog, task_plugin,
        tls_parameters, tls_type, tmp_fs, topology_param, topology_plugin,
        unkillable_step_program, url_parser_type, x11_parameters
    );
    numbers!(keys, info:
        resume_rate, return_to_service, scheduler_time_slice, slurmctld_timeout, slurmd_timeout,
        suspend_rate, tcp_timeout, tree_width, unkillable_step_timeout, vsize_factor, wait_time
    );
    limits!(keys, info:
        resume_timeout, resv_over_run, suspend_timeout
    );
}

fn tell_programs(keys: &Keys, info: &mut BuildInfo) {
    let programs = |paths: &[String]| Programs(paths.iter().cloned().map(Some).collect());
    info.epilog = programs(&keys.epilog);
    info.epilog_slurmctld = programs(&keys.epilog_slurmctld);
    info.prolog = programs(&keys.prolog);
    info.prolog_slurmctld = programs(&keys.prolog_slurmctld);
}

fn tell_hosts(view: &View, info: &mut BuildInfo) {
    let conf = &view.conf;
    let hosts = conf.controllers.iter();
    info.slurmctld_hosts = hosts.clone().map(|one| Some(one.host.clone())).collect();
    info.slurmctld_addrs = hosts.map(|one| Some(one.address.clone())).collect();
    info.slurmctld_port = (*conf.ports.start()).into();
    info.slurmctld_port_count = conf.ports.end() - conf.ports.start() + 1;
    info.slurmd_port = conf.slurmd_port.into();
    if let Some(ports) = &conf.srun_ports {
        (info.srun_port_first, info.srun_port_last) = (*ports.start(), *ports.end());
    }
    info.slurm_conf = Some(conf.path.display().to_string());
    let hidden = conf.settings.debug_flags & NO_CONF_HASH != 0;
    info.hash_value = if hidden { NO_VALUE_32 } else { conf.hash.0 };
    let config = view.cluster.config();
    let name = |uid: Uid| Some(view.users.name(uid).to_string());
    info.slurm_user_id = config.slurm_user.0;
    info.slurm_user_name = name(config.slurm_user);
    info.slurmd_user_id = config.slurmd_user.0;
    info.slurmd_user_name = name(config.slurmd_user);
}

/// Keys that are words in the file and numbers on the wire.
fn tell_words(view: &View, info: &mut BuildInfo) {
    let (keys, settings) = (&view.conf.keys, &view.conf.settings);
    let shown = &settings.shown;
    info.conf_flags = shown.conf_flags;
    info.accounting_storage_enforce = shown.accounting_storage_enforce;
    info.cpu_freq_def = Limit::from_raw(shown.cpu_freq_def);
    info.cpu_freq_governors = Limit::from_raw(shown.cpu_freq_governors);
    info.def_mem_per_cpu = Memory::wire(settings.def_mem);
    info.max_mem_per_cpu = Memory::wire(settings.max_mem);
    info.enforce_part_limits = settings.enforce_part_limits.wire();
    info.health_check_node_state = settings.health_check_states;
    info.log_time_format = shown.log_format;
    info.namespace_type = keys.namespace_type.clone().or_else(|| keys.job_container_type.clone());
    info.preempt_mode = settings.preempt_mode.wire();
    let exempt = settings.times.preempt_exempt_s.map_or(0, |limit| limit.wire());
    info.preempt_exempt_time = Limit::from_raw(exempt);
    info.private_data = settings.private_data;
    info.prolog_flags = settings.prolog_flags;
    info.reconfig_flags = settings.reconfig_flags;
    info.select_type_parameters = settings.select_bits;
    info.slurmctld_syslog_debug = settings.slurmctld_syslog_debug.unwrap_or(NO_LEVEL);
    info.slurmd_debug = settings.slurmd_debug;
    info.slurmd_syslog_debug = settings.slurmd_syslog_debug.unwrap_or(NO_LEVEL);
    let except = &view.cluster.config().suspend_except;
    let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    info.suspend_exc_nodes = text(&except.nodes_text);
    info.suspend_exc_parts = text(&except.partitions);
    info.suspend_exc_states = text(&except.states_text);
    info.suspend_time = Limit::from_raw(settings.times.suspend_s.wire());
    info.task_plugin_param = shown.task_plugin_param;
    info.max_node_count = Limit::Value(match keys.max_node_count {
        NO_VALUE_32 => u32::try_from(view.cluster.node_count()).unwrap_or(u32::MAX),
        count => count,
    });
    info.job_defaults = NullOr(job_defaults(keys));
}

fn job_defaults(keys: &Keys) -> Option<Vec<JobDefault>> {
    let all = [
        (job_default::CPU_PER_GPU, keys.def_cpu_per_gpu),
        (job_default::MEM_PER_GPU, keys.def_mem_per_gpu),
    ];
    let given = all.into_iter().filter(|(_, value)| *value > 0);
    let defaults: Vec<_> = given.map(|(kind, value)| JobDefault { kind, value }).collect();
    (!defaults.is_empty()).then_some(defaults)
}

fn tell_priorities(view: &View, info: &mut BuildInfo) {
    let (keys, times) = (&view.conf.keys, &view.conf.settings.times);
    let shown = &view.conf.settings.shown;
    info.priority_decay_half_life = times.priority_decay_half_life_s.wire();
    info.priority_calc_period = times.priority_calc_period_s;
    info.priority_favor_small = u16::from(keys.priority_favor_small);
    info.priority_flags = shown.priority_flags;
    info.priority_max_age = times.priority_max_age_s.wire();
    info.priority_usage_reset_period = shown.priority_reset_period;
}

/// What scontrol may have altered since.
fn tell_tuning(view: &View, info: &mut BuildInfo) {
    info.slurmctld_debug = view.tuning.debug_level;
    info.debug_flags = view.tuning.debug_flags;
    info.slurm_sched_log_level = view.tuning.sched_log_level;
    info.fair_share_dampening_factor = view.tuning.fs_dampening_factor;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::Errno;
    use protocol::wire::from_bytes;

    use super::*;
    use crate::rpc::fixtures::{self, NOW};
    use crate::view::Tuning;

    /// What the captures' slurm.conf has beside what shows in nodes and partitions.
    const REST: &str = "SlurmctldPort=6817\nSlurmdPort=6818\n\
        StateSaveLocation=/var/spool/cap/ctld\nSlurmdSpoolDir=/var/spool/cap/%n\n\
        SlurmctldPidFile=/var/spool/cap/slurmctld.pid\nSlurmdPidFile=/var/spool/cap/slurmd-%n.pid\n\
        SlurmctldLogFile=/var/spool/cap/ctld.log\nSlurmdLogFile=/var/spool/cap/slurmd-%n.log\n\
        ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n\
        JobAcctGatherType=jobacct_gather/linux\nJobAcctGatherFrequency=1\n\
        TopologyPlugin=topology/tree\nPriorityType=priority/multifactor\nPriorityWeightAge=1000\n\
        PriorityWeightJobSize=1000\nSlurmctldParameters=enable_configless\n";

    fn ask(view: &View, version: Version, last_update: i64) -> Result<BuildInfo, Failure> {
        let body = BuildInfoRequest { last_update: shape::Timestamp(last_update) };
        let body = fixtures::bytes(&body, version);
        let reply =
            build_info(view, &fixtures::request(Number::REQUEST_BUILD_INFO, version, &body))?;
        assert_eq!(reply.number, Number::RESPONSE_BUILD_INFO);
        Ok(from_bytes(&reply.body, version).unwrap())
    }

    #[test]
    fn the_configuration_is_told_as_stock_controllers_tell() {
        let mut view = fixtures::view(&format!("{REST}{}", fixtures::GOLDEN), &[]);
        view.tuning = Arc::new(Tuning {
            debug_level: view.conf.settings.slurmctld_debug,
            fs_dampening_factor: 1,
            ..Tuning::default()
        });
        let mut compared = 0;
        for frame in fixtures::captured(Number::RESPONSE_BUILD_INFO) {
            let version = frame.header.version;
            let mut stock: BuildInfo = from_bytes(&frame.body, version).unwrap();
            let ours = ask(&view, version, 0).unwrap();
            // Of the machine, or of the release of the controller.
            stock.last_update = ours.last_update;
            stock.boot_time = ours.boot_time;
            stock.hash_value = ours.hash_value;
            stock.mpi_conf = NullOr(None);
            stock.version.clone_from(&ours.version);
            stock.plugin_dir.clone_from(&ours.plugin_dir);
            stock.slurmctld_hosts.clone_from(&ours.slurmctld_hosts);
            stock.slurmctld_addrs.clone_from(&ours.slurmctld_addrs);
            fixtures::assert_same(&stock, &ours, version);
            compared += 1;
        }
        assert_eq!(compared, 4);
    }

    #[test]
    fn no_change_is_said_and_changes_at_run_time_are_told() {
        let mut view = fixtures::view("NodeName=n1\nDebugFlags=NO_CONF_HASH\n", &[]);
        view.changed.config = NOW;
        view.tuning = Arc::new(Tuning { debug_level: 7, debug_flags: 3, ..Tuning::default() });
        let info = ask(&view, Version::NEWEST, 0).unwrap();
        assert_eq!((info.slurmctld_debug, info.debug_flags), (7, 3));
        assert_eq!(info.version.as_deref(), Some("26.05.0"));
        assert_eq!(info.hash_value, NO_VALUE_32);
        let refused = ask(&view, Version::NEWEST, NOW.0 + 1).unwrap_err();
        assert_eq!(refused, Failure::Code(Errno::SLURM_NO_CHANGE_IN_DATA));
    }
}
