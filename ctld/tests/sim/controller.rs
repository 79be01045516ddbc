//! A model of the writer around the real core and the real store: a batch of events, a turn for
//! each, one commit, the cluster published, and only then answers and effects released. It dies
//! where it is told to.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};

use ctld_core::{Answer, Core, Effect, Event, Reject};
use model::{Change, Cluster, Timestamp};
use state::{Fault, Memory, Store};

use crate::ledger::Ledger;
use crate::setup::Setup;

/// The controller and the disk that outlives it.
pub struct Controller {
    /// The disk, as the process that runs has opened it.
    pub store: Memory,
    /// The process, while it runs.
    pub process: Option<Process>,
    /// Which process this is.
    pub life: u32,
    /// A hash of all changes, as they were made.
    pub digest: Digest,
    /// Turns taken.
    pub turns: u64,
}

/// A process of the controller.
pub struct Process {
    /// What decides.
    pub core: Core,
    /// What readers and the scheduler see.
    pub published: Cluster,
    /// What came and was not handled.
    pub inbox: VecDeque<Mail>,
    /// Whether the writer is about to run.
    pub awake: bool,
    /// Whether a plan is being made.
    pub plans: bool,
    /// Whether another is wanted.
    pub wants_plan: bool,
}

/// An event and who waits for its answer.
#[derive(Debug)]
pub struct Mail {
    /// Who.
    pub sender: Sender,
    /// What.
    pub event: Event,
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Nobody.
    Nobody,
    /// A node, with the number of its report.
    Node(u64),
    /// A client of an interactive job.
    Client(u64),
    /// An srun, with its number.
    Srun(u64),
}

/// What leaves the controller, in this order.
#[derive(Debug)]
pub enum Release {
    /// An answer.
    Answer(Sender, Result<Answer, Reject>),
    /// An effect.
    Effect(Effect),
}

/// Where a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The batch was handled and nothing of it was written.
    BeforeCommit,
    /// The disk failed, with or without the batch on it.
    InCommit(Fault),
    /// The batch is durable and nobody was told.
    AfterCommit,
    /// Readers have seen the batch and nobody was told.
    AfterPublish,
    /// So many answers and effects of it have left.
    InRelease(u64),
}

impl Controller {
    /// A controller that has never run.
    pub fn new() -> Self {
        Self { store: Memory::new(), process: None, life: 0, digest: Digest::default(), turns: 0 }
    }

    /// Starts a process on what the disk holds.
    pub fn start(&mut self, now: Timestamp, setup: &Setup, ledger: &mut Ledger) -> Vec<Release> {
        self.life += 1;
        self.store = self.store.reopen();
        let mut kept = Cluster::default();
        self.store
            .load(&mut |change| kept.apply(&change))
            .expect("a disk that fails keeps what it kept");
        let core = Core::new(kept.clone());
        self.process = Some(Process {
            core,
            published: kept,
            inbox: VecDeque::new(),
            awake: false,
            plans: false,
            wants_plan: false,
        });
        let event = Event::Configured(Box::new(setup.configuration.clone()));
        let mail = Mail { sender: Sender::Nobody, event };
        let mut released = self.write(now, vec![mail], None, ledger);
        if let Some(process) = &mut self.process {
            released.extend(process.core.resume().into_iter().map(Release::Effect));
        }
        released
    }

    /// Handles a batch. The process is gone afterwards if it was to crash.
    pub fn write(
        &mut self,
        now: Timestamp,
        batch: Vec<Mail>,
        crash: Option<Crash>,
        ledger: &mut Ledger,
    ) -> Vec<Release> {
        let process = self.process.as_mut().expect("a writer runs in a process");
        let mut changes = Vec::new();
        let mut releases = Vec::new();
        let mut promises = Vec::new();
        for Mail { sender, event } in batch {
            self.turns += 1;
            let before = process.core.cluster().clone();
            let turned = process.core.turn(now, event.clone());
            self.digest.take(&turned.changes);
            promises.push(ledger.turned(now, &before, process.core.cluster(), &event, &turned));
            changes.extend(turned.changes);
            releases.push(Release::Answer(sender, turned.answer));
            releases.extend(turned.effects.into_iter().map(Release::Effect));
        }
        if let Some(Crash::BeforeCommit) = crash {
            self.process = None;
            return Vec::new();
        }
        if let Some(Crash::InCommit(fault)) = crash {
            self.store.fail(self.store.commits() + 1, fault);
        }
        if self.store.commit(&changes).is_err() || crash == Some(Crash::AfterCommit) {
            self.process = None;
            return Vec::new();
        }
        process.published = process.core.cluster().clone();
        let left = match crash {
            Some(Crash::AfterPublish) => 0,
            Some(Crash::InRelease(some)) => usize::try_from(some).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        if crash.is_some() {
            self.process = None;
        }
        releases.truncate(left);
        if left > 0 {
            promises.into_iter().for_each(|promise| ledger.promised(promise));
        }
        releases
    }

    /// The process ends on the spot.
    pub fn killed(&mut self) {
        self.process = None;
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("inbox", &self.inbox.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller").field("process", &self.process).finish_non_exhaustive()
    }
}

/// A hash of what was written into it (FNV-1a).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn take(&mut self, changes: &[Change]) {
        for change in changes {
            write!(self, "{change:?};").expect("a hash takes everything");
        }
    }
}

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
