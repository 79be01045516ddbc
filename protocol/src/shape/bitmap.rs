use std::fmt;

use crate::shape::Sentinel;
use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};

/// A set of small numbers out of `0..len`, on the wire as upper-case hex text with the highest
/// number first: of 8 with 0 in it, `0x01`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bitmap {
    len: u32,
    words: Vec<u64>,
}

impl Bitmap {
    /// The empty set out of `0..len`.
    pub fn new(len: u32) -> Self {
        Self { len, words: vec![0; (len as usize).div_ceil(64)] }
    }

    /// The set of `members`; those past `len` are ignored.
    pub fn with(len: u32, members: impl IntoIterator<Item = u32>) -> Self {
        let mut set = Self::new(len);
        for member in members {
            set.insert(member);
        }
        set
    }

    /// The size of the universe.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether it has no member.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Adds a member; one past the end is ignored.
    pub fn insert(&mut self, member: u32) {
        if member < self.len {
            self.words[member as usize / 64] |= 1 << (member % 64);
        }
    }

    /// Whether `member` is in it.
    pub fn contains(&self, member: u32) -> bool {
        member < self.len && self.words[member as usize / 64] >> (member % 64) & 1 == 1
    }

    /// The members, ascending.
    pub fn members(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len).filter(|&member| self.contains(member))
    }

    /// From hex text as Slurm writes it, with or without `0x`, `len` bits wide. Leading zeros may
    /// be missing, as in the trimmed form that job arrays use.
    pub fn from_hex(len: u32, text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let mut set = Self::new(len);
        for (place, digit) in digits.bytes().rev().enumerate() {
            let nibble = char::from(digit).to_digit(16)?;
            for bit in (0..4).filter(|bit| nibble >> bit & 1 == 1) {
                let member = u32::try_from(place * 4 + bit).ok()?;
                if member >= len {
                    return None;
                }
                set.insert(member);
            }
        }
        Some(set)
    }
}

/// The hex text, `0x` and all digits.
impl fmt::Display for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        for place in (0..self.len.div_ceil(4)).rev() {
            let nibble = self.words[place as usize / 16] >> (place % 16 * 4) & 0xF;
            write!(f, "{nibble:X}")?;
        }
        Ok(())
    }
}

impl Wire for Bitmap {
    fn encode(&self, w: &mut Writer) {
        self.len.encode(w);
        self.to_string().encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = u32::decode(r)?;
        decode_digits(r, len)
    }
}

/// `NO_VAL` as the bit count is the NULL bitmap, and nothing follows.
impl Wire for Option<Bitmap> {
    fn encode(&self, w: &mut Writer) {
        match self {
            None => u32::NO_VAL.encode(w),
            Some(set) => set.encode(w),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u32::decode(r)? {
            u32::NO_VAL => Ok(None),
            len => decode_digits(r, len).map(Some),
        }
    }
}

fn decode_digits(r: &mut Reader<'_>, len: u32) -> Result<Bitmap, DecodeError> {
    let before = r.clone();
    let text = String::decode(r)?;
    let wrong = || Malformed::Text {
        what: "a hex bitmap of its length",
        got: text.chars().take(32).collect(),
    };
    // The digits bound the allocation: a set is never larger than its text.
    if text.len() as u64 != 2 + u64::from(len.div_ceil(4)) || !text.starts_with("0x") {
        return Err(before.error(wrong()));
    }
    let set = Bitmap::from_hex(len, &text).ok_or_else(|| before.error(wrong()))?;
    if set.to_string() != text {
        return Err(before.error(wrong()));
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::Bitmap;
    use crate::version::Version;
    use crate::wire::{from_bytes, to_bytes};

    #[test]
    fn captured_forms() {
        assert_eq!(Bitmap::with(2, [0, 1]).to_string(), "0x3");
        assert_eq!(Bitmap::with(8, [0]).to_string(), "0x01");
        assert_eq!(Bitmap::new(3).to_string(), "0x0");
        assert_eq!(Bitmap::with(70, [69, 4]).members().collect::<Vec<_>>(), [4, 69]);
    }

    #[test]
    fn a_large_count_without_the_digits_allocates_nothing() {
        let mut bytes = to_bytes(&Bitmap::with(8, [1]), Version::V24_11);
        bytes[0] = 0xF0;
        assert!(from_bytes::<Bitmap>(&bytes, Version::V24_11).is_err());
    }
}
