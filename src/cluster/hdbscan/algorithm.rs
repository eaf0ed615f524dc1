//! From rows to clusters.

use ndarray::ArrayView2;

use super::hyperparams::HdbscanValidParams;
use super::spanning::spanning_tree;
use super::tree::{Leaves, clusters};
use crate::cluster::cells::Cells;
use crate::cluster::dbscan::Flat;
use crate::cluster::distances::MOST_ROWS;
use crate::cluster::{Assignment, ClusterError};
use crate::embed::FeatureMatrix;

impl HdbscanValidParams {
    /// Most rows that are clustered exactly; above, cells of rows are, as the module tells.
    pub const EXACT_ROWS: usize = MOST_ROWS;

    /// Clusters unit rows by their Euclidean distance; what lies in no dense place is noise (`None`), and
    /// so is everything when nothing splits.
    ///
    /// # Errors
    /// [`ClusterError::Empty`] without rows.
    pub fn fit(&self, features: &FeatureMatrix) -> Result<Assignment, ClusterError> {
        self.fit_rows(features.view())
    }

    /// The same for rows of any length, `n` × `d`.
    ///
    /// # Errors
    /// [`ClusterError::Empty`] without rows; [`ClusterError::Matrix`] names a component that is not
    /// finite.
    pub fn fit_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Assignment, ClusterError> {
        if rows.nrows() > Self::EXACT_ROWS {
            return self.fit_cells(rows);
        }
        let flat = Flat::new(&rows)?;
        let edges = spanning_tree(flat.points(), self.min_points);
        Ok(Assignment::new(clusters(&Leaves::rows(rows.nrows()), edges, self.min_cluster_size)))
    }

    /// The same by cells of rows; what [`Self::fit_rows`] does above [`Self::EXACT_ROWS`].
    ///
    /// # Errors
    /// As [`Self::fit_rows`].
    pub fn fit_cells(&self, rows: ArrayView2<'_, f32>) -> Result<Assignment, ClusterError> {
        let cells = Cells::new(rows)?;
        let edges = spanning_tree(cells.points(), self.min_points);
        let leaves = Leaves { sizes: cells.masses.clone(), radii: cells.radii() };
        Ok(cells.assignment(&clusters(&leaves, edges, self.min_cluster_size)))
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
            let edges = spanning_tree(Flat::new(&features.view()).unwrap().points(), min_points);
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
    fn cells_find_the_same_dense_places() {
        let features = cloud(3000, 7);
        let params = HdbscanParams::new(40).min_points(5).check().unwrap();
        let (exact, cells) = (params.fit(&features).unwrap(), params.fit_cells(features.view()).unwrap());
        assert_eq!((exact.n_clusters(), cells.n_clusters()), (4, 4));
        for (row, (one, other)) in exact.labels().iter().zip(cells.labels()).enumerate() {
            assert!(one.is_none() || other.is_none() || one == other, "row {row}: {one:?} {other:?}");
        }
    }

    #[test]
    fn where_the_rows_lie_does_not_matter() {
        // Multiples of 1/1024 survive the way to 64 and back.
        let near = cloud(200, 5).view().mapv(|value| (value * 1024.0).round() / 1024.0);
        let far = near.mapv(|value| value + 64.0);
        let params = HdbscanParams::new(10).min_points(3).check().unwrap();
        assert_eq!(params.fit_rows(far.view()).unwrap(), params.fit_rows(near.view()).unwrap());
    }

    #[test]
    fn bad_input_is_named_with_its_value() {
        let refused = HdbscanParams::new(1).check();
        assert_eq!(refused, Err(HdbscanParamsError::MinClusterSize { min_cluster_size: 1 }));
        assert_eq!(HdbscanParams::new(2).min_points(0).check(), Err(HdbscanParamsError::MinPoints));
        let params = HdbscanParams::new(2).check().unwrap();
        let none = FeatureMatrix::new(Array2::zeros((0, 3))).unwrap();
        assert!(matches!(params.fit(&none), Err(ClusterError::Empty)));
        let refused = params.fit_rows(ndarray::array![[1.0, f32::NAN]].view()).unwrap_err();
        assert!(matches!(refused, ClusterError::Matrix(_)), "{refused}");
        let equal = FeatureMatrix::new(Array2::ones((6, 1))).unwrap();
        assert_eq!(params.fit(&equal).unwrap().n_clusters(), 0, "equal rows never split");
    }
}
