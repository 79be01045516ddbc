//! Return codes, and the messages about the controller itself.

use crate::errno::Errno;
use crate::msg::Codec;
use crate::number::Number;
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

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<ReturnCode>(Number::RESPONSE_SLURM_RC),
    Codec::of::<ReturnCodeMessage>(Number::RESPONSE_SLURM_RC_MSG),
    Codec::of::<()>(Number::REQUEST_PING),
    Codec::of::<()>(Number::REQUEST_RECONFIGURE),
];
