//! What the controller has promised and the nodes have done, and the invariants that follow.
//!
//! | name | what must hold |
//! |---|---|
//! | `cluster` | `model::check` finds nothing |
//! | `submission` | a job whose number somebody was told is there until it has ended and is forgotten |
//! | `cancellation` | a job whose cancellation was acknowledged has ended, and stays so |
//! | `reason` | a job that a plan has passed over has a reason |
//! | `one_end` | a job ends once each time that it is started; it comes back only by a new start |
//! | `one_run` | a script runs at most once for each start of its job |
//! | `together` | the components of a heterogeneous job start in one turn, and none outlives the leader |
//! | `reserved` | a job that is not let in starts on no node of a reservation that has begun |
//! | `room` | a job makes room only for one of a higher tier that waits, and has its grace before |
//! | `powered` | a job goes on to run only when none of its machines is off |
//! | `own_cores` | no core of a node has processes of two jobs |
//! | `quiet` | when nothing is done to it any more, the cluster comes to rest with nothing held |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctld_core::{Answer, Event, JobPart, JobSelection, Turned};
use model::{
    Change, Cluster, Exit, Job, JobId, Launch, NodeShare, Outcome, Phase, Reservation, Timestamp,
    WaitReason,
};

/// The book of a world.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Jobs whose number was told to somebody, unless they were forgotten since.
    pub submitted: BTreeSet<JobId>,
    cancelled: BTreeSet<JobId>,
    runs: BTreeMap<(JobId, u16), u32>,
    /// How often each thing happened that the run is to have seen.
    pub marks: BTreeMap<&'static str, u64>,
}

/// What an answer promises once it is released.
#[derive(Debug, Default)]
pub struct Promise {
    submitted: Vec<JobId>,
    cancelled: Vec<JobId>,
    /// Jobs that were cancelled before, and that somebody has sent back to the queue.
    revived: Vec<JobId>,
}

macro_rules! invariant {
    ($holds:expr, $name:literal, $($what:tt)+) => {
        assert!($holds, "invariant `{}`: {}", $name, format_args!($($what)+))
    };
}
pub(crate) use invariant;

impl Ledger {
    /// Notes that something worth seeing has happened.
    pub fn mark(&mut self, what: &'static str) {
        *self.marks.entry(what).or_insert(0) += 1;
    }

    /// Checks a turn, and tells what its answer promises.
    pub fn turned(
        &mut self,
        now: Timestamp,
        before: &Cluster,
        after: &Cluster,
        event: &Event,
        turned: &Turned,
    ) -> Promise {
        if !turned.changes.is_empty() {
            let found = model::check(after);
            invariant!(found.is_empty(), "cluster", "{found:?} at {now:?} after {event:?}");
        }
        let requeue = matches!((event, &turned.answer), (Event::Requeue(_), Ok(_)));
        let mut revived = Vec::new();
        for change in &turned.changes {
            match change {
                Change::Job(job) if requeue && !job.is_finished() => {
                    self.cancelled.remove(&job.id);
                    revived.push(job.id);
                }
                Change::JobGone(id) => self.forgotten(before, *id),
                _ => {}
            }
        }
        self.check_ends(before, after, turned);
        self.check_power(after, turned);
        self.see_crontabs(turned);
        self.check_promises(after);
        if let Event::Planned(plan) = event {
            for passed in &plan.passed {
                let waiting = after.job(passed.job).filter(|job| job.is_pending());
                let told = waiting.is_none_or(|job| job.wait != WaitReason::None);
                invariant!(told, "reason", "job {} waits without one", passed.job);
            }
        }
        Promise { revived, ..promise(after, event, turned) }
    }

    /// An answer was released.
    pub fn promised(&mut self, promise: Promise) {
        for id in promise.revived {
            self.cancelled.remove(&id);
        }
        self.submitted.extend(promise.submitted);
        self.cancelled.extend(promise.cancelled);
    }

    /// A script has begun to run.
    pub fn ran(&mut self, job: &Job) {
        let runs = self.runs.entry((job.id, job.restarts)).or_insert(0);
        *runs += 1;
        invariant!(*runs == 1, "one_run", "start {} of job {} ran twice", job.restarts, job.id);
        self.mark("script ran");
    }

    /// How often the script of a job ran in the start that was its last.
    pub fn runs_of(&self, job: &Job) -> u32 {
        self.runs.get(&(job.id, job.restarts)).copied().unwrap_or(0)
    }

    /// What was promised is there.
    pub fn check_promises(&self, cluster: &Cluster) {
        for &id in &self.submitted {
            invariant!(cluster.job(id).is_some(), "submission", "job {id} is lost");
        }
        for &id in &self.cancelled {
            let ended = cluster.job(id).is_none_or(|job| job.is_finished());
            invariant!(ended, "cancellation", "job {id} was cancelled and goes on");
        }
    }

    fn forgotten(&mut self, before: &Cluster, id: JobId) {
        // A suspended job counts as ended since it was stopped, once it has ended.
        let over = |job: &Job| job.is_finished() || job.phase == Phase::Suspended;
        let ended = before.job(id).is_some_and(|job| over(job));
        let job = before.job(id);
        invariant!(ended, "submission", "job {id} is forgotten before it has ended: {job:?}");
        self.submitted.remove(&id);
        self.cancelled.remove(&id);
        self.runs.retain(|(job, _), _| *job != id);
        self.mark("job forgotten");
    }

    fn check_power(&mut self, after: &Cluster, turned: &Turned) {
        for change in &turned.changes {
            let Change::Job(job) = change else { continue };
            if matches!(job.phase, Phase::Running(Launch::Waking { .. })) {
                self.mark("job waited for machines");
                continue;
            }
            let is_off = |share: &&NodeShare| {
                after.node(share.node).is_some_and(|node| node.flags.powered_down)
            };
            let off = job.held_shares().find(is_off).filter(|_| job.is_active());
            let is_last = after.job(job.id) == Some(job);
            invariant!(off.is_none() || !is_last, "powered", "job {} is on {off:?}", job.id);
        }
    }

    fn see_crontabs(&mut self, turned: &Turned) {
        let again = |change: &Change| matches!(change, Change::Job(job) if job.cron.is_some() && job.is_pending() && job.restarts > 1);
        if turned.changes.iter().any(again) {
            self.mark("job of a crontab ran again");
        }
    }

    fn check_ends(&mut self, before: &Cluster, after: &Cluster, turned: &Turned) {
        let changed: BTreeSet<JobId> = turned
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::Job(job) => Some(job.id),
                _ => None,
            })
            .collect();
        for id in changed {
            let (Some(old), Some(new)) = (before.job(id), after.job(id)) else {
                continue;
            };
            invariant!(new.restarts >= old.restarts, "one_end", "job {id} forgot a start");
            self.check_together(after, (old, new));
            self.check_reserved(after, (old, new));
            self.check_room(before, (old, new));
            if old.is_finished() && old.restarts == new.restarts {
                let same =
                    new.is_finished() && is_same_end(old.outcome.as_ref(), new.outcome.as_ref());
                invariant!(
                    same,
                    "one_end",
                    "job {id} ended as {:?} and then became {new:?}",
                    old.outcome
                );
            }
            if !old.is_finished() && new.is_finished() {
                self.mark("job ended");
            }
            if new.restarts > old.restarts {
                self.mark("job requeued");
            }
        }
    }
}

impl Ledger {
    fn check_together(&mut self, after: &Cluster, (old, new): (&Job, &Arc<Job>)) {
        if new.het.is_none() {
            return;
        }
        let starts = old.is_pending() && new.is_active();
        let mut components = after.components(new);
        let all = components.all(|other| other.is_active() && other.restarts == new.restarts);
        invariant!(!starts || all, "together", "job {} starts alone", new.id);
        let leader_is_over = new.het_job() == new.id && !new.is_active();
        let outlives = after.components(new).any(|other| other.is_active());
        invariant!(!(leader_is_over && outlives), "together", "job {} is outlived", new.id);
        if starts {
            self.mark("component started");
        }
    }
}

impl Ledger {
    /// What has begun to be reserved is nobody's who is not let in.
    fn check_reserved(&mut self, after: &Cluster, (old, new): (&Job, &Arc<Job>)) {
        let Some(allocation) =
            new.allocation.as_ref().filter(|_| old.is_pending() && new.is_active())
        else {
            return;
        };
        if allocation.reservation.is_some() {
            return self.mark("job started in a reservation");
        }
        // One that is over in this very second may not have been ended yet.
        let goes_on = |one: &&Arc<Reservation>| one.is_active() && new.started < Some(one.end);
        for one in after.reservations().filter(goes_on) {
            self.mark("job started beside a reservation");
            let taken = allocation.shares.iter().any(|share| one.has_node(share.node));
            invariant!(!taken, "reserved", "job {} starts on nodes of {}", new.id, one.name);
        }
    }
}

impl Ledger {
    fn check_room(&mut self, before: &Cluster, (old, new): (&Job, &Arc<Job>)) {
        let tier = |name: &Arc<str>| before.partition(name).map_or(0, |p| p.priority_tier);
        if old.is_active() && old.preempted.is_none() && new.preempted.is_some() {
            let above = before.queue().any(|job| tier(&job.partition) > tier(&old.partition));
            invariant!(above, "room", "job {} makes room for nobody", new.id);
            self.mark("job told to make room");
        }
        let goes = old.is_active() && !new.is_active() && new.preempted.is_some();
        if !goes || new.outcome.as_ref().is_some_and(|end| end.exit != Exit::Preempted) {
            return;
        }
        let sent_back = new.restarts > old.restarts;
        self.mark(if sent_back { "job sent back to make room" } else { "job made room" });
        let grace_s = before.partition(&new.partition).map_or(0, |p| p.grace_time_s);
        let told = old.preempted.is_some() || grace_s == 0;
        invariant!(told, "room", "job {} was not told", new.id);
    }
}

/// How a job ended stays, and so does what its script died of once it is known.
fn is_same_end(old: Option<&Outcome>, new: Option<&Outcome>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => {
            old.exit == new.exit && (old.status == 0 || old.status == new.status)
        }
        (None, None) => true,
        _ => false,
    }
}

fn promise(after: &Cluster, event: &Event, turned: &Turned) -> Promise {
    match (event, &turned.answer) {
        (Event::Submit(_), Ok(Answer::Submitted { job })) => {
            Promise { submitted: vec![*job], ..Promise::default() }
        }
        (Event::SubmitHet(components), Ok(Answer::Submitted { job })) => {
            let submitted: Vec<JobId> = after
                .job(*job)
                .into_iter()
                .flat_map(|job| after.components(job))
                .map(|c| c.id)
                .collect();
            invariant!(submitted.len() == components.len(), "submission", "not all of {job}");
            Promise { submitted, ..Promise::default() }
        }
        (Event::Kill(kill), Ok(_)) if kill.signal == 9 && kill.flags == 0 => {
            let records = meant(after, &kill.selection);
            let mut cancelled = Vec::new();
            for job in records.filter(|_| turned.answer == Ok(Answer::Done)) {
                invariant!(
                    job.is_finished(),
                    "cancellation",
                    "job {} goes on after its cancellation was accepted: {:?}",
                    job.id,
                    job.phase
                );
                cancelled.push(job.id);
            }
            Promise { cancelled, ..Promise::default() }
        }
        _ => Promise::default(),
    }
}

fn meant<'a>(cluster: &'a Cluster, selection: &'a JobSelection) -> impl Iterator<Item = &'a Job> {
    let alone = cluster.job(selection.job).filter(|job| job.array_job() != job.id);
    let leader = cluster.job(selection.job).filter(|job| {
        job.het.as_ref().is_some_and(|role| role.is_leader()) && selection.part == JobPart::Whole
    });
    let components = leader.into_iter().flat_map(|leader| cluster.components(leader).skip(1));
    let whole = cluster.array_records(selection.job);
    let whole = whole.filter(move |job| match (selection.tasks(), &job.array) {
        (None, _) => alone.is_none(),
        (Some(tasks), Some(role)) => tasks.iter().any(|index| role.has(index)),
        (Some(_), None) => false,
    });
    let alone = alone.filter(|_| selection.tasks().is_none());
    alone.into_iter().chain(whole).chain(components).map(|job| &**job)
}
