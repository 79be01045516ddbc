//! What breaks, when, and how it works again; and whether all is at rest when nothing does.

use std::sync::Arc;

use model::{Cluster, DependencyState, Job, Phase, Usage};
use state::Fault;

use crate::controller::Crash;
use crate::node::{Process, Report};
use crate::world::{Happening, World};

/// How something works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mend {
    /// The network carries again.
    Reachable,
    /// A slurmd starts.
    SlurmdStarts,
    /// A machine has booted, and its slurmd starts.
    Boots,
    /// A slurmd goes on.
    Wakes,
}

impl World {
    /// Whether, and where, the controller dies in this batch.
    pub(crate) fn draw_crash(&mut self) -> Option<Crash> {
        let rng = &mut self.chance.fault;
        if !self.chaos || !rng.chance(6) {
            return None;
        }
        Some(match rng.between(0, 5) {
            0 => Crash::BeforeCommit,
            1 => Crash::InCommit(Fault::Lost),
            2 => Crash::InCommit(Fault::Kept),
            3 => Crash::AfterCommit,
            4 => Crash::AfterPublish,
            _ => Crash::InRelease(rng.between(0, 6)),
        })
    }

    /// Something breaks: a node that was well, or the controller between two batches.
    pub(crate) fn breaks(&mut self) {
        if !self.chaos {
            return;
        }
        let rng = &mut self.chance.fault;
        let again_ms = rng.between(1000, 60_000);
        let node = rng.between(0, self.nodes.len() as u64 - 1) as usize;
        let kind = rng.between(0, 8);
        let long = rng.chance(300);
        let lasts_ms = rng.between(500, if long { 300_000 } else { 20_000 });
        let slurmd = &mut self.nodes[node];
        let well = slurmd.reachable && slurmd.process == Process::Serves;
        let (mark, mend) = match kind {
            0 => {
                self.controller.killed();
                self.ledger.mark("controller killed");
                self.after(lasts_ms.min(90_000), Happening::Starts);
                return self.after(again_ms, Happening::Breaks);
            }
            _ if !well => return self.after(again_ms, Happening::Breaks),
            1..=3 => {
                slurmd.reachable = false;
                ("node cut off", Mend::Reachable)
            }
            4..=5 => {
                slurmd.slurmd_died();
                ("slurmd died", Mend::SlurmdStarts)
            }
            6 => {
                slurmd.machine_died();
                ("machine died", Mend::Boots)
            }
            _ => {
                slurmd.process = Process::Hangs;
                ("slurmd hangs", Mend::Wakes)
            }
        };
        self.ledger.mark(mark);
        self.trail
            .say(self.now_ms, format_args!("{mark}: {} for {lasts_ms} ms", self.nodes[node].name));
        self.after(lasts_ms, Happening::Mends(node, mend));
        self.after(again_ms, Happening::Breaks);
    }

    pub(crate) fn mends(&mut self, node: usize, mend: Mend) {
        let now = self.now();
        let is_off = self.is_off(node);
        let slurmd = &mut self.nodes[node];
        match mend {
            Mend::Reachable => slurmd.reachable = true,
            Mend::SlurmdStarts | Mend::Boots if slurmd.process == Process::Dead && !is_off => {
                slurmd.process = Process::Serves;
                slurmd.started = now;
                if mend == Mend::Boots {
                    slurmd.booted = now;
                }
                self.say(node, Report::Registration { repeat: true });
            }
            Mend::Wakes if slurmd.process == Process::Hangs => {
                slurmd.process = Process::Serves;
                let mut backlog = std::mem::take(&mut slurmd.backlog);
                // Each request has a thread of its own, and these come in any order.
                while !backlog.is_empty() {
                    let last = backlog.len() as u64 - 1;
                    let place = self.chance.node.between(0, last) as usize;
                    let (message, made) = backlog.remove(place);
                    self.receive(node, &message, made);
                }
            }
            Mend::SlurmdStarts | Mend::Boots | Mend::Wakes => {}
        }
    }

    /// Nothing breaks any more, and what was broken works.
    pub(crate) fn mend_all(&mut self) {
        self.chaos = false;
        for node in 0..self.nodes.len() {
            self.mends(node, Mend::Reachable);
            let mend = match self.nodes[node].process {
                Process::Dead if self.nodes[node].leftovers().is_empty() => Mend::Boots,
                Process::Dead => Mend::SlurmdStarts,
                Process::Hangs => Mend::Wakes,
                Process::Serves => continue,
            };
            self.mends(node, mend);
        }
        self.after(1, Happening::Starts);
    }

    /// Why the world is not at rest yet.
    pub(crate) fn unrest(&self) -> Option<String> {
        let Some(process) = &self.controller.process else {
            return Some("the controller is down".to_owned());
        };
        if !process.inbox.is_empty() || process.plans {
            return Some("the controller is busy".to_owned());
        }
        let cluster = &process.published;
        if let Some(job) = cluster.active().chain(cluster.completing()).next() {
            return Some(format!("job {} is {:?}", job.id, job.phase));
        }
        for node in cluster.nodes() {
            let usage = cluster.usage(node.id);
            if *usage != Usage::default() {
                return Some(format!("{} is held: {usage:?}", node.name));
            }
            if !node.is_schedulable() {
                return Some(format!(
                    "{} is out of use: {:?} {:?} {:?}",
                    node.name, node.availability, node.flags, node.reason
                ));
            }
        }
        for slurmd in &self.nodes {
            if let Some(job) = slurmd.leftovers().first() {
                return Some(format!("{} still runs job {job}", slurmd.name));
            }
        }
        let stuck = cluster.queue().find(|job| {
            // What keeps one component waiting keeps all.
            let one = cluster.components(job).any(|job| may_wait(cluster, job));
            !one && are_feasible(cluster, job)
        });
        stuck.map(|job| format!("job {} waits: {:?} {:?}", job.id, job.wait, job.spec))
    }
}

/// Whether a job has a right to wait for ever: it is held, or waits for one that is, or for what
/// can no longer come, or wants more than its partition has. In each case it says so.
fn may_wait(cluster: &Cluster, job: &Arc<Job>) -> bool {
    if job.wait == model::WaitReason::None {
        return false;
    }
    let dependencies = &job.spec.dependencies;
    let awaits = dependencies.conditions.iter().any(|condition| {
        condition.state == DependencyState::Unfulfilled
            && condition.job.is_none_or(|awaited| {
                cluster.array_records(awaited).any(|job| job.phase != Phase::Ended)
                    || cluster.job(awaited).is_some_and(|job| job.phase != Phase::Ended)
            })
    });
    job.hold.is_held() || dependencies.have_failed() || awaits || !is_feasible(cluster, job)
}

/// Whether the partition of a heterogeneous job has nodes for all components, none for two of them.
/// What the more demanding ones can use, the others can too.
fn are_feasible(cluster: &Cluster, job: &Arc<Job>) -> bool {
    let wanted = |job: &Arc<Job>| job.spec.min_cpus.div_ceil(job.spec.min_nodes.max(1));
    let mut wants: Vec<(u32, u32)> =
        cluster.components(job).map(|job| (wanted(job), job.spec.min_nodes)).collect();
    wants.sort_unstable_by_key(|want| std::cmp::Reverse(*want));
    let nodes = cluster.partition(&job.partition).map_or(&[][..], |p| &p.nodes);
    let has = |cores: u32| {
        let fits = |id: &&model::NodeId| {
            cluster.node(**id).is_some_and(|node| node.hardware.cores() >= cores)
        };
        nodes.iter().filter(fits).count()
    };
    let mut needed = 0;
    wants.into_iter().all(|(cores, nodes)| {
        needed += nodes as usize;
        needed <= has(cores)
    })
}

/// Whether the partition of a job has what it wants when all else is idle.
pub(crate) fn is_feasible(cluster: &Cluster, job: &Job) -> bool {
    let wanted = job.spec.min_cpus.div_ceil(job.spec.min_nodes.max(1));
    let fits = |id: &&model::NodeId| {
        cluster.node(**id).is_some_and(|node| node.hardware.cores() >= wanted)
    };
    let nodes =
        cluster.partition(&job.partition).map_or(0, |p| p.nodes.iter().filter(fits).count());
    nodes >= job.spec.min_nodes as usize
}
