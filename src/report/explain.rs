//! From a number back to what it was made of: votes, weights, replies and passages.

use std::collections::BTreeMap;

use serde_json::Value;

use super::markdown::put;
use super::safe::line;
use super::table::in_order;
use super::wording::{confidence_words, set_words};
use crate::consensus::grounding::{Basis, FoundBy};
use crate::consensus::{CitedEvidence, ConsensusPersona, DissentKind, Said, TraitConsensus, Variant};
use crate::persona::{ModelName, TraitSchema};

/// What a reader needs beside the persona.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The schema that traits are ordered by.
    pub schema: &'a TraitSchema,
    /// What each model's vote counted; models without a weight are shown without one.
    pub weights: BTreeMap<ModelName, f64>,
}

/// Everything behind a persona, or behind one of its traits, for people. Ends in a line break.
#[must_use]
pub fn explanation(persona: &ConsensusPersona, only: Option<&str>, context: &Context<'_>) -> String {
    let mut text = format!(
        "{}: {}, described by {} of {} models\n",
        line(&persona.persona_id),
        confidence_words(persona.confidence, persona.confidence_status),
        persona.support,
        persona.n_models
    );
    for model in &persona.merged_duplicates {
        text.extend(["  ", &line(model.as_str()), " said it twice in one sitting and was counted once\n"]);
    }
    for (name, found) in in_order(context.schema, persona) {
        if only.is_none_or(|only| only == name) {
            characteristic(&mut text, name, found, context);
        }
    }
    text
}

fn characteristic(text: &mut String, name: &str, found: &TraitConsensus, context: &Context<'_>) {
    let divergent = if found.divergent { ", divergent" } else { "" };
    text.extend(["\n", &line(name), ": ", &line(&found.value.to_string()), "\n"]);
    put(
        text,
        format_args!(
            "  {}, support {} of {}, agreement {:.2}{divergent}",
            confidence_words(found.confidence, found.confidence_status),
            found.support,
            found.n_models,
            found.agreement
        ),
    );
    let parts = serde_json::to_value(found.parts).unwrap_or_default();
    text.extend(["  made of: ", &figures(&parts), "\n"]);
    if let Some([low, high]) = found.interval {
        put(text, format_args!("  the middle 80 % of the votes: {low} to {high}"));
    }
    if let Some(set) = &found.prediction_set {
        put(text, format_args!("  {}", line(&set_words(set))));
    }
    text.push_str("  votes:\n");
    for (place, variant) in found.variants.iter().enumerate() {
        votes(text, place, variant, found, context);
    }
    if !found.missing.is_empty() {
        let models: Vec<String> = found.missing.iter().map(|model| line(model.as_str())).collect();
        text.extend(["  silent: ", &models.join(", "), "\n"]);
    }
    passages(text, found);
}

/// The votes for one value, with why they are not for the consensus where they are not.
fn votes(text: &mut String, place: usize, variant: &Variant, found: &TraitConsensus, context: &Context<'_>) {
    let mark = match variant.kept {
        Some(true) => "kept",
        Some(false) => "not kept",
        None if place == 0 => "consensus",
        None => "variant",
    };
    let value = line(&variant.value.to_string());
    put(text, format_args!("    {mark}, share {:.2}: {value}", variant.share));
    for said in &variant.said {
        let weight = context.weights.get(&said.model);
        let weight = weight.map(|weight| format!(", weight {weight:.2}")).unwrap_or_default();
        let origin = if said.origin.is_empty() { String::new() } else { format!(", {}", line(&said.origin)) };
        let (model, value) = (line(said.model.as_str()), line(&said.value.to_string()));
        put(text, format_args!("      {model}: {value}  ({}{weight}{origin})", why(found, said)));
    }
}

fn why(found: &TraitConsensus, said: &Said) -> String {
    let dissent = found.dissent.iter().find(|one| one.model == said.model && one.value == said.value);
    let Some(dissent) = dissent else { return "with its variant".to_owned() };
    let kind = match dissent.kind {
        DissentKind::Contradiction => "contradicts the consensus",
        DissentKind::Bimodal => "one of a second group of numbers",
        DissentKind::SplitPanel => "the panel is divided",
        DissentKind::Outlier => "stands alone",
    };
    format!(
        "{kind}: right with probability {:.2}, supported {:.2} by the others, the consensus {:.2}",
        dissent.probability, dissent.support, dissent.consensus_support
    )
}

fn passages(text: &mut String, found: &TraitConsensus) {
    if let Some(backing) = found.backing {
        let basis = match backing.basis {
            Basis::Evidence => "evidence",
            Basis::Echo => {
                "an echo: several models agree, and no passage that they cite stands in the source"
            }
            Basis::Unsupported => "one model's word: no passage that it cites stands in the source",
        };
        put(
            text,
            format_args!(
                "  rests on {basis} (source rows: {}, models that cite them: {})",
                backing.rows, backing.models
            ),
        );
    }
    for cited in &found.evidence {
        text.extend(["    ", &passage(cited), "\n"]);
    }
}

fn passage(cited: &CitedEvidence) -> String {
    let (model, quote) = (line(cited.model.as_str()), line(&cited.quote));
    let Some(found) = &cited.found else {
        let row = cited.row.as_deref().map(|row| format!(", row {}", line(row))).unwrap_or_default();
        return format!("“{quote}” cited by {model}{row}");
    };
    let row = found.row.as_deref().map(line).unwrap_or_default();
    let how = match found.by {
        FoundBy::Exact => format!("stands in row {row}"),
        FoundBy::Fuzzy => format!("stands in row {row} with small differences ({:.2})", found.score),
        FoundBy::Meaning => format!("row {row} says the like ({:.2})", found.score),
        FoundBy::Nothing => "not found in the source".to_owned(),
    };
    format!("“{quote}” cited by {model}: {how}")
}

/// The figures of a JSON object, by name.
fn figures(value: &Value) -> String {
    let Some(fields) = value.as_object() else { return value.to_string() };
    let shown = fields.iter().map(|(name, value)| match value.as_f64() {
        Some(number) => format!("{name} {number:.3}"),
        None => format!("{name} {}", line(&value.to_string())),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::{ConsensusParams, Engine};
    use crate::embed::HashingEmbedder;
    use crate::persona::{Draft, RecordDrafts, RecordId, TraitValue};

    #[test]
    fn every_vote_is_told_with_its_weight_its_reply_and_its_reason() {
        let schema = TraitSchema::default_persona();
        let record = RecordId::new("r").expect("valid");
        let drafts: Vec<Draft> = [("a", "34"), ("b", "35"), ("c", "70")]
            .map(|(model, age)| {
                let mut draft = Draft::new(record.clone(), ModelName::new(model).expect("valid"));
                draft.traits.insert("age".to_owned(), TraitValue::Text(age.to_owned()));
                draft.origin = format!("reply-{model}");
                draft
            })
            .into();
        let panel: Vec<ModelName> = drafts.iter().map(|draft| draft.model.clone()).collect();
        let records = [RecordDrafts::new(record, drafts, &panel)];
        let (embedder, settings) =
            (HashingEmbedder::default(), ConsensusParams::new().check().expect("valid"));
        let engine = Engine::new(&schema, &embedder, panel.clone(), settings).expect("valid");
        let learned = engine.learn(records.as_slice()).expect("learns");
        let mut personas = Vec::new();
        engine
            .decide(records.as_slice(), &learned, |some| {
                personas.extend(some);
                Ok(())
            })
            .expect("decides");
        let weights = panel.iter().cloned().zip([1.0, 1.0, 0.5]).collect();
        let context = Context { schema: &schema, weights };
        let text = explanation(&personas[0], Some("age"), &context);
        for said in [
            "a: 34  (with its variant, weight 1.00, reply-a)",
            "c: 70  (stands alone",
            "weight 0.50, reply-c",
        ] {
            assert!(text.contains(said), "{text}");
        }
        assert!(!explanation(&personas[0], Some("bio"), &context).contains("votes"));
    }
}
