//! Power saving: machines that are stopped when nobody needs them and started when somebody does.

use std::sync::Arc;

use crate::id::Timestamp;
use crate::node::Node;

/// What slurm.conf says of power saving, where it is complete: SuspendProgram, ResumeProgram and some
/// SuspendTime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PowerSaving {
    /// SuspendTime: how long a node is idle before it is stopped, seconds; `None` is for ever.
    pub suspend_time_s: Option<u32>,
    /// SuspendTimeout: how long a stop takes at most, seconds; the node gets no job meanwhile.
    pub suspend_timeout_s: u16,
    /// ResumeTimeout: how long a start takes at most, seconds.
    pub resume_timeout_s: u16,
    /// SuspendRate: nodes stopped in a minute; 0 is without limit.
    pub suspend_rate: u32,
    /// ResumeRate: nodes started in a minute; 0 is without limit.
    pub resume_rate: u32,
    /// SlurmctldParameters=idle_on_node_suspend: a node that is stopped is idle afterwards, whatever it
    /// was before.
    pub idle_on_suspend: bool,
    /// SlurmctldParameters=power_save_interval: seconds between two looks at the nodes when nothing
    /// happens to them.
    pub interval_s: u32,
    /// SlurmctldParameters=power_save_min_interval: seconds between two looks at least.
    pub min_interval_s: u32,
    /// SlurmctldParameters=max_powered_nodes: how many nodes are up at a time.
    pub powered_max: Option<u32>,
    /// Whether there is a ResumeFailProgram.
    pub tells_failures: bool,
}

/// Nodes that stay up however long they are idle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuspendExceptions {
    /// SuspendExcNodes as it was written.
    pub nodes_text: Option<Arc<str>>,
    /// The same, taken apart.
    pub nodes: Arc<[SparedNodes]>,
    /// SuspendExcParts: names of partitions, separated by commas.
    pub partitions: Option<Arc<str>>,
    /// SuspendExcStates as it was written.
    pub states_text: Option<Arc<str>>,
    /// The same, taken apart.
    pub states: Arc<[SparedState]>,
    /// Whether what was altered stays when slurm.conf is read again
    /// (ReconfigFlags=KeepPowerSaveSettings).
    pub keep: bool,
}

/// A term of SuspendExcNodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparedNodes {
    /// The nodes, as a host expression without node sets.
    pub list: Arc<str>,
    /// So many of them are spared, those that are in use counted; `None` is all.
    pub count: Option<u32>,
}

/// A word of SuspendExcStates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words are those of slurm.conf(5)")]
pub enum SparedState {
    Cloud,
    Down,
    Drain,
    DynamicFuture,
    DynamicNorm,
    Fail,
    InvalidReg,
    Maintenance,
    NotResponding,
    Planned,
    Reserved,
}

/// That a machine is to be started or stopped, while it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerRequest {
    /// When it was asked for.
    pub at: Timestamp,
    /// Whether whoever starts and stops machines has it: until then it is asked for again.
    pub taken: bool,
}

impl PowerSaving {
    /// Whether a node may be given to jobs as far as its power goes: one that is off or starts is, one
    /// that is to be stopped only while others are on it.
    pub fn gives(power: Option<&Arc<Self>>, node: &Node, is_in_use: impl FnOnce() -> bool) -> bool {
        let is_spared = || !node.flags.power_down_requested || is_in_use();
        node.is_steady() || power.is_some() && is_spared()
    }
}
