//! `auth/slurm` tokens: made and verified, given keys and the time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::auth::body_hash::{BodyHash, HashFault};
use crate::auth::claims::{Claims, Context, beginning};
use crate::auth::key::{Key, KeySet};
use crate::number::Number;
use crate::shape::Timestamp;

/// User and group 99: what a lookup that failed gives; nobody may act as it.
pub const NOBODY: u32 = 99;

/// The token of claims, signed by the set's signing key.
pub fn sign(claims: &Claims, keys: &KeySet) -> String {
    sign_json(&claims.to_json(), keys.signing(claims.issued))
}

/// The claims of a token: signature, time and reader are checked, what it is for is not.
pub fn verify(
    token: &str,
    keys: &KeySet,
    now: Timestamp,
    my_uid: u32,
) -> Result<Claims, TokenError> {
    let json = verify_json(token, keys, now)?;
    let claims = Claims::from_json(&json)?;
    if claims.expires < now {
        return Err(TokenError::Expired {
            past_s: now.0.saturating_sub(claims.expires.0),
            age_s: now.0.saturating_sub(claims.issued.0),
            host: beginning(&claims.host),
        });
    }
    match claims.reader_uid {
        Some(reader_uid) if reader_uid != my_uid => {
            Err(TokenError::NotForThisUser { reader_uid, my_uid })
        }
        _ => Ok(claims),
    }
}

/// The message that a token is expected to have come with.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The message.
    pub number: Number,
    /// Its body, as it was on the wire.
    pub body: &'a [u8],
}

/// The claims of a request's token: all of [`verify`], and that it is a request's token, of
/// somebody, made for this message and body.
pub fn authenticate(
    token: &str,
    keys: &KeySet,
    now: Timestamp,
    my_uid: u32,
    request: Expected<'_>,
) -> Result<Claims, TokenError> {
    let claims = verify(token, keys, now, my_uid)?;
    if !matches!(claims.context, Context::Auth | Context::Sack) {
        return Err(TokenError::WrongContext { got: claims.context.as_str() });
    }
    if claims.uid == NOBODY || claims.gid == NOBODY {
        return Err(TokenError::Nobody { uid: claims.uid, gid: claims.gid });
    }
    BodyHash::check(&claims.payload, request.number, request.body)?;
    Ok(claims)
}

/// Why a token is refused, with what an operator needs to find the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64 with JSON in them.
    #[error("not a token: its {part} cannot be read")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// Another algorithm than HS256; `none` above all.
    #[error("the token's algorithm is {got:?}, only HS256 is accepted")]
    Algorithm {
        /// The header's `alg`.
        got: String,
    },
    /// A key that is not in our `slurm.jwks`.
    #[error("the token is signed by key {kid:?}, which is not in slurm.jwks here")]
    UnknownKey {
        /// The token's `kid`.
        kid: String,
    },
    /// A key past its own end.
    #[error("the token is signed by key {kid:?}, which expired {past_s} s ago")]
    KeyExpired {
        /// The key.
        kid: String,
        /// For how long.
        past_s: i64,
    },
    /// Signed with another secret than ours of that name.
    #[error("the token's signature is not by our key{}", kid_text(.kid))]
    BadSignature {
        /// Our key that was tried, if it has a name.
        kid: Option<String>,
    },
    /// A claim that every token has.
    #[error("the token has no claim {claim:?}")]
    MissingClaim {
        /// The claim.
        claim: &'static str,
    },
    /// A claim of a wrong type or range.
    #[error("the token's claim {claim:?} cannot be read")]
    BadClaim {
        /// The claim.
        claim: &'static str,
    },
    /// Past its end.
    #[error(
        "the token of host {host} expired {past_s} s ago and was made {age_s} s ago: \
         is a clock wrong?"
    )]
    Expired {
        /// For how long.
        past_s: i64,
        /// Its age by our clock.
        age_s: i64,
        /// Who made it.
        host: String,
    },
    /// For another user's eyes.
    #[error("the token is for uid {reader_uid} to read, we are uid {my_uid}")]
    NotForThisUser {
        /// Who may read it.
        reader_uid: u32,
        /// Who we are.
        my_uid: u32,
    },
    /// A purpose that no release has.
    #[error("the token is for {got:?}, which is unknown")]
    UnknownContext {
        /// The claim.
        got: String,
    },
    /// A credential in a request's place.
    #[error("the token is a {got} credential, not a request's")]
    WrongContext {
        /// Its purpose.
        got: &'static str,
    },
    /// Made by somebody whose lookup failed.
    #[error("the token is of nobody (uid {uid}, gid {gid})")]
    Nobody {
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// Made for another message.
    #[error(transparent)]
    Hash(#[from] HashFault),
}

fn kid_text(kid: &Option<String>) -> String {
    kid.as_ref().map(|kid| format!(" {kid:?}")).unwrap_or_default()
}

/// A header in libjwt's order of keys.
#[derive(Serialize)]
struct HeaderJson<'a> {
    alg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    typ: &'a str,
}

/// What counts of a header that came; all else is skipped without keeping it.
#[derive(Deserialize)]
struct HeaderFields {
    alg: Option<String>,
    kid: Option<String>,
    #[serde(rename = "crit")]
    critical: Option<IgnoredAny>,
}

/// A compact JWS of any claims.
pub(super) fn sign_json(claims: &str, key: &Key) -> String {
    let header = HeaderJson { alg: "HS256", kid: key.kid(), typ: "JWT" };
    let header = serde_json::to_string(&header).expect("three strings are JSON");
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = jsonwebtoken::crypto::sign(token.as_bytes(), key.signing(), Algorithm::HS256)
        .expect("HS256 of any secret and message succeeds");
    token.push('.');
    token + &signature
}

/// The claims of a compact JWS whose signature is good. No time is looked at but the key's own.
pub(super) fn verify_json(
    token: &str,
    keys: &KeySet,
    now: Timestamp,
) -> Result<Map<String, Value>, TokenError> {
    let header = header(token)?;
    let algorithm = header.alg.as_deref().unwrap_or("");
    if algorithm != "HS256" {
        return Err(TokenError::Algorithm { got: beginning(algorithm) });
    }
    let key = keys.verifying(header.kid.as_deref(), now)?;
    let decoded = jsonwebtoken::decode(token, key.verifying(), &signature_only());
    decoded.map(|token| token.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => {
            TokenError::BadSignature { kid: key.kid().map(str::to_owned) }
        }
        ErrorKind::Json(_) | ErrorKind::Utf8(_) => TokenError::Malformed { part: "claims" },
        _ => TokenError::Malformed { part: "signature" },
    })
}

fn header(token: &str) -> Result<HeaderFields, TokenError> {
    let malformed = TokenError::Malformed { part: "header" };
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Malformed { part: "form of three parts" });
    };
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(header) else {
        return Err(malformed);
    };
    match serde_json::from_slice::<HeaderFields>(&bytes) {
        // An extension that must be understood, and none is.
        Ok(fields) if fields.critical.is_none() => Ok(fields),
        _ => Err(malformed),
    }
}

/// jsonwebtoken reads the system's clock to check times; `now` is a value here, so all of its
/// checks but the signature's are off and ours take their place.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

#[cfg(test)]
mod captures;
#[cfg(test)]
mod tests;
