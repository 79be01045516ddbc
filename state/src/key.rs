//! Which record lies where. Numbers are big-endian, so that keys are in the order of numbers.

use std::fmt;
use std::sync::Arc;

use model::{JobId, NodeId, StepNumber, Uid};

/// A key space: records of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// The format, the counters, the number of the last commit.
    Meta,
    /// Nodes.
    Nodes,
    /// Partitions.
    Partitions,
    /// Jobs.
    Jobs,
    /// Steps.
    Steps,
    /// Scripts, by far the largest records, read one at a time.
    Scripts,
    /// Triggers.
    Triggers,
    /// Crontabs.
    Crontabs,
    /// Reservations.
    Reservations,
}

impl Space {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Meta,
        Self::Nodes,
        Self::Partitions,
        Self::Jobs,
        Self::Steps,
        Self::Scripts,
        Self::Triggers,
        Self::Crontabs,
        Self::Reservations,
    ];

    /// What it is called on disk.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Nodes => "nodes",
            Self::Partitions => "partitions",
            Self::Jobs => "jobs",
            Self::Steps => "steps",
            Self::Scripts => "scripts",
            Self::Triggers => "triggers",
            Self::Crontabs => "crontabs",
            Self::Reservations => "reservations",
        }
    }
}

/// What a record is about. The order is that in which records are loaded: nodes before the jobs
/// that are on them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Counters,
    Node(NodeId),
    Partition(Arc<str>),
    Job(JobId),
    Step(JobId, StepNumber),
    Script(JobId),
    Trigger(u32),
    Crontab(Uid),
    Reservation(Arc<str>),
}

/// In [`Space::Meta`].
pub(crate) const COUNTERS: &[u8] = b"counters";
/// In [`Space::Meta`].
pub(crate) const FORMAT: &[u8] = b"format";
/// In [`Space::Meta`]: the seal of the last commit.
pub(crate) const SEAL: &[u8] = b"seal";

impl Key {
    pub(crate) fn space(&self) -> Space {
        match self {
            Self::Counters => Space::Meta,
            Self::Node(_) => Space::Nodes,
            Self::Partition(_) => Space::Partitions,
            Self::Job(_) => Space::Jobs,
            Self::Step(..) => Space::Steps,
            Self::Script(_) => Space::Scripts,
            Self::Trigger(_) => Space::Triggers,
            Self::Crontab(_) => Space::Crontabs,
            Self::Reservation(_) => Space::Reservations,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Counters => COUNTERS.to_vec(),
            Self::Node(NodeId(number))
            | Self::Job(JobId(number))
            | Self::Script(JobId(number))
            | Self::Trigger(number)
            | Self::Crontab(Uid(number)) => number.to_be_bytes().to_vec(),
            Self::Partition(name) | Self::Reservation(name) => name.as_bytes().to_vec(),
            Self::Step(job, step) => {
                let (kind, number, component) = match *step {
                    StepNumber::Normal(number) => (0, number, None),
                    StepNumber::Interactive => (1, 0, None),
                    StepNumber::Batch => (2, 0, None),
                    StepNumber::Extern => (3, 0, None),
                    StepNumber::Component { step, component } => (4, step, Some(component)),
                };
                let mut bytes = job.0.to_be_bytes().to_vec();
                bytes.push(kind);
                bytes.extend(number.to_be_bytes());
                bytes.extend(component.iter().flat_map(|component| component.to_be_bytes()));
                bytes
            }
        }
    }
}

/// A key as it lies on disk, to be named in an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The key space.
    pub space: Space,
    /// The key.
    pub key: Vec<u8>,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.space {
            Space::Meta => return write!(f, "{}", self.key.escape_ascii()),
            Space::Partitions => return write!(f, "partition {}", self.key.escape_ascii()),
            Space::Reservations => {
                return write!(f, "reservation {}", self.key.escape_ascii());
            }
            Space::Nodes => "node",
            Space::Jobs => "job",
            Space::Steps => "step",
            Space::Scripts => "script",
            Space::Triggers => "trigger",
            Space::Crontabs => "crontab of user",
        };
        match self.key.split_first_chunk::<4>() {
            Some((number, [])) => write!(f, "{word} {}", u32::from_be_bytes(*number)),
            Some((job, rest)) => {
                write!(f, "{word} {}.{}", u32::from_be_bytes(*job), rest.escape_ascii())
            }
            None => write!(f, "{word} {}", self.key.escape_ascii()),
        }
    }
}
