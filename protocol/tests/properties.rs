//! What holds of any bytes a peer may send: a frame or an error, never a panic; memory in proportion
//! to the bytes; and no change to a request survives its authentication.
//!
//! The bytes are captured frames, shortened, flipped, and with counts overwritten.

#![allow(clippy::unwrap_used, reason = "a test's own files may fail it")]
#![allow(unsafe_code, reason = "counting allocations takes a global allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use protocol::auth::{Expected, Issuer, KeySet, authenticate};
use protocol::frame::{Auth, Deframer, Frame};
use protocol::shape::Timestamp;
use protocol::{Number, Version, msg};

/// Decoding a frame and encoding its body again holds at most this many times its bytes in memory
/// at once. An empty string is 4 bytes on the wire and 24 in memory, a growing list is twice its
/// length and for a moment there twice, and the body is there a second time when it is encoded.
/// Captured frames take up to 10 times.
const MEMORY_FACTOR_MAX: usize = 24;

/// The part that does not grow with the frame: an error's text, a record with nothing in it.
const MEMORY_BASE: usize = 8 * 1024;

struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn grown(bytes: usize) {
    LIVE.with(|live| {
        let now = live.get().wrapping_add(bytes);
        live.set(now);
        // Memory that another thread allocated may be freed here, so LIVE may wrap below zero.
        PEAK.with(|peak| {
            if now as isize > peak.get() as isize {
                peak.set(now);
            }
        });
    });
}

fn shrunk(bytes: usize) {
    LIVE.with(|live| live.set(live.get().wrapping_sub(bytes)));
}

// SAFETY: every call goes to the system's allocator unchanged; the counters are plain cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most memory that `work` held at once, bytes.
fn peak_of(work: impl FnOnce()) -> usize {
    let before = LIVE.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    work();
    PEAK.with(Cell::get).wrapping_sub(before)
}

const CAPTURES: [&str; 4] = [
    include_str!("../testdata/23.11/frames.jsonl"),
    include_str!("../testdata/24.11/frames.jsonl"),
    include_str!("../testdata/25.05/frames.jsonl"),
    include_str!("../testdata/26.05/frames.jsonl"),
];

/// The longest captured frame of every message in every release.
fn frames() -> Vec<Vec<u8>> {
    let mut longest: BTreeMap<(u16, Version), Vec<u8>> = BTreeMap::new();
    for line in CAPTURES.iter().flat_map(|lines| lines.lines()) {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let hex = value["hex"].as_str().unwrap();
        let byte = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        // Frames of releases before ours have no place here.
        let Ok(frame) = Frame::from_bytes(&bytes) else { continue };
        let key = (frame.header.number.0, frame.header.version);
        let kept = longest.entry(key).or_default();
        if kept.len() < bytes.len() {
            *kept = bytes;
        }
    }
    assert!(longest.len() > 200, "{} kinds of frames", longest.len());
    longest.into_values().collect()
}

/// Decodes a frame and its body, and encodes both again.
fn decode(bytes: &[u8]) -> bool {
    let Ok(frame) = Frame::from_bytes(bytes) else {
        return false;
    };
    let written = frame.to_bytes();
    assert_eq!(&written[4..], bytes, "what is read is what is written");
    let body = msg::recode(frame.header.number, &frame.body, frame.header.version);
    body.is_some_and(|body| body.is_ok())
}

fn assert_bounded(bytes: &[u8]) -> usize {
    let peak = peak_of(|| {
        decode(bytes);
    });
    let max = MEMORY_BASE + MEMORY_FACTOR_MAX * bytes.len();
    assert!(peak <= max, "{peak} bytes of memory for a frame of {}: {bytes:02x?}", bytes.len());
    peak
}

#[test]
fn the_counter_counts() {
    let peak = peak_of(|| {
        let a = vec![0u8; 1000];
        drop(vec![0u8; 500]);
        drop(a);
        drop(vec![0u8; 1200]);
    });
    assert_eq!(peak, 1500);
}

#[test]
fn a_shortened_frame_is_refused() {
    for bytes in frames() {
        for end in (0..bytes.len()).step_by(1 + bytes.len() / 200) {
            assert!(Frame::from_bytes(&bytes[..end]).is_err(), "{end} of {:02x?}", bytes);
        }
    }
}

/// Counts that announce what the frame does not hold are the classical way to a controller's
/// memory.
#[test]
fn counts_that_lie_take_no_memory() {
    for bytes in frames() {
        for at in (0..bytes.len().saturating_sub(4)).step_by(1 + bytes.len() / 100) {
            for count in [u32::MAX, 0x7fff_ffff, 0x00ff_ffff, 0xffff, bytes.len() as u32] {
                let mut damaged = bytes.clone();
                damaged[at..at + 4].copy_from_slice(&count.to_be_bytes());
                assert_bounded(&damaged);
            }
        }
    }
}

#[test]
fn a_whole_frame_takes_memory_in_proportion() {
    let factor = |bytes: &Vec<u8>| assert_bounded(bytes).saturating_sub(MEMORY_BASE) / bytes.len();
    let worst = frames().iter().map(factor).max().unwrap();
    assert!(worst < MEMORY_FACTOR_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_damaged_frame_is_read_or_refused(
        which: Index,
        flips in prop::collection::vec((any::<Index>(), 0u8..8), 1..6),
    ) {
        thread_local! { static FRAMES: Vec<Vec<u8>> = frames(); }
        let mut bytes = FRAMES.with(|frames| which.get(frames).clone());
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        assert_bounded(&bytes);
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
        assert_bounded(&bytes);
    }

    #[test]
    fn frames_are_cut_out_of_a_stream_however_it_is_chopped(
        which in prop::collection::vec(any::<Index>(), 1..4),
        chop in 1usize..2000,
    ) {
        thread_local! { static FRAMES: Vec<Vec<u8>> = frames(); }
        let sent: Vec<Vec<u8>> =
            FRAMES.with(|frames| which.iter().map(|which| which.get(frames).clone()).collect());
        let mut stream = Vec::new();
        for frame in &sent {
            stream.extend_from_slice(&u32::try_from(frame.len()).unwrap().to_be_bytes());
            stream.extend_from_slice(frame);
        }
        let mut deframer = Deframer::new(1 << 24);
        let mut got = Vec::new();
        for piece in stream.chunks(chop) {
            deframer.feed(piece);
            while let Some(frame) = deframer.next().unwrap() {
                got.push(frame);
            }
        }
        prop_assert_eq!(got, sent);
        prop_assert!(!deframer.is_mid_frame());
    }
}

const NOW: Timestamp = Timestamp(1_795_371_104);
const OUR_UID: u32 = 64030;

/// A captured request, signed by us.
fn signed(frame: &Frame, keys: &KeySet) -> Vec<u8> {
    let issuer = Issuer {
        host: "vm".into(),
        cluster: Some("golden".into()),
        uid: 0,
        gid: 0,
        slurmd_uid: 0,
        ttl_s: 60,
    };
    let Frame { header, body, .. } = frame;
    let token = issuer.request(keys, NOW, None, header.number, body);
    let auth = Auth::Slurm { token: Some(token) };
    Frame::request(header.version, header.number, auth, body.clone()).to_bytes().split_off(4)
}

/// The body of a frame that is authentic.
fn authentic(bytes: &[u8], keys: &KeySet) -> Option<(Number, Vec<u8>)> {
    let frame = Frame::from_bytes(bytes).ok()?;
    let Some(Auth::Slurm { token: Some(token) }) = &frame.auth else {
        return None;
    };
    let request = Expected { number: frame.header.number, body: &frame.body };
    authenticate(token, keys, NOW, OUR_UID, request).ok()?;
    Some((frame.header.number, frame.body.to_vec()))
}

/// Slurm's credential covers the message's number and body. The version and the flags in front are
/// in no hash, so a flip there may pass; it cannot change what the sender proved to have asked for.
#[test]
fn no_flipped_bit_of_a_signed_request_passes() {
    let keys = KeySet::from_key_file(&[7; 64]).unwrap();
    let mut tried = 0;
    for bytes in frames() {
        let frame = Frame::from_bytes(&bytes).unwrap();
        if frame.auth.is_none() || frame.body.len() > 300 {
            continue;
        }
        let bytes = signed(&frame, &keys);
        let asked = Some((frame.header.number, frame.body.to_vec()));
        assert_eq!(authentic(&bytes, &keys), asked);
        // Bytes 0 to 3 are version and flags. All bits of one frame, a 31st of the others'.
        let step = if tried == 0 { 1 } else { 31 };
        for bit in (0..bytes.len() * 8).step_by(step) {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let got = authentic(&damaged, &keys);
            assert!(got.is_none() || (bit < 32 && got == asked), "bit {bit}: {got:?}");
        }
        tried += bytes.len().div_ceil(step);
    }
    assert!(tried > 1000, "{tried} bytes");
}
