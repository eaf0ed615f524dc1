//! Would the outcome stand without one of the models, and how far do they agree beyond chance?
//!
//! Told on a sample of the records, evenly spaced, because every record is decided once more per
//! model. Clusters and weights stay as they were: what is asked is what one vote decides, not how the
//! batch would have been learned without it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::alpha::{Alpha, Measurement};
use super::persona::{ConsensusPersona, PersonaKind, TraitConsensus};
use crate::normalise::Reading;
use crate::persona::{ModelName, TraitDefinition, TraitKind};

/// Records that are decided once more per model, at most.
pub(super) const STABILITY_RECORDS: usize = 100;
/// Records from which agreement beyond chance is computed, at most.
pub(super) const ALPHA_RECORDS: usize = 1000;

/// What changes when one model is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Who is left out.
    pub model: ModelName,
    /// Values compared: single values (no lists) on which it and another model answered.
    pub values: usize,
    /// Share of them that another answer wins without it, 0..=1.
    pub changed: Option<f64>,
    /// Mean distance by which their confidence moves, 0..=1.
    pub confidence_moved: Option<f64>,
    /// Personas of several models that one model alone describes without it.
    pub personas_lost: usize,
}

/// What a sample of the records says about the panel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Agreement beyond chance, per trait, over at most 1,000 records.
    pub alpha: BTreeMap<String, Alpha>,
    /// Each model left out in turn, in the order of the panel, over at most 100 records.
    pub left_out: Vec<LeftOut>,
}

/// Sums behind a [`LeftOut`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    values: usize,
    changed: usize,
    moved: f64,
    personas_lost: usize,
}

impl Change {
    /// Counts a persona of which `without` is left when `model` is not asked.
    pub(super) fn add(&mut self, with: &ConsensusPersona, without: &ConsensusPersona, model: &ModelName) {
        if with.kind == PersonaKind::Consensus && without.kind == PersonaKind::Minority {
            self.personas_lost += 1;
        }
        for (name, after) in &without.traits {
            let Some(before) = with.traits.get(name).filter(|found| answered(found, model)) else { continue };
            let (Some(old), Some(new)) = (before.variants.first(), after.variants.first()) else { continue };
            self.values += 1;
            self.changed += usize::from(!old.models.contains(&new.representative));
            self.moved += (before.confidence - after.confidence).abs();
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.values += other.values;
        self.changed += other.changed;
        self.moved += other.moved;
        self.personas_lost += other.personas_lost;
    }

    pub(super) fn of(self, model: ModelName) -> LeftOut {
        let mean = |sum: f64| (self.values > 0).then(|| sum / self.values as f64);
        let (changed, confidence_moved) = (mean(self.changed as f64), mean(self.moved));
        LeftOut { model, values: self.values, changed, confidence_moved, personas_lost: self.personas_lost }
    }
}

fn answered(found: &TraitConsensus, model: &ModelName) -> bool {
    found.kind != "list" && found.variants.iter().any(|variant| variant.models.contains(model))
}

/// Codes of one trait, unit by unit. A category's code is its place among those seen.
#[derive(Debug, Default)]
pub(super) struct Codes {
    seen: BTreeMap<String, usize>,
    units: Vec<Vec<f64>>,
}

impl Codes {
    /// Adds the answers of one unit, a model each.
    pub(super) fn add<'a>(&mut self, answers: impl Iterator<Item = &'a Reading>) {
        let unit = answers.filter_map(|reading| self.code(reading)).collect();
        self.units.push(unit);
    }

    fn code(&mut self, reading: &Reading) -> Option<f64> {
        let name = match reading {
            Reading::Range(range) => return Some(range.centre()),
            Reading::Levels(levels) => {
                return Some(f64::midpoint(levels.lowest() as f64, levels.highest() as f64));
            }
            Reading::Category(place) => format!("={place}"),
            Reading::Phrase(phrase) => phrase.key().to_owned(),
            Reading::Place(place) => place.phrase().key().to_owned(),
            // Lists and prose are not codes: no two are ever equal.
            _ => return None,
        };
        let next = self.seen.len();
        Some(*self.seen.entry(name).or_insert(next) as f64)
    }

    /// α of the trait; `None` where nothing could be coded.
    pub(super) fn alpha(&self, definition: &TraitDefinition, seed: u64) -> Option<Alpha> {
        let measurement = match definition.kind {
            TraitKind::Numeric { .. } => Measurement::Interval,
            TraitKind::Ordinal { .. } => Measurement::Ordinal,
            _ => Measurement::Nominal,
        };
        let found = Alpha::of(&self.units, measurement, seed);
        (found.units > 0).then_some(found)
    }
}
