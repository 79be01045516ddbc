//! The local time of this host, as a table.

use jiff::tz::TimeZone;
use model::{Timestamp, Zone};

/// Changes that are looked up: more than thirty years of summers and winters.
const CHANGES_MAX: usize = 64;
/// How long before now the table begins, seconds.
const PAST_S: i64 = 400 * 86_400;

/// When local clocks are set, from a while before `now`.
pub(super) fn local(now: Timestamp) -> Zone {
    of(&TimeZone::system(), now)
}

fn of(zone: &TimeZone, now: Timestamp) -> Zone {
    let Ok(first) = jiff::Timestamp::from_second(now.0 - PAST_S) else {
        return Zone::default();
    };
    let changes = zone
        .following(first)
        .take(CHANGES_MAX)
        .map(|change| (Timestamp(change.timestamp().as_second()), change.offset().seconds()))
        .collect();
    Zone { first_s: zone.to_offset(first).seconds(), changes }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use model::Timestamp;

    use super::of;

    #[test]
    fn summer_and_winter_are_in_the_table() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        // 2026-11-22T22:30:15Z.
        let table = of(&zone, Timestamp(1_795_386_615));
        let winter = Timestamp(1_795_386_615);
        let summer = Timestamp(1_811_000_000);
        assert_eq!((table.offset_s(winter), table.offset_s(summer)), (3600, 7200));
        assert_eq!(of(&TimeZone::UTC, winter), model::Zone::default());
    }
}
