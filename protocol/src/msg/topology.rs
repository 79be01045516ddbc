//! The network's topology.

use crate::msg::Codec;
use crate::number::Number;
use crate::version::Version::*;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_TOPO_INFO`: from `scontrol show topology`; [`TopologyInfo`] answers.
    pub struct TopologyInfoRequest {
        /// The topology; NULL is the default one.
        pub name: Option<String> [V25_05..],
    }
}

wire_struct! {
    /// `RESPONSE_TOPO_CONFIG` (25.05+): topology.yaml or topology.conf as loaded; the answer to
    /// `REQUEST_TOPO_CONFIG` of scontrol.
    pub struct TopologyConfig {
        /// The text.
        pub config: Option<String>,
    }
}

wire_struct! {
    /// A switch of topology/tree.
    pub struct Switch {
        /// 0 of a leaf, one more of what is above.
        pub level: u16,
        /// Arbitrary unit.
        pub link_speed: u32,
        /// Its name.
        pub name: Option<String>,
        /// The nodes below it.
        pub nodes: Option<String>,
        /// The switches right below it.
        pub switches: Option<String>,
    }
}

wire_struct! {
    /// A block of topology/block.
    pub struct Block {
        /// Whether it is made of smaller ones.
        pub aggregated: bool [V24_11..],
        /// Its place.
        pub block_index: u16,
        /// Its name.
        pub name: Option<String>,
        /// Its nodes.
        pub nodes: Option<String>,
        /// How many nodes.
        pub size: u32 [V24_11..],
    }
}

wire_struct! {
    /// A ring of topology/ring (26.05).
    pub struct Ring {
        /// Its name.
        pub name: Option<String>,
        /// Its nodes, in order.
        pub nodes: Option<String>,
        /// Its place.
        pub ring_index: u16,
        /// How many nodes.
        pub size: u16,
    }
}

wire_struct! {
    /// A shape that jobs are given in a torus.
    pub struct Placement {
        /// Nodes along x.
        pub x_size: u16,
        /// Nodes along y.
        pub y_size: u16,
        /// Nodes along z.
        pub z_size: u16,
        /// In how many places it fits.
        pub anchor_count: u32,
    }
}

wire_struct! {
    /// A torus of topology/torus3d (26.05).
    pub struct Torus {
        /// Its name.
        pub name: Option<String>,
        /// Its nodes.
        pub nodes: Option<String>,
        /// Nodes along x.
        pub x_size: u16,
        /// Nodes along y.
        pub y_size: u16,
        /// Nodes along z.
        pub z_size: u16,
        /// Shapes that jobs are given.
        pub placements: Vec<Placement>,
    }
}

/// `RESPONSE_TOPO_INFO`: the topology, led by the number of its plugin.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TopologyInfo {
    /// topology/flat, which is topology/default up to 24.11: number 100.
    #[default]
    Flat,
    /// topology/3d_torus up to 24.11, which tells nothing: number 101.
    OldTorus,
    /// topology/tree: 102.
    Tree(Vec<Switch>),
    /// topology/block: 103.
    Block(Vec<Block>),
    /// topology/ring (26.05): 104.
    Ring(Vec<Ring>),
    /// topology/torus3d (26.05): 101.
    Torus(Vec<Torus>),
}

impl Wire for TopologyInfo {
    fn encode(&self, w: &mut Writer) {
        match self {
            // A release without the plugin is told of a flat network.
            Self::Torus(_) | Self::Ring(_) if w.version() < V26_05 => 100u32.encode(w),
            Self::OldTorus if w.version() >= V26_05 => 100u32.encode(w),
            Self::Flat => 100u32.encode(w),
            Self::OldTorus => 101u32.encode(w),
            Self::Tree(switches) => {
                102u32.encode(w);
                switches.encode(w);
            }
            Self::Block(blocks) => {
                103u32.encode(w);
                blocks.encode(w);
            }
            Self::Ring(rings) => {
                104u32.encode(w);
                rings.encode(w);
            }
            Self::Torus(tori) => {
                101u32.encode(w);
                tori.encode(w);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let newest = r.version() >= V26_05;
        match u32::decode(r)? {
            100 => Ok(Self::Flat),
            101 if newest => Wire::decode(r).map(Self::Torus),
            101 => Ok(Self::OldTorus),
            102 => Wire::decode(r).map(Self::Tree),
            103 => Wire::decode(r).map(Self::Block),
            104 if newest => Wire::decode(r).map(Self::Ring),
            other => {
                Err(r.error(Malformed::Unknown { what: "topology plugin", got: other.into() }))
            }
        }
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<TopologyInfoRequest>(Number::REQUEST_TOPO_INFO),
    Codec::of::<TopologyInfo>(Number::RESPONSE_TOPO_INFO),
    Codec::of::<()>(Number::REQUEST_TOPO_CONFIG),
    Codec::of::<TopologyConfig>(Number::RESPONSE_TOPO_CONFIG),
];
