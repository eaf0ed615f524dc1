//! All products of rows with each other.

#![expect(clippy::inline_always, reason = "must become part of the kernel, with its vector instructions")]

use super::{LANES, Panels, Sink, Tile, multiply};

struct Square<'a> {
    n: usize,
    values: &'a mut [f32],
}

impl Sink for Square<'_> {
    #[inline(always)]
    fn first(&self, row: usize) -> usize {
        row
    }

    #[inline(always)]
    fn begin(&mut self, _row: usize) {}

    #[inline(always)]
    fn tile(&mut self, row: usize, column: usize, products: &Tile) {
        let n = self.n;
        let width = LANES.min(n - column);
        for (offset, lanes) in products.iter().enumerate().take(n - row) {
            self.values[(row + offset) * n + column..][..width].copy_from_slice(&lanes[..width]);
            for (lane, value) in lanes[..width].iter().enumerate() {
                self.values[(column + lane) * n + row + offset] = *value;
            }
        }
    }

    #[inline(always)]
    fn end(&mut self, _row: usize, _count: usize) {}
}

/// Cosines of unit rows (`n` × `depth`) with each other into `values` (`n` × `n`); 1 on the diagonal.
/// `panels` is a buffer.
pub(in crate::cluster) fn similarities(
    rows: &[f32],
    depth: usize,
    panels: &mut Panels,
    values: &mut Vec<f32>,
) {
    let n = rows.len() / depth.max(1);
    values.clear();
    values.resize(n * n, 0.0);
    if n == 0 {
        return;
    }
    panels.repack(rows, depth);
    multiply(rows, panels, &mut Square { n, values });
    for row in 0..n {
        values[row * n + row] = 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_there_both_ways() {
        // 40 rows of 2 components on the unit circle: cos of the difference of their angles.
        let angle = |row: usize| row as f32 * 0.1;
        let rows: Vec<f32> = (0..40).flat_map(|row| [angle(row).cos(), angle(row).sin()]).collect();
        let mut values = vec![9.0; 7];
        similarities(&rows, 2, &mut Panels::default(), &mut values);
        for one in 0..40 {
            for other in 0..40 {
                let expected = (angle(one) - angle(other)).cos();
                assert!((values[one * 40 + other] - expected).abs() < 1e-6, "{one}, {other}");
                assert_eq!(values[one * 40 + other].to_bits(), values[other * 40 + one].to_bits());
            }
        }
    }
}
