//! From rows to clusters.

use std::borrow::Cow;

use super::hyperparams::HdbscanValidParams;
use super::spanning::spanning_tree;
use super::tree::clusters;
use crate::cluster::dbscan::{Points, half_squares};
use crate::cluster::{Assignment, ClusterError};
use crate::embed::FeatureMatrix;

/// Most rows whose distances are held in memory: 1.6 GB of them.
const MOST_ROWS: usize = 20_000;

impl HdbscanValidParams {
    /// Clusters unit rows by their Euclidean distance; what lies in no dense place is noise (`None`), and
    /// so is everything when nothing splits.
    ///
    /// # Errors
    /// [`ClusterError::Empty`] without rows; [`ClusterError::TooManyRows`] above 20,000.
    pub fn fit(&self, features: &FeatureMatrix) -> Result<Assignment, ClusterError> {
        let n = features.rows();
        if n == 0 {
            return Err(ClusterError::Empty);
        }
        if n > MOST_ROWS {
            return Err(ClusterError::TooManyRows { rows: n, most: MOST_ROWS });
        }
        let rows = features.view();
        let rows = rows.as_slice().map_or_else(|| Cow::Owned(rows.iter().copied().collect()), Cow::Borrowed);
        let half_squares = half_squares(&rows, features.dimension());
        let points = Points { rows: &rows, half_squares: &half_squares, depth: features.dimension() };
        let edges = spanning_tree(points, self.min_points);
        Ok(Assignment::new(clusters(n, edges, self.min_cluster_size)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::hdbscan::{HdbscanParams, HdbscanParamsError};
    use linfa::ParamGuard;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256Plus;

    /// Kruskal in f64 over all pairs, as defined.
    fn weight_by_definition(rows: &Array2<f32>, min_points: usize) -> f64 {
        let n = rows.nrows();
        let distance = |one: usize, other: usize| {
            let gaps = rows.row(one).to_owned() - rows.row(other);
            gaps.iter().map(|gap| f64::from(*gap).powi(2)).sum::<f64>().sqrt()
        };
        let core: Vec<f64> = (0..n)
            .map(|one| {
                let mut all: Vec<f64> = (0..n).map(|other| distance(one, other)).collect();
                all.sort_by(f64::total_cmp);
                all[min_points - 1]
            })
            .collect();
        let mut edges: Vec<(f64, usize, usize)> = (0..n)
            .flat_map(|one| (0..one).map(move |other| (one, other)))
            .map(|(one, other)| (distance(one, other).max(core[one]).max(core[other]), one, other))
            .collect();
        edges.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut labels: Vec<usize> = (0..n).collect();
        let mut weight = 0.0;
        for (distance, one, other) in edges {
            let (keep, drop) = (labels[one], labels[other]);
            if keep != drop {
                weight += distance;
                labels.iter_mut().filter(|label| **label == drop).for_each(|label| *label = keep);
            }
        }
        weight
    }

    fn cloud(n: usize, seed: u64) -> FeatureMatrix {
        let random = &mut Xoshiro256Plus::seed_from_u64(seed);
        let middle = Array2::from_shape_simple_fn((4, 8), || random.gen_range(-1.0_f32..1.0));
        let rows = Array2::from_shape_fn((n, 8), |(row, column)| {
            middle[[row % 4, column]] + random.gen_range(-0.15_f32..0.15)
        });
        FeatureMatrix::normalise(rows).unwrap()
    }

    #[test]
    fn the_tree_is_as_light_as_any() {
        for (n, min_points) in [(2, 1), (17, 1), (60, 4), (203, 7)] {
            let features = cloud(n, n as u64);
            let rows = features.view().iter().copied().collect::<Vec<_>>();
            let half_squares = half_squares(&rows, 8);
            let points = Points { rows: &rows, half_squares: &half_squares, depth: 8 };
            let edges = spanning_tree(points, min_points);
            let weight: f64 = edges.iter().map(|edge| edge.2).sum();
            let expected = weight_by_definition(&features.view().to_owned(), min_points);
            assert_eq!(edges.len(), n - 1);
            assert!((weight - expected).abs() < 1e-3 * expected, "{weight} against {expected}");
        }
    }

    #[test]
    fn four_dense_places_are_four_clusters() {
        let found = HdbscanParams::new(10).min_points(3).check().unwrap().fit(&cloud(200, 5)).unwrap();
        assert_eq!(found.n_clusters(), 4);
        for (row, label) in found.labels().iter().enumerate() {
            assert!(label.is_none() || *label == found.labels()[row % 4]);
        }
        assert!(found.labels().iter().filter(|label| label.is_none()).count() < 20);
    }

    #[test]
    fn bad_input_is_named_with_its_value() {
        let refused = HdbscanParams::new(1).check();
        assert_eq!(refused, Err(HdbscanParamsError::MinClusterSize { min_cluster_size: 1 }));
        assert_eq!(HdbscanParams::new(2).min_points(0).check(), Err(HdbscanParamsError::MinPoints));
        let params = HdbscanParams::new(2).check().unwrap();
        let none = FeatureMatrix::new(Array2::zeros((0, 3))).unwrap();
        assert!(matches!(params.fit(&none), Err(ClusterError::Empty)));
        let mut many = Array2::zeros((MOST_ROWS + 1, 1));
        many.fill(1.0);
        let refused = params.fit(&FeatureMatrix::new(many).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("20001 rows"), "{refused}");
        let equal = FeatureMatrix::new(Array2::ones((6, 1))).unwrap();
        assert_eq!(params.fit(&equal).unwrap().n_clusters(), 0, "equal rows never split");
    }
}
