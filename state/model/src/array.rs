//! Job arrays. All waiting tasks of an array stand in one job record; a task gets a record of its
//! own when it starts or is treated apart, and the last one left keeps the array's.

use crate::id::JobId;

/// A job's place in a job array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayRole {
    /// The number of the array: that of the record it was submitted as.
    pub array_job: JobId,
    /// The task or tasks that the record stands for.
    pub tasks: PendingTasks,
    /// How many tasks may run at a time (`%`); 0 is without limit.
    pub running_max: u32,
    /// How many tasks the array had when it was submitted.
    pub size: u32,
}

/// The tasks that a record stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PendingTasks {
    /// One.
    One(u32),
    /// Several that wait alike.
    Several(IndexSet),
}

impl ArrayRole {
    /// The single task, if it is one.
    pub fn index(&self) -> Option<u32> {
        match self.tasks {
            PendingTasks::One(index) => Some(index),
            PendingTasks::Several(_) => None,
        }
    }

    /// Whether the record stands for this task.
    pub fn has(&self, index: u32) -> bool {
        match &self.tasks {
            PendingTasks::One(only) => *only == index,
            PendingTasks::Several(set) => set.contains(index),
        }
    }

    /// The lowest task that it stands for.
    pub fn first(&self) -> u32 {
        match &self.tasks {
            PendingTasks::One(only) => *only,
            PendingTasks::Several(set) => set.first().expect("several tasks are more than none"),
        }
    }

    /// How many tasks it stands for.
    pub fn len(&self) -> u32 {
        match &self.tasks {
            PendingTasks::One(_) => 1,
            PendingTasks::Several(set) => set.len(),
        }
    }

    /// Whether it stands for none, which never happens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A set of array indexes: ranges, ascending, that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexSet {
    /// First and last of each range.
    ranges: Vec<(u32, u32)>,
}

impl IndexSet {
    /// The lowest index.
    pub fn first(&self) -> Option<u32> {
        self.ranges.first().map(|&(first, _)| first)
    }

    /// The highest index.
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|&(_, last)| last)
    }

    /// How many it has.
    pub fn len(&self) -> u32 {
        self.ranges.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether it has this one.
    pub fn contains(&self, index: u32) -> bool {
        self.ranges.iter().any(|&(first, last)| (first..=last).contains(&index))
    }

    /// The indexes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|&(first, last)| first..=last)
    }

    /// First and last of each range, ascending.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Adds an index.
    pub fn insert(&mut self, index: u32) {
        let place = self.ranges.partition_point(|&(_, last)| last < index);
        if self.ranges.get(place).is_some_and(|&(first, _)| first <= index) {
            return;
        }
        let joins_next = self.ranges.get(place).is_some_and(|&(first, _)| first == index + 1);
        let joins_last = place > 0 && self.ranges[place - 1].1 + 1 == index;
        match (joins_last, joins_next) {
            (true, true) => {
                self.ranges[place - 1].1 = self.ranges[place].1;
                self.ranges.remove(place);
            }
            (true, false) => self.ranges[place - 1].1 = index,
            (false, true) => self.ranges[place].0 = index,
            (false, false) => self.ranges.insert(place, (index, index)),
        }
    }

    /// Takes an index away; tells whether it was there.
    pub fn remove(&mut self, index: u32) -> bool {
        let place = self.ranges.partition_point(|&(_, last)| last < index);
        match self.ranges.get(place).copied() {
            Some((first, last)) if first <= index => {
                match (first == index, last == index) {
                    (true, true) => drop(self.ranges.remove(place)),
                    (true, false) => self.ranges[place].0 = index + 1,
                    (false, true) => self.ranges[place].1 = index - 1,
                    (false, false) => {
                        self.ranges[place].1 = index - 1;
                        self.ranges.insert(place + 1, (index + 1, last));
                    }
                }
                true
            }
            _ => false,
        }
    }
}

impl FromIterator<u32> for IndexSet {
    fn from_iter<I: IntoIterator<Item = u32>>(indexes: I) -> Self {
        let mut set = Self::default();
        for index in indexes {
            set.insert(index);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::IndexSet;

    proptest! {
        #[test]
        fn behaves_as_a_set(steps in prop::collection::vec((any::<bool>(), 0u32..30), 0..80)) {
            let (mut set, mut model) = (IndexSet::default(), BTreeSet::new());
            for (insert, index) in steps {
                if insert {
                    set.insert(index);
                    model.insert(index);
                } else {
                    prop_assert_eq!(set.remove(index), model.remove(&index));
                }
                prop_assert!(set.iter().eq(model.iter().copied()));
                prop_assert!(set.ranges().windows(2).all(|w| w[0].1 + 1 < w[1].0));
            }
        }
    }
}
