//! All pairs of a record's drafts: similarities by trait, and what they amount to.

use rayon::prelude::*;

use super::compare::{Comparer, Scratch};
use super::evidence::{Histogram, KNOTS, LogDensity, blend, count, place};
use super::{BlockWeights, EncodedDrafts};

/// Records of more drafts than this are compared on all threads.
const LARGE: usize = 64;

/// How many counts the distribution over all drafts is worth beside those of one draft.
const STRENGTH: f64 = 10.0;

/// Trait-wise similarities of the pairs (one, other) with other < one, row after row; NaN where a
/// trait is not shared.
#[derive(Debug)]
pub(super) struct PairTable {
    drafts: usize,
    traits: usize,
    similarities: Vec<f32>,
    /// The session of each draft, numbered by first appearance.
    sessions: Vec<usize>,
}

impl PairTable {
    pub(super) fn new(encoded: &EncodedDrafts<'_>) -> Self {
        let traits = encoded.encoder.schema.definitions().len();
        let drafts = encoded.blocks.len();
        let row = |one: usize| {
            let mut scratch = Scratch::default();
            let mut row = Vec::with_capacity(one * traits);
            compare_row(encoded, one, &mut scratch, &mut row);
            row
        };
        let similarities = if drafts > LARGE {
            (0..drafts).into_par_iter().map(row).collect::<Vec<_>>().concat()
        } else {
            let mut scratch = Scratch::default();
            let mut all = Vec::with_capacity(drafts * drafts.saturating_sub(1) / 2 * traits);
            for one in 0..drafts {
                compare_row(encoded, one, &mut scratch, &mut all);
            }
            all
        };
        Self { drafts, traits, similarities, sessions: encoded.sessions.clone() }
    }

    pub(super) fn drafts(&self) -> usize {
        self.drafts
    }

    /// Every pair (one, other, similarities by trait).
    fn pairs(&self) -> impl Iterator<Item = (usize, usize, &[f32])> {
        let order = (0..self.drafts).flat_map(|one| (0..one).map(move |other| (one, other)));
        order.zip(self.similarities.chunks_exact(self.traits.max(1))).map(|((a, b), row)| (a, b, row))
    }

    pub(super) fn same_session(&self, one: usize, other: usize) -> bool {
        self.sessions[one] == self.sessions[other]
    }

    /// Whether any two drafts are of one session.
    pub(super) fn has_known_difference(&self) -> bool {
        self.session_sizes().iter().any(|&size| size > 1)
    }

    /// How many drafts each draft's session has.
    fn session_sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0_usize; self.drafts];
        for &session in &self.sessions {
            sizes[session] += 1;
        }
        self.sessions.iter().map(|&session| sizes[session]).collect()
    }

    /// Evidence of every pair that the two drafts are one persona, in nats, beside the pair's
    /// similarities. Positive speaks for it.
    ///
    /// How likely a similarity is between *different* personas is taken from drafts known to be
    /// different, those of the draft's own session, so that agreement on a common value counts
    /// less than on a rare one; few of them lean on what is known of all drafts.
    pub(super) fn evidence<'a>(
        &'a self,
        weights: &'a BlockWeights,
    ) -> impl Iterator<Item = (usize, usize, f32, &'a [f32])> {
        let same: Vec<LogDensity> = weights.traits().iter().map(|e| LogDensity::new(&e.same)).collect();
        let chance = self.chance(weights);
        let traits = self.traits;
        self.pairs().map(move |(one, other, row)| {
            let mut sum = 0.0;
            for (place_of_trait, similarity) in row.iter().enumerate() {
                if !similarity.is_nan() {
                    let at = place(*similarity);
                    let expected = f32::midpoint(
                        chance[one * traits + place_of_trait].at(at),
                        chance[other * traits + place_of_trait].at(at),
                    );
                    #[expect(clippy::cast_possible_truncation, reason = "a weight")]
                    let weight = weights.traits()[place_of_trait].weight as f32;
                    sum += weight * (same[place_of_trait].at(at) - expected);
                }
            }
            (one, other, sum, row)
        })
    }

    /// For every draft and trait, how similarities to other personas are distributed.
    fn chance(&self, weights: &BlockWeights) -> Vec<LogDensity> {
        let shared: Vec<LogDensity> =
            weights.traits().iter().map(|e| LogDensity::new(&e.different)).collect();
        let mut chance: Vec<LogDensity> = (0..self.drafts).flat_map(|_| shared.iter().copied()).collect();
        if !weights.learned() || !self.has_known_difference() {
            return chance;
        }
        let mut counts: Vec<Histogram> = vec![[0.0; KNOTS]; chance.len()];
        for (one, other, row) in self.pairs().filter(|(one, other, _)| self.same_session(*one, *other)) {
            for (place_of_trait, similarity) in row.iter().enumerate().filter(|(_, s)| !s.is_nan()) {
                count(&mut counts[one * self.traits + place_of_trait], *similarity, 1.0);
                count(&mut counts[other * self.traits + place_of_trait], *similarity, 1.0);
            }
        }
        for (place, (density, counts)) in chance.iter_mut().zip(&counts).enumerate() {
            if counts.iter().sum::<f64>() > 0.0 {
                let believed = &weights.traits()[place % self.traits].different;
                *density = LogDensity::new(&blend(counts, believed, STRENGTH));
            }
        }
        chance
    }

    /// The probability, before looking, that a pair of two sessions is one persona: nine in ten
    /// drafts have their like in the other session, which is one of its drafts.
    pub(super) fn priors(&self) -> impl Fn(usize, usize) -> f64 + use<> {
        let sizes = self.session_sizes();
        move |one, other| 0.9 / sizes[one].max(sizes[other]) as f64
    }
}

fn compare_row(encoded: &EncodedDrafts<'_>, one: usize, scratch: &mut Scratch, row: &mut Vec<f32>) {
    let comparer = Comparer { rows: &encoded.rows, ruler: encoded.ruler, lexicon: &encoded.lexicon };
    for other in 0..one {
        for (place, definition) in encoded.encoder.schema.definitions().iter().enumerate() {
            let similarity = match (&encoded.blocks[one][place], &encoded.blocks[other][place]) {
                (Some(one), Some(other)) => comparer.compare(one, other, &definition.kind, scratch),
                _ => None,
            };
            row.push(similarity.unwrap_or(f32::NAN));
        }
    }
}
