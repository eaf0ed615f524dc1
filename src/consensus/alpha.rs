//! How far the models agree beyond chance, trait by trait: Krippendorff's α.
//!
//! Source: Krippendorff, *Computing Krippendorff's alpha-reliability*, 2011; for the bootstrap over
//! units: Efron and Tibshirani, *An introduction to the bootstrap*, 1993, chapter 13.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use serde::{Deserialize, Serialize};

/// Resamples of the interval.
const RESAMPLES: usize = 200;

/// How values differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measurement {
    /// The same or not.
    Nominal,
    /// By how many others stand between.
    Ordinal,
    /// By their distance.
    Interval,
}

/// Agreement beyond chance: 1 perfect, 0 that of chance, below 0 systematic disagreement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alpha {
    /// How values were compared.
    pub measurement: Measurement,
    /// The coefficient; `None` where all values are the same or nothing could be paired.
    pub alpha: Option<f64>,
    /// The 2.5 % and the 97.5 % quantile over resampled units.
    pub interval: Option<[f64; 2]>,
    /// Units with two values or more.
    pub units: usize,
    /// Values in them.
    pub values: usize,
}

/// Units with their values, counted: places in the list of distinct values.
struct Counted {
    distinct: Vec<f64>,
    units: Vec<Vec<(usize, f64)>>,
}

impl Alpha {
    /// α of units that each hold the codes that observers gave them; who gave which does not matter.
    /// Nominal codes may be any numbers. Units with fewer than two codes are left out.
    #[must_use]
    pub fn of(units: &[Vec<f64>], measurement: Measurement, seed: u64) -> Self {
        let counted = Counted::new(units);
        let all: Vec<usize> = (0..counted.units.len()).collect();
        let alpha = counted.alpha(&all, measurement);
        let mut random = Xoshiro256Plus::seed_from_u64(seed);
        let mut found: Vec<f64> = Vec::new();
        for _ in 0..if alpha.is_some() { RESAMPLES } else { 0 } {
            let drawn: Vec<usize> = all.iter().map(|_| random.gen_range(0..all.len())).collect();
            found.extend(counted.alpha(&drawn, measurement));
        }
        found.sort_by(f64::total_cmp);
        let at = |share: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place in the list"
            )]
            let place = (share * (found.len() - 1) as f64).round() as usize;
            found[place]
        };
        Self {
            measurement,
            alpha,
            interval: (!found.is_empty()).then(|| [at(0.025), at(0.975)]),
            units: counted.units.len(),
            values: units.iter().map(Vec::len).filter(|n| *n > 1).sum(),
        }
    }
}

impl Counted {
    fn new(units: &[Vec<f64>]) -> Self {
        let mut distinct: Vec<f64> = units.iter().filter(|unit| unit.len() > 1).flatten().copied().collect();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        let place = |value: &f64| distinct.partition_point(|other| other < value);
        let counted = units.iter().filter(|unit| unit.len() > 1).map(|unit| {
            let mut counts: Vec<(usize, f64)> = Vec::new();
            for place in unit.iter().map(place) {
                match counts.iter_mut().find(|(known, _)| *known == place) {
                    Some((_, count)) => *count += 1.0,
                    None => counts.push((place, 1.0)),
                }
            }
            counts
        });
        Self { units: counted.collect(), distinct }
    }

    /// 1 − observed / expected disagreement over the units drawn.
    fn alpha(&self, drawn: &[usize], measurement: Measurement) -> Option<f64> {
        let mut totals = vec![0.0; self.distinct.len()];
        for (place, count) in drawn.iter().flat_map(|unit| &self.units[*unit]) {
            totals[*place] += count;
        }
        let n: f64 = totals.iter().sum();
        // Values at or below each, for ordinal distances.
        let mut below = 0.0;
        let ranks: Vec<f64> = totals
            .iter()
            .map(|count| {
                below += count;
                below - count / 2.0
            })
            .collect();
        let distance = |one: usize, other: usize| match measurement {
            Measurement::Nominal => f64::from(u8::from(one != other)),
            Measurement::Ordinal => (ranks[one] - ranks[other]).powi(2),
            Measurement::Interval => (self.distinct[one] - self.distinct[other]).powi(2),
        };
        let observed: f64 = drawn.iter().map(|unit| disagreement(&self.units[*unit], distance)).sum();
        // Σ n_c n_k (x_c − x_k)² = 2 (n Σ n_c x_c² − (Σ n_c x_c)²): all three distances are of one line
        // or nominal, so that no pair of values needs to be visited.
        let on_a_line = |places: &[f64]| {
            let (first, second) = totals
                .iter()
                .zip(places)
                .fold((0.0, 0.0), |(first, second), (n, x)| (first + n * x, second + n * x * x));
            2.0 * (n * second - first * first)
        };
        let expected = match measurement {
            Measurement::Nominal => n * n - totals.iter().map(|count| count * count).sum::<f64>(),
            Measurement::Ordinal => on_a_line(&ranks),
            Measurement::Interval => on_a_line(&self.distinct),
        };
        (expected > 1e-9).then(|| 1.0 - (n - 1.0) * observed / expected)
    }
}

/// Disagreement within one unit: distances over its ordered pairs, over its number of values less one.
fn disagreement(counts: &[(usize, f64)], distance: impl Fn(usize, usize) -> f64) -> f64 {
    let n: f64 = counts.iter().map(|(_, count)| count).sum();
    let mut sum = 0.0;
    for (place, (one, count)) in counts.iter().enumerate() {
        for (other, others) in &counts[..place] {
            sum += 2.0 * count * others * distance(*one, *other);
        }
    }
    sum / (n - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Krippendorff's example: four observers, twelve units, 41 values of which 40 can be paired.
    const EXAMPLE: [&str; 12] =
        ["111", "2223", "3333", "3333", "2222", "1234", "4444", "1121", "2222", "555", "11", "3"];

    fn example() -> Vec<Vec<f64>> {
        let digit = |c: char| f64::from(c.to_digit(10).expect("a digit"));
        EXAMPLE.iter().map(|unit| unit.chars().map(digit).collect()).collect()
    }

    #[test]
    fn the_published_example() {
        // Nominal by hand: the diagonal of the coincidences is 7, 10, 8, 4, 3, their margins are 9, 13,
        // 10, 5, 3: (39 · 32 − (72 + 156 + 90 + 20 + 6)) / (40 · 39 − 344) = 904 / 1216 = .7434.
        let alpha = |measurement| Alpha::of(&example(), measurement, 1).alpha.expect("values differ");
        assert!((alpha(Measurement::Nominal) - 904.0 / 1216.0).abs() < 1e-12);
        // Published: ordinal .815, interval .849.
        assert!((alpha(Measurement::Ordinal) - 0.815).abs() < 5e-4, "{}", alpha(Measurement::Ordinal));
        assert!((alpha(Measurement::Interval) - 0.849).abs() < 5e-4, "{}", alpha(Measurement::Interval));
    }

    #[test]
    fn the_interval_holds_the_figure_and_follows_the_seed() {
        let found = Alpha::of(&example(), Measurement::Nominal, 7);
        let [low, high] = found.interval.expect("values differ");
        assert!(low < 904.0 / 1216.0 && 904.0 / 1216.0 < high && (found.units, found.values) == (11, 40));
        assert_eq!(found, Alpha::of(&example(), Measurement::Nominal, 7));
    }

    #[test]
    fn no_figure_where_nothing_varies() {
        assert_eq!(Alpha::of(&[vec![1.0, 1.0], vec![1.0, 1.0]], Measurement::Interval, 1).alpha, None);
        assert_eq!(Alpha::of(&[vec![1.0], vec![2.0]], Measurement::Nominal, 1).alpha, None);
    }
}
