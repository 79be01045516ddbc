//! A table encoded for replies, in pages of a few records each.
//!
//! A page is bytes that replies share: they are copied into sockets, never into one another. A page
//! is made anew when one of its records changes, out of the records that did not and the encoding
//! of the one that did. So an answer that lists a whole table costs an encoding for each record that
//! nobody asked for since it changed, and where it is not known which those are, a comparison of
//! pointers for each record.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use bytes::Bytes;
use model::Timestamp;

/// How many places of a table make a page: few enough that a change costs little copying, enough
/// that a page is tens of kilobytes and a write of some hundred pages fills a socket.
pub const PLACES: u32 = 64;

/// What a record is made of, beside what the whole table depends on.
///
/// It is kept with the record, so that no other value can take its place in memory: the same
/// pointer is the same value.
pub trait Source: Sized {
    /// It, as the table has it.
    type Entry<'a>: Copy
    where
        Self: 'a;

    /// Its place in the table. Tables are walked by place, ascending.
    fn place(entry: Self::Entry<'_>) -> u32;
    /// Keeps it.
    fn keep(entry: Self::Entry<'_>) -> Self;
    /// Whether it is this very value.
    fn is(&self, entry: Self::Entry<'_>) -> bool;
    /// Until when a record that is made now is good.
    fn good_until(_: Self::Entry<'_>, _now: Timestamp) -> Timestamp {
        Timestamp(i64::MAX)
    }
}

/// The records of some places.
#[derive(Debug)]
pub struct Page<S> {
    good_until: Timestamp,
    records: Vec<Record<S>>,
    bytes: Bytes,
}

/// A page in its sheet, with what is looked at of all of them: pages lie all over the memory.
#[derive(Debug)]
struct Leaf<S> {
    number: u32,
    /// How many bytes of memory the page takes.
    size: u32,
    good_until: Timestamp,
    page: Arc<Page<S>>,
}

impl<S> Leaf<S> {
    fn new(number: u32, page: Page<S>) -> Self {
        let size = page.bytes.len() + page.records.len() * size_of::<Record<S>>();
        let size = u32::try_from(size + size_of::<Page<S>>()).unwrap_or(u32::MAX);
        Self { number, size, good_until: page.good_until, page: Arc::new(page) }
    }
}

impl<S> Clone for Leaf<S> {
    fn clone(&self) -> Self {
        Self { page: Arc::clone(&self.page), ..*self }
    }
}

#[derive(Debug)]
struct Record<S> {
    place: u32,
    /// Where its bytes end.
    end: u32,
    source: S,
}

impl<S: Source> Page<S> {
    fn range(&self, index: usize) -> Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.records[before].end);
        start as usize..self.records[index].end as usize
    }

    /// Which record is that of a place. Most pages have no gaps, so the first guess is right, and a
    /// search of a page that nobody has looked at lately waits for memory at each step.
    fn index_of(&self, place: u32) -> Option<usize> {
        let guess = place.checked_sub(self.records.first()?.place)? as usize;
        match self.records.get(guess) {
            Some(record) if record.place == place => Some(guess),
            _ => self.records.binary_search_by_key(&place, |record| record.place).ok(),
        }
    }

    fn is_of(&self, entries: &[S::Entry<'_>], now: Timestamp) -> bool {
        now <= self.good_until
            && self.records.len() == entries.len()
            && self.records.iter().zip(entries).all(|(record, entry)| record.source.is(*entry))
    }

    /// The bytes of an entry, if it is here and good.
    fn find(&self, entry: S::Entry<'_>, now: Timestamp) -> Option<Range<usize>> {
        if now > self.good_until {
            return None;
        }
        let index = self.index_of(S::place(entry))?;
        self.records[index].source.is(entry).then(|| self.range(index))
    }

    fn make(
        old: Option<&Self>,
        entries: &[S::Entry<'_>],
        now: Timestamp,
        encode: &mut impl FnMut(S::Entry<'_>) -> Vec<u8>,
    ) -> Self {
        let size = old.map_or(0, |page| page.bytes.len() + page.bytes.len() / 16);
        let mut bytes = Vec::with_capacity(size);
        let mut records = Vec::with_capacity(entries.len());
        let mut good_until = Timestamp(i64::MAX);
        for &entry in entries {
            match old.and_then(|old| Some(&old.bytes[old.find(entry, now)?])) {
                Some(known) => bytes.extend_from_slice(known),
                None => bytes.extend_from_slice(&encode(entry)),
            }
            good_until = good_until.min(S::good_until(entry, now));
            let end = u32::try_from(bytes.len()).expect("a page is far below 4 GiB");
            records.push(Record { place: S::place(entry), end, source: S::keep(entry) });
        }
        bytes.shrink_to_fit();
        Self { good_until, records, bytes: bytes.into() }
    }
}

/// A table, page by page. A clone shares them.
#[derive(Debug)]
pub struct Sheet<S> {
    /// By number.
    leaves: Arc<Vec<Leaf<S>>>,
    /// How many records it has.
    count: u32,
}

impl<S> Default for Sheet<S> {
    fn default() -> Self {
        Self { leaves: Arc::default(), count: 0 }
    }
}

impl<S> Clone for Sheet<S> {
    fn clone(&self) -> Self {
        Self { leaves: Arc::clone(&self.leaves), count: self.count }
    }
}

impl<S: Source> Sheet<S> {
    /// The table as it is now, with the pages of this one that are still good. `altered` are the
    /// places that may have changed since this one was made; without them all are looked at.
    #[must_use]
    pub fn renewed<'a, I>(
        self,
        altered: Option<&[u32]>,
        entries_in: impl Fn(RangeInclusive<u32>) -> I,
        now: Timestamp,
        encode: impl FnMut(S::Entry<'_>) -> Vec<u8>,
    ) -> Self
    where
        I: Iterator<Item = S::Entry<'a>>,
        S: 'a,
    {
        match altered {
            None => self.walked(entries_in(0..=u32::MAX), now, encode),
            Some(places) => self.mended(places, entries_in, now, encode),
        }
    }

    fn walked<'a>(
        &self,
        entries: impl Iterator<Item = S::Entry<'a>>,
        now: Timestamp,
        mut encode: impl FnMut(S::Entry<'_>) -> Vec<u8>,
    ) -> Self
    where
        S: 'a,
    {
        let mut old = self.leaves.iter().peekable();
        let mut leaves = Vec::with_capacity(self.leaves.len() + 1);
        let mut count = 0;
        let mut group: Vec<S::Entry<'a>> = Vec::with_capacity(PLACES as usize);
        let mut close = |group: &mut Vec<S::Entry<'a>>| {
            let Some(number) = group.first().map(|first| S::place(*first) / PLACES) else {
                return;
            };
            while old.next_if(|leaf| leaf.number < number).is_some() {}
            let known = old.peek().filter(|leaf| leaf.number == number).copied();
            leaves.push(renewed_leaf(known, number, group, now, &mut encode));
            count += length(group);
            group.clear();
        };
        for entry in entries {
            if group.first().is_some_and(|f| S::place(*f) / PLACES != S::place(entry) / PLACES) {
                close(&mut group);
            }
            group.push(entry);
        }
        close(&mut group);
        Self { leaves: Arc::new(leaves), count }
    }

    /// Only pages with such places, and those that are no longer good, are looked at.
    fn mended<'a, I>(
        mut self,
        places: &[u32],
        entries_in: impl Fn(RangeInclusive<u32>) -> I,
        now: Timestamp,
        mut encode: impl FnMut(S::Entry<'_>) -> Vec<u8>,
    ) -> Self
    where
        I: Iterator<Item = S::Entry<'a>>,
        S: 'a,
    {
        let mut numbers: BTreeSet<u32> = places.iter().map(|place| place / PLACES).collect();
        numbers.extend(self.leaves.iter().filter(|l| l.good_until < now).map(|leaf| leaf.number));
        // Whoever answers out of the last sheet goes on with that.
        let leaves = Arc::make_mut(&mut self.leaves);
        for number in numbers {
            let first = number * PLACES;
            let group: Vec<S::Entry<'a>> = entries_in(first..=first + (PLACES - 1)).collect();
            let index = leaves.binary_search_by_key(&number, |leaf| leaf.number);
            let known = index.ok().map(|index| &leaves[index]);
            self.count -= known.map_or(0, |leaf| length(&leaf.page.records));
            self.count += length(&group);
            let fresh =
                (!group.is_empty()).then(|| renewed_leaf(known, number, &group, now, &mut encode));
            match (index, fresh) {
                (Ok(index), Some(leaf)) => leaves[index] = leaf,
                (Ok(index), None) => drop(leaves.remove(index)),
                (Err(index), Some(leaf)) => leaves.insert(index, leaf),
                (Err(_), None) => {}
            }
        }
        self
    }

    /// How many records it has.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many bytes of memory it takes, without what the sources take.
    pub fn size(&self) -> usize {
        self.leaves.iter().map(|leaf| leaf.size as usize + size_of::<Leaf<S>>()).sum()
    }

    /// Until when all of it is good.
    pub fn good_until(&self) -> Timestamp {
        let leaves = self.leaves.iter().map(|leaf| leaf.good_until);
        leaves.min().unwrap_or(Timestamp(i64::MAX))
    }

    /// All of its records.
    pub fn whole(&self) -> Vec<Bytes> {
        self.leaves.iter().map(|leaf| leaf.page.bytes.clone()).collect()
    }

    /// Each record with its place, for `each` to take or leave.
    pub fn walk(&self, mut each: impl FnMut(u32, &S, &mut Parts, Piece<'_>)) -> Parts {
        let mut parts = Parts::default();
        for page in self.leaves.iter().map(|leaf| &leaf.page) {
            for (index, record) in page.records.iter().enumerate() {
                let piece = Piece { of: &page.bytes, range: page.range(index) };
                each(record.place, &record.source, &mut parts, piece);
            }
        }
        parts
    }

    /// The record at a place.
    pub fn at(&self, place: u32) -> Option<Piece<'_>> {
        let number = place / PLACES;
        let index = self.leaves.binary_search_by_key(&number, |leaf| leaf.number).ok()?;
        let page = &self.leaves[index].page;
        Some(Piece { of: &page.bytes, range: page.range(page.index_of(place)?) })
    }
}

fn renewed_leaf<S: Source>(
    known: Option<&Leaf<S>>,
    number: u32,
    entries: &[S::Entry<'_>],
    now: Timestamp,
    encode: &mut impl FnMut(S::Entry<'_>) -> Vec<u8>,
) -> Leaf<S> {
    match known {
        Some(leaf) if leaf.page.is_of(entries, now) => leaf.clone(),
        known => Leaf::new(number, Page::make(known.map(|l| &*l.page), entries, now, encode)),
    }
}

fn length<T>(records: &[T]) -> u32 {
    u32::try_from(records.len()).expect("a page has few records")
}

/// A record within a page.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    of: &'a Bytes,
    range: Range<usize>,
}

/// Bytes in the making that are shared with others: records that are neighbours in a page make one
/// part.
#[derive(Debug, Default)]
pub struct Parts {
    done: Vec<Bytes>,
    /// The run of records that may go on.
    open: Option<(Bytes, Range<usize>)>,
    count: u32,
}

impl Parts {
    /// Adds a record of a page.
    pub fn add(&mut self, piece: Piece<'_>) {
        self.count += 1;
        match &mut self.open {
            Some((of, range))
                if range.end == piece.range.start && of.as_ptr() == piece.of.as_ptr() =>
            {
                range.end = piece.range.end;
            }
            _ => {
                self.close();
                self.open = Some((piece.of.clone(), piece.range));
            }
        }
    }

    /// Adds a record that is nowhere else.
    pub fn add_own(&mut self, record: impl Into<Bytes>) {
        self.close();
        self.count += 1;
        self.done.push(record.into());
    }

    /// How many records were added.
    pub fn count(&self) -> u32 {
        self.count
    }

    fn close(&mut self) {
        if let Some((of, range)) = self.open.take() {
            self.done.push(of.slice(range));
        }
    }

    /// The bytes, in order.
    pub fn into_bytes(mut self) -> Vec<Bytes> {
        self.close();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A record that shows its value, and until a time another one.
    impl Source for Arc<(u8, i64)> {
        type Entry<'a> = (u32, &'a Self);

        fn place((place, _): Self::Entry<'_>) -> u32 {
            place
        }

        fn keep((_, value): Self::Entry<'_>) -> Self {
            Self::clone(value)
        }

        fn is(&self, (_, value): Self::Entry<'_>) -> bool {
            Self::ptr_eq(self, value)
        }

        fn good_until((_, value): Self::Entry<'_>, now: Timestamp) -> Timestamp {
            Timestamp(if now.0 <= value.1 { value.1 } else { i64::MAX })
        }
    }

    fn encoded(value: &(u8, i64), now: Timestamp) -> Vec<u8> {
        vec![if now.0 <= value.1 { 0 } else { value.0 }; usize::from(value.0 % 5)]
    }

    type Table = BTreeMap<u32, Arc<(u8, i64)>>;

    fn renewed(
        sheet: &Sheet<Arc<(u8, i64)>>,
        altered: Option<&[u32]>,
        table: &Table,
        now: i64,
        encodings: &mut usize,
    ) -> Sheet<Arc<(u8, i64)>> {
        let entries_in = |places| table.range(places).map(|(place, value)| (*place, value));
        sheet.clone().renewed(altered, entries_in, Timestamp(now), |entry| {
            *encodings += 1;
            encoded(entry.1, Timestamp(now))
        })
    }

    proptest! {
        #[test]
        fn a_sheet_that_was_renewed_is_one_that_was_made_anew(
            changes in prop::collection::vec((0u32..300, any::<Option<u8>>(), 0i64..9), 1..60),
            told in any::<bool>(),
        ) {
            let (mut table, mut sheet) = (BTreeMap::new(), Sheet::default());
            for (now, (place, value, until)) in (0i64..).zip(changes) {
                match value {
                    Some(value) => drop(table.insert(place, Arc::new((value, now + until)))),
                    None => drop(table.remove(&place)),
                }
                sheet = renewed(&sheet, told.then_some(&[place]), &table, now, &mut 0);
                let wanted: Vec<u8> =
                    table.values().flat_map(|value| encoded(value, Timestamp(now))).collect();
                prop_assert_eq!(sheet.whole().concat(), wanted);
                prop_assert_eq!(sheet.count() as usize, table.len());
                for (place, value) in &table {
                    let mut parts = Parts::default();
                    parts.add(sheet.at(*place).unwrap());
                    prop_assert_eq!(parts.into_bytes().concat(), encoded(value, Timestamp(now)));
                }
                let odd = |place: u32, _: &Arc<_>, parts: &mut Parts, piece: Piece<'_>| {
                    if place % 2 == 1 { parts.add(piece) }
                };
                let wanted: Vec<u8> = table.iter().filter(|(place, _)| *place % 2 == 1)
                    .flat_map(|(_, value)| encoded(value, Timestamp(now))).collect();
                prop_assert_eq!(sheet.walk(odd).into_bytes().concat(), wanted);
            }
        }
    }

    #[test]
    fn only_what_changed_is_encoded_and_only_its_page_made() {
        for altered in [None, Some(&[500][..])] {
            let mut table: Table = (0..1000).map(|place| (place, Arc::new((1, -1)))).collect();
            let mut encodings = 0;
            let first = renewed(&Sheet::default(), None, &table, 0, &mut encodings);
            assert_eq!(encodings, 1000);
            table.insert(500, Arc::new((2, -1)));
            let second = renewed(&first, altered, &table, 1, &mut encodings);
            assert_eq!(encodings, 1001);
            let same =
                |(a, b): &(&Leaf<_>, &Leaf<_>)| Arc::ptr_eq(&a.page, &b.page) && a.size == b.size;
            let pairs = first.leaves.iter().zip(&*second.leaves);
            assert_eq!(pairs.filter(|pair| !same(pair)).count(), 1);
            // Neighbours are one part.
            let all = second.walk(|_, _, parts, piece| parts.add(piece));
            assert_eq!(all.into_bytes().len(), second.leaves.len());
        }
    }

    #[test]
    fn a_page_without_a_record_is_gone() {
        let mut table: Table = (0..200).map(|place| (place, Arc::new((1, -1)))).collect();
        let first = renewed(&Sheet::default(), None, &table, 0, &mut 0);
        let gone: Vec<u32> = (64..128).collect();
        gone.iter().for_each(|place| drop(table.remove(place)));
        let second = renewed(&first, Some(&gone), &table, 1, &mut 0);
        assert_eq!((second.count(), second.leaves.len()), (136, 3));
    }
}
