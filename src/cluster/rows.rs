//! Rows in an order of their own, for algorithms whose result depends on it.

use ndarray::{Array2, ArrayView2, Axis};

use super::{Assignment, ClusterError};

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
        if rows.nrows() == 0 {
            return Err(ClusterError::Empty);
        }
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
