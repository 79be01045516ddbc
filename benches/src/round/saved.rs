//! What controllers save, multiplied.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use model::{Change, Counters, Job, JobId};
use state::{Embedded, Store as _};

use super::{RoundError, io_error};

/// Jobs of one commit.
const BATCH: usize = 10_000;

/// slurmctld puts the files of a job into one of so many folders.
const FOLDERS: u32 = 10;

/// The store of ctld: the records of `ids`, again and again under the numbers of `all`, which begin with `ids`.
pub(super) fn ours(folder: &Path, ids: &[u32], all: &[u32]) -> Result<(), RoundError> {
    let store = Embedded::open(folder)?;
    let (mut templates, mut counters): (Vec<Arc<Job>>, Option<Counters>) = (Vec::new(), None);
    store.load(&mut |change| match change {
        Change::Job(job) if ids.contains(&job.id.0) => templates.push(job),
        Change::Counters(kept) => counters = Some(kept),
        _ => {}
    })?;
    let Some(counters) = counters.filter(|_| templates.len() == ids.len()) else {
        return Err(RoundError::Saved("the store does not hold the jobs that were submitted"));
    };
    let (mut next_priority, mut done) = (counters.next_priority, ids.len());
    for batch in all[ids.len()..].chunks(BATCH) {
        let mut changes = Vec::with_capacity(batch.len() + 1);
        for id in batch {
            let template = &templates[done % templates.len()];
            let job = Job { id: JobId(*id), priority: next_priority, ..Job::clone(template) };
            changes.push(Change::Job(Arc::new(job)));
            next_priority = next_priority.saturating_sub(1);
            done += 1;
        }
        let next_job = batch.last().expect("chunks are not empty") + 1;
        changes.push(Change::Counters(Counters { next_job, next_priority, ..counters }));
        store.commit(&changes)?;
    }
    Ok(())
}

/// slurmctld's `job_state`: a head (a text, a release, a time, the next number, a time), and records without a length one
/// after another. Those of the first jobs are equally long, since the jobs differ in nothing but numbers; where each of them
/// holds its own number, the copies get theirs. A job without a folder would be taken for lost, so each gets one.
pub(super) fn stock(folder: &Path, ids: &[u32], all: &[u32]) -> Result<(), RoundError> {
    let path = folder.join("job_state");
    let bytes = fs::read(&path).map_err(io_error("reading job_state"))?;
    let state = JobState::read(&bytes, ids).ok_or(RoundError::Saved("job_state"))?;
    let file = File::create(&path).map_err(io_error("writing job_state"))?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let written = state.write(&mut file, all).and_then(|()| file.flush());
    written.map_err(io_error("writing job_state"))?;
    for number in 0..FOLDERS {
        let made = fs::create_dir_all(folder.join(format!("hash.{number}")));
        made.map_err(io_error("making folders of jobs"))?;
    }
    for id in &all[ids.len()..] {
        let own = folder.join(format!("hash.{}/job.{id}", id % FOLDERS));
        fs::create_dir(own).map_err(io_error("making folders of jobs"))?;
    }
    Ok(())
}

/// A `job_state` taken apart.
struct JobState<'a> {
    head: &'a [u8],
    /// Where in the head the next number stands.
    next_at: usize,
    records: Vec<&'a [u8]>,
    /// Where in each record its own number stands.
    own_at: Vec<usize>,
    /// Where in each record a number stands that grows from job to job and is never used again: SLUID (26.05), eight bytes
    /// whose first twelve bits are the cluster's.
    unique_at: Vec<usize>,
}

impl<'a> JobState<'a> {
    /// `None` if it is not as this program knows it.
    fn read(bytes: &'a [u8], ids: &[u32]) -> Option<Self> {
        let text = usize::try_from(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?)).ok()?;
        // The text with its length, u16, u64, u32, u64.
        let next_at = 4 + text + 2 + 8;
        let (head, rest) = bytes.split_at_checked(next_at + 4 + 8)?;
        let length = rest.len() / ids.len().max(1);
        if length == 0 || !rest.len().is_multiple_of(length) {
            return None;
        }
        let records: Vec<&[u8]> = rest.chunks(length).collect();
        let holds_own = |at: &usize| {
            let mut both = records.iter().zip(ids);
            both.all(|(record, id)| record[*at..*at + 4] == id.to_be_bytes())
        };
        let own_at: Vec<usize> = (0..length - 4).filter(holds_own).collect();
        if records.len() != ids.len() || own_at.is_empty() {
            return None;
        }
        let is_unique = |at: &usize| {
            let is_apart = own_at.iter().all(|own| at + 8 <= *own || own + 4 <= *at);
            let mut pairs = records.windows(2).map(|two| (long(two[0], *at), long(two[1], *at)));
            is_apart
                && records.len() > 1
                && long(records[0], *at) >> 52 != 0
                && pairs.all(|(one, next)| one < next && one >> 52 == next >> 52)
        };
        let mut unique_at: Vec<usize> = Vec::new();
        for at in (0..length.saturating_sub(8)).filter(is_unique) {
            // The same bytes, read further on.
            if unique_at.last().is_none_or(|last| last + 8 <= at) {
                unique_at.push(at);
            }
        }
        Some(Self { head, next_at, records, own_at, unique_at })
    }

    fn write(&self, file: &mut impl std::io::Write, ids: &[u32]) -> std::io::Result<()> {
        let mut head = self.head.to_vec();
        let next = ids.last().map_or(1, |last| last + 1);
        head[self.next_at..self.next_at + 4].copy_from_slice(&next.to_be_bytes());
        file.write_all(&head)?;
        let mut record = Vec::new();
        for (number, (id, template)) in ids.iter().zip(self.records.iter().cycle()).enumerate() {
            record.clear();
            record.extend_from_slice(template);
            if let Some(further) = number.checked_sub(self.records.len() - 1).filter(|n| *n > 0) {
                let last = self.records.last().expect("there is one at least");
                for &at in &self.unique_at {
                    let own = long(last, at) + u64::try_from(further).unwrap_or(u64::MAX);
                    record[at..at + 8].copy_from_slice(&own.to_be_bytes());
                }
            }
            for &at in &self.own_at {
                record[at..at + 4].copy_from_slice(&id.to_be_bytes());
            }
            file.write_all(&record)?;
        }
        Ok(())
    }
}

fn long(record: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(record[at..at + 8].try_into().expect("eight bytes were taken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cluster, and the first SLUID that it gave.
    const FIRST: u64 = (0x123 << 52) + 1000;

    fn state(ids: &[u32]) -> Vec<u8> {
        let mut bytes = b"\0\0\0\x03PV\0\x2a\x00\0\0\0\0\0\0\0\x01".to_vec();
        bytes.extend(ids.last().unwrap().wrapping_add(1).to_be_bytes());
        bytes.extend([0; 8]);
        for id in ids {
            bytes.extend([7, 7]);
            bytes.extend(id.to_be_bytes());
            bytes.extend([0, 0]);
            bytes.extend((FIRST + u64::from(*id)).to_be_bytes());
            bytes.extend([id.to_be_bytes()[3] & 1, 9, 9]);
        }
        bytes
    }

    #[test]
    fn a_saved_state_grows_as_if_more_jobs_had_been_submitted() {
        let (few, many) = ([5, 6], [5, 6, 7, 8, 9]);
        let bytes = state(&few);
        let state_of_few = JobState::read(&bytes, &few).unwrap();
        assert_eq!((&state_of_few.own_at[..], &state_of_few.unique_at[..]), (&[2][..], &[8][..]));
        let mut grown = Vec::new();
        state_of_few.write(&mut grown, &many).unwrap();
        assert_eq!(grown, state(&many));
    }

    #[test]
    fn what_is_no_saved_state_of_these_jobs_is_refused() {
        let bytes = state(&[5, 6]);
        assert!(JobState::read(&bytes, &[5, 7]).is_none());
        assert!(JobState::read(&bytes[..bytes.len() - 1], &[5, 6]).is_none());
        assert!(JobState::read(&bytes[..6], &[5, 6]).is_none());
    }
}
