use std::sync::Arc;

use model::{Cause, Gid, JobId, Pulled, Timestamp, Trigger, Uid, Watched};

use super::proto::{self, pulled::Cause as CauseKind, trigger::Watched as WatchedKind};
use super::{narrow, needed, node_numbers, node_set};
use crate::error::RecordError;

pub(crate) fn write(trigger: &Trigger) -> proto::Trigger {
    let Trigger { id, owner, group, watched, events, offset_s, flags, program, pulled } = trigger;
    let empty = proto::Empty {};
    let watched = match watched {
        Watched::Job(job) => WatchedKind::Job(job.0),
        Watched::Nodes(nodes) => WatchedKind::Nodes(nodes.as_deref().unwrap_or("").to_owned()),
        Watched::Controller => WatchedKind::Controller(empty),
        Watched::Slurmdbd => WatchedKind::Slurmdbd(empty),
        Watched::Database => WatchedKind::Database(empty),
        Watched::Other => WatchedKind::Other(empty),
    };
    proto::Trigger {
        id: *id,
        owner: owner.0,
        group: group.0,
        watched: Some(watched),
        events: *events,
        offset_s: *offset_s,
        flags: (*flags).into(),
        program: program.to_string(),
        pulled: pulled.as_ref().map(write_pulled),
    }
}

pub(crate) fn read(record: proto::Trigger) -> Result<Trigger, RecordError> {
    let watched = match needed("watched", record.watched)? {
        WatchedKind::Job(job) => Watched::Job(JobId(job)),
        WatchedKind::Nodes(nodes) => {
            Watched::Nodes(Some(nodes).filter(|nodes| !nodes.is_empty()).map(Arc::from))
        }
        WatchedKind::Controller(_) => Watched::Controller,
        WatchedKind::Slurmdbd(_) => Watched::Slurmdbd,
        WatchedKind::Database(_) => Watched::Database,
        WatchedKind::Other(_) => Watched::Other,
    };
    Ok(Trigger {
        id: record.id,
        owner: Uid(record.owner),
        group: Gid(record.group),
        watched,
        events: record.events,
        offset_s: record.offset_s,
        flags: narrow("flags", record.flags)?,
        program: record.program.into(),
        pulled: record.pulled.map(read_pulled).transpose()?,
    })
}

fn write_pulled(pulled: &Pulled) -> proto::Pulled {
    let Pulled { due, cause } = pulled;
    let cause = match cause {
        Cause::Nodes(nodes) => CauseKind::Nodes(proto::NodeNumbers { nodes: node_numbers(nodes) }),
        Cause::Word(word) => CauseKind::Word(word.to_string()),
    };
    proto::Pulled { due: due.0, cause: Some(cause) }
}

fn read_pulled(record: proto::Pulled) -> Result<Pulled, RecordError> {
    let cause = match needed("pulled.cause", record.cause)? {
        CauseKind::Nodes(numbers) => Cause::Nodes(node_set(&numbers.nodes)),
        CauseKind::Word(word) => Cause::Word(word.into()),
    };
    Ok(Pulled { due: Timestamp(record.due), cause })
}
