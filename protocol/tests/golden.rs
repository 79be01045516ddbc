//! Captured frames of stock programs decode with no byte left and encode to the same bytes.
//!
//! Each `frames.jsonl` below `testdata/` (or below the directory that `CAPTURES` names) holds one
//! frame a line: `{"version", "flags", "kind", "side", "hex": the frame without its length}`.

#![allow(clippy::disallowed_methods, reason = "captured frames lie in files")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the table is what the test is run for")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::frame::{Frame, FrameError};
use protocol::msg;
use protocol::{Number, Version};

struct Captured {
    file: PathBuf,
    line: usize,
    number: Number,
    bytes: Vec<u8>,
}

fn captures() -> Vec<Captured> {
    let root = std::env::var_os("CAPTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"), PathBuf::from);
    let mut files = Vec::new();
    find(&root, &mut files);
    files.sort();
    assert!(!files.is_empty(), "no frames.jsonl below {}", root.display());
    files.iter().flat_map(|file| frames(file)).collect()
}

fn find(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|e| e == "jsonl") {
            files.push(path);
        }
    }
}

fn frames(file: &Path) -> Vec<Captured> {
    let text = fs::read_to_string(file).unwrap();
    let frame = |(index, line): (usize, &str)| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        Captured {
            file: file.to_owned(),
            line: index + 1,
            number: Number(value["kind"].as_u64().unwrap().try_into().unwrap()),
            bytes: unhex(value["hex"].as_str().unwrap()),
        }
    };
    text.lines().enumerate().map(frame).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[derive(Default)]
struct Tally {
    same: usize,
    unknown: usize,
}

/// A stock controller addresses nodes that have not registered in its oldest release, 23.02, which
/// is not one of ours; such a frame has an empty body.
fn is_before_our_time(error: &FrameError) -> bool {
    matches!(error, FrameError::Version { raw } if *raw < Version::OLDEST.to_wire())
}

#[test]
fn every_captured_frame_is_read_whole_and_written_back_to_the_byte() {
    let mut tallies: BTreeMap<(Number, Version), Tally> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut older = 0;
    for capture in captures() {
        let place = format!("{}:{} {}", capture.file.display(), capture.line, capture.number);
        let frame = match Frame::from_bytes(&capture.bytes) {
            Ok(frame) => frame,
            Err(error) if is_before_our_time(&error) => {
                older += 1;
                continue;
            }
            Err(error) => {
                wrong.push(format!("{place}: {error}"));
                continue;
            }
        };
        let version = frame.header.version;
        let tally = tallies.entry((capture.number, version)).or_default();
        if frame.to_bytes()[4..] != capture.bytes {
            wrong.push(format!("{place} {version}: the frame is written differently"));
        }
        match msg::recode(capture.number, &frame.body, version) {
            None => tally.unknown += 1,
            Some(Err(error)) => wrong.push(format!("{place} {version}: {error}")),
            Some(Ok(bytes)) if bytes != frame.body => {
                let at = bytes.iter().zip(&frame.body).take_while(|(a, b)| a == b).count();
                wrong.push(format!("{place} {version}: written differently from byte {at} on"));
            }
            Some(Ok(_)) => tally.same += 1,
        }
    }
    println!("{}", table(&tallies));
    println!("{older} frames of releases before {}", Version::OLDEST);
    assert!(wrong.is_empty(), "{} frames:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tallies.values().any(|tally| tally.same > 0), "no frame was compared");
}

/// The message numbers of the captures: how many frames came back the same, and which messages are
/// not implemented yet.
fn table(tallies: &BTreeMap<(Number, Version), Tally>) -> String {
    let mut numbers: BTreeMap<Number, [String; 6]> = BTreeMap::new();
    for ((number, version), tally) in tallies {
        let column = Version::ALL.iter().position(|v| v == version).expect("one of the six");
        numbers.entry(*number).or_default()[column] = match (tally.same, tally.unknown) {
            (0, unknown) if unknown > 0 => "missing".to_owned(),
            (same, _) => same.to_string(),
        };
    }
    let heads: String = Version::ALL.iter().map(|v| format!("{:>9}", v.to_string())).collect();
    let mut text = format!("{:<48}{heads}\n", "message");
    for (number, cells) in numbers {
        let cells: String = cells.iter().map(|cell| format!("{cell:>9}")).collect();
        text += &format!("{:<48}{cells}\n", number.to_string());
    }
    text
}
