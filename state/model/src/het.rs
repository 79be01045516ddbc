//! Heterogeneous jobs: several jobs, each with a request of its own, that start together or not at
//! all. Each component is a job record; the first is the leader, whose number people know the whole
//! by and which alone has a script.

use std::sync::Arc;

use crate::id::JobId;

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
