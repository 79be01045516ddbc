//! Crontabs, and when their lines run.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::id::{Timestamp, Uid};

/// The crontab of a user (scrontab).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crontab {
    /// Whose it is.
    pub owner: Uid,
    /// The text as it was written.
    pub text: Arc<str>,
    /// First and last of the lines whose jobs were cancelled since, as scrontab counts them.
    pub disabled: Vec<(u32, u32)>,
}

/// When a line of a crontab runs, in the controller's local time. `None` is any: `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CronLine {
    /// Minutes, a bit each, 0 to 59.
    pub minutes: Option<u64>,
    /// Hours, 0 to 23.
    pub hours: Option<u64>,
    /// Days of the month, 1 to 31.
    pub days: Option<u64>,
    /// Months, 1 to 12.
    pub months: Option<u64>,
    /// Days of the week, Sunday is 0.
    pub weekdays: Option<u64>,
    /// The first of its lines in the crontab, with its options, as scrontab counts them.
    pub line_start: u32,
    /// The last.
    pub line_end: u32,
}

/// Days that are looked at for the next run: a leap day comes again within eight years.
const DAYS_MAX: i64 = 8 * 366 + 1;
const DAY_S: i64 = 86_400;

impl CronLine {
    /// The five fields as slurmctld shows them, made anew from what was understood.
    pub fn spec(&self) -> String {
        let fields = [self.minutes, self.hours, self.days, self.months, self.weekdays];
        fields.map(|field| field.map_or_else(|| "*".to_owned(), ranges)).join(" ")
    }

    /// Whether it ever runs: each field allows something, and some month has some of its days.
    pub fn runs_at_all(&self) -> bool {
        let fields = [self.minutes, self.hours, self.days, self.months, self.weekdays];
        if fields.contains(&Some(0)) {
            return false;
        }
        let (Some(days), Some(months)) = (self.days, self.months) else {
            return true;
        };
        let first = days.trailing_zeros();
        (1..=12).any(|month| has(Some(months), month) && i64::from(first) <= longest(month))
    }

    /// The first minute after `after` in which it runs.
    pub fn next(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let local = after.0 + i64::from(zone.offset_s(after));
        let start = local.div_euclid(60) + 1;
        let (first_day, first_minute) = (start.div_euclid(24 * 60), start.rem_euclid(24 * 60));
        for day in first_day..first_day + DAYS_MAX {
            if !self.has_day(day) {
                continue;
            }
            let from = if day == first_day { first_minute } else { 0 };
            let minute = (from..24 * 60)
                .find(|minute| has(self.hours, minute / 60) && has(self.minutes, minute % 60));
            if let Some(minute) = minute {
                return Some(zone.at(day * DAY_S + minute * 60));
            }
        }
        None
    }

    /// With both kinds of days given, either will do, as cron has always had it.
    fn has_day(&self, day: i64) -> bool {
        let (month, of_month) = month_and_day(day);
        if !has(self.months, month) {
            return false;
        }
        // 1 January 1970 was a Thursday.
        let weekday = (day + 4).rem_euclid(7);
        match (self.days, self.weekdays) {
            (None, None) => true,
            (Some(_), None) => has(self.days, of_month),
            (None, Some(_)) => has(self.weekdays, weekday),
            (Some(_), Some(_)) => has(self.days, of_month) || has(self.weekdays, weekday),
        }
    }
}

fn has(field: Option<u64>, number: i64) -> bool {
    field.is_none_or(|bits| bits >> number & 1 == 1)
}

/// Days that a month has at most.
fn longest(month: i64) -> i64 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `0-3,5`.
fn ranges(bits: u64) -> String {
    let mut text = String::new();
    let mut number = 0;
    while number < u64::BITS {
        if bits >> number & 1 == 0 {
            number += 1;
            continue;
        }
        let length = (bits >> number).trailing_ones();
        let comma = if text.is_empty() { "" } else { "," };
        let last = number + length - 1;
        let written = if length == 1 {
            write!(text, "{comma}{number}")
        } else {
            write!(text, "{comma}{number}-{last}")
        };
        written.expect("writing to a String cannot fail");
        number += length;
    }
    text
}

/// Month and day of the month of a day counted from 1 January 1970, in the Gregorian calendar.
fn month_and_day(day: i64) -> (i64, i64) {
    // Counted from 1 March of a year that 400 divides, so that leap days come last.
    let from_march = day + 719_468;
    let of_era = from_march.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    (if month < 10 { month + 3 } else { month - 9 }, of_month)
}

/// The local time of the controller's host: from when on it is how far from UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Seconds east of UTC before the first change.
    pub first_s: i32,
    /// When it changes, ascending, and seconds east of UTC from then on.
    pub changes: Arc<[(Timestamp, i32)]>,
}

impl Zone {
    /// Seconds east of UTC.
    pub fn offset_s(&self, at: Timestamp) -> i32 {
        let past = self.changes.partition_point(|(from, _)| *from <= at);
        past.checked_sub(1).map_or(self.first_s, |last| self.changes[last].1)
    }

    /// When local clocks show this: the earlier of two such moments; where they leap over it, as if
    /// they had not yet leapt.
    pub(crate) fn at(&self, local: i64) -> Timestamp {
        let with = |offset_s: i32| Timestamp(local - i64::from(offset_s));
        let before = self.offset_s(Timestamp(local - DAY_S));
        let after = self.offset_s(Timestamp(local + DAY_S));
        let fits = |offset_s: &i32| self.offset_s(with(*offset_s)) == *offset_s;
        with([before, after].into_iter().find(fits).unwrap_or(before))
    }
}

#[cfg(test)]
mod tests {
    use super::{CronLine, Timestamp, Zone};

    const fn bits(numbers: &[u32]) -> Option<u64> {
        let (mut bits, mut place) = (0, 0);
        while place < numbers.len() {
            bits |= 1 << numbers[place];
            place += 1;
        }
        Some(bits)
    }

    fn next(line: &CronLine, after: i64, zone: &Zone) -> i64 {
        line.next(Timestamp(after), zone).unwrap().0
    }

    // 2026-11-22T22:30:15Z, a Sunday.
    const NOW: i64 = 1_795_386_615;

    #[test]
    fn the_next_run_is_found() {
        let utc = Zone::default();
        let any = CronLine::default();
        assert_eq!(next(&any, NOW, &utc), NOW + 45, "the next minute");
        assert_eq!(next(&any, NOW + 45, &utc), NOW + 105, "not twice in one");
        let hourly = CronLine { minutes: bits(&[0]), ..any.clone() };
        assert_eq!(next(&hourly, NOW, &utc), NOW + 45 + 29 * 60);
        let nightly = CronLine { minutes: bits(&[5]), hours: bits(&[3]), ..any.clone() };
        assert_eq!(next(&nightly, NOW, &utc), 1_795_403_100, "2026-11-23T03:05Z");
        let monday = CronLine { weekdays: bits(&[1]), ..nightly.clone() };
        assert_eq!(next(&monday, NOW, &utc), 1_795_403_100);
        let saturday = CronLine { weekdays: bits(&[6]), ..nightly.clone() };
        assert_eq!(next(&saturday, NOW, &utc), 1_795_835_100, "2026-11-28T03:05Z");
        let first = CronLine { days: bits(&[1]), ..nightly.clone() };
        assert_eq!(next(&first, NOW, &utc), 1_796_094_300, "2026-12-01T03:05Z");
        let either = CronLine { days: bits(&[1]), ..saturday };
        assert_eq!(next(&either, NOW, &utc), 1_795_835_100);
        let leap_day = CronLine { days: bits(&[29]), months: bits(&[2]), ..nightly };
        assert_eq!(next(&leap_day, NOW, &utc), 1_835_406_300, "2028-02-29T03:05Z");
    }

    #[test]
    fn local_clocks_count() {
        // From UTC+1 to UTC+2 at 2027-03-28T01:00:00Z.
        let change = Timestamp(1_806_195_600);
        let zone = Zone { first_s: 3600, changes: [(change, 7200)].into() };
        let at = |hour: u32, minute: u32| CronLine {
            minutes: bits(&[minute]),
            hours: bits(&[hour]),
            ..CronLine::default()
        };
        assert_eq!(next(&at(1, 30), change.0 - 7200, &zone), change.0 - 1800);
        assert_eq!(next(&at(3, 0), change.0 - 7200, &zone), change.0);
        assert_eq!(next(&at(2, 30), change.0 - 7200, &zone), change.0 + 1800, "it never was 2:30");
        assert_eq!(next(&at(4, 0), change.0, &zone), change.0 + 3600);
    }

    #[test]
    fn what_never_comes_is_noticed() {
        let any = CronLine::default();
        assert!(any.runs_at_all());
        assert!(!CronLine { minutes: Some(0), ..any.clone() }.runs_at_all());
        let thirtieth = CronLine { days: bits(&[30]), months: bits(&[2]), ..any.clone() };
        assert!(!thirtieth.runs_at_all());
        assert_eq!(thirtieth.next(Timestamp(NOW), &Zone::default()), None);
        assert!(CronLine { days: bits(&[31]), months: bits(&[2, 3]), ..any }.runs_at_all());
    }

    #[test]
    fn fields_are_written_as_slurmctld_writes_them() {
        let line = CronLine {
            minutes: bits(&[0, 15, 30, 45]),
            hours: bits(&[8, 9, 10]),
            weekdays: bits(&[1, 2, 3, 5]),
            ..CronLine::default()
        };
        assert_eq!(line.spec(), "0,15,30,45 8-10 * * 1-3,5");
    }
}
