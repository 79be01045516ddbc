//! Load: clients that send what stock clients send, and measure how long each answer takes.

mod latency;
mod poll;
mod replay;
mod submit;

pub use latency::Latency;
pub use poll::{Answers, Poll, Polled, Question};
pub use replay::Replay;
pub use submit::{Submission, Submitted};

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many addresses calls come from.
const ADDRESSES: u32 = 60_000;

/// The address that the next call comes from, another one each time: 127.0.1.1 and so on.
///
/// Each port of an address rests for a minute after a call, and a controller that answers a thousand calls a second is told by one
/// address nearly all of its ports in half a minute: from then on the kernel's search for a free one takes longer than the
/// answer.
pub fn next_address() -> Ipv4Addr {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let index = CALLS.fetch_add(1, Ordering::Relaxed) % ADDRESSES;
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + index)
}
