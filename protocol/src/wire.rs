//! Reading and writing of one body: [`Wire`], [`Reader`], [`Writer`].
//!
//! All integers are big endian. A reader never allocates more than a small multiple of the bytes
//! that are left: every count is checked against them before anything is reserved.

use std::fmt;

use crate::version::Version;

/// A value with a place in Slurm's byte stream.
pub trait Wire: Sized {
    /// Appends the value in the writer's version.
    fn encode(&self, w: &mut Writer);

    /// Takes the value from the front of the reader.
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// Encodes a whole body.
pub fn to_bytes(value: &impl Wire, version: Version) -> Vec<u8> {
    let mut w = Writer::new(version);
    value.encode(&mut w);
    w.into_bytes()
}

/// Decodes a whole body; bytes left over are an error.
pub fn from_bytes<T: Wire>(bytes: &[u8], version: Version) -> Result<T, DecodeError> {
    let mut r = Reader::new(bytes, version);
    let value = T::decode(&mut r)?;
    r.finish()?;
    Ok(value)
}

/// Bytes being written in one version.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    version: Version,
}

impl Writer {
    /// An empty writer.
    pub fn new(version: Version) -> Self {
        Self { bytes: Vec::new(), version }
    }

    /// A writer that goes on after `bytes`.
    pub fn after(bytes: Vec<u8>, version: Version) -> Self {
        Self { bytes, version }
    }

    /// The release that is written.
    pub fn version(&self) -> Version {
        self.version
    }

    /// What has been written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends raw bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a count or length.
    ///
    /// # Panics
    ///
    /// If it exceeds the 1 GiB that a frame may have: no value in memory gets there.
    pub fn count(&mut self, count: usize) {
        let count = u32::try_from(count).expect("a frame is at most 1 GiB");
        count.encode(self);
    }

    /// How many bytes have been written.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing has been written yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes what `body` writes, behind its length in bytes as `u32`.
    pub fn sized(&mut self, body: impl FnOnce(&mut Self)) {
        self.sized_with(0, body);
    }

    /// The same, with a length that counts bytes in which will be appended elsewhere.
    pub fn sized_with(&mut self, following: usize, body: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        0u32.encode(self);
        body(self);
        let length = self.bytes.len() - start - 4 + following;
        let length = u32::try_from(length).expect("a frame is at most 1 GiB");
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// Bytes being read in one version.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    version: Version,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from their start.
    pub fn new(bytes: &'a [u8], version: Version) -> Self {
        Self { bytes, at: 0, version }
    }

    /// The release that is read.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        if n > self.left() {
            return Err(self.error(Malformed::Short { needed: n, left: self.left() }));
        }
        let taken = &self.bytes[self.at..self.at + n];
        self.at += n;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        Ok(self.take(N)?.try_into().expect("take gave N bytes"))
    }

    /// A reader of the next `n` bytes alone.
    pub fn sub(&mut self, n: usize) -> Result<Reader<'a>, DecodeError> {
        let end = self.at + n;
        self.take(n)?;
        Ok(Reader { bytes: &self.bytes[..end], at: end - n, version: self.version })
    }

    /// A count of items, each of which takes at least one byte.
    pub fn count(&mut self) -> Result<usize, DecodeError> {
        let start = self.clone();
        let count = u32::decode(self)?;
        start.checked_count(count, self.left())
    }

    /// Checks a count read elsewhere against the bytes left.
    pub fn bounded(&self, count: u32) -> Result<usize, DecodeError> {
        self.checked_count(count, self.left())
    }

    fn checked_count(&self, count: u32, left: usize) -> Result<usize, DecodeError> {
        match usize::try_from(count) {
            Ok(n) if n <= left => Ok(n),
            _ => Err(self.error(Malformed::Count { count, left })),
        }
    }

    /// Exactly `count` items.
    pub fn items<T: Wire>(&mut self, count: usize) -> Result<Vec<T>, DecodeError> {
        let mut items = Vec::new();
        for index in 0..count {
            items.push(T::decode(self).map_err(|e| e.within_item(index))?);
        }
        Ok(items)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    /// Ends the reading: bytes left over are an error.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.left() {
            0 => Ok(()),
            left => Err(self.error(Malformed::Trailing { left })),
        }
    }

    /// An error at this place.
    pub fn error(&self, what: Malformed) -> DecodeError {
        DecodeError { path: String::new(), at: self.at, what }
    }
}

/// Why a body was not understood: where, and what was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The field, from the outside in: `jobs[3].step_id.job_id`.
    path: String,
    /// Offset in the body, bytes.
    at: usize,
    what: Malformed,
}

impl DecodeError {
    /// The same error, seen from the struct that has the field.
    pub fn within(mut self, field: &str) -> Self {
        let join = match self.path.chars().next() {
            None | Some('[') => "",
            Some(_) => ".",
        };
        self.path = format!("{field}{join}{}", self.path);
        self
    }

    /// The same error, seen from the list that has the item.
    pub fn within_item(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }

    /// What was wrong.
    pub fn what(&self) -> &Malformed {
        &self.what
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{} ", self.path)?;
        }
        write!(f, "at byte {}: {}", self.at, self.what)
    }
}

impl std::error::Error for DecodeError {}

/// What can be wrong with bytes; always the peer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The body ends inside a value.
    #[error("needed {needed} bytes, {left} left")]
    Short {
        /// Bytes that the value takes.
        needed: usize,
        /// Bytes that there were.
        left: usize,
    },
    /// The body goes on after its last field.
    #[error("{left} bytes left over")]
    Trailing {
        /// Bytes after the last field.
        left: usize,
    },
    /// A count that the bytes left cannot hold.
    #[error("a count of {count} with {left} bytes left")]
    Count {
        /// The count.
        count: u32,
        /// Bytes after it.
        left: usize,
    },
    /// Two counts of the same thing that differ.
    #[error("counted {counted}, found {found}")]
    Counts {
        /// What the first count says.
        counted: usize,
        /// How many there are.
        found: usize,
    },
    /// A string without its closing NUL.
    #[error("a string without a closing NUL")]
    Unterminated,
    /// A truth value other than 0 and 1.
    #[error("a truth value of {0}")]
    Truth(u8),
    /// Text that is not what its field holds.
    #[error("{what} expected, got {got:?}")]
    Text {
        /// What the field holds.
        what: &'static str,
        /// The beginning of what was there.
        got: String,
    },
    /// A number that its field does not know.
    #[error("unknown {what} {got}")]
    Unknown {
        /// What the field tells.
        what: &'static str,
        /// What was there.
        got: u64,
    },
}

macro_rules! wire_integer {
    ($($int:ty),*) => { $(
        impl Wire for $int {
            fn encode(&self, w: &mut Writer) {
                w.raw(&self.to_be_bytes());
            }

            fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                r.array().map(Self::from_be_bytes)
            }
        }
    )* };
}

wire_integer!(u8, u16, u32, u64, i64);

impl Wire for bool {
    fn encode(&self, w: &mut Writer) {
        u8::from(*self).encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(r.error(Malformed::Truth(other))),
        }
    }
}

/// An empty body.
impl Wire for () {
    fn encode(&self, _: &mut Writer) {}

    fn decode(_: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(())
    }
}

impl<T: Wire> Wire for Box<T> {
    fn encode(&self, w: &mut Writer) {
        (**self).encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::decode(r).map(Self::new)
    }
}
