use crate::wire::{DecodeError, Reader, Wire, Writer};

/// A `double`: the IEEE bits of the value times one million, as `u64`.
///
/// Kept as the bits, so that what was read is written back to the byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixed(u64);

const SCALE: f64 = 1_000_000.0;

impl Fixed {
    /// From the value.
    pub fn new(value: f64) -> Self {
        Self((value * SCALE).to_bits())
    }

    /// The value.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0) / SCALE
    }
}

impl Wire for Fixed {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::decode(r).map(Self)
    }
}

/// A `float`: the IEEE bits of the value times one million, as `u32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FixedF32(u32);

impl FixedF32 {
    /// From the value.
    pub fn new(value: f32) -> Self {
        Self((value * 1_000_000.0).to_bits())
    }

    /// The value.
    pub fn get(self) -> f32 {
        f32::from_bits(self.0) / 1_000_000.0
    }
}

impl Wire for FixedF32 {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u32::decode(r).map(Self)
    }
}

/// A `long double`: its decimal text (C's `%Lf`) as a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongDouble(pub Option<String>);

impl LongDouble {
    /// From the value, with six digits after the point as `%Lf` writes it.
    pub fn new(value: f64) -> Self {
        Self(Some(format!("{value:.6}")))
    }
}

impl Default for LongDouble {
    fn default() -> Self {
        Self::new(0.0)
    }
}

impl Wire for LongDouble {
    fn encode(&self, w: &mut Writer) {
        self.0.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Wire::decode(r).map(Self)
    }
}
