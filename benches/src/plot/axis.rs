/// A logarithmic axis, with a place for zero before its begin where there is one.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    /// Pixels of its begin and its end.
    begin: f64,
    end: f64,
    has_zero: bool,
}

/// Pixels between zero and the least value.
const ZERO: f64 = 26.0;

impl Axis {
    /// An axis that has room for all values.
    pub(super) fn of(values: impl Iterator<Item = f64>, begin: f64, end: f64) -> Self {
        let (mut least, mut most, mut has_zero) = (f64::MAX, 0.0_f64, false);
        for value in values {
            if value > 0.0 {
                (least, most) = (least.min(value), most.max(value));
            } else {
                has_zero = true;
            }
        }
        if most <= 0.0 {
            (least, most) = (1.0, 10.0);
        }
        // A ratio of two at least, so that a small difference looks small, and some room at both ends.
        let (mut from, mut to) = (least.log10() - 0.06, most.log10() + 0.06);
        let lacking = (0.5 - (to - from)).max(0.0) / 2.0;
        (from, to) = (from - lacking, to + lacking);
        Self { from, to, begin, end, has_zero }
    }

    /// Where a value stands, pixels.
    pub(super) fn at(&self, value: f64) -> f64 {
        if value <= 0.0 {
            return self.begin;
        }
        let zero = if self.has_zero { ZERO.copysign(self.end - self.begin) } else { 0.0 };
        let share = (value.log10() - self.from) / (self.to - self.from);
        self.begin + zero + share * (self.end - self.begin - zero)
    }

    /// Values that are marked: powers of ten, with 2 and 5 of each where few would be left.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let span = self.to - self.from;
        let steps: &[f64] = if span > 4.0 {
            &[1.0]
        } else if span > 1.2 {
            &[1.0, 3.0]
        } else {
            &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]
        };
        let mut ticks = Vec::new();
        if self.has_zero {
            ticks.push(0.0);
        }
        let mut decade = self.from.floor();
        while decade <= self.to {
            let values = steps.iter().map(|step| step * 10_f64.powf(decade));
            ticks.extend(values.filter(|v| (self.from..=self.to).contains(&v.log10())));
            decade += 1.0;
        }
        ticks
    }
}

/// A figure with three digits, thousands and millions as k and M.
pub fn short(value: f64) -> String {
    let v = value.abs();
    let digits = |scaled: f64, unit: &str| {
        let text = match scaled.abs() {
            s if s < 9.995 => format!("{scaled:.2}"),
            s if s < 99.95 => format!("{scaled:.1}"),
            _ => format!("{scaled:.0}"),
        };
        text + unit
    };
    if v == 0.0 {
        "0".to_owned()
    } else if v < 0.01 {
        format!("{value:.4}")
    } else if v < 99_950.0 {
        digits(value, "")
    } else if v < 999_500.0 {
        digits(value / 1e3, "k")
    } else {
        digits(value / 1e6, "M")
    }
}

/// The same, without noughts behind the point, for an axis.
pub(super) fn tick(value: f64) -> String {
    let text = match value {
        v if v >= 1e6 => format!("{}M", short(v / 1e6)),
        v if v >= 1e3 => format!("{}k", short(v / 1e3)),
        v => short(v),
    };
    let (number, unit) = text.split_at(text.find(['k', 'M']).unwrap_or(text.len()));
    if !number.contains('.') {
        return text;
    }
    format!("{}{unit}", number.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ratios_are_equally_long_and_zero_has_a_place() {
        let axis = Axis::of([1.0, 10.0, 100.0].into_iter(), 0.0, 100.0);
        let (first, second) = (axis.at(10.0) - axis.at(1.0), axis.at(100.0) - axis.at(10.0));
        assert!((first - second).abs() < 1e-9);
        let axis = Axis::of([0.0, 10.0].into_iter(), 0.0, 100.0);
        assert!(axis.at(0.0) < axis.at(10.0));
        assert_eq!(axis.ticks()[0], 0.0);
    }

    #[test]
    fn figures_have_three_digits() {
        let figures = [1.234, 12.34, 1234.4, 0.0, 123_456.0, 1_000_000.0, 0.0012];
        let texts = ["1.23", "12.3", "1234", "0", "123k", "1.00M", "0.0012"];
        assert_eq!(figures.map(short), texts);
        assert_eq!([1.0, 1500.0, 0.3, 30.0, 1e6].map(tick), ["1", "1.5k", "0.3", "30", "1M"]);
    }
}
