//! How many nodes may be started or stopped in a minute.

use model::Timestamp;

/// A bucket that fills at a rate and is emptied node by node.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// What is in it, in milliseconds of filling.
    filled_ms: u64,
    /// How long it fills for a node; 0 is without limit.
    node_ms: u64,
    at: Option<Timestamp>,
}

impl Rate {
    /// Fills it for the time that has gone by. It holds as many nodes as the rate gives in the longest
    /// time between two looks, at least one; at first it is full, as slurmctld's is.
    pub(super) fn refill(&mut self, now: Timestamp, nodes_a_minute: u32, interval_s: u32) {
        const MINUTE_MS: u64 = 60_000;
        let rate = u64::from(nodes_a_minute);
        self.node_ms = MINUTE_MS.checked_div(rate).map_or(0, |ms| ms.max(1));
        let nodes = (rate * u64::from(interval_s.max(1)) / 60).max(1);
        let most_ms = nodes * self.node_ms;
        let more_ms = self.at.map_or(most_ms, |at| now.since(at).saturating_mul(1000));
        self.at = Some(now);
        self.filled_ms = self.filled_ms.saturating_add(more_ms).min(most_ms);
    }

    /// Takes a node out, if there is one.
    pub(super) fn take(&mut self) -> bool {
        let has = self.filled_ms >= self.node_ms;
        if has {
            self.filled_ms -= self.node_ms;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rate: &mut Rate) -> u32 {
        (0..1000).map_while(|_| rate.take().then_some(1)).sum()
    }

    #[test]
    fn no_more_nodes_than_the_rate_says_whatever_the_time_between_looks() {
        let mut rate = Rate::default();
        rate.refill(Timestamp(100), 60, 10);
        assert_eq!(taken(&mut rate), 10, "as many as come in the longest time between looks");
        rate.refill(Timestamp(103), 60, 10);
        assert_eq!(taken(&mut rate), 3);
        rate.refill(Timestamp(1000), 60, 10);
        assert_eq!(taken(&mut rate), 10, "what nobody took is not saved up");
    }

    #[test]
    fn a_rate_below_one_in_an_interval_gives_one_when_its_time_has_come() {
        let mut rate = Rate::default();
        rate.refill(Timestamp(0), 2, 10);
        assert_eq!(taken(&mut rate), 1);
        rate.refill(Timestamp(29), 2, 10);
        assert_eq!(taken(&mut rate), 0);
        rate.refill(Timestamp(30), 2, 10);
        assert_eq!(taken(&mut rate), 1);
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        let mut rate = Rate::default();
        rate.refill(Timestamp(0), 0, 10);
        assert_eq!(taken(&mut rate), 1000);
    }
}
