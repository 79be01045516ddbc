//! What happened, counted: the figures of sdiag.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dashmap::DashMap;
use model::{Exit, Job};

/// A figure that many threads add to.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Raises it to `value`, if that is more.
    pub fn raise(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

/// Whether something has happened already.
#[derive(Debug, Default)]
pub struct Once(AtomicBool);

impl Once {
    /// It happens; tells whether for the first time.
    pub fn first(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

/// Requests that nobody here serves, by message number.
#[derive(Debug, Default)]
pub struct Unknown(DashMap<u16, u64>);

impl Unknown {
    /// Counts one; tells whether it is the first of its number.
    pub fn first_of(&self, number: u16) -> bool {
        let mut count = self.0.entry(number).or_default();
        *count += 1;
        *count == 1
    }

    /// How many there were in all.
    pub fn get(&self) -> u64 {
        self.0.iter().map(|entry| *entry.value()).sum()
    }
}

/// How often something was asked, and how long the answers took in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// How often.
    pub count: u64,
    /// Microseconds.
    pub time_us: u64,
}

impl Asked {
    fn add(&mut self, time_us: u64) {
        self.count += 1;
        self.time_us += time_us;
    }
}

/// Figures since the start, or since `sdiag --reset`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields are sdiag(1)'s lines")]
pub struct Counters {
    /// Seconds since the epoch at which they began.
    pub since: Count,
    pub jobs_submitted: Count,
    pub jobs_started: Count,
    pub jobs_completed: Count,
    pub jobs_canceled: Count,
    pub jobs_failed: Count,
    /// Requests by message number.
    pub by_message: DashMap<u16, Asked>,
    /// Requests by user.
    pub by_user: DashMap<u32, Asked>,
    /// Plans made.
    pub schedule_cycles: Count,
    /// Microseconds spent on them.
    pub schedule_time_us: Count,
    pub schedule_time_us_max: Count,
    pub schedule_time_us_last: Count,
    /// Jobs looked at, all plans together.
    pub schedule_depth: Count,
    pub schedule_queue_len: Count,
    /// Plans that looked at the whole queue, and plans that stopped at a limit.
    pub schedule_whole: Count,
    pub schedule_cut: Count,
    /// Jobs started out of order, and the backfill walks that found them.
    pub backfilled_jobs: Count,
    pub backfill_cycles: Count,
    /// The same since midnight UTC or the last reset.
    pub backfilled_jobs_today: Count,
    /// Components of heterogeneous jobs that were started; stock starts them by backfill alone.
    pub backfilled_components: Count,
    /// Seconds since the epoch at which the last walk began.
    pub backfill_last: Count,
    /// Microseconds spent on walks.
    pub backfill_time_us: Count,
    pub backfill_time_us_max: Count,
    pub backfill_time_us_last: Count,
    /// Jobs looked at, all walks together and in the last.
    pub backfill_depth: Count,
    pub backfill_depth_last: Count,
    /// Jobs that waited, all walks together and at the last.
    pub backfill_queue_len_sum: Count,
    pub backfill_queue_len: Count,
    /// Connections that are being served.
    pub connections: Count,
    /// Messages to nodes that are on their way.
    pub messages_to_nodes: Count,
    /// Requests that are not implemented.
    pub not_implemented: Unknown,
    /// Whether a job has asked to manage its own steps.
    pub stepmgr_asked: Once,
}

impl Counters {
    /// A job is not what it was: `old` is `None` for one that is new. The records that tasks of an
    /// array get of their own are not submissions.
    pub fn job_changed(&self, old: Option<&Job>, new: &Job) {
        let was = |phase: fn(&Job) -> bool| old.is_some_and(phase);
        match old {
            None if new.array_job() == new.id => {
                self.jobs_submitted.add(new.array.as_ref().map_or(1, |role| role.len().into()));
            }
            _ => {}
        }
        if new.is_active() && !was(Job::is_active) {
            self.jobs_started.add(1);
            self.backfilled_components.add(new.het.is_some().into());
        }
        let Some(outcome) = new.outcome.as_ref().filter(|_| !was(|old| old.outcome.is_some()))
        else {
            return;
        };
        match outcome.exit {
            Exit::Completed => self.jobs_completed.add(1),
            Exit::Cancelled { .. } => self.jobs_canceled.add(1),
            Exit::Failed
            | Exit::Timeout
            | Exit::NodeFail
            | Exit::Preempted
            | Exit::BootFail
            | Exit::Deadline
            | Exit::OutOfMemory => self.jobs_failed.add(1),
        }
    }

    /// A request was answered.
    pub fn answered(&self, number: u16, uid: u32, time_us: u64) {
        self.by_message.entry(number).or_default().add(time_us);
        self.by_user.entry(uid).or_default().add(time_us);
    }

    /// `sdiag --reset`.
    pub fn reset(&self, now: i64) {
        self.since.set(u64::try_from(now).unwrap_or(0));
        let figures = [
            &self.jobs_submitted,
            &self.jobs_started,
            &self.jobs_completed,
            &self.jobs_canceled,
            &self.jobs_failed,
            &self.schedule_cycles,
            &self.schedule_time_us,
            &self.schedule_time_us_max,
            &self.schedule_depth,
            &self.schedule_whole,
            &self.schedule_cut,
            &self.backfill_cycles,
            &self.backfilled_jobs_today,
            &self.backfilled_components,
            &self.backfill_time_us,
            &self.backfill_time_us_max,
            &self.backfill_depth,
            &self.backfill_queue_len_sum,
        ];
        for figure in figures {
            figure.set(0);
        }
        self.by_message.clear();
        self.by_user.clear();
    }
}
