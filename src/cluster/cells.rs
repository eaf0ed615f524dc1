//! Cells: many rows as few, for algorithms whose cost grows with the square.
//!
//! k-means with many more centroids than there are clusters gathers rows that are near to each other. A
//! cell knows its mean, how many rows it has and how far they are from the mean, and that is enough for two
//! identities: the mean squared distance between the rows of two cells is ‖a − b‖² + the two spreads,
//! and their mean product is a·b. So the distance of cells is the root of the former, in the units of
//! the rows, and average linkage of cells by the latter is average linkage of the rows from there on. What is
//! lost is what k-means joined: an outlier takes part in the fate of its cell.

use ndarray::{Array2, ArrayView2, Axis};

use linfa::traits::{Fit, Predict};
use linfa::{DatasetBase, ParamGuard};

use super::dbscan::Points;
use super::kernel::{Panels, add_to, dot, similarities};
use super::rows::{check_finite, check_squares, contiguous, moved, origin};
use super::{Assignment, ClusterError, KMeansInit, KMeansModel, KMeansParams};

/// Cells are this times the root of the number of rows, so that neither side of the work runs away.
const PER_ROOT: f64 = 4.0;

/// Most cells: their distances are 256 MB.
const MOST: usize = 8_192;

/// Rows per cell from which the first centroids are learnt.
const LEARNT_FROM: usize = 8;

/// Rounds of k-means over all rows; cells need not be the best, only small.
const ROUNDS: usize = 4;

/// Rows gathered into cells.
#[derive(Debug)]
pub(super) struct Cells {
    means: Vec<f32>,
    half_squares: Vec<f32>,
    spreads: Vec<f32>,
    pub(super) masses: Vec<usize>,
    /// The cell of every row.
    labels: Vec<usize>,
    depth: usize,
}

impl Cells {
    /// Cells for rows of any length, by their distances. Deterministic: the seed is fixed.
    pub(super) fn new(rows: ArrayView2<'_, f32>) -> Result<Self, ClusterError> {
        check_finite(rows)?;
        let (depth, flat) = (rows.ncols(), contiguous(&rows));
        match origin(&flat, depth) {
            None => Self::unmoved(rows),
            Some(origin) => {
                let moved = moved(flat, Some(&origin));
                let moved = ArrayView2::from_shape(rows.raw_dim(), &moved).map_err(linfa::Error::from)?;
                Self::unmoved(moved)
            }
        }
    }

    /// The same where products count, which change when rows are moved.
    pub(super) fn unmoved(rows: ArrayView2<'_, f32>) -> Result<Self, ClusterError> {
        check_finite(rows)?;
        Self::around(rows, &labels(rows, cell_count(rows.nrows()))?)
    }

    /// Means and spreads of rows by their labels; labels nobody has are left out.
    fn around(rows: ArrayView2<'_, f32>, raw: &[usize]) -> Result<Self, ClusterError> {
        let depth = rows.ncols();
        let highest = raw.iter().max().map_or(0, |most| most + 1);
        let mut number = vec![usize::MAX; highest];
        let mut next = 0;
        for label in raw {
            if number[*label] == usize::MAX {
                number[*label] = next;
                next += 1;
            }
        }
        let labels: Vec<usize> = raw.iter().map(|label| number[*label]).collect();
        let mut masses = vec![0_usize; next];
        let mut sums = vec![0.0_f64; next * depth];
        let mut squares = vec![0.0_f64; next];
        for (row, label) in rows.outer_iter().zip(&labels) {
            let row = row.to_slice().map_or_else(|| row.to_vec().into(), std::borrow::Cow::Borrowed);
            add_to(&mut sums[label * depth..][..depth], &row, true);
            squares[*label] += row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
            masses[*label] += 1;
        }
        Self::finish(labels, masses, &sums, &squares, depth)
    }

    #[expect(clippy::cast_possible_truncation, reason = "means and spreads are f32, as the rows are")]
    fn finish(
        labels: Vec<usize>,
        masses: Vec<usize>,
        sums: &[f64],
        squares: &[f64],
        depth: usize,
    ) -> Result<Self, ClusterError> {
        let mass = |cell: usize| masses[cell] as f64;
        let means: Vec<f32> =
            sums.iter().enumerate().map(|(place, sum)| (sum / mass(place / depth)) as f32).collect();
        let spread = |cell: usize| {
            let mean: f64 = sums[cell * depth..][..depth].iter().map(|sum| (sum / mass(cell)).powi(2)).sum();
            (squares[cell] / mass(cell) - mean).max(0.0) as f32
        };
        let spreads: Vec<f32> = (0..masses.len()).map(spread).collect();
        let half =
            means.chunks_exact(depth).zip(&spreads).map(|(mean, spread)| (dot(mean, mean) + spread) / 2.0);
        let half_squares: Vec<f32> = half.collect();
        check_squares(&half_squares)?;
        Ok(Self { means, half_squares, spreads, masses, labels, depth })
    }

    /// Cells as points: products and half squares give half the mean squared distance of their rows.
    pub(super) fn points(&self) -> Points<'_> {
        Points {
            rows: &self.means,
            half_squares: &self.half_squares,
            depth: self.depth,
            masses: Some(&self.masses),
            spreads: &self.spreads,
        }
    }

    /// Root of the mean squared distance of the rows of every cell to each other.
    pub(super) fn radii(&self) -> Vec<f64> {
        self.spreads.iter().map(|spread| (2.0 * f64::from(*spread)).sqrt()).collect()
    }

    /// Mean products of the rows of every two cells: `n` × `n`.
    pub(super) fn products(&self) -> Vec<f32> {
        let mut values = Vec::new();
        similarities(&self.means, self.depth, &mut Panels::default(), &mut values);
        values
    }

    /// Every row with what its cell has.
    pub(super) fn assignment<L: PartialEq + Copy>(&self, of_cells: &[Option<L>]) -> Assignment {
        let named = Assignment::new(of_cells.iter().copied());
        Assignment::new(self.labels.iter().map(|cell| named.labels()[*cell]))
    }
}

/// How many cells so many rows are gathered into where they are too many for all their distances: four
/// times the root of the rows, at most 8,192.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a root is positive and small")]
pub fn cell_count(rows: usize) -> usize {
    ((PER_ROOT * (rows as f64).sqrt()) as usize).min(MOST).min(rows)
}

/// k-means on some rows for a beginning, then a few rounds on all.
fn labels(rows: ArrayView2<'_, f32>, n_cells: usize) -> Result<Vec<usize>, ClusterError> {
    let n = rows.nrows();
    let learnt = (n_cells * LEARNT_FROM).min(n);
    let places: Vec<usize> = (0..learnt).map(|place| place * n / learnt).collect();
    let some: Array2<f32> = rows.select(Axis(0), &places);
    let first = match fit(some.view(), KMeansParams::new(n_cells)) {
        Err(ClusterError::TooManyClusters { distinct, .. }) => fit(some.view(), KMeansParams::new(distinct))?,
        other => other?,
    };
    let centroids = first.centroids().clone();
    let params = KMeansParams::new(centroids.nrows()).init(KMeansInit::Precomputed(centroids));
    Ok(fit(rows, params)?.predict(&rows).to_vec())
}

fn fit(rows: ArrayView2<'_, f32>, params: KMeansParams) -> Result<KMeansModel, ClusterError> {
    params.max_n_iterations(ROUNDS).check()?.fit(&DatasetBase::from(rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn distances_of_cells_are_mean_distances_of_their_rows() {
        let rows = array![[0.0_f32, 0.0], [2.0, 0.0], [10.0, 1.0], [10.0, -1.0]];
        let cells = Cells::around(rows.view(), &[7, 7, 3, 3]).unwrap();
        assert_eq!(
            (cells.masses.as_slice(), cells.labels.as_slice()),
            ([2, 2].as_slice(), [0, 0, 1, 1].as_slice())
        );
        // Means (1, 0) and (10, 0), spreads 1 and 1: 81 + 1 + 1 = 83.
        // By pairs: (100 + 1) · 2 and (64 + 1) · 2, divided by 4: 83.
        let points = cells.points();
        let half =
            points.half_squares[0] + points.half_squares[1] - dot(&cells.means[..2], &cells.means[2..]);
        assert!((2.0 * half - 83.0).abs() < 1e-4, "{half}");
        // Rows 0 and 1 are 2 apart, each is 0 from itself: mean square (4 + 4) / 4 = 2.
        assert!((cells.radii()[0] - 2.0_f64.sqrt()).abs() < 1e-6);
        assert_eq!(cells.assignment(&[Some(9), None]).labels(), [Some(0), Some(0), None, None]);
    }

    #[test]
    fn fewer_distinct_rows_make_fewer_cells() {
        let rows = Array2::from_shape_fn((500, 2), |(row, column)| (row % 3 + column) as f32);
        let cells = Cells::new(rows.view()).unwrap();
        assert_eq!(cells.masses.len(), 3);
        assert_eq!(cells.masses.iter().sum::<usize>(), 500);
    }
}
