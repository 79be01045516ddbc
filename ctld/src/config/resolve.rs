//! Names that lines use of each other: nodes in partitions, sets and DownNodes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    host_names,
    node::NodeLine,
    nodeset::{DownNodesLine, NodeSetLine},
    partition::PartitionLine,
    problem::{Cause, Problems},
};

/// Checks that no node is there twice, no set is called like a node, and DownNodes exist.
pub(super) fn check_nodes(
    nodes: &[NodeLine],
    sets: &[NodeSetLine],
    down: &[DownNodesLine],
    problems: &mut Problems,
) {
    let mut known = BTreeSet::new();
    for line in nodes {
        for node in &line.nodes {
            if !known.insert(node.name.as_str()) {
                let node = node.name.clone();
                problems.error(Some(&line.place), Cause::DuplicateNode { node });
            }
        }
    }
    for set in sets.iter().filter(|set| known.contains(set.name.as_str())) {
        let name = set.name.clone();
        problems.error(Some(&set.place), Cause::NodeSetIsNode { name });
    }
    for line in down {
        for node in line.nodes.iter().filter(|node| !known.contains(node.as_str())) {
            let node = node.clone();
            problems.warn(Some(&line.place), Cause::UnknownDownNode { node });
        }
    }
}

/// Fills in each partition's nodes, in the order of the node lines.
pub(super) fn partition_nodes(
    partitions: &mut [PartitionLine],
    nodes: &[NodeLine],
    sets: &[NodeSetLine],
    problems: &mut Problems,
) {
    let all: Vec<&str> =
        nodes.iter().flat_map(|line| line.nodes.iter().map(|n| n.name.as_str())).collect();
    let order: BTreeMap<&str, usize> = all.iter().enumerate().map(|(i, &name)| (name, i)).collect();
    let mut default: Option<String> = None;
    for partition in partitions.iter_mut() {
        if partition.is_default
            && let Some(from) = default.replace(partition.name.clone())
        {
            let to = partition.name.clone();
            problems.warn(Some(&partition.place), Cause::SecondDefault { from, to });
        }
        let Some(text) = &partition.nodes_text else { continue };
        let names = match expand(text, &all, nodes, sets) {
            Ok(names) => names,
            Err(cause) => {
                problems.error(Some(&partition.place), cause);
                continue;
            }
        };
        let unknown: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !order.contains_key(name)).collect();
        if unknown.is_empty() {
            let places: BTreeSet<usize> =
                names.iter().filter_map(|name| order.get(name.as_str()).copied()).collect();
            partition.nodes = places.into_iter().map(|i| all[i].to_owned()).collect();
        } else {
            let cause = Cause::UnknownPartitionNodes {
                partition: partition.name.clone(),
                nodes: unknown.join(","),
            };
            problems.error(Some(&partition.place), cause);
        }
    }
}

/// Node names of an expression whose words may be `ALL` or the names of sets.
fn expand(
    text: &str,
    all: &[&str],
    nodes: &[NodeLine],
    sets: &[NodeSetLine],
) -> Result<Vec<String>, Cause> {
    let bad = |why| Cause::Hosts { key: "Nodes", value: text.to_owned(), why };
    let mut names = Vec::new();
    for name in host_names(text).map_err(bad)? {
        if name.eq_ignore_ascii_case("ALL") {
            names.extend(all.iter().map(|&name| name.to_owned()));
            continue;
        }
        let mut is_set = false;
        for set in sets.iter().filter(|set| set.name == name) {
            is_set = true;
            names.extend(set.nodes.iter().cloned());
            let Some(feature) = &set.feature else { continue };
            let with = nodes.iter().filter(|line| line.features.contains(feature));
            names.extend(with.flat_map(|line| line.nodes.iter().map(|n| n.name.clone())));
        }
        if !is_set {
            names.push(name);
        }
    }
    Ok(names)
}
