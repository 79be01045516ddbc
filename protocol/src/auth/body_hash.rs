use k12::{CustomRefKt128, ExtendableOutput, Update, XofReader};

use crate::number::Number;

/// What a token of a request carries as its payload: the algorithm's number and the digest of the
/// body, so that the token is good for this message with this body only.
///
/// KangarooTwelve with 32 bytes of output, customized by the message number as two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyHash([u8; 33]);

/// The number of KangarooTwelve among Slurm's hash plugins.
const K12: u8 = 2;

impl BodyHash {
    /// The hash of a message's body.
    pub fn of(number: Number, body: &[u8]) -> Self {
        let customization = number.0.to_be_bytes();
        let mut hasher = CustomRefKt128::new_customized(&customization);
        hasher.update(body);
        let mut bytes = [K12; 33];
        hasher.finalize_xof().read(&mut bytes[1..]);
        Self(bytes)
    }

    /// As a token's payload.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a verified token's payload speaks of this body.
    ///
    /// Stock controllers take a token without any hash, and one that names the message only,
    /// unless `CommunicationParameters` forbids it. No program of the six releases sends either,
    /// so here both are refused.
    pub fn check(payload: &[u8], number: Number, body: &[u8]) -> Result<(), HashFault> {
        match payload.first() {
            None => Err(HashFault::Missing),
            Some(&K12) if payload == Self::of(number, body).as_bytes() => Ok(()),
            Some(&K12) => Err(HashFault::NotOfThisBody { number }),
            Some(&plugin) => Err(HashFault::Algorithm { plugin }),
        }
    }
}

/// Why a token's payload is not the hash of the body it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashFault {
    /// The token carries no hash.
    #[error("the token carries no hash of the body")]
    Missing,
    /// The body was changed on its way, or the token was made for another message.
    #[error("the token was made for another message or body than {number}")]
    NotOfThisBody {
        /// The message that it came with.
        number: Number,
    },
    /// Not KangarooTwelve: the peer has another `HashPlugin`.
    #[error("the body is hashed by plugin {plugin}, only 2 (hash/k12) is supported")]
    Algorithm {
        /// Slurm's number of the plugin; 1 is none, 4 is SHA-3.
        plugin: u8,
    },
}
