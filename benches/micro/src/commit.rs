//! What it costs to make changes durable. The disk's time is not counted: instructions are.

use model::Change;
use state::{Embedded, Store as _};

use crate::clusters::{core, submissions, turn};
use crate::measured;

fn changes(jobs: u32) -> Vec<Change> {
    let mut core = core(10);
    submissions(jobs).into_iter().flat_map(|event| turn(&mut core, event).changes).collect()
}

pub(crate) fn jobs() {
    let folder = tempfile::tempdir().expect("a folder for a store");
    let store = Embedded::open(folder.path()).expect("an empty store opens");
    let changes = changes(1_000);
    measured(|| {
        for batch in changes.chunks(changes.len() / 20) {
            store.commit(batch).expect("a commit to an empty disk");
        }
    });
}

pub(crate) fn load() {
    let folder = tempfile::tempdir().expect("a folder for a store");
    let store = Embedded::open(folder.path()).expect("an empty store opens");
    store.commit(&changes(2_000)).expect("a commit to an empty disk");
    let mut jobs = 0;
    measured(|| store.load(&mut |change| jobs += u32::from(matches!(change, Change::Job(_)))))
        .expect("what was committed loads");
    assert_eq!(jobs, 2_000);
}
