//! What follows from the records of jobs, kept beside them so that nobody has to look for it.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::cluster::{Cluster, QueueKey};
use crate::dependency::DependencyKind;
use crate::id::{JobId, NodeId, Timestamp, Uid};
use crate::job::{Job, NodeShare, Phase};
use crate::resource::Usage;

/// What follows from the records.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Indexes {
    /// Waiting jobs, in the order in which they are looked at.
    pub(crate) queue: OrdSet<QueueKey>,
    /// Jobs that hold nodes and have not been told to end.
    pub(crate) active: OrdSet<JobId>,
    /// Jobs that are being cleaned up.
    pub(crate) completing: OrdSet<JobId>,
    /// Jobs that are over, by when.
    pub(crate) ended: OrdSet<(Timestamp, JobId)>,
    /// Active jobs by when their time is up.
    pub(crate) time_is_up: OrdSet<(Timestamp, JobId)>,
    /// All jobs of a user.
    pub(crate) by_owner: OrdSet<(Uid, JobId)>,
    /// All records of an array.
    pub(crate) by_array: OrdSet<(JobId, JobId)>,
    /// Waiting jobs of which it is known on which nodes they are expected to start.
    pub(crate) expected: OrdSet<JobId>,
    /// First components of heterogeneous jobs that wait.
    pub(crate) leaders: OrdSet<JobId>,
    /// Unfinished jobs by what they wait for: (awaited, waiting).
    pub(crate) dependents: OrdSet<(JobId, JobId)>,
    /// Waiting jobs of a user that wait for all others of their name.
    pub(crate) singletons: OrdSet<(Uid, JobId)>,
    /// What jobs hold of each node.
    pub(crate) usage: OrdMap<NodeId, Arc<Usage>>,
    /// Jobs that hold something of each node.
    pub(crate) holders: OrdSet<(NodeId, JobId)>,
    /// Names of nodes.
    pub(crate) node_names: OrdMap<Arc<str>, NodeId>,
    /// Licenses held.
    pub(crate) licenses: OrdMap<Arc<str>, u32>,
    /// How many jobs there are, an array's waiting tasks counted each.
    pub(crate) job_count: u64,
}

impl Cluster {
    /// Only what is different is taken out and put in: each of the many small changes in a job's life copies a part of every
    /// index that it touches, since published clusters share them.
    pub(crate) fn reindex(&mut self, old: &Job, job: &Job) {
        if (old.owner, old.array_job()) != (job.owner, job.array_job()) {
            self.unindex_family(old);
            self.index_family(job);
        }
        self.index.job_count -= u64::from(records(old));
        self.index.job_count += u64::from(records(job));
        let (was, is) = (self.place(old), self.place(job));
        if was != is {
            self.index.leave(was, job.id);
            self.index.enter(is, job.id);
        }
        if is_expected(old) != is_expected(job) {
            self.index.expect(job);
        }
        if leads(old) != leads(job) {
            self.index.lead(job);
        }
        if (old.owner, old.is_pending()) != (job.owner, job.is_pending())
            || !Arc::ptr_eq(&old.spec, &job.spec)
        {
            self.index.waits_no_more(old);
            self.index.waits(job);
        }
        if !holds_the_same(old, job) {
            self.give_back(old);
            self.hold(job);
        }
    }

    pub(crate) fn index_job(&mut self, job: &Job) {
        self.index_family(job);
        self.index.job_count += u64::from(records(job));
        let place = self.place(job);
        self.index.enter(place, job.id);
        self.index.expect(job);
        if leads(job) {
            self.index.lead(job);
        }
        self.index.waits(job);
        self.hold(job);
    }

    pub(crate) fn unindex(&mut self, job: &Job) {
        self.unindex_family(job);
        self.index.job_count -= u64::from(records(job));
        let place = self.place(job);
        self.index.leave(place, job.id);
        self.index.expected.remove(&job.id);
        self.index.leaders.remove(&job.id);
        self.index.waits_no_more(job);
        self.give_back(job);
    }

    fn index_family(&mut self, job: &Job) {
        self.index.by_owner.insert((job.owner, job.id));
        self.index.by_array.insert((job.array_job(), job.id));
    }

    fn unindex_family(&mut self, job: &Job) {
        self.index.by_owner.remove(&(job.owner, job.id));
        self.index.by_array.remove(&(job.array_job(), job.id));
    }

    fn place(&self, job: &Job) -> Place {
        match &job.phase {
            Phase::Pending => Place::Queue(self.queue_key(job)),
            Phase::Running(_) | Phase::Suspended => Place::Active(time_is_up(job)),
            Phase::Completing(_) => Place::Completing,
            Phase::Ended => Place::Ended(job.ended.unwrap_or_default()),
        }
    }

    fn hold(&mut self, job: &Job) {
        for share in job.held_shares() {
            assert!(self.node(share.node).is_some(), "job {} is on a missing node", job.id);
            let index = &mut self.index;
            index.holders.insert((share.node, job.id));
            hold(Arc::make_mut(index.usage.entry(share.node).or_default()), job, share);
        }
        for (name, count) in licenses_held(job) {
            *self.index.licenses.entry(Arc::clone(name)).or_insert(0) += count;
        }
    }

    fn give_back(&mut self, job: &Job) {
        let index = &mut self.index;
        for share in job.held_shares() {
            index.holders.remove(&(share.node, job.id));
            let usage = index.usage.get_mut(&share.node).expect("a node that is held has a usage");
            release(Arc::make_mut(usage), job, share);
        }
        for (name, count) in licenses_held(job) {
            let held = index.licenses.get_mut(name).expect("a license that is held is counted");
            *held -= count;
        }
    }
}

/// Which of the sets of jobs a job is in, by its phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Queue(QueueKey),
    /// With the time at which its time is up.
    Active(Option<Timestamp>),
    Completing,
    Ended(Timestamp),
}

impl Indexes {
    fn enter(&mut self, place: Place, id: JobId) {
        match place {
            Place::Queue(key) => drop(self.queue.insert(key)),
            Place::Active(end) => {
                self.active.insert(id);
                self.time_is_up.extend(end.map(|end| (end, id)));
            }
            Place::Completing => drop(self.completing.insert(id)),
            Place::Ended(at) => drop(self.ended.insert((at, id))),
        }
    }

    fn leave(&mut self, place: Place, id: JobId) {
        match place {
            Place::Queue(key) => drop(self.queue.remove(&key)),
            Place::Active(end) => {
                self.active.remove(&id);
                end.map(|end| self.time_is_up.remove(&(end, id)));
            }
            Place::Completing => drop(self.completing.remove(&id)),
            Place::Ended(at) => drop(self.ended.remove(&(at, id))),
        }
    }

    /// A job has, or has no more, nodes that it is expected to start on.
    pub(crate) fn expect(&mut self, job: &Job) {
        if is_expected(job) {
            self.expected.insert(job.id);
        } else {
            self.expected.remove(&job.id);
        }
    }

    fn lead(&mut self, job: &Job) {
        if leads(job) {
            self.leaders.insert(job.id);
        } else {
            self.leaders.remove(&job.id);
        }
    }

    fn waits(&mut self, job: &Job) {
        for awaited in awaited(job) {
            self.dependents.insert((awaited, job.id));
        }
        if is_singleton(job) {
            self.singletons.insert((job.owner, job.id));
        }
    }

    fn waits_no_more(&mut self, job: &Job) {
        for awaited in awaited(job) {
            self.dependents.remove(&(awaited, job.id));
        }
        if is_singleton(job) {
            self.singletons.remove(&(job.owner, job.id));
        }
    }
}

/// Whether two records of one job count alike in what nodes and licenses are held.
fn holds_the_same(old: &Job, job: &Job) -> bool {
    let same_allocation = match (&old.allocation, &job.allocation) {
        (Some(old), Some(job)) => Arc::ptr_eq(old, job),
        (old, job) => old.is_none() && job.is_none(),
    };
    let same_way = match (&old.phase, &job.phase) {
        (Phase::Completing(old), Phase::Completing(job)) => old.waiting_on == job.waiting_on,
        (Phase::Running(_), Phase::Running(_)) | (Phase::Suspended, Phase::Suspended) => true,
        (Phase::Pending | Phase::Ended, Phase::Pending | Phase::Ended) => true,
        _ => false,
    };
    same_allocation && same_way
}

fn is_expected(job: &Job) -> bool {
    job.is_pending() && job.expected_nodes.is_some()
}

fn leads(job: &Job) -> bool {
    job.is_pending() && job.het.as_ref().is_some_and(|role| role.is_leader())
}

fn is_singleton(job: &Job) -> bool {
    let conditions = &job.spec.dependencies.conditions;
    job.is_pending() && conditions.iter().any(|c| c.kind == DependencyKind::Singleton)
}

/// How many jobs the record counts for.
fn records(job: &Job) -> u32 {
    job.array.as_ref().map_or(1, |role| role.len())
}

/// Jobs that were told to make room have so long, whatever their limits.
fn time_is_up(job: &Job) -> Option<Timestamp> {
    job.ended.filter(|_| job.time_limit_min.is_some() || job.preempted.is_some())
}

fn awaited(job: &Job) -> impl Iterator<Item = JobId> + '_ {
    let waits = job.is_pending();
    job.spec.dependencies.conditions.iter().filter(move |_| waits).filter_map(|d| d.job)
}

fn licenses_held(job: &Job) -> &[(Arc<str>, u32)] {
    match &job.allocation {
        Some(allocation) if job.is_active() => &allocation.licenses,
        _ => &[],
    }
}

fn hold(usage: &mut Usage, job: &Job, share: &NodeShare) {
    if job.phase != Phase::Suspended {
        usage.hold_cores(&share.cores);
        usage.cpus += share.cpus;
        usage.exclusive += u32::from(is_exclusive(job));
    }
    usage.memory_mib += share.memory_mib;
    share.gres.iter().for_each(|held| usage.hold_gres(held));
    *jobs_here(usage, job) += 1;
}

fn release(usage: &mut Usage, job: &Job, share: &NodeShare) {
    if job.phase != Phase::Suspended {
        usage.release_cores(&share.cores);
        usage.cpus -= share.cpus;
        usage.exclusive -= u32::from(is_exclusive(job));
    }
    usage.memory_mib -= share.memory_mib;
    share.gres.iter().for_each(|held| usage.release_gres(held));
    *jobs_here(usage, job) -= 1;
}

fn jobs_here<'a>(usage: &'a mut Usage, job: &Job) -> &'a mut u32 {
    match job.phase {
        Phase::Completing(_) => &mut usage.completing,
        Phase::Suspended => &mut usage.suspended,
        Phase::Pending | Phase::Running(_) | Phase::Ended => &mut usage.running,
    }
}

fn is_exclusive(job: &Job) -> bool {
    job.allocation.as_ref().is_some_and(|allocation| allocation.exclusive)
}
