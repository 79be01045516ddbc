//! Tokens and credentials: what every message costs before anything is decided.

use protocol::auth::{BodyHash, Client, Credential, Expected, Issuer, KeySet, authenticate};
use protocol::msg::{Identity, StepId};
use protocol::shape::Timestamp;
use protocol::wire::to_bytes;
use protocol::{Number, Version};

use crate::codec::submission;
use crate::measured;

const NOW: Timestamp = Timestamp(1_000_000);
const TIMES: usize = 20;

fn keys() -> KeySet {
    KeySet::from_key_file(&[7; 1024]).expect("1024 bytes are a key")
}

fn issuer() -> Issuer {
    Issuer { host: "ctl".into(), cluster: None, uid: 0, gid: 0, slurmd_uid: 0, ttl_s: 60 }
}

pub(crate) fn sign() {
    let (keys, issuer, identity) = (keys(), issuer(), Identity::default());
    let credential =
        Credential { step_id: StepId::step(7, StepId::BATCH), ..Credential::default() };
    let bytes = to_bytes(&credential, Version::V24_11);
    measured(|| {
        for _ in 0..TIMES {
            assert!(!issuer.launch(&keys, NOW, &identity, bytes.clone()).is_empty());
        }
    });
}

pub(crate) fn verify() {
    let (keys, body, number) = (keys(), submission(), Number::REQUEST_SUBMIT_BATCH_JOB);
    let payload = BodyHash::of(number, &body).as_bytes().to_vec();
    let client = Client { uid: 1000, gid: 1000, reader_uid: None, payload };
    let token = issuer().for_client(&keys, NOW, client, None);
    measured(|| {
        for _ in 0..TIMES {
            let expected = Expected { number, body: &body };
            authenticate(&token, &keys, NOW, 0, expected).expect("the token is good");
        }
    });
}
