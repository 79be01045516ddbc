//! The rim: sockets, clocks, threads. It carries out effects and turns what comes of them, and what
//! peers send, into events. It decides nothing about the cluster.

mod agent;
mod broadcast;
mod clients;
pub mod completion;
mod connections;
mod keys;
mod listener;
mod planner;
mod program;
mod sack;
mod script;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ctld_core::{Answer, Event, Reject};
use model::Timestamp;
use protocol::Version;
use protocol::auth::{Issuer, KeySet};
use state::Store;
use tokio::sync::{mpsc, oneshot};

use crate::config::Limits;
use crate::counters::Counters;
use crate::log::Log;
use crate::writer::{Delivery, Published, Work};

pub use agent::{Agent, Order, run as deliver_orders};
pub use broadcast::{announce_configuration, shut_nodes_down};
pub use clients::{tell as tell_client, tell_of_job};
pub use connections::{Connections, Ticket};
pub use keys::{KeyFileError, Keys};
pub use listener::{listen, serve};
pub use planner::Planner;
pub use program::{ProgramRequest, ReconfigureError, reread};
pub use sack::serve_sack;
pub use script::{Scripts, carry_out, run_hook, run_reservation, run_trigger, send_mail};

/// What all parts of the rim share.
#[derive(Debug)]
pub struct Rim {
    /// The cluster as last published.
    pub published: Arc<Published>,
    /// The way to the writer.
    pub inbox: mpsc::Sender<Delivery>,
    /// Where scripts are read from.
    pub store: StoreHandle,
    /// The keys that tokens are made and verified with.
    pub keys: RwLock<Arc<Keys>>,
    /// Who makes tokens here.
    pub issuer: RwLock<Arc<Issuer>>,
    /// Figures.
    pub counters: Arc<Counters>,
    /// What peers may use.
    pub limits: Limits,
    /// The user that this process runs as.
    pub uid: u32,
    /// slurm.conf.
    pub conf_path: PathBuf,
    /// The log.
    pub log: Arc<Log>,
    /// Requests to the program itself.
    pub program: mpsc::Sender<ProgramRequest>,
    /// Programs that run on this host.
    pub scripts: Scripts,
    /// sackds that took their configuration here, to be told when it changes.
    pub sackds: RwLock<Vec<(SocketAddr, Version)>>,
}

/// A store that can be printed.
#[derive(Clone)]
pub struct StoreHandle(pub Arc<dyn Store>);

impl std::fmt::Debug for StoreHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreHandle")
    }
}

/// Why an event got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The inbox is full: come back later.
    #[error("the controller is busy")]
    Busy,
    /// The controller is ending.
    #[error("the controller is ending")]
    Ending,
}

impl Rim {
    /// The keys as they are now.
    pub fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key set of `auth/slurm`.
    pub fn key_set(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys().slurm)
    }

    /// Who makes tokens here.
    pub fn issuer(&self) -> Arc<Issuer> {
        Arc::clone(&self.issuer.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hands an event to the writer and waits for its answer, which comes once it is durable and
    /// published. A full inbox is told at once.
    ///
    /// # Errors
    ///
    /// [`NoAnswer`]; the answer itself may be a reject.
    pub async fn ask(&self, event: Event) -> Result<Result<Answer, Reject>, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        let work = Work { event, conf: None, reply: Some(reply) };
        self.inbox.try_send(work.into()).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NoAnswer::Busy,
            mpsc::error::TrySendError::Closed(_) => NoAnswer::Ending,
        })?;
        answer.await.map_err(|_| NoAnswer::Ending)
    }

    /// Hands the outcome of an effect to the writer, waiting for room.
    pub async fn tell(&self, event: Event) {
        // The receiver is gone only when the controller ends; the next one asks again.
        let _ = self.inbox.send(Work::from(event).into()).await;
    }
}

/// The time of day, whole seconds.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The same in the protocol's form.
pub fn wire_now() -> protocol::shape::Timestamp {
    protocol::shape::Timestamp(now().0)
}
