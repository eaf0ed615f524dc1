//! linfa's k-means behind guards: a baseline that must be told the number of clusters.

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::{KMeans, KMeansError};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256Plus;

use super::rows::SortedRows;
use super::{Assignment, ClusterError};
use crate::embed::FeatureMatrix;

/// Runs from different beginnings; the one with the least inertia wins.
const RUNS: usize = 5;

/// Clusters unit rows by linfa's k-means with k-means++ from `seed`, five runs, its own tolerance
/// (1e-4) and limit of 300 iterations.
///
/// Rows are sorted first, so that their order changes nothing. Labels come from the best run's
/// centroids, never from linfa's `cluster_count`, which belongs to its last run. A cluster that ends
/// without rows is not counted.
///
/// # Errors
/// [`ClusterError::Empty`], [`ClusterError::NoClusters`]; [`ClusterError::TooManyClusters`] where
/// linfa would quietly "succeed" with fewer; [`ClusterError::LinfaKMeans`] with what linfa says.
pub fn linfa_kmeans(
    features: &FeatureMatrix,
    n_clusters: usize,
    seed: u64,
) -> Result<Assignment, ClusterError> {
    let sorted = SortedRows::new(features.view())?;
    let (rows, distinct) = (features.rows(), sorted.distinct);
    if n_clusters == 0 {
        return Err(ClusterError::NoClusters);
    }
    if n_clusters > distinct {
        return Err(ClusterError::TooManyClusters { n_clusters, distinct, rows });
    }
    let dataset = DatasetBase::from(sorted.rows.view());
    let model = KMeans::params_with_rng(n_clusters, Xoshiro256Plus::seed_from_u64(seed))
        .n_runs(RUNS)
        .fit(&dataset)
        .map_err(|source: KMeansError| ClusterError::LinfaKMeans { rows, source })?;
    let labels = model.predict(&sorted.rows);
    Ok(sorted.assignment(&labels.iter().copied().map(Some).collect::<Vec<_>>()))
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
