//! Any bytes are refused, or a frame that is written as the same bytes; fed to a deframer in two
//! pieces, the same frames come out as in one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::frame::{Deframer, Frame};

fn cut(pieces: [&[u8]; 2]) -> Vec<Vec<u8>> {
    let mut deframer = Deframer::new(1 << 16);
    let mut frames = Vec::new();
    for piece in pieces {
        deframer.feed(piece);
        while let Ok(Some(frame)) = deframer.next() {
            frames.push(frame.to_vec());
        }
    }
    frames
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = Frame::from_bytes(bytes) {
        assert_eq!(&frame.to_bytes()[4..], bytes);
    }
    let middle = bytes.len() / 2;
    assert_eq!(cut([&bytes[..middle], &bytes[middle..]]), cut([bytes, &[]]));
});
