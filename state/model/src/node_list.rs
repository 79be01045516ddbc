//! Lists of nodes as people write and read them: `n[1-3,5],gpu1`.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::id::NodeId;

/// Brackets that one name may have: more dimensions than any machine has.
const MAX_BRACKETS: usize = 8;

/// The names of some nodes, ranges folded, in Slurm's form: `n[1-3,5]`.
///
/// They stand in the order of the node table, as the cores of an allocation do: a credential counts
/// its cores along its host list, so the two must never differ. Nodes that are not there are left out.
pub fn node_list(cluster: &Cluster, nodes: &[NodeId]) -> Arc<str> {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    nodes.dedup();
    let names: Vec<Name<'_>> =
        nodes.iter().filter_map(|id| cluster.node(*id)).map(|node| Name::of(&node.name)).collect();
    let mut text = String::new();
    for group in names.chunk_by(|a, b| a.number.is_some() && a.prefix == b.prefix) {
        if !text.is_empty() {
            text.push(',');
        }
        push_group(&mut text, group);
    }
    text.into()
}

/// The nodes that a host expression names, ascending.
///
/// # Errors
///
/// The first name that no node has. So the work is bounded by the text and the number of nodes,
/// however wide a range in it is.
pub fn named_nodes(cluster: &Cluster, text: &str) -> Result<Vec<NodeId>, UnknownNode> {
    let mut found = Vec::new();
    for term in terms(text) {
        if term.matches('[').count() > MAX_BRACKETS {
            return Err(UnknownNode::new(term));
        }
        expand(cluster, "", term, &mut found)?;
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// A name that no node has, or that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no node is named {name}")]
pub struct UnknownNode {
    /// The name.
    pub name: Arc<str>,
}

impl UnknownNode {
    fn new(name: &str) -> Self {
        Self { name: name.into() }
    }
}

/// A name taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name<'a> {
    /// All but the digits at the end.
    prefix: &'a str,
    /// The number at the end, and how many digits it is written with.
    number: Option<(u64, usize)>,
}

impl<'a> Name<'a> {
    fn of(name: &'a str) -> Self {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        match name[stem.len()..].parse() {
            Ok(number) => Self { prefix: stem, number: Some((number, name.len() - stem.len())) },
            Err(_) => Self { prefix: name, number: None },
        }
    }

    /// Whether `other` is written as the next one: `n9` and `n10` are, `n09` and `n010` are not.
    fn is_before(&self, other: &Self) -> bool {
        let (Some((low, low_width)), Some((high, high_width))) = (self.number, other.number) else {
            return false;
        };
        let unpadded = |number: u64, width| number.to_string().len() == width;
        low.checked_add(1) == Some(high)
            && (low_width == high_width || unpadded(low, low_width) && unpadded(high, high_width))
    }
}

/// Names that differ in nothing but their number.
fn push_group(text: &mut String, group: &[Name<'_>]) {
    let first = group[0];
    text.push_str(first.prefix);
    if first.number.is_none() {
        return;
    }
    let digits = |name: &Name<'_>| {
        let (number, width) = name.number.expect("a group has numbers or is alone");
        format!("{number:0width$}")
    };
    if group.len() == 1 {
        text.push_str(&digits(&first));
        return;
    }
    let ranges: Vec<String> = group
        .chunk_by(Name::is_before)
        .map(|run| match run {
            [only] => digits(only),
            [low, .., high] => format!("{}-{}", digits(low), digits(high)),
            [] => unreachable!("a chunk has a member"),
        })
        .collect();
    text.push('[');
    text.push_str(&ranges.join(","));
    text.push(']');
}

/// The parts between commas that stand outside of brackets.
fn terms(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|term| !term.is_empty())
}

fn expand(
    cluster: &Cluster,
    head: &str,
    rest: &str,
    found: &mut Vec<NodeId>,
) -> Result<(), UnknownNode> {
    let Some((before, bracket)) = rest.split_once('[') else {
        let name = format!("{head}{rest}");
        let node = cluster.node_named(&name).ok_or_else(|| UnknownNode::new(&name))?;
        found.push(node.id);
        return Ok(());
    };
    let (inside, after) = bracket.split_once(']').ok_or_else(|| UnknownNode::new(rest))?;
    for range in inside.split(',').map(str::trim) {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let number = |digits: &str| -> Result<u64, UnknownNode> {
            let ok = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let number = digits.parse().ok().filter(|_| ok);
            number.ok_or_else(|| UnknownNode::new(rest))
        };
        let width = low.len();
        let values = number(low)?..=number(high)?;
        if values.is_empty() {
            return Err(UnknownNode::new(rest));
        }
        for value in values {
            expand(cluster, &format!("{head}{before}{value:0width$}"), after, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{named_nodes, node_list};
    use crate::change::Change;
    use crate::cluster::Cluster;
    use crate::id::NodeId;
    use crate::node::{Address, Hardware, Node};

    fn node(id: u32, name: &str) -> Node {
        Node::unknown(NodeId(id), name.into(), Address::named(name), Hardware::of(1, 1, 1, 1))
    }

    fn cluster_of(names: &[&str]) -> Cluster {
        let mut cluster = Cluster::default();
        for (id, name) in (0..).zip(names) {
            cluster.apply(&Change::Node(Arc::new(node(id, name))));
        }
        cluster
    }

    fn listed(names: &[&str]) -> String {
        let cluster = cluster_of(names);
        let ids: Vec<NodeId> = cluster.nodes().map(|node| node.id).collect();
        node_list(&cluster, &ids).to_string()
    }

    #[test]
    fn ranges_are_folded_and_written_as_slurm_writes_them() {
        assert_eq!(listed(&[]), "");
        assert_eq!(listed(&["n1"]), "n1");
        assert_eq!(listed(&["n1", "n2", "n3", "n5"]), "n[1-3,5]");
        assert_eq!(listed(&["n9", "n10", "n11"]), "n[9-11]");
        assert_eq!(listed(&["n08", "n09", "n10"]), "n[08-10]");
        assert_eq!(listed(&["n5", "login", "n4", "gpu1"]), "n5,login,n4,gpu1");
        assert_eq!(listed(&["n2", "n1"]), "n[2,1]");
        assert_eq!(listed(&["r1n1", "r1n2", "r2n1"]), "r1n[1-2],r2n1");
    }

    #[test]
    fn a_list_names_the_nodes_that_it_was_made_of() {
        let names = ["n1", "n2", "n3", "n10", "x01", "x02", "solo"];
        let cluster = cluster_of(&names);
        let all: Vec<NodeId> = cluster.nodes().map(|node| node.id).collect();
        assert_eq!(named_nodes(&cluster, &node_list(&cluster, &all)), Ok(all));
        assert_eq!(
            named_nodes(&cluster, "x[01-02],n1,n1"),
            Ok(vec![NodeId(0), NodeId(4), NodeId(5)])
        );
        assert_eq!(named_nodes(&cluster, ""), Ok(vec![]));
    }

    #[test]
    fn a_wide_range_ends_at_the_first_name_that_is_not_there() {
        let cluster = cluster_of(&["n0", "n1"]);
        let unknown = named_nodes(&cluster, "n[0-18446744073709551615]").unwrap_err();
        assert_eq!(&*unknown.name, "n2");
        for text in ["n[0", "n[]", "n[a-b]", "n[1-", "nope", "n[+1]", "n[0-9999999999][2-1]"] {
            assert!(named_nodes(&cluster, text).is_err(), "{text}");
        }
    }
}
