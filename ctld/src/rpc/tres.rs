//! Trackable resources as text: `cpu=2,mem=100M,node=1,billing=2`.

use std::sync::Arc;

use model::{GresCount, GresHeld, GresWish, Hardware, Job, MemoryRequest, Partition};

use crate::view::View;

/// Bits of PriorityFlags that change how billing is computed.
const MAX_TRES: u16 = 0x2;
const MAX_TRES_GRES: u16 = 0x800;

/// How much of each resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tres {
    /// CPUs.
    pub cpus: u64,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Nodes; 0 is left out, as all zeros are.
    pub nodes: u64,
    /// Generic resources, by name and type.
    pub gres: Vec<GresCount>,
    /// Licenses.
    pub licenses: Vec<(Arc<str>, u32)>,
}

impl Tres {
    /// What a node has. A node does not count itself.
    pub(super) fn of_hardware(hardware: &Hardware) -> Self {
        Self {
            cpus: hardware.effective_cpus().into(),
            memory_mib: hardware.memory_mib,
            gres: hardware.gres.to_vec(),
            ..Self::default()
        }
    }

    /// What a partition's nodes have together.
    pub(super) fn of_partition(view: &View, partition: &Partition) -> Self {
        let mut all = Self::default();
        for node in partition.nodes.iter().filter_map(|id| view.cluster.node(*id)) {
            all.nodes += 1;
            all.add(Self::of_hardware(&node.hardware));
        }
        all
    }

    /// What a job asks for.
    pub(super) fn asked_for(view: &View, job: &Job) -> Self {
        let spec = &job.spec;
        let (nodes, cpus) = (u64::from(spec.min_nodes), u64::from(spec.min_cpus));
        let sockets = u64::from(spec.sockets_per_node.unwrap_or(1).max(1));
        let tasks = u64::from(spec.tasks.unwrap_or(1).max(1));
        let of_gres = |wish: &GresWish| {
            wish.total(nodes, sockets, tasks).saturating_mul(wish.memory_each_mib)
        };
        let of_gres: u64 = spec.gres.iter().map(of_gres).sum();
        let memory_mib = match spec.memory {
            Some(MemoryRequest::PerCpu(mib)) if mib > 0 => mib * cpus,
            Some(MemoryRequest::PerNode(mib)) if mib > 0 => mib * nodes,
            None if of_gres > 0 => of_gres,
            _ => whole_node_mib(view, &job.partition) * nodes,
        };
        let gres = spec.gres.iter().map(|wish| GresCount {
            name: Arc::clone(&wish.name),
            kind: wish.kind.clone(),
            count: wish.total(nodes, sockets, tasks),
        });
        let licenses = spec.licenses.clone();
        Self { cpus, memory_mib, nodes, gres: gres.collect(), licenses }
    }

    /// What a job was given, if it was given anything.
    pub(super) fn given(job: &Job) -> Option<Self> {
        let allocation = job.allocation.as_ref().filter(|_| !job.is_pending())?;
        let mut all = Self {
            cpus: allocation.cpus().into(),
            memory_mib: allocation.memory_mib(),
            nodes: allocation.shares.len() as u64,
            licenses: allocation.licenses.clone(),
            ..Self::default()
        };
        for share in &allocation.shares {
            all.add_gres(share.gres.iter().map(GresHeld::count));
        }
        Some(all)
    }

    fn add(&mut self, other: Self) {
        self.cpus += other.cpus;
        self.memory_mib += other.memory_mib;
        self.add_gres(other.gres.iter().cloned());
    }

    pub(super) fn add_gres(&mut self, more: impl IntoIterator<Item = GresCount>) {
        for gres in more {
            let same = |known: &&mut GresCount| known.name == gres.name && known.kind == gres.kind;
            match self.gres.iter_mut().find(same) {
                Some(known) => known.count += gres.count,
                None => self.gres.push(gres),
            }
        }
    }

    /// What is billed for it by a partition's or node's weights; by CPUs without any.
    pub(super) fn billing(&self, view: &View, weights: Option<&str>) -> f64 {
        let Some(weights) = weights else {
            return amount(self.cpus);
        };
        let flags = view.conf.settings.shown.priority_flags;
        let takes_largest = flags & (MAX_TRES | MAX_TRES_GRES) != 0;
        let (mut largest, mut sum, mut gres_sum) = (0.0_f64, 0.0, 0.0);
        for (name, weight) in weights.split(',').filter_map(|term| term.split_once('=')) {
            let name = name.trim().to_ascii_lowercase();
            let value = self.count(&name) * weight_of(&name, weight.trim());
            let is_gres = name.starts_with("gres/");
            if flags & MAX_TRES_GRES != 0 && is_gres {
                gres_sum += value;
            } else if takes_largest && (is_gres || ["cpu", "mem", "node"].contains(&&*name)) {
                largest = largest.max(value);
            } else {
                sum += value;
            }
        }
        largest + gres_sum + sum
    }

    fn count(&self, name: &str) -> f64 {
        match name {
            "cpu" => amount(self.cpus),
            "mem" => amount(self.memory_mib),
            "node" => amount(self.nodes),
            _ => amount(self.tracked(name)),
        }
    }

    /// The count of a `gres/name`, `gres/name:type` or `license/name`.
    fn tracked(&self, name: &str) -> u64 {
        if let Some(gres) = name.strip_prefix("gres/") {
            let (gres, kind) = gres.split_once(':').map_or((gres, None), |(g, k)| (g, Some(k)));
            let is_it = |count: &&GresCount| {
                count.name.eq_ignore_ascii_case(gres)
                    && kind.is_none_or(|kind| count.kind.as_deref() == Some(kind))
            };
            return self.gres.iter().filter(is_it).map(|count| count.count).sum();
        }
        let Some(license) = name.strip_prefix("license/") else {
            return 0;
        };
        let counts = self.licenses.iter().filter(|(name, _)| name.eq_ignore_ascii_case(license));
        counts.map(|(_, count)| u64::from(*count)).sum()
    }

    /// The text, zeros left out; nothing if there is nothing. Generic resources and licenses are
    /// in it as far as AccountingStorageTRES names them.
    pub(super) fn text(&self, view: &View, billing: f64) -> Option<String> {
        let mut terms = Vec::new();
        let mut add = |name: &str, count: String| terms.push(format!("{name}={count}"));
        if self.cpus > 0 {
            add("cpu", self.cpus.to_string());
        }
        if self.memory_mib > 0 {
            add("mem", memory(self.memory_mib));
        }
        if self.nodes > 0 {
            add("node", self.nodes.to_string());
        }
        let billing = billing.trunc();
        if billing > 0.0 {
            add("billing", format!("{billing:.0}"));
        }
        let tracked = view.conf.keys.accounting_storage_tres.as_deref().unwrap_or_default();
        for name in tracked.split(',').map(str::trim) {
            match self.tracked(name) {
                0 => {}
                count => add(name, count.to_string()),
            }
        }
        (!terms.is_empty()).then(|| terms.join(","))
    }
}

/// Memory of the first node of a partition, MiB: what a job that asks for all of a node is reckoned
/// with before it has one.
fn whole_node_mib(view: &View, partition: &str) -> u64 {
    let partition = view.cluster.partition(partition);
    let first = partition.and_then(|partition| partition.nodes.first());
    let node = first.and_then(|id| view.cluster.node(*id));
    node.map_or(0, |node| node.hardware.job_memory_mib())
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

/// Whether a text names weights of resources that there are: `cpu=1.5,mem=0.25G,gres/gpu=2`.
pub(super) fn are_weights(view: &View, text: &str) -> bool {
    let tracked = view.conf.keys.accounting_storage_tres.as_deref().unwrap_or_default();
    let mut known = ALWAYS_TRACKED.iter().copied().chain(tracked.split(',').map(str::trim));
    text.split(',').filter(|term| !term.is_empty()).all(|term| {
        let Some((name, weight)) = term.split_once('=') else { return false };
        let unit = weight.trim_start_matches(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let is_unit = unit.chars().next().is_none_or(|unit| "KMGTPkmgtp".contains(unit));
        !weight.is_empty() && is_unit && known.any(|one| one.eq_ignore_ascii_case(name.trim()))
    })
}

/// What is counted without AccountingStorageTRES naming it, slurm.conf(5).
const ALWAYS_TRACKED: [&str; 8] =
    ["cpu", "mem", "energy", "node", "billing", "fs/disk", "vmem", "pages"];

/// A weight is for one unit; of memory the unit is a MiB unless a suffix says more.
fn weight_of(name: &str, text: &str) -> f64 {
    let (number, power) = match text.char_indices().last() {
        Some((end, 'K' | 'k')) => (&text[..end], 1),
        Some((end, 'M' | 'm')) => (&text[..end], 2),
        Some((end, 'G' | 'g')) => (&text[..end], 3),
        Some((end, 'T' | 't')) => (&text[..end], 4),
        Some((end, 'P' | 'p')) => (&text[..end], 5),
        _ => (text, if name == "mem" { 2 } else { 0 }),
    };
    let base = if name == "mem" { 2 } else { 0 };
    number.parse().unwrap_or(0.0) / 1024_f64.powi(power - base)
}

#[expect(clippy::cast_precision_loss, reason = "billing is a double in Slurm too")]
fn amount(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::{Tres, are_weights, memory, weight_of};
    use crate::rpc::fixtures;

    #[test]
    fn memory_is_written_in_the_largest_whole_unit() {
        assert_eq!(memory(8000), "8000M");
        assert_eq!(memory(2048), "2G");
        assert_eq!(memory(1536), "1536M");
        assert_eq!(memory(3 << 20), "3T");
    }

    #[test]
    fn weights_have_units() {
        assert!((weight_of("mem", "0.25G") - 0.25 / 1024.0).abs() < 1e-12);
        assert!((weight_of("cpu", "1.5") - 1.5).abs() < 1e-12);
    }

    #[test]
    fn weights_are_numbers_of_resources_that_there_are() {
        let view = fixtures::golden();
        for good in ["", "cpu=1", "CPU=1.5,Mem=0.25G", "node=2,", "billing=1"] {
            assert!(are_weights(&view, good), "{good}");
        }
        for bad in ["cpu=abc", "cpu", "cpu=", "gres/none=1", "nonsense=1"] {
            assert!(!are_weights(&view, bad), "{bad}");
        }
    }

    #[test]
    fn billing_goes_by_cpus_or_by_weights() {
        let view = fixtures::golden();
        let tres = Tres { cpus: 4, memory_mib: 2048, nodes: 1, ..Tres::default() };
        assert!((tres.billing(&view, None) - 4.0).abs() < 1e-9);
        assert!((tres.billing(&view, Some("CPU=2,Mem=0.5G,Node=1")) - 10.0).abs() < 1e-9);
        assert_eq!(tres.text(&view, 10.7).as_deref(), Some("cpu=4,mem=2G,node=1,billing=10"));
        assert_eq!(Tres::default().text(&view, 0.0), None);
    }
}
