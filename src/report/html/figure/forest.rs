//! Figures with their intervals, one under the other.

use super::svg::{Svg, shortened};

/// A label, the figure, its interval and its n.
pub(in super::super) type Row = (String, Option<f64>, Option<[f64; 2]>, usize);

/// Points with whiskers between −1 and 1.
pub(in super::super) fn forest(name: &str, title: &str, rows: &[Row]) -> String {
    const LEFT: f64 = 14.0;
    const WIDE: f64 = 226.0;
    const STEP: f64 = 38.0;
    let described: Vec<String> = rows
        .iter()
        .map(|(label, value, interval, n)| {
            let value = value.map_or_else(|| "cannot be told".to_owned(), |value| format!("{value:.2}"));
            let interval =
                interval.map(|[low, high]| format!(" ({low:.2} to {high:.2})")).unwrap_or_default();
            format!("{label}: {value}{interval}, n {n}")
        })
        .collect();
    let bottom = 10.0 + STEP * rows.len() as f64;
    let mut svg = Svg::new(name, (LEFT + WIDE + 104.0, bottom + 24.0), title, &described.join("; "));
    let x = |value: f64| LEFT + WIDE * (value.clamp(-1.0, 1.0) + 1.0) / 2.0;
    for tick in [-1.0, -0.5, 0.0, 0.5, 1.0] {
        let class = if tick == 0.0 { "axis" } else { "grid" };
        svg.line(class, (x(tick), 6.0), (x(tick), bottom));
        svg.text("tick mid", (x(tick), bottom + 16.0), &format!("{tick}").replace('-', "−"));
    }
    for (place, (label, value, interval, n)) in rows.iter().enumerate() {
        // The label stands above its line: so it is whole, and the figure as narrow as a phone.
        let y = 10.0 + STEP * (place as f64 + 0.7);
        svg.text("tick", (2.0, y - 12.0), &shortened(label, 44));
        if let Some([low, high]) = interval {
            svg.line("whisker", (x(*low), y), (x(*high), y));
        }
        let said = match value {
            Some(value) => {
                svg.put(format_args!(
                    "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>",
                    x(*value)
                ));
                format!("{value:.2}").replace('-', "−")
            }
            None => "–".to_owned(),
        };
        svg.text("n", (LEFT + WIDE + 10.0, y + 4.0), &format!("{said}   n {n}"));
    }
    svg.finish()
}
