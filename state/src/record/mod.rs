//! The model's values as records, and back.
//!
//! Each `write` takes its value apart field by field without `..`, so a field that is added to the
//! model does not compile until it was decided whether it is kept. To keep it: give it the next
//! number in `proto/records.proto`, write it, read it (absent must mean what it meant before the
//! field was there), and run the tests; `tests/model/` makes values of it for the property test.

mod cron;
mod job;
mod node;
mod paired;
mod partition;
mod spec;
mod step;
mod trigger;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{CoreSet, Counters, GresCount, GresHeld, NodeId, Script, Timestamp};
use prost::encoding::string;

use crate::error::RecordError;

pub(crate) use cron::{read as read_crontab, write as write_crontab};
pub(crate) use job::{read as read_job, write as write_job};
pub(crate) use node::{read as read_node, write as write_node};
pub(crate) use partition::{read as read_partition, write as write_partition};
pub(crate) use spec::read as read_spec;
pub(crate) use step::{read as read_step, write as write_step};
pub(crate) use trigger::{read as read_trigger, write as write_trigger};

/// What `proto/records.proto` says, as prost makes it.
#[allow(missing_docs, clippy::all, reason = "generated; the meaning is told in the file")]
pub(crate) mod proto {
    include!(concat!(env!("OUT_DIR"), "/ctld.records.rs"));
}

pub(crate) fn write_counters(counters: Counters) -> proto::Counters {
    let Counters { next_job, next_priority, last_trigger } = counters;
    proto::Counters { next_job, next_priority, last_trigger }
}

pub(crate) fn read_counters(record: &proto::Counters) -> Counters {
    Counters {
        next_job: record.next_job,
        next_priority: record.next_priority,
        last_trigger: record.last_trigger,
    }
}

/// A script's record, encoded without a copy of its many texts: this is done at each submission.
pub(crate) fn encode_script(script: &Script) -> Vec<u8> {
    let Script { script, environment, arguments, spank_environment } = script;
    let lists = [(2, environment), (3, arguments), (4, spank_environment)];
    let length: usize =
        lists.iter().map(|(tag, texts)| string::encoded_len_repeated(*tag, texts)).sum();
    let mut bytes = Vec::with_capacity(string::encoded_len(1, script) + length);
    if !script.is_empty() {
        string::encode(1, script, &mut bytes);
    }
    for (tag, texts) in lists {
        string::encode_repeated(tag, texts, &mut bytes);
    }
    bytes
}

pub(crate) fn read_script(record: proto::Script) -> Script {
    let proto::Script { script, environment, arguments, spank_environment } = record;
    Script { script, environment, arguments, spank_environment }
}

/// An integer that the model keeps in fewer bits than protobuf.
fn narrow<T: TryFrom<u32>>(field: &'static str, value: u32) -> Result<T, RecordError> {
    T::try_from(value).map_err(|_| RecordError::OutOfRange { field, value: value.into() })
}

fn narrow_if_set<T: TryFrom<u32>>(
    field: &'static str,
    value: Option<u32>,
) -> Result<Option<T>, RecordError> {
    value.map(|value| narrow(field, value)).transpose()
}

fn needed<T>(field: &'static str, value: Option<T>) -> Result<T, RecordError> {
    value.ok_or(RecordError::Missing { field })
}

fn text(text: &Option<Arc<str>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}

fn texts(texts: &[Arc<str>]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

fn shared(text: Option<String>) -> Option<Arc<str>> {
    text.map(Arc::from)
}

fn seconds(time: Option<Timestamp>) -> Option<i64> {
    time.map(|time| time.0)
}

fn time(seconds: Option<i64>) -> Option<Timestamp> {
    seconds.map(Timestamp)
}

fn node_numbers<'a>(nodes: impl IntoIterator<Item = &'a NodeId>) -> Vec<u32> {
    nodes.into_iter().map(|node| node.0).collect()
}

fn node_set(numbers: &[u32]) -> BTreeSet<NodeId> {
    numbers.iter().copied().map(NodeId).collect()
}

fn write_gres(gres: &GresCount) -> proto::GresCount {
    let GresCount { name, kind, count } = gres;
    let (name, kind) = (name.to_string(), text(kind));
    proto::GresCount { name, kind, count: *count, devices: Vec::new() }
}

fn read_gres(record: proto::GresCount) -> GresCount {
    GresCount { name: record.name.into(), kind: shared(record.kind), count: record.count }
}

fn write_held(held: &GresHeld) -> proto::GresCount {
    let GresHeld { name, kind, count, devices } = held;
    let (name, kind) = (name.to_string(), text(kind));
    proto::GresCount { name, kind, count: *count, devices: devices.words().to_vec() }
}

fn read_held(record: proto::GresCount) -> GresHeld {
    let proto::GresCount { name, kind, count, devices } = record;
    let devices = CoreSet::from_words(devices);
    GresHeld { name: name.into(), kind: shared(kind), count, devices }
}

fn write_licenses(licenses: &[(Arc<str>, u32)]) -> Vec<proto::License> {
    let license =
        |(name, count): &(Arc<str>, u32)| proto::License { name: name.to_string(), count: *count };
    licenses.iter().map(license).collect()
}

fn read_licenses(records: Vec<proto::License>) -> Vec<(Arc<str>, u32)> {
    records.into_iter().map(|license| (license.name.into(), license.count)).collect()
}

#[cfg(test)]
mod tests {
    use model::Script;
    use prost::Message as _;

    use super::{encode_script, proto};

    #[test]
    fn a_script_is_encoded_as_its_message_is() {
        let texts = |text: &str| vec![text.to_owned(), String::new()];
        let full = Script {
            script: "#!/bin/sh\n".to_owned(),
            environment: texts("A=1"),
            arguments: texts("job.sh"),
            spank_environment: texts("S=2"),
        };
        for script in [full, Script::default()] {
            let bytes = encode_script(&script);
            let Script { script, environment, arguments, spank_environment } = script;
            let record = proto::Script { script, environment, arguments, spank_environment };
            assert_eq!(bytes, record.encode_to_vec());
        }
    }
}
