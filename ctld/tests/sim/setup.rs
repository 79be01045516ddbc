//! What a world is made of: the configuration, drawn from the seed.

use std::sync::Arc;

use ctld_core::{Configuration, Recover};
use model::{
    Address, Availability, Config, GresCount, Hardware, Node, NodeId, Partition, PreemptMode,
    PreemptRules, PriorityRules, ReturnToService, Uid,
};

use crate::power;
use crate::rng::Rng;
use crate::script::Life;

/// The partition that jobs go to which name none.
pub const DEFAULT_PARTITION: &str = "batch";
/// A partition of some of the nodes, looked at first.
pub const SMALL_PARTITION: &str = "small";
/// slurm.conf's KillWait in every world.
pub const KILL_WAIT_S: u64 = 5;
/// slurm.conf's MessageTimeout in every world.
pub const MESSAGE_TIMEOUT_S: u64 = 10;

/// What is drawn once for a world.
#[derive(Clone, Debug)]
pub struct Setup {
    /// slurm.conf.
    pub configuration: Configuration,
    /// Whether nodes have an epilog to run.
    pub epilog: bool,
}

impl Setup {
    /// The setup of a seed.
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::new(seed, "setup");
        let mut config = draw_config(&mut rng);
        // A chance of their own, so that the other draws of a seed stay as they are.
        let mut hooks = Rng::new(seed, "hooks");
        config.crontabs = true;
        config.prolog_slurmctld = hooks.chance(300);
        config.epilog_slurmctld = hooks.chance(300);
        let mut prologs = Rng::new(seed, "prologs");
        config.prolog_defer_batch = prologs.chance(500);
        config.prolog_no_hold = !config.prolog_contain && prologs.chance(300);
        power::configured(seed, &mut config);
        let nodes: Vec<Node> =
            (1..=rng.small(2, 5)).map(|place| draw_node(place, &mut rng)).collect();
        let names: Vec<Arc<str>> = nodes.iter().map(|node| Arc::clone(&node.name)).collect();
        let few = names[..names.len().div_ceil(2)].to_vec();
        let mut batch = Partition::named(DEFAULT_PARTITION.into());
        batch.is_default = true;
        batch.max_time_min = Some(10);
        let mut small = Partition::named(SMALL_PARTITION.into());
        small.priority_tier = 5;
        small.max_time_min = Some(10);
        // Jobs of the small partition push aside those of the other.
        let mut preempt = Rng::new(seed, "preempt");
        if seed.is_multiple_of(3) {
            config.preemption = Some(draw_rules(&mut preempt));
            batch.grace_time_s = if preempt.chance(500) { preempt.small(1, 30) } else { 0 };
        }
        if seed % 5 == 2 {
            config.priority =
                PriorityRules { job_size: 1000, partition: 200, ..PriorityRules::default() };
        }
        let configuration = Configuration {
            config: Arc::new(config),
            nodes,
            partitions: vec![(batch, names), (small, few)],
            recover: Recover::NodeStates,
        };
        Self { configuration, epilog: rng.chance(500) }
    }
}

impl Setup {
    /// Two nodes on which jobs are remembered for long.
    pub fn plain(life: Life) -> Self {
        let mut setup = Self::draw(1);
        let hooks = life == Life::Hooked;
        let config = Config {
            min_job_age_s: 100_000,
            prolog_alloc: hooks,
            prolog_contain: hooks,
            prolog_slurmctld: hooks,
            epilog_slurmctld: hooks,
            power: (life == Life::Powered).then(power::plain),
            ..Config::clone(&setup.configuration.config)
        };
        setup.configuration.config = Arc::new(config);
        setup.epilog = hooks;
        if life == Life::Powered {
            for node in &mut setup.configuration.nodes {
                node.availability = Availability::Up;
                node.flags.cloud = true;
                node.flags.powered_down = true;
            }
        }
        setup
    }
}

fn draw_config(rng: &mut Rng) -> Config {
    let prolog_alloc = rng.chance(400);
    Config {
        slurm_user: Uid(64030),
        min_job_age_s: rng.small(20, 120),
        kill_wait_s: u16::try_from(KILL_WAIT_S).expect("a constant of one digit"),
        message_timeout_s: u16::try_from(MESSAGE_TIMEOUT_S).expect("a constant of two digits"),
        slurmd_timeout_s: if rng.chance(500) { 60 } else { 120 },
        cred_expire_s: 30,
        max_job_count: 400,
        prolog_alloc,
        prolog_contain: prolog_alloc && rng.chance(500),
        return_to_service: match rng.between(0, 2) {
            0 => ReturnToService::Never,
            1 => ReturnToService::IfNotResponding,
            _ => ReturnToService::Always,
        },
        job_requeue: true,
        ..Config::default()
    }
}

fn draw_rules(rng: &mut Rng) -> PreemptRules {
    PreemptRules {
        mode: if rng.chance(500) { PreemptMode::Requeue } else { PreemptMode::Cancel },
        by_priority: false,
        exempt_s: if rng.chance(300) { 20 } else { 0 },
        exempt_priority: None,
        reorder_count: 1,
        strict_order: rng.chance(500),
        youngest_first: rng.chance(500),
        for_licenses: false,
        user_signal: rng.chance(500),
    }
}

fn draw_node(place: u32, rng: &mut Rng) -> Node {
    let name = format!("n{place}");
    let cores = u16::try_from(rng.between(2, 8)).expect("at most 8");
    let mut hardware = Hardware::of(1, cores, 1, 1000 * u64::from(cores));
    let gres = |name: &str, count| GresCount { name: name.into(), kind: None, count };
    hardware.gres = [gres("gpu", 2), gres("shard", 8)].into();
    Node::unknown(NodeId(0), name.as_str().into(), Address::named(&name), hardware)
}
