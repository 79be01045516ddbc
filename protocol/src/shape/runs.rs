use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};

/// One value a node (CPUs, memory), equal neighbours written once: `8,8,8,4` is 8 three times and 4
/// once. Job launches, credentials and allocation replies carry such lists.
///
/// On the wire: `u32` number of runs and, unless it is 0, the values as an array and the repetitions
/// as an array, each with its own count. [`BareRuns`] is the form without the first count.
///
/// ```
/// # use protocol::shape::Runs;
/// let cpus: Runs<u16> = [8, 8, 8, 4].into_iter().collect();
/// assert_eq!(cpus.runs().len(), 2);
/// assert_eq!(cpus.at(2), Some(8));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs<T>(Vec<Run<T>>);

/// A value and how many neighbours have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<T> {
    /// The value.
    pub value: T,
    /// How many have it, 1 or more from us.
    pub times: u32,
}

impl<T: Copy + PartialEq> Runs<T> {
    /// The same value for each of `times`.
    pub fn uniform(value: T, times: u32) -> Self {
        match times {
            0 => Self::default(),
            _ => Self(vec![Run { value, times }]),
        }
    }

    /// Adds one more at the end.
    pub fn push(&mut self, value: T) {
        match self.0.last_mut() {
            Some(last) if last.value == value && last.times < u32::MAX => last.times += 1,
            _ => self.0.push(Run { value, times: 1 }),
        }
    }

    /// The value of the one at `index`, counted from 0.
    pub fn at(&self, index: u32) -> Option<T> {
        let mut left = u64::from(index);
        for run in &self.0 {
            match left.checked_sub(run.times.into()) {
                Some(rest) => left = rest,
                None => return Some(run.value),
            }
        }
        None
    }

    /// The values one by one. A peer may have announced billions, so do not collect what a peer
    /// sent without a bound.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.0.iter().flat_map(|run| std::iter::repeat_n(run.value, run.times as usize))
    }
}

impl<T> Runs<T> {
    /// From runs that are counted already.
    pub fn new(runs: Vec<Run<T>>) -> Self {
        Self(runs)
    }

    /// The runs.
    pub fn runs(&self) -> &[Run<T>] {
        &self.0
    }

    /// How many values they stand for.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|run| u64::from(run.times)).sum()
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// From one value a node, in node order.
impl<T: Copy + PartialEq> FromIterator<T> for Runs<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut runs = Self::default();
        for value in values {
            runs.push(value);
        }
        runs
    }
}

impl<T: Wire> Wire for Runs<T> {
    fn encode(&self, w: &mut Writer) {
        w.count(self.0.len());
        if !self.0.is_empty() {
            encode_arrays(&self.0, w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let place = r.clone();
        let count = r.count()?;
        if count == 0 {
            return Ok(Self::default());
        }
        let runs = decode_arrays(r)?;
        match runs.len() {
            found if found == count => Ok(Self(runs)),
            found => Err(place.error(Malformed::Counts { counted: count, found })),
        }
    }
}

/// [`Runs`] as step layouts carry them: only the two arrays, which are there even when empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BareRuns<T>(pub Runs<T>);

impl<T> Default for BareRuns<T> {
    fn default() -> Self {
        Self(Runs::default())
    }
}

impl<T> From<Runs<T>> for BareRuns<T> {
    fn from(runs: Runs<T>) -> Self {
        Self(runs)
    }
}

impl<T: Wire> Wire for BareRuns<T> {
    fn encode(&self, w: &mut Writer) {
        encode_arrays(&self.0.0, w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        decode_arrays(r).map(|runs| Self(Runs(runs)))
    }
}

fn encode_arrays<T: Wire>(runs: &[Run<T>], w: &mut Writer) {
    w.count(runs.len());
    for run in runs {
        run.value.encode(w);
    }
    w.count(runs.len());
    for run in runs {
        run.times.encode(w);
    }
}

fn decode_arrays<T: Wire>(r: &mut Reader<'_>) -> Result<Vec<Run<T>>, DecodeError> {
    let values = Vec::<T>::decode(r)?;
    let place = r.clone();
    let times = Vec::<u32>::decode(r)?;
    if times.len() != values.len() {
        return Err(place.error(Malformed::Counts { counted: values.len(), found: times.len() }));
    }
    Ok(values.into_iter().zip(times).map(|(value, times)| Run { value, times }).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BareRuns, Run, Runs};
    use crate::shape::CountedTwice;
    use crate::version::Version;
    use crate::wire::{from_bytes, to_bytes};

    #[test]
    fn captured_form_of_two_nodes_with_eight_cpus() {
        let bytes = to_bytes(&Runs::uniform(8u16, 2), Version::V24_11);
        assert_eq!(bytes, [0, 0, 0, 1, 0, 0, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2]);
    }

    #[test]
    fn empty_runs_are_one_count_and_bare_ones_two() {
        assert_eq!(to_bytes(&Runs::<u64>::default(), Version::V24_11), [0; 4]);
        assert_eq!(to_bytes(&BareRuns::<u64>::default(), Version::V24_11), [0; 8]);
    }

    #[test]
    fn counts_that_disagree_are_refused() {
        let mut bytes = to_bytes(&Runs::uniform(8u16, 2), Version::V24_11);
        bytes[3] = 2;
        assert!(from_bytes::<Runs<u16>>(&bytes, Version::V24_11).is_err());
        let twice = [0, 0, 0, 2, 0, 0, 0, 1, 7];
        assert!(from_bytes::<CountedTwice<u8>>(&twice, Version::V24_11).is_err());
    }

    #[test]
    fn a_huge_repetition_is_looked_up_without_unrolling() {
        let runs =
            Runs::new(vec![Run { value: 1u8, times: u32::MAX }, Run { value: 2, times: u32::MAX }]);
        assert_eq!(runs.at(u32::MAX), Some(2));
        assert_eq!(runs.total(), 2 * u64::from(u32::MAX));
    }

    proptest! {
        #[test]
        fn values_come_back_one_by_one(values in proptest::collection::vec(0u16..3, 0..40)) {
            let runs: Runs<u16> = values.iter().copied().collect();
            prop_assert_eq!(runs.iter().collect::<Vec<_>>(), values.clone());
            for (index, value) in (0u32..).zip(&values) {
                prop_assert_eq!(runs.at(index), Some(*value));
            }
            prop_assert_eq!(runs.at(u32::try_from(values.len()).unwrap()), None);
            prop_assert!(runs.runs().windows(2).all(|pair| pair[0].value != pair[1].value));
            let bytes = to_bytes(&runs, Version::V24_11);
            prop_assert_eq!(from_bytes::<Runs<u16>>(&bytes, Version::V24_11).unwrap(), runs);
        }
    }
}
