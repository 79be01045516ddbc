//! A reservation is altered: all of what was asked or nothing. The order of the checks is that of
//! stock controllers (24.11).

use std::sync::Arc;

use model::{
    Change, Job, NodeId, Reservation, ReservationFlags as F, ReservationFlags, Timestamp, YEAR_S,
};

use super::check::{self, REPLACE_STAYS, REPLACES};
use super::request::{LicensesAsked, NodesAsked, ReservationRequest};
use super::{create, delete, roster, watch};
use crate::access;
use crate::effect::Effect;
use crate::event::Answer;
use crate::reject::{Reject, ReservationReject as R};
use crate::turn::Turn;

/// Seconds that a time may lie in the past.
const LATE_S: i64 = 60;

/// Flags of an update alone: what it clears, and what becomes of the duration (slurm.h).
mod only {
    pub const NO_MAINT: u64 = 1 << 1;
    pub const NO_DAILY: u64 = 1 << 3;
    pub const NO_WEEKLY: u64 = 1 << 5;
    pub const NO_IGNORE_JOBS: u64 = 1 << 7;
    pub const NO_ANY_NODES: u64 = 1 << 9;
    pub const NO_STATIC: u64 = 1 << 11;
    pub const NO_PART_NODES: u64 = 1 << 13;
    pub const NO_WEEKDAY: u64 = 1 << 22;
    pub const NO_WEEKEND: u64 = 1 << 24;
    pub const NO_FLEX: u64 = 1 << 26;
    pub const DURATION_PLUS: u64 = 1 << 27;
    pub const DURATION_MINUS: u64 = 1 << 28;
    pub const NO_PURGE_COMP: u64 = 1 << 31;
    pub const NO_MAGNETIC: u64 = 1 << 33;
    pub const SKIP: u64 = 1 << 34;
    pub const NO_HOURLY: u64 = 1 << 36;
    pub const NO_USER_DELETE: u64 = 1 << 40;
}

/// What is cleared by which flag.
const CLEARED: [(u64, u64); 14] = [
    (only::NO_FLEX, F::FLEX),
    (only::NO_MAINT, F::MAINT),
    (only::NO_IGNORE_JOBS, F::IGNORE_JOBS),
    (only::NO_HOURLY, F::HOURLY),
    (only::NO_DAILY, F::DAILY),
    (only::NO_WEEKDAY, F::WEEKDAY),
    (only::NO_WEEKEND, F::WEEKEND),
    (only::NO_WEEKLY, F::WEEKLY),
    (only::NO_ANY_NODES, F::ANY_NODES),
    (only::NO_STATIC, F::STATIC),
    (only::NO_PART_NODES, F::PART_NODES),
    (only::NO_PURGE_COMP, F::PURGE_COMP),
    (only::NO_MAGNETIC, F::MAGNETIC),
    (only::NO_USER_DELETE, F::USER_DELETE),
];

/// What is set as it is.
const SET: u64 = F::FLEX
    | F::OVERLAP
    | F::IGNORE_JOBS
    | F::ANY_NODES
    | F::PURGE_COMP
    | F::NO_HOLD_JOBS
    | F::MAGNETIC
    | F::USER_DELETE;

/// Somebody alters a reservation. Its users, where they may delete it, may skip a time of it.
pub(crate) fn updated(turn: &mut Turn<'_>, request: &ReservationRequest) -> Result<Answer, Reject> {
    let config = turn.config();
    let old = request.name.as_ref().and_then(|name| turn.cluster().reservation(name)).cloned();
    let flags = request.flags.unwrap_or(0);
    let skips = flags & only::SKIP != 0;
    let by_admin = access::is_admin(&config, request.caller);
    if !by_admin {
        if !skips || !delete::may_delete(turn, old.as_deref(), request.caller) {
            return Err(R::NotYours.into());
        }
        let old = old.ok_or(R::Invalid)?;
        return skip(turn, &old);
    }
    let old = old.ok_or(R::Invalid)?;
    let counts_nodes = request.node_count.is_some() || request.nodes.is_some();
    if request.core_count.is_some() || !old.has_whole_nodes() && counts_nodes {
        return Err(R::CoresStay.into());
    }
    let mut one = Reservation::clone(&old);
    set_flags(request, &mut one)?;
    if skips && !one.recurs() {
        return Err(R::NotSkippable.into());
    }
    set_texts(turn, request, &mut one)?;
    set_people(request, &mut one)?;
    set_times(turn, request, flags, &mut one)?;
    set_nodes(turn, request, &mut one)?;
    check::overlaps(turn, &one)?;
    check::jobs_there(turn, &one)?;
    check::loses_access(turn, &one)?;
    if !check::is_of_something(&one) {
        return Err(R::Invalid.into());
    }
    if skips && delete::is_wanted(turn, &one) {
        return Err(R::InUse.into());
    }
    // It may have begun or ended by that, or not have any more.
    (one.begun, one.over) = (one.start <= turn.now, one.end <= turn.now);
    let one = Arc::new(one);
    turn.record(Change::Reservation(Arc::clone(&one)));
    if skips {
        watch::skipped(turn, &one);
    }
    turn.emit(Effect::Schedule);
    Ok(Answer::Done)
}

fn skip(turn: &mut Turn<'_>, one: &Arc<Reservation>) -> Result<Answer, Reject> {
    if !one.recurs() {
        return Err(R::NotSkippable.into());
    }
    if delete::is_wanted(turn, one) {
        return Err(R::InUse.into());
    }
    watch::skipped(turn, one);
    turn.emit(Effect::Schedule);
    Ok(Answer::Done)
}

fn set_flags(request: &ReservationRequest, one: &mut Reservation) -> Result<(), Reject> {
    let Some(flags) = request.flags else {
        return Ok(());
    };
    let asked = ReservationFlags(flags);
    for (clears, bit) in CLEARED {
        if asked.has(clears) {
            one.flags.set(bit, false);
        }
    }
    if asked.has(only::NO_PURGE_COMP) && request.purge_comp_s.is_none() {
        one.purge_comp_s = create::PURGE_COMP_S;
    }
    one.flags.set(flags & SET, true);
    if asked.has(F::RECURRING) {
        if one.flags.has(F::TIME_FLOAT) {
            let why = "Cannot add a reoccurring flag to a floating reservation";
            return Err(R::NotTogether(why).into());
        }
        let (has, wants) = (one.flags.0 & F::RECURRING, flags & F::RECURRING);
        if has != 0 && has != wants || check::recurs_several_ways(flags) {
            return Err(R::NotTogether(UPDATE_SEVERAL_TIMES).into());
        }
        one.flags.set(wants, true);
    }
    if asked.has(REPLACES) {
        if one.flags.has(F::SPEC_NODES) || !one.has_whole_nodes() {
            return Err(R::NotTogether(
                "Reservation can't be updated with REPLACE or REPLACE_DOWN flags; they should be \
                 updated on a NodeCnt reservation",
            )
            .into());
        }
        if one.flags.has(F::STATIC | F::MAINT) {
            return Err(R::NotTogether(REPLACE_STAYS).into());
        }
        let replaces = if asked.has(F::REPLACE) { F::REPLACE } else { F::REPLACE_DOWN };
        one.flags.set(replaces, true);
    }
    if asked.has(F::STATIC | F::MAINT) {
        if one.flags.has(REPLACES) {
            return Err(R::NotTogether(REPLACE_STAYS).into());
        }
        one.flags.set(if asked.has(F::STATIC) { F::STATIC } else { F::MAINT }, true);
    }
    if asked.has(F::PART_NODES) {
        let given = request.partition.as_ref().filter(|name| !name.is_empty());
        if given.is_none() && one.partition.is_none() {
            return Err(Reject::NoSuchPartition("".into()));
        }
        if request.nodes != Some(NodesAsked::All) {
            return Err(Reject::NoSuchNode("".into()));
        }
        if one.flags.has(REPLACES) {
            return Err(Reject::NotSupported("nodes of a partition that are replaced"));
        }
        one.flags.set(F::PART_NODES, true);
    }
    if asked.has(F::TIME_FLOAT) { Err(Reject::InvalidTime) } else { Ok(()) }
}

const UPDATE_SEVERAL_TIMES: &str = "Cannot update reservation to have multiple reoccurring flags. \
                                    Please specify only one reoccurring flag";

fn set_texts(
    turn: &Turn<'_>,
    request: &ReservationRequest,
    one: &mut Reservation,
) -> Result<(), Reject> {
    let kept = |text: &Arc<str>| (!text.is_empty()).then(|| Arc::clone(text));
    one.max_start_delay_s = request.max_start_delay_s.unwrap_or(one.max_start_delay_s);
    one.purge_comp_s = request.purge_comp_s.unwrap_or(one.purge_comp_s);
    if let Some(name) = &request.partition {
        if !name.is_empty() && turn.cluster().partition(name).is_none() {
            return Err(Reject::NoSuchPartition(Arc::clone(name)));
        }
        one.partition = kept(name);
    }
    if let Some(accounts) = &request.accounts {
        one.accounts =
            roster::altered(&one.accounts, accounts, false).map_err(|_| R::NoSuchAccount)?;
    }
    if let Some(text) = &request.burst_buffer {
        one.burst_buffer = kept(text);
    }
    if let Some(text) = &request.comment {
        one.comment = kept(text);
    }
    if let Some(LicensesAsked { text, counts }) = &request.licenses {
        let stays_empty =
            request.node_count == Some(0) || request.node_count.is_none() && one.nodes.is_empty();
        if text.is_empty() && stays_empty {
            return Err(Reject::InvalidLicenses);
        }
        (one.licenses_text, one.licenses) = (kept(text), counts.clone());
        check::licenses(turn, one)?;
    }
    match &request.features {
        Some(text) if text.is_empty() => one.features = None,
        // The nodes would have to be looked for anew: stock wants a new reservation for it.
        Some(_) => return Err(Reject::NotSupported("other features of a reservation")),
        None => {}
    }
    Ok(())
}

fn set_people(request: &ReservationRequest, one: &mut Reservation) -> Result<(), Reject> {
    if let Some((text, members)) = &request.groups {
        if !text.is_empty() && members.is_empty() {
            return Err(R::NoSuchGroup.into());
        }
        one.groups = (!text.is_empty()).then(|| Arc::clone(text));
        one.group_members = Arc::clone(members);
    }
    if let Some(users) = &request.users {
        one.users = roster::altered(&one.users, users, true).map_err(|_| R::NoSuchUser)?;
    }
    if let Some(partitions) = &request.partitions {
        let none = |_| Reject::NoSuchPartition("".into());
        one.partitions = roster::altered(&one.partitions, partitions, false).map_err(none)?;
    }
    let has_users = !one.users.members.is_empty();
    if has_users && one.groups.is_some() {
        return Err(R::UsersAndGroups.into());
    }
    let is_named = has_users
        || one.groups.is_some()
        || !one.accounts.members.is_empty()
        || !one.partitions.members.is_empty();
    if is_named { Ok(()) } else { Err(R::NobodyNamed.into()) }
}

fn set_times(
    turn: &Turn<'_>,
    request: &ReservationRequest,
    flags: u64,
    one: &mut Reservation,
) -> Result<(), Reject> {
    let (now, earliest) = (turn.now, Timestamp(turn.now.0 - LATE_S));
    if let Some(start) = request.start {
        if one.start <= now {
            return Err(R::Started.into());
        }
        if start < earliest {
            return Err(Reject::InvalidTime);
        }
        one.start = start;
        if let Some(minutes) = one.duration_min {
            one.end = after(start, minutes);
        }
    }
    if let Some(end) = request.end {
        if end < earliest {
            return Err(Reject::InvalidTime);
        }
        (one.end, one.duration_min) = (end, None);
    }
    if let Some(minutes) = request.duration_min {
        let old = one.duration_min.unwrap_or_else(|| lasts_min(one));
        let minutes = match minutes {
            u32::MAX => YEAR_MIN,
            _ if flags & only::DURATION_PLUS != 0 => old.saturating_add(minutes),
            _ if flags & only::DURATION_MINUS != 0 => old.saturating_sub(minutes),
            minutes => minutes,
        };
        one.duration_min = Some(minutes);
        // It may have begun, and be shortened by more than is left of it.
        one.end = after(one.start, minutes).max(now);
    }
    if one.start >= one.end { Err(Reject::InvalidTime) } else { Ok(()) }
}

/// The minutes of the year that one without an end is given.
const YEAR_MIN: u32 = 365 * 24 * 60;

fn after(start: Timestamp, minutes: u32) -> Timestamp {
    match minutes {
        u32::MAX => start.plus_s(YEAR_S),
        minutes => start.plus_s(u64::from(minutes) * 60),
    }
}

fn lasts_min(one: &Reservation) -> u32 {
    u32::try_from(one.end.since(one.start) / 60).unwrap_or(u32::MAX)
}

fn set_nodes(
    turn: &Turn<'_>,
    request: &ReservationRequest,
    one: &mut Reservation,
) -> Result<(), Reject> {
    let mut count = request.node_count;
    if let Some(asked) = &request.nodes {
        if *asked == NodesAsked::Unnamed {
            count = count.filter(|count| *count > 0).or(u32::try_from(one.nodes.len()).ok());
            one.flags.set(F::SPEC_NODES | F::ALL_NODES, false);
        } else {
            if one.flags.has(REPLACES) {
                return Err(R::NotTogether(
                    "Reservation can't be updated with Nodes option; it is incompatible with \
                     REPLACE[_DOWN]",
                )
                .into());
            }
            let of_partition = *asked == NodesAsked::All
                && one.flags.has(F::PART_NODES)
                && one.partition.is_some();
            one.flags.set(F::SPEC_NODES, true);
            one.flags.set(F::PART_NODES, of_partition);
            one.flags.set(F::ALL_NODES, *asked == NodesAsked::All && !of_partition);
        }
        one.nodes = check::nodes(turn, asked, one)?;
        if one.nodes.is_empty() && *asked != NodesAsked::Unnamed {
            return Err(Reject::NoSuchNode("".into()));
        }
    }
    match count {
        Some(count) => resize(turn, request, one, count),
        None => Ok(()),
    }
}

/// Gives nodes back, those without jobs first, or takes more.
fn resize(
    turn: &Turn<'_>,
    request: &ReservationRequest,
    one: &mut Reservation,
    count: u32,
) -> Result<(), Reject> {
    one.flags.set(F::PART_NODES | F::ALL_NODES, false);
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    let surplus = one.nodes.len().saturating_sub(wanted);
    if surplus > 0 {
        let is_idle = |id: &&NodeId| turn.cluster().usage(**id).is_idle();
        let idle = one.nodes.iter().filter(is_idle);
        let mut gone: Vec<NodeId> = idle.take(surplus).copied().collect();
        let busy = one.nodes.iter().rev().filter(|id| !gone.contains(id));
        let more: Vec<NodeId> = busy.take(surplus - gone.len()).copied().collect();
        gone.extend(more);
        if used_of(turn, one, &gone) {
            return Err(R::NodesBusy.into());
        }
        one.nodes = one.nodes.iter().filter(|id| !gone.contains(id)).copied().collect();
    } else if one.nodes.len() < wanted {
        let picked = request.picked.clone().ok_or(R::NodesBusy)??;
        check::are_there(turn, &picked.nodes)?;
        let mut nodes: Vec<NodeId> = one.nodes.iter().copied().chain(picked.nodes).collect();
        nodes.sort_unstable();
        nodes.dedup();
        if nodes.len() != wanted {
            return Err(R::NodesBusy.into());
        }
        one.nodes = nodes.into();
    }
    Ok(())
}

/// Whether a job of the reservation runs on some of its nodes.
fn used_of(turn: &Turn<'_>, one: &Reservation, nodes: &[NodeId]) -> bool {
    let is_there = |job: &Arc<Job>| {
        let shares = job.allocation.as_ref().map_or(&[][..], |allocation| &allocation.shares);
        check::runs_in(job, &one.name) && shares.iter().any(|share| nodes.contains(&share.node))
    };
    turn.cluster().active().any(is_there)
}
