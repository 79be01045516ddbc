//! Partitions made, altered and deleted by people.

use std::sync::Arc;

use ctld_core::{Event, PartitionNodes, PartitionUpdate};
use model::{MemoryDefault, Partition, PartitionState, PreemptMode, Sharing};
use protocol::msg::{
    DeletePartition, OVERSUBSCRIBE_FORCE, PartitionFlags, UpdatePartition, partition_state,
    preempt_mode,
};
use protocol::shape::Limit;
use protocol::{Errno, Hostlist, Number};

use super::{Failure, Privilege, Request, Row, done};
use crate::settings;
use crate::view::View;

/// The bit that says "for each CPU" of an amount of memory.
const MEMORY_PER_CPU: u64 = 1 << 63;
/// `CPU_BIND_OFF`: takes a default binding back.
const CPU_BIND_OFF: u32 = 0x8_0000;

/// REQUEST_CREATE_PARTITION.
fn create(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    Ok(Event::CreatePartition(Box::new(asked(view, request)?)))
}

/// REQUEST_UPDATE_PARTITION.
fn update(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    Ok(Event::UpdatePartition(Box::new(asked(view, request)?)))
}

/// REQUEST_DELETE_PARTITION.
fn delete(_: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: DeletePartition = request.decode()?;
    Ok(Event::DeletePartition { caller: request.caller, name: named(message.name.as_deref())? })
}

fn named(name: Option<&str>) -> Result<Arc<str>, Failure> {
    let name = name.filter(|name| !name.is_empty());
    name.map(Arc::from).ok_or(Failure::Code(Errno::ESLURM_INVALID_PARTITION_NAME))
}

fn asked(view: &View, request: &Request<'_>) -> Result<PartitionUpdate, Failure> {
    let message: UpdatePartition = request.decode()?;
    let name = named(message.name.as_deref())?;
    // Without accounting there is no QOS to be found.
    if message.qos.as_deref().is_some_and(|qos| !qos.is_empty()) {
        return Err(Failure::Code(Errno::ESLURM_INVALID_QOS));
    }
    let tracked = settings::tracked_too(&view.conf);
    if message.billing_weights.as_deref().is_some_and(|text| !settings::are_weights(tracked, text))
    {
        return Err(Failure::Code(Errno::ESLURM_INVALID_TRES_BILLING_WEIGHTS));
    }
    let nodes = message.nodes.as_deref().map(|text| nodes(view, text)).transpose()?;
    let apply = Arc::new(move |partition: &mut Partition| apply(&message, partition));
    Ok(PartitionUpdate { caller: request.caller, name, apply, nodes })
}

/// `Nodes=`: a list that takes the place of the old one, or `+n1,-n2` that alters it.
fn nodes(view: &View, text: &str) -> Result<PartitionNodes, Failure> {
    let grows = settings::grown_by(&view.conf, text);
    if !text.starts_with(['+', '-']) {
        return Ok(PartitionNodes::Are { text: text.into(), names: expanded(view, text)?, grows });
    }
    let (mut added, mut taken) = (Vec::new(), Vec::new());
    // A comma inside brackets parts no words.
    let mut depth = 0u32;
    let words = text.split(|c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    for word in words {
        match (word.strip_prefix('+'), word.strip_prefix('-')) {
            (Some(more), _) => added.extend(expanded(view, more)?),
            (_, Some(less)) => taken.extend(expanded(view, less)?),
            (None, None) => return Err(Failure::Code(Errno::ESLURM_INVALID_NODE_NAME)),
        }
    }
    Ok(PartitionNodes::Change { added, taken })
}

/// The names of nodes, those of node sets and `ALL` among them.
fn expanded(view: &View, text: &str) -> Result<Vec<Arc<str>>, Failure> {
    let no_node = |_| Failure::Code(Errno::ESLURM_INVALID_NODE_NAME);
    let mut names: Vec<Arc<str>> = Vec::new();
    for word in Hostlist::parse(text).map_err(no_node)?.names() {
        let mut is_set = word.eq_ignore_ascii_case("ALL");
        if is_set {
            names.extend(view.cluster.nodes().map(|node| Arc::clone(&node.name)));
        }
        for set in view.conf.node_sets.iter().filter(|set| set.name == word) {
            is_set = true;
            names.extend(set.nodes.iter().map(|name| Arc::from(name.as_str())));
            let Some(feature) = set.feature.as_deref() else { continue };
            let with = view
                .cluster
                .nodes()
                .filter(|node| node.features_available.iter().any(|known| **known == *feature));
            names.extend(with.map(|node| Arc::clone(&node.name)));
        }
        if !is_set {
            names.push(word.into());
        }
    }
    Ok(names)
}

fn apply(message: &UpdatePartition, p: &mut Partition) {
    flags(message.flags, p);
    limits(message, p);
    words(message, p);
    if let Some(state) = message.state_up.value() {
        p.state = match state {
            partition_state::UP => PartitionState::Up,
            partition_state::DOWN => PartitionState::Down,
            partition_state::DRAIN => PartitionState::Drain,
            _ => PartitionState::Inactive,
        };
    }
    if let Some(share) = message.max_share.value() {
        p.sharing = sharing(share);
    }
    set(&mut p.priority_job_factor, message.priority_job_factor.value());
    set(&mut p.priority_tier, message.priority_tier.value());
    if let Some(mode) = message.preempt_mode.value().and_then(preemption) {
        p.preempt_mode = Some(mode);
    }
    match message.cpu_bind {
        0 => {}
        CPU_BIND_OFF => p.cpu_bind = 0,
        bind => p.cpu_bind = bind,
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Sets or clears what one of the two bits says; the one that sets is the stronger.
fn flags(flags: PartitionFlags, p: &mut Partition) {
    use PartitionFlags as F;
    let pairs = [
        (&mut p.is_default, F::DEFAULT, F::DEFAULT_CLEAR),
        (&mut p.hidden, F::HIDDEN, F::HIDDEN_CLEAR),
        (&mut p.disable_root_jobs, F::NO_ROOT, F::NO_ROOT_CLEAR),
        (&mut p.root_only, F::ROOT_ONLY, F::ROOT_ONLY_CLEAR),
        (&mut p.req_resv, F::REQ_RESV, F::REQ_RESV_CLEAR),
        (&mut p.lln, F::LLN, F::LLN_CLEAR),
        (&mut p.exclusive_user, F::EXCLUSIVE_USER, F::EXCLUSIVE_USER_CLEAR),
        (&mut p.power_down_on_idle, F::POWER_DOWN_ON_IDLE, F::POWER_DOWN_ON_IDLE_CLEAR),
        (&mut p.exclusive_topo, F::EXCLUSIVE_TOPO, F::EXCLUSIVE_TOPO_CLEAR),
    ];
    for (field, sets, clears) in pairs {
        if flags.has(sets) {
            *field = true;
        } else if flags.has(clears) {
            *field = false;
        }
    }
}

/// `None` leaves a limit, `Some(None)` takes it away.
fn limit<T: protocol::shape::Sentinel>(limit: Limit<T>) -> Option<Option<T>> {
    match limit {
        Limit::Unset => None,
        Limit::Infinite => Some(None),
        Limit::Value(value) => Some(Some(value)),
    }
}

fn limits(message: &UpdatePartition, p: &mut Partition) {
    set(&mut p.max_cpus_per_node, limit(message.max_cpus_per_node));
    set(&mut p.max_cpus_per_socket, limit(message.max_cpus_per_socket));
    set(&mut p.max_time_min, limit(message.max_time));
    set(&mut p.max_nodes, limit(message.max_nodes));
    set(&mut p.min_nodes, message.min_nodes.value());
    set(&mut p.grace_time_s, message.grace_time.value());
    // A default above the maximum is left out, without an error.
    let fits = |minutes: u32| p.max_time_min.is_none_or(|max| minutes <= max);
    match message.default_time {
        Limit::Value(minutes) if fits(minutes) => p.default_time_min = Some(minutes),
        Limit::Infinite if p.max_time_min.is_none() => p.default_time_min = None,
        Limit::Unset | Limit::Value(_) | Limit::Infinite => {}
    }
    match message.over_time_limit {
        Limit::Unset => {}
        // Any time at all: what the model keeps as the largest number.
        Limit::Infinite => p.over_time_limit_min = Some(u16::MAX),
        Limit::Value(minutes) => p.over_time_limit_min = Some(minutes),
    }
    set(&mut p.def_memory, memory(message.def_mem_per_cpu));
    set(&mut p.max_memory, memory(message.max_mem_per_cpu));
}

/// An amount of memory; 0 is none set, and so is a number without limit.
fn memory(amount: Limit<u64>) -> Option<Option<MemoryDefault>> {
    match amount {
        Limit::Unset => None,
        Limit::Infinite | Limit::Value(0 | MEMORY_PER_CPU) => Some(None),
        Limit::Value(mib) if mib & MEMORY_PER_CPU != 0 => {
            Some(Some(MemoryDefault::PerCpu(mib & !MEMORY_PER_CPU)))
        }
        Limit::Value(mib) => Some(Some(MemoryDefault::PerNode(mib))),
    }
}

/// Lists and names; an empty one, `ALL` or `NONE` where that is said, takes the old one away.
fn words(message: &UpdatePartition, p: &mut Partition) {
    let list = |text: &Option<String>, nothing: &str| {
        text.as_deref().map(|text| {
            let none = text.is_empty() || text.eq_ignore_ascii_case(nothing);
            (!none).then(|| Arc::<str>::from(text))
        })
    };
    let lower = |text: &Option<String>| text.as_deref().map(str::to_ascii_lowercase);
    set(&mut p.allow_accounts, list(&lower(&message.allow_accounts), "ALL"));
    set(&mut p.allow_groups, list(&message.allow_groups, "ALL"));
    set(&mut p.allow_qos, list(&lower(&message.allow_qos), "ALL"));
    set(&mut p.allow_alloc_nodes, list(&message.allow_alloc_nodes, "ALL"));
    set(&mut p.alternate, list(&message.alternate, "NONE"));
    set(&mut p.deny_accounts, list(&lower(&message.deny_accounts), ""));
    set(&mut p.deny_qos, list(&lower(&message.deny_qos), ""));
    set(&mut p.qos, list(&message.qos, ""));
    set(&mut p.billing_weights, list(&message.billing_weights, ""));
    set(&mut p.job_defaults, list(&message.job_defaults, ""));
    set(&mut p.topology, list(&message.topology_name, ""));
}

fn sharing(share: u16) -> Sharing {
    match share & !OVERSUBSCRIBE_FORCE {
        0 => Sharing::Exclusive,
        jobs if share & OVERSUBSCRIBE_FORCE != 0 => Sharing::Force(jobs),
        1 => Sharing::No,
        jobs => Sharing::Yes(jobs),
    }
}

/// A mode that a partition may have; gang scheduling is the cluster's.
fn preemption(mode: u16) -> Option<PreemptMode> {
    match mode {
        preempt_mode::OFF => Some(PreemptMode::Off),
        preempt_mode::SUSPEND => Some(PreemptMode::Suspend),
        preempt_mode::REQUEUE => Some(PreemptMode::Requeue),
        preempt_mode::CANCEL => Some(PreemptMode::Cancel),
        _ => None,
    }
}

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_CREATE_PARTITION, Privilege::Admin, create, done),
    Row::write(Number::REQUEST_UPDATE_PARTITION, Privilege::Admin, update, done),
    Row::write(Number::REQUEST_DELETE_PARTITION, Privilege::Admin, delete, done),
];

#[cfg(test)]
mod tests;
