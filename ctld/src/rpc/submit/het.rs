//! Heterogeneous jobs are submitted: `sbatch`, `salloc` and `srun` with `:` between the components.

use ctld_core::{Answer, Event, NewJob};
use protocol::msg::{JobDesc, MailTypes};
use protocol::shape::{Limit, ShortArray};
use protocol::{Errno, Number};

use super::{Kind, check, new_job, reply, submitted};
use crate::rpc::{Failure, Privilege, Reply, Request, Row};
use crate::view::View;

pub(in crate::rpc) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_SUBMIT_BATCH_HET_JOB, Privilege::Anybody, batch, submitted_batch),
    Row::write(Number::REQUEST_HET_JOB_ALLOCATION, Privilege::Anybody, allocation, allocated),
];

/// The most components, as stock clients count them (`MAX_HET_JOB_COMPONENTS`, 24.11).
const COMPONENTS_MAX: usize = 128;

/// `REQUEST_SUBMIT_BATCH_HET_JOB`: the script is the first component's, and the only one.
fn batch(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let mut components: Vec<NewJob> = Vec::new();
    for (offset, desc) in described(view, request)?.into_iter().enumerate() {
        let owner = check::owner(view, request, &desc)?;
        let kind = if offset == 0 { Kind::Batch } else { Kind::Follower };
        let mut new = new_job(view, request, desc, owner, kind)?;
        if let Some(leader) = components.first() {
            new.script.clone_from(&leader.script);
        }
        components.push(new);
    }
    Ok(Event::SubmitHet(components))
}

/// `REQUEST_HET_JOB_ALLOCATION`: always the caller's own.
fn allocation(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let owner = (request.caller.uid.0, request.caller.gid.0);
    let component = |mut desc: JobDesc| {
        desc.script = None;
        new_job(view, request, desc, owner, Kind::Interactive)
    };
    let components: Result<_, _> = described(view, request)?.into_iter().map(component).collect();
    Ok(Event::SubmitHet(components?))
}

/// The descriptions of the components, with what goes for the whole worked in.
fn described(view: &View, request: &Request<'_>) -> Result<Vec<JobDesc>, Failure> {
    let ShortArray(mut descs) = request.decode::<ShortArray<JobDesc>>()?;
    let scheduler = view.conf.keys.scheduler_type.as_deref().unwrap_or_default();
    if descs.is_empty() {
        return Err(Failure::Code(Errno::SLURM_ERROR));
    }
    // Stock's main scheduler does not start such jobs.
    if !scheduler.ends_with("backfill") || descs.len() > COMPONENTS_MAX {
        return Err(Failure::Code(Errno::ESLURM_NOT_SUPPORTED));
    }
    leave_out_each_others_nodes(&mut descs);
    for (offset, desc) in descs.iter_mut().enumerate() {
        if desc.array_inx.as_deref().is_some_and(|text| !text.is_empty()) {
            return Err(Failure::Code(Errno::ESLURM_INVALID_ARRAY));
        }
        if desc.immediate > 0 {
            return Err(Failure::Code(Errno::ESLURM_CAN_NOT_START_IMMEDIATELY));
        }
        if offset > 0 {
            follow(desc, offset)?;
        }
    }
    Ok(descs)
}

/// What the other components leave to the leader.
fn follow(desc: &mut JobDesc, offset: usize) -> Result<(), Failure> {
    if desc.licenses.is_some() {
        let text = format!("{offset}: license request allowed only on leader job");
        return Err(Failure::CodeWithText(Errno::ESLURM_INVALID_LICENSES, text));
    }
    desc.mail_type = Limit::Value(MailTypes::default());
    desc.mail_user = None;
    desc.script = None;
    Ok(())
}

/// Nodes that one component must have are none that another may take.
fn leave_out_each_others_nodes(descs: &mut [JobDesc]) {
    let required: Vec<Option<String>> =
        descs.iter().map(|desc| desc.req_nodes.clone().filter(|nodes| !nodes.is_empty())).collect();
    for (at, desc) in descs.iter_mut().enumerate() {
        let others = required.iter().enumerate().filter(|(other, _)| *other != at);
        let own = desc.exc_nodes.take().filter(|nodes| !nodes.is_empty());
        let all: Vec<String> =
            own.into_iter().chain(others.filter_map(|(_, nodes)| nodes.clone())).collect();
        desc.exc_nodes = (!all.is_empty()).then(|| all.join(","));
    }
}

/// `RESPONSE_SUBMIT_BATCH_JOB`: the number of the leader stands for the whole, and what the client is
/// warned of is the last component's.
fn submitted_batch(view: &View, request: &Request<'_>, answer: Answer) -> Reply {
    let leader = submitted(&answer).and_then(|id| view.cluster.job(id));
    let last = leader.and_then(|leader| view.cluster.components(leader).last());
    match (leader, last) {
        (Some(leader), Some(last)) => {
            reply::accepted(view, request, leader.id, reply::warning(view, last))
        }
        _ => request.return_code(Errno::ESLURM_INTERNAL),
    }
}

/// `RESPONSE_HET_JOB_ALLOCATION`: all components are queued, and have their nodes already if a plan
/// came in between.
fn allocated(view: &View, request: &Request<'_>, answer: Answer) -> Reply {
    match submitted(&answer).and_then(|id| view.cluster.job(id)) {
        None => request.return_code(Errno::ESLURM_INTERNAL),
        Some(leader) => {
            let body = reply::allocations_of(view, leader, request.version.to_wire());
            request.reply(Number::RESPONSE_HET_JOB_ALLOCATION, &body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{JobDesc, leave_out_each_others_nodes};

    #[test]
    fn nodes_of_one_component_are_not_for_the_others() {
        let desc = |required: &str, excluded: &str| JobDesc {
            req_nodes: Some(required.to_owned()).filter(|text| !text.is_empty()),
            exc_nodes: Some(excluded.to_owned()),
            ..JobDesc::default()
        };
        let mut descs = [desc("a", ""), desc("", "z"), desc("b,c", "")];
        leave_out_each_others_nodes(&mut descs);
        let excluded = descs.map(|desc| desc.exc_nodes);
        assert_eq!(
            excluded.each_ref().map(|text| text.as_deref()),
            [Some("b,c"), Some("z,a,b,c"), Some("a")]
        );
    }
}
