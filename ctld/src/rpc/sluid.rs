//! The unique id of a run of a job over all clusters and times (24.11+): clients of 26.05 show it,
//! and take it for a job's number. Every message about a job carries it, as those of stock
//! controllers of 25.11 and later do, so that a node can tell a run from the one before.
//!
//! A stock controller counts them up: 12 bits of the cluster, 42 of the time in milliseconds, 10 of
//! a sequence. Here it follows from what is remembered of a job anyway: the second of its submission
//! and its number, which tells jobs of one second apart. A requeued job is submitted anew and gets
//! another one, as there.

use std::borrow::Cow;
use std::sync::Arc;

use model::{Job, JobId, StepNumber};
use protocol::msg::StepId;
use protocol::{Version, sluid};

use super::node_message;
use crate::view::View;

/// The ids of one second: milliseconds times sequence.
const A_SECOND: u64 = 1000 << 10;
/// All of an id but the number of its cluster.
const TIME_AND_PLACE: u64 = (1 << 52) - 1;

/// The id of a job.
pub fn of(view: &View, job: &Job) -> u64 {
    let second = u64::try_from(job.submitted.0).unwrap_or(0);
    let place = u64::from(job.id.0) % A_SECOND;
    let time = ((second * 1000) << 10) + place;
    (cluster(&view.cluster.config().cluster_name) << 52) | (time & TIME_AND_PLACE)
}

/// A job as messages name it.
pub fn job(view: &View, job: &Job) -> StepId {
    StepId { sluid: of(view, job), ..StepId::job(job.id.0) }
}

/// A step as messages name it.
pub fn step(view: &View, job: &Job, step: StepNumber) -> StepId {
    StepId { sluid: of(view, job), ..node_message::step_id(job.id.0, step) }
}

/// A job, or one of its steps, as messages name it: as it is now, without its unique id once it is
/// forgotten.
pub fn named(view: &View, id: StepId) -> StepId {
    let sluid = view.cluster.job(JobId(id.job_id)).map_or(0, |job| of(view, job));
    StepId { sluid, ..id }
}

/// The number of a cluster, 2 to 4095: it follows from the name, so that it outlives the state.
fn cluster(name: &str) -> u64 {
    // FNV-1a, 64 bits.
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, mix) % 4094 + 2
}

/// The number of the job that a text names by its id; any other text as it is.
pub(super) fn number<'t>(view: &View, text: &'t str) -> Cow<'t, str> {
    let job = sluid::parse(text).and_then(|id| find(view, id));
    job.map_or(Cow::Borrowed(text), |job| Cow::Owned(job.id.to_string()))
}

/// The job that a request means: by its unique id if there is one, by its number if not. An id that
/// is no job's, or of another run, means none: 0.
///
/// Up to 25.05 nobody gives this field a meaning.
pub fn meant(view: &View, version: Version, id: StepId) -> JobId {
    if id.sluid == 0 || version < Version::V25_11 {
        return JobId(id.job_id);
    }
    find(view, id.sluid).map_or(JobId(0), |job| job.id)
}

/// A job by its unique id, which tells its number but for multiples of [`A_SECOND`].
fn find(view: &View, id: u64) -> Option<&Arc<Job>> {
    let first = u32::try_from((id & TIME_AND_PLACE) % A_SECOND).ok()?;
    let step = usize::try_from(A_SECOND).ok()?;
    let numbers = (first..view.cluster.counters().next_job).step_by(step);
    numbers.filter_map(|number| view.cluster.job(JobId(number))).find(|job| of(view, job) == id)
}

#[cfg(test)]
mod tests {
    use model::{Change, Timestamp};
    use protocol::shape::Sentinel;

    use super::*;
    use crate::rpc::fixtures;

    #[test]
    fn each_run_of_each_job_has_its_own_id_and_is_found_by_it() {
        let mut view = fixtures::golden();
        let mut ids = Vec::new();
        for (id, submitted) in [(1, 100), (2, 100), (2, 101), (3, 101)] {
            let mut job = fixtures::job(id);
            job.submitted = Timestamp(submitted);
            ids.push(of(&view, &job));
            view.cluster.apply(&Change::Job(Arc::new(job)));
        }
        let counters = model::Counters { next_job: 4, ..view.cluster.counters() };
        view.cluster.apply(&Change::Counters(counters));
        assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        assert_eq!((ids[3] >> 10) & ((1 << 42) - 1), 101_000, "the time is in it");
        assert!((2..4096).contains(&(ids[0] >> 52)));
        assert_eq!(number(&view, &sluid::to_text(ids[3])), JobId(3).to_string());
        let gone = sluid::to_text(ids[1]);
        assert_eq!(number(&view, &gone), gone, "the first run of job 2 is over");
        assert_eq!(number(&view, "2_[1-3]"), "2_[1-3]");
        // A late report of a run that is over is about no job, whatever number it names.
        let id = |sluid, job| StepId { sluid, ..StepId::job(job) };
        let mean = |id| meant(&view, Version::V25_11, id);
        assert_eq!((mean(id(ids[2], 2)), mean(id(ids[1], 2))), (JobId(2), JobId(0)));
        assert_eq!((mean(id(ids[3], u32::NO_VAL)), mean(id(0, 3))), (JobId(3), JobId(3)));
        assert_eq!(meant(&view, Version::V25_05, id(ids[1], 2)), JobId(2), "no meaning there");
    }
}
