use ctld_core::{Core, Reject};
use protocol::Version;

use super::*;
use crate::rpc::fixtures;

const CONF: &str = "NodeName=n[1-4] Feature=a\nNodeSet=set Feature=a\n\
                    PartitionName=main Nodes=n[1-2] Default=YES\n";

fn turn(
    core: &mut Core,
    message: &UpdatePartition,
    write: super::super::Write,
) -> Result<(), Failure> {
    let mut result = Ok(());
    for version in [Version::OLDEST, Version::NEWEST] {
        let view = fixtures::view_of(CONF, core.cluster().clone());
        let body = fixtures::bytes(message, version);
        let number = Number::REQUEST_UPDATE_PARTITION;
        let event = write(&view, &fixtures::request(number, version, &body))?;
        if version == Version::NEWEST {
            result = core.turn(fixtures::NOW, event).answer.map(drop).map_err(Failure::Rejected);
        }
    }
    result
}

fn named(name: &str) -> UpdatePartition {
    UpdatePartition { name: Some(name.into()), ..UpdatePartition::default() }
}

fn partition(core: &Core, name: &str) -> Partition {
    Partition::clone(core.cluster().partition(name).unwrap())
}

#[test]
fn an_update_that_says_nothing_alters_nothing() {
    let mut core = fixtures::core(CONF);
    let before = partition(&core, "main");
    turn(&mut core, &named("main"), update).unwrap();
    assert_eq!(partition(&core, "main"), before);
}

#[test]
fn every_field_is_set_and_taken_back() {
    let mut core = fixtures::core(CONF);
    let set = UpdatePartition {
        flags: PartitionFlags(
            PartitionFlags::HIDDEN | PartitionFlags::DEFAULT_CLEAR | PartitionFlags::LLN,
        ),
        max_time: Limit::Value(60),
        default_time: Limit::Value(30),
        max_nodes: Limit::Value(3),
        min_nodes: Limit::Value(2),
        max_share: Limit::Value(OVERSUBSCRIBE_FORCE | 4),
        def_mem_per_cpu: Limit::Value(MEMORY_PER_CPU | 100),
        max_mem_per_cpu: Limit::Value(900),
        state_up: Limit::Value(partition_state::DRAIN),
        priority_tier: Limit::Value(5),
        preempt_mode: Limit::Value(preempt_mode::REQUEUE),
        allow_accounts: Some("Phys,Chem".into()),
        allow_groups: Some("staff".into()),
        alternate: Some("other".into()),
        over_time_limit: Limit::Infinite,
        grace_time: Limit::Value(9),
        ..named("main")
    };
    turn(&mut core, &set, update).unwrap();
    let p = partition(&core, "main");
    assert!(p.hidden && p.lln && !p.is_default);
    assert_eq!((p.max_time_min, p.default_time_min), (Some(60), Some(30)));
    assert_eq!((p.max_nodes, p.min_nodes, p.sharing), (Some(3), 2, Sharing::Force(4)));
    assert_eq!(p.def_memory, Some(MemoryDefault::PerCpu(100)));
    assert_eq!(p.max_memory, Some(MemoryDefault::PerNode(900)));
    assert_eq!((p.state, p.priority_tier), (PartitionState::Drain, 5));
    assert_eq!(p.preempt_mode, Some(PreemptMode::Requeue));
    assert_eq!(p.allow_accounts.as_deref(), Some("phys,chem"));
    assert_eq!((p.over_time_limit_min, p.grace_time_s), (Some(u16::MAX), 9));

    let back = UpdatePartition {
        flags: PartitionFlags(PartitionFlags::HIDDEN_CLEAR | PartitionFlags::LLN_CLEAR),
        max_time: Limit::Infinite,
        max_share: Limit::Value(1),
        def_mem_per_cpu: Limit::Value(0),
        allow_accounts: Some("ALL".into()),
        alternate: Some("none".into()),
        ..named("main")
    };
    turn(&mut core, &back, update).unwrap();
    let p = partition(&core, "main");
    assert!(!p.hidden && !p.lln);
    assert_eq!((p.max_time_min, p.sharing, p.def_memory), (None, Sharing::No, None));
    assert_eq!((p.allow_accounts, p.alternate), (None, None));
}

#[test]
fn a_default_time_above_the_maximum_is_left_out() {
    let mut core = fixtures::core(CONF);
    let message = UpdatePartition {
        max_time: Limit::Value(10),
        default_time: Limit::Value(30),
        ..named("main")
    };
    turn(&mut core, &message, update).unwrap();
    let p = partition(&core, "main");
    assert_eq!((p.max_time_min, p.default_time_min), (Some(10), None));
}

fn with_nodes(name: &str, nodes: &str) -> UpdatePartition {
    UpdatePartition { nodes: Some(nodes.into()), ..named(name) }
}

#[test]
fn nodes_are_set_added_and_taken_away() {
    let mut core = fixtures::core(CONF);
    let len = |core: &Core| partition(core, "main").nodes.len();
    turn(&mut core, &with_nodes("main", "set"), update).unwrap();
    assert_eq!((len(&core), partition(&core, "main").node_sets.as_deref()), (4, Some("a")));
    turn(&mut core, &with_nodes("main", "-n[1-2],+n1"), update).unwrap();
    assert_eq!(len(&core), 2);
    turn(&mut core, &with_nodes("main", "+n1"), update).unwrap();
    assert_eq!(len(&core), 3);
    assert_eq!(partition(&core, "main").nodes_text.as_deref(), Some("n[1,3-4]"));
    turn(&mut core, &with_nodes("main", ""), update).unwrap();
    assert_eq!(len(&core), 0);
    let refused = turn(&mut core, &with_nodes("main", "n9"), update);
    assert_eq!(refused, Err(Failure::Rejected(Reject::NoSuchNode("n9".into()))));
    let mixed = turn(&mut core, &with_nodes("main", "+n1,n2"), update);
    assert_eq!(mixed, Err(Failure::Code(Errno::ESLURM_INVALID_NODE_NAME)));
}

#[test]
fn a_partition_is_made_once_and_deleted_once() {
    let mut core = fixtures::core(CONF);
    let message = UpdatePartition {
        flags: PartitionFlags(PartitionFlags::DEFAULT),
        ..with_nodes("new", "ALL")
    };
    turn(&mut core, &message, create).unwrap();
    let p = partition(&core, "new");
    assert_eq!((p.nodes.len(), p.is_default), (4, true));
    assert!(!partition(&core, "main").is_default, "there is one default");
    let again = turn(&mut core, &message, create).unwrap_err();
    let Failure::Rejected(reject) = again else { panic!("{again:?}") };
    assert_eq!(crate::rpc::errno(&reject), Errno::ESLURM_INVALID_PARTITION_NAME);

    let gone = DeletePartition { name: Some("new".into()) };
    let body = fixtures::bytes(&gone, Version::NEWEST);
    let request = fixtures::request(Number::REQUEST_DELETE_PARTITION, Version::NEWEST, &body);
    let view = fixtures::view(CONF, &[]);
    let event = delete(&view, &request).unwrap();
    core.turn(fixtures::NOW, event.clone()).answer.unwrap();
    let again = core.turn(fixtures::NOW, event).answer;
    assert_eq!(again, Err(Reject::NoSuchPartition("new".into())));
}

#[test]
fn a_name_is_needed_and_a_qos_cannot_be_had() {
    let mut core = fixtures::core(CONF);
    let nameless = turn(&mut core, &UpdatePartition::default(), update);
    assert_eq!(nameless, Err(Failure::Code(Errno::ESLURM_INVALID_PARTITION_NAME)));
    let qos = UpdatePartition { qos: Some("high".into()), ..named("main") };
    assert_eq!(turn(&mut core, &qos, update), Err(Failure::Code(Errno::ESLURM_INVALID_QOS)));
    let unknown = turn(&mut core, &named("moon"), update);
    assert_eq!(unknown, Err(Failure::Rejected(Reject::NoSuchPartition("moon".into()))));
}
