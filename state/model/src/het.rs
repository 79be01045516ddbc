//! Heterogeneous jobs: several jobs, each with a request of its own, that start together or not at
//! all. Each component is a job record; the first is the leader, whose number people know the whole
//! by and which alone has a script.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::cluster::{Cluster, QueueKey};
use crate::id::JobId;
use crate::job::Job;

/// bf_hetjob_prio: of the priorities of all components, and of the tiers of their partitions, which the
/// whole is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HetPlace {
    /// The lowest.
    Least,
    /// Their mean, rounded down.
    Mean,
    /// The highest.
    Most,
}

impl HetPlace {
    /// Where the job that this one leads stands in the queue. If a component is held, that is at the
    /// end.
    pub fn key(self, cluster: &Cluster, leader: &Job) -> QueueKey {
        let members = || leader.het.iter().flat_map(|role| role.members());
        let jobs = || members().filter_map(|id| cluster.job(*id));
        let tiers = jobs().flat_map(|job| {
            let names = match &*job.spec.partitions {
                [] | [_] => std::slice::from_ref(&job.partition),
                several => several,
            };
            names.iter().filter_map(|name| cluster.partition(name)).map(|p| p.priority_tier.into())
        });
        let is_held = jobs().any(|job| job.priority == 0);
        let priority = if is_held { 0 } else { self.of(jobs().map(|job| job.priority)) };
        let tier = u16::try_from(self.of(tiers)).unwrap_or(u16::MAX);
        QueueKey { tier: Reverse(tier), priority: Reverse(priority), job: leader.id }
    }

    fn of(self, values: impl Iterator<Item = u32> + Clone) -> u32 {
        let chosen = match self {
            Self::Least => values.min().map(u64::from),
            Self::Most => values.max().map(u64::from),
            Self::Mean => {
                let sum: u64 = values.clone().map(u64::from).sum();
                sum.checked_div(values.count() as u64)
            }
        };
        chosen.and_then(|value| u32::try_from(value).ok()).unwrap_or(0)
    }
}

/// A job's place in a heterogeneous job. Whoever has one knows all components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HetRole {
    /// All components, the leader first; never empty.
    members: Arc<[JobId]>,
    /// Which of them this is.
    offset: u32,
}

impl HetRole {
    /// The place `offset` among the members; `None` if they have no such place.
    pub fn new(members: Arc<[JobId]>, offset: u32) -> Option<Self> {
        members.get(usize::try_from(offset).ok()?)?;
        Some(Self { members, offset })
    }

    /// The number of the whole: that of its first component.
    pub fn leader(&self) -> JobId {
        self.members[0]
    }

    /// Whether this is the first component.
    pub fn is_leader(&self) -> bool {
        self.offset == 0
    }

    /// Which component this is, from 0.
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// The numbers of all components, by offset.
    pub fn members(&self) -> &[JobId] {
        &self.members
    }
}

#[cfg(test)]
mod tests {
    use super::HetRole;
    use crate::id::JobId;

    #[test]
    fn a_place_is_one_of_those_that_there_are() {
        let members = [JobId(7), JobId(9)];
        let second = HetRole::new(members.into(), 1).unwrap();
        assert_eq!((second.leader(), second.offset(), second.is_leader()), (JobId(7), 1, false));
        assert_eq!(second.members(), members);
        assert_eq!(HetRole::new(members.into(), 2), None);
        assert_eq!(HetRole::new([].into(), 0), None);
    }
}
