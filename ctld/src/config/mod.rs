//! The configuration: slurm.conf with all that it includes, its companions, and ctld's own file.
//!
//! `SlurmConf::load` reads a file through a [`Files`], so that tests and the simulator need no
//! disk. It either gives a configuration that is usable as it stands, with a list of warnings, or
//! every error that it found, each with file and line and in slurmctld's words.
//!
//! How it is built: `source` turns files into lines (`line` is the grammar), `slurm_conf` hands
//! each line to the module that knows its key (`key` for plain ones; `node`, `partition`,
//! `nodeset`, `host` for lines with keys of their own, whose pairs `fields` reads), `settings`
//! applies the rules between keys (`shown` holds what is only passed on), `resolve` those between
//! lines. To add a plain key, add a row to `key`; a key of a line, a row to its `COLUMNS`.
//!
//! What it does not know: whether a user, a path or an address exists. That is the program's
//! business.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use protocol::hostlist::{Hostlist, HostlistError};

mod companion;
mod fields;
mod flag;
mod host;
mod key;
mod line;
mod node;
mod nodeset;
mod option;
mod own;
mod partition;
mod problem;
mod resolve;
mod settings;
mod shown;
mod slurm_conf;
mod source;
#[cfg(test)]
mod tests;
mod value;

pub use companion::{Audience, Sent, sent_to};
pub use flag::{
    EnforcePartLimits, PROLOG_CONTAIN, PROLOG_NO_HOLD, PreemptMode, Preempted, SELECT_CORE,
    SELECT_CPU, SELECT_MEMORY, SELECT_ONE_TASK_PER_CORE, SELECT_SOCKET, debug_flags, log_level,
};
pub use host::ControllerHost;
pub use key::{Effect, FACTS, Fact, Keys, Release, Span};
pub use node::{NodeLine, NodeNames, NodeState};
pub use nodeset::{DownNodesLine, NodeSetLine, PowerAction};
pub use option::{BindTo, CpuBind, Options};
pub use own::{Limits, OWN_FILE, Own, OwnError, Store};
pub use partition::{Memory, OverSubscribe, PartitionLine, PartitionState};
pub use problem::{Cause, NumberError, Place, Problem, Problems, Refused};
pub use shown::Shown;
pub use slurm_conf::{Settings, SlurmConf, Times};
pub use source::{ConfHash, Disk, Files};
pub use value::{INFINITE_16, INFINITE_32, Kind, Limit, NO_VALUE_16, NO_VALUE_32, Text};

/// Where slurm.conf is looked for if nothing names it.
pub const DEFAULT_FILE: &str = "/etc/slurm/slurm.conf";

/// The slurm.conf to read: the one named by `-f`, else by the environment's SLURM_CONF, else the
/// default.
pub fn file(option: Option<&Path>, environment: Option<&OsStr>) -> PathBuf {
    let from_environment = environment.filter(|value| !value.is_empty()).map(Path::new);
    option.or(from_environment).unwrap_or(Path::new(DEFAULT_FILE)).to_path_buf()
}

/// The names that a host expression stands for, in its order, repeats included.
fn host_names(expression: &str) -> Result<Vec<String>, HostlistError> {
    Hostlist::parse(expression).map(|list| list.names())
}
