//! The nearest and the second nearest centroid of many rows, compared as the products come.

#![expect(clippy::inline_always, reason = "must become part of the kernel, with its vector instructions")]

use crate::cluster::kernel::{LANES, Panels, ROWS, Sink, Tile, multiply};

/// Centroids, laid out for products.
#[derive(Clone, Debug, Default)]
pub(super) struct Targets {
    panels: Panels,
    /// Half of the squared length of each centroid; infinite beyond the last one.
    half: Vec<f32>,
}

impl Targets {
    pub(super) fn set(&mut self, centroids: &[f32], squares: &[f32], depth: usize) {
        self.panels.repack(centroids, depth);
        self.half.clear();
        self.half.extend(squares.iter().map(|square| square / 2.0));
        self.half.resize(squares.len().next_multiple_of(LANES), f32::INFINITY);
    }
}

/// The two nearest centroids of a row. `half` values are ‖c‖²/2 − x·c: with ‖x‖² twice of it
/// is the squared distance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Nearest {
    pub(super) label: u32,
    pub(super) half: f32,
    /// Infinite when there is one centroid only.
    pub(super) second_half: f32,
}

/// Running best two of every lane: lane l compares the columns l, l + 16, l + 32, ….
struct TwoNearest<'a> {
    targets: &'a Targets,
    best: [[f32; LANES]; ROWS],
    second: [[f32; LANES]; ROWS],
    panel: [[u32; LANES]; ROWS],
    found: &'a mut [Nearest],
}

impl Sink for TwoNearest<'_> {
    #[inline(always)]
    fn begin(&mut self, _row: usize) {
        self.best = [[f32::INFINITY; LANES]; ROWS];
        self.second = [[f32::INFINITY; LANES]; ROWS];
        self.panel = [[0; LANES]; ROWS];
    }

    #[inline(always)]
    fn tile(&mut self, _row: usize, column: usize, products: &Tile) {
        #[expect(clippy::cast_possible_truncation, reason = "clusters are counted in u32")]
        let here = (column / LANES) as u32;
        let Some(half) = self.targets.half[column..].first_chunk::<LANES>() else { return };
        for (row, products) in products.iter().enumerate() {
            let (best, second, panel) = (&mut self.best[row], &mut self.second[row], &mut self.panel[row]);
            for lane in 0..LANES {
                let value = half[lane] - products[lane];
                let nearer = value < best[lane];
                // The greater of the new value and the old best is what may be second.
                let loser = if nearer { best[lane] } else { value };
                second[lane] = if loser < second[lane] { loser } else { second[lane] };
                best[lane] = if nearer { value } else { best[lane] };
                panel[lane] = if nearer { here } else { panel[lane] };
            }
        }
    }

    #[inline(always)]
    fn end(&mut self, row: usize, count: usize) {
        for (offset, found) in self.found[row..row + count].iter_mut().enumerate() {
            *found = reduce(&self.best[offset], &self.second[offset], &self.panel[offset]);
        }
    }
}

/// The best two over all lanes; the lowest centroid wins a tie.
#[inline(always)]
fn reduce(best: &[f32; LANES], second: &[f32; LANES], panel: &[u32; LANES]) -> Nearest {
    let mut nearest = Nearest { label: u32::MAX, half: f32::INFINITY, second_half: f32::INFINITY };
    for lane in 0..LANES {
        #[expect(clippy::cast_possible_truncation, reason = "16 lanes")]
        let label = panel[lane] * LANES as u32 + lane as u32;
        let value = best[lane];
        #[expect(clippy::float_cmp, reason = "a tie is the same number")]
        let nearer = value < nearest.half || (value == nearest.half && label < nearest.label);
        let loser = if nearer { nearest.half } else { value };
        nearest.second_half = nearest.second_half.min(loser).min(second[lane]);
        if nearer {
            (nearest.half, nearest.label) = (value, label);
        }
    }
    nearest
}

/// Finds the two nearest targets of every row (`found.len()` × depth).
pub(super) fn nearest_two(rows: &[f32], targets: &Targets, found: &mut [Nearest]) {
    let empty = [[f32::INFINITY; LANES]; ROWS];
    let panel = [[0; LANES]; ROWS];
    multiply(rows, &targets.panels, &mut TwoNearest { targets, best: empty, second: empty, panel, found });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_finds_the_two_nearest(
            rows in 1_usize..20,
            columns in 1_usize..40,
            depth in 1_usize..9,
            seed in proptest::collection::vec(-8_i8..8, 64),
        ) {
            // Eighths are exact in f32, so that ties are ties.
            let value = |place: usize| f32::from(seed[(place * 29 + place / 64) % 64]) / 8.0;
            let left: Vec<f32> = (0..rows * depth).map(value).collect();
            let right: Vec<f32> = (0..columns * depth).map(|place| value(place + 11)).collect();
            let squares: Vec<f32> =
                right.chunks(depth).map(|row| row.iter().map(|value| value * value).sum()).collect();
            let mut targets = Targets::default();
            targets.set(&right, &squares, depth);
            let mut found = vec![Nearest::default(); rows];
            nearest_two(&left, &targets, &mut found);
            for (row, found) in left.chunks(depth).zip(&found) {
                let mut halves: Vec<(f32, u32)> = (0_u32..)
                    .zip(right.chunks(depth).zip(&squares))
                    .map(|(label, (column, square))| {
                        let product: f32 = row.iter().zip(column).map(|(a, b)| a * b).sum();
                        (square / 2.0 - product, label)
                    })
                    .collect();
                halves.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
                prop_assert_eq!((found.half, found.label), halves[0]);
                let second = halves.get(1).map_or(f32::INFINITY, |half| half.0);
                prop_assert_eq!(found.second_half.to_bits(), second.to_bits());
            }
        }
    }
}
