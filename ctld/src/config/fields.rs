//! The keys of one line (`NodeName=… CPUs=… State=…`) and of the DEFAULT line before it.

use std::collections::BTreeMap;

use super::{
    line,
    problem::{Cause, Place, Problems},
    value::{Kind, Setting},
};

/// A key of a line, and the kind of its value.
pub(super) type Column = (&'static str, Kind);

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Number(u64),
    Flag(bool),
}

/// The values of one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(BTreeMap<&'static str, Value>);

impl Fields {
    /// Reads the pairs of `rest`. The first thing that is wrong ends the line, as in Slurm; what
    /// stood before it counts.
    pub fn parse(
        columns: &'static [Column],
        rest: &str,
        place: &Place,
        problems: &mut Problems,
    ) -> Self {
        let mut fields = Fields::default();
        let mut text = rest;
        while let Some(pair) = line::pair(text) {
            let Some(&(key, kind)) = columns.iter().find(|(k, _)| k.eq_ignore_ascii_case(pair.key))
            else {
                problems.error(Some(place), Cause::UnknownKey { key: pair.key.to_owned() });
                return fields;
            };
            match read(key, kind, pair.value) {
                Ok(value) => {
                    if fields.0.insert(key, value).is_some() {
                        problems.warn(Some(place), Cause::Repeated { key });
                    }
                }
                Err(cause) => {
                    problems.error(Some(place), cause);
                    return fields;
                }
            }
            text = pair.rest;
        }
        check_empty(text, place, problems);
        fields
    }

    /// Takes over what an earlier DEFAULT line said and this one does not.
    pub fn merge_under(&mut self, earlier: Fields) {
        for (key, value) in earlier.0 {
            self.0.entry(key).or_insert(value);
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key)? {
            Value::Text(text) => Some(text),
            Value::Number(_) | Value::Flag(_) => None,
        }
    }

    pub fn number(&self, key: &str) -> Option<u64> {
        match self.0.get(key)? {
            Value::Number(n) => Some(*n),
            Value::Text(_) | Value::Flag(_) => None,
        }
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.0.get(key)? {
            Value::Flag(on) => Some(*on),
            Value::Text(_) | Value::Number(_) => None,
        }
    }
}

/// A line over the DEFAULT lines before it.
pub(super) struct Layers<'a> {
    pub own: &'a Fields,
    pub default: &'a Fields,
}

impl Layers<'_> {
    pub fn text(&self, key: &str) -> Option<&str> {
        self.own.text(key).or_else(|| self.default.text(key))
    }

    pub fn string(&self, key: &str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    pub fn u16(&self, key: &str) -> Option<u16> {
        self.u64(key).and_then(|n| u16::try_from(n).ok())
    }

    pub fn u32(&self, key: &str) -> Option<u32> {
        self.u64(key).and_then(|n| u32::try_from(n).ok())
    }

    pub fn u64(&self, key: &str) -> Option<u64> {
        self.own.number(key).or_else(|| self.default.number(key))
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        self.own.flag(key).or_else(|| self.default.flag(key))
    }
}

/// Complains about text after the last pair.
pub(super) fn check_empty(text: &str, place: &Place, problems: &mut Problems) {
    if !text.trim_matches(line::is_blank).is_empty() {
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        problems.error(Some(place), Cause::Leftover { text });
    }
}

fn read(key: &'static str, kind: Kind, text: &str) -> Result<Value, Cause> {
    fn parsed<T: Setting + Default>(key: &'static str, text: &str) -> Result<T, Cause> {
        let mut value = T::default();
        value.read(key, text)?;
        Ok(value)
    }
    Ok(match kind {
        Kind::Text | Kind::Texts => Value::Text(text.to_owned()),
        Kind::U16 => Value::Number(parsed::<u16>(key, text)?.into()),
        Kind::U32 => Value::Number(parsed::<u32>(key, text)?.into()),
        Kind::U64 => Value::Number(parsed::<u64>(key, text)?),
        Kind::Flag => Value::Flag(parsed(key, text)?),
    })
}
