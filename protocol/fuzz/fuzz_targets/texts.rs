//! The other texts: what is read is written as a text that is read as the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::dependency::Dependencies;
use protocol::duration::{parse_seconds, seconds_text};
use protocol::gres::GresRequests;
use protocol::index_set::{ArraySpec, IndexSet};
use protocol::tres::{TresCounts, TresIds};

const ARRAY_SIZE_MAX: u32 = 1001;

fuzz_target!(|text: &str| {
    if let Ok(time) = parse_seconds(text) {
        assert_eq!(parse_seconds(&seconds_text(time)), Ok(time));
    }
    if let Ok(set) = IndexSet::parse(text, ARRAY_SIZE_MAX) {
        assert_eq!(IndexSet::parse(&set.to_string(), ARRAY_SIZE_MAX), Ok(set));
    }
    if let Ok(array) = ArraySpec::parse(text, ARRAY_SIZE_MAX) {
        assert_eq!(ArraySpec::parse(&array.to_string(), ARRAY_SIZE_MAX), Ok(array));
    }
    if let Ok(tres) = TresCounts::parse(text) {
        assert_eq!(TresCounts::parse(&tres.plain_text()), Ok(tres));
    }
    if let Ok(ids) = TresIds::parse(text) {
        assert_eq!(TresIds::parse(&ids.to_string()), Ok(ids));
    }
    if let Ok(gres) = GresRequests::parse(text) {
        assert_eq!(GresRequests::parse(&gres.to_string()), Ok(gres));
    }
    if let Ok(dependencies) = Dependencies::parse(text, ARRAY_SIZE_MAX) {
        let printed = dependencies.to_string();
        assert_eq!(Dependencies::parse(&printed, ARRAY_SIZE_MAX), Ok(dependencies), "{printed}");
    }
});
