//! Pairs of rows within a distance, found by blocked products and handed over, never kept.

#![expect(clippy::inline_always, reason = "must become part of the kernel, with its vector instructions")]

use rayon::prelude::*;

use crate::cluster::kernel::{LANES, Panels, Sink, Tile, dot, multiply};

/// Rows of a block on either side: its panels stay in the cache while the other side passes by.
const BLOCK: usize = 768;

/// Rows, and half their squared lengths. Or cells of rows: their means, half the mean squared lengths of
/// their rows, how many there are, and how far they are from the mean.
#[derive(Clone, Copy, Debug)]
pub(in crate::cluster) struct Points<'a> {
    pub(in crate::cluster) rows: &'a [f32],
    pub(in crate::cluster) half_squares: &'a [f32],
    pub(in crate::cluster) depth: usize,
    /// Rows of every cell; `None` for rows.
    pub(in crate::cluster) masses: Option<&'a [usize]>,
    /// Mean squared distance of a cell's rows to their mean, which is half of that to each other; nothing
    /// for rows.
    pub(in crate::cluster) spreads: &'a [f32],
}

/// Half the squared length of every row.
pub(in crate::cluster) fn half_squares(rows: &[f32], depth: usize) -> Vec<f32> {
    rows.chunks_exact(depth).map(|row| dot(row, row) / 2.0).collect()
}

impl Points<'_> {
    pub(in crate::cluster) fn count(&self) -> usize {
        self.half_squares.len()
    }

    pub(in crate::cluster) fn block(&self, from: usize, to: usize) -> &[f32] {
        &self.rows[from * self.depth..to * self.depth]
    }
}

/// A pair of rows within the distance: the lower row, the higher one, half the squared distance.
pub(super) type Pair = (u32, u32, f32);

/// Looks at the tiles of two blocks and keeps the pairs that are near.
struct Near<'a> {
    half_squares: &'a [f32],
    /// Half of the squared distance, inclusive.
    limit: f32,
    row_start: usize,
    row_end: usize,
    column_start: usize,
    columns: usize,
    /// Half squared lengths of the columns, infinite beyond the last.
    half_columns: &'a [f32],
    pairs: Vec<Pair>,
}

impl Sink for Near<'_> {
    #[inline(always)]
    fn first(&self, row: usize) -> usize {
        if self.row_start == self.column_start { row } else { 0 }
    }

    #[inline(always)]
    fn begin(&mut self, _row: usize) {}

    #[inline(always)]
    fn tile(&mut self, row: usize, column: usize, products: &Tile) {
        let Some(half) = self.half_columns[column..].first_chunk::<LANES>() else { return };
        for (offset, lanes) in products.iter().enumerate() {
            let one = self.row_start + row + offset;
            if one >= self.row_end {
                return;
            }
            // A little generous; `keep` decides.
            let own = self.half_squares[one];
            let least = own - self.limit - 1e-6 * (own + self.limit);
            // Most tiles have no near pair: one comparison per lane, no branch, says so.
            let mut near = false;
            for (product, half) in lanes.iter().zip(half) {
                near |= product - half >= least;
            }
            if near {
                self.keep(one, column, lanes);
            }
        }
    }

    #[inline(always)]
    fn end(&mut self, _row: usize, _count: usize) {}
}

impl Near<'_> {
    #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
    fn keep(&mut self, one: usize, column: usize, lanes: &[f32; LANES]) {
        for (lane, product) in lanes.iter().enumerate().take(self.columns - column) {
            let other = self.column_start + column + lane;
            let distance = self.half_squares[one] + self.half_squares[other] - product;
            if one < other && distance <= self.limit {
                self.pairs.push((one as u32, other as u32, distance.max(0.0)));
            }
        }
    }
}

/// Calls `take` with all pairs within `distance`, block by block in a fixed order; each pair comes once.
/// Blocks are computed on all threads of the pool, a few at a time, so that memory stays flat.
pub(super) fn near_pairs(points: Points<'_>, distance: f64, mut take: impl FnMut(&[Pair])) {
    let n = points.count();
    let starts: Vec<usize> = (0..n).step_by(BLOCK).collect();
    #[expect(clippy::cast_possible_truncation, reason = "distances are f32")]
    let limit = (distance * distance / 2.0) as f32;
    let mut panels = Panels::default();
    for column_start in &starts {
        let column_end = (column_start + BLOCK).min(n);
        panels.repack(points.block(*column_start, column_end), points.depth);
        let mut half_columns = points.half_squares[*column_start..column_end].to_vec();
        half_columns.resize(half_columns.len().next_multiple_of(LANES), f32::INFINITY);
        let before: Vec<usize> = starts.iter().copied().take_while(|row| row <= column_start).collect();
        for wave in before.chunks(4 * rayon::current_num_threads()) {
            let look = |row_start: &usize| {
                let row_end = (row_start + BLOCK).min(n);
                let mut near = Near {
                    half_squares: points.half_squares,
                    limit,
                    row_start: *row_start,
                    row_end,
                    column_start: *column_start,
                    columns: column_end - column_start,
                    half_columns: &half_columns,
                    pairs: Vec::new(),
                };
                multiply(points.block(*row_start, row_end), &panels, &mut near);
                near.pairs
            };
            let found: Vec<Vec<Pair>> = wave.par_iter().map(look).collect();
            for pairs in &found {
                take(pairs);
            }
        }
    }
}

/// The `k` least distances of every row to others, as they come.
struct Least<'a> {
    points: Points<'a>,
    row_start: usize,
    rows: usize,
    column_start: usize,
    columns: usize,
    half_columns: &'a [f32],
    k: usize,
    /// `rows` × `k`, ascending, of ‖c‖²/2 − x·c.
    kept: &'a mut [f32],
}

impl Sink for Least<'_> {
    #[inline(always)]
    fn begin(&mut self, _row: usize) {}

    #[inline(always)]
    fn tile(&mut self, row: usize, column: usize, products: &Tile) {
        let Some(half) = self.half_columns[column..].first_chunk::<LANES>() else { return };
        for (offset, lanes) in products.iter().enumerate().take(self.rows - row) {
            let most = self.kept[(row + offset + 1) * self.k - 1];
            let mut nearer = false;
            for (product, half) in lanes.iter().zip(half) {
                nearer |= half - product < most;
            }
            if nearer {
                self.insert(row + offset, column, lanes);
            }
        }
    }

    #[inline(always)]
    fn end(&mut self, _row: usize, _count: usize) {}
}

impl Least<'_> {
    fn insert(&mut self, row: usize, column: usize, lanes: &[f32; LANES]) {
        let least = &mut self.kept[row * self.k..(row + 1) * self.k];
        for (lane, product) in lanes.iter().enumerate().take(self.columns - column) {
            let other = self.column_start + column + lane;
            let value = self.points.half_squares[other] - product;
            if other != self.row_start + row && value < least[self.k - 1] {
                let place = least.partition_point(|kept| *kept <= value);
                least[place..].rotate_right(1);
                least[place] = value;
            }
        }
    }
}

/// The distance of every row to its `k`-th nearest other row (`k` from 1); infinite with fewer rows.
pub(super) fn kth_distances(points: Points<'_>, k: usize) -> Vec<f32> {
    let mut least = vec![f32::INFINITY; points.count() * k];
    collect_least(points, points.rows, 0, k, &mut least);
    distances(points.half_squares, &least, k)
}

/// The same for some of the rows only.
pub(super) fn kth_distances_of(points: Points<'_>, some: &[usize], k: usize) -> Vec<f32> {
    let rows: Vec<f32> = some.iter().flat_map(|row| points.block(*row, row + 1)).copied().collect();
    let squares: Vec<f32> = some.iter().map(|row| points.half_squares[*row]).collect();
    // Every row meets itself, at distance 0: one more is looked for.
    let mut least = vec![f32::INFINITY; some.len() * (k + 1)];
    collect_least(points, &rows, NOWHERE, k + 1, &mut least);
    distances(&squares, &least, k + 1)
}

/// A first row that no row of the points is.
const NOWHERE: usize = usize::MAX / 2;

/// Fills `least` with the `k` least of ‖c‖²/2 − x·c for every row x of `rows`, which are those of the
/// points from `first` on.
fn collect_least(points: Points<'_>, rows: &[f32], first: usize, k: usize, least: &mut [f32]) {
    let n = points.count();
    let mut panels = Panels::default();
    for column_start in (0..n).step_by(BLOCK) {
        let column_end = (column_start + BLOCK).min(n);
        panels.repack(points.block(column_start, column_end), points.depth);
        let mut half_columns = points.half_squares[column_start..column_end].to_vec();
        half_columns.resize(half_columns.len().next_multiple_of(LANES), f32::INFINITY);
        let blocks = least.par_chunks_mut(BLOCK * k).zip(rows.par_chunks(BLOCK * points.depth));
        blocks.enumerate().for_each(|(block, (kept, block_rows))| {
            let row_start = first + block * BLOCK;
            let rows = kept.len() / k;
            let columns = column_end - column_start;
            let half_columns = &half_columns;
            let mut sink = Least { points, row_start, rows, column_start, columns, half_columns, k, kept };
            multiply(block_rows, &panels, &mut sink);
        });
    }
}

/// Distances of the greatest of every row's `k` least.
fn distances(half_squares: &[f32], least: &[f32], k: usize) -> Vec<f32> {
    let farthest = half_squares.iter().zip(least.chunks_exact(k));
    farthest.map(|(half, least)| (2.0 * (half + least[k - 1])).max(0.0).sqrt()).collect()
}
