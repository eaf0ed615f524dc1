//! One run of k-means: labels, bounds, and sums that follow the rows that change sides.

use rayon::prelude::*;

use super::assign::{Nearest, Targets, nearest_two};
use crate::cluster::kernel::{Panels, add_to, dot, similarities};

/// Rows per piece of work: their components fit into the cache of one core.
const CHUNK: usize = 240;

/// Bounds are not asked while more than this share of rows failed them the last time.
const MOSTLY: f64 = 0.7;

/// Distances computed as ‖x‖² − 2x·c + ‖c‖² are off by about this share of the squares.
const ROUNDING: f32 = 4e-6;

/// What a row knows of its distances.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    label: u32,
    /// At least the distance to the own centroid.
    upper: f32,
    /// At most the distance to any other centroid.
    lower: f32,
}

/// A row that joined (or left) a cluster.
type Event = (u32, bool, usize);

pub(super) struct State<'a> {
    rows: &'a [f32],
    squares: &'a [f32],
    depth: usize,
    pub(super) centroids: Vec<f32>,
    centroid_squares: Vec<f32>,
    targets: Targets,
    sums: Vec<f64>,
    sizes: Vec<usize>,
    bounds: Vec<Bounds>,
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
        let fresh = Bounds { label: u32::MAX, upper: f32::INFINITY, lower: 0.0 };
        let mut state = Self {
            rows,
            squares,
            depth,
            centroids,
            centroid_squares: Vec::new(),
            targets: Targets::default(),
            sums: vec![0.0; k * depth],
            sizes: vec![0; k],
            bounds: vec![fresh; squares.len()],
            moved: vec![0.0; k],
            gaps: Vec::new(),
            failed: 1.0,
            panels: Panels::default(),
            between: Vec::new(),
        };
        state.prepare();
        state
    }

    fn prepare(&mut self) {
        self.centroid_squares = self.centroids.chunks_exact(self.depth).map(|row| dot(row, row)).collect();
        self.targets.set(&self.centroids, &self.centroid_squares, self.depth);
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = usize> {
        self.bounds.iter().map(|bounds| bounds.label as usize)
    }

    /// Assigns every row to its nearest centroid; gives the number of rows that changed sides.
    pub(super) fn assign(&mut self) -> usize {
        let all = self.failed > MOSTLY;
        if !all {
            self.measure_gaps();
        }
        let most = self.moved.iter().fold(0.0_f32, |most, moved| most.max(*moved));
        let mut bounds = std::mem::take(&mut self.bounds);
        let (events, failed): (Vec<Vec<Event>>, Vec<usize>) = bounds
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map_init(Scratch::default, |scratch, (chunk, bounds)| {
                self.assign_chunk(chunk * CHUNK, bounds, most, all, scratch)
            })
            .unzip();
        self.bounds = bounds;
        self.failed = failed.iter().sum::<usize>() as f64 / self.squares.len() as f64;
        let events: Vec<Event> = events.concat();
        self.apply(&events);
        events.iter().filter(|(_, joined, _)| *joined).count()
    }

    fn assign_chunk(
        &self,
        start: usize,
        bounds: &mut [Bounds],
        most: f32,
        all: bool,
        scratch: &mut Scratch,
    ) -> (Vec<Event>, usize) {
        let depth = self.depth;
        scratch.failing.clear();
        for (offset, bounds) in bounds.iter_mut().enumerate() {
            if all {
                bounds.lower = (bounds.lower - most).max(0.0);
            }
            if all || !self.holds(start + offset, bounds, most) {
                scratch.failing.push(offset);
            }
        }
        scratch.found.clear();
        scratch.found.resize(scratch.failing.len(), Nearest::default());
        if scratch.failing.len() == bounds.len() {
            nearest_two(
                &self.rows[start * depth..][..bounds.len() * depth],
                &self.targets,
                &mut scratch.found,
            );
        } else {
            scratch.gathered.clear();
            for offset in &scratch.failing {
                scratch.gathered.extend_from_slice(&self.rows[(start + offset) * depth..][..depth]);
            }
            nearest_two(&scratch.gathered, &self.targets, &mut scratch.found);
        }
        let (mut events, mut failed) = (Vec::new(), 0);
        for (offset, found) in scratch.failing.iter().zip(&scratch.found) {
            let row = start + offset;
            let Bounds { label: before, lower, .. } = bounds[*offset];
            let square = self.squares[row];
            let slack = ROUNDING * (square + self.centroid_squares[found.label as usize]);
            let distance = |half: f32| (square + 2.0 * half).max(0.0);
            bounds[*offset] = Bounds {
                label: found.label,
                upper: (distance(found.half) + slack).sqrt(),
                lower: (distance(found.second_half) - slack).max(0.0).sqrt(),
            };
            // When no bound was asked, this says whether it would have held.
            failed += usize::from(before != found.label || bounds[*offset].upper >= lower);
            if before != found.label {
                if before != u32::MAX {
                    events.push((before, false, row));
                }
                events.push((found.label, true, row));
            }
        }
        (events, if all { failed } else { scratch.failing.len() })
    }

    /// Whether the row surely stays where it is, after the centroids moved.
    fn holds(&self, row: usize, bounds: &mut Bounds, most: f32) -> bool {
        let label = bounds.label as usize;
        bounds.upper += self.moved[label];
        bounds.lower = (bounds.lower - most).max(0.0);
        let least = bounds.lower.max(self.gaps[label]);
        if bounds.upper < least {
            return true;
        }
        let centroid = &self.centroids[label * self.depth..][..self.depth];
        let (square, own) = (self.squares[row], self.centroid_squares[label]);
        let product = dot(&self.rows[row * self.depth..][..self.depth], centroid);
        bounds.upper = ((square + own - 2.0 * product).max(0.0) + ROUNDING * (square + own)).sqrt();
        bounds.upper < least
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
        for (row, bounds) in self.bounds.iter().enumerate() {
            let lonely = self.sizes[bounds.label as usize] < 2;
            // Upper bounds of rows that sit on their centroid are rounding alone.
            let rounding = 2.0 * (2.0 * ROUNDING * self.squares[row]).sqrt();
            let least = farthest.map_or(rounding, |(most, _)| most.max(rounding));
            if !lonely && bounds.upper > least {
                farthest = Some((bounds.upper, row));
            }
        }
        if let Some((_, row)) = farthest {
            #[expect(clippy::cast_possible_truncation, reason = "clusters are counted in u32")]
            let label = cluster as u32;
            let before =
                std::mem::replace(&mut self.bounds[row], Bounds { label, upper: f32::INFINITY, lower: 0.0 });
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

/// Buffers of one worker.
#[derive(Debug, Default)]
struct Scratch {
    failing: Vec<usize>,
    gathered: Vec<f32>,
    found: Vec<Nearest>,
}
