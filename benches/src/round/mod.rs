//! A round: one controller from its first start, under each scenario in turn.
//!
//! It runs in namespaces of its own (mount, PID, network, UTS, IPC), so that nothing of it outlives it and nothing of the machine is
//! in its way: see [`crate::throughput`], which starts it.

mod death;
mod ground;
mod hollows;
mod programs;
mod running;
mod waiting;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use protocol::Version;
use serde::{Deserialize, Serialize};

use crate::call::CallError;
pub use ground::Ground;

/// How long state is left to be saved and jobs to be cleaned up before processor time is read.
const SETTLE: Duration = Duration::from_secs(3);

/// What is measured.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize,
)]
pub enum Scenario {
    /// Jobs a second, from submission to completion, and processor time a thousand jobs (f).
    A,
    /// Submissions a second, and their latency.
    B,
    /// Latency of queries while jobs wait.
    C,
    /// Memory a waiting job.
    D,
    /// Time to start with the waiting jobs in the state.
    E,
    /// Time from the death of a slurmd to the requeue of its job.
    H,
    /// Acknowledged jobs that are lost at kill -9.
    I,
}

impl Scenario {
    /// All, in the order in which they run.
    pub const ALL: [Self; 7] = [Self::B, Self::D, Self::C, Self::E, Self::I, Self::A, Self::H];
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
    /// What is measured.
    pub scenarios: Vec<Scenario>,
    /// How much of it.
    pub size: Size,
}

/// How much is measured.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct Size {
    /// Hollow nodes
    #[arg(long, default_value_t = 200)]
    pub nodes: u16,
    /// Jobs of scenario a
    #[arg(long, default_value_t = 2000)]
    pub jobs: u64,
    /// Waiting jobs of scenarios b, c, d, e and i
    #[arg(long, default_value_t = 4000)]
    pub waiting: u64,
    /// Clients that submit at once
    #[arg(long, default_value_t = 16)]
    pub submitters: usize,
    /// Users that jobs belong to
    #[arg(long, default_value_t = 20)]
    pub users: u16,
    /// Clients that ask at once in scenario c, several numbers in turn
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10])]
    pub pollers: Vec<usize>,
    /// Seconds of each storm of questions
    #[arg(long, default_value_t = 4)]
    pub poll_s: u64,
    /// Scenario a once more while squeue asks for everything this often a second; 0 leaves it out
    #[arg(long, default_value_t = 0.0)]
    pub polls_during: f64,
    /// SchedulerParameters of both controllers
    #[arg(long, default_value = ground::TUNING)]
    pub tuning: String,
    /// A further line of both controllers' slurm.conf, such as PrologFlags=Alloc; may be given several times
    #[arg(long, value_name = "LINE")]
    pub conf: Vec<String>,
    /// A further flag of the hollow nodes, such as --hollow=--epilog-ms=10; may be given several times
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub hollow: Vec<String>,
}

/// One figure of one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The scenario's letter, as the issue of this benchmark has it.
    pub scenario: String,
    /// What was measured.
    pub what: String,
    /// In which unit.
    pub unit: String,
    /// Whether more of it is better.
    pub more_is_better: bool,
    /// The figure.
    pub value: f64,
}

/// The figures of a round, in the order in which they were taken.
#[derive(Clone, Debug, Default)]
struct Figures(Vec<Figure>);

impl Figures {
    /// A figure of which less is better.
    fn cost(&mut self, scenario: &str, what: impl Into<String>, unit: &str, value: f64) {
        self.push(scenario, what.into(), unit, false, value);
    }

    /// A figure of which more is better.
    fn gain(&mut self, scenario: &str, what: impl Into<String>, unit: &str, value: f64) {
        self.push(scenario, what.into(), unit, true, value);
    }

    fn push(&mut self, scenario: &str, what: String, unit: &str, more_is_better: bool, value: f64) {
        let (scenario, unit) = (scenario.to_owned(), unit.to_owned());
        self.0.push(Figure { scenario, what, unit, more_is_better, value });
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
pub async fn run(plan: Plan) -> Result<Vec<Figure>, RoundError> {
    let mut figures = Figures::default();
    let mut ground = Ground::prepare(plan).await?;
    let of_waiting = [Scenario::B, Scenario::D, Scenario::C, Scenario::E, Scenario::I];
    if of_waiting.into_iter().any(|scenario| ground.plan.has(scenario)) {
        waiting::measure(&mut ground, &mut figures).await?;
    }
    if ground.plan.has(Scenario::A) {
        running::measure(&mut ground, &mut figures).await?;
    }
    if ground.plan.has(Scenario::H) {
        death::measure(&mut ground, &mut figures).await?;
    }
    Ok(figures.0)
}
