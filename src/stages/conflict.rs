//! What the models do not agree on, with both sides.
//!
//! A conflict is a divergent trait of a persona. Sides are never dropped and never merged: a *factual*
//! conflict, where only one side can be right, makes what is said about it uncertain; a *stylistic* one, where
//! the sides say the same in other words, may be told in one wording; and both keep their votes.

use serde::{Deserialize, Serialize};

use crate::consensus::{ConsensusPersona, DissentKind, TraitConsensus};
use crate::persona::ModelName;

/// What kind of disagreement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConflictKind {
    /// Only one side can be right.
    Factual,
    /// The sides say the same in other words.
    Stylistic,
    /// It cannot be told.
    Open,
}

/// One side of a conflict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// `A` for the consensus, then `B`, `C` and so on by support.
    pub letter: String,
    /// What it says.
    pub value: String,
    /// Share of the votes' weight, 0..=1.
    pub share: f64,
    /// Who says it, in the order of the panel.
    pub models: Vec<ModelName>,
}

/// A trait on which the models disagree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// From 1, over all personas in their order.
    pub number: usize,
    /// Whose trait.
    pub persona_id: String,
    /// The trait.
    #[serde(rename = "trait")]
    pub name: String,
    /// As this crate's own rules see it.
    pub kind: ConflictKind,
    /// At least two.
    pub sides: Vec<Side>,
}

/// The conflicts of personas, in their order and by the trait's name.
#[must_use]
pub fn conflicts(personas: &[ConsensusPersona]) -> Vec<Conflict> {
    let mut conflicts: Vec<Conflict> = Vec::new();
    for persona in personas {
        for (name, found) in persona.traits.iter().filter(|(_, found)| found.divergent) {
            let sides = sides(found);
            if sides.len() > 1 {
                conflicts.push(Conflict {
                    number: conflicts.len() + 1,
                    persona_id: persona.persona_id.clone(),
                    name: name.clone(),
                    kind: kind(found),
                    sides,
                });
            }
        }
    }
    conflicts
}

fn sides(found: &TraitConsensus) -> Vec<Side> {
    let variants = found.variants.iter().zip('A'..='Z');
    let side = |(variant, letter): (&crate::consensus::Variant, char)| Side {
        letter: letter.to_string(),
        value: variant.value.to_string(),
        share: variant.share,
        models: variant.models.clone(),
    };
    variants.map(side).collect()
}

/// Free texts that do not contradict each other differ in style; a list whose items do not contradict each
/// other has told nothing false; the rest is about facts.
fn kind(found: &TraitConsensus) -> ConflictKind {
    let contradicted = found.dissent.iter().any(|dissent| dissent.kind == DissentKind::Contradiction);
    match found.kind.as_str() {
        _ if contradicted => ConflictKind::Factual,
        "text" => ConflictKind::Stylistic,
        "list" => ConflictKind::Open,
        _ => ConflictKind::Factual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{personas, said};

    #[test]
    fn w5_both_sides_of_a_divided_panel_are_kept_with_their_votes() {
        let said = |(model, occupation)| said(model, &[("occupation", occupation), ("age", "30")]);
        let votes = [("a", "nurse"), ("b", "nurse"), ("c", "plumber"), ("d", "plumber"), ("e", "nurse")];
        let all = personas(&votes.map(said));
        let found = conflicts(&all);
        assert_eq!(found.len(), 1, "ages agree: {found:?}");
        assert_eq!(
            (found[0].number, found[0].name.as_str(), found[0].kind),
            (1, "occupation", ConflictKind::Factual)
        );
        let sides: Vec<(&str, &str, usize)> =
            found[0].sides.iter().map(|s| (s.letter.as_str(), s.value.as_str(), s.models.len())).collect();
        assert_eq!(sides, [("A", "nurse", 3), ("B", "plumber", 2)]);
    }

    #[test]
    fn w5_texts_in_other_words_differ_in_style_unless_one_denies_the_other() {
        let bio = |one: &str, other: &str| {
            let all = personas(&[said("a", &[("bio", one)]), said("b", &[("bio", other)])]);
            let mut bio = all[0].traits["bio"].clone();
            bio.divergent = true;
            kind(&bio)
        };
        assert_eq!(
            bio("A nurse who reads at night.", "The bus driver of line nine."),
            ConflictKind::Stylistic
        );
    }
}
