//! Which step, which array task, which component: the selector of several requests.

use crate::msg::StepId;
use crate::shape::{Bitmap, Limit};
use crate::version::Version::*;
use crate::wire_struct;

wire_struct! {
    /// A job or step with the task of its array and the component of its heterogeneous job.
    ///
    /// By itself the body of `REQUEST_JOB_SBCAST_CRED`: a credential to copy files to the nodes of
    /// that step, please. From sbcast, answered by `RESPONSE_JOB_SBCAST_CRED`.
    pub struct SelectedStep {
        /// The job or step.
        pub step_id: StepId,
        /// The task of the array.
        pub array_task_id: Limit<u32>,
        /// The component of the heterogeneous job.
        pub het_job_offset: Limit<u32>,
        /// The tasks of the array, if there are several.
        pub array_bitmap: Option<Bitmap> [V24_11..],
    }
}

wire_struct! {
    /// `REQUEST_SBCAST_CRED_NO_JOB`: a credential to copy files to any nodes, 24.11+. From
    /// `sbcast --no-allocation` of root, answered by `RESPONSE_JOB_SBCAST_CRED`.
    pub struct SbcastWithoutJob {
        /// The nodes.
        pub node_list: Option<String>,
    }
}
