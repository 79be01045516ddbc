//! Messages to nodes: sent, their answers turned into events.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use ctld_core::{Event, NodeMessage};
use model::{JobId, Node, NodeId};
use protocol::frame::{Auth, Frame};
use protocol::{Number, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::rim::{Rim, now, wire_now};
use crate::rpc::credential::Signer;
use crate::rpc::node_message::{self, Made, Sent};

/// Orders that wait to be sent. One that finds no room is dropped: the core asks again for all that
/// matters.
const ORDERS_MAX: usize = 1 << 16;
/// Messages on their way at a time to nodes that answer.
///
/// They go to each node directly: a tree of slurmds (TreeWidth) would spare this process sockets, at
/// the price that a dead slurmd on the way keeps back those behind it. A message and its answer are
/// one round trip here and no thread, so that even to thousands of nodes they are out in seconds.
const ON_THE_WAY_MAX: usize = 256;
/// Messages on their way at a time that may have to wait for their time limit: to nodes that have
/// not answered lately, or do not answer now. However many nodes are dead, they hold up each other
/// only.
const IN_DOUBT_MAX: usize = 512;
/// Questions whether a node is there on their way at a time. What is to be done on dead nodes is not
/// to keep back that others are found to be dead.
const QUESTIONS_MAX: usize = 256;
/// How long a node may take to answer before its message is one in doubt. slurmd answers all that
/// it is sent before it begins with it.
const SOON: Duration = Duration::from_millis(500);
/// The longest answer of a slurmd.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Order {
    /// To whom.
    pub node: NodeId,
    /// What.
    pub message: NodeMessage,
}

/// Takes orders.
#[derive(Clone, Debug)]
pub struct Agent(mpsc::Sender<Order>);

impl Agent {
    /// An agent, and its loop.
    pub fn new() -> (Self, mpsc::Receiver<Order>) {
        let (sender, receiver) = mpsc::channel(ORDERS_MAX);
        (Self(sender), receiver)
    }

    /// Takes an order.
    pub fn send(&self, order: Order) {
        if let Err(error) = self.0.try_send(order) {
            dropped(&error.into_inner());
        }
    }
}

/// The core asks again for all that matters.
fn dropped(order: &Order) {
    debug!(
        node = order.node.0,
        rpc = name(&order.message),
        "too many messages to nodes wait: dropped"
    );
}

/// What orders must keep their order: those about one job on one node, and those about the node.
type Lane = (NodeId, Option<JobId>);

/// The places of messages on their way. The semaphores are never closed.
#[derive(Clone, Debug)]
struct Places {
    quick: Arc<Semaphore>,
    in_doubt: Arc<Semaphore>,
    questions: Arc<Semaphore>,
}

impl Places {
    fn new() -> Self {
        let of = |count| Arc::new(Semaphore::new(count));
        Self { quick: of(ON_THE_WAY_MAX), in_doubt: of(IN_DOUBT_MAX), questions: of(QUESTIONS_MAX) }
    }

    fn taken(&self) -> u64 {
        let free = [&self.quick, &self.in_doubt, &self.questions]
            .map(|places| places.available_permits())
            .iter()
            .sum();
        (ON_THE_WAY_MAX + IN_DOUBT_MAX + QUESTIONS_MAX).saturating_sub(free) as u64
    }

    /// Sends an order when there is a place for it. One that is not answered soon makes room for
    /// others, if there is room among those in doubt.
    async fn deliver(&self, rim: &Rim, order: Order) {
        let asks = matches!(order.message, NodeMessage::Ping | NodeMessage::Register);
        let first = match (asks, is_silent(rim, order.node)) {
            (true, _) => &self.questions,
            (false, true) => &self.in_doubt,
            (false, false) => &self.quick,
        };
        let mut place = place(first).await;
        // It may have fallen silent while this waited.
        if Arc::ptr_eq(first, &self.quick) && is_silent(rim, order.node) {
            drop(place);
            place = self::place(&self.in_doubt).await;
        }
        rim.counters.messages_to_nodes.set(self.taken());
        let mut sending = pin!(deliver(rim, order));
        if timeout(SOON, &mut sending).await.is_err() {
            if Arc::ptr_eq(first, &self.quick)
                && let Ok(other) = Arc::clone(&self.in_doubt).try_acquire_owned()
            {
                place = other;
            }
            sending.await;
        }
        drop(place);
        rim.counters.messages_to_nodes.set(self.taken());
    }
}

async fn place(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(places).acquire_owned().await.expect("nobody closes it")
}

/// Whether a node did not answer when it was asked last.
fn is_silent(rim: &Rim, node: NodeId) -> bool {
    let view = rim.published.view();
    view.cluster.node(node).is_some_and(|node| node.flags.not_responding)
}

/// The agent's loop: sends orders, those of one lane one after the other.
pub async fn run(rim: Arc<Rim>, mut orders: mpsc::Receiver<Order>) {
    let places = Places::new();
    let (done, mut finished) = mpsc::unbounded_channel::<Lane>();
    let mut lanes: HashMap<Lane, VecDeque<Order>> = HashMap::new();
    let mut waiting = 0;
    let start = |order: Order, lane: Lane| {
        let (rim, done, places) = (Arc::clone(&rim), done.clone(), places.clone());
        tokio::spawn(async move {
            places.deliver(&rim, order).await;
            // The loop ends only with the program.
            let _ = done.send(lane);
        });
    };
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some(order) = order else { return };
                let lane = lane(&order);
                let is_full = lanes.len() >= ORDERS_MAX;
                match lanes.get_mut(&lane) {
                    Some(_) if waiting >= ORDERS_MAX => dropped(&order),
                    Some(queue) => {
                        waiting += 1;
                        queue.push_back(order);
                    }
                    None if is_full => dropped(&order),
                    None => {
                        lanes.insert(lane, VecDeque::new());
                        start(order, lane);
                    }
                }
            }
            Some(lane) = finished.recv() => {
                match lanes.get_mut(&lane).and_then(VecDeque::pop_front) {
                    Some(order) => {
                        waiting -= 1;
                        start(order, lane);
                    }
                    None => drop(lanes.remove(&lane)),
                }
            }
        }
    }
}

fn lane(order: &Order) -> Lane {
    let job = match &order.message {
        NodeMessage::LaunchProlog { job }
        | NodeMessage::LaunchBatch { job }
        | NodeMessage::Terminate { job }
        | NodeMessage::KillTimeLimit { job }
        | NodeMessage::KillPreempted { job }
        | NodeMessage::StepTimeLimit { job, .. } => Some(job.id),
        NodeMessage::Abort { job, .. }
        | NodeMessage::Signal { job, .. }
        | NodeMessage::Notify { job, .. }
        | NodeMessage::Suspend { job, .. } => Some(*job),
        NodeMessage::Ping
        | NodeMessage::Register
        | NodeMessage::HealthCheck
        | NodeMessage::Shutdown
        | NodeMessage::Reboot { .. } => None,
    };
    (order.node, job)
}

/// Sends one message; what comes of it goes to the writer.
async fn deliver(rim: &Rim, order: Order) {
    let Some(node) = rim.published.view().cluster.node(order.node).cloned() else {
        return;
    };
    let mut outcome = exchange(rim, &node, &order.message).await;
    // A slurmd hangs up on a release that it does not know.
    if let (Err(DeliveryError::Broken { .. }), NodeMessage::Register) = (&outcome, &order.message)
        && node.registration.is_none()
    {
        outcome = send(rim, &node, &order.message, node_message::register_older()).await;
    }
    let events = match outcome {
        Ok(sent) => {
            let mut events = Vec::new();
            if is_news(&node) {
                let seen = model::Seen { at: now(), load: sent.load };
                events.push(Event::Answered { node: node.id, seen });
            }
            events.extend(sent.event);
            events
        }
        Err(error) => {
            warn!(node = %node.name, rpc = name(&order.message), cause = %error, "a node was not reached");
            let mut events = vec![Event::Unreachable { node: node.id }];
            events.extend(node_message::unanswered(&order.message));
            events
        }
    };
    for event in events {
        rim.tell(event).await;
    }
}

/// Whether it matters that a node is there: not if it was heard of a moment ago.
fn is_news(node: &Node) -> bool {
    const MOMENT_S: u64 = 5;
    node.flags.not_responding || node.last_response.is_none_or(|at| now().since(at) >= MOMENT_S)
}

fn name(message: &NodeMessage) -> &'static str {
    match message {
        NodeMessage::Ping => "ping",
        NodeMessage::HealthCheck => "health check",
        NodeMessage::Register => "register",
        NodeMessage::LaunchProlog { .. } => "launch prolog",
        NodeMessage::LaunchBatch { .. } => "launch batch",
        NodeMessage::Terminate { .. } => "terminate",
        NodeMessage::KillTimeLimit { .. } => "kill at time limit",
        NodeMessage::KillPreempted { .. } => "kill to make room",
        NodeMessage::StepTimeLimit { .. } => "kill a step at its time limit",
        NodeMessage::Abort { .. } => "abort",
        NodeMessage::Signal { .. } => "signal",
        NodeMessage::Suspend { .. } => "suspend",
        NodeMessage::Shutdown => "shutdown",
        NodeMessage::Notify { .. } => "notify",
        NodeMessage::Reboot { .. } => "reboot",
    }
}

/// Why a node was not reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeliveryError {
    #[error("{host} cannot be looked up: {source}")]
    Lookup {
        host: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{host} has no address")]
    NoAddress { host: String },
    #[error("no connection to {address}: {source}")]
    Connect {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("no answer of {address} within {limit_s} s")]
    Silent { address: SocketAddr, limit_s: u64 },
    #[error("the connection to {address} broke: {source}")]
    Broken {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("{address} answered with what is not a frame: {source}")]
    Malformed {
        address: SocketAddr,
        #[source]
        source: protocol::frame::FrameError,
    },
    #[error("its script cannot be read from the store: {0}")]
    Script(state::StoreError),
}

async fn exchange(rim: &Rim, node: &Node, message: &NodeMessage) -> Result<Sent, DeliveryError> {
    let script = match message {
        NodeMessage::LaunchBatch { job } => {
            let script = rim.store.0.script(job.array_job()).map_err(DeliveryError::Script)?;
            match script {
                Some(script) => Some(script),
                None => return Ok(Sent::script_missing(job)),
            }
        }
        _ => None,
    };
    let view = rim.published.view();
    let (keys, issuer) = (rim.key_set(), rim.issuer());
    let signer = Signer { keys: &keys, issuer: &issuer, now: wire_now() };
    let Some(made) = node_message::message(&view, node, message, script, &signer) else {
        return Ok(Sent::nothing());
    };
    drop(view);
    send(rim, node, message, made).await
}

/// Sends what a message was made to, and hears the answer.
async fn send(
    rim: &Rim,
    node: &Node,
    message: &NodeMessage,
    made: Made,
) -> Result<Sent, DeliveryError> {
    let (keys, issuer) = (rim.key_set(), rim.issuer());
    let (connect_limit, limit) = {
        let view = rim.published.view();
        let message_s = view.cluster.config().message_timeout_s;
        (view.conf.keys.tcp_timeout.max(1).into(), message_s.max(1).into())
    };
    let (connect_limit, limit) = (Duration::from_secs(connect_limit), Duration::from_secs(limit));
    let token = issuer.request(&keys, wire_now(), None, made.number, &made.body);
    let auth = Auth::Slurm { token: Some(token) };
    let bytes = Frame::request(made.version, made.number, auth, made.body).to_bytes();
    let address = address(node).await?;
    let silent = |limit: Duration| DeliveryError::Silent { address, limit_s: limit.as_secs() };
    let mut stream = timeout(connect_limit, TcpStream::connect(address))
        .await
        .map_err(|_| silent(connect_limit))?
        .map_err(|source| DeliveryError::Connect { address, source })?;
    let broken = |source| DeliveryError::Broken { address, source };
    timeout(limit, stream.write_all(&bytes)).await.map_err(|_| silent(limit))?.map_err(broken)?;
    if !made.answered {
        return Ok(Sent::nothing());
    }
    let answer = timeout(limit, receive(&mut stream)).await.map_err(|_| silent(limit))?;
    let answer = Frame::from_shared(&answer.map_err(broken)?)
        .map_err(|source| DeliveryError::Malformed { address, source })?;
    let (number, version): (Number, Version) = (answer.header.number, answer.header.version);
    Ok(node_message::outcome(node, message, number, version, &answer.body))
}

/// One frame, without its length.
pub(super) async fn receive(stream: &mut TcpStream) -> std::io::Result<Bytes> {
    const LENGTH_BYTES: usize = 4;
    const READ_BYTES: usize = 512;
    let mut bytes = BytesMut::with_capacity(READ_BYTES);
    while bytes.len() < LENGTH_BYTES {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = usize::try_from(bytes.get_u32()).unwrap_or(usize::MAX).min(ANSWER_BYTES_MAX);
    // An answer that ends early is told by what it does not decode to.
    while bytes.len() < length && stream.read_buf(&mut bytes).await? > 0 {}
    bytes.truncate(length);
    Ok(bytes.freeze())
}

/// Where a node's slurmd listens: where its registration came from, for nodes whose address nobody
/// configured.
pub(super) async fn address(node: &Node) -> Result<SocketAddr, DeliveryError> {
    let dynamic = node.origin == model::Origin::Dynamic || node.flags.cloud;
    if let (true, Some(seen)) = (dynamic, node.address.seen) {
        return Ok(SocketAddr::new(seen.ip(), node.address.port));
    }
    let host = node.address.host.to_string();
    let lookup = tokio::net::lookup_host((host.as_str(), node.address.port)).await;
    match lookup.map(|mut addresses| addresses.next()) {
        Ok(address) => address.ok_or(DeliveryError::NoAddress { host }),
        Err(source) => Err(DeliveryError::Lookup { host, source }),
    }
}

/// The release that a node was last heard in; `None` before it has registered.
pub(super) fn release(node: &Node) -> Option<Version> {
    node.registration.as_ref().and_then(|registration| Version::from_wire(registration.protocol))
}
