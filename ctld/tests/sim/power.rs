//! Machines that are started and stopped for the controller: soon, late, or never.

use std::sync::Arc;

use ctld_core::{Event, PowerAction, PowerOrder, PowerResult};
use model::{Config, PowerSaving, Timestamp};

use crate::controller::{Mail, Sender};
use crate::node::{Process, Report};
use crate::rng::Rng;
use crate::world::{Happening, World};

/// slurm.conf's SuspendTimeout in every world that saves power.
const SUSPEND_TIMEOUT_S: u16 = 10;
/// slurm.conf's ResumeTimeout in every world that saves power.
const RESUME_TIMEOUT_S: u16 = 60;

/// Whether the world of a seed saves power: a seventh of them.
pub(crate) fn is_saved(seed: u64) -> bool {
    seed % 7 == 1
}

/// Power saving as it is configured in such a world.
pub(crate) fn configured(seed: u64, config: &mut Config) {
    let mut rng = Rng::new(seed, "power saving");
    config.power = is_saved(seed).then(|| {
        Arc::new(PowerSaving {
            suspend_time_s: Some(rng.small(5, 60)),
            suspend_rate: if rng.chance(500) { 0 } else { 60 },
            resume_rate: if rng.chance(500) { 0 } else { 30 },
            idle_on_suspend: rng.chance(500),
            min_interval_s: rng.small(0, 5),
            ..PowerSaving::clone(&plain())
        })
    });
}

/// Power saving without limits.
pub(crate) fn plain() -> Arc<PowerSaving> {
    Arc::new(PowerSaving {
        suspend_time_s: Some(30),
        suspend_timeout_s: SUSPEND_TIMEOUT_S,
        resume_timeout_s: RESUME_TIMEOUT_S,
        interval_s: 10,
        tells_failures: true,
        ..PowerSaving::default()
    })
}

impl World {
    /// An order to start or stop machines. One that is repeated does nothing more.
    pub(crate) fn power(&mut self, order: PowerOrder) {
        if order.action == PowerAction::GiveUp {
            return self.ledger.mark("machine given up");
        }
        let rng = &mut self.chance.power;
        let (refused, lost) = (self.chaos && rng.chance(50), self.chaos && rng.chance(50));
        let told_ms = rng.between(1, 300);
        if !refused {
            self.pass_on(&order);
        }
        if !lost {
            let result = if refused { PowerResult::NotTaken } else { PowerResult::Taken };
            let event = Event::PowerTold { order: Box::new(order), result };
            let mail = Mail { sender: Sender::Nobody, event };
            self.after(told_ms, Happening::Arrives(Some(self.controller.life), mail));
        }
    }

    fn pass_on(&mut self, order: &PowerOrder) {
        let (at, action) = (order.at, order.action);
        for id in &order.nodes {
            let node = id.0 as usize;
            if self.orders.insert(node, (at, action)) == Some((at, action)) {
                self.ledger.mark("order repeated");
                continue;
            }
            let rng = &mut self.chance.power;
            let limit_ms = u64::from(RESUME_TIMEOUT_S) * 1000;
            let after_ms = match action {
                PowerAction::Resume if self.chaos && rng.chance(50) => continue,
                PowerAction::Resume if self.chaos && rng.chance(100) => {
                    rng.between(limit_ms, 2 * limit_ms)
                }
                PowerAction::Resume => rng.between(1000, limit_ms * 3 / 4),
                PowerAction::Suspend | PowerAction::GiveUp => rng.between(100, 8000),
            };
            self.after(after_ms, Happening::Power { node, at, action });
        }
    }

    /// A machine is on or off now, unless it has had another order since.
    pub(crate) fn powered(&mut self, node: usize, at: Timestamp, action: PowerAction) {
        if self.orders.get(&node) != Some(&(at, action)) {
            return;
        }
        let now = self.now();
        let slurmd = &mut self.nodes[node];
        slurmd.machine_died();
        if action == PowerAction::Suspend {
            return self.ledger.mark("machine stopped");
        }
        slurmd.process = Process::Serves;
        slurmd.booted = now;
        slurmd.started = now;
        self.ledger.mark("machine started");
        self.say(node, Report::Registration { repeat: true });
    }

    /// Nobody has started a machine yet.
    pub(crate) fn all_off(&mut self) {
        for (node, slurmd) in self.nodes.iter_mut().enumerate() {
            slurmd.machine_died();
            self.orders.insert(node, (Timestamp(0), PowerAction::Suspend));
        }
    }

    /// Whether a machine is off since it was ordered so: it does not come up by itself.
    pub(crate) fn is_off(&self, node: usize) -> bool {
        self.orders.get(&node).is_some_and(|(_, action)| *action == PowerAction::Suspend)
    }
}
