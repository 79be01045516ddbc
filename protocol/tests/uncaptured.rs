//! Messages that no capture holds: each comes back from its bytes in all six releases, and the places
//! where releases differ have the lengths that the sources of those releases give.

use std::fmt::Debug;

use protocol::msg::*;
use protocol::shape::{Limit, NullOr, Timestamp};
use protocol::wire::{Wire, from_bytes, to_bytes};
use protocol::{Errno, Number, Version};

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Encodes and decodes in all six releases, and gives the lengths of the bodies.
#[track_caller]
fn lengths<T: Wire + Debug + PartialEq>(value: &T) -> [usize; 6] {
    Version::ALL.map(|version| {
        let bytes = to_bytes(value, version);
        let read: T = from_bytes(&bytes, version).unwrap_or_else(|e| panic!("{version}: {e}"));
        assert_eq!(to_bytes(&read, version), bytes, "{version}");
        if version == Version::NEWEST {
            for len in 0..bytes.len() {
                assert!(from_bytes::<T>(&bytes[..len], version).is_err(), "{len} bytes");
            }
        }
        bytes.len()
    })
}

/// The releases differ in their lengths by these bytes.
#[track_caller]
fn assert_growth<T: Wire + Debug + PartialEq>(value: &T, growth: [isize; 5]) {
    let lengths = lengths(value);
    for (step, expected) in lengths.windows(2).zip(growth) {
        assert_eq!(step[0].checked_add_signed(expected), Some(step[1]), "{lengths:?}");
    }
}

fn cluster() -> ClusterRecord {
    ClusterRecord {
        control_host: text("head"),
        control_port: 6817,
        dimensions: 1,
        fed_features: NullOr::list(vec![text("gpu")]),
        fed_name: text("fed"),
        fed_id: 2,
        fed_state: fed_state::ACTIVE,
        name: text("two"),
        rpc_version: Version::V24_11.into(),
        ..ClusterRecord::default()
    }
}

#[test]
fn a_cluster_lost_its_select_plugin_and_gained_a_number() {
    // 24.05: no plugin id, 32 bits of association flags. 24.11: presence and id.
    assert_growth(&cluster(), [-4 + 2, 1 + 2, 0, 0, 0]);
    let bytes = to_bytes(&cluster(), Version::V24_11);
    assert_eq!(&bytes[..5], &[1, 0xff, 0xff, 0xff, 0xfe], "present, and no usage");
    let mut absent = bytes;
    absent[0] = 0;
    assert!(from_bytes::<ClusterRecord>(&absent, Version::V24_11).is_err());
}

#[test]
fn a_federation_and_a_working_cluster_may_be_missing() {
    assert_eq!(lengths(&FederationInfo(None)), [1; 6]);
    assert_eq!(lengths(&WorkingCluster(None)), [1; 6]);
    assert_growth(&WorkingCluster(Some(Box::new(cluster()))), [-2, 3, 0, 0, 0]);
    let federation = Federation {
        name: text("fed"),
        clusters: NullOr::list(vec![cluster(), cluster()]),
        ..Federation::default()
    };
    assert_growth(&FederationInfo(Some(federation)), [-4, 6, 0, 0, 0]);
}

#[test]
fn a_persistent_connection_starts_with_the_version() {
    let init = PersistInit {
        version: Version::V23_11.into(),
        cluster_name: text("c"),
        kind: PersistKind::AccountingUpdate,
        port: 6817,
    };
    let bytes = to_bytes(&init, Version::V26_05);
    assert_eq!(bytes, [0x28, 0, 0, 0, 0, 2, b'c', 0, 0, 5, 0x1a, 0xa1]);
    assert_eq!(lengths(&init), [12; 6]);
    let answer = PersistReturnCode { code: Errno(0), about: 0x2800, ..Default::default() };
    assert_eq!(lengths(&answer), [12; 6]);
}

#[test]
fn changes_of_accounts_hold_records_by_kind() {
    let users = AccountingRecords::Users(NullOr::list(vec![UserRecord {
        name: text("ann"),
        associations: NullOr::list(vec![Association { id: 7, ..Association::default() }]),
        coordinates: NullOr::list(vec![Coordinator { name: text("physics"), direct: 1 }]),
        wckeys: NullOr::list(vec![Wckey::default()]),
        ..UserRecord::default()
    }]));
    let resource = ResourceRecord {
        cluster_resource: OptionalClusterResource(Some(ClusterResource::default())),
        ..ResourceRecord::default()
    };
    let federation = PresentFederation {
        federation: Federation { clusters: NullOr::list(vec![cluster()]), ..Default::default() },
        ..Default::default()
    };
    let records = [
        (change_kind::ADD_USER, users),
        (change_kind::REMOVE_ASSOC_USAGE, AccountingRecords::Associations(NullOr(None))),
        (change_kind::MODIFY_QOS, AccountingRecords::Qos(NullOr::list(vec![Qos::default()]))),
        (
            change_kind::UPDATE_QOS_USAGE,
            AccountingRecords::QosUsage(NullOr::list(vec![QosInUse::default()])),
        ),
        (change_kind::ADD_WCKEY, AccountingRecords::Wckeys(NullOr::list(vec![Wckey::default()]))),
        (change_kind::ADD_CLUSTER, AccountingRecords::None),
        (change_kind::ADD_RES, AccountingRecords::Resources(NullOr::list(vec![resource]))),
        (change_kind::ADD_TRES, AccountingRecords::Tres(NullOr::list(vec![Default::default()]))),
        (change_kind::UPDATE_FEDS, AccountingRecords::Federations(NullOr::list(vec![federation]))),
    ];
    let changes =
        records.map(|(kind, records)| AccountingChange { kind, records }).into_iter().collect();
    // 24.05: flags of the user's association (+2) and the cluster (-2). 24.11: the cluster (+3).
    // 25.11: presence and default QOS of the user.
    assert_growth(&AccountingUpdate { changes }, [0, 3, 0, 1 + 4, 0]);
    assert!(from_bytes::<AccountingUpdate>(&[0, 0, 0, 1, 0, 99], Version::V24_05).is_err());
}

#[test]
fn requests_grew_by_release() {
    assert_eq!(lengths(&ConfigRequest { flags: 1, port: 9 }), [4, 4, 4, 6, 6, 6]);
    assert_growth(&RebootNodes::default(), [0, 0, 0, 0, 4]);
    assert_growth(&UpdateNode::default(), [0, 4, 4, 0, 4]);
    assert_growth(&UpdatePartition::default(), [2, 0, 4, 0, 0]);
    assert_growth(&UpdateReservation::default(), [0, 0, 0, 4, 0]);
    assert_eq!(lengths(&TopologyInfoRequest::default()), [0, 0, 0, 4, 4, 4]);
    assert_eq!(lengths(&PowerAction::default()), [12; 6]);
    assert_eq!(lengths(&NodeHealth { healthy: true }), [1; 6]);
    assert_eq!(lengths(&PingReply::default()), [12, 12, 12, 12, 12, 16]);
}

#[test]
fn records_grew_by_release() {
    // energy +8 in 24.11; 24.05 has GPU cores (str, u16) for the sensors (24) and the cap (4); 25.05
    // flags and time of the certificate and topology for plugin id and weight.
    assert_growth(&NodeInfo::default(), [4 + 2 - 28, 8, 2 + 8 + 4 - 4 - 8, 4, 4]);
    assert_growth(&PartitionInfo::default(), [2, 0, 4, 0, 0]);
    assert_growth(&ReservationInfo::default(), [0, 0, 0, 4, 0]);
    assert_growth(&LicenseInfo::default(), [0, 0, 5, 0, 0]);
    assert_growth(&NodeRegistration::default(), [0, 8, 8, 4, 0]);
    assert_growth(&BurstBufferInfo::default(), [4, 0, 0, 0, 0]);
    let stats = StatsInfo { counters: Some(Counters::default()), rpcs: RpcStats::default() };
    assert_growth(&stats, [1, 0, 0, 4 - 4, 0]);
}

#[test]
fn rpc_counters_are_columns() {
    let mut counters = Counters::default();
    counters.set_schedule_cycle_sum(1 << 40);
    let row = RpcByType { number: Number::REQUEST_PING, count: 2, time: 9, ..Default::default() };
    let rpcs = RpcStats {
        by_type: vec![row, row],
        queue_enabled: true,
        by_user: vec![RpcByUser { user_id: 0, count: 2, time: 9 }],
        pending_by_type: vec![PendingByType { number: 1008, count: 1 }],
        pending: vec![PendingRpc { number: 1008, hosts: text("n[1-2]") }],
    };
    let value = StatsInfo { counters: Some(counters), rpcs };
    // The queue's four columns of two rows are 44 bytes and the flag one.
    assert_growth(&value, [45, 0, 0, 0, 0]);
    let later: StatsInfo = from_bytes(&to_bytes(&value, Version::V25_11), Version::V25_11).unwrap();
    assert_eq!(later.counters.unwrap().schedule_cycle_sum_u64, 1 << 40);
}

#[test]
fn a_reset_of_23_11_has_no_counters() {
    let reset = StatsInfo::default();
    let bytes = to_bytes(&reset, Version::V23_11);
    assert_eq!(bytes[..4], [0; 4]);
    assert_eq!(from_bytes(&bytes, Version::V23_11), Ok(reset));
}

#[test]
fn topologies_are_led_by_their_plugin() {
    let tree = TopologyInfo::Tree(vec![Switch { name: text("s"), ..Switch::default() }]);
    assert_eq!(lengths(&tree), [4 + 4 + 20; 6]);
    let block = TopologyInfo::Block(vec![Block::default()]);
    assert_eq!(lengths(&block), [18, 18, 23, 23, 23, 23]);
    let torus = TopologyInfo::Torus(vec![Torus {
        placements: vec![Placement::default()],
        ..Torus::default()
    }]);
    assert_eq!(lengths(&torus), [4, 4, 4, 4, 4, 4 + 4 + 14 + 4 + 10]);
    let ring = TopologyInfo::Ring(vec![Ring::default()]);
    assert_eq!(lengths(&ring), [4, 4, 4, 4, 4, 4 + 4 + 12]);
    assert_eq!(lengths(&TopologyInfo::OldTorus), [4; 6]);
    assert!(from_bytes::<TopologyInfo>(&[0, 0, 0, 99], Version::V24_05).is_err());
}

#[test]
fn the_rest_is_the_same_everywhere() {
    let front_ends =
        FrontEndsInfo { last_update: Timestamp(1), records: vec![FrontEnd::default()] };
    assert_eq!(lengths(&front_ends), [4 + 8 + 7 * 4 + 2 * 4 + 3 * 8; 6]);
    assert_eq!(lengths(&UpdateFrontEnd::default()), [12; 6]);
    assert_eq!(lengths(&CertificateRequest::default()), [12; 6]);
    assert_eq!(lengths(&CertificateReply::default()), [4; 6]);
    assert_eq!(lengths(&TokenReply { token: text("t") }), [6; 6]);
    assert_eq!(lengths(&ControlStatus::default()), [10; 6]);
    assert_eq!(lengths(&EnergyRequest::default()), [4; 6]);
    let readings =
        EnergyReadings { sensors: Readings(vec![Energy::default()]), ..Default::default() };
    assert_eq!(lengths(&readings), [46, 46, 54, 54, 54, 54]);
    assert_eq!(lengths(&NodeAddresses { node_list: text("n1"), ..Default::default() }), [15; 6]);
    assert_eq!(lengths(&SuspendException { value: text("n1"), mode: update_mode::ADD }), [11; 6]);
}

#[test]
fn a_relayed_message_stays_bytes() {
    let relay = DbdRelay { number: Number(1442), message: vec![5, 0xa2, 1, 2, 3] };
    for version in Version::ALL {
        let bytes = to_bytes(&relay, version);
        assert_eq!(bytes, [5, 0xa2, 5, 0xa2, 1, 2, 3]);
        assert_eq!(from_bytes(&bytes, version), Ok(relay.clone()));
    }
}

#[test]
fn the_first_prolog_is_what_23_11_sees() {
    let programs = Programs(vec![text("a"), text("b")]);
    assert_eq!(to_bytes(&programs, Version::V23_11), [0, 0, 0, 2, b'a', 0]);
    assert_eq!(lengths(&programs), [6, 16, 16, 16, 16, 16]);
    let limited = UpdateNode { weight: Limit::Value(3), ..UpdateNode::default() };
    assert_eq!(to_bytes(&limited, Version::V23_11)[52..], [0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 3]);
}
