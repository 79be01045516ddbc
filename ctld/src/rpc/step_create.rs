//! Steps are asked for: `srun` within an allocation.

use std::sync::Arc;

use ctld_core::{Answer, Distribution, Event, SocketOrder, StepGres, StepKind, StepRequest};
use model::{
    CpuFrequency, GresCount, Job, MemoryRequest, NodeShare, Step, StepClient, StepTexts, Timestamp,
};
use protocol::auth::Credential;
use protocol::hostlist::Hostlist;
use protocol::msg::{
    JobAndStep, MEM_PER_CPU, StepCreate, StepCreateResponse, StepCredential, StepLayout,
    step_flags, task_dist,
};
use protocol::shape::{Bitmap, Limit, Runs, Sentinel, ShortArray};
use protocol::{Errno, Number, RawVersion, Version};

use super::credential::{self, Signer};
use super::{Failure, Kind, Privilege, Reply, Request, Row, gres, sluid, submit};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[Row::of(
    Number::REQUEST_JOB_STEP_CREATE,
    Privilege::Anybody,
    Kind::WriteSigned(asked, created),
)];

/// The most names that a list for an arbitrary distribution may have.
const HOSTS_MAX: usize = 1 << 20;

/// `REQUEST_JOB_STEP_CREATE`.
fn asked(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let asked: StepCreate = request.decode()?;
    // SLURM_AUTH_NOBODY, 0 and NO_VAL stand for whoever sends it.
    let itself = [request.caller.uid.0, 99, 0, u32::NO_VAL];
    if !itself.contains(&asked.user_id) {
        return Err(Failure::Code(Errno::ESLURM_USER_ID_MISSING));
    }
    let flag = |bit| asked.flags & bit != 0;
    let (bits, distribution) = distribution(&asked)?;
    let text = |text: &Option<String>| {
        text.as_deref().filter(|text| !text.is_empty()).map(Arc::<str>::from)
    };
    let types = &view.cluster.config().gres_types;
    let hosts = if distribution.is_some() { Vec::new() } else { hosts(&asked)? };
    let is_plane = bits & task_dist::BASE_MASK == task_dist::PLANE;
    Ok(Event::StepAsked(Box::new(StepRequest {
        caller: request.caller,
        job: sluid::meant(view, request.version, asked.step_id),
        task: asked.array_task_id.value(),
        number: Some(asked.step_id.step_id).filter(|number| *number != u32::NO_VAL),
        component: Some(asked.step_id.step_het_comp).filter(|number| *number != u32::NO_VAL),
        kind: kind(asked.flags),
        min_nodes: match asked.min_nodes {
            Limit::Value(nodes) => Some(nodes),
            Limit::Unset => Some(1),
            Limit::Infinite => None,
        },
        max_nodes: asked.max_nodes.value().unwrap_or(0),
        cpus: asked.cpu_count.value().unwrap_or(0),
        tasks: asked.num_tasks.value(),
        cpus_per_task: asked.tres_per_task.as_deref().and_then(cpus_per_task),
        // The size of a plane stands for this where the distribution is none of planes.
        tasks_per_node: asked.plane_size.value().filter(|size| !is_plane && *size > 0),
        threads_per_core: asked.threads_per_core.value().filter(|threads| *threads > 0),
        tasks_per_core: asked.ntasks_per_core.value().filter(|tasks| *tasks > 0),
        gres: step_gres(&asked, types)?,
        cpus_of_gres: counts(&asked.cpus_per_tres, types)?,
        memory_of_gres_mib: counts(&asked.mem_per_tres, types)?,
        ports: asked.resv_port_cnt.value(),
        memory: memory(&asked),
        time_limit_min: asked.time_limit.value().filter(|minutes| *minutes > 0),
        relative: asked.relative.value(),
        distribution,
        sockets: sockets(bits),
        distribution_bits: bits,
        whole: flag(step_flags::WHOLE),
        overlaps: flag(step_flags::OVERLAP_FORCE),
        overcommit: flag(step_flags::OVERCOMMIT),
        ignores_signals: flag(step_flags::NO_SIG_FAIL),
        nodes: text(&asked.node_list),
        hosts,
        excluded_nodes: text(&asked.exc_nodes),
        feature: text(&asked.features),
        name: text(&asked.name),
        client: Some(StepClient {
            // As the network knows it: its own name for itself need not be known here.
            host: request.peer.ip().to_string().into(),
            port: asked.port,
            pid: asked.srun_pid,
        }),
        texts: texts(&asked),
        cpu_frequency: CpuFrequency {
            min: given(asked.cpu_freq_min),
            max: given(asked.cpu_freq_max),
            governor: given(asked.cpu_freq_gov),
        },
        submit_line: text(&asked.submit_line),
        protocol: request.version.to_wire(),
    })))
}

fn kind(flags: u32) -> StepKind {
    match flags {
        _ if flags & step_flags::INTERACTIVE != 0 => StepKind::Interactive,
        _ if flags & step_flags::EXT_LAUNCHER != 0 => StepKind::External,
        _ => StepKind::Normal,
    }
}

/// The distribution, with what stock controllers put where nothing was said. `None` is by the list.
fn distribution(asked: &StepCreate) -> Result<(u32, Option<Distribution>), Failure> {
    let mut bits = asked.task_dist;
    let flags = bits & !task_dist::BASE_MASK;
    if bits & task_dist::BASE_MASK == task_dist::UNKNOWN {
        bits = flags | task_dist::BLOCK;
    }
    let distribution = match bits & task_dist::NODE_MASK {
        task_dist::CYCLIC => Distribution::Cyclic,
        task_dist::BLOCK => Distribution::Block { packed: flags & task_dist::PACK_NODES != 0 },
        task_dist::PLANE => Distribution::Plane(asked.plane_size.value().unwrap_or(1)),
        task_dist::ARBITRARY => return Ok((bits, None)),
        _ => return Err(Failure::Code(Errno::ESLURM_BAD_DIST)),
    };
    Ok((bits, Some(distribution)))
}

/// The second part of the distribution.
fn sockets(bits: u32) -> SocketOrder {
    match bits & SOCKETS {
        SOCKETS_BLOCK => SocketOrder::Block,
        SOCKETS_FULL_CYCLIC => SocketOrder::FullCyclic,
        _ => SocketOrder::Cyclic,
    }
}

/// Bits of `task_dist_states_t` that speak of sockets: `SLURM_DIST_SOCKBLOCK`, `SLURM_DIST_SOCKCFULL`
/// (slurm.h).
const SOCKETS: u32 = 0xf0;
const SOCKETS_BLOCK: u32 = 0x20;
const SOCKETS_FULL_CYCLIC: u32 = 0x30;

/// Generic resources of its own; none of its own if it names none. `--gres=none` is a request for
/// nothing, and so is a count of 0.
fn step_gres(asked: &StepCreate, types: &[Arc<str>]) -> Result<Option<StepGres>, Failure> {
    if asked.tres_per_node.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("none")) {
        return Ok(Some(StepGres::default()));
    }
    let wants =
        [&asked.tres_per_step, &asked.tres_per_node, &asked.tres_per_socket, &asked.tres_per_task];
    if !wants.into_iter().flatten().any(|text| text.contains("gres")) {
        return Ok(None);
    }
    Ok(Some(StepGres {
        per_step: counts(&asked.tres_per_step, types)?,
        per_node: counts(&asked.tres_per_node, types)?,
        all: counts(&asked.tres_per_socket, types)?,
        per_task: counts(&asked.tres_per_task, types)?,
        ..StepGres::default()
    }))
}

fn counts(text: &Option<String>, types: &[Arc<str>]) -> Result<Vec<GresCount>, Failure> {
    let found = submit::gres(text.as_deref().unwrap_or_default(), types)?;
    let counts = found.into_iter().map(|(name, kind, count)| GresCount { name, kind, count });
    Ok(counts.filter(|gres| gres.count > 0).collect())
}

/// A number of which no value stands for another thing than itself, but for NO_VAL.
fn given(number: Limit<u32>) -> Option<u32> {
    (number != Limit::Unset).then(|| number.to_raw())
}

fn texts(asked: &StepCreate) -> StepTexts {
    let text = |text: &Option<String>| {
        text.as_deref().filter(|text| !text.is_empty()).map(Arc::<str>::from)
    };
    let of_node = text(&asked.tres_per_node).filter(|text| !text.eq_ignore_ascii_case("none"));
    StepTexts {
        host: text(&asked.host),
        tres_per_step: text(&asked.tres_per_step),
        tres_per_node: of_node,
        tres_per_socket: text(&asked.tres_per_socket),
        tres_per_task: text(&asked.tres_per_task),
        cpus_per_tres: text(&asked.cpus_per_tres),
        mem_per_tres: text(&asked.mem_per_tres),
        tres_bind: text(&asked.tres_bind),
        tres_freq: text(&asked.tres_freq),
        network: text(&asked.network),
        container: text(&asked.container),
        container_id: text(&asked.container_id),
        container_type: text(&asked.container_type),
        cwd: text(&asked.cwd),
        std_in: text(&asked.std_in),
        std_out: text(&asked.std_out),
        std_err: text(&asked.std_err),
    }
}

fn hosts(asked: &StepCreate) -> Result<Vec<Arc<str>>, Failure> {
    let text = asked.node_list.as_deref().unwrap_or_default();
    let invalid = || Failure::Code(Errno::ESLURM_INVALID_NODE_NAME);
    let list = Hostlist::parse(text).map_err(|_| invalid())?;
    if list.len() > HOSTS_MAX {
        return Err(invalid());
    }
    Ok(list.iter().map(Arc::from).collect())
}

fn memory(asked: &StepCreate) -> Option<MemoryRequest> {
    let raw = asked.pn_min_memory.value()?;
    let mib = raw & !MEM_PER_CPU;
    match raw & MEM_PER_CPU {
        _ if mib == 0 => None,
        0 => Some(MemoryRequest::PerNode(mib)),
        _ => Some(MemoryRequest::PerCpu(mib)),
    }
}

/// `cpu:2` or `cpu=2` among the TRES of a task.
fn cpus_per_task(text: &str) -> Option<u16> {
    let counts = text.split(',').filter_map(|tres| tres.trim().strip_prefix("cpu"));
    counts.filter_map(|count| count.strip_prefix([':', '='])?.parse().ok()).next()
}

/// `RESPONSE_JOB_STEP_CREATE`, in the release of the step: its client goes on in that.
fn created(view: &View, request: &Request<'_>, answer: Answer, signer: &Signer<'_>) -> Reply {
    let Answer::Step { job, step } = answer else {
        return request.return_code(Errno::ESLURM_INTERNAL);
    };
    let cluster = &view.cluster;
    let made = cluster.job(job).zip(cluster.step(job, step)).and_then(|(job, step)| {
        let version = Version::from_wire(step.protocol)?;
        let id = sluid::step(view, job, step.number);
        let proof = proof(view, job, step, version, Timestamp(signer.now.0))?;
        let mut layout = layout(step);
        layout.net_cred = credential::net_of_job(view, job.allocation.as_deref()?, signer);
        Some((id, step, version, layout, StepCredential(Some(signer.sign(&proof, version)))))
    });
    // Its job has ended between the two, or lost a node.
    let Some((id, step, version, layout, credential)) = made else {
        return request.return_code(Errno::ESLURM_ALREADY_DONE);
    };
    let body = StepCreateResponse {
        step_id: JobAndStep(id),
        resv_ports: ports_text(step),
        step_layout: Some(layout),
        credential,
        use_protocol_ver: RawVersion(step.protocol),
        // JOB_RUNNING.
        state: 1,
        ..StepCreateResponse::default()
    };
    let reply = Request { version, ..*request };
    Reply { version: Some(version), ..reply.reply(Number::RESPONSE_JOB_STEP_CREATE, &body) }
}

/// Reserved ports as ranges without brackets: `12001-12002,12005`.
pub(super) fn ports_text(step: &Step) -> Option<String> {
    let ports = step.launch.as_ref().map_or(&[][..], |launch| &launch.ports);
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*port) => *last = *port,
            _ => ranges.push((*port, *port)),
        }
    }
    let text = |(first, last): (u16, u16)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let texts: Vec<String> = ranges.into_iter().map(text).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

/// Where the tasks of a step run; one on each node for the steps that no client asked for.
pub(super) fn layout(step: &Step) -> StepLayout {
    let task_ids = match step.launch.as_deref() {
        Some(launch) => launch.shares.iter().map(|share| share.tasks.clone()).collect(),
        None => (0..).zip(&step.nodes).map(|(task, _)| vec![task]).collect(),
    };
    let bits = step.launch.as_ref().map_or(0, |launch| launch.distribution);
    let mut layout = StepLayout::new(step.node_list.to_string(), bits, task_ids);
    layout.start_protocol_ver = RawVersion(step.protocol);
    layout
}

/// The credential of a step: which cores and how much memory it may use on its nodes.
fn proof(
    view: &View,
    job: &Job,
    step: &Step,
    version: Version,
    now: Timestamp,
) -> Option<Credential> {
    let allocation = job.allocation.as_deref()?;
    let launch = step.launch.as_deref()?;
    let id = sluid::step(view, job, step.number);
    let mut proof = credential::of_job(view, job, id.step_id, version, now)?;
    proof.step_id = id;
    let mut map = Bitmap::new(proof.job_cores.0.as_ref().map_or(0, Bitmap::len));
    let mut first = 0;
    for share in &allocation.shares {
        let place = step.nodes.iter().position(|node| *node == share.node);
        for core in place.and_then(|p| launch.shares.get(p)).iter().flat_map(|s| s.cores.iter()) {
            map.insert(first + core);
        }
        first += view.cluster.node(share.node)?.hardware.cores();
    }
    proof.step_core_bitmap = Some(map);
    let of_step = |share: &NodeShare| {
        let place = step.nodes.iter().position(|node| *node == share.node)?;
        launch.shares.get(place)
    };
    proof.step_gres = ShortArray(gres::of_step(&gres::on_nodes(view, allocation, of_step)?));
    proof.step_hostlist = Some(step.node_list.to_string());
    proof.job_mem_alloc = credential::memory(&allocation.shares);
    if launch.shares.iter().any(|share| share.memory_mib > 0) {
        proof.step_mem_alloc =
            launch.shares.iter().map(|share| share.memory_mib).collect::<Runs<u64>>();
    }
    Some(proof)
}
