//! No text is taken for a token that nobody signed; claims that we sign are read or refused without
//! a panic, and what is read is written and read as the same claims.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use protocol::auth::{KeySet, SackRequest, UserToken, sign, verify};
use protocol::shape::Timestamp;
use ring::hmac;

const SECRET: &[u8] = b"a key that the fuzzer does not know";
const NOW: Timestamp = Timestamp(1_795_371_104);

/// A token with any text for its claims.
fn signed(claims: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}

fuzz_target!(|bytes: &[u8]| {
    let keys = KeySet::from_key_file(SECRET).expect("not empty");
    let _ = KeySet::from_jwks(bytes);
    if let Ok(Some((request, end))) = SackRequest::from_bytes(bytes) {
        assert!(end <= bytes.len());
        let written = request.to_bytes(protocol::Version::NEWEST);
        assert_eq!(SackRequest::from_bytes(&written), Ok(Some((request, written.len()))));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert!(verify(text, &keys, NOW, 0).is_err());
    assert!(UserToken::verify(text, &keys, NOW, None).is_err());
    if let Ok(claims) = verify(&signed(text), &keys, NOW, 0) {
        assert_eq!(verify(&sign(&claims, &keys), &keys, NOW, 0), Ok(claims));
    }
});
