//! Reservations: made, altered and deleted by people, begun and ended by time.

mod check;
mod create;
mod delete;
mod replace;
mod request;
mod roster;
mod update;
mod watch;

pub use request::{LicensesAsked, NameEdit, NodesAsked, Picked, ReservationRequest, Sign};

pub(crate) use create::created;
pub(crate) use delete::{deleted, node_removed};
pub(crate) use replace::job_started;
pub(crate) use update::updated;
pub(crate) use watch::ticked;
