//! What carries messages, and the rim at the controller's end of it: each effect is tried once, and
//! whatever becomes of it is an event.

use ctld_core::{BatchDone, Dynamic, Event, LaunchResult, NodeMessage, Registered};
use model::{GresLine, GresUse, JobId, NodeId, Registration, Seen, Timestamp};
use state::Store;

use crate::client::ROOT;
use crate::controller::{Mail, Sender};
use crate::node::{Process, Reply, Report};
use crate::script::Mishap;
use crate::setup::MESSAGE_TIMEOUT_S;
use crate::world::{Happening, World, node_id};

/// A report that was not answered yet.
#[derive(Debug)]
pub(crate) struct OpenReport {
    node: usize,
    report: Report,
    machine_life: u32,
    slurmd_life: u32,
}

/// What becomes of a call is known from what was called.
#[derive(Clone, Copy, Debug)]
enum Call {
    Ping,
    Launch { job: JobId, restarts: u16 },
    Prolog { job: JobId, restarts: u16 },
    Terminate { job: JobId },
    Other,
}

impl World {
    fn delay_ms(&mut self) -> u64 {
        let slow = self.chaos && self.chance.network.chance(40);
        self.chance.network.between(1, if slow { 8000 } else { 40 })
    }

    fn is_lost(&mut self) -> bool {
        self.messages += 1;
        self.mishap == Some(Mishap::Lost(self.messages))
            || self.chaos && self.chance.network.chance(15)
    }

    /// The rim sends a message to a node.
    pub(crate) fn send(&mut self, id: NodeId, message: NodeMessage) {
        let node = id.0 as usize;
        let (life, made) = (self.controller.life, self.now());
        let call = Call::of(&message);
        if let NodeMessage::LaunchBatch { job } = &message {
            if job.waits_for_prologs() {
                self.ledger.mark("script sent beside prologs");
            }
            let script = self.controller.store.script(job.array_job()).expect("the disk is there");
            if script.is_none() {
                let (job, restarts) = (job.id, job.restarts);
                let event =
                    Event::BatchLaunched { job, restarts, result: LaunchResult::ScriptMissing };
                return self.comes_back(life, 1, event);
            }
        }
        let again = self.mishap == Some(Mishap::Twice(self.messages + 1));
        let twice = again || self.chaos && self.chance.network.chance(10);
        for _ in 0..=u32::from(twice) {
            let slurmd = &self.nodes[node];
            if slurmd.reachable && slurmd.process == Process::Dead {
                self.outcome(node, call, life, None, 5);
            } else if !slurmd.reachable || self.is_lost() {
                self.outcome(node, call, life, None, MESSAGE_TIMEOUT_S * 1000);
            } else {
                let after_ms = self.delay_ms();
                let message = message.clone();
                self.after(after_ms, Happening::Message { node, message, made, life });
            }
        }
    }

    /// A message has reached a node.
    pub(crate) fn message(
        &mut self,
        node: usize,
        message: &NodeMessage,
        made: Timestamp,
        life: u32,
    ) {
        let call = Call::of(message);
        let slurmd = &mut self.nodes[node];
        if !slurmd.reachable || slurmd.process != Process::Serves {
            if slurmd.reachable && slurmd.process == Process::Hangs {
                slurmd.backlog.push((message.clone(), made));
            }
            return self.outcome(node, call, life, None, MESSAGE_TIMEOUT_S * 1000);
        }
        let reply = self.receive(node, message, made);
        if self.is_lost() {
            self.outcome(node, call, life, None, MESSAGE_TIMEOUT_S * 1000);
        } else {
            let after_ms = self.delay_ms();
            self.outcome(node, call, life, Some(reply), after_ms);
        }
    }

    /// A slurmd takes a message.
    pub(crate) fn receive(&mut self, node: usize, message: &NodeMessage, made: Timestamp) -> Reply {
        let mut out = Vec::new();
        let rng = &mut self.chance.node;
        let me = node_id(node);
        let reply = self.nodes[node].receive(self.now_ms, me, (message, made), rng, &mut out);
        if reply == Reply::Duplicate {
            self.ledger.mark("second launch refused");
        }
        self.does(node, out);
        reply
    }

    /// The rim learns what became of a call: an answer, or none in time.
    fn outcome(&mut self, node: usize, call: Call, life: u32, reply: Option<Reply>, after_ms: u64) {
        let id = node_id(node);
        let Some(reply) = reply else {
            self.ledger.mark("call unanswered");
            if let Call::Launch { job, restarts } = call {
                let event = Event::BatchLaunched { job, restarts, result: LaunchResult::NoAnswer };
                self.comes_back(life, after_ms, event);
            }
            return self.comes_back(life, after_ms, Event::Unreachable { node: id });
        };
        match (call, reply) {
            (Call::Launch { job, restarts }, reply) => {
                let result = match reply {
                    Reply::Ok | Reply::Duplicate | Reply::AlreadyComplete => {
                        LaunchResult::Delivered
                    }
                    Reply::Refused { code, node_at_fault } => {
                        LaunchResult::Refused { code, node_at_fault }
                    }
                };
                self.comes_back(life, after_ms, Event::BatchLaunched { job, restarts, result });
            }
            (Call::Prolog { job, restarts }, Reply::Ok) => {
                self.comes_back(life, after_ms, Event::PrologAsked { job, restarts, node: id });
            }
            (Call::Terminate { job }, Reply::AlreadyComplete) => {
                self.comes_back(life, after_ms, Event::NothingLeft { job, node: id });
            }
            (Call::Ping, _) => {
                let at = self.now().plus_s(after_ms / 1000);
                let seen = Seen { at, load: Some((1, 1)) };
                self.comes_back(life, after_ms, Event::Answered { node: id, seen });
            }
            (Call::Prolog { .. } | Call::Terminate { .. } | Call::Other, _) => {}
        }
    }

    fn comes_back(&mut self, life: u32, after_ms: u64, event: Event) {
        let mail = Mail { sender: Sender::Nobody, event };
        self.after(after_ms, Happening::Arrives(Some(life), mail));
    }

    /// A node reports.
    pub(crate) fn say(&mut self, node: usize, report: Report) {
        let number = self.number();
        let slurmd = &self.nodes[node];
        let (machine_life, slurmd_life) = (slurmd.machine_life, slurmd.slurmd_life);
        self.reports.insert(number, OpenReport { node, report, machine_life, slurmd_life });
        self.tell(number);
    }

    fn tell(&mut self, number: u64) {
        let Some(open) = self.reports.get(&number) else {
            return;
        };
        let (node, report) = (open.node, open.report);
        let slurmd = &self.nodes[node];
        // slurmstepd tells of its script by itself; everything else is slurmd's, and ends with it.
        let by_stepd = matches!(report, Report::Batch { .. });
        let alive = open.machine_life == slurmd.machine_life
            && (by_stepd || open.slurmd_life == slurmd.slurmd_life);
        if !alive {
            self.reports.remove(&number);
            return;
        }
        let speaks = slurmd.reachable && (by_stepd || slurmd.process == Process::Serves);
        if speaks && !self.is_lost() {
            let event = self.event_of(node, report);
            let after_ms = self.delay_ms();
            let mail = Mail { sender: Sender::Node(number), event };
            self.after(after_ms, Happening::Arrives(None, mail));
        }
        self.after(MESSAGE_TIMEOUT_S * 1000, Happening::Unanswered(number));
    }

    fn event_of(&self, node: usize, report: Report) -> Event {
        let node_name = self.nodes[node].name.clone();
        let caller = ROOT;
        match report {
            Report::Registration { .. } => Event::Registered(Box::new(self.registration(node))),
            Report::Prolog { job, status } => Event::PrologDone { caller, job, node_name, status },
            Report::Epilog { job, status } => Event::EpilogDone { caller, job, node_name, status },
            Report::Batch { job, status, slurm_code, .. } => {
                let node_at_fault = slurm_code != 0;
                Event::BatchDone(BatchDone {
                    caller,
                    job,
                    node_name,
                    status,
                    slurm_code,
                    node_at_fault,
                })
            }
        }
    }

    fn registration(&self, node: usize) -> Registered {
        let slurmd = &self.nodes[node];
        let hardware = &slurmd.hardware;
        // One near the first core, one near the others; each is had whole or in four parts.
        let line = |name: &str, count, used, cores: std::ops::Range<u32>| GresLine {
            name: name.into(),
            kind: None,
            count,
            cores: Some(cores.collect()),
            used,
        };
        let gpu = |cores| line("gpu", 1, GresUse::Device, cores);
        let shards = |cores| line("shard", 4, GresUse::Shared, cores);
        let cores = hardware.cores();
        Registered {
            caller: ROOT,
            node_name: slurmd.name.clone(),
            host_name: slurmd.name.clone(),
            peer: ([10, 0, 0, 1], 6818).into(),
            registration: Registration {
                protocol: 0x2a00,
                version: "24.11.5".into(),
                booted: slurmd.booted,
                slurmd_started: slurmd.started,
                arch: "x86_64".into(),
                os: "Linux".into(),
                cpus: hardware.cpus,
                boards: hardware.boards,
                sockets: hardware.sockets,
                cores_per_socket: hardware.cores_per_socket,
                threads_per_core: hardware.threads_per_core,
                memory_mib: hardware.memory_mib,
                tmp_disk_mib: 0,
                gres: [gpu(0..1), gpu(1..cores), shards(0..1), shards(1..cores)].into(),
                parameters: None,
            },
            load: (1, 1),
            trouble: None,
            steps: slurmd.steps(),
            gres: None,
            features_available: None,
            features_active: None,
            instance: (None, None),
            extra: None,
            dynamic: Dynamic::No,
        }
    }

    /// The controller has released the answer to whom it is for.
    pub(crate) fn reply(&mut self, sender: Sender) {
        match sender {
            Sender::Nobody | Sender::Srun(_) => {}
            Sender::Node(number) if self.is_lost() => {
                self.trail.say(self.now_ms, format_args!("answer {number} is lost"))
            }
            Sender::Node(number) => {
                let after_ms = self.delay_ms();
                self.after(after_ms, Happening::Answered(number));
            }
            Sender::Client(session) => drop(self.sessions.remove(&session)),
        }
    }

    /// An answer has reached the node.
    pub(crate) fn answered(&mut self, number: u64) {
        let Some(open) = self.reports.remove(&number) else {
            return;
        };
        let slurmd = &mut self.nodes[open.node];
        if let Report::Batch { job, .. } = open.report
            && slurmd.machine_life == open.machine_life
        {
            let mut out = Vec::new();
            slurmd.batch_reported(job, &mut self.chance.node, &mut out);
            self.does(open.node, out);
        }
    }

    /// A node was not answered: it repeats what it must.
    pub(crate) fn unanswered(&mut self, number: u64) {
        let Some(open) = self.reports.get(&number) else {
            return;
        };
        let repeats = match open.report {
            Report::Registration { repeat } => repeat,
            Report::Prolog { .. } | Report::Batch { .. } => true,
            Report::Epilog { .. } => false,
        };
        if repeats {
            self.ledger.mark("report repeated");
            self.tell(number);
        } else {
            self.reports.remove(&number);
        }
    }

    /// The client of an interactive job says that it is done, until somebody listens.
    pub(crate) fn session_ends(&mut self, session: u64) {
        let Some(&job) = self.sessions.get(&session) else {
            return;
        };
        let event = Event::AllocationDone { caller: ROOT, job, status: 0 };
        let mail = Mail { sender: Sender::Client(session), event };
        self.after(5, Happening::Arrives(None, mail));
        self.after(MESSAGE_TIMEOUT_S * 1000, Happening::SessionEnds(session));
    }
}

impl Call {
    fn of(message: &NodeMessage) -> Self {
        match message {
            NodeMessage::Ping => Self::Ping,
            NodeMessage::LaunchBatch { job } => {
                Self::Launch { job: job.id, restarts: job.restarts }
            }
            NodeMessage::LaunchProlog { job } => {
                Self::Prolog { job: job.id, restarts: job.restarts }
            }
            NodeMessage::Terminate { job }
            | NodeMessage::KillTimeLimit { job }
            | NodeMessage::KillPreempted { job } => Self::Terminate { job: job.id },
            _ => Self::Other,
        }
    }
}
