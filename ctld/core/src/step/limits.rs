use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Availability, Change, Cluster, JobId, NodeId, Phase, Step, StepLaunch, StepNumber, Timestamp,
};

use crate::access::{self, Caller};
use crate::answer::Answer;
use crate::effect::{Effect, NodeMessage};
use crate::reject::Reject;
use crate::turn::Turn;

/// `scontrol update step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepUpdate {
    /// Who.
    pub caller: Caller,
    /// The job.
    pub job: JobId,
    /// The step, or all of them.
    pub step: Option<StepNumber>,
    /// The limit, minutes from the step's start; `None` is the job's.
    pub time_limit_min: Option<u32>,
}

/// Which step, and when its own time is up.
type Key = (JobId, StepNumber);

/// Steps with a time limit of their own, by the moment at which they are to be ended. Nothing that
/// does not follow from the steps themselves.
#[derive(Debug, Default)]
pub(crate) struct StepLimits {
    due: BTreeSet<(Timestamp, Key)>,
    at: BTreeMap<Key, Due>,
}

/// The limit that a step was noted with, minutes, and when it is to be ended.
type Due = (u32, Timestamp);

impl StepLimits {
    /// Those of a cluster that was read from its store.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let mut limits = Self::default();
        for step in cluster.steps() {
            limits.note(step);
        }
        limits
    }

    /// Follows a change.
    pub(crate) fn follow(&mut self, change: &Change) {
        match change {
            Change::Step(step) => self.note(step),
            Change::StepGone(job, number) => self.drop((*job, *number)),
            _ => {}
        }
    }

    /// A step that has ended on a node has been noted before, and keeps its time while its limit is
    /// the same.
    fn note(&mut self, step: &Step) {
        let key = (step.job, step.number);
        let minutes = step.launch.as_ref().and_then(|launch| launch.time_limit_min);
        match (minutes, self.at.get(&key)) {
            (None, _) => self.drop(key),
            (Some(minutes), Some((noted, _))) if minutes == *noted => {}
            (Some(minutes), _) => {
                self.set(key, minutes, step.started.plus_s(u64::from(minutes) * 60));
            }
        }
    }

    fn set(&mut self, key: Key, minutes: u32, at: Timestamp) {
        self.drop(key);
        self.at.insert(key, (minutes, at));
        self.due.insert((at, key));
    }

    fn put_off(&mut self, key: Key, at: Timestamp) {
        if let Some((minutes, _)) = self.at.get(&key) {
            self.set(key, *minutes, at);
        }
    }

    fn drop(&mut self, key: Key) {
        if let Some((_, at)) = self.at.remove(&key) {
            self.due.remove(&(at, key));
        }
    }

    fn due(&self, now: Timestamp) -> Vec<(Timestamp, Key)> {
        self.due.iter().take_while(|(at, _)| *at <= now).copied().collect()
    }
}

/// Somebody gives a step another time limit, or all steps of a job that a client asked for. The job's
/// own limit ends them all the same. No minutes at all leave a step that is named as it is (24.11).
pub(crate) fn limited(turn: &mut Turn<'_>, update: &StepUpdate) -> Result<Answer, Reject> {
    let (id, minutes) = (update.job, update.time_limit_min);
    let job = turn.job(id)?;
    access::require_owner(&turn.config(), update.caller, &job)
        .map_err(|_| Reject::NotYoursToAlter(id))?;
    let named = match update.step {
        Some(number) => {
            let step = turn.cluster().step(id, number).cloned();
            vec![step.ok_or(Reject::NoSuchJob(id))?]
        }
        None => turn.cluster().steps_of(id).cloned().collect(),
    };
    if update.step.is_some() && minutes == Some(0) {
        return Ok(Answer::Done);
    }
    for step in named {
        let Some(launch) = step.launch.as_deref() else {
            continue;
        };
        let launch = StepLaunch { time_limit_min: minutes, ..StepLaunch::clone(launch) };
        let step = Step { launch: Some(Arc::new(launch)), ..Step::clone(&step) };
        turn.record(Change::Step(Arc::new(step)));
    }
    Ok(Answer::Done)
}

/// Ends steps whose own time is up: their nodes do it, SIGTERM first and SIGKILL after KillWait. A
/// step that is still there when both are long gone is ended again.
pub(crate) fn times_up(turn: &mut Turn<'_>, limits: &mut StepLimits) {
    let now = turn.now;
    let config = turn.config();
    let again_s = u64::from(config.kill_wait_s) + 2 * u64::from(config.message_timeout_s);
    for (_, key) in limits.due(now) {
        let (id, number) = key;
        let (Some(job), Some(step)) =
            (turn.cluster().job(id).cloned(), turn.cluster().step(id, number).cloned())
        else {
            limits.drop(key);
            continue;
        };
        if let Some(ends) = ends_later(&job, &step).filter(|ends| *ends > now) {
            limits.put_off(key, ends);
            continue;
        }
        limits.put_off(key, now.plus_s(again_s.max(1)));
        if job.phase == Phase::Suspended {
            continue;
        }
        for node in reachable(turn, &step) {
            let message = NodeMessage::StepTimeLimit { job: Arc::clone(&job), step: number };
            turn.emit(Effect::ToNode { node, message });
        }
    }
}

/// When the time of a step is up that began before its job was stopped: the time that it stood still
/// does not count.
fn ends_later(job: &model::Job, step: &Step) -> Option<Timestamp> {
    let minutes = step.launch.as_ref()?.time_limit_min?;
    let resumed = job.suspended.filter(|at| *at > step.started)?;
    let limit_s = u64::from(minutes) * 60;
    // What the job ran before it was stopped, as far as the step was there.
    let started = job.started.unwrap_or(step.started);
    let ran_s = job.ran_before_suspend_s.saturating_sub(step.started.since(started));
    Some(resumed.plus_s(limit_s.saturating_sub(ran_s)))
}

fn reachable(turn: &Turn<'_>, step: &Step) -> Vec<NodeId> {
    let is_up = |id: &NodeId| {
        let node = turn.cluster().node(*id);
        node.is_some_and(|node| node.availability != Availability::Down)
    };
    step.nodes.iter().copied().filter(is_up).collect()
}
