//! Numbers with a unit: `8000M`, `2.50G`, `4k`, and memory, which is counted in MiB.

/// Why a text is not a quantity; its writer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It does not begin with a digit.
    #[error("{got:?} is not a number")]
    NotANumber {
        /// The beginning of the text.
        got: String,
    },
    /// A unit that is not known here.
    #[error("{got:?} has an unknown unit")]
    Unit {
        /// The beginning of the text.
        got: String,
    },
    /// More than 64 bits.
    #[error("{got:?} is too large")]
    TooLarge {
        /// The beginning of the text.
        got: String,
    },
}

/// Memory in MiB: a number with nothing, K, M, G or T behind it, each with a B if one likes; K is
/// rounded up. Source: `sbatch(1)`, `--mem`.
pub fn parse_memory_mib(text: &str) -> Result<u64, QuantityError> {
    let (number, unit) = split(text)?;
    let mib = match unit.to_ascii_lowercase().as_str() {
        "" | "m" | "mb" => Some(number),
        "k" | "kb" => Some(number.div_ceil(1024)),
        "g" | "gb" => number.checked_mul(1 << 10),
        "t" | "tb" => number.checked_mul(1 << 20),
        _ => return Err(QuantityError::Unit { got: beginning(text) }),
    };
    mib.ok_or_else(|| QuantityError::TooLarge { got: beginning(text) })
}

/// A count as GRES and TRES requests have it: K, M, G, T, P are powers of 1024, so are KiB …; KB,
/// MB … are powers of 1000. Source: `slurm.conf(5)`, `gres.conf(5)`.
pub fn parse_count(text: &str) -> Result<u64, QuantityError> {
    let (number, unit) = split(text)?;
    let unit_text = unit.to_ascii_lowercase();
    let factor = match unit_text.as_bytes() {
        [] => Some(1),
        [letter] | [letter, b'i', b'b'] => power(1024, *letter),
        [letter, b'b'] => power(1000, *letter),
        _ => None,
    };
    let factor = factor.ok_or_else(|| QuantityError::Unit { got: beginning(text) })?;
    number
        .checked_mul(factor)
        .filter(|&count| count != u64::MAX)
        .ok_or_else(|| QuantityError::TooLarge { got: beginning(text) })
}

/// A count in the largest unit that tells it exactly, halves included: 8192 is `8K`, 2560 is
/// `2.50K`, 8000 is `8000`. `first` is the unit that 1 already has: `""`, `"K"`, `"M"` …
pub fn exact_text(count: u64, first: Unit) -> String {
    if count == 0 {
        return "0".to_owned();
    }
    let mut units = Unit::ALL.iter().copied().skip_while(|&unit| unit != first).peekable();
    let mut unit = units.next().expect("every unit is among all of them");
    let mut halves = 0u64;
    let mut whole = count;
    // A half ends it: it is no multiple of 512.
    while whole >= 1024 && halves == 0 && whole.is_multiple_of(512) {
        let Some(next) = units.next() else { break };
        (unit, halves, whole) = (next, whole / 512 % 2, whole / 1024);
    }
    match halves {
        0 => format!("{whole}{}", unit.as_str()),
        _ => format!("{whole}.50{}", unit.as_str()),
    }
}

/// A unit of 1024s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the units")]
pub enum Unit {
    One,
    Kibi,
    Mebi,
    Gibi,
    Tebi,
    Pebi,
}

impl Unit {
    const ALL: [Self; 6] = [Self::One, Self::Kibi, Self::Mebi, Self::Gibi, Self::Tebi, Self::Pebi];

    /// Its letter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::One => "",
            Self::Kibi => "K",
            Self::Mebi => "M",
            Self::Gibi => "G",
            Self::Tebi => "T",
            Self::Pebi => "P",
        }
    }
}

fn power(base: u64, letter: u8) -> Option<u64> {
    let exponent = b"kmgtp".iter().position(|&known| known == letter)? + 1;
    Some(base.pow(u32::try_from(exponent).expect("at most 5")))
}

fn split(text: &str) -> Result<(u64, &str), QuantityError> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - unit.len()];
    if digits.is_empty() {
        return Err(QuantityError::NotANumber { got: beginning(text) });
    }
    match digits.parse() {
        Ok(number) => Ok((number, unit)),
        Err(_) => Err(QuantityError::TooLarge { got: beginning(text) }),
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{QuantityError, Unit, exact_text, parse_count, parse_memory_mib};

    #[test]
    fn memory() {
        for (text, mib) in [
            ("100", 100),
            ("1K", 1),
            ("1025kb", 2),
            ("8000M", 8000),
            ("2G", 2048),
            ("1tB", 1 << 20),
        ] {
            assert_eq!(parse_memory_mib(text), Ok(mib), "{text}");
        }
        assert!(matches!(parse_memory_mib("1P"), Err(QuantityError::Unit { .. })));
        assert!(matches!(parse_memory_mib("-1"), Err(QuantityError::NotANumber { .. })));
        assert!(matches!(
            parse_memory_mib("18446744073709551615G"),
            Err(QuantityError::TooLarge { .. })
        ));
    }

    #[test]
    fn counts() {
        for (text, count) in [("3", 3), ("2k", 2048), ("2KB", 2000), ("1MiB", 1 << 20)] {
            assert_eq!(parse_count(text), Ok(count), "{text}");
        }
        assert!(matches!(parse_count("2x"), Err(QuantityError::Unit { .. })));
    }

    #[test]
    fn exact_texts_are_those_of_stock_controllers() {
        for (mib, text) in [
            (0, "0"),
            (100, "100M"),
            (8000, "8000M"),
            (8192, "8G"),
            (2560, "2.50G"),
            (512, "512M"),
            (1536, "1.50G"),
            (16000, "16000M"),
            (1 << 20, "1T"),
        ] {
            assert_eq!(exact_text(mib, Unit::Mebi), text);
        }
    }

    proptest! {
        #[test]
        fn whole_texts_are_read_again(count in 0u64..1 << 40) {
            let text = exact_text(count, Unit::One);
            if !text.contains('.') {
                prop_assert_eq!(parse_count(&text), Ok(count));
            }
        }
    }
}
