//! `--constraint`: which features a node must have.

use std::sync::Arc;

/// Features joined by and (`&`) and or (`|`), as `sbatch --constraint` takes them.
///
/// Operators have no precedence: they are taken from left to right, parentheses aside, as in stock.
/// `[a|b]` means that all nodes have `a` or all have `b`, so it makes several expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    alternatives: Vec<Expression>,
}

/// An expression that is asked of a node by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expression {
    first: Term,
    rest: Vec<(Operator, Term)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Feature(Box<str>),
    Nested(Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    And,
    Or,
}

/// An expression that is malformed, or that counts nodes (`a*2`), which is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadFeatures;

/// Parentheses within parentheses that are followed: stock takes one.
const DEPTH_MAX: u32 = 8;

impl Features {
    pub fn parse(text: &str) -> Result<Self, BadFeatures> {
        let text = text.trim();
        let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Ok(Self { alternatives: vec![Expression::parse(text)?] });
        };
        let alternatives: Result<_, _> = inside.split('|').map(Expression::parse).collect();
        Ok(Self { alternatives: alternatives? })
    }

    /// How many expressions there are, of which all nodes of a job must satisfy the same.
    pub fn alternatives(&self) -> usize {
        self.alternatives.len()
    }

    /// All features that are named.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.alternatives.iter().for_each(|one| one.collect_names(&mut names));
        names
    }

    /// Whether a node with these features satisfies one of the expressions.
    pub fn accepts(&self, alternative: usize, features: &[Arc<str>]) -> bool {
        self.alternatives[alternative].accepts(features)
    }
}

impl Expression {
    fn parse(text: &str) -> Result<Self, BadFeatures> {
        let mut rest = text;
        let expression = Self::read(&mut rest, 0)?;
        if rest.is_empty() { Ok(expression) } else { Err(BadFeatures) }
    }

    fn read(text: &mut &str, depth: u32) -> Result<Self, BadFeatures> {
        let mut expression = Self { first: Term::read(text, depth)?, rest: Vec::new() };
        loop {
            let operator = match text.bytes().next() {
                Some(b'&' | b',') => Operator::And,
                Some(b'|') => Operator::Or,
                _ => return Ok(expression),
            };
            *text = &text[1..];
            expression.rest.push((operator, Term::read(text, depth)?));
        }
    }

    fn collect_names<'n>(&'n self, names: &mut Vec<&'n str>) {
        for term in std::iter::once(&self.first).chain(self.rest.iter().map(|(_, term)| term)) {
            match term {
                Term::Feature(name) => names.push(name),
                Term::Nested(nested) => nested.collect_names(names),
            }
        }
    }

    fn accepts(&self, features: &[Arc<str>]) -> bool {
        self.rest.iter().fold(self.first.accepts(features), |so_far, (operator, term)| {
            match operator {
                Operator::And => so_far && term.accepts(features),
                Operator::Or => so_far || term.accepts(features),
            }
        })
    }
}

impl Term {
    fn read(text: &mut &str, depth: u32) -> Result<Self, BadFeatures> {
        if let Some(inside) = text.strip_prefix('(') {
            if depth == DEPTH_MAX {
                return Err(BadFeatures);
            }
            *text = inside;
            let nested = Expression::read(text, depth + 1)?;
            *text = text.strip_prefix(')').ok_or(BadFeatures)?;
            return Ok(Self::Nested(Box::new(nested)));
        }
        let end = text.find(['&', '|', ',', '(', ')', '[', ']', '*']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.trim().is_empty() || rest.starts_with(['*', '[', ']', '(']) {
            return Err(BadFeatures);
        }
        *text = rest;
        Ok(Self::Feature(name.trim().into()))
    }

    fn accepts(&self, features: &[Arc<str>]) -> bool {
        match self {
            Self::Feature(name) => features.iter().any(|feature| **feature == **name),
            Self::Nested(expression) => expression.accepts(features),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BadFeatures, Features};

    fn accepts(text: &str, features: &[&str]) -> bool {
        let features: Vec<_> = features.iter().map(|f| (*f).into()).collect();
        let parsed = Features::parse(text).unwrap();
        (0..parsed.alternatives()).any(|one| parsed.accepts(one, &features))
    }

    #[test]
    fn operators_are_taken_from_left_to_right() {
        assert!(accepts("a|b&c", &["a", "c"]));
        assert!(!accepts("a|b&c", &["a"]));
        assert!(accepts("a|(b&c)", &["a"]));
        assert!(accepts("(a|b)&c", &["b", "c"]));
        assert!(!accepts("a&b", &["a"]));
        assert!(accepts("[a|b]", &["b"]));
    }

    #[test]
    fn counts_and_malformed_expressions_are_refused() {
        for text in ["a*2", "a&", "&a", "", "(a", "a)", "[a", "a[b]", "a(b)", "((((((((((a"] {
            assert_eq!(Features::parse(text), Err(BadFeatures), "{text}");
        }
    }
}
