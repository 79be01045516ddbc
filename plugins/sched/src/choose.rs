//! Which of the nodes that could serve a job it gets.
//!
//! What select/cons_tres of 24.11 does without a topology: nodes that stand side by side in the
//! node table and have the same weight make a *run*. Runs of the lowest weight come first, and of
//! these the one that is enough and has least to spare, or else the largest. Of a run that serves
//! with one node, the node with least to spare is taken; else its nodes from the first on.

use crate::demand::Demand;

/// A node that could serve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Its place among the nodes that there are.
    pub rank: u32,
    /// Nodes of the lowest weight are taken first.
    pub weight: u64,
    /// CPUs that are kept for each further node that the job must have.
    pub grain_cpus: u32,
}

/// A node that was chosen, and CPUs that the job may have of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Which of the candidates.
    pub at: usize,
    /// CPUs, at most.
    pub cpus: u32,
}

/// Nodes side by side.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: usize,
    last: usize,
    cpus: i64,
    nodes: i64,
    weight: u64,
    /// The first node in it that the job must have.
    required: Option<usize>,
}

/// What is still to be found.
struct Chooser<'a> {
    demand: &'a Demand,
    candidates: &'a [Candidate],
    /// CPUs that each candidate has for the job.
    cpus: &'a [u32],
    /// The nodes that the job must have, ascending.
    required: &'a [usize],
    chosen: Vec<Chosen>,
    cpus_left: i64,
    /// CPUs that may still be taken.
    cpus_most: i64,
    nodes_left: i64,
    nodes_least: i64,
    nodes_most: i64,
}

/// Chooses nodes, ascending; `None` if those that there are do not serve.
pub(crate) fn choose(
    demand: &Demand,
    candidates: &[Candidate],
    cpus: &[u32],
    required: &[usize],
) -> Option<Vec<Chosen>> {
    let min_nodes = i64::from(demand.min_nodes).max(i64::try_from(required.len()).ok()?);
    let mut chooser = Chooser {
        demand,
        candidates,
        cpus,
        required,
        chosen: Vec::new(),
        cpus_left: demand.min_cpus.into(),
        cpus_most: demand.max_cpus.unwrap_or(demand.min_cpus).into(),
        nodes_left: min_nodes.max(demand.wanted_nodes.into()),
        nodes_least: min_nodes,
        nodes_most: demand.max_nodes.into(),
    };
    let mut chosen = chooser.run()?;
    chosen.sort_unstable_by_key(|one| one.at);
    Some(chosen)
}

impl Chooser<'_> {
    fn run(&mut self) -> Option<Vec<Chosen>> {
        for &at in self.required {
            if self.cpus[at] == 0 || self.nodes_most == 0 {
                return None;
            }
            self.take(at, self.cpus[at]);
        }
        if self.is_done() {
            return Some(std::mem::take(&mut self.chosen));
        }
        if self.nodes_most == 0 {
            return None;
        }
        if self.demand.least_loaded && !self.demand.contiguous {
            self.take_least_loaded();
        } else {
            self.take_runs()?;
        }
        let enough = self.cpus_left <= 0 && self.nodes_least <= 0;
        enough.then(|| std::mem::take(&mut self.chosen))
    }

    fn is_done(&self) -> bool {
        self.nodes_left <= 0 && self.cpus_left <= 0
    }

    /// Takes a node, with as many of its CPUs as the job can use beside those on nodes to come.
    fn take(&mut self, at: usize, cpus: u32) {
        let mut cpus = i64::from(cpus);
        if !self.demand.whole {
            let elsewhere = (self.nodes_least - 1).max(0);
            let most = self.cpus_most - elsewhere * i64::from(self.candidates[at].grain_cpus);
            // Each node of a job has a task, so it needs the CPUs of one.
            let least = self.demand.node_cpus_min.max(self.demand.cpus_per_task);
            cpus = cpus.min(most.max(least.into()));
        }
        self.chosen.push(Chosen { at, cpus: u32::try_from(cpus).unwrap_or(0) });
        self.cpus_left -= cpus;
        self.cpus_most -= cpus;
        self.nodes_left -= 1;
        self.nodes_least -= 1;
        self.nodes_most -= 1;
    }

    fn take_runs(&mut self) -> Option<()> {
        let mut runs = self.runs();
        while self.nodes_most > 0 && !self.is_done() {
            let Some(best) = self.best(&runs) else {
                break;
            };
            let run = runs[best];
            if self.demand.contiguous && !self.suffices(&run) {
                return None;
            }
            match run.required {
                Some(required) => self.take_around(&run, required),
                None => self.take_along(&run),
            }
            runs[best].nodes = 0;
            if self.demand.contiguous {
                break;
            }
        }
        Some(())
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut last_rank = None;
        for (at, (candidate, &cpus)) in self.candidates.iter().zip(self.cpus).enumerate() {
            if cpus == 0 {
                continue;
            }
            let is_required = !self.required.is_empty() && self.required.binary_search(&at).is_ok();
            let (nodes, cpus) = if is_required { (0, 0) } else { (1, i64::from(cpus)) };
            let beside = last_rank.is_some_and(|last: u32| last + 1 == candidate.rank);
            last_rank = Some(candidate.rank);
            match runs.last_mut() {
                Some(run) if beside && self.may_join(run, candidate) => {
                    run.last = at;
                    run.nodes += nodes;
                    run.cpus += cpus;
                    if is_required && run.required.is_none() {
                        run.required = Some(at);
                    }
                }
                _ => runs.push(Run {
                    first: at,
                    last: at,
                    cpus,
                    nodes,
                    weight: candidate.weight,
                    required: is_required.then_some(at),
                }),
            }
        }
        runs
    }

    fn may_join(&self, run: &Run, candidate: &Candidate) -> bool {
        self.demand.contiguous || run.weight == candidate.weight
    }

    fn suffices(&self, run: &Run) -> bool {
        let spare = i64::from(self.demand.wanted_nodes) - i64::from(self.demand.min_nodes);
        run.cpus >= self.cpus_left && run.nodes >= self.nodes_left - spare.max(0)
    }

    fn best(&self, runs: &[Run]) -> Option<usize> {
        let must_have = self.demand.contiguous && !self.required.is_empty();
        let mut best: Option<(usize, bool)> = None;
        for (at, run) in runs.iter().enumerate() {
            if run.nodes == 0 || must_have && run.required.is_none() {
                continue;
            }
            let suffices = self.suffices(run);
            let better = match best {
                None => true,
                Some((so_far, enough)) => {
                    let so_far = &runs[so_far];
                    let tighter = suffices && (!enough || run.cpus < so_far.cpus);
                    let larger = !suffices && !enough && run.cpus > so_far.cpus;
                    so_far.required.is_none() && run.required.is_some()
                        || run.weight < so_far.weight
                        || run.weight == so_far.weight && (tighter || larger)
                        || self.demand.contiguous && suffices && !enough
                }
            };
            if better {
                best = Some((at, suffices));
            }
        }
        best.map(|(at, _)| at)
    }

    /// Nodes of the run from the required one up, then down.
    fn take_around(&mut self, run: &Run, required: usize) {
        let up = required..=run.last;
        for at in up.chain((run.first..required).rev()) {
            if self.nodes_most == 0 || self.is_done() {
                return;
            }
            if self.cpus[at] > 0 && self.required.binary_search(&at).is_err() {
                self.take(at, self.cpus[at]);
            }
        }
    }

    /// The one node of the run that fits best, or its nodes from the first on.
    fn take_along(&mut self, run: &Run) {
        if self.nodes_left <= 1
            && let Some(at) = self.tightest(run)
        {
            self.take(at, self.cpus[at]);
            return;
        }
        for at in run.first..=run.last {
            if self.nodes_most == 0 || self.is_done() {
                return;
            }
            let cpus = self.cpus[at];
            let last_chance = self.nodes_most == 1 && i64::from(cpus) < self.cpus_left;
            if cpus > 0 && !last_chance {
                self.take(at, cpus);
            }
        }
    }

    fn tightest(&self, run: &Run) -> Option<usize> {
        let mut best: Option<(usize, u32)> = None;
        for (at, &cpus) in (run.first..).zip(&self.cpus[run.first..=run.last]) {
            if cpus == 0 || i64::from(cpus) < self.cpus_left {
                continue;
            }
            if best.is_none_or(|(_, least)| cpus < least) {
                best = Some((at, cpus));
                if i64::from(cpus) == self.cpus_left {
                    break;
                }
            }
        }
        best.map(|(at, _)| at)
    }

    /// CR_LLN: by weight, then those with the most CPUs to spare.
    fn take_least_loaded(&mut self) {
        let mut order: Vec<usize> = (0..self.candidates.len())
            .filter(|at| self.cpus[*at] > 0 && self.required.binary_search(at).is_err())
            .collect();
        order.sort_by_key(|at| {
            (self.candidates[*at].weight, std::cmp::Reverse(self.cpus[*at]), *at)
        });
        for at in order {
            if self.nodes_most == 0 || self.is_done() {
                return;
            }
            self.take(at, self.cpus[at]);
        }
    }
}
