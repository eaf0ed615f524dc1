//! A measured density and one Gaussian, told apart by expectation maximisation; and Otsu's cut.

use super::fitted::Positives;
use super::sample::{BINS, centre};

/// Rounds of expectation maximisation; on histograms of this size it settles well before.
const ROUNDS: usize = 200;

/// A bell narrower than this is a spike of equal values.
const NARROWEST: f64 = 0.01;

/// Positives must lie this far above negatives, or the mixture has split one group.
const LEAST_DISTANCE: f64 = 0.05;

/// Two groups must explain this share of the variance. Otsu's cut of one Gaussian explains
/// 2/π = .64 of it, of one uniform block .75.
const LEAST_EXPLAINED: f64 = 0.8;

/// The means of two groups must lie this far apart.
const LEAST_GAP: f64 = 0.15;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mixture {
    /// Lowest similarity at which a pair is more likely positive than negative.
    pub(super) crossing: f64,
    pub(super) positives: Positives,
    pub(super) negative_mean: f64,
}

impl Mixture {
    /// `None` when no bell stands out above the negatives. Both histograms hold at least one pair.
    pub(super) fn fit(negatives: &[u64], cross: &[u64]) -> Option<Self> {
        let (negative_mean, _) = moments(negatives)?;
        let density = smooth(negatives, &[negatives, cross])?;
        let total = cross.iter().sum::<u64>() as f64;
        let shares: Vec<f64> = cross.iter().map(|count| *count as f64 / total).collect();
        let (_, spread) = moments(cross)?;
        let mut positives =
            Positives { share: 0.1, mean: quantile(cross, 0.95), deviation: f64::max(0.02, spread / 2.0) };
        for _ in 0..ROUNDS {
            positives = maximise(&positives, &shares, &density)?;
        }
        if positives.mean < negative_mean + LEAST_DISTANCE || positives.share * total < 1.0 {
            return None;
        }
        let bell = bell(&positives);
        // From the peak downwards: in the far left tail a wide bell may lie above the negatives again.
        let from = (0..BINS).find(|bin| centre(*bin) >= negative_mean)?;
        let crossing = (from..BINS)
            .find(|bin| positives.share * bell[*bin] > (1.0 - positives.share) * density[*bin])
            .map_or(positives.mean, centre)
            .min(positives.mean);
        Some(Self { crossing, positives, negative_mean })
    }
}

/// One round: how much of each bin is positive, then the bell of that.
fn maximise(positives: &Positives, shares: &[f64], density: &[f64]) -> Option<Positives> {
    let bell = bell(positives);
    let (mut share, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for bin in (0..BINS).filter(|bin| shares[*bin] > 0.0) {
        let positive = positives.share * bell[bin];
        let weight = shares[bin] * positive / (positive + (1.0 - positives.share) * density[bin]);
        share += weight;
        sum += weight * centre(bin);
        squares += weight * centre(bin) * centre(bin);
    }
    if share < 1e-9 {
        return None;
    }
    let mean = sum / share;
    let deviation = (squares / share - mean * mean).max(0.0).sqrt().max(NARROWEST);
    Some(Positives { share: share.min(1.0 - 1e-9), mean, deviation })
}

/// The bell over the bins, summing to 1, nowhere 0.
fn bell(positives: &Positives) -> Vec<f64> {
    let Positives { mean, deviation, .. } = positives;
    normalised((0..BINS).map(|bin| (-0.5 * ((centre(bin) - mean) / deviation).powi(2)).exp() + 1e-12))
}

fn normalised(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let total: f64 = values.iter().sum();
    values.into_iter().map(|value| value / total).collect()
}

/// A kernel density of `counts`, summing to 1. Its bandwidth is a fiftieth of the range of all
/// histograms, or Silverman's where few counts ask for a wider one.
fn smooth(counts: &[u64], all: &[&[u64]]) -> Option<Vec<f64>> {
    let used = |bin: &usize| all.iter().any(|counts| counts[*bin] > 0);
    let (low, high) = ((0..BINS).find(used)?, (0..BINS).rev().find(used)?);
    let (_, deviation) = moments(counts)?;
    let n = counts.iter().sum::<u64>() as f64;
    let silverman = 0.9 * deviation * n.powf(-0.2);
    let bandwidth = f64::max((centre(high) - centre(low)) / 50.0, silverman).max(1.0 / BINS as f64);
    // A little everywhere, so that no bin has a density of zero: the weight of a thousandth of a pair
    // per sixtieth of the range, as in the reference.
    let width = 2.0 / BINS as f64;
    let floor = 1e-3 * 60.0 * width / (centre(high) - centre(low)).max(width);
    let mut density = vec![floor; BINS];
    let kernel: Vec<f64> =
        (0..BINS).map(|gap| (-0.5 * (gap as f64 * width / bandwidth).powi(2)).exp()).collect();
    let mass: f64 = kernel[0] + 2.0 * kernel[1..].iter().sum::<f64>();
    for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        for (other, density) in density.iter_mut().enumerate() {
            *density += *count as f64 * kernel[bin.abs_diff(other)] / mass;
        }
    }
    Some(normalised(density.into_iter()))
}

/// Mean and standard deviation; `None` without counts.
fn moments(counts: &[u64]) -> Option<(f64, f64)> {
    let n = counts.iter().sum::<u64>() as f64;
    let mean = counts.iter().enumerate().map(|(bin, count)| *count as f64 * centre(bin)).sum::<f64>() / n;
    let variance = counts
        .iter()
        .enumerate()
        .map(|(bin, count)| *count as f64 * (centre(bin) - mean).powi(2))
        .sum::<f64>()
        / n;
    (n > 0.0).then(|| (mean, variance.sqrt()))
}

fn quantile(counts: &[u64], share: f64) -> f64 {
    let wanted = counts.iter().sum::<u64>() as f64 * share;
    let mut seen = 0.0;
    let found = counts.iter().position(|count| {
        seen += *count as f64;
        seen >= wanted
    });
    centre(found.unwrap_or(BINS - 1))
}

/// The cut that separates two groups best; `None` when there are no two groups.
///
/// Source: Otsu, *A threshold selection method from gray-level histograms*, 1979.
pub(super) fn otsu(counts: &[u64]) -> Option<f64> {
    let (mean, deviation) = moments(counts)?;
    let n = counts.iter().sum::<u64>() as f64;
    let (mut below, mut sum) = (0.0, 0.0);
    let mut best: Option<(f64, usize, f64)> = None;
    for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        below += *count as f64;
        sum += *count as f64 * centre(bin);
        let above = n - below;
        if above > 0.0 {
            let gap = (n * mean - sum) / above - sum / below;
            let between = below * above / (n * n) * gap * gap;
            if best.is_none_or(|(most, _, _)| between > most) {
                best = Some((between, bin, gap));
            }
        }
    }
    let (between, bin, gap) = best?;
    let next = (bin + 1..BINS).find(|bin| counts[*bin] > 0)?;
    let two = between >= LEAST_EXPLAINED * deviation * deviation && gap >= LEAST_GAP;
    two.then(|| f64::midpoint(centre(bin), centre(next)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[(f64, u64)]) -> Vec<u64> {
        let mut counts = vec![0; BINS];
        for (value, count) in values {
            let bin = (0..BINS)
                .min_by(|one, other| (centre(*one) - value).abs().total_cmp(&(centre(*other) - value).abs()));
            counts[bin.unwrap()] += count;
        }
        counts
    }

    #[test]
    fn otsu_cuts_in_the_gap_and_refuses_one_group() {
        let cut = otsu(&histogram(&[(0.1, 5), (0.2, 5), (0.7, 4), (0.8, 4)])).unwrap();
        // Middle of the gap from .2 to .7.
        assert!((cut - 0.45).abs() < 0.01, "{cut}");
        assert_eq!(otsu(&histogram(&[(0.6, 4), (0.62, 9), (0.64, 9), (0.66, 4)])), None);
        assert_eq!(otsu(&histogram(&[(0.6, 9)])), None);
    }

    #[test]
    fn the_mixture_finds_what_was_mixed() {
        // Negatives around 0, spread .1; cross pairs: nine parts of those, one part around .6.
        let shape = [(-0.2, 5), (-0.1, 24), (0.0, 42), (0.1, 24), (0.2, 5)];
        let mixed: Vec<(f64, u64)> = shape
            .iter()
            .map(|(value, count)| (*value, count * 90))
            .chain(shape.iter().map(|(value, count)| (0.6 + value / 2.0, count * 10)))
            .collect();
        let found = Mixture::fit(&histogram(&shape), &histogram(&mixed)).unwrap();
        assert!((found.positives.share - 0.1).abs() < 0.01, "{found:?}");
        assert!((found.positives.mean - 0.6).abs() < 0.02, "{found:?}");
        assert!((0.2..0.5).contains(&found.crossing), "{found:?}");
    }

    #[test]
    fn only_negatives_have_no_crossing() {
        // A bell of spread .1 in steps of .01.
        let count = |step: i32| (1000.0 * (-0.5 * (f64::from(step) / 10.0).powi(2)).exp()).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        let shape: Vec<(f64, u64)> =
            (-30..=30).map(|step| (f64::from(step) / 100.0, count(step) as u64)).collect();
        assert_eq!(Mixture::fit(&histogram(&shape), &histogram(&shape)), None);
    }
}
