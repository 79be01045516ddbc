//! Hollow nodes as a controller sees them: the test plays the controller, over loopback TCP.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic anywhere")]

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use benches::call::{self, Reply, Speaker};
use benches::hollow::{Hollow, Mishaps, Plan};
use protocol::auth::{self, Credential, Expected, Issuer, KeySet, VersionedCredential};
use protocol::frame::{Auth, Forward, Frame};
use protocol::msg::{
    BatchJobLaunch, CompleteBatchScript, EpilogComplete, Identity, KillJob, NodeRegistration,
    PingReply, ReturnCode, StepId,
};
use protocol::wire::{self, Wire};
use protocol::{Errno, Number, Version};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time;

const LIMIT: Duration = Duration::from_secs(20);
const VERSIONS: [Version; 2] = [Version::V24_11, Version::V26_05];

/// A controller: it verifies what comes, and says yes to all of it.
struct Controller {
    listener: TcpListener,
    speaker: Speaker,
    keys: Arc<KeySet>,
}

impl Controller {
    async fn new(version: Version) -> Self {
        let keys = Arc::new(KeySet::from_key_file(b"a key of the test").unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, speaker: Speaker::root(Arc::clone(&keys), version), keys }
    }

    /// Takes the next message, which must be this one, and answers it with a return code, or with the first
    /// registration's own answer.
    async fn take<T: Wire>(&self, number: Number) -> T {
        let (mut stream, _) = time::timeout(LIMIT, self.listener.accept()).await.unwrap().unwrap();
        let frame = Frame::from_bytes(&call::read_frame(&mut stream).await.unwrap()).unwrap();
        assert_eq!(frame.header.number, number);
        let Some(Auth::Slurm { token: Some(token) }) = &frame.auth else { panic!("no token") };
        let expected = Expected { number, body: &frame.body };
        let claims = auth::authenticate(token, &self.keys, call::now(), 0, expected).unwrap();
        assert_eq!(claims.uid, 0);
        let version = frame.header.version;
        let reply = if number == Number::MESSAGE_NODE_REGISTRATION_STATUS {
            let number = Number::RESPONSE_NODE_REGISTRATION;
            Frame::reply(version, number, vec![])
        } else {
            let body = wire::to_bytes(&ReturnCode::default(), version);
            Frame::reply(version, Number::RESPONSE_SLURM_RC, body)
        };
        stream.write_all(&reply.to_bytes()).await.unwrap();
        wire::from_bytes(&frame.body, version).unwrap()
    }

    async fn ask(&self, node: u16, number: Number, body: &impl Wire) -> Reply {
        let frame = self.speaker.daemon_frame(number, body);
        let to = SocketAddr::from(([127, 0, 9, 1], node));
        call::exchange(to, None, &frame, self.speaker.version(), LIMIT).await.unwrap()
    }

    fn launch(&self, job: u32, script: &str) -> BatchJobLaunch {
        let version = self.speaker.version();
        let credential =
            Credential { step_id: StepId::step(job, StepId::BATCH), ..Credential::default() };
        let issuer =
            Issuer { host: "ctl".into(), cluster: None, uid: 0, gid: 0, slurmd_uid: 0, ttl_s: 60 };
        let bytes = wire::to_bytes(&credential, version);
        let token = issuer.launch(&self.keys, call::now(), &Identity::default(), bytes);
        BatchJobLaunch {
            job_id: job,
            script: Some(script.into()),
            credential: VersionedCredential::token(version, token),
            ..BatchJobLaunch::default()
        }
    }
}

/// Two nodes, registered; each test has ports of its own.
async fn nodes(controller: &Controller, first: u16, epilog: Option<Duration>) -> Arc<Hollow> {
    let plan = Plan {
        controller: controller.listener.local_addr().unwrap(),
        names: vec!["h1".into(), "h2".into()],
        first: SocketAddrV4::new(Ipv4Addr::new(127, 0, 9, 1), first),
        own_addresses: false,
        cpus: 4,
        memory_mib: 1000,
        run: Duration::ZERO,
        prolog: Duration::ZERO,
        epilog,
        configless: false,
        verify: true,
        mishaps: Mishaps::default(),
    };
    let hollow = Hollow::start(plan, controller.speaker.clone()).await.unwrap();
    let mut names = Vec::new();
    for _ in 0..2 {
        let message: NodeRegistration =
            controller.take(Number::MESSAGE_NODE_REGISTRATION_STATUS).await;
        assert!(message.gres.0.is_some(), "24.11.5 dies of a registration without the blob");
        names.push(message.node_name.unwrap());
    }
    names.sort();
    assert_eq!(names, ["h1", "h2"]);
    hollow
}

fn code(reply: &Reply) -> Errno {
    reply.code().unwrap_or_else(|| panic!("{} is no return code", reply.number()))
}

fn end_of(job: u32) -> KillJob {
    KillJob { step_id: StepId::job(job), ..KillJob::default() }
}

#[tokio::test]
async fn a_script_is_acknowledged_run_reported_and_cleaned_up_at_once() {
    for (version, first) in VERSIONS.into_iter().zip([24_001, 24_011]) {
        let controller = Controller::new(version).await;
        let hollow = nodes(&controller, first, None).await;
        let launch = controller.launch(7, "#!/bin/sh\ntrue\n");
        let reply = controller.ask(first + 1, Number::REQUEST_BATCH_JOB_LAUNCH, &launch).await;
        assert_eq!(code(&reply), Errno(0));
        let end: CompleteBatchScript = controller.take(Number::REQUEST_COMPLETE_BATCH_SCRIPT).await;
        assert_eq!((end.step_id.job_id, end.job_rc), (7, 0));
        assert_eq!(end.node_name.as_deref(), Some("h2"));
        let reply = controller.ask(first + 1, Number::REQUEST_TERMINATE_JOB, &end_of(7)).await;
        assert_eq!(code(&reply), Errno::ESLURMD_KILL_JOB_ALREADY_COMPLETE);
        let count = hollow.tally().count();
        assert_eq!((count.registered, count.launches, count.terminations), (2, 1, 1));
    }
}

#[tokio::test]
async fn a_script_that_is_terminated_reports_the_signal_and_the_epilog() {
    let controller = Controller::new(Version::V24_11).await;
    let _hollow = nodes(&controller, 24_021, Some(Duration::ZERO)).await;
    let launch = controller.launch(8, "#!/bin/sh\nsleep 600\n");
    controller.ask(24_021, Number::REQUEST_BATCH_JOB_LAUNCH, &launch).await;
    let again = controller.ask(24_021, Number::REQUEST_BATCH_JOB_LAUNCH, &launch).await;
    assert_eq!(code(&again), Errno(0), "a launch that comes twice is acknowledged twice");
    let reply = controller.ask(24_021, Number::REQUEST_TERMINATE_JOB, &end_of(8)).await;
    assert_eq!(code(&reply), Errno(0));
    // The two reports come in either order, each on a connection of its own.
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (mut stream, _) =
            time::timeout(LIMIT, controller.listener.accept()).await.unwrap().unwrap();
        let frame = Frame::from_bytes(&call::read_frame(&mut stream).await.unwrap()).unwrap();
        let body = wire::to_bytes(&ReturnCode::default(), frame.header.version);
        let reply = Frame::reply(frame.header.version, Number::RESPONSE_SLURM_RC, body);
        stream.write_all(&reply.to_bytes()).await.unwrap();
        seen.push(match frame.header.number {
            Number::REQUEST_COMPLETE_BATCH_SCRIPT => {
                let end: CompleteBatchScript =
                    wire::from_bytes(&frame.body, Version::V24_11).unwrap();
                ("script", end.job_rc)
            }
            _ => {
                let end: EpilogComplete = wire::from_bytes(&frame.body, Version::V24_11).unwrap();
                ("epilog", end.return_code)
            }
        });
    }
    seen.sort_unstable();
    assert_eq!(seen, [("epilog", 0), ("script", 15)]);
}

#[tokio::test]
async fn a_message_to_be_forwarded_is_answered_for_each_node_and_unknown_ones_fail() {
    for (version, first) in VERSIONS.into_iter().zip([24_031, 24_041]) {
        let controller = Controller::new(version).await;
        let _hollow = nodes(&controller, first, None).await;
        let bytes = controller.speaker.daemon_frame(Number::REQUEST_PING, &());
        let mut frame = Frame::from_bytes(&bytes[4..]).unwrap();
        frame.header.forward = Forward {
            count: 2,
            nodes: Some("h2,elsewhere".into()),
            timeout_ms: 1000,
            tree_width: 50,
            net_cred: None,
            tree_depth: 1,
        };
        let mut stream = tokio::net::TcpStream::connect(("127.0.9.1", first)).await.unwrap();
        stream.write_all(&frame.to_bytes()).await.unwrap();
        let reply = Frame::from_bytes(&call::read_frame(&mut stream).await.unwrap()).unwrap();
        assert_eq!(reply.header.number, Number::RESPONSE_PING_SLURMD);
        let own: PingReply = wire::from_bytes(&reply.body, version).unwrap();
        assert_eq!(own.free_mem.value(), Some(1000));
        let answers: Vec<_> = reply
            .header
            .returned
            .iter()
            .map(|item| (item.node_name.as_deref().unwrap(), item.number))
            .collect();
        let expected =
            [("h2", Number::RESPONSE_PING_SLURMD), ("elsewhere", Number::RESPONSE_FORWARD_FAILED)];
        assert_eq!(answers, expected, "{version}");
    }
}

#[tokio::test]
async fn a_launch_with_somebody_elses_credential_is_refused_and_a_foreign_token_gets_no_answer() {
    let controller = Controller::new(Version::V24_11).await;
    let hollow = nodes(&controller, 24_051, None).await;
    let stranger = Controller {
        keys: Arc::new(KeySet::from_key_file(b"another key").unwrap()),
        ..Controller::new(Version::V24_11).await
    };
    let launch = stranger.launch(9, "true");
    let reply = controller.ask(24_051, Number::REQUEST_BATCH_JOB_LAUNCH, &launch).await;
    assert_eq!(code(&reply), Errno::ESLURMD_INVALID_JOB_CREDENTIAL);

    let speaker = Speaker::root(Arc::clone(&stranger.keys), Version::V24_11);
    let frame = speaker.daemon_frame(Number::REQUEST_PING, &());
    let to = SocketAddr::from(([127, 0, 9, 1], 24_051));
    assert!(call::exchange(to, None, &frame, Version::V24_11, LIMIT).await.is_err());
    assert_eq!(hollow.tally().count().refused, 1);
    assert_eq!(hollow.tally().count().launches, 0);
}
