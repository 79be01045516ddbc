//! Who may see what: administrators everything, others what is not hidden or private.

use ctld_core::Caller;
use model::{Gid, Job, McsPlugin, Partition, TextOption, Uid};
use protocol::msg::{ShowFlags, show};

use crate::rpc::Request;
use crate::view::View;

/// Whether the caller administrates the cluster. Without slurmdbd nobody is made an operator.
pub(super) fn is_admin(view: &View, caller: Caller) -> bool {
    caller.uid == Uid::ROOT || caller.uid == view.cluster.config().slurm_user
}

/// What one request may see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'a> {
    view: &'a View,
    caller: Caller,
    is_admin: bool,
    shows_hidden: bool,
}

impl<'a> Sight<'a> {
    /// The sight of a request whose `show_flags` are these.
    pub(super) fn new(view: &'a View, request: &Request<'_>, show_flags: u16) -> Self {
        let is_admin = is_admin(view, request.caller);
        let shows_hidden = is_admin || show_flags & show::ALL != 0;
        Self { view, caller: request.caller, is_admin, shows_hidden }
    }

    /// The same of a request about jobs.
    pub(super) fn of_jobs(view: &'a View, request: &Request<'_>, flags: ShowFlags) -> Self {
        Self::new(view, request, flags.0)
    }

    /// Whether the caller administrates the cluster.
    pub(super) fn is_admin(&self) -> bool {
        self.is_admin
    }

    /// Whether a partition is shown: one that is hidden, or for groups that the caller is not in,
    /// is not.
    pub(super) fn partition(&self, partition: &Partition) -> bool {
        if self.shows_hidden {
            return true;
        }
        if partition.hidden {
            return false;
        }
        let Some(allowed) = partition.allow_groups.as_deref() else {
            return true;
        };
        let groups = self.view.users.group_names(self.caller.uid);
        allowed.split(',').any(|name| groups.iter().any(|group| **group == *name))
    }

    /// Whether every partition is shown.
    pub(super) fn all_partitions(&self) -> bool {
        let mut partitions = self.view.cluster.partitions();
        self.shows_hidden || partitions.all(|partition| self.partition(partition))
    }

    /// Whether every job is shown in a list.
    pub(super) fn all_jobs(&self) -> bool {
        !self.hides_jobs() && self.all_partitions()
    }

    /// Whether every job of a user is shown in a list.
    pub(super) fn all_jobs_of(&self, owner: Uid) -> bool {
        (!self.hides_jobs() || owner == self.caller.uid) && self.all_partitions()
    }

    /// Whether a job is the caller's to see by itself (PrivateData=jobs), partitions aside.
    pub(super) fn owner(&self, job: &Job) -> bool {
        !self.hides_jobs() || job.owner == self.caller.uid || self.shares_label(job)
    }

    /// Whether a job is shown to those who could have its label (MCSParameters=privatedata), or has none.
    fn shares_label(&self, job: &Job) -> bool {
        let mcs = &self.view.cluster.config().mcs;
        let (Some(plugin), true) = (mcs.plugin, mcs.private) else {
            return false;
        };
        let Some(label) = job.spec.carried.text(TextOption::McsLabel) else {
            return true;
        };
        let (users, caller) = (&self.view.users, self.caller.uid);
        match plugin {
            McsPlugin::User => users.name(caller) == *label,
            McsPlugin::Group => {
                let number = label.parse().ok().map(Gid);
                let is_label = |gid: &Gid| {
                    number == Some(*gid)
                        || users.group_name(*gid).is_some_and(|name| name == *label)
                };
                users.user(caller).is_some_and(|user| user.groups.iter().any(is_label))
            }
            // Whose an account is, slurmdbd alone knows.
            McsPlugin::Account | McsPlugin::Label => true,
        }
    }

    /// Whether jobs of others are not the caller's to see (PrivateData=jobs).
    fn hides_jobs(&self) -> bool {
        !self.is_admin && self.view.cluster.config().private.jobs
    }

    /// Whether a job is shown in a list: it is the caller's to see, and a partition of it is shown.
    pub(super) fn job(&self, job: &Job) -> bool {
        if !self.owner(job) {
            return false;
        }
        if self.shows_hidden {
            return true;
        }
        let shown = |name: &str| {
            self.view.cluster.partition(name).is_some_and(|partition| self.partition(partition))
        };
        match job.spec.partitions.as_slice() {
            [] => shown(&job.partition),
            partitions => partitions.iter().any(|name| shown(name)),
        }
    }
}
