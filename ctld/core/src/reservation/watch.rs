//! Reservations begin, end, come again and go, as time passes.

use std::sync::Arc;

use model::{
    Change, Counters, Exit, Job, Outcome, Phase, Reservation, ReservationFlags as F, Timestamp,
    WaitReason,
};

use super::{check, create, delete, replace};
use crate::effect::{Effect, NodeMessage};
use crate::hook::Hook;
use crate::job;
use crate::turn::Turn;

/// How often one that comes again may have been missed: an hour's one for a year.
const MISSED_MAX: u32 = 9000;

/// A second has gone by.
pub(crate) fn ticked(turn: &mut Turn<'_>) {
    if !turn.cluster().has_reservations() {
        return;
    }
    let all: Vec<Arc<Reservation>> = turn.cluster().reservations().cloned().collect();
    for one in all {
        noticed(turn, &one.name);
        let Some(one) = turn.cluster().reservation(&one.name).cloned() else { continue };
        let one = followed(turn, one);
        end_jobs(turn, &one);
        if is_done(turn, &one) || is_past(turn, &one) {
            passed(turn, &one);
        } else if let Some(one) = turn.cluster().reservation(&one.name).cloned() {
            replace::replaced(turn, &one);
        }
    }
}

/// Notices that its time has begun or ended.
pub(super) fn noticed(turn: &mut Turn<'_>, name: &str) {
    let Some(one) = turn.cluster().reservation(name).cloned() else { return };
    let begun = one.begun || one.start <= turn.now;
    let over = one.over || one.end <= turn.now;
    if (begun, over) != (one.begun, one.over) {
        edit(turn, &one, |one| (one.begun, one.over) = (begun, over));
        tell(turn, &one, begun, over);
        turn.emit(Effect::Schedule);
    }
}

/// Has the programs run for what has become of it: that it has begun, that it is over.
fn tell(turn: &mut Turn<'_>, one: &Reservation, begun: bool, over: bool) {
    for (hook, is_new) in [(Hook::Prolog, begun && !one.begun), (Hook::Epilog, over && !one.over)] {
        if is_new {
            turn.emit(Effect::RunReservation { name: Arc::clone(&one.name), hook });
        }
    }
}

/// Records it as `change` leaves it.
fn edit(turn: &mut Turn<'_>, one: &Reservation, change: impl FnOnce(&mut Reservation)) {
    let mut edited = one.clone();
    change(&mut edited);
    turn.record(Change::Reservation(Arc::new(edited)));
}

/// One of all nodes, or of all of its partition, has what these have now (24.11).
fn followed(turn: &mut Turn<'_>, one: Arc<Reservation>) -> Arc<Reservation> {
    let partition = one.partition.as_ref().and_then(|name| turn.cluster().partition(name));
    let of_partition = one.flags.has(F::PART_NODES) && partition.is_some();
    if !(one.flags.has(F::ALL_NODES) || of_partition) || !one.has_whole_nodes() {
        return one;
    }
    let nodes = check::all_nodes(turn, &one);
    if nodes.is_empty() || *nodes == *one.nodes {
        return one;
    }
    edit(turn, &one, |one| one.nodes = nodes.into());
    turn.emit(Effect::Schedule);
    turn.cluster().reservation(&one.name).cloned().unwrap_or(one)
}

/// Ends jobs that are in it past its end and the minutes that ResvOverRun gives.
fn end_jobs(turn: &mut Turn<'_>, one: &Reservation) {
    let over_run_min = turn.cluster().config().resv_over_run_min;
    let latest = one.end.plus_s(u64::from(over_run_min) * 60);
    // UNLIMITED (0xffff): they are never ended.
    if one.flags.has(F::FLEX) || over_run_min == u16::MAX || latest >= turn.now {
        return;
    }
    let runs =
        |job: &&Arc<Job>| matches!(job.phase, Phase::Running(_)) && check::runs_in(job, &one.name);
    let jobs: Vec<Arc<Job>> = turn.cluster().active().filter(runs).cloned().collect();
    for job in jobs {
        let outcome = Outcome { exit: Exit::Timeout, status: 0, derived_status: 0 };
        let message = |job| NodeMessage::KillTimeLimit { job };
        job::end(turn, &job, outcome, WaitReason::TimeLimit, message);
    }
}

/// Whether it has had no job for the time after which it is to end.
fn is_done(turn: &mut Turn<'_>, one: &Arc<Reservation>) -> bool {
    if !one.flags.has(F::PURGE_COMP) || one.start > turn.now {
        return false;
    }
    let runs = delete::is_used(turn, one);
    let is_due = |since| turn.now.since(since) >= one.purge_comp_s.into();
    if !runs && one.idle_since.is_some_and(|since| !is_due(since)) {
        // Whether jobs wait for it is asked when it would end: the queue may be long.
        return false;
    }
    let waits = |job: &Arc<Job>| check::asks_for(job, &one.name);
    let has_jobs = runs || turn.cluster().queue().any(waits);
    match one.idle_since {
        None if !has_jobs => {
            let now = turn.now;
            edit(turn, one, |one| one.idle_since = Some(now));
            one.purge_comp_s == 0
        }
        Some(_) if has_jobs => {
            edit(turn, one, |one| one.idle_since = None);
            false
        }
        Some(since) => one.end > turn.now && is_due(since),
        None => false,
    }
}

/// Whether its time is over and no job is left in it.
fn is_past(turn: &Turn<'_>, one: &Reservation) -> bool {
    let floats = one.flags.has(F::TIME_FLOAT) && one.duration_min.is_some_and(|min| min > 0);
    if one.end >= turn.now || floats {
        return false;
    }
    one.recurs() || one.flags.has(F::FLEX) || !delete::is_used(turn, one)
}

/// It comes again, or is gone.
fn passed(turn: &mut Turn<'_>, one: &Arc<Reservation>) {
    if !skipped(turn, one) {
        tell(turn, one, true, true);
        delete::gone(turn, one);
    }
    turn.emit(Effect::Schedule);
}

/// Moves it on to its next time, until that has not passed; tells whether it has one.
pub(super) fn skipped(turn: &mut Turn<'_>, one: &Arc<Reservation>) -> bool {
    let config = turn.config();
    let next = |one: &Reservation, at: Timestamp| one.next_time(at, &config.zone);
    let Some(mut time) = next(one, turn.now) else {
        return false;
    };
    let mut later = Reservation::clone(one);
    for _ in 0..MISSED_MAX {
        (later.start, later.end) = time;
        if later.end > turn.now {
            break;
        }
        match next(&later, later.end) {
            Some(after) => time = after,
            None => break,
        }
    }
    let counters = turn.cluster().counters();
    // Also for a time that is skipped, as slurmctld has it.
    tell(turn, one, true, true);
    later.id = create::next_number(turn, counters.last_reservation).unwrap_or(one.id);
    (later.idle_since, later.begun, later.over) = (None, false, false);
    turn.record(Change::Counters(Counters { last_reservation: later.id, ..counters }));
    let name = Arc::clone(&later.name);
    turn.record(Change::Reservation(Arc::new(later)));
    noticed(turn, &name);
    true
}
