//! Why jobs wait.

use model::WaitReason;

use super::Draw;

impl Draw {
    pub(super) fn wait(&mut self) -> WaitReason {
        use WaitReason as W;

        let text = self.text();
        self.one(&[
            W::None,
            W::Priority,
            W::Dependency,
            W::DependencyNeverSatisfied,
            W::Resources,
            W::PartitionConfig,
            W::PartitionNodeLimit,
            W::PartitionTimeLimit,
            W::PartitionDown,
            W::PartitionInactive,
            W::HeldAdmin,
            W::HeldUser,
            W::BeginTime,
            W::Licenses,
            W::ArrayTaskLimit,
            W::Reservation,
            W::ReservationDeleted,
            W::NodeDown,
            W::BadConstraints,
            W::ReqNodeNotAvail(text),
            W::JobHoldMaxRequeue,
            W::Cleaning,
            W::Prolog,
            W::MaxMemPerLimit,
            W::NodesDownOrReserved,
            W::DeadLine,
            W::InvalidQos,
            W::InvalidAccount,
            W::NonZeroExitCode,
            W::TimeLimit,
            W::NodeFailed,
            W::JobLaunchFailure,
            W::OutOfMemory,
            W::SystemFailure,
            W::Preempted,
            W::RaisedSignal,
        ])
    }
}
