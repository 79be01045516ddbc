//! Cores, memory and generic resources: the arithmetic of what a node has and what is left of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::gres::GresHeld;
use crate::taken::Taken;

/// A set of cores of one node, numbered from 0 across its sockets; or of its devices of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoreSet {
    words: Vec<u64>,
}

impl CoreSet {
    /// The first `count` cores.
    pub fn first(count: u32) -> Self {
        (0..count).collect()
    }

    /// Whether it has no core.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// How many cores it has.
    pub fn len(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether it has this core.
    pub fn contains(&self, core: u32) -> bool {
        self.words.get(core as usize / 64).is_some_and(|word| word >> (core % 64) & 1 == 1)
    }

    /// Adds a core.
    pub fn insert(&mut self, core: u32) {
        let word = core as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (core % 64);
    }

    /// The cores, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0u32..).flat_map(|(&word, index)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index * 64 + bit)
        })
    }

    /// Whether it shares a core with `other`.
    pub fn intersects(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    /// Adds all cores of `other`.
    pub fn add(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine |= theirs;
        }
    }

    /// Takes all cores of `other` away.
    pub fn remove(&mut self, other: &Self) {
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine &= !theirs;
        }
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }

    /// The words of the set, lowest core first: its stored form.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// From its stored form.
    pub fn from_words(mut words: Vec<u64>) -> Self {
        while words.last() == Some(&0) {
            words.pop();
        }
        Self { words }
    }
}

impl FromIterator<u32> for CoreSet {
    fn from_iter<I: IntoIterator<Item = u32>>(cores: I) -> Self {
        let mut set = Self::default();
        for core in cores {
            set.insert(core);
        }
        set
    }
}

/// How many of one kind of generic resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GresCount {
    /// The name: `gpu`.
    pub name: Arc<str>,
    /// The type, if it has one: `a100`.
    pub kind: Option<Arc<str>>,
    /// How many.
    pub count: u64,
}

/// What jobs hold of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Cores held by jobs, each by one job unless a partition oversubscribes.
    pub cores: CoreSet,
    /// How many jobs hold each core beyond the first, for cores that are oversubscribed.
    pub oversubscribed: BTreeMap<u32, u32>,
    /// CPUs held.
    pub cpus: u32,
    /// Memory held, MiB.
    pub memory_mib: u64,
    /// Generic resources held, by name and type.
    pub gres: BTreeMap<(Arc<str>, Option<Arc<str>>), u64>,
    /// Which devices are held, whole or in parts.
    pub taken: Taken,
    /// Jobs that run here.
    pub running: u32,
    /// Jobs that are being cleaned up here.
    pub completing: u32,
    /// Jobs that are suspended here: they hold memory and generic resources, and no cores.
    pub suspended: u32,
    /// Jobs here that want no other job beside them.
    pub exclusive: u32,
}

impl Usage {
    /// Whether no job runs here or is being cleaned up.
    pub fn is_idle(&self) -> bool {
        self.running == 0 && self.completing == 0
    }

    pub(crate) fn hold_gres(&mut self, held: &GresHeld) {
        if held.count == 0 || held.endless {
            return;
        }
        let key = (Arc::clone(&held.name), held.kind.clone());
        *self.gres.entry(key).or_insert(0) += held.count;
        assert!(!self.taken.clashes(held), "a device of {} is held twice", held.name);
        self.taken.add(held);
    }

    pub(crate) fn release_gres(&mut self, held: &GresHeld) {
        if held.count == 0 || held.endless {
            return;
        }
        let key = (Arc::clone(&held.name), held.kind.clone());
        let count = self.gres.get_mut(&key).expect("a generic resource that is held is counted");
        *count -= held.count;
        if *count == 0 {
            self.gres.remove(&key);
        }
        self.taken.remove(held);
    }

    pub(crate) fn hold_cores(&mut self, cores: &CoreSet) {
        for core in cores.iter() {
            if self.cores.contains(core) {
                *self.oversubscribed.entry(core).or_insert(0) += 1;
            } else {
                self.cores.insert(core);
            }
        }
    }

    pub(crate) fn release_cores(&mut self, cores: &CoreSet) {
        let mut freed = CoreSet::default();
        for core in cores.iter() {
            assert!(self.cores.contains(core), "core {core} is released and nobody holds it");
            match self.oversubscribed.get_mut(&core) {
                None => freed.insert(core),
                Some(1) => drop(self.oversubscribed.remove(&core)),
                Some(more) => *more -= 1,
            }
        }
        self.cores.remove(&freed);
    }
}

#[cfg(test)]
mod tests {
    use super::{CoreSet, Usage};

    #[test]
    fn a_set_without_members_equals_the_empty_one() {
        let mut set = CoreSet::from_iter([3, 70]);
        set.remove(&CoreSet::from_iter([3, 70]));
        assert_eq!(set, CoreSet::default());
        assert_eq!(CoreSet::from_iter([1, 64, 130]).iter().collect::<Vec<_>>(), [1, 64, 130]);
    }

    #[test]
    fn a_core_held_twice_is_free_after_two_releases() {
        let mut usage = Usage::default();
        let cores = CoreSet::from_iter([0, 1]);
        usage.hold_cores(&cores);
        usage.hold_cores(&cores);
        usage.release_cores(&cores);
        assert_eq!(usage.cores, cores);
        usage.release_cores(&cores);
        assert_eq!(usage, Usage::default());
    }
}
