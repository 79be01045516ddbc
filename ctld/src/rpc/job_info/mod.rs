//! Jobs, as squeue and scontrol are told of them.

mod record;
mod resources;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use model::{Job, JobId, Uid};
use protocol::msg::{JobInfoBody, JobInfoRequest, JobQuery, JobUserQuery, ShowFlags};
use protocol::shape;
use protocol::wire::to_bytes;
use protocol::{Errno, Number, Version};

use self::record::Records;
use self::resources::resource_layout;
use super::cache::Sources;
use super::field::unless_known;
use super::submit::is_default_output as is_default;
use super::visible::Sight;
use super::{Failure, Reply, Request, Row};
use crate::view::View;

pub(super) use self::record::array_tasks;

pub(super) const ROWS: &[Row] = &[
    Row::read(Number::REQUEST_JOB_INFO, jobs),
    Row::read(Number::REQUEST_JOB_INFO_SINGLE, one_job),
    Row::read(Number::REQUEST_JOB_USER_INFO, jobs_of_user),
    Row::read(Number::REQUEST_RESOURCE_LAYOUT, resource_layout),
];

/// squeue; with a list of jobs, only those.
fn jobs(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: JobInfoRequest = request.decode()?;
    unless_known(asked.last_update, view.changed.jobs)?;
    let sight = Sight::of_jobs(view, request, asked.show_flags);
    let cluster = &view.cluster;
    let mut answer = Answer::new(view, request, asked.show_flags);
    match &asked.job_ids.0 {
        None => {
            answer.reserve(cluster.job_records());
            cluster.jobs().filter(|job| sight.job(job)).for_each(|job| answer.add(job));
        }
        Some(ids) => {
            let jobs = ids.iter().filter_map(|id| cluster.job(JobId(*id)));
            jobs.filter(|job| sight.job(job)).for_each(|job| answer.add(job));
        }
    }
    Ok(answer.finish())
}

/// `squeue --user` of one user.
fn jobs_of_user(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: JobUserQuery = request.decode()?;
    let sight = Sight::of_jobs(view, request, asked.show_flags);
    let mut answer = Answer::new(view, request, asked.show_flags);
    let jobs = view.cluster.jobs_of(Uid(asked.user_id));
    jobs.filter(|job| sight.job(job)).for_each(|job| answer.add(job));
    Ok(answer.finish())
}

/// `scontrol show job ID`, `squeue -j ID`: a job, an array's record and those of all its tasks, or all
/// components of the heterogeneous job of this number.
fn one_job(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: JobQuery = request.decode()?;
    let sight = Sight::of_jobs(view, request, asked.show_flags);
    let mut answer = Answer::new(view, request, asked.show_flags);
    let id = JobId(asked.job.job_id());
    let own = view.cluster.job(id);
    let others = view.cluster.array_records(id).filter(|job| job.id != id);
    let leads = own.filter(|job| job.het.as_ref().is_some_and(|role| role.is_leader()));
    let components = leads.into_iter().flat_map(|leader| view.cluster.components(leader).skip(1));
    let others = others.chain(components);
    own.into_iter().chain(others).filter(|job| sight.owner(job)).for_each(|job| answer.add(job));
    if answer.body.count() == 0 {
        return Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID));
    }
    Ok(answer.finish())
}

/// A reply in the making.
struct Answer<'a> {
    view: &'a View,
    version: Version,
    flags: ShowFlags,
    records: Records<'a>,
    body: JobInfoBody,
}

/// About what a record takes: a reply of many grows in one piece.
const RECORD_BYTES: usize = 800;

impl<'a> Answer<'a> {
    fn new(view: &'a View, request: &Request<'_>, flags: ShowFlags) -> Self {
        let records = Records::new(view, request.now, flags);
        let body = empty_body(view, request, 0);
        Self { view, version: request.version, flags, records, body }
    }

    fn reserve(&mut self, jobs: usize) {
        self.body.reserve(jobs.saturating_mul(RECORD_BYTES));
    }

    fn add(&mut self, job: &Arc<Job>) {
        let encode = || {
            let mut info = self.records.record(job);
            // Clients up to 25.05 make the default path themselves, and an absolute one.
            if self.version < Version::V25_11 && info.std_out.as_deref().is_some_and(is_default) {
                info.std_out = None;
            }
            to_bytes(&info, self.version)
        };
        // Details and expectations that have passed hang on more than the record.
        if self.flags.has(ShowFlags::DETAIL) || self.records.goes_by_the_clock(job) {
            self.body.push(&encode());
            return;
        }
        let cluster = &self.view.cluster;
        let of = Sources {
            job: Arc::clone(job),
            partition: cluster.partition(&job.partition).cloned(),
            config: Arc::clone(cluster.config()),
            node_places: cluster.node_table_len(),
            flags: if self.version < Version::V24_11 { self.flags.0 } else { 0 },
        };
        self.body.push(&self.view.encoded.job(of, self.version, encode));
    }

    fn finish(self) -> Reply {
        Reply { number: Number::RESPONSE_JOB_INFO, body: self.body.into_bytes(), version: None }
    }
}

fn empty_body(view: &View, request: &Request<'_>, bytes: usize) -> JobInfoBody {
    let last_backfill = i64::try_from(view.counters.backfill_last.get()).unwrap_or(0);
    let (now, last_backfill) = (shape::Timestamp(request.now.0), shape::Timestamp(last_backfill));
    JobInfoBody::with_capacity(now, last_backfill, bytes)
}
