//! A server that says again what a controller has said: what polls cost those who ask, and the kernel, whatever the
//! controller does.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use protocol::Number;
use protocol::frame::Frame;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Poll;
use super::poll::LIMIT;
use crate::call::{self, CallError, Speaker};

/// What was asked: a message and its body. Tokens are other ones each time.
type Question = (Number, Vec<u8>);

/// Whole frames, each with the length in front.
type Answers = HashMap<Question, Arc<[u8]>>;

/// Answers of a controller, given again by another server until this is dropped.
#[derive(Debug)]
pub struct Replay {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Replay {
    /// Asks the controller each question of a storm once, and gives its answers from then on.
    ///
    /// # Errors
    /// When the controller does not answer, or there is no port.
    pub async fn of(poll: &Poll, speaker: &Speaker) -> Result<Self, CallError> {
        let mut answers = Answers::new();
        for frame in poll.frames(speaker) {
            let question = question(&frame[4..]).ok_or(CallError::Cut(frame.len()))?;
            let reply = call::exchange(poll.controller, None, &frame, speaker.version(), LIMIT);
            answers.insert(question, reply.await?.into_frame().into());
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, serving: tokio::spawn(serve(listener, Arc::new(answers))) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The question that a frame is, without the length in front.
fn question(frame: &[u8]) -> Option<Question> {
    let frame = Frame::from_bytes(frame).ok()?;
    Some((frame.header.number, frame.body.to_vec()))
}

async fn serve(listener: TcpListener, answers: Arc<Answers>) {
    // A listener that fails shows as questions without answers.
    while let Ok((mut stream, _)) = listener.accept().await {
        let answers = Arc::clone(&answers);
        tokio::spawn(async move {
            if let Some(answer) = find(&mut stream, &answers).await {
                // Whoever has gone is told by its own figures.
                let _ = stream.write_all(&answer).await;
            }
        });
    }
}

async fn find(stream: &mut TcpStream, answers: &Answers) -> Option<Arc<[u8]>> {
    let frame = call::read_frame(stream).await.ok()?;
    answers.get(&question(&frame)?).cloned()
}
