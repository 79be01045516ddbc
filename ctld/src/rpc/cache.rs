//! Records encoded for replies, each once for each release that asks.
//!
//! An entry is good as long as the record is the very same value: whoever looks has the record, and
//! the entry keeps a reference to the one that it was made of, so that no other can take its place in
//! memory.

use std::sync::Arc;

use dashmap::DashMap;
use model::{Job, JobId};
use protocol::Version;

/// Encoded records.
#[derive(Debug, Default)]
pub struct Encoded {
    jobs: DashMap<(JobId, Version), Entry>,
}

#[derive(Debug)]
struct Entry {
    of: Arc<Job>,
    bytes: Arc<[u8]>,
}

impl Encoded {
    /// The bytes of a job in a release, made by `encode` unless they are there.
    pub fn job(
        &self,
        job: &Arc<Job>,
        version: Version,
        encode: impl FnOnce() -> Vec<u8>,
    ) -> Arc<[u8]> {
        let key = (job.id, version);
        if let Some(entry) = self.jobs.get(&key)
            && Arc::ptr_eq(&entry.of, job)
        {
            return Arc::clone(&entry.bytes);
        }
        let bytes: Arc<[u8]> = encode().into();
        self.jobs.insert(key, Entry { of: Arc::clone(job), bytes: Arc::clone(&bytes) });
        bytes
    }

    /// Lets go of a job that is forgotten.
    pub fn forget(&self, id: JobId) {
        for version in Version::ALL {
            self.jobs.remove(&(id, version));
        }
    }
}
