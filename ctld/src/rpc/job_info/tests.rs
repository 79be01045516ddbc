use model::{
    Allocation, ArrayRole, Change, Dependencies, Dependency, DependencyKind, Exit, Gid, GresCount,
    GresHeld, GresWish, Hold, IndexSet, JobSpec, NodeId, NodeShare, NumberOption, Outcome,
    PendingTasks, Phase, TextOption, Timestamp, WaitReason,
};
use protocol::msg::{JobInfo, JobInfoResponse};
use protocol::shape::NullOr;
use protocol::wire::from_bytes;

use ctld_core::Caller;

use super::*;
use crate::rpc::fixtures::{self, NOW};

fn answer(view: &View, read: super::super::Read, request: &Request<'_>) -> JobInfoResponse {
    let reply = read(view, request).unwrap();
    assert_eq!(reply.number, Number::RESPONSE_JOB_INFO);
    from_bytes(&reply.whole(), request.version).unwrap()
}

fn all(view: &View, version: Version, now: i64, show_flags: ShowFlags) -> JobInfoResponse {
    let asked = JobInfoRequest { show_flags, ..JobInfoRequest::default() };
    let body = fixtures::bytes(&asked, version);
    let mut request = fixtures::request(Number::REQUEST_JOB_INFO, version, &body);
    request.now = Timestamp(now);
    answer(view, jobs, &request)
}

fn at(time: shape::Timestamp) -> Option<Timestamp> {
    Some(Timestamp(time.0)).filter(|time| time.0 > 0)
}

/// What the captures submitted, by name: sbatch and its options stand in their transcripts.
fn spec_of(name: &str, spec: &mut JobSpec) {
    spec.requeue = true;
    match name {
        "a1" => {
            (spec.tasks, spec.min_cpus, spec.max_nodes) = (Some(2), 2, Some(1));
            spec.memory = Some(model::MemoryRequest::PerNode(100));
        }
        "arr" => {
            spec.tasks = Some(1);
            spec.licenses = vec![("fea".into(), 2)];
            spec.features = Some("fast".into());
            spec.gres = vec![GresWish { per_node: 1, ..GresWish::of("widget".into(), None) }];
        }
        "dep" => {
            (spec.tasks, spec.nice) = (Some(1), 10);
            let condition = Dependency {
                kind: DependencyKind::AfterOk,
                job: Some(JobId(1)),
                task: None,
                delay_min: 0,
                state: model::DependencyState::Unfulfilled,
            };
            let conditions = vec![condition];
            spec.dependencies = Dependencies { conditions, ..Dependencies::default() };
        }
        "held" => {
            (spec.tasks, spec.min_nodes, spec.max_nodes) = (Some(6), 3, Some(3));
            (spec.min_cpus, spec.cpus_per_task, spec.tasks_per_node) = (12, Some(2), Some(2));
            spec.threads_per_core = Some(1);
            spec.exclusive = model::Exclusive::Node;
        }
        other => panic!("the captures have no job {other}"),
    }
}

/// A waiting job of the captures: what was asked for by hand, ids, times and what clients filled in
/// from the stock record.
fn waiting(stock: &JobInfo) -> Job {
    let mut job = fixtures::job(stock.step_id.job_id);
    let name = stock.name.clone().unwrap();
    let mut spec = JobSpec { name: name.as_str().into(), ..(*job.spec).clone() };
    spec_of(&name, &mut spec);
    // 26.05 fills in a maximum where none was given.
    spec.max_nodes = Some(stock.max_nodes).filter(|nodes| *nodes > 0);
    let texts = [
        (TextOption::AllocNode, &stock.alloc_node),
        (TextOption::Comment, &stock.comment),
        (TextOption::MailUser, &stock.mail_user),
        (TextOption::StdIn, &stock.std_in),
        (TextOption::StdOut, &stock.std_out),
        (TextOption::SubmitLine, &stock.submit_line),
        (TextOption::TresPerNode, &stock.tres_per_node),
        (TextOption::TresPerTask, &stock.tres_per_task),
        (TextOption::WorkDir, &stock.work_dir),
    ];
    for (option, text) in texts {
        spec.carried.set_text(option, text.as_deref().map(Arc::from));
    }
    spec.carried.set_number(NumberOption::Bitflags, Some(stock.bitflags.0));
    spec.carried.set_number(NumberOption::MailType, Some(stock.mail_type.0.into()));
    spec.carried.set_number(NumberOption::AllocSid, Some(stock.alloc_sid.into()));
    job.spec = Arc::new(spec);
    job.priority = stock.priority;
    job.time_limit_min = (name == "a1").then_some(10);
    job.submitted = Timestamp(stock.submit_time.0);
    job.protocol = stock.start_protocol_ver.0;
    (job.eligible, job.last_evaluated) = (at(stock.eligible_time), at(stock.last_sched_eval));
    if name == "arr" {
        job.array = Some(ArrayRole {
            array_job: job.id,
            tasks: PendingTasks::Several((1..=4).collect::<IndexSet>()),
            running_max: 2,
            size: 4,
        });
    }
    if name == "dep" {
        job.begin = at(stock.eligible_time);
        job.wait = WaitReason::Dependency;
    }
    if name == "held" {
        (job.hold, job.wait) = (Hold::User, WaitReason::HeldUser);
    }
    job
}

#[test]
fn waiting_jobs_are_told_of_as_stock_controllers_tell() {
    let mut compared = 0;
    for frame in fixtures::captured(Number::RESPONSE_JOB_INFO) {
        let version = frame.header.version;
        let stock: JobInfoResponse = from_bytes(&frame.body, version).unwrap();
        let mut view = fixtures::golden();
        let is_waiting = |info: &JobInfo| info.job_state.0 == 0;
        if stock.jobs.len() != 4 || !stock.jobs.iter().all(is_waiting) {
            continue;
        }
        for info in &stock.jobs {
            view.cluster.apply(&Change::Job(Arc::new(waiting(info))));
        }
        let flags = stock.jobs[0].show_flags;
        let ours = all(&view, version, stock.last_update.0, flags);
        for (stock, ours) in stock.jobs.iter().zip(&ours.jobs) {
            let mut stock = stock.clone();
            stock.step_id.sluid = ours.step_id.sluid;
            // slurmctld counts the age only once a job was met without a reason to wait.
            stock.accrue_time = ours.accrue_time;
            fixtures::assert_same(&stock, ours, version);
            compared += 1;
        }
        assert_eq!(ours.last_update, stock.last_update);
        assert_eq!(ours.jobs.len(), stock.jobs.len());
    }
    assert!(compared >= 4 * 15, "{compared} records");
}

fn place(job: &mut Job, nodes: &[u32]) {
    let share = |node: &u32| NodeShare {
        node: NodeId(*node),
        cores: model::CoreSet::first(2),
        cpus: 2,
        memory_mib: 2048,
        tasks: 1,
        gres: vec![GresHeld::counted(GresCount { name: "widget".into(), kind: None, count: 1 })],
    };
    let shares: Vec<NodeShare> = nodes.iter().map(share).collect();
    let list = format!("n[{}-{}]", nodes[0] + 1, nodes[nodes.len() - 1] + 1);
    job.allocation = Some(Arc::new(Allocation {
        batch_at: 0,
        shares,
        node_list: list.into(),
        exclusive: false,
        tasks: 2,
        licenses: vec![("fea".into(), 2)],
        resized: None,
        reservation: None,
    }));
}

/// One running on n1 and n2 since a minute, one being cleaned up on n2, one over.
fn busy() -> View {
    let mut view = fixtures::golden();
    let begun = Timestamp(NOW.0 - 60);
    for id in 1..=3 {
        let mut job = fixtures::job(id);
        job.owner = Uid(1000 + id);
        job.group = Gid(1000);
        job.started = Some(begun);
        place(&mut job, &[0, 1]);
        job.phase = match id {
            1 => Phase::Running(model::Launch::Done),
            2 => Phase::Completing(model::Completing {
                waiting_on: [NodeId(1)].into(),
                since: NOW,
                told: NOW,
                requeue: false,
                epilog: false,
            }),
            _ => Phase::Ended,
        };
        if id > 1 {
            job.ended = Some(NOW);
            let exit = if id == 2 { Exit::Timeout } else { Exit::Completed };
            job.outcome = Some(Outcome { exit, status: 15, derived_status: 256 });
        }
        view.cluster.apply(&Change::Job(Arc::new(job)));
    }
    view
}

#[test]
fn flags_tell_where_a_job_stands() {
    let mut view = busy();
    for id in 1..=4 {
        let mut job = fixtures::job(id);
        if let Some(known) = view.cluster.job(JobId(id)) {
            job = Job::clone(known);
        }
        let spec = Arc::make_mut(&mut job.spec);
        (spec.tasks, spec.max_nodes) = (Some(2), None);
        job.batch = id != 2;
        view.cluster.apply(&Change::Job(Arc::new(job)));
    }
    let ran = JobFlags::WAS_RUNNING;
    let counted = JobFlags::TRES_STR_CALC;
    let implied = JobFlags::IMPLICIT_MAX_NODES;
    for (version, implied) in [
        (Version::V25_11, JobFlags::default()),
        (Version::V26_05, JobFlags::default().with(implied)),
    ] {
        let reply = all(&view, version, NOW.0, ShowFlags::ALL);
        let flags: Vec<JobFlags> = reply.jobs.iter().map(|job| job.bitflags).collect();
        // Running; an allocation that is cleaned up; a batch job that is over; one that waits.
        let expected = [implied.with(ran), implied, implied.with(counted), implied];
        assert_eq!(flags, expected, "{version:?}");
    }
}

#[test]
fn what_jobs_hold_is_told_while_they_run_and_end() {
    let view = busy();
    for version in [Version::OLDEST, Version::NEWEST] {
        let reply = all(&view, version, NOW.0, ShowFlags::ALL);
        let [running, ending, over] = &reply.jobs[..] else { panic!("three jobs") };
        assert_eq!((running.num_cpus, running.num_nodes, running.max_nodes), (4, 2, 0));
        assert_eq!(running.nodes.as_deref(), Some("n[1-2]"));
        assert_eq!(running.batch_host.as_deref(), Some("n1"));
        assert_eq!(running.tres_alloc_str.as_deref(), Some("cpu=4,mem=4G,node=2,billing=4"));
        assert_eq!(running.billable_tres.get(), 4.0);
        assert_eq!(running.gres_total.as_deref(), Some("widget:2"));
        assert_eq!(running.end_time.0, NOW.0 - 60 + 365 * 24 * 3600);
        assert_eq!((ending.num_cpus, ending.num_nodes), (2, 1));
        assert_eq!(ending.nodes.as_deref(), Some("n2"));
        assert_eq!(ending.node_bitmap.as_ref().map(ToString::to_string).as_deref(), Some("0x2"));
        assert_eq!(ending.job_state.to_string(), "TIMEOUT+0x8000");
        assert_eq!(ending.state_reason.to_string(), "TimeLimit");
        assert_eq!((over.exit_code, over.derived_ec), (15, 256));
        assert_eq!((over.start_time.0, over.end_time.0), (NOW.0 - 60, NOW.0));
        assert_eq!(running.resources, None);
    }
}

#[test]
fn details_are_told_on_demand() {
    let view = busy();
    for version in Version::ALL {
        let reply = all(&view, version, NOW.0, ShowFlags::ALL | ShowFlags::DETAIL);
        let resources = reply.jobs[0].resources.as_ref().unwrap();
        assert_eq!((resources.node_count, resources.cpu_count), (2, 4));
        assert_eq!((&resources.cpu_values, &resources.cpu_repeats), (&vec![2], &vec![2]));
        assert_eq!(resources.sockets_per_node, [2]);
        assert_eq!(resources.core_bitmap.as_ref().unwrap().to_string(), "0x0303");
        assert_eq!(resources.memory_allocated, [2048, 2048]);
        let detail = Some("widget(CNT:1)".to_owned());
        assert_eq!(reply.jobs[0].gres_detail, [detail.clone(), detail]);
        assert!(reply.jobs[2].gres_detail.is_empty());
    }
}

#[test]
fn a_record_is_made_anew_when_what_it_shows_changes() {
    let mut view = busy();
    let version = Version::NEWEST;
    let limits = |view: &View, now| -> Vec<_> {
        all(view, version, now, ShowFlags::ALL).jobs.iter().map(|job| job.time_limit).collect()
    };
    let mut job = fixtures::job(9);
    job.started = Some(NOW.plus_s(100));
    view.cluster.apply(&Change::Job(Arc::new(job)));
    assert_eq!(limits(&view, NOW.0)[3], protocol::shape::Limit::Infinite);
    let start = |view: &View, now| all(view, version, now, ShowFlags::ALL).jobs[3].start_time.0;
    assert_eq!(start(&view, NOW.0), NOW.0 + 100);
    assert_eq!(start(&view, NOW.0 + 200), NOW.0 + 200);
    let mut partition = (**view.cluster.partition("main").unwrap()).clone();
    partition.max_time_min = Some(30);
    let (change, old) = (Change::Partition(Arc::new(partition)), view.cluster.clone());
    view.changed.note(&change, NOW, &old);
    view.cluster.apply(&change);
    assert_eq!(limits(&view, NOW.0)[3], protocol::shape::Limit::Value(30));
    let flags = |flags| all(&view, Version::OLDEST, NOW.0, flags).jobs[3].show_flags;
    assert_eq!(flags(ShowFlags::ALL), ShowFlags::ALL);
    assert_eq!(flags(ShowFlags::LOCAL), ShowFlags::LOCAL);
}

#[test]
fn an_array_is_told_with_all_its_tasks() {
    let mut view = fixtures::golden();
    let role = |tasks| ArrayRole { array_job: JobId(5), tasks, running_max: 0, size: 4 };
    let mut rest = fixtures::job(5);
    rest.array = Some(role(PendingTasks::Several([0, 3].into_iter().collect())));
    let mut task = fixtures::job(6);
    task.array = Some(role(PendingTasks::One(1)));
    for job in [rest, task, fixtures::job(7)] {
        view.cluster.apply(&Change::Job(Arc::new(job)));
    }
    for version in Version::ALL {
        let ask = |id: u32| {
            let asked = JobQuery { job: id.into(), ..JobQuery::default() };
            let body = fixtures::bytes(&asked, version);
            let request = fixtures::request(Number::REQUEST_JOB_INFO_SINGLE, version, &body);
            one_job(&view, &request).map(|reply| {
                let reply: JobInfoResponse = from_bytes(&reply.whole(), version).unwrap();
                reply.jobs.iter().map(|job| job.step_id.job_id).collect::<Vec<_>>()
            })
        };
        assert_eq!(ask(5).unwrap(), [5, 6]);
        assert_eq!(ask(6).unwrap(), [6]);
        assert_eq!(ask(7).unwrap(), [7]);
        assert_eq!(ask(8), Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID)));
        let reply = all(&view, version, NOW.0, ShowFlags::ALL);
        assert_eq!(reply.jobs[0].array_task_str.as_deref(), Some("0x9"));
        assert_eq!(reply.jobs[1].array_task_id.value(), Some(1));
    }
}

#[test]
fn private_jobs_are_their_owners_and_hidden_partitions_are_not_shown() {
    let text = "NodeName=n[1-3]\nPrivateData=jobs\nPartitionName=main Nodes=n1 Hidden=YES\n";
    let mut view = fixtures::view(text, &[]);
    for id in 1..=2 {
        let mut job = fixtures::job(id);
        job.owner = Uid(1000 + id);
        view.cluster.apply(&Change::Job(Arc::new(job)));
    }
    let seen = |caller: u32, show_flags: ShowFlags, job_ids: Option<Vec<u32>>| {
        let asked = JobInfoRequest { show_flags, job_ids: NullOr(job_ids), ..Default::default() };
        let body = fixtures::bytes(&asked, Version::NEWEST);
        let mut request = fixtures::request(Number::REQUEST_JOB_INFO, Version::NEWEST, &body);
        request.caller = Caller { uid: Uid(caller), gid: Gid(caller) };
        let reply = answer(&view, jobs, &request);
        reply.jobs.iter().map(|job| job.step_id.job_id).collect::<Vec<_>>()
    };
    assert_eq!(seen(0, ShowFlags::NONE, None), [1, 2]);
    assert_eq!(seen(1002, ShowFlags::ALL, None), [2]);
    assert!(seen(1002, ShowFlags::NONE, None).is_empty());
    assert_eq!(seen(0, ShowFlags::ALL, Some(vec![2, 77])), [2]);
}

#[test]
fn private_jobs_are_shown_to_those_who_could_have_their_label() {
    let text = "NodeName=n1\nPrivateData=jobs\nPartitionName=main Nodes=n1\n";
    let seen = |mcs: &str, label: Option<&str>| {
        let mut view = fixtures::view(&format!("{text}{mcs}"), &[]);
        let mut job = fixtures::job(1);
        let label = label.map(Into::into);
        Arc::make_mut(&mut job.spec).carried.set_text(TextOption::McsLabel, label);
        view.cluster.apply(&Change::Job(Arc::new(job)));
        let asked = JobInfoRequest { show_flags: ShowFlags::ALL, ..Default::default() };
        let body = fixtures::bytes(&asked, Version::NEWEST);
        let mut request = fixtures::request(Number::REQUEST_JOB_INFO, Version::NEWEST, &body);
        // Every machine knows this user.
        request.caller = Caller { uid: Uid(65534), gid: Gid(65534) };
        !answer(&view, jobs, &request).jobs.is_empty()
    };
    assert!(!seen("", None));
    let user = "MCSPlugin=mcs/user\nMCSParameters=privatedata\n";
    assert!(seen(user, None) && seen(user, Some("nobody")) && !seen(user, Some("root")));
    assert!(!seen("MCSPlugin=mcs/user\n", Some("nobody")));
    let group = "MCSPlugin=mcs/group\nMCSParameters=privatedata:root\n";
    assert!(seen(group, Some("65534")) && !seen(group, Some("root")));
    let any = "MCSPlugin=mcs/label\nMCSParameters=privatedata\n";
    assert!(seen(any, Some("x")));
}

/// More of a user's jobs than are encoded one by one: they come out of the table of all jobs, each as
/// it is now, and only those that the caller may see.
#[test]
fn many_jobs_of_a_user_are_told_as_a_few_are() {
    const MANY: u32 = 3 * LONG as u32;
    let mut view = fixtures::golden();
    let put = |view: &mut View, id: u32, owner: u32, priority: u32| {
        let mut job = fixtures::job(id);
        (job.owner, job.priority) = (Uid(owner), priority);
        let (change, old) = (Change::Job(Arc::new(job)), view.cluster.clone());
        view.cluster.apply(&change);
        view.changed.note(&change, NOW, &old);
        view.altered.note(&[change]);
    };
    (1..=MANY).for_each(|id| put(&mut view, id, 1000 + id % 2, 7));
    let ask = |view: &View, caller: u32, owner: u32, show_flags: ShowFlags| {
        let body = JobUserQuery { user_id: owner, show_flags };
        let body = fixtures::bytes(&body, Version::NEWEST);
        let mut request = fixtures::request(Number::REQUEST_JOB_USER_INFO, Version::NEWEST, &body);
        request.caller = Caller { uid: Uid(caller), gid: Gid(caller) };
        answer(view, jobs_of_user, &request).jobs
    };
    let of_1001 = ask(&view, 1000, 1001, ShowFlags::ALL);
    assert_eq!(of_1001.len(), 3 * LONG / 2);
    assert_eq!(of_1001, ask(&view, 1000, 1001, ShowFlags::default()));
    put(&mut view, 5, 1001, 8);
    put(&mut view, MANY + 1, 1001, 9);
    let of_1001 = ask(&view, 1000, 1001, ShowFlags::ALL);
    let priorities: Vec<u32> = of_1001.iter().map(|job| job.priority).collect();
    assert_eq!((priorities[1], priorities[2], priorities.len()), (7, 8, 3 * LONG / 2 + 1));
    assert_eq!(priorities.last(), Some(&9));

    let mut config = (**view.cluster.config()).clone();
    config.private.jobs = true;
    view.cluster.apply(&Change::Config(Arc::new(config)));
    assert_eq!(ask(&view, 1001, 1001, ShowFlags::ALL).len(), 3 * LONG / 2 + 1);
    assert_eq!(ask(&view, 1000, 1001, ShowFlags::ALL), []);
}
