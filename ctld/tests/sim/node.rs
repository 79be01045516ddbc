//! A model slurmd and the machine under it. What it does was read from slurmd of 24.11: a second
//! launch of a job that it has is refused (ESLURM_DUPLICATE_JOB_ID); a credential that is not newer
//! than the last order to end the job is refused (ESLURMD_CREDENTIAL_REVOKED); the report of a
//! script's end is repeated until it is answered, by slurmstepd, which outlives slurmd; a report of
//! an epilog is not repeated.

use std::collections::BTreeMap;
use std::sync::Arc;

use ctld_core::NodeMessage;
use model::{CoreSet, Hardware, Job, JobId, NodeId, StepNumber, Timestamp};

use crate::rng::Rng;
use crate::setup::KILL_WAIT_S;

/// A machine with its slurmd.
#[derive(Debug)]
pub struct Slurmd {
    /// NodeName.
    pub name: Arc<str>,
    /// What the machine has.
    pub hardware: Hardware,
    /// Whether the network carries anything from and to it.
    pub reachable: bool,
    /// How its slurmd is.
    pub process: Process,
    /// When the machine booted.
    pub booted: Timestamp,
    /// When slurmd started.
    pub started: Timestamp,
    /// Messages that wait for a slurmd that hangs.
    pub backlog: Vec<(NodeMessage, Timestamp)>,
    /// Which life of the machine this is; processes of an earlier one are gone.
    pub machine_life: u32,
    /// Which life of slurmd this is.
    pub slurmd_life: u32,
    /// Whether nothing fails here by itself: no prolog, no epilog, no script.
    pub calm: bool,
    /// Whether it reports the end of a prolog that went well: without PrologFlags=NoHold.
    pub reports_prologs: bool,
    epilog: bool,
    held: BTreeMap<JobId, Held>,
    revoked: BTreeMap<JobId, Timestamp>,
    serial: u64,
}

/// How a slurmd is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// It serves.
    Serves,
    /// It takes connections and does nothing (a stuck file system).
    Hangs,
    /// It is not there.
    Dead,
}

/// What slurmd answers at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Return code 0.
    Ok,
    /// ESLURMD_KILL_JOB_ALREADY_COMPLETE.
    AlreadyComplete,
    /// ESLURM_DUPLICATE_JOB_ID.
    Duplicate,
    /// Another code.
    Refused { code: u32, node_at_fault: bool },
}

/// Something that comes of a message or of time.
#[derive(Clone, Debug)]
pub enum Doing {
    /// Wake the node then.
    Later { after_ms: u64, timer: Timer },
    /// Report to the controller.
    Say(Report),
    /// A script has begun to run.
    ScriptBegan { job: Arc<Job> },
}

/// What the node waits for.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    pub kind: TimerKind,
    pub job: JobId,
    pub serial: u64,
}

/// See [`Timer`].
#[derive(Clone, Copy, Debug)]
pub enum TimerKind {
    Prolog,
    Run,
    Epilog,
}

/// Something that the controller is to be told.
#[derive(Clone, Copy, Debug)]
pub enum Report {
    Registration { repeat: bool },
    Prolog { job: JobId, status: u32 },
    Batch { job: JobId, status: u32, slurm_code: u32 },
    Epilog { job: JobId, status: u32 },
}

/// A job as the node knows it.
#[derive(Clone, Debug)]
struct Held {
    job: Arc<Job>,
    cores: CoreSet,
    prolog: Prolog,
    /// The script was launched here, whether it has begun or not.
    launched: bool,
    run: Option<Run>,
    /// A script that has ended, and slurmstepd has not got rid of the news.
    unreported: bool,
    ending: Option<Ending>,
    in_epilog: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prolog {
    NotRun,
    /// The timer with this serial ends it; whether the controller asked for it alone.
    Runs {
        serial: u64,
        alone: bool,
    },
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Reported,
    Silent,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    serial: u64,
    status: u32,
    until_ms: u64,
    /// Milliseconds left, while it is stopped.
    stopped: Option<u64>,
}

impl Slurmd {
    /// A machine that is on, with a slurmd that has just started.
    pub fn new(name: Arc<str>, hardware: Hardware, now: Timestamp, epilog: bool) -> Self {
        Self {
            name,
            hardware,
            reachable: true,
            process: Process::Serves,
            booted: now,
            started: now,
            backlog: Vec::new(),
            machine_life: 0,
            slurmd_life: 0,
            calm: false,
            reports_prologs: true,
            epilog,
            held: BTreeMap::new(),
            revoked: BTreeMap::new(),
            serial: 0,
        }
    }

    /// The steps that run here, as a registration lists them.
    pub fn steps(&self) -> Vec<(JobId, StepNumber)> {
        let step =
            |held: &Held| if held.launched { StepNumber::Batch } else { StepNumber::Normal(0) };
        let there = self.held.iter().filter(|(_, held)| held.run.is_some() || held.unreported);
        there.map(|(id, held)| (*id, step(held))).collect()
    }

    /// Two jobs that have processes on one core. Epilogs are not counted: a node does not tell of the
    /// one that it runs for a job that was given up.
    pub fn shared_core(&self) -> Option<(JobId, JobId)> {
        let busy: Vec<(&JobId, &Held)> =
            self.held.iter().filter(|(_, held)| held.is_busy() && !held.in_epilog).collect();
        busy.iter().enumerate().find_map(|(place, (a, held))| {
            let mut later = busy[place + 1..].iter();
            later.find(|(_, other)| held.cores.intersects(&other.cores)).map(|(b, _)| (**a, **b))
        })
    }

    /// Jobs that the node still has something of.
    pub fn leftovers(&self) -> Vec<JobId> {
        self.held.iter().filter(|(_, held)| held.is_busy()).map(|(id, _)| *id).collect()
    }

    /// slurmd has ended; scripts go on under their slurmstepds.
    pub fn slurmd_died(&mut self) {
        self.process = Process::Dead;
        self.slurmd_life += 1;
        self.backlog.clear();
        for held in self.held.values_mut() {
            held.ending = None;
            if matches!(held.prolog, Prolog::Runs { .. }) {
                held.prolog = Prolog::NotRun;
                held.launched = false;
            }
        }
        self.held
            .retain(|_, held| held.run.is_some() || held.unreported || held.prolog == Prolog::Done);
        self.held.retain(|_, held| !held.in_epilog);
    }

    /// The machine has lost its power: nothing of any job is left.
    pub fn machine_died(&mut self) {
        self.slurmd_died();
        self.machine_life += 1;
        self.held.clear();
    }

    /// A message has come, made at `made` by the controller's clock.
    pub fn receive(
        &mut self,
        now_ms: u64,
        me: NodeId,
        (message, made): (&NodeMessage, Timestamp),
        rng: &mut Rng,
        out: &mut Vec<Doing>,
    ) -> Reply {
        match message {
            NodeMessage::Ping
            | NodeMessage::HealthCheck
            | NodeMessage::Shutdown
            | NodeMessage::Reboot { .. }
            // Steps here have no limit of their own.
            | NodeMessage::StepTimeLimit { .. }
            | NodeMessage::Notify { .. } => Reply::Ok,
            NodeMessage::Register => {
                out.push(Doing::Say(Report::Registration { repeat: false }));
                Reply::Ok
            }
            NodeMessage::LaunchProlog { job } => {
                self.launch_prolog(me, job, made, rng, out);
                Reply::Ok
            }
            NodeMessage::LaunchBatch { job } => self.launch_batch(me, job, made, rng, out),
            NodeMessage::Terminate { job }
            | NodeMessage::KillTimeLimit { job }
            | NodeMessage::KillPreempted { job } => {
                self.revoke(job.id, made, job.started);
                self.terminate(now_ms, job.id, Ending::Reported, rng, out)
            }
            NodeMessage::Abort { job, .. } => {
                self.revoke(*job, made, None);
                self.terminate(now_ms, *job, Ending::Silent, rng, out);
                Reply::Ok
            }
            NodeMessage::Signal { job, signal, .. } => {
                if matches!(signal, 2 | 9 | 15) {
                    self.kill(now_ms, *job, u32::from(*signal), rng, out);
                }
                Reply::Ok
            }
            NodeMessage::Suspend { job, resume } => {
                self.suspend(now_ms, *job, *resume, out);
                Reply::Ok
            }
        }
    }

    /// A step of a job that runs elsewhere is launched here, by its srun.
    pub fn launch_step(
        &mut self,
        now_ms: u64,
        (me, job): (NodeId, &Arc<Job>),
        until_ms: u64,
        made: Timestamp,
        out: &mut Vec<Doing>,
    ) {
        if self.process != Process::Serves || self.is_revoked(job.id, made) {
            return;
        }
        self.reissued(job.id, made);
        self.serial += 1;
        let serial = self.serial;
        let held = self.held.entry(job.id).or_insert_with(|| Held::of(job, me));
        if held.run.is_some() || held.in_epilog || held.ending.is_some() {
            return;
        }
        held.prolog = Prolog::Done;
        held.run = Some(Run { serial, status: 0, until_ms, stopped: None });
        let timer = Timer { kind: TimerKind::Run, job: job.id, serial };
        out.push(Doing::Later { after_ms: until_ms.saturating_sub(now_ms), timer });
    }

    /// A timer of the node has run out.
    pub fn timer(&mut self, now_ms: u64, timer: Timer, rng: &mut Rng, out: &mut Vec<Doing>) {
        let Some(held) = self.held.get_mut(&timer.job) else {
            return;
        };
        match timer.kind {
            TimerKind::Prolog => {
                if let Prolog::Runs { serial, alone } = held.prolog
                    && serial == timer.serial
                {
                    self.prolog_ended(now_ms, timer.job, alone, rng, out);
                }
            }
            TimerKind::Run => {
                let Some(run) = held.run.filter(|run| run.serial == timer.serial) else {
                    return;
                };
                held.run = None;
                if held.launched {
                    held.unreported = true;
                    let status = run.status;
                    out.push(Doing::Say(Report::Batch { job: timer.job, status, slurm_code: 0 }));
                } else {
                    self.ended(timer.job, rng, out);
                }
            }
            TimerKind::Epilog if held.in_epilog => {
                self.held.remove(&timer.job);
                let status = u32::from(rng.chance(5) && !self.calm);
                out.push(Doing::Say(Report::Epilog { job: timer.job, status }));
            }
            TimerKind::Epilog => {}
        }
    }

    /// The controller has answered the report of a script's end.
    pub fn batch_reported(&mut self, job: JobId, rng: &mut Rng, out: &mut Vec<Doing>) {
        if let Some(held) = self.held.get_mut(&job)
            && held.unreported
        {
            held.unreported = false;
            self.ended(job, rng, out);
        }
    }

    fn launch_prolog(
        &mut self,
        me: NodeId,
        job: &Arc<Job>,
        made: Timestamp,
        rng: &mut Rng,
        out: &mut Vec<Doing>,
    ) {
        self.reissued(job.id, made);
        let known = self.held.get(&job.id).map(|held| held.prolog);
        match known {
            // A prolog that is running counts as run here, and scripts wait for it.
            Some(Prolog::Runs { .. } | Prolog::Done) => self.prolog_went_well(job.id, out),
            // A revoked credential makes the job a known one: its prolog counts as run.
            _ if self.revoked.contains_key(&job.id) => self.prolog_went_well(job.id, out),
            _ => self.begin_prolog(me, job, true, rng, out),
        }
    }

    fn prolog_went_well(&self, job: JobId, out: &mut Vec<Doing>) {
        if self.reports_prologs {
            out.push(Doing::Say(Report::Prolog { job, status: 0 }));
        }
    }

    fn begin_prolog(
        &mut self,
        me: NodeId,
        job: &Arc<Job>,
        alone: bool,
        rng: &mut Rng,
        out: &mut Vec<Doing>,
    ) {
        self.serial += 1;
        let serial = self.serial;
        let held = self.held.entry(job.id).or_insert_with(|| Held::of(job, me));
        held.prolog = Prolog::Runs { serial, alone };
        let timer = Timer { kind: TimerKind::Prolog, job: job.id, serial };
        out.push(Doing::Later { after_ms: rng.between(10, 2000), timer });
    }

    fn launch_batch(
        &mut self,
        me: NodeId,
        job: &Arc<Job>,
        made: Timestamp,
        rng: &mut Rng,
        out: &mut Vec<Doing>,
    ) -> Reply {
        if self.held.get(&job.id).is_some_and(|held| held.launched) {
            return Reply::Duplicate;
        }
        if self.is_revoked(job.id, made) {
            return Reply::Refused { code: 4006, node_at_fault: false };
        }
        self.reissued(job.id, made);
        if rng.chance(4) && !self.calm {
            return Reply::Refused { code: 4010, node_at_fault: true };
        }
        let known = self.held.get(&job.id).map(|held| held.prolog);
        match known {
            None | Some(Prolog::NotRun) => self.begin_prolog(me, job, false, rng, out),
            Some(Prolog::Runs { .. } | Prolog::Done) => {}
        }
        if let Some(held) = self.held.get_mut(&job.id) {
            held.launched = true;
        }
        if known == Some(Prolog::Done) {
            // The script begins when slurmd has forked.
            self.serial += 1;
            let serial = self.serial;
            if let Some(held) = self.held.get_mut(&job.id) {
                held.prolog = Prolog::Runs { serial, alone: false };
            }
            let timer = Timer { kind: TimerKind::Prolog, job: job.id, serial };
            out.push(Doing::Later { after_ms: 5, timer });
        }
        Reply::Ok
    }

    fn prolog_ended(
        &mut self,
        now_ms: u64,
        id: JobId,
        alone: bool,
        rng: &mut Rng,
        out: &mut Vec<Doing>,
    ) {
        let fails = rng.chance(5) && !self.calm;
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        held.prolog = Prolog::Done;
        if alone && fails {
            out.push(Doing::Say(Report::Prolog { job: id, status: 1 }));
        } else if alone {
            self.prolog_went_well(id, out);
        }
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        if held.ending.is_some() {
            self.ended(id, rng, out);
        } else if held.launched && fails {
            held.unreported = true;
            out.push(Doing::Say(Report::Batch { job: id, status: 0, slurm_code: 4020 }));
        } else if held.launched {
            self.begin_script(now_ms, id, rng, out);
        }
    }

    fn begin_script(&mut self, now_ms: u64, id: JobId, rng: &mut Rng, out: &mut Vec<Doing>) {
        self.serial += 1;
        let serial = self.serial;
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        let drawn_ms = if rng.chance(100) { 400_000 } else { rng.between(100, 60_000) };
        let lasts_ms = if self.calm { drawn_ms % 5_000 + 3_000 } else { drawn_ms };
        let status = if rng.chance(150) && !self.calm { 1 << 8 } else { 0 };
        held.run = Some(Run { serial, status, until_ms: now_ms + lasts_ms, stopped: None });
        out.push(Doing::ScriptBegan { job: Arc::clone(&held.job) });
        let timer = Timer { kind: TimerKind::Run, job: id, serial };
        out.push(Doing::Later { after_ms: lasts_ms, timer });
    }

    /// When the script of a job ends, if it runs here.
    pub fn runs_until_ms(&self, job: JobId) -> Option<u64> {
        self.held.get(&job).and_then(|held| held.run).map(|run| run.until_ms)
    }

    fn terminate(
        &mut self,
        now_ms: u64,
        id: JobId,
        how: Ending,
        rng: &mut Rng,
        out: &mut Vec<Doing>,
    ) -> Reply {
        let Some(held) = self.held.get_mut(&id) else {
            if self.epilog && how == Ending::Reported {
                out.push(Doing::Say(Report::Epilog { job: id, status: 0 }));
                return Reply::Ok;
            }
            return Reply::AlreadyComplete;
        };
        if held.ending.is_some() {
            if how == Ending::Reported {
                held.ending = Some(how);
            }
            return Reply::Ok;
        }
        held.ending = Some(how);
        if held.run.is_some() {
            self.kill(now_ms, id, 15, rng, out);
            return Reply::Ok;
        }
        if matches!(held.prolog, Prolog::Runs { .. }) || held.unreported {
            return Reply::Ok;
        }
        if self.epilog {
            self.ended(id, rng, out);
            return Reply::Ok;
        }
        self.held.remove(&id);
        Reply::AlreadyComplete
    }

    fn kill(&mut self, now_ms: u64, id: JobId, signal: u32, rng: &mut Rng, out: &mut Vec<Doing>) {
        let stubborn = rng.chance(100);
        self.serial += 1;
        let serial = self.serial;
        if let Some(run) = self.held.get_mut(&id).and_then(|held| held.run.as_mut()) {
            let after_ms = if stubborn { KILL_WAIT_S * 1000 } else { rng.between(10, 1500) };
            *run = Run { serial, status: signal, until_ms: now_ms + after_ms, stopped: None };
            let timer = Timer { kind: TimerKind::Run, job: id, serial };
            out.push(Doing::Later { after_ms, timer });
        }
    }

    fn suspend(&mut self, now_ms: u64, id: JobId, resume: bool, out: &mut Vec<Doing>) {
        self.serial += 1;
        let serial = self.serial;
        let Some(run) = self.held.get_mut(&id).and_then(|held| held.run.as_mut()) else {
            return;
        };
        match (resume, run.stopped) {
            (false, None) => {
                run.stopped = Some(run.until_ms.saturating_sub(now_ms));
                run.serial = serial;
            }
            (true, Some(after_ms)) => {
                *run = Run { serial, until_ms: now_ms + after_ms, stopped: None, ..*run };
                let timer = Timer { kind: TimerKind::Run, job: id, serial };
                out.push(Doing::Later { after_ms, timer });
            }
            _ => {}
        }
    }

    /// No process of a job is left: the epilog, if the job is to end.
    fn ended(&mut self, id: JobId, rng: &mut Rng, out: &mut Vec<Doing>) {
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        match held.ending {
            None => {}
            Some(Ending::Silent) => drop(self.held.remove(&id)),
            Some(Ending::Reported) if self.epilog => {
                held.in_epilog = true;
                let timer = Timer { kind: TimerKind::Epilog, job: id, serial: 0 };
                out.push(Doing::Later { after_ms: rng.between(10, 3000), timer });
            }
            Some(Ending::Reported) => {
                self.held.remove(&id);
                out.push(Doing::Say(Report::Epilog { job: id, status: 0 }));
            }
        }
    }

    /// Refuses credentials up to `made`, unless the job has been started anew since the last time.
    fn revoke(&mut self, id: JobId, made: Timestamp, started: Option<Timestamp>) {
        match self.revoked.get(&id) {
            Some(&at) if started.is_none_or(|started| at >= started) => {}
            _ => drop(self.revoked.insert(id, made)),
        }
    }

    fn is_revoked(&self, id: JobId, made: Timestamp) -> bool {
        self.revoked.get(&id).is_some_and(|at| made <= *at)
    }

    /// A newer credential makes the job a new one.
    fn reissued(&mut self, id: JobId, made: Timestamp) {
        if self.revoked.get(&id).is_some_and(|at| made > *at) {
            self.revoked.remove(&id);
        }
    }
}

impl Held {
    fn of(job: &Arc<Job>, me: NodeId) -> Self {
        let shares = job.allocation.iter().flat_map(|allocation| &allocation.shares);
        let mine = shares.filter(|share| share.node == me).map(|share| share.cores.clone());
        Self {
            job: Arc::clone(job),
            cores: mine.fold(CoreSet::default(), |_, cores| cores),
            prolog: Prolog::NotRun,
            launched: false,
            run: None,
            unreported: false,
            ending: None,
            in_epilog: false,
        }
    }

    /// Whether processes of the job are on its cores.
    fn is_busy(&self) -> bool {
        self.run.is_some() || self.in_epilog || matches!(self.prolog, Prolog::Runs { .. })
    }
}
