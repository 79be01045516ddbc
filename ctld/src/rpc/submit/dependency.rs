//! `sbatch --dependency`: its text becomes conditions.

use model::{Dependencies, Dependency, DependencyKind, DependencyState, JobId, Join};
use protocol::Errno;
use protocol::dependency::{self as text, ArrayTask, DependencyOn};

use crate::rpc::Failure;

/// The conditions of a text; nothing and `0` are none. A state that stands in it (clients hand back
/// what `scontrol show job` printed) is found out anew.
///
/// # Errors
///
/// `ESLURM_DEPENDENCY`.
pub(in crate::rpc) fn dependencies(
    text: &str,
    array_size_max: u32,
) -> Result<Dependencies, Failure> {
    let parsed = text::Dependencies::parse(text, array_size_max)
        .map_err(|_| Failure::Code(Errno::ESLURM_DEPENDENCY))?;
    let mut conditions: Vec<Dependency> = Vec::new();
    for one in &parsed.list {
        let condition = condition(&one.on);
        if !conditions.contains(&condition) {
            conditions.push(condition);
        }
    }
    let join = if parsed.any { Join::Any } else { Join::All };
    Ok(Dependencies { conditions, join })
}

fn condition(on: &DependencyOn) -> Dependency {
    let state = DependencyState::Unfulfilled;
    match *on {
        DependencyOn::Singleton => Dependency {
            kind: DependencyKind::Singleton,
            job: None,
            task: None,
            delay_min: 0,
            state,
        },
        DependencyOn::Job { kind, job_id, task, delay_min } => Dependency {
            kind: match kind {
                text::DependencyKind::After => DependencyKind::After,
                text::DependencyKind::AfterAny => DependencyKind::AfterAny,
                text::DependencyKind::AfterNotOk => DependencyKind::AfterNotOk,
                text::DependencyKind::AfterOk => DependencyKind::AfterOk,
                text::DependencyKind::AfterCorr => DependencyKind::AfterCorr,
                text::DependencyKind::Expand => DependencyKind::Expand,
                text::DependencyKind::AfterBurstBuffer => DependencyKind::AfterBurstBuffer,
            },
            job: Some(JobId(job_id)),
            task: match task {
                ArrayTask::One(index) => Some(index),
                ArrayTask::Unset | ArrayTask::All => None,
            },
            delay_min,
            state,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::dependencies;
    use model::{DependencyKind, Join};

    #[test]
    fn conditions_are_taken_over_once_each() {
        let all = dependencies("afterok:12:13_4:12,after:5+10,singleton", 1001).unwrap();
        let kinds: Vec<_> = all.conditions.iter().map(|c| c.kind).collect();
        let (ok, after) = (DependencyKind::AfterOk, DependencyKind::After);
        assert_eq!(kinds, [ok, ok, after, DependencyKind::Singleton]);
        assert_eq!((all.join, all.conditions[1].task), (Join::All, Some(4)));
        assert_eq!(all.conditions[2].delay_min, 10);
        assert_eq!(dependencies("afterany:1?afternotok:2", 1001).unwrap().join, Join::Any);
        assert!(dependencies("0", 1001).unwrap().conditions.is_empty());
        assert!(dependencies("sometimes:3", 1001).is_err());
    }
}
