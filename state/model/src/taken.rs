//! Which devices of a node somebody has: whole, or a part of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::gres::GresHeld;
use crate::resource::CoreSet;

/// The name of the devices that others are parts of (slurm.conf(5), GresTypes).
pub(crate) const SHARED_FROM: &str = "gpu";

/// The devices of a node that are taken, by name.
///
/// A device is had whole by one holder, or its parts (`shard`, `mps`) are had by several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    whole: BTreeMap<Arc<str>, CoreSet>,
    parts: BTreeMap<Arc<str>, BTreeMap<u32, u64>>,
}

impl Taken {
    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.parts.is_empty()
    }

    /// The devices of a name that somebody has for himself.
    pub fn whole(&self, name: &str) -> CoreSet {
        self.whole.get(name).cloned().unwrap_or_default()
    }

    /// How much of a device is had under a name of parts.
    pub fn of_device(&self, name: &str, device: u32) -> u64 {
        self.parts.get(name).and_then(|parts| parts.get(&device)).copied().unwrap_or(0)
    }

    /// Whether anybody has parts under this name.
    pub fn has_parts(&self, name: &str) -> bool {
        self.parts.contains_key(name)
    }

    /// The devices that nobody else can have whole: those that are had, and those whose parts are.
    pub fn closed(&self, name: &str) -> CoreSet {
        let mut closed = self.whole(name);
        closed.add(&self.in_parts(name));
        closed
    }

    /// The devices of a name that are had in parts.
    pub fn in_parts(&self, name: &str) -> CoreSet {
        let is_shared = name == SHARED_FROM;
        let parts = self.parts.values().filter(|_| is_shared);
        parts.flat_map(|devices| devices.keys().copied()).collect()
    }

    /// The devices whose parts nobody can have, since somebody has them whole.
    pub fn closed_to_parts(&self) -> CoreSet {
        self.whole(SHARED_FROM)
    }

    /// Somebody gets this.
    pub fn add(&mut self, held: &GresHeld) {
        if held.parts.is_empty() && !held.devices.is_empty() {
            self.whole.entry(Arc::clone(&held.name)).or_default().add(&held.devices);
        }
        for (device, count) in held.parts.iter().filter(|(_, count)| *count > 0) {
            let devices = self.parts.entry(Arc::clone(&held.name)).or_default();
            let sum = devices.entry(*device).or_insert(0);
            *sum = sum.saturating_add(*count);
        }
    }

    /// Somebody gives this back.
    pub fn remove(&mut self, held: &GresHeld) {
        if held.parts.is_empty()
            && let Some(taken) = self.whole.get_mut(&held.name)
        {
            taken.remove(&held.devices);
            if taken.is_empty() {
                self.whole.remove(&held.name);
            }
        }
        let Some(devices) = self.parts.get_mut(&held.name) else {
            return;
        };
        for (device, count) in &held.parts {
            if let Some(sum) = devices.get_mut(device) {
                *sum = sum.saturating_sub(*count);
            }
        }
        devices.retain(|_, sum| *sum > 0);
        if devices.is_empty() {
            self.parts.remove(&held.name);
        }
    }

    /// Takes what is taken there too.
    pub fn merge(&mut self, other: &Self) {
        for (name, devices) in &other.whole {
            self.whole.entry(Arc::clone(name)).or_default().add(devices);
        }
        for (name, devices) in &other.parts {
            let mine = self.parts.entry(Arc::clone(name)).or_default();
            for (device, count) in devices {
                let sum = mine.entry(*device).or_insert(0);
                *sum = (*sum).max(*count);
            }
        }
    }

    /// Whether something that is to be added is had by somebody: a device whole, or in the other way.
    pub(crate) fn clashes(&self, held: &GresHeld) -> bool {
        match held.parts.is_empty() {
            true => self.closed(&held.name).intersects(&held.devices),
            false => self.closed_to_parts().intersects(&held.devices),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Taken;
    use crate::gres::GresHeld;
    use crate::resource::{CoreSet, GresCount};

    fn shards(device: u32, count: u64) -> GresHeld {
        let of = GresCount { name: "shard".into(), kind: None, count };
        let devices = CoreSet::from_iter([device]);
        GresHeld { devices, parts: vec![(device, count)], ..GresHeld::counted(of) }
    }

    #[test]
    fn a_device_is_had_whole_or_in_parts() {
        let of = GresCount { name: "gpu".into(), kind: None, count: 1 };
        let gpu = GresHeld { devices: CoreSet::from_iter([0]), ..GresHeld::counted(of) };
        let mut taken = Taken::default();
        taken.add(&gpu);
        assert!(taken.clashes(&shards(0, 1)) && !taken.clashes(&shards(1, 1)));
        assert!(taken.clashes(&gpu));
        taken.remove(&gpu);
        taken.add(&shards(0, 2));
        taken.add(&shards(0, 3));
        assert!(taken.clashes(&gpu) && !taken.clashes(&shards(0, 1)));
        assert_eq!(taken.of_device("shard", 0), 5);
        taken.remove(&shards(0, 2));
        assert_eq!(taken.closed("gpu").len(), 1);
        taken.remove(&shards(0, 3));
        assert_eq!(taken, Taken::default());
    }
}
