//! What is read back of a result folder. Everything that an older version did not write may be missing.

use serde::Deserialize;

use crate::consensus::{ConfidenceStatus, Diagnosis, effective_models};
use crate::persona::{ModelName, SchemaError, TraitSchema};
use crate::report::{
    Asked, CalibrationNote, Counts, InputCount, PanelDependence, PanelMember, Product, WhatWasLearned,
    speaking,
};

/// `summary.json`, as far as the report needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredSummary {
    pub(super) product: Product,
    pub(super) asked: Option<Asked>,
    pub(super) counts: Counts,
    #[serde(default)]
    pub(super) inputs: Vec<InputCount>,
    pub(super) panel: Vec<PanelMember>,
    pub(super) learned: WhatWasLearned,
    pub(super) calibration: Option<CalibrationNote>,
    pub(super) dependence: PanelDependence,
    #[serde(default)]
    pub(super) diagnosis: Diagnosis,
    pub(super) seed: u64,
    pub(super) embedder: String,
    #[serde(deserialize_with = "schema")]
    pub(super) schema: TraitSchema,
    /// Why there are no personas, in a sentence; nothing where there are.
    #[serde(skip)]
    pub(super) nothing: Option<String>,
}

fn schema<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<TraitSchema, D::Error> {
    let value = serde_json::Value::deserialize(reader)?;
    TraitSchema::from_json(&value.to_string()).map_err(|error: SchemaError| serde::de::Error::custom(error))
}

impl StoredSummary {
    /// Reads the text of `summary.json`.
    ///
    /// # Errors
    /// What the reader stumbles over.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// A run that came to no personas; `why` is a sentence. Models are those of `panel`, with the drafts of each.
    #[must_use]
    pub fn of_nothing(why: String, asked: Asked, panel: Vec<(ModelName, usize)>) -> Self {
        let member = |(model, drafts)| PanelMember { model, drafts, agreement: None, weight: None };
        Self {
            product: Product::this(),
            asked: Some(asked),
            counts: Counts::default(),
            inputs: Vec::new(),
            panel: panel.into_iter().map(member).collect(),
            learned: WhatWasLearned { subject: String::new(), same_persona: String::new() },
            calibration: None,
            dependence: PanelDependence {
                correlation: 0.0,
                measured: None,
                cells: 0,
                n_eff: 0.0,
                pairs: Vec::new(),
            },
            diagnosis: Diagnosis::default(),
            seed: 0,
            embedder: String::new(),
            schema: TraitSchema::empty(),
            nothing: Some(why),
        }
    }

    /// How traits were read.
    #[must_use]
    pub fn schema(&self) -> &TraitSchema {
        &self.schema
    }

    /// How many personas there are.
    #[must_use]
    pub fn personas(&self) -> usize {
        self.counts.personas
    }

    /// The models that gave drafts: those that only stand in the panel have no voice.
    pub(super) fn speaking(&self) -> usize {
        speaking(&self.panel)
    }

    /// How many independent models those that spoke are worth.
    pub(super) fn independent(&self) -> f64 {
        effective_models(self.speaking() as f64, self.dependence.correlation)
    }

    /// The models, in the order of the panel.
    pub(super) fn models(&self) -> Vec<ModelName> {
        self.panel.iter().map(|member| member.model.clone()).collect()
    }

    /// What confidences may be taken for at best.
    pub(super) fn status(&self) -> ConfidenceStatus {
        self.calibration.as_ref().map_or(ConfidenceStatus::Uncalibrated, |note| note.status)
    }
}

/// A line of `results.jsonl`, without its text.
#[derive(Clone, Debug, Deserialize)]
pub struct StoredAnswer {
    pub(super) model: ModelName,
    pub(super) status: String,
    #[serde(default)]
    pub(super) latency_ms: u64,
    #[serde(default)]
    pub(super) attempts: u32,
    #[serde(default)]
    pub(super) repairs: u32,
    pub(super) usage: Option<Tokens>,
    #[serde(default)]
    pub(super) cost: f64,
    pub(super) record: Option<String>,
}

impl StoredAnswer {
    /// Whether it can be used.
    pub(super) fn is_answered(&self) -> bool {
        self.status == "success"
    }
}

/// Tokens of an answer.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Tokens {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
}

/// `metrics.json`: the sitting that the result was made in.
#[derive(Clone, Debug, Deserialize)]
pub struct Metrics {
    pub(super) wall_ms: u64,
    pub(super) busy_ms: u64,
    pub(super) parallel_efficiency: Option<f64>,
    #[serde(default)]
    pub(super) unpriced: Vec<String>,
    #[serde(default)]
    pub(super) units_below_quorum: u64,
    #[serde(default)]
    pub(super) records_below_quorum: Vec<String>,
}

/// What a run folder knows about its own making.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Where the input stands, as the study names it.
    pub input: Option<String>,
    /// How many personas were asked for, in words.
    pub personas: Option<String>,
    /// When the first and the last call were made, in milliseconds since 1970.
    pub asked: Option<[u64; 2]>,
}
