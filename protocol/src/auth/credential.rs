//! What a launch credential and an sbcast credential say, and the two forms they travel in.
//!
//! A credential is made by the controller and read by slurmd: who may start what, where, with which
//! cores and memory. With `cred/slurm` a message holds only a token (compact JWS) whose `payload`
//! claim is the binary credential; with `cred/munge` the binary stands in the message itself,
//! followed by its signature.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::msg::{GresJob, GresStep, Identity, StepId};
use crate::shape::{Address, Bitmap, Blob, Limit, Runs, ShortArray, Timestamp, string};
use crate::version::{RawVersion, Version, Version::*};
use crate::wire::{self, DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// What a launch credential says: the `payload` of a token of context "launch".
    pub struct Credential {
        /// The step that may be started; the extern step in a prolog launch.
        pub step_id: StepId,
        /// Whom it runs as.
        pub id: Identity,
        /// GRES of the job.
        pub job_gres: ShortArray<GresJob>,
        /// GRES of the step.
        pub step_gres: ShortArray<GresStep>,
        /// Cores set aside for the system on each node.
        pub job_core_spec: Limit<u16>,
        /// The job's account.
        pub job_account: Option<String>,
        /// Addresses of the job's nodes that slurmd cannot resolve; none or one a node.
        pub job_node_addrs: Vec<Address>,
        /// Names and addresses of cloud nodes, as text; unused by current programs.
        pub job_alias_list: Option<String>,
        /// The job's comment.
        pub job_comment: Option<String>,
        /// Node features that the job asked for.
        pub job_constraints: Option<String>,
        /// When the job must end.
        pub job_end_time: Timestamp,
        /// Free text of the job (`--extra`).
        pub job_extra: Option<String>,
        /// `--exclusive` of the job.
        pub job_exclusive: u16 [V26_05..],
        /// `--oversubscribe` of the job (job_shared_types of slurm.h).
        pub job_oversubscribe: Limit<u16>,
        /// The job's partition.
        pub job_partition: JobPartition,
        /// The job's QOS.
        pub job_qos: Option<String> [V26_05..],
        /// The job's reservation.
        pub job_reservation: Option<String>,
        /// How many times the job was requeued.
        pub job_restart_cnt: u16,
        /// When the job started.
        pub job_start_time: Timestamp,
        /// Batch standard error, patterns not expanded.
        pub job_std_err: Option<String>,
        /// Batch standard input.
        pub job_std_in: Option<String>,
        /// Batch standard output.
        pub job_std_out: Option<String>,
        /// Nodes of the step, as a host expression: slurmd refuses unless it is among them.
        pub step_hostlist: Option<String>,
        /// X11 forwarding flags.
        pub job_x11: u16,
        /// When the credential was made. With the step id it tells a replay; slurmd refuses it
        /// `cred_expire` seconds later (120 by default).
        pub ctime: Timestamp,
        /// Cores of the job on its nodes, node after node.
        pub job_cores: CoreMap,
        /// Cores of the step, in the same numbering; NULL when a job is ended (captures).
        pub step_core_bitmap: Option<Bitmap>,
        /// Sockets and cores of the job's nodes.
        pub node_cores: NodeCores,
        /// CPUs allocated on the job's nodes.
        pub cpus: Runs<u16>,
        /// How many nodes the job has.
        pub job_nhosts: u32,
        /// How many tasks the job has.
        pub job_ntasks: u32,
        /// Nodes of the job, as a host expression.
        pub job_hostlist: Option<String>,
        /// Licenses of the job.
        pub job_licenses: Option<String>,
        /// Memory of the job on its nodes, MiB.
        pub job_mem_alloc: Runs<u64>,
        /// Memory of the step on its nodes, MiB; none in a batch launch (captures).
        pub step_mem_alloc: Runs<u64>,
        /// SELinux context.
        pub job_selinux_context: Option<String>,
        /// The switch plugin's number and data; empty without such a plugin. Up to 24.05 it hides
        /// in `job_partition`.
        pub switch_step: Blob [V24_11..],
    }
}

/// The partition's name, and up to 24.05 what a switch plugin hides behind it.
///
/// 23.11.9 and 24.05.2 had to carry switch data in a credential whose layout could not change any
/// more: the string's length counts the name, its NUL, the data and one more NUL. Older readers
/// stop at the first NUL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobPartition {
    /// The name.
    pub name: Option<String>,
    /// The switch plugin's number and data, up to 24.05; not written in later versions.
    pub switch_step: Option<Vec<u8>>,
}

impl From<Option<String>> for JobPartition {
    fn from(name: Option<String>) -> Self {
        Self { name, switch_step: None }
    }
}

impl Wire for JobPartition {
    fn encode(&self, w: &mut Writer) {
        match &self.switch_step {
            Some(switch) if w.version() <= V24_05 => w.sized(|w| {
                w.raw(&string::to_bytes(self.name.as_deref().unwrap_or_default()));
                w.raw(&[0]);
                w.raw(switch);
                w.raw(&[0]);
            }),
            _ => self.name.encode(w),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut text = r.clone();
        let name = Option::<String>::decode(r)?;
        if r.version() >= V24_11 {
            return Ok(name.into());
        }
        let Blob(bytes) = Blob::decode(&mut text)?;
        let mut parts = bytes.splitn(2, |&byte| byte == 0);
        match (parts.next(), parts.next().and_then(<[u8]>::split_last)) {
            (Some(before), Some((_, switch))) => Ok(Self {
                name: Some(string::from_bytes(before)),
                switch_step: Some(switch.to_vec()),
            }),
            _ => Ok(name.into()),
        }
    }
}

/// A core bitmap behind its width, which is 0 when there is no bitmap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoreMap(pub Option<Bitmap>);

impl Wire for CoreMap {
    fn encode(&self, w: &mut Writer) {
        self.0.as_ref().map_or(0, Bitmap::len).encode(w);
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let place = r.clone();
        let width = u32::decode(r)?;
        let map = Option::<Bitmap>::decode(r)?;
        match map.as_ref().map_or(0, Bitmap::len) {
            found if found == width => Ok(Self(map)),
            found => Err(place.error(Malformed::Counts {
                counted: usize::try_from(width).unwrap_or(usize::MAX),
                found: usize::try_from(found).unwrap_or(usize::MAX),
            })),
        }
    }
}

/// The sockets and cores of the nodes, equal neighbours written once.
///
/// On the wire: `u16` number of runs and, unless it is 0, three arrays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeCores(Vec<CoreRun>);

/// Neighbouring nodes of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreRun {
    /// Cores of a socket.
    pub cores_per_socket: u16,
    /// Sockets of a node.
    pub sockets_per_node: u16,
    /// How many nodes.
    pub times: u32,
}

impl NodeCores {
    /// Adds one more node at the end.
    pub fn push(&mut self, sockets_per_node: u16, cores_per_socket: u16) {
        match self.0.last_mut() {
            Some(last)
                if last.cores_per_socket == cores_per_socket
                    && last.sockets_per_node == sockets_per_node
                    && last.times < u32::MAX =>
            {
                last.times += 1;
            }
            _ => self.0.push(CoreRun { cores_per_socket, sockets_per_node, times: 1 }),
        }
    }

    /// The runs.
    pub fn runs(&self) -> &[CoreRun] {
        &self.0
    }
}

impl Wire for NodeCores {
    fn encode(&self, w: &mut Writer) {
        let count = u16::try_from(self.0.len()).expect("a job has at most 65535 shapes of nodes");
        count.encode(w);
        if count > 0 {
            self.0.iter().map(|run| run.cores_per_socket).collect::<Vec<_>>().encode(w);
            self.0.iter().map(|run| run.sockets_per_node).collect::<Vec<_>>().encode(w);
            self.0.iter().map(|run| run.times).collect::<Vec<_>>().encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let place = r.clone();
        let counted = usize::from(u16::decode(r)?);
        if counted == 0 {
            return Ok(Self::default());
        }
        let cores = Vec::<u16>::decode(r)?;
        let sockets = Vec::<u16>::decode(r)?;
        let times = Vec::<u32>::decode(r)?;
        for found in [cores.len(), sockets.len(), times.len()] {
            if found != counted {
                return Err(place.error(Malformed::Counts { counted, found }));
            }
        }
        let runs = cores.into_iter().zip(sockets).zip(times);
        Ok(Self(
            runs.map(|((cores_per_socket, sockets_per_node), times)| CoreRun {
                cores_per_socket,
                sockets_per_node,
                times,
            })
            .collect(),
        ))
    }
}

wire_struct! {
    /// What an sbcast credential says, in the binary form that only `cred/munge` uses: with
    /// `cred/slurm` the token's `sbcast` claim says it, and there is no `payload`.
    pub struct SbcastCredential {
        /// The job or step whose nodes may be written to.
        pub step_id: StepId [V25_11..],
        /// Whom the file belongs to.
        pub id: Identity,
        /// When the credential was made.
        pub ctime: Timestamp,
        /// When it ends.
        pub expiration: Timestamp,
        /// The job; later versions carry `step_id`.
        pub job_id: u32 [..=V25_05],
        /// The leader of the heterogeneous job.
        pub het_job_id: u32,
        /// The step; later versions carry `step_id`.
        pub job_step_id: u32 [..=V25_05],
        /// The nodes that may be written to, as a host expression.
        pub nodes: Option<String>,
    }
}

/// A credential as a message carries it.
///
/// Which form it is depends on the cluster's `CredType` and nothing in the message says so. The
/// forms cannot be mistaken for each other: a token is a string that begins with `eyJ` (`{"` in
/// base64), and for an inline credential to look like that its step number would have to be one
/// that does not exist.
#[derive(Clone, Debug, PartialEq)]
pub enum Signed<T> {
    /// `cred/slurm`: the token (compact JWS), as it came.
    Token(String),
    /// `cred/munge`: the credential in the open, and its signature.
    Inline {
        /// What it says.
        body: Box<T>,
        /// The munge credential over the bytes of `body`.
        signature: Option<String>,
    },
}

/// An empty token, which every reader refuses.
impl<T> Default for Signed<T> {
    fn default() -> Self {
        Self::Token(String::new())
    }
}

/// The longest token that is recognised as one, bytes. A launch credential of 65,536 nodes with
/// their addresses stays below it.
const TOKEN_BYTES_MAX: u32 = 1 << 26;

fn begins_with_token(r: &Reader<'_>) -> bool {
    let mut probe = r.clone();
    let length = u32::decode(&mut probe);
    let start = probe.array::<3>();
    matches!((length, start), (Ok(4..=TOKEN_BYTES_MAX), Ok(start)) if &start == b"eyJ")
}

impl<T: Wire> Wire for Signed<T> {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Token(token) => token.encode(w),
            Self::Inline { body, signature } => {
                body.encode(w);
                signature.encode(w);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if begins_with_token(r) {
            return String::decode(r).map(Self::Token);
        }
        Ok(Self::Inline { body: Wire::decode(r)?, signature: Wire::decode(r)? })
    }
}

/// `u8` 1 and the credential, or `u8` 0.
impl<T: Wire> Wire for Option<Signed<T>> {
    fn encode(&self, w: &mut Writer) {
        self.is_some().encode(w);
        if let Some(credential) = self {
            credential.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if bool::decode(r)? { Signed::decode(r).map(Some) } else { Ok(None) }
    }
}

impl Signed<Credential> {
    /// What the credential says, read in the version that it was made in (that of the header,
    /// unless a `cred_version` stands before the credential). Nothing is verified: this is for
    /// tools and tests, and for whoever has verified the token already.
    pub fn body(&self, version: Version) -> Result<Credential, CredentialError> {
        match self {
            Self::Inline { body, .. } => Ok((**body).clone()),
            Self::Token(token) => Ok(wire::from_bytes(&payload(token)?, version)?),
        }
    }
}

/// The `payload` claim of a token, unverified.
fn payload(token: &str) -> Result<Vec<u8>, CredentialError> {
    #[derive(serde::Deserialize)]
    struct Claims {
        payload: Option<String>,
    }
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(CredentialError::NotAToken);
    };
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?;
    let payload = claims.payload.ok_or(CredentialError::NoPayload)?;
    Ok(STANDARD.decode(payload)?)
}

/// Why a token does not say what may be launched; always its maker's fault.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// Not three parts with dots between.
    #[error("a launch credential that is not a compact JWS")]
    NotAToken,
    /// The claims or the payload are not base64.
    #[error("launch credential: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The claims are not JSON.
    #[error("claims of a launch credential: {0}")]
    Json(#[from] serde_json::Error),
    /// There is no `payload` claim.
    #[error("a launch credential without a payload claim")]
    NoPayload,
    /// The payload is not a credential of that version.
    #[error("payload of a launch credential: {0}")]
    Body(#[from] DecodeError),
}

/// A launch credential behind the version that it was made in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VersionedCredential {
    /// The version; 0 or an unknown one is the version of the message.
    pub version: RawVersion,
    /// The credential.
    pub credential: Signed<Credential>,
}

impl VersionedCredential {
    /// A token made in `version`.
    pub fn token(version: Version, token: String) -> Self {
        Self { version: version.into(), credential: Signed::Token(token) }
    }

    /// What the credential says; see [`Signed::body`]. `message` is the version of the message.
    pub fn body(&self, message: Version) -> Result<Credential, CredentialError> {
        self.credential.body(self.version_in(message))
    }

    fn version_in(&self, message: Version) -> Version {
        Version::from_wire(self.version.0).unwrap_or(message)
    }
}

impl Wire for VersionedCredential {
    fn encode(&self, w: &mut Writer) {
        self.version.encode(w);
        let mut inner = Writer::new(self.version_in(w.version()));
        self.credential.encode(&mut inner);
        w.raw(&inner.into_bytes());
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut value = Self { version: Wire::decode(r)?, ..Self::default() };
        let mut inner = Reader::new(r.clone().rest(), value.version_in(r.version()));
        value.credential = Wire::decode(&mut inner)?;
        r.take(r.left() - inner.left())?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential() -> Credential {
        let mut node_cores = NodeCores::default();
        node_cores.push(2, 4);
        node_cores.push(2, 4);
        node_cores.push(1, 8);
        Credential {
            step_id: StepId::step(7, StepId::BATCH),
            job_cores: CoreMap(Some(Bitmap::with(24, [0, 23]))),
            step_core_bitmap: Some(Bitmap::with(24, [0])),
            node_cores,
            cpus: [8, 8, 8].into_iter().collect(),
            job_mem_alloc: Runs::uniform(100, 3),
            job_partition: Some("main".to_owned()).into(),
            ..Credential::default()
        }
    }

    fn inline() -> Signed<Credential> {
        Signed::Inline { body: Box::new(credential()), signature: Some("MUNGE:x:".to_owned()) }
    }

    #[test]
    fn equal_neighbours_are_one_run() {
        let runs: Vec<_> = credential().node_cores.runs().iter().map(|run| run.times).collect();
        assert_eq!(runs, [2, 1]);
    }

    #[test]
    fn an_inline_credential_comes_back_and_no_cut_is_taken_for_whole() {
        for version in Version::ALL {
            let bytes = wire::to_bytes(&inline(), version);
            assert_eq!(wire::from_bytes::<Signed<Credential>>(&bytes, version).unwrap(), inline());
            for end in 0..bytes.len() {
                assert!(wire::from_bytes::<Signed<Credential>>(&bytes[..end], version).is_err());
            }
        }
    }

    #[test]
    fn a_credential_is_read_in_its_own_version_and_not_in_that_of_the_message() {
        let value = VersionedCredential { version: V23_11.into(), credential: inline() };
        let bytes = wire::to_bytes(&value, V24_11);
        assert_eq!(wire::from_bytes::<VersionedCredential>(&bytes, V24_11).unwrap(), value);
    }

    #[test]
    fn switch_data_hides_behind_the_partition_only_up_to_24_05() {
        let hidden = JobPartition {
            name: Some("main".to_owned()),
            switch_step: Some(vec![0, 0, 0, 105, 0, 0, 0, 9]),
        };
        let bytes = wire::to_bytes(&hidden, V24_05);
        assert_eq!(bytes, b"\0\0\0\x0emain\0\0\0\0\x69\0\0\0\x09\0");
        assert_eq!(wire::from_bytes::<JobPartition>(&bytes, V24_05).unwrap(), hidden);
        assert_eq!(wire::to_bytes(&hidden, V24_11), b"\0\0\0\x05main\0");
    }

    #[test]
    fn text_that_is_not_a_token_is_told_apart_from_a_token_without_payload() {
        let body = |token: &str| Signed::<Credential>::Token(token.to_owned()).body(V24_11);
        assert!(matches!(body("eyJ"), Err(CredentialError::NotAToken)));
        assert!(matches!(body("a.b!.c"), Err(CredentialError::Base64(_))));
        let none = URL_SAFE_NO_PAD.encode("{}");
        assert!(matches!(body(&format!("a.{none}.c")), Err(CredentialError::NoPayload)));
        let short = URL_SAFE_NO_PAD.encode(r#"{"payload":"AAAA"}"#);
        assert!(matches!(body(&format!("a.{short}.c")), Err(CredentialError::Body(_))));
    }
}
