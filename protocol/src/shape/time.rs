use crate::wire::{DecodeError, Reader, Wire, Writer};

/// A point in time: seconds since the epoch, UTC; 0 is "not set".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Wire for Timestamp {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        i64::decode(r).map(Self)
    }
}
