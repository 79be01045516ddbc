//! Jobs are submitted: `sbatch`, `salloc`, `srun`, and `--test-only` of all three.

mod amount;
mod carried;
mod check;
mod dependency;
mod het;
mod reply;
mod shortage;
mod spec;

use std::sync::Arc;

use ctld_core::{Answer, ArrayRequest, Event, NewJob, Reject, ReservationReject};
use model::{
    Gid, Hold, JobSpec, McsPlugin, PartLimits, Partition, Reservation, ReservationFlags, Script,
    TextOption, Timestamp, Uid,
};
use protocol::index_set::ArraySpec;
use protocol::msg::{JobDesc, JobFlags};
use protocol::shape::Limit;
use protocol::{Errno, Number};
use tracing::warn;

use super::{Failure, Privilege, Reply, Request, Row};
use crate::view::View;

pub(super) use amount::{gres, gres_texts, licenses, mixes_parts};
pub(super) use carried::switch_wait_s;
pub(super) use check::{is_admin, lengths, preferred_features};
pub(super) use dependency::dependencies;
pub(super) use het::ROWS as HET_ROWS;
pub(super) use reply::{allocation_of, allocations_of};
pub(super) use spec::{
    is_default_output, is_given, mail_user, memory, node_count, partitions, text, time,
};

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_SUBMIT_BATCH_JOB, Privilege::Anybody, batch, reply::batch),
    Row::write(
        Number::REQUEST_RESOURCE_ALLOCATION,
        Privilege::Anybody,
        allocation,
        reply::allocation,
    ),
    Row::read(Number::REQUEST_JOB_WILL_RUN, will_run),
];

/// Which kind of job a description is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// With a script.
    Batch,
    /// A component of a heterogeneous job whose leader has the script.
    Follower,
    /// Of a client that waits for it.
    Interactive,
}

/// `REQUEST_SUBMIT_BATCH_JOB`.
fn batch(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let desc: JobDesc = request.decode()?;
    let owner = check::owner(view, request, &desc)?;
    Ok(Event::Submit(Box::new(new_job(view, request, desc, owner, Kind::Batch)?)))
}

/// `REQUEST_RESOURCE_ALLOCATION`: always the caller's own, whatever the description says.
fn allocation(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let mut desc: JobDesc = request.decode()?;
    let owner = (request.caller.uid.0, request.caller.gid.0);
    desc.script = None;
    Ok(Event::Submit(Box::new(new_job(view, request, desc, owner, Kind::Interactive)?)))
}

/// `REQUEST_JOB_WILL_RUN`: when and where a job would start that is not submitted.
fn will_run(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let desc: JobDesc = request.decode()?;
    let owner = check::owner(view, request, &desc)?;
    let kind = if desc.script.is_some() { Kind::Batch } else { Kind::Interactive };
    reply::will_run(view, request, new_job(view, request, desc, owner, kind)?)
}

/// The job of a line of a crontab: always a batch job of this owner's, whatever the description
/// says.
pub(super) fn cron_job(
    view: &View,
    request: &Request<'_>,
    mut desc: JobDesc,
    owner: (u32, u32),
) -> Result<NewJob, Failure> {
    desc.begin_time = protocol::shape::Timestamp(0);
    desc.array_inx = None;
    new_job(view, request, desc, owner, Kind::Batch)
}

fn new_job(
    view: &View,
    request: &Request<'_>,
    mut desc: JobDesc,
    owner: (u32, u32),
    kind: Kind,
) -> Result<NewJob, Failure> {
    check::privileges(view, request, &desc)?;
    check::lengths(view, &desc)?;
    check::work_dir(&desc)?;
    check::warning(view, request.version, &desc)?;
    check::batch_features(view, &desc)?;
    check::preferred_features(view, &desc)?;
    check::accounting_frequency(view, &desc)?;
    if kind == Kind::Batch {
        check::batch(&desc)?;
    }
    let array = array(view, &desc)?;
    if desc.bitflags.has(JobFlags::STEPMGR_ENABLED) && view.counters.stepmgr_asked.first() {
        warn!("--stepmgr has no effect: steps stay with the controller; this is not logged again");
    }
    desc.alloc_node = Some(sender(request));
    if desc.resp_host.is_none() && kind == Kind::Interactive {
        desc.resp_host = Some(request.peer.ip().to_string());
    }
    let mut spec = spec::spec(view, &desc, owner, kind != Kind::Interactive)?;
    check::licenses_of_tasks(view, &spec)?;
    let admin = check::is_admin(view, request.caller);
    spec.fixed_priority = desc.priority.value().filter(|priority| admin && *priority > 0);
    let owner = (Uid(owner.0), Gid(owner.1));
    spec.submitted_by = (owner.0 != request.caller.uid).then_some(request.caller.uid);
    let held = desc.priority == Limit::Value(0);
    let later = spec.begin.is_some_and(|begin| begin > request.now);
    if (held || later) && spec.immediate {
        // The word that stock has for it: a hold and a time count among what a job depends on.
        return Err(Failure::Code(Errno::ESLURM_DEPENDENCY));
    }
    let feasible = feasible(view, &spec, owner.0, held, request.now);
    let by_group = view.cluster.config().mcs.plugin == Some(McsPlugin::Group);
    let asks_groups = by_group || view.cluster.partitions().any(|p| p.allow_groups.is_some());
    Ok(NewJob {
        caller: request.caller,
        owner: owner.0,
        group: owner.1,
        spec,
        hold: if held { Hold::User } else { Hold::None },
        script: (kind == Kind::Batch).then(|| Arc::new(script(desc, array.as_ref()))),
        array: array.map(|(request, _)| request),
        protocol: request.version.to_wire(),
        groups: if asks_groups { view.users.group_names(owner.0) } else { Arc::default() },
        feasible,
    })
}

/// The machine that a request came from, by the name that its token vouches for.
fn sender(request: &Request<'_>) -> String {
    match request.host {
        "" => request.peer.ip().to_string(),
        host => host.to_owned(),
    }
}

/// `--array`, and the step between its indexes as it was written.
fn array(view: &View, desc: &JobDesc) -> Result<Option<(ArrayRequest, u32)>, Failure> {
    let Some(text) = desc.array_inx.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let invalid = || Failure::Code(Errno::ESLURM_INVALID_ARRAY);
    let max = view.cluster.config().max_array_size;
    if desc.script.as_deref().is_none_or(str::is_empty) {
        return Err(invalid());
    }
    let spec = ArraySpec::parse(text, max).map_err(|_| invalid())?;
    let count = u64::try_from(spec.tasks.len()).unwrap_or(u64::MAX);
    let most = view.conf.settings.scheduler.number("max_array_tasks");
    if count == 0 || count > most.unwrap_or(max.into()) {
        return Err(invalid());
    }
    let after_colon = text.split(':').nth(1).unwrap_or_default();
    let digits: String = after_colon.chars().take_while(char::is_ascii_digit).collect();
    let request =
        ArrayRequest { tasks: spec.tasks.iter().collect(), running_max: spec.run_max.unwrap_or(0) };
    Ok(Some((request, digits.parse().unwrap_or(1))))
}

/// The script with its environment; every task of an array knows of the whole.
fn script(desc: JobDesc, array: Option<&(ArrayRequest, u32)>) -> Script {
    let mut environment = desc.environment;
    if let Some((array, step)) = array {
        let (first, last) = (array.tasks.first(), array.tasks.last());
        environment.extend([
            format!("SLURM_ARRAY_TASK_COUNT={}", array.tasks.len()),
            format!("SLURM_ARRAY_TASK_MIN={}", first.unwrap_or(0)),
            format!("SLURM_ARRAY_TASK_MAX={}", last.unwrap_or(0)),
            format!("SLURM_ARRAY_TASK_STEP={step}"),
        ]);
    }
    Script {
        script: desc.script.unwrap_or_default(),
        environment,
        arguments: desc.argv,
        spank_environment: desc.spank_job_env,
    }
}

/// Whether one of the partitions could ever run it, or all where EnforcePartLimits wants that; the first
/// one's reason if not. For a held job no nodes are looked for yet.
fn feasible(
    view: &View,
    spec: &JobSpec,
    owner: Uid,
    held: bool,
    now: Timestamp,
) -> Result<(), Reject> {
    let cluster = &view.cluster;
    let named = spec.partitions.iter().filter_map(|name| cluster.partition(name));
    let mut partitions: Vec<_> = named.collect();
    if partitions.is_empty() {
        partitions.extend(cluster.default_partition());
    }
    let enforced = cluster.config().enforce_part_limits;
    let (mut first, mut fits) = (Ok(()), false);
    let reserved = reserved_now(view, spec, now);
    for (place, partition) in partitions.into_iter().enumerate() {
        let within = reserved.map(|one| within(partition, one));
        let too_few = |within: &Partition| within.nodes.len() < spec.min_nodes as usize;
        if within.as_ref().is_some_and(too_few) {
            first = Err(Reject::NothingFits);
            continue;
        }
        match sched::feasible(cluster, within.as_ref().unwrap_or(partition), spec, owner) {
            // Each has to be asked then.
            Ok(()) if enforced == PartLimits::All => fits = true,
            Ok(()) => return Ok(()),
            Err(sched::Infeasible::NodeConfig(_)) if held => return Ok(()),
            Err(sched::Infeasible::NodeNotInPartition(..))
                if held && enforced == PartLimits::No =>
            {
                return Ok(());
            }
            Err(sched::Infeasible::NodeNotInPartition(..)) if place == 0 && within.is_some() => {
                first = Err(ReservationReject::NodesOutside.into());
            }
            Err(why) if enforced == PartLimits::All && why.is_limit() => {
                return Err(infeasible(view, partition, spec, &why));
            }
            Err(why) if place == 0 => first = Err(infeasible(view, partition, spec, &why)),
            Err(_) => {}
        }
    }
    if fits { Ok(()) } else { first }
}

/// The reservation that a job asked for, if its nodes alone are the job's and it has begun: until then
/// stock does not look at its nodes (24.11).
fn reserved_now<'v>(view: &'v View, spec: &JobSpec, now: Timestamp) -> Option<&'v Reservation> {
    let name = spec.carried.text(TextOption::Reservation)?;
    let one = view.cluster.reservation(name)?;
    let elsewhere = one.flags.has(ReservationFlags::FLEX) || one.nodes.is_empty();
    (one.start <= now && !elsewhere).then_some(&**one)
}

/// The nodes of a partition that are a reservation's.
fn within(partition: &Partition, one: &Reservation) -> Partition {
    let nodes = partition.nodes.iter().copied().filter(|node| one.has_node(*node)).collect();
    Partition { nodes, ..partition.clone() }
}

fn infeasible(
    view: &View,
    partition: &Partition,
    spec: &JobSpec,
    why: &sched::Infeasible,
) -> Reject {
    use sched::Infeasible as I;
    match why {
        I::UnknownNode(unknown) => Reject::NoSuchNode(Arc::clone(&unknown.name)),
        I::NodeNotInPartition(..) => match view.cluster.config().enforce_part_limits {
            PartLimits::No => Reject::NothingFits,
            PartLimits::Any | PartLimits::All => Reject::NodeNotInPartition,
        },
        I::Features(features) => Reject::InvalidFeature(Arc::clone(features)),
        I::NodeCount(_, partition) => Reject::NodeCountOutsidePartition(Arc::clone(partition)),
        I::TooManyCpus(..) => Reject::TooManyCpus,
        I::TimeLimit(_, partition) => Reject::TimeLimitTooLong(Arc::clone(partition)),
        I::Memory(_) => Reject::TooMuchMemory,
        I::NodeConfig(_) => match shortage::of(view, partition, spec) {
            Some(shortage) => Reject::NodesTooSmall(shortage),
            None => Reject::NothingFits,
        },
    }
}

/// What a client is told of an answer that is none of this family's.
fn submitted(answer: &Answer) -> Option<model::JobId> {
    match answer {
        Answer::Submitted { job } => Some(*job),
        Answer::Done
        | Answer::Failed { .. }
        | Answer::Crontab { .. }
        | Answer::Each(_)
        | Answer::Skipped(_)
        | Answer::NodesRefused(_)
        | Answer::Tasks(_)
        | Answer::Step { .. }
        | Answer::ReservationMade { .. }
        | Answer::Registered { .. } => None,
    }
}

#[cfg(test)]
mod tests;
