//! The odd wire forms, each a type: strings, limits, arrays, runs, bitmaps, addresses, times.

mod address;
mod array;
mod bitmap;
mod limit;
mod number;
mod runs;
pub(crate) mod string;
mod time;

pub use address::{Address, V6};
pub use array::{Blob, CountedTwice, NullOr, ShortArray};
pub use bitmap::Bitmap;
pub use limit::{Limit, Sentinel};
pub use number::{Fixed, FixedF32, LongDouble};
pub use runs::{BareRuns, Run, Runs};
pub use time::Timestamp;
