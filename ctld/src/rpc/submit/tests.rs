//! Captured descriptions of stock clients become the jobs that they meant, and refusals are stock's.

use std::sync::Arc;

use ctld_core::{Caller, Core, Event, NewJob};
use model::{
    Allocation, Change, CoreSet, Dependencies, DependencyKind, Exclusive, Gid, GresWish, Hold, Job,
    JobId, Launch, MemoryRequest, Node, NodeId, NodeShare, NumberOption, Phase, TextOption,
    Timestamp, Uid,
};
use protocol::frame::Frame;
use protocol::msg::{
    JobDesc, KillFlags, MailTypes, ReturnCodeMessage, SubmitResponse, WillRunResponse,
};
use protocol::shape::Limit;
use protocol::wire::from_bytes;
use protocol::{Errno, Number, Version};

use super::super::{Kind, Reply, failed, fixtures, row};
use crate::rpc::Failure;
use crate::view::View;

const CONF: &str = "NodeName=n[1-3] CPUs=4 RealMemory=1000 Features=fast Gres=widget:4\n\
    GresTypes=widget\nLicenses=fea:4\n\
    PartitionName=main Nodes=n[1-3] Default=YES DefaultTime=60 MaxTime=600\n\
    PartitionName=short Nodes=n1 MaxTime=10\n";

const SUBMIT: Number = Number::REQUEST_SUBMIT_BATCH_JOB;

/// The first captured submission of a name in each release.
fn captured(name: &str) -> Vec<(Version, Frame)> {
    let mut found: Vec<(Version, Frame)> = Vec::new();
    for frame in fixtures::captured(SUBMIT) {
        let version = frame.header.version;
        let desc: JobDesc = from_bytes(&frame.body, version).unwrap();
        let new = found.iter().all(|(known, _)| *known != version);
        if new && desc.name.as_deref() == Some(name) {
            found.push((version, frame));
        }
    }
    assert_eq!(found.len(), 4, "all four captured releases have {name}");
    found
}

fn made(view: &View, number: Number, version: Version, body: &[u8]) -> Result<Event, Failure> {
    let Kind::Write(write, _) = row(number).unwrap().kind else { panic!("{number} is a write") };
    write(view, &fixtures::request(number, version, body))
}

fn new_job(view: &View, version: Version, body: &[u8]) -> NewJob {
    match made(view, SUBMIT, version, body) {
        Ok(Event::Submit(new)) => *new,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plain_job_is_what_its_command_line_says() {
    // sbatch -J a1 -p main -N1 -n2 --mem=100 -t 10 -o /tmp/cap-….out --wrap …
    let view = fixtures::view(CONF, &[]);
    for (version, frame) in captured("a1") {
        let new = new_job(&view, version, &frame.body);
        let spec = &new.spec;
        assert_eq!(&*spec.partitions, ["main".into()]);
        assert_eq!((spec.min_nodes, spec.max_nodes), (1, Some(1)));
        assert_eq!((spec.tasks, spec.min_cpus, spec.cpus_per_task), (Some(2), 2, None));
        assert_eq!(spec.memory, Some(MemoryRequest::PerNode(100)));
        assert_eq!((spec.time_limit_min, spec.time_unlimited), (Some(10), false));
        assert_eq!((new.owner, new.group, new.hold), (Uid(0), Gid(0), Hold::None));
        assert!(spec.requeue && spec.kill_on_node_fail && !spec.immediate);
        assert_eq!((new.protocol, spec.exclusive), (version.to_wire(), Exclusive::Unset));
        let text = |option| spec.carried.text(option).map(|text| &**text);
        assert_eq!(text(TextOption::WorkDir), Some("/"));
        assert_eq!(text(TextOption::StdIn), Some("/dev/null"));
        assert!(text(TextOption::StdOut).unwrap().starts_with("/tmp/cap-"));
        assert_eq!(text(TextOption::AllocNode), Some("login"));
        assert_eq!(text(TextOption::UserName), Some("root"));
        let script = new.script.as_ref().unwrap();
        assert!(script.script.ends_with("echo hello; srun hostname; sleep 2\n"));
        assert!(script.environment.iter().any(|one| one.starts_with("SLURM_")));
        assert_eq!(new.feasible, Ok(()));
    }
}

#[test]
fn an_array_has_its_tasks_and_what_they_share() {
    // sbatch -J arr --array=1-4%2 -n1 -C fast -L fea:2 --gres=widget:1 --comment=note
    //   --mail-type=END --export=ALL,FOO=bar
    let view = fixtures::view(CONF, &[]);
    for (version, frame) in captured("arr") {
        let new = new_job(&view, version, &frame.body);
        let array = new.array.as_ref().unwrap();
        assert_eq!((array.tasks.ranges(), array.running_max), (&[(1, 4)][..], 2));
        assert_eq!(new.spec.features.as_deref(), Some("fast"));
        assert_eq!(new.spec.licenses, [("fea".into(), 2)]);
        let wish = GresWish { per_node: 1, ..GresWish::of("widget".into(), None) };
        assert_eq!(new.spec.gres, [wish]);
        let carried = &new.spec.carried;
        assert_eq!(carried.text(TextOption::Comment).map(|text| &**text), Some("note"));
        let mail = u64::from(MailTypes::END.0);
        assert_eq!(carried.number(NumberOption::MailType), Some(mail));
        let environment = &new.script.as_ref().unwrap().environment;
        for expected in [
            "SLURM_ARRAY_TASK_COUNT=4",
            "SLURM_ARRAY_TASK_MIN=1",
            "SLURM_ARRAY_TASK_MAX=4",
            "SLURM_ARRAY_TASK_STEP=1",
            "FOO=bar",
        ] {
            assert!(environment.iter().any(|one| one == expected), "{expected}");
        }
    }
}

#[test]
fn a_dependent_job_waits_begins_later_steps_back_and_is_warned() {
    // sbatch -J dep -d afterok:1 --begin=now+1 --nice=10 --requeue --signal=B:USR1@10
    let view = fixtures::view(CONF, &[]);
    for (version, frame) in captured("dep") {
        let spec = new_job(&view, version, &frame.body).spec;
        let Dependencies { conditions, .. } = &spec.dependencies;
        let condition = (conditions[0].kind, conditions[0].job);
        assert_eq!(condition, (DependencyKind::AfterOk, Some(JobId(1))));
        assert!(spec.begin.is_some_and(|begin| begin > Timestamp(1_700_000_000)));
        assert_eq!((spec.nice, spec.requeue), (10, true));
        assert_eq!((spec.warn_signal, spec.warn_time_s, spec.warn_flags), (10, 10, 1));
    }
}

#[test]
fn generic_resources_are_counted_by_node_task_socket_or_job() {
    let view = fixtures::view(CONF, &[]);
    for (version, frame) in captured("a1") {
        let desc: JobDesc = from_bytes(&frame.body, version).unwrap();
        let gres = |edit: &dyn Fn(&mut JobDesc)| {
            let mut desc = desc.clone();
            (desc.min_nodes, desc.max_nodes) = (Limit::Value(2), Limit::Value(2));
            desc.num_tasks = Limit::Value(4);
            edit(&mut desc);
            let new = new_job(&view, version, &fixtures::bytes(&desc, version));
            let told = |w: &GresWish| [w.per_job, w.per_node, w.per_socket, w.per_task];
            new.spec.gres.iter().map(told).collect::<Vec<_>>()
        };
        let three = || Some("gres/widget:3".to_owned());
        assert_eq!(gres(&|desc| desc.tres_per_node = three()), [[0, 3, 0, 0]]);
        assert_eq!(gres(&|desc| desc.tres_per_job = three()), [[3, 0, 0, 0]]);
        assert_eq!(gres(&|desc| desc.tres_per_task = three()), [[0, 0, 0, 3]]);
        let per_socket = |desc: &mut JobDesc| {
            (desc.tres_per_socket, desc.sockets_per_node) = (three(), Limit::Value(1));
        };
        assert_eq!(gres(&per_socket), [[0, 0, 3, 0]]);
    }
}

#[test]
fn a_warning_before_preemption_is_refused_where_there_is_none() {
    for (version, frame) in captured("dep") {
        let mut desc: JobDesc = from_bytes(&frame.body, version).unwrap();
        desc.warn_flags = KillFlags::JOB_RESV;
        let body = fixtures::bytes(&desc, version);
        let answered = made(&fixtures::view(CONF, &[]), SUBMIT, version, &body);
        match version < Version::V24_11 {
            true => assert!(answered.is_ok(), "{version} knows no such refusal"),
            false => {
                let refused = answered.unwrap_err();
                assert_eq!(refused, Failure::Code(Errno::ESLURM_PREEMPTION_REQUIRED));
            }
        }
        let other = fixtures::view(
            &format!("PreemptMode=REQUEUE\nPreemptType=preempt/partition_prio\n{CONF}"),
            &[],
        );
        assert!(made(&other, SUBMIT, version, &body).is_ok());
    }
}

#[test]
fn a_held_job_is_held_by_its_owner_and_its_submitter_is_told() {
    // sbatch -J held -H -N3 --exclusive --ntasks-per-node=2 --cpus-per-task=2 --hint=nomultithread
    for (version, frame) in captured("held") {
        let mut core = fixtures::core(CONF);
        let view = fixtures::view_of(CONF, core.cluster().clone());
        let new = new_job(&view, version, &frame.body);
        assert_eq!((new.hold, new.spec.exclusive), (Hold::User, Exclusive::Node));
        let spec = &new.spec;
        assert_eq!((spec.min_nodes, spec.max_nodes, spec.tasks), (3, Some(3), Some(6)));
        assert_eq!((spec.cpus_per_task, spec.tasks_per_node), (Some(2), Some(2)));
        assert_eq!((spec.min_cpus, spec.min_cpus_per_node), (12, 4));
        assert_eq!(spec.threads_per_core, Some(1));
        let reply: SubmitResponse = submitted(&mut core, version, &frame.body);
        assert_eq!(reply.code, Errno::ESLURM_JOB_HELD, "as the captured reply says");
        assert_eq!(reply.step.0.job_id, 1);
    }
}

fn submitted(core: &mut Core, version: Version, body: &[u8]) -> SubmitResponse {
    let view = fixtures::view_of(CONF, core.cluster().clone());
    let event = made(&view, SUBMIT, version, body).unwrap();
    let answer = core.turn(fixtures::NOW, event).answer.unwrap();
    let Kind::Write(_, answered) = row(SUBMIT).unwrap().kind else { panic!("a write") };
    let view = fixtures::view_of(CONF, core.cluster().clone());
    let reply: Reply = answered(&view, &fixtures::request(SUBMIT, version, body), answer);
    assert_eq!(reply.number, Number::RESPONSE_SUBMIT_BATCH_JOB);
    from_bytes(&reply.body, version).unwrap()
}

#[test]
fn a_job_in_a_partition_that_is_not_there_is_refused_with_its_name() {
    let view = fixtures::view(CONF, &[]);
    let nosuch = fixtures::captured(SUBMIT).into_iter().find(|frame| {
        let desc: JobDesc = from_bytes(&frame.body, frame.header.version).unwrap();
        desc.partition.as_deref() == Some("nosuch")
    });
    let frame = nosuch.unwrap();
    let version = frame.header.version;
    let failure = made(&view, SUBMIT, version, &frame.body).unwrap_err();
    let reply = failed(&fixtures::request(SUBMIT, version, &frame.body), &failure).unwrap();
    let body: ReturnCodeMessage = from_bytes(&reply.body, version).unwrap();
    assert_eq!(body.code, Errno::ESLURM_INVALID_PARTITION_NAME);
    assert_eq!(body.message.as_deref(), Some("invalid partition specified: nosuch"));
}

#[test]
fn test_only_says_when_and_where() {
    let view = fixtures::view(CONF, &[]);
    let mut seen = 0;
    for frame in fixtures::captured(Number::REQUEST_JOB_WILL_RUN) {
        let version = frame.header.version;
        let request = fixtures::request(Number::REQUEST_JOB_WILL_RUN, version, &frame.body);
        let Kind::Read(read) = row(request.number).unwrap().kind else { panic!("a read") };
        let reply = read(&up(&view), &request).unwrap();
        let body: WillRunResponse = from_bytes(&reply.body, version).unwrap();
        assert_eq!((body.job.job_id(), body.start_time.0), (1, fixtures::NOW.0));
        assert_eq!((body.node_list.as_deref(), body.cpu_count), (Some("n1"), 2));
        assert_eq!(body.partition.as_deref(), Some("main"));
        seen += 1;
    }
    assert_eq!(seen, 4);
}

/// The same cluster with all nodes in service.
fn up(view: &View) -> View {
    let mut cluster = view.cluster.clone();
    let nodes: Vec<_> = cluster.nodes().cloned().collect();
    for node in nodes {
        let mut node = model::Node::clone(&node);
        node.availability = model::Availability::Up;
        cluster.apply(&model::Change::Node(Arc::new(node)));
    }
    fixtures::view_of(CONF, cluster)
}

/// A description that is accepted as it stands.
fn good() -> JobDesc {
    JobDesc {
        script: Some("#!/bin/sh\n".into()),
        environment: vec!["PATH=/bin".into()],
        work_dir: Some("/".into()),
        user_id: 99,
        group_id: 99,
        ..JobDesc::default()
    }
}

#[test]
fn what_stock_refuses_is_refused_with_its_number() {
    type Edit = fn(&mut JobDesc);
    let cases: &[(Errno, Edit)] = &[
        (Errno::ESLURM_JOB_SCRIPT_MISSING, |d| d.script = None),
        (Errno::ESLURM_JOB_SCRIPT_MISSING, |d| d.script = Some(String::new())),
        (Errno::ESLURM_PATHNAME_TOO_LONG, |d| d.script = Some("x".repeat((4 << 20) + 1))),
        (Errno::ESLURM_PATHNAME_TOO_LONG, |d| d.comment = Some("x".repeat(1025))),
        (Errno::ESLURM_ENVIRONMENT_MISSING, |d| d.environment.clear()),
        (Errno::ESLURM_MISSING_WORK_DIR, |d| d.work_dir = None),
        (Errno::ESLURM_X11_NOT_AVAIL, |d| d.x11 = 1),
        (Errno::ESLURM_INVALID_ARRAY, |d| d.array_inx = Some("1-2000".into())),
        (Errno::ESLURM_INVALID_ARRAY, |d| d.array_inx = Some("x".into())),
        (Errno::ESLURM_DEPENDENCY, |d| d.dependency = Some("sometimes:1".into())),
        (Errno::ESLURM_INVALID_LICENSES, |d| d.licenses = Some("fea:x".into())),
        (Errno::ESLURM_INVALID_GRES, |d| d.tres_per_node = Some("gres/gpu:1".into())),
        (Errno::ESLURM_INVALID_NODE_NAME, |d| d.req_nodes = Some("n9".into())),
        (Errno::ESLURM_INVALID_NODE_COUNT, |d| d.min_nodes = Limit::Value(0)),
        (Errno::ESLURM_INVALID_NODE_COUNT, |d| {
            (d.min_nodes, d.max_nodes) = (Limit::Value(3), Limit::Value(2));
        }),
        (Errno::ESLURM_BAD_TASK_COUNT, |d| {
            (d.min_nodes, d.num_tasks) = (Limit::Value(3), Limit::Value(2));
        }),
        (Errno::ESLURM_INVALID_WCKEY, |d| d.wckey = Some("*".into())),
        (Errno::ESLURM_INVALID_NODE_NAME, |d| {
            (d.req_nodes, d.exc_nodes) = (Some("n1".into()), Some("n[1-2]".into()));
        }),
    ];
    let view = fixtures::view(CONF, &[]);
    for version in [Version::OLDEST, Version::NEWEST] {
        for (place, (code, edit)) in cases.iter().enumerate() {
            let mut desc = good();
            edit(&mut desc);
            let failure = made(&view, SUBMIT, version, &fixtures::bytes(&desc, version));
            assert_eq!(failure.unwrap_err(), Failure::Code(*code), "case {place} in {version}");
        }
        assert!(made(&view, SUBMIT, version, &fixtures::bytes(&good(), version)).is_ok());
    }
}

#[test]
fn only_administrators_submit_for_others_or_before_others() {
    let view = fixtures::view(CONF, &[]);
    let version = Version::NEWEST;
    let by_user = |edit: fn(&mut JobDesc)| {
        let mut desc = good();
        edit(&mut desc);
        let body = fixtures::bytes(&desc, version);
        let mut request = fixtures::request(SUBMIT, version, &body);
        request.caller = Caller { uid: Uid(1000), gid: Gid(1000) };
        let Kind::Write(write, _) = row(SUBMIT).unwrap().kind else { panic!("a write") };
        write(&view, &request)
    };
    let code = |edit| by_user(edit).unwrap_err();
    assert_eq!(code(|d| d.user_id = 1001), Failure::Code(Errno::ESLURM_USER_ID_MISSING));
    assert_eq!(code(|d| d.group_id = 5), Failure::Code(Errno::ESLURM_GROUP_ID_MISSING));
    let negative = |d: &mut JobDesc| d.nice = protocol::msg::Nice::new(-1);
    assert_eq!(code(negative), Failure::Code(Errno::ESLURM_INVALID_NICE));
    assert!(matches!(
        code(|d| d.reboot = Limit::Value(1)),
        Failure::CodeWithText(Errno::ESLURM_ACCESS_DENIED, _)
    ));
    let Ok(Event::Submit(new)) = by_user(|d| d.priority = Limit::Value(7)) else { panic!("taken") };
    assert_eq!((new.spec.fixed_priority, new.owner), (None, Uid(1000)));

    let mut desc = good();
    (desc.user_id, desc.group_id, desc.priority) = (1000, 1000, Limit::Value(7));
    let new = new_job(&view, version, &fixtures::bytes(&desc, version));
    assert_eq!((new.owner, new.group), (Uid(1000), Gid(1000)));
    assert_eq!((new.spec.fixed_priority, new.spec.submitted_by), (Some(7), Some(Uid(0))));
}

/// A node too small stays so; a partition may grow.
#[test]
fn a_job_that_no_nodes_could_serve_is_refused_and_one_that_there_are_too_few_for_is_not() {
    let view = fixtures::view(CONF, &[]);
    let feasible = |edit: fn(&mut JobDesc)| {
        let mut desc = good();
        edit(&mut desc);
        let new = new_job(&view, Version::NEWEST, &fixtures::bytes(&desc, Version::NEWEST));
        new.feasible.as_ref().map_err(crate::rpc::errno).copied()
    };
    let too_small = feasible(|desc| desc.pn_min_cpus = Limit::Value(9999));
    assert_eq!(too_small, Err(Errno::ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE));
    let too_few = feasible(|desc| {
        (desc.min_nodes, desc.max_nodes) = (Limit::Value(99), Limit::Value(99));
    });
    assert_eq!(too_few, Ok(()));
}

#[test]
fn no_bytes_are_too_odd() {
    let view = fixtures::view(CONF, &[]);
    for (version, frame) in captured("arr") {
        for end in (0..frame.body.len()).step_by(7) {
            let failure = made(&view, SUBMIT, version, &frame.body[..end]).unwrap_err();
            assert!(matches!(failure, Failure::Malformed(_)), "{end}");
        }
    }
}

#[test]
fn steps_are_to_be_asked_for_in_a_release_that_client_and_nodes_speak() {
    for (client, slurmd, common) in [
        (Version::V25_11, Version::V26_05, Version::V25_11),
        (Version::V26_05, Version::V25_11, Version::V25_11),
    ] {
        let mut view = fixtures::view(CONF, &[]);
        let node = view.cluster.node(NodeId(0)).unwrap();
        let registration = Some(Arc::new(fixtures::registered(slurmd)));
        let node = Node { registration, ..Node::clone(node) };
        let share = NodeShare {
            node: node.id,
            cores: CoreSet::default(),
            cpus: 1,
            memory_mib: 0,
            tasks: 1,
            gres: Vec::new(),
        };
        let allocation = Allocation {
            batch_at: 0,
            shares: vec![share],
            node_list: Arc::clone(&node.name),
            exclusive: false,
            tasks: 1,
            licenses: Vec::new(),
            resized: None,
            reservation: None,
        };
        view.cluster.apply(&Change::Node(Arc::new(node)));
        let job = Job {
            phase: Phase::Running(Launch::Done),
            prologs: None,
            allocation: Some(Arc::new(allocation)),
            // Whoever submitted it.
            protocol: Version::V23_11.to_wire(),
            ..fixtures::job(7)
        };
        let client_version = client.to_wire();
        let told = super::reply::allocation_of(&view, &job, client_version, Errno::SLURM_SUCCESS);
        assert_eq!(told.start_protocol_ver, common.into(), "{client} on {slurmd}");
    }
}

#[test]
fn cpus_and_memory_that_come_with_a_gpu_by_default_are_not_asked_for() {
    let gpus = CONF.replace("GresTypes=widget", "GresTypes=widget,gpu");
    assert_ne!(gpus, CONF);
    let view = fixtures::view(&(gpus + "DefCpuPerGPU=2\nDefMemPerGPU=50\n"), &[]);
    let (version, frame) = captured("a1").into_iter().next().unwrap();
    let mut desc: JobDesc = from_bytes(&frame.body, version).unwrap();
    (desc.tres_per_node, desc.cpus_per_task) = (Some("gres/gpu:2".into()), Limit::Unset);
    let made = |desc: &JobDesc| new_job(&view, version, &fixtures::bytes(desc, version)).spec;
    let by_default = made(&desc);
    let wish = &by_default.gres[0];
    assert_eq!((wish.cpus_each, wish.memory_each_mib), (2, 50));
    let shown = by_default.carried.text(TextOption::CpusPerTres).map(|text| &**text);
    assert_eq!(shown, Some("gpu:2"));
    desc.cpus_per_tres = Some("gres/gpu:3".into());
    let asked = made(&desc);
    assert_eq!((asked.gres[0].cpus_each, asked.min_cpus), (3, 6));
    assert!(by_default.min_cpus < 6);
    desc.tres_per_node = None;
    let refused = super::spec::spec(&view, &desc, (1000, 1000), true);
    assert!(refused.is_err(), "CPUs for GPUs that are not asked for");
}
