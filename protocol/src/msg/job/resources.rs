//! What a job holds on its nodes, and the shape of processors that it asked for.

use crate::shape::{Bitmap, NullOr, Sentinel};
use crate::version::Version::*;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// What a job holds on each of its nodes (`struct job_resources`). Arrays have an entry a node
    /// unless said otherwise.
    pub struct JobResources {
        /// Nodes.
        pub node_count: u32,
        /// CPUs in total.
        pub cpu_count: u32,
        /// The node that the next step begins with.
        pub next_step_node: u32 [V24_11..],
        /// How nodes were asked for: shared, one row, reserved.
        pub node_req: u32,
        /// The nodes.
        pub nodes: Option<String>,
        /// Whether whole nodes are held: 1 required, 2 for the user, 4 for the MCS label, 8 for
        /// the topology segment.
        pub whole_node: u8,
        /// Threads used of each core.
        pub threads_per_core: u16,
        /// What is a consumable resource, as SelectTypeParameters.
        pub cr_type: u16,
        /// For how many nodes each of `cpu_values` stands.
        pub cpu_repeats: Vec<u32>,
        /// CPUs of a node, run-length coded.
        pub cpu_values: Vec<u16>,
        /// CPUs.
        pub cpus: Vec<u16>,
        /// CPUs used by steps.
        pub cpus_used: Vec<u16>,
        /// Memory, MiB.
        pub memory_allocated: Vec<u64>,
        /// Memory used by steps, MiB.
        pub memory_used: Vec<u64>,
        /// Sockets of a node, run-length coded with `socket_core_repeats`.
        pub sockets_per_node: Vec<u16>,
        /// Cores in a socket, run-length coded with `socket_core_repeats`.
        pub cores_per_socket: Vec<u16>,
        /// For how many nodes each of the two above stands.
        pub socket_core_repeats: Vec<u32>,
        /// The cores held, all nodes' cores one after the other.
        pub core_bitmap: Option<Bitmap>,
        /// Those used by steps.
        pub core_bitmap_used: Option<Bitmap>,
        /// The nodes as a set of node indexes.
        pub node_bitmap: Option<Bitmap> [V24_05..V26_05],
        /// The rank of each node in the topology.
        pub node_ranks: Vec<u32> [V26_05..],
    }
}

/// `NO_VAL` in place of the node count is "nothing held".
impl Wire for Option<JobResources> {
    fn encode(&self, w: &mut Writer) {
        match self {
            None => u32::NO_VAL.encode(w),
            Some(resources) => resources.encode(w),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut ahead = r.clone();
        if u32::decode(&mut ahead)? == u32::NO_VAL {
            *r = ahead;
            return Ok(None);
        }
        JobResources::decode(r).map(Some)
    }
}

wire_struct! {
    /// The shape of processors that a job asked for (`struct multi_core_data`); `NO_VAL` where it
    /// did not say.
    pub struct MultiCore {
        /// Boards on each node.
        pub boards_per_node: u16,
        /// Sockets on each board.
        pub sockets_per_board: u16,
        /// Sockets on each node.
        pub sockets_per_node: u16,
        /// Cores in each socket.
        pub cores_per_socket: u16,
        /// Threads in each core.
        pub threads_per_core: u16,
        /// Tasks on each board.
        pub ntasks_per_board: u16,
        /// Tasks on each socket.
        pub ntasks_per_socket: u16,
        /// Tasks on each core.
        pub ntasks_per_core: u16,
        /// Tasks in a block of the plane distribution.
        pub plane_size: u16,
    }
}

const MULTI_CORE_FOLLOWS: u8 = 0xff;

/// One byte says whether there is one: 0 or 255.
impl Wire for Option<MultiCore> {
    fn encode(&self, w: &mut Writer) {
        match self {
            None => 0u8.encode(w),
            Some(shape) => {
                MULTI_CORE_FOLLOWS.encode(w);
                shape.encode(w);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(None),
            MULTI_CORE_FOLLOWS => MultiCore::decode(r).map(Some),
            other => {
                Err(r.error(Malformed::Unknown { what: "multi-core marker", got: other.into() }))
            }
        }
    }
}

wire_struct! {
    /// `RESPONSE_RESOURCE_LAYOUT`: what a running job holds on each node, 25.11+. From the
    /// controller, to `REQUEST_RESOURCE_LAYOUT`.
    pub struct ResourceLayout {
        /// The nodes.
        pub nodes: NullOr<NodeLayout>,
    }
}

wire_struct! {
    /// What a job holds on one node.
    pub struct NodeLayout {
        /// The node.
        pub node: Option<String>,
        /// Memory, MiB.
        pub memory: u64,
        /// Sockets.
        pub sockets_per_node: u16,
        /// Cores in each.
        pub cores_per_socket: u16,
        /// IMEX channel.
        pub channel: u32,
        /// The cores held, as a range expression.
        pub cores: Option<String>,
        /// The gres held.
        pub gres: NullOr<GresLayout>,
    }
}

wire_struct! {
    /// Gres that a job holds on one node.
    pub struct GresLayout {
        /// Name.
        pub name: Option<String>,
        /// Type.
        pub kind: Option<String>,
        /// How many.
        pub count: u64,
        /// Which ones.
        pub index: GresIndex,
    }
}

/// Which of a node's gres are held, if they are numbered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GresIndex(pub Option<Bitmap>);

impl Wire for GresIndex {
    fn encode(&self, w: &mut Writer) {
        self.0.is_some().encode(w);
        if let Some(index) = &self.0 {
            index.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        bool::decode(r)?.then(|| Bitmap::decode(r)).transpose().map(Self)
    }
}
