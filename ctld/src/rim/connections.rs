//! How many connections there may be, and which one goes when there are too many.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// The open connections. One that has not sent its request yet can be given up for a new one, the
/// oldest first, so that idle peers never keep others out.
#[derive(Debug)]
pub struct Connections {
    table: Mutex<Table>,
    max: usize,
    per_peer_max: usize,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: usize,
    by_peer: HashMap<IpAddr, usize>,
    /// Connections whose request has not come whole, oldest first.
    idle: BTreeMap<u64, (IpAddr, AbortHandle)>,
}

/// A place among the open connections; given back when dropped.
#[derive(Debug)]
pub struct Ticket {
    connections: Arc<Connections>,
    id: u64,
    peer: IpAddr,
}

/// Why a new connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Crowded {
    /// There are too many, and all of them are being served.
    #[error("{max} connections are being served")]
    InAll {
        /// The limit.
        max: usize,
    },
    /// This peer has too many, and all of them are being served.
    #[error("{max} connections of this peer are being served")]
    OfPeer {
        /// The limit.
        max: usize,
    },
}

impl Connections {
    /// Room for `max` connections, `per_peer_max` of one address.
    pub fn new(max: usize, per_peer_max: usize) -> Arc<Self> {
        Arc::new(Self { table: Mutex::default(), max, per_peer_max })
    }

    /// A place for a connection; an idle one is given up for it if there is none.
    ///
    /// # Errors
    ///
    /// If every connection that could make room is being served.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Ticket, Crowded> {
        let mut table = self.table();
        if table.by_peer.get(&peer).is_some_and(|count| *count >= self.per_peer_max) {
            let oldest = table.idle.iter().find(|(_, (ip, _))| *ip == peer).map(|(id, _)| *id);
            table.give_up(oldest.ok_or(Crowded::OfPeer { max: self.per_peer_max })?);
        } else if table.open >= self.max {
            let oldest = table.idle.keys().next().copied();
            table.give_up(oldest.ok_or(Crowded::InAll { max: self.max })?);
        }
        table.next += 1;
        table.open += 1;
        *table.by_peer.entry(peer).or_default() += 1;
        Ok(Ticket { connections: Arc::clone(self), id: table.next, peer })
    }

    /// How many there are.
    pub fn open(&self) -> usize {
        self.table().open
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Ends an idle connection. Its place is free when its task is gone, a moment later.
    fn give_up(&mut self, id: u64) {
        if let Some((_, task)) = self.idle.remove(&id) {
            task.abort();
        }
    }
}

impl Ticket {
    /// The connection waits for its request, in this task.
    pub fn idle(&self, task: AbortHandle) {
        self.connections.table().idle.insert(self.id, (self.peer, task));
    }

    /// The request has come: the connection is served to its end.
    pub fn busy(&self) {
        self.connections.table().idle.remove(&self.id);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        table.idle.remove(&self.id);
        table.open -= 1;
        if let Some(count) = table.by_peer.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                table.by_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Connections, Crowded};

    #[tokio::test]
    async fn an_idle_connection_makes_room_and_a_served_one_does_not() {
        let connections = Connections::new(2, 2);
        let peer = "10.0.0.1".parse().unwrap();
        let first = connections.admit(peer).unwrap();
        let task = tokio::spawn(std::future::pending::<()>());
        first.idle(task.abort_handle());
        let second = connections.admit(peer).unwrap();
        let third = connections.admit(peer).unwrap();
        assert!(task.await.unwrap_err().is_cancelled());
        drop(first);
        second.busy();
        assert_eq!(connections.admit(peer).unwrap_err(), Crowded::OfPeer { max: 2 });
        drop((second, third));
        assert_eq!(connections.open(), 0);
    }
}
