//! Categorical answers in compact rows.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::TruthError;
use super::roster::Roster;

/// Who called what by which class: tasks × annotators, with gaps.
///
/// Tasks keep the order of the input, classes are numbered in the order of their names, annotators in
/// an order made of their answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    roster: Roster<u16>,
    classes: Vec<String>,
}

impl Labels {
    /// Rows of (task, answers by annotator). A task without answers is kept.
    ///
    /// # Errors
    /// [`TruthError::Repeated`] for a second answer of an annotator to a task,
    /// [`TruthError::TooManyClasses`] beyond 65,535 distinct answers.
    pub fn new<'a>(
        rows: impl IntoIterator<Item = (&'a str, Vec<(&'a str, &'a str)>)>,
    ) -> Result<Self, TruthError> {
        Self::with_annotators(rows, &[])
    }

    /// As [`Labels::new`], with annotators who may have answered nothing.
    ///
    /// # Errors
    /// As for [`Labels::new`].
    pub fn with_annotators<'a>(
        rows: impl IntoIterator<Item = (&'a str, Vec<(&'a str, &'a str)>)>,
        annotators: &[&'a str],
    ) -> Result<Self, TruthError> {
        let rows: Vec<_> = rows.into_iter().collect();
        let classes: BTreeSet<&str> =
            rows.iter().flat_map(|row| row.1.iter().map(|answer| answer.1)).collect();
        if classes.len() > usize::from(u16::MAX) {
            return Err(TruthError::TooManyClasses { found: classes.len() });
        }
        let number: BTreeMap<&str, u16> = classes.iter().copied().zip(0..).collect();
        let rows = rows.into_iter().map(|(task, answers)| {
            (task, answers.into_iter().map(|(who, class)| (who, number[class])).collect())
        });
        let roster = Roster::new(rows, annotators)?;
        Ok(Self { roster, classes: classes.into_iter().map(str::to_owned).collect() })
    }

    /// Names of the tasks, in the order of the input.
    #[must_use]
    pub fn tasks(&self) -> &[String] {
        &self.roster.tasks
    }

    /// Names of the annotators, in the order in which results speak of them.
    #[must_use]
    pub fn annotators(&self) -> &[String] {
        &self.roster.annotators
    }

    /// Names of the classes, in their order.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Answers in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster.who.len()
    }

    /// Is there no answer at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roster.who.is_empty()
    }

    /// The answers to a task as (annotator, class), by annotator. `task` is a place in
    /// [`Labels::tasks`].
    pub(super) fn of(&self, task: usize) -> impl Iterator<Item = (usize, usize)> {
        let range = self.range(task);
        self.roster.who[range.clone()]
            .iter()
            .zip(&self.roster.answers[range])
            .map(|(who, class)| (*who as usize, usize::from(*class)))
    }

    /// Where a task's answers stand among all.
    pub(super) fn range(&self, task: usize) -> Range<usize> {
        self.roster.of(task)
    }

    /// All answers as (annotator, class), task by task.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, usize)> {
        self.roster
            .who
            .iter()
            .zip(&self.roster.answers)
            .map(|(who, class)| (*who as usize, usize::from(*class)))
    }

    /// Answers per annotator.
    pub(super) fn counts(&self) -> Vec<f64> {
        self.roster.counts()
    }
}

/// Rows of a made-up file for tests: one string per task, one letter per annotator, `.` for none.
#[cfg(test)]
pub(super) fn sketch(rows: &[&str]) -> Labels {
    const NAMES: &[&str] = &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    const TASKS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];
    Labels::new(rows.iter().zip(TASKS).map(|(row, task)| {
        let letters = (0..row.len()).filter(|place| &row[*place..=*place] != ".");
        (*task, letters.map(|place| (NAMES[place], &row[place..=place])).collect())
    }))
    .unwrap()
}
