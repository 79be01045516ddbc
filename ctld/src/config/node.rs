//! `NodeName=` lines: what nodes there are and what each has.
//!
//! Facts: `_parse_nodename` and `expand_nodeline_info` of Slurm 24.11.5 and 26.05.3.

use super::{
    fields::{Column, Fields, Layers},
    host_names,
    line::pair,
    option::CpuBind,
    problem::{Cause, Place, Problems, Refused},
    value::{Kind, Limit, number},
};

/// The keys of a NodeName line, in 23.11 … 26.05.
const COLUMNS: &[Column] = &[
    ("BcastAddr", Kind::Text),
    ("Boards", Kind::U16),
    ("CoreSpecCount", Kind::U16),
    ("CoresPerSocket", Kind::U16),
    ("CPUs", Kind::U16),
    ("CPUSpecList", Kind::Text),
    ("CpuBind", Kind::Text),
    ("Feature", Kind::Text),
    ("Features", Kind::Text),
    ("Gres", Kind::Text),
    ("GresConf", Kind::Text),
    ("MemSpecLimit", Kind::U64),
    ("NodeAddr", Kind::Text),
    ("NodeHostname", Kind::Text),
    ("Parameters", Kind::Text),
    ("Port", Kind::Text),
    ("Procs", Kind::U16),
    ("RealMemory", Kind::U64),
    ("Reason", Kind::Text),
    ("RestrictedCoresPerGPU", Kind::U16),
    ("Sockets", Kind::U16),
    ("SocketsPerBoard", Kind::U16),
    ("State", Kind::Text),
    ("SuspendTime", Kind::Text),
    ("ThreadsPerCore", Kind::U16),
    ("TmpDisk", Kind::U32),
    ("Topology", Kind::Text),
    ("TRESWeights", Kind::Text),
    ("Weight", Kind::U32),
];

/// A state that a node can be configured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Learnt when the node registers.
    Unknown,
    /// Out of use.
    Down,
    /// Free; the same as unknown until the node registers.
    Idle,
    /// In use by jobs.
    Allocated,
    /// In error.
    Error,
    /// Partly in use.
    Mixed,
    /// Not there yet; known so that it can be added later.
    Future,
    /// An instance that is made when a job needs it; powered down at first.
    Cloud,
    /// Takes no new jobs.
    Drain,
    /// Expected to fail soon.
    Fail,
    /// Run by something else (25.11 and later).
    External,
}

impl NodeState {
    /// The state named by a word; `CLOUD`, `DRAIN`, `FAIL` and `EXTERNAL` count by their beginning.
    pub fn parse(word: &str) -> Option<Self> {
        const EXACT: [(&str, NodeState); 7] = [
            ("UNKNOWN", NodeState::Unknown),
            ("DOWN", NodeState::Down),
            ("IDLE", NodeState::Idle),
            ("ALLOCATED", NodeState::Allocated),
            ("ERROR", NodeState::Error),
            ("MIXED", NodeState::Mixed),
            ("FUTURE", NodeState::Future),
        ];
        const PREFIX: [(&str, NodeState); 4] = [
            ("CLOUD", NodeState::Cloud),
            ("EXTERNAL", NodeState::External),
            ("DRAIN", NodeState::Drain),
            ("FAIL", NodeState::Fail),
        ];
        let starts = |name: &str| {
            word.as_bytes()
                .get(..name.len())
                .is_some_and(|w| w.eq_ignore_ascii_case(name.as_bytes()))
        };
        let exact = EXACT.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        exact.or_else(|| PREFIX.iter().find(|(name, _)| starts(name))).map(|&(_, state)| state)
    }
}

/// What is one node's own on a NodeName line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeNames {
    /// The node's name.
    pub name: String,
    /// The host name that slurmd sees; the name if not given.
    pub hostname: String,
    /// The address to reach it at; the host name if not given.
    pub address: String,
    /// The address for sbcast.
    pub bcast_address: Option<String>,
    /// slurmd's port, if it is not SlurmdPort.
    pub port: Option<u16>,
}

/// A NodeName line: one configuration, shared by the nodes that it names.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeLine {
    /// Where it stands.
    pub place: Place,
    /// The node expression as written.
    pub expression: String,
    /// The nodes, in the order of the expression.
    pub nodes: Vec<NodeNames>,
    /// Boards a node.
    pub boards: u16,
    /// Sockets a node, over all boards.
    pub sockets: u16,
    /// Cores a socket.
    pub cores_per_socket: u16,
    /// Threads a core.
    pub threads_per_core: u16,
    /// CPUs a node: its sockets, its cores or its threads.
    pub cpus: u16,
    /// Cores kept for the system.
    pub core_spec_count: u16,
    /// CPUs kept for the system, as a list of numbers.
    pub cpu_spec_list: Option<String>,
    /// How tasks are bound when neither job nor partition says so.
    pub cpu_bind: Option<CpuBind>,
    /// Memory in MiB.
    pub real_memory: u64,
    /// Memory kept for the system, in MiB.
    pub mem_spec_limit: u64,
    /// Temporary disk in MiB.
    pub tmp_disk: u32,
    /// Nodes of less weight are used first.
    pub weight: u32,
    /// Features, in the order given.
    pub features: Vec<String>,
    /// Generic resources, `name[:type]:count,…`.
    pub gres: Option<String>,
    /// Lines of gres.conf for these nodes (25.11).
    pub gres_conf: Option<String>,
    /// Free parameters (25.11).
    pub parameters: Option<String>,
    /// Cores that only jobs with a GPU may use, a GPU.
    pub restricted_cores_per_gpu: u16,
    /// The state at the first start.
    pub state: NodeState,
    /// Why it is in that state.
    pub reason: Option<String>,
    /// Seconds without a job before it is powered down; the partition's or the cluster's if absent
    /// (26.05).
    pub suspend_time: Option<Limit>,
    /// Where it stands in the topology (25.05).
    pub topology: Option<String>,
    /// Weights of its resources.
    pub tres_weights: Option<String>,
}

/// Reads NodeName lines; DEFAULT lines change the lines after them.
#[derive(Debug, Default)]
pub(super) struct NodeLines {
    default: Fields,
    pub lines: Vec<NodeLine>,
}

impl NodeLines {
    pub fn read(&mut self, value: &str, rest: &str, place: &Place, problems: &mut Problems) {
        let mut own = Fields::parse(COLUMNS, rest, place, problems);
        if value.eq_ignore_ascii_case("DEFAULT") {
            let named = ["NodeHostname", "BcastAddr", "NodeAddr"].into_iter().find(|k| own.has(k));
            if let Some(key) = named {
                problems.error(Some(place), Cause::NotOnDefault { key });
                return;
            }
            own.merge_under(std::mem::take(&mut self.default));
            self.default = own;
        } else if value.eq_ignore_ascii_case("ALL") {
            problems.error(Some(place), Cause::ReservedName { name: value.to_owned() });
        } else {
            let layers = Layers { own: &own, default: &self.default };
            match line(value, &layers, place, problems) {
                Ok(line) => self.lines.push(line),
                Err(cause) => problems.error(Some(place), cause),
            }
        }
    }
}

impl NodeLine {
    /// One line, `NodeName=… State=…`, without a file around it: from `scontrol create` or
    /// `slurmd -Z --conf`, whose lines may leave the name's key out.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let place = Place { file: "NodeName".into(), line: 1 };
        let mut problems = Problems::default();
        let mut lines = NodeLines::default();
        match pair(text) {
            Some(pair) if pair.key.eq_ignore_ascii_case("NodeName") => {
                lines.read(pair.value, pair.rest, &place, &mut problems);
            }
            _ => lines.read(UNNAMED, text, &place, &mut problems),
        }
        match lines.lines.pop() {
            Some(line) if problems.errors.is_empty() => Ok(line),
            _ => Err(Refused(problems)),
        }
    }
}

/// The name of a node whose line has none.
const UNNAMED: &str = "unnamed";

fn line(
    expression: &str,
    fields: &Layers<'_>,
    place: &Place,
    problems: &mut Problems,
) -> Result<NodeLine, Cause> {
    let nodes = node_names(expression, fields)?;
    let state = match fields.text("State") {
        None => NodeState::Unknown,
        Some(word) => NodeState::parse(word).ok_or_else(|| Cause::NodeState {
            state: word.to_owned(),
            nodes: expression.to_owned(),
        })?,
    };
    let suspend_time = match fields.text("SuspendTime") {
        None => None,
        Some(text) => Some(suspend_time("SuspendTime", text)?),
    };
    let weight = fields.u32("Weight").unwrap_or(1);
    let features = fields.own.text("Feature").or_else(|| fields.own.text("Features"));
    let features = features
        .or_else(|| fields.default.text("Feature"))
        .or_else(|| fields.default.text("Features"))
        .unwrap_or_default();
    let mut line = NodeLine {
        place: place.clone(),
        expression: expression.to_owned(),
        nodes,
        boards: fields.u16("Boards").unwrap_or(1),
        sockets: fields.u16("Sockets").unwrap_or(1),
        cores_per_socket: fields.u16("CoresPerSocket").unwrap_or(1),
        threads_per_core: fields.u16("ThreadsPerCore").unwrap_or(1),
        cpus: 1,
        core_spec_count: fields.u16("CoreSpecCount").unwrap_or(0),
        cpu_spec_list: fields.string("CPUSpecList"),
        cpu_bind: CpuBind::read(fields, || format!("NodeNames={expression}"), place, problems),
        real_memory: fields.u64("RealMemory").unwrap_or(1),
        mem_spec_limit: fields.u64("MemSpecLimit").unwrap_or(0),
        tmp_disk: fields.u32("TmpDisk").unwrap_or(0),
        // The largest number is the wire's word for "none".
        weight: if weight == u32::MAX { weight - 1 } else { weight },
        features: features.split(',').filter(|f| !f.is_empty()).map(str::to_owned).collect(),
        gres: fields.string("Gres"),
        gres_conf: fields.own.text("GresConf").map(str::to_owned),
        parameters: fields.string("Parameters"),
        restricted_cores_per_gpu: fields.u16("RestrictedCoresPerGPU").unwrap_or(0),
        state,
        reason: fields.string("Reason"),
        suspend_time,
        topology: fields.string("Topology"),
        tres_weights: fields.string("TRESWeights"),
    };
    let mut warn = |cause| problems.warn(Some(place), cause);
    reconcile(&mut line, fields, &mut warn);
    reserve(&mut line, &mut warn);
    Ok(line)
}

/// Seconds until a node is powered down; `NONE`, `INFINITE` and `-1` are never.
pub(super) fn suspend_time(key: &'static str, text: &str) -> Result<Limit, Cause> {
    if ["none", "infinite", "-1"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Ok(Limit::Unlimited);
    }
    let seconds = number(text, u32::MAX.into()).ok().and_then(|n| u32::try_from(n).ok());
    let bad = || Cause::BadValue { key, value: text.to_owned() };
    seconds.map(Limit::from_wire).ok_or_else(bad)
}

/// Pairs each name with its host name, address and port. A single one of those stands for all
/// nodes.
fn node_names(expression: &str, fields: &Layers<'_>) -> Result<Vec<NodeNames>, Cause> {
    let expand = |key: &'static str, text: &str| {
        let bad = |why| Cause::Hosts { key, value: text.to_owned(), why };
        host_names(text).map_err(bad)
    };
    let names = expand("NodeName", expression)?;
    if names.is_empty() {
        return Err(Cause::BadValue { key: "NodeName", value: expression.to_owned() });
    }
    let beside = |key: &'static str, text: &str, may_be_none: bool| {
        let list = expand(key, text)?;
        let count = list.len();
        if count == names.len() || count == 1 || (may_be_none && count == 0) {
            Ok(list)
        } else {
            Err(Cause::CountMismatch { key, count, nodes: names.len() })
        }
    };
    // A DEFAULT line cannot hold these, so they are this line's own.
    let hostname = fields.own.text("NodeHostname").unwrap_or(expression);
    let hostnames = beside("NodeHostname", hostname, false)?;
    let addresses = beside("NodeAddr", fields.own.text("NodeAddr").unwrap_or(hostname), false)?;
    let bcast = beside("BcastAddr", fields.own.text("BcastAddr").unwrap_or_default(), true)?;
    let port = fields.text("Port").unwrap_or_default();
    let bracketed = !port.starts_with('[') && port.contains(['-', ',']);
    let ports = if bracketed { &format!("[{port}]") } else { port };
    let bad_port = || Cause::BadValue { key: "Port", value: port.to_owned() };
    let ports = beside("Port", ports, true)?
        .iter()
        .map(|text| text.parse().ok().filter(|&p: &u16| p != 0).ok_or_else(bad_port))
        .collect::<Result<Vec<u16>, Cause>>()?;
    let at = |list: &[String], i: usize| list.get(i).or(list.last()).cloned();
    Ok(names
        .iter()
        .enumerate()
        .map(|(i, name)| NodeNames {
            name: name.clone(),
            hostname: at(&hostnames, i).unwrap_or_else(|| name.clone()),
            address: at(&addresses, i).unwrap_or_else(|| name.clone()),
            bcast_address: at(&bcast, i),
            port: ports.get(i).or(ports.last()).copied(),
        })
        .collect())
}

/// Makes boards, sockets, cores, threads and CPUs agree, in Slurm's order of precedence.
fn reconcile(line: &mut NodeLine, fields: &Layers<'_>, warn: &mut dyn FnMut(Cause)) {
    let nodes = line.expression.clone();
    let mut at_least_one = |n: u16, key| {
        if n == 0 {
            warn(Cause::NodeReset { nodes: nodes.clone(), key, value: 0, used: 1 });
        }
        n.max(1)
    };
    let cpus = fields.u16("CPUs").or_else(|| fields.u16("Procs"));
    let cpus = cpus.map(|n| at_least_one(n, "CPUs"));
    line.cores_per_socket = at_least_one(line.cores_per_socket, "CoresPerSocket");
    line.threads_per_core = at_least_one(line.threads_per_core, "ThreadsPerCore");
    let per_board = fields.u16("SocketsPerBoard").map(|n| at_least_one(n, "SocketsPerBoard"));
    line.sockets = at_least_one(line.sockets, "Sockets");
    line.boards = at_least_one(line.boards, "Boards");
    let sockets_given = fields.u64("Sockets").is_some();
    if per_board.is_some() && sockets_given {
        warn(Cause::SocketsTwice { nodes: nodes.clone() });
    }
    let threads_per_socket = u32::from(line.cores_per_socket) * u32::from(line.threads_per_core);
    let inferred = cpus.map(u32::from).and_then(|cpus| {
        let whole = cpus >= threads_per_socket && cpus.is_multiple_of(threads_per_socket);
        whole.then(|| cpus / threads_per_socket)
    });
    match per_board {
        Some(per_board) => line.sockets = line.boards.saturating_mul(per_board),
        None if sockets_given => {}
        None => {
            let inferred = inferred.and_then(|n| u16::try_from(n).ok());
            line.sockets = inferred.unwrap_or(line.boards);
        }
    }
    let cores = u32::from(line.sockets) * u32::from(line.cores_per_socket);
    let threads = cores.saturating_mul(line.threads_per_core.into());
    let all = u16::try_from(threads).unwrap_or(u16::MAX);
    line.cpus = cpus.unwrap_or(all);
    if line.sockets < line.boards {
        let (sockets, boards) = (line.sockets, line.boards);
        warn(Cause::MoreBoardsThanSockets { nodes: nodes.clone(), sockets, boards });
        line.boards = 1;
    }
    if ![line.sockets.into(), cores, threads, all.into()].contains(&u32::from(line.cpus)) {
        warn(Cause::CpusMismatch { nodes, cpus: line.cpus });
        line.cpus = all;
    }
}

/// Checks what is kept for the system against what there is.
fn reserve(line: &mut NodeLine, warn: &mut dyn FnMut(Cause)) {
    let nodes = line.expression.clone();
    let reset = |key, value, used| Cause::NodeReset { nodes: nodes.clone(), key, value, used };
    let cores = u32::from(line.sockets) * u32::from(line.cores_per_socket);
    if u32::from(line.core_spec_count) >= cores {
        warn(reset("CoreSpecCount", line.core_spec_count.into(), 1));
        line.core_spec_count = 1;
    }
    if let Some(list) = &line.cpu_spec_list
        && !is_cpu_list(list, line.cpus)
    {
        warn(Cause::CpuSpecList { nodes: nodes.clone(), list: list.clone(), cpus: line.cpus });
        line.cpu_spec_list = None;
    }
    if line.core_spec_count > 0 && line.cpu_spec_list.is_some() {
        warn(reset("CoreSpecCount", line.core_spec_count.into(), 0));
        line.core_spec_count = 0;
    }
    if line.mem_spec_limit >= line.real_memory {
        warn(reset("MemSpecLimit", line.mem_spec_limit, 0));
        line.mem_spec_limit = 0;
    }
}

/// Whether a text is a list of CPU numbers and ranges below `cpus`.
fn is_cpu_list(list: &str, cpus: u16) -> bool {
    let cpu = |text: &str| text.parse::<u16>().ok().filter(|&n| n < cpus);
    list.split(',').all(|part| match part.split_once('-') {
        Some((low, high)) => matches!((cpu(low), cpu(high)), (Some(l), Some(h)) if l <= h),
        None => cpu(part).is_some(),
    })
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
