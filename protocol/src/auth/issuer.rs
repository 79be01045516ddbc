use crate::auth::body_hash::BodyHash;
use crate::auth::claims::{Claims, Context, NodeAddress, SbcastClaims};
use crate::auth::key::KeySet;
use crate::auth::token::sign;
use crate::msg::Identity;
use crate::number::Number;
use crate::shape::Timestamp;
use crate::version::Version;

/// Who makes tokens here: what all of them have in common.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Short name of this host.
    pub host: String,
    /// `ClusterName`.
    pub cluster: Option<String>,
    /// The user that we run as.
    pub uid: u32,
    /// The group that we run as.
    pub gid: u32,
    /// The user that slurmd runs as: the only one who may read credentials.
    pub slurmd_uid: u32,
    /// For how long a token is good (`AuthInfo=ttl=`, 60 by default), seconds.
    pub ttl_s: u32,
}

impl Issuer {
    /// The token of a request of ours.
    pub fn request(
        &self,
        keys: &KeySet,
        now: Timestamp,
        reader_uid: Option<u32>,
        number: Number,
        body: &[u8],
    ) -> String {
        let mut claims = self.claims(Context::Auth, now, self.uid, self.gid);
        claims.reader_uid = reader_uid;
        claims.payload = BodyHash::of(number, body).as_bytes().to_vec();
        sign(&claims, keys)
    }

    /// A token for a client, asked for at our SACK socket; `identity` with
    /// `AuthInfo=use_client_ids`.
    pub fn for_client(
        &self,
        keys: &KeySet,
        now: Timestamp,
        client: Client,
        identity: Option<Identity>,
    ) -> String {
        let mut claims = self.claims(Context::Sack, now, client.uid, client.gid);
        claims.reader_uid = client.reader_uid;
        claims.payload = client.payload;
        claims.identity = identity;
        sign(&claims, keys)
    }

    /// A launch credential: the binary credential, packed in the version of the slurmd that will
    /// read it, signed for the job's user.
    pub fn launch(
        &self,
        keys: &KeySet,
        now: Timestamp,
        identity: &Identity,
        credential: Vec<u8>,
    ) -> String {
        let mut claims = self.for_user(Context::Launch, now, identity);
        claims.payload = credential;
        sign(&claims, keys)
    }

    /// What sbcast needs to copy a file to a job's nodes.
    pub fn sbcast(
        &self,
        keys: &KeySet,
        now: Timestamp,
        identity: &Identity,
        sbcast: SbcastClaims,
    ) -> String {
        let mut claims = self.for_user(Context::Sbcast, now, identity);
        claims.sbcast = Some(sbcast);
        sign(&claims, keys)
    }

    /// Signed addresses of nodes, for peers that cannot resolve their names.
    pub fn net(&self, keys: &KeySet, now: Timestamp, nodes: Vec<NodeAddress>) -> String {
        let mut claims = self.claims(Context::Net, now, self.uid, self.gid);
        claims.reader_uid = Some(self.slurmd_uid);
        claims.nodes = nodes;
        sign(&claims, keys)
    }

    fn for_user(&self, context: Context, now: Timestamp, identity: &Identity) -> Claims {
        let mut claims = self.claims(context, now, identity.uid, identity.gid);
        claims.reader_uid = Some(self.slurmd_uid);
        claims.identity = Some(identity.clone());
        claims
    }

    fn claims(&self, context: Context, now: Timestamp, uid: u32, gid: u32) -> Claims {
        Claims {
            context,
            cluster: self.cluster.clone(),
            issued: now,
            expires: Timestamp(now.0.saturating_add(self.ttl_s.into())),
            uid,
            gid,
            reader_uid: None,
            host: self.host.clone(),
            payload: Vec::new(),
            identity: None,
            sbcast: None,
            nodes: Vec::new(),
            version: Version::NEWEST.to_wire(),
        }
    }
}

/// A client at our SACK socket: who the kernel says it is, and what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The peer's user.
    pub uid: u32,
    /// The peer's group.
    pub gid: u32,
    /// The only user who may read the token; `None` is anyone.
    pub reader_uid: Option<u32>,
    /// What the token is to carry.
    pub payload: Vec<u8>,
}
