//! Generic resources of steps: part of what their job holds.

use model::{CoreSet, Devices, GresCount, GresHeld, GresWish, Job, Node, SharedDevices, Taken};

use super::request::{StepGres, StepRequest};

/// How much a step finds of what is not used up.
const ENOUGH: u64 = u32::MAX as u64;

/// What a step asks for: its own words, else those of its job.
pub(super) fn asked(job: &Job, request: &StepRequest) -> StepGres {
    let mut wish = request.gres.clone().unwrap_or_else(|| of_job(job));
    wish.cpus_each.clone_from(&request.cpus_of_gres);
    wish.memory_each_mib.clone_from(&request.memory_of_gres_mib);
    wish
}

fn of_job(job: &Job) -> StepGres {
    let counts = |of: fn(&GresWish) -> u64| -> Vec<GresCount> {
        let count = |wish: &GresWish| GresCount {
            name: wish.name.clone(),
            kind: wish.kind.clone(),
            count: of(wish),
        };
        job.spec.gres.iter().map(count).filter(|count| count.count > 0).collect()
    };
    StepGres {
        per_step: counts(|wish| wish.per_job),
        per_node: counts(|wish| wish.per_node),
        all: counts(|wish| if wish.per_node == 0 { wish.per_socket } else { 0 }),
        per_task: counts(|wish| wish.per_task),
        ..StepGres::default()
    }
}

impl StepGres {
    pub(super) fn is_empty(&self) -> bool {
        let all = [&self.per_step, &self.per_node, &self.all, &self.per_task];
        all.into_iter().all(Vec::is_empty)
    }

    /// How many CPUs of a node the step could use as far as it has resources there for them. A
    /// step on one node at most needs all of its own there.
    pub(super) fn cpus(&self, there: &[GresCount], cpus_per_task: u16, nodes_max: u32) -> u32 {
        let whole = |wanted: &GresCount| count(there, wanted) >= wanted.count;
        let some = |wanted: &GresCount| {
            let least = if nodes_max <= 1 { wanted.count } else { wanted.count.min(1) };
            count(there, wanted) >= least
        };
        if !self.per_node.iter().chain(&self.all).all(whole) || !self.per_step.iter().all(some) {
            return 0;
        }
        let tasks = |wanted: &GresCount| {
            let tasks = count(there, wanted).checked_div(wanted.count)?;
            u32::try_from(tasks).ok()
        };
        let tasks = self.per_task.iter().filter_map(tasks).min();
        let for_tasks =
            tasks.map_or(u32::MAX, |tasks| tasks.saturating_mul(u32::from(cpus_per_task.max(1))));
        self.cpus_with(there).map_or(for_tasks, |cpus| cpus.min(for_tasks))
    }

    /// CPUs that come with these, if any are to come with them.
    pub(super) fn cpus_with(&self, these: &[GresCount]) -> Option<u32> {
        let cpus = sum_of_each(&self.cpus_each, these);
        (!self.cpus_each.is_empty()).then(|| u32::try_from(cpus).unwrap_or(u32::MAX))
    }

    /// Memory that comes with these, MiB.
    pub(super) fn memory_with_mib(&self, these: &[GresCount]) -> u64 {
        sum_of_each(&self.memory_each_mib, these)
    }

    /// What the step takes of a node where `there` is left, for `tasks` tasks. `owed` is what is
    /// still to come of what it wants in all, of which this node gives what it has, but for one for
    /// each of the other `nodes_left`. `None` if that is not there.
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
        for wanted in &self.all {
            let all = count(&left, wanted);
            take(&mut left, wanted, all, &mut taken)?;
        }
        for wanted in &self.per_task {
            let count = wanted.count.saturating_mul(tasks.into());
            take(&mut left, wanted, count, &mut taken)?;
        }
        for owed in owed {
            let most = owed.count.saturating_sub(nodes_left.saturating_sub(1)).max(1);
            let part = most.min(owed.count).min(count(&left, owed));
            take(&mut left, owed, part, &mut taken)?;
            owed.count -= part;
        }
        Some(taken)
    }
}

fn sum_of_each(each: &[GresCount], these: &[GresCount]) -> u64 {
    each.iter().map(|each| each.count.saturating_mul(count(these, each))).sum()
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
        if of_job.is_some_and(|of_job| of_job.endless) {
            return GresHeld { endless: true, ..GresHeld::counted(taken) };
        }
        if let Some(of_job) = of_job.filter(|of_job| !of_job.parts.is_empty()) {
            let mut taken_parts = Taken::default();
            used.iter().filter(is_it).for_each(|used| taken_parts.add(used));
            let shared = SharedDevices::of(node, &of_job.name);
            let parts = shared.for_step(of_job, &taken_parts, cores, taken.count);
            let devices = parts.iter().map(|(device, _)| *device).collect();
            return GresHeld { devices, parts, ..GresHeld::counted(taken) };
        }
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
        let left = if one.endless { ENOUGH } else { one.count.saturating_sub(used) };
        GresCount { count: left, ..one.count() }
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
