//! The check of fjall's journal before fjall may cut its tail.
//!
//! When fjall 3 opens a journal and comes to an entry that it cannot read, it takes the rest for the
//! torn end of the last write and cuts it off; a damaged byte in the middle may so take every commit
//! after it along, without an error (fjall has no strict mode, its issue #311). Where the damage
//! leaves the entries readable and spoils a checksum, fjall refuses to open, even if it is the torn
//! end. So the journal is read here first. A torn end is cut off, whatever it looks like; anything
//! else that is not whole is an error.
//!
//! What tells them apart: every commit carries a *seal*, which is the store's own random number and
//! the commit's number, counted without gaps. Each commit is synced before the next one begins, so
//! at most one commit can be torn. If the seal of a later one than the next stands behind the last
//! whole commit, then acknowledged commits are there and cannot be read. The random
//! number keeps users from writing seals into their scripts.
//!
//! One case stays undecided, as with every journal that is not kept twice: damage within the very
//! last commit looks like a torn one.
//!
//! A journal file, format 3 of fjall, is batches, then zeros or nothing. A batch is
//!
//! ```text
//! 1 count:u32 sequence:u64
//! count times  2 kind:u8 compression:u8 space:u64 key:u16 value:u32 stored:u32 KEY VALUE
//! 3 checksum:u64 "FJL" 3
//! ```
//!
//! in little-endian, where the checksum is xxh3 over the items as they lie there. The store writes
//! whole batches only and compresses nothing in the journal: fjall computes the checksum of what it
//! read by compressing it again, which a later release of the compressor might do otherwise.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{JournalFault, StoreError};
use crate::key::SEAL;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const END_MAGIC: &[u8] = b"FJL\x03";
/// Values and tombstones; the store writes no other kind.
const KINDS: [u8; 2] = [0, 1];
const UNCOMPRESSED: u8 = 0;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 18;

/// The random number of a store, which its seals begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nonce([u8; 8]);

impl Nonce {
    pub(crate) fn random() -> Self {
        // std seeds these keys from the system's random source; the hash of nothing depends on all
        // of them.
        Self(RandomState::new().build_hasher().finish().to_be_bytes())
    }

    /// The seal of a commit.
    pub(crate) fn seal(self, commit: u64) -> [u8; 16] {
        let mut seal = [0; 16];
        seal[..8].copy_from_slice(&self.0);
        seal[8..].copy_from_slice(&commit.to_be_bytes());
        seal
    }

    /// The number of the commit that a seal is of.
    pub(crate) fn commit(self, seal: &[u8]) -> Option<u64> {
        let number = seal.strip_prefix(&self.0)?;
        Some(u64::from_be_bytes(number.try_into().ok()?))
    }

    /// As it lies in its file: the number and a checksum of it.
    pub(crate) fn to_file(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0);
        bytes[8..].copy_from_slice(&xxh3_64(&self.0).to_be_bytes());
        bytes
    }

    pub(crate) fn from_file(bytes: &[u8]) -> Option<Self> {
        let nonce = Self(bytes.get(..8)?.try_into().ok()?);
        (nonce.to_file() == bytes).then_some(nonce)
    }
}

/// The last commit that was read, and what it was counted as by fjall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    commit: u64,
    sequence: u64,
}

/// Checks the journals of a store that nobody has open, and cuts off a torn commit at the end of the
/// last one. Gives the number of the last commit that they hold, if they hold any, and how many
/// bytes they are.
pub(crate) fn verify(dir: &Path, nonce: Nonce) -> Result<(Option<u64>, u64), StoreError> {
    let files = journals(dir)?;
    let (mut last, mut length) = (None, 0);
    for (place, file) in files.iter().enumerate() {
        let sealed = place + 1 < files.len();
        let failed = |source| StoreError::Io { doing: "read", path: file.to_owned(), source };
        let open = File::open(file).map_err(failed)?;
        let walked = walk(open, nonce, sealed, &mut last).map_err(|stop| match stop {
            Stop::Unread(source) => failed(source),
            Stop::Fault(offset, fault) => StoreError::Journal { file: file.clone(), offset, fault },
        })?;
        if walked.is_torn {
            tracing::info!(
                journal = %file.display(), at = walked.end,
                "cut off a commit that was under way when the last process ended"
            );
            cut(file, walked.end)?;
        }
        length += walked.end;
    }
    Ok((last.map(|last: Last| last.commit), length))
}

fn journals(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| StoreError::Io { doing: "read", path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            let number = number.ok_or_else(|| StoreError::File { file: path.clone() })?;
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn cut(file: &Path, end: u64) -> Result<(), StoreError> {
    let failed = |source| StoreError::Io { doing: "cut", path: file.to_owned(), source };
    let open = OpenOptions::new().write(true).open(file).map_err(failed)?;
    open.set_len(end).and_then(|()| open.sync_all()).map_err(failed)
}

/// What of a journal is in memory: from the first byte that is not yet understood to the last one
/// that was read. A journal is tens of megabytes, and at a start its bytes would be most of what the
/// controller has in memory.
struct Window<R> {
    file: R,
    /// Ends with a byte that is not zero, unless it is empty.
    bytes: Vec<u8>,
    /// Bytes of `bytes` that were understood.
    done: usize,
    /// Bytes of the file before `bytes`.
    before: u64,
    /// Zeros that were read since the last byte that is none. fjall sets room aside with them, and
    /// memory is for what was written.
    zeros: usize,
}

impl<R: Read> Window<R> {
    fn new(file: R) -> Self {
        Self { file, bytes: Vec::new(), done: 0, before: 0, zeros: 0 }
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.done..]
    }

    /// Where the rest begins.
    fn at(&self) -> u64 {
        self.before + self.done as u64
    }

    /// Reads as much again as there is, and a chunk at least; says whether that was anything.
    fn widen(&mut self) -> io::Result<bool> {
        self.before += self.done as u64;
        self.bytes.drain(..std::mem::take(&mut self.done));
        let mut chunk = Vec::new();
        let wanted = self.bytes.len().max(CHUNK) as u64;
        let read = (&mut self.file).take(wanted).read_to_end(&mut chunk)?;
        match chunk.iter().rposition(|&byte| byte != 0) {
            None => self.zeros += read,
            Some(place) => {
                self.bytes.resize(self.bytes.len() + self.zeros, 0);
                self.bytes.extend_from_slice(&chunk[..=place]);
                self.zeros = read - place - 1;
            }
        }
        Ok(read > 0)
    }
}

/// How far a journal is whole.
#[derive(Debug, PartialEq, Eq)]
struct Walked {
    end: u64,
    /// Whether anything but zeros is behind the end.
    is_torn: bool,
}

/// Why a walk did not come to the end of a journal.
#[derive(Debug)]
enum Stop {
    Unread(io::Error),
    /// At this byte of the journal.
    Fault(u64, JournalFault),
}

/// Reads batch after batch; gives where the last whole one ends. `sealed` is a journal that fjall
/// has closed, which it does after a sync.
fn walk(
    journal: impl Read,
    nonce: Nonce,
    sealed: bool,
    last: &mut Option<Last>,
) -> Result<Walked, Stop> {
    let mut window = Window::new(journal);
    loop {
        let at = window.at();
        let failed = |fault| Stop::Fault(at, fault);
        let Some(batch) = Batch::read(window.rest()) else {
            if window.widen().map_err(Stop::Unread)? {
                continue;
            }
            let rest = window.rest();
            let is_torn = !rest.is_empty();
            if is_torn {
                check_torn(rest, nonce, sealed, *last).map_err(failed)?;
            }
            return Ok(Walked { end: at, is_torn });
        };
        let commit = batch.seal.and_then(|seal| nonce.commit(seal));
        let found = Last {
            commit: commit.ok_or(failed(JournalFault::Unsealed))?,
            sequence: batch.sequence,
        };
        if let Some(last) = *last {
            if found.commit != last.commit + 1 {
                let (found, last) = (found.commit, last.commit);
                return Err(failed(JournalFault::Gap { found, last }));
            }
            if found.sequence <= last.sequence {
                let (found, last) = (found.sequence, last.sequence);
                return Err(failed(JournalFault::Sequence { found, last }));
            }
        }
        *last = Some(found);
        let length = batch.len;
        window.done += length;
    }
}

/// Whether what cannot be read may be the one commit that was under way.
fn check_torn(
    rest: &[u8],
    nonce: Nonce,
    sealed: bool,
    last: Option<Last>,
) -> Result<(), JournalFault> {
    if sealed {
        return Err(JournalFault::SealedUnreadable);
    }
    let seals = rest.windows(16).filter_map(|seal| nonce.commit(seal));
    // A seal may be torn in its number, whose end is then zeros: it is never too high.
    let acknowledged = match last {
        Some(last) => seals.into_iter().any(|commit| commit > last.commit + 1),
        None => seals.count() > 1,
    };
    if acknowledged { Err(JournalFault::Unreadable) } else { Ok(()) }
}

/// A batch whose checksum is right.
struct Batch<'a> {
    sequence: u64,
    /// The value of its last item, if that is where the seal is.
    seal: Option<&'a [u8]>,
    len: usize,
}

impl<'a> Batch<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        if take::<1>(&mut rest)? != [START] {
            return None;
        }
        let count = u32::from_le_bytes(take(&mut rest)?);
        let sequence = u64::from_le_bytes(take(&mut rest)?);
        let items = rest;
        let mut seal = None;
        for _ in 0..count {
            let (key, value) = read_item(&mut rest)?;
            seal = (key == SEAL).then_some(value);
        }
        let items = &items[..items.len() - rest.len()];
        if take::<1>(&mut rest)? != [END] || u64::from_le_bytes(take(&mut rest)?) != xxh3_64(items)
        {
            return None;
        }
        let rest = rest.strip_prefix(END_MAGIC)?;
        Some(Self { sequence, seal, len: bytes.len() - rest.len() })
    }
}

fn read_item<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let [tag, kind, compression] = take(rest)?;
    if tag != ITEM || !KINDS.contains(&kind) || compression != UNCOMPRESSED {
        return None;
    }
    let _space: [u8; 8] = take(rest)?;
    let key = u16::from_le_bytes(take(rest)?);
    let value = u32::from_le_bytes(take(rest)?);
    let stored = u32::from_le_bytes(take(rest)?);
    if value != stored {
        return None;
    }
    let key = rest.split_off(..usize::from(key))?;
    let value = rest.split_off(..usize::try_from(value).ok()?)?;
    Some((key, value))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::{CHUNK, Nonce, Stop, walk};
    use crate::error::JournalFault;

    const NONCE: Nonce = Nonce(*b"8 random");

    fn batch(commit: u64) -> Vec<u8> {
        written(commit, &[7; 40])
    }

    /// A commit of zeros between two other bytes.
    fn sized(commit: u64, length: usize) -> Vec<u8> {
        let mut value = vec![0; length];
        (value[0], value[length - 1]) = (1, 1);
        written(commit, &value)
    }

    fn written(commit: u64, value: &[u8]) -> Vec<u8> {
        let mut items = Vec::new();
        for (key, value) in [(&b"job"[..], value), (b"seal", &NONCE.seal(commit))] {
            items.extend([2, 0, 0]);
            items.extend(5_u64.to_le_bytes());
            items.extend((key.len() as u16).to_le_bytes());
            items.extend([(value.len() as u32).to_le_bytes(); 2].concat());
            items.extend_from_slice(key);
            items.extend_from_slice(value);
        }
        let start = [&[1][..], &2_u32.to_le_bytes(), &(commit + 50).to_le_bytes()].concat();
        let end = [&[3][..], &xxh3_64(&items).to_le_bytes(), b"FJL\x03"].concat();
        [start, items, end].concat()
    }

    fn walked(bytes: &[u8], sealed: bool) -> Result<(usize, Option<u64>), JournalFault> {
        let mut last = None;
        let walked = walk(bytes, NONCE, sealed, &mut last).map_err(|stop| match stop {
            Stop::Fault(_, fault) => fault,
            Stop::Unread(error) => panic!("bytes in memory: {error}"),
        })?;
        Ok((walked.end as usize, last.map(|last| last.commit)))
    }

    #[test]
    fn commits_that_are_wider_than_a_chunk_and_zeros_behind_them_are_read() {
        let wide = |commit| sized(commit, 3 * CHUNK + 5);
        let narrow = |commit| sized(commit, CHUNK / 7);
        let mut bytes: Vec<u8> = (1..=9).flat_map(narrow).collect();
        bytes.extend([wide(10), batch(11), wide(12)].concat());
        let end = bytes.len();
        assert_eq!(walked(&bytes, true), Ok((end, Some(12))));
        for zeros in [1, CHUNK, 20 * CHUNK] {
            bytes.resize(end + zeros, 0);
            assert_eq!(walked(&bytes, true), Ok((end, Some(12))), "{zeros} zeros");
        }
        // A commit whose middle is zeros, as wide as several chunks, is no end.
        bytes.truncate(end);
        bytes.extend(batch(13));
        assert_eq!(walked(&bytes, true), Ok((bytes.len(), Some(13))));
    }

    #[test]
    fn every_cut_is_a_torn_end_and_leaves_the_whole_commits() {
        let (one, two) = (batch(1), batch(2));
        let both = [one.clone(), two].concat();
        for len in 0..both.len() {
            let whole = if len < one.len() { (0, None) } else { (one.len(), Some(1)) };
            assert_eq!(walked(&both[..len], false), Ok(whole), "cut at {len}");
            let clean = len == 0 || len == one.len();
            assert_eq!(walked(&both[..len], true).is_ok(), clean, "sealed, cut at {len}");
        }
    }

    #[test]
    fn a_flipped_byte_is_found_unless_it_is_in_the_last_commit() {
        let whole: Vec<u8> = (1..=3).flat_map(batch).collect();
        let len = batch(1).len();
        // What is before the first sequence number is not known, so a smaller one contradicts
        // nothing, nor does a larger last one.
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[place] ^= 1 << bit;
                let first_sequence = (5..13).contains(&place);
                match walked(&bytes, false) {
                    Ok((_, Some(3))) => assert!(first_sequence || (2 * len + 5..).contains(&place)),
                    Ok(found) => {
                        assert_eq!(found, (2 * len, Some(2)), "byte {place} bit {bit}");
                        assert!(place >= 2 * len, "byte {place} bit {bit}");
                    }
                    // The number of the last seal may be one that contradicts those before it.
                    Err(_) => assert!(
                        place < 2 * len + 13 || place > 3 * len - 22,
                        "byte {place} bit {bit}"
                    ),
                }
            }
        }
    }

    #[test]
    fn a_missing_commit_is_found() {
        let bytes = [batch(1), batch(3)].concat();
        assert_eq!(walked(&bytes, false), Err(JournalFault::Gap { found: 3, last: 1 }));
        let mut torn = batch(1);
        torn.extend(&batch(3)[10..]);
        assert_eq!(walked(&torn, false), Err(JournalFault::Unreadable));
    }
}
