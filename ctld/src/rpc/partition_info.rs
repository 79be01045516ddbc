//! Partitions, as clients are told of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{MemoryDefault, Partition, PartitionState, PreemptMode, Sharing, Tres};
use protocol::msg::{
    self, JobDefault, MEM_PER_CPU, OVERSUBSCRIBE_FORCE, PartitionFlags, PartitionInfo, job_default,
    partition_state, preempt_mode,
};
use protocol::shape::{self, Limit, NullOr};
use protocol::{Errno, Number, wire};

use super::cache::{Form, Table};
use super::field::{node_set, text, unless_known};
use super::tres;
use super::visible::Sight;
use super::{Failure, Reply, Request, Row};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[Row::read(Number::REQUEST_PARTITION_INFO, partitions)];

/// `scontrol show partition`, sinfo.
fn partitions(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: msg::PartitionInfoRequest = request.decode()?;
    let sight = Sight::new(view, request, asked.show_flags);
    if view.cluster.config().private.partitions && !sight.is_admin() {
        return Err(Failure::Code(Errno::ESLURM_ACCESS_DENIED));
    }
    unless_known(asked.last_update, view.changed.partitions)?;
    let form = Form { version: request.version, flags: 0 };
    let table = Table {
        revision: view.changed.revision.structure,
        altered: None,
        entries_in: |_| (0..).zip(in_order(view)),
    };
    let encode = |(_, partition): (u32, &Arc<Partition>)| {
        wire::to_bytes(&partition_info(view, partition), request.version)
    };
    let at = (view, request.now);
    let sheet = view.encoded.partitions.renewed(at, form, table, encode);
    let shown = sheet.walk(|_, partition, parts, piece| {
        if sight.partition(partition) {
            parts.add(piece);
        }
    });
    let now = shape::Timestamp(request.now.0);
    Ok(Reply {
        number: Number::RESPONSE_PARTITION_INFO,
        body: msg::dated_head(now, shown.count() as usize),
        tail: shown.into_bytes(),
        version: None,
    })
}

/// Partitions in the order of slurm.conf, then those that were made since. sinfo keeps the order.
fn in_order(view: &View) -> Vec<&Arc<Partition>> {
    let lines = view.conf.partitions.iter().map(|line| line.name.as_str());
    let places: BTreeMap<&str, usize> = lines.zip(0..).collect();
    let mut partitions: Vec<_> = view.cluster.partitions().collect();
    partitions.sort_by_key(|partition| places.get(&*partition.name).copied().unwrap_or(usize::MAX));
    partitions
}

/// The record of a partition.
pub(super) fn partition_info(view: &View, partition: &Partition) -> PartitionInfo {
    let tres = Tres::of_partition(&view.cluster, partition);
    let billing = tres::billing(&tres, view, partition.billing_weights.as_deref());
    let nodes = model::node_list(&view.cluster, &partition.nodes);
    PartitionInfo {
        name: Some(partition.name.to_string()),
        cpu_bind: partition.cpu_bind,
        grace_time: Limit::Value(partition.grace_time_s),
        max_time: infinite(partition.max_time_min),
        default_time: Limit::from_option(partition.default_time_min),
        max_nodes: infinite(partition.max_nodes),
        min_nodes: partition.min_nodes,
        total_nodes: u32::try_from(partition.nodes.len()).unwrap_or(u32::MAX),
        total_cpus: u32::try_from(tres.cpus).unwrap_or(u32::MAX),
        def_mem_per_cpu: memory(partition.def_memory),
        max_cpus_per_node: infinite(partition.max_cpus_per_node),
        max_cpus_per_socket: infinite(partition.max_cpus_per_socket),
        max_mem_per_cpu: memory(partition.max_memory),
        flags: flags(partition),
        max_share: sharing(partition.sharing),
        over_time_limit: Limit::from_option(partition.over_time_limit_min),
        preempt_mode: Limit::from_option(partition.preempt_mode.map(preempt_mode_word)),
        priority_job_factor: partition.priority_job_factor,
        priority_tier: partition.priority_tier,
        state_up: state_word(partition.state),
        cr_type: partition.select_bits,
        resume_timeout: Limit::from_option(partition.resume_timeout_s),
        suspend_timeout: Limit::from_option(partition.suspend_timeout_s),
        suspend_time: Limit::from_option(partition.suspend_time_s),
        allow_accounts: text(partition.allow_accounts.as_ref()),
        allow_groups: text(partition.allow_groups.as_ref()),
        allow_alloc_nodes: text(partition.allow_alloc_nodes.as_ref()),
        allow_qos: text(partition.allow_qos.as_ref()),
        qos: text(partition.qos.as_ref()),
        alternate: text(partition.alternate.as_ref()),
        deny_accounts: text(partition.deny_accounts.as_ref()),
        deny_qos: text(partition.deny_qos.as_ref()),
        nodes: (!nodes.is_empty()).then(|| nodes.to_string()),
        nodesets: text(partition.node_sets.as_ref()),
        node_bitmap: Some(node_set(&view.cluster, partition.nodes.iter().copied())),
        billing_weights: text(partition.billing_weights.as_ref()),
        topology_name: text(partition.topology.as_ref()),
        tres: tres::text(&tres, view, billing),
        job_defaults: NullOr(partition.job_defaults.as_deref().map(job_defaults)),
    }
}

/// A bound of which none is "without limit".
fn infinite<T>(bound: Option<T>) -> Limit<T> {
    bound.map_or(Limit::Infinite, Limit::Value)
}

/// DefMemPerNode, or DefMemPerCPU with the high bit; 0 is without limit.
pub(super) fn memory(memory: Option<MemoryDefault>) -> u64 {
    match memory {
        None => 0,
        Some(MemoryDefault::PerNode(mib)) => mib,
        Some(MemoryDefault::PerCpu(mib)) => mib | MEM_PER_CPU,
    }
}

fn flags(partition: &Partition) -> PartitionFlags {
    let bits = [
        (partition.is_default, PartitionFlags::DEFAULT),
        (partition.hidden, PartitionFlags::HIDDEN),
        (partition.disable_root_jobs, PartitionFlags::NO_ROOT),
        (partition.root_only, PartitionFlags::ROOT_ONLY),
        (partition.req_resv, PartitionFlags::REQ_RESV),
        (partition.lln, PartitionFlags::LLN),
        (partition.exclusive_user, PartitionFlags::EXCLUSIVE_USER),
        (partition.exclusive_topo, PartitionFlags::EXCLUSIVE_TOPO),
        (partition.power_down_on_idle, PartitionFlags::POWER_DOWN_ON_IDLE),
    ];
    PartitionFlags(bits.iter().filter(|(on, _)| *on).fold(0, |flags, (_, bit)| flags | bit))
}

fn sharing(sharing: Sharing) -> u16 {
    match sharing {
        Sharing::Exclusive => 0,
        Sharing::No => 1,
        Sharing::Yes(jobs) => jobs,
        Sharing::Force(jobs) => jobs | OVERSUBSCRIBE_FORCE,
    }
}

fn preempt_mode_word(mode: PreemptMode) -> u16 {
    match mode {
        PreemptMode::Off => preempt_mode::OFF,
        PreemptMode::Cancel => preempt_mode::CANCEL,
        PreemptMode::Gang => preempt_mode::GANG,
        PreemptMode::Requeue => preempt_mode::REQUEUE,
        PreemptMode::Suspend => preempt_mode::SUSPEND,
        PreemptMode::SuspendGang => preempt_mode::SUSPEND | preempt_mode::GANG,
        PreemptMode::Within => preempt_mode::WITHIN,
    }
}

fn state_word(state: PartitionState) -> u16 {
    match state {
        PartitionState::Up => partition_state::UP,
        PartitionState::Down => partition_state::DOWN,
        PartitionState::Drain => partition_state::DRAIN,
        PartitionState::Inactive => partition_state::INACTIVE,
    }
}

/// `DefCpuPerGPU=2,DefMemPerGPU=1024`; what cannot be read was refused when it was set.
pub(super) fn job_defaults(text: &str) -> Vec<JobDefault> {
    let one = |term: &str| {
        let (name, value) = term.split_once('=')?;
        let kind = match name.trim().to_ascii_lowercase().as_str() {
            "defcpupergpu" => job_default::CPU_PER_GPU,
            "defmempergpu" => job_default::MEM_PER_GPU,
            _ => return None,
        };
        Some(JobDefault { kind, value: value.trim().parse().ok()? })
    };
    text.split(',').filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use ctld_core::Caller;
    use model::{Gid, Uid};
    use protocol::Version;
    use protocol::msg::PartitionsInfo;
    use protocol::wire::from_bytes;

    use super::*;
    use crate::rpc::fixtures;

    fn ask(view: &View, version: Version, caller: u32, show_flags: u16) -> PartitionsInfo {
        let body = msg::PartitionInfoRequest { last_update: shape::Timestamp(0), show_flags };
        let body = fixtures::bytes(&body, version);
        let mut request = fixtures::request(Number::REQUEST_PARTITION_INFO, version, &body);
        request.caller = Caller { uid: Uid(caller), gid: Gid(caller) };
        let reply = partitions(view, &request).unwrap();
        assert_eq!(reply.number, Number::RESPONSE_PARTITION_INFO);
        from_bytes(&reply.whole(), version).unwrap()
    }

    #[test]
    fn partitions_are_told_of_as_stock_controllers_tell() {
        let view = fixtures::golden();
        let mut compared = 0;
        for frame in fixtures::captured(Number::RESPONSE_PARTITION_INFO) {
            let version = frame.header.version;
            let mut stock: PartitionsInfo = from_bytes(&frame.body, version).unwrap();
            let ours = ask(&view, version, 0, 0);
            stock.last_update = ours.last_update;
            for partition in &mut stock.records {
                // Two notes of the scheduler to itself, which 24.11 and later let out.
                partition.flags.0 &= !(1 << 18 | 1 << 19);
            }
            if stock.records.iter().all(|partition| partition.state_up == partition_state::UP) {
                fixtures::assert_same(&stock, &ours, version);
                compared += 1;
            }
        }
        assert!(compared >= 40, "{compared} replies");
    }

    #[test]
    fn hidden_partitions_are_shown_to_administrators_and_on_demand() {
        let text = "NodeName=n1\nPartitionName=z Nodes=n1\nPartitionName=a Nodes=n1 Hidden=YES\n";
        let view = fixtures::view(text, &[]);
        let names = |caller, flags| -> Vec<_> {
            let reply = ask(&view, Version::OLDEST, caller, flags);
            reply.records.into_iter().filter_map(|partition| partition.name).collect()
        };
        assert_eq!(names(1000, 0), ["z"]);
        assert_eq!(names(1000, msg::show::ALL), ["z", "a"]);
        assert_eq!(names(0, 0), ["z", "a"]);
    }

    #[test]
    fn limits_and_flags_are_words() {
        let text = "NodeName=n1\nPartitionName=p Nodes=n1 MaxTime=60 DefaultTime=5 LLN=YES \
                    OverSubscribe=FORCE:3 DefMemPerCPU=100 State=DRAIN DefCpuPerGPU=2\n";
        let view = fixtures::view(text, &[]);
        let [info] = &ask(&view, Version::NEWEST, 0, 0).records[..] else { panic!("one") };
        assert_eq!((info.max_time, info.default_time), (Limit::Value(60), Limit::Value(5)));
        assert_eq!(info.flags.0, PartitionFlags::LLN);
        assert_eq!(info.max_share, 3 | OVERSUBSCRIBE_FORCE);
        assert_eq!(info.def_mem_per_cpu, 100 | MEM_PER_CPU);
        assert_eq!(info.state_up, partition_state::DRAIN);
        let cpus_per_gpu = JobDefault { kind: job_default::CPU_PER_GPU, value: 2 };
        assert_eq!(info.job_defaults.items(), [cpus_per_gpu]);
    }
}
