//! Vectors in two dimensions by t-SNE: who lies beside whom is kept, and nothing else is promised.
//!
//! The exact form of van der Maaten and Hinton, *Visualizing data using t-SNE* (JMLR 9, 2008): a map shows some
//! hundreds of drafts, and for so few all pairs are cheap. It starts from the principal plane (Kobak and Berens,
//! *The art of using t-SNE for single-cell transcriptomics*, 2019), so that nothing is drawn by lot, and its steps
//! grow with the number of points (Belkina et al., *Automated optimized parameters for t-SNE*, 2019): the fixed
//! steps of `linfa-tsne` 0.8, which also starts by lot, tear maps of a few drafts apart.

use ndarray::{Array2, ArrayView2};

/// Fewer points have no neighbourhoods.
const FEWEST: usize = 4;
/// Neighbours that a point keeps near, roughly, where there are enough.
const PERPLEXITY: f64 = 30.0;
/// In the first turns neighbours attract each other by so much more (section 3.4 of the paper).
const EXAGGERATION: f64 = 4.0;
/// Turns of the descent with exaggeration, and in all.
const TURNS: (usize, usize) = (50, 750);
/// The standard deviation of the first axis at the beginning.
const START: f64 = 1e-4;
/// Halvings in the search of a point's width.
const HALVINGS: usize = 64;

/// Points in a plane whose neighbours are their neighbours among the vectors.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Neighbourhoods {
    pub(super) points: Vec<[f64; 2]>,
    /// How many neighbours a point was to keep, at least 1.
    pub(super) perplexity: f64,
}

/// The map of `rows`, from `start`, their places in the principal plane. `None` for fewer than [`FEWEST`] rows, and
/// where no row is nearer to some than to others, so that nothing moves apart.
pub(super) fn neighbourhoods(rows: ArrayView2<'_, f32>, start: &[[f64; 2]]) -> Option<Neighbourhoods> {
    let n = rows.nrows();
    if n < FEWEST || start.len() != n {
        return None;
    }
    // A point cannot have more neighbours than there are; a third is the custom.
    let perplexity = PERPLEXITY.min((n - 1) as f64 / 3.0);
    let attraction = attraction(&squared_distances(rows), perplexity);
    let mut descent = Descent::new(start);
    for turn in 0..TURNS.1 {
        let (exaggeration, momentum) = if turn < TURNS.0 { (EXAGGERATION, 0.5) } else { (1.0, 0.8) };
        descent.step(&attraction, exaggeration, momentum);
    }
    let points = descent.points;
    let found = points.iter().flatten().all(|value| value.is_finite()) && spread(&points) > START;
    found.then_some(Neighbourhoods { points, perplexity })
}

/// The standard deviation along the first axis of points around the origin.
fn spread(points: &[[f64; 2]]) -> f64 {
    (points.iter().map(|point| point[0].powi(2)).sum::<f64>() / points.len() as f64).sqrt()
}

fn squared_distances(rows: ArrayView2<'_, f32>) -> Array2<f64> {
    let n = rows.nrows();
    let between = |(one, other): (usize, usize)| {
        let pairs = rows.row(one).into_iter().zip(rows.row(other));
        pairs.map(|(one, other)| (f64::from(*one) - f64::from(*other)).powi(2)).sum()
    };
    Array2::from_shape_fn((n, n), between)
}

/// How probable it is that two points are neighbours, over all pairs: symmetric, 0 on the diagonal, sum 1.
fn attraction(distances: &Array2<f64>, perplexity: f64) -> Array2<f64> {
    let n = distances.nrows();
    let mut directed = Array2::zeros((n, n));
    for (place, mut row) in directed.outer_iter_mut().enumerate() {
        let others: Vec<usize> = (0..n).filter(|other| *other != place).collect();
        let away: Vec<f64> = others.iter().map(|other| distances[[place, *other]]).collect();
        for (other, share) in others.into_iter().zip(neighbours(&away, perplexity)) {
            row[other] = share;
        }
    }
    (&directed + &directed.t()) / (2.0 * n as f64)
}

/// Shares of a Gaussian around a point over the others, as wide as makes the perplexity, 2 to the power of its
/// entropy, the wanted one: by bisection of the precision.
fn neighbours(away: &[f64], perplexity: f64) -> Vec<f64> {
    let nearest = away.iter().copied().fold(f64::INFINITY, f64::min);
    let shares = |precision: f64| -> Vec<f64> {
        // Only differences count; taking the nearest off keeps the sum above zero.
        let weights: Vec<f64> = away.iter().map(|away| (-precision * (away - nearest)).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    };
    let entropy =
        |shares: &[f64]| -shares.iter().filter(|share| **share > 0.0).map(|p| p * p.ln()).sum::<f64>();
    let (mut low, mut high, mut precision) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..HALVINGS {
        if entropy(&shares(precision)) > perplexity.ln() {
            low = precision;
        } else {
            high = precision;
        }
        precision = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * low };
    }
    shares(precision)
}

/// A descent with momentum, and a gain of its own for every coordinate.
#[derive(Debug)]
struct Descent {
    points: Vec<[f64; 2]>,
    velocity: Vec<[f64; 2]>,
    gains: Vec<[f64; 2]>,
}

impl Descent {
    fn new(start: &[[f64; 2]]) -> Self {
        let spread = spread(start);
        let scale = if spread > 0.0 { START / spread } else { 1.0 };
        Self {
            points: start.iter().map(|point| point.map(|value| scale * value)).collect(),
            velocity: vec![[0.0; 2]; start.len()],
            gains: vec![[1.0; 2]; start.len()],
        }
    }

    fn step(&mut self, attraction: &Array2<f64>, exaggeration: f64, momentum: f64) {
        let rate = self.points.len() as f64 / exaggeration;
        let gradient = self.gradient(attraction, exaggeration);
        for (place, slope) in gradient.iter().enumerate() {
            for (axis, slope) in slope.iter().enumerate() {
                let (gain, velocity) = (&mut self.gains[place][axis], &mut self.velocity[place][axis]);
                let turns = slope * *velocity >= 0.0;
                *gain = if turns { *gain * 0.8 } else { *gain + 0.2 }.max(0.01);
                *velocity = momentum * *velocity - rate * *gain * slope;
                self.points[place][axis] += *velocity;
            }
        }
    }

    /// A quarter of the slope of the divergence of both neighbourhoods (equation 5 of the paper).
    fn gradient(&self, attraction: &Array2<f64>, exaggeration: f64) -> Vec<[f64; 2]> {
        let n = self.points.len();
        let apart = |one: usize, other: usize| -> [f64; 2] {
            std::array::from_fn(|axis| self.points[one][axis] - self.points[other][axis])
        };
        let mut near = Array2::zeros((n, n));
        let mut total = 0.0;
        for one in 0..n {
            for other in 0..one {
                let [x, y] = apart(one, other);
                let weight = 1.0 / (1.0 + x * x + y * y);
                near[[one, other]] = weight;
                total += 2.0 * weight;
            }
        }
        let mut gradient = vec![[0.0; 2]; n];
        for one in 0..n {
            for other in 0..one {
                let weight: f64 = near[[one, other]];
                let pull = (exaggeration * attraction[[one, other]] - weight / total) * weight;
                for (axis, distance) in apart(one, other).into_iter().enumerate() {
                    gradient[one][axis] += pull * distance;
                    gradient[other][axis] -= pull * distance;
                }
            }
        }
        gradient
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::projection::principal_plane;
    use ndarray::array;
    use proptest::prelude::*;

    fn placed(rows: &Array2<f32>) -> Option<Neighbourhoods> {
        neighbourhoods(rows.view(), &principal_plane(rows.view())?.points)
    }

    /// The place of the nearest other point.
    fn nearest(points: &[[f64; 2]], place: usize) -> usize {
        let away = |other: &usize| {
            (points[place][0] - points[*other][0]).hypot(points[place][1] - points[*other][1])
        };
        let others = (0..points.len()).filter(|other| *other != place);
        others.min_by(|one, other| away(one).total_cmp(&away(other))).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        /// Corners of a cube are 2 apart, members of a group at most .2 √8 = .57.
        #[test]
        fn every_point_lies_beside_one_of_its_own_group(
            (groups, size) in (2..5_usize, 2..5_usize),
            noise in prop::collection::vec(-0.1_f32..0.1, 4 * 4 * 8),
        ) {
            let rows = Array2::from_shape_fn((groups * size, 8), |(row, column)| {
                let corner = if column == row / size { 2.0_f32.sqrt() } else { 0.0 };
                corner + noise[row * 8 + column]
            });
            let map = placed(&rows).unwrap();
            prop_assert_eq!(&map, &placed(&rows).unwrap(), "the same rows give the same bits");
            for place in 0..groups * size {
                prop_assert_eq!(nearest(&map.points, place) / size, place / size, "{:?}", map);
            }
        }
    }

    #[test]
    fn a_width_is_found_that_gives_the_perplexity() {
        // Two at distance² 1, two at 2: with w = exp(−precision), shares 1 : 1 : w : w. Perplexity 4 only for w = 1,
        // 2 only for w = 0. Between, p = 1 / (2 + 2w) and q = w p: −2 p ln p − 2 q ln q = ln 3.
        let shares = neighbours(&[1.0, 1.0, 2.0, 2.0], 3.0);
        let entropy: f64 = -shares.iter().map(|share| share * share.ln()).sum::<f64>();
        assert!((entropy.exp() - 3.0).abs() < 1e-9, "{shares:?}");
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12 && shares[0] > shares[2]);
    }

    #[test]
    fn the_slope_is_that_of_the_divergence() {
        let rows = array![[0.0_f32, 0.0], [1.0, 0.2], [0.1, 2.0], [3.0, 1.0], [2.0, 2.5]];
        let attraction = attraction(&squared_distances(rows.view()), 1.3);
        assert!((attraction.sum() - 1.0).abs() < 1e-12, "one probability over all pairs");
        let start = [[0.1, 0.3], [-0.4, 0.2], [0.5, -0.6], [0.9, 0.1], [-0.2, -0.7]];
        let at = |points: &[[f64; 2]]| Descent {
            points: points.to_vec(),
            velocity: vec![[0.0; 2]; 5],
            gains: vec![[1.0; 2]; 5],
        };
        // The divergence of Kullback and Leibler, up to what does not depend on the points: −Σ p ln q.
        let divergence = |points: &[[f64; 2]]| -> f64 {
            let near = Array2::from_shape_fn((5, 5), |(one, other)| {
                let away: f64 = (0..2).map(|axis| (points[one][axis] - points[other][axis]).powi(2)).sum();
                if one == other { 0.0 } else { 1.0 / (1.0 + away) }
            });
            let total = near.sum();
            let pairs = attraction.iter().zip(&near).filter(|(_, near)| **near > 0.0);
            -pairs.map(|(p, near)| p * (near / total).ln()).sum::<f64>()
        };
        let slope = at(&start).gradient(&attraction, 1.0);
        for place in 0..5 {
            for axis in 0..2 {
                let moved = |by: f64| {
                    let mut points = start;
                    points[place][axis] += by;
                    divergence(&points)
                };
                let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((4.0 * slope[place][axis] - numeric).abs() < 1e-8, "{place} {axis}");
            }
        }
    }

    #[test]
    fn few_points_keep_few_neighbours_and_too_few_give_no_map() {
        let rows = array![[0.0_f32, 0.0], [0.1, 0.0], [5.0, 0.0], [5.0, 0.1], [0.0, 0.1]];
        // (5 − 1) / 3.
        assert!((placed(&rows).unwrap().perplexity - 4.0 / 3.0).abs() < 1e-12);
        assert_eq!(placed(&rows.slice(ndarray::s![..3, ..]).to_owned()), None);
    }

    #[test]
    fn points_without_neighbourhoods_give_no_map() {
        // All are equally far from each other.
        assert_eq!(placed(&Array2::eye(6)), None);
    }
}
