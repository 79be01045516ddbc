//! `PartitionName=` lines.
//!
//! Facts: `_parse_partitionname` and `_build_single_partitionline_info` of Slurm 24.11.5 and
//! 26.05.3.

use super::{
    fields::{Column, Fields, Layers},
    flag::{PreemptMode, SELECT_CORE, SELECT_MEMORY, SELECT_SOCKET},
    node::suspend_time,
    option::CpuBind,
    problem::{Cause, Place, Problems},
    value::{Kind, Limit, minutes},
};

/// The keys of a PartitionName line, in 23.11 … 26.05.
const COLUMNS: &[Column] = &[
    ("AllocNodes", Kind::Text),
    ("AllowAccounts", Kind::Text),
    ("AllowGroups", Kind::Text),
    ("AllowQos", Kind::Text),
    ("Alternate", Kind::Text),
    ("CpuBind", Kind::Text),
    ("DefCPUPerGPU", Kind::U64),
    ("DefMemPerCPU", Kind::U64),
    ("DefMemPerGPU", Kind::U64),
    ("DefMemPerNode", Kind::U64),
    ("Default", Kind::Flag),
    ("DefaultTime", Kind::Text),
    ("DenyAccounts", Kind::Text),
    ("DenyQos", Kind::Text),
    ("DisableRootJobs", Kind::Flag),
    ("Exclusive", Kind::Text),
    ("ExclusiveTopo", Kind::Flag),
    ("ExclusiveUser", Kind::Flag),
    ("GraceTime", Kind::U32),
    ("Hidden", Kind::Flag),
    ("LLN", Kind::Flag),
    ("MaxCPUsPerNode", Kind::U32),
    ("MaxCPUsPerSocket", Kind::U32),
    ("MaxMemPerCPU", Kind::U64),
    ("MaxMemPerNode", Kind::U64),
    ("MaxNodes", Kind::U32),
    ("MaxTime", Kind::Text),
    ("MinNodes", Kind::U32),
    ("Nodes", Kind::Text),
    ("OverSubscribe", Kind::Text),
    ("OverTimeLimit", Kind::Text),
    ("PowerDownOnIdle", Kind::Flag),
    ("PreemptMode", Kind::Text),
    ("Priority", Kind::U16),
    ("PriorityJobFactor", Kind::U16),
    ("PriorityTier", Kind::U16),
    ("QOS", Kind::Text),
    ("ReqResv", Kind::Flag),
    ("ResumeTimeout", Kind::U16),
    ("RootOnly", Kind::Flag),
    ("SelectTypeParameters", Kind::Text),
    ("Shared", Kind::Text),
    ("State", Kind::Text),
    ("SuspendTime", Kind::Text),
    ("SuspendTimeout", Kind::U16),
    ("Topology", Kind::Text),
    ("TRESBillingWeights", Kind::Text),
];

/// Whether a partition takes and starts jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionState {
    /// Takes and starts jobs.
    Up,
    /// Takes jobs, starts none.
    Down,
    /// Takes no jobs, starts those it has.
    Drain,
    /// Neither.
    Inactive,
}

/// Whether jobs share what they are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverSubscribe {
    /// A job has its nodes to itself.
    Exclusive,
    /// No resource goes to two jobs.
    No,
    /// So many jobs may share a resource if they ask for it.
    Yes(u16),
    /// So many jobs share a resource, asked or not.
    Force(u16),
}

impl OverSubscribe {
    /// The number on the wire (`max_share`): 0 for exclusive, the top bit for forced.
    pub fn wire(self) -> u16 {
        match self {
            OverSubscribe::Exclusive => 0,
            OverSubscribe::No => 1,
            OverSubscribe::Yes(jobs) => jobs,
            OverSubscribe::Force(jobs) => jobs | 0x8000,
        }
    }
}

/// An amount of memory in MiB for each CPU or for each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// For each CPU.
    PerCpu(u64),
    /// For each node.
    PerNode(u64),
}

impl Memory {
    /// The number on the wire: the top bit says "a CPU"; 0 is "not set".
    pub fn wire(memory: Option<Self>) -> u64 {
        match memory {
            None => 0,
            Some(Memory::PerNode(mib)) => mib,
            Some(Memory::PerCpu(mib)) => mib | 1 << 63,
        }
    }

    /// Chooses between the two keys; the node's counts.
    pub(super) fn choose(per_node: Option<u64>, per_cpu: Option<u64>) -> Option<Self> {
        per_node.map(Memory::PerNode).or_else(|| per_cpu.map(Memory::PerCpu))
    }
}

/// A PartitionName line.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionLine {
    /// Where it stands.
    pub place: Place,
    /// The partition's name.
    pub name: String,
    /// `Nodes=` as written, blanks made commas: node expressions, node sets or `ALL`.
    pub nodes_text: Option<String>,
    /// The nodes that it stands for, in the order of the NodeName lines.
    pub nodes: Vec<String>,
    /// Nodes from which jobs may be submitted; all if absent.
    pub alloc_nodes: Option<String>,
    /// Accounts that may use it, in lower case; all if absent.
    pub allow_accounts: Option<String>,
    /// Groups that may use it; all if absent.
    pub allow_groups: Option<String>,
    /// QOS that may use it, in lower case; all if absent.
    pub allow_qos: Option<String>,
    /// Accounts that may not, in lower case.
    pub deny_accounts: Option<String>,
    /// QOS that may not, in lower case.
    pub deny_qos: Option<String>,
    /// The partition used while this one is drained or inactive.
    pub alternate: Option<String>,
    /// How tasks are bound when the job does not say so.
    pub cpu_bind: Option<CpuBind>,
    /// Weights of resources in a job's bill.
    pub tres_billing_weights: Option<String>,
    /// Whether jobs that name no partition go here.
    pub is_default: bool,
    /// CPUs a GPU, if the job does not say.
    pub def_cpu_per_gpu: Option<u64>,
    /// MiB a GPU, if the job does not say.
    pub def_mem_per_gpu: Option<u64>,
    /// Memory, if the job does not say.
    pub def_mem: Option<Memory>,
    /// The most memory that a job may ask for.
    pub max_mem: Option<Memory>,
    /// Whether root may not run jobs; the cluster's word if absent.
    pub disable_root_jobs: Option<bool>,
    /// Whether a node is given to one user at a time.
    pub exclusive_user: bool,
    /// Whether a block of the topology is given to one job at a time.
    pub exclusive_topo: bool,
    /// Seconds that a preempted job has left.
    pub grace_time: u32,
    /// Whether users do not see it by default.
    pub hidden: bool,
    /// Whether the least loaded nodes are used first.
    pub lln: bool,
    /// CPUs that jobs may use on a node.
    pub max_cpus_per_node: Limit,
    /// CPUs that jobs may use on a socket.
    pub max_cpus_per_socket: Limit,
    /// Minutes that a job may run.
    pub max_time: Limit,
    /// Minutes, if the job does not say.
    pub default_time: Option<Limit>,
    /// The most nodes of a job.
    pub max_nodes: Limit,
    /// The fewest nodes of a job.
    pub min_nodes: u32,
    /// Whether only root may start jobs.
    pub root_only: bool,
    /// Whether a job needs a reservation.
    pub req_resv: bool,
    /// Minutes that a job may run over; the cluster's number if absent, 65535 for any.
    pub over_time_limit: Option<u16>,
    /// Whether nodes are powered down as soon as they are idle.
    pub power_down_on_idle: bool,
    /// How jobs are preempted; the cluster's word if absent.
    pub preempt_mode: Option<PreemptMode>,
    /// The partition's part in a job's priority.
    pub priority_job_factor: u16,
    /// Jobs of a higher tier come first.
    pub priority_tier: u16,
    /// The QOS that all jobs here also have.
    pub qos: Option<String>,
    /// Seconds that a node may take to resume.
    pub resume_timeout: Option<u16>,
    /// Seconds that a node may take to suspend.
    pub suspend_timeout: Option<u16>,
    /// Seconds without a job before nodes are powered down.
    pub suspend_time: Option<Limit>,
    /// What is given to jobs (bits of `SelectTypeParameters`); 0 for what the cluster says.
    pub select_bits: u16,
    /// Whether jobs share resources.
    pub over_subscribe: OverSubscribe,
    /// Whether it takes and starts jobs.
    pub state: PartitionState,
    /// The topology that it uses (25.05).
    pub topology: Option<String>,
}

/// Reads PartitionName lines; DEFAULT lines change the lines after them.
#[derive(Debug, Default)]
pub(super) struct PartitionLines {
    default: Fields,
    pub lines: Vec<PartitionLine>,
}

impl PartitionLines {
    pub fn read(&mut self, value: &str, rest: &str, place: &Place, problems: &mut Problems) {
        let mut own = Fields::parse(COLUMNS, rest, place, problems);
        if value.eq_ignore_ascii_case("DEFAULT") {
            own.merge_under(std::mem::take(&mut self.default));
            self.default = own;
            return;
        }
        if self.lines.iter().any(|line| line.name == value) {
            problems.error(Some(place), Cause::DuplicatePartition { partition: value.to_owned() });
            return;
        }
        let mut reader =
            Reader { fields: Layers { own: &own, default: &self.default }, place, problems };
        let line = reader.line(value);
        match line {
            Ok(line) => self.lines.push(line),
            Err(cause) => problems.error(Some(place), cause),
        }
    }
}

struct Reader<'a> {
    fields: Layers<'a>,
    place: &'a Place,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn line(&mut self, name: &str) -> Result<PartitionLine, Cause> {
        let (allow_accounts, deny_accounts) = self.allowed("AllowAccounts", "DenyAccounts");
        let (allow_qos, deny_qos) = self.allowed("AllowQos", "DenyQos");
        let (def_mem, max_mem) = (
            self.memory("DefMemPerNode", "DefMemPerCPU"),
            self.memory("MaxMemPerNode", "MaxMemPerCPU"),
        );
        let (priority_job_factor, priority_tier) = self.priorities();
        let max_time = self.time("MaxTime")?.unwrap_or(Limit::Unlimited);
        let default_time = self.default_time(name, max_time)?;
        let mut over_subscribe = self.over_subscribe()?;
        let (exclusive_user, exclusive_topo) = self.exclusive(&mut over_subscribe)?;
        let of = || format!("Partition={name}");
        let cpu_bind = CpuBind::read(&self.fields, of, self.place, self.problems);
        let f = &self.fields;
        let limit = |key| f.u32(key).map_or(Limit::Unlimited, Limit::from_wire);
        let own_flag = |key| f.own.flag(key).unwrap_or(false);
        let flag = |key| f.flag(key).unwrap_or(false);
        let blank_to_comma = |c: char| if super::line::is_blank(c) { ',' } else { c };
        let not_all = |text: &String| !text.eq_ignore_ascii_case("ALL");
        Ok(PartitionLine {
            place: self.place.clone(),
            name: name.to_owned(),
            nodes_text: f.text("Nodes").map(|text| text.chars().map(blank_to_comma).collect()),
            nodes: Vec::new(),
            // ALL of a partition's own line stays a word to slurmctld, with the same meaning.
            alloc_nodes: f.string("AllocNodes").filter(not_all),
            allow_accounts,
            allow_groups: f.string("AllowGroups").filter(not_all),
            allow_qos,
            deny_accounts,
            deny_qos,
            alternate: f.string("Alternate"),
            cpu_bind,
            tres_billing_weights: f.string("TRESBillingWeights"),
            is_default: flag("Default"),
            def_cpu_per_gpu: f.u64("DefCPUPerGPU"),
            def_mem_per_gpu: f.u64("DefMemPerGPU"),
            def_mem,
            max_mem,
            disable_root_jobs: f.own.flag("DisableRootJobs"),
            exclusive_user,
            exclusive_topo,
            grace_time: f.u32("GraceTime").unwrap_or(0),
            hidden: flag("Hidden"),
            lln: flag("LLN"),
            max_cpus_per_node: limit("MaxCPUsPerNode"),
            max_cpus_per_socket: limit("MaxCPUsPerSocket"),
            max_time,
            default_time,
            max_nodes: limit("MaxNodes"),
            min_nodes: f.u32("MinNodes").unwrap_or(0),
            root_only: flag("RootOnly"),
            req_resv: flag("ReqResv"),
            over_time_limit: self.over_time_limit(),
            power_down_on_idle: own_flag("PowerDownOnIdle"),
            preempt_mode: self.preempt_mode()?,
            priority_job_factor,
            priority_tier,
            qos: self.fields.string("QOS"),
            resume_timeout: self.fields.u16("ResumeTimeout"),
            suspend_timeout: self.fields.u16("SuspendTimeout"),
            suspend_time: self.suspend_time()?,
            select_bits: self.select_bits()?,
            over_subscribe,
            state: self.state()?,
            topology: self.fields.string("Topology"),
        })
    }

    /// Lists of accounts or QOS: in lower case, `ALL` is no list, and an allow list voids a deny
    /// list.
    fn allowed(
        &mut self,
        allow: &'static str,
        deny: &'static str,
    ) -> (Option<String>, Option<String>) {
        let list = |key| self.fields.text(key).map(str::to_ascii_lowercase);
        let allowed = list(allow).filter(|text| text != "all");
        let denied = list(deny);
        if allowed.is_some() && denied.is_some() {
            self.problems.warn(Some(self.place), Cause::AllowAndDeny { allow, deny });
        }
        (allowed, denied)
    }

    fn memory(&mut self, per_node: &'static str, per_cpu: &'static str) -> Option<Memory> {
        let (node, cpu) = (self.fields.u64(per_node), self.fields.u64(per_cpu));
        if node.is_some() && cpu.is_some() {
            let cause = Cause::MutuallyExclusive { key: per_cpu, stronger: per_node };
            self.problems.warn(Some(self.place), cause);
        }
        Memory::choose(node, cpu)
    }

    fn priorities(&self) -> (u16, u16) {
        match self.fields.u16("Priority") {
            Some(both) => (both, both),
            None => (
                self.fields.u16("PriorityJobFactor").unwrap_or(1),
                self.fields.u16("PriorityTier").unwrap_or(1),
            ),
        }
    }

    fn time(&self, key: &'static str) -> Result<Option<Limit>, Cause> {
        let Some(text) = self.fields.text(key) else { return Ok(None) };
        let bad = || Cause::BadValue { key, value: text.to_owned() };
        minutes(text).map(Some).ok_or_else(bad)
    }

    fn default_time(&mut self, name: &str, max: Limit) -> Result<Option<Limit>, Cause> {
        let default = self.time("DefaultTime")?;
        match default {
            Some(time) if time > max => {
                self.problems.warn(
                    Some(self.place),
                    Cause::DefaultTimeTooLong {
                        partition: name.to_owned(),
                        default_min: time.wire(),
                        max_min: max.wire(),
                    },
                );
                Ok(None)
            }
            time => Ok(time),
        }
    }

    fn over_time_limit(&mut self) -> Option<u16> {
        let text = self.fields.text("OverTimeLimit")?;
        if ["infinite", "unlimited"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Some(u16::MAX);
        }
        match text.parse::<i64>() {
            Ok(minutes) if minutes >= 0 => Some(u16::try_from(minutes).unwrap_or(u16::MAX)),
            Ok(_) | Err(_) => {
                let value = text.to_owned();
                let cause = Cause::IgnoredValue { key: "OverTimeLimit", value };
                self.problems.warn(Some(self.place), cause);
                None
            }
        }
    }

    fn suspend_time(&self) -> Result<Option<Limit>, Cause> {
        let text = self.fields.own.text("SuspendTime");
        text.map(|text| suspend_time("SuspendTime", text)).transpose()
    }

    fn preempt_mode(&mut self) -> Result<Option<PreemptMode>, Cause> {
        let Some(text) = self.fields.text("PreemptMode") else { return Ok(None) };
        let bad = || Cause::BadValue { key: "PreemptMode", value: text.to_owned() };
        let mut mode = PreemptMode::parse(text).ok_or_else(bad)?;
        if mode.gang {
            self.problems.warn(Some(self.place), Cause::GangOnPartition);
            mode.gang = false;
        }
        Ok(Some(mode))
    }

    fn select_bits(&self) -> Result<u16, Cause> {
        const KEY: &str = "SelectTypeParameters";
        let Some(text) = self.fields.own.text(KEY) else { return Ok(0) };
        let lower = text.to_ascii_lowercase();
        let words = [
            ("cr_core_memory", SELECT_CORE | SELECT_MEMORY),
            ("cr_core", SELECT_CORE),
            ("cr_socket_memory", SELECT_SOCKET | SELECT_MEMORY),
            ("cr_socket", SELECT_SOCKET),
        ];
        let found = words.iter().find(|(word, _)| lower.starts_with(word));
        found
            .map(|&(_, bits)| bits)
            .ok_or_else(|| Cause::BadValue { key: KEY, value: text.to_owned() })
    }

    /// `OverSubscribe`, or its old name `Shared`.
    fn over_subscribe(&mut self) -> Result<OverSubscribe, Cause> {
        const KEY: &str = "OverSubscribe";
        let Some(text) = self.fields.text(KEY).or_else(|| self.fields.text("Shared")) else {
            return Ok(OverSubscribe::No);
        };
        let lower = text.to_ascii_lowercase();
        let (word, count) = match lower.split_once(':') {
            Some((word, count)) => (word, Some(count)),
            None => (lower.as_str(), None),
        };
        let jobs = |least: u16| match count {
            None => Some(4),
            Some(count) => count.parse().ok().filter(|&n| n >= least && n < 0x8000),
        };
        let shared = match (word, count) {
            ("no", None) => Some(OverSubscribe::No),
            ("exclusive", None) => Some(OverSubscribe::Exclusive),
            ("yes", _) => jobs(2).map(OverSubscribe::Yes),
            ("force", _) => jobs(1).map(OverSubscribe::Force),
            _ => return Err(Cause::BadValue { key: KEY, value: text.to_owned() }),
        };
        if shared.is_none() {
            let cause = Cause::IgnoredValue { key: KEY, value: text.to_owned() };
            self.problems.warn(Some(self.place), cause);
        }
        Ok(shared.unwrap_or(OverSubscribe::No))
    }

    /// Whether nodes go to one user, blocks to one job: `ExclusiveUser`, `ExclusiveTopo`, and since
    /// 26.05 `Exclusive=`, which counts.
    fn exclusive(&mut self, over_subscribe: &mut OverSubscribe) -> Result<(bool, bool), Cause> {
        let own_flag = |key| self.fields.own.flag(key).unwrap_or(false);
        let (user, topo) = (own_flag("ExclusiveUser"), own_flag("ExclusiveTopo"));
        let Some(text) = self.fields.text("Exclusive") else {
            return Ok((user, topo));
        };
        match text.to_ascii_lowercase().as_str() {
            "no" | "none" => {
                if *over_subscribe == OverSubscribe::Exclusive {
                    *over_subscribe = OverSubscribe::No;
                }
                Ok((false, false))
            }
            "node" => {
                *over_subscribe = OverSubscribe::Exclusive;
                Ok((false, false))
            }
            "user" => Ok((true, false)),
            "topo" => {
                *over_subscribe = OverSubscribe::Exclusive;
                Ok((false, true))
            }
            _ => Err(Cause::BadValue { key: "Exclusive", value: text.to_owned() }),
        }
    }

    fn state(&self) -> Result<PartitionState, Cause> {
        let Some(text) = self.fields.text("State") else { return Ok(PartitionState::Up) };
        let upper = text.to_ascii_uppercase();
        let words = [
            ("DOWN", PartitionState::Down),
            ("UP", PartitionState::Up),
            ("DRAIN", PartitionState::Drain),
            ("INACTIVE", PartitionState::Inactive),
        ];
        let found = words.iter().find(|(word, _)| upper.starts_with(word));
        let bad = || Cause::BadValue { key: "State", value: text.to_owned() };
        found.map(|&(_, state)| state).ok_or_else(bad)
    }
}

#[cfg(test)]
#[path = "partition_tests.rs"]
mod tests;
