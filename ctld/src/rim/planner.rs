//! The scheduler's thread: plans on the published cluster, beside the writer.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ctld_core::Event;
use tokio::sync::oneshot;
use tracing::debug;

use crate::rim::{Rim, now};
use crate::writer::Work;

/// Two plans are at least this far apart: what is submitted together is planned together.
const PAUSE_MIN: Duration = Duration::from_millis(8);
/// And no further than this, or than the last one took.
const PAUSE_LONG: Duration = Duration::from_millis(250);
/// A plan is made this often even if nothing asks for one.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The whole queue is looked at this often (stock's `bf_interval`).
const THOROUGH_EVERY: Duration = Duration::from_secs(30);
/// A queue up to this length is looked at as a whole each time.
const SHORT_QUEUE: usize = 500;

/// Wakes the scheduler.
#[derive(Debug, Default)]
pub struct Planner {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    wanted: bool,
    ending: bool,
}

impl Planner {
    /// A plan is wanted. Many wishes make one plan.
    pub fn want(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Each job's life has several wishes, and to wake somebody is a system call.
        if !std::mem::replace(&mut state.wanted, true) {
            drop(state);
            self.wake.notify_one();
        }
    }

    /// No more plans.
    pub fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).ending = true;
        self.wake.notify_one();
    }

    /// Waits for a wish; `false` at the end.
    fn wait(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |state: &mut State| !state.wanted && !state.ending;
        let (mut state, _) = self
            .wake
            .wait_timeout_while(state, PAUSE_MAX, idle)
            .unwrap_or_else(PoisonError::into_inner);
        state.wanted = false;
        !state.ending
    }

    /// The scheduler's loop. The next plan is made on a cluster that has the last one.
    pub fn run(&self, rim: &Arc<Rim>) {
        let mut looked_at_all = None;
        while self.wait() {
            let view = rim.published.view();
            if view.cluster.queue_len() == 0 {
                let nothing = model::Plan { complete: true, ..model::Plan::default() };
                count(rim, &nothing, Duration::ZERO, 0, false);
                continue;
            }
            let (began, waiting) = (Instant::now(), view.cluster.queue_len());
            let thorough = looked_at_all.is_none_or(|at: Instant| at.elapsed() >= THOROUGH_EVERY)
                || view.cluster.queue_len() <= SHORT_QUEUE;
            let budget = if thorough {
                looked_at_all = Some(began);
                sched::Budget::THOROUGH
            } else {
                sched::Budget::quick(view.cluster.config())
            };
            let plan = sched::plan(&view.cluster, now(), budget);
            drop(view);
            let took = began.elapsed();
            count(rim, &plan, took, waiting, thorough);
            let (reply, applied) = oneshot::channel();
            let work = Work { event: Event::Planned(plan), conf: None, reply: Some(reply) };
            if rim.inbox.blocking_send(work.into()).is_err() || applied.blocking_recv().is_err() {
                return;
            }
            std::thread::sleep(pause(took));
        }
    }
}

/// The pause after a plan that took so long.
///
/// Planning takes a ninth of one core under load, so that it does not take the place of what it plans; but a plan that took
/// long already is not put off for as many times that.
fn pause(took: Duration) -> Duration {
    (took * 8).clamp(PAUSE_MIN, PAUSE_LONG.max(took))
}

/// Counts a plan. A thorough one is what stock does in two: a main cycle and a backfill walk.
fn count(rim: &Rim, plan: &model::Plan, took: Duration, waiting: usize, thorough: bool) {
    let counters = &rim.counters;
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let (examined, waiting) = (u64::from(plan.examined), waiting as u64);
    counters.schedule_cycles.add(1);
    counters.schedule_time_us.add(took_us);
    counters.schedule_time_us_last.set(took_us);
    counters.schedule_time_us_max.raise(took_us);
    counters.schedule_depth.add(examined);
    counters.schedule_queue_len.set(waiting);
    let exit = if plan.complete { &counters.schedule_whole } else { &counters.schedule_cut };
    exit.add(1);
    if thorough {
        counters.backfill_cycles.add(1);
        counters.backfill_last.set(u64::try_from(now().0).unwrap_or(0));
        counters.backfill_time_us.add(took_us);
        counters.backfill_time_us_last.set(took_us);
        counters.backfill_time_us_max.raise(took_us);
        counters.backfill_depth.add(examined);
        counters.backfill_depth_last.set(examined);
        counters.backfill_queue_len.set(waiting);
        counters.backfill_queue_len_sum.add(waiting);
        counters.backfilled_jobs.add(plan.out_of_order.into());
        counters.backfilled_jobs_today.add(plan.out_of_order.into());
    }
    debug!(examined, starts = plan.starts.len(), took_us, "planned");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::pause;

    #[test]
    fn short_plans_take_a_ninth_of_a_core_and_long_ones_a_half() {
        let ms = Duration::from_millis;
        assert_eq!(pause(Duration::from_micros(10)), ms(8));
        assert_eq!(pause(ms(5)), ms(40));
        assert_eq!(pause(ms(100)), ms(250));
        assert_eq!(pause(ms(900)), ms(900));
    }
}
