//! Bars as SVG.

use std::fmt::Write as _;

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// How long it is.
    pub value: f64,
}

/// Bars that are drawn in one scale.
#[derive(Clone, Debug)]
pub struct Group {
    /// What is compared, with its unit.
    pub title: String,
    /// The bars.
    pub bars: Vec<Bar>,
}

const WIDTH: u32 = 760;
const LEFT: u32 = 150;
/// The longest bar; right of it stands its figure.
const LONGEST: f64 = 500.0;
const BAR: u32 = 16;
const TITLE: u32 = 22;
const GAP: u32 = 12;
const COLOURS: [&str; 4] = ["#8a8f98", "#d2691e", "#4a7c59", "#5b6ea6"];

/// Groups of bars below each other, each in a scale of its own that begins at zero. A name has the same colour throughout.
pub fn bars(title: &str, groups: &[Group]) -> String {
    let rows: usize = groups.iter().map(|group| group.bars.len()).sum();
    let rows = u32::try_from(rows).unwrap_or(u32::MAX / 100);
    let count = u32::try_from(groups.len()).unwrap_or(u32::MAX / 100);
    let height = 40 + rows * (BAR + 2) + count * (TITLE + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    text(&mut svg, 10, 22, "15", title);
    let mut names: Vec<&str> = Vec::new();
    let mut y = 40;
    for group in groups {
        text(&mut svg, 10, y + 14, "12", &group.title);
        y += TITLE;
        let most = group.bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
        for bar in &group.bars {
            let number = names.iter().position(|name| *name == bar.name).unwrap_or_else(|| {
                names.push(&bar.name);
                names.len() - 1
            });
            let colour = COLOURS[number % COLOURS.len()];
            let length = (bar.value / most * LONGEST).max(1.0);
            text(&mut svg, 24, y + 12, "11", &bar.name);
            writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\n\
                 <text x=\"{:.1}\" y=\"{}\" font-size=\"11\">{}</text>",
                f64::from(LEFT) + length + 6.0,
                y + 12,
                short(bar.value),
            )
            .expect("writing to a String cannot fail");
            y += BAR + 2;
        }
        y += GAP;
    }
    svg + "</svg>\n"
}

fn text(svg: &mut String, x: u32, y: u32, size: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(svg, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\">{text}</text>")
        .expect("writing to a String cannot fail");
}

/// A figure with three digits.
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        v if v < 10.0 => format!("{value:.2}"),
        v if v < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_of_a_group_fills_it_and_others_keep_their_proportion() {
        let bar = |name: &str, value| Bar { name: name.to_owned(), value };
        let group = Group { title: "a < b".into(), bars: vec![bar("x", 10.0), bar("y", 2.5)] };
        let svg = bars("t", &[group]);
        assert!(svg.contains("width=\"500.0\""), "{svg}");
        assert!(svg.contains("width=\"125.0\""), "{svg}");
        assert!(svg.contains("a &lt; b"), "{svg}");
    }

    #[test]
    fn figures_have_three_digits() {
        assert_eq!(short(1.234), "1.23");
        assert_eq!(short(12.34), "12.3");
        assert_eq!(short(1234.4), "1234");
        assert_eq!(short(0.0), "0");
    }
}
