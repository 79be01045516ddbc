use std::sync::Arc;
use std::time::Duration;

use protocol::msg::{CompleteBatchScript, CompleteProlog, EpilogComplete, JobOrStepId, StepId};
use protocol::{Errno, Number};
use tokio::sync::oneshot;
use tokio::time;

use super::node::Node;
use super::step::Part;
use super::{Hollow, registration};
use crate::call::{CallError, Reply};

/// Wait status of a script that says `exit 1`.
pub(super) const EXIT_1: u32 = 1 << 8;

/// What a node does after it has answered a message.
#[derive(Debug)]
pub(super) enum Deed {
    /// Register anew.
    Register,
    /// Run a script: wait, and report its end.
    Run {
        /// The job.
        job: u32,
        /// For how long.
        run: Duration,
        /// Ends it earlier, with a wait status.
        killed: oneshot::Receiver<u32>,
    },
    /// Run this node's part of a step of srun.
    Step {
        /// The part.
        part: Box<Part>,
        /// Ends it earlier, with a wait status.
        killed: oneshot::Receiver<u32>,
    },
    /// Run the prolog of a job and report its end.
    Prolog {
        /// The job.
        job: u32,
    },
    /// Run the epilog of a job and report its end.
    Epilog {
        /// The job.
        job: u32,
    },
}

impl Deed {
    /// Begins it; nobody waits for its end.
    pub(super) fn start(self, hollow: &Arc<Hollow>, node: Arc<Node>) {
        let hollow = Arc::clone(hollow);
        match self {
            Self::Register => drop(tokio::spawn(registration::register(hollow, node))),
            Self::Run { job, run, killed } => {
                tokio::spawn(async move { self::run(&hollow, &node, job, run, killed).await });
            }
            Self::Step { part, killed } => {
                tokio::spawn(async move { part.play(&hollow, &node, killed).await });
            }
            Self::Prolog { job } => {
                tokio::spawn(async move { prolog(&hollow, &node, job).await });
            }
            Self::Epilog { job } => {
                tokio::spawn(async move { epilog(&hollow, &node, job).await });
            }
        }
    }
}

async fn run(
    hollow: &Hollow,
    node: &Node,
    job: u32,
    run: Duration,
    killed: oneshot::Receiver<u32>,
) {
    let own_end = if hollow.dice.fails() { EXIT_1 } else { 0 };
    let status = if run.is_zero() {
        own_end
    } else {
        // An error means that the sender went without a word, which only the end of the process does.
        time::timeout(run, killed).await.map_or(own_end, |signal| signal.unwrap_or(own_end))
    };
    node.ended((job, StepId::BATCH));
    let report = CompleteBatchScript {
        accounting: None,
        step_id: StepId::step(job, StepId::BATCH),
        job_rc: status,
        slurm_rc: 0,
        user_id: 0,
        node_name: Some(node.name.clone()),
    };
    registration::persist(|| async {
        acknowledged(&hollow.call(Number::REQUEST_COMPLETE_BATCH_SCRIPT, &report).await?)
    })
    .await;
    hollow.tally.completion();
}

async fn prolog(hollow: &Hollow, node: &Node, job: u32) {
    time::sleep(hollow.plan.prolog).await;
    let report = CompleteProlog {
        step_id: JobOrStepId(StepId::step(job, StepId::EXTERN)),
        node_name: Some(node.name.clone()),
        prolog_rc: 0,
    };
    registration::persist(|| async {
        acknowledged(&hollow.call(Number::REQUEST_COMPLETE_PROLOG, &report).await?)
    })
    .await;
}

async fn epilog(hollow: &Hollow, node: &Node, job: u32) {
    time::sleep(hollow.plan.epilog.unwrap_or_default()).await;
    let report =
        EpilogComplete { step_id: job.into(), return_code: 0, node_name: Some(node.name.clone()) };
    registration::persist(|| async {
        acknowledged(&hollow.call(Number::MESSAGE_EPILOG_COMPLETE, &report).await?)
    })
    .await;
}

/// Any return code ends the matter, as it does for slurmstepd: a job that the controller no longer knows has nothing to
/// report. Being asked to come back later does not.
pub(super) fn acknowledged(reply: &Reply) -> Result<(), CallError> {
    match reply.code() {
        Some(Errno::SLURMCTLD_COMMUNICATIONS_BACKOFF) | None => {
            Err(CallError::Unexpected { number: reply.number(), code: reply.code() })
        }
        Some(_) => Ok(()),
    }
}

/// For how long a script says that it sleeps: the first line that is `sleep SECONDS`, perhaps after `exec` or `srun`.
pub(super) fn script_time(script: &str) -> Option<Duration> {
    script.lines().find_map(|line| {
        let words = line.split_whitespace().skip_while(|word| matches!(*word, "exec" | "srun"));
        match words.collect::<Vec<_>>()[..] {
            ["sleep" | "/bin/sleep", seconds] => {
                Duration::try_from_secs_f64(seconds.parse().ok()?).ok()
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_sleeps_for_as_long_as_its_first_sleep_says() {
        assert_eq!(script_time("#!/bin/sh\nsleep 3\n"), Some(Duration::from_secs(3)));
        assert_eq!(script_time("#!/bin/sh\n  exec sleep 0.5"), Some(Duration::from_millis(500)));
        assert_eq!(script_time("#!/bin/sh\ntrue\n"), None);
        assert_eq!(script_time("sleep -1"), None);
        assert_eq!(script_time("sleep soon"), None);
    }
}
