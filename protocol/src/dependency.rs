//! What a job waits for: `afterok:1:2,after:3+5`, `afterany:10_4?singleton`.
//!
//! Source: `sbatch(1)`, `--dependency`; the printed form is that of all six releases.

use std::fmt;

use nom::branch::alt;
use nom::bytes::complete::{tag_no_case, take_while};
use nom::character::complete::{alpha1, char, digit1};
use nom::combinator::{map, opt, value};
use nom::multi::separated_list1;
use nom::sequence::{delimited, pair, preceded};
use nom::{IResult, Parser};

use crate::index_set::IndexSet;

/// What has to become of the other job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyKind {
    /// Has begun, or was cancelled.
    After,
    /// Has ended.
    AfterAny,
    /// Has failed.
    AfterNotOk,
    /// Has succeeded.
    AfterOk,
    /// The task of the same number of the other array has succeeded.
    AfterCorr,
    /// Is to be expanded by this job's resources.
    Expand,
    /// Has finished with its burst buffer.
    AfterBurstBuffer,
}

impl DependencyKind {
    const ALL: [Self; 7] = [
        Self::After,
        Self::AfterAny,
        Self::AfterNotOk,
        Self::AfterOk,
        Self::AfterCorr,
        Self::Expand,
        Self::AfterBurstBuffer,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::AfterAny => "afterany",
            Self::AfterNotOk => "afternotok",
            Self::AfterOk => "afterok",
            Self::AfterCorr => "aftercorr",
            Self::Expand => "expand",
            Self::AfterBurstBuffer => "afterburstbuffer",
        }
    }
}

/// Which tasks of the other job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArrayTask {
    /// The job, or each task of the array.
    #[default]
    Unset,
    /// `_4`.
    One(u32),
    /// `_*`.
    All,
}

/// Where a dependency stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DependencyState {
    /// Still to come.
    #[default]
    Unfulfilled,
    /// Has happened; no longer printed.
    Fulfilled,
    /// Can never happen.
    Failed,
}

impl DependencyState {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unfulfilled => "unfulfilled",
            Self::Fulfilled => "fulfilled",
            Self::Failed => "failed",
        }
    }
}

/// What one dependency is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyOn {
    /// No other job of this user and name runs.
    Singleton,
    /// Another job.
    Job {
        /// What has to become of it.
        kind: DependencyKind,
        /// The job; never 0.
        job_id: u32,
        /// Which of its tasks.
        task: ArrayTask,
        /// How long after that, minutes.
        delay_min: u32,
    },
}

/// One dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// What it is on.
    pub on: DependencyOn,
    /// Where it stands.
    pub state: DependencyState,
}

/// All that a job waits for.
///
/// `Display` is what `squeue` and `scontrol` show: each with its state, fulfilled ones left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// One of them is enough (`?` between them); otherwise all are needed.
    pub any: bool,
    /// The dependencies.
    pub list: Vec<Dependency>,
}

impl Dependencies {
    /// Reads a text; an empty one or `0` is none. Sets of tasks (`10_[1-3]`) are below
    /// `MaxArraySize`.
    pub fn parse(text: &str, max_array_size: u32) -> Result<Self, DependencyError> {
        let mut parsed = Self::default();
        if text.is_empty() || text == "0" {
            return Ok(parsed);
        }
        let mut rest = text;
        loop {
            let at = text.len() - rest.len();
            let (after, group) = group(rest).map_err(|_| DependencyError::form(rest, at))?;
            parsed.add(group, max_array_size)?;
            let Some(found) = after.chars().next() else {
                return Ok(parsed);
            };
            let at = text.len() - after.len();
            match found {
                // One is enough: of those with commas between them, too (24.11.5).
                '?' => parsed.any = true,
                ',' => {}
                _ => return Err(DependencyError::form(after, at)),
            }
            rest = &after[1..];
        }
    }

    fn add(&mut self, group: Group<'_>, max_array_size: u32) -> Result<(), DependencyError> {
        let (kind, jobs) = match group {
            Group::Singleton { failed } => {
                self.list.push(Dependency { on: DependencyOn::Singleton, state: state(failed) });
                return Ok(());
            }
            Group::Jobs { kind, jobs } => (kind, jobs),
        };
        let mut delay_min = 0;
        for job in jobs {
            let job_id = job.id.parse().unwrap_or(0);
            if job_id == 0 {
                return Err(DependencyError::JobId { got: beginning(job.id) });
            }
            // In stock controllers a delay stays for the jobs that follow in the same list.
            if let Some(digits) = job.delay_min {
                let minutes = digits.parse().ok().filter(|&n| n > 0 && n <= DELAY_MIN_MAX);
                delay_min =
                    minutes.ok_or_else(|| DependencyError::Delay { got: beginning(digits) })?;
            }
            let mut push = |task| {
                let on = DependencyOn::Job { kind, job_id, task, delay_min };
                self.list.push(Dependency { on, state: state(job.failed) });
            };
            let bad_tasks = |got: &str| DependencyError::Tasks { got: beginning(got) };
            match job.tasks {
                None => push(ArrayTask::Unset),
                Some(TasksText::All) => push(ArrayTask::All),
                Some(TasksText::One(digits)) => {
                    push(ArrayTask::One(digits.parse().map_err(|_| bad_tasks(digits))?));
                }
                Some(TasksText::Set(set)) => {
                    let tasks = IndexSet::parse(set, max_array_size).map_err(|_| bad_tasks(set))?;
                    tasks.iter().for_each(|task| push(ArrayTask::One(task)));
                }
            }
            if self.list.len() > DEPENDENCIES_MAX {
                return Err(DependencyError::TooMany);
            }
        }
        Ok(())
    }
}

/// How many dependencies a job may have: sets of tasks make many out of a few bytes.
const DEPENDENCIES_MAX: usize = 64 * 1024;

/// Stock controllers keep the delay as seconds in a C int.
const DELAY_MIN_MAX: u32 = (i32::MAX / 60).unsigned_abs();

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.on {
            DependencyOn::Singleton => f.write_str("singleton")?,
            DependencyOn::Job { kind, job_id, task, delay_min } => {
                write!(f, "{}:{job_id}", kind.as_str())?;
                match task {
                    ArrayTask::Unset => {}
                    ArrayTask::One(task) => write!(f, "_{task}")?,
                    ArrayTask::All => f.write_str("_*")?,
                }
                if delay_min > 0 {
                    write!(f, "+{delay_min}")?;
                }
            }
        }
        write!(f, "({})", self.state.as_str())
    }
}

impl fmt::Display for Dependencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.list.iter().filter(|d| d.state != DependencyState::Fulfilled);
        for (index, dependency) in shown.enumerate() {
            if index > 0 {
                f.write_str(if self.any { "?" } else { "," })?;
            }
            dependency.fmt(f)?;
        }
        Ok(())
    }
}

/// Why a text is not a job's dependencies; its writer's fault (`ESLURM_DEPENDENCY`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DependencyError {
    /// None of the forms.
    #[error("{got:?} at byte {at} is not a dependency")]
    Form {
        /// Where.
        at: usize,
        /// The beginning of what is there.
        got: String,
    },
    /// A job's number that is none.
    #[error("{got:?} is not a job id")]
    JobId {
        /// What stands there.
        got: String,
    },
    /// Tasks that an array cannot have.
    #[error("{got:?} are not tasks of a job array")]
    Tasks {
        /// What stands there.
        got: String,
    },
    /// More than a job may have.
    #[error("more than {DEPENDENCIES_MAX} dependencies")]
    TooMany,
    /// A delay of no minutes, or of centuries.
    #[error("{got:?} is not a delay in minutes")]
    Delay {
        /// What stands there.
        got: String,
    },
}

impl DependencyError {
    fn form(rest: &str, at: usize) -> Self {
        Self::Form { at, got: beginning(rest) }
    }
}

enum Group<'a> {
    Singleton { failed: bool },
    Jobs { kind: DependencyKind, jobs: Vec<JobText<'a>> },
}

struct JobText<'a> {
    id: &'a str,
    tasks: Option<TasksText<'a>>,
    delay_min: Option<&'a str>,
    failed: bool,
}

#[derive(Clone)]
enum TasksText<'a> {
    All,
    One(&'a str),
    Set(&'a str),
}

fn group(input: &str) -> IResult<&str, Group<'_>> {
    alt((
        map(preceded(tag_no_case("singleton"), failed), |failed| Group::Singleton { failed }),
        // A job's number alone is the old form of afterany.
        map(pair(digit1, opt(tasks)), |(id, tasks)| {
            let job = JobText { id, tasks, delay_min: None, failed: false };
            Group::Jobs { kind: DependencyKind::AfterAny, jobs: vec![job] }
        }),
        map(pair(kind, preceded(char(':'), separated_list1(char(':'), job))), |(kind, jobs)| {
            Group::Jobs { kind, jobs }
        }),
    ))
    .parse(input)
}

fn kind(input: &str) -> IResult<&str, DependencyKind> {
    let known = |word: &str| {
        DependencyKind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(word))
    };
    nom::combinator::map_opt(alpha1, known).parse(input)
}

fn job(input: &str) -> IResult<&str, JobText<'_>> {
    let delay = opt(preceded(char('+'), digit1));
    map((digit1, opt(tasks), delay, failed), |(id, tasks, delay_min, failed)| JobText {
        id,
        tasks,
        delay_min,
        failed,
    })
    .parse(input)
}

fn tasks(input: &str) -> IResult<&str, TasksText<'_>> {
    let set = delimited(char('['), take_while(|c| c != ']'), char(']'));
    let text = alt((
        value(TasksText::All, char('*')),
        map(digit1, TasksText::One),
        map(set, TasksText::Set),
    ));
    preceded(char('_'), text).parse(input)
}

/// A state in parentheses, as printed; only `failed` is taken at its word.
fn failed(input: &str) -> IResult<&str, bool> {
    let word = delimited(char('('), take_while(|c| c != ')'), char(')'));
    let is_failed = |word: Option<&str>| word.is_some_and(|w| w.eq_ignore_ascii_case("failed"));
    map(opt(word), is_failed).parse(input)
}

fn state(failed: bool) -> DependencyState {
    if failed { DependencyState::Failed } else { DependencyState::Unfulfilled }
}

fn beginning(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        ArrayTask, Dependencies, Dependency, DependencyError, DependencyKind, DependencyOn,
        DependencyState,
    };

    #[test]
    fn printed_as_stock_controllers_do() {
        for (text, printed) in [
            ("afterok:1:2", "afterok:1(unfulfilled),afterok:2(unfulfilled)"),
            ("after:3+5?singleton", "after:3+5(unfulfilled)?singleton(unfulfilled)"),
            ("AfterAny:10_4", "afterany:10_4(unfulfilled)"),
            ("aftercorr:10_*", "aftercorr:10_*(unfulfilled)"),
            (
                "afternotok:10_[1,3-4]+2",
                concat!(
                    "afternotok:10_1+2(unfulfilled),afternotok:10_3+2(unfulfilled),",
                    "afternotok:10_4+2(unfulfilled)"
                ),
            ),
            ("12,13", "afterany:12(unfulfilled),afterany:13(unfulfilled)"),
            ("after:3+5:4", "after:3+5(unfulfilled),after:4+5(unfulfilled)"),
            ("afterok:7(failed),singleton(fulfilled)", "afterok:7(failed),singleton(unfulfilled)"),
            ("expand:5", "expand:5(unfulfilled)"),
            (
                "after:1?after:2,after:3",
                "after:1(unfulfilled)?after:2(unfulfilled)?after:3(unfulfilled)",
            ),
            ("", ""),
            ("0", ""),
        ] {
            assert_eq!(Dependencies::parse(text, 1001).unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn faults_are_named() {
        let fault = |text: &str| Dependencies::parse(text, 1001).unwrap_err();
        assert_eq!(
            fault("afterok:1,never:2"),
            DependencyError::Form { at: 10, got: "never:2".into() }
        );
        assert_eq!(fault("afterok:0"), DependencyError::JobId { got: "0".into() });
        assert_eq!(fault("after:1+0"), DependencyError::Delay { got: "0".into() });
        assert_eq!(fault("afterok:1_[5-2000]"), DependencyError::Tasks { got: "5-2000".into() });
        for text in ["afterok", "afterok:", "afterok:x", "afterok:1 ", ",", "1,", "singletons"] {
            assert!(matches!(fault(text), DependencyError::Form { .. }), "{text}");
        }
    }

    #[test]
    fn fulfilled_ones_are_not_shown() {
        let mut dependencies = Dependencies::parse("afterok:1:2", 1001).unwrap();
        dependencies.list[0].state = DependencyState::Fulfilled;
        assert_eq!(dependencies.to_string(), "afterok:2(unfulfilled)");
    }

    fn dependency() -> impl Strategy<Value = Dependency> {
        let task = prop_oneof![
            Just(ArrayTask::Unset),
            Just(ArrayTask::All),
            (0u32..1001).prop_map(ArrayTask::One)
        ];
        let job =
            (0usize..7, 1u32.., task, 0u32..1000).prop_map(|(kind, job_id, task, delay_min)| {
                let kind = DependencyKind::ALL[kind];
                DependencyOn::Job { kind, job_id, task, delay_min }
            });
        let on = prop_oneof![Just(DependencyOn::Singleton), job];
        let state = prop_oneof![Just(DependencyState::Unfulfilled), Just(DependencyState::Failed)];
        (on, state).prop_map(|(on, state)| Dependency { on, state })
    }

    proptest! {
        #[test]
        fn texts_come_back(list in prop::collection::vec(dependency(), 0..6), any: bool) {
            let dependencies = Dependencies { any: any && list.len() > 1, list };
            let text = dependencies.to_string();
            prop_assert_eq!(Dependencies::parse(&text, 1001), Ok(dependencies));
        }
    }
}
