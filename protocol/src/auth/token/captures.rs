//! The tokens of captured frames: ours have the same text, and their hashes are ours.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::sign_json;
use crate::auth::{BodyHash, Claims, Context, KeySet};
use crate::frame::{Auth, Frame};
use crate::shape::Timestamp;

const CAPTURES: [(&str, &str); 4] = [
    ("23.11", include_str!("../../../testdata/23.11/frames.jsonl")),
    ("24.11", include_str!("../../../testdata/24.11/frames.jsonl")),
    ("25.05", include_str!("../../../testdata/25.05/frames.jsonl")),
    ("26.05", include_str!("../../../testdata/26.05/frames.jsonl")),
];

fn frames(lines: &str) -> impl Iterator<Item = Vec<u8>> {
    lines.lines().map(|line| {
        let value: Value = serde_json::from_str(line).unwrap();
        let hex = value["hex"].as_str().unwrap();
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    })
}

/// Every text in the bytes that looks like a token.
fn tokens(bytes: &[u8]) -> Vec<String> {
    let starts = (0..bytes.len()).filter(|&i| bytes[i..].starts_with(b"eyJ"));
    starts
        .filter_map(|start| {
            let end = start + bytes[start..].iter().position(|&b| b == 0)?;
            let text = std::str::from_utf8(&bytes[start..end]).ok()?;
            (text.split('.').count() == 3).then(|| text.to_owned())
        })
        .collect()
}

fn part(token: &str, index: usize) -> String {
    let part = token.split('.').nth(index).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// All but the signature, whose key is not among the captures.
#[test]
fn stock_tokens_read_and_signed_again_are_the_same_text() {
    let keys = KeySet::from_key_file(b"not the key of the captures").unwrap();
    for (release, lines) in CAPTURES {
        let mut launches = 0;
        let mut total = 0;
        for token in frames(lines).flat_map(|frame| tokens(&frame)) {
            let json: Map<String, Value> = serde_json::from_str(&part(&token, 1)).unwrap();
            let claims = Claims::from_json(&json).unwrap();
            assert_eq!(claims.to_json(), part(&token, 1), "{release}");
            let ours = sign_json(&claims.to_json(), keys.signing(Timestamp(0)));
            let unsigned = |token: &str| token.rsplit_once('.').map(|(text, _)| text.to_owned());
            assert_eq!(unsigned(&ours), unsigned(&token), "{release}");
            total += 1;
            launches += usize::from(claims.context == Context::Launch);
        }
        assert!(total > 100 && launches > 10, "{release}: {total} tokens, {launches} launches");
    }
}

#[test]
fn the_hash_of_every_stock_request_is_ours() {
    for (release, lines) in CAPTURES {
        let mut checked = 0;
        for bytes in frames(lines) {
            let Ok(frame) = Frame::from_bytes(&bytes) else { continue };
            let Some(Auth::Slurm { token: Some(token) }) = frame.auth else { continue };
            let json: Map<String, Value> = serde_json::from_str(&part(&token, 1)).unwrap();
            let claims = Claims::from_json(&json).unwrap();
            let number = frame.header.number;
            assert_eq!(BodyHash::check(&claims.payload, number, &frame.body), Ok(()), "{release}");
            checked += 1;
        }
        assert!(checked > 100, "{release}: {checked} requests");
    }
}
