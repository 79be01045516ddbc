//! What we send beside what stock controllers of four releases sent in the same situation.

use std::sync::Arc;

use ctld_core::{Event, LaunchResult, NodeMessage};
use model::{
    Allocation, ArrayRole, Change, Completing, CoreSet, Exit, GresCount, GresHeld, GresLine,
    GresUse, Job, JobId, Launch, MemoryRequest, Node, NodeShare, NumberOption, Outcome,
    PendingTasks, Phase, Registration, Script, StepNumber, TextOption, Timestamp,
};
use protocol::auth::{Credential, Issuer, KeySet, Signed, VersionedCredential};
use protocol::msg::{BatchJobLaunch, JobFlags, KillFlags, KillJob, LaunchProlog, SignalTasks};
use protocol::shape;
use protocol::wire::{from_bytes, to_bytes};
use protocol::{Errno, Number, Version};

use super::*;
use crate::rpc::fixtures;

const CONF: &str = "NodeName=n[1-3] Sockets=2 CoresPerSocket=4 RealMemory=8000 Weight=5 \
     Feature=fast,big Gres=widget:4,gpu:a100:4\nGresTypes=widget,gpu\nLicenses=fea:10\n\
     PartitionName=main Nodes=ALL Default=YES\nPartitionName=short Nodes=n[1-2] MaxTime=60\n";

/// The cluster of the captures with one job in it, and the job.
fn view_with(job: Job, version: Version) -> (View, Arc<Job>) {
    let core = fixtures::core(CONF);
    let mut changes: Vec<Change> = core
        .cluster()
        .nodes()
        .map(|node| {
            let gres = [GresLine {
                name: "gpu".into(),
                kind: Some("a100".into()),
                count: 4,
                cores: None,
                used: GresUse::Device,
            }];
            let registered = fixtures::registered(version);
            let registration = Some(Arc::new(Registration { gres: gres.into(), ..registered }));
            Change::Node(Arc::new(Node { registration, ..Node::clone(node) }))
        })
        .collect();
    let job = Arc::new(job);
    changes.push(Change::Job(Arc::clone(&job)));
    (fixtures::view(CONF, &changes), job)
}

fn signed<T>(now: shape::Timestamp, then: impl FnOnce(&Signer<'_>) -> T) -> T {
    let keys = KeySet::from_key_file(&[7; 32]).unwrap();
    let issuer = Issuer {
        host: "vm".to_owned(),
        cluster: Some("golden".to_owned()),
        uid: 0,
        gid: 0,
        slurmd_uid: 0,
        ttl_s: 60,
    };
    then(&Signer { keys: &keys, issuer: &issuer, now })
}

/// A credential without the unique id of its job, which another cluster makes up anew.
fn forget_sluid(mut credential: Credential) -> Credential {
    credential.step_id.sluid = 0;
    credential
}

/// Wherever stock has a unique id, we have one.
#[track_caller]
fn assert_as_unique(ours: StepId, stock: StepId) {
    assert!(ours.sluid != 0 || stock.sluid == 0, "{ours:?} for {stock:?}");
}

fn strip_environment(launch: &BatchJobLaunch) -> Vec<String> {
    const OURS: [&str; 4] = [
        "SLURM_JOB_NAME=",
        "SLURM_JOB_OVERSUBSCRIBE=",
        "SLURM_JOB_EXCLUSIVE=",
        "SLURM_TASKS_PER_NODE=",
    ];
    let entries = launch.environment.0.iter().flatten();
    entries.filter(|entry| !OURS.iter().any(|name| entry.starts_with(name))).cloned().collect()
}

/// The captured jobs as the controller had them, by what their scripts do.
fn job_of(launch: &BatchJobLaunch, proof: &Credential) -> Job {
    let script = launch.script.as_deref().unwrap();
    let mut job = fixtures::job(proof.step_id.job_id);
    let mut spec = model::JobSpec::clone(&job.spec);
    let mut text = |option, text: &str| spec.carried.set_text(option, Some(text.into()));
    text(TextOption::WorkDir, "/");
    text(TextOption::StdIn, "/dev/null");
    text(TextOption::StdOut, "/dev/null");
    spec.carried.set_number(NumberOption::Bitflags, Some(JobFlags::NTASKS_SET.0));
    spec.tasks = Some(1);
    let (mut cpus, mut cores, mut memory, mut gres) = (1, CoreSet::first(1), 8000, vec![]);
    let mut licenses = vec![];
    if script.contains("echo hello") {
        spec.name = "a1".into();
        let out = launch.std_out.as_deref().unwrap();
        spec.carried.set_text(TextOption::StdOut, Some(out.into()));
        spec.tasks = Some(2);
        spec.memory = Some(MemoryRequest::PerNode(100));
        (cpus, cores, memory) = (2, CoreSet::from_iter([0, 4]), 100);
        job.time_limit_min = Some(10);
    } else if script.contains("sleep 3") && !script.contains("sleep 30") {
        spec.name = "arr".into();
        spec.features = Some("fast".into());
        spec.carried.set_text(TextOption::Comment, Some("note".into()));
        licenses = vec![("fea".into(), 2)];
        gres = vec![GresHeld::counted(GresCount { name: "widget".into(), kind: None, count: 1 })];
        // Which core is free depends on what else ran there.
        cores = proof.job_cores.0.as_ref().unwrap().members().collect();
        let index = launch.array_task_id.value().unwrap();
        job.array = Some(ArrayRole {
            array_job: JobId(2),
            tasks: PendingTasks::One(index),
            running_max: 2,
            size: 4,
        });
    } else if script.contains("sleep 100") {
        spec.name = "longish".into();
    } else {
        spec.name = "dep".into();
    }
    job.spec = Arc::new(spec);
    job.started = Some(Timestamp(proof.job_start_time.0));
    job.ended = job.time_limit_min.and(Some(Timestamp(proof.job_end_time.0)));
    job.phase = Phase::Running(Launch::Sending { since: Timestamp(proof.job_start_time.0) });
    let node_list: Arc<str> = launch.nodes.as_deref().unwrap().into();
    let place: u32 = node_list[1..].parse().unwrap();
    let tasks = cpus;
    let share =
        NodeShare { node: model::NodeId(place - 1), cores, cpus, memory_mib: memory, tasks, gres };
    job.allocation = Some(Arc::new(Allocation {
        batch_at: 0,
        shares: vec![share],
        node_list,
        exclusive: false,
        tasks,
        licenses,
        resized: None,
        reservation: None,
    }));
    job
}

#[test]
fn a_batch_launch_is_what_stock_sends_in_each_release() {
    let mut compared = 0;
    for frame in fixtures::captured(Number::REQUEST_BATCH_JOB_LAUNCH) {
        let version = frame.header.version;
        let stock: BatchJobLaunch = from_bytes(&frame.body, version).unwrap();
        let stock_proof = stock.credential.body(version).unwrap();
        let unique = stock_proof.step_id;
        let stock_proof = forget_sluid(stock_proof);
        let (view, job) = view_with(job_of(&stock, &stock_proof), version);
        let script = Script {
            script: stock.script.clone().unwrap(),
            environment: strip_environment(&stock),
            ..Script::default()
        };
        let node = view.cluster.node_named(&job.allocation.as_ref().unwrap().node_list).unwrap();
        let message = NodeMessage::LaunchBatch { job: Arc::clone(&job) };
        let made = signed(stock_proof.ctime, |signer| {
            super::message(&view, node, &message, Some(script.clone()), signer).unwrap()
        });
        assert_eq!((made.number, made.version), (Number::REQUEST_BATCH_JOB_LAUNCH, version));
        let ours: BatchJobLaunch = from_bytes(&made.body, version).unwrap();
        assert_eq!(ours.credential.version.0, version.to_wire());
        let our_proof = ours.credential.body(version).unwrap();
        assert_as_unique(our_proof.step_id, unique);
        let our_proof = forget_sluid(our_proof);
        // The script of a dependent job had the text of the dependency in its environment already.
        let plain = |launch: BatchJobLaunch| BatchJobLaunch {
            credential: VersionedCredential::default(),
            environment: sorted(&launch).into(),
            ..launch
        };
        assert_eq!(plain(ours), plain(stock), "{version}");
        assert_eq!(
            Credential { id: stock_proof.id.clone(), ..our_proof },
            stock_proof,
            "{version}"
        );
        compared += 1;
    }
    assert!(compared >= 20, "only {compared} launches are captured");
}

/// 23.11 set the job's name in sbatch, so its place differs.
fn sorted(launch: &BatchJobLaunch) -> Vec<Option<String>> {
    let mut entries = launch.environment.0.clone();
    entries.sort();
    entries
}

#[test]
fn the_end_of_a_job_is_told_as_stock_does_in_each_release() {
    let mut compared = 0;
    for frame in fixtures::captured(Number::REQUEST_TERMINATE_JOB) {
        let version = frame.header.version;
        let stock: KillJob = from_bytes(&frame.body, version).unwrap();
        let proof = forget_sluid(stock.credential.as_ref().unwrap().body(version).unwrap());
        let mut job = ended(&stock, &proof);
        if job.allocation.as_ref().unwrap().shares.iter().any(|share| !share.gres.is_empty()) {
            let mut spec = model::JobSpec::clone(&job.spec);
            spec.carried
                .set_text(TextOption::LicensesText, proof.job_licenses.as_deref().map(Arc::from));
            job.spec = Arc::new(spec);
        }
        let (view, job) = view_with(job, version);
        let host = job.allocation.as_ref().unwrap().batch_host();
        let message = NodeMessage::Terminate { job };
        let made = signed(stock.time, |signer| {
            super::message(&view, view.cluster.node(host).unwrap(), &message, None, signer).unwrap()
        });
        let ours: KillJob = from_bytes(&made.body, version).unwrap();
        let our_proof = ours.credential.as_ref().unwrap().body(version).unwrap();
        assert_as_unique(ours.step_id, stock.step_id);
        assert_eq!(our_proof.step_id.sluid, ours.step_id.sluid);
        let our_proof = forget_sluid(our_proof);
        let plain = |kill: KillJob| {
            let mut plain = KillJob { credential: None, ..kill };
            plain.step_id.sluid = 0;
            plain
        };
        assert_eq!(plain(ours), plain(stock), "{version}");
        assert_eq!(Credential { id: proof.id.clone(), ..our_proof }, proof, "{version}");
        compared += 1;
    }
    assert!(compared >= 30, "only {compared} ends are captured");
}

/// The job that a captured end is about.
fn ended(stock: &KillJob, proof: &Credential) -> Job {
    let mut job = fixtures::job(stock.step_id.job_id);
    let mut spec = model::JobSpec::clone(&job.spec);
    let mut text = |option, text: &Option<String>| {
        spec.carried.set_text(option, text.as_deref().map(Arc::from));
    };
    text(TextOption::WorkDir, &stock.work_dir);
    text(TextOption::StdIn, &proof.job_std_in);
    text(TextOption::StdOut, &proof.job_std_out);
    text(TextOption::Comment, &proof.job_comment);
    spec.features = proof.job_constraints.as_deref().map(Arc::from);
    job.spec = Arc::new(spec);
    let exit = match stock.job_state & 0xff {
        3 => Exit::Completed,
        4 => Exit::Cancelled { by: model::Uid::ROOT },
        _ => Exit::Failed,
    };
    job.outcome = Some(Outcome { exit, status: stock.exit_code, derived_status: stock.derived_ec });
    job.started = Some(Timestamp(stock.start_time.0));
    job.ended = Some(Timestamp(proof.job_end_time.0));
    let shares = shares(stock.nodes.as_deref().unwrap(), proof);
    let waiting_on = shares.iter().map(|share| share.node).collect();
    let at = Timestamp(stock.time.0);
    job.phase = Phase::Completing(Completing {
        waiting_on,
        since: at,
        told: at,
        requeue: false,
        epilog: false,
    });
    job.allocation = Some(Arc::new(Allocation {
        batch_at: 0,
        shares,
        node_list: stock.nodes.as_deref().unwrap().into(),
        exclusive: false,
        tasks: proof.job_ntasks,
        licenses: Vec::new(),
        resized: None,
        reservation: None,
    }));
    job
}

/// What the job held, from the credential: the numbering of cores is what is under test.
fn shares(nodes: &str, proof: &Credential) -> Vec<NodeShare> {
    let names = protocol::Hostlist::parse(nodes).unwrap().names();
    let all: Vec<u32> = proof.job_cores.0.as_ref().unwrap().members().collect();
    let gres = &proof.job_gres.0;
    let share = |(place, name): (usize, &String)| {
        let first = u32::try_from(place).unwrap() * 8;
        let node: u32 = name[1..].parse().unwrap();
        let count = |g: &protocol::msg::GresJob| g.allocated.job.counts.as_ref().unwrap()[place];
        NodeShare {
            node: model::NodeId(node - 1),
            cores: all
                .iter()
                .filter(|c| (first..first + 8).contains(c))
                .map(|c| c - first)
                .collect(),
            cpus: proof.cpus.at(u32::try_from(place).unwrap()).unwrap().into(),
            memory_mib: 1,
            tasks: 1,
            gres: gres
                .iter()
                .map(|g| GresCount { name: "widget".into(), kind: None, count: count(g) })
                .map(GresHeld::counted)
                .collect(),
        }
    };
    names.iter().enumerate().map(share).collect()
}

fn two_node_job() -> Job {
    let mut job = fixtures::job(9);
    let share = |node, tasks| NodeShare {
        node: model::NodeId(node),
        cores: CoreSet::from_iter([1, 5]),
        cpus: 2,
        memory_mib: 300,
        tasks,
        gres: vec![GresHeld {
            name: "gpu".into(),
            kind: Some("a100".into()),
            count: 2,
            devices: CoreSet::from_iter([node, 3]),
            parts: Vec::new(),
            endless: false,
        }],
    };
    job.allocation = Some(Arc::new(Allocation {
        batch_at: 0,
        shares: vec![share(0, 2), share(1, 1)],
        node_list: "n[1-2]".into(),
        exclusive: false,
        tasks: 3,
        licenses: vec![("fea".into(), 2), ("x".into(), 1)],
        resized: None,
        reservation: None,
    }));
    job.phase = Phase::Running(Launch::Done);
    job.started = Some(Timestamp(50));
    job
}

/// slurmd reads the first value of the batch step's memory without a look at how many there are.
#[test]
fn memory_that_nobody_counts_is_a_zero_in_the_credential_and_not_left_out() {
    for version in [Version::OLDEST, Version::NEWEST] {
        let mut job = two_node_job();
        let allocation = job.allocation.as_mut().unwrap();
        for share in &mut Arc::get_mut(allocation).unwrap().shares {
            share.memory_mib = 0;
        }
        let (view, job) = view_with(job, version);
        let message = NodeMessage::LaunchProlog { job };
        let made = signed(shape::Timestamp(60), |signer| {
            super::message(&view, view.cluster.node_named("n2").unwrap(), &message, None, signer)
        });
        let launch: LaunchProlog = from_bytes(&made.unwrap().body, version).unwrap();
        let proof = launch.credential.body(version).unwrap();
        assert_eq!(proof.job_mem_alloc.iter().collect::<Vec<_>>(), [0, 0]);
    }
}

#[test]
fn a_prolog_launch_has_a_credential_for_all_nodes() {
    for version in [Version::OLDEST, Version::NEWEST] {
        let (view, job) = view_with(two_node_job(), version);
        let message = NodeMessage::LaunchProlog { job };
        let made = signed(shape::Timestamp(60), |signer| {
            super::message(&view, view.cluster.node_named("n2").unwrap(), &message, None, signer)
        });
        let launch: LaunchProlog = from_bytes(&made.unwrap().body, version).unwrap();
        assert_eq!(launch.nodes.as_deref(), Some("n[1-2]"));
        let proof = launch.credential.body(version).unwrap();
        assert_eq!(proof.step_id.step_id, protocol::msg::StepId::EXTERN);
        assert_eq!(proof.step_hostlist.as_deref(), Some("n[1-2]"));
        assert_eq!(proof.job_mem_alloc.iter().collect::<Vec<_>>(), [300, 300]);
        let cores: Vec<u32> = proof.job_cores.0.as_ref().unwrap().members().collect();
        assert_eq!(cores, [1, 5, 9, 13]);
        assert_eq!(proof.job_licenses.as_deref(), Some("fea:2,x:1"));
        assert_eq!(proof.job_gres.0[0].total, 4);
        let told = launch.job_gres_prep.0.unwrap();
        assert_eq!(told[0].allocated.counts, None);
        let devices = told[0].allocated.devices.as_deref().unwrap();
        let devices: Vec<Vec<u32>> =
            devices.iter().map(|d| d.as_ref().unwrap().members().collect()).collect();
        assert_eq!(devices, [[0, 3], [1, 3]]);
    }
}

#[test]
fn a_signal_without_a_step_spares_the_script_unless_it_is_meant() {
    let (view, _) = view_with(two_node_job(), Version::V24_11);
    let node = view.cluster.node_named("n1").unwrap();
    let sent = |step, flags| -> SignalTasks {
        let message = NodeMessage::Signal { job: JobId(9), step, signal: 10, flags };
        let made = signed(shape::Timestamp(60), |signer| {
            super::message(&view, node, &message, None, signer).unwrap()
        });
        from_bytes(&made.body, Version::V24_11).unwrap()
    };
    let plain = sent(None, 0);
    assert_eq!((plain.flags, plain.step_id.step_id), (KillFlags::STEPS_ONLY.0, 40_001));
    assert_eq!(sent(None, KillFlags::FULL_JOB.0).flags, KillFlags::FULL_JOB.0);
    let step = sent(Some(StepNumber::Normal(3)), 0);
    assert_eq!((step.flags, step.step_id.step_id, step.signal), (0, 3, 10));
}

/// A node tells two runs of a job apart by it, so one message with another id, or a step of which it
/// knows one and hears none, would be of no job that it has.
#[test]
fn all_that_nodes_hear_of_a_job_carries_the_same_unique_id() {
    let version = Version::V26_05;
    let (view, job) = view_with(two_node_job(), version);
    let node = view.cluster.node_named("n1").unwrap();
    let id = job.id;
    let made = |message: NodeMessage| {
        let script = Some(Script::default());
        let made = signed(shape::Timestamp(60), |signer| {
            super::message(&view, node, &message, script, signer).unwrap()
        });
        made.body
    };
    let of_kill = |message| from_bytes::<KillJob>(&made(message), version).unwrap().step_id;
    let of_signal = |step| {
        let message = NodeMessage::Signal { job: id, step, signal: 10, flags: 0 };
        from_bytes::<SignalTasks>(&made(message), version).unwrap().step_id
    };
    let prolog = made(NodeMessage::LaunchProlog { job: Arc::clone(&job) });
    let prolog: LaunchProlog = from_bytes(&prolog, version).unwrap();
    let batch = made(NodeMessage::LaunchBatch { job: Arc::clone(&job) });
    let batch: BatchJobLaunch = from_bytes(&batch, version).unwrap();
    let suspend = made(NodeMessage::Suspend { job: id, resume: false });
    let suspend: SuspendOnNode = from_bytes(&suspend, version).unwrap();
    let notify = made(NodeMessage::Notify { job: id, text: "hello".into() });
    let notify: msg::NotifyRequest = from_bytes(&notify, version).unwrap();
    let step = StepNumber::Normal(3);
    let all = [
        prolog.credential.body(version).unwrap().step_id,
        batch.credential.body(version).unwrap().step_id,
        of_kill(NodeMessage::Terminate { job: Arc::clone(&job) }),
        of_kill(NodeMessage::KillTimeLimit { job: Arc::clone(&job) }),
        of_kill(NodeMessage::StepTimeLimit { job: Arc::clone(&job), step }),
        of_signal(None),
        of_signal(Some(step)),
        suspend.step_id.0,
        notify.step_id,
    ];
    let expected = sluid::of(&view, &job);
    assert_ne!(expected, 0);
    for told in all {
        assert_eq!((told.job_id, told.sluid), (id.0, expected), "{told:?}");
    }
    let unknown = of_kill(NodeMessage::Abort { job: JobId(77), step: None });
    assert_eq!(unknown, StepId::job(77));
}

#[test]
fn a_node_is_spoken_to_in_the_release_that_it_registered_with() {
    let (view, _) = view_with(two_node_job(), Version::V25_05);
    let node = view.cluster.node_named("n1").unwrap();
    assert_eq!(version(node), Version::V25_05);
    let with = |registration| Node { registration, ..Node::clone(node) };
    assert_eq!(version(&with(None)), Version::V24_11);
    let newer = Registration { protocol: 0x2e00, ..fixtures::registered(Version::NEWEST) };
    assert_eq!(version(&with(Some(Arc::new(newer)))), Version::NEWEST);
}

/// SLURM_NODE_IS_HEALTHY of its HealthCheckProgram.
#[test]
fn a_node_is_told_that_it_is_out_of_service_where_the_cluster_says_so() {
    let conf = format!("{CONF}SlurmctldParameters=health_check_report\n");
    for (conf, version, told) in [
        (&*conf, Version::V26_05, true),
        (&*conf, Version::V25_11, false),
        (CONF, Version::V26_05, false),
    ] {
        let view = fixtures::view(conf, &[]);
        for drain in [false, true] {
            let mut node = Node::clone(view.cluster.node_named("n1").unwrap());
            node.registration = Some(Arc::new(fixtures::registered(version)));
            node.flags.drain = drain;
            let made = signed(shape::Timestamp(60), |signer| {
                super::message(&view, &node, &NodeMessage::HealthCheck, None, signer).unwrap()
            });
            if told {
                assert_eq!(made.number, Number::REQUEST_NODE_HEALTH_CHECK);
                let health: NodeHealth = from_bytes(&made.body, version).unwrap();
                assert_eq!(health.healthy, !drain);
            } else {
                assert_eq!((made.number, made.body.len()), (Number::REQUEST_HEALTH_CHECK, 0));
            }
        }
    }
}

/// Between them, slurmds of all six releases read one of the two.
#[test]
fn a_node_of_unknown_release_is_asked_to_register_in_two() {
    let view = fixtures::view(CONF, &[]);
    let node = view.cluster.node_named("n1").unwrap();
    let first = signed(shape::Timestamp(60), |signer| {
        super::message(&view, node, &NodeMessage::Register, None, signer).unwrap()
    });
    let second = register_older();
    assert_eq!((first.number, first.version), (second.number, Version::V24_11));
    assert_eq!((second.version, &*second.body, second.answered), (Version::V23_11, &[][..], true));
}

#[test]
fn a_job_without_nodes_has_nothing_to_be_launched() {
    let (view, job) = view_with(fixtures::job(9), Version::V24_11);
    let node = view.cluster.node_named("n1").unwrap();
    let script = Script::default();
    let message = NodeMessage::LaunchBatch { job };
    let made = signed(shape::Timestamp(60), |signer| {
        super::message(&view, node, &message, Some(script.clone()), signer)
    });
    assert_eq!(made, None);
}

fn answer(message: &NodeMessage, code: Errno) -> Option<Event> {
    let (view, _) = view_with(two_node_job(), Version::V24_11);
    let node = view.cluster.node_named("n2").unwrap();
    let body = to_bytes(&msg::ReturnCode { code }, Version::V24_11);
    outcome(node, message, Number::RESPONSE_SLURM_RC, Version::V24_11, &body).event
}

#[test]
fn answers_to_a_batch_launch_say_whose_fault_it_is() {
    let message = NodeMessage::LaunchBatch { job: Arc::new(two_node_job()) };
    let result = |code| match answer(&message, code) {
        Some(Event::BatchLaunched { job: JobId(9), restarts: 0, result }) => result,
        other => panic!("{other:?}"),
    };
    assert_eq!(result(Errno::SLURM_SUCCESS), LaunchResult::Delivered);
    assert_eq!(result(Errno::ESLURM_DUPLICATE_JOB_ID), LaunchResult::Delivered);
    assert_eq!(
        result(Errno::ESLURMD_PROLOG_FAILED),
        LaunchResult::Refused { code: 4022, node_at_fault: true }
    );
    assert_eq!(
        result(Errno::ESLURMD_INVALID_JOB_CREDENTIAL),
        LaunchResult::Refused { code: 4004, node_at_fault: false }
    );
    assert!(matches!(
        unanswered(&message),
        Some(Event::BatchLaunched { result: LaunchResult::NoAnswer, .. })
    ));
}

#[test]
fn a_node_that_has_nothing_left_of_a_job_is_done_with_it() {
    let message = NodeMessage::Terminate { job: Arc::new(two_node_job()) };
    let event = answer(&message, Errno::ESLURMD_KILL_JOB_ALREADY_COMPLETE);
    assert!(
        matches!(event, Some(Event::NothingLeft { job: JobId(9), node: model::NodeId(1) })),
        "{event:?}"
    );
    assert!(answer(&message, Errno::SLURM_SUCCESS).is_none());
    assert!(unanswered(&message).is_none());
}

#[test]
fn a_ping_tells_the_load_and_rubbish_tells_nothing() {
    let (view, _) = view_with(two_node_job(), Version::V26_05);
    let node = view.cluster.node_named("n1").unwrap();
    let frame = &fixtures::captured(Number::RESPONSE_PING_SLURMD)[0];
    let (number, version) = (frame.header.number, frame.header.version);
    let sent = outcome(node, &NodeMessage::Ping, number, version, &frame.body);
    assert!(sent.load.is_some() && sent.event.is_none());
    let launch = NodeMessage::LaunchBatch { job: Arc::new(two_node_job()) };
    assert!(outcome(node, &launch, Number::RESPONSE_SLURM_RC, version, &[1]).event.is_none());
}

#[test]
fn a_token_is_a_credential_for_slurmd_alone() {
    let (view, job) = view_with(two_node_job(), Version::V24_11);
    let proof = credential_of(&view, &job);
    let signed = signed(shape::Timestamp(60), |signer| signer.sign(&proof, Version::V24_11));
    assert!(matches!(&signed, Signed::Token(token) if token.starts_with("eyJ")));
    assert_eq!(signed.body(Version::V24_11).unwrap(), proof);
}

fn credential_of(view: &View, job: &Job) -> Credential {
    crate::rpc::credential::of_job(view, job, 0, Version::V24_11, Timestamp(60)).unwrap()
}
