//! What a partition gives to one job at most.

use crate::cluster::Cluster;
use crate::job::{JobSpec, WaitReason};
use crate::partition::{Partition, PartitionState};

/// EnforcePartLimits: whether jobs beyond a partition's limits are refused at submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartLimits {
    /// They wait until the limit is another.
    #[default]
    No,
    /// They are refused if they break a limit in every partition asked for.
    Any,
    /// They are refused if they break one in some partition asked for.
    All,
}

/// Which limit of a partition a job is beyond.
///
/// In the order in which stock asks (23.11 to 26.05): CPUs, nodes, time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// It wants so many CPUs, which is more than the partition has for jobs.
    Cpus(u32),
    /// It wants so many nodes, which is more than the partition has, or more or fewer than it gives.
    Nodes(u32),
    /// It wants so many minutes.
    Time(u32),
}

impl Beyond {
    /// Which limit a job is beyond, if any.
    ///
    /// `time_min` is the least time that would do, in minutes; without limit it is `u32::MAX`. `cpus`
    /// tells how many CPUs the partition's nodes have in all; it is asked only where that matters.
    /// A partition that starts no jobs has no limits (stock does not ask then).
    pub fn of(
        partition: &Partition,
        spec: &JobSpec,
        time_min: Option<u32>,
        cpus: impl FnOnce() -> u64,
    ) -> Option<Self> {
        if !matches!(partition.state, PartitionState::Up | PartitionState::Drain) {
            return None;
        }
        let has = partition.nodes.len();
        let asked = spec.least_cpus(spec.min_nodes.max(1));
        let each = u64::from(partition.max_cpus_per_node.unwrap_or(u32::MAX));
        let most = || cpus().min(each.saturating_mul(has as u64));
        // A node has a CPU at least.
        if asked as usize > has && u64::from(asked) > most() {
            return Some(Self::Cpus(asked));
        }
        let nodes = spec.min_nodes.max(1);
        let most = partition.max_nodes.unwrap_or(u32::MAX);
        let at_most = spec.max_nodes.unwrap_or(nodes);
        if nodes as usize > has || nodes < partition.min_nodes || nodes > most {
            return Some(Self::Nodes(nodes));
        }
        if at_most > most {
            return Some(Self::Nodes(at_most));
        }
        match (time_min, partition.max_time_min) {
            (Some(limit), Some(most)) if limit > most => Some(Self::Time(limit)),
            _ => None,
        }
    }

    /// The least time in minutes that would do for a job of this spec and limit; without limit it is
    /// `u32::MAX`.
    pub fn least_time(spec: &JobSpec, limit_min: Option<u32>) -> Option<u32> {
        let limit = if spec.time_unlimited { Some(u32::MAX) } else { limit_min };
        spec.time_min_min.filter(|least| *least > 0).or(limit)
    }
}

impl From<Beyond> for WaitReason {
    fn from(beyond: Beyond) -> Self {
        match beyond {
            Beyond::Cpus(_) => Self::PartitionConfig,
            Beyond::Nodes(_) => Self::PartitionNodeLimit,
            Beyond::Time(_) => Self::PartitionTimeLimit,
        }
    }
}

impl Partition {
    /// How many CPUs its nodes have in all.
    pub fn cpus(&self, cluster: &Cluster) -> u64 {
        let nodes = self.nodes.iter().filter_map(|id| cluster.node(*id));
        nodes.map(|node| u64::from(node.hardware.cpus)).sum()
    }
}

impl JobSpec {
    /// CPUs that a job must have on so many nodes, before limits on memory add to them.
    pub fn least_cpus(&self, min_nodes: u32) -> u32 {
        let of_node = self.tasks_per_node.map_or(1, u32::from).max(1);
        let each = u32::from(self.cpus_per_task.unwrap_or(1)).max(1);
        let tasks = self.tasks.filter(|tasks| *tasks > 0);
        let tasks = tasks.unwrap_or(of_node.saturating_mul(min_nodes));
        let for_tasks = if self.overcommit { 0 } else { tasks.saturating_mul(each) };
        self.min_cpus.max(for_tasks).max(min_nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> Partition {
        let nodes = (0..3).map(crate::NodeId).collect();
        Partition {
            nodes,
            max_nodes: Some(2),
            max_time_min: Some(60),
            ..Partition::named("p".into())
        }
    }

    #[test]
    fn cpus_are_asked_for_before_nodes_and_nodes_before_time() {
        let partition = partition();
        let of = |spec: &JobSpec| {
            Beyond::of(&partition, spec, Beyond::least_time(spec, spec.time_limit_min), || 12)
        };
        let long = JobSpec { time_limit_min: Some(61), min_nodes: 1, ..JobSpec::default() };
        assert_eq!(of(&long), Some(Beyond::Time(61)));
        let wide = JobSpec { min_nodes: 3, ..long.clone() };
        assert_eq!(of(&wide), Some(Beyond::Nodes(3)));
        let large = JobSpec { min_cpus: 13, ..wide };
        assert_eq!(of(&large), Some(Beyond::Cpus(13)));
        let short_will_do = JobSpec { time_min_min: Some(5), ..long };
        assert_eq!(of(&short_will_do), None);
    }

    #[test]
    fn a_partition_that_starts_nothing_has_no_limits() {
        let partition = Partition { state: PartitionState::Down, ..partition() };
        let spec = JobSpec { min_nodes: 99, ..JobSpec::default() };
        assert_eq!(Beyond::of(&partition, &spec, None, || 12), None);
    }
}
