//! Steps, as `squeue --steps` and `scontrol show step` are told of them.

use model::{
    CpuFrequency, GresHeld, Job, JobId, Phase, Step, StepLaunch, StepNumber, StepTexts, TextOption,
    Timestamp, Tres,
};
use protocol::msg::{
    ContainerQuery, ContainerSteps, JobState, StepId, StepInfo, StepInfoRequest, StepInfoResponse,
};
use protocol::shape::{self, Limit, NullOr, Sentinel};
use protocol::{Errno, Number, RawVersion};

use super::field::{node_set, text, time, unless_known};
use super::job_query::allocated_job;
use super::node_message::{step_id, step_number};
use super::tres;
use super::visible::Sight;
use super::{Failure, Reply, Request, Row, sluid, step_create};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::read(Number::REQUEST_JOB_STEP_INFO, steps),
    Row::read(Number::REQUEST_STEP_LAYOUT, step_layout),
    Row::read(Number::REQUEST_STEP_BY_CONTAINER_ID, by_container),
];

/// The steps of all jobs, of one, or one step.
fn steps(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: StepInfoRequest = request.decode()?;
    unless_known(asked.last_update, view.changed.jobs.max(view.changed.steps))?;
    let sight = Sight::of_jobs(view, request, asked.show_flags);
    let cluster = &view.cluster;
    let wanted = sluid::meant(view, request.version, asked.step_id);
    let wanted = Some(wanted).filter(|id| id.0 != u32::NO_VAL);
    let number = Some(asked.step_id.step_id).filter(|number| *number != u32::NO_VAL);
    let is_wanted = |job: JobId, array: JobId| wanted.is_none_or(|id| job == id || array == id);
    let of_steps = |step: &Step| {
        let job = cluster.job(step.job)?;
        let is_wanted = is_wanted(job.id, job.array_job())
            && number.is_none_or(|number| step_id(job.id.0, step.number).step_id == number);
        (is_wanted && sight.job(job)).then(|| step_info(view, job, step, request))
    };
    let mut found: Vec<&Step> = match wanted {
        None => cluster.steps().map(|step| &**step).collect(),
        Some(id) => {
            let own = cluster.job(id);
            let tasks = cluster.array_records(id).filter(|job| job.id != id);
            let jobs = own.into_iter().chain(tasks);
            jobs.flat_map(|job| cluster.steps_of(job.id)).map(|step| &**step).collect()
        }
    };
    found.sort_by_key(|step| (step.job, age(step.number)));
    let is_known = wanted
        .is_none_or(|id| cluster.job(id).is_some() || cluster.array_records(id).next().is_some());
    // A cluster without jobs has no steps, whatever is asked for.
    if !is_known && cluster.job_records() > 0 {
        return Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID));
    }
    let body = StepInfoResponse {
        last_update: shape::Timestamp(request.now.0),
        steps: found.into_iter().filter_map(of_steps).collect(),
        stepmgr_jobs: NullOr(None),
    };
    Ok(request.reply(Number::RESPONSE_JOB_STEP_INFO, &body))
}

/// Steps stand in the order in which a job gets them.
fn age(step: StepNumber) -> u8 {
    match step {
        StepNumber::Extern => 0,
        StepNumber::Batch => 1,
        StepNumber::Interactive => 2,
        StepNumber::Normal(_) | StepNumber::Component { .. } => 3,
    }
}

fn step_info(view: &View, job: &Job, step: &Step, request: &Request<'_>) -> StepInfo {
    // The script's step stands for the job's own resources and counts none itself.
    let is_batch = step.number == StepNumber::Batch;
    let of_script = |option| text(job.spec.carried.text(option)).filter(|_| is_batch);
    let launch = step.launch.as_deref();
    let frequency = |of: fn(&CpuFrequency) -> Option<u32>| match step.number {
        StepNumber::Normal(_) | StepNumber::Component { .. } | StepNumber::Interactive => {
            let asked = launch.and_then(|launch| of(&launch.cpu_frequency));
            asked.map_or(Limit::Unset, Limit::from_raw)
        }
        StepNumber::Batch | StepNumber::Extern => Limit::Value(0),
    };
    let client = launch.and_then(|launch| launch.client.as_ref());
    let said = |option: fn(&StepTexts) -> &Option<std::sync::Arc<str>>| {
        launch.and_then(|launch| text(option(&launch.texts).as_ref()))
    };
    StepInfo {
        array_job_id: job.array.as_ref().map_or(0, |role| role.array_job.0),
        array_task_id: Limit::from_option(job.task_index()),
        step_id: sluid::step(view, job, step.number),
        user_id: job.owner.0,
        num_cpus: if is_batch { 0 } else { step.cpus },
        cpu_freq_min: frequency(|asked| asked.min),
        cpu_freq_max: frequency(|asked| asked.max),
        cpu_freq_gov: frequency(|asked| asked.governor),
        num_tasks: step.tasks,
        task_dist: launch.map_or(0, |launch| launch.distribution),
        time_limit: launch
            .and_then(|launch| launch.time_limit_min)
            .map_or(Limit::Infinite, Limit::Value),
        srun_pid: client.map_or(0, |client| client.pid),
        srun_host: said(|texts| &texts.host)
            .or_else(|| client.map(|client| client.host.to_string())),
        submit_line: launch.and_then(|launch| text(launch.submit_line.as_ref())),
        resv_ports: step_create::ports_text(step),
        tres_alloc_str: launch.and_then(|launch| tres::text(&tres(job, step, launch), view, 0.0)),
        tres_per_step: said(|texts| &texts.tres_per_step),
        tres_per_node: said(|texts| &texts.tres_per_node),
        tres_per_socket: said(|texts| &texts.tres_per_socket),
        tres_per_task: said(|texts| &texts.tres_per_task),
        cpus_per_tres: said(|texts| &texts.cpus_per_tres),
        mem_per_tres: said(|texts| &texts.mem_per_tres),
        tres_bind: said(|texts| &texts.tres_bind),
        tres_freq: said(|texts| &texts.tres_freq),
        network: said(|texts| &texts.network),
        cwd: said(|texts| &texts.cwd),
        std_in: said(|texts| &texts.std_in),
        std_out: said(|texts| &texts.std_out),
        std_err: said(|texts| &texts.std_err),
        // Also while its job is suspended.
        state: JobState::RUNNING,
        start_time: time(Some(step.started)),
        run_time: run_time(job, step, request.now),
        cluster: view.conf.keys.cluster_name.clone(),
        container: of_script(TextOption::Container).or_else(|| said(|texts| &texts.container)),
        container_id: of_script(TextOption::ContainerId)
            .or_else(|| said(|texts| &texts.container_id)),
        container_type: of_script(TextOption::ContainerType)
            .or_else(|| said(|texts| &texts.container_type)),
        partition: Some(job.partition.to_string()),
        nodes: Some(step.node_list.to_string()),
        name: Some(step.name.to_string()),
        node_bitmap: Some(node_set(&view.cluster, step.nodes.iter().copied())),
        start_protocol_ver: RawVersion(step.protocol).min(request.version.into()),
        job_name: Some(job.spec.name.to_string()),
    }
}

/// What a step has. The one that salloc runs has what the job has of its node.
fn tres(job: &Job, step: &Step, launch: &StepLaunch) -> Tres {
    let nodes = launch.shares.len() as u64;
    let of_job = job.allocation.as_ref().map(|allocation| allocation.batch_share());
    if let (StepNumber::Interactive, Some(share)) = (step.number, of_job) {
        let gres = share.gres.iter().map(GresHeld::count).collect();
        let (cpus, memory_mib) = (share.cpus.into(), share.memory_mib);
        return Tres { cpus, memory_mib, nodes, gres, ..Tres::default() };
    }
    let mut all = Tres {
        cpus: step.cpus.into(),
        memory_mib: launch.shares.iter().map(|share| share.memory_mib).sum(),
        nodes,
        ..Tres::default()
    };
    for share in &launch.shares {
        all.add_gres(share.gres.iter().map(GresHeld::count));
    }
    all
}

/// Seconds that it has run, suspensions left out.
fn run_time(job: &Job, step: &Step, now: Timestamp) -> i64 {
    let before = job.ran_before_suspend_s;
    let since = step.started.max(job.suspended.unwrap_or_default());
    let seconds = match job.phase {
        Phase::Suspended => before,
        _ => before + now.since(since),
    };
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// Where the tasks of a step are, for sattach.
fn step_layout(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: StepId = request.decode()?;
    let job = allocated_job(view, request, sluid::meant(view, request.version, asked))?;
    let number = step_number(asked);
    let step = number.and_then(|number| view.cluster.steps_numbered(job.id, number).next());
    let step = step.ok_or(Failure::Code(Errno::ESLURM_INVALID_JOB_ID))?;
    let mut layout = step_create::layout(step);
    // The client goes on to speak to the nodes in it, and may be older than the step's own.
    layout.start_protocol_ver = layout.start_protocol_ver.min(request.version.into());
    Ok(request.reply(Number::RESPONSE_STEP_LAYOUT, &Some(layout)))
}

/// The steps that run a container.
fn by_container(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: ContainerQuery = request.decode()?;
    let id = asked.container_id.filter(|id| !id.is_empty());
    let id = id.ok_or(Failure::Code(Errno::ESLURM_INVALID_CONTAINER_ID))?;
    let sight = Sight::of_jobs(view, request, asked.show_flags);
    let runs_it = |job: &&std::sync::Arc<Job>| {
        job.spec.carried.text(TextOption::ContainerId).is_some_and(|text| **text == *id)
            && (asked.uid == ANYBODY || asked.uid == job.owner.0)
            && sight.owner(job)
    };
    let steps: Vec<StepId> = view
        .cluster
        .active()
        .filter(runs_it)
        .filter(|job| view.cluster.step(job.id, StepNumber::Batch).is_some())
        .map(|job| sluid::step(view, job, StepNumber::Batch))
        .collect();
    let body = ContainerSteps { steps: NullOr(Some(steps).filter(|steps| !steps.is_empty())) };
    Ok(request.reply(Number::RESPONSE_STEP_BY_CONTAINER_ID, &body))
}

/// nobody, which stands for anybody where a user may be left out.
const ANYBODY: u32 = 99;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Allocation, Change, Launch, NodeId, NodeShare};
    use protocol::Version;
    use protocol::wire::from_bytes;

    use protocol::msg::StepLayout;

    use super::*;
    use crate::rpc::fixtures::{self, NOW};

    /// The cluster of the captures with the job of a captured step, running its script.
    fn running(stock: &StepInfo) -> View {
        let mut view = fixtures::golden();
        let nodes: Vec<NodeId> =
            stock.node_bitmap.as_ref().unwrap().members().map(NodeId).collect();
        let mut job = fixtures::job(stock.step_id.job_id);
        let name = stock.job_name.as_deref().unwrap_or("a1");
        job.spec = Arc::new(model::JobSpec { name: name.into(), ..(*job.spec).clone() });
        job.phase = Phase::Running(Launch::Done);
        job.started = Some(Timestamp(stock.start_time.0));
        if let Some(task) = stock.array_task_id.value() {
            job.array = Some(model::ArrayRole {
                array_job: JobId(stock.array_job_id),
                tasks: model::PendingTasks::One(task),
                running_max: 2,
                size: 4,
            });
        }
        let share = |node: &NodeId| NodeShare {
            node: *node,
            cores: model::CoreSet::first(1),
            cpus: 1,
            memory_mib: 100,
            tasks: 1,
            gres: Vec::new(),
        };
        let node_list: Arc<str> = stock.nodes.as_deref().unwrap().into();
        job.allocation = Some(Arc::new(Allocation {
            batch_at: 0,
            shares: nodes.iter().map(share).collect(),
            node_list: Arc::clone(&node_list),
            exclusive: false,
            tasks: 1,
            licenses: Vec::new(),
            resized: None,
            reservation: None,
        }));
        let step = Step {
            job: job.id,
            number: StepNumber::Batch,
            name: "batch".into(),
            nodes,
            node_list,
            tasks: 1,
            cpus: 1,
            started: Timestamp(stock.start_time.0),
            protocol: stock.start_protocol_ver.0,
            launch: None,
        };
        view.cluster.apply(&Change::Job(Arc::new(job)));
        view.cluster.apply(&Change::Step(Arc::new(step)));
        view
    }

    fn ask(
        view: &View,
        version: Version,
        step_id: StepId,
        now: i64,
    ) -> Result<StepInfoResponse, Failure> {
        let asked = StepInfoRequest { step_id, ..StepInfoRequest::default() };
        let body = fixtures::bytes(&asked, version);
        let mut request = fixtures::request(Number::REQUEST_JOB_STEP_INFO, version, &body);
        request.now = Timestamp(now);
        steps(view, &request).map(|reply| from_bytes(&reply.body, version).unwrap())
    }

    #[test]
    fn scripts_are_told_of_as_stock_controllers_tell() {
        let mut compared = 0;
        for frame in fixtures::captured(Number::RESPONSE_JOB_STEP_INFO) {
            let version = frame.header.version;
            let stock: StepInfoResponse = from_bytes(&frame.body, version).unwrap();
            for info in stock.steps.iter().filter(|info| info.name.as_deref() == Some("batch")) {
                let view = running(info);
                let everything = StepId::default();
                let ours = ask(&view, version, everything, stock.last_update.0).unwrap();
                let mut stock = info.clone();
                stock.step_id.sluid = ours.steps[0].step_id.sluid;
                fixtures::assert_same(&stock, &ours.steps[0], version);
                compared += 1;
            }
        }
        assert!(compared >= 4, "{compared} steps");
    }

    #[test]
    fn steps_of_jobs_that_are_not_there_are_refused() {
        let frames = fixtures::captured(Number::RESPONSE_JOB_STEP_INFO);
        let infos = frames.iter().flat_map(|frame| {
            from_bytes::<StepInfoResponse>(&frame.body, frame.header.version).unwrap().steps
        });
        let stock = infos.into_iter().next().unwrap();
        let view = running(&stock);
        let id = stock.step_id.job_id;
        for version in [Version::OLDEST, Version::NEWEST] {
            let count = |step_id| ask(&view, version, step_id, NOW.0).map(|r| r.steps.len());
            assert_eq!(count(StepId::job(id)), Ok(1));
            assert_eq!(count(StepId::step(id, StepId::BATCH)), Ok(1));
            assert_eq!(count(StepId::step(id, 0)), Ok(0));
            let refused = Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID));
            assert_eq!(count(StepId::job(id + 50)), refused);
            assert_eq!(ask(&fixtures::golden(), version, StepId::job(9), 0).unwrap().steps, []);
        }
    }

    #[test]
    fn a_layout_names_the_tasks_of_each_node() {
        let frames = fixtures::captured(Number::RESPONSE_JOB_STEP_INFO);
        let infos = frames.iter().flat_map(|frame| {
            from_bytes::<StepInfoResponse>(&frame.body, frame.header.version).unwrap().steps
        });
        let stock = infos.into_iter().next().unwrap();
        let view = running(&stock);
        let ask = |number| {
            let body = StepId::step(stock.step_id.job_id, number);
            let body = fixtures::bytes(&body, Version::NEWEST);
            let request = fixtures::request(Number::REQUEST_STEP_LAYOUT, Version::NEWEST, &body);
            step_layout(&view, &request)
                .map(|reply| from_bytes::<Option<StepLayout>>(&reply.body, Version::NEWEST))
        };
        let layout = ask(StepId::BATCH).unwrap().unwrap().unwrap();
        assert_eq!((layout.task_cnt, layout.task_ids), (1, vec![vec![0]]));
        assert_eq!(layout.node_list, stock.nodes);
        assert_eq!(ask(3), Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID)));
    }

    #[test]
    fn containers_are_found_by_their_own_name_only() {
        let view = fixtures::golden();
        let ask = |id: Option<&str>| {
            let body = ContainerQuery {
                container_id: id.map(str::to_owned),
                uid: ANYBODY,
                ..ContainerQuery::default()
            };
            let body = fixtures::bytes(&body, Version::NEWEST);
            let number = Number::REQUEST_STEP_BY_CONTAINER_ID;
            by_container(&view, &fixtures::request(number, Version::NEWEST, &body))
                .map(|reply| from_bytes::<ContainerSteps>(&reply.body, Version::NEWEST).unwrap())
        };
        assert_eq!(ask(None), Err(Failure::Code(Errno::ESLURM_INVALID_CONTAINER_ID)));
        assert_eq!(ask(Some("c1")).unwrap().steps, NullOr(None));
    }
}
