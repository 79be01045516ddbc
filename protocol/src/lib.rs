//! Slurm's wire protocol as values: bytes ↔ messages, six releases. Pure.
//!
//! ```text
//!  u32 length │ header (version, flags, number, body length, forward, returns, origin) │ auth │ body
//! ```
//!
//! | release | on the wire | [`Version`] |
//! |---|---|---|
//! | 23.11 | `0x2800` | `V23_11` |
//! | 24.05 | `0x2900` | `V24_05` |
//! | 24.11 | `0x2A00` | `V24_11` |
//! | 25.05 | `0x2B00` | `V25_05` |
//! | 25.11 | `0x2C00` | `V25_11` |
//! | 26.05 | `0x2D00` | `V26_05` |
//!
//! This crate does not know what a job means, nor the time of day, nor a socket: it is handed
//! bytes, keys and `now`. Captured frames of stock programs are the referee of every layout
//! (`testdata/`, `tests/golden.rs`).
//!
//! To add a message: its number stands in [`number`]; write the struct with [`wire_struct!`] in the
//! family's file under [`msg`], name it in that file's `CODECS` list, and the golden and property
//! tests take it from there; then a row in `ctld/src/rpc` makes it a read or a write.

pub mod auth;
pub mod dependency;
pub mod duration;
pub mod errno;
pub mod frame;
pub mod gres;
pub mod hostlist;
pub mod index_set;
pub mod msg;
pub mod number;
pub mod quantity;
pub mod shape;
pub mod sluid;
pub mod tres;
mod version;
pub mod wire;
mod wire_struct;

pub use errno::Errno;
pub use hostlist::{Hostlist, HostlistError};
pub use number::Number;
pub use version::{RawVersion, Version};
