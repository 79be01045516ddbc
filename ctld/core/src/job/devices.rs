//! Which devices a job gets when it starts.

use std::sync::Arc;

use model::{Allocation, Cluster, CoreSet, Devices, GresHeld, Job, Node};

/// The allocation of a job that starts now, with the devices that it gets of each node.
///
/// The planner counts. Of a job that takes any type, the devices near its cores decide how many of
/// each type it gets.
pub(super) fn chosen(cluster: &Cluster, job: &Job, mut allocation: Allocation) -> Allocation {
    for share in &mut allocation.shares {
        let Some(node) = cluster.node(share.node).filter(|_| !share.gres.is_empty()) else {
            continue;
        };
        let mut taken = cluster.usage(share.node).devices.clone();
        let mut given: Vec<GresHeld> = Vec::new();
        for held in &share.gres {
            if given.iter().any(|one| one.name == held.name && one.kind == held.kind) {
                continue;
            }
            let devices = Devices::of(node, &held.name);
            let taken = taken.entry(Arc::clone(&held.name)).or_default();
            let of_name: u64 =
                share.gres.iter().filter(|one| one.name == held.name).map(|one| one.count).sum();
            let any = GresHeld { kind: None, count: of_name, ..held.clone() };
            let any_devices = devices.for_job(&any, taken, &share.cores);
            if takes_any(job, &held.name)
                && has_types(node, &devices, &held.name)
                && u64::from(any_devices.len()) == of_name
            {
                taken.add(&any_devices);
                given.extend(by_type(&devices, &held.name, &any_devices));
            } else {
                let own = devices.for_job(held, taken, &share.cores);
                taken.add(&own);
                given.push(GresHeld { devices: own, ..held.clone() });
            }
        }
        share.gres = given;
    }
    allocation
}

/// Whether a job takes whatever type there is.
fn takes_any(job: &Job, name: &str) -> bool {
    job.spec.gres.iter().filter(|wish| *wish.name == *name).all(|wish| wish.kind.is_none())
}

/// Whether each device is of one of the types that the node is configured with.
fn has_types(node: &Node, devices: &Devices<'_>, name: &str) -> bool {
    let configured = |kind: &str| {
        let mut all = node.hardware.gres.iter();
        all.any(|gres| *gres.name == *name && gres.kind.as_deref() == Some(kind))
    };
    let kinds = devices.kinds();
    !kinds.is_empty() && kinds.iter().all(|(kind, _)| kind.is_some_and(|kind| configured(kind)))
}

/// Devices by type. A type that none is of is there with 0 of it: so stock lists them (24.11).
fn by_type(devices: &Devices<'_>, name: &Arc<str>, chosen: &CoreSet) -> Vec<GresHeld> {
    let of_kind = |(kind, all): (Option<&Arc<str>>, CoreSet)| {
        let devices: CoreSet = all.iter().filter(|device| chosen.contains(*device)).collect();
        let count = devices.len().into();
        GresHeld { name: Arc::clone(name), kind: kind.cloned(), count, devices }
    };
    devices.kinds().into_iter().map(of_kind).collect()
}
