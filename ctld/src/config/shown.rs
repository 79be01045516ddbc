//! Words that ctld passes on as bits (`scontrol show config`) and does not act on itself.
//!
//! Facts: `slurm.h` and `_validate_and_set_defaults`, 24.11.5 and 26.05.3.

use super::{flag::words, key::Keys, problem::Cause, value::NO_VALUE_32};

type Word = (&'static str, u32);

/// Bits and numbers as the configuration message carries them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Yes-or-no keys and some options in one word (`CONF_FLAG_*`).
    pub conf_flags: u32,
    /// `AccountingStorageEnforce`.
    pub accounting_storage_enforce: u16,
    /// `PriorityFlags`.
    pub priority_flags: u16,
    /// `PriorityUsageResetPeriod`.
    pub priority_reset_period: u16,
    /// `LogTimeFormat`.
    pub log_format: u16,
    /// `CpuFreqDef`; 0xfffffffe if not given.
    pub cpu_freq_def: u32,
    /// `CpuFreqGovernors`.
    pub cpu_freq_governors: u32,
    /// `TaskPluginParam`.
    pub task_plugin_param: u32,
}

const ENFORCE: &[Word] = &[
    ("1", 0x01),
    ("associations", 0x01),
    ("2", 0x03),
    ("limits", 0x03),
    ("wckeys", 0x05),
    ("qos", 0x09),
    ("safe", 0x13),
    ("nojobs", 0x60),
    ("nosteps", 0x40),
    // All but nojobs and nosteps.
    ("all", 0xff9f),
];

const PRIORITY: &[Word] = &[
    ("accrue_always", 0x01),
    ("small_relative_to_time", 0x04),
    ("depth_oblivious", 0x08),
    ("calculate_running", 0x10),
    ("incr_only", 0x40),
    ("no_normal_all", 0x780),
    ("no_normal_assoc", 0x80),
    ("no_normal_part", 0x100),
    ("no_normal_qos", 0x200),
    ("no_normal_tres", 0x400),
];
const FAIR_TREE: u32 = 0x20;
const MAX_TRES: u32 = 0x02;
const MAX_TRES_GRES: u32 = 0x800;

const RESET: &[Word] = &[
    ("none", 0),
    ("now", 1),
    ("daily", 2),
    ("weekly", 3),
    ("monthly", 4),
    ("quarterly", 5),
    ("yearly", 6),
];

/// In the order in which slurmctld looks for them in the text.
const LOG: &[Word] = &[
    ("iso8601_ms", 0),
    ("iso8601", 1),
    ("rfc5424_ms", 2),
    ("rfc5424", 3),
    ("rfc3339", 7),
    ("clock", 4),
    ("short", 5),
    ("thread_id", 6),
];
const LOG_FORMAT_STDERR: u32 = 0x8000;

const GOVERNORS: &[Word] = &[
    ("conservative", 0x8800_0000),
    ("ondemand", 0x8400_0000),
    ("performance", 0x8200_0000),
    ("powersave", 0x8100_0000),
    ("userspace", 0x8080_0000),
    ("schedutil", 0x8040_0000),
];
const FREQUENCIES: &[Word] = &[
    ("low", 0x8000_0001),
    ("medium", 0x8000_0002),
    ("high", 0x8000_0003),
    ("highm1", 0x8000_0004),
];
/// OnDemand, Performance and UserSpace.
const GOVERNORS_DEFAULT: u32 = 0x8680_0000;

const TASK: &[Word] = &[
    ("none", 0x20),
    ("sockets", 0x08),
    ("cores", 0x04),
    ("threads", 0x02),
    ("verbose", 0x01),
    ("autobind=none", 0),
    ("autobind=threads", 0x4000),
    ("autobind=cores", 0x1_0000),
    ("autobind=sockets", 0x2_0000),
    ("SlurmdOffSpec", 0x4_0000),
    ("OOMKillStep", 0x10_0000),
    ("SlurmdSpecOverride", 0x20_0000),
];

/// At most one of these may be there.
const TASK_UNITS: &[Word] = &[("none", 0), ("sockets", 0), ("cores", 0), ("threads", 0)];

fn find(table: &[Word], word: &str) -> Option<u32> {
    table.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|&(_, bits)| bits)
}

fn bits16(bits: u32) -> u16 {
    u16::try_from(bits).expect("the tables of 16-bit fields hold 16 bits")
}

impl Shown {
    /// Reads the words; what slurmctld would refuse is an error, what it ignores is a warning.
    pub(super) fn read(
        keys: &Keys,
        error: &mut dyn FnMut(&'static str, Cause),
        warn: &mut dyn FnMut(&'static str, Cause),
    ) -> Self {
        let enforce = keys.accounting_storage_enforce.as_deref().unwrap_or_default();
        let mut list = |key, table: &[Word], text: &str| {
            words(text).fold(0, |bits, word| match find(table, word) {
                Some(bit) => bits | bit,
                None => {
                    error(key, Cause::BadFlag { key, word: word.to_owned() });
                    bits
                }
            })
        };
        let accounting_storage_enforce = bits16(list("AccountingStorageEnforce", ENFORCE, enforce));
        let task = keys.task_plugin_param.as_deref().unwrap_or_default();
        let task_plugin_param = list("TaskPluginParam", TASK, task);
        if words(task).filter(|word| find(TASK_UNITS, word).is_some()).count() > 1 {
            let key = "TaskPluginParam";
            error(key, Cause::BadValue { key, value: task.to_owned() });
        }
        let reset = keys.priority_usage_reset_period.as_deref().unwrap_or("none");
        let priority_reset_period = find(RESET, reset).unwrap_or_else(|| {
            let key = "PriorityUsageResetPeriod";
            error(key, Cause::BadValue { key, value: reset.to_owned() });
            0
        });
        Self {
            conf_flags: conf_flags(keys, accounting_storage_enforce),
            accounting_storage_enforce,
            priority_flags: bits16(priority_flags(keys)),
            priority_reset_period: bits16(priority_reset_period),
            log_format: bits16(log_format(keys)),
            cpu_freq_def: cpu_freq_def(keys, warn),
            cpu_freq_governors: cpu_freq_governors(keys, warn),
            task_plugin_param,
        }
    }
}

fn lower(text: &Option<String>) -> String {
    text.as_deref().unwrap_or_default().to_ascii_lowercase()
}

fn conf_flags(keys: &Keys, enforce: u16) -> u32 {
    let (slurmd, store) = (lower(&keys.slurmd_parameters), lower(&keys.accounting_store_flags));
    let communication = lower(&keys.communication_parameters);
    let wckeys = enforce & 0x04 != 0;
    let l3 = slurmd.contains("l3cache_as_socket");
    let flags = [
        slurmd.contains("config_override"),
        store.contains("job_comment"),
        keys.disable_root_jobs,
        keys.allow_spec_resources_usage,
        keys.use_pam,
        keys.track_wckey || wckeys,
        !communication.contains("disableipv4"),
        communication.contains("enableipv6"),
        store.contains("job_extra"),
        store.contains("job_script"),
        store.contains("job_env"),
        l3,
        !l3 && slurmd.contains("numa_node_as_socket"),
        slurmd.contains("allow_ecores"),
        slurmd.contains("shutdown_on_reboot"),
        slurmd.contains("contain_spank"),
        store.contains("no_stdio"),
        communication.contains("disable_http"),
        lower(&keys.slurmctld_parameters).contains("health_check_report"),
    ];
    flags.iter().rev().fold(0, |bits, &on| bits << 1 | u32::from(on))
}

fn priority_flags(keys: &Keys) -> u32 {
    let text = lower(&keys.priority_flags);
    let named = PRIORITY.iter().filter(|(word, _)| text.contains(word));
    let bits = named.fold(0, |bits, (_, bit)| bits | bit);
    let tree = !text.contains("depth_oblivious") && !text.contains("no_fair_tree");
    let tres = if text.contains("max_tres_gres") {
        MAX_TRES_GRES
    } else if text.contains("max_tres") {
        MAX_TRES
    } else {
        0
    };
    bits | tres | if tree { FAIR_TREE } else { 0 }
}

fn log_format(keys: &Keys) -> u32 {
    let text = lower(&keys.log_time_format);
    let format = LOG.iter().find(|(word, _)| text.contains(word)).map_or(0, |&(_, n)| n);
    format | if text.contains("format_stderr") { LOG_FORMAT_STDERR } else { 0 }
}

fn cpu_freq_def(keys: &Keys, warn: &mut dyn FnMut(&'static str, Cause)) -> u32 {
    let Some(text) = &keys.cpu_freq_def else { return NO_VALUE_32 };
    let word = find(GOVERNORS, text).or_else(|| find(FREQUENCIES, text));
    word.or_else(|| text.parse().ok().filter(|khz| *khz < 0x8000_0000)).unwrap_or_else(|| {
        let key = "CpuFreqDef";
        warn(key, Cause::IgnoredValue { key, value: text.clone() });
        NO_VALUE_32
    })
}

fn cpu_freq_governors(keys: &Keys, warn: &mut dyn FnMut(&'static str, Cause)) -> u32 {
    let Some(text) = &keys.cpu_freq_governors else { return GOVERNORS_DEFAULT };
    let bits = words(text).try_fold(0, |bits, word| find(GOVERNORS, word).map(|b| bits | b));
    bits.unwrap_or_else(|| {
        let key = "CpuFreqGovernors";
        warn(key, Cause::IgnoredValue { key, value: text.clone() });
        GOVERNORS_DEFAULT
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(change: impl Fn(&mut Keys)) -> (Shown, Vec<String>) {
        let mut keys = Keys::default();
        change(&mut keys);
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let shown =
            Shown::read(&keys, &mut |_, cause| errors.push(cause.to_string()), &mut |_, cause| {
                warnings.push(cause.to_string())
            });
        errors.extend(warnings);
        (shown, errors)
    }

    #[test]
    fn defaults_are_those_that_stock_shows() {
        let (shown, complaints) = shown(|_| {});
        assert!(complaints.is_empty());
        assert_eq!((shown.conf_flags, shown.priority_flags), (1 << 6, 0x20));
        assert_eq!((shown.cpu_freq_def, shown.cpu_freq_governors), (NO_VALUE_32, 0x8680_0000));
    }

    #[test]
    fn words_become_bits_and_bad_ones_are_named() {
        let (shown, complaints) = shown(|keys| {
            keys.accounting_storage_enforce = Some("limits,wckeys,hope".to_owned());
            keys.task_plugin_param = Some("Cores,autobind=threads".to_owned());
            keys.priority_flags = Some("MAX_TRES,DEPTH_OBLIVIOUS".to_owned());
            keys.cpu_freq_def = Some("warp".to_owned());
            keys.log_time_format = Some("rfc5424_ms,format_stderr".to_owned());
        });
        assert_eq!((shown.accounting_storage_enforce, shown.task_plugin_param), (0x07, 0x4004));
        assert_eq!((shown.priority_flags, shown.log_format), (0x0a, 0x8002));
        assert_eq!(shown.conf_flags, 1 << 6 | 1 << 5);
        assert_eq!(
            complaints,
            ["AccountingStorageEnforce invalid: hope", "Ignoring bad CpuFreqDef value: warp"]
        );
    }
}
