//! Which nodes could serve jobs of one demand, remembered while a plan is made.
//!
//! To look at every node for every job is what makes planning slow. So nodes that can never serve
//! are sorted out once for each demand, and what the others have to offer is computed again only for
//! those that a start has touched since.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{GresWish, Job, Node, NodeShare, Timestamp, WaitReason, named_nodes};

use crate::bounds::{Access, Bounds};
use crate::choose::{Candidate, Chosen, choose};
use crate::demand::{Demand, Memory};
use crate::features::{Counted, Features};
use crate::layout::{Site, lay_out};
use crate::ledger::{Ledger, grain_cpus};
use crate::offer::{gres_left, offer};
use crate::room::Room;

/// How many demands are remembered with their nodes.
const SHAPES_MAX: usize = 128;

/// Which nodes could serve a demand.
pub(crate) struct Shape {
    pub demand: Demand,
    pub candidates: Vec<Candidate>,
    /// For each of the alternatives in the demand's features, whether each candidate has it.
    alternatives: Vec<Vec<bool>>,
    /// What only so many nodes must have: how many, and whether each candidate has it.
    counted: Vec<(u32, Vec<bool>)>,
    /// Indexes of candidates that must be among those chosen.
    pub required: Vec<usize>,
    /// What each has to offer now, as far as `seen` goes.
    cpus: Vec<u32>,
    /// Where jobs of the demand may be, if not everywhere.
    pub bounds: Option<Arc<Bounds>>,
    /// How much of the ledger's `touched` is worked in; `None` before the first look.
    seen: Option<usize>,
}

/// Chosen nodes, and what the job gets of each.
type Placed = (Vec<Chosen>, Vec<NodeShare>);

/// Why no node of a partition can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hopeless {
    /// A node that must be had is not there or not in the partition.
    RequiredNode,
    /// An excluded node that is not there.
    ExcludedNode,
    /// The features cannot be read.
    Features,
    /// More nodes must be had than may.
    TooManyRequired,
}

impl Shape {
    pub fn new(ledger: &Ledger<'_>, demand: Demand) -> Result<Self, Hopeless> {
        let cluster = ledger.cluster;
        let named = |text: &Option<Arc<str>>| {
            text.as_ref().map_or(Ok(Vec::new()), |text| named_nodes(cluster, text))
        };
        let must = named(&demand.required).map_err(|_| Hopeless::RequiredNode)?;
        let not = named(&demand.excluded).map_err(|_| Hopeless::ExcludedNode)?;
        let features = match demand.features.as_deref().filter(|text| !text.is_empty()) {
            Some(text) => Some(Features::parse(text).map_err(|_| Hopeless::Features)?),
            None => None,
        };
        let count = features.as_ref().map_or(1, Features::alternatives);
        let mut shape = Self {
            candidates: Vec::new(),
            alternatives: vec![Vec::new(); count],
            counted: Vec::new(),
            required: Vec::new(),
            cpus: Vec::new(),
            seen: None,
            bounds: ledger.bounds.get(demand.bounds).cloned(),
            demand,
        };
        let partition = cluster.partition(&shape.demand.partition);
        let ranks = partition.map(|partition| ledger.ranks_of(&partition.nodes));
        let mut accepted = vec![false; count];
        for rank in ranks.into_iter().flatten() {
            let node = ledger.node(rank);
            let has = |one| features.as_ref().is_none_or(|f| f.accepts(one, &node.features_active));
            (0..count).zip(&mut accepted).for_each(|(one, accepted)| *accepted = has(one));
            let is_outside = shape.bounds.as_ref().is_some_and(|b| *b.of(rank) == Access::Outside);
            if !is_outside
                && not.binary_search(&node.id).is_err()
                && is_large_enough(&shape.demand, node)
                && accepted.contains(&true)
            {
                shape.add(rank, node, &accepted, must.binary_search(&node.id).is_ok());
            }
        }
        shape.counted = features.map_or_else(Vec::new, |features| shape.count(ledger, &features));
        if shape.required.len() < must.len() {
            return Err(Hopeless::RequiredNode);
        }
        if must.len() > shape.demand.max_nodes as usize {
            return Err(Hopeless::TooManyRequired);
        }
        shape.cpus = vec![0; shape.candidates.len()];
        Ok(shape)
    }

    fn add(&mut self, rank: u32, node: &Node, accepted: &[bool], required: bool) {
        let at = self.candidates.len();
        for (alternative, accepted) in self.alternatives.iter_mut().zip(accepted) {
            alternative.push(*accepted);
        }
        if required {
            self.required.push(at);
        }
        let grain_cpus = grain_cpus(&self.demand, node);
        // A node that has to be started first comes after all that are up.
        let weight = u64::from(node.weight) | u64::from(node.flags.powered_down) << u32::BITS;
        self.candidates.push(Candidate { rank, weight, grain_cpus });
    }

    fn count(&self, ledger: &Ledger<'_>, features: &Features) -> Vec<(u32, Vec<bool>)> {
        let of = |counted: &Counted| {
            let has = |candidate: &Candidate| {
                counted.accepts(&ledger.node(candidate.rank).features_active)
            };
            (counted.nodes, self.candidates.iter().map(has).collect())
        };
        features.counted().iter().map(of).collect()
    }

    pub fn at(&self, rank: u32) -> Option<usize> {
        self.candidates.binary_search_by_key(&rank, |candidate| candidate.rank).ok()
    }

    /// Brings what the nodes have to offer up to date: all of it the first time, then that of the
    /// nodes that were touched since.
    pub fn refresh(&mut self, ledger: &mut Ledger<'_>, now: Timestamp) {
        let stale: Vec<usize> = match self.seen.replace(ledger.touched.len()) {
            None => (0..self.candidates.len()).collect(),
            Some(seen) => ledger.touched[seen..].iter().filter_map(|r| self.at(*r)).collect(),
        };
        for at in &stale {
            self.cpus[*at] = self.offer_now(ledger, *at, now);
        }
        ledger.checks_left = ledger.checks_left.saturating_sub(stale.len() as u64);
    }

    fn offer_now(&self, ledger: &Ledger<'_>, at: usize, now: Timestamp) -> u32 {
        let rank = self.candidates[at].rank;
        if !self.is_open(ledger, rank) {
            return 0;
        }
        self.offer_of(ledger, at, &ledger.rooms[rank as usize], now)
    }

    /// Whether jobs of the demand may be placed on a node now.
    pub fn is_open(&self, ledger: &Ledger<'_>, rank: u32) -> bool {
        ledger.is_open(rank) && self.is_admitted(rank)
    }

    /// Whether reservations let jobs of the demand onto a node.
    pub fn is_admitted(&self, rank: u32) -> bool {
        let is_closed = |bounds: &Arc<Bounds>| *bounds.of(rank) == Access::Closed;
        !self.bounds.as_ref().is_some_and(is_closed)
    }

    /// What is left of a node for jobs of the demand, if that is less than there is.
    fn masked(&self, ledger: &Ledger<'_>, rank: u32, room: &Room) -> Option<Room> {
        self.bounds.as_ref()?.masked(rank, ledger.node(rank), room)
    }

    /// What a candidate has to offer if so much is left of it.
    pub fn offer_of(&self, ledger: &Ledger<'_>, at: usize, room: &Room, when: Timestamp) -> u32 {
        let rank = self.candidates[at].rank;
        let partition_cpus = match self.demand.partition_cpus_per_node {
            Some(_) => ledger.partition_cpus(rank, &self.demand.partition, when),
            None => 0,
        };
        let masked = self.masked(ledger, rank, room);
        offer(&self.demand, ledger.node(rank), masked.as_ref().unwrap_or(room), partition_cpus)
    }

    /// What the nodes have to offer now.
    pub fn cpus(&self) -> &[u32] {
        &self.cpus
    }

    /// Nodes for a job, when they have so much to offer and so much room.
    ///
    /// Nodes with jobs that this one does not bear are passed over; who bears whom is looked up for
    /// nodes that would be chosen only.
    pub fn place<'r>(
        &self,
        ledger: &Ledger<'_>,
        job: &Job,
        when: Timestamp,
        mut cpus: Cow<'_, [u32]>,
        room: impl Fn(u32) -> &'r Room,
    ) -> Option<Vec<NodeShare>> {
        loop {
            let (chosen, shares) = self.choose(ledger, &cpus, &room)?;
            if ledger.is_short_of_power(&shares) {
                return None;
            }
            let unbearable: Vec<usize> = chosen
                .iter()
                .map(|one| one.at)
                .filter(|at| !ledger.may_join(self.candidates[*at].rank, when, &self.demand, job))
                .collect();
            if unbearable.is_empty() {
                return Some(shares);
            }
            for at in unbearable {
                cpus.to_mut()[at] = 0;
            }
        }
    }

    /// Nodes when they have so much to offer and so much room, whoever else is there.
    pub fn select<'r>(
        &self,
        ledger: &Ledger<'_>,
        cpus: Cow<'_, [u32]>,
        room: &impl Fn(u32) -> &'r Room,
    ) -> Option<Vec<NodeShare>> {
        self.choose(ledger, &cpus, room).map(|(_, shares)| shares)
    }

    /// The candidates that must be had: those named, and for each count of features the lightest
    /// nodes that have them, each node for one count.
    fn must(&self, cpus: &[u32]) -> Option<Vec<usize>> {
        let mut must = self.required.clone();
        let mut spare = self.required.clone();
        for (nodes, has) in &self.counted {
            let mut able: Vec<usize> = (0..has.len()).filter(|at| has[*at]).collect();
            able.sort_by_key(|at| (!spare.contains(at), self.candidates[*at].weight, *at));
            let open = |at: &usize| spare.contains(at) || cpus[*at] > 0 && !must.contains(at);
            let taken: Vec<usize> = able.into_iter().filter(open).take(*nodes as usize).collect();
            if taken.len() < *nodes as usize {
                return None;
            }
            spare.retain(|at| !taken.contains(at));
            must.extend(taken);
            must.sort_unstable();
            must.dedup();
        }
        Some(must)
    }

    /// Nodes, and what the job gets of each.
    ///
    /// A job that wants generic resources in all gets as few nodes as will do; first such are looked
    /// at that have each an equal part of them.
    fn choose<'r>(
        &self,
        ledger: &Ledger<'_>,
        cpus: &[u32],
        room: &impl Fn(u32) -> &'r Room,
    ) -> Option<Placed> {
        if self.demand.gres.iter().all(|wish| wish.per_job == 0) || self.demand.whole {
            let chosen = self.choose_by(&self.demand, cpus)?;
            let shares = self.detail(ledger, &chosen, room)?;
            return Some((chosen, shares));
        }
        let most = self.demand.max_nodes.min(self.demand.tasks.unwrap_or(u32::MAX));
        let there =
            u32::try_from(cpus.iter().filter(|cpus| **cpus > 0).count()).unwrap_or(u32::MAX);
        let least = self.demand.wanted_nodes.max(self.demand.min_nodes);
        (least..=most.min(there).max(least)).find_map(|nodes| {
            let demand = Demand { min_nodes: nodes, wanted_nodes: nodes, ..self.demand.clone() };
            let equal: Vec<u32> = (0..cpus.len())
                .map(|at| {
                    let rank = self.candidates[at].rank;
                    let gives = |wish: &GresWish| {
                        let part = wish.per_job.div_ceil(nodes.into());
                        gres_left(&demand, wish, ledger.node(rank), room(rank)) >= part
                    };
                    if cpus[at] > 0 && demand.gres.iter().all(gives) { cpus[at] } else { 0 }
                })
                .collect();
            let detailed = |cpus: &[u32]| {
                let chosen = self.choose_by(&demand, cpus)?;
                let shares = self.detail(ledger, &chosen, room)?;
                Some((chosen, shares))
            };
            detailed(&equal).or_else(|| detailed(cpus))
        })
    }

    fn choose_by(&self, demand: &Demand, cpus: &[u32]) -> Option<Vec<Chosen>> {
        if !self.counted.is_empty() {
            return choose(demand, &self.candidates, cpus, &self.must(cpus)?);
        }
        if self.alternatives.len() == 1 {
            return choose(demand, &self.candidates, cpus, &self.required);
        }
        self.alternatives.iter().find_map(|accepted| {
            let some = |(cpus, accepted): (&u32, &bool)| if *accepted { *cpus } else { 0 };
            let cpus: Vec<u32> = cpus.iter().zip(accepted).map(some).collect();
            choose(demand, &self.candidates, &cpus, &self.required)
        })
    }

    fn detail<'r>(
        &self,
        ledger: &Ledger<'_>,
        chosen: &[Chosen],
        room: &impl Fn(u32) -> &'r Room,
    ) -> Option<Vec<NodeShare>> {
        let rank = |one: &Chosen| self.candidates[one.at].rank;
        let masked: Vec<Option<Room>> = match &self.bounds {
            None => Vec::new(),
            Some(_) => {
                let mask = |one| self.masked(ledger, rank(one), room(rank(one)));
                chosen.iter().map(mask).collect()
            }
        };
        let site = |(place, one): (usize, &Chosen)| {
            let masked = masked.get(place).and_then(Option::as_ref);
            let room = masked.unwrap_or_else(|| room(rank(one)));
            Site { node: ledger.node(rank(one)), room, cpus: one.cpus }
        };
        let sites: Vec<Site<'_>> = chosen.iter().enumerate().map(site).collect();
        lay_out(&self.demand, &sites)
    }

    /// Whether the nodes that would serve now are more than may be up at a time.
    pub fn is_short_of_power(&self, ledger: &Ledger<'_>) -> bool {
        if ledger.power_left.is_none() {
            return false;
        }
        let room = |rank: u32| &ledger.rooms[rank as usize];
        let placed = self.choose(ledger, &self.cpus, &room);
        placed.is_some_and(|(_, shares)| ledger.is_short_of_power(&shares))
    }

    /// Whether the job could run if nobody else were there: on the nodes for which `open` holds.
    pub fn serves_when_idle(&self, ledger: &Ledger<'_>, open: impl Fn(u32) -> bool) -> bool {
        self.place_when_idle(ledger, open).is_some()
    }

    /// Nodes for the job if nobody else were there, among those for which `open` holds.
    pub fn place_when_idle(
        &self,
        ledger: &Ledger<'_>,
        open: impl Fn(u32) -> bool,
    ) -> Option<Vec<NodeShare>> {
        let idle: Vec<Room> = self
            .candidates
            .iter()
            .map(|candidate| Room::whole(&ledger.node(candidate.rank).hardware))
            .collect();
        let offered = |at: usize| {
            let rank = self.candidates[at].rank;
            let masked = self.masked(ledger, rank, &idle[at]);
            let room = masked.as_ref().unwrap_or(&idle[at]);
            if open(rank) { offer(&self.demand, ledger.node(rank), room, 0) } else { 0 }
        };
        let cpus: Vec<u32> = (0..self.candidates.len()).map(offered).collect();
        let room = |rank: u32| &idle[self.at(rank).expect("chosen nodes are candidates")];
        self.choose(ledger, &cpus, &room).map(|(_, shares)| shares)
    }
}

fn is_large_enough(demand: &Demand, node: &Node) -> bool {
    let hardware = &node.hardware;
    let memory_mib = match demand.memory {
        Memory::PerNode(mib) | Memory::PerCpu(mib) => mib,
        Memory::PerGres => demand.gres.iter().map(|wish| wish.memory_each_mib).max().unwrap_or(0),
        Memory::All => 0,
    };
    demand.tmp_disk_mib <= hardware.tmp_disk_mib
        // Counted or not: what a job asks for, its node must have.
        && memory_mib <= hardware.memory_mib
        && demand.sockets_per_node <= u32::from(hardware.sockets)
        && demand.cores_per_socket <= u32::from(hardware.cores_per_socket)
        && node.availability != model::Availability::Future
}

/// The demands of a plan, and what became of them.
#[derive(Default)]
pub(crate) struct Shapes {
    known: BTreeMap<Demand, usize>,
    entries: Vec<Entry>,
    /// Those that have their nodes, the oldest first.
    live: VecDeque<usize>,
}

/// What is remembered of a demand.
pub(crate) struct Entry {
    shape: Option<Result<Shape, Hopeless>>,
    /// Nothing was found for it now, and starts only make it worse.
    pub failed: bool,
    /// Nothing was found for jobs that run until then: nodes are booked for others before that.
    pub failed_until: Option<Timestamp>,
    /// Why jobs like it wait, and how many nodes were kept from them when that was found out.
    pub verdict: Option<(u32, WaitReason)>,
    /// Whether a job like it has nodes booked for later.
    pub booked: bool,
}

impl Shapes {
    /// The number of a demand, by which it is asked for.
    pub fn number(&mut self, demand: &Demand) -> usize {
        if let Some(number) = self.known.get(demand) {
            return *number;
        }
        let number = self.entries.len();
        self.known.insert(demand.clone(), number);
        self.entries.push(Entry {
            shape: None,
            failed: false,
            failed_until: None,
            verdict: None,
            booked: false,
        });
        number
    }

    pub fn entry(&mut self, number: usize) -> &mut Entry {
        &mut self.entries[number]
    }

    /// What to take back when nodes that were kept are given back: failures that may come of it.
    pub fn forgive(&mut self) {
        for entry in &mut self.entries {
            entry.failed &= entry.verdict.as_ref().is_some_and(|(kept, _)| *kept == 0);
        }
    }

    /// The nodes of a demand, looked for if they are not known.
    pub fn shape(
        &mut self,
        ledger: &Ledger<'_>,
        number: usize,
        demand: &Demand,
    ) -> Result<&mut Shape, &Hopeless> {
        if self.entries[number].shape.is_none() {
            if self.live.len() == SHAPES_MAX
                && let Some(oldest) = self.live.pop_front()
            {
                self.entries[oldest].shape = None;
            }
            self.live.push_back(number);
        }
        let shape = &mut self.entries[number].shape;
        shape
            .get_or_insert_with(|| Shape::new(ledger, demand.clone()))
            .as_mut()
            .map_err(|why| &*why)
    }
}
