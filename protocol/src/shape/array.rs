use crate::shape::Sentinel;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};

/// An array: a `u32` count, then the items.
impl<T: Wire> Wire for Vec<T> {
    fn encode(&self, w: &mut Writer) {
        w.count(self.len());
        for item in self {
            item.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = r.count()?;
        r.items(count)
    }
}

/// A Slurm list: as an array, but a count of `NO_VAL` is the NULL list, which is not the empty one.
#[derive(Clone, Debug, PartialEq)]
pub struct NullOr<T>(pub Option<Vec<T>>);

impl<T> NullOr<T> {
    /// The items; a NULL list has none.
    pub fn items(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }

    /// A list that is there.
    pub fn list(items: Vec<T>) -> Self {
        Self(Some(items))
    }
}

impl<T> Default for NullOr<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Wire> Wire for NullOr<T> {
    fn encode(&self, w: &mut Writer) {
        match &self.0 {
            None => u32::NO_VAL.encode(w),
            Some(items) => items.encode(w),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u32::decode(r)? {
            u32::NO_VAL => Ok(Self(None)),
            count => {
                let count = r.bounded(count)?;
                r.items(count).map(|items| Self(Some(items)))
            }
        }
    }
}

/// Raw bytes behind their length (`packmem`), with no NUL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Wire for Blob {
    fn encode(&self, w: &mut Writer) {
        w.count(self.0.len());
        w.raw(&self.0);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let n = r.count()?;
        r.take(n).map(|bytes| Self(bytes.to_vec()))
    }
}

/// An array that is counted twice: a `u32` count of its own field, then the array with its count
/// (`argc` and `argv`, `envc` and `environment`). The two must agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedTwice<T>(pub Vec<T>);

impl<T> Default for CountedTwice<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> From<Vec<T>> for CountedTwice<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}

impl<T: Wire> Wire for CountedTwice<T> {
    fn encode(&self, w: &mut Writer) {
        w.count(self.0.len());
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let place = r.clone();
        let counted = r.count()?;
        let items = Vec::decode(r)?;
        if items.len() != counted {
            return Err(place.error(Malformed::Counts { counted, found: items.len() }));
        }
        Ok(Self(items))
    }
}

/// An array behind a `u16` count: ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortArray<T>(pub Vec<T>);

impl<T> Default for ShortArray<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Wire> Wire for ShortArray<T> {
    fn encode(&self, w: &mut Writer) {
        let count = u16::try_from(self.0.len()).expect("a message has few ports and few gres");
        count.encode(w);
        for item in &self.0 {
            item.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u16::decode(r)?;
        r.items(count.into()).map(Self)
    }
}
