use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What goes wrong on hollow nodes, and how slow they are. The same seed gives the same sequence of chances; which message meets
/// which chance depends on the order in which they come.
#[derive(Clone, Debug, Default)]
pub struct Mishaps {
    /// Least time before an answer.
    pub delay: Duration,
    /// Further time before an answer: any between none and this.
    pub jitter: Duration,
    /// Chance that a message is read and the connection closed without an answer, 0 to 1.
    pub drop: f64,
    /// Chance that a launch is refused, which drains the node on a stock controller, 0 to 1.
    pub refuse: f64,
    /// Chance that a script ends with exit code 1, 0 to 1.
    pub fail: f64,
    /// Where the sequence begins.
    pub seed: u64,
}

/// Draws from [`Mishaps`].
#[derive(Debug)]
pub(super) struct Dice {
    mishaps: Mishaps,
    drawn: AtomicU64,
}

impl Dice {
    pub(super) fn new(mishaps: Mishaps) -> Self {
        Self { mishaps, drawn: AtomicU64::new(0) }
    }

    /// How long this answer waits.
    pub(super) fn wait(&self) -> Duration {
        let Mishaps { delay, jitter, .. } = self.mishaps;
        if jitter.is_zero() { delay } else { delay + jitter.mul_f64(self.draw()) }
    }

    /// Whether this message is left without an answer.
    pub(super) fn drops(&self) -> bool {
        self.happens(self.mishaps.drop)
    }

    /// Whether this launch is refused.
    pub(super) fn refuses(&self) -> bool {
        self.happens(self.mishaps.refuse)
    }

    /// Whether this script fails.
    pub(super) fn fails(&self) -> bool {
        self.happens(self.mishaps.fail)
    }

    fn happens(&self, chance: f64) -> bool {
        chance > 0.0 && self.draw() < chance
    }

    /// The next number in 0..1. SplitMix64 (Steele, Lea, Flood 2014) of a counter.
    fn draw(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let count = self.drawn.fetch_add(1, Ordering::Relaxed);
        let mut z = self.mishaps.seed.wrapping_add(count.wrapping_add(1).wrapping_mul(STEP));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let top = u32::try_from((z ^ (z >> 31)) >> 32).expect("32 bits are left");
        f64::from(top) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_comes_about_as_often_as_it_says_and_the_same_way_from_the_same_seed() {
        let count = |seed| {
            let dice = Dice::new(Mishaps { drop: 0.25, seed, ..Mishaps::default() });
            (0..4000).filter(|_| dice.drops()).count()
        };
        assert_eq!(count(7), count(7));
        assert!((900..1100).contains(&count(7)), "{}", count(7));
    }

    #[test]
    fn nothing_goes_wrong_unless_asked_for() {
        let dice = Dice::new(Mishaps::default());
        assert!(!dice.drops() && !dice.refuses() && !dice.fails());
        assert_eq!(dice.wait(), Duration::ZERO);
    }
}
