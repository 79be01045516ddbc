//! Lists of flag words and the bits that the wire writes for them.
//!
//! Facts: `slurm.h` and the `*_str2flags` functions of `read_config.c`, 24.11.5 and 26.05.3.

use super::problem::Cause;

/// `SelectTypeParameters`: CPUs are given to jobs.
pub const SELECT_CPU: u16 = 0x0001;
/// `SelectTypeParameters`: sockets are.
pub const SELECT_SOCKET: u16 = 0x0002;
/// `SelectTypeParameters`: cores are.
pub const SELECT_CORE: u16 = 0x0004;
/// `SelectTypeParameters`: memory is, too.
pub const SELECT_MEMORY: u16 = 0x0010;
/// `SelectTypeParameters`: one task a core by default.
pub const SELECT_ONE_TASK_PER_CORE: u16 = 0x0100;

/// A flag word, what it stands for.
type Word<T> = (&'static str, T);

/// `DebugFlags`, in any release; a word that changed its meaning keeps its bit.
const DEBUG: &[Word<u64>] = &[
    ("SelectType", 0),
    ("Steps", 1),
    ("Trigger", 2),
    ("Triggers", 2),
    ("CPU_Bind", 3),
    ("NetworkRaw", 4),
    ("NetRaw", 4),
    ("NO_CONF_HASH", 5),
    ("Gres", 6),
    ("MPI", 7),
    ("Data", 8),
    ("ConMgr", 9),
    ("WorkQueue", 9),
    ("WorkQ", 9),
    ("Network", 10),
    ("Net", 10),
    ("Priority", 11),
    ("Backfill", 12),
    ("Gang", 13),
    ("Reservation", 14),
    ("FrontEnd", 15),
    ("AuditTLS", 15),
    ("Sack", 16),
    ("Switch", 17),
    ("Energy", 18),
    ("TLS", 19),
    ("License", 20),
    ("Profile", 21),
    ("Interconnect", 22),
    ("GLOB_SILENCE", 23),
    ("JobContainer", 24),
    ("Namespace", 24),
    ("AuditRPCs", 25),
    ("Protocol", 26),
    ("BackfillMap", 27),
    ("TraceJobs", 28),
    ("Route", 29),
    ("DB_Assoc", 30),
    ("DB_Event", 31),
    ("DB_Job", 32),
    ("DB_QOS", 33),
    ("DB_Query", 34),
    ("DB_Reservation", 35),
    ("DB_Resource", 36),
    ("DB_Step", 37),
    ("DB_Usage", 38),
    ("DB_WCKey", 39),
    ("BurstBuffer", 40),
    ("CpuFrequency", 41),
    ("Power", 42),
    ("PowerSave", 42),
    ("Thread", 43),
    ("DB_Archive", 44),
    ("DB_TRES", 45),
    ("JobComp", 46),
    ("Elasticsearch", 46),
    ("NodeFeatures", 47),
    ("Federation", 48),
    ("Hetjob", 49),
    ("Accrue", 50),
    ("DBD_Agent", 51),
    ("Agent", 52),
    ("Dependency", 53),
    ("JobAccountGather", 54),
    ("JAG", 54),
    ("cgroup", 55),
    ("Script", 56),
    ("Metrics", 57),
];

/// `PrologFlags` as they are set; a word sets those that it implies.
const PROLOG: &[Word<u16>] = &[
    ("Alloc", 0x01),
    ("Contain", 0x05),
    ("RunInJob", 0x85),
    ("DeferBatch", 0x20),
    // NoHold implies Alloc once its combination with Contain is ruled out.
    ("NoHold", 0x03),
    ("ForceRequeueOnFail", 0x41),
    ("Serial", 0x08),
    ("X11", 0x15),
];

/// `PrologFlags=NoHold`.
pub const PROLOG_NO_HOLD: u16 = 0x02;
/// `PrologFlags=Contain`.
pub const PROLOG_CONTAIN: u16 = 0x04;

const RECONFIG: &[Word<u16>] = &[
    ("KeepPartInfo", 1),
    ("KeepPartState", 2),
    ("KeepPowerSaveSettings", 4),
    ("KeepNodeStateFuture", 8),
];

/// `PrivateData` words; they count by being part of the text, as in Slurm.
const PRIVATE: &[Word<u16>] = &[
    ("job", 0x01),
    ("node", 0x02),
    ("partition", 0x04),
    ("usage", 0x08),
    ("user", 0x10),
    ("account", 0x20),
    ("reservation", 0x40),
    ("event", 0x100),
    ("all", 0xffff),
];

/// Words that choose the unit given to jobs: at most one may be there.
const SELECT_UNITS: &[Word<u16>] = &[
    ("CR_Socket", SELECT_SOCKET),
    ("CR_Socket_Memory", SELECT_SOCKET | SELECT_MEMORY),
    ("CR_Core", SELECT_CORE),
    ("CR_Core_Memory", SELECT_CORE | SELECT_MEMORY),
    ("CR_Memory", SELECT_MEMORY),
    ("CR_CPU", SELECT_CPU),
    ("CR_CPU_Memory", SELECT_CPU | SELECT_MEMORY),
];

const SELECT_FLAGS: &[Word<u16>] = &[
    ("CR_ONE_TASK_PER_CORE", SELECT_ONE_TASK_PER_CORE),
    ("CR_CORE_DEFAULT_DIST_BLOCK", 0x1000),
    ("CR_LLN", 0x4000),
    ("CR_PACK_NODES", 0x0200),
    ("LL_SHARED_GRES", 0x0400),
    ("MULTIPLE_SHARING_GRES_PJ", 0x8000),
    ("ENFORCE_BINDING_GRES", 0x0040),
    ("ONE_TASK_PER_SHARING_GRES", 0x0080),
];

const HEALTH: &[Word<u16>] = &[
    ("ANY", 0x000f),
    ("IDLE", 0x0001),
    ("ALLOC", 0x0002),
    ("MIXED", 0x0004),
    ("NONDRAINED_IDLE", 0x0008),
    ("CYCLE", 0x8000),
];

const LOG_LEVELS: [&str; 10] =
    ["quiet", "fatal", "error", "info", "verbose", "debug", "debug2", "debug3", "debug4", "debug5"];

fn find<T: Copy>(words: &[Word<T>], word: &str) -> Option<T> {
    words.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|&(_, bits)| bits)
}

/// The words of a comma-separated list, empty ones left out as `strtok` does.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|word| !word.is_empty())
}

/// `DebugFlags` as bits.
pub fn debug_flags(text: &str) -> Result<u64, Cause> {
    // Removed long ago and skipped with a word of advice by slurmctld.
    words(text).filter(|word| !word.eq_ignore_ascii_case("Task")).try_fold(0, |bits, word| {
        let bit = find(DEBUG, word);
        let bad = || Cause::BadFlag { key: "DebugFlags", word: word.to_owned() };
        bit.map(|bit| bits | 1 << bit).ok_or_else(bad)
    })
}

/// `PrologFlags` as bits.
pub(super) fn prolog_flags(text: &str) -> Result<u16, Cause> {
    let bits = union(PROLOG, "PrologFlags", text)?;
    if bits & PROLOG_NO_HOLD != 0 && bits & PROLOG_CONTAIN != 0 {
        return Err(Cause::NoHoldWithContain);
    }
    Ok(bits)
}

/// `ReconfigFlags` as bits.
pub(super) fn reconfig_flags(text: &str) -> Result<u16, Cause> {
    union(RECONFIG, "ReconfigFlags", text)
}

/// `PrivateData` as bits.
pub(super) fn private_data(text: &str) -> u16 {
    let lower = text.to_ascii_lowercase();
    PRIVATE.iter().filter(|(word, _)| lower.contains(word)).fold(0, |all, (_, bits)| all | bits)
}

/// `SelectTypeParameters` as bits.
pub(super) fn select_parameters(text: &str) -> Result<u16, Cause> {
    const KEY: &str = "SelectTypeParameters";
    let (mut bits, mut units) = (0, 0);
    for word in words(text) {
        if let Some(unit) = find(SELECT_UNITS, word) {
            bits |= unit;
            units += 1;
        } else if let Some(flag) = find(SELECT_FLAGS, word) {
            bits |= flag;
        } else {
            return Err(Cause::BadFlag { key: KEY, word: word.to_owned() });
        }
    }
    if bits & SELECT_CPU != 0 && bits & SELECT_ONE_TASK_PER_CORE != 0 {
        return Err(Cause::OneTaskPerCoreWithCpus);
    }
    if units > 1 {
        return Err(Cause::BadValue { key: KEY, value: text.to_owned() });
    }
    Ok(bits)
}

/// `HealthCheckNodeState` as bits; unknown words come back as complaints.
pub(super) fn health_check_states(text: &str) -> (u16, Vec<Cause>) {
    let (mut bits, mut bad) = (0, Vec::new());
    for word in words(text) {
        match find(HEALTH, word) {
            Some(bit) => bits |= bit,
            None => {
                let value = word.to_owned();
                bad.push(Cause::IgnoredValue { key: "HealthCheckNodeState", value });
            }
        }
    }
    // CYCLE alone says how, not which.
    if bits & 0x000f == 0 {
        bits |= 0x000f;
    }
    (bits, bad)
}

fn union(table: &[Word<u16>], key: &'static str, text: &str) -> Result<u16, Cause> {
    words(text).try_fold(0, |bits, word| {
        let bad = || Cause::BadFlag { key, word: word.to_owned() };
        find(table, word).map(|b| bits | b).ok_or_else(bad)
    })
}

/// A log level: a word, or a number that begins the text.
pub fn log_level(text: &str) -> Option<u16> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    if digits.is_empty() {
        let at = LOG_LEVELS.iter().position(|word| text.eq_ignore_ascii_case(word))?;
        return u16::try_from(at).ok();
    }
    // Beyond the last level slurmctld takes the last one.
    Some(digits.parse().map_or(9, |n: u16| if n > 10 { 9 } else { n }))
}

/// Whether jobs that break a partition's limits are refused at submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnforcePartLimits {
    /// They wait.
    #[default]
    No,
    /// They are refused if they break those of every partition asked for.
    Any,
    /// They are refused if they break those of one.
    All,
}

impl EnforcePartLimits {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "all" => Some(Self::All),
            "any" => Some(Self::Any),
            _ => super::value::boolean(text).map(|on| if on { Self::Any } else { Self::No }),
        }
    }

    /// The number on the wire.
    pub fn wire(self) -> u16 {
        match self {
            Self::No => 0,
            Self::All => 1,
            Self::Any => 2,
        }
    }
}

/// What happens to a job whose resources go to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preempted {
    /// Nothing: there is no preemption.
    #[default]
    Off,
    /// It is stopped and goes on later.
    Suspended,
    /// It goes back to the queue.
    Requeued,
    /// It is ended.
    Cancelled,
}

/// `PreemptMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PreemptMode {
    /// What happens to the job.
    pub preempted: Preempted,
    /// Whether suspended jobs take turns.
    pub gang: bool,
    /// Whether jobs of one QOS preempt each other.
    pub within: bool,
    /// Whether only jobs of higher priority preempt (25.05).
    pub priority: bool,
}

impl PreemptMode {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mut mode, mut modes) = (Self::default(), 0);
        for word in words(text) {
            let preempted = match word.to_ascii_lowercase().as_str() {
                "gang" => {
                    mode.gang = true;
                    continue;
                }
                "within" => {
                    mode.within = true;
                    continue;
                }
                "priority" => {
                    mode.priority = true;
                    continue;
                }
                "off" | "cluster" => Preempted::Off,
                "cancel" => Preempted::Cancelled,
                "requeue" => Preempted::Requeued,
                "on" | "suspend" => Preempted::Suspended,
                _ => return None,
            };
            mode.preempted = preempted;
            modes += 1;
        }
        (modes <= 1 && !(mode.gang && mode.within)).then_some(mode)
    }

    /// The bits on the wire.
    pub fn wire(self) -> u16 {
        let preempted = match self.preempted {
            Preempted::Off => 0,
            Preempted::Suspended => 0x0001,
            Preempted::Requeued => 0x0002,
            Preempted::Cancelled => 0x0008,
        };
        let flag = |on: bool, bit: u16| if on { bit } else { 0 };
        preempted
            | flag(self.gang, 0x8000)
            | flag(self.within, 0x4000)
            | flag(self.priority, 0x2000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_bits_and_bad_words_are_named() {
        assert_eq!(debug_flags("Backfill,steps,Task").unwrap(), 1 << 12 | 1 << 1);
        assert_eq!(debug_flags("Nope").unwrap_err().to_string(), "DebugFlags invalid: Nope");
        assert_eq!(prolog_flags("Contain").unwrap(), 0x05);
        assert_eq!(prolog_flags("NoHold").unwrap(), 0x03);
        assert!(prolog_flags("NoHold,X11").is_err());
        assert_eq!(private_data("jobs,users"), 0x11);
        assert_eq!(private_data("all"), 0xffff);
        assert_eq!(select_parameters("CR_Core_Memory,CR_LLN").unwrap(), 0x4014);
        assert!(select_parameters("CR_Core,CR_CPU").is_err());
        assert!(select_parameters("CR_CPU,CR_ONE_TASK_PER_CORE").is_err());
        assert_eq!(health_check_states("CYCLE").0, 0x800f);
    }

    #[test]
    fn preempt_modes_combine_as_in_slurm() {
        assert_eq!(PreemptMode::parse("SUSPEND,GANG").map(PreemptMode::wire), Some(0x8001));
        assert_eq!(PreemptMode::parse("OFF").map(PreemptMode::wire), Some(0));
        assert_eq!(PreemptMode::parse("CANCEL,REQUEUE"), None);
        assert_eq!(PreemptMode::parse("GANG,WITHIN"), None);
        assert_eq!(PreemptMode::parse("maybe"), None);
    }

    #[test]
    fn log_levels_are_words_or_numbers() {
        assert_eq!(log_level("debug3"), Some(7));
        assert_eq!(log_level("4"), Some(4));
        assert_eq!(log_level("99"), Some(9));
        assert_eq!(log_level("loud"), None);
    }
}
