//! The six releases of the protocol, oldest first.

use std::fmt;

use crate::wire::{DecodeError, Reader, Wire, Writer};

/// A release of Slurm's RPC protocol.
///
/// On the wire it is a `u16` whose high byte is the number below and whose low byte is 0
/// (24.11 = `0x2A00`). The number counts major releases. Source: `facts/wire-basics.md` §1,
/// confirmed by captures of four releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the releases")]
pub enum Version {
    V23_11 = 40,
    V24_05 = 41,
    V24_11 = 42,
    V25_05 = 43,
    V25_11 = 44,
    V26_05 = 45,
}

impl Version {
    /// All releases spoken, oldest first.
    pub const ALL: [Self; 6] =
        [Self::V23_11, Self::V24_05, Self::V24_11, Self::V25_05, Self::V25_11, Self::V26_05];

    /// The oldest release spoken: what a node is addressed in before it has registered.
    pub const OLDEST: Self = Self::V23_11;

    /// The newest release spoken: what the controller signs its own tokens as.
    pub const NEWEST: Self = Self::V26_05;

    /// The release that a header's version field names, if it is one of the six.
    pub fn from_wire(raw: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.to_wire() == raw)
    }

    /// The header's version field.
    pub fn to_wire(self) -> u16 {
        u16::from(self as u8) << 8
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V23_11 => "23.11",
            Self::V24_05 => "24.05",
            Self::V24_11 => "24.11",
            Self::V25_05 => "25.05",
            Self::V25_11 => "25.11",
            Self::V26_05 => "26.05",
        })
    }
}

/// A version field inside a body (`cred_version`, `use_protocol_ver`, `start_protocol_ver`).
///
/// Kept as the raw number, since a field of a body may name a release that a header may not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RawVersion(pub u16);

impl From<Version> for RawVersion {
    fn from(version: Version) -> Self {
        Self(version.to_wire())
    }
}

impl Wire for RawVersion {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u16::decode(r).map(Self)
    }
}
