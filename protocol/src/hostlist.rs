//! Host expressions: `n[1-4,07-09],gpu3,rack[1-2]n[1-3]`.
//!
//! The order of names is kept and duplicates stay, as in Slurm. A name with digits at its end is a
//! prefix and a number with a width, so `n09,n10` is `n[09-10]` and `n9,n10` is `n[9-10]`. Checked
//! against `scontrol show hostlist|hostlistsorted|hostnames` of 24.11; see the tests.
//!
//! Refused here and taken by Slurm: blanks inside brackets (`n[ 1]` means `n01` to it) and a
//! bracket that closes without having been opened.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::{char, digit1};
use nom::combinator::{cut, map, opt};
use nom::multi::{many1, separated_list1};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

/// How many names one expression may stand for (Slurm's `MAX_SLURM_NODES`).
pub const NAMES_MAX: usize = 64 * 1024;

/// The longest name, bytes: what the DNS allows. It also bounds what an expression of a few bytes
/// can make of itself.
pub const NAME_BYTES_MAX: usize = 255;

/// A list of host names, kept as ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hostlist {
    ranges: Vec<HostRange>,
    len: usize,
}

impl Hostlist {
    /// No host.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads an expression; names are parted by commas, blanks or line ends.
    pub fn parse(text: &str) -> Result<Self, HostlistError> {
        let mut list = Self::new();
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches(is_separator);
            if rest.is_empty() {
                return Ok(list);
            }
            let at = text.len() - rest.len();
            let (after, parts) = item(rest).map_err(|e| syntax_error(text, e))?;
            if let Some(found) = after.chars().next().filter(|&c| !is_separator(c)) {
                let at = text.len() - after.len();
                return Err(HostlistError::Unexpected { at, found });
            }
            list.add_item(&parts, &rest[..rest.len() - after.len()], at)?;
            rest = after;
        }
    }

    /// How many names it has, duplicates counted.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no name.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The names, in order.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        self.ranges.iter().flat_map(HostRange::names)
    }

    /// The names, in order.
    pub fn names(&self) -> Vec<String> {
        self.iter().collect()
    }

    /// Whether a name is in it.
    pub fn contains(&self, name: &str) -> bool {
        self.ranges.iter().any(|range| range.contains(name))
    }

    /// Adds one name at the end; a bracket in it is an ordinary character.
    pub fn push(&mut self, name: &str) {
        self.push_range(HostRange::of_name(name));
    }

    /// The expression with ranges, the order kept: `n[1-3],gpu3,n4`. Same as `Display`.
    pub fn ranged(&self) -> String {
        self.to_string()
    }

    /// Sorted as Slurm sorts: by prefix in natural order, then by number; duplicates stay.
    #[must_use]
    pub fn sorted(&self) -> Self {
        let mut ranges = self.ranges.clone();
        ranges.sort_by(HostRange::order);
        let mut list = Self::new();
        let mut ranges = ranges.into_iter().peekable();
        while let Some(first) = ranges.next() {
            let Some(mut span) = first.span else {
                list.push_range(first);
                continue;
            };
            // Ranges that overlap are taken apart to numbers, as Slurm does.
            let mut overlapping = Vec::new();
            let mut hi = span.hi;
            while let Some(width) = ranges.peek().and_then(|next| {
                let next_span = next.span.filter(|s| s.lo <= hi && next.prefix == first.prefix)?;
                joint_width(span, next_span)
            }) {
                let next = ranges.next().and_then(|next| next.span).expect("it was peeked at");
                span.width = width;
                hi = hi.max(next.hi);
                overlapping.extend(next.lo..=next.hi);
            }
            if overlapping.is_empty() {
                list.push_range(HostRange { prefix: first.prefix, span: Some(span) });
                continue;
            }
            overlapping.extend(span.lo..=span.hi);
            overlapping.sort_unstable();
            for number in overlapping {
                let span = Span { lo: number, hi: number, width: span.width };
                list.push_range(HostRange { prefix: first.prefix.clone(), span: Some(span) });
            }
        }
        list
    }

    /// Sorted, each name once, however the expression spelled it.
    #[must_use]
    pub fn unique(&self) -> Self {
        let mut names: Vec<_> = self.iter().map(|name| HostRange::of_name(&name)).collect();
        names.sort_by(HostRange::order);
        names.dedup();
        let mut list = Self::new();
        for name in names {
            list.push_range(name);
        }
        list
    }

    fn push_range(&mut self, range: HostRange) {
        self.len += range.len();
        if let (Some(tail), Some(span)) = (self.ranges.last_mut(), range.span)
            && let Some(tail_span) = &mut tail.span
            && tail_span.hi.checked_add(1) == Some(span.lo)
            && tail.prefix == range.prefix
            && let Some(width) = joint_width(*tail_span, span)
        {
            *tail_span = Span { lo: tail_span.lo, hi: span.hi, width };
            return;
        }
        self.ranges.push(range);
    }

    /// Adds what one item between separators stands for; the bounds come before any expansion.
    fn add_item(&mut self, parts: &[Part<'_>], text: &str, at: usize) -> Result<(), HostlistError> {
        let mut names = 1usize;
        let mut bytes = 0usize;
        let mut spans = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Literal(literal) => bytes += literal.len(),
                Part::Bracket(ranges) => {
                    let ranges =
                        ranges.iter().map(|r| r.span(at)).collect::<Result<Vec<_>, _>>()?;
                    let count = ranges.iter().fold(0usize, |n, r| n.saturating_add(r.len()));
                    names = names.saturating_mul(count);
                    bytes += ranges.iter().map(|r| r.text_width()).max().unwrap_or(0);
                    spans.push(ranges);
                }
            }
        }
        if self.len.saturating_add(names) > NAMES_MAX {
            return Err(HostlistError::TooManyNames { at, item: beginning(text) });
        }
        if bytes > NAME_BYTES_MAX {
            return Err(HostlistError::NameTooLong { at, bytes });
        }
        self.expand(parts, &spans, String::new());
        Ok(())
    }

    fn expand(&mut self, parts: &[Part<'_>], spans: &[Vec<Span>], prefix: String) {
        match (parts, spans) {
            ([Part::Literal(name)], _) if prefix.is_empty() => self.push(name),
            // A name that goes on after its last bracket has no number of its own, even if it
            // ends in digits: `n[1-2]x5` is `n1x5,n2x5`.
            ([Part::Literal(end)], _) => {
                self.push_range(HostRange { prefix: prefix + end, span: None });
            }
            ([Part::Literal(literal), parts @ ..], _) => {
                self.expand(parts, spans, prefix + literal);
            }
            ([Part::Bracket(_)], [last]) => {
                for &span in last {
                    self.push_range(HostRange { prefix: prefix.clone(), span: Some(span) });
                }
            }
            ([Part::Bracket(_), parts @ ..], [spans, later @ ..]) => {
                for number in spans.iter().flat_map(|span| span.texts()) {
                    self.expand(parts, later, format!("{prefix}{number}"));
                }
            }
            ([], _) | (_, []) => {}
        }
    }
}

/// The ranged form.
impl fmt::Display for Hostlist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alike = |a: &HostRange, b: &HostRange| {
            a.span.is_some() && b.span.is_some() && a.prefix == b.prefix
        };
        for (index, group) in self.ranges.chunk_by(alike).enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(&group[0].prefix)?;
            let brackets = group.len() > 1 || group[0].len() > 1;
            if brackets {
                f.write_str("[")?;
            }
            for (index, span) in group.iter().filter_map(|range| range.span).enumerate() {
                if index > 0 {
                    f.write_str(",")?;
                }
                write!(f, "{:0width$}", span.lo, width = span.width)?;
                if span.lo < span.hi {
                    write!(f, "-{:0width$}", span.hi, width = span.width)?;
                }
            }
            if brackets {
                f.write_str("]")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Hostlist {
    type Err = HostlistError;

    fn from_str(text: &str) -> Result<Self, HostlistError> {
        Self::parse(text)
    }
}

impl<S: AsRef<str>> FromIterator<S> for Hostlist {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        let mut list = Self::new();
        list.extend(names);
        list
    }
}

impl<S: AsRef<str>> Extend<S> for Hostlist {
    fn extend<I: IntoIterator<Item = S>>(&mut self, names: I) {
        for name in names {
            self.push(name.as_ref());
        }
    }
}

/// Why a text is not a host expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostlistError {
    /// A bracket that nothing closes.
    #[error("the bracket at byte {at} is not closed")]
    Unclosed {
        /// Where it opens.
        at: usize,
    },
    /// A character that cannot stand where it does, such as a bracket that nothing opens.
    #[error("unexpected {found:?} at byte {at}")]
    Unexpected {
        /// Where.
        at: usize,
        /// The character.
        found: char,
    },
    /// Something between brackets that is neither a number nor a range of them.
    #[error("{got:?} at byte {at} is neither a number nor a range")]
    BadRange {
        /// Where.
        at: usize,
        /// What is there.
        got: String,
    },
    /// A range whose end is below its start.
    #[error("range {lo}-{hi} goes backwards")]
    Descending {
        /// Its start.
        lo: u64,
        /// Its end.
        hi: u64,
    },
    /// A number of more than 64 bits.
    #[error("the number {digits} is too large")]
    NumberTooLarge {
        /// The beginning of its digits.
        digits: String,
    },
    /// More names than a cluster may have nodes.
    #[error("{item:?} at byte {at} makes more than {NAMES_MAX} names")]
    TooManyNames {
        /// Where the item that goes past the limit begins.
        at: usize,
        /// The beginning of that item.
        item: String,
    },
    /// A name that is longer than a host name can be.
    #[error("a name of {bytes} bytes at byte {at}, {NAME_BYTES_MAX} allowed")]
    NameTooLong {
        /// Where.
        at: usize,
        /// How long it would be.
        bytes: usize,
    },
}

/// Hosts with one prefix and consecutive numbers, or one host without a number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HostRange {
    prefix: String,
    span: Option<Span>,
}

/// Numbers `lo..=hi`, written with at least `width` digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    lo: u64,
    hi: u64,
    width: usize,
}

impl Span {
    fn len(self) -> usize {
        usize::try_from(self.hi - self.lo).unwrap_or(usize::MAX).saturating_add(1)
    }

    fn text_width(self) -> usize {
        self.width.max(digits(self.hi))
    }

    fn texts(self) -> impl Iterator<Item = String> {
        (self.lo..=self.hi).map(move |number| format!("{number:0width$}", width = self.width))
    }
}

impl HostRange {
    fn of_name(name: &str) -> Self {
        let prefix = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = &name[prefix.len()..];
        // A number of more than 64 bits stays a part of the name.
        match digits.parse() {
            Ok(number) => Self {
                prefix: prefix.to_owned(),
                span: Some(Span { lo: number, hi: number, width: digits.len() }),
            },
            Err(_) => Self { prefix: name.to_owned(), span: None },
        }
    }

    fn len(&self) -> usize {
        self.span.map_or(1, Span::len)
    }

    fn names(&self) -> impl Iterator<Item = String> + '_ {
        let single = self.span.is_none().then(|| self.prefix.clone());
        let many = self.span.map(|span| span.texts().map(|text| format!("{}{text}", self.prefix)));
        single.into_iter().chain(many.into_iter().flatten())
    }

    fn contains(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(self.prefix.as_str()) else {
            return false;
        };
        let Some(span) = self.span else {
            return rest.is_empty();
        };
        rest.bytes().all(|b| b.is_ascii_digit())
            && rest.parse::<u64>().is_ok_and(|number| {
                (span.lo..=span.hi).contains(&number)
                    && rest == format!("{number:0width$}", width = span.width)
            })
    }

    /// Slurm's order: prefix; the host without a number first; what needs fewer digits; number.
    fn order(&self, other: &Self) -> Ordering {
        let key = |range: &Self| range.span.map(|span| (span.width.max(digits(span.lo)), span.lo));
        natural_order(&self.prefix, &other.prefix)
            .then_with(|| self.prefix.cmp(&other.prefix))
            .then_with(|| key(self).cmp(&key(other)))
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// The width that writes both ranges' numbers as they are written now, if there is one.
fn joint_width(a: Span, b: Span) -> Option<usize> {
    let padding = |number: u64, width: usize| width.saturating_sub(digits(number));
    let a_keeps = padding(a.lo, a.width) == padding(a.lo, b.width);
    let b_keeps = padding(b.lo, a.width) == padding(b.lo, b.width);
    match (a_keeps, b_keeps) {
        (true, _) => Some(b.width),
        (false, true) => Some(a.width),
        (false, false) => None,
    }
}

/// Compares texts so that numbers inside them compare as numbers: `rack9` before `rack10`. Numbers
/// with a leading zero compare digit by digit, as the digits after a decimal point do.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        let (a_run, b_run) = (digit_run(a), digit_run(b));
        if !a_run.is_empty() && !b_run.is_empty() {
            let fraction = a_run[0] == b'0' || b_run[0] == b'0';
            let lengths = a_run.len().cmp(&b_run.len());
            let order = if fraction { a_run.cmp(b_run) } else { lengths.then(a_run.cmp(b_run)) };
            if order.is_ne() {
                return order;
            }
            (a, b) = (&a[a_run.len()..], &b[b_run.len()..]);
        }
        match (a.split_first(), b.split_first()) {
            (Some((x, a_rest)), Some((y, b_rest))) if x == y => (a, b) = (a_rest, b_rest),
            (x, y) => return x.map(|(c, _)| c).cmp(&y.map(|(c, _)| c)),
        }
    }
}

fn digit_run(text: &[u8]) -> &[u8] {
    &text[..text.iter().take_while(|b| b.is_ascii_digit()).count()]
}

fn is_separator(c: char) -> bool {
    matches!(c, ',' | ' ' | '\t' | '\n')
}

/// A piece of an item between separators.
enum Part<'a> {
    Literal(&'a str),
    Bracket(Vec<RangeText<'a>>),
}

/// What stands between commas in brackets: `07-09`, `3`, `5-` (which Slurm reads as 5).
struct RangeText<'a> {
    lo: &'a str,
    hi: Option<&'a str>,
}

impl RangeText<'_> {
    fn span(&self, at: usize) -> Result<Span, HostlistError> {
        let number = |digits: &str| {
            digits
                .parse::<u64>()
                .map_err(|_| HostlistError::NumberTooLarge { digits: beginning(digits) })
        };
        let lo = number(self.lo)?;
        let hi = self.hi.filter(|hi| !hi.is_empty()).map_or(Ok(lo), number)?;
        if lo > hi {
            return Err(HostlistError::Descending { lo, hi });
        }
        if self.lo.len() > NAME_BYTES_MAX {
            return Err(HostlistError::NameTooLong { at, bytes: self.lo.len() });
        }
        Ok(Span { lo, hi, width: self.lo.len() })
    }
}

fn item(input: &str) -> IResult<&str, Vec<Part<'_>>> {
    let literal = take_while1(|c: char| !is_separator(c) && c != '[' && c != ']');
    many1(alt((map(bracket, Part::Bracket), map(literal, Part::Literal)))).parse(input)
}

fn bracket(input: &str) -> IResult<&str, Vec<RangeText<'_>>> {
    let ranges = separated_list1(char(','), cut(range));
    delimited(char('['), ranges, cut(char(']'))).parse(input)
}

fn range(input: &str) -> IResult<&str, RangeText<'_>> {
    let hi = opt(preceded(char('-'), take_while(|c: char| c.is_ascii_digit())));
    map((digit1, hi), |(lo, hi)| RangeText { lo, hi }).parse(input)
}

/// Says what is wrong at the place where the grammar gave up.
fn syntax_error(text: &str, error: nom::Err<nom::error::Error<&str>>) -> HostlistError {
    let (nom::Err::Error(error) | nom::Err::Failure(error)) = error else {
        unreachable!("complete parsers never ask for more");
    };
    let at = text.len() - error.input.len();
    let before = &text[..at];
    match before.rfind('[').filter(|&open| !before[open..].contains(']')) {
        Some(open) if !error.input.contains(']') => HostlistError::Unclosed { at: open },
        Some(open) => {
            let start = before[open..].rfind(',').map_or(open + 1, |comma| open + comma + 1);
            let got = text[start..].split([',', ']']).next().unwrap_or_default();
            HostlistError::BadRange { at: start, got: beginning(got) }
        }
        None => HostlistError::Unexpected { at, found: error.input.chars().next().unwrap_or(']') },
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests;
