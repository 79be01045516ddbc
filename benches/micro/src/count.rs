//! Instructions of a case, and the baseline that they are compared to.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a case may take more than before, percent. Instructions repeat within 1 %: what differs is how maps with random
/// keys happen to lie.
const ALLOWED: u64 = 10;

/// What the cases took, and where: `baseline.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    /// The compiler, whose next release may well count otherwise.
    pub(crate) rustc: String,
    /// When, UTC.
    pub(crate) date: String,
    /// Instructions of each case.
    pub(crate) instructions: BTreeMap<String, u64>,
}

/// Nothing could be counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CountError {
    /// valgrind is missing and cannot be installed.
    #[error("no valgrind: install it (apt-get install valgrind)")]
    NoValgrind,
    /// A case did not run to its end under valgrind, or valgrind counted nothing.
    #[error("{case}: {words}")]
    Case {
        /// Which.
        case: String,
        /// What valgrind said.
        words: String,
    },
    /// The baseline is none.
    #[error("{} is no baseline: {source}", path.display())]
    NotABaseline {
        /// Where.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A file or a program failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
}

fn io_error(doing: impl Into<String>) -> impl FnOnce(io::Error) -> CountError {
    let doing = doing.into();
    move |source| CountError::Io { doing, source }
}

/// Counts all cases, as many at once as there are processors.
pub(crate) fn all(cases: &[&str]) -> Result<Baseline, CountError> {
    install_valgrind()?;
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    let mut instructions = BTreeMap::new();
    let numbers: Vec<usize> = (0..cases.len()).collect();
    for some in numbers.chunks(at_once) {
        let counted: Vec<Result<u64, CountError>> = thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|&number| scope.spawn(move || one(number, cases[number])))
                .collect();
            running.into_iter().map(|run| run.join().expect("counting does not panic")).collect()
        });
        for (&number, count) in some.iter().zip(counted) {
            instructions.insert(cases[number].to_owned(), count?);
        }
    }
    let output = Command::new("rustc").arg("--version").output();
    let rustc = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    let date = Timestamp::now().strftime("%Y-%m-%d").to_string();
    Ok(Baseline { rustc: rustc.unwrap_or_default(), date, instructions })
}

fn one(number: usize, case: &str) -> Result<u64, CountError> {
    let program = env::current_exe().map_err(io_error("finding this program"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // Names as the linker sees them: the function `measured` of this crate, whichever types it was made for.
        .args(["--demangle=no", "--toggle-collect=*8measured*"])
        .arg(program)
        .args(["one", &number.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(io_error("starting valgrind"))?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let count = collected(&words).filter(|count| *count > 0 && output.status.success());
    count.ok_or_else(|| CountError::Case { case: case.to_owned(), words })
}

/// The figure in valgrind's own words: `==PID== Collected : 123`.
fn collected(words: &str) -> Option<u64> {
    let line = words.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

/// As the conformance tests install their tools: as root, without asking.
fn install_valgrind() -> Result<(), CountError> {
    let is_there = || Command::new("valgrind").arg("--version").output().is_ok();
    if is_there() {
        return Ok(());
    }
    if rustix::process::geteuid().is_root() {
        for args in [&["update", "-qq"][..], &["install", "-y", "-qq", "valgrind"]] {
            let mut apt = Command::new("apt-get");
            apt.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
            // Whether it has helped shows below.
            let _ = apt.status();
        }
    }
    is_there().then_some(()).ok_or(CountError::NoValgrind)
}

impl Baseline {
    pub(crate) fn read(path: &Path) -> Result<Self, CountError> {
        let text = fs::read(path).map_err(io_error(format!("reading {}", path.display())))?;
        serde_json::from_slice(&text)
            .map_err(|source| CountError::NotABaseline { path: path.to_owned(), source })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), CountError> {
        let text = serde_json::to_string_pretty(self).expect("a baseline is plain data") + "\n";
        fs::write(path, text).map_err(io_error(format!("writing {}", path.display())))
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        for (case, count) in &self.instructions {
            writeln!(text, "{count:>14}  {case}").expect("writing to a String cannot fail");
        }
        text
    }

    /// A table of what became of each case, and whether all is well.
    pub(crate) fn compared_to(&self, before: &Self) -> (String, bool) {
        let mut text =
            format!("baseline of {}, {}; now {}\n", before.date, before.rustc, self.rustc);
        let (mut is_good, mut is_far_better) = (true, false);
        for (case, &now) in &self.instructions {
            let Some(&then) = before.instructions.get(case) else {
                writeln!(text, "{now:>14}     new  {case}").expect("writing cannot fail");
                is_good = false;
                continue;
            };
            let is_slower = now * 100 > then * (100 + ALLOWED);
            let verdict = if is_slower { "  SLOWER" } else { "" };
            is_good &= !is_slower;
            is_far_better |= now * 100 < then * (100 - ALLOWED);
            let percent = (ratio(now, then) - 1.0) * 100.0;
            writeln!(text, "{now:>14} {percent:>+6.1} %  {case}{verdict}")
                .expect("writing to a String cannot fail");
        }
        if !is_good {
            text.push_str("\nA case is new or takes over 10 % more instructions: make it faster, or say why in the \
                 commit that renews the baseline (cargo run --release -p micro -- save).");
        } else if is_far_better {
            text.push_str("\nA case has become far better: renew the baseline, or the next change may take it back.");
        }
        (text, is_good)
    }
}

fn ratio(now: u64, then: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let ratio = now as f64 / then.max(1) as f64;
    ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(counts: &[(&str, u64)]) -> Baseline {
        Baseline {
            rustc: "rustc".to_owned(),
            date: "today".to_owned(),
            instructions: counts.iter().map(|(case, n)| ((*case).to_owned(), *n)).collect(),
        }
    }

    #[test]
    fn a_tenth_more_is_allowed_and_no_more() {
        let before = baseline(&[("a", 1000)]);
        assert!(baseline(&[("a", 1100)]).compared_to(&before).1);
        let (text, is_good) = baseline(&[("a", 1101)]).compared_to(&before);
        assert!(!is_good && text.contains("SLOWER"), "{text}");
        let (text, is_good) = baseline(&[("a", 500)]).compared_to(&before);
        assert!(is_good && text.contains("far better"), "{text}");
    }

    #[test]
    fn a_case_without_a_baseline_fails_the_check() {
        let (text, is_good) = baseline(&[("b", 1)]).compared_to(&baseline(&[("a", 1)]));
        assert!(!is_good && text.contains("new"), "{text}");
    }

    #[test]
    fn the_count_is_in_the_words_of_valgrind() {
        let words = "==7== Events    : Ir\n==7== Collected : 123456\n==7==\n";
        assert_eq!(collected(words), Some(123_456));
        assert_eq!(collected("==7== nothing"), None);
    }
}
