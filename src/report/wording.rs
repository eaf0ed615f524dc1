//! Small words around numbers.

use std::fmt::Display;

use crate::consensus::grounding::{Backing, Basis, Citations};
use crate::consensus::{ConfidenceStatus, ConsensusPersona, PersonaKind, PredictionSet, TraitConsensus};
use crate::stages::workstreams::{Alarm, Setback, Step, Workstream};

/// A count with its noun: `1 draft`, `2 drafts`.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    let ending = if count == N::from(1) { "" } else { "s" };
    format!("{count} {what}{ending}")
}

/// What a workstream's setback was and what follows, in a sentence.
pub(crate) fn setback_words(setback: &Setback) -> String {
    let then = match &setback.then {
        Step::Retry => "the same models are asked again".to_owned(),
        Step::Fallback { model } => format!("`{model}` is asked instead"),
        Step::Reduce { halvings: 1 } => "half as much is asked for".to_owned(),
        Step::Reduce { halvings } => format!("half as much is asked for, for the {halvings}. time"),
        Step::GiveUp => "it is given up".to_owned(),
    };
    let reason = if setback.reason.is_empty() { String::new() } else { format!(" ({})", setback.reason) };
    format!("{} without an answer{reason}; {then}", counted(setback.calls, "call"))
}

/// What a person should have looked at in a workstream: `stuck: nothing for 45 s`. Once it is known whether the estimate
/// was kept, that says more than that it was late.
pub(crate) fn alarm_words(alarm: &Alarm, kept: Option<bool>) -> Option<String> {
    match alarm {
        Alarm::Stuck { silent_ms } => Some(format!("stuck: nothing for {}", lasted(*silent_ms))),
        Alarm::Late { .. } => kept.is_none().then(|| "later than estimated".to_owned()),
    }
}

/// Whether a workstream kept its estimate, where that is known.
pub(crate) fn estimate_words(stream: &Workstream, kept: Option<bool>) -> Option<String> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "minutes above 0, in milliseconds"
    )]
    let estimate = lasted((stream.estimate_minutes? * 60_000.0).round() as u64);
    Some(match kept {
        Some(true) => format!("the estimate of {estimate} was kept"),
        Some(false) => format!("the estimate of {estimate} was not kept"),
        None => format!("estimated at {estimate}"),
    })
}

/// A time for people: `1.8 s`, `45 s`, `12 min`.
pub(crate) fn lasted(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{:.1} s", milliseconds as f64 / 1_000.0),
        10_000..120_000 => format!("{} s", milliseconds / 1_000),
        _ => format!("{} min", milliseconds / 60_000),
    }
}

/// What a confidence may be taken for, in words.
#[must_use]
pub fn status_words(status: ConfidenceStatus) -> &'static str {
    match status {
        ConfidenceStatus::Uncalibrated => "uncalibrated",
        ConfidenceStatus::CalibratedOnOtherData => "calibrated on other data",
        ConfidenceStatus::Calibrated => "calibrated",
        ConfidenceStatus::SetByPerson => "set by a person",
    }
}

/// A confidence with what it may be taken for: `uncalibrated confidence 0.55`.
pub(crate) fn confidence_words(confidence: f64, status: ConfidenceStatus) -> String {
    match status {
        ConfidenceStatus::CalibratedOnOtherData => {
            format!("confidence {confidence:.2} ({})", status_words(status))
        }
        ConfidenceStatus::SetByPerson => status_words(status).to_owned(),
        _ => format!("{} confidence {confidence:.2}", status_words(status)),
    }
}

/// What the models' value was, where a person set another: `the models: 21`.
pub(crate) fn models_said(found: &TraitConsensus) -> Option<String> {
    found.was.as_ref().map(|was| format!("the models: {was}"))
}

/// What a value rests on, in few words for a mark beside it: `evidence`, or why there is none.
pub(crate) fn basis_words(backing: &Backing) -> String {
    let of = match backing.basis {
        Basis::Evidence => {
            let part = backing.items.filter(|items| items.found < items.of);
            return part.map_or_else(
                || "evidence".to_owned(),
                |items| format!("evidence for {} of {}", items.found, counted(items.of, "item")),
            );
        }
        Basis::Echo => "echo",
        Basis::Unsupported => "no evidence",
    };
    format!("{of}: {}", citation_words(backing.citations))
}

/// What came of looking for cited passages, in few words.
pub(crate) fn citation_words(citations: Citations) -> &'static str {
    match citations {
        Citations::Found => "found",
        Citations::NotFound => "cited words not found",
        Citations::Nothing => "nothing cited",
    }
}

/// What the confidences of a persona's values rest upon where the others of the panel saw nobody like it.
pub(crate) fn condition(persona: &ConsensusPersona) -> Option<&'static str> {
    let unseen = persona.kind == PersonaKind::Minority && persona.n_panel > 1;
    unseen.then_some("the confidences of its values suppose that there is such a person")
}

/// How many models described a persona, of how many that were to: `2 of 3 (1 gave no usable answer)`.
pub(crate) fn described(persona: &ConsensusPersona) -> String {
    let panel = persona.n_panel.max(persona.n_models);
    let silent = panel - persona.n_models;
    let without = if silent > 0 { format!(" ({silent} gave no usable answer)") } else { String::new() };
    format!("{} of {panel}{without}", persona.support)
}

/// A set of values that holds the truth with some probability, in a sentence.
pub(crate) fn set_words(set: &PredictionSet) -> String {
    let values: Vec<String> = set.values.iter().map(ToString::to_string).collect();
    let unsaid = if set.open { ", or something that nobody said" } else { "" };
    format!("with {:.0} %: {}{unsaid}", set.coverage * 100.0, values.join(", or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_one() {
        let shown: Vec<String> = [0_usize, 1, 2].into_iter().map(|count| counted(count, "draft")).collect();
        assert_eq!(shown, ["0 drafts", "1 draft", "2 drafts"]);
    }
}
