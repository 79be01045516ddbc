//! The shared keys: `slurm.key`, `slurm.jwks`, `jwt_hs256.key`.

use std::fmt;

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{GeneralPurposeConfig, STANDARD_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::Value;

use crate::auth::claims::beginning;
use crate::auth::hmac;
use crate::auth::token::TokenError;
use crate::shape::Timestamp;

/// The shortest key that a `slurm.jwks` may hold, bytes.
const JWKS_KEY_BYTES_MIN: usize = 16;

/// One key. Its `Debug` does not show the secret.
#[derive(Clone)]
pub struct Key {
    kid: Option<String>,
    signs: EncodingKey,
    verifies: DecodingKey,
    expires: Option<Timestamp>,
}

impl Key {
    fn new(kid: Option<String>, secret: &[u8], expires: Option<Timestamp>) -> Self {
        hmac::install();
        Self {
            kid,
            signs: EncodingKey::from_secret(secret),
            verifies: DecodingKey::from_secret(secret),
            expires,
        }
    }

    /// Its id, if it came from `slurm.jwks`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The last second at which it may verify a token, if it ends at all.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    pub(super) fn signing(&self) -> &EncodingKey {
        &self.signs
    }

    pub(super) fn verifying(&self) -> &DecodingKey {
        &self.verifies
    }

    fn is_live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires >= now)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// All keys that are live at once. Tokens name theirs by its `kid`; one of them signs.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    default: usize,
    /// From `slurm.jwks`, so a token's `kid` counts. With one `slurm.key` stock programs ignore it.
    named: bool,
}

impl KeySet {
    /// The one key of `slurm.key` or `jwt_hs256.key`: its bytes are the secret, a line end at the
    /// end included.
    pub fn from_key_file(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.is_empty() {
            return Err(KeyError::Empty);
        }
        Ok(Self { keys: vec![Key::new(None, bytes, None)], default: 0, named: false })
    }

    /// The keys of a `slurm.jwks` (24.05+).
    pub fn from_jwks(text: &[u8]) -> Result<Self, KeyError> {
        let file: Value = serde_json::from_slice(text)
            .map_err(|e| KeyError::NotJson { line: e.line(), column: e.column() })?;
        let entries = file.get("keys").and_then(Value::as_array).ok_or(KeyError::NoKeys)?;
        let mut keys: Vec<Key> = Vec::new();
        let mut default = None;
        for (index, entry) in entries.iter().enumerate() {
            let (key, is_default) = jwks_entry(index, entry)?;
            let kid = || key.kid.clone().unwrap_or_default();
            if keys.iter().any(|other| other.kid == key.kid) {
                return Err(KeyError::DuplicateKid { kid: kid() });
            }
            if is_default && default.replace(index).is_some() {
                return Err(KeyError::SecondDefault { kid: kid() });
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(KeyError::NoKeys);
        }
        Ok(Self { keys, default: default.unwrap_or(0), named: true })
    }

    /// The key to sign with: the default one; should that have expired, the first that lives,
    /// because every peer refuses what an expired key signed.
    pub fn signing(&self, now: Timestamp) -> &Key {
        let default = &self.keys[self.default];
        if default.is_live(now) {
            return default;
        }
        self.keys.iter().find(|key| key.is_live(now)).unwrap_or(default)
    }

    /// The key that a token names.
    pub(super) fn verifying(&self, kid: Option<&str>, now: Timestamp) -> Result<&Key, TokenError> {
        let key = match kid {
            Some(kid) if self.named => self
                .keys
                .iter()
                .find(|key| key.kid() == Some(kid))
                .ok_or_else(|| TokenError::UnknownKey { kid: beginning(kid) })?,
            _ => &self.keys[self.default],
        };
        match key.expires {
            Some(expires) if expires < now => Err(TokenError::KeyExpired {
                kid: key.kid.clone().unwrap_or_default(),
                past_s: now.0.saturating_sub(expires.0),
            }),
            _ => Ok(key),
        }
    }

    /// All keys, in the file's order.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

fn jwks_entry(index: usize, entry: &Value) -> Result<(Key, bool), KeyError> {
    let text = |field: &'static str| entry.get(field).and_then(Value::as_str);
    let required = |field| text(field).ok_or(KeyError::MissingField { index, field });
    let kid = required("kid")?.to_owned();
    let key_type = required("kty")?;
    if !key_type.eq_ignore_ascii_case("oct") {
        return Err(KeyError::KeyType { kid, got: key_type.to_owned() });
    }
    let algorithm = required("alg")?;
    if !algorithm.eq_ignore_ascii_case("HS256") {
        return Err(KeyError::Algorithm { kid, got: algorithm.to_owned() });
    }
    let Some(secret) = either_base64(required("k")?) else {
        return Err(KeyError::BadBase64 { kid });
    };
    if secret.len() < JWKS_KEY_BYTES_MIN {
        return Err(KeyError::TooShort { kid, bytes: secret.len() });
    }
    let expires = match entry.get("exp") {
        None | Some(Value::Null) => None,
        Some(value) => match number(value) {
            // To stock programs 0 is a key without an end.
            Some(0) => None,
            Some(seconds) => Some(Timestamp(seconds)),
            None => return Err(KeyError::BadExpiry { kid }),
        },
    };
    let is_default = text("use").is_some_and(|usage| usage.eq_ignore_ascii_case("default"));
    Ok((Key::new(Some(kid), &secret, expires), is_default))
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// base64url or base64, padded or not, as stock programs take it.
fn either_base64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let standard = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    engine.decode(standard).ok()
}

/// Writes a `slurm.jwks` text of one key, for tests and tools that make a cluster.
pub fn jwks_text(kid: &str, secret: &[u8]) -> String {
    let k = STANDARD_NO_PAD.encode(secret);
    serde_json::json!({ "keys": [{ "alg": "HS256", "kty": "oct", "kid": kid, "k": k }] })
        .to_string()
}

/// What is wrong with a key file; the operator's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key of no bytes.
    #[error("the key file is empty")]
    Empty,
    /// Not JSON at all.
    #[error("not JSON at line {line}, column {column}")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON without a list `keys` that has an entry.
    #[error("no list \"keys\" with at least one key")]
    NoKeys,
    /// An entry lacks a field, or it is no text.
    #[error("keys[{index}] has no text {field:?}")]
    MissingField {
        /// Which entry, from 0.
        index: usize,
        /// The field.
        field: &'static str,
    },
    /// A key that is not a shared secret.
    #[error("key {kid:?} has kty {got:?}, only \"oct\" is supported")]
    KeyType {
        /// The key.
        kid: String,
        /// Its `kty`.
        got: String,
    },
    /// A key of another algorithm.
    #[error("key {kid:?} has alg {got:?}, only \"HS256\" is supported")]
    Algorithm {
        /// The key.
        kid: String,
        /// Its `alg`.
        got: String,
    },
    /// A secret that is neither base64url nor base64.
    #[error("key {kid:?}: k is not base64")]
    BadBase64 {
        /// The key.
        kid: String,
    },
    /// A secret that can be guessed.
    #[error("key {kid:?} has {bytes} bytes, at least {JWKS_KEY_BYTES_MIN} are needed")]
    TooShort {
        /// The key.
        kid: String,
        /// Its length.
        bytes: usize,
    },
    /// An end that is no number of seconds.
    #[error("key {kid:?}: exp is not a number of seconds")]
    BadExpiry {
        /// The key.
        kid: String,
    },
    /// Two keys of one id.
    #[error("two keys have the kid {kid:?}")]
    DuplicateKid {
        /// The id.
        kid: String,
    },
    /// Two keys that want to sign.
    #[error("key {kid:?} is the second with use \"default\"")]
    SecondDefault {
        /// The second one.
        kid: String,
    },
}

#[cfg(test)]
mod tests {
    use super::{KeyError, KeySet, jwks_text};
    use crate::shape::Timestamp;

    fn entry(fields: &str) -> String {
        format!(r#"{{"alg":"HS256","kty":"oct",{fields}}}"#)
    }

    fn set(entries: &[String]) -> Result<KeySet, KeyError> {
        KeySet::from_jwks(format!(r#"{{"keys":[{}]}}"#, entries.join(",")).as_bytes())
    }

    const K: &str = r#""k":"AAECAwQFBgcICQoLDA0ODw""#;

    #[test]
    fn the_default_key_signs_and_after_its_end_the_next_that_lives() {
        let keys = set(&[
            entry(&format!(r#""kid":"a",{K}"#)),
            entry(&format!(r#""kid":"b","use":"default","exp":100,{K}"#)),
        ])
        .unwrap();
        assert_eq!(keys.signing(Timestamp(100)).kid(), Some("b"));
        assert_eq!(keys.signing(Timestamp(101)).kid(), Some("a"));
        assert!(!format!("{keys:?}").contains("secret"));
    }

    #[test]
    fn the_first_key_signs_without_a_default() {
        let keys = set(&[entry(&format!(r#""kid":"a",{K}"#)), entry(&format!(r#""kid":"b",{K}"#))])
            .unwrap();
        assert_eq!(keys.signing(Timestamp(0)).kid(), Some("a"));
    }

    #[test]
    fn both_alphabets_of_base64_are_taken() {
        for k in ["-_-_-_-_-_-_-_-_-_-_-_", "+/+/+/+/+/+/+/+/+/+/+w=="] {
            set(&[entry(&format!(r#""kid":"a","k":"{k}""#))]).unwrap();
        }
        assert!(KeySet::from_jwks(jwks_text("a", &[7; 32]).as_bytes()).is_ok());
    }

    #[test]
    fn faults_are_named() {
        let fault = |fields: &str| set(&[entry(fields)]).unwrap_err();
        assert_eq!(KeySet::from_key_file(b"").unwrap_err(), KeyError::Empty);
        assert_eq!(set(&[]).unwrap_err(), KeyError::NoKeys);
        assert_eq!(KeySet::from_jwks(b"{").unwrap_err(), KeyError::NotJson { line: 1, column: 1 });
        assert_eq!(fault(K), KeyError::MissingField { index: 0, field: "kid" });
        assert_eq!(fault(r#""kid":"a""#), KeyError::MissingField { index: 0, field: "k" });
        assert_eq!(fault(r#""kid":"a","k":"?""#), KeyError::BadBase64 { kid: "a".into() });
        assert_eq!(
            fault(r#""kid":"a","k":"AAAA""#),
            KeyError::TooShort { kid: "a".into(), bytes: 3 }
        );
        assert_eq!(
            fault(&format!(r#""kid":"a","exp":"soon",{K}"#)),
            KeyError::BadExpiry { kid: "a".into() }
        );
        let a = entry(&format!(r#""kid":"a","use":"default",{K}"#));
        let b = entry(&format!(r#""kid":"b","use":"default",{K}"#));
        assert_eq!(
            set(&[a.clone(), a.clone()]).unwrap_err(),
            KeyError::DuplicateKid { kid: "a".into() }
        );
        assert_eq!(set(&[a, b]).unwrap_err(), KeyError::SecondDefault { kid: "b".into() });
    }
}
