//! PreemptType, PreemptMode and PreemptParameters.

use model::{PreemptMode, PreemptRules};

use crate::config::{Limit, Options, Preempted, SlurmConf};

/// The rules by which jobs push others aside, if they do. Without slurmdbd no QOS may, so that preempt/qos does
/// nothing; and WITHIN, which means QOS, is no mode that preempt/partition_prio can carry out (24.11).
pub fn preemption(conf: &SlurmConf) -> Option<PreemptRules> {
    let settings = &conf.settings;
    let mode = settings.preempt_mode;
    if conf.keys.preempt_type.as_deref() != Some("preempt/partition_prio") {
        return None;
    }
    let (own, older) = (&settings.preemption, &settings.scheduler);
    let has = |name: &str| own.has(name);
    let older_has = |name: &str| older.has(&format!("preempt_{name}"));
    Some(PreemptRules {
        mode: match mode.preempted {
            _ if mode.within => PreemptMode::Within,
            Preempted::Off => PreemptMode::Off,
            Preempted::Cancelled => PreemptMode::Cancel,
            Preempted::Requeued => PreemptMode::Requeue,
            Preempted::Suspended => PreemptMode::Suspend,
        },
        by_priority: mode.priority,
        exempt_s: match settings.times.preempt_exempt_s {
            Some(Limit::At(seconds)) => seconds,
            None | Some(Limit::Unlimited) => 0,
        },
        exempt_priority: own.number("min_exempt_priority").and_then(|n| u32::try_from(n).ok()),
        reorder_count: reorder_count(own, older),
        strict_order: has("strict_order") || older_has("strict_order"),
        youngest_first: has("youngest_first") || older_has("youngest_first"),
        for_licenses: has("reclaim_licenses"),
        user_signal: has("send_user_signal") || settings.slurmctld.has("preempt_send_user_signal"),
    })
}

fn reorder_count(own: &Options, older: &Options) -> u16 {
    let count = own.number("reorder_count").or_else(|| older.number("preempt_reorder_count"));
    count.map_or(1, |count| u16::try_from(count).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use model::PreemptMode;

    use super::super::tests::configured;

    #[test]
    fn preemption_is_by_partition_or_not_at_all() {
        let rules =
            |lines: &str| configured(&format!("NodeName=n1\n{lines}")).config.preemption.clone();
        assert_eq!(rules(""), None);
        assert_eq!(rules("PreemptType=preempt/qos\nPreemptMode=REQUEUE\n"), None);
        let found = rules(
            "PreemptType=preempt/partition_prio\nPreemptMode=REQUEUE\nPreemptExemptTime=2\n\
             PreemptParameters=youngest_first,reorder_count=3,min_exempt_priority=50\n\
             SchedulerParameters=preempt_strict_order\n",
        );
        let found = found.unwrap();
        assert_eq!((found.mode, found.exempt_s), (PreemptMode::Requeue, 120));
        assert_eq!((found.reorder_count, found.exempt_priority), (3, Some(50)));
        assert!(found.youngest_first && found.strict_order && !found.for_licenses);
    }
}
