//! Scalar values: numbers, booleans, times, as Slurm reads them.

use super::problem::{Cause, NumberError};

/// `UNLIMITED` and `INFINITE` in a 16-bit key, as the wire writes it.
pub const INFINITE_16: u16 = u16::MAX;
/// `UNLIMITED` and `INFINITE` in a 32-bit key, as the wire writes it.
pub const INFINITE_32: u32 = u32::MAX;
/// "Not set" of a 16-bit key, as the wire writes it.
pub const NO_VALUE_16: u16 = u16::MAX - 1;
/// "Not set" of a 32-bit key, as the wire writes it.
pub const NO_VALUE_32: u32 = u32::MAX - 1;

/// A bound that may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// So many, in the unit of the key.
    At(u32),
    /// `INFINITE`, `UNLIMITED`, `-1`.
    Unlimited,
}

impl Limit {
    /// The number as the wire writes it: 0xffffffff for none.
    pub fn wire(self) -> u32 {
        match self {
            Limit::At(n) => n,
            Limit::Unlimited => INFINITE_32,
        }
    }

    /// Reads the wire's number back.
    pub fn from_wire(n: u32) -> Self {
        if n == INFINITE_32 { Limit::Unlimited } else { Limit::At(n) }
    }
}

/// A text value; a key that is not given has none.
pub type Text = Option<String>;

/// What kind of value a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text; lists and times are taken apart later.
    Text,
    /// Up to 65535.
    U16,
    /// Up to 4294967295; a `k` multiplies by 1024.
    U32,
    /// 64 bits; a `k` multiplies by 1024.
    U64,
    /// Yes or no, in several words.
    Flag,
    /// Text, as many times as the key is given.
    Texts,
}

/// A value that a key can have.
pub(super) trait Setting {
    /// Its kind.
    const KIND: Kind;

    /// Takes a value from the file.
    fn read(&mut self, key: &'static str, value: &str) -> Result<(), Cause>;

    /// Whether the value asks for nothing: empty, 0, no, `none`.
    fn is_idle(&self) -> bool;

    /// The value in words, as `scontrol show config` would print it.
    fn show(&self) -> String;
}

impl Setting for Text {
    const KIND: Kind = Kind::Text;

    fn read(&mut self, _: &'static str, value: &str) -> Result<(), Cause> {
        *self = Some(value.to_owned());
        Ok(())
    }

    fn is_idle(&self) -> bool {
        match self.as_deref() {
            None | Some("") => true,
            Some(text) => text.to_ascii_lowercase().ends_with("none"),
        }
    }

    fn show(&self) -> String {
        self.clone().unwrap_or_else(|| "(null)".to_owned())
    }
}

impl Setting for Vec<String> {
    const KIND: Kind = Kind::Texts;

    fn read(&mut self, _: &'static str, value: &str) -> Result<(), Cause> {
        self.push(value.to_owned());
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.is_empty()
    }

    fn show(&self) -> String {
        if self.is_empty() { "(null)".to_owned() } else { self.join(",") }
    }
}

impl Setting for bool {
    const KIND: Kind = Kind::Flag;

    fn read(&mut self, key: &'static str, value: &str) -> Result<(), Cause> {
        *self =
            boolean(value).ok_or_else(|| Cause::NotABoolean { key, value: value.to_owned() })?;
        Ok(())
    }

    fn is_idle(&self) -> bool {
        !self
    }

    fn show(&self) -> String {
        if *self { "yes" } else { "no" }.to_owned()
    }
}

macro_rules! number_setting {
    ($ty:ty, $kind:expr) => {
        impl Setting for $ty {
            const KIND: Kind = $kind;

            fn read(&mut self, key: &'static str, value: &str) -> Result<(), Cause> {
                let wide = number(value, u64::from(<$ty>::MAX)).map_err(|why| Cause::Number {
                    key,
                    value: value.to_owned(),
                    why,
                })?;
                *self = <$ty>::try_from(wide).expect("number() keeps to the maximum it is given");
                Ok(())
            }

            fn is_idle(&self) -> bool {
                *self == 0
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    };
}

number_setting!(u16, Kind::U16);
number_setting!(u32, Kind::U32);
number_setting!(u64, Kind::U64);

/// A number as C's `strtoul` with base 0 reads it: decimal, `0x` hexadecimal or `0` octal, and the
/// words `UNLIMITED` and `INFINITE` for `max`. A trailing `k` multiplies by 1024, except up to
/// 65535.
pub fn number(text: &str, max: u64) -> Result<u64, NumberError> {
    if text.eq_ignore_ascii_case("unlimited") || text.eq_ignore_ascii_case("infinite") {
        return Ok(max);
    }
    let text = text.trim_start_matches(super::line::is_blank);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, factor) = match digits.strip_suffix(['k', 'K']) {
        Some(digits) if max > u64::from(u16::MAX) => (digits, 1024),
        _ => (digits, 1),
    };
    let n = magnitude(digits)?;
    if negative {
        return Err(NumberError::Negative);
    }
    match n.checked_mul(factor) {
        Some(n) if n <= max => Ok(n),
        _ => Err(NumberError::TooLarge(max)),
    }
}

fn magnitude(digits: &str) -> Result<u64, NumberError> {
    let (digits, radix) =
        if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            (hex, 16)
        } else if digits.len() > 1 && digits.starts_with('0') {
            (digits, 8)
        } else {
            (digits, 10)
        };
    // An empty text is 0 to strtoul; slurm.conf can give one as `Key=""`.
    if digits.is_empty() {
        return if radix == 16 { Err(NumberError::NotANumber) } else { Ok(0) };
    }
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(NumberError::NotANumber);
    }
    u64::from_str_radix(digits, radix).map_err(|_| NumberError::OutOfRange)
}

/// A boolean in any of the words that Slurm takes.
pub fn boolean(text: &str) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["yes", "up", "true", "1"]) {
        Some(true)
    } else if is(["no", "down", "false", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// A duration in seconds: `minutes`, `minutes:seconds`, `hours:minutes:seconds`,
/// `days-hours[:minutes[:seconds]]`, or a word for no limit.
pub fn seconds(text: &str) -> Option<Limit> {
    if ["-1", "infinite", "unlimited"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some(Limit::Unlimited);
    }
    let numbers = |text: &str| -> Option<Vec<u64>> {
        text.split(':')
            .map(|part| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?)
            .collect()
    };
    let total = match text.split_once('-') {
        Some((days, clock)) => {
            let days = numbers(days).filter(|d| d.len() == 1)?[0];
            // `1-` is one day.
            let clock = if clock.is_empty() { vec![] } else { numbers(clock)? };
            let at = |i: usize| clock.get(i).copied().unwrap_or(0);
            if clock.len() > 3 {
                return None;
            }
            sum([(days, 86_400), (at(0), 3600), (at(1), 60), (at(2), 1)])?
        }
        None => match numbers(text)?[..] {
            [m] => sum([(m, 60)])?,
            [m, s] => sum([(m, 60), (s, 1)])?,
            [h, m, s] => sum([(h, 3600), (m, 60), (s, 1)])?,
            _ => return None,
        },
    };
    // Beyond a signed 32-bit number stock's arithmetic overflows; that is no duration.
    i32::try_from(total).ok().and_then(|t| u32::try_from(t).ok()).map(Limit::At)
}

fn sum<const N: usize>(parts: [(u64, u64); N]) -> Option<u64> {
    parts.iter().try_fold(0u64, |total, &(n, unit)| total.checked_add(n.checked_mul(unit)?))
}

/// A duration in minutes, rounded up.
pub fn minutes(text: &str) -> Option<Limit> {
    Some(match seconds(text)? {
        Limit::At(s) => Limit::At(s.div_ceil(60)),
        Limit::Unlimited => Limit::Unlimited,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strtoul_does() {
        assert_eq!(number("42", 100), Ok(42));
        assert_eq!(number("0x10", 100), Ok(16));
        assert_eq!(number("010", 100), Ok(8));
        assert_eq!(number("", 100), Ok(0));
        assert_eq!(number("INFINITE", 65535), Ok(65535));
        assert_eq!(number("2k", 4_294_967_295), Ok(2048));
        assert_eq!(number("2k", 65535), Err(NumberError::NotANumber));
        assert_eq!(number("-1", 65535), Err(NumberError::Negative));
        assert_eq!(number("65536", 65535), Err(NumberError::TooLarge(65535)));
        assert_eq!(number("12a", 65535), Err(NumberError::NotANumber));
        assert_eq!(number("99999999999999999999", 65535), Err(NumberError::OutOfRange));
    }

    #[test]
    fn times_have_five_forms() {
        assert_eq!(seconds("90"), Some(Limit::At(5400)));
        assert_eq!(seconds("1:30"), Some(Limit::At(90)));
        assert_eq!(seconds("1:00:30"), Some(Limit::At(3630)));
        assert_eq!(seconds("1-12:30:00"), Some(Limit::At(131_400)));
        assert_eq!(seconds("2-0"), Some(Limit::At(172_800)));
        assert_eq!(seconds("UNLIMITED"), Some(Limit::Unlimited));
        assert_eq!(seconds("-1"), Some(Limit::Unlimited));
        assert_eq!(minutes("0:30"), Some(Limit::At(1)));
        for bad in ["", "abc", "1:2:3:4", "1-2-3", "1:", "1-1:", "999999999999", "99999-0"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
