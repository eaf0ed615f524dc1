//! Everything a record needs while it is clustered, kept for the next record.

use ndarray::ArrayView2;

use super::linkage::{Linkage, NEVER};
use super::refinement::{Problem, Refinement};
use super::votes::Votes;
use crate::cluster::kernel::{self, Panels};
use crate::cluster::threshold::Thresholds;

/// Buffers of one worker. A workspace may serve any records one after another; its contents never
/// change a result, they only save allocations.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    similarities: Vec<f32>,
    panels: Panels,
    votes: Votes,
    linkage: Linkage,
    refinement: Refinement,
    clusters: Vec<usize>,
    labels: Vec<usize>,
}

impl Workspace {
    /// A cluster per row, by any numbers: [`super::Outcome`] names them by first appearance.
    pub(super) fn labels(&self) -> &[usize] {
        &self.labels
    }

    pub(super) fn merged(&self) -> &[(usize, usize)] {
        &self.votes.merged
    }

    /// Puts the cosines of unit rows into the buffer of similarities.
    pub(super) fn measure(&mut self, rows: ArrayView2<'_, f32>) {
        let depth = rows.ncols();
        if let Some(rows) = rows.as_slice() {
            kernel::similarities(rows, depth, &mut self.panels, &mut self.similarities);
        } else {
            let rows: Vec<f32> = rows.iter().copied().collect();
            kernel::similarities(&rows, depth, &mut self.panels, &mut self.similarities);
        }
    }

    /// Copies given similarities into the buffer.
    pub(super) fn copy(&mut self, similarities: ArrayView2<'_, f32>) {
        self.similarities.clear();
        self.similarities.extend(similarities.iter());
    }

    /// Clusters the rows whose similarities are in the buffer.
    pub(super) fn run(&mut self, sessions: &[usize], thresholds: &Thresholds, max_iterations: usize) {
        self.votes.count(&self.similarities, sessions, thresholds.duplicate);
        let similarities =
            if self.votes.merged.is_empty() { &self.similarities } else { &self.votes.similarities };
        let sessions = &self.votes.sessions;
        let n = sessions.len();
        self.linkage.links.clear();
        self.linkage.links.extend_from_slice(similarities);
        for (row, session) in sessions.iter().enumerate() {
            for (link, other) in self.linkage.links[row * n..(row + 1) * n].iter_mut().zip(sessions) {
                *link = if other == session { NEVER } else { *link };
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "similarities are f32")]
        self.linkage.run(n, thresholds.linkage as f32, &mut self.clusters);
        let problem = Problem { similarities, sessions, threshold: thresholds.refinement, max_iterations };
        self.refinement.run(&problem, &mut self.clusters);
        self.labels.clear();
        self.labels.extend(self.votes.of_row.iter().map(|vote| self.clusters[*vote]));
    }
}
