//! Every algorithm by the name that a study file gives it.

use linfa::traits::Fit;
use linfa::{DatasetBase, ParamGuard};
use ndarray::ArrayView2;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    AgreementParams, Assignment, ClusterError, Cut, DbscanParams, GaussianMixture, HdbscanParams,
    KMeansParams, OpticsParams, Outcome, Threshold, agglomerative, linfa_dbscan, linfa_kmeans, linfa_optics,
};
use crate::embed::{FeatureMatrix, SimilarityMatrix};

/// Which algorithm clusters the drafts.
// With `remote` these make functions of the mapping; [`super::named`] adds the names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, remote = "Self")]
#[non_exhaustive]
pub enum Algorithm {
    /// Ours: cannot-link inside a session, one vote per session, the number of clusters from the data.
    #[default]
    #[serde(alias = "consensus")]
    Agreement,
    /// Our k-means; knows nothing of sessions.
    Kmeans {
        /// How many clusters.
        n_clusters: usize,
    },
    /// Our DBSCAN; knows nothing of sessions.
    Dbscan {
        /// Euclidean distance between unit rows within which rows are neighbours.
        tolerance: f64,
        /// Rows within it, itself included, that make a row dense.
        min_points: usize,
    },
    /// Our OPTICS, cut at a distance; knows nothing of sessions.
    Optics {
        /// Euclidean distance between unit rows at which the profile is cut.
        tolerance: f64,
        /// Rows within it, itself included, that make a row dense.
        min_points: usize,
    },
    /// Our HDBSCAN; knows nothing of sessions.
    Hdbscan {
        /// Fewer rows are no cluster.
        min_cluster_size: usize,
        /// Rows that make a place dense, itself included.
        min_points: usize,
    },
    /// Average linkage; knows nothing of sessions.
    Agglomerative {
        /// Clusters whose mean similarity is above this are joined; a cosine.
        threshold: f64,
    },
    /// A mixture of gaussians on rows brought to scale; knows nothing of sessions.
    GaussianMixture {
        /// How many gaussians.
        n_clusters: usize,
    },
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
    /// linfa's OPTICS, cut at a distance; knows nothing of sessions.
    LinfaOptics {
        /// Euclidean distance between unit rows at which the profile is cut.
        tolerance: f64,
        /// Rows within it, itself included, that make a row dense.
        min_points: usize,
    },
    /// linfa's mixture of gaussians on rows as they are; knows nothing of sessions.
    LinfaGaussianMixture {
        /// How many gaussians.
        n_clusters: usize,
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

impl Algorithm {
    pub(super) fn serialize_mapping<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }

    pub(super) fn deserialize_mapping<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    /// Its name in a study file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::Kmeans { .. } => "kmeans",
            Self::Dbscan { .. } => "dbscan",
            Self::Optics { .. } => "optics",
            Self::Hdbscan { .. } => "hdbscan",
            Self::Agglomerative { .. } => "agglomerative",
            Self::GaussianMixture { .. } => "gaussian_mixture",
            Self::LinfaKmeans { .. } => "linfa_kmeans",
            Self::LinfaDbscan { .. } => "linfa_dbscan",
            Self::LinfaOptics { .. } => "linfa_optics",
            Self::LinfaGaussianMixture { .. } => "linfa_gaussian_mixture",
        }
    }

    fn fit_vectors(
        &self,
        features: &FeatureMatrix,
        sessions: &[usize],
        threshold: &Threshold,
        seed: u64,
    ) -> Result<Outcome, ClusterError> {
        let rows = features.view();
        let assignment = match *self {
            Self::Agreement => {
                return AgreementParams::new().threshold(*threshold).check()?.fit_rows(features, sessions);
            }
            Self::Kmeans { n_clusters } => kmeans(rows, n_clusters, seed)?,
            Self::Dbscan { tolerance, min_points } => {
                DbscanParams::new(min_points, tolerance).check()?.fit_rows(rows)?
            }
            Self::Optics { tolerance, min_points } => optics(rows, tolerance, min_points)?,
            Self::Hdbscan { min_cluster_size, min_points } => {
                HdbscanParams::new(min_cluster_size).min_points(min_points).check()?.fit_rows(rows)?
            }
            Self::Agglomerative { threshold } => {
                agglomerative(Input::Features(features), Cut::Threshold(threshold))?
            }
            Self::GaussianMixture { n_clusters } => mixture(rows, &GaussianMixture::new(n_clusters, seed))?,
            Self::LinfaKmeans { n_clusters } => linfa_kmeans(features, n_clusters, seed)?,
            Self::LinfaDbscan { tolerance, min_points } => linfa_dbscan(rows, tolerance, min_points)?,
            Self::LinfaOptics { tolerance, min_points } => linfa_optics(rows, tolerance, min_points)?,
            Self::LinfaGaussianMixture { n_clusters } => {
                mixture(rows, &GaussianMixture::linfa(n_clusters, seed))?
            }
        };
        Ok(Outcome::plain(assignment))
    }
}

fn kmeans(rows: ArrayView2<'_, f32>, n_clusters: usize, seed: u64) -> Result<Assignment, ClusterError> {
    let params = KMeansParams::new(n_clusters).n_runs(RUNS).seed(seed).check()?;
    Ok(params.fit(&DatasetBase::from(rows))?.assignment())
}

fn optics(rows: ArrayView2<'_, f32>, tolerance: f64, min_points: usize) -> Result<Assignment, ClusterError> {
    Ok(OpticsParams::new(min_points).tolerance(tolerance).check()?.analyse(rows)?.at(tolerance))
}

fn mixture(rows: ArrayView2<'_, f32>, settings: &GaussianMixture) -> Result<Assignment, ClusterError> {
    Ok(settings.fit(rows)?.assignment(rows))
}

/// Runs of k-means from different beginnings; the one with the least inertia wins.
const RUNS: usize = 5;

/// Clusters drafts; `sessions[row]` says which model run a draft came from. Only [`Algorithm::Agreement`]
/// heeds sessions and thresholds, only k-means and mixtures the seed. Noise stays `None`
/// ([`Assignment::noise_as_singletons`] makes minority personas of it).
///
/// # Errors
/// [`ClusterError`] with the offending value; [`ClusterError::NeedsVectors`] when anything but
/// [`Algorithm::Agreement`] and [`Algorithm::Agglomerative`] is given similarities.
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
        (algorithm, Input::Features(features)) => algorithm.fit_vectors(features, sessions, threshold, seed),
        (Algorithm::Agreement, Input::Similarities(similarities)) => {
            AgreementParams::new().threshold(*threshold).check()?.fit_similarities(similarities, sessions)
        }
        (Algorithm::Agglomerative { threshold }, input) => {
            agglomerative(input, Cut::Threshold(*threshold)).map(Outcome::plain)
        }
        _ => Err(ClusterError::NeedsVectors { algorithm: algorithm.name() }),
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
            ("our k-means", r#"{"kmeans":{"n_clusters":2}}"#),
            ("our dbscan", r#"{"dbscan":{"tolerance":0.2,"min_points":2}}"#),
            ("our hdbscan", r#"{"hdbscan":{"min_cluster_size":2,"min_points":1}}"#),
            ("average linkage", r#"{"agglomerative":{"threshold":0.5}}"#),
            ("k-means", r#"{"linfa_kmeans":{"n_clusters":2}}"#),
            ("dbscan", r#"{"linfa_dbscan":{"tolerance":0.2,"min_points":2}}"#),
            ("our optics", r#"{"optics":{"tolerance":0.2,"min_points":2}}"#),
            ("optics", r#"{"linfa_optics":{"tolerance":0.2,"min_points":2}}"#),
            ("our mixture", r#"{"gaussian_mixture":{"n_clusters":2}}"#),
            ("mixture", r#"{"linfa_gaussian_mixture":{"n_clusters":2}}"#),
        ] {
            let algorithm: Algorithm = serde_json::from_str(text).unwrap();
            assert!(text.contains(algorithm.name()), "{name}");
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
