//! How sure a consensus value is, and what that number is made of.
//!
//! Agreement is not truth: models share training data and err together. A count of votes is
//! therefore shrunk to the number of independent votes that it is worth, and that to a prior.

use serde::{Deserialize, Serialize};

use super::settings::ConsensusParams;

/// The parts of a confidence, so that a reader can trace it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceParts {
    /// Share of the weight of all votes that stands behind the value, similarity counted, 0..=1.
    pub share: f64,
    /// The share of the best value that is not the consensus, 0..=1.
    pub runner_up: f64,
    /// Independent votes that the answers are worth.
    pub n_eff: f64,
    /// Pseudo-votes of the prior.
    pub prior_weight: f64,
    /// Where the prior draws the confidence.
    pub prior_accuracy: f64,
    /// How much the most reliable model behind the value agrees with the others in the whole run,
    /// 0..=1.
    #[serde(default)]
    pub reliability: f64,
}

/// The number of independent votes that `models` correlated ones are worth:
/// `m / (1 + (m − 1) ρ)`, with `ρ` the mean correlation of their errors in 0..=1.
///
/// This is Kish's design effect (L. Kish, *Survey Sampling*, 1965, section 5.4). 0 for no models.
#[must_use]
pub fn effective_models(models: f64, error_correlation: f64) -> f64 {
    if models <= 0.0 { 0.0 } else { models / (1.0 + (models - 1.0).max(0.0) * error_correlation) }
}

impl ConfidenceParts {
    /// `votes` are the independent votes that the answers are worth ([`effective_models`]).
    pub(super) fn new(
        share: f64,
        runner_up: f64,
        votes: f64,
        reliability: f64,
        settings: &ConsensusParams,
    ) -> Self {
        Self {
            share,
            runner_up,
            reliability,
            n_eff: votes,
            prior_weight: settings.prior_weight,
            prior_accuracy: settings.prior_accuracy,
        }
    }

    /// The uncalibrated confidence: the share of the effective votes, with the prior's
    /// pseudo-votes beside them (the posterior mean of a beta-binomial model, Gelman et al.,
    /// *Bayesian Data Analysis*, 2013, section 2.4). In 0..=1.
    #[must_use]
    pub fn score(&self) -> f64 {
        let votes = self.n_eff + self.prior_weight;
        if votes <= 0.0 {
            return self.prior_accuracy;
        }
        ((self.share * self.n_eff + self.prior_accuracy * self.prior_weight) / votes).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlated_models_are_worth_fewer() {
        // 19 / (1 + 18 · 0.27) = 19 / 5.86 = 3.2423…
        assert!((effective_models(19.0, 0.27) - 3.242_320_8).abs() < 1e-6);
        assert!((effective_models(1.0, 0.27) - 1.0).abs() < 1e-12);
        assert!((effective_models(5.0, 0.0) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn a_score_is_shrunk_towards_the_prior() {
        let parts = ConfidenceParts {
            share: 1.0,
            runner_up: 0.0,
            n_eff: 3.0,
            prior_weight: 1.0,
            prior_accuracy: 0.5,
            reliability: 0.5,
        };
        // (1 · 3 + 0.5 · 1) / 4 = 0.875.
        assert!((parts.score() - 0.875).abs() < 1e-12);
    }
}
