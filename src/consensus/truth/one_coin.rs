//! Every annotator has one probability of being right.

use super::em::EmSettings;
use super::labels::Labels;
use super::plurality::{mean_support, plurality, vote_shares};
use super::posterior::{Posterior, soften};

/// One-coin Dawid–Skene: an annotator is right with probability s, otherwise any other class is as
/// likely; all classes are equally likely beforehand.
///
/// s is counted with one answer's worth of the mean of all annotators added. Reliability is s. With
/// fewer than two classes votes are counted.
///
/// Source: Zhang et al., *Spectral methods meet EM: a provably optimal algorithm for crowdsourcing*,
/// NIPS 2014 (the one-coin model), fitted from the shares of votes.
#[must_use]
pub fn one_coin(labels: &Labels, settings: &EmSettings) -> Posterior {
    let classes = labels.classes().len();
    if classes < 2 {
        return plurality(labels);
    }
    let counts = labels.counts();
    let mut rows = vote_shares(labels, &vec![1.0; counts.len()]);
    let mut skills = skills_given(labels, &rows, &counts);
    for _ in 0..settings.iterations {
        let weights: Vec<f64> =
            skills.iter().map(|skill| (skill * (classes - 1) as f64 / (1.0 - skill)).ln()).collect();
        let mut next = vec![0.0; rows.len()];
        for (task, row) in next.chunks_exact_mut(classes).enumerate() {
            labels.of(task).for_each(|(who, class)| row[class] += weights[who]);
            soften(row);
        }
        let moved = next.iter().zip(&rows).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max);
        rows = next;
        skills = skills_given(labels, &rows, &counts);
        if moved < settings.tolerance {
            break;
        }
    }
    let reliability = skills.iter().zip(&counts).map(|(skill, n)| (*n > 0.0).then_some(*skill)).collect();
    Posterior::new(classes, rows, reliability)
}

/// Probability of being right per annotator, never quite 0 or 1.
fn skills_given(labels: &Labels, rows: &[f64], counts: &[f64]) -> Vec<f64> {
    let support = mean_support(labels, rows);
    let right: f64 = support.iter().zip(counts).map(|(share, n)| share.unwrap_or(0.0) * n).sum();
    let mean = right / counts.iter().sum::<f64>().max(1.0);
    let skill = |(share, n): (&Option<f64>, &f64)| (share.unwrap_or(0.0) * n + mean) / (n + 1.0);
    support.iter().zip(counts).map(skill).map(|skill| skill.clamp(1e-6, 1.0 - 1e-6)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::labels::sketch;
    use super::*;

    #[test]
    fn one_round_by_hand() {
        let labels = sketch(&["xxy"]);
        let found = one_coin(&labels, &EmSettings { iterations: 1, tolerance: 0.0 });
        // Support: ⅔, ⅔, ⅓; their mean is 5/9. With one answer more: (⅔ + 5/9) / 2 = 11/18 and
        // (⅓ + 5/9) / 2 = 4/9. Odds 11/7 twice for x, 4/5 once for y.
        let (x, y) = ((11.0_f64 / 7.0).powi(2), 4.0 / 5.0);
        assert!((found.task(0)[0] - x / (x + y)).abs() < 1e-12, "{:?}", found.task(0));
    }
}
