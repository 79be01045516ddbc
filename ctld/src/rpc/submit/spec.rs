//! What is asked for, with stock's defaults filled in.

use std::sync::Arc;

use model::{
    Exclusive, GresWish, JobSpec, MemoryRequest, NumberOption, TextOption, Timestamp, Uid,
    named_nodes,
};
use protocol::hostlist::Hostlist;
use protocol::msg::{JobDesc, JobFlags, MEM_PER_CPU, shared};
use protocol::shape::{Limit, Sentinel};
use protocol::{Errno, shape};

use super::{amount, carried, check, dependency};
use crate::rpc::Failure;
use crate::view::View;

/// Standard output of a batch job that names none, as `sbatch` documents it.
const STDOUT: &str = "slurm-%j.out";
/// The same for tasks of an array.
const STDOUT_OF_ARRAY: &str = "slurm-%A_%a.out";

/// Whether a path is what a job gets that names none.
pub(in crate::rpc) fn is_default_output(path: &str) -> bool {
    path == STDOUT || path == STDOUT_OF_ARRAY
}

/// The spec of a job that is submitted.
///
/// # Errors
///
/// What stock refuses before it looks at partitions: names of nodes that there are not, counts that
/// do not go together, texts that cannot be read.
pub(super) fn spec(
    view: &View,
    desc: &JobDesc,
    owner: (u32, u32),
    batch: bool,
) -> Result<JobSpec, Failure> {
    let config = view.cluster.config();
    let shape = Shape::of(view, desc)?;
    let flags = carried::flags(desc);
    let mut gres = amount::wishes(desc, &config.gres_types)?;
    // CPUs that come by default are not said to be asked for.
    let min_cpus = shape.min_cpus.max(cpus_of_gres(desc, &shape, &gres));
    gpu_defaults(view, desc, &mut gres);
    let wanted = desc.dependency.as_deref().unwrap_or_default();
    let mut spec = JobSpec {
        name: desc.name.as_deref().unwrap_or_default().into(),
        partitions: partitions(view, desc)?,
        min_nodes: shape.min_nodes,
        max_nodes: shape.max_nodes,
        min_cpus,
        max_cpus: shape.max_cpus,
        tasks: shape.tasks,
        cpus_per_task: desc.cpus_per_task.value().map(|cpus| cpus.max(1)),
        tasks_per_node: desc.ntasks_per_node.value(),
        tasks_per_socket: desc.ntasks_per_socket.value(),
        tasks_per_core: desc.ntasks_per_core.value(),
        tasks_per_board: Some(desc.ntasks_per_board).filter(|tasks| *tasks > 0),
        sockets_per_node: desc.sockets_per_node.value(),
        cores_per_socket: desc.cores_per_socket.value(),
        threads_per_core: desc.threads_per_core.value(),
        min_cpus_per_node: shape.min_cpus_per_node,
        memory: memory(desc.pn_min_memory),
        tmp_disk_mib: desc.pn_min_tmp_disk.value().unwrap_or(0),
        exclusive: exclusive(desc.shared),
        share: desc.shared.value() == Some(shared::OK),
        overcommit: desc.overcommit.value().is_some_and(|yes| yes > 0),
        contiguous: desc.contiguous.value().is_some_and(|yes| yes > 0),
        core_spec: desc.core_spec.value().filter(|_| view.conf.keys.allow_spec_resources_usage),
        required_nodes: match check::is_arbitrary(desc) {
            true => text(&desc.req_nodes),
            false => node_names(&desc.req_nodes),
        },
        excluded_nodes: node_names(&desc.exc_nodes),
        features: text(&desc.features),
        time_limit_min: desc.time_limit.value(),
        time_unlimited: desc.time_limit == Limit::Infinite,
        time_min_min: desc.time_min.value(),
        begin: time(desc.begin_time),
        deadline: time(desc.deadline),
        dependencies: dependency::dependencies(wanted, config.max_array_size)?,
        licenses: amount::all_licenses(desc).as_deref().map_or(Ok(Vec::new()), amount::licenses)?,
        gres,
        nice: desc.nice.value().unwrap_or(0),
        fixed_priority: None,
        requeue: desc.requeue.value().map_or(config.job_requeue, |yes| yes > 0),
        kill_on_node_fail: desc.kill_on_node_fail.value().is_none_or(|yes| yes > 0),
        immediate: desc.immediate != 0 && desc.array_inx.is_none(),
        warn_signal: desc.warn_signal,
        warn_time_s: desc.warn_time,
        warn_flags: desc.warn_flags.0,
        submitted_by: None,
        carried: carried::carried(view, desc),
    };
    if flags.has(JobFlags::SPREAD_JOB) && spec.max_nodes.is_none() {
        let nodes = u32::try_from(view.cluster.nodes().count()).unwrap_or(u32::MAX);
        spec.max_nodes = spec.tasks.filter(|tasks| *tasks > 0).map(|tasks| tasks.min(nodes));
    }
    fill_in(view, desc, owner, batch, flags, &mut spec);
    Ok(spec)
}

/// DefCpuPerGPU, for a job that does not say how many CPUs a task has, and DefMemPerGPU, which memory
/// asked for otherwise goes before: of the partition, or else of slurm.conf.
fn gpu_defaults(view: &View, desc: &JobDesc, wishes: &mut [GresWish]) {
    let names = desc.partition.as_deref().unwrap_or_default();
    let first = names.split(',').find(|name| !name.is_empty());
    let partition = match first {
        Some(name) => view.cluster.partition(name),
        None => view.cluster.partitions().find(|partition| partition.is_default),
    };
    let text = partition.and_then(|partition| partition.job_defaults.as_deref());
    let of_partition = |key: &str| {
        let words = text.unwrap_or_default().split(',').filter_map(|word| word.split_once('='));
        let mut values = words.filter(|(name, _)| name.eq_ignore_ascii_case(key));
        values.next().and_then(|(_, value)| value.parse::<u64>().ok())
    };
    let keys = &view.conf.keys;
    let cpus = of_partition("DefCpuPerGPU").unwrap_or(keys.def_cpu_per_gpu);
    let memory_mib = of_partition("DefMemPerGPU").unwrap_or(keys.def_mem_per_gpu);
    for wish in wishes.iter_mut().filter(|wish| *wish.name == *"gpu") {
        if wish.cpus_each == 0 && desc.cpus_per_task == Limit::Unset {
            wish.cpus_each = u16::try_from(cpus).unwrap_or(u16::MAX);
        }
        if wish.memory_each_mib == 0 {
            wish.memory_each_mib = memory_mib;
        }
    }
}

/// CPUs that come with generic resources, where the request tells how many there are of these.
fn cpus_of_gres(desc: &JobDesc, shape: &Shape, wishes: &[GresWish]) -> u32 {
    let nodes = u64::from(shape.min_nodes.max(1));
    let sockets = u64::from(desc.sockets_per_node.value().unwrap_or(1).max(1));
    let tasks = u64::from(shape.tasks.unwrap_or(1).max(1));
    let of_wish =
        |wish: &GresWish| wish.total(nodes, sockets, tasks).saturating_mul(wish.cpus_each.into());
    let cpus: u64 = wishes.iter().map(of_wish).sum();
    u32::try_from(cpus).unwrap_or(u32::MAX)
}

/// What is carried and does not stand in the description itself.
fn fill_in(
    view: &View,
    desc: &JobDesc,
    (uid, gid): (u32, u32),
    batch: bool,
    flags: JobFlags,
    spec: &mut JobSpec,
) {
    let carried = &mut spec.carried;
    carried.set_number(NumberOption::Bitflags, Some(flags.0).filter(|flags| *flags > 0));
    let kills = match (flags.has(JobFlags::KILL_INV_DEP), flags.has(JobFlags::NO_KILL_INV_DEP)) {
        (true, _) => true,
        (false, true) => false,
        (false, false) => kills_invalid(view),
    };
    carried.set_number(NumberOption::KillOnInvalidDependency, kills.then_some(1));
    // A default is shown as if it had been asked for.
    let mut with = spec.gres.iter().filter(|_| desc.cpus_per_tres.is_none());
    if let Some(wish) = with.find(|wish| wish.cpus_each > 0) {
        let text = format!("{}:{}", wish.name, wish.cpus_each);
        carried.set_text(TextOption::CpusPerTres, Some(text.into()));
    }
    let mut with = spec.gres.iter().filter(|_| desc.mem_per_tres.is_none());
    if let Some(wish) = with.find(|wish| wish.memory_each_mib > 0) {
        let text = format!("{}:{}", wish.name, wish.memory_each_mib);
        carried.set_text(TextOption::MemPerTres, Some(text.into()));
    }
    if batch && desc.std_out.is_none() {
        let path = if desc.array_inx.is_some() { STDOUT_OF_ARRAY } else { STDOUT };
        carried.set_text(TextOption::StdOut, Some(path.into()));
    }
    if batch && desc.wait_all_nodes == Limit::Unset {
        let waits = view.conf.settings.scheduler.has("sbatch_wait_nodes");
        carried.set_number(NumberOption::WaitAllNodes, waits.then_some(1));
    }
    let user = view.users.user(Uid(uid));
    let name = view.users.name(Uid(uid));
    carried.set_text(TextOption::MailUser, Some(mail_user(view, desc, Uid(uid))));
    carried.set_text(TextOption::UserName, Some(name));
    carried.set_text(TextOption::GroupName, view.users.group_name(model::Gid(gid)));
    carried.set_text(TextOption::HomeDir, user.as_ref().map(|user| Arc::clone(&user.home)));
    carried.set_text(TextOption::Shell, user.as_ref().map(|user| Arc::clone(&user.shell)));
}

/// To whom mail goes: the owner, unless somebody is named.
pub(in crate::rpc) fn mail_user(view: &View, desc: &JobDesc, owner: Uid) -> Arc<str> {
    let name = view.users.name(owner);
    match (&desc.mail_user, &view.conf.keys.mail_domain) {
        (Some(user), _) if !user.is_empty() => user.as_str().into(),
        (_, Some(domain)) => format!("{name}@{domain}").into(),
        (_, None) => name,
    }
}

/// DependencyParameters=kill_invalid_depend, which stood in SchedulerParameters once.
fn kills_invalid(view: &View) -> bool {
    let own = view.conf.keys.dependency_parameters.as_deref().unwrap_or_default();
    own.contains("kill_invalid_depend") || view.conf.settings.scheduler.has("kill_invalid_depend")
}

pub(in crate::rpc) fn text(of: &Option<String>) -> Option<Arc<str>> {
    of.as_deref().filter(|text| !text.is_empty()).map(Into::into)
}

/// Names of nodes as stock keeps them: in order, each once.
fn node_names(of: &Option<String>) -> Option<Arc<str>> {
    let text = text(of)?;
    match Hostlist::parse(&text) {
        Ok(list) => Some(list.unique().ranged().into()),
        Err(_) => Some(text),
    }
}

pub(in crate::rpc) fn time(at: shape::Timestamp) -> Option<Timestamp> {
    (at.0 > 0).then_some(Timestamp(at.0))
}

/// Memory for a node or for a CPU. None at all for each CPU is all of the node's.
pub(in crate::rpc) fn memory(limit: Limit<u64>) -> Option<MemoryRequest> {
    let mib = limit.value()?;
    Some(match mib & !MEM_PER_CPU {
        0 => MemoryRequest::PerNode(0),
        per_cpu if mib & MEM_PER_CPU != 0 => MemoryRequest::PerCpu(per_cpu),
        per_node => MemoryRequest::PerNode(per_node),
    })
}

fn exclusive(of: Limit<u16>) -> Exclusive {
    match of.value() {
        Some(shared::NONE) => Exclusive::Node,
        Some(shared::USER) => Exclusive::User,
        Some(shared::MCS) => Exclusive::Mcs,
        Some(shared::TOPO) => Exclusive::Topology,
        Some(shared::OK) => Exclusive::No,
        Some(_) | None => Exclusive::Unset,
    }
}

/// The partitions by name.
///
/// # Errors
///
/// The names that there are not, which the client prints.
pub(in crate::rpc) fn partitions(view: &View, desc: &JobDesc) -> Result<Vec<Arc<str>>, Failure> {
    let names: Vec<Arc<str>> = desc
        .partition
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
        .map(Into::into)
        .collect();
    let unknown: Vec<&str> = names
        .iter()
        .map(|name| &**name)
        .filter(|name| view.cluster.partition(name).is_none())
        .collect();
    if names.is_empty() {
        // A reservation's own comes before the default.
        let reservation = desc.reservation.as_deref().and_then(|r| view.cluster.reservation(r));
        return Ok(reservation.and_then(|one| one.partition.clone()).into_iter().collect());
    }
    if unknown.is_empty() {
        return Ok(names);
    }
    let text = format!("invalid partition specified: {}", unknown.join(","));
    Err(Failure::CodeWithText(Errno::ESLURM_INVALID_PARTITION_NAME, text))
}

/// Counts of nodes, tasks and CPUs, as they follow from each other.
struct Shape {
    min_nodes: u32,
    max_nodes: Option<u32>,
    tasks: Option<u32>,
    min_cpus: u32,
    max_cpus: Option<u32>,
    min_cpus_per_node: u16,
}

impl Shape {
    fn of(view: &View, desc: &JobDesc) -> Result<Self, Failure> {
        let code = |code| Err(Failure::Code(code));
        let required = node_count(view, &desc.req_nodes)?;
        node_count(view, &desc.exc_nodes)?;
        if overlap(view, desc, required) {
            return code(Errno::ESLURM_INVALID_NODE_NAME);
        }
        let min_nodes = desc.min_nodes.value().or(required).unwrap_or(1);
        let max_nodes = desc.max_nodes.value();
        if min_nodes == 0 || max_nodes.is_some_and(|max| max < min_nodes) {
            return code(Errno::ESLURM_INVALID_NODE_COUNT);
        }
        let per_node = desc.ntasks_per_tres.value().or(desc.ntasks_per_node.value());
        let implied = per_node.map(|tasks| min_nodes.saturating_mul(tasks.into()));
        let tasks = desc.num_tasks.value().or(implied);
        if tasks.is_some_and(|tasks| tasks != 0 && tasks < min_nodes) {
            return code(Errno::ESLURM_BAD_TASK_COUNT);
        }
        let cpus_per_task = desc.cpus_per_task.value().unwrap_or(1).max(1);
        let given = desc.min_cpus.value();
        let too_few = given.is_none_or(|cpus| tasks.is_some_and(|tasks| tasks > cpus));
        let min_cpus = if desc.overcommit == Limit::Unset && too_few {
            tasks.unwrap_or(min_nodes).saturating_mul(cpus_per_task.into())
        } else {
            given.unwrap_or(min_nodes)
        };
        let max_cpus = desc.max_cpus.value().map(|max| max.max(min_cpus));
        let min_cpus_per_node = cpus_of_a_node(desc, tasks, cpus_per_task);
        Ok(Self { min_nodes, max_nodes, tasks, min_cpus, max_cpus, min_cpus_per_node })
    }
}

/// CPUs that each node must have: those of a task at least, those of all its tasks if their number
/// is given.
fn cpus_of_a_node(desc: &JobDesc, tasks: Option<u32>, cpus_per_task: u16) -> u16 {
    let asked = desc.pn_min_cpus.value().unwrap_or(1).max(cpus_per_task);
    let overcommit = desc.overcommit.value().is_some_and(|yes| yes > 0);
    match desc.ntasks_per_node.value() {
        Some(per_node) if !overcommit && tasks.is_some_and(|tasks| tasks > 1) => {
            asked.max(cpus_per_task.saturating_mul(per_node))
        }
        _ => asked,
    }
}

/// How many nodes a host expression names.
pub(in crate::rpc) fn node_count(
    view: &View,
    nodes: &Option<String>,
) -> Result<Option<u32>, Failure> {
    let Some(nodes) = nodes.as_deref().filter(|nodes| !nodes.is_empty()) else {
        return Ok(None);
    };
    let named = named_nodes(&view.cluster, nodes)
        .map_err(|_| Failure::Code(Errno::ESLURM_INVALID_NODE_NAME))?;
    Ok(Some(u32::try_from(named.len()).unwrap_or(u32::MAX)))
}

/// Whether nodes are both required and excluded. More nodes than are wanted are not required, but
/// to choose from.
fn overlap(view: &View, desc: &JobDesc, required: Option<u32>) -> bool {
    let (Some(must), Some(not)) = (&desc.req_nodes, &desc.exc_nodes) else {
        return false;
    };
    let wanted = desc.min_nodes.value();
    if wanted.is_some_and(|wanted| required.is_some_and(|required| required > wanted)) {
        return false;
    }
    let must = named_nodes(&view.cluster, must).unwrap_or_default();
    let not = named_nodes(&view.cluster, not).unwrap_or_default();
    must.iter().any(|node| not.contains(node))
}

/// Whether a number that may be raw on the wire is given at all.
pub(in crate::rpc) fn is_given<T: Sentinel>(limit: Limit<T>) -> bool {
    limit != Limit::Unset
}
