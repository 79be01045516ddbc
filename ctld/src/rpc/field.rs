//! Values of the model as fields of messages.

use std::sync::Arc;

use model::{Cluster, NodeId, Timestamp};
use protocol::Errno;
use protocol::shape::{self, Bitmap};

use super::Failure;

/// A text that may be missing.
pub(super) fn text(text: Option<&Arc<str>>) -> Option<String> {
    text.map(ToString::to_string)
}

/// A list of names as text; none is NULL.
pub(super) fn list(names: &[Arc<str>]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(","))
}

/// A time that may not be known, which is 0.
pub(super) fn time(at: Option<Timestamp>) -> shape::Timestamp {
    shape::Timestamp(at.unwrap_or_default().0)
}

/// Nodes by their places in the table.
pub(super) fn node_set(cluster: &Cluster, nodes: impl IntoIterator<Item = NodeId>) -> Bitmap {
    Bitmap::with(cluster.node_table_len(), nodes.into_iter().map(|node| node.0))
}

/// Refuses with "no change" if what the client has is later than the last change. A change in the
/// second of the client's copy may have come after the copy, so that second does not count.
pub(super) fn unless_known(
    last_update: shape::Timestamp,
    changed: Timestamp,
) -> Result<(), Failure> {
    if last_update.0 > 0 && last_update.0 > changed.0 {
        return Err(Failure::Code(Errno::SLURM_NO_CHANGE_IN_DATA));
    }
    Ok(())
}
