//! Rows as algorithms want them: finite, one after the other, and where needed in an order of their own.

use std::borrow::Cow;

use ndarray::{Array2, ArrayBase, ArrayView2, Axis, Data, Ix2};

use super::{Assignment, ClusterError};
use crate::embed::MatrixError;

/// Rows looked at for a mean: any vector near the middle of the rows will do.
const SAMPLED: usize = 4096;

/// Rows are moved when the square of their mean is more than this share of their mean square: then
/// distances computed as ‖x‖² − 2x·y + ‖y‖² would lose digits that they have.
const FAR: f64 = 15.0 / 16.0;

/// Row by row, copied only when they do not lie so.
pub(super) fn contiguous<D: Data<Elem = f32>>(rows: &ArrayBase<D, Ix2>) -> Cow<'_, [f32]> {
    rows.as_slice().map_or_else(|| rows.iter().copied().collect(), Cow::Borrowed)
}

/// That there are rows, and that all their components are finite.
pub(super) fn check_finite(rows: ArrayView2<'_, f32>) -> Result<(), ClusterError> {
    if rows.is_empty() {
        return Err(ClusterError::Empty);
    }
    // A sum is finite only when all its parts are; the place is looked for only when it is not.
    if rows.sum().is_finite() {
        return Ok(());
    }
    match rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), value)) => Err(MatrixError::NotFinite { row, column, value: *value }.into()),
        None => Ok(()),
    }
}

/// That no squared length has left the range of `f32`.
pub(super) fn check_squares(squares: &[f32]) -> Result<(), ClusterError> {
    match squares.iter().position(|square| !square.is_finite()) {
        Some(row) => Err(ClusterError::TooLong { row }),
        None => Ok(()),
    }
}

/// What every row is moved by so that the rows lie around the origin; `None` where they do well
/// enough, as unit rows of any embedding do. Distances between rows stay what they are.
pub(super) fn origin(rows: &[f32], depth: usize) -> Option<Vec<f32>> {
    let n = rows.len() / depth;
    let step = n.div_ceil(SAMPLED).max(1);
    let mut sums = vec![0.0_f64; depth];
    let (mut squares, mut seen) = (0.0_f64, 0.0_f64);
    for row in rows.chunks_exact(depth).step_by(step) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(*value);
            squares += f64::from(*value).powi(2);
        }
        seen += 1.0;
    }
    let mean_square: f64 = sums.iter().map(|sum| (sum / seen).powi(2)).sum();
    #[expect(clippy::cast_possible_truncation, reason = "any vector near the mean will do")]
    let mean = || sums.iter().map(|sum| (sum / seen) as f32).collect();
    (mean_square > FAR * squares / seen).then(mean)
}

/// Rows moved by an [`origin`].
pub(super) fn moved<'a>(rows: Cow<'a, [f32]>, origin: Option<&[f32]>) -> Cow<'a, [f32]> {
    let Some(origin) = origin else { return rows };
    let mut rows = rows.into_owned();
    for row in rows.chunks_exact_mut(origin.len()) {
        row.iter_mut().zip(origin).for_each(|(value, origin)| *value -= origin);
    }
    Cow::Owned(rows)
}

/// Rows sorted by their components, so that the order in which drafts arrive changes nothing.
pub(super) struct SortedRows {
    pub(super) rows: Array2<f32>,
    /// `place[row]` is where a row went.
    place: Vec<usize>,
    /// Rows that differ from each other.
    pub(super) distinct: usize,
}

impl SortedRows {
    pub(super) fn new(rows: ArrayView2<'_, f32>) -> Result<Self, ClusterError> {
        check_finite(rows)?;
        let compare = |one: &usize, other: &usize| {
            let pairs = rows.row(*one).into_iter().zip(rows.row(*other));
            pairs.map(|(one, other)| one.total_cmp(other)).find(|order| order.is_ne())
        };
        let mut order: Vec<usize> = (0..rows.nrows()).collect();
        order.sort_by(|one, other| compare(one, other).unwrap_or(std::cmp::Ordering::Equal));
        let distinct = 1 + order.windows(2).filter(|pair| compare(&pair[0], &pair[1]).is_some()).count();
        let mut place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        Ok(Self { rows: rows.select(Axis(0), &order), place, distinct })
    }

    /// Labels of the sorted rows as an assignment of the rows as they came.
    pub(super) fn assignment(&self, labels: &[Option<usize>]) -> Assignment {
        Assignment::new(self.place.iter().map(|place| labels[*place]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_far_from_the_origin_are_moved() {
        assert_eq!(origin(&[1.0, 0.0, 0.0, 1.0], 2), None);
        // The mean is (1000, 2); its square is 1,000,004 and the mean square 1,000,005.
        let far = [1000.0, 1.0, 1000.0, 3.0];
        let found = origin(&far, 2);
        assert_eq!(found.as_deref(), Some([1000.0, 2.0].as_slice()));
        assert_eq!(moved(Cow::Borrowed(&far), found.as_deref()).as_ref(), [0.0, -1.0, 0.0, 1.0]);
    }

    #[test]
    fn lengths_beyond_the_range_are_named_by_their_row() {
        let refused = check_squares(&[1.0, f32::INFINITY]).unwrap_err().to_string();
        assert_eq!(
            refused,
            "row 1 is so long that its square leaves the range of float32; scale the rows down"
        );
    }
}
