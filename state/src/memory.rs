use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use model::{Change, JobId, Script};

use crate::Store;
use crate::batch::batch;
use crate::error::StoreError;
use crate::key::Key;
use crate::load::{self, LoadReport, Loader};

/// A store for tests and simulation. It keeps what [`Embedded`](crate::Embedded) would, as the same
/// bytes, on a disk that outlives it and that fails when it is told to.
#[derive(Debug, Default)]
pub struct Memory {
    disk: Arc<Mutex<Disk>>,
    /// Which opening of the disk this is; only the last may use it.
    opening: u64,
}

#[derive(Debug, Default)]
struct Disk {
    records: BTreeMap<Key, Vec<u8>>,
    /// Commits that were tried, over all openings.
    commits: u64,
    faults: BTreeMap<u64, Fault>,
    broken: bool,
    opening: u64,
}

/// How a commit fails. A commit is whole or not there, so a batch that the disk tore is one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of it is kept.
    Lost,
    /// It is kept, and nobody is told.
    Kept,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a commit fail, counted from 1 over the life of the disk. As with a real disk, every
    /// commit after it fails too, until the store is opened again.
    pub fn fail(&self, commit: u64, fault: Fault) {
        self.disk().faults.insert(commit, fault);
    }

    /// Commits that were tried so far.
    pub fn commits(&self) -> u64 {
        self.disk().commits
    }

    /// The store as the next process finds it: with all that was committed. The store that it was
    /// opened as before can do nothing more, like a process that was killed.
    #[must_use]
    pub fn reopen(&self) -> Self {
        let mut disk = self.disk();
        disk.opening += 1;
        disk.broken = false;
        Self { disk: Arc::clone(&self.disk), opening: disk.opening }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("nothing panics while it holds the disk")
    }

    fn own_disk(&self) -> Result<MutexGuard<'_, Disk>, StoreError> {
        let disk = self.disk();
        if disk.opening == self.opening { Ok(disk) } else { Err(StoreError::Broken) }
    }
}

impl Store for Memory {
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        let batch = batch(changes);
        let mut disk = self.own_disk()?;
        if disk.broken {
            return Err(StoreError::Broken);
        }
        if batch.is_empty() {
            return Ok(());
        }
        disk.commits += 1;
        let commit = disk.commits;
        let fault = disk.faults.get(&commit).copied();
        if fault != Some(Fault::Lost) {
            for (key, record) in batch {
                match record {
                    Some(record) => drop(disk.records.insert(key, record)),
                    None => drop(disk.records.remove(&key)),
                }
            }
        }
        if fault.is_some() {
            disk.broken = true;
            return Err(StoreError::Simulated { commit });
        }
        Ok(())
    }

    fn load(&self, each: &mut dyn FnMut(Change)) -> Result<LoadReport, StoreError> {
        let disk = self.own_disk()?;
        let mut loader = Loader::default();
        for (key, record) in &disk.records {
            if !matches!(key, Key::Script(_)) {
                each(loader.change(key.space(), &key.bytes(), record)?);
            }
        }
        Ok(loader.report())
    }

    fn script(&self, job: JobId) -> Result<Option<Script>, StoreError> {
        let disk = self.own_disk()?;
        disk.records.get(&Key::Script(job)).map(|value| load::script(job, value)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Change, Counters, JobId, Script};

    use super::{Fault, Memory};
    use crate::{Store, StoreError};

    fn counters(next_job: u32) -> Change {
        Change::Counters(Counters {
            next_job,
            next_priority: 1,
            last_trigger: 0,
            last_reservation: 0,
        })
    }

    fn next_job(store: &Memory) -> Option<u32> {
        let mut found = None;
        store
            .load(&mut |change| {
                if let Change::Counters(counters) = change {
                    found = Some(counters.next_job);
                }
            })
            .unwrap();
        found
    }

    #[test]
    fn a_failed_commit_is_there_or_not_after_a_crash_and_the_next_ones_fail() {
        for (fault, found) in [(Fault::Lost, 7), (Fault::Kept, 8)] {
            let store = Memory::new();
            store.fail(2, fault);
            store.commit(&[counters(7)]).unwrap();
            let failed = store.commit(&[counters(8)]);
            assert!(matches!(failed, Err(StoreError::Simulated { commit: 2 })));
            assert!(matches!(store.commit(&[counters(9)]), Err(StoreError::Broken)));
            let next = store.reopen();
            assert_eq!(next_job(&next), Some(found));
            next.commit(&[counters(9)]).unwrap();
            assert_eq!(next_job(&next), Some(9));
        }
    }

    #[test]
    fn who_was_killed_writes_no_more() {
        let killed = Memory::new();
        let next = killed.reopen();
        assert!(matches!(killed.commit(&[counters(1)]), Err(StoreError::Broken)));
        assert_eq!(next_job(&next), None);
    }

    #[test]
    fn the_last_change_of_a_key_counts_and_a_job_takes_its_script_along() {
        let store = Memory::new();
        let script = |text: &str| {
            Change::Script(JobId(4), Arc::new(Script { script: text.into(), ..Script::default() }))
        };
        store.commit(&[script("a"), script("b")]).unwrap();
        assert_eq!(store.script(JobId(4)).unwrap().unwrap().script, "b");
        store.commit(&[script("c"), Change::JobGone(JobId(4))]).unwrap();
        assert_eq!(store.script(JobId(4)).unwrap(), None);
        store.commit(&[Change::JobGone(JobId(4)), script("d")]).unwrap();
        assert_eq!(store.script(JobId(4)).unwrap().unwrap().script, "d");
    }
}
