use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// What hollow nodes have done, counted from their start.
#[derive(Debug, Default)]
pub struct Tally {
    registrations: AtomicU64,
    registered: AtomicU64,
    launches: AtomicU64,
    completions: AtomicU64,
    steps: AtomicU64,
    terminations: AtomicU64,
    pings: AtomicU64,
    refused: AtomicU64,
    last_completion_ms: AtomicU64,
}

/// A [`Tally`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Registrations that the controller accepted.
    pub registrations: u64,
    /// Nodes among them.
    pub registered: u64,
    /// Scripts that were started.
    pub launches: u64,
    /// Ends of scripts that the controller acknowledged.
    pub completions: u64,
    /// Ends of steps of srun that the controller acknowledged, one a node.
    pub steps: u64,
    /// Orders to clean up after a job.
    pub terminations: u64,
    /// Pings answered.
    pub pings: u64,
    /// Messages that were refused: not understood, or with a token that is not good.
    pub refused: u64,
    /// When the controller acknowledged the last end of a script, milliseconds since the epoch.
    pub last_completion_ms: u64,
}

impl Tally {
    pub(super) fn registration(&self, is_first: bool) {
        self.registrations.fetch_add(1, Ordering::Relaxed);
        self.registered.fetch_add(u64::from(is_first), Ordering::Relaxed);
    }

    pub(super) fn launch(&self) {
        self.launches.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn completion(&self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.last_completion_ms.fetch_max(now, Ordering::Relaxed);
        self.completions.fetch_add(1, Ordering::Release);
    }

    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn termination(&self) {
        self.terminations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ping(&self) {
        self.pings.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now.
    pub fn count(&self) -> Count {
        let completions = self.completions.load(Ordering::Acquire);
        Count {
            registrations: self.registrations.load(Ordering::Relaxed),
            registered: self.registered.load(Ordering::Relaxed),
            launches: self.launches.load(Ordering::Relaxed),
            completions,
            steps: self.steps.load(Ordering::Relaxed),
            terminations: self.terminations.load(Ordering::Relaxed),
            pings: self.pings.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            last_completion_ms: self.last_completion_ms.load(Ordering::Relaxed),
        }
    }
}
