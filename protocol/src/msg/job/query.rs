//! Queries about jobs, and their replies.

use crate::msg::{JobInfo, JobOrStepId, JobState, Ready, ShowFlags};
use crate::shape::{Bitmap, Limit, NullOr, Sentinel, Timestamp};
use crate::version::Version;
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_JOB_INFO`: all jobs, or those listed. From squeue and others, answered by
    /// `RESPONSE_JOB_INFO`, or by the return code "no change".
    pub struct JobInfoRequest {
        /// What the client has: if nothing changed since, it is told so. 0 asks for all.
        pub last_update: Timestamp,
        /// What to show.
        pub show_flags: ShowFlags,
        /// The jobs; NULL for all.
        pub job_ids: NullOr<u32>,
    }
}

wire_struct! {
    /// A question about one job: `REQUEST_JOB_INFO_SINGLE` (answered by `RESPONSE_JOB_INFO`),
    /// `REQUEST_JOB_READY` (`RESPONSE_JOB_READY`), `REQUEST_BATCH_SCRIPT`
    /// (`RESPONSE_BATCH_SCRIPT`), `REQUEST_RESOURCE_LAYOUT` (`RESPONSE_RESOURCE_LAYOUT`, 25.11+).
    /// From clients.
    pub struct JobQuery {
        /// The job.
        pub job: JobOrStepId,
        /// What to show.
        pub show_flags: ShowFlags,
    }
}

wire_struct! {
    /// `REQUEST_JOB_USER_INFO`: the jobs of a user. From `squeue --me`, answered by
    /// `RESPONSE_JOB_INFO`.
    pub struct JobUserQuery {
        /// The user.
        pub user_id: u32,
        /// What to show.
        pub show_flags: ShowFlags,
    }
}

wire_struct! {
    /// `RESPONSE_JOB_READY`: whether the nodes of a job can be used. From the controller. The
    /// same body answers as `RESPONSE_PROLOG_EXECUTING` while a prolog runs.
    pub struct JobReady {
        /// What is ready.
        pub ready: Ready,
    }
}

wire_struct! {
    /// `RESPONSE_BATCH_SCRIPT`: the script of a batch job. From the controller.
    pub struct BatchScript {
        /// The text.
        pub script: Option<String>,
    }
}

/// `RESPONSE_JOB_INFO`: jobs. From the controller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobInfoResponse {
    /// When the jobs last changed.
    pub last_update: Timestamp,
    /// When the backfill scheduler last ran.
    pub last_backfill: Timestamp,
    /// The jobs.
    pub jobs: Vec<JobInfo>,
}

impl Wire for JobInfoResponse {
    fn encode(&self, w: &mut Writer) {
        w.count(self.jobs.len());
        self.last_update.encode(w);
        self.last_backfill.encode(w);
        for job in &self.jobs {
            job.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u32::decode(r)?;
        let last_update = Timestamp::decode(r)?;
        let last_backfill = Timestamp::decode(r)?;
        let count = r.bounded(count)?;
        let jobs = r.items(count).map_err(|e| e.within("jobs"))?;
        Ok(Self { last_update, last_backfill, jobs })
    }
}

/// A `RESPONSE_JOB_INFO` body made of records that are already encoded, so that a squeue storm
/// costs memory copies. Its head is the same in all releases.
#[derive(Clone, Debug)]
pub struct JobInfoBody {
    bytes: Vec<u8>,
    count: u32,
}

impl JobInfoBody {
    /// A body without jobs.
    pub fn new(last_update: Timestamp, last_backfill: Timestamp) -> Self {
        let mut w = Writer::new(Version::NEWEST);
        0u32.encode(&mut w);
        last_update.encode(&mut w);
        last_backfill.encode(&mut w);
        Self { bytes: w.into_bytes(), count: 0 }
    }

    /// Adds a [`JobInfo`] that was encoded in the version of the reply.
    pub fn push(&mut self, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.count += 1;
    }

    /// Counts records that will follow these bytes.
    pub fn expect(&mut self, records: u32) {
        self.count += records;
    }

    /// How many jobs it has.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The body.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.bytes[..4].copy_from_slice(&self.count.to_be_bytes());
        self.bytes
    }
}

wire_struct! {
    /// `REQUEST_JOB_STATE`: the states of jobs, nothing more. From `squeue --only-job-state` and
    /// slurmrestd, answered by `RESPONSE_JOB_STATE`.
    pub struct JobStateRequest {
        /// The jobs; none asks for all.
        pub jobs: Vec<JobStateSelector>,
    }
}

wire_struct! {
    /// A job, an array, one of its tasks or a component.
    pub struct JobStateSelector {
        /// The job.
        pub job_id: u32,
        /// The task of the array.
        pub array_task_id: Limit<u32>,
        /// The component of the heterogeneous job.
        pub het_job_offset: Limit<u32>,
    }
}

wire_struct! {
    /// `RESPONSE_JOB_STATE`: the states of jobs. From the controller.
    pub struct JobStateResponse {
        /// The jobs.
        pub jobs: Vec<JobStateRecord>,
    }
}

/// The state of one job. The fields of arrays are on the wire for members of arrays, the leader of
/// a heterogeneous job for others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobStateRecord {
    /// The job.
    pub job_id: u32,
    /// The array that it belongs to, or 0.
    pub array_job_id: u32,
    /// Its index in the array.
    pub array_task_id: Limit<u32>,
    /// Indexes that have not been split off.
    pub array_task_id_bitmap: Option<Bitmap>,
    /// Leader of the heterogeneous job, or 0.
    pub het_job_id: u32,
    /// Its state.
    pub state: JobState,
}

impl Wire for JobStateRecord {
    fn encode(&self, w: &mut Writer) {
        self.job_id.encode(w);
        self.array_job_id.encode(w);
        if self.array_job_id == 0 {
            self.het_job_id.encode(w);
        } else {
            self.array_task_id.encode(w);
            self.array_task_id_bitmap.encode(w);
        }
        self.state.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut record = Self {
            job_id: u32::decode(r)?,
            array_job_id: u32::decode(r)?,
            array_task_id: Limit::from_raw(u32::NO_VAL),
            ..Self::default()
        };
        if record.array_job_id == 0 {
            record.het_job_id = u32::decode(r)?;
        } else {
            record.array_task_id = Limit::decode(r)?;
            record.array_task_id_bitmap = Option::decode(r)?;
        }
        record.state = JobState::decode(r)?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::{JobInfoBody, JobInfoResponse, JobStateRecord, JobStateResponse};
    use crate::msg::{JobInfo, JobState, StepId};
    use crate::shape::{Bitmap, Limit, Timestamp};
    use crate::version::Version;
    use crate::wire::{from_bytes, to_bytes};

    #[test]
    fn a_body_of_encoded_records_is_the_reply() {
        let job = |id| JobInfo { step_id: StepId::job(id), ..JobInfo::default() };
        let reply = JobInfoResponse {
            last_update: Timestamp(7),
            last_backfill: Timestamp(8),
            jobs: vec![job(1), job(2)],
        };
        for version in Version::ALL {
            let mut body = JobInfoBody::new(reply.last_update, reply.last_backfill);
            for job in &reply.jobs {
                body.push(&to_bytes(job, version));
            }
            assert_eq!(body.count(), 2);
            assert_eq!(body.into_bytes(), to_bytes(&reply, version), "{version}");
        }
    }

    #[test]
    fn states_of_arrays_and_of_others_have_their_own_fields() {
        let reply = JobStateResponse {
            jobs: vec![
                JobStateRecord { job_id: 3, het_job_id: 2, ..JobStateRecord::default() },
                JobStateRecord {
                    job_id: 5,
                    array_job_id: 5,
                    array_task_id: Limit::Unset,
                    array_task_id_bitmap: Some(Bitmap::with(4, [1, 3])),
                    het_job_id: 0,
                    state: JobState::PENDING,
                },
            ],
        };
        for version in Version::ALL {
            let bytes = to_bytes(&reply, version);
            assert_eq!(from_bytes(&bytes, version), Ok(reply.clone()));
        }
    }
}
