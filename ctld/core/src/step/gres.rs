//! Generic resources of steps: part of what their job holds.

use model::{CoreSet, Devices, GresCount, GresHeld, Job, Node};

use super::request::{StepGres, StepRequest};

/// What a step asks for: its own words, else those of its job.
pub(super) fn asked(job: &Job, request: &StepRequest) -> StepGres {
    request.gres.clone().unwrap_or_else(|| StepGres {
        per_node: job
            .spec
            .gres_per_node
            .iter()
            .map(|(name, kind, count)| GresCount {
                name: name.clone(),
                kind: kind.clone(),
                count: *count,
            })
            .collect(),
        ..StepGres::default()
    })
}

impl StepGres {
    pub(super) fn is_empty(&self) -> bool {
        self.per_step.is_empty() && self.per_node.is_empty() && self.per_task.is_empty()
    }

    /// How many CPUs of a node the step could use as far as it has resources there for them. A
    /// step on one node at most needs all of its own there.
    pub(super) fn cpus(&self, there: &[GresCount], cpus_per_task: u16, nodes_max: u32) -> u32 {
        let whole = |wanted: &GresCount| count(there, wanted) >= wanted.count;
        let some = |wanted: &GresCount| {
            let least = if nodes_max <= 1 { wanted.count } else { wanted.count.min(1) };
            count(there, wanted) >= least
        };
        if !self.per_node.iter().all(whole) || !self.per_step.iter().all(some) {
            return 0;
        }
        let tasks = |wanted: &GresCount| {
            let tasks = count(there, wanted).checked_div(wanted.count)?;
            u32::try_from(tasks).ok()
        };
        let tasks = self.per_task.iter().filter_map(tasks).min();
        tasks.map_or(u32::MAX, |tasks| tasks.saturating_mul(u32::from(cpus_per_task.max(1))))
    }

    /// What the step takes of a node where `there` is left, for `tasks` tasks. `owed` is what is
    /// still to come of what it wants in all, of which this node gives its part among `nodes_left`.
    /// `None` if that is not there.
    pub(super) fn share(
        &self,
        there: &[GresCount],
        tasks: u32,
        nodes_left: u64,
        owed: &mut [GresCount],
    ) -> Option<Vec<GresCount>> {
        let mut left = there.to_vec();
        let mut taken = Vec::new();
        for wanted in &self.per_node {
            take(&mut left, wanted, wanted.count, &mut taken)?;
        }
        for wanted in &self.per_task {
            let count = wanted.count.saturating_mul(tasks.into());
            take(&mut left, wanted, count, &mut taken)?;
        }
        for owed in owed {
            let part = owed.count.div_ceil(nodes_left.max(1)).min(count(&left, owed));
            take(&mut left, owed, part, &mut taken)?;
            owed.count -= part;
        }
        Some(taken)
    }
}

/// Whether a resource is of the kind that is wanted: a request without a type takes any.
fn is_kind(one: &GresCount, wanted: &GresCount) -> bool {
    one.name == wanted.name && (wanted.kind.is_none() || one.kind == wanted.kind)
}

fn count(there: &[GresCount], wanted: &GresCount) -> u64 {
    there.iter().filter(|one| is_kind(one, wanted)).map(|one| one.count).sum()
}

fn take(
    left: &mut [GresCount],
    wanted: &GresCount,
    mut count: u64,
    taken: &mut Vec<GresCount>,
) -> Option<()> {
    for one in left.iter_mut().filter(|one| is_kind(one, wanted)) {
        let part = one.count.min(count);
        one.count -= part;
        count -= part;
        if part > 0 {
            add(taken, &GresCount { count: part, ..one.clone() });
        }
    }
    (count == 0).then_some(())
}

/// Adds a count to those of its name and type.
fn add(all: &mut Vec<GresCount>, more: &GresCount) {
    match all.iter_mut().find(|one| one.name == more.name && one.kind == more.kind) {
        Some(one) => one.count += more.count,
        None => all.push(more.clone()),
    }
}

/// The devices that a step gets for what it takes of a node, of those that its job holds there and
/// other steps do not use. Those near its cores come first.
pub(super) fn with_devices(
    node: &Node,
    cores: &CoreSet,
    (held, used): (&[GresHeld], &[GresHeld]),
    taken: Vec<GresCount>,
) -> Vec<GresHeld> {
    let choose = |taken: GresCount| {
        let is_it = |one: &&GresHeld| one.name == taken.name && one.kind == taken.kind;
        let mut in_use = CoreSet::default();
        used.iter().filter(is_it).for_each(|used| in_use.add(&used.devices));
        let of_job = held.iter().find(is_it);
        let devices = of_job.map(|of_job| {
            Devices::of(node, &of_job.name).for_step(of_job, &in_use, cores, taken.count)
        });
        GresHeld { devices: devices.unwrap_or_default(), ..GresHeld::counted(taken) }
    };
    taken.into_iter().map(choose).collect()
}

/// What is left of what is held when some of it is used.
pub(super) fn left(held: &[GresHeld], used: &[GresHeld]) -> Vec<GresCount> {
    let of = |one: &GresHeld| {
        let used = used.iter().filter(|u| u.name == one.name && u.kind == one.kind);
        let used: u64 = used.map(|used| used.count).sum();
        GresCount { count: one.count.saturating_sub(used), ..one.count() }
    };
    held.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use model::{GresCount, GresHeld};

    use super::{StepGres, left};

    fn gpus(kind: Option<&str>, count: u64) -> GresCount {
        GresCount { name: "gpu".into(), kind: kind.map(Into::into), count }
    }

    #[test]
    fn a_request_without_a_type_takes_any() {
        let held = [gpus(Some("a"), 1), gpus(Some("b"), 2)];
        let wish = StepGres { per_node: vec![gpus(None, 2)], ..StepGres::default() };
        let taken = wish.share(&held, 1, 1, &mut []).unwrap();
        assert_eq!(taken, [gpus(Some("a"), 1), gpus(Some("b"), 1)]);
        let all = |counts: &[GresCount]| -> Vec<GresHeld> {
            counts.iter().cloned().map(GresHeld::counted).collect()
        };
        assert_eq!(left(&all(&held), &all(&taken)), [gpus(Some("a"), 0), gpus(Some("b"), 1)]);
        let wish = StepGres { per_node: vec![gpus(Some("a"), 2)], ..StepGres::default() };
        assert_eq!(wish.share(&held, 1, 1, &mut []), None);
        assert_eq!(wish.cpus(&held, 1, 1), 0);
    }

    #[test]
    fn tasks_need_theirs() {
        let wish = StepGres { per_task: vec![gpus(None, 2)], ..StepGres::default() };
        assert_eq!(wish.cpus(&[gpus(None, 5)], 3, 2), 6);
        assert_eq!(wish.share(&[gpus(None, 5)], 2, 1, &mut []), Some(vec![gpus(None, 4)]));
    }

    #[test]
    fn what_is_wanted_in_all_comes_from_several_nodes() {
        let wish = StepGres { per_step: vec![gpus(None, 3)], ..StepGres::default() };
        let mut owed = wish.per_step.clone();
        let first = wish.share(&[gpus(None, 2)], 1, 2, &mut owed).unwrap();
        let second = wish.share(&[gpus(None, 2)], 1, 1, &mut owed).unwrap();
        assert_eq!((first, second), (vec![gpus(None, 2)], vec![gpus(None, 1)]));
        assert_eq!(owed[0].count, 0);
    }
}
