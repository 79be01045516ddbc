//! Reservations: nodes, cores or licenses that are kept for some for a time.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::config::Config;
use crate::id::{NodeId, Timestamp, Uid};
use crate::job::{Job, TextOption};
use crate::partition::Partition;
use crate::resource::CoreSet;

/// Seconds of the year that a reservation without an end lasts, as Slurm counts it (24.11).
pub const YEAR_S: u64 = 365 * 24 * 60 * 60;

/// The bit of a job's warning by which it gives way to a reservation (`KILL_JOB_RESV` of slurm.h,
/// `--signal=R:`).
pub(crate) const GIVES_WAY: u16 = 1 << 8;

/// A reservation. Field names follow scontrol(1).
#[derive(Clone, Debug, PartialEq)]
pub struct Reservation {
    /// Its name.
    pub name: Arc<str>,
    /// Its number; each time that it comes again it has a new one.
    pub id: u32,
    /// When it starts; of one that floats, seconds from now.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// How long it lasts, minutes, if that was said; `u32::MAX` is without end.
    pub duration_min: Option<u32>,
    /// What else was said of it.
    pub flags: ReservationFlags,
    /// Its nodes, ascending.
    pub nodes: Arc<[NodeId]>,
    /// Its cores of each node, by node; without them it has whole nodes.
    pub cores: Option<Arc<[(NodeId, CoreSet)]>>,
    /// The partition that its nodes come from.
    pub partition: Option<Arc<str>>,
    /// Features that its nodes have.
    pub features: Option<Arc<str>>,
    /// Its licenses, name and count.
    pub licenses: Vec<(Arc<str>, u32)>,
    /// The same as it was written.
    pub licenses_text: Option<Arc<str>>,
    /// Burst buffers, as written; nothing is reserved of them.
    pub burst_buffer: Option<Arc<str>>,
    /// A text for people.
    pub comment: Option<Arc<str>>,
    /// Users that may use it, or may not.
    pub users: Roster,
    /// Accounts that may use it, or may not.
    pub accounts: Roster,
    /// Partitions whose jobs may use it, or may not (25.11+).
    pub partitions: Roster,
    /// Groups that may use it, as written.
    pub groups: Option<Arc<str>>,
    /// The users in them.
    pub group_members: Arc<[Uid]>,
    /// Seconds that a job outside that gives way may be on its nodes when it wants them.
    pub max_start_delay_s: u32,
    /// Seconds without jobs after which it ends, with the flag for that.
    pub purge_comp_s: u32,
    /// Since when it has no jobs, once it has started.
    pub idle_since: Option<Timestamp>,
    /// Whether its start was noticed: its nodes show that they are reserved.
    pub begun: bool,
    /// Whether its end was noticed.
    pub over: bool,
}

/// Flags of a reservation. The numbers are those of slurm.h's `RESERVE_FLAG_*`, the same in all
/// releases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReservationFlags(pub u64);

#[expect(missing_docs, reason = "the names are scontrol(1)'s, with their meaning there")]
impl ReservationFlags {
    pub const MAINT: u64 = 1 << 0;
    pub const DAILY: u64 = 1 << 2;
    pub const WEEKLY: u64 = 1 << 4;
    pub const IGNORE_JOBS: u64 = 1 << 6;
    pub const ANY_NODES: u64 = 1 << 8;
    pub const STATIC: u64 = 1 << 10;
    pub const PART_NODES: u64 = 1 << 12;
    pub const OVERLAP: u64 = 1 << 14;
    pub const SPEC_NODES: u64 = 1 << 15;
    pub const TIME_FLOAT: u64 = 1 << 17;
    pub const REPLACE: u64 = 1 << 18;
    pub const ALL_NODES: u64 = 1 << 19;
    pub const PURGE_COMP: u64 = 1 << 20;
    pub const WEEKDAY: u64 = 1 << 21;
    pub const WEEKEND: u64 = 1 << 23;
    pub const FLEX: u64 = 1 << 25;
    pub const NO_HOLD_JOBS: u64 = 1 << 29;
    pub const REPLACE_DOWN: u64 = 1 << 30;
    pub const MAGNETIC: u64 = 1 << 32;
    pub const HOURLY: u64 = 1 << 35;
    pub const USER_DELETE: u64 = 1 << 39;

    /// Those of a reservation that comes again.
    pub const RECURRING: u64 =
        Self::HOURLY | Self::DAILY | Self::WEEKLY | Self::WEEKDAY | Self::WEEKEND;

    /// Whether any of these is set.
    pub fn has(self, bits: u64) -> bool {
        self.0 & bits != 0
    }

    /// Sets or clears some.
    pub fn set(&mut self, bits: u64, on: bool) {
        if on {
            self.0 |= bits;
        } else {
            self.0 &= !bits;
        }
    }
}

/// Who may do something, or who alone may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Whether those named may not, and all others may.
    pub denies: bool,
    /// Those named.
    pub members: Vec<Member>,
}

/// Somebody on a [`Roster`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub name: Arc<str>,
    /// The user, where it is the name of one.
    pub user: Option<Uid>,
}

impl Roster {
    /// As scontrol shows it: `ann,bob`, or `-ann,-bob`; nothing if nobody is named.
    pub fn text(&self) -> Option<String> {
        let sign = if self.denies { "-" } else { "" };
        let names: Vec<String> =
            self.members.iter().map(|member| format!("{sign}{}", member.name)).collect();
        (!names.is_empty()).then(|| names.join(","))
    }

    /// Whether somebody may who is on it if `is_he` holds for a member; anybody may where nobody is
    /// named.
    fn lets(&self, is_he: impl Fn(&Member) -> bool) -> bool {
        self.members.is_empty() || self.members.iter().any(is_he) != self.denies
    }
}

impl Reservation {
    /// When it starts and ends, seen now: one that floats is always as far ahead.
    pub fn window(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        if !self.flags.has(ReservationFlags::TIME_FLOAT) {
            return (self.start, self.end);
        }
        let start = Timestamp(now.0.saturating_add(self.start.0));
        match self.duration_min {
            Some(u32::MAX) => (start, start.plus_s(YEAR_S)),
            Some(minutes) if minutes > 0 => (start, start.plus_s(u64::from(minutes) * 60)),
            _ => (start.min(self.end), self.end),
        }
    }

    /// Whether it has whole nodes.
    pub fn has_whole_nodes(&self) -> bool {
        self.cores.is_none()
    }

    /// Its cores of a node, if it has not the whole of it.
    pub fn cores_of(&self, node: NodeId) -> Option<&CoreSet> {
        let cores = self.cores.as_deref()?;
        let at = cores.binary_search_by_key(&node, |(id, _)| *id).ok()?;
        Some(&cores[at].1)
    }

    /// Whether a node of it is among its own.
    pub fn has_node(&self, node: NodeId) -> bool {
        self.nodes.binary_search(&node).is_ok()
    }

    /// Whether its nodes show that they are reserved.
    pub fn is_active(&self) -> bool {
        self.begun && !self.over
    }

    /// Whether a job may run in it (24.11: without slurmdbd users and accounts are compared).
    pub fn admits<'j>(&self, config: &Config, job: impl Into<Applicant<'j>>) -> bool {
        let (owner, account, partition) = job.into().0;
        if self.flags.has(ReservationFlags::TIME_FLOAT) {
            return false;
        }
        if owner == Uid::ROOT || owner == config.slurm_user {
            return true;
        }
        let user_may = match &self.groups {
            Some(_) => self.group_members.contains(&owner),
            None => self.users.lets(|member| member.user == Some(owner)),
        };
        let is = |text: Option<&Arc<str>>, member: &Member| text == Some(&member.name);
        let account_may = self.accounts.lets(|member| is(account, member));
        user_may && account_may && self.partitions.lets(|member| is(partition, member))
    }

    /// Whether a user is named in it: such may see it where that is private, and delete it with the
    /// flag for that.
    pub fn names_user(&self, user: Uid) -> bool {
        let named = self.users.members.iter().any(|member| member.user == Some(user));
        named || self.group_members.contains(&user)
    }

    /// Whether its time, or when it comes again, may lie between two.
    fn is_between(&self, (from, to): (Timestamp, Timestamp), now: Timestamp) -> bool {
        let (start, end) = self.window(now);
        // One that is over and comes again is told its next time by the next tick. What began in
        // the meantime would be there by then.
        start < to && (end > from || self.recurs() && end <= now)
    }

    /// Whether a job is kept off its nodes or cores that would run from `from` to `to` in `own`, or
    /// in no reservation.
    pub fn closes_to(
        &self,
        job: &Job,
        own: Option<&Self>,
        (from, to): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> bool {
        if self.nodes.is_empty() || !self.is_between((from, to), now) {
            return false;
        }
        match own {
            None => {
                let gives_way = job.spec.warn_flags & GIVES_WAY != 0;
                let may_delay = self.max_start_delay_s > 0
                    && u32::from(job.spec.warn_time_s) <= self.max_start_delay_s;
                !(gives_way && may_delay)
            }
            Some(own) => {
                let ignores = own.flags.has(ReservationFlags::MAINT)
                    || own.flags.has(ReservationFlags::OVERLAP)
                        && !self.flags.has(ReservationFlags::MAINT);
                self.name != own.name && !ignores && self.has_whole_nodes()
            }
        }
    }

    /// Whether it leaves jobs of a partition that are not its own no node at all.
    pub fn closes_partition(&self, partition: &Partition) -> bool {
        let has = |bit| self.flags.has(bit);
        has(ReservationFlags::ALL_NODES)
            || has(ReservationFlags::PART_NODES) && self.partition.as_ref() == Some(&partition.name)
            || has(ReservationFlags::MAINT)
                && partition.nodes.iter().all(|node| self.has_node(*node))
    }
}

/// Who wants to use a reservation: the user, the account and the partition.
#[derive(Clone, Copy, Debug)]
pub struct Applicant<'j>((Uid, Option<&'j Arc<str>>, Option<&'j Arc<str>>));

impl<'j> From<(Uid, Option<&'j Arc<str>>, Option<&'j Arc<str>>)> for Applicant<'j> {
    fn from(who: (Uid, Option<&'j Arc<str>>, Option<&'j Arc<str>>)) -> Self {
        Self(who)
    }
}

impl<'j> From<&'j Job> for Applicant<'j> {
    fn from(job: &'j Job) -> Self {
        let account = job.spec.carried.text(TextOption::Account);
        Self((job.owner, account, Some(&job.partition)))
    }
}

impl Cluster {
    /// The reservations that a job asked for, as far as they are there, the oldest first; nothing if
    /// it asked for none.
    pub fn reservations_asked_for(&self, job: &Job) -> Option<Vec<&Arc<Reservation>>> {
        let names = job.spec.carried.text(TextOption::Reservation)?;
        let mut found: Vec<_> =
            names.split(',').filter_map(|name| self.reservation(name)).collect();
        found.sort_by_key(|reservation| reservation.id);
        found.dedup_by_key(|reservation| reservation.id);
        Some(found)
    }

    /// The reservation that a job runs in, or ran in last.
    pub fn reservation_of(&self, job: &Job) -> Option<&Arc<Reservation>> {
        let name = job.allocation.as_ref()?.reservation.as_ref()?;
        self.reservation(name)
    }

    /// How many of a license are kept from a job that would run from `from` to `to` in the
    /// reservation `own`.
    pub fn licenses_reserved(
        &self,
        license: &str,
        own: Option<&Reservation>,
        (from, to): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> u32 {
        let others = self.reservations().filter(|other| {
            own.is_none_or(|own| own.name != other.name) && other.is_between((from, to), now)
        });
        let counts = others.flat_map(|other| &other.licenses);
        counts.filter(|(name, _)| **name == *license).map(|(_, count)| count).sum()
    }
}
