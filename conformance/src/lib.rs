//! Ours against the stock programs, over the network only; and the demo.
//!
//! A [`World`] is a small cluster in namespaces of its own: a controller (ours or the stock one), slurmds and clients of
//! stock Slurm, each in a root of Debian that [`stock`] fetched. Tests talk to it as a person does, with `sbatch` and
//! `squeue`, and compare what a person reads. Nothing here links the controller: it is a program that is started.
//!
//! Invariants:
//!
//! - All that a world starts or mounts lives in its PID, mount and network namespaces, on a tmpfs of its own. It ends when
//!   the `World` drops, and also when the process that made it is killed: the world's first process reads a pipe from
//!   it and leaves at its end.
//! - No test looks inside the controller. What stock prints is the expectation; where ours may differ, a line in
//!   `tests/transcript.allow` says why.
//!
//! To add a check: write it as a test whose name can be false, prove it with `CONFORMANCE_SUBJECT=stock`, then turn it on ours.

pub mod config;
pub mod ground;
pub mod shell;
pub mod stock;
pub mod subject;
pub mod transcript;
pub mod world;

pub use shell::{Outcome, Shell};
pub use stock::Release;
pub use subject::Subject;
pub use world::{Builder, World};
