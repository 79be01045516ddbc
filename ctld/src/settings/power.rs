//! What slurm.conf says of power saving.

use std::path::Path;
use std::sync::Arc;

use model::{PowerSaving, SparedNodes, SparedState, SuspendExceptions};
use protocol::Hostlist;
use rustix::fs::{Access, access, stat};
use tracing::{debug, error};

use crate::config::{Limit, SlurmConf};

/// `ReconfigFlags=KeepPowerSaveSettings`.
const KEEP_EXCEPTIONS: u16 = 4;
/// Nodes a minute: no rate is higher.
const RATE_MAX: u16 = 60_000;
/// How far apart two looks at the nodes may be where there is a rate, seconds.
const INTERVAL_MAX_S: u32 = 60;

/// Power saving, if the file says enough for it: SuspendTime of the cluster or of a partition, and both
/// programs. What is missing is told in the log, as slurmctld does.
pub(super) fn saving(conf: &SlurmConf) -> Option<Arc<PowerSaving>> {
    let (keys, options) = (&conf.keys, &conf.settings.slurmctld);
    let suspend_time_s = match conf.settings.times.suspend_s {
        Limit::At(seconds) => Some(seconds),
        Limit::Unlimited => None,
    };
    let says = |time: Option<Limit>| matches!(time, Some(Limit::At(_)));
    if suspend_time_s.is_none() && !conf.partitions.iter().any(|line| says(line.suspend_time)) {
        debug!("power saving is off: there is no SuspendTime");
        return None;
    }
    let has = [
        is_there("SuspendProgram", keys.suspend_program.as_deref()),
        is_there("ResumeProgram", keys.resume_program.as_deref()),
    ];
    if has.contains(&false) {
        return None;
    }
    let interval_s = seconds(options.number("power_save_interval"), 10);
    let min_interval_s = seconds(options.number("power_save_min_interval"), 0);
    let has_rate = keys.suspend_rate > 0 || keys.resume_rate > 0;
    if has_rate && interval_s.max(min_interval_s) > INTERVAL_MAX_S {
        error!("power saving is off: it cannot work with an interval of more than 60 seconds");
        return None;
    }
    if keys.suspend_rate.max(keys.resume_rate) > RATE_MAX {
        error!("power saving is off: SuspendRate or ResumeRate is above {RATE_MAX}");
        return None;
    }
    Some(Arc::new(PowerSaving {
        suspend_time_s,
        suspend_timeout_s: keys.suspend_timeout,
        resume_timeout_s: keys.resume_timeout,
        suspend_rate: keys.suspend_rate.into(),
        resume_rate: keys.resume_rate.into(),
        idle_on_suspend: options.has("idle_on_node_suspend"),
        interval_s,
        min_interval_s,
        powered_max: options.number("max_powered_nodes").map(|n| seconds(Some(n), 0)),
        tells_failures: keys.resume_fail_program.as_deref().is_some_and(is_program),
    }))
}

fn seconds(option: Option<u64>, default: u32) -> u32 {
    option.map_or(default, |n| u32::try_from(n).unwrap_or(u32::MAX))
}

fn is_there(key: &'static str, program: Option<&str>) -> bool {
    match program {
        None => error!("power saving is off: there is no {key}"),
        Some(program) if !is_program(program) => {
            error!(key, program, "power saving is off");
        }
        Some(_) => return true,
    }
    false
}

/// Whether a program can be run and only its owner can alter it. Why not is told in the log.
pub fn is_program(path: &str) -> bool {
    /// Write permission of the group and of everybody.
    const FOREIGN_WRITE: u32 = 0o022;
    let wrong = if !Path::new(path).is_absolute() {
        "not an absolute pathname"
    } else if access(path, Access::EXEC_OK).is_err() {
        "not executable"
    } else if stat(path).is_ok_and(|stat| stat.st_mode & FOREIGN_WRITE != 0) {
        "has group or world write permission"
    } else {
        return true;
    };
    error!(program = path, "a program of power saving is {wrong}");
    false
}

/// SuspendExcNodes, SuspendExcParts and SuspendExcStates.
pub(super) fn exceptions(conf: &SlurmConf) -> SuspendExceptions {
    let text = |text: &Option<String>| text.as_deref().filter(|t| !t.is_empty()).map(Arc::from);
    let (keys, states_text) = (&conf.keys, text(&conf.keys.suspend_exc_states));
    let names = |word: &str| names_of(conf, word);
    SuspendExceptions {
        nodes_text: text(&keys.suspend_exc_nodes),
        nodes: spared_nodes(keys.suspend_exc_nodes.as_deref().unwrap_or_default(), names),
        partitions: text(&keys.suspend_exc_parts),
        states: excepted_states(states_text.as_deref().unwrap_or_default()),
        keep: conf.settings.reconfig_flags & KEEP_EXCEPTIONS != 0,
        states_text,
    }
}

/// The nodes of the file that a word stands for: a node, a node set, or `ALL`.
fn names_of(conf: &SlurmConf, word: &str) -> Vec<String> {
    let all = conf.nodes.iter();
    let named = |names: &[crate::config::NodeNames]| -> Vec<String> {
        names.iter().map(|node| node.name.clone()).collect()
    };
    if word.eq_ignore_ascii_case("ALL") {
        return all.flat_map(|line| named(&line.nodes)).collect();
    }
    let sets: Vec<_> = conf.node_sets.iter().filter(|set| set.name == word).collect();
    if sets.is_empty() {
        return vec![word.to_owned()];
    }
    let mut names: Vec<String> = sets.iter().flat_map(|set| set.nodes.clone()).collect();
    let features: Vec<&String> = sets.iter().filter_map(|set| set.feature.as_ref()).collect();
    let has = |line: &&crate::config::NodeLine| {
        features.iter().any(|feature| line.features.contains(feature))
    };
    names.extend(all.filter(has).flat_map(|line| named(&line.nodes)));
    names
}

/// SuspendExcNodes taken apart: `n[1-10]:4,m1`. `names` gives what a word stands for. What cannot be read
/// is left out and told in the log.
pub fn spared_nodes(text: &str, names: impl Fn(&str) -> Vec<String>) -> Arc<[SparedNodes]> {
    let term = |term: &str| {
        let (list, count) = match term.split_once(':') {
            Some((list, count)) => (list, count.parse().ok().filter(|count| *count > 0)),
            None => (term, None),
        };
        let Ok(list) = Hostlist::parse(list) else {
            error!(term, "a term of SuspendExcNodes cannot be read and is ignored");
            return None;
        };
        let names = list.names().into_iter().flat_map(|word| names(&word));
        let names = names.collect::<Vec<_>>().join(",");
        let list = Hostlist::parse(&names).map_or(names, |list| list.ranged());
        Some(SparedNodes { list: list.into(), count })
    };
    terms(text).into_iter().filter_map(term).collect()
}

/// What stands between commas that are not in brackets; all in one where no count is given.
fn terms(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    if !text.contains(':') {
        return vec![text];
    }
    let (mut depth, mut from, mut terms) = (0u32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                terms.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[from..]);
    terms.retain(|term| !term.is_empty());
    terms
}

/// SuspendExcStates taken apart; what is no state that can be spared is left out and told in the log.
pub fn excepted_states(text: &str) -> Arc<[SparedState]> {
    let state = |word: &str| {
        use SparedState as S;
        let lower = word.trim().to_ascii_lowercase();
        let state = match lower.as_str() {
            "cloud" => Some(S::Cloud),
            "drain" => Some(S::Drain),
            "dynamic_future" => Some(S::DynamicFuture),
            "dynamic_norm" => Some(S::DynamicNorm),
            "fail" => Some(S::Fail),
            "invalid_reg" => Some(S::InvalidReg),
            "maintenance" | "maint" => Some(S::Maintenance),
            "not_responding" => Some(S::NotResponding),
            "planned" => Some(S::Planned),
            "reserved" => Some(S::Reserved),
            word if word.len() >= 2 && "down".starts_with(word) => Some(S::Down),
            _ => None,
        };
        if state.is_none() {
            error!("Invalid SuspendExcState {word}");
        }
        state
    };
    text.split(',').filter(|word| !word.trim().is_empty()).filter_map(state).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_spared_as_a_whole_or_so_many_of_them() {
        let spared = |text: &str| -> Vec<(String, Option<u32>)> {
            let names = |word: &str| match word {
                "fast" => vec!["f1".to_owned(), "f2".to_owned()],
                word => vec![word.to_owned()],
            };
            let terms = spared_nodes(text, names);
            terms.iter().map(|term| (term.list.to_string(), term.count)).collect()
        };
        let all = |list: &str| (list.to_owned(), None);
        assert_eq!(spared(""), []);
        assert_eq!(spared("n[1-3],m1"), [all("n[1-3],m1")]);
        let terms = [("n[1-3,5]".to_owned(), Some(2)), all("m1"), ("f[1-2]".to_owned(), Some(1))];
        assert_eq!(spared("n[1-3,5]:2,m1,fast:1"), terms);
    }

    #[test]
    fn states_are_words_and_others_are_left_out() {
        use SparedState as S;
        assert_eq!(*excepted_states("DOWN,drain,IDLE"), [S::Down, S::Drain]);
        assert_eq!(*excepted_states(""), []);
    }
}
