//! The lines of scripts about jobs that make room for others, and about power.
//!
//! ```text
//! config power=3 preempt=requeue youngest strict reorder=3 reclaim exempt=10 exempt-priority=50 by-priority
//! partition low tier=1 preempt=off grace=60
//! running 10 on=n1:0-3 partition=low since=20        minutes ago
//! ```

use std::fmt::Write;
use std::sync::Arc;

use model::{
    Change, Cluster, Completing, Exit, Job, Outcome, Partition, Phase, Plan, PowerSaving,
    PreemptMode, PreemptRules, fits_then,
};

use crate::script::{Line, print_allocation};
use crate::world::{NOW, put};

fn mode(text: &str) -> PreemptMode {
    match text {
        "off" => PreemptMode::Off,
        "cancel" => PreemptMode::Cancel,
        "requeue" => PreemptMode::Requeue,
        "suspend" => PreemptMode::Suspend,
        other => panic!("no such mode: {other}"),
    }
}

/// Of a `config` line.
pub fn rules(line: &mut Line<'_>) -> Option<PreemptRules> {
    Some(PreemptRules {
        mode: mode(line.text("preempt")?),
        by_priority: line.has("by-priority"),
        exempt_s: line.number::<u32>("exempt").unwrap_or(0) * 60,
        exempt_priority: line.number("exempt-priority"),
        reorder_count: line.number("reorder").unwrap_or(1),
        strict_order: line.has("strict"),
        youngest_first: line.has("youngest"),
        for_licenses: line.has("reclaim"),
        user_signal: false,
    })
}

/// Of a `partition` line.
pub fn of_partition(line: &mut Line<'_>, partition: &mut Partition) {
    partition.preempt_mode = line.text("preempt").map(mode);
    partition.grace_time_s = line.number("grace").unwrap_or(0);
}

pub fn print(cluster: &Cluster, plan: &Plan, out: &mut String) {
    for one in &plan.preemptions {
        let victims: Vec<String> = one.victims.iter().map(ToString::to_string).collect();
        write!(out, "  {} make room for", victims.join(", ")).unwrap();
        for start in &one.starts {
            let task = start.task.map(|task| format!("_{task}")).unwrap_or_default();
            write!(out, " {}{task} on", start.job).unwrap();
            print_allocation(cluster, &start.allocation, out);
        }
    }
}

/// As the core does it, where nobody has time left: who makes room is being cleaned up.
pub fn carry_out(cluster: &mut Cluster, plan: &Plan) {
    for one in &plan.preemptions {
        fits_then(cluster, NOW, one).unwrap_or_else(|misfit| panic!("{one:?}: {misfit}"));
        for id in &one.victims {
            let members: Vec<Arc<Job>> =
                cluster.components(cluster.job(*id).unwrap()).cloned().collect();
            for member in members {
                let waiting_on = member.held_shares().map(|share| share.node).collect();
                let (since, told) = (NOW, NOW);
                let completing =
                    Completing { waiting_on, since, told, requeue: false, epilog: false };
                let phase = Phase::Completing(completing);
                let outcome = Some(Outcome { exit: Exit::Preempted, status: 0, derived_status: 0 });
                let ended = Some(NOW);
                put(cluster, Job { phase, outcome, ended, ..Job::clone(&member) });
            }
        }
        assert_eq!(model::check(cluster), [], "after {one:?}");
    }
}

/// The clean-up of a job is over.
pub fn cleaned(cluster: &mut Cluster, line: &Line<'_>) {
    let id = model::JobId(line.name().parse().unwrap());
    let job = Job::clone(cluster.job(id).unwrap());
    let ended = Job { phase: Phase::Ended, ended: Some(NOW), ..job };
    cluster.apply(&Change::Job(Arc::new(ended)));
}

/// `power=all` or `power=3` of a `config` line: power saving, and how many nodes it lets be up.
pub fn saving(text: &str) -> Arc<PowerSaving> {
    Arc::new(PowerSaving { powered_max: text.parse().ok(), ..PowerSaving::default() })
}
