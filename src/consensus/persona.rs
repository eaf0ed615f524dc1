//! The result: a persona on which models agree, with everything needed to trace its numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calibrate::{ConfidenceStatus, PredictionSet};
use super::grounding::{Backing, Found};
use super::{ConfidenceParts, Dissent};
use crate::persona::{ModelName, RecordId, TraitValue};

/// Whether several models saw a persona, or one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonaKind {
    /// Two or more models described it, or the panel is a single model.
    Consensus,
    /// One model alone described it: kept, marked, never promoted.
    Minority,
}

/// One of the values that the models gave for a trait; of a list trait, one of the items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// The wording that stands for the variant: that of its best supported member.
    pub value: TraitValue,
    /// Whose wording it is.
    pub representative: ModelName,
    /// Who holds it, in the order of the panel.
    pub models: Vec<ModelName>,
    /// Share of the votes' weight, in 0..=1.
    pub share: f64,
    /// Of a list item: whether it reached the support that the consensus asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
    /// Every wording, with the draft it came from, in the order of the panel.
    pub said: Vec<Said>,
    /// Passages cited by those who hold it, where the consensus is another: those behind the consensus stand in
    /// [`TraitConsensus::evidence`]. Of a list: those of the models that have no item in common with the consensus.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<CitedEvidence>,
}

/// What one model said, verbatim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Who said it.
    pub model: ModelName,
    /// The value as the model wrote it.
    pub value: TraitValue,
    /// The stored reply or file line that it stands in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub origin: String,
}

/// A passage cited for the consensus value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CitedEvidence {
    /// Who cites it.
    pub model: ModelName,
    /// The words.
    pub quote: String,
    /// The source row, where the model named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// Of a list or of `quotes`: the item that it speaks for, by the wording that stands for it; `None` where it
    /// speaks for none more than for others, or there is no source to look in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Where the words stand in the source, where there is a source to look in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
}

/// What the models of one cluster say about one trait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraitConsensus {
    /// `categorical`, `ordinal`, `numeric`, `list` or `text`.
    pub kind: String,
    /// The consensus value; for a list, the items that reached the support asked for.
    pub value: TraitValue,
    /// How sure, in 0..=1: a probability as far as `confidence_status` says so.
    pub confidence: f64,
    /// What the confidence may be taken for.
    #[serde(default)]
    pub confidence_status: ConfidenceStatus,
    /// What the confidence was made of.
    pub parts: ConfidenceParts,
    /// Mean similarity between the answers of different models, in 0..=1; 1 for a lone answer.
    pub agreement: f64,
    /// Distinct models behind the value.
    pub support: usize,
    /// Distinct models that answered.
    pub n_models: usize,
    /// Whether the models disagree enough to look at `variants`.
    pub divergent: bool,
    /// The values given, best supported first; the first is the consensus.
    pub variants: Vec<Variant>,
    /// The answers that differ from the consensus, in the order of the panel. Of a list trait: the items
    /// that contradict one that stands. Of traits of weight 0 none are pointed out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dissent: Vec<Dissent>,
    /// Models that described the persona and say nothing about this trait, in the order of the panel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<ModelName>,
    /// Of a numeric trait: the range that holds the middle 80 % of the supporting votes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// The values that hold the truth with the probability asked for, where one was asked for and the
    /// confidence is a probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction_set: Option<PredictionSet>,
    /// Passages cited for the value, in the order of the panel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<CitedEvidence>,
    /// What the value rests on in the source: evidence, or an echo of what the models were trained on.
    /// Missing where there was no source to look in, or nobody cites anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backing: Option<Backing>,
    /// The models' value, where a person set another at an approval
    /// ([`SetByPerson`](ConfidenceStatus::SetByPerson)): `value` is the person's then, and `variants` are the models'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<TraitValue>,
}

impl TraitConsensus {
    /// Whether those who gave this variant stand behind the value: of a list who gave an item that it has, of other
    /// values who gave the first variant; of a value that a person set, who said the same.
    #[must_use]
    pub fn is_behind(&self, place: usize) -> bool {
        let Some(variant) = self.variants.get(place) else { return false };
        match (&self.was, &self.value) {
            (None, _) => variant.kept.unwrap_or(place == 0),
            (Some(_), TraitValue::List(items)) => items.contains(&variant.value.to_string()),
            (Some(_), value) => variant.value == *value,
        }
    }

    /// Whether the models disagree and at most half of those that answered stand behind the value: it is then the
    /// best supported of several, and not what the panel says. Lists are counted item by item.
    #[must_use]
    pub fn lacks_majority(&self) -> bool {
        self.divergent && self.kind != "list" && 2 * self.support <= self.n_models
    }
}

/// A persona that the panel agrees on, or that one model alone saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsensusPersona {
    /// What it is about.
    pub record: RecordId,
    /// Unique within a run: the record and a number.
    pub persona_id: String,
    /// Consensus or minority.
    pub kind: PersonaKind,
    /// How sure, in 0..=1: the mean confidence of its traits, by weight, times the share of the
    /// panel that saw it. Where one subject is certain and traits are calibrated, the share of its
    /// traits that is expected to be right.
    pub confidence: f64,
    /// What the confidence may be taken for: the least of what those of its traits may.
    #[serde(default)]
    pub confidence_status: ConfidenceStatus,
    /// Distinct models that described it.
    pub support: usize,
    /// Distinct models that answered about the record.
    pub n_models: usize,
    /// Models of the panel: those beyond `n_models` gave no usable answer about the record. 0 where that is not known.
    #[serde(default)]
    pub n_panel: usize,
    /// Who described it, in the order of the panel.
    pub models: Vec<ModelName>,
    /// The traits, by name.
    pub traits: BTreeMap<String, TraitConsensus>,
    /// Models that said this persona twice in one sitting and were counted once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged_duplicates: Vec<ModelName>,
    /// The drafts it was made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
}
