//! What a daemon or user is given to prove itself by: tokens of auth/jwt and certificates.

use crate::msg::Codec;
use crate::number::Number;
use crate::shape::Limit;
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_AUTH_TOKEN`: a token for auth/jwt; from `scontrol token`. [`TokenReply`] answers.
    pub struct TokenRequest {
        /// Seconds that it is to live.
        pub lifespan: Limit<u32>,
        /// For whom; NULL is the caller.
        pub username: Option<String>,
    }
}

wire_struct! {
    /// `RESPONSE_AUTH_TOKEN`: the answer to [`TokenRequest`].
    pub struct TokenReply {
        /// The token.
        pub token: Option<String>,
    }
}

wire_struct! {
    /// `REQUEST_TLS_CERT` (24.11+): a signed certificate; from slurmd and sackd. [`CertificateReply`]
    /// answers.
    pub struct CertificateRequest {
        /// The signing request, PEM.
        pub csr: Option<String>,
        /// The node.
        pub node_name: Option<String>,
        /// The node's token.
        pub token: Option<String>,
    }
}

wire_struct! {
    /// `RESPONSE_TLS_CERT` (24.11+): the answer to [`CertificateRequest`].
    pub struct CertificateReply {
        /// The certificate, PEM.
        pub certificate: Option<String>,
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<TokenRequest>(Number::REQUEST_AUTH_TOKEN),
    Codec::of::<TokenReply>(Number::RESPONSE_AUTH_TOKEN),
    Codec::of::<CertificateRequest>(Number::REQUEST_TLS_CERT),
    Codec::of::<CertificateReply>(Number::RESPONSE_TLS_CERT),
];
