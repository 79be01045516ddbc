//! What sdiag shows: counters of the controller, its schedulers and its RPCs.

use crate::msg::Codec;
use crate::number::Number;
use crate::shape::Timestamp;
use crate::version::Version::*;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

/// What a [`StatsRequest`] asks for.
pub mod stats_command {
    /// Resets the counters.
    pub const RESET: u16 = 0;
    /// Tells them.
    pub const GET: u16 = 1;
}

wire_struct! {
    /// `REQUEST_STATS_INFO`: from sdiag; [`StatsInfo`] answers, a return code a reset of 24.05+.
    pub struct StatsRequest {
        /// See [`stats_command`].
        pub command: u16,
    }
}

wire_struct! {
    /// Counters of the controller and its schedulers. Durations are microseconds.
    pub struct Counters {
        /// Now.
        pub request_time: Timestamp,
        /// Since when is counted.
        pub start_time: Timestamp,
        /// Threads that serve requests.
        pub server_thread_count: u32,
        /// Messages to nodes that wait.
        pub agent_queue_size: u32,
        /// Agents at work.
        pub agent_count: u32,
        /// Their threads.
        pub agent_thread_count: u32,
        /// Messages to slurmdbd that wait.
        pub dbd_queue_size: u32,
        /// What it takes to read the clock a thousand times.
        pub gettimeofday_latency: u32,
        /// Jobs submitted.
        pub jobs_submitted: u32,
        /// Jobs started.
        pub jobs_started: u32,
        /// Jobs completed.
        pub jobs_completed: u32,
        /// Jobs canceled.
        pub jobs_canceled: u32,
        /// Jobs failed.
        pub jobs_failed: u32,
        /// Jobs pending at `job_states_time`.
        pub jobs_pending: u32,
        /// Jobs running then.
        pub jobs_running: u32,
        /// When those two were counted.
        pub job_states_time: Timestamp,
        /// Longest cycle of the main scheduler.
        pub schedule_cycle_max: u32,
        /// Last one.
        pub schedule_cycle_last: u32,
        /// Sum of all.
        pub schedule_cycle_sum_u32: u32 [..V25_11],
        /// Sum of all.
        pub schedule_cycle_sum_u64: u64 [V25_11..],
        /// How many cycles.
        pub schedule_cycle_counter: u32,
        /// Jobs looked at in all.
        pub schedule_cycle_depth: u32,
        /// How often it stopped for which reason.
        pub schedule_exit: Vec<u32>,
        /// Jobs in the queue at the last cycle.
        pub schedule_queue_len: u32,
        /// Jobs that backfill started since the start.
        pub backfilled_jobs: u32,
        /// Jobs that backfill started since midnight UTC or the reset.
        pub last_backfilled_jobs: u32,
        /// Cycles of backfill.
        pub bf_cycle_counter: u32,
        /// Their sum.
        pub bf_cycle_sum: u64,
        /// Last one.
        pub bf_cycle_last: u32,
        /// Jobs looked at in the last.
        pub bf_last_depth: u32,
        /// Jobs tried in the last.
        pub bf_last_depth_try: u32,
        /// Jobs in the queue at the last.
        pub bf_queue_len: u32,
        /// Longest one.
        pub bf_cycle_max: u32,
        /// When the last was.
        pub bf_when_last_cycle: Timestamp,
        /// Jobs looked at in all.
        pub bf_depth_sum: u32,
        /// Jobs tried in all.
        pub bf_depth_try_sum: u32,
        /// Sum of the queue's lengths.
        pub bf_queue_len_sum: u32,
        /// Entries of the time line at the last cycle.
        pub bf_table_size: u32,
        /// Sum of them.
        pub bf_table_size_sum: u32,
        /// Whether backfill runs now.
        pub bf_active: u32,
        /// Heterogeneous jobs that backfill started.
        pub backfilled_het_jobs: u32,
        /// How often backfill stopped for which reason.
        pub bf_exit: Vec<u32>,
    }
}

impl Counters {
    /// Sets the sum of the main scheduler's cycles: 32 bits of it up to 25.05, 64 later.
    pub fn set_schedule_cycle_sum(&mut self, sum: u64) {
        self.schedule_cycle_sum_u64 = sum;
        self.schedule_cycle_sum_u32 = u32::try_from(sum).unwrap_or(u32::MAX);
    }
}

/// Requests of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RpcByType {
    /// The message.
    pub number: Number,
    /// How many.
    pub count: u32,
    /// What they took in all, microseconds.
    pub time: u64,
    /// What became of those that were queued; told when the queue is in use (24.05+).
    pub queue: RpcQueue,
}

/// Queued requests of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RpcQueue {
    /// In the queue now.
    pub queued: u16,
    /// Dropped.
    pub dropped: u64,
    /// Served in the last cycle.
    pub cycle_last: u16,
    /// Served in the fullest cycle.
    pub cycle_max: u16,
}

/// Requests of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RpcByUser {
    /// The user.
    pub user_id: u32,
    /// How many.
    pub count: u32,
    /// What they took in all, microseconds.
    pub time: u64,
}

/// Messages to nodes that wait, of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PendingByType {
    /// The message.
    pub number: u32,
    /// How many.
    pub count: u32,
}

/// A message to nodes that waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingRpc {
    /// The message.
    pub number: u32,
    /// The nodes, as a host expression.
    pub hosts: Option<String>,
}

/// Counters of RPCs. On the wire each column is an array of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RpcStats {
    /// Requests by kind.
    pub by_type: Vec<RpcByType>,
    /// Whether the queues of requests are in use (`rpc_queue` in slurmctld's parameters; 24.05+).
    pub queue_enabled: bool,
    /// Requests by user.
    pub by_user: Vec<RpcByUser>,
    /// Messages to nodes that wait, by kind.
    pub pending_by_type: Vec<PendingByType>,
    /// Messages to nodes that wait, the first of them.
    pub pending: Vec<PendingRpc>,
}

/// Writes one column.
fn column<T, C: Wire>(w: &mut Writer, rows: &[T], cell: impl Fn(&T) -> C) {
    w.count(rows.len());
    for row in rows {
        cell(row).encode(w);
    }
}

/// Reads one column of as many cells as there are rows.
fn fill<T, C: Wire>(
    r: &mut Reader<'_>,
    rows: &mut [T],
    set: impl Fn(&mut T, C),
) -> Result<(), DecodeError> {
    let before = r.clone();
    let cells: Vec<C> = Wire::decode(r)?;
    if cells.len() != rows.len() {
        let got = cells.len().try_into().unwrap_or(u64::MAX);
        return Err(before.error(Malformed::Unknown { what: "length of a column", got }));
    }
    for (row, cell) in rows.iter_mut().zip(cells) {
        set(row, cell);
    }
    Ok(())
}

/// Rows of which the first column, an array, is next.
fn first<T: Default + Clone, C: Wire>(
    r: &mut Reader<'_>,
    set: impl Fn(&mut T, C),
) -> Result<Vec<T>, DecodeError> {
    let cells: Vec<C> = Wire::decode(r)?;
    let mut rows = vec![T::default(); cells.len()];
    for (row, cell) in rows.iter_mut().zip(cells) {
        set(row, cell);
    }
    Ok(rows)
}

/// Rows of which a count and then the first column, an array, are next.
fn counted<T: Default + Clone, C: Wire>(
    r: &mut Reader<'_>,
    set: impl Fn(&mut T, C),
) -> Result<Vec<T>, DecodeError> {
    let before = r.clone();
    let count = r.count()?;
    let rows = first(r, set)?;
    match rows.len() == count {
        true => Ok(rows),
        false => {
            let got = count.try_into().unwrap_or(u64::MAX);
            Err(before.error(Malformed::Unknown { what: "count of rows", got }))
        }
    }
}

impl Wire for RpcStats {
    fn encode(&self, w: &mut Writer) {
        w.count(self.by_type.len());
        column(w, &self.by_type, |row| row.number);
        column(w, &self.by_type, |row| row.count);
        column(w, &self.by_type, |row| row.time);
        if w.version() >= V24_05 {
            self.queue_enabled.encode(w);
            if self.queue_enabled {
                column(w, &self.by_type, |row| row.queue.queued);
                column(w, &self.by_type, |row| row.queue.dropped);
                column(w, &self.by_type, |row| row.queue.cycle_last);
                column(w, &self.by_type, |row| row.queue.cycle_max);
            }
        }
        w.count(self.by_user.len());
        column(w, &self.by_user, |row| row.user_id);
        column(w, &self.by_user, |row| row.count);
        column(w, &self.by_user, |row| row.time);
        column(w, &self.pending_by_type, |row| row.number);
        column(w, &self.pending_by_type, |row| row.count);
        column(w, &self.pending, |row| row.number);
        column(w, &self.pending, |row| row.hosts.clone());
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut by_type = counted(r, |row: &mut RpcByType, cell| row.number = cell)?;
        fill(r, &mut by_type, |row, cell| row.count = cell)?;
        fill(r, &mut by_type, |row, cell| row.time = cell)?;
        let queue_enabled = r.version() >= V24_05 && bool::decode(r)?;
        if queue_enabled {
            fill(r, &mut by_type, |row, cell| row.queue.queued = cell)?;
            fill(r, &mut by_type, |row, cell| row.queue.dropped = cell)?;
            fill(r, &mut by_type, |row, cell| row.queue.cycle_last = cell)?;
            fill(r, &mut by_type, |row, cell| row.queue.cycle_max = cell)?;
        }
        let mut by_user = counted(r, |row: &mut RpcByUser, cell| row.user_id = cell)?;
        fill(r, &mut by_user, |row, cell| row.count = cell)?;
        fill(r, &mut by_user, |row, cell| row.time = cell)?;
        let mut pending_by_type = first(r, |row: &mut PendingByType, cell| row.number = cell)?;
        fill(r, &mut pending_by_type, |row, cell| row.count = cell)?;
        let mut pending = first(r, |row: &mut PendingRpc, cell| row.number = cell)?;
        fill(r, &mut pending, |row, cell| row.hosts = cell)?;
        Ok(Self { by_type, queue_enabled, by_user, pending_by_type, pending })
    }
}

/// `RESPONSE_STATS_INFO`: the answer to [`StatsRequest`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatsInfo {
    /// Counters; none in 23.11's answer to a reset.
    pub counters: Option<Counters>,
    /// Counters of RPCs.
    pub rpcs: RpcStats,
}

impl Wire for StatsInfo {
    fn encode(&self, w: &mut Writer) {
        if w.version() < V25_11 {
            u32::from(self.counters.is_some()).encode(w);
        }
        match &self.counters {
            Some(counters) => counters.encode(w),
            None if w.version() < V25_11 => {}
            None => Counters::default().encode(w),
        }
        self.rpcs.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let parts = if r.version() < V25_11 { u32::decode(r)? } else { 1 };
        let counters = match parts {
            0 => None,
            1 => Some(Wire::decode(r)?),
            other => {
                let what = Malformed::Unknown { what: "count of parts", got: other.into() };
                return Err(r.error(what));
            }
        };
        Ok(Self { counters, rpcs: Wire::decode(r)? })
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<StatsRequest>(Number::REQUEST_STATS_INFO),
    Codec::of::<StatsInfo>(Number::RESPONSE_STATS_INFO),
];
