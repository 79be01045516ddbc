//! The form that most lists of records have: how many, when the answer was made, the records.

use crate::shape::Timestamp;
use crate::version::Version;
use crate::wire::{DecodeError, Reader, Wire, Writer};

/// Records and the time at which they were so. A client hands the time back to learn whether
/// anything changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dated<T> {
    /// When the answer was made.
    pub last_update: Timestamp,
    /// The records.
    pub records: Vec<T>,
}

impl<T: Wire> Wire for Dated<T> {
    fn encode(&self, w: &mut Writer) {
        w.count(self.records.len());
        self.last_update.encode(w);
        for record in &self.records {
            record.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = r.count()?;
        let last_update = Wire::decode(r)?;
        let records = r.items(count).map_err(|e| e.within("records"))?;
        Ok(Self { last_update, records })
    }
}

/// The body of a [`Dated`] out of records that are already encoded in `version`.
pub fn assemble_dated<'a>(
    version: Version,
    now: Timestamp,
    records: impl Iterator<Item = &'a [u8]> + Clone,
) -> Vec<u8> {
    let size: usize = records.clone().map(<[u8]>::len).sum();
    let mut w = Writer::after(Vec::with_capacity(size + 12), version);
    w.count(records.clone().count());
    now.encode(&mut w);
    for record in records {
        w.raw(record);
    }
    w.into_bytes()
}
