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

/// What stands in front of the records in a [`Dated`] of `count` records: the same in all releases.
pub fn dated_head(now: Timestamp, count: usize) -> Vec<u8> {
    let mut w = Writer::new(Version::NEWEST);
    w.count(count);
    now.encode(&mut w);
    w.into_bytes()
}
