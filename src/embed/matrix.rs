//! Matrices whose promises are kept by their types: finite, unit rows; similarities in range.

use ndarray::{Array2, ArrayView1, ArrayView2};

/// How far from 1 the length of a row may be.
const UNIT_TOLERANCE: f32 = 1e-3;

/// A matrix that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// A component that is NaN or infinite.
    #[error("row {row}, column {column} is `{value}`; every component must be finite")]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The component.
        value: f32,
    },
    /// A row of zeros, which has no direction.
    #[error("row {row} is all zeros and has no direction")]
    Zero {
        /// Row, from 0.
        row: usize,
    },
    /// A row whose length is not 1.
    #[error("row {row} has length `{length}`; rows must have length 1")]
    NotUnit {
        /// Row, from 0.
        row: usize,
        /// Its Euclidean length.
        length: f32,
    },
    /// A similarity outside -1 to 1.
    #[error("the similarity of {row} and {column} is `{value}`, outside -1 to 1")]
    OutOfRange {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The similarity.
        value: f32,
    },
    /// A similarity matrix that is not square.
    #[error("a similarity matrix must be square; this one is {rows} × {columns}")]
    NotSquare {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// A similarity matrix that is not the same both ways.
    #[error("the similarity of {row} and {column} is not the same both ways")]
    NotSymmetric {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
    },
}

/// Rows of vectors: `n` × `d`, every component finite, every row of Euclidean length 1.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMatrix(Array2<f32>);

impl FeatureMatrix {
    /// Takes rows that are of unit length already.
    ///
    /// # Errors
    /// [`MatrixError::NotFinite`] or [`MatrixError::NotUnit`] name the first offending row.
    pub fn new(rows: Array2<f32>) -> Result<Self, MatrixError> {
        for (row, values) in rows.outer_iter().enumerate() {
            check_finite(row, values)?;
            let length = values.dot(&values).sqrt();
            if (length - 1.0).abs() > UNIT_TOLERANCE {
                return Err(MatrixError::NotUnit { row, length });
            }
        }
        Ok(Self(rows))
    }

    /// Rows of `dimension` components, one after the other, each of which `fallback::finish` has
    /// brought to unit length: checked again in debug builds only.
    pub(super) fn finished(rows: Vec<f32>, dimension: usize) -> Self {
        let shape = (rows.len() / dimension, dimension);
        let rows = Array2::from_shape_vec(shape, rows).unwrap_or_else(|_| Array2::zeros((0, dimension)));
        debug_assert!(Self::new(rows.clone()).is_ok());
        Self(rows)
    }

    /// Brings rows to unit length.
    ///
    /// # Errors
    /// [`MatrixError::NotFinite`] or [`MatrixError::Zero`] name the first row that cannot be.
    pub fn normalise(mut rows: Array2<f32>) -> Result<Self, MatrixError> {
        for (row, mut values) in rows.outer_iter_mut().enumerate() {
            check_finite(row, values.view())?;
            // Scaled by the largest component first: squares of very small or very large
            // components would leave the range of f32.
            let largest = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            if largest == 0.0 {
                return Err(MatrixError::Zero { row });
            }
            values.mapv_inplace(|value| value / largest);
            let length = values.dot(&values).sqrt();
            values.mapv_inplace(|value| value / length);
        }
        Ok(Self(rows))
    }

    /// The rows.
    #[must_use]
    pub fn view(&self) -> ArrayView2<'_, f32> {
        self.0.view()
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.0.nrows()
    }

    /// Components per row.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.ncols()
    }

    /// The cosine of two rows, in -1..=1.
    ///
    /// # Panics
    /// When an index is not below [`Self::rows`].
    #[must_use]
    pub fn cosine(&self, one: usize, other: usize) -> f32 {
        self.0.row(one).dot(&self.0.row(other)).clamp(-1.0, 1.0)
    }

    /// Cosine similarities between all rows.
    #[must_use]
    pub fn similarities(&self) -> SimilarityMatrix {
        let mut product = self.0.dot(&self.0.t());
        product.mapv_inplace(|value| value.clamp(-1.0, 1.0));
        for row in 0..product.nrows() {
            product[[row, row]] = 1.0;
            for column in 0..row {
                product[[column, row]] = product[[row, column]];
            }
        }
        SimilarityMatrix(product)
    }

    /// The rows, given up.
    #[must_use]
    pub fn into_inner(self) -> Array2<f32> {
        self.0
    }
}

fn check_finite(row: usize, values: ArrayView1<'_, f32>) -> Result<(), MatrixError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(column) => Err(MatrixError::NotFinite { row, column, value: values[column] }),
        None => Ok(()),
    }
}

/// Similarities between drafts: `n` × `n`, symmetric, in -1..=1, 1 on the diagonal.
///
/// Where blocks are missing or list items are assigned to each other, the similarity is no inner
/// product of rows; then it is given like this, as a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarityMatrix(Array2<f32>);

impl SimilarityMatrix {
    /// Takes a square symmetric matrix; the diagonal is set to 1.
    ///
    /// # Errors
    /// [`MatrixError`] names the first entry that breaks a promise.
    pub fn new(mut values: Array2<f32>) -> Result<Self, MatrixError> {
        let (rows, columns) = values.dim();
        if rows != columns {
            return Err(MatrixError::NotSquare { rows, columns });
        }
        for row in 0..rows {
            check_finite(row, values.row(row))?;
            for column in 0..row {
                let value = values[[row, column]];
                if !(-1.0..=1.0).contains(&value) {
                    return Err(MatrixError::OutOfRange { row, column, value });
                }
                if (value - values[[column, row]]).abs() > f32::EPSILON {
                    return Err(MatrixError::NotSymmetric { row, column });
                }
            }
            values[[row, row]] = 1.0;
        }
        Ok(Self(values))
    }

    /// Number of drafts.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.nrows()
    }

    /// The similarity of two drafts, in -1..=1.
    ///
    /// # Panics
    /// When an index is not below [`Self::size`].
    #[must_use]
    pub fn get(&self, one: usize, other: usize) -> f32 {
        self.0[[one, other]]
    }

    /// All similarities.
    #[must_use]
    pub fn view(&self) -> ArrayView2<'_, f32> {
        self.0.view()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_without_direction_or_number_are_refused_with_their_place() {
        assert_eq!(
            FeatureMatrix::normalise(array![[1.0, 0.0], [0.0, 0.0]]),
            Err(MatrixError::Zero { row: 1 })
        );
        let refused = FeatureMatrix::normalise(array![[1.0, f32::INFINITY]]);
        assert_eq!(refused, Err(MatrixError::NotFinite { row: 0, column: 1, value: f32::INFINITY }));
        let refused = FeatureMatrix::new(array![[3.0, 4.0]]);
        assert_eq!(refused, Err(MatrixError::NotUnit { row: 0, length: 5.0 }));
    }

    #[test]
    fn extreme_rows_still_become_unit_rows() {
        let rows = FeatureMatrix::normalise(array![[3e-30, 4e-30], [3e30, 4e30]]).expect("finite");
        // 3-4-5 triangle: 3/5 and 4/5 whatever the scale.
        for row in rows.view().outer_iter() {
            assert!((row[0] - 0.6).abs() < 1e-6 && (row[1] - 0.8).abs() < 1e-6, "{row}");
        }
    }

    #[test]
    fn similarities_are_cosines() {
        let rows = FeatureMatrix::normalise(array![[1.0, 0.0], [1.0, 1.0]]).expect("finite");
        let similarities = rows.similarities();
        // cos 45° = 1/√2.
        assert!((similarities.get(0, 1) - std::f32::consts::FRAC_1_SQRT_2).abs() < 1e-6);
        assert_eq!(SimilarityMatrix::new(similarities.view().to_owned()).expect("valid"), similarities);
    }
}
