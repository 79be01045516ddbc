//! What the nodes of a partition have too little of for a job that none of them can run.

use std::sync::Arc;

use ctld_core::Shortage;
use model::{JobSpec, MemoryRequest, Node, Partition};

use crate::view::View;

/// What is missing of the last node that is too small, as stock controllers (24.11) name it; `None` if
/// each node by itself is large enough.
pub(super) fn of(view: &View, partition: &Partition, spec: &JobSpec) -> Option<Shortage> {
    let nodes = partition.nodes.iter().rev().filter_map(|id| view.cluster.node(*id));
    nodes.filter_map(|node| of_node(node, spec)).next()
}

fn of_node(node: &Arc<Node>, spec: &JobSpec) -> Option<Shortage> {
    let has = &node.hardware;
    let memory = match spec.memory {
        Some(MemoryRequest::PerCpu(mib) | MemoryRequest::PerNode(mib)) => mib,
        None => 0,
    };
    let more = |wanted: Option<u16>, has: u16| wanted.is_some_and(|wanted| wanted > has);
    if spec.min_cpus_per_node > has.cpus {
        Some(Shortage::Cpus)
    } else if memory > has.memory_mib {
        Some(Shortage::Memory)
    } else if spec.tmp_disk_mib > has.tmp_disk_mib {
        Some(Shortage::Disk)
    } else if more(spec.sockets_per_node, has.sockets)
        || more(spec.cores_per_socket, has.cores_per_socket)
        || more(spec.threads_per_core, has.threads_per_core)
    {
        Some(Shortage::Shape)
    } else {
        None
    }
}
