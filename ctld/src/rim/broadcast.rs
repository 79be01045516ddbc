//! Messages to everybody: the configuration changed, or the controller ends.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use protocol::frame::{Auth, Frame};
use protocol::{Number, Version, wire};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

use crate::config::Audience;
use crate::rim::{Rim, agent, program, wire_now};

/// Messages on their way at a time.
const ON_THE_WAY_MAX: usize = 128;
/// The time that each receiver has.
const LIMIT: Duration = Duration::from_secs(5);

/// Tells nodes to read their configuration again, or sends it to those that have none of their own;
/// and sends it to the sackds that took theirs here.
pub async fn announce_configuration(rim: &Arc<Rim>) {
    let view = rim.published.view();
    let configless = view.conf.settings.configless;
    let mut letters = Vec::new();
    for node in view.cluster.nodes().filter(|node| node.is_reachable()) {
        let Some(version) = agent::release(node) else {
            continue;
        };
        let (number, body) = if configless {
            let files = program::config_files(&view.conf, Audience::Node, version);
            (Number::REQUEST_RECONFIGURE_WITH_CONFIG, wire::to_bytes(&files, version))
        } else {
            (Number::REQUEST_RECONFIGURE, Vec::new())
        };
        if let Ok(address) = agent::address(node).await {
            letters.push(Letter { address, version, number, body });
        }
    }
    let sackds = rim.sackds.read().unwrap_or_else(PoisonError::into_inner).clone();
    for (address, version) in sackds {
        let files = program::config_files(&view.conf, Audience::Client, version);
        let body = wire::to_bytes(&files, version);
        letters.push(Letter { address, version, number: Number::REQUEST_RECONFIGURE_SACKD, body });
    }
    drop(view);
    post(rim, letters).await;
}

/// Tells all nodes to end.
pub async fn shut_nodes_down(rim: &Arc<Rim>) {
    let view = rim.published.view();
    let mut letters = Vec::new();
    for node in view.cluster.nodes().filter(|node| node.is_reachable()) {
        if let (Some(version), Ok(address)) = (agent::release(node), agent::address(node).await) {
            // REQUEST_SHUTDOWN's options: everything.
            let body = wire::to_bytes(&0u16, version);
            letters.push(Letter { address, version, number: Number::REQUEST_SHUTDOWN, body });
        }
    }
    drop(view);
    post(rim, letters).await;
}

/// A message that nobody waits for an answer to.
struct Letter {
    address: SocketAddr,
    version: Version,
    number: Number,
    body: Vec<u8>,
}

async fn post(rim: &Arc<Rim>, letters: Vec<Letter>) {
    let places = Arc::new(Semaphore::new(ON_THE_WAY_MAX));
    let mut sending = JoinSet::new();
    for letter in letters {
        let (rim, places) = (Arc::clone(rim), Arc::clone(&places));
        sending.spawn(async move {
            // The semaphore is never closed.
            let _place = places.acquire().await;
            let (address, message) = (letter.address, letter.number);
            match timeout(LIMIT, send(&rim, letter)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => debug!(%address, rpc = %message, cause = %error, "not delivered"),
                Err(_) => debug!(%address, rpc = %message, "not delivered in time"),
            }
        });
    }
    sending.join_all().await;
}

async fn send(rim: &Rim, letter: Letter) -> std::io::Result<()> {
    let Letter { address, version, number, body } = letter;
    let token = rim.issuer().request(&rim.key_set(), wire_now(), None, number, &body);
    let auth = Auth::Slurm { token: Some(token) };
    let bytes = Frame::request(version, number, auth, body).to_bytes();
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&bytes).await?;
    stream.shutdown().await
}
