use serde::Serialize;
use serde_json::Value;

use crate::auth::claims::beginning;
use crate::auth::key::KeySet;
use crate::auth::token::{TokenError, sign_json, verify_json};
use crate::shape::Timestamp;

/// An `auth/jwt` token, as `scontrol token` prints and slurmrestd takes it: it says a user's name
/// and nothing of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserToken {
    /// The user's name.
    pub user_name: String,
    /// When it was made; tokens of other makers may not say.
    pub issued: Option<Timestamp>,
    /// The last second at which it is good.
    pub expires: Timestamp,
}

#[derive(Serialize)]
struct UserTokenJson<'a> {
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    sun: &'a str,
}

impl UserToken {
    /// The token, signed by the set's signing key.
    pub fn sign(&self, keys: &KeySet, now: Timestamp) -> String {
        let json = UserTokenJson {
            exp: self.expires.0,
            iat: self.issued.map(|issued| issued.0),
            sun: &self.user_name,
        };
        let json = serde_json::to_string(&json).expect("strings and numbers are JSON");
        sign_json(&json, keys.signing(now))
    }

    /// From a token. The name is the claim `sun`, else `username`, else the one that
    /// `AuthAltParameters=userclaimfield=` names.
    pub fn verify(
        token: &str,
        keys: &KeySet,
        now: Timestamp,
        user_claim: Option<&str>,
    ) -> Result<Self, TokenError> {
        let claims = verify_json(token, keys, now)?;
        let time = |claim: &'static str| match claims.get(claim) {
            None => Ok(None),
            Some(value) => {
                value.as_i64().map(|s| Some(Timestamp(s))).ok_or(TokenError::BadClaim { claim })
            }
        };
        let issued = time("iat")?;
        let expires = time("exp")?.ok_or(TokenError::MissingClaim { claim: "exp" })?;
        if expires < now {
            let made = issued.unwrap_or(now);
            return Err(TokenError::Expired {
                past_s: now.0.saturating_sub(expires.0),
                age_s: now.0.saturating_sub(made.0),
                host: claims.get("iss").and_then(Value::as_str).map(beginning).unwrap_or_default(),
            });
        }
        let user_name = ["sun", "username"]
            .into_iter()
            .chain(user_claim)
            .find_map(|claim| claims.get(claim)?.as_str())
            .ok_or(TokenError::MissingClaim { claim: "sun" })?
            .to_owned();
        Ok(Self { user_name, issued, expires })
    }
}

#[cfg(test)]
mod tests {
    use super::UserToken;
    use crate::auth::{KeySet, TokenError};
    use crate::shape::Timestamp;

    #[test]
    fn a_token_says_who_until_it_expires() {
        let keys = KeySet::from_key_file(&[1; 32]).unwrap();
        let made = UserToken {
            user_name: "fred".into(),
            issued: Some(Timestamp(1000)),
            expires: Timestamp(2800),
        };
        let token = made.sign(&keys, Timestamp(1000));
        assert_eq!(UserToken::verify(&token, &keys, Timestamp(2800), None), Ok(made));
        assert_eq!(
            UserToken::verify(&token, &keys, Timestamp(2801), None),
            Err(TokenError::Expired { past_s: 1, age_s: 1801, host: String::new() })
        );
        let others = KeySet::from_key_file(&[2; 32]).unwrap();
        assert_eq!(
            UserToken::verify(&token, &others, Timestamp(1000), None),
            Err(TokenError::BadSignature { kid: None })
        );
    }
}
