//! What was asked again for want of certainty, told in the report.

use std::fmt::Write as _;

use serde_json::Value;

use super::artefacts::ArtefactError;
use super::material::Material;
use crate::report::counted;
use crate::report::safe::markdown;

/// The artefact that says what was asked again, what it cost and gained, and what is taken for granted.
pub const AGAIN: &str = "asked_again";

/// Tells what was asked again, where the study has rules for it and they applied.
pub(super) fn again_text(text: &mut String, material: &Material) -> Result<(), ArtefactError> {
    let rules = material.study.stages.as_ref().and_then(|stages| stages.pipeline.adaptive());
    if rules.is_some() {
        told(text, &material.artefact(AGAIN)?);
    }
    Ok(())
}

fn told(text: &mut String, again: &Value) {
    let list = |key: &str| again[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let (rounds, assumptions) = (list("rounds"), list("assumptions"));
    if rounds.is_empty() && assumptions.is_empty() {
        return;
    }
    text.push_str("\n# Asked again\n\n");
    if again["whole_corpus"] == true {
        text.push_str("The personas are of one corpus: a round asks about all of it.\n\n");
    }
    for (number, round) in (1..).zip(rounds) {
        let count = |key: &str, what| counted(round[key].as_u64().unwrap_or(0), what);
        let figure = |key: &str| round[key].as_f64().unwrap_or(0.0);
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "- Round {number}: {}, {}, cost {}; mean uncertainty {:.0} before, {:.0} after",
            count("personas", "persona"),
            count("calls", "call"),
            crate::store::Money::from_amount(figure("cost")),
            figure("before"),
            figure("after"),
        );
    }
    let _ = writeln!(text, "- {}", why(again["stopped"].as_str().unwrap_or_default()));
    for assumption in assumptions.iter().filter_map(Value::as_str) {
        let _ = writeln!(text, "- Taken for granted: {}", markdown(assumption));
    }
}

/// Why no further round was asked.
fn why(stopped: &str) -> &'static str {
    match stopped {
        "certain" => "Nobody is uncertain any more.",
        "no_gain" => "The last round made nobody surer.",
        "rounds" => "As many rounds as allowed.",
        _ => "There is no money for another round.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn p10_what_was_spent_and_gained_and_what_is_assumed_is_told() {
        let mut text = String::new();
        told(&mut text, &json!({ "rounds": [], "assumptions": [] }));
        assert_eq!(text, "");
        let round = json!({"personas": 1, "calls": 3, "cost": 0.06, "before": 78.2, "after": 17.1});
        let again = json!({
            "rounds": [round], "stopped": "rounds", "whole_corpus": true,
            "assumptions": ["x/2: the consensus is taken for right in town"],
        });
        told(&mut text, &again);
        assert_eq!(
            text,
            "\n# Asked again\n\nThe personas are of one corpus: a round asks about all of it.\n\n- Round 1: 1 persona, 3 calls, cost 0.060000; mean uncertainty 78 before, 17 after\n- As many rounds as allowed.\n- Taken for granted: x/2: the consensus is taken for right in town\n"
        );
    }
}
