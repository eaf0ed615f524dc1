//! Counting votes.

use super::labels::Labels;
use super::posterior::{Posterior, normalise};

/// Every answer is one vote; a class's probability is its share of the votes.
///
/// Shares are honest counts, not probabilities that hold: annotators who err together make them too
/// high, independent good ones too low. A task without answers is uniform. An annotator's reliability
/// is the mean share of votes that the answers got, the own vote included.
#[must_use]
pub fn plurality(labels: &Labels) -> Posterior {
    let shares = vote_shares(labels, &vec![1.0; labels.annotators().len()]);
    let reliability = mean_support(labels, &shares);
    Posterior::new(labels.classes().len(), shares, reliability)
}

/// Shares of the votes per task and class when annotators' votes have weights.
pub(super) fn vote_shares(labels: &Labels, weights: &[f64]) -> Vec<f64> {
    let classes = labels.classes().len();
    let mut shares = vec![0.0; labels.tasks().len() * classes];
    for (task, row) in shares.chunks_exact_mut(classes.max(1)).enumerate() {
        labels.of(task).for_each(|(who, class)| row[class] += weights[who]);
        normalise(row);
    }
    shares
}

/// Per annotator the mean probability of the classes that were chosen.
pub(super) fn mean_support(labels: &Labels, rows: &[f64]) -> Vec<Option<f64>> {
    let classes = labels.classes().len();
    let mut sums = vec![0.0; labels.annotators().len()];
    for task in 0..labels.tasks().len() {
        labels.of(task).for_each(|(who, class)| sums[who] += rows[task * classes + class]);
    }
    sums.iter().zip(labels.counts()).map(|(sum, n)| (n > 0.0).then(|| sum / n)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::labels::sketch;
    use super::*;

    #[test]
    fn shares_of_votes_by_hand() {
        // Task 0: three say x, one y. Task 1: one against one. Task 2: nobody answers.
        let labels = sketch(&["xxxy", "x..y", "...."]);
        let found = plurality(&labels);
        assert_eq!(
            (found.task(0), found.task(1), found.task(2)),
            (&[0.75, 0.25][..], &[0.5, 0.5][..], &[0.5, 0.5][..])
        );
        assert_eq!((found.best(0), found.tied(1).len()), (Some((0, 0.75)), 2));
        // The one who is alone twice: (0.25 + 0.5) / 2.
        let alone = labels.annotators().iter().position(|name| name == "d").unwrap();
        assert_eq!(found.reliability()[alone], Some(0.375));
    }
}
