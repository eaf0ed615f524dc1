//! One model's persona for one record, with what the model said for it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ModelName, RecordId, TraitValue};

/// A passage that a model cites for a trait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The words that are claimed to stand in the source.
    pub quote: String,
    /// The id of the source row, where the model named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
}

/// One sitting of one model: a call whose drafts are different from each other by intention.
///
/// Two drafts of one session are never the same persona. Two samples of one model may be, and
/// then still count as one vote, because the vote belongs to the model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    /// Who spoke.
    pub model: ModelName,
    /// Which repetition of the same question, from 0.
    pub sample: u32,
    /// Which part of a corpus too long for one call, from 0.
    pub part: u32,
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sample {} part {}", self.model, self.sample, self.part)
    }
}

/// One model's persona for one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// What the draft is about.
    pub record: RecordId,
    /// Who wrote it.
    pub model: ModelName,
    /// Which repetition of the same question, from 0.
    #[serde(default)]
    pub sample: u32,
    /// Which part of a corpus too long for one call, from 0.
    #[serde(default)]
    pub part: u32,
    /// Place among the drafts of its session, from 0.
    #[serde(default)]
    pub position: u32,
    /// What the persona is said to be. Every value says something; unknown is absent.
    #[serde(rename = "persona")]
    pub traits: BTreeMap<String, TraitValue>,
    /// Further answers per trait, best first, after the one in `traits`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alternatives: BTreeMap<String, Vec<TraitValue>>,
    /// Why, per trait, in the model's words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, String>,
    /// Passages cited, per trait.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, Vec<Evidence>>,
    /// Where the draft came from: `file:line`, or the id of the stored reply.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub origin: String,
}

impl Draft {
    /// A draft that says nothing yet.
    #[must_use]
    pub fn new(record: RecordId, model: ModelName) -> Self {
        Self {
            record,
            model,
            sample: 0,
            part: 0,
            position: 0,
            traits: BTreeMap::new(),
            alternatives: BTreeMap::new(),
            reasons: BTreeMap::new(),
            evidence: BTreeMap::new(),
            origin: String::new(),
        }
    }

    /// The sitting in which the draft was written.
    #[must_use]
    pub fn session(&self) -> Session {
        Session { model: self.model.clone(), sample: self.sample, part: self.part }
    }
}

/// All drafts about one record: the unit of work of everything after the replies.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordDrafts {
    record: RecordId,
    drafts: Vec<Draft>,
}

impl RecordDrafts {
    /// Gathers drafts of one record, ordered by `panel` position, then sample, part, position.
    ///
    /// Models that `panel` does not name come after it, by name: the result does not depend on
    /// the order in which drafts arrive. Drafts about another record are left out by the caller;
    /// this is asserted in debug builds.
    #[must_use]
    pub fn new(record: RecordId, mut drafts: Vec<Draft>, panel: &[ModelName]) -> Self {
        debug_assert!(drafts.iter().all(|draft| draft.record == record));
        let place = |model: &ModelName| panel.iter().position(|name| name == model);
        drafts.sort_by_cached_key(|draft| {
            (place(&draft.model).unwrap_or(panel.len()), draft.session(), draft.position)
        });
        Self { record, drafts }
    }

    /// The record that all drafts are about.
    #[must_use]
    pub fn record(&self) -> &RecordId {
        &self.record
    }

    /// The drafts, in the order of the panel.
    #[must_use]
    pub fn drafts(&self) -> &[Draft] {
        &self.drafts
    }

    /// The distinct models, in the order of the panel.
    #[must_use]
    pub fn models(&self) -> Vec<&ModelName> {
        let mut models: Vec<&ModelName> = Vec::new();
        for draft in &self.drafts {
            if !models.contains(&&draft.model) {
                models.push(&draft.model);
            }
        }
        models
    }

    /// The session of each draft as a number, from 0 by first appearance: drafts with equal
    /// numbers cannot be the same persona.
    #[must_use]
    pub fn sessions(&self) -> Vec<usize> {
        let mut seen: Vec<Session> = Vec::new();
        self.drafts
            .iter()
            .map(|draft| {
                let session = draft.session();
                seen.iter().position(|other| *other == session).unwrap_or_else(|| {
                    seen.push(session);
                    seen.len() - 1
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(model: &str, sample: u32, position: u32) -> Draft {
        let record = RecordId::new("r").expect("valid");
        let mut draft = Draft::new(record, ModelName::new(model).expect("valid"));
        draft.sample = sample;
        draft.position = position;
        draft
    }

    #[test]
    fn order_of_arrival_changes_nothing() {
        let panel = [ModelName::new("b").expect("valid"), ModelName::new("a").expect("valid")];
        let drafts =
            vec![draft("a", 1, 0), draft("z", 0, 0), draft("b", 0, 1), draft("a", 0, 0), draft("b", 0, 0)];
        let mut reversed = drafts.clone();
        reversed.reverse();
        let record = RecordId::new("r").expect("valid");
        let one = RecordDrafts::new(record.clone(), drafts, &panel);
        let other = RecordDrafts::new(record, reversed, &panel);
        assert_eq!(one, other);
        assert_eq!(one.sessions(), [0, 0, 1, 2, 3]);
        let names: Vec<&str> = one.models().iter().map(|model| model.as_str()).collect();
        assert_eq!(names, ["b", "a", "z"]);
    }
}
