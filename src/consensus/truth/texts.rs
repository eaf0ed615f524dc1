//! Free-text answers, embedded once.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::ArrayView1;

use super::TruthError;
use super::roster::Roster;
use crate::embed::{Embedder, FeatureMatrix};

/// Who wrote what: tasks × annotators, with gaps, and a vector of every distinct text. Tasks keep the
/// order of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    roster: Roster<u32>,
    wordings: Vec<String>,
    vectors: FeatureMatrix,
}

/// One answer chosen per task, and what every annotator is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices {
    /// By task the place of the chosen text in [`Texts::texts`]; `None` where nobody answered.
    pub chosen: Vec<Option<usize>>,
    /// By annotator, 1 on average over those who answered; `None` for someone who answered nothing.
    pub weights: Vec<Option<f64>>,
}

impl Texts {
    /// Rows of (task, answers by annotator). A task without answers is kept.
    ///
    /// # Errors
    /// [`TruthError::Repeated`] for a second answer of an annotator to a task, [`TruthError::Embed`]
    /// when the embedder cannot answer.
    pub fn new<'a>(
        rows: impl IntoIterator<Item = (&'a str, Vec<(&'a str, &'a str)>)>,
        embedder: &dyn Embedder,
    ) -> Result<Self, TruthError> {
        let rows: Vec<_> = rows.into_iter().collect();
        let distinct: BTreeSet<&str> =
            rows.iter().flat_map(|row| row.1.iter().map(|answer| answer.1)).collect();
        let texts: Vec<&str> = distinct.into_iter().collect();
        let number: BTreeMap<&str, u32> = texts.iter().copied().zip(0..).collect();
        let roster = Roster::new(
            rows.into_iter().map(|(task, answers)| {
                (task, answers.into_iter().map(|(who, text)| (who, number[text])).collect())
            }),
            &[],
        )?;
        let vectors = embedder.embed(&texts)?;
        Ok(Self { roster, wordings: texts.into_iter().map(str::to_owned).collect(), vectors })
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

    /// The distinct texts, in their order.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.wordings
    }

    /// The answers to a task as (annotator, text), by annotator.
    pub(super) fn of(&self, task: usize) -> impl Iterator<Item = (usize, usize)> {
        let range = self.roster.of(task);
        self.roster.who[range.clone()]
            .iter()
            .zip(&self.roster.answers[range])
            .map(|(who, text)| (*who as usize, *text as usize))
    }

    /// The unit vector of a text.
    pub(super) fn vector(&self, text: usize) -> ArrayView1<'_, f32> {
        self.vectors.view().index_axis_move(ndarray::Axis(0), text)
    }

    /// Cosine of two texts, -1..=1.
    pub(super) fn similarity(&self, one: usize, other: usize) -> f64 {
        f64::from(self.vector(one).dot(&self.vector(other))).clamp(-1.0, 1.0)
    }

    /// Answers per annotator.
    pub(super) fn counts(&self) -> Vec<f64> {
        self.roster.counts()
    }

    /// The text of a task with the highest score; among equals the first in order of the texts.
    pub(super) fn choose(&self, task: usize, score: impl Fn(usize) -> f64) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        let candidates: BTreeSet<usize> = self.of(task).map(|answer| answer.1).collect();
        for text in candidates {
            let found = score(text);
            if best.is_none_or(|(_, most)| found > most + 1e-12) {
                best = Some((text, found));
            }
        }
        best.map(|(text, _)| text)
    }
}
