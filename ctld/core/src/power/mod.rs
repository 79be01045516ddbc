//! Power saving: machines are stopped when they have been idle for long enough, and started when jobs
//! are placed on them.
//!
//! The core decides which, and the rim has it done: by SuspendProgram and ResumeProgram, or by whatever
//! else takes a [`PowerOrder`]. A node remembers that it is to be started or stopped
//! ([`model::PowerRequest`]) and whether that was taken; what was not is asked for again, now and then
//! and after a restart, so that an order is carried out at least once, and only then more than once when
//! its receipt was lost. A machine has come up when its slurmd registers, and has not when it does not
//! do so within ResumeTimeout: whatever a program says of itself, only that counts.

mod rate;
mod sleep;
mod spared;
mod times;
mod wake;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Change, Cluster, Job, JobId, Launch, Node, NodeId, Phase, PowerRequest, SuspendExceptions,
    Timestamp,
};

use crate::access::{self, Caller};
use crate::effect::Effect;
use crate::event::Answer;
use crate::job;
use crate::power::rate::Rate;
use crate::power::times::AllTimes;
use crate::reject::Reject;
use crate::turn::Turn;

pub(crate) use sleep::{POWER_DOWN_ASAP, abandoned, left, off};

/// Machines that are to be started or stopped, all in one: a site's program is run once for them.
#[derive(Clone, Debug, PartialEq)]
pub struct PowerOrder {
    /// What is to be done.
    pub action: PowerAction,
    /// The nodes, ascending.
    pub nodes: Vec<NodeId>,
    /// Their names, as a host expression.
    pub list: Arc<str>,
    /// Jobs that wait for some of them, and for which: names as a host expression.
    pub jobs: Vec<(Arc<Job>, Arc<str>)>,
    /// When it was decided; tells an order from an earlier one for the same nodes.
    pub at: Timestamp,
}

/// What is to be done with machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PowerAction {
    /// They are to be started.
    Resume,
    /// They are to be stopped.
    Suspend,
    /// They did not come up within ResumeTimeout: whoever started them is told. Nobody waits for that,
    /// so it is not asked for again.
    GiveUp,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerResult {
    /// It was taken, and is carried out as well as can be.
    Taken,
    /// It could not be passed on; it is asked for again.
    NotTaken,
}

/// What the core remembers of power saving: nothing that does not follow from the records, or that a
/// restart may not forget.
#[derive(Debug, Default)]
pub(crate) struct PowerClock {
    /// Jobs whose nodes are being started.
    waking: BTreeSet<JobId>,
    /// When the nodes were last looked at.
    looked: Option<Timestamp>,
    /// Whether something has changed since.
    is_stale: bool,
    /// When orders that were not taken were last asked for again.
    asked_again: Option<Timestamp>,
    resumes: Rate,
    suspends: Rate,
}

impl PowerClock {
    /// Notes what a change means to power saving.
    pub(crate) fn follow(&mut self, change: &Change) {
        match change {
            Change::Job(job) if is_waking(job) => {
                self.waking.insert(job.id);
                self.is_stale = true;
            }
            Change::Job(job) if !self.waking.is_empty() => {
                self.waking.remove(&job.id);
            }
            Change::Node(_) | Change::Config(_) | Change::Partition(_) => self.is_stale = true,
            _ => {}
        }
    }

    /// Jobs whose nodes are being started, in the order in which they got them.
    fn waking<'c>(&self, cluster: &'c Cluster) -> Vec<&'c Arc<Job>> {
        let jobs = self.waking.iter().filter_map(|id| cluster.job(*id));
        let mut jobs: Vec<_> = jobs.filter(|job| is_waking(job)).collect();
        jobs.sort_by_key(|job| (job.started, job.id));
        jobs
    }
}

/// Whether the nodes of a job are being started.
pub(crate) fn is_waking(job: &Job) -> bool {
    matches!(job.phase, Phase::Running(Launch::Waking { .. }))
}

/// Seconds until an order that was not taken is asked for again.
const ASKED_AGAIN_S: u64 = 10;

/// A second has gone by: if it is time, nodes are started and stopped, and those that were are given
/// up if they took too long.
pub(crate) fn ticked(turn: &mut Turn<'_>, clock: &mut PowerClock) {
    let Some(power) = turn.cluster().config().power.clone() else {
        return;
    };
    let now = turn.now;
    let since = clock.looked.map(|at| now.since(at));
    let is_due = |since: u64| {
        let idle = since > power.interval_s.into();
        since > power.min_interval_s.into() && (clock.is_stale || idle)
    };
    if !since.is_none_or(is_due) {
        return;
    }
    clock.looked = Some(now);
    clock.is_stale = false;
    let interval_s = power.interval_s.max(power.min_interval_s);
    clock.resumes.refill(now, power.resume_rate, interval_s);
    clock.suspends.refill(now, power.suspend_rate, interval_s);
    let times = AllTimes::of(turn.cluster(), &power);
    // What is left from the last look stays to be done in the next.
    clock.is_stale |= wake::woken(turn, clock);
    clock.is_stale |= sleep::sent_to_sleep(turn, clock, &power, &times);
    sleep::asleep(turn, &times);
    wake::never_came_up(turn, &power, &times);
    came_up(turn, clock);
    ask_again(turn, clock);
}

/// Has jobs go on whose nodes are all there: none waits for a node that has gone another way.
fn came_up(turn: &mut Turn<'_>, clock: &PowerClock) {
    let ready = |job: &&Arc<Job>| job::nodes_are_up(turn.cluster(), job);
    let ready: Vec<Arc<Job>> =
        clock.waking(turn.cluster()).into_iter().filter(ready).cloned().collect();
    for job in ready {
        job::awake(turn, &job);
    }
}

fn ask_again(turn: &mut Turn<'_>, clock: &mut PowerClock) {
    let last = *clock.asked_again.get_or_insert(turn.now);
    if turn.now.since(last) >= ASKED_AGAIN_S {
        clock.asked_again = Some(turn.now);
        let is_late = |request: &PowerRequest| turn.now.since(request.at) >= ASKED_AGAIN_S;
        for effect in outstanding(turn.cluster(), is_late) {
            turn.emit(effect);
        }
    }
}

/// Orders that nobody has taken as far as is known, those of one moment together.
pub(crate) fn outstanding(
    cluster: &Cluster,
    is_meant: impl Fn(&PowerRequest) -> bool,
) -> Vec<Effect> {
    let mut orders: BTreeMap<(Timestamp, PowerAction), Vec<NodeId>> = BTreeMap::new();
    for node in cluster.nodes() {
        let Some(request) = node.power.filter(|request| !request.taken && is_meant(request)) else {
            continue;
        };
        let action =
            if node.flags.powering_up { PowerAction::Resume } else { PowerAction::Suspend };
        orders.entry((request.at, action)).or_default().push(node.id);
    }
    let jobs: Vec<&Arc<Job>> = match orders.is_empty() {
        true => Vec::new(),
        false => cluster.active().filter(|job| is_waking(job)).collect(),
    };
    let order = |((at, action), nodes)| {
        let jobs = if action == PowerAction::Resume { &jobs[..] } else { &[] };
        Effect::Power(order(cluster, action, at, nodes, jobs))
    };
    orders.into_iter().map(order).collect()
}

fn order(
    cluster: &Cluster,
    action: PowerAction,
    at: Timestamp,
    nodes: Vec<NodeId>,
    jobs: &[&Arc<Job>],
) -> PowerOrder {
    let of_job = |job: &&Arc<Job>| {
        let own = job.held_shares().map(|share| share.node);
        let own: Vec<NodeId> = own.filter(|id| nodes.binary_search(id).is_ok()).collect();
        (!own.is_empty()).then(|| (Arc::clone(job), model::node_list(cluster, &own)))
    };
    let jobs = jobs.iter().filter_map(of_job).collect();
    PowerOrder { action, list: model::node_list(cluster, &nodes), jobs, nodes, at }
}

/// Whoever starts and stops machines has an order, or could not be given it.
pub(crate) fn told(
    turn: &mut Turn<'_>,
    order: &PowerOrder,
    result: PowerResult,
) -> Result<Answer, Reject> {
    if result == PowerResult::NotTaken {
        return Ok(Answer::Done);
    }
    for id in &order.nodes {
        let request = turn.cluster().node(*id).and_then(|node| node.power);
        if request.is_some_and(|request| request.at == order.at && !request.taken) {
            turn.edit_node(*id, |node| {
                node.power = Some(PowerRequest { at: order.at, taken: true });
            });
        }
    }
    Ok(Answer::Done)
}

/// A job was started in a partition whose nodes are stopped as soon as they are idle
/// (PowerDownOnIdle).
pub(crate) fn job_started(turn: &mut Turn<'_>, job: &Job) {
    if turn.cluster().config().power.is_none() {
        return;
    }
    let partition = turn.cluster().partition(&job.partition);
    if !partition.is_some_and(|partition| partition.power_down_on_idle) {
        return;
    }
    let nodes: Vec<NodeId> = job.held_shares().map(|share| share.node).collect();
    for id in nodes {
        turn.edit_node(id, |node| node.flags.power_down_requested = true);
    }
}

/// slurm.conf was read: without power saving in it no job waits for nodes to be started. Where it is
/// new, nodes count as idle from now on, since nobody has noted when jobs left them.
pub(crate) fn configured(turn: &mut Turn<'_>, was_saving: bool) {
    let now = turn.now;
    if turn.cluster().config().power.is_some() {
        let is_on = |node: &&Arc<Node>| !was_saving && node.is_powered();
        let on: Vec<NodeId> = turn.cluster().nodes().filter(is_on).map(|node| node.id).collect();
        for id in on {
            turn.edit_node(id, |node| node.last_busy = Some(now));
        }
        return;
    }
    let is_ready = |job: &&Arc<Job>| is_waking(job) && job::nodes_are_up(turn.cluster(), job);
    let ready: Vec<Arc<Job>> = turn.cluster().active().filter(is_ready).cloned().collect();
    for job in ready {
        job::awake(turn, &job);
    }
}

/// `scontrol update SuspendExcNodes=` and its like, until slurm.conf is read again.
pub(crate) fn set_exceptions(
    turn: &mut Turn<'_>,
    caller: Caller,
    except: SuspendExceptions,
) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), caller)?;
    let mut config = model::Config::clone(turn.cluster().config());
    config.suspend_except = except;
    turn.record(Change::Config(Arc::new(config)));
    Ok(Answer::Done)
}
