//! The whole measurement: each controller in turn, round after round, each in namespaces of its own.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use conformance::Release;
use conformance::ground::{self, say};
use conformance::stock::{self, StockError};
use conformance::subject::{self, BuildError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::machine::{self, Machine};
use crate::report;
use crate::round::{Figure, Plan, Scenario, Size};

/// A controller that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// Ours, built in the profile of this program.
    Ctld,
    /// Stock slurmctld 24.11.
    #[value(name = "24.11")]
    R24_11,
    /// Stock slurmctld 26.05.
    #[value(name = "26.05")]
    R26_05,
}

/// What is to be measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Order {
    /// The controllers, in the order in which each round runs them
    #[arg(long, value_delimiter = ',', default_value = "24.11,ctld")]
    pub subjects: Vec<Subject>,
    /// Rounds; the report gives medians
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// Scenarios
    #[arg(long, value_delimiter = ',', default_values_t = Scenario::ALL, value_enum)]
    pub scenarios: Vec<Scenario>,
    /// The release that hollow nodes and clients speak to ctld, 24.11 or 26.05; to stock they speak its own
    #[arg(long, default_value = "24.11")]
    pub speak: String,
    /// What to say of the circumstances, in the report
    #[arg(long, default_value = "")]
    pub note: String,
    /// The folder for the result and the report
    #[arg(long, default_value = "benches/results")]
    pub out: PathBuf,
    /// Sizes
    #[command(flatten)]
    pub size: Size,
}

/// One controller in one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The controller.
    pub subject: String,
    /// Counted from 1.
    pub round: u32,
    /// The load average of the machine before it.
    pub load_before: f64,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// Why it did not come to its end.
    pub failure: Option<String>,
}

/// What a measurement gave: `result.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// When it began, UTC.
    pub date: String,
    /// Of which commit.
    pub commit: String,
    /// Where.
    pub machine: Machine,
    /// The command, to do it again.
    pub command: String,
    /// Whether this program and ctld were built with optimisation.
    pub profile: String,
    /// The circumstances, in the words of whoever started it.
    pub note: String,
    /// How much of each.
    pub size: Size,
    /// All rounds.
    pub runs: Vec<Run>,
}

/// A measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// No rights or no tools.
    #[error(transparent)]
    Ground(#[from] ground::GroundError),
    /// No stock Slurm.
    #[error("no stock Slurm")]
    Stock(#[from] StockError),
    /// No ctld.
    #[error("no ctld")]
    Build(#[from] BuildError),
    /// There are no stock clients of that release.
    #[error("--speak {0}: want 24.11 or 26.05")]
    Speak(String),
    /// A file or a program of this machine failed.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A result file is not one.
    #[error("{path} is no result")]
    NotAResult {
        /// Which.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
}

pub(crate) fn io_error(doing: impl Into<String>) -> impl FnOnce(io::Error) -> MeasureError {
    let doing = doing.into();
    move |source| MeasureError::Io { doing, source }
}

impl Order {
    /// Measures all, and writes the result and the report.
    ///
    /// # Errors
    /// When the machine cannot carry it. A round that fails is a line of the result.
    pub fn run(&self) -> Result<(), MeasureError> {
        ground::check_rights()?;
        ground::install_tools()?;
        let mut measurement = Measurement {
            date: Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            commit: commit(),
            machine: Machine::here(),
            command: command(),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
            note: self.note.clone(),
            size: self.size.clone(),
            runs: Vec::new(),
        };
        for round in 1..=self.rounds {
            for &subject in &self.subjects {
                measurement.runs.push(self.one(subject, round)?);
                // A measurement that is cut off leaves what it has.
                report::write(&measurement, &self.out)?;
            }
        }
        say(&format!("benches: {}", self.out.join("report.md").display()));
        Ok(())
    }

    fn one(&self, subject: Subject, round: u32) -> Result<Run, MeasureError> {
        let (name, plan) = self.plan(subject)?;
        let load_before = machine::load_average();
        say(&format!("benches: round {round} of {}: {name}, load {load_before}", self.rounds));
        let outcome = in_namespaces(&plan)?;
        remove(&plan.folder)?;
        let (figures, failure) = match outcome {
            Ok(figures) => (figures, None),
            Err(words) => {
                say(&format!("benches: {name} did not come to its end: {words}"));
                (Vec::new(), Some(words))
            }
        };
        Ok(Run { subject: name, round, load_before, figures, failure })
    }

    fn plan(&self, subject: Subject) -> Result<(String, Plan), MeasureError> {
        let release = match subject {
            Subject::Ctld => None,
            Subject::R24_11 => Some(Release::R24_11),
            Subject::R26_05 => Some(Release::R26_05),
        };
        // Two measurements at once would be worth nothing, but must not write into each other's state.
        let folder = subject::target_folder().join(format!("bench-{}", process::id()));
        fs::create_dir_all(&folder).map_err(io_error(format!("creating {}", folder.display())))?;
        let speaks = release.or_else(|| Release::parse(&self.speak));
        let clients = stock::fetch(speaks.ok_or_else(|| MeasureError::Speak(self.speak.clone()))?)?;
        let mut plan = Plan {
            system: PathBuf::from("/"),
            clients: clients.root.clone(),
            ctld: None,
            release: self.speak.clone(),
            folder,
            scenarios: self.scenarios.clone(),
            size: self.size.clone(),
        };
        let Some(release) = release else {
            plan.ctld = Some(subject::ctld()?);
            return Ok(("ctld".to_owned(), plan));
        };
        plan.release = release.to_string();
        plan.system = clients.root;
        Ok((format!("slurmctld {}", clients.version), plan))
    }
}

/// Runs a round in namespaces of its own, which end with it, and with this process.
fn in_namespaces(plan: &Plan) -> Result<Result<Vec<Figure>, String>, MeasureError> {
    let program = env::current_exe().map_err(io_error("finding this program"))?;
    let text = serde_json::to_string(plan).expect("a plan is plain data");
    let namespaces =
        ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--uts", "--ipc"];
    // The round reads its standard input, which ends when this process does.
    let mut child = Command::new("unshare")
        .args(namespaces)
        .arg(program)
        .args(["round", &text])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(io_error("starting unshare"))?;
    let leash = child.stdin.take();
    let output = child.wait_with_output().map_err(io_error("waiting for a round"))?;
    drop(leash);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(serde_json::from_str(&text)
        .unwrap_or_else(|_| Err(format!("the round ended with {}", output.status))))
}

fn remove(folder: &Path) -> Result<(), MeasureError> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => {
            Err(io_error(format!("removing {}", folder.display()))(why))
        }
        _ => Ok(()),
    }
}

fn commit() -> String {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output();
    output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
}

fn command() -> String {
    let flags: Vec<String> = env::args().skip(1).map(|flag| quoted(&flag)).collect();
    let release = if cfg!(debug_assertions) { "" } else { " --release" };
    format!("cargo run{release} -p benches -- {}", flags.join(" "))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=.,/:+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_command_can_be_pasted_back_into_a_shell() {
        assert_eq!(quoted("--rounds=3"), "--rounds=3");
        assert_eq!(quoted("h[1-3]"), "'h[1-3]'");
        assert_eq!(quoted("it's so"), r"'it'\''s so'");
        assert_eq!(quoted(""), "''");
    }
}
