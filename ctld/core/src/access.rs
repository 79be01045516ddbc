//! Who may do what.

use model::{Config, Gid, Job, Uid};

use crate::reject::Reject;

/// Who asks: what the peer's token proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub uid: Uid,
    /// The user's primary group.
    pub gid: Gid,
}

impl Caller {
    /// The controller itself, for what it does of its own accord.
    pub const CONTROLLER: Self = Self { uid: Uid::ROOT, gid: Gid(0) };
}

/// Whether the caller administrates the cluster: root or SlurmUser. Without slurmdbd nobody else
/// can be made an operator or coordinator.
pub(crate) fn is_admin(config: &Config, caller: Caller) -> bool {
    caller.uid == Uid::ROOT || caller.uid == config.slurm_user
}

pub(crate) fn require_admin(config: &Config, caller: Caller) -> Result<(), Reject> {
    if is_admin(config, caller) { Ok(()) } else { Err(Reject::AccessDenied) }
}

/// Whether the caller speaks for a node: slurmd runs as root or SlurmdUser.
pub(crate) fn require_daemon(config: &Config, caller: Caller) -> Result<(), Reject> {
    if is_admin(config, caller) || caller.uid == config.slurmd_user {
        Ok(())
    } else {
        Err(Reject::AccessDenied)
    }
}

/// Whether the caller may end, alter or look into the job.
pub(crate) fn require_owner(config: &Config, caller: Caller, job: &Job) -> Result<(), Reject> {
    if job.owner == caller.uid || is_admin(config, caller) {
        Ok(())
    } else {
        Err(Reject::NotYourJob)
    }
}
