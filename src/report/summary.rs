//! What is to be said about a whole result: counts, settings, versions, what was learned.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::consensus::{ConsensusPersona, ConsensusValidParams, Learned, PersonaKind};
use crate::persona::{ModelName, TraitSchema};

use super::safe;

/// The program that made a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The crate.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Product {
    /// This crate.
    #[must_use]
    pub fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// What one input gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputCount {
    /// The file's name as the user gave it.
    pub file: String,
    /// Drafts that could be read.
    pub drafts: usize,
    /// Drafts, or single traits of them, that were set aside; each has a line in `set_aside.jsonl`.
    pub set_aside: usize,
}

/// Counts in and out. `drafts` is the sum of `drafts_of_other_models` and `drafts_used`; of those,
/// `duplicates_merged` say again what their model had said in the same sitting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Drafts that could be read.
    pub drafts: usize,
    /// Drafts of models outside the panel, left out.
    pub drafts_of_other_models: usize,
    /// Drafts that the result was made of.
    pub drafts_used: usize,
    /// Drafts, or single traits of them, that could not be used; each is listed with its reason.
    pub set_aside: usize,
    /// Records that have drafts of the panel.
    pub records: usize,
    /// Personas.
    pub personas: usize,
    /// Of these, personas that two or more models described.
    pub consensus: usize,
    /// Personas that one model alone described.
    pub minority: usize,
    /// Personas that a model said twice in one sitting, counted once.
    pub duplicates_merged: usize,
    /// Traits of all personas.
    pub traits: usize,
    /// Traits on which the models disagree.
    pub divergent_traits: usize,
}

/// One model of the panel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PanelMember {
    /// Its name.
    pub model: ModelName,
    /// Its drafts that were used.
    pub drafts: usize,
    /// How much its answers resemble those of the others, in 0..=1; shrunk towards the panel's mean.
    pub agreement: Option<f64>,
    /// What its vote counts; 1 on average.
    pub weight: Option<f64>,
}

/// What the batch taught before anything was decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhatWasLearned {
    /// One persona a record, or several.
    pub subject: String,
    /// How it is known which drafts are the same persona, in a sentence.
    pub same_persona: String,
}

/// What is to be said about a whole result. Equal drafts and settings give equal summaries: times
/// and costs are kept elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Who made the result.
    pub product: Product,
    /// Counts in and out.
    pub counts: Counts,
    /// The inputs, in the order given.
    pub inputs: Vec<InputCount>,
    /// The models, in the order of the panel.
    pub panel: Vec<PanelMember>,
    /// What the batch taught.
    pub learned: WhatWasLearned,
    /// Whether confidences are probabilities that were fitted to gold; else they only order.
    pub calibrated: bool,
    /// The seed of everything random.
    pub seed: u64,
    /// The embedder's name and version.
    pub embedder: String,
    /// The settings of the consensus.
    pub settings: ConsensusValidParams,
    /// How traits were read, with those that were inferred.
    pub schema: TraitSchema,
}

/// Counts personas as they are decided.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: Counts,
    by_model: BTreeMap<ModelName, usize>,
}

impl Tally {
    /// Counts a draft that the result will be made of.
    pub fn draft(&mut self, model: &ModelName) {
        self.counts.drafts_used += 1;
        *self.by_model.entry(model.clone()).or_default() += 1;
    }

    /// Counts the personas of one record.
    pub fn record(&mut self, personas: &[ConsensusPersona]) {
        self.counts.records += 1;
        for persona in personas {
            self.counts.personas += 1;
            match persona.kind {
                PersonaKind::Consensus => self.counts.consensus += 1,
                PersonaKind::Minority => self.counts.minority += 1,
            }
            self.counts.duplicates_merged += persona.merged_duplicates.len();
            self.counts.traits += persona.traits.len();
            self.counts.divergent_traits += persona.traits.values().filter(|found| found.divergent).count();
        }
    }

    /// The counts, completed with those of the reading.
    #[must_use]
    pub fn counts(&self, inputs: &[InputCount]) -> Counts {
        let drafts = inputs.iter().map(|input| input.drafts).sum();
        Counts {
            drafts,
            drafts_of_other_models: drafts - self.counts.drafts_used.min(drafts),
            set_aside: inputs.iter().map(|input| input.set_aside).sum(),
            ..self.counts.clone()
        }
    }

    /// The panel with what is known about each model.
    #[must_use]
    pub fn panel(&self, panel: &[ModelName], learned: &Learned) -> Vec<PanelMember> {
        panel
            .iter()
            .enumerate()
            .map(|(place, model)| PanelMember {
                model: model.clone(),
                drafts: self.by_model.get(model).copied().unwrap_or(0),
                agreement: learned.reliability.agreement.get(place).copied(),
                weight: learned.reliability.weights.get(place).copied(),
            })
            .collect()
    }
}

impl From<&Learned> for WhatWasLearned {
    fn from(learned: &Learned) -> Self {
        match &learned.thresholds {
            Some(thresholds) => {
                Self { subject: "several personas a record".to_owned(), same_persona: thresholds.to_string() }
            }
            None => Self {
                subject: "one persona a record".to_owned(),
                same_persona: "all drafts of a record are taken for the same persona".to_owned(),
            },
        }
    }
}

impl fmt::Display for Summary {
    /// A few lines for people: what came in, what came out, what was learned.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(
            f,
            "{} drafts of {} models about {} records: {} consensus personas, {} minority personas; {} of {} \
             traits divergent.",
            counts.drafts_used,
            self.panel.len(),
            counts.records,
            counts.consensus,
            counts.minority,
            counts.divergent_traits,
            counts.traits,
        )?;
        if counts.drafts_of_other_models > 0 {
            writeln!(f, "{} drafts of other models were left out.", counts.drafts_of_other_models)?;
        }
        if counts.duplicates_merged > 0 {
            writeln!(f, "{} personas said twice in one sitting count once.", counts.duplicates_merged)?;
        }
        if counts.set_aside > 0 {
            writeln!(
                f,
                "{} drafts or traits were set aside; the reasons are in set_aside.jsonl.",
                counts.set_aside
            )?;
        }
        writeln!(f, "{}; {}.", safe::line(&self.learned.subject), safe::line(&self.learned.same_persona))?;
        if !self.calibrated {
            writeln!(f, "Confidences are uncalibrated: they order, they are no probabilities.")?;
        }
        Ok(())
    }
}
