//! linfa's k-means behind guards: a baseline that must be told the number of clusters.

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::{KMeans, KMeansInit};
use linfa_nn::distance::L2Dist;
use ndarray::{Array2, ArrayView2};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256Plus;

use super::kmeans::KMeansParamsError;
use super::rows::SortedRows;
use super::{Assignment, ClusterError};
use crate::embed::FeatureMatrix;

/// Runs from different beginnings; the one with the least inertia wins.
const RUNS: usize = 5;

/// The least tolerance that linfa takes for one; 0 is none to it.
const LEAST_TOLERANCE: f64 = 1e-9;

/// linfa's k-means with its settings; [`LinfaKMeans::new`] has their defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct LinfaKMeans {
    /// How many clusters.
    pub n_clusters: usize,
    /// Runs from different beginnings.
    pub n_runs: usize,
    /// Most updates of the centroids.
    pub max_n_iterations: u64,
    /// It ends when no centroid moves farther; 0 counts as 1e-9.
    pub tolerance: f64,
    /// The first centroids, `n_clusters` × `d`; k-means++ without.
    pub init: Option<Array2<f32>>,
    /// Seed of k-means++.
    pub seed: u64,
}

impl LinfaKMeans {
    /// Five runs from k-means++, linfa's tolerance (1e-4) and limit of 300 iterations.
    #[must_use]
    pub fn new(n_clusters: usize, seed: u64) -> Self {
        Self { n_clusters, n_runs: RUNS, max_n_iterations: 300, tolerance: 1e-4, init: None, seed }
    }

    /// Fits rows of any length, `n` × `d`; the model's `predict` labels them. Rows are sorted first, so that
    /// their order changes nothing.
    ///
    /// # Errors
    /// [`ClusterError::Empty`], [`ClusterError::NoClusters`]; [`ClusterError::TooManyClusters`] where
    /// linfa would quietly "succeed" with fewer; [`ClusterError::KMeans`] and
    /// [`ClusterError::Dimension`] for settings and first centroids that cannot be used;
    /// [`ClusterError::LinfaKMeans`] with what linfa says.
    pub fn fit(&self, rows: ArrayView2<'_, f32>) -> Result<KMeans<f32, L2Dist>, ClusterError> {
        let sorted = SortedRows::new(rows)?;
        let (n, n_clusters, distinct) = (rows.nrows(), self.n_clusters, sorted.distinct);
        if n_clusters == 0 {
            return Err(ClusterError::NoClusters);
        }
        if n_clusters > distinct {
            return Err(ClusterError::TooManyClusters { n_clusters, distinct, rows: n });
        }
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return Err(KMeansParamsError::Tolerance { tolerance: self.tolerance }.into());
        }
        #[expect(clippy::cast_possible_truncation, reason = "linfa's tolerance is of the type of the rows")]
        let tolerance = self.tolerance.max(LEAST_TOLERANCE) as f32;
        let mut params = KMeans::params_with_rng(n_clusters, Xoshiro256Plus::seed_from_u64(self.seed))
            .n_runs(self.n_runs)
            .max_n_iterations(self.max_n_iterations)
            .tolerance(tolerance);
        if let Some(init) = &self.init {
            check_init(init, n_clusters, rows.ncols())?;
            params = params.init_method(KMeansInit::Precomputed(init.clone()));
        }
        let fitted = params.fit(&DatasetBase::from(sorted.rows.view()));
        fitted.map_err(|source| ClusterError::LinfaKMeans { rows: n, source })
    }
}

fn check_init(init: &Array2<f32>, n_clusters: usize, expected: usize) -> Result<(), ClusterError> {
    let (given, components) = init.dim();
    if given != n_clusters {
        return Err(KMeansParamsError::Init { given, n_clusters }.into());
    }
    if components != expected {
        return Err(ClusterError::Dimension { expected, given: components });
    }
    Ok(())
}

/// Clusters unit rows by [`LinfaKMeans`] with its defaults.
///
/// Labels come from the best run's centroids, never from linfa's `cluster_count`, which belongs to its
/// last run. A cluster that ends without rows is not counted.
///
/// # Errors
/// As [`LinfaKMeans::fit`].
pub fn linfa_kmeans(
    features: &FeatureMatrix,
    n_clusters: usize,
    seed: u64,
) -> Result<Assignment, ClusterError> {
    let model = LinfaKMeans::new(n_clusters, seed).fit(features.view())?;
    let labels = model.predict(&features.view());
    Ok(Assignment::new(labels.iter().copied().map(Some)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Axis, array};

    fn rows() -> FeatureMatrix {
        FeatureMatrix::normalise(array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [0.1, 1.0], [1.0, 0.0]]).unwrap()
    }

    #[test]
    fn it_finds_plain_groups_whatever_the_order_of_rows() {
        let found = linfa_kmeans(&rows(), 2, 1).unwrap();
        assert_eq!(found.labels(), [Some(0), Some(1), Some(0), Some(1), Some(0)]);
        let order = [3, 4, 0, 2, 1];
        let turned = FeatureMatrix::new(rows().view().select(Axis(0), &order)).unwrap();
        let turned = linfa_kmeans(&turned, 2, 1).unwrap();
        let expected = Assignment::new(order.iter().map(|row| found.labels()[*row]));
        assert_eq!(turned, expected);
    }

    #[test]
    fn more_clusters_than_distinct_rows_are_refused_with_the_numbers() {
        let refused = linfa_kmeans(&rows(), 5, 1).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`n_clusters` is 5, but only 4 of 5 rows are distinct; ask for at most 4"
        );
        assert!(matches!(linfa_kmeans(&rows(), 0, 1), Err(ClusterError::NoClusters)));
        let none = FeatureMatrix::new(ndarray::Array2::zeros((0, 2))).unwrap();
        assert!(matches!(linfa_kmeans(&none, 1, 1), Err(ClusterError::Empty)));
        let one = FeatureMatrix::new(array![[1.0, 0.0]]).unwrap();
        assert_eq!(linfa_kmeans(&one, 1, 1).unwrap(), Assignment::single(1));
    }
}
