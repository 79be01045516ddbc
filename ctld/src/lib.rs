//! The controller program: configuration, RPC, the writer loop and the rim.

pub mod config;
