use crate::shape::BareRuns;
use crate::version::RawVersion;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};

/// Where the tasks of a step run. Part of `StepCreateResponse`, and the whole body of
/// `RESPONSE_STEP_LAYOUT`, which answers `REQUEST_STEP_LAYOUT` (body: the step's id) of sattach.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepLayout {
    /// Formerly the front end's name; always NULL.
    pub reserved_front_end: Option<String>,
    /// Nodes of the step in order, as a host expression.
    pub node_list: Option<String>,
    /// The version of the step: the lowest of srun and its nodes.
    pub start_protocol_ver: RawVersion,
    /// Tasks in all.
    pub task_cnt: u32,
    /// [`task_dist`](crate::msg::task_dist).
    pub task_dist: u32,
    /// The task ids of each node, in node order.
    pub task_ids: Vec<Vec<u32>>,
    /// CPUs of a task on each node, where they differ.
    pub cpus_per_task: BareRuns<u16>,
    /// Signed addresses of nodes that srun cannot resolve: a token of context "net".
    pub net_cred: Option<String>,
}

impl StepLayout {
    /// The layout of tasks on nodes, one list of task ids a node.
    pub fn new(node_list: String, task_dist: u32, task_ids: Vec<Vec<u32>>) -> Self {
        let tasks = task_ids.iter().map(Vec::len).sum::<usize>();
        let task_cnt = u32::try_from(tasks).expect("tasks are numbered in u32");
        Self { node_list: Some(node_list), task_cnt, task_dist, task_ids, ..Self::default() }
    }
}

/// The number of nodes stands far from the lists that it counts.
impl Wire for StepLayout {
    fn encode(&self, w: &mut Writer) {
        self.reserved_front_end.encode(w);
        self.node_list.encode(w);
        w.count(self.task_ids.len());
        self.start_protocol_ver.encode(w);
        self.task_cnt.encode(w);
        self.task_dist.encode(w);
        for task_ids in &self.task_ids {
            task_ids.encode(w);
        }
        self.cpus_per_task.encode(w);
        self.net_cred.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let reserved_front_end = Wire::decode(r)?;
        let node_list = Wire::decode(r)?;
        let node_count = r.count()?;
        Ok(Self {
            reserved_front_end,
            node_list,
            start_protocol_ver: Wire::decode(r)?,
            task_cnt: Wire::decode(r)?,
            task_dist: Wire::decode(r)?,
            task_ids: r.items(node_count).map_err(|e| e.within("task_ids"))?,
            cpus_per_task: Wire::decode(r)?,
            net_cred: Wire::decode(r)?,
        })
    }
}

/// `u16` 1 and the layout, or `u16` 0.
impl Wire for Option<StepLayout> {
    fn encode(&self, w: &mut Writer) {
        u16::from(self.is_some()).encode(w);
        if let Some(layout) = self {
            layout.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let place = r.clone();
        match u16::decode(r)? {
            0 => Ok(None),
            1 => StepLayout::decode(r).map(Some),
            got => Err(place.error(Malformed::Unknown { what: "layout", got: got.into() })),
        }
    }
}
