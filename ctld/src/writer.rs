//! The one owner of the core: takes events in batches, makes their changes durable, publishes the
//! cluster, and only then lets answers and effects go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ctld_core::{Answer, Core, Effect, Event, Reject};
use model::{Change, Job, JobId, Timestamp};
use state::{Store, StoreError};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::config::SlurmConf;
use crate::view::{Changed, Tuning, View};

/// How many events share one commit at the most: enough to make the sync's cost small, few enough
/// that the first of them does not wait long.
const BATCH_MAX: usize = 1024;

/// An event on its way to the writer.
#[derive(Debug)]
pub struct Work {
    /// What happened.
    pub event: Event,
    /// The slurm.conf that a [`Event::Configured`] was made of, to be published with it.
    pub conf: Option<Arc<SlurmConf>>,
    /// Who waits for the answer.
    pub reply: Option<oneshot::Sender<Result<Answer, Reject>>>,
}

impl From<Event> for Work {
    fn from(event: Event) -> Self {
        Self { event, conf: None, reply: None }
    }
}

/// What the writer's inbox takes.
#[derive(Debug)]
pub enum Delivery {
    /// An event.
    Work(Box<Work>),
    /// Nothing comes after this.
    End,
}

impl From<Work> for Delivery {
    fn from(work: Work) -> Self {
        Self::Work(Box::new(work))
    }
}

/// The cluster as last published.
#[derive(Debug)]
pub struct Published {
    view: RwLock<Arc<View>>,
    /// Held by whoever makes the next view of the present one, so that none is made of an older one.
    /// Readers never wait for it.
    publishing: Mutex<()>,
    renewed: Notify,
}

impl Published {
    /// Publishes a first view.
    pub fn new(view: View) -> Self {
        Self {
            view: RwLock::new(Arc::new(view)),
            publishing: Mutex::new(()),
            renewed: Notify::new(),
        }
    }

    /// The view as it is now. It stays as it is for whoever holds it.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, alter: impl FnOnce(&mut View)) {
        let _next = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut view = View::clone(&self.view());
        alter(&mut view);
        let view = Arc::new(view);
        let old = {
            let mut place = self.view.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, view)
        };
        // Dropping the last reference to a large cluster takes a while: not under the lock.
        drop(old);
        self.renewed.notify_waiters();
    }

    /// Ends with the next publication after this call.
    pub fn renewed(&self) -> Notified<'_> {
        self.renewed.notified()
    }

    /// Alters what people set at run time.
    pub fn tune(&self, alter: impl FnOnce(&mut Tuning)) {
        self.publish(|view| {
            let mut tuning = *view.tuning;
            alter(&mut tuning);
            view.tuning = Arc::new(tuning);
        });
    }
}

/// The writer's own state.
pub struct Writer {
    core: Core,
    store: Arc<dyn Store>,
    published: Arc<Published>,
    changed: Changed,
}

impl Writer {
    /// A writer that goes on with what a store holds.
    pub fn new(core: Core, store: Arc<dyn Store>, published: Arc<Published>) -> Self {
        let changed = published.view().changed;
        Self { core, store, published, changed }
    }

    /// Handles a batch: turns, one commit, one publication, answers; gives the effects to be carried
    /// out.
    ///
    /// # Errors
    ///
    /// If the commit fails: nobody has been answered, and nobody can be, since nobody knows what is
    /// on the disk. The process must end.
    pub fn step(
        &mut self,
        now: Timestamp,
        batch: impl IntoIterator<Item = Work>,
    ) -> Result<Vec<Effect>, StoreError> {
        let mut conf = None;
        let (mut changes, mut effects, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        let mut a_second_went_by = false;
        for work in batch {
            a_second_went_by |= matches!(work.event, Event::Tick);
            let turned = self.core.turn(now, work.event);
            changes.extend(turned.changes);
            effects.extend(turned.effects);
            conf = work.conf.or(conf);
            if let Some(reply) = work.reply {
                answers.push((reply, turned.answer));
            }
        }
        if !changes.is_empty() {
            self.store.commit(&changes)?;
            self.publish(now, &changes, conf);
        }
        for (reply, answer) in answers {
            // A client that has gone away misses its answer, not its job.
            let _ = reply.send(answer);
        }
        if a_second_went_by {
            self.store.rest();
        }
        Ok(effects)
    }

    fn publish(&mut self, now: Timestamp, changes: &[Change], conf: Option<Arc<SlurmConf>>) {
        let old = self.published.view();
        let mut latest: BTreeMap<JobId, &Arc<Job>> = BTreeMap::new();
        for change in changes {
            self.changed.note(change, now, &old.cluster);
            if let Change::Job(job) = change {
                let before = latest.insert(job.id, job).or_else(|| old.cluster.job(job.id));
                old.counters.job_changed(before.map(|job| &**job), job);
            }
        }
        old.altered.note(changes);
        drop(old);
        self.published.publish(|view| {
            view.cluster = self.core.cluster().clone();
            view.changed = self.changed;
            if let Some(conf) = conf {
                view.conf = conf;
            }
        });
    }

    /// Everything that is outstanding, after a start.
    pub fn resume(&mut self) -> Vec<Effect> {
        self.core.resume()
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// The writer's loop: ends when it is told to, with everything committed that came before.
///
/// # Errors
///
/// When a commit fails, see [`Writer::step`].
pub fn run(
    mut writer: Writer,
    mut inbox: mpsc::Receiver<Delivery>,
    now: impl Fn() -> Timestamp,
    mut release: impl FnMut(Effect),
) -> Result<(), StoreError> {
    for effect in writer.resume() {
        release(effect);
    }
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut ending = false;
    while !ending && let Some(first) = inbox.blocking_recv() {
        let mut next = Some(first);
        while let Some(delivery) = next {
            match delivery {
                Delivery::Work(work) => batch.push(*work),
                Delivery::End => {
                    ending = true;
                    break;
                }
            }
            next = if batch.len() < BATCH_MAX { inbox.try_recv().ok() } else { None };
        }
        for effect in writer.step(now(), batch.drain(..))? {
            release(effect);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;
    use std::time::Duration;

    use ctld_core::{Caller, Core, Event, Kill, Reject};
    use model::{Gid, JobId, Timestamp, Uid};
    use state::{Fault, Memory, Store};
    use tokio::sync::oneshot;

    use super::{Published, Work, Writer};
    use crate::rpc::fixtures;

    const ROOT: Caller = Caller { uid: Uid::ROOT, gid: Gid(0) };

    fn writer(store: &Arc<Memory>) -> (Writer, Arc<Published>) {
        let published = Arc::new(Published::new(fixtures::golden()));
        let store: Arc<dyn Store> = Arc::clone(store) as _;
        let core = Core::new(published.view().cluster.clone());
        (Writer::new(core, store, Arc::clone(&published)), published)
    }

    /// A partition of the cluster is deleted.
    fn deletion(published: &Published) -> Event {
        let view = published.view();
        let name = Arc::clone(&view.cluster.partitions().next().unwrap().name);
        Event::DeletePartition { caller: ROOT, name }
    }

    #[test]
    fn an_answer_comes_after_its_changes_are_published() {
        let store = Arc::new(Memory::new());
        let (mut writer, published) = writer(&store);
        let before = published.view();
        let (reply, mut answer) = oneshot::channel();
        let work = Work { event: deletion(&published), conf: None, reply: Some(reply) };
        writer.step(Timestamp(100), [work]).unwrap();
        assert!(answer.try_recv().unwrap().is_ok());
        assert_ne!(published.view().cluster, before.cluster);
        assert_eq!(store.commits(), 1);
    }

    #[test]
    fn a_setting_that_is_altered_meanwhile_puts_no_older_cluster_back() {
        let store = Arc::new(Memory::new());
        let (mut writer, published) = writer(&store);
        let before = published.view();
        let event = deletion(&published);
        let (altering, has_begun) = mpsc::channel();
        let other = Arc::clone(&published);
        let altered = thread::spawn(move || {
            other.tune(|tuning| {
                altering.send(()).unwrap();
                // Long enough for the writer to publish, if it could.
                thread::sleep(Duration::from_millis(50));
                tuning.debug_level = 7;
            });
        });
        has_begun.recv().unwrap();
        writer.step(Timestamp(100), [Work { event, conf: None, reply: None }]).unwrap();
        altered.join().unwrap();
        let view = published.view();
        assert_eq!(view.tuning.debug_level, 7);
        assert_ne!(view.cluster, before.cluster);
    }

    #[test]
    fn a_failed_commit_answers_nobody_and_publishes_nothing() {
        let store = Arc::new(Memory::new());
        store.fail(1, Fault::Lost);
        let (mut writer, published) = writer(&store);
        let before = published.view();
        let (reply, mut answer) = oneshot::channel();
        let work = Work { event: deletion(&published), conf: None, reply: Some(reply) };
        assert!(writer.step(Timestamp(100), [work]).is_err());
        assert!(answer.try_recv().is_err());
        assert_eq!(published.view().cluster, before.cluster);
    }

    #[test]
    fn a_refused_event_is_answered_and_commits_nothing() {
        let store = Arc::new(Memory::new());
        let (mut writer, _) = writer(&store);
        let (reply, mut answer) = oneshot::channel();
        let kill = Kill {
            caller: ROOT,
            selection: ctld_core::JobSelection::whole(JobId(4_000_000)),
            step: None,
            signal: 9,
            flags: 0,
        };
        let work = Work { event: Event::Kill(kill), conf: None, reply: Some(reply) };
        writer.step(Timestamp(100), [work]).unwrap();
        assert_eq!(answer.try_recv(), Ok(Err(Reject::NoSuchJob(JobId(4_000_000)))));
        assert_eq!(store.commits(), 0);
    }
}
