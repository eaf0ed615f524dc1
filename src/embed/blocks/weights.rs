//! How much each trait counts: assumed from its kind, or learned from a batch without labels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::evidence::{Histogram, KNOTS, TraitEvidence, blend, count};
use super::pairs::PairTable;
use crate::persona::TraitSchema;

/// Rounds of expectation and maximisation; the expected number of matches moves by less than one in
/// a hundred after four on all data tried.
const ROUNDS: usize = 5;

/// How many pairs the assumptions are worth beside the counted ones.
const STRENGTH: f64 = 30.0;

/// What each trait of a schema says about two drafts being the same persona.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockWeights {
    names: Vec<String>,
    traits: Vec<TraitEvidence>,
    /// Whether the distributions were counted; assumed ones are too coarse to be mixed with counts of
    /// a single draft.
    learned: bool,
}

impl BlockWeights {
    /// Assumptions by kind, multiplied by the schema's weights.
    #[must_use]
    pub fn assumed(schema: &TraitSchema) -> Self {
        let definitions = schema.definitions();
        Self {
            names: definitions.iter().map(|definition| definition.name.clone()).collect(),
            traits: definitions.iter().map(|d| TraitEvidence::assumed(&d.kind, d.weight)).collect(),
            learned: false,
        }
    }

    /// The evidence of each trait by its name.
    #[must_use]
    pub fn by_trait(&self) -> BTreeMap<&str, &TraitEvidence> {
        self.names.iter().map(String::as_str).zip(&self.traits).collect()
    }

    /// How much each trait counts in block vectors: its weight, times how well it tells personas apart
    /// where that was learned.
    pub(super) fn shares(&self) -> Vec<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "weights")]
        let share = |evidence: &TraitEvidence| {
            let counts = if self.learned { evidence.discrimination().max(0.01) } else { 1.0 };
            (evidence.weight * counts) as f32
        };
        self.traits.iter().map(share).collect()
    }

    pub(super) fn learned(&self) -> bool {
        self.learned
    }

    pub(super) fn traits(&self) -> &[TraitEvidence] {
        &self.traits
    }

    /// One round of expectation and maximisation (Winkler 1988, "Using the EM algorithm for weight
    /// computation in the Fellegi–Sunter model of record linkage").
    ///
    /// Pairs of one session are known to differ, so the distribution of different personas is
    /// counted, not guessed. Pairs across sessions are the same persona with the probability that
    /// the present weights give them.
    fn round(&self, tables: &[PairTable]) -> Self {
        let mut same: Vec<Histogram> = vec![[0.0; KNOTS]; self.traits.len()];
        let mut different = same.clone();
        for table in tables {
            let prior = table.priors();
            for (one, other, evidence, row) in table.evidence(self) {
                let known = table.same_session(one, other);
                let prior = prior(one, other);
                let odds = prior / (1.0 - prior) * f64::from(evidence).exp();
                let probability = if known { 0.0 } else { odds / (1.0 + odds) };
                for (place, similarity) in row.iter().enumerate().filter(|(_, s)| !s.is_nan()) {
                    if known {
                        count(&mut different[place], *similarity, 1.0);
                    } else {
                        count(&mut same[place], *similarity, probability);
                    }
                }
            }
        }
        let traits = self.traits.iter().enumerate().map(|(place, evidence)| TraitEvidence {
            weight: evidence.weight,
            same: blend(&same[place], &evidence.same, STRENGTH),
            different: blend(&different[place], &evidence.different, STRENGTH),
        });
        Self { names: self.names.clone(), traits: traits.collect(), learned: true }
    }

    /// Learns from tables of pairs, beginning with these weights.
    pub(super) fn learn(self, tables: &[PairTable]) -> Self {
        let knows_difference = tables.iter().any(PairTable::has_known_difference);
        if !knows_difference {
            return self;
        }
        (0..ROUNDS).fold(self, |weights, _| weights.round(tables))
    }
}

#[cfg(test)]
mod tests {
    use crate::embed::{BlockEncoder, HashingEmbedder};
    use crate::persona::{Draft, ModelName, RecordId, TraitSchema, TraitValue};

    /// Three personas per session, told apart by `job` alone: everybody has the same `mood`.
    fn records(sessions: usize) -> Vec<Vec<Draft>> {
        let job = |place: usize| ["nurse", "crane driver", "cheese maker"][place % 3];
        (0..20)
            .map(|record: usize| {
                (0..sessions * 3)
                    .map(|draft: usize| {
                        let id = RecordId::new(&format!("r{record}")).expect("valid");
                        let model = format!("m{}", draft / 3);
                        let mut made = Draft::new(id, ModelName::new(&model).expect("valid"));
                        made.traits
                            .insert("job".to_owned(), TraitValue::Text(job(draft + record).to_owned()));
                        made.traits.insert("mood".to_owned(), TraitValue::Text("calm".to_owned()));
                        made
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn a_trait_on_which_all_agree_learns_to_say_nothing() {
        let records = records(3);
        let all: Vec<Draft> = records.concat();
        let schema = TraitSchema::empty().with_inferred(&all);
        let embedder = HashingEmbedder::default();
        let encoder = BlockEncoder::new(&schema, &embedder);
        let weights = encoder.learn_weights(records.iter().map(Vec::as_slice)).expect("never fails");
        let by_trait = weights.by_trait();
        assert!(by_trait["job"].discrimination() > 1.0, "{weights:?}");
        assert!(by_trait["mood"].discrimination() < 0.1, "{weights:?}");
    }

    #[test]
    fn drafts_of_which_none_are_known_to_differ_teach_nothing() {
        let records: Vec<Vec<Draft>> =
            records(3).into_iter().map(|drafts| drafts.into_iter().step_by(3).collect()).collect();
        let all: Vec<Draft> = records.concat();
        let schema = TraitSchema::empty().with_inferred(&all);
        let embedder = HashingEmbedder::default();
        let encoder = BlockEncoder::new(&schema, &embedder);
        let learned = encoder.learn_weights(records.iter().map(Vec::as_slice)).expect("never fails");
        assert_eq!(learned, super::BlockWeights::assumed(&schema));
    }
}
