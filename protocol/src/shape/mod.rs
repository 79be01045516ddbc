//! The odd wire forms, each a type: strings, limits, arrays, bitmaps, addresses, times.

mod address;
mod array;
mod bitmap;
mod limit;
mod number;
mod string;
mod time;

pub use address::{Address, V6};
pub use array::{Blob, NullOr};
pub use bitmap::Bitmap;
pub use limit::{Limit, Sentinel};
pub use number::{Fixed, FixedF32, LongDouble};
pub use time::Timestamp;
