//! Line plots as SVG, both axes logarithmic.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 120.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 48.0;
const COLOURS: [&str; 4] = ["#c0392b", "#2471a3", "#7d8b2f", "#222222"];

/// A line with its name and its points.
pub(crate) type Line = (String, Vec<(f64, f64)>);

/// Draws a plot. Its text takes the reader's colour.
pub(crate) fn svg(title: &str, x: &str, y: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let (x_from, x_to) = decades(points().map(|point| point.0));
    let (y_from, y_to) = decades(points().map(|point| point.1));
    let at_x = |value: f64| LEFT + (power(value) - x_from) / (x_to - x_from) * (WIDTH - LEFT - RIGHT);
    let at_y =
        |value: f64| HEIGHT - BOTTOM - (power(value) - y_from) / (y_to - y_from) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let mut text = |x: f64, y: f64, anchor: &str, text: &str| {
        // Writing to a `String` does not fail.
        let _ = writeln!(svg, "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{text}</text>");
    };
    text(LEFT, 20.0, "start", &format!("{title} ({y})"));
    text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8.0, "middle", x);
    for power in x_from as i32..=x_to as i32 {
        let value = 10f64.powi(power);
        text(at_x(value), HEIGHT - BOTTOM + 18.0, "middle", &shown(value));
    }
    for power in y_from as i32..=y_to as i32 {
        let value = 10f64.powi(power);
        text(LEFT - 8.0, at_y(value) + 4.0, "end", &shown(value));
    }
    // Names beside the ends of lines, moved apart where they would overlap.
    let mut names: Vec<(usize, f64)> = lines
        .iter()
        .enumerate()
        .filter_map(|(index, (_, points))| Some((index, at_y(points.last()?.1))))
        .collect();
    names.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut lowest = f64::MIN;
    for (index, y) in names {
        lowest = y.max(lowest + 14.0);
        text(WIDTH - RIGHT + 8.0, lowest + 4.0, "start", &lines[index].0);
    }
    for power in y_from as i32..=y_to as i32 {
        let (y, right) = (at_y(10f64.powi(power)), WIDTH - RIGHT);
        let _ = writeln!(svg, "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#dddddd\"/>");
    }
    for ((_, points), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let path: Vec<_> =
            points.iter().map(|point| format!("{:.1} {:.1}", at_x(point.0), at_y(point.1))).collect();
        let _ = writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join("L")
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A value's place on an axis. Nothing has none, and would need an endless axis.
fn power(value: f64) -> f64 {
    value.clamp(1e-3, 1e12).log10()
}

/// The powers of ten around the values.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let from = values.clone().map(power).fold(f64::MAX, f64::min).floor();
    (from, values.map(power).fold(f64::MIN, f64::max).ceil().max(from + 1.0))
}

fn shown(value: f64) -> String {
    if value >= 1.0 { format!("{value:.0}") } else { format!("{value}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_nothing_does_not_make_an_endless_axis() {
        let svg = svg("title", "x", "y", &[("a".to_owned(), vec![(1.0, 0.0), (1000.0, 20.0)])]);
        assert!(svg.len() < 10_000);
        assert!(svg.contains("0.001") && svg.contains("1000"));
    }

    #[test]
    fn a_plot_without_points_is_empty() {
        assert!(svg("title", "x", "y", &[]).len() < 10_000);
    }
}
