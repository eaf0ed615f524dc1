//! Personas as cards in Markdown, for people.

use std::fmt::Write;

use crate::consensus::grounding::{Basis, FoundBy};
use crate::consensus::{ConsensusPersona, PersonaKind, TraitConsensus};
use crate::persona::{TraitSchema, TraitValue};

use super::safe::markdown;
use super::table::in_order;
use super::wording::{confidence_words, set_words};

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
        text.push_str("\nEach was described by one model alone: kept, not confirmed by the others.\n");
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
            "{kind}: support {} of {} ({}), {}.",
            persona.support,
            persona.n_models,
            models.join(", "),
            confidence_words(persona.confidence, persona.confidence_status),
        ),
    );
    text.push('\n');
    for (name, found) in in_order(schema, persona) {
        characteristic(text, name, found);
    }
}

/// Whether several models agree on what none of them can show in the source.
pub(super) fn is_echo(found: &TraitConsensus) -> bool {
    found.backing.is_some_and(|backing| backing.basis == Basis::Echo)
}

fn characteristic(text: &mut String, name: &str, found: &TraitConsensus) {
    let divergent = if found.divergent { ", **divergent**" } else { "" };
    let echo = if is_echo(found) { ", **echo**: no cited passage stands in the source" } else { "" };
    let figures = format!(
        "{}, support {} of {}{divergent}{echo}",
        confidence_words(found.confidence, found.confidence_status),
        found.support,
        found.n_models
    );
    let label = markdown(&name.replace('_', " "));
    match &found.value {
        TraitValue::List(items) => {
            put(text, format_args!("- **{label}** ({figures})"));
            for item in items {
                let variant = found.variants.iter().find(|variant| variant.value.to_string() == *item);
                let backing = variant.map_or(0, |variant| variant.models.len());
                put(text, format_args!("  - {} ({backing} of {})", markdown(item), found.n_models));
            }
        }
        value => put(text, format_args!("- **{label}**: {} ({figures})", markdown(&value.to_string()))),
    }
    if let Some(set) = &found.prediction_set {
        put(text, format_args!("  - {}", markdown(&set_words(set))));
    }
    for dissent in &found.dissent {
        let (model, value) = (markdown(dissent.model.as_str()), markdown(&dissent.value.to_string()));
        put(text, format_args!("  - otherwise: {model} says {value}"));
    }
    for evidence in &found.evidence {
        let row = evidence.row.as_deref().map(|row| format!(", row {}", markdown(row))).unwrap_or_default();
        let (quote, model) = (markdown(&evidence.quote), markdown(evidence.model.as_str()));
        let missing = match &evidence.found {
            Some(found) if found.by == FoundBy::Nothing => ", **not found in the source**",
            _ => "",
        };
        put(text, format_args!("  - “{quote}” (cited by {model}{row}{missing})"));
    }
}
