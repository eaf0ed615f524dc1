//! Are the answers that do not belong found, and is the right model named?
//!
//! Gold is made by planting: in some cells one model's answer was swapped for its real answer
//! about somebody else. Every answer is scored, flagged or not against planted or not; answers that
//! dissented by nature are skipped, because nobody knows whether they are wrong.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::lines::json_lines;
use crate::consensus::{ConsensusError, ConsensusValidParams, Dissent, DissentKind, Engine, TraitConsensus};
use crate::embed::Embedder;
use crate::persona::{Draft, ModelName, RecordDrafts, RecordId, TraitSchema, TraitValue};

/// One answer of a planted cell.
#[derive(Clone, Debug, Deserialize)]
pub struct PlantedAnswer {
    /// What the model said.
    pub guess: String,
    /// Why, in its words.
    #[serde(default)]
    pub inference: String,
}

/// One cell: the answers of all models about one trait of one person.
#[derive(Clone, Debug, Deserialize)]
pub struct PlantedCell {
    /// Identifies the cell.
    pub cell: RecordId,
    /// The trait.
    pub attr: String,
    /// The answers.
    pub answers: BTreeMap<ModelName, PlantedAnswer>,
    /// The model whose answer was swapped, if any.
    #[serde(default)]
    pub planted: Option<ModelName>,
    /// Models that dissented by nature; skipped.
    #[serde(default)]
    pub natural_dissent: BTreeSet<ModelName>,
}

/// A line that is no planted cell.
#[derive(Debug, thiserror::Error)]
#[error(
    "line {line} is no planted cell; expected `{{\"cell\", \"attr\", \"answers\": {{model: {{\"guess\"}}}}, \"planted\"}}`"
)]
pub struct PlantedError {
    /// Line, from 1.
    pub line: usize,
    /// What the reader stumbled over.
    pub source: serde_json::Error,
}

/// Reads planted cells from JSON lines.
///
/// # Errors
/// [`PlantedError`] names the line.
pub fn read_planted(text: &str) -> Result<Vec<PlantedCell>, PlantedError> {
    json_lines(text).map(|(line, read)| read.map_err(|source| PlantedError { line, source })).collect()
}

/// How well planted answers were found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DivergenceReport {
    /// Cells.
    pub cells: usize,
    /// Cells with a planted answer.
    pub planted: usize,
    /// Answers scored.
    pub answers: usize,
    /// Share of the flagged answers that were planted; `None` when none was flagged.
    pub precision: Option<f64>,
    /// Share of the planted answers that were flagged; `None` when none was planted.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: Option<f64>,
    /// Share of the cells with a planted answer in which the planted model is the one flagged with
    /// the least support.
    pub right_model: Option<f64>,
}

impl PlantedCell {
    fn drafts(&self) -> RecordDrafts {
        let drafts = self.answers.iter().filter_map(|(model, answer)| {
            let mut draft = Draft::new(self.cell.clone(), model.clone());
            draft.traits.insert(self.attr.clone(), TraitValue::text(&answer.guess)?);
            draft.reasons.insert(self.attr.clone(), answer.inference.clone());
            Some(draft)
        });
        RecordDrafts::new(self.cell.clone(), drafts.collect(), &[])
    }
}

/// Flags the dissenting answers of every cell and compares them with the planted ones.
///
/// # Errors
/// [`ConsensusError`] when a consensus cannot be formed.
pub fn evaluate_divergence(
    cells: &[PlantedCell],
    embedder: &dyn Embedder,
    settings: &ConsensusValidParams,
) -> Result<DivergenceReport, ConsensusError> {
    let records: Vec<RecordDrafts> = cells.iter().map(PlantedCell::drafts).collect();
    let schema = TraitSchema::empty().with_inferred(records.iter().flat_map(RecordDrafts::drafts));
    let panel: BTreeSet<ModelName> = cells.iter().flat_map(|cell| cell.answers.keys().cloned()).collect();
    let engine = Engine::new(&schema, embedder, panel.into_iter().collect(), settings.clone())?;
    let learned = engine.learn(records.as_slice())?;
    let mut found: BTreeMap<RecordId, TraitConsensus> = BTreeMap::new();
    engine.decide(records.as_slice(), &learned, |personas| {
        let first = personas.into_iter().next();
        found.extend(first.and_then(|persona| Some((persona.record, persona.traits.into_values().next()?))));
        Ok(())
    })?;
    Ok(compare(cells, &found))
}

#[derive(Debug, Default)]
struct Counts {
    answers: usize,
    flagged: usize,
    planted: usize,
    both: usize,
    named: usize,
}

fn compare(cells: &[PlantedCell], found: &BTreeMap<RecordId, TraitConsensus>) -> DivergenceReport {
    let mut counts = Counts::default();
    for cell in cells {
        let flagged: Vec<&Dissent> = found
            .get(&cell.cell)
            .into_iter()
            .flat_map(|found| &found.dissent)
            .filter(|dissent| {
                dissent.kind == DissentKind::Outlier && !cell.natural_dissent.contains(&dissent.model)
            })
            .collect();
        counts.answers += cell.answers.keys().filter(|model| !cell.natural_dissent.contains(*model)).count();
        counts.flagged += flagged.len();
        let least = flagged.iter().min_by(|one, other| one.support.total_cmp(&other.support));
        if let Some(planted) = &cell.planted {
            counts.planted += 1;
            counts.both += usize::from(flagged.iter().any(|dissent| dissent.model == *planted));
            counts.named += usize::from(least.is_some_and(|dissent| dissent.model == *planted));
        }
    }
    let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
    DivergenceReport {
        cells: cells.len(),
        planted: counts.planted,
        answers: counts.answers,
        precision: share(counts.both, counts.flagged),
        recall: share(counts.both, counts.planted),
        f1: share(2 * counts.both, counts.flagged + counts.planted),
        right_model: share(counts.named, counts.planted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::ConsensusParams;
    use crate::embed::HashingEmbedder;

    #[test]
    fn a_swapped_answer_is_found_and_its_model_named() {
        let text = r#"{"cell":"p/sex","attr":"sex","answers":{"a":{"guess":"Female"},"b":{"guess":"1. Female"},"c":{"guess":"female"},"d":{"guess":"Male"}},"planted":"d"}
{"cell":"q/age","attr":"age","answers":{"a":{"guess":"28"},"b":{"guess":"late 20s"},"c":{"guess":"30"},"d":{"guess":"25-30"}},"planted":null}"#;
        let cells = read_planted(text).expect("two cells");
        let settings = ConsensusParams::new().check().expect("defaults");
        let report = evaluate_divergence(&cells, &HashingEmbedder::default(), &settings).expect("no failure");
        assert_eq!((report.cells, report.planted, report.answers), (2, 1, 8));
        // The one flagged answer is the planted one.
        assert_eq!((report.precision, report.recall, report.f1), (Some(1.0), Some(1.0), Some(1.0)));
        assert_eq!(report.right_model, Some(1.0));
    }

    #[test]
    fn a_line_that_is_no_cell_is_named() {
        assert_eq!(read_planted("\n{}").map(|_| ()).map_err(|error| error.line), Err(2));
    }
}
