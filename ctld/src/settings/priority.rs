//! PriorityWeight*, PriorityFlags and what goes with them.

use std::sync::Arc;

use model::{BillingRule, PriorityRules, weight_of};

use super::SettingsError;
use crate::config::SlurmConf;

/// Names, in lower case, and weights.
type Weights = Arc<[(Arc<str>, f64)]>;

/// What is tracked without AccountingStorageTRES naming it, slurm.conf(5), in Slurm's order.
pub const ALWAYS_TRACKED: [&str; 8] =
    ["cpu", "mem", "energy", "node", "billing", "fs/disk", "vmem", "pages"];

/// PriorityFlags, as slurm.h numbers them (`PRIORITY_FLAGS_*`).
const ACCRUE_ALWAYS: u16 = 0x001;
const MAX_TRES: u16 = 0x002;
const SIZE_RELATIVE: u16 = 0x004;
const CALCULATE_RUNNING: u16 = 0x010;
const INCR_ONLY: u16 = 0x040;
const NO_NORMAL_PART: u16 = 0x100;
const NO_NORMAL_TRES: u16 = 0x400;
const MAX_TRES_GRES: u16 = 0x800;

/// What priorities are made of.
///
/// # Errors
///
/// If the weights of TRES cannot be read, or one is not tracked.
pub fn rules(conf: &SlurmConf) -> Result<PriorityRules, SettingsError> {
    let keys = &conf.keys;
    let has = |bit: u16| conf.settings.shown.priority_flags & bit != 0;
    Ok(PriorityRules {
        job_size: keys.priority_weight_job_size,
        partition: keys.priority_weight_partition,
        tres: weights(conf)?,
        favor_small: keys.priority_favor_small,
        relative_to_time: has(SIZE_RELATIVE),
        absolute_partition: has(NO_NORMAL_PART),
        absolute_tres: has(NO_NORMAL_TRES),
        running: has(CALCULATE_RUNNING),
        increases_only: has(INCR_ONLY),
        accrues_always: has(ACCRUE_ALWAYS),
        billing: billing(conf),
        period_s: conf.settings.times.priority_calc_period_s,
    })
}

/// How bills are made.
fn billing(conf: &SlurmConf) -> BillingRule {
    match conf.settings.shown.priority_flags {
        flags if flags & MAX_TRES_GRES != 0 => BillingRule::MaxGres,
        flags if flags & MAX_TRES != 0 => BillingRule::Max,
        _ => BillingRule::Sum,
    }
}

/// The weight of each that is tracked, if any has one.
fn weights(conf: &SlurmConf) -> Result<Weights, SettingsError> {
    let Some(text) = conf.keys.priority_weight_tres.as_deref().filter(|text| !text.is_empty())
    else {
        return Ok(Arc::default());
    };
    let tracked = tracked_too(conf).split(',').map(str::trim).filter(|name| !name.is_empty());
    let names = ALWAYS_TRACKED.into_iter().chain(tracked).map(str::to_ascii_lowercase);
    let mut all: Vec<(Arc<str>, f64)> = names.map(|name| (name.as_str().into(), 0.0)).collect();
    if !are_weights(tracked_too(conf), text) {
        return Err(SettingsError::TresWeights(text.to_owned()));
    }
    for (name, weight) in text.split(',').filter_map(|term| term.split_once('=')) {
        let name = name.trim().to_ascii_lowercase();
        if let Some(known) = all.iter_mut().find(|(known, _)| **known == *name) {
            known.1 = weight_of(&name, weight.trim());
        }
    }
    Ok(all.into())
}

/// AccountingStorageTRES.
pub fn tracked_too(conf: &SlurmConf) -> &str {
    conf.keys.accounting_storage_tres.as_deref().unwrap_or_default()
}

/// Whether a text names weights of resources that there are: `cpu=1.5,mem=0.25G,gres/gpu=2`. `tracked` is
/// AccountingStorageTRES.
pub fn are_weights(tracked: &str, text: &str) -> bool {
    let mut known = ALWAYS_TRACKED.iter().copied().chain(tracked.split(',').map(str::trim));
    text.split(',').filter(|term| !term.is_empty()).all(|term| {
        let Some((name, weight)) = term.split_once('=') else { return false };
        let unit = weight.trim_start_matches(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let is_unit = unit.chars().next().is_none_or(|unit| "KMGTPkmgtp".contains(unit));
        !weight.is_empty() && is_unit && known.any(|one| one.eq_ignore_ascii_case(name.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::configured;
    use super::are_weights;
    use crate::users::Users;
    use model::{BillingRule, Timestamp};

    #[test]
    fn weights_and_flags_are_rules() {
        let c = configured(
            "NodeName=n1\nPriorityWeightJobSize=10\nPriorityWeightPartition=20\nGresTypes=gpu\n\
             PriorityWeightTRES=CPU=5,Mem=2G,gres/gpu=7\nAccountingStorageTRES=gres/gpu\n\
             PriorityFlags=SMALL_RELATIVE_TO_TIME,NO_NORMAL_PART,MAX_TRES\nPriorityCalcPeriod=2\n",
        );
        let rules = &c.config.priority;
        assert_eq!((rules.job_size, rules.partition), (10, 20));
        assert!(rules.relative_to_time && rules.absolute_partition && !rules.absolute_tres);
        let tres: Vec<_> = rules.tres.iter().filter(|(_, weight)| *weight > 0.0).collect();
        let names: Vec<&str> = tres.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["cpu", "mem", "gres/gpu"]);
        assert!((tres[1].1 - 2.0 / 1024.0).abs() < 1e-12, "2 for a GiB");
        assert_eq!((rules.billing, rules.period_s), (BillingRule::Max, 120));
        assert!(!configured("NodeName=n1\n").config.priority.weigh());
    }

    #[test]
    fn weights_are_numbers_of_resources_that_there_are() {
        for good in ["", "cpu=1", "CPU=1.5,Mem=0.25G", "node=2,", "billing=1"] {
            assert!(are_weights("gres/gpu", good), "{good}");
        }
        for bad in ["cpu=abc", "cpu", "cpu=", "gres/none=1", "nonsense=1"] {
            assert!(!are_weights("gres/gpu", bad), "{bad}");
        }
        let conf = super::super::tests::load("NodeName=n1\nPriorityWeightTRES=tape=1\n");
        let refused = super::super::configuration(
            &conf,
            ctld_core::Recover::All,
            &Users::default(),
            Timestamp(0),
        );
        let text = refused.err().map(|error| error.to_string());
        assert_eq!(text.as_deref(), Some("failed to parse tres weights str 'tape=1'"));
    }
}
