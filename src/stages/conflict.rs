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

/// Texts whose sides are at least so alike say the same in other words. The consensus takes texts from a likeness of
/// 0.55 for one (`variant_similarity`) and unites them itself; what lies just below is left to the wording.
const SAME: f64 = 0.45;
/// Texts whose sides are less alike than that speak of different things.
const DIFFERENT: f64 = 0.25;

/// A denial is about facts, whatever the trait. Texts are about facts where their sides have little in common, about style
/// where they say nearly the same, and open between; a list whose items do not contradict each other has told nothing
/// false; the rest is about facts.
fn kind(found: &TraitConsensus) -> ConflictKind {
    let contradicted = found.dissent.iter().any(|dissent| dissent.kind == DissentKind::Contradiction);
    match found.kind.as_str() {
        _ if contradicted => ConflictKind::Factual,
        "text" => match likeness(found) {
            alike if alike >= SAME => ConflictKind::Stylistic,
            alike if alike >= DIFFERENT => ConflictKind::Open,
            _ => ConflictKind::Factual,
        },
        "list" => ConflictKind::Open,
        _ => ConflictKind::Factual,
    }
}

/// How alike the answers of different sides are, 0..=1: the mean of all pairs of answers (`agreement`) without the pairs
/// within a side, which count as wholly alike. Where they are not, this is too low: a conflict is rather taken for one of
/// facts, and marked, than told in one wording.
fn likeness(found: &TraitConsensus) -> f64 {
    let pairs = |models: usize| (models * models.saturating_sub(1)) as f64 / 2.0;
    let all = pairs(found.n_models);
    let within: f64 = found.variants.iter().map(|variant| pairs(variant.models.len())).sum();
    if all > within { ((found.agreement * all - within) / (all - within)).clamp(0.0, 1.0) } else { 0.0 }
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

    /// The kind of disagreement about one trait that these models have, one model a value.
    fn about(name: &str, values: &[&str]) -> Option<ConflictKind> {
        let models = ["a", "b", "c", "d"];
        let drafts: Vec<_> =
            values.iter().zip(models).map(|(value, model)| said(model, &[(name, *value)])).collect();
        let found = conflicts(&personas(&drafts));
        found.first().map(|one| one.kind)
    }

    #[test]
    fn w5_texts_about_different_things_differ_in_fact() {
        let lives = [
            "A nurse who reads at night.",
            "The bus driver of line nine.",
            "Repairs boats at the weekend and never sleeps.",
        ];
        assert_eq!(about("bio", &lives), Some(ConflictKind::Factual));
    }

    #[test]
    fn w5_the_same_in_other_words_is_united_by_the_consensus_or_told_in_one_wording() {
        let same =
            ["A hospital nurse who reads at night.", "She is a nurse in a hospital and reads at night."];
        assert_eq!(about("bio", &same), None, "one variant, no conflict");
        let all = personas(&[said("a", &[("bio", "A nurse.")]), said("b", &[("bio", "The bus driver.")])]);
        let with = |agreement: f64| {
            let mut bio = all[0].traits["bio"].clone();
            bio.agreement = agreement;
            kind(&bio)
        };
        // Two sides of one model each: the agreement is the likeness of the sides.
        assert_eq!(
            [with(0.5), with(0.3), with(0.1)],
            [ConflictKind::Stylistic, ConflictKind::Open, ConflictKind::Factual]
        );
    }

    #[test]
    fn w5_likeness_is_that_of_the_sides_and_not_of_those_who_agree() {
        let votes = ["A nurse.", "A nurse.", "A bus driver."];
        let drafts: Vec<_> =
            votes.iter().zip(["a", "b", "c"]).map(|(bio, model)| said(model, &[("bio", bio)])).collect();
        let mut bio = personas(&drafts)[0].traits["bio"].clone();
        bio.agreement = 0.6;
        // Three pairs, one of them within a side: (0.6 · 3 − 1) / (3 − 1) = 0.4.
        assert!((likeness(&bio) - 0.4).abs() < 1e-12);
    }

    #[test]
    fn w5_a_denial_is_about_facts_however_alike_the_words_are() {
        let trust = ["She trusts online payments.", "She does not trust online payments."];
        assert_eq!(about("bio", &trust), Some(ConflictKind::Factual));
    }
}
