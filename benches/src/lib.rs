//! What README promises, measured: stock slurmctld and ctld in turn, on the same machine, under the same load.
//!
//! Three parts, which know each other only over the network:
//!
//! - [`hollow`]: thousands of slurmds in one process, which stock controllers take for real ones;
//! - [`load`]: clients that submit jobs and ask questions, and measure how long each answer takes;
//! - [`round`]: a controller in namespaces of its own, the scenarios, and what the kernel says that they cost.
//!
//! Nodes and load know of ctld the crate `protocol` alone; the controllers are programs that are started. (Its store is
//! opened by one file, `round/saved.rs`, to put a million jobs into it.) What a figure means, where it may mislead and how to
//! repeat it stands in README.md.
//!
//! To add a scenario: a letter in [`round::Scenario`], a [`round::Leg`] that measures it, a line in [`report`].

pub mod call;
pub mod hollow;
pub mod load;
pub mod machine;
pub mod order;
pub mod plot;
pub mod report;
pub mod round;
pub mod throughput;
