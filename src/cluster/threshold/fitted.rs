//! Thresholds, and the account of where they came from.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::sample::FitSettings;

/// Cosines between which drafts count as the same persona; all in -1..=1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Clusters whose mean similarity is above this are joined.
    pub linkage: f64,
    /// A draft stays with a cluster that it resembles by more than this, else it stands alone.
    pub refinement: f64,
    /// Drafts of *one* session at least this alike are one draft said twice. `None` keeps the
    /// drafts of a session apart whatever they say.
    pub duplicate: Option<f64>,
}

impl Thresholds {
    /// One value for both, and duplicates from .9 on (or from `value` on where that is higher).
    #[must_use]
    pub fn fixed(value: f64) -> Self {
        let floor = FitSettings::default().duplicate_floor;
        Self { linkage: value, refinement: value, duplicate: floor.map(|floor| floor.max(value)) }
    }
}

/// Where thresholds come from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Threshold {
    /// These: chosen by the user, or fitted on a whole batch before.
    Fixed(Thresholds),
    /// From the pairs of the data that are being clustered.
    FromData(FitSettings),
}

impl Default for Threshold {
    fn default() -> Self {
        Self::FromData(FitSettings::default())
    }
}

/// The bell of pairs that are the same persona.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Positives {
    /// Share of the cross-session pairs, in 0..=1.
    pub share: f64,
    /// Their mean similarity.
    pub mean: f64,
    /// Its standard deviation.
    pub deviation: f64,
}

/// How thresholds were found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
#[non_exhaustive]
pub enum Origin {
    /// Crossing of the measured negatives and the bell of positives.
    Mixture {
        /// The positives.
        positives: Positives,
        /// Mean similarity of the known negatives.
        negative_mean: f64,
    },
    /// Best matches and known negatives fall into two groups (Otsu's cut between them).
    TwoGroups {
        /// Why there was no mixture.
        reason: String,
    },
    /// The caller's value.
    Fallback {
        /// Why nothing could be read off the data.
        reason: String,
    },
}

/// Thresholds with the evidence behind them. Its `Display` is a sentence for a summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedThresholds {
    /// What to cluster with.
    pub thresholds: Thresholds,
    /// Pairs of drafts of one session.
    pub n_within: u64,
    /// Pairs of drafts of different sessions.
    pub n_cross: u64,
    /// How the thresholds were found.
    pub origin: Origin,
}

impl fmt::Display for FittedThresholds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Thresholds { linkage, refinement, .. } = self.thresholds;
        let (within, cross) = (self.n_within, self.n_cross);
        match &self.origin {
            Origin::Mixture { positives: Positives { share, mean, deviation }, negative_mean } => write!(
                f,
                "drafts count as the same persona above a similarity of {refinement:.2} (joined from \
                 {linkage:.2} on): {within} pairs within a session, which mean different personas, lie \
                 around {negative_mean:.2}; of {cross} pairs across sessions {:.0} % lie around {mean:.2} ± \
                 {deviation:.2}",
                share * 100.0
            ),
            Origin::TwoGroups { reason } => write!(
                f,
                "drafts count as the same persona above a similarity of {refinement:.2}, the cut between two \
                 groups of best matches, because {reason}"
            ),
            Origin::Fallback { reason } => write!(
                f,
                "drafts count as the same persona above the preset similarity of {refinement:.2}, because \
                 {reason}"
            ),
        }
    }
}
