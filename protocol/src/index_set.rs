//! Sets of small numbers as texts: CPUs `0-3,8`, tasks of a job array `1-10:2,20%3`.

use std::fmt;
use std::ops::RangeInclusive;

use nom::Parser;
use nom::character::complete::{char, digit1};
use nom::combinator::{all_consuming, opt};
use nom::multi::separated_list1;
use nom::sequence::preceded;

use crate::shape::Bitmap;

/// A set of numbers: ascending ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexSet {
    ranges: Vec<RangeInclusive<u32>>,
}

impl IndexSet {
    /// From `0-3,8` or with steps `0-8:2`; all members below `end`, which bounds the memory too.
    pub fn parse(text: &str, end: u32) -> Result<Self, IndexError> {
        let got = || text.chars().take(40).collect::<String>();
        let (_, parts) = all_consuming(separated_list1(char(','), range))
            .parse(text)
            .map_err(|_| IndexError::Form { got: got() })?;
        let mut ranges = Vec::new();
        for part in parts {
            let number = |digits: &str| match digits.parse() {
                Ok(number) if number < end => Ok(number),
                _ => Err(IndexError::TooLarge { got: got(), end }),
            };
            let first = number(part.first)?;
            let last = part.last.map_or(Ok(first), number)?;
            if last < first {
                return Err(IndexError::Descending { first, last });
            }
            match part.step.map(number).transpose()? {
                None | Some(1) => ranges.push(first..=last),
                Some(0) => return Err(IndexError::StepOfZero { got: got() }),
                Some(step) => {
                    let step = usize::try_from(step).expect("u32 fits usize");
                    ranges.extend((first..=last).step_by(step).map(|i| i..=i));
                }
            }
            // Ranges are merged as they come, so that repeats take no memory.
            if ranges.len() > 2 * usize::try_from(end).unwrap_or(usize::MAX) {
                ranges = merged(ranges);
            }
        }
        Ok(Self { ranges: merged(ranges) })
    }

    /// How many numbers.
    pub fn len(&self) -> usize {
        self.ranges.iter().map(|r| (r.end() - r.start()) as usize + 1).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[RangeInclusive<u32>] {
        &self.ranges
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: u32) -> bool {
        let index = self.ranges.partition_point(|range| *range.end() < number);
        self.ranges.get(index).is_some_and(|range| range.contains(&number))
    }

    /// The smallest number.
    pub fn first(&self) -> Option<u32> {
        self.ranges.first().map(|range| *range.start())
    }

    /// The largest number.
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|range| *range.end())
    }

    /// As a bitmap that ends with the largest number: its text is what a controller sends as the
    /// waiting tasks of an array.
    pub fn to_bitmap(&self) -> Bitmap {
        Bitmap::with(self.last().map_or(0, |last| last.saturating_add(1)), self.iter())
    }

    /// The step between the numbers, if there are more than five over a span of more than ten and
    /// all steps are the same; then stock clients print `0-20:2`.
    fn step(&self) -> Option<u32> {
        let (first, last) = (self.first()?, self.last()?);
        let spread = last - first > 10 && self.len() > 5 && !self.contains(first + 1);
        let step = self.iter().nth(1).filter(|_| spread)? - first;
        let same = |(a, b): (u32, u32)| b - a == step;
        self.iter().zip(self.iter().skip(1)).all(same).then_some(step)
    }
}

impl FromIterator<u32> for IndexSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self { ranges: merged(numbers.into_iter().map(|i| i..=i).collect()) }
    }
}

/// Ranges without steps: `0-3,8`.
impl fmt::Display for IndexSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}", range.start())?;
            if range.start() < range.end() {
                write!(f, "-{}", range.end())?;
            }
        }
        Ok(())
    }
}

/// The tasks of a job array and how many of them may run at once: `1-10:2%3`.
///
/// `Display` is the form that stock clients print.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArraySpec {
    /// The tasks.
    pub tasks: IndexSet,
    /// How many may run at once; `None` is all of them.
    pub run_max: Option<u32>,
}

impl ArraySpec {
    /// From `sbatch --array`; brackets around it do not matter. Tasks are below `MaxArraySize`.
    pub fn parse(text: &str, max_array_size: u32) -> Result<Self, IndexError> {
        let (tasks, run_max) = match text.split_once('%') {
            Some((tasks, run_max)) => (tasks, Some(run_max.trim_end_matches(']'))),
            None => (text, None),
        };
        let run_max = match run_max.map(str::parse) {
            None | Some(Ok(0)) => None,
            Some(Ok(run_max)) => Some(run_max),
            Some(Err(_)) => return Err(IndexError::Form { got: text.chars().take(40).collect() }),
        };
        let tasks = tasks.strip_prefix('[').unwrap_or(tasks).trim_end_matches(']');
        Ok(Self { tasks: IndexSet::parse(tasks, max_array_size)?, run_max })
    }
}

impl fmt::Display for ArraySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.tasks.step(), self.tasks.first(), self.tasks.last()) {
            (Some(step), Some(first), Some(last)) => write!(f, "{first}-{last}:{step}")?,
            _ => self.tasks.fmt(f)?,
        }
        match self.run_max {
            Some(run_max) => write!(f, "%{run_max}"),
            None => Ok(()),
        }
    }
}

/// Why a text is not a set of numbers; its writer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// None of the forms.
    #[error("{got:?} is not a list of numbers and ranges")]
    Form {
        /// The beginning of the text.
        got: String,
    },
    /// A number past the end.
    #[error("{got:?} has a number that is not below {end}")]
    TooLarge {
        /// The beginning of the text.
        got: String,
        /// What all must be below.
        end: u32,
    },
    /// A range whose end is below its start.
    #[error("range {first}-{last} goes backwards")]
    Descending {
        /// Its start.
        first: u32,
        /// Its end.
        last: u32,
    },
    /// A range that never moves.
    #[error("{got:?} has a step of 0")]
    StepOfZero {
        /// The beginning of the text.
        got: String,
    },
}

struct RangeText<'a> {
    first: &'a str,
    last: Option<&'a str>,
    step: Option<&'a str>,
}

fn range(input: &str) -> nom::IResult<&str, RangeText<'_>> {
    let step = opt(preceded(char(':'), digit1));
    let (input, (first, rest)) = (digit1, opt((preceded(char('-'), digit1), step))).parse(input)?;
    let (last, step) = rest.unzip();
    Ok((input, RangeText { first, last, step: step.flatten() }))
}

fn merged(mut ranges: Vec<RangeInclusive<u32>>) -> Vec<RangeInclusive<u32>> {
    ranges.sort_unstable_by_key(|range| *range.start());
    let mut merged: Vec<RangeInclusive<u32>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if *range.start() <= last.end().saturating_add(1) => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ArraySpec, IndexError, IndexSet};

    #[test]
    fn sets_are_merged_and_ascending() {
        let set = IndexSet::parse("8,0-3,2-4,6-7", 100).unwrap();
        assert_eq!(set.to_string(), "0-4,6-8");
        assert_eq!(set.len(), 8);
        assert!(set.contains(4) && set.contains(8) && !set.contains(5) && !set.contains(9));
        assert_eq!(set.to_bitmap().to_string(), "0x1DF");
    }

    #[test]
    fn arrays_print_as_stock_clients_print_them() {
        for (text, written) in [
            ("1-4%2", "1-4%2"),
            ("[1-4]", "1-4"),
            ("0-20:2", "0-20:2"),
            ("0-20:4%3", "0-20:4%3"),
            ("0-8:4", "0,4,8"),
            ("0-10:2", "0,2,4,6,8,10"),
            ("1,3,5", "1,3,5"),
            ("5", "5"),
            ("1-4%0", "1-4"),
        ] {
            assert_eq!(ArraySpec::parse(text, 1001).unwrap().to_string(), written, "{text}");
        }
    }

    #[test]
    fn faults_are_named() {
        let fault = |text: &str| ArraySpec::parse(text, 1001).unwrap_err();
        assert_eq!(fault("4-1"), IndexError::Descending { first: 4, last: 1 });
        assert_eq!(fault("1-1001"), IndexError::TooLarge { got: "1-1001".into(), end: 1001 });
        assert_eq!(fault("1-4:0"), IndexError::StepOfZero { got: "1-4:0".into() });
        for text in ["", "a", "1-", "-1", "1,,2", "1:2", "1-4%x", "1-4:2:2"] {
            assert!(matches!(fault(text), IndexError::Form { .. }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_set_is_its_members(members in prop::collection::btree_set(0u32..300, 1..60)) {
            let set: IndexSet = members.iter().copied().collect();
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), members.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(IndexSet::parse(&set.to_string(), 300), Ok(set.clone()));
            let array = ArraySpec { tasks: set, run_max: Some(3) };
            prop_assert_eq!(ArraySpec::parse(&array.to_string(), 300), Ok(array));
        }
    }
}
