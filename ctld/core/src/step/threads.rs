//! How many threads of a core count.

use model::{Job, Node};

/// Threads of a core that the step, or else its job, asked for.
pub(super) fn asked(job: &Job, of_step: Option<u16>) -> Option<u16> {
    of_step.or(job.spec.threads_per_core).filter(|threads| *threads > 0)
}

/// Threads of a core that the job can use.
pub(super) fn held(job: &Job, node: &Node) -> u16 {
    job.spec.threads_per_core.unwrap_or(node.hardware.threads_per_core).max(1)
}

/// Whether the step uses one thread of each core.
pub(super) fn is_single(job: &Job, of_step: Option<u16>) -> bool {
    of_step.or(job.spec.threads_per_core) == Some(1)
}
