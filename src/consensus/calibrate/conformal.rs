//! The set of values that holds the truth with a probability asked for.

use serde::{Deserialize, Serialize};

use crate::consensus::TraitConsensus;
use crate::persona::TraitValue;

/// Values of which one is right with the probability asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictionSet {
    /// The probability asked for, 0..=1.
    pub coverage: f64,
    /// The values, best supported first; never empty.
    pub values: Vec<TraitValue>,
    /// Whether something that no model said belongs to the set: then no list of said values is
    /// enough for the coverage.
    pub open: bool,
}

/// How unlikely, by its calibrated probability, the truth was found to be: quantiles of
/// 1 − p(truth) over labelled values that the probabilities had not seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conformal {
    /// Labelled values behind the quantiles.
    pub values: usize,
    /// Pairs of a coverage and the score that as large a share of truths does not exceed, by coverage.
    pub quantiles: Vec<(f64, f64)>,
}

/// Coverages of which quantiles are kept, in percent.
const COVERAGES: std::ops::RangeInclusive<u32> = 50..=99;

impl Conformal {
    /// Quantiles of scores, each with its weight; `values` is what the weights add up to in values.
    ///
    /// The quantile at coverage c is the smallest score with a weight of at least c (n + 1) / n at or
    /// below it, and 1 where there is none.
    ///
    /// Source: Papadopoulos et al. 2002; Angelopoulos and Bates, *A gentle introduction to conformal
    /// prediction*, 2021, section 1 (split conformal, the score 1 − p).
    pub(super) fn new(mut scores: Vec<(f64, f64)>, values: usize) -> Self {
        scores.sort_by(|one, other| one.0.total_cmp(&other.0));
        let total: f64 = scores.iter().map(|(_, weight)| weight).sum();
        let correction = (values + 1) as f64 / values.max(1) as f64;
        let quantile = |coverage: f64| {
            let wanted = coverage * correction * total - 1e-9;
            let mut below = 0.0;
            let reached = scores.iter().find(|(_, weight)| {
                below += weight;
                below >= wanted
            });
            reached.map_or(1.0, |(score, _)| *score)
        };
        let coverages = COVERAGES.map(|percent| f64::from(percent) / 100.0);
        Self { values, quantiles: coverages.map(|coverage| (coverage, quantile(coverage))).collect() }
    }

    /// The score up to which values belong to a set of this coverage: that of the next coverage kept,
    /// 1 beyond the last.
    fn threshold(&self, coverage: f64) -> f64 {
        let next = self.quantiles.iter().find(|(kept, _)| *kept >= coverage - 1e-9);
        next.map_or(1.0, |(_, score)| *score)
    }

    /// The set of a decided value whose probability is `probability`.
    pub(super) fn set(&self, found: &TraitConsensus, probability: f64, coverage: f64) -> PredictionSet {
        let threshold = self.threshold(coverage) + 1e-12;
        let (shares, other) = distribution(found, probability);
        // The winner always belongs to the set; that can only cover more.
        let inside = |place: usize| place == 0 || 1.0 - shares[place] <= threshold;
        let values = found.variants.iter().enumerate().filter(|(place, _)| inside(*place));
        PredictionSet {
            coverage,
            values: values.map(|(_, variant)| variant.value.clone()).collect(),
            open: 1.0 - other <= threshold,
        }
    }
}

/// The probability of each variant, and that of something which nobody said.
///
/// What the winner leaves is divided among the other variants by their shares, with one pseudo-vote
/// in 1 + n independent ones for the unsaid.
pub(super) fn distribution(found: &TraitConsensus, probability: f64) -> (Vec<f64>, f64) {
    let unsaid = 1.0 / (1.0 + found.parts.n_eff);
    let others: f64 = found.variants.iter().skip(1).map(|variant| variant.share).sum::<f64>() + unsaid;
    let part = |share: f64| (1.0 - probability) * share / others;
    let rest = found.variants.iter().skip(1).map(|variant| part(variant.share));
    (std::iter::once(probability).chain(rest).collect(), part(unsaid))
}

#[cfg(test)]
mod tests {
    use super::super::features::tests::value;
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        let scores = vec![(0.4, 1.0), (0.1, 1.0), (0.2, 1.0), (0.3, 1.0)];
        let found = Conformal::new(scores, 4);
        // Half of four values, corrected: .5 · 5/4 · 4 = 2.5 values, reached by the third, .3.
        let close = |coverage: f64, score: f64| (found.threshold(coverage) - score).abs() < 1e-12;
        assert!(close(0.5, 0.3));
        // .8 · 5 = 4 values: the last. .81 · 5 > 4: no score suffices.
        assert!(close(0.8, 0.4) && close(0.81, 1.0) && close(0.999, 1.0));
    }

    #[test]
    fn a_distribution_by_hand() {
        // p = .6 leaves .4 for the runner-up's .25 and the unsaid's 1 / (1 + 3) = .25: .2 each.
        let (shares, other) = distribution(&value(0.75, 0.25, 3.0), 0.6);
        assert!((shares[1] - 0.2).abs() < 1e-12 && (other - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_wider_coverage_never_takes_a_value_away() {
        let scores = (1..=100).map(|score| (f64::from(score) / 100.0, 1.0)).collect();
        let found = Conformal::new(scores, 100);
        let trait_value = value(0.7, 0.3, 2.0);
        let sizes: Vec<(usize, bool)> = [0.5, 0.7, 0.9, 0.99]
            .map(|coverage| found.set(&trait_value, 0.7, coverage))
            .iter()
            .map(|set| (set.values.len(), set.open))
            .collect();
        assert!(sizes.windows(2).all(|pair| pair[0] <= pair[1]), "{sizes:?}");
        assert_eq!((sizes[0], sizes[3]), ((1, false), (2, true)));
    }
}
