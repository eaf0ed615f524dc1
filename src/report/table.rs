//! Personas as CSV: one row per persona and trait.

use std::io;

use crate::consensus::grounding::{Basis, Citations};
use crate::consensus::{ConsensusPersona, PersonaKind, TraitConsensus};
use crate::persona::{ModelName, TraitSchema, TraitValue};

use super::safe;

/// The columns; those of the persona as a whole come last and are the same in each of its rows.
const HEADER: [&str; 18] = [
    "record",
    "persona_id",
    "kind",
    "trait",
    "value",
    "confidence",
    "confidence_status",
    "agreement",
    "support",
    "n_models",
    "divergent",
    "models",
    "dissent",
    "basis",
    "citations",
    "persona_confidence",
    "persona_confidence_status",
    "persona_support",
];

/// Writes personas as rows, traits in the order of the schema. Cells are safe to open in a
/// spreadsheet ([`safe::cell`]); several models or list items are joined with `; `.
#[derive(Debug)]
pub struct PersonaTable<W: io::Write> {
    writer: csv::Writer<W>,
}

impl<W: io::Write> PersonaTable<W> {
    /// Starts a table with its header.
    ///
    /// # Errors
    /// What the medium says.
    pub fn new(output: W) -> io::Result<Self> {
        let mut writer =
            csv::WriterBuilder::new().quote_style(csv::QuoteStyle::NonNumeric).from_writer(output);
        writer.write_record(HEADER)?;
        Ok(Self { writer })
    }

    /// Adds the rows of one persona.
    ///
    /// # Errors
    /// What the medium says.
    pub fn add(&mut self, schema: &TraitSchema, persona: &ConsensusPersona) -> io::Result<()> {
        for (name, found) in in_order(schema, persona) {
            let value = match &found.value {
                // A number is written by us and cannot be a formula.
                TraitValue::Number(number) => number.to_string(),
                value => safe::cell(&value.to_string()),
            };
            self.writer.write_record([
                safe::cell(persona.record.as_str()),
                safe::cell(&persona.persona_id),
                kind(persona.kind).to_owned(),
                safe::cell(name),
                value,
                format!("{:.4}", found.confidence),
                found.confidence_status.name().to_owned(),
                format!("{:.4}", found.agreement),
                found.support.to_string(),
                found.n_models.to_string(),
                found.divergent.to_string(),
                safe::cell(&behind(found).iter().map(|model| model.as_str()).collect::<Vec<_>>().join("; ")),
                safe::cell(&dissent(found)),
                found.backing.map_or("", |backing| basis(backing.basis)).to_owned(),
                found.backing.map_or("", |backing| citations(backing.citations)).to_owned(),
                format!("{:.4}", persona.confidence),
                persona.confidence_status.name().to_owned(),
                persona.support.to_string(),
            ])?;
        }
        Ok(())
    }

    /// Writes what is left and gives the output back.
    ///
    /// # Errors
    /// What the medium says.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// A persona's traits in the order of the schema; those it does not list come after, by name.
pub(super) fn in_order<'a>(
    schema: &TraitSchema,
    persona: &'a ConsensusPersona,
) -> Vec<(&'a str, &'a TraitConsensus)> {
    let mut traits: Vec<(&str, &TraitConsensus)> =
        persona.traits.iter().map(|(name, found)| (name.as_str(), found)).collect();
    traits.sort_by_key(|(name, _)| schema.position(name).unwrap_or(usize::MAX));
    traits
}

pub(super) fn kind(kind: PersonaKind) -> &'static str {
    match kind {
        PersonaKind::Consensus => "consensus",
        PersonaKind::Minority => "minority",
    }
}

pub(super) fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Evidence => "evidence",
        Basis::Echo => "echo",
        Basis::Unsupported => "unsupported",
    }
}

pub(super) fn citations(citations: Citations) -> &'static str {
    match citations {
        Citations::Found => "found",
        Citations::NotFound => "not_found",
        Citations::Nothing => "nothing",
    }
}

/// The models behind the consensus value; of a list, those behind any item kept.
pub(super) fn behind(found: &TraitConsensus) -> Vec<&ModelName> {
    let mut models: Vec<&ModelName> = Vec::new();
    for (place, variant) in found.variants.iter().enumerate() {
        if found.is_behind(place) {
            models.extend(variant.models.iter().filter(|model| !models.contains(model)).collect::<Vec<_>>());
        }
    }
    models
}

/// Who says otherwise, and what.
fn dissent(found: &TraitConsensus) -> String {
    let said = found.dissent.iter().map(|dissent| format!("{}: {}", dissent.model, dissent.value));
    said.collect::<Vec<_>>().join("; ")
}
