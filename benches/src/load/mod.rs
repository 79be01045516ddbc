//! Load: clients that send what stock clients send, and measure how long each answer takes.

mod latency;
mod poll;
mod submit;

pub use latency::Latency;
pub use poll::{Poll, Polled, Question};
pub use submit::{Submission, Submitted};

use std::net::Ipv4Addr;

/// The address that the client of this number calls from, so that no address runs out of ports: 127.0.1.1 and so on.
pub fn address_of(client: usize) -> Ipv4Addr {
    let index = u32::try_from(client % 60_000).expect("below 60,000");
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + index)
}
