//! Who stands apart on a trait, answer by answer.
//!
//! A dissenting answer is kept with its model and with how far the others support it, so that a
//! reader can tell a stray answer from one half of a divided panel.

use serde::{Deserialize, Serialize};

use super::TraitConsensus;
use super::vote::{Tally, Vote};
use crate::normalise::{Reading, contradict};
use crate::persona::{ModelName, TraitDefinition, TraitKind, TraitValue};

/// Why an answer is pointed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DissentKind {
    /// It says the opposite of the consensus: denied, an antonym, the other end of an ordinal scale.
    Contradiction,
    /// It belongs to a second group of numbers, away from the first by more than two tolerances.
    Bimodal,
    /// A sizeable part of the panel says the like: the panel is divided.
    SplitPanel,
    /// Hardly anyone says the like, while the others agree.
    Outlier,
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
    /// How probable it is that this answer is the right one, in 0..=1: what the confidence leaves over,
    /// shared among the values that are not the consensus by their support. Of a list item: its share.
    #[serde(default)]
    pub probability: f64,
    /// How far the other models support it, by weight, in 0..=1.
    pub support: f64,
    /// How far they support the consensus value, by weight, in 0..=1.
    pub consensus_support: f64,
}

/// Below this share of the support that the consensus has, an answer stands alone.
const ALONE: f64 = 0.35;

/// Two groups of numbers that lie apart by more than this many tolerances are two answers, not one spread.
const APART: f64 = 2.0;

/// Ends of an ordinal scale lie apart by at least this share of it.
const ENDS: f64 = 2.0 / 3.0;

/// What tells the answers on one trait apart.
pub(super) struct Divided<'a, 'v> {
    pub(super) votes: &'a [Vote<'v>],
    pub(super) outcome: &'a Tally,
    pub(super) definition: &'a TraitDefinition,
    pub(super) panel: &'a [ModelName],
    /// Of the consensus value.
    pub(super) confidence: f64,
}

impl Divided<'_, '_> {
    /// The answers outside the winning variant, in the order of the panel.
    pub(super) fn dissent(&self) -> Vec<Dissent> {
        let inside = &self.outcome.groups[0].votes;
        (0..self.votes.len()).filter(|vote| !inside.contains(vote)).map(|vote| self.one(vote)).collect()
    }

    fn one(&self, vote: usize) -> Dissent {
        let winner = self.outcome.groups[0].representative;
        let others =
            || (0..self.votes.len()).filter(|&other| self.votes[other].model != self.votes[vote].model);
        let weight: f64 = others().map(|other| self.votes[other].weight).sum();
        let share = |of: usize| {
            let alike = |other: usize| self.votes[other].weight * self.outcome.alike[[of, other]];
            let sum: f64 = others().map(alike).sum();
            if weight > 0.0 { (sum / weight).clamp(0.0, 1.0) } else { 0.0 }
        };
        let (support, consensus_support) = (share(vote), share(winner));
        Dissent {
            model: self.panel[self.votes[vote].model].clone(),
            value: self.votes[vote].value.clone(),
            kind: self.kind(vote, support, consensus_support),
            probability: self.probability(vote),
            support,
            consensus_support,
        }
    }

    fn kind(&self, vote: usize, support: f64, consensus_support: f64) -> DissentKind {
        let winner = &self.votes[self.outcome.groups[0].representative];
        if are_opposites(winner.reading, self.votes[vote].reading, self.definition) {
            DissentKind::Contradiction
        } else if self.is_second_mode(vote) {
            DissentKind::Bimodal
        } else if support < ALONE * consensus_support {
            DissentKind::Outlier
        } else {
            DissentKind::SplitPanel
        }
    }

    /// Whether a number is one of several of another model each, all far from those of the consensus.
    fn is_second_mode(&self, vote: usize) -> bool {
        let TraitKind::Numeric { tolerance, .. } = self.definition.kind else { return false };
        let Some(group) = self.outcome.groups[1..].iter().find(|group| group.votes.contains(&vote)) else {
            return false;
        };
        let mut models: Vec<usize> = group.votes.iter().map(|&vote| self.votes[vote].model).collect();
        models.sort_unstable();
        models.dedup();
        let gap = |one: usize| {
            let first = self.outcome.groups[0].votes.iter();
            first.map(|&other| between_numbers(&self.votes[one], &self.votes[other])).fold(f64::MAX, f64::min)
        };
        models.len() > 1 && group.votes.iter().all(|&one| gap(one) > APART * tolerance)
    }

    fn probability(&self, vote: usize) -> f64 {
        let others = &self.outcome.groups[1..];
        let all: f64 = others.iter().map(|group| group.share).sum();
        let own = others.iter().find(|group| group.votes.contains(&vote)).map_or(0.0, |group| group.share);
        if all > 0.0 { ((1.0 - self.confidence) * own / all).clamp(0.0, 1.0) } else { 0.0 }
    }
}

impl TraitConsensus {
    /// Takes a confidence in place of the one that it has; what that leaves over is shared out anew.
    pub(super) fn share_out(&mut self, confidence: f64) {
        let (before, after) = (1.0 - self.confidence, 1.0 - confidence);
        for dissent in &mut self.dissent {
            let share = if before > 0.0 { dissent.probability / before } else { 0.0 };
            dissent.probability = (share * after).clamp(0.0, 1.0);
        }
        self.confidence = confidence;
    }
}

fn between_numbers(one: &Vote<'_>, other: &Vote<'_>) -> f64 {
    match (one.reading, other.reading) {
        (Reading::Range(here), Reading::Range(there)) => here.distance(there),
        _ => 0.0,
    }
}

/// Whether two answers exclude each other.
fn are_opposites(one: &Reading, other: &Reading, definition: &TraitDefinition) -> bool {
    match (one, other, &definition.kind) {
        (Reading::Phrase(here) | Reading::Prose(here), Reading::Phrase(there) | Reading::Prose(there), _) => {
            contradict(here, there)
        }
        (Reading::Levels(here), Reading::Levels(there), TraitKind::Ordinal { levels }) => {
            let scale = levels.len().saturating_sub(1) as f64;
            scale >= 2.0 && here.distance(there) >= ENDS * scale
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::read;
    use crate::persona::TraitSchema;

    fn opposites(name: &str, one: &str, other: &str) -> bool {
        let schema = TraitSchema::default_persona();
        let definition = schema.get(name).expect("in the schema");
        let reading = |text: &str| read(&TraitValue::Text(text.to_owned()), definition);
        are_opposites(&reading(one), &reading(other), definition)
    }

    #[test]
    fn ends_of_a_scale_and_denials_are_opposites() {
        assert!(opposites("education", "No high school diploma", "PhD"));
        assert!(!opposites("education", "Bachelor's degree", "Master's degree"));
        assert!(opposites("bio", "She trusts online payments", "She does not trust online payments"));
        assert!(!opposites("age", "20", "80"), "numbers are far, not opposite");
    }
}
