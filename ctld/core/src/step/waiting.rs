use std::collections::BTreeMap;

use model::{Change, Cluster, JobId, StepClient, Timestamp};

use super::StepRequest;
use crate::effect::{ClientMessage, Effect};
use crate::event::Answer;
use crate::reject::{Reject, StepReject};

/// Clients of one job that may wait for a step; others ask again by themselves, later.
const CLIENTS_MAX: usize = 1024;

/// How many of those that wait are told of an end at a time: more could hardly start
/// (SchedulerParameters=step_retry_count's default).
const TOLD_MAX: usize = 8;
/// Whoever has waited for so long is told in any case (step_retry_time's default).
const PATIENCE_S: u64 = 60;

/// Clients whose steps found no place: they are told when a step of their job ends. Forgotten over a
/// restart, since they also ask again of their own accord.
#[derive(Debug, Default)]
pub(crate) struct WaitingSteps {
    clients: BTreeMap<JobId, Vec<Waiting>>,
}

/// A client that waits.
#[derive(Debug)]
struct Waiting {
    client: StepClient,
    protocol: u16,
    since: Timestamp,
}

impl WaitingSteps {
    /// A request was answered: its client waits from now on, or does no more.
    pub(crate) fn answered(
        &mut self,
        now: Timestamp,
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
        let known = clients.iter().position(|waiting| waiting.client == *client);
        let waits = matches!(answer, Err(Reject::Step(StepReject::Busy | StepReject::PortsBusy)));
        match known {
            Some(_) if waits => {}
            Some(place) => drop(clients.remove(place)),
            None if waits && clients.len() < CLIENTS_MAX => clients.push(Waiting {
                client: client.clone(),
                protocol: request.protocol,
                since: now,
            }),
            None => {}
        }
        if clients.is_empty() {
            self.clients.remove(&job);
        }
    }

    /// What a change means to those who wait: the end of a step that there is room now, the end of
    /// the job that they wait in vain, which asking again tells them.
    pub(crate) fn woken_by(&mut self, now: Timestamp, change: &Change) -> Vec<Effect> {
        let job = match change {
            Change::StepGone(job, _) => *job,
            Change::Step(step) if step.launch.as_ref().is_some_and(|l| !l.ended_on.is_empty()) => {
                step.job
            }
            Change::Job(job) if !job.is_active() => job.id,
            _ => return Vec::new(),
        };
        let clients = self.clients.remove(&job).unwrap_or_default();
        let all = matches!(change, Change::Job(_));
        let mut told = 0;
        let (woken, waiting): (Vec<_>, Vec<_>) = clients.into_iter().partition(|waiting| {
            let is_told = all || told < TOLD_MAX || now.since(waiting.since) >= PATIENCE_S;
            told += usize::from(is_told);
            is_told
        });
        if !waiting.is_empty() {
            self.clients.insert(job, waiting);
        }
        let wake = |Waiting { client, protocol, .. }| Effect::ToClient {
            client,
            protocol,
            message: ClientMessage::AskAgain { job },
        };
        woken.into_iter().map(wake).collect()
    }
}
