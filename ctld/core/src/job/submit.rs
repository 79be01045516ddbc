//! A job is submitted.

use std::sync::Arc;

use model::{
    Appraiser, ArrayRole, Change, Config, Counters, Dependencies, DependencyKind, Exit, Factors,
    Groups, HetRole, Job, JobId, MemoryDefault, MemoryRequest, NumberOption, Outcome, Partition,
    PendingTasks, Phase, PriorityType, TextOption, Uid, WaitReason,
};

use crate::access;
use crate::effect::Effect;
use crate::event::{Answer, NewJob};
use crate::job::{client, complete, depend};
use crate::reject::{Reject, ReservationReject};
use crate::turn::Turn;

/// A job is submitted: checked against the partition and the limits, numbered, queued.
pub(crate) fn submitted(turn: &mut Turn<'_>, mut new: NewJob) -> Result<Answer, Reject> {
    let config = turn.config();
    check_room(turn, &config, std::slice::from_ref(&new))?;
    let unfit = taken_for_its_client(&mut new);
    let partition = checked(turn, &config, &mut new)?;
    let id = next_id(turn, &config)?;
    let (job, script) = build(turn, new, id, &partition);
    match unfit {
        None => {
            queued(turn, job, script);
            Ok(Answer::Submitted { job: id })
        }
        Some(why) => {
            let eligible = job.begin.is_none().then_some(turn.now);
            let job = Arc::new(Job { eligible, last_evaluated: Some(turn.now), ..job });
            turn.record(Change::Job(Arc::clone(&job)));
            let outcome = Outcome { exit: Exit::Failed, status: 1, derived_status: 0 };
            complete::end_waiting(turn, &job, outcome, WaitReason::BadConstraints);
            client::tell_client(turn, &job);
            Ok(Answer::Failed { job: id, why })
        }
    }
}

/// Why no nodes could ever run a job whose client listens. Stock (24.11, 26.05) finds that out when the
/// job has a number already: it fails, and the client is told that its allocation is revoked.
fn taken_for_its_client(new: &mut NewJob) -> Option<Reject> {
    let listens =
        new.script.is_none() && new.spec.carried.number(NumberOption::OtherPort).is_some();
    match &new.feasible {
        Err(why @ (Reject::NothingFits | Reject::NodesTooSmall(_))) if listens => {
            let why = why.clone();
            new.feasible = Ok(());
            Some(why)
        }
        _ => None,
    }
}

/// The components of a heterogeneous job are submitted: all are checked before the first is queued.
pub(super) fn submitted_together(
    turn: &mut Turn<'_>,
    mut components: Vec<NewJob>,
) -> Result<Answer, Reject> {
    let config = turn.config();
    check_room(turn, &config, &components)?;
    let mut partitions = Vec::new();
    for new in &mut components {
        partitions.push(checked(turn, &config, new)?);
        if new.array.is_some() {
            return Err(Reject::InvalidArray);
        }
    }
    let mut jobs = Vec::new();
    for (new, partition) in components.into_iter().zip(&partitions) {
        let id = next_id(turn, &config)?;
        jobs.push(build(turn, new, id, partition));
    }
    let members: Arc<[JobId]> = jobs.iter().map(|(job, _)| job.id).collect();
    let leader = *members.first().ok_or(Reject::InvalidValue("number of components"))?;
    for ((mut job, script), offset) in jobs.into_iter().zip(0..) {
        job.het = HetRole::new(Arc::clone(&members), offset);
        queued(turn, job, script);
    }
    Ok(Answer::Submitted { job: leader })
}

/// Checks a job on the cluster as it is, with what is left open filled in.
fn checked(turn: &Turn<'_>, config: &Config, new: &mut NewJob) -> Result<Arc<Partition>, Reject> {
    let by_admin = access::is_admin(config, new.caller);
    if new.owner != new.caller.uid && !by_admin {
        return Err(Reject::NotYourself);
    }
    let partition = check_partitions(turn, config, new)?;
    let has_limit = new.spec.time_limit_min.is_some() || new.spec.time_unlimited;
    fill_in(config, new, &partition);
    check_times(turn, new)?;
    if new.spec.deadline.is_some() && !has_limit && new.spec.time_min_min.is_none() {
        // So that any time before the deadline will do.
        new.spec.time_min_min = Some(1);
    }
    check_array(config, new)?;
    check_licenses(config, new)?;
    label(config, new)?;
    check_dependencies(turn, new)?;
    check_reservations(turn, new)?;
    if new.spec.fixed_priority.is_some() && !by_admin {
        return Err(Reject::AccessDenied);
    }
    new.feasible.clone()?;
    if let (Some(least), Some(most)) = (new.spec.time_min_min, longest(turn, new))
        && least > most
    {
        return Err(Reject::InvalidTimeMin);
    }
    Ok(partition)
}

fn queued(turn: &mut Turn<'_>, job: Job, script: Option<Arc<model::Script>>) {
    let (fulfilled, job) = depend::evaluated(turn.cluster(), turn.now, job);
    let job = Arc::new(job);
    if let Some(script) = script.filter(|_| job.has_script()) {
        turn.record(Change::Script(job.id, script));
    }
    turn.record(Change::Job(Arc::clone(&job)));
    if fulfilled && !job.hold.is_held() {
        turn.emit(Effect::Schedule);
    }
}

/// The label of MCS that it asks for or has to have.
fn label(config: &Config, new: &mut NewJob) -> Result<(), Reject> {
    let groups = Groups { names: &new.groups, own: new.group };
    let asked = new.spec.carried.text(TextOption::McsLabel);
    let label = config.mcs.label(&new.spec, asked, groups).map_err(|_| Reject::InvalidMcsLabel)?;
    if label.as_ref() != asked {
        new.spec.carried.set_text(TextOption::McsLabel, label);
    }
    Ok(())
}

/// What the partition and slurm.conf decide for a job that did not say.
fn fill_in(config: &Config, new: &mut NewJob, partition: &Partition) {
    if new.spec.partitions.is_empty() {
        new.spec.partitions = vec![Arc::clone(&partition.name)];
    }
    if new.spec.time_limit_min.is_none() && !new.spec.time_unlimited {
        new.spec.time_limit_min = partition.default_time_min;
    }
    let comes_with_gres = new.spec.gres.iter().any(|wish| wish.memory_each_mib > 0);
    if new.spec.memory.is_none() && !comes_with_gres {
        let default = partition.def_memory.or(config.def_memory);
        new.spec.memory = default.map(|default| match default {
            MemoryDefault::PerCpu(mib) => MemoryRequest::PerCpu(mib),
            MemoryDefault::PerNode(mib) => MemoryRequest::PerNode(mib),
        });
    }
    let enough = new.spec.max_nodes.is_none_or(|max| max >= partition.min_nodes);
    if new.spec.min_nodes < partition.min_nodes && enough {
        new.spec.min_nodes = partition.min_nodes;
    }
}

/// Whether there are the reservations that it asks for, all open to it.
fn check_reservations(turn: &Turn<'_>, new: &NewJob) -> Result<(), Reject> {
    let text = new.spec.carried.text(TextOption::Reservation);
    text.map_or(Ok(()), |names| {
        let account = new.spec.carried.text(TextOption::Account);
        let partition = new.spec.partitions.first();
        reservations_open(turn, names, new.owner, account, partition)
    })
}

/// Whether the reservations of a list are there and open to a user.
pub(super) fn reservations_open(
    turn: &Turn<'_>,
    names: &str,
    owner: Uid,
    account: Option<&Arc<str>>,
    partition: Option<&Arc<str>>,
) -> Result<(), Reject> {
    let config = turn.config();
    for name in names.split(',') {
        let one = turn.cluster().reservation(name).ok_or(ReservationReject::Invalid)?;
        if !one.admits(&config, (owner, account, partition)) {
            return Err(ReservationReject::NoAccess.into());
        }
    }
    Ok(())
}

fn check_room(turn: &Turn<'_>, config: &Config, new: &[NewJob]) -> Result<(), Reject> {
    let records = |new: &NewJob| new.array.as_ref().map_or(1, |a| u64::from(a.tasks.len()));
    let more: u64 = new.iter().map(records).sum();
    let max = config.max_job_count;
    if turn.cluster().job_count() + more > u64::from(max) {
        return Err(Reject::TooManyJobs { max });
    }
    Ok(())
}

/// The first of the partitions asked for that takes the job.
fn check_partitions(
    turn: &Turn<'_>,
    config: &Config,
    new: &mut NewJob,
) -> Result<Arc<Partition>, Reject> {
    if new.spec.partitions.is_empty() {
        let default = turn.cluster().default_partition().ok_or(Reject::NoDefaultPartition)?;
        check_partition(config, new, default)?;
        return Ok(Arc::clone(default));
    }
    let mut first = Err(Reject::NoDefaultPartition);
    let mut refused = None;
    for name in &new.spec.partitions {
        let partition = turn
            .cluster()
            .partition(name)
            .ok_or_else(|| Reject::NoSuchPartition(Arc::clone(name)))?;
        match check_partition(config, new, partition) {
            Ok(()) if first.is_err() => first = Ok(Arc::clone(partition)),
            Ok(()) => {}
            Err(reject) => refused = refused.or(Some(reject)),
        }
    }
    if first.is_ok() {
        // As in stock (24.11): it does not wait for partitions that take no jobs now.
        new.spec.partitions.retain(|name| {
            turn.cluster().partition(name).is_some_and(|partition| partition.state.takes_jobs())
        });
    }
    match (first, refused) {
        (Ok(partition), _) => Ok(partition),
        (Err(_), Some(reject)) | (Err(reject), None) => Err(reject),
    }
}

fn check_partition(config: &Config, new: &NewJob, partition: &Partition) -> Result<(), Reject> {
    let name = || Arc::clone(&partition.name);
    if !partition.state.takes_jobs() {
        return Err(Reject::PartitionTakesNoJobs(name()));
    }
    let asks = new.spec.carried.text(TextOption::Reservation).is_some();
    if partition.req_resv && !asks {
        return Err(Reject::AccessDenied);
    }
    if partition.root_only && new.caller.uid != Uid::ROOT && new.caller.uid != config.slurm_user {
        return Err(Reject::PartitionRefusesUser(name()));
    }
    if (partition.disable_root_jobs || config.disable_root_jobs) && new.owner == Uid::ROOT {
        return Err(Reject::PartitionRefusesUser(name()));
    }
    if let Some(groups) = &partition.allow_groups
        && new.owner != Uid::ROOT
        && !groups.split(',').any(|allowed| new.groups.iter().any(|group| **group == *allowed))
    {
        return Err(Reject::PartitionRefusesGroup(name()));
    }
    let account = new.spec.carried.text(TextOption::Account);
    let listed = |list: &Arc<str>| list.split(',').any(|a| account.is_some_and(|x| **x == *a));
    if partition.allow_accounts.as_ref().is_some_and(|list| !listed(list))
        || partition.deny_accounts.as_ref().is_some_and(listed)
    {
        return Err(Reject::PartitionRefusesAccount(name()));
    }
    Ok(())
}

fn check_times(turn: &Turn<'_>, new: &NewJob) -> Result<(), Reject> {
    let (limit, least) = (new.spec.time_limit_min, new.spec.time_min_min);
    if let (Some(least), Some(limit)) = (least, limit)
        && least > limit
    {
        return Err(Reject::InvalidTimeMin);
    }
    let Some(deadline) = new.spec.deadline else {
        return Ok(());
    };
    let begin = new.spec.begin.unwrap_or(turn.now).max(turn.now);
    let by_then = |minutes: u32| begin.plus_s(u64::from(minutes) * 60) <= deadline;
    match (least.filter(|minutes| *minutes > 0), limit) {
        _ if !by_then(0) => Err(Reject::DeadlineCannotBeMet),
        (Some(least), _) if !by_then(least) => Err(Reject::InvalidTimeMin),
        (None, Some(limit)) if !by_then(limit) => Err(Reject::DeadlineCannotBeMet),
        _ => Ok(()),
    }
}

/// The longest time in minutes that one of the partitions asked for gives; `None` is without limit.
fn longest(turn: &Turn<'_>, new: &NewJob) -> Option<u32> {
    let partitions = new.spec.partitions.iter().filter_map(|name| turn.cluster().partition(name));
    partitions.map(|partition| partition.max_time_min.unwrap_or(u32::MAX)).max()
}

fn check_array(config: &Config, new: &NewJob) -> Result<(), Reject> {
    let Some(array) = &new.array else {
        return Ok(());
    };
    match array.tasks.last() {
        Some(last) if last < config.max_array_size => Ok(()),
        _ => Err(Reject::InvalidArray),
    }
}

fn check_dependencies(turn: &Turn<'_>, new: &NewJob) -> Result<(), Reject> {
    check_awaited(turn, &new.spec.dependencies)
}

/// How a job ended that is forgotten cannot be told any more; that it ended can.
pub(super) fn check_awaited(turn: &Turn<'_>, dependencies: &Dependencies) -> Result<(), Reject> {
    for dependency in &dependencies.conditions {
        let known = |id: JobId| match dependency.task {
            Some(task) => turn.cluster().array_task(id, task).is_some(),
            None => {
                turn.cluster().job(id).is_some()
                    || turn.cluster().array_records(id).next().is_some()
            }
        };
        let needs_end =
            matches!(dependency.kind, DependencyKind::AfterOk | DependencyKind::AfterNotOk);
        match dependency.job {
            _ if dependency.kind == DependencyKind::Expand => {
                return Err(Reject::NotSupported("the growth of a job"));
            }
            Some(id) if needs_end && !known(id) => return Err(Reject::InvalidDependency),
            Some(_) => {}
            None if dependency.kind == DependencyKind::Singleton => {}
            None => return Err(Reject::InvalidDependency),
        }
    }
    Ok(())
}

fn check_licenses(config: &Config, new: &NewJob) -> Result<(), Reject> {
    for (name, count) in &new.spec.licenses {
        let pool = config.licenses.iter().find(|pool| pool.name == *name);
        if pool.is_none_or(|pool| pool.total < *count) {
            return Err(Reject::InvalidLicenses);
        }
    }
    Ok(())
}

/// Takes the next free number. They go round at MaxJobId.
pub(super) fn next_id(turn: &mut Turn<'_>, config: &Config) -> Result<JobId, Reject> {
    let counters = turn.cluster().counters();
    let first = config.first_job_id.max(1);
    let max = config.max_job_id.max(first);
    let mut id = counters.next_job.clamp(first, max);
    // A table of MaxJobCount records cannot use up more numbers than that.
    for _ in 0..=config.max_job_count {
        let next = if id >= max { first } else { id + 1 };
        if turn.cluster().job(JobId(id)).is_none() {
            turn.record(Change::Counters(Counters {
                next_job: next,
                next_priority: counters.next_priority.saturating_sub(1).max(1),
                ..counters
            }));
            return Ok(JobId(id));
        }
        id = next;
    }
    Err(Reject::TooManyJobs { max: config.max_job_count })
}

/// The priority of a job that gets one now, by PriorityType.
pub(super) fn fresh_priority(turn: &Turn<'_>, job: &Job) -> u32 {
    match turn.cluster().config().priority_type {
        PriorityType::Basic => {
            let base = turn.cluster().counters().next_priority;
            let next = i64::from(base) - i64::from(job.spec.nice);
            u32::try_from(next.max(1)).unwrap_or(u32::MAX)
        }
        PriorityType::Multifactor => Appraiser::new(turn.cluster()).priority(job),
    }
}

/// The priority of a waiting job whose nice value becomes another one.
pub(super) fn reniced_priority(turn: &Turn<'_>, job: &Job, nice: i32) -> u32 {
    match turn.cluster().config().priority_type {
        PriorityType::Basic => {
            let delta = i64::from(job.spec.nice) - i64::from(nice);
            let priority = (i64::from(job.priority) + delta).max(2);
            u32::try_from(priority).unwrap_or(u32::MAX)
        }
        PriorityType::Multifactor => {
            let factors = Appraiser::new(turn.cluster()).factors(job, &job.partition);
            Factors { nice, ..factors }.priority()
        }
    }
}

/// The job, and its script.
fn build(
    turn: &Turn<'_>,
    new: NewJob,
    id: JobId,
    partition: &Partition,
) -> (Job, Option<Arc<model::Script>>) {
    let hold = new.hold;
    let array = new.array.as_ref().map(|array| {
        let size = array.tasks.len();
        let tasks = match (size, array.tasks.first()) {
            (1, Some(only)) => PendingTasks::One(only),
            _ => PendingTasks::Several(array.tasks.clone()),
        };
        ArrayRole { array_job: id, tasks, running_max: array.running_max, size }
    });
    let newest = turn.cluster().newest_jobs(new.owner);
    let fixed = new.spec.fixed_priority;
    let mut job = Job {
        id,
        array,
        het: None,
        owner: new.owner,
        group: new.group,
        partition: Arc::clone(&partition.name),
        phase: Phase::Pending,
        prologs: None,
        hold,
        wait: hold.wait_reason(),
        state_text: None,
        priority: 0,
        allocation: None,
        outcome: None,
        submitted: turn.now,
        eligible: None,
        begin: new.spec.begin.filter(|begin| *begin > turn.now),
        started: None,
        ended: None,
        suspended: None,
        ran_before_suspend_s: 0,
        last_evaluated: None,
        restarts: 0,
        time_limit_min: new.spec.time_limit_min,
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
        spec: new.spec.shared(newest.map(|job| &job.spec)),
    };
    if !hold.is_held() {
        job.priority = fixed.unwrap_or_else(|| fresh_priority(turn, &job));
    }
    (job, new.script)
}
