//! What is to be said about a whole result: counts, settings, versions, what was learned.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::consensus::{
    CalibrationQuality, ConfidenceStatus, ConsensusPersona, ConsensusValidParams, Diagnosis, Learned,
    PersonaKind, Provenance,
};
use crate::persona::{ModelName, TraitSchema};
use crate::stages::workstreams::{Alarm, Setback, Workstream};

use super::grounded::{GroundingCounts, source_line};
use super::panel_dependence::PanelDependence;
use super::safe;
use super::voices::{one_voice, speaking};
use super::wording::{alarm_words, counted, estimate_words, setback_words};

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
    /// What the cited passages of consensus personas came to, where there was a source to look in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grounding: Option<GroundingCounts>,
    /// The same of minority personas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grounding_of_minority: Option<GroundingCounts>,
}

/// One model of the panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhatWasLearned {
    /// One persona a record, or several.
    pub subject: String,
    /// How it is known which drafts are the same persona, in a sentence.
    pub same_persona: String,
}

/// How one member of a panel that was asked did: counts of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAnswers {
    /// Calls with a usable answer.
    pub answered: u64,
    /// Those of them that another model answered in its name.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub by_fallback: u64,
    /// Calls without one.
    pub unanswered: u64,
    /// Why, with how often each reason was given.
    pub reasons: BTreeMap<String, u64>,
}

fn is_zero<N: Default + PartialEq>(count: &N) -> bool {
    *count == N::default()
}

/// What a result that a panel was asked for says beside the personas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The study's name.
    pub study: String,
    /// The study's question.
    pub question: Option<String>,
    /// How the panel was asked.
    pub mode: String,
    /// Changes with every template of the question.
    pub prompt_version: String,
    /// Changes with everything that the answers depend on.
    pub fingerprint: String,
    /// Records of the input, or parts of the corpus, that were asked about.
    pub units: u64,
    /// Records that were read.
    pub records_read: usize,
    /// Records that could not be used; each is listed with its reason.
    pub records_set_aside: usize,
    /// Of those read, records beyond the study's `limit`: nobody was asked about them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub records_beyond_limit: usize,
    /// The panel's answers, by model.
    pub answers: BTreeMap<ModelName, MemberAnswers>,
    /// The workstreams of the study, in order; none for a study that is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workstreams: Vec<StreamNote>,
    /// What was set for the stages, by stage, with the adaptive rules; nothing for a study without stages.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub stages: serde_json::Value,
}

/// A workstream, and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamNote {
    /// What the study says about it.
    pub stream: Workstream,
    /// How it ended: `done`, `reduced`, `failed`, `blocked`.
    pub status: String,
    /// Records that it takes.
    pub records: usize,
    /// Calls that its models need for them.
    pub calls: u64,
    /// Calls with a usable answer, those of fallbacks included.
    pub answered: u64,
    /// What went wrong and what was tried, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setbacks: Vec<Setback>,
    /// The stream whose failure kept it from beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
    /// Whether it took no longer than was estimated, where there is an estimate and it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_its_estimate: Option<bool>,
    /// When it was stuck or late, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<Alarm>,
}

/// What confidences may be taken for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationNote {
    /// That of traits of `kinds`; all others are uncalibrated.
    pub status: ConfidenceStatus,
    /// The calibration as it was named.
    pub name: String,
    /// The kinds of traits that it was fitted to.
    pub kinds: Vec<String>,
    /// Kinds of traits without labelled values: their probabilities are calibrated on other data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_kinds: Vec<String>,
    /// What it was fitted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// How good it is on records that it was not fitted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<CalibrationQuality>,
}

impl From<&ConsensusValidParams> for CalibrationNote {
    fn from(settings: &ConsensusValidParams) -> Self {
        let used = settings.probabilities();
        Self {
            status: settings.confidence_status(),
            name: settings.calibration_name(),
            kinds: used.map(|used| used.kinds().map(str::to_owned).collect()).unwrap_or_default(),
            other_kinds: used.map(|used| used.other_kinds().map(str::to_owned).collect()).unwrap_or_default(),
            provenance: used.map(|used| used.provenance().clone()),
            quality: used.and_then(|used| used.quality().cloned()),
        }
    }
}

/// What is to be said about a whole result. Equal drafts and settings give equal summaries: times
/// and costs are kept elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Who made the result.
    pub product: Product,
    /// What was asked, where a panel was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Counts in and out.
    pub counts: Counts,
    /// The inputs, in the order given.
    pub inputs: Vec<InputCount>,
    /// The models, in the order of the panel.
    pub panel: Vec<PanelMember>,
    /// What the batch taught.
    pub learned: WhatWasLearned,
    /// Whether confidences are probabilities that were fitted to the user's own gold.
    pub calibrated: bool,
    /// What confidences may be taken for, and of which kinds of traits.
    pub calibration: CalibrationNote,
    /// How far the models err together, and what that makes the panel worth.
    pub dependence: PanelDependence,
    /// Agreement beyond chance by trait, and what each model's vote decides.
    pub diagnosis: Diagnosis,
    /// The seed of everything random.
    pub seed: u64,
    /// The embedder's name and version.
    pub embedder: String,
    /// The settings of the consensus.
    pub settings: ConsensusValidParams,
    /// How traits were read, with those that were inferred.
    pub schema: TraitSchema,
}

impl Counts {
    /// Counts of the reading: what the inputs gave, and how many drafts of it are the panel's.
    #[must_use]
    pub fn of_reading(inputs: &[InputCount], drafts_used: usize) -> Self {
        let drafts: usize = inputs.iter().map(|input| input.drafts).sum();
        Self {
            drafts,
            drafts_of_other_models: drafts.saturating_sub(drafts_used),
            drafts_used,
            set_aside: inputs.iter().map(|input| input.set_aside).sum(),
            ..Self::default()
        }
    }

    /// Counts the personas of one more record.
    pub fn add_record(&mut self, personas: &[ConsensusPersona]) {
        self.records += 1;
        for persona in personas {
            self.personas += 1;
            match persona.kind {
                PersonaKind::Consensus => self.consensus += 1,
                PersonaKind::Minority => self.minority += 1,
            }
            self.duplicates_merged += persona.merged_duplicates.len();
            self.traits += persona.traits.len();
            self.divergent_traits += persona.traits.values().filter(|found| found.divergent).count();
            let grounding = match persona.kind {
                PersonaKind::Consensus => &mut self.grounding,
                PersonaKind::Minority => &mut self.grounding_of_minority,
            };
            for found in persona.traits.values().filter(|found| found.backing.is_some()) {
                grounding.get_or_insert_default().add(found);
            }
        }
    }
}

impl PanelMember {
    /// The panel with what is known about each model; `drafts` are the drafts of each.
    #[must_use]
    pub fn panel(panel: &[ModelName], drafts: &BTreeMap<ModelName, usize>, learned: &Learned) -> Vec<Self> {
        let of = |values: &[f64], place: usize| values.get(place).copied();
        panel
            .iter()
            .enumerate()
            .map(|(place, model)| Self {
                model: model.clone(),
                drafts: drafts.get(model).copied().unwrap_or(0),
                agreement: of(&learned.reliability.agreement, place),
                weight: of(&learned.reliability.weights, place),
            })
            .collect()
    }
}

impl From<&Learned> for WhatWasLearned {
    fn from(learned: &Learned) -> Self {
        match &learned.thresholds {
            Some(thresholds) => {
                Self { subject: "Several personas a record".to_owned(), same_persona: thresholds.to_string() }
            }
            None => Self {
                subject: "One persona a record".to_owned(),
                same_persona: "all drafts of a record are taken for the same persona".to_owned(),
            },
        }
    }
}

impl fmt::Display for Summary {
    /// A few lines for people: what came in, what came out, what was learned.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        for (model, answers) in self.asked.iter().flat_map(|asked| &asked.answers) {
            let reasons: Vec<String> = answers.reasons.keys().map(|reason| safe::line(reason)).collect();
            if !reasons.is_empty() {
                let (model, count) = (safe::line(model.as_str()), answers.unanswered);
                let count = counted(count, "call");
                writeln!(f, "{model} left {count} without a usable answer: {}", reasons.join("; "))?;
            }
        }
        writeln!(
            f,
            "{} of {} about {}: {}, {}; {} of {} divergent.",
            counted(counts.drafts_used, "draft"),
            counted(speaking(&self.panel), "model"),
            counted(counts.records, "record"),
            counted(counts.consensus, "consensus persona"),
            counted(counts.minority, "minority persona"),
            counts.divergent_traits,
            counted(counts.traits, "trait"),
        )?;
        for (whose, found) in [("consensus", counts.grounding), ("minority", counts.grounding_of_minority)] {
            if let Some(found) = found {
                source_line(f, whose, &found)?;
            }
        }
        self.streams(f)?;
        self.left_aside(f)?;
        writeln!(f, "{}: {}.", safe::line(&self.learned.subject), safe::line(&self.learned.same_persona))?;
        self.dependence(f)?;
        self.confidences(f)
    }
}

impl Summary {
    /// What is to be said before anything else: that this is the word of one model alone.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        one_voice(&self.panel)
    }

    /// Workstreams that did not go as planned.
    fn streams(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let streams = self.asked.iter().flat_map(|asked| &asked.workstreams);
        let as_planned = |note: &&StreamNote| {
            note.status == "done"
                && note.setbacks.is_empty()
                && note.alarms.is_empty()
                && note.kept_its_estimate != Some(false)
        };
        for note in streams.filter(|note| !as_planned(note)) {
            let mut said: Vec<String> = note.setbacks.iter().map(setback_words).collect();
            said.extend(note.blocked_by.iter().map(|by| format!("`{by}` failed, which it waits for")));
            said.extend(note.alarms.iter().filter_map(|alarm| alarm_words(alarm, note.kept_its_estimate)));
            said.extend(note.kept_its_estimate.and_then(|kept| estimate_words(&note.stream, Some(kept))));
            let line = format!("Workstream {} {}: {}.", note.stream.name, note.status, said.join("; then "));
            writeln!(f, "{}", safe::line(&line))?;
        }
        Ok(())
    }

    /// What was read and is not in the result.
    fn left_aside(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        if counts.drafts_of_other_models > 0 {
            let drafts = counted(counts.drafts_of_other_models, "draft");
            writeln!(f, "Left out, being of other models: {drafts}.")?;
        }
        if counts.duplicates_merged > 0 {
            let personas = counted(counts.duplicates_merged, "persona");
            writeln!(f, "Said twice in one sitting and counted once: {personas}.")?;
        }
        if counts.set_aside > 0 {
            writeln!(
                f,
                "Drafts or traits set aside, with reasons in set_aside.jsonl: {}.",
                counts.set_aside
            )?;
        }
        let records = self.asked.as_ref().map_or(0, |asked| asked.records_set_aside);
        if records > 0 {
            writeln!(f, "Records set aside, with reasons in set_aside.jsonl: {records}.")?;
        }
        Ok(())
    }

    /// What the panel is worth, and which vote decides most.
    fn dependence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PanelDependence { correlation, measured, n_eff, .. } = &self.dependence;
        let speaking = speaking(&self.panel);
        if speaking > 1 {
            let source = if measured.is_some() { "estimated" } else { "assumed" };
            let models = counted(speaking, "model");
            writeln!(
                f,
                "{models}, worth {n_eff:.1} independent ones (errors correlate at {correlation:.2}, {source})."
            )?;
        }
        let changed = self.diagnosis.left_out.iter().filter_map(|out| Some((out.changed?, out)));
        let most = changed.reduce(|most, next| if next.0 > most.0 { next } else { most });
        if let Some((share, out)) = most.filter(|(share, _)| *share > 0.0) {
            let model = safe::line(out.model.as_str());
            let values = counted(out.values, "value");
            writeln!(f, "Most depends on {model}: without it {:.0} % of {values} change.", share * 100.0)?;
        }
        Ok(())
    }

    /// What confidences may be taken for.
    fn confidences(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.calibration.kinds.join(", ");
        match self.calibration.status {
            ConfidenceStatus::Uncalibrated => {
                writeln!(f, "Confidences are uncalibrated: they order, they are no probabilities.")
            }
            ConfidenceStatus::CalibratedOnOtherData => writeln!(
                f,
                "Confidences of {kinds} traits are probabilities calibrated on other data; on yours they may be \
                 off (`consona calibrate` fits them). Those marked ~ are uncalibrated: they order only."
            ),
            // No calibration is called the last.
            ConfidenceStatus::Calibrated | ConfidenceStatus::SetByPerson => writeln!(
                f,
                "Confidences of {kinds} traits are calibrated probabilities ({}){}. Those marked ~ are \
                 uncalibrated: they order only.",
                safe::line(&self.calibration.name),
                match self.calibration.other_kinds.as_slice() {
                    [] => String::new(),
                    others => format!(
                        "; those of {} traits, of which nothing was labelled, are calibrated on other data",
                        others.join(", ")
                    ),
                }
            ),
        }
    }
}
