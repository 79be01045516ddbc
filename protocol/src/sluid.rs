//! The text of a SLUID, a job's unique id over its requeues (24.11+): `s` and 13 digits of
//! Crockford's base 32.

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The text, as stock programs print it.
pub fn to_text(sluid: u64) -> String {
    let digit = |shift: u32| char::from(DIGITS[(sluid >> shift & 0x1f) as usize]);
    std::iter::once('s').chain((0..13).rev().map(|i| digit(5 * i))).collect()
}

/// From the text; case does not matter, `O` is 0, `I` and `L` are 1.
pub fn parse(text: &str) -> Option<u64> {
    let digits = text.strip_prefix(['s', 'S']).filter(|digits| digits.len() == 13)?;
    let mut sluid = 0u64;
    for digit in digits.bytes().map(|b| b.to_ascii_uppercase()) {
        let value = match digit {
            b'O' => 0,
            b'I' | b'L' => 1,
            _ => DIGITS.iter().position(|&known| known == digit)?,
        };
        sluid = sluid.checked_mul(32)?.checked_add(value as u64)?;
    }
    Some(sluid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parse, to_text};

    #[test]
    fn texts() {
        assert_eq!(to_text(0), "s0000000000000");
        assert_eq!(to_text(u64::MAX), "sFZZZZZZZZZZZZ");
        assert_eq!(parse("S000000000000o"), Some(0));
        assert_eq!(parse("sZZZZZZZZZZZZZ"), None);
        assert_eq!(parse("s1"), None);
    }

    proptest! {
        #[test]
        fn come_back(sluid: u64) {
            prop_assert_eq!(parse(&to_text(sluid)), Some(sluid));
        }
    }
}
