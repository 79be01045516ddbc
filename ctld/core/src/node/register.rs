//! A node introduces itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Availability, GresCount, Node, NodeId, NodeReason, ReturnToService, Unit};

use crate::access;
use crate::effect::Effect;
use crate::event::{Answer, Dynamic, Registered};
use crate::job;
use crate::node::health::{self, NOT_RESPONDING, reason_at};
use crate::node::jobs;
use crate::reject::Reject;
use crate::turn::Turn;

/// The reason of a node that went through a boot that nobody asked for.
const REBOOTED: &str = "Node unexpectedly rebooted";
/// How far two reports of one boot may lie apart: nodes report whole seconds since it.
const SAME_BOOT_S: u64 = 60;
/// How much of the configured memory a node of a cloud must have, percent; another all of it.
const CLOUD_MEMORY_PERCENT: u64 = 90;

/// A node introduces itself: it is put into the table if it may make itself a place there, its jobs
/// are compared with ours, and it is brought into service, or drained with a reason.
///
/// A node that does not fit its configuration is accepted all the same: a slurmd that is refused
/// asks again and again.
pub(crate) fn registered(turn: &mut Turn<'_>, r: Registered) -> Result<Answer, Reject> {
    access::require_daemon(turn.cluster().config(), r.caller)?;
    let id = match (turn.cluster().node_named(&r.node_name), &r.dynamic) {
        (Some(node), _) => node.id,
        (None, Dynamic::New(node)) => welcome(turn, node)?,
        (None, Dynamic::Future { feature }) => match take_place(turn, &r, feature.as_deref())? {
            Place::Old(id) => id,
            // It learns its name and registers again by that.
            Place::New(id, name) => return Ok(Answer::Registered { node: id, name }),
        },
        (None, Dynamic::No) => return Err(no_node(&r)),
    };
    let before = turn.cluster().node(id).cloned().ok_or_else(|| no_node(&r))?;
    if is_too_early(turn, &before, &r) {
        return Ok(Answer::Registered { node: id, name: Arc::clone(&before.name) });
    }
    // A boot that was asked for.
    let rebooted = rebooted(&before, &r) && !before.flags.powering_up;
    let node = note(turn, id, &before, &r);
    let answer = Answer::Registered { node: id, name: Arc::clone(&node.name) };
    if before.flags.reboot_issued && !rebooted {
        // The last words of the system that is going down.
        return Ok(answer);
    }
    jobs::compare(turn, (&before, &node), rebooted, &r.steps);
    let started = |node: &Node| node.registration.as_ref().map(|known| known.slurmd_started);
    if started(&before) != started(&node) {
        job::slurmd_restarted(turn, id);
    }
    validate(turn, id, &before, &r, rebooted);
    if before.flags.powering_up {
        job::node_came_up(turn, id);
    }
    let is_schedulable = turn.cluster().node(id).is_some_and(|node| node.is_schedulable());
    if is_schedulable && !before.is_schedulable() {
        turn.emit(Effect::Schedule);
    }
    Ok(answer)
}

fn no_node(r: &Registered) -> Reject {
    Reject::NoSuchNode(Arc::clone(&r.node_name))
}

/// Whether it is the machine as it was before it was started or stopped that speaks: what it says does
/// not count any more.
fn is_too_early(turn: &Turn<'_>, node: &Node, r: &Registered) -> bool {
    let Some(request) = node.power else {
        return false;
    };
    let stop_s = || {
        let power = turn.cluster().config().power.as_ref();
        power.map_or(0, |power| u64::from(power.suspend_timeout_s))
    };
    let booted = r.registration.booted;
    node.flags.powering_up && booted < request.at
        || node.flags.powering_down && booted < request.at.plus_s(stop_s())
}

/// Whether the machine has booted since it was last heard of.
fn rebooted(before: &Node, r: &Registered) -> bool {
    let booted = r.registration.booted;
    match (before.last_response, &before.registration) {
        (Some(heard), _) => booted > heard,
        // When it was heard of is not kept over a restart of the controller.
        (None, Some(old)) => booted.since(old.booted) > SAME_BOOT_S,
        (None, None) => false,
    }
}

/// A node that nobody configured (`slurmd -Z`) gets a place in the table. It needs cons_tres.
fn welcome(turn: &mut Turn<'_>, node: &Node) -> Result<NodeId, Reject> {
    if turn.config().consumable.unit == Unit::Node {
        return Err(Reject::AccessDenied);
    }
    super::update::add(turn, Node::clone(node))
}

/// The place of a `slurmd -F`.
enum Place {
    /// It has one.
    Old(NodeId),
    /// It was given this one.
    New(NodeId, Arc<str>),
}

/// A `slurmd -F` takes the place that it had, or else the first that fits.
fn take_place(turn: &mut Turn<'_>, r: &Registered, feature: Option<&str>) -> Result<Place, Reject> {
    let is_taken = |node: &&Arc<Node>| {
        node.availability != Availability::Future && node.address.host_name == r.host_name
    };
    if let Some(node) = turn.cluster().nodes().find(is_taken) {
        return Ok(Place::Old(node.id));
    }
    let found = &r.registration;
    let fits = |node: &Node| match feature {
        Some(feature) => node.features_available.iter().any(|f| **f == *feature),
        None => {
            let want = &node.hardware;
            (want.cpus, want.boards, want.sockets) == (found.cpus, found.boards, found.sockets)
                && want.cores_per_socket == found.cores_per_socket
                && want.threads_per_core == found.threads_per_core
        }
    };
    let free = |node: &&Arc<Node>| node.availability == Availability::Future && fits(node);
    let id = turn.cluster().nodes().find(free).map(|node| node.id).ok_or_else(|| no_node(r))?;
    let now = turn.now;
    let node = turn.edit_node(id, |node| {
        node.availability = Availability::Unknown;
        node.address.host_name = Arc::clone(&r.host_name);
        node.address.host = r.peer.ip().to_string().into();
        node.address.seen = Some(r.peer);
        node.last_response = Some(now);
    });
    Ok(Place::New(id, Arc::clone(&node.name)))
}

/// Notes what the node says of itself.
fn note(turn: &mut Turn<'_>, id: NodeId, before: &Node, r: &Registered) -> Arc<Node> {
    let now = turn.now;
    let is_cloud = before.flags.cloud;
    let is_dynamic = before.origin == model::Origin::Dynamic;
    turn.edit_node(id, |node| {
        node.last_response = Some(now);
        node.cpu_load = Some(r.load.0);
        node.free_memory_mib = Some(r.load.1);
        node.registration = Some(Arc::new(r.registration.clone()));
        node.address.seen = Some(r.peer);
        if is_dynamic || is_cloud {
            node.address.host_name = Arc::clone(&r.host_name);
            node.address.host = r.peer.ip().to_string().into();
        }
        if let Some(features) = &r.features_available {
            node.features_available = Arc::clone(features);
        }
        if let Some(features) = &r.features_active {
            node.features_active = Arc::clone(features);
        }
        super::update::set_text(&mut node.instance_id, r.instance.0.as_ref());
        super::update::set_text(&mut node.instance_type, r.instance.1.as_ref());
        super::update::set_text(&mut node.extra, r.extra.as_ref());
    })
}

/// Brings the node into service, or sets it down or drains it for what is wrong with it.
fn validate(turn: &mut Turn<'_>, id: NodeId, before: &Node, r: &Registered, rebooted: bool) {
    let config = turn.config();
    let problem = misfit(&config, before, r);
    let now = turn.now;
    let was_off = before.flags.powering_up || before.flags.powered_down;
    turn.edit_node(id, |node| {
        node.flags.not_responding = false;
        node.flags.powering_up = false;
        node.flags.powering_down = false;
        node.flags.powered_down = false;
        node.flags.invalid = problem.is_some();
        node.power = None;
        if was_off {
            node.last_busy = Some(now);
        }
    });
    // A node that was not in service does not come into it with either (24.11).
    if let Some(reason) = problem {
        invalid(turn, id, &reason);
        if was_off && !before.flags.invalid {
            // What it was started for cannot run there.
            health::lose_jobs(turn, id);
        }
    } else if let Some(reason) = &r.trouble {
        health::drain(turn, id, reason);
    } else {
        into_service(turn, id, before, rebooted);
    }
}

/// A node that is unknown or planned is there from now on.
fn become_known(turn: &mut Turn<'_>, id: NodeId) {
    let now = turn.now;
    let is_new =
        |node: &Node| matches!(node.availability, Availability::Unknown | Availability::Future);
    if turn.cluster().node(id).is_some_and(|node| is_new(node)) {
        turn.edit_node(id, |node| {
            node.availability = Availability::Up;
            node.last_busy = node.last_busy.max(Some(now));
        });
    }
}

/// A node that does not fit takes no new jobs; what is wrong is told even if it took none before.
fn invalid(turn: &mut Turn<'_>, id: NodeId, text: &str) {
    let reason = reason_at(turn, text, turn.config().slurm_user);
    turn.edit_node(id, |node| {
        let out = node.availability == Availability::Down || node.flags.drain || node.flags.fail;
        if !out {
            node.flags.drain = true;
        }
        if node.reason.as_ref().is_none_or(|old| old.text != reason.text) {
            node.reason = Some(reason);
        }
    });
}

fn into_service(turn: &mut Turn<'_>, id: NodeId, before: &Node, rebooted: bool) {
    let config = turn.config();
    match before.availability {
        Availability::Unknown | Availability::Future => become_known(turn, id),
        Availability::Down if returns(&config, before, rebooted) => returned(turn, id),
        Availability::Up | Availability::Down => {
            let always = config.return_to_service == ReturnToService::Always;
            let is_drained = before.flags.drain && turn.cluster().usage(id).is_idle();
            if rebooted && !always && !is_drained {
                unexpectedly_rebooted(turn, id, before);
            }
        }
    }
}

/// Whether a node that is down comes back by registering.
fn returns(config: &model::Config, node: &Node, rebooted: bool) -> bool {
    let silent = node.reason.as_ref().is_some_and(|reason| &*reason.text == NOT_RESPONDING);
    match config.return_to_service {
        _ if node.flags.reboot_issued => true,
        ReturnToService::Never => false,
        // A silent node that has also booted was more than silent.
        ReturnToService::IfNotResponding => silent && !rebooted,
        ReturnToService::Always => true,
    }
}

fn returned(turn: &mut Turn<'_>, id: NodeId) {
    let now = turn.now;
    let complete = reason_at(turn, "reboot complete", turn.config().slurm_user);
    turn.edit_node(id, |node| {
        let stays_down = node.flags.reboot_downs;
        if node.flags.reboot_drained || node.flags.reboot_resumes || stays_down {
            node.flags.drain = false;
        }
        node.flags.reboot_issued = false;
        super::update::forget_reboot(node);
        node.resume_after = None;
        if stays_down {
            node.reason = Some(health::said_too(node.reason.take(), complete));
            return;
        }
        node.availability = Availability::Up;
        node.last_busy = Some(now);
        if !(node.flags.drain || node.flags.fail) {
            node.reason = None;
        }
    });
}

/// Sets a node down whose machine booted without anybody asking for it: what ran there is gone.
fn unexpectedly_rebooted(turn: &mut Turn<'_>, id: NodeId, before: &Node) {
    let asked = before.flags.reboot_requested;
    let old = before.reason.clone().filter(|r| !asked && &*r.text != NOT_RESPONDING);
    let reason = reason_at(turn, REBOOTED, turn.config().slurm_user);
    turn.edit_node(id, |node| {
        if node.flags.reboot_drained {
            node.flags.drain = false;
        }
        super::update::forget_reboot(node);
    });
    down_for(turn, id, old.unwrap_or(reason));
}

fn down_for(turn: &mut Turn<'_>, id: NodeId, reason: NodeReason) {
    turn.edit_node(id, |node| {
        node.availability = Availability::Down;
        node.reason = Some(reason);
    });
    health::lose_jobs(turn, id);
}

/// Why a node cannot be used as configured, in slurmctld's words.
fn misfit(config: &model::Config, node: &Node, r: &Registered) -> Option<String> {
    let (want, found) = (&node.hardware, &r.registration);
    let names: BTreeSet<&str> = want.gres.iter().map(|gres| &*gres.name).collect();
    let mut reasons: Vec<String> =
        names.into_iter().filter_map(|name| gres_misfit(name, &want.gres, r)).collect();
    if config.config_overrides {
        // What is said of generic resources is not overridden (24.11).
        return reasons.pop();
    }
    let threads = |sockets: u16, cores: u16, threads: u16| {
        u64::from(sockets) * u64::from(cores) * u64::from(threads)
    };
    let has = threads(found.sockets, found.cores_per_socket, found.threads_per_core);
    if has < threads(want.sockets, want.cores_per_socket, want.threads_per_core) {
        reasons.push("Low socket*core*thread count".to_owned());
    }
    if found.cpus < want.cpus {
        reasons.push("Low CPUs".to_owned());
    }
    let percent = if node.flags.cloud { CLOUD_MEMORY_PERCENT } else { 100 };
    if found.memory_mib.saturating_mul(100) < want.memory_mib.saturating_mul(percent) {
        reasons.push(format!(
            "Low RealMemory (reported:{} < {percent}.00% of configured:{})",
            found.memory_mib, want.memory_mib
        ));
    }
    if found.tmp_disk_mib < want.tmp_disk_mib {
        reasons.push("Low TmpDisk".to_owned());
    }
    (!reasons.is_empty()).then(|| reasons.join(", "))
}

/// Fewer of a name than configured, whatever their types: slurmd leaves out those of types that are not
/// configured.
fn gres_misfit(name: &str, want: &[GresCount], r: &Registered) -> Option<String> {
    let found = r.gres.as_ref()?;
    let sum = |counts: &[GresCount]| -> u64 {
        counts.iter().filter(|gres| *gres.name == *name).map(|gres| gres.count).sum()
    };
    let (has, wanted) = (sum(found), sum(want));
    (has < wanted)
        .then(|| format!("gres/{name} count reported lower than configured ({has} < {wanted})"))
}
