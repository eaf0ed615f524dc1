//! What a clustering of a corpus is worth, and what it needs to be worth anything.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2, Axis};

use super::kernel::{Panels, similarities};
use super::rows::{check_finite, contiguous, moved, origin};
use super::{Assignment, ClusterError};

/// Rows that a silhouette looks at where there are more.
const SAMPLED: usize = 2_000;

/// That rows can be clustered at all: two or more, finite, and not all the same.
///
/// # Errors
/// [`ClusterError::Empty`], [`ClusterError::TooFewRows`], [`ClusterError::AllEqual`];
/// [`ClusterError::Matrix`] names the first component that is not finite.
pub fn check_corpus(rows: ArrayView2<'_, f32>) -> Result<(), ClusterError> {
    check_finite(rows)?;
    let n = rows.nrows();
    if n == 1 {
        return Err(ClusterError::TooFewRows { rows: n, wanted: 1 });
    }
    let first = rows.row(0);
    if rows.outer_iter().all(|row| row == first) { Err(ClusterError::AllEqual { rows: n }) } else { Ok(()) }
}

/// The mean of the rows of every cluster, `n_clusters` × `d`, in the order of the clusters.
///
/// # Panics
/// When there is not one label per row.
#[must_use]
pub fn centroids(rows: ArrayView2<'_, f32>, assignment: &Assignment) -> Array2<f32> {
    assert_eq!(rows.nrows(), assignment.labels().len(), "one label per row");
    let mut sums = Array2::<f64>::zeros((assignment.n_clusters(), rows.ncols()));
    let mut sizes = vec![0.0_f64; assignment.n_clusters()];
    for (row, label) in rows.outer_iter().zip(assignment.labels()) {
        if let Some(label) = label {
            sizes[*label] += 1.0;
            for (sum, value) in sums.row_mut(*label).iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
    }
    for (mut sum, size) in sums.outer_iter_mut().zip(&sizes) {
        sum /= *size;
    }
    #[expect(clippy::cast_possible_truncation, reason = "means of f32 rows")]
    sums.mapv(|value| value as f32)
}

/// Sum of the squared distances of all rows to the centroid of their cluster, in `f64` difference by
/// difference; noise is left out.
///
/// # Panics
/// When there is not one label per row or not one centroid per cluster.
#[must_use]
pub fn inertia(rows: ArrayView2<'_, f32>, centroids: ArrayView2<'_, f32>, assignment: &Assignment) -> f64 {
    assert_eq!(rows.nrows(), assignment.labels().len(), "one label per row");
    let square = |row: ndarray::ArrayView1<'_, f32>, label: usize| -> f64 {
        let pairs = row.into_iter().zip(centroids.row(label));
        pairs.map(|(one, other)| (f64::from(*one) - f64::from(*other)).powi(2)).sum()
    };
    let labelled = rows.outer_iter().zip(assignment.labels());
    labelled.filter_map(|(row, label)| label.map(|label| square(row, label))).sum()
}

/// Mean silhouette by Euclidean distance, in -1..=1, of the rows that are in a cluster; of more than 2,000
/// rows, of every so manieth, among themselves.
///
/// A row alone in its cluster counts 0, as in the source. `None` where there are no two clusters, or
/// only clusters of one row: there is nothing to compare with.
///
/// Source: Rousseeuw, *Silhouettes*, J. Computational and Applied Mathematics 20 (1987).
///
/// # Panics
/// When there is not one label per row.
#[must_use]
pub fn euclidean_silhouette(rows: ArrayView2<'_, f32>, assignment: &Assignment) -> Option<f64> {
    assert_eq!(rows.nrows(), assignment.labels().len(), "one label per row");
    let inside: Vec<usize> = (0..rows.nrows()).filter(|row| assignment.labels()[*row].is_some()).collect();
    let n = inside.len().min(SAMPLED);
    let some: Vec<usize> = (0..n).map(|place| inside[place * inside.len() / n]).collect();
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    let mut labels = Vec::with_capacity(n);
    for label in some.iter().filter_map(|row| assignment.labels()[*row]) {
        let next = places.len();
        labels.push(*places.entry(label).or_insert(next));
    }
    if places.len() < 2 || places.len() == n {
        return None;
    }
    let distances = distances(&rows.select(Axis(0), &some));
    let mut sizes = vec![0.0_f64; places.len()];
    for label in &labels {
        sizes[*label] += 1.0;
    }
    let width = |row: usize| silhouette(&distances[row * n..][..n], &labels, &sizes, labels[row]);
    Some((0..n).map(width).sum::<f64>() / n as f64)
}

/// The silhouette of one row by its distances to all.
fn silhouette(distances: &[f32], labels: &[usize], sizes: &[f64], own: usize) -> f64 {
    if sizes[own] < 2.0 {
        return 0.0;
    }
    let mut sums = vec![0.0_f64; sizes.len()];
    for (distance, label) in distances.iter().zip(labels) {
        sums[*label] += f64::from(*distance);
    }
    let inside = sums[own] / (sizes[own] - 1.0);
    let others = sums.iter().zip(sizes).enumerate().filter(|(label, _)| *label != own);
    let outside = others.map(|(_, (sum, size))| sum / size).fold(f64::INFINITY, f64::min);
    let scale = inside.max(outside);
    if scale > 0.0 { (outside - inside) / scale } else { 0.0 }
}

/// Euclidean distances of all rows: `n` × `n`, 0 on the diagonal.
fn distances(rows: &Array2<f32>) -> Vec<f32> {
    let (n, depth) = rows.dim();
    let flat = contiguous(rows);
    let origin = origin(&flat, depth);
    let flat = moved(flat, origin.as_deref());
    let mut values = Vec::new();
    similarities(&flat, depth, &mut Panels::default(), &mut values);
    let squares: Vec<f32> =
        flat.chunks_exact(depth).map(|row| row.iter().map(|value| value * value).sum()).collect();
    for one in 0..n {
        for other in 0..n {
            let product = values[one * n + other];
            let square = squares[one] + squares[other] - 2.0 * product;
            values[one * n + other] = if one == other { 0.0 } else { square.max(0.0).sqrt() };
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn means_and_inertia_by_hand() {
        let rows = array![[0.0_f32, 0.0], [2.0, 0.0], [5.0, 5.0], [9.0, 9.0]];
        let assignment = Assignment::new([Some(0), Some(0), Some(1), None]);
        let means = centroids(rows.view(), &assignment);
        assert_eq!(means, array![[1.0, 0.0], [5.0, 5.0]]);
        // 1² + 1² + 0, noise left out.
        assert!((inertia(rows.view(), means.view(), &assignment) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn silhouette_by_hand() {
        let rows = array![[0.0_f32], [1.0], [4.0], [100.0]];
        let assignment = Assignment::new([Some(0), Some(0), Some(1), None]);
        // Row 0: 1 inside, 4 outside: .75. Row 1: 1 and 3: 2/3. Row 2 is alone: 0.
        let found = euclidean_silhouette(rows.view(), &assignment).unwrap();
        assert!((found - (0.75 + 2.0 / 3.0) / 3.0).abs() < 1e-6, "{found}");
        for labels in [[Some(0); 4], [Some(0), Some(1), Some(2), Some(3)], [None; 4]] {
            assert_eq!(euclidean_silhouette(rows.view(), &Assignment::new(labels)), None);
        }
        // Equal rows in two clusters are 0, not NaN.
        let equal = Array2::ones((4, 2));
        let halves = Assignment::new([Some(0), Some(0), Some(1), Some(1)]);
        assert_eq!(euclidean_silhouette(equal.view(), &halves), Some(0.0));
    }

    #[test]
    fn a_corpus_without_differences_is_refused() {
        let refuse = |rows: Array2<f32>| check_corpus(rows.view()).unwrap_err().to_string();
        assert_eq!(refuse(Array2::zeros((0, 3))), "there are no rows to cluster; give at least one");
        assert_eq!(refuse(Array2::zeros((1, 3))), "the number of rows is 1, and at least 2 are needed");
        assert_eq!(refuse(Array2::ones((7, 3))), "all 7 rows are equal; there is nothing to tell apart");
        assert!(matches!(check_corpus(array![[f32::NAN], [1.0]].view()), Err(ClusterError::Matrix(_))));
        assert!(check_corpus(array![[1.0_f32], [2.0]].view()).is_ok());
    }
}
