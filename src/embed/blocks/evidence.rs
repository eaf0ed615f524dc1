//! What a similarity on one trait says about two drafts being the same persona.
//!
//! Fellegi and Sunter (1969, "A Theory for Record Linkage"): the evidence of an observation is the
//! logarithm of how much more likely it is between drafts of the same persona than between drafts
//! of different ones. Agreement on a rare job says much, agreement on sex little, and a missing
//! trait nothing at all: no evidence is 0, so absent values neither attract nor repel.

use serde::{Deserialize, Serialize};

use crate::persona::{Comparison, TraitKind};

/// Similarities are counted at 0, ⅛, …, 1, each shared between its two neighbours.
pub(super) const KNOTS: usize = 9;

/// A distribution of similarities, or counts of them, at the knots.
pub(super) type Histogram = [f64; KNOTS];

/// How similarities on one trait are distributed, between drafts of one persona and of two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraitEvidence {
    /// What the trait's evidence is multiplied by; the schema's weight.
    pub(super) weight: f64,
    /// Between drafts of the same persona.
    pub(super) same: Histogram,
    /// Between drafts of different personas.
    pub(super) different: Histogram,
}

impl TraitEvidence {
    /// What is assumed before any data: models agree on a trait of one persona in `agree` cases, and
    /// by chance in `chance`. Round numbers by kind, not fitted to any data set.
    pub(super) fn assumed(kind: &TraitKind, weight: f64) -> Self {
        let (agree, chance) = match kind {
            TraitKind::Numeric { .. } => (0.8, 0.25),
            TraitKind::Ordinal { .. } | TraitKind::Categorical { comparison: Comparison::Exact, .. } => {
                (0.85, 0.35)
            }
            TraitKind::List | TraitKind::Text => (0.7, 0.15),
            TraitKind::Categorical { .. } => (0.85, 0.15),
        };
        let line = |share: f64| {
            std::array::from_fn(|knot| {
                let similarity = position(knot);
                (share * similarity + (1.0 - share) * (1.0 - similarity)) / (KNOTS as f64 / 2.0)
            })
        };
        Self { weight, same: line(agree), different: line(chance) }
    }

    /// The mean evidence of the trait between drafts of one persona, in nats: how well it tells
    /// personas apart in these data (the Kullback–Leibler divergence of its two distributions).
    #[must_use]
    pub fn discrimination(&self) -> f64 {
        self.same.iter().zip(&self.different).map(|(same, different)| same * (same / different).ln()).sum()
    }

    /// The trait's weight, as the user or the schema set it.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight
    }
}

fn position(knot: usize) -> f64 {
    knot as f64 / (KNOTS - 1) as f64
}

/// The knot below a similarity, and the share of the knot above it.
pub(super) fn place(similarity: f32) -> (usize, f32) {
    let scaled = similarity.clamp(0.0, 1.0) * (KNOTS - 1) as f32;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the last knot")]
    let below = (scaled as usize).min(KNOTS - 2);
    (below, scaled - below as f32)
}

/// Counts a similarity.
pub(super) fn count(histogram: &mut Histogram, similarity: f32, weight: f64) {
    let (below, above) = place(similarity);
    let above = f64::from(above);
    histogram[below] += weight * (1.0 - above);
    histogram[below + 1] += weight * above;
}

/// Counts and what was believed before them, worth `strength` counts, as one distribution.
pub(super) fn blend(counts: &Histogram, believed: &Histogram, strength: f64) -> Histogram {
    let total: f64 = counts.iter().sum::<f64>() + strength;
    std::array::from_fn(|knot| (counts[knot] + strength * believed[knot]) / total)
}

/// Logarithms of a distribution, to be read between its knots.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogDensity([f32; KNOTS]);

impl LogDensity {
    pub(super) fn new(histogram: &Histogram) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "logarithms of shares")]
        let log = |share: f64| share.max(1e-9).ln() as f32;
        Self(std::array::from_fn(|knot| log(histogram[knot])))
    }

    /// Linear between the knots.
    pub(super) fn at(&self, (below, above): (usize, f32)) -> f32 {
        self.0[below] * (1.0 - above) + self.0[below + 1] * above
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similarity_is_counted_between_its_knots() {
        let mut histogram = [0.0; KNOTS];
        count(&mut histogram, 0.3, 2.0);
        // 0.3 × 8 = 2.4: six tenths at the third knot, four tenths at the fourth, twice.
        assert!((histogram[2] - 1.2).abs() < 1e-6 && (histogram[3] - 0.8).abs() < 1e-6, "{histogram:?}");
        count(&mut histogram, 1.0, 1.0);
        assert!((histogram[KNOTS - 1] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn assumptions_are_distributions_whose_evidence_rises_with_similarity() {
        for kind in [
            TraitKind::List,
            TraitKind::Text,
            TraitKind::Numeric { unit: None, tolerance: 1.0, min: None, max: None },
        ] {
            let evidence = TraitEvidence::assumed(&kind, 1.0);
            for histogram in [&evidence.same, &evidence.different] {
                assert!((histogram.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            }
            let (same, different) = (LogDensity::new(&evidence.same), LogDensity::new(&evidence.different));
            let mut before = f32::NEG_INFINITY;
            for step in 0..=40_u8 {
                let at = place(f32::from(step) / 40.0);
                let now = same.at(at) - different.at(at);
                assert!(now > before);
                before = now;
            }
            assert!(evidence.discrimination() > 0.0);
        }
        // Numbers: ln(0.8 / 0.25) = 1.163 at similarity 1.
        let evidence = TraitEvidence::assumed(
            &TraitKind::Numeric { unit: None, tolerance: 1.0, min: None, max: None },
            1.0,
        );
        let most = LogDensity::new(&evidence.same).at(place(1.0))
            - LogDensity::new(&evidence.different).at(place(1.0));
        assert!((most - 1.163).abs() < 1e-3, "{most}");
    }
}
