//! One request and its answer, as a client or a slurmd sends it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::auth::{BodyHash, Client, Issuer, KeySet};
use protocol::frame::{Auth, FRAME_BYTES_MAX, Frame};
use protocol::msg::ReturnCode;
use protocol::shape::Timestamp;
use protocol::wire::{self, DecodeError, Wire};
use protocol::{Errno, Number, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time;

/// How long a token of ours is good, seconds: a client that sends one frame again and again needs to sign it once.
const TOKEN_S: u32 = 3600;

/// The header of an answer of a controller: version, flags, number, length, and nothing forwarded or returned.
const HEADER_BYTES: usize = 16;

/// The length in front of a frame.
const LENGTH_BYTES: usize = 4;

/// The time of day, as tokens and messages carry it.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Who speaks, in which release, with which key.
#[derive(Clone, Debug)]
pub struct Speaker {
    issuer: Issuer,
    keys: Arc<KeySet>,
    version: Version,
}

impl Speaker {
    /// root.
    pub fn root(keys: Arc<KeySet>, version: Version) -> Self {
        let issuer = Issuer {
            host: "bench".to_owned(),
            cluster: None,
            uid: 0,
            gid: 0,
            slurmd_uid: 0,
            ttl_s: TOKEN_S,
        };
        Self { issuer, keys, version }
    }

    /// The release that it speaks.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The keys that it signs with.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// A daemon's request, ready to be sent.
    pub fn daemon_frame(&self, number: Number, body: &impl Wire) -> Vec<u8> {
        let body = wire::to_bytes(body, self.version);
        let token = self.issuer.request(&self.keys, now(), None, number, &body);
        self.framed(number, token, body)
    }

    /// A request of this user, whose group has the same number, ready to be sent.
    pub fn user_frame(&self, uid: u32, number: Number, body: &impl Wire) -> Vec<u8> {
        let body = wire::to_bytes(body, self.version);
        let payload = BodyHash::of(number, &body).as_bytes().to_vec();
        let client = Client { uid, gid: uid, reader_uid: None, payload };
        let token = self.issuer.for_client(&self.keys, now(), client, None);
        self.framed(number, token, body)
    }

    fn framed(&self, number: Number, token: String, body: Vec<u8>) -> Vec<u8> {
        Frame::request(self.version, number, Auth::Slurm { token: Some(token) }, body).to_bytes()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The connection was refused, reset or closed.
    #[error("no answer")]
    Io(#[from] io::Error),
    /// Nothing came in time.
    #[error("no answer in {0:?}")]
    Late(Duration),
    /// The answer is longer than a frame may be.
    #[error("an answer of {0} bytes")]
    Oversized(u32),
    /// The answer is shorter than a header, or promises more than it holds.
    #[error("an answer of {0} bytes is no frame")]
    Cut(usize),
    /// The answer's body is damaged.
    #[error("the answer {number} cannot be read")]
    Body {
        /// What came.
        number: Number,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// Another message came than the one that answers this.
    #[error("{number} came as the answer, with the return code {code:?}")]
    Unexpected {
        /// What came.
        number: Number,
        /// The code, where that is what came.
        code: Option<Errno>,
    },
}

/// An answer, not decoded: a list of 100,000 jobs is 60 MB, and who only waits for it needs no copy.
#[derive(Debug)]
pub struct Reply {
    version: Version,
    bytes: Vec<u8>,
}

impl Reply {
    /// The message.
    pub fn number(&self) -> Number {
        Number(u16::from_be_bytes([self.bytes[4], self.bytes[5]]))
    }

    /// Its body: what the header promises, at the end of the frame.
    pub fn body(&self) -> &[u8] {
        let length = &self.bytes[6..10];
        let length = u32::from_be_bytes(length.try_into().expect("four bytes were taken"));
        let length = usize::try_from(length).expect("u32 fits usize here");
        &self.bytes[self.bytes.len() - length..]
    }

    /// The whole frame's length, bytes.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The whole frame as it came, with the length in front.
    pub fn into_frame(self) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).expect("its length came in four bytes");
        [&length.to_be_bytes()[..], &self.bytes].concat()
    }

    /// The return code, if that is what came.
    pub fn code(&self) -> Option<Errno> {
        (self.number() == Number::RESPONSE_SLURM_RC)
            .then(|| wire::from_bytes::<ReturnCode>(self.body(), self.version).ok())
            .flatten()
            .map(|answer| answer.code)
    }

    /// The body, when the answer is this message.
    ///
    /// # Errors
    /// When it is another message, or damaged.
    pub fn expect<T: Wire>(&self, number: Number) -> Result<T, CallError> {
        self.is(number)?;
        wire::from_bytes(self.body(), self.version)
            .map_err(|source| CallError::Body { number, source })
    }

    /// Whether the answer is this message.
    ///
    /// # Errors
    /// When it is another one.
    pub fn is(&self, number: Number) -> Result<(), CallError> {
        if self.number() == number {
            return Ok(());
        }
        Err(CallError::Unexpected { number: self.number(), code: self.code() })
    }
}

/// Sends a frame on a connection of its own and reads the answer, as every Slurm program does.
///
/// `from` is the address to call from: one address has 35,000 ports, each of which rests after a call.
///
/// # Errors
/// When no whole answer comes in time.
pub async fn exchange(
    to: SocketAddr,
    from: Option<Ipv4Addr>,
    frame: &[u8],
    version: Version,
    limit: Duration,
) -> Result<Reply, CallError> {
    let call = async {
        let mut stream = connect(to, from).await?;
        stream.write_all(frame).await?;
        let bytes = read_frame(&mut stream).await?;
        Ok(Reply { version, bytes })
    };
    time::timeout(limit, call).await.map_err(|_| CallError::Late(limit))?
}

/// What of an answer is left when nobody keeps its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// The message.
    pub number: Number,
    /// The first four bytes of its body, which count the records of a list.
    pub count: u32,
    /// The whole frame's length, bytes.
    pub length: usize,
}

/// Sends a frame as [`exchange`] does, and reads the answer to its end without keeping it: a list of 100,000 jobs is
/// 60 MB, and where only the time counts, memory for it would take the controller's processor. The buffer must hold the
/// begin of a frame, some hundred bytes.
///
/// # Errors
/// When no whole answer comes in time.
pub async fn glance(
    to: SocketAddr,
    from: Option<Ipv4Addr>,
    frame: &[u8],
    limit: Duration,
    buffer: &mut [u8],
) -> Result<Glance, CallError> {
    let call = async {
        let mut stream = connect(to, from).await?;
        stream.write_all(frame).await?;
        glance_at(&mut stream, buffer).await
    };
    time::timeout(limit, call).await.map_err(|_| CallError::Late(limit))?
}

async fn glance_at(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<Glance, CallError> {
    const HEAD: usize = LENGTH_BYTES + HEADER_BYTES;
    // Most answers are there whole at the first read.
    let mut filled = fill_to(stream, buffer, 0, HEAD).await?;
    let word = |buffer: &[u8], at: usize| {
        u32::from_be_bytes(buffer[at..at + 4].try_into().expect("four bytes were taken"))
    };
    let oversized = word(buffer, 0);
    let length = usize::try_from(oversized).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(CallError::Oversized(oversized));
    }
    let number = Number(u16::from_be_bytes([buffer[8], buffer[9]]));
    let body = usize::try_from(word(buffer, 10)).unwrap_or(usize::MAX);
    let whole = length + LENGTH_BYTES;
    let body_at = whole.checked_sub(body).filter(|at| *at >= HEAD).ok_or(CallError::Cut(length))?;
    let mut count = 0;
    if body >= 4 && body_at + 4 <= buffer.len() {
        filled = fill_to(stream, buffer, filled, body_at + 4).await?;
        count = word(buffer, body_at);
    }
    let mut left = whole.saturating_sub(filled);
    while left > 0 {
        let most = left.min(buffer.len());
        match stream.read(&mut buffer[..most]).await? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            read => left -= read,
        }
    }
    Ok(Glance { number, count, length })
}

/// Reads until at least so many bytes are there; how many are.
async fn fill_to(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    mut filled: usize,
    wanted: usize,
) -> io::Result<usize> {
    while filled < wanted {
        match stream.read(&mut buffer[filled..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(filled)
}

async fn connect(to: SocketAddr, from: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    let Some(from) = from else {
        return TcpStream::connect(to).await;
    };
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddrV4::new(from, 0).into())?;
    socket.connect(to).await
}

/// What is read at once: most frames whole.
const READ_BYTES: usize = 8 << 10;

/// One frame from a stream, without its length. A stream carries one frame each way.
///
/// # Errors
/// When the stream ends before it, or it cannot be a frame.
pub async fn read_frame(stream: &mut TcpStream) -> Result<Vec<u8>, CallError> {
    let mut head = Vec::with_capacity(READ_BYTES);
    while head.len() < LENGTH_BYTES {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    let length = head[..LENGTH_BYTES].try_into().expect("four bytes were taken");
    let length = u32::from_be_bytes(length);
    let wanted = usize::try_from(length).unwrap_or(usize::MAX);
    if wanted > FRAME_BYTES_MAX {
        return Err(CallError::Oversized(length));
    }
    let mut bytes = Vec::with_capacity(wanted.min(1 << 20));
    bytes.extend_from_slice(&head[LENGTH_BYTES..]);
    while bytes.len() < wanted && stream.read_buf(&mut bytes).await? > 0 {}
    let promised = bytes
        .get(6..10)
        .map(|field| u32::from_be_bytes(field.try_into().expect("four bytes were taken")));
    let whole = bytes.len() == wanted
        && promised.is_some_and(|body| {
            usize::try_from(body).is_ok_and(|body| body + HEADER_BYTES <= wanted)
        });
    if whole { Ok(bytes) } else { Err(CallError::Cut(bytes.len())) }
}
