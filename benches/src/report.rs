//! The report: medians over the rounds and their ratios, as a table and as plots.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::plot::{self, Bar, Group};
use crate::throughput::{MeasureError, Measurement, io_error};

/// What each letter of the issue stands for.
const SCENARIOS: [(&str, &str); 8] = [
    ("a", "Jobs that do nothing, from submission to completion"),
    ("b", "Submissions that cannot start"),
    ("c", "Queries"),
    ("d", "Memory"),
    ("e", "Start-up"),
    ("f", "Processor time of jobs"),
    ("h", "Death of a slurmd"),
    ("i", "kill -9"),
];

/// One figure over all rounds.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    scenario: String,
    what: String,
    unit: String,
    more_is_better: bool,
    /// One a subject, in the order of [`subjects`]: the figures of its rounds, sorted.
    values: Vec<Vec<f64>>,
}

/// Writes `result.json`, `report.md` and a plot a scenario into a folder.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(measurement: &Measurement, folder: &Path) -> Result<(), MeasureError> {
    let put = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(io_error(format!("writing {}", path.display())))
    };
    fs::create_dir_all(folder).map_err(io_error(format!("creating {}", folder.display())))?;
    let json = serde_json::to_string_pretty(measurement).expect("a measurement is plain data");
    put("result.json", json + "\n")?;
    put("report.md", text(measurement))?;
    let rows = rows(measurement);
    for (letter, title) in SCENARIOS {
        let of_it: Vec<&Row> = rows.iter().filter(|row| row.scenario == letter).collect();
        if !of_it.is_empty() {
            put(&format!("{letter}.svg"), drawing(title, &of_it, &subjects(measurement)))?;
        }
    }
    Ok(())
}

/// Writes the report anew from `result.json`.
///
/// # Errors
/// When there is none, or it is not one.
pub fn again(folder: &Path) -> Result<(), MeasureError> {
    let path = folder.join("result.json");
    let text =
        fs::read_to_string(&path).map_err(io_error(format!("reading {}", path.display())))?;
    let measurement = serde_json::from_str(&text)
        .map_err(|source| MeasureError::NotAResult { path: path.display().to_string(), source })?;
    write(&measurement, folder)
}

/// The controllers, in the order in which they ran first.
fn subjects(measurement: &Measurement) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for run in &measurement.runs {
        if !names.contains(&run.subject) {
            names.push(run.subject.clone());
        }
    }
    names
}

fn rows(measurement: &Measurement) -> Vec<Row> {
    let subjects = subjects(measurement);
    let mut rows: Vec<Row> = Vec::new();
    for run in &measurement.runs {
        let column = subjects.iter().position(|name| *name == run.subject);
        let column = column.expect("the subjects are those of the runs");
        for figure in &run.figures {
            let same = |row: &Row| row.scenario == figure.scenario && row.what == figure.what;
            let at = rows.iter().position(same).unwrap_or_else(|| {
                rows.push(Row {
                    scenario: figure.scenario.clone(),
                    what: figure.what.clone(),
                    unit: figure.unit.clone(),
                    more_is_better: figure.more_is_better,
                    values: vec![Vec::new(); subjects.len()],
                });
                rows.len() - 1
            });
            let values = &mut rows[at].values[column];
            values.push(figure.value);
            values.sort_by(f64::total_cmp);
        }
    }
    rows
}

/// The middle of sorted values; of two middles, their mean.
fn median(sorted: &[f64]) -> Option<f64> {
    let (low, high) =
        (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(f64::midpoint(*low, *high))
}

impl Row {
    /// How many times better a subject is than the first one; `None` where either has no figure, or a zero.
    fn ratio(&self, column: usize) -> Option<f64> {
        let first = median(self.values.first()?).filter(|value| *value > 0.0)?;
        let own = median(self.values.get(column)?).filter(|value| *value > 0.0)?;
        Some(if self.more_is_better { own / first } else { first / own })
    }
}

fn text(measurement: &Measurement) -> String {
    let mut text = String::from("# Measured\n\n");
    let machine = &measurement.machine;
    let line = |text: &mut String, line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    line(
        &mut text,
        format!(
            "{}, commit {}, {} build. {}, {} virtual cores, {} MiB, Linux {}; controller, hollow nodes and clients share the cores.",
            measurement.date,
            measurement.commit,
            measurement.profile,
            machine.processor,
            machine.cpus,
            machine.memory_mib,
            machine.kernel,
        ),
    );
    if !measurement.note.is_empty() {
        line(&mut text, format!("\n{}", measurement.note));
    }
    line(&mut text, format!("\n    {}\n", measurement.command));
    let subjects = subjects(measurement);
    for run in &measurement.runs {
        let end = match &run.failure {
            None => format!("{} figures", run.figures.len()),
            Some(words) => format!("**failed**: {}", words.replace('\n', " / ")),
        };
        line(
            &mut text,
            format!(
                "- round {}, {}: load average before {:.2}; {end}",
                run.round, run.subject, run.load_before
            ),
        );
    }
    let rows = rows(measurement);
    for (letter, title) in SCENARIOS {
        let of_it: Vec<&Row> = rows.iter().filter(|row| row.scenario == letter).collect();
        if of_it.is_empty() {
            continue;
        }
        line(&mut text, format!("\n## {letter}. {title}\n\n![{title}]({letter}.svg)\n"));
        text.push_str(&table(&of_it, &subjects));
    }
    text
}

/// Medians with the least and the most of the rounds; `×` is how many times better than the first subject.
fn table(rows: &[&Row], subjects: &[String]) -> String {
    let mut text = String::from("| | unit |");
    for (column, name) in subjects.iter().enumerate() {
        text.push_str(&format!(" {name} |"));
        if column > 0 {
            text.push_str(" × |");
        }
    }
    text.push_str("\n|---|---|");
    text.push_str(&"---|".repeat(subjects.len() * 2 - 1));
    text.push('\n');
    for row in rows {
        write!(text, "| {} | {} |", row.what, row.unit).expect("writing to a String cannot fail");
        for (column, values) in row.values.iter().enumerate() {
            text.push_str(&format!(" {} |", spread(values)));
            if column > 0 {
                let ratio = row.ratio(column).map(|ratio| format!("{ratio:.1}"));
                text.push_str(&format!(" {} |", ratio.unwrap_or_else(|| "–".to_owned())));
            }
        }
        text.push('\n');
    }
    text
}

fn spread(values: &[f64]) -> String {
    match (median(values), values) {
        (None, _) => "–".to_owned(),
        (Some(middle), [least, .., most]) => {
            format!("{} ({}–{})", plot::short(middle), plot::short(*least), plot::short(*most))
        }
        (Some(middle), _) => plot::short(middle),
    }
}

fn drawing(title: &str, rows: &[&Row], subjects: &[String]) -> String {
    let groups: Vec<Group> = rows
        .iter()
        .map(|row| Group {
            title: format!("{} ({})", row.what, row.unit),
            bars: subjects
                .iter()
                .zip(&row.values)
                .filter_map(|(name, values)| {
                    Some(Bar { name: name.clone(), value: median(values)? })
                })
                .collect(),
        })
        .collect();
    plot::bars(title, &groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::round::{Figure, Size};
    use crate::throughput::Run;

    fn run(subject: &str, rate: f64, latency: f64) -> Run {
        let figure = |what: &str, more_is_better, value| Figure {
            scenario: "b".to_owned(),
            what: what.to_owned(),
            unit: "u".to_owned(),
            more_is_better,
            value,
        };
        Run {
            subject: subject.to_owned(),
            round: 1,
            load_before: 0.5,
            figures: vec![figure("rate", true, rate), figure("p99", false, latency)],
            failure: None,
        }
    }

    fn measurement(runs: Vec<Run>) -> Measurement {
        let size = Size {
            nodes: 1,
            jobs: 1,
            waiting: 1,
            submitters: 1,
            users: 1,
            pollers: vec![1],
            poll_s: 1,
            polls_during: 0.0,
            tuning: String::new(),
            conf: Vec::new(),
            hollow: Vec::new(),
        };
        Measurement {
            date: "today".to_owned(),
            commit: "abc".to_owned(),
            machine: Machine::default(),
            command: "cargo run".to_owned(),
            profile: "debug".to_owned(),
            note: String::new(),
            size,
            runs,
        }
    }

    #[test]
    fn a_ratio_says_how_many_times_better_whichever_way_better_is() {
        let runs = vec![run("stock", 100.0, 50.0), run("ctld", 1000.0, 5.0)];
        let rows = rows(&measurement(runs));
        assert_eq!(rows[0].ratio(1), Some(10.0));
        assert_eq!(rows[1].ratio(1), Some(10.0));
    }

    #[test]
    fn rounds_give_their_median_and_their_spread() {
        let runs = [3.0, 1.0, 2.0].map(|rate| run("stock", rate, 0.0)).to_vec();
        let text = text(&measurement(runs));
        assert!(text.contains("| rate | u | 2.00 (1.00–3.00) |"), "{text}");
    }

    #[test]
    fn a_round_that_failed_is_in_the_report() {
        let mut failed = run("ctld", 1.0, 1.0);
        failed.figures.clear();
        failed.failure = Some("it ended".to_owned());
        let text = text(&measurement(vec![run("stock", 1.0, 1.0), failed]));
        assert!(text.contains("**failed**: it ended"), "{text}");
        assert!(text.contains("| – | – |"), "{text}");
    }

    #[test]
    fn the_median_of_two_is_between_them() {
        assert_eq!(median(&[1.0, 3.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }
}
