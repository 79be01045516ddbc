//! Priorities of priority/multifactor: given at submission, altered with the job, and computed anew when partitions, nodes
//! or the configuration are others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::sync::Arc;

use ctld_core::{Alterable, Configuration, Event, JobEdit, PartitionUpdate, Recover, SpecEdit};
use model::{Config, Hold, JobId, NumberOption, Partition, PriorityRules, PriorityType};

use world::{ANN, ROOT, World, batch, with};

fn rules() -> PriorityRules {
    PriorityRules { job_size: 1000, partition: 100, ..PriorityRules::default() }
}

fn config(priority: PriorityRules) -> Config {
    Config {
        cred_expire_s: 120,
        slurmd_timeout_s: 0,
        priority_type: PriorityType::Multifactor,
        priority,
        ..Config::default()
    }
}

fn nodes(nodes: u32) -> ctld_core::NewJob {
    with(ANN, |new| (new.spec.min_nodes, new.spec.min_cpus) = (nodes, nodes * 4))
}

fn alter(world: &mut World, apply: impl Fn(&mut Partition) + Send + Sync + 'static) {
    let (caller, name, apply) = (ROOT, "main".into(), Arc::new(apply));
    let update = PartitionUpdate { caller, name, apply, nodes: None };
    world.accepted(Event::UpdatePartition(Box::new(update)));
}

fn queue(world: &World) -> Vec<JobId> {
    world.cluster().queue().map(|job| job.id).collect()
}

#[test]
fn larger_jobs_come_first_and_what_alters_a_job_alters_its_place() {
    let mut world = World::with(config(rules()));
    let (small, large) = (world.submit(nodes(1)), world.submit(nodes(2)));
    assert_eq!(world.job(small).priority, 250 + 100);
    assert_eq!(world.job(large).priority, 500 + 100);
    assert_eq!(queue(&world), [large, small]);
    world.update(ROOT, large, JobEdit::Nice(300));
    assert_eq!(queue(&world), [small, large]);
    let site = SpecEdit {
        field: "number",
        of: Alterable::Unfinished,
        apply: Arc::new(|spec| {
            spec.carried.set_number(NumberOption::SiteFactor, Some(0x8000_0000 + 1000));
            Ok(())
        }),
    };
    world.update(ROOT, large, JobEdit::Spec(site));
    assert_eq!(world.job(large).priority, 500 + 100 + 1000 - 300);
    world.update(ROOT, small, JobEdit::Priority { priority: Some(5000), as_owner: false });
    world.update(ROOT, small, JobEdit::Nice(7));
    assert_eq!(world.job(small).priority, 5000, "what an administrator gave stays");
    world.update(ROOT, small, JobEdit::Priority { priority: None, as_owner: false });
    assert_eq!(world.job(small).priority, 350);
    assert_eq!(queue(&world), [large, small]);
}

#[test]
fn small_jobs_come_first_where_they_are_favoured() {
    let favoured = PriorityRules { favor_small: true, ..rules() };
    let mut world = World::with(config(favoured.clone()));
    let (small, large) = (world.submit(nodes(1)), world.submit(nodes(2)));
    assert_eq!((world.job(small).priority, world.job(large).priority), (850, 600));
    // A size for each minute of the limit: half an hour, and five minutes.
    let mut world = World::with(config(PriorityRules { relative_to_time: true, ..rules() }));
    let long = world.submit(nodes(2));
    let short = world.submit(with(ANN, |new| {
        (new.spec.min_nodes, new.spec.min_cpus, new.spec.time_limit_min) = (2, 8, Some(5));
    }));
    assert_eq!(world.job(long).priority, 100 + 500 / 30);
    assert_eq!(world.job(short).priority, 200);
}

#[test]
fn what_a_partition_counts_for_is_looked_at_every_period_and_only_then_written() {
    let rules = PriorityRules { partition: 100, absolute_partition: true, ..rules() };
    let mut world = World::with(config(rules));
    let job = world.submit(nodes(1));
    let held = world.submit(with(ANN, |new| new.hold = Hold::User));
    world.wait(1);
    alter(&mut world, |partition| partition.priority_job_factor = 3);
    assert!(world.wait(200).changes.is_empty(), "not yet");
    assert_eq!(world.job(job).priority, 350);
    assert_eq!(world.wait(100).changes.len(), 1);
    assert_eq!(world.job(job).priority, 550);
    assert_eq!(world.job(held).priority, 0);
    for _ in 0..5 {
        assert!(world.wait(300).changes.is_empty(), "nothing is different");
    }
}

#[test]
fn another_configuration_is_in_force_at_once_and_priorities_are_not_taken_back_where_they_only_grow()
 {
    let mut world = World::with(config(rules()));
    let job = world.submit(nodes(1));
    world.wait(1);
    let reload = |world: &mut World, rules: PriorityRules| {
        world.accepted(Event::Configured(Box::new(Configuration {
            config: Arc::new(config(rules)),
            nodes: world.cluster().nodes().map(|node| model::Node::clone(node)).collect(),
            partitions: vec![(
                Partition::clone(world.cluster().partition("main").unwrap()),
                (1..=4).map(|node| format!("n{node}").into()).collect(),
            )],
            recover: Recover::Reload,
        })));
        world.wait(1);
    };
    reload(&mut world, PriorityRules { job_size: 2000, ..rules() });
    assert_eq!(world.job(job).priority, 600);
    reload(&mut world, PriorityRules { increases_only: true, ..rules() });
    assert_eq!(world.job(job).priority, 600);
    reload(&mut world, PriorityRules::default());
    assert_eq!(world.job(job).priority, 1, "without weights all are equal");
}

#[test]
fn a_long_queue_is_gone_through_in_pieces() {
    let mut world = World::with(config(PriorityRules::default()));
    let jobs: Vec<JobId> = (0..2_500).map(|_| world.submit(batch(ANN))).collect();
    world.wait(1);
    let mut heavier = Config::clone(world.cluster().config());
    heavier.priority = rules();
    world.accepted(Event::Configured(Box::new(Configuration {
        config: Arc::new(heavier),
        nodes: world.cluster().nodes().map(|node| model::Node::clone(node)).collect(),
        partitions: vec![(
            Partition::clone(world.cluster().partition("main").unwrap()),
            (1..=4).map(|node| format!("n{node}").into()).collect(),
        )],
        recover: Recover::Reload,
    })));
    assert_eq!(world.wait(1).changes.len(), 2_000);
    assert_eq!(world.wait(1).changes.len(), 500);
    assert!(world.wait(1).changes.is_empty());
    let of = |job: &JobId| world.job(*job).priority;
    assert!(jobs.iter().all(|job| of(job) == of(&jobs[0]) && of(job) > 100));
}
