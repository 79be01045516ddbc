use std::sync::Arc;

use crate::gres::GresHeld;
use crate::id::{NodeId, Timestamp};
use crate::resource::CoreSet;

/// Which cores and memory of which nodes a job holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Its nodes, ascending.
    pub shares: Vec<NodeShare>,
    /// Which of them the batch host is: the first, unless the job says what it must have (`--batch`).
    pub batch_at: u32,
    /// Their names as a host expression.
    pub node_list: Arc<str>,
    /// Whether no other job may have anything on these nodes.
    pub exclusive: bool,
    /// Tasks to be started, all nodes together.
    pub tasks: u32,
    /// Licenses held.
    pub licenses: Vec<(Arc<str>, u32)>,
    /// The reservation that the job runs in.
    pub reservation: Option<Arc<str>>,
    /// How it came to be smaller than it was.
    pub resized: Option<Resized>,
}

/// A job goes on with less than it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resized {
    /// When that was, the last time.
    pub at: Timestamp,
    /// Where its script was started: a node that need not be the job's any more, for a job that is not to
    /// be killed (`--no-kill`) goes on without its script.
    pub script_on: Option<NodeId>,
}

/// What a job holds of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeShare {
    /// The node.
    pub node: NodeId,
    /// Cores.
    pub cores: CoreSet,
    /// CPUs that these stand for.
    pub cpus: u32,
    /// Memory, MiB; 0 where memory is not counted.
    pub memory_mib: u64,
    /// Tasks to be started here.
    pub tasks: u32,
    /// Generic resources.
    pub gres: Vec<GresHeld>,
}

impl Allocation {
    /// CPUs in all.
    pub fn cpus(&self) -> u32 {
        self.shares.iter().map(|share| share.cpus).sum()
    }

    /// Memory in all, MiB.
    pub fn memory_mib(&self) -> u64 {
        self.shares.iter().map(|share| share.memory_mib).sum()
    }

    /// Where the batch script runs, or ran.
    ///
    /// # Panics
    ///
    /// An allocation without a node is never made.
    pub fn batch_host(&self) -> NodeId {
        let script_on = self.resized.and_then(|resized| resized.script_on);
        script_on.unwrap_or_else(|| self.batch_share().node)
    }

    /// What the job has of the batch host; of another node if that is not its any more.
    ///
    /// # Panics
    ///
    /// As [`Allocation::batch_host`].
    pub fn batch_share(&self) -> &NodeShare {
        let at = self.shares.get(self.batch_at as usize);
        at.or_else(|| self.shares.first()).expect("an allocation has a node")
    }
}
