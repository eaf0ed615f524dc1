//! What a categorical method answers.

/// Nearer probabilities are a tie: they differ by rounding only.
const TIE: f64 = 1e-9;

/// A probability per class for every task, and what every annotator is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior {
    classes: usize,
    probabilities: Vec<f64>,
    reliability: Vec<Option<f64>>,
}

impl Posterior {
    /// Rows of `classes` probabilities, one row per task.
    pub(super) fn new(classes: usize, probabilities: Vec<f64>, reliability: Vec<Option<f64>>) -> Self {
        Self { classes, probabilities, reliability }
    }

    /// The probabilities of a task, in the order of the classes; they sum to 1. Without any class the
    /// row is empty. `task` is a place among the tasks.
    #[must_use]
    pub fn task(&self, task: usize) -> &[f64] {
        &self.probabilities[task * self.classes..(task + 1) * self.classes]
    }

    /// The most probable class of a task and its probability; among equals the first. `None` without
    /// any class.
    #[must_use]
    pub fn best(&self, task: usize) -> Option<(usize, f64)> {
        let row = self.task(task);
        let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter().position(|value| *value >= most - TIE).map(|class| (class, most))
    }

    /// All classes that tie for the most probable, in their order.
    #[must_use]
    pub fn tied(&self, task: usize) -> Vec<usize> {
        let row = self.task(task);
        let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (0..row.len()).filter(|class| row[*class] >= most - TIE).collect()
    }

    /// Per annotator the probability that an answer is right, as the method sees it; `None` for
    /// someone who answered nothing.
    #[must_use]
    pub fn reliability(&self) -> &[Option<f64>] {
        &self.reliability
    }

    /// All rows one after the other.
    pub(super) fn rows(&self) -> &[f64] {
        &self.probabilities
    }
}

/// Brings a row to the sum 1; a row of zeros becomes uniform.
pub(super) fn normalise(row: &mut [f64]) {
    let sum: f64 = row.iter().sum();
    let even = 1.0 / row.len() as f64;
    for value in row {
        *value = if sum > 0.0 { *value / sum } else { even };
    }
}

/// Turns logarithms, up to a constant, into probabilities.
#[inline]
pub(super) fn soften(row: &mut [f64]) {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for value in row.iter_mut() {
        *value = (*value - most).exp();
        sum += *value;
    }
    let scale = 1.0 / sum;
    for value in row {
        *value *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_goes_to_the_first_class_and_is_told() {
        let found = Posterior::new(3, vec![0.2, 0.4, 0.4, 0.0, 0.1, 0.9], vec![]);
        assert_eq!((found.best(0), found.tied(0)), (Some((1, 0.4)), vec![1, 2]));
        assert_eq!((found.best(1), found.tied(1)), (Some((2, 0.9)), vec![2]));
    }

    #[test]
    fn logarithms_become_probabilities_without_overflow() {
        // e^0 : e^ln 3 = 1 : 3, whatever constant is added.
        let mut row = [1e4, 1e4 + 3.0_f64.ln()];
        soften(&mut row);
        assert!((row[0] - 0.25).abs() < 1e-9 && (row[1] - 0.75).abs() < 1e-9, "{row:?}");
    }
}
