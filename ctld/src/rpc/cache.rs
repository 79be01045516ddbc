//! Records encoded for replies, each once for each release that asks.
//!
//! An entry is good as long as everything that went into it is the very same value: whoever looks
//! has the values, and the entry keeps references to those that it was made of, so that no other can
//! take their place in memory.

use std::sync::Arc;

use dashmap::DashMap;
use model::{Config, Job, JobId, Partition};
use protocol::Version;

/// Encoded records.
#[derive(Debug, Default)]
pub struct Encoded {
    jobs: DashMap<(JobId, Version), Entry>,
}

/// What a job's record is made of.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The job.
    pub job: Arc<Job>,
    /// Its partition.
    pub partition: Option<Arc<Partition>>,
    /// The settings.
    pub config: Arc<Config>,
    /// The length of the node table, which is that of the sets of nodes.
    pub node_places: u32,
    /// Flags of the request that are in the record itself.
    pub flags: u16,
}

impl Sources {
    fn are(&self, other: &Self) -> bool {
        let same_partition = match (&self.partition, &other.partition) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        Arc::ptr_eq(&self.job, &other.job)
            && same_partition
            && Arc::ptr_eq(&self.config, &other.config)
            && (self.node_places, self.flags) == (other.node_places, other.flags)
    }
}

#[derive(Debug)]
struct Entry {
    of: Sources,
    bytes: Arc<[u8]>,
}

impl Encoded {
    /// The bytes of a job in a release, made by `encode` unless they are there.
    pub fn job(
        &self,
        of: Sources,
        version: Version,
        encode: impl FnOnce() -> Vec<u8>,
    ) -> Arc<[u8]> {
        let key = (of.job.id, version);
        if let Some(entry) = self.jobs.get(&key)
            && entry.of.are(&of)
        {
            return Arc::clone(&entry.bytes);
        }
        let bytes: Arc<[u8]> = encode().into();
        self.jobs.insert(key, Entry { of, bytes: Arc::clone(&bytes) });
        bytes
    }

    /// Lets go of a job that is forgotten.
    pub fn forget(&self, id: JobId) {
        for version in Version::ALL {
            self.jobs.remove(&(id, version));
        }
    }
}
