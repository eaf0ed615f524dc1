//! One persona for a terminal, in plain text of a given width.

use unicode_width::UnicodeWidthStr;

use crate::consensus::grounding::{Basis, Citations};
use crate::consensus::{ConfidenceStatus, ConsensusPersona, PersonaKind, TraitConsensus};
use crate::persona::{ModelName, TraitSchema};

use super::markdown::name;
use super::safe;
use super::table::in_order;
use super::wording::{condition, confidence_words, described, set_words, status_words};

/// The narrowest terminal that is heeded, in columns.
const NARROWEST: usize = 48;
/// The column of the names, at most.
const WIDEST_NAME: usize = 20;
/// ` ~0.55   2 of 3  not found`: what stands right of a value.
const FIGURES: usize = 26;

/// A persona as it is shown in a terminal `width` columns wide: per trait the value, its confidence
/// and support; under a divergent trait, who said what. Ends in a line break.
#[must_use]
pub fn terminal_persona(schema: &TraitSchema, persona: &ConsensusPersona, width: usize) -> String {
    let width = width.max(NARROWEST);
    let mut text = String::new();
    let kind = match persona.kind {
        PersonaKind::Consensus => "Consensus persona",
        PersonaKind::Minority => "Minority persona",
    };
    let models: Vec<&str> = persona.models.iter().map(ModelName::as_str).collect();
    let name = name(persona).map(|name| format!(": {name}")).unwrap_or_default();
    let head = format!("{kind} {}{name}", persona.persona_id);
    push(&mut text, 0, &head, width);
    let seen = format!(
        "{}, described by {}: {}",
        confidence_words(persona.confidence, persona.confidence_status),
        described(persona),
        models.join(", ")
    );
    let condition = condition(persona).map(|words| format!("; {words}")).unwrap_or_default();
    push(&mut text, 2, &format!("{seen}{condition}"), width);
    let traits = in_order(schema, persona);
    let longest = traits.iter().map(|(name, _)| safe::line(name).width()).max().unwrap_or(0);
    let name_width = longest.min(WIDEST_NAME);
    for (name, found) in traits {
        characteristic(&mut text, name, found, name_width, width);
    }
    text
}

fn push(text: &mut String, indent: usize, line: &str, width: usize) {
    for part in wrap(&safe::line(line), width - indent) {
        text.push_str(&" ".repeat(indent));
        text.push_str(&part);
        text.push('\n');
    }
}

fn characteristic(text: &mut String, name: &str, found: &TraitConsensus, name_width: usize, width: usize) {
    let indent = 2 + name_width + 2;
    let room = (width - indent).saturating_sub(FIGURES).max(12);
    let doubt = doubt(found);
    let sure = match found.confidence_status {
        // A score among probabilities is marked, so that the two are not compared.
        ConfidenceStatus::Uncalibrated => format!("~{:.2}", found.confidence),
        status @ ConfidenceStatus::SetByPerson => status_words(status).to_owned(),
        _ => format!(" {:.2}", found.confidence),
    };
    let figures = format!("{sure}  {} of {}{doubt}", found.support, found.n_models);
    let value = wrap(&safe::line(&found.value.to_string()), room);
    let name = shortened(&safe::line(name), name_width);
    for (row, part) in value.iter().enumerate() {
        let (label, right) = if row == 0 { (name.as_str(), figures.as_str()) } else { ("", "") };
        let line = format!("  {}  {}  {right}", padded(label, name_width), padded(part, room));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if let Some(set) = &found.prediction_set {
        push(text, indent, &set_words(set), width);
    }
    if found.divergent {
        let majority = if found.lacks_majority() { ", no majority" } else { "" };
        push(text, indent, &format!("divergent: the models disagree{majority}"), width);
        for said in found.variants.iter().flat_map(|variant| &variant.said) {
            push(text, indent + 2, &format!("{}: {}", said.model, said.value), width);
        }
    }
}

/// That several models agree and nothing is cited for it, or that what is cited is not in the source: the summary
/// says what the words mean.
fn doubt(found: &TraitConsensus) -> &'static str {
    match found.backing.map(|backing| (backing.citations, backing.basis)) {
        Some((Citations::NotFound, _)) => "  not found",
        Some((Citations::Nothing, Basis::Echo)) => "  uncited",
        _ => "",
    }
}

/// Text of several lines, each broken at white space into lines of at most `width` columns.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> String {
    let mut shown = String::new();
    text.lines().for_each(|line| push(&mut shown, 0, line, width.max(NARROWEST)));
    shown
}

/// Text broken at white space into lines of at most `room` columns; words that are longer are cut.
/// Always at least one line.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            lines.push(std::mem::take(&mut line));
        }
        while word.width() > room {
            let cut = fitting(&word, room);
            lines.push(word[..cut].to_owned());
            word.drain(..cut);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The longest start of a text, in bytes, of at most `room` columns, and of at least one character.
fn fitting(text: &str, room: usize) -> usize {
    let ends = text.char_indices().map(|(start, c)| start + c.len_utf8());
    let (mut best, mut first) = (0, true);
    for end in ends {
        if first || text[..end].width() <= room {
            best = end;
        }
        first = false;
    }
    best
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width { text.to_owned() } else { format!("{}…", &text[..fitting(text, width - 1)]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_at_the_width_and_long_ones_cut() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        // Each of these characters is two columns wide.
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn names_that_are_too_long_say_so() {
        assert_eq!(shortened("occupation", 20), "occupation");
        assert_eq!(shortened("occupation", 5), "occu…");
    }
}
