use std::sync::Arc;

use ctld_core::{Answer, Dynamic, Event, Registered};
use model::{Availability, JobId, NodeId, StepNumber};
use protocol::msg::{GresRecord, NodeRegistration, NodeRegistrationReply, StepId};
use protocol::wire::from_bytes;
use protocol::{Errno, Version};

use super::*;
use crate::rpc::{Kind, failed, fixtures, row};

/// The cluster of the captures.
const CONF: &str = "NodeName=n[1-3] Sockets=2 CoresPerSocket=4 RealMemory=8000 Weight=5 \
     Feature=fast,big Gres=widget:4 Port=7001\nGresTypes=widget\n\
     PartitionName=main Nodes=ALL Default=YES\nPartitionName=short Nodes=n[1-2] MaxTime=60\n";

fn event(conf: &str, message: &NodeRegistration, version: Version) -> Result<Registered, Failure> {
    let view = fixtures::view(conf, &[]);
    let body = fixtures::bytes(message, version);
    let request = fixtures::request(Number::MESSAGE_NODE_REGISTRATION_STATUS, version, &body);
    match registered(&view, &request)? {
        Event::Registered(registered) => Ok(*registered),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_captured_registration_brings_its_node_into_service() {
    let mut seen = 0;
    for frame in fixtures::captured(Number::MESSAGE_NODE_REGISTRATION_STATUS) {
        let version = frame.header.version;
        let mut core = fixtures::core(CONF);
        let view = fixtures::view_of(CONF, core.cluster().clone());
        let number = Number::MESSAGE_NODE_REGISTRATION_STATUS;
        let request = fixtures::request(number, version, &frame.body);
        let event = registered(&view, &request).unwrap();
        let Event::Registered(r) = &event else { panic!("{event:?}") };
        assert_eq!(r.registration.protocol, version.to_wire());
        assert_eq!((r.registration.sockets, r.registration.cores_per_socket), (2, 4));
        assert!(r.registration.booted < request.now);
        assert_eq!(r.gres.as_deref().map(|g| (&*g[0].name, g[0].count)), Some(("widget", 4)));
        let (name, is_empty) = (Arc::clone(&r.node_name), r.steps.is_empty());
        let answer = core.turn(request.now, event).answer;
        let node = core.cluster().node_named(&name).unwrap();
        assert_eq!(node.availability, Availability::Up, "{version} {name}");
        assert_eq!(answer, Ok(Answer::Registered { node: node.id, name: Arc::clone(&name) }));
        // What runs there is of no job that this cluster has: it is to end first.
        assert_eq!(node.is_schedulable(), is_empty, "{version} {name}");
        seen += 1;
    }
    assert!(seen >= 20, "only {seen} registrations are captured");
}

#[test]
fn the_answer_has_the_tres_that_stock_sends() {
    let stock = fixtures::captured(Number::RESPONSE_NODE_REGISTRATION);
    assert!(!stock.is_empty());
    for frame in stock {
        let version = frame.header.version;
        let wanted: NodeRegistrationReply = from_bytes(&frame.body, version).unwrap();
        let view = fixtures::view(CONF, &[]);
        let asks = NodeRegistration {
            flags: registration_flags::RESPONSE,
            node_name: Some("n1".into()),
            ..NodeRegistration::default()
        };
        let body = fixtures::bytes(&asks, version);
        let number = Number::MESSAGE_NODE_REGISTRATION_STATUS;
        let request = fixtures::request(number, version, &body);
        let answer = Answer::Registered { node: NodeId(0), name: "n1".into() };
        let reply = answered(&view, &request, answer);
        assert_eq!(reply.number, Number::RESPONSE_NODE_REGISTRATION);
        let ours: NodeRegistrationReply = from_bytes(&reply.body, version).unwrap();
        assert_eq!(ours, wanted, "{version}");
    }
}

#[test]
fn who_does_not_ask_gets_a_bare_zero_and_so_does_a_node_that_is_unknown() {
    let view = fixtures::view(CONF, &[]);
    for version in [Version::OLDEST, Version::NEWEST] {
        let message = NodeRegistration { node_name: Some("x".into()), ..Default::default() };
        let body = fixtures::bytes(&message, version);
        let number = Number::MESSAGE_NODE_REGISTRATION_STATUS;
        let request = fixtures::request(number, version, &body);
        let reply = answered(&view, &request, Answer::Done);
        assert_eq!(reply, request.return_code(Errno::SLURM_SUCCESS));
        let mut core = fixtures::core(CONF);
        let event = registered(&view, &request).unwrap();
        let reject = core.turn(request.now, event).answer.unwrap_err();
        assert_eq!(reject, Reject::NoSuchNode("x".into()));
        let reply = failed(&request, &Failure::Rejected(reject)).unwrap();
        assert_eq!(reply, request.return_code(Errno::SLURM_SUCCESS));
    }
}

#[test]
fn only_daemons_register() {
    let row = row(Number::MESSAGE_NODE_REGISTRATION_STATUS).unwrap();
    assert_eq!(row.privilege, Privilege::Daemon);
    assert!(matches!(row.kind, Kind::Write(..)));
}

#[test]
fn steps_of_the_controller_are_told_from_others() {
    let message = NodeRegistration {
        node_name: Some("n1".into()),
        steps: vec![
            StepId::step(7, StepId::BATCH),
            StepId::step(7, 0),
            StepId::step(NO_ALLOCATION + 1, 0),
        ],
        parameters: Some("l3cache_as_socket".into()),
        ..NodeRegistration::default()
    };
    let r = event(CONF, &message, Version::V24_11).unwrap();
    assert_eq!(r.steps, [(JobId(7), StepNumber::Batch), (JobId(7), StepNumber::Normal(0))]);
    assert_eq!(r.registration.parameters, None, "older ones have no such thing");
    let r = event(CONF, &message, Version::V25_11).unwrap();
    assert_eq!(r.registration.parameters.as_deref(), Some("l3cache_as_socket"));
}

#[test]
fn a_dynamic_node_is_as_its_line_says_or_else_as_it_found_itself() {
    let mut message = NodeRegistration {
        node_name: Some("dyn1".into()),
        hostname: Some("host1".into()),
        flags: registration_flags::RESPONSE,
        dynamic_type: dynamic_type::NORM,
        cpus: 8,
        boards: 1,
        sockets: 2,
        cores: 4,
        threads: 1,
        real_memory: 4000,
        ..NodeRegistration::default()
    };
    let found = event(CONF, &message, Version::V26_05).unwrap();
    let Dynamic::New(node) = found.dynamic else { panic!("{:?}", found.dynamic) };
    assert_eq!((&*node.name, node.hardware.cpus, node.hardware.memory_mib), ("dyn1", 8, 4000));
    assert_eq!((&*node.address.host, &*node.address.host_name), ("10.0.0.7", "host1"));

    message.dynamic_conf =
        Some("NodeName=dyn1 CPUs=2 RealMemory=100 Feature=f1,f2 Gres=widget:1 Port=7100".into());
    let told = event(CONF, &message, Version::V26_05).unwrap();
    let Dynamic::New(node) = told.dynamic else { panic!("{:?}", told.dynamic) };
    assert_eq!((node.hardware.cpus, node.address.port), (2, 7100));
    assert_eq!(node.features_active.len(), 2);

    message.dynamic_conf = Some("NodeName=dyn1 CPUs=many".into());
    assert!(matches!(
        event(CONF, &message, Version::V26_05),
        Err(Failure::Rejected(Reject::NoSuchNode(_)))
    ));
    message.flags = 0;
    assert_eq!(event(CONF, &message, Version::V26_05).unwrap().dynamic, Dynamic::No);
}

#[test]
fn a_dynamic_node_learns_its_name_and_joins_the_partitions_of_all() {
    let conf = format!("MaxNodeCount=10\n{CONF}");
    let mut core = fixtures::core(&conf);
    let message = NodeRegistration {
        node_name: Some("dyn1".into()),
        hostname: Some("host1".into()),
        flags: registration_flags::RESPONSE,
        dynamic_type: dynamic_type::NORM,
        cpus: 1,
        boards: 1,
        sockets: 1,
        cores: 1,
        threads: 1,
        real_memory: 10,
        ..NodeRegistration::default()
    };
    let body = fixtures::bytes(&message, Version::V25_11);
    let number = Number::MESSAGE_NODE_REGISTRATION_STATUS;
    let request = fixtures::request(number, Version::V25_11, &body);
    let view = fixtures::view_of(&conf, core.cluster().clone());
    let answer = core.turn(request.now, registered(&view, &request).unwrap()).answer.unwrap();
    let view = fixtures::view_of(&conf, core.cluster().clone());
    let node = view.cluster.node_named("dyn1").unwrap();
    assert!(node.is_schedulable());
    assert!(view.cluster.partition("main").unwrap().nodes.contains(&node.id));
    assert!(!view.cluster.partition("short").unwrap().nodes.contains(&node.id));
    let reply = answered(&view, &request, answer);
    let reply: NodeRegistrationReply = from_bytes(&reply.body, Version::V25_11).unwrap();
    assert_eq!(reply.node_name.as_deref(), Some("dyn1"));
}

#[test]
fn lines_of_one_gres_are_counted_together() {
    let record = |count| GresRecord { count, name: Some("gpu".into()), ..GresRecord::default() };
    let found = NodeGres { records: vec![record(2), record(u64::MAX)], ..NodeGres::default() };
    let counts = gres(&found);
    assert_eq!((counts.len(), counts[0].count), (1, u64::MAX));
}

#[test]
fn a_site_counts_more_than_the_standard_tres() {
    let conf = "NodeName=n1 Gres=gpu:2\nGresTypes=gpu\nLicenses=fea:3\n\
                AccountingStorageTRES=gres/gpu,license/fea,cpu\n";
    let tres = tres(&fixtures::view(conf, &[]));
    let own: Vec<_> =
        tres[8..].iter().map(|t| (t.id, t.kind.as_deref().unwrap(), t.count)).collect();
    assert_eq!(own, [(1001, "gres", 2), (1002, "license", 3)]);
}
