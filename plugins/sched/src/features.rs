//! `--constraint`: which features a node must have.

use std::sync::Arc;

/// Features joined by and (`&`) and or (`|`), as `sbatch --constraint` takes them.
///
/// Operators have no precedence: they are taken from left to right, parentheses aside, as in stock.
/// `[a|b]` means that all nodes have `a` or all have `b`, so it makes several expressions; what stands
/// outside the brackets is part of each. With counts, `a*2` or `[a*2&(b|c)*1]`, so many nodes have
/// these, each node for one of them, and the other nodes have what they like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    alternatives: Vec<Expression>,
    counted: Vec<Counted>,
}

/// What so many nodes must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// How many nodes.
    pub nodes: u32,
    expression: Expression,
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

/// An expression that is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadFeatures;

/// Parentheses within parentheses that are followed: stock takes one.
const DEPTH_MAX: u32 = 8;

impl Features {
    pub fn parse(text: &str) -> Result<Self, BadFeatures> {
        let text = text.trim();
        if text.contains('*') {
            return Self::parse_counted(text);
        }
        let Some((before, rest)) = text.split_once('[') else {
            return Ok(Self::of(vec![Expression::parse(text)?]));
        };
        let (inside, after) = rest.split_once(']').ok_or(BadFeatures)?;
        let whole = |one: &str| Expression::parse(&format!("{before}({one}){after}"));
        Ok(Self::of(inside.split('|').map(whole).collect::<Result<_, _>>()?))
    }

    fn of(alternatives: Vec<Expression>) -> Self {
        Self { alternatives, counted: Vec::new() }
    }

    /// One count stands by itself; several are in brackets.
    fn parse_counted(text: &str) -> Result<Self, BadFeatures> {
        let mut rest = match text.strip_prefix('[') {
            Some(inside) => inside.strip_suffix(']').ok_or(BadFeatures)?,
            None => text,
        };
        let mut counted = Vec::new();
        loop {
            let expression = Expression { first: Term::read(&mut rest, 0)?, rest: Vec::new() };
            rest = rest.strip_prefix('*').ok_or(BadFeatures)?;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let nodes = rest[..end].parse().ok().filter(|nodes| *nodes > 0).ok_or(BadFeatures)?;
            counted.push(Counted { nodes, expression });
            match (rest[end..].strip_prefix('&'), text.starts_with('[')) {
                (Some(more), true) => rest = more,
                _ if end == rest.len() => return Ok(Self { alternatives: Vec::new(), counted }),
                _ => return Err(BadFeatures),
            }
        }
    }

    /// How many expressions there are, of which all nodes of a job must satisfy the same.
    pub fn alternatives(&self) -> usize {
        self.alternatives.len().max(1)
    }

    /// What only so many nodes of a job must have.
    pub fn counted(&self) -> &[Counted] {
        &self.counted
    }

    /// All features that are named.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let counted = self.counted.iter().map(|counted| &counted.expression);
        self.alternatives.iter().chain(counted).for_each(|one| one.collect_names(&mut names));
        names
    }

    /// Whether a node with these features satisfies one of the expressions.
    pub fn accepts(&self, alternative: usize, features: &[Arc<str>]) -> bool {
        self.alternatives.get(alternative).is_none_or(|one| one.accepts(features))
    }
}

impl Counted {
    /// Whether a node with these features is one of those.
    pub fn accepts(&self, features: &[Arc<str>]) -> bool {
        self.expression.accepts(features)
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
            if text.is_empty() && depth == 0 {
                // Stock does not mind an operator at the end.
                return Ok(expression);
            }
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
        if name.trim().is_empty() || rest.starts_with(['[', ']', '(']) {
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
    fn an_operator_at_the_end_means_nothing() {
        assert!(accepts("a|", &["a"]));
        assert!(!accepts("a&", &["b"]));
        assert_eq!(Features::parse("(a|)"), Err(BadFeatures));
    }

    #[test]
    fn brackets_are_within_what_stands_around_them() {
        assert!(accepts("a&[b|c]", &["a", "c"]));
        assert!(!accepts("a&[b|c]", &["c"]));
        assert_eq!(Features::parse("a&[b|c]").unwrap().alternatives(), 2);
    }

    #[test]
    fn counts_are_of_nodes_and_leave_the_others_alone() {
        let counts = |text: &str| -> Vec<u32> {
            Features::parse(text).unwrap().counted().iter().map(|one| one.nodes).collect()
        };
        assert_eq!(counts("a*2"), [2]);
        assert_eq!(counts("[(a&b)*2&c*1]"), [2, 1]);
        assert!(accepts("a*2", &[]));
        let both = Features::parse("[(a|b)*1]").unwrap();
        assert!(both.counted()[0].accepts(&["b".into()]) && !both.counted()[0].accepts(&[]));
        assert_eq!(both.names(), ["a", "b"]);
    }

    #[test]
    fn malformed_expressions_are_refused() {
        for text in [
            "a*0",
            "a*",
            "a*2&b*1",
            "[a*2&b]",
            "a*2x",
            "(a*2)",
            "[a*2",
            "&a",
            "",
            "(a",
            "a)",
            "[a",
            "a[b]",
            "[a]b",
            "a(b)",
            "((((((((((a",
        ] {
            assert_eq!(Features::parse(text), Err(BadFeatures), "{text}");
        }
    }
}
