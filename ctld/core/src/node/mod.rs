//! Nodes: how they come, answer, fall silent, and are altered.

mod health;
mod register;
mod update;

pub(crate) use health::{
    answered, drain, fallen_silent, introduction, is_to_be_pinged, removed, resumed_by_time,
    unreachable,
};
pub(crate) use register::registered;
pub(crate) use update::{created, deleted, updated};
