//! How many threads of a core count.

use model::Job;

/// Threads of a core that the step, or else its job, asked for.
pub(super) fn asked(job: &Job, of_step: Option<u16>) -> Option<u16> {
    of_step.or(job.spec.threads_per_core).filter(|threads| *threads > 0)
}

/// Threads of a core that a step of the job can use; without limit unless the job has said so.
pub(super) fn held(job: &Job) -> u16 {
    job.spec.threads_per_core.filter(|threads| *threads > 0).unwrap_or(u16::MAX)
}

/// Whether the step uses one thread of each core.
pub(super) fn is_single(job: &Job, of_step: Option<u16>) -> bool {
    of_step.or(job.spec.threads_per_core) == Some(1)
}
