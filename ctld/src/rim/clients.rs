//! Clients that wait for their jobs and steps: what they are told at the ports that they named.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ctld_core::{ClientMessage, Event};
use model::{Job, JobId, NumberOption, Phase, StepClient, TextOption, WaitReason};
use protocol::frame::{Auth, Frame};
use protocol::{Number, Version};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use crate::rim::{Rim, agent, wire_now};
use crate::rpc::client_message::{self, Told};

/// For how long the answer to a request for an allocation waits for a scheduler to look at the job:
/// most jobs that start at once have started by then, and the client needs no second message.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// How often a client that did not answer is tried.
const TRIES: u32 = 3;

/// Waits until a scheduler has looked at a job that has just been submitted. If it does not start,
/// its client is about to be told so, and to listen at its port.
pub(super) async fn looked_at(rim: &Rim, id: JobId) {
    let until = Instant::now() + FIRST_LOOK;
    loop {
        let renewed = rim.published.renewed();
        let waits = {
            let view = rim.published.view();
            let job = view.cluster.job(id);
            job.is_some_and(|job| job.is_pending() && job.wait == WaitReason::None)
        };
        if !waits || timeout_at(until, renewed).await.is_err() {
            break;
        }
    }
    // Of one that has started by now, the answer is read again after this.
    let pending = rim.published.view().cluster.job(id).is_some_and(|job| job.is_pending());
    if pending {
        // Without an answer the controller ends, and the client asks the next one.
        let _ = rim.ask(Event::ClientListens { job: id }).await;
    }
}

/// Tells the client of an interactive job that it has started, or that it will not.
pub async fn tell_of_job(rim: &Rim, job: &Arc<Job>) {
    let carried = &job.spec.carried;
    let host = carried.text(TextOption::RespHost).or_else(|| carried.text(TextOption::AllocNode));
    let port = carried.number(NumberOption::AllocRespPort);
    let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    let (Some(host), Some(port)) = (host, port) else { return };
    let client = StepClient { host: Arc::clone(host), port, pid: 0 };
    if job.phase == Phase::Ended {
        let message = ClientMessage::Complete { job: job.id, step: None };
        tell(rim, &client, job.protocol, message).await;
        return;
    }
    let told = {
        let view = rim.published.view();
        client_message::started(&view, job)
    };
    let mut refused = false;
    for attempt in 0..TRIES {
        match send(rim, &client, job.protocol, &told).await {
            Ok(()) => return rim.tell(Event::ClientTold { job: job.id, reached: true }).await,
            Err(error) => {
                debug!(job = job.id.0, cause = %error, "the client of a job is not reached");
                refused = error.kind() == ErrorKind::ConnectionRefused;
            }
        }
        tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
    }
    // One that is only slow, or behind a network that is down, may come back.
    if refused {
        rim.tell(Event::ClientTold { job: job.id, reached: false }).await;
    }
}

/// Tells a client something that it may miss.
pub async fn tell(rim: &Rim, client: &StepClient, protocol: u16, message: ClientMessage) {
    let asked = match message {
        ClientMessage::Ping { job } => Some(job),
        _ => None,
    };
    let told = client_message::of(&rim.published.view(), message);
    match (send(rim, client, protocol, &told).await, asked) {
        (Ok(()), Some(job)) => rim.tell(Event::ClientAnswered { job }).await,
        (Ok(()), None) => {}
        (Err(error), _) => {
            debug!(host = %client.host, port = client.port, cause = %error, "a client is not reached");
        }
    }
}

async fn send(rim: &Rim, client: &StepClient, protocol: u16, told: &Told) -> std::io::Result<()> {
    let version = Version::from_wire(protocol).unwrap_or(Version::NEWEST);
    let (tcp, limit) = {
        let view = rim.published.view();
        let message_s = view.cluster.config().message_timeout_s;
        (view.conf.keys.tcp_timeout.max(1), Duration::from_secs(message_s.max(1).into()))
    };
    let late = |_| std::io::Error::from(ErrorKind::TimedOut);
    let body = told.body(version);
    let bytes = frame(rim, version, told.number(), body);
    let connect = Duration::from_secs(tcp.into());
    let address = address(&client.host, client.port).await?;
    let mut stream = timeout(connect, TcpStream::connect(address)).await.map_err(late)??;
    timeout(limit, stream.write_all(&bytes)).await.map_err(late)??;
    timeout(limit, agent::receive(&mut stream)).await.map_err(late)??;
    Ok(())
}

fn frame(rim: &Rim, version: Version, number: Number, body: Vec<u8>) -> Vec<u8> {
    let token = rim.issuer().request(&rim.key_set(), wire_now(), None, number, &body);
    Frame::request(version, number, Auth::Slurm { token: Some(token) }, body).to_bytes()
}

async fn address(host: &str, port: u16) -> std::io::Result<SocketAddr> {
    let mut addresses = tokio::net::lookup_host((host, port)).await?;
    addresses.next().ok_or_else(|| ErrorKind::AddrNotAvailable.into())
}
