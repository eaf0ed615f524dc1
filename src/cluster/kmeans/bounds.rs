//! What rows know of their distances, and how much of it must be computed anew.
//!
//! A row keeps an upper bound of the distance to its own centroid and, for every panel of 16 centroids, a
//! lower bound of the distance to the others in it. When centroids move, bounds are loosened by how far they
//! moved; while the upper bound stays below a lower one, no centroid of that panel can be nearer, and
//! the panel is left out. What is left is computed panel by panel for the rows that need it, in
//! the same blocked products. (Ding et al., *Yinyang k-means*, ICML 2015, with the panels of the
//! kernel as its groups.)

use super::assign::{Nearest, Targets, nearest_in, nearest_two};
use super::state::ROUNDING;
use crate::cluster::kernel::{LANES, dot};

/// A row that joined (or left) a cluster.
pub(super) type Event = (u32, bool, usize);

/// Nobody, before the first assignment.
const NONE: u32 = u32::MAX;

/// What a row knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Its centroid.
    pub(super) label: u32,
    /// At least the distance to it.
    pub(super) upper: f32,
}

impl Row {
    pub(super) const UNKNOWN: Self = Self { label: NONE, upper: f32::INFINITY };
}

/// Buffers of one worker, and what it found.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The first row of the chunk.
    pub(super) start: usize,
    pub(super) events: Vec<Event>,
    found: Vec<Nearest>,
    /// `chunk` × panels of halves.
    least: Vec<f32>,
    /// For every panel the rows of the chunk that need it.
    wanted: Vec<Vec<usize>>,
    gathered: Vec<f32>,
    own: Vec<u32>,
    /// Per row of the chunk: the best so far, and the second of its panel.
    best: Vec<Nearest>,
}

/// The centroids of one iteration.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) depth: usize,
    pub(super) targets: &'a Targets,
    pub(super) centroids: &'a [f32],
    pub(super) centroid_squares: &'a [f32],
    pub(super) moved: &'a [f32],
    /// The farthest move in each panel.
    pub(super) panel_moved: &'a [f32],
    pub(super) gaps: &'a [f32],
}

/// At least the distance whose `half` this is; `slack` is what rounding may have taken away.
fn above(square: f32, half: f32, slack: f32) -> f32 {
    ((square + 2.0 * half).max(0.0) + slack).sqrt()
}

/// At most the distance whose `half` this is.
fn below(square: f32, half: f32, slack: f32) -> f32 {
    (square + 2.0 * half - slack).max(0.0).sqrt()
}

impl Step<'_> {
    fn slack(&self, square: f32, label: u32) -> f32 {
        ROUNDING * (square + self.centroid_squares[label as usize])
    }

    /// Compares every row with every centroid. Gives how many bounds would have failed.
    pub(super) fn ask_all(
        &self,
        rows: &[f32],
        squares: &[f32],
        known: &mut [Row],
        lower: &mut [f32],
        scratch: &mut Scratch,
    ) -> usize {
        let panels = self.panel_moved.len();
        scratch.found.clear();
        scratch.found.resize(known.len(), Nearest::default());
        scratch.least.clear();
        scratch.least.resize(lower.len(), 0.0);
        nearest_two(rows, self.targets, &mut scratch.found, &mut scratch.least);
        let mut failed = 0;
        for (offset, found) in scratch.found.iter().enumerate() {
            let (before, square) = (known[offset], squares[offset]);
            let slack = self.slack(square, found.label);
            let upper = above(square, found.half, slack);
            let stays = before.label == found.label;
            let asked = if stays { upper } else { before.upper };
            let bounds = lower[offset * panels..][..panels].iter_mut();
            let halves = &scratch.least[offset * panels..][..panels];
            for ((bound, half), moved) in bounds.zip(halves).zip(self.panel_moved) {
                failed += usize::from(*bound - moved <= asked);
                *bound = below(square, *half, slack);
            }
            // In its own panel the row is nearest to its own centroid, which no bound is about.
            lower[offset * panels + found.label as usize / LANES] = below(square, found.second_half, slack);
            known[offset] = Row { label: found.label, upper };
            if !stays {
                change(&mut scratch.events, before.label, found.label, scratch.start + offset);
            }
        }
        failed
    }

    /// Compares rows with the panels whose bounds fail. Gives how many those were.
    pub(super) fn ask_bounds(
        &self,
        rows: &[f32],
        squares: &[f32],
        known: &mut [Row],
        lower: &mut [f32],
        scratch: &mut Scratch,
    ) -> usize {
        let panels = self.panel_moved.len();
        scratch.wanted.resize(panels, Vec::new());
        scratch.wanted.iter_mut().for_each(Vec::clear);
        scratch.best.clear();
        scratch.best.resize(known.len(), Nearest::NONE);
        for (offset, row) in known.iter_mut().enumerate() {
            let components = &rows[offset * self.depth..][..self.depth];
            let bounds = &mut lower[offset * panels..][..panels];
            if let Some(own) = self.loosen(components, squares[offset], row, bounds) {
                scratch.best[offset] = own;
                for (bound, wanted) in bounds.iter().zip(&mut scratch.wanted) {
                    if *bound <= row.upper {
                        wanted.push(offset);
                    }
                }
            }
        }
        for panel in 0..panels {
            self.ask_panel(panel, rows, squares, known, lower, scratch);
        }
        self.settle(squares, known, lower, scratch);
        scratch.wanted.iter().map(Vec::len).sum()
    }

    /// Loosens the bounds of a row. Gives its own centroid when some bound may fail, with the exact
    /// distance as upper bound.
    fn loosen(&self, components: &[f32], square: f32, row: &mut Row, bounds: &mut [f32]) -> Option<Nearest> {
        let label = row.label as usize;
        row.upper += self.moved[label];
        let mut least = f32::INFINITY;
        for (bound, moved) in bounds.iter_mut().zip(self.panel_moved) {
            *bound -= moved;
            least = least.min(*bound);
        }
        let least = least.max(self.gaps[label]);
        if row.upper < least {
            return None;
        }
        let centroid = &self.centroids[label * self.depth..][..self.depth];
        let half = self.centroid_squares[label] / 2.0 - dot(components, centroid);
        row.upper = above(square, half, self.slack(square, row.label));
        let own = Nearest { label: row.label, half, second_half: f32::INFINITY };
        (row.upper >= least).then_some(own)
    }

    fn ask_panel(
        &self,
        panel: usize,
        rows: &[f32],
        squares: &[f32],
        known: &[Row],
        lower: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let panels = self.panel_moved.len();
        let wanted = &scratch.wanted[panel];
        scratch.gathered.clear();
        scratch.own.clear();
        for offset in wanted {
            scratch.gathered.extend_from_slice(&rows[offset * self.depth..][..self.depth]);
            scratch.own.push(known[*offset].label);
        }
        scratch.found.clear();
        scratch.found.resize(wanted.len(), Nearest::default());
        nearest_in(&scratch.gathered, self.targets, panel, &scratch.own, &mut scratch.found);
        for (offset, found) in wanted.iter().zip(&scratch.found) {
            let square = squares[*offset];
            let slack = self.slack(square, known[*offset].label);
            lower[offset * panels + panel] = below(square, found.half, slack);
            let best = &mut scratch.best[*offset];
            if found.beats(best.half, best.label) {
                *best = *found;
            }
        }
    }

    /// Lets rows change sides, and makes the bounds true of their new sides.
    fn settle(&self, squares: &[f32], known: &mut [Row], lower: &mut [f32], scratch: &mut Scratch) {
        let panels = self.panel_moved.len();
        for (offset, row) in known.iter_mut().enumerate() {
            let (best, before) = (scratch.best[offset], *row);
            // Rows that were not asked have no best.
            if best.label == NONE || best.label == before.label {
                continue;
            }
            let square = squares[offset];
            let slack = self.slack(square, best.label).max(self.slack(square, before.label));
            let bounds = &mut lower[offset * panels..][..panels];
            bounds[best.label as usize / LANES] = below(square, best.second_half, slack);
            let left = &mut bounds[before.label as usize / LANES];
            *left = left.min((before.upper * before.upper - 2.0 * slack).max(0.0).sqrt());
            *row = Row { label: best.label, upper: above(square, best.half, slack) };
            change(&mut scratch.events, before.label, best.label, scratch.start + offset);
        }
    }
}

fn change(events: &mut Vec<Event>, before: u32, after: u32, row: usize) {
    if before != NONE {
        events.push((before, false, row));
    }
    events.push((after, true, row));
}
