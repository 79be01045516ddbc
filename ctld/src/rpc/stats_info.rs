//! sdiag: what was counted since the start or the last reset.

use std::cmp::Reverse;

use protocol::msg::{
    Counters, RpcByType, RpcByUser, RpcStats, StatsInfo, StatsRequest, stats_command,
};
use protocol::shape;
use protocol::{Errno, Number, Version};

use super::visible::is_admin;
use super::{Failure, Reply, Request, Row};
use crate::counters::Count;
use crate::view::View;

pub(super) const ROWS: &[Row] = &[Row::read(Number::REQUEST_STATS_INFO, stats)];

/// Why a scheduler stops, in the order of the wire: at the end of the queue, at
/// default_queue_depth, at sched_max_job_start, for licenses, at max_rpc_cnt, at max_sched_time.
const SCHEDULER_EXITS: usize = 6;
/// The same of backfill: at the end of the queue, at bf_max_job_start, at bf_max_job_test, at
/// bf_max_time, at bf_node_space_size, because something changed.
const BACKFILL_EXITS: usize = 6;

fn stats(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: StatsRequest = request.decode()?;
    if asked.command == stats_command::RESET {
        if !is_admin(view, request.caller) {
            return Err(Failure::Code(Errno::ESLURM_ACCESS_DENIED));
        }
        view.counters.reset(request.now.0);
        // 23.11 expects the figures of its requests, all of them gone, and no others.
        if request.version >= Version::V24_05 {
            return Ok(request.return_code(Errno::SLURM_SUCCESS));
        }
        return Ok(request.reply(Number::RESPONSE_STATS_INFO, &StatsInfo::default()));
    }
    let body = StatsInfo { counters: Some(counters(view, request)), rpcs: rpcs(view) };
    Ok(request.reply(Number::RESPONSE_STATS_INFO, &body))
}

fn figure(count: &Count) -> u32 {
    u32::try_from(count.get()).unwrap_or(u32::MAX)
}

fn counters(view: &View, request: &Request<'_>) -> Counters {
    let counted = &view.counters;
    let cluster = &view.cluster;
    let running = cluster.active().count();
    let waiting: u64 =
        cluster.queue().map(|job| job.array.as_ref().map_or(1, |role| u64::from(role.len()))).sum();
    let now = shape::Timestamp(request.now.0);
    let mut told = Counters {
        request_time: now,
        start_time: shape::Timestamp(i64::try_from(counted.since.get()).unwrap_or(0)),
        server_thread_count: figure(&counted.connections),
        agent_queue_size: 0,
        agent_count: figure(&counted.messages_to_nodes),
        agent_thread_count: figure(&counted.messages_to_nodes),
        jobs_submitted: figure(&counted.jobs_submitted),
        jobs_started: figure(&counted.jobs_started),
        jobs_completed: figure(&counted.jobs_completed),
        jobs_canceled: figure(&counted.jobs_canceled),
        jobs_failed: figure(&counted.jobs_failed),
        jobs_pending: u32::try_from(waiting).unwrap_or(u32::MAX),
        jobs_running: u32::try_from(running).unwrap_or(u32::MAX),
        job_states_time: now,
        ..Counters::default()
    };
    tell_scheduler(view, &mut told);
    tell_backfill(view, &mut told);
    told
}

fn tell_scheduler(view: &View, told: &mut Counters) {
    let counted = &view.counters;
    told.schedule_cycle_max = figure(&counted.schedule_time_us_max);
    told.schedule_cycle_last = figure(&counted.schedule_time_us_last);
    told.set_schedule_cycle_sum(counted.schedule_time_us.get());
    told.schedule_cycle_counter = figure(&counted.schedule_cycles);
    told.schedule_cycle_depth = figure(&counted.schedule_depth);
    told.schedule_queue_len = figure(&counted.schedule_queue_len);
    told.schedule_exit = vec![0; SCHEDULER_EXITS];
    told.schedule_exit[0] = figure(&counted.schedule_whole);
    told.schedule_exit[1] = figure(&counted.schedule_cut);
}

fn tell_backfill(view: &View, told: &mut Counters) {
    let counted = &view.counters;
    told.backfilled_jobs = figure(&counted.backfilled_jobs);
    told.backfilled_het_jobs = figure(&counted.backfilled_components);
    told.last_backfilled_jobs = figure(&counted.backfilled_jobs_today);
    told.bf_cycle_counter = figure(&counted.backfill_cycles);
    told.bf_cycle_sum = counted.backfill_time_us.get();
    told.bf_cycle_last = figure(&counted.backfill_time_us_last);
    told.bf_cycle_max = figure(&counted.backfill_time_us_max);
    let last = i64::try_from(counted.backfill_last.get()).unwrap_or(0);
    told.bf_when_last_cycle = shape::Timestamp(last);
    // Every job that is looked at is tried.
    told.bf_last_depth = figure(&counted.backfill_depth_last);
    told.bf_last_depth_try = told.bf_last_depth;
    told.bf_depth_sum = figure(&counted.backfill_depth);
    told.bf_depth_try_sum = told.bf_depth_sum;
    told.bf_queue_len = figure(&counted.backfill_queue_len);
    told.bf_queue_len_sum = figure(&counted.backfill_queue_len_sum);
    told.bf_exit = vec![0; BACKFILL_EXITS];
}

/// Requests by kind and by user, the most frequent first.
fn rpcs(view: &View) -> RpcStats {
    let counted = &view.counters;
    let kinds = counted.by_message.iter().map(|entry| RpcByType {
        number: Number(*entry.key()),
        count: u32::try_from(entry.count).unwrap_or(u32::MAX),
        time: entry.time_us,
        ..RpcByType::default()
    });
    let users = counted.by_user.iter().map(|entry| RpcByUser {
        user_id: *entry.key(),
        count: u32::try_from(entry.count).unwrap_or(u32::MAX),
        time: entry.time_us,
    });
    let (mut by_type, mut by_user): (Vec<_>, Vec<_>) = (kinds.collect(), users.collect());
    by_type.sort_by_key(|row| (Reverse(row.count), row.number));
    by_user.sort_by_key(|row| (Reverse(row.count), row.user_id));
    RpcStats { by_type, by_user, ..RpcStats::default() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ctld_core::Caller;
    use model::{Change, Gid, Uid};
    use protocol::wire::from_bytes;

    use super::*;
    use crate::rpc::fixtures::{self, NOW};

    fn ask(view: &View, version: Version, caller: u32, command: u16) -> Result<Reply, Failure> {
        let body = fixtures::bytes(&StatsRequest { command }, version);
        let mut request = fixtures::request(Number::REQUEST_STATS_INFO, version, &body);
        request.caller = Caller { uid: Uid(caller), gid: Gid(caller) };
        stats(view, &request)
    }

    #[test]
    fn figures_are_those_that_were_counted_and_a_reset_ends_them() {
        let mut view = fixtures::golden();
        view.cluster.apply(&Change::Job(Arc::new(fixtures::job(1))));
        view.counters.jobs_submitted.add(7);
        view.counters.schedule_time_us.add(30);
        view.counters.answered(2009, 0, 100);
        view.counters.answered(2009, 0, 50);
        view.counters.answered(1008, 1000, 1);
        for version in Version::ALL {
            let reply = ask(&view, version, 1000, stats_command::GET).unwrap();
            let reply: StatsInfo = from_bytes(&reply.body, version).unwrap();
            let counters = reply.counters.unwrap();
            assert_eq!((counters.jobs_submitted, counters.jobs_pending), (7, 1));
            assert_eq!(counters.schedule_exit.len(), SCHEDULER_EXITS);
            let first = &reply.rpcs.by_type[0];
            assert_eq!((first.number.0, first.count, first.time), (2009, 2, 150));
            assert_eq!(reply.rpcs.by_user.len(), 2);
        }
        let refused = ask(&view, Version::NEWEST, 1000, stats_command::RESET).unwrap_err();
        assert_eq!(refused, Failure::Code(Errno::ESLURM_ACCESS_DENIED));
        let reply = ask(&view, Version::NEWEST, 0, stats_command::RESET).unwrap();
        assert_eq!(reply.number, Number::RESPONSE_SLURM_RC);
        let reply = ask(&view, Version::OLDEST, 0, stats_command::RESET).unwrap();
        let reply: StatsInfo = from_bytes(&reply.body, Version::OLDEST).unwrap();
        assert_eq!((reply.counters, reply.rpcs.by_type.len()), (None, 0));
        assert_eq!(view.counters.since.get(), u64::try_from(NOW.0).unwrap());
        assert_eq!(view.counters.jobs_submitted.get(), 0);
    }

    #[test]
    fn there_are_as_many_reasons_to_stop_as_stock_controllers_tell() {
        for frame in fixtures::captured(Number::RESPONSE_STATS_INFO) {
            let version = frame.header.version;
            let stock: StatsInfo = from_bytes(&frame.body, version).unwrap();
            let stock = stock.counters.unwrap();
            let reply = ask(&fixtures::golden(), version, 0, stats_command::GET).unwrap();
            let ours: StatsInfo = from_bytes(&reply.body, version).unwrap();
            let ours = ours.counters.unwrap();
            assert_eq!(ours.schedule_exit.len(), stock.schedule_exit.len(), "{version}");
            assert_eq!(ours.bf_exit.len(), stock.bf_exit.len(), "{version}");
        }
    }
}
