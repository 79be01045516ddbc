use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Availability, Change, Cluster, JobId, NodeId, Phase, Step, StepNumber, Timestamp};

use crate::effect::{Effect, NodeMessage};
use crate::turn::Turn;

/// Which step, and when its own time is up.
type Key = (JobId, StepNumber);

/// Steps with a time limit of their own, by the moment at which they are to be ended. Nothing that
/// does not follow from the steps themselves.
#[derive(Debug, Default)]
pub(crate) struct StepLimits {
    due: BTreeSet<(Timestamp, Key)>,
    at: BTreeMap<Key, Timestamp>,
}

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

    /// A step that has ended on a node has been noted before, and keeps its time.
    fn note(&mut self, step: &Step) {
        let key = (step.job, step.number);
        let minutes = step.launch.as_ref().and_then(|launch| launch.time_limit_min);
        if let Some(minutes) = minutes.filter(|_| !self.at.contains_key(&key)) {
            self.set(key, step.started.plus_s(u64::from(minutes) * 60));
        }
    }

    fn set(&mut self, key: Key, at: Timestamp) {
        self.drop(key);
        self.at.insert(key, at);
        self.due.insert((at, key));
    }

    fn drop(&mut self, key: Key) {
        if let Some(at) = self.at.remove(&key) {
            self.due.remove(&(at, key));
        }
    }

    fn due(&self, now: Timestamp) -> Vec<(Timestamp, Key)> {
        self.due.iter().take_while(|(at, _)| *at <= now).copied().collect()
    }
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
            limits.set(key, ends);
            continue;
        }
        limits.set(key, now.plus_s(again_s.max(1)));
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
