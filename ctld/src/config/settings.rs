//! The pass over all keys once they are read: defaults that depend on other keys, checks between
//! keys, and lists taken apart.
//!
//! Facts: `_validate_and_set_defaults` of Slurm 24.11.5 and 26.05.3.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::{
    flag::{self, EnforcePartLimits, PreemptMode, Preempted},
    key::Keys,
    node,
    option::{self, Options},
    partition::Memory,
    problem::{Cause, NumberError, Place, Problems},
    shown::Shown,
    slurm_conf::{Settings, Times},
    value::{Limit, NO_VALUE_16, NO_VALUE_32, minutes, seconds},
};

/// The largest `MaxJobId`: job ids have 26 bits, the rest is the federation's.
const MAX_JOB_ID: u32 = 0x03ff_ffff;
/// The most nodes that `MaxNodeCount` may ask for.
const MAX_NODES: u32 = 65_536;
/// The largest array task id and one; above it slurmctld complains.
const MAX_ARRAY: u32 = 4_000_001;
/// slurmctld's port.
const SLURMCTLD_PORT: u16 = 6817;
/// Slurm's `MAX_BATCH_SCRIPT_SIZE`, 512 MiB.
const MAX_SCRIPT: u64 = 512 * 1024 * 1024;
/// What MCSPlugin may be, beside `mcs/none`.
const MCS_PLUGINS: [&str; 4] = ["mcs/user", "mcs/group", "mcs/account", "mcs/label"];
/// A week: the default of decay and age.
const WEEK_S: u32 = 604_800;

type Given = BTreeMap<&'static str, Place>;

/// Ports after their checks.
pub(super) struct Ports {
    pub controller: RangeInclusive<u16>,
    pub slurmd: u16,
    pub srun: Option<RangeInclusive<u16>>,
}

struct Pass<'a> {
    given: &'a Given,
    problems: &'a mut Problems,
}

impl Pass<'_> {
    fn warn(&mut self, key: &str, cause: Cause) {
        self.problems.warn(self.given.get(key), cause);
    }

    fn error(&mut self, key: &str, cause: Cause) {
        self.problems.error(self.given.get(key), cause);
    }

    /// Reads a text key, or takes the default if it is absent or wrong; what is wrong is an error.
    fn read<T>(
        &mut self,
        key: &'static str,
        text: &Option<String>,
        default: T,
        parse: impl Fn(&str) -> Option<T>,
    ) -> T {
        let Some(text) = text else { return default };
        parse(text).unwrap_or_else(|| {
            self.error(key, Cause::BadValue { key, value: text.clone() });
            default
        })
    }

    /// As `read`, for lists that name their bad word.
    fn flags<T: Default>(
        &mut self,
        key: &'static str,
        text: &Option<String>,
        parse: impl Fn(&str) -> Result<T, Cause>,
    ) -> T {
        let read = parse(text.as_deref().unwrap_or_default());
        read.unwrap_or_else(|cause| {
            self.error(key, cause);
            T::default()
        })
    }

    fn options(
        &mut self,
        list: &option::List,
        key: &'static str,
        text: &Option<String>,
    ) -> Options {
        let options = Options::parse(text.as_deref().unwrap_or_default());
        options.check(list, self.given.get(key), self.problems);
        options
    }

    fn memory(&mut self, node: (&'static str, u64), cpu: (&'static str, u64)) -> Option<Memory> {
        let value = |(key, mib): (&'static str, u64)| self.given.contains_key(key).then_some(mib);
        let (per_node, per_cpu) = (value(node), value(cpu));
        if per_node.is_some() && per_cpu.is_some() {
            self.warn(cpu.0, Cause::MutuallyExclusive { key: cpu.0, stronger: node.0 });
        }
        // 0 is "not set", on a line of its own as well.
        Memory::choose(per_node, per_cpu)
            .filter(|m| !matches!(m, Memory::PerNode(0) | Memory::PerCpu(0)))
    }
}

/// Applies all rules between keys and takes lists apart.
pub(super) fn derive(keys: &mut Keys, given: &Given, problems: &mut Problems) -> Settings {
    let mut pass = Pass { given, problems };
    plugins(keys);
    mcs(keys, &mut pass);
    job_ids(keys, &mut pass);
    counts(keys, &mut pass);
    timeouts(keys, &mut pass);
    completion(keys, &mut pass);
    let preempt_mode = preemption(keys, &mut pass);
    let communication = communication(keys, &mut pass);
    let slurmctld =
        pass.options(&option::SLURMCTLD, "SlurmctldParameters", &keys.slurmctld_parameters);
    let scheduler = scheduler(keys, &mut pass);
    let levels = log_levels(keys, &mut pass);
    Settings {
        auth_info: pass.options(&option::AUTH_INFO, "AuthInfo", &keys.auth_info),
        select_bits: select_bits(keys, &mut pass),
        debug_flags: pass.flags("DebugFlags", &keys.debug_flags, flag::debug_flags),
        prolog_flags: pass.flags("PrologFlags", &keys.prolog_flags, flag::prolog_flags),
        private_data: flag::private_data(keys.private_data.as_deref().unwrap_or_default()),
        reconfig_flags: pass.flags("ReconfigFlags", &keys.reconfig_flags, flag::reconfig_flags),
        health_check_states: health_check_states(keys, &mut pass),
        enforce_part_limits: pass.read(
            "EnforcePartLimits",
            &keys.enforce_part_limits,
            EnforcePartLimits::No,
            EnforcePartLimits::parse,
        ),
        preempt_mode,
        preemption: pass.options(&option::PREEMPT, "PreemptParameters", &keys.preempt_parameters),
        def_mem: pass.memory(
            ("DefMemPerNode", keys.def_mem_per_node),
            ("DefMemPerCPU", keys.def_mem_per_cpu),
        ),
        max_mem: pass.memory(
            ("MaxMemPerNode", keys.max_mem_per_node),
            ("MaxMemPerCPU", keys.max_mem_per_cpu),
        ),
        slurmctld_debug: levels[0].unwrap_or(3),
        slurmd_debug: levels[1].unwrap_or(3),
        slurmctld_syslog_debug: levels[2],
        slurmd_syslog_debug: levels[3],
        times: times(keys, &mut pass),
        gres_types: flag::words(keys.gres_types.as_deref().unwrap_or_default())
            .map(str::to_owned)
            .collect(),
        shown: shown(keys, &mut pass),
        ipv4: !communication.has("DisableIPv4"),
        ipv6: communication.has("EnableIPv6"),
        configless: slurmctld.has("enable_configless"),
        config_overrides: contains(&keys.slurmd_parameters, "config_override"),
        communication,
        slurmctld,
        scheduler,
    }
}

fn communication(keys: &Keys, pass: &mut Pass<'_>) -> Options {
    const KEY: &str = "CommunicationParameters";
    let options = pass.options(&option::COMMUNICATION, KEY, &keys.communication_parameters);
    if options.has("DisableIPv4") && !options.has("EnableIPv6") {
        pass.error(KEY, Cause::NoAddressFamily);
    }
    options
}

/// The levels of slurmctld, slurmd, and of both in the system's log.
fn log_levels(keys: &Keys, pass: &mut Pass<'_>) -> [Option<u16>; 4] {
    [
        ("SlurmctldDebug", &keys.slurmctld_debug),
        ("SlurmdDebug", &keys.slurmd_debug),
        ("SlurmctldSyslogDebug", &keys.slurmctld_syslog_debug),
        ("SlurmdSyslogDebug", &keys.slurmd_syslog_debug),
    ]
    .map(|(key, text)| pass.read(key, text, None, |text| flag::log_level(text).map(Some)))
}

fn health_check_states(keys: &Keys, pass: &mut Pass<'_>) -> u16 {
    let text = keys.health_check_node_state.as_deref().unwrap_or("ANY");
    let (states, bad) = flag::health_check_states(text);
    bad.into_iter().for_each(|cause| pass.warn("HealthCheckNodeState", cause));
    states
}

/// What is given to jobs; CR_Core_Memory is the default of cons_tres, other plugins have none.
fn select_bits(keys: &Keys, pass: &mut Pass<'_>) -> u16 {
    let cons_tres = contains(&keys.select_type, "cons_tres");
    let text = keys.select_type_parameters.clone();
    let text = text.or_else(|| cons_tres.then(|| "CR_Core_Memory".to_owned()));
    pass.flags("SelectTypeParameters", &text, flag::select_parameters)
}

fn shown(keys: &Keys, pass: &mut Pass<'_>) -> Shown {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    let shown =
        Shown::read(keys, &mut |key, cause| errors.push((key, cause)), &mut |key, cause| {
            warnings.push((key, cause))
        });
    errors.into_iter().for_each(|(key, cause)| pass.error(key, cause));
    warnings.into_iter().for_each(|(key, cause)| pass.warn(key, cause));
    shown
}

fn times(keys: &Keys, pass: &mut Pass<'_>) -> Times {
    let week = Limit::At(WEEK_S);
    let suspend = |text: &str| node::suspend_time("SuspendTime", text).ok();
    let exempt = |text: &str| seconds(text).map(Some);
    let (half_life, period) = (&keys.priority_decay_half_life, &keys.priority_calc_period);
    Times {
        preempt_exempt_s: pass.read("PreemptExemptTime", &keys.preempt_exempt_time, None, exempt),
        suspend_s: pass.read("SuspendTime", &keys.suspend_time, Limit::Unlimited, suspend),
        priority_decay_half_life_s: pass.read(
            "PriorityDecayHalfLife",
            half_life,
            week,
            whole_minutes,
        ),
        priority_calc_period_s: pass.read("PriorityCalcPeriod", period, 300, calc_period),
        priority_max_age_s: pass.read(
            "PriorityMaxAge",
            &keys.priority_max_age,
            week,
            whole_minutes,
        ),
    }
}

/// Seconds of a time that counts in minutes.
fn whole_minutes(text: &str) -> Option<Limit> {
    Some(match minutes(text)? {
        Limit::At(m) => Limit::At(m.checked_mul(60)?),
        Limit::Unlimited => Limit::Unlimited,
    })
}

fn calc_period(text: &str) -> Option<u32> {
    match whole_minutes(text)? {
        Limit::At(s) if s > 0 => Some(s),
        Limit::At(_) | Limit::Unlimited => None,
    }
}

fn contains(text: &Option<String>, part: &str) -> bool {
    text.as_deref().is_some_and(|text| text.to_ascii_lowercase().contains(part))
}

/// MCSPlugin and MCSParameters want each other.
fn mcs(keys: &Keys, pass: &mut Pass<'_>) {
    match (&keys.mcs_plugin, &keys.mcs_parameters) {
        (Some(plugin), _) if !MCS_PLUGINS.contains(&plugin.as_str()) => {
            pass.error("MCSPlugin", Cause::BadValue { key: "MCSPlugin", value: plugin.clone() });
        }
        (Some(plugin), None) if plugin == "mcs/group" => {
            pass.error("MCSPlugin", Cause::McsGroupAlone);
        }
        (None, Some(words)) if pass.given.contains_key("MCSPlugin") => {
            pass.warn("MCSParameters", Cause::McsParametersOfNone(words.clone()));
        }
        (None, Some(words)) => {
            pass.error("MCSParameters", Cause::McsParametersAlone(words.clone()));
        }
        (Some(_), _) | (None, None) => {}
    }
}

/// Plugin names: `…/none` is no plugin, and old keys and names stand for new ones.
fn plugins(keys: &mut Keys) {
    let optional = [
        &mut keys.acct_gather_energy_type,
        &mut keys.acct_gather_profile_type,
        &mut keys.acct_gather_interconnect_type,
        &mut keys.acct_gather_filesystem_type,
        &mut keys.accounting_storage_type,
        &mut keys.cli_filter_plugins,
        &mut keys.job_acct_gather_type,
        &mut keys.job_comp_type,
        &mut keys.job_container_type,
        &mut keys.mcs_plugin,
        &mut keys.mpi_default,
        &mut keys.namespace_type,
        &mut keys.priority_site_factor_plugin,
        &mut keys.switch_type,
        &mut keys.task_plugin,
    ];
    for plugin in optional {
        if contains(plugin, "none") {
            *plugin = None;
        }
    }
    if keys.preempt_type.as_deref() == Some("preempt/none") {
        keys.preempt_type = None;
    }
    if keys.bcast_parameters.is_none() {
        keys.bcast_parameters = keys.sbcast_parameters.clone();
    }
    let topology = keys.topology_plugin.as_deref().unwrap_or_default().to_ascii_lowercase();
    if ["none", "default", "topology/none", "topology/default"].contains(&topology.as_str()) {
        keys.topology_plugin = Some("topology/flat".to_owned());
    }
    if let Some(plugins) = &keys.task_plugin {
        let short = |p: &str| p.strip_prefix("task/").unwrap_or(p).to_owned();
        let mut sorted: Vec<String> = flag::words(plugins).map(short).collect();
        sorted.sort();
        keys.task_plugin =
            Some(sorted.iter().map(|p| format!("task/{p}")).collect::<Vec<_>>().join(","));
    }
    if keys.accounting_storage_type.as_deref() == Some("accounting_storage/slurmdbd") {
        if keys.accounting_storage_port == 0 {
            keys.accounting_storage_port = 6819;
        }
        keys.accounting_storage_user = Some("N/A".to_owned());
    }
    if keys.job_comp_type.as_deref() == Some("job_comp/mysql") && keys.job_comp_port == 0 {
        keys.job_comp_port = 3306;
    }
}

fn job_ids(keys: &mut Keys, pass: &mut Pass<'_>) {
    if keys.first_job_id == 0 {
        pass.error("FirstJobId", Cause::FirstJobIdZero);
    }
    if keys.max_job_id > MAX_JOB_ID {
        let (value, used) = (keys.max_job_id.into(), MAX_JOB_ID.into());
        pass.warn("MaxJobId", Cause::Reset { key: "MaxJobId", value, used });
        keys.max_job_id = MAX_JOB_ID;
    }
    if keys.first_job_id > keys.max_job_id {
        pass.error("FirstJobId", Cause::FirstJobIdAfterLast);
        return;
    }
    let ids = (keys.max_job_id - keys.first_job_id).saturating_add(1);
    if keys.max_job_count > ids {
        let value = keys.max_job_count.into();
        pass.warn("MaxJobCount", Cause::Reset { key: "MaxJobCount", value, used: ids.into() });
        keys.max_job_count = ids;
    }
}

fn counts(keys: &mut Keys, pass: &mut Pass<'_>) {
    for (key, count) in [("MaxJobCount", keys.max_job_count), ("MaxStepCount", keys.max_step_count)]
    {
        if count == 0 {
            pass.error(key, Cause::NonePermitted { key });
        }
    }
    let too_large = |key, value: u32, max: u32| Cause::Number {
        key,
        value: value.to_string(),
        why: NumberError::TooLarge(max.into()),
    };
    if keys.max_array_size > MAX_ARRAY {
        let cause = too_large("MaxArraySize", keys.max_array_size, MAX_ARRAY);
        pass.warn("MaxArraySize", cause);
    }
    if keys.max_node_count != NO_VALUE_32 && keys.max_node_count > MAX_NODES {
        let cause = too_large("MaxNodeCount", keys.max_node_count, MAX_NODES);
        pass.error("MaxNodeCount", cause);
    }
    keys.job_requeue = keys.job_requeue.min(1);
    if keys.tree_width == 0 {
        pass.warn("TreeWidth", Cause::Reset { key: "TreeWidth", value: 0, used: 16 });
        keys.tree_width = 16;
    }
    if keys.propagate_prio_process > 2 {
        let value = keys.propagate_prio_process.to_string();
        pass.error("PropagatePrioProcess", Cause::BadValue { key: "PropagatePrioProcess", value });
    }
    if keys.slurm_sched_log_level > 0 && keys.slurm_sched_log_file.is_none() {
        pass.error("SlurmSchedLogLevel", Cause::SchedLogWithoutFile);
    }
}

fn timeouts(keys: &mut Keys, pass: &mut Pass<'_>) {
    if keys.min_job_age < 2 {
        let value = keys.min_job_age.into();
        pass.warn("MinJobAge", Cause::Reset { key: "MinJobAge", value, used: 2 });
        keys.min_job_age = 2;
    }
    if keys.scheduler_time_slice < 5 {
        let value = keys.scheduler_time_slice.into();
        pass.warn(
            "SchedulerTimeSlice",
            Cause::Reset { key: "SchedulerTimeSlice", value, used: 30 },
        );
        keys.scheduler_time_slice = 30;
    }
    if !pass.given.contains_key("UnkillableStepTimeout") {
        keys.unkillable_step_timeout = keys.message_timeout.saturating_mul(5).max(60);
    }
    for timeout in [&mut keys.prolog_timeout, &mut keys.epilog_timeout] {
        if *timeout == NO_VALUE_16 {
            *timeout = keys.prolog_epilog_timeout;
        }
    }
}

/// JobCompType: of the kinds of records of jobs that have ended there is one.
fn completion(keys: &Keys, pass: &mut Pass<'_>) {
    if !matches!(keys.job_comp_type.as_deref(), None | Some("jobcomp/none" | "jobcomp/filetxt")) {
        let lacking = "records of jobs that have ended but jobcomp/filetxt";
        pass.warn("JobCompType", Cause::NoEffect { key: "JobCompType", lacking });
    }
}

fn preemption(keys: &Keys, pass: &mut Pass<'_>) -> PreemptMode {
    let mode =
        pass.read("PreemptMode", &keys.preempt_mode, PreemptMode::default(), PreemptMode::parse);
    if mode.preempted == Preempted::Suspended && !mode.gang {
        pass.error("PreemptMode", Cause::SuspendWithoutGang);
    }
    let off = mode.preempted == Preempted::Off;
    let compatible = match keys.preempt_type.as_deref() {
        None => off && !mode.within,
        Some("preempt/qos" | "preempt/partition_prio") => !off,
        Some(_) => true,
    };
    if !compatible {
        pass.error("PreemptMode", Cause::PreemptIncompatible);
    }
    if mode.gang {
        let lacking = "gang scheduling, nor jobs that are stopped for others";
        pass.warn("PreemptMode", Cause::NoEffect { key: "PreemptMode=GANG", lacking });
    }
    if keys.preempt_type.as_deref() == Some("preempt/qos") {
        let lacking = "accounting through slurmdbd";
        pass.warn("PreemptType", Cause::NoEffect { key: "PreemptType=preempt/qos", lacking });
    }
    mode
}

fn scheduler(keys: &Keys, pass: &mut Pass<'_>) -> Options {
    const KEY: &str = "SchedulerParameters";
    let options = pass.options(&option::SCHEDULER, KEY, &keys.scheduler_parameters);
    if options.number("max_script_size").is_some_and(|size| size > MAX_SCRIPT) {
        let (option, limit) = ("max_script_size", MAX_SCRIPT);
        pass.error(KEY, Cause::OptionTooLarge { key: KEY, option, limit });
    }
    let plugins = [
        ("SchedulerType", "sched/backfill", &keys.scheduler_type, "backfill"),
        ("SelectType", "select/linear", &keys.select_type, "select/linear"),
    ];
    for (key, plugin, value, lacking) in plugins {
        if pass.given.contains_key(key) && value.as_deref() == Some(plugin) {
            pass.warn(key, Cause::NoEffect { key, lacking });
        }
    }
    options
}

/// The ports of controller, nodes and srun.
pub(super) fn ports(keys: &Keys, given: &Given, problems: &mut Problems) -> Ports {
    let mut pass = Pass { given, problems };
    let single = |text: &str| text.parse::<u16>().ok().filter(|&port| port > 0);
    let range = |text: &str| match text.split_once('-') {
        None => single(text).map(|port| port..=port),
        Some((low, high)) => {
            let (low, high) = (single(low)?, single(high)?);
            (low < high).then_some(low..=high)
        }
    };
    let default = SLURMCTLD_PORT..=SLURMCTLD_PORT;
    let controller = pass.read("SlurmctldPort", &keys.slurmctld_port, default, range);
    let slurmd = u16::try_from(keys.slurmd_port).unwrap_or_else(|_| {
        let value = keys.slurmd_port.to_string();
        pass.error("SlurmdPort", Cause::BadValue { key: "SlurmdPort", value });
        0
    });
    // srun goes without a range that it cannot read; so does stock, in silence.
    let srun = keys.srun_port_range.as_deref().and_then(|text| {
        let found = range(text).filter(|r| r.start() < r.end());
        if found.is_none() {
            let value = text.to_owned();
            pass.warn("SrunPortRange", Cause::IgnoredValue { key: "SrunPortRange", value });
        }
        found
    });
    Ports { controller, slurmd, srun }
}
