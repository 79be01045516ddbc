//! Prologs, and the end of a job.

use model::{Job, JobId, Node, NumberOption, StepNumber, TextOption, Timestamp};
use protocol::msg::{KillJob, LaunchProlog, StepId, X11};
use protocol::shape::Sentinel;
use protocol::{Number, Version};

use super::batch::het_job_id;
use crate::rpc::credential::{self, Signer, small, stamp, text};
use crate::rpc::{gres, job_word, sluid};
use crate::view::View;

/// REQUEST_LAUNCH_PROLOG.
pub(super) fn prolog(
    view: &View,
    job: &Job,
    version: Version,
    signer: &Signer<'_>,
) -> Option<LaunchProlog> {
    let allocation = job.allocation.as_deref()?;
    let now = Timestamp(signer.now.0);
    let mut proof = credential::of_job(view, job, StepId::EXTERN, version, now)?;
    proof.step_core_bitmap.clone_from(&proof.job_cores.0);
    proof.step_hostlist.clone_from(&proof.job_hostlist);
    proof.job_mem_alloc = credential::memory(&allocation.shares);
    Some(LaunchProlog {
        alloc_tls_cert: text(job, TextOption::AllocTlsCert),
        job_gres_prep: gres::for_prologs(view, job.allocation.as_deref()),
        job_id: job.id.0,
        het_job_id: het_job_id(job),
        uid: job.owner.0,
        gid: job.group.0,
        nodes: Some(allocation.node_list.to_string()),
        work_dir: text(job, TextOption::WorkDir),
        x11: x11(job),
        credential: signer.sign(&proof, version),
        ..LaunchProlog::default()
    })
}

fn x11(job: &Job) -> X11 {
    let flags = small(job, NumberOption::X11);
    if flags == 0 {
        return X11::default();
    }
    X11 {
        flags,
        alloc_host: text(job, TextOption::RespHost).or_else(|| text(job, TextOption::AllocNode)),
        alloc_port: small(job, NumberOption::OtherPort),
        magic_cookie: text(job, TextOption::X11MagicCookie),
        target: text(job, TextOption::X11Target),
        target_port: small(job, NumberOption::X11TargetPort),
    }
}

/// REQUEST_TERMINATE_JOB and its like. A job of which a node is gone is ended all the same, without
/// the credential that lets a node which never saw the job run its epilog.
pub(super) fn kill(view: &View, job: &Job, version: Version, signer: &Signer<'_>) -> KillJob {
    let now = Timestamp(signer.now.0);
    let proof = credential::of_job(view, job, u32::NO_VAL, version, now);
    let outcome = job.outcome.as_ref();
    let allocation = job.allocation.as_deref();
    KillJob {
        credential: proof.map(|proof| signer.sign(&proof, version)),
        details: job.state_text.as_deref().map(str::to_owned),
        derived_ec: outcome.map_or(0, |outcome| outcome.derived_status),
        exit_code: outcome.map_or(0, |outcome| outcome.status),
        job_gres_prep: gres::for_prologs(view, job.allocation.as_deref()),
        step_id: sluid::job(view, job),
        het_job_id: het_job_id(job),
        job_state: job_word::job_state(job).0,
        job_uid: job.owner.0,
        job_gid: job.group.0,
        nodes: allocation.map(|allocation| allocation.node_list.to_string()),
        start_time: stamp(job.started),
        time: stamp(Some(now)),
        work_dir: text(job, TextOption::WorkDir),
        ..KillJob::default()
    }
}

/// Which message says why a job is ended: to make room for another, or because its time is up.
pub(super) fn why_killed(preempted: bool) -> Number {
    match preempted {
        true => Number::REQUEST_KILL_PREEMPTED,
        false => Number::REQUEST_KILL_TIMELIMIT,
    }
}

/// REQUEST_KILL_TIMELIMIT for one step.
pub(super) fn kill_step(
    view: &View,
    job: &Job,
    step: StepNumber,
    version: Version,
    signer: &Signer<'_>,
) -> KillJob {
    let step_id = sluid::step(view, job, step);
    KillJob { step_id, ..kill(view, job, version, signer) }
}

/// REQUEST_ABORT_JOB for a job that nobody here knows: whichever run of it the node has.
pub(super) fn abort(job: JobId, node: &Node, now: Timestamp) -> KillJob {
    KillJob {
        step_id: StepId::job(job.0),
        nodes: Some(node.name.to_string()),
        time: stamp(Some(now)),
        ..KillJob::default()
    }
}
