//! Trackable resources as text: `cpu=2,mem=100M,node=1,billing=2`.

use model::{Job, Tres};

use crate::view::View;

/// The text, zeros left out; nothing if there is nothing. Generic resources and licenses are
/// in it as far as AccountingStorageTRES names them.
pub(super) fn text(tres: &Tres, view: &View, billing: f64) -> Option<String> {
    let mut terms = Vec::new();
    let mut add = |name: &str, count: String| terms.push(format!("{name}={count}"));
    if tres.cpus > 0 {
        add("cpu", tres.cpus.to_string());
    }
    if tres.memory_mib > 0 {
        add("mem", memory(tres.memory_mib));
    }
    if tres.nodes > 0 {
        add("node", tres.nodes.to_string());
    }
    let billing = billing.trunc();
    if billing > 0.0 {
        add("billing", format!("{billing:.0}"));
    }
    let tracked = view.conf.keys.accounting_storage_tres.as_deref().unwrap_or_default();
    for name in tracked.split(',').map(str::trim) {
        match tres.tracked(name) {
            0 => {}
            count => add(name, count.to_string()),
        }
    }
    (!terms.is_empty()).then(|| terms.join(","))
}

/// What is billed for it by a partition's or node's weights; by CPUs without any.
pub(super) fn billing(tres: &Tres, view: &View, weights: Option<&str>) -> f64 {
    tres.billing(view.cluster.config().priority.billing, weights)
}

/// What a job asks for, in words.
pub(crate) fn asked_text(view: &View, job: &Job) -> Option<String> {
    let partition = view.cluster.partition(&job.partition);
    let weights = partition.and_then(|partition| partition.billing_weights.as_deref());
    let asked = Tres::asked_for(&view.cluster, job);
    text(&asked, view, billing(&asked, view, weights))
}

/// MiB with the largest unit in which it is whole: `8000M`, `2G`.
pub(super) fn memory(mib: u64) -> String {
    let (mut count, mut units) = (mib, "MGTPE".chars());
    let mut unit = 'M';
    while let Some(next) = units.next() {
        unit = next;
        if count == 0 || count % 1024 != 0 || units.as_str().is_empty() {
            break;
        }
        count /= 1024;
    }
    format!("{count}{unit}")
}

#[cfg(test)]
mod tests {
    use super::{Tres, billing, memory, text};
    use crate::rpc::fixtures;

    #[test]
    fn memory_is_written_in_the_largest_whole_unit() {
        assert_eq!(memory(8000), "8000M");
        assert_eq!(memory(2048), "2G");
        assert_eq!(memory(1536), "1536M");
        assert_eq!(memory(3 << 20), "3T");
    }

    #[test]
    fn billing_goes_by_cpus_or_by_weights() {
        let view = fixtures::golden();
        let tres = Tres { cpus: 4, memory_mib: 2048, nodes: 1, ..Tres::default() };
        assert!((billing(&tres, &view, None) - 4.0).abs() < 1e-9);
        assert!((billing(&tres, &view, Some("CPU=2,Mem=0.5G,Node=1")) - 10.0).abs() < 1e-9);
        assert_eq!(text(&tres, &view, 10.7).as_deref(), Some("cpu=4,mem=2G,node=1,billing=10"));
        assert_eq!(text(&Tres::default(), &view, 0.0), None);
    }
}
