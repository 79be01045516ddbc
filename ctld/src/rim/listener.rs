//! Requests of peers: read, authenticated, dispatched, answered.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use ctld_core::{Answer, Caller};
use model::{Gid, Uid};
use protocol::auth::{self, Expected, TokenError, UserToken};
use protocol::frame::{Auth, FRAME_BYTES_MAX, Frame, FrameError};
use protocol::{Errno, Number, Version, msg, wire};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::rim::{Connections, NoAnswer, Rim, Ticket, clients, now, program, wire_now};
use crate::rpc::credential::Signer;
use crate::rpc::{self, Command, Failure, Kind, Privilege, Reply, Request};
use crate::view::View;

/// How many connections the kernel may hold ready. A burst of clients after a restart finds room.
const BACKLOG: i32 = 4096;
/// A refused token costs its sender this long: it slows down guessing.
const REFUSAL_DELAY: Duration = Duration::from_millis(10);
/// A pause after the system had no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many long replies are being made at a time; the other threads stay free for short ones.
const LONG_READS: usize = 4;
/// Bytes of requests that are being received at a time, of all peers together.
const RECEIVING_BYTES: usize = 256 << 20;
/// The length in front of a frame.
const LENGTH_BYTES: usize = 4;
/// What is read at once: most requests whole.
const READ_BYTES: usize = 8 << 10;
/// A request up to this size is received without asking for room.
const SMALL_REQUEST: usize = 64 << 10;

/// How many parts of a reply are handed to the kernel at a time: no more than it takes (IOV_MAX).
const SLICES_MAX: usize = 1024;
/// The longest reply, with room for its header: a frame is at most 1 GiB.
const REPLY_BYTES_MAX: usize = FRAME_BYTES_MAX - (64 << 10);

/// What the listeners share.
#[derive(Debug)]
pub struct Service {
    rim: Arc<Rim>,
    connections: Arc<Connections>,
    long_reads: Semaphore,
    receiving: Semaphore,
}

/// Binds a port, on IPv6 and IPv4 where both are there.
///
/// # Errors
///
/// If the port is taken, or the system says no.
pub fn listen(port: u16) -> io::Result<std::net::TcpListener> {
    let bind = |domain: Domain, address: SocketAddr| -> io::Result<std::net::TcpListener> {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if domain == Domain::IPV6 {
            socket.set_only_v6(false)?;
        }
        socket.bind(&SockAddr::from(address))?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    let v6 = bind(Domain::IPV6, SocketAddr::from(([0u16; 8], port)));
    match v6 {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            bind(Domain::IPV4, SocketAddr::from(([0u8; 4], port)))
        }
        bound => bound,
    }
}

/// Accepts and serves connections for ever.
///
/// # Errors
///
/// If the runtime cannot take a listener.
pub async fn serve(rim: Arc<Rim>, listeners: Vec<std::net::TcpListener>) -> io::Result<()> {
    let connections = Connections::new(
        usize::try_from(rim.limits.connections).unwrap_or(usize::MAX),
        usize::try_from(rim.limits.connections_per_peer).unwrap_or(usize::MAX),
    );
    let service = Arc::new(Service {
        rim,
        connections,
        long_reads: Semaphore::new(LONG_READS),
        receiving: Semaphore::new(RECEIVING_BYTES),
    });
    let mut accepting = tokio::task::JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(Arc::clone(&service), TcpListener::from_std(listener)?));
    }
    accepting.join_all().await;
    Ok(())
}

async fn accept(service: Arc<Service>, listener: TcpListener) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(cause = %error, "no room for another connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        match service.connections.admit(peer.ip()) {
            Ok(ticket) => {
                service.rim.counters.connections.set(service.connections.open() as u64);
                let service = Arc::clone(&service);
                let (go, gone) = tokio::sync::oneshot::channel::<Arc<Ticket>>();
                let task = tokio::spawn(async move {
                    if let Ok(ticket) = gone.await {
                        connected(&service, stream, peer, &ticket).await;
                    }
                });
                let ticket = Arc::new(ticket);
                ticket.idle(task.abort_handle());
                // The task waits for its ticket: it is there to take it.
                let _ = go.send(ticket);
            }
            Err(crowded) => warn!(%peer, cause = %crowded, "connection refused"),
        }
    }
}

/// One connection: one request, one reply.
async fn connected(service: &Service, mut stream: TcpStream, peer: SocketAddr, ticket: &Ticket) {
    let rim = &service.rim;
    let limit = message_timeout(rim);
    let frame = match timeout(limit, receive(service, &mut stream)).await {
        Ok(Ok(Some(frame))) => frame,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => {
            warn!(%peer, cause = %error, "no whole request came");
            return;
        }
        Err(_) => {
            debug!(%peer, limit_s = limit.as_secs(), "no whole request came in time");
            return;
        }
    };
    ticket.busy();
    let Some(reply) = answer(service, &frame, peer).await else {
        return;
    };
    let mut slices: Vec<IoSlice<'_>> = reply.iter().map(|part| IoSlice::new(part)).collect();
    let mut rest = &mut slices[..];
    // Parts without a byte would look like a peer that takes none.
    IoSlice::advance_slices(&mut rest, 0);
    // Stock clients of a slow line read a long reply slowly: the limit is on each write.
    while !rest.is_empty() {
        let next = &rest[..rest.len().min(SLICES_MAX)];
        match timeout(limit, stream.write_vectored(next)).await {
            Ok(Ok(n)) if n > 0 => IoSlice::advance_slices(&mut rest, n),
            Ok(Ok(_)) | Err(_) => return debug!(%peer, "the reply was not taken"),
            Ok(Err(error)) => return debug!(%peer, cause = %error, "the reply was not taken"),
        }
    }
}

fn message_timeout(rim: &Rim) -> Duration {
    Duration::from_secs(rim.published.view().cluster.config().message_timeout_s.max(1).into())
}

/// Why no request came.
#[derive(Debug, thiserror::Error)]
enum ReceiveError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// The bytes of one frame, without its length; `None` if the peer closed before it began. Memory
/// grows with what comes, not with what the length announces.
async fn receive(service: &Service, stream: &mut TcpStream) -> Result<Option<Bytes>, ReceiveError> {
    let mut bytes = BytesMut::with_capacity(READ_BYTES);
    while bytes.len() < LENGTH_BYTES {
        if stream.read_buf(&mut bytes).await? == 0 {
            if bytes.is_empty() {
                return Ok(None);
            }
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    let length = bytes.get_u32();
    let max = usize::try_from(service.rim.limits.frame_bytes).unwrap_or(usize::MAX);
    let n = usize::try_from(length).unwrap_or(usize::MAX);
    if n > max {
        return Err(FrameError::Oversized { length, max }.into());
    }
    let permits = u32::try_from(n.min(RECEIVING_BYTES)).unwrap_or(u32::MAX);
    let _room = match n {
        0..=SMALL_REQUEST => None,
        // The semaphore is never closed.
        _ => service.receiving.acquire_many(permits).await.ok(),
    };
    bytes.reserve(n.min(SMALL_REQUEST).saturating_sub(bytes.len()));
    while bytes.len() < n {
        let left = u64::try_from(n - bytes.len()).unwrap_or(u64::MAX);
        if (&mut *stream).take(left).read_buf(&mut bytes).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    // One request a connection: whatever follows it is nobody's.
    bytes.truncate(n);
    Ok(Some(bytes.freeze()))
}

/// The bytes of the reply, in parts; `None` closes the connection without one.
async fn answer(service: &Service, bytes: &Bytes, peer: SocketAddr) -> Option<Vec<Bytes>> {
    let rim = &service.rim;
    let began = Instant::now();
    let frame = match Frame::from_shared(bytes) {
        Ok(frame) => frame,
        Err(FrameError::Version { raw }) => return Some(unknown_release(peer, raw)),
        Err(error) => {
            warn!(%peer, cause = %error, "malformed request");
            return None;
        }
    };
    let (number, version) = (frame.header.number, frame.header.version);
    let (caller, host) = match authenticate(rim, &frame) {
        Ok(sender) => sender,
        Err(error) => {
            warn!(%peer, release = %version, rpc = %number, cause = %error, "authentication failed");
            tokio::time::sleep(REFUSAL_DELAY).await;
            let code = Errno::SLURM_PROTOCOL_AUTHENTICATION_ERROR;
            return Some(return_code(version, code));
        }
    };
    let request =
        Request { number, version, caller, peer, host: &host, body: &frame.body, now: now() };
    let reply = dispatch(service, &request).await;
    let time_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    rim.counters.answered(number.0, caller.uid.0, time_us);
    let reply = reply?;
    let version = reply.version.unwrap_or(version);
    let length: usize = reply.tail.iter().map(Bytes::len).sum();
    if reply.body.len() + length >= REPLY_BYTES_MAX {
        warn!(%peer, rpc = %number, length, "the reply is longer than a frame can be");
        return Some(return_code(request.version, Errno::ESLURM_RESULT_TOO_LARGE));
    }
    let mut parts = Vec::with_capacity(1 + reply.tail.len());
    parts.push(Frame::reply(version, reply.number, reply.body).begin(length).into());
    parts.extend(reply.tail);
    Some(parts)
}

/// What a peer of a release that nobody here speaks is told, in the nearest one: its own check of
/// the reply's version makes it say what is wrong.
fn unknown_release(peer: SocketAddr, raw: u16) -> Vec<Bytes> {
    warn!(%peer, release = format!("{raw:#06x}"), "a peer of a release that is not spoken here");
    let version = if raw < Version::OLDEST.to_wire() { Version::OLDEST } else { Version::NEWEST };
    return_code(version, Errno::SLURM_PROTOCOL_VERSION_ERROR)
}

fn return_code(version: Version, code: Errno) -> Vec<Bytes> {
    let body = wire::to_bytes(&msg::ReturnCode { code }, version);
    vec![Frame::reply(version, Number::RESPONSE_SLURM_RC, body).to_bytes().into()]
}

/// Why a sender is not who it says.
#[derive(Debug, thiserror::Error)]
enum AuthError {
    #[error("the request has no credential")]
    Missing,
    #[error("{0} is not among AuthType and AuthAltTypes here")]
    NotEnabled(&'static str),
    #[error("authentication plugin {0} is not known")]
    UnknownPlugin(u32),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("no user is named {0}")]
    NoSuchUser(String),
    #[error("{name} may not act as {other}")]
    NotImpersonator {
        /// The bearer.
        name: String,
        /// Whom it wants to be.
        other: String,
    },
}

/// Who sent a frame, and from which machine if the token says so. The body has not been decoded yet: only its hash is looked at.
fn authenticate(rim: &Rim, frame: &Frame) -> Result<(Caller, String), AuthError> {
    match &frame.auth {
        Some(Auth::Slurm { token: Some(token) }) => {
            let expected = Expected { number: frame.header.number, body: &frame.body };
            let claims = auth::authenticate(token, &rim.key_set(), wire_now(), rim.uid, expected)?;
            Ok((Caller { uid: Uid(claims.uid), gid: Gid(claims.gid) }, claims.host))
        }
        Some(Auth::Jwt { token: Some(token), user_name }) => {
            Ok((authenticate_jwt(rim, token, user_name.as_deref())?, String::new()))
        }
        None | Some(Auth::Slurm { token: None } | Auth::Jwt { token: None, .. }) => {
            Err(AuthError::Missing)
        }
        Some(Auth::Munge { .. }) => Err(AuthError::NotEnabled("auth/munge")),
        Some(Auth::None { .. }) => Err(AuthError::NotEnabled("auth/none")),
        Some(Auth::Unknown { plugin }) => Err(AuthError::UnknownPlugin(*plugin)),
    }
}

/// A bearer of an `auth/jwt` token; SlurmUser's and root's may act as anybody.
fn authenticate_jwt(rim: &Rim, token: &str, user_name: Option<&str>) -> Result<Caller, AuthError> {
    let keys = rim.keys();
    let set = keys.jwt.as_ref().ok_or(AuthError::NotEnabled("auth/jwt"))?;
    let view = rim.published.view();
    let parameters = view.conf.keys.auth_alt_parameters.as_deref().unwrap_or_default();
    let claim = parameters.split(',').find_map(|p| p.strip_prefix("userclaimfield="));
    let bearer = UserToken::verify(token, set, wire_now(), claim)?;
    let find = |name: &str| {
        let uid = view.users.uid(name).and_then(|uid| view.users.user(uid));
        uid.ok_or_else(|| AuthError::NoSuchUser(name.to_owned()))
    };
    let user = find(&bearer.user_name)?;
    let caller = match user_name.filter(|name| *name != bearer.user_name) {
        None => user,
        Some(_) if user.uid == Uid::ROOT || user.uid == view.cluster.config().slurm_user => {
            find(user_name.unwrap_or_default())?
        }
        Some(other) => {
            return Err(AuthError::NotImpersonator {
                name: bearer.user_name,
                other: other.to_owned(),
            });
        }
    };
    Ok(Caller { uid: caller.uid, gid: caller.gid })
}

/// Serves a request by its row in the table.
async fn dispatch(service: &Service, request: &Request<'_>) -> Option<Reply> {
    let rim = &service.rim;
    let Some(row) = rpc::row(request.number) else {
        not_implemented(rim, request);
        return Some(request.return_code(Errno::EINVAL));
    };
    let config = Arc::clone(rim.published.view().cluster.config());
    if !has_privilege(row.privilege, request, &config) {
        info!(
            peer = %request.peer, uid = request.caller.uid.0, rpc = %request.number,
            "a request that takes more privilege"
        );
        return refused(row.kind, request);
    }
    let result = match row.kind {
        Kind::Read(read) if is_long(request.number) => long_read(service, request, read).await,
        Kind::Read(read) => read(&rim.published.view(), request),
        Kind::ReadSigned(read) => {
            let (keys, issuer) = (rim.key_set(), rim.issuer());
            let signer = Signer { keys: &keys, issuer: &issuer, now: wire_now() };
            read(&rim.published.view(), request, &signer)
        }
        Kind::Write(write, answered) => {
            write_through(rim, request, write, |view, answer| answered(view, request, answer)).await
        }
        Kind::WriteSigned(write, answered) => {
            let signed = |view: &View, answer| {
                let (keys, issuer) = (rim.key_set(), rim.issuer());
                let signer = Signer { keys: &keys, issuer: &issuer, now: wire_now() };
                answered(view, request, answer, &signer)
            };
            write_through(rim, request, write, signed).await
        }
        Kind::Program(command) => program::command(rim, request, command).await,
    };
    let reply = result.map_or_else(
        |failure| {
            tell_failure(request, &failure);
            rpc::failed(request, &failure)
        },
        Some,
    );
    reply.filter(|_| request.version >= row.answered_from)
}

fn tell_failure(request: &Request<'_>, failure: &Failure) {
    let (peer, uid, message) = (request.peer, request.caller.uid.0, request.number);
    match failure {
        Failure::Malformed(_) => {
            warn!(%peer, uid, release = %request.version, rpc = %message, cause = %failure, "malformed request");
        }
        Failure::Code(Errno::SLURM_NO_CHANGE_IN_DATA) => {}
        _ => info!(%peer, uid, rpc = %message, cause = %failure, "request refused"),
    }
}

fn not_implemented(rim: &Rim, request: &Request<'_>) {
    if rim.counters.not_implemented.first_of(request.number.0) {
        warn!(
            peer = %request.peer, uid = request.caller.uid.0, rpc = %request.number,
            "this message is not implemented; it is answered with an error, and not logged again"
        );
    }
}

fn has_privilege(privilege: Privilege, request: &Request<'_>, config: &model::Config) -> bool {
    let uid = request.caller.uid;
    let admin = uid == Uid::ROOT || uid == config.slurm_user;
    match privilege {
        Privilege::Anybody => true,
        Privilege::Daemon => admin || uid == config.slurmd_user,
        Privilege::Admin => admin,
    }
}

/// What a sender without the privilege is told. Reports that only a daemon sends are left without an
/// answer by stock controllers.
fn refused(kind: Kind, request: &Request<'_>) -> Option<Reply> {
    let silent = [
        Number::REQUEST_COMPLETE_BATCH_SCRIPT,
        Number::MESSAGE_EPILOG_COMPLETE,
        Number::REQUEST_COMPLETE_PROLOG,
    ];
    match kind {
        _ if silent.contains(&request.number) => None,
        _ if request.number == Number::REQUEST_REBOOT_NODES => {
            Some(request.return_code(Errno::EACCES))
        }
        Kind::Program(Command::Tune) => Some(request.return_code(Errno::EACCES)),
        Kind::Read(_)
        | Kind::ReadSigned(_)
        | Kind::Write(..)
        | Kind::WriteSigned(..)
        | Kind::Program(_) => Some(request.return_code(Errno::ESLURM_USER_ID_MISSING)),
    }
}

/// Replies that list whole tables.
fn is_long(number: Number) -> bool {
    matches!(
        number,
        Number::REQUEST_JOB_INFO
            | Number::REQUEST_JOB_USER_INFO
            | Number::REQUEST_JOB_STEP_INFO
            | Number::REQUEST_NODE_INFO
            | Number::REQUEST_JOB_STATE
            | Number::REQUEST_JOB_WILL_RUN
    )
}

/// A read that may take a while, beside the threads that serve sockets.
async fn long_read(
    service: &Service,
    request: &Request<'_>,
    read: rpc::Read,
) -> Result<Reply, Failure> {
    // The semaphore is never closed.
    let _turn = service.long_reads.acquire().await.ok();
    let view = service.rim.published.view();
    tokio::task::block_in_place(|| read(&view, request))
}

async fn write_through(
    rim: &Rim,
    request: &Request<'_>,
    write: rpc::Write,
    answered: impl FnOnce(&View, Answer) -> Reply,
) -> Result<Reply, Failure> {
    let event = {
        let view = rim.published.view();
        write(&view, request)?
    };
    match rim.ask(event).await {
        Ok(Ok(Answer::Submitted { job }))
            if matches!(
                request.number,
                Number::REQUEST_RESOURCE_ALLOCATION | Number::REQUEST_HET_JOB_ALLOCATION
            ) =>
        {
            clients::looked_at(rim, job).await;
            Ok(answered(&rim.published.view(), Answer::Submitted { job }))
        }
        Ok(answer) => Ok(answered(&rim.published.view(), answer?)),
        Err(NoAnswer::Busy) => Err(Failure::Code(Errno::SLURMCTLD_COMMUNICATIONS_BACKOFF)),
        Err(NoAnswer::Ending) => Err(Failure::Silent),
    }
}
