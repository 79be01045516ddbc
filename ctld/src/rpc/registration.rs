//! A node's registration, and what it is answered.

use std::sync::Arc;

use ctld_core::{Answer, Dynamic, Event, Registered, Reject};
use model::{
    Address, CoreSet, GresCount, GresLine, GresUse, Hardware, JobId, Node, NodeId, Registration,
    StepNumber, Timestamp,
};
use protocol::msg::{
    GresRecord, NodeGres, NodeRegistration, NodeRegistrationReply, TresRecord, dynamic_type,
    gres_config, registration_flags,
};
use protocol::shape::NullOr;
use protocol::{Errno, Number};

use super::node_message::step_number;
use super::{Failure, Privilege, Reply, Request, Row};
use crate::config::NodeLine;
use crate::settings;
use crate::view::View;

/// The first number of jobs that `srun --no-allocate` runs without the controller.
const NO_ALLOCATION: u32 = 0xffff_0000;
/// The TRES that every cluster counts, in the order of their numbers from 1 on.
const TRES: [(&str, Option<&str>); 8] = [
    ("cpu", None),
    ("mem", None),
    ("energy", None),
    ("node", None),
    ("billing", None),
    ("fs", Some("disk")),
    ("vmem", None),
    ("pages", None),
];
/// The number of the first TRES that a site adds.
const TRES_OF_SITE: u32 = 1001;

/// MESSAGE_NODE_REGISTRATION_STATUS.
fn registered(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: NodeRegistration = request.decode()?;
    let dynamic = dynamic(view, request, &message)?;
    Ok(Event::Registered(Box::new(Registered {
        caller: request.caller,
        node_name: shared(message.node_name.as_ref()),
        host_name: shared(message.hostname.as_ref()),
        peer: request.peer,
        registration: registration(request, &message),
        load: (message.cpu_load.value().unwrap_or(0), message.free_mem.value().unwrap_or(0)),
        trouble: trouble(Errno(message.status)).map(Arc::from),
        steps: steps(&message),
        gres: message.gres.0.as_ref().map(gres),
        features_available: message.features_avail.as_deref().map(features),
        features_active: message.features_active.as_deref().map(features),
        instance: (maybe(&message.instance_id), maybe(&message.instance_type)),
        extra: maybe(&message.extra),
        dynamic,
    })))
}

fn registration(request: &Request<'_>, message: &NodeRegistration) -> Registration {
    let booted = request.now.0.saturating_sub(message.up_time.into());
    Registration {
        protocol: request.version.to_wire(),
        version: shared(message.version.as_ref()),
        // A node that claims to be older than time has its clock wrong.
        booted: Timestamp(booted.max(0)),
        slurmd_started: Timestamp(message.slurmd_start_time.0),
        arch: shared(message.arch.as_ref()),
        os: shared(message.os.as_ref()),
        cpus: message.cpus,
        boards: if message.boards > message.sockets { 1 } else { message.boards },
        sockets: message.sockets,
        cores_per_socket: message.cores,
        threads_per_core: message.threads,
        memory_mib: message.real_memory,
        tmp_disk_mib: message.tmp_disk,
        gres: message.gres.0.iter().flat_map(|found| &found.records).map(gres_line).collect(),
        parameters: maybe(&message.parameters),
    }
}

/// A line of the node's gres.conf. Cores that cannot be read are none.
fn gres_line(record: &GresRecord) -> GresLine {
    let has = |bit| record.config_flags & bit != 0;
    GresLine {
        name: shared(record.name.as_ref()),
        kind: maybe(&record.type_name),
        count: record.count,
        cores: record.cpus.as_deref().and_then(cores),
        used: match (has(gres_config::SHARED), has(gres_config::ONE_SHARING)) {
            (true, true) => GresUse::SharedOne,
            (true, false) => GresUse::Shared,
            (false, _) if has(gres_config::HAS_FILE) => GresUse::Device,
            (false, _) => GresUse::Counted,
        },
    }
}

/// Core numbers as text: `0-3,8`.
fn cores(text: &str) -> Option<CoreSet> {
    let mut cores = CoreSet::default();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first..=last).for_each(|core| cores.insert(core.into()));
    }
    Some(cores)
}

/// What a status says, in slurmctld's words.
fn trouble(status: Errno) -> Option<&'static str> {
    match status {
        Errno::ESLURMD_PROLOG_FAILED => Some("Prolog error"),
        Errno::ESLURMD_SETUP_ENVIRONMENT_ERROR => Some("Job env setup error"),
        _ => None,
    }
}

/// The steps that run there, but for those that never were the controller's.
fn steps(message: &NodeRegistration) -> Vec<(JobId, StepNumber)> {
    let ours = message.steps.iter().filter(|step| step.job_id < NO_ALLOCATION);
    ours.filter_map(|step| Some((JobId(step.job_id), step_number(*step)?))).collect()
}

/// What the node found of generic resources, equal ones counted together.
fn gres(found: &NodeGres) -> Arc<[GresCount]> {
    let mut counts: Vec<GresCount> = Vec::new();
    for record in &found.records {
        let name = shared(record.name.as_ref());
        let kind = maybe(&record.type_name);
        match counts.iter_mut().find(|known| known.name == name && known.kind == kind) {
            Some(known) => known.count = known.count.saturating_add(record.count),
            None => counts.push(GresCount { name, kind, count: record.count }),
        }
    }
    counts.into()
}

pub(super) fn features(text: &str) -> Arc<[Arc<str>]> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(Arc::from).collect()
}

fn shared(text: Option<&String>) -> Arc<str> {
    text.map_or_else(Arc::default, |text| text.as_str().into())
}

fn maybe(text: &Option<String>) -> Option<Arc<str>> {
    text.as_deref().map(Arc::from)
}

/// What a node that nobody configured asks to become; only as long as it waits for the answer.
fn dynamic(
    view: &View,
    request: &Request<'_>,
    message: &NodeRegistration,
) -> Result<Dynamic, Failure> {
    if message.flags & registration_flags::RESPONSE == 0 {
        return Ok(Dynamic::No);
    }
    Ok(match message.dynamic_type {
        dynamic_type::NORM => Dynamic::New(Box::new(new_node(view, request, message)?)),
        dynamic_type::FUTURE => Dynamic::Future { feature: maybe(&message.dynamic_feature) },
        _ => Dynamic::No,
    })
}

/// A node as `slurmd -Z --conf` describes it, or else as it found itself.
fn new_node(
    view: &View,
    request: &Request<'_>,
    message: &NodeRegistration,
) -> Result<Node, Failure> {
    let name = shared(message.node_name.as_ref());
    let mut node = match &message.dynamic_conf {
        Some(text) => {
            let no_node = || Failure::Rejected(Reject::NoSuchNode(Arc::clone(&name)));
            let line = NodeLine::parse(text).map_err(|_| no_node())?;
            let names = line.nodes.first().ok_or_else(no_node)?;
            settings::node(&line, names, view.conf.slurmd_port)
        }
        None => as_found(view, message),
    };
    node.name = name;
    node.address.host = request.peer.ip().to_string().into();
    node.address.host_name = shared(message.hostname.as_ref());
    node.address.seen = Some(request.peer);
    Ok(node)
}

fn as_found(view: &View, message: &NodeRegistration) -> Node {
    let hardware = Hardware {
        boards: message.boards,
        sockets: message.sockets,
        cores_per_socket: message.cores,
        threads_per_core: message.threads,
        cpus: message.cpus,
        memory_mib: message.real_memory,
        tmp_disk_mib: message.tmp_disk,
        spec_cores: 0,
        spec_cpu_list: None,
        spec_memory_mib: message.mem_spec_limit,
        gres: Arc::default(),
        gres_text: None,
        cpu_bind: 0,
    };
    let address = Address {
        host: Arc::default(),
        host_name: Arc::default(),
        port: view.conf.slurmd_port,
        seen: None,
    };
    Node::unknown(NodeId(0), Arc::default(), address, hardware)
}

/// RESPONSE_NODE_REGISTRATION if the node asked for it: it must have the TRES once. A dynamic node is
/// told its name too.
fn answered(view: &View, request: &Request<'_>, answer: Answer) -> Reply {
    let Ok(message) = request.decode::<NodeRegistration>() else {
        return request.return_code(Errno::SLURM_SUCCESS);
    };
    if message.flags & registration_flags::RESPONSE == 0 {
        return request.return_code(Errno::SLURM_SUCCESS);
    }
    let node_name = match answer {
        Answer::Registered { name, .. } if message.dynamic_type != dynamic_type::NONE => {
            Some(name.to_string())
        }
        _ => None,
    };
    let reply = NodeRegistrationReply { tres: NullOr(Some(tres(view))), node_name };
    request.reply(Number::RESPONSE_NODE_REGISTRATION, &reply)
}

/// What the cluster has of each TRES. Disk, energy, virtual memory and pages are not counted ahead.
pub(super) fn tres(view: &View) -> Vec<TresRecord> {
    let (mut cpus, mut memory, mut nodes) = (0u64, 0u64, 0u64);
    for node in view.cluster.nodes() {
        cpus += u64::from(node.hardware.effective_cpus());
        memory = memory.saturating_add(node.hardware.memory_mib);
        nodes += 1;
    }
    let standard = TRES.into_iter().zip(1u32..).map(|((kind, name), id)| TresRecord {
        id,
        count: match kind {
            "cpu" | "billing" => cpus,
            "mem" => memory,
            "node" => nodes,
            _ => 0,
        },
        name: name.map(str::to_owned),
        kind: Some(kind.to_owned()),
        ..TresRecord::default()
    });
    standard.chain(tres_of_site(view)).collect()
}

/// What AccountingStorageTRES names beside the standard ones.
fn tres_of_site(view: &View) -> Vec<TresRecord> {
    let words = view.conf.keys.accounting_storage_tres.as_deref().unwrap_or_default();
    let named = words.split(',').map(|word| word.trim().to_ascii_lowercase());
    let named = named.map(|word| match word.split_once('/') {
        Some((kind, name)) => (kind.to_owned(), Some(name.to_owned())),
        None => (word, None),
    });
    let is_standard = |(kind, name): &(String, Option<String>)| {
        kind.is_empty() || TRES.contains(&(kind.as_str(), name.as_deref()))
    };
    let ours = named.filter(|tres| !is_standard(tres)).zip(TRES_OF_SITE..);
    ours.map(|((kind, name), id)| TresRecord {
        id,
        count: counted(view, &kind, name.as_deref().unwrap_or_default()),
        name,
        kind: Some(kind),
        ..TresRecord::default()
    })
    .collect()
}

fn counted(view: &View, kind: &str, name: &str) -> u64 {
    match kind {
        "gres" => {
            let all = view.cluster.nodes().flat_map(|node| node.hardware.gres.iter());
            all.filter(|gres| &*gres.name == name).map(|gres| gres.count).sum()
        }
        "license" => {
            let pools = view.cluster.config().licenses.iter();
            pools.filter(|pool| &*pool.name == name).map(|pool| u64::from(pool.total)).sum()
        }
        _ => 0,
    }
}

pub(super) const ROWS: &[Row] = &[Row::write(
    Number::MESSAGE_NODE_REGISTRATION_STATUS,
    Privilege::Daemon,
    registered,
    answered,
)];

#[cfg(test)]
mod tests;
