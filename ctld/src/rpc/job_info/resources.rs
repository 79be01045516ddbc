//! What a job holds on each of its nodes.

use std::sync::Arc;

use model::{Allocation, GresHeld, Job, Node, NodeShare};
use protocol::msg::{self, GresLayout, JobQuery, JobResources, NodeLayout, ResourceLayout};
use protocol::shape::{Bitmap, NullOr};
use protocol::{Errno, Number};

use super::record::{ANY, whole_node};
use crate::rpc::field::node_set;
use crate::rpc::gres::{bitmap, fractions, parts, ranges};
use crate::rpc::visible::is_admin;
use crate::rpc::{Failure, Reply, Request, sluid};
use crate::view::View;

/// Nodes as jobs without oversubscription have them (`NODE_CR_ONE_ROW`).
const ONE_ROW: u32 = 1;
/// Nodes for one job alone (`NODE_CR_RESERVED`).
const RESERVED: u32 = 64_000;

/// `widget:1`: all nodes together, of each kind.
pub(super) fn gres_text(allocation: &Allocation) -> Option<String> {
    let mut all: Vec<GresHeld> = Vec::new();
    for gres in allocation.shares.iter().flat_map(|share| &share.gres) {
        match all.iter_mut().find(|known| known.name == gres.name && known.kind == gres.kind) {
            Some(known) => known.count += gres.count,
            None => all.push(gres.clone()),
        }
    }
    let terms: Vec<String> =
        all.iter().map(|gres| format!("{}:{}", name_of(gres), gres.count().count)).collect();
    (!terms.is_empty()).then(|| terms.join(","))
}

/// `gpu:a100:2(IDX:0-1)` of devices, `shard:4(4/10,0/10)` of their parts, else `widget(CNT:2)`, node by node.
pub(super) fn gres_detail(view: &View, allocation: &Allocation) -> Vec<Option<String>> {
    if allocation.shares.iter().all(|share| share.gres.is_empty()) {
        return Vec::new();
    }
    let of_node = |share: &NodeShare| {
        let node = view.cluster.node(share.node);
        let term = |gres: &GresHeld| match node.filter(|_| !gres.parts.is_empty()) {
            Some(node) => {
                let parts = fractions(parts(node, gres).into_iter());
                format!("{}:{}({parts})", name_of(gres), gres.count)
            }
            None if gres.devices.is_empty() && gres.count > 0 => {
                format!("{}(CNT:{})", name_of(gres), gres.count().count)
            }
            None => {
                let devices = ranges(gres.devices.iter());
                format!("{}:{}(IDX:{devices})", name_of(gres), gres.count)
            }
        };
        let terms: Vec<String> = share.gres.iter().map(term).collect();
        (!terms.is_empty()).then(|| terms.join(","))
    };
    allocation.shares.iter().map(of_node).collect()
}

fn name_of(gres: &GresHeld) -> String {
    match &gres.kind {
        Some(kind) => format!("{}:{kind}", gres.name),
        None => gres.name.to_string(),
    }
}

/// `scontrol -d show job`.
pub(super) fn job_resources(view: &View, job: &Job, allocation: &Allocation) -> JobResources {
    let shares = &allocation.shares;
    let nodes: Vec<Option<&Arc<Node>>> =
        shares.iter().map(|share| view.cluster.node(share.node)).collect();
    let cpus: Vec<u16> =
        shares.iter().map(|share| u16::try_from(share.cpus).unwrap_or(u16::MAX)).collect();
    let (cpu_values, cpu_repeats) = runs(&cpus);
    let shapes: Vec<(u16, u16)> = nodes.iter().map(|node| shape_of(*node)).collect();
    let (shape_values, socket_core_repeats) = runs(&shapes);
    let node_set = node_set(&view.cluster, shares.iter().map(|share| share.node));
    let cores = cores_in_a_row(allocation, &shapes);
    JobResources {
        node_count: count(shares.len()),
        cpu_count: allocation.cpus(),
        next_step_node: 0,
        node_req: if allocation.exclusive { RESERVED } else { ONE_ROW },
        nodes: Some(allocation.node_list.to_string()),
        whole_node: whole_node(job),
        threads_per_core: job.spec.threads_per_core.unwrap_or(ANY),
        cr_type: view.conf.settings.select_bits,
        cpu_repeats,
        cpu_values,
        cpus_used: vec![0; cpus.len()],
        cpus,
        memory_allocated: shares.iter().map(|share| share.memory_mib).collect(),
        memory_used: vec![0; shares.len()],
        sockets_per_node: shape_values.iter().map(|shape| shape.0).collect(),
        cores_per_socket: shape_values.iter().map(|shape| shape.1).collect(),
        socket_core_repeats,
        core_bitmap_used: Some(Bitmap::new(cores.len())),
        core_bitmap: Some(cores),
        node_bitmap: Some(node_set),
        node_ranks: Vec::new(),
    }
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

/// Sockets, and cores of each.
fn shape_of(node: Option<&Arc<Node>>) -> (u16, u16) {
    node.map_or((0, 0), |node| (node.hardware.sockets, node.hardware.cores_per_socket))
}

/// The cores held, those of one node behind those of the other.
fn cores_in_a_row(allocation: &Allocation, shapes: &[(u16, u16)]) -> Bitmap {
    let cores_of = |shape: &(u16, u16)| u32::from(shape.0) * u32::from(shape.1);
    let mut set = Bitmap::new(shapes.iter().map(cores_of).sum());
    let mut before = 0;
    for (share, shape) in allocation.shares.iter().zip(shapes) {
        for core in share.cores.iter() {
            set.insert(before + core);
        }
        before += cores_of(shape);
    }
    set
}

/// Values, and how often each stands in a row.
fn runs<T: Copy + PartialEq>(values: &[T]) -> (Vec<T>, Vec<u32>) {
    values.chunk_by(|a, b| a == b).map(|run| (run[0], count(run.len()))).unzip()
}

/// `REQUEST_RESOURCE_LAYOUT` (25.11): what a running job holds on each node, for its owner.
pub(in crate::rpc) fn resource_layout(
    view: &View,
    request: &Request<'_>,
) -> Result<Reply, Failure> {
    let asked: JobQuery = request.decode()?;
    let job = view.cluster.job(sluid::meant(view, request.version, asked.job.0));
    let job = job.ok_or(Failure::Code(Errno::ESLURM_INVALID_JOB_ID))?;
    if job.owner != request.caller.uid && !is_admin(view, request.caller) {
        return Err(Failure::Code(Errno::ESLURM_ACCESS_DENIED));
    }
    let allocation = job.allocation.as_ref().filter(|_| job.is_active());
    let allocation = allocation.ok_or(Failure::Code(match job.is_pending() {
        true => Errno::ESLURM_JOB_PENDING,
        false => Errno::ESLURM_ALREADY_DONE,
    }))?;
    let nodes = allocation.shares.iter().map(|share| node_layout(view, share)).collect();
    let body = ResourceLayout { nodes: NullOr::list(nodes) };
    Ok(request.reply(Number::RESPONSE_RESOURCE_LAYOUT, &body))
}

fn node_layout(view: &View, share: &NodeShare) -> NodeLayout {
    let node = view.cluster.node(share.node);
    let (sockets_per_node, cores_per_socket) = shape_of(node);
    let gres = share.gres.iter().map(|held| GresLayout {
        name: Some(held.name.to_string()),
        kind: held.kind.as_ref().map(ToString::to_string),
        count: held.count,
        index: msg::GresIndex(node.and_then(|node| bitmap(node, &held.name, &held.devices))),
    });
    NodeLayout {
        node: node.map(|node| node.name.to_string()),
        memory: share.memory_mib,
        sockets_per_node,
        cores_per_socket,
        channel: 0,
        cores: Some(ranges(share.cores.iter())),
        gres: NullOr::list(gres.collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn equal_neighbours_are_counted() {
        assert_eq!(runs(&[2, 2, 1]), (vec![2, 1], vec![2, 1]));
    }
}
