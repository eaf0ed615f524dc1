//! From a number back to what it was made of: votes, weights, replies and passages.

use std::collections::BTreeMap;

use serde_json::Value;

use super::markdown::put;
use super::safe::line;
use super::table::in_order;
use super::wording::{condition, confidence_words, described, models_said, set_words};
use crate::consensus::grounding::{Basis, Citations, FoundBy, passages};
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
        "{}: {}, described by {}{}\n",
        line(&persona.persona_id),
        confidence_words(persona.confidence, persona.confidence_status),
        described(persona),
        condition(persona).map(|words| format!("; {words}")).unwrap_or_default()
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
    put(text, format_args!("  {}", in_words(found)));
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
    rests_on(text, found);
}

/// The votes for one value, with why they are not for the consensus where they are not.
fn votes(text: &mut String, place: usize, variant: &Variant, found: &TraitConsensus, context: &Context<'_>) {
    let mark = match variant.kept {
        Some(true) => "kept",
        Some(false) => "not kept",
        None if found.is_behind(place) => "consensus",
        None => "variant",
    };
    let value = line(&variant.value.to_string());
    put(text, format_args!("    {mark}, share {:.2}: {value}", variant.share));
    for said in &variant.said {
        let weight = context.weights.get(&said.model);
        let weight = weight.map(|weight| format!("weight {weight:.2}"));
        let origin = (!said.origin.is_empty()).then(|| line(&said.origin));
        let (model, value) = (line(said.model.as_str()), line(&said.value.to_string()));
        let told: Vec<String> = [why(found, said), weight, origin].into_iter().flatten().collect();
        let told = if told.is_empty() { String::new() } else { format!("  ({})", told.join(", ")) };
        put(text, format_args!("      {model}: {value}{told}"));
    }
    for cited in passages(found).filter(|cited| speaks_for(cited, variant, place, found)) {
        text.extend(["        ", &passage(cited), "\n"]);
    }
}

/// Whether a passage is to be shown with a value: of a list, with the item that it was seen to speak for; else with
/// the value of the model that cites it.
fn speaks_for(cited: &CitedEvidence, variant: &Variant, place: usize, found: &TraitConsensus) -> bool {
    match &cited.item {
        Some(item) => *item == variant.value.to_string(),
        None if found.kind == "list" => false,
        None if place == 0 => found.evidence.contains(cited),
        None => variant.evidence.contains(cited),
    }
}

fn why(found: &TraitConsensus, said: &Said) -> Option<String> {
    let dissent = found.dissent.iter().find(|one| one.model == said.model && one.value == said.value)?;
    let kind = match dissent.kind {
        DissentKind::Contradiction => "contradicts the consensus",
        DissentKind::Bimodal => "one of a second group of numbers",
        DissentKind::SplitPanel => "the panel is divided",
        DissentKind::Outlier => "stands alone",
    };
    Some(format!(
        "{kind}: right with probability {:.2}, supported {:.2} by the others, the consensus {:.2}",
        dissent.probability, dissent.support, dissent.consensus_support
    ))
}

/// Who says so, in a sentence without figures of the method.
fn in_words(found: &TraitConsensus) -> String {
    let (said, of) = (found.support, found.n_models);
    if let Some(was) = models_said(found) {
        return line(&format!(
            "A person set it at the approval; {said} of {of} models say the same ({was})."
        ));
    }
    let who = match (found.kind.as_str(), said, of) {
        (_, _, 1) => "The only model that speaks of it says so".to_owned(),
        ("list", said, of) if said == of => {
            format!("All {of} models that speak of it name one of these items or more")
        }
        ("list", ..) => format!("{said} of the {of} models that speak of it name one of these items or more"),
        (_, said, of) if said == of => format!("All {of} models that speak of it say so"),
        _ => format!("{said} of the {of} models that speak of it say{} so", if said == 1 { "s" } else { "" }),
    };
    let tie =
        if found.lacks_majority() { ", which is no majority: it is the best supported value" } else { "" };
    let worth = found.parts.n_eff;
    let alike = if of > 1 && worth < of as f64 - 0.05 {
        format!(
            " As models make the same mistakes, the {of} count as {worth:.1} that know nothing of each other."
        )
    } else {
        String::new()
    };
    format!("{who}{tie}.{alike}")
}

/// What the value rests on, and the passages that could not be shown with one of the values.
fn rests_on(text: &mut String, found: &TraitConsensus) {
    if let Some(backing) = found.backing {
        let why = match backing.citations {
            Citations::Nothing => "nothing is cited for it",
            _ => "what is cited for it was not found in the source",
        };
        let basis = match backing.basis {
            Basis::Evidence => "evidence".to_owned(),
            Basis::Echo => format!("an echo: several models agree, and {why}"),
            Basis::Unsupported => format!("one model's word: {why}"),
        };
        let items = backing
            .items
            .map(|items| format!("items with a passage of their own: {} of {}", items.found, items.of));
        let found = (backing.rows > 0)
            .then(|| format!("source rows: {}, models that cite them: {}", backing.rows, backing.models));
        let figures: Vec<String> = items.into_iter().chain(found).collect();
        let figures = if figures.is_empty() { String::new() } else { format!(" ({})", figures.join(", ")) };
        put(text, format_args!("  rests on {basis}{figures}"));
    }
    let shown = |cited: &&CitedEvidence| {
        let mut variants = found.variants.iter().enumerate();
        variants.any(|(place, variant)| speaks_for(cited, variant, place, found))
    };
    for cited in passages(found).filter(|cited| !shown(cited)) {
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
            "2 of the 3 models that speak of it say so",
            "a: 34  (weight 1.00, reply-a)",
            "c: 70  (stands alone",
            "weight 0.50, reply-c",
        ] {
            assert!(text.contains(said), "{text}");
        }
        assert!(!explanation(&personas[0], Some("bio"), &context).contains("votes"));
    }
}
