//! Jobs, as squeue and scontrol are told of them.

mod record;
mod resources;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use model::{Job, JobId, Timestamp, Uid};
use protocol::msg::{JobFlags, JobInfoBody, JobInfoRequest, JobQuery, JobUserQuery, ShowFlags};
use protocol::shape;
use protocol::wire::to_bytes;
use protocol::{Errno, Number, Version};

use self::record::Records;
use self::resources::resource_layout;
use super::cache::{Form, Table};
use super::field::unless_known;
use super::sheet::{Parts, Sheet};
use super::submit::is_default_output as is_default;
use super::visible::Sight;
use super::{Failure, Reply, Request, Row, sluid};
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
    let Some(ids) = &asked.job_ids.0 else {
        return Ok(all_jobs(view, request, sight, asked.show_flags));
    };
    let mut answer = Answer::new(view, request, asked.show_flags);
    let jobs = ids.iter().filter_map(|id| view.cluster.job(JobId(*id)));
    jobs.filter(|job| sight.job(job)).for_each(|job| answer.add(job));
    Ok(answer.finish())
}

fn all_jobs(view: &View, request: &Request<'_>, sight: Sight<'_>, flags: ShowFlags) -> Reply {
    let mut answer = Answer::new(view, request, flags);
    if flags.has(ShowFlags::DETAIL) {
        view.cluster.jobs().filter(|job| sight.job(job)).for_each(|job| answer.add(job));
        return answer.finish();
    }
    let sheet = answer.records.sheet();
    if sight.all_jobs() {
        answer.body.expect(sheet.count());
        answer.whole = sheet.whole();
    } else {
        let parts = sheet.walk(|_, job, parts, piece| {
            if sight.job(job) {
                parts.add(piece);
            }
        });
        answer.tail = parts;
    }
    answer.finish()
}

/// `squeue --user` of one user.
fn jobs_of_user(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: JobUserQuery = request.decode()?;
    let sight = Sight::of_jobs(view, request, asked.show_flags);
    let mut answer = Answer::new(view, request, asked.show_flags);
    let owner = Uid(asked.user_id);
    let is_long = view.cluster.numbers_of(owner).nth(LONG).is_some();
    let is_known = is_long && !asked.show_flags.has(ShowFlags::DETAIL);
    let shown = || view.cluster.jobs_of(owner).filter(|job| sight.job(job));
    match is_known {
        true if sight.all_jobs_of(owner) => answer.add_known(view.cluster.numbers_of(owner)),
        true => answer.add_known(shown().map(|job| job.id)),
        false => shown().for_each(|job| answer.add(job)),
    }
    Ok(answer.finish())
}

/// `scontrol show job ID`, `squeue -j ID`: a job, an array's record and those of all its tasks, or all
/// components of the heterogeneous job of this number.
fn one_job(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: JobQuery = request.decode()?;
    let sight = Sight::of_jobs(view, request, asked.show_flags);
    let mut answer = Answer::new(view, request, asked.show_flags);
    let id = sluid::meant(view, request.version, asked.job.0);
    let by_number = asked.job.0.sluid == 0;
    let own = view.cluster.job(id);
    // A unique id is one record's.
    let others = view.cluster.array_records(id).filter(|job| job.id != id && by_number);
    let leads = own.filter(|job| job.het.as_ref().is_some_and(|role| role.is_leader()));
    let components = leads.into_iter().flat_map(|leader| view.cluster.components(leader).skip(1));
    let others = others.chain(components);
    own.into_iter().chain(others).filter(|job| sight.owner(job)).for_each(|job| answer.add(job));
    if answer.is_empty() {
        return Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID));
    }
    Ok(answer.finish())
}

/// A user with more jobs than this is answered out of the encoded table.
const LONG: usize = 64;

/// A reply in the making.
struct Answer<'a> {
    records: Encoder<'a>,
    body: JobInfoBody,
    tail: Parts,
    whole: Vec<Bytes>,
}

impl<'a> Answer<'a> {
    fn new(view: &'a View, request: &Request<'_>, flags: ShowFlags) -> Self {
        let last_backfill = i64::try_from(view.counters.backfill_last.get()).unwrap_or(0);
        let (now, last_backfill) =
            (shape::Timestamp(request.now.0), shape::Timestamp(last_backfill));
        Self {
            records: Encoder::new(view, request, flags),
            body: JobInfoBody::new(now, last_backfill),
            tail: Parts::default(),
            whole: Vec::new(),
        }
    }

    fn add(&mut self, job: &Job) {
        self.tail.add_own(self.records.encode(job));
    }

    /// Adds jobs out of the encoded table, which is as new as the view: they are not looked at.
    fn add_known(&mut self, jobs: impl Iterator<Item = JobId>) {
        let sheet = self.records.sheet();
        jobs.filter_map(|id| sheet.at(id.0)).for_each(|piece| self.tail.add(piece));
    }

    fn is_empty(&self) -> bool {
        self.tail.count() == 0
    }

    fn finish(mut self) -> Reply {
        self.body.expect(self.tail.count());
        self.whole.extend(self.tail.into_bytes());
        Reply {
            number: Number::RESPONSE_JOB_INFO,
            body: self.body.into_bytes(),
            tail: self.whole,
            version: None,
        }
    }
}

/// Encodes records for one request.
struct Encoder<'a> {
    view: &'a View,
    now: Timestamp,
    form: Form,
    records: Records<'a>,
}

impl<'a> Encoder<'a> {
    fn new(view: &'a View, request: &Request<'_>, flags: ShowFlags) -> Self {
        let (version, now) = (request.version, request.now);
        // Up to 24.05 the flags of the request stand in each record.
        let in_record = if version < Version::V24_11 { flags.0 } else { 0 };
        let form = Form { version, flags: in_record };
        Self { view, now, form, records: Records::new(view, now, flags) }
    }

    fn encode(&self, job: &Job) -> Vec<u8> {
        let version = self.form.version;
        let mut info = self.records.record(job);
        // Clients up to 25.05 make the default path themselves, and an absolute one.
        if version < Version::V25_11 && info.std_out.as_deref().is_some_and(is_default) {
            info.std_out = None;
        }
        if version < Version::V26_05 {
            info.bitflags = info.bitflags.without(JobFlags::IMPLICIT_MAX_NODES);
        }
        to_bytes(&info, version)
    }

    /// All jobs without details, which hang on more than the jobs.
    fn sheet(&self) -> Sheet<Arc<Job>> {
        let table = Table {
            revision: self.view.changed.revision.jobs,
            altered: Some(&self.view.altered),
            entries_in: |places| self.view.cluster.jobs_numbered(places),
        };
        let encode = |(_, job): (JobId, &Arc<Job>)| self.encode(job);
        self.view.encoded.jobs.renewed((self.view, self.now), self.form, table, encode)
    }
}
