//! Strings: a `u32` length that counts the closing NUL, the bytes, the NUL. NULL has length 0 and
//! is not the empty string, so a string on the wire is an `Option<String>`.
//!
//! Slurm's strings are bytes; a job script in Latin-1 is legal. Bytes that are not UTF-8 are carried
//! as characters of the private plane 16 (`U+10FF00` + byte), and so are the bytes of those very
//! characters, which makes the mapping one to one: what was read is written back to the byte.

use crate::wire::{DecodeError, Malformed, Reader, Wire, Writer};

const ESCAPE: u32 = 0x10_FF00;
/// The characters that stand for bytes. A byte below 80 is always UTF-8, so none stands for one.
const ESCAPE_RANGE: std::ops::RangeInclusive<u32> = ESCAPE + 0x80..=0x10_FFFF;

/// Text of any bytes.
pub fn from_bytes(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.as_bytes().contains(&0xF4)
    {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if ESCAPE_RANGE.contains(&u32::from(c)) {
                escape(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut text);
            } else {
                text.push(c);
            }
        }
        escape(chunk.invalid(), &mut text);
    }
    text
}

fn escape(bytes: &[u8], text: &mut String) {
    for &byte in bytes {
        text.push(
            char::from_u32(ESCAPE + u32::from(byte)).expect("U+10FF00..=U+10FFFF are characters"),
        );
    }
}

/// The bytes that [`from_bytes`] made the text of.
pub fn to_bytes(text: &str) -> std::borrow::Cow<'_, [u8]> {
    if !text.as_bytes().contains(&0xF4) {
        return text.as_bytes().into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        let byte = u32::from(c).checked_sub(ESCAPE).map(u8::try_from);
        match byte {
            Some(Ok(byte)) if byte >= 0x80 => bytes.push(byte),
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes.into()
}

impl Wire for Option<String> {
    fn encode(&self, w: &mut Writer) {
        match self {
            None => 0u32.encode(w),
            Some(text) => text.encode(w),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let n = r.count()?;
        if n == 0 {
            return Ok(None);
        }
        let (&last, text) = r.take(n)?.split_last().expect("n > 0");
        if last != 0 {
            return Err(r.error(Malformed::Unterminated));
        }
        Ok(Some(from_bytes(text)))
    }
}

/// A string that is never NULL.
impl Wire for String {
    fn encode(&self, w: &mut Writer) {
        let bytes = to_bytes(self);
        w.count(bytes.len() + 1);
        w.raw(&bytes);
        w.raw(&[0]);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let missing = r.error(Malformed::Text { what: "a string", got: "NULL".into() });
        Option::<Self>::decode(r)?.ok_or(missing)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{from_bytes, to_bytes};

    #[test]
    fn latin_1_is_carried_to_the_byte() {
        assert_eq!(to_bytes(&from_bytes(b"caf\xe9")).as_ref(), b"caf\xe9");
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes: Vec<u8>) {
            let text = from_bytes(&bytes);
            prop_assert_eq!(to_bytes(&text).into_owned(), bytes);
        }

        #[test]
        fn the_escape_characters_themselves_come_back(n in 0u32..=0xFF) {
            let real = char::from_u32(super::ESCAPE + n).unwrap().to_string();
            let text = from_bytes(real.as_bytes());
            prop_assert_eq!(to_bytes(&text).into_owned(), real.into_bytes());
        }
    }
}
