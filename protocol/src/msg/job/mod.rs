//! Jobs: what is asked for, what is answered, what queries show.

mod allocation;
mod crontab;
mod desc;
mod flags;
mod info;
mod info_order;
mod order;
mod priority;
mod query;
mod reason;
mod request;
mod resources;
mod select;
mod state;
mod step;

pub use allocation::*;
pub use crontab::*;
pub use desc::*;
pub use flags::*;
pub use info::*;
pub use priority::*;
pub use query::*;
pub use reason::*;
pub use request::*;
pub use resources::*;
pub use select::*;
pub use state::*;
pub use step::*;

use crate::msg::{Codec, StepId};
use crate::number::Number;
use crate::shape::ShortArray;

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<JobDesc>(Number::REQUEST_SUBMIT_BATCH_JOB),
    Codec::of::<JobDesc>(Number::REQUEST_RESOURCE_ALLOCATION),
    Codec::of::<JobDesc>(Number::REQUEST_JOB_WILL_RUN),
    Codec::of::<JobDesc>(Number::REQUEST_UPDATE_JOB),
    Codec::of::<ShortArray<JobDesc>>(Number::REQUEST_HET_JOB_ALLOCATION),
    Codec::of::<ShortArray<JobDesc>>(Number::REQUEST_SUBMIT_BATCH_HET_JOB),
    Codec::of::<SubmitResponse>(Number::RESPONSE_SUBMIT_BATCH_JOB),
    Codec::of::<Allocation>(Number::RESPONSE_RESOURCE_ALLOCATION),
    Codec::of::<Allocation>(Number::RESPONSE_JOB_ALLOCATION_INFO),
    Codec::of::<ShortArray<Allocation>>(Number::RESPONSE_HET_JOB_ALLOCATION),
    Codec::of::<AllocationQuery>(Number::REQUEST_JOB_ALLOCATION_INFO),
    Codec::of::<AllocationQuery>(Number::REQUEST_HET_JOB_ALLOC_INFO),
    Codec::of::<AllocationQuery>(Number::REQUEST_JOB_END_TIME),
    Codec::of::<WillRunResponse>(Number::RESPONSE_JOB_WILL_RUN),
    Codec::of::<CrontabRequest>(Number::REQUEST_CRONTAB),
    Codec::of::<CrontabResponse>(Number::RESPONSE_CRONTAB),
    Codec::of::<CrontabUpdateRequest>(Number::REQUEST_UPDATE_CRONTAB),
    Codec::of::<CrontabUpdateResponse>(Number::RESPONSE_UPDATE_CRONTAB),
    Codec::of::<()>(Number::REQUEST_PRIORITY_FACTORS),
    Codec::of::<PriorityFactorsResponse>(Number::RESPONSE_PRIORITY_FACTORS),
    Codec::of::<JobInfoRequest>(Number::REQUEST_JOB_INFO),
    Codec::of::<JobInfoResponse>(Number::RESPONSE_JOB_INFO),
    Codec::of::<JobQuery>(Number::REQUEST_JOB_INFO_SINGLE),
    Codec::of::<JobUserQuery>(Number::REQUEST_JOB_USER_INFO),
    Codec::of::<JobQuery>(Number::REQUEST_JOB_READY),
    Codec::of::<JobReady>(Number::RESPONSE_JOB_READY),
    Codec::of::<JobQuery>(Number::REQUEST_BATCH_SCRIPT),
    Codec::of::<BatchScript>(Number::RESPONSE_BATCH_SCRIPT),
    Codec::of::<JobQuery>(Number::REQUEST_RESOURCE_LAYOUT),
    Codec::of::<ResourceLayout>(Number::RESPONSE_RESOURCE_LAYOUT),
    Codec::of::<JobStateRequest>(Number::REQUEST_JOB_STATE),
    Codec::of::<JobStateResponse>(Number::RESPONSE_JOB_STATE),
    Codec::of::<KillRequest>(Number::REQUEST_KILL_JOB),
    Codec::of::<KillRequest>(Number::REQUEST_CANCEL_JOB_STEP),
    Codec::of::<KillJobsRequest>(Number::REQUEST_KILL_JOBS),
    Codec::of::<KillJobsResponse>(Number::RESPONSE_KILL_JOBS),
    Codec::of::<JobArrayErrors>(Number::RESPONSE_JOB_ARRAY_ERRORS),
    Codec::of::<RequeueRequest>(Number::REQUEST_JOB_REQUEUE),
    Codec::of::<SuspendRequest>(Number::REQUEST_SUSPEND),
    Codec::of::<TopJobRequest>(Number::REQUEST_TOP_JOB),
    Codec::of::<NotifyRequest>(Number::REQUEST_JOB_NOTIFY),
    Codec::of::<CompleteAllocationRequest>(Number::REQUEST_COMPLETE_JOB_ALLOCATION),
    Codec::of::<SelectedStep>(Number::REQUEST_JOB_SBCAST_CRED),
    Codec::of::<SbcastWithoutJob>(Number::REQUEST_SBCAST_CRED_NO_JOB),
    Codec::of::<StepId>(Number::REQUEST_STEP_LAYOUT),
    Codec::of::<StepInfoRequest>(Number::REQUEST_JOB_STEP_INFO),
    Codec::of::<StepInfoResponse>(Number::RESPONSE_JOB_STEP_INFO),
    Codec::of::<StepUpdate>(Number::REQUEST_UPDATE_JOB_STEP),
    Codec::of::<ContainerQuery>(Number::REQUEST_STEP_BY_CONTAINER_ID),
    Codec::of::<ContainerSteps>(Number::RESPONSE_STEP_BY_CONTAINER_ID),
];
