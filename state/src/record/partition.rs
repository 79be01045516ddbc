use std::sync::Arc;

use model::{MemoryDefault, NodeId, Partition, PartitionState, PreemptMode, Sharing};

use super::paired::Paired as _;
use super::proto::{self, memory_default::Memory};
use super::{narrow, narrow_if_set, node_numbers, shared, text};
use crate::error::RecordError;

pub(crate) fn write(partition: &Partition) -> proto::Partition {
    let Partition {
        name,
        state,
        nodes,
        nodes_text,
        node_sets,
        is_default,
        hidden,
        root_only,
        disable_root_jobs,
        exclusive_user,
        exclusive_topo,
        lln,
        req_resv,
        power_down_on_idle,
        allow_accounts,
        deny_accounts,
        allow_groups,
        allow_alloc_nodes,
        allow_qos,
        deny_qos,
        qos,
        alternate,
        default_time_min,
        max_time_min,
        min_nodes,
        max_nodes,
        max_cpus_per_node,
        max_cpus_per_socket,
        def_memory,
        max_memory,
        grace_time_s,
        over_time_limit_min,
        preempt_mode,
        priority_job_factor,
        priority_tier,
        sharing,
        select_bits,
        cpu_bind,
        resume_timeout_s,
        suspend_timeout_s,
        suspend_time_s,
        billing_weights,
        job_defaults,
        topology,
    } = partition;
    let (sharing, sharing_max) = match *sharing {
        Sharing::Exclusive => (proto::Sharing::Exclusive, 0),
        Sharing::No => (proto::Sharing::No, 0),
        Sharing::Yes(max) => (proto::Sharing::Yes, max),
        Sharing::Force(max) => (proto::Sharing::Force, max),
    };
    proto::Partition {
        name: name.to_string(),
        state: state.number(),
        nodes: node_numbers(nodes.iter()),
        nodes_text: text(nodes_text),
        node_sets: text(node_sets),
        is_default: *is_default,
        hidden: *hidden,
        root_only: *root_only,
        disable_root_jobs: *disable_root_jobs,
        exclusive_user: *exclusive_user,
        exclusive_topo: *exclusive_topo,
        lln: *lln,
        req_resv: *req_resv,
        power_down_on_idle: *power_down_on_idle,
        allow_accounts: text(allow_accounts),
        deny_accounts: text(deny_accounts),
        allow_groups: text(allow_groups),
        allow_alloc_nodes: text(allow_alloc_nodes),
        allow_qos: text(allow_qos),
        deny_qos: text(deny_qos),
        qos: text(qos),
        alternate: text(alternate),
        default_time_min: *default_time_min,
        max_time_min: *max_time_min,
        min_nodes: *min_nodes,
        max_nodes: *max_nodes,
        max_cpus_per_node: *max_cpus_per_node,
        max_cpus_per_socket: *max_cpus_per_socket,
        def_memory: def_memory.map(write_memory),
        max_memory: max_memory.map(write_memory),
        grace_time_s: *grace_time_s,
        over_time_limit_min: over_time_limit_min.map(u32::from),
        preempt_mode: preempt_mode.map(|mode| mode.number()),
        priority_job_factor: (*priority_job_factor).into(),
        priority_tier: (*priority_tier).into(),
        sharing: sharing.into(),
        sharing_max: sharing_max.into(),
        select_bits: (*select_bits).into(),
        cpu_bind: *cpu_bind,
        resume_timeout_s: resume_timeout_s.map(u32::from),
        suspend_timeout_s: suspend_timeout_s.map(u32::from),
        suspend_time_s: *suspend_time_s,
        billing_weights: text(billing_weights),
        job_defaults: text(job_defaults),
        topology: text(topology),
    }
}

pub(crate) fn read(record: proto::Partition) -> Result<Partition, RecordError> {
    let preempt_mode = record.preempt_mode;
    let preempt_mode = preempt_mode.map(|mode| PreemptMode::numbered("preempt_mode", mode));
    Ok(Partition {
        name: record.name.into(),
        state: PartitionState::numbered("state", record.state)?,
        nodes: record.nodes.into_iter().map(NodeId).collect::<Arc<[NodeId]>>(),
        nodes_text: shared(record.nodes_text),
        node_sets: shared(record.node_sets),
        is_default: record.is_default,
        hidden: record.hidden,
        root_only: record.root_only,
        disable_root_jobs: record.disable_root_jobs,
        exclusive_user: record.exclusive_user,
        exclusive_topo: record.exclusive_topo,
        lln: record.lln,
        req_resv: record.req_resv,
        power_down_on_idle: record.power_down_on_idle,
        allow_accounts: shared(record.allow_accounts),
        deny_accounts: shared(record.deny_accounts),
        allow_groups: shared(record.allow_groups),
        allow_alloc_nodes: shared(record.allow_alloc_nodes),
        allow_qos: shared(record.allow_qos),
        deny_qos: shared(record.deny_qos),
        qos: shared(record.qos),
        alternate: shared(record.alternate),
        default_time_min: record.default_time_min,
        max_time_min: record.max_time_min,
        min_nodes: record.min_nodes,
        max_nodes: record.max_nodes,
        max_cpus_per_node: record.max_cpus_per_node,
        max_cpus_per_socket: record.max_cpus_per_socket,
        def_memory: record.def_memory.and_then(read_memory),
        max_memory: record.max_memory.and_then(read_memory),
        grace_time_s: record.grace_time_s,
        over_time_limit_min: narrow_if_set("over_time_limit_min", record.over_time_limit_min)?,
        preempt_mode: preempt_mode.transpose()?,
        priority_job_factor: narrow("priority_job_factor", record.priority_job_factor)?,
        priority_tier: narrow("priority_tier", record.priority_tier)?,
        sharing: read_sharing(record.sharing, narrow("sharing_max", record.sharing_max)?)?,
        select_bits: narrow("select_bits", record.select_bits)?,
        cpu_bind: record.cpu_bind,
        resume_timeout_s: narrow_if_set("resume_timeout_s", record.resume_timeout_s)?,
        suspend_timeout_s: narrow_if_set("suspend_timeout_s", record.suspend_timeout_s)?,
        suspend_time_s: record.suspend_time_s,
        billing_weights: shared(record.billing_weights),
        job_defaults: shared(record.job_defaults),
        topology: shared(record.topology),
    })
}

fn read_sharing(number: i32, max: u16) -> Result<Sharing, RecordError> {
    match proto::Sharing::try_from(number) {
        Err(_) | Ok(proto::Sharing::Unspecified) => {
            Err(RecordError::Unknown { field: "sharing", number })
        }
        Ok(proto::Sharing::Exclusive) => Ok(Sharing::Exclusive),
        Ok(proto::Sharing::No) => Ok(Sharing::No),
        Ok(proto::Sharing::Yes) => Ok(Sharing::Yes(max)),
        Ok(proto::Sharing::Force) => Ok(Sharing::Force(max)),
    }
}

fn write_memory(memory: MemoryDefault) -> proto::MemoryDefault {
    let memory = match memory {
        MemoryDefault::PerCpu(mib) => Memory::PerCpuMib(mib),
        MemoryDefault::PerNode(mib) => Memory::PerNodeMib(mib),
    };
    proto::MemoryDefault { memory: Some(memory) }
}

fn read_memory(record: proto::MemoryDefault) -> Option<MemoryDefault> {
    record.memory.map(|memory| match memory {
        Memory::PerCpuMib(mib) => MemoryDefault::PerCpu(mib),
        Memory::PerNodeMib(mib) => MemoryDefault::PerNode(mib),
    })
}
