//! Small words around numbers.

use std::fmt::Display;

use crate::consensus::{ConfidenceStatus, PredictionSet};
use crate::stages::workstreams::{Setback, Step};

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

/// What a confidence may be taken for, in words.
#[must_use]
pub fn status_words(status: ConfidenceStatus) -> &'static str {
    match status {
        ConfidenceStatus::Uncalibrated => "uncalibrated",
        ConfidenceStatus::CalibratedOnOtherData => "calibrated on other data",
        ConfidenceStatus::Calibrated => "calibrated",
    }
}

/// A confidence with what it may be taken for: `uncalibrated confidence 0.55`.
pub(crate) fn confidence_words(confidence: f64, status: ConfidenceStatus) -> String {
    match status {
        ConfidenceStatus::CalibratedOnOtherData => {
            format!("confidence {confidence:.2} ({})", status_words(status))
        }
        _ => format!("{} confidence {confidence:.2}", status_words(status)),
    }
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
