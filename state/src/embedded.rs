use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions};
use fjall::{OwnedWriteBatch, PersistMode};
use model::{Change, JobId, Script};
use prost::Message as _;

use crate::Store;
use crate::batch::batch;
use crate::error::{RecordError, StoreError};
use crate::format;
use crate::journal::{self, Nonce};
use crate::key::{COUNTERS, FORMAT, Key, Name, SEAL, Space};
use crate::load::{self, LoadReport, Loader};
use crate::lock::Lock;

/// How much memory the engine may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// What a key space gathers in memory before it is written to a table, bytes. It is fixed when
    /// the store is made. At most five times as much is in memory, after which commits wait.
    pub memtable: u64,
    /// Blocks of tables that were read, bytes.
    pub cache: u64,
}

impl Default for Sizes {
    /// A controller reads everything once, when it starts, and scripts one at a time after that, so
    /// a cache is of little use. What is gathered in memory lies between the records of jobs, so not
    /// all of its room comes back: after 10,000 submissions, 4 KB each, a job has cost 1.7 KiB with
    /// 2 MiB and 3.2 KiB with 8, and neither jobs a second nor their processor time tell the two
    /// apart (benches, d and a). The engine's own defaults are 64 MiB and 32 MiB.
    fn default() -> Self {
        Self { memtable: 2 << 20, cache: 8 << 20 }
    }
}

/// Records that a rest writes to tables, bytes: what is worth a file of its own.
const REST_BYTES: u64 = 1 << 20;

/// Journals on disk, bytes, before tables are written for no other reason than to be rid of them:
/// what is read again at a start. 64 MiB, one file, is the least that the engine takes.
const JOURNALS_MAX: u64 = 128 << 20;

/// One thread writes tables while the others merge them. The first one never merges: it looks again and again for who else
/// could, which is a core's whole time for as long as a single other one is busy; so there are two others.
const WORKERS: usize = 3;

/// Files that the engine keeps open.
const FILES_MAX: usize = 100;

/// A store in a directory of one machine, on fjall.
///
/// ```text
/// DIR/lock        whoever has the store open holds this; its process number is in it
/// DIR/store/seal  the store's own random number (see journal.rs)
/// DIR/store/db/   fjall's
/// ```
pub struct Embedded {
    dir: PathBuf,
    nonce: Nonce,
    db: Database,
    spaces: [Keyspace; Space::ALL.len()],
    /// The number of the last commit; `None` once one has failed.
    last: Mutex<Option<u64>>,
    /// What is only in memory and the journal.
    unwritten: Mutex<Unwritten>,
    /// Held for as long as the rest lives; dropped last.
    _lock: Lock,
}

/// What tables do not have yet, about: the engine writes them when it sees fit, too.
#[derive(Debug, Default)]
struct Unwritten {
    /// Bytes of records.
    bytes: u64,
    /// Whether there was a commit since the last rest.
    is_growing: bool,
}

impl Embedded {
    /// Opens the store in `dir`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// If another process has it, a newer release wrote it, or something of it is damaged.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, Sizes::default())
    }

    /// The same, with other sizes.
    ///
    /// # Errors
    ///
    /// As [`Embedded::open`].
    pub fn open_with(dir: &Path, sizes: Sizes) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|source| StoreError::Io { doing: "make", path: dir.to_owned(), source })?;
        let lock = Lock::take(dir)?;
        let store = dir.join("store");
        let exists = store.try_exists();
        if !exists.map_err(|source| StoreError::Io {
            doing: "find",
            path: store.clone(),
            source,
        })? {
            create(dir, &store, sizes)?;
        }
        let seal = store.join("seal");
        let nonce = fs::read(&seal).map_err(|source| StoreError::Io {
            doing: "read",
            path: seal.clone(),
            source,
        })?;
        let nonce = Nonce::from_file(&nonce).ok_or(StoreError::File { file: seal })?;
        let (journaled, bytes) = journal::verify(&store.join("db"), nonce)?;
        let (db, spaces) = open_engine(&store, sizes)?;
        let this = Self {
            dir: dir.to_owned(),
            nonce,
            db,
            spaces,
            last: Mutex::new(None),
            // The engine has put it into memory again, as far as no table has it.
            unwritten: Mutex::new(Unwritten { bytes, ..Unwritten::default() }),
            _lock: lock,
        };
        this.take_over(journaled)?;
        Ok(this)
    }

    /// Looks at the format and the last commit, and puts this release's name into the store.
    fn take_over(&self, journaled: Option<u64>) -> Result<(), StoreError> {
        let found = self.get(Space::Meta, FORMAT)?;
        let format = format::accept(&self.dir, found.as_deref())?;
        if (format.major, format.minor) > (format::FORMAT_MAJOR, format::FORMAT_MINOR) {
            tracing::warn!(
                written_by = format.written_by,
                minor = format.minor,
                "a newer release has written the store: what it added to a record is lost when \
                 this one changes the record"
            );
        }
        let seal = self.get(Space::Meta, SEAL)?;
        let commit = seal.and_then(|seal| self.nonce.commit(&seal));
        let last = commit.ok_or(StoreError::Record {
            name: Name { space: Space::Meta, key: SEAL.to_vec() },
            source: RecordError::Missing { field: "seal" },
        })?;
        if let Some(expected) = journaled.filter(|expected| *expected != last) {
            return Err(StoreError::Incomplete { dir: self.dir.clone(), found: last, expected });
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        let ours = format::ours((format.major, format.minor));
        if ours != format {
            let mut batch = self.db.batch();
            batch.insert(self.space(Space::Meta), FORMAT, ours.encode_to_vec());
            self.write(batch)?;
        }
        Ok(())
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn space(&self, space: Space) -> &Keyspace {
        &self.spaces[space as usize]
    }

    fn get(&self, space: Space, key: &[u8]) -> Result<Option<fjall::Slice>, StoreError> {
        self.space(space).get(key).map_err(|source| StoreError::Engine { doing: "read", source })
    }

    /// Seals a batch and makes it durable.
    fn write(&self, mut batch: OwnedWriteBatch) -> Result<(), StoreError> {
        let mut last = self.last.lock().map_err(|_| StoreError::Broken)?;
        // Left empty if this fails: nobody knows then what is on the disk.
        let commit = last.take().ok_or(StoreError::Broken)? + 1;
        batch.insert(self.space(Space::Meta), SEAL, self.nonce.seal(commit));
        batch
            .durability(Some(PersistMode::SyncAll))
            .commit()
            .map_err(|source| StoreError::Engine { doing: "commit", source })?;
        *last = Some(commit);
        Ok(())
    }
}

impl Store for Embedded {
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        let records = batch(changes);
        if records.is_empty() {
            return Ok(());
        }
        let size = |record: &Option<Vec<u8>>| record.as_ref().map_or(0, |bytes| bytes.len() as u64);
        let bytes: u64 = records.iter().map(|(_, record)| size(record)).sum();
        {
            let mut unwritten = self.unwritten();
            unwritten.bytes += bytes;
            unwritten.is_growing = true;
        }
        let mut batch = OwnedWriteBatch::with_capacity(self.db.clone(), records.len() + 1);
        for (key, record) in records {
            let space = self.space(key.space());
            match record {
                Some(record) => batch.insert(space, key.bytes(), record),
                None => batch.remove(space, key.bytes()),
            }
        }
        self.write(batch)
    }

    /// What was gathered in memory becomes tables, which the engine would wait with until there is more
    /// of it: after 10,000 submissions that is a third of all memory.
    fn rest(&self) {
        let mut unwritten = self.unwritten();
        if std::mem::take(&mut unwritten.is_growing) || unwritten.bytes < REST_BYTES {
            return;
        }
        unwritten.bytes = 0;
        drop(unwritten);
        for space in [Space::Jobs, Space::Scripts] {
            if let Err(error) = self.space(space).rotate_memtable() {
                // The journal has it all, and a commit will tell if the disk is no good.
                tracing::warn!(space = space.name(), cause = %error, "no table was begun");
            }
        }
    }

    fn load(&self, each: &mut dyn FnMut(Change)) -> Result<LoadReport, StoreError> {
        let mut loader = Loader::default();
        if let Some(counters) = self.get(Space::Meta, COUNTERS)? {
            each(loader.change(Space::Meta, COUNTERS, &counters)?);
        }
        let spaces = [
            Space::Nodes,
            Space::Partitions,
            Space::Jobs,
            Space::Steps,
            Space::Triggers,
            Space::Crontabs,
            Space::Reservations,
        ];
        for space in spaces {
            for record in self.space(space).iter() {
                let (key, value) = record
                    .into_inner()
                    .map_err(|source| StoreError::Engine { doing: "load", source })?;
                each(loader.change(space, &key, &value)?);
            }
        }
        Ok(loader.report())
    }

    fn script(&self, job: JobId) -> Result<Option<Script>, StoreError> {
        let value = self.get(Space::Scripts, &Key::Script(job).bytes())?;
        value.map(|value| load::script(job, &value)).transpose()
    }
}

/// Makes an empty store beside its place and moves it there when all of it is durable: a power cut
/// in between leaves something that is made anew, not a store that does not open.
fn create(dir: &Path, store: &Path, sizes: Sizes) -> Result<(), StoreError> {
    let fresh = dir.join("store.new");
    let failed = |doing, source| StoreError::Io { doing, path: fresh.clone(), source };
    match fs::remove_dir_all(&fresh) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(failed("remove", why)),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(&fresh).map_err(|why| failed("make", why))?;
    let nonce = Nonce::random();
    fs::write(fresh.join("seal"), nonce.to_file()).map_err(|why| failed("write", why))?;
    let (db, spaces) = open_engine(&fresh, sizes)?;
    let meta = &spaces[Space::Meta as usize];
    let mut first = db.batch().durability(Some(PersistMode::SyncAll));
    first.insert(
        meta,
        FORMAT,
        format::ours((format::FORMAT_MAJOR, format::FORMAT_MINOR)).encode_to_vec(),
    );
    first.insert(meta, SEAL, nonce.seal(1));
    first.commit().map_err(|source| StoreError::Engine { doing: "commit", source })?;
    drop((db, spaces));
    sync_tree(&fresh).map_err(|why| failed("sync", why))?;
    fs::rename(&fresh, store).map_err(|why| failed("rename", why))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| StoreError::Io {
        doing: "sync",
        path: dir.to_owned(),
        source,
    })
}

fn sync_tree(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}

fn open_engine(
    store: &Path,
    sizes: Sizes,
) -> Result<(Database, [Keyspace; Space::ALL.len()]), StoreError> {
    let failed = |source| StoreError::Engine { doing: "open the store", source };
    let db = Database::builder(store.join("db"))
        .cache_size(sizes.cache)
        .worker_threads(WORKERS)
        .max_cached_files(Some(FILES_MAX))
        .max_journaling_size(JOURNALS_MAX)
        // See journal.rs.
        .journal_compression(CompressionType::None)
        .open()
        .map_err(failed)?;
    let open = |space: Space| {
        let options = KeyspaceCreateOptions::default().max_memtable_size(sizes.memtable);
        db.keyspace(space.name(), || match space {
            // Scripts are written once and hardly ever read: apart from their keys they are not
            // copied each time that tables are merged.
            Space::Scripts => options.with_kv_separation(Some(KvSeparationOptions::default())),
            Space::Meta
            | Space::Nodes
            | Space::Partitions
            | Space::Jobs
            | Space::Steps
            | Space::Triggers
            | Space::Crontabs
            | Space::Reservations => options,
        })
        .map_err(failed)
    };
    let spaces = [
        open(Space::Meta)?,
        open(Space::Nodes)?,
        open(Space::Partitions)?,
        open(Space::Jobs)?,
        open(Space::Steps)?,
        open(Space::Scripts)?,
        open(Space::Triggers)?,
        open(Space::Crontabs)?,
        open(Space::Reservations)?,
    ];
    Ok((db, spaces))
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use std::{fs, thread};

    use model::{Change, Counters, JobId, Script};
    use prost::Message as _;
    use tempfile::TempDir;

    use super::{Embedded, Sizes};
    use crate::key::{FORMAT, Space};
    use crate::record::proto;
    use crate::{FORMAT_MAJOR, FORMAT_MINOR, Store, StoreError};

    fn put(dir: &Path, space: Space, key: &[u8], value: &[u8]) {
        let store = Embedded::open(dir).unwrap();
        let mut batch = store.db.batch();
        batch.insert(store.space(space), key, value);
        store.write(batch).unwrap();
    }

    fn put_format(dir: &Path, major: u32, minor: u32) {
        let format = proto::Format { major, minor, written_by: "9.9".into() };
        put(dir, Space::Meta, FORMAT, &format.encode_to_vec());
    }

    #[test]
    fn a_rest_after_commits_writes_tables_and_loses_nothing() {
        let dir = TempDir::new().unwrap();
        let script = |id: u32| {
            // Numbers, which cannot be packed well.
            let numbers =
                (0..8000_u32).map(|n| n.wrapping_mul(2_654_435_761) ^ id).map(|n| n.to_string());
            let script = format!("#!/bin/sh\n# {}\n", numbers.collect::<Vec<_>>().join(" "));
            let script = Script { script, ..Script::default() };
            Change::Script(JobId(id), Arc::new(script))
        };
        {
            let store = Embedded::open_with(dir.path(), Sizes { memtable: 64 << 20, cache: 0 });
            let store = store.unwrap();
            let tables = || store.space(Space::Scripts).table_count();
            (1..=30).for_each(|id| store.commit(&[script(id)]).unwrap());
            store.rest();
            assert_eq!(tables(), 0, "there was a commit a moment ago");
            store.rest();
            let begin = Instant::now();
            while tables() == 0 {
                assert!(begin.elapsed() < Duration::from_secs(60), "no table was written");
                thread::sleep(Duration::from_millis(5));
            }
            store.commit(&[script(31)]).unwrap();
            store.rest();
            store.rest();
            assert_eq!(tables(), 1, "a little is not worth a table");
        }
        let store = Embedded::open(dir.path()).unwrap();
        for id in 1..=31 {
            let Change::Script(id, script) = script(id) else { unreachable!() };
            assert_eq!(store.script(id).unwrap().as_ref(), Some(&*script));
        }
    }

    #[test]
    fn a_newer_major_format_is_refused_and_left_alone() {
        let dir = TempDir::new().unwrap();
        put_format(dir.path(), FORMAT_MAJOR + 1, 0);
        for _ in 0..2 {
            let refused = Embedded::open(dir.path()).err().unwrap();
            assert!(matches!(refused, StoreError::NewerFormat { .. }), "{refused:?}");
            let text = format!("was written by ctld 9.9 in format {}", FORMAT_MAJOR + 1);
            assert!(refused.to_string().contains(&text), "{refused}");
        }
    }

    #[test]
    fn a_newer_minor_format_is_opened_and_stays_on_record() {
        let dir = TempDir::new().unwrap();
        put_format(dir.path(), FORMAT_MAJOR, FORMAT_MINOR + 3);
        for _ in 0..2 {
            let store = Embedded::open(dir.path()).unwrap();
            let bytes = store.get(Space::Meta, FORMAT).unwrap().unwrap();
            let format = proto::Format::decode(&*bytes).unwrap();
            assert_eq!(format.minor, FORMAT_MINOR + 3);
            assert_eq!(format.written_by, env!("CARGO_PKG_VERSION"));
        }
    }

    #[test]
    fn an_older_major_format_is_opened_and_becomes_todays() {
        let dir = TempDir::new().unwrap();
        put_format(dir.path(), FORMAT_MAJOR - 1, FORMAT_MINOR + 7);
        let store = Embedded::open(dir.path()).unwrap();
        let bytes = store.get(Space::Meta, FORMAT).unwrap().unwrap();
        let format = proto::Format::decode(&*bytes).unwrap();
        assert_eq!((format.major, format.minor), (FORMAT_MAJOR, FORMAT_MINOR));
    }

    #[test]
    fn a_damaged_record_is_named() {
        let dir = TempDir::new().unwrap();
        put(dir.path(), Space::Jobs, &7_u32.to_be_bytes(), b"\xff\xff");
        let store = Embedded::open(dir.path()).unwrap();
        let error = store.load(&mut |_| {}).unwrap_err();
        assert_eq!(error.to_string(), "the record of job 7 is damaged");
        assert_eq!(error.source().unwrap().to_string(), "it cannot be decoded");
    }

    #[test]
    fn a_store_that_was_half_made_is_made_anew() {
        let dir = TempDir::new().unwrap();
        fs::create_dir_all(dir.path().join("store.new/db/keyspaces")).unwrap();
        fs::write(dir.path().join("store.new/db/version"), b"").unwrap();
        let counters = Change::Counters(Counters {
            next_job: 5,
            next_priority: 6,
            last_trigger: 7,
            last_reservation: 8,
        });
        let store = Embedded::open(dir.path()).unwrap();
        store.commit(std::slice::from_ref(&counters)).unwrap();
        drop(store);
        assert!(!dir.path().join("store.new").exists());
        let mut found = Vec::new();
        Embedded::open(dir.path()).unwrap().load(&mut |change| found.push(change)).unwrap();
        assert_eq!(found, [counters]);
    }

    #[test]
    fn a_foreign_journal_is_not_taken_for_ours() {
        let (ours, theirs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        drop((Embedded::open(ours.path()).unwrap(), Embedded::open(theirs.path()).unwrap()));
        let journal = "store/db/0.jnl";
        fs::copy(theirs.path().join(journal), ours.path().join(journal)).unwrap();
        let refused = Embedded::open(ours.path()).err().unwrap();
        assert!(matches!(refused, StoreError::Journal { .. }), "{refused:?}");
    }
}
