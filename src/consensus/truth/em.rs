//! Expectation and maximisation over confusion tables, as all Dawid–Skene kinds share them.

use super::labels::Labels;
use super::plurality::vote_shares;
use super::posterior::{Posterior, soften};

/// How long a model is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmSettings {
    /// Rounds at most; 0 answers the shares of votes.
    pub iterations: usize,
    /// Stop when no probability moves by more; 0 or less never stops early.
    pub tolerance: f64,
}

impl Default for EmSettings {
    /// 100 iterations, tolerance 1e-5.
    fn default() -> Self {
        Self { iterations: 100, tolerance: 1e-5 }
    }
}

/// Below this a probability counts as this before its logarithm is taken.
const SMALLEST: f64 = 1e-12;

/// The tables of one fit, allocated once.
///
/// A cell is (annotator, class answered); each cell has one number per true class, side by side, so
/// that an answer reads one run of memory.
pub(super) struct Em<'a> {
    pub(super) labels: &'a Labels,
    pub(super) classes: usize,
    cells: Vec<u32>,
    /// Probability per task and class; starts as the shares of votes.
    pub(super) posterior: Vec<f64>,
    /// Expected answers per cell and true class, later their probabilities, later the logarithms.
    pub(super) table: Vec<f64>,
    /// Log probability of each class before any answer.
    log_prior: Vec<f64>,
}

impl<'a> Em<'a> {
    /// `None` when a table of annotators × classes × classes cannot be addressed or is beyond 2²⁷
    /// numbers (1 GiB), or where fewer than two classes leave nothing to infer.
    pub(super) fn new(labels: &'a Labels) -> Option<Self> {
        let (classes, annotators) = (labels.classes().len(), labels.annotators().len());
        let size = annotators.checked_mul(classes)?.checked_mul(classes)?;
        if size > 1 << 27 || classes < 2 {
            return None;
        }
        let cells = labels
            .all()
            .map(|(who, class)| u32::try_from(who * classes + class).ok())
            .collect::<Option<_>>()?;
        let posterior = vote_shares(labels, &vec![1.0; annotators]);
        Some(Self {
            labels,
            classes,
            cells,
            posterior,
            table: vec![0.0; size],
            log_prior: vec![0.0; classes],
        })
    }

    /// Counts expected answers into the table, over `smoothing` of an answer in every entry.
    pub(super) fn count(&mut self, smoothing: f64) {
        self.table.fill(smoothing);
        // A known number of classes is unrolled, which takes a third of the time.
        match self.classes {
            2 => self.count_fixed::<2>(),
            3 => self.count_fixed::<3>(),
            4 => self.count_fixed::<4>(),
            5 => self.count_fixed::<5>(),
            6 => self.count_fixed::<6>(),
            7 => self.count_fixed::<7>(),
            8 => self.count_fixed::<8>(),
            9 => self.count_fixed::<9>(),
            10 => self.count_fixed::<10>(),
            _ => self.count_any(),
        }
    }

    fn count_fixed<const K: usize>(&mut self) {
        let (table, _) = self.table.as_chunks_mut::<K>();
        let (rows, _) = self.posterior.as_chunks::<K>();
        for (task, row) in rows.iter().enumerate() {
            for cell in &self.cells[self.labels.range(task)] {
                table[*cell as usize].iter_mut().zip(row).for_each(|(sum, share)| *sum += share);
            }
        }
    }

    fn count_any(&mut self) {
        let classes = self.classes;
        for (task, row) in self.posterior.chunks_exact(classes).enumerate() {
            for cell in &self.cells[self.labels.range(task)] {
                let start = *cell as usize * classes;
                self.table[start..start + classes].iter_mut().zip(row).for_each(|(sum, share)| *sum += share);
            }
        }
    }

    /// Class probabilities are the mean of the posterior over tasks with answers, `more` tasks spread
    /// evenly.
    pub(super) fn set_prior(&mut self, more: f64) {
        let mut sums = vec![more / self.classes as f64; self.classes];
        for (task, row) in self.posterior.chunks_exact(self.classes).enumerate() {
            if !self.labels.range(task).is_empty() {
                sums.iter_mut().zip(row).for_each(|(sum, share)| *sum += share);
            }
        }
        let all: f64 = sums.iter().sum();
        let shares = sums.iter().map(|sum| (sum / all.max(SMALLEST)).max(SMALLEST).ln());
        self.log_prior = shares.collect();
    }

    /// Turns counts into the logarithms of shares: an annotator's answers given one true class sum to 1.
    pub(super) fn take_logarithms(&mut self) {
        let classes = self.classes;
        let mut sums = vec![0.0; classes];
        for annotator in self.table.chunks_exact_mut(classes * classes) {
            sums.fill(0.0);
            for cell in annotator.chunks_exact(classes) {
                sums.iter_mut().zip(cell).for_each(|(sum, count)| *sum += count);
            }
            for cell in annotator.chunks_exact_mut(classes) {
                for (count, sum) in cell.iter_mut().zip(&sums) {
                    *count = if *sum > 0.0 { (*count / sum).max(SMALLEST).ln() } else { 0.0 };
                }
            }
        }
    }

    /// Writes the posterior given the logarithms in the table into `into`. Evidence of n answers that
    /// err together by `correlation` counts as n / (1 + (n − 1) ρ) answers.
    pub(super) fn infer_into(&self, correlation: f64, into: &mut [f64]) {
        match self.classes {
            2 => self.infer_fixed::<2>(correlation, into),
            3 => self.infer_fixed::<3>(correlation, into),
            4 => self.infer_fixed::<4>(correlation, into),
            5 => self.infer_fixed::<5>(correlation, into),
            6 => self.infer_fixed::<6>(correlation, into),
            7 => self.infer_fixed::<7>(correlation, into),
            8 => self.infer_fixed::<8>(correlation, into),
            9 => self.infer_fixed::<9>(correlation, into),
            10 => self.infer_fixed::<10>(correlation, into),
            _ => self.infer_any(correlation, into),
        }
    }

    fn infer_fixed<const K: usize>(&self, correlation: f64, into: &mut [f64]) {
        let (table, _) = self.table.as_chunks::<K>();
        for (task, row) in into.as_chunks_mut::<K>().0.iter_mut().enumerate() {
            let cells = &self.cells[self.labels.range(task)];
            let mut sums = [0.0; K];
            for cell in cells {
                sums.iter_mut().zip(&table[*cell as usize]).for_each(|(sum, term)| *sum += term);
            }
            *row = sums;
            self.close(correlation, cells.len(), row);
        }
    }

    fn infer_any(&self, correlation: f64, into: &mut [f64]) {
        let classes = self.classes;
        for (task, row) in into.chunks_exact_mut(classes).enumerate() {
            let cells = &self.cells[self.labels.range(task)];
            row.fill(0.0);
            for cell in cells {
                let start = *cell as usize * classes;
                row.iter_mut().zip(&self.table[start..start + classes]).for_each(|(sum, term)| *sum += term);
            }
            self.close(correlation, cells.len(), row);
        }
    }

    /// Tempers the evidence of `answers` answers, adds the prior and makes probabilities.
    #[inline]
    fn close(&self, correlation: f64, answers: usize, row: &mut [f64]) {
        let worth = 1.0 / (1.0 + answers.saturating_sub(1) as f64 * correlation);
        row.iter_mut().zip(&self.log_prior).for_each(|(sum, prior)| *sum = prior + worth * *sum);
        soften(row);
    }

    /// Takes a new posterior and leaves the old one in `next`; says by how much the most moved
    /// probability moved.
    pub(super) fn take(&mut self, next: &mut Vec<f64>) -> f64 {
        std::mem::swap(&mut self.posterior, next);
        self.posterior.iter().zip(next.iter()).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max)
    }

    /// The posterior with reliability read off it: the mean probability of an annotator's answers.
    pub(super) fn finish(self) -> Posterior {
        let reliability = super::plurality::mean_support(self.labels, &self.posterior);
        Posterior::new(self.classes, self.posterior, reliability)
    }
}
