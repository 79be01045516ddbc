use super::axis::{Axis, tick};
use super::{Canvas, WIDTH, width_of};

/// Rows of one unit, each with a dot a subject.
#[derive(Clone, Debug)]
pub struct Dots {
    /// The unit, and which side is better.
    pub title: String,
    /// The rows.
    pub rows: Vec<Row>,
}

/// What is compared.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// One a subject: the least, the median and the most of the rounds.
    pub marks: Vec<Option<(f64, f64, f64)>>,
}

/// Where names begin, and the least and the most room that they have.
const NAMES: f64 = 24.0;
const NAMES_MIN: f64 = 240.0;
const NAMES_MAX: f64 = 560.0;
const ROW: f64 = 21.0;

pub(super) fn draw(canvas: &mut Canvas, panel: &Dots, classes: &[usize]) {
    let marks = || panel.rows.iter().flat_map(|row| row.marks.iter().flatten());
    let values = marks().flat_map(|(least, middle, most)| [*least, *middle, *most]);
    let longest = panel.rows.iter().map(|row| width_of(&row.name)).fold(NAMES_MIN, f64::max);
    let axis = Axis::of(values, NAMES + longest.min(NAMES_MAX) + 10.0, WIDTH - 24.0);
    let top = canvas.height + 20.0;
    canvas.text(12.0, top, "panel", &panel.title);
    let rows = f64::from(u32::try_from(panel.rows.len()).unwrap_or(0));
    let (first, last) = (top + 10.0, top + 12.0 + rows * ROW);
    for value in axis.ticks() {
        let x = axis.at(value);
        canvas.line((x, first), (x, last), "grid");
        canvas.text(x, last + 13.0, "tick", &tick(value));
    }
    let mut y = first + ROW / 2.0;
    for row in &panel.rows {
        canvas.text(NAMES, y + 4.0, "", &row.name);
        for (class, mark) in classes.iter().zip(&row.marks) {
            let Some((least, middle, most)) = *mark else { continue };
            canvas.line((axis.at(least), y), (axis.at(most), y), &format!("l{class}"));
            canvas.dot(axis.at(middle), y, *class);
        }
        y += ROW;
    }
    canvas.height = last + 18.0;
}
