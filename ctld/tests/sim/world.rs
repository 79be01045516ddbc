//! Virtual time, and everything that happens in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctld_core::{Answer, Effect, Event, Hook, HookResult, NodeMessage, PowerAction};
use model::{Cluster, Job, JobId, NodeId, Timestamp};
use sched::Budget;
use state::Fault;

use crate::client;
use crate::controller::{Controller, Crash, Mail, Release, Sender};
use crate::faults::Mend;
use crate::ledger::{Ledger, invariant};
use crate::network::OpenReport;
use crate::node::{Doing, Slurmd, Timer};
use crate::reserve;
use crate::rng::Rng;
use crate::script::{Mishap, Srun};
use crate::setup::Setup;
use crate::trail::Trail;

/// A controller, its nodes, its users, and what goes wrong.
pub struct World {
    pub(crate) setup: Setup,
    /// The controller.
    pub controller: Controller,
    /// What was promised and done.
    pub ledger: Ledger,
    /// The nodes, by their place in the table.
    pub nodes: Vec<Slurmd>,
    pub(crate) now_ms: u64,
    pub(crate) chaos: bool,
    pub(crate) trail: Trail,
    pub(crate) chance: Chance,
    /// The one thing that goes wrong in a world that is otherwise well.
    pub(crate) mishap: Option<Mishap>,
    /// Batches that the writer has taken, and those of them of which something came.
    pub(crate) batches: u64,
    pub(crate) fruitful: Vec<u64>,
    /// Messages that have been sent, answers counted.
    pub(crate) messages: u64,
    pub(crate) steps: BTreeMap<u64, Srun>,
    pub(crate) reports: BTreeMap<u64, OpenReport>,
    pub(crate) sessions: BTreeMap<u64, JobId>,
    /// The last order that each machine has had.
    pub(crate) orders: BTreeMap<usize, (Timestamp, PowerAction)>,
    told: BTreeSet<JobId>,
    next_number: u64,
    queue: BTreeMap<(u64, u64), Happening>,
}

/// Chance, a stream for each kind of thing.
pub(crate) struct Chance {
    pub(crate) network: Rng,
    pub(crate) node: Rng,
    pub(crate) client: Rng,
    pub(crate) fault: Rng,
    pub(crate) hook: Rng,
    /// Only in worlds with heterogeneous jobs: a fifth of them.
    pub(crate) het: Option<Rng>,
    /// Only in worlds with reservations: a fourth of them.
    pub(crate) reserve: Option<Rng>,
    /// What becomes of orders to start and stop machines.
    pub(crate) power: Rng,
}

/// Something that is to happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// The controller starts.
    Starts,
    /// A second has gone by in this life of the controller.
    Ticks(u32),
    /// The writer of this life takes a batch.
    Writes(u32),
    /// A plan of this life is made from what was published then.
    Plans(u32, Box<Cluster>),
    /// Something reaches the controller: its life with this number, or any.
    Arrives(Option<u32>, Mail),
    /// A message reaches a node.
    Message { node: usize, message: NodeMessage, made: Timestamp, life: u32 },
    /// A timer of a life of a machine.
    Timer { node: usize, machine_life: u32, timer: Timer },
    /// A step is launched on a node by the job's own srun.
    Step { node: usize, job: Arc<Job>, until_ms: u64 },
    /// A report was answered.
    Answered(u64),
    /// A report was not answered for a while.
    Unanswered(u64),
    /// The client of an interactive job is done.
    SessionEnds(u64),
    /// An srun says what it has to say next.
    Srun(u64),
    /// Somebody does something.
    Acts,
    /// Something breaks.
    Breaks,
    /// A machine is started or stopped by an order of that time.
    Power { node: usize, at: Timestamp, action: PowerAction },
    /// Something works again.
    Mends(usize, Mend),
}

/// The first second of every world.
const EPOCH_S: i64 = 1_000_000;
/// How many events the writer takes at a time, at most.
const BATCH_MAX: usize = 24;

impl World {
    /// The world of a seed, before anything has happened.
    pub fn new(seed: u64) -> Self {
        Self::with(Setup::draw(seed), seed)
    }

    /// A world of this setup, with the chances of a seed.
    pub(crate) fn with(setup: Setup, seed: u64) -> Self {
        let nodes = &setup.configuration.nodes;
        let nodes = nodes
            .iter()
            .map(|node| {
                let hardware = node.hardware.clone();
                let name = Arc::clone(&node.name);
                let mut slurmd = Slurmd::new(name, hardware, Timestamp(EPOCH_S), setup.epilog);
                slurmd.reports_prologs = !setup.configuration.config.prolog_no_hold;
                slurmd
            })
            .collect();
        let mut world = Self {
            setup,
            controller: Controller::new(),
            ledger: Ledger::default(),
            nodes,
            now_ms: 0,
            chaos: true,
            trail: Trail::new(seed),
            chance: Chance {
                network: Rng::new(seed, "network"),
                node: Rng::new(seed, "node"),
                client: Rng::new(seed, "client"),
                fault: Rng::new(seed, "fault"),
                hook: Rng::new(seed, "hook"),
                het: (seed % 5 == 1).then(|| Rng::new(seed, "het")),
                reserve: (seed % 4 == 2).then(|| Rng::new(seed, "reserve")),
                power: Rng::new(seed, "power"),
            },
            mishap: None,
            batches: 0,
            fruitful: Vec::new(),
            messages: 0,
            steps: BTreeMap::new(),
            reports: BTreeMap::new(),
            sessions: BTreeMap::new(),
            orders: BTreeMap::new(),
            told: BTreeSet::new(),
            next_number: 0,
            queue: BTreeMap::new(),
        };
        world.after(0, Happening::Starts);
        world.after(500, Happening::Acts);
        world.after(20_000, Happening::Breaks);
        world
    }

    /// Lets things happen until the core has taken so many turns.
    pub fn run_until_turns(&mut self, turns: u64) {
        while self.controller.turns < turns {
            self.step();
        }
    }

    /// Repairs everything, lets the administrator tidy up, and waits until nothing is left to do.
    pub fn run_until_quiet(&mut self) {
        self.mend_all();
        let deadline_ms = self.now_ms + 4 * 3600 * 1000;
        let mut calm = 0;
        while calm < 3 {
            // No multiple of a second, or every look might meet the same tick.
            let until_ms = self.now_ms + 19_937;
            while self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= until_ms) {
                self.step();
            }
            self.now_ms = until_ms;
            let unrest = self.unrest();
            calm = if unrest.is_none() { calm + 1 } else { 0 };
            if let Some(unrest) = unrest {
                invariant!(self.now_ms < deadline_ms, "quiet", "after four hours: {unrest}");
                self.tidy_up();
            }
        }
    }

    fn tidy_up(&mut self) {
        let Some(process) = &self.controller.process else {
            return;
        };
        let reserved = reserve::tidy_up(&process.published);
        for event in client::tidy_up(&process.published).into_iter().chain(reserved) {
            let mail = Mail { sender: Sender::Nobody, event };
            self.after(1, Happening::Arrives(None, mail));
        }
    }

    /// The time of day, as everybody's clock shows it.
    pub fn now(&self) -> Timestamp {
        Timestamp(EPOCH_S).plus_s(self.now_ms / 1000)
    }

    pub(crate) fn after(&mut self, after_ms: u64, happening: Happening) {
        let number = self.number();
        self.queue.insert((self.now_ms + after_ms, number), happening);
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn step(&mut self) {
        let ((at, _), happening) = self.queue.pop_first().expect("the controller ticks for ever");
        self.now_ms = at;
        self.trail.note(at, &happening);
        match happening {
            Happening::Starts => self.starts(),
            Happening::Ticks(life) => {
                if self.arrives(Some(life), Mail { sender: Sender::Nobody, event: Event::Tick }) {
                    self.after(1000, Happening::Ticks(life));
                }
            }
            Happening::Writes(life) => self.writes(life),
            Happening::Plans(life, snapshot) => self.plans(life, &snapshot),
            Happening::Arrives(life, mail) => drop(self.arrives(life, mail)),
            Happening::Message { node, message, made, life } => {
                self.message(node, &message, made, life);
            }
            Happening::Timer { node, machine_life, timer } => {
                if self.nodes[node].machine_life == machine_life {
                    let mut out = Vec::new();
                    self.nodes[node].timer(self.now_ms, timer, &mut self.chance.node, &mut out);
                    self.does(node, out);
                }
            }
            Happening::Step { node, job, until_ms } => self.step_launched(node, &job, until_ms),
            Happening::Answered(report) => self.answered(report),
            Happening::Unanswered(report) => self.unanswered(report),
            Happening::SessionEnds(session) => self.session_ends(session),
            Happening::Srun(number) => self.srun_speaks(number),
            Happening::Acts => self.acts(),
            Happening::Breaks => self.breaks(),
            Happening::Power { node, at, action } => self.powered(node, at, action),
            Happening::Mends(node, mend) => self.mends(node, mend),
        }
    }

    fn starts(&mut self) {
        if self.controller.process.is_some() {
            return;
        }
        self.ledger.mark("controller started");
        let released = self.controller.start(self.now(), &self.setup, &mut self.ledger);
        self.release(released);
        if self.controller.process.is_none() {
            // The disk, which was to fail in a batch that wrote nothing, has failed in this one.
            return self.crashed(Crash::InCommit(Fault::Lost));
        }
        let life = self.controller.life;
        self.after(1000, Happening::Ticks(life));
    }

    /// Something reaches the controller; whether it was there.
    fn arrives(&mut self, life: Option<u32>, mail: Mail) -> bool {
        let this = self.controller.life;
        let Some(process) = &mut self.controller.process else {
            return false;
        };
        if life.is_some_and(|life| life != this) {
            return false;
        }
        process.inbox.push_back(mail);
        if !process.awake {
            process.awake = true;
            let after_ms = self.chance.network.between(0, 30);
            self.after(after_ms, Happening::Writes(this));
        }
        true
    }

    fn writes(&mut self, life: u32) {
        let now = self.now();
        let Some(process) =
            self.controller.process.as_mut().filter(|_| self.controller.life == life)
        else {
            return;
        };
        process.awake = false;
        let take = process.inbox.len().min(BATCH_MAX);
        let batch: Vec<Mail> = process.inbox.drain(..take).collect();
        let more = !process.inbox.is_empty();
        process.awake = more;
        for mail in &batch {
            self.trail.turn(self.now_ms, &mail.event);
        }
        self.batches += 1;
        let crash = self.crash_of_batch().or_else(|| self.draw_crash());
        let (digest, events) = (self.controller.digest, batch.len());
        let released = self.controller.write(now, batch, crash, &mut self.ledger);
        if self.controller.digest != digest || released.len() > events {
            self.fruitful.push(self.batches);
        }
        self.release(released);
        let disk_failed = self.controller.process.is_none().then_some(Crash::InCommit(Fault::Lost));
        if let Some(crash) = crash.or(disk_failed) {
            self.crashed(crash);
        } else if more {
            self.after(1, Happening::Writes(life));
        }
    }

    fn crashed(&mut self, crash: Crash) {
        self.trail.say(self.now_ms, format_args!("the controller dies: {crash:?}"));
        self.ledger.mark(match crash {
            Crash::BeforeCommit => "crash before commit",
            Crash::InCommit(_) => "crash in commit",
            Crash::AfterCommit => "crash after commit",
            Crash::AfterPublish => "crash after publish",
            Crash::InRelease(_) => "crash amid effects",
        });
        let after_ms = match self.mishap {
            Some(_) => 700,
            None => self.chance.fault.between(10, 60_000),
        };
        self.after(after_ms, Happening::Starts);
    }

    fn plans(&mut self, life: u32, snapshot: &Cluster) {
        let now = self.now();
        let Some(process) =
            self.controller.process.as_mut().filter(|_| self.controller.life == life)
        else {
            return;
        };
        process.plans = false;
        let again = std::mem::take(&mut process.wants_plan);
        let quick = self.chance.client.chance(500);
        let budget = if quick { Budget::quick(snapshot.config()) } else { Budget::THOROUGH };
        let event = Event::Planned(sched::plan(snapshot, now, budget));
        self.arrives(Some(life), Mail { sender: Sender::Nobody, event });
        if again {
            self.schedule();
        }
    }

    /// A plan is to be made: from what is published now, and it takes a while.
    fn schedule(&mut self) {
        let life = self.controller.life;
        let Some(process) = &mut self.controller.process else {
            return;
        };
        if process.plans {
            process.wants_plan = true;
            return;
        }
        process.plans = true;
        let snapshot = Box::new(process.published.clone());
        let after_ms = self.chance.network.between(20, 1500);
        self.after(after_ms, Happening::Plans(life, snapshot));
    }

    pub(crate) fn release(&mut self, released: Vec<Release>) {
        for release in released {
            match release {
                Release::Answer(sender, answer) => {
                    if answer.is_err() {
                        self.ledger.mark("event refused");
                    }
                    if let Ok(Answer::Submitted { job }) = answer {
                        // The program does so for clients of interactive jobs alone; others have no port.
                        let event = Event::ClientListens { job };
                        let mail = Mail { sender: Sender::Nobody, event };
                        self.after(1, Happening::Arrives(None, mail));
                    }
                    if let Sender::Srun(number) = sender {
                        self.srun_answered(number, &answer);
                    }
                    self.reply(sender);
                }
                Release::Effect(Effect::Schedule) => self.schedule(),
                Release::Effect(Effect::ToNode { node, message }) => self.send(node, message),
                Release::Effect(Effect::TellClient { job }) => self.tell_client(&job),
                Release::Effect(Effect::RunHook { job, hook }) => self.run_hook(&job, hook),
                Release::Effect(Effect::Power(order)) => self.power(order),
                Release::Effect(Effect::StopHook { .. } | Effect::RunTrigger { .. }) => {}
                Release::Effect(
                    Effect::Mail { .. }
                    | Effect::RunReservation { .. }
                    | Effect::WriteDown { .. }
                    | Effect::Reconfigure
                    | Effect::ToClient { .. },
                ) => {}
            }
        }
    }

    /// A program of the controller's host runs for a while; it dies with the controller. That one is
    /// stopped is the same as that it ends by itself.
    fn run_hook(&mut self, job: &Job, hook: Hook) {
        let fails = self.chance.hook.chance(50) && self.chaos;
        let result = if fails { HookResult::Failed } else { HookResult::Done };
        self.ledger.mark(match hook {
            Hook::Prolog => "controller's prolog ran",
            Hook::Epilog => "controller's epilog ran",
        });
        let event = Event::HookDone { job: job.id, restarts: job.restarts, hook, result };
        let mail = Mail { sender: Sender::Nobody, event };
        let after_ms = self.chance.hook.between(5, 4000);
        self.after(after_ms, Happening::Arrives(Some(self.controller.life), mail));
    }

    /// The client of an interactive job has its nodes: it runs a step on all of them for a while.
    fn tell_client(&mut self, job: &Arc<Job>) {
        if !job.is_active() || !self.told.insert(job.id) {
            return;
        }
        let session = self.number();
        let lasts_ms = self.chance.client.between(500, 40_000);
        self.sessions.insert(session, job.id);
        self.after(lasts_ms, Happening::SessionEnds(session));
        self.launch_steps(job, lasts_ms, None);
    }

    fn launch_steps(&mut self, job: &Arc<Job>, lasts_ms: u64, host: Option<NodeId>) {
        let until_ms = self.now_ms + lasts_ms;
        for share in job.allocation.iter().flat_map(|allocation| &allocation.shares) {
            if Some(share.node) != host {
                let after_ms = self.chance.network.between(10, 900);
                let job = Arc::clone(job);
                let node = share.node.0 as usize;
                self.after(after_ms, Happening::Step { node, job, until_ms });
            }
        }
    }

    /// srun has asked the controller for a step, which it gets for a job that runs, and launches it.
    fn step_launched(&mut self, node: usize, job: &Arc<Job>, until_ms: u64) {
        let made = self.now();
        let process = self.controller.process.as_ref();
        let known = process.and_then(|process| process.published.job(job.id));
        if known.is_some_and(|known| known.is_active() && known.restarts == job.restarts) {
            let mut out = Vec::new();
            let me = node_id(node);
            self.nodes[node].launch_step(self.now_ms, (me, job), until_ms, made, &mut out);
            self.does(node, out);
        }
    }

    fn acts(&mut self) {
        if !self.chaos {
            return;
        }
        let now = self.now();
        if let Some(process) = &self.controller.process {
            let event = client::act(&process.published, now, &mut self.chance.client);
            let event = match &mut self.chance.het {
                Some(rng) => client::with_components(event, rng),
                None => event,
            };
            let event = client::as_crontab(event, &mut self.chance.hook);
            let event = match &mut self.chance.reserve {
                Some(rng) => reserve::instead(event, &process.published, now, rng),
                None => event,
            };
            let mail = Mail { sender: Sender::Nobody, event };
            let after_ms = self.chance.network.between(1, 100);
            self.after(after_ms, Happening::Arrives(None, mail));
        }
        let burst = self.chance.client.chance(300);
        let after_ms = self.chance.client.between(1, if burst { 50 } else { 8000 });
        self.after(after_ms, Happening::Acts);
    }

    /// Carries out what a node does, and looks at its cores.
    pub(crate) fn does(&mut self, node: usize, doings: Vec<Doing>) {
        for doing in doings {
            match doing {
                Doing::Later { after_ms, timer } => {
                    let machine_life = self.nodes[node].machine_life;
                    self.after(after_ms, Happening::Timer { node, machine_life, timer });
                }
                Doing::Say(report) => self.say(node, report),
                Doing::ScriptBegan { job } => {
                    let name = &self.nodes[node].name;
                    let what = format_args!(
                        "script of {} restart {} runs on {name}",
                        job.id, job.restarts
                    );
                    self.trail.say(self.now_ms, what);
                    self.ledger.ran(&job);
                    self.script_begins(&job);
                    let until_ms = self.nodes[node].runs_until_ms(job.id).unwrap_or(self.now_ms);
                    let host = Some(node_id(node));
                    self.launch_steps(&job, until_ms.saturating_sub(self.now_ms), host);
                }
            }
        }
        let shared = self.nodes[node].shared_core();
        let name = &self.nodes[node].name;
        invariant!(shared.is_none(), "own_cores", "{name} runs {shared:?} on one core");
    }
}

/// A node's place in the table is its place in slurm.conf: no world takes nodes away.
pub(crate) fn node_id(place: usize) -> NodeId {
    NodeId(u32::try_from(place).expect("a handful of nodes"))
}
