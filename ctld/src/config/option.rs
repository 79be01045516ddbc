//! Lists of options (`SchedulerParameters=defer,bf_interval=30`), and which options there are.
//!
//! Facts: slurm.conf(5) and the sources of 24.11.5 and 26.05.3.

use super::{
    fields::Layers,
    flag::words,
    problem::{Cause, Place, Problems},
};

/// A key's options, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(Vec<(String, Option<String>)>);

impl Options {
    /// Takes a list apart.
    pub fn parse(text: &str) -> Self {
        let option = |word: &str| match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word.to_owned(), None),
        };
        Self(words(text).map(option).collect())
    }

    /// Whether an option is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// The value of `name=value`; the first counts.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?.1.as_deref()
    }

    /// The value as a number; `None` if it is absent or no number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.parse().ok()
    }

    /// Warns about options that are unknown or without effect.
    pub(super) fn check(&self, list: &List, place: Option<&Place>, problems: &mut Problems) {
        for (name, _) in &self.0 {
            let is = |known: &[&str]| known.iter().any(|k| k.eq_ignore_ascii_case(name));
            let (key, option) = (list.key, name.clone());
            if is(list.idle) {
                problems.warn(place, Cause::OptionWithoutEffect { key, option });
            } else if !is(list.effective) {
                problems.warn(place, Cause::UnknownOption { key, option });
            }
        }
    }
}

/// The options that a key may have.
pub(super) struct List {
    key: &'static str,
    /// Acted on by ctld, or by the program whose business it is.
    effective: &'static [&'static str],
    /// Slurm's, and without effect in ctld so far.
    idle: &'static [&'static str],
}

/// `AuthInfo`.
pub(super) const AUTH_INFO: List = List {
    key: "AuthInfo",
    effective: &["cred_expire", "ttl", "use_client_ids", "disable_sack", "socket"],
    idle: &[],
};

/// `CommunicationParameters`.
pub(super) const COMMUNICATION: List = List {
    key: "CommunicationParameters",
    effective: &["DisableIPv4", "EnableIPv6", "NoCtldInAddrAny", "NoInAddrAny", "block_null_hash"],
    idle: &[
        "NoAddrCache",
        "disable_http",
        "getnameinfo_cache_timeout",
        "host_unreach_retry_count",
        "keepaliveinterval",
        "keepaliveprobes",
        "keepalivetime",
    ],
};

/// `SlurmctldParameters`.
pub(super) const SLURMCTLD: List = List {
    key: "SlurmctldParameters",
    effective: &[
        "allow_user_triggers",
        "cloud_dns",
        "disable_triggers",
        "enable_configless",
        "health_check_report",
        "idle_on_node_suspend",
        "max_powered_nodes",
        "no_quick_restart",
        "power_save_interval",
        "power_save_min_interval",
        "user_resv_delete",
    ],
    idle: &[
        "cloud_reg_addrs",
        "conmgr_connect_timeout",
        "conmgr_max_connections",
        "conmgr_quiesce_timeout",
        "conmgr_read_timeout",
        "conmgr_threads",
        "conmgr_use_poll",
        "conmgr_wait_write_delay",
        "conmgr_write_timeout",
        "enable_async_reply",
        "enable_expedited_requeue",
        "enable_rpc_queue",
        "enable_stepmgr",
        "max_dbd_msg_action",
        "node_reg_mem_percent",
        "reboot_from_controller",
        "reconfig_on_restart",
        "rl_bucket_size",
        "rl_enable",
        "rl_log_freq",
        "rl_refill_period",
        "rl_refill_rate",
        "rl_table_size",
        "validate_nodeaddr_threads",
    ],
};

/// `SchedulerParameters`.
pub(super) const SCHEDULER: List = List {
    key: "SchedulerParameters",
    effective: &[
        "batch_sched_delay",
        // Heterogeneous jobs start as soon as they can in any case; it has a say in their order.
        "bf_hetjob_immediate",
        "bf_hetjob_prio",
        "default_queue_depth",
        "defer",
        "defer_batch",
        // srun's own.
        "disable_hetjob_steps",
        "enable_hetjob_steps",
        "enable_user_top",
        "max_array_tasks",
        "max_script_size",
        "max_submit_line_size",
        "nohold_on_prolog_fail",
        "preempt_reorder_count",
        "preempt_strict_order",
        "preempt_youngest_first",
        "salloc_wait_nodes",
        "sbatch_wait_nodes",
        "sched_interval",
        "sched_max_job_start",
        "sched_min_interval",
        "whole_hetjob",
        "whole_pack",
    ],
    idle: &[
        "Ignore_NUMA",
        "allow_zero_lic",
        "assoc_limit_stop",
        "bb_array_stage_cnt",
        "bf_allow_magnetic_slot",
        "bf_busy_nodes",
        "bf_continue",
        "bf_interval",
        "bf_job_part_count_reserve",
        "bf_licenses",
        "bf_max_job_array_resv",
        "bf_max_job_assoc",
        "bf_max_job_part",
        "bf_max_job_start",
        "bf_max_job_test",
        "bf_max_job_user",
        "bf_max_job_user_part",
        "bf_max_time",
        "bf_min_age_reserve",
        "bf_min_prio_reserve",
        "bf_node_space_size",
        "bf_one_resv_per_job",
        "bf_resolution",
        "bf_running_job_reserve",
        "bf_topopt_enable",
        "bf_topopt_iterations",
        "bf_window",
        "bf_window_linear",
        "bf_yield_interval",
        "bf_yield_rpc_cnt",
        "bf_yield_sleep",
        "build_queue_timeout",
        "correspond_after_task_cnt",
        "delay_boot",
        "disable_job_shrink",
        "enable_job_state_cache",
        "extra_constraints",
        "ignore_constraint_validation",
        "ignore_prefer_validation",
        "max_depend_depth",
        "max_rpc_cnt",
        "max_sched_time",
        "max_switch_wait",
        "no_backup_scheduling",
        "no_env_cache",
        "pack_serial_at_end",
        "partition_job_depth",
        "reduce_completing_frag",
        "requeue_delay",
        "requeue_on_resume_failure",
        "requeue_setup_env_fail",
        "sched_max_job_start",
        "spec_cores_first",
        "step_retry_count",
        "step_retry_time",
        "time_min_as_soft_limit",
    ],
};

/// `PreemptParameters`.
pub(super) const PREEMPT: List = List {
    key: "PreemptParameters",
    effective: &[
        "min_exempt_priority",
        "reclaim_licenses",
        "reorder_count",
        "send_user_signal",
        "strict_order",
        "youngest_first",
    ],
    idle: &["suspend_grace_time"],
};

/// What a task is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindTo {
    /// Nothing, and that is what is asked for.
    None,
    /// Its sockets.
    Sockets,
    /// Its NUMA domains.
    Ldoms,
    /// Its cores.
    Cores,
    /// Its threads.
    Threads,
    /// Binding is switched off.
    Off,
}

/// `CpuBind` of a node or a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuBind {
    /// What tasks are bound to, if said.
    pub to: Option<BindTo>,
    /// Whether the binding is reported.
    pub verbose: bool,
}

impl CpuBind {
    fn parse(text: &str) -> Option<Self> {
        let mut bind = CpuBind::default();
        for word in text.split([',', ';']).filter(|word| !word.is_empty()) {
            let to = match word.to_ascii_lowercase().as_str() {
                "no" | "none" => BindTo::None,
                "socket" | "sockets" => BindTo::Sockets,
                "ldom" | "ldoms" => BindTo::Ldoms,
                "core" | "cores" => BindTo::Cores,
                "thread" | "threads" => BindTo::Threads,
                "off" => BindTo::Off,
                "v" | "verbose" => {
                    bind.verbose = true;
                    continue;
                }
                _ => return None,
            };
            if bind.to.replace(to).is_some() {
                return None;
            }
        }
        Some(bind)
    }

    /// The line's binding; one that Slurm does not know is ignored with a word.
    pub(super) fn read(
        fields: &Layers<'_>,
        of: impl Fn() -> String,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<Self> {
        let text = fields.text("CpuBind")?;
        let bind = Self::parse(text);
        if bind.is_none() {
            problems.warn(Some(place), Cause::CpuBind { of: of(), value: text.to_owned() });
        }
        bind
    }

    /// The bits on the wire (`cpu_bind_type_t`).
    pub fn wire(self) -> u32 {
        let to = match self.to {
            None => 0,
            Some(BindTo::Threads) => 0x02,
            Some(BindTo::Cores) => 0x04,
            Some(BindTo::Sockets) => 0x08,
            Some(BindTo::Ldoms) => 0x10,
            Some(BindTo::None) => 0x20,
            Some(BindTo::Off) => 0x8_0000,
        };
        to | u32::from(self.verbose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_by_name_in_any_case() {
        let options = Options::parse("defer,bf_interval=30,,Salloc_Wait_Nodes");
        assert!(options.has("DEFER") && options.has("salloc_wait_nodes"));
        assert_eq!(options.number("bf_interval"), Some(30));
        assert_eq!(options.value("defer"), None);
    }

    #[test]
    fn bindings_are_one_word_and_verbose() {
        let bind = CpuBind::parse("verbose,cores").unwrap();
        assert_eq!((bind.to, bind.verbose, bind.wire()), (Some(BindTo::Cores), true, 0x05));
        assert_eq!(CpuBind::parse("cores,threads"), None);
        assert_eq!(CpuBind::parse("moon"), None);
    }
}
