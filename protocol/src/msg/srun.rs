//! What the controller tells srun and salloc at the ports that they have named.

use crate::msg::{Codec, JobOrStepId, KillRequest, StepId, SuspendRequest};
use crate::number::Number;
use crate::shape::Timestamp;
use crate::wire_struct;

wire_struct! {
    /// `SRUN_TIMEOUT`: the time limit is near, or is another one now.
    ///
    /// ctld → srun or salloc; answered with `ReturnCode`.
    pub struct SrunTimeout {
        /// The job or step.
        pub step_id: StepId,
        /// When it ends.
        pub timeout: Timestamp,
    }
}

wire_struct! {
    /// `SRUN_NODE_FAIL`, `SRUN_STEP_MISSING`: nodes have failed, or have registered without the
    /// step that should run there.
    ///
    /// ctld → srun or salloc; answered with `ReturnCode`.
    pub struct SrunNodes {
        /// The job or step.
        pub step_id: StepId,
        /// The nodes, as a host expression.
        pub nodelist: Option<String>,
    }
}

wire_struct! {
    /// `SRUN_USER_MSG`: a text for the user (`scontrol notify`).
    ///
    /// ctld → srun or salloc; answered with `ReturnCode`.
    pub struct SrunMessage {
        /// The job.
        pub step_id: JobOrStepId,
        /// The text.
        pub message: Option<String>,
    }
}

wire_struct! {
    /// `SRUN_NET_FORWARD`: connect me to a port of the host where srun or salloc runs (X11).
    ///
    /// slurmstepd → srun or salloc; answered with `ReturnCode`, after which the connection carries
    /// raw bytes.
    pub struct NetForward {
        /// The job.
        pub step_id: JobOrStepId,
        /// None are defined.
        pub flags: u32,
        /// Port, when the target is a host.
        pub port: u16,
        /// Host, or path of a Unix socket.
        pub target: Option<String>,
    }
}

/// Those without a type of their own: `SRUN_REQUEST_SUSPEND` stops or continues the tasks and
/// `SRUN_STEP_SIGNAL` sends the step a signal (0 from a controller: ask for your step again);
/// `SRUN_PING` asks whether the client lives, `SRUN_JOB_COMPLETE` tells that the job or step has
/// ended, `SRUN_STEPS_DRAINED` (26.05) that the job has no step any more; each is answered with
/// `ReturnCode`.
pub(super) const CODECS: &[Codec] = &[
    Codec::of::<()>(Number::SRUN_PING),
    Codec::of::<SrunTimeout>(Number::SRUN_TIMEOUT),
    Codec::of::<SrunNodes>(Number::SRUN_NODE_FAIL),
    Codec::of::<StepId>(Number::SRUN_JOB_COMPLETE),
    Codec::of::<SrunMessage>(Number::SRUN_USER_MSG),
    Codec::of::<SrunNodes>(Number::SRUN_STEP_MISSING),
    Codec::of::<SuspendRequest>(Number::SRUN_REQUEST_SUSPEND),
    Codec::of::<KillRequest>(Number::SRUN_STEP_SIGNAL),
    Codec::of::<NetForward>(Number::SRUN_NET_FORWARD),
    Codec::of::<()>(Number::SRUN_STEPS_DRAINED),
];
