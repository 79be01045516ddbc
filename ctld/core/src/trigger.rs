//! Triggers: programs that run when something happens to a node, a job or the controller.
//!
//! What happens pulls the triggers that wait for it in the same turn, so that an event is not lost
//! with the process; the next tick that finds them due runs their programs. slurmctld looks at what
//! has happened every 15 seconds instead, so several events that it would tell in one run may come
//! in several here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Availability, Cause, Change, Cluster, Counters, Job, JobId, Node, NodeId, Phase, Pulled,
    Timestamp, Trigger, Uid, Watched,
};

use crate::access::{self, Caller};
use crate::effect::Effect;
use crate::event::Answer;
use crate::reject::Reject;
use crate::turn::Turn;

/// `TRIGGER_TYPE_*` of slurm.h.
pub(crate) mod event {
    pub(crate) const UP: u32 = 1 << 0;
    pub(crate) const DOWN: u32 = 1 << 1;
    pub(crate) const FAIL: u32 = 1 << 2;
    pub(crate) const TIME: u32 = 1 << 3;
    pub(crate) const FINI: u32 = 1 << 4;
    pub(crate) const RECONFIG: u32 = 1 << 5;
    pub(crate) const IDLE: u32 = 1 << 7;
    pub(crate) const DRAINED: u32 = 1 << 8;
    pub(crate) const PRIMARY_RESUMED: u32 = 1 << 10;
    pub(crate) const DRAINING: u32 = 1 << 21;
    pub(crate) const RESUME: u32 = 1 << 22;
}

/// Events that somebody else has to tell of, and what the programs are told then.
const TOLD: [(u32, &str); 9] = [
    (1 << 11, "primary_slurmctld_resumed_control"),
    (1 << 12, "primary_slurmctld_acct_buffer_full"),
    (1 << 13, "backup_slurmctld_failure"),
    (1 << 14, "backup_slurmctld_resumed_operation"),
    (1 << 15, "backup_slurmctld_assumed_control"),
    (1 << 16, "primary_slurmdbd_failure"),
    (1 << 17, "primary_slurmdbd_resumed_operation"),
    (1 << 18, "primary_database_failure"),
    (1 << 19, "primary_database_resumed_operation"),
];

/// A trigger as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTrigger {
    /// Who sets it.
    pub caller: Caller,
    /// What it watches.
    pub watched: Watched,
    /// Upon what of it.
    pub events: u32,
    /// Seconds after the event; before it if negative.
    pub offset_s: i32,
    /// Flags.
    pub flags: u16,
    /// What is run.
    pub program: Arc<str>,
    /// Whether the caller may run that, found by a look at the file.
    pub may_run: bool,
}

/// Which triggers are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriggerSelection {
    /// That of this number.
    pub id: Option<u32>,
    /// Those about this job.
    pub job: Option<JobId>,
    /// Those of this user.
    pub owner: Option<Uid>,
}

/// Somebody sets a trigger.
///
/// A controller that is not root cannot run programs as others, so that its own user alone may set
/// triggers then.
pub(crate) fn set(turn: &mut Turn<'_>, new: &NewTrigger) -> Result<Answer, Reject> {
    let config = turn.config();
    if config.no_triggers {
        return Err(Reject::TriggersDisabled);
    }
    let may = access::is_admin(&config, new.caller) || config.user_triggers;
    let is_foreign = config.slurm_user != Uid::ROOT && config.slurm_user != new.caller.uid;
    if !may || is_foreign {
        return Err(Reject::AccessDenied);
    }
    let full = turn.cluster().trigger_count() >= config.max_job_count as usize;
    if full && new.caller.uid != Uid::ROOT {
        return Err(Reject::TooManyTriggers { max: config.max_job_count });
    }
    match &new.watched {
        Watched::Job(id) if turn.job(*id)?.is_finished() => return Err(Reject::JobFinished(*id)),
        Watched::Nodes(Some(nodes)) => {
            let known = model::named_nodes(turn.cluster(), nodes);
            known.map_err(|unknown| Reject::NoSuchNode(Arc::clone(&unknown.name)))?;
        }
        _ => {}
    }
    let counters = turn.cluster().counters();
    let trigger = Trigger {
        id: counters.last_trigger + 1,
        owner: new.caller.uid,
        group: new.caller.gid,
        watched: new.watched.clone(),
        events: new.events,
        offset_s: new.offset_s,
        flags: new.flags,
        program: Arc::clone(&new.program),
        pulled: None,
    };
    let is_same =
        |known: &Arc<Trigger>| Trigger { id: trigger.id, ..Trigger::clone(known) } == trigger;
    if turn.cluster().triggers().any(is_same) {
        return Err(Reject::TriggerExists);
    }
    if !new.may_run {
        return Err(Reject::AccessDenied);
    }
    turn.record(Change::Counters(Counters { last_trigger: trigger.id, ..counters }));
    turn.record(Change::Trigger(Arc::new(trigger)));
    Ok(Answer::Done)
}

/// Somebody takes triggers away: their own, or root anybody's.
pub(crate) fn cleared(
    turn: &mut Turn<'_>,
    caller: Caller,
    which: TriggerSelection,
) -> Result<Answer, Reject> {
    if which.id.is_none() && which.job.is_none() && which.owner.is_none() {
        return Err(Reject::InvalidValue("trigger"));
    }
    let is_meant = |trigger: &&Arc<Trigger>| {
        which.id.is_none_or(|id| id == trigger.id)
            && which.job.is_none_or(|job| trigger.watched == Watched::Job(job))
            && which.owner.is_none_or(|owner| owner == trigger.owner)
    };
    let meant: Vec<_> = turn.cluster().triggers().filter(is_meant).cloned().collect();
    let is_own = |trigger: &&Arc<Trigger>| caller.uid == Uid::ROOT || caller.uid == trigger.owner;
    let own: Vec<u32> = meant.iter().filter(is_own).map(|trigger| trigger.id).collect();
    match (meant.is_empty(), own.is_empty()) {
        (true, _) => Err(Reject::NoSuchTrigger),
        (false, true) => Err(Reject::AccessDenied),
        (false, false) => {
            for id in own {
                turn.record(Change::TriggerGone(id));
            }
            Ok(Answer::Done)
        }
    }
}

/// slurmdbd or a backup controller tells that something has happened to it.
pub(crate) fn told(
    turn: &mut Turn<'_>,
    caller: Caller,
    watched: &Watched,
    events: u32,
) -> Result<Answer, Reject> {
    access::require_admin(turn.cluster().config(), caller).map_err(|_| Reject::NotYourself)?;
    if !matches!(watched, Watched::Controller | Watched::Slurmdbd | Watched::Database) {
        return Err(Reject::InvalidValue("trigger"));
    }
    for (event, word) in TOLD.iter().filter(|(event, _)| events & event != 0) {
        pull_by_word(turn, watched, *event, word);
    }
    Ok(Answer::Done)
}

/// The controller has started.
pub(crate) fn started(turn: &mut Turn<'_>) {
    let word = "primary_slurmctld_resumed_operation";
    pull_by_word(turn, &Watched::Controller, event::PRIMARY_RESUMED, word);
}

/// slurm.conf was read again.
pub(crate) fn reconfigured(turn: &mut Turn<'_>) {
    let waiting = waiting(turn.cluster(), event::RECONFIG);
    for trigger in waiting.iter().filter(|t| matches!(t.watched, Watched::Nodes(_))) {
        pull(turn, trigger, Cause::Word("reconfig".into()));
    }
}

fn pull_by_word(turn: &mut Turn<'_>, watched: &Watched, event: u32, word: &str) {
    let waiting = waiting(turn.cluster(), event);
    for trigger in waiting.iter().filter(|trigger| trigger.watched == *watched) {
        pull(turn, trigger, Cause::Word(word.into()));
    }
}

/// Triggers that wait for one of these events.
fn waiting(cluster: &Cluster, events: u32) -> Vec<Arc<Trigger>> {
    let waits = |trigger: &&Arc<Trigger>| trigger.pulled.is_none() && trigger.events & events != 0;
    cluster.triggers().filter(waits).cloned().collect()
}

fn pull(turn: &mut Turn<'_>, trigger: &Arc<Trigger>, cause: Cause) {
    let due = Timestamp(turn.now.0.saturating_add(trigger.offset_s.into()));
    pull_at(turn, trigger, due, cause);
}

fn pull_at(turn: &mut Turn<'_>, trigger: &Arc<Trigger>, due: Timestamp, cause: Cause) {
    let pulled = Trigger { pulled: Some(Pulled { due, cause }), ..Trigger::clone(trigger) };
    turn.record(Change::Trigger(Arc::new(pulled)));
}

/// What has happened to nodes, and to jobs on them, in a turn.
#[derive(Debug, Default)]
pub(crate) struct News {
    nodes: BTreeMap<NodeId, u32>,
    jobs: BTreeMap<JobId, u32>,
}

impl News {
    /// Whether nothing has happened.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Notes what the change of a node means; to be called when it was made.
    pub(crate) fn node_changed(&mut self, cluster: &Cluster, before: Option<&Node>, now: &Node) {
        let Some(before) = before else {
            return;
        };
        let down = |node: &Node| node.availability == Availability::Down;
        let resumed = before.flags.drain && !now.flags.drain;
        let drains = !before.flags.drain && now.flags.drain;
        let is_free = cluster.jobs_on(now.id).next().is_none();
        let happened = [
            (!down(before) && down(now), event::DOWN),
            (down(before) && now.availability == Availability::Up, event::UP),
            (!before.flags.fail && now.flags.fail, event::FAIL),
            (drains, event::DRAINING),
            (drains && is_free, event::DRAINED),
            (resumed, event::RESUME),
        ];
        let events = happened.iter().filter(|(yes, _)| *yes).fold(0, |all, (_, bit)| all | bit);
        if events != 0 {
            *self.nodes.entry(now.id).or_insert(0) |= events;
            for job in cluster.jobs_on(now.id) {
                *self.jobs.entry(job.id).or_insert(0) |= events;
            }
        }
    }

    /// Notes that a job has left nodes; to be called when it has.
    pub(crate) fn job_changed(&mut self, cluster: &Cluster, before: Option<&Job>) {
        for share in before.into_iter().flat_map(|job| job.held_shares()) {
            let drained = cluster.node(share.node).is_some_and(|node| node.flags.drain);
            if drained && cluster.jobs_on(share.node).next().is_none() {
                *self.nodes.entry(share.node).or_insert(0) |= event::DRAINED;
            }
        }
    }
}

/// Pulls the triggers that wait for what has happened in a turn.
pub(crate) fn heard(turn: &mut Turn<'_>, news: &News) {
    for trigger in turn.cluster().triggers().cloned().collect::<Vec<_>>() {
        match &trigger.watched {
            Watched::Nodes(nodes) => heard_of_nodes(turn, &trigger, nodes.as_deref(), news),
            Watched::Job(job) => {
                let happened = news.jobs.get(job).copied().unwrap_or(0);
                let concerns = event::DOWN | event::FAIL | event::UP;
                if trigger.pulled.is_none() && happened & trigger.events & concerns != 0 {
                    pull(turn, &trigger, Cause::Word(job.to_string().into()));
                }
            }
            Watched::Controller | Watched::Slurmdbd | Watched::Database | Watched::Other => {}
        }
    }
}

/// Nodes to which something happens before the program runs are told of with the first ones.
fn heard_of_nodes(turn: &mut Turn<'_>, trigger: &Arc<Trigger>, watched: Option<&str>, news: &News) {
    let happened = news.nodes.iter().filter(|(_, events)| **events & trigger.events != 0);
    let mut nodes: BTreeSet<NodeId> = happened.map(|(node, _)| *node).collect();
    keep_watched(turn.cluster(), watched, &mut nodes);
    if nodes.is_empty() {
        return;
    }
    match &trigger.pulled {
        None => pull(turn, trigger, Cause::Nodes(nodes)),
        Some(Pulled { due, cause: Cause::Nodes(before) }) => {
            let due = *due;
            nodes.extend(before);
            pull_at(turn, trigger, due, Cause::Nodes(nodes));
        }
        Some(Pulled { cause: Cause::Word(_), .. }) => {}
    }
}

fn keep_watched(cluster: &Cluster, watched: Option<&str>, nodes: &mut BTreeSet<NodeId>) {
    if let (Some(text), false) = (watched, nodes.is_empty()) {
        // A node that was watched and is out of the table has nothing to tell any more.
        let watched = model::named_nodes(cluster, text).unwrap_or_default();
        nodes.retain(|node| watched.contains(node));
    }
}

/// How often idle nodes are looked for, seconds; slurmctld looks at all triggers this often.
const IDLE_LOOK_S: u64 = 15;

/// Since when nodes have been seen idle, as long as a trigger asks for that.
#[derive(Debug, Default)]
pub(crate) struct IdleNodes {
    looked: Option<Timestamp>,
    since: BTreeMap<NodeId, Timestamp>,
}

/// A second has gone by: jobs and idle nodes are looked at, and programs that are due run.
pub(crate) fn ticked(turn: &mut Turn<'_>, idle: &mut IdleNodes) {
    if turn.cluster().trigger_count() == 0 {
        return;
    }
    jobs_looked_at(turn);
    idle_nodes_looked_at(turn, idle);
    run_due(turn);
}

fn jobs_looked_at(turn: &mut Turn<'_>) {
    let about_jobs = turn.cluster().triggers().filter_map(|trigger| match trigger.watched {
        Watched::Job(job) if trigger.pulled.is_none() => Some((Arc::clone(trigger), job)),
        _ => None,
    });
    for (trigger, id) in about_jobs.collect::<Vec<_>>() {
        let job = turn.cluster().job(id).cloned();
        let over = job.as_ref().is_none_or(|job| job.phase == Phase::Ended);
        let word = || Cause::Word(id.to_string().into());
        if over && trigger.events & event::FINI != 0 {
            pull(turn, &trigger, word());
        } else if let Some(job) = job {
            // The offset of these is the time before the end, as a negative number.
            let left = job.ended.filter(|_| !job.is_pending()).map(|end| end.0 - turn.now.0);
            let near = left.is_some_and(|left| left <= -i64::from(trigger.offset_s));
            if trigger.events & event::TIME != 0 && near {
                let now = turn.now;
                pull_at(turn, &trigger, now, word());
            }
        } else {
            turn.record(Change::TriggerGone(trigger.id));
        }
    }
}

fn idle_nodes_looked_at(turn: &mut Turn<'_>, idle: &mut IdleNodes) {
    let waiting = waiting(turn.cluster(), event::IDLE);
    if waiting.is_empty() {
        return idle.since.clear();
    }
    if idle.looked.is_some_and(|at| turn.now.since(at) < IDLE_LOOK_S) {
        return;
    }
    idle.looked = Some(turn.now);
    let cluster = turn.cluster();
    let is_idle = |node: &&Arc<Node>| {
        node.availability == Availability::Up && cluster.jobs_on(node.id).next().is_none()
    };
    let now_idle: BTreeMap<NodeId, Timestamp> = cluster
        .nodes()
        .filter(is_idle)
        .map(|node| {
            let known = idle.since.get(&node.id).copied();
            (node.id, known.unwrap_or_else(|| busy_until(cluster, node)))
        })
        .collect();
    idle.since = now_idle;
    for trigger in waiting {
        let Watched::Nodes(watched) = &trigger.watched else {
            continue;
        };
        let at_least_s = u64::try_from(trigger.offset_s).unwrap_or(0);
        let long = idle.since.iter().filter(|(_, since)| turn.now.since(**since) >= at_least_s);
        let mut nodes: BTreeSet<NodeId> = long.map(|(node, _)| *node).collect();
        keep_watched(turn.cluster(), watched.as_deref(), &mut nodes);
        if !nodes.is_empty() {
            let now = turn.now;
            pull_at(turn, &trigger, now, Cause::Nodes(nodes));
        }
    }
}

/// When a node that is idle was not. What jobs did there that are forgotten is not known any more.
fn busy_until(cluster: &Cluster, node: &Node) -> Timestamp {
    let was_there = |job: &&Arc<Job>| {
        let allocation = job.allocation.as_deref();
        allocation.is_some_and(|a| a.shares.iter().any(|share| share.node == node.id))
    };
    let last = cluster.ended_by(Timestamp(i64::MAX)).filter(was_there).filter_map(|job| job.ended);
    last.max().max(node.last_busy).unwrap_or_default()
}

fn run_due(turn: &mut Turn<'_>) {
    let now = turn.now;
    let is_due = |trigger: &&Arc<Trigger>| trigger.pulled.as_ref().is_some_and(|p| p.due <= now);
    let due: Vec<_> = turn.cluster().triggers().filter(is_due).cloned().collect();
    for trigger in due {
        let argument = match trigger.pulled.as_ref().map(|pulled| &pulled.cause) {
            Some(Cause::Word(word)) => Arc::clone(word),
            Some(Cause::Nodes(nodes)) => {
                let nodes: Vec<NodeId> = nodes.iter().copied().collect();
                model::node_list(turn.cluster(), &nodes)
            }
            None => continue,
        };
        if trigger.is_permanent() {
            let waits = Trigger { pulled: None, ..Trigger::clone(&trigger) };
            turn.record(Change::Trigger(Arc::new(waits)));
        } else {
            turn.record(Change::TriggerGone(trigger.id));
        }
        turn.emit(Effect::RunTrigger { trigger, argument });
    }
}
