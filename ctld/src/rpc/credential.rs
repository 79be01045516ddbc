//! The launch credential: what a job holds, for slurmd to believe.

use std::net::{IpAddr, SocketAddr};

use model::{Allocation, Job, Node, NodeId, NodeShare, NumberOption, TextOption, Timestamp};
use protocol::auth::{CoreMap, Credential, Issuer, KeySet, NodeAddress, NodeCores, Signed};
use protocol::msg::{Identity, StepId};
use protocol::shape::{Address, Bitmap, Limit, Runs, ShortArray};
use protocol::wire::to_bytes;
use protocol::{Version, shape};

use super::{gres, job_word, sluid};
use crate::users::User;
use crate::view::View;

/// What a job without time limit is said to run for: a year, as slurmctld has it.
const FOR_EVER_S: u64 = 365 * 24 * 60 * 60;

/// Who makes credentials: key, name and time.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The keys.
    pub keys: &'a KeySet,
    /// Who signs.
    pub issuer: &'a Issuer,
    /// The time.
    pub now: shape::Timestamp,
}

impl Signer<'_> {
    /// The credential as messages carry it, to be read in a release.
    pub fn sign(&self, credential: &Credential, version: Version) -> Signed<Credential> {
        let bytes = to_bytes(credential, version);
        Signed::Token(self.issuer.launch(self.keys, self.now, &credential.id, bytes))
    }
}

/// What is true of a job whatever the credential is for: nothing of a step is filled in but its
/// number. `None` if the job holds nothing or one of its nodes is gone.
///
/// In a release up to 25.11 `job_oversubscribe` has another meaning than later.
pub fn of_job(
    view: &View,
    job: &Job,
    step: u32,
    version: Version,
    now: Timestamp,
) -> Option<Credential> {
    let allocation = job.allocation.as_deref()?;
    let shares = shares(view, allocation)?;
    let partition = view.cluster.partition(&job.partition).map(|partition| &**partition);
    let text = |option| text(job, option);
    let oversubscribe = if version >= Version::V26_05 {
        Limit::Value(job_word::oversubscribe_value(job, partition))
    } else {
        job_word::shared_value(job, partition)
    };
    Some(Credential {
        step_id: StepId { step_id: step, ..sluid::job(view, job) },
        id: identity(view, job),
        job_gres: ShortArray(gres::of_job(&shares)),
        job_core_spec: Limit::from_option(job.spec.core_spec),
        job_account: text(TextOption::Account),
        job_node_addrs: addresses(&shares),
        job_comment: text(TextOption::Comment),
        job_constraints: job.spec.features.as_deref().map(str::to_owned),
        job_end_time: stamp(ends(job)),
        job_extra: text(TextOption::Extra),
        job_exclusive: job_word::exclusive_value(job, partition),
        job_oversubscribe: oversubscribe,
        job_partition: Some(job.partition.to_string()).into(),
        job_reservation: text(TextOption::Reservation),
        job_restart_cnt: job.restarts,
        job_start_time: stamp(job.started),
        job_std_err: text(TextOption::StdErr),
        job_std_in: text(TextOption::StdIn),
        job_std_out: text(TextOption::StdOut),
        job_x11: small(job, NumberOption::X11),
        ctime: stamp(Some(now)),
        job_cores: CoreMap(Some(cores(&shares))),
        node_cores: node_cores(&shares),
        cpus: cpus(allocation),
        job_nhosts: count(allocation.shares.len()),
        job_ntasks: allocation.tasks,
        job_hostlist: Some(allocation.node_list.to_string()),
        job_licenses: licenses(job, allocation),
        ..Credential::default()
    })
}

/// What a job holds of each of its nodes, with the nodes.
type Shares<'a> = Vec<(&'a Node, &'a NodeShare)>;

fn shares<'a>(view: &'a View, allocation: &'a Allocation) -> Option<Shares<'a>> {
    let shares = allocation.shares.iter();
    shares.map(|share| Some((&**view.cluster.node(share.node)?, share))).collect()
}

/// The cores of the job, node after node.
pub fn job_cores(view: &View, allocation: &Allocation) -> Option<Bitmap> {
    shares(view, allocation).map(|shares| cores(&shares))
}

fn cores(shares: &Shares<'_>) -> Bitmap {
    let total = shares.iter().map(|(node, _)| node.hardware.cores()).sum();
    let mut map = Bitmap::new(total);
    let mut first = 0;
    for (node, share) in shares {
        for core in share.cores.iter().filter(|core| *core < node.hardware.cores()) {
            map.insert(first + core);
        }
        first += node.hardware.cores();
    }
    map
}

fn node_cores(shares: &Shares<'_>) -> NodeCores {
    let mut cores = NodeCores::default();
    for (node, _) in shares {
        cores.push(node.hardware.sockets, node.hardware.cores_per_socket);
    }
    cores
}

/// CPUs on each node.
pub fn cpus(allocation: &Allocation) -> Runs<u16> {
    let cpus = |share: &NodeShare| u16::try_from(share.cpus).unwrap_or(u16::MAX);
    allocation.shares.iter().map(cpus).collect()
}

/// Memory on each node, MiB; 0 where memory is not counted. Never left out: slurmd of every release up to 26.05 reads the first value unasked.
pub fn memory(shares: &[NodeShare]) -> Runs<u64> {
    shares.iter().map(|share| share.memory_mib).collect()
}

/// Whom the job runs as: as the machine knows the user, or else as the submission told.
pub fn identity(view: &View, job: &Job) -> Identity {
    let text = |option| text(job, option);
    match view.users.user(job.owner) {
        Some(user) => Identity { gid: job.group.0, ..identity_of(&user) },
        None => Identity {
            uid: job.owner.0,
            gid: job.group.0,
            name: text(TextOption::UserName),
            home: text(TextOption::HomeDir),
            shell: text(TextOption::Shell),
            gids: vec![job.group.0],
            ..Identity::default()
        },
    }
}

/// A user, as the machine knows them.
pub fn identity_of(user: &User) -> Identity {
    Identity {
        uid: user.uid.0,
        gid: user.gid.0,
        name: Some(user.name.to_string()),
        gecos: Some(user.gecos.to_string()),
        home: Some(user.home.to_string()),
        shell: Some(user.shell.to_string()),
        gids: user.groups.iter().map(|gid| gid.0).collect(),
        group_names: Vec::new(),
    }
}

/// Whether names do not tell where the nodes are: one of them is dynamic or of a cloud.
fn need_addresses(shares: &Shares<'_>) -> bool {
    let resolves = |node: &Node| node.origin == model::Origin::Configured && !node.flags.cloud;
    !shares.iter().all(|(node, _)| resolves(node))
}

/// The addresses of all nodes if names do not tell them.
fn addresses(shares: &Shares<'_>) -> Vec<Address> {
    if !need_addresses(shares) {
        return Vec::new();
    }
    let address = |(node, _): &(&Node, &NodeShare)| address(node).map(Address::from);
    let addresses: Option<Vec<Address>> = shares.iter().map(address).collect();
    addresses.unwrap_or_default()
}

/// Where a node's slurmd listens, as far as that needs no name service.
pub fn address(node: &Node) -> Option<SocketAddr> {
    let configured: Option<IpAddr> = node.address.host.parse().ok();
    let ip = configured.or_else(|| node.address.seen.map(|seen| seen.ip()))?;
    Some(SocketAddr::new(ip, node.address.port))
}

/// The proof of where the nodes of a job are, if names do not tell.
pub fn net_of_job(view: &View, allocation: &Allocation, signer: &Signer<'_>) -> Option<String> {
    shares(view, allocation).filter(need_addresses)?;
    let nodes = net_addresses(view, allocation.shares.iter().map(|share| share.node));
    Some(signer.issuer.net(signer.keys, signer.now, nodes))
}

/// Nodes with their addresses, those left out of which none is known yet.
pub fn net_addresses(view: &View, nodes: impl IntoIterator<Item = NodeId>) -> Vec<NodeAddress> {
    let of_node = |id| {
        let node = view.cluster.node(id)?;
        let at = address(node)?;
        Some(NodeAddress { name: node.name.to_string(), ip: at.ip(), port: at.port() })
    };
    nodes.into_iter().filter_map(of_node).collect()
}

fn licenses(job: &Job, allocation: &Allocation) -> Option<String> {
    let held = || {
        let held: Vec<String> =
            allocation.licenses.iter().map(|(name, n)| format!("{name}:{n}")).collect();
        (!held.is_empty()).then(|| held.join(","))
    };
    text(job, TextOption::LicensesText).or_else(held)
}

/// When the job ends at the latest.
fn ends(job: &Job) -> Option<Timestamp> {
    job.ended.or_else(|| job.started.map(|started| started.plus_s(FOR_EVER_S)))
}

pub(super) fn stamp(at: Option<Timestamp>) -> shape::Timestamp {
    shape::Timestamp(at.map_or(0, |at| at.0))
}

pub(super) fn text(job: &Job, option: TextOption) -> Option<String> {
    job.spec.carried.text(option).map(|text| text.to_string())
}

pub(super) fn small(job: &Job, option: NumberOption) -> u16 {
    let number = job.spec.carried.number(option).unwrap_or(0);
    u16::try_from(number).unwrap_or(u16::MAX)
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
