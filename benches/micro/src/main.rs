//! Micro-benchmarks that count instructions, so that a busy machine gives the same figures as an idle one.
//!
//! Each case runs in a process of its own under `valgrind --tool=callgrind`, which counts what happens inside
//! [`measured`] and nothing else. `baseline.json` beside this crate holds what each took; a case that takes more than
//! 10 % more fails the check.
//!
//! gungraun (formerly iai-callgrind) does the same with a macro a bench and a runner that has to be installed in the very
//! version of the crate; all that is used of it would be the 100 lines of `count.rs`.
//!
//! To add a case: a function in the file of its noun and its line in [`CASES`], then `micro save`.

mod clusters;
mod codec;
mod commit;
mod count;
mod credential;
mod plan;
mod turn;

use std::hint::black_box;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use count::{Baseline, CountError};

/// A case: its name, and what runs it once.
type Case = (&'static str, fn());

/// All cases.
const CASES: [Case; 14] = [
    ("codec: decode a submission", codec::decode_submission),
    ("codec: decode a list of 200 jobs", codec::decode_list),
    ("codec: encode a list of 200 jobs", codec::encode_list),
    ("codec: take a frame apart", codec::take_apart),
    ("credential: sign a launch", credential::sign),
    ("credential: verify a token and its body", credential::verify),
    ("turn: 100 submissions beside 4,000 waiting jobs", turn::submit),
    ("turn: a plan with 100 starts", turn::start),
    ("turn: 100 scripts end", turn::end),
    ("snapshot: 100 publications, a change each", turn::publish),
    ("plan: 1,000 jobs start on 500 nodes", plan::starts),
    ("plan: 40 nodes are full, 4,000 jobs wait", plan::waits),
    ("commit: 20 commits of 50 jobs", commit::jobs),
    ("commit: load 2,000 jobs", commit::load),
];

/// Counts instructions of parts of ctld
#[derive(Debug, Parser)]
enum Command {
    /// Counts, and fails where a case takes more than 10 % more than the baseline
    Check(Files),
    /// Counts, and makes that the baseline
    Save(Files),
    /// Runs one case; `check` and `save` start it under valgrind
    #[command(hide = true)]
    One {
        /// Its number
        case: usize,
    },
}

#[derive(Debug, clap::Args)]
struct Files {
    /// The baseline
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.json"))]
    baseline: PathBuf,
}

/// What is counted: everything from here to its return. Its name is what valgrind looks for.
#[inline(never)]
fn measured<T>(what: impl FnOnce() -> T) -> T {
    // Not the last call, or it might be jumped to.
    black_box(what())
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Check(files) => check(&files),
        Command::Save(files) => save(&files),
        Command::One { case } => {
            if let Some((_, run)) = CASES.get(case) {
                run();
            }
            Ok(true)
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            say(&format!("micro: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn save(files: &Files) -> Result<bool, CountError> {
    let baseline = count::all(&CASES.map(|(name, _)| name))?;
    baseline.write(&files.baseline)?;
    say(&baseline.table());
    Ok(true)
}

fn check(files: &Files) -> Result<bool, CountError> {
    let before = Baseline::read(&files.baseline)?;
    let now = count::all(&CASES.map(|(name, _)| name))?;
    let (text, is_good) = now.compared_to(&before);
    say(&text);
    Ok(is_good)
}

fn say(text: &str) {
    // Nobody may read it, which changes nothing.
    let _ = writeln!(io::stdout(), "{text}");
}
