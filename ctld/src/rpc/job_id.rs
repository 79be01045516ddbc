//! Jobs as people write them: `12`, `12_3`, `12_[1-3,7]`, `12_*`, `12+1`.

use ctld_core::{JobPart, JobSelection};
use model::{IndexSet, JobId};
use protocol::Errno;
use protocol::index_set::ArraySpec;
use protocol::msg::StepId;

use super::{Failure, Request, sluid};
use crate::view::View;

/// The jobs that a text names.
///
/// `12+1` is a component of a heterogeneous job.
///
/// # Errors
///
/// `ESLURM_INVALID_JOB_ID`, as stock controllers answer whatever is wrong with the text.
pub(super) fn selection(text: &str, array_size_max: u32) -> Result<JobSelection, Failure> {
    let invalid = Failure::Code(Errno::ESLURM_INVALID_JOB_ID);
    if let Some((leader, offset)) = text.split_once('+') {
        let number = |text: &str| text.parse().ok().filter(|_| is_digits(text));
        return match (number(leader).filter(|id| *id > 0), number(offset)) {
            (Some(leader), Some(offset)) => {
                Ok(JobSelection { job: JobId(leader), part: JobPart::Component(offset) })
            }
            _ => Err(invalid),
        };
    }
    let (number, tasks) = match text.split_once('_') {
        Some((number, "*")) => (number, None),
        Some((number, tasks)) => (number, Some(tasks)),
        None => (text, None),
    };
    let Some(job) = number.parse().ok().filter(|job| *job > 0) else {
        return Err(invalid);
    };
    let part = match tasks.map(|tasks| indexes(tasks, array_size_max)) {
        Some(None) => return Err(invalid),
        Some(Some(tasks)) => JobPart::Tasks(tasks),
        None => JobPart::Whole,
    };
    Ok(JobSelection { job: JobId(job), part })
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The jobs that a text of a request names, also by their unique id.
pub(super) fn selected(view: &View, text: &str) -> Result<JobSelection, Failure> {
    selection(&sluid::number(view, text), view.cluster.config().max_array_size)
}

/// The jobs that a request names, by text or, without one, by number.
pub(super) fn named(
    view: &View,
    request: &Request<'_>,
    text: Option<&str>,
    id: StepId,
) -> Result<JobSelection, Failure> {
    match text {
        Some(text) => selected(view, text),
        None => Ok(JobSelection::whole(sluid::meant(view, request.version, id))),
    }
}

/// The tasks of `3`, `[1-3,7]`; `None` if the text names none that an array can have.
fn indexes(text: &str, array_size_max: u32) -> Option<IndexSet> {
    let spec = ArraySpec::parse(text, array_size_max).ok()?;
    let set: IndexSet = spec.tasks.iter().collect();
    (!set.is_empty()).then_some(set)
}

/// Indexes as clients print them: `1-3,7`.
pub(super) fn index_text(set: &IndexSet) -> String {
    let range = |&(first, last): &(u32, u32)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}-{last}"),
    };
    set.ranges().iter().map(range).collect::<Vec<_>>().join(",")
}

/// Some tasks of an array: `12_3`, `12_[1-3]`; the array's own number without any.
pub(super) fn tasks_text(array: JobId, tasks: &IndexSet) -> String {
    match tasks.len() {
        0 => array.to_string(),
        _ => format!("{array}_{}", index_text(tasks)),
    }
}

#[cfg(test)]
mod tests {
    use super::{JobPart, index_text, indexes, selection, tasks_text};
    use model::{IndexSet, JobId};
    use proptest::prelude::*;

    fn set(of: &[u32]) -> IndexSet {
        of.iter().copied().collect()
    }

    #[test]
    fn jobs_are_read_in_all_their_spellings() {
        let tasks = |text| selection(text, 1001).unwrap().tasks().cloned();
        let part = |text| selection(text, 1001).unwrap().part;
        assert_eq!(selection("12", 1001).unwrap().job, JobId(12));
        assert_eq!(tasks("12"), None);
        assert_eq!(tasks("12_*"), None);
        assert_eq!(tasks("12_3"), Some(set(&[3])));
        assert_eq!(tasks("12_[1-3,7]"), Some(set(&[1, 2, 3, 7])));
        assert_eq!(part("12+1"), JobPart::Component(1));
        assert_eq!(part("12"), JobPart::Whole);
        for bad in [
            "", "0", "x", "12x", "12_", "12_x", "12_[3-1]", "12+", "12++1", "0+1", "+1", "12+1_2",
            "-3", "s1", "12_1001",
        ] {
            assert!(selection(bad, 1001).is_err(), "{bad}");
        }
    }

    #[test]
    fn tasks_are_written_as_they_are_read() {
        assert_eq!(tasks_text(JobId(12), &set(&[])), "12");
        assert_eq!(tasks_text(JobId(12), &set(&[3])), "12_3");
        assert_eq!(tasks_text(JobId(12), &set(&[1, 2, 3, 7])), "12_1-3,7");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(of in prop::collection::btree_set(0u32..1000, 1..40)) {
            let set: IndexSet = of.into_iter().collect();
            prop_assert_eq!(indexes(&index_text(&set), 1000), Some(set));
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,40}") {
            let _ = (selection(&text, 1001), indexes(&text, 1001));
        }
    }
}
