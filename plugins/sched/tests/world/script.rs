//! Scripts: a cluster, jobs, and what is planned for them.
//!
//! Lines that begin with a space are what the planner answers; `UPDATE=1` writes them anew. The
//! others build the cluster or ask. Times are minutes from now. Keys without a value are flags.
//!
//! ```text
//! node n[1-2] cores=2x4x2 memory=1000        sockets x cores of each x threads of each
//! partition p nodes=n[1-2] sharing=force:2
//! running 10 on=n1:0-3,n2:0 memory=100 limit=60
//! job 11 tasks=4 mem-per-cpu=100
//! job 14 gres-in-all=gpu:3 cpus-per-gres=gpu:2
//! job 12 het=12,13                            with job 13, the leader first
//! reservation r on=n1+n2:0-3 from=0 to=60 user=1000 flags=maint
//! job 15 reservation=r
//! plan                                        or: plan jobs=5 backfill=0
//! apply                                       carries out what was planned last
//! cleaned 10                                  the clean-up after a job is over
//! feasible 11
//! will-run 11
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use model::{
    Allocation, ArrayRole, Availability, Change, Cluster, CoreSet, Dependency, DependencyKind,
    DependencyState, GresCount, GresHeld, GresWish, HetPlace, HetRole, Hold, Job, JobId, JobSpec,
    LicensePool, Member, MemoryDefault, MemoryRequest, NodeId, NodeShare, NumberOption, PartLimits,
    PartitionState, PendingTasks, Plan, Reservation, ReservationFlags, Roster, Sharing, TextOption,
    Timestamp, Uid, Unit, named_nodes, node_list,
};
use sched::{Budget, feasible, plan, will_run};

use crate::aside;
use crate::label;
use crate::world::{NOW, carry_out, configure, hardware, job, node, partition, put, running};

/// A line taken apart: words after the command, those with `=` by key.
pub struct Line<'a> {
    text: &'a str,
    name: &'a str,
    keys: BTreeMap<&'a str, &'a str>,
}

impl<'a> Line<'a> {
    fn of(text: &'a str) -> (&'a str, Self) {
        let text = text.split('#').next().unwrap();
        let mut words = text.split_whitespace();
        let command = words.next().unwrap_or("");
        let mut words = words.peekable();
        let name = words.next_if(|word| !word.contains('=')).unwrap_or("");
        let keys = words.map(|word| word.split_once('=').unwrap_or((word, ""))).collect();
        (command, Self { text, name, keys })
    }

    pub fn name(&self) -> &'a str {
        self.name
    }

    pub fn has(&mut self, key: &str) -> bool {
        self.keys.remove(key).is_some()
    }

    pub fn text(&mut self, key: &str) -> Option<&'a str> {
        self.keys.remove(key)
    }

    pub fn number<N: std::str::FromStr>(&mut self, key: &str) -> Option<N> {
        let text = self.keys.remove(key)?;
        Some(text.parse().unwrap_or_else(|_| panic!("{key}={text} in: {}", self.text)))
    }

    fn end(self) {
        assert!(self.keys.is_empty(), "{:?} is not understood in: {}", self.keys, self.text);
    }
}

/// Runs a script and gives it back with the answers of today.
pub fn run(script: &str) -> String {
    let mut cluster = Cluster::default();
    let mut last = Plan::default();
    let mut out = String::new();
    for text in script.lines().filter(|line| !line.starts_with(' ')) {
        writeln!(out, "{text}").unwrap();
        let (command, mut line) = Line::of(text);
        match command {
            "" => {}
            "config" => {
                line.keys.insert(line.name, "");
                line.keys.remove("");
                config(&mut cluster, &mut line);
            }
            "node" => nodes(&mut cluster, &mut line),
            "partition" => add_partition(&mut cluster, &mut line),
            "reservation" => add_reservation(&mut cluster, &mut line),
            "running" => add_running(&mut cluster, &mut line),
            "job" => add_job(&mut cluster, &mut line),
            "plan" => {
                let budget = Budget {
                    jobs: line.number("jobs").unwrap_or(u32::MAX),
                    node_checks: line.number("checks").unwrap_or(u64::MAX),
                    backfill_jobs: line.number("backfill").unwrap_or(u32::MAX),
                };
                last = plan(&cluster, NOW, budget);
                print_plan(&cluster, &last, &mut out);
            }
            "apply" => {
                carry_out(&mut cluster, &last);
                aside::carry_out(&mut cluster, &last);
            }
            "cleaned" => aside::cleaned(&mut cluster, &line),
            "feasible" => ask_feasible(&cluster, &line, &mut out),
            "will-run" => ask_will_run(&cluster, &line, &mut out),
            other => panic!("no such command: {other}"),
        }
        line.end();
    }
    out
}

fn after(minutes: i64) -> Timestamp {
    Timestamp(NOW.0 + minutes * 60)
}

fn config(cluster: &mut Cluster, line: &mut Line<'_>) {
    configure(cluster, |config| {
        match line.text("unit") {
            None => {}
            Some("cpu") => config.consumable.unit = Unit::Cpu,
            Some("core") => config.consumable.unit = Unit::Core,
            Some("socket") => config.consumable.unit = Unit::Socket,
            Some("node") => config.consumable.unit = Unit::Node,
            Some(other) => panic!("no such unit: {other}"),
        }
        match line.text("memory") {
            None => {}
            Some("no") => config.consumable.memory = false,
            Some("yes") => config.consumable.memory = true,
            Some(other) => panic!("memory is yes or no, not {other}"),
        }
        config.def_memory = memory_default(line, "def").or(config.def_memory);
        config.max_memory = memory_default(line, "max").or(config.max_memory);
        config.one_task_per_core |= line.has("one-task-per-core");
        config.least_loaded |= line.has("lln");
        config.het_place = match line.text("het-place") {
            None => config.het_place,
            Some("min") => Some(HetPlace::Least),
            Some("avg") => Some(HetPlace::Mean),
            Some("max") => Some(HetPlace::Most),
            Some(other) => panic!("het-place is min, avg or max, not {other}"),
        };
        config.preemption = aside::rules(line).or(config.preemption.take());
        config.power = line.text("power").map(aside::saving);
        config.mcs.select = label::select(line).unwrap_or(config.mcs.select);
        if line.has("enforce") {
            config.enforce_part_limits = PartLimits::Any;
        }
        if let Some(text) = line.text("license") {
            let pool = |text: &str| {
                let (name, total) = text.split_once(':').unwrap();
                LicensePool { name: name.into(), total: total.parse().unwrap() }
            };
            config.licenses = text.split(',').map(pool).collect();
        }
    });
}

fn memory_default(line: &mut Line<'_>, which: &str) -> Option<MemoryDefault> {
    let per_cpu = line.number(&format!("{which}-mem-per-cpu")).map(MemoryDefault::PerCpu);
    per_cpu.or_else(|| line.number(&format!("{which}-mem-per-node")).map(MemoryDefault::PerNode))
}

fn nodes(cluster: &mut Cluster, line: &mut Line<'_>) {
    let shape: Vec<u16> =
        line.text("cores").unwrap_or("8").split('x').map(|n| n.parse().unwrap()).collect();
    let mut hardware = match shape[..] {
        [cores] => hardware(1, cores, 1),
        [sockets, cores] => hardware(sockets, cores, 1),
        [sockets, cores, threads] => hardware(sockets, cores, threads),
        _ => panic!("cores=SOCKETSxCORESxTHREADS"),
    };
    hardware.memory_mib = line.number("memory").unwrap_or(10_000);
    hardware.tmp_disk_mib = line.number("tmp").unwrap_or(0);
    hardware.spec_cores = line.number("spec-cores").unwrap_or(0);
    hardware.spec_memory_mib = line.number("spec-memory").unwrap_or(0);
    hardware.gres = line.text("gres").map(gres).unwrap_or_default().into();
    let weight = line.number("weight").unwrap_or(1);
    let features: Arc<[Arc<str>]> =
        line.text("features").map(|f| f.split(',').map(Arc::from).collect()).unwrap_or_default();
    let state = line.text("state");
    for name in names(line.name) {
        let id = cluster.free_node_id();
        let mut node = node(id.0, &name, hardware.clone());
        node.weight = weight;
        node.features_available = Arc::clone(&features);
        node.features_active = Arc::clone(&features);
        match state {
            None => {}
            Some("down") => node.availability = Availability::Down,
            Some("drain") => node.flags.drain = true,
            Some("future") => node.availability = Availability::Future,
            Some("off") => node.flags.powered_down = true,
            Some("starts") => (node.flags.powering_up, node.flags.not_responding) = (true, true),
            Some("stops") => node.flags.powering_down = true,
            Some("to-stop") => node.flags.power_down_requested = true,
            Some(other) => panic!("no such state: {other}"),
        }
        cluster.apply(&Change::Node(Arc::new(node)));
    }
}

/// The names of an expression such as `n[1-3]`.
fn names(text: &str) -> Vec<String> {
    let Some((prefix, range)) = text.split_once('[') else {
        return vec![text.into()];
    };
    let (low, high) = range.trim_end_matches(']').split_once('-').unwrap();
    let (low, high): (u32, u32) = (low.parse().unwrap(), high.parse().unwrap());
    (low..=high).map(|number| format!("{prefix}{number}")).collect()
}

fn gres(text: &str) -> Vec<GresCount> {
    let one = |text: &str| {
        let parts: Vec<&str> = text.split(':').collect();
        let (name, kind, count) = match parts[..] {
            [name, count] => (name, None, count),
            [name, kind, count] => (name, Some(kind.into()), count),
            _ => panic!("gres is name:count or name:type:count, not {text}"),
        };
        GresCount { name: name.into(), kind, count: count.parse().unwrap() }
    };
    text.split(',').map(one).collect()
}

fn add_partition(cluster: &mut Cluster, line: &mut Line<'_>) {
    let nodes = match line.text("nodes") {
        Some(text) => named_nodes(cluster, text).unwrap(),
        None => cluster.nodes().map(|node| node.id).collect(),
    };
    let mut partition = partition(line.name, nodes);
    partition.priority_tier = line.number("tier").unwrap_or(1);
    partition.min_nodes = line.number("min-nodes").unwrap_or(0);
    partition.max_nodes = line.number("max-nodes");
    partition.max_time_min = line.number("max-time");
    partition.default_time_min = line.number("default-time");
    partition.max_cpus_per_node = line.number("max-cpus-per-node");
    partition.max_cpus_per_socket = line.number("max-cpus-per-socket");
    partition.def_memory = memory_default(line, "def");
    partition.max_memory = memory_default(line, "max");
    partition.lln = line.has("lln");
    partition.exclusive_user = line.has("exclusive-user");
    partition.select_bits = line.number("select").unwrap_or(0);
    partition.state = match line.text("state") {
        None | Some("up") => PartitionState::Up,
        Some("down") => PartitionState::Down,
        Some("drain") => PartitionState::Drain,
        Some("inactive") => PartitionState::Inactive,
        Some(other) => panic!("no such state: {other}"),
    };
    partition.sharing = match line.text("sharing").map(|s| s.split_once(':').unwrap_or((s, "4"))) {
        None | Some(("no", _)) => Sharing::No,
        Some(("exclusive", _)) => Sharing::Exclusive,
        Some(("yes", rows)) => Sharing::Yes(rows.parse().unwrap()),
        Some(("force", rows)) => Sharing::Force(rows.parse().unwrap()),
        Some((other, _)) => panic!("no such sharing: {other}"),
    };
    aside::of_partition(line, &mut partition);
    cluster.apply(&Change::Partition(Arc::new(partition)));
}

fn add_reservation(cluster: &mut Cluster, line: &mut Line<'_>) {
    let id = u32::try_from(cluster.reservations().count()).unwrap() + 1;
    let mut nodes: Vec<NodeId> = Vec::new();
    let mut cores: Vec<(NodeId, CoreSet)> = Vec::new();
    for term in line.text("on").into_iter().flat_map(|text| text.split('+')) {
        match term.split_once(':') {
            None => nodes.extend(named_nodes(cluster, term).unwrap()),
            Some((name, range)) => {
                let node = cluster.node_named(name).unwrap().id;
                let (low, high) = range.split_once('-').unwrap_or((range, range));
                nodes.push(node);
                cores.push((node, (low.parse().unwrap()..=high.parse::<u32>().unwrap()).collect()));
            }
        }
    }
    nodes.sort_unstable();
    cores.sort_by_key(|(node, _)| *node);
    let flags = line.text("flags").unwrap_or_default().split(',').map(|flag| match flag {
        "" => 0,
        "maint" => ReservationFlags::MAINT,
        "flex" => ReservationFlags::FLEX,
        "magnetic" => ReservationFlags::MAGNETIC,
        "overlap" => ReservationFlags::OVERLAP,
        "any-nodes" => ReservationFlags::ANY_NODES,
        other => panic!("no such flag: {other}"),
    });
    let flags = ReservationFlags(flags.fold(0, |all, flag| all | flag));
    let user = |uid: u32| Member { name: uid.to_string().into(), user: Some(Uid(uid)) };
    let (start, end) = (after(line.number("from").unwrap()), after(line.number("to").unwrap()));
    cluster.apply(&Change::Reservation(Arc::new(Reservation {
        name: line.name.into(),
        id,
        start,
        end,
        duration_min: None,
        flags,
        nodes: nodes.into(),
        cores: (!cores.is_empty()).then(|| cores.into()),
        partition: None,
        features: None,
        licenses: line.text("license").map(licenses).unwrap_or_default(),
        licenses_text: None,
        burst_buffer: None,
        comment: None,
        users: Roster {
            denies: false,
            members: line.number("user").map(user).into_iter().collect(),
        },
        accounts: Roster::default(),
        partitions: Roster::default(),
        groups: None,
        group_members: Arc::default(),
        max_start_delay_s: 0,
        purge_comp_s: 300,
        idle_since: None,
        begun: start <= NOW,
        over: end <= NOW,
    })));
}

fn licenses(text: &str) -> Vec<(Arc<str>, u32)> {
    let one = |text: &str| {
        let (name, count) = text.split_once(':').unwrap();
        (Arc::from(name), count.parse().unwrap())
    };
    text.split(',').map(one).collect()
}

fn add_running(cluster: &mut Cluster, line: &mut Line<'_>) {
    let on = line.text("on").expect("running N on=NODE:CORES");
    let memory_mib = line.number("memory").unwrap_or(0);
    let gres = line.text("gres").map(gres).unwrap_or_default();
    let share = |text: &str| {
        let (name, cores) = text.split_once(':').unwrap();
        let node = cluster.node_named(name).unwrap();
        let cores: CoreSet = match cores {
            "all" => CoreSet::first(node.hardware.cores()),
            some => some
                .split('+')
                .flat_map(|range| {
                    let (low, high) = range.split_once('-').unwrap_or((range, range));
                    low.parse::<u32>().unwrap()..=high.parse().unwrap()
                })
                .collect(),
        };
        let cpus = cores.len() * node.hardware.cpus_per_core();
        let gres = gres.iter().cloned().map(GresHeld::counted).collect();
        NodeShare { node: node.id, cores, cpus, memory_mib, tasks: 1, gres }
    };
    let shares: Vec<NodeShare> = on.split(',').map(share).collect();
    let nodes: Vec<NodeId> = shares.iter().map(|share| share.node).collect();
    let node_list = node_list(cluster, &nodes);
    let exclusive = line.keys.get("exclusive") == Some(&"");
    let since = after(line.number("since").map_or(0, |minutes: i64| -minutes));
    let job = read_job(line);
    let licenses = job.spec.licenses.clone();
    let (batch_at, resized, reservation) = (0, None, None);
    let allocation = Allocation {
        batch_at,
        shares,
        node_list,
        exclusive,
        tasks: 1,
        licenses,
        resized,
        reservation,
    };
    put(cluster, running(job, allocation, since));
}

fn add_job(cluster: &mut Cluster, line: &mut Line<'_>) {
    let job = read_job(line);
    put(cluster, job);
}

fn read_job(line: &mut Line<'_>) -> Job {
    let (min_nodes, max_nodes) =
        match line.text("nodes").map(|n| n.split_once('-').unwrap_or((n, n))) {
            None => (1, None),
            Some((low, "")) => (low.parse().unwrap(), None),
            Some((low, high)) => (low.parse().unwrap(), Some(high.parse().unwrap())),
        };
    let mut spec = JobSpec {
        min_nodes,
        max_nodes,
        tasks: line.number("tasks"),
        min_cpus: line.number("cpus").unwrap_or(0),
        cpus_per_task: line.number("cpt"),
        tasks_per_node: line.number("tpn"),
        tasks_per_socket: line.number("tps"),
        tasks_per_core: line.number("tpc"),
        threads_per_core: line.number("threads"),
        sockets_per_node: line.number("sockets"),
        cores_per_socket: line.number("cores-per-socket"),
        min_cpus_per_node: line.number("mincpus").unwrap_or(0),
        memory: line.number("mem").map(MemoryRequest::PerNode),
        tmp_disk_mib: line.number("tmp").unwrap_or(0),
        exclusive: label::exclusive(line),
        share: line.has("share"),
        overcommit: line.has("overcommit"),
        contiguous: line.has("contiguous"),
        immediate: line.has("immediate"),
        core_spec: line.number("core-spec"),
        required_nodes: line.text("w").map(Arc::from),
        excluded_nodes: line.text("x").map(Arc::from),
        features: line.text("C").map(Arc::from),
        time_limit_min: line.number("limit"),
        time_min_min: line.number("time-min"),
        begin: line.number("begin").map(after),
        deadline: line.number("deadline").map(after),
        partitions: line
            .text("partition")
            .map_or_else(|| vec!["p".into()], |p| p.split(',').map(Arc::from).collect()),
        ..JobSpec::default()
    };
    if let Some(per_cpu) = line.number("mem-per-cpu") {
        spec.memory = Some(MemoryRequest::PerCpu(per_cpu));
    }
    if let Some(text) = line.text("license") {
        spec.licenses = licenses(text);
    }
    label::read(line, &mut spec);
    if let Some(names) = line.text("reservation") {
        spec.carried.set_text(TextOption::Reservation, Some(names.into()));
    }
    read_gres(line, &mut spec);
    read_distribution(line, &mut spec);
    read_dependency(line, &mut spec);
    place_in_queue(line, spec)
}

fn read_gres(line: &mut Line<'_>, spec: &mut JobSpec) {
    type Way = fn(&mut GresWish, u64);
    let ways: [(&str, Way); 5] = [
        ("gres", |wish, count| wish.per_node = count),
        ("gres-in-all", |wish, count| wish.per_job = count),
        ("gres-per-task", |wish, count| wish.per_task = count),
        ("cpus-per-gres", |wish, count| wish.cpus_each = count.try_into().unwrap()),
        ("mem-per-gres", |wish, count| wish.memory_each_mib = count),
    ];
    for (key, put) in ways {
        for asked in line.text(key).map(gres).unwrap_or_default() {
            let is_it = |wish: &GresWish| wish.name == asked.name && wish.kind == asked.kind;
            let known = spec.gres.iter().position(is_it);
            let at = known.unwrap_or_else(|| {
                spec.gres.push(GresWish::of(asked.name.clone(), asked.kind.clone()));
                spec.gres.len() - 1
            });
            put(&mut spec.gres[at], asked.count);
        }
    }
}

fn read_distribution(line: &mut Line<'_>, spec: &mut JobSpec) {
    // slurm.h: SLURM_DIST_BLOCK_BLOCK and SLURM_DIST_PLANE.
    match line.text("dist") {
        None => {}
        Some("block") => spec.carried.set_number(NumberOption::TaskDist, Some(0x22)),
        Some(plane) => {
            spec.carried.set_number(NumberOption::TaskDist, Some(0x4));
            spec.carried.set_number(NumberOption::PlaneSize, Some(plane.parse().unwrap()));
        }
    }
}

fn read_dependency(line: &mut Line<'_>, spec: &mut JobSpec) {
    if let Some(state) = line.text("dependency") {
        let state = match state {
            "open" => DependencyState::Unfulfilled,
            "failed" => DependencyState::Failed,
            "met" => DependencyState::Fulfilled,
            other => panic!("no such dependency: {other}"),
        };
        let (kind, job) = (DependencyKind::AfterOk, Some(JobId(1)));
        spec.dependencies.conditions =
            vec![Dependency { kind, job, task: None, delay_min: 0, state }];
    }
}

fn place_in_queue(line: &mut Line<'_>, spec: JobSpec) -> Job {
    let mut job = job(line.name.parse().unwrap(), spec);
    job.priority = line.number("priority").unwrap_or(1000);
    job.owner = Uid(line.number("owner").unwrap_or(1000));
    job.hold = match line.text("hold") {
        None => Hold::None,
        Some("user") => Hold::User,
        Some("admin") => Hold::Admin,
        Some(other) => panic!("no such hold: {other}"),
    };
    if let Some(text) = line.text("het") {
        let members: Vec<JobId> = text.split(',').map(|id| JobId(id.parse().unwrap())).collect();
        let offset = members.iter().position(|id| *id == job.id).unwrap();
        job.het = HetRole::new(members.into(), u32::try_from(offset).unwrap());
    }
    if let Some(text) = line.text("array") {
        let (range, most) = text.split_once('%').unwrap_or((text, "0"));
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        let (low, high): (u32, u32) = (low.parse().unwrap(), high.parse().unwrap());
        job.array = Some(ArrayRole {
            array_job: job.id,
            tasks: PendingTasks::Several((low..=high).collect()),
            running_max: most.parse().unwrap(),
            size: high - low + 1,
        });
    }
    job
}

fn minutes(at: Timestamp) -> String {
    let seconds = at.0 - NOW.0;
    if seconds % 60 == 0 { format!("{}", seconds / 60) } else { format!("{seconds}s") }
}

fn print_plan(cluster: &Cluster, plan: &Plan, out: &mut String) {
    for start in &plan.starts {
        let task = start.task.map(|task| format!("_{task}")).unwrap_or_default();
        write!(out, "  start {}{task} in {} on", start.job, start.partition).unwrap();
        print_allocation(cluster, &start.allocation, out);
    }
    for start in plan.together.iter().flatten() {
        write!(out, "  start together {} in {} on", start.job, start.partition).unwrap();
        print_allocation(cluster, &start.allocation, out);
    }
    aside::print(cluster, plan, out);
    for passed in &plan.passed {
        let expected = passed.expected.map(|at| format!(", expected at {}", minutes(at)));
        let expected = expected.unwrap_or_default();
        writeln!(out, "  {} waits: {:?}{expected}", passed.job, passed.wait).unwrap();
    }
    if !plan.complete {
        writeln!(out, "  incomplete after {} jobs", plan.examined).unwrap();
    }
}

pub fn print_allocation(cluster: &Cluster, allocation: &Allocation, out: &mut String) {
    write!(out, " {}", allocation.node_list).unwrap();
    if allocation.exclusive {
        out.push_str(", exclusive");
    }
    if let Some(reservation) = &allocation.reservation {
        write!(out, " in {reservation}").unwrap();
    }
    for share in &allocation.shares {
        let name = &cluster.node(share.node).unwrap().name;
        let cores = ranges(&share.cores);
        write!(out, "; {name} cores {cores}, {} CPUs", share.cpus).unwrap();
        if share.memory_mib > 0 {
            write!(out, ", {} MiB", share.memory_mib).unwrap();
        }
        write!(out, ", {} tasks", share.tasks).unwrap();
        for gres in &share.gres {
            let kind = gres.kind.as_deref().map(|kind| format!(":{kind}")).unwrap_or_default();
            write!(out, ", {}{kind}:{}", gres.name, gres.count).unwrap();
        }
    }
    out.push('\n');
}

fn ranges(cores: &CoreSet) -> String {
    let cores: Vec<u32> = cores.iter().collect();
    let run = |run: &[u32]| match run {
        [only] => only.to_string(),
        run => format!("{}-{}", run[0], run[run.len() - 1]),
    };
    cores.chunk_by(|a, b| a + 1 == *b).map(run).collect::<Vec<_>>().join("+")
}

fn ask_feasible(cluster: &Cluster, line: &Line<'_>, out: &mut String) {
    let job = cluster.job(JobId(line.name.parse().unwrap())).unwrap();
    let partition = cluster.partition(&job.partition).unwrap();
    match feasible(cluster, partition, &job.spec, job.owner) {
        Ok(()) => writeln!(out, "  yes").unwrap(),
        Err(why) => writeln!(out, "  no: {why}").unwrap(),
    }
}

fn ask_will_run(cluster: &Cluster, line: &Line<'_>, out: &mut String) {
    let job = cluster.job(JobId(line.name.parse().unwrap())).unwrap();
    match will_run(cluster, NOW, job) {
        None => writeln!(out, "  never").unwrap(),
        Some((at, allocation)) => {
            write!(out, "  at {} on", minutes(at)).unwrap();
            print_allocation(cluster, &allocation, out);
        }
    }
}
