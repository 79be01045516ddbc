//! Tables encoded for replies, each once for each release that asks.
//!
//! Nobody pays for what nobody asks: a table that was not asked for in a while is let go, and so is
//! the one asked for longest ago when all of them take too much room.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::{Config, Job, JobId, Node, Partition, Phase, Timestamp, Usage};
use protocol::Version;

use super::sheet::{Sheet, Source};
use crate::altered::Altered;
use crate::config::SlurmConf;
use crate::view::View;

/// How much memory the encodings of one table may take: a million jobs in two releases. One that
/// alone takes more is made for each request.
const BYTES_MAX: usize = 1 << 30;
/// How many encodings of a table there may be: the releases in use, and the flags of old ones.
const SHEETS_MAX: usize = 12;
/// A table that was not asked for in so many seconds is let go.
const IDLE_S: i64 = 60;

/// Encoded tables.
#[derive(Debug, Default)]
pub struct Encoded {
    /// Jobs.
    pub jobs: Sheets<Arc<Job>>,
    /// Nodes.
    pub nodes: Sheets<NodeSource>,
    /// Partitions.
    pub partitions: Sheets<Arc<Partition>>,
}

impl Encoded {
    /// How much memory they take.
    pub fn size(&self) -> usize {
        self.jobs.size() + self.nodes.size() + self.partitions.size()
    }

    /// Lets go of what was not asked for in a while.
    pub fn tidy(&self, now: Timestamp) {
        let since = Timestamp(now.0 - IDLE_S);
        self.jobs.forget_idle(since);
        self.nodes.forget_idle(since);
        self.partitions.forget_idle(since);
    }
}

/// Which encoding of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Form {
    /// The release.
    pub version: Version,
    /// Flags of requests that alter its records.
    pub flags: u16,
}

/// The encodings of one table.
#[derive(Debug)]
pub struct Sheets<S> {
    slots: Mutex<BTreeMap<Form, Arc<Slot<S>>>>,
}

#[derive(Debug)]
struct Slot<S> {
    /// One renews it at a time: the others wait for the pages that he makes.
    kept: Mutex<Kept<S>>,
    asked: AtomicI64,
    size: AtomicUsize,
}

#[derive(Debug)]
struct Kept<S> {
    sheet: Sheet<S>,
    basis: Option<Basis>,
    revision: u64,
    good_until: Timestamp,
}

/// A table, as a view has it.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a, E> {
    /// How often it was changed.
    pub revision: u64,
    /// Which places of it were. Without that all are looked at.
    pub altered: Option<&'a Altered>,
    /// Its entries in a range of places. Without `altered` it is asked for all places only.
    pub entries_in: E,
}

/// What all records of a table depend on, whatever else each of them does.
#[derive(Clone, Debug)]
struct Basis {
    structure: u64,
    conf: Arc<SlurmConf>,
    config: Arc<Config>,
    /// The length of the node table is that of the sets of nodes.
    node_places: u32,
}

impl Basis {
    fn of(view: &View) -> Self {
        Self {
            structure: view.changed.revision.structure,
            conf: Arc::clone(&view.conf),
            config: Arc::clone(view.cluster.config()),
            node_places: view.cluster.node_table_len(),
        }
    }

    fn is(&self, other: &Self) -> bool {
        self.structure == other.structure
            && Arc::ptr_eq(&self.conf, &other.conf)
            && Arc::ptr_eq(&self.config, &other.config)
            && self.node_places == other.node_places
    }
}

impl<S> Default for Sheets<S> {
    fn default() -> Self {
        Self { slots: Mutex::default() }
    }
}

impl<S: Source> Sheets<S> {
    /// The table as it is now, or as it was published since.
    pub fn renewed<'a, I>(
        &self,
        (view, now): (&View, Timestamp),
        form: Form,
        table: Table<'_, impl Fn(RangeInclusive<u32>) -> I>,
        encode: impl FnMut(S::Entry<'_>) -> Vec<u8>,
    ) -> Sheet<S>
    where
        I: Iterator<Item = S::Entry<'a>>,
        S: 'a,
    {
        let revision = table.revision;
        let slot = self.slot(form, now);
        let sheet = {
            let mut kept = slot.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let basis = Basis::of(view);
            let same_basis = kept.basis.as_ref().is_some_and(|known| known.is(&basis));
            if same_basis && revision <= kept.revision && now <= kept.good_until {
                return kept.sheet.clone();
            }
            let (old, altered) = if same_basis {
                let altered = table.altered.and_then(|altered| altered.since(kept.revision));
                (std::mem::take(&mut kept.sheet), altered)
            } else {
                (Sheet::default(), None)
            };
            let sheet = old.renewed(altered.as_deref(), table.entries_in, now, encode);
            let good_until = sheet.good_until();
            slot.size.store(sheet.size(), Ordering::Relaxed);
            *kept = Kept { sheet: sheet.clone(), basis: Some(basis), revision, good_until };
            sheet
        };
        self.keep_within(BYTES_MAX, form);
        sheet
    }

    fn slot(&self, form: Form, now: Timestamp) -> Arc<Slot<S>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = Arc::clone(slots.entry(form).or_default());
        slot.asked.fetch_max(now.0, Ordering::Relaxed);
        slot
    }

    /// Lets go of encodings until they are few and small enough: first of those that were asked for
    /// longest ago, at last of that of `form`.
    fn keep_within(&self, bytes_max: usize, form: Form) {
        let mut gone = Vec::new();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        while slots.len() > SHEETS_MAX || size(&slots) > bytes_max {
            let oldest = slots
                .iter()
                .min_by_key(|(other, slot)| (**other == form, slot.asked.load(Ordering::Relaxed)));
            let Some(oldest) = oldest.map(|(form, _)| *form) else {
                break;
            };
            gone.extend(slots.remove(&oldest));
        }
        // What a large table takes is given back without the lock.
        drop(slots);
        drop(gone);
    }

    fn size(&self) -> usize {
        size(&self.slots.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn forget_idle(&self, since: Timestamp) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |slot: &Slot<S>| slot.asked.load(Ordering::Relaxed) < since.0;
        let idle: Vec<Form> =
            slots.iter().filter(|(_, slot)| is_idle(slot)).map(|(form, _)| *form).collect();
        let gone: Vec<_> = idle.iter().filter_map(|form| slots.remove(form)).collect();
        drop(slots);
        drop(gone);
    }
}

fn size<S>(slots: &BTreeMap<Form, Arc<Slot<S>>>) -> usize {
    slots.values().map(|slot| slot.size.load(Ordering::Relaxed)).sum()
}

impl<S> Default for Slot<S> {
    fn default() -> Self {
        let kept = Kept {
            sheet: Sheet::default(),
            basis: None,
            revision: 0,
            good_until: Timestamp(i64::MIN),
        };
        Self { kept: Mutex::new(kept), asked: AtomicI64::default(), size: AtomicUsize::default() }
    }
}

impl Source for Arc<Job> {
    type Entry<'a> = (JobId, &'a Self);

    fn place((id, _): Self::Entry<'_>) -> u32 {
        id.0
    }

    fn keep((_, job): Self::Entry<'_>) -> Self {
        Self::clone(job)
    }

    fn is(&self, (_, job): Self::Entry<'_>) -> bool {
        Self::ptr_eq(self, job)
    }

    /// An expected start that has passed is told as now, a begin time only while it is to come.
    fn good_until((_, job): Self::Entry<'_>, now: Timestamp) -> Timestamp {
        let for_ever = Timestamp(i64::MAX);
        match (&job.phase, job.started, job.begin) {
            (Phase::Pending | Phase::Completing(_), Some(expected), _) => expected.max(now),
            (Phase::Pending | Phase::Completing(_), None, Some(begin)) if begin > now => {
                Timestamp(begin.0 - 1)
            }
            _ => for_ever,
        }
    }
}

/// What a node's record is made of.
#[derive(Debug)]
pub struct NodeSource {
    /// The node.
    pub node: Arc<Node>,
    usage: Option<Arc<Usage>>,
    is_planned: bool,
}

impl Source for NodeSource {
    /// The node, what jobs hold of it, and whether a waiting job is expected to start there.
    type Entry<'a> = (&'a Arc<Node>, Option<&'a Arc<Usage>>, bool);

    fn place((node, ..): Self::Entry<'_>) -> u32 {
        node.id.0
    }

    fn keep((node, usage, is_planned): Self::Entry<'_>) -> Self {
        Self { node: Arc::clone(node), usage: usage.cloned(), is_planned }
    }

    fn is(&self, (node, usage, is_planned): Self::Entry<'_>) -> bool {
        let same_usage = match (&self.usage, usage) {
            (None, None) => true,
            (Some(known), Some(usage)) => Arc::ptr_eq(known, usage),
            _ => false,
        };
        same_usage && self.is_planned == is_planned && Arc::ptr_eq(&self.node, node)
    }
}

impl Source for Arc<Partition> {
    type Entry<'a> = (u32, &'a Self);

    fn place((place, _): Self::Entry<'_>) -> u32 {
        place
    }

    fn keep((_, partition): Self::Entry<'_>) -> Self {
        Self::clone(partition)
    }

    fn is(&self, (_, partition): Self::Entry<'_>) -> bool {
        Self::ptr_eq(self, partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::fixtures::{self, NOW};

    fn ask(sheets: &Sheets<Arc<Partition>>, view: &View, flags: u16, now: i64) -> usize {
        let partitions: Vec<_> = view.cluster.partitions().collect();
        let form = Form { version: Version::NEWEST, flags };
        let entries_in = |_| (0..).zip(partitions.iter().copied());
        let mut encodings = 0;
        let encode = |_: (u32, &Arc<Partition>)| {
            encodings += 1;
            vec![7; 100]
        };
        let revision = view.changed.revision.structure;
        let table = Table { revision, altered: None, entries_in };
        let sheet = sheets.renewed((view, Timestamp(now)), form, table, encode);
        assert_eq!(sheet.whole().concat(), [7; 200]);
        encodings
    }

    #[test]
    fn a_table_is_let_go_when_nobody_asks_for_it() {
        let (encoded, view) = (Encoded::default(), fixtures::golden());
        assert_eq!(ask(&encoded.partitions, &view, 0, 100), 2);
        assert!(encoded.size() > 200);
        encoded.tidy(Timestamp(100 + IDLE_S));
        assert_eq!(ask(&encoded.partitions, &view, 0, 100 + IDLE_S), 0);
        encoded.tidy(Timestamp(101 + 2 * IDLE_S));
        assert_eq!(encoded.size(), 0);
        assert_eq!(ask(&encoded.partitions, &view, 0, 101 + 2 * IDLE_S), 2);
    }

    #[test]
    fn what_was_asked_for_longest_ago_makes_room() {
        let (sheets, view) = (Sheets::default(), fixtures::golden());
        for (flags, now) in (0u16..).zip(0..20) {
            ask(&sheets, &view, flags, now);
        }
        assert_eq!(ask(&sheets, &view, 19, 20), 0);
        assert_eq!(ask(&sheets, &view, 0, 21), 2);
        let form = Form { version: Version::NEWEST, flags: 0 };
        sheets.keep_within(sheets.size() / 4, form);
        assert_eq!(ask(&sheets, &view, 0, 22), 0);
        assert_eq!(ask(&sheets, &view, 17, 23), 2);
        sheets.keep_within(0, form);
        assert_eq!(sheets.size(), 0);
    }

    #[test]
    fn a_record_is_made_anew_when_what_all_depend_on_changes() {
        let (sheets, mut view) = (Sheets::default(), fixtures::golden());
        ask(&sheets, &view, 0, 0);
        assert_eq!(ask(&sheets, &view, 0, 1), 0);
        let partition = Arc::clone(view.cluster.partitions().next().unwrap());
        let cluster = view.cluster.clone();
        view.changed.note(&model::Change::Partition(partition), NOW, &cluster);
        assert_eq!(ask(&sheets, &view, 0, 2), 2);
        view.conf = Arc::new(fixtures::conf(fixtures::GOLDEN));
        assert_eq!(ask(&sheets, &view, 0, 3), 2);
    }
}
