//! What happens because time goes by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Change, Exit, Job, JobId, Launch, NodeId, Outcome, Phase, Timestamp, WaitReason};

use crate::effect::{Effect, NodeMessage};
use crate::event::Answer;
use crate::power::{self, PowerClock};
use crate::reject::Reject;
use crate::turn::Turn;
use crate::{job, mail, node, reservation, step, trigger};

/// What the core remembers of time: nothing that a restart would miss, since all of it follows from
/// the records or is asked of the nodes anew.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// Waiting jobs by the next moment that changes what they wait for.
    waits: BTreeSet<(Timestamp, JobId)>,
    /// The same, by job.
    wait_of: BTreeMap<JobId, Timestamp>,
    /// Launches of which it is not known whether they were delivered.
    pub(crate) doubts: job::Doubts,
    /// Steps with a time limit of their own.
    pub(crate) step_limits: step::StepLimits,
    /// Interactive clients, and when they were heard of.
    pub(crate) clients: job::Clients,
    /// Nodes that are started and stopped.
    pub(crate) power: PowerClock,
    /// When clients were last told that their time is up soon.
    warned: Option<Timestamp>,
    /// When nodes were last asked whether they are there.
    pinged: Option<Timestamp>,
    /// When nodes that are not clean were last asked what runs there.
    inspected: Option<Timestamp>,
    /// Since when nodes are idle.
    idle_nodes: trigger::IdleNodes,
    /// Which node's turn it is to register anew.
    turn_of: u32,
    /// How far priorities are those of today.
    pub(crate) appraisal: job::Appraisal,
    /// When all nodes were last told to check themselves, or the first tick.
    checked: Option<Timestamp>,
}

impl Clock {
    /// Notes the next moment at which the clock alone changes what a job waits for.
    pub(crate) fn watch(&mut self, job: &Job) {
        if let Some(at) = self.wait_of.remove(&job.id) {
            self.waits.remove(&(at, job.id));
        }
        if !job.is_pending() {
            return;
        }
        let begin = job.begin.filter(|_| job.eligible.is_none());
        if let Some(at) = [begin, job.spec.deadline].into_iter().flatten().min() {
            self.waits.insert((at, job.id));
            self.wait_of.insert(job.id, at);
        }
    }

    pub(crate) fn watched(&self) -> BTreeSet<JobId> {
        self.wait_of.keys().copied().collect()
    }

    fn due(&mut self, now: Timestamp) -> Vec<JobId> {
        let mut due = Vec::new();
        while let Some(&(at, id)) = self.waits.first() {
            if at > now {
                break;
            }
            self.waits.pop_first();
            self.wait_of.remove(&id);
            due.push(id);
        }
        due
    }
}

/// A second has gone by.
pub(crate) fn ticked(turn: &mut Turn<'_>, clock: &mut Clock) -> Result<Answer, Reject> {
    // First, since a job that is out of time is told of too.
    mail::time_goes_by(turn);
    times_up(turn);
    step::times_up(turn, &mut clock.step_limits);
    job::ask_clients(turn, &mut clock.clients);
    warn_clients(turn, clock);
    warnings(turn);
    waits_over(turn, clock);
    job::appraise(turn, &mut clock.appraisal);
    node::ticked(turn);
    ask_again(turn, clock);
    forget(turn);
    ping(turn, clock);
    health_checks(turn, clock);
    inspect(turn, clock);
    reservation::ticked(turn);
    power::ticked(turn, &mut clock.power);
    trigger::ticked(turn, &mut clock.idle_nodes);
    Ok(Answer::Done)
}

/// Ends jobs that have run for their time and the grace that OverTimeLimit gives, and those that were told to
/// make room.
fn times_up(turn: &mut Turn<'_>) {
    let runs = |job: &&Arc<Job>| matches!(job.phase, Phase::Running(_));
    let due = |job: &&Arc<Job>| runs(job) && job::is_due(job, turn.now);
    let due: Vec<JobId> =
        turn.cluster().out_of_time(turn.now).filter(due).map(|job| job.id).collect();
    for id in due {
        job::made_to_go(turn, id);
    }
    let config = turn.config();
    let up: Vec<Arc<Job>> = turn
        .cluster()
        .out_of_time(turn.now)
        .filter(|job| {
            let partition = turn.cluster().partition(&job.partition);
            let over = partition.and_then(|p| p.over_time_limit_min);
            let over = over.unwrap_or(config.over_time_limit_min);
            // UNLIMITED (0xffff): the limit never ends a job.
            let end = job.ended.unwrap_or(turn.now);
            over != u16::MAX && end.plus_s(u64::from(over) * 60) <= turn.now
        })
        .filter(|job| runs(job) && !power::is_waking(job))
        .cloned()
        .collect();
    for job in up {
        let outcome = Outcome { exit: Exit::Timeout, status: 0, derived_status: 0 };
        let message = |job| NodeMessage::KillTimeLimit { job };
        job::end(turn, &job, outcome, WaitReason::TimeLimit, message);
    }
}

/// Seconds between two warnings of clients whose time is up soon, and how soon that is (24.11: the
/// controller's round of 30 s, two rounds).
const WARNED_EVERY_S: u64 = 30;
const SOON_S: u64 = 60;

/// Tells the clients of jobs and their steps that the time of the job is up soon.
fn warn_clients(turn: &mut Turn<'_>, clock: &mut Clock) {
    if clock.warned.is_some_and(|at| turn.now.since(at) < WARNED_EVERY_S) {
        return;
    }
    clock.warned = Some(turn.now);
    let soon = turn.now.plus_s(SOON_S);
    let due: Vec<Arc<Job>> = turn
        .cluster()
        .out_of_time(soon)
        .filter(|job| matches!(job.phase, Phase::Running(_)) && !power::is_waking(job))
        .cloned()
        .collect();
    for job in due {
        let at = job.ended.unwrap_or(turn.now);
        step::warn_all(turn, job.id, at);
        job::warn_client(turn, &job, at);
    }
}

/// Sends the signals that jobs asked for before their end.
fn warnings(turn: &mut Turn<'_>) {
    let due: Vec<Arc<Job>> = turn
        .cluster()
        .active()
        .filter(|job| job.spec.warn_signal > 0 && !job.warned)
        .filter(|job| job.phase == Phase::Running(Launch::Done))
        .filter(|job| {
            let early = job.ended.map(|end| end.0 - i64::from(job.spec.warn_time_s));
            job.time_limit_min.is_some() && early.is_some_and(|early| early <= turn.now.0)
        })
        .cloned()
        .collect();
    for job in due {
        let job = turn.edit_job(&job, |job| job.warned = true);
        job::signal(turn, &job, job.spec.warn_signal, job.spec.warn_flags, None);
    }
}

/// Begin times that have come, deadlines that have gone.
fn waits_over(turn: &mut Turn<'_>, clock: &mut Clock) {
    for id in clock.due(turn.now) {
        let Some(job) = turn.cluster().job(id).filter(|job| job.is_pending()).cloned() else {
            continue;
        };
        if job.spec.deadline.is_some_and(|deadline| deadline <= turn.now) {
            let outcome = Outcome { exit: Exit::Deadline, status: 1, derived_status: 0 };
            job::end_waiting(turn, &job, outcome, WaitReason::DeadLine);
        } else {
            job::became_eligible(turn, &job);
        }
    }
}

/// Asks again for what was asked for and has not come.
fn ask_again(turn: &mut Turn<'_>, clock: &mut Clock) {
    let config = turn.config();
    let message_s = u64::from(config.message_timeout_s);
    let clean_up_s = u64::from(config.kill_wait_s) + 2 * message_s;
    let stale: Vec<Arc<Job>> = turn
        .cluster()
        .completing()
        .filter(|job| match &job.phase {
            Phase::Completing(completing) => turn.now.since(completing.told) > clean_up_s,
            _ => false,
        })
        .cloned()
        .collect();
    for job in stale {
        let now = turn.now;
        let job = turn.edit_job(&job, |job| {
            if let Phase::Completing(completing) = &mut job.phase {
                completing.told = now;
            }
        });
        for effect in job::outstanding(&job) {
            turn.emit(effect);
        }
    }
    let launch_s = u64::from(config.batch_start_timeout_s) + 4 * message_s;
    prologs_again(turn, message_s);
    let waits = |job: &Arc<Job>| match job.phase {
        Phase::Running(
            Launch::Sending { since }
            | Launch::Configuring { since }
            | Launch::Waking { prolog: Some(since) },
        ) => turn.now.since(since) > launch_s,
        _ => false,
    };
    let unanswered: Vec<Arc<Job>> =
        turn.cluster().active().filter(|job| waits(job)).cloned().collect();
    for job in unanswered {
        let now = turn.now;
        if let Some(sent) = job::sent_at(&job) {
            if now.since(sent).is_multiple_of(message_s.max(1)) {
                job::unanswered(turn, &mut clock.doubts, &job);
            }
            continue;
        }
        let job = turn.edit_job(&job, |job| {
            job.phase = Phase::Running(match job.phase {
                Phase::Running(Launch::Waking { .. }) => Launch::Waking { prolog: Some(now) },
                _ => Launch::Configuring { since: now },
            });
        });
        for effect in job::outstanding(&job) {
            turn.emit(effect);
        }
    }
}

/// Asks again the nodes that have not acknowledged that they are to run a prolog: soon, since a slurmd
/// that has the script waits for no longer than twice MessageTimeout to hear of it.
fn prologs_again(turn: &mut Turn<'_>, message_s: u64) {
    let now = turn.now;
    let is_stale = |job: &&Arc<Job>| {
        let unasked = job.prologs.as_ref().filter(|prologs| !prologs.unasked.is_empty());
        unasked.is_some_and(|prologs| now.since(prologs.since) > message_s)
    };
    let jobs: Vec<Arc<Job>> = turn.cluster().active().filter(is_stale).cloned().collect();
    for job in jobs {
        let job = turn.edit_job(&job, |job| {
            if let Some(prologs) = &mut job.prologs {
                prologs.since = now;
            }
        });
        for effect in job::prologs_outstanding(&job) {
            turn.emit(effect);
        }
    }
}

/// Forgets jobs that ended MinJobAge ago. The record that an array was submitted as stays as long
/// as another of the array, since the script is kept under its number; so does a job that others
/// wait for. The components of a heterogeneous job go together.
fn forget(turn: &mut Turn<'_>) {
    let age = i64::from(turn.config().min_job_age_s);
    if age == 0 {
        return;
    }
    let cluster = turn.cluster();
    let before = Timestamp(turn.now.0 - age);
    let is_old = |job: &Arc<Job>| {
        job.phase == Phase::Ended
            && job.ended.is_some_and(|ended| ended <= before)
            && cluster.dependents(job.id).next().is_none()
    };
    let old: Vec<JobId> = cluster
        .ended_by(before)
        .filter(|job| cluster.dependents(job.id).next().is_none())
        .filter(|job| cluster.dependents(job.array_job()).next().is_none())
        .filter(|job| job.array_job() != job.id || cluster.array_records(job.id).nth(1).is_none())
        .filter(|job| job.het_job() == job.id && cluster.components(job).all(is_old))
        .take(FORGOTTEN_A_SECOND_MAX)
        .flat_map(|job| cluster.components(job).map(|job| job.id))
        .collect();
    for id in old {
        turn.record(Change::JobGone(id));
    }
}

/// How many jobs are forgotten in one turn: a burst that ended together must not hold up everybody.
const FORGOTTEN_A_SECOND_MAX: usize = 20_000;

/// Seconds between two questions to a node that may still run what was given up: it takes no job
/// meanwhile.
const INSPECTION_S: u64 = 3;

/// Asks nodes on which jobs were given up what is left of them.
fn inspect(turn: &mut Turn<'_>, clock: &mut Clock) {
    if clock.inspected.is_none_or(|at| turn.now.since(at) >= INSPECTION_S) {
        clock.inspected = Some(turn.now);
        node::ask_again(turn);
    }
}

/// Has nodes run HealthCheckProgram, all at once or, with CYCLE, a few each second of the interval.
fn health_checks(turn: &mut Turn<'_>, clock: &mut Clock) {
    let Some(check) = turn.config().health_check else {
        return;
    };
    let interval_s = u64::from(check.interval_s.max(1));
    let first = *clock.checked.get_or_insert(turn.now);
    let since = turn.now.since(first);
    if !check.cycle && since < interval_s {
        return;
    }
    if !check.cycle {
        clock.checked = Some(turn.now);
    }
    let len = u64::from(turn.cluster().node_table_len());
    let in_turn = |id: NodeId| {
        !check.cycle || u64::from(id.0) * interval_s / len.max(1) == since % interval_s
    };
    let asked: Vec<NodeId> = turn
        .cluster()
        .nodes()
        .filter(|node| in_turn(node.id) && node::is_checked(turn.cluster(), check, node))
        .map(|node| node.id)
        .collect();
    for node in asked {
        turn.emit(Effect::ToNode { node, message: NodeMessage::HealthCheck });
    }
}

/// Asks silent nodes whether they are there, three times in SlurmdTimeout; and a few of them, in
/// turn, to register anew.
fn ping(turn: &mut Turn<'_>, clock: &mut Clock) {
    let config = turn.config();
    let every_s = u64::from(config.slurmd_timeout_s) / 3;
    if every_s == 0 || clock.pinged.is_some_and(|at| turn.now.since(at) < every_s) {
        return;
    }
    clock.pinged = Some(turn.now);
    let len = turn.cluster().node_table_len();
    let window = u32::from(config.tree_width.clamp(1, 50));
    let in_turn = |id: NodeId| id.0.wrapping_sub(clock.turn_of) < window;
    let messages: Vec<(NodeId, NodeMessage)> = turn
        .cluster()
        .nodes()
        .filter(|node| node::may_be_asked(node))
        .filter_map(|node| {
            let silent = node.last_response.is_none_or(|at| turn.now.since(at) >= every_s);
            let is_new = node.registration.is_none();
            if is_new || in_turn(node.id) {
                Some((node.id, NodeMessage::Register))
            } else if node::is_given_up(node) {
                None
            } else {
                silent.then_some((node.id, NodeMessage::Ping))
            }
        })
        .collect();
    clock.turn_of = if clock.turn_of + window >= len { 0 } else { clock.turn_of + window };
    for (node, message) in messages {
        turn.emit(Effect::ToNode { node, message });
    }
}
