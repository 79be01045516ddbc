//! What it costs to publish the cluster after each batch of turns, for three ways to keep it:
//!
//! - `imbl`: persistent ordered maps, whose clones share what they have in common;
//! - `btree`: ordered maps of the standard library behind an `Arc`, copied by the first write after
//!   they were published (their records are shared in both);
//! - `cluster`: `model::Cluster` as it is, persistent maps with all of its records and indexes.
//!
//! The first two have five maps: jobs, the queue, active jobs, who holds which node, and what is
//! held of each node. A turn starts a waiting job. There are 10,000 nodes and 500,000 jobs, half of
//! which run. After each batch the cluster is published, and a reader keeps every 5000th turn's,
//! which at 5000 turns a second is one a second.
//!
//! `cargo run --release -p benches --bin snapshot` prints the table.

#![allow(clippy::print_stdout, reason = "a table for people")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imbl::{OrdMap, OrdSet};
use model::{
    Address, Allocation, Availability, Change, Cluster, CoreSet, Gid, Hardware, Hold, Job, JobId,
    JobSpec, Launch, Node, NodeId, NodeShare, Phase, Timestamp, Uid, Usage, WaitReason,
};

const NODES: u32 = 10_000;
const JOBS: u32 = 500_000;
/// Jobs that run when the measurement begins.
const RUNNING: u32 = JOBS / 2;
const CORES: u32 = 64;
/// Turns of a measurement, unless its time is up before.
const TURNS: u32 = 50_000;
const TIME_MAX: Duration = Duration::from_secs(10);
/// Turns between two of which a reader keeps what was published.
const KEPT_EVERY: u32 = 5_000;
const BATCHES: [u32; 3] = [1, 10, 100];
const KINDS: [&str; 3] = ["imbl", "btree", "cluster"];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [kind, batch] = &arguments[..] {
        let batch = batch.parse()?;
        return match &**kind {
            "imbl" => measure(Persistent::default(), batch),
            "btree" => measure(Copied::default(), batch),
            "cluster" => measure(Cluster::default(), batch),
            _ => Err(format!("{kind} is none of {KINDS:?}").into()),
        };
    }
    println!("| maps | batch | turns | ns a turn | KiB a kept one | lookup ns | scan of jobs ms |");
    println!("|---|---|---|---|---|---|---|");
    for kind in KINDS {
        for batch in BATCHES {
            // A process each, so that none finds the memory of another.
            Command::new(env::current_exe()?).args([kind, &batch.to_string()]).status()?;
        }
    }
    Ok(())
}

/// A cluster that can be published: a clone is what readers get.
trait Published: Clone {
    fn add_node(&mut self, node: Node);
    fn put(&mut self, job: Job);
    fn priority(&self, job: JobId) -> Option<u32>;
    fn priorities(&self) -> u64;
}

fn measure<T: Published>(mut cluster: T, batch: u32) -> Result<(), Box<dyn Error>> {
    for id in 0..NODES {
        cluster.add_node(node(id));
    }
    let spec = Arc::new(JobSpec { name: "bench".into(), ..JobSpec::default() });
    for id in 0..JOBS {
        cluster.put(waiting(id, &spec));
        if id < RUNNING {
            cluster.put(started(id, &spec));
        }
    }
    let (mut published, mut kept) = (cluster.clone(), Vec::new());
    let (before, cpu_before, began) = (resident_kib()?, cpu_ns()?, Instant::now());
    let mut turns = 0;
    while turns < TURNS && began.elapsed() < TIME_MAX {
        for _ in 0..batch {
            cluster.put(started(RUNNING + turns, &spec));
            turns += 1;
            if turns % KEPT_EVERY == 0 {
                kept.push(published.clone());
            }
        }
        published = cluster.clone();
    }
    let turn = (cpu_ns()? - cpu_before) / u64::from(turns);
    kept.push(published.clone());
    let kib = resident_kib()?.saturating_sub(before) / kept.len() as u64;

    let lookups = cpu_ns()?;
    for id in 0..JOBS {
        black_box(published.priority(JobId(id.wrapping_mul(2_654_435_761) % JOBS)));
    }
    let lookup = (cpu_ns()? - lookups) / u64::from(JOBS);
    let scan = cpu_ns()?;
    black_box(published.priorities());
    let scan = (cpu_ns()? - scan) / 1_000_000;
    let kind = KINDS.iter().find(|kind| env::args().any(|argument| argument == **kind));
    let kind = kind.expect("the process was started with it");
    println!("| {kind} | {batch} | {turns} | {turn} | {kib} | {lookup} | {scan} |");
    Ok(())
}

/// Time that this process, which has one thread, had a processor: other than the clock it is the
/// same on a busy machine.
fn cpu_ns() -> Result<u64, Box<dyn Error>> {
    let times = fs::read_to_string("/proc/self/schedstat")?;
    Ok(times.split(' ').next().ok_or("no time")?.parse()?)
}

/// Memory of this process.
fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.ok_or("no VmRSS")?.trim().trim_end_matches(" kB").parse()?)
}

type QueueKey = (u32, JobId);

#[derive(Clone, Default)]
struct Persistent {
    jobs: OrdMap<JobId, Arc<Job>>,
    queue: OrdSet<QueueKey>,
    active: OrdSet<JobId>,
    holders: OrdSet<(NodeId, JobId)>,
    usage: OrdMap<NodeId, Arc<Usage>>,
}

#[derive(Clone, Default)]
struct Copied {
    jobs: Arc<BTreeMap<JobId, Arc<Job>>>,
    queue: Arc<BTreeSet<QueueKey>>,
    active: Arc<BTreeSet<JobId>>,
    holders: Arc<BTreeSet<(NodeId, JobId)>>,
    usage: Arc<BTreeMap<NodeId, Arc<Usage>>>,
}

fn queue_key(job: &Job) -> QueueKey {
    (u32::MAX - job.priority, job.id)
}

fn hold(usage: &mut Usage, share: &NodeShare) {
    usage.cores.add(&share.cores);
    usage.cpus += share.cpus;
    usage.memory_mib += share.memory_mib;
    usage.running += 1;
}

impl Published for Persistent {
    fn add_node(&mut self, node: Node) {
        self.usage.insert(node.id, Arc::default());
    }

    fn put(&mut self, job: Job) {
        if job.is_pending() {
            self.queue.insert(queue_key(&job));
        } else {
            self.queue.remove(&queue_key(&job));
            self.active.insert(job.id);
        }
        for share in job.held_shares() {
            self.holders.insert((share.node, job.id));
            hold(Arc::make_mut(self.usage.entry(share.node).or_default()), share);
        }
        self.jobs.insert(job.id, Arc::new(job));
    }

    fn priority(&self, job: JobId) -> Option<u32> {
        self.jobs.get(&job).map(|job| job.priority)
    }

    fn priorities(&self) -> u64 {
        self.jobs.values().map(|job| u64::from(job.priority)).sum()
    }
}

impl Published for Copied {
    fn add_node(&mut self, node: Node) {
        Arc::make_mut(&mut self.usage).insert(node.id, Arc::default());
    }

    fn put(&mut self, job: Job) {
        let queue = Arc::make_mut(&mut self.queue);
        if job.is_pending() {
            queue.insert(queue_key(&job));
        } else {
            queue.remove(&queue_key(&job));
            Arc::make_mut(&mut self.active).insert(job.id);
        }
        for share in job.held_shares() {
            Arc::make_mut(&mut self.holders).insert((share.node, job.id));
            let usage = Arc::make_mut(&mut self.usage).entry(share.node).or_default();
            hold(Arc::make_mut(usage), share);
        }
        Arc::make_mut(&mut self.jobs).insert(job.id, Arc::new(job));
    }

    fn priority(&self, job: JobId) -> Option<u32> {
        self.jobs.get(&job).map(|job| job.priority)
    }

    fn priorities(&self) -> u64 {
        self.jobs.values().map(|job| u64::from(job.priority)).sum()
    }
}

impl Published for Cluster {
    fn add_node(&mut self, node: Node) {
        self.apply(&Change::Node(Arc::new(node)));
    }

    fn put(&mut self, job: Job) {
        self.apply(&Change::Job(Arc::new(job)));
    }

    fn priority(&self, job: JobId) -> Option<u32> {
        self.job(job).map(|job| job.priority)
    }

    fn priorities(&self) -> u64 {
        self.jobs().map(|job| u64::from(job.priority)).sum()
    }
}

fn started(id: u32, spec: &Arc<JobSpec>) -> Job {
    let share = NodeShare {
        node: NodeId(id % NODES),
        cores: CoreSet::from_iter([id / NODES % CORES]),
        cpus: 1,
        memory_mib: 1000,
        tasks: 1,
        gres: Vec::new(),
    };
    let allocation = Allocation {
        batch_at: 0,
        shares: vec![share],
        node_list: format!("n{}", id % NODES).into(),
        exclusive: false,
        tasks: 1,
        licenses: Vec::new(),
        resized: None,
        reservation: None,
    };
    Job {
        phase: Phase::Running(Launch::Done),
        wait: WaitReason::None,
        allocation: Some(Arc::new(allocation)),
        started: Some(Timestamp(2_000_000)),
        ended: Some(Timestamp(2_003_600)),
        ..waiting(id, spec)
    }
}

fn waiting(id: u32, spec: &Arc<JobSpec>) -> Job {
    Job {
        id: JobId(id),
        array: None,
        het: None,
        owner: Uid(1000 + id % 500),
        group: Gid(100),
        spec: Arc::clone(spec),
        partition: "main".into(),
        phase: Phase::Pending,
        prologs: None,
        hold: Hold::None,
        wait: WaitReason::Priority,
        state_text: None,
        priority: u32::MAX - id,
        allocation: None,
        outcome: None,
        submitted: Timestamp(1_000_000),
        eligible: Some(Timestamp(1_000_000)),
        begin: None,
        started: None,
        ended: None,
        suspended: None,
        ran_before_suspend_s: 0,
        last_evaluated: None,
        restarts: 0,
        time_limit_min: Some(60),
        failed_node: None,
        next_step: 0,
        next_step_node: 0,
        batch: true,
        protocol: 0x2a00,
        warned: false,
        derived_status: 0,
        client_listens: false,
        launch_failures: 0,
        stopped: false,
        mailed_percent: 0,
        preempted: None,
        cron: None,
        expected_nodes: None,
    }
}

fn node(id: u32) -> Node {
    let name = format!("n{id}");
    let hardware = Hardware::of(2, 32, 1, 256_000);
    let unknown = Node::unknown(NodeId(id), name.as_str().into(), Address::named(&name), hardware);
    Node { availability: Availability::Up, ..unknown }
}
