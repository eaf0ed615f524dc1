//! k-means++: rows that are far from each other, by chance.

use rand::Rng;
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;

use crate::cluster::kernel::dot;

/// Rows per piece of work.
const CHUNK: usize = 1024;

/// Draws `n_clusters` rows. Every new row lowers the distances of the others once, so that the whole
/// costs as much as one assignment. `squares` are the squared lengths of the rows by
/// [`dot`], so that equal rows have a distance of exactly 0.
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
    let mut chosen = vec![random.gen_range(0..n)];
    let mut distances = vec![f32::INFINITY; n];
    let mut sums = vec![0.0; n.div_ceil(CHUNK)];
    loop {
        let last = chosen[chosen.len() - 1];
        let centre = &rows[last * depth..][..depth];
        let square = squares[last];
        distances
            .par_chunks_mut(CHUNK)
            .zip(rows.par_chunks(CHUNK * depth))
            .zip(squares.par_chunks(CHUNK))
            .zip(&mut sums)
            .for_each(|(((distances, rows), squares), sum)| {
                for ((distance, row), own) in distances.iter_mut().zip(rows.chunks_exact(depth)).zip(squares)
                {
                    let fresh = (own + square - 2.0 * dot(row, centre)).max(0.0);
                    *distance = distance.min(fresh);
                }
                *sum = distances.iter().map(|distance| f64::from(*distance)).sum();
            });
        let total: f64 = sums.iter().sum();
        if chosen.len() == n_clusters || total <= 0.0 {
            return chosen;
        }
        chosen.push(draw(&distances, &sums, random.r#gen::<f64>() * total));
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
