//! The controller program: configuration, RPC, the writer loop and the rim.

pub mod altered;
pub mod config;
pub mod controller;
pub mod counters;
pub mod daemon;
pub mod log;
pub mod rim;
pub mod rpc;
pub mod settings;
pub mod users;
pub mod view;
pub mod writer;
