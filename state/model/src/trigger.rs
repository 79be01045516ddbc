use std::collections::BTreeSet;
use std::sync::Arc;

use crate::id::{Gid, JobId, NodeId, Timestamp, Uid};

/// A program that the controller runs when something happens (strigger).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Its number, from 1.
    pub id: u32,
    /// Whose it is, and as whom its program runs.
    pub owner: Uid,
    /// The group that its program runs in.
    pub group: Gid,
    /// What it watches.
    pub watched: Watched,
    /// Upon what of it: `TRIGGER_TYPE_*` bits of slurm.h.
    pub events: u32,
    /// Seconds after the event at which the program runs; before it if negative.
    pub offset_s: i32,
    /// Whether it stays after the event: `TRIGGER_FLAG_*` bits of slurm.h.
    pub flags: u16,
    /// The program and its first arguments, apart by spaces.
    pub program: Arc<str>,
    /// What has happened since it was set; its program is about to run.
    pub pulled: Option<Pulled>,
}

/// What a trigger watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// A job.
    Job(JobId),
    /// Nodes: a host expression; all of them without.
    Nodes(Option<Arc<str>>),
    /// The controller.
    Controller,
    /// slurmdbd.
    Slurmdbd,
    /// slurmdbd's database.
    Database,
    /// Anything else, such as burst buffers.
    Other,
}

/// An event that a trigger waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// When the program is to run.
    pub due: Timestamp,
    /// What it is told.
    pub cause: Cause,
}

/// What the program of a trigger is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Something happened to these nodes.
    Nodes(BTreeSet<NodeId>),
    /// A word: the number of a job, the name of an event.
    Word(Arc<str>),
}

impl Trigger {
    /// `TRIGGER_FLAG_PERM` of slurm.h: it stays after the event.
    pub const PERMANENT: u16 = 1;

    /// Whether it stays after the event.
    pub fn is_permanent(&self) -> bool {
        self.flags & Self::PERMANENT != 0
    }
}
