//! A life that is written down: three jobs from their submission to their end, in a world in which
//! nothing goes wrong, but for one mishap.

use std::sync::Arc;

use ctld_core::{Answer, Event, Reject, StepDone, StepRequest};
use model::{Exit, Job, JobId, Phase, StepNumber};
use state::Fault;

use crate::client::{self, ROOT};
use crate::controller::{Crash, Mail, Sender};
use crate::ledger::invariant;
use crate::setup::MESSAGE_TIMEOUT_S;
use crate::world::{Happening, World};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The controller dies at the batch of this number.
    Dies(u64, Crash),
    /// The message of this number is lost.
    Lost(u64),
    /// The message of this number, if it is one to a node, comes twice.
    Twice(u64),
}

/// The ways to die at a batch.
pub fn crashes_at(batch: u64) -> Vec<Mishap> {
    let mut ways = vec![
        Crash::BeforeCommit,
        Crash::InCommit(Fault::Lost),
        Crash::InCommit(Fault::Kept),
        Crash::AfterPublish,
    ];
    ways.extend((1..4).map(Crash::InRelease));
    ways.into_iter().map(|crash| Mishap::Dies(batch, crash)).collect()
}

/// The fates of a message.
pub fn losses_of(message: u64) -> [Mishap; 2] {
    [Mishap::Lost(message), Mishap::Twice(message)]
}

/// The chances for a mishap that a life has.
#[derive(Debug)]
pub struct Chances {
    /// The batches of events that something came of.
    pub batches: Vec<u64>,
    /// How many messages were sent.
    pub messages: u64,
}

/// The srun of a script: it asks for a step until it gets one, and tells of its end until somebody
/// listens.
#[derive(Debug)]
pub struct Srun {
    job: JobId,
    step: Option<StepNumber>,
}

/// What there is beside the three jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Nothing.
    Plain,
    /// Prologs and epilogs, of nodes and of the controller.
    Hooked,
    /// Nodes are off until they are needed, and when nobody needs them any more.
    Powered,
}

/// The life, and what must be true at its end.
pub fn live(life: Life, mishap: Option<Mishap>) -> Chances {
    let mut world = World::scripted(life, mishap);
    world.run_until_quiet();
    let process = world.controller.process.as_ref().expect("a world at rest has a controller");
    let jobs: Vec<&Arc<Job>> = process.published.jobs().collect();
    let unknown = matches!(mishap, Some(Mishap::Dies(..)));
    invariant!(jobs.len() == JOBS.len() || unknown, "script", "{} jobs: {mishap:?}", jobs.len());
    for job in jobs {
        let exit = job.outcome.as_ref().map(|outcome| outcome.exit);
        let done = job.phase == Phase::Ended && exit == Some(Exit::Completed);
        // The client of an interactive job may not have heard of it; then its time runs out.
        let abandoned = !job.batch && exit == Some(Exit::Timeout) && unknown;
        invariant!(done || abandoned, "script", "{mishap:?}: job {} is {job:?}", job.id);
        let runs = world.ledger.runs_of(job);
        invariant!(!job.batch || runs == 1, "script", "{mishap:?}: job {} ran {runs}", job.id);
        // A launch of which the answer is lost may be given up; a crash takes nothing with it.
        let anew = job.restarts > 0 && unknown;
        invariant!(!anew, "script", "{mishap:?}: job {} was started anew", job.id);
    }
    let step = process.published.steps().next();
    invariant!(step.is_none(), "script", "{mishap:?}: {step:?} is left");
    Chances { batches: std::mem::take(&mut world.fruitful), messages: world.messages }
}

/// Nodes, and whether it is a batch job.
const JOBS: [(u32, bool); 3] = [(1, true), (2, true), (1, false)];

impl World {
    /// A world in which nobody does anything but what is written here.
    fn scripted(life: Life, mishap: Option<Mishap>) -> Self {
        let mut world = Self::with(crate::setup::Setup::plain(life), 1);
        world.chaos = false;
        world.mishap = mishap;
        for slurmd in &mut world.nodes {
            slurmd.calm = true;
        }
        if life == Life::Powered {
            world.all_off();
        }
        for (number, (nodes, batch)) in (0..).zip(JOBS) {
            let event = client::plain_job(nodes, batch);
            let mail = Mail { sender: Sender::Nobody, event };
            world.after(5_000 + 1_000 * number, Happening::Arrives(None, mail));
        }
        world
    }

    /// How the controller dies in this batch.
    pub(crate) fn crash_of_batch(&self) -> Option<Crash> {
        match self.mishap {
            Some(Mishap::Dies(batch, crash)) if batch == self.batches => Some(crash),
            _ => None,
        }
    }

    /// A script runs an srun.
    pub(crate) fn script_begins(&mut self, job: &Job) {
        if self.nodes.iter().all(|slurmd| slurmd.calm) {
            let number = self.number();
            self.steps.insert(number, Srun { job: job.id, step: None });
            self.after(200, Happening::Srun(number));
        }
    }

    /// An srun asks, or tells, and does so again until it is answered.
    pub(crate) fn srun_speaks(&mut self, number: u64) {
        let Some(srun) = self.steps.get(&number) else {
            return;
        };
        let job = srun.job;
        let nodes = |world: &Self| {
            let process = world.controller.process.as_ref()?;
            let nodes = process.published.job(job)?.allocation.as_ref()?.shares.len();
            u32::try_from(nodes).ok()
        };
        let last = nodes(self).unwrap_or(1).saturating_sub(1);
        let event = match srun.step {
            None => Event::StepAsked(Box::new(step_of(job))),
            Some(step) => {
                let range = (0, last);
                Event::StepDone(StepDone { caller: ROOT, job, step, range, status: 0 })
            }
        };
        let mail = Mail { sender: Sender::Srun(number), event };
        self.after(3, Happening::Arrives(None, mail));
        self.after(MESSAGE_TIMEOUT_S * 1000, Happening::Srun(number));
    }

    /// The answer to an srun: its step begins, and ends a second later; or nobody waits any more.
    pub(crate) fn srun_answered(&mut self, number: u64, answer: &Result<Answer, Reject>) {
        let Some(srun) = self.steps.get_mut(&number) else {
            return;
        };
        match (srun.step, answer) {
            (None, Ok(Answer::Step { step, .. })) => {
                srun.step = Some(*step);
                self.after(1000, Happening::Srun(number));
            }
            (None, Err(_)) | (Some(_), _) => drop(self.steps.remove(&number)),
            (None, Ok(_)) => {}
        }
    }
}

fn step_of(job: JobId) -> StepRequest {
    StepRequest::of(ROOT, job, 0x2a00)
}
