//! Which formats this release opens.
//!
//! | change of `records.proto` | number |
//! |---|---|
//! | a field or a choice is added, and a release that drops it does no harm | minor + 1 |
//! | a field or a choice is added that must not be lost, or a meaning changes | major + 1 |
//!
//! A release reads all older formats. It also reads a newer minor format, and says so: what it does
//! not know of a record is lost when it writes that record the next time, which is harmless by the
//! table. A newer major format it refuses and leaves alone, since it would destroy what it cannot see: whoever wants to go
//! back to the older release then needs a copy of the store from before the newer one.
//! `testdata/` keeps a store of every major format, and a test opens each. Another test holds the records and the number
//! together: it fails when `proto/` changes and the number does not.
//!
//! | format | what it brought |
//! |---|---|
//! | 1.0 | jobs, steps, nodes, partitions |
//! | 2.0 | numbered devices and parts of them, places of steps, heterogeneous jobs, prologs, triggers, crontabs, reservations, packed scripts, power saving: an older release would give what others have, or lose it |

use std::path::Path;

use prost::Message as _;

use crate::error::{RecordError, StoreError};
use crate::key::{FORMAT, Name, Space};
use crate::record::proto;

/// The format that this release writes, and the newest that it opens.
pub const FORMAT_MAJOR: u32 = 2;
/// Its additions that older releases may lose.
pub const FORMAT_MINOR: u32 = 0;

/// What this release writes into a store of the format `(major, minor)`: the highest minor format of its own major one that
/// ever wrote there stays on record.
#[expect(clippy::unnecessary_min_or_max, reason = "it will be once the minor format is not 0")]
pub(crate) fn ours((major, minor): (u32, u32)) -> proto::Format {
    let newer = if major == FORMAT_MAJOR { minor } else { 0 };
    proto::Format {
        major: FORMAT_MAJOR,
        minor: newer.max(FORMAT_MINOR),
        written_by: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The format on record, if this release may open it.
pub(crate) fn accept(dir: &Path, bytes: Option<&[u8]>) -> Result<proto::Format, StoreError> {
    let damaged = |source| StoreError::Record {
        name: Name { space: Space::Meta, key: FORMAT.to_vec() },
        source,
    };
    let bytes = bytes.ok_or(RecordError::Missing { field: "format" }).map_err(damaged)?;
    let format = proto::Format::decode(bytes).map_err(|why| damaged(why.into()))?;
    match format.major {
        0 => Err(damaged(RecordError::Missing { field: "major" })),
        major if major > FORMAT_MAJOR => Err(StoreError::NewerFormat {
            dir: dir.to_owned(),
            major,
            written_by: format.written_by,
        }),
        _ => Ok(format),
    }
}
