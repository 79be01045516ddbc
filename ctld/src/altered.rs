//! Which jobs changed last.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{Change, JobId};

use crate::rpc::sheet;

/// How many changes are remembered one by one: those of seconds.
const CHANGES_MAX: usize = 1 << 14;

/// How many pages of the table are remembered of which only the last change is known: those of four
/// million jobs.
const PAGES_MAX: usize = 1 << 16;

/// Which jobs changed last, so that whoever encodes their table need not look at all of them. One
/// for all views: it knows of every change that a view has, and perhaps of some that came after.
///
/// The last changes are remembered one by one, those before them by the page of the table that they
/// are on: as many pages as there are jobs, however often they change. Who looks at a table of a
/// million jobs for the first time in a minute would otherwise look at each of them.
#[derive(Debug, Default)]
pub struct Altered {
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    /// How many changes are no longer among `changes`.
    before: u64,
    /// One for each revision since.
    changes: VecDeque<JobId>,
    /// Of the changes before, by page: the revision that the last one made.
    pages: BTreeMap<u32, u64>,
    /// The revision up to which pages are forgotten.
    forgotten: u64,
}

impl Altered {
    /// Takes note of changes, before the view that has them is published.
    pub fn note(&self, changes: &[Change]) {
        let mut log = self.log();
        log.changes.extend(changes.iter().filter_map(altered_job));
        log.keep_within(CHANGES_MAX, PAGES_MAX);
    }

    /// Places of jobs that changed since a revision of their table: each that did, or another one on
    /// its page. `None` if that is too long ago.
    pub fn since(&self, revision: u64) -> Option<Vec<u32>> {
        self.log().since(revision)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn keep_within(&mut self, changes_max: usize, pages_max: usize) {
        let old = self.changes.len().saturating_sub(changes_max);
        for id in self.changes.drain(..old) {
            self.before += 1;
            self.pages.insert(id.0 / sheet::PLACES, self.before);
        }
        if self.pages.len() > pages_max {
            // Half of them at once, so that it is done once in a while.
            let mut revisions: Vec<u64> = self.pages.values().copied().collect();
            let (_, middle, _) = revisions.select_nth_unstable(pages_max / 2);
            self.forgotten = *middle;
            self.pages.retain(|_, revision| *revision > self.forgotten);
        }
    }

    fn since(&self, revision: u64) -> Option<Vec<u32>> {
        if let Some(known) = revision.checked_sub(self.before) {
            let changes = self.changes.len().checked_sub(usize::try_from(known).ok()?)?;
            return Some(self.changes.iter().rev().take(changes).map(|id| id.0).collect());
        }
        if revision < self.forgotten {
            return None;
        }
        let pages = self.pages.iter().filter(|(_, changed)| **changed > revision);
        let pages = pages.map(|(page, _)| page * sheet::PLACES);
        Some(pages.chain(self.changes.iter().map(|id| id.0)).collect())
    }
}

/// The job whose record a change alters.
pub fn altered_job(change: &Change) -> Option<JobId> {
    match change {
        Change::Job(job) => Some(job.id),
        Change::JobGone(id) | Change::Waits(id, _) => Some(*id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::{Change, Counters, JobId};
    use proptest::prelude::*;

    use super::{Altered, Log};
    use crate::rpc::sheet;

    #[test]
    fn only_changes_of_jobs_are_revisions_of_their_table() {
        let altered = Altered::default();
        assert_eq!(altered.since(0), Some(vec![]));
        let gone = |id| Change::JobGone(JobId(id));
        altered.note(&[gone(7), Change::Counters(Counters::default()), gone(8)]);
        altered.note(&[gone(9)]);
        assert_eq!(altered.since(0), Some(vec![9, 8, 7]));
        assert_eq!(altered.since(2), Some(vec![9]));
        assert_eq!(altered.since(3), Some(vec![]));
        assert_eq!(altered.since(4), None);
    }

    proptest! {
        #[test]
        fn the_pages_of_all_changes_since_are_told_or_nothing_is(
            ids in prop::collection::vec(0u32..5000, 0..400),
            changes_max in 0usize..50,
            pages_max in 1usize..60,
        ) {
            let mut log = Log::default();
            for &id in &ids {
                log.changes.push_back(JobId(id));
                log.keep_within(changes_max, pages_max);
                prop_assert!(log.changes.len() <= changes_max && log.pages.len() <= pages_max);
            }
            let page = |place: &u32| place / sheet::PLACES;
            for revision in 0..=ids.len() {
                let told = log.since(revision as u64);
                // A table that is no older than what is remembered one by one is always helped.
                let kept = ids.len() - log.changes.len();
                prop_assert!(told.is_some() || revision < kept);
                if let Some(told) = told {
                    let told: BTreeSet<u32> = told.iter().map(page).collect();
                    let changed: BTreeSet<u32> = ids[revision..].iter().map(page).collect();
                    prop_assert!(told.is_superset(&changed));
                    prop_assert!(revision < kept || told == changed);
                }
            }
            prop_assert_eq!(log.since(ids.len() as u64 + 1), None);
        }
    }
}
