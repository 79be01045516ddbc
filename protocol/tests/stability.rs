//! What holds of every captured body beside coming back the same: shortened it is refused, damaged
//! it is read or refused without a panic, and it goes through the other releases and settles.

#![allow(clippy::disallowed_methods, reason = "captured frames lie in files")]
#![allow(clippy::unwrap_used, reason = "a test's own files may fail it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::frame::Frame;
use protocol::msg::{self, Codec};
use protocol::wire::Reader;
use protocol::{Number, Version};

struct Body {
    place: String,
    codec: &'static Codec,
    version: Version,
    bytes: Vec<u8>,
}

/// The captured bodies whose message is known, each different one once.
fn bodies() -> Vec<Body> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut files: Vec<PathBuf> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("frames.jsonl"))
        .filter(|path| path.exists())
        .collect();
    files.sort();
    let mut found = BTreeMap::new();
    for file in files {
        for (index, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let Ok(frame) = Frame::from_bytes(&unhex(value["hex"].as_str().unwrap())) else {
                continue;
            };
            let Some(codec) = msg::codec(frame.header.number) else { continue };
            let version = frame.header.version;
            let body = frame.body.to_vec();
            let place = format!("{}:{} {}", file.display(), index + 1, codec.number);
            found.entry((codec.number, version, body)).or_insert((place, codec));
        }
    }
    assert!(!found.is_empty(), "no captured body below {}", root.display());
    found
        .into_iter()
        .map(|((_, version, bytes), (place, codec))| Body { place, codec, version, bytes })
        .collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn recode(codec: &Codec, bytes: &[u8], version: Version) -> Option<Vec<u8>> {
    let mut r = Reader::new(bytes, version);
    let written = (codec.recode)(&mut r).ok()?;
    r.finish().ok().map(|()| written)
}

/// Up to `most` places spread over `0..len`.
fn places(len: usize, most: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by(len.div_ceil(most).max(1))
}

#[test]
fn a_shortened_body_is_refused() {
    for body in bodies() {
        for len in places(body.bytes.len(), 300) {
            let short = recode(body.codec, &body.bytes[..len], body.version);
            assert!(short.is_none(), "{}: {len} of {} bytes", body.place, body.bytes.len());
        }
    }
}

#[test]
fn a_damaged_body_is_read_or_refused() {
    let mut read = 0;
    for body in bodies() {
        for at in places(body.bytes.len(), 200) {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = body.bytes.clone();
                damaged[at] ^= flip;
                read += usize::from(recode(body.codec, &damaged, body.version).is_some());
            }
        }
    }
    assert!(read > 0, "a flipped bit of a number is still a number");
}

#[test]
fn a_body_written_in_another_release_is_read_and_written_the_same() {
    for body in bodies() {
        for other in Version::ALL {
            let place = format!("{} {} → {other}", body.place, body.version);
            let mut r = Reader::new(&body.bytes, body.version);
            let written = (body.codec.translate)(&mut r, other).expect("a captured body");
            let again = recode(body.codec, &written, other);
            assert_eq!(again.as_deref(), Some(written.as_slice()), "{place}");
        }
    }
}

#[test]
fn every_number_has_one_codec() {
    let mut seen: BTreeMap<Number, usize> = BTreeMap::new();
    for codec in msg::CODECS.iter().copied().flatten() {
        *seen.entry(codec.number).or_default() += 1;
    }
    let twice: Vec<_> = seen.iter().filter(|&(_, &count)| count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
