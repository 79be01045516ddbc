//! The lives of nodes: silence and return, drains and resumes, boots, registrations that do not fit,
//! nodes that come and go, and what becomes of the jobs there.

mod dynamic;
mod reboot;
mod registration;
mod silence;
mod update;
mod world;
