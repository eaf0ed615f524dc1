//! Which persona of one run is which of the other.

use std::collections::BTreeMap;

use pathfinding::prelude::{Matrix, kuhn_munkres};

use crate::embed::{BlockEncoder, EmbedError, Embedder};
use crate::persona::{Draft, RecordId, TraitSchema};

/// A persona in both runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    /// Its place in the first run.
    pub(super) before: usize,
    /// Its place in the second run.
    pub(super) after: usize,
    /// In -1..=1; above 0 unless it is the only persona of its record in both runs.
    pub(super) similarity: f64,
}

/// The most personas of two runs that are matched without a record in common: what is compared grows with their square.
const TOGETHER: usize = 1_000;

/// The pairs, in the order of the first run. Records are matched by name, or all together where the runs have no
/// record in common and few personas.
pub(super) fn pairs(
    schema: &TraitSchema,
    embedder: &dyn Embedder,
    drafts: &[Vec<Draft>; 2],
) -> Result<Vec<Pair>, EmbedError> {
    let groups = groups(drafts);
    let group = |places: &[Vec<usize>; 2]| -> Vec<Draft> {
        let of = |side: usize| places[side].iter().map(move |place| drafts[side][*place].clone());
        of(0).chain(of(1)).collect()
    };
    let together: Vec<Vec<Draft>> = groups.iter().map(group).collect();
    let encoder = BlockEncoder::new(schema, embedder);
    let weights = encoder.learn_weights(together.iter().map(Vec::as_slice))?;
    let encoder = encoder.with_weights(weights);
    let mut pairs = Vec::new();
    for (places, drafts) in groups.iter().zip(&together) {
        let similarities = encoder.similarities(drafts)?;
        let count = places[0].len();
        // Where a record is one person in both runs, it is the same person, whatever is said about it.
        let is_subject = drafts.len() == 2 && count == 1 && drafts[0].record == drafts[1].record;
        let alike = |one: usize, other: usize| f64::from(similarities.get(one, count + other));
        for (one, other) in assign(count, places[1].len(), &alike) {
            let similarity = alike(one, other);
            if similarity > 0.0 || is_subject {
                pairs.push(Pair { before: places[0][one], after: places[1][other], similarity });
            }
        }
    }
    pairs.sort_by_key(|pair| pair.before);
    Ok(pairs)
}

/// Places by record; only records that both runs have, unless they have none in common.
fn groups(drafts: &[Vec<Draft>; 2]) -> Vec<[Vec<usize>; 2]> {
    let mut groups: BTreeMap<&RecordId, [Vec<usize>; 2]> = BTreeMap::new();
    for (side, drafts) in drafts.iter().enumerate() {
        for (place, draft) in drafts.iter().enumerate() {
            groups.entry(&draft.record).or_default()[side].push(place);
        }
    }
    let common: Vec<[Vec<usize>; 2]> =
        groups.into_values().filter(|sides| sides.iter().all(|places| !places.is_empty())).collect();
    let all = [(0..drafts[0].len()).collect(), (0..drafts[1].len()).collect::<Vec<usize>>()];
    let few = drafts.iter().map(Vec::len).sum::<usize>() <= TOGETHER;
    if common.is_empty() && few && all.iter().all(|places| !places.is_empty()) { vec![all] } else { common }
}

/// The one-to-one pairing with the largest sum of similarities (Kuhn 1955, Munkres 1957); similarities
/// below 0 count as 0.
fn assign(rows: usize, columns: usize, alike: &dyn Fn(usize, usize) -> f64) -> Vec<(usize, usize)> {
    #[expect(clippy::cast_possible_truncation, reason = "a similarity in millionths")]
    let gain = |one: usize, other: usize| (alike(one, other).max(0.0) * 1e6) as i64;
    if rows <= columns {
        let gains = Matrix::from_fn(rows, columns, |(row, column)| gain(row, column));
        kuhn_munkres(&gains).1.into_iter().enumerate().collect()
    } else {
        let gains = Matrix::from_fn(columns, rows, |(column, row)| gain(row, column));
        kuhn_munkres(&gains).1.into_iter().zip(0..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_records_without_one_in_common_are_not_held_against_each_other() {
        let run = |prefix: &str, count: usize| -> Vec<Draft> {
            let draft = |number| {
                crate::consensus::testing::about(&format!("{prefix}{number}"), "m", &[("age", "30")])
            };
            (0..count).map(draft).collect()
        };
        assert_eq!(groups(&[run("a", 3), run("b", 2)]).len(), 1);
        assert!(groups(&[run("a", TOGETHER), run("b", 1)]).is_empty());
        assert_eq!(groups(&[run("a", TOGETHER), run("a", 1)]).len(), 1);
    }

    #[test]
    fn the_pairing_has_the_largest_sum_and_not_the_greediest_first() {
        // Greedy takes (0, 0) for .9 and is left with (1, 1) for .1: 1.0. The best is .8 + .8 = 1.6.
        let alike = [[0.9, 0.8], [0.8, 0.1]];
        assert_eq!(assign(2, 2, &|one, other| alike[one][other]), [(0, 1), (1, 0)]);
        // More rows than columns: one stays alone.
        let alike = [[0.1], [0.9], [-0.5]];
        assert_eq!(assign(3, 1, &|one, other| alike[one][other]), [(1, 0)]);
    }
}
