//! Reservations, as clients are told of them.

use model::{Reservation, Roster, Tres};
use protocol::Number;
use protocol::msg::{self, ReservationInfo, ReservationsInfo, ReservedCores};
use protocol::shape;

use super::field::{node_set, text, unless_known};
use super::tres;
use super::visible::is_admin;
use super::{Failure, Reply, Request, Row, gres};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[Row::read(Number::REQUEST_RESERVATION_INFO, reservations)];

/// `scontrol show reservation`, `sinfo -T`: in the order in which they were made.
fn reservations(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: msg::ReservationInfoRequest = request.decode()?;
    let floats =
        |one: &std::sync::Arc<Reservation>| one.flags.has(model::ReservationFlags::TIME_FLOAT);
    if !view.cluster.reservations().any(floats) {
        unless_known(asked.last_update, view.changed.reservations)?;
    }
    let sees_all = !view.cluster.config().private.reservations || is_admin(view, request.caller);
    let seen = view.cluster.reservations();
    let mut seen: Vec<_> =
        seen.filter(|one| sees_all || one.names_user(request.caller.uid)).collect();
    seen.sort_by_key(|one| one.id);
    let records = seen.into_iter().map(|one| record(view, one, request.now)).collect();
    let last_update = shape::Timestamp(request.now.0);
    let body = ReservationsInfo { last_update, records };
    Ok(request.reply(Number::RESPONSE_RESERVATION_INFO, &body))
}

fn record(view: &View, one: &Reservation, now: model::Timestamp) -> ReservationInfo {
    let (start, end) = one.window(now);
    let roster = Roster::text;
    let (cores, cpus) = counts(view, one);
    let tres = Tres { cpus, licenses: one.licenses.clone(), ..Tres::default() };
    let nodes = model::node_list(&view.cluster, &one.nodes);
    ReservationInfo {
        accounts: roster(&one.accounts),
        burst_buffer: text(one.burst_buffer.as_ref()),
        comment: text(one.comment.as_ref()),
        core_cnt: u32::try_from(cores).unwrap_or(u32::MAX),
        end_time: shape::Timestamp(end.0),
        features: text(one.features.as_ref()),
        flags: one.flags.0,
        licenses: text(one.licenses_text.as_ref()),
        max_start_delay: one.max_start_delay_s,
        name: Some(one.name.to_string()),
        node_cnt: u32::try_from(one.nodes.len()).unwrap_or(u32::MAX),
        node_list: (!one.nodes.is_empty()).then(|| nodes.to_string()),
        partition: text(one.partition.as_ref()),
        purge_comp_time: one.purge_comp_s,
        start_time: shape::Timestamp(start.0),
        tres: tres::text(&tres, view, 0.0),
        users: roster(&one.users),
        groups: text(one.groups.as_ref()),
        allowed_parts: roster(&one.partitions),
        node_bitmap: (!one.nodes.is_empty())
            .then(|| node_set(&view.cluster, one.nodes.iter().copied())),
        cores: reserved_cores(view, one),
        ..ReservationInfo::default()
    }
}

/// How many cores and CPUs it has.
fn counts(view: &View, one: &Reservation) -> (u64, u64) {
    let nodes = one.nodes.iter().filter_map(|id| view.cluster.node(*id));
    let of_node = |node: &std::sync::Arc<model::Node>| match one.cores_of(node.id) {
        Some(cores) => {
            let cores = u64::from(cores.len());
            (cores, cores * u64::from(node.hardware.threads_per_core))
        }
        None => (node.hardware.cores().into(), node.hardware.cpus.into()),
    };
    nodes.map(of_node).fold((0, 0), |sum, node| (sum.0 + node.0, sum.1 + node.1))
}

fn reserved_cores(view: &View, one: &Reservation) -> Vec<ReservedCores> {
    let cores = one.cores.as_deref().unwrap_or_default().iter();
    let of_node = |(id, cores): &(model::NodeId, model::CoreSet)| ReservedCores {
        node_name: view.cluster.node(*id).map(|node| node.name.to_string()),
        core_ids: Some(gres::ranges(cores.iter())),
    };
    cores.map(of_node).collect()
}
