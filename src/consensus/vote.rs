//! One trait, one cluster: every model has one vote, and near answers support each other.

use ndarray::Array2;

use crate::normalise::Reading;
use crate::persona::TraitValue;

/// One draft's answer about one trait.
#[derive(Debug)]
pub(super) struct Vote<'a> {
    /// The draft's place in its record.
    pub(super) draft: usize,
    /// The model's place in the panel.
    pub(super) model: usize,
    /// The model's weight, divided among its drafts in the cluster.
    pub(super) weight: f64,
    /// What the model wrote.
    pub(super) value: &'a TraitValue,
    /// What it means; never an abstention.
    pub(super) reading: &'a Reading,
    /// Its further answers, best first, abstentions left out.
    pub(super) alternatives: Vec<&'a Reading>,
}

/// Votes that mean the like.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    /// The vote with the most support; its wording stands for the group.
    pub(super) representative: usize,
    /// All votes of the group, ascending.
    pub(super) votes: Vec<usize>,
    /// Share of all weight, in 0..=1.
    pub(super) share: f64,
}

/// The outcome of a vote.
#[derive(Debug)]
pub(super) struct Tally {
    /// The groups, the winner first.
    pub(super) groups: Vec<Group>,
    /// Support of the winner over all votes, similarity counted, in 0..=1.
    pub(super) support: f64,
    /// Mean similarity between answers of different models, in 0..=1.
    pub(super) agreement: f64,
    /// Similarity of every two votes, in 0..=1.
    pub(super) alike: Array2<f64>,
}

/// Counts votes: the answer with the greatest similarity-weighted support wins, answers at least
/// `variant_similarity` like it join it, and so on with the rest.
///
/// Ties go to the answer that is literally given most often, then to the first by its words: neither the
/// order of the panel nor a model that repeats itself may decide one.
pub(super) fn tally(
    votes: &[Vote<'_>],
    similarity: impl Fn(&Reading, &Reading) -> f64,
    alternative_weight: f64,
    variant_similarity: f64,
) -> Option<Tally> {
    let total: f64 = votes.iter().map(|vote| vote.weight).sum();
    if votes.is_empty() || total <= 0.0 {
        return None;
    }
    let alike = similarities(votes, &similarity);
    let ballots: Vec<f64> = (0..votes.len())
        .map(|candidate| {
            let sum: f64 = votes
                .iter()
                .enumerate()
                .map(|(voter, vote)| {
                    let first = alike[[candidate, voter]];
                    vote.weight * ballot(first, candidate, vote, votes, &similarity, alternative_weight)
                })
                .sum();
            sum / total
        })
        .collect();
    let groups = group(votes, &alike, &ballots, total, variant_similarity);
    let winner = groups.first()?.representative;
    let support =
        votes.iter().enumerate().map(|(voter, vote)| vote.weight * alike[[winner, voter]]).sum::<f64>();
    let agreement = agreement(votes, &alike);
    Some(Tally { groups, support: (support / total).clamp(0.0, 1.0), agreement, alike })
}

fn similarities(votes: &[Vote<'_>], similarity: impl Fn(&Reading, &Reading) -> f64) -> Array2<f64> {
    let mut alike = Array2::from_elem((votes.len(), votes.len()), 1.0);
    for row in 0..votes.len() {
        for column in 0..row {
            let value = similarity(votes[row].reading, votes[column].reading);
            alike[[row, column]] = value;
            alike[[column, row]] = value;
        }
    }
    alike
}

/// How much one voter's ranked answers support a candidate: the first answer counts 1, the
/// second `alternative_weight`, the third its square; never more than the best of them.
fn ballot(
    first: f64,
    candidate: usize,
    vote: &Vote<'_>,
    votes: &[Vote<'_>],
    similarity: impl Fn(&Reading, &Reading) -> f64,
    alternative_weight: f64,
) -> f64 {
    let mut best = first;
    let mut weight = alternative_weight;
    for alternative in &vote.alternatives {
        if weight <= 0.0 || best >= 1.0 {
            break;
        }
        best = best.max(weight * similarity(votes[candidate].reading, alternative));
        weight *= alternative_weight;
    }
    best
}

fn group(votes: &[Vote<'_>], alike: &Array2<f64>, ballots: &[f64], total: f64, similar: f64) -> Vec<Group> {
    let literal = |candidate: usize| {
        votes.iter().filter(|vote| vote.value == votes[candidate].value).map(|vote| vote.weight).sum::<f64>()
    };
    let mut order: Vec<usize> = (0..votes.len()).collect();
    order.sort_by(|&one, &other| {
        let by_support = settled(ballots[other]).total_cmp(&settled(ballots[one]));
        by_support
            .then_with(|| settled(literal(other)).total_cmp(&settled(literal(one))))
            .then_with(|| votes[one].value.to_string().cmp(&votes[other].value.to_string()))
            .then(one.cmp(&other))
    });
    let mut free = vec![true; votes.len()];
    let mut groups = Vec::new();
    for representative in order {
        if !free[representative] {
            continue;
        }
        let members: Vec<usize> = (0..votes.len())
            .filter(|&vote| {
                free[vote] && (vote == representative || alike[[representative, vote]] >= similar)
            })
            .collect();
        for &vote in &members {
            free[vote] = false;
        }
        let share = members.iter().map(|&vote| votes[vote].weight).sum::<f64>() / total;
        groups.push(Group { representative, votes: members, share });
    }
    // The winner stays first: it has the most support, if not always the largest group.
    groups[1..].sort_by(|one, other| settled(other.share).total_cmp(&settled(one.share)));
    groups
}

/// A sum without the last digits, which depend on the order in which it was added up.
fn settled(sum: f64) -> f64 {
    (sum * 1e9).round()
}

/// Mean similarity over pairs of votes of different models, by the product of their weights; 1
/// when only one model voted.
fn agreement(votes: &[Vote<'_>], alike: &Array2<f64>) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for row in 0..votes.len() {
        for column in 0..row {
            if votes[row].model != votes[column].model {
                let pair = votes[row].weight * votes[column].weight;
                sum += pair * alike[[row, column]];
                weight += pair;
            }
        }
    }
    if weight > 0.0 { sum / weight } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::Range;
    use proptest::prelude::*;

    fn similarity(one: &Reading, other: &Reading) -> f64 {
        match (one, other) {
            (Reading::Range(one), Reading::Range(other)) => (1.0 - one.distance(other) / 10.0).max(0.0),
            _ => 0.0,
        }
    }

    /// The tally of numbers, each with the weight of the model that said it.
    fn weighted(said: &[(f64, f64)]) -> Tally {
        let values: Vec<TraitValue> = said.iter().map(|(number, _)| TraitValue::Number(*number)).collect();
        let readings: Vec<Reading> = said
            .iter()
            .map(|(number, _)| Reading::Range(Range::new(*number, *number).expect("finite")))
            .collect();
        let votes: Vec<Vote<'_>> = (0..said.len())
            .map(|place| Vote {
                draft: place,
                model: place,
                weight: said[place].1,
                value: &values[place],
                reading: &readings[place],
                alternatives: Vec::new(),
            })
            .collect();
        tally(&votes, similarity, 0.25, 0.5).expect("there are votes")
    }

    fn count(numbers: &[f64]) -> Tally {
        weighted(&numbers.iter().map(|number| (*number, 1.0)).collect::<Vec<_>>())
    }

    proptest! {
        /// Whatever the weights are: one more model that says the winner's value, of any weight, keeps it the
        /// winner, with no less support and no stronger runner-up.
        #[test]
        fn an_agreeing_model_never_lowers_the_support(
            said in proptest::collection::vec((prop_oneof![Just(20.0), Just(22.0), Just(26.0), Just(40.0)], 0.05..4.0_f64), 1..8),
            weight in 0.05..4.0_f64,
        ) {
            let before = weighted(&said);
            let winner = said[before.groups[0].representative].0;
            let mut more = said.clone();
            more.push((winner, weight));
            let after = weighted(&more);
            let share = |tally: &Tally, place: usize| tally.groups.get(place).map_or(0.0, |group| group.share);
            prop_assert!((more[after.groups[0].representative].0 - winner).abs() < 1e-12);
            prop_assert!(after.support >= before.support - 1e-12);
            prop_assert!(share(&after, 0) >= share(&before, 0) - 1e-12);
            prop_assert!(share(&after, 1) <= share(&before, 1) + 1e-12);
        }
    }

    #[test]
    fn near_answers_win_together() {
        // 40 twice (support 2/5) against 20, 21, 22: 21 has (0.9 + 1 + 0.9) / 5 = 0.56.
        let outcome = count(&[40.0, 40.0, 20.0, 21.0, 22.0]);
        assert_eq!(outcome.groups[0].representative, 3);
        assert_eq!(outcome.groups[0].votes, [2, 3, 4]);
        assert!((outcome.support - 0.56).abs() < 1e-12);
        assert!((outcome.groups[1].share - 0.4).abs() < 1e-12);
    }

    #[test]
    fn unanimous_votes_have_one_group_and_full_support() {
        let outcome = count(&[7.0, 7.0, 7.0]);
        assert_eq!(outcome.groups.len(), 1);
        assert!((outcome.support - 1.0).abs() < 1e-12 && (outcome.agreement - 1.0).abs() < 1e-12);
    }

    #[test]
    fn no_votes_no_outcome() {
        assert!(tally(&[], similarity, 0.25, 0.5).is_none());
    }
}
