//! Whether the controller is there, and who is in control.

use protocol::{Errno, Number, msg};

use crate::config::ControllerHost;
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

/// Since when this controller is in control, and which of the SlurmctldHost lines it is.
fn control_status(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let body = msg::ControlStatus {
        backup_index: place(&view.conf.controllers, &own),
        control_time: protocol::shape::Timestamp(view.booted.0),
    };
    Ok(request.reply(Number::RESPONSE_CONTROL_STATUS, &body))
}

/// Which of the controllers this host is; the first one if slurm.conf does not name it.
fn place(hosts: &[ControllerHost], own: &str) -> u16 {
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let is_own = |host: &ControllerHost| host.host == own || short(&host.host) == short(own);
    hosts.iter().position(is_own).and_then(|place| u16::try_from(place).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_has_the_place_of_its_host_in_the_list() {
        let host = |name: &str| ControllerHost { host: name.into(), address: "x".into() };
        let hosts = [host("one"), host("two.example.org")];
        let places =
            ["one.example.org", "two", "two.example.org", "three"].map(|own| place(&hosts, own));
        assert_eq!(places, [0, 1, 1, 0]);
    }
}
