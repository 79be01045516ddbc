//! Reservations that come again.

use crate::cron::Zone;
use crate::id::Timestamp;
use crate::reservation::{Reservation, ReservationFlags};

const HOUR_S: i64 = 60 * 60;
const DAY_S: i64 = 24 * HOUR_S;

/// Every pattern repeats itself within a week: who does not meet in one and a day never does.
const HORIZON_S: i64 = 8 * DAY_S;

impl Reservation {
    /// Whether it comes again.
    pub fn recurs(&self) -> bool {
        self.flags.has(ReservationFlags::RECURRING)
    }

    /// When it starts and ends the next time, seen at `at`: an hour, or some days of the local
    /// calendar, later. Nothing if it does not come again.
    pub fn next_time(&self, at: Timestamp, zone: &Zone) -> Option<(Timestamp, Timestamp)> {
        let later = |time: Timestamp, s: i64| Timestamp(time.0.saturating_add(s));
        if self.flags.has(ReservationFlags::HOURLY) {
            return Some((later(self.start, HOUR_S), later(self.end, HOUR_S)));
        }
        let days = self.days_to_next(at, zone)?;
        let later = |time: Timestamp| {
            let local = time.0.saturating_add(zone.offset_s(time).into());
            zone.at(local.saturating_add(days * DAY_S))
        };
        let (start, end) = (later(self.start), later(self.end));
        // Where the clocks leap between the two, or did before: it lasts as long as it did.
        let lasts_s = self.end.since(self.start);
        let end =
            if end > start { end } else { Timestamp(start.0.saturating_add_unsigned(lasts_s)) };
        Some((start, end))
    }

    fn days_to_next(&self, at: Timestamp, zone: &Zone) -> Option<i64> {
        let weekday = weekday(at, zone);
        let has = |bit| self.flags.has(bit);
        if has(ReservationFlags::DAILY) {
            Some(1)
        } else if has(ReservationFlags::WEEKDAY) {
            Some(match weekday {
                FRIDAY => 3,
                SATURDAY => 2,
                _ => 1,
            })
        } else if has(ReservationFlags::WEEKEND) {
            Some(match weekday {
                SUNDAY => 6,
                SATURDAY => 1,
                other => SATURDAY - other,
            })
        } else {
            has(ReservationFlags::WEEKLY).then_some(7)
        }
    }

    /// Whether it and another are ever at the same time.
    pub fn meets(&self, other: &Self, now: Timestamp, zone: &Zone) -> bool {
        let (mine, theirs) = (self.window(now), other.window(now));
        if !self.recurs() && !other.recurs() {
            return mine.0 < theirs.1 && theirs.0 < mine.1;
        }
        // What does not recur meets within its own time, what does within a week.
        let from = mine.0.0.max(theirs.0.0);
        let last = |one: &Self, end: Timestamp| if one.recurs() { i64::MAX } else { end.0 };
        let to = last(self, mine.1).min(last(other, theirs.1)).min(from.saturating_add(HORIZON_S));
        let theirs = other.times(theirs, (from, to), zone);
        let mine = self.times(mine, (from, to), zone);
        mine.iter().any(|a| theirs.iter().any(|b| a.0 < b.1 && b.0 < a.1))
    }

    /// The times that it is there between two, the first of them given.
    fn times(
        &self,
        (start, end): (Timestamp, Timestamp),
        (from, to): (i64, i64),
        zone: &Zone,
    ) -> Vec<(i64, i64)> {
        if !self.recurs() {
            return vec![(start.0, end.0)];
        }
        let lasts_s = end.0.saturating_sub(start.0);
        if lasts_s >= HORIZON_S {
            // It is there again before it is over.
            return vec![(start.0, i64::MAX)];
        }
        let has = |bit| self.flags.has(bit);
        let period_s = if has(ReservationFlags::HOURLY) {
            HOUR_S
        } else if has(ReservationFlags::WEEKLY) {
            7 * DAY_S
        } else {
            DAY_S
        };
        let is_day = |at: i64| {
            let weekend = matches!(weekday(Timestamp(at), zone), SATURDAY | SUNDAY);
            !(has(ReservationFlags::WEEKDAY) && weekend
                || has(ReservationFlags::WEEKEND) && !weekend)
        };
        let skipped = (from.saturating_sub(lasts_s).saturating_sub(start.0) / period_s).max(0);
        let first = start.0.saturating_add(skipped.saturating_mul(period_s));
        (0..)
            .map(|count: i64| first.saturating_add(count.saturating_mul(period_s)))
            .take_while(|at| *at < to)
            // Days are those of the calendar, whatever day it starts on.
            .filter(|at| *at == start.0 || is_day(*at))
            .map(|at| (at, at.saturating_add(lasts_s)))
            .collect()
    }
}

const SUNDAY: i64 = 0;
const FRIDAY: i64 = 5;
const SATURDAY: i64 = 6;

/// The day of the week, Sunday first, on the calendar at the controller's place.
fn weekday(at: Timestamp, zone: &Zone) -> i64 {
    const THURSDAY: i64 = 4;
    let local = at.0.saturating_add(zone.offset_s(at).into());
    // The epoch was a Thursday.
    (local.div_euclid(DAY_S) + THURSDAY).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{DAY_S, HOUR_S, Reservation, ReservationFlags as F, Timestamp, Zone};
    use crate::reservation::Roster;

    // 2026-11-22T22:30:15Z, a Sunday.
    const NOW: i64 = 1_795_386_615;

    fn reservation(flags: u64, start: i64, lasts_s: i64) -> Reservation {
        Reservation {
            name: "r".into(),
            id: 1,
            start: Timestamp(start),
            end: Timestamp(start + lasts_s),
            duration_min: None,
            flags: crate::reservation::ReservationFlags(flags),
            nodes: Arc::default(),
            cores: None,
            partition: None,
            features: None,
            licenses: Vec::new(),
            licenses_text: None,
            burst_buffer: None,
            comment: None,
            users: Roster::default(),
            accounts: Roster::default(),
            partitions: Roster::default(),
            groups: None,
            group_members: Arc::default(),
            max_start_delay_s: 0,
            purge_comp_s: 300,
            idle_since: None,
            begun: false,
            over: false,
        }
    }

    #[test]
    fn the_next_time_is_counted_in_hours_or_in_days_of_the_calendar() {
        let utc = Zone::default();
        let after = |flags| {
            let one = reservation(flags, NOW, 60);
            one.next_time(Timestamp(NOW + 60), &utc).map(|(start, _)| start.0 - NOW)
        };
        assert_eq!(after(F::HOURLY), Some(HOUR_S));
        assert_eq!(after(F::DAILY), Some(DAY_S));
        assert_eq!(after(F::WEEKLY), Some(7 * DAY_S));
        assert_eq!(after(F::WEEKDAY), Some(DAY_S), "a Sunday is followed by a Monday");
        assert_eq!(after(F::WEEKEND), Some(6 * DAY_S), "by a Saturday");
        assert_eq!(after(F::MAINT), None);
        // The clocks go forward in the night: the next day is an hour shorter.
        let changes = [(Timestamp(NOW + 7200), 3600)].into_iter().collect();
        let summer = Zone { first_s: 0, changes };
        let one = reservation(F::DAILY, NOW, 60);
        let (start, end) = one.next_time(Timestamp(NOW + 60), &summer).unwrap();
        assert_eq!((start.0 - NOW, end.0 - start.0), (DAY_S - HOUR_S, 60));
    }

    /// What the clocks leap over does not begin after it ends: the store would take no such thing.
    #[test]
    fn one_that_ends_in_the_hour_that_is_left_out_or_was_repeated_lasts_as_long() {
        // An hour is left out at two o'clock in the night to the second day, and repeated at three
        // in the night to the ninth.
        let forward = Timestamp(NOW - NOW % DAY_S + DAY_S + 2 * HOUR_S);
        let back = Timestamp(forward.0 + 7 * DAY_S);
        let zone = Zone { first_s: 0, changes: [(forward, 3600), (back, 0)].into_iter().collect() };
        let before = reservation(F::DAILY, forward.0 - DAY_S + 1800, 2400);
        let (start, end) = before.next_time(before.end, &zone).unwrap();
        assert!(start < end, "{start:?} {end:?}");
        // It begins ten minutes before the clocks go back, and ends twenty minutes after that.
        let amid = reservation(F::DAILY, back.0 - 600, 1200);
        let (start, end) = amid.next_time(amid.end, &zone).unwrap();
        assert_eq!(end.0 - start.0, 1200);
    }

    #[test]
    fn one_that_is_never_over_meets_all_that_come_later() {
        let utc = Zone::default();
        let endless = reservation(F::HOURLY, NOW, i64::from(u32::MAX));
        assert!(endless.meets(&reservation(F::DAILY, NOW + 90 * DAY_S, 60), Timestamp(NOW), &utc));
    }

    #[test]
    fn those_that_come_again_meet_later() {
        let utc = Zone::default();
        let meets = |a: &Reservation, b: &Reservation| {
            assert_eq!(a.meets(b, Timestamp(NOW), &utc), b.meets(a, Timestamp(NOW), &utc));
            a.meets(b, Timestamp(NOW), &utc)
        };
        let once = |start, lasts| reservation(0, NOW + start, lasts);
        assert!(meets(&once(0, 100), &once(50, 100)));
        assert!(!meets(&once(0, 100), &once(100, 100)));
        let daily = reservation(F::DAILY, NOW, 600);
        assert!(meets(&daily, &once(3 * DAY_S + 300, 100)));
        assert!(!meets(&daily, &once(3 * DAY_S + 700, 100)));
        assert!(meets(&daily, &once(400 * DAY_S + 300, 100)), "however late");
        let hourly = reservation(F::HOURLY, NOW + 1800, 900);
        assert!(!meets(&daily, &hourly));
        assert!(meets(&daily, &reservation(F::HOURLY, NOW + 300, 900)));
        // On Sunday and on Saturdays, never on the same day as one of weekdays.
        let weekend = reservation(F::WEEKEND, NOW, 600);
        let weekday = reservation(F::WEEKDAY, NOW + DAY_S, 600);
        assert!(!meets(&weekend, &weekday));
        assert!(meets(&weekend, &reservation(F::WEEKLY, NOW - DAY_S, 600)));
    }

    #[test]
    fn one_that_floats_is_always_as_far_ahead() {
        let mut floats = reservation(F::TIME_FLOAT, 0, 0);
        (floats.start, floats.duration_min) = (Timestamp(600), Some(10));
        for now in [NOW, NOW + 5000] {
            assert_eq!(
                floats.window(Timestamp(now)),
                (Timestamp(now + 600), Timestamp(now + 1200))
            );
        }
    }
}
