//! Requests to the program itself; served in `rim/program.rs`, since they take files and the process.

use protocol::Number;

use crate::rpc::{Command, Privilege, Row};

pub(super) const ROWS: &[Row] = &[
    Row::program(Number::REQUEST_SHUTDOWN, Privilege::Admin, Command::Shutdown),
    Row::program(Number::REQUEST_RECONFIGURE, Privilege::Admin, Command::Reconfigure),
    Row::program(Number::REQUEST_CONFIG, Privilege::Anybody, Command::Config),
    Row::program(Number::REQUEST_BATCH_SCRIPT, Privilege::Anybody, Command::BatchScript),
    Row::program(Number::REQUEST_SET_DEBUG_LEVEL, Privilege::Admin, Command::Tune),
    Row::program(Number::REQUEST_SET_DEBUG_FLAGS, Privilege::Admin, Command::Tune),
    Row::program(Number::REQUEST_SET_SCHEDLOG_LEVEL, Privilege::Admin, Command::Tune),
    Row::program(Number::REQUEST_SET_FS_DAMPENING_FACTOR, Privilege::Admin, Command::Tune),
    Row::program(Number::REQUEST_AUTH_TOKEN, Privilege::Anybody, Command::Token),
    Row::program(Number::REQUEST_CONTROL, Privilege::Admin, Command::Control),
    Row::program(Number::REQUEST_TAKEOVER, Privilege::Admin, Command::Control),
];
