use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Three digits are kept of each time.
const DIGITS: u8 = 3;

/// How long answers took, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How many answers.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Half of them took no longer.
    pub p50: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// 999 of 1,000 took no longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// Times being gathered, in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Times(Histogram<u64>);

impl Times {
    pub(super) fn new() -> Self {
        Self(Histogram::new(DIGITS).expect("three digits are allowed"))
    }

    pub(super) fn add(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
        self.0.record(us).expect("a histogram that grows takes any number");
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("a histogram that grows takes any other");
    }

    pub(super) fn latency(&self) -> Latency {
        let ms = |us: u64| Duration::from_micros(us).as_secs_f64() * 1000.0;
        Latency {
            count: self.0.len(),
            mean: self.0.mean() / 1000.0,
            p50: ms(self.0.value_at_quantile(0.5)),
            p99: ms(self.0.value_at_quantile(0.99)),
            p999: ms(self.0.value_at_quantile(0.999)),
            max: ms(self.0.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_clients_together() {
        let mut times = Times::new();
        let mut slow = Times::new();
        for ms in 1..=98 {
            times.add(Duration::from_millis(ms));
        }
        slow.add(Duration::from_millis(500));
        slow.add(Duration::from_millis(900));
        times.merge(&slow);
        let latency = times.latency();
        assert_eq!(latency.count, 100);
        assert!((49.9..50.2).contains(&latency.p50), "{latency:?}");
        assert!((499.0..501.0).contains(&latency.p99), "{latency:?}");
        assert!((899.0..901.0).contains(&latency.max), "{latency:?}");
    }
}
