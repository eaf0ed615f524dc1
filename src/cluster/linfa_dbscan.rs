//! linfa's DBSCAN behind guards: a baseline that must be told a distance.

use linfa::{ParamGuard, traits::Transformer};
use linfa_clustering::Dbscan;
use linfa_nn::CommonNearestNeighbour;
use linfa_nn::distance::L2Dist;
use ndarray::ArrayView2;

use super::rows::SortedRows;
use super::{Assignment, ClusterError};

/// Clusters rows of any length (`n` × `d`) by linfa's DBSCAN: rows with at least `min_points` rows (themselves included)
/// within the Euclidean distance `tolerance` are dense; what is dense and near belongs together; the
/// rest is noise (`None`).
///
/// For unit rows the distance of a cosine s is √(2 − 2s); there is no default, because linfa's (1e-4)
/// calls nearly everything noise. A border row between two clusters goes to the one that is
/// found first; rows are sorted first, so that the order in which they come changes nothing.
/// Neighbours are searched linearly, which is twice as fast as linfa's tree from 64 components on.
///
/// # Errors
/// [`ClusterError::Empty`], [`ClusterError::Tolerance`], [`ClusterError::MinPoints`];
/// [`ClusterError::Matrix`] for components that are not finite, on which linfa panics.
pub fn linfa_dbscan(
    rows: ArrayView2<'_, f32>,
    tolerance: f64,
    min_points: usize,
) -> Result<Assignment, ClusterError> {
    #[expect(clippy::cast_possible_truncation, reason = "distances are f32")]
    let narrow = tolerance as f32;
    if !(narrow.is_finite() && narrow > 0.0) {
        return Err(ClusterError::Tolerance { tolerance });
    }
    if min_points < 2 {
        return Err(ClusterError::MinPoints { min_points });
    }
    let sorted = SortedRows::new(rows)?;
    let params = Dbscan::params_with(min_points, L2Dist, CommonNearestNeighbour::LinearSearch)
        .tolerance(narrow)
        .check()
        .map_err(|_| ClusterError::Tolerance { tolerance })?;
    let labels = params.transform(&sorted.rows);
    Ok(sorted.assignment(&labels.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn rows() -> Array2<f32> {
        array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [0.1, 1.0], [-1.0, -1.0]]
    }

    #[test]
    fn dense_rows_belong_together_and_the_rest_is_noise() {
        let found = linfa_dbscan(rows().view(), 0.2, 2).unwrap();
        assert_eq!(found.labels(), [Some(0), Some(1), Some(0), Some(1), None]);
    }

    #[test]
    fn what_is_no_distance_is_refused_with_its_value() {
        for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let refused = linfa_dbscan(rows().view(), tolerance, 2).unwrap_err();
            assert!(refused.to_string().contains(&format!("`tolerance` is {tolerance}")), "{refused}");
        }
        let few = linfa_dbscan(rows().view(), 0.2, 1);
        assert!(matches!(few, Err(ClusterError::MinPoints { min_points: 1 })));
        let broken = linfa_dbscan(array![[f32::NAN], [1.0]].view(), 0.2, 2);
        assert!(matches!(broken, Err(ClusterError::Matrix(_))));
    }
}
