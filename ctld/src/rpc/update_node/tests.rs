use ctld_core::Core;
use model::{Availability, Timestamp};
use protocol::Version;
use protocol::msg::ReturnCodeMessage;
use protocol::wire::from_bytes;

use super::*;
use crate::rpc::{fixtures, row};

const CONF: &str = "NodeName=n[1-3] CPUs=4 RealMemory=100 Feature=a,b\nNodeSet=set Feature=a\n\
                    MaxNodeCount=9\nPartitionName=main Nodes=ALL Default=YES\n";

fn view() -> View {
    fixtures::view(CONF, &[])
}

fn made(
    message: &UpdateNode,
    write: super::super::Write,
    version: Version,
) -> Result<Event, Failure> {
    let body = fixtures::bytes(message, version);
    write(&view(), &fixtures::request(Number::REQUEST_UPDATE_NODE, version, &body))
}

fn update_of(message: &UpdateNode) -> NodeUpdate {
    for version in [Version::OLDEST, Version::NEWEST] {
        let event = made(message, update, version).unwrap();
        let Event::UpdateNodes(update) = event else { panic!("{event:?}") };
        if version == Version::NEWEST {
            return *update;
        }
    }
    unreachable!("the newest version is the last")
}

fn nodes(names: &str) -> UpdateNode {
    UpdateNode { node_names: Some(names.into()), ..UpdateNode::default() }
}

#[test]
fn what_is_not_said_stays_and_what_is_said_is_told_the_core() {
    let nothing = update_of(&nodes("n[1-2]"));
    assert_eq!(nothing.target.names.len(), 2);
    assert_eq!((nothing.state, nothing.weight, nothing.cpu_bind), (None, None, None));
    assert_eq!((nothing.reason, nothing.resume_after_s, nothing.gres), (None, None, None));

    let all = update_of(&UpdateNode {
        node_state: Limit::Value(node_state::DRAIN),
        reason: Some("fan".into()),
        weight: Limit::Value(7),
        features: Some("x,y".into()),
        comment: Some(String::new()),
        cpu_bind: CPU_BIND_OFF,
        gres: Some("gpu:2".into()),
        node_addr: Some("h[1-2]".into()),
        resume_after: Limit::Value(60),
        ..nodes("n[1-2]")
    });
    assert_eq!((all.state, all.weight), (Some(NodeUpdateState::Drain), Some(7)));
    assert_eq!(all.features_available.map(|f| f.len()), Some(2));
    assert_eq!((all.comment.as_deref(), all.cpu_bind), (Some(""), Some(0)));
    assert_eq!(all.gres.map(|(_, counts)| counts[0].count), Some(2));
    assert_eq!(all.address.map(|a| a[1].to_string()).as_deref(), Some("h2"));
    assert_eq!(all.resume_after_s, Some(Some(60)));
    let cleared = UpdateNode { resume_after: Limit::Infinite, ..nodes("n1") };
    assert_eq!(update_of(&cleared).resume_after_s, Some(None));
}

#[test]
fn nodes_are_named_by_list_by_set_and_all_at_once() {
    for names in ["n[1-3]", "set", "ALL", "n1,set"] {
        let update = update_of(&nodes(names));
        let named: std::collections::BTreeSet<_> = update.target.names.iter().collect();
        assert_eq!(named.len(), 3, "{names}");
    }
    for bad in ["", "n[1-"] {
        let refused = made(&nodes(bad), update, Version::NEWEST).err();
        assert_eq!(refused, Some(Failure::Code(Errno::ESLURM_INVALID_NODE_NAME)), "{bad}");
    }
}

#[test]
fn states_that_scontrol_does_not_send_are_refused() {
    let message = UpdateNode { node_state: Limit::Value(node_state::MIXED), ..nodes("n1") };
    let refused = made(&message, update, Version::NEWEST).err();
    assert_eq!(refused, Some(Failure::Rejected(Reject::InvalidNodeState)));
}

fn line(text: &str) -> UpdateNode {
    UpdateNode { extra: Some(text.into()), ..UpdateNode::default() }
}

#[test]
fn a_node_is_made_from_its_line_and_deleted_again() {
    let mut core = fixtures::core(CONF);
    let line = line("NodeName=d[1-2] CPUs=2 State=CLOUD Feature=a");
    let event = made(&line, create, Version::V24_11).unwrap();
    core.turn(fixtures::NOW, event).answer.unwrap();
    let node = core.cluster().node_named("d2").unwrap();
    assert!(node.flags.cloud);
    assert_eq!(node.origin, model::Origin::Dynamic);
    assert!(core.cluster().partition("main").unwrap().nodes.contains(&node.id));
    let event = made(&nodes("d[1-2]"), delete, Version::V24_11).unwrap();
    core.turn(fixtures::NOW, event).answer.unwrap();
    assert!(core.cluster().node_named("d2").is_none());
    let event = made(&nodes("n1"), delete, Version::V24_11).unwrap();
    let answer = core.turn(fixtures::NOW, event).answer.unwrap();
    let request = fixtures::request(Number::REQUEST_DELETE_NODE, Version::V24_11, &[]);
    let reply = deleted(&view(), &request, answer);
    assert_eq!(reply.number, Number::RESPONSE_SLURM_RC_MSG);
    let told: ReturnCodeMessage = from_bytes(&reply.body, Version::V24_11).unwrap();
    assert_eq!(told.code, Errno::ESLURM_INVALID_NODE_STATE);
    assert_eq!(told.message.as_deref(), Some("failed to delete nodes n1"));
}

#[test]
fn lines_that_cannot_be_nodes_are_refused_with_a_text() {
    let text = |text: &str| match made(&line(text), create, Version::NEWEST) {
        Err(Failure::CodeWithText(code, why)) => (code, why),
        other => panic!("{other:?}"),
    };
    let only = "Only State=FUTURE and State=CLOUD allowed for nodes created by scontrol";
    assert_eq!(text("NodeName=d1 State=IDLE"), (Errno::ESLURM_INVALID_NODE_STATE, only.to_owned()));
    assert_eq!(text("NodeName=d1 CPUs=x").0, SLURM_ERROR);
    assert_eq!(text("NodeName=set State=CLOUD").0, Errno::ESLURM_INVALID_NODE_NAME);
}

#[test]
fn a_reboot_is_asked_for_and_nodes_that_are_skipped_are_named() {
    let mut core: Core = fixtures::core(CONF);
    let ask = RebootNodes {
        flags: reboot_flags::ASAP,
        next_state: Limit::Value(node_state::RESUME),
        node_list: Some("n[1-2]".into()),
        ..RebootNodes::default()
    };
    let body = fixtures::bytes(&ask, Version::NEWEST);
    let request = fixtures::request(Number::REQUEST_REBOOT_NODES, Version::NEWEST, &body);
    let event = reboot(&view(), &request).unwrap();
    let answer = core.turn(fixtures::NOW, event.clone()).answer.unwrap();
    assert_eq!(rebooting(&view(), &request, answer), request.return_code(Errno::SLURM_SUCCESS));
    let node = core.cluster().node_named("n1").unwrap();
    assert!(node.flags.reboot_requested && node.flags.drain && node.flags.reboot_resumes);
    let again = core.turn(fixtures::NOW, event).answer.unwrap();
    let reply = rebooting(&view(), &request, again);
    assert_eq!(reply.number, Number::RESPONSE_SLURM_RC_MSG);
    let told: ReturnCodeMessage = from_bytes(&reply.body, Version::NEWEST).unwrap();
    let text = "Skipping reboot of nodes n[1-2] due to current node state.";
    assert_eq!((told.code, told.message.as_deref()), (Errno::SLURM_SUCCESS, Some(text)));
}

#[test]
fn all_of_it_takes_an_administrator() {
    for row in ROWS {
        assert_eq!(row.privilege, Privilege::Admin);
    }
    assert!(row(Number::REQUEST_UPDATE_NODE).is_some());
}

#[test]
fn addresses_come_one_for_each_node() {
    let mut core = fixtures::core(CONF);
    let message = UpdateNode { node_addr: Some("h1".into()), ..nodes("n[1-2]") };
    let event = made(&message, update, Version::NEWEST).unwrap();
    let refused = core.turn(Timestamp(1), event).answer.unwrap_err();
    assert_eq!(crate::rpc::errno(&refused), Errno::ESLURM_INVALID_NODE_NAME);
    let event = made(
        &UpdateNode { node_state: Limit::Value(node_state::DOWN), ..nodes("n1") },
        update,
        Version::NEWEST,
    );
    core.turn(Timestamp(1), event.unwrap()).answer.unwrap();
    assert_eq!(core.cluster().node_named("n1").unwrap().availability, Availability::Down);
}
