//! A job: what was asked for, where it stands, what it holds.

mod allocation;
mod carried;
mod phase;
mod spec;

use std::sync::Arc;

pub use allocation::{Allocation, NodeShare, Resized};
pub use carried::{Carried, NumberOption, TextOption};
pub use phase::{Completing, Exit, Hold, Launch, Outcome, Phase, Prologs, WaitReason};
pub use spec::{Exclusive, JobSpec, MemoryRequest};

use crate::array::ArrayRole;
use crate::cron::CronLine;
use crate::het::HetRole;
use crate::id::{Gid, JobId, Timestamp, Uid};
use crate::partition::Partition;

/// A job, or a task of a job array that has a record of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// Its place in a job array.
    pub array: Option<ArrayRole>,
    /// Its place in a heterogeneous job; one that has it has no place in an array.
    pub het: Option<HetRole>,
    /// Whose it is.
    pub owner: Uid,
    /// The group that it runs as.
    pub group: Gid,
    /// What was asked for, as updated since. Shared between the tasks of an array.
    pub spec: Arc<JobSpec>,
    /// The partition that it waits for or runs in; the spec may name several.
    pub partition: Arc<str>,
    /// Where it stands.
    pub phase: Phase,
    /// The prologs that its nodes run, while it runs.
    pub prologs: Option<Box<Prologs>>,
    /// Whether somebody wants it to wait, and who may let it go.
    pub hold: Hold,
    /// Why it waits, while it does.
    pub wait: WaitReason,
    /// A text that says more, for people.
    pub state_text: Option<Arc<str>>,
    /// Higher goes first; 0 waits for ever.
    pub priority: u32,
    /// What it holds, or held last.
    pub allocation: Option<Arc<Allocation>>,
    /// How it ended, from the moment that this is known (while it is still being cleaned up).
    pub outcome: Option<Outcome>,
    /// When it was submitted, or last requeued.
    pub submitted: Timestamp,
    /// When it could first have run.
    pub eligible: Option<Timestamp>,
    /// Not before.
    pub begin: Option<Timestamp>,
    /// When it started; for a waiting job when it is expected to.
    pub started: Option<Timestamp>,
    /// Where it is expected to start, while it waits: a host expression.
    pub expected_nodes: Option<Arc<str>>,
    /// When it ended, or while it runs when its time is up.
    pub ended: Option<Timestamp>,
    /// When it was suspended or resumed last.
    pub suspended: Option<Timestamp>,
    /// Seconds that it ran before that.
    pub ran_before_suspend_s: u64,
    /// When a scheduler last looked at it.
    pub last_evaluated: Option<Timestamp>,
    /// How often it was started anew.
    pub restarts: u16,
    /// Time limit, minutes; `None` is without limit. Before it starts, `None` means the partition's.
    pub time_limit_min: Option<u32>,
    /// The node that made it end.
    pub failed_node: Option<Arc<str>>,
    /// The number that the next step gets.
    pub next_step: u32,
    /// Where in the node table its next step begins to look for nodes: after the last one of the step
    /// before.
    pub next_step_node: u32,
    /// Whether it was submitted with a batch script. All components of a heterogeneous job were, but
    /// only the first runs it: see [`Job::has_script`].
    pub batch: bool,
    /// The protocol release of whoever submitted it, as in headers.
    pub protocol: u16,
    /// Whether the signal that it asked for before its end was sent.
    pub warned: bool,
    /// Highest wait status of the steps that have ended since it started.
    pub derived_status: u32,
    /// Whether the client of an interactive job waits at its port to hear that it has started, or
    /// that it will not.
    pub client_listens: bool,
    /// How often nodes could make nothing of it since it was submitted, or last held for that.
    pub launch_failures: u16,
    /// Whether the last signal that it was sent of these two was SIGSTOP, and not SIGCONT.
    pub stopped: bool,
    /// Of the marks of its time limit that mail may be asked for (50, 80, 90, 100 %), the highest
    /// that it has passed.
    pub mailed_percent: u8,
    /// When it was told to make room for another, or last had to: until it waits anew.
    pub preempted: Option<Timestamp>,
    /// When it runs again, if it is a line of a crontab.
    pub cron: Option<Arc<CronLine>>,
}

impl Job {
    /// Whether it waits to be started and nothing of it is left on a node.
    pub fn is_pending(&self) -> bool {
        self.phase == Phase::Pending
    }

    /// Whether it is over, clean-up aside.
    pub fn is_finished(&self) -> bool {
        match self.phase {
            Phase::Ended => true,
            Phase::Completing(ref completing) => !completing.requeue,
            Phase::Pending | Phase::Running(_) | Phase::Suspended => false,
        }
    }

    /// Whether it has nodes and has not been told to end.
    pub fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Running(_) | Phase::Suspended)
    }

    /// Whether its nodes run prologs that its clients wait for.
    pub fn waits_for_prologs(&self) -> bool {
        self.is_active() && self.prologs.as_ref().is_some_and(|prologs| prologs.holds)
    }

    /// Whether it runs a batch script.
    pub fn has_script(&self) -> bool {
        self.batch && self.het.as_ref().is_none_or(HetRole::is_leader)
    }

    /// The number of the heterogeneous job that it is a component of, or its own.
    pub fn het_job(&self) -> JobId {
        self.het.as_ref().map_or(self.id, HetRole::leader)
    }

    /// The number of the array that it is a task of, or its own.
    pub fn array_job(&self) -> JobId {
        self.array.as_ref().map_or(self.id, |role| role.array_job)
    }

    /// The single task that it is, if it is one.
    pub fn task_index(&self) -> Option<u32> {
        self.array.as_ref().and_then(ArrayRole::index)
    }

    /// The reservations that it asked for; or that it runs in, or ran in last, without having asked.
    pub fn reservation(&self) -> Option<&Arc<str>> {
        let asked = self.spec.carried.text(TextOption::Reservation);
        asked.or_else(|| self.own_reservation().filter(|_| !self.is_pending()))
    }

    /// How many minutes it may run in a partition, its deadline aside; nothing without a limit. One
    /// that can do with less runs as long as the partition lets it.
    pub fn longest_min(&self, partition: &Partition) -> Option<u32> {
        let given = self.time_limit_min.or(partition.default_time_min).or(partition.max_time_min);
        let given = given.filter(|_| !self.spec.time_unlimited);
        let most = self.spec.time_min_min.and(partition.max_time_min);
        [given, most].into_iter().flatten().min()
    }

    /// The reservation that it runs in, or ran in last.
    pub fn own_reservation(&self) -> Option<&Arc<str>> {
        self.allocation.as_ref()?.reservation.as_ref()
    }

    /// What it still holds: all of its nodes while it runs, those not cleaned up yet afterwards.
    pub fn held_shares(&self) -> impl Iterator<Item = &NodeShare> {
        let shares = self.allocation.as_deref().map_or(&[][..], |a| &a.shares);
        shares.iter().filter(|share| match &self.phase {
            Phase::Running(_) | Phase::Suspended => true,
            Phase::Completing(completing) => completing.waiting_on.contains(&share.node),
            Phase::Pending | Phase::Ended => false,
        })
    }
}
