//! Any body of any message in any release is refused, or what was read settles: written and read
//! again it is the same value, written the same. Two bytes choose the message and the release.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::Version;
use protocol::msg::{CODECS, Codec};
use protocol::wire::Reader;

fuzz_target!(|input: &[u8]| {
    let [message, release, body @ ..] = input else { return };
    let codecs: Vec<&Codec> = CODECS.iter().copied().flatten().collect();
    // Odd multiples reach past 256 messages.
    let codec = codecs[(usize::from(*message) + 256 * usize::from(release / 6)) % codecs.len()];
    let version = Version::ALL[usize::from(release % 6)];
    let Ok(written) = (codec.recode)(&mut Reader::new(body, version)) else { return };
    let show = |bytes: &[u8]| (codec.show)(&mut Reader::new(bytes, version));
    let shown = show(body).expect("it was read before");
    assert_eq!(show(&written).as_ref(), Ok(&shown), "{} {version}", codec.number);
    let again = (codec.recode)(&mut Reader::new(&written, version));
    assert_eq!(again, Ok(written), "{} {version}", codec.number);
});
