//! Who stands apart on a trait, answer by answer.
//!
//! A dissenting answer is kept with its model and with how far the others support it, so that a
//! reader can tell a stray answer from one half of a divided panel.

use serde::{Deserialize, Serialize};

use super::vote::Vote;
use crate::persona::{ModelName, TraitValue};

/// Why an answer is pointed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DissentKind {
    /// Hardly anyone says the like, while the others agree.
    Outlier,
    /// A sizeable part of the panel says the like: the panel is divided.
    SplitPanel,
}

/// An answer that differs from the consensus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dissent {
    /// Who gave it.
    pub model: ModelName,
    /// The answer as it was written.
    pub value: TraitValue,
    /// Why it is pointed out.
    pub kind: DissentKind,
    /// How far the other models support it, by weight, in 0..=1.
    pub support: f64,
    /// How far they support the consensus value, by weight, in 0..=1.
    pub consensus_support: f64,
}

/// Below this share of the support that the consensus has, an answer stands alone.
const ALONE: f64 = 0.35;

/// The answers outside the winning variant.
///
/// `alike(a, b)` is the similarity of two votes, `winner` the vote whose wording won, `inside` tells
/// the votes of the winning variant.
pub(super) fn dissent(
    votes: &[Vote<'_>],
    winner: usize,
    inside: &[usize],
    panel: &[ModelName],
    alike: impl Fn(usize, usize) -> f64,
) -> Vec<Dissent> {
    (0..votes.len())
        .filter(|vote| !inside.contains(vote))
        .map(|vote| {
            let others = || (0..votes.len()).filter(|&other| votes[other].model != votes[vote].model);
            let weight: f64 = others().map(|other| votes[other].weight).sum();
            let share = |of: usize| {
                let sum: f64 = others().map(|other| votes[other].weight * alike(of, other)).sum();
                if weight > 0.0 { (sum / weight).clamp(0.0, 1.0) } else { 0.0 }
            };
            let (support, consensus_support) = (share(vote), share(winner));
            let kind = if support < ALONE * consensus_support {
                DissentKind::Outlier
            } else {
                DissentKind::SplitPanel
            };
            Dissent {
                model: panel[votes[vote].model].clone(),
                value: votes[vote].value.clone(),
                kind,
                support,
                consensus_support,
            }
        })
        .collect()
}
