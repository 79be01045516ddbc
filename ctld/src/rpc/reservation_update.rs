//! Reservations made, altered and deleted by people.

use std::sync::Arc;

use ctld_core::{
    Answer, Event, LicensesAsked, NameEdit, NodesAsked, Picked, Reject, ReservationReject,
    ReservationRequest, Sign,
};
use model::{Reservation, ReservationFlags as F, Roster, Timestamp, Uid};
use protocol::msg::{ReservationName, UpdateReservation};
use protocol::shape::{self, Limit};
use protocol::{Errno, Number};

use super::visible::is_admin;
use super::{Failure, Privilege, Reply, Request, Row, done, submit};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    // Who may is the core's to decide: some users may skip a time of theirs, or delete it.
    Row::write(Number::REQUEST_CREATE_RESERVATION, Privilege::Anybody, create, made),
    Row::write(Number::REQUEST_UPDATE_RESERVATION, Privilege::Anybody, update, done),
    Row::write(Number::REQUEST_DELETE_RESERVATION, Privilege::Anybody, delete, done),
];

/// `RESERVE_TRES_PER_NODE` of slurm.h: counts are those of each node.
const TRES_PER_NODE: u64 = 1 << 38;

fn create(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    if !is_admin(view, request.caller) {
        // Before names are looked up and nodes are looked for.
        return Err(Reject::from(ReservationReject::NotYours).into());
    }
    let mut asked = asked(view, request)?;
    let has_place = asked.nodes.is_some() && asked.core_count.is_none();
    if has_place || asked.nodes == Some(NodesAsked::Unnamed) {
        return Ok(Event::CreateReservation(Box::new(asked)));
    }
    let counts = asked.node_count.is_some() || asked.core_count.is_some();
    if counts {
        asked.picked = Some(picked_for_new(view, request, &asked));
    }
    Ok(Event::CreateReservation(Box::new(asked)))
}

fn update(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    if !is_admin(view, request.caller) {
        // All that others may do is skip a time of theirs.
        let message: UpdateReservation = request.decode()?;
        return Ok(Event::UpdateReservation(Box::new(ReservationRequest {
            name: message.name.as_deref().filter(|name| !name.is_empty()).map(Arc::from),
            flags: message.flags.value(),
            ..ReservationRequest::of(request.caller)
        })));
    }
    let mut asked = asked(view, request)?;
    let known = asked.name.as_ref().and_then(|name| view.cluster.reservation(name));
    if let Some(known) = known {
        let has = u32::try_from(known.nodes.len()).unwrap_or(u32::MAX);
        // `nodes=` without names: as many as were there or are asked for, all of them others.
        let anew = asked.nodes == Some(NodesAsked::Unnamed);
        let kept = if anew { 0 } else { has };
        let count = asked.node_count.filter(|count| !anew || *count > 0);
        let count = count.unwrap_or(if anew { has } else { 0 });
        if count > kept {
            let besides = if kept == 0 { Vec::new() } else { known.nodes.to_vec() };
            let wish = sched::ReservationWish {
                nodes: Some(count - kept),
                besides,
                ..sched::ReservationWish::default()
            };
            asked.picked = Some(picked(view, request.now, known, &wish));
        }
    }
    Ok(Event::UpdateReservation(Box::new(asked)))
}

fn delete(_: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: ReservationName = request.decode()?;
    let name = message.name.filter(|name| !name.is_empty());
    let name = name.ok_or(Failure::Code(Errno::ESLURM_INVALID_PARTITION_NAME))?;
    Ok(Event::DeleteReservation { caller: request.caller, name: name.into() })
}

/// The name that it got.
fn made(_: &View, request: &Request<'_>, answer: Answer) -> Reply {
    let name = match answer {
        Answer::ReservationMade { name } => Some(name.to_string()),
        _ => None,
    };
    request.reply(Number::RESPONSE_CREATE_RESERVATION, &ReservationName { name })
}

/// What `TRES=` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tres {
    nodes: Option<u32>,
    cores: Option<u32>,
}

fn asked(view: &View, request: &Request<'_>) -> Result<ReservationRequest, Failure> {
    let message: UpdateReservation = request.decode()?;
    // Without accounting there is no QOS to be found.
    if message.qos.as_deref().is_some_and(|qos| !qos.is_empty()) {
        return Err(Failure::Code(Errno::ESLURM_INVALID_QOS));
    }
    let mut licenses = message.licenses.clone();
    let tres = tres(&message, &mut licenses)?;
    let flags = message.flags.value();
    let per_node = flags.is_some_and(|flags| flags & TRES_PER_NODE != 0);
    let node_count = message.node_cnt.value().or(tres.nodes);
    let times = node_count.filter(|_| per_node).unwrap_or(1);
    let cores = message.core_cnt.value().or(tres.cores.map(|cores| cores.saturating_mul(times)));
    let user = |name: &str| view.users.uid(name);
    let text = |text: &Option<String>| text.as_deref().map(Arc::<str>::from);
    let licenses = match &licenses {
        Some(text) => {
            Some(LicensesAsked { text: text.as_str().into(), counts: submit::licenses(text)? })
        }
        None => None,
    };
    let groups = message.groups.as_deref().map(|text| (Arc::from(text), members(view, text)));
    Ok(ReservationRequest {
        caller: request.caller,
        name: text(&message.name).filter(|name| !name.is_empty()),
        start: time(message.start_time),
        end: time(message.end_time),
        duration_min: match message.duration {
            Limit::Unset => None,
            Limit::Value(minutes) => Some(minutes),
            Limit::Infinite => Some(u32::MAX),
        },
        flags,
        node_count,
        core_count: cores,
        nodes: message.node_list.as_deref().map(nodes),
        features: text(&message.features),
        licenses,
        max_start_delay_s: message.max_start_delay.value(),
        partition: text(&message.partition),
        purge_comp_s: message.purge_comp_time.value(),
        users: message.users.as_deref().map(|users| edits(users, user)),
        accounts: message.accounts.as_deref().map(|accounts| edits(accounts, |_| None)),
        partitions: message.allowed_parts.as_deref().map(|names| edits(names, |_| None)),
        groups,
        burst_buffer: text(&message.burst_buffer),
        comment: text(&message.comment),
        picked: None,
    })
}

fn time(at: shape::Timestamp) -> Option<Timestamp> {
    // Nothing ends later than what has no end on stock (24.11), so sums of days cannot overflow.
    (at != UpdateReservation::NO_TIME).then_some(Timestamp(at.0.min(u32::MAX.into())))
}

/// `cpu=4,node=2,license/matlab=1`. What else there may be of it is not reserved here.
fn tres(message: &UpdateReservation, licenses: &mut Option<String>) -> Result<Tres, Failure> {
    let mut tres = Tres::default();
    let together = |code, text: &str| Failure::CodeWithText(code, text.to_owned());
    let terms = message.tres.as_deref().unwrap_or_default().split(',');
    for term in terms.filter(|term| !term.is_empty()) {
        let invalid = || Failure::Code(Errno::ESLURM_INVALID_TRES);
        let (name, count) = term.split_once('=').ok_or_else(invalid)?;
        let count: u32 = count.parse().map_err(|_| invalid())?;
        match name.to_ascii_lowercase().as_str() {
            "cpu" if message.core_cnt != Limit::Unset => {
                let text = "TRES=cpu=<num> and CoreCnt=<num> are mutually exclusive";
                return Err(together(Errno::ESLURM_INVALID_CPU_COUNT, text));
            }
            "cpu" => tres.cores = Some(count),
            "node" if message.node_cnt != Limit::Unset => {
                let text = "TRES=node=<num> and Nodes=<num> are mutually exclusive";
                return Err(together(Errno::ESLURM_INVALID_NODE_COUNT, text));
            }
            "node" => tres.nodes = Some(count),
            other => {
                if other.starts_with("gres/") {
                    return Err(Failure::Code(Errno::ESLURM_NOT_SUPPORTED));
                }
                other.strip_prefix("license/").ok_or_else(invalid)?;
                let license = &name["license/".len()..];
                if message.licenses.is_some() {
                    let text = "TRES=license/<name>=<num> and Licenses=<name>:<num> are mutually \
                                exclusive";
                    return Err(together(Errno::ESLURM_INVALID_LICENSES, text));
                }
                let so_far = licenses.get_or_insert_default();
                if !so_far.is_empty() {
                    so_far.push(',');
                }
                so_far.push_str(&format!("{license}:{count}"));
            }
        }
    }
    Ok(tres)
}

/// `Nodes=`: a list, or `+n1,-n2` that alters it.
fn nodes(text: &str) -> NodesAsked {
    match text {
        "" => NodesAsked::Unnamed,
        all if all.eq_ignore_ascii_case("ALL") => NodesAsked::All,
        signed if signed.starts_with(['+', '-']) => {
            let terms = terms(signed).into_iter().map(|term| {
                let (sign, name) = signed_name(term);
                (sign, Arc::from(name))
            });
            NodesAsked::Change(terms.collect())
        }
        list => NodesAsked::Are(list.into()),
    }
}

/// Commas inside brackets part nothing.
fn terms(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    text.split(|c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn signed_name(term: &str) -> (Sign, &str) {
    match (term.strip_prefix('+'), term.strip_prefix('-')) {
        (Some(name), _) => (Sign::Plus, name),
        (_, Some(name)) => (Sign::Minus, name),
        (None, None) => (Sign::None, term),
    }
}

fn edits(text: &str, user: impl Fn(&str) -> Option<Uid>) -> Vec<NameEdit> {
    let edit = |term: &str| {
        let (sign, name) = signed_name(term);
        NameEdit { sign, name: name.into(), user: user(name) }
    };
    text.split(',').filter(|term| !term.is_empty()).map(edit).collect()
}

/// The users in some groups.
fn members(view: &View, groups: &str) -> Arc<[Uid]> {
    let mut users: Vec<Uid> = Vec::new();
    for group in groups.split(',').filter(|group| !group.is_empty()) {
        users.extend(view.users.members(group));
    }
    users.sort_unstable();
    users.dedup();
    users.into()
}

/// Nodes and cores for a reservation that is to be made. What else is wrong with it is told by the core.
fn picked_for_new(
    view: &View,
    request: &Request<'_>,
    asked: &ReservationRequest,
) -> Result<Picked, Reject> {
    let start = asked.start.unwrap_or(request.now).max(request.now);
    let lasts_s = asked.duration_min.map_or(model::YEAR_S, |minutes| u64::from(minutes) * 60);
    let end = asked.end.unwrap_or(start.plus_s(lasts_s.min(model::YEAR_S)));
    let mut flags = model::ReservationFlags(asked.flags.unwrap_or(0));
    flags.set(F::TIME_FLOAT, false);
    let one = Reservation {
        name: asked.name.clone().unwrap_or_default(),
        id: 0,
        start,
        end,
        duration_min: None,
        flags,
        nodes: Arc::default(),
        cores: None,
        partition: asked.partition.clone(),
        features: asked.features.clone().filter(|text| !text.is_empty()),
        licenses: Vec::new(),
        licenses_text: None,
        burst_buffer: None,
        comment: None,
        users: Roster::default(),
        accounts: Roster::default(),
        partitions: Roster::default(),
        groups: None,
        group_members: Arc::default(),
        max_start_delay_s: 0,
        purge_comp_s: 0,
        idle_since: None,
        begun: false,
        over: false,
    };
    let named = match &asked.nodes {
        Some(NodesAsked::Are(list)) => Some(Arc::clone(list)),
        _ => None,
    };
    let named_count = named.as_ref().map(|list| model::named_nodes(&view.cluster, list));
    let named_count = named_count.and_then(Result::ok).and_then(|n| u32::try_from(n.len()).ok());
    let nodes = named_count.or(asked.node_count);
    if let (Some(nodes), Some(cores)) = (nodes, asked.core_count)
        && cores < nodes
    {
        return Err(ReservationReject::CoreCount.into());
    }
    let wish = sched::ReservationWish {
        nodes,
        cores: asked.core_count,
        named,
        ..sched::ReservationWish::default()
    };
    picked(view, request.now, &one, &wish)
}

fn picked(
    view: &View,
    now: Timestamp,
    one: &Reservation,
    wish: &sched::ReservationWish,
) -> Result<Picked, Reject> {
    let cluster = &view.cluster;
    let partition = match &one.partition {
        Some(name) => cluster.partition(name).ok_or(Reject::NoSuchPartition(Arc::clone(name))),
        None => cluster.default_partition().ok_or(Reject::NoDefaultPartition),
    };
    let found = sched::reserve(cluster, now, one, partition?, wish);
    let (nodes, cores) = found.map_err(|why| match why {
        sched::NotReserved::Features => {
            Reject::InvalidFeature(one.features.clone().unwrap_or_default())
        }
        sched::NotReserved::Nodes => Reject::NoSuchNode(wish.named.clone().unwrap_or_default()),
        sched::NotReserved::Config => Reject::NothingFits,
        sched::NotReserved::Busy => ReservationReject::NodesBusy.into(),
    })?;
    Ok(Picked { nodes, cores })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ctld_core::{NodesAsked, Sign};
    use model::ReservationFlags as F;
    use protocol::Errno;
    use protocol::msg::{UpdateReservation, reservation_flags as wire};
    use protocol::shape::Limit;

    use super::{Failure, Tres, nodes, tres};

    #[test]
    fn flags_have_the_numbers_of_the_wire() {
        let pairs = [
            (F::MAINT, wire::MAINT),
            (F::DAILY, wire::DAILY),
            (F::WEEKLY, wire::WEEKLY),
            (F::IGNORE_JOBS, wire::IGNORE_JOBS),
            (F::ANY_NODES, wire::ANY_NODES),
            (F::STATIC, wire::STATIC),
            (F::PART_NODES, wire::PART_NODES),
            (F::OVERLAP, wire::OVERLAP),
            (F::SPEC_NODES, wire::SPEC_NODES),
            (F::TIME_FLOAT, wire::TIME_FLOAT),
            (F::REPLACE, wire::REPLACE),
            (F::ALL_NODES, wire::ALL_NODES),
            (F::PURGE_COMP, wire::PURGE_COMP),
            (F::WEEKDAY, wire::WEEKDAY),
            (F::WEEKEND, wire::WEEKEND),
            (F::FLEX, wire::FLEX),
            (F::NO_HOLD_JOBS, wire::NO_HOLD_JOBS),
            (F::REPLACE_DOWN, wire::REPLACE_DOWN),
            (F::MAGNETIC, wire::MAGNETIC),
            (F::HOURLY, wire::HOURLY),
            (F::USER_DELETE, wire::USER_DELETE),
            (F::RECURRING, wire::REOCCURRING),
            (super::TRES_PER_NODE, wire::TRES_PER_NODE),
        ];
        assert!(pairs.iter().all(|(ours, theirs)| ours == theirs));
    }

    #[test]
    fn nodes_are_named_added_or_taken_away() {
        assert_eq!(nodes("all"), NodesAsked::All);
        assert_eq!(nodes(""), NodesAsked::Unnamed);
        assert_eq!(nodes("n[1,3]"), NodesAsked::Are("n[1,3]".into()));
        let change = vec![(Sign::Plus, Arc::from("n[1,3]")), (Sign::Minus, Arc::from("n2"))];
        assert_eq!(nodes("+n[1,3],-n2"), NodesAsked::Change(change));
    }

    #[test]
    fn tres_are_counts_of_nodes_cores_and_licenses() {
        let ask = |text: &str, cores| {
            let message = UpdateReservation {
                tres: Some(text.to_owned()),
                core_cnt: cores,
                ..UpdateReservation::default()
            };
            let mut licenses = None;
            tres(&message, &mut licenses).map(|tres| (tres, licenses))
        };
        let (found, licenses) = ask("cpu=4,node=2,license/fea=3", Limit::Unset).unwrap();
        assert_eq!(found, Tres { nodes: Some(2), cores: Some(4) });
        assert_eq!(licenses.as_deref(), Some("fea:3"));
        let refused = ask("cpu=4", Limit::Value(2)).unwrap_err();
        assert!(matches!(refused, Failure::CodeWithText(Errno::ESLURM_INVALID_CPU_COUNT, _)));
        assert_eq!(ask("cups=4", Limit::Unset), Err(Failure::Code(Errno::ESLURM_INVALID_TRES)));
    }
}
