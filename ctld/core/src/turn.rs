use std::sync::Arc;

use model::{Change, Cluster, Config, Job, JobId, Node, NodeId, Timestamp};

use crate::effect::Effect;
use crate::reject::Reject;
use crate::trigger::{self, News};

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
    news: News,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(now: Timestamp, cluster: &'a mut Cluster) -> Self {
        Self { now, cluster, changes: Vec::new(), effects: Vec::new(), news: News::default() }
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        self.cluster
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(self.cluster.config())
    }

    /// Applies a change at once, so that the rest of the turn sees it.
    pub(crate) fn record(&mut self, change: Change) {
        if self.cluster.trigger_count() > 0 {
            self.apply_with_news(&change);
        } else {
            self.cluster.apply(&change);
        }
        self.changes.push(change);
    }

    /// Applies a change and notes what it means to those who have triggers.
    fn apply_with_news(&mut self, change: &Change) {
        match change {
            Change::Node(node) => {
                let before = self.cluster.node(node.id).cloned();
                self.cluster.apply(change);
                self.news.node_changed(self.cluster, before.as_deref(), node);
            }
            Change::Job(job) => {
                let before = self.cluster.job(job.id).cloned();
                self.cluster.apply(change);
                self.news.job_changed(self.cluster, before.as_deref());
            }
            _ => self.cluster.apply(change),
        }
    }

    /// Pulls the triggers that wait for what this turn has recorded.
    pub(crate) fn spread_news(&mut self) {
        let news = std::mem::take(&mut self.news);
        if !news.is_empty() {
            trigger::heard(self, &news);
        }
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
