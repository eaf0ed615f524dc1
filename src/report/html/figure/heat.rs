//! A square of numbers whose shade says the same.

use super::svg::{Svg, shortened};

/// Shades.
const SHADES: usize = 9;
/// Characters of a label, at most.
const LABEL: usize = 32;

/// How every two rows go together, in 0..=1, with the n of each; nothing on the diagonal.
pub(in super::super) fn heat(
    name: &str,
    title: &str,
    labels: &[String],
    cell: impl Fn(usize, usize) -> Option<(f64, usize)>,
) -> String {
    let longest = labels.iter().map(|label| label.chars().count().min(LABEL)).max().unwrap_or(0);
    let left = (14.0 + 7.6 * longest as f64).max(60.0);
    let (top, size) = (8.0, if labels.len() > 10 { 40.0 } else { 58.0 });
    let side = size * labels.len() as f64;
    let mut described = Vec::new();
    for one in 0..labels.len() {
        for other in one + 1..labels.len() {
            if let Some((share, n)) = cell(one, other) {
                described.push(format!("{} and {}: {share:.2} of {n}", labels[one], labels[other]));
            }
        }
    }
    let mut svg = Svg::new(name, (left + side + 12.0, top + side + 26.0), title, &described.join("; "));
    for (row, label) in labels.iter().enumerate() {
        let y = top + size * row as f64;
        svg.text("tick end", (left - 8.0, y + size / 2.0 + 4.0), &shortened(label, LABEL));
        svg.text("tick mid", (left + size * (row as f64 + 0.5), top + side + 17.0), &format!("{}", row + 1));
        for column in 0..labels.len() {
            let corner = (left + size * column as f64, y);
            let middle = corner.0 + size / 2.0;
            if row == column {
                svg.rect("none", corner, (size - 2.0, size - 2.0));
                svg.text("n mid", (middle - 1.0, y + size / 2.0 + 4.0), &format!("{}", row + 1));
                continue;
            }
            let Some((share, n)) = cell(row, column) else {
                svg.rect("none", corner, (size - 2.0, size - 2.0));
                continue;
            };
            let shade = shade(share);
            svg.rect(&format!("s{shade}"), corner, (size - 2.0, size - 2.0));
            svg.text(&format!("t{shade} mid"), (middle - 1.0, y + size / 2.0), &format!("{share:.2}"));
            svg.text(
                &format!("t{shade} mid small"),
                (middle - 1.0, y + size / 2.0 + 13.0),
                &format!("n {n}"),
            );
        }
    }
    svg.finish()
}

/// The shade of a share, from 0 for none to 8 for all.
fn shade(share: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..=8")]
    let shade = (share.clamp(0.0, 1.0) * SHADES as f64) as usize;
    shade.min(SHADES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_span_the_range() {
        assert_eq!([shade(-1.0), shade(0.0), shade(0.5), shade(1.0), shade(2.0)], [0, 0, 4, 8, 8]);
    }

    #[test]
    fn every_pair_is_told_in_words_too() {
        let labels = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let drawn = heat("h", "t", &labels, |one, other| (one + other != 3).then_some((0.25, 8)));
        assert!(drawn.contains("a and b: 0.25 of 8; a and c: 0.25 of 8</desc>"), "{drawn}");
    }
}
