//! A result beside one that was made without the evidence: which values the models would have given anyway.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::affinity::{PhraseVectors, between};
use super::{ConsensusPersona, TraitConsensus};
use crate::embed::{EmbedError, Embedder, Ruler};
use crate::normalise::{Reading, read};
use crate::persona::{TraitDefinition, TraitSchema, TraitValue};

/// Values that support each other by at least this much are the same.
const SAME: f64 = 0.5;

/// How often a trait's values were given without the evidence too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Anyway {
    /// Values of the run that were looked for; of a list, its items.
    pub values: usize,
    /// Of these, values that some persona of the same record has without the evidence.
    pub same: usize,
    /// `same / values`, in 0..=1.
    pub share: f64,
}

/// Compares personas with those of the same records that were made without the evidence, trait by trait, by
/// name. Traits of weight 0 are left out: nobody expects two names to be the same.
///
/// # Errors
/// [`EmbedError`] of the embedder.
pub fn compare(
    schema: &TraitSchema,
    embedder: &dyn Embedder,
    with: &[ConsensusPersona],
    without: &[ConsensusPersona],
) -> Result<BTreeMap<String, Anyway>, EmbedError> {
    let ruler = Ruler::measure(embedder)?;
    let mut traits: BTreeMap<String, Anyway> = BTreeMap::new();
    for persona in with {
        let others: Vec<&ConsensusPersona> =
            without.iter().filter(|other| other.record == persona.record).collect();
        if others.is_empty() {
            continue;
        }
        for (name, found) in &persona.traits {
            let Some(definition) = schema.get(name).filter(|definition| definition.weight > 0.0) else {
                continue;
            };
            let said = others.iter().filter_map(|other| other.traits.get(name));
            let (wanted, known) =
                (readings(found, definition), said.flat_map(|said| readings(said, definition)));
            let known: Vec<Reading> = known.collect();
            let vectors = PhraseVectors::embed(wanted.iter().chain(&known), embedder, ruler)?;
            let anyway = traits.entry(name.clone()).or_default();
            anyway.values += wanted.len();
            let is_known =
                |value: &&Reading| known.iter().any(|one| likeness(value, one, definition, &vectors) >= SAME);
            anyway.same += wanted.iter().filter(is_known).count();
        }
    }
    for anyway in traits.values_mut() {
        anyway.share = anyway.same as f64 / anyway.values.max(1) as f64;
    }
    Ok(traits)
}

/// The value of a trait; of a list, one reading per item.
fn readings(found: &TraitConsensus, definition: &TraitDefinition) -> Vec<Reading> {
    match read(&found.value, definition) {
        Reading::Abstain => Vec::new(),
        Reading::Items(items) => items
            .iter()
            .map(|item| read(&TraitValue::List(vec![item.shown().to_owned()]), definition))
            .collect(),
        other => vec![other],
    }
}

fn likeness(one: &Reading, other: &Reading, definition: &TraitDefinition, vectors: &PhraseVectors) -> f64 {
    match (one, other) {
        (Reading::Items(these), Reading::Items(those)) => vectors.overlap(these, those),
        _ => between(one, other, definition, vectors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{about, embedder, personas};

    fn persona(record: &str, age: &str, goals: &str) -> ConsensusPersona {
        personas(&[about(record, "m", &[("age", age), ("goals", goals)])]).remove(0)
    }

    #[test]
    fn what_is_said_without_the_evidence_is_counted_by_value_and_by_item() {
        let (schema, embedder) = (TraitSchema::default_persona(), embedder());
        let with = [persona("r1", "30", "save money;learn Greek"), persona("r2", "70", "travel")];
        let without = [persona("r1", "31", "saving money"), persona("r2", "30", "save money")];
        let traits = compare(&schema, embedder, &with, &without).expect("compares");
        // 30 is near 31, 70 is not near 30; of three items only the first is said without the evidence.
        assert_eq!(traits["age"], Anyway { values: 2, same: 1, share: 0.5 });
        assert_eq!((traits["goals"].values, traits["goals"].same), (3, 1));
        assert!(compare(&schema, embedder, &with, &[]).expect("compares").is_empty());
    }
}
