//! Generic resources as credentials, prologs and lists carry them: counts and devices, node by node.

use std::sync::Arc;

use model::{
    Allocation, CoreSet, Devices, GresCount, GresHeld, Node, NodeShare, SharedDevices, StepShare,
    Usage,
};
use protocol::Version;
use protocol::msg::{
    GresJob, GresJobNodes, GresNodes, GresPrep, GresPreps, GresStep, GresStepNodes, gres_plugin_id,
};
use protocol::shape::{Bitmap, Limit};

use crate::view::View;

/// The name whose plugin tells prologs and epilogs of its devices.
const GPU: &str = "gpu";

/// How much is held of what is not used up (`NO_CONSUME_VAL64` of slurm.h).
const NO_CONSUME: u64 = 0xffff_ffff_ffff_fffd;

/// What is held of the nodes of a job, in their order; `None` where nothing is.
type OnNodes<'a> = Vec<(&'a Node, &'a [GresHeld])>;

/// What a job holds, for its credential: a record for each name and type.
pub(super) fn of_job(shares: &[(&Node, &NodeShare)]) -> Vec<GresJob> {
    let held: OnNodes<'_> = shares.iter().map(|(node, share)| (*node, &*share.gres)).collect();
    let record = |kind| {
        let nodes = nodes_of(&held, kind);
        let per_device = parts_of(&held, kind);
        GresJob {
            plugin_id: gres_plugin_id(&kind.name),
            ntasks_per_gres: Limit::Value(0),
            total: total(&nodes),
            type_name: kind.kind.as_deref().map(str::to_owned),
            allocated: GresJobNodes { job: nodes, per_device, ..GresJobNodes::default() },
            ..GresJob::default()
        }
    };
    kinds(&held).into_iter().map(record).collect()
}

/// What a step holds, for its credential. Its nodes are those of the *job*: on the others it holds
/// nothing.
pub(super) fn of_step(held: &OnNodes<'_>) -> Vec<GresStep> {
    let record = |kind| {
        let mut nodes = nodes_of(held, kind);
        if kind.endless {
            return GresStep {
                plugin_id: gres_plugin_id(&kind.name),
                total: NO_CONSUME,
                type_name: kind.kind.as_deref().map(str::to_owned),
                ..GresStep::default()
            };
        }
        let counts = nodes.counts.as_deref().unwrap_or_default();
        let in_use = (0u32..).zip(counts).filter(|(_, count)| **count > 0).map(|(at, _)| at);
        let node_in_use = Some(Bitmap::with(nodes.node_count, in_use));
        // A list of devices that has none is left out.
        nodes.devices = nodes.devices.filter(|devices| devices.iter().any(Option::is_some));
        GresStep {
            plugin_id: gres_plugin_id(&kind.name),
            total: total(&nodes),
            type_name: kind.kind.as_deref().map(str::to_owned),
            allocated: GresStepNodes { node_in_use, step: nodes, per_device: parts_of(held, kind) },
            ..GresStep::default()
        }
    };
    kinds(held).into_iter().map(record).collect()
}

/// What a step holds on each of the nodes of its job.
pub(super) fn on_nodes<'a>(
    view: &'a View,
    allocation: &Allocation,
    of_step: impl Fn(&NodeShare) -> Option<&'a StepShare>,
) -> Option<OnNodes<'a>> {
    let of_node = |share: &NodeShare| {
        let node = view.cluster.node(share.node)?;
        let held = of_step(share).map_or(&[][..], |share| &share.gres);
        Some((&**node, held))
    };
    allocation.shares.iter().map(of_node).collect()
}

/// What prologs and epilogs are told: the devices of GPUs, and those that a job has parts of, with how
/// many parts.
pub(super) fn for_prologs(view: &View, allocation: Option<&Allocation>) -> GresPreps {
    let Some(allocation) = allocation else {
        return GresPreps(None);
    };
    let of_node = |share: &'_ NodeShare| Some(&**view.cluster.node(share.node)?);
    let nodes: Option<Vec<&Node>> = allocation.shares.iter().map(of_node).collect();
    let Some(nodes) = nodes else {
        return GresPreps(None);
    };
    let held: OnNodes<'_> =
        nodes.into_iter().zip(&allocation.shares).map(|(n, share)| (n, &*share.gres)).collect();
    let record = |kind: &GresHeld| {
        let mut allocated = nodes_of(&held, kind);
        allocated.counts = allocated.counts.filter(|_| *kind.name != *GPU);
        GresPrep { plugin_id: gres_plugin_id(&kind.name), allocated, ..GresPrep::default() }
    };
    let is_told = |kind: &&GresHeld| *kind.name == *GPU || !kind.parts.is_empty();
    let records: Vec<GresPrep> = kinds(&held).into_iter().filter(is_told).map(record).collect();
    GresPreps((!records.is_empty()).then_some(records))
}

/// The first holding of each name and type.
fn kinds<'a>(held: &OnNodes<'a>) -> Vec<&'a GresHeld> {
    let mut kinds: Vec<&GresHeld> = Vec::new();
    for one in held.iter().flat_map(|(_, held)| held.iter()) {
        if !kinds.iter().any(|known| is_same(known, one)) {
            kinds.push(one);
        }
    }
    kinds
}

fn nodes_of(held: &OnNodes<'_>, kind: &GresHeld) -> GresNodes {
    let of_node = |(node, held): &(&Node, &[GresHeld])| {
        let mut held_here = held.iter().filter(|one| is_same(kind, one));
        let one = held_here.next();
        let devices = one.and_then(|one| bitmap(node, &one.name, &one.devices));
        (one.map_or(0, |one| if one.endless { NO_CONSUME } else { one.count }), devices)
    };
    let (counts, devices) = held.iter().map(of_node).unzip();
    GresNodes { devices: Some(devices), ..GresNodes::with_counts(counts) }
}

/// How much is held of each device that the node has, node by node; nothing if all are held whole.
fn parts_of(held: &OnNodes<'_>, kind: &GresHeld) -> Vec<Option<Vec<u64>>> {
    let of_node = |(node, held): &(&Node, &[GresHeld])| {
        let one = held.iter().find(|one| is_same(kind, one) && !one.parts.is_empty())?;
        Some(parts(node, one).into_iter().map(|(had, _)| had).collect())
    };
    let all: Vec<Option<Vec<u64>>> = held.iter().map(of_node).collect();
    if all.iter().any(Option::is_some) { all } else { Vec::new() }
}

/// Of each device that the node has, how much of it is held and how much there is.
pub(super) fn parts(node: &Node, held: &GresHeld) -> Vec<(u64, u64)> {
    let sizes = SharedDevices::of(node, &held.name).sizes();
    let of_device = |(device, size)| {
        let part = held.parts.iter().find(|(other, _)| *other == device);
        (part.map_or(0, |(_, count)| *count), size)
    };
    (0u32..).zip(sizes).map(of_device).collect()
}

/// Devices among all of their name that the node has.
pub(super) fn bitmap(node: &Node, name: &str, devices: &CoreSet) -> Option<Bitmap> {
    let all = Devices::of(node, name).len().max(SharedDevices::of(node, name).len());
    let known = devices.iter().filter(|device| *device < all);
    (!devices.is_empty() && all > 0).then(|| Bitmap::with(all, known))
}

/// All nodes together; of what is not used up the word for that.
fn total(nodes: &GresNodes) -> u64 {
    let counts = || nodes.counts.iter().flatten();
    if counts().any(|count| *count == NO_CONSUME) { NO_CONSUME } else { counts().sum() }
}

fn is_same(a: &GresHeld, b: &GresHeld) -> bool {
    a.name == b.name && a.kind == b.kind
}

/// `gpu:a100:2(S:0),widget:4`: what a node has, as configured; devices that a type or cores tell
/// apart as slurmd found them, with the sockets that they are near.
pub(super) fn of_node(node: &Node) -> Option<String> {
    let hardware = &node.hardware;
    let tells = |gres: &&GresCount| {
        Devices::of(node, &gres.name).differ() || !SharedDevices::of(node, &gres.name).is_empty()
    };
    if !hardware.gres.iter().any(|gres| tells(&gres)) {
        return hardware.gres_text.as_deref().map(str::to_owned);
    }
    let mut terms: Vec<String> = Vec::new();
    let mut named: Vec<&str> = Vec::new();
    for gres in hardware.gres.iter() {
        if !tells(&gres) {
            terms.push(term(&gres.name, gres.kind.as_ref(), gres.count));
        } else if !named.contains(&&*gres.name) {
            named.push(&gres.name);
            terms.extend(by_kind(node, &gres.name));
        }
    }
    Some(terms.join(","))
}

/// A term for each type of device, with the sockets that they are near.
fn by_kind(node: &Node, name: &str) -> Vec<String> {
    let near = |sockets: Vec<u32>| match sockets.is_empty() {
        true => String::new(),
        false => format!("(S:{})", ranges(sockets.into_iter())),
    };
    let shared = SharedDevices::of(node, name);
    if !shared.is_empty() {
        let sizes = shared.sizes();
        let of_kind = |(kind, all): (Option<&Arc<str>>, CoreSet)| {
            let count = all.iter().filter_map(|device| sizes.get(device as usize)).sum();
            term(name, kind, count) + &near(shared.sockets_near(&all))
        };
        return shared.kinds().into_iter().map(of_kind).collect();
    }
    let devices = Devices::of(node, name);
    let of_kind = |(kind, all): (Option<&Arc<str>>, CoreSet)| {
        term(name, kind, all.len().into()) + &near(devices.sockets_near(&all))
    };
    devices.kinds().into_iter().map(of_kind).collect()
}

fn term(name: &str, kind: Option<&Arc<str>>, count: u64) -> String {
    match kind {
        Some(kind) => format!("{name}:{kind}:{count}"),
        None => format!("{name}:{count}"),
    }
}

/// `gpu:a100:2(IDX:0-1),widget:0`: every kind that the node has, with how many jobs hold. Devices that
/// a type or cores tell apart are named.
pub(super) fn used(node: &Node, usage: &Usage, version: Version) -> String {
    let mut terms: Vec<String> = Vec::new();
    let mut named: Vec<&str> = Vec::new();
    for gres in node.hardware.gres.iter() {
        let (devices, shared) =
            (Devices::of(node, &gres.name), SharedDevices::of(node, &gres.name));
        if !devices.differ() && shared.is_empty() {
            terms.push(counted(gres, usage));
        } else if !named.contains(&&*gres.name) && !shared.is_empty() {
            named.push(&gres.name);
            terms.extend(by_parts(&gres.name, &shared, usage, version));
        } else if !named.contains(&&*gres.name) {
            named.push(&gres.name);
            terms.extend(by_device(&gres.name, &devices, usage, version));
        }
    }
    terms.join(",")
}

/// A name with the type of devices. Up to 25.11 stock has its word for nothing where there is none.
fn titled(name: &str, kind: Option<&Arc<str>>, version: Version) -> String {
    match kind {
        Some(kind) => format!("{name}:{kind}"),
        None if version >= Version::V26_05 => name.to_owned(),
        None => format!("{name}:(null)"),
    }
}

/// A term for each type of device.
fn by_device(name: &str, devices: &Devices<'_>, usage: &Usage, version: Version) -> Vec<String> {
    let taken = usage.taken.whole(name);
    let term = |(kind, all): (Option<&Arc<str>>, CoreSet)| {
        let held: Vec<u32> = all.iter().filter(|device| taken.contains(*device)).collect();
        let title = titled(name, kind, version);
        match held.len() {
            0 => format!("{title}:0(IDX:N/A)"),
            count => format!("{title}:{count}(IDX:{})", ranges(held.into_iter())),
        }
    };
    devices.kinds().into_iter().map(term).collect()
}

/// `shard:7(4/10,3/10)`: a term for each type, with what is held of each of its devices. From 26.05 on one
/// that is held whole has a dash.
fn by_parts(
    name: &str,
    shared: &SharedDevices<'_>,
    usage: &Usage,
    version: Version,
) -> Vec<String> {
    let sizes = shared.sizes();
    let closed = usage.taken.closed_to_parts();
    let term = |(kind, all): (Option<&Arc<str>>, CoreSet)| {
        let title = titled(name, kind, version);
        let had = |device: u32| usage.taken.of_device(name, device);
        let part = |device: u32| {
            let size = sizes.get(device as usize).copied().unwrap_or(0);
            match closed.contains(device) && had(device) == 0 && version >= Version::V26_05 {
                true => format!("-/{size}"),
                false => format!("{}/{size}", had(device)),
            }
        };
        let count: u64 = all.iter().map(had).sum();
        let parts: Vec<String> = all.iter().map(part).collect();
        format!("{title}:{count}({})", parts.join(","))
    };
    shared.kinds().into_iter().map(term).collect()
}

/// `4/10,0/10`.
pub(super) fn fractions(parts: impl Iterator<Item = (u64, u64)>) -> String {
    let parts: Vec<String> = parts.map(|(had, all)| format!("{had}/{all}")).collect();
    parts.join(",")
}

fn counted(gres: &GresCount, usage: &Usage) -> String {
    let key = (gres.name.clone(), gres.kind.clone());
    let count = usage.gres.get(&key).copied().unwrap_or(0);
    term(&gres.name, gres.kind.as_ref(), count)
}

/// `0-3,6`.
pub(super) fn ranges(numbers: impl Iterator<Item = u32>) -> String {
    let numbers: Vec<u32> = numbers.collect();
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let term = |run: &[u32]| match run {
        [only] => only.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    };
    runs.map(term).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn numbers_in_a_row_are_folded() {
        assert_eq!(ranges([0, 1, 2, 5, 7, 8].into_iter()), "0-2,5,7-8");
    }
}
