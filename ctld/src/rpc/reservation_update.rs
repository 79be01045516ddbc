//! Reservations made, altered and deleted: not offered yet, and said so.

use ctld_core::Event;
use protocol::{Errno, Number};

use super::{Failure, Privilege, Request, Row, done};
use crate::view::View;

fn not_supported(_: &View, _: &Request<'_>) -> Result<Event, Failure> {
    Err(Failure::Code(Errno::ESLURM_NOT_SUPPORTED))
}

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_CREATE_RESERVATION, Privilege::Admin, not_supported, done),
    Row::write(Number::REQUEST_UPDATE_RESERVATION, Privilege::Admin, not_supported, done),
    Row::write(Number::REQUEST_DELETE_RESERVATION, Privilege::Admin, not_supported, done),
];

#[cfg(test)]
mod tests {
    use protocol::{Errno, Number, Version};

    use crate::rpc::{Failure, Kind, fixtures, row};

    #[test]
    fn reservations_are_refused_and_the_caller_is_told_that_there_are_none() {
        let view = fixtures::view("NodeName=n1\n", &[]);
        for number in [
            Number::REQUEST_CREATE_RESERVATION,
            Number::REQUEST_UPDATE_RESERVATION,
            Number::REQUEST_DELETE_RESERVATION,
        ] {
            let Kind::Write(write, _) = row(number).unwrap().kind else { panic!("a write") };
            let request = fixtures::request(number, Version::NEWEST, &[]);
            let refused = write(&view, &request).err();
            assert_eq!(refused, Some(Failure::Code(Errno::ESLURM_NOT_SUPPORTED)));
        }
    }
}
