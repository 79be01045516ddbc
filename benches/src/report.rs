//! The report: medians over the rounds and their ratios, as a table and as plots.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::plot::{self, Dots, Line, Lines};
use crate::round::{At, power_law};
use crate::throughput::{MeasureError, Measurement, io_error};

/// What each letter of the issue stands for.
const SCENARIOS: [(&str, &str); 11] = [
    ("a", "Jobs that do nothing, from submission to completion"),
    ("b", "Submissions that cannot start"),
    ("c", "Queries at rest"),
    ("c-jobs", "Queries while jobs run"),
    ("d", "Memory"),
    ("e", "Start-up"),
    ("f", "Processor time of jobs"),
    ("g", "The launch model ΔT = t_s·n^α_s"),
    ("h", "Death of a slurmd"),
    ("i", "kill -9"),
    ("load", "What the load itself takes of the same processors"),
];

/// Series of fewer points are rows, not lines.
const LINE_MIN: usize = 3;

/// One figure over all rounds.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    scenario: String,
    what: String,
    at: Option<At>,
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
    write(&read(folder)?, folder)
}

/// Reads `result.json`.
///
/// # Errors
/// When there is none, or it is not one.
pub fn read(folder: &Path) -> Result<Measurement, MeasureError> {
    let path = folder.join("result.json");
    let text =
        fs::read_to_string(&path).map_err(io_error(format!("reading {}", path.display())))?;
    serde_json::from_str(&text)
        .map_err(|source| MeasureError::NotAResult { path: path.display().to_string(), source })
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
            let same = |row: &Row| {
                row.scenario == figure.scenario && row.what == figure.what && row.at == figure.at
            };
            let at = rows.iter().position(same).unwrap_or_else(|| {
                rows.push(Row {
                    scenario: figure.scenario.clone(),
                    what: figure.what.clone(),
                    at: figure.at.clone(),
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
    /// What was measured, and at how much of its series.
    fn name(&self) -> String {
        match &self.at {
            None => self.what.clone(),
            Some(at) => format!("{}, {} {}", self.what, plot::short(at.value), at.of),
        }
    }

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
    text.push_str(&progress(measurement));
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

/// What was run, how long it took, beside what, and what failed.
fn progress(measurement: &Measurement) -> String {
    let mut text = String::from(
        "| leg | round | controller | s | load before | |\n|---|---|---|---|---|---|\n",
    );
    for run in &measurement.runs {
        let mut end = match &run.failure {
            None => format!("{} figures", run.figures.len()),
            Some(words) => format!("**failed**: {}", words.replace('\n', " / ").replace('|', "/")),
        };
        // Of a measurement that was resumed.
        if run.commit != measurement.commit {
            end.push_str(&format!("; commit {}, {}", run.commit, run.date));
        }
        text.push_str(&format!(
            "| {} | {} | {} | {:.0} | {:.2} | {end} |\n",
            run.leg, run.round, run.subject, run.seconds, run.load_before
        ));
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
        write!(text, "| {} | {} |", row.name(), row.unit).expect("writing to a String cannot fail");
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

/// Series as lines, everything else as dots, those of one unit in one panel.
fn drawing(title: &str, rows: &[&Row], subjects: &[String]) -> String {
    let of_series = |row: &Row| {
        let same = |other: &&&Row| other.what == row.what && other.at.is_some();
        row.at.is_some() && rows.iter().filter(same).count() >= LINE_MIN
    };
    // Where there is a p99, the median is in the table alone.
    let rows: Vec<&Row> = rows.iter().copied().filter(|r| !r.what.ends_with(", p50")).collect();
    let (series, rest): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| of_series(row));
    let mut lines: Vec<Lines> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for row in series {
        let at = row.at.as_ref().expect("rows of a series have a place in it");
        let index = names.iter().position(|name| *name == row.what).unwrap_or_else(|| {
            names.push(&row.what);
            let title = format!("{} ({})", row.what, row.unit);
            let across = at.of.clone();
            lines.push(Lines { title, across, lines: vec![Line::default(); subjects.len()] });
            lines.len() - 1
        });
        for (line, values) in lines[index].lines.iter_mut().zip(&row.values) {
            line.points.extend(median(values).map(|value| (at.value, value)));
        }
        if row.scenario == "g" {
            for line in &mut lines[index].lines {
                line.fit = power_law(&line.points);
            }
        }
    }
    let mut dots: Vec<Dots> = Vec::new();
    for row in rest {
        let side = if row.more_is_better { "right" } else { "left" };
        let unit = if row.unit.is_empty() { "count" } else { &row.unit };
        let title = format!("{unit} (logarithmic, further {side} is better)");
        let marks = row
            .values
            .iter()
            .map(|values| Some((*values.first()?, median(values)?, *values.last()?)));
        let row = plot::Row { name: row.name(), marks: marks.collect() };
        match dots.iter_mut().find(|panel| panel.title == title) {
            Some(panel) => panel.rows.push(row),
            None => dots.push(Dots { title, rows: vec![row] }),
        }
    }
    plot::drawing(title, subjects, &dots, &lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::order::Preset;
    use crate::round::Figure;
    use crate::throughput::Run;

    fn run(subject: &str, rate: f64, latency: f64) -> Run {
        let figure = |what: &str, more_is_better, value| Figure {
            scenario: "b".to_owned(),
            what: what.to_owned(),
            at: None,
            unit: "u".to_owned(),
            more_is_better,
            value,
        };
        Run {
            leg: "queue".to_owned(),
            subject: subject.to_owned(),
            round: 1,
            date: "today".to_owned(),
            commit: "abc".to_owned(),
            seconds: 1.0,
            load_before: 0.5,
            figures: vec![figure("rate", true, rate), figure("p99", false, latency)],
            failure: None,
        }
    }

    fn measurement(runs: Vec<Run>) -> Measurement {
        let size = Preset::Quick.size();
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
