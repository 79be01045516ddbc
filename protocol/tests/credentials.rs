//! The launch credentials in captured frames of stock programs decode with no byte left and encode
//! to the same bytes, in whichever message they travel.

#![allow(clippy::disallowed_methods, reason = "captured frames lie in files")]
#![allow(clippy::unwrap_used, reason = "a test's own files may fail it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use protocol::auth::{Credential, Signed};
use protocol::frame::Frame;
use protocol::msg::{
    BatchJobLaunch, KillJob, LaunchProlog, LaunchTasks, StepCreateResponse, StepId,
};
use protocol::wire::{from_bytes, to_bytes};
use protocol::{Number, Version};

struct Found {
    number: Number,
    version: Version,
    credential: Signed<Credential>,
    /// The job and step that the message itself names, where it does.
    step_id: Option<StepId>,
}

impl Found {
    fn payload(&self) -> Vec<u8> {
        let Signed::Token(token) = &self.credential else { panic!("captures are of cred/slurm") };
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["context"], "launch");
        STANDARD.decode(claims["payload"].as_str().unwrap()).unwrap()
    }
}

fn captured() -> Vec<Found> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut found = Vec::new();
    for release in fs::read_dir(root).unwrap() {
        let Ok(text) = fs::read_to_string(release.unwrap().path().join("frames.jsonl")) else {
            continue;
        };
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Ok(frame) = Frame::from_bytes(&unhex(value["hex"].as_str().unwrap())) {
                found.extend(credential(&frame));
            }
        }
    }
    found
}

fn credential(frame: &Frame) -> Option<Found> {
    let (number, version) = (frame.header.number, frame.header.version);
    let (credential, made_in, step_id) = match number {
        Number::REQUEST_BATCH_JOB_LAUNCH => {
            let launch: BatchJobLaunch = from_bytes(&frame.body, version).unwrap();
            (launch.credential.credential, launch.credential.version.0, None)
        }
        Number::REQUEST_LAUNCH_TASKS => {
            let launch: LaunchTasks = from_bytes(&frame.body, version).unwrap();
            let proof = launch.placement.terms.credential;
            (proof.credential, proof.version.0, Some(launch.step_id))
        }
        Number::RESPONSE_JOB_STEP_CREATE => {
            let reply: StepCreateResponse = from_bytes(&frame.body, version).unwrap();
            (reply.credential.0?, version.to_wire(), Some(reply.step_id.0))
        }
        Number::REQUEST_LAUNCH_PROLOG => {
            let launch: LaunchProlog = from_bytes(&frame.body, version).unwrap();
            (launch.credential, version.to_wire(), None)
        }
        Number::REQUEST_TERMINATE_JOB => {
            let kill: KillJob = from_bytes(&frame.body, version).unwrap();
            (kill.credential?, version.to_wire(), None)
        }
        _ => return None,
    };
    Some(Found { number, version: Version::from_wire(made_in).unwrap(), credential, step_id })
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn every_captured_credential_is_read_whole_and_written_back_to_the_byte() {
    let mut counts: BTreeMap<(Version, Number), usize> = BTreeMap::new();
    for found in captured() {
        let payload = found.payload();
        let body = found.credential.body(found.version).unwrap();
        assert_eq!(to_bytes(&body, found.version), payload, "{} {}", found.number, found.version);
        if let Some(StepId { job_id, step_id, .. }) = found.step_id {
            assert_eq!((body.step_id.job_id, body.step_id.step_id), (job_id, step_id));
        }
        *counts.entry((found.version, found.number)).or_default() += 1;
    }
    for version in [Version::V23_11, Version::V24_11, Version::V25_05, Version::V26_05] {
        for number in [
            Number::REQUEST_BATCH_JOB_LAUNCH,
            Number::REQUEST_LAUNCH_TASKS,
            Number::RESPONSE_JOB_STEP_CREATE,
        ] {
            assert!(counts.contains_key(&(version, number)), "no credential of {version} {number}");
        }
    }
}

#[test]
fn a_captured_credential_agrees_with_itself() {
    for found in captured() {
        let body = found.credential.body(found.version).unwrap();
        let nodes = u64::from(body.job_nhosts);
        assert_eq!(body.cpus.total(), nodes);
        assert_eq!(
            body.job_mem_alloc.total(),
            if body.job_mem_alloc.is_empty() { 0 } else { nodes }
        );
        let shapes = body.node_cores.runs();
        let cores: u32 = shapes
            .iter()
            .map(|run| {
                u32::from(run.cores_per_socket) * u32::from(run.sockets_per_node) * run.times
            })
            .sum();
        let job_cores = body.job_cores.0.unwrap();
        assert_eq!(job_cores.len(), cores);
        // To end a job is about no step.
        let ending = found.number == Number::REQUEST_TERMINATE_JOB;
        assert_eq!(body.step_core_bitmap.is_none(), ending);
        for core in body.step_core_bitmap.iter().flat_map(|cores| cores.members()) {
            assert!(job_cores.contains(core), "a step has core {core} that its job has not");
        }
    }
}

#[test]
fn a_shortened_credential_is_refused() {
    for found in captured() {
        let payload = found.payload();
        for end in 0..payload.len() {
            let cut = from_bytes::<Credential>(&payload[..end], found.version);
            assert!(cut.is_err(), "{} {} cut at {end}", found.number, found.version);
        }
    }
}

#[test]
fn a_credential_written_in_another_release_is_read_and_written_the_same() {
    for found in captured() {
        let body = found.credential.body(found.version).unwrap();
        for other in Version::ALL {
            let written = to_bytes(&body, other);
            let again: Credential = from_bytes(&written, other).unwrap();
            assert_eq!(to_bytes(&again, other), written, "{} → {other}", found.version);
        }
    }
}
