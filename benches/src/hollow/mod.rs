//! Hollow nodes: thousands of slurmds in one process, over the real protocol.
//!
//! Each listens at its own port (or its own loopback address), registers, answers pings, accepts batch scripts and steps of
//! srun, "runs" each as a timer, reports its end and cleans up, as slurmd and slurmstepd do where no cgroup is involved. Stock
//! slurmctld and srun take them for real ones. What they do not have: processes, output, files.
//!
//! A message that is to be forwarded is answered for all its nodes here, since they all live in this process: what the
//! controller sees is a tree one level deep.

mod answer;
mod job;
mod mishap;
mod node;
mod registration;
mod step;
mod tally;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

pub use mishap::Mishaps;
pub use tally::{Count, Tally};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::call::Speaker;
use mishap::Dice;
use node::Node;

/// How many messages of all nodes to the controller are under way at once. A thousand real slurmds come one by one, too.
const CALLS_MAX: usize = 64;

/// What all hollow nodes have in common.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the controller listens.
    pub controller: SocketAddr,
    /// The names, in order.
    pub names: Vec<String>,
    /// Where the first one listens.
    pub first: SocketAddrV4,
    /// Whether each has an address of its own (the next one) with the same port, not the next port.
    pub own_addresses: bool,
    /// CPUs of each: two sockets of half as many cores.
    pub cpus: u16,
    /// Memory of each, MiB.
    pub memory_mib: u64,
    /// How long a script runs that does not say `sleep`.
    pub run: Duration,
    /// How long the prolog takes.
    pub prolog: Duration,
    /// How long the epilog takes; `None` is no epilog: clean-up is acknowledged at once.
    pub epilog: Option<Duration>,
    /// Whether the configuration is fetched from the controller before registering (`--conf-server`).
    pub configless: bool,
    /// Whether tokens and credentials that come are verified.
    pub verify: bool,
    /// What goes wrong, and how slow answers are.
    pub mishaps: Mishaps,
}

/// The nodes and what they share.
#[derive(Debug)]
pub struct Hollow {
    plan: Plan,
    speaker: Speaker,
    tally: Arc<Tally>,
    nodes: BTreeMap<String, Arc<Node>>,
    calls: Semaphore,
    dice: Dice,
}

/// A node cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("{node} cannot listen at {at}")]
pub struct ListenError {
    /// The node.
    pub node: String,
    /// Where.
    pub at: SocketAddrV4,
    /// The system's words.
    pub source: io::Error,
}

impl Plan {
    /// Where the node of this index listens.
    fn address(&self, index: usize) -> SocketAddrV4 {
        let step = u32::try_from(index).unwrap_or(u32::MAX);
        let (ip, port) = (*self.first.ip(), self.first.port());
        if self.own_addresses {
            return SocketAddrV4::new(Ipv4Addr::from(u32::from(ip).wrapping_add(step)), port);
        }
        let port = u16::try_from(u32::from(port) + step).unwrap_or(0);
        SocketAddrV4::new(ip, port)
    }
}

impl Hollow {
    /// Opens all listeners and starts all nodes; they register as soon as the controller answers.
    ///
    /// # Errors
    /// When a port is taken.
    pub async fn start(plan: Plan, speaker: Speaker) -> Result<Arc<Self>, ListenError> {
        let mut listeners = Vec::with_capacity(plan.names.len());
        let mut nodes = BTreeMap::new();
        for (index, name) in plan.names.iter().enumerate() {
            let at = plan.address(index);
            let listener = TcpListener::bind(at).await.map_err(|source| ListenError {
                node: name.clone(),
                at,
                source,
            })?;
            let node = Arc::new(Node::new(name.clone()));
            nodes.insert(name.clone(), Arc::clone(&node));
            listeners.push((node, listener));
        }
        let tally = Arc::new(Tally::default());
        let calls = Semaphore::new(CALLS_MAX);
        let dice = Dice::new(plan.mishaps.clone());
        let hollow = Arc::new(Self { plan, speaker, tally, nodes, calls, dice });
        for (node, listener) in listeners {
            tokio::spawn(node::listen(Arc::clone(&hollow), Arc::clone(&node), listener));
            tokio::spawn(registration::begin(Arc::clone(&hollow), node));
        }
        Ok(hollow)
    }

    /// What has happened so far.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(own_addresses: bool) -> Plan {
        Plan {
            controller: SocketAddr::from(([127, 0, 0, 1], 6817)),
            names: vec!["h1".into(), "h2".into()],
            first: SocketAddrV4::new(Ipv4Addr::new(127, 1, 0, 255), 20001),
            own_addresses,
            cpus: 4,
            memory_mib: 1000,
            run: Duration::ZERO,
            prolog: Duration::ZERO,
            epilog: None,
            configless: false,
            verify: false,
            mishaps: Mishaps::default(),
        }
    }

    #[test]
    fn nodes_listen_at_the_next_port_or_at_the_next_address() {
        assert_eq!(plan(false).address(1).to_string(), "127.1.0.255:20002");
        assert_eq!(plan(true).address(1).to_string(), "127.1.1.0:20001");
    }
}
