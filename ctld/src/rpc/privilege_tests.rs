//! The privilege column of Slurm's RPC table (24.11, 26.05): who may send what.

use std::sync::Arc;

use ctld_core::{Caller, Core, Reject};
use model::{Change, Gid, Job, Uid};
use protocol::Number;

use crate::rpc::{Kind, Privilege, Request, fixtures, row};

/// For root and SlurmUser alone.
const FOR_ADMINISTRATORS: &[Number] = &[
    Number::REQUEST_RECONFIGURE,
    Number::REQUEST_SHUTDOWN,
    Number::REQUEST_CONTROL,
    Number::REQUEST_TAKEOVER,
    Number::REQUEST_SET_DEBUG_LEVEL,
    Number::REQUEST_SET_DEBUG_FLAGS,
    Number::REQUEST_SET_SCHEDLOG_LEVEL,
    Number::REQUEST_SET_FS_DAMPENING_FACTOR,
    Number::REQUEST_REBOOT_NODES,
    Number::REQUEST_UPDATE_NODE,
    Number::REQUEST_CREATE_NODE,
    Number::REQUEST_DELETE_NODE,
    Number::REQUEST_CREATE_PARTITION,
    Number::REQUEST_UPDATE_PARTITION,
    Number::REQUEST_DELETE_PARTITION,
];

/// For root, SlurmUser and SlurmdUser.
const FOR_DAEMONS: &[Number] = &[
    Number::MESSAGE_NODE_REGISTRATION_STATUS,
    Number::REQUEST_COMPLETE_BATCH_SCRIPT,
    Number::MESSAGE_EPILOG_COMPLETE,
];

/// For a job's owner and administrators.
const FOR_OWNERS: &[Number] = &[
    Number::REQUEST_KILL_JOB,
    Number::REQUEST_UPDATE_JOB,
    Number::REQUEST_JOB_REQUEUE,
    Number::REQUEST_SUSPEND,
    Number::REQUEST_COMPLETE_JOB_ALLOCATION,
];

const SOMEBODY: Caller = Caller { uid: Uid(4711), gid: Gid(4711) };

#[test]
fn what_is_for_administrators_asks_for_one_before_its_body_is_read() {
    for number in FOR_ADMINISTRATORS {
        let row = row(*number).unwrap_or_else(|| panic!("{number} is not served"));
        assert_eq!(row.privilege, Privilege::Admin, "{number}");
    }
}

/// What the core makes of captured requests of somebody who is nobody in particular: on a cluster
/// that has every job that they name.
fn verdicts(number: Number) -> Vec<Result<(), Reject>> {
    let row = row(number).unwrap_or_else(|| panic!("{number} is not served"));
    if row.privilege != Privilege::Anybody {
        return vec![Err(Reject::AccessDenied)];
    }
    let Kind::Write(write, _) = row.kind else { panic!("{number} is no write") };
    let mut view = fixtures::golden();
    for id in 1..=64 {
        view.cluster.apply(&Change::Job(Arc::new(Job { owner: Uid(815), ..fixtures::job(id) })));
    }
    let frames = fixtures::captured(number);
    assert!(!frames.is_empty(), "{number} was captured");
    let verdict = |frame: &protocol::frame::Frame| {
        let request = Request {
            caller: SOMEBODY,
            ..fixtures::request(number, frame.header.version, &frame.body)
        };
        match write(&view, &request) {
            Ok(event) => {
                let mut core = Core::new(view.cluster.clone());
                core.turn(fixtures::NOW, event).answer.map(drop)
            }
            Err(_) => Err(Reject::AccessDenied),
        }
    };
    frames.iter().map(verdict).collect()
}

#[test]
fn what_is_for_daemons_is_refused_from_users() {
    for number in FOR_DAEMONS.iter().filter(|number| !fixtures::captured(**number).is_empty()) {
        for verdict in verdicts(*number) {
            assert_eq!(verdict, Err(Reject::AccessDenied), "{number}");
        }
    }
}

#[test]
fn nobody_acts_on_the_job_of_another() {
    for number in FOR_OWNERS {
        for verdict in verdicts(*number) {
            let refused = matches!(
                verdict,
                Err(Reject::NotYourJob
                    | Reject::NotYoursToAlter(_)
                    | Reject::NotYourStep(_)
                    | Reject::AccessDenied
                    | Reject::NoSuchJob(_))
            );
            assert!(refused, "{number}: {verdict:?}");
        }
    }
}
