//! Figures as SVG: one colour a subject, axes with units, logarithmic since what counts is the ratio, readable on light and on
//! dark.

mod axis;
mod dots;
mod lines;

use std::fmt::Write as _;

pub use axis::short;
pub use dots::{Dots, Row};
pub use lines::{Line, Lines};

/// Width of a drawing, pixels.
const WIDTH: f64 = 960.0;

/// Colours of subjects, on light and on dark.
const COLOURS: [(&str, &str); 4] = [
    ("#64748b", "#94a3b8"),
    ("#2563eb", "#60a5fa"),
    ("#ea580c", "#fb923c"),
    ("#15803d", "#4ade80"),
];

/// A drawing that grows downwards.
#[derive(Clone, Debug, Default)]
struct Canvas {
    body: String,
    height: f64,
}

/// A letter is about so wide, pixels.
const LETTER: f64 = 6.5;

/// Colours of subjects: ctld has its own in every drawing.
fn classes(subjects: &[String]) -> Vec<usize> {
    let mut others = [0, 1, 3].into_iter().cycle();
    let class = |name: &String| if name == "ctld" { Some(2) } else { others.next() };
    subjects.iter().filter_map(class).collect()
}

fn width_of(text: &str) -> f64 {
    f64::from(u32::try_from(text.chars().count()).unwrap_or(0)) * LETTER
}

/// Draws panels below each other, under a title and the subjects' colours.
pub fn drawing(title: &str, subjects: &[String], dots: &[Dots], lines: &[Lines]) -> String {
    let mut canvas = Canvas { height: 26.0, ..Canvas::default() };
    canvas.text(12.0, 22.0, "title", title);
    let mut x = 16.0;
    canvas.height += 22.0;
    let classes = classes(subjects);
    for (class, name) in classes.iter().zip(subjects) {
        let y = canvas.height - 6.0;
        canvas.dot(x, y - 4.0, *class);
        canvas.text(x + 9.0, y, "", name);
        x += 30.0 + width_of(name);
    }
    lines::draw(&mut canvas, lines, &classes);
    for panel in dots {
        dots::draw(&mut canvas, panel, &classes);
    }
    canvas.finish()
}

impl Canvas {
    fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.put(&format!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}</text>"));
    }

    fn dot(&mut self, x: f64, y: f64, class: usize) {
        self.put(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" class=\"f{class}\"/>"));
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>"
        ));
    }

    fn put(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    fn finish(self) -> String {
        let height = self.height + 12.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n<style>\n"
        );
        svg.push_str(&style("#ffffff", "#1f2937", "#d1d5db", |colour| colour.0));
        svg.push_str("@media (prefers-color-scheme: dark) {\n");
        svg.push_str(&style("#0d1117", "#e5e7eb", "#374151", |colour| colour.1));
        svg.push_str("}\n</style>\n<rect width=\"100%\" height=\"100%\" class=\"ground\"/>\n");
        svg.push_str(&self.body);
        svg + "</svg>\n"
    }
}

fn style(
    ground: &str,
    ink: &str,
    grid: &str,
    of: impl Fn((&'static str, &'static str)) -> &'static str,
) -> String {
    let mut css = format!(
        ".ground {{ fill: {ground}; }}\ntext {{ fill: {ink}; }}\n.title {{ font-size: 16px; font-weight: bold; }}\n\
         .panel {{ font-weight: bold; }}\n.tick {{ font-size: 10.5px; text-anchor: middle; }}\n\
         .left {{ font-size: 10.5px; text-anchor: end; }}\n\
         .grid {{ stroke: {grid}; stroke-width: 1; }}\n"
    );
    for (number, colour) in COLOURS.into_iter().enumerate() {
        let colour = of(colour);
        writeln!(
            css,
            ".f{number} {{ fill: {colour}; }}\n.l{number} {{ stroke: {colour}; stroke-width: 2; fill: none; }}\n\
             .d{number} {{ stroke: {colour}; stroke-width: 1.5; stroke-dasharray: 5 4; }}"
        )
        .expect("writing to a String cannot fail");
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_readable_on_light_and_dark_and_escapes_its_texts() {
        let row = Row { name: "a < b".into(), marks: vec![Some((1.0, 2.0, 4.0)), None] };
        let panel = Dots { title: "ms".into(), rows: vec![row] };
        let svg = drawing("t & u", &["x".into(), "y".into()], &[panel], &[]);
        assert!(svg.contains("prefers-color-scheme: dark"));
        assert!(svg.contains("a &lt; b") && svg.contains("t &amp; u"));
        assert!(svg.contains("class=\"l0\"") && !svg.contains("class=\"l1\""), "{svg}");
    }
}
