use std::sync::Arc;

use crate::id::JobId;

/// What a job waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// The conditions, in the order given.
    pub conditions: Vec<Dependency>,
    /// Whether all must hold (`,`) or one (`?`).
    pub join: Join,
}

/// How conditions are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// All must hold.
    #[default]
    All,
    /// One must hold.
    Any,
}

/// One condition on one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// What must have happened.
    pub kind: DependencyKind,
    /// To which job, or array; `None` for `singleton`.
    pub job: Option<JobId>,
    /// To which task of it; `None` is all of them.
    pub task: Option<u32>,
    /// For `after`: minutes since.
    pub delay_min: u32,
    /// Where it stands.
    pub state: DependencyState,
}

/// What must have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DependencyKind {
    /// `after`: it has started or was cancelled.
    After,
    /// `afterany`: it has ended.
    AfterAny,
    /// `afternotok`: it has ended badly.
    AfterNotOk,
    /// `afterok`: it has ended well.
    AfterOk,
    /// `aftercorr`: the task of the same index has ended well.
    AfterCorr,
    /// `afterburstbuffer`: it has ended and its stage-out too.
    AfterBurstBuffer,
    /// `expand`: resources are to be merged into it.
    Expand,
    /// `singleton`: no other job of this name and user runs or waits before it.
    Singleton,
}

/// Where a condition stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DependencyState {
    /// It may come to hold.
    #[default]
    Unfulfilled,
    /// It holds.
    Fulfilled,
    /// It can no longer hold.
    Failed,
}

impl DependencyKind {
    /// The word of `sbatch --dependency`.
    pub fn word(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::AfterAny => "afterany",
            Self::AfterNotOk => "afternotok",
            Self::AfterOk => "afterok",
            Self::AfterCorr => "aftercorr",
            Self::AfterBurstBuffer => "afterburstbuffer",
            Self::Expand => "expand",
            Self::Singleton => "singleton",
        }
    }
}

impl Dependencies {
    /// Whether the job may start.
    pub fn are_fulfilled(&self) -> bool {
        let fulfilled = |d: &Dependency| d.state == DependencyState::Fulfilled;
        match self.join {
            Join::All => self.conditions.iter().all(fulfilled),
            Join::Any => self.conditions.is_empty() || self.conditions.iter().any(fulfilled),
        }
    }

    /// Whether the job can never start.
    pub fn have_failed(&self) -> bool {
        let failed = |d: &Dependency| d.state == DependencyState::Failed;
        match self.join {
            Join::All => self.conditions.iter().any(failed),
            Join::Any => !self.conditions.is_empty() && self.conditions.iter().all(failed),
        }
    }

    /// As `scontrol show job` prints what is left of them: `afterok:12(unfulfilled)`, with `_*` after the
    /// number of an array.
    pub fn text(&self, is_array: impl Fn(JobId) -> bool) -> Option<Arc<str>> {
        let separator = match self.join {
            Join::All => ",",
            Join::Any => "?",
        };
        let left: Vec<String> = self
            .conditions
            .iter()
            .filter(|d| d.state != DependencyState::Fulfilled)
            .map(|dependency| dependency.text(&is_array))
            .collect();
        (!left.is_empty()).then(|| left.join(separator).into())
    }
}

impl Dependency {
    fn text(&self, is_array: &impl Fn(JobId) -> bool) -> String {
        let state = match self.state {
            DependencyState::Unfulfilled => "unfulfilled",
            DependencyState::Fulfilled => "fulfilled",
            DependencyState::Failed => "failed",
        };
        let Some(job) = self.job else {
            return format!("{}({state})", self.kind.word());
        };
        let task = match self.task {
            Some(task) => format!("_{task}"),
            None if is_array(job) => "_*".to_owned(),
            None => String::new(),
        };
        let delay = match self.delay_min {
            0 => String::new(),
            minutes => format!("+{minutes}"),
        };
        format!("{}:{job}{task}{delay}({state})", self.kind.word())
    }
}
