//! Licenses, and the facilities that a cluster may have and this one does not: topology, federation, burst buffers, accounts, front ends.
//!
//! Each of the latter is answered as a stock controller without it answers.

use model::named_nodes;
use protocol::msg::{
    self, AccountsInfo, BurstBufferStatus, BurstBuffersInfo, FederationInfo, FrontEndsInfo,
    HostlistText, LicenseInfo, LicensesInfo, NodeAddresses, NodeAddressesReply, SharesInfo,
    TopologyConfig, TopologyInfo,
};
use protocol::shape::{self, NullOr};
use protocol::{Errno, Number, Version};

use super::credential::{self, Signer};
use super::field::unless_known;
use super::visible::is_admin;
use super::{Failure, Kind, Privilege, Reply, Request, Row};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::read(Number::REQUEST_LICENSE_INFO, licenses),
    Row::read(Number::REQUEST_TOPO_INFO, topology),
    Row::read(Number::REQUEST_TOPO_CONFIG, topology_config),
    Row::read(Number::REQUEST_FED_INFO, federation),
    Row::read(Number::REQUEST_BURST_BUFFER_INFO, burst_buffers),
    Row::read(Number::REQUEST_BURST_BUFFER_STATUS, burst_buffer_status),
    Row::read(Number::REQUEST_ASSOC_MGR_INFO, accounts),
    Row::read(Number::REQUEST_SHARE_INFO, shares),
    Row::read(Number::REQUEST_FRONT_END_INFO, front_ends),
    Row::read(Number::REQUEST_HOSTLIST_EXPANSION, expansion),
    Row::of(Number::REQUEST_NODE_ALIAS_ADDRS, Privilege::Anybody, Kind::ReadSigned(addresses)),
];

/// `scontrol show licenses`.
fn licenses(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: msg::LicenseInfoRequest = request.decode()?;
    unless_known(asked.last_update, view.changed.jobs.max(view.changed.config))?;
    let license = |pool: &model::LicensePool| LicenseInfo {
        name: Some(pool.name.to_string()),
        total: pool.total,
        used: view.cluster.licenses_held(&pool.name),
        ..LicenseInfo::default()
    };
    let records = view.cluster.config().licenses.iter().map(license).collect();
    let body = LicensesInfo { last_update: shape::Timestamp(request.now.0), records };
    Ok(request.reply(Number::RESPONSE_LICENSE_INFO, &body))
}

fn topology(_: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: msg::TopologyInfoRequest = request.decode()?;
    if asked.name.is_some_and(|name| name != "default") {
        return Err(Failure::Code(Errno::ESLURM_REQUESTED_TOPO_CONFIG_UNAVAILABLE));
    }
    Ok(request.reply(Number::RESPONSE_TOPO_INFO, &TopologyInfo::Flat))
}

/// The file that would say of the network what is true without one: as the release of the client
/// writes it.
fn topology_config(_: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let kinds: &[&str] = if request.version >= Version::V26_05 {
        &["block: {}", "flat: {}", "ring: {}", "torus3d: {}", "tree: {}"]
    } else {
        &["block: {}", "flat: true", "tree: {}"]
    };
    let head = "%YAML 1.1\n---\n- topology: default\n  cluster_default: false\n";
    let config = format!("{head}  {}\n...\n", kinds.join("\n  "));
    Ok(request.reply(Number::RESPONSE_TOPO_CONFIG, &TopologyConfig { config: Some(config) }))
}

fn federation(_: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    Ok(request.reply(Number::RESPONSE_FED_INFO, &FederationInfo(None)))
}
fn burst_buffers(_: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    Ok(request.reply(Number::RESPONSE_BURST_BUFFER_INFO, &BurstBuffersInfo::default()))
}

fn burst_buffer_status(_: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let _: msg::BurstBufferStatusRequest = request.decode()?;
    Ok(request.reply(Number::RESPONSE_BURST_BUFFER_STATUS, &BurstBufferStatus { status: None }))
}

/// Without slurmdbd there are TRES and nothing else.
fn accounts(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let _: msg::AccountsRequest = request.decode()?;
    let names = view.conf.keys.accounting_storage_tres.as_deref().unwrap_or_default();
    let tres_names = names.split(',').map(|name| Some(name.trim().to_owned())).collect();
    let body = AccountsInfo { tres_names, ..AccountsInfo::default() };
    Ok(request.reply(Number::RESPONSE_ASSOC_MGR_INFO, &body))
}

fn shares(_: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let _: msg::SharesRequest = request.decode()?;
    let body = SharesInfo { tres_names: Vec::new(), shares: NullOr(None), total_shares: 0 };
    Ok(request.reply(Number::RESPONSE_SHARE_INFO, &body))
}

fn front_ends(_: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let _: msg::FrontEndInfoRequest = request.decode()?;
    let last_update = shape::Timestamp(request.now.0);
    let body = FrontEndsInfo { last_update, records: Vec::new() };
    Ok(request.reply(Number::RESPONSE_FRONT_END_INFO, &body))
}

/// A host expression that clients cannot expand by themselves.
fn expansion(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: HostlistText = request.decode()?;
    if view.cluster.config().private.nodes && !is_admin(view, request.caller) {
        return Err(Failure::Code(Errno::ESLURM_ACCESS_DENIED));
    }
    let named = named_nodes(&view.cluster, asked.expression.as_deref().unwrap_or_default());
    let nodes = named.ok().filter(|nodes| !nodes.is_empty());
    let nodes = nodes.ok_or(Failure::Code(Errno::ESLURM_INVALID_NODE_NAME))?;
    let expression = Some(model::node_list(&view.cluster, &nodes).to_string());
    Ok(request.reply(Number::RESPONSE_HOSTLIST_EXPANSION, &HostlistText { expression }))
}

/// Addresses of nodes whose names do not resolve everywhere, proven to nodes.
fn addresses(view: &View, request: &Request<'_>, signer: &Signer<'_>) -> Result<Reply, Failure> {
    let asked: NodeAddresses = request.decode()?;
    let named = named_nodes(&view.cluster, asked.node_list.as_deref().unwrap_or_default());
    let nodes = credential::net_addresses(view, named.unwrap_or_default());
    if nodes.is_empty() {
        return Err(Failure::Code(Errno::SLURM_NO_CHANGE_IN_DATA));
    }
    let net_cred = Some(signer.issuer.net(signer.keys, signer.now, nodes));
    Ok(request.reply(Number::RESPONSE_NODE_ALIAS_ADDRS, &NodeAddressesReply { net_cred }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Allocation, Change, CoreSet, Launch, NodeId, NodeShare, Phase};
    use protocol::wire::{Wire, from_bytes};

    use super::*;
    use crate::rpc::{Kind, fixtures, row};

    fn read(view: &View, number: Number, version: Version, body: &[u8]) -> Result<Reply, Failure> {
        let Kind::Read(read) = row(number).unwrap().kind else { panic!("a read") };
        read(view, &fixtures::request(number, version, body))
    }

    /// The body of the reply equals the captured one, the time aside.
    fn same_as_stock<T: Wire + std::fmt::Debug + PartialEq>(
        request: Number,
        response: Number,
        undate: fn(&mut T),
    ) {
        let view = fixtures::golden();
        let mut compared = 0;
        let requests = fixtures::captured(request);
        for (asked, stock) in requests.iter().zip(fixtures::captured(response)) {
            let version = stock.header.version;
            let reply = read(&view, request, version, &asked.body).unwrap();
            assert_eq!(reply.number, response);
            let mut ours: T = from_bytes(&reply.body, version).unwrap();
            let mut stock: T = from_bytes(&stock.body, version).unwrap();
            undate(&mut ours);
            undate(&mut stock);
            fixtures::assert_same(&stock, &ours, version);
            compared += 1;
        }
        assert!(compared >= 3, "{request}: {compared} replies");
    }

    #[test]
    fn what_is_not_there_is_told_as_stock_controllers_tell() {
        use Number as N;
        same_as_stock::<FederationInfo>(N::REQUEST_FED_INFO, N::RESPONSE_FED_INFO, |_| {});
        same_as_stock::<SharesInfo>(N::REQUEST_SHARE_INFO, N::RESPONSE_SHARE_INFO, |_| {});
        let (status, answer) = (N::REQUEST_BURST_BUFFER_STATUS, N::RESPONSE_BURST_BUFFER_STATUS);
        same_as_stock::<BurstBufferStatus>(status, answer, |_| {});
        same_as_stock::<AccountsInfo>(
            N::REQUEST_ASSOC_MGR_INFO,
            N::RESPONSE_ASSOC_MGR_INFO,
            |_| {},
        );
        let undate = |licenses: &mut LicensesInfo| licenses.last_update = shape::Timestamp(0);
        same_as_stock(N::REQUEST_LICENSE_INFO, N::RESPONSE_LICENSE_INFO, undate);
    }

    #[test]
    fn held_licenses_are_used() {
        let mut view = fixtures::golden();
        let mut job = fixtures::job(1);
        job.phase = Phase::Running(Launch::Done);
        let share = NodeShare {
            node: NodeId(0),
            cores: CoreSet::first(1),
            cpus: 1,
            memory_mib: 1,
            tasks: 1,
            gres: Vec::new(),
        };
        job.allocation = Some(Arc::new(Allocation {
            batch_at: 0,
            shares: vec![share],
            node_list: "n1".into(),
            exclusive: false,
            tasks: 1,
            licenses: vec![("fea".into(), 3)],
            resized: None,
            reservation: None,
        }));
        view.cluster.apply(&Change::Job(Arc::new(job)));
        let body = fixtures::bytes(&msg::LicenseInfoRequest::default(), Version::NEWEST);
        let reply = read(&view, Number::REQUEST_LICENSE_INFO, Version::NEWEST, &body).unwrap();
        let reply: LicensesInfo = from_bytes(&reply.body, Version::NEWEST).unwrap();
        assert_eq!((reply.records[0].total, reply.records[0].used), (10, 3));
    }

    /// What slurmctld 26.05 told in an experiment with the topology that is the default.
    #[test]
    fn a_flat_network_is_told_as_a_file() {
        let view = fixtures::golden();
        let reply = read(&view, Number::REQUEST_TOPO_CONFIG, Version::NEWEST, &[]).unwrap();
        let reply: TopologyConfig = from_bytes(&reply.body, Version::NEWEST).unwrap();
        assert_eq!(
            reply.config.as_deref(),
            Some(
                "%YAML 1.1\n---\n- topology: default\n  cluster_default: false\n  block: {}\n  \
                 flat: {}\n  ring: {}\n  torus3d: {}\n  tree: {}\n...\n"
            )
        );
    }

    #[test]
    fn host_expressions_are_expanded() {
        let view = fixtures::golden();
        let ask = |number, body: &[u8]| read(&view, number, Version::NEWEST, body);
        let text = |expression: &str| {
            let body = HostlistText { expression: Some(expression.to_owned()) };
            fixtures::bytes(&body, Version::NEWEST)
        };
        let reply = ask(Number::REQUEST_HOSTLIST_EXPANSION, &text("n3,n[1-2]")).unwrap();
        let reply: HostlistText = from_bytes(&reply.body, Version::NEWEST).unwrap();
        assert_eq!(reply.expression.as_deref(), Some("n[1-3]"));
        let refused = ask(Number::REQUEST_HOSTLIST_EXPANSION, &text("x1")).unwrap_err();
        assert_eq!(refused, Failure::Code(Errno::ESLURM_INVALID_NODE_NAME));
    }
}
