//! How much of each trackable resource: of nodes, of partitions, of jobs.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::gres::{GresHeld, GresWish};
use crate::job::{Job, MemoryRequest};
use crate::node::Hardware;
use crate::partition::Partition;
use crate::resource::GresCount;

/// How the weights of a partition make a bill (PriorityFlags).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BillingRule {
    /// All are added.
    #[default]
    Sum,
    /// MAX_TRES: of CPUs, memory, nodes and generic resources the largest counts.
    Max,
    /// MAX_TRES_GRES: the same, and generic resources are added.
    MaxGres,
}

/// How much of each resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tres {
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
    pub fn of_hardware(hardware: &Hardware) -> Self {
        Self {
            cpus: hardware.effective_cpus().into(),
            memory_mib: hardware.memory_mib,
            gres: hardware.gres.to_vec(),
            ..Self::default()
        }
    }

    /// What a partition's nodes have together.
    pub fn of_partition(cluster: &Cluster, partition: &Partition) -> Self {
        let mut all = Self::default();
        for node in partition.nodes.iter().filter_map(|id| cluster.node(*id)) {
            all.nodes += 1;
            all.add(Self::of_hardware(&node.hardware));
        }
        all
    }

    /// What a job asks for.
    pub fn asked_for(cluster: &Cluster, job: &Job) -> Self {
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
            _ => whole_node_mib(cluster, &job.partition) * nodes,
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
    pub fn given(job: &Job) -> Option<Self> {
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

    /// Adds generic resources.
    pub fn add_gres(&mut self, more: impl IntoIterator<Item = GresCount>) {
        for gres in more {
            let same = |known: &&mut GresCount| known.name == gres.name && known.kind == gres.kind;
            match self.gres.iter_mut().find(same) {
                Some(known) => known.count += gres.count,
                None => self.gres.push(gres),
            }
        }
    }

    /// What is billed for it by a partition's or node's weights; by CPUs without any.
    pub fn billing(&self, rule: BillingRule, weights: Option<&str>) -> f64 {
        let Some(weights) = weights else {
            return amount(self.cpus);
        };
        let (max, max_gres) = (rule != BillingRule::Sum, rule == BillingRule::MaxGres);
        let (mut largest, mut sum, mut gres_sum) = (0.0_f64, 0.0, 0.0);
        for (name, weight) in weights.split(',').filter_map(|term| term.split_once('=')) {
            let name = name.trim().to_ascii_lowercase();
            let value = self.count(&name) * weight_of(&name, weight.trim());
            let is_gres = name.starts_with("gres/");
            if max_gres && is_gres {
                gres_sum += value;
            } else if max && (is_gres || ["cpu", "mem", "node"].contains(&&*name)) {
                largest = largest.max(value);
            } else {
                sum += value;
            }
        }
        largest + gres_sum + sum
    }

    /// How much of one, by its name in lower case; without the bill.
    pub fn count(&self, name: &str) -> f64 {
        match name {
            "cpu" => amount(self.cpus),
            "mem" => amount(self.memory_mib),
            "node" => amount(self.nodes),
            _ => amount(self.tracked(name)),
        }
    }

    /// The count of a `gres/name`, `gres/name:type` or `license/name`.
    pub fn tracked(&self, name: &str) -> u64 {
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
}

/// Memory of the first node of a partition, MiB: what a job that asks for all of a node is reckoned
/// with before it has one.
fn whole_node_mib(cluster: &Cluster, partition: &str) -> u64 {
    let partition = cluster.partition(partition);
    let first = partition.and_then(|partition| partition.nodes.first());
    let node = first.and_then(|id| cluster.node(*id));
    node.map_or(0, |node| node.hardware.job_memory_mib())
}

/// A weight is for one unit; of memory the unit is a MiB unless a suffix says more.
pub fn weight_of(name: &str, text: &str) -> f64 {
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
pub(crate) fn amount(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::weight_of;

    #[test]
    fn weights_have_units() {
        assert!((weight_of("mem", "0.25G") - 0.25 / 1024.0).abs() < 1e-12);
        assert!((weight_of("cpu", "1.5") - 1.5).abs() < 1e-12);
    }
}
