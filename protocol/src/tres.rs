//! Trackable resources as texts: `cpu=8,mem=8000M,node=1,billing=8,gres/gpu:a100=2`, and the same
//! by number: `1=8,2=8000`.

use std::fmt;

use nom::Parser;
use nom::bytes::complete::take_while1;
use nom::character::complete::char;
use nom::combinator::all_consuming;
use nom::multi::separated_list0;
use nom::sequence::separated_pair;

use crate::quantity::{Unit, exact_text, parse_count, parse_memory_mib};

/// What is counted: `cpu`, `gres/gpu:a100`, `license/matlab`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TresName {
    /// `cpu`, `mem`, `node`, `gres`, `license`, `fs`, …
    pub kind: String,
    /// What follows the slash: the GRES with its type, the license.
    pub name: Option<String>,
}

impl TresName {
    /// A resource without a name of its own.
    pub fn of(kind: &str) -> Self {
        Self { kind: kind.to_owned(), name: None }
    }

    /// From `kind` or `kind/name`.
    pub fn parse(text: &str) -> Self {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind, Some(name.to_owned())),
            None => (text, None),
        };
        Self { kind: kind.to_owned(), name }
    }

    /// The number that is the same in every cluster; GRES and licenses get theirs from the
    /// controller or slurmdbd, from 1001 on.
    pub fn fixed_id(&self) -> Option<u32> {
        let text = self.to_string();
        FIXED.iter().find(|(_, name)| *name == text).map(|(id, _)| *id)
    }

    /// The resource of a fixed number.
    pub fn of_fixed_id(id: u32) -> Option<Self> {
        FIXED.iter().find(|(known, _)| *known == id).map(|(_, name)| Self::parse(name))
    }

    /// Memory and burst buffers are counted in MiB.
    fn unit(&self) -> Unit {
        match self.kind.as_str() {
            "mem" | "bb" => Unit::Mebi,
            _ => Unit::One,
        }
    }

    /// Whether stock controllers print its counts with a unit.
    fn prints_unit(&self) -> bool {
        matches!(self.kind.as_str(), "mem" | "bb" | "fs" | "ic")
    }
}

/// The first eight; source: `slurmdb` of all six releases.
const FIXED: [(u32, &str); 8] = [
    (1, "cpu"),
    (2, "mem"),
    (3, "energy"),
    (4, "node"),
    (5, "billing"),
    (6, "fs/disk"),
    (7, "vmem"),
    (8, "pages"),
];

impl fmt::Display for TresName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        match &self.name {
            Some(name) => write!(f, "/{name}"),
            None => Ok(()),
        }
    }
}

/// Counts of resources, in the text's order.
///
/// `Display` writes counts as a stock controller does in `tres_req_str` and `tres_alloc_str`:
/// memory in the largest unit that tells it exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TresCounts(pub Vec<(TresName, u64)>);

impl TresCounts {
    /// From a text by name. An entry of nothing between two commas is passed over.
    pub fn parse(text: &str) -> Result<Self, TresError> {
        let entries = entries(text)?;
        let count = |(name, count): (&str, &str)| {
            let tres = TresName::parse(name);
            let parsed = match tres.unit() {
                Unit::Mebi => parse_memory_mib(count),
                _ => parse_count(count),
            };
            match parsed {
                Ok(parsed) => Ok((tres, parsed)),
                Err(_) => Err(TresError::Count { tres: beginning(name), got: beginning(count) }),
            }
        };
        entries.into_iter().map(count).collect::<Result<_, _>>().map(Self)
    }

    /// The count of a resource.
    pub fn count(&self, name: &TresName) -> Option<u64> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, count)| *count)
    }

    /// By number: `1=8,2=8000`. What `id` does not know is left out.
    pub fn by_id(&self, id: impl Fn(&TresName) -> Option<u32>) -> TresIds {
        TresIds(self.0.iter().filter_map(|(name, count)| Some((id(name)?, *count))).collect())
    }

    /// By name with counts as plain numbers: `cpu=8,mem=8000`.
    pub fn plain_text(&self) -> String {
        let entries = self.0.iter().map(|(name, count)| format!("{name}={count}"));
        entries.collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for TresCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, count)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match name.prints_unit() {
                true => write!(f, "{name}={}", exact_text(*count, name.unit()))?,
                false => write!(f, "{name}={count}")?,
            }
        }
        Ok(())
    }
}

/// Counts of resources by number, in the text's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TresIds(pub Vec<(u32, u64)>);

impl TresIds {
    /// From `1=8,2=8000`; a comma in front is passed over, as slurmdbd sends one.
    pub fn parse(text: &str) -> Result<Self, TresError> {
        let pair = |(id, count): (&str, &str)| {
            let bad_count = || TresError::Count { tres: beginning(id), got: beginning(count) };
            let number = id.parse().ok().filter(|&id| id > 0);
            let number = number.ok_or_else(|| TresError::Id { got: beginning(id) })?;
            Ok((number, count.parse().map_err(|_| bad_count())?))
        };
        entries(text)?.into_iter().map(pair).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for TresIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (id, count)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{id}={count}")?;
        }
        Ok(())
    }
}

/// Why a text is not a list of resources; its writer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TresError {
    /// An entry that is no `name=count`.
    #[error("{got:?} is not a list of name=count")]
    Form {
        /// The beginning of what cannot be read.
        got: String,
    },
    /// A count that is none.
    #[error("{got:?} is not a count of {tres}")]
    Count {
        /// The resource.
        tres: String,
        /// What stands for its count.
        got: String,
    },
    /// A number of a resource that is none.
    #[error("{got:?} is not a resource's number")]
    Id {
        /// What stands there.
        got: String,
    },
}

fn entries(text: &str) -> Result<Vec<(&str, &str)>, TresError> {
    let word = || take_while1(|c: char| c != ',' && c != '=');
    let pair = separated_pair(word(), char('='), word());
    let commas = take_while1(|c: char| c == ',');
    let inside = text.trim_matches(',');
    let parsed: nom::IResult<&str, _> = all_consuming(separated_list0(commas, pair)).parse(inside);
    match parsed {
        Ok((_, entries)) => Ok(entries),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => {
            Err(TresError::Form { got: beginning(error.input.trim_start_matches(',')) })
        }
        Err(nom::Err::Incomplete(_)) => Err(TresError::Form { got: beginning(inside) }),
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{TresCounts, TresError, TresIds, TresName};

    #[test]
    fn both_forms_of_the_same_resources() {
        let text = "cpu=8,mem=8000M,node=1,billing=8,gres/gpu:a100=2";
        let tres = TresCounts::parse(text).unwrap();
        assert_eq!(tres.to_string(), text);
        assert_eq!(tres.plain_text(), "cpu=8,mem=8000,node=1,billing=8,gres/gpu:a100=2");
        assert_eq!(tres.count(&TresName::parse("gres/gpu:a100")), Some(2));
        let by_id = tres.by_id(|name| name.fixed_id().or(Some(1001)));
        assert_eq!(by_id.to_string(), "1=8,2=8000,4=1,5=8,1001=2");
        assert_eq!(TresIds::parse(",1=8,2=8000,4=1,5=8,1001=2"), Ok(by_id));
        assert_eq!(TresName::of_fixed_id(6), Some(TresName::parse("fs/disk")));
    }

    #[test]
    fn memory_is_written_in_the_largest_exact_unit() {
        let text = |text: &str| TresCounts::parse(text).unwrap().to_string();
        assert_eq!(text("mem=8192,cpu=2048"), "mem=8G,cpu=2048");
        assert_eq!(text("mem=2.5G".replace("2.5G", "2560").as_str()), "mem=2.50G");
        assert_eq!(text("mem=4G,bb/x=1024"), "mem=4G,bb/x=1G");
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(TresCounts::parse("cpu=1,mem"), Err(TresError::Form { got: "mem".into() }));
        assert_eq!(
            TresCounts::parse("cpu=x"),
            Err(TresError::Count { tres: "cpu".into(), got: "x".into() })
        );
        assert_eq!(TresIds::parse("0=1"), Err(TresError::Id { got: "0".into() }));
        assert_eq!(TresCounts::parse(""), Ok(TresCounts::default()));
    }

    proptest! {
        #[test]
        fn texts_come_back(counts in prop::collection::vec((0usize..5, 0u64..1 << 50), 0..5)) {
            const NAMES: [&str; 5] = ["cpu", "mem", "node", "gres/gpu:a100", "license/m"];
            let counts = counts.into_iter().map(|(i, n)| (TresName::parse(NAMES[i]), n));
            let counts = TresCounts(counts.collect());
            prop_assert_eq!(TresCounts::parse(&counts.plain_text()), Ok(counts.clone()));
            let ids = counts.by_id(TresName::fixed_id);
            prop_assert_eq!(TresIds::parse(&ids.to_string()), Ok(ids));
        }
    }
}
