//! What must hold of a reservation before it is kept.

use std::sync::Arc;

use model::{CoreSet, Job, JobId, NodeId, Phase, Reservation, ReservationFlags as F};

use super::request::{NodesAsked, Sign};
use crate::reject::{Reject, ReservationReject as R};
use crate::turn::Turn;

/// Seconds that a time may lie in the past (24.11).
pub(super) const LATE_S: i64 = 120;

pub(super) const NEW_SEVERAL_TIMES: &str = "Reservation has multiple reoccurring flags. Please \
                                            specify only one reoccurring flag";
pub(super) const REPLACE_STAYS: &str =
    "REPLACE and REPLACE_DOWN flags cannot be used with STATIC_ALLOC or MAINT flags";
pub(super) const REPLACES: u64 = F::REPLACE | F::REPLACE_DOWN;

/// Whether more than one of the flags for coming again is among these.
pub(super) fn recurs_several_ways(flags: u64) -> bool {
    (flags & F::RECURRING).count_ones() > 1
}

/// The nodes that are asked for, ascending.
pub(super) fn nodes(
    turn: &Turn<'_>,
    asked: &NodesAsked,
    of: &Reservation,
) -> Result<Arc<[NodeId]>, Reject> {
    let named = |text: &Arc<str>| {
        model::named_nodes(turn.cluster(), text)
            .map_err(|unknown| Reject::NoSuchNode(Arc::clone(&unknown.name)))
    };
    let nodes = match asked {
        NodesAsked::Unnamed => Vec::new(),
        NodesAsked::All => all_nodes(turn, of),
        NodesAsked::Are(text) => named(text)?,
        NodesAsked::Change(changes) => {
            let mut nodes = of.nodes.to_vec();
            for (sign, text) in changes {
                let some = named(text)?;
                match sign {
                    Sign::Minus => nodes.retain(|node| some.binary_search(node).is_err()),
                    Sign::None | Sign::Plus => nodes.extend(some),
                }
            }
            nodes.sort_unstable();
            nodes.dedup();
            nodes
        }
    };
    Ok(nodes.into())
}

/// Whether nodes that were looked for on the published cluster have not been deleted since.
pub(super) fn are_there(turn: &Turn<'_>, nodes: &[NodeId]) -> Result<(), Reject> {
    let all = nodes.iter().all(|id| turn.cluster().node(*id).is_some());
    if all { Ok(()) } else { Err(R::NodesBusy.into()) }
}

/// All of the cluster, or with PART_NODES of its partition.
pub(super) fn all_nodes(turn: &Turn<'_>, of: &Reservation) -> Vec<NodeId> {
    let partition = of.partition.as_ref().filter(|_| of.flags.has(F::PART_NODES));
    match partition.and_then(|name| turn.cluster().partition(name)) {
        Some(partition) => partition.nodes.to_vec(),
        None => {
            let is_there =
                |node: &&Arc<model::Node>| node.availability != model::Availability::Future;
            turn.cluster().nodes().filter(is_there).map(|node| node.id).collect()
        }
    }
}

/// Other reservations that have its nodes at a time of its own; those for maintenance and those
/// that may overlap do not count (24.11).
pub(super) fn overlaps(turn: &Turn<'_>, one: &Reservation) -> Result<(), Reject> {
    if one.flags.has(F::MAINT | F::OVERLAP) || one.nodes.is_empty() {
        return Ok(());
    }
    let config = turn.config();
    let clashes = |other: &&Arc<Reservation>| {
        other.name != one.name
            && !other.flags.has(F::MAINT | F::OVERLAP)
            && (other.has_whole_nodes() || share_cores(one, other))
            && other.nodes.iter().any(|node| one.has_node(*node))
            && one.meets(other, turn.now, &config.zone)
    };
    match turn.cluster().reservations().find(clashes) {
        Some(_) => Err(R::Overlaps.into()),
        None => Ok(()),
    }
}

fn share_cores(one: &Reservation, other: &Reservation) -> bool {
    let Some(cores) = one.cores.as_deref() else {
        // Stock lets whole nodes be reserved over cores that are.
        return false;
    };
    let meets = |(node, cores): &(NodeId, CoreSet)| {
        other.cores_of(*node).is_some_and(|others| others.intersects(cores))
    };
    cores.iter().any(meets)
}

/// Running jobs of others that would be on its nodes when it starts.
pub(super) fn jobs_there(turn: &Turn<'_>, one: &Reservation) -> Result<(), Reject> {
    if one.flags.has(F::IGNORE_JOBS) || one.nodes.is_empty() {
        return Ok(());
    }
    let (start, _) = one.window(turn.now);
    let is_in_the_way = |job: &&Arc<Job>| {
        let stays = matches!(job.phase, Phase::Running(_))
            && job.time_limit_min.and(job.ended).is_none_or(|end| end > start);
        let allocation = job.allocation.as_ref().filter(|_| stays);
        allocation.is_some_and(|allocation| {
            allocation.reservation.as_ref() != Some(&one.name)
                && allocation.shares.iter().any(|share| holds(one, share.node, &share.cores))
        })
    };
    match turn.cluster().active().find(is_in_the_way) {
        Some(_) => Err(R::NodesBusy.into()),
        None => Ok(()),
    }
}

fn holds(one: &Reservation, node: NodeId, cores: &CoreSet) -> bool {
    match &one.cores {
        None => one.has_node(node),
        Some(_) => one.cores_of(node).is_some_and(|own| own.intersects(cores)),
    }
}

/// Licenses that are there, also beside those that other reservations have at its time.
pub(super) fn licenses(turn: &Turn<'_>, one: &Reservation) -> Result<(), Reject> {
    let config = turn.config();
    for (name, count) in &one.licenses {
        let pool = config.licenses.iter().find(|pool| pool.name == *name);
        let pool = pool.ok_or(Reject::InvalidLicenses)?;
        let window = one.window(turn.now);
        let reserved = turn.cluster().licenses_reserved(name, Some(one), window, turn.now);
        if count.saturating_add(reserved) > pool.total {
            return Err(Reject::InvalidLicenses);
        }
    }
    Ok(())
}

/// A job that uses it, or waits for it, and would not be let in any more.
pub(super) fn loses_access(turn: &Turn<'_>, one: &Reservation) -> Result<(), Reject> {
    let config = turn.config();
    let uses = |job: &&Arc<Job>| {
        if job.is_pending() { asks_for(job, &one.name) } else { runs_in(job, &one.name) }
    };
    let jobs = turn.cluster().active().chain(turn.cluster().queue());
    let lost = jobs.filter(uses).find(|job| !one.admits(&config, &***job)).map(|job| job.id);
    lost.map_or(Ok(()), |job: JobId| Err(R::LosesJob(job).into()))
}

/// Whether a job asked for a reservation.
pub(super) fn asks_for(job: &Job, name: &str) -> bool {
    let names = job.spec.carried.text(model::TextOption::Reservation);
    names.is_some_and(|names| names.split(',').any(|one| one == name))
}

/// Whether a job runs in a reservation.
pub(super) fn runs_in(job: &Job, name: &str) -> bool {
    let own = job.allocation.as_ref().and_then(|allocation| allocation.reservation.as_ref());
    job.is_active() && own.is_some_and(|own| **own == *name)
}

/// Whether it has something: without nodes only licenses or burst buffers, and with the flag for it.
pub(super) fn is_of_something(one: &Reservation) -> bool {
    let without_nodes =
        one.flags.has(F::ANY_NODES) && (!one.licenses.is_empty() || one.burst_buffer.is_some());
    !one.nodes.is_empty() || without_nodes
}
