use model::{IndexSet, JobId};

/// Which job, or which part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSelection {
    /// The job, the array or the leader of the heterogeneous job.
    pub job: JobId,
    /// How much of it.
    pub part: JobPart,
}

/// How much of a job is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobPart {
    /// All of it: of an array all records, of the leader of a heterogeneous job all components.
    Whole,
    /// Some tasks of an array.
    Tasks(IndexSet),
    /// One component of a heterogeneous job.
    Component(u32),
}

impl JobSelection {
    /// All of a job.
    pub fn whole(job: JobId) -> Self {
        Self { job, part: JobPart::Whole }
    }

    /// The tasks, if some of an array are meant.
    pub fn tasks(&self) -> Option<&IndexSet> {
        match &self.part {
            JobPart::Tasks(tasks) => Some(tasks),
            JobPart::Whole | JobPart::Component(_) => None,
        }
    }
}
