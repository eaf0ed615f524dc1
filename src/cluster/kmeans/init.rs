//! k-means++: rows that are far from each other, by chance.

#![expect(clippy::inline_always, reason = "must become part of the kernel, with its vector instructions")]

use rand::Rng;
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;

use crate::cluster::kernel::{LANES, Panels, Sink, Tile, dot, multiply};

/// Rows per piece of work.
const CHUNK: usize = 1024;

/// Distances below this share of a row's square are rounding, and are computed again by [`dot`].
const NEAR: f32 = 1e-5;

/// Draws `n_clusters` rows. `squares` are the squared lengths of the rows by [`dot`], so that equal rows have
/// a distance of exactly 0.
///
/// Rows are drawn some at a time from the distances as they are, and one that others of its batch came
/// nearer to is kept with the share of its distance that is left: rejection, which makes it the same draw
/// as one by one. So all rows are read once per batch, not once per centroid.
///
/// Gives the rows' numbers; fewer than asked for when there are fewer distinct rows.
pub(super) fn plus_plus(
    rows: &[f32],
    squares: &[f32],
    depth: usize,
    n_clusters: usize,
    random: &mut Xoshiro256Plus,
) -> Vec<usize> {
    let n = squares.len();
    let row = |number: usize| &rows[number * depth..][..depth];
    let mut chosen = vec![random.gen_range(0..n)];
    let mut fresh = chosen.clone();
    let mut distances = vec![f32::INFINITY; n];
    let mut sums = vec![0.0; n.div_ceil(CHUNK)];
    loop {
        lower(rows, squares, depth, &fresh, &mut distances, &mut sums);
        let total: f64 = sums.iter().sum();
        if chosen.len() == n_clusters || total <= 0.0 {
            return chosen;
        }
        fresh.clear();
        for _ in 0..LANES.min(n_clusters - chosen.len()) {
            let next = draw(&distances, &sums, random.r#gen::<f64>() * total);
            let between = |other: &usize| {
                (squares[next] + squares[*other] - 2.0 * dot(row(next), row(*other))).max(0.0)
            };
            let left = fresh.iter().map(between).fold(distances[next], f32::min);
            if random.r#gen::<f64>() * f64::from(distances[next]) < f64::from(left) {
                fresh.push(next);
            }
        }
        chosen.extend_from_slice(&fresh);
    }
}

/// Lowers the squared distances of all rows by up to [`LANES`] fresh centres, and sums them up by chunks.
fn lower(
    rows: &[f32],
    squares: &[f32],
    depth: usize,
    fresh: &[usize],
    distances: &mut [f32],
    sums: &mut [f64],
) {
    let centres: Vec<f32> = fresh.iter().flat_map(|row| &rows[row * depth..][..depth]).copied().collect();
    let mut panels = Panels::default();
    panels.repack(&centres, depth);
    let mut centre_squares = [f32::INFINITY; LANES];
    for (square, row) in centre_squares.iter_mut().zip(fresh) {
        *square = squares[*row];
    }
    distances
        .par_chunks_mut(CHUNK)
        .zip(rows.par_chunks(CHUNK * depth))
        .zip(squares.par_chunks(CHUNK))
        .zip(sums)
        .for_each(|(((distances, rows), squares), sum)| {
            let mut sink = Lower { rows, squares, centres: &centres, centre_squares, depth, distances };
            multiply(rows, &panels, &mut sink);
            *sum = sink.distances.iter().map(|distance| f64::from(*distance)).sum();
        });
}

/// Takes products of rows with fresh centres.
struct Lower<'a> {
    rows: &'a [f32],
    squares: &'a [f32],
    centres: &'a [f32],
    /// Infinite beyond the last centre.
    centre_squares: [f32; LANES],
    depth: usize,
    distances: &'a mut [f32],
}

impl Sink for Lower<'_> {
    #[inline(always)]
    fn begin(&mut self, _row: usize) {}

    #[inline(always)]
    fn tile(&mut self, row: usize, _column: usize, products: &Tile) {
        for (offset, lanes) in products.iter().enumerate().take(self.squares.len() - row) {
            let (place, own) = (row + offset, self.squares[row + offset]);
            let mut least = f32::INFINITY;
            for (product, square) in lanes.iter().zip(&self.centre_squares) {
                let distance = own + square - 2.0 * product;
                least = if distance < least { distance } else { least };
            }
            if least <= NEAR * own {
                least = self.exactly(place);
            }
            self.distances[place] = self.distances[place].min(least);
        }
    }

    #[inline(always)]
    fn end(&mut self, _row: usize, _count: usize) {}
}

impl Lower<'_> {
    /// The least distance of a row to the centres, 0 for an equal one.
    fn exactly(&self, place: usize) -> f32 {
        let row = &self.rows[place * self.depth..][..self.depth];
        let centres = self.centres.chunks_exact(self.depth).zip(&self.centre_squares);
        let distance =
            |(centre, square): (&[f32], &f32)| self.squares[place] + square - 2.0 * dot(row, centre);
        centres.map(distance).fold(f32::INFINITY, f32::min).max(0.0)
    }
}

/// The row at which the running sum of distances passes `wanted`; never a row of distance 0.
fn draw(distances: &[f32], sums: &[f64], mut wanted: f64) -> usize {
    let mut chunk = 0;
    while chunk + 1 < sums.len() && (wanted >= sums[chunk] || sums[chunk] <= 0.0) {
        wanted -= sums[chunk];
        chunk += 1;
    }
    let start = chunk * CHUNK;
    let mut last = None;
    for (row, distance) in distances.iter().enumerate().skip(start).take(CHUNK) {
        if *distance > 0.0 {
            last = Some(row);
            if wanted < f64::from(*distance) {
                break;
            }
        }
        wanted -= f64::from(*distance);
    }
    // Rounding may carry the sum past the last row; then the last that may be drawn it is.
    last.or_else(|| distances.iter().rposition(|distance| *distance > 0.0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn equal_rows_are_drawn_once() {
        let rows = [0.1_f32, 0.7, 0.1, 0.7, 0.3, 0.2, 0.1, 0.7];
        let squares: Vec<f32> = rows.chunks(2).map(|row| dot(row, row)).collect();
        for seed in 0..20 {
            let chosen = plus_plus(&rows, &squares, 2, 3, &mut Xoshiro256Plus::seed_from_u64(seed));
            assert_eq!(chosen.len(), 2, "{chosen:?}");
            assert!(chosen.contains(&2) && !chosen.iter().all(|row| *row == 2) || chosen.len() == 2);
        }
    }

    #[test]
    fn the_draw_is_in_proportion_to_distances() {
        // Running sums 1, 1, 4: 0.5 falls to row 0; 1.0 and 3.9 to row 2; row 1 never.
        let distances = [1.0, 0.0, 3.0];
        let drawn: Vec<usize> =
            [0.0, 0.5, 1.0, 3.9, 4.0].iter().map(|wanted| draw(&distances, &[4.0], *wanted)).collect();
        assert_eq!(drawn, [0, 0, 2, 2, 2]);
    }
}
