//! Pairs of drafts, counted into histograms.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::fitted::{FittedThresholds, Origin, Thresholds};
use super::mixture::{Mixture, otsu};
use crate::embed::SimilarityMatrix;

/// Bins over -1..=1; a bin is .004 wide, far below the spread of any embedding's similarities.
pub(super) const BINS: usize = 500;

/// Known negatives below which their density is not measured well enough. By simulation (one record
/// of 3 sessions × 3 drafts has 9) the mixture still beats the cut between two groups there.
const FEWEST_WITHIN: u64 = 6;

/// Cross-session pairs below which two parts of a mixture cannot be told apart.
const FEWEST_CROSS: u64 = 12;

/// Best matches and negatives below which two groups may be chance.
const FEWEST_GROUPED: u64 = 12;

/// What to do where the data do not say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitSettings {
    /// The threshold where pairs are too few. It belongs to an embedder; 0.5 by default.
    pub fallback: f64,
    /// Drafts of one session at least this alike (and more alike than positives are on average) are
    /// one draft said twice; 0.9 by default. `None` keeps the drafts of a session apart in any case.
    pub duplicate_floor: Option<f64>,
}

impl Default for FitSettings {
    fn default() -> Self {
        Self { fallback: 0.5, duplicate_floor: Some(0.9) }
    }
}

/// Similarities of pairs within and across sessions, as counts.
///
/// Adding records, and adding samples to each other, gives the same sample in any order. Memory
/// does not grow with the records.
#[derive(Clone, PartialEq, Eq)]
pub struct PairSample {
    within: Vec<u64>,
    cross: Vec<u64>,
    best: Vec<u64>,
}

impl std::fmt::Debug for PairSample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairSample")
            .field("n_within", &self.n_within())
            .field("n_cross", &self.n_cross())
            .finish_non_exhaustive()
    }
}

impl Default for PairSample {
    fn default() -> Self {
        Self { within: vec![0; BINS], cross: vec![0; BINS], best: vec![0; BINS] }
    }
}

impl AddAssign<&PairSample> for PairSample {
    fn add_assign(&mut self, other: &PairSample) {
        for (mine, theirs) in [
            (&mut self.within, &other.within),
            (&mut self.cross, &other.cross),
            (&mut self.best, &other.best),
        ] {
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine += theirs;
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..BINS")]
fn bin(similarity: f32) -> usize {
    ((f64::from(similarity) + 1.0) * 0.5 * BINS as f64).clamp(0.0, BINS as f64 - 1.0) as usize
}

/// Middle of a bin.
pub(super) fn centre(bin: usize) -> f64 {
    (bin as f64 + 0.5) * 2.0 / BINS as f64 - 1.0
}

impl PairSample {
    /// Counts the pairs of one record: `sessions[row]` says which model run a draft came from.
    ///
    /// Rows without a session (a shorter slice) are not counted.
    pub fn add(&mut self, similarities: &SimilarityMatrix, sessions: &[usize]) {
        let rows = sessions.len().min(similarities.size());
        let mut best: Vec<(usize, f32)> = Vec::new();
        for one in 0..rows {
            best.clear();
            for other in (0..rows).filter(|other| *other != one) {
                let similarity = similarities.get(one, other);
                if sessions[one] == sessions[other] {
                    self.within[bin(similarity)] += u64::from(one < other);
                    continue;
                }
                self.cross[bin(similarity)] += u64::from(one < other);
                match best.iter_mut().find(|(session, _)| *session == sessions[other]) {
                    Some((_, most)) => *most = most.max(similarity),
                    None => best.push((sessions[other], similarity)),
                }
            }
            for (_, similarity) in &best {
                self.best[bin(*similarity)] += 1;
            }
        }
    }

    /// Pairs within a session.
    #[must_use]
    pub fn n_within(&self) -> u64 {
        self.within.iter().sum()
    }

    /// Pairs across sessions.
    #[must_use]
    pub fn n_cross(&self) -> u64 {
        self.cross.iter().sum()
    }

    /// Thresholds from the pairs, and how they were found; never fails, but may fall back.
    ///
    /// At least 6 pairs within a session and 12 across are asked for a mixture. Below that, or when
    /// no bell of positives stands out, best matches and known negatives are cut into two groups if
    /// there are at least 12 and they really are two groups; else `settings.fallback` it is.
    #[must_use]
    pub fn fit(&self, settings: &FitSettings) -> FittedThresholds {
        let (n_within, n_cross) = (self.n_within(), self.n_cross());
        let negatives = self.known_negatives(settings);
        let counted: u64 = negatives.iter().sum();
        let mixture = if counted < FEWEST_WITHIN || n_cross < FEWEST_CROSS {
            Err(format!(
                "{counted} pairs within a session and {n_cross} across are too few for a fit (at least \
                 {FEWEST_WITHIN} and {FEWEST_CROSS})"
            ))
        } else {
            Mixture::fit(&negatives, &self.cross)
                .ok_or_else(|| "no group of alike drafts stands out from the known negatives".to_owned())
        };
        let (linkage, refinement, positive_mean, origin) = match mixture {
            Ok(Mixture { crossing, positives, negative_mean }) => {
                let middle = f64::midpoint(positives.mean, negative_mean);
                let linkage = f64::midpoint(middle, crossing);
                (linkage, crossing, positives.mean, Origin::Mixture { positives, negative_mean })
            }
            Err(reason) => {
                let cut = self.two_groups(&negatives);
                let value = cut.unwrap_or(settings.fallback);
                let origin =
                    if cut.is_some() { Origin::TwoGroups { reason } } else { Origin::Fallback { reason } };
                (value, value, value, origin)
            }
        };
        let duplicate = settings.duplicate_floor.map(|floor| floor.max(positive_mean).min(1.0));
        let thresholds = Thresholds { linkage, refinement, duplicate };
        FittedThresholds { thresholds, n_within, n_cross, origin }
    }

    /// Pairs within a session that are not the same draft said twice.
    fn known_negatives(&self, settings: &FitSettings) -> Vec<u64> {
        let floor = settings.duplicate_floor.unwrap_or(f64::INFINITY);
        let different = |(bin, count): (usize, &u64)| if centre(bin) < floor { *count } else { 0 };
        self.within.iter().enumerate().map(different).collect()
    }

    fn two_groups(&self, negatives: &[u64]) -> Option<f64> {
        let counts: Vec<u64> = self.best.iter().zip(negatives).map(|(one, other)| one + other).collect();
        if counts.iter().sum::<u64>() < FEWEST_GROUPED {
            return None;
        }
        otsu(&counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256Plus;

    /// `sessions` × `drafts`: the same draft number is the same persona, similarity about .7 against .2.
    fn record(sessions: usize, drafts: usize, seed: u64) -> (SimilarityMatrix, Vec<usize>) {
        let mut random = Xoshiro256Plus::seed_from_u64(seed);
        let n = sessions * drafts;
        let mut values = Array2::ones((n, n));
        for one in 0..n {
            for other in 0..one {
                let middle = if one % drafts == other % drafts { 0.7 } else { 0.2 };
                let value = middle + random.gen_range(-0.1_f32..0.1);
                values[[one, other]] = value;
                values[[other, one]] = value;
            }
        }
        (SimilarityMatrix::new(values).unwrap(), (0..n).map(|row| row / drafts).collect())
    }

    fn sample(sessions: usize, drafts: usize, records: u64) -> PairSample {
        let mut sample = PairSample::default();
        for seed in 0..records {
            let (similarities, sessions) = record(sessions, drafts, seed);
            sample.add(&similarities, &sessions);
        }
        sample
    }

    #[test]
    fn pairs_are_counted_once_and_best_matches_once_per_other_session() {
        let (similarities, sessions) = record(3, 2, 1);
        let mut sample = PairSample::default();
        sample.add(&similarities, &sessions);
        // 3 sessions with one pair each; 15 pairs in all; 6 drafts × 2 other sessions.
        assert_eq!((sample.n_within(), sample.n_cross()), (3, 12));
        assert_eq!(sample.best.iter().sum::<u64>(), 12);
    }

    #[test]
    fn the_threshold_lies_between_the_groups_even_for_one_small_record() {
        for (sessions, drafts, records) in [(3, 3, 1), (5, 8, 1), (3, 6, 20)] {
            let fitted = sample(sessions, drafts, records).fit(&FitSettings::default());
            let Thresholds { linkage, refinement, duplicate } = fitted.thresholds;
            assert!((0.3..0.6).contains(&linkage) && (0.3..0.65).contains(&refinement), "{fitted}");
            assert_eq!(duplicate, Some(0.9));
            assert!(matches!(fitted.origin, Origin::Mixture { .. }), "{fitted:?}");
            assert!(fitted.to_string().contains("pairs within a session"));
        }
    }

    #[test]
    fn sessions_of_one_draft_have_no_known_negatives_and_say_so() {
        let mut sample = PairSample::default();
        let (similarities, _) = record(8, 2, 3);
        sample.add(&similarities, &(0..16).collect::<Vec<_>>());
        let fitted = sample.fit(&FitSettings::default());
        assert_eq!(fitted.n_within, 0);
        assert!(matches!(&fitted.origin, Origin::TwoGroups { reason } if reason.contains("0 pairs")));
        assert!((0.3..0.6).contains(&fitted.thresholds.refinement), "{fitted}");
    }

    #[test]
    fn unanimous_sessions_of_one_draft_are_not_torn_apart() {
        let mut sample = PairSample::default();
        let (similarities, _) = record(8, 1, 3);
        sample.add(&similarities, &(0..8).collect::<Vec<_>>());
        let fitted = sample.fit(&FitSettings { fallback: 0.42, ..FitSettings::default() });
        assert!(matches!(fitted.origin, Origin::Fallback { .. }), "{fitted:?}");
        assert_eq!(fitted.thresholds.linkage.to_bits(), 0.42_f64.to_bits());
    }

    #[test]
    fn too_few_pairs_fall_back_with_the_numbers() {
        let fitted = sample(2, 1, 1).fit(&FitSettings::default());
        assert!(matches!(&fitted.origin, Origin::Fallback { reason } if reason.contains("1 across")));
        assert_eq!(PairSample::default().fit(&FitSettings::default()).n_cross, 0);
    }

    #[test]
    fn samples_add_up_in_any_order() {
        let (one, other) = (sample(3, 3, 2), sample(4, 2, 3));
        let (mut left, mut right) = (one.clone(), other.clone());
        left += &other;
        right += &one;
        assert_eq!(left, right);
        assert_eq!(left.fit(&FitSettings::default()), right.fit(&FitSettings::default()));
    }

    #[test]
    fn drafts_said_twice_are_no_negatives() {
        let mut sample = sample(3, 3, 4);
        let before = sample.fit(&FitSettings::default()).thresholds;
        let twice = SimilarityMatrix::new(Array2::ones((2, 2))).unwrap();
        for _ in 0..10 {
            sample.add(&twice, &[0, 0]);
        }
        assert_eq!(sample.fit(&FitSettings::default()).thresholds, before);
    }
}
