//! Which devices of a node a job gets, of those that it has been given a number of.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::gres::{Devices, GresHeld, GresWish};
use crate::node::Node;
use crate::resource::CoreSet;

/// What a job holds of a node's generic resources, with the devices that it gets. `taken` are those
/// that others have, by name.
///
/// If it takes any type, the devices near its cores decide how many of each type it gets.
pub fn bound(
    node: &Node,
    wishes: &[GresWish],
    held: &[GresHeld],
    cores: &CoreSet,
    mut taken: BTreeMap<Arc<str>, CoreSet>,
) -> Vec<GresHeld> {
    let mut given: Vec<GresHeld> = Vec::new();
    for one in held {
        if given.iter().any(|known| known.name == one.name && known.kind == one.kind) {
            continue;
        }
        let devices = Devices::of(node, &one.name);
        let taken = taken.entry(Arc::clone(&one.name)).or_default();
        let any = any_type(held, &one.name);
        let any_devices = devices.for_job(&any, taken, cores);
        if takes_any(wishes, &one.name)
            && has_types(node, &devices, &one.name)
            && u64::from(any_devices.len()) == any.count
        {
            taken.add(&any_devices);
            given.extend(by_type(&devices, &one.name, &any_devices));
        } else {
            let own = devices.for_job(one, taken, cores);
            taken.add(&own);
            given.push(GresHeld { devices: own, ..one.clone() });
        }
    }
    given
}

/// The cores that a job should be on to be near the devices that it is going to get; `None` if that
/// makes no difference.
pub fn cores_near(
    node: &Node,
    wishes: &[GresWish],
    held: &[GresHeld],
    taken: &BTreeMap<Arc<str>, CoreSet>,
) -> Option<CoreSet> {
    let mut near: Option<CoreSet> = None;
    let none = CoreSet::default();
    for one in held {
        let taken = taken.get(&one.name).unwrap_or(&none);
        let wanted = match takes_any(wishes, &one.name) {
            true => any_type(held, &one.name),
            false => one.clone(),
        };
        if let Some(cores) = Devices::of(node, &one.name).cores_near(&wanted, taken) {
            near.get_or_insert_default().add(&cores);
        }
    }
    near
}

/// All that is held of a name, whatever its type.
fn any_type(held: &[GresHeld], name: &Arc<str>) -> GresHeld {
    let count = held.iter().filter(|one| one.name == *name).map(|one| one.count).sum();
    GresHeld { name: Arc::clone(name), kind: None, count, devices: CoreSet::default() }
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
        GresHeld { name: Arc::clone(name), kind: kind.cloned(), count, devices }
    };
    devices.kinds().into_iter().map(of_kind).collect()
}
