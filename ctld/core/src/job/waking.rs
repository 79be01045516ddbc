//! Jobs whose nodes are being started.

use std::sync::Arc;

use model::{Cluster, Config, Job, Launch, NodeId, NumberOption, Phase};

use crate::effect::Effect;
use crate::job::launch;
use crate::power::is_waking;
use crate::turn::Turn;

/// Whether the nodes of a job are all there, as far as it waits for them: a script wants its own node,
/// and the others only where `--wait-all-nodes` says so or their addresses are not known before; but
/// none that is off.
pub(crate) fn nodes_are_up(cluster: &Cluster, job: &Job) -> bool {
    let Some(allocation) = job.allocation.as_deref() else {
        return true;
    };
    let nodes = || allocation.shares.iter().filter_map(|share| cluster.node(share.node));
    let all = !job.batch
        || job.spec.carried.number(NumberOption::WaitAllNodes).is_some_and(|all| all > 0)
        || nodes().any(|node| node.flags.cloud);
    let host = allocation.batch_host();
    let up = |id: NodeId, powering_up: bool| !powering_up || !(all || id == host);
    nodes().all(|node| {
        let f = node.flags;
        !(f.powered_down || f.powering_down) && up(node.id, f.powering_up)
    })
}

/// A node has come up: jobs that waited for it alone go on.
pub(crate) fn node_came_up(turn: &mut Turn<'_>, node: NodeId) {
    let waits = |job: &&Arc<Job>| is_waking(job) && nodes_are_up(turn.cluster(), job);
    let jobs: Vec<Arc<Job>> = turn.cluster().jobs_on(node).filter(waits).cloned().collect();
    for job in jobs {
        awake(turn, &job);
    }
}

/// All nodes of a job are up: its time begins.
pub(crate) fn awake(turn: &mut Turn<'_>, job: &Arc<Job>) {
    let Phase::Running(Launch::Waking { prolog }) = job.phase else {
        return;
    };
    let Some(allocation) = job.allocation.clone() else {
        return;
    };
    let (config, now) = (turn.config(), turn.now);
    let job = turn.edit_job(job, |job| {
        job.started = Some(now);
        job.ended = job.time_limit_min.map(|minutes| now.plus_s(u64::from(minutes) * 60));
        job.phase = match prolog {
            Some(since) => Phase::Running(Launch::Configuring { since }),
            None => launch::on_nodes(&config, job, &allocation, now),
        };
    });
    if prolog.is_none() {
        for effect in launch::outstanding(&job) {
            turn.emit(effect);
        }
    }
    launch::record_steps(turn, &job);
    launch::prepared(turn, &job);
    turn.emit(Effect::Schedule);
}

/// How a job begins some of whose nodes are off: PrologSlurmctld runs while they start.
pub(super) fn begin(config: &Config, now: model::Timestamp) -> Phase {
    Phase::Running(Launch::Waking { prolog: config.prolog_slurmctld.then_some(now) })
}
