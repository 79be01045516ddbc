//! The whole configuration: read, checked, with defaults, typed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use super::{
    fields,
    flag::{EnforcePartLimits, PreemptMode},
    host::{self, ControllerHost},
    key::{Effect, Fact, Keys, LINE_KEYS},
    line,
    node::{NodeLine, NodeLines},
    nodeset::{DownNodesLine, NodeSetLine, PowerAction},
    option::Options,
    partition::{Memory, PartitionLine, PartitionLines},
    problem::{Cause, Place, Problem, Problems, Refused},
    resolve, settings,
    shown::Shown,
    source::{self, ConfHash, Files},
    value::Limit,
};

/// slurm.conf, usable.
///
/// `keys` holds every plain key after defaults; the other fields hold what must be taken apart to
/// be used. Nodes, partitions and sets are as configured: what operators changed since is the
/// cluster's.
#[derive(Debug)]
pub struct SlurmConf {
    /// The file that was read.
    pub path: PathBuf,
    /// Included files without a folder in their name: they go to configless nodes.
    pub includes: Vec<String>,
    /// Slurm's hash of all that was read; slurmd reports its own at registration.
    pub hash: ConfHash,
    /// Every plain key.
    pub keys: Keys,
    /// The cluster's name, in lower case.
    pub cluster: String,
    /// The controllers in the order of their succession; never empty.
    pub controllers: Vec<ControllerHost>,
    /// The ports that a controller listens on.
    pub ports: RangeInclusive<u16>,
    /// slurmd's port, where a node has none of its own.
    pub slurmd_port: u16,
    /// Ports of srun's own listeners, if they are to keep to some.
    pub srun_ports: Option<RangeInclusive<u16>>,
    /// Node lines in the order of the file.
    pub nodes: Vec<NodeLine>,
    /// Node sets in the order of the file.
    pub node_sets: Vec<NodeSetLine>,
    /// States that override those of the node lines.
    pub down_nodes: Vec<DownNodesLine>,
    /// Partitions in the order of the file, their nodes resolved.
    pub partitions: Vec<PartitionLine>,
    /// Power actions in the order of the file.
    pub power_actions: Vec<PowerAction>,
    /// Flags and lists taken apart.
    pub settings: Settings,
    /// What was found strange and put right or ignored; to be logged once.
    warnings: Vec<Problem>,
    given: BTreeSet<&'static str>,
}

/// Keys that are lists or words, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `AuthInfo`.
    pub auth_info: Options,
    /// `CommunicationParameters`.
    pub communication: Options,
    /// `SlurmctldParameters`.
    pub slurmctld: Options,
    /// `SchedulerParameters`.
    pub scheduler: Options,
    /// `SelectTypeParameters` as bits; see `flag::SELECT_*`.
    pub select_bits: u16,
    /// `DebugFlags` as bits.
    pub debug_flags: u64,
    /// `PrologFlags` as bits.
    pub prolog_flags: u16,
    /// `PrivateData` as bits.
    pub private_data: u16,
    /// `ReconfigFlags` as bits.
    pub reconfig_flags: u16,
    /// `HealthCheckNodeState` as bits.
    pub health_check_states: u16,
    /// `EnforcePartLimits`.
    pub enforce_part_limits: EnforcePartLimits,
    /// `PreemptMode`.
    pub preempt_mode: PreemptMode,
    /// `PreemptParameters`.
    pub preemption: Options,
    /// `DefMemPerNode` or `DefMemPerCPU`.
    pub def_mem: Option<Memory>,
    /// `MaxMemPerNode` or `MaxMemPerCPU`.
    pub max_mem: Option<Memory>,
    /// `SlurmctldDebug` as a level from 0 (quiet) to 9 (debug5).
    pub slurmctld_debug: u16,
    /// `SlurmdDebug`, likewise.
    pub slurmd_debug: u16,
    /// `SlurmctldSyslogDebug`, likewise; absent if not given.
    pub slurmctld_syslog_debug: Option<u16>,
    /// `SlurmdSyslogDebug`, likewise.
    pub slurmd_syslog_debug: Option<u16>,
    /// Keys that are times.
    pub times: Times,
    /// `GresTypes`.
    pub gres_types: Vec<String>,
    /// What ctld only passes on.
    pub shown: Shown,
    /// Whether IPv4 is used.
    pub ipv4: bool,
    /// Whether IPv6 is used.
    pub ipv6: bool,
    /// `SlurmctldParameters=enable_configless`.
    pub configless: bool,
    /// `SlurmdParameters=config_overrides`: nodes count as configured, whatever they report.
    pub config_overrides: bool,
}

/// Keys that are times, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// `PreemptExemptTime`.
    pub preempt_exempt_s: Option<Limit>,
    /// `SuspendTime`.
    pub suspend_s: Limit,
    /// `PriorityDecayHalfLife`; 0 for no decay.
    pub priority_decay_half_life_s: Limit,
    /// `PriorityCalcPeriod`.
    pub priority_calc_period_s: u32,
    /// `PriorityMaxAge`.
    pub priority_max_age_s: Limit,
}

impl SlurmConf {
    /// Reads a file and what it includes. All errors are collected; with any, the file is refused.
    pub fn load(files: &dyn Files, path: &Path) -> Result<Self, Refused> {
        let mut problems = Problems::default();
        let source = source::read(files, path, &mut problems);
        // Without the file every other complaint would be about its absence.
        if source.lines.is_empty() && !problems.errors.is_empty() {
            return Err(Refused(problems));
        }
        let parsed = Parsed::read(source.lines, &mut problems);
        let mut keys = parsed.keys;
        let settings = settings::derive(&mut keys, &parsed.given, &mut problems);
        let controllers = host::controllers(parsed.hosts, &keys, &mut problems);
        let cluster = keys.cluster_name.clone().unwrap_or_default().to_ascii_lowercase();
        if cluster.is_empty() {
            problems.error(None, Cause::NoClusterName);
        }
        keys.cluster_name = Some(cluster.clone());
        let ports = settings::ports(&keys, &parsed.given, &mut problems);
        let nodes = parsed.nodes.lines;
        let mut partitions = parsed.partitions.lines;
        resolve::check_nodes(&nodes, &parsed.node_sets, &parsed.down_nodes, &mut problems);
        resolve::partition_nodes(&mut partitions, &nodes, &parsed.node_sets, &mut problems);
        if !problems.errors.is_empty() {
            return Err(Refused(problems));
        }
        Ok(Self {
            path: path.to_path_buf(),
            includes: source.includes,
            hash: source.hash,
            keys,
            cluster,
            controllers,
            ports: ports.controller,
            slurmd_port: ports.slurmd,
            srun_ports: ports.srun,
            nodes,
            node_sets: parsed.node_sets,
            down_nodes: parsed.down_nodes,
            partitions,
            power_actions: parsed.power_actions,
            settings,
            warnings: problems.warnings,
            given: parsed.given.into_keys().collect(),
        })
    }

    /// What was found strange, in the order of the file as far as it has a line: to be logged once
    /// at start and after a reconfiguration.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Whether the file has a key.
    pub fn is_given(&self, key: &str) -> bool {
        Fact::of(key).is_some_and(|fact| self.given.contains(fact.name))
    }

    /// The default partition: the last line with `Default=YES`.
    pub fn default_partition(&self) -> Option<&PartitionLine> {
        self.partitions.iter().rfind(|p| p.is_default)
    }
}

/// The lines of the file, each understood by itself.
#[derive(Default)]
struct Parsed {
    keys: Keys,
    /// Where each plain key was given last.
    given: BTreeMap<&'static str, Place>,
    hosts: Vec<(ControllerHost, Place)>,
    nodes: NodeLines,
    node_sets: Vec<NodeSetLine>,
    down_nodes: Vec<DownNodesLine>,
    partitions: PartitionLines,
    power_actions: Vec<PowerAction>,
}

impl Parsed {
    fn read(lines: Vec<source::Line>, problems: &mut Problems) -> Self {
        let mut parsed = Self::default();
        for source::Line { place, text } in &lines {
            match line::pair(text) {
                None => fields::check_empty(text, place, problems),
                Some(pair) => parsed.pair(&pair, place, problems),
            }
        }
        parsed
    }

    fn pair(&mut self, pair: &line::Pair<'_>, place: &Place, problems: &mut Problems) {
        if let Some(key) = LINE_KEYS.iter().find(|key| key.eq_ignore_ascii_case(pair.key)) {
            if let Err(cause) = self.line(key, pair, place, problems) {
                problems.error(Some(place), cause);
            }
        } else if let Some(fact) = Fact::of(pair.key) {
            self.plain(fact, pair.value, place, problems);
            fields::check_empty(pair.rest, place, problems);
        } else {
            problems.error(Some(place), Cause::UnknownKey { key: pair.key.to_owned() });
        }
    }

    fn line(
        &mut self,
        key: &'static str,
        pair: &line::Pair<'_>,
        place: &Place,
        problems: &mut Problems,
    ) -> Result<(), Cause> {
        let (value, rest) = (pair.value, pair.rest);
        match key {
            "NodeName" => self.nodes.read(value, rest, place, problems),
            "PartitionName" => self.partitions.read(value, rest, place, problems),
            "NodeSet" => self.node_sets.push(NodeSetLine::read(value, rest, place, problems)?),
            "DownNodes" => self.down_nodes.push(DownNodesLine::read(value, rest, place, problems)?),
            "PowerAction" => {
                self.power_actions.push(PowerAction::read(value, rest, place, problems)?);
                let cause = Cause::NoEffect { key, lacking: "power saving" };
                problems.warn(Some(place), cause);
            }
            "SlurmctldHost" => {
                fields::check_empty(rest, place, problems);
                self.hosts.push((ControllerHost::parse(value)?, place.clone()));
            }
            // Front ends were gone with 25.05, and were refused before unless built for them.
            _ => return Err(Cause::Removed { key, advice: "Front end nodes are not supported." }),
        }
        Ok(())
    }

    fn plain(&mut self, fact: &'static Fact, value: &str, place: &Place, problems: &mut Problems) {
        let key = fact.name;
        match fact.effect {
            Effect::Defunct => return problems.warn(Some(place), Cause::Defunct { key }),
            Effect::Removed(advice) => {
                return problems.error(Some(place), Cause::Removed { key, advice });
            }
            Effect::Here | Effect::Elsewhere | Effect::NotYet(_) => {}
        }
        let again = self.given.insert(key, place.clone()).is_some();
        if again && fact.kind != super::value::Kind::Texts {
            problems.warn(Some(place), Cause::Repeated { key });
        }
        if let Err(cause) = (fact.read)(&mut self.keys, key, value) {
            problems.error(Some(place), cause);
        } else if let Effect::NotYet(lacking) = fact.effect
            && !(fact.is_idle)(&self.keys)
        {
            problems.warn(Some(place), Cause::NoEffect { key, lacking });
        }
    }
}
