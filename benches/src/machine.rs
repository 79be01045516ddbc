//! What the kernel says: of a process, and of the machine.

use std::fs;
use std::thread;

use serde::{Deserialize, Serialize};

/// What a process has used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    /// User and system time of all its threads, seconds.
    pub cpu_s: f64,
    /// Resident memory, KiB.
    pub resident_kib: u64,
}

/// The kernel's clock for processor times: 100 ticks a second on every Linux that Rust runs on (`USER_HZ`).
const TICKS_A_SECOND: f64 = 100.0;

/// What a process has used; `None` when there is no such process.
pub fn used(pid: u32) -> Option<Used> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident_kib = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    Some(Used { cpu_s: cpu_s(&stat)?, resident_kib: resident_kib.unwrap_or_default() })
}

/// User and system time of a line of /proc/PID/stat: the 14th and 15th word, where the second is a name in brackets that may
/// hold anything.
fn cpu_s(stat: &str) -> Option<f64> {
    let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || words.next()?.parse::<u32>().ok();
    Some((f64::from(ticks()?) + f64::from(ticks()?)) / TICKS_A_SECOND)
}

/// The machine, as a reader of figures needs to know it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// The processor.
    pub processor: String,
    /// How many of it, as programs see them.
    pub cpus: usize,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// The kernel.
    pub kernel: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor =
            info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let total_kib: Option<u64> = total.and_then(|t| t.split_whitespace().next()?.parse().ok());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: processor.map(|(_, name)| name.trim().to_owned()).unwrap_or_default(),
            cpus: thread::available_parallelism().map_or(1, usize::from),
            memory_mib: total_kib.unwrap_or_default() / 1024,
            kernel: kernel.trim().to_owned(),
        }
    }
}

/// The load average of the last minute: who else uses the machine.
pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_a_name_with_brackets_and_blanks() {
        let stat = "42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
        assert_eq!(cpu_s(stat), Some(2.0));
        assert_eq!(cpu_s("42 (cut"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        let used = used(std::process::id()).unwrap();
        assert!(used.resident_kib > 100, "{used:?}");
        assert_eq!(super::used(u32::MAX), None);
    }
}
