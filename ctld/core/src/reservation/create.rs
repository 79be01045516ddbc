//! A reservation is made. The order of the checks is that of stock controllers (24.11).

use std::sync::Arc;

use model::{
    Change, Counters, Reservation, ReservationFlags as F, ReservationFlags, Roster, Timestamp,
    YEAR_S,
};

use super::check::{self, LATE_S, NEW_SEVERAL_TIMES, REPLACE_STAYS, REPLACES};
use super::request::{NodesAsked, ReservationRequest};
use super::{roster, watch};
use crate::access;
use crate::effect::Effect;
use crate::event::Answer;
use crate::reject::{Reject, ReservationReject as R};
use crate::turn::Turn;

/// How many numbers there are; then they begin anew (24.11).
const NUMBERS: u32 = 9999;

/// Flags that a new reservation may have.
const NEW: u64 = F::MAINT
    | F::FLEX
    | F::OVERLAP
    | F::IGNORE_JOBS
    | F::RECURRING
    | F::STATIC
    | F::ANY_NODES
    | F::PART_NODES
    | F::TIME_FLOAT
    | F::PURGE_COMP
    | REPLACES
    | F::NO_HOLD_JOBS
    | F::MAGNETIC
    | F::USER_DELETE;

/// Seconds without jobs after which one ends that did not say how long (24.11).
pub(super) const PURGE_COMP_S: u32 = 300;

/// Somebody makes a reservation.
pub(crate) fn created(turn: &mut Turn<'_>, request: &ReservationRequest) -> Result<Answer, Reject> {
    let config = turn.config();
    if !access::is_admin(&config, request.caller) {
        return Err(R::NotYours.into());
    }
    let mut one = blank(request);
    set_times(turn, request, &mut one)?;
    check_flags(request, &one)?;
    set_partition(turn, request, &mut one)?;
    set_people(request, &mut one)?;
    if let Some(asked) = &request.licenses {
        (one.licenses_text, one.licenses) = (Some(Arc::clone(&asked.text)), asked.counts.clone());
        check::licenses(turn, &one)?;
    }
    if one.flags.has(F::TIME_FLOAT) && one.recurs() {
        return Err(R::NotTogether(
            "Reservation request has mutually exclusive flags. Repeating floating reservations are \
             not supported.",
        )
        .into());
    }
    set_nodes(turn, request, &mut one)?;
    let counters = turn.cluster().counters();
    one.id = next_number(turn, counters.last_reservation)?;
    name(turn, request, &mut one)?;
    if one.flags.has(F::TIME_FLOAT) {
        one.start = Timestamp(one.start.0 - turn.now.0);
    }
    turn.record(Change::Counters(Counters { last_reservation: one.id, ..counters }));
    let name = Arc::clone(&one.name);
    turn.record(Change::Reservation(Arc::new(one)));
    watch::noticed(turn, &name);
    turn.emit(Effect::Schedule);
    Ok(Answer::ReservationMade { name })
}

fn blank(request: &ReservationRequest) -> Reservation {
    let given = |text: &Option<Arc<str>>| text.clone().filter(|text| !text.is_empty());
    Reservation {
        name: request.name.clone().unwrap_or_default(),
        id: 0,
        start: Timestamp::default(),
        end: Timestamp::default(),
        duration_min: request.duration_min,
        flags: ReservationFlags(request.flags.unwrap_or(0) & NEW),
        nodes: Arc::default(),
        cores: None,
        partition: None,
        features: given(&request.features),
        licenses: Vec::new(),
        licenses_text: None,
        burst_buffer: given(&request.burst_buffer),
        comment: given(&request.comment),
        users: Roster::default(),
        accounts: Roster::default(),
        partitions: Roster::default(),
        groups: None,
        group_members: Arc::default(),
        max_start_delay_s: request.max_start_delay_s.unwrap_or(0),
        purge_comp_s: request.purge_comp_s.unwrap_or(PURGE_COMP_S),
        idle_since: None,
        begun: false,
        over: false,
    }
}

fn set_times(
    turn: &Turn<'_>,
    request: &ReservationRequest,
    one: &mut Reservation,
) -> Result<(), Reject> {
    let earliest = Timestamp(turn.now.0 - LATE_S);
    one.start = match request.start {
        Some(start) if one.flags.has(F::TIME_FLOAT) => start.max(turn.now),
        Some(start) if start < earliest => return Err(Reject::InvalidTime),
        start => start.unwrap_or(turn.now),
    };
    one.end = match (request.end, request.duration_min) {
        (Some(end), _) if end < earliest => return Err(Reject::InvalidTime),
        (Some(end), _) => end,
        (None, Some(u32::MAX)) => one.start.plus_s(YEAR_S),
        (None, Some(minutes)) if minutes > 0 => one.start.plus_s(u64::from(minutes) * 60),
        (None, _) => Timestamp(u32::MAX.into()),
    };
    if one.start > one.end { Err(Reject::InvalidTime) } else { Ok(()) }
}

fn check_flags(request: &ReservationRequest, one: &Reservation) -> Result<(), Reject> {
    if check::recurs_several_ways(one.flags.0) {
        return Err(R::NotTogether(NEW_SEVERAL_TIMES).into());
    }
    if one.flags.has(REPLACES) && request.nodes.is_some() {
        return Err(R::NodesNamed(
            "REPLACE or REPLACE_DOWN flags should be used with the NodeCnt reservation option; do \
             not specify Nodes",
        )
        .into());
    }
    if one.flags.has(REPLACES) && request.core_count.is_some() {
        return Err(R::CoresCounted(
            "REPLACE or REPLACE_DOWN flags should be used with the NodeCnt reservation option; do \
             not specify CoreCnt",
        )
        .into());
    }
    if one.flags.has(REPLACES) && one.flags.has(F::STATIC | F::MAINT) {
        return Err(R::NotTogether(REPLACE_STAYS).into());
    }
    Ok(())
}

fn set_partition(
    turn: &Turn<'_>,
    request: &ReservationRequest,
    one: &mut Reservation,
) -> Result<(), Reject> {
    let given = request.partition.as_ref().filter(|name| !name.is_empty());
    if let Some(name) = given
        && turn.cluster().partition(name).is_none()
    {
        return Err(Reject::NoSuchPartition(Arc::clone(name)));
    }
    if one.flags.has(F::PART_NODES) {
        if given.is_none() {
            return Err(Reject::NoSuchPartition("".into()));
        }
        if request.nodes != Some(NodesAsked::All) {
            return Err(Reject::NoSuchNode("".into()));
        }
    }
    one.partition = given.cloned();
    Ok(())
}

fn set_people(request: &ReservationRequest, one: &mut Reservation) -> Result<(), Reject> {
    let groups = request.groups.as_ref().filter(|(text, _)| !text.is_empty());
    if request.users.is_some() && groups.is_some() {
        return Err(R::UsersAndGroups.into());
    }
    let others = request.users.is_some() || groups.is_some() || request.partitions.is_some();
    if request.accounts.is_none() && !others {
        return Err(R::NobodyNamed.into());
    }
    if let Some(accounts) = &request.accounts {
        one.accounts = roster::new(accounts, false).map_err(|_| R::NoSuchAccount)?;
    }
    if let Some(users) = &request.users {
        let bad = if users.is_empty() { R::NoSuchUser } else { R::BadUsers };
        one.users = roster::new(users, true).map_err(|_| bad)?;
    }
    if let Some(partitions) = &request.partitions {
        let none = || Reject::NoSuchPartition("".into());
        one.partitions = roster::new(partitions, false).map_err(|_| none())?;
    }
    if let Some((text, members)) = groups {
        if members.is_empty() {
            return Err(R::NoSuchGroup.into());
        }
        (one.groups, one.group_members) = (Some(Arc::clone(text)), Arc::clone(members));
    }
    Ok(())
}

fn set_nodes(
    turn: &Turn<'_>,
    request: &ReservationRequest,
    one: &mut Reservation,
) -> Result<(), Reject> {
    if let Some(asked) = &request.nodes {
        one.flags.set(F::SPEC_NODES, true);
        let is_all = *asked == NodesAsked::All;
        let of_partition = is_all && one.flags.has(F::PART_NODES);
        one.flags.set(F::PART_NODES, of_partition);
        one.flags.set(F::ALL_NODES, is_all && !of_partition);
        one.nodes = check::nodes(turn, asked, one)?;
        if one.nodes.is_empty() {
            return Err(Reject::NoSuchNode("".into()));
        }
        if request.core_count.is_none() {
            check::overlaps(turn, one)?;
            return check::jobs_there(turn, one);
        }
    }
    one.flags.set(F::PART_NODES, one.flags.has(F::PART_NODES) && request.nodes.is_some());
    if request.core_count == Some(0) {
        return Err(R::CoreCount.into());
    }
    if one.flags.has(F::ANY_NODES) && request.nodes.is_none() {
        return if check::is_of_something(one) { Ok(()) } else { Err(R::Invalid.into()) };
    }
    // Neither nodes nor a count.
    let picked = request.picked.clone().ok_or(Reject::NoSuchNode("".into()))??;
    check::are_there(turn, &picked.nodes)?;
    one.nodes = picked.nodes.into();
    one.cores = picked.cores.map(Arc::from);
    if one.partition.is_none() {
        // What is looked for is looked for in a partition.
        one.partition = turn.cluster().default_partition().map(|p| Arc::clone(&p.name));
    }
    // It was looked for on the published cluster: something may have come in between.
    check::overlaps(turn, one).map_err(|_| R::NodesBusy)?;
    check::jobs_there(turn, one)
}

/// The next number that no reservation has.
pub(super) fn next_number(turn: &Turn<'_>, last: u32) -> Result<u32, Reject> {
    let taken = |id: u32| turn.cluster().reservations().any(|one| one.id == id);
    let after = |id: u32| if id >= NUMBERS { 1 } else { id + 1 };
    let mut id = last;
    for _ in 0..NUMBERS {
        id = after(id);
        if !taken(id) {
            return Ok(id);
        }
    }
    Err(R::Invalid.into())
}

/// The name that was given, or one made of the first account, user or group and the number.
fn name(
    turn: &Turn<'_>,
    request: &ReservationRequest,
    one: &mut Reservation,
) -> Result<(), Reject> {
    if !one.name.is_empty() {
        return match turn.cluster().reservation(&one.name) {
            Some(_) => Err(R::NameTaken(Arc::clone(&one.name)).into()),
            None => Ok(()),
        };
    }
    let first = |edits: &Option<Vec<super::NameEdit>>| {
        let first = edits.as_ref().and_then(|edits| edits.first());
        first.map(|edit| edit.name.to_string())
    };
    let group = || {
        let text = request.groups.as_ref().map(|(text, _)| text)?;
        text.split(',').next().filter(|name| !name.is_empty()).map(str::to_owned)
    };
    let stem = first(&request.accounts).or_else(|| first(&request.users)).or_else(group);
    let stem = stem.unwrap_or_else(|| "resv".to_owned());
    loop {
        one.name = format!("{stem}_{}", one.id).into();
        if turn.cluster().reservation(&one.name).is_none() {
            return Ok(());
        }
        one.id = next_number(turn, one.id)?;
    }
}
