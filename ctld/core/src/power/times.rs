//! How long each node may be idle, and how long it takes to start and to stop.

use std::collections::BTreeMap;

use model::{Cluster, NodeId, Partition, PowerSaving};

/// The times of one node, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    /// Idle before it is stopped; `u32::MAX` is for ever.
    pub(super) suspend_time_s: u32,
    /// To stop.
    pub(super) suspend_timeout_s: u16,
    /// To start.
    pub(super) resume_timeout_s: u16,
}

/// The times of all nodes: what its partitions say, the longest of them, or else the cluster.
#[derive(Debug)]
pub(super) struct AllTimes {
    default: Times,
    of_partitions: BTreeMap<NodeId, Said>,
}

/// What partitions say of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    suspend_time_s: Option<u32>,
    suspend_timeout_s: Option<u16>,
    resume_timeout_s: Option<u16>,
}

impl AllTimes {
    pub(super) fn of(cluster: &Cluster, power: &PowerSaving) -> Self {
        let says = |partition: &Partition| {
            partition.suspend_time_s.is_some()
                || partition.suspend_timeout_s.is_some()
                || partition.resume_timeout_s.is_some()
        };
        let mut of_partitions: BTreeMap<NodeId, Said> = BTreeMap::new();
        for partition in cluster.partitions().filter(|partition| says(partition)) {
            for id in partition.nodes.iter() {
                let said = of_partitions.entry(*id).or_default();
                // Nothing said is less than anything said.
                said.suspend_time_s = said.suspend_time_s.max(partition.suspend_time_s);
                said.suspend_timeout_s = said.suspend_timeout_s.max(partition.suspend_timeout_s);
                said.resume_timeout_s = said.resume_timeout_s.max(partition.resume_timeout_s);
            }
        }
        let default = Times {
            suspend_time_s: power.suspend_time_s.unwrap_or(u32::MAX),
            suspend_timeout_s: power.suspend_timeout_s,
            resume_timeout_s: power.resume_timeout_s,
        };
        Self { default, of_partitions }
    }

    pub(super) fn node(&self, id: NodeId) -> Times {
        let Some(said) = self.of_partitions.get(&id) else {
            return self.default;
        };
        Times {
            suspend_time_s: said.suspend_time_s.unwrap_or(self.default.suspend_time_s),
            suspend_timeout_s: said.suspend_timeout_s.unwrap_or(self.default.suspend_timeout_s),
            resume_timeout_s: said.resume_timeout_s.unwrap_or(self.default.resume_timeout_s),
        }
    }
}
