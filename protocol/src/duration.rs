//! Lengths of time: `90`, `1:30`, `12:30:00`, `1-12:30:00`, `UNLIMITED`.
//!
//! A single number is minutes; two are minutes and seconds; three hours, minutes, seconds; with
//! days in front, what follows are hours first. Source: `sbatch(1)`, `--time`.

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag_no_case;
use nom::character::complete::{char, digit1};
use nom::combinator::{all_consuming, map, opt, value};
use nom::multi::separated_list1;
use nom::sequence::{separated_pair, terminated};

use crate::shape::Limit;

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;
const DAY_S: u64 = 24 * HOUR_S;

/// Why a text is not a length of time; its writer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// None of the forms.
    #[error("{got:?} is not a time: minutes, [days-]hours:minutes:seconds or UNLIMITED expected")]
    Form {
        /// The beginning of the text.
        got: String,
    },
    /// Longer than the wire can say.
    #[error("the time {got:?} is too long")]
    TooLong {
        /// The beginning of the text.
        got: String,
    },
}

/// What a text says, before days and hours are added up.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form<'a> {
    Unlimited,
    Days(&'a str, Option<Vec<&'a str>>),
    Plain(Vec<&'a str>),
}

/// Seconds.
pub fn parse_seconds(text: &str) -> Result<Limit<u32>, DurationError> {
    let got = || text.chars().take(40).collect();
    let (_, form) =
        all_consuming(form).parse(text).map_err(|_| DurationError::Form { got: got() })?;
    let (parts, units): (Vec<&str>, &[u64]) = match form {
        Form::Unlimited => return Ok(Limit::Infinite),
        Form::Days(days, rest) => (
            std::iter::once(days).chain(rest.into_iter().flatten()).collect(),
            &[DAY_S, HOUR_S, MINUTE_S, 1],
        ),
        Form::Plain(parts) if parts.len() == 3 => (parts, &[HOUR_S, MINUTE_S, 1]),
        Form::Plain(parts) => (parts, &[MINUTE_S, 1]),
    };
    if parts.len() > units.len() {
        return Err(DurationError::Form { got: got() });
    }
    let seconds = parts.iter().zip(units).try_fold(0u64, |sum, (part, unit)| {
        sum.checked_add(part.parse::<u64>().ok()?.checked_mul(*unit)?)
    });
    // Stock programs keep seconds in a C int.
    match seconds.and_then(|seconds| i32::try_from(seconds).ok()) {
        Some(seconds) => Ok(Limit::Value(seconds.unsigned_abs())),
        None => Err(DurationError::TooLong { got: got() }),
    }
}

/// Minutes, rounded up.
pub fn parse_minutes(text: &str) -> Result<Limit<u32>, DurationError> {
    Ok(match parse_seconds(text)? {
        Limit::Value(seconds) => Limit::Value(seconds.div_ceil(60)),
        other => other,
    })
}

/// Seconds as stock programs print them: `01:30:00`, `1-12:30:00`, `UNLIMITED`.
///
/// A time that was not given prints as the number that it is on the wire, which is what stock
/// programs do too; they ask before.
pub fn seconds_text(time: Limit<u32>) -> String {
    match time {
        Limit::Infinite => "UNLIMITED".to_owned(),
        Limit::Value(_) | Limit::Unset => span_text(time.to_raw().into()),
    }
}

/// Minutes as stock programs print them.
pub fn minutes_text(time: Limit<u32>) -> String {
    match time {
        Limit::Infinite => "UNLIMITED".to_owned(),
        Limit::Value(_) | Limit::Unset => span_text(u64::from(time.to_raw()) * MINUTE_S),
    }
}

fn span_text(seconds: u64) -> String {
    let (days, hours) = (seconds / DAY_S, seconds / HOUR_S % 24);
    let (minutes, seconds) = (seconds / MINUTE_S % 60, seconds % 60);
    match days {
        0 => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        _ => format!("{days}-{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

fn form(input: &str) -> nom::IResult<&str, Form<'_>> {
    let unlimited = alt((tag_no_case("infinite"), tag_no_case("unlimited"), tag_no_case("-1")));
    let clock = || separated_list1(char(':'), digit1);
    alt((
        value(Form::Unlimited, unlimited),
        map(separated_pair(digit1, char('-'), opt(clock())), |(days, rest)| Form::Days(days, rest)),
        map(terminated(clock(), nom::combinator::eof), Form::Plain),
    ))
    .parse(input)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DurationError, minutes_text, parse_minutes, parse_seconds, seconds_text};
    use crate::shape::Limit;

    #[test]
    fn forms_of_the_manual() {
        for (text, seconds) in [
            ("90", 5400),
            ("1:30", 90),
            ("12:30:00", 45000),
            ("1-12", 129_600),
            ("1-12:30", 131_400),
            ("1-12:30:05", 131_405),
            ("2-", 172_800),
            ("0", 0),
        ] {
            assert_eq!(parse_seconds(text), Ok(Limit::Value(seconds)), "{text}");
        }
        for text in ["INFINITE", "unlimited", "-1"] {
            assert_eq!(parse_minutes(text), Ok(Limit::Infinite), "{text}");
        }
        assert_eq!(parse_minutes("1:01"), Ok(Limit::Value(2)));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "-5", "5:", ":5", "1:2:3:4", "1-2:3:4:5", "5m", "1--2", " 5", "infinitely"]
        {
            assert_eq!(
                parse_seconds(text),
                Err(DurationError::Form { got: text.into() }),
                "{text}"
            );
        }
        for text in ["99999999999999999999999", "99999999", "40000-0"] {
            assert_eq!(parse_seconds(text), Err(DurationError::TooLong { got: text.into() }));
        }
    }

    #[test]
    fn printed_as_stock_programs_do() {
        assert_eq!(seconds_text(Limit::Value(5400)), "01:30:00");
        assert_eq!(seconds_text(Limit::Value(131_405)), "1-12:30:05");
        assert_eq!(minutes_text(Limit::Value(60 * 24 * 3)), "3-00:00:00");
        assert_eq!(minutes_text(Limit::Infinite), "UNLIMITED");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(seconds in 0u32..=i32::MAX as u32) {
            let time = Limit::Value(seconds);
            prop_assert_eq!(parse_seconds(&seconds_text(time)), Ok(time));
            let minutes = Limit::Value(seconds / 60);
            prop_assert_eq!(parse_minutes(&minutes_text(minutes)), Ok(minutes));
        }
    }
}
