//! The grammar of one line: comments, continuation, escapes, and `Key=Value` pairs.
//!
//! Facts: `parse_config.c` of Slurm 23.11 … 26.05 (unchanged between them), checked against the
//! stock parser. A `#` starts a comment unless an odd number of backslashes stands before it; a
//! backslash at the end of a line (blanks may follow) joins the next line; any other `\x` is `x`.

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{take_while, take_while1},
    character::complete::{char, one_of},
    combinator::{opt, peek, recognize},
    sequence::{delimited, preceded, terminated},
};

/// `Key=Value`, with what follows on the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    /// The key as written.
    pub key: &'a str,
    /// The value without its quotes.
    pub value: &'a str,
    /// The rest of the line.
    pub rest: &'a str,
}

/// A line with its continuations joined, comments and escapes resolved.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Joined {
    /// The text; invalid UTF-8 is replaced.
    pub text: String,
    /// The physical lines that it took.
    pub lines: u32,
}

/// The first pair of a line, if the line begins with one.
///
/// Blanks may stand on both sides of `=`, so `Key= Value` is a pair; `Key=` at the end of a line is
/// not. The key may be followed by an operator (`+=`), which slurm.conf gives no meaning.
pub(super) fn pair(line: &str) -> Option<Pair<'_>> {
    let name = take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let equals = (blanks, opt(one_of("-*+/")), char('='), blanks);
    let parsed: IResult<&str, (&str, &str)> =
        (delimited(blanks, name, equals), alt((quoted, bare))).parse(line);
    let (rest, (key, value)) = parsed.ok()?;
    Some(Pair { key, value, rest })
}

/// The file name of an `Include` line, and the rest of that line.
///
/// The word counts only at the very start of the line, in any case, followed by a blank.
pub(super) fn include(line: &str) -> Option<(&str, &str)> {
    let word: IResult<&str, &str> =
        preceded(nom::bytes::complete::tag_no_case("include"), recognize(take_while1(is_blank)))
            .parse(line);
    let (rest, _) = word.ok()?;
    let end = rest.find(is_blank).unwrap_or(rest.len());
    Some(rest.split_at(end))
}

/// Takes one joined line from the front of `bytes`; `None` at the end.
///
/// `each` sees every physical line that goes into it, raw and with its line feed.
pub(super) fn next_line(bytes: &mut &[u8], mut each: impl FnMut(&[u8])) -> Option<Joined> {
    if bytes.is_empty() {
        return None;
    }
    let mut joined = Vec::new();
    let mut lines = 0;
    while !bytes.is_empty() {
        let end = bytes.iter().position(|&b| b == b'\n').map_or(bytes.len(), |at| at + 1);
        let (raw, rest) = bytes.split_at(end);
        *bytes = rest;
        lines += 1;
        // Stock handles lines as C strings: what follows a NUL is not there.
        let line = raw.split(|&b| b == 0).next().unwrap_or_default();
        each(line);
        let line = without_comment(line);
        match before_continuation(line) {
            Some(part) => joined.extend_from_slice(part),
            None => {
                joined.extend_from_slice(line);
                break;
            }
        }
    }
    Some(Joined { text: String::from_utf8_lossy(&unescaped(&joined)).into_owned(), lines })
}

fn quoted(input: &str) -> IResult<&str, &str> {
    terminated(delimited(char('"'), take_while(|c| c != '"'), char('"')), peek(ends)).parse(input)
}

fn bare(input: &str) -> IResult<&str, &str> {
    take_while1(|c| !is_blank(c)).parse(input)
}

/// A blank or the end: what must follow a closing quote, or the quote is part of a bare word.
fn ends(input: &str) -> IResult<&str, ()> {
    if input.is_empty() || input.starts_with(is_blank) {
        Ok((input, ()))
    } else {
        Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Eof)))
    }
}

fn blanks(input: &str) -> IResult<&str, &str> {
    take_while(is_blank).parse(input)
}

/// C's `isspace` in the C locale.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

fn is_blank_byte(b: u8) -> bool {
    is_blank(char::from(b))
}

fn without_comment(line: &[u8]) -> &[u8] {
    let mut escaped = false;
    for (at, &b) in line.iter().enumerate() {
        match b {
            b'#' if !escaped => return &line[..at],
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    line
}

/// The line without its closing backslash, if it has one that is not escaped.
fn before_continuation(line: &[u8]) -> Option<&[u8]> {
    let text = line.iter().rposition(|&b| !is_blank_byte(b))? + 1;
    let slashes = line[..text].iter().rev().take_while(|&&b| b == b'\\').count();
    (slashes % 2 == 1).then(|| &line[..text - 1])
}

fn unescaped(line: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(line.len());
    let mut bytes = line.iter();
    while let Some(&b) = bytes.next() {
        match b {
            b'\\' => plain.extend(bytes.next()),
            _ => plain.push(b),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str) -> Vec<(String, u32)> {
        let mut bytes = text.as_bytes();
        std::iter::from_fn(|| next_line(&mut bytes, |_| {})).map(|l| (l.text, l.lines)).collect()
    }

    #[test]
    fn a_hash_starts_a_comment_unless_escaped() {
        assert_eq!(joined("A=1 # two\n"), [("A=1 ".to_owned(), 1)]);
        assert_eq!(joined("A=1\\#2\n"), [("A=1#2\n".to_owned(), 1)]);
        assert_eq!(joined("A=1\\\\#2\n"), [("A=1\\".to_owned(), 1)]);
    }

    #[test]
    fn a_backslash_at_the_end_joins_lines_even_before_a_comment() {
        assert_eq!(joined("A=1,\\\n2\nB=3"), [("A=1,2\n".to_owned(), 2), ("B=3".to_owned(), 1)]);
        assert_eq!(joined("A=1,\\ # c\n2\n"), [("A=1,2\n".to_owned(), 2)]);
        assert_eq!(joined("A=1,\\\\\n2\n").len(), 2, "an escaped backslash does not join");
        assert_eq!(joined("A=1 # c \\\n2\n").len(), 2, "a backslash in a comment does not join");
    }

    #[test]
    fn pairs_follow_the_stock_expression() {
        let some = |key, value, rest| Some(Pair { key, value, rest });
        assert_eq!(pair("  A=1 B=2"), some("A", "1", " B=2"));
        assert_eq!(pair("A = \"b c\" d"), some("A", "b c", " d"));
        assert_eq!(pair("A=\"\""), some("A", "", ""));
        assert_eq!(
            pair("A=\"b c\"d"),
            some("A", "\"b", " c\"d"),
            "a quote inside a word is a letter"
        );
        assert_eq!(pair("A= B=2"), some("A", "B=2", ""), "a blank value takes the next word");
        assert_eq!(pair("A+=1"), some("A", "1", ""));
        assert_eq!(pair("A==1"), some("A", "=1", ""));
        assert_eq!(pair("A="), None);
        assert_eq!(pair("A"), None);
        assert_eq!(pair("=1"), None);
    }

    #[test]
    fn include_counts_only_at_the_start_of_a_line() {
        assert_eq!(include("Include a.conf\n"), Some(("a.conf", "\n")));
        assert_eq!(include("INCLUDE\t a.conf b"), Some(("a.conf", " b")));
        assert_eq!(include(" Include a.conf"), None);
        assert_eq!(include("Includea.conf"), None);
    }
}
