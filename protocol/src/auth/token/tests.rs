use proptest::prelude::*;

use super::{Expected, TokenError, authenticate, sign_json, verify};
use crate::auth::body_hash::{BodyHash, HashFault};
use crate::auth::{Client, Issuer, KeySet, NodeAddress, SbcastClaims};
use crate::msg::Identity;
use crate::number::Number;
use crate::shape::Timestamp;

const NOW: Timestamp = Timestamp(1_795_371_104);
const NUMBER: Number = Number(2009);
const BODY: &[u8] = b"a body";
const REQUEST: Expected<'_> = Expected { number: NUMBER, body: BODY };
const ME: u32 = 64030;

fn keys() -> KeySet {
    KeySet::from_key_file(&[7; 64]).unwrap()
}

fn jwks() -> KeySet {
    KeySet::from_jwks(
        br#"{"keys":[
            {"alg":"HS256","kty":"oct","kid":"old","k":"AAECAwQFBgcICQoLDA0ODw","exp":1795371104},
            {"alg":"HS256","kty":"oct","kid":"new","k":"Dw4NDAsKCQgHBgUEAwIBAA","use":"default"}]}"#,
    )
    .unwrap()
}

fn issuer() -> Issuer {
    Issuer {
        host: "vm".into(),
        cluster: Some("golden".into()),
        uid: 0,
        gid: 0,
        slurmd_uid: 0,
        ttl_s: 60,
    }
}

fn token() -> String {
    issuer().request(&keys(), NOW, None, NUMBER, BODY)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

fn client(uid: u32, gid: u32, reader_uid: Option<u32>) -> String {
    let payload = BodyHash::of(NUMBER, BODY).as_bytes().to_vec();
    let client = Client { uid, gid, reader_uid, payload };
    issuer().for_client(&keys(), NOW, client, None)
}

fn claims_with(replace: &str, by: &str) -> Result<u32, TokenError> {
    let claims = verify(&token(), &keys(), NOW, ME).unwrap().to_json();
    assert!(claims.contains(replace), "{claims}");
    let token = sign_json(&claims.replace(replace, by), keys().signing(NOW));
    authenticate(&token, &keys(), NOW, ME, REQUEST).map(|claims| claims.uid)
}

#[test]
fn a_request_of_ours_is_accepted_for_its_time_to_live() {
    let claims = authenticate(&token(), &keys(), at(60), ME, REQUEST).unwrap();
    assert_eq!((claims.uid, claims.gid, claims.host.as_str()), (0, 0, "vm"));
    assert_eq!(
        authenticate(&token(), &keys(), at(61), ME, REQUEST),
        Err(TokenError::Expired { past_s: 1, age_s: 61, host: "vm".into() })
    );
}

#[test]
fn a_token_is_good_for_its_message_and_body_only() {
    let other = |number, body| {
        authenticate(&token(), &keys(), NOW, ME, Expected { number, body }).unwrap_err()
    };
    let refused = |number| TokenError::Hash(HashFault::NotOfThisBody { number });
    assert_eq!(other(NUMBER, b"another body"), refused(NUMBER));
    assert_eq!(other(Number(2010), BODY), refused(Number(2010)));
}

#[test]
fn a_restricted_token_is_for_its_reader() {
    assert!(authenticate(&client(5, 5, Some(ME)), &keys(), NOW, ME, REQUEST).is_ok());
    assert_eq!(
        authenticate(&client(5, 5, Some(1)), &keys(), NOW, ME, REQUEST),
        Err(TokenError::NotForThisUser { reader_uid: 1, my_uid: ME })
    );
}

#[test]
fn nobody_is_refused_as_user_and_as_group() {
    for (uid, gid) in [(99, 5), (5, 99)] {
        assert_eq!(
            authenticate(&client(uid, gid, None), &keys(), NOW, ME, REQUEST),
            Err(TokenError::Nobody { uid, gid })
        );
    }
}

#[test]
fn another_key_is_refused_and_named() {
    let others = KeySet::from_key_file(&[8; 64]).unwrap();
    assert_eq!(
        authenticate(&token(), &others, NOW, ME, REQUEST),
        Err(TokenError::BadSignature { kid: None })
    );
    // Without a kid the default key of slurm.jwks is tried.
    assert_eq!(
        authenticate(&token(), &jwks(), NOW, ME, REQUEST),
        Err(TokenError::BadSignature { kid: Some("new".into()) })
    );
}

#[test]
fn keys_of_a_jwks_are_found_by_name_while_they_live() {
    let token = |kid: &str| {
        let claims = verify(&token(), &keys(), NOW, ME).unwrap().to_json();
        let keys = jwks();
        let key = keys.keys().iter().find(|key| key.kid() == Some(kid)).unwrap();
        sign_json(&claims, key)
    };
    assert!(authenticate(&token("new"), &jwks(), at(60), ME, REQUEST).is_ok());
    assert!(authenticate(&token("old"), &jwks(), NOW, ME, REQUEST).is_ok());
    assert_eq!(
        authenticate(&token("old"), &jwks(), at(1), ME, REQUEST),
        Err(TokenError::KeyExpired { kid: "old".into(), past_s: 1 })
    );
    let strange = crate::auth::jwks_text("strange", &[9; 32]);
    let strange = KeySet::from_jwks(strange.as_bytes()).unwrap();
    let token = issuer().request(&strange, NOW, None, NUMBER, BODY);
    assert_eq!(
        authenticate(&token, &jwks(), NOW, ME, REQUEST),
        Err(TokenError::UnknownKey { kid: "strange".into() })
    );
    // With one slurm.key the name does not count, as in stock programs.
    assert_eq!(
        authenticate(&token, &keys(), NOW, ME, REQUEST),
        Err(TokenError::BadSignature { kid: None })
    );
}

#[test]
fn no_other_algorithm_is_accepted() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let token = token();
    let (_, rest) = token.split_once('.').unwrap();
    let (claims, _) = rest.split_once('.').unwrap();
    for (header, got) in [
        (r#"{"alg":"none"}"#, "none"),
        (r#"{"alg":"HS512","typ":"JWT"}"#, "HS512"),
        (r#"{"typ":"JWT"}"#, ""),
    ] {
        let header = URL_SAFE_NO_PAD.encode(header);
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{claims}.{signature}");
            assert_eq!(
                authenticate(&token, &keys(), NOW, ME, REQUEST),
                Err(TokenError::Algorithm { got: got.into() })
            );
        }
    }
}

#[test]
fn each_claim_that_is_missing_or_wrong_is_named() {
    for claim in ["context", "exp", "gid", "host", "iat", "ruid", "uid"] {
        let renamed = claims_with(&format!("\"{claim}\":"), &format!("\"x{claim}\":"));
        assert_eq!(renamed, Err(TokenError::MissingClaim { claim }));
    }
    assert_eq!(claims_with("\"uid\":0", "\"uid\":-1"), Err(TokenError::BadClaim { claim: "uid" }));
    assert_eq!(
        claims_with("\"uid\":0", "\"uid\":4294967296"),
        Err(TokenError::BadClaim { claim: "uid" })
    );
    assert_eq!(
        claims_with("\"host\":\"vm\"", "\"host\":7"),
        Err(TokenError::BadClaim { claim: "host" })
    );
    assert_eq!(claims_with("\"payload\"", "\"p\""), Err(HashFault::Missing.into()));
    assert_eq!(
        claims_with("\"auth\"", "\"launch\""),
        Err(TokenError::WrongContext { got: "launch" })
    );
    assert_eq!(
        claims_with("\"auth\"", "\"joy\""),
        Err(TokenError::UnknownContext { got: "joy".into() })
    );
    assert_eq!(claims_with("\"ver\":", "\"later\":[],\"ver\":"), Ok(0));
}

/// The text that `auth/slurm` of 24.11 makes of a launch credential; see the captures.
#[test]
fn credentials_have_the_claims_of_stock_ones() {
    let identity = Identity {
        name: Some("root".into()),
        gecos: Some("root".into()),
        home: Some("/root".into()),
        shell: Some("/bin/bash".into()),
        gids: vec![0],
        ..Identity::default()
    };
    let token = issuer().launch(&keys(), NOW, &identity, vec![1, 2, 3]);
    let claims = verify(&token, &keys(), NOW, 0).unwrap();
    assert_eq!(
        claims.to_json(),
        concat!(
            r#"{"cluster":"golden","context":"launch","exp":1795371164,"gid":0,"host":"vm","#,
            r#""iat":1795371104,"id":{"dir":"/root","gecos":"root","gids":[0],"name":"root","#,
            r#""shell":"/bin/bash"},"payload":"AQID","ruid":0,"uid":0,"ver":11520}"#
        )
    );
    assert_eq!(claims.identity, Some(identity.clone()));

    let named = Identity {
        group_names: vec![Some("wheel".into()), Some("adm".into())],
        gids: vec![10, 4],
        ..identity
    };
    let sbcast =
        SbcastClaims { nodes: Some("n[1-2]".into()), job_id: 7, sluid: 1, ..Default::default() };
    let token = issuer().sbcast(&keys(), NOW, &named, sbcast.clone());
    let claims = verify(&token, &keys(), NOW, 0).unwrap();
    assert_eq!(claims.sbcast, Some(sbcast));
    assert!(claims.to_json().contains(r#""groups":{"adm":4,"wheel":10}"#));

    let nodes = vec![
        NodeAddress { name: "n1".into(), ip: [10, 0, 0, 1].into(), port: 6818 },
        NodeAddress { name: "n2".into(), ip: [10, 0, 0, 2].into(), port: 6818 },
    ];
    let token = issuer().net(&keys(), NOW, nodes.clone());
    let claims = verify(&token, &keys(), NOW, 0).unwrap();
    assert_eq!(claims.nodes, nodes);
    let json = claims.to_json();
    assert!(json.contains(
        r#""net":{"addrs":{"10.0.0.1":41498,"10.0.0.2":41498},"nodes":"n[1-2]"},"netcred":"#
    ));
    assert!(json.contains(r#"{"ip":"10.0.0.1","name":"n1","port":6818}"#));
}

proptest! {
    #[test]
    fn any_text_is_refused_without_a_panic(text in ".{0,200}", dotted in "[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(authenticate(&text, &keys(), NOW, ME, REQUEST).is_err());
        prop_assert!(authenticate(&dotted, &keys(), NOW, ME, REQUEST).is_err());
    }

    #[test]
    fn any_signed_claims_are_read_without_a_panic(
        name in "(uid|gid|exp|iat|id|ruid|host|sbcast|netcred|payload|aud|sub|iss|nbf)",
        value in "(\\[\\]|\\{\\}|-1|1e99|\"x\"|null|true|\\{\"gids\":\\[-1\\]\\}|\\{\"addrs\":[1]\\})",
    ) {
        let claims = verify(&token(), &keys(), NOW, ME).unwrap().to_json();
        let mut json: serde_json::Value = serde_json::from_str(&claims).unwrap();
        if let Ok(value) = serde_json::from_str(&value) {
            json[&name] = value;
        }
        let token = sign_json(&json.to_string(), keys().signing(NOW));
        let _ = authenticate(&token, &keys(), NOW, ME, REQUEST);
    }
}

#[test]
fn a_flip_of_any_bit_of_a_token_is_refused() {
    let token = token().into_bytes();
    for index in 0..token.len() {
        for bit in 0..8 {
            let mut bytes = token.clone();
            bytes[index] ^= 1 << bit;
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(authenticate(&text, &keys(), NOW, ME, REQUEST).is_err(), "{index}.{bit}");
            }
        }
    }
}
