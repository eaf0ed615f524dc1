//! What a persona's consensus says, one thing at a time.

use serde::{Deserialize, Serialize};

use crate::consensus::grounding::FoundBy;
use crate::consensus::{ConsensusPersona, TraitConsensus, Variant};
use crate::persona::TraitValue;

/// One thing that a persona's consensus says: the value of a trait, or one item of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// From 1, by the trait's name, items in the order of their list.
    pub number: usize,
    /// The trait.
    #[serde(rename = "trait")]
    pub name: String,
    /// The consensus value.
    pub value: String,
    /// Of the trait, in 0..=1.
    pub confidence: f64,
    /// Whether the models disagree about the trait.
    pub divergent: bool,
    /// What other models say instead, where they disagree; best supported first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_sides: Vec<String>,
    /// The value, and how the models behind it worded it; none twice.
    pub wordings: Vec<String>,
    /// Passages cited for the trait, of a list for this item, that were found in the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passages: Vec<String>,
    /// Of a numeric trait: the range of the supporting votes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

/// Everything that a persona's consensus says.
#[must_use]
pub fn statements(persona: &ConsensusPersona) -> Vec<Statement> {
    let mut statements = Vec::new();
    for (name, found) in &persona.traits {
        match &found.value {
            TraitValue::List(items) => {
                for item in items {
                    let variant = found.variants.iter().find(|variant| variant.value.to_string() == *item);
                    statements.push(statement(name, item.clone(), found, variant));
                }
            }
            value => statements.push(statement(name, value.to_string(), found, found.variants.first())),
        }
    }
    for (number, statement) in (1..).zip(&mut statements) {
        statement.number = number;
    }
    statements
}

fn statement(name: &str, value: String, found: &TraitConsensus, variant: Option<&Variant>) -> Statement {
    let said = variant.iter().flat_map(|variant| variant.said.iter().map(|said| said.value.to_string()));
    let held = variant.iter().map(|variant| variant.value.to_string());
    let is_list = matches!(found.value, TraitValue::List(_));
    let mut wordings = vec![value.clone()];
    // What a model said of a list trait is the whole list only where its items were not told apart.
    for wording in held.chain(said) {
        if !wordings.contains(&wording) {
            wordings.push(wording);
        }
    }
    let others = found.variants.iter().skip(1).filter(|other| !is_list || other.kept == Some(false));
    let mut passages: Vec<String> = Vec::new();
    for cited in &found.evidence {
        let stands = cited.found.as_ref().is_some_and(|found| found.by != FoundBy::Nothing);
        let of_other_item = is_list && cited.item.as_ref().is_some_and(|item| *item != value);
        if stands && !of_other_item && !passages.contains(&cited.quote) {
            passages.push(cited.quote.clone());
        }
    }
    Statement {
        number: 0,
        name: name.to_owned(),
        value,
        confidence: found.confidence,
        divergent: found.divergent,
        other_sides: if found.divergent {
            others.map(|other| other.value.to_string()).collect()
        } else {
            Vec::new()
        },
        wordings,
        passages,
        interval: found.interval,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{personas, said};

    #[test]
    fn traits_and_items_are_numbered_with_every_wording_behind_them() {
        let persona = personas(&[
            said("a", &[("age", "35"), ("goals", "Pass the exams; Sleep more")]),
            said("b", &[("age", "Mid-30s"), ("goals", "Pass exams; Sleep more at night")]),
        ])
        .remove(0);
        let found = statements(&persona);
        let shown: Vec<(usize, &str, &str)> =
            found.iter().map(|one| (one.number, one.name.as_str(), one.value.as_str())).collect();
        assert_eq!(shown[0].0, 1);
        assert_eq!((shown[0].1, shown[1].1, shown[2].1), ("age", "goals", "goals"));
        assert!(found[0].wordings.contains(&"Mid-30s".to_owned()), "{found:?}");
        assert!(found[1].wordings.iter().any(|wording| wording == "Pass exams"), "{found:?}");
        assert!(found.iter().all(|one| one.passages.is_empty()), "no source, no passage: {found:?}");
    }
}
