use crate::msg::{Energy, GresMagic, StepId};
use crate::shape::{Address, Limit, Timestamp};
use crate::version::RawVersion;
use crate::version::Version::*;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// A line of gres.conf, as slurmd found it on its node.
    pub struct GresRecord {
        /// Marks a record.
        pub reserved_magic: GresMagic,
        /// How many.
        pub count: u64,
        /// CPUs of the node.
        pub cpu_cnt: u32,
        /// See [`gres_config`].
        pub config_flags: u32,
        /// Number of the GRES plugin, made of its name.
        pub plugin_id: u32,
        /// `Cores`.
        pub cpus: Option<String>,
        /// `Links`.
        pub links: Option<String>,
        /// `Name`.
        pub name: Option<String>,
        /// `Type`.
        pub type_name: Option<String>,
        /// Unique id, of MIG devices.
        pub unique_id: Option<String>,
    }
}

/// Bits of [`GresRecord::config_flags`]. Source: gres.h.
pub mod gres_config {
    /// `MultipleFiles` is set.
    pub const HAS_MULTIPLE: u32 = 1 << 0;
    /// `File` or `MultipleFiles` is set.
    pub const HAS_FILE: u32 = 1 << 1;
    /// `Type` is set.
    pub const HAS_TYPE: u32 = 1 << 2;
    /// There is no plugin for it: it is only counted.
    pub const COUNT_ONLY: u32 = 1 << 3;
    /// Its devices are shared (MPS, shard).
    pub const SHARED: u32 = 1 << 9;
    /// Only one of its shared devices is used by a job.
    pub const ONE_SHARING: u32 = 1 << 10;
    /// Allocated only when asked for by itself.
    pub const EXPLICIT: u32 = 1 << 12;
}

/// The GRES that slurmd found: a blob in the middle of its registration, with a version of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeGres {
    /// slurmd's release.
    pub version: RawVersion,
    /// The lines.
    pub records: Vec<GresRecord>,
}

impl NodeGres {
    fn decode_blob(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = RawVersion::decode(r)?;
        let count = u16::decode(r)?;
        let count = r.bounded(count.into())?;
        let records = r.items(count).map_err(|e| e.within("records"))?;
        Ok(Self { version, records })
    }
}

/// Either nothing (a zero length) or a [`NodeGres`] behind its length, twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptionalNodeGres(pub Option<NodeGres>);

impl Wire for OptionalNodeGres {
    fn encode(&self, w: &mut Writer) {
        let Some(gres) = &self.0 else {
            return 0u32.encode(w);
        };
        let mut blob = Writer::new(w.version());
        gres.version.encode(&mut blob);
        // A registration has at most 65,535 lines: more do not fit its count.
        let records = &gres.records[..gres.records.len().min(usize::from(u16::MAX))];
        u16::try_from(records.len()).unwrap_or(u16::MAX).encode(&mut blob);
        for record in records {
            record.encode(&mut blob);
        }
        let blob = blob.into_bytes();
        w.count(blob.len());
        w.count(blob.len());
        w.raw(&blob);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let size = r.count()?;
        if size == 0 {
            return Ok(Self(None));
        }
        let again = r.count()?;
        if again != size {
            let got = again.try_into().unwrap_or(u64::MAX);
            return Err(r.error(Malformed::Unknown { what: "length of the GRES blob", got }));
        }
        let mut blob = r.sub(size)?;
        let gres = NodeGres::decode_blob(&mut blob)?;
        blob.finish()?;
        Ok(Self(Some(gres)))
    }
}

/// Bits of [`NodeRegistration::flags`].
pub mod registration_flags {
    /// slurmd got its configuration from the controller.
    pub const CONFIGLESS: u16 = 1 << 0;
    /// slurmd wants `RESPONSE_NODE_REGISTRATION` as the answer: its first registration.
    pub const RESPONSE: u16 = 1 << 1;
}

/// Values of [`NodeRegistration::dynamic_type`].
pub mod dynamic_type {
    /// A node of slurm.conf.
    pub const NONE: u8 = 0;
    /// Takes the place of a node to come (`slurmd -F`).
    pub const FUTURE: u8 = 1;
    /// A new node (`slurmd -Z`).
    pub const NORM: u8 = 2;
}

wire_struct! {
    /// `MESSAGE_NODE_REGISTRATION_STATUS`: what a node is and what runs on it.
    ///
    /// slurmd sends it when it starts and when asked by `REQUEST_NODE_REGISTRATION_STATUS`.
    /// `RESPONSE_NODE_REGISTRATION` or a return code answers.
    pub struct NodeRegistration {
        /// When it was made.
        pub timestamp: Timestamp,
        /// When slurmd started.
        pub slurmd_start_time: Timestamp,
        /// 0, or why the node cannot be used.
        pub status: u32,
        /// `slurmd --extra`.
        pub extra: Option<String>,
        /// Features that the node has.
        pub features_active: Option<String>,
        /// Features that it can have.
        pub features_avail: Option<String>,
        /// Host name.
        pub hostname: Option<String>,
        /// `slurmd --instance-id`.
        pub instance_id: Option<String>,
        /// `slurmd --instance-type`.
        pub instance_type: Option<String>,
        /// Node name.
        pub node_name: Option<String>,
        /// Architecture.
        pub arch: Option<String>,
        /// CPUs kept from jobs.
        pub cpu_spec_list: Option<String>,
        /// Memory kept from jobs, MB.
        pub mem_spec_limit: u64 [V25_05..],
        /// Operating system.
        pub os: Option<String>,
        /// `SlurmdParameters` of the node.
        pub parameters: Option<String> [V25_11..],
        /// CPUs.
        pub cpus: u16,
        /// Boards.
        pub boards: u16,
        /// Sockets on all boards.
        pub sockets: u16,
        /// Cores of a socket.
        pub cores: u16,
        /// Threads of a core.
        pub threads: u16,
        /// Memory, MB.
        pub real_memory: u64,
        /// Disk under TmpFS, MB.
        pub tmp_disk: u32,
        /// Seconds since boot.
        pub up_time: u32,
        /// Hash of slurm.conf; `Unset` when it is not to be compared.
        pub hash_val: Limit<u32>,
        /// Load average × 100.
        pub cpu_load: Limit<u32>,
        /// Free memory, MB.
        pub free_mem: Limit<u64>,
        /// Steps that run; a batch job is its batch step.
        pub steps: Vec<StepId>,
        /// See [`registration_flags`].
        pub flags: u16,
        /// GRES.
        pub gres: OptionalNodeGres,
        /// Energy.
        pub energy: Energy,
        /// Release of slurmd.
        pub version: Option<String>,
        /// See [`dynamic_type`].
        pub dynamic_type: u8,
        /// `slurmd --conf` of a dynamic node.
        pub dynamic_conf: Option<String>,
        /// Feature of a dynamic future node.
        pub dynamic_feature: Option<String>,
    }
}

wire_struct! {
    /// `RESPONSE_PING_SLURMD`: slurmd's answer to the controller's `REQUEST_PING`.
    pub struct PingReply {
        /// Load average × 100.
        pub cpu_load: Limit<u32>,
        /// Free memory, MB.
        pub free_mem: Limit<u64>,
        /// The node.
        pub node_name: Option<String> [V26_05..],
    }
}

wire_struct! {
    /// `REQUEST_NODE_HEALTH_CHECK` (26.05.2+): has slurmd run its HealthCheckProgram.
    ///
    /// The controller sends it; a return code answers.
    pub struct NodeHealth {
        /// Whether the controller holds the node for healthy.
        pub healthy: bool,
    }
}

wire_struct! {
    /// `REQUEST_ACCT_GATHER_ENERGY`: the energy that a node has used; [`EnergyReadings`] answers.
    pub struct EnergyRequest {
        /// Which plugin's context.
        pub context_id: u16,
        /// Seconds that a reading may be old.
        pub delta: u16,
    }
}

wire_struct! {
    /// `RESPONSE_ACCT_GATHER_UPDATE` and `RESPONSE_ACCT_GATHER_ENERGY`: slurmd's readings.
    pub struct EnergyReadings {
        /// The node.
        pub node_name: Option<String>,
        /// One a sensor.
        pub sensors: Readings,
    }
}

/// Readings behind a `u16` count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings(pub Vec<Energy>);

impl Wire for Readings {
    fn encode(&self, w: &mut Writer) {
        let readings = &self.0[..self.0.len().min(usize::from(u16::MAX))];
        u16::try_from(readings.len()).unwrap_or(u16::MAX).encode(w);
        for reading in readings {
            reading.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u16::decode(r)?;
        let count = r.bounded(count.into())?;
        r.items(count).map(Self)
    }
}

wire_struct! {
    /// `REQUEST_NODE_ALIAS_ADDRS`: the addresses of nodes; [`NodeAddressesReply`] answers.
    ///
    /// slurmd, srun and sbcast ask so for nodes whose names do not resolve. Only the names are set.
    pub struct NodeAddresses {
        /// The addresses, one a node.
        pub addrs: Vec<Address>,
        /// How many nodes.
        pub node_cnt: u32,
        /// The nodes, as a host expression.
        pub node_list: Option<String>,
    }
}

wire_struct! {
    /// `RESPONSE_NODE_ALIAS_ADDRS`: the addresses, in a signed credential.
    pub struct NodeAddressesReply {
        /// The credential, context `net`.
        pub net_cred: Option<String>,
    }
}

wire_struct! {
    /// `REQUEST_HOSTLIST_EXPANSION` (25.05+): a node expression that only the controller can expand, such
    /// as one by feature or switch; and `RESPONSE_HOSTLIST_EXPANSION`, the plain one.
    pub struct HostlistText {
        /// The expression.
        pub expression: Option<String>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;
    use crate::wire::{from_bytes, to_bytes};

    fn registration() -> NodeRegistration {
        let gpu = GresRecord {
            count: 4,
            name: Some("gpu".into()),
            type_name: Some("a100".into()),
            ..GresRecord::default()
        };
        NodeRegistration {
            node_name: Some("n1".into()),
            steps: vec![StepId::step(7, StepId::BATCH)],
            gres: OptionalNodeGres(Some(NodeGres { version: V24_11.into(), records: vec![gpu] })),
            ..NodeRegistration::default()
        }
    }

    #[test]
    fn a_registration_with_gres_comes_back_in_every_release() {
        for version in Version::ALL {
            let bytes = to_bytes(&registration(), version);
            assert_eq!(from_bytes(&bytes, version), Ok(registration()), "{version}");
        }
    }

    #[test]
    fn a_gres_blob_with_two_lengths_is_refused() {
        let gres = registration().gres;
        let mut bytes = to_bytes(&gres, V24_11);
        bytes[3] -= 1;
        assert!(from_bytes::<OptionalNodeGres>(&bytes, V24_11).is_err());
    }
}
