//! Every algorithm by the name that a study file gives it.

use linfa::ParamGuard;
use serde::{Deserialize, Serialize};

use super::{AgreementParams, Assignment, ClusterError, Outcome, Threshold, linfa_dbscan, linfa_kmeans};
use crate::embed::{FeatureMatrix, SimilarityMatrix};

/// Which algorithm clusters the drafts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Algorithm {
    /// Ours: cannot-link inside a session, one vote per session, the number of clusters from the data.
    #[default]
    Agreement,
    /// linfa's k-means; knows nothing of sessions.
    LinfaKmeans {
        /// How many clusters.
        n_clusters: usize,
    },
    /// linfa's DBSCAN; knows nothing of sessions.
    LinfaDbscan {
        /// Euclidean distance between unit rows within which rows are neighbours.
        tolerance: f64,
        /// Rows within it, itself included, that make a row dense.
        min_points: usize,
    },
}

/// What is clustered.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// One unit row per draft.
    Features(&'a FeatureMatrix),
    /// A similarity for every pair of drafts.
    Similarities(&'a SimilarityMatrix),
}

impl Input<'_> {
    /// Number of drafts.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Features(features) => features.rows(),
            Self::Similarities(similarities) => similarities.size(),
        }
    }
}

/// Clusters drafts; `sessions[row]` says which model run a draft came from. Only [`Algorithm::Agreement`]
/// heeds sessions and thresholds, only [`Algorithm::LinfaKmeans`] the seed. Noise stays `None`
/// ([`Assignment::noise_as_singletons`] makes minority personas of it).
///
/// # Errors
/// [`ClusterError`] with the offending value; [`ClusterError::NeedsVectors`] when an algorithm of linfa
/// is given similarities.
pub fn fit(
    algorithm: &Algorithm,
    input: Input<'_>,
    sessions: &[usize],
    threshold: &Threshold,
    seed: u64,
) -> Result<Outcome, ClusterError> {
    let rows = input.rows();
    if sessions.len() != rows {
        return Err(ClusterError::Sessions { sessions: sessions.len(), rows });
    }
    match (algorithm, input) {
        (Algorithm::Agreement, input) => {
            let params = AgreementParams::new().threshold(*threshold).check()?;
            match input {
                Input::Features(features) => params.fit_rows(features, sessions),
                Input::Similarities(similarities) => params.fit_similarities(similarities, sessions),
            }
        }
        (Algorithm::LinfaKmeans { n_clusters }, Input::Features(features)) => {
            linfa_kmeans(features, *n_clusters, seed).map(Outcome::plain)
        }
        (Algorithm::LinfaDbscan { tolerance, min_points }, Input::Features(features)) => {
            linfa_dbscan(features, *tolerance, *min_points).map(Outcome::plain)
        }
        (Algorithm::LinfaKmeans { .. }, Input::Similarities(_)) => {
            Err(ClusterError::NeedsVectors { algorithm: "linfa_kmeans" })
        }
        (Algorithm::LinfaDbscan { .. }, Input::Similarities(_)) => {
            Err(ClusterError::NeedsVectors { algorithm: "linfa_dbscan" })
        }
    }
}

impl Outcome {
    /// The result of an algorithm that knows neither sessions nor thresholds.
    fn plain(assignment: Assignment) -> Self {
        Self { assignment, merged: Vec::new(), thresholds: None, fitted: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Thresholds;
    use ndarray::array;

    #[test]
    fn every_algorithm_answers_by_its_name() {
        let features =
            FeatureMatrix::normalise(array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [0.1, 1.0]]).unwrap();
        let threshold = Threshold::Fixed(Thresholds::fixed(0.5));
        for (name, text) in [
            ("agreement", r#""agreement""#),
            ("k-means", r#"{"linfa_kmeans":{"n_clusters":2}}"#),
            ("dbscan", r#"{"linfa_dbscan":{"tolerance":0.2,"min_points":2}}"#),
        ] {
            let algorithm: Algorithm = serde_json::from_str(text).unwrap();
            let outcome = fit(&algorithm, Input::Features(&features), &[0, 0, 1, 1], &threshold, 1).unwrap();
            assert_eq!(outcome.assignment.labels(), [Some(0), Some(1), Some(0), Some(1)], "{name}");
        }
        let similarities = features.similarities();
        let kmeans = Algorithm::LinfaKmeans { n_clusters: 2 };
        let refused = fit(&kmeans, Input::Similarities(&similarities), &[0; 4], &threshold, 1).unwrap_err();
        assert!(refused.to_string().starts_with("`linfa_kmeans` needs vectors"));
        let refused = fit(&kmeans, Input::Features(&features), &[0; 3], &threshold, 1).unwrap_err();
        assert!(matches!(refused, ClusterError::Sessions { sessions: 3, rows: 4 }));
    }
}
