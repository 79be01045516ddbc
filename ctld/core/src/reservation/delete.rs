//! A reservation goes: deleted, or over. What waits for it is held, unless it said otherwise.

use std::sync::Arc;

use model::{
    Change, Hold, Job, NodeId, Reservation, ReservationFlags as F, TextOption, WaitReason,
};

use super::check;
use crate::access::{self, Caller};
use crate::effect::Effect;
use crate::event::Answer;
use crate::reject::{Reject, ReservationReject as R};
use crate::turn::Turn;

/// Somebody deletes a reservation: an administrator, or where it lets them one of its users.
pub(crate) fn deleted(
    turn: &mut Turn<'_>,
    caller: Caller,
    name: &Arc<str>,
) -> Result<Answer, Reject> {
    let config = turn.config();
    let one = turn.cluster().reservation(name).cloned();
    if !access::is_admin(&config, caller) && !may_delete(turn, one.as_deref(), caller) {
        return Err(R::NotYours.into());
    }
    let one = one.ok_or(R::Invalid)?;
    if is_wanted(turn, &one) {
        return Err(R::InUse.into());
    }
    gone(turn, &one);
    turn.emit(Effect::Schedule);
    Ok(Answer::Done)
}

/// Whether one of its users may delete it, or skip a time of it.
pub(super) fn may_delete(turn: &Turn<'_>, one: Option<&Reservation>, caller: Caller) -> bool {
    let everywhere = turn.cluster().config().user_resv_delete;
    one.is_some_and(|one| {
        (everywhere || one.flags.has(F::USER_DELETE)) && one.names_user(caller.uid)
    })
}

/// Whether a job runs in it, or waits for it alone or among others.
pub(super) fn is_wanted(turn: &Turn<'_>, one: &Reservation) -> bool {
    is_used(turn, one) || turn.cluster().queue().any(|job| check::asks_for(job, &one.name))
}

/// Whether a job runs in it.
pub(super) fn is_used(turn: &Turn<'_>, one: &Reservation) -> bool {
    turn.cluster().active().any(|job| check::runs_in(job, &one.name))
}

/// It is no more: jobs that asked for it ask for it no more.
pub(super) fn gone(turn: &mut Turn<'_>, one: &Arc<Reservation>) {
    turn.record(Change::ReservationGone(Arc::clone(&one.name)));
    let waiting: Vec<Arc<Job>> = turn.cluster().queue().cloned().collect();
    for job in waiting {
        if check::asks_for(&job, &one.name) {
            let rest = others_asked_for(&job, &one.name);
            let holds = rest.is_none() && !one.flags.has(F::NO_HOLD_JOBS) && !job.hold.is_held();
            turn.edit_job(&job, |job| {
                let spec = Arc::make_mut(&mut job.spec);
                spec.carried.set_text(TextOption::Reservation, rest);
                if holds {
                    job.hold = Hold::ReservationDeleted;
                    job.wait = WaitReason::ReservationDeleted;
                    job.state_text = Some(format!("Reservation {} was deleted", one.name).into());
                    job.priority = 0;
                }
            });
        } else if is_kept_off(one, &job) {
            turn.edit_job(&job, |job| job.wait = WaitReason::None);
        }
    }
}

/// Whether a job waits for the end of the maintenance that it is for: told at once, since it may be
/// many that wait so, and long until each is looked at.
fn is_kept_off(one: &Reservation, job: &Job) -> bool {
    let waits = matches!(&job.wait, WaitReason::ReqNodeNotAvail(text) if **text == *MAINTENANCE);
    waits && one.flags.has(F::MAINT)
}

/// What such a job says.
const MAINTENANCE: &str = "ReqNodeNotAvail, Reserved for maintenance";

fn others_asked_for(job: &Job, name: &str) -> Option<Arc<str>> {
    let names = job.spec.carried.text(TextOption::Reservation)?;
    let rest: Vec<&str> = names.split(',').filter(|one| *one != name).collect();
    (!rest.is_empty()).then(|| rest.join(",").into())
}

/// A node is out of the table: reservations have it no more, and one that had no other is gone.
pub(crate) fn node_removed(turn: &mut Turn<'_>, id: NodeId) {
    let having: Vec<Arc<Reservation>> =
        turn.cluster().reservations().filter(|one| one.has_node(id)).cloned().collect();
    for old in having {
        let mut one = Reservation::clone(&old);
        one.nodes = one.nodes.iter().copied().filter(|node| *node != id).collect();
        let others = |cores: &Arc<[(NodeId, model::CoreSet)]>| {
            cores.iter().filter(|(node, _)| *node != id).cloned().collect()
        };
        one.cores = one.cores.as_ref().map(others);
        if one.nodes.is_empty() {
            gone(turn, &old);
        } else {
            turn.record(Change::Reservation(Arc::new(one)));
        }
    }
}
