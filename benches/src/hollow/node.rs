use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use protocol::shape::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::Hollow;
use super::answer::{self, Handled};
use crate::call::{self, CallError};

/// A job, and the number of a step of it.
pub(super) type Key = (u32, u32);

/// A hollow slurmd.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) started: Timestamp,
    registered: AtomicBool,
    shut_down: AtomicBool,
    /// The steps that run by job and number, batch scripts among them, each with the way to end it by a wait status.
    steps: Mutex<BTreeMap<Key, oneshot::Sender<u32>>>,
}

impl Node {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            started: call::now(),
            registered: AtomicBool::new(false),
            shut_down: AtomicBool::new(false),
            steps: Mutex::new(BTreeMap::new()),
        }
    }

    pub(super) fn is_registered(&self) -> bool {
        self.registered.load(Ordering::Relaxed)
    }

    /// Whether this was the first time.
    pub(super) fn set_registered(&self) -> bool {
        !self.registered.swap(true, Ordering::Relaxed)
    }

    /// From now on nobody answers here: slurmd has ended.
    pub(super) fn shut_down(&self) {
        self.shut_down.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Relaxed)
    }

    /// The steps that run.
    pub(super) fn steps(&self) -> Vec<Key> {
        self.lock().keys().copied().collect()
    }

    /// A step begins; `None` when it runs already.
    pub(super) fn begin(&self, step: Key) -> Option<oneshot::Receiver<u32>> {
        match self.lock().entry(step) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => {
                let (sender, receiver) = oneshot::channel();
                place.insert(sender);
                Some(receiver)
            }
        }
    }

    /// A step has ended by itself.
    pub(super) fn ended(&self, step: Key) {
        self.lock().remove(&step);
    }

    /// Ends all steps of a job with this wait status; whether any ran.
    pub(super) fn kill(&self, job: u32, status: u32) -> bool {
        let mut steps = self.lock();
        let of_job: Vec<Key> =
            steps.range((job, 0)..=(job, u32::MAX)).map(|(key, _)| *key).collect();
        let mut ran = false;
        for step in of_job {
            // Who waits for it may have come to its end in this very moment.
            ran |= steps.remove(&step).is_some_and(|end| end.send(status).is_ok());
        }
        ran
    }

    /// Ends a step with this wait status.
    pub(super) fn kill_step(&self, step: Key, status: u32) {
        let end = self.lock().remove(&step);
        // As above.
        let _ = end.map(|end| end.send(status));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, oneshot::Sender<u32>>> {
        self.steps.lock().expect("nothing that holds it panics")
    }
}

/// Serves a node's connections until it is shut down.
pub(super) async fn listen(hollow: Arc<Hollow>, node: Arc<Node>, listener: TcpListener) {
    while !node.has_shut_down() {
        // Out of descriptors, or a peer that has gone again: the next one may come.
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(serve(Arc::clone(&hollow), Arc::clone(&node), stream));
    }
}

async fn serve(hollow: Arc<Hollow>, node: Arc<Node>, mut stream: TcpStream) {
    if serve_one(&hollow, &node, &mut stream).await.is_err() {
        hollow.tally.refusal();
    }
}

async fn serve_one(
    hollow: &Arc<Hollow>,
    node: &Arc<Node>,
    stream: &mut TcpStream,
) -> Result<(), CallError> {
    let from = stream.peer_addr()?.ip();
    let bytes = call::read_frame(stream).await?;
    if hollow.dice.drops() {
        return Ok(());
    }
    let Some(Handled { reply, deeds }) = answer::to_frame(hollow, node, &bytes, from) else {
        hollow.tally.refusal();
        return Ok(());
    };
    let wait = hollow.dice.wait();
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    stream.write_all(&reply).await?;
    // What a message sets off begins when it has been answered: a script that ends at once must not report before.
    for (node, deed) in deeds {
        deed.start(hollow, node);
    }
    Ok(())
}
