//! What a token says, and its JSON.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::auth::token::TokenError;
use crate::msg::Identity;
use crate::shape::Timestamp;
use crate::sluid;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// A request of a daemon.
    Auth,
    /// A request of a client, for whom a SACK socket made it.
    Sack,
    /// A launch credential.
    Launch,
    /// A credential of sbcast.
    Sbcast,
    /// Signed addresses of nodes.
    Net,
}

impl Context {
    const ALL: [Self; 5] = [Self::Auth, Self::Sack, Self::Launch, Self::Sbcast, Self::Net];

    /// The claim's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Sack => "sack",
            Self::Launch => "launch",
            Self::Sbcast => "sbcast",
            Self::Net => "net",
        }
    }
}

/// What an `auth/slurm` token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// What it is for.
    pub context: Context,
    /// The maker's cluster, if it knows its name. Never verified: a configless peer that has not
    /// got its configuration yet says `CONFIGLESS`.
    pub cluster: Option<String>,
    /// When it was made.
    pub issued: Timestamp,
    /// The last second at which it is good.
    pub expires: Timestamp,
    /// Whom it speaks for.
    pub uid: u32,
    /// Their primary group.
    pub gid: u32,
    /// The only user who may read it; `None` is anyone.
    pub reader_uid: Option<u32>,
    /// Short name of the host that made it.
    pub host: String,
    /// The body's hash, or the binary credential.
    pub payload: Vec<u8>,
    /// Name, home, shell and groups of the user: in launch and sbcast credentials, and in clients'
    /// requests with `AuthInfo=use_client_ids`.
    pub identity: Option<Identity>,
    /// What an sbcast credential allows.
    pub sbcast: Option<SbcastClaims>,
    /// The nodes of a net credential, in order.
    pub nodes: Vec<NodeAddress>,
    /// The maker's protocol version; never verified.
    pub version: u16,
}

/// What an sbcast credential allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SbcastClaims {
    /// The nodes of the job, as a host expression.
    pub nodes: Option<String>,
    /// The job.
    pub job_id: u32,
    /// The heterogeneous job it belongs to, or `NO_VAL`.
    pub het_job_id: u32,
    /// The step, or `NO_VAL`.
    pub step_id: u32,
    /// The job's unique id (25.11+); 0 when unknown.
    pub sluid: u64,
}

/// Where a node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAddress {
    /// The node.
    pub name: String,
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
}

/// Any reader.
const ANYONE: u32 = u32::MAX;

/// The claims as JSON. libjwt writes keys in alphabetical order at every level, and so do these
/// structs, so a token of ours is a stock token to the byte.
#[derive(Serialize)]
struct ClaimsJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    context: &'a str,
    exp: i64,
    gid: u32,
    host: &'a str,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<IdentityJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    net: Option<NetJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netcred: Option<NetCredJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    ruid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sbcast: Option<SbcastJson<'a>>,
    uid: u32,
    ver: u16,
}

#[derive(Serialize)]
struct IdentityJson<'a> {
    dir: Option<&'a str>,
    gecos: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gids: Option<&'a [u32]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<BTreeMap<&'a str, u32>>,
    name: Option<&'a str>,
    shell: Option<&'a str>,
}

#[derive(Serialize)]
struct SbcastJson<'a> {
    het_job_id: u32,
    job_id: u32,
    nodes: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sluid: Option<String>,
    step_id: u32,
}

/// The form that 23.11 reads. A port is the `u16` that a little-endian host sees in network order.
#[derive(Serialize)]
struct NetJson {
    addrs: BTreeMap<String, u16>,
    nodes: String,
}

#[derive(Serialize)]
struct NetCredJson<'a> {
    addrs: Vec<NodeAddressJson<'a>>,
}

#[derive(Serialize)]
struct NodeAddressJson<'a> {
    ip: String,
    name: &'a str,
    port: u16,
}

impl Claims {
    /// The claims' JSON, as stock programs write it.
    pub fn to_json(&self) -> String {
        let is_net = self.context == Context::Net;
        let json = ClaimsJson {
            cluster: self.cluster.as_deref(),
            context: self.context.as_str(),
            exp: self.expires.0,
            gid: self.gid,
            host: &self.host,
            iat: self.issued.0,
            id: self.identity.as_ref().map(identity_json),
            net: is_net.then(|| net_json(&self.nodes)),
            netcred: is_net.then(|| net_cred_json(&self.nodes)),
            payload: (!self.payload.is_empty()).then(|| STANDARD.encode(&self.payload)),
            ruid: self.reader_uid.unwrap_or(ANYONE),
            sbcast: self.sbcast.as_ref().map(|sbcast| SbcastJson {
                het_job_id: sbcast.het_job_id,
                job_id: sbcast.job_id,
                nodes: sbcast.nodes.as_deref(),
                sluid: (sbcast.sluid != 0).then(|| sluid::to_text(sbcast.sluid)),
                step_id: sbcast.step_id,
            }),
            uid: self.uid,
            ver: self.version,
        };
        serde_json::to_string(&json).expect("strings, numbers and maps with text keys are JSON")
    }

    /// From the claims of a token whose signature is good.
    pub(super) fn from_json(json: &Map<String, Value>) -> Result<Self, TokenError> {
        let reader = Reader(json);
        let context = reader.text("context")?;
        let context = Context::ALL
            .into_iter()
            .find(|known| known.as_str() == context)
            .ok_or_else(|| TokenError::UnknownContext { got: beginning(context) })?;
        let uid = reader.number("uid")?;
        let gid = reader.number("gid")?;
        Ok(Self {
            context,
            cluster: json.get("cluster").and_then(Value::as_str).map(str::to_owned),
            issued: reader.time("iat")?,
            expires: reader.time("exp")?,
            uid,
            gid,
            reader_uid: Some(reader.number("ruid")?).filter(|&uid| uid != ANYONE),
            host: reader.text("host")?.to_owned(),
            payload: reader.payload()?,
            identity: reader.object("id")?.map(|id| identity(uid, gid, id)).transpose()?,
            sbcast: reader.object("sbcast")?.map(sbcast).transpose()?,
            nodes: match context {
                Context::Net => nodes(reader.value("netcred")?)?,
                Context::Auth | Context::Sack | Context::Launch | Context::Sbcast => Vec::new(),
            },
            version: json
                .get("ver")
                .and_then(Value::as_u64)
                .and_then(|version| version.try_into().ok())
                .unwrap_or(0),
        })
    }
}

fn identity_json(identity: &Identity) -> IdentityJson<'_> {
    let groups: Option<BTreeMap<&str, u32>> = (!identity.group_names.is_empty()).then(|| {
        let named = identity.group_names.iter().zip(&identity.gids);
        named.filter_map(|(name, gid)| Some((name.as_deref()?, *gid))).collect()
    });
    IdentityJson {
        dir: identity.home.as_deref(),
        gecos: identity.gecos.as_deref(),
        gids: (groups.is_none() && !identity.gids.is_empty()).then_some(&identity.gids),
        groups,
        name: identity.name.as_deref(),
        shell: identity.shell.as_deref(),
    }
}

fn net_json(nodes: &[NodeAddress]) -> NetJson {
    let names: crate::hostlist::Hostlist = nodes.iter().map(|node| &node.name).collect();
    NetJson {
        addrs: nodes.iter().map(|node| (node.ip.to_string(), node.port.swap_bytes())).collect(),
        nodes: names.ranged(),
    }
}

fn net_cred_json(nodes: &[NodeAddress]) -> NetCredJson<'_> {
    let addrs = nodes.iter().map(|node| NodeAddressJson {
        ip: node.ip.to_string(),
        name: &node.name,
        port: node.port,
    });
    NetCredJson { addrs: addrs.collect() }
}

/// Takes claims out of an object; each fault names the claim.
struct Reader<'a>(&'a Map<String, Value>);

impl<'a> Reader<'a> {
    fn value(&self, claim: &'static str) -> Result<&'a Value, TokenError> {
        self.0.get(claim).ok_or(TokenError::MissingClaim { claim })
    }

    fn text(&self, claim: &'static str) -> Result<&'a str, TokenError> {
        self.value(claim)?.as_str().ok_or(TokenError::BadClaim { claim })
    }

    fn number(&self, claim: &'static str) -> Result<u32, TokenError> {
        let number = self.value(claim)?.as_u64().ok_or(TokenError::BadClaim { claim })?;
        number.try_into().map_err(|_| TokenError::BadClaim { claim })
    }

    fn time(&self, claim: &'static str) -> Result<Timestamp, TokenError> {
        self.value(claim)?.as_i64().map(Timestamp).ok_or(TokenError::BadClaim { claim })
    }

    /// Left out when it is empty.
    fn payload(&self) -> Result<Vec<u8>, TokenError> {
        let claim = "payload";
        match self.0.get(claim) {
            None => Ok(Vec::new()),
            Some(value) => value
                .as_str()
                .and_then(|text| STANDARD.decode(text).ok())
                .ok_or(TokenError::BadClaim { claim }),
        }
    }

    fn object(&self, claim: &'static str) -> Result<Option<&'a Map<String, Value>>, TokenError> {
        match self.0.get(claim) {
            None => Ok(None),
            Some(value) => value.as_object().map(Some).ok_or(TokenError::BadClaim { claim }),
        }
    }
}

fn identity(uid: u32, gid: u32, id: &Map<String, Value>) -> Result<Identity, TokenError> {
    let text = |field: &str| id.get(field).and_then(Value::as_str).map(str::to_owned);
    let bad = || TokenError::BadClaim { claim: "id" };
    let group_id =
        |value: &Value| value.as_u64().and_then(|gid| u32::try_from(gid).ok()).ok_or_else(bad);
    let mut gids = Vec::new();
    let mut group_names = Vec::new();
    if let Some(groups) = id.get("groups") {
        for (name, gid) in groups.as_object().ok_or_else(bad)? {
            gids.push(group_id(gid)?);
            group_names.push(Some(name.clone()));
        }
    } else if let Some(list) = id.get("gids") {
        gids = list.as_array().ok_or_else(bad)?.iter().map(group_id).collect::<Result<_, _>>()?;
    }
    Ok(Identity {
        uid,
        gid,
        name: text("name"),
        gecos: text("gecos"),
        home: text("dir"),
        shell: text("shell"),
        gids,
        group_names,
    })
}

fn sbcast(json: &Map<String, Value>) -> Result<SbcastClaims, TokenError> {
    let bad = || TokenError::BadClaim { claim: "sbcast" };
    let number = |field: &str| {
        json.get(field).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).ok_or_else(bad)
    };
    Ok(SbcastClaims {
        nodes: json.get("nodes").and_then(Value::as_str).map(str::to_owned),
        job_id: number("job_id")?,
        het_job_id: number("het_job_id")?,
        step_id: number("step_id")?,
        sluid: match json.get("sluid").and_then(Value::as_str) {
            Some(text) => sluid::parse(text).ok_or_else(bad)?,
            None => 0,
        },
    })
}

fn nodes(json: &Value) -> Result<Vec<NodeAddress>, TokenError> {
    let bad = || TokenError::BadClaim { claim: "netcred" };
    let node = |entry: &Value| {
        Some(NodeAddress {
            name: entry.get("name")?.as_str()?.to_owned(),
            ip: entry.get("ip")?.as_str()?.parse().ok()?,
            port: entry.get("port")?.as_u64()?.try_into().ok()?,
        })
    };
    let entries = json.get("addrs").and_then(Value::as_array).ok_or_else(bad)?;
    entries.iter().map(|entry| node(entry).ok_or_else(bad)).collect()
}

/// The beginning of what a peer wrote, for an error's text.
pub(super) fn beginning(text: &str) -> String {
    text.chars().take(40).collect()
}
