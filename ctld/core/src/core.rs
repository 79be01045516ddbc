use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Change, Cluster, JobId, Timestamp};

use crate::effect::Effect;
use crate::event::{Answer, Event, Registered};
use crate::reject::Reject;
use crate::step::{PortCursor, StepLimits, WaitingSteps};
use crate::tick::Clock;
use crate::turn::Turn;
use crate::{configure, cron, hook, job, node, partition, power, reservation, step, tick, trigger};

/// The owner of the cluster: takes one event at a time.
#[derive(Debug, Default)]
pub struct Core {
    cluster: Cluster,
    clock: Clock,
    waiting_steps: WaitingSteps,
    ports: PortCursor,
}

/// What came of an event.
#[derive(Clone, Debug)]
pub struct Turned {
    /// What the caller is told.
    pub answer: Result<Answer, Reject>,
    /// What became different, in order; durable before anything below leaves.
    pub changes: Vec<Change>,
    /// What the world is asked to do.
    pub effects: Vec<Effect>,
}

impl Core {
    /// A core that goes on with a cluster, usually what a store kept.
    pub fn new(cluster: Cluster) -> Self {
        let mut core = Self { cluster, ..Self::default() };
        core.clock.step_limits = StepLimits::of(&core.cluster);
        let waiting: Vec<_> = core.cluster.queue().cloned().collect();
        for job in &waiting {
            core.clock.watch(job);
        }
        for job in core.cluster.active() {
            core.clock.doubts.note(job);
            core.clock.power.follow(&Change::Job(Arc::clone(job)));
        }
        core
    }

    /// The cluster as it is.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Handles one event.
    ///
    /// # Panics
    ///
    /// If a handler refuses after it has recorded a change, or contradicts the cluster: bugs here.
    pub fn turn(&mut self, now: Timestamp, event: Event) -> Turned {
        let asking = match &event {
            Event::StepAsked(request) => Some(request.clone()),
            _ => None,
        };
        let mut turn = Turn::new(now, &mut self.cluster);
        let answer = handle(&mut turn, &mut self.clock, &mut self.ports, event);
        assert!(answer.is_ok() || !turn.has_changes(), "a refused event has left changes");
        turn.spread_news();
        let (changes, mut effects) = turn.finish();
        if let Some(request) = asking {
            self.waiting_steps.answered(now, &self.cluster, &request, &answer);
        }
        for change in &changes {
            match change {
                Change::Job(job) => self.clock.watch(job),
                Change::Config(_) => self.clock.appraisal.outdated(),
                _ => {}
            }
            self.clock.step_limits.follow(change);
            self.clock.power.follow(change);
            effects.extend(self.waiting_steps.woken_by(now, change));
        }
        Turned { answer, changes, effects }
    }

    /// Everything that is outstanding, asked for again: after a start, since nobody knows which
    /// effects were carried out before it.
    pub fn resume(&mut self) -> Vec<Effect> {
        let mut effects = vec![Effect::Schedule];
        // A script that may be there is sent again when its node has said that it is not.
        for job in self.cluster.active() {
            match job::sent_at(job) {
                None => effects.extend(job::outstanding(job)),
                Some(_) => effects.extend(job::prologs_outstanding(job)),
            }
        }
        for job in self.cluster.completing() {
            effects.extend(job::outstanding(job));
        }
        effects.extend(power::outstanding(&self.cluster, |_| true));
        effects.extend(self.cluster.nodes().filter_map(node::introduction));
        effects
    }

    /// Jobs whose waiting ends by the clock alone; for tests.
    pub fn watched(&self) -> BTreeSet<JobId> {
        self.clock.watched()
    }
}

fn handle(
    turn: &mut Turn<'_>,
    clock: &mut Clock,
    ports: &mut PortCursor,
    event: Event,
) -> Result<Answer, Reject> {
    match event {
        Event::Submit(new) => job::submitted(turn, *new),
        Event::SubmitHet(components) => job::submitted_het(turn, components),
        Event::Kill(kill) => job::killed(turn, &kill),
        Event::KillJobs(kills) => Ok(job::killed_each(turn, &kills)),
        Event::Top { caller, jobs } => job::topped(turn, caller, &jobs),
        Event::UpdateJob(update) => job::updated(turn, &update),
        Event::Requeue(requeue) => job::requeued(turn, &mut clock.doubts, &requeue),
        Event::Suspend { caller, selection, resume } => {
            job::suspended(turn, caller, &selection, resume)
        }
        Event::Notify { caller, job, text } => job::notified(turn, caller, job, &text),
        Event::AllocationDone { caller, job, status } => {
            job::allocation_done(turn, caller, job, status)
        }
        Event::Planned(plan) => job::planned(turn, plan),
        Event::Registered(registered) => registered_with_steps(turn, clock, *registered),
        Event::Answered { node, seen } => node::answered(turn, node, seen),
        Event::Unreachable { node } => node::unreachable(turn, node),
        Event::BatchLaunched { job, restarts, result } => {
            job::batch_launched(turn, &mut clock.doubts, (job, restarts), &result)
        }
        Event::PrologAsked { job, restarts, node } => job::prolog_asked(turn, job, restarts, node),
        Event::PrologDone { caller, job, node_name, status } => {
            job::prolog_done(turn, caller, job, &node_name, status)
        }
        Event::HookDone { job, restarts, hook, result } => {
            hook::done(turn, job, restarts, hook, result)
        }
        Event::StepAsked(request) => {
            let answer = step::asked(turn, ports, &request)?;
            clock.clients.heard(request.job, turn.now);
            Ok(answer)
        }
        Event::StepDone(done) => step::done(turn, &done),
        Event::UpdateStep(update) => step::limited(turn, &update),
        Event::ClientListens { job } => job::client_listens(turn, job),
        Event::ClientAnswered { job } => Ok(client_answered(turn, clock, job)),
        Event::ClientTold { job, reached } => job::client_told(turn, job, reached),
        Event::BatchDone(done) => job::batch_done(turn, &done),
        Event::EpilogDone { caller, job, node_name, status } => {
            job::epilog_done(turn, caller, job, &node_name, status)
        }
        Event::NothingLeft { job, node } => job::nothing_left(turn, job, node),
        Event::UpdateNodes(update) => node::updated(turn, &update),
        Event::CreateNodes { caller, nodes } => node::created(turn, caller, nodes),
        Event::DeleteNodes { caller, names } => node::deleted(turn, caller, &names),
        Event::RebootNodes(reboot) => node::reboot_requested(turn, &reboot),
        Event::CreatePartition(update) => partition::created(turn, &update),
        Event::UpdatePartition(update) => partition::updated(turn, &update),
        Event::DeletePartition { caller, name } => partition::deleted(turn, caller, &name),
        Event::CreateReservation(request) => reservation::created(turn, &request),
        Event::UpdateReservation(request) => reservation::updated(turn, &request),
        Event::DeleteReservation { caller, name } => reservation::deleted(turn, caller, &name),
        Event::SetCrontab(new) => cron::set(turn, *new),
        Event::SetTrigger(new) => trigger::set(turn, &new),
        Event::ClearTriggers { caller, which } => trigger::cleared(turn, caller, which),
        Event::TriggerTold { caller, watched, events } => {
            trigger::told(turn, caller, &watched, events)
        }
        Event::PowerTold { order, result } => power::told(turn, &order, result),
        Event::SetSuspendExceptions { caller, except } => {
            power::set_exceptions(turn, caller, *except)
        }
        Event::Configured(configuration) => configure::configured(turn, *configuration),
        Event::Tick => tick::ticked(turn, clock),
    }
}

fn client_answered(turn: &Turn<'_>, clock: &mut Clock, job: JobId) -> Answer {
    clock.clients.heard(job, turn.now);
    Answer::Done
}

/// A node introduces itself; what was sent to it and not answered is there or not.
fn registered_with_steps(
    turn: &mut Turn<'_>,
    clock: &mut Clock,
    registered: Registered,
) -> Result<Answer, Reject> {
    let (booted, steps) = (registered.registration.booted, registered.steps.clone());
    let failed = registered.trouble.is_some();
    let answer = node::registered(turn, registered)?;
    if let Answer::Registered { node, .. } = &answer {
        let told = job::Told { booted, steps: &steps, failed };
        job::settled(turn, &mut clock.doubts, *node, told);
    }
    Ok(answer)
}

impl From<Cluster> for Core {
    fn from(cluster: Cluster) -> Self {
        Self::new(cluster)
    }
}
