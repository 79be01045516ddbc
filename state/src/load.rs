//! Records to changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Change, JobId, JobSpec, Script};
use prost::Message;

use crate::error::{RecordError, StoreError};
use crate::key::{Key, Name, Space};
use crate::record::{self, proto};

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Nodes.
    pub nodes: u64,
    /// Partitions.
    pub partitions: u64,
    /// Job records; the waiting tasks of an array are one.
    pub jobs: u64,
    /// Steps.
    pub steps: u64,
    /// Job records that share the spec of another task of their array.
    pub shared_specs: u64,
    /// Options of jobs that this release does not know; a newer one set them. They are lost when
    /// the job changes.
    pub unknown_options: u64,
}

/// Reads records, and keeps equal parts once.
#[derive(Default)]
pub(crate) struct Loader {
    report: LoadReport,
    partitions: BTreeSet<Arc<str>>,
    /// The last spec of each user, and that of all: the next ones are likely to be alike.
    newest: BTreeMap<u32, Arc<JobSpec>>,
    newest_of_all: Option<Arc<JobSpec>>,
    /// The different specs of each array, by their bytes.
    specs: BTreeMap<JobId, BTreeMap<Vec<u8>, Arc<JobSpec>>>,
}

impl Loader {
    pub(crate) fn report(self) -> LoadReport {
        self.report
    }

    /// The change that makes a record, which must not be one of [`Space::Scripts`] nor any but the
    /// counters of [`Space::Meta`].
    pub(crate) fn change(
        &mut self,
        space: Space,
        key: &[u8],
        value: &[u8],
    ) -> Result<Change, StoreError> {
        let read = self.read(space, value).and_then(|(own, change)| {
            if own.bytes() == key { Ok(change) } else { Err(RecordError::WrongKey) }
        });
        read.map_err(|source| StoreError::Record {
            name: Name { space, key: key.to_vec() },
            source,
        })
    }

    fn read(&mut self, space: Space, value: &[u8]) -> Result<(Key, Change), RecordError> {
        Ok(match space {
            Space::Meta => {
                let counters = record::read_counters(&proto::Counters::decode(value)?);
                (Key::Counters, Change::Counters(counters))
            }
            Space::Nodes => {
                let node = record::read_node(proto::Node::decode(value)?)?;
                self.report.nodes += 1;
                (Key::Node(node.id), Change::Node(Arc::new(node)))
            }
            Space::Partitions => {
                let partition = record::read_partition(proto::Partition::decode(value)?)?;
                self.report.partitions += 1;
                let key = Key::Partition(Arc::clone(&partition.name));
                (key, Change::Partition(Arc::new(partition)))
            }
            Space::Jobs => {
                let mut job = proto::Job::decode(value)?;
                let spec = self.spec(&mut job)?;
                let partition = self.partition(&job.partition);
                let job = record::read_job(job, spec, partition)?;
                self.report.jobs += 1;
                (Key::Job(job.id), Change::Job(Arc::new(job)))
            }
            Space::Steps => {
                let step = record::read_step(proto::Step::decode(value)?)?;
                self.report.steps += 1;
                (Key::Step(step.job, step.number), Change::Step(Arc::new(step)))
            }
            Space::Triggers => {
                let trigger = record::read_trigger(proto::Trigger::decode(value)?)?;
                (Key::Trigger(trigger.id), Change::Trigger(Arc::new(trigger)))
            }
            Space::Crontabs => {
                let crontab = record::read_crontab(proto::Crontab::decode(value)?)?;
                (Key::Crontab(crontab.owner), Change::Crontab(Arc::new(crontab)))
            }
            Space::Reservations => {
                let reservation = record::read_reservation(proto::Reservation::decode(value)?);
                let key = Key::Reservation(Arc::clone(&reservation.name));
                (key, Change::Reservation(Arc::new(reservation)))
            }
            Space::Scripts => return Err(RecordError::WrongKey),
        })
    }

    /// Only tasks of an array are likely to have equal specs; remembering the others would double
    /// the memory that loading takes.
    fn spec(&mut self, job: &mut proto::Job) -> Result<Arc<JobSpec>, RecordError> {
        let bytes = std::mem::take(&mut job.spec);
        let Some(array) = &job.array else {
            return self.decode_spec(job.owner, &bytes);
        };
        let array = JobId(array.array_job);
        if let Some(spec) = self.specs.get(&array).and_then(|specs| specs.get(&bytes)) {
            self.report.shared_specs += 1;
            return Ok(Arc::clone(spec));
        }
        let spec = self.decode_spec(job.owner, &bytes)?;
        self.specs.entry(array).or_default().insert(bytes, Arc::clone(&spec));
        Ok(spec)
    }

    fn decode_spec(&mut self, owner: u32, bytes: &[u8]) -> Result<Arc<JobSpec>, RecordError> {
        let (spec, unknown) = record::read_spec(proto::JobSpec::decode(bytes)?)?;
        self.report.unknown_options += unknown;
        let spec = spec.shared(self.newest.get(&owner).into_iter().chain(&self.newest_of_all));
        self.newest.insert(owner, Arc::clone(&spec));
        self.newest_of_all = Some(Arc::clone(&spec));
        Ok(spec)
    }

    fn partition(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.partitions.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.partitions.insert(Arc::clone(&name));
        name
    }
}

/// The script in a record.
pub(crate) fn script(job: JobId, value: &[u8]) -> Result<Script, StoreError> {
    let record = proto::Script::decode(value).map_err(RecordError::from);
    record.and_then(record::read_script).map_err(|source| StoreError::Record {
        name: Name { space: Space::Scripts, key: Key::Script(job).bytes() },
        source,
    })
}
