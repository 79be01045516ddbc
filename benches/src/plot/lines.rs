use super::axis::{Axis, tick};
use super::{Canvas, WIDTH};

/// A figure that grows with something.
#[derive(Clone, Debug)]
pub struct Lines {
    /// What it is, with its unit.
    pub title: String,
    /// What it grows with.
    pub across: String,
    /// One a subject.
    pub lines: Vec<Line>,
}

/// A subject's points.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Across and up.
    pub points: Vec<(f64, f64)>,
    /// `(t, α)` of `t·x^α`, to be drawn beside them.
    pub fit: Option<(f64, f64)>,
}

const COLUMNS: usize = 2;
const HEIGHT: f64 = 250.0;
const GAP: f64 = 16.0;
/// Room for what stands left of and below the field.
const LEFT: f64 = 46.0;
const BELOW: f64 = 40.0;

/// Panels beside and below each other.
pub(super) fn draw(canvas: &mut Canvas, panels: &[Lines], classes: &[usize]) {
    let columns = f64::from(u32::try_from(COLUMNS).unwrap_or(1));
    let width = (WIDTH - GAP * (columns + 1.0)) / columns;
    for row in panels.chunks(COLUMNS) {
        let mut x = GAP;
        for panel in row {
            one(canvas, panel, classes, (x, width));
            x += width + GAP;
        }
        canvas.height += HEIGHT + GAP;
    }
}

fn one(canvas: &mut Canvas, panel: &Lines, classes: &[usize], (left, width): (f64, f64)) {
    let top = canvas.height + 20.0;
    let (begin, end) = (left + LEFT, left + width);
    let (floor, ceiling) = (canvas.height + HEIGHT - BELOW, top + 12.0);
    let points = || panel.lines.iter().flat_map(|line| &line.points);
    let across = Axis::of(points().map(|point| point.0), begin, end);
    let up = Axis::of(points().map(|point| point.1), floor, ceiling);
    canvas.text(left, top, "panel", &panel.title);
    for value in up.ticks() {
        let y = up.at(value);
        canvas.line((begin, y), (end, y), "grid");
        canvas.text(begin - 5.0, y + 4.0, "left", &tick(value));
    }
    let mut marked: Vec<f64> = points().map(|point| point.0).collect();
    marked.sort_by(f64::total_cmp);
    marked.dedup();
    for value in marked {
        let x = across.at(value);
        canvas.line((x, floor), (x, ceiling), "grid");
        canvas.text(x, floor + 14.0, "tick", &tick(value));
    }
    canvas.text(f64::midpoint(begin, end), floor + 29.0, "tick", &panel.across);
    for (&class, line) in classes.iter().zip(&panel.lines) {
        let places: Vec<(f64, f64)> =
            line.points.iter().map(|(x, y)| (across.at(*x), up.at(*y))).collect();
        match line.fit {
            Some((scale, exponent)) => {
                let at = |x: f64| (across.at(x), up.at(scale * x.powf(exponent)));
                let ends = line.points.first().zip(line.points.last());
                if let Some((first, last)) = ends {
                    canvas.line(at(first.0), at(last.0), &format!("d{class}"));
                }
            }
            None => {
                for pair in places.windows(2) {
                    canvas.line(pair[0], pair[1], &format!("l{class}"));
                }
            }
        }
        for (x, y) in places {
            canvas.dot(x, y, class);
        }
    }
}
