//! What was promised beside what turned out right.

use super::svg::Svg;
use crate::evaluate::metrics::ReliabilityBin;

/// A reliability diagram: on the diagonal, a confidence is what it says.
pub(in super::super) fn reliability(name: &str, bins: &[ReliabilityBin]) -> String {
    const LEFT: f64 = 52.0;
    const TOP: f64 = 10.0;
    const SIDE: f64 = 264.0;
    let told = bins.iter().filter_map(|bin| Some((bin.confidence?, bin.accuracy?, bin.n)));
    let told: Vec<(f64, f64, usize)> = told.collect();
    let described: Vec<String> = told
        .iter()
        .map(|(confidence, accuracy, n)| format!("confidence {confidence:.2}: right {accuracy:.2}, n {n}"))
        .collect();
    let mut svg =
        Svg::new(name, (LEFT + SIDE + 30.0, TOP + SIDE + 44.0), "Reliability diagram", &described.join("; "));
    let place = |confidence: f64, accuracy: f64| (LEFT + SIDE * confidence, TOP + SIDE * (1.0 - accuracy));
    for tick in 0..=5 {
        let at = f64::from(tick) / 5.0;
        svg.line("grid", place(at, 0.0), place(at, 1.0));
        svg.line("grid", place(0.0, at), place(1.0, at));
        svg.text("tick mid", (LEFT + SIDE * at, TOP + SIDE + 16.0), &format!("{at}"));
        svg.text("tick end", (LEFT - 7.0, TOP + SIDE * (1.0 - at) + 4.0), &format!("{at}"));
    }
    svg.line("whisker dashed", place(0.0, 0.0), place(1.0, 1.0));
    let most = told.iter().map(|bin| bin.2).max().unwrap_or(1).max(1) as f64;
    for (confidence, accuracy, n) in told {
        let (x, y) = place(confidence, accuracy);
        let radius = 4.0 + 9.0 * (n as f64 / most).sqrt();
        svg.put(format_args!("<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>"));
        svg.text("n", (x + radius + 3.0, y + 4.0), &n.to_string());
    }
    svg.text("tick mid", (LEFT + SIDE / 2.0, TOP + SIDE + 36.0), "confidence");
    let middle = TOP + SIDE / 2.0;
    svg.put(format_args!(
        "<text class=\"tick mid\" x=\"14\" y=\"{middle:.1}\" transform=\"rotate(-90 14 {middle:.1})\">share that is right</text>"
    ));
    svg.finish()
}
