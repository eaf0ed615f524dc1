//! Blocked products of many rows with many columns, handed over tile by tile.
//!
//! Everything that compares many vectors (nearest centroid, neighbours within a distance, all
//! similarities) is one matrix product whose entries are needed once. So the product is never
//! stored: a tile of 6 rows × 16 columns is computed in registers and given to a [`Sink`], which
//! keeps what it needs. That is the whole memory traffic.
//!
//! The instruction set is chosen at run time: AVX2 with FMA where there is one, else plain code that
//! the compiler vectorises. Every entry is one sum over the components in their order, so that
//! it does not depend on the other rows of its tile, on blocks, or on the number of threads. Between
//! the two instruction sets the last bits may differ, because FMA rounds once where plain code
//! rounds twice.
//!
//! This is the only module with `unsafe` code; it is confined to [`avx2`].

#[cfg(target_arch = "x86_64")]
mod avx2;
mod panels;
mod portable;
mod square;

use std::ops::Range;

pub(super) use panels::Panels;
pub(super) use square::similarities;

/// Rows of a tile.
pub(super) const ROWS: usize = 6;

/// Columns of a tile.
pub(super) const LANES: usize = 16;

/// Inner products of up to [`ROWS`] rows with up to [`LANES`] columns. What lies beyond the last row
/// repeats it; beyond the last column stands 0.
pub(super) type Tile = [[f32; LANES]; ROWS];

/// Takes products tile by tile. For every group of rows: `begin`, all tiles by ascending column, `end`.
pub(super) trait Sink {
    /// The first column that the rows from `row` on need; tiles wholly before it are left out. Products
    /// of rows with themselves are symmetric, and half of them is enough.
    fn first(&self, _row: usize) -> usize {
        0
    }
    /// A group of rows starts at `row`.
    fn begin(&mut self, row: usize);
    /// Products of the rows from `row` on with the columns from `column` on.
    fn tile(&mut self, row: usize, column: usize, products: &Tile);
    /// All columns have been seen by the `count` rows from `row` on.
    fn end(&mut self, row: usize, count: usize);
}

/// Multiplies `rows` (`n` × `panels.depth()`, row by row) with the columns of `panels` and hands the
/// tiles to `sink`. Rows are numbered from 0.
///
/// # Panics
/// When `rows` is not a whole number of rows.
pub(super) fn multiply<S: Sink>(rows: &[f32], panels: &Panels, sink: &mut S) {
    multiply_some(rows, panels, 0..panels.count(), sink);
}

/// The same for a range of panels only, each of [`LANES`] columns.
///
/// # Panics
/// As [`multiply`].
pub(super) fn multiply_some<S: Sink>(rows: &[f32], panels: &Panels, range: Range<usize>, sink: &mut S) {
    assert!(
        panels.depth() > 0 && rows.len().is_multiple_of(panels.depth()),
        "{} components are no rows of {}",
        rows.len(),
        panels.depth()
    );
    #[cfg(target_arch = "x86_64")]
    if avx2::available() {
        avx2::multiply(rows, panels, range, sink);
        return;
    }
    portable::multiply(rows, panels, range, sink);
}

/// Sum of the products of two vectors' components, in four interleaved sums whose order is fixed.
pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if avx2::available() {
        return avx2::dot(one, other);
    }
    portable::dot(one, other)
}

/// Adds a row to a sum, or takes it away.
pub(super) fn add_to(sum: &mut [f64], row: &[f32], add: bool) {
    #[cfg(target_arch = "x86_64")]
    if avx2::available() {
        avx2::add_to(sum, row, add);
        return;
    }
    portable::add_to(sum, row, add);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Keeps every product.
    struct Keep {
        columns: usize,
        rows: usize,
        values: Vec<f32>,
        ended: usize,
    }

    impl Sink for Keep {
        fn begin(&mut self, row: usize) {
            assert_eq!(row, self.ended);
        }
        fn tile(&mut self, row: usize, column: usize, products: &Tile) {
            for (offset, lanes) in products.iter().enumerate().take(self.rows - row.min(self.rows)) {
                for (lane, value) in lanes.iter().enumerate() {
                    if column + lane < self.columns {
                        self.values[(row + offset) * self.columns + column + lane] = *value;
                    } else {
                        assert_eq!(value.to_bits(), 0, "beyond the last column stands 0");
                    }
                }
            }
        }
        fn end(&mut self, row: usize, count: usize) {
            self.ended = row + count;
        }
    }

    fn pack(columns: &[f32], depth: usize) -> Panels {
        let mut panels = Panels::default();
        panels.repack(columns, depth);
        panels
    }

    fn keep(rows: usize, columns: usize) -> Keep {
        Keep { columns, rows, values: vec![f32::NAN; rows * columns], ended: 0 }
    }

    proptest! {
        #[test]
        fn both_instruction_sets_multiply_as_defined(
            rows in 0_usize..20,
            columns in 1_usize..50,
            depth in 1_usize..40,
            seed in proptest::collection::vec(-1.0_f32..1.0, 64),
        ) {
            let value = |place: usize| seed[(place * 31 + place / 64) % 64];
            let left: Vec<f32> = (0..rows * depth).map(value).collect();
            let right: Vec<f32> = (0..columns * depth).map(|place| value(place + 17)).collect();
            let panels = pack(&right, depth);
            let mut chosen = keep(rows, columns);
            multiply(&left, &panels, &mut chosen);
            let mut plain = keep(rows, columns);
            portable::multiply(&left, &panels, 0..panels.count(), &mut plain);
            prop_assert_eq!(chosen.ended, rows);
            for row in 0..rows {
                for column in 0..columns {
                    let exact: f64 = (0..depth)
                        .map(|k| f64::from(left[row * depth + k]) * f64::from(right[column * depth + k]))
                        .sum();
                    for values in [&chosen.values, &plain.values] {
                        let got = f64::from(values[row * columns + column]);
                        prop_assert!((got - exact).abs() < 1e-5 * depth as f64, "{} against {}", got, exact);
                    }
                    let (mine, theirs) = (&left[row * depth..][..depth], &right[column * depth..][..depth]);
                    prop_assert!((f64::from(dot(mine, theirs)) - exact).abs() < 1e-5 * depth as f64);
                    prop_assert!((f64::from(portable::dot(mine, theirs)) - exact).abs() < 1e-5 * depth as f64);
                }
            }
        }

        #[test]
        fn a_row_does_not_depend_on_its_company(
            rows in 2_usize..20,
            depth in 1_usize..40,
            seed in proptest::collection::vec(-1.0_f32..1.0, 64),
        ) {
            let left: Vec<f32> = (0..rows * depth).map(|place| seed[(place * 7 + place / 64) % 64]).collect();
            let panels = pack(&left, depth);
            let mut all = keep(rows, rows);
            multiply(&left, &panels, &mut all);
            let mut last = keep(1, rows);
            multiply(&left[(rows - 1) * depth..], &panels, &mut last);
            prop_assert_eq!(&all.values[(rows - 1) * rows..], &last.values[..]);
        }
    }
}
