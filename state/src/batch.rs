//! Changes to records.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Change;
use prost::Message as _;

use crate::key::Key;
use crate::record;

/// What becomes of each key, in their order: its record, or nothing. Only the last change of a key is encoded.
pub(crate) fn batch(changes: &[Change]) -> Vec<(Key, Option<Vec<u8>>)> {
    let mut last = BTreeMap::new();
    for change in changes {
        match change {
            Change::Job(job) => drop(last.insert(Key::Job(job.id), Some(change))),
            Change::JobGone(id) => {
                last.insert(Key::Job(*id), None);
                last.insert(Key::Script(*id), None);
            }
            Change::Script(id, _) => drop(last.insert(Key::Script(*id), Some(change))),
            Change::Step(step) => {
                last.insert(Key::Step(step.job, step.number), Some(change));
            }
            Change::StepGone(job, number) => drop(last.insert(Key::Step(*job, *number), None)),
            Change::Node(node) => drop(last.insert(Key::Node(node.id), Some(change))),
            Change::NodeGone(id) => drop(last.insert(Key::Node(*id), None)),
            Change::Partition(partition) => {
                last.insert(Key::Partition(Arc::clone(&partition.name)), Some(change));
            }
            Change::PartitionGone(name) => {
                last.insert(Key::Partition(Arc::clone(name)), None);
            }
            Change::Trigger(trigger) => drop(last.insert(Key::Trigger(trigger.id), Some(change))),
            Change::TriggerGone(id) => drop(last.insert(Key::Trigger(*id), None)),
            Change::Crontab(crontab) => {
                last.insert(Key::Crontab(crontab.owner), Some(change));
            }
            Change::CrontabGone(owner) => drop(last.insert(Key::Crontab(*owner), None)),
            Change::Reservation(reservation) => {
                last.insert(Key::Reservation(Arc::clone(&reservation.name)), Some(change));
            }
            Change::ReservationGone(name) => {
                last.insert(Key::Reservation(Arc::clone(name)), None);
            }
            Change::Counters(_) => drop(last.insert(Key::Counters, Some(change))),
            Change::Seen(..) | Change::Waits(..) | Change::Config(_) => {}
        }
    }
    last.into_iter().map(|(key, change)| (key, change.and_then(record))).collect()
}

fn record(change: &Change) -> Option<Vec<u8>> {
    Some(match change {
        Change::Job(job) => record::write_job(job).encode_to_vec(),
        Change::Script(_, script) => record::encode_script(script),
        Change::Step(step) => record::write_step(step).encode_to_vec(),
        Change::Node(node) => record::write_node(node).encode_to_vec(),
        Change::Partition(partition) => record::write_partition(partition).encode_to_vec(),
        Change::Trigger(trigger) => record::write_trigger(trigger).encode_to_vec(),
        Change::Crontab(crontab) => record::write_crontab(crontab).encode_to_vec(),
        Change::Reservation(reservation) => record::write_reservation(reservation).encode_to_vec(),
        Change::Counters(counters) => record::write_counters(*counters).encode_to_vec(),
        Change::JobGone(_)
        | Change::StepGone(..)
        | Change::NodeGone(_)
        | Change::Seen(..)
        | Change::Waits(..)
        | Change::PartitionGone(_)
        | Change::TriggerGone(_)
        | Change::CrontabGone(_)
        | Change::ReservationGone(_)
        | Change::Config(_) => return None,
    })
}
