//! Credentials of `sbcast`, also of `srun --bcast`: whose files may be written to which nodes.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Job;
use protocol::auth::{SbcastClaims, Signed};
use protocol::hostlist::Hostlist;
use protocol::msg::{Identity, SbcastCredentialResponse, SbcastWithoutJob, SelectedStep};
use protocol::shape::{Limit, Sentinel};
use protocol::{Errno, Number};

use super::credential::{self, Signer};
use super::job_query::allocated_job;
use super::node_message::step_id;
use super::visible::is_admin;
use super::{Failure, Kind, Privilege, Reply, Request, Row, sluid};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::of(Number::REQUEST_JOB_SBCAST_CRED, Privilege::Anybody, Kind::ReadSigned(to_job)),
    Row::of(Number::REQUEST_SBCAST_CRED_NO_JOB, Privilege::Admin, Kind::ReadSigned(to_nodes)),
];

/// `REQUEST_JOB_SBCAST_CRED`: to the nodes of a job, of one of its steps, or of a component of a
/// heterogeneous job; by the number of its leader, to those of all components.
fn to_job(view: &View, request: &Request<'_>, signer: &Signer<'_>) -> Result<Reply, Failure> {
    let asked: SelectedStep = request.decode()?;
    let meant = sluid::meant(view, request.version, asked.step_id);
    let id = match asked.het_job_offset {
        Limit::Value(offset) => {
            let component = view.cluster.component(meant, offset);
            component.ok_or(Failure::Code(Errno::ESLURM_INVALID_JOB_ID))?.id
        }
        Limit::Unset | Limit::Infinite => meant,
    };
    let job = allocated_job(view, request, id)?;
    let whole = asked.het_job_offset == Limit::Unset && leads(job);
    if job.owner != request.caller.uid && !is_admin(view, request.caller) {
        return Err(Failure::Code(Errno::ESLURM_USER_ID_MISSING));
    }
    let number = Some(asked.step_id.step_id).filter(|number| *number != u32::NO_VAL && !whole);
    let claims = SbcastClaims {
        nodes: Some(if whole { all_nodes(view, job) } else { nodes(view, job, number)? }),
        job_id: job.id.0,
        sluid: sluid::of(view, job),
        het_job_id: job.het.as_ref().map_or(0, |role| role.leader().0),
        // A file for the job as a whole bears the number that the next step will have.
        step_id: number.unwrap_or(job.next_step),
    };
    Ok(credential(request, signer, &credential::identity(view, job), claims))
}

fn leads(job: &Job) -> bool {
    job.het.as_ref().is_some_and(|role| role.is_leader())
}

/// The nodes of all components of a heterogeneous job.
fn all_nodes(view: &View, leader: &Arc<Job>) -> String {
    let components = view.cluster.components(leader);
    let allocations = components.filter_map(|job| job.allocation.as_deref());
    let nodes: BTreeSet<_> =
        allocations.flat_map(|a| a.shares.iter().map(|share| share.node)).collect();
    let nodes: Vec<_> = nodes.into_iter().collect();
    model::node_list(&view.cluster, &nodes).to_string()
}

/// The nodes of the job, or those of its step.
fn nodes(view: &View, job: &Job, number: Option<u32>) -> Result<String, Failure> {
    let list = match number {
        None => job.allocation.as_ref().map(|allocation| &allocation.node_list),
        Some(number) => {
            let mut steps = view.cluster.steps_of(job.id);
            steps
                .find(|step| step_id(job.id.0, step.number).step_id == number)
                .map(|step| &step.node_list)
        }
    };
    let missing = Failure::Code(Errno::ESLURM_INVALID_JOB_ID);
    list.map(|list| list.to_string()).ok_or(missing)
}

/// `REQUEST_SBCAST_CRED_NO_JOB`: to any nodes, for administrators (`sbcast --no-allocation`).
fn to_nodes(view: &View, request: &Request<'_>, signer: &Signer<'_>) -> Result<Reply, Failure> {
    let asked: SbcastWithoutJob = request.decode()?;
    let invalid = Failure::Code(Errno::ESLURM_INVALID_NODE_NAME);
    let text = asked.node_list.unwrap_or_default();
    let list = Hostlist::parse(&text).ok().filter(|list| !list.is_empty());
    let all_known = |list: Hostlist| list.iter().all(|n| view.cluster.node_named(&n).is_some());
    if !list.is_some_and(all_known) {
        return Err(invalid);
    }
    let claims = SbcastClaims { nodes: Some(text), ..SbcastClaims::default() };
    let (uid, gid) = (request.caller.uid, request.caller.gid);
    let identity = match view.users.user(uid) {
        Some(user) => credential::identity_of(&user),
        None => Identity { uid: uid.0, gid: gid.0, gids: vec![gid.0], ..Identity::default() },
    };
    Ok(credential(request, signer, &identity, claims))
}

fn credential(
    request: &Request<'_>,
    signer: &Signer<'_>,
    identity: &Identity,
    claims: SbcastClaims,
) -> Reply {
    let body = SbcastCredentialResponse {
        job_id: if claims.job_id == 0 { u32::NO_VAL } else { claims.job_id },
        node_list: claims.nodes.clone(),
        credential: Signed::Token(signer.issuer.sbcast(signer.keys, signer.now, identity, claims)),
        ..SbcastCredentialResponse::default()
    };
    request.reply(Number::RESPONSE_JOB_SBCAST_CRED, &body)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Allocation, Change, CoreSet, Launch, NodeId, NodeShare, Phase, Timestamp, Uid};
    use protocol::Version;
    use protocol::auth::{Issuer, KeySet, verify};
    use protocol::msg::StepId;
    use protocol::shape;
    use protocol::wire::from_bytes;

    use super::*;
    use crate::rpc::fixtures::{self, NOW};

    fn running() -> View {
        let mut view = fixtures::golden();
        let mut job = fixtures::job(7);
        job.phase = Phase::Running(Launch::Done);
        job.next_step = 3;
        let share = |node| NodeShare {
            node: NodeId(node),
            cores: CoreSet::first(1),
            cpus: 1,
            memory_mib: 1,
            tasks: 1,
            gres: Vec::new(),
        };
        job.allocation = Some(Arc::new(Allocation {
            batch_at: 0,
            shares: vec![share(0), share(1)],
            node_list: "n[1-2]".into(),
            exclusive: false,
            tasks: 2,
            licenses: Vec::new(),
            resized: None,
            reservation: None,
        }));
        view.cluster.apply(&Change::Job(Arc::new(job)));
        let step = model::Step {
            job: model::JobId(7),
            number: model::StepNumber::Normal(2),
            name: "s".into(),
            nodes: vec![NodeId(1)],
            node_list: "n2".into(),
            tasks: 1,
            cpus: 1,
            started: Timestamp(0),
            protocol: Version::NEWEST.to_wire(),
            launch: None,
        };
        view.cluster.apply(&Change::Step(Arc::new(step)));
        view
    }

    fn ask(number: Number, version: Version, body: &[u8]) -> Result<Reply, Failure> {
        let (keys, issuer) = signing();
        let signer = Signer { keys: &keys, issuer: &issuer, now: shape::Timestamp(NOW.0) };
        let Kind::ReadSigned(read) = crate::rpc::row(number).unwrap().kind else {
            panic!("signed")
        };
        read(&running(), &fixtures::request(number, version, body), &signer)
    }

    fn signing() -> (KeySet, Issuer) {
        let issuer = Issuer {
            host: "ctl".into(),
            cluster: None,
            uid: 0,
            gid: 0,
            slurmd_uid: Uid::ROOT.0,
            ttl_s: 60,
        };
        (KeySet::from_key_file(&[7; 32]).unwrap(), issuer)
    }

    /// What is proven of job 7 in answer to this, by each release that can ask.
    fn proven(number: Number, body: impl Fn(Version) -> Vec<u8>) -> Vec<SbcastClaims> {
        let from = if number == Number::REQUEST_SBCAST_CRED_NO_JOB {
            Version::V24_11
        } else {
            Version::OLDEST
        };
        let releases = Version::ALL.into_iter().filter(|version| *version >= from);
        let claims = releases.map(|version| {
            let reply = ask(number, version, &body(version)).unwrap();
            let reply: SbcastCredentialResponse = from_bytes(&reply.body, version).unwrap();
            let Signed::Token(text) = reply.credential else { panic!("a token") };
            let claims = verify(&text, &signing().0, shape::Timestamp(NOW.0), 0).unwrap();
            let sbcast = claims.sbcast.unwrap();
            assert_eq!(sbcast.nodes, reply.node_list);
            sbcast
        });
        claims.collect()
    }

    #[test]
    fn the_credential_names_the_nodes_of_the_job_or_of_its_step() {
        let of = |step| {
            let body = SelectedStep { step_id: step, ..SelectedStep::default() };
            let claims = proven(Number::REQUEST_JOB_SBCAST_CRED, |v| fixtures::bytes(&body, v));
            claims.into_iter().map(|claims| (claims.job_id, claims.step_id, claims.nodes))
        };
        assert!(of(StepId::job(7)).eq([(); 6].map(|()| (7, 3, Some("n[1-2]".to_owned())))));
        assert!(of(StepId::step(7, 2)).eq([(); 6].map(|()| (7, 2, Some("n2".to_owned())))));
        let missing = SelectedStep { step_id: StepId::step(7, 1), ..SelectedStep::default() };
        let body = fixtures::bytes(&missing, Version::NEWEST);
        let refused = ask(Number::REQUEST_JOB_SBCAST_CRED, Version::NEWEST, &body);
        assert_eq!(refused, Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID)));
    }

    #[test]
    fn without_a_job_only_known_nodes_are_proven() {
        let body = |list: &str| SbcastWithoutJob { node_list: Some(list.to_owned()) };
        let number = Number::REQUEST_SBCAST_CRED_NO_JOB;
        for claims in proven(number, |version| fixtures::bytes(&body("n[1-3]"), version)) {
            assert_eq!((claims.job_id, claims.nodes.as_deref()), (0, Some("n[1-3]")));
        }
        let unknown = fixtures::bytes(&body("n1,x"), Version::NEWEST);
        let refused = ask(number, Version::NEWEST, &unknown);
        assert_eq!(refused, Err(Failure::Code(Errno::ESLURM_INVALID_NODE_NAME)));
    }
}
