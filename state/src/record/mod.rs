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
mod reservation;
mod spec;
mod step;
mod trigger;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{CoreSet, Counters, GresCount, GresHeld, NodeId, Script, Timestamp};
use prost::Message as _;
use prost::encoding::{bytes, string};

use crate::error::RecordError;

pub(crate) use cron::{read as read_crontab, write as write_crontab};
pub(crate) use job::{read as read_job, write as write_job};
pub(crate) use node::{read as read_node, write as write_node};
pub(crate) use partition::{read as read_partition, write as write_partition};
pub(crate) use reservation::{read as read_reservation, write as write_reservation};
pub(crate) use spec::read as read_spec;
pub(crate) use step::{read as read_step, write as write_step};
pub(crate) use trigger::{read as read_trigger, write as write_trigger};

/// What `proto/records.proto` says, as prost makes it.
#[allow(missing_docs, clippy::all, reason = "generated; the meaning is told in the file")]
pub(crate) mod proto {
    include!(concat!(env!("OUT_DIR"), "/ctld.records.rs"));
}

pub(crate) fn write_counters(counters: Counters) -> proto::Counters {
    let Counters { next_job, next_priority, last_trigger, last_reservation } = counters;
    proto::Counters { next_job, next_priority, last_trigger, last_reservation }
}

pub(crate) fn read_counters(record: &proto::Counters) -> Counters {
    Counters {
        next_job: record.next_job,
        next_priority: record.next_priority,
        last_trigger: record.last_trigger,
        last_reservation: record.last_reservation,
    }
}

/// A script and what comes with it that is worth packing, bytes.
const PACKED_MIN: usize = 512;

/// As many bytes as one byte of LZ4 can stand for: a run grows by 255 with each byte of its length.
const UNPACKED_MAX_RATIO: usize = 255;

/// A script's record, encoded without a copy of its many texts: this is done at each submission.
///
/// Nearly all of it is the submitter's environment, of which half is said twice. It is packed, since
/// each byte is written to the journal, gathered in memory and written to a table.
pub(crate) fn encode_script(script: &Script) -> Vec<u8> {
    let Script { script, environment, arguments, spank_environment } = script;
    let lists = [(2, environment), (3, arguments), (4, spank_environment)];
    let length: usize =
        lists.iter().map(|(tag, texts)| string::encoded_len_repeated(*tag, texts)).sum();
    let mut plain = Vec::with_capacity(string::encoded_len(1, script) + length);
    if !script.is_empty() {
        string::encode(1, script, &mut plain);
    }
    for (tag, texts) in lists {
        string::encode_repeated(tag, texts, &mut plain);
    }
    if plain.len() < PACKED_MIN {
        return plain;
    }
    let packed = lz4_flex::block::compress_prepend_size(&plain);
    let mut record = Vec::with_capacity(bytes::encoded_len(5, &packed));
    bytes::encode(5, &packed, &mut record);
    record
}

pub(crate) fn read_script(mut record: proto::Script) -> Result<Script, RecordError> {
    if !record.packed.is_empty() {
        let (length, block) = lz4_flex::block::uncompressed_size(&record.packed)
            .map_err(|_| RecordError::Unpackable)?;
        if length > block.len().saturating_mul(UNPACKED_MAX_RATIO) {
            return Err(RecordError::Unpackable);
        }
        let plain = lz4_flex::block::decompress(block, length).ok();
        let plain = plain.filter(|plain| plain.len() == length).ok_or(RecordError::Unpackable)?;
        record = proto::Script::decode(&*plain)?;
    }
    let proto::Script { script, environment, arguments, spank_environment, packed: _ } = record;
    Ok(Script { script, environment, arguments, spank_environment })
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
    proto::GresCount { name, kind, count: *count, ..proto::GresCount::default() }
}

fn read_gres(record: proto::GresCount) -> GresCount {
    GresCount { name: record.name.into(), kind: shared(record.kind), count: record.count }
}

fn write_held(held: &GresHeld) -> proto::GresCount {
    let GresHeld { name, kind, count, devices, parts, endless } = held;
    let part = |(device, count): &(u32, u64)| proto::GresPart { device: *device, count: *count };
    let parts = parts.iter().map(part).collect();
    let (name, kind) = (name.to_string(), text(kind));
    proto::GresCount {
        name,
        kind,
        count: *count,
        devices: devices.words().to_vec(),
        parts,
        endless: *endless,
    }
}

fn read_held(record: proto::GresCount) -> GresHeld {
    let proto::GresCount { name, kind, count, devices, parts, endless } = record;
    let parts = parts.into_iter().map(|part| (part.device, part.count)).collect();
    let devices = CoreSet::from_words(devices);
    GresHeld { name: name.into(), kind: shared(kind), count, devices, parts, endless }
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

    use super::{RecordError, encode_script, proto, read_script};

    fn script(environment: usize) -> Script {
        let texts = |text: &str| vec![text.to_owned(), String::new()];
        Script {
            script: "#!/bin/sh\n".to_owned(),
            environment: (0..environment).map(|n| format!("VARIABLE_{n}=/usr/bin")).collect(),
            arguments: texts("job.sh"),
            spank_environment: texts("S=2"),
        }
    }

    #[test]
    fn a_short_script_is_encoded_as_its_message_is() {
        for given in [script(2), Script::default()] {
            let bytes = encode_script(&given);
            let Script { script, environment, arguments, spank_environment } = given;
            let packed = Vec::new();
            let record =
                proto::Script { script, environment, arguments, spank_environment, packed };
            assert_eq!(bytes, record.encode_to_vec());
        }
    }

    #[test]
    fn a_long_script_is_packed_and_comes_back() {
        let given = script(200);
        let bytes = encode_script(&given);
        assert!(bytes.len() < 200 * "VARIABLE_100=/usr/bin".len() / 2, "{} bytes", bytes.len());
        let record = proto::Script::decode(&*bytes).unwrap();
        assert_eq!(read_script(record).unwrap(), given);
    }

    #[test]
    fn what_is_packed_and_damaged_is_an_error() {
        let whole = proto::Script::decode(&*encode_script(&script(200))).unwrap();
        for cut in 0..whole.packed.len() {
            let packed = whole.packed[..cut].to_vec();
            // Nothing packed is an empty script.
            let read = read_script(proto::Script { packed, ..proto::Script::default() });
            assert_eq!(read.is_ok(), cut == 0, "cut at {cut}");
        }
        for length in [u32::MAX, 1 << 30, 0] {
            let mut packed = whole.packed.clone();
            packed[..4].copy_from_slice(&length.to_le_bytes());
            let read = read_script(proto::Script { packed, ..proto::Script::default() });
            assert!(matches!(read, Err(RecordError::Unpackable)), "length {length}");
        }
    }
}
