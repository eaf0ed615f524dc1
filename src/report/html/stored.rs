//! What is read back of a result folder. Everything that an older version did not write may be missing.

use serde::Deserialize;

use crate::consensus::{ConfidenceStatus, Diagnosis};
use crate::persona::{ModelName, SchemaError, TraitSchema};
use crate::report::{
    Asked, CalibrationNote, Counts, InputCount, PanelDependence, PanelMember, Product, WhatWasLearned,
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
}
