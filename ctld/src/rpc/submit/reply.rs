//! What submitters are told.

use std::sync::Arc;

use ctld_core::{Answer, NewJob, Reject};
use model::{
    Allocation, Beyond, Groups, Job, JobId, NodeId, NumberOption, Partition, PartitionState, Phase,
    TextOption, Timestamp, WaitReason, named_nodes,
};
use protocol::msg::{
    self, JobAndStep, JobFlags, JobOrStepId, StepId, SubmitResponse, WillRunResponse,
};
use protocol::shape::{self, Fixed, Limit, ShortArray};
use protocol::{Errno, Number};

use super::submitted;
use crate::rpc::{Failure, Reply, Request, failed, sluid};
use crate::view::View;

/// 0, or what the client is warned of: a job beyond what its partitions give, and a held one, which it may
/// have forgotten about.
pub(super) fn warning(view: &View, job: &Job) -> Errno {
    if is_beyond(view, job) {
        Errno::ESLURM_REQUESTED_PART_CONFIG_UNAVAILABLE
    } else if job.hold.is_held() {
        Errno::ESLURM_JOB_HELD
    } else {
        Errno::SLURM_SUCCESS
    }
}

/// Whether each of its partitions has, or gives to one job, less than the job must have. Its time is no
/// matter: nothing is said of that at submission (25.11, 26.05).
fn is_beyond(view: &View, job: &Job) -> bool {
    partitions(view, job).all(|partition| {
        Beyond::of(partition, &job.spec, None, || partition.cpus(&view.cluster)).is_some()
    })
}

fn partitions<'a>(view: &'a View, job: &'a Job) -> impl Iterator<Item = &'a Arc<Partition>> {
    let names = match &*job.spec.partitions {
        [] => std::slice::from_ref(&job.partition),
        names => names,
    };
    names.iter().filter_map(|name| view.cluster.partition(name))
}

/// The same for who waits for the nodes: also why that may take long. Batch jobs are not told (24.11).
fn warning_of_allocation(view: &View, job: &Job) -> Errno {
    let code = warning(view, job);
    if code != Errno::SLURM_SUCCESS || !job.is_pending() {
        return code;
    }
    let cluster = &view.cluster;
    let nodes = job.spec.min_nodes.max(1);
    let required = job.spec.required_nodes.as_deref().map(|text| named_nodes(cluster, text));
    let required = required.and_then(Result::ok).unwrap_or_default();
    let is_up = |id: &NodeId| cluster.node(*id).is_some_and(|node| node.is_schedulable());
    // Of a partition that has too few in any case, it is no matter how many are up.
    let has_up = |partition: &Arc<Partition>| {
        let enough = nodes as usize;
        let up = partition.nodes.iter().filter(|id| is_up(id)).take(enough).count();
        up == enough || partition.nodes.len() < enough
    };
    if !required.iter().all(is_up) || !partitions(view, job).any(has_up) {
        return Errno::ESLURM_NODE_NOT_AVAIL;
    }
    if partitions(view, job).all(|partition| partition.state == PartitionState::Down) {
        return Errno::ESLURM_PARTITION_DOWN;
    }
    Errno::SLURM_SUCCESS
}

/// `RESPONSE_SUBMIT_BATCH_JOB`.
pub(super) fn batch(view: &View, request: &Request<'_>, answer: Answer) -> Reply {
    let Some(id) = submitted(&answer) else {
        return request.return_code(Errno::ESLURM_INTERNAL);
    };
    let code = view.cluster.job(id).map_or(Errno::SLURM_SUCCESS, |job| warning(view, job));
    accepted(view, request, id, code)
}

/// `RESPONSE_SUBMIT_BATCH_JOB` for a job.
pub(super) fn accepted(view: &View, request: &Request<'_>, id: JobId, code: Errno) -> Reply {
    let body = SubmitResponse {
        step: JobAndStep(sluid::named(view, StepId::step(id.0, StepId::BATCH))),
        code,
        job_submit_user_msg: None,
    };
    request.reply(Number::RESPONSE_SUBMIT_BATCH_JOB, &body)
}

/// `RESPONSE_RESOURCE_ALLOCATION`: the job is queued, and has its nodes already if a plan came in
/// between. Otherwise the client is told at its port once it has.
pub(super) fn allocation(view: &View, request: &Request<'_>, answer: Answer) -> Reply {
    if let Answer::Failed { why, .. } = answer {
        let reply = failed(request, &Failure::Rejected(why));
        return reply.unwrap_or_else(|| request.return_code(Errno::ESLURM_INTERNAL));
    }
    let job = submitted(&answer).and_then(|id| view.cluster.job(id));
    let Some(job) = job else {
        return request.return_code(Errno::ESLURM_INTERNAL);
    };
    if job.spec.immediate && job.is_finished() {
        let code = if is_beyond(view, job) {
            Errno::ESLURM_REQUESTED_PART_CONFIG_UNAVAILABLE
        } else {
            Errno::ESLURM_NODES_BUSY
        };
        return request.return_code(code);
    }
    let client = request.version.to_wire();
    let body = allocation_of(view, job, client, warning_of_allocation(view, job));
    request.reply(Number::RESPONSE_RESOURCE_ALLOCATION, &body)
}

/// The same of all components of a heterogeneous job; of a plain job a list of one.
pub(in crate::rpc) fn allocations_of(
    view: &View,
    job: &Arc<Job>,
    client: u16,
) -> ShortArray<msg::Allocation> {
    let of = |job: &Arc<Job>| allocation_of(view, job, client, Errno::SLURM_SUCCESS);
    ShortArray(view.cluster.components(job).map(of).collect())
}

/// What a client is told of a job's allocation, or of a job that has none yet: also the message that
/// it gets at its port. `client` is the client's release, which need not be the submitter's: a script
/// runs the srun of its node.
pub(in crate::rpc) fn allocation_of(
    view: &View,
    job: &Job,
    client: u16,
    code: Errno,
) -> msg::Allocation {
    let text = |option| job.spec.carried.text(option).map(|text| text.to_string());
    let spec = &job.spec;
    let flags = JobFlags(spec.carried.number(NumberOption::Bitflags).unwrap_or(0));
    let tasks_of = |number: Option<u16>| number.map_or(Limit::Infinite, Limit::Value);
    let mut body = msg::Allocation {
        account: text(TextOption::Account),
        code,
        gid: job.group.0,
        group_name: text(TextOption::GroupName),
        step_id: sluid::job(view, job),
        ntasks_per_board: Limit::Value(spec.tasks_per_board.unwrap_or(0)),
        ntasks_per_core: tasks_of(spec.tasks_per_core),
        ntasks_per_socket: tasks_of(spec.tasks_per_socket),
        ntasks_per_tres: Limit::Value(small(spec.carried.number(NumberOption::NtasksPerTres))),
        partition: Some(job.partition.to_string()),
        // What a default gave is for the controller alone: no step is to ask for it.
        pn_min_memory: if flags.has(JobFlags::MEM_SET) { memory(job) } else { 0 },
        qos: text(TextOption::Qos),
        resv_name: job.reservation().map(ToString::to_string),
        segment_size: small(spec.carried.number(NumberOption::SegmentSize)),
        tres_per_node: text(TextOption::TresPerNode),
        tres_per_task: text(TextOption::TresPerTask),
        uid: job.owner.0,
        user_name: text(TextOption::UserName),
        ..msg::Allocation::default()
    };
    let held = job.allocation.as_deref().filter(|_| job.is_active());
    if let Some(allocation) = held {
        body.node_cnt = u32::try_from(allocation.shares.len()).unwrap_or(u32::MAX);
        body.node_list = Some(allocation.node_list.to_string());
        let cpus = allocation.shares.iter().map(|share| small(Some(share.cpus.into())));
        body.cpus = cpus.collect();
        let host = view.cluster.node(allocation.batch_host());
        body.batch_host = host.map(|node| node.name.to_string());
        let released = |id| view.cluster.node(id)?.registration.as_ref().map(|r| r.protocol);
        let oldest = allocation.shares.iter().filter_map(|share| released(share.node)).min();
        // srun of 25.11 and later asks for its steps in this release, so it must speak it itself.
        let common = oldest.map_or(client, |oldest| oldest.min(client));
        body.start_protocol_ver = protocol::RawVersion(common);
    }
    body
}

fn small(number: Option<u64>) -> u16 {
    number.and_then(|number| u16::try_from(number).ok()).unwrap_or(0)
}

fn memory(job: &Job) -> u64 {
    match job.spec.memory {
        Some(model::MemoryRequest::PerNode(mib)) => mib,
        Some(model::MemoryRequest::PerCpu(mib)) => mib | msg::MEM_PER_CPU,
        None => 0,
    }
}

/// `RESPONSE_JOB_WILL_RUN`.
pub(super) fn will_run(view: &View, request: &Request<'_>, new: NewJob) -> Result<Reply, Failure> {
    if let Err(reject) = &new.feasible {
        return Err(Failure::Rejected(reject.clone()));
    }
    let groups = Groups { names: &new.groups, own: new.group };
    let asked = new.spec.carried.text(TextOption::McsLabel);
    let label = view.cluster.config().mcs.label(&new.spec, asked, groups);
    label.map_err(|_| Failure::Rejected(Reject::InvalidMcsLabel))?;
    let job = imagined(view, request.now, new)?;
    let found = sched::will_run(&view.cluster, request.now, &job);
    let (start, allocation) =
        found.ok_or(Failure::Code(Errno::ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE))?;
    let body = will_run_body(view, &job, start, &allocation);
    Ok(request.reply(Number::RESPONSE_JOB_WILL_RUN, &body))
}

fn will_run_body(
    view: &View,
    job: &Job,
    start: Timestamp,
    allocation: &Allocation,
) -> WillRunResponse {
    WillRunResponse {
        job: JobOrStepId(sluid::job(view, job)),
        node_list: Some(allocation.node_list.to_string()),
        partition: Some(job.partition.to_string()),
        cpu_count: allocation.cpus(),
        start_time: shape::Timestamp(start.0),
        reserved_system_usage: Fixed::default(),
        ..WillRunResponse::default()
    }
}

/// The job as it would be, were it submitted now; its number is the next one's.
fn imagined(view: &View, now: Timestamp, new: NewJob) -> Result<Job, Failure> {
    let partition = match new.spec.partitions.first() {
        Some(name) => view.cluster.partition(name),
        None => view.cluster.default_partition(),
    };
    let partition = partition.ok_or(Failure::Code(Errno::ESLURM_DEFAULT_PARTITION_NOT_SET))?;
    let counters = view.cluster.counters();
    let mut spec = new.spec;
    if spec.time_limit_min.is_none() && !spec.time_unlimited {
        spec.time_limit_min = partition.default_time_min;
    }
    Ok(Job {
        id: JobId(counters.next_job),
        array: None,
        het: None,
        owner: new.owner,
        group: new.group,
        partition: std::sync::Arc::clone(&partition.name),
        phase: Phase::Pending,
        prologs: None,
        hold: model::Hold::None,
        wait: WaitReason::None,
        state_text: None,
        priority: spec.fixed_priority.unwrap_or(counters.next_priority).max(1),
        allocation: None,
        outcome: None,
        submitted: now,
        eligible: Some(now),
        begin: spec.begin.filter(|begin| *begin > now),
        started: None,
        ended: None,
        suspended: None,
        ran_before_suspend_s: 0,
        last_evaluated: None,
        restarts: 0,
        time_limit_min: spec.time_limit_min,
        failed_node: None,
        next_step: 0,
        next_step_node: 0,
        batch: new.script.is_some(),
        protocol: new.protocol,
        warned: false,
        derived_status: 0,
        client_listens: false,
        launch_failures: 0,
        stopped: false,
        mailed_percent: 0,
        preempted: None,
        cron: None,
        expected_nodes: None,
        spec: std::sync::Arc::new(spec),
    })
}
