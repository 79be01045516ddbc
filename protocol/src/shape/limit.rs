use crate::wire::{DecodeError, Reader, Wire, Writer};

/// An integer with Slurm's two sentinels: `NO_VAL` (all ones but the last bit) and `INFINITE` (all
/// ones). They end here; nothing past this crate compares with `0xfffffffe`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit<T> {
    /// `NO_VAL`: the field was not given.
    #[default]
    Unset,
    /// A number.
    Value(T),
    /// `INFINITE`: explicitly without limit.
    Infinite,
}

/// An integer type that has the two sentinels.
pub trait Sentinel: Wire + Copy + Eq {
    /// "Not given".
    const NO_VAL: Self;
    /// "Without limit".
    const INFINITE: Self;
}

macro_rules! sentinel {
    ($($int:ty),*) => { $(
        impl Sentinel for $int {
            const NO_VAL: Self = <$int>::MAX - 1;
            const INFINITE: Self = <$int>::MAX;
        }
    )* };
}

sentinel!(u8, u16, u32, u64);

impl<T: Sentinel> Limit<T> {
    /// From the raw integer.
    pub fn from_raw(raw: T) -> Self {
        if raw == T::NO_VAL {
            Self::Unset
        } else if raw == T::INFINITE {
            Self::Infinite
        } else {
            Self::Value(raw)
        }
    }

    /// The raw integer.
    pub fn to_raw(self) -> T {
        match self {
            Self::Unset => T::NO_VAL,
            Self::Value(value) => value,
            Self::Infinite => T::INFINITE,
        }
    }

    /// The number, if it is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unset | Self::Infinite => None,
        }
    }

    /// `None` is "not given".
    pub fn from_option(value: Option<T>) -> Self {
        value.map_or(Self::Unset, Self::Value)
    }
}

impl<T: Sentinel> Wire for Limit<T> {
    fn encode(&self, w: &mut Writer) {
        self.to_raw().encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::decode(r).map(Self::from_raw)
    }
}
