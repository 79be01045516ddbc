//! Who sent it: the hash of a body, keys, tokens, and the SACK socket's messages.
//!
//! Everything is a function of its arguments: keys come as bytes, the time as a value, our own
//! user id as a number. Only HS256 is spoken, as in `auth/slurm`.
//!
//! ```text
//!  frame ─ token ─ KeySet ─► Claims (uid, gid, host, payload) ─ BodyHash ─► the body may be decoded
//! ```
//!
//! Source: `auth/slurm` of all six releases; confirmed by captures of four.

mod body_hash;
mod claims;
mod credential;
mod hmac;
mod issuer;
mod key;
mod sack;
mod token;
mod user_token;

pub use body_hash::{BodyHash, HashFault};
pub use claims::{Claims, Context, NodeAddress, SbcastClaims};
pub use credential::{
    CoreMap, CoreRun, Credential, CredentialError, JobPartition, NodeCores, SbcastCredential,
    Signed, VersionedCredential,
};
pub use issuer::{Client, Issuer};
pub use key::{Key, KeyError, KeySet, jwks_text};
pub use sack::{SACK_BYTES_MAX, SackError, SackRequest};
pub use token::{Expected, NOBODY, TokenError, authenticate, sign, verify};
pub use user_token::UserToken;
