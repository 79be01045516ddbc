//! The whole measurement: each controller in turn, round after round, each in namespaces of its own.

use std::env;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use conformance::Release;
use conformance::ground::{self, say};
use conformance::stock::{self, StockError};
use conformance::subject::{self, BuildError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::machine::{self, Machine};
use crate::order::{self, Size};
use crate::report;
use crate::round::{Figure, Leg, Plan, Said, Scenario};

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
    #[arg(long, default_value_t = 1)]
    pub rounds: u32,
    /// Rounds of what takes long: more than 100,000 jobs in memory
    #[arg(long, default_value_t = 1)]
    pub rounds_of_many: u32,
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
    /// Go on with the result in that folder: what it has without a failure is not measured again
    #[arg(long)]
    pub resume: bool,
    /// Begin nothing more after so many minutes; --resume goes on with the rest
    #[arg(long, value_name = "MIN")]
    pub minutes: Option<u64>,
    /// Sizes
    #[command(flatten)]
    pub size: order::Flags,
}

/// One controller at one leg in one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Which leg.
    pub leg: String,
    /// The controller.
    pub subject: String,
    /// Counted from 1.
    pub round: u32,
    /// When it began, UTC.
    pub date: String,
    /// Of which commit.
    pub commit: String,
    /// How long it took, seconds.
    pub seconds: f64,
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
    /// `--resume` with other sizes than before.
    #[error("{path} is of a measurement with other sizes; --resume goes on with the same")]
    OtherSize {
        /// Which.
        path: String,
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
    /// Measures all, and writes the result and the report after each step, so that a measurement that is cut off leaves what
    /// it has.
    ///
    /// # Errors
    /// When the machine cannot carry it. A controller that fails is a line of the result.
    pub fn run(&self) -> Result<(), MeasureError> {
        ground::check_rights()?;
        ground::install_tools()?;
        let size = self.size.size();
        let mut measurement = Measurement {
            date: now(),
            commit: commit(),
            machine: Machine::here(),
            command: command(),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
            note: self.note.clone(),
            runs: if self.resume { self.so_far(&size)? } else { Vec::new() },
            size,
        };
        let (steps, begin) = (self.steps(&measurement.size), Instant::now());
        for (number, (round, leg, subject)) in steps.iter().enumerate() {
            let (clock, of) = (begin.elapsed().as_secs(), steps.len());
            let place = format!("{} of {of}, {clock} s so far", number + 1);
            let (name, plan) = self.plan(*subject, leg, &measurement.size)?;
            let is_there =
                |run: &Run| run.leg == leg.name() && run.subject == name && run.round == *round;
            if measurement.runs.iter().any(is_there) {
                say(&format!("benches: {place}: {}, {name}: there already", leg.name()));
                continue;
            }
            if self.minutes.is_some_and(|minutes| clock >= minutes * 60) {
                say(&format!("benches: {place}: time is up; --resume goes on from here"));
                break;
            }
            say(&format!("benches: {place}: {}, {name}, round {round}", leg.name()));
            measurement.runs.push(one(name, &plan, *round)?);
            report::write(&measurement, &self.out)?;
        }
        report::write(&measurement, &self.out)?;
        say(&format!("benches: {}", self.out.join("report.md").display()));
        Ok(())
    }

    /// What an earlier measurement of the same size has given.
    fn so_far(&self, size: &Size) -> Result<Vec<Run>, MeasureError> {
        let earlier = report::read(&self.out)?;
        if earlier.size != *size {
            return Err(MeasureError::OtherSize { path: self.out.display().to_string() });
        }
        Ok(earlier.runs.into_iter().filter(|run| run.failure.is_none()).collect())
    }

    /// Each leg by one controller after another, so that what else happens on the machine meets all of them.
    fn steps(&self, size: &Size) -> Vec<(u32, Leg, Subject)> {
        let mut steps = Vec::new();
        for round in 1..=self.rounds.max(self.rounds_of_many) {
            for leg in size.legs(&self.scenarios) {
                let rounds = if leg.is_long() { self.rounds_of_many } else { self.rounds };
                let subjects = self.subjects.iter().filter(|_| round <= rounds);
                steps.extend(subjects.map(|subject| (round, leg.clone(), *subject)));
            }
        }
        steps
    }

    fn plan(
        &self,
        subject: Subject,
        leg: &Leg,
        size: &Size,
    ) -> Result<(String, Plan), MeasureError> {
        let release = match subject {
            Subject::Ctld => None,
            Subject::R24_11 => Some(Release::R24_11),
            Subject::R26_05 => Some(Release::R26_05),
        };
        // Two measurements at once would be worth nothing, but must not write into each other's state.
        let folder = subject::target_folder().join(format!("bench-{}", process::id()));
        let speaks = release.or_else(|| Release::parse(&self.speak));
        let clients = stock::fetch(speaks.ok_or_else(|| MeasureError::Speak(self.speak.clone()))?)?;
        let mut plan = Plan {
            system: PathBuf::from("/"),
            clients: clients.root.clone(),
            ctld: None,
            release: self.speak.clone(),
            folder,
            leg: leg.clone(),
            scenarios: self.scenarios.clone(),
            size: size.clone(),
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

/// One controller's turn at one leg.
fn one(subject: String, plan: &Plan, round: u32) -> Result<Run, MeasureError> {
    let (load_before, begin, date) = (machine::load_average(), Instant::now(), now());
    let folder = &plan.folder;
    fs::create_dir_all(folder).map_err(io_error(format!("creating {}", folder.display())))?;
    let (figures, failure) = in_namespaces(plan)?;
    remove(folder)?;
    let (seconds, leg) = (begin.elapsed().as_secs_f64(), plan.leg.name());
    let end = failure.as_ref().map_or_else(String::new, |why| format!(", failed: {why}"));
    say(&format!("    {} figures in {seconds:.0} s{end}", figures.len()));
    let commit = commit();
    Ok(Run { leg, subject, round, date, commit, seconds, load_before, figures, failure })
}

/// Runs a round in namespaces of its own, which end with it, and with this process; what it has measured, and why no more.
fn in_namespaces(plan: &Plan) -> Result<(Vec<Figure>, Option<String>), MeasureError> {
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
    let stdout = child.stdout.take().expect("stdout was asked to be a pipe");
    let (sender, said) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody listens any more once the time is up.
            let _ = serde_json::from_str(&line).map(|said: Said| sender.send(said));
        }
    });
    let (mut figures, limit) = (Vec::new(), Duration::from_secs(plan.size.limit_s));
    let end = Instant::now() + limit;
    let failure = loop {
        match said.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Said::Figure(figure)) => figures.push(figure),
            Ok(Said::Failed(why)) => break Some(why),
            Ok(Said::Done) => break None,
            Err(RecvTimeoutError::Timeout) => break Some(format!("not done after {limit:?}")),
            Err(RecvTimeoutError::Disconnected) => break Some("the round died".to_owned()),
        }
    };
    if failure.is_some() {
        // It may have ended by itself.
        let _ = child.kill();
    }
    child.wait().map_err(io_error("waiting for a round"))?;
    drop(leash);
    Ok((figures, failure))
}

fn remove(folder: &Path) -> Result<(), MeasureError> {
    match fs::remove_dir_all(folder) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => {
            Err(io_error(format!("removing {}", folder.display()))(why))
        }
        _ => Ok(()),
    }
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string()
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
