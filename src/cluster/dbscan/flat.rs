//! Rows ready for products.

use std::borrow::Cow;

use ndarray::{ArrayBase, Data, Ix2};

use super::neighbours::{Points, half_squares};
use crate::cluster::ClusterError;
use crate::cluster::rows::{check_finite, check_squares, contiguous, moved, origin};

/// Finite rows, one after the other, around the origin where they were far from it.
pub(in crate::cluster) struct Flat<'a> {
    rows: Cow<'a, [f32]>,
    half_squares: Vec<f32>,
    depth: usize,
}

impl<'a> Flat<'a> {
    pub(in crate::cluster) fn new<D: Data<Elem = f32>>(
        rows: &'a ArrayBase<D, Ix2>,
    ) -> Result<Self, ClusterError> {
        check_finite(rows.view())?;
        let (depth, rows) = (rows.ncols(), contiguous(rows));
        let origin = origin(&rows, depth);
        let rows = moved(rows, origin.as_deref());
        let half_squares = half_squares(&rows, depth);
        check_squares(&half_squares)?;
        Ok(Self { rows, half_squares, depth })
    }

    pub(in crate::cluster) fn points(&self) -> Points<'_> {
        Points {
            rows: &self.rows,
            half_squares: &self.half_squares,
            depth: self.depth,
            masses: None,
            spreads: &[],
        }
    }
}
