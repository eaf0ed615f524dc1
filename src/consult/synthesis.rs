//! A synthesis out of the models' own sentences.

use std::fmt::Write as _;

use super::{Agreement, Claim, Statement};

/// Claims that a synthesis quotes at most.
const QUOTED: usize = 12;

/// What the models share, in their own words, then what contradicts; deterministic, and nobody is asked.
///
/// Claims of two or more models come best supported first. Where no claim is shared, that is said, and every
/// answer's first claim is quoted.
#[must_use]
pub fn extractive(agreement: &Agreement) -> String {
    let shared: Vec<&Claim> = agreement.claims.iter().filter(|claim| claim.support > 1).collect();
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    if shared.is_empty() {
        if agreement.models > 1 {
            text.push_str("No claim is shared by two models.\n");
        }
        for statement in first_of_each(agreement) {
            let _ = writeln!(text, "- {}", quoted(statement));
        }
    } else {
        for claim in shared.iter().take(QUOTED) {
            let _ = writeln!(text, "- {} ({} of {} models)", claim.text, claim.support, agreement.models);
        }
        if shared.len() > QUOTED {
            let _ = writeln!(text, "- … and {} more shared claims", shared.len() - QUOTED);
        }
    }
    push_contradictions(&mut text, agreement);
    text.trim_end().to_owned()
}

/// Every claim with its support, and the contradictions, for a model that writes the synthesis.
pub(super) fn listed(agreement: &Agreement) -> String {
    let mut text = String::new();
    for claim in &agreement.claims {
        let mut models: Vec<&str> = Vec::new();
        for statement in &claim.statements {
            if !models.contains(&statement.model.as_str()) {
                models.push(&statement.model);
            }
        }
        let _ = writeln!(text, "- {} ({}: {})", claim.text, claim.support, models.join(", "));
    }
    push_contradictions(&mut text, agreement);
    text.trim_end().to_owned()
}

fn push_contradictions(text: &mut String, agreement: &Agreement) {
    if agreement.contradictions.is_empty() {
        return;
    }
    text.push_str("Contradictions:\n");
    for pair in agreement.contradictions.iter().take(QUOTED) {
        let _ = writeln!(text, "- {} / {}", quoted(&pair.one), quoted(&pair.other));
    }
}

fn quoted(statement: &Statement) -> String {
    format!("{} ({}): {}", statement.model, statement.stance, statement.text)
}

/// The first claim of every answer that makes one, in the order of the claims.
fn first_of_each(agreement: &Agreement) -> Vec<&Statement> {
    let mut firsts: Vec<&Statement> = Vec::new();
    for statement in agreement.claims.iter().flat_map(|claim| &claim.statements) {
        if !firsts.iter().any(|known| (&known.model, known.stance) == (&statement.model, statement.stance)) {
            firsts.push(statement);
        }
    }
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consult::{Contradiction, Stance};

    fn statement(model: &str, text: &str) -> Statement {
        Statement { model: model.to_owned(), stance: Stance::Neutral, text: text.to_owned() }
    }

    fn claim(text: &str, support: usize, models: &[&str]) -> Claim {
        let statements = models.iter().map(|model| statement(model, text)).collect();
        Claim { text: text.to_owned(), support, weight: support as f64, statements }
    }

    fn agreement(claims: Vec<Claim>) -> Agreement {
        Agreement { models: 3, score: None, claims, contradictions: Vec::new(), embedder: String::new() }
    }

    #[test]
    fn c3_shared_claims_come_with_their_support_and_contradictions_with_both_sides() {
        let mut measured = agreement(vec![claim("Ship it", 3, &["a", "b", "c"]), claim("Wait", 1, &["c"])]);
        let (one, other) = (statement("a", "It is safe"), statement("c", "It is not safe"));
        measured.contradictions = vec![Contradiction { one, other }];
        assert_eq!(
            extractive(&measured),
            "- Ship it (3 of 3 models)\nContradictions:\n- a (neutral): It is safe / c (neutral): It is not safe"
        );
    }

    #[test]
    fn where_nothing_is_shared_that_is_said() {
        let measured =
            agreement(vec![claim("Ship it", 1, &["a"]), claim("Soon", 1, &["a"]), claim("Wait", 1, &["b"])]);
        assert_eq!(
            extractive(&measured),
            "No claim is shared by two models.\n- a (neutral): Ship it\n- b (neutral): Wait"
        );
    }
}
