//! NodeName lines become nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Address, Availability, GresCount, Hardware, Node, NodeFlags, NodeId, NodeReason, Origin,
    Timestamp, Uid,
};

use crate::config::{CpuBind, DownNodesLine, NodeLine, NodeNames, NodeState, SlurmConf};

/// The nodes of the file, with what DownNodes lines say of them.
pub(super) fn nodes(conf: &SlurmConf, by: Uid, now: Timestamp) -> Vec<Node> {
    let mut down: BTreeMap<&str, &DownNodesLine> = BTreeMap::new();
    for line in &conf.down_nodes {
        down.extend(line.nodes.iter().map(|name| (name.as_str(), line)));
    }
    let lines =
        conf.nodes.iter().flat_map(|line| line.nodes.iter().map(move |names| (line, names)));
    lines
        .map(|(line, names)| {
            let mut node = node(line, names, conf.slurmd_port);
            if let Some(down) = down.get(names.name.as_str()) {
                (node.availability, node.flags) = node_flags(down.state);
                node.reason = Some(NodeReason { text: down.reason.as_str().into(), by, at: now });
            }
            node
        })
        .collect()
}

/// A node of a line, in the state that the line gives it. Who gave it its reason, and since when
/// it holds, a line does not say: such a reason has no time.
pub fn node(line: &NodeLine, names: &NodeNames, port: u16) -> Node {
    let text = |text: &Option<String>| text.as_deref().map(Arc::from);
    let features: Arc<[Arc<str>]> = line.features.iter().map(|f| f.as_str().into()).collect();
    let (availability, flags) = node_flags(line.state);
    let reason = line.reason.as_deref();
    Node {
        id: NodeId(0),
        name: names.name.as_str().into(),
        address: Address {
            host: names.address.as_str().into(),
            host_name: names.hostname.as_str().into(),
            port: names.port.unwrap_or(port),
            seen: None,
        },
        hardware: Hardware {
            boards: line.boards,
            sockets: line.sockets,
            cores_per_socket: line.cores_per_socket,
            threads_per_core: line.threads_per_core,
            cpus: line.cpus,
            memory_mib: line.real_memory,
            tmp_disk_mib: line.tmp_disk,
            spec_cores: line.core_spec_count,
            spec_cpu_list: text(&line.cpu_spec_list),
            spec_memory_mib: line.mem_spec_limit,
            gres: gres_counts(line.gres.as_deref().unwrap_or_default()),
            gres_text: text(&line.gres),
            cpu_bind: line.cpu_bind.map_or(0, CpuBind::wire),
        },
        availability,
        flags,
        reason: reason.map(|text| NodeReason {
            text: text.into(),
            by: Uid::ROOT,
            at: Timestamp(0),
        }),
        registration: None,
        last_response: None,
        last_busy: None,
        cpu_load: None,
        free_memory_mib: None,
        features_available: Arc::clone(&features),
        features_active: features,
        weight: line.weight,
        comment: None,
        extra: None,
        instance_id: None,
        instance_type: None,
        origin: Origin::Configured,
        resume_after: None,
        power: None,
    }
}

/// What a configured state means. States of use follow from jobs, so a node said to be in use
/// counts as unknown until it registers.
pub fn node_flags(state: NodeState) -> (Availability, NodeFlags) {
    let none = NodeFlags::default();
    match state {
        NodeState::Unknown
        | NodeState::Idle
        | NodeState::Allocated
        | NodeState::Mixed
        | NodeState::External => (Availability::Unknown, none),
        NodeState::Down | NodeState::Error => (Availability::Down, none),
        NodeState::Future => (Availability::Future, none),
        NodeState::Cloud => {
            (Availability::Up, NodeFlags { cloud: true, powered_down: true, ..none })
        }
        NodeState::Drain => (Availability::Unknown, NodeFlags { drain: true, ..none }),
        NodeState::Fail => (Availability::Unknown, NodeFlags { fail: true, ..none }),
    }
}

/// `Gres=` counted: `gpu:a100:2,lustre:no_consume:4G`. Sockets in parentheses and the word
/// `no_consume` do not alter the count; a name alone is one.
pub fn gres_counts(text: &str) -> Arc<[GresCount]> {
    let mut counts: Vec<GresCount> = Vec::new();
    for word in words(text) {
        let Some(count) = gres_count(&word) else { continue };
        match counts.iter_mut().find(|c| c.name == count.name && c.kind == count.kind) {
            Some(known) => known.count = known.count.saturating_add(count.count),
            None => counts.push(count),
        }
    }
    counts.into()
}

/// Words between commas, without what stands in parentheses, where commas are no separators.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut depth) = (vec![String::new()], 0u32);
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => words.push(String::new()),
            _ if depth == 0 => words.last_mut().expect("there is always a last word").push(c),
            _ => {}
        }
    }
    words
}

fn gres_count(word: &str) -> Option<GresCount> {
    let mut parts: Vec<&str> =
        word.trim().split(':').filter(|part| *part != "no_consume").collect();
    let name = parts.first().copied().filter(|name| !name.is_empty() && *name != "(null)")?;
    let last = parts.last().copied().filter(|_| parts.len() > 1);
    let count = last.and_then(amount);
    if count.is_some() {
        parts.pop();
    }
    let kind = parts.get(1).map(|kind| Arc::from(*kind));
    Some(GresCount { name: name.into(), kind, count: count.unwrap_or(1) })
}

/// A number with one of Slurm's suffixes, powers of 1024.
fn amount(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let power = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    number.checked_mul(1024u64.checked_pow(power)?)
}

#[cfg(test)]
mod tests {
    use super::gres_counts;

    fn counted(text: &str) -> Vec<(String, Option<String>, u64)> {
        let owned = |t: &std::sync::Arc<str>| t.to_string();
        let counts = gres_counts(text);
        counts.iter().map(|c| (owned(&c.name), c.kind.as_ref().map(owned), c.count)).collect()
    }

    #[test]
    fn gres_are_counted_by_name_and_type() {
        let gpu = |kind: &str, n| ("gpu".to_owned(), Some(kind.to_owned()), n);
        assert_eq!(counted("gpu:a100:2(S:0,1),gpu:v100:1"), [gpu("a100", 2), gpu("v100", 1)]);
        assert_eq!(counted("gpu"), [("gpu".to_owned(), None, 1)]);
        assert_eq!(counted("gpu:a100"), [gpu("a100", 1)]);
        assert_eq!(counted("bw:no_consume:4K"), [("bw".to_owned(), None, 4096)]);
        assert_eq!(counted("gpu:2,gpu:3"), [("gpu".to_owned(), None, 5)]);
        assert!(counted("").is_empty() && counted("(null)").is_empty());
    }
}
