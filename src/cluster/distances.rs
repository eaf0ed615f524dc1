//! All distances of some rows, in memory, and how dense the place of every row is.

#![expect(clippy::inline_always, reason = "must become part of the kernel, with its vector instructions")]

use rayon::prelude::*;

use super::dbscan::Points;
use super::kernel::{LANES, Panels, Sink, Tile, multiply};

/// Most rows whose distances are held in memory: 1.6 GB of them.
pub(super) const MOST_ROWS: usize = 20_000;

/// Columns of a block: their panels stay in the cache of a core while the rows pass by.
const COLUMNS: usize = 192;

/// Rows of one piece of work.
const BLOCK: usize = 192;

/// Halves of squared distances. They order as distances do, and are what products give.
pub(super) struct Distances {
    /// `n` × `n`; on the diagonal 0.
    pub(super) values: Vec<f32>,
    /// Of every row to its `min_points`-th row, itself included.
    pub(super) core: Vec<f32>,
}

impl Distances {
    pub(super) fn new(points: Points<'_>, min_points: usize) -> Self {
        let n = points.count();
        let mut values = half_distances(points);
        for row in 0..n {
            values[row * n + row] = 0.0;
        }
        let core = match points.masses {
            None => values
                .par_chunks(n)
                .map_init(Vec::new, |least, row| kth_least(row, min_points.min(n), least))
                .collect(),
            Some(masses) => values
                .par_chunks(n)
                .enumerate()
                .map(|(row, values)| least_mass(row, values, masses, points.spreads, min_points))
                .collect(),
        };
        Self { values, core }
    }
}

/// The distance within which rows of cells sum up to `wanted`: other cells at their distance, the rows of
/// the own cell at that of its rows from each other. All rows, when there are fewer.
fn least_mass(own: usize, values: &[f32], masses: &[usize], spreads: &[f32], wanted: usize) -> f32 {
    let mut near: Vec<(f32, usize)> = values.iter().copied().zip(masses.iter().copied()).collect();
    near[own].0 = spreads[own];
    near.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let mut sum = 0;
    for (distance, mass) in &near {
        sum += mass;
        if sum >= wanted {
            return *distance;
        }
    }
    near.last().map_or(f32::INFINITY, |(distance, _)| *distance)
}

/// Half squared distances of all rows: `n` × `n`.
struct Write<'a> {
    n: usize,
    column_start: usize,
    columns: usize,
    half_rows: &'a [f32],
    half_columns: &'a [f32],
    values: &'a mut [f32],
}

impl Sink for Write<'_> {
    #[inline(always)]
    fn begin(&mut self, _row: usize) {}

    #[inline(always)]
    fn tile(&mut self, row: usize, column: usize, products: &Tile) {
        let Some(half) = self.half_columns[column..].first_chunk::<LANES>() else { return };
        let width = LANES.min(self.columns - column);
        for (offset, lanes) in products.iter().enumerate().take(self.half_rows.len() - row) {
            let own = self.half_rows[row + offset];
            let mut distances = [0.0_f32; LANES];
            for lane in 0..LANES {
                let distance = own + half[lane] - lanes[lane];
                distances[lane] = if distance > 0.0 { distance } else { 0.0 };
            }
            let start = (row + offset) * self.n + self.column_start + column;
            self.values[start..start + width].copy_from_slice(&distances[..width]);
        }
    }

    #[inline(always)]
    fn end(&mut self, _row: usize, _count: usize) {}
}

fn half_distances(points: Points<'_>) -> Vec<f32> {
    let n = points.count();
    let mut values = vec![0.0; n * n];
    let mut panels = Panels::default();
    for column_start in (0..n).step_by(COLUMNS) {
        let column_end = (column_start + COLUMNS).min(n);
        panels.repack(points.block(column_start, column_end), points.depth);
        let mut half_columns = points.half_squares[column_start..column_end].to_vec();
        half_columns.resize(half_columns.len().next_multiple_of(LANES), f32::INFINITY);
        values.par_chunks_mut(BLOCK * n).enumerate().for_each(|(block, values)| {
            let row_start = block * BLOCK;
            let row_end = (row_start + BLOCK).min(n);
            let half_rows = &points.half_squares[row_start..row_end];
            let (columns, half_columns) = (column_end - column_start, &half_columns);
            let mut sink = Write { n, column_start, columns, half_rows, half_columns, values };
            multiply(points.block(row_start, row_end), &panels, &mut sink);
        });
    }
    values
}

/// The `k`-th least of a row, itself (at 0) included.
fn kth_least(distances: &[f32], k: usize, least: &mut Vec<f32>) -> f32 {
    least.clear();
    least.resize(k, f32::INFINITY);
    for chunk in distances.chunks(LANES) {
        let most = least[k - 1];
        if chunk.iter().fold(f32::INFINITY, |least, distance| least.min(*distance)) < most {
            for distance in chunk.iter().filter(|distance| **distance < most) {
                let place = least.partition_point(|kept| kept <= distance);
                if place < k {
                    least[place..].rotate_right(1);
                    least[place] = *distance;
                }
            }
        }
    }
    least[k - 1]
}
