//! A node introduces itself.

use std::sync::Arc;

use model::{
    Availability, Exit, Hold, Job, JobId, Launch, Node, NodeId, Outcome, Phase, ReturnToService,
    StepNumber, WaitReason,
};

use crate::access;
use crate::effect::{Effect, NodeMessage};
use crate::event::{Answer, Registered};
use crate::job;
use crate::node::health::{self, NOT_RESPONDING};
use crate::reject::Reject;
use crate::turn::Turn;

/// A node introduces itself: it is put into the table if it may make itself a place there, its jobs
/// are compared with ours, and it is brought into service, or drained with a reason.
///
/// A node that does not fit its configuration is accepted all the same: a slurmd that is refused
/// asks again and again.
pub(crate) fn registered(turn: &mut Turn<'_>, r: Registered) -> Result<Answer, Reject> {
    access::require_daemon(turn.cluster().config(), r.caller)?;
    let id = match turn.cluster().node_named(&r.node_name) {
        Some(node) => node.id,
        None => welcome(turn, &r)?,
    };
    let before = turn.cluster().node(id).cloned().ok_or_else(|| no_node(&r))?;
    let problem = misfit(&turn.config(), &before, &r);
    let now = turn.now;
    let registration = Arc::new(r.registration.clone());
    let config = turn.config();
    let node = turn.edit_node(id, |node| {
        node.last_response = Some(now);
        node.cpu_load = Some(r.load.0);
        node.free_memory_mib = Some(r.load.1);
        node.address.seen = Some(r.peer);
        node.registration = Some(registration);
        if node.origin == model::Origin::Dynamic || node.flags.cloud {
            node.address.host_name = Arc::clone(&r.host_name);
        }
        if let Some(features) = &r.features_available {
            node.features_available = Arc::clone(features);
        }
        if let Some(features) = &r.features_active {
            node.features_active = Arc::clone(features);
        }
        node.instance_id = r.instance.0.clone().or(node.instance_id.take());
        node.instance_type = r.instance.1.clone().or(node.instance_type.take());
        node.extra = r.extra.clone().or(node.extra.take());
        into_service(node, &before, &config, problem.is_none());
    });
    match problem {
        Some(reason) => {
            health::drain(turn, id, &reason);
            turn.edit_node(id, |node| node.flags.invalid = true);
        }
        None if node.flags.invalid => {
            turn.edit_node(id, |node| node.flags.invalid = false);
        }
        None => {}
    }
    compare_jobs(turn, &node, &before, &r.steps);
    if node.is_schedulable() && !before.is_schedulable() {
        turn.emit(Effect::Schedule);
    }
    Ok(Answer::Registered { node: id, name: Arc::clone(&node.name) })
}

fn no_node(r: &Registered) -> Reject {
    Reject::NoSuchNode(Arc::clone(&r.node_name))
}

/// A node that nobody configured (`slurmd -Z`) gets a place in the table.
fn welcome(turn: &mut Turn<'_>, r: &Registered) -> Result<NodeId, Reject> {
    let Some(dynamic) = &r.dynamic else {
        return Err(no_node(r));
    };
    super::update::add(turn, Node::clone(dynamic))
}

/// Brings a node into service as it registers, as far as its state lets it.
fn into_service(node: &mut Node, before: &Node, config: &model::Config, fits: bool) {
    node.flags.not_responding = false;
    node.flags.powering_up = false;
    node.flags.powered_down = false;
    let booted_since = before
        .registration
        .as_ref()
        .zip(node.registration.as_ref())
        .is_some_and(|(old, new)| new.booted > old.booted);
    if node.flags.reboot_issued && booted_since {
        node.flags.reboot_issued = false;
        node.flags.reboot_requested = false;
        if node.availability == Availability::Down {
            node.availability = Availability::Up;
            node.reason = None;
        }
    }
    match node.availability {
        Availability::Unknown | Availability::Future => node.availability = Availability::Up,
        Availability::Up => {}
        Availability::Down if fits => {
            let silent = node.reason.as_ref().is_some_and(|r| &*r.text == NOT_RESPONDING);
            let back = match config.return_to_service {
                ReturnToService::Never => false,
                // A silent node that has also booted was more than silent.
                ReturnToService::IfNotResponding => silent && !booted_since,
                ReturnToService::Always => true,
            };
            if back {
                node.availability = Availability::Up;
                if !node.flags.drain {
                    node.reason = None;
                }
            }
        }
        Availability::Down => {}
    }
}

/// Why a node cannot be used as configured, in slurmctld's words.
fn misfit(config: &model::Config, node: &Node, r: &Registered) -> Option<String> {
    if r.status != 0 {
        return Some("Prolog error".to_owned());
    }
    if config.config_overrides {
        return None;
    }
    let (want, found) = (&node.hardware, &r.registration);
    let cores = u32::from(found.sockets) * u32::from(found.cores_per_socket);
    let threads = cores * u32::from(found.threads_per_core);
    let mut reasons = Vec::new();
    if threads < want.cores() * u32::from(want.threads_per_core) && cores < u32::from(want.cpus) {
        reasons.push("Low socket*core*thread count".to_owned());
    }
    if found.cpus < want.cpus {
        reasons.push("Low CPUs".to_owned());
    }
    if found.memory_mib < want.memory_mib {
        reasons.push(format!(
            "Low RealMemory (reported:{} < 100.00% of configured:{})",
            found.memory_mib, want.memory_mib
        ));
    }
    if found.tmp_disk_mib < want.tmp_disk_mib {
        reasons.push("Low TmpDisk".to_owned());
    }
    for gres in want.gres.iter() {
        let has: u64 = r
            .gres
            .iter()
            .flat_map(|list| list.iter())
            .filter(|g| g.name == gres.name && (gres.kind.is_none() || g.kind == gres.kind))
            .map(|g| g.count)
            .sum();
        if r.gres.is_some() && has < gres.count {
            reasons.push(format!(
                "gres/{} count reported lower than configured ({} < {})",
                gres.name, has, gres.count
            ));
        }
    }
    (!reasons.is_empty()).then(|| reasons.join(", "))
}

/// What runs there against what should.
fn compare_jobs(
    turn: &mut Turn<'_>,
    node: &Arc<Node>,
    before: &Node,
    steps: &[(JobId, StepNumber)],
) {
    for &(id, step) in steps {
        let message = match turn.cluster().job(id) {
            Some(job) if is_expected(job, node.id) => continue,
            Some(job) if job.held_shares().any(|share| share.node == node.id) => {
                NodeMessage::Terminate { job: Arc::clone(job) }
            }
            _ => NodeMessage::Abort { job: id, step: Some(step) },
        };
        turn.emit(Effect::ToNode { node: node.id, message });
    }
    let booted = node.registration.as_ref().map(|r| r.booted);
    let rebooted = before.registration.as_ref().is_some_and(|old| booted > Some(old.booted));
    let grace_s =
        u64::from(turn.config().batch_start_timeout_s) + u64::from(turn.config().message_timeout_s);
    let lost: Vec<Arc<Job>> = turn
        .cluster()
        .jobs_on(node.id)
        .filter(|job| job.batch && job.phase == Phase::Running(Launch::Done))
        .filter(|job| job.allocation.as_ref().is_some_and(|a| a.batch_host() == node.id))
        .filter(|job| !steps.contains(&(job.id, StepNumber::Batch)))
        .filter(|job| {
            rebooted || job.started.is_none_or(|started| turn.now.since(started) > grace_s)
        })
        .cloned()
        .collect();
    for job in lost {
        batch_lost(turn, &job, Arc::clone(&node.name));
    }
    let cleaned: Vec<Arc<Job>> = turn
        .cluster()
        .jobs_on(node.id)
        .filter(|job| matches!(job.phase, Phase::Completing(_)) && rebooted)
        .cloned()
        .collect();
    for job in cleaned {
        job::clean_on(turn, &job, node.id);
    }
}

fn is_expected(job: &Job, node: NodeId) -> bool {
    job.is_active() && job.held_shares().any(|share| share.node == node)
}

/// The batch host is there and does not know the script: it ended unseen, or never began.
fn batch_lost(turn: &mut Turn<'_>, job: &Arc<Job>, node_name: Arc<str>) {
    let job = turn.edit_job(job, |job| job.failed_node = Some(node_name));
    if job.spec.requeue {
        job::requeue(turn, &job, Hold::None, None);
    } else {
        let outcome = Outcome { exit: Exit::NodeFail, status: 1, derived_status: 0 };
        let message = |job| NodeMessage::Terminate { job };
        job::end(turn, &job, outcome, WaitReason::NodeFailed, message);
    }
}
