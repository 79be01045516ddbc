//! People reserve nodes, and submit jobs to run there.

use std::sync::Arc;

use ctld_core::{
    Event, JobEdit, JobSelection, NameEdit, NodesAsked, ReservationRequest, Sign, UpdateJob,
};
use model::{Cluster, ReservationFlags as F, TextOption, Timestamp};

use crate::client::{OWNERS, ROOT};
use crate::rng::Rng;

/// How many reservations there are at most.
const NAMES: u64 = 3;

/// Kinds of reservations: what stands beside each other in one of them.
const KINDS: [u64; 7] = [
    0,
    F::IGNORE_JOBS,
    F::MAINT | F::IGNORE_JOBS,
    F::OVERLAP,
    F::FLEX,
    F::MAGNETIC,
    F::HOURLY | F::NO_HOLD_JOBS,
];

/// Sometimes a reservation is made, altered or deleted in place of what was to be done, or a job is
/// submitted to run in one.
pub fn instead(event: Event, cluster: &Cluster, now: Timestamp, rng: &mut Rng) -> Event {
    match (rng.between(0, 11), event) {
        (0, _) => Event::CreateReservation(Box::new(request(cluster, now, rng))),
        (1, _) => {
            let lasts = ReservationRequest {
                name: Some(name(rng)),
                duration_min: Some(rng.small(1, 10)),
                ..ReservationRequest::of(ROOT)
            };
            Event::UpdateReservation(Box::new(lasts))
        }
        (2, _) => Event::DeleteReservation { caller: ROOT, name: name(rng) },
        (3..=6, Event::Submit(mut new)) => {
            let known: Vec<Arc<str>> =
                cluster.reservations().map(|one| Arc::clone(&one.name)).collect();
            let name = rng.pick(&known).cloned();
            new.spec.carried.set_text(TextOption::Reservation, name);
            Event::Submit(new)
        }
        (_, event) => event,
    }
}

fn name(rng: &mut Rng) -> Arc<str> {
    format!("r{}", rng.between(1, NAMES)).into()
}

fn request(cluster: &Cluster, now: Timestamp, rng: &mut Rng) -> ReservationRequest {
    let all: Vec<Arc<str>> = cluster.nodes().map(|node| Arc::clone(&node.name)).collect();
    let nodes = match rng.pick(&all).cloned() {
        Some(node) if rng.chance(800) => NodesAsked::Are(node),
        _ => NodesAsked::All,
    };
    let user = rng.small(*OWNERS.start(), *OWNERS.end());
    let user =
        NameEdit { sign: Sign::None, name: user.to_string().into(), user: Some(model::Uid(user)) };
    ReservationRequest {
        name: Some(name(rng)),
        start: rng.chance(500).then(|| now.plus_s(rng.between(1, 300))),
        duration_min: Some(rng.small(1, 10)),
        flags: rng.pick(&KINDS).copied(),
        nodes: Some(nodes),
        users: Some(vec![user]),
        ..ReservationRequest::of(ROOT)
    }
}

/// What an administrator does when all is quiet: nobody waits for a reservation, and there is none.
pub fn tidy_up(cluster: &Cluster) -> Vec<Event> {
    let gone = cluster
        .reservations()
        .map(|one| Event::DeleteReservation { caller: ROOT, name: Arc::clone(&one.name) });
    let waiting = cluster.queue().filter(|job| job.reservation().is_some());
    let freed = waiting.map(|job| {
        let selection = JobSelection::whole(job.id);
        let edits = vec![JobEdit::Reservation(None)];
        Event::UpdateJob(Box::new(UpdateJob { caller: ROOT, selection, edits }))
    });
    freed.chain(gone).collect()
}
