//! Whether the controller is there, and who is in control.

use protocol::{Errno, Number, msg};

use crate::rpc::{Failure, Reply, Request, Row};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::read(Number::REQUEST_PING, ping),
    Row::read(Number::REQUEST_CONTROL_STATUS, control_status),
];

/// `scontrol ping`.
fn ping(_: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    Ok(request.return_code(Errno::SLURM_SUCCESS))
}

/// Since when this controller is in control. The one that runs is the first of its list.
fn control_status(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let body = msg::ControlStatus {
        backup_index: 0,
        control_time: protocol::shape::Timestamp(view.booted.0),
    };
    Ok(request.reply(Number::RESPONSE_CONTROL_STATUS, &body))
}
