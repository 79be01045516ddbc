//! Questions about one job: its state, its allocation, whether it is ready, when it ends.

use std::sync::Arc;

use model::{Job, JobId, Launch, Phase};
use protocol::msg::{
    AllocationQuery, JobQuery, JobReady, JobStateRecord, JobStateRequest, JobStateResponse,
    JobStateSelector, Ready, SrunTimeout,
};
use protocol::shape::{Limit, Sentinel};
use protocol::{Errno, Number};

use super::field::time;
use super::job_info::array_tasks;
use super::job_word::job_state;
use super::submit::{allocation_of, allocations_of};
use super::visible::Sight;
use super::{Failure, Reply, Request, Row, sluid};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::read(Number::REQUEST_JOB_STATE, states),
    Row::read(Number::REQUEST_JOB_READY, ready),
    Row::read(Number::REQUEST_JOB_END_TIME, end_time),
    Row::read(Number::REQUEST_JOB_ALLOCATION_INFO, allocation),
    Row::read(Number::REQUEST_HET_JOB_ALLOC_INFO, allocations),
];

/// `squeue --only-job-state`.
fn states(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: JobStateRequest = request.decode()?;
    let mut jobs: Vec<JobStateRecord> = Vec::new();
    if asked.jobs.is_empty() {
        jobs.extend(view.cluster.jobs().map(|job| state_record(job)));
    }
    for selector in &asked.jobs {
        jobs.extend(selected(view, selector).into_iter().map(|job| state_record(job)));
    }
    Ok(request.reply(Number::RESPONSE_JOB_STATE, &JobStateResponse { jobs }))
}

/// A job, a task of an array, an array's record and all its tasks, or a component of a heterogeneous
/// job; its leader's number means all.
fn selected<'a>(view: &'a View, selector: &JobStateSelector) -> Vec<&'a Arc<Job>> {
    let id = JobId(selector.job_id);
    if let Limit::Value(offset) = selector.het_job_offset {
        return view.cluster.component(id, offset).into_iter().collect();
    }
    if let Limit::Value(task) = selector.array_task_id {
        return view.cluster.array_task(id, task).into_iter().collect();
    }
    if selector.job_id == u32::NO_VAL {
        return view.cluster.jobs().collect();
    }
    let leader = |job: &&Arc<Job>| job.het.as_ref().is_some_and(|role| role.is_leader());
    if let Some(leader) = view.cluster.job(id).filter(leader) {
        return view.cluster.components(leader).collect();
    }
    let tasks = view.cluster.array_records(id).filter(|job| job.id != id);
    view.cluster.job(id).into_iter().chain(tasks).collect()
}

fn state_record(job: &Job) -> JobStateRecord {
    JobStateRecord {
        job_id: job.id.0,
        array_job_id: job.array.as_ref().map_or(0, |role| role.array_job.0),
        array_task_id: Limit::from_option(job.task_index()),
        array_task_id_bitmap: job.array.as_ref().and_then(array_tasks),
        het_job_id: job.het.as_ref().map_or(0, |role| role.leader().0),
        state: job_state(job),
    }
}

fn known_job(view: &View, id: JobId) -> Result<&Arc<Job>, Failure> {
    view.cluster.job(id).ok_or(Failure::Code(Errno::ESLURM_INVALID_JOB_ID))
}

/// A job that has its nodes and that the caller may see.
pub(super) fn allocated_job<'a>(
    view: &'a View,
    request: &Request<'_>,
    id: JobId,
) -> Result<&'a Arc<Job>, Failure> {
    let job = known_job(view, id)?;
    if !Sight::new(view, request, 0).owner(job) {
        return Err(Failure::Code(Errno::ESLURM_ACCESS_DENIED));
    }
    match job.phase {
        Phase::Running(_) | Phase::Suspended => Ok(job),
        Phase::Pending => Err(Failure::Code(Errno::ESLURM_JOB_PENDING)),
        Phase::Completing(ref completing) if completing.requeue => {
            Err(Failure::Code(Errno::ESLURM_JOB_PENDING))
        }
        Phase::Completing(_) | Phase::Ended => Err(Failure::Code(Errno::ESLURM_ALREADY_DONE)),
    }
}

/// What srun asks in a loop before it launches.
fn ready(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: JobQuery = request.decode()?;
    let job = known_job(view, sluid::meant(view, request.version, asked.job.0))?;
    if matches!(job.phase, Phase::Running(Launch::Configuring { .. } | Launch::Waking { .. })) {
        return Err(Failure::Code(Errno::EAGAIN));
    }
    let mut ready = Ready::PROLOG;
    if job.is_active() {
        ready = ready | Ready::JOB;
        if nodes_are_up(view, job) {
            ready = ready | Ready::NODES;
        }
    }
    let number = if job.waits_for_prologs() {
        Number::RESPONSE_PROLOG_EXECUTING
    } else {
        Number::RESPONSE_JOB_READY
    };
    Ok(request.reply(number, &JobReady { ready }))
}

fn nodes_are_up(view: &View, job: &Job) -> bool {
    job.held_shares().all(|share| {
        let node = view.cluster.node(share.node);
        node.is_some_and(|node| !node.flags.powered_down && !node.flags.powering_up)
    })
}

/// `slurm_get_end_time()`. The answer is srun's notice of a timeout.
fn end_time(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: AllocationQuery = request.decode()?;
    let job = known_job(view, sluid::meant(view, request.version, asked.job.0))?;
    let timeout = time(job.ended.filter(|_| !job.is_pending()));
    let body = SrunTimeout { step_id: sluid::job(view, job), timeout };
    Ok(request.reply(Number::SRUN_TIMEOUT, &body))
}

/// srun in an allocation, sattach, sbcast.
fn allocation(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: AllocationQuery = request.decode()?;
    let job = allocated_job(view, request, sluid::meant(view, request.version, asked.job.0))?;
    let body = allocation_of(view, job, request.version.to_wire(), Errno::SLURM_SUCCESS);
    Ok(request.reply(Number::RESPONSE_JOB_ALLOCATION_INFO, &body))
}

/// The same as a list of components, by the number of the leader; a job that is not heterogeneous has
/// one. srun names a task of an array by the step.
fn allocations(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: AllocationQuery = request.decode()?;
    let id = sluid::meant(view, request.version, asked.job.0);
    let task = view.cluster.array_task(id, asked.job.0.step_id).map(|task| task.id);
    let job = allocated_job(view, request, task.unwrap_or(id))?;
    if job.het.as_ref().is_some_and(|role| !role.is_leader()) {
        return Err(Failure::Code(Errno::ESLURM_NOT_HET_JOB_LEADER));
    }
    let body = allocations_of(view, job, request.version.to_wire());
    Ok(request.reply(Number::RESPONSE_HET_JOB_ALLOCATION, &body))
}

#[cfg(test)]
mod tests {
    use ctld_core::Caller;
    use model::{
        Allocation, ArrayRole, Change, CoreSet, Gid, Hold, IndexSet, NodeId, NodeShare,
        PendingTasks, Prologs, Uid,
    };
    use protocol::msg::{self, JobState, StepId};
    use protocol::shape::ShortArray;
    use protocol::wire::{Wire, from_bytes};
    use protocol::{Version, shape};

    use super::*;
    use crate::rpc::Read;
    use crate::rpc::fixtures::{self, NOW};

    fn running(id: u32, phase: Phase) -> Job {
        let mut job = fixtures::job(id);
        job.owner = Uid(1000);
        job.phase = phase;
        let share = NodeShare {
            node: NodeId(0),
            cores: CoreSet::first(2),
            cpus: 2,
            memory_mib: 100,
            tasks: 2,
            gres: Vec::new(),
        };
        job.allocation = Some(Arc::new(Allocation {
            batch_at: 0,
            shares: vec![share],
            node_list: "n1".into(),
            exclusive: false,
            tasks: 2,
            licenses: Vec::new(),
            resized: None,
            reservation: None,
        }));
        (job.started, job.ended) = (Some(NOW), Some(NOW.plus_s(600)));
        job
    }

    /// 1 runs, 2 is in its prolog, 3 waits, 4 is over, 5 is an array of which task 1 is job 6.
    fn view() -> View {
        let mut in_prolog = running(2, Phase::Running(Launch::Done));
        in_prolog.prologs = Some(Box::new(Prologs {
            unasked: [NodeId(0)].into(),
            running: [].into(),
            holds: true,
            since: NOW,
        }));
        let mut over = running(4, Phase::Ended);
        over.outcome =
            Some(model::Outcome { exit: model::Exit::Completed, status: 0, derived_status: 0 });
        let mut array = fixtures::job(5);
        let tasks: IndexSet = [0, 2].into_iter().collect();
        let role = |tasks| ArrayRole { array_job: JobId(5), tasks, running_max: 0, size: 3 };
        array.array = Some(role(PendingTasks::Several(tasks)));
        let mut task = running(6, Phase::Running(Launch::Done));
        task.array = Some(role(PendingTasks::One(1)));
        let mut held = fixtures::job(7);
        (held.hold, held.eligible) = (Hold::User, None);
        let jobs = [
            running(1, Phase::Running(Launch::Done)),
            in_prolog,
            fixtures::job(3),
            over,
            array,
            task,
            held,
        ];
        let mut view = fixtures::golden();
        for job in jobs {
            view.cluster.apply(&Change::Job(Arc::new(job)));
        }
        view
    }

    fn ask<B: Wire, R: Wire>(
        read: Read,
        number: Number,
        version: Version,
        body: &B,
    ) -> Result<(Number, R), Failure> {
        let view = view();
        let body = fixtures::bytes(body, version);
        let reply = read(&view, &fixtures::request(number, version, &body))?;
        Ok((reply.number, from_bytes(&reply.body, version).unwrap()))
    }

    #[test]
    fn srun_learns_when_a_job_is_ready() {
        for version in Version::ALL {
            let ready_of = |id: u32| {
                let body = JobQuery { job: id.into(), ..JobQuery::default() };
                ask::<_, JobReady>(ready, Number::REQUEST_JOB_READY, version, &body)
                    .map(|(number, reply)| (number, reply.ready.0))
            };
            assert_eq!(ready_of(1), Ok((Number::RESPONSE_JOB_READY, 7)));
            assert_eq!(ready_of(2), Ok((Number::RESPONSE_PROLOG_EXECUTING, 7)));
            assert_eq!(ready_of(3), Ok((Number::RESPONSE_JOB_READY, 4)));
            assert_eq!(ready_of(9), Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID)));
        }
    }

    #[test]
    fn allocations_are_told_while_they_are_there() {
        for version in Version::ALL {
            let nodes_of = |id: u32| {
                let body = AllocationQuery { job: id.into(), cluster: None };
                let number = Number::REQUEST_JOB_ALLOCATION_INFO;
                ask::<_, msg::Allocation>(allocation, number, version, &body)
                    .map(|(_, reply)| reply.node_list.unwrap())
            };
            assert_eq!(nodes_of(1).as_deref(), Ok("n1"));
            assert_eq!(nodes_of(3), Err(Failure::Code(Errno::ESLURM_JOB_PENDING)));
            assert_eq!(nodes_of(4), Err(Failure::Code(Errno::ESLURM_ALREADY_DONE)));
            assert_eq!(nodes_of(9), Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID)));
        }
    }

    #[test]
    fn a_plain_job_is_a_list_of_one_and_a_task_is_found_by_its_index() {
        let ids = |step_id: StepId| {
            let body = AllocationQuery { job: msg::JobOrStepId(step_id), cluster: None };
            let number = Number::REQUEST_HET_JOB_ALLOC_INFO;
            let (_, list): (_, ShortArray<msg::Allocation>) =
                ask(allocations, number, Version::NEWEST, &body).unwrap();
            list.0.iter().map(|one| one.step_id.job_id).collect::<Vec<_>>()
        };
        assert_eq!(ids(StepId::job(1)), [1]);
        assert_eq!(ids(StepId::step(5, 1)), [6]);
    }

    #[test]
    fn states_are_told_by_job_by_array_and_by_task() {
        for version in [Version::OLDEST, Version::NEWEST] {
            let of = |selectors: &[(u32, Limit<u32>)]| {
                let one = |&(job_id, array_task_id): &(u32, Limit<u32>)| JobStateSelector {
                    job_id,
                    array_task_id,
                    het_job_offset: Limit::Unset,
                };
                let body = JobStateRequest { jobs: selectors.iter().map(one).collect() };
                let (_, reply): (_, JobStateResponse) =
                    ask(states, Number::REQUEST_JOB_STATE, version, &body).unwrap();
                reply.jobs
            };
            let ids =
                |jobs: Vec<JobStateRecord>| jobs.iter().map(|job| job.job_id).collect::<Vec<_>>();
            assert_eq!(ids(of(&[])), [1, 2, 3, 4, 5, 6, 7]);
            assert_eq!(ids(of(&[(5, Limit::Unset), (99, Limit::Unset)])), [5, 6]);
            assert_eq!(ids(of(&[(5, Limit::Value(1))])), [6]);
            let array = &of(&[(5, Limit::Value(2))])[0];
            assert_eq!(array.state, JobState::PENDING);
            let tasks = array.array_task_id_bitmap.as_ref().unwrap();
            assert_eq!(tasks.members().collect::<Vec<_>>(), [0, 2]);
        }
    }

    #[test]
    fn an_end_is_told_as_a_timeout() {
        for version in Version::ALL {
            let body = AllocationQuery { job: 1.into(), cluster: None };
            let (number, reply): (_, SrunTimeout) =
                ask(end_time, Number::REQUEST_JOB_END_TIME, version, &body).unwrap();
            assert_eq!(number, Number::SRUN_TIMEOUT);
            assert_eq!(reply.timeout, shape::Timestamp(NOW.0 + 600));
        }
    }

    #[test]
    fn private_allocations_are_for_their_owners() {
        let mut view = view();
        let mut config = (**view.cluster.config()).clone();
        config.private.jobs = true;
        view.cluster.apply(&Change::Config(Arc::new(config)));
        let body = AllocationQuery { job: 1.into(), cluster: None };
        let body = fixtures::bytes(&body, Version::NEWEST);
        let number = Number::REQUEST_JOB_ALLOCATION_INFO;
        let mut request = fixtures::request(number, Version::NEWEST, &body);
        request.caller = Caller { uid: Uid(1001), gid: Gid(1001) };
        let refused = allocation(&view, &request).unwrap_err();
        assert_eq!(refused, Failure::Code(Errno::ESLURM_ACCESS_DENIED));
    }
}
