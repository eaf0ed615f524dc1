//! Bars: one confidence, many confidences, shares of a whole.

use super::svg::{Svg, shortened};

/// A small bar beside a number that says the same, for the eye alone.
pub(in super::super) fn confidence_bar(share: f64, is_probability: bool) -> String {
    let filled = 60.0 * share.clamp(0.0, 1.0);
    let class = if is_probability { "f" } else { "f w" };
    format!(
        "<svg class=\"b\" aria-hidden=\"true\" width=\"60\" height=\"6\" viewBox=\"0 0 60 6\"><path d=\"M0 0h60v6H0z\"/>\
         <path class=\"{class}\" d=\"M0 0h{filled:.0}v6H0z\"/></svg>"
    )
}

/// How often each tenth of the range was given: probabilities below, scores on top of them.
pub(in super::super) fn histogram(name: &str, [probabilities, scores]: [&[usize]; 2]) -> String {
    const LEFT: f64 = 34.0;
    const TOP: f64 = 18.0;
    const WIDE: f64 = 300.0;
    const HIGH: f64 = 120.0;
    let totals: Vec<usize> = probabilities.iter().zip(scores).map(|(one, other)| one + other).collect();
    let most = totals.iter().copied().max().unwrap_or(0).max(1) as f64;
    let n: usize = totals.iter().sum();
    let described: Vec<String> = totals
        .iter()
        .enumerate()
        .map(|(bin, count)| format!("{}–{} %: {count}", bin * 10, bin * 10 + 10))
        .collect();
    let mut svg = Svg::new(
        name,
        (LEFT + WIDE + 12.0, TOP + HIGH + 40.0),
        &format!("Confidence of {n} values"),
        &described.join("; "),
    );
    let step = WIDE / totals.len().max(1) as f64;
    for (bin, total) in totals.iter().enumerate() {
        let x = LEFT + step * bin as f64;
        let high = |count: usize| HIGH * count as f64 / most;
        let (solid, open) = (high(probabilities[bin]), high(scores[bin]));
        svg.rect("bar", (x + 2.0, TOP + HIGH - solid), (step - 4.0, solid));
        if open > 0.0 {
            svg.rect("bar open", (x + 2.0, TOP + HIGH - solid - open), (step - 4.0, open));
        }
        if *total > 0 {
            svg.text("n mid", (x + step / 2.0, TOP + HIGH - solid - open - 4.0), &total.to_string());
        }
    }
    svg.line("axis", (LEFT, TOP + HIGH), (LEFT + WIDE, TOP + HIGH));
    for tick in 0..=5 {
        let x = LEFT + WIDE * f64::from(tick) / 5.0;
        svg.text("tick mid", (x, TOP + HIGH + 15.0), &format!("{}", f64::from(tick) / 5.0));
    }
    svg.text("tick mid", (LEFT + WIDE / 2.0, TOP + HIGH + 33.0), "confidence");
    svg.finish()
}

/// One bar per row, made of three parts that are also written as numbers.
pub(in super::super) fn stacked(
    name: &str,
    title: &str,
    parts: [&str; 3],
    rows: &[(String, [usize; 3])],
) -> String {
    const LEFT: f64 = 2.0;
    const WIDE: f64 = 290.0;
    const STEP: f64 = 40.0;
    let described: Vec<String> = rows
        .iter()
        .map(|(label, counts)| {
            let [first, second, third] = counts;
            format!("{label}: {first} {}, {second} {}, {third} {}", parts[0], parts[1], parts[2])
        })
        .collect();
    let high = 30.0 + STEP * rows.len() as f64;
    let mut svg = Svg::new(name, (LEFT + WIDE + 56.0, high), title, &described.join("; "));
    let mut key = LEFT;
    for (number, part) in parts.iter().enumerate() {
        svg.rect(&format!("part p{number}"), (key, 5.0), (12.0, 12.0));
        svg.text("tick", (key + 17.0, 15.0), part);
        key += 34.0 + 6.6 * part.chars().count() as f64;
    }
    for (place, (label, counts)) in rows.iter().enumerate() {
        let y = 46.0 + STEP * place as f64;
        svg.text("tick", (LEFT, y - 6.0), &shortened(label, 48));
        let total: usize = counts.iter().sum();
        let mut x = LEFT;
        for (number, count) in counts.iter().enumerate() {
            let width = WIDE * *count as f64 / total.max(1) as f64;
            if *count > 0 {
                svg.rect(&format!("part p{number}"), (x, y), ((width - 1.0).max(1.0), 16.0));
            }
            if width > 18.0 {
                svg.text(&format!("on{number} mid"), (x + width / 2.0, y + 12.0), &count.to_string());
            }
            x += width;
        }
        svg.text("n", (LEFT + WIDE + 6.0, y + 12.0), &format!("n {total}"));
    }
    svg.finish()
}
