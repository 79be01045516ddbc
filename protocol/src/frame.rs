//! One message as it travels: length, header, authentication, body.
//!
//! Source: `facts/wire-basics.md` §2, §3, §6; confirmed by captures of four releases.

use bytes::{Bytes, BytesMut};

use crate::number::Number;
use crate::shape::Address;
use crate::version::Version;
use crate::wire::{DecodeError, Reader, Wire, Writer};

/// The longest frame that Slurm sends or takes, bytes after the length.
pub const FRAME_BYTES_MAX: usize = 1 << 30;

/// The flags of a header that mean something to a controller.
pub mod flags {
    /// The cluster-wide (slurmdbd, federation) key made the credential.
    pub const GLOBAL_AUTH_KEY: u16 = 0x01;
    /// The first message to slurmdbd.
    pub const SLURMDBD_CONNECTION: u16 = 0x02;
    /// The sender keeps the buffer; replies of a stock controller show it.
    pub const MSG_KEEP_BUFFER: u16 = 0x04;
    /// No authentication follows the header: all replies.
    pub const NO_AUTH_CRED: u16 = 0x40;
    /// The forward block carries a net credential.
    pub const PACK_ADDRS: u16 = 0x80;
}

/// Whom a frame is to be forwarded to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forward {
    /// How many nodes.
    pub count: u16,
    /// The nodes, as a host expression.
    pub nodes: Option<String>,
    /// The time that each level of the tree has, milliseconds.
    pub timeout_ms: u32,
    /// Children of a node in the tree.
    pub tree_width: u16,
    /// Signed addresses of the nodes, when `PACK_ADDRS` is set.
    pub net_cred: Option<String>,
    /// Levels below (24.11+).
    pub tree_depth: u16,
}

/// What one of the nodes forwarded to answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// 0, or why there is no answer.
    pub error: u32,
    /// The number of the answer.
    pub number: Number,
    /// The node.
    pub node_name: Option<String>,
    /// The answer's body, not decoded: its number says what it is.
    pub body: Vec<u8>,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The release that the whole frame is in.
    pub version: Version,
    /// See [`flags`].
    pub flags: u16,
    /// The message.
    pub number: Number,
    /// Length of the body, bytes.
    pub body_length: u32,
    /// Whom to forward to; none in most frames.
    pub forward: Forward,
    /// Answers of nodes forwarded to.
    pub returned: Vec<Returned>,
    /// Who first sent what this answers.
    pub origin: Address,
}

impl Header {
    /// A header that forwards to nobody.
    pub fn new(version: Version, flags: u16, number: Number) -> Self {
        Self {
            version,
            flags,
            number,
            body_length: 0,
            forward: Forward::default(),
            returned: Vec::new(),
            origin: Address::None,
        }
    }

    fn encode(&self, w: &mut Writer) {
        self.version.to_wire().encode(w);
        self.flags.encode(w);
        self.number.encode(w);
        self.body_length.encode(w);
        self.forward.count.encode(w);
        if self.forward.count > 0 {
            self.forward.nodes.encode(w);
            self.forward.timeout_ms.encode(w);
            self.forward.tree_width.encode(w);
            if self.flags & flags::PACK_ADDRS != 0 {
                self.forward.net_cred.encode(w);
            }
            if self.version >= Version::V24_11 {
                self.forward.tree_depth.encode(w);
            }
        }
        let returned =
            u16::try_from(self.returned.len()).expect("one answer a node, at most 65535");
        returned.encode(w);
        for item in &self.returned {
            item.error.encode(w);
            item.number.encode(w);
            item.node_name.encode(w);
            w.raw(&item.body);
        }
        self.origin.encode(w);
    }

    fn decode(version: Version, r: &mut Reader<'_>, body_of: BodyOf) -> Result<Self, DecodeError> {
        let mut header = Self::new(version, u16::decode(r)?, Number::decode(r)?);
        header.body_length = u32::decode(r)?;
        header.forward.count = u16::decode(r)?;
        if header.forward.count > 0 {
            header.forward.nodes = Wire::decode(r)?;
            header.forward.timeout_ms = Wire::decode(r)?;
            header.forward.tree_width = Wire::decode(r)?;
            if header.flags & flags::PACK_ADDRS != 0 {
                header.forward.net_cred = Wire::decode(r)?;
            }
            if version >= Version::V24_11 {
                header.forward.tree_depth = Wire::decode(r)?;
            }
        }
        for index in 0..u16::decode(r)? {
            let item = Returned::decode(r, body_of)
                .map_err(|e| e.within_item(index.into()).within("returned"))?;
            header.returned.push(item);
        }
        header.origin = Wire::decode(r)?;
        Ok(header)
    }
}

/// How long the body of a message is, at the front of a reader: an answer in a header has no
/// length of its own.
pub type BodyOf = fn(Number, &mut Reader<'_>) -> Result<(), DecodeError>;

impl Returned {
    fn decode(r: &mut Reader<'_>, body_of: BodyOf) -> Result<Self, DecodeError> {
        let error = u32::decode(r)?;
        let number = Number::decode(r)?;
        let node_name = Wire::decode(r)?;
        let mut measure = r.clone();
        body_of(number, &mut measure)?;
        let body = r.take(r.left() - measure.left())?.to_vec();
        Ok(Self { error, number, node_name, body })
    }
}

/// The credential in front of a body, unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `auth/slurm`, plugin 103: a token (compact JWS).
    Slurm {
        /// The token.
        token: Option<String>,
    },
    /// `auth/jwt`, plugin 102.
    Jwt {
        /// The token.
        token: Option<String>,
        /// The user that the bearer asks to be.
        user_name: Option<String>,
    },
    /// `auth/munge`, plugin 101.
    Munge {
        /// The munge credential.
        credential: Option<String>,
    },
    /// `auth/none`, plugin 100: a name, nothing proven.
    None {
        /// What the peer says of itself.
        claim: Option<String>,
    },
    /// A plugin that nobody here knows; what follows it cannot be told apart.
    Unknown {
        /// The plugin's number.
        plugin: u32,
    },
}

impl Auth {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Slurm { token } => {
                103u32.encode(w);
                token.encode(w);
            }
            Self::Jwt { token, user_name } => {
                102u32.encode(w);
                token.encode(w);
                user_name.encode(w);
            }
            Self::Munge { credential } => {
                101u32.encode(w);
                credential.encode(w);
            }
            Self::None { claim } => {
                100u32.encode(w);
                claim.encode(w);
            }
            Self::Unknown { plugin } => plugin.encode(w),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match u32::decode(r)? {
            103 => Self::Slurm { token: Wire::decode(r)? },
            102 => Self::Jwt { token: Wire::decode(r)?, user_name: Wire::decode(r)? },
            101 => Self::Munge { credential: Wire::decode(r)? },
            100 => Self::None { claim: Wire::decode(r)? },
            plugin => Self::Unknown { plugin },
        })
    }
}

/// A whole message, its body not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The header.
    pub header: Header,
    /// The credential; replies have none.
    pub auth: Option<Auth>,
    /// The body, in the header's version.
    pub body: Bytes,
}

/// Why bytes are not a frame; always the peer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header names a release that is not one of the six.
    #[error("protocol version {raw:#06x} is not one of 23.11 to 26.05")]
    Version {
        /// The header's version field.
        raw: u16,
    },
    /// The length is above the limit.
    #[error("a frame of {length} bytes, {max} allowed")]
    Oversized {
        /// What the length field says.
        length: u32,
        /// What is allowed.
        max: usize,
    },
    /// The header's body length and the bytes after the credential differ.
    #[error("{number}: the header promises a body of {promised} bytes, {found} follow")]
    BodyLength {
        /// The message.
        number: Number,
        /// What the header says.
        promised: u32,
        /// What is there.
        found: usize,
    },
    /// The header or the credential is damaged.
    #[error("header: {0}")]
    Header(#[from] DecodeError),
}

impl Frame {
    /// A message with a body, authenticated by `auth`.
    pub fn request(version: Version, number: Number, auth: Auth, body: impl Into<Bytes>) -> Self {
        Self { header: Header::new(version, 0, number), auth: Some(auth), body: body.into() }
    }

    /// An answer: in the requester's version, without a credential.
    pub fn reply(version: Version, number: Number, body: impl Into<Bytes>) -> Self {
        let header = Header::new(version, flags::NO_AUTH_CRED, number);
        Self { header, auth: None, body: body.into() }
    }

    /// The bytes, behind their length.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.begin(0)
    }

    /// The same, of a frame whose body has so many bytes more, which follow these.
    ///
    /// # Panics
    ///
    /// If the frame is longer than 1 GiB.
    pub fn begin(&self, following: usize) -> Vec<u8> {
        let mut header = self.header.clone();
        let length = Some(self.body.len() + following).filter(|length| *length < FRAME_BYTES_MAX);
        let length = length.and_then(|length| u32::try_from(length).ok());
        header.body_length = length.expect("a frame is at most 1 GiB");
        let mut w = Writer::after(Vec::with_capacity(self.body.len() + 64), header.version);
        w.sized_with(following, |w| {
            header.encode(w);
            if let Some(auth) = &self.auth {
                auth.encode(w);
            }
            w.raw(&self.body);
        });
        w.into_bytes()
    }

    /// A frame from its bytes, the length not among them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        Self::from_shared(&Bytes::copy_from_slice(bytes))
    }

    /// A frame from its bytes, the length not among them; its body shares them.
    pub fn from_shared(bytes: &Bytes) -> Result<Self, FrameError> {
        let mut r = Reader::new(bytes, Version::OLDEST);
        let raw = u16::decode(&mut r)?;
        let version = Version::from_wire(raw).ok_or(FrameError::Version { raw })?;
        let mut r = Reader::new(bytes, version);
        r.take(2)?;
        let header = Header::decode(version, &mut r, crate::msg::skip)?;
        let auth = match header.flags & flags::NO_AUTH_CRED {
            0 => Some(Auth::decode(&mut r)?),
            _ => None,
        };
        let body = r.rest();
        match usize::try_from(header.body_length) {
            Ok(promised) if promised == body.len() => {}
            _ => {
                return Err(FrameError::BodyLength {
                    number: header.number,
                    promised: header.body_length,
                    found: body.len(),
                });
            }
        }
        Ok(Self { body: bytes.slice_ref(body), header, auth })
    }
}

/// Cuts a stream of bytes into frames.
///
/// ```
/// # use protocol::frame::Deframer;
/// let mut deframer = Deframer::new(1024);
/// deframer.feed(&[0, 0, 0, 2, 7]);
/// assert_eq!(deframer.next(), Ok(None));
/// deframer.feed(&[8]);
/// assert_eq!(deframer.next(), Ok(Some(vec![7, 8].into())));
/// ```
#[derive(Debug)]
pub struct Deframer {
    bytes: BytesMut,
    max: usize,
}

impl Deframer {
    /// Takes frames of up to `max` bytes.
    pub fn new(max: usize) -> Self {
        Self { bytes: BytesMut::new(), max: max.min(FRAME_BYTES_MAX) }
    }

    /// Bytes from the peer. Memory grows with what has come, not with what a length announces.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, without its length; `None` until it has come.
    #[expect(clippy::should_implement_trait, reason = "None is not the end")]
    pub fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some((length, _)) = self.bytes.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length);
        let end = match usize::try_from(length) {
            Ok(n) if n <= self.max => n + 4,
            _ => return Err(FrameError::Oversized { length, max: self.max }),
        };
        if self.bytes.len() < end {
            return Ok(None);
        }
        let frame = self.bytes.split_to(end).freeze().slice(4..);
        Ok(Some(frame))
    }

    /// Whether a frame has begun and not ended.
    pub fn is_mid_frame(&self) -> bool {
        !self.bytes.is_empty()
    }
}
