use std::sync::Arc;

use model::{Change, Cluster, Config, Job, JobId, Node, NodeId, Timestamp};

use crate::effect::Effect;
use crate::reject::Reject;

/// The handling of one event: reads the cluster, records changes, asks for effects.
///
/// A handler refuses before it records its first change, or not at all; [`crate::Core::turn`]
/// asserts it.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    /// The time of the event.
    pub(crate) now: Timestamp,
    cluster: &'a mut Cluster,
    changes: Vec<Change>,
    effects: Vec<Effect>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(now: Timestamp, cluster: &'a mut Cluster) -> Self {
        Self { now, cluster, changes: Vec::new(), effects: Vec::new() }
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        self.cluster
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(self.cluster.config())
    }

    /// Applies a change at once, so that the rest of the turn sees it.
    pub(crate) fn record(&mut self, change: Change) {
        self.cluster.apply(&change);
        self.changes.push(change);
    }

    pub(crate) fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn job(&self, id: JobId) -> Result<Arc<Job>, Reject> {
        self.cluster.job(id).cloned().ok_or(Reject::NoSuchJob(id))
    }

    /// Records a job as `edit` leaves it.
    pub(crate) fn edit_job(&mut self, job: &Arc<Job>, edit: impl FnOnce(&mut Job)) -> Arc<Job> {
        let mut edited = Job::clone(job);
        edit(&mut edited);
        let edited = Arc::new(edited);
        self.record(Change::Job(Arc::clone(&edited)));
        edited
    }

    /// Records a node as `edit` leaves it. Whoever follows nodes is told.
    pub(crate) fn edit_node(&mut self, id: NodeId, edit: impl FnOnce(&mut Node)) -> Arc<Node> {
        let node = self.cluster.node(id).expect("the caller holds the id of a node that is there");
        let mut edited = Node::clone(node);
        edit(&mut edited);
        let edited = Arc::new(edited);
        self.record(Change::Node(Arc::clone(&edited)));
        edited
    }

    pub(crate) fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    pub(crate) fn finish(self) -> (Vec<Change>, Vec<Effect>) {
        (self.changes, self.effects)
    }
}
