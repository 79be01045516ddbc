//! Bytes to messages and back, in the release that most clients speak.

use protocol::frame::{Auth, Frame};
use protocol::msg::{JobDesc, JobInfo, JobInfoResponse, StepId};
use protocol::shape::Limit;
use protocol::wire::{from_bytes, to_bytes};
use protocol::{Number, Version};

use crate::measured;

const VERSION: Version = Version::V24_11;
const LISTED: u32 = 200;
/// Times that what is quick is done.
const TIMES: usize = 20;

/// About 4 KB, as sbatch sends it.
pub(crate) fn submission() -> Vec<u8> {
    let environment = (0..60).map(|n| format!("VARIABLE_{n}=some_value_of_usual_length_for_one"));
    let job = JobDesc {
        name: Some("job".to_owned()),
        script: Some("#!/bin/sh\nsleep 1\n".to_owned()),
        argv: vec!["job.sh".to_owned()],
        environment: environment.collect(),
        work_dir: Some("/tmp".to_owned()),
        user_id: 1000,
        group_id: 1000,
        min_nodes: Limit::Value(1),
        ..JobDesc::default()
    };
    to_bytes(&job, VERSION)
}

pub(crate) fn decode_submission() {
    let bytes = submission();
    measured(|| {
        for _ in 0..TIMES {
            from_bytes::<JobDesc>(&bytes, VERSION).expect("what was encoded decodes");
        }
    });
}

fn list() -> JobInfoResponse {
    let job = |number: u32| JobInfo {
        step_id: StepId::job(number),
        name: Some(format!("job{number}")),
        user_id: 1000 + number % 50,
        partition: Some("main".to_owned()),
        work_dir: Some("/tmp".to_owned()),
        command: Some("/tmp/job.sh".to_owned()),
        ..JobInfo::default()
    };
    JobInfoResponse { jobs: (1..=LISTED).map(job).collect(), ..JobInfoResponse::default() }
}

pub(crate) fn encode_list() {
    let list = list();
    let bytes = measured(|| to_bytes(&list, VERSION));
    assert!(bytes.len() > 200 * 200);
}

pub(crate) fn decode_list() {
    let bytes = to_bytes(&list(), VERSION);
    let list = measured(|| from_bytes::<JobInfoResponse>(&bytes, VERSION));
    assert_eq!(list.map(|list| list.jobs.len()), Ok(LISTED as usize));
}

pub(crate) fn take_apart() {
    let auth = Auth::Slurm { token: Some("t".repeat(600)) };
    let number = Number::REQUEST_SUBMIT_BATCH_JOB;
    let bytes = Frame::request(VERSION, number, auth, submission()).to_bytes();
    measured(|| {
        for _ in 0..TIMES {
            Frame::from_bytes(&bytes[4..]).expect("what was encoded decodes");
        }
    });
}
