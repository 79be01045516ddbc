//! What holds of every plan, whatever the cluster and the queue.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::sync::Arc;

use model::{
    ArrayRole, Change, Cluster, Exclusive, Job, JobId, JobSpec, MemoryRequest, NodeId,
    PendingTasks, Sharing, Timestamp, Uid, Unit, WaitReason,
};
use proptest::prelude::*;
use sched::{Budget, plan};

use world::{NOW, carry_out, configure, hardware, job, node, partition, put};

const IN_ORDER: Budget = Budget { backfill_jobs: 0, ..Budget::FULL };

/// A job as it is drawn: few values each, so that jobs get in each other's way.
#[derive(Clone, Debug)]
struct Drawn {
    nodes: (u32, Option<u32>),
    tasks: Option<u32>,
    cpus_per_task: u16,
    tasks_per_node: Option<u16>,
    memory: Option<MemoryRequest>,
    exclusive: Exclusive,
    partition: u8,
    limit: Option<u32>,
    tasks_of_array: u32,
    priority: u32,
    owner: u32,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let memory = prop_oneof![
        Just(None),
        Just(Some(MemoryRequest::PerNode(0))),
        (1_u64..6000).prop_map(|mib| Some(MemoryRequest::PerNode(mib))),
        (1_u64..2000).prop_map(|mib| Some(MemoryRequest::PerCpu(mib))),
    ];
    let exclusive = prop_oneof![
        6 => Just(Exclusive::Unset),
        1 => Just(Exclusive::Node),
        1 => Just(Exclusive::User),
    ];
    let size = (1_u32..4, prop::option::of(0_u32..3), prop::option::of(1_u32..20), 1_u16..5);
    let more = (prop::option::weighted(0.2, 1_u16..5), memory, exclusive, 0_u8..4);
    let when = (prop::option::of(1_u32..100), 0_u32..5, 0_u32..4, 0_u32..3);
    (size, more, when).prop_map(|((min, more_nodes, tasks, cpus), more, when)| Drawn {
        nodes: (min, more_nodes.map(|more| min + more)),
        tasks,
        cpus_per_task: cpus,
        tasks_per_node: more.0,
        memory: more.1,
        exclusive: more.2,
        partition: more.3,
        limit: when.0,
        tasks_of_array: when.1,
        priority: when.2 * 100,
        owner: when.3,
    })
}

fn build(unit: Unit, sharing: Sharing, jobs: &[Drawn], order: &[usize]) -> Cluster {
    let mut cluster = Cluster::default();
    configure(&mut cluster, |config| config.consumable.unit = unit);
    for id in 0..6 {
        let threads = if id < 4 { 2 } else { 1 };
        let mut node = node(id, &format!("n{id}"), hardware(2, 2 + (id as u16 % 2), threads));
        node.weight = 1 + id % 2;
        node.flags.drain = id == 3;
        cluster.apply(&Change::Node(Arc::new(node)));
    }
    let ids = |range: std::ops::Range<u32>| range.map(NodeId).collect::<Vec<_>>();
    let mut parts =
        [partition("p", ids(0..6)), partition("q", ids(2..6)), partition("s", ids(0..3))];
    parts[1].priority_tier = 2;
    parts[2].sharing = sharing;
    for part in parts {
        cluster.apply(&Change::Partition(Arc::new(part)));
    }
    for &at in order {
        put(&mut cluster, made(u32::try_from(at).unwrap() + 1, &jobs[at]));
    }
    cluster
}

fn made(id: u32, drawn: &Drawn) -> Job {
    let partitions: &[&str] = match drawn.partition {
        0 => &["p"],
        1 => &["q"],
        2 => &["s"],
        _ => &["p", "q"],
    };
    let mut job = job(
        id,
        JobSpec {
            min_nodes: drawn.nodes.0,
            max_nodes: drawn.nodes.1,
            tasks: drawn.tasks,
            cpus_per_task: Some(drawn.cpus_per_task),
            tasks_per_node: drawn.tasks_per_node,
            memory: drawn.memory,
            exclusive: drawn.exclusive,
            partitions: partitions.iter().map(|name| Arc::from(*name)).collect(),
            time_limit_min: drawn.limit,
            ..JobSpec::default()
        },
    );
    job.priority = drawn.priority;
    job.owner = Uid(drawn.owner);
    if drawn.tasks_of_array > 1 {
        job.array = Some(ArrayRole {
            array_job: job.id,
            tasks: PendingTasks::Several((0..drawn.tasks_of_array).collect()),
            running_max: drawn.tasks_of_array / 2,
            size: drawn.tasks_of_array,
        });
    }
    job
}

fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![Just(Unit::Core), Just(Unit::Cpu), Just(Unit::Socket), Just(Unit::Node)]
}

fn sharing() -> impl Strategy<Value = Sharing> {
    prop_oneof![Just(Sharing::No), Just(Sharing::Exclusive), Just(Sharing::Force(2))]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    /// `carry_out` has the model check each start again, and the cluster after it.
    #[test]
    fn nothing_is_given_away_twice_and_every_job_is_started_or_has_a_reason(
        unit in unit(),
        sharing in sharing(),
        jobs in prop::collection::vec(drawn(), 1..14),
        backfill in prop_oneof![Just(0_u32), Just(u32::MAX)],
    ) {
        let order: Vec<usize> = (0..jobs.len()).collect();
        let mut cluster = build(unit, sharing, &jobs, &order);
        let proposed = plan(&cluster, NOW, Budget { backfill_jobs: backfill, ..Budget::FULL });
        prop_assert!(proposed.complete);
        carry_out(&mut cluster, &proposed);
        for job in cluster.queue() {
            prop_assert!(job.wait != WaitReason::None, "job {} has no reason", job.id);
        }
    }

    #[test]
    fn a_plan_serves_what_was_asked_for(
        unit in unit(),
        sharing in sharing(),
        jobs in prop::collection::vec(drawn(), 1..14),
    ) {
        let order: Vec<usize> = (0..jobs.len()).collect();
        let cluster = build(unit, sharing, &jobs, &order);
        for start in plan(&cluster, NOW, Budget::FULL).starts {
            let spec = &cluster.job(start.job).unwrap().spec;
            let nodes = u32::try_from(start.allocation.shares.len()).unwrap();
            prop_assert!(nodes >= spec.min_nodes && spec.max_nodes.is_none_or(|most| nodes <= most));
            if let Some(tasks) = spec.tasks {
                let placed: u32 = start.allocation.shares.iter().map(|share| share.tasks).sum();
                prop_assert_eq!(start.allocation.tasks, tasks);
                // Each node of a job has a task, even if there are fewer tasks than nodes.
                prop_assert_eq!(placed, tasks.max(nodes));
            }
            for share in &start.allocation.shares {
                let needed = share.tasks * u32::from(spec.cpus_per_task.unwrap_or(1));
                prop_assert!(share.cpus >= needed, "{share:?}");
                prop_assert!(!share.cores.is_empty());
                if let Some(MemoryRequest::PerCpu(mib)) = spec.memory {
                    prop_assert_eq!(share.memory_mib, mib * u64::from(share.cpus));
                }
            }
        }
    }

    /// In one partition. Where several share nodes, a start can turn what an earlier job waits for
    /// from resources into a node that is out of use, and that holds back nobody.
    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_start(
        unit in unit(),
        sharing in sharing(),
        mut jobs in prop::collection::vec(drawn(), 1..14),
        partition in 0_u8..3,
    ) {
        jobs.iter_mut().for_each(|job| job.partition = partition);
        let order: Vec<usize> = (0..jobs.len()).collect();
        let mut cluster = build(unit, sharing, &jobs, &order);
        let first = plan(&cluster, NOW, IN_ORDER);
        carry_out(&mut cluster, &first);
        let second = plan(&cluster, NOW, IN_ORDER);
        prop_assert!(second.starts.is_empty(), "{:?}", second.starts);
        carry_out(&mut cluster, &second);
        let third = plan(&cluster, NOW, IN_ORDER);
        prop_assert!(third.passed.is_empty(), "said again: {:?}", third.passed);
    }

    #[test]
    fn the_order_in_which_jobs_came_to_be_known_does_not_matter(
        jobs in prop::collection::vec(drawn(), 1..14),
        shuffle in any::<prop::sample::Index>(),
    ) {
        let order: Vec<usize> = (0..jobs.len()).collect();
        let mut other = order.clone();
        other.rotate_left(shuffle.index(jobs.len()));
        other.reverse();
        let one = build(Unit::Core, Sharing::No, &jobs, &order);
        let two = build(Unit::Core, Sharing::No, &jobs, &other);
        prop_assert_eq!(plan(&one, NOW, Budget::FULL), plan(&two, NOW, Budget::FULL));
    }

    /// A job that waits is expected at the same time, whatever jobs behind it are started early.
    #[test]
    fn no_booking_is_delayed_by_a_later_job(jobs in prop::collection::vec(drawn(), 2..14)) {
        let order: Vec<usize> = (0..jobs.len()).collect();
        let mut cluster = build(Unit::Core, Sharing::No, &jobs, &order);
        let in_order = plan(&cluster, NOW, IN_ORDER);
        carry_out(&mut cluster, &in_order);
        let backfilled = plan(&cluster, NOW, Budget::FULL);
        let first = cluster.queue().find(|job| job.wait == WaitReason::Resources);
        let expected = |id: JobId| -> Option<Timestamp> {
            backfilled.passed.iter().find(|passed| passed.job == id)?.expected
        };
        let Some((first, at)) = first.and_then(|job| Some((job.id, expected(job.id)?))) else {
            return Ok(());
        };
        carry_out(&mut cluster, &backfilled);
        let again = plan(&cluster, NOW, Budget::FULL);
        let now_at = again.passed.iter().find(|passed| passed.job == first).and_then(|p| p.expected);
        prop_assert!(now_at.is_none_or(|now_at| now_at <= at), "{now_at:?} after {at:?}");
    }
}

/// Of jobs that want the same, the next in line is expected somewhere. One that is overtaken has no
/// node planned for it.
#[test]
fn a_job_that_is_overtaken_is_expected_nowhere() {
    let mut cluster = Cluster::default();
    cluster.apply(&Change::Node(Arc::new(node(0, "n0", hardware(1, 4, 1)))));
    cluster.apply(&Change::Partition(Arc::new(partition("p", vec![NodeId(0)]))));
    let spec = || JobSpec {
        tasks: Some(4),
        memory: Some(MemoryRequest::PerNode(1)),
        time_limit_min: Some(10),
        ..JobSpec::default()
    };
    for id in 1..=3 {
        put(&mut cluster, job(id, spec()));
    }
    let first = plan(&cluster, NOW, Budget::FULL);
    carry_out(&mut cluster, &first);
    let expected = |cluster: &Cluster| {
        [2, 3].map(|id| cluster.job(JobId(id)).unwrap().expected_nodes.as_deref() == Some("n0"))
    };
    assert_eq!(expected(&cluster), [true, false]);
    assert_eq!(cluster.planned_nodes().into_iter().collect::<Vec<_>>(), [NodeId(0)]);
    assert_eq!(plan(&cluster, NOW, Budget::FULL).passed, [], "nothing is said twice");

    let mut overtaking = Job::clone(cluster.job(JobId(3)).unwrap());
    overtaking.priority += 1;
    put(&mut cluster, overtaking);
    let thorough = plan(&cluster, NOW, Budget::FULL);
    carry_out(&mut cluster, &thorough);
    assert_eq!(expected(&cluster), [false, true]);
    assert_eq!(plan(&cluster, NOW, Budget::FULL).passed, []);
}
