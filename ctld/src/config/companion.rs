//! The files beside slurm.conf that a configless node or client is sent.
//!
//! Facts: `_load_config_response` and its lists in 23.11 … 26.05. ctld does not read these files;
//! slurmd and the clients do.

use std::path::{Path, PathBuf};

use super::{key::Release, slurm_conf::SlurmConf, source::Files};

/// Who asks for the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A client, or sackd.
    Client,
    /// slurmd.
    Node,
}

/// A file as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its name in the receiver's folder.
    pub name: String,
    /// What it holds; `None` if the controller has no such file, which is sent too.
    pub content: Option<Vec<u8>>,
    /// Whether the receiver makes it executable.
    pub execute: bool,
}

/// A companion, who gets it, and the releases that know it.
struct Companion {
    name: &'static str,
    audience: Audience,
    first: Release,
    last: Release,
}

const fn to(audience: Audience, name: &'static str) -> Companion {
    Companion { name, audience, first: Release::R23_11, last: Release::R26_05 }
}

impl Companion {
    const fn since(self, first: Release) -> Self {
        Self { first, ..self }
    }

    const fn until(self, last: Release) -> Self {
        Self { last, ..self }
    }
}

/// All of them, in the order in which they are sent.
const COMPANIONS: [Companion; 16] = [
    to(Audience::Client, "slurm.conf"),
    to(Audience::Node, "acct_gather.conf"),
    to(Audience::Node, "cgroup.conf"),
    to(Audience::Client, "cli_filter.lua"),
    to(Audience::Node, "ext_sensors.conf").until(Release::R23_11),
    to(Audience::Node, "gres.conf"),
    to(Audience::Node, "helpers.conf"),
    to(Audience::Node, "job_container.conf"),
    to(Audience::Node, "knl_cray.conf").until(Release::R23_11),
    to(Audience::Node, "mpi.conf"),
    to(Audience::Node, "namespace.yaml").since(Release::R25_11),
    to(Audience::Client, "oci.conf"),
    to(Audience::Client, "plugstack.conf"),
    to(Audience::Client, "scrun.lua"),
    to(Audience::Client, "topology.conf"),
    to(Audience::Client, "topology.yaml").since(Release::R25_05),
];

/// The files for a peer of some release: the companions, what slurm.conf includes, and for a node
/// the prolog and epilog scripts that are named without a folder.
pub fn sent_to(
    audience: Audience,
    release: Release,
    conf: &SlurmConf,
    files: &dyn Files,
) -> Vec<Sent> {
    let folder: PathBuf = conf.path.parent().unwrap_or(Path::new("")).to_path_buf();
    let load = |name: &str, execute: bool| Sent {
        name: name.to_owned(),
        content: files.read(&folder.join(name)).ok(),
        execute,
    };
    let known = |c: &&Companion| c.first <= release && release <= c.last;
    let wanted = |c: &&Companion| audience == Audience::Node || c.audience == Audience::Client;
    let main = |name: &str| match conf.path.file_name() {
        // slurm.conf goes under its own name, whatever -f called it here.
        Some(file) if name == "slurm.conf" => {
            Sent { name: name.to_owned(), ..load(&file.to_string_lossy(), false) }
        }
        _ => load(name, false),
    };
    let mut sent: Vec<Sent> =
        COMPANIONS.iter().filter(known).filter(wanted).map(|c| main(c.name)).collect();
    sent.extend(conf.includes.iter().map(|name| load(name, false)));
    if audience == Audience::Node {
        let scripts = conf.keys.prolog.iter().chain(&conf.keys.epilog);
        let beside = scripts.filter(|path| !path.starts_with('/') && !path.contains('*'));
        sent.extend(beside.map(|name| load(name, true)));
    }
    sent
}
