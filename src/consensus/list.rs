//! Lists, item by item: the items of different drafts are matched one to one.

use linfa::ParamGuard;
use ndarray::Array2;

use super::affinity::PhraseVectors;
use super::vote::Vote;
use crate::cluster::{AgreementParams, ClusterError, Threshold, Thresholds};
use crate::embed::SimilarityMatrix;
use crate::normalise::{Phrase, Reading};

/// One item of one vote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    /// Which vote lists it.
    pub(super) vote: usize,
    /// Its words.
    pub(super) phrase: &'a Phrase,
}

/// The same item in the words of several drafts.
#[derive(Debug)]
pub(super) struct ItemGroup<'a> {
    /// The wording most like the others: the medoid.
    pub(super) representative: Item<'a>,
    /// Every wording, in the order of the votes.
    pub(super) items: Vec<Item<'a>>,
    /// Share of the weight of all votes, in 0..=1.
    pub(super) share: f64,
    /// Distinct models behind it.
    pub(super) support: usize,
}

/// Matches the items of all votes under one rule: two items of one draft are different by
/// intention, items of different drafts are the same from a similarity of `similar` on average.
/// Groups come best supported first, then in the order in which they were first said.
pub(super) fn match_items<'a>(
    votes: &[Vote<'a>],
    vectors: &PhraseVectors,
    similar: f64,
) -> Result<Vec<ItemGroup<'a>>, ClusterError> {
    let items: Vec<Item<'a>> = votes
        .iter()
        .enumerate()
        .flat_map(|(vote, said)| phrases(said.reading).iter().map(move |phrase| Item { vote, phrase }))
        .collect();
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let alike = similarities(&items, vectors)?;
    let sittings: Vec<usize> = items.iter().map(|item| item.vote).collect();
    let same = Threshold::Fixed(Thresholds { duplicate: None, ..Thresholds::fixed(similar) });
    let assignment =
        AgreementParams::new().threshold(same).check()?.fit_similarities(&alike, &sittings)?.assignment;
    let total: f64 = votes.iter().map(|vote| vote.weight).sum();
    let mut groups: Vec<ItemGroup<'a>> =
        assignment.members().iter().map(|members| group(members, &items, &alike, votes, total)).collect();
    groups.sort_by(|one, other| other.share.total_cmp(&one.share));
    Ok(groups)
}

fn phrases(reading: &Reading) -> &[Phrase] {
    match reading {
        Reading::Items(items) => items,
        _ => &[],
    }
}

fn similarities(items: &[Item<'_>], vectors: &PhraseVectors) -> Result<SimilarityMatrix, ClusterError> {
    let mut alike = Array2::<f32>::zeros((items.len(), items.len()));
    for row in 0..items.len() {
        for column in 0..row {
            #[expect(clippy::cast_possible_truncation, reason = "a similarity needs no more digits")]
            let value = vectors.meaning(items[row].phrase, items[column].phrase) as f32;
            alike[[row, column]] = value;
            alike[[column, row]] = value;
        }
    }
    SimilarityMatrix::new(alike).map_err(ClusterError::from)
}

fn group<'a>(
    members: &[usize],
    items: &[Item<'a>],
    alike: &SimilarityMatrix,
    votes: &[Vote<'a>],
    total: f64,
) -> ItemGroup<'a> {
    let closeness = |item: usize| members.iter().map(|&other| f64::from(alike.get(item, other))).sum::<f64>();
    let representative = members
        .iter()
        .copied()
        .reduce(|best, item| if closeness(item) > closeness(best) { item } else { best });
    let mut models: Vec<usize> = members.iter().map(|&item| votes[items[item].vote].model).collect();
    models.sort_unstable();
    models.dedup();
    let weight: f64 = members.iter().map(|&item| votes[items[item].vote].weight).sum();
    ItemGroup {
        representative: items[representative.unwrap_or_default()],
        items: members.iter().map(|&item| items[item]).collect(),
        share: if total > 0.0 { (weight / total).min(1.0) } else { 0.0 },
        support: models.len(),
    }
}

/// Mean share of items that two drafts of different models have in common: the Dice coefficient
/// `2 |A ∩ B| / (|A| + |B|)` over all pairs of votes (Dice 1945), 1 when one model alone voted.
pub(super) fn agreement(votes: &[Vote<'_>], groups: &[ItemGroup<'_>]) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for (one, first) in votes.iter().enumerate() {
        for (other, second) in votes.iter().enumerate().take(one).filter(|(_, v)| v.model != first.model) {
            let lists = |vote: usize, group: &ItemGroup<'_>| group.items.iter().any(|item| item.vote == vote);
            let common = groups.iter().filter(|group| lists(one, group) && lists(other, group)).count();
            let sizes = phrases(first.reading).len() + phrases(second.reading).len();
            if sizes > 0 {
                let pair = first.weight * second.weight;
                sum += pair * 2.0 * common as f64 / sizes as f64;
                weight += pair;
            }
        }
    }
    if weight > 0.0 { sum / weight } else { 1.0 }
}
