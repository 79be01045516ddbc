//! What the scheduler costs.

use ctld_core::Event;
use sched::{Budget, plan};

use crate::clusters::{NOW, core, submit, turn};
use crate::measured;

const NODES: u32 = 500;
/// Each is filled by 64 jobs, which have to be submitted first.
const NODES_FULL: u32 = 40;

pub(crate) fn starts() {
    let mut core = core(NODES);
    submit(&mut core, 1_000);
    let budget = Budget::quick(core.cluster().config());
    let plan = measured(|| plan(core.cluster(), NOW, budget));
    assert_eq!(plan.starts.len(), 1_000);
}

pub(crate) fn waits() {
    let mut core = core(NODES_FULL);
    submit(&mut core, NODES_FULL * 64);
    let full = plan(core.cluster(), NOW, Budget::FULL);
    assert_eq!(full.starts.len(), NODES_FULL as usize * 64);
    turn(&mut core, Event::Planned(full));
    submit(&mut core, 4_000);
    let plan = measured(|| plan(core.cluster(), NOW, Budget::THOROUGH));
    assert_eq!(plan.starts.len(), 0);
}
