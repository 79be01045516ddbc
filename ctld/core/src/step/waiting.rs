use std::collections::BTreeMap;

use model::{Change, Cluster, JobId, StepClient};

use super::StepRequest;
use crate::effect::{ClientMessage, Effect};
use crate::event::Answer;
use crate::reject::{Reject, StepReject};

/// Clients of one job that may wait for a step; others ask again by themselves, later.
const CLIENTS_MAX: usize = 1024;

/// Clients whose steps found no place: they are told when a step of their job ends. Forgotten over a
/// restart, since they also ask again of their own accord.
#[derive(Debug, Default)]
pub(crate) struct WaitingSteps {
    clients: BTreeMap<JobId, Vec<(StepClient, u16)>>,
}

impl WaitingSteps {
    /// A request was answered: its client waits from now on, or does no more.
    pub(crate) fn answered(
        &mut self,
        cluster: &Cluster,
        request: &StepRequest,
        answer: &Result<Answer, Reject>,
    ) {
        let job = match request.task {
            None => cluster.job(request.job),
            Some(task) => cluster.array_task(request.job, task),
        };
        let (Some(job), Some(client)) = (job.map(|job| job.id), &request.client) else {
            return;
        };
        let clients = self.clients.entry(job).or_default();
        clients.retain(|(known, _)| known != client);
        if answer == &Err(Reject::Step(StepReject::Busy)) && clients.len() < CLIENTS_MAX {
            clients.push((client.clone(), request.protocol));
        }
        if clients.is_empty() {
            self.clients.remove(&job);
        }
    }

    /// What a change means to those who wait: the end of a step that there is room now, the end of
    /// the job that they wait in vain, which asking again tells them.
    pub(crate) fn woken_by(&mut self, change: &Change) -> Vec<Effect> {
        let job = match change {
            Change::StepGone(job, _) => *job,
            Change::Step(step) if step.launch.as_ref().is_some_and(|l| !l.ended_on.is_empty()) => {
                step.job
            }
            Change::Job(job) if !job.is_active() => job.id,
            _ => return Vec::new(),
        };
        let clients = self.clients.remove(&job).unwrap_or_default();
        let wake = |(client, protocol)| Effect::ToClient {
            client,
            protocol,
            message: ClientMessage::AskAgain { job },
        };
        clients.into_iter().map(wake).collect()
    }
}
