//! Generic resources of a job, of a step and for prologs: records behind a magic number.
//!
//! A record names its plugin by a hash of the GRES name ([`gres_plugin_id`]) and has, node by node of the
//! job, how many and which devices are allocated.

use crate::shape::{Bitmap, Limit, NullOr, ShortArray};
use crate::version::Version::*;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

/// The plugin number of a GRES name, as all records carry it.
///
/// Each byte of the name is shifted left by 0, 8, 16, 24, 0, … bits and the results are added
/// (the same in all six releases): `gpu` is 7696487.
pub fn gres_plugin_id(name: &str) -> u32 {
    name.bytes()
        .zip([0, 8, 16, 24].into_iter().cycle())
        .fold(0u32, |sum, (byte, shift)| sum.wrapping_add(u32::from(byte).wrapping_shl(shift)))
}

/// The number that starts each record; another one is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GresMagic;

impl GresMagic {
    const VALUE: u32 = 0x438a_34d4;
}

impl Wire for GresMagic {
    fn encode(&self, w: &mut Writer) {
        Self::VALUE.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let place = r.clone();
        match u32::decode(r)? {
            Self::VALUE => Ok(Self),
            got => Err(place.error(Malformed::Unknown { what: "gres magic", got: got.into() })),
        }
    }
}

/// How many and which devices are allocated, node by node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GresNodes {
    /// How many nodes the lists below stand for.
    pub node_count: u32,
    /// Devices allocated on each node; `None` when not known yet.
    pub counts: Option<Vec<u64>>,
    /// Which devices of each node; `None` for GRES without device files.
    pub devices: Option<Vec<Option<Bitmap>>>,
}

impl GresNodes {
    /// Counts alone, one a node.
    pub fn with_counts(counts: Vec<u64>) -> Self {
        let node_count = u32::try_from(counts.len()).expect("nodes are counted in u32");
        Self { node_count, counts: Some(counts), devices: None }
    }
}

impl GresNodes {
    /// Everything but the node count, which a step's record has further in front.
    fn encode_lists(&self, w: &mut Writer) {
        self.counts.is_some().encode(w);
        if let Some(counts) = &self.counts {
            counts.encode(w);
        }
        encode_bitmaps(self.devices.as_deref(), self.node_count, w);
    }

    fn decode_lists(node_count: u32, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let place = r.clone();
        let counts = if bool::decode(r)? { Some(Vec::<u64>::decode(r)?) } else { None };
        if let Some(counts) = &counts
            && u32::try_from(counts.len()) != Ok(node_count)
        {
            let counted = usize::try_from(node_count).unwrap_or(usize::MAX);
            return Err(place.error(Malformed::Counts { counted, found: counts.len() }));
        }
        let devices = decode_bitmaps(node_count, r)?;
        Ok(Self { node_count, counts, devices })
    }
}

impl Wire for GresNodes {
    fn encode(&self, w: &mut Writer) {
        self.node_count.encode(w);
        self.encode_lists(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let node_count = u32::decode(r)?;
        Self::decode_lists(node_count, r)
    }
}

fn encode_bitmaps(bitmaps: Option<&[Option<Bitmap>]>, node_count: u32, w: &mut Writer) {
    bitmaps.is_some().encode(w);
    for index in 0..bitmaps.map_or(0, |_| node_count) {
        bitmaps.and_then(|list| list.get(index as usize)).unwrap_or(&None).encode(w);
    }
}

fn decode_bitmaps(
    node_count: u32,
    r: &mut Reader<'_>,
) -> Result<Option<Vec<Option<Bitmap>>>, DecodeError> {
    if !bool::decode(r)? {
        return Ok(None);
    }
    let count = r.bounded(node_count)?;
    r.items(count).map(Some)
}

/// A list a node without a count of its own: what each device of the node gives (shared GRES),
/// for the nodes that have such a list.
fn encode_lists(lists: &[Option<Vec<u64>>], node_count: u32, w: &mut Writer) {
    for index in 0..node_count {
        let list = lists.get(index as usize).and_then(Option::as_ref);
        list.is_some().encode(w);
        if let Some(list) = list {
            list.encode(w);
        }
    }
}

/// All absent is no list at all, so that a plain allocation has nothing to fill in.
fn decode_lists(node_count: u32, r: &mut Reader<'_>) -> Result<Vec<Option<Vec<u64>>>, DecodeError> {
    let mut lists = Vec::new();
    for _ in 0..r.bounded(node_count)? {
        lists.push(if bool::decode(r)? { Some(Vec::decode(r)?) } else { None });
    }
    if lists.iter().all(Option::is_none) {
        lists.clear();
    }
    Ok(lists)
}

wire_struct! {
    /// One GRES type as a job asked for it and got it.
    pub struct GresJob {
        /// Starts the record.
        pub reserved_magic: GresMagic,
        /// See [`gres_plugin_id`].
        pub plugin_id: u32,
        /// CPUs for each device, 0 if not asked for.
        pub cpus_per_gres: u16,
        /// Slurm's `GRES_*` request flags.
        pub flags: u16,
        /// Devices asked for the job.
        pub per_job: u64,
        /// Devices asked for each node.
        pub per_node: u64,
        /// Devices asked for each socket.
        pub per_socket: u64,
        /// Devices asked for each task.
        pub per_task: u64,
        /// Memory for each device, MiB.
        pub mem_per_gres: u64,
        /// Tasks for each device, 0 or `NO_VAL` if not asked for.
        pub ntasks_per_gres: Limit<u16>,
        /// Devices allocated in all.
        pub total: u64,
        /// The type asked for (`tesla` of `gpu:tesla:2`).
        pub type_name: Option<String>,
        /// What the job has.
        pub allocated: GresJobNodes,
    }
}

/// What a job has of one GRES, and what its steps have of that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GresJobNodes {
    /// What the job has.
    pub job: GresNodes,
    /// For shared GRES (`shard`, `mps`): how much of each device, node by node; else empty.
    pub per_device: Vec<Option<Vec<u64>>>,
    /// Devices that steps have; never in a credential.
    pub step_devices: Option<Vec<Option<Bitmap>>>,
    /// How many devices steps have, node by node; never in a credential.
    pub step_counts: Option<Vec<u64>>,
    /// As `per_device`, of the steps; never in a credential.
    pub step_per_device: Vec<Option<Vec<u64>>>,
}

impl Wire for GresJobNodes {
    fn encode(&self, w: &mut Writer) {
        let node_count = self.job.node_count;
        self.job.encode(w);
        encode_lists(&self.per_device, node_count, w);
        encode_bitmaps(self.step_devices.as_deref(), node_count, w);
        self.step_counts.is_some().encode(w);
        if let Some(counts) = &self.step_counts {
            for index in 0..node_count {
                counts.get(index as usize).copied().unwrap_or_default().encode(w);
            }
        }
        encode_lists(&self.step_per_device, node_count, w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let job = GresNodes::decode(r)?;
        let per_device = decode_lists(job.node_count, r)?;
        let step_devices = decode_bitmaps(job.node_count, r)?;
        let step_counts = if bool::decode(r)? {
            let count = r.bounded(job.node_count)?;
            Some(r.items(count)?)
        } else {
            None
        };
        let step_per_device = decode_lists(job.node_count, r)?;
        Ok(Self { job, per_device, step_devices, step_counts, step_per_device })
    }
}

wire_struct! {
    /// One GRES type as a step asked for it and got it.
    pub struct GresStep {
        /// Starts the record.
        pub reserved_magic: GresMagic,
        /// See [`gres_plugin_id`].
        pub plugin_id: u32,
        /// CPUs for each device, 0 if not asked for.
        pub cpus_per_gres: u16,
        /// Slurm's `GRES_*` request flags.
        pub flags: u16,
        /// Devices asked for the step.
        pub per_step: u64,
        /// Devices asked for each node.
        pub per_node: u64,
        /// Devices asked for each socket.
        pub per_socket: u64,
        /// Devices asked for each task.
        pub per_task: u64,
        /// Memory for each device, MiB.
        pub mem_per_gres: u64,
        /// Devices allocated in all.
        pub total: u64,
        /// The type asked for.
        pub type_name: Option<String> [V24_05..],
        /// What the step has, on the nodes of the *job*.
        pub allocated: GresStepNodes,
    }
}

/// What a step has of one GRES.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GresStepNodes {
    /// Nodes of the job that the step uses this GRES on.
    pub node_in_use: Option<Bitmap>,
    /// What the step has.
    pub step: GresNodes,
    /// For shared GRES: how much of each device, node by node; else empty.
    pub per_device: Vec<Option<Vec<u64>>>,
}

/// The bitmap stands between the node count and the lists that are counted by it.
impl Wire for GresStepNodes {
    fn encode(&self, w: &mut Writer) {
        self.step.node_count.encode(w);
        self.node_in_use.encode(w);
        self.step.encode_lists(w);
        encode_lists(&self.per_device, self.step.node_count, w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let node_count = u32::decode(r)?;
        let node_in_use = Wire::decode(r)?;
        let step = GresNodes::decode_lists(node_count, r)?;
        let per_device = decode_lists(node_count, r)?;
        Ok(Self { node_in_use, step, per_device })
    }
}

wire_struct! {
    /// What prologs and epilogs are told of one GRES.
    pub struct GresPrep {
        /// Starts the record.
        pub reserved_magic: GresMagic,
        /// See [`gres_plugin_id`].
        pub plugin_id: u32,
        /// What the job has.
        pub allocated: GresNodes,
    }
}

/// The records for prologs and epilogs: up to 24.11 behind a `u16` count, from 25.05 on a list that
/// may be NULL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GresPreps(pub Option<Vec<GresPrep>>);

impl Wire for GresPreps {
    fn encode(&self, w: &mut Writer) {
        if w.version() >= V25_05 {
            NullOr(self.0.clone()).encode(w);
        } else {
            ShortArray(self.0.clone().unwrap_or_default()).encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.version() >= V25_05 {
            return NullOr::decode(r).map(|list| Self(list.0));
        }
        let ShortArray(records) = ShortArray::decode(r)?;
        Ok(Self(if records.is_empty() { None } else { Some(records) }))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        GresJob, GresJobNodes, GresNodes, GresPrep, GresPreps, GresStep, GresStepNodes,
        gres_plugin_id,
    };
    use crate::shape::{Bitmap, ShortArray};
    use crate::version::Version;
    use crate::wire::{Wire, from_bytes, to_bytes};

    fn two_nodes() -> GresNodes {
        let devices = vec![Some(Bitmap::with(4, [0, 3])), None];
        GresNodes { devices: Some(devices), ..GresNodes::with_counts(vec![2, 0]) }
    }

    fn comes_back<T: Wire + PartialEq + std::fmt::Debug>(value: &T, version: Version) {
        let bytes = to_bytes(value, version);
        assert_eq!(&from_bytes::<T>(&bytes, version).unwrap(), value);
        for end in 0..bytes.len() {
            assert!(from_bytes::<T>(&bytes[..end], version).is_err(), "{version} cut at {end}");
        }
    }

    #[test]
    fn gpu_has_the_number_that_slurm_computes() {
        assert_eq!(gres_plugin_id("gpu"), 7_696_487);
        // The fifth byte starts at bit 0 again.
        assert_eq!(gres_plugin_id("shard"), 0x7261_6873 + u32::from(b'd'));
    }

    #[test]
    fn records_come_back_and_no_cut_is_taken_for_whole() {
        let allocated = GresJobNodes {
            job: two_nodes(),
            per_device: vec![Some(vec![1, 0, 0, 1]), None],
            step_devices: Some(vec![Some(Bitmap::new(4)), None]),
            step_counts: Some(vec![1, 0]),
            step_per_device: vec![None, Some(vec![9])],
        };
        let job =
            GresJob { plugin_id: gres_plugin_id("gpu"), total: 2, allocated, ..Default::default() };
        let step = GresStep {
            plugin_id: gres_plugin_id("gpu"),
            allocated: GresStepNodes {
                node_in_use: Some(Bitmap::with(2, [0])),
                step: two_nodes(),
                per_device: vec![None, Some(vec![7])],
            },
            ..Default::default()
        };
        let prep = GresPrep { plugin_id: 5, allocated: two_nodes(), ..Default::default() };
        for version in Version::ALL {
            comes_back(&ShortArray(vec![job.clone()]), version);
            comes_back(&ShortArray(vec![step.clone(), step.clone()]), version);
            comes_back(&GresPreps(Some(vec![prep.clone()])), version);
            comes_back(&GresPreps(None), version);
        }
    }

    #[test]
    fn a_record_without_the_magic_is_refused() {
        let mut bytes = to_bytes(&GresPrep::default(), Version::V24_11);
        bytes[0] ^= 1;
        assert!(from_bytes::<GresPrep>(&bytes, Version::V24_11).is_err());
    }
}
