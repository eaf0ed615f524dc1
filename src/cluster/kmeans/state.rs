//! One run of k-means: labels, bounds, and sums that follow the rows that change sides.

use rayon::prelude::*;

use super::assign::Targets;
use super::bounds::{Event, Row, Scratch, Step};
use crate::cluster::kernel::{LANES, Panels, add_to, dot, similarities};

/// Rows per piece of work: their components fit into the cache of one core.
const CHUNK: usize = 240;

/// Bounds are not asked while more than this share of them failed the last time.
const MOSTLY: f64 = 0.7;

/// Distances computed as ‖x‖² − 2x·c + ‖c‖² are off by about this share of the squares.
pub(super) const ROUNDING: f32 = 4e-6;

pub(super) struct State<'a> {
    rows: &'a [f32],
    squares: &'a [f32],
    depth: usize,
    pub(super) centroids: Vec<f32>,
    centroid_squares: Vec<f32>,
    targets: Targets,
    sums: Vec<f64>,
    sizes: Vec<usize>,
    known: Vec<Row>,
    /// `n` × panels: at most the distance to any centroid of the panel but the own one.
    lower: Vec<f32>,
    /// How far each centroid moved the last time.
    moved: Vec<f32>,
    /// Half the distance of each centroid to its next one.
    gaps: Vec<f32>,
    failed: f64,
    panels: Panels,
    between: Vec<f32>,
}

impl<'a> State<'a> {
    pub(super) fn new(rows: &'a [f32], squares: &'a [f32], depth: usize, centroids: Vec<f32>) -> Self {
        let k = centroids.len() / depth;
        let mut state = Self {
            rows,
            squares,
            depth,
            centroids,
            centroid_squares: Vec::new(),
            targets: Targets::default(),
            sums: vec![0.0; k * depth],
            sizes: vec![0; k],
            known: vec![Row::UNKNOWN; squares.len()],
            lower: Vec::new(),
            moved: vec![0.0; k],
            gaps: Vec::new(),
            failed: 1.0,
            panels: Panels::default(),
            between: Vec::new(),
        };
        state.prepare();
        state.lower = vec![0.0; squares.len() * state.targets.panels()];
        state
    }

    fn prepare(&mut self) {
        self.centroid_squares = self.centroids.chunks_exact(self.depth).map(|row| dot(row, row)).collect();
        self.targets.set(&self.centroids, &self.centroid_squares, self.depth);
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = usize> {
        self.known.iter().map(|row| row.label as usize)
    }

    /// Assigns every row to its nearest centroid; gives the number of rows that changed sides.
    pub(super) fn assign(&mut self) -> usize {
        let all = self.failed > MOSTLY;
        if !all {
            self.measure_gaps();
        }
        let most = |moved: &[f32]| moved.iter().fold(0.0_f32, |most, moved| most.max(*moved));
        let panel_moved: Vec<f32> = self.moved.chunks(LANES).map(most).collect();
        let step = Step {
            depth: self.depth,
            targets: &self.targets,
            centroids: &self.centroids,
            centroid_squares: &self.centroid_squares,
            moved: &self.moved,
            panel_moved: &panel_moved,
            gaps: &self.gaps,
        };
        let panels = panel_moved.len();
        let (events, failed): (Vec<Vec<Event>>, Vec<usize>) = self
            .known
            .par_chunks_mut(CHUNK)
            .zip(self.lower.par_chunks_mut(CHUNK * panels))
            .zip(self.rows.par_chunks(CHUNK * self.depth).zip(self.squares.par_chunks(CHUNK)))
            .enumerate()
            .map_init(Scratch::default, |scratch, (chunk, ((known, lower), (rows, squares)))| {
                scratch.events.clear();
                scratch.start = chunk * CHUNK;
                let failed = if all {
                    step.ask_all(rows, squares, known, lower, scratch)
                } else {
                    step.ask_bounds(rows, squares, known, lower, scratch)
                };
                (scratch.events.clone(), failed)
            })
            .unzip();
        self.failed = failed.iter().sum::<usize>() as f64 / self.lower.len() as f64;
        let events: Vec<Event> = events.concat();
        self.apply(&events);
        events.iter().filter(|(_, joined, _)| *joined).count()
    }

    /// Half the distance to the next centroid: whoever is nearer than that has no nearer one.
    fn measure_gaps(&mut self) {
        let k = self.sizes.len();
        similarities(&self.centroids, self.depth, &mut self.panels, &mut self.between);
        self.gaps.clear();
        for one in 0..k {
            let mut least = f32::INFINITY;
            for other in (0..k).filter(|other| *other != one) {
                let squares = self.centroid_squares[one] + self.centroid_squares[other];
                let distance = squares * (1.0 - ROUNDING) - 2.0 * self.between[one * k + other];
                least = least.min(distance);
            }
            self.gaps.push(least.max(0.0).sqrt() / 2.0);
        }
    }

    /// Adds and takes away rows, cluster by cluster, in the order of rows.
    fn apply(&mut self, events: &[Event]) {
        let k = self.sizes.len();
        let mut ends = vec![0; k + 1];
        for (cluster, joined, _) in events {
            ends[*cluster as usize + 1] += 1;
            let size = &mut self.sizes[*cluster as usize];
            *size = if *joined { *size + 1 } else { *size - 1 };
        }
        for cluster in 0..k {
            ends[cluster + 1] += ends[cluster];
        }
        let mut places = ends.clone();
        let mut sorted = vec![(true, 0); events.len()];
        for (cluster, joined, row) in events {
            let place = &mut places[*cluster as usize];
            sorted[*place] = (*joined, *row);
            *place += 1;
        }
        let (rows, depth) = (self.rows, self.depth);
        self.sums.par_chunks_mut(depth).enumerate().for_each(|(cluster, sum)| {
            for (joined, row) in &sorted[ends[cluster]..ends[cluster + 1]] {
                add_to(sum, &rows[row * depth..][..depth], *joined);
            }
        });
    }

    /// Moves every centroid to the mean of its rows; gives the farthest move. A cluster without rows
    /// takes the row that is farthest from its own centroid, unless every row sits on one.
    pub(super) fn update(&mut self) -> f32 {
        for cluster in 0..self.sizes.len() {
            if self.sizes[cluster] == 0 {
                self.fill(cluster);
            }
        }
        let depth = self.depth;
        for (cluster, centroid) in self.centroids.chunks_exact_mut(depth).enumerate() {
            let size = self.sizes[cluster] as f64;
            let mut square = 0.0;
            for (value, sum) in centroid.iter_mut().zip(&self.sums[cluster * depth..]) {
                #[expect(clippy::cast_possible_truncation, reason = "centroids are f32")]
                let fresh = if size > 0.0 { (sum / size) as f32 } else { *value };
                square += f64::from(fresh - *value).powi(2);
                *value = fresh;
            }
            #[expect(clippy::cast_possible_truncation, reason = "a bound, rounded up")]
            let moved = (square.sqrt() * (1.0 + 1e-6)) as f32;
            self.moved[cluster] = moved;
        }
        self.prepare();
        self.moved.iter().fold(0.0, |most, moved| most.max(*moved))
    }

    fn fill(&mut self, cluster: usize) {
        let mut farthest: Option<(f32, usize)> = None;
        for (row, known) in self.known.iter().enumerate() {
            let lonely = self.sizes[known.label as usize] < 2;
            // Upper bounds of rows that sit on their centroid are rounding alone.
            let rounding = 2.0 * (2.0 * ROUNDING * self.squares[row]).sqrt();
            let least = farthest.map_or(rounding, |(most, _)| most.max(rounding));
            if !lonely && known.upper > least {
                farthest = Some((known.upper, row));
            }
        }
        if let Some((_, row)) = farthest {
            #[expect(clippy::cast_possible_truncation, reason = "clusters are counted in u32")]
            let label = cluster as u32;
            let before = std::mem::replace(&mut self.known[row], Row { label, upper: f32::INFINITY });
            let panels = self.targets.panels();
            self.lower[row * panels..][..panels].fill(0.0);
            self.apply(&[(before.label, false, row), (label, true, row)]);
        }
    }

    /// Sum of squared distances of all rows to their centroids, from the sums:
    /// Σ‖x‖² − 2 Σ c·s + Σ n‖c‖², where s is the sum of the n rows of c.
    pub(super) fn inertia(&self) -> f64 {
        let mut inertia: f64 = self.squares.iter().map(|square| f64::from(*square)).sum();
        for (cluster, centroid) in self.centroids.chunks_exact(self.depth).enumerate() {
            let size = self.sizes[cluster] as f64;
            for (value, sum) in centroid.iter().zip(&self.sums[cluster * self.depth..]) {
                let value = f64::from(*value);
                inertia += value * (size * value - 2.0 * sum);
            }
        }
        inertia.max(0.0)
    }
}
