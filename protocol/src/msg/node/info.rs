use crate::shape::{Bitmap, Fixed, Limit, Timestamp};
use crate::version::Version;
use crate::version::Version::*;
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

/// What a request for nodes, partitions or licenses asks for, in `show_flags`.
pub mod show {
    /// Also what is hidden.
    pub const ALL: u16 = 1 << 0;
    /// Also what is slow to gather (GRES in use).
    pub const DETAIL: u16 = 1 << 1;
    /// The controller sets the MIXED state itself.
    pub const MIXED: u16 = 1 << 3;
    /// This cluster alone, although it is in a federation.
    pub const LOCAL: u16 = 1 << 4;
    /// Also jobs of sibling clusters.
    pub const SIBLING: u16 = 1 << 5;
    /// The whole federation.
    pub const FEDERATION: u16 = 1 << 6;
    /// Also nodes to come (`State=FUTURE`).
    pub const FUTURE: u16 = 1 << 7;
}

wire_struct! {
    /// `REQUEST_NODE_INFO`: all nodes; [`NodesInfo`] answers, or `SLURM_NO_CHANGE_IN_DATA`.
    pub struct NodeInfoRequest {
        /// What the client already has; 0 is nothing.
        pub last_update: Timestamp,
        /// See [`show`].
        pub show_flags: u16,
    }
}

wire_struct! {
    /// `REQUEST_NODE_INFO_SINGLE`: one node; [`NodesInfo`] answers.
    pub struct NodeInfoSingleRequest {
        /// The node.
        pub node_name: Option<String>,
        /// See [`show`].
        pub show_flags: u16,
    }
}

wire_struct! {
    /// What a node has used of energy. The default is what Slurm sends where nothing is measured.
    pub struct Energy {
        /// Joules when counting began.
        pub base_consumed_energy: u64,
        /// Watts on average.
        pub ave_watts: u32,
        /// Joules since counting began; all ones but the last bit when unknown.
        pub consumed_energy: u64,
        /// Watts now; all ones but the last bit when unknown.
        pub current_watts: u32,
        /// Joules at the poll before.
        pub previous_consumed_energy: u64,
        /// When it was polled.
        pub poll_time: Timestamp,
        /// When slurmd started.
        pub slurmd_start_time: Timestamp [V24_11..],
    }
}

wire_struct! {
    /// Sensors outside the node: gone in 24.05. The default is what 23.11 sends without a plugin.
    pub struct ExternalSensors {
        /// Joules.
        pub consumed_energy: Limit<u64>,
        /// Degrees Celsius.
        pub temperature: Limit<u32>,
        /// When they were read.
        pub update_time: Timestamp,
        /// Watts.
        pub current_watts: u32,
    }
}

/// The number of a select plugin, 109 (cons_tres) unless a reply says otherwise; releases up to
/// 24.11 put one into each node and each job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectPluginId(pub u32);

impl Default for SelectPluginId {
    fn default() -> Self {
        Self(109)
    }
}

impl Wire for SelectPluginId {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u32::decode(r).map(Self)
    }
}

/// Bit of [`NodeInfo::cert_flags`]: the node has a token for its certificate.
pub const CERT_TOKEN_SET: u16 = 1 << 0;

wire_struct! {
    /// A node, as clients are told of it.
    pub struct NodeInfo {
        /// Its name; NULL in the placeholder of a hidden node.
        pub name: Option<String>,
        /// `NodeHostName`.
        pub node_hostname: Option<String>,
        /// `NodeAddr`.
        pub node_addr: Option<String>,
        /// `BcastAddr`.
        pub bcast_address: Option<String>,
        /// See [`CERT_TOKEN_SET`].
        pub cert_flags: u16 [V25_05..],
        /// slurmd's port.
        pub port: u16,
        /// State after a reboot, see [`node_state`](crate::msg::node_state).
        pub next_state: Limit<u32>,
        /// See [`node_state`](crate::msg::node_state).
        pub node_state: u32,
        /// Release of slurmd.
        pub version: Option<String>,
        /// `CPUs`.
        pub cpus: u16,
        /// `Boards`.
        pub boards: u16,
        /// Sockets on all boards.
        pub sockets: u16,
        /// `CoresPerSocket`.
        pub cores: u16,
        /// `ThreadsPerCore`.
        pub threads: u16,
        /// `RealMemory`, MB.
        pub real_memory: u64,
        /// `TmpDisk`, MB.
        pub tmp_disk: u32,
        /// Cores kept for GPU jobs.
        pub gpu_spec: Option<String> [V24_05..],
        /// Label of the MCS plugin.
        pub mcs_label: Option<String>,
        /// User that has the node exclusively.
        pub owner: Limit<u32>,
        /// `CoreSpecCount`.
        pub core_spec_cnt: u16,
        /// `CpuBind`.
        pub cpu_bind: u32,
        /// `MemSpecLimit`, MB.
        pub mem_spec_limit: u64,
        /// `CpuSpecList`.
        pub cpu_spec_list: Option<String>,
        /// CPUs that jobs may use.
        pub cpus_efctv: u16,
        /// Load average × 100.
        pub cpu_load: Limit<u32>,
        /// Free memory, MB.
        pub free_mem: Limit<u64>,
        /// `Weight`.
        pub weight: u32,
        /// `RestrictedCoresPerGPU`.
        pub res_cores_per_gpu: u16 [V24_05..],
        /// Who set the reason.
        pub reason_uid: Limit<u32>,
        /// Seconds of idleness before it is powered down.
        pub suspend_time: Limit<u32> [V26_05..],
        /// When it booted.
        pub boot_time: Timestamp,
        /// When a job last ended on it.
        pub last_busy: Timestamp,
        /// When the reason was set.
        pub reason_time: Timestamp,
        /// When it resumes by itself.
        pub resume_after: Timestamp,
        /// When slurmd started.
        pub slurmd_start_time: Timestamp,
        /// When its certificate was last renewed.
        pub cert_last_renewal: Timestamp [V25_05..],
        /// Number of the select plugin.
        pub reserved_select_plugin: SelectPluginId [..V25_05],
        /// CPUs allocated.
        pub alloc_cpus: u16,
        /// Memory allocated, MB.
        pub alloc_memory: u64,
        /// TRES allocated, `cpu=1,mem=1G`.
        pub alloc_tres: Option<String>,
        /// Their billing weight.
        pub alloc_tres_weighted: Fixed [..V25_05],
        /// Architecture.
        pub arch: Option<String>,
        /// Features that it can have.
        pub features: Option<String>,
        /// Features that it has.
        pub features_active: Option<String>,
        /// `Gres`.
        pub gres: Option<String>,
        /// GRES that drain; with [`show::DETAIL`].
        pub gres_drain: Option<String>,
        /// GRES in use; with [`show::DETAIL`].
        pub gres_used: Option<String>,
        /// Operating system.
        pub os: Option<String>,
        /// Free text.
        pub comment: Option<String>,
        /// Free text for programs.
        pub extra: Option<String>,
        /// Id of the cloud instance.
        pub instance_id: Option<String>,
        /// Type of the cloud instance.
        pub instance_type: Option<String>,
        /// `SlurmdParameters` of this node.
        pub parameters: Option<String> [V25_11..],
        /// Why it is down or drains.
        pub reason: Option<String>,
        /// Energy.
        pub energy: Energy,
        /// Sensors outside the node.
        pub external_sensors: ExternalSensors [..V24_05],
        /// Power cap, watts.
        pub power_cap_watts: Limit<u32> [..V24_05],
        /// TRES configured, `cpu=8,mem=8000M,billing=8`.
        pub tres: Option<String>,
        /// Reservation that it is in.
        pub resv_name: Option<String>,
        /// Place in the topology.
        pub topology: Option<String> [V25_05..],
    }
}

impl NodeInfo {
    /// What 23.11 and 24.05 are sent for a node that the client may not see, so that the index of
    /// each record is the index of its node.
    pub fn placeholder() -> Self {
        Self {
            next_state: Limit::Value(0),
            owner: Limit::Value(0),
            cpu_load: Limit::Value(0),
            free_mem: Limit::Value(0),
            reason_uid: Limit::Value(0),
            external_sensors: ExternalSensors {
                consumed_energy: Limit::Value(0),
                temperature: Limit::Value(0),
                ..ExternalSensors::default()
            },
            ..Self::default()
        }
    }
}

/// `RESPONSE_NODE_INFO`: nodes, in the order of their indexes.
///
/// The controller's answer to clients. From 24.11 on hidden nodes are left out and their indexes told;
/// before, each has a [placeholder](NodeInfo::placeholder).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodesInfo {
    /// When the answer was made.
    pub last_update: Timestamp,
    /// Indexes left out, which count as records all the same; none in the answer about a single
    /// node (24.11+).
    pub hidden: Option<Bitmap>,
    /// The nodes.
    pub nodes: Vec<NodeInfo>,
}

impl Wire for NodesInfo {
    fn encode(&self, w: &mut Writer) {
        begin_nodes_info(w, self.nodes.len(), self.last_update, self.hidden.as_ref());
        for node in &self.nodes {
            node.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u32::decode(r)?;
        let last_update = Wire::decode(r)?;
        let hidden: Option<Bitmap> = if r.version() >= V24_11 { Wire::decode(r)? } else { None };
        let count = r.bounded(count.saturating_sub(left_out(hidden.as_ref())))?;
        let nodes = r.items(count).map_err(|e| e.within("nodes"))?;
        Ok(Self { last_update, hidden, nodes })
    }
}

/// How many of the records that the count names are not there.
fn left_out(hidden: Option<&Bitmap>) -> u32 {
    let count = hidden.map_or(0, |hidden| hidden.members().count());
    u32::try_from(count).expect("members are numbered in u32")
}

fn begin_nodes_info(w: &mut Writer, count: usize, now: Timestamp, hidden: Option<&Bitmap>) {
    let left_out = if w.version() >= V24_11 { left_out(hidden) as usize } else { 0 };
    w.count(count + left_out);
    now.encode(w);
    if w.version() >= V24_11 {
        match hidden {
            Some(hidden) => hidden.encode(w),
            None => None::<Bitmap>.encode(w),
        }
    }
}

/// What stands in front of the nodes in a [`NodesInfo`] of `count` nodes.
///
/// Up to 24.05 a placeholder must stand at each hidden index, and `hidden` is not used.
pub fn nodes_info_head(
    version: Version,
    now: Timestamp,
    count: usize,
    hidden: Option<&Bitmap>,
) -> Vec<u8> {
    let mut w = Writer::new(version);
    begin_nodes_info(&mut w, count, now, hidden);
    w.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::to_bytes;

    #[test]
    fn encoded_records_make_the_same_body_as_the_values() {
        let node = NodeInfo { name: Some("n1".into()), ..NodeInfo::default() };
        let info = NodesInfo {
            last_update: Timestamp(7),
            hidden: Some(Bitmap::with(3, [1])),
            nodes: vec![node, NodeInfo::placeholder()],
        };
        for version in Version::ALL {
            let count = info.nodes.len();
            let mut body = nodes_info_head(version, info.last_update, count, info.hidden.as_ref());
            body.extend(info.nodes.iter().flat_map(|node| to_bytes(node, version)));
            assert_eq!(body, to_bytes(&info, version), "{version}");
        }
    }

    #[test]
    fn a_placeholder_is_zeros_but_for_the_plugin_and_the_power_cap() {
        let bytes = to_bytes(&NodeInfo::placeholder(), V24_05);
        let set: Vec<u8> = bytes.into_iter().filter(|&byte| byte != 0).collect();
        assert_eq!(set, [109]);
        let bytes = to_bytes(&NodeInfo::placeholder(), V23_11);
        let set: Vec<u8> = bytes.into_iter().filter(|&byte| byte != 0).collect();
        assert_eq!(set, [109, 0xff, 0xff, 0xff, 0xfe]);
    }
}
