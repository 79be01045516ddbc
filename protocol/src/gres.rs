//! Requests for generic resources: `gpu:a100:2,shard=10`, as options and `tres_per_*` fields hold
//! them. The prefix `gres/` (up to 22.05 `gres:`) is optional.

use std::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::char;
use nom::combinator::{all_consuming, opt};
use nom::multi::separated_list1;
use nom::sequence::{pair, preceded};

use crate::quantity::parse_count;

/// Some of one generic resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GresRequest {
    /// `gpu`, `shard`, …
    pub name: String,
    /// The type, if one is asked for: `a100`.
    pub model: Option<String>,
    /// How many; 1 if the text does not say.
    pub count: u64,
}

/// Requests, in the text's order; those of 0 are left out, as stock controllers do.
///
/// `Display` writes the form that clients of all six releases send: `gres/gpu:a100:2,gres/shard:10`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GresRequests(pub Vec<GresRequest>);

impl GresRequests {
    /// Reads a text; other resources than GRES in it (`license/x:1`) are an error here.
    pub fn parse(text: &str) -> Result<Self, GresError> {
        let entries = text.split(',').filter(|entry| !entry.is_empty());
        let mut requests = Vec::new();
        for entry in entries {
            let request = GresRequest::parse(entry)?;
            if request.count > 0 {
                requests.push(request);
            }
        }
        Ok(Self(requests))
    }
}

impl GresRequest {
    fn parse(text: &str) -> Result<Self, GresError> {
        let bad = || GresError::Form { got: text.chars().take(40).collect() };
        let (_, (words, count)) = all_consuming(entry).parse(text).map_err(|_| bad())?;
        let number = |text| parse_count(text).map_err(|_| bad());
        let (name, model, count) = match (words.as_slice(), count) {
            ([name], None) => (name, None, 1),
            ([name], Some(count)) => (name, None, number(count)?),
            ([name, model], Some(count)) => (name, Some(model), number(count)?),
            // What follows is a count, or a type of which one is asked for.
            ([name, last], None) => match parse_count(last) {
                Ok(count) => (name, None, count),
                Err(_) => (name, Some(last), 1),
            },
            ([name, model, count], None) => (name, Some(model), number(count)?),
            _ => return Err(bad()),
        };
        Ok(Self { name: (*name).to_owned(), model: model.map(|m| (*m).to_owned()), count })
    }
}

fn entry(input: &str) -> nom::IResult<&str, (Vec<&str>, Option<&str>)> {
    let word = || take_while1(|c: char| !matches!(c, ':' | '/' | '=' | ','));
    let prefix = opt(alt((tag("gres/"), tag("gres:"))));
    let words = separated_list1(char(':'), word());
    preceded(prefix, pair(words, opt(preceded(char('='), word())))).parse(input)
}

impl fmt::Display for GresRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gres/{}", self.name)?;
        if let Some(model) = &self.model {
            write!(f, ":{model}")?;
        }
        write!(f, ":{}", self.count)
    }
}

impl fmt::Display for GresRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, request) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{request}")?;
        }
        Ok(())
    }
}

/// Why a text is not a request for generic resources; its writer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GresError {
    /// An entry that is no `name[:type][:count]` or `name[:type]=count`.
    #[error("{got:?} is not name[:type][:count]")]
    Form {
        /// The beginning of the entry.
        got: String,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{GresError, GresRequest, GresRequests};

    #[test]
    fn forms() {
        for (text, written) in [
            ("gpu", "gres/gpu:1"),
            ("gpu:2", "gres/gpu:2"),
            ("gpu:a100", "gres/gpu:a100:1"),
            ("gpu:a100:2,shard=10", "gres/gpu:a100:2,gres/shard:10"),
            ("gres/gpu:a100=2", "gres/gpu:a100:2"),
            ("gres:gpu:2", "gres/gpu:2"),
            ("gpu:2k", "gres/gpu:2048"),
            ("gpu:0,shard:1,", "gres/shard:1"),
            ("", ""),
        ] {
            assert_eq!(GresRequests::parse(text).unwrap().to_string(), written, "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["gpu:", "gpu=", "gpu=x", "gpu:a:b:1", ":1", "license/x:1", "gpu:a=b=1"] {
            assert_eq!(
                GresRequests::parse(text),
                Err(GresError::Form { got: text.into() }),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn texts_come_back(
            requests in prop::collection::vec(
                ("[a-z]{1,4}", prop::option::of("[a-z][a-z0-9]{1,4}"), 1u64..1 << 50), 0..5),
        ) {
            let requests = requests.into_iter()
                .map(|(name, model, count)| GresRequest { name, model, count });
            let requests = GresRequests(requests.collect());
            prop_assert_eq!(GresRequests::parse(&requests.to_string()), Ok(requests));
        }
    }
}
