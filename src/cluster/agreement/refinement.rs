//! One-to-one assignment of each session's drafts to the clusters of the others, until nothing moves.
//!
//! A draft is compared with a cluster by the cosine with the sum of its members, which follows from
//! similarities alone: the sum of its similarities to the members, over the root of the sum of all
//! similarities among them. A large cluster's centre has less noise than any member, and so this is
//! more generous to it than the mean similarity. On simulated records with much noise that is
//! worth 15 points of ARI.

use super::linkage::NEVER;
use super::matching::Matching;

/// Buffers of [`Refinement::run`], kept between records.
#[derive(Clone, Debug, Default)]
pub(super) struct Refinement {
    /// `clusters` × `n`: row `c` holds, for every draft, the sum of its similarities to the members of `c`.
    sums: Vec<f32>,
    /// Sum of all similarities inside a cluster: the squared length of the sum of its members.
    inner: Vec<f64>,
    sizes: Vec<usize>,
    free: Vec<usize>,
    by_session: Vec<(usize, usize)>,
    columns: Vec<usize>,
    own: Vec<usize>,
    moves: Vec<(usize, usize, usize)>,
    matching: Matching,
}

/// No draft of the session is in the cluster; or a cluster that is still to be opened.
const NONE: usize = usize::MAX;

/// What a run works on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem<'a> {
    /// `n` × `n`, row by row.
    pub(super) similarities: &'a [f32],
    /// Session of each draft.
    pub(super) sessions: &'a [usize],
    pub(super) threshold: f64,
    pub(super) max_iterations: usize,
}

impl Refinement {
    /// Improves `clusters`, where each is named by a number below `n`.
    pub(super) fn run(&mut self, problem: &Problem<'_>, clusters: &mut [usize]) {
        self.start(problem, clusters);
        for _ in 0..problem.max_iterations {
            let mut moved = false;
            let mut start = 0;
            while start < self.by_session.len() {
                let session = self.by_session[start].0;
                let length =
                    self.by_session[start..].iter().take_while(|(other, _)| *other == session).count();
                moved |= self.assign(problem, start..start + length, clusters);
                start += length;
            }
            if !moved {
                return;
            }
        }
    }

    fn start(&mut self, problem: &Problem<'_>, clusters: &[usize]) {
        let n = clusters.len();
        self.sums.clear();
        self.sums.resize(n * n, 0.0);
        self.inner.clear();
        self.inner.resize(n, 0.0);
        self.sizes.clear();
        self.sizes.resize(n, 0);
        self.own.clear();
        self.own.resize(n, NONE);
        self.by_session.clear();
        self.by_session.extend(problem.sessions.iter().enumerate().map(|(draft, session)| (*session, draft)));
        self.by_session.sort_unstable();
        for (draft, cluster) in clusters.iter().enumerate() {
            self.enter(problem, draft, *cluster);
        }
        self.free.clear();
        self.free.extend((0..n).filter(|cluster| self.sizes[*cluster] == 0));
    }

    fn enter(&mut self, problem: &Problem<'_>, draft: usize, cluster: usize) {
        let n = problem.sessions.len();
        let sums = &mut self.sums[cluster * n..(cluster + 1) * n];
        let row = &problem.similarities[draft * n..(draft + 1) * n];
        self.inner[cluster] += 2.0 * f64::from(sums[draft]) + f64::from(row[draft]);
        for (sum, similarity) in sums.iter_mut().zip(row) {
            *sum += similarity;
        }
        self.sizes[cluster] += 1;
    }

    fn leave(&mut self, problem: &Problem<'_>, draft: usize, cluster: usize) {
        let n = problem.sessions.len();
        let sums = &mut self.sums[cluster * n..(cluster + 1) * n];
        let row = &problem.similarities[draft * n..(draft + 1) * n];
        self.sizes[cluster] -= 1;
        if self.sizes[cluster] == 0 {
            // Exactly empty: what rounding left behind must not stay.
            sums.fill(0.0);
            self.inner[cluster] = 0.0;
            self.free.push(cluster);
            return;
        }
        for (sum, similarity) in sums.iter_mut().zip(row) {
            *sum -= similarity;
        }
        self.inner[cluster] -= 2.0 * f64::from(sums[draft]) + f64::from(row[draft]);
    }

    /// Assigns the drafts of one session, `by_session[range]`; says whether any moved.
    fn assign(
        &mut self,
        problem: &Problem<'_>,
        range: std::ops::Range<usize>,
        clusters: &mut [usize],
    ) -> bool {
        for place in range.clone() {
            let draft = self.by_session[place].1;
            self.own[clusters[draft]] = draft;
        }
        self.measure(problem, range.clone());
        let (rows, columns) = (range.len(), self.columns.len());
        self.matching.run(rows, columns, problem.threshold);
        self.moves.clear();
        for (row, place) in range.clone().enumerate() {
            let draft = self.by_session[place].1;
            let now = clusters[draft];
            self.own[now] = NONE;
            let target = match self.matching.chosen[row] {
                Some(column) => self.columns[column],
                None if self.sizes[now] == 1 => now,
                None => NONE,
            };
            if target != now {
                self.moves.push((draft, now, target));
            }
        }
        self.carry_out(problem, clusters)
    }

    fn carry_out(&mut self, problem: &Problem<'_>, clusters: &mut [usize]) -> bool {
        let planned = std::mem::take(&mut self.moves);
        for (draft, now, _) in &planned {
            self.leave(problem, *draft, *now);
        }
        for (draft, _, target) in &planned {
            let target = if *target == NONE { self.free.pop().unwrap_or(clusters[*draft]) } else { *target };
            self.enter(problem, *draft, target);
            clusters[*draft] = target;
        }
        let moved = !planned.is_empty();
        self.moves = planned;
        moved
    }

    /// Fills the gains: how close each draft of the session is to each cluster without the session.
    fn measure(&mut self, problem: &Problem<'_>, range: std::ops::Range<usize>) {
        let n = problem.sessions.len();
        self.columns.clear();
        for cluster in 0..n {
            let others = self.sizes[cluster] - usize::from(self.own[cluster] != NONE);
            if others > 0 {
                self.columns.push(cluster);
            }
        }
        let columns = self.columns.len();
        self.matching.gains.clear();
        self.matching.gains.resize(range.len() * columns, NEVER);
        for (column, cluster) in self.columns.iter().enumerate() {
            let sums = &self.sums[cluster * n..(cluster + 1) * n];
            let own = self.own[*cluster];
            let mut inner = self.inner[*cluster];
            let mut without: &[f32] = &[];
            if own != NONE {
                without = &problem.similarities[own * n..(own + 1) * n];
                inner -= 2.0 * f64::from(sums[own]) - f64::from(without[own]);
            }
            // A kernel that is no inner product may leave no length at all.
            let scale = 1.0 / inner.max(1e-6).sqrt();
            for (row, (_, draft)) in self.by_session[range.clone()].iter().enumerate() {
                let mine = without.get(*draft).copied().unwrap_or(0.0);
                #[expect(clippy::cast_possible_truncation, reason = "a similarity needs no more")]
                let gain = (f64::from(sums[*draft] - mine) * scale) as f32;
                self.matching.gains[row * columns + column] = gain;
            }
        }
    }
}
