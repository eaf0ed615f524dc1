//! A distance to begin with, read off the distances to the k-th neighbour.

use ndarray::ArrayView2;

use super::flat::Flat;
use super::neighbours::{kth_distances, kth_distances_of};
use crate::cluster::ClusterError;
use crate::embed::FeatureMatrix;

/// Rows whose neighbours are looked for where there are more.
const SAMPLED: usize = 2_000;

/// Distances of the rows to their `k`-th nearest other row, from the greatest to the least. Where the curve
/// bends is a tolerance worth trying, with `min_points` = `k` + 1.
///
/// # Errors
/// [`ClusterError::Empty`] without rows; [`ClusterError::TooFewRows`] when there is no `k`-th other.
pub fn k_distances(features: &FeatureMatrix, k: usize) -> Result<Vec<f32>, ClusterError> {
    check(features.rows(), k)?;
    let rows = features.view();
    Ok(descending(kth_distances(Flat::new(&rows)?.points(), k)))
}

/// A tolerance for DBSCAN and OPTICS: the distance at which the curve of distances to the
/// `min_points` − 1-th other row, from the greatest to the least, bends most. Rows of any length;
/// of more than 2,000 rows every so manieth is looked at, against all others.
///
/// The bend is the point farthest below the line from the first to the last (Satopää et al., *Finding a
/// "kneedle" in a haystack*, 2011; the curve itself is Ester et al., KDD 1996). It is a place to begin
/// with, no truth: clusters of differing density have no common distance, and HDBSCAN needs none.
///
/// # Errors
/// [`ClusterError::Empty`]; [`ClusterError::TooFewRows`] when there are no `min_points` rows;
/// [`ClusterError::Matrix`] for components that are not finite; [`ClusterError::NoTolerance`] when the curve
/// bends at 0.
pub fn suggested_tolerance(rows: ArrayView2<'_, f32>, min_points: usize) -> Result<f64, ClusterError> {
    let (n, k) = (rows.nrows(), min_points.saturating_sub(1).max(1));
    check(n, k)?;
    let flat = Flat::new(&rows)?;
    let distances = if n <= SAMPLED {
        kth_distances(flat.points(), k)
    } else {
        let some: Vec<usize> = (0..SAMPLED).map(|place| place * n / SAMPLED).collect();
        kth_distances_of(flat.points(), &some, k)
    };
    let curve = descending(distances);
    let tolerance = f64::from(curve[knee(&curve)]);
    if tolerance > 0.0 { Ok(tolerance) } else { Err(ClusterError::NoTolerance { rows: curve.len(), k }) }
}

fn check(rows: usize, k: usize) -> Result<(), ClusterError> {
    match rows {
        0 => Err(ClusterError::Empty),
        _ if k == 0 || k >= rows => Err(ClusterError::TooFewRows { rows, wanted: k }),
        _ => Ok(()),
    }
}

fn descending(mut distances: Vec<f32>) -> Vec<f32> {
    distances.sort_unstable_by(|one, other| other.total_cmp(one));
    distances
}

/// The place that lies farthest below the line from the first to the last value; the first of equals.
fn knee(curve: &[f32]) -> usize {
    let last = curve.len() - 1;
    let (top, bottom) = (f64::from(curve[0]), f64::from(curve[last]));
    let below = |place: usize| {
        let line = top + (bottom - top) * place as f64 / last.max(1) as f64;
        line - f64::from(curve[place])
    };
    (0..=last).fold(0, |best, place| if below(place) > below(best) { place } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn distances_to_the_kth_other_show_where_to_cut() {
        let rows = FeatureMatrix::normalise(array![[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]).unwrap();
        // Nearest others: √2 for all three; second nearest: 2, √2, 2.
        let root = std::f32::consts::SQRT_2;
        for (found, expected) in [(1, [root, root, root]), (2, [2.0, 2.0, root])]
            .map(|(k, expected)| (k_distances(&rows, k).unwrap(), expected))
        {
            assert!(found.iter().zip(&expected).all(|(one, other)| (one - other).abs() < 1e-6), "{found:?}");
        }
        assert!(matches!(k_distances(&rows, 3), Err(ClusterError::TooFewRows { rows: 3, wanted: 3 })));
    }

    #[test]
    fn the_knee_is_where_the_curve_bends() {
        // The line from 10 to 0 passes 7.5, 5, 2.5; the curve lies 5.5, 4, 2 below it.
        assert_eq!(knee(&[10.0, 2.0, 1.0, 0.5, 0.0]), 1);
        assert_eq!(knee(&[3.0, 3.0, 3.0]), 0);
        assert_eq!(knee(&[3.0]), 0);
    }

    #[test]
    fn a_sample_suggests_what_all_rows_suggest() {
        // A line of steps of 1, ten of which are 9 wide.
        let place = |row: usize| (row + row / 300 * 8) as f32;
        let rows = Array2::from_shape_fn((3000, 1), |(row, _)| place(row));
        let found = suggested_tolerance(rows.view(), 2).unwrap();
        assert!((found - 1.0).abs() < 1e-3, "{found}");
        let few = suggested_tolerance(rows.slice(ndarray::s![..400, ..]), 2).unwrap();
        assert!((few - 1.0).abs() < 1e-3, "{few}");
    }

    #[test]
    fn equal_rows_suggest_nothing() {
        let refused = suggested_tolerance(Array2::ones((9, 2)).view(), 3).unwrap_err();
        assert!(matches!(refused, ClusterError::NoTolerance { rows: 9, k: 2 }), "{refused}");
        let refused = suggested_tolerance(array![[1.0_f32], [2.0]].view(), 5).unwrap_err();
        assert_eq!(refused.to_string(), "the number of rows is 2, and at least 5 are needed");
    }
}
