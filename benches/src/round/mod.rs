//! A round: one controller from its first start, under each scenario in turn.
//!
//! It runs in namespaces of its own (mount, PID, network, UTS, IPC), so that nothing of it outlives it and nothing of the machine is
//! in its way: see [`crate::throughput`], which starts it.

mod death;
mod fill;
mod ground;
mod hollows;
mod launch;
mod loaded;
mod programs;
mod running;
mod saved;
mod waiting;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use protocol::Version;
use serde::{Deserialize, Serialize};
use state::StoreError;

use crate::call::CallError;
use crate::order::Size;
pub use ground::{Ground, TUNING};
pub(crate) use launch::power_law;

/// How long state is left to be saved and jobs to be cleaned up before processor time is read.
const SETTLE: Duration = Duration::from_secs(3);

/// To put more jobs than this into a saved state takes minutes.
const MANY: u64 = 100_000;

/// What is measured, by the letters of README.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize,
)]
pub enum Scenario {
    /// Jobs a second, from submission to completion.
    A,
    /// Submissions a second, and their latency.
    B,
    /// Latency of queries, at rest and while jobs run.
    C,
    /// Memory a waiting job.
    D,
    /// Time to start with jobs in the state.
    E,
    /// Processor time a thousand jobs, measured along with a.
    F,
    /// What it takes to launch many tasks a slot: the model of Reuther et al.
    G,
    /// Time from the death of a slurmd to the requeue of its job.
    H,
    /// Acknowledged jobs that are lost at kill -9.
    I,
}

impl Scenario {
    /// All.
    pub const ALL: [Self; 9] =
        [Self::A, Self::B, Self::C, Self::D, Self::E, Self::F, Self::G, Self::H, Self::I];
}

/// What a controller does in one go, from an empty state in fresh namespaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Leg {
    /// a and f: jobs flow through.
    Flow {
        /// Hollow nodes.
        nodes: u16,
    },
    /// b, c at rest, d, e and i: jobs are submitted that cannot start.
    Queue {
        /// Hollow nodes.
        nodes: u16,
    },
    /// c, d and e: so many jobs are in the saved state; others flow through under polls.
    Loaded {
        /// Hollow nodes.
        nodes: u16,
        /// Jobs in the saved state.
        jobs: u64,
    },
    /// g: a few nodes, more and more tasks.
    Launch,
    /// h: a slurmd dies.
    Death {
        /// Hollow nodes.
        nodes: u16,
    },
}

impl Leg {
    /// How results name it.
    pub fn name(&self) -> String {
        match self {
            Self::Flow { nodes } => format!("flow-{nodes}"),
            Self::Queue { .. } => "queue".to_owned(),
            Self::Loaded { jobs, .. } => format!("loaded-{jobs}"),
            Self::Launch => "launch".to_owned(),
            Self::Death { .. } => "death".to_owned(),
        }
    }

    /// Whether it takes minutes, however quick the controller is.
    pub fn is_long(&self) -> bool {
        matches!(self, Self::Loaded { jobs, .. } if *jobs > MANY)
    }

    /// How many hollow nodes it has.
    pub fn nodes(&self) -> u16 {
        match self {
            Self::Flow { nodes } | Self::Queue { nodes } => *nodes,
            Self::Loaded { nodes, .. } | Self::Death { nodes } => *nodes,
            Self::Launch => launch::NODES,
        }
    }
}

/// A round, as the program that starts it says it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The system below the controller's root.
    pub system: PathBuf,
    /// The system with stock clients of `release`.
    pub clients: PathBuf,
    /// A ctld; stock slurmctld without it.
    pub ctld: Option<PathBuf>,
    /// The release that hollow nodes and clients speak, such as 24.11.
    pub release: String,
    /// Where this round may write: its root and its state, the latter on the disk.
    pub folder: PathBuf,
    /// What is done.
    pub leg: Leg,
    /// What is measured of it.
    pub scenarios: Vec<Scenario>,
    /// How much of it.
    pub size: Size,
}

/// One figure of one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The scenario's letter, as the issue of this benchmark has it.
    pub scenario: String,
    /// What was measured.
    pub what: String,
    /// Where it is one of a series: what of, and how much.
    pub at: Option<At>,
    /// In which unit.
    pub unit: String,
    /// Whether more of it is better.
    pub more_is_better: bool,
    /// The figure.
    pub value: f64,
}

/// Where a figure stands in its series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct At {
    /// What grows along the series, such as jobs in memory.
    pub of: String,
    /// How much of it.
    pub value: f64,
}

/// What a round says to the process that started it, a line each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Said {
    /// A figure, as soon as it is known.
    Figure(Figure),
    /// It did not come to its end, and why.
    Failed(String),
    /// It came to its end.
    Done,
}

impl Said {
    /// Says it.
    pub fn say(&self) {
        let line = serde_json::to_string(self).expect("plain data");
        // Who started the round has gone: the round is about to end, too.
        let _ = writeln!(io::stdout(), "{line}");
    }
}

/// Where the figures of a round go: to the process that started it, at once, so that a round that fails leaves what it has.
#[derive(Clone, Debug, Default)]
struct Figures {
    at: Option<At>,
}

impl Figures {
    /// The same, for figures of a series.
    fn at(of: &str, value: f64) -> Self {
        Self { at: Some(At { of: of.to_owned(), value }) }
    }

    /// A figure of which less is better.
    fn cost(&self, scenario: &str, what: impl Into<String>, unit: &str, value: f64) {
        self.push(scenario, what.into(), unit, false, value);
    }

    /// A figure of which more is better.
    fn gain(&self, scenario: &str, what: impl Into<String>, unit: &str, value: f64) {
        self.push(scenario, what.into(), unit, true, value);
    }

    fn push(&self, scenario: &str, what: String, unit: &str, more_is_better: bool, value: f64) {
        let (scenario, unit, at) = (scenario.to_owned(), unit.to_owned(), self.at.clone());
        Said::Figure(Figure { scenario, what, at, unit, more_is_better, value }).say();
    }
}

/// A round did not get to its end.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// A file or a program of this machine failed.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The script that makes the root failed; its own words are above.
    #[error("ground.sh failed")]
    Ground,
    /// The release is none of the six.
    #[error("no release {0:?}")]
    Release(String),
    /// The controller ended by itself.
    #[error("the controller ended: {status}; the end of its output:\n{output}")]
    Ended {
        /// How.
        status: String,
        /// The last lines that it wrote.
        output: String,
    },
    /// Something did not happen in time.
    #[error("not after {limit:?}: {what}; the end of the controller's output:\n{output}")]
    Late {
        /// What was waited for, and how far it came.
        what: String,
        /// For how long.
        limit: Duration,
        /// The last lines that the controller wrote.
        output: String,
    },
    /// The controller gave a wrong answer, or none.
    #[error("asking the controller")]
    Call(#[from] CallError),
    /// A stock client failed.
    #[error("{program} failed: {words}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it said.
        words: String,
    },
    /// The controller does not list jobs that it has acknowledged.
    #[error("{missing} of {jobs} acknowledged jobs are not listed")]
    Unlisted {
        /// How many.
        missing: usize,
        /// Of how many.
        jobs: usize,
    },
    /// The controller's saved state is not as this program knows it.
    #[error("the saved state cannot be multiplied: {0}")]
    Saved(&'static str),
    /// The store of ctld cannot be filled.
    #[error("filling the store of ctld")]
    Store(#[from] StoreError),
    /// The controller refused jobs that it should have taken.
    #[error("{failed} of {jobs} submissions failed")]
    Refused {
        /// How many.
        failed: u64,
        /// Of how many.
        jobs: u64,
    },
}

/// Turns an I/O error into a [`RoundError`] that says what was being done.
fn io_error(doing: impl Into<String>) -> impl FnOnce(io::Error) -> RoundError {
    let doing = doing.into();
    move |source| RoundError::Io { doing, source }
}

impl Plan {
    /// Where controllers of a round listen.
    fn controller() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 6817))
    }

    fn version(&self) -> Result<Version, RoundError> {
        Version::ALL
            .into_iter()
            .find(|version| version.to_string() == self.release)
            .ok_or_else(|| RoundError::Release(self.release.clone()))
    }

    fn users(&self) -> Vec<u32> {
        (0..u32::from(self.size.users.max(1))).map(|n| ground::FIRST_USER + n).collect()
    }

    fn has(&self, scenario: Scenario) -> bool {
        self.scenarios.contains(&scenario)
    }
}

/// Runs a round in the namespaces that this process was started in.
///
/// # Errors
/// When the controller or the machine fails.
pub async fn run(plan: Plan) -> Result<(), RoundError> {
    let leg = plan.leg.clone();
    let mut ground = Ground::prepare(plan).await?;
    match leg {
        Leg::Flow { .. } => running::measure(&mut ground).await,
        Leg::Queue { .. } => waiting::measure(&mut ground).await,
        Leg::Loaded { jobs, .. } => loaded::measure(&mut ground, jobs).await,
        Leg::Launch => launch::measure(&mut ground).await,
        Leg::Death { .. } => death::measure(&mut ground).await,
    }
}
