//! What the stages of a pipeline left beside the personas, as far as the report shows it. What an artefact does not say
//! may be missing: an older version may not have written it.

use serde::Deserialize;
use serde_json::Value;

/// Narratives, review, coverage, quality and approval of a run with stages.
#[derive(Clone, Debug, Default)]
pub struct StoredStages {
    pub(super) narratives: Vec<Told>,
    pub(super) reviews: Vec<Reviewed>,
    pub(super) coverage: Option<Covered>,
    pub(super) quality: Option<Quality>,
    pub(super) decisions: Vec<Decided>,
    /// What a person edited, by name.
    pub(super) edited: Vec<String>,
}

/// A persona's narrative.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Told {
    pub(super) persona_id: String,
    /// The model that wrote it, or `person`; nothing where it was cut from the values.
    pub(super) author: Option<String>,
    /// With the marks of sentences that are in doubt.
    pub(super) text: String,
    narrative: Option<Checked>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Checked {
    #[serde(default)]
    removed: Vec<Sentence>,
}

#[derive(Clone, Debug, Deserialize)]
struct Sentence {
    text: String,
}

impl Told {
    /// The sentences that were taken out because no value supports them.
    pub(super) fn removed(&self) -> impl Iterator<Item = &str> {
        self.narrative.iter().flat_map(|checked| &checked.removed).map(|sentence| sentence.text.as_str())
    }
}

/// What a reviewer makes of a record.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reviewed {
    pub(super) record: String,
    pub(super) reviewer: Option<String>,
    pub(super) review: Review,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Review {
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) conflicts: Vec<Conflict>,
    #[serde(default)]
    pub(super) missing: Vec<Gap>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Conflict {
    pub(super) persona_id: String,
    #[serde(rename = "trait")]
    pub(super) name: String,
    /// What kind of conflict the reviewer takes it for.
    #[serde(default)]
    pub(super) judged: String,
    #[serde(default)]
    pub(super) sides: Vec<Side>,
    pub(super) resolution: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Side {
    pub(super) value: Value,
    #[serde(default)]
    pub(super) models: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Gap {
    pub(super) what: String,
    pub(super) collect: String,
}

/// Which rows personas speak for.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Covered {
    pub(super) rows: usize,
    /// Those that a persona speaks for.
    #[serde(rename = "covered")]
    pub(super) spoken_for: usize,
    #[serde(default)]
    pub(super) uncovered: Vec<Uncovered>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Uncovered {
    pub(super) row: String,
}

/// What the quality check came to.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Quality {
    pub(super) verdict: String,
    #[serde(default)]
    pub(super) findings: Vec<Finding>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Finding {
    #[serde(default)]
    pub(super) gravity: String,
    pub(super) persona_id: Option<String>,
    #[serde(default)]
    pub(super) reason: String,
}

/// One answer at a gate.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Decided {
    pub(super) decision: String,
    pub(super) reason: Option<String>,
    pub(super) at_ms: Option<u64>,
}

/// The decisions at a gate, and those of its earlier rounds.
#[derive(Debug, Default, Deserialize)]
struct Decisions {
    #[serde(default)]
    decisions: Vec<Decided>,
    #[serde(default)]
    edited: Vec<String>,
}

/// Reads what may be null.
fn some<T: for<'de> Deserialize<'de>>(value: Value) -> Result<Option<T>, serde_json::Error> {
    serde_json::from_value(value)
}

impl StoredStages {
    /// Adds narratives: a list, or null.
    ///
    /// # Errors
    /// What the reader stumbles over; so with the others.
    pub fn with_narratives(mut self, value: Value) -> Result<Self, serde_json::Error> {
        self.narratives = some(value)?.unwrap_or_default();
        Ok(self)
    }

    /// Adds what reviewers say: a list, or null.
    ///
    /// # Errors
    /// See [`Self::with_narratives`].
    pub fn with_reviews(mut self, value: Value) -> Result<Self, serde_json::Error> {
        self.reviews = some(value)?.unwrap_or_default();
        Ok(self)
    }

    /// Adds the rows that personas speak for, or null.
    ///
    /// # Errors
    /// See [`Self::with_narratives`].
    pub fn with_coverage(mut self, value: Value) -> Result<Self, serde_json::Error> {
        self.coverage = some(value)?;
        Ok(self)
    }

    /// Adds what the quality check came to, or null.
    ///
    /// # Errors
    /// See [`Self::with_narratives`].
    pub fn with_quality(mut self, value: Value) -> Result<Self, serde_json::Error> {
        self.quality = some(value)?;
        Ok(self)
    }

    /// Adds what was decided at the gate, or null.
    ///
    /// # Errors
    /// See [`Self::with_narratives`].
    pub fn with_decision(mut self, value: Value) -> Result<Self, serde_json::Error> {
        let said: Decisions = some(value)?.unwrap_or_default();
        (self.decisions, self.edited) = (said.decisions, said.edited);
        Ok(self)
    }
}
