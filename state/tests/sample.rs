//! Stores that earlier releases wrote, one of each major format, are opened and hold what was put
//! into them. `UPDATE=1 cargo test -p state --test sample` makes the sample of today's format anew,
//! which is right only as long as no release has shipped with it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, helpers and all")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{
    Address, Allocation, ArrayRole, Availability, Carried, Change, Completing, CoreSet, Counters,
    Crontab, Dependencies, Dependency, DependencyKind, DependencyState, Exclusive, Exit, Gid,
    GresCount, GresHeld, GresWish, Hardware, HetRole, Hold, Job, JobId, JobSpec, Join, Launch,
    MemoryDefault, MemoryRequest, Node, NodeFlags, NodeId, NodeReason, NodeShare, NumberOption,
    Origin, Outcome, Partition, PartitionState, PendingTasks, Phase, PreemptMode, Prologs,
    Registration, Script, Sharing, Step, StepNumber, TextOption, Timestamp, Uid, WaitReason,
};
use state::{Embedded, FORMAT_MAJOR, Sizes, Store};
use tempfile::TempDir;

fn sample(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/format-{format}"))
}

/// Makes the sample, with part of it in tables and part in the journal.
fn make(dir: &Path) {
    let sizes = Sizes { memtable: 1 << 10, cache: 1 << 20 };
    let store = Embedded::open_with(dir, sizes).unwrap();
    // What comes after this many bytes of scripts is in the journal alone, or in both.
    for turn in 0..40 {
        let script = Script { script: "x".repeat(turn), ..Script::default() };
        store.commit(&[Change::Script(JobId(99), Arc::new(script))]).unwrap();
    }
    store.commit(&[Change::JobGone(JobId(99))]).unwrap();
    store.commit(&content(FORMAT_MAJOR)).unwrap();
    store.commit(&[Change::Script(JobId(12), Arc::new(script()))]).unwrap();
    drop(store);
    // The journal loses the room that was set aside for more.
    drop(Embedded::open_with(dir, sizes).unwrap());
    fs::remove_file(dir.join("lock")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &place);
        } else {
            fs::copy(&path, place).unwrap();
        }
    }
}

#[test]
fn a_store_of_every_format_is_opened() {
    if env::var_os("UPDATE").is_some() {
        let dir = sample(FORMAT_MAJOR);
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        make(&dir);
    }
    for format in 1..=FORMAT_MAJOR {
        let dir = TempDir::new().unwrap();
        copy(&sample(format), dir.path());
        let store = Embedded::open(dir.path()).unwrap();
        let mut found = Vec::new();
        store.load(&mut |change| found.push(change)).unwrap();
        assert_eq!(found, content(format), "format {format}");
        assert_eq!(store.script(JobId(12)).unwrap(), Some(script()));
        assert_eq!(store.script(JobId(99)).unwrap(), None);
        // And it can be gone on with.
        store.commit(&[Change::JobGone(JobId(12))]).unwrap();
        drop(store);
        let store = Embedded::open(dir.path()).unwrap();
        let mut left = Vec::new();
        store.load(&mut |change| left.push(change)).unwrap();
        assert_eq!(left.len(), content(format).len() - 1);
        assert_eq!(store.script(JobId(12)).unwrap(), None);
    }
}

/// What the sample holds, in the order in which it is loaded. Where the model gains a field, it has
/// here what its absence means; nothing else may change once a format has shipped.
fn content(format: u32) -> Vec<Change> {
    let is_first = format == 1;
    let counters = Counters {
        next_job: 16,
        next_priority: 4_294_901_750,
        last_trigger: 0,
        last_reservation: 0,
    };
    let jobs =
        [Some(waiting_array()), Some(completing_job()), (!is_first).then(component_with_devices)];
    let jobs = jobs.into_iter().flatten().map(|job| Change::Job(Arc::new(job)));
    let crontab =
        Crontab { owner: Uid(1000), text: "@daily true\n".into(), disabled: vec![(1, 1)] };
    let mut changes = vec![
        Change::Counters(counters),
        Change::Node(Arc::new(node())),
        Change::Partition(Arc::new(partition())),
    ];
    changes.extend(jobs);
    changes.push(Change::Step(Arc::new(step())));
    changes.extend((!is_first).then(|| Change::Crontab(Arc::new(crontab))));
    changes
}

fn step() -> Step {
    Step {
        job: JobId(13),
        number: StepNumber::Batch,
        name: "batch".into(),
        nodes: vec![NodeId(3)],
        node_list: "n3".into(),
        tasks: 1,
        cpus: 2,
        started: Timestamp(1_700_000_100),
        protocol: 0x2a00,
        launch: None,
    }
}

fn script() -> Script {
    Script {
        script: format!("#!/bin/sh\n{}", "echo a line of some length\n".repeat(100)),
        environment: vec!["HOME=/home/ada".into(), "EMPTY=".into()],
        arguments: vec!["job.sh".into(), "-v".into()],
        spank_environment: vec!["SPANK=1".into()],
    }
}

fn spec() -> JobSpec {
    let mut carried = Carried::default();
    carried.set_text(TextOption::Account, Some("physics".into()));
    carried.set_text(TextOption::WorkDir, Some("/home/ada".into()));
    carried.set_number(NumberOption::MailType, Some(7));
    JobSpec {
        name: "sweep".into(),
        partitions: vec!["main".into(), "spare".into()],
        min_nodes: 1,
        max_nodes: Some(2),
        min_cpus: 2,
        max_cpus: Some(64),
        tasks: Some(2),
        cpus_per_task: Some(1),
        tasks_per_node: Some(2),
        tasks_per_socket: Some(1),
        tasks_per_core: Some(1),
        tasks_per_board: Some(2),
        sockets_per_node: Some(2),
        cores_per_socket: Some(4),
        threads_per_core: Some(1),
        min_cpus_per_node: 2,
        memory: Some(MemoryRequest::PerCpu(512)),
        tmp_disk_mib: 100,
        exclusive: Exclusive::User,
        share: true,
        overcommit: true,
        contiguous: true,
        core_spec: Some(1),
        required_nodes: Some("n3".into()),
        excluded_nodes: Some("n[7-9]".into()),
        features: Some("fast".into()),
        time_limit_min: Some(60),
        time_unlimited: false,
        time_min_min: Some(30),
        begin: Some(Timestamp(1_700_000_000)),
        deadline: Some(Timestamp(1_800_000_000)),
        dependencies: Dependencies {
            conditions: vec![Dependency {
                kind: DependencyKind::AfterOk,
                job: Some(JobId(11)),
                task: Some(3),
                delay_min: 5,
                state: DependencyState::Fulfilled,
            }],
            join: Join::Any,
        },
        licenses: vec![("matlab".into(), 2)],
        gres: vec![GresWish { per_node: 1, ..GresWish::of("gpu".into(), Some("a100".into())) }],
        nice: -100,
        fixed_priority: Some(9),
        requeue: true,
        kill_on_node_fail: true,
        immediate: true,
        warn_signal: 10,
        warn_time_s: 60,
        warn_flags: 1,
        submitted_by: Some(Uid::ROOT),
        carried,
    }
}

fn waiting_array() -> Job {
    Job {
        id: JobId(12),
        array: Some(ArrayRole {
            array_job: JobId(12),
            tasks: PendingTasks::Several([1, 2, 3, 9].into_iter().collect()),
            running_max: 2,
            size: 5,
        }),
        het: None,
        owner: Uid(1000),
        group: Gid(100),
        spec: Arc::new(spec()),
        partition: "main".into(),
        phase: Phase::Pending,
        prologs: None,
        hold: Hold::User,
        wait: WaitReason::ReqNodeNotAvail("n3".into()),
        state_text: Some("later".into()),
        priority: 0,
        allocation: None,
        outcome: None,
        submitted: Timestamp(1_700_000_000),
        eligible: Some(Timestamp(1_700_000_001)),
        begin: Some(Timestamp(1_700_000_002)),
        started: None,
        ended: None,
        suspended: None,
        ran_before_suspend_s: 0,
        last_evaluated: Some(Timestamp(1_700_000_003)),
        restarts: 0,
        time_limit_min: None,
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

fn completing_job() -> Job {
    let share = NodeShare {
        node: NodeId(3),
        cores: CoreSet::from_iter([0, 1, 70]),
        cpus: 3,
        memory_mib: 1024,
        tasks: 2,
        gres: vec![GresHeld::counted(GresCount {
            name: "gpu".into(),
            kind: Some("a100".into()),
            count: 1,
        })],
    };
    Job {
        id: JobId(13),
        array: None,
        het: None,
        phase: Phase::Completing(Completing {
            waiting_on: BTreeSet::from([NodeId(3)]),
            since: Timestamp(1_700_000_200),
            told: Timestamp(1_700_000_230),
            requeue: true,
            epilog: false,
        }),
        hold: Hold::None,
        wait: WaitReason::NonZeroExitCode,
        priority: 4_294_901_751,
        allocation: Some(Arc::new(Allocation {
            batch_at: 0,
            shares: vec![share],
            node_list: "n3".into(),
            exclusive: true,
            tasks: 2,
            licenses: vec![("matlab".into(), 2)],
            resized: None,
            reservation: None,
        })),
        outcome: Some(Outcome {
            exit: Exit::Cancelled { by: Uid(1001) },
            status: 15,
            derived_status: 256,
        }),
        started: Some(Timestamp(1_700_000_100)),
        ended: Some(Timestamp(1_700_000_200)),
        suspended: Some(Timestamp(1_700_000_150)),
        ran_before_suspend_s: 50,
        restarts: 3,
        time_limit_min: Some(60),
        failed_node: Some("n3".into()),
        next_step: 2,
        next_step_node: 0,
        warned: true,
        derived_status: 0,
        client_listens: false,
        launch_failures: 0,
        stopped: false,
        mailed_percent: 0,
        preempted: None,
        cron: None,
        ..waiting_array()
    }
}

/// What the second format brought: devices by number, a place among components, prologs.
fn component_with_devices() -> Job {
    let mut job =
        Job { id: JobId(14), phase: Phase::Running(Launch::Preparing), ..completing_job() };
    let mut allocation = Allocation::clone(job.allocation.as_deref().unwrap());
    allocation.shares[0].gres[0].devices = CoreSet::from_iter([3]);
    job.allocation = Some(Arc::new(allocation));
    job.het = HetRole::new([JobId(14), JobId(15)].into(), 0);
    job.prologs = Some(Box::new(Prologs {
        unasked: BTreeSet::new(),
        running: BTreeSet::from([NodeId(3)]),
        holds: true,
        since: Timestamp(1_700_000_100),
    }));
    job
}

fn node() -> Node {
    Node {
        id: NodeId(3),
        name: "n3".into(),
        address: Address {
            host: "10.1.0.3".into(),
            host_name: "host3".into(),
            port: 6818,
            seen: Some("10.1.0.3:6818".parse().unwrap()),
        },
        hardware: Hardware {
            boards: 1,
            sockets: 2,
            cores_per_socket: 64,
            threads_per_core: 2,
            cpus: 256,
            memory_mib: 512_000,
            tmp_disk_mib: 10_000,
            spec_cores: 1,
            spec_cpu_list: Some("0-1".into()),
            spec_memory_mib: 1000,
            gres: [GresCount { name: "gpu".into(), kind: Some("a100".into()), count: 4 }].into(),
            gres_text: Some("gpu:a100:4".into()),
            cpu_bind: 2,
        },
        availability: Availability::Up,
        flags: NodeFlags { drain: true, cloud: true, ..NodeFlags::default() },
        reason: Some(NodeReason {
            text: "disk".into(),
            by: Uid::ROOT,
            at: Timestamp(1_700_000_000),
        }),
        registration: Some(Arc::new(Registration {
            protocol: 0x2a00,
            version: "24.11.5".into(),
            booted: Timestamp(1_600_000_000),
            slurmd_started: Timestamp(1_600_000_100),
            arch: "x86_64".into(),
            os: "Linux 6.12".into(),
            cpus: 256,
            boards: 1,
            sockets: 2,
            cores_per_socket: 64,
            threads_per_core: 2,
            memory_mib: 515_000,
            tmp_disk_mib: 20_000,
            gres: Box::default(),
            parameters: None,
        })),
        last_response: None,
        last_busy: Some(Timestamp(1_700_000_050)),
        cpu_load: None,
        free_memory_mib: None,
        features_available: ["fast".into(), "big".into()].into(),
        features_active: ["fast".into()].into(),
        weight: 10,
        comment: Some("rack 4".into()),
        extra: Some("{}".into()),
        instance_id: Some("i-0123".into()),
        instance_type: Some("p4d".into()),
        origin: Origin::Dynamic,
        resume_after: Some(Timestamp(1_700_009_999)),
        power: None,
    }
}

fn partition() -> Partition {
    Partition {
        name: "main".into(),
        state: PartitionState::Drain,
        nodes: [NodeId(3)].into(),
        nodes_text: Some("n3".into()),
        node_sets: Some("ALL".into()),
        is_default: true,
        hidden: true,
        root_only: true,
        disable_root_jobs: true,
        exclusive_user: true,
        exclusive_topo: true,
        lln: true,
        req_resv: true,
        power_down_on_idle: true,
        allow_accounts: Some("a".into()),
        deny_accounts: Some("b".into()),
        allow_groups: Some("c".into()),
        allow_alloc_nodes: Some("d".into()),
        allow_qos: Some("e".into()),
        deny_qos: Some("f".into()),
        qos: Some("g".into()),
        alternate: Some("h".into()),
        default_time_min: Some(30),
        max_time_min: Some(1440),
        min_nodes: 1,
        max_nodes: Some(4),
        max_cpus_per_node: Some(200),
        max_cpus_per_socket: Some(100),
        def_memory: Some(MemoryDefault::PerCpu(100)),
        max_memory: Some(MemoryDefault::PerNode(100_000)),
        grace_time_s: 30,
        over_time_limit_min: Some(5),
        preempt_mode: Some(PreemptMode::SuspendGang),
        priority_job_factor: 2,
        priority_tier: 3,
        sharing: Sharing::Force(4),
        select_bits: 0x11,
        cpu_bind: 1,
        resume_timeout_s: Some(600),
        suspend_timeout_s: Some(30),
        suspend_time_s: Some(3600),
        billing_weights: Some("CPU=1.0".into()),
        job_defaults: Some("DefCpuPerGPU=4".into()),
        topology: Some("tree".into()),
    }
}
