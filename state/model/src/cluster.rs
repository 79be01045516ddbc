//! The cluster and its only mutation.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use imbl::OrdMap;

use crate::change::{Change, Seen, Waits};
use crate::config::Config;
use crate::cron::Crontab;
use crate::id::{JobId, NodeId, StepNumber, Timestamp, Uid};
use crate::index::Indexes;
use crate::job::Job;
use crate::node::Node;
use crate::node_list::named_nodes;
use crate::partition::Partition;
use crate::parts::SharedDevices;
use crate::reservation::Reservation;
use crate::resource::{CoreSet, Usage};
use crate::step::Step;
use crate::trigger::Trigger;

/// Everything that the controller knows. A clone costs a few pointers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    config: Arc<Config>,
    counters: Counters,
    jobs: OrdMap<JobId, Arc<Job>>,
    steps: OrdMap<(JobId, StepNumber), Arc<Step>>,
    nodes: OrdMap<NodeId, Arc<Node>>,
    partitions: OrdMap<Arc<str>, Arc<Partition>>,
    triggers: OrdMap<u32, Arc<Trigger>>,
    crontabs: OrdMap<Uid, Arc<Crontab>>,
    reservations: OrdMap<Arc<str>, Arc<Reservation>>,
    pub(crate) index: Indexes,
}

/// A waiting job's place: the highest priority first, then the oldest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    /// The tier of its partition.
    pub tier: Reverse<u16>,
    /// Its priority.
    pub priority: Reverse<u32>,
    /// The job.
    pub job: JobId,
}

/// Numbers that only grow, and the times of the last changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The number that the next job gets.
    pub next_job: u32,
    /// The priority that the next job gets (priority/basic counts down).
    pub next_priority: u32,
    /// The number that the last trigger got.
    pub last_trigger: u32,
    /// The number that the last reservation got.
    pub last_reservation: u32,
}

impl Cluster {
    /// What slurm.conf decides.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Numbers that only grow.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// A job.
    pub fn job(&self, id: JobId) -> Option<&Arc<Job>> {
        self.jobs.get(&id)
    }

    /// All jobs, by number.
    pub fn jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.jobs.values()
    }

    /// The jobs whose numbers are in a range, by number: without a look at the jobs themselves, of
    /// which there may be many.
    pub fn jobs_numbered(
        &self,
        numbers: RangeInclusive<u32>,
    ) -> impl Iterator<Item = (JobId, &Arc<Job>)> {
        let (first, last) = numbers.into_inner();
        self.jobs.range(JobId(first)..=JobId(last)).map(|(id, job)| (*id, job))
    }

    /// How many job records there are.
    pub fn job_records(&self) -> usize {
        self.jobs.len()
    }

    /// How many jobs there are, each waiting task of an array counted.
    pub fn job_count(&self) -> u64 {
        self.index.job_count
    }

    /// The job with the highest number of a user, and that of all.
    pub fn newest_jobs(&self, owner: Uid) -> impl Iterator<Item = &Arc<Job>> {
        let own = self.numbers_of(owner).next_back().map(|id| self.known(id));
        own.into_iter().chain(self.jobs.get_max().map(|(_, job)| job))
    }

    /// The jobs of a user, by number.
    pub fn jobs_of(&self, owner: Uid) -> impl Iterator<Item = &Arc<Job>> {
        self.numbers_of(owner).map(|id| self.known(id))
    }

    /// The numbers of a user's jobs, ascending: without a look at the jobs themselves.
    pub fn numbers_of(&self, owner: Uid) -> impl DoubleEndedIterator<Item = JobId> {
        let range = (owner, JobId(0))..=(owner, JobId(u32::MAX));
        self.index.by_owner.range(range).map(|(_, id)| *id)
    }

    /// The records of an array, by number; a job that is none has its own only.
    pub fn array_records(&self, array_job: JobId) -> impl Iterator<Item = &Arc<Job>> {
        let range = (array_job, JobId(0))..=(array_job, JobId(u32::MAX));
        self.index.by_array.range(range).map(|(_, id)| self.known(*id))
    }

    /// The record that stands for a task of an array.
    pub fn array_task(&self, array_job: JobId, index: u32) -> Option<&Arc<Job>> {
        self.array_records(array_job)
            .find(|job| job.array.as_ref().is_some_and(|role| role.has(index)))
    }

    /// The components of the heterogeneous job that a job is one of, by offset; of a plain job, the
    /// job alone.
    pub fn components<'a>(&'a self, job: &'a Arc<Job>) -> impl Iterator<Item = &'a Arc<Job>> {
        let members = job.het.as_ref().map_or(&[][..], |role| role.members());
        let alone = job.het.is_none().then_some(job);
        members.iter().filter_map(|id| self.job(*id)).chain(alone)
    }

    /// A component of a heterogeneous job, by the number of the whole.
    pub fn component(&self, leader: JobId, offset: u32) -> Option<&Arc<Job>> {
        let role = self.job(leader)?.het.as_ref().filter(|role| role.is_leader())?;
        self.job(*role.members().get(usize::try_from(offset).ok()?)?)
    }

    /// Jobs that wait for `awaited`.
    pub fn dependents(&self, awaited: JobId) -> impl Iterator<Item = &Arc<Job>> {
        let range = (awaited, JobId(0))..=(awaited, JobId(u32::MAX));
        self.index.dependents.range(range).map(|(_, id)| self.known(*id))
    }

    /// Waiting jobs of a user that were submitted with `--dependency=singleton`, by number.
    pub fn singletons_of(&self, owner: Uid) -> impl Iterator<Item = &Arc<Job>> {
        let range = (owner, JobId(0))..=(owner, JobId(u32::MAX));
        self.index.singletons.range(range).map(|(_, id)| self.known(*id))
    }

    /// Waiting jobs, in the order in which they are to be looked at.
    pub fn queue(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.index.queue.iter().map(|key| self.known(key.job))
    }

    /// First components of heterogeneous jobs that wait, by number.
    pub fn waiting_leaders(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.index.leaders.iter().map(|id| self.known(*id))
    }

    /// Nodes that waiting jobs are expected to start on.
    pub fn planned_nodes(&self) -> BTreeSet<NodeId> {
        let jobs = self.index.expected.iter().map(|id| self.known(*id));
        let lists = jobs.filter_map(|job| job.expected_nodes.as_deref());
        // A list with a node that is gone is of a plan that will be made anew.
        lists.filter_map(|list| named_nodes(self, list).ok()).flatten().collect()
    }

    /// How many job records wait.
    pub fn queue_len(&self) -> usize {
        self.index.queue.len()
    }

    /// Jobs that run or are suspended, by number.
    pub fn active(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.index.active.iter().map(|id| self.known(*id))
    }

    /// Jobs that are being cleaned up, by number.
    pub fn completing(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.index.completing.iter().map(|id| self.known(*id))
    }

    /// Jobs that were over at or before `at`, the oldest first.
    pub fn ended_by(&self, at: Timestamp) -> impl Iterator<Item = &Arc<Job>> {
        let range = ..=(at, JobId(u32::MAX));
        self.index.ended.range(range).map(|(_, id)| self.known(*id))
    }

    /// Active jobs whose time is up at or before `at`, the first first.
    pub fn out_of_time(&self, at: Timestamp) -> impl Iterator<Item = &Arc<Job>> {
        let range = ..=(at, JobId(u32::MAX));
        self.index.time_is_up.range(range).map(|(_, id)| self.known(*id))
    }

    /// A step.
    pub fn step(&self, job: JobId, number: StepNumber) -> Option<&Arc<Step>> {
        self.steps.get(&(job, number))
    }

    /// All steps, by job.
    pub fn steps(&self) -> impl Iterator<Item = &Arc<Step>> {
        self.steps.values()
    }

    /// The steps of a job.
    pub fn steps_of(&self, job: JobId) -> impl Iterator<Item = &Arc<Step>> {
        let last = StepNumber::Component { step: u32::MAX, component: u32::MAX };
        self.steps.range((job, StepNumber::Normal(0))..=(job, last)).map(|(_, step)| step)
    }

    /// The step that a number names; all of its components, if it has some.
    pub fn steps_numbered(
        &self,
        job: JobId,
        number: StepNumber,
    ) -> impl Iterator<Item = &Arc<Step>> {
        let of = |step: u32, component: u32| (job, StepNumber::Component { step, component });
        let (first, last) = match number {
            StepNumber::Normal(step) => (of(step, 0), of(step, u32::MAX)),
            StepNumber::Interactive
            | StepNumber::Batch
            | StepNumber::Extern
            | StepNumber::Component { .. } => ((job, number), (job, number)),
        };
        let alone = self.steps.get(&(job, number)).filter(|_| first != last);
        alone.into_iter().chain(self.steps.range(first..=last).map(|(_, step)| step))
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> Option<&Arc<Node>> {
        self.nodes.get(&id)
    }

    /// A node by its name.
    pub fn node_named(&self, name: &str) -> Option<&Arc<Node>> {
        self.index.node_names.get(name).and_then(|id| self.nodes.get(id))
    }

    /// All nodes, by place.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// One more than the highest place in the node table.
    pub fn node_table_len(&self) -> u32 {
        self.nodes.get_max().map_or(0, |(id, _)| id.0 + 1)
    }

    /// The lowest free place in the node table.
    pub fn free_node_id(&self) -> NodeId {
        let len = self.node_table_len();
        if self.nodes.len() == len as usize {
            return NodeId(len);
        }
        let gap = (0..len).find(|&place| !self.nodes.contains_key(&NodeId(place)));
        NodeId(gap.unwrap_or(len))
    }

    /// What jobs hold of a node.
    pub fn usage(&self, node: NodeId) -> Arc<Usage> {
        self.index.usage.get(&node).cloned().unwrap_or_default()
    }

    /// All nodes by place, with what jobs hold of each.
    pub fn used_nodes(&self) -> impl Iterator<Item = (&Arc<Node>, Option<&Arc<Usage>>)> {
        let mut usages = self.index.usage.iter().peekable();
        self.nodes.iter().map(move |(id, node)| {
            let usage = usages.next_if(|(used, _)| *used == id);
            (node, usage.map(|(_, usage)| usage))
        })
    }

    /// Jobs that hold something of a node, by number.
    pub fn jobs_on(&self, node: NodeId) -> impl Iterator<Item = &Arc<Job>> {
        let range = (node, JobId(0))..=(node, JobId(u32::MAX));
        self.index.holders.range(range).map(|(_, id)| self.known(*id))
    }

    /// A partition.
    pub fn partition(&self, name: &str) -> Option<&Arc<Partition>> {
        self.partitions.get(name)
    }

    /// All partitions, by name.
    pub fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.partitions.values()
    }

    /// All triggers, by number.
    pub fn triggers(&self) -> impl Iterator<Item = &Arc<Trigger>> {
        self.triggers.values()
    }

    /// How many triggers there are.
    pub fn trigger_count(&self) -> usize {
        self.triggers.len()
    }

    /// The crontab of a user.
    pub fn crontab(&self, owner: Uid) -> Option<&Arc<Crontab>> {
        self.crontabs.get(&owner)
    }

    /// A reservation.
    pub fn reservation(&self, name: &str) -> Option<&Arc<Reservation>> {
        self.reservations.get(name)
    }

    /// All reservations, by name.
    pub fn reservations(&self) -> impl Iterator<Item = &Arc<Reservation>> {
        self.reservations.values()
    }

    /// Whether there are reservations.
    pub fn has_reservations(&self) -> bool {
        !self.reservations.is_empty()
    }

    /// The partition of jobs that name none.
    pub fn default_partition(&self) -> Option<&Arc<Partition>> {
        self.partitions.values().find(|partition| partition.is_default)
    }

    /// How many of a license are held.
    pub fn licenses_held(&self, name: &str) -> u32 {
        self.index.licenses.get(name).copied().unwrap_or(0)
    }

    fn known(&self, id: JobId) -> &Arc<Job> {
        self.jobs.get(&id).expect("an index names jobs that are there")
    }

    /// Alters the cluster: the only way to.
    ///
    /// # Panics
    ///
    /// If the change contradicts the cluster (a core released that nobody holds, a job placed on a
    /// node that is not there): whoever made it did not check, which is a bug here.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Job(job) => self.put_job(job),
            Change::JobGone(id) => self.remove_job(*id),
            Change::Script(..) => {}
            Change::Step(step) => {
                self.steps.insert((step.job, step.number), Arc::clone(step));
            }
            Change::StepGone(job, number) => {
                self.steps.remove(&(*job, *number));
            }
            Change::Node(node) => self.put_node(node),
            Change::NodeGone(id) => self.remove_node(*id),
            Change::Seen(id, seen) => self.see_node(*id, *seen),
            Change::Waits(id, waits) => self.leave_waiting(*id, waits),
            Change::Partition(partition) => self.put_partition(partition),
            Change::PartitionGone(name) => {
                self.partitions.remove(name);
            }
            Change::Trigger(trigger) => {
                self.triggers.insert(trigger.id, Arc::clone(trigger));
            }
            Change::TriggerGone(id) => {
                self.triggers.remove(id);
            }
            Change::Crontab(crontab) => {
                self.crontabs.insert(crontab.owner, Arc::clone(crontab));
            }
            Change::CrontabGone(owner) => {
                self.crontabs.remove(owner);
            }
            Change::Reservation(reservation) => self.put_reservation(reservation),
            Change::ReservationGone(name) => {
                let gone = self.reservations.remove(name);
                assert!(gone.is_some(), "reservation {name} is taken away and is not there");
            }
            Change::Counters(counters) => {
                assert!(counters.next_job >= 1, "job numbers start at 1");
                self.counters = *counters;
            }
            Change::Config(config) => self.config = Arc::clone(config),
        }
    }

    fn put_reservation(&mut self, reservation: &Arc<Reservation>) {
        let Reservation { name, start, end, nodes, cores, .. } = &**reservation;
        assert!(start <= end, "reservation {name} ends before it starts");
        assert!(nodes.is_sorted_by(|a, b| a < b), "reservation {name} has its nodes in disorder");
        let cores = cores.as_deref().unwrap_or_default();
        let is_of_it = |(id, _): &(NodeId, CoreSet)| nodes.binary_search(id).is_ok();
        assert!(cores.iter().all(is_of_it), "reservation {name} has cores of no node of it");
        assert!(nodes.iter().all(|id| self.nodes.contains_key(id)), "{name} has a missing node");
        self.reservations.insert(Arc::clone(name), Arc::clone(reservation));
    }

    fn put_job(&mut self, job: &Arc<Job>) {
        match self.jobs.insert(job.id, Arc::clone(job)) {
            Some(old) => {
                self.reindex(&old, job);
                if old.is_pending() && job.is_active() {
                    self.check_parts(job);
                }
            }
            None => self.index_job(job),
        }
    }

    /// Asserts that no device of a job that has just started is had in more parts than it has.
    fn check_parts(&self, job: &Job) {
        let shares = job.allocation.iter().flat_map(|allocation| &allocation.shares);
        for share in shares.filter(|share| share.gres.iter().any(|held| !held.parts.is_empty())) {
            let (node, usage) = (self.nodes.get(&share.node), self.usage(share.node));
            let node = node.expect("the nodes of a job are there");
            for held in share.gres.iter().filter(|held| !held.parts.is_empty()) {
                let sizes = SharedDevices::of(node, &held.name).sizes();
                let fits = |(device, _): &(u32, u64)| {
                    let size = sizes.get(*device as usize).copied().unwrap_or(0);
                    usage.taken.of_device(&held.name, *device) <= size
                };
                assert!(
                    held.parts.iter().all(fits),
                    "{} of {} is overbooked",
                    held.name,
                    node.name
                );
            }
        }
    }

    fn remove_job(&mut self, id: JobId) {
        let job = self.jobs.remove(&id).expect("a job that is forgotten was there");
        self.unindex(&job);
    }

    fn put_node(&mut self, node: &Arc<Node>) {
        if let Some(old) = self.nodes.insert(node.id, Arc::clone(node)) {
            self.index.node_names.remove(&old.name);
        }
        let other = self.index.node_names.insert(Arc::clone(&node.name), node.id);
        assert!(other.is_none(), "two nodes are named {}", node.name);
    }

    fn remove_node(&mut self, id: NodeId) {
        assert!(self.jobs_on(id).next().is_none(), "a node that is removed has no job");
        let is_reserved = self.reservations().any(|reservation| reservation.has_node(id));
        assert!(!is_reserved, "a node that is removed is in no reservation");
        let node = self.nodes.remove(&id).expect("a node that is removed was there");
        self.index.node_names.remove(&node.name);
        self.index.usage.remove(&id);
    }

    fn see_node(&mut self, id: NodeId, seen: Seen) {
        let node = self.nodes.get_mut(&id).expect("a node that is seen is there");
        let node = Arc::make_mut(node);
        node.last_response = Some(seen.at);
        if let Some((cpu_load, free_memory_mib)) = seen.load {
            node.cpu_load = Some(cpu_load);
            node.free_memory_mib = Some(free_memory_mib);
        }
    }

    fn leave_waiting(&mut self, id: JobId, waits: &Waits) {
        let job = self.jobs.get_mut(&id).expect("a job that was looked at is there");
        assert!(job.is_pending(), "job {id} was left waiting and is not");
        let job = Arc::make_mut(job);
        job.wait = waits.wait.clone();
        job.started = waits.expected;
        job.expected_nodes.clone_from(&waits.expected_nodes);
        job.last_evaluated = Some(waits.at);
        let has = self.index.expected.contains(&id);
        if has != job.expected_nodes.is_some() {
            self.index.expect(job);
        }
    }

    /// The tier is part of the queue's order, so the jobs of the partition are queued anew.
    fn put_partition(&mut self, partition: &Arc<Partition>) {
        let old = self.partitions.get(&partition.name).cloned();
        if old.is_some_and(|old| old.priority_tier == partition.priority_tier) {
            self.partitions.insert(Arc::clone(&partition.name), Arc::clone(partition));
            return;
        }
        let queued: Vec<_> =
            self.queue().filter(|job| job.partition == partition.name).cloned().collect();
        for job in &queued {
            self.index.queue.remove(&self.queue_key(job));
        }
        self.partitions.insert(Arc::clone(&partition.name), Arc::clone(partition));
        for job in &queued {
            self.index.queue.insert(self.queue_key(job));
        }
    }

    /// Where a waiting job stands in the queue.
    pub fn queue_key(&self, job: &Job) -> QueueKey {
        let tier = self.partitions.get(&job.partition).map_or(1, |p| p.priority_tier);
        QueueKey { tier: Reverse(tier), priority: Reverse(job.priority), job: job.id }
    }

    /// The indexes, without entries that count nothing.
    pub(crate) fn trimmed_index(&self) -> Indexes {
        let mut index = self.index.clone();
        let in_use = |(_, usage): &(NodeId, Arc<Usage>)| **usage != Usage::default();
        index.usage = index.usage.into_iter().filter(in_use).collect();
        index.licenses = index.licenses.into_iter().filter(|(_, count)| *count > 0).collect();
        index
    }
}
