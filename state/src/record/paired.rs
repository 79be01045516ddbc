//! Enums of the model and their numbers on disk.

use super::proto;
use crate::error::RecordError;

/// An enum whose variants have no data and the same names in the model and in `records.proto`.
pub(super) trait Paired: Sized {
    /// Its number on disk.
    fn number(self) -> i32;

    /// The variant of a number, which stood in `field`.
    fn numbered(field: &'static str, number: i32) -> Result<Self, RecordError>;
}

macro_rules! paired {
    ($name:ident { $($variant:ident),* $(,)? }) => {
        impl Paired for model::$name {
            fn number(self) -> i32 {
                match self { $(Self::$variant => proto::$name::$variant as i32,)* }
            }

            fn numbered(field: &'static str, number: i32) -> Result<Self, RecordError> {
                $(if number == proto::$name::$variant as i32 { return Ok(Self::$variant); })*
                Err(RecordError::Unknown { field, number })
            }
        }
    };
}

paired!(Hold { None, User, Admin, SpecialExit, Requeued, LaunchLimit, ReservationDeleted });
paired!(Exclusive { Unset, No, Node, User, Mcs, Topology });
paired!(Join { All, Any });
paired!(DependencyKind {
    After,
    AfterAny,
    AfterNotOk,
    AfterOk,
    AfterCorr,
    AfterBurstBuffer,
    Expand,
    Singleton,
});
paired!(DependencyState { Unfulfilled, Fulfilled, Failed });
paired!(Availability { Unknown, Up, Down, Future });
paired!(Origin { Configured, Dynamic });
paired!(PartitionState { Up, Down, Drain, Inactive });
paired!(PreemptMode { Off, Cancel, Gang, Requeue, Suspend, SuspendGang, Within });
