//! The minimum spanning tree of mutual reachability.

#![expect(clippy::inline_always, reason = "must become part of the kernel, with its vector instructions")]

use rayon::prelude::*;

use crate::cluster::dbscan::Points;
use crate::cluster::kernel::{LANES, Panels, Sink, Tile, multiply};

/// Columns of a block: their panels stay in the cache of a core while the rows pass by.
const COLUMNS: usize = 192;

/// Rows of one piece of work.
const BLOCK: usize = 192;

/// An edge of the tree: two rows and their distance.
pub(super) type Edge = (usize, usize, f64);

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

/// The edges of the tree in the order in which Prim's algorithm finds them from row 0; the first of equals
/// wins. The distance of two rows counts at least as much as the distance of either to its
/// `min_points`-th row, itself included.
pub(super) fn spanning_tree(points: Points<'_>, min_points: usize) -> Vec<Edge> {
    let n = points.count();
    let mut values = half_distances(points);
    for row in 0..n {
        values[row * n + row] = 0.0;
    }
    let core: Vec<f32> = values
        .par_chunks(n)
        .map_init(Vec::new, |least, row| kth_least(row, min_points.min(n), least))
        .collect();
    let mut keys = vec![f32::INFINITY; n];
    let mut from = vec![0_u32; n];
    let mut outside = core.clone();
    let mut edges = Vec::with_capacity(n.saturating_sub(1));
    let mut current = 0;
    // Rows inside the tree have an infinite core distance, so that nothing reaches them again.
    outside[0] = f32::INFINITY;
    for _ in 1..n {
        reach(&values[current * n..][..n], core[current], current, &outside, &mut keys, &mut from);
        let next = least_outside(&keys, &outside);
        edges.push((from[next] as usize, next, (2.0 * f64::from(keys[next])).sqrt()));
        outside[next] = f32::INFINITY;
        keys[next] = f32::INFINITY;
        current = next;
    }
    edges
}

/// Lowers the keys of what is outside by the edges from `current`.
fn reach(row: &[f32], own: f32, current: usize, outside: &[f32], keys: &mut [f32], from: &mut [u32]) {
    #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
    let current = current as u32;
    for (((distance, core), key), from) in row.iter().zip(outside).zip(keys).zip(from) {
        let reach = if *distance > own { *distance } else { own };
        let reach = if reach > *core { reach } else { *core };
        let nearer = reach < *key;
        *key = if nearer { reach } else { *key };
        *from = if nearer { current } else { *from };
    }
}

fn least_outside(keys: &[f32], outside: &[f32]) -> usize {
    let mut lanes = [f32::INFINITY; LANES];
    for chunk in keys.chunks(LANES) {
        for (lane, key) in lanes.iter_mut().zip(chunk) {
            *lane = if *key < *lane { *key } else { *lane };
        }
    }
    let least = lanes.iter().fold(f32::INFINITY, |least, lane| least.min(*lane));
    #[expect(clippy::float_cmp, reason = "the very value that was found is looked for")]
    let found = keys.iter().zip(outside).position(|(key, core)| *key == least && core.is_finite());
    found.unwrap_or(0)
}
