//! What can be wrong in a configuration file, in the words that slurmctld uses for it.

use std::{fmt, io, path::PathBuf, sync::Arc};

use protocol::hostlist::HostlistError;

/// A line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was opened.
    pub file: Arc<str>,
    /// The first physical line of the (possibly continued) line, counted from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One thing wrong, and where.
///
/// Shown as `slurm.conf:12: Parsing error at unrecognized key: Foo`; a problem of the configuration
/// as a whole has no line.
#[derive(Debug, thiserror::Error)]
pub struct Problem {
    /// Where it stands, unless it is about the file as a whole (a key that is missing).
    pub place: Option<Place>,
    /// What is wrong.
    #[source]
    pub cause: Cause,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.cause),
            None => self.cause.fmt(f),
        }
    }
}

/// The problems of a configuration, each kind in the order of the file.
#[derive(Debug, Default)]
pub struct Problems {
    /// These make the configuration unusable.
    pub errors: Vec<Problem>,
    /// These are logged once; the value in question is ignored or put right as stock does.
    pub warnings: Vec<Problem>,
}

impl Problems {
    pub(super) fn error(&mut self, place: Option<&Place>, cause: Cause) {
        self.errors.push(Problem { place: place.cloned(), cause });
    }

    pub(super) fn warn(&mut self, place: Option<&Place>, cause: Cause) {
        self.warnings.push(Problem { place: place.cloned(), cause });
    }
}

/// The configuration cannot be used: every error found in it.
#[derive(Debug, thiserror::Error)]
#[error("{} in the configuration, the first: {}", count(.0.errors.len()), first(.0))]
pub struct Refused(pub Problems);

fn count(errors: usize) -> String {
    if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") }
}

fn first(problems: &Problems) -> String {
    problems.errors.first().map(Problem::to_string).unwrap_or_default()
}

/// Why a text is not a number of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// There is something else than digits.
    #[error("is not a valid number")]
    NotANumber,
    /// It has more digits than any integer.
    #[error("is out of range")]
    OutOfRange,
    /// It has a minus sign.
    #[error("is less than zero")]
    Negative,
    /// It is larger than the key's integer.
    #[error("is greater than {0}")]
    TooLarge(u64),
}

/// slurmctld quotes what is no number and puts brackets around the rest.
fn quoted(value: &str, why: NumberError) -> String {
    match why {
        NumberError::NotANumber => format!("\"{value}\""),
        NumberError::OutOfRange | NumberError::Negative | NumberError::TooLarge(_) => {
            format!("({value})")
        }
    }
}

/// What is wrong with a line or with the whole.
///
/// The texts are those of slurmctld 24.11 (`read_config.c`, `parse_config.c`, `node_conf.c`), which
/// operators search for, as far as slurmctld has one.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    // The file.
    /// The file itself cannot be read.
    #[error("unable to read \"{path}\"")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An included file cannot be read.
    #[error("\"Include\" failed: unable to read \"{path}\": {reason}")]
    IncludeUnreadable {
        /// The file as looked for.
        path: PathBuf,
        /// What the system said, in words.
        reason: String,
    },
    /// `Include` of a pattern.
    #[error(
        "Slurm does not support glob parsing. {path} will be skipped over. If this expected, ignore this message and set DebugFlags=GLOB_SILENCE in your slurm.conf."
    )]
    IncludeGlob {
        /// The pattern.
        path: String,
    },
    /// `%c` before ClusterName is known.
    #[error("Did not get ClusterName for include path {path}")]
    IncludeWithoutCluster {
        /// The path with the modifier.
        path: String,
    },
    /// Files include each other.
    #[error("\"Include\" failed: {path} is included more than {limit} files deep")]
    IncludeTooDeep {
        /// The file that is one too many.
        path: String,
        /// The deepest nesting allowed.
        limit: u32,
    },

    // A line.
    /// A key that no release has.
    #[error("Parsing error at unrecognized key: {key}")]
    UnknownKey {
        /// The key as written.
        key: String,
    },
    /// Text that is no `Key=Value`, or a second pair on a line that takes one.
    #[error("Parse error in file: \"{text}\"")]
    Leftover {
        /// The text that could not be used.
        text: String,
    },
    /// A number is wanted.
    #[error("{key} value {} {why}", quoted(.value, *.why))]
    Number {
        /// The key as Slurm writes it.
        key: &'static str,
        /// The text given.
        value: String,
        /// What is wrong with it.
        why: NumberError,
    },
    /// A yes or no is wanted.
    #[error("\"{value}\" is not a valid option for \"{key}\"")]
    NotABoolean {
        /// The key as Slurm writes it.
        key: &'static str,
        /// The text given.
        value: String,
    },
    /// The value is none of those that the key can have.
    #[error("Bad value \"{value}\" for {key}")]
    BadValue {
        /// The key as Slurm writes it.
        key: &'static str,
        /// The text given.
        value: String,
    },
    /// A word in a list of flags that no release has.
    #[error("{key} invalid: {word}")]
    BadFlag {
        /// The key as Slurm writes it.
        key: &'static str,
        /// The word.
        word: String,
    },
    /// A key was given twice on a line or in the file.
    #[error("{key} 1 specified more than once, latest value used")]
    Repeated {
        /// The key as Slurm writes it.
        key: &'static str,
    },
    /// Slurm dropped the key, and says so without refusing the file.
    #[error("The option \"{key}\" is defunct, please remove it from slurm.conf.")]
    Defunct {
        /// The key as Slurm writes it.
        key: &'static str,
    },
    /// Slurm dropped the key and refuses a file that has it.
    #[error("The {key} option has been removed. {advice}")]
    Removed {
        /// The key as Slurm writes it.
        key: &'static str,
        /// What to do instead.
        advice: &'static str,
    },
    /// The key is right, and ctld does not act on it yet.
    #[error("{key} has no effect yet: ctld does not have {lacking}")]
    NoEffect {
        /// The key as Slurm writes it.
        key: &'static str,
        /// What it would need.
        lacking: &'static str,
    },
    /// An option in a list of options that has no effect yet.
    #[error("{key} option {option} has no effect yet")]
    OptionWithoutEffect {
        /// The key as Slurm writes it.
        key: &'static str,
        /// The option.
        option: String,
    },
    /// An option that no release documents: a slip of the pen, most likely.
    #[error("{key} option {option} is not known to any release, ignored")]
    UnknownOption {
        /// The key as Slurm writes it.
        key: &'static str,
        /// The option.
        option: String,
    },
    /// The key counts for another that is given too.
    #[error("Ignoring {key} since {stronger} is set.")]
    Overridden {
        /// The key that is ignored.
        key: &'static str,
        /// The one that counts.
        stronger: &'static str,
    },
    /// Two keys that exclude each other.
    #[error("{key} ignored, since it's mutually exclusive with {stronger}")]
    MutuallyExclusive {
        /// The key that is ignored.
        key: &'static str,
        /// The one that counts.
        stronger: &'static str,
    },

    // The whole.
    /// The cluster has no name.
    #[error("ClusterName needs to be specified")]
    NoClusterName,
    /// The cluster has no controller.
    #[error("No SlurmctldHost defined.")]
    NoControllerHost,
    /// Two controllers of one name.
    #[error("Duplicate SlurmctldHost records: {host}")]
    DuplicateControllerHost {
        /// The name.
        host: String,
    },
    /// `BackupAddr` alone.
    #[error("BackupAddr specified without BackupController")]
    BackupAddrAlone,
    /// Job ids would start after their end.
    #[error("FirstJobId > MaxJobId")]
    FirstJobIdAfterLast,
    /// The first job id is 0.
    #[error("FirstJobId cannot be zero")]
    FirstJobIdZero,
    /// A count that permits nothing.
    #[error("{key}=0, nothing permitted")]
    NonePermitted {
        /// The key as Slurm writes it.
        key: &'static str,
    },
    /// Both address families are switched off.
    #[error("Both IPv4 and IPv6 support disabled, cannot communicate")]
    NoAddressFamily,
    /// A value outside what Slurm allows, which is put right.
    #[error("{key}={value} is invalid, reset to {used}")]
    Reset {
        /// The key as Slurm writes it.
        key: &'static str,
        /// The value given.
        value: u64,
        /// The value used instead.
        used: u64,
    },
    /// `CR_ONE_TASK_PER_CORE` together with CPUs as the unit.
    #[error(
        "CR_ONE_TASK_PER_CORE is not compatible with CR_CPU*, please change to use CR_CORE* instead."
    )]
    OneTaskPerCoreWithCpus,
    /// `PrologFlags` that exclude each other.
    #[error("PrologFlags invalid combination: NoHold cannot be combined with Contain and/or X11")]
    NoHoldWithContain,
    /// `PreemptMode` does not go with `PreemptType`.
    #[error("PreemptType and PreemptMode values incompatible")]
    PreemptIncompatible,
    /// `PreemptMode=SUSPEND` alone.
    #[error("PreemptMode=SUSPEND requires GANG too")]
    SuspendWithoutGang,
    /// `MCSParameters` without a plugin that they could be of.
    #[error("MCSParameters={0} used and no MCSPlugin")]
    McsParametersAlone(String),
    /// `MCSParameters` of no plugin.
    #[error("MCSParameters={0} can't be used with MCSPlugin=mcs/none")]
    McsParametersOfNone(String),
    /// `mcs/group` without its groups.
    #[error("MCSPlugin is mcs/group and no MCSParameters")]
    McsGroupAlone,
    /// A scheduler log level without its file.
    #[error("SlurmSchedLogLevel requires SlurmSchedLogFile value")]
    SchedLogWithoutFile,
    /// A number of an option list beyond what Slurm allows.
    #[error("{key} option {option} cannot exceed {limit}")]
    OptionTooLarge {
        /// The key as Slurm writes it.
        key: &'static str,
        /// The option.
        option: &'static str,
        /// The largest value.
        limit: u64,
    },

    // Nodes.
    /// A host list that cannot be expanded.
    #[error("Unable to create {key} list from {value}: {why}")]
    Hosts {
        /// The key whose value it is.
        key: &'static str,
        /// The expression.
        value: String,
        /// What is wrong with it.
        why: HostlistError,
    },
    /// A list beside NodeName has another length.
    #[error(
        "{key} count must equal that of NodeName records or there must be no more than one ({count} != {nodes})"
    )]
    CountMismatch {
        /// The key.
        key: &'static str,
        /// Its names.
        count: usize,
        /// The nodes of the line.
        nodes: usize,
    },
    /// A node was defined before.
    #[error("Duplicated NodeName {node} in the config file")]
    DuplicateNode {
        /// The node.
        node: String,
    },
    /// `NodeName=ALL`.
    #[error("'{name}' is a reserved word disallowed for use with NodeName")]
    ReservedName {
        /// The word.
        name: String,
    },
    /// Keys that name one node stand on a DEFAULT line.
    #[error("{key} not allowed with NodeName=DEFAULT")]
    NotOnDefault {
        /// The key.
        key: &'static str,
    },
    /// A state that a node cannot be configured in.
    #[error("Invalid state {state} from {nodes}")]
    NodeState {
        /// The word.
        state: String,
        /// The nodes of the line.
        nodes: String,
    },
    /// A count that cannot be, put right.
    #[error("NodeNames={nodes} {key}={value} is invalid, reset to {used}")]
    NodeReset {
        /// The nodes of the line.
        nodes: String,
        /// The key.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The value used instead.
        used: u64,
    },
    /// Sockets are given twice.
    #[error("NodeNames={nodes} Sockets=# and SocketsPerBoard=# is invalid , using SocketsPerBoard")]
    SocketsTwice {
        /// The nodes of the line.
        nodes: String,
    },
    /// More boards than sockets.
    #[error("NodeNames={nodes} Sockets({sockets}) < Boards({boards}) resetting Boards=1")]
    MoreBoardsThanSockets {
        /// The nodes of the line.
        nodes: String,
        /// Its sockets.
        sockets: u16,
        /// Its boards.
        boards: u16,
    },
    /// CPUs that fit no level of the topology.
    #[error(
        "NodeNames={nodes} CPUs={cpus} match no Sockets, Sockets*CoresPerSocket or Sockets*CoresPerSocket*ThreadsPerCore. Resetting CPUs."
    )]
    CpusMismatch {
        /// The nodes of the line.
        nodes: String,
        /// The CPUs given.
        cpus: u16,
    },
    /// A CPU list that does not fit the node.
    #[error(
        "NodeNames={nodes} CpuSpecList={list} - unable to convert it to bitmap of size CPUs={cpus}. Ignoring CpuSpecList."
    )]
    CpuSpecList {
        /// The nodes of the line.
        nodes: String,
        /// The list.
        list: String,
        /// The node's CPUs.
        cpus: u16,
    },
    /// A binding that Slurm does not know.
    #[error("{of} CpuBind='{value}' is invalid, ignored")]
    CpuBind {
        /// `NodeNames=…` or `Partition=…`.
        of: String,
        /// The text given.
        value: String,
    },
    /// A set has the name of a node.
    #[error("NodeSet with name {name} overlaps with an existing NodeName")]
    NodeSetIsNode {
        /// The name.
        name: String,
    },
    /// A line names a node that no NodeName line has.
    #[error("DownNode \"{node}\" does not exist!")]
    UnknownDownNode {
        /// The node.
        node: String,
    },

    // Partitions.
    /// A partition was defined before.
    #[error("duplicate entry for partition {partition}")]
    DuplicatePartition {
        /// The partition.
        partition: String,
    },
    /// A partition names nodes that no NodeName line has.
    #[error("Invalid node names in partition {partition}: {nodes}")]
    UnknownPartitionNodes {
        /// The partition.
        partition: String,
        /// The nodes, separated by commas.
        nodes: String,
    },
    /// An allow list makes the deny list void.
    #[error("Both {allow} and {deny} are defined, {deny} will be ignored")]
    AllowAndDeny {
        /// The key that counts.
        allow: &'static str,
        /// The key that is ignored.
        deny: &'static str,
    },
    /// A value that is ignored, as slurmctld does.
    #[error("Ignoring bad {key} value: {value}")]
    IgnoredValue {
        /// The key.
        key: &'static str,
        /// The text given.
        value: String,
    },
    /// Gang scheduling of one partition.
    #[error(
        "PreemptMode=GANG is a cluster-wide option and cannot be set at partition level, option ignored."
    )]
    GangOnPartition,
    /// The default is beyond the limit.
    #[error("partition {partition} DefaultTime exceeds MaxTime ({default_min} > {max_min})")]
    DefaultTimeTooLong {
        /// The partition.
        partition: String,
        /// Minutes.
        default_min: u32,
        /// Minutes.
        max_min: u32,
    },
    /// A second default partition; the last one counts.
    #[error("changing default partition from {from} to {to}")]
    SecondDefault {
        /// The one that was.
        from: String,
        /// The one that is.
        to: String,
    },

    // Power actions (26.05).
    /// A power action lacks what it needs.
    #[error("PowerAction '{action}' requires {key}")]
    PowerActionLacks {
        /// The action.
        action: String,
        /// The key that is missing.
        key: &'static str,
    },
}
