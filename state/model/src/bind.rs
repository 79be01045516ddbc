//! Which devices of a node a job gets, of those that it has been given a number of.

use std::sync::Arc;

use crate::gres::{Devices, GresHeld, GresWish};
use crate::node::Node;
use crate::parts::{PartRules, PartsWanted, SharedDevices};
use crate::resource::{CoreSet, GresCount};
use crate::taken::Taken;

/// What a job holds of a node's generic resources, with the devices that it gets. `taken` are those
/// that others have.
///
/// If it takes any type, the devices near its cores decide how many of each type it gets. `None` if
/// the parts of devices that it wants are not to be had.
pub fn bound(
    node: &Node,
    wishes: &[GresWish],
    held: &[GresHeld],
    cores: &CoreSet,
    mut taken: Taken,
    rules: PartRules,
) -> Option<Vec<GresHeld>> {
    let mut given: Vec<GresHeld> = Vec::new();
    for one in held {
        if given.iter().any(|known| known.name == one.name && known.kind == one.kind) {
            continue;
        }
        if !node.hardware.uses_up(&one.name) {
            given.push(GresHeld { endless: true, ..one.clone() });
            continue;
        }
        let shared = SharedDevices::of(node, &one.name);
        if !shared.is_empty() {
            let own = in_parts(&shared, wishes, one, cores, &taken, rules)?;
            taken.add(&own);
            given.push(own);
            continue;
        }
        let devices = Devices::of(node, &one.name);
        let closed = taken.closed(&one.name);
        let any = any_type(held, &one.name);
        let any_devices = devices.for_job(&any, &closed, cores);
        if takes_any(wishes, &one.name)
            && has_types(node, &devices, &one.name)
            && u64::from(any_devices.len()) == any.count
        {
            taken.add(&GresHeld { devices: any_devices.clone(), ..any });
            given.extend(by_type(&devices, &one.name, &any_devices));
        } else {
            let devices = devices.for_job(one, &closed, cores);
            let own = GresHeld { devices, endless: false, ..one.clone() };
            taken.add(&own);
            given.push(own);
        }
    }
    Some(given)
}

/// The parts that a job gets.
fn in_parts(
    shared: &SharedDevices<'_>,
    wishes: &[GresWish],
    held: &GresHeld,
    cores: &CoreSet,
    taken: &Taken,
    rules: PartRules,
) -> Option<GresHeld> {
    let mut wish = wishes.iter().filter(|wish| wish.name == held.name && wish.kind == held.kind);
    let per_task = wish.next().map_or(0, |wish| wish.per_task);
    let wanted = PartsWanted { kind: held.kind.as_deref(), count: held.count, per_task };
    let parts = shared.for_job(&held.name, wanted, taken, cores, rules)?;
    let devices = parts.iter().map(|(device, _)| *device).collect();
    Some(GresHeld { devices, parts, endless: false, ..held.clone() })
}

/// The cores that a job should be on to be near the devices that it is going to get; `None` if that
/// makes no difference.
pub fn cores_near(
    node: &Node,
    wishes: &[GresWish],
    held: &[GresHeld],
    taken: &Taken,
) -> Option<CoreSet> {
    let mut near: Option<CoreSet> = None;
    for one in held {
        let shared = SharedDevices::of(node, &one.name);
        let cores = shared.cores_near(&one.name, one.kind.as_deref(), one.count, taken);
        if let Some(cores) = cores.filter(|_| !shared.is_empty()) {
            near.get_or_insert_default().add(&cores);
        }
        let taken = taken.closed(&one.name);
        let wanted = match takes_any(wishes, &one.name) {
            true => any_type(held, &one.name),
            false => one.clone(),
        };
        if let Some(cores) = Devices::of(node, &one.name).cores_near(&wanted, &taken) {
            near.get_or_insert_default().add(&cores);
        }
    }
    near
}

/// All that is held of a name, whatever its type.
fn any_type(held: &[GresHeld], name: &Arc<str>) -> GresHeld {
    let count = held.iter().filter(|one| one.name == *name).map(|one| one.count).sum();
    GresHeld::counted(GresCount { name: Arc::clone(name), kind: None, count })
}

/// Whether a job takes whatever type there is.
fn takes_any(wishes: &[GresWish], name: &str) -> bool {
    wishes.iter().filter(|wish| *wish.name == *name).all(|wish| wish.kind.is_none())
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
        let of = GresCount { name: Arc::clone(name), kind: kind.cloned(), count };
        GresHeld { devices, ..GresHeld::counted(of) }
    };
    devices.kinds().into_iter().map(of_kind).collect()
}
