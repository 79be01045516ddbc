//! Nodes: how they come, answer, fall silent, and are altered.

mod health;
mod jobs;
mod leftover;
mod power;
mod reboot;
mod register;
mod update;

pub(crate) use crate::power::left;
pub(crate) use health::{
    answered, down, drain, introduction, is_checked, is_given_up, may_be_asked, removed,
    unreachable,
};
pub(crate) use jobs::batch_lost;
pub(crate) use leftover::ask_again;
pub(crate) use reboot::requested as reboot_requested;
pub(crate) use register::registered;
pub(crate) use update::{created, deleted, takes, updated};

use crate::turn::Turn;

/// What becomes of nodes because time goes by.
pub(crate) fn ticked(turn: &mut Turn<'_>) {
    health::resumed_by_time(turn);
    health::fallen_silent(turn);
    reboot::timed_out(turn);
    reboot::issue(turn);
}
