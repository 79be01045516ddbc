//! PartitionName lines become partitions.

use std::sync::Arc;

use model::{Partition, PartitionState, PreemptMode, Sharing};

use super::memory;
use crate::config::{self, CpuBind, Limit, OverSubscribe, PartitionLine, Preempted, SlurmConf};

/// A partition as the file has it, its nodes left open.
pub fn partition(conf: &SlurmConf, line: &PartitionLine) -> Partition {
    let text = |text: &Option<String>| text.as_deref().map(Arc::from);
    Partition {
        name: line.name.as_str().into(),
        state: state(line.state),
        nodes: Arc::default(),
        nodes_text: text(&line.nodes_text),
        node_sets: line.nodes_text.as_deref().and_then(|text| grown_by(conf, text)),
        is_default: conf.default_partition().is_some_and(|default| default.name == line.name),
        hidden: line.hidden,
        root_only: line.root_only,
        disable_root_jobs: line.disable_root_jobs.unwrap_or(conf.keys.disable_root_jobs),
        exclusive_user: line.exclusive_user,
        exclusive_topo: line.exclusive_topo,
        lln: line.lln,
        req_resv: line.req_resv,
        power_down_on_idle: line.power_down_on_idle,
        allow_accounts: text(&line.allow_accounts),
        deny_accounts: text(&line.deny_accounts),
        allow_groups: text(&line.allow_groups),
        allow_alloc_nodes: text(&line.alloc_nodes),
        allow_qos: text(&line.allow_qos),
        deny_qos: text(&line.deny_qos),
        qos: text(&line.qos),
        alternate: text(&line.alternate),
        default_time_min: line.default_time.and_then(at),
        max_time_min: at(line.max_time),
        min_nodes: line.min_nodes,
        max_nodes: at(line.max_nodes),
        max_cpus_per_node: at(line.max_cpus_per_node),
        max_cpus_per_socket: at(line.max_cpus_per_socket),
        def_memory: line.def_mem.map(memory),
        max_memory: line.max_mem.map(memory),
        grace_time_s: line.grace_time,
        over_time_limit_min: line.over_time_limit,
        preempt_mode: line.preempt_mode.map(preempt_mode),
        priority_job_factor: line.priority_job_factor,
        priority_tier: line.priority_tier,
        sharing: sharing(line.over_subscribe),
        select_bits: line.select_bits,
        cpu_bind: line.cpu_bind.map_or(0, CpuBind::wire),
        resume_timeout_s: line.resume_timeout,
        suspend_timeout_s: line.suspend_timeout,
        suspend_time_s: line.suspend_time.map(Limit::wire),
        billing_weights: text(&line.tres_billing_weights),
        job_defaults: job_defaults(line),
        topology: text(&line.topology),
    }
}

/// What nodes that come later a partition takes: `ALL`, and the features of the node sets that its
/// `Nodes=` names.
pub fn grown_by(conf: &SlurmConf, nodes_text: &str) -> Option<Arc<str>> {
    let mut taken: Vec<&str> = Vec::new();
    for word in nodes_text.split(',').map(str::trim) {
        if word.eq_ignore_ascii_case("ALL") {
            taken.push("ALL");
        }
        let sets = conf.node_sets.iter().filter(|set| set.name == word);
        taken.extend(sets.filter_map(|set| set.feature.as_deref()));
    }
    (!taken.is_empty()).then(|| taken.join(",").into())
}

fn at(limit: Limit) -> Option<u32> {
    match limit {
        Limit::At(n) => Some(n),
        Limit::Unlimited => None,
    }
}

fn state(state: config::PartitionState) -> PartitionState {
    match state {
        config::PartitionState::Up => PartitionState::Up,
        config::PartitionState::Down => PartitionState::Down,
        config::PartitionState::Drain => PartitionState::Drain,
        config::PartitionState::Inactive => PartitionState::Inactive,
    }
}

fn sharing(share: OverSubscribe) -> Sharing {
    match share {
        OverSubscribe::Exclusive => Sharing::Exclusive,
        OverSubscribe::No => Sharing::No,
        OverSubscribe::Yes(jobs) => Sharing::Yes(jobs),
        OverSubscribe::Force(jobs) => Sharing::Force(jobs),
    }
}

fn preempt_mode(mode: config::PreemptMode) -> PreemptMode {
    match mode.preempted {
        Preempted::Off if mode.gang => PreemptMode::Gang,
        Preempted::Off if mode.within => PreemptMode::Within,
        Preempted::Off => PreemptMode::Off,
        Preempted::Cancelled => PreemptMode::Cancel,
        Preempted::Requeued => PreemptMode::Requeue,
        Preempted::Suspended if mode.gang => PreemptMode::SuspendGang,
        Preempted::Suspended => PreemptMode::Suspend,
    }
}

/// `DefCPUPerGPU` and `DefMemPerGPU`, as scontrol writes JobDefaults.
fn job_defaults(line: &PartitionLine) -> Option<Arc<str>> {
    let defaults: Vec<String> =
        [("DefCpuPerGPU", line.def_cpu_per_gpu), ("DefMemPerGPU", line.def_mem_per_gpu)]
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| format!("{key}={value}")))
            .collect();
    (!defaults.is_empty()).then(|| defaults.join(",").into())
}
