//! Which job starts where: a pure function from a cluster to a plan.
//!
//! [`plan`] goes over the queue twice. The *first pass* (`fifo.rs`) starts jobs in order of
//! priority; a job that has to wait holds back the later ones of its partition. The *second pass*
//! (`backfill.rs`) books nodes for those that wait, at the time when running jobs will have ended
//! (`future.rs`), and starts later jobs where that delays no booking.
//!
//! How one job is placed, step by step:
//!
//! | file | question |
//! |---|---|
//! | `eligible.rs` | may it start at all? |
//! | `bounds.rs` | where may it be, as far as reservations say? |
//! | `demand.rs` | what does it want of nodes, defaults and limits worked in? |
//! | `shape.rs` | which nodes could serve such a demand? remembered from job to job |
//! | `offer.rs` | how many CPUs has one node for it? |
//! | `choose.rs` | which nodes does it get? |
//! | `layout.rs` | which cores, how much memory, how many tasks on each? |
//! | `together.rs` | the same for the components of a heterogeneous job: all or none |
//! | `preempt.rs` | who has to make room for it, if nothing is free? |
//! | `verdict.rs` | why does it wait, if nothing was found? |
//! | `reserve.rs` | which nodes and cores does a reservation get that did not name them? |
//!
//! The semantics are those of Slurm's select/cons_tres and its main scheduler. What was observed on
//! stock slurmctld stands in `testdata/stock_*.plan`; where this is known to differ, in
//! `testdata/differs_*.plan`.
//!
//! Invariants: no core, memory or generic resource is given away twice in a plan; a plan is a function of
//! the cluster, the time and the budget alone; work is bounded by the [`Budget`], which counts work and not
//! time; every job that was looked at is started or has a reason.
//!
//! Not known here: what is on the wire, who asks, and whether the plan is carried out. The core
//! checks each start again with [`model::fits`].
//!
//! To add a rule: write the script in `testdata/` that shows it, then find its question above.

mod backfill;
mod bounds;
mod choose;
mod demand;
mod eligible;
mod feasible;
mod features;
mod fifo;
mod future;
mod layout;
mod ledger;
mod offer;
mod planner;
mod preempt;
mod reserve;
mod room;
mod shape;
mod together;
mod verdict;

use model::{Cluster, Config, Plan, Timestamp};

pub use feasible::{Infeasible, feasible, features_exist, will_run};
pub use reserve::{NotReserved, ReservationWish, Reserved, reserve};

/// How much work a plan may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Jobs that nodes are looked for, those left out that are held, wait for another job or for a
    /// time, or whose partitions are closed.
    pub jobs: u32,
    /// Looks at a node, or at a job that no nodes are looked for. The look that uses them up is finished, so a plan costs at most as many
    /// more as the cluster has nodes.
    pub node_checks: u64,
    /// Waiting jobs that are looked at a second time; 0 is no backfill.
    pub backfill_jobs: u32,
}

impl Budget {
    /// All that there is to do.
    pub const FULL: Self = Self { jobs: u32::MAX, node_checks: u64::MAX, backfill_jobs: u32::MAX };

    /// A quick pass, after each submission and each end of a job: the first jobs of the queue, in
    /// order. They are as many as SchedulerParameters=default_queue_depth says, and never few: stock
    /// looks at 100 unless told otherwise, since clients wait meanwhile, and here nobody does.
    pub fn quick(config: &Config) -> Self {
        let jobs = config.default_queue_depth.max(10_000);
        Self { jobs, node_checks: 2_000_000, backfill_jobs: 0 }
    }

    /// A thorough pass, now and then: the whole queue, and as many jobs a second time as stock
    /// tests in a backfill cycle (SchedulerParameters=bf_max_job_test).
    pub const THOROUGH: Self =
        Self { jobs: u32::MAX, node_checks: 200_000_000, backfill_jobs: 500 };
}

/// Proposes what to start now.
///
/// `Plan::passed` names the jobs that wait for another reason, or are expected at another time, than
/// their records say already.
pub fn plan(cluster: &Cluster, now: Timestamp, budget: Budget) -> Plan {
    let mut planner = planner::Planner::new(cluster, now, budget);
    planner.first_pass();
    planner.in_order = planner.starts.len();
    planner.second_pass();
    planner.finish()
}
