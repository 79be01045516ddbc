//! What is remembered, made durable.
//!
//! A [`Store`] keeps the last record of each key that a [`Change`] has ever named, so a restart is
//! [`Store::load`] into an empty `Cluster`. There are two: [`Embedded`], files in a directory on one
//! machine, and [`Memory`], for tests and simulation, whose disk fails when it is told to.
//!
//! | file | what it holds |
//! |---|---|
//! | `proto/` | every record and every number that a field was ever given |
//! | `record/` | the model's values as records, and back |
//! | `key.rs` | which record lies where |
//! | `batch.rs`, `load.rs` | changes to records, records to changes |
//! | `embedded.rs` | the store on fjall: creating, locking, committing |
//! | `journal.rs` | the check of fjall's journal before fjall may cut its tail |
//! | `format.rs` | which formats this release opens |
//!
//! # Invariants
//!
//! - A commit is whole or not there, and durable when it returns without error.
//! - Commits are kept in their order: what is loaded is the result of all commits up to some one,
//!   and that is the last that was acknowledged, or the one that was under way.
//! - Whatever cannot be read, or is missing from the middle, is an error that names it. It is never
//!   left out.
//!
//! This crate does not know what a record means, who asked for it, or what time it is.

mod batch;
mod embedded;
mod error;
mod format;
mod journal;
mod key;
mod load;
mod lock;
mod memory;
mod record;

use model::{Change, JobId, Script};

pub use embedded::{Embedded, Sizes};
pub use error::{JournalFault, RecordError, StoreError};
pub use format::{FORMAT_MAJOR, FORMAT_MINOR};
pub use key::{Name, Space};
pub use load::LoadReport;
pub use memory::{Fault, Memory};

/// Where changes are kept.
pub trait Store: Send + Sync {
    /// Keeps changes, all of them or none: they are durable when this returns. Of several changes of
    /// one key the last counts. [`Change::Seen`], [`Change::Waits`] and [`Change::Config`] are not kept. A job that is
    /// gone takes its script with it; its steps have changes of their own. The script of an array's
    /// tasks is kept under the number that the change names, whichever that is.
    ///
    /// # Errors
    ///
    /// After an error it is not known whether the changes are durable, and every later commit fails
    /// with [`StoreError::Broken`]: end the process, and let the next one load what there is.
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError>;

    /// Called about once a second between commits. When there was none since the last call, the store
    /// may put its own affairs in order; what is kept stays as it is.
    fn rest(&self) {}

    /// Gives everything that is kept, scripts aside, as the changes that make it: counters, nodes,
    /// partitions, jobs, steps, triggers, crontabs, reservations, each by key, which is an order that `Cluster::apply` takes.
    ///
    /// Tasks of one array whose specs are equal share one. Of nodes, what they last said (load, free
    /// memory, sign of life) is not kept.
    ///
    /// # Errors
    ///
    /// If a record cannot be read. The changes given by then are not to be used.
    fn load(&self, each: &mut dyn FnMut(Change)) -> Result<LoadReport, StoreError>;

    /// The script that is kept under a number.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn script(&self, job: JobId) -> Result<Option<Script>, StoreError>;
}
