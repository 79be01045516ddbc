//! The messages, a file a family, and the list of all codecs.

mod accounting;
mod burst_buffer;
mod certificate;
mod complete;
mod config;
mod control;
mod dated;
mod federation;
mod gres;
mod identity;
mod job;
mod launch;
mod license;
mod node;
mod partition;
mod reservation;
mod srun;
mod stats;
mod step;
mod topology;
mod trigger;

pub use accounting::*;
pub use burst_buffer::*;
pub use certificate::*;
pub use complete::*;
pub use config::*;
pub use control::*;
pub use dated::*;
pub use federation::*;
pub use gres::*;
pub use identity::*;
pub use job::*;
pub use launch::*;
pub use license::*;
pub use node::*;
pub use partition::*;
pub use reservation::*;
pub use srun::*;
pub use stats::*;
pub use step::*;
pub use topology::*;
pub use trigger::*;

use crate::number::Number;
use crate::version::Version;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer, to_bytes};

/// How a numbered message is read and written, for tests and tools that meet all of them.
///
/// Programs that know what they expect use the message's type.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    /// The message.
    pub number: Number,
    /// Decodes the body in the reader's version and encodes it again.
    pub recode: fn(&mut Reader<'_>) -> Result<Vec<u8>, DecodeError>,
    /// Decodes the body in the reader's version and encodes it in another.
    pub translate: fn(&mut Reader<'_>, Version) -> Result<Vec<u8>, DecodeError>,
    /// Decodes the body and gives its `Debug` text.
    pub show: fn(&mut Reader<'_>) -> Result<String, DecodeError>,
}

impl Codec {
    /// The codec of a message whose body is a `T`.
    pub const fn of<T: Wire + std::fmt::Debug>(number: Number) -> Self {
        Self {
            number,
            recode: |r| {
                let value = T::decode(r)?;
                let mut w = Writer::new(r.version());
                value.encode(&mut w);
                Ok(w.into_bytes())
            },
            translate: |r, version| T::decode(r).map(|value| to_bytes(&value, version)),
            show: |r| T::decode(r).map(|value| format!("{value:#?}")),
        }
    }
}

/// Every message that this crate knows, by family.
pub const CODECS: &[&[Codec]] = &[
    accounting::CODECS,
    burst_buffer::CODECS,
    certificate::CODECS,
    complete::CODECS,
    config::CODECS,
    control::CODECS,
    federation::CODECS,
    job::CODECS,
    launch::CODECS,
    license::CODECS,
    node::CODECS,
    partition::CODECS,
    reservation::CODECS,
    srun::CODECS,
    stats::CODECS,
    step::CODECS,
    topology::CODECS,
    trigger::CODECS,
];

/// The codec of a number.
pub fn codec(number: Number) -> Option<&'static Codec> {
    CODECS.iter().copied().flatten().find(|codec| codec.number == number)
}

/// Skips the body of a message at the front of a reader.
pub(crate) fn skip(number: Number, r: &mut Reader<'_>) -> Result<(), DecodeError> {
    match codec(number) {
        Some(codec) => (codec.recode)(r).map(drop),
        None => Err(r.error(Malformed::Unknown { what: "message number", got: number.0.into() })),
    }
}

/// Decodes a whole body and encodes it again: what was read must be what is written.
pub fn recode(
    number: Number,
    body: &[u8],
    version: Version,
) -> Option<Result<Vec<u8>, DecodeError>> {
    let codec = codec(number)?;
    let mut r = Reader::new(body, version);
    Some((codec.recode)(&mut r).and_then(|bytes| r.finish().map(|()| bytes)))
}
