use std::sync::Arc;
use std::time::Duration;

use protocol::Number;
use protocol::msg::{
    ConfigRequest, NodeGres, NodeRegistration, OptionalNodeGres, StepId, config_request,
    registration_flags,
};
use protocol::shape::{Limit, Timestamp};
use tokio::time;

use super::Hollow;
use super::node::Node;
use crate::call::{self, CallError};

/// How long the controller may take to answer a slurmd (MessageTimeout of the measured configuration).
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// The longest pause between two attempts; slurmd doubles from one second to 128.
const PAUSE_MAX: Duration = Duration::from_secs(16);

/// For how long a node is taken to have been up when it registers first, seconds.
const UP_S: i64 = 86_400;

/// Registers a node, again and again until the controller has answered in full.
pub(super) async fn begin(hollow: Arc<Hollow>, node: Arc<Node>) {
    if hollow.plan.configless {
        persist(|| fetch_configuration(&hollow)).await;
    }
    register(hollow, node).await;
}

/// Registers a node, once more when it has been asked to.
pub(super) async fn register(hollow: Arc<Hollow>, node: Arc<Node>) {
    persist(|| send_registration(&hollow, &node)).await;
}

/// Tries until it works, with pauses that double, as slurmd does.
pub(super) async fn persist<F>(mut attempt: impl FnMut() -> F)
where
    F: Future<Output = Result<(), CallError>>,
{
    let mut pause = Duration::from_secs(1);
    while attempt().await.is_err() {
        time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn fetch_configuration(hollow: &Hollow) -> Result<(), CallError> {
    let request = ConfigRequest { flags: config_request::SLURMD, ..ConfigRequest::default() };
    let reply = hollow.call(Number::REQUEST_CONFIG, &request).await?;
    reply.is(Number::RESPONSE_CONFIG)
}

async fn send_registration(hollow: &Hollow, node: &Node) -> Result<(), CallError> {
    let message = registration(hollow, node);
    let reply = hollow.call(Number::MESSAGE_NODE_REGISTRATION_STATUS, &message).await?;
    match reply.code() {
        // Only the first answer carries the cluster's TRES; later ones are a code.
        Some(code) if code.0 == 0 && node.is_registered() => {}
        _ => reply.is(Number::RESPONSE_NODE_REGISTRATION)?,
    }
    hollow.tally.registration(node.set_registered());
    Ok(())
}

fn registration(hollow: &Hollow, node: &Node) -> NodeRegistration {
    let plan = &hollow.plan;
    let now = call::now();
    let first = if node.is_registered() { 0 } else { registration_flags::RESPONSE };
    let configless = if plan.configless { registration_flags::CONFIGLESS } else { 0 };
    let version = hollow.speaker.version();
    NodeRegistration {
        timestamp: now,
        slurmd_start_time: Timestamp(node.started.0),
        hostname: Some(node.name.clone()),
        node_name: Some(node.name.clone()),
        arch: Some("x86_64".to_owned()),
        os: Some("Linux".to_owned()),
        cpus: plan.cpus,
        boards: 1,
        sockets: 2,
        cores: plan.cpus / 2,
        threads: 1,
        real_memory: plan.memory_mib,
        tmp_disk: 1000,
        up_time: u32::try_from(now.0 - node.started.0 + UP_S).unwrap_or(0),
        hash_val: Limit::Unset,
        cpu_load: Limit::Value(1),
        free_mem: Limit::Value(plan.memory_mib),
        steps: node.steps().into_iter().map(|(job, step)| StepId::step(job, step)).collect(),
        flags: first | configless,
        // 24.11.5 dies of a registration without this blob, so an empty one is sent.
        gres: OptionalNodeGres(Some(NodeGres { version: version.into(), records: Vec::new() })),
        version: Some(format!("{version}.0")),
        ..NodeRegistration::default()
    }
}

impl Hollow {
    /// A node's message to the controller, when it is its turn.
    pub(super) async fn call(
        &self,
        number: Number,
        body: &impl protocol::wire::Wire,
    ) -> Result<call::Reply, CallError> {
        let _turn = self.calls.acquire().await.expect("nobody closes the semaphore");
        let frame = self.speaker.daemon_frame(number, body);
        let version = self.speaker.version();
        call::exchange(self.plan.controller, None, &frame, version, ANSWER_LIMIT).await
    }
}
