//! Who says what where models disagree: one row per value, one column per model.

use serde::Serialize;

use super::Material;
use super::cards::{numbered, why};
use super::words::{confidence, label, part, shown, sorted, thousands};
use crate::consensus::{ConsensusPersona, Dissent, DissentKind, TraitConsensus};
use crate::persona::ModelName;

/// Rows that are shown, at most.
const MOST: usize = 150;

#[derive(Debug, Serialize)]
pub(super) struct Divergence {
    summary: String,
    partial: Option<String>,
    models: Vec<String>,
    rows: Vec<Row>,
    traits: Vec<TraitRow>,
}

/// A trait of a persona.
#[derive(Debug, Serialize)]
struct Row {
    number: usize,
    persona: String,
    name: String,
    consensus: String,
    confidence: String,
    contradicted: bool,
    cells: Vec<Cell>,
}

/// What one model said, verbatim.
#[derive(Debug, Serialize)]
struct Cell {
    said: Vec<String>,
    /// Whether it differs from the consensus.
    apart: bool,
    why: Option<&'static str>,
}

/// How often a trait is divergent in the whole result.
#[derive(Debug, Serialize)]
struct TraitRow {
    name: String,
    divergent: String,
    /// What the row is sorted by: the share that is divergent.
    sort: String,
    contradicted: usize,
}

pub(super) fn divergence(material: &Material<'_>) -> Divergence {
    let models = material.summary.models();
    let mut found: Vec<(usize, &ConsensusPersona, &str, &TraitConsensus)> = Vec::new();
    for (number, persona) in numbered(material) {
        for (name, one) in &persona.traits {
            if one.divergent || contradicted(one) {
                found.push((number, persona, name, one));
            }
        }
    }
    // Contradictions first, then by how little the consensus is believed.
    found.sort_by(|one, other| {
        let order = |one: &TraitConsensus| (!contradicted(one), !one.divergent);
        order(one.3)
            .cmp(&order(other.3))
            .then(one.3.confidence.total_cmp(&other.3.confidence))
            .then(one.0.cmp(&other.0))
    });
    let rows = found.len();
    let shown_rows: Vec<Row> = found.into_iter().take(MOST).map(|row| self::row(row, &models)).collect();
    Divergence {
        summary: summary(material),
        partial: (rows > MOST)
            .then(|| format!("The first {MOST} of {rows} among the records that are shown.")),
        models: models.iter().map(|model| shown(model.as_str())).collect(),
        rows: shown_rows,
        traits: by_trait(material),
    }
}

fn summary(material: &Material<'_>) -> String {
    match material.tallies.divergent() {
        (_, 0) => "No value was given by two models: there was nobody to disagree.".to_owned(),
        (divergent, comparable) => format!(
            "Of the values that two or more models gave, they disagree on {}; {} are contradicted. Disagreement is kept, \
             not averaged away: here is who says what, word by word.",
            part(divergent, comparable),
            thousands(material.tallies.traits.values().map(|tally| tally.contradicted as u64).sum())
        ),
    }
}

fn contradicted(found: &TraitConsensus) -> bool {
    found.dissent.iter().any(|one| one.kind == DissentKind::Contradiction)
}

fn row(
    (number, persona, name, found): (usize, &ConsensusPersona, &str, &TraitConsensus),
    models: &[ModelName],
) -> Row {
    let called = persona.traits.get("name").map(|name| shown(&name.value.to_string()));
    Row {
        number,
        persona: called.unwrap_or_else(|| shown(&persona.persona_id)),
        name: label(name),
        consensus: shown(&found.value.to_string()),
        confidence: confidence(found.confidence, found.confidence_status),
        contradicted: contradicted(found),
        cells: models.iter().map(|model| cell(model, found)).collect(),
    }
}

fn cell(model: &ModelName, found: &TraitConsensus) -> Cell {
    let mut said = Vec::new();
    let mut apart = false;
    for (place, variant) in found.variants.iter().enumerate() {
        for one in variant.said.iter().filter(|said| said.model == *model) {
            said.push(shown(&one.value.to_string()));
            apart |= !found.is_behind(place);
        }
    }
    // The gravest reason, in the order of the kinds.
    let rank = |one: &&Dissent| match one.kind {
        DissentKind::Contradiction => 0,
        DissentKind::Bimodal => 1,
        DissentKind::SplitPanel => 2,
        DissentKind::Outlier => 3,
    };
    let gravest = found.dissent.iter().filter(|one| one.model == *model).min_by_key(rank);
    Cell { said, apart, why: gravest.map(|one| why(one.kind)) }
}

fn by_trait(material: &Material<'_>) -> Vec<TraitRow> {
    let schema = &material.summary.schema;
    let mut traits: Vec<_> =
        material.tallies.traits.iter().filter(|(_, tally)| tally.divergent > 0).collect();
    traits.sort_by_key(|(name, tally)| (std::cmp::Reverse(tally.divergent), schema.position(name)));
    traits
        .into_iter()
        .map(|(name, tally)| TraitRow {
            name: label(name),
            divergent: part(tally.divergent, tally.comparable),
            sort: sorted(tally.divergent as f64 / tally.comparable.max(1) as f64),
            contradicted: tally.contradicted,
        })
        .collect()
}
