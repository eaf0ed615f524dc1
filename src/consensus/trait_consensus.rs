//! The votes on one trait become its consensus.

use super::affinity::{PhraseVectors, between};
use super::calibrate::ConfidenceStatus;
use super::confidence::{ConfidenceParts, effective_models};
use super::divergence::{Dissent, DissentKind, Divided};
use super::list::{ItemGroup, agreement as list_agreement, match_items};
use super::numeric::{centre, rounded};
use super::persona::{CitedEvidence, Said, TraitConsensus, Variant};
use super::settings::ConsensusParams;
use super::vote::{Group, Tally, Vote, tally};
use crate::cluster::ClusterError;
use crate::normalise::{Reading, contradict};
use crate::persona::{Draft, Level, ModelName, TraitDefinition, TraitKind, TraitValue};

/// What the votes on one trait are read with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub(super) definition: &'a TraitDefinition,
    pub(super) vectors: &'a PhraseVectors,
    pub(super) drafts: &'a [Draft],
    pub(super) panel: &'a [ModelName],
    pub(super) settings: &'a ConsensusParams,
    pub(super) trust: &'a Trust<'a>,
    /// Drafts that give the persona the name that it has.
    pub(super) namesakes: &'a [usize],
}

/// What the whole run says about its models.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trust<'a> {
    /// Agreement of each model with the others, by panel position.
    pub(super) agreement: &'a [f64],
    /// Mean correlation of two models' errors.
    pub(super) correlation: f64,
}

impl Ground<'_> {
    /// The consensus on the trait; `None` without votes.
    pub(super) fn decide(&self, votes: &[Vote<'_>]) -> Result<Option<TraitConsensus>, ClusterError> {
        if votes.is_empty() {
            return Ok(None);
        }
        if matches!(self.definition.kind, TraitKind::List) {
            let groups = match_items(votes, self.vectors, self.settings.item_similarity)?;
            return Ok(self.list(votes, &groups));
        }
        let similarity = |one: &Reading, other: &Reading| between(one, other, self.definition, self.vectors);
        let alternatives = self.settings.alternative_weight;
        let mut outcome = tally(votes, similarity, alternatives, self.settings.variant_similarity);
        if let Some(winner) = outcome.as_mut().and_then(|outcome| outcome.groups.first_mut()) {
            self.tell_of_namesake(votes, winner);
        }
        Ok(outcome.map(|outcome| self.scalar(votes, &outcome)))
    }

    /// A text speaks of the persona by its name, so that of several that say the same one stands which was written
    /// for the name that the persona has: `Marta`, of whom is told that Dora works at night, would be two people.
    /// Where several were, the first by its words, whatever the order of the panel.
    fn tell_of_namesake(&self, votes: &[Vote<'_>], winner: &mut Group) {
        let of_namesake = |vote: &usize| self.namesakes.contains(&votes[*vote].draft);
        if !matches!(self.definition.kind, TraitKind::Text) || of_namesake(&winner.representative) {
            return;
        }
        let told = winner.votes.iter().copied().filter(of_namesake);
        winner.representative =
            told.min_by_key(|vote| votes[*vote].value.to_string()).unwrap_or(winner.representative);
    }

    fn scalar(&self, votes: &[Vote<'_>], outcome: &Tally) -> TraitConsensus {
        let winner = &outcome.groups[0];
        let (value, interval) = self.value(votes, winner);
        let runner_up = outcome.groups.get(1).map_or(0.0, |group| group.share);
        let n_models = distinct(votes.iter().map(|vote| vote.model));
        let parts = self.parts(outcome.support, runner_up, n_models, votes, &winner.votes);
        TraitConsensus {
            kind: self.definition.kind.name().to_owned(),
            value,
            confidence: parts.score(),
            confidence_status: ConfidenceStatus::Uncalibrated,
            prediction_set: None,
            parts,
            agreement: outcome.agreement.clamp(0.0, 1.0),
            support: distinct(winner.votes.iter().map(|&vote| votes[vote].model)),
            n_models,
            divergent: self.flags_divergence() && 1.0 - winner.share >= self.settings.divergence_share,
            variants: self.variants(votes, outcome),
            dissent: self.dissent(votes, outcome, parts.score()),
            missing: Vec::new(),
            interval,
            evidence: self.evidence(votes, &winner.votes),
            backing: None,
            was: None,
        }
    }

    /// What the confidence is made of; `backing` are the votes behind the value.
    fn parts(
        &self,
        share: f64,
        runner_up: f64,
        n_models: usize,
        votes: &[Vote<'_>],
        backing: &[usize],
    ) -> ConfidenceParts {
        let independent = effective_models(n_models as f64, self.trust.correlation);
        let reliable = backing.iter().filter_map(|&vote| self.trust.agreement.get(votes[vote].model));
        let reliability = reliable.copied().fold(0.0, f64::max);
        ConfidenceParts::new(share, runner_up, independent, reliability, self.settings)
    }

    /// Traits of weight 0 (names, quotes) are the writer's free choice: no two models should agree.
    fn flags_divergence(&self) -> bool {
        self.definition.weight > 0.0
    }

    fn dissent(&self, votes: &[Vote<'_>], outcome: &Tally, confidence: f64) -> Vec<Dissent> {
        if !self.flags_divergence() {
            return Vec::new();
        }
        let (definition, panel) = (self.definition, self.panel);
        Divided { votes, outcome, definition, panel, confidence }.dissent()
    }

    fn value(&self, votes: &[Vote<'_>], winner: &Group) -> (TraitValue, Option<[f64; 2]>) {
        let said =
            shown(votes[winner.representative].reading, votes[winner.representative].value, self.definition);
        match (&self.definition.kind, centre(votes, winner)) {
            (TraitKind::Numeric { tolerance, .. }, Some((middle, [low, high]))) => {
                let round = |value| rounded(value, *tolerance);
                (TraitValue::Number(round(middle)), Some([round(low), round(high)]))
            }
            _ => (said, None),
        }
    }

    /// The values given, with the passages cited for those that are not the consensus.
    fn variants(&self, votes: &[Vote<'_>], outcome: &Tally) -> Vec<Variant> {
        let mut variants: Vec<Variant> =
            outcome.groups.iter().map(|group| self.variant(votes, group)).collect();
        for (variant, group) in variants.iter_mut().zip(&outcome.groups).skip(1) {
            variant.evidence = self.evidence(votes, &group.votes);
        }
        variants
    }

    fn variant(&self, votes: &[Vote<'_>], group: &Group) -> Variant {
        let best = &votes[group.representative];
        Variant {
            value: shown(best.reading, best.value, self.definition),
            representative: self.panel[best.model].clone(),
            models: self.models(group.votes.iter().map(|&vote| votes[vote].model)),
            share: group.share,
            kept: None,
            said: group
                .votes
                .iter()
                .map(|&vote| self.said(&votes[vote], votes[vote].value.clone()))
                .collect(),
            evidence: Vec::new(),
        }
    }

    fn list(&self, votes: &[Vote<'_>], groups: &[ItemGroup<'_>]) -> Option<TraitConsensus> {
        let n_models = distinct(votes.iter().map(|vote| vote.model));
        let kept = |group: &ItemGroup<'_>| {
            group.share >= self.settings.item_support && (group.support > 1 || n_models == 1)
        };
        let kept_groups: Vec<&ItemGroup<'_>> = groups.iter().filter(|group| kept(group)).collect();
        // Where no item reached the support, the best of them stands, with its low share.
        let standing = if kept_groups.is_empty() { groups.iter().take(1).collect() } else { kept_groups };
        let value = TraitValue::list(standing.iter().map(|group| group.representative.phrase.shown()))?;
        let share = standing.iter().map(|group| group.share).sum::<f64>() / standing.len() as f64;
        let backing = standing.iter().flat_map(|group| &group.items).map(|item| item.vote);
        let backing: Vec<usize> = sorted(backing);
        let parts = self.parts(share, 0.0, n_models, votes, &backing);
        let agreement = list_agreement(votes, groups).clamp(0.0, 1.0);
        Some(TraitConsensus {
            kind: self.definition.kind.name().to_owned(),
            value,
            confidence: parts.score(),
            confidence_status: ConfidenceStatus::Uncalibrated,
            prediction_set: None,
            parts,
            agreement,
            support: distinct(backing.iter().map(|&vote| votes[vote].model)),
            n_models,
            divergent: self.flags_divergence() && agreement < self.settings.divergence_share,
            variants: self.items(votes, groups, &backing, kept),
            dissent: self.contradicting_items(votes, groups, &standing),
            missing: Vec::new(),
            interval: None,
            evidence: self.evidence(votes, &backing),
            backing: None,
            was: None,
        })
    }

    /// Items that say the opposite of one that stands.
    fn contradicting_items(
        &self,
        votes: &[Vote<'_>],
        groups: &[ItemGroup<'_>],
        standing: &[&ItemGroup<'_>],
    ) -> Vec<Dissent> {
        if !self.flags_divergence() {
            return Vec::new();
        }
        let mut dissent = Vec::new();
        for group in groups.iter().filter(|group| !standing.iter().any(|kept| std::ptr::eq(*kept, *group))) {
            let words = group.representative.phrase;
            let denied = standing.iter().find(|kept| contradict(kept.representative.phrase, words));
            let Some(denied) = denied else { continue };
            dissent.extend(group.items.iter().map(|item| Dissent {
                model: self.panel[votes[item.vote].model].clone(),
                value: TraitValue::Text(item.phrase.shown().to_owned()),
                kind: DissentKind::Contradiction,
                probability: group.share.clamp(0.0, 1.0),
                support: group.share.clamp(0.0, 1.0),
                consensus_support: denied.share.clamp(0.0, 1.0),
            }));
        }
        dissent
    }

    /// The items, those kept and those not. What a model cites that has no item in common with the consensus
    /// stands with the first of its items; which of them it speaks for is seen where the source is looked into.
    fn items(
        &self,
        votes: &[Vote<'_>],
        groups: &[ItemGroup<'_>],
        backing: &[usize],
        kept: impl Fn(&ItemGroup<'_>) -> bool,
    ) -> Vec<Variant> {
        let mut told: Vec<usize> = backing.to_vec();
        let item = |group: &ItemGroup<'_>| {
            let new = sorted(group.items.iter().map(|item| item.vote).filter(|vote| !told.contains(vote)));
            told.extend(&new);
            Variant { evidence: self.evidence(votes, &new), ..self.item(votes, group, kept(group)) }
        };
        groups.iter().map(item).collect()
    }

    fn item(&self, votes: &[Vote<'_>], group: &ItemGroup<'_>, kept: bool) -> Variant {
        let words = |text: &str| TraitValue::Text(text.to_owned());
        Variant {
            value: words(group.representative.phrase.shown()),
            representative: self.panel[votes[group.representative.vote].model].clone(),
            models: self.models(group.items.iter().map(|item| votes[item.vote].model)),
            share: group.share,
            kept: Some(kept),
            said: group
                .items
                .iter()
                .map(|item| self.said(&votes[item.vote], words(item.phrase.shown())))
                .collect(),
            evidence: Vec::new(),
        }
    }

    fn said(&self, vote: &Vote<'_>, value: TraitValue) -> Said {
        Said { model: self.panel[vote.model].clone(), value, origin: self.drafts[vote.draft].origin.clone() }
    }

    fn models(&self, places: impl Iterator<Item = usize>) -> Vec<ModelName> {
        sorted(places).into_iter().map(|place| self.panel[place].clone()).collect()
    }

    fn evidence(&self, votes: &[Vote<'_>], backing: &[usize]) -> Vec<CitedEvidence> {
        backing
            .iter()
            .flat_map(|&vote| {
                let draft = &self.drafts[votes[vote].draft];
                let cited = draft.evidence.get(&self.definition.name).into_iter().flatten();
                cited.map(|evidence| CitedEvidence {
                    model: draft.model.clone(),
                    quote: evidence.quote.clone(),
                    row: evidence.row.clone(),
                    item: None,
                    found: None,
                })
            })
            .collect()
    }
}

/// A value as people read it: listed levels and categories under their own name, phrases without
/// list markers.
fn shown(reading: &Reading, value: &TraitValue, definition: &TraitDefinition) -> TraitValue {
    let text = |text: &str| TraitValue::Text(text.to_owned());
    let named = |levels: &[Level], low: usize, high: usize| {
        if low == high {
            levels[low].value.clone()
        } else {
            format!("{} to {}", levels[low].value, levels[high].value)
        }
    };
    match (reading, &definition.kind) {
        (Reading::Levels(span), TraitKind::Ordinal { levels }) => {
            TraitValue::Text(named(levels, span.lowest(), span.highest()))
        }
        (Reading::Category(place), TraitKind::Categorical { categories, .. }) => {
            text(&categories[*place].value)
        }
        (Reading::Phrase(phrase) | Reading::Prose(phrase), _) => text(phrase.shown()),
        (Reading::Place(place), _) => text(place.phrase().shown()),
        (Reading::Range(range), _) if range.is_point() => TraitValue::Number(range.centre()),
        (Reading::Range(range), _) => TraitValue::Text(format!("{}–{}", range.low(), range.high())),
        _ => value.clone(),
    }
}

fn sorted(places: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut places: Vec<usize> = places.collect();
    places.sort_unstable();
    places.dedup();
    places
}

fn distinct(places: impl Iterator<Item = usize>) -> usize {
    sorted(places).len()
}
