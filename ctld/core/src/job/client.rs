//! The client of an interactive job, which waits for it and lives as long as it does.

use std::sync::Arc;

use model::{
    Exit, Job, JobId, NodeId, NumberOption, Outcome, Phase, StepClient, TextOption, Timestamp,
    WaitReason,
};

use crate::effect::{ClientMessage, Effect, NodeMessage};
use crate::event::Answer;
use crate::job::complete;
use crate::reject::Reject;
use crate::step;
use crate::turn::Turn;

/// The client of a job has been told that it waits, and listens at its port from now on. One whose
/// job has started, or ended, in between is told of that now, and does not listen.
pub(crate) fn client_listens(turn: &mut Turn<'_>, id: JobId) -> Result<Answer, Reject> {
    let job = turn.job(id)?;
    if job.is_pending() && !job.batch && !job.client_listens {
        turn.edit_job(&job, |job| job.client_listens = true);
    }
    Ok(Answer::Done)
}

/// The client of a job was told that it has started. If nobody listens any more, nobody will use the
/// job, and it ends.
pub(crate) fn client_told(turn: &mut Turn<'_>, id: JobId, reached: bool) -> Result<Answer, Reject> {
    let Some(job) = turn.cluster().job(id).cloned().filter(|job| job.client_listens) else {
        return Ok(Answer::Done);
    };
    let job = turn.edit_job(&job, |job| job.client_listens = false);
    if !reached && matches!(job.phase, Phase::Running(_)) {
        let exit = Exit::Cancelled { by: job.owner };
        let outcome = Outcome { exit, status: 0, derived_status: 0 };
        let message = |job| NodeMessage::Terminate { job };
        complete::end(turn, &job, outcome, WaitReason::None, message);
    }
    Ok(Answer::Done)
}

/// Tells the client of an interactive job that it has ended.
pub(super) fn tell_client(turn: &mut Turn<'_>, job: &Arc<Job>) {
    if let Some(client) = client_of(job) {
        let message = ClientMessage::Complete { job: job.id, step: None };
        turn.emit(Effect::ToClient { client, protocol: job.protocol, message });
    }
}

/// Where the client of an interactive job listens for news of it.
pub(crate) fn client_of(job: &Job) -> Option<StepClient> {
    address(job, NumberOption::OtherPort).filter(|_| !job.batch)
}

/// Something for the client of a job to know, if it listens. Gives whether it does.
pub(super) fn say(turn: &mut Turn<'_>, job: &Job, message: ClientMessage) -> bool {
    let client = address(job, NumberOption::OtherPort);
    let listens = client.is_some();
    if let Some(client) = client {
        turn.emit(Effect::ToClient { client, protocol: job.protocol, message });
    }
    listens
}

/// A node of a job is lost: the client of the job is told, and those of its steps there.
pub(crate) fn node_lost(turn: &mut Turn<'_>, job: &Job, node: NodeId, name: &Arc<str>) {
    step::node_lost(turn, job.id, node, name);
    if client_of(job).is_some() {
        let nodes = Arc::clone(name);
        say(turn, job, ClientMessage::NodeLost { job: job.id, step: None, nodes });
    }
}

/// The time of a job is up soon: its client is told.
pub(crate) fn warn_client(turn: &mut Turn<'_>, job: &Job, at: Timestamp) {
    if client_of(job).is_some() {
        say(turn, job, ClientMessage::Timeout { job: job.id, step: None, at });
    }
}

/// Where the client of a job listens at one of its ports.
fn address(job: &Job, port: NumberOption) -> Option<StepClient> {
    let carried = &job.spec.carried;
    let host = carried.text(TextOption::RespHost).or_else(|| carried.text(TextOption::AllocNode));
    let port = carried.number(port).and_then(|port| u16::try_from(port).ok());
    let port = port.filter(|port| *port != 0)?;
    Some(StepClient { host: Arc::clone(host?), port, pid: 0 })
}
