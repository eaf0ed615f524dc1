//! What is asked, before it is worded.

use std::ops::RangeInclusive;

use crate::dataset::Record;
use crate::persona::{Draft, TraitSchema};

/// What one set of personas is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// All records together.
    Corpus,
    /// One record by itself.
    Record,
}

/// A question to one panel member.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// What the study wants to know.
    pub research_question: &'a str,
    /// The traits that a persona has.
    pub schema: &'a TraitSchema,
    /// How many personas are wanted, at least and at most; from 1.
    pub personas: RangeInclusive<usize>,
    /// The data; exactly one record when [`Self::unit`] is [`Unit::Record`].
    pub records: &'a [Record],
    /// What the personas are about.
    pub unit: Unit,
    /// In the sequential mode, the drafts of the models before; else none, and the model is blind.
    pub earlier: &'a [Draft],
    /// The study's words for the member's stance.
    pub stance: Option<&'a str>,
}
