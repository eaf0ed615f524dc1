//! Personas as cards in Markdown, for people.

use std::fmt::Write;

use crate::consensus::grounding::{Basis, Citations, FoundBy, of_item, passages};
use crate::consensus::{CitedEvidence, ConsensusPersona, PersonaKind, TraitConsensus};
use crate::persona::{ModelName, TraitSchema, TraitValue};

use super::safe::markdown;
use super::table::in_order;
use super::wording::{citation_words, confidence_words, described, models_said, set_words};

/// The cards of one record: what the panel agrees on first, then what one model alone saw, in a
/// section of its own. Empty for no personas.
#[must_use]
pub fn markdown_record(schema: &TraitSchema, personas: &[ConsensusPersona]) -> String {
    let mut text = String::new();
    let Some(first) = personas.first() else { return text };
    heading(&mut text, 2, &format!("Record {}", markdown(first.record.as_str())));
    let of = |kind| personas.iter().filter(move |persona| persona.kind == kind);
    for persona in of(PersonaKind::Consensus) {
        card(&mut text, schema, persona);
    }
    if of(PersonaKind::Minority).next().is_some() {
        heading(&mut text, 3, "Minority personas");
        text.push_str(
            "\nEach was described by one model alone: kept, not confirmed by the others. The confidences of its values \
             suppose that there is such a person.\n",
        );
        for persona in of(PersonaKind::Minority) {
            card(&mut text, schema, persona);
        }
    }
    text
}

fn heading(text: &mut String, level: usize, words: &str) {
    text.extend(["\n", &"#".repeat(level), " ", words, "\n"]);
}

/// Adds a line.
pub(super) fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(line);
    text.push('\n');
}

/// The persona's name, where it has one.
pub(super) fn name(persona: &ConsensusPersona) -> Option<String> {
    persona.traits.get("name").map(|name| name.value.to_string())
}

fn card(text: &mut String, schema: &TraitSchema, persona: &ConsensusPersona) {
    let (level, kind) = match persona.kind {
        PersonaKind::Consensus => (3, "Consensus persona"),
        PersonaKind::Minority => (4, "Minority persona"),
    };
    let id = &persona.persona_id;
    let title = name(persona).map_or_else(|| id.clone(), |name| format!("{name} ({id})"));
    heading(text, level, &markdown(&title));
    let models: Vec<String> = persona.models.iter().map(|model| markdown(model.as_str())).collect();
    text.push('\n');
    put(
        text,
        format_args!(
            "{kind}: described by {}: {}; {}.",
            described(persona),
            models.join(", "),
            confidence_words(persona.confidence, persona.confidence_status),
        ),
    );
    text.push('\n');
    for (name, found) in in_order(schema, persona) {
        characteristic(text, name, found);
    }
}

/// What a value rests on, where that is less than it seems. Names are made up by whoever writes the persona.
fn doubt(name: &str, found: &TraitConsensus) -> String {
    let Some(backing) = found.backing.filter(|_| name != "name") else { return String::new() };
    let word = match (backing.basis, backing.items) {
        (Basis::Evidence, Some(items)) if items.found < items.of => {
            return format!(", evidence for {} of {} items", items.found, items.of);
        }
        (Basis::Evidence, _) => return String::new(),
        (Basis::Echo, _) => "echo",
        (Basis::Unsupported, _) => "no evidence",
    };
    match backing.citations {
        Citations::Nothing => format!(", **{word}**: nothing is cited for it"),
        _ => format!(", **{word}**: what is cited for it is not in the source"),
    }
}

fn characteristic(text: &mut String, name: &str, found: &TraitConsensus) {
    let divergent = match (found.divergent, found.lacks_majority()) {
        (_, true) => ", **divergent, no majority**",
        (true, false) => ", **divergent**",
        (false, false) => "",
    };
    let doubt = doubt(name, found);
    let was = models_said(found).map(|was| format!("; {}", markdown(&was))).unwrap_or_default();
    let figures = format!(
        "{}, support {} of {}{divergent}{doubt}{was}",
        confidence_words(found.confidence, found.confidence_status),
        found.support,
        found.n_models
    );
    let label = markdown(&name.replace('_', " "));
    match &found.value {
        TraitValue::List(items) => {
            put(text, format_args!("- **{label}** ({figures})"));
            for item in items {
                self::item(text, item, found);
            }
        }
        value => put(text, format_args!("- **{label}**: {} ({figures})", markdown(&value.to_string()))),
    }
    if let Some(set) = &found.prediction_set {
        put(text, format_args!("  - {}", markdown(&set_words(set))));
    }
    otherwise(text, found);
}

/// An item of a list with the models behind it, and that it has no passage in a list of which others have.
fn item(text: &mut String, item: &str, found: &TraitConsensus) {
    let variant = found.variants.iter().find(|variant| variant.value.to_string() == *item);
    let backing = variant.map_or(0, |variant| variant.models.len());
    let partly = found.backing.is_some_and(|backing| backing.basis == Basis::Evidence);
    let rests = match of_item(found, item) {
        Citations::Found => String::new(),
        citations if partly => format!(", {}", citation_words(citations)),
        _ => String::new(),
    };
    put(text, format_args!("  - {} ({backing} of {}{rests})", markdown(item), found.n_models));
}

/// Who says otherwise with what they cite, then all other passages.
fn otherwise(text: &mut String, found: &TraitConsensus) {
    for dissent in &found.dissent {
        let (model, value) = (markdown(dissent.model.as_str()), markdown(&dissent.value.to_string()));
        put(text, format_args!("  - otherwise: {model} says {value}"));
        for cited in of_dissenter(found, &dissent.model) {
            passage(text, "    ", cited);
        }
    }
    let told = |cited: &CitedEvidence| {
        found.dissent.iter().any(|dissent| of_dissenter(found, &dissent.model).any(|one| one == cited))
    };
    for cited in passages(found).filter(|cited| !told(cited)) {
        passage(text, "  ", cited);
    }
}

/// What a model cites that says otherwise than the consensus.
pub(super) fn of_dissenter<'f>(
    found: &'f TraitConsensus,
    model: &'f ModelName,
) -> impl Iterator<Item = &'f CitedEvidence> {
    let of_variants = found.variants.iter().flat_map(|variant| &variant.evidence);
    of_variants.filter(move |cited| cited.model == *model)
}

fn passage(text: &mut String, indent: &str, cited: &CitedEvidence) {
    let row = cited.found.as_ref().and_then(|found| found.row.as_deref()).or(cited.row.as_deref());
    let row = row.map(|row| format!(", row {}", markdown(row))).unwrap_or_default();
    let (quote, model) = (markdown(&cited.quote), markdown(cited.model.as_str()));
    let item =
        cited.item.as_deref().map(|item| format!(", nearest to “{}”", markdown(item))).unwrap_or_default();
    let missing = match &cited.found {
        Some(found) if found.by == FoundBy::Nothing => ", **not found in the source**",
        _ => "",
    };
    put(text, format_args!("{indent}- “{quote}” (cited by {model}{item}{row}{missing})"));
}
