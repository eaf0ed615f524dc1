//! Numeric answers in compact rows.

use std::cmp::Ordering;

use super::TruthError;
use super::roster::Roster;

/// A finite number with an order.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Finite(f64);

impl Eq for Finite {}

impl PartialOrd for Finite {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Finite {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Who answered what number: tasks × annotators, with gaps. Tasks keep the order of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers(Roster<Finite>);

/// One number per task, and what every annotator is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimates {
    /// By task; `None` where nobody answered.
    pub values: Vec<Option<f64>>,
    /// By annotator, 1 on average over those who answered; `None` for someone who answered nothing.
    pub weights: Vec<Option<f64>>,
}

impl Numbers {
    /// Rows of (task, answers by annotator). A task without answers is kept.
    ///
    /// # Errors
    /// [`TruthError::Repeated`] for a second answer of an annotator to a task,
    /// [`TruthError::NotFinite`] for a number that is NaN or infinite.
    pub fn new<'a>(
        rows: impl IntoIterator<Item = (&'a str, Vec<(&'a str, f64)>)>,
    ) -> Result<Self, TruthError> {
        let mut checked = Vec::new();
        for (task, answers) in rows {
            if let Some((annotator, value)) = answers.iter().find(|answer| !answer.1.is_finite()) {
                let (task, annotator) = (task.to_owned(), (*annotator).to_owned());
                return Err(TruthError::NotFinite { task, annotator, value: *value });
            }
            // Adding 0 makes -0 a 0, so that equal numbers are equal in order too.
            checked
                .push((task, answers.into_iter().map(|(who, value)| (who, Finite(value + 0.0))).collect()));
        }
        Ok(Self(Roster::new(checked, &[])?))
    }

    /// Names of the tasks, in the order of the input.
    #[must_use]
    pub fn tasks(&self) -> &[String] {
        &self.0.tasks
    }

    /// Names of the annotators, in the order in which results speak of them.
    #[must_use]
    pub fn annotators(&self) -> &[String] {
        &self.0.annotators
    }

    /// The answers to a task as (annotator, value), by annotator.
    pub(super) fn of(&self, task: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.0.of(task);
        self.0.who[range.clone()]
            .iter()
            .zip(&self.0.answers[range])
            .map(|(who, value)| (*who as usize, value.0))
    }

    /// Answers per annotator.
    pub(super) fn counts(&self) -> Vec<f64> {
        self.0.counts()
    }

    /// One estimate per task from its values, all annotators alike.
    pub(super) fn each(&self, estimate: impl Fn(&[f64]) -> f64) -> Estimates {
        let of = |task| {
            let values: Vec<f64> = self.of(task).map(|answer| answer.1).collect();
            (!values.is_empty()).then(|| estimate(&values))
        };
        let weights = self.counts().iter().map(|n| (*n > 0.0).then_some(1.0)).collect();
        Estimates { values: (0..self.tasks().len()).map(of).collect(), weights }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_are_refused_by_name() {
        let refused = Numbers::new([("t", vec![("a", f64::NAN)])]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "annotator `a` answered `NaN` to task `t`; every number must be finite"
        );
    }
}
