//! The messages of the SACK socket, at which clients of a host without the key get their tokens.
//!
//! ```text
//!  u16 version │ u32 length, counted from itself │ u32 operation │ …
//! ```

use crate::version::Version;
use crate::wire::{DecodeError, Reader, Wire, Writer};

/// The longest message taken, bytes; a token is a few kB even with hundreds of groups.
pub const SACK_BYTES_MAX: usize = 1 << 20;

const CREATE: u32 = 64_001;
const VERIFY: u32 = 64_002;

/// Any reader.
const ANYONE: u32 = u32::MAX;

/// What a client asks of the socket. One request a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SackRequest {
    /// A token that speaks for the client.
    Create {
        /// The only user who may read it; `None` is anyone.
        reader_uid: Option<u32>,
        /// What it is to carry: the hash of a body.
        payload: Vec<u8>,
    },
    /// Whether a token is good and for the client to read.
    Verify {
        /// The token.
        token: Option<String>,
    },
}

/// Why bytes are not a request; the client's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SackError {
    /// The length is above the limit, or below what it counts itself.
    #[error("a message of {length} bytes, 8 to {SACK_BYTES_MAX} allowed")]
    Length {
        /// What the length field says.
        length: u32,
    },
    /// An operation that no release has.
    #[error("unknown operation {0}")]
    Operation(u32),
    /// Damaged inside.
    #[error(transparent)]
    Body(#[from] DecodeError),
}

impl SackRequest {
    /// A request at the front of what a client has sent, and how many bytes it took; `None` until
    /// all of it has come. The version is not looked at: all releases send the same.
    pub fn from_bytes(bytes: &[u8]) -> Result<Option<(Self, usize)>, SackError> {
        let Some((&[_, _, a, b, c, d], _)) = bytes.split_first_chunk::<6>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        let end = match usize::try_from(length) {
            Ok(n) if (8..=SACK_BYTES_MAX).contains(&n) => n + 2,
            _ => return Err(SackError::Length { length }),
        };
        let Some(message) = bytes.get(6..end) else {
            return Ok(None);
        };
        let mut r = Reader::new(message, Version::OLDEST);
        let request = match u32::decode(&mut r)? {
            CREATE => Self::Create {
                reader_uid: Some(u32::decode(&mut r)?).filter(|&uid| uid != ANYONE),
                payload: {
                    let n = r.count()?;
                    r.take(n)?.to_vec()
                },
            },
            VERIFY => Self::Verify { token: Wire::decode(&mut r)? },
            operation => return Err(SackError::Operation(operation)),
        };
        r.finish()?;
        Ok(Some((request, end)))
    }

    /// The bytes, as a client of a release sends them.
    pub fn to_bytes(&self, version: Version) -> Vec<u8> {
        let mut w = Writer::new(version);
        match self {
            Self::Create { reader_uid, payload } => {
                CREATE.encode(&mut w);
                reader_uid.unwrap_or(ANYONE).encode(&mut w);
                w.count(payload.len());
                w.raw(payload);
            }
            Self::Verify { token } => {
                VERIFY.encode(&mut w);
                token.encode(&mut w);
            }
        }
        let message = w.into_bytes();
        let mut w = Writer::new(version);
        version.to_wire().encode(&mut w);
        w.count(message.len() + 4);
        w.raw(&message);
        w.into_bytes()
    }

    /// The answer to [`SackRequest::Create`]. To a refusal the socket is closed without one.
    pub fn create_reply(token: &str) -> Vec<u8> {
        let mut w = Writer::new(Version::NEWEST);
        token.to_owned().encode(&mut w);
        w.into_bytes()
    }

    /// The answer to [`SackRequest::Verify`] of a good token. To a bad one the socket is closed
    /// without an answer, as 25.11 does; clients of all releases take that as a refusal.
    pub fn verify_reply() -> Vec<u8> {
        0u32.to_be_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SackError, SackRequest};
    use crate::version::Version;

    fn requests() -> [SackRequest; 4] {
        [
            SackRequest::Create { reader_uid: None, payload: vec![2; 33] },
            SackRequest::Create { reader_uid: Some(64030), payload: vec![] },
            SackRequest::Verify { token: Some("a.b.c".into()) },
            SackRequest::Verify { token: None },
        ]
    }

    #[test]
    fn requests_come_back_and_every_truncation_waits_for_more() {
        for request in requests() {
            let bytes = request.to_bytes(Version::V24_11);
            let whole = bytes.len();
            assert_eq!(SackRequest::from_bytes(&bytes), Ok(Some((request, whole))));
            for end in 0..whole {
                assert_eq!(SackRequest::from_bytes(&bytes[..end]), Ok(None));
            }
        }
    }

    #[test]
    fn the_length_counts_itself_and_not_the_version() {
        let bytes = requests()[0].to_bytes(Version::V24_11);
        assert_eq!(bytes[..10], [0x2a, 0, 0, 0, 0, 49, 0, 0, 0xfa, 0x01]);
        assert_eq!(bytes.len(), 2 + 49);
    }

    #[test]
    fn a_length_of_a_gigabyte_is_refused_before_it_comes() {
        let bytes = [0x2a, 0, 0x40, 0, 0, 0];
        assert_eq!(SackRequest::from_bytes(&bytes), Err(SackError::Length { length: 0x4000_0000 }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, flip in 0usize..50, bit in 0u8..8) {
            let _ = SackRequest::from_bytes(&bytes);
            let mut bytes = requests()[0].to_bytes(Version::V24_11);
            bytes[flip] ^= 1 << bit;
            if let Ok(Some((request, end))) = SackRequest::from_bytes(&bytes) {
                prop_assert_eq!(&request.to_bytes(Version::V24_11)[2..], &bytes[2..end]);
            }
        }
    }
}
