//! Nodes, as clients are told of them.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    Availability, Exclusive, GresCount, Node, NodeFlags, NodeId, Partition, Phase,
    ReservationFlags, Timestamp, Tres, Usage,
};
use protocol::msg::{self, NodeInfo, NodesInfo, node_state, show};
use protocol::shape::{self, Bitmap, Fixed, Limit};
use protocol::{Errno, Number, Version, wire};

use super::cache::{self, Form, NodeSource};
use super::field::{list, text, time, unless_known};
use super::sheet::{Parts, Sheet};
use super::state_word::node_state_word;
use super::tres;
use super::visible::{Sight, is_admin};
use super::{Failure, Reply, Request, Row, gres};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::read(Number::REQUEST_NODE_INFO, nodes),
    Row::read(Number::REQUEST_NODE_INFO_SINGLE, one_node),
];

/// `scontrol show node`, sinfo.
fn nodes(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: msg::NodeInfoRequest = request.decode()?;
    require_sight(view, request)?;
    unless_known(asked.last_update, view.changed.nodes)?;
    let table = Table::new(view, request, asked.show_flags);
    let sheet = table.sheet(request.now);
    let mut hidden = Bitmap::new(view.cluster.node_table_len());
    let mut after = 0;
    let mut shown = sheet.walk(|place, source, parts, piece| {
        (after..place).for_each(|gap| table.leave_out(gap, &mut hidden, parts));
        match table.shows(&source.node) {
            true => parts.add(piece),
            false => table.leave_out(place, &mut hidden, parts),
        }
        after = place + 1;
    });
    // Another request may have met fewer nodes.
    let len = hidden.len();
    (after..len).for_each(|gap| table.leave_out(gap, &mut hidden, &mut shown));
    let now = shape::Timestamp(request.now.0);
    Ok(Reply {
        number: Number::RESPONSE_NODE_INFO,
        body: msg::nodes_info_head(request.version, now, shown.count() as usize, Some(&hidden)),
        tail: shown.into_bytes(),
        version: None,
    })
}

/// `scontrol show node NAME`: a node that is not there, or not to be seen, is no record.
fn one_node(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: msg::NodeInfoSingleRequest = request.decode()?;
    require_sight(view, request)?;
    let table = Table::new(view, request, asked.show_flags);
    let node = match &asked.node_name {
        Some(name) => view.cluster.node_named(name),
        None => view.cluster.node(NodeId(0)),
    };
    let node = node.filter(|node| table.shows(node));
    let nodes = node.map(|node| table.record(node, table.is_planned(node)));
    let last_update = shape::Timestamp(request.now.0);
    let body = NodesInfo { last_update, hidden: None, nodes: nodes.into_iter().collect() };
    Ok(request.reply(Number::RESPONSE_NODE_INFO, &body))
}

fn require_sight(view: &View, request: &Request<'_>) -> Result<(), Failure> {
    if view.cluster.config().private.nodes && !is_admin(view, request.caller) {
        return Err(Failure::Code(Errno::ESLURM_ACCESS_DENIED));
    }
    Ok(())
}

/// The node table as one request sees it.
struct Table<'a> {
    view: &'a View,
    version: Version,
    shows_future: bool,
    shows_detail: bool,
    /// For each node, whether some partition that is shown has it; `None` if all nodes are shown.
    shown: Option<Vec<bool>>,
    /// Nodes that waiting jobs are expected to start on, once somebody wants to know.
    planned: OnceCell<BTreeSet<NodeId>>,
    /// Nodes in reservations that are active now, once somebody wants to know.
    reserved: OnceCell<BTreeMap<NodeId, Reserved>>,
}

/// What a node shows of the reservations that it is in.
struct Reserved {
    /// The one that was made last.
    name: Arc<str>,
    /// Whether one of them is for maintenance.
    maintenance: bool,
}

impl<'a> Table<'a> {
    fn new(view: &'a View, request: &Request<'_>, show_flags: u16) -> Self {
        let sight = Sight::new(view, request, show_flags);
        Self {
            view,
            version: request.version,
            shows_future: show_flags & show::FUTURE != 0,
            shows_detail: show_flags & show::DETAIL != 0,
            shown: (!sight.all_partitions()).then(|| shown_nodes(view, &sight)),
            planned: OnceCell::new(),
            reserved: OnceCell::new(),
        }
    }

    /// All nodes, whoever sees them.
    fn sheet(&self, now: Timestamp) -> Sheet<NodeSource> {
        let flags = if self.shows_detail { show::DETAIL } else { 0 };
        let form = Form { version: self.version, flags };
        let table = cache::Table {
            revision: self.view.changed.revision.nodes,
            altered: None,
            entries_in: |_| {
                let nodes = self.view.cluster.used_nodes();
                nodes.map(|(node, usage)| (node, usage, self.is_planned(node)))
            },
        };
        let encode = |(node, _, planned): (&Arc<Node>, Option<&Arc<Usage>>, bool)| {
            wire::to_bytes(&self.record(node, planned), self.version)
        };
        self.view.encoded.nodes.renewed((self.view, now), form, table, encode)
    }

    /// A record's place is its node's: places without a node are hidden nodes too.
    fn leave_out(&self, place: u32, hidden: &mut Bitmap, parts: &mut Parts) {
        match self.version >= Version::V24_11 {
            true => hidden.insert(place),
            false => parts.add_own(wire::to_bytes(&NodeInfo::placeholder(), self.version)),
        }
    }

    fn shows(&self, node: &Node) -> bool {
        let is_shown = |shown: &Vec<bool>| shown.get(node.id.0 as usize).copied().unwrap_or(false);
        self.shown.as_ref().is_none_or(is_shown)
            && (self.shows_future || node.availability != Availability::Future)
    }

    fn is_planned(&self, node: &Node) -> bool {
        let planned = self.planned.get_or_init(|| self.view.cluster.planned_nodes());
        planned.contains(&node.id)
    }

    fn reservation(&self, node: &Node) -> Option<&Reserved> {
        let reserved = self.reserved.get_or_init(|| {
            let mut active: Vec<_> =
                self.view.cluster.reservations().filter(|one| one.is_active()).collect();
            active.sort_by_key(|one| one.id);
            let mut reserved: BTreeMap<NodeId, Reserved> = BTreeMap::new();
            for one in active {
                for node in one.nodes.iter() {
                    let before = reserved.get(node).is_some_and(|before| before.maintenance);
                    let maintenance = before || one.flags.has(ReservationFlags::MAINT);
                    let name = Arc::clone(&one.name);
                    reserved.insert(*node, Reserved { name, maintenance });
                }
            }
            reserved
        });
        reserved.get(&node.id)
    }

    fn record(&self, node: &Node, is_planned: bool) -> NodeInfo {
        let usage = self.view.cluster.usage(node.id);
        let mut info = configured(self.view, node);
        if self.version < Version::V26_05 {
            // Root, by sinfo: so these releases say until a node has had a reason.
            info.reason_uid = Limit::Value(0);
        }
        tell_state(self.view, node, &usage, &mut info);
        // Of a node that has no CPU left, stock says nothing of the kind.
        if is_planned && usage.cpus < node.hardware.effective_cpus() {
            info.node_state |= node_state::PLANNED;
        }
        if let Some(reserved) = self.reservation(node) {
            info.node_state |= node_state::RES;
            if reserved.maintenance {
                info.node_state |= node_state::MAINT;
            }
            info.resv_name = Some(reserved.name.to_string());
        }
        let label = self.view.cluster.config().node_label(self.view.cluster.jobs_on(node.id));
        info.mcs_label = text(label);
        tell_registration(node, &mut info);
        tell_usage(self.view, &usage, &mut info);
        if self.shows_detail {
            info.gres_used =
                Some(gres::used(node, &usage, self.version)).filter(|used| !used.is_empty());
            info.gres_drain = Some("N/A".to_owned());
        }
        info
    }
}

/// For each place of the table, whether its node is in a partition that is shown, or in none.
fn shown_nodes(view: &View, sight: &Sight<'_>) -> Vec<bool> {
    let len = view.cluster.node_table_len() as usize;
    let (mut shown, mut has_partition) = (vec![false; len], vec![false; len]);
    for partition in view.cluster.partitions() {
        let is_shown = sight.partition(partition);
        for node in partition.nodes.iter() {
            has_partition[node.0 as usize] = true;
            shown[node.0 as usize] |= is_shown;
        }
    }
    shown.iter().zip(has_partition).map(|(shown, has)| *shown || !has).collect()
}

fn configured(view: &View, node: &Node) -> NodeInfo {
    let hardware = &node.hardware;
    let tres = Tres::of_hardware(hardware);
    let partitions = || {
        let has_node =
            |partition: &&Arc<Partition>| partition.nodes.binary_search(&node.id).is_ok();
        view.cluster.partitions().filter(|p| p.billing_weights.is_some()).filter(has_node)
    };
    // A node is billed as by the partition that bills the most for it.
    let billing = partitions()
        .map(|partition| tres::billing(&tres, view, partition.billing_weights.as_deref()))
        .fold(None, |most: Option<f64>, one| Some(most.map_or(one, |most| most.max(one))));
    let billing = billing.unwrap_or_else(|| tres::billing(&tres, view, None));
    NodeInfo {
        name: Some(node.name.to_string()),
        node_hostname: Some(node.address.host_name.to_string()),
        node_addr: Some(node.address.host.to_string()),
        port: node.address.port,
        cpus: hardware.cpus,
        boards: hardware.boards,
        sockets: hardware.sockets,
        cores: hardware.cores_per_socket,
        threads: hardware.threads_per_core,
        real_memory: hardware.memory_mib,
        tmp_disk: hardware.tmp_disk_mib,
        core_spec_cnt: hardware.spec_cores,
        cpu_bind: hardware.cpu_bind,
        mem_spec_limit: hardware.spec_memory_mib,
        cpu_spec_list: text(hardware.spec_cpu_list.as_ref()),
        cpus_efctv: u16::try_from(hardware.effective_cpus()).unwrap_or(u16::MAX),
        weight: node.weight,
        suspend_time: Limit::from_raw(view.conf.settings.times.suspend_s.wire()),
        features: list(&node.features_available),
        features_active: list(&node.features_active),
        gres: gres::of_node(node),
        comment: text(node.comment.as_ref()),
        extra: text(node.extra.as_ref()),
        instance_id: text(node.instance_id.as_ref()),
        instance_type: text(node.instance_type.as_ref()),
        tres: tres::text(&tres, view, billing),
        ..NodeInfo::default()
    }
}

fn tell_state(view: &View, node: &Node, usage: &Usage, info: &mut NodeInfo) {
    info.node_state = node_state_word(node, usage);
    info.next_state = Limit::from_option(state_after_reboot(node.flags));
    info.owner = Limit::from_option(exclusive_user(view, node, usage));
    // Stock controllers tell 0 before they know.
    info.cpu_load = Limit::Value(node.cpu_load.unwrap_or(0));
    info.free_mem = Limit::from_option(node.free_memory_mib);
    info.last_busy = time(node.last_busy);
    info.resume_after = time(node.resume_after);
    if let Some(reason) = &node.reason {
        info.reason = Some(reason.text.to_string());
        info.reason_uid = Limit::Value(reason.by.0);
        info.reason_time = time(Some(reason.at));
    }
}

/// The state that a node goes to once it has booted, if somebody wants one.
fn state_after_reboot(flags: NodeFlags) -> Option<u32> {
    if !(flags.reboot_requested || flags.reboot_issued) {
        return None;
    }
    let state = match (flags.reboot_resumes, flags.reboot_downs) {
        (true, _) => Some(node_state::RESUME),
        (_, true) => Some(node_state::DOWN),
        (false, false) => None,
    };
    match flags.reboot_drained {
        true => Some(state.unwrap_or(0) | node_state::UNDRAIN),
        false => state,
    }
}

fn tell_registration(node: &Node, info: &mut NodeInfo) {
    let Some(registration) = &node.registration else {
        return;
    };
    info.version = Some(registration.version.to_string());
    info.arch = Some(registration.arch.to_string());
    info.os = Some(registration.os.to_string());
    info.parameters = text(registration.parameters.as_ref());
    info.boot_time = time(Some(registration.booted));
    info.slurmd_start_time = time(Some(registration.slurmd_started));
}

fn tell_usage(view: &View, usage: &Usage, info: &mut NodeInfo) {
    // Jobs that oversubscribe a core hold its CPUs more than once.
    info.alloc_cpus = u16::try_from(usage.cpus).unwrap_or(u16::MAX).min(info.cpus_efctv);
    info.alloc_memory = usage.memory_mib;
    let gres = usage.gres.iter().map(|((name, kind), count)| GresCount {
        name: name.clone(),
        kind: kind.clone(),
        count: *count,
    });
    let tres = Tres {
        cpus: info.alloc_cpus.into(),
        memory_mib: usage.memory_mib,
        gres: gres.collect(),
        ..Tres::default()
    };
    info.alloc_tres = tres::text(&tres, view, 0.0);
    info.alloc_tres_weighted = Fixed::new(tres::billing(&tres, view, None));
}

/// The user who has the node for itself.
fn exclusive_user(view: &View, node: &Node, usage: &Usage) -> Option<u32> {
    if usage.running == 0 {
        return None;
    }
    let is_of_one_user = |job: &&Arc<model::Job>| {
        let partition = view.cluster.partition(&job.partition);
        job.spec.exclusive == Exclusive::User
            || partition.is_some_and(|partition| partition.exclusive_user)
    };
    let holds = |job: &&Arc<model::Job>| !matches!(job.phase, Phase::Completing(_));
    let mut jobs = view.cluster.jobs_on(node.id).filter(holds).filter(is_of_one_user);
    jobs.next().map(|job| job.owner.0)
}

#[cfg(test)]
mod tests {
    use ctld_core::Caller;
    use model::{Change, Gid, NodeReason, Registration, Uid};
    use protocol::wire::from_bytes;

    use super::*;
    use crate::rpc::fixtures::{self, NOW};

    fn ask(view: &View, version: Version, caller: u32, show_flags: u16) -> NodesInfo {
        let body = msg::NodeInfoRequest { last_update: shape::Timestamp(0), show_flags };
        let body = fixtures::bytes(&body, version);
        let mut request = fixtures::request(Number::REQUEST_NODE_INFO, version, &body);
        request.caller = Caller { uid: Uid(caller), gid: Gid(caller) };
        let reply = nodes(view, &request).unwrap();
        assert_eq!(reply.number, Number::RESPONSE_NODE_INFO);
        from_bytes(&reply.whole(), version).unwrap()
    }

    fn state_of(view: &View, name: &str) -> u32 {
        let nodes = ask(view, Version::V24_11, 0, show::ALL).nodes;
        nodes.iter().find(|node| node.name.as_deref() == Some(name)).unwrap().node_state
    }

    /// sinfo writes `plnd`, or `mix-` where other jobs run; a node that is full is just that.
    #[test]
    fn nodes_that_a_waiting_job_is_expected_on_are_planned_until_they_are_full() {
        let mut view = fixtures::golden();
        let node = |view: &View, name: &str| view.cluster.node_named(name).unwrap().id;
        let (n1, n2) = (node(&view, "n1"), node(&view, "n2"));
        let up = |node: &Node| Node { availability: Availability::Up, ..node.clone() };
        // Whether the change makes lists of nodes anew.
        let apply = |view: &mut View, change: Change| {
            let before = view.changed.revision.nodes;
            view.changed.note(&change, NOW, &view.cluster);
            view.cluster.apply(&change);
            view.changed.revision.nodes > before
        };
        for id in [n1, n2] {
            let node = up(view.cluster.node(id).unwrap());
            apply(&mut view, Change::Node(Arc::new(node)));
        }
        apply(&mut view, Change::Job(Arc::new(fixtures::job(7))));
        assert_eq!(state_of(&view, "n1"), node_state::IDLE);

        let waits = model::Waits {
            at: NOW,
            wait: model::WaitReason::Resources,
            expected: Some(NOW.plus_s(60)),
            expected_nodes: Some("n1".into()),
        };
        let change = Change::Waits(model::JobId(7), waits);
        assert!(apply(&mut view, change.clone()));
        assert_eq!(state_of(&view, "n1"), node_state::IDLE | node_state::PLANNED);
        assert_eq!(state_of(&view, "n2"), node_state::IDLE);
        assert!(!apply(&mut view, change), "the same plan again is no news of nodes");

        let cpus = view.cluster.node(n1).unwrap().hardware.effective_cpus();
        let share = |cpus| model::NodeShare {
            node: n1,
            cores: model::CoreSet::first(1),
            cpus,
            memory_mib: 1,
            tasks: 1,
            gres: Vec::new(),
        };
        for (id, cpus, planned) in [(8, 1, node_state::PLANNED), (9, cpus - 1, 0)] {
            let mut job = fixtures::job(id);
            job.phase = Phase::Running(model::Launch::Done);
            job.allocation = Some(Arc::new(model::Allocation {
                batch_at: 0,
                shares: vec![share(cpus)],
                node_list: "n1".into(),
                exclusive: false,
                tasks: 1,
                licenses: Vec::new(),
                resized: None,
                reservation: None,
            }));
            apply(&mut view, Change::Job(Arc::new(job)));
            assert_eq!(state_of(&view, "n1"), node_state::ALLOCATED | planned, "job {id}");
        }
    }

    /// The nodes of a captured reply, as the cluster of the captures would have them.
    fn registered(stock: &NodesInfo, version: Version) -> View {
        let mut view = fixtures::golden();
        for (place, info) in (0..).zip(&stock.nodes) {
            let mut node = (**view.cluster.node(NodeId(place)).unwrap()).clone();
            node.last_busy = Some(Timestamp(info.last_busy.0)).filter(|at| at.0 > 0);
            node.cpu_load = info.cpu_load.value();
            node.free_memory_mib = info.free_mem.value();
            if let Some(release) = &info.version {
                node.availability = Availability::Up;
                node.registration = Some(Arc::new(Registration {
                    version: release.as_str().into(),
                    booted: Timestamp(info.boot_time.0),
                    slurmd_started: Timestamp(info.slurmd_start_time.0),
                    arch: info.arch.clone().unwrap().into(),
                    os: info.os.clone().unwrap().into(),
                    ..fixtures::registered(version)
                }));
            }
            view.cluster.apply(&Change::Node(Arc::new(node)));
        }
        view
    }

    #[test]
    fn idle_nodes_are_told_of_as_stock_controllers_tell() {
        let mut compared = 0;
        for frame in fixtures::captured(Number::RESPONSE_NODE_INFO) {
            let version = frame.header.version;
            let mut stock: NodesInfo = from_bytes(&frame.body, version).unwrap();
            let is_idle =
                |info: &NodeInfo| [0, 2].contains(&info.node_state) && info.reason.is_none();
            if stock.nodes.len() != 3 || !stock.nodes.iter().all(is_idle) {
                continue;
            }
            let ours = ask(&registered(&stock, version), version, 0, show::MIXED);
            stock.last_update = ours.last_update;
            for (stock, ours) in stock.nodes.iter_mut().zip(&ours.nodes) {
                // 25.11 and older say 0 when they are new, and nobody after a start that had a state.
                if stock.reason_uid == Limit::Unset {
                    stock.reason_uid = ours.reason_uid;
                }
            }
            fixtures::assert_same(&stock, &ours, version);
            compared += 1;
        }
        assert!(compared >= 20, "{compared} replies");
    }

    #[test]
    fn a_node_without_a_reason_says_that_root_gave_it_up_to_25_11() {
        let view = fixtures::golden();
        for (version, wanted) in
            [(Version::V25_11, Limit::Value(0)), (Version::V26_05, Limit::Unset)]
        {
            let nodes = ask(&view, version, 0, show::ALL).nodes;
            let plain = nodes.iter().find(|node| node.reason.is_none()).unwrap();
            assert_eq!(plain.reason_uid, wanted, "{version:?}");
        }
    }

    #[test]
    fn a_node_that_is_to_boot_tells_what_comes_after() {
        let flags = NodeFlags { reboot_requested: true, ..NodeFlags::default() };
        assert_eq!(state_after_reboot(flags), None);
        let resumes = NodeFlags { reboot_resumes: true, ..flags };
        assert_eq!(state_after_reboot(resumes), Some(node_state::RESUME));
        let drained = NodeFlags { reboot_drained: true, reboot_downs: true, ..flags };
        assert_eq!(state_after_reboot(drained), Some(node_state::DOWN | node_state::UNDRAIN));
        assert_eq!(state_after_reboot(NodeFlags { reboot_requested: false, ..drained }), None);
    }

    #[test]
    fn hidden_and_future_nodes_keep_the_places_of_the_others() {
        let text = "NodeName=n[1-2]\nNodeName=f1 State=FUTURE\nNodeName=n3\n\
                    PartitionName=main Nodes=n[1,3] Default=YES\n\
                    PartitionName=secret Nodes=n2 Hidden=YES\n";
        let view = fixtures::view(text, &[]);
        for version in [Version::V23_11, Version::V26_05] {
            let names = |caller, flags| {
                let reply = ask(&view, version, caller, flags);
                let names: Vec<String> =
                    reply.nodes.into_iter().filter_map(|info| info.name).collect();
                (reply.hidden.map(|hidden| hidden.members().collect::<Vec<_>>()), names)
            };
            let (hidden, shown) = names(1000, 0);
            assert_eq!(shown, ["n1", "n3"]);
            if version >= Version::V24_11 {
                assert_eq!(hidden, Some(vec![1, 2]));
            }
            assert_eq!(names(1000, show::ALL | show::FUTURE).1, ["n1", "n2", "f1", "n3"]);
            assert_eq!(names(0, 0).1, ["n1", "n2", "n3"]);
        }
    }

    #[test]
    fn private_nodes_are_for_administrators_and_no_change_is_said() {
        let mut view = fixtures::view("NodeName=n1\nPrivateData=nodes\n", &[]);
        view.changed.nodes = NOW;
        let version = Version::NEWEST;
        let answer = |caller, last_update| {
            let last_update = shape::Timestamp(last_update);
            let body =
                fixtures::bytes(&msg::NodeInfoRequest { last_update, show_flags: 0 }, version);
            let mut request = fixtures::request(Number::REQUEST_NODE_INFO, version, &body);
            request.caller = Caller { uid: Uid(caller), gid: Gid(caller) };
            nodes(&view, &request).map(|_| ())
        };
        assert_eq!(answer(1000, 0), Err(Failure::Code(Errno::ESLURM_ACCESS_DENIED)));
        assert_eq!(answer(0, NOW.0), Ok(()));
        assert_eq!(answer(0, NOW.0 + 1), Err(Failure::Code(Errno::SLURM_NO_CHANGE_IN_DATA)));
    }

    #[test]
    fn one_node_is_told_with_its_reason() {
        let mut view = fixtures::golden();
        let mut node = (**view.cluster.node_named("n3").unwrap()).clone();
        node.flags.drain = true;
        node.reason = Some(NodeReason { text: "test".into(), by: Uid(7), at: NOW });
        view.cluster.apply(&Change::Node(Arc::new(node)));
        for version in Version::ALL {
            let ask = |name: &str| {
                let body = msg::NodeInfoSingleRequest {
                    node_name: Some(name.to_owned()),
                    show_flags: show::DETAIL,
                };
                let body = fixtures::bytes(&body, version);
                let request = fixtures::request(Number::REQUEST_NODE_INFO_SINGLE, version, &body);
                let reply = one_node(&view, &request).unwrap();
                from_bytes::<NodesInfo>(&reply.whole(), version).unwrap()
            };
            let reply = ask("n3");
            let [info] = &reply.nodes[..] else { panic!("one node") };
            assert_eq!(info.reason.as_deref(), Some("test"));
            assert_eq!(info.reason_uid, Limit::Value(7));
            assert_eq!(info.node_state & msg::node_state::DRAIN, msg::node_state::DRAIN);
            assert_eq!(info.gres_used.as_deref(), Some("widget:0"));
            assert_eq!(reply.hidden, None);
            assert!(ask("nope").nodes.is_empty());
        }
    }
}
