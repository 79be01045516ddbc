//! The controller program: configuration, RPC, the writer loop and the rim.

pub mod config;
pub mod counters;
pub mod rpc;
pub mod settings;
pub mod users;
pub mod view;
