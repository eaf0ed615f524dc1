//! Counts over all personas and calls of a result, kept small whatever its size.

use std::collections::{BTreeMap, BTreeSet};

use super::stored::StoredAnswer;
use crate::consensus::grounding::{Basis, FoundBy};
use crate::consensus::{ConfidenceStatus, ConsensusPersona, DissentKind, PersonaKind, TraitConsensus};
use crate::persona::ModelName;

/// Bins of confidence.
pub(super) const BINS: usize = 10;
/// Records of which nobody answered that are named, at most.
const NAMED: usize = 20;
/// Latencies kept per model, at most: beyond, every second is let go, again and again.
const LATENCIES: usize = 4096;

/// What is counted of one trait.
#[derive(Clone, Debug, Default)]
pub(super) struct TraitTally {
    /// Values that two or more models gave: only these can be divergent.
    pub(super) comparable: usize,
    pub(super) divergent: usize,
    pub(super) contradicted: usize,
    pub(super) evidence: usize,
    pub(super) echo: usize,
    pub(super) unsupported: usize,
}

/// The records that calls were about.
#[derive(Clone, Debug, Default)]
pub(super) struct AskedRecords {
    pub(super) asked: usize,
    /// Those of which no model gave a usable answer.
    pub(super) unanswered: usize,
    /// The first of them.
    pub(super) named: Vec<String>,
    /// The record whose calls are being counted, and whether one was answered. They come one after the other.
    current: Option<(String, bool)>,
}

impl AskedRecords {
    fn call(&mut self, record: &str, answered: bool) {
        match &mut self.current {
            Some((current, known)) if current == record => *known |= answered,
            _ => {
                self.close();
                self.current = Some((record.to_owned(), answered));
            }
        }
    }

    /// Counts the last record; nothing where that is done.
    pub(super) fn close(&mut self) {
        let Some((record, answered)) = self.current.take() else { return };
        self.asked += 1;
        if !answered {
            self.unanswered += 1;
            if self.named.len() < NAMED {
                self.named.push(record);
            }
        }
    }
}

/// What is counted of one model.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelTally {
    /// Values that it gave.
    pub(super) values: usize,
    /// Values of its own that stand behind the consensus.
    pub(super) accepted: usize,
    pub(super) contradicts: usize,
    pub(super) alone: usize,
    /// Personas that nobody else saw.
    pub(super) minority: usize,
    pub(super) calls: u64,
    pub(super) answered: u64,
    pub(super) first_try: u64,
    pub(super) attempts: u64,
    pub(super) repairs: u64,
    pub(super) tokens: [u64; 2],
    pub(super) metered: u64,
    pub(super) cost: f64,
    latencies: Vec<u64>,
    every: u64,
}

/// All counts.
#[derive(Debug)]
pub(super) struct Tallies {
    panel: Vec<ModelName>,
    pub(super) traits: BTreeMap<String, TraitTally>,
    pub(super) models: Vec<ModelTally>,
    /// Per two models: traits that both answered in one persona, and how far they agreed.
    pairs: Vec<(f64, usize)>,
    /// Probabilities, and scores that are none.
    pub(super) confidences: [[usize; BINS]; 2],
    /// All probabilities added up, and how many there are.
    pub(super) probabilities: (f64, usize),
    pub(super) asked: AskedRecords,
    pub(super) rows: BTreeSet<String>,
    pub(super) personas: usize,
    pub(super) cost: f64,
    pub(super) calls: u64,
}

impl Tallies {
    pub(super) fn new(panel: &[ModelName]) -> Self {
        Self {
            panel: panel.to_vec(),
            traits: BTreeMap::new(),
            models: vec![ModelTally::default(); panel.len()],
            pairs: vec![(0.0, 0); panel.len() * panel.len()],
            confidences: [[0; BINS]; 2],
            probabilities: (0.0, 0),
            asked: AskedRecords::default(),
            rows: BTreeSet::new(),
            personas: 0,
            cost: 0.0,
            calls: 0,
        }
    }

    fn place(&self, model: &ModelName) -> Option<usize> {
        self.panel.iter().position(|name| name == model)
    }

    /// Counts one persona.
    pub(super) fn add(&mut self, persona: &ConsensusPersona) {
        self.personas += 1;
        if persona.kind == PersonaKind::Minority
            && let Some(place) = persona.models.first().and_then(|model| self.place(model))
        {
            self.models[place].minority += 1;
        }
        for (name, found) in &persona.traits {
            self.add_trait(name, found, persona.kind);
            self.add_votes(found);
        }
    }

    fn add_trait(&mut self, name: &str, found: &TraitConsensus, kind: PersonaKind) {
        let tally = self.traits.entry(name.to_owned()).or_default();
        tally.comparable += usize::from(found.n_models > 1);
        tally.divergent += usize::from(found.divergent);
        tally.contradicted +=
            usize::from(found.dissent.iter().any(|one| one.kind == DissentKind::Contradiction));
        let of_consensus = found.backing.filter(|_| kind == PersonaKind::Consensus);
        match of_consensus.map(|backing| backing.basis) {
            Some(Basis::Evidence) => tally.evidence += 1,
            Some(Basis::Echo) => tally.echo += 1,
            Some(Basis::Unsupported) => tally.unsupported += 1,
            None => {}
        }
        if found.was.is_none() {
            self.add_confidence(found);
        }
        let cited = found.evidence.iter().filter_map(|cited| cited.found.as_ref());
        for place in cited.filter(|found| found.by != FoundBy::Nothing) {
            self.rows.extend(place.row.clone());
        }
    }

    fn add_confidence(&mut self, found: &TraitConsensus) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..=BINS")]
        let bin = ((found.confidence.clamp(0.0, 1.0) * BINS as f64) as usize).min(BINS - 1);
        let score = found.confidence_status == ConfidenceStatus::Uncalibrated;
        self.confidences[usize::from(score)][bin] += 1;
        if !score {
            self.probabilities.0 += found.confidence;
            self.probabilities.1 += 1;
        }
    }

    /// Values that are divergent, of how many that two or more models gave.
    pub(super) fn divergent(&self) -> (usize, usize) {
        let all = self.traits.values();
        all.fold((0, 0), |(divergent, of), one| (divergent + one.divergent, of + one.comparable))
    }

    /// Counts who said what a variant says. Items of a list: the share that two models have in common.
    fn add_votes(&mut self, found: &TraitConsensus) {
        let mut held: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.panel.len()];
        for (number, variant) in found.variants.iter().enumerate() {
            for model in &variant.models {
                if let Some(place) = self.place(model) {
                    held[place].insert(number);
                    let stands = variant.kept.unwrap_or(number == 0);
                    self.models[place].values += 1;
                    self.models[place].accepted += usize::from(stands);
                }
            }
        }
        for dissent in &found.dissent {
            if let Some(place) = self.place(&dissent.model) {
                self.models[place].contradicts += usize::from(dissent.kind == DissentKind::Contradiction);
                self.models[place].alone += usize::from(dissent.kind == DissentKind::Outlier);
            }
        }
        for one in 0..held.len() {
            for other in one + 1..held.len() {
                let (here, there) = (&held[one], &held[other]);
                if !here.is_empty() && !there.is_empty() {
                    let alike = here.intersection(there).count() as f64 / here.union(there).count() as f64;
                    let pair = &mut self.pairs[one * self.panel.len() + other];
                    pair.0 += alike;
                    pair.1 += 1;
                }
            }
        }
    }

    /// How far two models agree, and over how many traits; `None` where they never answered the same.
    pub(super) fn agreement(&self, one: usize, other: usize) -> Option<(f64, usize)> {
        let (sum, n) = self.pairs[one.min(other) * self.panel.len() + one.max(other)];
        (n > 0).then(|| (sum / n as f64, n))
    }

    /// Counts one call.
    pub(super) fn call(&mut self, call: &StoredAnswer) {
        self.cost += call.cost;
        self.calls += 1;
        if let Some(record) = &call.record {
            self.asked.call(record, call.is_answered());
        }
        let Some(place) = self.place(&call.model) else { return };
        let tally = &mut self.models[place];
        let answered = call.is_answered();
        tally.calls += 1;
        tally.answered += u64::from(answered);
        tally.first_try += u64::from(answered && call.attempts == 1);
        tally.attempts += u64::from(call.attempts);
        tally.repairs += u64::from(call.repairs);
        tally.cost += call.cost;
        if let Some(tokens) = call.usage {
            tally.metered += 1;
            tally.tokens[0] += tokens.input_tokens;
            tally.tokens[1] += tokens.output_tokens;
        }
        tally.latency(call.latency_ms);
    }
}

impl ModelTally {
    fn latency(&mut self, milliseconds: u64) {
        let every = self.every.max(1);
        if self.calls.is_multiple_of(every) {
            self.latencies.push(milliseconds);
        }
        if self.latencies.len() > LATENCIES {
            let mut number = 0;
            self.latencies.retain(|_| {
                number += 1;
                number % 2 == 0
            });
            self.every = every * 2;
        }
    }

    /// The latencies at some shares of the calls, in milliseconds, between two calls in proportion; `None` without
    /// calls.
    pub(super) fn latencies(&self, shares: &[f64]) -> Option<Vec<u64>> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
        let at = |share: f64| {
            let place = share.clamp(0.0, 1.0) * last as f64;
            let (below, above) =
                (sorted[place as usize] as f64, sorted[(place.ceil() as usize).min(last)] as f64);
            (below + (above - below) * place.fract()).round() as u64
        };
        Some(shares.iter().map(|share| at(*share)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_calls_lies_between_the_middle_two() {
        let mut tally = ModelTally::default();
        for milliseconds in [400, 100, 200, 300] {
            tally.calls += 1;
            tally.latency(milliseconds);
        }
        // Sorted 100, 200, 300, 400: half of three steps is 1.5, between 200 and 300.
        assert_eq!(tally.latencies(&[0.0, 0.5, 1.0]), Some(vec![100, 250, 400]));
        assert_eq!(ModelTally::default().latencies(&[0.5]), None);
    }

    #[test]
    fn a_record_counts_once_and_is_named_where_nobody_answered() {
        let mut asked = AskedRecords::default();
        for (record, answered) in [("a", false), ("a", true), ("b", false), ("b", false), ("c", true)] {
            asked.call(record, answered);
        }
        asked.close();
        asked.close();
        assert_eq!((asked.asked, asked.unanswered, asked.named), (3, 1, vec!["b".to_owned()]));
    }
}
