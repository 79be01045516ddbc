//! Return codes, and the messages about the controller itself.

use crate::errno::Errno;
use crate::msg::Codec;
use crate::number::Number;
use crate::shape::Timestamp;
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `RESPONSE_SLURM_RC`: how a request ended.
    pub struct ReturnCode {
        /// 0, or why not.
        pub code: Errno,
    }
}

wire_struct! {
    /// `RESPONSE_SLURM_RC_MSG`: how a request ended, with a text that the client prints.
    pub struct ReturnCodeMessage {
        /// 0, or why not.
        pub code: Errno,
        /// The text.
        pub message: Option<String>,
    }
}

/// What a [`Shutdown`] ends.
pub mod shutdown {
    /// All daemons of the cluster.
    pub const ALL: u16 = 0;
    /// The controller alone.
    pub const CONTROLLER: u16 = 2;
}

wire_struct! {
    /// `REQUEST_SHUTDOWN`: from scontrol to the controller, and from it to slurmd.
    ///
    /// A return code answers.
    pub struct Shutdown {
        /// See [`shutdown`].
        pub options: u16,
    }
}

wire_struct! {
    /// `RESPONSE_CONTROL_STATUS`: who is in control; answers `REQUEST_CONTROL_STATUS` of scontrol and
    /// of a backup controller.
    pub struct ControlStatus {
        /// Index of the answering controller in `SlurmctldHost`.
        pub backup_index: u16,
        /// Since when it is in control; 0 when it is not.
        pub control_time: Timestamp,
    }
}

/// `REQUEST_DBD_RELAY` (24.05+): a message to slurmdbd that slurmstepd has the controller pass on.
///
/// A return code answers. The message stays bytes: the controller hands it to slurmdbd, in the release
/// that it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DbdRelay {
    /// slurmdbd's number of the message.
    pub number: Number,
    /// The message as slurmdbd takes it: the number again, then its body.
    pub message: Vec<u8>,
}

impl Wire for DbdRelay {
    fn encode(&self, w: &mut Writer) {
        self.number.encode(w);
        w.raw(&self.message);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { number: Wire::decode(r)?, message: r.rest().to_vec() })
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<ReturnCode>(Number::RESPONSE_SLURM_RC),
    Codec::of::<ReturnCodeMessage>(Number::RESPONSE_SLURM_RC_MSG),
    Codec::of::<()>(Number::REQUEST_PING),
    Codec::of::<()>(Number::REQUEST_RECONFIGURE),
    Codec::of::<Shutdown>(Number::REQUEST_SHUTDOWN),
    Codec::of::<()>(Number::REQUEST_CONTROL),
    Codec::of::<()>(Number::REQUEST_TAKEOVER),
    Codec::of::<()>(Number::REQUEST_CONTROL_STATUS),
    Codec::of::<ControlStatus>(Number::RESPONSE_CONTROL_STATUS),
    Codec::of::<DbdRelay>(Number::REQUEST_DBD_RELAY),
];
