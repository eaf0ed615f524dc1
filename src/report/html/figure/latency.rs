//! How long answers took, one row per model.

use super::svg::{Svg, shortened};

/// Quantiles of one model's latencies, in milliseconds.
#[derive(Clone, Debug)]
pub(in super::super) struct Box {
    pub(in super::super) label: String,
    /// Least, a quarter, half, three quarters, nine tenths, most.
    pub(in super::super) at: [u64; 6],
    pub(in super::super) n: u64,
}

/// A length of time for people.
pub(in super::super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds as f64 / 1000.0;
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..60_000 => format!("{seconds:.1} s"),
        60_000..600_000 if milliseconds % 60_000 >= 500 => {
            let whole = (milliseconds + 500) / 1000;
            format!("{} min {} s", whole / 60, whole % 60)
        }
        60_000..3_600_000 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// Boxes over the middle half of the calls, with a line at the median and whiskers to the least and to
/// nine tenths; the time grows tenfold from tick to tick.
pub(in super::super) fn latencies(name: &str, boxes: &[Box]) -> String {
    const LEFT: f64 = 22.0;
    const WIDE: f64 = 236.0;
    const STEP: f64 = 44.0;
    let described: Vec<String> = boxes
        .iter()
        .map(|one| {
            let [_, _, half, _, most_of, most] = one.at.map(duration);
            format!("{}: median {half}, nine tenths below {most_of}, most {most}, n {}", one.label, one.n)
        })
        .collect();
    let most = boxes.iter().map(|one| one.at[5]).max().unwrap_or(1).max(10) as f64;
    let decades = most.log10().ceil().max(1.0);
    let bottom = 10.0 + STEP * boxes.len() as f64;
    let mut svg = Svg::new(
        name,
        (LEFT + WIDE + 84.0, bottom + 24.0),
        "Latency of calls by model",
        &described.join("; "),
    );
    let x = |milliseconds: u64| LEFT + WIDE * (milliseconds.max(1) as f64).log10() / decades;
    let mut tick = 1_u64;
    while tick as f64 <= 10_f64.powf(decades) {
        svg.line("grid", (x(tick), 6.0), (x(tick), bottom));
        // In one unit and short: they stand close together.
        let label = if tick < 1000 { format!("{tick} ms") } else { format!("{} s", tick / 1000) };
        svg.text("tick mid", (x(tick), bottom + 16.0), &label);
        tick *= 10;
    }
    for (place, one) in boxes.iter().enumerate() {
        let y = 10.0 + STEP * (place as f64 + 0.7);
        let [least, quarter, half, three, nine, _] = one.at;
        svg.text("tick", (2.0, y - 14.0), &shortened(&one.label, 48));
        svg.line("whisker", (x(least), y), (x(nine), y));
        svg.rect("bar open", (x(quarter), y - 7.0), ((x(three) - x(quarter)).max(1.0), 14.0));
        svg.line("median", (x(half), y - 9.0), (x(half), y + 9.0));
        svg.text("n", (LEFT + WIDE + 12.0, y + 4.0), &format!("n {}", one.n));
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_their_own_unit() {
        assert_eq!(
            [0, 999, 1000, 74_700, 120_000, 900_000, 7_200_000].map(duration),
            ["0 ms", "999 ms", "1.0 s", "1 min 15 s", "2 min", "15 min", "2.0 h"]
        );
    }
}
