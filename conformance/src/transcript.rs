//! The same commands on two controllers, and what they print differently.
//!
//! A transcript is a text of lines `user: command`, each run by a shell as that user in their home; `#` begins a comment.
//! What two controllers print is compared field by field after [`plain`] has taken out what differs between any two runs.

use std::fmt;

use crate::world::World;

/// A command of a transcript and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `user: command`, as the transcript has it.
    pub command: String,
    /// What it printed and its exit code if that is not 0.
    pub printed: String,
}

/// A line, or a field of a line, that one of two controllers printed and the other did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The command.
    pub command: String,
    /// What only the first one printed, what only the second one printed, in order.
    pub lines: Vec<Side>,
}

/// One differing line and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// Only the first controller printed it.
    First(String),
    /// Only the second controller printed it.
    Second(String),
}

impl Side {
    /// The line itself.
    pub fn text(&self) -> &str {
        match self {
            Self::First(text) | Self::Second(text) => text,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.command)?;
        for side in &self.lines {
            match side {
                Side::First(text) => writeln!(f, "    - {text}")?,
                Side::Second(text) => writeln!(f, "    + {text}")?,
            }
        }
        Ok(())
    }
}

/// A difference that is accepted, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// A piece of the command.
    pub command: String,
    /// A piece of the line.
    pub line: String,
    /// Why ours differs.
    pub reason: String,
    /// The only releases beside which it does, as `24.11`; none is all.
    pub releases: Vec<String>,
}

impl Allowance {
    /// Reads `piece of the command ; piece of the line ; reason` lines, with `@24.11` or
    /// `@23.11,24.05` in front if it holds beside those releases alone; `#` begins a comment.
    ///
    /// # Panics
    /// On a line that has not all three parts: an allowance without a reason is none.
    pub fn parse_all(text: &str) -> Vec<Self> {
        lines_of(text)
            .map(|line| {
                let released = line.strip_prefix('@').and_then(|rest| rest.split_once(' '));
                let releases = released.map_or_else(Vec::new, |(releases, _)| {
                    releases.split(',').map(str::to_owned).collect()
                });
                let line = released.map_or(line, |(_, line)| line);
                let mut parts = line.splitn(3, ';').map(|part| part.trim().to_owned());
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(command), Some(line), Some(reason)) if !reason.is_empty() => {
                        Self { command, line, reason, releases }
                    }
                    _ => panic!("an allowance is COMMAND ; LINE ; REASON, not {line:?}"),
                }
            })
            .collect()
    }

    /// Whether it accepts this line of this command.
    pub fn accepts(&self, command: &str, side: &Side) -> bool {
        command.contains(&self.command) && side.text().contains(&self.line)
    }
}

fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Runs a transcript.
///
/// # Panics
/// On a line that is not `user: command`.
pub fn run(world: &World, transcript: &str) -> Vec<Entry> {
    lines_of(transcript)
        .map(|line| {
            let Some((user, command)) = line.split_once(": ") else {
                panic!("a transcript's line is `user: command`, not {line:?}");
            };
            let outcome = world.user(user).run(["sh", "-c", command]);
            Entry { command: line.to_owned(), printed: outcome.to_string() }
        })
        .collect()
}

/// What two runs of one transcript printed differently.
pub fn compare(first: &[Entry], second: &[Entry]) -> Vec<Difference> {
    first
        .iter()
        .zip(second)
        .filter_map(|(one, other)| {
            let lines = differing(&plain(&one.printed), &plain(&other.printed));
            (!lines.is_empty()).then(|| Difference { command: one.command.clone(), lines })
        })
        .collect()
}

/// Takes out what the allowances accept. Also gives those that speak of a command of this run and accepted nothing.
pub fn allow<'a>(
    found: Vec<Difference>,
    ran: &[Entry],
    allowances: &'a [Allowance],
) -> (Vec<Difference>, Vec<&'a Allowance>) {
    let is_stale = |one: &&Allowance| {
        let concerns = ran.iter().any(|entry| entry.command.contains(&one.command));
        let accepts = |difference: &Difference| {
            difference.lines.iter().any(|side| one.accepts(&difference.command, side))
        };
        concerns && !found.iter().any(accepts)
    };
    let stale = allowances.iter().filter(is_stale).collect();
    let left = found
        .into_iter()
        .filter_map(|Difference { command, mut lines }| {
            lines.retain(|side| !allowances.iter().any(|one| one.accepts(&command, side)));
            (!lines.is_empty()).then_some(Difference { command, lines })
        })
        .collect();
    (left, stale)
}

/// A text as lines that two runs of the same programs have in common: times, loads and durations become their names,
/// and a line of several `Key=Value` words becomes a line for each.
pub fn plain(text: &str) -> Vec<String> {
    text.lines().flat_map(fields).map(|line| timeless(line.trim_end())).collect()
}

/// Splits `A=1 B=2 c` into `A=1` and `B=2 c`; leaves any other line whole.
fn fields(line: &str) -> Vec<&str> {
    let starts: Vec<usize> = line
        .match_indices(' ')
        .map(|(at, _)| at + 1)
        .filter(|at| {
            let word = line[*at..].split(' ').next().unwrap_or_default();
            let key = word.split('=').next().unwrap_or_default();
            word.contains('=') && key.starts_with(|first: char| first.is_ascii_uppercase())
        })
        .collect();
    if line.trim_start().starts_with(|first: char| !first.is_ascii_uppercase()) || starts.is_empty()
    {
        return vec![line];
    }
    let mut parts = Vec::new();
    let mut from = 0;
    for start in starts {
        parts.push(line[from..start].trim());
        from = start;
    }
    parts.push(line[from..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Keys of `scontrol show` whose value is another one at each look: loads, and what the scheduler did last and when.
const RESTLESS: [&str; 8] = [
    "RunTime",
    "SecsPreSuspend",
    "CPULoad",
    "FreeMem",
    "AccrueTime",
    "LastSchedEval",
    "Scheduler",
    "BOOT_TIME",
];

fn timeless(line: &str) -> String {
    if let Some((key, _)) = line.split_once('=')
        && RESTLESS.contains(&key.trim())
    {
        return format!("{key}=~");
    }
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(next) = rest.chars().next() {
        if let Some(length) = time_at(rest) {
            text.push_str("TIME");
            rest = &rest[length..];
        } else {
            text.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    text
}

/// Shapes of times that Slurm prints, and of the unique ids that it makes of times: `0` stands for a
/// digit, `A` for a letter, `X` for a digit or capital letter.
const SHAPES: [&str; 4] = [
    "0000-00-00T00:00:00",
    "AAA AAA 00 00:00:00 0000",
    "AAA AAA  0 00:00:00 0000",
    "sXXXXXXXXXXXXX",
];

fn time_at(text: &str) -> Option<usize> {
    let has_shape = |shape: &&&str| {
        let mut at = text.bytes();
        shape.bytes().all(|want| match (want, at.next()) {
            (b'0', Some(byte)) => byte.is_ascii_digit(),
            (b'A', Some(byte)) => byte.is_ascii_alphabetic(),
            (b'X', Some(byte)) => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            (_, byte) => byte == Some(want),
        })
    };
    SHAPES.iter().find(has_shape).map(|shape| shape.len())
}

/// The lines that are not in both, by the longest common subsequence.
fn differing(first: &[String], second: &[String]) -> Vec<Side> {
    let (rows, columns) = (first.len(), second.len());
    // lengths[i][j]: what first[i..] and second[j..] have in common at most.
    let mut lengths = vec![vec![0_usize; columns + 1]; rows + 1];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            lengths[i][j] = if first[i] == second[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut sides = Vec::new();
    while i < rows || j < columns {
        if i < rows && j < columns && first[i] == second[j] {
            i += 1;
            j += 1;
        } else if j == columns || (i < rows && lengths[i + 1][j] >= lengths[i][j + 1]) {
            sides.push(Side::First(first[i].clone()));
            i += 1;
        } else {
            sides.push(Side::Second(second[j].clone()));
            j += 1;
        }
    }
    sides
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(printed: &str) -> Vec<Entry> {
        vec![Entry { command: "root: sinfo".to_owned(), printed: printed.to_owned() }]
    }

    #[test]
    fn times_alone_are_no_difference() {
        let one = "StartTime=2026-11-22T19:50:17 JobState=DONE\nSun Nov 22 18:07:41 2026\n   RunTime=00:00:01 TimeMin=N/A";
        let other = "StartTime=2026-11-23T01:00:00 JobState=DONE\nMon Nov  2 08:07:41 2026\n   RunTime=00:00:07 TimeMin=N/A";
        assert_eq!(compare(&entry(one), &entry(other)), []);
    }

    #[test]
    fn one_field_of_a_line_is_one_difference() {
        let found = compare(&entry("JobId=1 Nice=0 QOS=a b"), &entry("JobId=1 Nice=5 QOS=a b"));
        let lines = &found[0].lines;
        assert_eq!(*lines, [Side::First("Nice=0".into()), Side::Second("Nice=5".into())]);
    }

    #[test]
    fn an_unknown_time_is_not_a_time() {
        assert_eq!(
            compare(&entry("EndTime=Unknown"), &entry("EndTime=2026-11-22T19:50:17")).len(),
            1
        );
    }

    #[test]
    fn an_allowance_takes_its_line_only() {
        let ran = entry("A=1\nB=1");
        let found = compare(&ran, &entry("A=2\nB=2"));
        let allowances =
            Allowance::parse_all("# why\nsinfo ; A= ; a\nsinfo ; C= ; c\nsdiag ; C= ; d\n");
        let (left, stale) = allow(found, &ran, &allowances);
        assert_eq!(left[0].lines, [Side::First("B=1".into()), Side::Second("B=2".into())]);
        assert_eq!(stale, [&allowances[1]], "`sdiag` did not run and says nothing");
    }

    #[test]
    #[should_panic(expected = "COMMAND ; LINE ; REASON")]
    fn an_allowance_without_a_reason_is_refused() {
        Allowance::parse_all("sinfo ; A= ;");
    }
}
