use std::time::Duration;

use conformance::ground::say;
use tokio::time;

use super::hollows::Hollows;
use super::running::{drained, no_op, now_ms};
use super::{Figures, Ground, RoundError, SETTLE};

/// Two nodes of 64 CPUs: 128 slots, each of which is to run all of its tasks one after another.
pub(super) const NODES: u16 = 2;
const SLOTS: u32 = NODES as u32 * 64;

/// Scenario g: the same work a slot, cut into more and more tasks. What it takes longer than the work itself, ΔT, is taken for
/// t_s·n^α_s, where n is the tasks a slot (Reuther et al., Scalable system scheduling for HPC and big data, 2018).
pub(super) async fn measure(ground: &mut Ground) -> Result<(), RoundError> {
    ground.start().await?;
    let mut hollows = Hollows::start(ground)?;
    ground.wait_idle().await?;
    time::sleep(SETTLE).await;
    let work_s = ground.plan.size.work_s;
    let mut points = Vec::new();
    for tasks in ground.plan.size.tasks.clone() {
        say(&format!("    {tasks} tasks a slot, {SLOTS} slots"));
        let already = hollows.count().completions;
        let begin_ms = now_ms();
        let order = no_op(ground, u64::from(SLOTS) * u64::from(tasks), work_s / f64::from(tasks));
        let submitted = order.run(ground.speaker.clone(), std::future::pending()).await;
        drained(ground, &mut hollows, already, &submitted).await?;
        let took = Duration::from_millis(hollows.count().last_completion_ms - begin_ms);
        let over_s = took.as_secs_f64() - work_s;
        let figures = Figures::at("tasks a slot", f64::from(tasks));
        figures.cost("g", "time beyond the work itself, ΔT", "s", over_s);
        points.push((f64::from(tasks), over_s));
        // Jobs are cleaned up, and slots free again.
        ground.wait_idle().await?;
    }
    if let Some((scale, exponent)) = power_law(&points) {
        let figures = Figures::default();
        figures.cost("g", "t_s: time beyond the work at one task a slot, of the fit", "s", scale);
        figures.cost("g", "α_s: exponent of the fit", "exponent", exponent);
    }
    ground.stop().await
}

/// The `t` and `α` of `y = t·x^α` that fit best, least squares of the logarithms; `None` of fewer than two points that have
/// any.
pub fn power_law(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let logs = points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0);
    let logs: Vec<(f64, f64)> = logs.map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = f64::from(u32::try_from(logs.len()).ok()?);
    let (x, y) = logs.iter().fold((0.0, 0.0), |(x, y), log| (x + log.0, y + log.1));
    let (x, y) = (x / count, y / count);
    let spread: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
    let common: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    let exponent = common / spread;
    exponent.is_finite().then(|| ((y - exponent * x).exp(), exponent))
}

#[cfg(test)]
mod tests {
    use super::power_law;

    #[test]
    fn a_power_law_is_found_again() {
        let points = [1.0, 2.0, 4.0, 8.0].map(|n: f64| (n, 2.2 * n.powf(1.3)));
        let (scale, exponent) = power_law(&points).unwrap();
        assert!((scale - 2.2).abs() < 1e-9 && (exponent - 1.3).abs() < 1e-9);
        assert_eq!(power_law(&points[..1]), None);
        assert_eq!(power_law(&[(1.0, -0.1), (2.0, 1.0)]), None);
    }
}
